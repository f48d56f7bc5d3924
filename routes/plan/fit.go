package plan

import (
	"math"
	"slices"
)

// cost is the price of a slot less the bonus for keeping it.
func (s *searcher) cost(slot int32) float64 {
	c := 0.0
	if s.price != nil {
		c = s.price[slot]
	}
	if q := s.k.q; len(q.kept) > 0 && slices.Contains(q.kept, slot) {
		c -= q.bonus
	}
	return c
}

// fits tells whether a slot of an item agrees with what is chosen: full-time days apart, requirements in order, no
// two equivalents, the load of a month kept.
func (s *searcher) fits(it *item, slot int32) bool {
	x := &s.m.slots[slot]
	if x.full {
		for _, f := range s.full {
			y := &s.m.slots[f]
			if x.start <= y.end && y.start <= x.end {
				return false
			}
		}
	}
	if s.k.demands {
		for _, part := range x.months {
			sum, asked := part.hours, !slices.Contains(s.k.q.underWay, int32(x.prog))
			for _, c := range s.cur {
				y := &s.m.slots[c.slot]
				for _, o := range y.months {
					if o.month == part.month {
						sum += o.hours
						asked = asked || !slices.Contains(s.k.q.underWay, int32(y.prog))
					}
				}
			}
			if asked && sum > s.k.q.load+1e-9 {
				return false
			}
		}
	}
	for _, a := range s.m.progs[it.prog].sets {
		for _, c := range s.cur {
			if slices.Contains(s.m.progs[s.k.items[c.item].prog].sets, a) {
				return false
			}
		}
	}
	if !it.linked {
		return true
	}
	for _, q := range it.requires {
		if at := s.chosenAt[q]; at > 0 && s.m.slots[at-1].end >= x.start {
			return false
		}
	}
	if it.needed {
		for _, c := range s.cur {
			o := &s.k.items[c.item]
			for _, q := range o.requires {
				if &s.k.items[q] == it && x.end >= s.m.slots[c.slot].start {
					return false
				}
			}
		}
	}
	return true
}

// cheapest is the lowest price among the slots of an item that still fit; +Inf when none does.
func (s *searcher) cheapest(it *item) float64 {
	best := math.Inf(1)
	for _, o := range it.opts {
		if p := s.cost(o); p < best && s.fits(it, o) {
			best = p
			if best == 0 && len(s.k.q.kept) == 0 {
				break
			}
		}
	}
	return best
}

func (s *searcher) ready(it *item) bool {
	for _, q := range it.requires {
		if s.chosenAt[q] <= 0 {
			return false
		}
	}
	return true
}

func (s *searcher) blocked(it *item) bool {
	return slices.ContainsFunc(s.cur, func(c choice) bool { return s.k.items[c.item].block == it.block })
}
