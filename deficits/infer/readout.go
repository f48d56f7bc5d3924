package infer

import (
	"math"
)

// A readout turns a distribution of x_e into what is said of the true share. The
// density is taken as linear between nodes, the share too; every figure is then a sum
// of the nodes' weights with a table, and all of them agree with one another.
type readout struct {
	name      string
	share     []float64 // at the nodes, rising
	mean      []float64 // ∫ hat·share
	under     []float64 // mass of the node's hat under the cut
	shortfall []float64 // ∫ hat·max(0, cut−share)
	blur      []float64 // what uncertain parameters add to x, by steps off; nil where it is little
}

func newReadout(name string, share []float64, cut float64) readout {
	n := len(share)
	r := readout{name: name, share: share, mean: make([]float64, n), under: make([]float64, n), shortfall: make([]float64, n)}
	for m := range n - 1 {
		s0, s1 := share[m], share[m+1]
		// The hat of m falls over this cell, that of m+1 rises.
		r.mean[m] += s0/3 + s1/6
		r.mean[m+1] += s0/6 + s1/3
		t := 0.0 // the part of the cell under the cut
		switch {
		case s1 <= cut && s0 < cut:
			t = 1
		case s0 < cut:
			t = (cut - s0) / (s1 - s0)
		}
		if t == 0 {
			continue
		}
		r.under[m] += t - t*t/2
		r.under[m+1] += t * t / 2
		at := func(x float64) float64 { return max(0, cut-s0-x*(s1-s0)) }
		// Simpson's rule is exact for these parabolas.
		r.shortfall[m] += t / 6 * (at(0) + 4*(1-t/2)*at(t/2) + (1-t)*at(t))
		r.shortfall[m+1] += t / 6 * (4*(t/2)*at(t/2) + t*at(t))
	}
	// Half a hat stands at either end.
	for _, end := range []int{0, n - 1} {
		r.mean[end] += share[end] / 2
		if share[end] < cut {
			r.under[end] += 0.5
			r.shortfall[end] += (cut - share[end]) / 2
		}
	}
	return r
}

// blurBy sets the noise on x that stands for an uncertain share (sd in shares).
func (r *readout) blurBy(sd float64, persons, x []float64) {
	slope := 0.0
	for j := 1; j < len(x)-1; j++ {
		slope += persons[j] * (r.share[j+1] - r.share[j-1]) / (x[j+1] - x[j-1])
	}
	noise := min(1, sd/max(slope, 1e-3))
	if noise <= 0.03 {
		return
	}
	step := x[1] - x[0]
	for k := 0; float64(k)*step < 6*noise; k++ {
		z := float64(k) * step / noise
		r.blur = append(r.blur, math.Exp(-z*z/2))
	}
}

// blurred fills out with p widened by the noise, adding up to 1.
func (r *readout) blurred(p, out []float64) {
	clear(out)
	for j, x := range p {
		if x < 1e-12 {
			continue
		}
		out[j] += x * r.blur[0]
		for k, b := range r.blur[1:] {
			if low := j - k - 1; low >= 0 {
				out[low] += x * b
			}
			if high := j + k + 1; high < len(out) {
				out[high] += x * b
			}
		}
	}
	normalise(out)
}

// quantile is the share under which the mass of p (adding up to 1) is at.
func (r *readout) quantile(p []float64, at float64) float64 {
	below := p[0] / 2
	if at <= below {
		return r.share[0]
	}
	for m := range len(p) - 1 {
		cell := (p[m] + p[m+1]) / 2
		if at > below+cell && m < len(p)-2 {
			below += cell
			continue
		}
		// p0·(t − t²/2) + p1·t²/2 = at − below
		want, a, b := min(cell, max(0, at-below)), (p[m+1]-p[m])/2, p[m]
		t := 1.0
		if root := math.Sqrt(max(0, b*b+4*a*want)) + b; root > 0 {
			t = min(1, 2*want/root)
		}
		return r.share[m] + t*(r.share[m+1]-r.share[m])
	}
	return r.share[len(p)-1]
}
