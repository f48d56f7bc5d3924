package psychometrics

import (
	"math"
	"testing"
)

// TestDistributions: published quantiles, tails that turn quantiles back, and nothing
// that panics where there is no distribution.
func TestDistributions(t *testing.T) {
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tolerance) {
			t.Errorf("%s = %.12g, want %.12g", what, got, want)
		}
	}
	near("F .95 of 1 and 10", FQuantile(0.95, 1, 10), 4.964602743730, 1e-9) // the square of t .975 of 10
	near("F .975 of 5 and 5", FQuantile(0.975, 5, 5), 7.146381829, 1e-8)
	near("of no end", FQuantile(0.95, 1, 1e300), 3.841458821, 1e-5)
	near("chi-square of 1", Chi2Tail(3.841458820694124, 1), 0.05, 1e-12)
	near("of 2", Chi2Tail(5.991464547107979, 2), 0.05, 1e-12)
	near("of 7", Chi2Tail(14.067140449340169, 7), 0.05, 1e-9)
	for _, d := range [][2]float64{{1, 1}, {3, 17.5}, {0.7, 200}, {999, 3996}} {
		for _, p := range []float64{0.001, 0.025, 0.5, 0.975, 0.999} {
			near("tail of quantile", FTail(FQuantile(p, d[0], d[1]), d[0], d[1]), 1-p, 1e-10)
		}
	}
	for _, x := range []float64{FQuantile(0.5, 0, 3), FQuantile(0.5, 3, math.NaN()), FTail(math.NaN(), 1, 1), FTail(1, 0, 1), Chi2Tail(1, 0), Chi2Tail(math.NaN(), 3)} {
		if !math.IsNaN(x) {
			t.Errorf("%g, expected none", x)
		}
	}
	near("tail of 0", FTail(0, 2, 2), 1, 0)
	near("tail of all", FTail(math.Inf(1), 2, 2), 0, 0)
}
