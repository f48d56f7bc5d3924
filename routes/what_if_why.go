package routes

import (
	"cmp"
	"slices"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Effect is what a change does, beyond the figures.
type Effect struct {
	Programme Programme // whose new group was added; a zero one where there is none
	Group     Session
	Idle      Idle
	Swaps     []Swap
}

// Bar is what keeps everybody from a new group.
type Bar string

// What may keep everybody from a group.
const (
	NotMeant Bar = "not_meant" // for these positions and subjects
	NoThemes Bar = "no_themes" // that anybody here needs
	TooLong  Bar = "too_long"  // for the limit of hours
	TooDear  Bar = "too_dear"  // for the limit of money
)

// Idle tells why seats of a new group stay empty: one reason for everybody, or how many there are of each.
type Idle struct {
	Seats   int // that stay empty
	Bar     Bar
	Free    int // seats that stay free in the programme's other groups
	Reasons []IdleLine
}

// IdleLine is why some of those whom a group could serve do not take it.
type IdleLine struct {
	Why    string // a key of idleWords
	People int
	Hidden bool
}

// Reasons why somebody whom a group could serve does not take it, in the order in which they are looked for.
const (
	idleHeld  = "held"  // takes the programme in another group
	idleAlike = "alike" // takes one that stands for it
	idleDone  = "done"  // its themes are closed by other steps
	idleHours = "hours"
	idleCost  = "cost"
	idleOther = "other" // not worth its hours, or its dates clash
)

// idle finds out why so many seats of the new group of a programme stay empty.
func (d drawn) idle(g Programme, seats int) Idle {
	out := Idle{Seats: seats}
	if seats <= 0 {
		return out
	}
	sel := d.from.proposal.Selection
	p := d.from.problem
	taken := map[string]int{}
	for _, r := range d.answer.Teachers {
		for _, st := range r.Steps {
			if st.Programme == g.Code {
				taken[st.Session]++
			}
		}
	}
	at := slices.IndexFunc(p.Programmes, func(x plan.Programme) bool { return x.ID == g.Code })
	if at >= 0 {
		for _, s := range p.Programmes[at].Sessions {
			if s.ID != newGroup {
				out.Free += max(0, *s.Seats-taken[s.ID])
			}
		}
	}
	needed, meant := false, false
	covers := map[string]map[string]float64{}
	group := map[string]string{}
	for _, x := range p.Programmes {
		covers[x.ID], group[x.ID] = x.Covers, x.Group
	}
	why := map[string]int{}
	for i, r := range d.answer.Teachers {
		t := p.Teachers[i]
		need := d.from.needs[t.ID][0]
		if !slices.ContainsFunc(g.Covers, func(c Cover) bool { return t.Deficits[c.Element] > 0 }) {
			continue
		}
		if needed = true; !g.SuitedTo(need.Position, need.Subject) {
			continue
		}
		meant = true
		steps := stepsOf(r)
		if slices.Contains(steps, plan.Lock{Programme: g.Code, Session: newGroup}) {
			continue
		}
		done := closed(covers, steps)
		switch {
		case slices.ContainsFunc(steps, func(l plan.Lock) bool { return l.Programme == g.Code }):
			why[idleHeld]++
		case g.Equivalents != "" && slices.ContainsFunc(steps, func(l plan.Lock) bool { return group[l.Programme] == g.Equivalents }):
			why[idleAlike]++
		case !slices.ContainsFunc(g.Covers, func(c Cover) bool { return t.Deficits[c.Element] > 0 && done[c.Element] < 1-1e-9 }):
			why[idleDone]++
		case r.Hours+float64(g.Hours) > float64(sel.Hours)+1e-9:
			why[idleHours]++
		case sel.Cost >= 0 && r.Cost+float64(g.Cost) > float64(sel.Cost)+1e-9:
			why[idleCost]++
		default:
			why[idleOther]++
		}
	}
	switch {
	case !needed:
		out.Bar = NoThemes
	case !meant:
		out.Bar = NotMeant
	case g.Hours > sel.Hours:
		out.Bar = TooLong
	case sel.Cost >= 0 && g.Cost > sel.Cost:
		out.Bar = TooDear
	}
	if out.Bar != "" {
		return out
	}
	for _, k := range []string{idleHours, idleCost, idleHeld, idleAlike, idleDone, idleOther} {
		if why[k] > 0 {
			out.Reasons = append(out.Reasons, IdleLine{Why: k, People: why[k]})
		}
	}
	slices.SortStableFunc(out.Reasons, func(a, b IdleLine) int { return cmp.Compare(b.People, a.People) })
	for i, h := range hideFew(counts(out.Reasons, func(x IdleLine) int { return x.People })) {
		out.Reasons[i].Hidden = h
	}
	return out
}

// Swap is what most often makes a theme's routes close less of it: a step that goes, and one that comes.
type Swap struct {
	Element string
	People  int    // whose routes close less of the theme than before
	Out     string // code of the programme that goes most often
	In      string // code of the one that comes most often; "" where nothing comes
}

// swaps looks for what happens to those whose routes close less of a theme after a change.
func swaps(before, after drawn) []Swap {
	covers := map[string]map[string]float64{}
	for _, p := range []plan.Problem{before.from.problem, after.from.problem} {
		for _, g := range p.Programmes {
			covers[g.ID] = g.Covers
		}
	}
	was := map[string]plan.Route{}
	for _, r := range before.answer.Teachers {
		was[r.ID] = r
	}
	people := map[string]int{}
	outs, ins := map[string]map[string]int{}, map[string]map[string]int{}
	note := func(m map[string]map[string]int, e, code string) {
		if m[e] == nil {
			m[e] = map[string]int{}
		}
		m[e][code]++
	}
	for i, r := range after.answer.Teachers {
		old, now := stepsOf(was[r.ID]), stepsOf(r)
		has := func(list []plan.Lock, code string) bool {
			return slices.ContainsFunc(list, func(l plan.Lock) bool { return l.Programme == code })
		}
		x, y := closed(covers, old), closed(covers, now)
		for e := range after.from.problem.Teachers[i].Deficits {
			if y[e] >= x[e]-1e-9 {
				continue
			}
			people[e]++
			for _, l := range old {
				if covers[l.Programme][e] > 0 && !has(now, l.Programme) {
					note(outs, e, l.Programme)
				}
			}
			for _, l := range now {
				if !has(old, l.Programme) {
					note(ins, e, l.Programme)
				}
			}
		}
	}
	out := []Swap{}
	for e, n := range people {
		out = append(out, Swap{e, n, most(outs[e]), most(ins[e])})
	}
	slices.SortFunc(out, func(a, b Swap) int { return cmp.Compare(a.Element, b.Element) })
	return out
}

// most is the key counted most often, the first of those counted alike; "" of nothing.
func most(n map[string]int) string {
	best := ""
	for k, x := range n {
		if best == "" || x > n[best] || x == n[best] && k < best {
			best = k
		}
	}
	return best
}

// suiting parts the programmes that can be taken today into those that are meant for somebody of a selection and close
// something that they need, and the others.
func (v sources) suiting(programmes []Programme, open func(Programme) bool) (suit, others []Programme) {
	kinds := map[[2]string]map[string]bool{} // themes needed by position and subject
	for _, n := range v.needs {
		if n.Weight() <= 0 || v.having[n.Person] {
			continue
		}
		k := [2]string{n.Position, n.Subject}
		if kinds[k] == nil {
			kinds[k] = map[string]bool{}
		}
		kinds[k][n.Element] = true
	}
	for _, g := range programmes {
		if !open(g) {
			continue
		}
		fits := false
		for k, themes := range kinds {
			fits = fits || g.SuitedTo(k[0], k[1]) && slices.ContainsFunc(g.Covers, func(c Cover) bool { return themes[c.Element] })
		}
		if fits {
			suit = append(suit, g)
		} else {
			others = append(others, g)
		}
	}
	return suit, others
}

// themes are those that somebody of a selection needs, most people first.
func (v sources) themes() []string {
	people := map[string]map[access.PersonID]bool{}
	for _, n := range v.needs {
		if n.Weight() <= 0 || v.having[n.Person] {
			continue
		}
		if people[n.Element] == nil {
			people[n.Element] = map[access.PersonID]bool{}
		}
		people[n.Element][n.Person] = true
	}
	out := []string{}
	for e := range people {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(people[b]), len(people[a])), cmp.Compare(a, b)) })
	return out
}
