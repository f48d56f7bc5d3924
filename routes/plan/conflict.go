package plan

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// clash is the demands on one teacher that cannot hold together. None of them can be left out; smallest tells that no
// set of fewer demands is in conflict either.
type clash struct {
	set      []Demand
	smallest bool
}

// conflict finds the smallest set of demands on the teacher at index t that cannot hold together: every one, two,
// three … of them, as long as that is cheap. A deletion filter goes before (each demand is dropped in turn, and stays
// dropped where the rest still conflicts): it bounds the size, and its set is the answer where the count breaks off.
// Where the teacher alone has a route, the seats others hold are what stands in the way.
func conflict(p *Problem, t int) clash {
	g := newGround(p, t)
	n := len(g.all)
	whole := make([]int, n)
	for i := range whole {
		whole[i] = i
	}
	if g.holds(whole) {
		return clash{[]Demand{{Kind: "seats", Words: "the seats of the sessions asked for are held by others"}}, true}
	}
	kept := whole
	for i := 0; i < len(kept); {
		if less := slices.Delete(slices.Clone(kept), i, i+1); g.holds(less) {
			i++
		} else {
			kept = less
		}
	}
	smallest := !g.unsure
	if n <= 64 {
		for size := 1; size < len(kept) && smallest; size++ {
			set, all := g.first(size)
			if set != nil {
				kept = set
				break
			}
			smallest = all && !g.unsure
		}
	} else {
		smallest = smallest && len(kept) == 1
	}
	out := clash{set: []Demand{}, smallest: smallest}
	for _, k := range kept {
		out.set = append(out.set, g.all[k].Demand)
	}
	return out
}

// ground is one teacher's demands upon nothing but the programmes that matter to whether they can hold: those asked
// for, what these require, and those done. Deficits play no part.
type ground struct {
	p      Problem
	all    []relax
	s      *searcher
	unsure bool     // a search was cut short: its set was taken to hold
	hold   []uint64 // sets known to hold, as large as they get; with up to 64 demands
	asked  int
}

func newGround(p *Problem, t int) *ground {
	one := only(p, t)
	who := &one.Teachers[0]
	g := &ground{all: demandsOf(p, t)}
	who.Deficits, who.Keep = nil, nil
	who.Limits, one.Limits = who.Limits.over(one.Limits), Limits{}
	matters := map[string]bool{}
	var add func(id string)
	index := map[string]int{}
	for i := range p.Programmes {
		index[p.Programmes[i].ID] = i
	}
	add = func(id string) {
		if i, ok := index[id]; ok && !matters[id] {
			matters[id] = true
			for _, q := range p.Programmes[i].Requires {
				add(q)
			}
		}
	}
	for _, l := range who.demands() {
		add(l.Programme)
	}
	for _, d := range who.Done {
		add(d)
	}
	lost := func(id string) bool { return !matters[id] }
	one.Programmes = slices.DeleteFunc(slices.Clone(p.Programmes), func(x Programme) bool { return lost(x.ID) })
	who.Forbidden = slices.DeleteFunc(slices.Clone(who.Forbidden), lost)
	who.UnderWay = slices.DeleteFunc(slices.Clone(who.UnderWay), lost)
	one.Equivalents = nil
	for _, set := range p.Equivalents {
		one.Equivalents = append(one.Equivalents, slices.DeleteFunc(slices.Clone(set), lost))
	}
	g.p = one
	m := newModel(&g.p)
	g.s = newSearcher(m)
	return g
}

// holds tells whether a route exists that keeps these demands and no others.
func (g *ground) holds(kept []int) bool {
	q := g.p
	who := q.Teachers[0]
	for i, d := range g.all {
		if !slices.Contains(kept, i) {
			d.drop(&q, &who)
		}
	}
	if len(who.demands()) == 0 {
		return true // the empty route keeps all limits
	}
	x := g.s.m.person(&who)
	f := g.s.solve(&x, nil, nil, 20_000)
	g.asked++
	if !f.feasible && !math.IsInf(f.bound, -1) {
		g.unsure = true
		return true
	}
	return f.feasible
}

// first finds the first conflicting set of that size in the order of the demands; nil when there is none, all telling
// whether every set was looked at. A set that holds is filled up as far as it goes, and what lies inside it is not
// asked again.
func (g *ground) first(size int) (set []int, all bool) {
	const sets, asks = 300_000, 400
	n := len(g.all)
	pick := make([]int, size)
	for i := range pick {
		pick[i] = i
	}
	for range sets {
		mask := uint64(0)
		for _, i := range pick {
			mask |= 1 << i
		}
		if !slices.ContainsFunc(g.hold, func(h uint64) bool { return mask&^h == 0 }) {
			if g.asked > asks {
				return nil, false
			}
			if !g.holds(pick) {
				return pick, true
			}
			for i := range n {
				if mask&(1<<i) == 0 && g.holds(members(mask|1<<i)) {
					mask |= 1 << i
				}
			}
			g.hold = append(g.hold, mask)
		}
		at := size - 1
		for at >= 0 && pick[at] == n-size+at {
			at--
		}
		if at < 0 {
			return nil, true
		}
		pick[at]++
		for i := at + 1; i < size; i++ {
			pick[i] = pick[i-1] + 1
		}
	}
	return nil, false
}

// members lists the places of the ones in a mask.
func members(mask uint64) []int {
	var out []int
	for ; mask != 0; mask &= mask - 1 {
		out = append(out, bits.TrailingZeros64(mask))
	}
	return out
}

// Conflict finds the smallest set of demands that cannot hold together for the teacher at index t; nil when all can.
func Conflict(p *Problem, t int) []Demand {
	if Best(p, t).Teachers[0].Conflict == nil {
		return nil
	}
	return conflict(p, t).set
}

func (c clash) String() string {
	var words []string
	for _, d := range c.set {
		words = append(words, d.Words)
	}
	set := strings.Join(words, "; ")
	switch {
	case len(words) == 1:
		return "this cannot hold: " + set
	case c.smallest:
		return fmt.Sprintf("the fewest demands that cannot hold together, %d of them: %s", len(words), set)
	}
	return "these cannot hold together, and none of them can be left out: " + set
}
