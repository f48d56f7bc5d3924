package roadmap

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/roadmap/parse"
	"github.com/lotsiya/lotsiya/web"
)

var (
	manager = access.Actor{ID: 7, Grants: []access.Grant{{Role: access.Manager}}}
	analyst = access.Actor{ID: 8, Grants: []access.Grant{{Role: access.Analyst}}}
	expert  = access.Actor{ID: 9, Grants: []access.Grant{{Role: access.Expert}}}
	teacher = access.Actor{ID: 10, Grants: []access.Grant{{Role: access.Teacher}}}
)

// fixture is a service on a database of its own on 20 November 2026.
type fixture struct {
	*testing.T
	*Service
	pool     *sqlx.DB
	district int64
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	pool := dbtest.New(t)
	f := &fixture{T: t, pool: pool}
	var err error
	f.district, err = db.Get[int64](t.Context(), pool, `INSERT INTO territory (code, name, short_name, kind) VALUES ('41639', 'Приозерский муниципальный район', 'Приозерский', 'district') RETURNING id`)
	if err != nil {
		t.Fatal(err)
	}
	share := 0.856
	f.Service = New(pool, func() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) }, Outside{
		Keys: []Key{{"persons.diagnosed", "Прошли диагностику", "Педагоги с закрытой попыткой."}, {"deficits.recorded", "Записей в банке", "Дефициты за год."}},
		Figures: func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, key string, year int) (Figure, error) {
			if !actor.May(access.BankRead) {
				return Figure{}, fault.New(fault.Forbidden, "нельзя")
			}
			if year != 2026 {
				return Figure{}, nil
			}
			return Figure{Value: "1 284", Words: "из 1 500 педагогов", Share: &share}, nil
		},
		Territories: func(ctx context.Context, tx *sqlx.Tx) ([]Territory, error) {
			return db.Select[Territory](ctx, tx, `SELECT id, short_name AS name FROM territory ORDER BY short_name`)
		},
		Names: func(_ context.Context, _ *sqlx.Tx, _ access.Actor, _ string, ids []access.PersonID) (map[access.PersonID]string, error) {
			out := map[access.PersonID]string{}
			for _, id := range ids {
				out[id] = fmt.Sprintf("Человек %d", id)
			}
			return out, nil
		},
	})
	return f
}

func (f *fixture) source(file string, territory int64) Source {
	f.Helper()
	body, err := os.ReadFile("parse/testdata/" + file)
	if err != nil {
		f.Fatal(err)
	}
	return Source{Name: file, Body: body, Territory: territory}
}

func (f *fixture) imported(file string, territory int64) int64 {
	f.Helper()
	id, err := f.Import(f.Context(), manager, f.source(file, territory))
	if err != nil {
		f.Fatal(err)
	}
	return id
}

func (f *fixture) plan(id int64) Plan {
	f.Helper()
	v, err := f.View(f.Context(), manager, id, "")
	if err != nil {
		f.Fatal(err)
	}
	return v.Plan
}

func TestImportKeepsThePlanWhole(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	var ids []int64
	for _, c := range []struct {
		file      string
		territory int64
		items     int
		name      string
	}{{"region-2023.txt", 0, 46, "Регион, 2023"}, {"priozersk-2024.txt", f.district, 29, "Приозерский, 2024"}} {
		src := f.source(c.file, c.territory)
		want, err := f.Preview(src)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, f.imported(c.file, c.territory))
		got := f.plan(ids[len(ids)-1])
		if got.Name() != c.name || got.Tally(got.Sections, "").All != c.items {
			t.Errorf("%s with %d items", got.Name(), got.Tally(got.Sections, "").All)
		}
		for n, s := range want.Sections {
			for k, i := range s.Items {
				g := got.Sections[n].Items[k]
				if g.Number != i.Number || g.Title != i.Title || fmt.Sprint(g.Term) != fmt.Sprint(i.Term) || strings.Join(g.Responsible, ";") != strings.Join(i.Responsible, ";") {
					t.Errorf("kept %+v\nread %+v", g, i)
				}
			}
		}
		if _, err := f.Import(t.Context(), manager, src); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second import: %v", err)
		}
	}
	municipal := f.plan(ids[1])
	if municipal.ApprovedNumber != "2056-р" || municipal.ApprovedOn == nil || municipal.ApprovedOn.Format("02.01.2006") != "29.12.2023" {
		t.Errorf("approval %q %v", municipal.ApprovedNumber, municipal.ApprovedOn)
	}
}

func TestBrokenPlanKeepsNothing(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	src := f.source("priozersk-2024.txt", 0)
	src.Body = bytes.Replace(src.Body, []byte("Август - сентябрь"), []byte("потом"), 1)
	_, err := f.Import(t.Context(), manager, src)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "«потом»") {
		t.Errorf("%v", err)
	}
	if plans, _ := f.Plans(t.Context(), manager); len(plans) != 0 {
		t.Errorf("%d plans kept", len(plans))
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	from := f.imported("region-2023.txt", 0)
	f.do(f.Rename(t.Context(), manager, from, map[string]string{"5.4": "Банк дефицитов"}))
	f.do(f.Attach(t.Context(), manager, from, "5.4", "deficits.recorded"))
	f.do(f.Report(t.Context(), manager, from, NewReport{Item: "5.4", State: SaidDone}))
	id, err := f.Adopt(t.Context(), manager, from, Adoption{Year: 2026})
	f.do(err)
	p := f.plan(id)
	i, _ := p.Item("1.1")
	if p.Year != 2026 || !strings.HasSuffix(p.Title, "в 2026 году") || fmt.Sprint(i.Term.Periods) != "[{2026-01-01 2026-02-28}]" {
		t.Errorf("%d %q %v", p.Year, p.Title, i.Term)
	}
	if i, _ := p.Item("5.4"); i.Short != "Банк дефицитов" || len(i.Keys) != 1 || len(i.Reports) != 0 {
		t.Errorf("copied %+v", i)
	}
	if p.ApprovedOn != nil || p.AdoptedFrom == nil || *p.AdoptedFrom != from {
		t.Error("a copy is not approved by its original")
	}
	if _, err := f.Adopt(t.Context(), manager, from, Adoption{Year: 2026}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second copy: %v", err)
	}
	if _, err := f.Adopt(t.Context(), manager, from, Adoption{Year: 2026, Territory: f.district}); err != nil {
		t.Errorf("another owner: %v", err)
	}
}

func (f *fixture) do(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// TestState: what is late is late against the term and the approval, whichever is later.
func TestState(t *testing.T) {
	on := func(s string) *time.Time { d, _ := time.Parse("2006-01-02", s); return &d }
	term := func(s string) parse.Term { x, _ := parse.ReadTerm(s, 2026); return x }
	for _, c := range []struct {
		term     string
		approved string
		reports  []Report
		today    string
		want     State
	}{
		{"Январь", "", nil, "2025-12-31", Ahead},
		{"Январь", "", nil, "2026-01-01", Going},
		{"Январь", "", nil, "2026-01-31", Going},
		{"Январь", "", nil, "2026-02-01", Late},
		{"Январь", "2026-05-12", nil, "2026-05-12", Going},
		{"Январь", "2026-05-12", nil, "2026-05-13", Late},
		{"Ноябрь-декабрь", "2025-12-29", nil, "2026-10-31", Ahead},
		{"Апрель, октябрь", "", nil, "2026-10-31", Going},
		{"Апрель, октябрь", "", nil, "2026-11-01", Late},
		{"По отдельному плану", "", nil, "2026-12-31", Going},
		{"По отдельному плану", "", nil, "2027-01-01", Late},
		{"Январь", "", []Report{{State: SaidDone}}, "2026-06-01", Done},
		{"Январь", "", []Report{{State: SaidDone}, {State: SaidGoing}}, "2026-06-01", Late},
		{"Январь", "", []Report{{State: SaidPostponed, Until: on("2026-06-30")}}, "2026-06-30", Going},
		{"Январь", "", []Report{{State: SaidPostponed, Until: on("2026-06-30")}, {State: SaidGoing}}, "2026-07-01", Late},
		{"Январь", "", []Report{{State: SaidCancelled}}, "2026-06-01", Cancelled},
		{"Декабрь", "", []Report{{State: SaidGoing}}, "2026-06-01", Going},
		{"Январь-декабрь", "", []Report{{State: SaidPlanned}}, "2026-06-01", Ahead},
	} {
		p := Plan{Year: 2026}
		if c.approved != "" {
			p.ApprovedOn = on(c.approved)
		}
		if got := p.State(Item{Term: term(c.term), Reports: c.reports}, parse.Date(c.today)); got != c.want {
			t.Errorf("%s approved %q, %d reports, on %s: %s, want %s", c.term, c.approved, len(c.reports), c.today, got, c.want)
		}
	}
}

func TestReportsAreForGood(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	id := f.imported("priozersk-2024.txt", f.district)
	f.do(f.Report(t.Context(), manager, id, NewReport{Item: "4.2", State: SaidPostponed, Note: "ждём базу", Until: "2024-10-15"}))
	f.do(f.Report(t.Context(), manager, id, NewReport{Item: "4.2", State: SaidDone, Note: " план готов ", Document: "https://example.org/plan.pdf"}))
	i, _ := f.plan(id).Item("4.2")
	if len(i.Reports) != 2 || i.Reports[0].Until == nil || day(*i.Reports[0].Until) != "2024-10-15" {
		t.Fatalf("%+v", i.Reports)
	}
	if r := i.Reports[1]; r.State != SaidDone || r.Note != "план готов" || r.DocumentTitle != "https://example.org/plan.pdf" || r.By != manager.ID || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
	for _, forbidden := range []string{`UPDATE roadmap_report SET note = ''`, `DELETE FROM roadmap_report`} {
		if _, err := f.pool.Exec(forbidden); err == nil {
			t.Errorf("the application may %s", forbidden)
		}
	}
	for _, bad := range []NewReport{
		{Item: "4.2", State: "late"},
		{Item: "4.2", State: SaidPostponed, Note: "x"},
		{Item: "4.2", State: SaidPostponed, Until: "2024-10-15"},
		{Item: "4.2", State: SaidCancelled},
		{Item: "4.2", State: SaidDone, Document: "javascript:alert(1)"},
		{Item: "4.2", State: SaidDone, Note: strings.Repeat("я", 4001)},
	} {
		if err := f.Report(t.Context(), manager, id, bad); fault.FieldsOf(err) == nil {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := f.Report(t.Context(), manager, id, NewReport{Item: "4.1", State: SaidDone}, NewReport{Item: "9.9", State: SaidDone}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no such item: %v", err)
	}
	if i, _ := f.plan(id).Item("4.1"); len(i.Reports) != 0 {
		t.Error("half of the reports were kept")
	}
	var actions int
	if err := f.pool.Get(&actions, `SELECT count(*) FROM journal WHERE action = 'plan.reported' AND actor_id = 7`); err != nil || actions != 2 {
		t.Errorf("%d lines of the journal, %v", actions, err)
	}
}

func TestWhoMayWrite(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	other, err := db.Get[int64](t.Context(), f.pool, `INSERT INTO territory (code, name, short_name, kind) VALUES ('41612', 'Всеволожский муниципальный район', 'Всеволожский', 'district') RETURNING id`)
	f.do(err)
	region, municipal := f.imported("region-2023.txt", 0), f.imported("priozersk-2024.txt", f.district)
	of := func(id access.PersonID, role access.Role, territory int64) access.Actor {
		return access.Actor{ID: id, Grants: []access.Grant{{Role: role, Territory: territory}}}
	}
	local, coordinator, municipalMethodist := of(11, access.Methodist, f.district), of(12, access.Coordinator, f.district), of(13, access.MunicipalMethodist, f.district)
	stranger, head := of(14, access.Coordinator, other), access.Actor{ID: 15, Grants: []access.Grant{{Role: access.Head, Organisation: 1}}}
	said := NewReport{Item: "1.1", State: SaidDone}
	for _, actor := range []access.Actor{local, coordinator, municipalMethodist, manager} {
		if err := f.Report(t.Context(), actor, municipal, said); err != nil {
			t.Errorf("actor %d on the plan of the own municipality: %v", actor.ID, err)
		}
	}
	for _, c := range []struct {
		actor access.Actor
		plan  int64
	}{{local, region}, {coordinator, region}, {municipalMethodist, region}, {stranger, municipal}, {head, municipal}, {analyst, region}, {analyst, municipal}} {
		if err := f.Report(t.Context(), c.actor, c.plan, said); fault.KindOf(err) != fault.NotFound {
			t.Errorf("actor %d, plan %d: %v", c.actor.ID, c.plan, err)
		}
	}
	// To report is not to keep the plan: its approval, names and indicators are another's.
	for what, err := range map[string]error{
		"approve": f.Approve(t.Context(), coordinator, municipal, "1", "2024-01-01"),
		"rename":  f.Rename(t.Context(), coordinator, municipal, map[string]string{"1.1": "Иначе"}),
		"attach":  f.Attach(t.Context(), coordinator, municipal, "1.1", "deficits.recorded"),
	} {
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("a coordinator may %s: %v", what, err)
		}
	}
	if _, err := f.Adopt(t.Context(), coordinator, municipal, Adoption{Year: 2026, Territory: f.district}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a coordinator adopts a plan: %v", err)
	}
	at := href(municipal) + "/items/1.1"
	page := f.get(coordinator, at, 200)
	wantAll(t, page, "Записать заметку")
	if strings.Contains(page, "Назвать так") || strings.Contains(page, "Показатель из системы") {
		t.Error("the coordinator is offered what the manager does")
	}
	f.post(coordinator, at+"/reports", url.Values{"state": {"in_progress"}, "note": {"Собираем списки"}}, 303)
	wantAll(t, f.get(coordinator, at, 200), "Собираем списки", "Человек 12")
	f.post(coordinator, at+"/short", url.Values{"short": {"Иначе"}}, 404)
	f.post(coordinator, href(region)+"/items/1.1/reports", url.Values{"state": {"done"}}, 404)
	f.post(stranger, at+"/reports", url.Values{"state": {"done"}}, 404)
	if page := f.get(stranger, at, 200); strings.Contains(page, "Записать заметку") {
		t.Error("a form for one who may not report")
	}
}

// TestPostponedGoesForward: a new term lies neither before the item's own nor before the approval.
func TestPostponedGoesForward(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	id := f.imported("priozersk-2024.txt", f.district) // 4.2 is due by 30 September 2024, the plan approved on 29 December 2023
	late := func(until string) error {
		return f.Report(t.Context(), manager, id, NewReport{Item: "4.2", State: SaidPostponed, Note: "ждём", Until: until})
	}
	for _, until := range []string{"2020-01-01", "2024-09-29"} {
		if err := late(until); !strings.Contains(fault.FieldsOf(err)["until"], "30\u00a0сентября\u00a02024") {
			t.Errorf("postponed to %s: %v", until, err)
		}
	}
	f.do(late("2024-09-30"))
	f.do(f.Approve(t.Context(), manager, id, "1", "2024-11-01"))
	if err := late("2024-10-15"); !strings.Contains(fault.FieldsOf(err)["until"], "1\u00a0ноября\u00a02024") {
		t.Errorf("postponed to before the approval: %v", err)
	}
	f.do(late("2024-11-15"))
}

func TestShorten(t *testing.T) {
	for title, want := range map[string]string{
		"Диагностика профессиональных компетенций; организация оценки":                    "Диагностика профессиональных компетенций",
		"Ведение региональных баз данных:\n• одна\n• другая":                              "Ведение региональных баз данных",
		"Осуществление мероприятий, направленных на профилактику выгорания":               "Осуществление мероприятий",
		"Координация деятельности, организация сетевого взаимодействия и ресурсов":        "Координация деятельности",
		"Введение системы наставничества в МОУ":                                           "Введение системы наставничества в МОУ",
		"Построение индивидуальных образовательных маршрутов непрерывного развития людей": "Построение индивидуальных образовательных маршрутов…",
	} {
		if got := Shorten(title); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestContent: the plans that the program carries are the very documents that
// the parser is tested on, and every item has a short name.
func TestContent(t *testing.T) {
	for _, code := range []string{content.RegionPlan, content.PriozerskPlan} {
		c, err := content.Roadmap(code)
		if err != nil {
			t.Fatal(err)
		}
		same, err := os.ReadFile("parse/testdata/" + c.Name)
		if err != nil || !bytes.Equal(c.Body, same) {
			t.Errorf("%s is not the tested document (%v)", c.Name, err)
		}
		p, err := parse.File(c.Name, bytes.NewReader(c.Body), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Sections {
			for _, i := range s.Items {
				if n := len([]rune(c.Short[i.Number])); n == 0 || n > 45 {
					t.Errorf("%s %s: short name %q", code, i.Number, c.Short[i.Number])
				}
			}
		}
		if len(c.Short) != p.Items() {
			t.Errorf("%s: %d short names for %d items", code, len(c.Short), p.Items())
		}
	}
}

// site serves the pages to an actor.
func (f *fixture) site(a access.Actor) http.Handler {
	gin.SetMode(gin.TestMode)
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: a, Name: "Проверка"}))
	f.Mount(e)
	return e
}

func (f *fixture) get(a access.Actor, path string, code int) string {
	f.Helper()
	w := httptest.NewRecorder()
	f.site(a).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if w.Code != code {
		f.Fatalf("GET %s: %d, want %d: %.300s", path, w.Code, code, w.Body)
	}
	return html.UnescapeString(w.Body.String())
}

func (f *fixture) post(a access.Actor, path string, form url.Values, code int) *httptest.ResponseRecorder {
	f.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	f.site(a).ServeHTTP(w, r)
	if w.Code != code {
		f.Fatalf("POST %s: %d, want %d: %.300s", path, w.Code, code, w.Body)
	}
	return w
}

func (f *fixture) upload(name string, body []byte, code int) string {
	f.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, _ := m.CreateFormFile("file", name)
	part.Write(body)
	m.WriteField("territory", "0")
	m.Close()
	r := httptest.NewRequest("POST", "/roadmap/import", &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	f.site(manager).ServeHTTP(w, r)
	if w.Code != code {
		f.Fatalf("upload: %d, want %d: %.300s", w.Code, code, w.Body)
	}
	out, _ := io.ReadAll(w.Body)
	return html.UnescapeString(string(out))
}

func wantAll(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(page, p) {
			t.Errorf("the page lacks %q", p)
		}
	}
}

func TestImportByPages(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	wantAll(t, f.get(manager, "/roadmap", 200), "Здесь будут дорожные карты", "Загрузить план")
	body := f.source("region-2023.txt", 0).Body
	page := f.upload("план.txt", body, 200)
	wantAll(t, page, "46\u00a0пунктов", "РНМЦР СПО", "номер и дата утверждения не заполнены", "Субъекты РС НМС")
	if plans, _ := f.Plans(t.Context(), manager); len(plans) != 0 {
		t.Fatal("a dry run kept a plan")
	}
	sha := regexp.MustCompile(`name="sha" value="([0-9a-f]{64})"`).FindStringSubmatch(page)
	if sha == nil {
		t.Fatal("no way on from the dry run")
	}
	form := url.Values{"sha": {sha[1]}, "name": {"план.txt"}, "territory": {"0"}, "number": {"1184-р"}, "on": {""}}
	if w := f.post(manager, "/roadmap/import/apply", form, 422); !strings.Contains(w.Body.String(), "1184-р") {
		t.Error("what was typed is lost")
	}
	form.Set("on", "2023-05-12")
	w := f.post(manager, "/roadmap/import/apply", form, 303)
	wantAll(t, f.get(manager, w.Header().Get("Location"), 200), "утверждён 12\u00a0мая\u00a02023, № 1184-р", "не закрыто в срок\u00a046")
	wantAll(t, f.upload("x.txt", bytes.Replace(body, []byte("Май РМЦ"), []byte("РМЦ"), 1), 422), "Строка 691", "у пункта 4.2 нет срока")
	wantAll(t, f.upload("x.txt", []byte("письмо"), 422), "таблица плана не найдена")
}

func TestPlanPage(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	from := f.imported("region-2023.txt", 0)
	id, err := f.Adopt(t.Context(), manager, from, Adoption{Year: 2026})
	f.do(err)
	f.do(f.Attach(t.Context(), manager, id, "5.2", "persons.diagnosed"))
	f.do(f.Report(t.Context(), manager, id, NewReport{Item: "1.1", State: SaidDone, Note: "Приняты"}))
	at := href(id)
	page := f.get(analyst, at, 200)
	wantAll(t, page, "46\u00a0мероприятий: сделано\u00a01, идёт", "1 284", "из 1 500 педагогов", "class=\"today\"", "Срок: Ноябрь-декабрь; идёт", "Приняты")
	if strings.Contains(page, "style=") || strings.Contains(page, "Записать утверждение") {
		t.Error("inline style, or a form for one who may only read")
	}
	if n := strings.Count(page, `<details class="item"`); n != 46 {
		t.Errorf("%d items", n)
	}
	page = f.get(analyst, at+"?resp="+url.QueryEscape("РМЦ"), 200)
	if n := strings.Count(page, `<details class="item"`); n != 7 || !strings.Contains(page, "Показано 7 из 46") {
		t.Errorf("%d items of РМЦ", n)
	}
	page = f.get(analyst, at+"?state=done", 200)
	if n := strings.Count(page, `<details class="item"`); n != 1 {
		t.Errorf("%d items done", n)
	}
	wantAll(t, f.get(analyst, at+"?state=cancelled", 200), "Таких пунктов нет")
	wantAll(t, f.get(expert, at, 200), "Эти данные видят те")
	wantAll(t, f.get(analyst, at+"/report", 200), "Отчёт о ходе плана за 2026 год", "Приняты", "Прошли диагностику: <b>1 284</b>")
	wantAll(t, f.get(analyst, "/roadmap", 200), "Регион, 2026", "1 из 46", "не указано")
	for _, path := range []string{"/roadmap", at, at + "/items/5.2"} {
		f.get(teacher, path, 404)
	}
	for _, path := range []string{"/roadmap/import", at + "/adopt"} {
		f.get(analyst, path, 404)
	}
	f.get(analyst, "/roadmap/999", 404)
	f.get(analyst, at+"/items/9.9", 404)
	f.post(analyst, at+"/items/1.1/reports", url.Values{"state": {"done"}}, 404)
}

// TestWorkbook reads the report back: what is due is a date, and the sheet is
// still the plan it was made of.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	id := f.imported("priozersk-2024.txt", f.district)
	f.do(f.Attach(t.Context(), manager, id, "6.3", "deficits.recorded"))
	f.do(f.Report(t.Context(), manager, id, NewReport{Item: "4.2", State: SaidDone, Note: "=1+1", Document: "https://example.org/d", DocumentTitle: "План-график"}))
	w := httptest.NewRecorder()
	f.site(analyst).ServeHTTP(w, httptest.NewRequest("GET", href(id)+"/report.xlsx", nil))
	if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Disposition"), "filename*=utf-8''") {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	again, err := parse.File("report.xlsx", bytes.NewReader(w.Body.Bytes()), 0)
	if err != nil || again.Items() != 29 || again.Year != 2024 {
		t.Fatalf("%d items, %v", again.Items(), err)
	}
	if got, want := again.Sections[0].Items[0], f.plan(id).Sections[0].Items[0]; got.Title != want.Title || strings.Join(got.Responsible, ";") != strings.Join(want.Responsible, ";") {
		t.Errorf("%+v", got)
	}
	book, err := excelize.OpenReader(bytes.NewReader(w.Body.Bytes()))
	f.do(err)
	defer book.Close()
	rows, err := book.GetRows("Отчёт")
	f.do(err)
	found := false
	for n, r := range rows {
		if r[0] != "4.2." {
			continue
		}
		found = true
		if r[4] != "30.09.2024" || r[5] != "сделано" || !strings.HasSuffix(r[7], "=1+1") || r[8] != "План-график https://example.org/d" {
			t.Errorf("%q", r)
		}
		if formula, _ := book.GetCellFormula("Отчёт", fmt.Sprintf("H%d", n+1)); formula != "" {
			t.Errorf("a note became the formula %q", formula)
		}
	}
	if !found {
		t.Error("4.2 is missing")
	}
	about, err := book.GetRows("Как читать")
	f.do(err)
	if text := fmt.Sprint(about); !strings.Contains(text, "29\u00a0декабря\u00a02023, № 2056-р") || !strings.Contains(text, "Дефициты за год.") {
		t.Errorf("%s", text)
	}
	w = httptest.NewRecorder()
	f.site(analyst).ServeHTTP(w, httptest.NewRequest("GET", href(id)+"/report.xlsx?state=done", nil))
	if again, err := parse.File("report.xlsx", w.Body, 0); err != nil || again.Items() != 1 {
		t.Errorf("filtered: %d items, %v", again.Items(), err)
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	id, err := f.Adopt(t.Context(), manager, f.imported("region-2023.txt", 0), Adoption{Year: 2026})
	f.do(err)
	f.do(f.Report(t.Context(), manager, id, NewReport{Item: "1.1", State: SaidPostponed, Note: "ждём", Until: "2026-12-01"}))
	f.do(db.InTx(t.Context(), f.pool, manager, func(tx *sqlx.Tx) error {
		n, plan, err := LateTx(t.Context(), tx, access.Scope{All: true}, 2026, f.now())
		if want := f.plan(id).Tally(f.plan(id).Sections, "2026-11-20").Late; n != want || n == 0 || plan != id {
			t.Errorf("%d late in plan %d, want %d in %d", n, plan, want, id)
		}
		n, plan, _ = LateTx(t.Context(), tx, access.Scope{All: true}, 2020, f.now())
		if n != 0 || plan != 0 {
			t.Errorf("%d late in no plan %d", n, plan)
		}
		if n, plan, _ = LateTx(t.Context(), tx, access.Scope{Territories: []int64{f.district}}, 2026, f.now()); n != 0 || plan != 0 {
			t.Errorf("a municipality without a plan has %d late in plan %d", n, plan)
		}
		return err
	}))
}

func TestItemPage(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	id := f.imported("region-2023.txt", 0)
	at := href(id) + "/items/3.3"
	f.do(f.Approve(t.Context(), manager, id, "1184-р", "2023-12-20"))
	wantAll(t, f.get(manager, at, 200), "Апрель, октябрь, декабрь", "<li>«Муниципальные методические службы: современный вектор изменений»,</li>", "РМЦ", "не закрыто", "Пока ничего", "← 3.2", "3.4 →")
	wantAll(t, f.get(manager, href(id)+"/items/1.1", 200), "считаем от утверждения")
	page := f.post(manager, at+"/reports", url.Values{"state": {"postponed"}, "note": {"нет зала"}}, 422).Body.String()
	wantAll(t, html.UnescapeString(page), "Укажите новый срок", "нет зала")
	f.post(manager, at+"/reports", url.Values{"state": {"done"}, "note": {"Три семинара"}, "document_title": {"Программа"}, "document": {"https://example.org/p"}}, 303)
	wantAll(t, f.get(manager, at, 200), "Три семинара", "Человек 7", `href="https://example.org/p"`, "сделано")
	f.post(manager, at+"/indicators", url.Values{"key": {"no.such"}}, 422)
	f.post(manager, at+"/indicators", url.Values{"key": {"persons.diagnosed"}}, 303)
	wantAll(t, f.get(manager, at, 200), "Прошли диагностику", "Данных за этот год пока нет")
	f.post(manager, at+"/indicators/remove", url.Values{"key": {"persons.diagnosed"}}, 303)
	wantAll(t, f.get(manager, at, 200), "Показателей у пункта пока нет")
	f.post(manager, at+"/short", url.Values{"short": {""}}, 422)
	f.post(manager, at+"/short", url.Values{"short": {"Семинары для руководителей ММС"}}, 303)
	wantAll(t, f.get(manager, href(id), 200), "Семинары для руководителей ММС")
	f.post(manager, href(id)+"/approval", url.Values{"number": {"1"}, "on": {"вчера"}}, 422)
}

func TestSheet(t *testing.T) {
	s := sheet{2026, "2026-11-20"}
	read := func(text string) Item { term, _ := parse.ReadTerm(text, 2026); return Item{Term: term} }
	for _, c := range []struct {
		term  string
		state State
		want  string
	}{
		{"Январь", Done, "t-done"},
		{"В течение года", Going, "t-go t-wait"},
		{"Ноябрь-декабрь", Going, "t-go"},
		{"Апрель, октябрь, декабрь", Going, "t-go t-go t-wait"},
		{"1, 2 полугодие", Going, "t-go t-go t-wait"},
		{"Январь-май", Late, "t-late"},
	} {
		var got []string
		for _, b := range s.bars(read(c.term), c.state) {
			got = append(got, b.Class)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.term, got, c.want)
		}
	}
	if monthly := s.bars(read("Ежемесячно"), Going); len(monthly) != 12 || !monthly[0].Round || monthly[10].Class != "t-go" || monthly[11].Class != "t-wait" {
		t.Errorf("%v", monthly)
	}
	if other := s.bars(read("По отдельному плану"), Going); len(other) != 1 || !other[0].Dashed {
		t.Errorf("%v", other)
	}
	if s.Today() == "" || (sheet{2025, "2026-11-20"}).Today() != "" {
		t.Error("the line of today stands in its own year only")
	}
}
