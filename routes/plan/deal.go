package plan

import (
	"math"
	"math/rand/v2"
	"slices"
)

// deal serves the persons who have nothing yet, in an order drawn by a fixed seed, a few at a time: each takes the
// column worth most under the prices at hand among those that fit, then prices are set anew for the persons and the
// seats that are left. Seats run out for nobody in particular that way, and the last are taken at what they are worth
// to the last (re-solving, as in online linear programming: Agrawal, Wang and Ye, 2014).
func (p *primal) deal(seed uint64) {
	const share, few, steps = 20, 3, 40 // one in so many at a time, at least so many; steps of prices in between
	r, f := p.r, &p.r.flat
	var todo []int32
	clear(f.weight)
	for t := range p.at {
		if p.at[t] < 0 {
			todo = append(todo, int32(t))
			f.weight[r.class[t]]++
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 11))
	rnd.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	slices.SortStableFunc(todo, func(a, b int32) int { return r.demanding(b) - r.demanding(a) })
	price, scarce := slices.Clone(r.star), make([]float64, len(r.scarce))
	for i, s := range r.scarce {
		scarce[i] = price[s]
	}
	for len(todo) > 0 {
		n := min(max(few, len(todo)/share), len(todo))
		for _, t := range todo[:n] {
			c := r.class[t]
			pick, top := -1, math.Inf(-1)
			for i := range r.cols[c] {
				if x := &r.cols[c][i]; p.fits(x) {
					if v := x.priced(price); v > top {
						pick, top = i, v
					}
				}
			}
			f.weight[c]--
			if pick >= 0 {
				p.set(int(t), int32(pick))
			}
		}
		if todo = todo[n:]; len(todo) == 0 || r.opt.Expired() {
			continue
		}
		for i, s := range r.scarce {
			f.seats[i] = float64(p.left[s])
		}
		scarce, _ = f.descend(scarce, steps, math.Inf(1), 1e-3)
		for i, s := range r.scarce {
			price[s] = scarce[i]
		}
	}
}

// demanding is 1 where a person's route has demands to keep, else 0.
func (r *region) demanding(t int32) int {
	if len(r.people[t].musts) > 0 {
		return 1
	}
	return 0
}

// redeal deals seats out among all, then again and again among a part: those furthest from their best and some drawn
// by chance. Exchanges follow each time, and the better plan stays.
func (p *primal) redeal() {
	const idle = 4 // rounds in a row without a better plan that end it
	r := p.r
	n := len(p.at)
	rounds := r.effort().deals
	r.flat.flatten(r)
	rnd := rand.New(rand.NewPCG(uint64(n), 5))
	for round, vain := 0, 0; (r.opt.Endless && n > 5000 || round < rounds && vain < idle) && !r.done(); round++ {
		if round == 0 {
			p.clear()
		} else {
			short := p.worst(r.star, 1e-4)
			for _, t := range short[:min(len(short)/2, max(n/30, 10))] {
				p.set(t, -1)
			}
			for t := range p.at {
				if p.at[t] >= 0 && rnd.IntN(10) == 0 {
					p.set(t, -1)
				}
			}
		}
		p.deal(uint64(round))
		p.improve(r.star)
		vain++
		if p.whole() && p.value > r.value {
			r.take(p)
			vain = 0
		} else {
			p.restore()
		}
		r.opt.Progress(0.6 + 0.2*min(1, float64(round+1)/float64(rounds)))
	}
}

// whole tells whether everybody has a route that the best plan has one for.
func (p *primal) whole() bool {
	for t, i := range p.at {
		if i < 0 && p.r.plan[t] >= 0 {
			return false
		}
	}
	return true
}
