package plan

import (
	"math"
	"slices"
)

// evaluate solves every class exactly under prices, keeps the routes as columns and returns L(price) with the demand
// for each slot. Classes whose demands cannot be met have no columns and count nothing. When time is up, classes
// without demands are passed over and bounded by all that they lack.
func (r *region) evaluate(price []float64, use []int) float64 {
	up := make([]float64, len(r.rep))
	pick := make([]int32, len(r.rep))
	late := make([]bool, len(r.rep))
	r.each(false, func(s *searcher, c int) {
		q := &r.people[r.rep[c]]
		if late[c] = len(q.musts) == 0 && len(r.people) > 1 && r.hurry(0.3); late[c] {
			for _, w := range q.weights {
				up[c] += w
			}
			up[c] += q.bonus * float64(len(q.kept))
			pick[c] = int32(r.keep(c, nil))
			return
		}
		var warm []int32
		if i, _ := r.top(c, price); i >= 0 {
			warm = r.cols[c][i].slots
		}
		limit := r.nodeLimit()
		if len(r.people) > 1 && r.hurry(0.7) { // one alone has all the time there is
			limit = hasty
		}
		f := s.solve(q, price, warm, limit)
		pick[c] = -1
		if f.feasible {
			up[c] = f.bound
			slots := f.slots
			if len(q.musts) > 0 {
				up[c] = math.Max(up[c], -r.forgo)
				if f.value < -r.forgo {
					slots = nil
				}
			}
			pick[c] = int32(r.keep(c, slots))
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
		return 9, 13, 1500
	case n <= 60000:
		return 7, 8, 1000
	default:
		return 7, 8, 800
	}
}

// sampled is how many teachers are too many to look for prices among all of them from the start.
const sampled = 4000

// sample finds prices among every k-th teacher with the same part of the seats; nil where that is not worth it. They
// are good enough to start from: with so many teachers a part of them is much like the whole.
func (r *region) sample() []float64 {
	n, most := len(r.people), sampled
	if r.opt.Endless { // somebody waits: rough prices first, of ever larger parts
		most = min(max(300, n/8), sampled)
	}
	if r.opt.Brief {
		most = 1000
	}
	if n <= most {
		return nil
	}
	step := (n + most/2 - 1) / (most / 2)
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
	opt.Expired = func() bool { return r.hurry(0.8) }
	opt.Progress = func(float64) {}
	few := newRegion(&m, part, opt)
	few.settlePrices(few.newPrimal())
	few.release()
	return few.star
}

// settlePrices looks for the best bound. It is false when nobody stands in anybody's way: then every teacher has their
// best route under the prices, which are zero.
func (r *region) settlePrices(p *primal) bool {
	use := make([]int, len(r.m.slots))
	start := r.sample()
	crowd, short := r.crowded()
	if start != nil {
		copy(r.star, start)
	} else {
		for _, s := range crowd { // a seat there is worth as much as a demand
			r.star[s] = r.forgo
		}
	}
	r.bound = r.evaluate(r.star, use)
	over := slices.ContainsFunc(r.star, func(v float64) bool { return v > 0 })
	for _, s := range r.scarce {
		over = over || use[s] > r.m.slots[s].seats
	}
	for c := range r.cols {
		if len(r.people[r.rep[c]].musts) == 0 || len(r.cols[c]) > 0 { // but for demands that nobody could meet
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
	r.wide = 0.35 * math.Max(0.01*r.forgo, (r.bound+r.forgo*float64(short))/float64(len(r.people)))
	r.box = r.wide
	if short > 0 {
		r.box, r.wide = 0.5*r.forgo, math.Max(r.wide, 2*r.forgo)
	}
	plain, rounds, _ := r.budget()
	if start != nil {
		r.box /= 8
		if rounds = min(rounds, 16); r.opt.Brief {
			rounds = 6
		}
	} else {
		r.walk(plain, use)
		p.build(r.star, false, many)
		r.take(p)
	}
	for it := 0; it < rounds && !r.done() && !r.hurry(0.5); it++ {
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

// walk takes plain subgradient steps of Polyak's length: the first columns and rough prices.
func (r *region) walk(n int, use []int) {
	price, dir := slices.Clone(r.star), make([]float64, len(r.star))
	level, length, stall := r.bound, 1.0, 0
	for it := 0; it < n && !r.done() && !r.hurry(0.6); it++ {
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
	for r.bound-model <= 2e-5*math.Abs(r.bound) {
		// Nothing to win in this box: perhaps further off.
		if r.box >= r.wide {
			return false
		}
		r.box *= 4
		price, model = r.descend(steps)
	}
	level := r.evaluate(price, use)
	if level < r.bound {
		if r.bound-level > 0.5*(r.bound-model) {
			r.box *= 3 // the columns promised what came true: they may be trusted further off
		}
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

// descend minimises L over the columns kept, inside the box around the best prices.
func (r *region) descend(steps int) ([]float64, float64) {
	f := &r.flat
	f.flatten(r)
	from := make([]float64, len(r.scarce))
	for i, s := range r.scarce {
		from[i] = r.star[s]
	}
	delta := math.Max(1e-4, math.Min(0.25*(r.bound-r.value)/math.Max(math.Abs(r.bound), 1e-9), 0.01))
	best, low := f.descend(from, steps, r.box, delta)
	out := make([]float64, len(r.m.slots))
	for i, s := range r.scarce {
		out[s] = best[i]
	}
	return out, low
}
