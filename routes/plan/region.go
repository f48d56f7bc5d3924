package plan

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Many teachers, shared seats.
//
// Seats are relaxed with a price λ_s ≥ 0 on each session: then every teacher is a problem of their own, solved
// exactly, and
//
//	L(λ) = Σ_t best_t(λ) + Σ_s λ_s · seats_s
//
// bounds every plan from above (Lagrangian duality). Every route found on the way is kept as a column of its teacher.
// Prices are moved by minimising the same function over the columns kept (master.go), which costs next to nothing, inside a box
// around the best prices known; the exact problems are solved only where that minimum lies and give new columns
// (column generation, stabilised by the box). A plan is put together of columns under the best prices and improved by
// chains of exchanges: a teacher takes a better column, whoever has least to lose gives up the seat, and so on; see
// primal.go. Teachers alike in everything share one problem and its columns. The budget is fixed by the size of the
// problem, sums are added in a fixed order: the same input gives the same bytes with any number of workers.
type region struct {
	m      *model
	people []person
	opt    Options
	plan   []int32 // the best plan: by person the index of the column, −1 for none
	value  float64 // of the best plan
	bound  float64

	class  []int32    // by person
	rep    []int32    // by class: one of its persons
	size   []float64  // by class: how many persons
	cols   [][]column // by class
	tight  []bool     // by slot: seats are limited and fewer than teachers
	scarce []int32
	star   []float64 // the prices of the best bound
	box    float64   // how far prices may move from star in one round
	wide   float64   // a box beyond which prices mean little
	pool   []*searcher
	flat   master
	forgo  float64 // what it costs to leave a teacher's demands unmet, who then has no route
	owed   float64 // what the best plan pays for that
}

// column is a route of a class of teachers with its true value.
type column struct {
	value float64
	aim   float64 // what it is worth under the prices that exchanges go by
	slots []int32
	tight []int32 // those of its slots whose seats are limited and fewer than teachers
}

func newRegion(m *model, people []person, opt Options) *region {
	r := &region{m: m, people: people, opt: opt, value: math.Inf(-1), bound: math.Inf(1)}
	for range opt.Workers {
		s := searchers.Get().(*searcher)
		s.reset(m)
		s.brief, s.stop = len(people) > 300, opt.Expired
		r.pool = append(r.pool, s)
	}
	known := map[string]int32{}
	var key []byte
	for i := range people {
		key = people[i].key(key[:0])
		c, ok := known[string(key)]
		if !ok {
			c = int32(len(r.rep))
			known[string(key)] = c
			r.rep = append(r.rep, int32(i))
			r.size = append(r.size, 0)
		}
		r.class = append(r.class, c)
		r.size[c]++
	}
	// More than their route is worth to anybody, and than what their seats are worth to others: a demand gives way to
	// nothing but another demand.
	for i := range people {
		sum := 0.0
		for _, w := range people[i].weights {
			sum += w
		}
		r.forgo = math.Max(r.forgo, 2*(sum+people[i].bonus*float64(len(people[i].kept)))+1)
	}
	for i := range m.progs {
		r.forgo += m.progs[i].pen
	}
	r.cols = make([][]column, len(r.rep))
	r.tight = make([]bool, len(m.slots))
	r.star = make([]float64, len(m.slots))
	for s := range m.slots {
		if n := m.slots[s].seats; n > 0 && n < len(people) {
			r.tight[s] = true
			r.scarce = append(r.scarce, int32(s))
		}
	}
	return r
}

// key writes all that makes a person's problem, so that equal keys mean equal problems.
func (q *person) key(b []byte) []byte {
	u := func(v uint64) { b = binary.LittleEndian.AppendUint64(b, v) }
	list := func(v []int32) {
		u(uint64(len(v)))
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, uint32(x))
		}
	}
	list(q.elems)
	for _, w := range q.weights {
		u(math.Float64bits(w))
	}
	list(q.done)
	list(q.kept)
	list(q.barred)
	u(uint64(len(q.musts)))
	for _, x := range q.musts {
		u(uint64(x.prog)<<32 | uint64(uint32(x.slot)))
	}
	for _, v := range []float64{q.hours, q.cost, q.load} {
		u(math.Float64bits(v))
	}
	u(uint64(q.from))
	u(uint64(q.to))
	u(uint64(len(q.busy)))
	for _, x := range q.busy {
		u(uint64(x.Start))
		u(uint64(x.End))
	}
	u(uint64(len(q.modes)))
	for _, x := range q.modes {
		b = append(append(b, x...), 0)
	}
	u(uint64(len(q.venues)))
	for _, x := range q.venues {
		b = append(append(b, x...), 0)
	}
	u(uint64(len(q.months)))
	for _, x := range q.months {
		u(uint64(x))
	}
	list(q.underWay)
	return b
}

// each runs f for every class on all workers; f writes only to what belongs to its class. It stops early when time is
// up and stop is set.
func (r *region) each(stop bool, f func(s *searcher, c int)) {
	n := len(r.rep)
	if n < 8 || len(r.pool) == 1 {
		for c := range n {
			if stop && c&15 == 0 && r.opt.Expired() {
				return
			}
			f(r.pool[0], c)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, s := range r.pool {
		wg.Go(func() {
			for {
				from := int(next.Add(16)) - 16
				if from >= n || stop && r.opt.Expired() {
					return
				}
				for c := from; c < min(from+16, n); c++ {
					f(s, c)
				}
			}
		})
	}
	wg.Wait()
}

// nodes limits the search of one teacher among many; a search cut short still bounds honestly.
const nodes = 20_000

// hasty limits it when time runs short.
const hasty = 12

func (r *region) nodeLimit() int {
	if len(r.people) == 1 {
		return r.opt.Nodes
	}
	return min(r.opt.Nodes, nodes)
}

// keep adds a route to the columns of a class unless it is there; it returns its index.
func (r *region) keep(c int, slots []int32) int {
	for i := range r.cols[c] {
		if slices.Equal(r.cols[c][i].slots, slots) {
			return i
		}
	}
	x := column{value: r.m.worth(&r.people[r.rep[c]], slots), slots: slots}
	if r.forgone(c, &x) {
		x.value = -r.forgo
	}
	for _, s := range slots {
		if r.tight[s] {
			x.tight = append(x.tight, s)
		}
	}
	r.cols[c] = append(r.cols[c], x)
	return len(r.cols[c]) - 1
}

// forgone tells whether a column is that of a class whose demands are not met.
func (r *region) forgone(c int, x *column) bool {
	return len(x.slots) == 0 && len(r.people[r.rep[c]].musts) > 0
}

// crowded lists the slots of the programmes and sessions that more teachers ask for than have a seat there, and for how
// many there is none.
func (r *region) crowded() (slots []int, short int) {
	asked := map[must]int{}
	for i := range r.people {
		for _, x := range r.people[i].musts {
			if asked[x]++; x.slot != anySlot {
				asked[must{x.prog, anySlot}]++
			}
		}
	}
	for i := range r.m.progs {
		more := 0
		for _, s := range append([]int{anySlot}, r.m.progs[i].slots...) {
			n := asked[must{int32(i), int32(s)}]
			for _, o := range r.m.progs[i].slots {
				if x := r.m.slots[o].seats; s == anySlot || s == o {
					if n -= x; x < 0 {
						n = 0
						break
					}
				}
			}
			if n <= 0 {
				continue
			}
			more = max(more, n)
			for _, o := range r.m.progs[i].slots {
				if (s == anySlot || s == o) && r.tight[o] && !slices.Contains(slots, o) {
					slots = append(slots, o)
				}
			}
		}
		short += more
	}
	return slots, short
}

// priced is what a column is worth under prices.
func (x *column) priced(price []float64) float64 {
	v := x.value
	for _, s := range x.slots {
		v -= price[s]
	}
	return v
}

// top is the column of a class that is worth most under prices; −1 when there is none.
func (r *region) top(c int, price []float64) (at int, value float64) {
	at, value = -1, math.Inf(-1)
	for i := range r.cols[c] {
		if v := r.cols[c][i].priced(price); v > value {
			at, value = i, v
		}
	}
	return at, value
}

// hurry tells whether less than a part of the time is left: what comes later needs the rest.
func (r *region) hurry(part float64) bool { return r.opt.Expired() || r.opt.Left() < part }

func (r *region) done() bool { return r.opt.Expired() || r.enough(r.value) }

// enough tells whether a plan of that value is as close to the bound as was asked for.
func (r *region) enough(value float64) bool {
	return r.bound-value <= math.Max(r.opt.Enough, 1e-9)*math.Max(1e-9, math.Abs(value+r.owed))
}

func (r *region) run() {
	p := r.newPrimal()
	if !r.settlePrices(p) {
		p.build(r.star, false, false)
		r.take(p)
		r.opt.Progress(1)
		return
	}
	p.build(r.star, false, len(r.people) > 300)
	r.take(p)
	if r.small() && !r.done() {
		p.dive()
	}
	if !r.done() {
		p.polish()
	}
	if n := r.effort().anew; n > 0 && !r.opt.rough && !r.done() {
		p.restore()
		p.anew(n, r.opt.Endless, 1)
	}
	r.tighten()
	r.opt.Progress(1)
}

// tighten lowers the bound where teachers go without: a plan that leaves no more of them without than k is worth at most
// what any plan is under a smaller forgo, and k times that besides. A price of a demand far above what routes are worth
// makes every fraction of one count for too much.
func (r *region) tighten() {
	if r.owed == 0 || r.opt.rough {
		return
	}
	k := r.owed / r.forgo
	parts := []float64{4, 8, 16}
	if len(r.people) > 1000 {
		parts = []float64{8}
	}
	for _, part := range parts {
		if r.done() {
			return
		}
		x := newRegion(r.m, r.people, Options{Workers: r.opt.Workers, Expired: r.opt.Expired, Left: r.opt.Left, Progress: func(float64) {}, rough: true})
		x.forgo = r.forgo / part
		x.settlePrices(x.newPrimal())
		r.bound = math.Min(r.bound, x.bound+x.forgo*k-r.owed)
		x.release()
	}
}

// take keeps the plan of a primal if it is the best so far.
func (r *region) take(p *primal) {
	if r.plan != nil && p.value <= r.value {
		return
	}
	r.value, r.owed = p.value, 0
	r.plan = append(r.plan[:0], p.at...)
	for t, i := range r.plan {
		if c := int(r.class[t]); i >= 0 && r.forgone(c, &r.cols[c][i]) {
			r.owed += r.forgo
		}
	}
}

// routes is the best plan in the order of the people.
func (r *region) routes() []found {
	out := make([]found, len(r.people))
	for t, i := range r.plan {
		if i >= 0 {
			x := &r.cols[r.class[t]][i]
			out[t] = found{slots: x.slots, value: x.value, feasible: !r.forgone(int(r.class[t]), x)}
		}
	}
	return out
}

// release gives the searchers of a region back.
func (r *region) release() {
	for _, s := range r.pool {
		s.release()
	}
	r.pool = nil
}
