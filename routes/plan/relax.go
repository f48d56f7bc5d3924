package plan

import (
	"math"
	"slices"
)

// multipliers make a linear bound of what is left at a node.
type multipliers struct {
	pi   []float64 // of covering an element once more, by element
	nu   float64   // of a unit of money
	ties []tie
}

// tie is the multiplier of a requirement: x_item ≤ x_on.
type tie struct {
	item, on int32
	mu       float64
}

// table is one linearisation with its knapsack over suffixes of the live blocks.
type table struct {
	on   bool
	slop []float64 // w − π by element
	nu   float64
	lin  []float64 // profit of each live item
	net  []float64 // how much of it comes of requirements; empty: nothing
	g    []float64 // (n+1) × (width+1)
}

// fill sets a table to a linearisation over the live blocks of the level and returns what it bounds the gain of all of
// them by.
func (s *searcher) fill(l *level, t *table, by *multipliers, cost float64) float64 {
	k := s.k
	pi, nu := by.pi, by.nu
	t.nu = nu
	t.slop = t.slop[:0]
	base := 0.0
	for e, w := range k.q.weights {
		t.slop = append(t.slop, w-pi[e])
		base += (w - pi[e]) * l.resid[e]
	}
	t.lin, t.net = t.lin[:0], t.net[:0]
	for i, j := range l.items {
		it := &k.items[j]
		p := -it.pen - l.cheap[i]
		for _, c := range it.covers {
			p += pi[c.elem] * math.Min(l.resid[c.elem], c.share)
		}
		if nu > 0 {
			p -= nu * it.cost
		}
		t.lin = append(t.lin, p)
	}
	if len(by.ties) > 0 {
		for i, j := range l.items {
			s.place[j] = int32(i)
			t.net = append(t.net, 0)
		}
		for _, y := range by.ties { // one that is met, or about an item that is gone, is left out: it adds nothing below zero
			i, at := s.placed(l, y.item), s.placed(l, y.on)
			if i >= 0 && at >= 0 {
				t.net[i] -= y.mu
				t.net[at] += y.mu
			}
		}
		for i, v := range t.net {
			t.lin[i] += v
		}
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
			hu, p := int(k.items[l.items[x]].units), t.lin[x]
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

// placed is the place of an item among the live ones, −1 where it is not; place has to be that of the level.
func (s *searcher) placed(l *level, j int32) int32 {
	if i := s.place[j]; int(i) < len(l.items) && l.items[i] == j {
		return i
	}
	return -1
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
			if t.lin[x] > 0 && hu <= h && t.g[(i+1)*row+h-hu]+t.lin[x] == v {
				l.picked = append(l.picked, x)
				h -= hu
				break
			}
		}
	}
}

// mostRows is how many rows a linear relaxation gets before requirements are left to the enumeration.
const mostRows = 48

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
	tiesAt := rows
	l.by.ties = l.by.ties[:0]
	for i, j := range l.items {
		s.place[j] = int32(i)
	}
	for _, j := range l.items {
		for _, on := range k.items[j].requires {
			if s.chosenAt[on] == 0 && s.placed(l, on) >= 0 && rows < mostRows {
				l.by.ties = append(l.by.ties, tie{item: j, on: on})
				rows++
			}
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
	for r := covered; r < tiesAt; r++ {
		x.b[r] = 1
	}
	for y, t := range l.by.ties {
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
	x.run(4*rows + 60)
	s.dual = x.multipliers(s.dual)
	l.part = x.values(l.part, n)
	by := &l.by
	by.pi, by.nu = by.pi[:0], 0
	for e := range w {
		pi := w[e]
		if r := s.rows[e]; r >= 0 {
			pi = math.Max(0, pi-s.dual[r])
		}
		by.pi = append(by.pi, pi)
	}
	if costAt >= 0 {
		by.nu = s.dual[costAt] / cost
	}
	for y := range by.ties {
		by.ties[y].mu = s.dual[tiesAt+y]
	}
	by.ties = slices.DeleteFunc(by.ties, func(y tie) bool { return y.mu <= 0 })
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
	kept := l.items[:0]
	l.into = slices.Grow(l.into[:0], len(k.items))[:len(k.items)]
	l.forced = -1
	dropped := false
	for i := range n {
		lb := l.live[i]
		here, next := pre[i*row:(i+1)*row], pre[(i+1)*row:(i+2)*row]
		after := t.g[(i+1)*row : (i+2)*row]
		copy(next, here)
		if l.forced < 0 {
			best := math.Inf(-1)
			for h, v := range here {
				if w := v + after[row-1-h]; w > best {
					best = w
				}
			}
			if base+best <= s.best+tol {
				l.forced = i
			}
		}
		for x := lb.from; x < lb.to; x++ {
			it := &k.items[l.items[x]]
			hu := int(it.units)
			if hu > l.w {
				l.into[l.items[x]] = math.Inf(-1)
				continue
			}
			best, p := math.Inf(-1), t.lin[x]
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
			l.into[l.items[x]] = base + best + t.lin[x]
			if base+best+t.lin[x] <= s.best+tol {
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

// bound is the least upper bound on value plus what the live blocks from i on can add, with units of hours left, after
// the live item in was chosen (−1: none).
func (s *searcher) bound(l *level, i int, in int, value float64, units int, cost float64, resid []float64) float64 {
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
		if in >= 0 && len(tb.net) > 0 {
			v += tb.net[in]
		}
		best = math.Min(best, v)
	}
	rest := value + s.lift
	for e, r := range resid {
		rest += s.k.q.weights[e] * r
	}
	return math.Min(best, rest)
}
