package task

import (
	"encoding/json"
	"slices"
	"testing"
)

func options(ids ...string) []Option {
	os := make([]Option, len(ids))
	for i, id := range ids {
		os[i] = Option{id, "вариант " + id}
	}
	return os
}

func TestScore(t *testing.T) {
	single := Task{Kind: SingleChoice, Scoring: Exact, Max: 1, Options: options("a", "b", "c")}
	multi := func(s Scoring, max int) Task {
		return Task{Kind: MultipleChoice, Scoring: s, Max: max, Options: options("a", "b", "c", "d", "e")}
	}
	match := func(s Scoring, max int) Task {
		return Task{Kind: Matching, Scoring: s, Max: max, Left: options("l1", "l2", "l3"), Right: options("r1", "r2", "r3", "r4")}
	}
	order := func(s Scoring) Task {
		return Task{Kind: Ordering, Scoring: s, Max: 2, Options: options("a", "b", "c", "d")}
	}
	gaps := Task{Kind: GapChoice, Scoring: PerPair, Max: 2, Gaps: []Gap{{"g1", options("a", "b")}, {"g2", options("a", "b")}}}
	short := Task{Kind: ShortAnswer, Scoring: Exact, Max: 1}
	numeric := Task{Kind: Numeric, Scoring: Exact, Max: 1}
	extended := Task{Kind: Extended, Scoring: ByCriteria, Max: 4}
	const pairs = `{"l1":"r1","l2":"r2","l3":"r1"}`
	tests := []struct {
		name    string
		task    Task
		key     string
		answer  string
		points  int
		omitted bool
	}{
		{"single right", single, `"b"`, `"b"`, 1, false},
		{"single wrong", single, `"b"`, `"a"`, 0, false},
		{"single unknown", single, `"b"`, `"z"`, 0, false},
		{"single omitted", single, `"b"`, `null`, 0, true},
		{"single nothing at all", single, `"b"`, ``, 0, true},
		{"single of another shape", single, `"b"`, `["b"]`, 0, false},

		{"set exact, order does not matter", multi(Exact, 1), `["a","c"]`, `["c","a"]`, 1, false},
		{"set exact, one missing", multi(Exact, 1), `["a","c"]`, `["a"]`, 0, false},
		{"set one error, all right", multi(OneError, 2), `["a","c"]`, `["a","c"]`, 2, false},
		{"set one error, missing", multi(OneError, 2), `["a","c"]`, `["a"]`, 1, false},
		{"set one error, extra", multi(OneError, 2), `["a","c"]`, `["a","b","c"]`, 1, false},
		{"set one error, wrong instead of right", multi(OneError, 2), `["a","c"]`, `["a","b"]`, 1, false},
		{"set one error, two extra", multi(OneError, 2), `["a","c"]`, `["a","b","c","d"]`, 0, false},
		{"set one error, nothing right", multi(OneError, 2), `["a"]`, `["b"]`, 0, false},
		{"set one error, omitted", multi(OneError, 2), `["a"]`, `[]`, 0, true},
		{"set penalty full", multi(SetPenalty, 3), `["a","b","c"]`, `["a","b","c"]`, 3, false},
		{"set penalty one wrong", multi(SetPenalty, 3), `["a","b","c"]`, `["a","b","d"]`, 1, false},
		{"set penalty not under zero", multi(SetPenalty, 3), `["a","b","c"]`, `["d","e"]`, 0, false},
		{"set penalty rounds down", multi(SetPenalty, 2), `["a","b","c"]`, `["a","b"]`, 1, false},
		{"set penalty everything ticked", multi(SetPenalty, 2), `["a","b"]`, `["a","b","c","d","e"]`, 0, false},

		{"order right", order(OneError), `["d","c","b","a"]`, `["d","c","b","a"]`, 2, false},
		{"order neighbours swapped", order(OneError), `["d","c","b","a"]`, `["d","b","c","a"]`, 1, false},
		{"order strangers swapped", order(OneError), `["d","c","b","a"]`, `["a","c","b","d"]`, 0, false},
		{"order two swaps", order(OneError), `["d","c","b","a"]`, `["c","d","a","b"]`, 0, false},
		{"order unfinished", order(OneError), `["d","c","b","a"]`, `["d","c","b"]`, 0, false},
		{"order exact, swapped", order(Exact), `["d","c","b","a"]`, `["d","b","c","a"]`, 0, false},

		{"pairs exact", match(Exact, 1), pairs, pairs, 1, false},
		{"pairs exact, one wrong", match(Exact, 1), pairs, `{"l1":"r1","l2":"r2","l3":"r3"}`, 0, false},
		{"pairs one error", match(OneError, 2), pairs, `{"l1":"r1","l2":"r2","l3":"r3"}`, 1, false},
		{"pairs one error, one left out", match(OneError, 2), pairs, `{"l1":"r1","l2":"r2"}`, 1, false},
		{"pairs one error, two wrong", match(OneError, 2), pairs, `{"l1":"r1","l2":"r3","l3":"r3"}`, 0, false},
		{"each pair", match(PerPair, 3), pairs, `{"l1":"r1","l2":"r3","l3":"r1"}`, 2, false},
		{"each pair, fewer points than pairs", match(PerPair, 2), pairs, `{"l1":"r1","l2":"r3","l3":"r1"}`, 1, false},
		{"pairs all empty", match(PerPair, 3), pairs, `{"l1":"","l2":""}`, 0, true},

		{"gaps", gaps, `{"g1":"a","g2":"b"}`, `{"g1":"a","g2":"b"}`, 2, false},
		{"gaps half", gaps, `{"g1":"a","g2":"b"}`, `{"g1":"a","g2":"a"}`, 1, false},

		{"short", short, `{"accepted":["Ёлка","ель"]}`, `"  ЕЛКА. "`, 1, false},
		{"short in quotes", short, `{"accepted":["Война и мир"]}`, `"«война  и мир»"`, 1, false},
		{"short dash", short, `{"accepted":["Санкт-Петербург"]}`, `"санкт–петербург"`, 1, false},
		{"short decomposed letters", short, `{"accepted":["йод"]}`, "\"и\u0306од\"", 1, false},
		{"short wrong", short, `{"accepted":["Ёлка"]}`, `"сосна"`, 0, false},
		{"short blank", short, `{"accepted":["Ёлка"]}`, `"  "`, 0, true},
		{"short only a dot", short, `{"accepted":["Ёлка"]}`, `"."`, 0, false},

		{"number with a comma", numeric, `{"value":"3.14","tolerance":"0"}`, `"3,14"`, 1, false},
		{"number with zeros", numeric, `{"value":"3.14","tolerance":"0"}`, `"3,140"`, 1, false},
		{"number exactly at the tolerance", numeric, `{"value":"0.3","tolerance":"0.1"}`, `"0,2"`, 1, false},
		{"number past the tolerance", numeric, `{"value":"0.3","tolerance":"0.1"}`, `"0,199"`, 0, false},
		{"number with a true minus", numeric, `{"value":"-5","tolerance":"0"}`, `"−5"`, 1, false},
		{"number in thousands", numeric, `{"value":"12000","tolerance":"0"}`, `"12 000"`, 1, false},
		{"number without tolerance", numeric, `{"value":"7"}`, `"7"`, 1, false},
		{"not a number", numeric, `{"value":"7"}`, `"семь"`, 0, false},

		{"extended waits for experts", extended, ``, `"Мой ответ"`, 0, false},
		{"extended omitted", extended, ``, `" "`, 0, true},
		{"likert earns nothing", Task{Kind: Likert}, ``, `4`, 0, false},
		{"a key that does not fit", single, `["b"]`, `"b"`, 0, false},
		{"no key", multi(Exact, 1), ``, `["a"]`, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Score(tt.task, Key{Answer: json.RawMessage(tt.key)}, json.RawMessage(tt.answer))
			if r.Points != tt.points || r.Omitted != tt.omitted || r.Max != tt.task.Max {
				t.Errorf("got %+v; want points %d, omitted %t", r, tt.points, tt.omitted)
			}
			if r.Marking != (tt.task.Kind == Extended && !tt.omitted) {
				t.Errorf("marking = %t", r.Marking)
			}
		})
	}
}

// An answer is taken back by null or by the empty value of the kind's own shape; the
// empty value of another shape is no answer to the task.
func TestEmptyOfItsOwnShape(t *testing.T) {
	blanks := []string{`null`, `""`, `[]`, `{}`, ` [ ] `, `{ }`, `0`, `false`}
	for kind, own := range map[Kind][]string{
		SingleChoice: {`""`}, MultipleChoice: {`[]`, ` [ ] `}, Ordering: {`[]`, ` [ ] `}, Matching: {`{}`, `{ }`}, GapChoice: {`{}`, `{ }`},
		ShortAnswer: {`""`}, Numeric: {`""`}, Extended: {`""`}, Likert: {},
	} {
		task := Task{Kind: kind, Max: 1, Options: options("a", "b"), Left: options("l"), Right: options("r"), Gaps: []Gap{{"g", options("a")}}}
		for _, blank := range blanks {
			err := CheckAnswer(task, json.RawMessage(blank))
			fits := blank == `null` || slices.Contains(own, blank)
			if fits != (err == nil) {
				t.Errorf("%s: %s gives %v", kind, blank, err)
			}
			if r := Score(task, Key{}, json.RawMessage(blank)); r.Omitted != fits {
				t.Errorf("%s: %s is scored as omitted: %t", kind, blank, r.Omitted)
			}
		}
	}
}

func TestTraceFollowsTheTask(t *testing.T) {
	task := Task{Kind: Matching, Scoring: PerPair, Max: 2, Left: options("l2", "l1"), Right: options("a", "b")}
	r := Score(task, Key{Answer: json.RawMessage(`{"l1":"a","l2":"b"}`)}, json.RawMessage(`{"l1":"b","l2":"b"}`))
	want := []Step{{Place: "l2", Given: "b", Right: true}, {Place: "l1", Given: "b"}}
	if len(r.Trace) != 2 || r.Trace[0] != want[0] || r.Trace[1] != want[1] {
		t.Errorf("trace %+v", r.Trace)
	}
}

func TestScoreMarks(t *testing.T) {
	task, key := extendedTask()
	tests := []struct {
		marks  map[string]int
		points int
		bad    bool
	}{
		{map[string]int{"К1": 2, "К2": 2}, 4, false},
		{map[string]int{"К1": 1, "К2": 2}, 3, false},
		{map[string]int{"К1": 0, "К2": 2}, 0, false}, // zero_by
		{map[string]int{"К1": 2, "К2": 0}, 2, false},
		{map[string]int{"К1": 2, "К2": 1}, 0, true}, // К2 has no level of 1
		{map[string]int{"К1": 2}, 0, true},
		{map[string]int{"К1": 2, "К3": 2}, 0, true},
		{nil, 0, true},
	}
	for _, tt := range tests {
		r, err := ScoreMarks(task, key, tt.marks)
		if (err != nil) != tt.bad || r.Points != tt.points {
			t.Errorf("%v: %+v, %v", tt.marks, r, err)
		}
	}
}

func extendedTask() (Task, Key) {
	return Task{ID: "e", Part: Methodical, Kind: Extended, Level: High, Minutes: 10, Max: 4, Scoring: ByCriteria, Elements: []Weight{{"m.a", 1}}, Body: "Опишите."},
		Key{ZeroBy: "К1", Discrepancy: 2, Criteria: []Criterion{
			{"К1", "Суть", 2, []Grade{{2, "раскрыта"}, {1, "частично"}, {0, "нет"}}},
			{"К2", "Доводы", 2, []Grade{{2, "есть"}, {0, "нет"}}},
		}}
}

func TestCheckAnswer(t *testing.T) {
	single := Task{Kind: SingleChoice, Options: options("a", "b")}
	multi := Task{Kind: MultipleChoice, Options: options("a", "b")}
	match := Task{Kind: Matching, Left: options("l"), Right: options("r")}
	gaps := Task{Kind: GapChoice, Gaps: []Gap{{"g1", options("a")}, {"g2", options("b")}}}
	short := Task{Kind: ShortAnswer, MaxLength: 3}
	tests := []struct {
		task   Task
		answer string
		ok     bool
	}{
		{single, `"a"`, true}, {single, `null`, true}, {single, `""`, true}, {single, `"z"`, false}, {single, `1`, false}, {single, `["a"]`, false}, {single, `"a" "b"`, false},
		{multi, `["b","a"]`, true}, {multi, `[]`, true}, {multi, `["a","a"]`, false}, {multi, `"a"`, false}, {multi, `[1]`, false}, {multi, `["z"]`, false},
		{match, `{"l":"r"}`, true}, {match, `{"l":""}`, true}, {match, `{"x":"r"}`, false}, {match, `{"l":"x"}`, false}, {match, `{"l":"r","l":"r"}`, false}, {match, `[["l","r"]]`, false},
		{gaps, `{"g1":"a","g2":"b"}`, true}, {gaps, `{"g1":"b"}`, false},
		{short, `"абв"`, true}, {short, `"абвг"`, false}, {short, `5`, false}, {short, `"a\u0000b"`, false},
		{Task{Kind: Numeric}, `"3,14"`, true}, {Task{Kind: Numeric}, `"-.5"`, true}, {Task{Kind: Numeric}, `" "`, true}, {Task{Kind: Numeric}, `"5 см"`, false}, {Task{Kind: Numeric}, `3.14`, false}, {Task{Kind: Numeric}, `"1e999999999"`, false}, {Task{Kind: Numeric}, `"1.2.3"`, false},
		{Task{Kind: Extended}, `"текст"`, true}, {Task{Kind: Extended}, `"a\u0000b"`, false}, {Task{Kind: Extended}, `{"text":"x"}`, false},
		{Task{Kind: Likert}, `5`, true}, {Task{Kind: Likert}, `0`, false}, {Task{Kind: Likert}, `6`, false}, {Task{Kind: Likert}, `"5"`, false}, {Task{Kind: Likert}, `2.5`, false}, {Task{Kind: Likert}, `null`, true},
		{Task{Kind: "other"}, `"x"`, false},
	}
	for _, tt := range tests {
		if err := CheckAnswer(tt.task, json.RawMessage(tt.answer)); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.task.Kind, tt.answer, err)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"  Ёж  и\tЁж. ": "еж и еж", "«Да»": "да", "т. е.": "т. е", "А—Б": "а-б", "": "", "...": "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}
