package plan

import (
	"math"
	"slices"
	"sync"
)

// The exact search for one teacher.
//
// The set of chosen programmes is enumerated block by block (a block is a group, or a programme alone). Each node
// bounds what the blocks still open could add. With multipliers π_e in [0, w_e],
//
//	w_e · min(r_e, Σ a) ≤ (w_e − π_e) · r_e + π_e · Σ min(r_e, a),
//
// where r_e is the share of e still open: the gain is bounded by a constant plus a knapsack in which every
// programme has a fixed profit. The knapsack (hours exactly, cost by a multiplier ν) is solved by dynamic
// programming over suffixes of the blocks, so that one table bounds every child of the node. π = w gives the bound
// of submodularity; a few steps of a subgradient method on (π, ν) bring it close to the linear relaxation. Clashes
// of days and requirements are left out of the bound and kept by the enumeration.

// tol is how much better an answer has to be to count as better.
const tol = 1e-10

// choice is one item in one slot.
type choice struct {
	item int32
	slot int32
}

// found is the outcome of one search: a route as the slots taken. Bound ≥ the optimum always; bound = value when the
// search was finished.
type found struct {
	slots    []int32
	value    float64 // with prices taken off
	bound    float64
	feasible bool
	nodes    int
}

// searcher holds the scratch of one search at a time; one worker reuses one searcher.
type searcher struct {
	m      *model
	task   task
	k      *task
	price  []float64 // by slot; +Inf closes it; nil: all free
	index  []int32   // programme → item of the task
	local  []int32   // element → index in the person's
	worthy []bool

	best     float64
	bestSet  []int32
	has      bool
	cur      []choice
	chosenAt []int32 // item → slot + 1, 0 when not chosen
	mark     []int32 // item → the child it was last kept for
	child    int32
	full     []int32 // full-time slots chosen
	pend     []itemMust
	nodes    int
	limit    int
	open     float64 // the best bound of what the node limit left unexplored
	levels   []*level
	ahead    []float64
	making   state
	lp       simplex
	dual     []float64
	sums     []float64 // by element: what all items of a level cover of it
	rows     []int32   // by element: its row of the linear relaxation, −1 for none
	set      []choice
	warm     bool    // the search started from a known route
	rooted   bool    // the first node without demands left has been met: it is worked on harder
	lift     float64 // what the bonuses of kept slots can add to any bound by elements
	brief    bool    // one of many: no climbing, the next prices come soon
	gather   bool    // every route above over is taken, not the best alone
	heap     [][]int32
	most     int
	over     float64
}

// level is the scratch of one depth of the search.
type level struct {
	resid  []float64
	cand   []int32 // items still open, those of a block side by side
	live   []liveBlock
	items  []int32   // live items, block by block
	prof   []float64 // profit of each under π = w
	lin    []float64 // profit of each under the linearisation at work
	cheap  []float64 // price of its cheapest slot
	above  int       // the level whose multipliers are known
	w      int       // units of hours at hand
	tables [2]table
	pi     []float64
	picked []int32
}

type liveBlock struct {
	block    int32
	from, to int32 // its live items in live.items
	score    float64
}

// table is one linearisation with its knapsack over suffixes of the live blocks.
type table struct {
	on   bool
	slop []float64 // w − π by element
	nu   float64
	g    []float64 // (n+1) × (width+1)
}

// newSearcher makes a searcher for a model.
func newSearcher(m *model) *searcher {
	s := &searcher{}
	s.reset(m)
	return s
}

// searchers keeps scratch from one plan to the next: a page plans one teacher many times over.
var searchers = sync.Pool{New: func() any { return &searcher{} }}

// release gives the searchers of a region back.
func (r *region) release() {
	for _, s := range r.pool {
		s.m, s.k, s.task.q, s.price, s.heap = nil, nil, nil, nil, nil
		searchers.Put(s)
	}
	r.pool = nil
}

// reset turns a searcher to another model and keeps its scratch.
func (s *searcher) reset(m *model) {
	s.m, s.brief, s.gather, s.heap = m, false, false, nil
	s.index = slices.Grow(s.index[:0], len(m.progs))[:len(m.progs)]
	s.local = slices.Grow(s.local[:0], len(m.elems))[:len(m.elems)]
	s.worthy = slices.Grow(s.worthy[:0], len(m.progs))[:len(m.progs)]
	for i := range s.local {
		s.local[i] = -1
	}
	clear(s.worthy)
}

func (s *searcher) level(d int) *level {
	for len(s.levels) <= d {
		s.levels = append(s.levels, &level{})
	}
	return s.levels[d]
}

// solve finds the best route of a person under prices on slots. warm is a route known to keep the rules, or nil: the
// search starts from it where its slots are open. nodeLimit 0 means none.
func (s *searcher) solve(q *person, price []float64, warm []int32, nodeLimit int) found {
	s.best, s.has, s.nodes, s.limit, s.open = 0, false, 0, nodeLimit, math.Inf(-1)
	s.bestSet, s.cur, s.full, s.pend = s.bestSet[:0], s.cur[:0], s.full[:0], s.pend[:0]
	if !s.load(q, price) {
		return found{value: math.Inf(-1), bound: math.Inf(-1)}
	}
	k := s.k
	if cap(s.chosenAt) < len(k.items) {
		s.chosenAt, s.mark = make([]int32, len(k.items)*2), make([]int32, len(k.items)*2)
	}
	s.chosenAt, s.mark = s.chosenAt[:len(k.items)], s.mark[:len(k.items)]
	clear(s.chosenAt)
	clear(s.mark)
	s.child, s.rooted = 0, false
	s.lift = q.bonus * float64(len(q.kept))
	root := s.level(0)
	root.resid, root.cand = root.resid[:0], root.cand[:0]
	for range q.weights {
		root.resid = append(root.resid, 1)
	}
	s.pend = append(s.pend, k.musts...)
	if s.gather {
		s.best, s.has = s.over, true
	} else if len(s.pend) == 0 {
		s.best, s.has = 0, true
	} else {
		s.best = math.Inf(-1)
	}
	s.warm = len(warm) > 0
	if s.warm {
		v := s.m.worth(q, warm)
		for _, o := range warm {
			if price != nil {
				v -= price[o]
			}
		}
		if !math.IsInf(v, -1) && (!s.has || v > s.best+tol) {
			s.best, s.has = v, true
			s.bestSet = append(s.bestSet, warm...)
		}
	}
	// Items of a block side by side, blocks in the order of their first item.
	for j := range k.items {
		if b := k.items[j].block; !k.items[j].grouped {
			root.cand = append(root.cand, int32(j))
		} else if !slices.ContainsFunc(k.items[:j], func(o item) bool { return o.block == b }) {
			for x := j; x < len(k.items); x++ {
				if k.items[x].block == b {
					root.cand = append(root.cand, int32(x))
				}
			}
		}
	}
	s.search(0, 0, q.hours, q.cost)
	f := found{slots: slices.Clone(s.bestSet), value: s.best, feasible: s.has, nodes: s.nodes}
	f.bound = math.Max(s.best, s.open)
	slices.Sort(f.slots)
	return f
}

// near lists routes worth more than over under prices, at most so many, and whether these are all.
func (s *searcher) near(q *person, price []float64, over float64, most, nodeLimit int) (list [][]int32, all bool) {
	s.gather, s.over, s.most, s.heap = true, over, most, nil
	s.solve(q, price, nil, nodeLimit)
	s.gather = false
	return s.heap, len(s.heap) < most && s.nodes < nodeLimit
}

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

// offer takes the current set as the best one if it is.
func (s *searcher) offer(value float64, set []choice) {
	if s.gather {
		if value > s.best && len(s.heap) < s.most {
			at := make([]int32, 0, len(set))
			for _, c := range set {
				at = append(at, c.slot)
			}
			slices.Sort(at)
			if !slices.ContainsFunc(s.heap, func(o []int32) bool { return slices.Equal(o, at) }) {
				s.heap = append(s.heap, at)
			}
		}
		return
	}
	if !s.has || value > s.best+tol {
		s.best, s.has = value, true
		s.bestSet = s.bestSet[:0]
		for _, c := range set {
			s.bestSet = append(s.bestSet, c.slot)
		}
	}
}

// smallNode is how many items are too few for a linear relaxation of their own: the multipliers of the level above do.
const smallNode = 12

func (s *searcher) search(d int, f, hours, cost float64) {
	s.nodes++
	k := s.k
	l := s.level(d)
	if len(s.pend) > 0 {
		s.force(d, f, hours, cost)
		return
	}
	s.offer(f, s.cur)

	// Keep the items that can still add something, with their profits under π = w.
	w := k.q.weights
	rest := s.lift
	for e, r := range l.resid {
		rest += w[e] * r
	}
	if f+rest <= s.best+tol {
		return
	}
	s.survey(l, hours, cost)
	if len(l.live) == 0 {
		return
	}
	l.w = 0
	if k.unit > 0 {
		l.w = min(int(hours/k.unit+1e-9), k.width)
	}

	t0, t1 := &l.tables[0], &l.tables[1]
	root := !s.rooted
	s.rooted = true
	if root && len(l.items) > 1 && !s.warm && !s.gather {
		s.climb(l, f, hours, cost)
	}
	// Bound 1: π = w. Bound 2: the multipliers of the linear relaxation.
	t0.on, t1.on = false, false
	if !root && len(l.items) <= smallNode {
		above := s.levels[l.above]
		if f+s.fill(l, t1, above.pi, above.tables[1].nu, cost) <= s.best+tol {
			return
		}
		t1.on = true
	} else if l.above = d; s.tighten(d, f, hours, cost) {
		return
	} else if s.fix(l, f, cost) || root {
		if root {
			s.rise(l)
		}
		l.cand = append(l.cand[:0], l.items...)
		s.survey(l, hours, cost)
		if len(l.live) == 0 {
			return
		}
		if root {
			if s.tighten(d, f, hours, cost) {
				return
			}
		} else if f+s.fill(l, t1, l.pi, t1.nu, cost) <= s.best+tol {
			return
		}
	}

	t0.on = true
	if f+s.fill(l, t0, w, 0, cost) <= s.best+tol {
		return
	}
	// Children: the set so far with one more item, later blocks open.
	below := s.level(d + 1)
	items, live := l.items, l.live
	for i := range live {
		if s.bound(l, i, f, l.w, cost, l.resid) <= s.best+tol {
			return
		}
		lb := live[i]
		for _, j := range items[lb.from:lb.to] {
			it := &k.items[j]
			base := f - it.pen
			below.resid = append(below.resid[:0], l.resid...)
			for _, c := range it.covers {
				take := math.Min(l.resid[c.elem], c.share)
				base += w[c.elem] * take
				below.resid[c.elem] -= take
			}
			units := 0
			if k.unit > 0 {
				units = int((hours-it.hours)/k.unit + 1e-9)
			}
			for _, o := range it.opts {
				if !s.fits(it, o) {
					continue
				}
				val := base - s.cost(o)
				up := s.bound(l, i+1, val, units, cost-it.cost, below.resid)
				if up <= s.best+tol {
					continue
				}
				if s.limit > 0 && s.nodes >= s.limit {
					s.open = math.Max(s.open, up)
					continue
				}
				below.above = l.above
				marks := s.choose(j, o)
				s.descend(l, below, i+1)
				if !s.useful(it) {
					s.unchoose(j, o, marks)
					continue
				}
				s.search(d+1, val, hours-it.hours, cost-it.cost)
				s.unchoose(j, o, marks)
			}
		}
	}
}

// survey lists the items of the level that can still add something, blocks by falling gain.
func (s *searcher) survey(l *level, hours, cost float64) {
	k := s.k
	w := k.q.weights
	items, live := l.items[:0], l.live[:0]
	l.prof, l.cheap = l.prof[:0], l.cheap[:0]
	for x := 0; x < len(l.cand); {
		from := int32(len(items))
		b := k.items[l.cand[x]].block
		lb := liveBlock{block: b, from: from}
		for ; x < len(l.cand) && k.items[l.cand[x]].block == b; x++ {
			j := l.cand[x]
			it := &k.items[j]
			if it.hours > hours+1e-9 || it.cost > cost+1e-9 {
				continue
			}
			gain := 0.0
			for _, c := range it.covers {
				gain += w[c.elem] * math.Min(l.resid[c.elem], c.share)
			}
			gain -= it.pen
			if gain <= tol && !it.needed && s.lift == 0 {
				continue
			}
			p := s.cheapest(it)
			if math.IsInf(p, 1) || gain-p <= tol && !it.needed {
				continue
			}
			items = append(items, j)
			l.prof, l.cheap = append(l.prof, gain-p), append(l.cheap, p)
			lb.score = math.Max(lb.score, gain-p)
		}
		if lb.to = int32(len(items)); lb.to > from {
			live = append(live, lb)
		}
	}
	l.items, l.live = items, live
	// The blocks come nearly in order from the level above.
	for i := 1; i < len(live); i++ {
		b, at := live[i], i
		for ; at > 0 && (live[at-1].score < b.score || live[at-1].score == b.score && live[at-1].block > b.block); at-- {
			live[at] = live[at-1]
		}
		live[at] = b
	}
}

// descend hands the items of the blocks from i on to the level below, without those that something stands above which
// is neither chosen nor handed down.
func (s *searcher) descend(l, below *level, i int) {
	k := s.k
	s.child++
	for _, r := range l.live[i:] {
		for _, j := range l.items[r.from:r.to] {
			s.mark[j] = s.child
		}
	}
	below.cand = below.cand[:0]
	for _, r := range l.live[i:] {
		for _, j := range l.items[r.from:r.to] {
			if s.useful(&k.items[j]) {
				below.cand = append(below.cand, j)
			}
		}
	}
}

// useful tells whether all that stand above an item are chosen or handed down to the child at work: else swapping the
// item for one of them is no worse.
func (s *searcher) useful(it *item) bool {
	for _, a := range it.above {
		if s.chosenAt[a] == 0 && s.mark[a] != s.child {
			return false
		}
	}
	return true
}

// fix drops the items of a level that no route better than the best known can hold: with the item forced in, the
// linearisation of tables[1] (else tables[0]) already bounds the rest. It tells whether any was dropped.
func (s *searcher) fix(l *level, f, cost float64) bool {
	k := s.k
	t := &l.tables[1]
	if !t.on {
		t = &l.tables[0]
	}
	n, row := len(l.live), l.w+1
	// ahead[i][h]: the best of the blocks before i within h units.
	if need := (n + 1) * row; cap(s.ahead) < need {
		s.ahead = make([]float64, need*3/2)
	}
	pre := s.ahead[:(n+1)*row]
	clear(pre[:row])
	base := f
	for e, sl := range t.slop {
		base += sl * l.resid[e]
	}
	if t.nu > 0 {
		base += t.nu * cost
	}
	// lin has to be that of the table: the last one filled may be another.
	l.lin = l.lin[:0]
	for i, j := range l.items {
		it := &k.items[j]
		p := -it.pen - l.cheap[i]
		for _, c := range it.covers {
			p += (k.q.weights[c.elem] - t.slop[c.elem]) * math.Min(l.resid[c.elem], c.share)
		}
		l.lin = append(l.lin, p-t.nu*it.cost)
	}
	kept := l.items[:0]
	dropped := false
	for i := range n {
		lb := l.live[i]
		here, next := pre[i*row:(i+1)*row], pre[(i+1)*row:(i+2)*row]
		after := t.g[(i+1)*row : (i+2)*row]
		copy(next, here)
		for x := lb.from; x < lb.to; x++ {
			it := &k.items[l.items[x]]
			hu := int(it.units)
			if hu > l.w {
				continue
			}
			best, p := math.Inf(-1), l.lin[x]
			to, from, rest := next[hu:], here[:row-hu], after[:row-hu]
			to = to[:len(from)]
			for h, v := range from {
				if w := v + rest[len(from)-1-h]; w > best {
					best = w
				}
				if v += p; v > to[h] {
					to[h] = v
				}
			}
			if base+best+l.lin[x] <= s.best+tol {
				s.mark[l.items[x]] = -1
				dropped = true
			}
		}
	}
	if !dropped {
		return false
	}
	for _, j := range l.items {
		if s.mark[j] != -1 {
			kept = append(kept, j)
		} else {
			s.mark[j] = 0
		}
	}
	l.items = kept
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

// choose takes an item and puts what it requires on the list of musts; unchoose restores.
func (s *searcher) choose(j, o int32) (marks int) {
	marks = len(s.pend)
	s.cur = append(s.cur, choice{j, o})
	s.chosenAt[j] = o + 1
	if s.m.slots[o].full {
		s.full = append(s.full, o)
	}
	for _, q := range s.k.items[j].requires {
		if s.chosenAt[q] == 0 && !slices.ContainsFunc(s.pend, func(p itemMust) bool { return p.item == q }) {
			s.pend = append(s.pend, itemMust{q, anySlot})
		}
	}
	for _, q := range s.k.items[j].above {
		if s.chosenAt[q] == 0 && !slices.ContainsFunc(s.pend, func(p itemMust) bool { return p.item == q }) {
			s.pend = append(s.pend, itemMust{q, anySlot})
		}
	}
	return marks
}

func (s *searcher) unchoose(j, o int32, marks int) {
	s.cur = s.cur[:len(s.cur)-1]
	s.chosenAt[j] = 0
	if s.m.slots[o].full {
		s.full = s.full[:len(s.full)-1]
	}
	s.pend = s.pend[:marks]
}

// force meets the last must of the list: only its item may be chosen here.
func (s *searcher) force(d int, f, hours, cost float64) {
	k, l := s.k, s.level(d)
	q := s.pend[len(s.pend)-1]
	it := &k.items[q.item]
	if s.chosenAt[q.item] > 0 { // locked and required at once
		if q.slot >= 0 && s.chosenAt[q.item] != q.slot+1 {
			return
		}
		s.pend = s.pend[:len(s.pend)-1]
		s.search(d, f, hours, cost)
		s.pend = append(s.pend, q)
		return
	}
	if !slices.Contains(l.cand, q.item) || it.hours > hours+1e-9 || it.cost > cost+1e-9 {
		return
	}
	rest := s.lift
	for e, r := range l.resid {
		rest += k.q.weights[e] * r
	}
	if s.has && f+rest <= s.best+tol {
		return
	}
	below := s.level(d + 1)
	below.above = l.above
	saved := slices.Clone(s.pend)
	for _, o := range it.opts {
		if q.slot >= 0 && o != q.slot || !s.fits(it, o) {
			continue
		}
		val := f - it.pen - s.cost(o)
		below.resid = append(below.resid[:0], l.resid...)
		for _, c := range it.covers {
			take := math.Min(l.resid[c.elem], c.share)
			val += k.q.weights[c.elem] * take
			below.resid[c.elem] -= take
		}
		if s.limit > 0 && s.nodes >= s.limit {
			s.open = math.Max(s.open, f+rest)
			continue
		}
		below.cand = below.cand[:0]
		for _, j := range l.cand {
			if k.items[j].block != it.block {
				below.cand = append(below.cand, j)
			}
		}
		s.pend = s.pend[:len(s.pend)-1]
		s.choose(q.item, o)
		s.search(d+1, val, hours-it.hours, cost-it.cost)
		s.unchoose(q.item, o, 0)
		s.pend = append(s.pend[:0], saved...)
	}
}

// fill sets a table to the linearisation (π, ν) over the live blocks of the level and returns what it bounds the
// gain of all of them by.
func (s *searcher) fill(l *level, t *table, pi []float64, nu, cost float64) float64 {
	k := s.k
	t.nu = nu
	t.slop = t.slop[:0]
	base := 0.0
	for e, w := range k.q.weights {
		t.slop = append(t.slop, w-pi[e])
		base += (w - pi[e]) * l.resid[e]
	}
	l.lin = l.lin[:0]
	for i, j := range l.items {
		it := &k.items[j]
		p := -it.pen - l.cheap[i]
		for _, c := range it.covers {
			p += pi[c.elem] * math.Min(l.resid[c.elem], c.share)
		}
		if nu > 0 {
			p -= nu * it.cost
		}
		l.lin = append(l.lin, p)
	}
	row, n := l.w+1, len(l.live)
	if need := (n + 1) * row; cap(t.g) < need {
		t.g = make([]float64, need*3/2)
	}
	t.g = t.g[:(n+1)*row]
	clear(t.g[n*row:])
	for i := n - 1; i >= 0; i-- {
		here, next := t.g[i*row:(i+1)*row], t.g[(i+1)*row:(i+2)*row]
		copy(here, next)
		for x := l.live[i].from; x < l.live[i].to; x++ {
			hu, p := int(k.items[l.items[x]].units), l.lin[x]
			if p <= 0 || hu > l.w {
				continue
			}
			to, from := here[hu:], next[:row-hu]
			to = to[:len(from)]
			for h, v := range from {
				if v += p; v > to[h] {
					to[h] = v
				}
			}
		}
	}
	if nu > 0 {
		base += nu * cost
	}
	return base + t.g[row-1]
}

// trace reads the set that the table last filled takes, as indexes into the level's items.
func (s *searcher) trace(l *level, t *table) {
	l.picked = l.picked[:0]
	row, h := l.w+1, l.w
	for i := range l.live {
		v := t.g[i*row+h]
		if v == t.g[(i+1)*row+h] {
			continue
		}
		for x := l.live[i].from; x < l.live[i].to; x++ {
			hu := int(s.k.items[l.items[x]].units)
			if l.lin[x] > 0 && hu <= h && t.g[(i+1)*row+h-hu]+l.lin[x] == v {
				l.picked = append(l.picked, x)
				h -= hu
				break
			}
		}
	}
}

// tighten finds the multipliers (π, ν) of the linear relaxation of what is left at a node, leaves their table in
// tables[1], and tells whether the node is closed. With y_e ≥ 0 what covers e over its open share r_e, it is
//
//	max Σ_j (Σ_e w_e·a_ej − pen_j − price_j)·x_j − Σ_e w_e·y_e
//	    Σ_j a_ej·x_j − y_e ≤ r_e,  Σ hours_j·x_j ≤ hours,  Σ cost_j·x_j ≤ cost,  Σ_{j of a group} x_j ≤ 1,  0 ≤ x ≤ 1;
//
// the multiplier of row e is w_e − π_e.
func (s *searcher) tighten(d int, f, hours, cost float64) bool {
	k, l, x := s.k, s.level(d), &s.lp
	w := k.q.weights
	n := len(l.items)
	sumHours, sumCost := 0.0, 0.0
	for _, j := range l.items {
		sumHours += k.items[j].hours
		sumCost += k.items[j].cost
	}
	// An element that all items together do not cover needs no row: its multiplier is none.
	s.sums = append(s.sums[:0], w...)
	clear(s.sums)
	for _, j := range l.items {
		for _, c := range k.items[j].covers {
			s.sums[c.elem] += math.Min(l.resid[c.elem], c.share)
		}
	}
	rows := 0
	s.rows = s.rows[:0]
	for e, sum := range s.sums {
		if sum > l.resid[e]+1e-12 {
			s.rows = append(s.rows, int32(rows))
			rows++
		} else {
			s.rows = append(s.rows, -1)
		}
	}
	covered := rows
	hoursAt, costAt := -1, -1
	if sumHours > hours && hours > 0 {
		hoursAt = rows
		rows++
	}
	if sumCost > cost && cost > 0 {
		costAt = rows
		rows++
	}
	groupsAt := rows
	for _, lb := range l.live {
		if lb.to-lb.from > 1 && rows < groupsAt+8 {
			rows++
		}
	}
	cols := n + covered
	x.reset(rows, cols)
	for i, j := range l.items {
		it := &k.items[j]
		x.upper[i] = 1
		x.d[i] = l.prof[i]
		for _, c := range it.covers {
			if r := s.rows[c.elem]; r >= 0 {
				x.t[int(r)*cols+i] = math.Min(l.resid[c.elem], c.share)
			}
		}
		if hoursAt >= 0 {
			x.t[hoursAt*cols+i] = it.hours / hours
		}
		if costAt >= 0 {
			x.t[costAt*cols+i] = it.cost / cost
		}
	}
	for e, at := range s.rows {
		if r := int(at); r >= 0 {
			x.b[r] = l.resid[e]
			x.d[n+r] = -w[e]
			x.t[r*cols+n+r] = -1
			x.upper[n+r] = math.Inf(1)
		}
	}
	for r := covered; r < rows; r++ {
		x.b[r] = 1
	}
	for r, i := groupsAt, 0; r < rows; i++ {
		if lb := l.live[i]; lb.to-lb.from > 1 {
			for q := lb.from; q < lb.to; q++ {
				x.t[r*cols+int(q)] = 1
			}
			r++
		}
	}
	x.run(4*rows + 60)
	s.dual = x.multipliers(s.dual)
	l.pi = l.pi[:0]
	for e := range w {
		pi := w[e]
		if r := s.rows[e]; r >= 0 {
			pi = math.Max(0, pi-s.dual[r])
		}
		l.pi = append(l.pi, pi)
	}
	nu := 0.0
	if costAt >= 0 {
		nu = s.dual[costAt] / cost
	}
	t1 := &l.tables[1]
	v := s.fill(l, t1, l.pi, nu, cost)
	t1.on = true
	if f+v <= s.best+tol {
		return true
	}
	if s.gather {
		return false
	}
	s.trace(l, t1)
	s.try(d, f, hours, cost)
	return f+v <= s.best+tol
}

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

func (s *searcher) blocked(it *item) bool {
	return slices.ContainsFunc(s.cur, func(c choice) bool { return s.k.items[c.item].block == it.block })
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
						if y != x && !slices.Contains(s.k.items[c.item].requires, gone) {
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

func (s *searcher) ready(it *item) bool {
	for _, q := range it.requires {
		if s.chosenAt[q] <= 0 {
			return false
		}
	}
	return true
}

// bound is the least upper bound on value plus what the live blocks from i on can add, with units of hours left.
func (s *searcher) bound(l *level, i int, value float64, units int, cost float64, resid []float64) float64 {
	best := math.Inf(1)
	at := i*(l.w+1) + min(units, l.w)
	for t := range l.tables {
		tb := &l.tables[t]
		if !tb.on {
			continue
		}
		v := value + tb.g[at]
		if tb.nu > 0 {
			v += tb.nu * cost
		}
		for e, sl := range tb.slop {
			v += sl * resid[e]
		}
		best = math.Min(best, v)
	}
	rest := value + s.lift
	for e, r := range resid {
		rest += s.k.q.weights[e] * r
	}
	return math.Min(best, rest)
}
