package routes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/routes"
)

// Figures of fewer than five people are told to nobody, nor of those from whom they could be worked out: the same on the
// demand's page, in its workbook and in a what-if, by municipality and by organisation.
func TestFewAreNotTold(t *testing.T) {
	r := newRegion(t, 16) // eight in each of two municipalities, each with one school
	sel := func(territory, organisation int64) routes.Selection {
		return routes.Selection{Campaign: r.campaign, Territory: territory, Organisation: organisation, Hours: 72, Cost: 20000}
	}
	hidden := func(name string, s routes.Selection, want bool) {
		t.Helper()
		d, err := r.routes.Demand(t.Context(), r.methodist, s)
		r.must(err)
		before, after, err := r.routes.TryWhatIf(t.Context(), r.methodist, s, routes.WhatIf{Limits: routes.Limits{Hours: 36, Cost: 20000}})
		r.must(err)
		if d.Hidden != want || before.Hidden != want || after.Hidden != want {
			t.Errorf("%s: hidden %v, what if %v and %v, want %v", name, d.Hidden, before.Hidden, after.Hidden, want)
		}
		if want && (d.People != 0 || d.Coverage != 0 || d.Seats != nil || d.Unmet != nil || before.Coverage != 0) {
			t.Errorf("%s: %+v is told", name, d)
		}
		query := fmt.Sprintf("?campaign=%d&territory=%d&organisation=%d", s.Campaign, s.Territory, s.Organisation)
		_, page := r.get(r.methodist, "/routes/demand"+query)
		_, tried := r.get(r.methodist, "/routes/what-if"+query+"&try=1&hours=36&cost=20000")
		code, _ := r.get(r.methodist, "/routes/demand.xlsx"+query)
		for _, p := range []string{page, tried} {
			if strings.Contains(p, "Числа не показываем") != want || strings.Contains(p, "Часов всего") == want {
				t.Errorf("%s: the page tells otherwise", name)
			}
		}
		if (code == http.StatusConflict) != want {
			t.Errorf("%s: workbook %d", name, code)
		}
	}
	var first, second int64
	r.must(r.pool.Get(&first, `SELECT territory_id FROM organisation WHERE id = $1`, r.schools[0]))
	r.must(r.pool.Get(&second, `SELECT territory_id FROM organisation WHERE id = $1`, r.schools[1]))
	hidden("eight beside eight", sel(first, 0), false)
	hidden("a school of eight", sel(0, r.schools[1]), false)
	for i := 9; i < 16; i += 2 { // four of the second municipality have nothing left to strengthen
		delete(r.needs, r.teachers[i].ID)
	}
	hidden("everybody", sel(0, 0), false)
	hidden("four", sel(second, 0), true)
	hidden("a school of four", sel(0, r.schools[1]), true)
	hidden("eight beside four: the rest of the whole", sel(first, 0), true)
	hidden("their school", sel(first, r.schools[0]), true)
	for i := 0; i < 16; i += 2 {
		delete(r.needs, r.teachers[i].ID)
	}
	hidden("four in all", sel(0, 0), true)
}
