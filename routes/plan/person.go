package plan

import (
	"cmp"
	"math"
	"slices"
)

// person is a teacher with names turned into indexes; everything in it is sorted, so that equal persons look equal.
type person struct {
	elems       []int32 // elements with a weight, ascending
	weights     []float64
	done        []int32 // programmes done
	barred      []int32
	musts       []must
	hours, cost float64 // limits; +Inf for none
	from, to    Day
	busy        []Span
	modes       []Mode   // forms wanted; empty: any
	venues      []string // venues wanted; empty: any
	months      []Month  // months wanted; empty: any
	load        float64  // hours a month at most; +Inf for none
	underWay    []int32  // programmes of which no wish is asked
	kept        []int32  // slots of the route that stands
	bonus       float64  // what each kept slot is worth
}

// must is a demand: the programme has to be chosen, in the slot if one is named (anySlot: any of its slots).
type must struct {
	prog int32
	slot int32
}

const anySlot = -1

func (m *model) person(t *Teacher) person {
	lim := t.Limits.over(m.p.Limits)
	q := person{hours: math.Inf(1), cost: math.Inf(1), load: math.Inf(1), from: math.MinInt32, to: math.MaxInt32}
	if lim.Hours != nil {
		q.hours = *lim.Hours
	}
	if lim.Cost != nil {
		q.cost = *lim.Cost
	}
	if lim.From != nil {
		q.from = *lim.From
	}
	if lim.To != nil {
		q.to = *lim.To
	}
	for e, w := range t.Deficits {
		if w > 0 {
			q.elems = append(q.elems, int32(m.elem[e]))
		}
	}
	slices.Sort(q.elems)
	for _, e := range q.elems {
		q.weights = append(q.weights, t.Deficits[m.elems[e]])
	}
	index := func(ids []string) []int32 {
		var out []int32
		for _, d := range ids {
			out = append(out, int32(m.byID[d]))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	q.done, q.barred = index(t.Done), index(t.Forbidden)
	done := slices.Clone(q.done)
	for _, a := range m.alike {
		if slices.ContainsFunc(a, func(i int32) bool { return slices.Contains(done, i) }) {
			q.done = append(q.done, a...)
		}
	}
	slices.Sort(q.done)
	q.done = slices.Compact(q.done)
	for _, l := range t.demands() {
		i := m.byID[l.Programme]
		if slices.Contains(q.done, int32(i)) {
			continue
		}
		x := must{int32(i), anySlot}
		for _, s := range m.progs[i].slots {
			if l.Session != "" && m.slots[s].id == l.Session {
				x.slot = int32(s)
			}
		}
		q.musts = append(q.musts, x)
	}
	slices.SortFunc(q.musts, func(a, b must) int { return cmp.Or(cmp.Compare(a.prog, b.prog), cmp.Compare(a.slot, b.slot)) })
	q.musts = slices.Compact(q.musts)
	if m.p.ChangePenalty > 0 {
		for _, l := range t.Keep {
			if slices.Contains(t.Done, l.Programme) { // it stands for good
				continue
			}
			for _, s := range m.progs[m.byID[l.Programme]].slots {
				if m.slots[s].id == l.Session {
					q.kept = append(q.kept, int32(s))
				}
			}
		}
		slices.Sort(q.kept)
		q.bonus = m.p.ChangePenalty
	}
	q.busy = slices.Clone(t.Unavailable)
	slices.SortFunc(q.busy, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	if w := t.Preferences; w != nil {
		q.modes, q.venues, q.months = slices.Sorted(slices.Values(w.Modes)), slices.Sorted(slices.Values(w.Venues)), slices.Sorted(slices.Values(w.Months))
		if w.HoursAMonth != nil {
			q.load = *w.HoursAMonth
		}
	}
	q.underWay = index(t.UnderWay)
	return q
}

// open tells whether a slot lies inside the dates, clear of busy days and within the wishes. Seats do not matter here.
func (q *person) open(x *slot) bool { return q.dated(x) && q.likes(x) }

// dated tells whether a slot lies inside the dates and clear of busy days.
func (q *person) dated(x *slot) bool {
	if x.start < q.from || x.end > q.to {
		return false
	}
	if x.full {
		for _, u := range q.busy {
			if x.start <= u.End && u.Start <= x.end {
				return false
			}
		}
	}
	return true
}

// likes tells whether the form, the venue and the months of a slot are among those wanted.
func (q *person) likes(x *slot) bool {
	if slices.Contains(q.underWay, int32(x.prog)) {
		return true
	}
	if len(q.modes) > 0 && !slices.Contains(q.modes, x.mode) || len(q.venues) > 0 && !slices.Contains(q.venues, x.venue) {
		return false
	}
	if len(q.months) > 0 {
		for _, part := range x.months {
			if !slices.Contains(q.months, part.month) {
				return false
			}
		}
	}
	return true
}
