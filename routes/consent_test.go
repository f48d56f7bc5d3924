package routes_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
)

// decides writes what a teacher decided about showing results to the municipal methodist.
func (r *region) decides(teacher access.Actor, what string) {
	r.Helper()
	r.must(db.InTx(r.Context(), r.pool, teacher, func(tx *sqlx.Tx) error {
		return people.DecideConsentTx(r.Context(), tx, teacher.ID, people.ForMethodist, 1, what, r.clock)
	}))
}

func hides(t *testing.T, what, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(page, w) {
			t.Errorf("%s: %q is on the page", what, w)
		}
	}
}

// The municipal methodist has teachers 1, 3 and 5 (of the second school); 5 never agrees.
func TestMunicipalMethodistSeesRoutesByConsent(t *testing.T) {
	r := newRegion(t, 6)
	of := map[access.PersonID]int64{}
	for _, id := range r.proposal() {
		of[r.route(id).Person] = id
	}
	path := func(i int) string { return fmt.Sprintf("/routes/%d", of[r.teachers[i].ID]) }
	sees := func(i, want int) {
		t.Helper()
		for _, p := range []string{path(i), path(i) + "/print"} {
			if code, _ := r.get(r.municipal, p); code != want {
				t.Errorf("teacher %d, GET %s: %d, want %d", i, p, code, want)
			}
		}
	}
	_, page := r.get(r.municipal, "/routes")
	shows(t, "nobody agreed", page, "Ещё 3\u00a0человека не дали согласия")
	hides(t, "nobody agreed", page, "Учителева")
	sees(1, 404)

	r.decides(r.teachers[1], people.Given)
	r.decides(r.teachers[3], people.Given)
	r.decides(r.teachers[0], people.Given) // of another municipality
	r.decides(r.teachers[5], people.Refused)
	sees(0, 404)
	sees(1, 200)
	sees(3, 200)
	sees(5, 404)
	_, page = r.get(r.municipal, "/routes?state=draft")
	shows(t, "two agreed", page, "2\u00a0маршрута", path(1), path(3), "Ещё 1\u00a0человек не дал согласия показывать результаты муниципальному методисту", "Черновик: 2")
	hides(t, "two agreed", page, path(0), path(5))
	for _, act := range []string{"/propose", "/cancel", "/complete", "/edit", "/steps"} {
		if code, _, _ := r.post(r.municipal, path(5)+act, url.Values{"reason": {"х"}, "version": {"1"}, "do": {"undo"}}); code != 404 {
			t.Errorf("POST %s: %d", act, code)
		}
	}
	_, page = r.get(r.methodist, "/routes")
	shows(t, "the region", page, path(0), path(5), "Все: 6")
	hides(t, "the region", page, "не дал согласия")

	r.decides(r.teachers[3], people.Withdrawn)
	sees(3, 404)
	_, err := r.pool.Exec(`UPDATE appointment SET organisation_id = $2 WHERE person_id = $1`, r.teachers[1].ID, r.schools[0])
	r.must(err)
	sees(1, 404) // the methodist of the municipality that the teacher has left
	if _, err := r.routes.Route(t.Context(), r.methodist, of[r.teachers[1].ID]); err != nil {
		t.Error(err)
	}
}

func TestMunicipalMethodistPlansByConsent(t *testing.T) {
	r := newRegion(t, 6)
	sel := routes.Selection{Campaign: r.campaign, Hours: 72, Cost: -1}
	p, err := r.routes.DrawProposal(t.Context(), r.municipal, sel)
	if err != nil || len(p.People) != 0 || p.Unshared != 3 {
		t.Fatalf("nobody agreed: %d planned, %d not, %v", len(p.People), p.Unshared, err)
	}
	r.decides(r.teachers[1], people.Given)
	r.decides(r.teachers[3], people.Given)
	if p, err = r.routes.DrawProposal(t.Context(), r.methodist, sel); err != nil || len(p.People) != 6 || p.Unshared != 0 {
		t.Fatalf("the region: %d planned, %d not, %v", len(p.People), p.Unshared, err)
	}
	if _, err := r.routes.ApplyProposal(t.Context(), r.municipal, p, "№ 9"); err != nil { // another's plan: what the actor may see of it
		t.Fatal(err)
	}
	var made []access.PersonID
	r.must(r.pool.Select(&made, `SELECT person_id FROM route ORDER BY person_id`))
	if len(made) != 2 || made[0] != r.teachers[1].ID || made[1] != r.teachers[3].ID {
		t.Fatalf("routes made for %v", made)
	}
	n, err := r.routes.UndoProposal(t.Context(), r.municipal, "№ 9")
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}

	code, _, to := r.post(r.municipal, "/routes/propose", url.Values{"campaign": {fmt.Sprint(r.campaign)}, "hours": {"72"}, "cost": {""}})
	if code != 303 {
		t.Fatal(code)
	}
	if worked, err := r.runner.RunOne(t.Context()); err != nil || !worked {
		t.Fatal(worked, err)
	}
	_, page := r.get(r.municipal, to)
	shows(t, "planned", page, "2\u00a0человека", "Ещё 1\u00a0человек не дал согласия")
	r.decides(r.teachers[3], people.Withdrawn) // between the plan and the drafts
	_, page = r.get(r.municipal, to)
	shows(t, "withdrawn", page, "Ещё 2\u00a0человека не дали согласия", "1\u00a0человек")
	if code, page, _ := r.post(r.municipal, to+"/apply", url.Values{}); code != 303 {
		t.Fatalf("apply: %d %.500s", code, page)
	}
	if list, _, err := r.routes.List(t.Context(), r.municipal, routes.Filter{State: routes.Draft}); err != nil || len(list) != 1 || list[0].Person != r.teachers[1].ID {
		t.Fatalf("drafts: %+v, %v", list, err)
	}
	r.decides(r.teachers[1], people.Withdrawn)
	if _, err := r.routes.Route(t.Context(), r.municipal, 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("withdrawn: %v", err)
	}
}
