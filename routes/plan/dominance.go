package plan

import "slices"

// spare tells whether another slot of an item that fits clashes with nothing open after block i that slot x does not
// clash with, at no higher price.
func (s *searcher) spare(l *level, i int, it *item, x int) bool {
	if it.linked || s.k.demands || s.gather || !s.m.slots[it.opts[x]].full {
		return false
	}
	b := &s.m.slots[it.opts[x]]
	for y, o := range it.opts {
		if y == x || s.cost(o) > s.cost(it.opts[x]) || !s.fits(it, o) {
			continue
		}
		a := &s.m.slots[o]
		less, same := true, true
		for _, lb := range l.live[i+1:] {
			for _, j := range l.items[lb.from:lb.to] {
				for _, z := range s.k.items[j].opts {
					c := &s.m.slots[z]
					if !c.full {
						continue
					}
					ca := a.full && a.start <= c.end && c.start <= a.end
					cb := b.start <= c.end && c.start <= b.end
					if ca && !cb {
						less = false
						break
					}
					same = same && ca == cb
				}
			}
			if !less {
				break
			}
		}
		if less && (!same || y < x || s.cost(o) < s.cost(it.opts[x])) {
			return true
		}
	}
	return false
}

// useful tells whether all that an item requires and all that stand above it are chosen or handed down to the child at
// work: else it cannot be taken, or swapping it for one of them is no worse.
func (s *searcher) useful(it *item) bool {
	for _, a := range it.above {
		if s.chosenAt[a] == 0 && s.mark[a] != s.child {
			return false
		}
	}
	for _, a := range it.requires {
		if s.chosenAt[a] == 0 && s.mark[a] != s.child {
			return false
		}
	}
	return true
}

// rise finds which of the items left stand above which: those that cover no less for no more hours, money and price,
// and whose slots stand wherever the other's do.
func (s *searcher) rise(l *level) {
	k := s.k
	if k.demands || s.gather || len(k.q.weights) > 64 {
		return
	}
	better := func(a, b *item) bool { // a may replace b
		if b.mask&^a.mask != 0 || a.hours > b.hours || a.cost > b.cost || a.linked {
			return false
		}
		if a.grouped && (!b.grouped || a.block != b.block) || len(s.m.progs[a.prog].sets) > 0 {
			return false
		}
		x := 0
		for _, c := range b.covers {
			for a.covers[x].elem != c.elem {
				x++
			}
			if a.covers[x].share < c.share {
				return false
			}
		}
		for _, o := range b.opts {
			if !slices.ContainsFunc(a.opts, func(p int32) bool { return s.replaces(p, o) }) {
				return false
			}
		}
		return true
	}
	for _, j := range l.items {
		b := &k.items[j]
		b.above = nil
		if b.linked || b.must || b.grouped {
			continue
		}
		for _, i := range l.items {
			if a := &k.items[i]; i != j && better(a, b) && (i < j || !better(b, a)) {
				if len(b.above) < 12 {
					b.above = append(b.above, i)
				}
			}
		}
	}
}
