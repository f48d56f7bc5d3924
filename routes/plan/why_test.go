package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A demand is named as the reason only where it is one.
func TestWhyDemand(t *testing.T) {
	const one = `"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]`
	for _, c := range []struct {
		in   string
		want Why
	}{
		{`"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"forbidden":["a"]}]`, Demanded},
		{`"limits":{"hours":4},"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"forbidden":["a"]}]`, NoHours},
		{`"hour_penalty":1,"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"forbidden":["a"]}]`, NotWorth},
		{`"programmes":[{"id":"b","hours":8,"covers":{"y":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"required":["b"]}]`, NoProgramme},
		{`"limits":{"hours":8},"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `},{"id":"b","hours":8,"covers":{"z":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"required":["b"]}]`, Demanded},
		{`"limits":{"hours":8},"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `},{"id":"b","hours":9,"covers":{"z":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"required":["b"]}]`, Demanded},
		{`"programmes":[{"id":"a","hours":8,"covers":{"x":1},` + one + `}],"teachers":[{"id":"t","deficits":{"x":1},"preferences":{"hours_a_month":4}}]`, Demanded},
		{`"limits":{"hours":12},"programmes":[{"id":"a","hours":8,"covers":{"x":1},"requires":["b"],"sessions":[{"id":"1","start":"2027-03-02","end":"2027-03-02"}]},{"id":"b","hours":8,` + one + `}],"teachers":[{"id":"t","deficits":{"x":1}}]`, NoHours},
	} {
		p, _, _, faults, _ := Read(strings.NewReader(`{`+c.in+`}`), false)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		a := checked(t, &p)
		if u := a.Teachers[0].Uncovered; len(u) != 1 || u[0].Why != c.want {
			t.Errorf("%s\n got %+v\nwant %s", c.in, u, c.want)
		}
	}
}

// Without the demands the best route is worth more wherever a demand is named.
func TestDemandNamedCosts(t *testing.T) {
	named := 0
	for seed := range uint64(150) {
		p := random(seed, shape{programmes: 12, teachers: 1, elements: 8, deficits: 5, covers: 3, sessions: 2, hours: 54, days: 120, groups: 0.3, requires: 0.3, locks: true, wishes: true})
		p.ChangePenalty = 0
		a := checked(t, p)
		free := *p
		who := p.Teachers[0]
		who.Locked, who.Required, who.Forbidden, who.Preferences = nil, nil, nil, nil
		free.Teachers = []Teacher{who}
		b := checked(t, &free)
		for _, u := range a.Teachers[0].Uncovered {
			if u.Why != Demanded {
				continue
			}
			if named++; b.Objective <= a.Objective+1e-12 && a.Teachers[0].Conflict == nil {
				t.Errorf("seed %d: %s is said to be open for a demand, yet none costs anything", seed, u.Element)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d demands named", named)
	}
}

// The price of a required step is what its place is worth, not the whole route.
func TestRequiredStepPrice(t *testing.T) {
	const one = `"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]`
	p, _, _, faults, _ := Read(strings.NewReader(`{"limits":{"hours":16},"programmes":[{"id":"a","hours":8,"covers":{"x":0.9},`+one+`},{"id":"b","hours":8,"covers":{"y":0.5},`+one+`},{"id":"c","hours":8,"covers":{"y":0.4},`+one+`},
	 {"id":"d","hours":0,"covers":{"z":0.1},"requires":["b"],"sessions":[{"id":"1","start":"2027-03-02","end":"2027-03-02"}]}],
	 "teachers":[{"id":"t","deficits":{"x":1,"y":1,"z":1},"required":["b","d"]}]}`), false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	a := checked(t, &p)
	ExplainAll(&p, &a, nil)
	for _, r := range a.Teachers[0].Reasons {
		want := map[string]float64{"a": 0.5, "b": 0.2, "d": 0.1}[r.Programme]
		if math.Abs(r.Loses-want) > 1e-9 {
			t.Errorf("%s loses %g, want %g (%v)", r.Programme, r.Loses, want, r.Instead)
		}
	}
}

// Where many ask for few seats, those whose route gains most from them have them, and the bound knows the others.
func TestScarceSeatsGoByValue(t *testing.T) {
	for _, n := range []int{6, 30, 200} {
		seats := n / 3
		p := Problem{HourPenalty: 0.001, Programmes: []Programme{
			{ID: "a", Hours: 8, Covers: map[string]float64{"x": 1}, Sessions: []Session{{ID: "1", Start: date(10), End: date(10), Mode: Online, Seats: &seats}}},
			{ID: "b", Hours: 8, Covers: map[string]float64{"y": 1}, Sessions: []Session{{ID: "1", Start: date(10), End: date(10), Mode: Online}}}}}
		want := 0.0
		for i := range n {
			w := float64(1+(i*7)%n) / float64(n) // the weights 1/n … 1 in no order
			p.Teachers = append(p.Teachers, Teacher{ID: string(rune('a'+i/26)) + string(rune('a'+i%26)), Deficits: map[string]float64{"x": w}, Required: []string{"a"}})
			if (i*7)%n >= n-seats {
				want += w - 0.008
			}
		}
		a := checked(t, &p)
		if math.Abs(a.Objective-want) > 1e-9 || a.Gap > 1e-4 {
			t.Errorf("%d teachers: objective %g, bound %g, want %g", n, a.Objective, a.Bound, want)
		}
	}
}

// Of hours, money, seats and dates the one that is named closes more of the element when it alone is taken away,
// wherever one of them does.
func TestWhyHelps(t *testing.T) {
	named := map[Why]int{}
	for seed := range uint64(60) {
		p := random(seed, shape{programmes: 24, teachers: 1, elements: 10, deficits: 7, covers: 2, sessions: 2, hours: 54, seats: 1, days: 60, groups: 0.2, requires: 0.3, cost: 9000})
		a := checked(t, p)
		open := func(q *Problem) map[string]float64 {
			out := map[string]float64{}
			b := checked(t, q)
			for _, u := range b.Teachers[0].Uncovered {
				out[u.Element] = u.Weight
			}
			if b.Objective <= a.Objective+1e-9 { // another route as good is no help
				for _, u := range a.Teachers[0].Uncovered {
					out[u.Element] = u.Weight
				}
			}
			return out
		}
		freed := map[Why]map[string]float64{}
		for _, w := range []Why{NoHours, NoCost, NoSeats, NoDates} {
			q := *p
			q.Teachers = slices.Clone(p.Teachers)
			who := &q.Teachers[0]
			switch w {
			case NoHours:
				q.Limits.Hours, who.Limits.Hours = nil, nil
			case NoCost:
				q.Limits.Cost, who.Limits.Cost = nil, nil
			case NoDates:
				q.Limits.From, q.Limits.To, who.Limits.From, who.Limits.To, who.Unavailable = nil, nil, nil, nil, nil
			case NoSeats:
				q.Programmes = slices.Clone(p.Programmes)
				for i := range q.Programmes {
					q.Programmes[i].Sessions = slices.Clone(q.Programmes[i].Sessions)
					for j := range q.Programmes[i].Sessions {
						q.Programmes[i].Sessions[j].Seats = nil
					}
				}
			}
			freed[w] = open(&q)
		}
		for _, u := range a.Teachers[0].Uncovered {
			more := freed[u.Why]
			if more == nil {
				continue
			}
			if more[u.Element] < u.Weight-1e-9 {
				named[u.Why]++
				continue
			}
			for w, other := range freed {
				if other[u.Element] < u.Weight-1e-6 {
					t.Errorf("seed %d: %s is told to lack %s, yet only %s closes more of it", seed, u.Element, u.Why, w)
				}
			}
		}
	}
	if named[NoHours] < 10 || named[NoCost] < 10 || named[NoSeats] < 10 {
		t.Errorf("too few reasons were tried: %v", named)
	}
}

// Where a route is not the best one, the runner-up of a step is the best there is beside the other steps, and what it
// would lose is what it does lose.
func TestRunnerUpOfARouteByHand(t *testing.T) {
	seen, better := 0, 0
	for seed := range uint64(60) {
		p := random(seed, shape{programmes: 20, teachers: 1, elements: 8, deficits: 6, covers: 3, sessions: 2, hours: 72, days: 120, groups: 0.2, requires: 0.2})
		best := checked(t, p).Teachers[0]
		for drop := range best.Steps {
			var steps []Lock
			for i, st := range best.Steps {
				if i != drop {
					steps = append(steps, Lock{st.Programme, st.Session})
				}
			}
			r, broken := Fix(p, 0, steps)
			if broken != nil || len(steps) < 2 {
				continue
			}
			worth := func(steps []Lock) float64 {
				x, bad := Fix(p, 0, steps)
				if bad != nil {
					t.Fatalf("seed %d: %v", seed, bad)
				}
				return x.Coverage - p.HourPenalty*x.Hours
			}
			for i, why := range Explain(p, 0, r) {
				if !why.Held {
					t.Fatalf("seed %d: a route that lacks a step is taken for the best", seed)
				}
				without := slices.DeleteFunc(slices.Clone(steps), func(l Lock) bool {
					return l.Programme == r.Steps[i].Programme || slices.Contains(why.Drops, l.Programme)
				})
				with := append(slices.Clone(steps), Lock{best.Steps[drop].Programme, best.Steps[drop].Session})
				seen++
				if why.Loses < -1e-9 {
					better++
				}
				// with all the steps nothing is better than the best route, so the other side of the comparison is known
				if got := worth(with) - worth(append(without, why.Instead...)); len(why.Instead) > 0 && got < why.Loses-1e-9 {
					t.Errorf("seed %d: %s would lose %g, said %g (%v, gone %v)", seed, why.Programme, got, why.Loses, why.Instead, why.Drops)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d steps asked, %d with something better", seen, better)
	}
}

// A step kept that is done already is neither dropped nor paid for.
func TestKeptAndDone(t *testing.T) {
	p, _, _, faults, _ := Read(strings.NewReader(`{"change_penalty":1,"programmes":[{"id":"a","hours":8,"covers":{"x":0.9},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02"}]},{"id":"b","hours":8,"covers":{"y":0.5},"sessions":[{"id":"1","start":"2027-02-03","end":"2027-02-03"}]}],
	 "teachers":[{"id":"t","deficits":{"y":1},"done":["a"],"keep":[{"programme":"a","session":"1"},{"programme":"b","session":"1"}]}]}`), false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	a := checked(t, &p)
	if c := a.Teachers[0].Change; c == nil || len(c.Dropped) != 0 || len(c.Kept) != 1 || a.Objective < 0.4 {
		t.Errorf("%+v, objective %g", c, a.Objective)
	}
}

// Where demands outrun seats the bound is as near as elsewhere: it does not count in fractions of a demand.
func TestBoundWhereDemandsOutrunSeats(t *testing.T) {
	without := 0
	for seed := range uint64(3) {
		p := random(seed, shape{programmes: 40, teachers: 150, elements: 30, deficits: 8, covers: 3, sessions: 3, hours: 36, seats: 3, days: 240, groups: 0.15, requires: 0.1})
		rnd := rand.New(rand.NewPCG(seed, 1))
		for i := range p.Teachers {
			if rnd.IntN(2) == 0 {
				p.Teachers[i].Required = []string{p.Programmes[rnd.IntN(len(p.Programmes))].ID}
			}
		}
		a := checked(t, p)
		for _, r := range a.Teachers {
			if slices.ContainsFunc(r.Conflict, func(d Demand) bool { return d.Kind == "seats" }) {
				without++
			}
		}
		if a.Gap > 0.005 {
			t.Errorf("seed %d: objective %g, bound %g, gap %g", seed, a.Objective, a.Bound, a.Gap)
		}
	}
	if without == 0 {
		t.Error("nobody goes without: nothing is tested")
	}
}
