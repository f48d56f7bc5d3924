package plan

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

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
		if u := int(h[rnd.IntN(len(h))].person); len(group) < most && !slices.Contains(group, u) {
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
