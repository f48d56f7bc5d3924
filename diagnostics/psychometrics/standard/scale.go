package standard

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// reach is how far on the scale an ability is looked for.
const reach = 10.0

// where gives the θ at which a rising f comes to value, to 1e-10; None where it does not
// within ±10.
func where(f func(theta float64) float64, value float64) Number {
	lo, hi := -reach, reach
	if !(f(lo) <= value && value <= f(hi)) {
		return psychometrics.None
	}
	for hi-lo > 1e-10 {
		if m := (lo + hi) / 2; f(m) < value {
			lo = m
		} else {
			hi = m
		}
	}
	return Number((lo + hi) / 2)
}

// expected is the number of points to be expected of the items at theta.
func expected(items []irt.Item, theta float64) (sum float64) {
	for i := range items {
		sum += items[i].Expected(theta)
	}
	return sum
}

// Ability is the θ at which the items' expected points come to points; None where they
// do not within ±10.
func Ability(items []irt.Item, points float64) Number {
	return where(func(theta float64) float64 { return expected(items, theta) }, points)
}

// Points is the number of points to be expected of the items at theta; None without an ability.
func Points(items []irt.Item, theta Number) Number {
	if math.IsNaN(float64(theta)) {
		return theta
	}
	return Number(expected(items, float64(theta)))
}

// location is the θ at which an item's score reaches step or more with probability rp;
// None where it does not within ±10 (guessing may be over rp).
func location(it *irt.Item, step int, rp float64) Number {
	p := make([]float64, it.Max()+1)
	return where(func(theta float64) float64 {
		it.Probabilities(theta, p)
		var sum float64
		for _, x := range p[step:] {
			sum += x
		}
		return sum
	}, rp)
}
