package plan

import (
	"math"
	"slices"
)

// mostTaken is the part of what the plan without fairness closes that may be taken away to even out.
const mostTaken = 0.1

// evenOut takes steps from the territories that fare best until all reach the goal: plans are whole, and one made under
// other weights seldom reaches it to the grain. It takes the largest step that is not too much, else the smallest; none
// that was asked for, that others rest on, or that stands and would cost a change. It is false where that cannot be, or
// leaves less than floor.
func evenOut(p *Problem, a *Answer, goal, bound, floor float64) (Answer, bool) {
	progs := map[string]*Programme{}
	for i := range p.Programmes {
		progs[p.Programmes[i].ID] = &p.Programmes[i]
	}
	out := Answer{Teachers: slices.Clone(a.Teachers), Warnings: a.Warnings}
	all, sum := weightBy(p)
	got, total := map[string]float64{}, 0.0
	closed := func(t int, without int) float64 {
		share, v := map[string]float64{}, 0.0
		for i, st := range out.Teachers[t].Steps {
			if i != without {
				for e, x := range progs[st.Programme].Covers {
					share[e] += x
				}
			}
		}
		for _, e := range keys(share) {
			v += p.Teachers[t].Deficits[e] * math.Min(1, share[e])
		}
		return v
	}
	type taking struct {
		person, step int
		loss         float64
	}
	// takings are the steps of a person that may go.
	takings := func(t int) (list []taking) {
		who, steps := &p.Teachers[t], out.Teachers[t].Steps
		asked := who.demands()
		here := closed(t, -1)
		for i, st := range steps {
			rests := slices.ContainsFunc(steps, func(o Step) bool { return slices.Contains(progs[o.Programme].Requires, st.Programme) })
			locked := slices.ContainsFunc(asked, func(l Lock) bool { return l.Programme == st.Programme })
			stands := p.ChangePenalty > 0 && slices.Contains(who.Keep, Lock{st.Programme, st.Session})
			if loss := here - closed(t, i); !rests && !locked && !stands && loss > 1e-9 {
				list = append(list, taking{t, i, loss})
			}
		}
		return list
	}
	for t, who := range p.Teachers {
		v := closed(t, -1)
		got[who.Territory] += v
		total += v
	}
	var open [][]taking
	for t := range p.Teachers {
		open = append(open, takings(t))
	}
	left := a.Objective
	for {
		low := math.Inf(1)
		for _, k := range keys(all) {
			if all[k] > 0 {
				low = min(low, got[k]/all[k])
			}
		}
		over := total - low*sum/goal
		if over <= 1e-9*total || math.IsInf(low, 1) {
			break
		}
		best := taking{person: -1}
		for t, list := range open {
			k := p.Teachers[t].Territory
			for _, x := range list {
				if (got[k]-x.loss)/all[k] < low {
					continue
				}
				fits, fitted := x.loss <= over, best.loss <= over
				if best.person < 0 || fits && (!fitted || x.loss > best.loss) || !fits && !fitted && x.loss < best.loss {
					best = x
				}
			}
		}
		if left -= best.loss; best.person < 0 || left < floor {
			return Answer{}, false
		}
		t := best.person
		got[p.Teachers[t].Territory] -= best.loss
		total -= best.loss
		r := &out.Teachers[t]
		r.Steps = slices.Delete(slices.Clone(r.Steps), best.step, best.step+1)
		open[t] = takings(t)
	}
	if total <= 0 {
		return Answer{}, false
	}
	return reword(p, &out, bound), true
}
