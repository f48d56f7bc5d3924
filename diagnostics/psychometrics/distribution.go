package psychometrics

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// FQuantile is where the F distribution with d1 and d2 degrees of freedom (over 0, not
// necessarily whole) reaches probability p, to about 1e-12. It polishes the library's
// by Newton steps: its inverse stops near 1e-8.
func FQuantile(p, d1, d2 float64) float64 {
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

// FTail is the probability of an F with d1 and d2 degrees of freedom over x.
func FTail(x, d1, d2 float64) float64 { return distuv.F{D1: d1, D2: d2}.Survival(x) }

// Chi2Tail is the probability of a chi-square with df degrees of freedom over x; 1 where x is 0 or less.
func Chi2Tail(x, df float64) float64 {
	switch {
	case x <= 0:
		return 1
	case df == 1:
		return math.Erfc(math.Sqrt(x / 2))
	case df == 2:
		return math.Exp(-x / 2)
	}
	return distuv.ChiSquared{K: df}.Survival(x)
}
