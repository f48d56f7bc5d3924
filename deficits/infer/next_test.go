package infer

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// A set of next tasks is worth what it comes true as: over all answers to all of them, each
// with its chance, the doubt, the interval and the verdict are those of Infer.
func TestNextSetIsExpectation(t *testing.T) {
	d := usual(21, sized(80, 250), 5)
	w := d.make()
	m := fitted(t, w.data, d.policy())
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	const spare = 3 // the first tasks of the first element are not given
	settled := 0
	for _, person := range w.data.Persons[:sized(3, 12)] {
		shown := slices.Clone(person.Responses[spare:])
		list, err := p.Explain(shown, w.data.Tasks[:spare], spare)
		if err != nil {
			t.Fatal(err)
		}
		x := list[0]
		if x.Spare != spare || len(x.Next) == 0 {
			t.Fatalf("%+v", x)
		}
		for n := 1; n <= len(x.Next); n++ {
			var doubt, width, sure float64
			var walk func(given []Response, chance float64, left []Next)
			walk = func(given []Response, chance float64, left []Next) {
				if len(left) == 0 {
					got, err := p.Infer(given)
					if err != nil {
						t.Fatal(err)
					}
					doubt += chance * got[0].P * (1 - got[0].P)
					width += chance * (got[0].High - got[0].Low)
					if got[0].Status == Deficit || got[0].Status == Fine {
						sure += chance
					}
					return
				}
				task := slices.IndexFunc(w.data.Tasks, func(t Task) bool { return t.ID == left[0].Task })
				right := foretell(t, p, given, task)
				for points, c := range []float64{1 - right, right} {
					walk(append(slices.Clone(given), Response{Task: task, Points: float64(points)}), chance*c, left[1:])
				}
			}
			walk(shown, 1, x.Next[:n])
			if got := x.Next[n-1]; math.Abs(got.Doubt-doubt) > 1e-9 || math.Abs(got.Width-width) > 1e-9 || math.Abs(got.Settled-sure) > 1e-9 {
				t.Fatalf("%d tasks: %+v, by all answers doubt %v, width %v, settled %v", n, got, doubt, width, sure)
			}
			settled++
		}
	}
	if settled == 0 {
		t.Error("nothing was compared")
	}
}

// Every step is the best one left: no other candidate would take away more doubt.
func TestNextIsGreedy(t *testing.T) {
	d := usual(22, sized(80, 250), 8)
	w := d.make()
	m := fitted(t, w.data, d.policy())
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	candidates := w.data.Tasks[:6]
	now, then := 0.0, 0.0
	for _, person := range w.data.Persons[:sized(4, 20)] {
		shown := person.Responses[6:]
		list, err := p.Explain(shown, candidates, 3)
		if err != nil {
			t.Fatal(err)
		}
		next := list[0].Next
		last := list[0].All.P * (1 - list[0].All.P)
		if len(next) > 0 {
			now, then = now+list[0].All.High-list[0].All.Low, then+next[len(next)-1].Width
		}
		for i, n := range next {
			if math.Abs(last-n.Doubt-n.Reduction) > 1e-9 || n.Settled < 0 || n.Settled > 1 {
				t.Fatalf("step %d of %+v after doubt %v", i, next, last)
			}
			last = n.Doubt
			for _, other := range candidates {
				if slices.ContainsFunc(next[:i+1], func(n Next) bool { return n.Task == other.ID }) {
					continue
				}
				set := []Task{other}
				for _, n := range next[:i] {
					set = append(set, candidates[slices.IndexFunc(candidates, func(t Task) bool { return t.ID == n.Task })])
				}
				alone, err := p.Explain(shown, set, 3)
				if err != nil {
					t.Fatal(err)
				}
				if got := alone[0].Next; len(got) == i+1 && got[i].Doubt < n.Doubt-1e-9 {
					t.Fatalf("%s instead of %s leaves %v, not %v", other.ID, n.Task, got[i].Doubt, n.Doubt)
				}
			}
		}
		turned := slices.Clone(candidates)
		slices.Reverse(turned)
		again, err := p.Explain(shown, turned, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(next, again[0].Next) {
			t.Fatalf("%+v, in other order %+v", next, again[0].Next)
		}
	}
	if !(then < 0.95*now) { // one interval may grow, all of them together do not
		t.Errorf("three more tasks: intervals of %v in all become %v", now, then)
	}
}

// An element with too few answers is offered tasks until a verdict may be said at all; the
// tasks are typical ones of their level, and a hard one is foreseen worse than an easy one.
func TestNextOfSilentElement(t *testing.T) {
	d := usual(23, sized(120, 300), 4)
	w := d.make()
	for i := range w.data.Tasks {
		level := "basic"
		if w.items[i].D[0] < 0 {
			level = "high"
		}
		w.data.Tasks[i].Level = level
	}
	m := fitted(t, w.data, d.policy())
	if !(m.Typical.Levels["high"] < m.Typical.D && m.Typical.D < m.Typical.Levels["basic"]) {
		t.Errorf("typical intercepts %+v", m.Typical)
	}
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	element := w.data.Tasks[0].Main()
	candidates := []Task{}
	for i, level := range []string{"basic", "high", "high", "basic", ""} {
		candidates = append(candidates, Task{ID: fmt.Sprintf("spare%d", i), Max: 1, Weights: map[string]float64{element: 1}, Level: level})
	}
	got, err := p.Explain(w.data.Persons[0].Responses[4:], candidates, 3)
	if err != nil {
		t.Fatal(err)
	}
	if x := got[0]; x.Element != element || x.Spare != 5 || len(x.Next) < m.Policy.MinTasks || x.Next[0].Settled != 0 || !x.Next[0].Typical {
		t.Errorf("%+v", x)
	}
	if x := got[1]; x.Spare != 0 || len(x.Next) != 0 || x.Next == nil {
		t.Errorf("of an element without candidates: %+v", x)
	}
	hard, easy := m.Typical.task(candidates[1], 1), m.Typical.task(candidates[0], 1)
	if !(hard.D[0] < easy.D[0]) || hard.A != easy.A {
		t.Errorf("a hard task %+v, an easy one %+v", hard, easy)
	}
}

// What is needed comes true: of persons like the one at hand, who are given so many average
// tasks more, so many get a verdict; with fewer tasks not so many.
func TestNeeded(t *testing.T) {
	d := usual(24, sized(100, 300), 3)
	w := d.make()
	m := fitted(t, w.data, d.policy())
	element := w.data.Tasks[0].Main()
	tasks := slices.Clone(w.data.Tasks)
	for i := range mostNeeded {
		tasks = append(tasks, Task{ID: fmt.Sprintf("more%d", i), Max: 1, Weights: map[string]float64{element: 1}})
	}
	p, err := m.Prepare(tasks)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, person := range w.data.Persons[:40] {
		list, err := p.Explain(person.Responses, nil, 3)
		if err != nil {
			t.Fatal(err)
		}
		n := list[0].Needed
		if n == 0 || n > 9 {
			continue
		}
		seen++
		settled := func(n int) (sum float64) {
			var walk func(given []Response, chance float64, from int)
			walk = func(given []Response, chance float64, from int) {
				if from == n {
					got, err := p.Infer(given)
					if err != nil {
						t.Fatal(err)
					}
					if got[0].Status == Deficit || got[0].Status == Fine {
						sum += chance
					}
					return
				}
				task := len(w.data.Tasks) + from
				right := foretell(t, p, given, task)
				walk(append(slices.Clone(given), Response{Task: task, Points: 1}), chance*right, from+1)
				walk(append(slices.Clone(given), Response{Task: task}), chance*(1-right), from+1)
			}
			walk(person.Responses, 1, 0)
			return sum
		}
		if got := settled(n); got < likely-1e-9 {
			t.Errorf("%s: %d tasks needed, they settle %v", person.ID, n, got)
		}
		if got := settled(n - 1); n > 1 && got >= likely {
			t.Errorf("%s: %d tasks needed, %d settle %v", person.ID, n, n-1, got)
		}
		if seen == sized(2, 8) {
			break
		}
	}
	if seen == 0 {
		t.Error("nobody needs between 1 and 9 tasks")
	}
}

func TestEnough(t *testing.T) {
	for _, tt := range []struct {
		settled []float64
		want    int
	}{{nil, 0}, {[]float64{0, 0}, 2}, {[]float64{0.5, 0.8, 0.7}, 2}, {[]float64{0.5, 0.5, 0.5}, 1}, {[]float64{0, 0.2, 0.4}, 3}} {
		set := []Next{}
		for _, s := range tt.settled {
			set = append(set, Next{Settled: s})
		}
		if got := len(Enough(set)); got != tt.want {
			t.Errorf("%v: %d tasks, want %d", tt.settled, got, tt.want)
		}
	}
}
