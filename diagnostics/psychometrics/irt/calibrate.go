package irt

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Options say how to calibrate. The zero value of a field is its default.
type Options struct {
	Model Model
	// Tol ends the climb: no parameter moves by more in a step. Default 1e-7.
	Tol float64
	// NoSE leaves the standard errors out.
	NoSE bool
	// Fixed items keep their parameters, so that the others come out on their
	// scale. The latent mean and variance are then free.
	Fixed []ItemFit
	// Prior is added to each free item; 3PL has GuessingPrior where C is not given.
	Prior Prior
	// Evaluations of the likelihood at most. Default 500.
	Limit int
	// Progress, where given, hears how much of the work is done, 0…1, now and then.
	Progress func(part float64)
}

// Calibrate estimates items by marginal maximum likelihood (Bock & Aitkin 1981):
// ability is normal and integrated on 61 points of [−6, 6]; missing answers are
// left out of a person's likelihood. rasch and pcm have slope 1 and a free
// latent variance, the others the latent N(0,1). LogLik is of the data alone;
// 3PL's prior is apart in LogPrior. Errors are psychometrics.Faults that name
// the item; what can be lived with is in Warnings.
func Calibrate(r *psychometrics.Responses, opt Options) (*Fit, error) {
	if !opt.Model.known() {
		return nil, psychometrics.Faults{fmt.Sprintf("model %q, expected one of %v", opt.Model, Models)}
	}
	if opt.Tol == 0 {
		opt.Tol = 1e-7
	}
	if opt.Limit == 0 {
		opt.Limit = 500
	}
	if opt.Model == ThreePL && opt.Prior.C == (Beta{}) {
		opt.Prior.C = GuessingPrior
	}
	s, err := prepare(r, opt.Model, opt.Fixed)
	if err != nil {
		return nil, err
	}
	data := pack(s.categories, s.persons, s.cats())
	if len(s.items) == 0 || data.persons == 0 {
		return nil, psychometrics.Faults{"no item has answers with different scores: nothing can be estimated"}
	}
	anchored := false
	free := make([]bool, len(s.items))
	for i := range s.items {
		free[i] = !s.fixed[i]
		anchored = anchored || s.fixed[i]
	}
	if len(opt.Fixed) > 0 && !anchored {
		return nil, psychometrics.Faults{"none of the fixed items is among the columns: there is no scale to calibrate on"}
	}
	if groups := s.islands(); len(groups) > 1 {
		for _, g := range groups[1:] {
			s.warnings = append(s.warnings, fmt.Sprintf("items %s share no person with items %s: they are on one scale only if their persons are alike", s.names(g), s.names(groups[0])))
		}
	}
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	common := opt.Model == OnePL && !anchored
	if opt.Model == OnePL && anchored {
		s.takeSlope()
	}
	start(s, nodes, 0, 1, opt.Prior)
	e := newEngine(nodes, s.items, data)
	p := newProblem(e, opt.Prior, free, common, anchored, anchored || opt.Model == Rasch || opt.Model == PCM)
	p.progress = opt.Progress
	evaluations, converged := p.maximise(opt.Tol, opt.Limit)
	converged = converged && !slices.Contains(p.stuck, true) // the rest has, at that bound
	var cov *mat.SymDense
	alone := len(s.items) == 1 && !anchored && (opt.Model == Rasch || opt.Model == PCM)
	if alone {
		s.warnings = append(s.warnings, fmt.Sprintf("item %s alone: one item can't tell the spread of abilities from its own difficulty; no standard errors", s.items[0].ID))
	}
	if !opt.NoSE && !alone {
		var ok bool
		if cov, ok = p.covariance(); !ok {
			s.warnings = append(s.warnings, "the likelihood has no sharp maximum (its information is not positive definite): no standard errors")
			cov = nil
		}
	}
	p.tell(1)
	return p.fit(r, s, opt, evaluations, converged, cov), nil
}

// takeSlope gives the free items of 1PL the slope that the fixed ones have.
func (s *sheet) takeSlope() {
	sum, n := 0.0, 0.0
	for i := range s.items {
		if s.fixed[i] {
			sum += s.items[i].A
			n++
		}
	}
	for i := range s.items {
		if !s.fixed[i] {
			s.items[i].A = sum / n
		}
	}
}

// fit puts the answer together.
func (p *problem) fit(r *psychometrics.Responses, s *sheet, opt Options, evaluations int, converged bool, cov *mat.SymDense) *Fit {
	e, none := p.e, psychometrics.None
	prior := 0.0
	for i := range e.items {
		if p.free[i] {
			prior += e.items[i].logPrior(opt.Prior)
		}
	}
	loglik := p.value - prior - float64(e.data.persons)*p.normaliser()
	f := &Fit{Model: opt.Model, Estimator: "mml", LogLik: psychometrics.Number(loglik), LogPrior: psychometrics.Number(prior),
		Parameters: len(p.places), Iterations: evaluations, Converged: converged, RowsUsed: e.data.persons,
		Latent:   Latent{psychometrics.Number(p.mean), psychometrics.Number(p.sd), none, none},
		Warnings: append(append([]string{}, r.Warnings...), s.warnings...)}
	f.criteria()
	variance := func(a, b place) float64 {
		i, j := p.at(a), p.at(b)
		if cov == nil || i < 0 || j < 0 {
			return math.NaN()
		}
		return cov.At(i, j)
	}
	f.Latent.MeanSE = root(variance(place{item: latentMean}, place{item: latentMean}))
	f.Latent.SDSE = root(variance(place{item: latentLogSD}, place{item: latentLogSD})) * psychometrics.Number(p.sd)
	next := 0
	for column, id := range r.Items {
		if next == len(s.items) || s.column[next] != column {
			f.Items = append(f.Items, emptyItem(id, opt.Model))
			continue
		}
		i := next
		next++
		it := &e.items[i]
		out := itemFit(it, s, i)
		for k := range it.D {
			out.DSE[k] = root(variance(place{i, k + 1}, place{i, k + 1}))
			out.BSE[k] = root(it.varianceOfB(k, func(a, b int) float64 {
				if it.Model.slopeFixed() && p.at(place{item: commonSlope}) < 0 && (a == 0 || b == 0) {
					return 0
				}
				return variance(place{i, a}, place{i, b})
			}))
		}
		out.ASE = root(variance(place{i, 0}, place{i, 0}))
		out.Cov = covarianceOf(it, func(a, b int) float64 { return variance(place{i, a}, place{i, b}) })
		if it.Model == ThreePL {
			out.CSE = root(variance(place{i, 2}, place{i, 2})) * psychometrics.Number(it.C*(1-it.C))
		}
		f.Items = append(f.Items, out)
		switch {
		case p.stuck[i]:
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s: its parameters run away without end (the answers split persons perfectly, or nearly): stopped at a = %g", it.ID, it.A))
		case p.free[i] && math.Abs(it.A) < flatSlope:
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s: its slope is 0: answers to it say nothing of ability, and it has no difficulty", it.ID))
			last := &f.Items[len(f.Items)-1]
			for k := range last.B {
				last.B[k], last.BSE[k] = none, none
			}
		case p.free[i] && it.A < 0:
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s: its slope is below 0: abler persons do worse on it; is its key right?", it.ID))
		case p.free[i] && math.Abs(it.A) > 10:
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s: its slope %.3g is steeper than the grid of abilities can tell", it.ID, it.A))
		case p.free[i] && slices.ContainsFunc(f.Items[len(f.Items)-1].B, func(b psychometrics.Number) bool { return math.Abs(float64(b)) > 4*GridEnd }):
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s: its slope %.3g is nearly 0 or its answers nearly all alike: its difficulty lies far outside of the scale", it.ID, it.A))
		}
	}
	if out := beyondGrid(p.mean, p.sd); out > 0.01 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the latent distribution, mean %.2f and sd %.2f, has %.0f %% of its persons outside of the grid [−6, 6]", p.mean, p.sd, 100*out))
	}
	if se := finest(e.items); se < fineSE/1.5 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the items together measure to %.2f, more finely than the grid's 0.2: the last digits are the grid's", se))
	}
	if e.data.persons < len(p.places) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d persons and %d parameters: the estimates are hardly more than a description of these persons", e.data.persons, len(p.places)))
	}
	if !converged && !slices.Contains(p.stuck, true) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("not converged after %d evaluations of the likelihood", evaluations))
	}
	return f
}

// covarianceOf is the covariance of (a, d_1…), row by row, of parameters that were estimated
// (variance is NaN of the others, which are as known); nil where none was.
func covarianceOf(it *Item, variance func(a, b int) float64) (cov []psychometrics.Number) {
	places, known := []int{0}, false
	for k := range it.D {
		places = append(places, k+1)
	}
	for _, a := range places {
		for _, b := range places {
			v := variance(a, b)
			if math.IsNaN(v) {
				v = 0
			}
			known = known || a == b && v > 0
			cov = append(cov, psychometrics.Number(v))
		}
	}
	if !known {
		return nil
	}
	return cov
}

// flatSlope is where a slope is 0 for all that the likelihood can tell.
const flatSlope = 1e-4

// beyondGrid is the share of a normal distribution outside of the grid.
func beyondGrid(mean, sd float64) float64 {
	n := distuv.Normal{Mu: mean, Sigma: sd}
	return n.CDF(-GridEnd) + n.Survival(GridEnd)
}

// criteria fills AIC and BIC.
func (f *Fit) criteria() {
	k := float64(f.Parameters)
	f.AIC = -2*f.LogLik + psychometrics.Number(2*k)
	f.BIC = -2*f.LogLik + psychometrics.Number(k*math.Log(float64(f.RowsUsed)))
}

// itemFit is item i of the sheet without standard errors.
func itemFit(it *Item, s *sheet, i int) ItemFit {
	none := psychometrics.None
	out := ItemFit{ID: it.ID, Model: it.Model, N: s.answers[i], Fixed: s.fixed[i], Scores: it.Scores,
		A: psychometrics.Number(it.A), ASE: none, C: psychometrics.Number(it.C), CSE: none,
		D: numbers(it.D), B: numbers(it.B()), DSE: make([]psychometrics.Number, len(it.D)), BSE: make([]psychometrics.Number, len(it.D))}
	for k := range it.D {
		out.DSE[k], out.BSE[k] = none, none
	}
	return out
}

// emptyItem is an item that could not be estimated: it has no figures.
func emptyItem(id string, m Model) ItemFit {
	none := []psychometrics.Number{psychometrics.None}
	return ItemFit{ID: id, Model: m, A: none[0], ASE: none[0], C: none[0], CSE: none[0], D: none, DSE: none, B: none, BSE: none}
}

// varianceOfB is the variance of difficulty k by the delta method; v gives the
// covariance of two item parameters (order a, d…).
func (it *Item) varianceOfB(k int, v func(a, b int) float64) float64 {
	// b = −(d_k − d_{k−1})/a, or −d_k/a.
	index, weight := []int{0, k + 1}, []float64{-it.B()[k] / it.A, -1 / it.A}
	if k > 0 && !it.cumulative() {
		index, weight = append(index, k), append(weight, 1/it.A)
	}
	sum := 0.0
	for i, a := range index {
		for j, b := range index {
			sum += weight[i] * weight[j] * v(a, b)
		}
	}
	return sum
}

// root is a standard error from a variance; none where there is no variance.
func root(v float64) psychometrics.Number {
	if !(v >= 0) || math.IsInf(v, 0) {
		return psychometrics.None
	}
	return psychometrics.Number(math.Sqrt(v))
}
