package infer

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func TestReadQ(t *testing.T) {
	q, err := ReadQ("q.csv", strings.NewReader("item;e1;e2;e3\na;1;;\nb;0.5;0,5;\nc;;;\n"))
	if err == nil {
		t.Error("a weight with a comma inside a semicolon file was taken")
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
		`{"min_tasks":-1}`:             "min_tasks -1",
		`{"min_tasks":1.5}`:            "min_tasks is 1.5",
		`{"areas":["e"]}`:              "areas is",
		`[1]`:                          "p.json:1",
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
	d, warnings, err := q.Data(r, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
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

// Whatever the three files hold, there is an answer of numbers or a fault in words.
func FuzzReaders(f *testing.F) {
	f.Add("item,e,f\na,1,\nb,.5,.5\nc,,1", "person,a,b,c\np,1,0,2\nq,O,N,\n", `{"cut":0.6,"areas":{"e":"A"}}`)
	f.Add("item;e\na;1\n", "person;a\np;1\n", `{"cut":1,"min_tasks":0}`)
	f.Add("item,e\na,1\n", "person,a\np,10\nq,3\n", `{"cut":0,"bands":[0,0,0],"sure":[0,1]}`)
	f.Fuzz(func(t *testing.T, qText, rText, pText string) {
		if len(qText)+len(rText) > 2000 {
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
		d, _, err := q.Data(r, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Fit(d, p)
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
