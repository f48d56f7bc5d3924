package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// calibration is what irt fit finds on the answers of a world.
func calibration(t *testing.T, w world) []irt.Calibrated {
	t.Helper()
	r := &psychometrics.Responses{}
	model := irt.TwoPL
	for _, x := range w.data.Tasks {
		r.Items, r.Max = append(r.Items, x.ID), append(r.Max, int(x.Max))
		if x.Max > 1 {
			model = irt.GPCM
		}
	}
	for _, p := range w.data.Persons {
		r.Persons = append(r.Persons, p.ID)
		row := make([]psychometrics.Cell, len(r.Items))
		for i := range row {
			row[i] = psychometrics.Absent
		}
		for _, x := range p.Responses {
			row[x.Task] = psychometrics.Cell(x.Points)
		}
		r.Cells = append(r.Cells, row...)
	}
	f, err := irt.Calibrate(r, irt.Options{Model: model})
	if err != nil {
		t.Fatal(err)
	}
	return f.Calibrated()
}

// A bank that few hundred calibrated: the interval holds what it promises to other persons, and
// no task is accused of what is the bank's own error.
func TestBankWithErrors(t *testing.T) {
	runs := sized(1, 5)
	for _, c := range []struct {
		calibrated int
		partial    bool
	}{{300, false}, {300, true}, {1000, false}}[:sized(1, 3)] {
		covered, exactly, alarms := 0.0, 0.0, 0
		for i := range runs {
			d := design{persons: c.calibrated + 400, areas: 2, elements: 12, tasks: same(3), partial: c.partial, correlation: 0.6, deviation: 0.7, seed: uint64(1500 + i)}
			w := d.make()
			bank := calibration(t, w.of(0, c.calibrated))
			other := w.of(c.calibrated, d.persons)
			m, err := FitCalibrated(other.data, w.policy(), bank)
			if err != nil {
				t.Fatal(err)
			}
			covered += other.judge(m, 0.6, probability).covered / float64(runs)
			if slices.ContainsFunc(m.Warnings, func(s string) bool {
				return strings.Contains(s, "by its parameters") || strings.Contains(s, "contradict")
			}) {
				alarms++
				t.Logf("%+v, run %d: %q", c, i, m.Warnings)
			}
			for k := range bank {
				bank[k].Cov = nil
			}
			if m, err = FitCalibrated(other.data, w.policy(), bank); err != nil {
				t.Fatal(err)
			}
			exactly += other.judge(m, 0.6, probability).covered / float64(runs)
		}
		t.Logf("%+v: held %.3f with the errors, %.3f as if exact", c, covered, exactly)
		if covered < 0.87 || covered > 0.93 || covered < exactly {
			t.Errorf("%+v: the 90 %% interval holds %.3f, as if exact %.3f", c, covered, exactly)
		}
		if alarms > 1 {
			t.Errorf("%+v: %d of %d files are accused", c, alarms, runs)
		}
	}
}

// What is as good as known is left alone but for its steepness; without errors it is as given;
// the more an estimate errs, the nearer it comes to its like.
func TestDrawn(t *testing.T) {
	at := func(a, d, se float64) irt.Calibrated {
		return irt.Calibrated{Item: irt.Item{ID: "t", Model: irt.TwoPL, A: a, D: []float64{d}}, Cov: []float64{se * se, 0, 0, se * se}}
	}
	bank := []irt.Calibrated{at(1, 0.5, 1e-9), at(2.4, 1, 0.1), at(2.4, 1, 0.6), at(-0.2, 0, 0.3), {Item: irt.Item{ID: "u", Model: irt.TwoPL, A: 2.4, D: []float64{1}}}}
	got := drawn(bank)
	k := unflatten(1, 1)
	if math.Abs(got[0].A-k) > 1e-9 || math.Abs(got[0].D[0]-0.5*k) > 1e-9 || math.Abs(k-math.Sqrt(1+logisticSquare*k*k*oneAbilityLeaves)) > 1e-9 {
		t.Errorf("as good as known: %+v, steeper by %v", got[0], k)
	}
	if !(got[2].A < got[1].A) || !(got[2].Cov[0] > got[1].Cov[0]) || !(got[2].Cov[0] < 2*0.36) {
		t.Errorf("errors 0.1: %+v, 0.6: %+v", got[1], got[2])
	}
	for _, i := range []int{3, 4} {
		if got[i].A != bank[i].A || got[i].D[0] != bank[i].D[0] {
			t.Errorf("%+v became %+v", bank[i], got[i])
		}
	}
	if far := drawn([]irt.Calibrated{at(32, -5, 7e6)})[0]; !(far.A > 0.5 && far.A < 3) || !(far.Cov[0] > 0.05 && far.Cov[0] < 1) || !(far.Cov[3] > 5 && far.Cov[3] < 30) {
		t.Errorf("an estimate without end: %+v", far)
	}
	if bank[1].A != 2.4 || bank[1].D[0] != 1 {
		t.Error("the bank itself was changed")
	}
}

// The gradient by differences is that of GPCM, in levels that lie evenly and in others.
func TestGradient(t *testing.T) {
	x := []float64{-2, 0.3, 1.7}
	m := ModelTask{Task: Task{Max: 3}, Model: irt.GPCM, A: 0.8, D: []float64{0.4, 0.2, -1}, Cov: make([]float64, 16)}
	for j, at := range x {
		p := make([]float64, 4)
		item := m.item()
		item.Probabilities(at, p)
		mean, square := 0.0, 0.0
		for k, v := range p {
			mean += float64(k) * v
			square += float64(k*k) * v
		}
		g := m.gradient(x)
		if want := at * (square - mean*mean) / 3; math.Abs(g[0][j]-want) > 1e-7 {
			t.Errorf("∂/∂a at %v: %v, want %v", at, g[0][j], want)
		}
		for k := 1; k < 4; k++ {
			if want := p[k] * (float64(k) - mean) / 3; math.Abs(g[k][j]-want) > 1e-7 {
				t.Errorf("∂/∂d%d at %v: %v, want %v", k, at, g[k][j], want)
			}
		}
	}
	if m.Cov = nil; m.gradient(x) != nil {
		t.Error("a gradient of what is as known")
	}
}

// Few answers to each task name none, and tell that the bank as a whole is dealt wrongly.
func TestShuffledBankOfFew(t *testing.T) {
	runs := sized(2, 20)
	contradicts := func(m Model) bool {
		return slices.ContainsFunc(m.Warnings, func(s string) bool { return strings.Contains(s, "are they the parameters of these tasks") })
	}
	alarms, missed := 0, 0
	for i := range runs {
		n := []int{30, 45, 60, 99}[i%4]
		w := design{persons: n, areas: 2, elements: 12, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: uint64(1600 + i)}.make()
		if m := fitted(t, w.data, w.policy(), w.items...); contradicts(m) {
			alarms++
			t.Logf("run %d, %d persons: %q", i, n, m.Warnings)
		}
		dealt := slices.Clone(w.items)
		for k, to := range rand.New(rand.NewPCG(uint64(i), 3)).Perm(len(dealt)) {
			dealt[k] = w.items[to]
			dealt[k].ID = w.items[k].ID
		}
		if m := fitted(t, w.data, w.policy(), dealt...); !contradicts(m) {
			missed++
			t.Logf("run %d, %d persons, nothing is said: %q", i, n, m.Warnings)
		}
	}
	if alarms > runs/20 || missed > runs/20 {
		t.Errorf("%d runs: %d alarms at true parameters, %d silent at wrong ones", runs, alarms, missed)
	}
}

// In files of 1 to 200 persons with a bank, its errors, and tasks that elements share alike, no
// answer that turns right raises a probability of the person.
func TestBankIsMonotoneInFiles(t *testing.T) {
	sizes := []int{1, 5, 15, 25, 40, 60, 120, 200}
	if testing.Short() {
		sizes = []int{5, 25}
	}
	for i, n := range sizes {
		w := shared(design{persons: 300 + n, areas: 2, elements: 6, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: uint64(1700 + i)}.make())
		bank, file := calibration(t, w.of(0, 300)), w.of(300, 300+n)
		said := func() map[string]Estimate {
			m, err := FitCalibrated(file.data, w.policy(), bank)
			if err != nil {
				t.Fatal(err)
			}
			return answers(t, m, file.data)
		}
		before, person := said(), file.data.Persons[0]
		for k := range person.Responses {
			if person.Responses[k].Points > 0 {
				continue
			}
			person.Responses[k].Points = 1
			after := said()
			person.Responses[k].Points = 0
			for e := range 6 {
				key := person.ID + " " + name(e)
				if after[key].P > before[key].P+1e-9 {
					t.Errorf("%d persons, answer %d, %s: %v, after a better answer %v", n, k, name(e), before[key].P, after[key].P)
				}
			}
		}
	}
}
