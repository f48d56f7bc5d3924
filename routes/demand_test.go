package routes_test

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
	shows(t, "what if", page, "п. п. больше", "В ней займут", "Разница")
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
	lines := 0
	for _, u := range d.Unmet {
		lines += max(1, len(u.Bids))
	}
	if len(seats) != len(d.Seats)+1 || len(order) != lines+1 {
		t.Errorf("%d and %d rows for %d programmes and %d lines of the order", len(seats), len(order), len(d.Seats), lines)
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

// What is ordered closes what it promises: its line leads to the page of what-if, and the plan made anew there gains no less.
func TestOrderKeepsItsPromise(t *testing.T) {
	r := newRegion(t, 14)
	ctx := t.Context()
	_, err := r.pool.Exec(`UPDATE programme_session SET seats = 1`)
	r.must(err)
	d, err := r.routes.Demand(ctx, r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	_, page := r.get(r.methodist, "/routes/demand")
	groups, courses := 0, 0
	for i, u := range d.Unmet {
		if i > 0 && u.Gain() > d.Unmet[i-1].Gain() {
			t.Errorf("%s closes more than what stands above it", u.Element)
		}
		for _, b := range u.Bids {
			w := routes.WhatIf{Programme: b.Programme, Seats: b.Seats, StartsOn: b.StartsOn, Limits: routes.Limits{Hours: 72, Cost: 20000}}
			if groups++; b.Programme == "" {
				groups--
				courses++
				w.Element, w.Length, w.Mode = u.Element, b.Hours, b.Mode
				if b.Share > b.Usual {
					w.Share = int(100*b.Share + 0.5)
				}
			}
			before, after, err := r.routes.TryWhatIf(ctx, r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000}, w)
			r.must(err)
			if gain := after.Coverage - before.Coverage; gain < b.Gain-1e-9 || after.Effect.Group.EndsOn != b.EndsOn || after.Effect.Programme.Cost != b.Cost {
				t.Errorf("%s: %+v gains %g, promised %g", u.Element, b, gain, b.Gain)
			}
			if b.Seats%5 != 0 || b.Seats < b.Takers || b.Takers < 5 {
				t.Errorf("%s: %d seats for %d", u.Element, b.Seats, b.Takers)
			}
		}
	}
	if groups == 0 || courses == 0 {
		t.Errorf("%d new groups and %d new programmes to order where every group has one seat", groups, courses)
	}
	shows(t, "order", page, "Закроет ещё", "Ещё групп", "до 2", "нехватки по теме", "/routes/what-if?campaign=")
	more, extra, err := r.routes.TryWhatIf(ctx, r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000}, routes.WhatIf{Limits: routes.Limits{Hours: 90, Cost: 20000}})
	r.must(err)
	if extra.Coverage-more.Coverage < d.More.Gain-1e-9 {
		t.Errorf("more hours gain %g, promised %g", extra.Coverage-more.Coverage, d.More.Gain)
	}
}

// A group that nobody takes says why; one that ends after the last day of a plan is refused with the day to begin by.
func TestWhatIfSaysWhy(t *testing.T) {
	r := newRegion(t, 14)
	try := func(code int, query string, words ...string) {
		t.Helper()
		got, page := r.get(r.methodist, "/routes/what-if?try=1&hours=72&cost=20000&"+query)
		if got != code {
			t.Errorf("%s: %d", query, got)
		}
		shows(t, query, page, words...)
	}
	codes := []string{}
	r.must(r.pool.Select(&codes, `SELECT code FROM programme WHERE id IN (SELECT programme_id FROM programme_element WHERE element_id LIKE 'pre.%') ORDER BY code LIMIT 1`))
	try(http.StatusOK, "programme="+url.QueryEscape(codes[0])+"&seats=25&starts=2027-02-01", "займут 0 из 25", "Почему её не займут", "никому не нужны")
	r.must(r.pool.Select(&codes, `SELECT p.code FROM programme p JOIN programme_element c ON c.programme_id = p.id WHERE c.element_id = 'math.probability' AND p.hours BETWEEN 24 AND 36 AND EXISTS (SELECT FROM programme_session s WHERE s.programme_id = p.id) ORDER BY p.code LIMIT 1`))
	own := url.QueryEscape(codes[len(codes)-1])
	try(http.StatusUnprocessableEntity, "programme="+own+"&seats=25&starts=2027-08-30", "Группа кончится", "Начните не позже")
	try(http.StatusOK, "programme="+own+"&seats=1000&starts=2027-02-01", "Почему")
	try(http.StatusOK, "programme=new:math.probability&length=16&mode=online&share=60&seats=20&starts=2027-02-01", "Новая программа по теме", "закрывает 60")
	try(http.StatusUnprocessableEntity, "programme=new:math.probability&length=16&mode=online&share=x&seats=20&starts=2027-02-01", "Доля темы")
	try(http.StatusUnprocessableEntity, "programme=new:nothing&length=16&mode=online&seats=20&starts=2027-02-01", "Такой темы нет")
	_, page := r.get(r.methodist, "/routes/what-if")
	suit, rest := strings.Index(page, "подходят этой диагностике"), strings.Index(page, "Остальные программы")
	if mine, other := strings.Index(page, `value="`+html.EscapeString(codes[len(codes)-1])+`"`), strings.LastIndex(page, `<option value="Д-`); suit < 0 || mine < suit || mine > rest || other < rest {
		t.Errorf("the list of groups: suiting at %d, others at %d, one of mathematics at %d, one of preschool at %d", suit, rest, mine, other)
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
