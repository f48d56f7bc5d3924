package infer

import (
	"fmt"
	"testing"
)

// A scene is a kind of world that the model must be good in, whatever the seed.
type scene struct {
	name  string
	seeds int
	d     design
}

// scenes are the three, then odd ones.
func scenes() []scene {
	odd := func(change func(d *design)) design {
		d := usual(0, 300, 3)
		change(&d)
		return d
	}
	unequal := func(e int) int { return 1 + e*5%8 }
	return []scene{
		{"300 × 3", 8, usual(0, 300, 3)},
		{"1,200 × 4", 3, usual(0, 1200, 4)},
		{"4,000 × 3", 2, usual(0, 4000, 3)},
		{"1 to 8 tasks", 6, odd(func(d *design) { d.tasks = unequal })},
		{"one task each", 6, odd(func(d *design) { d.tasks = same(1) })},
		{"points 0…3", 6, odd(func(d *design) { d.steps = 3 })},
		{"30 % not presented", 6, odd(func(d *design) { d.tasks, d.missing = same(4), 0.3 })},
		{"one area", 6, odd(func(d *design) { d.areas = 1 })},
		{"40 elements in 4 areas", 4, odd(func(d *design) { d.areas, d.elements = 4, 40 })},
		{"σ = 0", 8, odd(func(d *design) { d.deviation = 0 })},
		{"σ = 0, 1,200 × 4", 3, odd(func(d *design) { d.persons, d.tasks, d.deviation = 1200, same(4), 0 })},
		{"σ = 0.3", 6, odd(func(d *design) { d.deviation = 0.3 })},
		{"σ = 1.2", 6, odd(func(d *design) { d.deviation = 1.2 })},
		{"areas correlated −0.4", 6, odd(func(d *design) { d.correlation = -0.4 })},
		{"areas correlated 0.95", 6, odd(func(d *design) { d.correlation = 0.95 })},
		{"a tenth guessed", 6, odd(func(d *design) { d.guessing = 0.1 })},
		{"60 persons", 16, usual(0, 60, 3)},
		{"60 persons, one area", 12, odd(func(d *design) { d.persons, d.areas, d.elements = 60, 1, 6 })},
		{"60 persons, σ = 0", 12, odd(func(d *design) { d.persons, d.deviation = 60, 0 })},
		{"60 persons, 1 to 8 tasks, points, 30 % not presented", 12, odd(func(d *design) { d.persons, d.tasks, d.missing, d.steps = 60, unequal, 0.3, 3 })},
		{"30 persons", 12, usual(0, 30, 3)},
	}
}

// A summary is a scene over its seeds.
type summary struct {
	share, binomial, model, exact, calibration, exactCalibration, worst, covered, sd float64
	worse                                                                            int // seeds in which the beta-binomial is better
}

func (s scene) sum(first uint64) (out summary) {
	n := float64(s.seeds)
	for i := range s.seeds {
		d := s.d
		d.seed = first + uint64(i)
		one := d.stand()
		out.share += one.share.brier / n
		out.binomial += one.binomial.brier / n
		out.model += one.model.brier / n
		out.exact += one.exact.brier / n
		out.calibration += one.model.calibration / n
		out.exactCalibration += one.exact.calibration / n
		out.worst = max(out.worst, one.model.calibration)
		out.covered += one.model.covered / n
		for _, e := range one.fit.Elements {
			out.sd += e.SD / n / float64(len(one.fit.Elements))
		}
		if one.model.brier > one.binomial.brier {
			out.worse++
		}
	}
	return out
}

func (s summary) way() float64 { return (s.share - s.model) / (s.share - s.exact) }

// BenchmarkWorlds prints the table of docs/inference.md: means over the seeds of each world.
func BenchmarkWorlds(b *testing.B) {
	for range b.N {
		fmt.Println("| world | seeds | share rule | beta-binomial | this | exact | way | calibration error (worst seed) | of exact | 90 % interval holds | σ found |")
		fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
		for _, c := range scenes() {
			s := c.sum(500)
			fmt.Printf("| %s | %d | %.3f | %.3f | %.4f | %.4f | %.1f %% | %.4f (%.4f) | %.4f | %.1f %% | %.2f |\n", c.name, c.seeds, s.share, s.binomial, s.model, s.exact, 100*s.way(),
				s.calibration, s.worst, s.exactCalibration, 100*s.covered, s.sd)
			if s.worse > 0 {
				fmt.Printf("%s: the beta-binomial is better in %d seeds\n", c.name, s.worse)
			}
		}
	}
}

// Elements that hardly deviate are found not to, and their intervals are no longer than they should be.
func TestElementsThatDoNotDeviate(t *testing.T) {
	d := usual(41, sized(250, 1200), 3)
	d.deviation = 0
	s := d.stand()
	t.Log(s)
	longest, worst := 0.93, s.exact.brier
	if testing.Short() { // room for the chance of fewer persons
		longest, worst = 0.95, 1.05*worst
	}
	if s.model.covered > longest || s.model.calibration > 0.02 || s.model.brier > worst || !s.fit.Converged {
		t.Errorf("coverage %.3f, calibration error %.4f, Brier %.4f (exact %.4f)", s.model.covered, s.model.calibration, s.model.brier, s.exact.brier)
	}
	for _, e := range s.fit.Elements {
		if e.SD > 0.3 {
			t.Errorf("element %s deviates by %.2f", e.Element, e.SD)
		}
	}
}

// A whole part of the work as one element: its tasks go together by their elements, which the
// model does not see, and its interval still holds the truth as often as it says.
func TestWholeParts(t *testing.T) {
	d := usual(42, sized(200, 600), 3)
	w := d.make()
	for i := range w.data.Tasks {
		w.data.Tasks[i].Weights = map[string]float64{fmt.Sprint("part ", d.area(i/3)): 1}
	}
	for p, elements := range w.truth {
		parts := map[string]float64{}
		for e := range d.elements {
			parts[fmt.Sprint("part ", d.area(e))] += elements[name(e)] / 6
		}
		w.truth[p] = parts
	}
	q := w.judge(fitted(t, w.data, DefaultPolicy()), 0.6, probability)
	t.Logf("coverage %.3f, calibration error %.4f", q.covered, q.calibration)
	if q.covered < 0.88 || q.covered > 0.95 || q.calibration > 0.05 {
		t.Errorf("coverage %.3f, calibration error %.4f", q.covered, q.calibration)
	}
}
