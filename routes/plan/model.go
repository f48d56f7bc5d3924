package plan

import (
	"math"
	"slices"
	"strings"
)

// model is a problem with names turned into indexes, programmes sorted by id so that the order of the input
// does not matter.
type model struct {
	p       *Problem
	elems   []string
	elem    map[string]int
	progs   []prog
	byID    map[string]int
	slots   []slot
	penalty float64

	coverers [][]int32 // by element: the programmes that cover it
	alike    [][]int32 // sets of programmes that stand for each other
}

type prog struct {
	src      *Programme
	covers   []cover // sorted by element
	slots    []int   // sorted by start, end, id
	requires []int
	group    int     // at most one programme of a group; −1: free-standing
	linked   bool    // requires something or is required: then the dates of its sessions matter to others
	needed   bool    // something requires it
	sets     []int32 // sets of equivalents it is in
	hours    float64
	cost     float64
	pen      float64 // hour_penalty · hours
	quarters int64   // hours in quarters; −1 when they are not whole
}

type cover struct {
	elem  int32
	share float64
}

type slot struct {
	prog       int
	id         string
	start, end Day
	full       bool
	seats      int // −1: as many as wanted
	mode       Mode
	venue      string
	months     []monthPart
}

// monthPart is the part of a step's hours that falls in a month.
type monthPart struct {
	month Month
	hours float64
}

func newModel(p *Problem) *model {
	m := &model{p: p, elem: map[string]int{}, byID: map[string]int{}, penalty: p.HourPenalty}
	names := map[string]bool{}
	for _, g := range p.Programmes {
		for e := range g.Covers {
			names[e] = true
		}
	}
	for _, t := range p.Teachers {
		for e := range t.Deficits {
			names[e] = true
		}
	}
	m.elems = keys(names)
	for i, e := range m.elems {
		m.elem[e] = i
	}
	order := make([]int, len(p.Programmes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(p.Programmes[a].ID, p.Programmes[b].ID) })
	for _, i := range order {
		m.byID[p.Programmes[i].ID] = len(m.progs)
		m.progs = append(m.progs, prog{src: &p.Programmes[i], group: -1})
	}
	groups := map[string]int{}
	wishes := slices.ContainsFunc(p.Teachers, func(t Teacher) bool { return t.Preferences != nil }) // only these ask for months
	for i := range m.progs {
		g := &m.progs[i]
		g.hours, g.cost, g.pen = g.src.Hours, g.src.Cost, p.HourPenalty*g.src.Hours
		g.quarters = int64(math.Round(g.hours * 4))
		if math.Abs(g.hours*4-float64(g.quarters)) > 1e-9 || g.quarters > 1e9 {
			g.quarters = -1
		}
		if name := g.src.Group; name != "" {
			if _, ok := groups[name]; !ok {
				groups[name] = len(groups)
			}
			g.group = groups[name]
		}
		for _, e := range keys(g.src.Covers) {
			if s := g.src.Covers[e]; s > 0 {
				g.covers = append(g.covers, cover{int32(m.elem[e]), math.Min(s, 1)})
			}
		}
		for _, q := range g.src.Requires {
			j := m.byID[q]
			if !slices.Contains(g.requires, j) {
				g.requires = append(g.requires, j)
			}
			g.linked, m.progs[j].linked, m.progs[j].needed = true, true, true
		}
		slices.Sort(g.requires)
		from := len(m.slots)
		for _, s := range g.src.Sessions {
			x := slot{prog: i, id: s.ID, start: s.Start, end: s.End, full: s.Mode == FullTime, seats: -1, mode: s.Mode, venue: s.Venue}
			if wishes {
				x.months = monthsOf(g.src.Hours, s.Start, s.End)
			}
			if s.Seats != nil {
				x.seats = *s.Seats
			}
			m.slots = append(m.slots, x)
		}
		slices.SortFunc(m.slots[from:], func(a, b slot) int {
			if a.start != b.start {
				return int(a.start - b.start)
			}
			if a.end != b.end {
				return int(a.end - b.end)
			}
			return strings.Compare(a.id, b.id)
		})
		for k := from; k < len(m.slots); k++ {
			g.slots = append(g.slots, k)
		}
	}
	m.coverers = make([][]int32, len(m.elems))
	for i := range m.progs {
		for _, c := range m.progs[i].covers {
			m.coverers[c.elem] = append(m.coverers[c.elem], int32(i))
		}
	}
	for _, set := range p.Equivalents {
		var a []int32
		for _, id := range set {
			i := m.byID[id]
			a = append(a, int32(i))
			m.progs[i].sets = append(m.progs[i].sets, int32(len(m.alike)))
		}
		m.alike = append(m.alike, a)
	}
	return m
}

// worth is the true value of a set of slots for a person: the weighted shares covered less the penalty of hours, and
// the bonus of each slot kept. (The objective counts the changes instead, which differs by a constant.)
func (m *model) worth(q *person, set []int32) float64 {
	var buf [32]float64
	resid := buf[:0]
	for range q.elems {
		resid = append(resid, 1)
	}
	v := 0.0
	for _, s := range set {
		g := &m.progs[m.slots[s].prog]
		v -= g.pen
		if len(q.kept) > 0 && slices.Contains(q.kept, s) {
			v += q.bonus
		}
		for _, c := range g.covers {
			if e, ok := slices.BinarySearch(q.elems, c.elem); ok {
				take := math.Min(resid[e], c.share)
				v += q.weights[e] * take
				resid[e] -= take
			}
		}
	}
	return v
}
