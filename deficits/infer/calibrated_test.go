package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// of is the world with some of its persons alone.
func (w world) of(from, to int) world {
	w.persons, w.data.Persons, w.truth = to-from, w.data.Persons[from:to], w.truth[from:to]
	return w
}

func fittedOn(t *testing.T, w world, found []ModelTask) Model {
	t.Helper()
	m, err := FitOn(w.data, w.policy(), found)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// school is 300 persons by whom tasks are calibrated, and some more of the same kind, or abler.
func school(t *testing.T, seed uint64, persons int) (w world, found []ModelTask) {
	t.Helper()
	w = design{persons: 300 + persons, areas: 2, elements: 9, tasks: same(3), partial: true, correlation: 0.6, deviation: 0.7, seed: seed}.make()
	m := fitted(t, w.of(0, 300).data, w.policy())
	return w.of(300, 300+persons), m.Tasks
}

// What 300 have told of tasks is worth something to twelve: their figures lie nearer to the
// truth with no more doubt, and the interval holds what it promises.
func TestFewLeanOnMany(t *testing.T) {
	runs := sized(2, 16)
	var alone, lean struct{ error, width, brier, covered, n float64 }
	for i := range runs {
		w, found := school(t, uint64(1100+i), 12)
		for which, m := range map[bool]Model{false: fitted(t, w.data, w.policy()), true: fittedOn(t, w, found)} {
			sum := &alone
			if which {
				sum = &lean
			}
			q := w.judge(m, 0.6, probability)
			sum.brier += q.brier / float64(runs)
			sum.covered += q.covered / float64(runs)
			for key, e := range answers(t, m, w.data) {
				person, element, _ := strings.Cut(key, " ")
				at := slices.IndexFunc(w.data.Persons, func(p Person) bool { return p.ID == person })
				d := e.Estimate - w.truth[at][element]
				sum.error += d * d
				sum.width += e.High - e.Low
				sum.n++
			}
		}
	}
	t.Logf("alone: rms %.4f, width %.4f, Brier %.4f, held %.3f", math.Sqrt(alone.error/alone.n), alone.width/alone.n, alone.brier, alone.covered)
	t.Logf("lean:  rms %.4f, width %.4f, Brier %.4f, held %.3f", math.Sqrt(lean.error/lean.n), lean.width/lean.n, lean.brier, lean.covered)
	if lean.error > 0.9*alone.error || lean.width > alone.width || lean.brier > alone.brier {
		t.Errorf("leaning %+v, alone %+v", lean, alone)
	}
	if lean.covered < 0.86 || lean.covered > 0.96 {
		t.Errorf("the 90 %% interval holds %.3f", lean.covered)
	}
}

// Leaning, a better answer speaks against nobody, and every task says by how many answers it was found.
func TestLeaningIsMonotone(t *testing.T) {
	for i := 0; i < 12; i += sized(6, 1) {
		w, found := school(t, uint64(1200+i), 1+i)
		m := fittedOn(t, w, found)
		before := answers(t, m, w.data)
		for _, task := range m.Tasks {
			if !task.Fixed || task.Calibrated != 300 || len(task.Cov) == 0 {
				t.Fatalf("run %d: %+v", i, task)
			}
		}
		responses := w.data.Persons[0].Responses
		at := slices.IndexFunc(responses, func(r Response) bool { return r.Points == 0 })
		if at < 0 {
			continue
		}
		responses[at].Points = 1
		after := answers(t, fittedOn(t, w, found), w.data)
		for e := range 9 {
			key := w.data.Persons[0].ID + " " + name(e)
			if after[key].P > before[key].P+1e-9 {
				t.Errorf("run %d, %d persons, %s: %v, after a better answer %v", i, len(w.data.Persons), name(e), before[key].P, after[key].P)
			}
		}
	}
}

// Levels are those of the model leaned on: where it had halves of points and the few have
// none, half a point stays a level.
func TestLeaningKeepsLevels(t *testing.T) {
	w := design{persons: 320, areas: 1, elements: 4, tasks: same(3), partial: true, correlation: 0.6, deviation: 0.5, seed: 9}.make()
	for p := range w.data.Persons[:300] {
		for i, r := range w.data.Persons[p].Responses {
			if w.data.Tasks[r.Task].Max == 3 && r.Points > 0 && (p+i)%3 == 0 {
				w.data.Persons[p].Responses[i].Points -= 0.5
			}
		}
	}
	m := fittedOn(t, w.of(300, 320), fitted(t, w.of(0, 300).data, w.policy()).Tasks)
	for _, x := range m.Tasks {
		if x.Max == 3 && (len(x.D) != 6 || x.level(3) != 6 || x.level(1) != 2 || x.worth(6) != 3) {
			t.Errorf("%s: %d levels, 3 points are level %d, 1 is %d", x.ID, len(x.D), x.level(3), x.level(1))
		}
	}
	if len(m.Warnings) > 0 {
		t.Errorf("warnings %q", m.Warnings)
	}
}

// Tens of answers raise no alarm against a calibration that is right, and do against a task
// whose key has since gone wrong.
func TestFewContradictMany(t *testing.T) {
	runs, alarms := sized(2, 60), 0
	for i := range runs {
		w, found := school(t, uint64(1300+i), []int{30, 60, 99}[i%3])
		for _, x := range fittedOn(t, w, found).Tasks {
			if x.Contradicts != nil {
				alarms++
				t.Logf("run %d: %s %+v", i, x.ID, *x.Contradicts)
			}
		}
		if len(w.data.Persons) < 60 {
			continue
		}
		r, wrong := rand.New(rand.NewPCG(uint64(i), 5)), -1
		for n, task := range w.data.Tasks { // one that about half solve
			at := slices.IndexFunc(found, func(f ModelTask) bool { return f.ID == task.ID })
			if task.Max == 1 && found[at].Mean > 0.4 && found[at].Mean < 0.8 {
				wrong = n
				break
			}
		}
		if wrong < 0 {
			continue
		}
		for p := range w.data.Persons {
			for k, a := range w.data.Persons[p].Responses {
				if a.Task == wrong {
					w.data.Persons[p].Responses[k].Points = 0
					if r.Float64() < 0.1 {
						w.data.Persons[p].Responses[k].Points = 1
					}
				}
			}
		}
		m := fittedOn(t, w, found)
		at := slices.IndexFunc(m.Tasks, func(x ModelTask) bool { return x.ID == w.data.Tasks[wrong].ID })
		if m.Tasks[at].Contradicts == nil {
			t.Errorf("run %d: %s: %.2f solve it where %.2f did, and nothing is said", i, m.Tasks[at].ID, m.Tasks[at].Mean, found[at].Mean)
		}
	}
	if 20*alarms > runs+19 {
		t.Errorf("%d alarms in %d runs", alarms, runs)
	}
}
