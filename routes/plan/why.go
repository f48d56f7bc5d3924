package plan

import (
	"math"
	"slices"
)

// unasked is a person without the methodist's demands; what is under way stays. It is false where there are none, or
// none that could matter: programmes barred that close nothing here.
func (m *model) unasked(q *person) (person, bool) {
	x := *q
	x.musts = slices.DeleteFunc(slices.Clone(q.musts), func(d must) bool { return !slices.Contains(q.underWay, d.prog) })
	x.barred, x.modes, x.venues, x.months, x.load = nil, nil, nil, nil, math.Inf(1)
	matters := len(x.musts) < len(q.musts) || len(q.modes)+len(q.venues)+len(q.months) > 0 || !math.IsInf(q.load, 1)
	for _, i := range q.barred {
		for _, c := range m.progs[i].covers {
			_, mine := slices.BinarySearch(q.elems, c.elem)
			matters = matters || mine
		}
	}
	return x, matters
}

// demandless is what would stay open of each element of a person if the methodist asked for nothing, the seats that
// nobody took and their own being there; nil where the demands cost nothing.
func (m *model) demandless(q *person, set []int32, left []int) []float64 {
	x, matters := m.unasked(q)
	if !matters {
		return nil
	}
	price := make([]float64, len(m.slots))
	for s := range price {
		if m.slots[s].seats >= 0 && left[s] <= 0 && !slices.Contains(set, int32(s)) {
			price[s] = math.Inf(1)
		}
	}
	s := searchers.Get().(*searcher)
	s.reset(m)
	f := s.solve(&x, price, set, 20_000)
	s.m, s.k, s.task.q, s.price, s.heap = nil, nil, nil, nil, nil
	searchers.Put(s)
	if !f.feasible || m.worth(&x, f.slots) <= m.worth(&x, set)+1e-9 {
		return nil
	}
	open := make([]float64, len(q.elems))
	for e, g := range q.elems {
		open[e] = 1
		for _, o := range f.slots {
			for _, c := range m.progs[m.slots[o].prog].covers {
				if c.elem == g {
					open[e] -= c.share
				}
			}
		}
		open[e] = math.Max(0, open[e])
	}
	return open
}

// lacking adds up the hours and the money of a programme and of all that it requires and the route lacks.
func (m *model) lacking(q *person, i int, set []int32, seen map[int]bool) (hours, cost float64) {
	if seen[i] || slices.Contains(q.done, int32(i)) || slices.ContainsFunc(set, func(o int32) bool { return m.slots[o].prog == i }) {
		return 0, 0
	}
	seen[i] = true
	hours, cost = m.progs[i].hours, m.progs[i].cost
	for _, r := range m.progs[i].requires {
		h, c := m.lacking(q, r, set, seen)
		hours, cost = hours+h, cost+c
	}
	return hours, cost
}

// why names what stands between an element and one more programme for it: the obstacle of the programme that comes
// closest to being taken. Programmes that would not be worth their hours do not count as being held up; a programme
// counts as held up by a demand only where nothing else stands in its way.
func (m *model) why(q *person, elem int32, resid []float64, set []int32, r Route, left []int) Why {
	const (
		none = iota
		worthless
		noDates
		noSeats
		noHours
		noCost
		clash
		free
		demand
	)
	best := none
	for _, i := range m.coverers[elem] {
		g := &m.progs[i]
		taken := slices.ContainsFunc(set, func(o int32) bool { return m.slots[o].prog == int(i) })
		if taken || slices.Contains(q.done, i) || len(g.slots) == 0 {
			continue
		}
		gain := -g.pen
		for _, c := range g.covers {
			if e, ok := slices.BinarySearch(q.elems, c.elem); ok {
				gain += q.weights[e] * math.Min(resid[e], c.share)
			}
		}
		excluded := slices.ContainsFunc(set, func(o int32) bool {
			h := &m.progs[m.slots[o].prog]
			return g.group >= 0 && h.group == g.group || slices.ContainsFunc(g.sets, func(a int32) bool { return slices.Contains(h.sets, a) })
		})
		if gain <= tol || excluded {
			best = max(best, worthless)
			continue
		}
		hours, cost := g.hours, g.cost
		if len(g.requires) > 0 {
			hours, cost = m.lacking(q, int(i), set, map[int]bool{})
		}
		rank := noDates
		for _, s := range g.slots {
			x := &m.slots[s]
			if !q.dated(x) {
				continue
			}
			here := free
			switch {
			case x.seats >= 0 && left[s] <= 0:
				here = noSeats
			case r.Hours+hours > q.hours+1e-9:
				here = noHours
			case r.Cost+cost > q.cost+1e-9:
				here = noCost
			case slices.ContainsFunc(set, func(o int32) bool {
				y := &m.slots[o]
				return x.full && y.full && x.start <= y.end && y.start <= x.end
			}):
				here = clash
			case r.Conflict != nil || slices.Contains(q.barred, i) || !q.likes(x) || m.crowds(q, set, x):
				here = demand
			}
			rank = max(rank, here)
		}
		best = max(best, rank)
	}
	switch best {
	case noDates, clash:
		return NoDates
	case noSeats:
		return NoSeats
	case noHours:
		return NoHours
	case noCost:
		return NoCost
	case demand:
		return Demanded
	case free, worthless:
		return NotWorth
	}
	return NoProgramme
}

// crowds tells whether one more slot would put more hours into a month than the teacher wishes.
func (m *model) crowds(q *person, set []int32, x *slot) bool {
	if math.IsInf(q.load, 1) || slices.Contains(q.underWay, int32(x.prog)) {
		return false
	}
	for _, part := range x.months {
		sum := part.hours
		for _, o := range set {
			for _, y := range m.slots[o].months {
				if y.month == part.month {
					sum += y.hours
				}
			}
		}
		if sum > q.load+1e-9 {
			return true
		}
	}
	return false
}
