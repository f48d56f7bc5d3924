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

// WhatIf is a change to try: a new group of a programme, or of one that is not there yet; other limits.
type WhatIf struct {
	Programme string // code; "": no new group of a programme that is there
	Element   string // theme of a new programme; "": none
	Length    int    // its hours
	Mode      string // its form
	Share     int    // percent of the theme that it closes; 0: as the best ones of its length
	Seats     int
	StartsOn  time.Time
	Limits    Limits
}

// adds tells whether a change gives a new group.
func (w WhatIf) adds() bool { return w.Programme != "" || w.Element != "" }

// takes tells whether a change gives nobody anything: no new group, no wider limits.
func (w WhatIf) takes(from Limits) bool {
	return !w.adds() && w.Limits.Hours <= from.Hours && (from.Cost < 0 || w.Limits.Cost >= 0 && w.Limits.Cost <= from.Cost)
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
	programme, group, err := src.change(w, today)
	if err != nil {
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
	then.join(now.answer)
	if w.takes(limits) {
		now.borrow(then.answer)
	}
	if before, err = now.picture(today, false); err != nil {
		return before, after, err
	}
	if after, err = then.picture(today, false); err != nil {
		return before, after, err
	}
	after.Effect = &Effect{Programme: programme, Group: group, Swaps: swaps(now, then)}
	if w.adds() {
		after.Effect.Idle = then.idle(programme, w.Seats-after.NewTaken)
	}
	return before, after, nil
}

// joined is up to how many people what stands is also improved one by one for a picture of a change.
const joined = 4000

// join takes a plan of what stands over with everybody's better route put into it, where that is better: what a change
// gives is then never less than what an order promises of it.
func (d *drawn) join(a plan.Answer) {
	if n := len(a.Teachers); n > joined || n != len(d.answer.Teachers) {
		return
	}
	a.Bound = a.Objective
	if plan.Check(&d.from.problem, &a) == nil {
		rounds := 4
		if len(a.Teachers) > steady {
			rounds = 1
		}
		d.borrow(plan.Join(&d.from.problem, a, rounds))
	}
}

// change adds the new group of a change to the catalogue and gives it with its programme.
func (v *sources) change(w WhatIf, today time.Time) (g Programme, group Session, err error) {
	if !w.adds() {
		return g, group, nil
	}
	v.programmes = slices.Clone(v.programmes)
	at := len(v.programmes)
	if w.Programme != "" {
		if at = slices.IndexFunc(v.programmes, func(g Programme) bool { return g.Code == w.Programme }); at < 0 {
			return g, group, fault.Field("programme", "Такой программы нет в каталоге")
		}
	} else {
		g := newCourse(v.programmes, today, w.Element, w.Length)
		if w.Share > 0 {
			g.Covers[0].Share = float64(w.Share) / 100
		}
		v.programmes = append(v.programmes, g)
	}
	g = v.programmes[at]
	if !g.Open(today) {
		return g, group, fault.Field("programme", "Эта программа больше не идёт: выберите из списка")
	}
	group = oneMore(g, w.StartsOn)
	group.Seats = w.Seats
	if w.Programme == "" && w.Mode != "" {
		group.Mode = w.Mode
	}
	if end := horizon(today); group.EndsOn.After(end) {
		last := w.StartsOn.AddDate(0, 0, -int(group.EndsOn.Sub(end).Hours()/24))
		if last.Before(today.AddDate(0, 0, leadDays)) {
			return g, group, fault.Field("programme", "Такая группа не успеет кончиться до конца учебного года, %s", calendar.Date(end))
		}
		return g, group, fault.Field("starts", "Группа кончится %s, а маршруты составляются по %s. Начните не позже %s", calendar.Date(group.EndsOn), calendar.Date(end), calendar.Date(last))
	}
	g.Sessions = append(slices.Clone(g.Sessions), group)
	v.programmes[at] = g
	return g, group, nil
}

func (s *Service) checkWhatIf(w WhatIf) error {
	fields := map[string]string{}
	if w.Limits.Hours < 1 || w.Limits.Hours > 500 {
		fields["hours"] = "Часы на человека — от 1 до 500"
	}
	if w.Limits.Cost < -1 || w.Limits.Cost > 10_000_000 {
		fields["cost"] = "Деньги на человека — от 0 до 10 000 000 ₽ или пусто"
	}
	if w.Element != "" {
		if w.Length < 2 || w.Length > 500 {
			fields["length"] = "Часов в новой программе — от 2 до 500"
		}
		if w.Share < 0 || w.Share > 100 {
			fields["share"] = "Доля темы — от 1 до 100 % или пусто"
		}
		if w.Mode != string(plan.Online) && w.Mode != string(plan.FullTime) {
			fields["mode"] = "Выберите форму из списка"
		}
	}
	if w.adds() {
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
