package cdm

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// mostClasses is how many classes' shares enter the information; with more, shares are
// held as known and standard errors are a little small.
const mostClasses = 128

// standardErrors gives the standard error of every probability in th.p, from the
// observed information of the marginal likelihood at its maximum: by Louis (1982) the
// complete information less what is missing. On the logit scale, with u = x − p,
//
//	I = Σ_i s_i·s_iᵀ − Σ_i Σ_c w_ic·u_ijc·u_ij'c  (second sum over different items, and items × classes)
//
// where w is the posterior, s_i its mean score; terms within an item and within the
// classes cancel at the maximum. The error of p is p(1−p) times that of its logit. NaN
// for a probability at 0 or 1 and for a group that nobody is in; problem says where
// the information is singular.
func (d *data) standardErrors(th *parameters) (se []float64, method, problem string) {
	n, _ := d.expect(th)
	method = "observed"
	free := make([]int, len(th.p)) // parameter → 1 + row of the information
	size := 0
	for a, p := range th.p {
		if p > 1e-6 && p < 1-1e-6 && n.all[a] > 0.1 {
			size++
			free[a] = size
		}
	}
	reference := 0
	for c, s := range th.shares {
		if s > th.shares[reference] {
			reference = c
		}
	}
	freeClass := make([]int, d.classes)
	if d.classes <= mostClasses {
		for c, s := range th.shares {
			if c != reference && s*n.persons > 1e-3 {
				size++
				freeClass[c] = size
			}
		}
	} else {
		method = "observed, shares held"
	}
	se = make([]float64, len(th.p))
	for a := range se {
		se[a] = math.NaN()
	}
	if size == 0 {
		return se, method, ""
	}

	info := make([]float64, size*size) // the upper triangle
	post, score := make([]float64, d.classes), make([]float64, size)
	answers := make([]int8, d.items)
	u := make([]float64, d.items)
	take := func(a, b int, v float64) {
		if a > 0 && b > 0 {
			info[(min(a, b)-1)*size+max(a, b)-1] -= v
		}
	}
	// Σ w·u·u' by class × item × item, j < j'; with many classes straight into the
	// information, which is slower and needs no such room.
	var missing []float64
	if d.classes <= 64 {
		missing = make([]float64, d.classes*d.items*d.items)
	}
	cross := make([]float64, d.classes*d.items) // Σ w·u by class and item
	for i, runs := range d.patterns {
		d.posterior(th, i, post)
		w := d.weight[i]
		for b, run := range runs {
			copy(answers[d.blocks[b].from:], d.blocks[b].runs[run])
		}
		clear(score)
		for j, x := range answers {
			if x < 0 {
				continue
			}
			at, group := th.at[j], th.group[j]
			for c, q := range post {
				if row := free[at+group[c]]; row > 0 {
					score[row-1] += q * (float64(x) - th.p[at+group[c]])
				}
			}
		}
		for c, row := range freeClass {
			if row > 0 {
				score[row-1] = post[c] - th.shares[c]
			}
		}
		for a, sa := range score {
			if sa == 0 {
				continue
			}
			sa *= w
			row := info[a*size : (a+1)*size]
			for b := a; b < size; b++ {
				row[b] += sa * score[b]
			}
		}
		for c, q := range post {
			if q *= w; q < 1e-9 {
				continue
			}
			for j, x := range answers {
				u[j] = 0
				if x >= 0 {
					u[j] = float64(x) - th.p[th.at[j]+th.group[j][c]]
				}
			}
			for j, uj := range u {
				qu := q * uj
				cross[c*d.items+j] += qu
				if missing == nil {
					for l := j + 1; l < len(u) && qu != 0; l++ {
						take(free[th.at[j]+th.group[j][c]], free[th.at[l]+th.group[l][c]], qu*u[l])
					}
					continue
				}
				row := missing[(c*d.items+j)*d.items : (c*d.items+j+1)*d.items]
				for l := j + 1; l < len(u); l++ {
					row[l] += qu * u[l]
				}
			}
		}
	}
	gradient := make([]float64, len(th.p))
	for c := range d.classes {
		for j := range d.items {
			at := th.at[j] + th.group[j][c]
			gradient[at] += cross[c*d.items+j]
			take(free[at], freeClass[c], cross[c*d.items+j])
			for l := j + 1; l < d.items && missing != nil; l++ {
				take(free[at], free[th.at[l]+th.group[l][c]], missing[(c*d.items+j)*d.items+l])
			}
		}
	}
	for c, row := range freeClass {
		for a := range th.p {
			take(free[a], row, -th.shares[c]*gradient[a])
		}
	}
	sym := mat.NewSymDense(size, info) // reads the upper triangle
	var chol mat.Cholesky
	if !chol.Factorize(sym) || chol.Cond() > 1e12 {
		return se, method, fmt.Sprintf("the information of %d parameters is singular: standard errors do not exist; check the Q-matrix", size)
	}
	var inverse mat.SymDense
	if err := chol.InverseTo(&inverse); err != nil {
		return se, method, "the information cannot be inverted: standard errors do not exist"
	}
	for a, row := range free {
		if row > 0 {
			se[a] = th.p[a] * (1 - th.p[a]) * math.Sqrt(inverse.At(row-1, row-1))
		}
	}
	return se, method, ""
}
