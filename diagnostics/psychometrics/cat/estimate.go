package cat

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// An answer is an item of the bank with the score it got.
type answer struct{ item, score int }

// estimate is θ̂ and its standard error from the likelihood on the grid, by the settings'
// estimator. like is Π P(answer | node).
func (b *Bank) estimate(like []float64, answers []answer) (theta, se float64) {
	if b.Settings.Estimator == irt.MAP {
		return b.mode(like, answers)
	}
	return b.mean(like)
}

// mean is EAP by the trapezoid rule, with the posterior's standard deviation.
func (b *Bank) mean(like []float64) (theta, se float64) {
	var sum, first float64
	for q, x := range b.nodes {
		w := like[q] * b.prior[q]
		sum += w
		first += w * x
	}
	theta = first / sum
	var square float64
	for q, x := range b.nodes {
		square += like[q] * b.prior[q] * (x - theta) * (x - theta)
	}
	return theta, math.Sqrt(square / sum)
}

// mode is the top of the posterior within the grid, with 1/√(information + 1/variance).
// The search is about the best node, to some 1e-8.
func (b *Bank) mode(like []float64, answers []answer) (theta, se float64) {
	at := 0
	height := func(q int) float64 { return like[q] * b.prior[q] / trapezoid(q, len(like)) }
	for q := range like {
		if height(q) > height(at) {
			at = q
		}
	}
	lo, hi := b.nodes[max(0, at-1)], b.nodes[min(len(b.nodes)-1, at+1)]
	theta = highest(lo, hi, b.nodes[at], func(x float64) float64 { return b.logPosterior(x, answers) })
	info := 1 / (b.Settings.PriorSD * b.Settings.PriorSD)
	for _, a := range answers {
		info += b.Items[a.item].Information(theta)
	}
	return theta, 1 / math.Sqrt(info)
}

// highest is where f is largest between lo and hi, from a first guess: parabolas through
// three points, golden sections where they would not narrow (Brent 1973, ch. 5).
func highest(lo, hi, x float64, f func(float64) float64) float64 {
	const golden = 0.3819660112501051
	w, v := x, x
	fx := -f(x)
	fw, fv := fx, fx
	var d, e float64
	for range 100 {
		middle, tolerance := (lo+hi)/2, 1e-9+1e-8*math.Abs(x)
		if math.Abs(x-middle) <= 2*tolerance-(hi-lo)/2 {
			break
		}
		parabola := false
		if math.Abs(e) > tolerance {
			r, q := (x-w)*(fx-fv), (x-v)*(fx-fw)
			p := (x-v)*q - (x-w)*r
			q = 2 * (q - r)
			if q > 0 {
				p = -p
			}
			q = math.Abs(q)
			before := e
			e = d
			if math.Abs(p) < math.Abs(q*before/2) && p > q*(lo-x) && p < q*(hi-x) {
				d, parabola = p/q, true
				if u := x + d; u-lo < 2*tolerance || hi-u < 2*tolerance {
					d = math.Copysign(tolerance, middle-x)
				}
			}
		}
		if !parabola {
			e = hi - x
			if x >= middle {
				e = lo - x
			}
			d = golden * e
		}
		u := x + d
		if math.Abs(d) < tolerance {
			u = x + math.Copysign(tolerance, d)
		}
		fu := -f(u)
		if fu <= fx {
			if u >= x {
				lo = x
			} else {
				hi = x
			}
			v, fv, w, fw, x, fx = w, fw, x, fx, u, fu
			continue
		}
		if u < x {
			lo = u
		} else {
			hi = u
		}
		switch {
		case fu <= fw || w == x:
			v, fv, w, fw = w, fw, u, fu
		case fu <= fv || v == x || v == w:
			v, fv = u, fu
		}
	}
	return x
}

func (b *Bank) logPosterior(theta float64, answers []answer) float64 {
	z := (theta - b.Settings.PriorMean) / b.Settings.PriorSD
	sum := -z * z / 2
	var room [16]float64
	for _, a := range answers {
		it := &b.Items[a.item]
		l := room[:]
		if it.Max() >= len(room) {
			l = make([]float64, it.Max()+1)
		}
		l = l[:it.Max()+1]
		it.LogProbabilities(theta, l)
		sum += l[a.score]
	}
	return sum
}
