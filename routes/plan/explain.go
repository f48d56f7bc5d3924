package plan

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Reason is why a step stands in a route, as facts for a page to word.
type Reason struct {
	Programme string `json:"programme"`
	// Only tells that no other programme at hand closes some element the step closes.
	Only []string `json:"only"`
	// Loses is what the whole is worth less when the step is forbidden and the rest is planned anew; Instead are the
	// steps that the plan would then take on, Drops those that it would give up besides, Hours and Cost what it
	// would spend more. What a demand keeps in the route may lose less than nothing: that is its price.
	Loses   float64  `json:"loses"`
	Instead []Lock   `json:"instead"`
	Drops   []string `json:"drops"`
	Hours   float64  `json:"hours"`
	Cost    float64  `json:"cost"`
	// Held tells that the route is not the best there is: the other steps were then held as they stand, with the step
	// and without it, so that Loses is the step's own part; it is below zero where another would do better.
	Held bool `json:"held,omitempty"`
	// Opens are steps of the route that require this one.
	Opens []string `json:"opens"`
	// Others are the programme's other sessions and what speaks against each.
	Others []OtherSession `json:"others"`
}

// OtherSession is a session that was not taken: Why is "seats", "dates", "busy", "clash" (with the step With), "order"
// or "" where it would do as well.
type OtherSession struct {
	Session string `json:"session"`
	Start   Day    `json:"start"`
	Why     string `json:"why"`
	With    string `json:"with,omitempty"`
}

// Fix words a route of the steps given for the teacher at index t, as Plan does, and names the rules it breaks. The
// steps need not be the best ones: this is how a route made by hand is judged.
func Fix(p *Problem, t int, steps []Lock) (Route, []string) {
	one := only(p, t)
	m := newModel(&one)
	var set []int32
	for _, l := range steps {
		i, ok := m.byID[l.Programme]
		if !ok {
			return Route{}, []string{"unknown programme " + l.Programme}
		}
		at := -1
		for _, s := range m.progs[i].slots {
			if m.slots[s].id == l.Session {
				at = s
			}
		}
		if at < 0 {
			return Route{}, []string{"unknown session " + l.Session + " of " + l.Programme}
		}
		set = append(set, int32(at))
	}
	left := make([]int, len(m.slots))
	for i := range m.slots {
		left[i] = m.slots[i].seats
	}
	for _, o := range set {
		left[o]--
	}
	q := m.person(&one.Teachers[0])
	r := m.route(&one.Teachers[0], &q, found{slots: set, feasible: true}, left)
	a := Answer{Teachers: []Route{r}, Objective: r.Coverage - one.HourPenalty*r.Hours}
	if r.Change != nil {
		a.Objective -= one.ChangePenalty * float64(len(r.Change.Dropped))
	}
	a.Bound = a.Objective
	return r, Check(&one, &a)
}

// Best plans one teacher of a problem alone.
func Best(p *Problem, t int) Answer {
	one := only(p, t)
	return Plan(&one, Options{Workers: 1, Nodes: 200_000})
}

func only(p *Problem, t int) Problem {
	one := *p
	one.Teachers = []Teacher{p.Teachers[t]}
	one.Fairness = nil
	return one
}

// Explain gives the reason of each step of a route of the teacher at index t.
func Explain(p *Problem, t int, r Route) []Reason {
	one := only(p, t)
	here := r.Coverage - p.HourPenalty*r.Hours
	if r.Change != nil {
		here -= p.ChangePenalty * float64(len(r.Change.Dropped))
	}
	ask := func(who Teacher) (Route, float64) {
		one.Teachers = []Teacher{who}
		a := Plan(&one, Options{Workers: 1, Nodes: 100_000})
		return a.Teachers[0], a.Objective
	}
	_, best := ask(p.Teachers[t])
	held := best > here+1e-9
	with, worth := r, here
	if held {
		whole := p.Teachers[t]
		whole.Locked = slices.Clone(whole.Locked)
		for _, o := range r.Steps {
			whole.Locked = append(whole.Locked, Lock{o.Programme, o.Session})
		}
		if y, v := ask(whole); y.Conflict == nil {
			with, worth = y, v
		}
	}
	out := []Reason{}
	programme := map[string]*Programme{}
	for i := range p.Programmes {
		programme[p.Programmes[i].ID] = &p.Programmes[i]
	}
	for i, st := range r.Steps {
		x := Reason{Programme: st.Programme, Only: []string{}, Instead: []Lock{}, Drops: []string{}, Opens: []string{}, Others: []OtherSession{}, Held: held}
		teacher := p.Teachers[t]
		// Whatever asks for the step, or for one that rests on it, is given up with it.
		gone := []string{st.Programme}
		for changed := true; changed; {
			changed = false
			for _, o := range r.Steps {
				if g := programme[o.Programme]; g != nil && !slices.Contains(gone, o.Programme) && slices.ContainsFunc(g.Requires, func(q string) bool { return slices.Contains(gone, q) }) {
					gone, changed = append(gone, o.Programme), true
				}
			}
		}
		teacher.Locked = slices.DeleteFunc(slices.Clone(teacher.Locked), func(l Lock) bool { return slices.Contains(gone, l.Programme) })
		teacher.Required = slices.DeleteFunc(slices.Clone(teacher.Required), func(q string) bool { return slices.Contains(gone, q) })
		if held {
			for _, o := range r.Steps {
				if !slices.Contains(gone, o.Programme) {
					teacher.Locked = append(teacher.Locked, Lock{o.Programme, o.Session})
				}
			}
		}
		teacher.Forbidden = append(slices.Clone(teacher.Forbidden), st.Programme)
		has := func(steps []Step, programme string) bool {
			return slices.ContainsFunc(steps, func(o Step) bool { return o.Programme == programme })
		}
		if alt, value := ask(teacher); alt.Conflict == nil {
			if x.Loses = worth - value; math.Abs(x.Loses) < 1e-9 {
				x.Loses = 0
			}
			x.Hours, x.Cost = alt.Hours-with.Hours, alt.Cost-with.Cost
			for _, s := range alt.Steps {
				if !has(with.Steps, s.Programme) {
					x.Instead = append(x.Instead, Lock{s.Programme, s.Session})
				}
			}
			for _, s := range with.Steps {
				if s.Programme != st.Programme && !has(alt.Steps, s.Programme) {
					x.Drops = append(x.Drops, s.Programme)
				}
			}
		} else {
			x.Loses = worth
		}
		for _, e := range keys(st.Closes) {
			others := 0
			for _, g := range p.Programmes {
				if g.ID != st.Programme && g.Covers[e] > 0 && !slices.Contains(teacher.Forbidden, g.ID) && !slices.Contains(teacher.Done, g.ID) && len(g.Sessions) > 0 {
					others++
				}
			}
			if others == 0 {
				x.Only = append(x.Only, e)
			}
		}
		for _, o := range r.Steps {
			if g := programme[o.Programme]; g != nil && slices.Contains(g.Requires, st.Programme) {
				x.Opens = append(x.Opens, o.Programme)
			}
		}
		if g := programme[st.Programme]; g != nil {
			sessions := slices.Clone(g.Sessions)
			slices.SortFunc(sessions, func(a, b Session) int {
				return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), strings.Compare(a.ID, b.ID))
			})
			for _, s := range sessions {
				if s.ID != st.Session {
					x.Others = append(x.Others, against(p, t, r, i, g, s, programme))
				}
			}
		}
		out = append(out, x)
	}
	return out
}

// against finds what speaks against another session of a step.
func against(p *Problem, t int, r Route, step int, g *Programme, s Session, programme map[string]*Programme) OtherSession {
	o := OtherSession{Session: s.ID, Start: s.Start}
	lim := p.Teachers[t].Limits.over(p.Limits)
	switch {
	case s.Seats != nil && *s.Seats <= 0:
		o.Why = "seats"
		return o
	case lim.From != nil && s.Start < *lim.From || lim.To != nil && s.End > *lim.To:
		o.Why = "dates"
		return o
	}
	for _, u := range p.Teachers[t].Unavailable {
		if s.Mode == FullTime && s.Start <= u.End && u.Start <= s.End {
			o.Why = "busy"
			return o
		}
	}
	for i, st := range r.Steps {
		h := programme[st.Programme]
		if i == step || h == nil {
			continue
		}
		full := slices.ContainsFunc(h.Sessions, func(x Session) bool { return x.ID == st.Session && x.Mode == FullTime })
		switch {
		case full && s.Mode == FullTime && s.Start <= st.End && st.Start <= s.End:
			o.Why, o.With = "clash", st.Programme
		case slices.Contains(g.Requires, st.Programme) && st.End >= s.Start,
			slices.Contains(h.Requires, g.ID) && s.End >= st.Start:
			o.Why, o.With = "order", st.Programme
		}
		if o.Why != "" {
			return o
		}
	}
	return o
}

// ExplainAll writes into every route of an answer the reasons of its steps and what ten more hours would bring, with
// the seats that the others leave. It plans each teacher anew for every step: seconds for a class, not for a region.
// Once expired, those who are left go without; nil never expires.
func ExplainAll(p *Problem, a *Answer, expired func() bool) {
	taken := map[Lock]int{}
	for _, r := range a.Teachers {
		for _, st := range r.Steps {
			taken[Lock{st.Programme, st.Session}]++
		}
	}
	for t := range a.Teachers {
		if expired != nil && expired() {
			return
		}
		r := &a.Teachers[t]
		own := map[Lock]bool{}
		for _, st := range r.Steps {
			own[Lock{st.Programme, st.Session}] = true
		}
		q := *p
		q.Programmes = slices.Clone(p.Programmes)
		for i := range q.Programmes {
			g := &q.Programmes[i]
			g.Sessions = slices.Clone(g.Sessions)
			for j := range g.Sessions {
				s := &g.Sessions[j]
				if s.Seats == nil {
					continue
				}
				left := *s.Seats - taken[Lock{g.ID, s.ID}]
				if own[Lock{g.ID, s.ID}] {
					left++
				}
				left = max(0, left)
				s.Seats = &left
			}
		}
		r.Reasons = Explain(&q, t, *r)
		if lim := q.Teachers[t].Limits.over(q.Limits).Hours; lim != nil && r.Conflict == nil {
			q.Teachers = slices.Clone(p.Teachers)
			hours := *lim + 10
			q.Teachers[t].Limits.Hours = &hours
			more := math.Max(0, Best(&q, t).Teachers[0].Coverage-r.Coverage)
			r.MoreHours = &more
		}
	}
}
