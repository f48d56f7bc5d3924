package plan

import (
	"slices"
	"testing"
)

// A programme added to a plan that stands: the moves keep every rule together, their gains add up to what the objective
// grows by, and more rounds never gain less.
func TestMovesAreAPlan(t *testing.T) {
	gained := 0
	for seed := range uint64(20) {
		p := random(seed, shape{programmes: 14, teachers: 25, elements: 8, deficits: 4, covers: 3, sessions: 2, hours: 54, seats: 4, days: 120})
		was := Plan(p, Options{})
		q := *p
		seats := 6
		q.Programmes = append(slices.Clone(p.Programmes), Programme{ID: "new", Hours: 8, Covers: map[string]float64{was.first(): 0.7},
			Sessions: []Session{{ID: "1", Start: p.Programmes[0].Sessions[0].Start, End: p.Programmes[0].Sessions[0].Start + 5, Mode: Online, Seats: &seats}}})
		moves := Moves(&q, was.Teachers, nil)
		a := Answer{Teachers: slices.Clone(was.Teachers), Objective: was.Objective}
		for _, mv := range moves {
			if mv.Gain <= 0 {
				t.Errorf("seed %d: a move gains %g", seed, mv.Gain)
			}
			r, _ := Fix(&q, mv.Teacher, mv.Steps)
			a.Teachers[mv.Teacher] = r
			a.Objective += mv.Gain
		}
		a.Bound = a.Objective
		if broken := Check(&q, &a); broken != nil {
			t.Fatalf("seed %d: %s", seed, broken[0])
		}
		b := Join(&q, was, 4)
		if broken := Check(&q, &b); broken != nil {
			t.Fatalf("seed %d: joined: %s", seed, broken[0])
		}
		if b.Objective < a.Objective-1e-9 {
			t.Errorf("seed %d: more rounds gain %g, one gains %g", seed, b.Objective-was.Objective, a.Objective-was.Objective)
		}
		if full := Plan(&q, Options{}); full.Bound < b.Objective-1e-9 {
			t.Errorf("seed %d: joined %g over the bound %g", seed, b.Objective, full.Bound)
		}
		if a.Objective > was.Objective+1e-6 {
			gained++
		}
		if again := Moves(&q, was.Teachers, nil); !slices.EqualFunc(moves, again, func(x, y Move) bool {
			return x.Teacher == y.Teacher && x.Gain == y.Gain && slices.Equal(x.Steps, y.Steps)
		}) {
			t.Errorf("seed %d: the same question, another answer", seed)
		}
	}
	if gained < 15 {
		t.Errorf("only %d of 20 plans gain by a short programme for what stays open most", gained)
	}
}

// first is the element of which most stays open.
func (a Answer) first() string {
	most := a.Unmet[0]
	for _, u := range a.Unmet {
		if u.Weight > most.Weight {
			most = u
		}
	}
	return most.Element
}
