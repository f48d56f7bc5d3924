package irt

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Item parameters stand in the order a, d_1…d_m, and for 3PL logit c.

// parameters counts them, free or not.
func (it *Item) parameters() int {
	if it.Model == ThreePL {
		return len(it.D) + 2
	}
	return len(it.D) + 1
}

// A Normal is a normal density; SD 0 stands for none.
type Normal struct{ Mean, SD float64 }

// A Beta is the density x^(Alpha−1)·(1−x)^(Beta−1)/B; zero stands for none.
type Beta struct{ Alpha, Beta float64 }

// A Prior is what is known of an item beforehand; its log density is added to
// the log-likelihood. That of C is on c itself, without a Jacobian (as mirt does).
type Prior struct {
	A, D Normal
	C    Beta
}

// GuessingPrior is the prior that 3PL is given: c about 0.2.
var GuessingPrior = Beta{5, 17}

// logDensity is the log of Beta(x).
func (b Beta) logDensity(x float64) float64 {
	if b.Alpha == 0 && b.Beta == 0 {
		return 0
	}
	la, _ := math.Lgamma(b.Alpha)
	lb, _ := math.Lgamma(b.Beta)
	lab, _ := math.Lgamma(b.Alpha + b.Beta)
	return (b.Alpha-1)*math.Log(x) + (b.Beta-1)*math.Log1p(-x) + lab - la - lb
}

// logPrior is the log prior density of the item's parameters.
func (it *Item) logPrior(pr Prior) float64 {
	sum := 0.0
	normal := func(n Normal, x float64) {
		if n.SD > 0 {
			z := (x - n.Mean) / n.SD
			sum -= z*z/2 + math.Log(n.SD) + math.Log(2*math.Pi)/2
		}
	}
	if !it.Model.slopeFixed() {
		normal(pr.A, it.A)
	}
	for _, d := range it.D {
		normal(pr.D, d)
	}
	if it.Model == ThreePL {
		sum += pr.C.logDensity(it.C)
	}
	return sum
}

// priorSlopes adds the prior's gradient to g and its (negative) second
// derivatives, with the sign turned, to the diagonal of info.
func (it *Item) priorSlopes(pr Prior, g, info []float64) {
	n := it.parameters()
	normal := func(p Normal, x float64, k int) {
		if p.SD > 0 {
			g[k] -= (x - p.Mean) / (p.SD * p.SD)
			info[k*n+k] += 1 / (p.SD * p.SD)
		}
	}
	if !it.Model.slopeFixed() {
		normal(pr.A, it.A, 0)
	}
	for k, d := range it.D {
		normal(pr.D, d, k+1)
	}
	if it.Model == ThreePL && (pr.C.Alpha != 0 || pr.C.Beta != 0) {
		// By the logit γ of c: d log Beta/dγ = (α−1)(1−c) − (β−1)c.
		k, c, r := n-1, it.C, pr.C.Alpha+pr.C.Beta-2
		g[k] += pr.C.Alpha - 1 - r*c
		info[k*n+k] += r * c * (1 - c)
	}
}

// scores fills s with ∂ log P(X = k | θ)/∂ξ, one row of parameters() a
// category, and p with the probabilities.
func (it *Item) scores(theta float64, p, s []float64) {
	n := it.parameters()
	it.Probabilities(theta, p)
	clear(s[:(len(it.D)+1)*n])
	switch {
	case it.Model == ThreePL:
		f := logistic(it.A*theta + it.D[0])
		w := (1 - it.C) * f * logistic(-it.A*theta-it.D[0]) // ∂P₁/∂d
		up := it.C * p[0]                                   // ∂P₁/∂γ = c(1−c)(1−F)
		for k := range 2 {
			q := math.Max(p[k], tiny)
			if k == 0 {
				q = -math.Max(p[0], tiny)
			}
			s[k*n], s[k*n+1], s[k*n+2] = w*theta/q, w/q, up/q
		}
	case len(it.D) == 1:
		s[0], s[1] = -p[1]*theta, -p[1]
		s[2], s[3] = p[0]*theta, p[0]
	case it.cumulative():
		for k := range it.D {
			f := logistic(it.A*theta + it.D[k])
			w := f * logistic(-it.A*theta-it.D[k])
			// ∂P_k/∂d_{k+1} = −w, ∂P_{k+1}/∂d_{k+1} = +w.
			low, high := w/math.Max(p[k], tiny), w/math.Max(p[k+1], tiny)
			s[k*n+k+1] -= low
			s[k*n] -= low * theta
			s[(k+1)*n+k+1] += high
			s[(k+1)*n] += high * theta
		}
	default:
		mean := 0.0
		for k, x := range p[:len(it.D)+1] {
			mean += float64(k) * x
		}
		for c := range p[:len(it.D)+1] {
			row := s[c*n : (c+1)*n]
			row[0] = theta * (float64(c) - mean)
			for k := range it.D {
				row[k+1] = -p[k+1]
			}
			if c > 0 {
				row[c]++
			}
		}
	}
}

// A slopeTable is an item's probabilities and scores at every node.
type slopeTable struct {
	p []float64 // node × category
	s []float64 // node × category × parameter
}

func (it *Item) slopeTable(nodes []float64, t *slopeTable) {
	m, n := len(it.D)+1, it.parameters()
	if cap(t.p) < len(nodes)*m {
		t.p = make([]float64, len(nodes)*m)
	}
	if cap(t.s) < len(nodes)*m*n {
		t.s = make([]float64, len(nodes)*m*n)
	}
	t.p, t.s = t.p[:len(nodes)*m], t.s[:len(nodes)*m*n]
	for q, theta := range nodes {
		it.scores(theta, t.p[q*m:(q+1)*m], t.s[q*m*n:(q+1)*m*n])
	}
}

// gradient adds to g the gradient of Σ counts[k][q]·log P_k(q), and to info
// (row by row, n × n) the expected information Σ_q N_q Σ_k P_k s_k s_kᵀ, where
// N_q are the counts of node q. info may be nil.
func (it *Item) gradient(t *slopeTable, counts [][]float64, g, info []float64) {
	m, n := len(it.D)+1, it.parameters()
	for q := range counts[0] {
		p, s := t.p[q*m:(q+1)*m], t.s[q*m*n:(q+1)*m*n]
		total := 0.0
		for k := range m {
			r := counts[k][q]
			if r == 0 {
				continue
			}
			total += r
			for i, x := range s[k*n : (k+1)*n] {
				g[i] += r * x
			}
		}
		if info == nil || total == 0 {
			continue
		}
		for k := range m {
			w, row := total*p[k], s[k*n:(k+1)*n]
			for i, x := range row {
				for j := range i + 1 {
					info[i*n+j] += w * x * row[j]
				}
			}
		}
	}
	for i := range n {
		for j := range i {
			if info != nil {
				info[j*n+i] = info[i*n+j]
			}
		}
	}
}

// expectedLog is Σ counts[k][q]·log P_k(q) + log prior: what the M-step raises.
func (it *Item) expectedLog(nodes []float64, counts [][]float64, pr Prior) float64 {
	l := make([]float64, len(it.D)+1)
	sum := it.logPrior(pr)
	for q, theta := range nodes {
		it.LogProbabilities(theta, l)
		for k, x := range l {
			if r := counts[k][q]; r != 0 {
				sum += r * x
			}
		}
	}
	return sum
}

// Parameters live inside these bounds, so that an item that everybody solves,
// or that splits persons perfectly, has an end to run to.
const (
	maxSlope     = 40.0
	maxIntercept = 60.0
	minGuessing  = 1e-6
	maxGuessing  = 0.9
)

// moved gives the item stepped by h times step; ok is false outside its bounds.
func (it *Item) moved(step []float64, h float64) (out Item, ok bool) {
	out = it.clone()
	if !it.Model.slopeFixed() {
		out.A += h * step[0]
	}
	for k := range out.D {
		out.D[k] += h * step[k+1]
	}
	if it.Model == ThreePL {
		g := math.Log(it.C/(1-it.C)) + h*step[len(step)-1]
		out.C = min(max(logistic(g), minGuessing), maxGuessing)
	}
	return out, out.inside()
}

// inside says whether the parameters are within their bounds, and those of GRM fall.
func (it *Item) inside() bool {
	if !(math.Abs(it.A) <= maxSlope) {
		return false
	}
	for k, d := range it.D {
		if !(math.Abs(d) <= maxIntercept*float64(len(it.D))) {
			return false
		}
		if k > 0 && it.cumulative() && !(it.D[k-1]-d > 1e-8) {
			return false
		}
	}
	return true
}

// Maximise is the M-step: it moves the item's free parameters to the maximum of
// Σ_q Σ_k counts[k][q]·log P_k(nodes[q]) + the log prior, by Fisher scoring with
// halved steps, which never lowers it. counts holds a row of len(nodes) expected
// numbers of persons for each category 0…Max(). The slope is held where the
// model holds it (rasch, pcm; 1pl, whose common slope is no one item's). It
// answers how many steps it took, at most 50.
func (it *Item) Maximise(nodes []float64, counts [][]float64, pr Prior) (steps int) {
	n := it.parameters()
	g, info := make([]float64, n), make([]float64, n*n)
	var t slopeTable
	now := it.expectedLog(nodes, counts, pr)
	for steps < 50 {
		clear(g)
		clear(info)
		it.slopeTable(nodes, &t)
		it.gradient(&t, counts, g, info)
		it.priorSlopes(pr, g, info)
		if it.Model.slopeFixed() {
			hold(g, info, 0)
		}
		step, ok := solve(info, g)
		if !ok {
			return steps
		}
		steps++
		h, taken := 1.0, false
		for range 30 {
			if next, ok := it.moved(step, h); ok {
				if then := next.expectedLog(nodes, counts, pr); then >= now {
					*it, now, taken = next, then, true
					break
				}
			}
			h /= 2
		}
		longest := 0.0
		for _, x := range step {
			longest = max(longest, math.Abs(x))
		}
		if !taken || h*longest < 1e-10 {
			return steps
		}
	}
	return steps
}

// hold takes parameter k out of a system: no gradient, information 1 of its own.
func hold(g, info []float64, k int) {
	n := len(g)
	for j := range n {
		info[k*n+j], info[j*n+k] = 0, 0
	}
	g[k], info[k*n+k] = 0, 1
}

// solve gives x of A·x = b for a symmetric positive matrix A, with a ridge added
// where A is not definite; ok is false where b is not finite.
func solve(a, b []float64) (x []float64, ok bool) {
	n := len(b)
	trace := 0.0
	for i, v := range b {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		trace += a[i*n+i]
	}
	if !(trace > 0) || math.IsInf(trace, 0) {
		return nil, false
	}
	sym := mat.NewSymDense(n, append([]float64(nil), a...))
	out := mat.NewVecDense(n, nil)
	for ridge := trace * 1e-12; ridge < trace*1e6; ridge *= 100 {
		var c mat.Cholesky
		if c.Factorize(sym) && c.Cond() < 1e14 {
			if c.SolveVecTo(out, mat.NewVecDense(n, b)) == nil {
				return out.RawVector().Data, true
			}
		}
		for i := range n {
			sym.SetSym(i, i, a[i*n+i]+ridge)
		}
	}
	return nil, false
}
