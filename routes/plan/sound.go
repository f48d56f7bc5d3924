package plan

import (
	"fmt"
	"slices"
)

// settle decides what becomes of the faults: all refuse the problem, or their owners are left out.
func (r *reader) settle(p *Problem, skipBad bool) (skipped, faults []Fault) {
	if !skipBad {
		return nil, r.faults
	}
	bad := map[string]bool{}
	for _, f := range r.faults {
		if f.owner == "" {
			faults = append(faults, f)
		} else {
			bad[f.owner] = true
			skipped = append(skipped, f)
		}
	}
	if len(faults) > 0 {
		return nil, r.faults
	}
	// A programme that needs one left out cannot be taken either, unless the teacher has done it: it stays
	// only when all its requirements stay.
	gone := map[string]bool{}
	stay := map[string]bool{}
	for i, g := range p.Programmes {
		if bad[fmt.Sprintf("programmes[%d]", i)] {
			gone[g.ID] = true
		} else {
			stay[g.ID] = true
		}
	}
	for changed := true; changed; {
		changed = false
		for i, g := range p.Programmes {
			at := fmt.Sprintf("programmes[%d]", i)
			if bad[at] {
				continue
			}
			for _, q := range g.Requires {
				if gone[q] && !stay[q] {
					bad[at], gone[g.ID], changed = true, true, true
					delete(stay, g.ID)
					skipped = append(skipped, Fault{Line: r.line(r.began[at]), Place: at, What: fmt.Sprintf("requires %q, which was left out", q)})
					break
				}
			}
		}
	}
	keep := p.Programmes[:0]
	for i, g := range p.Programmes {
		if !bad[fmt.Sprintf("programmes[%d]", i)] {
			keep = append(keep, g)
		}
	}
	p.Programmes = keep
	for i := range p.Equivalents {
		set := p.Equivalents[i]
		var rest []string
		for j, q := range set {
			if stay[q] && slices.Index(set, q) == j {
				rest = append(rest, q)
			}
		}
		p.Equivalents[i] = rest
	}
	teachers := p.Teachers[:0]
	for i, t := range p.Teachers {
		at := fmt.Sprintf("teachers[%d]", i)
		if bad[at] {
			continue
		}
		lost := func(q string) bool { return !stay[q] }
		t.Done = slices.DeleteFunc(t.Done, lost)
		t.Forbidden = slices.DeleteFunc(t.Forbidden, lost)
		t.UnderWay = slices.DeleteFunc(t.UnderWay, lost)
		t.Keep = slices.DeleteFunc(t.Keep, func(l Lock) bool { return lost(l.Programme) })
		if j := slices.IndexFunc(t.Required, lost); j >= 0 {
			skipped = append(skipped, Fault{Line: r.line(r.began[at]), Place: at, What: fmt.Sprintf("requires %q, which was left out", t.Required[j])})
			continue
		}
		if j := slices.IndexFunc(t.Locked, func(l Lock) bool { return lost(l.Programme) }); j >= 0 {
			skipped = append(skipped, Fault{Line: r.line(r.began[at]), Place: at, What: fmt.Sprintf("locks %q, which was left out", t.Locked[j].Programme)})
			continue
		}
		teachers = append(teachers, t)
	}
	p.Teachers = teachers
	return skipped, nil
}

// cycles finds one circle of requirements from each knot of them, as indexes into progs.
func cycles(progs []Programme) [][]int {
	index := map[string]int{}
	for i := len(progs) - 1; i >= 0; i-- {
		index[progs[i].ID] = i
	}
	const (
		fresh = iota
		open
		closed
	)
	state := make([]int, len(progs))
	var path []int
	var found [][]int
	var walk func(i int)
	walk = func(i int) {
		state[i] = open
		path = append(path, i)
		for _, q := range progs[i].Requires {
			j, ok := index[q]
			if !ok {
				continue
			}
			switch state[j] {
			case fresh:
				walk(j)
			case open:
				found = append(found, slices.Clone(path[slices.Index(path, j):]))
			}
		}
		path = path[:len(path)-1]
		state[i] = closed
	}
	for i := range progs {
		if state[i] == fresh {
			walk(i)
		}
	}
	return found
}

// softWarnings names what is allowed but worth a look.
func softWarnings(p *Problem) []string {
	var out []string
	covered := map[string]bool{}
	for _, g := range p.Programmes {
		for e, s := range g.Covers {
			if s > 0 {
				covered[e] = true
			}
		}
	}
	orphans := map[string]bool{}
	for _, t := range p.Teachers {
		some := false
		for e, w := range t.Deficits {
			if w > 0 {
				some = true
				if !covered[e] {
					orphans[e] = true
				}
			}
		}
		if !some {
			out = append(out, fmt.Sprintf("teacher %q has no deficits", t.ID))
		}
	}
	for _, e := range keys(orphans) {
		out = append(out, fmt.Sprintf("no programme covers element %q", e))
	}
	for _, g := range p.Programmes {
		if len(g.Sessions) == 0 {
			out = append(out, fmt.Sprintf("programme %q has no sessions", g.ID))
		}
		for _, s := range g.Sessions {
			if s.Seats != nil && *s.Seats == 0 {
				out = append(out, fmt.Sprintf("session %q of programme %q has no seats", s.ID, g.ID))
			}
		}
	}
	return out
}
