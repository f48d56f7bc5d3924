package routes_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/web"
)

// region is a database with a real instrument, a campaign with invited teachers, the sample catalogue, and deficits
// given as values: what the bank would say of the teachers.
type region struct {
	*testing.T
	pool      *sqlx.DB
	routes    *routes.Service
	runner    *jobs.Runner
	clock     time.Time
	campaign  int64
	methodist access.Actor
	municipal access.Actor // of the second territory
	manager   access.Actor
	teachers  []access.Actor
	schools   []int64
	needs     map[access.PersonID]map[string]float64 // shortfall
	visitor   web.Visitor
	handler   http.Handler
}

func (r *region) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func newRegion(t *testing.T, teachers int) *region {
	t.Helper()
	t.Parallel()
	r := &region{T: t, pool: dbtest.New(t), clock: time.Date(2026, 11, 22, 12, 0, 0, 0, calendar.Zone), needs: map[access.PersonID]map[string]float64{}}
	now := func() time.Time { return r.clock }
	ctx := t.Context()
	p := people.New(r.pool, now)
	r.must(p.EnsureReference(ctx))
	var territories []int64
	r.must(r.pool.Select(&territories, `SELECT id FROM territory ORDER BY id LIMIT 2`))
	var err error
	r.schools, err = p.AddOrganisations(ctx, access.System, []people.NewOrganisation{
		{TerritoryID: territories[0], Kind: "school", Name: "Школа № 1", ShortName: "Школа № 1"},
		{TerritoryID: territories[1], Kind: "school", Name: "Школа № 2", ShortName: "Школа № 2"}})
	r.must(err)
	grants := []access.Grant{{Role: access.Manager}, {Role: access.Author}, {Role: access.Reviewer}, {Role: access.Methodist}, {Role: access.MunicipalMethodist, Territory: territories[1]}}
	list := []people.NewPerson{}
	for _, g := range grants {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Сотрудников", Given: "Пётр"}, Grants: []access.Grant{g}})
	}
	for i := range teachers {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Учителева", Given: "Мария", Patronymic: fmt.Sprintf("Номеровна%s", strings.Repeat("а", i))}, Grants: []access.Grant{{Role: access.Teacher}},
			Appointments: []people.NewAppointment{{OrganisationID: r.schools[i%2], Position: "teacher", Subject: "math", StartedOn: calendar.Day(r.clock.AddDate(-3, 0, 0))}}})
	}
	ids, err := p.AddPeople(ctx, access.System, list)
	r.must(err)
	as := func(i int) access.Actor {
		if i < len(grants) {
			return access.Actor{ID: ids[i], Grants: grants[i : i+1]}
		}
		return access.Actor{ID: ids[i], Grants: []access.Grant{{Role: access.Teacher}}}
	}
	r.manager, r.methodist, r.municipal = as(0), as(3), as(4)
	for i := range teachers {
		r.teachers = append(r.teachers, as(len(grants)+i))
	}
	file, err := os.ReadFile("../content/math-teacher.json")
	r.must(err)
	in, err := assembly.New(r.pool, now, bank.New(r.pool, now)).ImportInstrument(ctx, as(1), as(2), file)
	r.must(err)
	pre, err := os.ReadFile("../content/preschool-teacher.json")
	r.must(err)
	_, err = assembly.New(r.pool, now, bank.New(r.pool, now)).ImportInstrument(ctx, as(1), as(2), pre)
	r.must(err)
	campaigns := campaign.New(r.pool, now)
	r.campaign, err = campaigns.Create(ctx, r.manager, campaign.NewCampaign{Title: "Математика, осень 2026", InstrumentID: in.InstrumentID, ScaleID: in.ScaleID,
		OpensAt: r.clock, ClosesAt: r.clock.Add(14 * 24 * time.Hour)})
	r.must(err)
	_, err = campaigns.Invite(ctx, r.manager, r.campaign, campaign.Choice{All: true})
	r.must(err)

	r.routes = routes.New(r.pool, now, routes.Sources{Needs: r.need, Campaigns: func(context.Context, *sqlx.Tx) ([]routes.Campaign, error) {
		return []routes.Campaign{{ID: r.campaign, Title: "Математика, осень 2026"}}, nil
	}})
	r.runner = jobs.New(r.pool)
	r.routes.Handle(r.runner)
	report, err := r.routes.ImportProgrammes(ctx, r.methodist, routes.SampleCatalogue, false)
	r.must(err)
	if len(report.Faults) > 0 || report.Programmes < 60 {
		t.Fatalf("sample catalogue: %d programmes, faults %v", report.Programmes, report.Faults)
	}
	for i, a := range r.teachers {
		r.needs[a.ID] = map[string]float64{"math.probability": 0.3, "math.m.errors": 0.25, "math.m.assessment": 0.12 + 0.01*float64(i%5), "math.word": 0.08}
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(func(c *gin.Context) { web.As(r.visitor)(c) })
	r.routes.Mount(e)
	r.handler = e
	return r
}

func (r *region) need(ctx context.Context, tx *sqlx.Tx, q routes.NeedQuery) ([]routes.Need, error) {
	list, err := campaign.RegistrationsTx(ctx, tx, q.Campaign, q.Scope)
	if err != nil {
		return nil, err
	}
	only := map[access.PersonID]bool{}
	for _, p := range q.Persons {
		only[p] = true
	}
	out := []routes.Need{}
	for _, reg := range list {
		if len(only) > 0 && !only[reg.PersonID] || q.Territory != 0 && reg.TerritoryID != q.Territory || q.Organisation != 0 && reg.OrganisationID != q.Organisation {
			continue
		}
		for e, x := range r.needs[reg.PersonID] {
			out = append(out, routes.Need{Person: reg.PersonID, Campaign: q.Campaign, Registration: reg.ID, Code: reg.Code, Territory: reg.TerritoryID, Organisation: reg.OrganisationID,
				Position: reg.Position, Subject: reg.Subject, Element: e, Low: 0.2, High: 0.5, P: 0.95, Severity: "high", Status: "deficit", Tasks: 3, Shortfall: x, Importance: 1, MeasuredAt: r.clock})
		}
	}
	return out, nil
}

// proposal draws and applies routes for everybody and returns their ids.
func (r *region) proposal() []int64 {
	r.Helper()
	p, err := r.routes.DrawProposal(r.Context(), r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	a, err := r.routes.ApplyProposal(r.Context(), r.methodist, p, "№ 1")
	r.must(err)
	if len(a.Made) != len(r.teachers) {
		r.Fatalf("%d routes for %d teachers", len(a.Made), len(r.teachers))
	}
	return a.Made
}

func (r *region) route(id int64) routes.Route {
	r.Helper()
	x, err := r.routes.Route(r.Context(), r.methodist, id)
	r.must(err)
	return x
}

func (r *region) get(as access.Actor, path string) (int, string) {
	r.Helper()
	r.visitor = web.Visitor{Actor: as, Name: "Кто-то"}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func (r *region) post(as access.Actor, path string, form url.Values) (int, string, string) {
	r.Helper()
	r.visitor = web.Visitor{Actor: as, Name: "Кто-то"}
	req := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return w.Code, w.Body.String(), w.Header().Get("Location")
}

func shows(t *testing.T, what, page string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			t.Errorf("%s: %q is not on the page", what, w)
		}
	}
	if i := strings.Index(page, "<no value>"); i >= 0 || strings.Contains(page, "%!") {
		t.Errorf("%s: a value is missing on the page", what)
	}
	if strings.Contains(page, "<<<<") || strings.Contains(page, "====") {
		t.Errorf("%s: marks of a merge on the page", what)
	}
	if regexp.MustCompile(`\sstyle=|<script>|onclick=`).MatchString(page) {
		t.Errorf("%s: breaks the strict CSP", what)
	}
}

func TestImportOfProgrammes(t *testing.T) {
	r := newRegion(t, 0)
	again, err := r.routes.ImportProgrammes(t.Context(), r.methodist, routes.SampleCatalogue, true)
	r.must(err)
	if again.Same != again.Programmes || len(again.New)+len(again.Changed)+again.Cancelled != 0 {
		t.Fatalf("the same workbook again: %+v", again)
	}
	f, err := excelize.OpenReader(bytes.NewReader(routes.SampleCatalogue))
	r.must(err)
	write := func() []byte { b, err := f.WriteToBuffer(); r.must(err); return b.Bytes() }
	r.must(f.SetCellValue("Программы", "C2", "Другое название"))
	r.must(f.RemoveRow("Потоки", 2))
	changed, err := r.routes.ImportProgrammes(t.Context(), r.methodist, write(), true)
	r.must(err)
	if len(changed.Changed) != 1 || changed.Cancelled != 1 {
		t.Fatalf("a changed workbook: %+v", changed)
	}
	for cell, v := range map[string]any{"Программы!G3": "много", "Программы!B4": "Курсы", "Программы!A5": "М-001", "Программы!Q6": "М-999", "Программы!K7": "космонавт",
		"Результаты!B2": "math.nothing", "Результаты!C3": 120, "Потоки!C3": "31.02.2027", "Потоки!E4": "как-нибудь"} {
		sheet, at, _ := strings.Cut(cell, "!")
		r.must(f.SetCellValue(sheet, at, v))
	}
	bad, err := r.routes.ImportProgrammes(t.Context(), r.methodist, write(), false)
	r.must(err)
	places := map[string]bool{}
	for _, x := range bad.Faults {
		places[x.Cell] = true
	}
	for _, want := range []string{"Программы!G3", "Программы!B4", "Программы!A5", "Программы!Q6", "Программы!K7", "Результаты!B2", "Результаты!C3", "Потоки!C3", "Потоки!E4"} {
		if !places[want] {
			t.Errorf("no fault at %s: %v", want, bad.Faults)
		}
	}
	still, err := r.routes.ImportProgrammes(t.Context(), r.methodist, routes.SampleCatalogue, true)
	r.must(err)
	if still.Same != still.Programmes {
		t.Fatal("a workbook with faults changed the catalogue")
	}
	if _, err := r.routes.ImportProgrammes(t.Context(), r.methodist, []byte("PK not a book"), true); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("not a workbook: %v", err)
	}
}

func TestProposalSharesSeats(t *testing.T) {
	r := newRegion(t, 40)
	p, err := r.routes.DrawProposal(t.Context(), r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	if len(p.People) != 40 || p.Gap > 0.01 {
		t.Fatalf("%d people, gap %g", len(p.People), p.Gap)
	}
	for _, d := range p.Demand {
		if d.Want > d.Free {
			t.Errorf("%s %s: %d wanted, %d free", d.Programme, d.Session, d.Want, d.Free)
		}
	}
	a, err := r.routes.ApplyProposal(t.Context(), r.methodist, p, "№ 7")
	r.must(err)
	if len(a.Made) != 40 {
		t.Fatalf("made %d", len(a.Made))
	}
	again, err := r.routes.ApplyProposal(t.Context(), r.methodist, p, "№ 8")
	r.must(err)
	if len(again.Made) != 0 || again.Skipped != 40 {
		t.Fatalf("applied twice: %+v", again)
	}
	n, err := r.routes.UndoProposal(t.Context(), r.methodist, "№ 7")
	r.must(err)
	if n != 40 {
		t.Fatalf("undone %d", n)
	}
	// A group that is gone meanwhile: whoever was promised it gets the best of what is left, and is named.
	gone := p.People[0].Steps[0]
	_, err = r.pool.Exec(`UPDATE programme_session s SET cancelled_at = $3 FROM programme g WHERE g.id = s.programme_id AND g.code = $1 AND s.code = $2`, gone.Programme, gone.Session, r.clock)
	r.must(err)
	promised := map[access.PersonID]bool{}
	for _, row := range p.People {
		if slices.Contains(row.Steps, gone) {
			promised[row.Person] = true
		}
	}
	after, err := r.routes.ApplyProposal(t.Context(), r.methodist, p, "№ 9")
	r.must(err)
	if len(after.Made) != 40 || len(after.Without) != 0 || len(after.Anew) != len(promised) {
		t.Fatalf("after undoing: %+v, promised %v", after, promised)
	}
	for _, id := range after.Made {
		x := r.route(id)
		if promised[x.Person] != slices.Contains(after.Anew, x.Person) || slices.ContainsFunc(x.Steps, func(s routes.Step) bool { return s.Code == gone.Programme && s.Group == gone.Session }) {
			t.Errorf("route %d of %d still holds what is gone", id, x.Person)
		}
	}
	for i := 1; i < 24; i += 2 {
		r.decides(r.teachers[i], people.Given)
	}
	mine, err := r.routes.DrawProposal(t.Context(), r.municipal, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: -1})
	r.must(err)
	if mine.Having != 12 || mine.Unshared != 8 {
		t.Fatalf("a municipal methodist sees %d people with routes and %d he may not see, of his own 20 twelve agreed", mine.Having, mine.Unshared)
	}
}

func TestLifeOfARoute(t *testing.T) {
	r := newRegion(t, 2)
	ids := r.proposal()
	id, teacher := ids[0], r.teachers[0]
	x := r.route(id)
	if x.Person != teacher.ID {
		id, x = ids[1], r.route(ids[1])
	}
	if x.State != routes.Draft || len(x.Steps) == 0 || x.Plan.Coverage() <= 0.3 || x.Plan.Coverage() > x.Plan.BestCoverage()+1e-9 || x.HoursDone() != 0 {
		t.Fatalf("%+v", x.Plan)
	}
	for _, s := range x.Steps {
		if len(s.Why) == 0 {
			t.Errorf("step %s has no reason", s.Code)
		}
	}
	if err := r.routes.Agree(t.Context(), teacher, 1); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("a draft is not the teacher's to see: %v", err)
	}
	r.must(r.routes.Propose(t.Context(), r.methodist, id))
	if err := r.routes.Decline(t.Context(), teacher, 2, "  "); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("a no without words: %v", err)
	}
	r.must(r.routes.Decline(t.Context(), teacher, 2, "В марте не могу"))
	if x = r.route(id); x.State != routes.Declined || x.Made.Reason != "В марте не могу" || x.Made.By != teacher.ID {
		t.Fatalf("%+v", x.Made)
	}

	first := x.Steps[0]
	x, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "lock", Programme: first.Code})
	r.must(err)
	if !x.Steps[0].Locked || x.State != routes.Draft {
		t.Fatal("not locked, or not a draft")
	}
	if _, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "remove", Programme: first.Code}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a locked step is removed: %v", err)
	}
	if _, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version - 1, Do: "replan"}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("an old version is changed: %v", err)
	}
	last := x.Steps[len(x.Steps)-1]
	before := x.Plan.Coverage()
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "forbid", Programme: last.Code})
	r.must(err)
	for _, s := range x.Steps {
		if s.Code == last.Code {
			t.Fatal("an excluded programme is still there")
		}
	}
	if x.Plan.Coverage() > before+1e-9 || x.Steps[0].Code != first.Code {
		t.Fatalf("without %s: %g, with it %g", last.Code, x.Plan.Coverage(), before)
	}
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "undo"})
	r.must(err)
	if len(x.Teacher().Forbidden) != 0 {
		t.Fatalf("undone, yet excluded: %v", x.Teacher().Forbidden)
	}
	if x.Plan.Coverage() != before || len(x.Steps) == 0 {
		t.Fatalf("undone: %g, before %g", x.Plan.Coverage(), before)
	}
	x, err = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "limits", Hours: 36, Cost: -1})
	r.must(err)
	if x.Made.Hours > 36 || x.HourLimit() != 36 {
		t.Fatalf("%d hours of 36", x.Made.Hours)
	}
	r.must(r.routes.Propose(t.Context(), r.methodist, id))
	if err := r.routes.Agree(t.Context(), teacher, x.Version); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("an older version agreed: %v", err)
	}
	r.must(r.routes.Agree(t.Context(), teacher, x.Version+1))
	r.must(r.routes.Agree(t.Context(), teacher, x.Version+1)) // the button pressed twice

	step := x.Steps[0]
	if err := r.routes.TickOwn(t.Context(), teacher, routes.Tick{Programme: step.Programme, What: "done", Document: "№ 1"}); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("a step done before it began: %v", err)
	}
	r.clock = step.StartsOn.Add(12 * time.Hour)
	if err := r.routes.TickOwn(t.Context(), teacher, routes.Tick{Programme: step.Programme, What: "done"}); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("done without a document: %v", err)
	}
	r.must(r.routes.TickOwn(t.Context(), teacher, routes.Tick{Programme: step.Programme, What: "done", Document: "удостоверение № 1 от 1 марта"}))
	if x = r.route(id); x.State != routes.InProgress || !x.Done(step.Programme) || x.HoursDone() != step.Hours {
		t.Fatalf("%+v", x.Progress)
	}
	if _, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "remove", Programme: step.Code}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a step done is removed: %v", err)
	}
	y, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "limits", Hours: 72, Cost: -1})
	r.must(err)
	if len(y.Steps) == 0 || y.Steps[0].Code != step.Code {
		t.Fatal("planning anew lost the step that is done")
	}
	r.must(r.routes.Propose(t.Context(), r.methodist, id))
	r.must(r.routes.Agree(t.Context(), teacher, y.Version+1))
	r.must(r.routes.TickFor(t.Context(), r.methodist, id, routes.Tick{Programme: step.Programme, What: "done", Document: "то же"}))
	r.must(r.routes.Complete(t.Context(), r.methodist, id, ""))
	if x = r.route(id); x.State != routes.PartlyCompleted && x.State != routes.Completed {
		t.Fatalf("state %s", x.State)
	}
	if _, err := r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: x.Version, Do: "replan"}); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("a finished route changes: %v", err)
	}

	// Versions are for good, and the teacher can see who looked.
	if _, err := r.pool.Exec(`UPDATE route_version SET reason = 'x'`); err == nil {
		t.Error("a version was changed in place")
	}
	var looks int
	r.must(db.InTx(t.Context(), r.pool, access.System, func(tx *sqlx.Tx) error {
		lines, err := audit.LooksTx(t.Context(), tx, teacher.Own(), 100)
		for _, l := range lines {
			if l.Action == "route.read" {
				looks++
			}
		}
		return err
	}))
	if looks == 0 {
		t.Error("looks at the route are not in the journal")
	}
}

func TestScopeOfRoutes(t *testing.T) {
	r := newRegion(t, 2)
	ids := r.proposal()
	foreign := ids[0]
	if r.route(foreign).Organisation == r.schools[1] {
		foreign = ids[1]
	}
	if _, err := r.routes.Route(t.Context(), r.municipal, foreign); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("a methodist of another municipality: %v", err)
	}
	for path, code := range map[string]int{fmt.Sprintf("/routes/%d", foreign): 404, fmt.Sprintf("/routes/%d/print", foreign): 404, "/routes": 200, "/programmes": 200, "/programmes/import": 404, "/routes/propose": 200} {
		if got, _ := r.get(r.municipal, path); got != code {
			t.Errorf("%s: %d, want %d", path, got, code)
		}
	}
	for path, code := range map[string]int{"/routes": 404, "/programmes": 404, "/route": 200, fmt.Sprintf("/routes/%d", foreign): 404, "/route/print": 404} {
		if got, _ := r.get(r.teachers[0], path); got != code {
			t.Errorf("teacher %s: %d, want %d", path, got, code)
		}
	}
	if code, _, _ := r.post(r.manager, fmt.Sprintf("/routes/%d/propose", foreign), url.Values{}); code != 404 {
		t.Errorf("a manager proposes: %d", code)
	}
	if code, page := r.get(r.manager, fmt.Sprintf("/routes/%d", foreign)); code != 200 || strings.Contains(page, "Предложить педагогу") {
		t.Errorf("a manager reads only: %d", code)
	}
}

func TestPages(t *testing.T) {
	r := newRegion(t, 3)
	_, page := r.get(r.methodist, "/routes")
	shows(t, "no routes", page, "Маршрутов пока нет")
	ids := r.proposal()
	id := ids[0]
	_, page = r.get(r.methodist, "/programmes?element=math.probability&hours=40&sort=hours")
	shows(t, "catalogue", page, "Вероятность и статистика в 7–9 классах", "из 70")
	_, page = r.get(r.methodist, "/programmes?q=нет+такой")
	shows(t, "catalogue, nothing", page, "По этому отбору программ нет")
	var programme int64
	r.must(r.pool.Get(&programme, `SELECT id FROM programme WHERE code = 'М-031'`))
	_, page = r.get(r.methodist, fmt.Sprintf("/programmes/%d", programme))
	shows(t, "programme", page, "Консультации регионального методиста", "Опирается на", "С чего начать разговор об ошибке", "Свободно")

	x := r.route(id)
	code, page := r.get(r.methodist, fmt.Sprintf("/routes/%d", id))
	shows(t, "editor", page, "Учителева Мария", "Что укрепить", "Вероятность и статистика", "Почему так", "Что можно добавить", "Предложить педагогу", "стоит укрепить: 95 из 100", "Закроет", "Лучший маршрут")
	if code != 200 {
		t.Fatal(code)
	}
	version := fmt.Sprint(x.Version)
	code, _, to := r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), url.Values{"version": {version}, "do": {"lock"}, "programme": {x.Steps[0].Code}})
	if code != 303 || to != fmt.Sprintf("/routes/%d", id) {
		t.Fatalf("lock: %d %s", code, to)
	}
	code, page, _ = r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), url.Values{"version": {version}, "do": {"replan"}})
	if code != 409 {
		t.Fatalf("an old version: %d", code)
	}
	shows(t, "conflict", page, "маршрут изменился")
	code, page, _ = r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), url.Values{"version": {"2"}, "do": {"limits"}, "hours": {"сто"}})
	if code != 422 {
		t.Fatalf("hours in words: %d", code)
	}
	shows(t, "refusal", page, "Часы — целое число")

	// Every candidate that the page offers can really be added or put in place of a step.
	for _, m := range regexp.MustCompile(`name="do" value="add"><input type="hidden" name="programme" value="([^"]+)"><input type="hidden" name="session" value="([^"]+)">(?:<input type="hidden" name="instead" value="([^"]+)">)?`).FindAllStringSubmatch(page, 4) {
		now := r.route(id)
		code, body, _ := r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), url.Values{"version": {fmt.Sprint(now.Version)}, "do": {"add"}, "programme": {m[1]}, "session": {m[2]}, "instead": {m[3]}})
		if code != 303 {
			t.Fatalf("candidate %v: %d %.3000s", m[1:], code, body)
		}
		if code, _, _ := r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", id), url.Values{"version": {fmt.Sprint(now.Version + 1)}, "do": {"undo"}}); code != 303 {
			t.Fatalf("undo: %d", code)
		}
	}

	if code, _, _ = r.post(r.methodist, fmt.Sprintf("/routes/%d/propose", id), url.Values{}); code != 303 {
		t.Fatal(code)
	}
	teacher := access.Actor{ID: x.Person, Grants: []access.Grant{{Role: access.Teacher}}}
	_, page = r.get(teacher, "/route")
	shows(t, "own route", page, "Согласиться", "Попросить изменить", "Ради чего это", "Почему этот шаг")
	now := r.route(id)
	code, page, _ = r.post(teacher, "/route/decline", url.Values{"version": {fmt.Sprint(now.Version)}, "reason": {""}})
	if code != 422 {
		t.Fatal(code)
	}
	shows(t, "decline without words", page, "Напишите, что изменить")
	if code, _, to = r.post(teacher, "/route/agree", url.Values{"version": {fmt.Sprint(now.Version)}}); code != 303 || to != "/route" {
		t.Fatal(code, to)
	}
	r.clock = now.Steps[0].StartsOn.Add(10 * time.Hour)
	_, page = r.get(teacher, "/route")
	shows(t, "agreed route", page, "Шаг начался", "Шаг пройден")

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	r.must(form.WriteField("programme", fmt.Sprint(now.Steps[0].Programme)))
	r.must(form.WriteField("what", "done"))
	part, err := form.CreateFormFile("file", "scan.pdf")
	r.must(err)
	_, _ = part.Write([]byte("%PDF-1.4 a scan"))
	r.must(form.Close())
	r.visitor = web.Visitor{Actor: teacher}
	req := httptest.NewRequest("POST", "/route/steps", &body)
	req.Header.Set("Content-Type", form.FormDataContentType())
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	if w.Code != 303 {
		t.Fatalf("a scan: %d %.2000s", w.Code, w.Body)
	}
	_, page = r.get(teacher, "/route")
	shows(t, "route under way", page, "снимок приложен", "Пройдено 1 из")
	for _, path := range []string{"/route/print"} {
		_, page = r.get(teacher, path)
		shows(t, "form", page, "Индивидуальный образовательный маршрут", "Учителева Мария", "Рефлексия", "Подписи", "Итоговая диагностика")
	}
	_, page = r.get(r.methodist, "/routes?state=in_progress")
	shows(t, "list", page, "идёт", "Идёт: 1", "Черновик: 2")
	_, page = r.get(r.methodist, "/routes?state=cancelled")
	shows(t, "list, nothing", page, "По этому отбору маршрутов нет")
}

func TestBulkPages(t *testing.T) {
	r := newRegion(t, 6)
	_, page := r.get(r.methodist, "/routes/propose")
	shows(t, "propose", page, "Математика, осень 2026", "Часов на человека")
	code, page, _ := r.post(r.methodist, "/routes/propose", url.Values{"campaign": {fmt.Sprint(r.campaign)}, "hours": {"0"}, "cost": {"много"}})
	if code != 422 {
		t.Fatal(code)
	}
	shows(t, "refused", page, "Деньги — целое число")
	code, _, to := r.post(r.methodist, "/routes/propose", url.Values{"campaign": {fmt.Sprint(r.campaign)}, "hours": {"72"}, "cost": {""}})
	if code != 303 {
		t.Fatal(code)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "waiting", page, "Считаем маршруты")
	if worked, err := r.runner.RunOne(t.Context()); err != nil || !worked {
		t.Fatal(worked, err)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "preview", page, "Создать черновики", "Учителева Мария", "Кому что", "Места")
	if code, _ := r.get(r.municipal, to); code != 404 {
		t.Errorf("another's proposal: %d", code)
	}
	if code, page, _ := r.post(r.methodist, to+"/apply", url.Values{}); code != 303 {
		t.Fatalf("apply: %d %.2000s", code, page)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "applied", page, "Отменить: 6")
	if code, _, _ := r.post(r.methodist, to+"/undo", url.Values{}); code != 303 {
		t.Fatal(code)
	}
	_, page = r.get(r.methodist, "/routes")
	shows(t, "undone", page, "Отменён: 6")
}
