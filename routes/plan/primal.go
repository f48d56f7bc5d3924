package plan

import (
	"math"
	"slices"
)

// primal is a plan in the making: one column a teacher, the seats kept.
type primal struct {
	r       *region
	at      []int32 // by person: index of the column; −1: none can be had
	left    []int   // by slot: seats free, where they are limited
	holders [][]holder
	where   [][]int32 // by person: where in the holders of each tight slot of their column they stand
	toll    []float64 // by slot: its price where no seat is free, else 0
	value   float64
	gate    []float64
	price   []float64 // what exchanges go by
	trail   []move    // of the exchange under way
	stamp   []int32
	turn    int32
	work    int       // steps of work on groups planned anew
	longest int       // chain of exchanges
	order   [][]int32 // by class: its columns by falling value
	top     []float64 // by class: the best priced value over its columns
}

// holder is a person on a slot: nth counts the slots of their column that are tight.
type holder struct{ person, nth int32 }

func (r *region) newPrimal() *primal {
	p := &primal{r: r, at: make([]int32, len(r.people)), left: make([]int, len(r.m.slots)), holders: make([][]holder, len(r.m.slots)), where: make([][]int32, len(r.people)), toll: make([]float64, len(r.m.slots)),
		price: make([]float64, len(r.m.slots)), gate: make([]float64, len(r.m.slots)), stamp: make([]int32, len(r.people)), top: make([]float64, len(r.rep))}
	if p.longest = 7; len(r.people) > 20000 {
		p.longest = 4
	}
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
		for i, s := range x.tight {
			if p.left[s]++; p.left[s] == 1 {
				p.toll[s] = 0
			}
			h := p.holders[s]
			at, last := p.where[t][i], h[len(h)-1]
			h[at] = last
			p.where[last.person][last.nth] = at
			p.holders[s] = h[:len(h)-1]
		}
	}
	p.at[t] = to
	if x := p.col(t); x != nil {
		p.value += x.value
		p.where[t] = p.where[t][:0]
		for i, s := range x.tight {
			if p.left[s]--; p.left[s] == 0 {
				p.toll[s] = p.price[s]
			}
			p.where[t] = append(p.where[t], int32(len(p.holders[s])))
			p.holders[s] = append(p.holders[s], holder{int32(t), int32(i)})
		}
	}
}

func (p *primal) fits(x *column) bool {
	for _, s := range x.tight {
		if p.left[s] <= 0 {
			return false
		}
	}
	return true
}

// clear takes everybody's column away.
func (p *primal) clear() {
	p.value = 0
	for t := range p.at {
		p.at[t] = -1
	}
	for s := range p.left {
		p.left[s] = p.r.m.slots[s].seats
		p.holders[s] = p.holders[s][:0]
	}
	p.charge(p.price)
}

// charge sets the prices that exchanges go by.
func (p *primal) charge(price []float64) {
	copy(p.price, price)
	for s := range p.toll {
		p.toll[s] = 0
		if p.r.tight[s] && p.left[s] <= 0 {
			p.toll[s] = price[s]
		}
	}
}

// build puts a plan together under prices: those with demands first, then whoever would lose most without their best
// column, each taking the best priced column that still fits; then it improves the plan by exchanges.
func (p *primal) build(price []float64, fractional, rough bool) {
	r := p.r
	p.clear()
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
		for at := f.from[c]; at < f.from[c+1]; at++ {
			if f.id[at] == int32(i) {
				return f.count[at]
			}
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
	late := 0 // how many whom the time was too short for may still have a quick route, once it is out
	if r.hurry(0.5) {
		late = 10_000
	}
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
		if late > 0 && pick >= 0 && len(r.cols[c][pick].slots) == 0 {
			if r.opt.Expired() {
				late--
			}
			p.gates()
			pick = r.keep(int(c), r.pool[0].solve(&r.people[t], p.gate, nil, 1).slots)
		}
		if pick < 0 && best[c] >= 0 || pick >= 0 && r.forgone(int(c), &r.cols[c][pick]) { // demands: only an exact search can tell
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
