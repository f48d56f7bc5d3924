package plan

import (
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
}

type prog struct {
	src      *Programme
	covers   []cover // sorted by element
	slots    []int   // sorted by start, end, id
	requires []int
	group    string
	linked   bool // requires something or is required: then the dates of its sessions matter to others
}

type cover struct {
	elem  int
	share float64
}

type slot struct {
	prog       int
	id         string
	start, end Day
	full       bool
	seats      int // −1: as many as wanted
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
		m.progs = append(m.progs, prog{src: &p.Programmes[i], group: p.Programmes[i].Group})
	}
	for i := range m.progs {
		g := &m.progs[i]
		for _, e := range keys(g.src.Covers) {
			if s := g.src.Covers[e]; s > 0 {
				g.covers = append(g.covers, cover{m.elem[e], math.Min(s, 1)})
			}
		}
		for _, q := range g.src.Requires {
			j := m.byID[q]
			if !slices.Contains(g.requires, j) {
				g.requires = append(g.requires, j)
			}
			g.linked, m.progs[j].linked = true, true
		}
		slices.Sort(g.requires)
		from := len(m.slots)
		for _, s := range g.src.Sessions {
			x := slot{prog: i, id: s.ID, start: s.Start, end: s.End, full: s.Mode == FullTime, seats: -1}
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
	return m
}

// task is the problem of one teacher, cut down to what can matter to them.
type task struct {
	weights []float64 // by local element
	items   []item
	blocks  []block // at most one item of a block
	hours   float64 // limit; +Inf for none
	cost    float64
	musts   []must
	unit    float64 // hours of one step of the bound's knapsack; 0: hours do not bind
	width   int
}

type item struct {
	prog     int32
	block    int32
	covers   []cover // by local element
	opts     []int32 // slots, sorted as the programme's
	requires []int32 // items that have to be chosen too; −1 for one that cannot be
	hours    float64
	cost     float64
	pen      float64 // hour_penalty · hours
	hu       int32   // hours in units, rounded down
	needed   bool    // something requires it
	linked   bool
}

type block struct{ items []int32 }

// must is a demand: the item has to be chosen, in the slot if one is named (−1: any). item −1 cannot be met.
type must struct {
	item int32
	slot int32
}

// newTask builds the problem of one teacher; elements and programmes that cannot matter are dropped.
func (m *model) newTask(t *Teacher) *task {
	lim := t.Limits.over(m.p.Limits)
	k := &task{hours: math.Inf(1), cost: math.Inf(1)}
	if lim.Hours != nil {
		k.hours = *lim.Hours
	}
	if lim.Cost != nil {
		k.cost = *lim.Cost
	}
	local := map[int]int{}
	for _, e := range keys(t.Deficits) {
		if w := t.Deficits[e]; w > 0 {
			local[m.elem[e]] = len(k.weights)
			k.weights = append(k.weights, w)
		}
	}
	done := map[int]bool{}
	for _, d := range t.Done {
		done[m.byID[d]] = true
	}
	barred := map[int]bool{}
	for _, d := range t.Forbidden {
		barred[m.byID[d]] = true
	}
	locked := map[int]bool{}
	for _, l := range t.Locked {
		locked[m.byID[l.Programme]] = true
	}

	// What is wanted: programmes whose gain alone is worth their hours, the locked ones, and all that they
	// require.
	index := make([]int32, len(m.progs))
	for i := range index {
		index[i] = -1
	}
	needed := make([]bool, len(m.progs))
	var want func(i int) bool
	usable := func(i int) []int32 {
		g := &m.progs[i]
		if done[i] || barred[i] || g.src.Hours > k.hours || g.src.Cost > k.cost {
			return nil
		}
		var opts []int32
		for _, s := range g.slots {
			if x := &m.slots[s]; x.seats != 0 && slotOpen(x, lim, t.Unavailable) {
				opts = append(opts, int32(s))
			}
		}
		return opts
	}
	want = func(i int) bool {
		if index[i] >= 0 {
			return true
		}
		opts := usable(i)
		if len(opts) == 0 {
			return false
		}
		for _, q := range m.progs[i].requires {
			if done[q] {
				continue
			}
			if !want(q) {
				return false
			}
			needed[q] = true
		}
		g := &m.progs[i]
		it := item{prog: int32(i), opts: opts, hours: g.src.Hours, cost: g.src.Cost, pen: m.penalty * g.src.Hours, linked: g.linked}
		for _, c := range g.covers {
			if e, ok := local[c.elem]; ok {
				it.covers = append(it.covers, cover{e, c.share})
			}
		}
		for _, q := range g.requires {
			if !done[q] {
				it.requires = append(it.requires, index[q])
			}
		}
		index[i] = int32(len(k.items))
		k.items = append(k.items, it)
		return true
	}
	for i := range m.progs {
		gain := -m.penalty * m.progs[i].src.Hours
		for _, c := range m.progs[i].covers {
			if e, ok := local[c.elem]; ok {
				gain += k.weights[e] * c.share
			}
		}
		if gain > 0 || locked[i] {
			want(i)
		}
	}
	groups := map[string]int32{}
	for j := range k.items {
		it := &k.items[j]
		it.needed = needed[it.prog]
		name := m.progs[it.prog].group
		b, ok := groups[name]
		if name == "" || !ok {
			b = int32(len(k.blocks))
			k.blocks = append(k.blocks, block{})
			if name != "" {
				groups[name] = b
			}
		}
		it.block = b
		k.blocks[b].items = append(k.blocks[b].items, int32(j))
	}
	for _, l := range t.Locked {
		i := m.byID[l.Programme]
		if done[i] {
			continue
		}
		q := must{index[i], -1}
		if l.Session != "" {
			q.slot = -2
			for _, s := range m.progs[i].slots {
				if m.slots[s].id == l.Session {
					q.slot = int32(s)
				}
			}
		}
		k.musts = append(k.musts, q)
	}
	slices.SortFunc(k.musts, func(a, b must) int { return int(a.item - b.item) })
	k.setUnits()
	return k
}

func slotOpen(x *slot, lim Limits, busy []Span) bool {
	if lim.From != nil && x.start < *lim.From || lim.To != nil && x.end > *lim.To {
		return false
	}
	if x.full {
		for _, u := range busy {
			if x.start <= u.End && u.Start <= x.end {
				return false
			}
		}
	}
	return true
}

// maxWidth bounds the knapsack of the bound; finer hours are rounded down, which only loosens the bound.
const maxWidth = 240

// setUnits finds the step of hours for the bound's knapsack: the greatest common divisor where hours are
// whole quarters, else a fine enough grid.
func (k *task) setUnits() {
	sum := 0.0
	gcd := int64(0)
	whole := true
	for i := range k.items {
		h := k.items[i].hours
		sum += h
		q := int64(math.Round(h * 4))
		if math.Abs(h*4-float64(q)) > 1e-9 || q > 1e9 {
			whole = false
			continue
		}
		for a := q; a != 0; {
			gcd, a = a, gcd%a
		}
	}
	if sum <= k.hours || len(k.items) == 0 {
		k.unit, k.width = 0, 0
		return
	}
	k.unit = k.hours / maxWidth
	if whole && gcd > 0 && k.hours/(float64(gcd)/4) <= maxWidth {
		k.unit = float64(gcd) / 4
	}
	if k.unit <= 0 { // no hours at all: only programmes of zero hours fit
		k.unit = 1
	}
	k.width = int(k.hours/k.unit + 1e-9)
	for i := range k.items {
		k.items[i].hu = int32(k.items[i].hours/k.unit + 1e-9)
	}
}
