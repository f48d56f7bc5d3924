package plan

import (
	"math"
)

// table is one linearisation with its knapsack over suffixes of the live blocks.
type table struct {
	on   bool
	slop []float64 // w − π by element
	nu   float64
	g    []float64 // (n+1) × (width+1)
}

// fill sets a table to the linearisation (π, ν) over the live blocks of the level and returns what it bounds the
// gain of all of them by.
func (s *searcher) fill(l *level, t *table, pi []float64, nu, cost float64) float64 {
	k := s.k
	t.nu = nu
	t.slop = t.slop[:0]
	base := 0.0
	for e, w := range k.q.weights {
		t.slop = append(t.slop, w-pi[e])
		base += (w - pi[e]) * l.resid[e]
	}
	l.lin = l.lin[:0]
	for i, j := range l.items {
		it := &k.items[j]
		p := -it.pen - l.cheap[i]
		for _, c := range it.covers {
			p += pi[c.elem] * math.Min(l.resid[c.elem], c.share)
		}
		if nu > 0 {
			p -= nu * it.cost
		}
		l.lin = append(l.lin, p)
	}
	row, n := l.w+1, len(l.live)
	if need := (n + 1) * row; cap(t.g) < need {
		t.g = make([]float64, need*3/2)
	}
	t.g = t.g[:(n+1)*row]
	clear(t.g[n*row:])
	for i := n - 1; i >= 0; i-- {
		here, next := t.g[i*row:(i+1)*row], t.g[(i+1)*row:(i+2)*row]
		copy(here, next)
		for x := l.live[i].from; x < l.live[i].to; x++ {
			hu, p := int(k.items[l.items[x]].units), l.lin[x]
			if p <= 0 || hu > l.w {
				continue
			}
			to, from := here[hu:], next[:row-hu]
			to = to[:len(from)]
			for h, v := range from {
				if v += p; v > to[h] {
					to[h] = v
				}
			}
		}
	}
	if nu > 0 {
		base += nu * cost
	}
	return base + t.g[row-1]
}

// trace reads the set that the table last filled takes, as indexes into the level's items.
func (s *searcher) trace(l *level, t *table) {
	l.picked = l.picked[:0]
	row, h := l.w+1, l.w
	for i := range l.live {
		v := t.g[i*row+h]
		if v == t.g[(i+1)*row+h] {
			continue
		}
		for x := l.live[i].from; x < l.live[i].to; x++ {
			hu := int(s.k.items[l.items[x]].units)
			if l.lin[x] > 0 && hu <= h && t.g[(i+1)*row+h-hu]+l.lin[x] == v {
				l.picked = append(l.picked, x)
				h -= hu
				break
			}
		}
	}
}

// tighten finds the multipliers (π, ν) of the linear relaxation of what is left at a node, leaves their table in
// tables[1], and tells whether the node is closed. With y_e ≥ 0 what covers e over its open share r_e, it is
//
//	max Σ_j (Σ_e w_e·a_ej − pen_j − price_j)·x_j − Σ_e w_e·y_e
//	    Σ_j a_ej·x_j − y_e ≤ r_e,  Σ hours_j·x_j ≤ hours,  Σ cost_j·x_j ≤ cost,  Σ_{j of a group} x_j ≤ 1,  0 ≤ x ≤ 1;
//
// the multiplier of row e is w_e − π_e.
func (s *searcher) tighten(d int, f, hours, cost float64) bool {
	k, l, x := s.k, s.level(d), &s.lp
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
	s.rows = s.rows[:0]
	for e, sum := range s.sums {
		if sum > l.resid[e]+1e-12 {
			s.rows = append(s.rows, int32(rows))
			rows++
		} else {
			s.rows = append(s.rows, -1)
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
	cols := n + covered
	x.reset(rows, cols)
	for i, j := range l.items {
		it := &k.items[j]
		x.upper[i] = 1
		x.d[i] = l.prof[i]
		for _, c := range it.covers {
			if r := s.rows[c.elem]; r >= 0 {
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
	for e, at := range s.rows {
		if r := int(at); r >= 0 {
			x.b[r] = l.resid[e]
			x.d[n+r] = -w[e]
			x.t[r*cols+n+r] = -1
			x.upper[n+r] = math.Inf(1)
		}
	}
	for r := covered; r < rows; r++ {
		x.b[r] = 1
	}
	for r, i := groupsAt, 0; r < rows; i++ {
		if lb := l.live[i]; lb.to-lb.from > 1 {
			for q := lb.from; q < lb.to; q++ {
				x.t[r*cols+int(q)] = 1
			}
			r++
		}
	}
	x.run(4*rows + 60)
	s.dual = x.multipliers(s.dual)
	l.pi = l.pi[:0]
	for e := range w {
		pi := w[e]
		if r := s.rows[e]; r >= 0 {
			pi = math.Max(0, pi-s.dual[r])
		}
		l.pi = append(l.pi, pi)
	}
	nu := 0.0
	if costAt >= 0 {
		nu = s.dual[costAt] / cost
	}
	t1 := &l.tables[1]
	v := s.fill(l, t1, l.pi, nu, cost)
	t1.on = true
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

// fix drops the items of a level that no route better than the best known can hold: with the item forced in, the
// linearisation of tables[1] (else tables[0]) already bounds the rest. It tells whether any was dropped.
func (s *searcher) fix(l *level, f, cost float64) bool {
	k := s.k
	t := &l.tables[1]
	if !t.on {
		t = &l.tables[0]
	}
	n, row := len(l.live), l.w+1
	// ahead[i][h]: the best of the blocks before i within h units.
	if need := (n + 1) * row; cap(s.ahead) < need {
		s.ahead = make([]float64, need*3/2)
	}
	pre := s.ahead[:(n+1)*row]
	clear(pre[:row])
	base := f
	for e, sl := range t.slop {
		base += sl * l.resid[e]
	}
	if t.nu > 0 {
		base += t.nu * cost
	}
	// lin has to be that of the table: the last one filled may be another.
	l.lin = l.lin[:0]
	for i, j := range l.items {
		it := &k.items[j]
		p := -it.pen - l.cheap[i]
		for _, c := range it.covers {
			p += (k.q.weights[c.elem] - t.slop[c.elem]) * math.Min(l.resid[c.elem], c.share)
		}
		l.lin = append(l.lin, p-t.nu*it.cost)
	}
	kept := l.items[:0]
	dropped := false
	for i := range n {
		lb := l.live[i]
		here, next := pre[i*row:(i+1)*row], pre[(i+1)*row:(i+2)*row]
		after := t.g[(i+1)*row : (i+2)*row]
		copy(next, here)
		for x := lb.from; x < lb.to; x++ {
			it := &k.items[l.items[x]]
			hu := int(it.units)
			if hu > l.w {
				continue
			}
			best, p := math.Inf(-1), l.lin[x]
			to, from, rest := next[hu:], here[:row-hu], after[:row-hu]
			to = to[:len(from)]
			for h, v := range from {
				if w := v + rest[len(from)-1-h]; w > best {
					best = w
				}
				if v += p; v > to[h] {
					to[h] = v
				}
			}
			if base+best+l.lin[x] <= s.best+tol {
				s.mark[l.items[x]] = -1
				dropped = true
			}
		}
	}
	if !dropped {
		return false
	}
	for _, j := range l.items {
		if s.mark[j] != -1 {
			kept = append(kept, j)
		} else {
			s.mark[j] = 0
		}
	}
	l.items = kept
	return true
}

// bound is the least upper bound on value plus what the live blocks from i on can add, with units of hours left.
func (s *searcher) bound(l *level, i int, value float64, units int, cost float64, resid []float64) float64 {
	best := math.Inf(1)
	at := i*(l.w+1) + min(units, l.w)
	for t := range l.tables {
		tb := &l.tables[t]
		if !tb.on {
			continue
		}
		v := value + tb.g[at]
		if tb.nu > 0 {
			v += tb.nu * cost
		}
		for e, sl := range tb.slop {
			v += sl * resid[e]
		}
		best = math.Min(best, v)
	}
	rest := value + s.lift
	for e, r := range resid {
		rest += s.k.q.weights[e] * r
	}
	return math.Min(best, rest)
}
