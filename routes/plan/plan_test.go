package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// shape describes a family of random problems.
type shape struct {
	programmes, teachers, elements int
	deficits, covers, sessions     int
	hours                          float64
	seats                          int // mean seats of a session; 0: no limit
	days                           int // length of the window
	groups, requires               float64
	locks                          bool
	wishes                         bool // preferences, required programmes, equivalents, steps to keep
	cost                           float64
}

func date(d int) Day { return Day(20800 + d) }

// random makes a problem from a seed; the same seed gives the same problem.
func random(seed uint64, s shape) *Problem {
	rnd := rand.New(rand.NewPCG(seed, 7))
	p := &Problem{HourPenalty: 0.0005}
	h := s.hours
	from, to := date(0), date(s.days)
	p.Limits = Limits{Hours: &h, From: &from, To: &to}
	if s.cost > 0 {
		c := s.cost
		p.Limits.Cost = &c
	}
	lengths := []float64{8, 16, 18, 24, 36, 36, 48, 72}
	for i := range s.programmes {
		g := Programme{ID: fmt.Sprintf("p%03d", i), Hours: lengths[rnd.IntN(len(lengths))], Cost: float64(rnd.IntN(8)) * 1500, Covers: map[string]float64{}}
		for range 1 + rnd.IntN(s.covers) {
			g.Covers[fmt.Sprintf("e%02d", rnd.IntN(s.elements))] = float64(2+rnd.IntN(8)) / 10
		}
		for j := range 1 + rnd.IntN(s.sessions) {
			start := rnd.IntN(max(1, s.days))
			x := Session{ID: fmt.Sprintf("s%d", j), Start: date(start - 2), Mode: Online}
			x.End = x.Start + Day(10+rnd.IntN(30))
			if rnd.IntN(2) == 0 {
				x.Mode = FullTime
				x.End = x.Start + Day(1+rnd.IntN(5))
			}
			if s.seats > 0 {
				n := rnd.IntN(2*s.seats + 1)
				x.Seats = &n
			}
			g.Sessions = append(g.Sessions, x)
		}
		if rnd.Float64() < s.groups {
			g.Group = fmt.Sprintf("g%d", rnd.IntN(3))
		}
		if i > 0 && rnd.Float64() < s.requires {
			g.Requires = append(g.Requires, fmt.Sprintf("p%03d", rnd.IntN(i)))
		}
		p.Programmes = append(p.Programmes, g)
	}
	if s.wishes {
		p.ChangePenalty = 0.1
		for i := range p.Programmes {
			for j := range p.Programmes[i].Sessions {
				p.Programmes[i].Sessions[j].Venue = []string{"", "north", "south"}[rnd.IntN(3)]
			}
		}
		if s.programmes > 3 {
			p.Equivalents = [][]string{{"p000", "p002"}, {"p001", "p002", "p003"}}
		}
	}
	for i := range s.teachers {
		t := Teacher{ID: fmt.Sprintf("t%05d", i), Deficits: map[string]float64{}}
		for len(t.Deficits) < min(s.deficits, s.elements) {
			t.Deficits[fmt.Sprintf("e%02d", rnd.IntN(s.elements))] = float64(1+rnd.IntN(100)) / 100
		}
		if rnd.IntN(4) == 0 {
			t.Done = append(t.Done, p.Programmes[rnd.IntN(s.programmes)].ID)
		}
		if rnd.IntN(4) == 0 {
			a := date(rnd.IntN(max(1, s.days)))
			t.Unavailable = append(t.Unavailable, Span{a, a + Day(rnd.IntN(20))})
		}
		if s.locks && rnd.IntN(3) == 0 {
			g := p.Programmes[rnd.IntN(s.programmes)]
			l := Lock{Programme: g.ID}
			if rnd.IntN(2) == 0 {
				l.Session = g.Sessions[rnd.IntN(len(g.Sessions))].ID
			}
			t.Locked = append(t.Locked, l)
		}
		if s.locks && rnd.IntN(3) == 0 {
			t.Forbidden = append(t.Forbidden, p.Programmes[rnd.IntN(s.programmes)].ID)
		}
		if s.wishes {
			w := &Preferences{}
			switch rnd.IntN(5) {
			case 0:
				w.Modes = []Mode{FullTime}
			case 1:
				w.Venues = []string{"north", ""}
			case 2:
				w.Months = []Month{date(0).Month(), date(0).Month() + 1, date(0).Month() + 2}
			case 3:
				h := 20.0
				w.HoursAMonth = &h
			}
			t.Preferences = w
			if rnd.IntN(2) == 0 {
				for range 2 {
					t.UnderWay = append(t.UnderWay, p.Programmes[rnd.IntN(s.programmes)].ID)
				}
			}
			if rnd.IntN(4) == 0 {
				t.Required = []string{p.Programmes[rnd.IntN(s.programmes)].ID}
			}
			for range 2 {
				g := p.Programmes[rnd.IntN(s.programmes)]
				l := Lock{g.ID, g.Sessions[rnd.IntN(len(g.Sessions))].ID}
				if !slices.ContainsFunc(t.Keep, func(o Lock) bool { return o.Programme == l.Programme }) {
					t.Keep = append(t.Keep, l)
				}
			}
		}
		p.Teachers = append(p.Teachers, t)
	}
	return p
}

// stands are the steps of the route that stands but for those done: these are no change whatever is planned.
func stands(t *Teacher) (out []Lock) {
	for _, l := range t.Keep {
		if !slices.Contains(t.Done, l.Programme) {
			out = append(out, l)
		}
	}
	return out
}

// every lists all sets of steps that keep one teacher's rules, by plain recursion over programmes, with their worth.
func every(p *Problem, t *Teacher, visit func(steps [][2]int, worth float64)) {
	lim := t.Limits
	hours, cost := math.Inf(1), math.Inf(1)
	if p.Limits.Hours != nil {
		hours = *p.Limits.Hours
	}
	if lim.Hours != nil {
		hours = *lim.Hours
	}
	if p.Limits.Cost != nil {
		cost = *p.Limits.Cost
	}
	if lim.Cost != nil {
		cost = *lim.Cost
	}
	same := func(a, b string) bool {
		return a == b || slices.ContainsFunc(p.Equivalents, func(set []string) bool { return slices.Contains(set, a) && slices.Contains(set, b) })
	}
	done := func(id string) bool { return slices.ContainsFunc(t.Done, func(d string) bool { return same(d, id) }) }
	var steps [][2]int
	sound := func() (float64, bool) {
		share := map[string]float64{}
		h, c := 0.0, 0.0
		for i, a := range steps {
			g := p.Programmes[a[0]]
			s := g.Sessions[a[1]]
			h, c = h+g.Hours, c+g.Cost
			for e, x := range g.Covers {
				share[e] += x
			}
			for _, b := range steps[:i] {
				o := p.Programmes[b[0]]
				r := o.Sessions[b[1]]
				if same(g.ID, o.ID) || g.Group != "" && g.Group == o.Group || s.Mode == FullTime && r.Mode == FullTime && s.Start <= r.End && r.Start <= s.End {
					return 0, false
				}
			}
			for _, q := range g.Requires {
				ok := done(q)
				for _, b := range steps {
					ok = ok || p.Programmes[b[0]].ID == q && p.Programmes[b[0]].Sessions[b[1]].End < s.Start
				}
				if !ok {
					return 0, false
				}
			}
		}
		for _, l := range t.Locked {
			ok := done(l.Programme)
			for _, b := range steps {
				g := p.Programmes[b[0]]
				ok = ok || g.ID == l.Programme && (l.Session == "" || g.Sessions[b[1]].ID == l.Session)
			}
			if !ok {
				return 0, false
			}
		}
		for _, q := range t.Required {
			ok := done(q)
			for _, b := range steps {
				ok = ok || p.Programmes[b[0]].ID == q
			}
			if !ok {
				return 0, false
			}
		}
		if w := t.Preferences; w != nil && w.HoursAMonth != nil {
			load, asked := map[string]float64{}, map[string]bool{}
			for _, b := range steps {
				x := p.Programmes[b[0]].Sessions[b[1]]
				for d := x.Start; d <= x.End; d++ {
					load[d.String()[:7]] += p.Programmes[b[0]].Hours / float64(x.End-x.Start+1)
					if !slices.Contains(t.UnderWay, p.Programmes[b[0]].ID) {
						asked[d.String()[:7]] = true
					}
				}
			}
			for month, h := range load {
				if asked[month] && h > *w.HoursAMonth+1e-9 {
					return 0, false
				}
			}
		}
		v := -p.HourPenalty * h
		for _, l := range stands(t) {
			if !slices.ContainsFunc(steps, func(b [2]int) bool {
				return p.Programmes[b[0]].ID == l.Programme && p.Programmes[b[0]].Sessions[b[1]].ID == l.Session
			}) {
				v -= p.ChangePenalty
			}
		}
		for e, w := range t.Deficits {
			v += w * math.Min(1, share[e])
		}
		return v, h <= hours && c <= cost
	}
	var walk func(i int)
	walk = func(i int) {
		if i == len(p.Programmes) {
			if v, ok := sound(); ok {
				visit(steps, v)
			}
			return
		}
		walk(i + 1)
		g := p.Programmes[i]
		if done(g.ID) || slices.Contains(t.Forbidden, g.ID) {
			return
		}
		for j, s := range g.Sessions {
			if s.Seats != nil && *s.Seats == 0 || s.Start < *p.Limits.From || s.End > *p.Limits.To {
				continue
			}
			busy := false
			for _, u := range t.Unavailable {
				busy = busy || s.Mode == FullTime && s.Start <= u.End && u.Start <= s.End
			}
			if w := t.Preferences; w != nil && !slices.Contains(t.UnderWay, g.ID) {
				busy = busy || len(w.Modes) > 0 && !slices.Contains(w.Modes, s.Mode) || len(w.Venues) > 0 && !slices.Contains(w.Venues, s.Venue)
				for d := s.Start; d <= s.End; d++ {
					busy = busy || len(w.Months) > 0 && !slices.Contains(w.Months, d.Month())
				}
			}
			if busy {
				continue
			}
			steps = append(steps, [2]int{i, j})
			walk(i + 1)
			steps = steps[:len(steps)-1]
		}
	}
	walk(0)
}

func checked(t *testing.T, p *Problem) Answer {
	t.Helper()
	a := Plan(p, Options{})
	for _, b := range Check(p, &a) {
		t.Errorf("checker: %s", b)
	}
	return a
}

// Expected values: all routes written out, the best taken.
func TestOneTeacherAgainstAllRoutes(t *testing.T) {
	seeds := uint64(1500)
	if testing.Short() {
		seeds = 360
	}
	for seed := range seeds {
		s := shape{programmes: 3 + int(seed%7), teachers: 1, elements: 5, deficits: 4, covers: 3, sessions: 2,
			hours: []float64{0, 36, 54, 72, 108}[seed%5], days: []int{20, 60, 200}[seed%3], groups: 0.3, requires: 0.35, locks: seed%2 == 0}
		if seed%4 == 1 {
			s.cost = 9000
		}
		if seed%6 == 2 {
			s.seats = 1
		}
		s.wishes = seed%3 == 1
		p := random(seed, s)
		if seed%5 == 3 {
			h := 50.3
			p.Limits.Hours = &h
			p.Programmes[0].Hours = 16.7
		}
		want, some := math.Inf(-1), false
		every(p, &p.Teachers[0], func(_ [][2]int, v float64) { want, some = math.Max(want, v), true })
		a := checked(t, p)
		if !some {
			if a.Teachers[0].Conflict == nil {
				t.Fatalf("seed %d: no route keeps the locks, the plan has %+v", seed, a.Teachers[0])
			}
			continue
		}
		if a.Teachers[0].Conflict != nil || math.Abs(a.Objective-want) > 1e-9 || a.Gap != 0 {
			t.Fatalf("seed %d: objective %.12f gap %g conflict %v, the best of all routes is %.12f", seed, a.Objective, a.Gap, a.Teachers[0].Conflict, want)
		}
	}
}

// Expected values: all combinations of all routes of three teachers under the seats. Where demands outrun seats, as few
// as can be go without a route, and of those plans the best.
func TestManyTeachersAgainstAllPlans(t *testing.T) {
	worst, scarce := 0.0, 0
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		p := random(seed, shape{programmes: 5, teachers: 3, elements: 4, deficits: 3, covers: 3, sessions: 2, hours: 54, seats: 1, days: 120, groups: 0.2, requires: 0.2, wishes: seed%3 == 0})
		if seed%3 == 1 { // all want the same programme
			for i := range p.Teachers {
				p.Teachers[i].Required = []string{p.Programmes[int(seed)%2].ID}
			}
		}
		type route struct {
			v     float64
			steps [][2]int
			short int
		}
		routes := make([][]route, len(p.Teachers))
		for i := range p.Teachers {
			every(p, &p.Teachers[i], func(st [][2]int, v float64) { routes[i] = append(routes[i], route{v, slices.Clone(st), 0}) })
			if len(routes[i]) > 0 && !slices.ContainsFunc(routes[i], func(r route) bool { return len(r.steps) == 0 }) {
				routes[i] = append(routes[i], route{v: -p.ChangePenalty * float64(len(stands(&p.Teachers[i]))), short: 1})
			}
			if len(routes[i]) == 0 { // demands that cannot hold: no steps, all of the old ones dropped
				routes[i] = []route{{v: -p.ChangePenalty * float64(len(stands(&p.Teachers[i])))}}
			}
		}
		best, fewest := math.Inf(-1), len(routes)+1
		use := map[[2]int]int{}
		var walk func(i, short int, v float64)
		walk = func(i, short int, v float64) {
			if i == len(routes) {
				if short < fewest {
					best, fewest = v, short
				} else if short == fewest {
					best = math.Max(best, v)
				}
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
				walk(i+1, short+r.short, v+r.v)
				for _, s := range r.steps {
					use[s]--
				}
			}
		}
		walk(0, 0, 0)
		a := checked(t, p)
		short := 0
		for _, r := range a.Teachers {
			if len(r.Conflict) > 0 && r.Conflict[0].Kind == "seats" {
				short++
			}
		}
		if fewest > 0 {
			scarce++
		}
		if short != fewest {
			t.Fatalf("seed %d: %d without a route for want of seats, %d suffice", seed, short, fewest)
		}
		if a.Bound < best-1e-9 {
			t.Fatalf("seed %d: bound %.9f under the optimum %.9f", seed, a.Bound, best)
		}
		if a.Objective > best+1e-9 {
			t.Fatalf("seed %d: objective %.9f over the optimum %.9f", seed, a.Objective, best)
		}
		worst = math.Max(worst, (best-a.Objective)/math.Max(math.Abs(best), 0.1))
	}
	if scarce < int(seeds/20) {
		t.Errorf("only %d plans in which demands outrun seats", scarce)
	}
	if worst > 0.05 {
		t.Errorf("a plan of three teachers is %.1f %% off the optimum", worst*100)
	}
}

// Each conflicting set is smallest: all of it together leaves no route, none of it can be left out, and no fewer demands
// are in conflict.
func TestConflictIsSmallest(t *testing.T) {
	some, seeds := 0, uint64(400)
	if testing.Short() {
		seeds = 120
	}
	for seed := range seeds {
		p := random(seed, shape{programmes: 6, teachers: 1, elements: 5, deficits: 3, covers: 3, sessions: 2, hours: 36, days: 40, groups: 0.5, requires: 0.5, locks: true, wishes: true})
		p.Teachers[0].Required = append(p.Teachers[0].Required, "p004")
		a := checked(t, p)
		set := a.Teachers[0].Conflict
		if set == nil {
			continue
		}
		some++
		holds := func(kept []Demand) bool {
			q := *p
			who := q.Teachers[0]
			for _, d := range demandsOf(p, 0) {
				if !slices.Contains(kept, d.Demand) {
					d.drop(&q, &who)
				}
			}
			q.Teachers = []Teacher{who}
			if q.Limits.From == nil { // every reads the window without asking
				from, to := date(-1000), date(5000)
				q.Limits.From, q.Limits.To = &from, &to
			}
			ok := false
			every(&q, &q.Teachers[0], func([][2]int, float64) { ok = true })
			return ok
		}
		if holds(set) {
			t.Fatalf("seed %d: %v can hold together", seed, set)
		}
		for i := range set {
			if !holds(slices.Delete(slices.Clone(set), i, i+1)) {
				t.Fatalf("seed %d: %v is not smallest: %v can be left out", seed, set, set[i])
			}
		}
		if !*a.Teachers[0].Smallest {
			t.Fatalf("seed %d: %v is not proved smallest", seed, set)
		}
		all := demandsOf(p, 0)
		for mask := range uint64(1) << len(all) {
			if bits.OnesCount64(mask) != len(set)-1 {
				continue
			}
			var fewer []Demand
			for _, i := range members(mask) {
				fewer = append(fewer, all[i].Demand)
			}
			if !holds(fewer) {
				t.Fatalf("seed %d: %v is not smallest: %v conflict", seed, set, fewer)
			}
		}
	}
	if some < int(seeds/8) {
		t.Fatalf("only %d conflicts", some)
	}
}

// A goal of fairness lifts the territory that lags, and its price is what the objective loses.
func TestFairness(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 20
	}
	p := random(5, shape{programmes: n * 3 / 10, teachers: n, elements: 8, deficits: 4, covers: 3, sessions: 2, hours: 54, seats: 3, days: 150})
	for i := range p.Teachers {
		p.Teachers[i].Territory = "strong"
		if i%4 == 0 { // one whose teachers gain less from any seat
			p.Teachers[i].Territory = "weak"
			for e := range p.Teachers[i].Deficits {
				p.Teachers[i].Deficits[e] /= 3
			}
		}
	}
	plain := checked(t, p)
	goal := 0.95
	p.Fairness = &goal
	a := checked(t, p)
	least := func(after bool) float64 {
		out := 1.0
		for _, s := range a.Fair.Shares {
			if after {
				out = math.Min(out, s.After)
			} else {
				out = math.Min(out, s.Before)
			}
		}
		return out
	}
	if a.Fair == nil || least(true) <= least(false) || math.Abs(plain.Objective-a.Objective-a.Fair.Price) > 1e-9 || a.Fair.Price < 0 || a.Bound < a.Objective || !a.Fair.Reached && a.Bound < plain.Objective-1e-9 {
		t.Fatalf("%+v, objective %g without", a.Fair, plain.Objective)
	}
}

// Few seats, many, or nearly enough: the proven gap stays small.
// Three territories, one of which the plan without fairness gives next to nothing, few seats: the goal is found, near
// the best that its bound leaves room for.
func TestFairGoalIsFound(t *testing.T) {
	seeds, n, programmes := uint64(4), 24, 40
	if testing.Short() {
		seeds, n, programmes = 1, 6, 40
	}
	for seed := range seeds {
		p := random(seed, shape{programmes: programmes, teachers: n, elements: 20, deficits: 6, covers: 3, sessions: 2, hours: 54, seats: 1, days: 150})
		for i := range p.Teachers {
			p.Teachers[i].Territory = string(rune('A' + i%3))
			if i%3 == 2 {
				for e := range p.Teachers[i].Deficits {
					p.Teachers[i].Deficits[e] /= 3
				}
			}
		}
		goal := 0.95
		p.Fairness = &goal
		a := checked(t, p)
		if !a.Fair.Reached || a.Gap > 0.02 {
			t.Errorf("seed %d: gap %.4f, %+v", seed, a.Gap, a.Fair)
		}
	}
}

func TestGapStaysSmall(t *testing.T) {
	n, list := 150, []int{2, 8, 30, 60}
	if testing.Short() {
		n, list = 16, []int{2, 8}
	}
	for _, seats := range list {
		p := random(uint64(seats), shape{programmes: 34, teachers: n, elements: 10, deficits: 5, covers: 2, sessions: 2, hours: 72, seats: seats, days: 300, groups: 0.1, requires: 0.1})
		if a := checked(t, p); a.Gap > 0.005 {
			t.Errorf("about %d seats a session: gap %.4f", seats, a.Gap)
		}
	}
}

func TestMoreNeverWorsens(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		s := shape{programmes: 40, teachers: 1, elements: 12, deficits: 6, covers: 4, sessions: 2, hours: 54, seats: 1, days: 150, groups: 0.2, requires: 0.2, cost: 9000}
		p := random(seed, s)
		base := checked(t, p).Objective
		more := func(what string, change func(q *Problem)) {
			q := random(seed, s)
			change(q)
			if v := checked(t, q).Objective; v < base-1e-9 {
				t.Errorf("seed %d: with more %s %.9f, without %.9f", seed, what, v, base)
			}
		}
		more("hours", func(q *Problem) { *q.Limits.Hours += 10 })
		more("money", func(q *Problem) { *q.Limits.Cost += 3000 })
		more("days", func(q *Problem) { *q.Limits.To += 20 })
		more("seats", func(q *Problem) {
			for i := range q.Programmes {
				for j := range q.Programmes[i].Sessions {
					*q.Programmes[i].Sessions[j].Seats++
				}
			}
		})
		more("programmes", func(q *Problem) {
			extra := q.Programmes[int(seed)%len(q.Programmes)]
			extra.ID, extra.Requires, extra.Group, extra.Hours = "zz", nil, "", 8
			q.Programmes = append(q.Programmes, extra)
		})
	}
}

func TestOrderOfInputIsIrrelevant(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		p := random(seed, shape{programmes: 30, teachers: 12, elements: 10, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: 2, days: 150, groups: 0.2, requires: 0.2})
		a := checked(t, p)
		rnd := rand.New(rand.NewPCG(seed, 9))
		rnd.Shuffle(len(p.Programmes), func(i, j int) { p.Programmes[i], p.Programmes[j] = p.Programmes[j], p.Programmes[i] })
		rnd.Shuffle(len(p.Teachers), func(i, j int) { p.Teachers[i], p.Teachers[j] = p.Teachers[j], p.Teachers[i] })
		for i := range p.Programmes {
			slices.Reverse(p.Programmes[i].Sessions)
		}
		b := checked(t, p)
		slices.SortFunc(b.Teachers, func(x, y Route) int { return strings.Compare(x.ID, y.ID) })
		x, _ := json.Marshal(a.Teachers)
		y, _ := json.Marshal(b.Teachers)
		if !bytes.Equal(x, y) {
			t.Fatalf("seed %d: the order of the input changes the routes", seed)
		}
	}
}

func TestAnswerDoesNotDependOnWorkers(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 24
	}
	p := random(3, shape{programmes: 40, teachers: n, elements: 12, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: 3, days: 200, groups: 0.1, requires: 0.1})
	one, _ := json.Marshal(Plan(p, Options{Workers: 1}))
	four, _ := json.Marshal(Plan(p, Options{Workers: 4}))
	if !bytes.Equal(one, four) {
		t.Fatal("one worker and four give different answers")
	}
}

// Each breach of a rule, made by hand in a sound answer, is seen by the checker.
func TestCheckerSeesBreaches(t *testing.T) {
	read := func() (*Problem, Answer) {
		p, _, _, faults, err := Read(strings.NewReader(`{"limits":{"hours":72,"cost":100,"from":"2027-01-01","to":"2027-06-30"},"hour_penalty":0.0005,
		"programmes":[
		 {"id":"a","hours":16,"cost":10,"covers":{"x":0.5},"group":"g","sessions":[{"id":"1","start":"2027-02-01","end":"2027-02-03","mode":"full-time","seats":1}]},
		 {"id":"b","hours":36,"cost":20,"covers":{"x":0.5,"y":0.9},"requires":["a"],"sessions":[{"id":"1","start":"2027-03-01","end":"2027-03-03","mode":"full-time","seats":2},{"id":"0","start":"2027-02-02","end":"2027-02-02","mode":"full-time"}]},
		 {"id":"c","hours":8,"covers":{"y":0.1},"group":"g","sessions":[{"id":"1","start":"2026-12-31","end":"2027-03-03","mode":"online"}]}],
		"teachers":[{"id":"t","deficits":{"x":1,"y":1}}]}`), false)
		if err != nil || len(faults) > 0 {
			t.Fatal(err, faults)
		}
		a := Plan(&p, Options{})
		if bad := Check(&p, &a); bad != nil || len(a.Teachers[0].Steps) != 2 {
			t.Fatal(bad, a)
		}
		return &p, a
	}
	for name, spoil := range map[string]func(p *Problem, a *Answer){
		"hours":     func(p *Problem, a *Answer) { *p.Limits.Hours = 51 },
		"cost":      func(p *Problem, a *Answer) { *p.Limits.Cost = 29 },
		"window":    func(p *Problem, a *Answer) { *p.Limits.To = *p.Limits.From + 40 },
		"seats":     func(p *Problem, a *Answer) { *p.Programmes[0].Sessions[0].Seats = 0 },
		"done":      func(p *Problem, a *Answer) { p.Teachers[0].Done = []string{"a"} },
		"forbidden": func(p *Problem, a *Answer) { p.Teachers[0].Forbidden = []string{"b"} },
		"requires":  func(p *Problem, a *Answer) { p.Programmes[0].Requires = []string{"c"} },
		"busy": func(p *Problem, a *Answer) {
			d := p.Programmes[0].Sessions[0].End
			p.Teachers[0].Unavailable = []Span{{d, d}}
		},
		"group":        func(p *Problem, a *Answer) { p.Programmes[1].Group = "g" },
		"locked":       func(p *Problem, a *Answer) { p.Teachers[0].Locked = []Lock{{Programme: "c"}} },
		"clash":        func(p *Problem, a *Answer) { p.Programmes[1].Sessions[0].Start = p.Programmes[0].Sessions[0].End },
		"gain":         func(p *Problem, a *Answer) { a.Teachers[0].Steps[0].Closes["x"] = 0.6 },
		"objective":    func(p *Problem, a *Answer) { a.Objective += 0.01; a.Bound += 0.01 },
		"bound":        func(p *Problem, a *Answer) { a.Bound -= 0.5 },
		"twice":        func(p *Problem, a *Answer) { r := &a.Teachers[0]; r.Steps = append(r.Steps, r.Steps[0]) },
		"unknown":      func(p *Problem, a *Answer) { a.Teachers[0].Steps[0].Session = "9" },
		"uncovered":    func(p *Problem, a *Answer) { a.Teachers[0].Uncovered = nil },
		"another name": func(p *Problem, a *Answer) { a.Teachers[0].ID = "u" },
	} {
		p, a := read()
		spoil(p, &a)
		if Check(p, &a) == nil {
			t.Errorf("%s: the breach is not seen", name)
		}
	}
}

func TestBadInputIsNamedByPlace(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"programmes":[{"id":"a","hours":-1}]}`, "1: programmes[0].hours: -1 is negative"},
		{"{\"programmes\":[\n{\"id\":\"a\",\"requires\":[\"b\"]}]}", `2: programmes[0].requires[0]: unknown programme "b"`},
		{`{"programmes":[{"id":"a","requires":["b"]},{"id":"b","requires":["a"]}]}`, "circle: a → b → a"},
		{`{"programmes":[{"id":"a","requires":["a"]}]}`, "circle: a → a"},
		{`{"programmes":[{"id":"a"},{"id":"a"}]}`, "programmes[1].id: \"a\" is also the id"},
		{`{"teachers":[{"id":"a"},{"id":"a"}]}`, "teachers[1].id"},
		{`{"programmes":[{"id":"a","sessions":[{"id":"1","start":"2027-02-30","end":"2027-03-01"}]}]}`, "start: \"2027-02-30\" is not a date"},
		{`{"programmes":[{"id":"a","sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-01"}]}]}`, "sessions[0].end: 2027-02-01 is before the start"},
		{`{"programmes":[{"id":"a","sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-03","mode":"x"}]}]}`, "unknown mode"},
		{`{"programmes":[{"id":"a","sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-03","seats":1.5}]}]}`, "not a number of seats"},
		{`{"programmes":[{"id":"a","sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-03"},{"id":"1","start":"2027-02-02","end":"2027-02-03"}]}]}`, "sessions[1].id"},
		{`{"teachers":[{"id":"t","done":["q"]}]}`, `teachers[0].done[0]: unknown programme "q"`},
		{`{"teachers":[{"id":"t","deficits":{"x":1,"x":2}}]}`, "deficits.x: the key is written twice"},
		{`{"teachers":[{"id":"t","deficits":{"x":"1"}}]}`, "deficits.x: this is a string, expected a number"},
		{`{"teachers":[{"id":"t","unavailable":[{"start":"2027-01-02"}]}]}`, "unavailable[0].end: missing"},
		{`{"teachers":[{"id":"t","required":["q"]}]}`, `teachers[0].required[0]: unknown programme "q"`},
		{`{"teachers":[{"id":"t","preferences":{"months":["2027-13"]}}]}`, "preferences.months[0]: \"2027-13\" is not a month"},
		{`{"teachers":[{"id":"t","preferences":{"modes":["x"]}}]}`, "preferences.modes[0]: unknown mode"},
		{`{"programmes":[{"id":"a"}],"teachers":[{"id":"t","keep":[{"programme":"a"}]}]}`, "keep[0].session: missing"},
		{`{"equivalents":[["a"]]}`, `equivalents[0][0]: unknown programme "a"`},
		{`{"fairness":2}`, "fairness: 2 is above 1"},
		{`{"teachers":[{"deficits":{}}]}`, "teachers[0].id: missing"},
		{`{"limits":{"from":"2027-01-02","to":"2027-01-01"}}`, "limits.to: 2027-01-01 is before"},
		{`{"limits":{"hours":1e999}}`, "out of range"},
		{`{"limits":null}`, "limits: this is null"},
		{`[1]`, "expected an object"},
		{"{\n\"a\":", "2: not JSON"},
		{``, "not JSON"},
	} {
		_, _, _, faults, err := Read(strings.NewReader(c.in), false)
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, f := range faults {
			ok = ok || strings.Contains(f.String(), c.want)
		}
		if !ok {
			t.Errorf("%s\n got %v\nwant %s", c.in, faults, c.want)
		}
	}
}

func TestSkipBadPlansTheRest(t *testing.T) {
	in := `{"programmes":[{"id":"a","hours":-1},{"id":"b","hours":8,"requires":["a"]},
	{"id":"c","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}],
	"teachers":[{"id":"t","deficits":{"x":1}},{"id":"u","deficits":{"x":-1}}]}`
	p, _, skipped, faults, err := Read(strings.NewReader(in), true)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	if len(skipped) != 3 || len(p.Programmes) != 1 || len(p.Teachers) != 1 {
		t.Fatalf("left out %v; kept %d programmes, %d teachers", skipped, len(p.Programmes), len(p.Teachers))
	}
	if a := checked(t, &p); a.Objective != 1 {
		t.Fatalf("objective %g, want 1", a.Objective)
	}
}

// With no programme left, every teacher has an empty plan, whatever was asked.
func TestNoProgrammesLeft(t *testing.T) {
	for _, teachers := range []int{0, 1, 2, 9, 400} {
		in := `{"fairness":0.9,"change_penalty":0.1,"programmes":[{"id":"a","hours":-1,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}],"equivalents":[["a"]],"teachers":[`
		for i := range teachers {
			if i > 0 {
				in += ","
			}
			in += fmt.Sprintf(`{"id":"t%d","territory":"m%d","deficits":{"x":1},"done":["a"],"forbidden":["a"],"under_way":["a"],"keep":[{"programme":"a","session":"1"}],"preferences":{"hours_a_month":8}}`, i, i%2)
		}
		p, _, _, faults, err := Read(strings.NewReader(in+`]}`), true)
		if err != nil || len(faults) > 0 {
			t.Fatal(err, faults)
		}
		a := checked(t, &p)
		ExplainAll(&p, &a, nil)
		if a.Objective != 0 || a.Gap != 0 || len(a.Teachers) != teachers {
			t.Errorf("%d teachers: %+v", teachers, a)
		}
	}
}

func TestWarnings(t *testing.T) {
	_, warns, _, faults, _ := Read(strings.NewReader(`{"programmes":[{"id":"a","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02","seats":0}]}],
	"teachers":[{"id":"t","deficits":{"y":1}},{"id":"u"}]}`), false)
	if len(faults) > 0 || len(warns) != 3 {
		t.Fatal(faults, warns)
	}
}

func TestWhyUncovered(t *testing.T) {
	for want, in := range map[Why]string{
		NoProgramme: `"programmes":[{"id":"a","hours":8,"covers":{"z":1}}]`,
		NoDates:     `"limits":{"from":"2027-03-01"},"programmes":[{"id":"a","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}]`,
		NoSeats:     `"programmes":[{"id":"a","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02","seats":0}]}]`,
		NoHours:     `"limits":{"hours":4},"programmes":[{"id":"a","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}]`,
		NoCost:      `"limits":{"cost":4},"programmes":[{"id":"a","hours":8,"cost":5,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}]`,
		NotWorth:    `"hour_penalty":1,"programmes":[{"id":"a","hours":8,"covers":{"x":1},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]}]`,
	} {
		p, _, _, faults, _ := Read(strings.NewReader(`{`+in+`,"teachers":[{"id":"t","deficits":{"x":1}}]}`), false)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		a := checked(t, &p)
		if u := a.Teachers[0].Uncovered; len(u) != 1 || u[0].Why != want {
			t.Errorf("%s: %+v", want, u)
		}
	}
}

func FuzzRead(f *testing.F) {
	b, _ := json.Marshal(random(1, shape{programmes: 4, teachers: 2, elements: 3, deficits: 2, covers: 2, sessions: 2, hours: 54, seats: 1, days: 100, requires: 0.5}))
	f.Add(b)
	f.Add([]byte(`{"programmes":[{"id":"a"}],"teachers":[{"id":"t","locked":[{"programme":"a"}]}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 4000 {
			return
		}
		p, _, _, faults, err := Read(bytes.NewReader(in), false)
		if err != nil || len(faults) > 0 {
			return
		}
		a := Plan(&p, Options{Nodes: 2000})
		if bad := Check(&p, &a); bad != nil {
			t.Fatal(bad)
		}
	})
}

func TestExplain(t *testing.T) {
	p, _, _, faults, _ := Read(strings.NewReader(`{"limits":{"hours":40},"programmes":[
	 {"id":"a","hours":4,"covers":{"x":0.3},"sessions":[{"id":"1","start":"2027-02-01","end":"2027-02-01"}]},
	 {"id":"b","hours":36,"covers":{"x":0.6},"requires":["a"],"sessions":[{"id":"1","start":"2027-03-01","end":"2027-03-02"},{"id":"0","start":"2027-01-01","end":"2027-01-02"},{"id":"2","start":"2027-04-01","end":"2027-04-02","seats":0}]},
	 {"id":"c","hours":36,"covers":{"y":0.1},"sessions":[{"id":"1","start":"2027-03-01","end":"2027-03-02"}]}],
	 "teachers":[{"id":"t","deficits":{"x":1,"y":1}}]}`), false)
	if faults != nil {
		t.Fatal(faults)
	}
	a := checked(t, &p)
	r, bad := Fix(&p, 0, []Lock{{"a", "1"}, {"b", "1"}})
	if bad != nil || r.Coverage != a.Teachers[0].Coverage {
		t.Fatal(bad, r)
	}
	why := Explain(&p, 0, r)
	if len(why) != 2 || !slices.Equal(why[0].Opens, []string{"b"}) || math.Abs(why[1].Loses-0.5) > 1e-9 || len(why[1].Instead) != 1 || why[1].Instead[0].Programme != "c" {
		t.Fatalf("%+v", why)
	}
	if o := why[1].Others; len(o) != 2 || o[0].Why != "order" || o[0].With != "a" || o[1].Why != "seats" {
		t.Fatalf("%+v", o)
	}
	if _, bad := Fix(&p, 0, []Lock{{"b", "1"}}); bad == nil {
		t.Fatal("a step without what it requires is taken")
	}
}

// Teachers alike in every way lose nothing by giving way: rounding must not put them all on the same seats.
func TestManyTeachersAlike(t *testing.T) {
	one := 1
	day := date(10)
	p := Problem{Programmes: []Programme{
		{ID: "a", Hours: 8, Covers: map[string]float64{"x": 0.3, "y": 0.1, "z": 0.7}, Sessions: []Session{{ID: "1", Start: day, End: day, Mode: FullTime, Seats: &one}, {ID: "2", Start: day + 9, End: day + 9, Mode: FullTime, Seats: &one}}},
		{ID: "b", Hours: 8, Covers: map[string]float64{"x": 0.3, "y": 0.1, "z": 0.7}, Sessions: []Session{{ID: "1", Start: day, End: day, Mode: FullTime, Seats: &one}}}}}
	for i := range 12 {
		p.Teachers = append(p.Teachers, Teacher{ID: string(rune('a' + i)), Deficits: map[string]float64{"x": 0.1, "y": 0.2, "z": 0.3}})
	}
	if a := checked(t, &p); a.Objective <= 0 {
		t.Errorf("objective %g", a.Objective)
	}
}
