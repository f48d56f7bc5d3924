package plan

import (
	"math"
	"slices"
)

// branch tries the items of a node block by block: each item of a block in, then the block out, under the linear
// relaxation of what is left. root is the first node without demands.
func (s *searcher) branch(d int, f, hours, cost float64, root bool) {
	k, l := s.k, s.level(d)
	w := k.q.weights
	clear(s.whole)
	if l.above >= 0 {
		above := s.levels[l.above]
		if f+s.fill(l, &l.tables[1], &above.by, cost) <= s.best+tol {
			return
		}
		s.start(above)
	}
	for again := false; ; again = true {
		l.above = d
		if s.tighten(d, again, f, hours, cost) {
			return
		}
		block := int32(-1)
		l.were = append(l.were[:0], l.items...)
		dropped := s.fix(l, f, cost)
		if l.forced >= 0 {
			block = l.live[l.forced].block
		} else {
			block = s.promising(l)
		}
		if s.limit > 0 && s.nodes >= s.limit {
			s.open = math.Max(s.open, l.up)
			return
		}
		if root {
			s.rise(l)
			root = false
		}
		if dropped {
			l.cand = append(l.cand[:0], l.items...)
			s.survey(l, hours, cost)
			if len(l.live) == 0 {
				return
			}
		}
		at := slices.IndexFunc(l.live, func(b liveBlock) bool { return b.block == block })
		if at < 0 {
			if l.forced >= 0 {
				return
			}
			continue
		}
		lb := l.live[at]
		// The block chosen comes first in the list, the rest is what its children are left with.
		copy(l.live[1:at+1], l.live[:at])
		l.live[0] = lb
		below := s.level(d + 1)
		for _, j := range l.items[lb.from:lb.to] {
			it := &k.items[j]
			base := f - it.pen
			below.resid = append(below.resid[:0], l.resid...)
			for _, c := range it.covers {
				take := math.Min(l.resid[c.elem], c.share)
				base += w[c.elem] * take
				below.resid[c.elem] -= take
			}
			for x, o := range it.opts {
				if !s.fits(it, o) || len(it.opts) > 1 && s.spare(l, 0, it, x) {
					continue
				}
				val := base - s.cost(o)
				up := val + s.lift
				if l.into[j] <= s.best+tol {
					continue
				}
				for e, r := range below.resid {
					up += w[e] * r
				}
				if up <= s.best+tol {
					continue
				}
				if s.limit > 0 && s.nodes >= s.limit {
					s.open = math.Max(s.open, math.Min(up, l.into[j]))
					continue
				}
				below.above = l.above
				marks := s.choose(j, o)
				s.descend(l, below, 1)
				if !s.useful(it) {
					s.unchoose(j, o, marks)
					continue
				}
				s.search(d+1, val, hours-it.hours, cost-it.cost)
				s.unchoose(j, o, marks)
			}
		}
		if l.forced >= 0 {
			return
		}
		s.count()
		s.start(l)
		s.descend(l, l, 1)
		s.survey(l, hours, cost)
		if len(l.live) == 0 {
			return
		}
		if len(l.items) <= smallNode {
			s.enumerate(d, f, hours, cost)
			return
		}
	}
}

// start notes what the linear relaxation of a level took whole: that of the next node begins there.
func (s *searcher) start(l *level) {
	clear(s.whole)
	for x, j := range l.were {
		s.whole[j] = l.part[x] > 1-1e-9
	}
}

// promising is the block of the item of which the linear relaxation takes most, by what it would bring: with it in,
// much is settled, and without it the bound falls. Items that no better route holds do not count.
func (s *searcher) promising(l *level) int32 {
	best, at := math.Inf(-1), int32(-1)
	for _, lb := range l.live {
		for x := lb.from; x < lb.to; x++ {
			if v := math.Sqrt(l.part[x]) * l.prof[x]; v > best && l.into[l.were[x]] > s.best+tol {
				best, at = v, lb.block
			}
		}
	}
	return at
}
