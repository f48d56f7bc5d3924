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
	Left     func() float64     // the part of the time that is left, from 1 to 0, where Expired goes by a clock; nil: all of it
	Workers  int                // 0: two
	Enough   float64            // relative gap at which a plan for many is good enough; 0: a hundredth of a percent, none when Endless
	Nodes    int                // limit of nodes of one search; 0: a million
	Progress func(part float64) // told from 0 to 1 as the work goes on
	// Brief takes a smaller budget for more than a thousand, as fixed as the other: somebody waits for the answer.
	Brief bool
	// rough leaves out the work on groups of rivals: one of many plans that are only compared.
	rough bool
	// Found is told, with each step of progress, how far the plan found so far is from its bound, relatively.
	Found func(gap float64)
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Nodes <= 0 {
		o.Nodes = 1_000_000
	}
	if o.Expired == nil {
		o.Expired = func() bool { return false }
		o.Endless = false
	}
	if o.Left == nil {
		o.Left = func() float64 { return 1 }
	}
	if o.Enough <= 0 {
		if o.Enough = 1e-4; o.Endless {
			o.Enough = 1e-9
		}
	}
	if o.Progress == nil {
		o.Progress = func(float64) {}
	}
	return o
}

// Plan plans a problem that Read has found sound.
func Plan(p *Problem, opt Options) Answer {
	opt = opt.withDefaults()
	if p.Fairness != nil && len(p.Teachers) > 1 {
		return fair(p, opt)
	}
	return planAll(p, opt)
}

func planAll(p *Problem, opt Options) Answer {
	m := newModel(p)
	order := make([]int, len(p.Teachers)) // by id: the order of the input does not matter
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(p.Teachers[a].ID, p.Teachers[b].ID) })
	people := make([]person, len(order))
	for i, t := range order {
		people[i] = m.person(&p.Teachers[t])
	}
	r := newRegion(m, people, opt)
	if told := r.opt.Progress; opt.Found != nil {
		r.opt.Progress = func(part float64) {
			if gap := (r.bound - r.value) / math.Abs(r.value+r.owed); !math.IsNaN(gap) && !math.IsInf(gap, 0) {
				opt.Found(max(0, gap))
			}
			told(part)
		}
	}
	r.run()
	routes := r.routes()
	r.release()

	a := Answer{Teachers: make([]Route, len(order)), Unmet: []Unmet{}, Warnings: []string{}}
	left := make([]int, len(m.slots))
	for i := range m.slots {
		left[i] = m.slots[i].seats
	}
	for i := range people {
		for _, o := range routes[i].slots {
			if left[o] > 0 {
				left[o]--
			}
		}
	}
	sums := tally{}
	for i, t := range order {
		route := m.route(&p.Teachers[t], &people[i], routes[i], left)
		if route.Conflict != nil {
			c := conflict(p, t)
			route.Conflict, route.Smallest = c.set, &c.smallest
			a.Warnings = append(a.Warnings, fmt.Sprintf("teacher %q: %s", route.ID, c))
		}
		sums.add(p, &a, &route)
		a.Teachers[t] = route
	}
	bound := r.bound + r.owed
	for i := range people {
		bound -= people[i].bonus * float64(len(people[i].kept))
	}
	sums.end(&a, bound)
	return a
}

// tally adds up what routes leave open.
type tally map[string]*Unmet

func (u tally) add(p *Problem, a *Answer, route *Route) {
	a.Objective += route.Coverage - p.HourPenalty*route.Hours
	if c := route.Change; c != nil {
		a.Objective -= p.ChangePenalty * float64(len(c.Dropped))
	}
	for _, o := range route.Uncovered {
		x := u[o.Element]
		if x == nil {
			x = &Unmet{Element: o.Element}
			u[o.Element] = x
		}
		x.Weight += o.Weight
		x.Teachers++
	}
}

// end closes an answer. The bound and the objective are sums of the same terms in different orders: rounding must not
// put the bound below.
func (u tally) end(a *Answer, bound float64) {
	for _, e := range keys(u) {
		a.Unmet = append(a.Unmet, *u[e])
	}
	a.Bound = math.Max(a.Objective, bound)
	if a.Bound-a.Objective < 1e-9*math.Max(1, math.Abs(a.Objective)) {
		a.Bound = a.Objective
	}
	a.Gap = (a.Bound - a.Objective) / math.Max(math.Abs(a.Objective), 1e-9)
}

// order sorts a route's choices by date.
func (m *model) order(set []int32) []int32 {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b int32) int {
		x, y := &m.slots[a], &m.slots[b]
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

// route words the slots of one teacher; left holds the seats nobody took.
func (m *model) route(t *Teacher, q *person, f found, left []int) Route {
	r := Route{ID: t.ID, Steps: []Step{}, Uncovered: []Uncovered{}}
	if !f.feasible {
		r.Conflict = []Demand{}
	}
	resid := make([]float64, len(q.elems))
	for e := range resid {
		resid[e] = 1
	}
	set := m.order(f.slots)
	for _, o := range set {
		x := &m.slots[o]
		g := &m.progs[x.prog]
		step := Step{Programme: g.src.ID, Session: x.id, Start: x.start, End: x.end, Hours: g.hours, Cost: g.cost, Closes: map[string]float64{}}
		for _, cv := range g.covers {
			e, ok := slices.BinarySearch(q.elems, cv.elem)
			if !ok {
				continue
			}
			take := math.Min(resid[e], cv.share)
			if take <= 0 {
				continue
			}
			resid[e] -= take
			if resid[e] < 1e-12 {
				resid[e] = 0
			}
			gain := q.weights[e] * take
			step.Closes[m.elems[cv.elem]] = gain
			r.Coverage += gain
		}
		r.Hours += step.Hours
		r.Cost += step.Cost
		r.Steps = append(r.Steps, step)
	}
	if len(t.Keep) > 0 {
		c := &Change{Kept: []Lock{}, Dropped: []Lock{}, Added: []Lock{}}
		for _, st := range r.Steps {
			if l := (Lock{st.Programme, st.Session}); slices.Contains(t.Keep, l) {
				c.Kept = append(c.Kept, l)
			} else {
				c.Added = append(c.Added, l)
			}
		}
		for _, l := range t.Keep {
			if !slices.Contains(c.Kept, l) && !slices.Contains(t.Done, l.Programme) {
				c.Dropped = append(c.Dropped, l)
			}
		}
		r.Change = c
	}
	if !slices.ContainsFunc(resid, func(open float64) bool { return open > 0 }) {
		return r
	}
	freely := m.demandless(q, set, left)
	var alone map[hurdle][]float64
	if f.feasible && len(m.p.Teachers) <= fewTeachers {
		alone = m.singly(q, set, left)
	}
	for e, g := range q.elems {
		w := q.weights[e] * resid[e]
		if w <= 0 {
			continue
		}
		u := Uncovered{m.elems[g], w, Demanded}
		if freely == nil || freely[e] >= resid[e]-1e-9 {
			u.Why = m.why(q, e, resid, set, r, left, alone)
		}
		r.Uncovered = append(r.Uncovered, u)
	}
	return r
}
