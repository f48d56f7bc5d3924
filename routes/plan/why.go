package plan

import (
	"cmp"
	"math"
	"math/bits"
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
	if x, matters := m.unasked(q); matters {
		return m.without(&x, set, left, 20_000)
	}
	return nil
}

// without is what would stay open of each element of a person some of whose bounds were taken away, the seats that
// nobody took and their own being there (all seats where left is nil); nil where no better route is found.
func (m *model) without(x *person, set []int32, left []int, nodes int) []float64 {
	if left == nil {
		all := *m
		all.slots = slices.Clone(m.slots)
		for s := range all.slots {
			all.slots[s].seats = -1
		}
		m = &all
	}
	price := make([]float64, len(m.slots))
	for s := range price {
		if m.slots[s].seats >= 0 && left[s] <= 0 && !slices.Contains(set, int32(s)) {
			price[s] = math.Inf(1)
		}
	}
	s := searchers.Get().(*searcher)
	s.reset(m)
	f := s.solve(x, price, set, nodes)
	s.release()
	if !f.feasible || m.worth(x, f.slots) <= m.worth(x, set)+1e-9 {
		return nil
	}
	open := make([]float64, len(x.elems))
	for e, g := range x.elems {
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

// fewTeachers is up to how many teachers each reason is tried by planning anew without it.
const fewTeachers = 1000

// singly tries what each bound taken away alone would close: hours, money, seats, dates.
func (m *model) singly(q *person, set []int32, left []int) map[hurdle][]float64 {
	out := map[hurdle][]float64{}
	for _, h := range []hurdle{byDates, byHours, byCost, bySeats} {
		x, seats := *q, left
		switch h {
		case byHours:
			x.hours = math.Inf(1)
		case byCost:
			x.cost = math.Inf(1)
		case bySeats:
			seats = nil
		case byDates:
			x.from, x.to, x.busy = math.MinInt32, math.MaxInt32, nil
		}
		out[h] = m.without(&x, set, seats, 2000)
	}
	return out
}

// What may stand between a route and one more programme, from the least to the most that has to change.
type hurdle uint8

const (
	byDemand hurdle = 1 << iota
	byDates
	byHours
	byCost
	bySeats
)

// worse orders sets of hurdles: more of them first, then the graver ones; of one hurdle each, seats and hours are named
// after dates that clash, which another choice might mend.
func (h hurdle) worse(o hurdle) bool {
	return cmp.Or(cmp.Compare(bits.OnesCount8(uint8(h)), bits.OnesCount8(uint8(o))), cmp.Compare(h, o)) > 0
}

// Why names the gravest of several hurdles, so that nobody is told of hours where more of them would be in vain.
func (h hurdle) why() Why {
	switch {
	case h&bySeats != 0:
		return NoSeats
	case h&byCost != 0:
		return NoCost
	case h&byHours != 0:
		return NoHours
	case h&byDates != 0:
		return NoDates
	case h&byDemand != 0:
		return Demanded
	}
	return NotWorth
}

// addition is what it takes to put one more programme into a route: it and all that it requires and the route lacks.
type addition struct {
	m     *model
	q     *person
	set   []int32
	left  []int
	progs []int
}

// reach adds a programme, its requirements before it, and returns the least hurdle of its sessions that end before a
// day; ok is false where there is no session at all.
func (a *addition) reach(i int, before Day) (least hurdle, ok bool) {
	m := a.m
	if slices.Contains(a.q.done, int32(i)) || slices.Contains(a.progs, i) {
		return 0, true
	}
	for _, o := range a.set {
		if x := &m.slots[o]; x.prog == i {
			if x.end >= before {
				return byDates, true
			}
			return 0, true
		}
	}
	a.progs = append(a.progs, i)
	known := len(a.progs)
	var longest []int // of the session taken: what it requires
	for _, s := range m.progs[i].slots {
		x := &m.slots[s]
		a.progs = a.progs[:known]
		var h hurdle
		if x.end >= before || !a.q.dated(x) || slices.ContainsFunc(a.set, func(o int32) bool {
			y := &m.slots[o]
			return x.full && y.full && x.start <= y.end && y.start <= x.end
		}) {
			h |= byDates
		}
		if x.seats >= 0 && a.left[s] <= 0 {
			h |= bySeats
		}
		if slices.Contains(a.q.barred, int32(i)) || !a.q.likes(x) || m.crowds(a.q, a.set, x) {
			h |= byDemand
		}
		possible := true
		for _, r := range m.progs[i].requires {
			g, there := a.reach(r, x.start)
			h |= g
			possible = possible && there
		}
		if possible && (!ok || least.worse(h)) {
			least, ok, longest = h, true, append(longest[:0], a.progs[known:]...)
		}
	}
	a.progs = append(a.progs[:known], longest...)
	return least, ok
}

// why names what stands between an element and one more programme for it: the hurdle of the programme that comes
// closest to being taken, unless that one taken away closes nothing more of it and another alone does (alone, where it
// was tried). Programmes that would not be worth their hours do not count as being held up; a programme
// counts as held up by a demand only where nothing else stands in its way.
func (m *model) why(q *person, e int, resid []float64, set []int32, r Route, left []int, alone map[hurdle][]float64) Why {
	elem := q.elems[e]
	found, worthless, late := false, false, false
	var least hurdle
	for _, i := range m.coverers[elem] {
		g := &m.progs[i]
		taken := slices.ContainsFunc(set, func(o int32) bool { return m.slots[o].prog == int(i) })
		if taken || slices.Contains(q.done, i) {
			continue
		}
		if slices.ContainsFunc(set, func(o int32) bool {
			h := &m.progs[m.slots[o].prog]
			return g.group >= 0 && h.group == g.group || slices.ContainsFunc(g.sets, func(a int32) bool { return slices.Contains(h.sets, a) })
		}) {
			worthless = true
			continue
		}
		a := addition{m: m, q: q, set: set, left: left}
		h, ok := a.reach(int(i), math.MaxInt32)
		if !ok { // something it requires is held nowhere
			late = true
			continue
		}
		hours, cost, gain := r.Hours, r.Cost, 0.0
		open := slices.Clone(resid)
		for _, x := range a.progs {
			p := &m.progs[x]
			hours, cost, gain = hours+p.hours, cost+p.cost, gain-p.pen
			for _, c := range p.covers {
				if e, mine := slices.BinarySearch(q.elems, c.elem); mine {
					take := math.Min(open[e], c.share)
					gain += q.weights[e] * take
					open[e] -= take
				}
			}
		}
		if gain <= tol {
			worthless = true
			continue
		}
		if hours > q.hours+1e-9 {
			h |= byHours
		}
		if cost > q.cost+1e-9 {
			h |= byCost
		}
		if r.Conflict != nil {
			h |= byDemand
		}
		if !found || least.worse(h) {
			least, found = h, true
		}
	}
	switch {
	case found:
		helps := func(h hurdle) bool { return alone[h] != nil && alone[h][e] < resid[e]-1e-9 }
		if bits.OnesCount8(uint8(least)) == 1 && helps(least) {
			return least.why()
		}
		for _, h := range []hurdle{bySeats, byCost, byHours, byDates} {
			if helps(h) {
				return h.why()
			}
		}
		return least.why()
	case worthless:
		return NotWorth
	case late:
		return NoDates
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
