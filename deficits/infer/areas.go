package infer

import (
	"math"
)

// A regression is the sums of one area's θ on η.
type regression struct{ n, x, y, xx, xy, yy float64 }

// supposed is the regression of the persons supposed beforehand.
var supposed = regression{n: arealWorth, xx: arealWorth, yy: arealWorth, xy: arealWorth * typicalLoading}

func (r regression) plus(s regression) regression {
	return regression{r.n + s.n, r.x + s.x, r.y + s.y, r.xx + s.xx, r.xy + s.xy, r.yy + s.yy}
}

// logDensity is Σ log N(y; mean + sd·λ·x, sd²(1−λ²)) without constants.
func (r regression) logDensity(a arealShape) float64 {
	b, v := a.sd*a.loading, a.sd*a.sd*(1-a.loading*a.loading)
	squares := r.yy - 2*b*r.xy + b*b*r.xx - 2*a.mean*(r.y-b*r.x) + r.n*a.mean*a.mean
	return -(r.n*math.Log(v) + squares/v) / 2
}

func (f *fitting) maximiseAreas() {
	areas := f.m.Areas
	if len(areas) == 1 {
		if f.free[0] {
			r := f.areas[0].sums
			areas[0].Mean = r.y / (r.n + arealWorth)
			v := (r.yy+arealWorth)/(r.n+arealWorth) - areas[0].Mean*areas[0].Mean
			areas[0].SD = math.Sqrt(max(0.04, v))
		}
		return
	}
	held := []regression{} // areas whose sd is held at 1: their loadings by one search
	for g := range areas {
		r := f.areas[g].sums.plus(supposed)
		if !f.free[g] {
			held = append(held, r)
			continue
		}
		slope := (r.xy - r.x*r.y/r.n) / (r.xx - r.x*r.x/r.n)
		mean := (r.y - slope*r.x) / r.n
		squares := r.yy - 2*slope*r.xy + slope*slope*r.xx - 2*mean*(r.y-slope*r.x) + r.n*mean*mean
		v := max(0.01, squares/r.n)
		sd := math.Sqrt(v + slope*slope)
		areas[g].Mean, areas[g].SD, areas[g].Loading = mean, sd, min(mostLoading, max(-mostLoading, slope/sd))
	}
	if len(areas) == 2 { // of two areas only the product of loadings is known: they share one
		if len(held) == 2 {
			shared := bestLoading(held...)
			areas[0].Loading, areas[1].Loading = shared, shared
		} else if len(held) == 0 {
			shared := math.Sqrt(max(0, areas[0].Loading*areas[1].Loading))
			areas[0].Loading, areas[1].Loading = shared, shared
		}
		if len(held) != 1 {
			return
		}
	}
	next := 0
	for g := range areas {
		if !f.free[g] {
			areas[g].Loading = bestLoading(held[next])
			next++
		}
	}
}

// bestLoading maximises the density of the regressions at mean 0 and sd 1, by ternary
// search over atanh λ.
func bestLoading(list ...regression) float64 {
	value := func(z float64) float64 {
		sum, a := 0.0, arealShape{0, 1, math.Tanh(z)}
		for _, r := range list {
			sum += r.logDensity(a)
		}
		return sum
	}
	lo, hi := -math.Atanh(mostLoading), math.Atanh(mostLoading)
	for range 60 {
		third := (hi - lo) / 3
		if value(lo+third) < value(hi-third) {
			lo += third
		} else {
			hi -= third
		}
	}
	return math.Tanh((lo + hi) / 2)
}
