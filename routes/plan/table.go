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
