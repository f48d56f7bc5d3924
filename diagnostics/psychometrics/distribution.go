package psychometrics

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// FQuantile is where the F distribution with d1 and d2 degrees of freedom (over 0, not
// necessarily whole) reaches probability p, to about 1e-12. It polishes the library's
// by Newton steps: its inverse stops near 1e-8. NaN where a degree of freedom is not over 0.
func FQuantile(p, d1, d2 float64) float64 {
	if !(d1 > 0) || !(d2 > 0) {
		return math.NaN()
	}
	d1, d2 = min(d1, mostFreedom), min(d2, mostFreedom)
	f := distuv.F{D1: d1, D2: d2}
	x := f.Quantile(p)
	for range 4 {
		d := f.Prob(x)
		if !(d > 0) {
			break
		}
		next := x - (f.CDF(x)-p)/d
		if !(next > 0) {
			break
		}
		x = next
	}
	return x
}

// mostFreedom is as good as no bound, and the library still counts there.
const mostFreedom = 1e7

// FTail is the probability of an F with d1 and d2 degrees of freedom over x; NaN where x
// is no number or a degree of freedom is not over 0.
func FTail(x, d1, d2 float64) float64 {
	switch {
	case math.IsNaN(x), !(d1 > 0), !(d2 > 0):
		return math.NaN()
	case x <= 0:
		return 1
	case math.IsInf(x, 1):
		return 0
	}
	return distuv.F{D1: min(d1, mostFreedom), D2: min(d2, mostFreedom)}.Survival(x)
}

// Chi2Tail is the probability of a chi-square with df degrees of freedom over x; 1 where x is 0 or less,
// NaN where x is no number or df not over 0.
func Chi2Tail(x, df float64) float64 {
	switch {
	case math.IsNaN(x), !(df > 0):
		return math.NaN()
	case x <= 0:
		return 1
	case df == 1:
		return math.Erfc(math.Sqrt(x / 2))
	case df == 2:
		return math.Exp(-x / 2)
	}
	return distuv.ChiSquared{K: df}.Survival(x)
}
