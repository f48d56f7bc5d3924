package plan

import (
	"math"
	"slices"
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

// found is the outcome of one search. Bound ≥ the optimum always; bound = value when the search was finished.
type found struct {
	choices  []choice
	value    float64 // with prices taken off
	bound    float64
	feasible bool
	nodes    int
}

// searcher holds the scratch of one search at a time; one worker reuses one searcher.
type searcher struct {
	m     *model
	k     *task
	price []float64 // by slot; +Inf closes it; nil: all free

	best     float64
	bestSet  []choice
	has      bool
	cur      []choice
	chosenAt []int32 // item → slot + 1, 0 when not chosen
	full     []int32 // full-time slots chosen
	pend     []must
	nodes    int
	limit    int
	open     float64 // the best bound of what the node limit left unexplored
	levels   []*level
	deep     int
}

// level is the scratch of one depth of the search.
type level struct {
	resid  []float64
	cand   []int32 // blocks still open
	live   []liveBlock
	items  []int32   // live items, block by block
	prof   []float64 // profit of each under π = w
	lin    []float64 // profit of each under the linearisation at work
	cheap  []float64 // price of its cheapest slot
	w      int       // units of hours at hand
	tables [2]table
	pi     []float64
	top    []float64 // the best π so far
	grad   []float64
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

func newSearcher(m *model) *searcher { return &searcher{m: m} }

func (s *searcher) level(d int) *level {
	for len(s.levels) <= d {
		s.levels = append(s.levels, &level{})
	}
	return s.levels[d]
}

// solve finds the best route of a task under prices on slots. warm is a route known to keep the rules, or nil: the
// search starts from it where its slots are open. nodeLimit 0 means none.
func (s *searcher) solve(k *task, price []float64, warm []choice, nodeLimit int) found {
	s.k, s.price = k, price
	s.best, s.has, s.nodes, s.limit, s.open, s.deep = 0, false, 0, nodeLimit, math.Inf(-1), 0
	s.bestSet = s.bestSet[:0]
	s.cur, s.full, s.pend = s.cur[:0], s.full[:0], s.pend[:0]
	if cap(s.chosenAt) < len(k.items) {
		s.chosenAt = make([]int32, len(k.items)*2)
	}
	s.chosenAt = s.chosenAt[:len(k.items)]
	clear(s.chosenAt)
	root := s.level(0)
	root.resid = append(root.resid[:0], ones(len(k.weights))...)
	root.cand = root.cand[:0]
	for b := range k.blocks {
		root.cand = append(root.cand, int32(b))
	}
	for _, q := range k.musts {
		if q.item < 0 || q.slot == -2 {
			return found{value: math.Inf(-1), bound: math.Inf(-1)}
		}
	}
	s.pend = append(s.pend, k.musts...)
	if len(s.pend) == 0 {
		s.best, s.has = 0, true
	} else {
		s.best = math.Inf(-1)
	}
	if len(warm) > 0 {
		if v := k.value(warm, price); !math.IsInf(v, -1) {
			s.offer(v, warm)
		}
	}
	s.search(0, 0, k.hours, k.cost)
	f := found{choices: slices.Clone(s.bestSet), value: s.best, feasible: s.has, nodes: s.nodes}
	f.bound = math.Max(s.best, s.open)
	slices.SortFunc(f.choices, func(a, b choice) int { return int(a.item - b.item) })
	return f
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func (s *searcher) cost(slot int32) float64 {
	if s.price == nil {
		return 0
	}
	return s.price[slot]
}

// fits tells whether a slot of an item agrees with what is chosen: full-time days apart, requirements in order.
func (s *searcher) fits(it *item, slot int32) bool {
	x := &s.m.slots[slot]
	if math.IsInf(s.cost(slot), 1) {
		return false
	}
	if x.full {
		for _, f := range s.full {
			y := &s.m.slots[f]
			if x.start <= y.end && y.start <= x.end {
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
			if best == 0 {
				break
			}
		}
	}
	return best
}

// dominated tells whether another fitting slot of a free-standing item is as good for every continuation.
func (s *searcher) dominated(it *item, i int) bool {
	if it.linked {
		return false
	}
	x := &s.m.slots[it.opts[i]]
	px := s.cost(it.opts[i])
	for j, o := range it.opts {
		if j == i {
			continue
		}
		y, py := &s.m.slots[o], s.cost(o)
		if py > px || math.IsInf(py, 1) {
			continue
		}
		covers := !y.full || x.full && x.start <= y.start && y.end <= x.end
		if !covers || !s.fits(it, o) {
			continue
		}
		same := py == px && y.full == x.full && (!x.full || x.start == y.start && x.end == y.end)
		if !same || j < i {
			return true
		}
	}
	return false
}

// offer takes the current set as the best one if it is.
func (s *searcher) offer(value float64, set []choice) {
	if !s.has || value > s.best+tol {
		s.best, s.has = value, true
		s.bestSet = append(s.bestSet[:0], set...)
	}
}

// rounds of the subgradient method by depth.
var rounds = [...]int{24, 8, 4}

func (s *searcher) search(d int, f, hours, cost float64) {
	s.nodes++
	k := s.k
	l := s.level(d)
	if len(s.pend) > 0 {
		s.force(d, f, hours, cost)
		return
	}
	s.offer(f, s.cur)

	// Keep the blocks that can still add something, with their profits under π = w.
	rest := 0.0
	for e, r := range l.resid {
		rest += k.weights[e] * r
	}
	if f+rest <= s.best+tol {
		return
	}
	items, live := l.items[:0], l.live[:0]
	l.prof, l.cheap = l.prof[:0], l.cheap[:0]
	for _, b := range l.cand {
		from := int32(len(items))
		score := math.Inf(-1)
		for _, j := range k.blocks[b].items {
			it := &k.items[j]
			if it.hours > hours+1e-9 || it.cost > cost+1e-9 {
				continue
			}
			gain := 0.0
			for _, c := range it.covers {
				gain += k.weights[c.elem] * math.Min(l.resid[c.elem], c.share)
			}
			gain -= it.pen
			if gain <= tol && !it.needed {
				continue
			}
			p := s.cheapest(it)
			if math.IsInf(p, 1) || gain-p <= tol && !it.needed {
				continue
			}
			items = append(items, j)
			l.prof, l.cheap = append(l.prof, gain-p), append(l.cheap, p)
			score = math.Max(score, (gain-p)/math.Max(it.hours, 1))
		}
		if int32(len(items)) > from {
			live = append(live, liveBlock{b, from, int32(len(items)), score})
		}
	}
	l.items, l.live = items, live
	if len(live) == 0 {
		return
	}
	slices.SortStableFunc(live, func(a, b liveBlock) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return int(a.block - b.block)
	})
	l.w = 0
	if k.unit > 0 {
		l.w = min(int(hours/k.unit+1e-9), k.width)
	}

	// Bound 1: π = w.
	t0, t1 := &l.tables[0], &l.tables[1]
	t0.on, t1.on = true, false
	v0 := s.fill(l, t0, k.weights, 0, cost)
	if f+v0 <= s.best+tol {
		return
	}
	// Bound 2: the best (π, ν) of a few subgradient steps.
	if s.tighten(d, f, v0, hours, cost) {
		return
	}

	// Children: the set so far with one more item, later blocks open.
	below := s.level(d + 1)
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
				base += k.weights[c.elem] * take
				below.resid[c.elem] -= take
			}
			hu := 0
			if k.unit > 0 {
				hu = int((hours-it.hours)/k.unit + 1e-9)
			}
			for oi, o := range it.opts {
				if !s.fits(it, o) || s.dominated(it, oi) {
					continue
				}
				val := base - s.cost(o)
				up := s.bound(l, i+1, val, hu, cost-it.cost, below.resid)
				if up <= s.best+tol {
					continue
				}
				if s.limit > 0 && s.nodes >= s.limit {
					s.open = math.Max(s.open, up)
					continue
				}
				below.cand = below.cand[:0]
				for _, r := range live[i+1:] {
					below.cand = append(below.cand, r.block)
				}
				marks := s.choose(j, o)
				s.search(d+1, val, hours-it.hours, cost-it.cost)
				s.unchoose(j, o, marks)
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
		if s.chosenAt[q] == 0 && !slices.ContainsFunc(s.pend, func(p must) bool { return p.item == q }) {
			s.pend = append(s.pend, must{q, -1})
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
	at := slices.Index(l.cand, it.block)
	if at < 0 || it.hours > hours+1e-9 || it.cost > cost+1e-9 {
		return
	}
	rest := 0.0
	for e, r := range l.resid {
		rest += k.weights[e] * r
	}
	if s.has && f+rest <= s.best+tol {
		return
	}
	below := s.level(d + 1)
	for oi, o := range it.opts {
		if q.slot >= 0 && o != q.slot || !s.fits(it, o) || q.slot < 0 && s.dominated(it, oi) {
			continue
		}
		val := f - it.pen - s.cost(o)
		below.resid = append(below.resid[:0], l.resid...)
		for _, c := range it.covers {
			take := math.Min(l.resid[c.elem], c.share)
			val += k.weights[c.elem] * take
			below.resid[c.elem] -= take
		}
		if s.limit > 0 && s.nodes >= s.limit {
			s.open = math.Max(s.open, f+rest)
			continue
		}
		below.cand = append(append(below.cand[:0], l.cand[:at]...), l.cand[at+1:]...)
		saved := slices.Clone(s.pend)
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
	for e, w := range k.weights {
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
	row := l.w + 1
	n := len(l.live)
	if need := (n + 1) * row; cap(t.g) < need {
		t.g = make([]float64, need*3/2)
	}
	t.g = t.g[:(n+1)*row]
	clear(t.g[n*row:])
	for i := n - 1; i >= 0; i-- {
		here, next := t.g[i*row:(i+1)*row], t.g[(i+1)*row:(i+2)*row]
		copy(here, next)
		for x := l.live[i].from; x < l.live[i].to; x++ {
			p := l.lin[x]
			if p <= 0 {
				continue
			}
			hu := 0
			if k.unit > 0 {
				hu = int(k.items[l.items[x]].hu)
			}
			for h := hu; h < row; h++ {
				if v := next[h-hu] + p; v > here[h] {
					here[h] = v
				}
			}
		}
	}
	if nu > 0 {
		base += nu * cost
	}
	return base + t.g[l.w]
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
			hu := 0
			if s.k.unit > 0 {
				hu = int(s.k.items[l.items[x]].hu)
			}
			if l.lin[x] > 0 && hu <= h && t.g[(i+1)*row+h-hu]+l.lin[x] == v {
				l.picked = append(l.picked, x)
				h -= hu
				break
			}
		}
	}
}

// tighten improves the bound of a node by subgradient steps with Polyak's length and leaves the best table in
// tables[1]. It tells whether the node is closed.
func (s *searcher) tighten(d int, f, v0, hours, cost float64) bool {
	k, l := s.k, s.level(d)
	t0, t1 := &l.tables[0], &l.tables[1]
	l.pi = append(l.pi[:0], k.weights...)
	l.top = append(l.top[:0], k.weights...)
	scale := 1.0 // of money, so that ν and π move alike
	bindsCost := false
	if !math.IsInf(cost, 1) {
		sum := 0.0
		for _, j := range l.items {
			sum += k.items[j].cost
		}
		bindsCost = sum > cost
		scale = math.Max(k.cost, 1)
	}
	nu, topNu, top := 0.0, 0.0, v0
	t, length, stall := t0, 1.0, 0
	n := rounds[min(d, len(rounds)-1)]
	moved, v := false, v0
	for round := range n {
		s.trace(l, t)
		if d == 0 || round == 0 {
			s.try(d, f, hours, cost)
		}
		if f+top <= s.best+tol {
			return true
		}
		l.grad = append(l.grad[:0], l.resid...)
		money := cost
		for _, x := range l.picked {
			it := &k.items[l.items[x]]
			for _, c := range it.covers {
				l.grad[c.elem] -= math.Min(l.resid[c.elem], c.share)
			}
			money -= it.cost
		}
		// grad is r − z: π falls where an element is covered more than once, rises where it is not.
		norm := 0.0
		for e, g := range l.grad {
			if g > 0 && l.pi[e] >= k.weights[e] || g < 0 && l.pi[e] <= 0 {
				l.grad[e] = 0
				continue
			}
			norm += g * g
		}
		gm := 0.0
		if bindsCost {
			gm = money / scale
			if gm > 0 && nu <= 0 {
				gm = 0
			}
			norm += gm * gm
		}
		if norm < 1e-18 {
			break
		}
		step := length * math.Max(f+v-s.best, 1e-6*math.Abs(v)) / norm
		for e, g := range l.grad {
			l.pi[e] = math.Min(k.weights[e], math.Max(0, l.pi[e]+step*g))
		}
		nu = math.Max(0, nu-step*gm/scale)
		t = t1
		v = s.fill(l, t1, l.pi, nu, cost)
		moved = true
		if v < top-1e-12 {
			if v > top-1e-3*math.Abs(top) {
				stall++
			} else {
				stall = 0
			}
			top, topNu = v, nu
			copy(l.top, l.pi)
			if f+top <= s.best+tol {
				return true
			}
		} else {
			stall++
		}
		if stall >= 3 {
			length, stall = length/2, 0
			if length < 0.1 {
				break
			}
		}
	}
	if moved && top < v0-1e-12 {
		s.fill(l, t1, l.top, topNu, cost)
		t1.on = true
	}
	return false
}

// try makes a real route of the set just traced, in its order, and offers it.
func (s *searcher) try(d int, f, hours, cost float64) {
	k, l := s.k, s.level(d)
	keepCur, keepFull := len(s.cur), len(s.full)
	below := s.level(d + 1)
	below.resid = append(below.resid[:0], l.resid...)
	for _, x := range l.picked {
		j := l.items[x]
		it := &k.items[j]
		if it.hours > hours+1e-9 || it.cost > cost+1e-9 || it.linked && !s.ready(it) {
			continue
		}
		gain := -it.pen
		for _, c := range it.covers {
			gain += k.weights[c.elem] * math.Min(below.resid[c.elem], c.share)
		}
		slot, price := int32(-1), math.Inf(1)
		for _, o := range it.opts {
			if p := s.cost(o); p < price && s.fits(it, o) {
				slot, price = o, p
			}
		}
		if slot < 0 || gain-price <= 0 {
			continue
		}
		f += gain - price
		hours -= it.hours
		cost -= it.cost
		for _, c := range it.covers {
			below.resid[c.elem] -= math.Min(below.resid[c.elem], c.share)
		}
		s.cur = append(s.cur, choice{j, slot})
		s.chosenAt[j] = slot + 1
		if s.m.slots[slot].full {
			s.full = append(s.full, slot)
		}
	}
	s.offer(f, s.cur)
	for _, c := range s.cur[keepCur:] {
		s.chosenAt[c.item] = 0
	}
	s.cur, s.full = s.cur[:keepCur], s.full[:keepFull]
}

func (s *searcher) ready(it *item) bool {
	for _, q := range it.requires {
		if s.chosenAt[q] == 0 {
			return false
		}
	}
	return true
}

// bound is the least upper bound on value plus what the live blocks from i on can add, with units of hours left.
func (s *searcher) bound(l *level, i int, value float64, units int, cost float64, resid []float64) float64 {
	best := math.Inf(1)
	units = min(units, l.w)
	for t := range l.tables {
		tb := &l.tables[t]
		if !tb.on {
			continue
		}
		v := value + tb.g[i*(l.w+1)+units]
		if tb.nu > 0 {
			v += tb.nu * cost
		}
		for e, sl := range tb.slop {
			v += sl * resid[e]
		}
		best = math.Min(best, v)
	}
	rest := value
	for e, r := range resid {
		rest += s.k.weights[e] * r
	}
	return math.Min(best, rest)
}

// value is what a set of choices is worth under prices on slots.
func (k *task) value(set []choice, price []float64) float64 {
	v := 0.0
	var buf [64]float64
	resid := buf[:0]
	for range k.weights {
		resid = append(resid, 1)
	}
	for _, c := range set {
		it := &k.items[c.item]
		v -= it.pen
		if price != nil {
			v -= price[c.slot]
		}
		for _, x := range it.covers {
			take := math.Min(resid[x.elem], x.share)
			v += k.weights[x.elem] * take
			resid[x.elem] -= take
		}
	}
	return v
}
