package dif

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Test compares two nested logistic models of an item.
type Test struct {
	LR    Number `json:"lr"` // likelihood ratio
	DF    int    `json:"df"`
	P     Number `json:"p"`
	R2    Number `json:"delta_r2"`           // growth of Nagelkerke's R²
	CS    Number `json:"delta_r2_cox_snell"` // growth of Cox & Snell's R²; difR prints this one as Nagelkerke's
	Class string `json:"class"`              // of Jodoin & Gierl: A under 0.035 or not significant, B, C from 0.070
}

// Logistic is the test by regression of the points on the matching score (1), and
// the group (2), and their product (3): uniform compares 2 with 1, non-uniform 3
// with 2, both 3 with 1. Items of several points: cumulative logits, of ten steps at
// most; where there are more points, neighbours are joined.
// Source: Swaminathan & Rogers (1990); Zumbo (1999); Jodoin & Gierl (2001).
type Logistic struct {
	Uniform    Test `json:"uniform"`
	NonUniform Test `json:"non_uniform"`
	Both       Test `json:"both"`
	Converged  bool `json:"converged"`
}

func logistic(t *table) Logistic {
	var n int
	points := make([]int, t.most+1)
	var mean, square float64
	for _, l := range t.levels {
		here := l.n[0] + l.n[1]
		n += here
		mean += float64(here * l.score)
		square += float64(here * l.score * l.score)
		for g := range l.count {
			for k, c := range l.count[g] {
				points[k] += c
			}
		}
	}
	mean /= float64(n)
	sd := math.Sqrt(max(square/float64(n)-mean*mean, 0))
	none := psychometrics.None
	nothing := Test{LR: none, P: none, R2: none, CS: none}
	out := Logistic{Uniform: nothing, NonUniform: nothing, Both: nothing, Converged: true}
	out.Uniform.DF, out.NonUniform.DF, out.Both.DF = 1, 1, 2
	rank, categories := joined(points, n)
	if categories < 2 || sd == 0 {
		return out
	}
	joint := make([]int, categories)
	for k, c := range points {
		joint[rank[k]] += c
	}
	var empty float64 // log-likelihood without any score
	for _, c := range joint {
		empty += float64(c) * math.Log(float64(c)/float64(n))
	}
	var cells []cell
	for _, l := range t.levels {
		for g := range l.count {
			if l.n[g] == 0 {
				continue
			}
			z, focal := (float64(l.score)-mean)/sd, float64(g)
			c := cell{x: [3]float64{z, focal, z * focal}, count: make([]float64, categories)}
			for k, m := range l.count[g] {
				if m > 0 {
					c.count[rank[k]] += float64(m)
				}
			}
			cells = append(cells, c)
		}
	}
	var ll [4]float64
	var start []float64
	for slopes := 1; slopes <= 3; slopes++ {
		beta, value, converged := cumulative(cells, categories-1, slopes, start)
		ll[slopes], start = value, beta
		out.Converged = out.Converged && converged
	}
	if !out.Converged {
		return out
	}
	coxSnell := func(value float64) float64 { return 1 - math.Exp(2/float64(n)*(empty-value)) }
	most := 1 - math.Exp(2/float64(n)*empty) // the largest that Cox & Snell's can be; Nagelkerke divides by it
	test := func(big, small float64, df int) Test {
		lr := max(0, 2*(big-small))
		p := psychometrics.Chi2Tail(lr, float64(df))
		cs := max(0, coxSnell(big)-coxSnell(small))
		d := cs / most
		class := "A"
		switch {
		case p >= significant || d < 0.035:
		case d < 0.070:
			class = "B"
		default:
			class = "C"
		}
		return Test{LR: Number(lr), DF: df, P: Number(p), R2: Number(d), CS: Number(cs), Class: class}
	}
	out.Uniform, out.NonUniform, out.Both = test(ll[2], ll[1], 1), test(ll[3], ll[2], 1), test(ll[3], ll[1], 2)
	return out
}

// mostCategories is how many steps the logistic test tells apart.
const mostCategories = 10

// joined ranks points as categories: those that were given, and where they are more
// than mostCategories, neighbours together to near equal numbers of persons.
func joined(points []int, n int) (rank []int, categories int) {
	given := 0
	for _, c := range points {
		if c > 0 {
			given++
		}
	}
	rank = make([]int, len(points))
	here, below := 0, 0 // persons in the category, and in those under it
	for k, c := range points {
		full := given <= mostCategories || below+here >= n*(categories+1)/mostCategories
		if here > 0 && c > 0 && full {
			categories++
			below += here
			here = 0
		}
		rank[k] = categories
		here += c
	}
	return rank, categories + 1
}

// A cell is persons of one score and group: their predictors, and how many got what.
type cell struct {
	x     [3]float64
	count []float64
}

// cumulative fits logit P(Y ≥ j) = α_j + β·x, j = 1…cuts, by Fisher scoring on
// counts. It starts from an earlier model of one slope fewer where there is one. It
// ends when a step no longer raises the log-likelihood by 1e-11 of its size, and with
// converged false after 200 steps. Under separation slopes grow without bound, and
// the likelihood settles all the same.
func cumulative(cells []cell, cuts, slopes int, start []float64) (beta []float64, value float64, converged bool) {
	size := cuts + slopes
	beta = make([]float64, size)
	if start != nil {
		copy(beta, start) // the cuts and slopes so far; the new slope comes last
	} else {
		total, above := 0.0, make([]float64, cuts)
		for _, c := range cells {
			for k, n := range c.count {
				total += n
				for j := range min(k, cuts) {
					above[j] += n
				}
			}
		}
		for j := range above {
			beta[j] = math.Log(above[j] / (total - above[j]))
		}
	}
	value = logLikelihood(cells, beta, cuts, slopes, nil, nil)
	gradient, info := mat.NewVecDense(size, nil), mat.NewSymDense(size, nil)
	for range 200 {
		logLikelihood(cells, beta, cuts, slopes, gradient, info)
		for i := range size {
			info.SetSym(i, i, info.At(i, i)*(1+1e-12)+1e-12)
		}
		var chol mat.Cholesky
		if !chol.Factorize(info) {
			return beta, value, false
		}
		var step mat.VecDense
		if err := chol.SolveVecTo(&step, gradient); err != nil && step.Len() == 0 {
			return beta, value, false
		}
		for scale := 1.0; ; scale /= 2 {
			if scale < 1e-8 {
				return beta, value, true // no way up is left
			}
			next := make([]float64, size)
			for i := range next {
				next[i] = beta[i] + scale*step.AtVec(i)
			}
			if v := logLikelihood(cells, next, cuts, slopes, nil, nil); v >= value {
				if v-value <= 1e-11*(math.Abs(value)+1) {
					return next, v, true
				}
				beta, value = next, v
				break
			}
		}
	}
	return beta, value, false
}

// logLikelihood of the cumulative model, −∞ where cuts cross; with gradient and info
// it also fills the score vector and the expected information.
func logLikelihood(cells []cell, beta []float64, cuts, slopes int, gradient *mat.VecDense, info *mat.SymDense) (ll float64) {
	size := cuts + slopes
	above, density := make([]float64, cuts+2), make([]float64, cuts+2)
	d := make([]float64, size)
	if gradient != nil {
		gradient.Zero()
		info.Zero()
	}
	for _, c := range cells {
		eta := 0.0
		for s := range slopes {
			eta += beta[cuts+s] * c.x[s]
		}
		total := 0.0
		above[0] = 1
		for j := range cuts {
			e := beta[j] + eta
			above[j+1] = 1 / (1 + math.Exp(-e))
			density[j+1] = above[j+1] * (1 / (1 + math.Exp(e)))
		}
		for _, n := range c.count {
			total += n
		}
		for k, n := range c.count {
			p := above[k] - above[k+1]
			if k == 0 { // 1 − F loses digits where F is near 1
				p = 1 / (1 + math.Exp(beta[0]+eta))
			}
			if p <= 0 {
				if n > 0 {
					return math.Inf(-1)
				}
				continue
			}
			if n > 0 {
				ll += n * math.Log(p)
			}
			if gradient == nil {
				continue
			}
			clear(d)
			if k > 0 {
				d[k-1] += density[k]
			}
			if k < cuts {
				d[k] -= density[k+1]
			}
			for s := range slopes {
				d[cuts+s] = (density[k] - density[k+1]) * c.x[s]
			}
			for i := range size {
				gradient.SetVec(i, gradient.AtVec(i)+n/p*d[i])
				for j := i; j < size; j++ {
					info.SetSym(i, j, info.At(i, j)+total/p*d[i]*d[j])
				}
			}
		}
	}
	return ll
}
