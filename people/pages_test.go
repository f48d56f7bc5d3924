package people

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/web"
)

// browser is somebody at a browser, with the real shell and sessions between.
type browser struct {
	r      *region
	server *httptest.Server
	client *http.Client
}

func (r *region) serve() *httptest.Server {
	site := &web.Site{Sessions: web.NewSessions(r.pool), Visitor: r.Visitor, Nav: func(access.Actor) []web.NavItem { return nil }}
	e := site.NewEngine()
	r.Mount(e, site)
	server := httptest.NewServer(site.Handler(e))
	r.t.Cleanup(server.Close)
	return server
}

func (r *region) browse(server *httptest.Server, login, password string) *browser {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	r.must(err)
	b := &browser{r, server, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if login != "" {
		if code, body, _ := b.post("/sign-in", url.Values{"login": {login}, "password": {password}}); code != http.StatusSeeOther {
			r.t.Fatalf("sign in as %s: %d %s", login, code, body)
		}
	}
	return b
}

func (b *browser) do(req *http.Request) (int, string, http.Header) {
	b.r.t.Helper()
	res, err := b.client.Do(req)
	b.r.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.r.must(err)
	return res.StatusCode, string(body), res.Header
}

func (b *browser) get(path string) (int, string, http.Header) {
	b.r.t.Helper()
	req, err := http.NewRequest("GET", b.server.URL+path, nil)
	b.r.must(err)
	return b.do(req)
}

func (b *browser) post(path string, form url.Values) (int, string, http.Header) {
	b.r.t.Helper()
	req, err := http.NewRequest("POST", b.server.URL+path, strings.NewReader(form.Encode()))
	b.r.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

func (b *browser) api(method, path, body string) (int, string, http.Header) {
	b.r.t.Helper()
	req, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	b.r.must(err)
	req.Header.Set("Content-Type", "application/json")
	return b.do(req)
}

func (b *browser) upload(path string, fields map[string]string, file []byte) (int, string, http.Header) {
	b.r.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k, v := range fields {
		b.r.must(w.WriteField(k, v))
	}
	part, err := w.CreateFormFile("file", "список.xlsx")
	b.r.must(err)
	_, err = part.Write(file)
	b.r.must(err)
	b.r.must(w.Close())
	req, err := http.NewRequest("POST", b.server.URL+path, &body)
	b.r.must(err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(req)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// sheetOf reads a sheet of a workbook back.
func sheetOf(body []byte, sheet string) ([][]string, error) {
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.GetRows(sheet)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is what a page says, without markup, with single spaces.
func text(page string) string {
	if _, main, ok := strings.Cut(page, `<main`); ok {
		page = main
	}
	s := html.UnescapeString(tags.ReplaceAllString(page, " "))
	return strings.Join(strings.Fields(s), " ")
}

// says fails unless the page says everything wanted.
func (b *browser) says(path string, want ...string) string {
	b.r.t.Helper()
	code, body, _ := b.get(path)
	if code != http.StatusOK {
		b.r.t.Errorf("GET %s: %d %.300s", path, code, text(body))
	}
	said := text(body)
	for _, w := range want {
		if !strings.Contains(said, w) {
			b.r.t.Errorf("GET %s does not say %q:\n%.1500s", path, w, said)
		}
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "<script>") || strings.Contains(body, "%!") || strings.Contains(body, "ZgotmplZ") {
		b.r.t.Errorf("GET %s holds inline style or script, or a broken format", path)
	}
	return body
}

func (r *region) publicID(id access.PersonID) (public string) {
	r.t.Helper()
	r.in(func(tx *sqlx.Tx) error {
		ids, err := PublicIDsTx(r.t.Context(), tx, []access.PersonID{id})
		public = ids[id]
		return err
	})
	return public
}

// staff adds an administrator "admin", a coordinator of Volkhov "coordinator" and a teacher "teacher".
func (r *region) staff() (admin, coordinator, teacher access.PersonID) {
	r.t.Helper()
	admin = r.add("Админов Пётр Ильич", r.garden, withLogin("admin", "пароль"), withRole(access.Grant{Role: access.Admin}))
	coordinator = r.add("Зайцева Ольга Ивановна", r.school1, withLogin("coordinator", "пароль"), withRole(access.Grant{Role: access.Coordinator, Territory: r.volkhov}))
	teacher = r.add("Иванова Мария Петровна", r.school1, withLogin("teacher", "пароль"))
	return admin, coordinator, teacher
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	r.ShowSignIns(nil)
	server := r.serve()
	b := r.browse(server, "", "")
	if body := b.says("/sign-in", "Вход в «Лоцию»"); strings.Contains(body, "Демонстрационный регион") {
		t.Error("ready sign-ins outside the demonstration")
	}
	code, body, _ := b.post("/sign-in", url.Values{"login": {"teacher"}, "password": {"другой"}})
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, `value="teacher"`) || strings.Contains(body, "другой") {
		t.Errorf("wrong password: %d; the login is kept and the password is not", code)
	}
	if code, _, h := b.post("/sign-in", url.Values{"login": {"teacher"}, "password": {"пароль"}, "next": {"//evil.example"}}); code != 303 || h.Get("Location") != "/" {
		t.Errorf("sign in: %d to %s", code, h.Get("Location"))
	}
	if code, _, h := b.get("/sign-in?next=/me"); code != 303 || h.Get("Location") != "/me" {
		t.Errorf("signed in already: %d to %s", code, h.Get("Location"))
	}
	b.says("/me", "Иванова Мария Петровна", "Логин: teacher")
	if code, _, h := b.post("/sign-out", nil); code != 303 || h.Get("Location") != "/sign-in" {
		t.Errorf("sign out: %d to %s", code, h.Get("Location"))
	}
	if code, _, h := b.get("/me"); code != 303 || h.Get("Location") != "/sign-in?next=%2Fme" {
		t.Errorf("after signing out: %d to %s", code, h.Get("Location"))
	}
	for range maxFailures {
		b.post("/sign-in", url.Values{"login": {"teacher"}, "password": {"другой"}})
	}
	if code, body, _ := b.post("/sign-in", url.Values{"login": {"teacher"}, "password": {"пароль"}}); code != http.StatusTooManyRequests || !strings.Contains(text(body), "Слишком много попыток") {
		t.Errorf("throttled: %d", code)
	}
}

func TestReadySignInsOfTheDemonstration(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	r.ShowSignIns(func(context.Context) []SignInHint {
		return []SignInHint{{Role: "teacher", Name: "Педагог", Login: "teacher", Password: "пароль"}}
	})
	b := r.browse(r.serve(), "", "")
	b.says("/sign-in", "Демонстрационный регион", "Люди и результаты вымышлены", "Педагог", "логин teacher , пароль пароль")
}

func TestSessionAPI(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, coordinator, _ := r.staff()
	b := r.browse(r.serve(), "", "")
	code, body, h := b.api("POST", "/api/v1/session", `{"login":"coordinator","password":"нет"}`)
	if code != http.StatusUnauthorized || !strings.HasPrefix(h.Get("Content-Type"), "application/problem+json") {
		t.Errorf("wrong password: %d %s %s", code, h.Get("Content-Type"), body)
	}
	if code, _, _ := b.api("DELETE", "/api/v1/session", ""); code != http.StatusUnauthorized {
		t.Errorf("signing out without a session: %d", code)
	}
	if code, _, _ := b.api("POST", "/api/v1/session", `{"login":`); code != http.StatusUnprocessableEntity {
		t.Errorf("broken JSON: %d", code)
	}
	code, body, h = b.api("POST", "/api/v1/session", `{"login":"Coordinator","password":"пароль"}`)
	var got struct {
		User  apiUser
		Roles []string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
		t.Fatalf("sign in: %d %s %v", code, body, err)
	}
	want := apiUser{r.publicID(coordinator), "Зайцева Ольга Ивановна", "coordinator"}
	if got.User != want || strings.Join(got.Roles, " ") != "teacher coordinator" {
		t.Errorf("answer: %+v, want %+v", got, want)
	}
	cookie := h.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "lotsiya_session=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("cookie: %s", cookie)
	}
	if code, _, _ := b.api("DELETE", "/api/v1/session", ""); code != http.StatusNoContent {
		t.Errorf("sign out: %d", code)
	}
	for range maxFailures {
		b.api("POST", "/api/v1/session", `{"login":"coordinator","password":"нет"}`)
	}
	if code, body, _ := b.api("POST", "/api/v1/session", `{"login":"coordinator","password":"пароль"}`); code != http.StatusTooManyRequests {
		t.Errorf("throttled: %d %s", code, body)
	}
}

func TestMeAndConsents(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, _, teacher := r.staff()
	b := r.browse(r.serve(), "teacher", "пароль")
	b.says("/me", "Школа № 1", "Диагностика и маршрут вы ещё не решали", "Прочитать текст, версия 1", "Отказ и отзыв ничем не грозят")
	if code, _, h := b.post("/me/consents/diagnostics", url.Values{"version": {"1"}, "what": {"given"}}); code != 303 || h.Get("Location") != "/me#diagnostics" {
		t.Errorf("give: %d", code)
	}
	b.says("/me", "Диагностика и маршрут согласие дано", "Отозвать : Диагностика и маршрут")
	b.post("/me/consents/diagnostics", url.Values{"version": {"1"}, "what": {"withdrawn"}})
	b.says("/me", "Диагностика и маршрут отозвано")
	if code, body, _ := b.post("/me/consents/research", url.Values{"version": {"9"}, "what": {"given"}}); code != 422 || !strings.Contains(text(body), "Текст согласия обновился") {
		t.Errorf("an outdated text: %d", code)
	}
	if code, _, _ := b.post("/view", url.Values{"large": {"1"}, "next": {"/me"}}); code != 303 {
		t.Errorf("view: %d", code)
	}
	if body := b.says("/me"); !strings.Contains(body, `data-type="large"`) || strings.Contains(body, `data-contrast`) {
		t.Error("the chosen view is not kept")
	}
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"wrong":  {url.Values{"old": {"нет"}, "password": {"новый длинный пароль"}, "again": {"новый длинный пароль"}}, "Нынешний пароль не подошёл"},
		"short":  {url.Values{"old": {"пароль"}, "password": {"коротко"}, "again": {"коротко"}}, "Не короче 10 знаков"},
		"login":  {url.Values{"old": {"пароль"}, "password": {"мой-Teacher-2026"}, "again": {"мой-Teacher-2026"}}, "не должно быть логина"},
		"simple": {url.Values{"old": {"пароль"}, "password": {"ааааааааааа"}, "again": {"ааааааааааа"}}, "Слишком просто"},
		"differ": {url.Values{"old": {"пароль"}, "password": {"новый длинный пароль"}, "again": {"новый другой пароль"}}, "Пароли не совпали"},
	} {
		if code, body, _ := b.post("/me/password", c.form); code != 422 || !strings.Contains(text(body), c.want) {
			t.Errorf("%s: %d %s", name, code, text(body))
		}
	}
	form := url.Values{"old": {"пароль"}, "password": {"новый длинный пароль"}, "again": {"новый длинный пароль"}}
	if code, _, _ := b.post("/me/password", form); code != 303 {
		t.Errorf("change: %d", code)
	}
	if id, err := r.SignIn(t.Context(), "teacher", "новый длинный пароль"); err != nil || id != teacher {
		t.Errorf("with the new password: %v", err)
	}
	b.says("/looks", "Ваши данные пока никто не смотрел")
}

func TestListCardAndTheLinesTheyLeave(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, _, teacher := r.staff()
	r.add("Петров Иван Ильич", r.garden)
	r.add("Пётрова Анна Львовна", r.school2, func(p *NewPerson) { p.Appointments[0].Subject = "physics" })
	server := r.serve()
	admin, coordinator, me := r.browse(server, "admin", "пароль"), r.browse(server, "coordinator", "пароль"), r.browse(server, "teacher", "пароль")
	admin.says("/people", "5 человек", "Иванова Мария Петровна", "Петров Иван Ильич", "Показаны 1–5")
	if body := coordinator.says("/people", "3 человека", "Иванова Мария Петровна"); strings.Contains(body, "Петров Иван") {
		t.Error("a coordinator sees another municipality")
	}
	for query, want := range map[string]string{
		"q=петров+ильич": "1 человек", "q=петров": "3 человека", "q=ПЁТР": "4 человека", "q=иванова+мар": "1 человек", "q=teacher": "1 человек", "subject=physics": "1 человек", "role=coordinator": "1 человек",
		"sort=-name": "5 человек", "sort=since": "5 человек", "sort=territory&page=1": "5 человек", "category=none": "5 человек", "q=%25": "Показаны",
	} {
		admin.says("/people?"+query, want)
	}
	admin.says("/people?q=никого", "Никто не нашёлся")
	card := "/people/" + r.publicID(teacher)
	admin.says(card, "Иванова Мария Петровна", "учитель (Математика), Школа № 1", "педагог", "логин teacher", "Выдать роль")
	if body := coordinator.says(card, "Иванова Мария Петровна"); strings.Contains(text(body), "Выдать роль") {
		t.Error("a coordinator may grant roles")
	}
	for path, b := range map[string]*browser{"/people/" + r.publicID(1): coordinator, card: me, "/people": me, "/organisations": me, "/roles": coordinator} {
		if code, _, _ := b.get(path); code != http.StatusNotFound && path != card || path == card && code != http.StatusNotFound {
			t.Errorf("GET %s by one who may not: %d", path, code)
		}
	}
	me.says("/looks", "Зайцева Ольга Ивановна координатор муниципалитета", "карточка: контакты, работа, роли", "список людей", "Админов Пётр Ильич администратор")
	code, body, h := admin.get("/people.xlsx?subject=math")
	if code != 200 || !strings.Contains(h.Get("Content-Type"), "spreadsheetml") {
		t.Fatalf("workbook: %d %s", code, h.Get("Content-Type"))
	}
	rows, err := sheetOf([]byte(body), "Люди")
	if err != nil || len(rows) != 5 || rows[1][0] != "Админов" || rows[2][4] != "Школа № 1" {
		t.Errorf("workbook: %v %v", rows, err)
	}
	me.says("/looks", "выгрузка списка людей")
}

func TestCardIsChanged(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, _, teacher := r.staff()
	server := r.serve()
	admin, coordinator := r.browse(server, "admin", "пароль"), r.browse(server, "coordinator", "пароль")
	card := "/people/" + r.publicID(teacher)
	form := url.Values{"family": {"Королёва"}, "given": {"Мария"}, "patronymic": {"Петровна"}, "email": {"maria@"}, "category": {"first"}, "since": {"2015-09-01"}}
	if code, body, _ := coordinator.post(card+"/edit", form); code != 422 || !strings.Contains(body, `value="Королёва"`) || !strings.Contains(text(body), "опечатка") {
		t.Errorf("refused: %d", code)
	}
	form.Set("email", "maria@example.ru")
	if code, body, _ := coordinator.post(card+"/edit", form); code != 303 {
		t.Errorf("change: %d %s", code, text(body))
	}
	coordinator.says(card, "Королёва Мария Петровна", "maria@example.ru", "первая", "лет")
	coordinator.says(card+"/edit", "Поправить данные")
	work := url.Values{"organisation": {itoa(r.school2)}, "position": {"teacher"}, "subject": {"physics"}, "load": {"0,5"}, "started": {"2026-09-01"}, "second": {"1"}}
	if code, body, _ := coordinator.post(card+"/appointments", work); code != 303 {
		t.Errorf("appoint: %d %s", code, text(body))
	}
	coordinator.says(card, "Лицей № 2", "0,50", "по совместительству")
	if code, body, _ := coordinator.post(card+"/appointments", work); code != 422 || !strings.Contains(text(body), "Такая работа у человека уже есть") {
		t.Errorf("twice: %d", code)
	}
	work.Set("organisation", itoa(r.garden))
	if code, _, _ := coordinator.post(card+"/appointments", work); code != http.StatusForbidden {
		t.Errorf("abroad: %d", code)
	}
	last := r.count(`SELECT max(id) FROM appointment WHERE person_id = $1`, teacher)
	if code, _, _ := coordinator.post(card+"/appointments/"+itoa(int64(last))+"/end", url.Values{"ended": {"2026-10-31"}}); code != 303 {
		t.Errorf("end: %d", code)
	}
	coordinator.says(card, "Где работал раньше: 1", "31.10.2026")
	code, body, _ := coordinator.post(card+"/password", nil)
	shown := regexp.MustCompile(`<b class="code">([a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4})</b>`).FindStringSubmatch(body)
	if code != 200 || shown == nil {
		t.Fatalf("issue: %d", code)
	}
	password := shown[1]
	b := r.browse(server, "", "")
	if code, _, h := b.post("/sign-in", url.Values{"login": {"teacher"}, "password": {password}}); code != 303 || h.Get("Location") != "/me/password" {
		t.Errorf("with the issued password: %d to %s", code, h.Get("Location"))
	}
	if code, _, _ := coordinator.post("/people/"+r.publicID(1)+"/password", nil); code != http.StatusNotFound {
		t.Errorf("a coordinator issues an administrator's password: %d", code)
	}
	newcomer := url.Values{"family": {"Новикова"}, "given": {"Вера"}, "organisation": {itoa(r.school1)}, "position": {"teacher"}, "subject": {"math"}, "started": {"2026-09-01"}, "category": {"none"}}
	admin.says("/people/new", "Добавить человека")
	if code, _, _ := admin.post("/people/new", newcomer); code != 303 {
		t.Errorf("add: %d", code)
	}
	if code, body, _ := admin.post("/people/new", newcomer); code != 422 || !strings.Contains(text(body), "уже есть Новикова Вера") {
		t.Errorf("add twice: %d", code)
	}
}

func TestRolesArePassedOnAndTakenAway(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	adminID, _, teacher := r.staff()
	server := r.serve()
	admin, me := r.browse(server, "admin", "пароль"), r.browse(server, "teacher", "пароль")
	card := "/people/" + r.publicID(teacher)
	day := time.Now().Format(time.DateOnly)
	for name, c := range map[string]struct {
		form url.Values
		want string
	}{
		"no territory":    {url.Values{"role": {"coordinator"}, "from": {day}}, "выберите муниципалитет"},
		"no organisation": {url.Values{"role": {"head"}, "from": {day}}, "выберите организацию"},
		"no day":          {url.Values{"role": {"analyst"}}, "с какого дня"},
		"term backwards":  {url.Values{"role": {"analyst"}, "from": {day}, "to": {"2020-01-01"}}, "Последний день раньше первого"},
		"unknown":         {url.Values{"role": {"king"}, "from": {day}}, "Выберите роль"},
	} {
		if code, body, _ := admin.post(card+"/roles", c.form); code != 422 || !strings.Contains(text(body), c.want) {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _, _ := me.get("/people"); code != 404 {
		t.Errorf("before: %d", code)
	}
	grant := url.Values{"role": {"coordinator"}, "territory": {itoa(r.luga)}, "from": {day}, "to": {"2999-12-31"}}
	if code, _, _ := admin.post(card+"/roles", grant); code != 303 {
		t.Errorf("grant: %d", code)
	}
	if code, body, _ := admin.post(card+"/roles", grant); code != 422 || !strings.Contains(text(body), "уже есть") {
		t.Errorf("grant twice: %d", code)
	}
	admin.says("/roles", "Иванова Мария Петровна координатор муниципалитета Лужский", "по 31.12.2999")
	admin.says("/roles?role=analyst", "пока ни у кого нет")
	me.says("/people", "Админов Пётр Ильич")
	id := r.count(`SELECT id FROM role_grant WHERE person_id = $1 AND role = 'coordinator'`, teacher)
	if code, _, _ := admin.post("/roles/"+itoa(int64(id))+"/revoke", url.Values{"next": {card}}); code != 303 {
		t.Errorf("revoke: %d", code)
	}
	if code, _, _ := me.get("/people"); code != 404 {
		t.Errorf("a revoked role still opens pages: %d", code)
	}
	last := r.count(`SELECT id FROM role_grant WHERE person_id = $1 AND role = 'admin'`, adminID)
	if code, body, _ := admin.post("/roles/"+itoa(int64(last))+"/revoke", nil); code != http.StatusConflict || !strings.Contains(text(body), "последний администратор") {
		t.Errorf("the last administrator: %d", code)
	}
}

func TestOrganisations(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	server := r.serve()
	admin, coordinator := r.browse(server, "admin", "пароль"), r.browse(server, "coordinator", "пароль")
	admin.says("/organisations", "3 организации", "Волховский муниципальный район 2 организации, 2 человека", "Детский сад № 7", "село")
	if body := coordinator.says("/organisations", "Лицей № 2"); strings.Contains(body, "Детский сад") {
		t.Error("a coordinator sees another municipality")
	}
	admin.says("/organisations?q=СОШ+1", "Школа № 1", "1 организация")
	admin.says("/organisations?q=нет+такой", "Ничего не нашлось")
	coordinator.says("/organisations/"+itoa(r.school1), "Работают: 2", "Иванова Мария Петровна")
	if code, _, _ := coordinator.get("/organisations/" + itoa(r.garden)); code != 404 {
		t.Errorf("a stranger's organisation: %d", code)
	}
	form := url.Values{"territory": {itoa(r.volkhov)}, "kind": {"school"}, "name": {"МОБУ «СОШ № 9»"}, "short": {"Школа № 9"}, "inn": {"4702000009"}}
	code, _, h := coordinator.post("/organisations/new", form)
	if code != 303 {
		t.Fatalf("add: %d", code)
	}
	path := h.Get("Location")
	if code, body, _ := coordinator.post("/organisations/new", form); code != 422 || !strings.Contains(text(body), "уже есть организация с таким названием") {
		t.Errorf("twice: %d", code)
	}
	form.Set("territory", itoa(r.luga))
	form.Set("name", "Школа № 10")
	if code, _, _ := coordinator.post("/organisations/new", form); code != http.StatusForbidden {
		t.Errorf("abroad: %d", code)
	}
	coordinator.says(path, "Школа № 9", "4702000009", "Пока никого")
	if code, _, _ := coordinator.post(path+"/edit", url.Values{"kind": {"gymnasium"}, "name": {"Гимназия № 9"}, "inn": {""}}); code != 303 {
		t.Errorf("edit: %d", code)
	}
	coordinator.says(path, "Гимназия № 9", "гимназия", "ИНН не указан")
	if code, _, _ := coordinator.post("/organisations/"+itoa(r.school1)+"/close", url.Values{"closed": {"2026-08-31"}, "successor": {strings.TrimPrefix(path, "/organisations/")}}); code != 303 {
		t.Errorf("close: %d", code)
	}
	coordinator.says("/organisations/"+itoa(r.school1), "Закрыта 31 августа 2026", "Продолжает её Гимназия № 9", "Работают: 0")
	coordinator.says(path, "Преемница Школа № 1")
}

func TestMergeMovesAndUnmergeGivesBack(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, _, teacher := r.staff()
	double := r.add("Иванова Мария", r.school2, withLogin("double", "пароль"), withRole(access.Grant{Role: access.Expert}), func(p *NewPerson) { p.Appointments[0].Subject = "physics" })
	server := r.serve()
	admin := r.browse(server, "admin", "пароль")
	card := "/people/" + r.publicID(teacher)
	admin.says(card, "Тот же человек?", "Иванова Мария Волховский, Лицей № 2")
	if code, body, _ := admin.post(card+"/merge", url.Values{"other": {r.publicID(double)}, "reason": {"дважды внесена"}}); code != 303 {
		t.Fatalf("merge: %d %s", code, text(body))
	}
	admin.says(card, "Объединено", "дважды внесена", "Лицей № 2", "эксперт")
	admin.says("/people/"+r.publicID(double), "Иванова Мария Петровна")
	if id, err := r.SignIn(t.Context(), "double", "пароль"); err != nil || id != teacher {
		t.Errorf("the merged record's sign-in opens %d, %v; want %d", id, err, teacher)
	}
	r.in(func(tx *sqlx.Tx) error {
		for _, id := range []access.PersonID{teacher, double} {
			same, err := db.Select[access.PersonID](t.Context(), tx, `SELECT r FROM records_of($1) AS r ORDER BY r`, id)
			if err != nil || len(same) != 2 || same[0] != teacher {
				t.Errorf("same person as %d: %v, %v", id, same, err)
			}
		}
		ids, err := SelectTx(t.Context(), tx, Selection{Subject: "physics"})
		if len(ids) != 1 || ids[0] != teacher {
			t.Errorf("physics is taught by %v", ids)
		}
		return err
	})
	id := r.count(`SELECT id FROM person_merge`)
	if code, _, _ := admin.post(card+"/unmerge", url.Values{"merge": {itoa(int64(id))}}); code != 303 {
		t.Errorf("unmerge: %d", code)
	}
	if id, err := r.SignIn(t.Context(), "double", "пароль"); err != nil || id != double {
		t.Errorf("after unmerge the sign-in opens %d, %v", id, err)
	}
	if n := r.count(`SELECT count(*) FROM role_grant WHERE person_id = $1`, double); n != 2 {
		t.Errorf("roles given back: %d, want 2", n)
	}
}
