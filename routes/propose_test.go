package routes_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
)

// place is the territory and the organisation of the i-th teacher.
func (r *region) place(i int) (territory, organisation int64) {
	r.Helper()
	r.must(r.pool.QueryRow(`SELECT territory_id, organisation_id FROM registration WHERE person_id = $1`, r.teachers[i].ID).Scan(&territory, &organisation))
	return territory, organisation
}

func (r *region) code(i int) (code string) {
	r.Helper()
	r.must(r.pool.Get(&code, `SELECT participant_code FROM registration WHERE person_id = $1`, r.teachers[i].ID))
	return code
}

// A selection that names nothing real is refused in words, with everything kept, on every form; it never becomes a
// calculation about nobody.
func TestSelectionOfNothing(t *testing.T) {
	r := newRegion(t, 2)
	first, school := r.place(0)
	second, other := r.place(1)
	for _, x := range []struct {
		as             access.Actor
		name           string
		values         url.Values
		field, message string
	}{
		{r.methodist, "no such municipality", url.Values{"territory": {"999"}}, "territory", "Такого муниципалитета среди ваших нет"},
		{r.methodist, "not a number", url.Values{"territory": {"все"}}, "territory", "Такого муниципалитета среди ваших нет"},
		{r.methodist, "no such school", url.Values{"organisation": {"999"}}, "organisation", "Такой организации среди ваших нет"},
		{r.methodist, "a school of another municipality", url.Values{"territory": {fmt.Sprint(first)}, "organisation": {fmt.Sprint(other)}}, "organisation", "из другого муниципалитета"},
		{r.municipal, "a municipality of somebody else", url.Values{"territory": {fmt.Sprint(first)}}, "territory", "Такого муниципалитета среди ваших нет"},
		{r.municipal, "a school of somebody else", url.Values{"territory": {fmt.Sprint(second)}, "organisation": {fmt.Sprint(school)}}, "organisation", "Такой организации среди ваших нет"},
	} {
		x.values.Set("campaign", fmt.Sprint(r.campaign))
		x.values.Set("hours", "41")
		x.values.Set("cost", "")
		wants := []string{x.message, `id="` + x.field + `-wrong"`, `href="#` + x.field + `"`}
		code, page, _ := r.post(x.as, "/routes/propose", x.values)
		shows(t, x.name, page, append(wants, `value="41"`)...)
		if code != 422 {
			t.Errorf("%s: proposed: %d", x.name, code)
		}
		for _, path := range []string{"/routes/demand?", "/routes/what-if?try=1&"} {
			code, page := r.get(x.as, path+x.values.Encode())
			shows(t, x.name+" "+path, page, wants...)
			if code != 422 {
				t.Errorf("%s: %s: %d", x.name, path, code)
			}
		}
		sel := routes.Selection{Campaign: r.campaign, Territory: 999, Hours: 72}
		if _, err := r.routes.DrawProposal(t.Context(), x.as, sel); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: drawn: %v", x.name, err)
		}
	}
	var asked int
	r.must(r.pool.Get(&asked, `SELECT count(*) FROM job`))
	if asked != 0 {
		t.Errorf("%d calculations about nobody", asked)
	}
}

// What somebody had calculated is listed for them alone, with what came of it.
func TestOwnCalculations(t *testing.T) {
	r := newRegion(t, 6)
	_, page := r.get(r.methodist, "/routes/propose")
	shows(t, "none yet", page, "Здесь появятся ваши расчёты")
	territory, _ := r.place(0)
	whole := r.asks(url.Values{"hours": {"72"}, "cost": {"20000"}})
	_, page = r.get(r.methodist, "/routes/propose")
	shows(t, "waiting", page, "ждёт очереди", `href="`+whole+`"`, "Все муниципалитеты")
	r.works()
	r.asks(url.Values{"hours": {"36"}, "cost": {""}, "territory": {fmt.Sprint(territory)}})
	r.works()
	_, page = r.get(r.methodist, "/routes/propose")
	shows(t, "done", page, "ждёт решения", "6 из 6", "3 из 3", "Математика, осень 2026; до 36", "нет</span>")
	if code, _, _ := r.post(r.methodist, whole+"/apply", url.Values{}); code != 303 {
		t.Fatal(code)
	}
	_, page = r.get(r.methodist, "/routes/propose")
	shows(t, "taken", page, `data-label="Взято черновиков">6</td>`, "готов")
	if _, page = r.get(r.municipal, "/routes/propose"); strings.Contains(page, whole) {
		t.Error("another methodist sees the calculation")
	}
}

// One teacher is found by name or code and gets a draft in one step; whoever cannot is told why.
func TestProposalForOne(t *testing.T) {
	r := newRegion(t, 6)
	delete(r.needs, r.teachers[2].ID)
	_, page := r.get(r.methodist, "/routes/propose?q="+url.QueryEscape("учителева номеровнаа"))
	shows(t, "found", page, "Учителева", r.code(1), "Стоит укрепить: 4", "Предложить маршрут", "Результатов по этой диагностике нет")
	_, page = r.get(r.methodist, "/routes/propose?q="+url.QueryEscape(strings.ToLower(r.code(1))))
	shows(t, "by code", page, "Учителева", r.code(1))
	if strings.Contains(page, r.code(3)) {
		t.Error("another code is found")
	}
	code, page := r.get(r.methodist, "/routes/propose?q=x")
	shows(t, "one letter", page, "хотя бы две буквы")
	if code != 422 {
		t.Errorf("one letter: %d", code)
	}
	var looks int
	r.must(r.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'name.read' AND person_id = $1 AND actor_id = $2`, r.teachers[1].ID, r.methodist.ID))
	if looks != 2 {
		t.Errorf("%d looks in the journal, want 2", looks)
	}

	// Seats are what the routes of others leave: only one group has any, and one seat of it is gone.
	code, _, to := r.post(r.methodist, "/routes/propose/one", url.Values{"code": {r.code(0)}})
	if code != 303 || !strings.HasPrefix(to, "/routes/") {
		t.Fatalf("drafted: %d %s", code, to)
	}
	var id int64
	fmt.Sscanf(to, "/routes/%d", &id)
	x := r.route(id)
	if x.State != routes.Draft || x.Person != r.teachers[0].ID || len(x.Steps) == 0 || x.Plan.Coverage() < x.Plan.BestCoverage()-1e-9 {
		t.Fatalf("%+v", x)
	}
	if code, _, again := r.post(r.methodist, "/routes/propose/one", url.Values{"code": {r.code(0)}}); code != 303 || again != to {
		t.Errorf("a second route: %d %s", code, again)
	}
	_, page = r.get(r.methodist, "/routes/propose?q="+url.QueryEscape(r.code(0)))
	shows(t, "has one", page, "Открыть маршрут", "черновик", `href="`+to+`"`)
	_, err := r.pool.Exec(`UPDATE programme_session SET seats = 0`)
	r.must(err)
	_, err = r.pool.Exec(`UPDATE programme_session SET seats = 1 WHERE id = $1`, x.Steps[0].Session)
	r.must(err)
	code, page, _ = r.post(r.methodist, "/routes/propose/one", url.Values{"code": {r.code(4)}})
	shows(t, "no seats", page, "Ничего не подошло", "в подходящих группах нет мест", "Учителева")
	if code != 409 {
		t.Errorf("no seats: %d", code)
	}
	// A cancelled route is taken up again.
	_, err = r.pool.Exec(`UPDATE programme_session SET seats = 20`)
	r.must(err)
	r.must(r.routes.Cancel(t.Context(), r.methodist, id, "Передумали"))
	if again, made, err := r.routes.ProposeOne(t.Context(), r.methodist, r.code(0)); err != nil || !made || again != id {
		t.Errorf("taken up again: %d %v %v", again, made, err)
	}
	for _, refused := range []struct {
		as   access.Actor
		code string
		kind fault.Kind
		says string
	}{
		{r.methodist, r.code(2), fault.Conflict, "Результатов по этой диагностике нет"},
		{r.methodist, "ЛО-00-XX-0000-0", fault.Invalid, "среди ваших педагогов нет"},
		{r.municipal, r.code(4), fault.Invalid, "среди ваших педагогов нет"},
		{r.municipal, r.code(1), fault.Conflict, "не дал согласия"},
	} {
		if _, _, err := r.routes.ProposeOne(t.Context(), refused.as, refused.code); fault.KindOf(err) != refused.kind || !strings.Contains(fmt.Sprint(err, fault.FieldsOf(err)), refused.says) {
			t.Errorf("%s: %v", refused.code, err)
		}
	}
	// Whoever gave no consent: that there is a route is not told either.
	_, made, err := r.routes.ProposeOne(t.Context(), r.methodist, r.code(1))
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if id, _, err := r.routes.ProposeOne(t.Context(), r.municipal, r.code(1)); fault.KindOf(err) != fault.Conflict || id != 0 || !strings.Contains(err.Error(), "не дал согласия") {
		t.Errorf("without consent, with a route: %d %v", id, err)
	}
	r.decides(r.teachers[1], people.Given)
	if id, made, err := r.routes.ProposeOne(t.Context(), r.municipal, r.code(1)); made || err != nil || id == 0 {
		t.Errorf("with consent: %v %v", made, err)
	}
}

// The page of somebody's deficits leads to their route, or offers one to whoever may propose it.
func TestRouteOfAParticipant(t *testing.T) {
	r := newRegion(t, 2)
	link := func(as access.Actor, i int) (id int64, may bool) {
		t.Helper()
		r.must(db.InTx(t.Context(), r.pool, as, func(tx *sqlx.Tx) error {
			reg, err := campaign.RegistrationByCodeTx(t.Context(), tx, r.code(i))
			if err != nil {
				return err
			}
			l, err := r.routes.RouteOfTx(t.Context(), tx, as, reg)
			id, may = l.ID, l.May
			return err
		}))
		return id, may
	}
	analyst := access.Actor{ID: r.manager.ID, Grants: []access.Grant{{Role: access.Analyst}}}
	if id, may := link(r.methodist, 0); id != 0 || !may {
		t.Errorf("a methodist: %d %v", id, may)
	}
	if id, may := link(analyst, 0); id != 0 || may {
		t.Errorf("an analyst: %d %v", id, may)
	}
	route, _, err := r.routes.ProposeOne(t.Context(), r.methodist, r.code(0))
	r.must(err)
	if id, may := link(analyst, 0); id != route || may {
		t.Errorf("an analyst: %d %v, the route is %d", id, may, route)
	}
}
