package routes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// WhatIf is a change to try: a new group of a programme, other limits.
type WhatIf struct {
	Programme string // code; "": no new group
	Seats     int
	StartsOn  time.Time
	Limits    Limits
}

// takes tells whether a change gives nobody anything: no new group, no wider limits.
func (w WhatIf) takes(from Limits) bool {
	return w.Programme == "" && w.Limits.Hours <= from.Hours && (from.Cost < 0 || w.Limits.Cost >= 0 && w.Limits.Cost <= from.Cost)
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
	if !src.told {
		return Picture{Hidden: true}, Picture{Hidden: true}, nil
	}
	today := calendar.Day(s.now())
	was := src.gather(sel, today)
	if err = src.change(w); err != nil {
		return before, after, err
	}
	limits := Limits{sel.Hours, sel.Cost}
	sel.Hours, sel.Cost = w.Limits.Hours, w.Limits.Cost
	is := src.gather(sel, today)
	var now, then drawn
	var both sync.WaitGroup
	both.Go(func() { now = s.drawings.draw(ctx, was, 1) })
	both.Go(func() { then = s.drawings.draw(ctx, is, 1) })
	both.Wait()
	// The plan of before is a plan of after wherever the change only gives: it must never look like a loss. What stands is
	// the same whatever is asked of it, unless the change only takes and yet finds a better plan, which is one of before too.
	then.borrow(now.answer)
	if w.takes(limits) {
		now.borrow(then.answer)
	}
	if before, err = now.picture(today, false); err != nil {
		return before, after, err
	}
	after, err = then.picture(today, false)
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
