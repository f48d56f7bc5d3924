package plan

import (
	"math"
	"slices"
)

// effort is how hard a plan is worked on once the prices stand.
type effort struct {
	rounds int // of refinement
	most   int // columns near the best a class gets in a round
	draws  int // groups planned together in a round
	deals  int // of seats
	dives  int // plans made of the linear program over columns, where that is small
	anew   int // steps of work on groups of rivals planned anew by their linear programs
}

func (r *region) effort() effort {
	switch n := len(r.people); {
	case n <= 100:
		return effort{4, 150, 1000, 20, 3, 600_000_000}
	case n <= 300:
		return effort{4, 150, 1000, 30, 6, 600_000_000}
	case n <= 1000:
		return effort{4, 60, 4000, 12, 4, 600_000_000}
	case n <= 5000:
		return effort{1, 16, n, 16, 4, 0}
	case n <= 20000:
		return effort{0, 24, 0, 12, 4, 0}
	case n <= 60000:
		return effort{0, 8, 0, 10, 4, 0}
	default:
		return effort{0, 5, 0, 8, 4, 0}
	}
}

// polish widens the choice under the best prices and improves the plan again.
func (p *primal) polish() {
	r := p.r
	if len(p.at) <= 1000 {
		r.widen()
	}
	r.near()
	if r.effort().deals > 0 {
		p.redeal()
	}
	if len(p.at) <= 5000 {
		p.refine()
	}
}

// refine improves the plan of up to some thousands by exchanges, by the exact best route among free seats for each who
// is short of their best, and by planning small groups of rivals for the same seats together.
func (p *primal) refine() {
	r := p.r
	rounds := r.effort().rounds
	mixed := make([]float64, len(r.star))
	for round := 0; (r.opt.Endless && r.effort().anew == 0 || round < rounds) && !r.done(); round++ {
		if round > 0 {
			r.near()
		}
		p.improve(r.star)
		r.take(p)
		if round == 0 && len(p.at) <= 1000 {
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
		r.opt.Progress(0.8 + 0.2*min(1, float64(round+1)/float64(rounds)))
	}
}

// near gives every class all routes that a better plan could hold, as far as they are few: in a plan better than the
// best known nobody is further under their best priced value than the whole gap.
func (r *region) near() {
	gap := r.bound - math.Max(r.value, 0.97*r.bound)
	most := r.effort().most
	r.each(true, func(s *searcher, c int) {
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

// widen gives every class the best routes under the best prices without one of the tight sessions of its best route.
func (r *region) widen() {
	r.each(true, func(s *searcher, c int) {
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
