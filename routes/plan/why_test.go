package plan

import (
	"math"
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
