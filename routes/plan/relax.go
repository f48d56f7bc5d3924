package plan

import (
	"math"
	"slices"
)

// mostRows is how many rows a linear relaxation gets before requirements are left to the enumeration.
const mostRows = 48

// tighten finds the multipliers (π, ν) of the linear relaxation of what is left at a node, leaves their table in
// tables[1], and tells whether the node is closed. With y_e ≥ 0 what covers e over its open share r_e, it is
//
//	max Σ_j (Σ_e w_e·a_ej − pen_j − price_j)·x_j − Σ_e w_e·y_e
//	    Σ_j a_ej·x_j − y_e ≤ r_e,  Σ hours_j·x_j ≤ hours,  Σ cost_j·x_j ≤ cost,  Σ_{j of a group} x_j ≤ 1,  0 ≤ x ≤ 1;
//
// and x_j ≤ x_q for each requirement; the multiplier of row e is w_e − π_e. again goes on from the relaxation that the
// level has, of which some items are gone.
func (s *searcher) tighten(d int, again bool, f, hours, cost float64) bool {
	k, l := s.k, s.level(d)
	w := k.q.weights
	for i, j := range l.items {
		s.place[j] = int32(i)
	}
	if !again || !s.again(l) {
		s.build(l, hours, cost)
	}
	x := &l.lp.simplex
	x.run(4*x.rows + 60)
	s.dual = x.multipliers(s.dual)
	s.amounts = x.values(s.amounts, len(l.lp.items))
	l.part = slices.Grow(l.part[:0], len(l.items))[:len(l.items)]
	for v, j := range l.lp.items {
		if i := s.placed(l, j); i >= 0 {
			l.part[i] = s.amounts[v]
		}
	}
	by := &l.by
	by.pi, by.nu = by.pi[:0], 0
	for e := range w {
		pi := w[e]
		if r := l.lp.at[e]; r >= 0 {
			pi = math.Max(0, pi-s.dual[r])
		}
		by.pi = append(by.pi, pi)
	}
	if l.lp.costAt >= 0 {
		by.nu = s.dual[l.lp.costAt] / l.lp.cost
	}
	by.ties = by.ties[:0]
	for y, t := range l.lp.ties {
		if t.mu = s.dual[l.lp.tiesAt+y]; t.mu > 0 {
			by.ties = append(by.ties, t)
		}
	}
	t1 := &l.tables[1]
	v := s.fill(l, t1, by, cost)
	t1.on = true
	l.up = f + v
	if f+v <= s.best+tol {
		return true
	}
	if s.gather {
		return false
	}
	s.trace(l, t1)
	s.try(d, f, hours, cost)
	return f+v <= s.best+tol
}

// relaxation is the linear relaxation of a node: its tableau and what stands where in it.
type relaxation struct {
	simplex
	items  []int32 // by variable
	at     []int32 // by element: its row, −1 for none
	ties   []tie   // requirements by row from tiesAt on
	tiesAt int
	costAt int // row of money, −1 for none
	cost   float64
}

// again takes what is not open any more out of the relaxation of a level and goes on from its basis by the dual method.
// It is false when that fails. Children build their own: shares grow smaller with what is chosen, and a relaxation that
// does not know it is worth half.
func (s *searcher) again(l *level) bool {
	s.gone = s.gone[:0]
	for _, j := range l.lp.items {
		s.gone = append(s.gone, s.placed(l, j) < 0)
	}
	l.lp.settle(s.gone)
	return l.lp.restore(2*l.lp.rows + 20)
}

// build makes the relaxation of a level from nothing.
func (s *searcher) build(l *level, hours, cost float64) {
	k := s.k
	w := k.q.weights
	n := len(l.items)
	sumHours, sumCost := 0.0, 0.0
	for _, j := range l.items {
		sumHours += k.items[j].hours
		sumCost += k.items[j].cost
	}
	// An element that all items together do not cover needs no row: its multiplier is none.
	s.sums = append(s.sums[:0], w...)
	clear(s.sums)
	for _, j := range l.items {
		for _, c := range k.items[j].covers {
			s.sums[c.elem] += math.Min(l.resid[c.elem], c.share)
		}
	}
	rows := 0
	l.lp.at = l.lp.at[:0]
	for e, sum := range s.sums {
		if sum > l.resid[e]+1e-12 {
			l.lp.at = append(l.lp.at, int32(rows))
			rows++
		} else {
			l.lp.at = append(l.lp.at, -1)
		}
	}
	covered := rows
	hoursAt, costAt := -1, -1
	if sumHours > hours && hours > 0 {
		hoursAt = rows
		rows++
	}
	if sumCost > cost && cost > 0 {
		costAt = rows
		rows++
	}
	groupsAt := rows
	for _, lb := range l.live {
		if lb.to-lb.from > 1 && rows < groupsAt+8 {
			rows++
		}
	}
	tiesAt := rows
	l.lp.ties = l.lp.ties[:0]
	for _, j := range l.items {
		for _, on := range k.items[j].requires {
			if s.chosenAt[on] == 0 && s.placed(l, on) >= 0 && rows < mostRows {
				l.lp.ties = append(l.lp.ties, tie{item: j, on: on})
				rows++
			}
		}
	}
	cols := n + covered
	l.lp.items = append(l.lp.items[:0], l.items...)
	l.lp.costAt, l.lp.cost, l.lp.tiesAt = costAt, cost, tiesAt
	x := &l.lp.simplex
	x.reset(rows, cols)
	for i, j := range l.items {
		it := &k.items[j]
		x.upper[i] = 1
		x.d[i] = l.prof[i]
		for _, c := range it.covers {
			if r := l.lp.at[c.elem]; r >= 0 {
				x.t[int(r)*cols+i] = math.Min(l.resid[c.elem], c.share)
			}
		}
		if hoursAt >= 0 {
			x.t[hoursAt*cols+i] = it.hours / hours
		}
		if costAt >= 0 {
			x.t[costAt*cols+i] = it.cost / cost
		}
	}
	for e, at := range l.lp.at {
		if r := int(at); r >= 0 {
			x.b[r] = l.resid[e]
			x.d[n+r] = -w[e]
			x.t[r*cols+n+r] = -1
			x.upper[n+r] = math.Inf(1)
		}
	}
	for r := covered; r < tiesAt; r++ {
		x.b[r] = 1
	}
	for y, t := range l.lp.ties {
		x.t[(tiesAt+y)*cols+int(s.place[t.item])] = 1
		x.t[(tiesAt+y)*cols+int(s.place[t.on])] = -1
	}
	for r, i := groupsAt, 0; r < tiesAt; i++ {
		if lb := l.live[i]; lb.to-lb.from > 1 {
			for q := lb.from; q < lb.to; q++ {
				x.t[r*cols+int(q)] = 1
			}
			r++
		}
	}
	// What the relaxation of the node above takes whole is where to start from.
	for range 1 + min(1, len(l.lp.ties)) { // what is required comes before what requires it
		for i, j := range l.items {
			if s.whole[j] && !x.flip[i] {
				x.raise(i, covered)
			}
		}
	}
	for r := range covered {
		x.absorb(r, n+r)
	}
}
