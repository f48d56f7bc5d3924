package infer

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func TestReadQ(t *testing.T) {
	q, err := ReadQ("q.csv", strings.NewReader("item;e1;e2;e3\na;1;;\nb;0.5;0,5;\nc;;;\n"))
	if err != nil || q.Tasks[1].Weights["e1"] != 0.5 || q.Tasks[1].Weights["e2"] != 0.5 {
		t.Errorf("decimal commas in a semicolon file: %+v, %v", q, err)
	}
	q, err = ReadQ("q.csv", strings.NewReader("\xef\xbb\xbfitem,e1,e2,e3\na,1,,0\nb,0.5,0.5,\nc,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Tasks) != 3 || q.Tasks[1].Weights["e2"] != 0.5 || len(q.Tasks[0].Weights) != 1 {
		t.Errorf("%+v", q)
	}
	if len(q.Warnings) != 2 || !strings.Contains(q.Warnings[0], "item c") || !strings.Contains(q.Warnings[1], "element e3") {
		t.Errorf("warnings %q", q.Warnings)
	}
	for text, want := range map[string]string{
		"":                             "q.csv: empty",
		"task,e\na,1\n":                `q.csv:1: the header begins with "task,e"`,
		"item,e,e\na,1,0\n":            "repeats element",
		"item,e,\na,1,0\n":             "column 3 has no name",
		"item,e\na,2\n":                "q.csv:2: item a, element e",
		"item;e\na;0,0,5\n":            "q.csv:2: item a, element e",
		"item;e\na;0.0,5\n":            "q.csv:2: item a, element e",
		"item;e\na;1,5\n":              "q.csv:2: item a, element e",
		"item,e\na,NaN\n":              "q.csv:2: item a, element e",
		"item,e,f\na,0.7,0.7\n":        "q.csv:2: task a: weights add up to",
		"item,e\na,1\na,1\n":           `q.csv:3: item "a" stands on line 2 already`,
		"item,e\na,1,1\n":              "q.csv:2: 3 cells, expected 2",
		"item,e\n,1\n":                 "q.csv:2: no item's id",
		"item,e\n\"a,1\n":              "q.csv:2:",
		"item,e\na,\"1\"\"\n":          "q.csv:2:",
		"item,e\na,one\nb,-1\nc,1e9\n": "q.csv:4: item c",
	} {
		_, err := ReadQ("q.csv", strings.NewReader(text))
		var faults psychometrics.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

func TestReadPolicy(t *testing.T) {
	p, warnings, err := ReadPolicy("p.json", strings.NewReader(`{"cut":0.7,"areas":{"e":"A"},"colour":"red"}`))
	if err != nil || p.Cut != 0.7 || p.Bands != DefaultPolicy().Bands || p.Areas["e"] != "A" || p.MinTasks != 2 {
		t.Errorf("%+v %v", p, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "colour") {
		t.Errorf("warnings %q", warnings)
	}
	for text, want := range map[string]string{
		"":                             "p.json:1",
		"{\n\"cut\":}":                 "p.json:2",
		`{"cut":"much"}`:               "cut is",
		`{"cut":1.5}`:                  "cut 1.5",
		`{"cut":null}`:                 "cut is null",
		`{"bands":[0.4,0.6]}`:          "bands has 2",
		`{"bands":[0.6,0.4,0.8]}`:      "rising order",
		`{"sure":[0.9,0.1]}`:           "sure",
		`{"sure":[0.1,0.2,0.9]}`:       "sure has 3",
		`{"sure":[null,0.8]}`:          "sure, number 1 of 2 is null",
		`{"bands":[0.4,null,0.8]}`:     "bands, number 2 of 3 is null",
		`{"bands":[null,null]}`:        "bands has 2",
		`{"areas":{"a":"A","e":null}}`: "areas, element e is null",
		`{"min_tasks":-1}`:             "min_tasks -1",
		`{"min_tasks":1.5}`:            "min_tasks is 1.5",
		`{"areas":["e"]}`:              "areas is",
		`[1]`:                          "p.json:1",
		`null`:                         "null, expected a policy",
		`{"cut":0.5,"cut":0.7}`:        "cut stands twice",
		`{"areas":{"e":"x","e":"y"}}`:  "areas, e stands twice",
		`{"bands":[0,1,2],"cut":true}`: "cut is true",
	} {
		_, _, err := ReadPolicy("p.json", strings.NewReader(text))
		var faults psychometrics.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

func TestData(t *testing.T) {
	q, err := ReadQ("q.csv", strings.NewReader("item,e\na,1\nghost,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := psychometrics.Read("r.csv", strings.NewReader("person,a,stray\np,O,1\nq,2,0\ns,N,\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d, warnings := q.Data(r, nil, nil)
	if said := strings.Join(warnings, "\n"); !strings.Contains(said, "ghost") || !strings.Contains(said, "stray") {
		t.Errorf("warnings %q", warnings)
	}
	if d.Tasks[0].Max != 2 || d.Persons[0].Responses[0].State != Omitted || d.Persons[1].Responses[0].Points != 2 || d.Persons[2].Responses[0].State != NotReached {
		t.Errorf("%+v", d)
	}
	m, err := Fit(d, DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	for key, e := range answers(t, m, d) {
		if e.Status != Insufficient || math.IsNaN(e.P) {
			t.Errorf("%s: %+v", key, e)
		}
	}
}

// Whose parameters are missing, or of no use, is named; what one reader said of the files
// the fit does not say again.
func TestWarningsNameOnce(t *testing.T) {
	q, err := ReadQ("q.csv", strings.NewReader("item,e,f\na,1,\nb,1,\nnothing,,\nghost,1,\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := psychometrics.Read("r.csv", strings.NewReader("person,a,b,nothing\np,1,0,0\nsilent,,N,\nodd,,,1\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	bank := []irt.Item{{ID: "a", Model: irt.TwoPL, A: 1, D: []float64{0}}}
	for _, c := range "0123456789AB" {
		bank = append(bank, irt.Item{ID: "x" + string(c), Model: irt.TwoPL, A: 1, D: []float64{0}})
	}
	d, found := q.Data(r, nil, bank)
	m, err := Fit(d, DefaultPolicy(), bank...)
	if err != nil {
		t.Fatal(err)
	}
	yardstick, err := FitBinomial(d, DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	readers := strings.Join(slices.Concat(q.Warnings, r.Warnings, found), "\n")
	for _, want := range []string{
		"item nothing: speaks of no element", "element f: no item", "person silent has no answers", "item ghost: stands in Q",
		"no column in the responses: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 2 more", "estimated from the responses: b",
	} {
		if !strings.Contains(readers+"\n", want) {
			t.Errorf("%q is not among %q", want, readers)
		}
	}
	for _, got := range [][]string{q.Unsaid(r, m.Warnings), q.Unsaid(r, yardstick.Warnings)} {
		said := strings.Join(got, "\n")
		for _, again := range []string{"nothing", "element f", "silent", "ghost"} {
			if strings.Contains(said, again) {
				t.Errorf("%s is spoken of again: %q", again, got)
			}
		}
		if !strings.Contains(said, "person odd: no answer that counts") {
			t.Errorf("nobody speaks of odd: %q", got)
		}
	}
	few := func(list []string) bool {
		return slices.ContainsFunc(list, func(w string) bool { return strings.Contains(w, "fewer than 30") && strings.HasSuffix(w, ": b") })
	}
	if !few(m.Warnings) {
		t.Errorf("one person's task without parameters is not named: %q", m.Warnings)
	}
	// With parameters for all there is nothing to say of them.
	_, found = q.Data(r, nil, append(bank[:1:1], irt.Item{ID: "b", Model: irt.TwoPL, A: 1, D: []float64{0}}))
	if said := strings.Join(found, "\n"); strings.Contains(said, "parameters") {
		t.Errorf("%q", found)
	}
}

// Whatever the four files hold, there is an answer of numbers or a fault in words.
func FuzzReaders(f *testing.F) {
	f.Add("item,e,f\na,1,\nb,.5,.5\nc,,1", "person,a,b,c\np,1,0,2\nq,O,N,\n", `{"cut":0.6,"areas":{"e":"A"}}`, "")
	f.Add("item;e\na;1\n", "person;a\np;1\n", `{"cut":1,"min_tasks":0}`, `{"items":[{"id":"a","d":[0]}]}`)
	f.Add("item,e\na,1\n", "person,a\np,10\nq,3\n", `{"cut":0,"bands":[0,0,0],"sure":[0,1]}`, `{"model":"gpcm","latent":{"mean":1,"sd":2},"items":[{"id":"a","a":0.5,"d":[0,1],"scores":[1,4,9]}]}`)
	f.Fuzz(func(t *testing.T, qText, rText, pText, fText string) {
		if len(qText)+len(rText)+len(fText) > 3000 {
			return
		}
		p, _, err := ReadPolicy("p", strings.NewReader(pText))
		if err != nil {
			p = DefaultPolicy()
		}
		q, err := ReadQ("q", strings.NewReader(qText))
		if err != nil {
			return
		}
		r, err := psychometrics.Read("r", strings.NewReader(rText), nil)
		if err != nil {
			return
		}
		var bank []irt.Item
		if fit, err := irt.ReadFit("f", strings.NewReader(fText)); err == nil {
			bank = fit.Standard()
		}
		d, _ := q.Data(r, nil, bank)
		p.Remarks(q)
		m, err := Fit(d, p, bank...)
		if err != nil {
			t.Fatal(err)
		}
		for key, e := range answers(t, m, d) {
			if !(e.P >= 0 && e.P <= 1) || !(e.Low <= e.Estimate && e.Estimate <= e.High) {
				t.Fatalf("%s: %+v", key, e)
			}
		}
	})
}

// Scores that a calibration never saw are taken as the next lower that it saw, and named.
func TestScoresThatCalibrationNeverSaw(t *testing.T) {
	fit, err := irt.ReadFit("fit.json", strings.NewReader(`{"model":"gpcm","items":[{"id":"a","a":1,"d":[0.5,0],"scores":[0,2,3]},{"id":"b","a":1,"d":[0.5,0]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	q, err := ReadQ("q.csv", strings.NewReader("item,e\na,1\nb,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		given    map[string]int
		max      [2]float64
		points   [2]float64 // of the second person
		warnings int
	}{
		{nil, [2]float64{3, 2}, [2]float64{3, 2}, 2},
		{map[string]int{"a": 5, "b": 4}, [2]float64{5, 4}, [2]float64{4, 3}, 4},
	} {
		r, err := psychometrics.Read("r.csv", strings.NewReader("person,a,b\np,1,1\nq,4,3\n"), c.given)
		if err != nil {
			t.Fatal(err)
		}
		d, warnings := q.Data(r, c.given, fit.Standard())
		m, err := Fit(d, DefaultPolicy(), fit.Standard()...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if d.Tasks[i].Max != c.max[i] || d.Persons[1].Responses[i].Points != c.points[i] {
				t.Errorf("%v: task %d: at most %v, points %v", c.given, i, d.Tasks[i].Max, d.Persons[1].Responses[i].Points)
			}
		}
		said := strings.Join(append(warnings, m.Warnings...), "\n")
		if !strings.Contains(said, "item a: its calibration never saw scores 1, 4 (answers: 2)") || !strings.Contains(said, "item b: its calibration never saw score 3 (answers: 1)") || strings.Count(said, "\n") != c.warnings-1 {
			t.Errorf("%v: %q", c.given, said)
		}
		if capped := "at most ("; strings.Count(said, capped) != len(c.given) || len(c.given) > 0 && !strings.Contains(said, "0.60 at most (3 of 5)") {
			t.Errorf("%v: of what cannot be reached %q", c.given, said)
		}
		// 4 of 5 and 3 of 4 points are as good as the best that the bank knows.
		got := answers(t, m, d)
		if best := answers(t, m, Data{Tasks: d.Tasks, Persons: []Person{{"best", []Response{{0, 3, Answered}, {1, 2, Answered}}}}}); got["q e"].P != best["best e"].P {
			t.Errorf("%v: %v, as the best %v", c.given, got["q e"], best["best e"])
		}
	}
}

// A policy that decides by itself, or asks for more than there is, is remarked on.
func TestRemarks(t *testing.T) {
	q, err := ReadQ("q.csv", strings.NewReader("item,e,f\na,1,\nb,1,\nc,,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		`{"min_tasks":1}`:         nil,
		`{}`:                      {"fewer tasks and are insufficient for everybody: f"},
		`{"cut":0,"min_tasks":0}`: {"cut 0"},
		`{"cut":1,"min_tasks":9}`: {"cut 1", "min_tasks 9: these elements have fewer tasks and are insufficient for everybody: e, f"},
		`{"areas":{"e":"A","x":"A"},"min_tasks":1}`: {"element x has an area and no column", "element f has no area"},
	} {
		p, _, err := ReadPolicy("p.json", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got := p.Remarks(q)
		if len(got) != len(want) {
			t.Errorf("%s: %q", text, got)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q, expected %q", text, got[i], want[i])
			}
		}
	}
	r, err := psychometrics.Read("r.csv", strings.NewReader("person,x\np,1\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, warnings := q.Data(r, nil, nil); !slices.Contains(warnings, "no item of Q has a column in the responses: are they of the same test?") {
		t.Errorf("%q", warnings)
	}
}
