package infer

import (
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Parameters that were learned from few persons are themselves uncertain. What that
// does to an element's true share is added to a person's uncertainty: the share at
// ability x then has the variance
//
//	v(x) = Σ_t (w_t/Σw·max)² · ∇E_t(x)ᵀ C_t ∇E_t(x)
//
// with C_t the inverse of the task's information: the sum over persons of the outer
// products of their scores (Fisher's identity: a person's score is its expectation
// over their posterior of x), and of the prior. As noise on the scale of x it
// is √E[v] / E[share′] over the persons, and it widens every posterior of x by that.

// mostFreedom keeps tails on every deviation: somebody who knows all but one thing is seen
// more often than a normal curve says, and nothing is lost where it is normal.
const mostFreedom = 20.0

// enough persons tell the information; of more, evenly chosen ones stand for all.
const enoughPersons = 1500

// covariances fills in C_t of every task that was estimated, after the last E-step.
func (f *fitting) covariances() {
	f.choose()
	q, n := len(f.tree.theta), len(f.x)
	scores := make([][]float64, len(f.tasks)) // level × node × parameter
	info := make([][]float64, len(f.tasks))
	workers(len(f.tasks), func(i int) {
		if t := f.tasks[i]; !t.fixed {
			scores[i] = taskScores(t.item, f.x)
			k := 1 + len(t.item.D)
			info[i] = make([]float64, k*k)
		}
	})
	sums := make([][][]float64, len(f.kinds)) // element → task: a task of two elements is summed in each
	workers(len(f.kinds), func(k int) {
		e, edge := &f.kinds[k], &f.tree.kinds[k]
		areal := f.areal[f.area[k]]
		cav, x, score := make([]float64, q), make([]float64, n), make([]float64, 2+mostLevels)
		sums[k] = make([][]float64, len(e.tasks))
		for i, t := range e.tasks {
			sums[k][i] = make([]float64, len(info[t]))
		}
		for c, p := range f.chosen {
			at := int(f.pattern[p*len(f.kinds)+k])
			if at == 0 {
				continue
			}
			for i, v := range areal[c*q : (c+1)*q] {
				cav[i] = ratio(v, e.up[at*q+i])
			}
			edge.down(cav, x)
			for j := range x {
				x[j] *= e.like[at*n+j]
			}
			normalise(x)
			for i, level := range e.patterns[at] {
				t := e.tasks[i]
				if level < 0 || scores[t] == nil {
					continue
				}
				m := 1 + len(f.tasks[t].item.D)
				s := score[:0]
				for range m {
					s = append(s, 0)
				}
				from := scores[t][int(level)*n*m : (int(level)+1)*n*m]
				for j, w := range x {
					for a := range m {
						s[a] += w * from[j*m+a]
					}
				}
				for a := range m {
					for b := range m {
						sums[k][i][a*m+b] += s[a] * s[b] * f.each
					}
				}
			}
		}
	})
	for k := range f.kinds {
		for i, t := range f.kinds[k].tasks {
			for j, v := range sums[k][i] {
				info[t][j] += v
			}
		}
	}
	for i, t := range f.tasks {
		if info[i] == nil {
			continue
		}
		c := 1 + len(t.item.D)
		sym := mat.NewSymDense(c, info[i])
		for a := range c {
			prior := 1 / (interceptSD * interceptSD)
			if a == 0 {
				prior = 1 / (slopeSD * slopeSD)
			}
			sym.SetSym(a, a, sym.At(a, a)+prior)
		}
		var chol mat.Cholesky
		var inverse mat.SymDense
		if !chol.Factorize(sym) || chol.InverseTo(&inverse) != nil {
			continue // as good as certain: the prior alone is definite
		}
		cov := make([]float64, 0, c*c)
		for a := range c {
			for b := range c {
				cov = append(cov, inverse.At(a, b))
			}
		}
		f.m.Tasks[t.at].Cov = cov
	}
}

// freedoms says how well each σ_e is known. A person's score for log σ_e² is
// ½(E[δ²|answers]/σ_e² − 1); the sum of squares of scores is its information I, and a
// scaled inverse χ² of 2·I degrees of freedom has that much. What the other elements tell
// of the common σ² counts up to the strength with which σ_e² is drawn to it. A person's δ
// is then Student's t with these degrees: normal where hundreds answered.
func (f *fitting) freedoms() {
	q, n := len(f.tree.theta), len(f.x)
	own := make([]float64, len(f.kinds))
	workers(len(f.kinds), func(k int) {
		e, edge := &f.kinds[k], &f.tree.kinds[k]
		areal, v := f.areal[f.area[k]], f.m.Elements[k].SD*f.m.Elements[k].SD
		for c, p := range f.chosen {
			at := int(f.pattern[p*len(f.kinds)+k])
			if at == 0 {
				continue
			}
			like := e.like[at*n : (at+1)*n]
			sum, squares := 0.0, 0.0
			for i, theta := range f.tree.theta {
				w := ratio(areal[c*q+i], e.up[at*q+i])
				if w < 1e-9 {
					continue
				}
				for j := edge.lo[i]; j < edge.hi[i]; j++ {
					d, m := f.x[j]-theta, w*edge.p[i*n+j]*like[j]
					sum += m
					squares += m * d * d
				}
			}
			if sum > 0 {
				score := (squares/sum/v - 1) / 2
				own[k] += score * score * f.each
			}
		}
	})
	all := 0.0
	for _, x := range own {
		all += 2 * x
	}
	for k := range own {
		f.m.Elements[k].Freedom = min(mostFreedom, leastFreedom+2*own[k]+min(deviationWorth, all-2*own[k]))
	}
}

// taskScores is ∂ log P_k/∂(a, d_1…) at the nodes, level × node × parameter: for the
// models that are estimated here, P_k ∝ exp(k·a·x + d_k).
func taskScores(it irt.Item, x []float64) []float64 {
	levels, c := len(it.D)+1, 1+len(it.D)
	out, p := make([]float64, levels*len(x)*c), make([]float64, levels)
	for j, at := range x {
		it.Probabilities(at, p)
		mean := 0.0
		for k, v := range p {
			mean += float64(k) * v
		}
		for k := range levels {
			s := out[(k*len(x)+j)*c : (k*len(x)+j+1)*c]
			s[0] = at * (float64(k) - mean)
			for d := 1; d < c; d++ {
				s[d] = -p[d]
				if d == k {
					s[d]++
				}
			}
		}
	}
	return out
}

// gradient is ∂(expected share of points)/∂(a, d_1…) at these x, parameter × x, nil where
// the parameters are taken as known; by central differences, so that it holds for all models.
func (t *ModelTask) gradient(x []float64) [][]float64 {
	c := 1 + len(t.D)
	if len(t.Cov) != c*c || t.Max <= 0 {
		return nil
	}
	const step = 1e-4
	share := make([]float64, c)
	for k := range share {
		share[k] = t.worth(k) / t.Max
	}
	out, p := make([][]float64, c), make([]float64, c)
	item := t.item()
	item.D = slices.Clone(item.D)
	for i := range out {
		out[i] = make([]float64, len(x))
		at := &item.A
		if i > 0 {
			at = &item.D[i-1]
		}
		middle := *at
		for _, side := range []float64{1, -1} {
			*at = middle + side*step
			for j, here := range x {
				item.Probabilities(here, p)
				for k, v := range p {
					out[i][j] += side * v * share[k] / (2 * step)
				}
			}
		}
		*at = middle
	}
	return out
}

// between is uᵀ C v, C the covariance of the task's parameters.
func (t *ModelTask) between(u, v []float64) (sum float64) {
	for a, x := range u {
		for b, y := range v {
			sum += x * t.Cov[a*len(u)+b] * y
		}
	}
	return sum
}
