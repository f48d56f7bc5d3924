package routes_test

import (
	"bytes"
	"net/http"
	"strconv"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes"
)

// Demand is set against seats; another group and other limits show their effect, and nothing is kept.
func TestDemandAndWhatIf(t *testing.T) {
	r := newRegion(t, 14)
	ctx := t.Context()
	// One group of three for the programme that everybody wants most: the others are left wanting.
	p, err := r.routes.DrawProposal(ctx, r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	want := map[string]int{}
	top := ""
	for _, x := range p.People {
		for _, l := range x.Steps {
			if want[l.Programme]++; want[l.Programme] > want[top] {
				top = l.Programme
			}
		}
	}
	_, err = r.pool.Exec(`UPDATE programme_session SET seats = 1 WHERE programme_id = (SELECT id FROM programme WHERE code = $1)`, top)
	r.must(err)
	sel := routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000}
	d, err := r.routes.Demand(ctx, r.methodist, sel)
	r.must(err)
	if d.People != 14 || d.Coverage <= 0 || d.Coverage > 1 {
		t.Fatalf("picture %+v", d)
	}
	lacking := false
	for _, l := range d.Seats {
		if l.Take > l.Free {
			t.Errorf("%s: %d take %d seats", l.Programme.Code, l.Take, l.Free)
		}
		lacking = lacking || l.Programme.Code == top && l.Lack() > 0
	}
	if !lacking {
		t.Errorf("nobody lacks a seat of %s", top)
	}
	starts := calendar.Day(r.clock).AddDate(0, 1, 0)
	before, after, err := r.routes.TryWhatIf(ctx, r.methodist, sel, routes.WhatIf{Programme: top, Seats: 14, StartsOn: starts, Limits: routes.Limits{Hours: 72, Cost: 20000}})
	r.must(err)
	if after.Coverage <= before.Coverage || after.NewTaken == 0 || before.NewTaken != 0 {
		t.Errorf("a new group: covered %g, was %g; %d take it", after.Coverage, before.Coverage, after.NewTaken)
	}
	still, then, err := r.routes.TryWhatIf(ctx, r.methodist, sel, routes.WhatIf{Programme: top, Seats: 14, StartsOn: starts, Limits: routes.Limits{Hours: 72, Cost: 20000}})
	r.must(err)
	if still.Coverage != before.Coverage || then.Coverage != after.Coverage || still.Gap != before.Gap || still.Hasty {
		t.Errorf("asked again: %g of %g, was %g of %g", still.Coverage, then.Coverage, before.Coverage, after.Coverage)
	}
	_, less, err := r.routes.TryWhatIf(ctx, r.methodist, sel, routes.WhatIf{Limits: routes.Limits{Hours: 8, Cost: 20000}})
	r.must(err)
	more, wide, err := r.routes.TryWhatIf(ctx, r.methodist, sel, routes.WhatIf{Limits: routes.Limits{Hours: 90, Cost: -1}})
	r.must(err)
	if more.Coverage != before.Coverage || wide.Coverage < before.Coverage {
		t.Errorf("90 hours: covered %g, before %g, %g when asked of a group", wide.Coverage, more.Coverage, before.Coverage)
	}
	_, page := r.get(r.methodist, "/routes/what-if?try=1&hours=72&cost=20000")
	shows(t, "nothing changed", page, "Условия те же: ничего не изменится")
	hides(t, "nothing changed", page, "Закроем на", "Какие темы это меняет")
	if less.Coverage >= before.Coverage || less.Hours > 8*14 {
		t.Errorf("8 hours: covered %g of %g in %d hours", less.Coverage, before.Coverage, less.Hours)
	}
	if _, _, err := r.routes.TryWhatIf(ctx, r.methodist, sel, routes.WhatIf{Programme: "нет", Seats: 5, StartsOn: starts, Limits: routes.DefaultLimits}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown programme: %v", err)
	}
	again, err := r.routes.Demand(ctx, r.methodist, sel)
	r.must(err)
	if again.Coverage != d.Coverage {
		t.Errorf("the picture changed: %g, was %g", again.Coverage, d.Coverage)
	}
	own, err := r.routes.Demand(ctx, r.municipal, sel)
	r.must(err)
	if own.People+own.Unshared != 7 {
		t.Errorf("the municipal methodist's demand is of %d and %d unshared", own.People, own.Unshared)
	}

	code, page := r.get(r.methodist, "/routes/demand")
	shows(t, "demand", page, "Спрос против мест", "Заказ на новые программы", "Скачать XLSX")
	if code != http.StatusOK {
		t.Errorf("demand: %d", code)
	}
	code, page = r.get(r.methodist, "/routes/what-if?try=1&programme="+top+"&seats=14&starts="+starts.Format("2006-01-02")+"&hours=72&cost=20000")
	shows(t, "what if", page, "п. п. больше", "В новой группе займут", "Разница")
	if code != http.StatusOK {
		t.Errorf("what if: %d", code)
	}
	code, page = r.get(r.methodist, "/routes/what-if?try=1&programme="+top+"&seats=0&starts=2020-01-01&hours=x&cost=")
	if code != http.StatusUnprocessableEntity {
		t.Errorf("what if with faults: %d", code)
	}
	shows(t, "what if with faults", page, "Часы — целое число")
	if code, _ = r.get(r.teachers[0], "/routes/demand"); code != http.StatusNotFound {
		t.Errorf("a teacher opens the demand: %d", code)
	}
	code, body := r.get(r.methodist, "/routes/demand.xlsx")
	if code != http.StatusOK {
		t.Fatalf("workbook: %d", code)
	}
	f, err := excelize.OpenReader(bytes.NewReader([]byte(body)))
	r.must(err)
	defer f.Close()
	seats, err := f.GetRows("Спрос и места")
	r.must(err)
	order, err := f.GetRows("Заказ")
	r.must(err)
	if len(seats) != len(d.Seats)+1 || len(order) != len(d.Unmet)+1 {
		t.Errorf("%d and %d rows for %d programmes and %d themes", len(seats), len(order), len(d.Seats), len(d.Unmet))
	}
	for _, u := range d.Unmet {
		people := 0
		for _, p := range u.Places {
			people += p.People
			if p.People < 5 && !p.Hidden || p.Hours > u.Hours {
				t.Errorf("%s: %+v of %+v", u.Element, p, u)
			}
		}
		if people != u.People || u.Hours <= 0 || u.Why == "" {
			t.Errorf("an order of %s: %d of %d people by municipality, %d hours", u.Element, people, u.People, u.Hours)
		}
	}
	if where, err := f.GetRows("Заказ по муниципалитетам"); err != nil || len(where) < 2 {
		t.Errorf("the order by municipality: %v %v", where, err)
	}
	for _, row := range order[1:] {
		if n := row[1]; n == "1" || n == "2" || n == "3" || n == "4" {
			t.Errorf("a group of %s is told: %v", n, row)
		}
	}
}

// What a lock and an exclusion cost stands beside the route.
func TestPriceOfDemands(t *testing.T) {
	r := newRegion(t, 2)
	ids := r.proposal()
	x := r.route(ids[0])
	if x.Plan.Free != 0 {
		t.Errorf("a route without demands has a free best of %g", x.Plan.Free)
	}
	first := x.Steps[0]
	x, err := r.routes.Change(t.Context(), r.methodist, x.ID, routes.Edit{Version: x.Version, Do: "forbid", Programme: first.Code})
	r.must(err)
	if x.Plan.Free < x.Plan.Best.Coverage || x.Plan.DemandsPrice() < 0 {
		t.Errorf("free %g, best under demands %g", x.Plan.Free, x.Plan.Best.Coverage)
	}
	_, page := r.get(r.methodist, "/routes/"+strconv.FormatInt(x.ID, 10))
	shows(t, "editor", page, "Ваши условия и их цена", "Исключено")
}
