package marking

import (
	"maps"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

func rubric(levels ...[]int) task.Key {
	k := task.Key{ZeroBy: "К1", Discrepancy: 2}
	for i, list := range levels {
		c := task.Criterion{ID: "К" + string(rune('1'+i)), Max: list[0]}
		for _, p := range list {
			c.Levels = append(c.Levels, task.Grade{Points: p})
		}
		k.Criteria = append(k.Criteria, c)
	}
	return k
}

// The mean is rounded up to a step of the criterion (the convention of the state examinations).
func TestSettle(t *testing.T) {
	k := rubric([]int{2, 1, 0}, []int{3, 1, 0}, []int{4, 2, 0})
	for _, c := range []struct{ a, b, want Marks }{
		{Marks{"К1": 2, "К2": 3, "К3": 4}, Marks{"К1": 2, "К2": 3, "К3": 4}, Marks{"К1": 2, "К2": 3, "К3": 4}},
		{Marks{"К1": 1, "К2": 1, "К3": 2}, Marks{"К1": 2, "К2": 1, "К3": 2}, Marks{"К1": 2, "К2": 1, "К3": 2}}, // 1.5 → 2
		{Marks{"К1": 1, "К2": 3, "К3": 2}, Marks{"К1": 1, "К2": 1, "К3": 4}, Marks{"К1": 1, "К2": 3, "К3": 4}}, // 2 → 3, there is no 2
		{Marks{"К1": 0, "К2": 0, "К3": 0}, Marks{"К1": 1, "К2": 0, "К3": 0}, Marks{"К1": 1, "К2": 0, "К3": 0}}, // 0.5 → 1
	} {
		if got := settle(k, c.a, c.b); !maps.Equal(got, c.want) {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestSettleStaysBetween(t *testing.T) {
	k := rubric([]int{3, 2, 1, 0}, []int{4, 2, 0})
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Marks {
			m := Marks{}
			for _, c := range k.Criteria {
				m[c.ID] = c.Levels[rapid.IntRange(0, len(c.Levels)-1).Draw(t, name+c.ID)].Points
			}
			return m
		}
		a, b := draw("a"), draw("b")
		got := settle(k, a, b)
		if !maps.Equal(got, settle(k, b, a)) {
			t.Fatal("the order of experts matters")
		}
		for id, p := range got {
			if 2*p < a[id]+b[id] || p > max(a[id], b[id]) {
				t.Fatalf("%s: %d of %d and %d", id, p, a[id], b[id])
			}
		}
	})
}

func TestCheckAndDisagree(t *testing.T) {
	k := rubric([]int{2, 1, 0}, []int{2, 1, 0})
	if got, err := check(k, Marks{"К1": 0, "К2": 2}); err != nil || got.total() != 0 {
		t.Errorf("К1 = 0: %v %v", got, err)
	}
	for _, bad := range []Marks{{"К1": 1}, {"К1": 1, "К2": 5}, {}} {
		if _, err := check(k, bad); fault.FieldsOf(err) == nil {
			t.Errorf("%v taken: %v", bad, err)
		}
	}
	if disagree(k, Marks{"К1": 2, "К2": 0}, Marks{"К1": 1, "К2": 0}) || !disagree(k, Marks{"К1": 2, "К2": 2}, Marks{"К1": 1, "К2": 1}) {
		t.Error("the limit is two points of the total")
	}
	k.Discrepancy = 0
	if !disagree(k, Marks{"К1": 2, "К2": 0}, Marks{"К1": 0, "К2": 0}) {
		t.Error("a task that names no limit has one of two points")
	}
}

func TestAssign(t *testing.T) {
	experts := []Expert{{ID: 1, Territories: []int64{1}}, {ID: 2, Territories: []int64{2}}, {ID: 3}, {ID: 4, Organisations: []int64{7}}, {ID: 5, Territories: []int64{3}}}
	works := []Work{}
	for i := range 60 {
		works = append(works, Work{ID: int64(i + 1), Code: "Р-" + string(rune('A'+i)), TerritoryID: int64(i%3 + 1), OrganisationID: int64(i % 9), State: Waiting})
	}
	load := map[access.PersonID]int{}
	turns := assign(works, nil, experts, load)
	if len(turns) != 120 {
		t.Fatalf("%d turns, want 120", len(turns))
	}
	seen := map[[2]int64]bool{}
	for _, x := range turns {
		w := works[x.work-1]
		for _, e := range experts {
			if e.ID == x.expert && e.conflicts(w) {
				t.Errorf("work %d goes to expert %d in spite of the conflict", x.work, x.expert)
			}
		}
		if seen[[2]int64{x.work, int64(x.expert)}] {
			t.Errorf("work %d goes to expert %d twice", x.work, x.expert)
		}
		seen[[2]int64{x.work, int64(x.expert)}] = true
	}
	for id, n := range load {
		if n < 20 || n > 28 {
			t.Errorf("expert %d has %d works of 120: %v", id, n, load)
		}
	}
	third := assign([]Work{{ID: 1, Code: "x", TerritoryID: 9, State: Third}}, map[int64][]Assignment{1: {{ExpertID: 1, Ordinal: 1}, {ExpertID: 2, Ordinal: 2}}}, experts, map[access.PersonID]int{})
	if len(third) != 1 || third[0].ordinal != 3 || third[0].expert < 3 {
		t.Errorf("third: %+v", third)
	}
	if none := assign([]Work{{ID: 1, Code: "x", TerritoryID: 1}}, nil, experts[:1], map[access.PersonID]int{}); len(none) != 0 {
		t.Errorf("a work of the only expert's territory was given away: %+v", none)
	}
}

// Quadratic weighted kappa by hand: for these six pairs the observed squared
// differences add up to 2, all 36 crossed ones to 36, so κ = 1 − 2·6/36.
func TestAgreement(t *testing.T) {
	g := agree([][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {2, 1}, {1, 1}})
	if math.Abs(g.Kappa-2.0/3) > 1e-12 || math.Abs(g.Exact-4.0/6) > 1e-12 || g.Adjacent != 1 || g.Mean != 1 {
		t.Errorf("%+v", g)
	}
	if g := agree([][2]int{{3, 3}, {3, 3}}); g.Kappa != 1 || g.Exact != 1 {
		t.Errorf("nobody differs: %+v", g)
	}
	if g := agree([][2]int{{0, 2}, {2, 0}}); g.Kappa >= 0 {
		t.Errorf("opposite marks: %+v", g)
	}
	if g := agree(nil); g.Works != 0 || math.IsNaN(g.Kappa) {
		t.Errorf("nothing: %+v", g)
	}
}
