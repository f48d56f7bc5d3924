package irt

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Method says how a person is put on the scale of known items.
type Method string

// The methods.
const (
	EAP Method = "eap" // mean of the posterior; SE its sd (Bock & Mislevy 1982)
	MAP Method = "map" // its top; SE = 1/√(information + 1/variance)
	WLE Method = "wle" // weighted likelihood (Warm 1989); SE = 1/√information
	ML  Method = "ml"  // maximum likelihood; SE = 1/√information, none for a perfect score
)

// Methods lists them all.
var Methods = []Method{EAP, MAP, WLE, ML}

// A Score is a person on the scale; figures that do not exist are null.
type Score struct {
	Person string               `json:"person"`
	Theta  psychometrics.Number `json:"theta"`
	SE     psychometrics.Number `json:"se"`
}

// Scores are the persons in the order of the responses.
type Scores struct {
	Method   Method   `json:"method"`
	Persons  []Score  `json:"persons"`
	Warnings []string `json:"warnings"`
}

// Score estimates persons at the items of the fit. Information is the expected
// one, summed over the items the person answered. The prior of EAP and MAP is
// the fit's latent distribution; EAP sums over 61 points of [−6, 6], four times as
// many where the items measure more finely than those tell. A person
// without answers has the prior as EAP and MAP, and no other score. Columns that
// the fit does not know are left out with a warning; a score above an item's
// categories is a fault.
func (f *Fit) Score(r *psychometrics.Responses, m Method) (*Scores, error) {
	if !slices.Contains(Methods, m) {
		return nil, psychometrics.Faults{fmt.Sprintf("method %q, expected one of %v", m, Methods)}
	}
	s, err := f.sheet(r)
	if err != nil {
		return nil, err
	}
	theta, se := s.score(f.prior(), m)
	out := &Scores{Method: m, Persons: make([]Score, len(r.Persons)), Warnings: append(append([]string{}, r.Warnings...), s.warnings...)}
	for p, id := range r.Persons {
		out.Persons[p] = Score{id, psychometrics.Number(theta[p]), psychometrics.Number(se[p])}
	}
	return out, nil
}

// prior is the latent distribution.
func (f *Fit) prior() Normal {
	n := Normal{float64(f.Latent.Mean), float64(f.Latent.SD)}
	if math.IsNaN(n.Mean) {
		n.Mean = 0
	}
	if math.IsNaN(n.SD) {
		n.SD = 1
	}
	return n
}

// sheet makes responses ready for the known items of the fit.
func (f *Fit) sheet(r *psychometrics.Responses) (*sheet, error) {
	var items []ItemFit
	for _, it := range f.Items {
		if !it.empty() {
			items = append(items, it)
		}
	}
	here := make([]int, 0, len(r.Items))
	var unknown []string
	for i, id := range r.Items {
		if slices.ContainsFunc(items, func(it ItemFit) bool { return it.ID == id }) {
			here = append(here, i)
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(here) == 0 {
		return nil, psychometrics.Faults{fmt.Sprintf("none of the %d columns is an item of the fit (its first is %s)", len(r.Items), items[0].ID)}
	}
	items = slices.DeleteFunc(items, func(it ItemFit) bool { return !slices.Contains(r.Items, it.ID) })
	part := r
	if len(unknown) > 0 {
		part = r.Select(here)
	}
	s, err := prepare(part, f.Model, items)
	if err != nil {
		return nil, err
	}
	for i := range s.column {
		s.column[i] = here[s.column[i]]
	}
	for _, id := range unknown {
		s.warnings = append(s.warnings, fmt.Sprintf("item %s is not in the fit: left out", id))
	}
	for p := range s.persons {
		if !slices.ContainsFunc(s.row(p), func(c int16) bool { return c >= 0 }) && slices.ContainsFunc(r.Row(p), func(c psychometrics.Cell) bool { _, ok := c.Score(); return ok }) {
			s.warnings = append(s.warnings, fmt.Sprintf("person %s has no answers to the items of the fit", r.Persons[p]))
		}
	}
	return s, nil
}

// score gives every person's estimate and standard error, NaN where there is none.
func (s *sheet) score(prior Normal, m Method) (theta, se []float64) {
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	if finest(s.items) < fineSE {
		nodes = Nodes(4*(DefaultNodes-1)+1, -GridEnd, GridEnd)
	}
	data := pack(s.categories, s.persons, s.cats())
	e := newEngine(nodes, s.items, data)
	e.tabulate()
	patterns := len(data.weight)
	at, err := make([]float64, patterns), make([]float64, patterns)
	logw := make([]float64, len(nodes))
	if m == EAP || m == MAP {
		for q, x := range nodes {
			z := (x - prior.Mean) / prior.SD
			logw[q] = -z * z / 2
		}
	}
	answers := make([]int32, patterns) // a person who has the pattern
	for p := s.persons - 1; p >= 0; p-- {
		if data.of[p] >= 0 {
			answers[data.of[p]] = int32(p)
		}
	}
	var weights []float64 // by row: Warm's weights cannot be tabulated, their start can
	if m == WLE {
		weights = s.informationTable(e)
	}
	sharded(func(shard int) {
		l, extra := make([]float64, len(nodes)), make([]float64, len(nodes))
		lo, hi := e.part(shard)
		for i := lo; i < hi; i++ {
			if m == EAP {
				w, post, _ := e.posterior(i, logw, l)
				mean, square := 0.0, 0.0
				grid := nodes[w.lo:w.hi]
				for q, x := range post {
					mean += x * grid[q]
				}
				for q, x := range post {
					square += x * (grid[q] - mean) * (grid[q] - mean)
				}
				at[i], err[i] = mean, math.Sqrt(square)
				continue
			}
			top := e.sum(i, span{0, uint16(len(nodes))}, logw, l)
			if m == WLE {
				clear(extra)
				for _, r := range data.row[data.start[i]:data.start[i+1]] {
					add(extra, weights[int(r)*len(nodes):(int(r)+1)*len(nodes)])
				}
				for q, x := range extra {
					top[q] += math.Log(math.Max(x, tiny)) / 2
				}
			}
			best := 0
			for q := range top {
				if top[q] > top[best] {
					best = q
				}
			}
			at[i], err[i] = s.climb(s.row(int(answers[i])), prior, m, nodes, best)
		}
	})
	theta, se = make([]float64, s.persons), make([]float64, s.persons)
	for p, i := range data.of {
		switch {
		case i >= 0:
			theta[p], se[p] = at[i], err[i]
		case m == EAP || m == MAP:
			theta[p], se[p] = prior.Mean, prior.SD
		default:
			theta[p], se[p] = math.NaN(), math.NaN()
		}
	}
	return theta, se
}

// fineSE is the standard error below which sums over points 0.2 apart begin to
// show the points (their error falls as exp(−2π²·(SE/0.2)²): 1e-5 here).
const fineSE = 0.15

// finest is the smallest standard error that the items promise anywhere.
func finest(items []Item) float64 {
	most := 0.0
	for _, row := range Information(items, Nodes(DefaultNodes, -GridEnd, GridEnd)) {
		most = math.Max(most, row.Information)
	}
	return 1 / math.Sqrt(math.Max(most, tiny))
}

// informationTable holds, by row of the blocks' tables, the information of the
// items answered there, at every node.
func (s *sheet) informationTable(e *engine) []float64 {
	values := cube(s.items, len(e.nodes))
	for i := range s.items {
		for q, x := range e.nodes {
			values[i][0][q] = s.items[i].Information(x)
		}
		for k := 1; k < len(values[i]); k++ {
			copy(values[i][k], values[i][0])
		}
	}
	table := make([]float64, len(e.table))
	for b := range e.data.blocks {
		e.data.blocks[b].unfold(table, len(e.nodes), values)
	}
	return table
}

// farthest is how far from 0 a score is looked for.
const farthest = 30.0

// climb finds the top of the criterion of MAP, WLE or ML near node best, where
// it is the highest of all nodes: the zero of its slope, by bisection mixed with
// secants (Illinois), to 1e-12. There is none where the slope keeps its sign as
// far as ±30.
func (s *sheet) climb(row []int16, prior Normal, m Method, nodes []float64, best int) (theta, se float64) {
	step := nodes[1] - nodes[0]
	lo, hi := nodes[best]-step, nodes[best]+step
	fl, fh := s.slope(row, lo, prior, m), s.slope(row, hi, prior, m)
	for grow := step; fl < 0 || fh > 0; grow *= 2 {
		switch {
		case fl < 0: // the top is further down
			hi, fh = lo, fl
			lo -= grow
			if lo < -farthest {
				return math.NaN(), math.NaN()
			}
			fl = s.slope(row, lo, prior, m)
		default:
			lo, fl = hi, fh
			hi += grow
			if hi > farthest {
				return math.NaN(), math.NaN()
			}
			fh = s.slope(row, hi, prior, m)
		}
	}
	side := 0
	for range 200 {
		if hi-lo < 1e-12 || fl == 0 && fh == 0 {
			break
		}
		theta = lo + (hi-lo)*fl/(fl-fh)
		if !(theta > lo && theta < hi) {
			theta = lo + (hi-lo)/2
		}
		f := s.slope(row, theta, prior, m)
		switch {
		case math.Abs(f) < 1e-14:
			lo, hi = theta, theta
		case f > 0:
			lo, fl = theta, f
			if side == 1 {
				fh /= 2
			}
			side = 1
		default:
			hi, fh = theta, f
			if side == -1 {
				fl /= 2
			}
			side = -1
		}
	}
	theta = lo + (hi-lo)/2
	info := 0.0
	for i, c := range row {
		if c >= 0 {
			info += s.items[i].Information(theta)
		}
	}
	if m == MAP {
		info += 1 / (prior.SD * prior.SD)
	}
	if !(info > 0) {
		return theta, math.NaN()
	}
	return theta, 1 / math.Sqrt(info)
}

// slope is the derivative of the criterion at theta.
func (s *sheet) slope(row []int16, theta float64, prior Normal, m Method) float64 {
	var room [3 * 12]float64
	sum, info, j := 0.0, 0.0, 0.0
	for i, c := range row {
		if c < 0 {
			continue
		}
		it := &s.items[i]
		n := it.Max() + 1
		p := room[:]
		if 3*n > len(p) {
			p = make([]float64, 3*n)
		}
		p, p1, p2 := p[:n], p[n:2*n], p[2*n:3*n]
		it.slopes(theta, p, p1, p2)
		if p[c] > 0 {
			sum += p1[c] / p[c]
		}
		if m == WLE {
			for k := range p {
				if p[k] > tiny {
					info += p1[k] * p1[k] / p[k]
					j += p1[k] * p2[k] / p[k]
				}
			}
		}
	}
	switch m {
	case MAP:
		sum -= (theta - prior.Mean) / (prior.SD * prior.SD)
	case WLE:
		if info > 0 {
			sum += j / (2 * info)
		}
	}
	return sum
}
