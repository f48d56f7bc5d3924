package plan

import (
	"math"
	"slices"
)

// Prices alone cannot tell teachers alike apart, nor do they say how many take which route. Where the linear program over
// the columns is small enough it is solved itself, and columns are added under its multipliers until none is missing
// (Gilmore and Gomory, 1961): its solution leads to plans (dive.go), its prices are the best there are.

// small tells whether the linear program over the columns is small: kinds of teachers and sessions that fill up.
func (r *region) small() bool { return len(r.rep)+len(r.scarce) <= 450 }

// blend is a column of the linear program.
type blend struct {
	class, col int
}

// blending is the linear program over the columns kept, for persons and seats that are left of all; columns found later
// are added to it.
type blending struct {
	lp    blendLP
	r     *region
	row   []int32 // by slot
	cols  []blend // by column of the program
	known []int   // by class: how many of its columns are in
	left  []float64
}

func (r *region) blending() *blending {
	b := &blending{r: r, row: make([]int32, len(r.m.slots)), known: make([]int, len(r.cols)), left: slices.Clone(r.size)}
	limits := slices.Clone(r.size)
	for i, s := range r.scarce {
		b.row[s] = int32(len(r.rep) + i)
		limits = append(limits, float64(r.m.slots[s].seats))
	}
	b.lp.reset(limits)
	return b
}

// fill adds the columns found since to the program.
func (b *blending) fill() {
	r := b.r
	var rows []int32
	for c := range r.cols {
		for ; b.known[c] < len(r.cols[c]); b.known[c]++ {
			x := &r.cols[c][b.known[c]]
			rows = append(rows[:0], int32(c))
			for _, s := range x.tight {
				rows = append(rows, b.row[s])
			}
			b.lp.add(x.value, rows...)
			b.cols = append(b.cols, blend{class: c, col: b.known[c]})
		}
	}
}

// solve finds the best solution over the columns kept.
func (b *blending) solve() { b.fill(); b.lp.run(10*b.lp.rows, b.r.opt.Expired) }

// prices are those of slots in the solution at hand.
func (b *blending) prices() []float64 {
	price := make([]float64, len(b.r.m.slots))
	for i, s := range b.r.scarce {
		price[s] = math.Max(0, b.lp.y[len(b.r.rep)+i])
	}
	return price
}

// columns counts all that are kept.
func (r *region) columns() (n int) {
	for c := range r.cols {
		n += len(r.cols[c])
	}
	return n
}

// settle adds columns under the multipliers of the linear program until none is missing; it settles the bound.
func (b *blending) settle(rounds int) {
	r := b.r
	use := make([]int, len(r.m.slots))
	for b.solve(); rounds > 0 && !r.opt.Expired(); rounds-- {
		before, price := r.columns(), b.prices()
		level := r.evaluate(price, use)
		if level < r.bound {
			r.bound = level
			copy(r.star, price)
		}
		if v := b.lp.worth(); r.columns() == before || level-v <= 1e-6*math.Abs(v) {
			return
		}
		b.solve()
	}
}

// more makes columns for the persons and the seats that are left; it tells whether the program gains by any.
func (b *blending) more(gate []float64) bool {
	r := b.r
	price := b.prices()
	for s, g := range gate {
		if g > 0 {
			price[s] = g
		}
	}
	gain := make([]bool, len(r.rep))
	r.each(true, func(s *searcher, c int) {
		if b.left[c] <= 0 {
			return
		}
		q := &r.people[r.rep[c]]
		f := s.solve(q, price, nil, r.nodeLimit())
		if !f.feasible || f.value <= b.lp.y[c]+1e-7 || len(q.musts) > 0 && f.value < -r.forgo {
			return
		}
		before := len(r.cols[c])
		r.keep(c, f.slots)
		gain[c] = len(r.cols[c]) > before
	})
	return slices.Contains(gain, true)
}
