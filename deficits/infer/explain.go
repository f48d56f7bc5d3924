package infer

import (
	"cmp"
	"math"
	"slices"
)

// A Saying is what some of the evidence says of an element.
type Saying struct {
	Estimate float64 `json:"estimate"`  // mean of the true share
	Low      float64 `json:"low"`       // 90 % interval
	High     float64 `json:"high"`      //
	P        float64 `json:"p_deficit"` // probability that it lies under the cut
}

// A Pull is what one task of the person says of an element.
type Pull struct {
	Task     string  `json:"task"`
	Points   float64 `json:"points"`
	Max      float64 `json:"max"`
	Omitted  bool    `json:"omitted"`
	Expected float64 `json:"expected"` // points foreseen from everything else that the person answered
	// Pull is the weight of the answer as evidence of a deficit (Good 1950): the logarithm of the
	// odds with all answers less that without this one. Above 0 it speaks for a deficit, under 0
	// against; 0.7 doubles the odds. Unlike the change of the probability it does not fade where
	// other answers have settled the matter.
	Pull float64 `json:"pull"`
}

// An Explanation is what stands behind what is said of one element.
type Explanation struct {
	Element string `json:"element"`
	Before  Saying `json:"before"` // of anybody, before any answer
	Others  Saying `json:"others"` // with the person's answers to all other elements
	All     Saying `json:"all"`    // with everything: the estimate itself
	Tasks   []Pull `json:"tasks"`  // the strongest first
	Next    []Next `json:"next"`   // chosen together, each the best after those before it
	Spare   int    `json:"spare"`  // candidates that could be given, of which Next are the best
	Needed  int    `json:"needed"` // average tasks that give a verdict in every second case; 0: more than mostNeeded
}

// Explain takes what is said of a person apart, for every element in the order of Infer.
// candidates are tasks that could be given next, by the model's parameters or, where it has
// none, by those of a typical task of their level; those that the person was given are
// passed over; at most most are named for an element.
func (p *Prepared) Explain(responses []Response, candidates []Task, most int) ([]Explanation, error) {
	w := p.take()
	defer p.give(w)
	facts, err := p.load(w, responses)
	if err != nil {
		return nil, err
	}
	next, err := p.candidates(responses, candidates)
	if err != nil {
		return nil, err
	}
	p.tree.person(w.u, w.beliefs)
	out := make([]Explanation, len(p.elements))
	for e := range p.elements {
		x := &out[e]
		x.Element, x.Tasks, x.Next = p.elements[e].name, []Pull{}, []Next{}
		x.Before = p.before(w, e)
		p.density(w, e, nil)
		x.Others = p.saying(w, e)
		p.density(w, e, w.f[e])
		x.All = p.saying(w, e)
		x.Needed = p.needed(w, e, facts[e].counted)
		x.Next, x.Spare = p.next(w, e, next[x.Element], facts[e].counted, most)
		x.Tasks = p.pulls(w, e, responses, x.All.P)
	}
	return out, nil
}

// saying reads the figures off w.p.
func (p *Prepared) saying(w *workspace, e int) Saying {
	s := p.say(w, e, facts{})
	return Saying{s.Estimate, s.Low, s.High, s.P}
}

func (p *Prepared) before(w *workspace, e int) Saying {
	if p.tree.n == 1 {
		copy(w.cav, p.tree.root)
	} else {
		p.tree.areas[p.tree.area[e]].down(p.tree.root, w.cav)
	}
	p.tree.kinds[e].down(w.cav, w.p)
	normalise(w.p)
	return p.saying(w, e)
}

// without is the likelihood of element e without one response.
func (p *Prepared) without(w *workspace, e int, responses []Response, skip int) []float64 {
	n := len(p.tree.x)
	f := make([]float64, n)
	for j := range f {
		f[j] = 1
	}
	for i, r := range responses {
		if i == skip || w.given[r.Task] < 0 {
			continue
		}
		for _, l := range p.parts[r.Task].links {
			if l.element != e || l.f == nil {
				continue
			}
			for j, x := range l.f[w.given[r.Task]*n : (w.given[r.Task]+1)*n] {
				f[j] *= x
			}
			scaled(f)
		}
	}
	return f
}

func (p *Prepared) pulls(w *workspace, e int, responses []Response, all float64) []Pull {
	out := []Pull{}
	for i, r := range responses {
		t := &p.parts[r.Task]
		if w.given[r.Task] < 0 || t.p == nil || !slices.ContainsFunc(t.links, func(l link) bool { return l.element == e && l.f != nil }) {
			continue
		}
		p.density(w, e, p.without(w, e, responses, i))
		expected, _ := t.foreseen(w.p)
		out = append(out, Pull{Task: t.ID, Points: r.Points, Max: t.Max, Omitted: r.State == Omitted, Expected: expected, Pull: logOdds(all) - logOdds(p.saying(w, e).P)})
	}
	slices.SortStableFunc(out, func(a, b Pull) int {
		return cmp.Or(cmp.Compare(max(b.Pull, -b.Pull), max(a.Pull, -a.Pull)), cmp.Compare(a.Task, b.Task))
	})
	return out
}

// logOdds is held within one to a million.
func logOdds(p float64) float64 {
	p = min(1-1e-6, max(1e-6, p))
	return math.Log(p / (1 - p))
}

// foreseen is the mean and the variance of the points of a task where x lies by density.
func (t *preparedTask) foreseen(density []float64) (mean, variance float64) {
	n := len(density)
	for k := range len(t.D) + 1 {
		q := 0.0
		for j, x := range density {
			q += x * t.p[k*n+j]
		}
		points := t.worth(k)
		mean += q * points
		variance += q * points * points
	}
	return mean, max(0, variance-mean*mean)
}
