package reports_test

import (
	"archive/zip"
	"bytes"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
	"github.com/lotsiya/lotsiya/web"

	"time"
)

// served mounts the bank for one visitor.
func served(pool *sqlx.DB, actor access.Actor) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: actor, Name: "Аналитик 02"}))
	reports.New(pool, func() time.Time { return reportstest.Now }).Mount(e)
	return e
}

func get(t *testing.T, h http.Handler, path string, want int) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if w.Code != want {
		t.Fatalf("GET %s: %d, want %d: %.300s", path, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func post(t *testing.T, h http.Handler, path string, form url.Values, want int) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("POST %s: %d, want %d: %.300s", path, w.Code, want, w.Body)
	}
	return w
}

// all returns the nodes that f chooses.
func all(t *testing.T, page string, f func(*html.Node) bool) (out []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && f(n) {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func class(tag, name string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return n.Data == tag && (" "+attr(n, "class")+" ") != strings.Replace(" "+attr(n, "class")+" ", " "+name+" ", "", 1)
	}
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestBankPage(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	empty := served(pool, access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Analyst}}})
	if page := get(t, empty, "/deficits", 200); !strings.Contains(page, "Здесь будет карта") {
		t.Errorf("an empty bank does not say what will be here")
	}
	r := reportstest.New(t, pool)
	h := served(pool, analyst(r))
	page := get(t, h, "/deficits", 200)
	cells := all(t, page, class("td", "h"))
	if len(cells) != 5*5 {
		t.Fatalf("%d cells", len(cells))
	}
	if n := len(all(t, page, class("td", "hid"))); n < 10 {
		t.Errorf("%d hidden cells", n)
	}
	if strings.Contains(page, "style=") || strings.Contains(page, "<script>") {
		t.Error("inline style or script")
	}
	b := bank(t, pool, analyst(r), reports.Query{})
	first := all(t, page, class("ol", "rank"))[0]
	if !strings.Contains(text(first), b.Rank[0].Element.Title+web.Pct(b.Rank[0].Cell.Below)) && !strings.HasPrefix(text(first), b.Rank[0].Element.Title) {
		t.Errorf("list: %s", text(first))
	}
	// the weakest element has its corner mark, and its link drills on with the filters kept
	for _, odd := range []string{"place=moon", "status=late", "severity=none", "category=none2", "experience=100", "subject=x", "position=x", "sort=name", "sure=200"} {
		if page := get(t, h, "/deficits?"+odd, 422); !strings.Contains(page, "Такого отбора не бывает") {
			t.Errorf("%s is refused without a word", odd)
		}
	}
	page = get(t, h, "/deficits?place=rural", 200)
	found := false
	for _, a := range all(t, page, func(n *html.Node) bool { return n.Data == "a" && attr(n, "data-say") != "" }) {
		if strings.HasPrefix(attr(a, "data-say"), "Волховский · Разбор ошибок ученика") {
			found = true
			href := attr(a, "href")
			if !strings.Contains(href, "place=rural") || !strings.Contains(href, "element=method.errors") || !strings.HasSuffix(href, "#people") {
				t.Errorf("the drill forgets filters: %s", href)
			}
			if drilled := get(t, h, strings.TrimSuffix(href, "#people"), 200); !strings.Contains(drilled, "Школа № 2, Волховский") {
				t.Error("no school in the drill")
			}
		}
	}
	if !found {
		t.Error("no cell of Волховский under the filter")
	}

	// the looks at people are journalled, once an hour a person
	var looks int
	count := func() int {
		if err := pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'deficit.read' AND person_id IS NOT NULL AND actor_id = $1`, r.Analyst); err != nil {
			t.Fatal(err)
		}
		return looks
	}
	before := count()
	if get(t, h, "/deficits", 200); before == 0 || count() != before {
		t.Errorf("%d looks, then %d", before, looks)
	}
	people := all(t, get(t, h, "/deficits?page=2&sort=code", 200), class("table", "table-cards"))
	if len(people) != 1 || !strings.Contains(text(people[0]), "ЛО-26-") {
		t.Error("no second page of people")
	}

	// a coordinator sees no people and only his territory
	page = get(t, served(pool, municipal(r, access.Coordinator, "Лужский")), "/deficits", 200)
	if strings.Contains(page, "ЛО-26-") || strings.Contains(page, ">Волховский<") || !strings.Contains(page, "Лужский — всего") {
		t.Error("a coordinator sees more than he may, or less")
	}
	get(t, served(pool, municipal(r, access.Coordinator, "Лужский")), "/deficits?territory="+web.Num(r.Territories["Волховский"]), 404)
	get(t, served(pool, access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Expert}}}), "/deficits", 404)
	get(t, served(pool, municipal(r, access.MunicipalMethodist, "Лужский")), "/deficits?school=x", 422)
}

func TestSavedViews(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	h := served(pool, analyst(r))
	if w := post(t, h, "/deficits/views", url.Values{"title": {" "}, "query": {"place=rural"}}, 422); !strings.Contains(w.Body.String(), "Назовите вид") {
		t.Error("no word on what is wrong")
	}
	w := post(t, h, "/deficits/views", url.Values{"title": {"Сельские школы"}, "query": {"place=rural&campaign=" + web.Num(r.Campaign)}}, 303)
	page := get(t, h, w.Header().Get("Location"), 200)
	if !strings.Contains(page, `aria-current="page">Сельские школы`) {
		t.Error("the saved view is not shown as current")
	}
	var id int64
	if err := pool.Get(&id, `SELECT id FROM bank_view`); err != nil {
		t.Fatal(err)
	}
	other := served(pool, municipal(r, access.Coordinator, "Лужский"))
	post(t, other, "/deficits/views/"+web.Num(id)+"/delete", nil, 404)
	post(t, h, "/deficits/views/"+web.Num(id)+"/delete", nil, 303)
	post(t, h, "/deficits/views", url.Values{"title": {"x"}, "query": {"campaign=x"}}, 422)
}

func TestWorkbook(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	body := get(t, served(pool, analyst(r)), "/deficits.xlsx?place=rural", 200)
	f, err := excelize.OpenReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.GetSheetList(), ", "); got != "Карта, Список, Люди, Как посчитано" {
		t.Fatalf("sheets %s", got)
	}
	b := bank(t, pool, analyst(r), reports.Query{Place: "rural"})
	rows, err := f.GetRows("Карта", excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != 1+len(b.Rows)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range append(b.Rows, b.Totals...) {
		got := rows[i+1]
		for c, cell := range want.Cells {
			text := map[reports.State]string{reports.Hidden: "скрыто", reports.Few: "мало данных"}[cell.State]
			if cell.Shown() {
				text = trim(cell.Mean)
			}
			if got[0] != want.Title || got[c+2] != text {
				t.Errorf("row %q column %d: %q, want %q", got[0], c, got[c+2], text)
			}
		}
	}
	panes, err := f.GetPanes("Карта")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("head not frozen: %+v, %v", panes, err)
	}
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	filters := 0
	for _, part := range z.File {
		if !strings.HasPrefix(part.Name, "xl/worksheets/sheet") {
			continue
		}
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("<autoFilter ")) {
			filters++
		}
	}
	if filters != 4 {
		t.Errorf("%d sheets of 4 have a filter", filters)
	}
	kind, err := f.GetCellType("Список", "D2")
	if err != nil || kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber {
		t.Errorf("a share is no number: %v, %v", kind, err)
	}
	people, err := f.GetRows("Люди")
	if err != nil || len(people) < 10 || !strings.HasPrefix(people[1][0], "ЛО-26-") {
		t.Errorf("people: %d rows, %v", len(people), err)
	}
	about, err := f.GetRows("Как посчитано")
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, row := range about {
		said += strings.Join(row, ": ") + "\n"
	}
	for _, want := range []string{"сельские организации", "Аналитик 02", "Шкала центра", "порог 60", "20 ноября 2026", "Доля освоенного", "меньше 5 человек"} {
		if !strings.Contains(strings.ReplaceAll(said, "\u00a0", " "), want) {
			t.Errorf("the last sheet does not say %q", want)
		}
	}
	if !bytes.Contains([]byte(said), []byte(reports.Measures()[1].Definition)) {
		t.Error("a definition is not the registry's")
	}
	var exports, looked int
	if err := pool.Get(&exports, `SELECT count(*) FROM journal WHERE action = 'bank.export' AND actor_id = $1`, r.Analyst); err != nil || exports != 1 {
		t.Errorf("%d exports journalled, %v", exports, err)
	}
	if err := pool.Get(&looked, `SELECT count(DISTINCT person_id) FROM journal WHERE action = 'deficit.read'`); err != nil || looked < 10 {
		t.Errorf("%d persons journalled, %v", looked, err)
	}

	f, err = excelize.OpenReader(strings.NewReader(get(t, served(pool, municipal(r, access.Coordinator, "Лужский")), "/deficits.xlsx", 200)))
	if err != nil || strings.Join(f.GetSheetList(), ", ") != "Карта, Список, Как посчитано" {
		t.Errorf("a coordinator's workbook: %v, %v", f.GetSheetList(), err)
	}
}

// trim writes a share as the workbook keeps it.
func trim(x float64) string { return strconv.FormatFloat(math.Round(1e9*x)/1e9, 'f', -1, 64) }
