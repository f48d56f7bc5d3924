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
// Prices are moved by minimising the same function over the columns kept, which costs next to nothing, inside a box
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
	best   []float64  // by class: best_t under the prices at work
	tight  []bool     // by slot: seats are limited and fewer than teachers
	scarce []int32
	star   []float64 // the prices of the best bound
	box    float64   // how far prices may move from star in one round
	pool   []*searcher
	flat   flat
}

// column is a route of a class of teachers with its true value.
type column struct {
	value float64
	slots []int32
}

func newRegion(m *model, people []person, opt Options) *region {
	r := &region{m: m, people: people, opt: opt, value: math.Inf(-1), bound: math.Inf(1)}
	for range opt.Workers {
		s := newSearcher(m)
		s.brief = len(people) > 300
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
	r.cols = make([][]column, len(r.rep))
	r.best = make([]float64, len(r.rep))
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

// each runs f for every class on all workers; f writes only to what belongs to its class.
func (r *region) each(f func(s *searcher, c int)) {
	n := len(r.rep)
	if n < 8 || len(r.pool) == 1 {
		for c := range n {
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
				if from >= n {
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
	r.cols[c] = append(r.cols[c], column{r.m.worth(&r.people[r.rep[c]], slots), slots})
	return len(r.cols[c]) - 1
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

// evaluate solves every class exactly under prices, keeps the routes as columns and returns L(price) with the demand
// for each slot. Classes whose demands cannot be met have no columns and count nothing.
func (r *region) evaluate(price []float64, use []int) float64 {
	up := make([]float64, len(r.rep))
	pick := make([]int32, len(r.rep))
	r.each(func(s *searcher, c int) {
		var warm []int32
		if i, _ := r.top(c, price); i >= 0 {
			warm = r.cols[c][i].slots
		}
		f := s.solve(&r.people[r.rep[c]], price, warm, r.nodeLimit())
		pick[c] = -1
		if f.feasible {
			up[c], r.best[c] = f.bound, f.value
			pick[c] = int32(r.keep(c, f.slots))
		}
	})
	clear(use)
	bound := 0.0
	for c, i := range pick {
		if i < 0 {
			continue
		}
		bound += r.size[c] * up[c]
		for _, s := range r.cols[c][i].slots {
			use[s] += int(r.size[c])
		}
	}
	for _, s := range r.scarce {
		bound += price[s] * float64(r.m.slots[s].seats)
	}
	return bound
}

// budget is how many rounds of exact problems are worth it, first by plain steps and then over the columns, how many
// cheap steps go between two of them, and how hard the plan is worked on.
func (r *region) budget() (plain, rounds, steps int) {
	switch n := len(r.people); {
	case n <= 100:
		return 20, 60, 4000
	case n <= 1000:
		return 14, 36, 2000
	case n <= 5000:
		return 10, 20, 800
	case n <= 20000:
		return 9, 13, 1000
	case n <= 60000:
		return 7, 8, 400
	default:
		return 7, 8, 300
	}
}

func (r *region) run() {
	p := r.newPrimal()
	if !r.settlePrices(p) {
		p.build(r.star, false, false)
		r.take(p)
		r.opt.Progress(1)
		return
	}
	p.build(r.star, false, false)
	r.take(p)
	if !r.done() {
		p.polish()
	}
	r.opt.Progress(1)
}

// sampled is how many teachers are too many to look for prices among all of them from the start.
const sampled = 4000

// sample finds prices among every k-th teacher with the same part of the seats; nil where that is not worth it. They
// are good enough to start from: with so many teachers a part of them is much like the whole.
func (r *region) sample() []float64 {
	n := len(r.people)
	if n <= sampled {
		return nil
	}
	step := (n + sampled/2 - 1) / (sampled / 2)
	m := *r.m
	m.slots = slices.Clone(m.slots)
	for s := range m.slots {
		if x := &m.slots[s].seats; *x > 0 {
			*x = max(1, (*x+step/2)/step)
		}
	}
	part := make([]person, 0, n/step+1)
	for i := 0; i < n; i += step {
		part = append(part, r.people[i])
	}
	opt := r.opt
	opt.Progress = func(float64) {}
	few := newRegion(&m, part, opt)
	few.settlePrices(few.newPrimal())
	return few.star
}

// settlePrices looks for the best bound. It is false when nobody stands in anybody's way: then every teacher has their
// best route under the prices, which are zero.
func (r *region) settlePrices(p *primal) bool {
	use := make([]int, len(r.m.slots))
	start := r.sample()
	if start != nil {
		copy(r.star, start)
	}
	r.bound = r.evaluate(r.star, use)
	over := slices.ContainsFunc(r.star, func(v float64) bool { return v > 0 })
	for _, s := range r.scarce {
		over = over || use[s] > r.m.slots[s].seats
	}
	for c := range r.cols {
		if len(r.people[r.rep[c]].musts) == 0 {
			r.keep(c, nil)
		}
	}
	if !over {
		return false
	}
	many := len(r.people) > 1000
	p.build(r.star, false, many)
	r.take(p)
	// Prices beyond what a teacher's whole route is worth mean nothing: a box of a part of that is wide to begin with.
	r.box = 0.35 * r.bound / float64(len(r.people))
	plain, rounds, _ := r.budget()
	if start != nil {
		r.box /= 8
		rounds = min(rounds, 12)
	} else {
		r.walk(plain, use)
		p.build(r.star, false, many)
		r.take(p)
	}
	for it := 0; it < rounds && !r.done(); it++ {
		if !r.round(use) {
			break
		}
		if it == rounds/3 && !many {
			p.build(r.star, false, false)
			r.take(p)
		}
		r.opt.Progress(0.1 + 0.5*float64(it+1)/float64(rounds))
	}
	return true
}

func (r *region) done() bool { return r.opt.Expired() || r.enough(r.value) }

// enough tells whether a plan of that value is as close to the bound as was asked for.
func (r *region) enough(value float64) bool {
	return r.bound-value <= math.Max(r.opt.Enough, 1e-9)*math.Max(1e-9, math.Abs(value))
}

// walk takes plain subgradient steps of Polyak's length: the first columns and rough prices.
func (r *region) walk(n int, use []int) {
	price, dir := slices.Clone(r.star), make([]float64, len(r.star))
	level, length, stall := r.bound, 1.0, 0
	for it := 0; it < n && !r.done(); it++ {
		norm := 0.0
		for _, s := range r.scarce {
			g := float64(use[s] - r.m.slots[s].seats)
			dir[s] = 0.7*g + 0.3*dir[s]
			if price[s] <= 0 && dir[s] < 0 {
				dir[s] = 0
			}
			norm += dir[s] * dir[s]
		}
		if norm < 1e-18 {
			return
		}
		step := length * math.Max(level-r.value, 1e-3*math.Abs(r.value)) / norm
		for _, s := range r.scarce {
			price[s] = math.Max(0, price[s]+step*dir[s])
		}
		level = r.evaluate(price, use)
		if level < r.bound {
			r.bound, stall = level, 0
			copy(r.star, price)
		} else if stall++; stall >= 2 {
			length, stall = length*0.6, 0
		}
		r.opt.Progress(0.1 * float64(it+1) / float64(n))
	}
}

// round minimises L over the columns kept, inside a box around the best prices, and solves the exact problems there.
// It is false when the columns prove that no prices do better than the best known by anything that matters.
func (r *region) round(use []int) bool {
	_, _, steps := r.budget()
	price, model := r.descend(steps)
	if r.bound-model <= 2e-5*math.Abs(r.bound) {
		return false
	}
	level := r.evaluate(price, use)
	if level < r.bound {
		r.bound = level
		copy(r.star, price)
	} else {
		r.box /= 2
		// The columns promised too much there: half way is safer, and the new columns correct the promise.
		for s := range price {
			price[s] = 0.5*price[s] + 0.5*r.star[s]
		}
		if level = r.evaluate(price, use); level < r.bound {
			r.bound = level
			copy(r.star, price)
		}
	}
	return true
}

// flat is the columns of all classes side by side, with slots as indexes into scarce.
type flat struct {
	from  []int32 // by class, one more at the end
	value []float64
	at    []int32 // by column, one more at the end
	slots []int32
	pick  []int32   // by class: the column worth most at the last prices
	total float64   // how many prices were counted
	count []float64 // by column: how often it was worth most near the optimum, an approximation of the fractional plan
}

const parts = 16 // of the classes, each added up by itself: the order of sums does not depend on workers

// descend minimises L over the columns kept by subgradient steps towards a level that sinks as it is reached; it
// returns the best prices found and the value there.
func (r *region) descend(steps int) ([]float64, float64) {
	index := make([]int32, len(r.m.slots))
	for i, s := range r.scarce {
		index[s] = int32(i) + 1
	}
	f := &r.flat
	f.from, f.value, f.at, f.slots = f.from[:0], f.value[:0], f.at[:0], f.slots[:0]
	for c := range r.cols {
		f.from = append(f.from, int32(len(f.value)))
		for i := range r.cols[c] {
			f.value = append(f.value, r.cols[c][i].value)
			f.at = append(f.at, int32(len(f.slots)))
			for _, s := range r.cols[c][i].slots {
				if index[s] > 0 {
					f.slots = append(f.slots, index[s]-1)
				}
			}
		}
	}
	f.pick = slices.Grow(f.pick[:0], len(r.cols))[:len(r.cols)]
	f.count = slices.Grow(f.count[:0], len(f.value))[:len(f.value)]
	clear(f.count)
	f.total = 0
	f.from, f.at = append(f.from, int32(len(f.value))), append(f.at, int32(len(f.slots)))

	n := len(r.scarce)
	price, best, center, dir := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	seats := make([]float64, n)
	for i, s := range r.scarce {
		price[i] = r.star[s]
		seats[i] = float64(r.m.slots[s].seats)
	}
	copy(best, price)
	copy(center, price)
	box := r.box
	sums := make([]float64, parts)
	uses := make([][]float64, parts)
	for i := range uses {
		uses[i] = make([]float64, n)
	}
	use := make([]float64, n)
	eval := func() float64 {
		r.parts(func(part int) {
			u := uses[part]
			clear(u)
			sum := 0.0
			lo, hi := part*len(r.cols)/parts, (part+1)*len(r.cols)/parts
			for c := lo; c < hi; c++ {
				top, at := math.Inf(-1), int32(-1)
				for i := f.from[c]; i < f.from[c+1]; i++ {
					v := f.value[i]
					for _, s := range f.slots[f.at[i]:f.at[i+1]] {
						v -= price[s]
					}
					if v > top {
						top, at = v, i
					}
				}
				f.pick[c] = at
				if at < 0 {
					continue
				}
				sum += r.size[c] * top
				for _, s := range f.slots[f.at[at]:f.at[at+1]] {
					u[s] += r.size[c]
				}
			}
			sums[part] = sum
		})
		clear(use)
		v := 0.0
		for part := range parts {
			v += sums[part]
			for i, x := range uses[part] {
				use[i] += x
			}
		}
		for i := range price {
			v += price[i] * seats[i]
		}
		return v
	}
	v := eval()
	low := v
	delta := math.Max(math.Min(0.25*(r.bound-r.value), 0.01*math.Abs(r.bound)), 1e-4*math.Abs(r.bound))
	stall := 0
	for range steps {
		norm := 0.0
		for i := range dir {
			dir[i] = 0.75*(use[i]-seats[i]) + 0.25*dir[i]
			if price[i] <= 0 && dir[i] < 0 {
				dir[i] = 0
			}
			norm += dir[i] * dir[i]
		}
		if norm < 1e-18 || delta < 2e-6*math.Abs(low) {
			break
		}
		step := (v - low + delta) / norm
		for i := range price {
			price[i] = math.Min(center[i]+box, math.Max(math.Max(0, center[i]-box), price[i]+step*dir[i]))
		}
		v = eval()
		if v < low+5e-4*math.Abs(low) {
			f.total++
			for _, i := range f.pick {
				if i >= 0 {
					f.count[i]++
				}
			}
		}
		switch {
		case v < low-0.3*delta:
			low, stall = v, 0
			copy(best, price)
		case v < low:
			low = v
			copy(best, price)
			stall++
		default:
			stall++
		}
		if stall >= max(12, steps/40) {
			delta, stall = delta/2, 0
			copy(price, best)
			clear(dir)
			v = eval()
		}
	}
	out := make([]float64, len(r.m.slots))
	for i, s := range r.scarce {
		out[s] = best[i]
	}
	return out, low
}

// parts runs f for every part of the classes on all workers.
func (r *region) parts(f func(part int)) {
	if len(r.pool) == 1 || len(r.cols) < 2000 {
		for part := range parts {
			f(part)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range r.pool {
		wg.Go(func() {
			for {
				part := int(next.Add(1)) - 1
				if part >= parts {
					return
				}
				f(part)
			}
		})
	}
	wg.Wait()
}

// take keeps the plan of a primal if it is the best so far.
func (r *region) take(p *primal) {
	if r.plan != nil && p.value <= r.value {
		return
	}
	r.value = p.value
	r.plan = append(r.plan[:0], p.at...)
}

// routes is the best plan in the order of the people.
func (r *region) routes() []found {
	out := make([]found, len(r.people))
	for t, i := range r.plan {
		if i >= 0 {
			x := &r.cols[r.class[t]][i]
			out[t] = found{slots: x.slots, value: x.value, feasible: true}
		}
	}
	return out
}
