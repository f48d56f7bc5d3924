package plan

import (
	"math"
	"slices"
	"sync"
)

// The exact search for one teacher.
//
// Sets of programmes are tried block by block (a block is a group, or a programme alone): each item of the block in,
// then the block out. Each node bounds what the blocks still open could add. With multipliers π_e in [0, w_e],
//
//	w_e · min(r_e, Σ a) ≤ (w_e − π_e) · r_e + π_e · Σ min(r_e, a),
//
// where r_e is the share of e still open, and with μ ≥ 0 for each requirement, μ · (x_required − x_requiring) ≥ 0: the
// gain is bounded by a constant plus a knapsack in which every programme has a fixed profit. The knapsack (hours exactly,
// cost by a multiplier ν) is solved by dynamic programming over the blocks, forwards and backwards, which also bounds
// the node with each item in and with each block out. The multipliers are those of the linear relaxation, which chooses
// the block to branch on too. Small nodes take the multipliers of the level above and try their items in turn, bounded
// by the tables over suffixes alone. Clashes of days are left out of the bound and kept by the enumeration.

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
	stop     func() bool // asked now and then once a route is known; true ends the search there. nil: never asked
	open     float64     // the best bound of what the node limit left unexplored
	levels   []*level
	ahead    []float64
	making   state
	dual     []float64
	plain    multipliers // π = w
	whole    []bool      // item → whether the linear relaxation of the node before took all of it
	place    []int32     // item → its place among the live ones of the level at work
	sums     []float64   // by element: what all items of a level cover of it
	gone     []bool      // scratch of again
	amounts  []float64   // how much of each variable a relaxation takes
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
	cheap  []float64 // price of its cheapest slot
	above  int       // the level whose multipliers are known; −1: none, as over demands
	w      int       // units of hours at hand
	tables [2]table
	by     multipliers
	picked []int32
	part   []float64 // how much of each item the linear relaxation takes
	lp     relaxation
	up     float64   // bound of the node
	were   []int32   // the items when part was taken
	into   []float64 // bound of the node with the item in
	forced int       // the live block without which nothing better is left, −1 for none
}

type liveBlock struct {
	block    int32
	from, to int32 // its live items in live.items
	score    float64
}

// newSearcher makes a searcher for a model.
func newSearcher(m *model) *searcher {
	s := &searcher{}
	s.reset(m)
	return s
}

// searchers keeps scratch from one plan to the next: a page plans one teacher many times over.
var searchers = sync.Pool{New: func() any { return &searcher{} }}

// reset turns a searcher to another model and keeps its scratch.
func (s *searcher) reset(m *model) {
	s.m, s.brief, s.gather, s.heap, s.stop = m, false, false, nil, nil
	s.index = slices.Grow(s.index[:0], len(m.progs))[:len(m.progs)]
	s.local = slices.Grow(s.local[:0], len(m.elems))[:len(m.elems)]
	s.worthy = slices.Grow(s.worthy[:0], len(m.progs))[:len(m.progs)]
	for i := range s.local {
		s.local[i] = -1
	}
	clear(s.worthy)
}

// release gives a searcher back; what it searched is let go.
func (s *searcher) release() {
	s.m, s.k, s.task.q, s.price, s.heap, s.stop = nil, nil, nil, nil, nil, nil
	searchers.Put(s)
}

func (s *searcher) level(d int) *level {
	for len(s.levels) <= d {
		s.levels = append(s.levels, &level{})
	}
	return s.levels[d]
}

// solve finds the best route of a person under prices on slots, or the best known when stop says so. warm is a route known to keep the rules, or nil: the
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
	s.place = slices.Grow(s.place[:0], len(k.items))[:len(k.items)]
	s.whole = slices.Grow(s.whole[:0], len(k.items))[:len(k.items)]
	s.plain.pi = q.weights
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
	root.above = -1
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
	return s.heap, len(s.heap) < most && s.nodes < s.limit
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
const smallNode = 8

// count counts a node and asks whether the search has to end: then no more nodes are opened, as at a limit of them.
func (s *searcher) count() {
	if s.nodes++; s.nodes%16 == 1 && s.has && s.stop != nil && s.stop() {
		s.limit = s.nodes
	}
}

func (s *searcher) search(d int, f, hours, cost float64) {
	s.count()
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

	root := !s.rooted
	s.rooted = true
	if root && len(l.items) > 1 && !s.warm && !s.gather {
		s.climb(l, f, hours, cost)
	}
	if root || len(l.items) > smallNode || l.above < 0 {
		s.branch(d, f, hours, cost, root)
	} else {
		s.enumerate(d, f, hours, cost)
	}
}

// enumerate tries every set of the items of a small node, one child an item, under the multipliers of a level above.
func (s *searcher) enumerate(d int, f, hours, cost float64) {
	k, l := s.k, s.level(d)
	w := k.q.weights
	t0, t1 := &l.tables[0], &l.tables[1]
	above := s.levels[l.above]
	t0.on, t1.on = false, false
	if f+s.fill(l, t1, &above.by, cost) <= s.best+tol {
		return
	}
	t1.on, t0.on = true, true
	if f+s.fill(l, t0, &s.plain, cost) <= s.best+tol {
		return
	}
	// Children: the set so far with one more item, later blocks open.
	below := s.level(d + 1)
	items, live := l.items, l.live
	for i := range live {
		if s.bound(l, i, -1, f, l.w, cost, l.resid) <= s.best+tol {
			return
		}
		lb := live[i]
		for x := lb.from; x < lb.to; x++ {
			j := items[x]
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
			for y, o := range it.opts {
				if !s.fits(it, o) || len(it.opts) > 1 && s.spare(l, i, it, y) {
					continue
				}
				val := base - s.cost(o)
				up := s.bound(l, i+1, int(x), val, units, cost-it.cost, below.resid)
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
		below.above = l.above
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
