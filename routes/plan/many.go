package plan

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Many teachers, shared seats.
//
// Seats are relaxed with a price λ_s ≥ 0 on each scarce session: then every teacher is a problem of their own, solved
// exactly, and Σ_t best_t(λ) + Σ_s λ_s · seats_s bounds every plan from above (Lagrangian duality). Prices move by
// a deflected subgradient with Polyak's length. A plan that keeps the seats is made of the priced routes: who would
// lose most by giving way goes first, the others are solved again with the full sessions closed; then teachers are
// improved one by one and by making room (a holder with little to lose gives way). The iteration budget is fixed
// by the size of the problem, so that the same input gives the same bytes.
type region struct {
	m      *model
	tasks  []*task
	opt    Options
	routes []found // the best plan
	value  float64 // of the best plan
	bound  float64

	scarce  []int32
	price   []float64
	star    []float64 // the prices of the best bound
	relaxed []found   // the routes under star
	pool    []*searcher
	last    [][]choice // warm starts
}

func newRegion(m *model, tasks []*task, opt Options) *region {
	r := &region{m: m, tasks: tasks, opt: opt, value: math.Inf(-1), bound: math.Inf(1)}
	for range opt.Workers {
		r.pool = append(r.pool, newSearcher(m))
	}
	r.price = make([]float64, len(m.slots))
	r.last = make([][]choice, len(tasks))
	demand := make([]int, len(m.slots))
	for _, k := range tasks {
		for i := range k.items {
			for _, o := range k.items[i].opts {
				demand[o]++
			}
		}
	}
	for s := range m.slots {
		if n := m.slots[s].seats; n >= 0 && demand[s] > n {
			r.scarce = append(r.scarce, int32(s))
		}
	}
	return r
}

// each runs f for every teacher on all workers; f writes only to what belongs to its teacher.
func (r *region) each(f func(s *searcher, t int)) {
	if len(r.tasks) < 8 || len(r.pool) == 1 {
		for t := range r.tasks {
			f(r.pool[0], t)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, s := range r.pool {
		wg.Go(func() {
			for {
				from := int(next.Add(16)) - 16
				if from >= len(r.tasks) {
					return
				}
				for t := from; t < min(from+16, len(r.tasks)); t++ {
					f(s, t)
				}
			}
		})
	}
	wg.Wait()
}

func (r *region) solveAll(price []float64) []found {
	out := make([]found, len(r.tasks))
	r.each(func(s *searcher, t int) {
		out[t] = s.solve(r.tasks[t], price, r.last[t], r.opt.Nodes)
		r.last[t] = out[t].choices
	})
	return out
}

func (r *region) iterations() int {
	switch n := len(r.tasks); {
	case n <= 100:
		return 300
	case n <= 1000:
		return 160
	case n <= 20000:
		return 45
	default:
		return 25
	}
}

func (r *region) run() {
	sol := r.solveAll(nil)
	use := make([]int, len(r.m.slots))
	bound := 0.0
	for t := range sol {
		if sol[t].feasible {
			bound += sol[t].bound
		}
		for _, c := range sol[t].choices {
			use[c.slot]++
		}
	}
	r.bound, r.relaxed = bound, sol
	r.star = slices.Clone(r.price)
	over := false
	for _, s := range r.scarce {
		over = over || use[s] > r.m.slots[s].seats
	}
	if !over {
		r.routes = sol
		r.opt.Progress(1)
		return
	}
	r.take(r.repair(sol, r.price))
	r.prices(use)
	r.take(r.repair(r.relaxed, r.star))
	if !r.enough(r.value) {
		r.eject()
	}
	r.opt.Progress(1)
}

// enough tells whether a plan of that value is as close to the bound as was asked for.
func (r *region) enough(value float64) bool {
	return r.bound-value <= math.Max(r.opt.Enough, 1e-9)*math.Max(1e-9, math.Abs(value))
}

// take keeps a plan if it is the best so far.
func (r *region) take(plan []found) {
	v := 0.0
	for t := range plan {
		if plan[t].feasible {
			v += plan[t].value
		}
	}
	if v > r.value {
		r.value, r.routes = v, plan
	}
}

// prices moves the prices and keeps the best bound, its prices and its routes.
func (r *region) prices(use []int) {
	dir := make([]float64, len(r.m.slots))
	length, stall := 1.0, 0
	n := r.iterations()
	level := r.bound
	for it := 0; (it < n || r.opt.Endless) && !r.opt.Expired(); it++ {
		if length < 1e-4 || r.enough(r.value) {
			return
		}
		norm := 0.0
		for _, s := range r.scarce {
			g := float64(use[s] - r.m.slots[s].seats)
			if r.price[s] <= 0 && g < 0 {
				g = 0
			}
			dir[s] = 0.65*g + 0.35*dir[s]
			if r.price[s] <= 0 && dir[s] < 0 {
				dir[s] = 0
			}
			norm += dir[s] * dir[s]
		}
		if norm < 1e-18 {
			return
		}
		step := length * math.Max(level-r.value, 1e-4*math.Abs(r.value)) / norm
		for _, s := range r.scarce {
			r.price[s] = math.Max(0, r.price[s]+step*dir[s])
		}
		sol := r.solveAll(r.price)
		level = 0
		clear(use)
		for t := range sol {
			if sol[t].feasible {
				level += sol[t].bound
			}
			for _, c := range sol[t].choices {
				use[c.slot]++
			}
		}
		for _, s := range r.scarce {
			level += r.price[s] * float64(r.m.slots[s].seats)
		}
		if level < r.bound {
			if level > r.bound-1e-4*math.Abs(r.bound) {
				stall++
			} else {
				stall = 0
			}
			r.bound, r.relaxed = level, sol
			copy(r.star, r.price)
		} else {
			stall++
		}
		if stall >= 4 {
			length, stall = length*0.7, 0
		}
		if it == 2 || it == 5 || it%12 == 11 {
			r.take(r.repair(r.relaxed, r.star))
		}
		r.opt.Progress(float64(it+1) / float64(n) * 0.8)
	}
}

// seats counts what a plan leaves of the scarce sessions.
type seats struct {
	left  []int
	gate  []float64 // by slot: 0 open, +Inf full
	m     *model
	tight []bool
}

func (r *region) newSeats() *seats {
	q := &seats{m: r.m, left: make([]int, len(r.m.slots)), gate: make([]float64, len(r.m.slots)), tight: make([]bool, len(r.m.slots))}
	for _, s := range r.scarce {
		q.tight[s] = true
		q.left[s] = r.m.slots[s].seats
		q.mark(s)
	}
	return q
}

func (q *seats) mark(s int32) {
	q.gate[s] = 0
	if q.left[s] <= 0 {
		q.gate[s] = math.Inf(1)
	}
}

func (q *seats) move(set []choice, by int) {
	for _, c := range set {
		if q.tight[c.slot] {
			q.left[c.slot] += by
			q.mark(c.slot)
		}
	}
}

func (q *seats) room(set []choice) bool {
	for _, c := range set {
		if q.tight[c.slot] && q.left[c.slot] <= 0 {
			return false
		}
	}
	return true
}

// repair makes a plan that keeps the seats out of routes found under prices, then improves it teacher by teacher.
// Values in the plan are true ones, without prices.
func (r *region) repair(sol []found, price []float64) []found {
	plan := make([]found, len(sol))
	q := r.newSeats()
	use := make([]int, len(r.m.slots))
	for t := range sol {
		for _, c := range sol[t].choices {
			use[c.slot]++
		}
	}
	closed := slices.Clone(price)
	crowded := make([]bool, len(r.m.slots))
	for _, s := range r.scarce {
		if use[s] > r.m.slots[s].seats {
			closed[s] = math.Inf(1)
			crowded[s] = true
		}
	}
	// Teachers whose routes ask for a crowded session: what would they lose without it?
	loss := make([]float64, len(sol))
	asking := make([]bool, len(sol))
	r.each(func(s *searcher, t int) {
		for _, c := range sol[t].choices {
			if crowded[c.slot] {
				f := s.solve(r.tasks[t], closed, nil, r.opt.Nodes)
				asking[t], loss[t] = true, math.Inf(1)
				if f.feasible {
					loss[t] = r.tasks[t].value(sol[t].choices, price) - f.value
				}
				return
			}
		}
	})
	var asks []int
	for t := range sol {
		if !asking[t] {
			plan[t] = found{choices: sol[t].choices, feasible: sol[t].feasible}
			q.move(sol[t].choices, -1)
			continue
		}
		asks = append(asks, t)
	}
	slices.SortStableFunc(asks, func(a, b int) int {
		switch {
		case loss[a] > loss[b]:
			return -1
		case loss[a] < loss[b]:
			return 1
		}
		return a - b
	})
	s := r.pool[0]
	mixed := make([]float64, len(price))
	for _, t := range asks {
		if q.room(sol[t].choices) {
			plan[t] = found{choices: sol[t].choices, feasible: true}
		} else {
			for i := range mixed {
				mixed[i] = price[i] + q.gate[i]
			}
			plan[t] = s.solve(r.tasks[t], mixed, nil, r.opt.Nodes)
		}
		q.move(plan[t].choices, -1)
	}
	for t := range plan {
		if plan[t].feasible {
			plan[t].value = r.tasks[t].value(plan[t].choices, nil)
		}
	}
	r.polish(plan, q, asks)
	return plan
}

// polish solves teachers again one by one among the seats that are free, first those who gave way.
func (r *region) polish(plan []found, q *seats, first []int) {
	s := r.pool[0]
	order := slices.Clone(first)
	seen := make([]bool, len(plan))
	for _, t := range first {
		seen[t] = true
	}
	for t := range plan {
		if !seen[t] {
			order = append(order, t)
		}
	}
	for range 3 {
		better := false
		for _, t := range order {
			if r.betterAlone(s, plan, q, t) {
				better = true
			}
		}
		if !better || r.opt.Expired() {
			return
		}
	}
}

// betterAlone gives one teacher the best route among the free seats.
func (r *region) betterAlone(s *searcher, plan []found, q *seats, t int) bool {
	q.move(plan[t].choices, 1)
	f := s.solve(r.tasks[t], q.gate, plan[t].choices, r.opt.Nodes)
	up := f.feasible && (!plan[t].feasible || f.value > plan[t].value+1e-9)
	if up {
		plan[t] = f
	}
	q.move(plan[t].choices, -1)
	return up
}

// eject improves the best plan by making room: a teacher takes the route that the prices advise, and for each full
// session in it the holder with least to lose gives way.
func (r *region) eject() {
	plan := slices.Clone(r.routes)
	q := r.newSeats()
	holders := make([][]int, len(r.m.slots))
	for t := range plan {
		q.move(plan[t].choices, -1)
		for _, c := range plan[t].choices {
			if q.tight[c.slot] {
				holders[c.slot] = append(holders[c.slot], t)
			}
		}
	}
	s := r.pool[0]
	budget := 30_000 + 4*len(plan)
	type key struct {
		t    int
		slot int32
	}
	type memo struct {
		loss float64
		age  int
	}
	cache := map[key]memo{}
	age := make([]int, len(plan))
	mixed := make([]float64, len(r.price))
	put := func(t int, f found) {
		for _, c := range plan[t].choices {
			if q.tight[c.slot] {
				h := holders[c.slot]
				i := slices.Index(h, t)
				holders[c.slot] = slices.Delete(h, i, i+1)
			}
		}
		q.move(plan[t].choices, 1)
		plan[t] = f
		q.move(f.choices, -1)
		for _, c := range f.choices {
			if q.tight[c.slot] {
				holders[c.slot] = append(holders[c.slot], t)
			}
		}
		age[t]++
	}
	without := func(t int, slot int32) found {
		budget--
		q.move(plan[t].choices, 1)
		keep := q.gate[slot]
		q.gate[slot] = math.Inf(1)
		f := s.solve(r.tasks[t], q.gate, nil, r.opt.Nodes)
		q.gate[slot] = keep
		q.move(plan[t].choices, -1)
		return f
	}
	total := 0.0
	for t := range plan {
		total += plan[t].value
	}
	short := func(t int) float64 {
		return r.relaxed[t].value - r.tasks[t].value(plan[t].choices, r.star)
	}
	for pass := 0; budget > 0 && !r.opt.Expired(); pass++ {
		var order []int
		gapOf := make([]float64, len(plan))
		for t := range plan {
			if gapOf[t] = short(t); gapOf[t] > 1e-9 && plan[t].feasible {
				order = append(order, t)
			}
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case gapOf[a] > gapOf[b]:
				return -1
			case gapOf[a] < gapOf[b]:
				return 1
			}
			return a - b
		})
		improved := false
		for _, t := range order {
			if budget <= 0 || r.opt.Expired() || r.enough(total) {
				break
			}
			// The route advised: prices on full sessions, nothing on the others.
			q.move(plan[t].choices, 1)
			for i := range mixed {
				mixed[i] = 0
				if q.gate[i] > 0 {
					mixed[i] = r.star[i]
					if r.m.slots[i].seats == 0 {
						mixed[i] = math.Inf(1)
					}
				}
			}
			q.move(plan[t].choices, -1)
			budget--
			want := s.solve(r.tasks[t], mixed, nil, r.opt.Nodes)
			if !want.feasible {
				continue
			}
			want.value = r.tasks[t].value(want.choices, nil)
			gain := want.value - plan[t].value
			if gain <= 1e-9 {
				continue
			}
			old := map[int]found{t: plan[t]}
			put(t, want)
			delta := gain
			ok := true
			for _, c := range want.choices {
				if !ok || !q.tight[c.slot] || q.left[c.slot] >= 0 {
					continue
				}
				who, least := -1, math.Inf(1)
				for _, b := range holders[c.slot] {
					if _, done := old[b]; done {
						continue
					}
					m, hit := cache[key{b, c.slot}]
					if !hit || m.age != age[b] {
						if budget <= 0 {
							break
						}
						f := without(b, c.slot)
						m = memo{math.Inf(1), age[b]}
						if f.feasible {
							m.loss = plan[b].value - f.value
						}
						cache[key{b, c.slot}] = m
					}
					if m.loss < least || m.loss == least && b < who {
						who, least = b, m.loss
					}
				}
				if who < 0 || delta-least <= 1e-9 {
					ok = false
					break
				}
				f := without(who, c.slot)
				if !f.feasible {
					ok = false
					break
				}
				f.value = r.tasks[who].value(f.choices, nil)
				delta -= plan[who].value - f.value
				old[who] = plan[who]
				put(who, f)
			}
			if !ok || delta <= 1e-9 {
				for _, b := range slices.Sorted(keysOf(old)) {
					put(b, old[b])
				}
				continue
			}
			total += delta
			improved = true
		}
		if !improved || r.enough(total) {
			break
		}
		r.polish(plan, q, order)
		holders = make([][]int, len(r.m.slots))
		for t := range plan {
			age[t]++
			for _, c := range plan[t].choices {
				if q.tight[c.slot] {
					holders[c.slot] = append(holders[c.slot], t)
				}
			}
		}
	}
	r.take(plan)
}

func keysOf[V any](m map[int]V) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
