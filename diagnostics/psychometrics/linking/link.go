// Package linking brings two calibrations on one scale by their common items.
//
// A link carries the scale of X to that of Y: θ_Y = A·θ_X + B, so an item's slope
// becomes a/A and its difficulty A·b + B. Where no link holds, comparing is refused.
package linking

import (
	"fmt"
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A Link carries the scale of X to that of Y.
type Link struct{ A, B float64 }

// Theta is the ability on the scale of Y.
func (l Link) Theta(x float64) float64 { return l.A*x + l.B }

// Item is the item of X on the scale of Y: at each θ_Y it does what it did at θ_X.
func (l Link) Item(it irt.Item) irt.Item {
	out := it
	out.A = it.A / l.A
	out.D = make([]float64, len(it.D))
	for k, d := range it.D {
		steps := 1.0
		if it.Model != irt.GRM {
			steps = float64(k + 1) // partial credit: category k has the logit k·a·θ + d_k
		}
		out.D[k] = d - steps*it.A*l.B/l.A
	}
	return out
}

// Inverse carries Y to X.
func (l Link) Inverse() Link { return Link{A: 1 / l.A, B: -l.B / l.A} }

// Method is how a link is found.
type Method string

// The methods.
const (
	MeanMean     Method = "mean_mean"     // means of slopes and difficulties (Loyd & Hoover 1980)
	MeanSigma    Method = "mean_sigma"    // means and deviations of difficulties (Marco 1977)
	MeanGMean    Method = "mean_gmean"    // geometric means of slopes (Mislevy & Bock 1990)
	Haebara      Method = "haebara"       // least squares of the items' curves (Haebara 1980)
	StockingLord Method = "stocking_lord" // least squares of the test's curve (Stocking & Lord 1983)
)

// Methods lists them all.
var Methods = []Method{MeanMean, MeanSigma, MeanGMean, Haebara, StockingLord}

// A Pair is one item as two calibrations have it.
type Pair struct{ X, Y irt.Item }

// Find gives the link by a method; with shift A is held at 1, as where all slopes are
// fixed (Rasch, partial credit). value is the least criterion of the curve methods, the
// weighted mean of squares over 41 points of [−4, 4] under N(0,1) on the scale of Y, in
// one direction; 0 for the others. Pairs must have as many categories on both sides and
// slopes over 0; mean-sigma needs difficulties that differ. Errors say what is missing.
func Find(pairs []Pair, m Method, shift bool) (l Link, value float64, err error) {
	if len(pairs) == 0 {
		return l, 0, fmt.Errorf("no common items")
	}
	var n, nb, ax, ay, lx, ly, bx, by, xx, yy float64
	for _, p := range pairs {
		if !(p.X.A > 0) || !(p.Y.A > 0) {
			return l, 0, fmt.Errorf("item %s has a slope of %g and %g, expected over 0 on both scales", p.X.ID, p.X.A, p.Y.A)
		}
		if p.X.Max() != p.Y.Max() {
			return l, 0, fmt.Errorf("item %s has %d points on one scale, %d on the other", p.X.ID, p.X.Max(), p.Y.Max())
		}
		n++
		ax += p.X.A
		ay += p.Y.A
		lx += math.Log(p.X.A)
		ly += math.Log(p.Y.A)
		other := p.Y.B()
		for k, b := range p.X.B() {
			nb++
			bx += b
			by += other[k]
			xx += b * b
			yy += other[k] * other[k]
		}
	}
	bx, by = bx/nb, by/nb
	l.A = 1
	switch {
	case shift:
	case m == MeanSigma:
		vx, vy := xx/nb-bx*bx, yy/nb-by*by
		if !(vx > 1e-12) || !(vy > 1e-12) {
			return l, 0, fmt.Errorf("the difficulties of the common items do not differ: mean-sigma does not exist")
		}
		l.A = math.Sqrt(vy / vx)
	case m == MeanGMean:
		l.A = math.Exp((lx - ly) / n)
	default:
		l.A = ax / ay
	}
	l.B = by - l.A*bx
	if m == Haebara || m == StockingLord {
		return curves(pairs, l, m == StockingLord, shift)
	}
	return l, 0, nil
}

// linkNodes is the grid of the curve methods.
const linkNodes = 41

// curves betters a link by Gauss and Newton's steps on the curves, damped as Levenberg
// and Marquardt have it, until a step moves nothing by 1e-12. That it has not ended
// after 500 steps is an error.
func curves(pairs []Pair, l Link, whole, shift bool) (Link, float64, error) {
	nodes := irt.Nodes(linkNodes, -4, 4)
	weights := irt.NormalWeights(nodes, 0, 1)
	targets := make([][]float64, len(nodes)) // Y's curves, which no step moves
	for q, theta := range nodes {
		for i := range pairs {
			it := &pairs[i].Y
			if whole {
				targets[q] = append(targets[q], it.Expected(theta))
				continue
			}
			p := make([]float64, it.Max()+1)
			it.Probabilities(theta, p)
			targets[q] = append(targets[q], p...)
		}
	}
	// residuals and their slopes by A and B, added up into normal equations
	evaluate := func(l Link, normal *[2][3]float64) (sum float64) {
		if normal != nil {
			*normal = [2][3]float64{}
		}
		add := func(w, r, slope, x float64) {
			sum += w * r * r
			if normal == nil {
				return
			}
			// r = target − f((θ−B)/A): by A it is slope·x/A, by B slope/A
			d := [2]float64{slope * x / l.A, slope / l.A}
			for a := range d {
				for b := range d {
					normal[a][b] += w * d[a] * d[b]
				}
				normal[a][2] -= w * d[a] * r
			}
		}
		for q, theta := range nodes {
			x := (theta - l.B) / l.A
			var r, slope float64
			target := targets[q]
			for i := range pairs {
				p := &pairs[i]
				if whole {
					r += target[i] - p.X.Expected(x)
					if normal != nil {
						slope += derivative(p.X.Expected, x)
					}
					continue
				}
				first := 0
				if p.X.Max() == 1 {
					first = 1 // one curve tells all of a 0/1 item
				}
				px := make([]float64, p.X.Max()+1)
				p.X.Probabilities(x, px)
				py := target[:len(px)]
				target = target[len(px):]
				var slopes []float64
				if normal != nil {
					slopes = derivatives(&p.X, x)
				}
				for k := first; k < len(px); k++ {
					s := 0.0
					if normal != nil {
						s = slopes[k]
					}
					add(weights[q], py[k]-px[k], s, x)
				}
			}
			if whole {
				add(weights[q], r, slope, x)
			}
		}
		return sum
	}
	damp := 1e-3
	var normal [2][3]float64
	value := evaluate(l, &normal)
	for range 500 {
		m := normal
		for a := range 2 {
			m[a][a] *= 1 + damp
			m[a][a] += 1e-300
		}
		var dA, dB float64
		if shift {
			dB = m[1][2] / m[1][1]
		} else {
			det := m[0][0]*m[1][1] - m[0][1]*m[1][0]
			dA = (m[0][2]*m[1][1] - m[1][2]*m[0][1]) / det
			dB = (m[0][0]*m[1][2] - m[1][0]*m[0][2]) / det
		}
		if math.IsNaN(dA) || math.IsNaN(dB) {
			return l, 0, fmt.Errorf("the curves of the common items do not say where the scales meet")
		}
		next := Link{A: l.A + dA, B: l.B + dB}
		small := math.Abs(dA) < 1e-12*(1+l.A) && math.Abs(dB) < 1e-12*(1+math.Abs(l.B))
		if next.A > 1e-3 {
			if v := evaluate(next, nil); v <= value {
				gain := value - v
				l, value = next, evaluate(next, &normal)
				damp = max(damp/10, 1e-12)
				if small || gain == 0 {
					return l, value, nil
				}
				continue
			}
		}
		if small || damp > 1e12 {
			return l, value, nil
		}
		damp *= 10
	}
	return l, 0, fmt.Errorf("the link did not converge in 500 steps")
}

const width = 1e-5

func derivative(f func(float64) float64, x float64) float64 {
	return (f(x+width) - f(x-width)) / (2 * width)
}

// derivatives of an item's probabilities by θ.
func derivatives(it *irt.Item, x float64) []float64 {
	up, down := make([]float64, it.Max()+1), make([]float64, it.Max()+1)
	it.Probabilities(x+width, up)
	it.Probabilities(x-width, down)
	for k := range up {
		up[k] = (up[k] - down[k]) / (2 * width)
	}
	return up
}
