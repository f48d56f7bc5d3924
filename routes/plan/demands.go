package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Demand is one thing asked of a route beyond what closes deficits. Kind is "locked", "required", "forbidden", "modes",
// "venues", "months", "hours_a_month", "hours", "cost", "dates", "unavailable" or "seats" (others hold the seats).
type Demand struct {
	Kind      string `json:"kind"`
	Programme string `json:"programme,omitempty"`
	Session   string `json:"session,omitempty"`
	Words     string `json:"words"`
}

// relax is a demand with the way to drop it from a problem of one teacher.
type relax struct {
	Demand
	drop func(p *Problem, t *Teacher)
}

// demandsOf lists what limits the route of the teacher at index t, and how each can be dropped.
func demandsOf(p *Problem, t int) []relax {
	var out []relax
	who := p.Teachers[t]
	add := func(d Demand, drop func(p *Problem, t *Teacher)) {
		if !slices.ContainsFunc(out, func(o relax) bool { return o.Demand == d }) { // said twice is said once
			out = append(out, relax{d, drop})
		}
	}
	for _, l := range who.Locked {
		words := "programme " + l.Programme + " is locked"
		if l.Session != "" {
			words = fmt.Sprintf("programme %s is locked in session %s", l.Programme, l.Session)
		}
		add(Demand{"locked", l.Programme, l.Session, words}, func(_ *Problem, t *Teacher) {
			t.Locked = slices.DeleteFunc(slices.Clone(t.Locked), func(o Lock) bool { return o == l })
		})
	}
	for _, q := range who.Required {
		add(Demand{"required", q, "", "programme " + q + " is required"}, func(_ *Problem, t *Teacher) {
			t.Required = slices.DeleteFunc(slices.Clone(t.Required), func(o string) bool { return o == q })
		})
	}
	for _, q := range who.Forbidden {
		add(Demand{"forbidden", q, "", "programme " + q + " is forbidden"}, func(_ *Problem, t *Teacher) {
			t.Forbidden = slices.DeleteFunc(slices.Clone(t.Forbidden), func(o string) bool { return o == q })
		})
	}
	if w := who.Preferences; w != nil {
		wish := func(kind, words string, drop func(w *Preferences)) {
			add(Demand{Kind: kind, Words: words}, func(_ *Problem, t *Teacher) {
				w := *t.Preferences
				drop(&w)
				t.Preferences = &w
			})
		}
		if len(w.Modes) > 0 {
			wish("modes", fmt.Sprintf("only sessions %v", w.Modes), func(w *Preferences) { w.Modes = nil })
		}
		if len(w.Venues) > 0 {
			wish("venues", "only at "+strings.Join(w.Venues, ", "), func(w *Preferences) { w.Venues = nil })
		}
		if len(w.Months) > 0 {
			wish("months", fmt.Sprintf("only in %v", w.Months), func(w *Preferences) { w.Months = nil })
		}
		if w.HoursAMonth != nil {
			wish("hours_a_month", fmt.Sprintf("at most %g hours a month", *w.HoursAMonth), func(w *Preferences) { w.HoursAMonth = nil })
		}
	}
	lim := who.Limits.over(p.Limits)
	if lim.Hours != nil {
		add(Demand{Kind: "hours", Words: fmt.Sprintf("at most %g hours", *lim.Hours)}, func(p *Problem, t *Teacher) { p.Limits.Hours, t.Limits.Hours = nil, nil })
	}
	if lim.Cost != nil {
		add(Demand{Kind: "cost", Words: fmt.Sprintf("at most %g of money", *lim.Cost)}, func(p *Problem, t *Teacher) { p.Limits.Cost, t.Limits.Cost = nil, nil })
	}
	if lim.From != nil || lim.To != nil {
		add(Demand{Kind: "dates", Words: "the dates of the plan"}, func(p *Problem, t *Teacher) {
			p.Limits.From, p.Limits.To, t.Limits.From, t.Limits.To = nil, nil, nil, nil
		})
	}
	if len(who.Unavailable) > 0 {
		add(Demand{Kind: "unavailable", Words: "the days the teacher is busy"}, func(_ *Problem, t *Teacher) { t.Unavailable = nil })
	}
	return out
}

// Fair is what fairness between territories costs: the covered share of all deficits by territory, before and after.
type Fair struct {
	Goal    float64  `json:"goal"`    // part of the mean that every territory is to reach
	Reached bool     `json:"reached"` // whether the plan reaches it
	Price   float64  `json:"price"`   // what the objective is less by than without it
	Shares  []Shared `json:"shares"`
}

// Shared is the covered share of a territory without and with fairness, between 0 and 1.
type Shared struct {
	Territory string  `json:"territory"`
	Before    float64 `json:"before"`
	After     float64 `json:"after"`
}

// fair plans so that every territory's covered share is at least the goal's part of the region's mean, by counting
// the deficits of territories that lag for more, a little at a time, and keeps the cheapest plan that reaches the goal,
// else the plan whose worst territory fares best. The bound stays that of the plan without fairness: it holds all the
// more.
func fair(p *Problem, opt Options) Answer {
	goal := *p.Fairness
	plain := *p
	plain.Fairness = nil
	told := opt.Progress
	at := func(from, to float64) Options { // what is told of one of several plans
		o := opt
		o.Progress = func(part float64) { told(from + part*(to-from)) }
		return o
	}
	const rounds = 8
	base := planAll(&plain, at(0, 0.4))
	shares := func(a *Answer) (by map[string]float64, mean, least float64) {
		got, all := map[string]float64{}, map[string]float64{}
		sumGot, sumAll := 0.0, 0.0
		for i, t := range p.Teachers {
			w := 0.0
			for _, e := range keys(t.Deficits) {
				w += t.Deficits[e]
			}
			got[t.Territory] += a.Teachers[i].Coverage
			all[t.Territory] += w
			sumGot, sumAll = sumGot+a.Teachers[i].Coverage, sumAll+w
		}
		by, least = map[string]float64{}, 1
		for _, k := range keys(all) {
			if all[k] > 0 {
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
	before, _, least := shares(&base)
	best, bestLeast := base, least
	factor := map[string]float64{}
	for round := 0; round < rounds && bestLeast < goal && !opt.Expired(); round++ {
		by, mean, _ := shares(&best)
		for _, k := range keys(by) {
			if factor[k] == 0 {
				factor[k] = 1
			}
			if by[k] < goal*mean {
				factor[k] *= 1 + min(0.5, 2*(goal*mean-by[k])/max(by[k], 0.05))
			}
		}
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
		next := planAll(&scaled, at(0.4+0.6*float64(round)/rounds, 0.4+0.6*float64(round+1)/rounds))
		next = reword(&plain, &next, base.Bound)
		if _, _, l := shares(&next); l > bestLeast {
			best, bestLeast = next, l
		}
	}
	after, _, _ := shares(&best)
	best.Fair = &Fair{Goal: goal, Reached: bestLeast >= goal-1e-9, Price: max(0, base.Objective-best.Objective), Shares: []Shared{}}
	for _, k := range keys(before) {
		best.Fair.Shares = append(best.Fair.Shares, Shared{k, before[k], after[k]})
	}
	return best
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
