package plan

import (
	"math"
)

// state is a set in the making: what is left of elements, hours and money, and its value.
type state struct {
	resid       []float64
	hours, cost float64
	value       float64
}

// push puts an item in a slot on the set in the making; pop takes the set back to n choices. Neither keeps the state
// of resid: the caller does.
func (s *searcher) push(st *state, j, o int32) {
	it := &s.k.items[j]
	st.value -= it.pen + s.cost(o)
	for _, c := range it.covers {
		take := math.Min(st.resid[c.elem], c.share)
		st.value += s.k.q.weights[c.elem] * take
		st.resid[c.elem] -= take
	}
	st.hours -= it.hours
	st.cost -= it.cost
	s.cur = append(s.cur, choice{j, o})
	s.chosenAt[j] = o + 1
	if s.m.slots[o].full {
		s.full = append(s.full, o)
	}
}

func (s *searcher) pop(n int) {
	for _, c := range s.cur[n:] {
		s.chosenAt[c.item] = 0
		if s.m.slots[c.slot].full {
			s.full = s.full[:len(s.full)-1]
		}
	}
	s.cur = s.cur[:n]
}

// next finds the item worth adding to the set in the making: that of the highest gain to weight, where an hour weighs
// perHour, a unit of money perCost and every item 1 − both sums' scale; −1 when nothing adds.
func (s *searcher) next(st *state, items []int32, flat, perHour, perCost float64) (item, slot int32) {
	k := s.k
	item, slot = -1, -1
	top := 0.0
	for _, j := range items {
		it := &k.items[j]
		if s.chosenAt[j] != 0 || it.hours > st.hours+1e-9 || it.cost > st.cost+1e-9 {
			continue
		}
		gain := -it.pen
		for _, c := range it.covers {
			gain += k.q.weights[c.elem] * math.Min(st.resid[c.elem], c.share)
		}
		weight := flat + perHour*it.hours + perCost*it.cost
		if s.lift == 0 && (gain <= tol || gain <= top*weight) || it.linked && !s.ready(it) || it.grouped && s.blocked(it) {
			continue
		}
		o, price := int32(-1), math.Inf(1)
		for _, x := range it.opts {
			if p := s.cost(x); p < price && s.fits(it, x) {
				o, price = x, p
			}
		}
		if o >= 0 && gain-price > tol && gain-price > top*weight {
			item, slot, top = j, o, (gain-price)/weight
		}
	}
	return item, slot
}

// climb looks for a good first route: greedily by three measures, each improved by exchanges of one step for another
// and of one for as many as fit in its place.
func (s *searcher) climb(l *level, f, hours, cost float64) {
	base := len(s.cur)
	perHour, perCost := 0.0, 0.0
	if !math.IsInf(hours, 1) && hours > 0 {
		perHour = 1 / hours
	}
	if !math.IsInf(cost, 1) && cost > 0 {
		perCost = 1 / cost
	}
	st := &s.making
	start := func() {
		s.pop(base)
		st.resid = append(st.resid[:0], l.resid...)
		st.hours, st.cost, st.value = hours, cost, f
	}
	measures := [...][3]float64{{0.05, perHour, 0}, {0.05, perHour, perCost}, {1, 0, 0}}
	fill := func(w [3]float64) {
		for {
			j, o := s.next(st, l.items, w[0], w[1], w[2])
			if j < 0 {
				return
			}
			s.push(st, j, o)
		}
	}
	for i, w := range measures {
		if s.brief && i != 1 {
			continue
		}
		start()
		fill(w)
		set := append(s.set[:0], s.cur[base:]...)
		value := st.value
		for better := !s.brief; better; {
			better = false
			for x := 0; x < len(set) && !better; x++ {
				for _, v := range measures[1:] {
					gone := set[x].item
					start()
					for y, c := range set {
						if it := &s.k.items[c.item]; y != x && (!it.linked || s.ready(it)) { // what rests on the item gone goes too
							s.push(st, c.item, c.slot)
						}
					}
					s.chosenAt[gone] = -1
					j, o := s.next(st, l.items, v[0], v[1], v[2])
					if j >= 0 {
						s.push(st, j, o)
					}
					s.chosenAt[gone] = 0
					fill(w)
					if st.value > value+1e-9 {
						value, better = st.value, true
						set = append(set[:0], s.cur[base:]...)
						break
					}
				}
			}
		}
		start()
		for _, c := range set {
			s.push(st, c.item, c.slot)
		}
		s.offer(st.value, s.cur)
		s.set = set
	}
	s.pop(base)
}

// try makes a real route of the set just traced, in its order, and offers it.
func (s *searcher) try(d int, f, hours, cost float64) {
	k, l := s.k, s.level(d)
	base := len(s.cur)
	st := &s.making
	st.resid = append(st.resid[:0], l.resid...)
	st.hours, st.cost, st.value = hours, cost, f
	for _, x := range l.picked {
		j := l.items[x]
		it := &k.items[j]
		if it.hours > st.hours+1e-9 || it.cost > st.cost+1e-9 || it.linked && !s.ready(it) {
			continue
		}
		gain := -it.pen
		for _, c := range it.covers {
			gain += k.q.weights[c.elem] * math.Min(st.resid[c.elem], c.share)
		}
		slot, price := int32(-1), math.Inf(1)
		for _, o := range it.opts {
			if p := s.cost(o); p < price && s.fits(it, o) {
				slot, price = o, p
			}
		}
		if slot >= 0 && gain-price > 0 {
			s.push(st, j, slot)
		}
	}
	s.offer(st.value, s.cur)
	s.pop(base)
}
