package plan

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// model is a problem with names turned into indexes, programmes sorted by id so that the order of the input
// does not matter.
type model struct {
	p       *Problem
	elems   []string
	elem    map[string]int
	progs   []prog
	byID    map[string]int
	slots   []slot
	penalty float64

	coverers [][]int32 // by element: the programmes that cover it
	alike    [][]int32 // sets of programmes that stand for each other
}

type prog struct {
	src      *Programme
	covers   []cover // sorted by element
	slots    []int   // sorted by start, end, id
	requires []int
	group    int     // at most one programme of a group; −1: free-standing
	linked   bool    // requires something or is required: then the dates of its sessions matter to others
	needed   bool    // something requires it
	sets     []int32 // sets of equivalents it is in
	hours    float64
	cost     float64
	pen      float64 // hour_penalty · hours
	quarters int64   // hours in quarters; −1 when they are not whole
}

type cover struct {
	elem  int32
	share float64
}

type slot struct {
	prog       int
	id         string
	start, end Day
	full       bool
	seats      int // −1: as many as wanted
	mode       Mode
	venue      string
	months     []monthPart
}

// monthPart is the part of a step's hours that falls in a month.
type monthPart struct {
	month Month
	hours float64
}

func newModel(p *Problem) *model {
	m := &model{p: p, elem: map[string]int{}, byID: map[string]int{}, penalty: p.HourPenalty}
	names := map[string]bool{}
	for _, g := range p.Programmes {
		for e := range g.Covers {
			names[e] = true
		}
	}
	for _, t := range p.Teachers {
		for e := range t.Deficits {
			names[e] = true
		}
	}
	m.elems = keys(names)
	for i, e := range m.elems {
		m.elem[e] = i
	}
	order := make([]int, len(p.Programmes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(p.Programmes[a].ID, p.Programmes[b].ID) })
	for _, i := range order {
		m.byID[p.Programmes[i].ID] = len(m.progs)
		m.progs = append(m.progs, prog{src: &p.Programmes[i], group: -1})
	}
	groups := map[string]int{}
	wishes := slices.ContainsFunc(p.Teachers, func(t Teacher) bool { return t.Preferences != nil }) // only these ask for months
	for i := range m.progs {
		g := &m.progs[i]
		g.hours, g.cost, g.pen = g.src.Hours, g.src.Cost, p.HourPenalty*g.src.Hours
		g.quarters = int64(math.Round(g.hours * 4))
		if math.Abs(g.hours*4-float64(g.quarters)) > 1e-9 || g.quarters > 1e9 {
			g.quarters = -1
		}
		if name := g.src.Group; name != "" {
			if _, ok := groups[name]; !ok {
				groups[name] = len(groups)
			}
			g.group = groups[name]
		}
		for _, e := range keys(g.src.Covers) {
			if s := g.src.Covers[e]; s > 0 {
				g.covers = append(g.covers, cover{int32(m.elem[e]), math.Min(s, 1)})
			}
		}
		for _, q := range g.src.Requires {
			j := m.byID[q]
			if !slices.Contains(g.requires, j) {
				g.requires = append(g.requires, j)
			}
			g.linked, m.progs[j].linked, m.progs[j].needed = true, true, true
		}
		slices.Sort(g.requires)
		from := len(m.slots)
		for _, s := range g.src.Sessions {
			x := slot{prog: i, id: s.ID, start: s.Start, end: s.End, full: s.Mode == FullTime, seats: -1, mode: s.Mode, venue: s.Venue}
			if wishes {
				x.months = monthsOf(g.src.Hours, s.Start, s.End)
			}
			if s.Seats != nil {
				x.seats = *s.Seats
			}
			m.slots = append(m.slots, x)
		}
		slices.SortFunc(m.slots[from:], func(a, b slot) int {
			if a.start != b.start {
				return int(a.start - b.start)
			}
			if a.end != b.end {
				return int(a.end - b.end)
			}
			return strings.Compare(a.id, b.id)
		})
		for k := from; k < len(m.slots); k++ {
			g.slots = append(g.slots, k)
		}
	}
	m.coverers = make([][]int32, len(m.elems))
	for i := range m.progs {
		for _, c := range m.progs[i].covers {
			m.coverers[c.elem] = append(m.coverers[c.elem], int32(i))
		}
	}
	for _, set := range p.Equivalents {
		var a []int32
		for _, id := range set {
			i := m.byID[id]
			a = append(a, int32(i))
			m.progs[i].sets = append(m.progs[i].sets, int32(len(m.alike)))
		}
		m.alike = append(m.alike, a)
	}
	return m
}

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
		q.underWay = index(t.UnderWay)
	}
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

// worth is the true value of a set of slots for a person: the weighted shares covered less the penalty of hours, and
// the bonus of each slot kept. (The objective counts the changes instead, which differs by a constant.)
func (m *model) worth(q *person, set []int32) float64 {
	var buf [32]float64
	resid := buf[:0]
	for range q.elems {
		resid = append(resid, 1)
	}
	v := 0.0
	for _, s := range set {
		g := &m.progs[m.slots[s].prog]
		v -= g.pen
		if len(q.kept) > 0 && slices.Contains(q.kept, s) {
			v += q.bonus
		}
		for _, c := range g.covers {
			if e, ok := slices.BinarySearch(q.elems, c.elem); ok {
				take := math.Min(resid[e], c.share)
				v += q.weights[e] * take
				resid[e] -= take
			}
		}
	}
	return v
}

// task is the problem of one person, cut down to what can matter to them under the prices at hand. A searcher builds
// it anew for each search in its own scratch: tasks of a whole region would not fit in memory.
type task struct {
	q       *person
	items   []item
	blocks  int
	unit    float64 // hours of one step of the bound's knapsack; 0: hours do not bind
	width   int
	musts   []itemMust
	covers  []cover // storage of the items' lists
	opts    []int32
	needs   []int32
	demands bool // the load of a month is limited: then every date matters
}

// item is a programme in a task; at most one item of a block can be chosen.
type item struct {
	prog     int32
	block    int32
	covers   []cover // by index into the person's elements
	opts     []int32 // slots that are open and not dominated
	requires []int32 // items that have to be chosen too
	above    []int32 // items that are as good in every way: this one is of use only when they are chosen
	hours    float64
	cost     float64
	pen      float64 // hour_penalty · hours
	units    int32   // hours in units, rounded down
	mask     uint64  // of elements covered
	grouped  bool
	needed   bool // something requires it
	linked   bool
	must     bool
}

type itemMust struct {
	item int32
	slot int32
}

// load builds the task of a person under prices (+Inf closes a slot; nil: all free). It is false when a demand names
// something that cannot be chosen at all.
func (s *searcher) load(q *person, price []float64) bool {
	m, k := s.m, &s.task
	s.k, s.price = k, price
	k.q, k.items, k.blocks, k.musts = q, k.items[:0], 0, k.musts[:0]
	k.covers, k.opts, k.needs = k.covers[:0], k.opts[:0], k.needs[:0]
	k.demands = !math.IsInf(q.load, 1)
	for i := range s.index {
		s.index[i] = unseen
	}
	for e, g := range q.elems {
		s.local[g] = int32(e)
	}
	for _, x := range q.musts {
		s.worthy[x.prog] = true
	}
	for _, o := range q.kept {
		s.worthy[m.slots[o].prog] = true
	}
	for _, e := range q.elems {
		for _, i := range m.coverers[e] {
			s.worthy[i] = true
		}
	}
	for i := range m.progs {
		if !s.worthy[i] {
			continue
		}
		s.worthy[i] = false
		if s.index[i] != unseen {
			continue
		}
		gain := -m.progs[i].pen
		for _, c := range m.progs[i].covers {
			if e := s.local[c.elem]; e >= 0 {
				gain += q.weights[e] * c.share
			}
		}
		for _, o := range q.kept {
			if m.slots[o].prog == i {
				gain += q.bonus // at most: only the slot kept brings it
			}
		}
		must := slices.ContainsFunc(q.musts, func(x must) bool { return int(x.prog) == i })
		if gain > tol || must {
			s.want(i, gain, must)
		}
	}
	for _, g := range q.elems {
		s.local[g] = -1
	}
	ok := true
	for _, x := range q.musts {
		j := s.index[x.prog]
		if j < 0 {
			ok = false
			break
		}
		k.items[j].must = true
		k.musts = append(k.musts, itemMust{j, x.slot})
	}
	for j := range k.items {
		it := &k.items[j]
		g := m.progs[it.prog].group
		it.block = -1
		if g >= 0 {
			for b := range j {
				if o := &k.items[b]; m.progs[o.prog].group == g {
					it.block = o.block
					o.grouped, it.grouped = true, true
					break
				}
			}
		}
		if it.block < 0 {
			it.block = int32(k.blocks)
			k.blocks++
		}
		if !it.linked && !it.must && !k.demands {
			s.thin(it)
		}
	}
	k.setUnits(m)
	return ok
}

const (
	unseen  = -1
	refused = -2
)

// want takes a programme into the task with all that it requires; it tells whether that can be.
func (s *searcher) want(i int, gain float64, must bool) bool {
	if s.index[i] >= 0 {
		return true
	}
	if s.index[i] == refused {
		return false
	}
	m, k, q := s.m, &s.task, s.task.q
	s.index[i] = refused
	g := &m.progs[i]
	if g.hours > q.hours+1e-9 || g.cost > q.cost+1e-9 || slices.Contains(q.done, int32(i)) || slices.Contains(q.barred, int32(i)) {
		return false
	}
	from := len(k.opts)
	least := math.Inf(1)
	for _, o := range g.slots {
		x := &m.slots[o]
		if p := s.cost(int32(o)); x.seats != 0 && !math.IsInf(p, 1) && q.open(x) {
			k.opts = append(k.opts, int32(o))
			least = math.Min(least, p)
		}
	}
	opts := k.opts[from:len(k.opts):len(k.opts)]
	if len(opts) == 0 || gain-math.Max(least, 0) <= tol && !must && !g.needed {
		k.opts = k.opts[:from]
		return false
	}
	for _, r := range g.requires {
		if !slices.Contains(q.done, int32(r)) && !s.want(r, math.Inf(1), true) {
			return false
		}
	}
	it := item{prog: int32(i), opts: opts, hours: g.hours, cost: g.cost, pen: g.pen, linked: g.linked}
	from = len(k.needs)
	for _, r := range g.requires {
		if j := s.index[r]; j >= 0 {
			k.needs = append(k.needs, j)
			k.items[j].needed = true
		}
	}
	it.requires = k.needs[from:len(k.needs):len(k.needs)]
	from = len(k.covers)
	for _, c := range g.covers {
		if e := s.local[c.elem]; e >= 0 {
			k.covers = append(k.covers, cover{e, c.share})
			it.mask |= 1 << (uint(e) & 63)
		}
	}
	it.covers = k.covers[from:len(k.covers):len(k.covers)]
	s.index[i] = int32(len(k.items))
	k.items = append(k.items, it)
	return true
}

// thin drops the slots of a free-standing item that another of its slots replaces in every route at no higher price.
func (s *searcher) thin(it *item) {
	keep := it.opts[:0]
	for i, o := range it.opts {
		gone := false
		for j, a := range it.opts {
			// opts is thinned in place from the left, so what lies left of i may have been overwritten by a survivor:
			// a dominated slot is dominated by a survivor too.
			if i != j && a != o && s.replaces(a, o) && (!s.replaces(o, a) || a < o) {
				gone = true
				break
			}
		}
		if !gone {
			keep = append(keep, o)
		}
	}
	it.opts = keep
}

// replaces tells whether slot a can stand wherever slot b does, at no higher price.
func (s *searcher) replaces(a, b int32) bool {
	x, y := &s.m.slots[a], &s.m.slots[b]
	return s.cost(a) <= s.cost(b) && (!x.full || y.full && y.start <= x.start && x.end <= y.end)
}

// maxWidth bounds the knapsack of the bound; finer hours are rounded down, which only loosens the bound.
const maxWidth = 240

// setUnits finds the step of hours for the bound's knapsack: the greatest common divisor where hours are
// whole quarters, else a fine enough grid.
func (k *task) setUnits(m *model) {
	sum := 0.0
	gcd := int64(0)
	whole := true
	for i := range k.items {
		sum += k.items[i].hours
		q := m.progs[k.items[i].prog].quarters
		if q < 0 {
			whole = false
			continue
		}
		for a := q; a != 0; {
			gcd, a = a, gcd%a
		}
	}
	k.unit, k.width = 0, 0
	if sum <= k.q.hours || len(k.items) == 0 {
		return
	}
	k.unit = k.q.hours / maxWidth
	if whole && gcd > 0 && k.q.hours/(float64(gcd)/4) <= maxWidth {
		k.unit = float64(gcd) / 4
	}
	if k.unit <= 0 { // no hours at all: only programmes of zero hours fit
		k.unit = 1
	}
	k.width = int(k.q.hours/k.unit + 1e-9)
	for i := range k.items {
		k.items[i].units = int32(k.items[i].hours/k.unit + 1e-9)
	}
}
