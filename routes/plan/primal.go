package plan

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// primal is a plan in the making: one column a teacher, the seats kept.
type primal struct {
	r       *region
	at      []int32 // by person: index of the column; −1: none can be had
	left    []int   // by slot: seats free, where they are limited
	holders [][]int32
	value   float64
	gate    []float64
	trail   []move // of the exchange under way
	stamp   []int32
	turn    int32
	order   [][]int32 // by class: its columns by falling value
	top     []float64 // by class: the best priced value over its columns
}

// move is one step of an exchange: a person and the column left.
type move struct {
	person int32
	was    int32
}

func (r *region) newPrimal() *primal {
	p := &primal{r: r, at: make([]int32, len(r.people)), left: make([]int, len(r.m.slots)), holders: make([][]int32, len(r.m.slots)),
		gate: make([]float64, len(r.m.slots)), stamp: make([]int32, len(r.people)), top: make([]float64, len(r.rep))}
	return p
}

func (p *primal) col(t int) *column {
	if p.at[t] < 0 {
		return nil
	}
	return &p.r.cols[p.r.class[t]][p.at[t]]
}

// set moves a person to a column (−1: none); seats may run below zero in the middle of an exchange.
func (p *primal) set(t int, to int32) {
	if x := p.col(t); x != nil {
		p.value -= x.value
		for _, s := range x.slots {
			if p.r.tight[s] {
				p.left[s]++
				h := p.holders[s]
				i := slices.Index(h, int32(t))
				h[i] = h[len(h)-1]
				p.holders[s] = h[:len(h)-1]
			}
		}
	}
	p.at[t] = to
	if x := p.col(t); x != nil {
		p.value += x.value
		for _, s := range x.slots {
			if p.r.tight[s] {
				p.left[s]--
				p.holders[s] = append(p.holders[s], int32(t))
			}
		}
	}
}

func (p *primal) fits(x *column) bool {
	for _, s := range x.slots {
		if p.r.tight[s] && p.left[s] <= 0 {
			return false
		}
	}
	return true
}

// build puts a plan together under prices: those with demands first, then whoever would lose most without their best
// column, each taking the best priced column that still fits; then it improves the plan by exchanges.
func (p *primal) build(price []float64, fractional, rough bool) {
	r := p.r
	p.value = 0
	for t := range p.at {
		p.at[t] = -1
	}
	for s := range p.left {
		p.left[s] = r.m.slots[s].seats
		p.holders[s] = p.holders[s][:0]
	}
	use := make([]float64, len(r.m.slots))
	best := make([]int, len(r.cols))
	for c := range r.cols {
		best[c], p.top[c] = r.top(c, price)
		if best[c] >= 0 {
			for _, s := range r.cols[c][best[c]].slots {
				use[s] += r.size[c]
			}
		}
	}
	regret := make([]float64, len(r.cols))
	for c := range r.cols {
		if best[c] < 0 {
			continue
		}
		second := math.Inf(-1)
		crowded := false
		for i := range r.cols[c] {
			x := &r.cols[c][i]
			calm := true
			for _, s := range x.slots {
				calm = calm && (!r.tight[s] || use[s] <= float64(r.m.slots[s].seats))
			}
			crowded = crowded || i == best[c] && !calm
			if calm {
				second = math.Max(second, x.priced(price))
			}
		}
		regret[c] = math.Inf(1)
		if crowded {
			regret[c] = p.top[c] - second
		}
		if len(r.people[r.rep[c]].musts) > 0 {
			regret[c] = math.Inf(1)
		}
	}
	// Where a fractional plan is known, whoever it is sure about goes first and takes the column it gives them.
	f := &r.flat
	share := func(c int32, i int) float64 {
		if at := int(f.from[c]) + i; at < int(f.from[c+1]) {
			return f.count[at]
		}
		return 0
	}
	if fractional {
		for c := range r.cols {
			top, sum := 0.0, 0.0
			for i := range r.cols[c] {
				x := share(int32(c), i)
				top, sum = math.Max(top, x), sum+x
			}
			if !math.IsInf(regret[c], 1) || len(r.people[r.rep[c]].musts) == 0 {
				regret[c] = top / math.Max(sum, 1)
			}
		}
	}
	order := make([]int, 0, len(p.at))
	for t := range p.at {
		order = append(order, t)
	}
	must := func(t int) bool { return len(r.people[t].musts) > 0 }
	slices.SortStableFunc(order, func(a, b int) int {
		if must(a) != must(b) {
			if must(a) {
				return -1
			}
			return 1
		}
		x, y := regret[r.class[a]], regret[r.class[b]]
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return a - b
	})
	for _, t := range order {
		c := r.class[t]
		pick, top := -1, math.Inf(-1)
		for i := range r.cols[c] {
			if x := &r.cols[c][i]; p.fits(x) {
				v := x.priced(price)
				if fractional {
					v += 0.05 * share(c, i) / math.Max(1, f.total)
				}
				if v > top {
					pick, top = i, v
				}
			}
		}
		if pick < 0 && best[c] >= 0 { // demands: only an exact search can tell
			p.gates()
			if f := r.pool[0].solve(&r.people[t], p.gate, nil, r.nodeLimit()); f.feasible {
				pick = r.keep(int(c), f.slots)
			}
		}
		if pick >= 0 {
			p.set(t, int32(pick))
		}
	}
	if !rough {
		p.improve(price)
	}
}

// restore goes back to the best plan.
func (p *primal) restore() {
	for t, i := range p.r.plan {
		if p.at[t] != i {
			p.set(t, i)
		}
	}
}

func (p *primal) gates() {
	for s := range p.gate {
		p.gate[s] = 0
		if p.r.tight[s] && p.left[s] <= 0 {
			p.gate[s] = math.Inf(1)
		}
	}
}

// short is how far a person is under the best priced value of their columns: what the exchanges try to win back.
func (p *primal) short(t int, price []float64) float64 {
	x := p.col(t)
	if x == nil {
		return math.Inf(1)
	}
	return p.top[p.r.class[t]] - x.priced(price)
}

// improve makes exchanges over the columns kept until a pass over all teachers finds none.
func (p *primal) improve(price []float64) {
	r := p.r
	for c := range r.cols {
		_, p.top[c] = r.top(c, price)
	}
	if len(p.order) != len(r.cols) {
		p.order = make([][]int32, len(r.cols))
	}
	for c := range r.cols {
		o := p.order[c][:0]
		for i := range r.cols[c] {
			o = append(o, int32(i))
		}
		slices.SortStableFunc(o, func(a, b int32) int { return cmp.Compare(r.cols[c][b].value, r.cols[c][a].value) })
		p.order[c] = o
	}
	for range 12 {
		before, moved := p.value, false
		for _, t := range p.worst(price, 1e-9) {
			if r.opt.Expired() {
				return
			}
			if p.better(t, price) {
				moved = true
			}
		}
		if !moved || len(p.at) > 1000 && p.value-before < 2e-5*math.Abs(before) {
			return
		}
	}
}

// worst lists persons short of their best by more than least, the shortest first.
func (p *primal) worst(price []float64, least float64) []int {
	var order []int
	gap := make([]float64, len(p.at))
	for t := range p.at {
		if len(p.r.cols[p.r.class[t]]) == 0 {
			continue
		}
		if gap[t] = p.short(t, price); gap[t] > least {
			order = append(order, t)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case gap[a] > gap[b]:
			return -1
		case gap[a] < gap[b]:
			return 1
		}
		return a - b
	})
	return order
}

// better tries the columns of a person, the best priced first, each with a chain of exchanges, and keeps the first
// that raises the value of the plan.
func (p *primal) better(t int, price []float64) bool {
	r := p.r
	c := r.class[t]
	here := math.Inf(-1)
	if x := p.col(t); x != nil {
		here = x.priced(price)
	}
	type option struct {
		col   int32
		value float64
	}
	var buf [8]option
	list, most := buf[:0], len(buf)
	if len(p.at) > 20000 {
		most = 3
	}
	for i := range r.cols[c] {
		x := &r.cols[c][i]
		v := x.priced(price)
		if int32(i) == p.at[t] {
			continue
		}
		// Seats nobody wants cost nothing.
		free := 0.0
		for _, s := range x.slots {
			if p.left[s] > 0 {
				free += price[s]
			}
		}
		if v += free; v <= here+1e-9 {
			continue
		}
		at := len(list)
		for at > 0 && list[at-1].value < v {
			at--
		}
		if at < most {
			if len(list) == most {
				list = list[:len(list)-1]
			}
			list = slices.Insert(list, at, option{int32(i), v})
		}
	}
	for _, o := range list {
		before := p.value
		p.turn++
		p.trail = p.trail[:0]
		p.step(t, o.col)
		if p.settle(price, 0) && p.value > before+1e-9 {
			return true
		}
		for i := len(p.trail) - 1; i >= 0; i-- {
			p.set(int(p.trail[i].person), p.trail[i].was)
		}
	}
	return false
}

func (p *primal) step(t int, to int32) {
	p.trail = append(p.trail, move{int32(t), p.at[t]})
	p.stamp[t] = p.turn
	p.set(t, to)
}

// settle finds holders who give up the seats that the exchange has overdrawn, those with least to lose first; where
// they go may overdraw other seats at the price of these. It is false when the chain grows too long.
func (p *primal) settle(price []float64, depth int) bool {
	r := p.r
	for {
		over := int32(-1)
		for i := len(p.trail) - 1; i >= 0 && over < 0; i-- {
			if x := p.col(int(p.trail[i].person)); x != nil {
				for _, s := range x.slots {
					if r.tight[s] && p.left[s] < 0 {
						over = s
						break
					}
				}
			}
		}
		if over < 0 {
			return true
		}
		if len(p.trail) >= 7 || len(p.at) > 20000 && len(p.trail) >= 4 {
			return false
		}
		who, to, least := -1, int32(-1), math.Inf(1)
		// Of very many holders a part is asked, another one each time: among so many there is always one with little to
		// lose, and the work stays in proportion to the teachers.
		holders := p.holders[over]
		first, asked := 0, len(holders)
		if asked > 120 {
			first, asked = int(uint32(p.turn)*2654435761%uint32(len(holders))), 120
		}
		for i := range asked {
			t := int(holders[(first+i)%len(holders)])
			if p.stamp[t] == p.turn {
				continue
			}
			x := p.col(t)
			c := r.class[t]
			for _, i := range p.order[c] {
				y := &r.cols[c][i]
				loss := x.value - y.value
				if loss >= least && !(loss == least && who > t) {
					break // the others are worth no more
				}
				ok := true
				for _, s := range y.slots {
					if s == over {
						ok = false
						break
					}
					if r.tight[s] && p.left[s] <= 0 && !slices.Contains(x.slots, s) {
						loss += price[s]
					}
				}
				if ok && (loss < least || loss == least && t < who) {
					who, to, least = t, i, loss
				}
			}
		}
		if who < 0 {
			return false
		}
		p.step(who, to)
	}
}

// effort is how hard a plan is worked on once the prices stand.
type effort struct {
	rounds int // of polish
	most   int // columns near the best a class gets in a round
	draws  int // groups planned together in a round
}

func (r *region) effort() effort {
	switch n := len(r.people); {
	case n <= 300:
		return effort{4, 150, 3000}
	case n <= 1000:
		return effort{4, 60, 4000}
	case n <= 5000:
		return effort{2, 16, 2 * n}
	case n <= 20000:
		return effort{2, 24, 2 * n}
	case n <= 60000:
		return effort{1, 8, n / 4}
	default:
		return effort{1, 5, 0}
	}
}

// polish widens the choice under the best prices and improves again, by exchanges, by the exact best route among free
// seats for each who is short of their best, and by planning small groups of rivals for the same seats together.
func (p *primal) polish() {
	r := p.r
	rounds := r.effort().rounds
	mixed := make([]float64, len(r.star))
	for round := 0; round < rounds && !r.done(); round++ {
		if round == 0 && len(p.at) <= 1000 {
			r.widen()
		}
		r.near()
		p.improve(r.star)
		r.take(p)
		if round == 0 && len(p.at) <= 20000 {
			_, _, steps := r.budget()
			r.descend(steps)
			p.build(r.star, true, false)
			r.take(p)
			p.restore()
		}
		for _, t := range p.worst(r.star, 1e-6) {
			if r.opt.Expired() {
				break
			}
			was := p.at[t]
			p.set(t, -1)
			p.gates()
			c := int(r.class[t])
			var warm []int32
			if was >= 0 {
				warm = r.cols[c][was].slots
			}
			f := r.pool[0].solve(&r.people[t], p.gate, warm, r.nodeLimit())
			// And the route that the prices of full sessions advise, for the exchanges to try.
			for s := range mixed {
				mixed[s] = 0
				if p.gate[s] > 0 {
					mixed[s] = r.star[s]
				}
			}
			if g := r.pool[0].solve(&r.people[t], mixed, nil, r.nodeLimit()); g.feasible {
				r.keep(c, g.slots)
			}
			if f.feasible && (was < 0 || f.value > r.cols[c][was].value+1e-9) {
				was = int32(r.keep(c, f.slots))
			}
			p.set(t, was)
		}
		p.improve(r.star)
		r.take(p)
		if r.effort().draws > 0 && !r.done() {
			p.together(r.star, uint64(round))
			r.take(p)
		}
		r.opt.Progress(0.6 + 0.4*float64(round+1)/float64(rounds))
	}
}

// near gives every class all routes that a better plan could hold, as far as they are few: in a plan better than the
// best known nobody is further under their best priced value than the whole gap.
func (r *region) near() {
	gap := r.bound - r.value
	most := r.effort().most
	r.each(func(s *searcher, c int) {
		i, top := r.top(c, r.star)
		if i < 0 {
			return
		}
		reach := math.Max(gap/16/math.Max(1, float64(len(r.people))/100), 1e-9)
		for {
			list, all := s.near(&r.people[r.rep[c]], r.star, top-reach, most, 4000)
			for _, x := range list {
				r.keep(c, x)
			}
			if !all || len(list) >= most/2 || reach >= gap {
				return
			}
			reach *= 2
		}
	})
}

// together plans small groups of teachers anew at once: one who is short of their best, those who hold the seats of
// their best columns, and others who want them. The groups are drawn by a fixed seed.
func (p *primal) together(price []float64, seed uint64) {
	r := p.r
	rnd := rand.New(rand.NewPCG(seed, uint64(len(p.at))))
	for c := range r.cols {
		_, p.top[c] = r.top(c, price)
	}
	lists := make([][]int32, len(r.cols)) // columns by falling priced value
	for c := range r.cols {
		for i := range r.cols[c] {
			lists[c] = append(lists[c], int32(i))
		}
		slices.SortStableFunc(lists[c], func(a, b int32) int {
			return cmp.Compare(r.cols[c][b].priced(price), r.cols[c][a].priced(price))
		})
		lists[c] = lists[c][:min(len(lists[c]), 40)]
	}
	budget := r.effort().draws
	for budget > 0 && !r.done() {
		improved := false
		for _, t := range p.worst(price, 1e-7) {
			if budget--; budget < 0 || r.opt.Expired() {
				break
			}
			if p.short(t, price) > 1e-7 && p.joint(p.rivals(t, lists, rnd), lists, price) {
				improved = true
			}
		}
		if !improved {
			if len(p.at) > 1000 {
				return
			}
			budget -= 100
		}
	}
}

// rivals gathers a group around a person: holders of the seats in their best columns, drawn at random.
func (p *primal) rivals(t int, lists [][]int32, rnd *rand.Rand) []int {
	const most = 8
	r := p.r
	group := []int{t}
	c := r.class[t]
	var wanted []int32
	for _, i := range lists[c][:min(4, len(lists[c]))] {
		for _, s := range r.cols[c][i].slots {
			if r.tight[s] && len(p.holders[s]) > 0 && !slices.Contains(wanted, s) {
				wanted = append(wanted, s)
			}
		}
	}
	if len(wanted) == 0 {
		return group
	}
	for range 3 * most {
		h := p.holders[wanted[rnd.IntN(len(wanted))]]
		if u := int(h[rnd.IntN(len(h))]); len(group) < most && !slices.Contains(group, u) {
			group = append(group, u)
		}
	}
	return group
}

// joint finds the best columns of a group together, the others staying where they are, by depth first search bounded
// by priced values; it tells whether that raised the value of the plan.
func (p *primal) joint(group []int, lists [][]int32, price []float64) bool {
	r := p.r
	before := 0.0
	old := make([]int32, len(group))
	for i, t := range group {
		if old[i] = p.at[t]; old[i] < 0 {
			return false
		}
		before += p.col(t).value
	}
	for _, t := range group {
		p.set(t, -1)
	}
	// A set of columns that keeps the seats is worth its priced values and at most the price of the seats at hand.
	slack := 0.0
	var seen []int32
	for _, t := range group {
		for _, i := range lists[r.class[t]] {
			for _, s := range r.cols[r.class[t]][i].slots {
				if price[s] > 0 && !slices.Contains(seen, s) {
					seen = append(seen, s)
					slack += price[s] * float64(p.left[s])
				}
			}
		}
	}
	rest := make([]float64, len(group)+1)
	for i := len(group) - 1; i >= 0; i-- {
		rest[i] = rest[i+1] + p.top[r.class[group[i]]]
	}
	best, found := before+1e-9, false
	pick, top := make([]int32, len(group)), slices.Clone(old)
	count := 0
	var walk func(i int, priced, value float64)
	walk = func(i int, priced, value float64) {
		if i == len(group) {
			if value > best {
				best, found = value, true
				copy(top, pick)
			}
			return
		}
		c := r.class[group[i]]
		for _, j := range lists[c] {
			x := &r.cols[c][j]
			v := priced + x.priced(price)
			if v+rest[i+1]+slack <= best {
				return
			}
			if count++; count > 4000 {
				return
			}
			if !p.fits(x) {
				continue
			}
			for _, s := range x.slots {
				p.left[s]--
			}
			pick[i] = j
			walk(i+1, v, value+x.value)
			for _, s := range x.slots {
				p.left[s]++
			}
		}
	}
	walk(0, 0, 0)
	for i, t := range group {
		p.set(t, top[i])
	}
	return found
}

// widen gives every class the best routes under the best prices without one of the tight sessions of its best route.
func (r *region) widen() {
	r.each(func(s *searcher, c int) {
		i, _ := r.top(c, r.star)
		if i < 0 {
			return
		}
		price := slices.Clone(r.star)
		for _, o := range r.cols[c][i].slots {
			if !r.tight[o] || r.star[o] <= 0 {
				continue
			}
			keep := price[o]
			price[o] = math.Inf(1)
			if f := s.solve(&r.people[r.rep[c]], price, nil, r.nodeLimit()); f.feasible {
				r.keep(c, f.slots)
			}
			price[o] = keep
		}
	})
}
