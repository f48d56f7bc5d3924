package routes

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Picture is what a plan for a selection comes to, before anyone has it.
type Picture struct {
	Hidden   bool    // too few people to be told of: nothing else is filled in
	People   int     // with something to strengthen and no route
	Having   int     // already with a route
	Unshared int     // not planned: have not agreed to show their results
	Served   int     // with at least one step
	Coverage float64 // share of all that is needed which the routes close
	Hours    int
	Cost     int
	Gap      float64 // proven: no plan is better by a greater part
	Open     float64 // the same as a share of all that is needed: the precision of Coverage
	Hasty    bool    // planned for as long as a page may wait: asked again, it may be a little better
	Seats    []SeatLine
	Unmet    []UnmetLine
	NewTaken int     // seats of the new group that the plan takes
	More     More    // what extraHours more a person would bring
	Effect   *Effect // what a change does; of the picture after one
}

// extraHours are the hours more a person that a picture tells the worth of.
const extraHours = 18

// Counted tells whether those who would get steps, and those who would not, are enough to be counted.
func (p Picture) Counted() bool {
	rest := p.People - p.Served
	return (p.Served == 0 || p.Served >= least) && (rest == 0 || rest >= least)
}

// Far says how far at most the plan is from the best possible one.
func (p Picture) Far() string { return far(p.Gap) }

// Within says the same in parts of all that is needed, rounded so that it stays true.
func (p Picture) Within() string {
	if p.Open < 0.0005 {
		return "меньше 0,1 п. п."
	}
	return "не больше " + web.Dec(1, math.Ceil(1000*p.Open-1e-6)/10) + " п. п."
}

// SeatLine is a programme's demand against its seats.
type SeatLine struct {
	Programme Programme
	Want      int // people whose best route holds it, were there seats for everybody
	Take      int // people whose route holds it with the seats there are
	Free      int // seats free in groups that can still be planned
	Groups    int // such groups
}

// Lack is how many seats are missing.
func (l SeatLine) Lack() int { return max(0, l.Want-l.Free) }

// Demand draws the picture of a selection as it is: demand against seats, and what stays open.
func (s *Service) Demand(ctx context.Context, actor access.Actor, sel Selection) (Picture, error) {
	if err := checkSelection(sel); err != nil {
		return Picture{}, err
	}
	src, err := s.read(ctx, sel, actor.Scope(access.RoutesRead))
	if err != nil {
		return Picture{}, err
	}
	if !src.told {
		return Picture{Hidden: true}, nil
	}
	today := calendar.Day(s.now())
	return s.drawings.draw(ctx, src.gather(sel, today), 2).picture(today, true)
}

// picture says what a plan comes to; with demand, also the demand against the seats.
func (d drawn) picture(today time.Time, demand bool) (Picture, error) {
	from, p, a := d.from, d.from.problem, d.answer
	out := Picture{People: len(p.Teachers), Having: from.proposal.Having, Unshared: from.proposal.Unshared, Seats: []SeatLine{}, Unmet: []UnmetLine{}}
	if broken := plan.Check(&p, &a); broken != nil {
		return Picture{}, fmt.Errorf("picture breaks a rule: %s", broken[0])
	}
	if a.Teachers = slices.Clone(a.Teachers); demand {
		from.reconsider(&a, today)
	}
	out.Gap = a.Gap
	take := map[string]int{}
	sumAll, sumGot := 0.0, 0.0
	for i, r := range a.Teachers {
		if len(r.Steps) > 0 {
			out.Served++
		}
		out.Hours, out.Cost = out.Hours+int(r.Hours), out.Cost+int(r.Cost)
		sumAll, sumGot = sumAll+total(p.Teachers[i]), sumGot+r.Coverage
		for _, st := range r.Steps {
			take[st.Programme]++
			if st.Session == newGroup {
				out.NewTaken++
			}
		}
	}
	out.Coverage, out.Open, out.Hasty = ratio(sumGot, sumAll), ratio(a.Bound-a.Objective, sumAll), d.hasty
	if demand {
		out.Seats = seatLines(from, p, take)
	}
	out.Unmet = d.unmet(a.Teachers, out.Seats, today)
	if demand {
		t := newTender(from, a.Teachers, sumAll, today)
		d.order(out.Unmet, t)
		out.More = t.moreHours(extraHours)
	}
	return out, nil
}

// seatLines sets demand against seats: who would take what, were there seats for everybody.
func seatLines(from gathered, p plan.Problem, take map[string]int) []SeatLine {
	wide := p
	wide.Programmes = slices.Clone(p.Programmes)
	free, groups := map[string]int{}, map[string]int{}
	for i := range wide.Programmes {
		g := &wide.Programmes[i]
		g.Sessions = slices.Clone(g.Sessions)
		for j := range g.Sessions {
			free[g.ID] += *g.Sessions[j].Seats
			groups[g.ID]++
			g.Sessions[j].Seats = nil
		}
	}
	want := map[string]int{}
	a := plan.Plan(&wide, plan.Options{})
	for _, r := range a.Teachers {
		for _, st := range r.Steps {
			want[st.Programme]++
		}
	}
	out := []SeatLine{}
	for _, g := range from.programmes {
		if want[g.Code]+take[g.Code] > 0 {
			out = append(out, SeatLine{g, want[g.Code], take[g.Code], free[g.Code], groups[g.Code]})
		}
	}
	slices.SortStableFunc(out, func(a, b SeatLine) int {
		switch {
		case a.Lack() != b.Lack():
			return b.Lack() - a.Lack()
		case a.Want != b.Want:
			return b.Want - a.Want
		}
		return strings.Compare(a.Programme.Code, b.Programme.Code)
	})
	return out
}
