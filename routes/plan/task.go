package plan

import (
	"math"
	"slices"
)

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
	// A slot that comes before every slot of what it requires is of no use.
	keep := opts[:0]
	for _, o := range opts {
		if !slices.ContainsFunc(g.requires, func(r int) bool {
			at := s.index[r]
			return at >= 0 && !slices.ContainsFunc(k.items[at].opts, func(b int32) bool { return m.slots[b].end < m.slots[o].start })
		}) {
			keep = append(keep, o)
		}
	}
	if opts = keep; len(opts) == 0 {
		return false
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
