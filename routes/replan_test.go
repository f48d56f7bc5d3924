package routes_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// A wish is kept with who asked for it and what it costs; the page takes it without script and gives it up again.
func TestWishesOfAMethodist(t *testing.T) {
	r := newRegion(t, 1)
	id := r.proposal()[0]
	x := r.route(id)
	page := fmt.Sprintf("/routes/%d", id)
	before := x.Plan.Coverage()
	code, body, to := r.post(r.methodist, page+"/edit", url.Values{"version": {"1"}, "do": {"wishes"}, "mode": {"online"}, "month": {"2027-02", "2027-03"}, "load": {"30"}, "why": {"Очно не отпускают"}})
	if code != 303 || to != page {
		t.Fatalf("wishes: %d %s\n%.3000s", code, to, body)
	}
	x = r.route(id)
	w := x.Teacher().Preferences
	if w == nil || !slices.Equal(w.Modes, []plan.Mode{plan.Online}) || len(w.Months) != 2 || *w.HoursAMonth != 30 {
		t.Fatalf("wishes kept: %+v", w)
	}
	if a := x.Plan.Asked; a == nil || a.By != r.methodist.ID || a.Why != "Очно не отпускают" {
		t.Fatalf("whose wishes: %+v", a)
	}
	for _, s := range x.Steps {
		if m := s.StartsOn.Format("2006-01"); m < "2027-02" || s.EndsOn.Format("2006-01") > "2027-03" {
			t.Errorf("step %s begins in %s", s.Code, m)
		}
	}
	if len(x.Plan.Prices) != 3 || x.Plan.Coverage() > before+1e-9 || x.Plan.FreeCoverage() < x.Plan.BestCoverage() {
		t.Fatalf("prices %+v, covers %g of %g", x.Plan.Prices, x.Plan.Coverage(), before)
	}
	for _, p := range x.Plan.Prices {
		if p.Loses < 0 || x.Plan.Best.Coverage+p.Loses > x.Plan.Free+1e-9 {
			t.Errorf("%s costs %g, all together %g", p.Kind, p.Loses, x.Plan.Free-x.Plan.Best.Coverage)
		}
	}
	_, body = r.get(r.methodist, page)
	shows(t, "editor", body, "только дистанционно", "не больше 30", "Очно не отпускают", "Ваши условия и их цена", "Сотрудников", `value="2027-02" checked`)
	// Another change leaves the wishes and whose they are.
	x, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "limits", Hours: 60, Cost: -1})
	r.must(err)
	if x.Plan.Asked == nil || x.Teacher().Preferences == nil {
		t.Fatal("new limits lost the wishes")
	}
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "drop", Drop: []string{"months"}})
	r.must(err)
	if w := x.Teacher().Preferences; w == nil || len(w.Months) != 0 || len(w.Modes) != 1 {
		t.Fatalf("one wish given up: %+v", w)
	}
	code, body, _ = r.post(r.methodist, page+"/edit", url.Values{"version": {fmt.Sprint(x.Version)}, "do": {"wishes"}, "mode": {"full-time"}, "load": {"много"}})
	if code != 422 || !strings.Contains(body, `value="full-time" checked`) || !strings.Contains(body, `value="много"`) {
		t.Errorf("a refused form is not kept: %d", code)
	}
}

// Demands that cannot hold together are named, the fewest of them, and each can be given up.
func TestConflictOfDemands(t *testing.T) {
	r := newRegion(t, 1)
	id := r.proposal()[0]
	x := r.route(id)
	// Lock a step held in one form, then ask for the other.
	i := slices.IndexFunc(x.Steps, func(s routes.Step) bool { return s.Hours > 2 })
	var mode string
	r.must(r.pool.Get(&mode, `SELECT mode FROM programme_session WHERE id = $1`, x.Steps[i].Session))
	other := plan.Mode("online")
	if mode == "online" {
		other = plan.FullTime
	}
	x, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "lock", Programme: x.Steps[i].Code})
	r.must(err)
	locked := x.Steps[i].Code
	form := url.Values{"version": {fmt.Sprint(x.Version)}, "do": {"wishes"}, "mode": {string(other)}}
	code, body, _ := r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), form)
	if code != 409 {
		t.Fatalf("a lock against a wish: %d", code)
	}
	shows(t, "conflict", body, "Вместе это не складывается", "Откажитесь от чего-то одного", "Открепить", "Снять это пожелание", `name="drop" value="modes"`, `name="drop" value="locked:`+locked)
	if strings.Contains(body, "останется другое противоречие") {
		t.Error("giving either up is enough here")
	}
	// With two wishes against the lock, giving one of them up is not enough, and that is said.
	two := url.Values{"version": form["version"], "do": form["do"], "mode": form["mode"], "month": {"2027-08"}}
	code, body, _ = r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), two)
	if code != 409 || strings.Count(body, "останется другое противоречие") != 1 {
		t.Errorf("two wishes against a lock: %d", code)
	}
	form.Set("drop", "locked:"+locked)
	if code, body, _ = r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), form); code != 303 {
		t.Fatalf("giving the lock up: %d %.2000s", code, body)
	}
	x = r.route(id)
	if len(x.Teacher().Locked) != 0 || len(x.Teacher().Preferences.Modes) != 1 || !strings.Contains(x.Made.Reason, "Снято условие: закреплён шаг") {
		t.Fatalf("after giving up: %+v, %s", x.Teacher(), x.Made.Reason)
	}
	// A required programme that does not fit into the hours: the limit can be raised.
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "wishes"})
	r.must(err)
	long := longest(r)
	e := routes.Edit{Version: x.Version, Do: "require", Programme: long}
	x, err = r.routes.Change(t.Context(), r.methodist, id, e)
	r.must(err)
	e = routes.Edit{Version: x.Version, Do: "limits", Hours: 3, Cost: -1}
	_, err = r.routes.Change(t.Context(), r.methodist, id, e)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "обязательна программа") {
		t.Fatalf("3 hours with a required course: %v", err)
	}
	e.Drop = []string{"hours"}
	x, err = r.routes.Change(t.Context(), r.methodist, id, e)
	r.must(err)
	if x.HourLimit() <= 3 || !slices.ContainsFunc(x.Steps, func(s routes.Step) bool { return s.Code == long }) {
		t.Fatalf("the limit was raised to %g", x.HourLimit())
	}
	if _, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "forbid", Programme: long}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a required programme is excluded: %v", err)
	}
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "release", Programme: long})
	r.must(err)
	if len(x.Teacher().Required) != 0 {
		t.Fatal("still required")
	}
}

// longest is the code of the longest programme of the route's catalogue that has a group ahead and no requirements.
func longest(r *region) (code string) {
	r.Helper()
	r.must(r.pool.Get(&code, `SELECT p.code FROM programme p JOIN programme_session s ON s.programme_id = p.id
		WHERE p.requires = '{}' AND p.hours BETWEEN 16 AND 60 AND p.cost = 0 AND s.starts_on > '2026-12-01' AND s.ends_on < '2027-08-01' AND s.seats > 0 AND p.withdrawn_at IS NULL
		ORDER BY p.hours DESC, p.code LIMIT 1`))
	return code
}

// walking is a route agreed to whose first step is done; the clock stands on the day after it began.
func (r *region) walking() routes.Route {
	r.Helper()
	id := r.proposal()[0]
	teacher := r.teachers[0]
	r.must(r.routes.Propose(r.Context(), r.methodist, id))
	r.must(r.routes.Agree(r.Context(), teacher, 2))
	first := r.route(id).Steps[0]
	r.clock = first.StartsOn.Add(36 * time.Hour)
	r.must(r.routes.TickOwn(r.Context(), teacher, routes.Tick{Programme: first.Programme, What: "done", Document: "№ 1"}))
	return r.route(id)
}

// A group is cancelled: the route is called out of date, planned anew with what is done kept, and the teacher sees what
// changed and why.
func TestPlanningARouteAnew(t *testing.T) {
	r := newRegion(t, 1)
	x := r.walking()
	if len(x.Steps) < 3 {
		t.Fatalf("%d steps", len(x.Steps))
	}
	still, err := r.routes.Replan(t.Context(), r.methodist, x.ID, routes.Little, nil)
	r.must(err)
	if !still.Same() {
		t.Fatalf("nothing has happened, yet: %+v", still.Changes)
	}
	last := x.Steps[len(x.Steps)-1]
	_, err = r.pool.Exec(`UPDATE programme_session SET cancelled_at = now() WHERE id = $1`, last.Session)
	r.must(err)
	_, list := r.get(r.methodist, "/routes")
	shows(t, "list", list, "Маршрут устарел", fmt.Sprintf("/routes/%d/replan", x.ID))
	_, editor := r.get(r.methodist, fmt.Sprintf("/routes/%d", x.ID))
	shows(t, "editor", editor, "Маршрут устарел", "отменили", "Пересчитать бережно")

	if code, body := r.get(r.methodist, "/routes/outdated"); code != 200 {
		t.Error(code)
	} else {
		shows(t, "all out of date", body, "Учителева Мария", "отменили", "без замены осталось бы", "Принять отмеченные", fmt.Sprintf(`value="%d.%d" checked`, x.ID, x.Version))
	}
	if code, body := r.get(r.municipal, "/routes/outdated"); code != 200 || strings.Contains(body, "Учителева") {
		t.Errorf("another municipality's routes out of date: %d", code)
	}
	if code, _, _ := r.post(r.methodist, "/routes/outdated", url.Values{}); code != 422 {
		t.Errorf("none ticked: %d", code)
	}
	if taken, others, err := r.routes.TakeAnew(t.Context(), r.methodist, map[int64]int{x.ID: x.Version - 1}, ""); err != nil || taken != 0 || others != 1 {
		t.Errorf("an older version: %d taken, %d not, %v", taken, others, err)
	}
	got, err := r.routes.Replan(t.Context(), r.methodist, x.ID, routes.Little, nil)
	r.must(err)
	if got.Count(routes.StepDone) != 1 || got.Same() || got.Count(routes.StepStays)+got.Count(routes.StepUnderWay) != len(x.Steps)-2 {
		t.Fatalf("planned anew: %+v", got.Changes)
	}
	gone := slices.IndexFunc(got.Changes, func(c routes.StepChange) bool { return c.What == routes.StepGoes || c.What == routes.StepMoved })
	if gone < 0 || got.Changes[gone].Why != "группу отменили" {
		t.Fatalf("the cancelled step: %+v", got.Changes)
	}
	free, err := r.routes.Replan(t.Context(), r.methodist, x.ID, routes.Free, nil)
	r.must(err)
	if free.New.Plan.Coverage() < got.New.Plan.Coverage()-1e-9 || got.Price() < 0 {
		t.Errorf("free %g, careful %g", free.New.Plan.Coverage(), got.New.Plan.Coverage())
	}
	if now := r.route(x.ID); now.Version != x.Version {
		t.Fatal("looking changed the route")
	}
	code, body := r.get(r.methodist, fmt.Sprintf("/routes/%d/replan", x.ID))
	shows(t, "replan", body, "Что изменится", "Группу отменили", "Принять новый вариант", "Что сказать педагогу", "пройден")
	if code != 200 {
		t.Error(code)
	}
	if code, _ := r.get(r.methodist, fmt.Sprintf("/routes/%d/replan?pace=fast", x.ID)); code != 422 && code != 400 {
		t.Errorf("an unknown pace: %d", code)
	}
	if code, _ := r.get(r.teachers[0], fmt.Sprintf("/routes/%d/replan", x.ID)); code != 404 {
		t.Errorf("a teacher plans anew: %d", code)
	}
	code, _, _ = r.post(r.methodist, "/routes/outdated", url.Values{"route": {fmt.Sprintf("%d.%d", x.ID, x.Version)}, "note": {"Группу отменили, нашли вам другую"}})
	if code != 303 {
		t.Fatalf("accepted: %d", code)
	}
	// While the methodist works on it, the teacher sees what was agreed to, and nothing of the draft.
	_, mine := r.get(r.teachers[0], "/route")
	shows(t, "teacher, meanwhile", mine, "Методист меняет маршрут", "с чем вы согласились", "группа отменена")
	if strings.Contains(mine, "Что изменилось") {
		t.Error("the teacher sees the draft")
	}
	if code, form := r.get(r.teachers[0], "/route/print"); code != 200 || strings.Count(form, "<th scope=\"row\">") == 0 {
		t.Errorf("the form meanwhile: %d", code)
	}
	r.must(r.routes.Propose(t.Context(), r.methodist, x.ID))
	_, mine = r.get(r.teachers[0], "/route")
	shows(t, "teacher", mine, "Что изменилось", "Группу отменили, нашли вам другую", "Группу отменили.", "Без изменений: ")
	y := r.route(x.ID)
	r.must(r.routes.Agree(t.Context(), r.teachers[0], y.Version))
	_, mine = r.get(r.teachers[0], "/route")
	shows(t, "teacher, afterwards", mine, "Что изменилось в последний раз")
	if p := y.Teacher().Keep; len(p) != 0 || y.Problem.ChangePenalty != 0 {
		t.Error("the price on change is kept in the version")
	}
}

// New results and moved dates make a route out of date; what is under way is not asked for the wishes.
func TestOutdatedRoute(t *testing.T) {
	r := newRegion(t, 1)
	x := r.walking()
	page := fmt.Sprintf("/routes/%d", x.ID)
	if _, body := r.get(r.methodist, page); strings.Contains(body, "Маршрут устарел") {
		t.Fatal("out of date already")
	}
	last := x.Steps[len(x.Steps)-1]
	_, err := r.pool.Exec(`UPDATE programme_session SET starts_on = starts_on + 1, ends_on = ends_on + 1 WHERE id = $1`, last.Session)
	r.must(err)
	_, body := r.get(r.methodist, page)
	shows(t, "moved", body, "Маршрут устарел", "перенесли")
	_, body = r.get(r.methodist, "/routes?risk=1")
	shows(t, "list", body, "Группу перенесли")
	needs := r.needs[r.teachers[0].ID]
	delete(needs, "math.probability")
	needs["math.geometry"] = 0.3
	_, body = r.get(r.methodist, page)
	shows(t, "new results", body, "Результаты диагностики изменились", "Больше не требуют работы", "Вероятность")
	_, body = r.get(r.methodist, "/routes")
	shows(t, "list, new results", body, "Маршрут устарел")
	// A later diagnostic of the same themes counts: there nothing is left to do.
	later := routes.New(r.pool, func() time.Time { return r.clock }, routes.Sources{
		Needs: func(ctx context.Context, tx *sqlx.Tx, q routes.NeedQuery) ([]routes.Need, error) {
			other := q.Campaign != r.campaign
			q.Campaign = r.campaign
			list, err := r.need(ctx, tx, q)
			for i := range list {
				list[i].MeasuredAt = x.Made.At.Add(-time.Hour)
				if other {
					list[i].MeasuredAt, list[i].Status, list[i].Campaign = r.clock, "none", r.campaign+1
				}
			}
			return list, err
		},
		Campaigns: func(context.Context, *sqlx.Tx) ([]routes.Campaign, error) {
			return []routes.Campaign{{ID: r.campaign + 1, Title: "Весна"}, {ID: r.campaign, Title: "Осень"}}, nil
		}})
	z, err := later.Replan(t.Context(), r.methodist, x.ID, routes.Little, nil)
	r.must(err)
	if z.Count(routes.StepGoes) != len(x.Steps)-1-z.Count(routes.StepUnderWay) || z.Route.Campaign != r.campaign {
		t.Errorf("nothing is to be strengthened any more, yet %+v", z.Changes)
	}
	// The step that is done is full-time or online: a wish for the other form does not touch it.
	for _, m := range []plan.Mode{plan.Online, plan.FullTime} {
		y, err := r.routes.Change(t.Context(), r.methodist, x.ID, routes.Edit{Version: r.route(x.ID).Version, Do: "wishes", Wishes: &plan.Preferences{Modes: []plan.Mode{m}}})
		r.must(err)
		if y.Steps[0].Code != x.Steps[0].Code {
			t.Errorf("wishing for %s moved what is done", m)
		}
	}
	var f *fault.Error
	if _, err := r.routes.Replan(t.Context(), r.municipal, x.ID, routes.Little, nil); !errors.As(err, &f) || f.Kind != fault.NotFound {
		t.Errorf("another's route is planned anew: %v", err)
	}
}

// Demands that conflict stop planning anew too, with a way out by an address alone.
func TestConflictWhenPlanningAnew(t *testing.T) {
	r := newRegion(t, 1)
	id := r.proposal()[0]
	x := r.route(id)
	x, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "lock", Programme: x.Steps[len(x.Steps)-1].Code})
	r.must(err)
	locked := x.Steps[len(x.Steps)-1]
	_, err = r.pool.Exec(`UPDATE programme SET hours = 200 WHERE id = $1`, locked.Programme)
	r.must(err)
	page := fmt.Sprintf("/routes/%d/replan", id)
	code, body := r.get(r.methodist, page)
	shows(t, "planning anew", body, "Вместе это не складывается", "Открепить", "Поднять предел до", "drop=locked%3A", "drop=hours")
	if code != 200 || strings.Contains(body, "Принять новый вариант") {
		t.Errorf("a conflict: %d", code)
	}
	_, body = r.get(r.methodist, page+"?drop=locked%3A"+url.QueryEscape(locked.Code))
	shows(t, "without the lock", body, "Принять новый вариант", `name="drop" value="locked:`+locked.Code)
}
