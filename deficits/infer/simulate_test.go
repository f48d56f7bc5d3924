package infer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A world is persons with known truth: abilities by area correlated, a deviation of
// each element around its area, tasks with known parameters.
type world struct {
	design
	data  Data
	items []irt.Item
	truth []map[string]float64 // person → element → true share
}

// A design says how a world is made.
type design struct {
	persons, areas, elements int
	tasks                    func(e int) int // of an element
	partial                  bool            // every second task gives up to 3 points
	missing                  float64         // part of the tasks not presented
	correlation, deviation   float64
	twins                    bool    // areas in pairs, each pair correlated by 0.8, pairs by 0.3
	guessing                 float64 // chance of a right answer without knowing
	steps                    int     // tasks give up to 1, 2 … steps points by turns (0: as partial says)
	seed                     uint64
}

// sized is the size of a world: a short run says the same of a smaller one, by the same code.
func sized(short, whole int) int {
	if testing.Short() {
		return short
	}
	return whole
}

func same(n int) func(int) int { return func(int) int { return n } }

// usual is the design that the issue measures by.
func usual(seed uint64, persons, tasks int) design {
	return design{persons: persons, areas: 2, elements: 12, tasks: same(tasks), correlation: 0.6, deviation: 0.7, seed: seed}
}

func (d design) area(e int) int { return e * d.areas / d.elements }

// loading of an area on what all share; areas that contradict one another have it by turns.
func (d design) loading(g int) float64 {
	if d.correlation < 0 && g%2 == 1 {
		return -math.Sqrt(-d.correlation)
	}
	return math.Sqrt(math.Abs(d.correlation))
}

func (d design) policy() Policy {
	p := DefaultPolicy()
	p.Areas = map[string]string{}
	for e := range d.elements {
		p.Areas[name(e)] = fmt.Sprint("area ", d.area(e))
	}
	return p
}

func name(e int) string { return fmt.Sprintf("e%02d", e) }

func (d design) make() world {
	r := rand.New(rand.NewPCG(d.seed, 1))
	w := world{design: d}
	of := [][]int{}
	for e := range d.elements {
		of = append(of, nil)
		for k := range d.tasks(e) {
			t := Task{ID: fmt.Sprintf("t%02d-%d", e, k), Max: 1, Weights: map[string]float64{name(e): 1}}
			a, b := math.Exp(0.1+0.3*r.NormFloat64()), -0.4+0.9*r.NormFloat64()
			it := irt.Item{ID: t.ID, Model: irt.TwoPL, A: a, D: []float64{-a * b}}
			if d.partial && k%2 == 1 {
				t.Max = 3
				a *= 0.7
				it = irt.FromB(t.ID, irt.GPCM, a, []float64{b - 0.7, b, b + 0.7}, 0)
			}
			if most := 1 + k%max(1, d.steps); most > 1 {
				t.Max = float64(most)
				steps := []float64{b - 0.5, b + 0.5, b + 0.2}[:most]
				it = irt.FromB(t.ID, irt.GPCM, 0.7*a, steps, 0)
			}
			if d.guessing > 0 && t.Max == 1 {
				it.Model, it.C = irt.ThreePL, d.guessing
			}
			of[e] = append(of[e], len(w.items))
			w.data.Tasks, w.items = append(w.data.Tasks, t), append(w.items, it)
		}
	}
	var room [4]float64
	for n := range d.persons {
		common := r.NormFloat64()
		theta := make([]float64, d.areas)
		for g := range theta {
			theta[g] = d.loading(g)*common + math.Sqrt(1-math.Abs(d.correlation))*r.NormFloat64()
		}
		if d.twins {
			for g := 0; g < d.areas; g += 2 {
				pair := math.Sqrt(0.3)*common + math.Sqrt(0.5)*r.NormFloat64()
				theta[g], theta[g+1] = pair+math.Sqrt(0.2)*r.NormFloat64(), pair+math.Sqrt(0.2)*r.NormFloat64()
			}
		}
		person, truth := Person{ID: fmt.Sprint("p", n)}, map[string]float64{}
		for e := range d.elements {
			x := theta[d.area(e)] + d.deviation*r.NormFloat64()
			points, most := 0.0, 0.0
			for _, i := range of[e] {
				points += w.items[i].Expected(x)
				most += w.data.Tasks[i].Max
				if r.Float64() < d.missing {
					continue
				}
				w.items[i].Probabilities(x, room[:])
				u, k := r.Float64(), 0
				for u > room[k] && k < len(w.items[i].D) {
					u -= room[k]
					k++
				}
				person.Responses = append(person.Responses, Response{Task: i, Points: float64(k)})
			}
			truth[name(e)] = points / most
		}
		w.data.Persons = append(w.data.Persons, person)
		w.truth = append(w.truth, truth)
	}
	return w
}

// A quality is how good probabilities are against the truth.
type quality struct {
	brier, calibration float64 // calibration: mean distance of ten bins from what happened
	covered            float64 // part of true shares inside the 90 % interval
	n                  float64
}

type inferrer interface {
	Infer([]Task, []Response) ([]Estimate, error)
}

// judge measures a model over all persons.
func (w world) judge(m inferrer, cut float64, p func(Estimate) float64) quality {
	if whole, ok := m.(Model); ok {
		prepared, err := whole.Prepare(w.data.Tasks)
		if err != nil {
			panic(err)
		}
		m = preparedOnly{prepared}
	}
	var q quality
	var said, was [10]float64
	for i, person := range w.data.Persons {
		estimates, err := m.Infer(w.data.Tasks, person.Responses)
		if err != nil {
			panic(err)
		}
		for _, e := range estimates {
			t, truth := w.truth[i][e.Element], 0.0
			if t < cut {
				truth = 1
			}
			v := p(e)
			q.brier += (v - truth) * (v - truth)
			bin := min(9, int(v*10))
			said[bin] += v
			was[bin] += truth
			if t >= e.Low && t <= e.High {
				q.covered++
			}
			q.n++
		}
	}
	for b := range said {
		q.calibration += math.Abs(said[b]-was[b]) / q.n
	}
	q.brier /= q.n
	q.covered /= q.n
	return q
}

type preparedOnly struct{ *Prepared }

func (p preparedOnly) Infer(_ []Task, r []Response) ([]Estimate, error) { return p.Prepared.Infer(r) }

func probability(e Estimate) float64 { return e.P }

// byShare is the usual rule as a probability of 0 or 1; an element without answers is no deficit.
func byShare(cut float64) func(e Estimate) float64 {
	return func(e Estimate) float64 {
		if e.Max > 0 && e.Share < cut {
			return 1
		}
		return 0
	}
}

// exact is the posterior that knows every parameter, areas taken apart or as they are.
func (w world) exact(apart bool) Model {
	p := w.policy()
	m, err := Weak(elementsOf(w.data), p)
	if err != nil {
		panic(err)
	}
	for i, t := range w.data.Tasks {
		it := w.items[i]
		m.Tasks = append(m.Tasks, ModelTask{Task: t, Model: it.Model, A: it.A, D: it.D, C: it.C})
	}
	for i := range m.Elements {
		m.Elements[i].SD, m.Elements[i].Freedom = max(w.deviation, 1e-3), 0
	}
	for i := range m.Areas {
		m.Areas[i].Loading = w.loading(i)
		if apart {
			m.Areas[i].Loading = 0
		}
	}
	return m
}

// A standing is a model between its yardsticks.
type standing struct {
	model, share, binomial, exact, best quality
	way                                 float64 // part of the way from the share rule to exact
	fit                                 Model
}

func (d design) stand() standing {
	w, p := d.make(), d.policy()
	m, err := Fit(w.data, p)
	if err != nil {
		panic(err)
	}
	b, err := FitBinomial(w.data, p)
	if err != nil {
		panic(err)
	}
	s := standing{model: w.judge(m, p.Cut, probability), share: w.judge(b, p.Cut, byShare(p.Cut)), binomial: w.judge(b, p.Cut, probability),
		exact: w.judge(w.exact(true), p.Cut, probability), best: w.judge(w.exact(false), p.Cut, probability), fit: m}
	s.way = (s.share.brier - s.model.brier) / (s.share.brier - s.exact.brier)
	return s
}

func (s standing) String() string {
	return fmt.Sprintf("Brier %.4f (share rule %.4f, beta-binomial %.4f, exact %.4f, exact with correlation %.4f): %.1f %% of the way; calibration error %.4f (exact %.4f, beta-binomial %.4f); 90 %% interval holds %.1f %%; %d cycles",
		s.model.brier, s.share.brier, s.binomial.brier, s.exact.brier, s.best.brier, 100*s.way, s.model.calibration, s.exact.calibration, s.binomial.calibration, 100*s.model.covered, s.fit.Iterations)
}
