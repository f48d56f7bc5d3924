package routes

import (
	"context"
	"fmt"
	"testing"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// crowd is a selection where many want the same few seats.
func crowd(people int) gathered {
	p := plan.Problem{HourPenalty: 1e-4}
	hours := 12.0
	p.Limits.Hours = &hours
	for i := range 12 {
		seats := people / 8
		p.Programmes = append(p.Programmes, plan.Programme{ID: fmt.Sprintf("П-%02d", i), Hours: float64(3 + i*5%7),
			Covers:   map[string]float64{fmt.Sprintf("e%d", (i*3+1)%5): 0.2, fmt.Sprintf("e%d", i%5): 0.3 + 0.05*float64(i%9)},
			Sessions: []plan.Session{{ID: "1", Start: 10, End: 12, Mode: plan.Online, Seats: &seats}}})
	}
	for i := range people {
		t := plan.Teacher{ID: fmt.Sprintf("%04d", i), Deficits: map[string]float64{}}
		for e := range 5 {
			t.Deficits[fmt.Sprintf("e%d", e)] = 0.1 + float64((i*7+e*e*13+i*e)%29)/40
		}
		p.Teachers = append(p.Teachers, t)
	}
	return gathered{problem: p}
}

// A plan cut short says so and is worked on again; one that is finished is the same whoever asks, with any workers.
func TestPlansAreRemembered(t *testing.T) {
	from, ctx := crowd(60), t.Context()
	late, cancel := context.WithCancel(ctx)
	cancel()
	var k, other drawings
	cut := k.draw(late, from, 2)
	if !cut.hasty {
		t.Fatalf("a plan without time claims to be finished, at a gap of %g", cut.answer.Gap)
	}
	whole, again, elsewhere := k.draw(ctx, from, 1), k.draw(late, from, 2), other.draw(ctx, from, 2)
	for _, d := range []drawn{whole, again, elsewhere} {
		if d.hasty || d.answer.Objective < cut.answer.Objective || d.answer.Bound > cut.answer.Bound+1e-9 {
			t.Errorf("objective %g of %g, hasty %v; without time %g of %g", d.answer.Objective, d.answer.Bound, d.hasty, cut.answer.Objective, cut.answer.Bound)
		}
		if broken := plan.Check(&from.problem, &d.answer); broken != nil {
			t.Error(broken[0])
		}
	}
	if again.answer.Objective != whole.answer.Objective || elsewhere.answer.Objective != whole.answer.Objective {
		t.Errorf("%g, %g and %g", whole.answer.Objective, again.answer.Objective, elsewhere.answer.Objective)
	}
}

// Nearly five hundred are no reason to hurry: the answer is the same with one worker and with two, and finished.
func TestManyAreDrawnSteadily(t *testing.T) {
	from := crowd(480)
	var k, other drawings
	one, two := k.draw(t.Context(), from, 1), other.draw(t.Context(), from, 2)
	if one.hasty || two.hasty || one.answer.Objective != two.answer.Objective || one.answer.Bound != two.answer.Bound || one.answer.Gap > 0.01 {
		t.Errorf("%g of %g and %g of %g", one.answer.Objective, one.answer.Bound, two.answer.Objective, two.answer.Bound)
	}
}
