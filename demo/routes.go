package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
)

// printed is the day for which the sample catalogue was drawn up.
var printed = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// catalogue is the sample workbook with its groups moved by whole weeks, so that they lie around now.
func catalogue(now time.Time) ([]byte, error) {
	weeks := int(calendar.Day(now).Sub(printed).Hours()/24) / 7
	f, err := excelize.OpenReader(bytes.NewReader(routes.SampleCatalogue), excelize.Options{RawCellValue: true})
	if err != nil {
		return nil, fmt.Errorf("sample catalogue: %w", err)
	}
	defer f.Close()
	rows, err := f.GetRows("Потоки")
	if err != nil {
		return nil, fmt.Errorf("sample catalogue: %w", err)
	}
	for i := range rows[1:] {
		for _, column := range []string{"C", "D"} {
			cell := fmt.Sprintf("%s%d", column, i+2)
			raw, err := f.GetCellValue("Потоки", cell)
			if err != nil {
				return nil, err
			}
			var serial float64
			if _, err := fmt.Sscan(raw, &serial); err != nil {
				return nil, fmt.Errorf("sample catalogue %s: %w", cell, err)
			}
			if err := f.SetCellValue("Потоки", cell, serial+float64(7*weeks)); err != nil {
				return nil, err
			}
		}
	}
	return written(f)
}

func written(f *excelize.File) ([]byte, error) {
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("sample catalogue: %w", err)
	}
	return b.Bytes(), nil
}

// happen changes the catalogue as life does: a group that a few routes under way hold is cancelled, another begins a
// week later. Their routes are to be planned anew.
func (r *Region) happen(ctx context.Context, methodist access.Actor, book []byte) error {
	r.Clock.set(r.now.AddDate(0, 0, -1))
	list, _, err := r.Routes.List(ctx, methodist, routes.Filter{State: routes.Going})
	if err != nil {
		return err
	}
	held := map[[2]string]int{}
	for _, l := range list {
		route, err := r.Routes.Route(ctx, access.System, l.ID)
		if err != nil {
			return err
		}
		for _, st := range route.Steps {
			if st.StartsOn.After(r.now.AddDate(0, 0, 14)) {
				held[[2]string{st.Code, st.Group}]++
			}
		}
	}
	const few = 6
	groups := slices.SortedFunc(maps.Keys(held), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(max(held[a]-few, few-held[a]), max(held[b]-few, few-held[b])), slices.Compare(a[:], b[:]))
	})
	if len(groups) < 2 {
		return nil
	}
	f, err := excelize.OpenReader(bytes.NewReader(book), excelize.Options{RawCellValue: true})
	if err != nil {
		return fmt.Errorf("sample catalogue: %w", err)
	}
	defer f.Close()
	rows, err := f.GetRows("Потоки")
	if err != nil {
		return fmt.Errorf("sample catalogue: %w", err)
	}
	for i := len(rows) - 1; i > 0; i-- {
		switch at := [2]string{rows[i][0], rows[i][1]}; at {
		case groups[0]:
			err = f.RemoveRow("Потоки", i+1)
		case groups[1]:
			for _, column := range []int{2, 3} {
				var serial float64
				if _, err := fmt.Sscan(rows[i][column], &serial); err != nil {
					return fmt.Errorf("sample catalogue, row %d: %w", i+1, err)
				}
				if err := f.SetCellValue("Потоки", fmt.Sprintf("%c%d", 'A'+column, i+1), serial+7); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return fmt.Errorf("sample catalogue: %w", err)
		}
	}
	changed, err := written(f)
	if err != nil {
		return err
	}
	report, err := r.Routes.ImportProgrammes(ctx, methodist, changed, false)
	if err == nil && len(report.Faults) > 0 {
		err = fmt.Errorf("changed catalogue: %s: %s", report.Faults[0].Cell, report.Faults[0].What)
	}
	return err
}

// event is something that somebody does with a route on a day.
type event struct {
	at time.Time
	do func(ctx context.Context) error
}

// routes fills the catalogue and proposes routes by both finished campaigns; teachers answer and walk them.
func (r *Region) routes(ctx context.Context) error {
	methodist, err := r.Actor(ctx, "methodist")
	if err != nil {
		return err
	}
	r.Clock.set(r.now.AddDate(0, 0, -36))
	book, err := catalogue(r.now)
	if err != nil {
		return err
	}
	report, err := r.Routes.ImportProgrammes(ctx, methodist, book, false)
	if err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return fmt.Errorf("sample catalogue: %s: %s", report.Faults[0].Cell, report.Faults[0].What)
	}
	r.say(0.02, "каталог программ")
	var campaigns []routes.Campaign
	err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		campaigns, err = routes.Bank.Campaigns(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for i, c := range campaigns {
		if err := r.guide(ctx, methodist, c, 0.05, i); err != nil {
			return fmt.Errorf("routes of %s: %w", c.Title, err)
		}
	}
	if err := r.happen(ctx, methodist, book); err != nil {
		return err
	}
	return r.calculate(ctx, methodist, campaigns)
}

// calculate leaves the methodist a calculation for a municipality that waits for a decision.
func (r *Region) calculate(ctx context.Context, methodist access.Actor, campaigns []routes.Campaign) error {
	if len(campaigns) == 0 {
		return nil
	}
	r.Clock.set(r.now)
	var refs people.Refs
	err := db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) (err error) {
		refs, err = people.RefsTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := r.Routes.AskProposal(ctx, methodist, routes.Selection{Campaign: campaigns[0].ID, Territory: refs.Territories[0].ID, Hours: routes.DefaultLimits.Hours, Cost: routes.DefaultLimits.Cost}); err != nil {
		return err
	}
	return r.drain(ctx)
}

// guide proposes routes to most people of a campaign: to some a short one, which they have finished by now.
func (r *Region) guide(ctx context.Context, methodist access.Actor, c routes.Campaign, share float64, number int) error {
	// One in twenty gets a short route; a quarter the whole one; a few were proposed the other day and wait for the
	// methodist or for the teacher's answer, the demonstration teacher among them. The others are still without.
	var short, long, waiting []access.PersonID
	for _, p := range r.participants() {
		switch {
		case r.minds[p].first || p%20 == 3:
			waiting = append(waiting, p)
		case p%20 == 7:
			short = append(short, p)
		case p%4 == 0:
			long = append(long, p)
		}
	}
	propose := func(daysAgo int, who []access.PersonID, hours, cost int, mark string) ([]int64, error) {
		r.Clock.set(r.now.AddDate(0, 0, -daysAgo))
		if len(who) == 0 {
			return nil, nil
		}
		p, err := r.Routes.DrawProposal(ctx, methodist, routes.Selection{Campaign: c.ID, Persons: who, Hours: hours, Cost: cost})
		if err != nil {
			return nil, err
		}
		p.People = slices.DeleteFunc(p.People, func(x routes.Proposed1) bool { return len(x.Steps) == 0 })
		if len(p.People) == 0 {
			return nil, nil
		}
		made, err := r.Routes.ApplyProposal(ctx, methodist, p, fmt.Sprintf("%d, %s", number+1, mark))
		return made.Made, err
	}
	brief, err := propose(35, short, 12, 0, "короткие")
	if err != nil {
		return err
	}
	whole, err := propose(35, long, routes.DefaultLimits.Hours, routes.DefaultLimits.Cost, "основные")
	if err != nil {
		return err
	}
	fresh, err := propose(5, waiting, routes.DefaultLimits.Hours, routes.DefaultLimits.Cost, "новые")
	if err != nil {
		return err
	}
	r.say(share/2, "маршруты")
	var events []event
	// Codes are dealt by chance, so what becomes of a route follows the person, not the order of codes.
	byPerson := func(ids []int64) ([]routes.Route, error) {
		list := make([]routes.Route, len(ids))
		for i, id := range ids {
			if list[i], err = r.Routes.Route(ctx, access.System, id); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(list, func(a, b routes.Route) int { return int(a.Person - b.Person) })
		return list, nil
	}
	proposed, err := byPerson(fresh)
	if err != nil {
		return err
	}
	together := map[int64]int{}
	for i, route := range proposed {
		if i%2 == 0 || r.minds[route.Person].first {
			together[route.ID] = route.Version
		}
	}
	if len(together) > 0 {
		events = append(events, event{calendar.Day(r.now).AddDate(0, 0, -4).Add(8 * time.Hour), func(ctx context.Context) error {
			_, _, _, err := r.Routes.OfferMany(ctx, methodist, together)
			return err
		}})
	}
	for _, some := range []struct {
		ids   []int64
		short bool
	}{{brief, true}, {whole, false}} {
		list, err := byPerson(some.ids)
		if err != nil {
			return err
		}
		for i, route := range list {
			events = append(events, r.walk(methodist, route, i, some.short)...)
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for len(events) > 0 { // what happens at the same moment happens to different routes
		n := 1
		for n < len(events) && events[n].at.Equal(events[0].at) {
			n++
		}
		r.Clock.set(events[0].at)
		if err := each(ctx, events[:n], func(e event) error { return e.do(ctx) }); err != nil {
			return err
		}
		events = events[n:]
	}
	r.say(share/2, "маршруты")
	return nil
}

// participants are the simulated people, in a fixed order; those without a result in the campaign are left out by the
// proposal itself.
func (r *Region) participants() []access.PersonID {
	out := []access.PersonID{}
	for id := range r.minds {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// walk is what becomes of a route until now.
func (r *Region) walk(methodist access.Actor, route routes.Route, i int, short bool) []event {
	teacher := access.Actor{ID: route.Person, Grants: []access.Grant{{Role: access.Teacher}}}
	day := func(n, hour int) time.Time {
		return calendar.Day(r.now).AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour)
	}
	fate := i % 20
	events := []event{{day(-33, 8), func(ctx context.Context) error { return r.Routes.Propose(ctx, methodist, route.ID) }}}
	switch {
	case !short && fate == 6:
		return append(events, event{day(-30, 15), func(ctx context.Context) error {
			return r.Routes.Decline(ctx, teacher, route.Version+1, "Весной я на аттестации, очных занятий в марте лучше не ставить.")
		}})
	case !short && fate == 7 && i%40 == 7:
		return append(events, event{day(-28, 9), func(ctx context.Context) error {
			return r.Routes.Cancel(ctx, methodist, route.ID, "Учитель переходит в другой регион")
		}})
	}
	events = append(events, event{day(-32+i%4, 16), func(ctx context.Context) error { return r.Routes.Agree(ctx, teacher, route.Version+1) }})
	all := true
	for k, st := range route.Steps {
		begins, ends := st.StartsOn.Add(9*time.Hour), st.EndsOn.Add(17*time.Hour)
		if begins.Before(day(-27, 0)) {
			begins = day(-27, 9)
		}
		if ends.Before(begins) {
			ends = begins.Add(8 * time.Hour)
		}
		if !ends.Before(r.now) || fate == 11 && k > 0 { // some leave a step undone
			all = false
			if begins.Before(r.now) && fate != 11 {
				events = append(events, event{begins, func(ctx context.Context) error {
					return r.Routes.TickOwn(ctx, teacher, routes.Tick{Programme: st.Programme, What: "started"})
				}})
			}
			continue
		}
		document := fmt.Sprintf("сертификат № %d-%02d от %s", route.ID, k+1, ends.Format("02.01.2006"))
		if st.Hours >= 16 {
			document = fmt.Sprintf("удостоверение № 47-%05d от %s", int(route.ID)*10+k, ends.Format("02.01.2006"))
		}
		events = append(events, event{ends.Add(time.Duration(k) * time.Second), func(ctx context.Context) error {
			return r.Routes.TickOwn(ctx, teacher, routes.Tick{Programme: st.Programme, What: "done", Document: document})
		}})
	}
	if all || fate == 12 && len(events) > 2 {
		events = append(events, event{day(-1, 12), func(ctx context.Context) error {
			err := r.Routes.Complete(ctx, methodist, route.ID, "Рекомендуем короткую диагностику весной, чтобы увидеть, что изменилось")
			if fault.KindOf(err) == fault.Conflict { // nothing was begun, so there is nothing to close
				return nil
			}
			return err
		}})
	}
	return events
}
