package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A weight that all tasks of an element have in common cancels out of its true share,
// so it may change no figure but the points.
func TestACommonWeightChangesNothing(t *testing.T) {
	w := usual(31, sized(60, 200), 3).make()
	before := answers(t, fitted(t, w.data, w.policy()), w.data)
	for i := range w.data.Tasks {
		for e := range w.data.Tasks[i].Weights {
			w.data.Tasks[i].Weights[e] = 0.3
		}
	}
	for key, e := range answers(t, fitted(t, w.data, w.policy()), w.data) {
		if b := before[key]; math.Abs(b.P-e.P) > 1e-9 || math.Abs(b.Low-e.Low) > 1e-9 || b.Status != e.Status || math.Abs(b.Share-e.Share) > 1e-9 {
			t.Fatalf("%s: %+v with weights of 1, %+v with 0.3", key, b, e)
		}
	}
}

// Tasks of two elements, whose answers follow the mean of both abilities: the intervals
// hold the truth nearly as often as they say, and it is better than the beta-binomial.
func TestSharedTasks(t *testing.T) {
	parts := []float64{0.5, 0.25, 1}[:sized(1, 3)]
	for _, part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			d := usual(32, sized(200, 600), 4)
			r := rand.New(rand.NewPCG(d.seed, 9))
			w := d.make()
			w.data.Persons, w.truth = nil, nil
			partner := make([]int, len(w.data.Tasks))
			for i := range w.data.Tasks {
				e := i / 4
				partner[i] = e
				if r.Float64() < part {
					partner[i] = e/6*6 + (e+1)%6
					w.data.Tasks[i].Weights = map[string]float64{name(e): 0.5, name(partner[i]): 0.5}
				}
			}
			for n := range d.persons {
				common, theta := r.NormFloat64(), [2]float64{}
				for g := range theta {
					theta[g] = math.Sqrt(0.6)*common + math.Sqrt(0.4)*r.NormFloat64()
				}
				x := make([]float64, 12)
				for e := range x {
					x[e] = theta[d.area(e)] + 0.7*r.NormFloat64()
				}
				person, truth, most := Person{ID: fmt.Sprint("p", n)}, map[string]float64{}, map[string]float64{}
				for i, task := range w.data.Tasks {
					p := w.items[i].Expected((x[i/4] + x[partner[i]]) / 2)
					for e, weight := range task.Weights {
						truth[e] += weight * p
						most[e] += weight
					}
					points := 0.0
					if r.Float64() < p {
						points = 1
					}
					person.Responses = append(person.Responses, Response{Task: i, Points: points})
				}
				for e := range truth {
					truth[e] /= most[e]
				}
				w.data.Persons, w.truth = append(w.data.Persons, person), append(w.truth, truth)
			}
			m := w.judge(fitted(t, w.data, d.policy()), 0.6, probability)
			b, err := FitBinomial(w.data, d.policy())
			if err != nil {
				t.Fatal(err)
			}
			plain := w.judge(b, 0.6, probability)
			t.Logf("Brier %.4f (beta-binomial %.4f), calibration error %.4f, 90 %% interval holds %.1f %%", m.brier, plain.brier, m.calibration, 100*m.covered)
			if m.brier > plain.brier || m.calibration > 0.025 || m.covered < 0.86 {
				t.Errorf("Brier %.4f against %.4f, calibration error %.4f, coverage %.3f", m.brier, plain.brier, m.calibration, m.covered)
			}
		})
	}
}
