package plan

import (
	"math"
	"slices"
)

// Fair is what fairness between territories costs: the covered share of all deficits by territory, before and after.
type Fair struct {
	Goal       float64  `json:"goal"`           // part of the mean that every territory is to reach
	Reached    bool     `json:"reached"`        // whether the plan reaches it; false: none that does was found
	Impossible bool     `json:"impossible"`     // proved: but by closing nothing for anybody no plan reaches it
	Price      float64  `json:"price"`          // what the objective is less by than without it
	Least      float64  `json:"price_at_least"` // proved: what the plan without it is worth less this much bounds any that reaches it
	Shares     []Shared `json:"shares"`
}

// Shared is the covered share of a territory without and with fairness, between 0 and 1.
type Shared struct {
	Territory string  `json:"territory"`
	Before    float64 `json:"before"`
	After     float64 `json:"after"`
}

// fairRounds is how many plans under other weights are tried: the fewer the teachers, the more depends on each.
func fairRounds(teachers int) int {
	switch {
	case teachers <= 100:
		return 120
	case teachers <= 400:
		return 24
	}
	return 8
}

// margins are how far above the goal the multipliers aim by turns: plans are whole, and one that would just reach the
// goal on the mean of several seldom does itself.
var margins = [...]float64{0, 0.01, 0.03, 0.06}

// fair plans so that every territory's covered share is at least the goal's part of the region's mean, and keeps the
// best plan seen that reaches the goal, else the plan whose worst territory fares best.
//
// With got_k the weight covered in territory k and all_k the weight of its deficits, the goal reads
//
//	got_k − goal · all_k/all · Σ_j got_j ≥ 0,
//
// which is linear. Relaxed with μ_k ≥ 0 it counts the deficits of territory k 1 + μ_k − goal · Σ_j μ_j · all_j/all
// times: a plan without fairness under other weights, whose bound bounds every fair plan (Lagrangian duality). μ moves
// by what the last plan lacks; a plan near the goal is brought there by taking steps away (even.go). The bound is that
// of fair plans where the goal is reached, else that of plans without fairness, for the plan given is then none of the
// fair ones. Where it is not, what each territory could close at all, were there nobody else, bounds the mean as well:
// goal · mean ≤ share_k.
func fair(p *Problem, opt Options) Answer {
	goal := *p.Fairness
	plain := *p
	plain.Fairness = nil
	told := opt.Progress
	at := func(from, to float64) Options { // what is told of one of several plans
		o := opt
		o.rough = from > 0
		o.Progress = func(part float64) { told(from + part*(to-from)) }
		if opt.Endless { // each plan has its part of the time, or the first would leave none
			o.Left = func() float64 { return max(0, (opt.Left()-(1-to))/max(1e-9, to-from)) }
			o.Expired = func() bool { return opt.Expired() || opt.Left() < 1-to }
		}
		return o
	}
	rounds := fairRounds(len(p.Teachers))
	base := planAll(&plain, at(0, 0.3))
	all, sum := weightBy(p)
	before, _, least := sharesBy(p, all, &base)
	best, bestLeast, bound := base, least, base.Bound
	reached := func(least float64) bool { return least >= goal-1e-9 }
	offer := func(a *Answer, least float64) {
		switch {
		case reached(least) && (!reached(bestLeast) || a.Objective > best.Objective):
			best, bestLeast = *a, least
		case !reached(bestLeast) && (least > bestLeast || least == bestLeast && a.Objective > best.Objective):
			best, bestLeast = *a, least
		}
	}
	floor := base.Objective - mostTaken*math.Abs(base.Objective)
	even := func(a *Answer, least float64) {
		if !reached(least) {
			if b, ok := evenOut(&plain, a, goal, base.Bound, floor); ok {
				_, _, l := sharesBy(p, all, &b)
				offer(&b, l)
			}
		}
	}
	even(&base, least)
	mu, last, stride := map[string]float64{}, &base, 2.0
	for round := 0; round < rounds && !reached(least) && !opt.Expired(); round++ {
		by, had, _ := sharesBy(p, all, last)
		factor := raise(mu, by, all, sum, goal, goal+margins[round%len(margins)], had, stride)
		stride = max(0.15, stride*0.95)
		scaled := plain
		scaled.Teachers = slices.Clone(p.Teachers)
		for i := range scaled.Teachers {
			t := &scaled.Teachers[i]
			d := map[string]float64{}
			for e, w := range t.Deficits {
				d[e] = w * factor[t.Territory]
			}
			t.Deficits = d
		}
		next := planAll(&scaled, at(0.3+0.7*float64(round)/float64(rounds), 0.3+0.7*float64(round+1)/float64(rounds)))
		bound = min(bound, next.Bound)
		next = reword(&plain, &next, base.Bound)
		last = &next
		_, mean, l := sharesBy(p, all, &next)
		if mean <= 0 {
			continue // nothing for anybody is no way to be fair
		}
		offer(&next, l)
		even(&next, l)
	}
	if !reached(bestLeast) {
		bound = min(bound, reach(&plain, opt, goal, all, sum))
	}
	impossible := !reached(bestLeast) && bound <= 1e-9*sum
	if reached(bestLeast) {
		best.Bound = math.Max(best.Objective, bound)
		best.Gap = (best.Bound - best.Objective) / math.Max(math.Abs(best.Objective), 1e-9)
	}
	after, _, _ := sharesBy(p, all, &best)
	best.Fair = &Fair{Goal: goal, Reached: reached(bestLeast), Impossible: impossible, Price: max(0, base.Objective-best.Objective), Least: max(0, base.Objective-bound), Shares: []Shared{}}
	if reached(bestLeast) {
		best.Fair.Least = min(best.Fair.Least, best.Fair.Price) // of equal plans rounding may think one dearer
	}
	for _, k := range keys(before) {
		best.Fair.Shares = append(best.Fair.Shares, Shared{k, before[k], after[k]})
	}
	return best
}

// reach bounds what any plan that reaches the goal is worth: no territory closes more than it could if there were nobody
// else and nothing were asked of its teachers, and the mean may be no more than its share by the goal.
func reach(p *Problem, opt Options, goal float64, all map[string]float64, sum float64) float64 {
	most := math.Inf(1)
	opt.rough, opt.Progress = true, func(float64) {}
	for _, k := range keys(all) {
		if all[k] <= 0 || goal <= 0 {
			continue
		}
		one := *p
		one.Teachers, one.HourPenalty, one.ChangePenalty = nil, 0, 0
		for _, t := range p.Teachers {
			if t.Territory == k {
				t.Locked, t.Required = nil, nil
				one.Teachers = append(one.Teachers, t)
			}
		}
		most = min(most, planAll(&one, opt).Bound/all[k]*sum/goal)
	}
	return most
}

// raise moves the multipliers of territories by what they lack of the aim, as a part of the mean, and returns
// how many times the deficits of each count. Territories above the aim give back.
func raise(mu, by, all map[string]float64, sum, goal, aim, mean, stride float64) map[string]float64 {
	for _, k := range keys(by) {
		lack := (aim*mean - by[k]) / max(mean, 1e-9)
		mu[k] = max(0, mu[k]+stride*max(-0.3, min(0.3, lack)))
	}
	off := 0.0
	for _, k := range keys(by) {
		off += goal * mu[k] * all[k] / sum
	}
	if off > 0.9 { // every weight stays above zero
		for k := range mu {
			mu[k] *= 0.9 / off
		}
		off = 0.9
	}
	factor := map[string]float64{}
	for _, k := range keys(all) {
		factor[k] = 1 + mu[k] - off
	}
	return factor
}

// weightBy is the weight of all deficits by territory, and of all together.
func weightBy(p *Problem) (all map[string]float64, sum float64) {
	all = map[string]float64{}
	for _, t := range p.Teachers {
		for _, e := range keys(t.Deficits) {
			all[t.Territory] += t.Deficits[e]
			sum += t.Deficits[e]
		}
	}
	return all, sum
}

// sharesBy is the covered share of each territory that has deficits, the mean one, and the least as a part of the mean.
func sharesBy(p *Problem, all map[string]float64, a *Answer) (by map[string]float64, mean, least float64) {
	got := map[string]float64{}
	sumGot, sumAll := 0.0, 0.0
	for i, t := range p.Teachers {
		got[t.Territory] += a.Teachers[i].Coverage
		sumGot += a.Teachers[i].Coverage
	}
	by, least = map[string]float64{}, 1
	for _, k := range keys(all) {
		if sumAll += all[k]; all[k] > 0 {
			by[k] = got[k] / all[k]
		}
	}
	if sumAll > 0 {
		mean = sumGot / sumAll
	}
	for _, k := range keys(by) {
		if mean > 0 {
			least = min(least, by[k]/mean)
		}
	}
	return by, mean, least
}

// reword words the steps of an answer anew with the weights of p.
func reword(p *Problem, a *Answer, bound float64) Answer {
	m := newModel(p)
	var sets [][]int32
	left := make([]int, len(m.slots))
	for i := range m.slots {
		left[i] = m.slots[i].seats
	}
	for _, r := range a.Teachers {
		set := []int32{}
		for _, st := range r.Steps {
			for _, s := range m.progs[m.byID[st.Programme]].slots {
				if m.slots[s].id == st.Session {
					set = append(set, int32(s))
					if left[s] > 0 {
						left[s]--
					}
				}
			}
		}
		sets = append(sets, set)
	}
	out := Answer{Teachers: make([]Route, len(p.Teachers)), Unmet: []Unmet{}, Warnings: a.Warnings}
	t := tally{}
	for i := range p.Teachers {
		q := m.person(&p.Teachers[i])
		r := m.route(&p.Teachers[i], &q, found{slots: sets[i], feasible: a.Teachers[i].Conflict == nil}, left)
		r.Conflict, r.Smallest = a.Teachers[i].Conflict, a.Teachers[i].Smallest
		t.add(p, &out, &r)
		out.Teachers[i] = r
	}
	t.end(&out, bound)
	return out
}
