package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Options steer the work. The zero value gives the same answer on every machine.
type Options struct {
	Expired  func() bool        // asked between pieces of work; true ends the improvement. nil: the fixed budget alone
	Endless  bool               // improve until Expired (with Expired alone the fixed budget still holds)
	Workers  int                // 0: two
	Enough   float64            // relative gap at which a plan for many is good enough; 0: one hundredth of a percent
	Nodes    int                // limit of nodes of one search; 0: a million
	Progress func(part float64) // told from 0 to 1 as the work goes on
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Nodes <= 0 {
		o.Nodes = 1_000_000
	}
	if o.Enough <= 0 {
		o.Enough = 1e-4
	}
	if o.Expired == nil {
		o.Expired = func() bool { return false }
		o.Endless = false
	}
	if o.Progress == nil {
		o.Progress = func(float64) {}
	}
	return o
}

// Plan plans a problem that Read or Validate has found sound.
func Plan(p *Problem, opt Options) Answer {
	opt = opt.withDefaults()
	m := newModel(p)
	order := make([]int, len(p.Teachers)) // by id: the order of the input does not matter
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(p.Teachers[a].ID, p.Teachers[b].ID) })
	tasks := make([]*task, len(order))
	for i, t := range order {
		tasks[i] = m.newTask(&p.Teachers[t])
	}
	r := newRegion(m, tasks, opt)
	r.run()

	a := Answer{Teachers: make([]Route, len(order)), Unmet: []Unmet{}, Warnings: []string{}}
	left := make([]int, len(m.slots))
	for i := range m.slots {
		left[i] = m.slots[i].seats
	}
	for i := range tasks {
		for _, c := range r.routes[i].choices {
			if left[c.slot] > 0 {
				left[c.slot]--
			}
		}
	}
	unmet := map[string]*Unmet{}
	for i, t := range order {
		route := m.route(&p.Teachers[t], r.routes[i], left)
		if route.Conflict != nil {
			a.Warnings = append(a.Warnings, fmt.Sprintf("teacher %q: the locked steps cannot all hold", route.ID))
		}
		a.Objective += route.Coverage - m.penalty*route.Hours
		for _, u := range route.Uncovered {
			x := unmet[u.Element]
			if x == nil {
				x = &Unmet{Element: u.Element}
				unmet[u.Element] = x
			}
			x.Weight += u.Weight
			x.Teachers++
		}
		a.Teachers[t] = route
	}
	for _, e := range keys(unmet) {
		a.Unmet = append(a.Unmet, *unmet[e])
	}
	// The two are sums of the same terms in different orders: rounding must not put the bound below.
	a.Bound = math.Max(a.Objective, r.bound)
	if a.Bound-a.Objective < 1e-9*math.Max(1, math.Abs(a.Objective)) {
		a.Bound = a.Objective
	}
	a.Gap = (a.Bound - a.Objective) / math.Max(math.Abs(a.Objective), 1e-9)
	return a
}

// order sorts a route's choices by date.
func (m *model) order(set []choice) []choice {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b choice) int {
		x, y := &m.slots[a.slot], &m.slots[b.slot]
		if x.start != y.start {
			return int(x.start - y.start)
		}
		if x.end != y.end {
			return int(x.end - y.end)
		}
		return x.prog - y.prog
	})
	return set
}

// route words the choices of one teacher; left holds the seats nobody took.
func (m *model) route(t *Teacher, f found, left []int) Route {
	r := Route{ID: t.ID, Steps: []Step{}, Uncovered: []Uncovered{}}
	if !f.feasible {
		r.Conflict = slices.Clone(t.Locked)
	}
	resid := map[int]float64{}
	for e, w := range t.Deficits {
		if w > 0 {
			resid[m.elem[e]] = 1
		}
	}
	for _, c := range m.order(f.choices) {
		x := &m.slots[c.slot]
		g := &m.progs[x.prog]
		step := Step{Programme: g.src.ID, Session: x.id, Start: x.start, End: x.end, Hours: g.src.Hours, Cost: g.src.Cost, Closes: map[string]float64{}}
		for _, cv := range g.covers {
			take := math.Min(resid[cv.elem], cv.share)
			if take <= 0 {
				continue
			}
			resid[cv.elem] -= take
			if resid[cv.elem] < 1e-12 {
				resid[cv.elem] = 0
			}
			gain := t.Deficits[m.elems[cv.elem]] * take
			step.Closes[m.elems[cv.elem]] = gain
			r.Coverage += gain
		}
		r.Hours += step.Hours
		r.Cost += step.Cost
		r.Steps = append(r.Steps, step)
	}
	for e := range m.elems {
		if w := t.Deficits[m.elems[e]] * resid[e]; w > 0 {
			r.Uncovered = append(r.Uncovered, Uncovered{m.elems[e], w, m.why(t, e, resid, r, left)})
		}
	}
	return r
}

// why names what stands between an element and one more programme for it: the obstacle of the programme that comes
// closest to being taken. Programmes that would not be worth their hours do not count as being held up.
func (m *model) why(t *Teacher, e int, resid map[int]float64, r Route, left []int) Why {
	lim := t.Limits.over(m.p.Limits)
	const (
		none = iota
		noDates
		noSeats
		noHours
		noCost
		clash
		free
	)
	best, worthless := none, false
	groups := map[string]bool{}
	taken := map[string]bool{}
	for _, s := range r.Steps {
		taken[s.Programme] = true
		if g := m.progs[m.byID[s.Programme]].group; g != "" {
			groups[g] = true
		}
	}
	for i := range m.progs {
		g := &m.progs[i]
		if taken[g.src.ID] || slices.Contains(t.Done, g.src.ID) || !slices.ContainsFunc(g.covers, func(c cover) bool { return c.elem == e }) {
			continue
		}
		if len(g.slots) == 0 {
			continue
		}
		gain := -m.penalty * g.src.Hours
		for _, c := range g.covers {
			gain += t.Deficits[m.elems[c.elem]] * math.Min(resid[c.elem], c.share)
		}
		if gain <= tol || slices.Contains(t.Forbidden, g.src.ID) || g.group != "" && groups[g.group] {
			worthless = true
			continue
		}
		rank := noDates
		for _, s := range g.slots {
			x := &m.slots[s]
			if !slotOpen(x, lim, t.Unavailable) {
				continue
			}
			here := free
			switch {
			case x.seats >= 0 && left[s] <= 0:
				here = noSeats
			case lim.Hours != nil && r.Hours+g.src.Hours > *lim.Hours+1e-9:
				here = noHours
			case lim.Cost != nil && r.Cost+g.src.Cost > *lim.Cost+1e-9:
				here = noCost
			case x.full && slices.ContainsFunc(r.Steps, func(st Step) bool { return m.clashes(st, x) }):
				here = clash
			}
			rank = max(rank, here)
		}
		best = max(best, rank)
	}
	switch best {
	case noDates, clash:
		return NoDates
	case noSeats:
		return NoSeats
	case noHours:
		return NoHours
	case noCost:
		return NoCost
	case free:
		return NotWorth
	}
	if worthless {
		return NotWorth
	}
	return NoProgramme
}

func (m *model) clashes(st Step, x *slot) bool {
	if x.start > st.End || st.Start > x.end {
		return false
	}
	for _, s := range m.progs[m.byID[st.Programme]].slots {
		if m.slots[s].id == st.Session {
			return m.slots[s].full
		}
	}
	return false
}
