package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// answers says everything that the model says of everybody, by person and element.
func answers(t *testing.T, m Model, d Data) map[string]Estimate {
	t.Helper()
	p, err := m.Prepare(d.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.InferMany(d.Persons)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Estimate{}
	for i, l := range list {
		for _, e := range l {
			out[d.Persons[i].ID+" "+e.Element] = e
		}
	}
	return out
}

func fitted(t *testing.T, d Data, p Policy, fixed ...irt.Item) Model {
	t.Helper()
	m, err := Fit(d, p, fixed...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOrderAndNamesChangeNothing(t *testing.T) {
	d := design{persons: sized(50, 150), areas: 2, elements: 6, tasks: same(3), partial: true, missing: 0.2, correlation: 0.6, deviation: 0.7, seed: 4}
	w := d.make()
	before := answers(t, fitted(t, w.data, d.policy()), w.data)

	r := rand.New(rand.NewPCG(1, 2))
	taskAt, other := r.Perm(len(w.data.Tasks)), Data{}
	for _, i := range taskAt {
		other.Tasks = append(other.Tasks, w.data.Tasks[i])
	}
	for _, i := range r.Perm(len(w.data.Persons)) {
		p := Person{ID: w.data.Persons[i].ID}
		for _, x := range w.data.Persons[i].Responses {
			x.Task = slices.Index(taskAt, x.Task)
			p.Responses = append(p.Responses, x)
		}
		r.Shuffle(len(p.Responses), func(a, b int) { p.Responses[a], p.Responses[b] = p.Responses[b], p.Responses[a] })
		other.Persons = append(other.Persons, p)
	}
	for key, e := range answers(t, fitted(t, other, d.policy()), other) {
		if x := before[key]; math.Abs(x.P-e.P) > 1e-12 || math.Abs(x.Estimate-e.Estimate) > 1e-12 || x.Status != e.Status { // a person's own tasks are summed in their order
			t.Fatalf("%s: %+v, in another order %+v", key, before[key], e)
		}
	}

	// Other names sort otherwise: the sums run in another order, and only rounding may differ.
	rename := func(s string) string { return fmt.Sprintf("%x", 0xffffff-hash(s)) }
	named := Data{}
	for _, x := range w.data.Tasks {
		weights := map[string]float64{}
		for e, v := range x.Weights {
			weights[rename(e)] = v
		}
		named.Tasks = append(named.Tasks, Task{ID: rename(x.ID), Max: x.Max, Weights: weights})
	}
	named.Persons = w.data.Persons
	policy := d.policy()
	policy.Areas = map[string]string{}
	for e, a := range d.policy().Areas {
		policy.Areas[rename(e)] = rename(a)
	}
	after := answers(t, fitted(t, named, policy), named)
	for key, e := range before {
		person, element, _ := strings.Cut(key, " ")
		if x := after[person+" "+rename(element)]; math.Abs(x.P-e.P) > 1e-10 || math.Abs(x.Estimate-e.Estimate) > 1e-10 {
			t.Fatalf("%s: %+v, by other names %+v", key, e, x)
		}
	}
}

func hash(s string) (h int) {
	for _, c := range s {
		h = (h*131 + int(c)) & 0xffff
	}
	return h
}

// A task with its key turned round is named and left out, and the others lose nothing.
func TestWrongWayTaskIsLeftOut(t *testing.T) {
	w := usual(6, sized(100, 300), 3).make()
	bad := w.data.Tasks[4].ID
	for i := range w.data.Persons {
		w.data.Persons[i].Responses[4].Points = 1 - w.data.Persons[i].Responses[4].Points
	}
	m := fitted(t, w.data, w.policy())
	for _, x := range m.Tasks {
		if (x.Out != "") != (x.ID == bad) {
			t.Errorf("task %s: out %q", x.ID, x.Out)
		}
	}
	if !slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, bad) && strings.Contains(s, "key") }) {
		t.Errorf("not named: %q", m.Warnings)
	}
	// Its answers say nothing of anybody.
	right, wrong := slices.Clone(w.data.Persons[0].Responses), slices.Clone(w.data.Persons[0].Responses)
	right[4].Points, wrong[4].Points = 1, 0
	a, err := m.Infer(w.data.Tasks, right)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Infer(w.data.Tasks, wrong)
	if err != nil {
		t.Fatal(err)
	}
	for e := range a {
		if a[e].P != b[e].P {
			t.Errorf("%s: %v or %v by a task that is left out", a[e].Element, a[e].P, b[e].P)
		}
	}
	for _, e := range a {
		if of := w.data.Tasks[4].Weights[e.Element] > 0; e.Tasks != 3 || (e.LeftOut == 1) != of {
			t.Errorf("%s: %d tasks, %d left out", e.Element, e.Tasks, e.LeftOut)
		}
	}
	// A negative slope from the bank is not used either.
	m = fitted(t, w.data, w.policy(), irt.Item{ID: bad, Model: irt.TwoPL, A: -1, D: []float64{0}})
	if i := slices.IndexFunc(m.Tasks, func(x ModelTask) bool { return x.ID == bad }); m.Tasks[i].Out == "" {
		t.Error("a fixed task of negative slope is used")
	}
}

// Where all tasks of an element are left out nothing is said of it, whatever was answered.
func TestElementWhoseTasksAreLeftOut(t *testing.T) {
	w := usual(6, 60, 3).make()
	bank, mute := []irt.Item{}, name(1)
	for _, task := range w.data.Tasks {
		if task.Weights[mute] > 0 {
			bank = append(bank, irt.Item{ID: task.ID, Model: irt.TwoPL, A: -1, D: []float64{0}})
		}
	}
	m := fitted(t, w.data, w.policy(), bank...)
	if !slices.Contains(m.Warnings, "element "+mute+": its tasks were left out, so nothing is said of it") {
		t.Errorf("%q", m.Warnings)
	}
	for key, e := range answers(t, m, w.data) {
		switch {
		case e.Element != mute:
			if e.LeftOut != 0 || e.Status == Insufficient {
				t.Errorf("%s: %+v", key, e)
			}
		case e.Tasks != 3 || e.LeftOut != 3 || e.Max != 3 || e.Status != Insufficient:
			t.Errorf("%s: %+v", key, e)
		}
	}
	// Tasks that speak mainly of another element were answered all the same.
	shared := usual(6, 60, 3).make()
	for i, task := range shared.data.Tasks {
		if task.Weights[mute] > 0 {
			shared.data.Tasks[i].Weights = map[string]float64{mute: 0.2, name(2): 0.8}
		}
	}
	if m := fitted(t, shared.data, shared.policy()); !slices.Contains(m.Warnings, "element "+mute+": its answered tasks are evidence of other elements, so that it is known through its area alone and has no verdict where min_tasks asks for answers") {
		t.Errorf("%q", m.Warnings)
	}
	// Where one of them is there and nobody answered it, both are said.
	w.data.Tasks = append(w.data.Tasks, Task{ID: "unseen", Max: 1, Weights: map[string]float64{mute: 1}})
	if m = fitted(t, w.data, w.policy(), bank...); !slices.Contains(m.Warnings, "element "+mute+": its tasks were left out or nobody answered them, so nothing is said of it") {
		t.Errorf("%q", m.Warnings)
	}
}

// With tasks from the bank one person gets sensible figures, and a group that is abler
// than the bank's is found to be.
func TestParametersFromTheBank(t *testing.T) {
	d := usual(9, sized(300, 1500), 3)
	w := d.make()
	one := Data{Tasks: w.data.Tasks, Persons: w.data.Persons[:1]}
	m := fitted(t, one, d.policy(), w.items...)
	for _, x := range m.Tasks {
		if !x.Fixed {
			t.Fatalf("task %s was estimated", x.ID)
		}
	}
	known := answers(t, w.exact(false), one)
	for key, e := range answers(t, m, one) {
		if math.Abs(e.P-known[key].P) > 0.12 {
			t.Errorf("%s: probability %.3f, with everything known %.3f", key, e.P, known[key].P)
		}
	}
	easier := slices.Clone(w.items)
	for i := range easier { // the bank's persons are 0.8 abler than these on its scale
		it := easier[i]
		easier[i].D = []float64{it.D[0] + 0.8*it.A}
	}
	m = fitted(t, w.data, d.policy(), easier...)
	off := 0.15 * math.Sqrt(1500/float64(d.persons))
	for _, a := range m.Areas {
		if math.Abs(a.Mean+0.8) > off || math.Abs(a.SD-1) > off {
			t.Errorf("area %s: mean %.2f, sd %.2f; expected −0.8 and 1", a.Area, a.Mean, a.SD)
		}
	}
	q := w.judge(m, d.policy().Cut, probability)
	if best := w.judge(w.exact(false), d.policy().Cut, probability); q.brier > best.brier+0.004 {
		t.Errorf("Brier %.4f, with everything known %.4f", q.brier, best.brier)
	}
	// Some tasks fixed, the others new: they come onto the same scale.
	m = fitted(t, w.data, d.policy(), w.items[:24]...)
	off = 0
	for _, x := range m.Tasks {
		i := slices.IndexFunc(w.items, func(it irt.Item) bool { return it.ID == x.ID })
		off += math.Abs(x.D[0]-w.items[i].D[0]) / 12
	}
	if off > 0.3 {
		t.Errorf("intercepts of new tasks are %.2f off on average", off)
	}
}

// Whatever the answers are like, the figures are numbers and the fit ends.
func TestOddData(t *testing.T) {
	same := func(n, tasks int, f func(p, t int) float64) Data {
		d := Data{}
		for i := range tasks {
			d.Tasks = append(d.Tasks, Task{ID: fmt.Sprint("t", i), Max: 2, Weights: map[string]float64{name(i % 3): 1}})
		}
		for p := range n {
			person := Person{ID: fmt.Sprint("p", p)}
			for i := range tasks {
				if x := f(p, i); x >= 0 {
					person.Responses = append(person.Responses, Response{Task: i, Points: x})
				}
			}
			d.Persons = append(d.Persons, person)
		}
		return d
	}
	for what, d := range map[string]Data{
		"all right":      same(40, 9, func(int, int) float64 { return 2 }),
		"all wrong":      same(40, 9, func(int, int) float64 { return 0 }),
		"nothing":        same(5, 6, func(int, int) float64 { return -1 }),
		"nobody":         same(0, 6, func(int, int) float64 { return 0 }),
		"no tasks":       same(3, 0, nil),
		"one person":     same(1, 6, func(_, t int) float64 { return float64(t % 3) }),
		"two camps":      same(30, 9, func(p, _ int) float64 { return float64(p % 2 * 2) }),
		"apart":          same(30, 12, func(p, t int) float64 { return map[bool]float64{true: float64((p*7 + t) % 3), false: -1}[p%2 == t%2] }),
		"middle unused":  same(50, 9, func(p, t int) float64 { return float64((p*p + t*t) % 2 * 2) }),
		"many tasks":     same(10, sized(40, 150), func(p, t int) float64 { return float64((p + t) % 3) }),
		"guttman":        same(20, 12, func(p, t int) float64 { return map[bool]float64{true: 2, false: 0}[p > t] }),
		"fractions":      same(20, 9, func(p, t int) float64 { return float64((p*3+t)%9) / 4 }),
		"one for each":   same(12, 12, func(p, t int) float64 { return map[bool]float64{true: 1, false: -1}[p == t] }),
		"one task right": same(12, 1, func(p, _ int) float64 { return float64(p % 2) }),
	} {
		m, err := Fit(d, DefaultPolicy())
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if !m.Converged {
			t.Errorf("%s: not converged in %d cycles", what, m.Iterations)
		}
		for key, e := range answers(t, m, d) {
			for _, x := range []float64{e.Estimate, e.Low, e.High, e.P, e.Shortfall} {
				if !(x >= 0 && x <= 1) {
					t.Fatalf("%s, %s: %+v", what, key, e)
				}
			}
		}
	}
}

// Answers that contradict one another beyond what numbers hold give figures all the same.
func TestContradictions(t *testing.T) {
	d := Data{Persons: []Person{{ID: "p"}, {ID: "q"}}}
	bank := []irt.Item{}
	for i := range 240 {
		d.Tasks = append(d.Tasks, Task{ID: fmt.Sprintf("t%03d", i), Max: 1, Weights: map[string]float64{name(i % 4): 1}})
		bank = append(bank, irt.Item{ID: d.Tasks[i].ID, Model: irt.TwoPL, A: 6, D: []float64{0}})
		d.Persons[0].Responses = append(d.Persons[0].Responses, Response{Task: i, Points: float64(i % 2)})
		d.Persons[1].Responses = append(d.Persons[1].Responses, Response{Task: i, Points: float64(i / 4 % 2)})
	}
	for _, areas := range []map[string]string{nil, {"e00": "A", "e01": "A", "e02": "B", "e03": "B"}} {
		p := DefaultPolicy()
		p.Areas = areas
		m := fitted(t, d, p, bank...)
		for i := range m.Elements {
			m.Elements[i].SD, m.Elements[i].Freedom = leastSD, 0
		}
		for key, e := range answers(t, m, d) {
			if !(e.P >= 0 && e.P <= 1) || !(e.Low <= e.Estimate && e.Estimate <= e.High) {
				t.Errorf("%s: %+v", key, e)
			}
		}
	}
}

// Points that come in hundreds are held as ten levels, in halves as halves.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		most  float64
		whole bool
		want  int
	}{{1, true, 1}, {4, true, 4}, {10, true, 10}, {11, true, 10}, {100, true, 10}, {2, false, 4}, {2.5, true, 5}, {0, true, 1}, {8, false, 10}} {
		if got := levelsOf(c.most, c.whole); got != c.want {
			t.Errorf("levelsOf(%v, %v) = %d, want %d", c.most, c.whole, got, c.want)
		}
	}
}
