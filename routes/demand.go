package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// patience is how long a picture is worked on: a page shows the best plan found by then with its proven gap.
const patience = 400 * time.Millisecond

// least is the smallest group of people whose number is told.
const least = 5

// WhatIf is a change to try: a new group of a programme, other limits.
type WhatIf struct {
	Programme string // code; "": no new group
	Seats     int
	StartsOn  time.Time
	Limits    Limits
}

// Picture is what a plan for a selection comes to, before anyone has it.
type Picture struct {
	People   int     // with something to strengthen and no route
	Having   int     // already with a route
	Unshared int     // not planned: have not agreed to show their results
	Served   int     // with at least one step
	Coverage float64 // share of all that is needed which the routes close
	Hours    int
	Cost     int
	Gap      float64 // proven: no plan closes more by a greater part
	Seats    []SeatLine
	Unmet    []UnmetLine
	NewTaken int // seats of the new group that the plan takes
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

// UnmetLine is what stays open of a theme over all people.
type UnmetLine struct {
	Element string
	People  int
	Share   float64 // part of what is needed of the theme that stays open
	Weight  float64
	Why     plan.Why // of most of the people
	Lacking string   // code of the programme of the theme with most seats missing, for no_seats
}

// Order words what to order for a theme that stays open; "" where nothing is to be ordered.
func (u UnmetLine) Order() string {
	switch u.Why {
	case plan.NoProgramme:
		return "новая программа"
	case plan.NoSeats:
		return "ещё группы"
	case plan.NoDates:
		return "группы в другие даты"
	case plan.NoHours:
		return "программа короче или больше часов"
	case plan.NoCost:
		return "программа дешевле или больше денег"
	}
	return "дополнительных часов не стоит"
}

// Told tells whether the number of people may be shown.
func (u UnmetLine) Told() bool { return u.People >= least }

// Demand draws the picture of a selection as it is: demand against seats, and what stays open.
func (s *Service) Demand(ctx context.Context, actor access.Actor, sel Selection) (Picture, error) {
	if err := checkSelection(sel); err != nil {
		return Picture{}, err
	}
	src, err := s.read(ctx, sel, actor.Scope(access.RoutesRead))
	if err != nil {
		return Picture{}, err
	}
	return src.picture(ctx, sel, calendar.Day(s.now()), true)
}

// TryWhatIf draws the picture as it is and as it would be after a change.
func (s *Service) TryWhatIf(ctx context.Context, actor access.Actor, sel Selection, w WhatIf) (before, after Picture, err error) {
	if err := checkSelection(sel); err != nil {
		return before, after, err
	}
	if err := s.checkWhatIf(w); err != nil {
		return before, after, err
	}
	src, err := s.read(ctx, sel, actor.Scope(access.RoutesRead))
	if err != nil {
		return before, after, err
	}
	today := calendar.Day(s.now())
	if before, err = src.picture(ctx, sel, today, false); err != nil {
		return before, after, err
	}
	if err = src.change(w); err != nil {
		return before, after, err
	}
	sel.Hours, sel.Cost = w.Limits.Hours, w.Limits.Cost
	after, err = src.picture(ctx, sel, today, false)
	return before, after, err
}

// change adds the new group of a change to the catalogue: as long as the programme's last one, and of its form.
func (v *sources) change(w WhatIf) error {
	if w.Programme == "" {
		return nil
	}
	v.programmes = slices.Clone(v.programmes)
	i := slices.IndexFunc(v.programmes, func(g Programme) bool { return g.Code == w.Programme })
	if i < 0 {
		return fault.Field("programme", "Такой программы нет в каталоге")
	}
	g := &v.programmes[i]
	days, mode := 13, string(plan.Online)
	if n := len(g.Sessions); n > 0 {
		last := g.Sessions[n-1]
		days, mode = int(last.EndsOn.Sub(last.StartsOn).Hours()/24), last.Mode
	}
	g.Sessions = append(slices.Clone(g.Sessions), Session{Code: newGroup, StartsOn: w.StartsOn, EndsOn: w.StartsOn.AddDate(0, 0, days), Mode: mode, Seats: w.Seats})
	return nil
}

func (s *Service) checkWhatIf(w WhatIf) error {
	fields := map[string]string{}
	if w.Limits.Hours < 1 || w.Limits.Hours > 500 {
		fields["hours"] = "Часы на человека — от 1 до 500"
	}
	if w.Limits.Cost < -1 || w.Limits.Cost > 10_000_000 {
		fields["cost"] = "Деньги на человека — от 0 до 10 000 000 ₽ или пусто"
	}
	if w.Programme != "" {
		if w.Seats < 1 || w.Seats > 1000 {
			fields["seats"] = "Мест в группе — от 1 до 1000"
		}
		if today := calendar.Day(s.now()); w.StartsOn.Before(today.AddDate(0, 0, leadDays)) || w.StartsOn.After(horizon(today)) {
			fields["starts"] = fmt.Sprintf("Начало — с %s по %s", calendar.Date(today.AddDate(0, 0, leadDays)), calendar.Date(horizon(today)))
		}
	}
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте, что меняется", Fields: fields}
	}
	return nil
}

// newGroup is the code of the group that a change adds.
const newGroup = "+"

func (v sources) picture(ctx context.Context, sel Selection, today time.Time, demand bool) (Picture, error) {
	from := v.gather(sel, today)
	p := from.problem
	out := Picture{People: len(p.Teachers), Having: from.proposal.Having, Unshared: from.proposal.Unshared, Seats: []SeatLine{}, Unmet: []UnmetLine{}}
	timely, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := plan.Plan(&p, plan.Options{Enough: 0.002, Expired: func() bool { return timely.Err() != nil }})
	if broken := plan.Check(&p, &a); broken != nil {
		return Picture{}, fmt.Errorf("picture breaks a rule: %s", broken[0])
	}
	from.reconsider(&a, today)
	out.Gap = a.Gap
	take := map[string]int{}
	needed, open := map[string]float64{}, map[string]float64{}
	people, whys := map[string]int{}, map[string]map[plan.Why]int{}
	sumAll, sumGot := 0.0, 0.0
	for i, r := range a.Teachers {
		if len(r.Steps) > 0 {
			out.Served++
		}
		out.Hours, out.Cost = out.Hours+int(r.Hours), out.Cost+int(r.Cost)
		sumAll, sumGot = sumAll+total(p.Teachers[i]), sumGot+r.Coverage
		for e, x := range p.Teachers[i].Deficits {
			needed[e] += x
		}
		for _, st := range r.Steps {
			take[st.Programme]++
			if st.Session == newGroup {
				out.NewTaken++
			}
		}
		for _, u := range r.Uncovered {
			if u.Weight < 1e-9 {
				continue
			}
			open[u.Element] += u.Weight
			people[u.Element]++
			if whys[u.Element] == nil {
				whys[u.Element] = map[plan.Why]int{}
			}
			whys[u.Element][u.Why]++
		}
	}
	out.Coverage = ratio(sumGot, sumAll)
	if demand {
		out.Seats = seatLines(from, p, take)
	}
	for e, weight := range open {
		u := UnmetLine{Element: e, People: people[e], Weight: weight, Share: ratio(weight, needed[e])}
		most := 0
		for _, why := range []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth} {
			if n := whys[e][why]; n > most {
				u.Why, most = why, n
			}
		}
		lack := 0
		for _, l := range out.Seats {
			if l.Lack() > lack && slices.ContainsFunc(l.Programme.Covers, func(c Cover) bool { return c.Element == e }) {
				u.Lacking, lack = l.Programme.Code, l.Lack()
			}
		}
		out.Unmet = append(out.Unmet, u)
	}
	slices.SortFunc(out.Unmet, func(a, b UnmetLine) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return strings.Compare(a.Element, b.Element)
	})
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
