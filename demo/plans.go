package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/roadmap"
)

// indicators are the live figures a manager of the centre hangs on the measures about diagnostics.
var indicators = []struct {
	item string
	keys []string
}{
	{"5.1", []string{"instruments", "tasks_approved"}},
	{"5.2", []string{"campaigns", "took_part"}},
	{"5.3", []string{"coverage", "territories"}},
	{"5.4", []string{"records", "people_with_deficits"}},
	{"5.5", []string{"memos_approved"}},
	{"5.6", []string{"with_route", "routes_agreed"}},
}

// plans brings in both real plans and adopts the region's for the current year.
func (r *Region) plans(ctx context.Context) error {
	r.Clock.set(r.now.AddDate(0, 0, -1))
	region, err := content.Roadmap(content.RegionPlan)
	if err != nil {
		return err
	}
	plan, err := r.Roadmap.Import(ctx, r.manager, roadmap.Source{Name: region.Name, Body: region.Body, Typed: true, Number: "1184-р", On: "2023-05-12"})
	if err != nil {
		return err
	}
	for _, i := range indicators {
		for _, key := range i.keys {
			if err := r.Roadmap.Attach(ctx, r.manager, plan, i.item, key); err != nil {
				return fmt.Errorf("indicator %s of %s: %w", key, i.item, err)
			}
		}
	}
	district, err := content.Roadmap(content.PriozerskPlan)
	if err != nil {
		return err
	}
	home := int64(0)
	err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		for _, t := range refs.Territories {
			if strings.HasPrefix(t.Name, "Приозерский") {
				home = t.ID
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	municipal, err := r.Roadmap.Import(ctx, r.manager, roadmap.Source{Name: district.Name, Body: district.Body, Territory: home})
	if err != nil {
		return err
	}
	for id, p := range map[int64]content.Plan{plan: region, municipal: district} {
		if err := r.Roadmap.Rename(ctx, r.manager, id, p.Short); err != nil {
			return err
		}
		if err := r.close(ctx, id); err != nil {
			return err
		}
	}
	year := r.now.Year()
	if err := r.municipalPlan(ctx, plan, year); err != nil {
		return fmt.Errorf("plan of a municipality: %w", err)
	}
	own, err := r.Roadmap.Adopt(ctx, r.manager, plan, roadmap.Adoption{Year: year, Number: "12-у (учебный)", On: fmt.Sprintf("%d-01-15", year)})
	if err != nil {
		return err
	}
	defer r.say(0.03, "дорожные карты")
	return r.report(ctx, r.manager, own, r.rand)
}

// municipalPlan gives the coordinator's municipality a copy of the region's plan for
// the year, on which the coordinator reports. Its chance is its own, so that the
// rest of the region stays as it was.
func (r *Region) municipalPlan(ctx context.Context, plan int64, year int) error {
	coordinator, err := r.Actor(ctx, "coordinator")
	if err != nil {
		return err
	}
	home := coordinator.Scope(access.RoadmapReport).Territories[0]
	name, err := row[string](ctx, r, `SELECT name FROM territory WHERE id = $1`, home)
	if err != nil {
		return err
	}
	id, err := r.Roadmap.Adopt(ctx, r.manager, plan, roadmap.Adoption{Year: year, Territory: home, Number: "7-м (учебный)", On: fmt.Sprintf("%d-01-20", year),
		Title: fmt.Sprintf("План мероприятий («дорожная карта») методического сопровождения педагогов: %s, %d год", name, year)})
	if err != nil {
		return err
	}
	return r.report(ctx, coordinator, id, rand.New(rand.NewPCG(20261122, 41)))
}

// close marks every measure of a past year done and says that the mark is made up:
// what became of the real measures is not known here.
func (r *Region) close(ctx context.Context, plan int64) error {
	past, err := r.Roadmap.View(ctx, r.manager, plan, "")
	if err != nil {
		return err
	}
	var list []roadmap.NewReport
	for _, s := range past.Plan.Sections {
		for _, i := range s.Items {
			list = append(list, roadmap.NewReport{Item: i.Number, State: roadmap.SaidDone, Note: "Учебная отметка: показывает, как выглядит закрытый план. Это не сведения о том, что было на деле."})
		}
	}
	return r.Roadmap.Report(ctx, r.manager, plan, list...)
}

// report tells of the current year's measures as their responsible would: most
// of what is due is done, some goes on, a little is late.
func (r *Region) report(ctx context.Context, actor access.Actor, plan int64, chance *rand.Rand) error {
	items, err := rows[struct {
		Number string    `db:"number"`
		From   time.Time `db:"starts"`
		To     time.Time `db:"ends"`
	}](ctx, r, `
		SELECT number, (SELECT min(CAST(p->>'from' AS date)) FROM jsonb_array_elements(periods) p) AS starts,
		       (SELECT max(CAST(p->>'to' AS date)) FROM jsonb_array_elements(periods) p) AS ends
		FROM roadmap_item WHERE plan_id = $1 AND jsonb_array_length(periods) > 0 ORDER BY rank`, plan)
	if err != nil {
		return err
	}
	list := []roadmap.NewReport{}
	for _, i := range items {
		switch {
		case i.To.Before(r.now) && chance.Float64() < 0.8:
			list = append(list, roadmap.NewReport{Item: i.Number, State: roadmap.SaidDone, Note: "Учебная отметка: сделано в срок."})
		case i.From.Before(r.now) && i.To.After(r.now) && chance.Float64() < 0.7:
			list = append(list, roadmap.NewReport{Item: i.Number, State: roadmap.SaidGoing, Note: "Учебная отметка: идёт по плану."})
		}
	}
	return r.Roadmap.Report(ctx, actor, plan, list...)
}
