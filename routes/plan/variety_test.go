package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
)

// kinds are problems of many teachers that differ in what is scarce.
var kinds = map[string]struct {
	shape
	change func(p *Problem)
	gap    float64 // at most, where teachers are few
}{
	"half the seats wanted": {shape: shape{programmes: 40, elements: 15, deficits: 5, covers: 3, sessions: 2, hours: 72, seats: 2, days: 300, groups: 0.1, requires: 0.1, cost: 20000}, gap: 0.003},
	"few large programmes":  {shape: shape{programmes: 6, elements: 12, deficits: 5, covers: 5, sessions: 3, hours: 108, seats: 8, days: 300}, gap: 0.003},
	"dear":                  {shape: shape{programmes: 40, elements: 15, deficits: 5, covers: 3, sessions: 2, hours: 108, seats: 3, days: 300, cost: 4000}, gap: 0.003},
	"long chains": {shape: shape{programmes: 30, elements: 12, deficits: 5, covers: 3, sessions: 3, hours: 108, seats: 4, days: 400}, gap: 0.003, change: func(p *Problem) {
		for i := range p.Programmes {
			if i%5 > 0 {
				p.Programmes[i].Requires = []string{p.Programmes[i-1].ID}
			}
		}
	}},
	"sessions at once": {shape: shape{programmes: 30, elements: 12, deficits: 5, covers: 3, sessions: 6, hours: 108, seats: 2, days: 25}, gap: 0.003, change: func(p *Problem) {
		for i := range p.Programmes {
			for j := range p.Programmes[i].Sessions {
				p.Programmes[i].Sessions[j].Mode = FullTime
			}
		}
	}},
	"teachers alike": {shape: shape{programmes: 30, elements: 12, deficits: 5, covers: 3, sessions: 2, hours: 72, seats: 4, days: 300}, gap: 0.001, change: func(p *Problem) {
		for i := range p.Teachers {
			p.Teachers[i] = Teacher{ID: p.Teachers[i].ID, Deficits: p.Teachers[i%2].Deficits}
		}
	}},
	"weights of nothing": {shape: shape{programmes: 30, elements: 12, deficits: 5, covers: 3, sessions: 2, hours: 72, seats: 3, days: 300, groups: 0.2, requires: 0.2}, gap: 0.003, change: func(p *Problem) {
		for i := range p.Teachers {
			for e := range p.Teachers[i].Deficits {
				if i%3 == 0 || e < "e05" {
					p.Teachers[i].Deficits[e] = 0
				}
			}
		}
	}},
}

func kindOf(name string, teachers int, seed uint64) *Problem {
	k := kinds[name]
	s := k.shape
	s.teachers, s.seats = teachers, max(1, s.seats*teachers/60)
	p := random(seed, s)
	if k.change != nil {
		k.change(p)
	}
	return p
}

// Whatever is scarce: the checker finds nothing, the bound holds and the gap is small; so too among hundreds, where
// seats are dealt out.
func TestVariety(t *testing.T) {
	sizes := []int{45, 400}
	if testing.Short() {
		sizes = []int{30}
	}
	for _, name := range keys(kinds) {
		for _, n := range sizes {
			p := kindOf(name, n, uint64(n))
			a := checked(t, p)
			if a.Bound < a.Objective || a.Gap > kinds[name].gap {
				t.Errorf("%s, %d teachers: objective %.4f, bound %.4f, gap %.4f", name, n, a.Objective, a.Bound, a.Gap)
			}
			t.Logf("%s, %d: %.4f gap %.4f %%", name, n, a.Objective, a.Gap*100)
		}
	}
}

// Time that is up at once, or in the middle, leaves a plan that keeps the rules, with an honest bound.
func TestTimeIsUp(t *testing.T) {
	n := 4500 // enough to look for prices among a part first
	if testing.Short() {
		n = 400
	}
	p := kindOf("few large programmes", n, 1)
	last := 0.0
	for _, asked := range []int{0, 200, 20_000} {
		left := asked
		a := Plan(p, Options{Workers: 1, Endless: true, Expired: func() bool { left--; return left < 0 }})
		for _, b := range Check(p, &a) {
			t.Errorf("after %d: %s", asked, b)
		}
		if a.Bound < a.Objective || a.Objective <= 0 {
			t.Errorf("after %d: objective %g, bound %g", asked, a.Objective, a.Bound)
		}
		last = math.Max(last, a.Objective)
	}
	if a := checked(t, p); a.Objective < last-1e-9 || a.Gap > 0.02 {
		t.Errorf("with all the time: objective %g gap %g, cut short %g", a.Objective, a.Gap, last)
	}
}

// The same bytes on one processor and on two, for a class, hundreds and thousands.
func TestSameBytesOnOneProcessorAndTwo(t *testing.T) {
	sizes := []int{60, 400, 4200}
	if testing.Short() {
		sizes = []int{60}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range sizes {
		kind := "half the seats wanted"
		if n > 1000 || testing.Short() { // the quickest kind
			kind = "few large programmes"
		}
		p := kindOf(kind, n, 7)
		var first []byte
		for _, procs := range []int{1, 2} {
			runtime.GOMAXPROCS(procs)
			a := Plan(p, Options{Workers: procs})
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b
			} else if !bytes.Equal(first, b) {
				t.Errorf("%d teachers: one processor and two give different answers", n)
			}
		}
	}
}

// exact is the optimum of a few teachers under shared seats, over all combinations of all their routes.
func exact(p *Problem) float64 {
	type route struct {
		v     float64
		steps [][2]int
	}
	routes := make([][]route, len(p.Teachers))
	for i := range p.Teachers {
		every(p, &p.Teachers[i], func(st [][2]int, v float64) { routes[i] = append(routes[i], route{v, slices.Clone(st)}) })
	}
	best := math.Inf(-1)
	use := map[[2]int]int{}
	var walk func(i int, v float64)
	walk = func(i int, v float64) {
		if i == len(routes) {
			best = math.Max(best, v)
			return
		}
	next:
		for _, r := range routes[i] {
			for _, s := range r.steps {
				if n := p.Programmes[s[0]].Sessions[s[1]].Seats; n != nil && use[s] >= *n {
					continue next
				}
			}
			for _, s := range r.steps {
				use[s]++
			}
			walk(i+1, v+r.v)
			for _, s := range r.steps {
				use[s]--
			}
		}
	}
	walk(0, 0)
	return best
}

// More hours, seats or programmes never take the plan of several teachers below what was possible without.
func TestMoreNeverWorsensMany(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 12
	}
	for seed := range seeds {
		s := shape{programmes: 4, teachers: 3, elements: 4, deficits: 3, covers: 3, sessions: 2, hours: 36, seats: 1, days: 120, groups: 0.2, requires: 0.2}
		base := exact(random(seed, s))
		for what, change := range map[string]func(q *Problem){
			"hours": func(q *Problem) { *q.Limits.Hours += 18 },
			"seats": func(q *Problem) {
				for i := range q.Programmes {
					for j := range q.Programmes[i].Sessions {
						*q.Programmes[i].Sessions[j].Seats++
					}
				}
			},
			"programmes": func(q *Problem) {
				extra := q.Programmes[int(seed)%len(q.Programmes)]
				extra.ID, extra.Requires, extra.Group, extra.Hours = "zz", nil, "", 8
				q.Programmes = append(q.Programmes, extra)
			},
		} {
			q := random(seed, s)
			change(q)
			if a := checked(t, q); a.Objective < base-1e-9 {
				t.Errorf("seed %d: with more %s %.9f, the optimum without %.9f", seed, what, a.Objective, base)
			}
		}
	}
}

// Few kinds of teachers, many of each: nobody can be told from the next by prices, and still the plan is close to its
// bound.
func TestManyOfAKind(t *testing.T) {
	sizes := []int{40, 200, 1000}
	if testing.Short() {
		sizes = []int{40, 200}
	}
	for _, kinds := range []int{1, 2, 10} {
		for _, n := range sizes {
			p := kindOf("teachers alike", n, uint64(n))
			for i := range p.Teachers {
				p.Teachers[i].Deficits = random(uint64(i%kinds), shape{programmes: 1, teachers: 1, elements: 12, deficits: 5, covers: 1, sessions: 1, days: 9}).Teachers[0].Deficits
			}
			if a := checked(t, p); a.Gap > 0.004 {
				t.Errorf("%d kinds, %d teachers: gap %.4f", kinds, n, a.Gap)
			}
		}
	}
}

// The same problem with twice the teachers and twice the seats is worth twice as much at least.
func TestBoundGrowsWithTeachers(t *testing.T) {
	p := kindOf("teachers alike", 40, 3)
	one := checked(t, p)
	for i := range 40 {
		who := p.Teachers[i]
		who.ID = fmt.Sprintf("u%05d", i)
		p.Teachers = append(p.Teachers, who)
	}
	for i := range p.Programmes {
		for j := range p.Programmes[i].Sessions {
			*p.Programmes[i].Sessions[j].Seats *= 2
		}
	}
	two := checked(t, p)
	if two.Bound < 2*one.Objective-1e-9 || two.Objective < 2*one.Objective-1e-6 {
		t.Errorf("one: %.6f to %.6f, twice: %.6f to %.6f", one.Objective, one.Bound, two.Objective, two.Bound)
	}
}
