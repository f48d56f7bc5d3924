package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// kindAlone is a kind of problem of one teacher: its shape, and what is changed in it.
type kindAlone struct {
	name   string
	hours  float64
	money  float64
	needs  int // deficits; 0: eight
	change func(g *Programme, i int, rnd *rand.Rand)
}

// lone are kinds that differ in what makes them hard.
var lone = []kindAlone{
	{name: "plain", money: 20000},
	{name: "dense", change: func(g *Programme, _ int, rnd *rand.Rand) { // each covers much, all of it weakly
		g.Covers = map[string]float64{}
		for _, e := range rnd.Perm(25)[:3+3*rnd.IntN(5)] {
			g.Covers[fmt.Sprintf("e%02d", e)] = math.Round(200+2300*rnd.Float64()) / 10000
		}
		for j := range g.Sessions { // and takes weeks
			if s := &g.Sessions[j]; s.Mode == FullTime {
				s.End = s.Start + Day(rnd.IntN(26))
			}
		}
	}},
	{name: "tiny", hours: 60, change: func(g *Programme, _ int, rnd *rand.Rand) { g.Hours = float64(2 + rnd.IntN(5)) }},
	{name: "long", hours: 144, needs: 20},
	{name: "fine", change: func(g *Programme, _ int, rnd *rand.Rand) { g.Hours = float64(5 + rnd.IntN(76)) }},
	{name: "dear", money: 15000, change: func(g *Programme, _ int, rnd *rand.Rand) { g.Hours = float64(5 + rnd.IntN(76)) }},
	{name: "even", change: func(g *Programme, _ int, rnd *rand.Rand) { // an hour is worth the same everywhere
		g.Hours = float64(12 * (1 + rnd.IntN(3)))
		for e := range g.Covers {
			g.Covers[e] = g.Hours / 72
		}
	}},
	{name: "whole", change: func(g *Programme, _ int, rnd *rand.Rand) { // what is covered is covered at once
		for e := range g.Covers {
			g.Covers[e] = 1
		}
	}},
	{name: "chains", change: func(g *Programme, i int, rnd *rand.Rand) {
		g.Requires = nil
		for range min(i, rnd.IntN(3)) {
			if q := fmt.Sprintf("p%03d", rnd.IntN(i)); !slices.Contains(g.Requires, q) {
				g.Requires = append(g.Requires, q)
			}
		}
	}},
	{name: "at once", change: func(g *Programme, _ int, rnd *rand.Rand) { // all days in one month
		for j := range g.Sessions {
			s := &g.Sessions[j]
			s.Mode, s.Start = FullTime, date(100+rnd.IntN(20))
			s.End = s.Start + Day(rnd.IntN(8))
		}
	}},
}

// alone makes the problem of one teacher of a kind from a seed.
func alone(kind int, programmes int, seed uint64) *Problem {
	k := lone[kind]
	s := shape{programmes: programmes, teachers: 1, elements: 25, deficits: 8, covers: 5, sessions: 3, hours: 108, days: 300, groups: 0.1, requires: 0.1, cost: k.money}
	if k.hours > 0 {
		s.hours = k.hours
	}
	if k.needs > 0 {
		s.deficits = k.needs
	}
	p := random(seed, s)
	if k.change != nil {
		rnd := rand.New(rand.NewPCG(seed, 11))
		for i := range p.Programmes {
			k.change(&p.Programmes[i], i, rnd)
		}
	}
	return p
}

// A search that is told to stop gives the best route known, with a bound that holds: at once, in the middle, and with
// demands, which it meets first.
func TestOneTeacherIsCutShort(t *testing.T) {
	long := slices.IndexFunc(lone, func(k kindAlone) bool { return k.name == "long" })
	for _, demands := range []bool{false, true} {
		p := alone(long, 120, 3)
		if demands {
			for i := range p.Programmes {
				if g := &p.Programmes[i]; len(g.Requires) == 0 && g.Hours <= 24 && g.Group == "" && g.Sessions[0].Mode == Online {
					p.Teachers[0].Required = append(p.Teachers[0].Required, g.ID)
				}
				if len(p.Teachers[0].Required) == 3 {
					break
				}
			}
		}
		whole := checked(t, p)
		if whole.Gap != 0 || whole.Teachers[0].Conflict != nil {
			t.Fatalf("with all the time: gap %g, conflict %v", whole.Gap, whole.Teachers[0].Conflict)
		}
		asked := 0
		Plan(p, Options{Expired: func() bool { asked++; return false }})
		last := 0.0
		for _, calls := range []int{0, asked / 2} {
			left, more := calls, 0
			a := Plan(p, Options{Workers: 1, Expired: func() bool {
				if left--; left < 0 {
					more++
				}
				return left < 0
			}})
			for _, b := range Check(p, &a) {
				t.Errorf("after %d: %s", calls, b)
			}
			if a.Teachers[0].Conflict != nil || a.Objective <= 0 || a.Objective < last || a.Objective > whole.Objective+1e-9 || a.Bound < whole.Objective-1e-9 || a.Gap <= 0 {
				t.Errorf("after %d: objective %g, bound %g, the best is %g, conflict %v", calls, a.Objective, a.Bound, whole.Objective, a.Teachers[0].Conflict)
			}
			if more > 50 {
				t.Errorf("after %d: asked %d times more", calls, more)
			}
			last = a.Objective
		}
	}
}

// One teacher, exact: processor time, median and worst of a thousand, of a hundred where a kind takes long.
func BenchmarkOneTeacher(b *testing.B) {
	for _, c := range []struct {
		programmes    int
		median, worst time.Duration
	}{{120, time.Millisecond, 50 * time.Millisecond}, {300, 0, 500 * time.Millisecond}} {
		for kind := range lone {
			seeds := uint64(1000)
			if c.programmes == 300 && kind > 0 {
				seeds = 100
			}
			b.Run(fmt.Sprintf("%d %s", c.programmes, lone[kind].name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				s := newSearcher(newModel(&Problem{}))
				for b.Loop() {
					var all []time.Duration
					var nodes []int
					for seed := range seeds {
						p := alone(kind, c.programmes, seed)
						from := spent(true)
						m := newModel(p)
						q := m.person(&p.Teachers[0])
						s.reset(m) // as Plan does: the scratch of one search serves the next
						f := s.solve(&q, nil, nil, 0)
						all = append(all, spent(true)-from)
						nodes = append(nodes, f.nodes)
					}
					slices.Sort(all)
					slices.Sort(nodes)
					b.ReportMetric(float64(len(all)), "teachers")
					b.ReportMetric(float64(all[len(all)/2].Microseconds()), "median-µs")
					b.ReportMetric(float64(all[len(all)-1].Microseconds()), "worst-µs")
					b.ReportMetric(float64(nodes[len(nodes)/2]), "median-nodes")
					b.ReportMetric(float64(nodes[len(nodes)-1]), "worst-nodes")
					b.ReportMetric(float64(c.median.Microseconds()), "target-median-µs")
					b.ReportMetric(float64(c.worst.Microseconds()), "target-worst-µs")
				}
			})
		}
	}
}
