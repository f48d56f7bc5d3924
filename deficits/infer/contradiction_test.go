package infer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// forty is a world of 40 tasks whose parameters are known.
func forty(seed uint64, persons int, partial bool) world {
	return design{persons: persons, areas: 2, elements: 10, tasks: same(4), partial: partial, correlation: 0.6, deviation: 0.7, seed: seed}.make()
}

// contradicted lists the tasks that a fit with these parameters names.
func contradicted(t *testing.T, w world, bank []irt.Item) (tasks []string, m Model) {
	t.Helper()
	m = fitted(t, w.data, w.policy(), bank...)
	for _, x := range m.Tasks {
		if x.Contradicts != nil {
			tasks = append(tasks, x.ID)
		}
	}
	return tasks, m
}

// Parameters that are true raise no alarm: by design in 2 of 100 runs.
func TestTrueParametersAreNotContradicted(t *testing.T) {
	runs, alarms := sized(2, 60), 0
	for i := range runs {
		w := forty(uint64(700+i), []int{120, 300, 900}[i%3], i%2 == 1)
		if named, m := contradicted(t, w, w.items); len(named) > 0 || slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, "differ from") }) {
			alarms++
			t.Logf("run %d: %v %v", i, named, m.Warnings)
		}
	}
	if 20*alarms > runs+19 {
		t.Errorf("%d of %d runs alarm", alarms, runs)
	}
}

// Parameters dealt to the wrong tasks, and tasks that have become easier by a logit.
func TestFalseParametersAreContradicted(t *testing.T) {
	for i := range sized(1, 12) {
		seed := uint64(800 + i)
		w := forty(seed, []int{150, 400, 1500}[i%3], i%2 == 1)
		dealt := slices.Clone(w.items)
		r := rand.New(rand.NewPCG(seed, 3))
		for n, to := range r.Perm(len(dealt)) {
			if len(w.items[n].D) == len(w.items[to].D) {
				dealt[n] = w.items[to]
			}
			dealt[n].ID = w.items[n].ID
		}
		if named, m := contradicted(t, w, dealt); len(named) < 5 || !slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, "of 40 tasks: are they") }) {
			t.Errorf("run %d: dealt anew, %d tasks are named: %q", i, len(named), m.Warnings)
		}
		shifted, moved := slices.Clone(w.items), []string{}
		for n := 3; n < len(shifted); n += 10 {
			shifted[n].D = slices.Clone(shifted[n].D)
			for k := range shifted[n].D {
				shifted[n].D[k] -= float64(k + 1)
			}
			moved = append(moved, shifted[n].ID)
		}
		named, m := contradicted(t, w, shifted)
		found := slices.DeleteFunc(slices.Clone(named), func(id string) bool { return !slices.Contains(moved, id) })
		if len(found) < 2 || len(named)-len(found) > 1 || !slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, "by its parameters") }) {
			t.Errorf("run %d: moved were %v, named %v: %q", i, moved, named, m.Warnings)
		}
		c, err := m.Check(w.data)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Tasks {
			if (x.Contradicts != nil) != slices.Contains(named, x.Task) {
				t.Errorf("run %d: the check says otherwise of %s", i, x.Task)
			}
		}
		all := slices.Clone(w.items)
		for n := range all { // the whole bank too easy by one sd: the persons seem weaker, no task is off
			all[n].D = slices.Clone(all[n].D)
			for k := range all[n].D {
				all[n].D[k] += float64(k+1) * all[n].A
			}
		}
		if named, m := contradicted(t, w, all); len(named) > 0 || !slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, "differ from") }) {
			t.Errorf("run %d: all shifted: %v %q", i, named, m.Warnings)
		}
	}
}

// Slopes that are wrong alone are found as well: twice as steep, or half.
func TestFalseSlopesAreContradicted(t *testing.T) {
	runs := sized(1, 4)
	for i := range runs {
		w := forty(uint64(900+i), sized(700, 1500), false)
		bent := slices.Clone(w.items)
		at := 5 + 7*i
		bent[at].A *= []float64{0.4, 2.5}[i%2]
		named, m := contradicted(t, w, bent)
		if !slices.Equal(named, []string{bent[at].ID}) {
			t.Errorf("run %d: slope %v for %v, named %v: %q", i, bent[at].A, w.items[at].A, named, m.Warnings)
		}
	}
}

// Merged categories (scores that nobody had when the bank was calibrated) are taken as
// the calibration took them, and say the same as the true parameters nearly do.
func TestMergedCategories(t *testing.T) {
	w := design{persons: sized(300, 800), areas: 1, elements: 4, tasks: same(4), steps: 3, correlation: 0.6, deviation: 0.5, seed: 3}.make()
	bank := slices.Clone(w.items)
	for i := range bank {
		// Scores 0, 2, 4, 6 in place of 0, 1, 2, 3, as if odd ones did not occur.
		bank[i].Scores = []int{0, 2, 4, 6}[:len(bank[i].D)+1]
		w.data.Tasks[i].Max *= 2
		for p := range w.data.Persons {
			w.data.Persons[p].Responses[i].Points *= 2
		}
	}
	m := fitted(t, w.data, w.policy(), bank...)
	if q, best := w.judge(m, 0.6, probability), w.judge(w.exact(false), 0.6, probability); q.brier > best.brier+0.004 || q.calibration > best.calibration+0.005 {
		t.Errorf("Brier %.4f (with everything known %.4f), calibration error %.4f (%.4f)", q.brier, best.brier, q.calibration, best.calibration)
	}
	// 3 points are the category of 2, and worth no more; 1 that of 0.
	at := slices.IndexFunc(m.Tasks, func(x ModelTask) bool { return len(x.D) == 3 })
	for points, level := range map[float64]int{0: 0, 1: 0, 2: 1, 3: 1, 5: 2, 5.5: 2, 6: 3} {
		if got := m.Tasks[at].level(points); got != level || m.Tasks[at].worth(level) != 2*float64(level) {
			t.Errorf("%v points are level %d worth %v", points, got, m.Tasks[at].worth(got))
		}
	}
}

// With the bank's parameters and few persons no answer that turns right raises a probability of
// the person, though the population is estimated anew from the answers.
func TestFewPersonsAreMonotone(t *testing.T) {
	for i := range sized(10, 40) {
		w := design{persons: 1 + i%12, areas: 2, elements: 7, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: uint64(1000 + i)}.make()
		for n := 0; n < len(w.data.Tasks); n += 4 { // some tasks speak of two elements
			w.data.Tasks[n].Weights = map[string]float64{name(n / 3): 0.5, name((n/3 + 2) % 7): []float64{0.3, 0.5}[n/4%2]}
		}
		before := answers(t, fitted(t, w.data, w.policy(), w.items...), w.data)
		responses := w.data.Persons[0].Responses
		at := slices.IndexFunc(responses, func(r Response) bool { return r.Points == 0 })
		if at < 0 {
			continue
		}
		responses[at].Points = 1
		after := answers(t, fitted(t, w.data, w.policy(), w.items...), w.data)
		for e := range 7 {
			key := w.data.Persons[0].ID + " " + name(e)
			if after[key].P > before[key].P+1e-9 {
				t.Errorf("run %d, %d persons, %s: %v, after a better answer %v", i, len(w.data.Persons), name(e), before[key].P, after[key].P)
			}
		}
	}
}
