package infer

import (
	"math"
	"slices"
	"testing"
)

func TestExplain(t *testing.T) {
	d := usual(12, sized(100, 300), 4)
	w := d.make()
	m := fitted(t, w.data, d.policy())
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	for _, person := range w.data.Persons[:sized(4, 20)] {
		shown := slices.Clone(person.Responses)
		shown = slices.DeleteFunc(shown, func(r Response) bool { return r.Task%4 == 3 }) // the fourth task of each element was not given
		estimates, err := p.Infer(shown)
		if err != nil {
			t.Fatal(err)
		}
		list, err := p.Explain(shown, w.data.Tasks, 3)
		if err != nil {
			t.Fatal(err)
		}
		for e, x := range list {
			if x.All.P != estimates[e].P || x.All.Estimate != estimates[e].Estimate {
				t.Fatalf("%s: explained %v, said %v", x.Element, x.All, estimates[e])
			}
			others := slices.DeleteFunc(slices.Clone(shown), func(r Response) bool { return r.Task/4 == e })
			alone, err := p.Infer(others)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(alone[e].P-x.Others.P) > 1e-9 {
				t.Fatalf("%s: others say %v, without the own answers %v", x.Element, x.Others.P, alone[e].P)
			}
			nothing, err := p.Infer(nil)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(nothing[e].P-x.Before.P) > 1e-9 {
				t.Fatalf("%s: before %v, with no answers %v", x.Element, x.Before.P, nothing[e].P)
			}
			if doubt := x.All.P * (1 - x.All.P); len(x.Tasks) != 3 || doubt > 0.01 && (len(x.Next) != 1 || x.Next[0].Reduction <= 0 || x.Next[0].Reduction > doubt) {
				t.Fatalf("%+v", x)
			}
			for _, pull := range x.Tasks {
				rest := slices.DeleteFunc(slices.Clone(shown), func(r Response) bool { return w.data.Tasks[r.Task].ID == pull.Task })
				less, err := p.Infer(rest)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(logOdds(estimates[e].P)-logOdds(less[e].P)-pull.Pull) > 1e-6 {
					t.Fatalf("%s %s: pull %v, by difference %v", x.Element, pull.Task, pull.Pull, logOdds(estimates[e].P)-logOdds(less[e].P))
				}
				if pull.Pull > 1e-12 && pull.Points == pull.Max || pull.Pull < -1e-12 && pull.Points == 0 {
					t.Errorf("%s: %v of %v points pull by %v", pull.Task, pull.Points, pull.Max, pull.Pull)
				}
			}
		}
	}
}

// What a next task is worth comes true: the mean of p(1−p) after it, over what it may bring.
func TestNextIsExpectation(t *testing.T) {
	d := usual(13, sized(80, 200), 3)
	w := d.make()
	m := fitted(t, w.data, d.policy())
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.Clone(w.data.Persons[3].Responses[1:]) // all but the first task
	list, err := p.Explain(shown, w.data.Tasks[:1], 3)
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.Infer(shown)
	if err != nil {
		t.Fatal(err)
	}
	chance := foretell(t, p, shown, 0)
	after := 0.0
	for points := range 2 {
		got, err := p.Infer(append(slices.Clone(shown), Response{Task: 0, Points: float64(points)}))
		if err != nil {
			t.Fatal(err)
		}
		after += math.Abs(float64(1-points)-chance) * got[0].P * (1 - got[0].P)
	}
	if want := before[0].P*(1-before[0].P) - after; math.Abs(want-list[0].Next[0].Reduction) > 1e-9 {
		t.Errorf("reduction %v, by both answers %v", list[0].Next[0].Reduction, want)
	}
}

// foretell is the chance of solving a task.
func foretell(t *testing.T, p *Prepared, shown []Response, task int) float64 {
	t.Helper()
	w := p.take()
	if _, err := p.load(w, shown); err != nil {
		t.Fatal(err)
	}
	p.tree.person(w.u, w.beliefs)
	e := p.parts[task].links[0].element
	p.density(w, e, w.f[e])
	mean, _ := p.parts[task].foreseen(w.p)
	return mean
}

func TestCheck(t *testing.T) {
	d := usual(14, sized(200, 600), 4)
	w := d.make()
	m := fitted(t, w.data, w.policy())
	c, err := m.Check(w.data)
	if err != nil {
		t.Fatal(err)
	}
	if c.Persons != d.persons || c.Predictions != d.persons*48 || c.Error > 0.02 {
		t.Errorf("%d persons, %d predictions, error %.4f", c.Persons, c.Predictions, c.Error)
	}
	if !(c.Squares.Model < c.Squares.Task && c.Squares.Task < c.Squares.Share) {
		t.Errorf("squares %+v: the model foretells no better than the share or the task alone", c.Squares)
	}
	for _, x := range c.Tasks {
		if math.Abs(x.Infit-1) > 0.2 || math.Abs(x.Mean-x.Expected) > 0.03 {
			t.Errorf("%+v does not fit, and was simulated by the model", x)
		}
	}
	if c.Prior.Decisions != d.persons*12 || c.Prior.Differ == 0 || !(c.Prior.Narrower > 0.02) {
		t.Errorf("%+v", c.Prior)
	}
	// A task answered by a coin, and a person who answers against the order of difficulty, stand out.
	for i := range w.data.Persons {
		w.data.Persons[i].Responses[7].Points = float64((i * 7919 >> 3) % 2)
	}
	hard := make([]float64, len(w.data.Tasks))
	for i, it := range w.items {
		hard[i] = it.D[0]
	}
	for i := range w.data.Persons[5].Responses {
		w.data.Persons[5].Responses[i].Points = map[bool]float64{true: 1, false: 0}[hard[i] < 0.3]
	}
	m = fitted(t, w.data, w.policy())
	if c, err = m.Check(w.data); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Misfits[:5], func(x PersonFit) bool { return x.Person == "p5" }) {
		t.Errorf("the odd person is not among the first: %v", c.Misfits[:5])
	}
}
