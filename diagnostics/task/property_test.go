package task

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// genWritten draws a task that Validate accepts, of any kind and rule.
func genWritten(t *rapid.T) Written {
	kind := rapid.SampledFrom(Kinds).Draw(t, "kind")
	w := Written{Task: Task{ID: "t1", Part: Subject, Kind: kind, Level: Basic, Minutes: 3, Elements: []Weight{{"e", 1}}, Body: "Текст"}}
	w.Scoring = rapid.SampledFrom(kind.Rules()).Draw(t, "rule")
	w.Max = rapid.IntRange(1, 6).Draw(t, "max")
	if w.Scoring == OneError {
		w.Max = 2
	}
	n := rapid.IntRange(2, 6).Draw(t, "n")
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("o%d", i)
	}
	pick := func(of []string) string { return rapid.SampledFrom(of).Draw(t, "pick") }
	set := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w.Key.Answer = b
	}
	switch kind {
	case SingleChoice:
		w.Options = options(ids...)
		set(pick(ids))
	case MultipleChoice:
		w.Options = options(ids...)
		set(rapid.Permutation(ids).Draw(t, "keys")[:rapid.IntRange(1, n).Draw(t, "k")])
	case Ordering:
		order := rapid.Permutation(ids).Filter(func(p []string) bool { return !reflect.DeepEqual(p, ids) }).Draw(t, "order")
		w.Options = options(ids...)
		set(order)
	case Matching:
		w.Left, w.Right = options("l1", "l2", "l3"), options(ids...)
		set(map[string]string{"l1": pick(ids), "l2": pick(ids), "l3": pick(ids)})
	case GapChoice:
		w.Body = "а [[g1]] б [[g2]]"
		w.Gaps = []Gap{{"g1", options(ids...)}, {"g2", options(ids...)}}
		set(map[string]string{"g1": pick(ids), "g2": pick(ids)})
	case ShortAnswer:
		set(Accepted{[]string{rapid.StringMatching(`[а-яА-ЯёЁa-z«» .-]{0,10}[а-я]`).Draw(t, "text")}})
	case Numeric:
		set(Number{rapid.StringMatching(`-?[0-9]{1,6}([.,][0-9]{1,4})?`).Draw(t, "value"), rapid.SampledFrom([]string{"", "0", "0.5"}).Draw(t, "tolerance")})
	case Extended:
		w.Max = 2
		w.Criteria = []Criterion{{"К1", "Суть", 2, []Grade{{2, "да"}, {0, "нет"}}}}
	case Likert:
		w.Part, w.Max = Self, 0
	}
	return w
}

// The key itself always earns everything, and every generated task is a valid one.
func TestKeyEarnsMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWritten(t)
		if err := w.Validate(); err != nil {
			t.Fatalf("%+v: %v", w, err)
		}
		full := FullAnswer(w.Task, w.Key)
		if full == nil {
			return
		}
		if err := CheckAnswer(w.Task, full); err != nil {
			t.Fatalf("%s: the key is no answer: %v", full, err)
		}
		if r := Score(w.Task, w.Key, full); r.Points != w.Max || r.Omitted {
			t.Fatalf("%s %s key %s: %+v", w.Kind, w.Scoring, full, r)
		}
	})
}

// Points of pairs never fall when one more pair becomes right.
func TestMoreRightPairsNeverCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWritten(t)
		if w.Kind != Matching && w.Kind != GapChoice {
			return
		}
		var key map[string]string
		if err := json.Unmarshal(w.Key.Answer, &key); err != nil {
			t.Fatal(err)
		}
		given := map[string]string{}
		before := 0
		for _, place := range sortedKeys(key) {
			given[place] = key[place]
			b, err := json.Marshal(given)
			if err != nil {
				t.Fatal(err)
			}
			now := Score(w.Task, w.Key, b).Points
			if now < before {
				t.Fatalf("%s: %d after %d", b, now, before)
			}
			before = now
		}
	})
}

// A written task survives its file form.
func TestWrittenRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := genWritten(t)
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var back Written
		if err := strict(b, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(b) {
			t.Fatalf("%s ≠ %s, %v", again, b, err)
		}
	})
}

// Whatever is stored as task, key and answer: no panic, 0 ≤ points ≤ max, the same each time.
func FuzzScore(f *testing.F) {
	f.Add(`{"kind":"single_choice","scoring":"exact","max":1,"options":[{"id":"a","text":"x"}],"key":"a"}`, `"a"`)
	f.Add(`{"kind":"multiple_choice","scoring":"set_penalty","max":3,"options":[{"id":"a"},{"id":"b"}],"key":["a"]}`, `["a","b"]`)
	f.Add(`{"kind":"multiple_choice","scoring":"set_penalty","max":9223372036854775807,"options":[{"id":"a"},{"id":"b"}],"key":["a","b"]}`, `["a","b"]`)
	f.Add(`{"kind":"matching","scoring":"per_pair","max":2,"left":[{"id":"l"}],"right":[{"id":"r"}],"key":{"l":"r"}}`, `{"l":"r"}`)
	f.Add(`{"kind":"ordering","scoring":"one_error","max":2,"options":[{"id":"a"},{"id":"b"}],"key":["a","b"]}`, `["b","a"]`)
	f.Add(`{"kind":"short_answer","scoring":"exact","max":1,"key":{"accepted":["ё"]}}`, `"Е."`)
	f.Add(`{"kind":"numeric","scoring":"exact","max":-1,"key":{"value":"3.14","tolerance":"-1"}}`, `"3,14"`)
	f.Add(`{"kind":"gap_choice","scoring":"one_error","max":2,"gaps":[{"id":"g","options":[{"id":"a"}]}],"key":{"g":"a"}}`, `{"g":""}`)
	f.Add(`{"kind":"likert"}`, `3`)
	f.Fuzz(func(t *testing.T, written, answer string) {
		var w Written
		if json.Unmarshal([]byte(written), &w) != nil {
			return
		}
		r := Score(w.Task, w.Key, json.RawMessage(answer))
		if r.Points < 0 || r.Points > r.Max {
			t.Fatalf("%+v", r)
		}
		if again := Score(w.Task, w.Key, json.RawMessage(answer)); !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v then %+v", r, again)
		}
		if r.Points > 0 && CheckAnswer(w.Task, json.RawMessage(answer)) != nil {
			t.Fatal("points for a misshapen answer")
		}
		_ = w.Validate()
		_ = Lint(w)
	})
}
