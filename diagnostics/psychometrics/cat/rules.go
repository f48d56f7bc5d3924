package cat

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// choose gives the n best items by the rule, the best first.
func (t *Test) choose(n int, may func(item int) bool) []candidate {
	b := t.bank
	if b.Settings.Rule == MFI {
		return b.informative(t.theta, n, may)
	}
	top := best{n: n}
	for i := range b.Items {
		if may(i) {
			top.add(candidate{i, t.worth(i)})
		}
	}
	return top.list
}

// worth is what the rule makes of an item; more is better, so distances and variances
// have their sign turned.
func (t *Test) worth(item int) float64 {
	b := t.bank
	it := &b.Items[item]
	switch b.Settings.Rule {
	case BOpt:
		return -math.Abs(it.B()[0] - t.theta)
	case ThOpt:
		return -math.Abs(peak(it) - t.theta)
	case MLWI:
		return b.integral(t.like, false, func(q int) float64 { return b.info[item][q] })
	case MPWI:
		return b.integral(t.like, true, func(q int) float64 { return b.info[item][q] })
	case KL, KLP:
		p, l := make([]float64, it.Max()+1), make([]float64, it.Max()+1)
		it.Probabilities(t.theta, p)
		it.LogProbabilities(t.theta, l)
		there := make([]float64, it.Max()+1)
		return b.integral(t.like, b.Settings.Rule == KLP, func(q int) float64 {
			it.LogProbabilities(b.nodes[q], there)
			var kl float64
			for k := range p {
				if p[k] > 0 {
					kl += p[k] * (l[k] - there[k])
				}
			}
			return kl
		})
	case MEI, MEPV:
		p := make([]float64, it.Max()+1)
		it.Probabilities(t.theta, p)
		next := make([]float64, len(t.like))
		var sum float64
		for k, pk := range p {
			for q := range next {
				next[q] = t.like[q] * b.chances[item][k][q]
			}
			if b.Settings.Rule == MEPV {
				_, se := b.mean(next)
				sum -= pk * se * se
				continue
			}
			theta, _ := b.estimate(next, append(t.answers[:len(t.answers):len(t.answers)], answer{item, k}))
			sum += pk * observed(it, theta, k)
		}
		return sum
	}
	return it.Information(t.theta)
}

// observed is minus the second derivative of ln P(score | theta) of a 0/1 item, which
// MEI asks for (van der Linden 1998); an item of several points gives the expected
// information instead. They differ under guessing alone.
func observed(it *irt.Item, theta float64, score int) float64 {
	if it.Max() > 1 || it.C == 0 {
		return it.Information(theta)
	}
	l := 1 / (1 + math.Exp(-it.A*theta-it.D[0]))
	p := it.C + (1-it.C)*l
	p1 := it.A * (1 - it.C) * l * (1 - l)
	p2 := it.A * p1 * (1 - 2*l)
	if score == 1 {
		return p1*p1/(p*p) - p2/p
	}
	return p1*p1/((1-p)*(1-p)) + p2/(1-p)
}

// integral of likelihood × f over the grid, with or without the prior.
func (b *Bank) integral(like []float64, prior bool, f func(q int) float64) (sum float64) {
	step := (b.hi - b.lo) / float64(len(b.nodes)-1)
	for q := range b.nodes {
		w := trapezoid(q, len(b.nodes)) * step
		if prior {
			w = b.prior[q]
		}
		sum += w * like[q] * f(q)
	}
	return sum
}
