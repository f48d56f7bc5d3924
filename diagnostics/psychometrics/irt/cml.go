package irt

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// CalibrateCML estimates the difficulties of the Rasch model by conditional
// maximum likelihood (Andersen 1972): given a person's raw score the ability
// drops out, so that no distribution of ability is assumed. Items score 0 and 1;
// only complete rows take part, and of those only raw scores between none and
// all right carry information. The b add up to 0; LogLik is the conditional one.
// Newton's method on the elementary symmetric functions, whose sums have no
// differences in them and so no cancellation, ends where no b moves by tol
// (default 1e-10). Standard errors come from the conditional information under
// the same sum. Items that split the persons so that no estimate exists (Fischer
// 1981) are a fault that names them.
func CalibrateCML(r *psychometrics.Responses, opt Options) (*Fit, error) {
	if opt.Model != Rasch {
		return nil, psychometrics.Faults{fmt.Sprintf("model %q by cml, expected rasch", opt.Model)}
	}
	if len(opt.Fixed) > 0 {
		return nil, psychometrics.Faults{"fixed items by cml, expected the estimator mml"}
	}
	for p := range r.Persons {
		for i, c := range r.Row(p) {
			if c > 1 {
				return nil, psychometrics.Faults{fmt.Sprintf("person %s, item %s: score %d, expected 0 and 1 by cml (mml takes more)", r.Persons[p], r.Items[i], c)}
			}
		}
	}
	complete := r.Complete()
	part := &psychometrics.Responses{Items: r.Items, Max: r.Max, Warnings: append([]string{}, r.Warnings...)}
	for _, p := range complete {
		part.Persons = append(part.Persons, r.Persons[p])
		part.Cells = append(part.Cells, r.Row(p)...)
	}
	if n := len(r.Persons) - len(complete); n > 0 {
		part.Warnings = append(part.Warnings, fmt.Sprintf("%d of %d persons have missing answers: only complete rows take part", n, len(r.Persons)))
	}
	if len(complete) == 0 {
		return nil, psychometrics.Faults{"no person has answers to every item: the conditional likelihood needs complete rows"}
	}
	s, err := prepare(part, Rasch, nil)
	if err != nil {
		return nil, err
	}
	k := len(s.items)
	if k < 2 {
		return nil, psychometrics.Faults{"fewer than two items have answers with different scores: nothing can be compared"}
	}
	if easy, hard := s.split(); easy != nil {
		return nil, psychometrics.Faults{fmt.Sprintf("whoever has any of items %s right has all of items %s right: their distance has no end; leave one of the groups out", s.names(hard), s.names(easy))}
	}
	right := make([]float64, k)
	byScore := make([]float64, k+1)
	for p := range s.persons {
		sum := 0
		for i, c := range s.row(p) {
			right[i] += float64(c)
			sum += int(c)
		}
		byScore[sum]++
	}
	for i := range right {
		right[i] -= byScore[k] // perfect scores carry nothing
	}
	b := make([]float64, k)
	informative := float64(s.persons) - byScore[0] - byScore[k]
	for i := range b {
		b[i] = -math.Log(right[i] / (informative - right[i]))
	}
	centre(b)
	tol, limit := opt.Tol, opt.Limit
	if tol == 0 || tol > 1e-9 {
		tol = 1e-10
	}
	if limit == 0 {
		limit = 200
	}
	c := conditional{right: right, byScore: byScore}
	value, grad, info := c.at(b)
	iterations, converged := 0, false
	for iterations < limit && !converged {
		iterations++
		step, ok := sumZero(info, grad)
		if !ok {
			break
		}
		h, longest := 1.0, 0.0
		for _, x := range step {
			longest = max(longest, math.Abs(x))
		}
		for {
			next := make([]float64, k)
			for i := range b {
				next[i] = b[i] + h*step[i]
			}
			centre(next)
			v, g, f := c.at(next)
			if v >= value-1e-12*math.Abs(value) {
				b, value, grad, info = next, v, g, f
				break
			}
			if h /= 2; h < 1e-10 {
				break
			}
		}
		converged = h*longest < tol
		if h < 1e-10 {
			break
		}
	}
	none := psychometrics.None
	f := &Fit{Model: Rasch, Estimator: "cml", LogLik: psychometrics.Number(value), LogPrior: 0, Parameters: k - 1,
		Iterations: iterations, Converged: converged, RowsUsed: s.persons, Latent: Latent{none, none, none, none},
		Warnings: append(append([]string{}, part.Warnings...), s.warnings...)}
	f.criteria()
	var cov *mat.Dense
	if !opt.NoSE {
		cov = pseudoInverse(info)
	}
	next := 0
	for column, id := range r.Items {
		if next == k || s.column[next] != column {
			f.Items = append(f.Items, emptyItem(id, Rasch))
			continue
		}
		s.items[next].Model, s.items[next].A, s.items[next].D[0] = Rasch, 1, -b[next]
		out := itemFit(&s.items[next], s, next)
		if cov != nil {
			out.DSE[0] = root(cov.At(next, next))
			out.BSE[0] = out.DSE[0]
		}
		f.Items = append(f.Items, out)
		next++
	}
	if s.persons < f.Parameters {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d persons and %d parameters: the estimates are hardly more than a description of these persons", s.persons, f.Parameters))
	}
	if !converged {
		f.Warnings = append(f.Warnings, fmt.Sprintf("not converged after %d steps", iterations))
	}
	return f, nil
}

func centre(b []float64) {
	mean := 0.0
	for _, x := range b {
		mean += x / float64(len(b))
	}
	for i := range b {
		b[i] -= mean
	}
}

// A conditional is the data of the conditional likelihood: right answers by
// item (of persons with informative scores) and persons by raw score.
type conditional struct {
	right, byScore []float64
}

// at gives the conditional log-likelihood, its gradient by b and its information
// (minus the Hessian).
//
// With ε_i = exp(−b_i) and γ_r the elementary symmetric function of order r,
// log L = −Σ right_i·b_i − Σ_r n_r·log γ_r. P(i | r) = ε_i·γ_{r−1}^{(i)}/γ_r and
// P(i, j | r) = ε_i ε_j γ_{r−2}^{(ij)}/γ_r, where (i) leaves item i out. The
// functions without an item are summed anew, so that nothing is subtracted; those
// without two are (γ^{(i)} − γ^{(j)})/(ε_j − ε_i) where the two differ enough
// that a digit at most is lost (Gustafsson 1980; Verhelst, Glas & van der Sluis 1984).
func (c *conditional) at(b []float64) (value float64, grad []float64, info *mat.SymDense) {
	k := len(b)
	eps := make([]float64, k)
	for i, x := range b {
		eps[i] = math.Exp(-x)
	}
	all := esf(eps)
	grad = make([]float64, k)
	info = mat.NewSymDense(k, nil)
	weight := make([]float64, k+1) // persons of the scores that carry information
	for r := 1; r < k; r++ {
		if c.byScore[r] > 0 {
			value -= c.byScore[r] * (math.Log(all.f[r]) + float64(all.exp)*math.Ln2)
			weight[r] = c.byScore[r]
		}
	}
	p := make([][]float64, k) // P(i | r)
	without := make([]gamma, k)
	rest := make([]float64, 0, k)
	for i := range b {
		value -= c.right[i] * b[i]
		without[i] = esf(append(append(rest[:0], eps[:i]...), eps[i+1:]...))
		p[i] = make([]float64, k+1)
		scale := math.Ldexp(eps[i], without[i].exp-all.exp)
		h := 0.0
		for r := 1; r < k; r++ {
			if weight[r] > 0 {
				p[i][r] = scale * without[i].f[r-1] / all.f[r]
				grad[i] += weight[r] * p[i][r]
				h += weight[r] * p[i][r] * (1 - p[i][r])
			}
		}
		grad[i] -= c.right[i]
		info.SetSym(i, i, h)
	}
	sharded(func(shard int) {
		rest := make([]float64, 0, k)
		for i := shard; i < k; i += shards {
			for j := range i {
				var both func(r int) float64 // P(i, j | r)
				if gap := eps[j] - eps[i]; math.Abs(gap) > 0.2*math.Max(eps[i], eps[j]) {
					mine, its := math.Ldexp(eps[i]*eps[j]/gap, without[i].exp-all.exp), math.Ldexp(eps[i]*eps[j]/gap, without[j].exp-all.exp)
					both = func(r int) float64 {
						return (mine*without[i].f[r-1] - its*without[j].f[r-1]) / all.f[r]
					}
				} else {
					pair := esf(append(append(append(rest[:0], eps[:j]...), eps[j+1:i]...), eps[i+1:]...))
					scale := math.Ldexp(eps[i]*eps[j], pair.exp-all.exp)
					both = func(r int) float64 {
						if r < 2 {
							return 0
						}
						return scale * pair.f[r-2] / all.f[r]
					}
				}
				h := 0.0
				for r := 1; r < k; r++ {
					if weight[r] > 0 {
						h += weight[r] * (both(r) - p[i][r]*p[j][r])
					}
				}
				info.SetSym(i, j, h)
			}
		}
	})
	return value, grad, info
}

// A gamma holds elementary symmetric functions f_r·2^exp of orders 0…k.
type gamma struct {
	f   []float64
	exp int
}

// esf sums up the elementary symmetric functions, item by item; a common power
// of two keeps them within range.
func esf(eps []float64) gamma {
	g := gamma{f: make([]float64, len(eps)+1)}
	g.f[0] = 1
	for n, e := range eps {
		top := 0.0
		for r := n + 1; r > 0; r-- {
			g.f[r] += e * g.f[r-1]
			top = math.Max(top, g.f[r])
		}
		if top > 1e100 {
			_, x := math.Frexp(top)
			for r := range n + 2 {
				g.f[r] = math.Ldexp(g.f[r], -x)
			}
			g.exp += x
		}
	}
	return g
}

// sumZero solves info·x = grad among the x that add up to 0.
func sumZero(info *mat.SymDense, grad []float64) ([]float64, bool) {
	inv := pseudoInverse(info)
	if inv == nil {
		return nil, false
	}
	x := mat.NewVecDense(len(grad), nil)
	x.MulVec(inv, mat.NewVecDense(len(grad), grad))
	return x.RawVector().Data, true
}

// pseudoInverse inverts a matrix whose rows add up to 0: adding a constant to
// every element fills its null space, and is taken off the inverse again.
func pseudoInverse(info *mat.SymDense) *mat.Dense {
	k := info.SymmetricDim()
	trace := 0.0
	for i := range k {
		trace += info.At(i, i)
	}
	if !(trace > 0) {
		return nil
	}
	fill := trace / float64(k*k)
	m := mat.NewSymDense(k, nil)
	for i := range k {
		for j := range i + 1 {
			m.SetSym(i, j, info.At(i, j)+fill)
		}
	}
	var c mat.Cholesky
	if !c.Factorize(m) || c.Cond() > 1e14 {
		return nil
	}
	inv := mat.NewSymDense(k, nil)
	if c.InverseTo(inv) != nil {
		return nil
	}
	out := mat.NewDense(k, k, nil)
	off := 1 / (fill * float64(k*k))
	for i := range k {
		for j := range k {
			out.Set(i, j, inv.At(i, j)-off)
		}
	}
	return out
}

// split finds two groups of items such that nobody has one of hard right and
// one of easy wrong, so that the estimates would run apart; nil where there are
// none. Item i leads to j where somebody has i right and j wrong: estimates
// exist exactly where every item leads to every other (Fischer 1981).
func (s *sheet) split() (easy, hard []int) {
	k := len(s.items)
	leads := make([][]bool, k)
	for i := range leads {
		leads[i] = make([]bool, k)
	}
	missing := k * (k - 1)
	for p := 0; p < s.persons && missing > 0; p++ {
		row := s.row(p)
		for i, c := range row {
			if c != 1 {
				continue
			}
			for j, d := range row {
				if d == 0 && !leads[i][j] {
					leads[i][j] = true
					missing--
				}
			}
		}
	}
	reach := func(back bool) []int {
		seen := make([]bool, k)
		seen[0] = true
		queue := []int{0}
		for n := 0; n < len(queue); n++ {
			for j := range k {
				there := leads[queue[n]][j]
				if back {
					there = leads[j][queue[n]]
				}
				if there && !seen[j] {
					seen[j] = true
					queue = append(queue, j)
				}
			}
		}
		var not []int
		for j, x := range seen {
			if !x {
				not = append(not, j)
			}
		}
		return not
	}
	others := func(group []int) []int {
		var out []int
		for i := range k {
			found := false
			for _, g := range group {
				found = found || g == i
			}
			if !found {
				out = append(out, i)
			}
		}
		return out
	}
	// What the first item does not lead to: nobody has a reached item right and
	// one of these wrong.
	if not := reach(false); not != nil {
		return not, others(not)
	}
	if not := reach(true); not != nil {
		return others(not), not
	}
	return nil, nil
}
