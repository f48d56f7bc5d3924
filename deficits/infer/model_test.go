package infer

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func TestJudge(t *testing.T) {
	p := DefaultPolicy()
	for _, c := range []struct {
		estimate, p float64
		tasks       int
		status      Status
		severity    Severity
	}{
		{0.3, 0.97, 3, Deficit, High}, {0.45, 0.8, 2, Deficit, Medium}, {0.4, 0.9, 2, Deficit, Medium},
		{0.58, 0.55, 3, Possible, Medium}, {0.65, 0.4, 3, Possible, Low}, {0.8, 0.21, 3, Possible, SeverityNone},
		{0.75, 0.2, 3, Fine, SeverityNone}, {0.1, 0.99, 1, Insufficient, SeverityNone}, {0.1, 0.99, 0, Insufficient, SeverityNone},
	} {
		if s, v := p.Judge(c.estimate, c.p, c.tasks); s != c.status || v != c.severity {
			t.Errorf("Judge(%v, %v, %d) = %s, %s; want %s, %s", c.estimate, c.p, c.tasks, s, v, c.status, c.severity)
		}
	}
	p.MinTasks = 0 // no minimum: what the other elements and persons say decides
	if s, v := p.Judge(0.3, 0.9, 0); s != Deficit || v != High {
		t.Errorf("without a minimum: %s, %s", s, v)
	}
	p.MinTasks = 2
	if v, s := p.ByShare(0.5, 3); v != Medium || s != Deficit {
		t.Errorf("share 0.5: %s %s", v, s)
	}
	if v, s := p.ByShare(0.6, 3); v != Low || s != Fine {
		t.Errorf("share 0.6: %s %s", v, s)
	}
	if _, s := p.ByShare(0.1, 1); s != Insufficient {
		t.Errorf("one task: %s", s)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	one := func(f func(d *Data, p *Policy)) error {
		d := Data{Tasks: []Task{{ID: "t", Max: 2, Weights: map[string]float64{"e": 1}}},
			Persons: []Person{{ID: "p", Responses: []Response{{Task: 0, Points: 1}}}}}
		p := DefaultPolicy()
		f(&d, &p)
		_, err := Fit(d, p)
		return err
	}
	if err := one(func(*Data, *Policy) {}); err != nil {
		t.Fatalf("good data: %v", err)
	}
	for what, f := range map[string]func(d *Data, p *Policy){
		"bands":         func(_ *Data, p *Policy) { p.Bands = [3]float64{.6, .4, .8} },
		"cut":           func(_ *Data, p *Policy) { p.Cut = math.NaN() },
		"sure":          func(_ *Data, p *Policy) { p.Sure = [2]float64{.9, .1} },
		"weights":       func(d *Data, _ *Policy) { d.Tasks[0].Weights = map[string]float64{"e": .7, "f": .7} },
		"points":        func(d *Data, _ *Policy) { d.Persons[0].Responses[0].Points = 3 },
		"nan":           func(d *Data, _ *Policy) { d.Persons[0].Responses[0].Points = math.NaN() },
		"twice":         func(d *Data, _ *Policy) { d.Tasks = append(d.Tasks, d.Tasks[0]) },
		"unknown task":  func(d *Data, _ *Policy) { d.Persons[0].Responses[0].Task = 5 },
		"infinite task": func(d *Data, _ *Policy) { d.Tasks[0].Max = math.Inf(1) },
	} {
		if one(f) == nil {
			t.Errorf("%s: taken without a word", what)
		}
	}
	if _, err := (Model{Method: "other/9"}).Infer(nil, nil); err == nil {
		t.Error("a model of another method was used")
	}
}

func drawData(t *rapid.T) Data {
	d := Data{Elements: []string{"alone"}}
	for i := range rapid.IntRange(0, 8).Draw(t, "tasks") {
		w := map[string]float64{}
		switch rapid.IntRange(0, 3).Draw(t, "tags") {
		case 1:
			w[name(rapid.IntRange(0, 3).Draw(t, "element"))] = 1
		case 2:
			w["e00"], w["e01"] = .5, .5
		case 3:
			w["e02"] = .3
		}
		d.Tasks = append(d.Tasks, Task{ID: fmt.Sprint("t", i), Max: float64(rapid.IntRange(0, 6).Draw(t, "max")), Weights: w})
	}
	for n := range rapid.IntRange(0, 12).Draw(t, "persons") {
		p := Person{ID: fmt.Sprint("p", n)}
		for i, task := range d.Tasks {
			if s := rapid.IntRange(0, 3).Draw(t, "state"); s < 3 {
				r := Response{Task: i, State: State(s)}
				if r.State == Answered {
					r.Points = float64(rapid.IntRange(0, int(task.Max)).Draw(t, "points"))
				}
				p.Responses = append(p.Responses, r)
			}
		}
		d.Persons = append(d.Persons, p)
	}
	return d
}

// drawBank calibrates some of the tasks: by any model, with categories merged or fewer or more
// than the task has points, and now and then with a slope that is the wrong way.
func drawBank(t *rapid.T, d Data) (bank []irt.Item) {
	for _, task := range d.Tasks {
		if rapid.IntRange(0, 2).Draw(t, "calibrated") > 0 {
			continue
		}
		it := irt.Item{ID: task.ID, Model: irt.GPCM, A: rapid.Float64Range(-0.5, 3).Draw(t, "a")}
		score := 0
		for k := range rapid.IntRange(1, 5).Draw(t, "categories") {
			it.D = append(it.D, rapid.Float64Range(-2, 2).Draw(t, "d"))
			if k == 0 {
				it.Scores = []int{rapid.IntRange(0, 1).Draw(t, "lowest")}
				score = it.Scores[0]
			}
			score += rapid.IntRange(1, 2).Draw(t, "step")
			it.Scores = append(it.Scores, score)
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			it.Scores = nil
		case 1:
			it.Model, it.D, it.Scores, it.C = irt.ThreePL, it.D[:1], nil, rapid.Float64Range(0, 0.4).Draw(t, "c")
		case 2:
			it.Model = irt.GRM
			slices.Sort(it.D)
			slices.Reverse(it.D)
			for k := range it.D {
				it.D[k] -= 0.1 * float64(k)
			}
		}
		bank = append(bank, it)
	}
	return bank
}

func drawPolicy(t *rapid.T) Policy {
	p := DefaultPolicy()
	p.Cut = rapid.SampledFrom([]float64{0, .3, .6, .8, 1}).Draw(t, "cut")
	p.MinTasks = rapid.IntRange(0, 3).Draw(t, "min_tasks")
	return p
}

func TestNeverNaNMonotoneAndOrderless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy := drawData(t), drawPolicy(t)
		m, err := Fit(d, policy, drawBank(t, d)...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var stored Model
		if err := json.Unmarshal(b, &stored); err != nil {
			t.Fatal(err)
		}
		ready, err := m.Prepare(d.Tasks)
		if err != nil {
			t.Fatal(err)
		}
		for _, person := range d.Persons {
			before, err := ready.Infer(person.Responses)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range before {
				for _, x := range []float64{e.Share, e.Estimate, e.Low, e.High, e.P} {
					if !(x >= 0 && x <= 1) {
						t.Fatalf("%+v: not a share", e)
					}
				}
				if !(e.Shortfall >= 0 && e.Shortfall <= policy.Cut+1e-9) || e.Low > e.Estimate || e.Estimate > e.High {
					t.Fatalf("%+v: out of order", e)
				}
				counts := e.Tasks - e.LeftOut
				if e.Own == 0 {
					counts = 0
				}
				if (counts < policy.MinTasks) != (e.Status == Insufficient) {
					t.Fatalf("%+v: evidence", e)
				}
			}
			again, err := stored.Infer(d.Tasks, person.Responses)
			if err != nil || !reflect.DeepEqual(before, again) {
				t.Fatalf("the stored model says otherwise: %v\n%v\n%v", err, before, again)
			}
			turned := slices.Clone(person.Responses)
			slices.Reverse(turned)
			if other, _ := ready.Infer(turned); !reflect.DeepEqual(before, other) {
				t.Fatal("the order of answers matters")
			}
			for i, r := range person.Responses {
				if r.State != Answered || r.Points == d.Tasks[r.Task].Max {
					continue
				}
				better := slices.Clone(person.Responses)
				better[i].Points++
				after, err := ready.Infer(better)
				if err != nil {
					t.Fatal(err)
				}
				for j := range before {
					if after[j].P > before[j].P+1e-9 || after[j].Estimate < before[j].Estimate-1e-12 || after[j].Shortfall > before[j].Shortfall+1e-9 {
						t.Fatalf("more points made it worse: %+v then %+v", before[j], after[j])
					}
				}
			}
		}
	})
}

// Omitted tasks are scored 0 and do not count as answered; tasks not reached say nothing.
func TestOmittedAndNotReached(t *testing.T) {
	m, err := Weak([]string{"e"}, DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	tasks := []Task{{ID: "a", Max: 1, Weights: map[string]float64{"e": 1}}, {ID: "b", Max: 1, Weights: map[string]float64{"e": 1}}, {ID: "c", Max: 1, Weights: map[string]float64{"e": 1}}}
	infer := func(last State) Estimate {
		got, err := m.Infer(tasks, []Response{{0, 1, Answered}, {1, 1, Answered}, {2, 0, last}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	omitted, missed := infer(Omitted), infer(NotReached)
	if omitted.Max != 3 || omitted.Tasks != 2 || omitted.Omitted != 1 || missed.Max != 2 || missed.Share != 1 || omitted.P <= missed.P {
		t.Errorf("omitted %+v, not reached %+v", omitted, missed)
	}
}
