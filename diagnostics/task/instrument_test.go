package task

import (
	"strings"
	"testing"
)

const goodFile = `{
 "instrument": {"code":"math","title":"Математика","position":"teacher","subject":"math","minutes":60,"about":"О чём."},
 "codifier": {"code":"math","edition":"2026","title":"Кодификатор","elements":[
  {"id":"m.a","number":"1","title":"Числа","short":"Числа","part":"subject","area":"subject","about":"","strengthen":"","labour_functions":["B/04.6"]},
  {"id":"p.a","number":"2","title":"Оценивание","short":"Оценивание","part":"methodical","area":"methodical","about":"","strengthen":"","labour_functions":[]}]},
 "tasks":[
  {"id":"s-1","part":"self","kind":"likert","level":"basic","minutes":0,"max":0,"scoring":"none","elements":[{"id":"m.a","weight":1}],"skill":"","body":"Оцените себя"},
  {"id":"t-1","part":"subject","kind":"single_choice","level":"basic","minutes":2,"max":1,"scoring":"exact","elements":[{"id":"m.a","weight":1}],"skill":"счёт","body":"$2+2$",
   "options":[{"id":"a","text":"3"},{"id":"b","text":"4"},{"id":"c","text":"5"}],"key":"b","solution":"4"}]}`

func TestParseInstrument(t *testing.T) {
	in, err := ParseInstrument([]byte("\ufeff" + goodFile))
	if err != nil {
		t.Fatal(err)
	}
	if in.About.Code != "math" || len(in.Codifier.Elements) != 2 || len(in.Tasks) != 2 || in.Tasks[1].Solution != "4" {
		t.Errorf("%+v", in)
	}
	warned := false
	for _, f := range in.Warnings() {
		warned = warned || strings.Contains(f.Want, `"p.a"`)
	}
	if !warned {
		t.Errorf("no warning about an element without tasks: %v", in.Warnings())
	}
}

// Each change of one thing in the good file is found, and its place is named.
func TestFaultsOfFile(t *testing.T) {
	tests := []struct{ name, from, to, where, want string }{
		{"broken json", `"codifier": {`, `"codifier": [`, "", "JSON не разобран в строке"},
		{"unknown field", `"minutes":2`, `"minuts":2`, "задание t-1", "minuts"},
		{"wrong type", `"minutes":2`, `"minutes":"2"`, "задание t-1", "целое число"},
		{"key names no option", `"key":"b"`, `"key":"z"`, "задание t-1: key", "z"},
		{"no key", `"key":"b",`, ``, "задание t-1: key", "верный ответ"},
		{"key of another kind", `"key":"b"`, `"key":["b"]`, "задание t-1: key", "код одного варианта"},
		{"option twice", `{"id":"c"`, `{"id":"a"`, "задание t-1: options", `"a" уже был`},
		{"same words", `"text":"5"`, `"text":" 4 "`, "задание t-1: options", "слово в слово"},
		{"unknown element", `"elements":[{"id":"m.a","weight":1}],"skill":"счёт"`, `"elements":[{"id":"m.z","weight":1}],"skill":"счёт"`, "задание t-1: elements", "m.z"},
		{"element of the other part", `"elements":[{"id":"m.a","weight":1}],"skill":"счёт"`, `"elements":[{"id":"p.a","weight":1}],"skill":"счёт"`, "задание t-1: elements", "другой части"},
		{"weights", `"weight":1}],"skill":"счёт"`, `"weight":0.7}],"skill":"счёт"`, "задание t-1: elements", "дают 0,7"},
		{"same id", `"id":"t-1"`, `"id":"s-1"`, "задание s-1: id", "уже был"},
		{"foreign field", `"key":"b"`, `"key":"b","unit":"см"`, "задание t-1: unit", "этого поля нет"},
		{"rule of another kind", `"scoring":"exact"`, `"scoring":"per_pair"`, "задание t-1: scoring", "(exact)"},
		{"kind", `"kind":"single_choice"`, `"kind":"single"`, "задание t-1: kind", "неизвестен"},
		{"gap in a plain body", `$2+2$`, `[[g1]]`, "задание t-1: body", "gap_choice"},
		{"area", `"area":"methodical"`, `"area":"other"`, "codifier.elements[1].area", "psych_pedagogical"},
		{"no tasks", `"tasks":[`, `"tasks":[],"task":[`, "", "неизвестное поле"},
		{"instrument minutes", `"minutes":60`, `"minutes":0`, "instrument.minutes", "от 1 до 480"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := strings.Replace(goodFile, tt.from, tt.to, 1)
			if file == goodFile {
				t.Fatal("nothing replaced")
			}
			_, err := ParseInstrument([]byte(file))
			if FaultsOf(err) == nil || !strings.Contains(err.Error(), tt.where) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %s … %s", err, tt.where, tt.want)
			}
		})
	}
}

func TestFaultsOfTask(t *testing.T) {
	extended := func(change func(*Written)) Written {
		open, key := extendedTask()
		w := Written{open, key}
		change(&w)
		return w
	}
	order := Written{Task{ID: "o", Part: Subject, Kind: Ordering, Level: Basic, Minutes: 1, Max: 1, Scoring: Exact, Elements: []Weight{{"e", 1}}, Body: "x", Options: options("a", "b")}, Key{Answer: []byte(`["b","a"]`)}}
	asShown := order
	asShown.Key.Answer = []byte(`["a","b"]`)
	gaps := Written{Task{ID: "g", Part: Subject, Kind: GapChoice, Level: Basic, Minutes: 1, Max: 1, Scoring: Exact, Elements: []Weight{{"e", 1}}, Body: "x [[g1]]", Gaps: []Gap{{"g1", options("a", "b")}}}, Key{Answer: []byte(`{"g1":"a"}`)}}
	stray, missing := gaps, gaps
	stray.Body, missing.Body = "x [[g1]] [[g2]]", "x"
	number := Written{Task{ID: "n", Part: Subject, Kind: Numeric, Level: Basic, Minutes: 1, Max: 1, Scoring: Exact, Elements: []Weight{{"e", 1}}, Body: "x"}, Key{Answer: []byte(`{"value":"3.14","tolerance":"0"}`)}}
	notNumber, badTolerance := number, number
	notNumber.Key.Answer, badTolerance.Key.Answer = []byte(`{"value":"π","tolerance":"0"}`), []byte(`{"value":"3","tolerance":"-1"}`)
	tests := []struct {
		name  string
		w     Written
		field string // "": valid
	}{
		{"extended", extended(func(*Written) {}), ""},
		{"criteria do not add up", extended(func(w *Written) { w.Max = 5 }), "max"},
		{"zero_by nobody", extended(func(w *Written) { w.ZeroBy = "К9" }), "zero_by"},
		{"no level of zero", extended(func(w *Written) {
			w.Criteria = []Criterion{{"К1", "Суть", 4, []Grade{{4, "да"}, {1, "частично"}}}}
		}), "criteria"},
		{"exemplar without marks", extended(func(w *Written) { w.Exemplars = []Exemplar{{"Ответ", map[string]int{"К1": 2}, ""}} }), "exemplars"},
		{"extended with a key", extended(func(w *Written) { w.Key.Answer = []byte(`"a"`) }), "key"},
		{"order", order, ""},
		{"order shown as the key", asShown, "options"},
		{"gaps", gaps, ""},
		{"a gap without options", stray, "gaps"},
		{"a gap not in the body", missing, "gaps"},
		{"number", number, ""},
		{"key is no number", notNumber, "key"},
		{"negative tolerance", badTolerance, "key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.w.Validate()
			if tt.field == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			for _, f := range FaultsOf(err) {
				if f.Field == tt.field {
					return
				}
			}
			t.Errorf("no fault in %s: %v", tt.field, err)
		})
	}
}

func TestLint(t *testing.T) {
	w := Written{Task: Task{Kind: SingleChoice, Skill: "x", Options: []Option{{"a", "Да"}, {"b", "Верный вариант, в котором подробно всё объяснено"}}}, Key: Key{Answer: []byte(`"b"`), Solution: "x"}}
	fields := map[string]int{}
	for _, f := range Lint(w) {
		fields[f.Field]++
	}
	if fields["options"] != 2 || len(fields) != 1 {
		t.Errorf("%v", Lint(w))
	}
}

func TestPieces(t *testing.T) {
	v, err := Render(Task{Kind: GapChoice, Body: "а [[g1]] б [[g2]].", Gaps: []Gap{{"g1", options("a")}}},
		func(s string) (string, error) { return "<p>" + s + "</p>", nil }, func(s string) (string, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	want := []Piece{{"<p>а ", "g1"}, {" б ", "g2"}, {".</p>", ""}}
	got := v.Pieces()
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("piece %d: %+v", i, got[i])
		}
	}
}
