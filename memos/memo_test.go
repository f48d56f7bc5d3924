package memos_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/memos"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
	"github.com/lotsiya/lotsiya/web"
)

type world struct {
	*testing.T
	pool    *sqlx.DB
	region  reportstest.Region
	service *memos.Service
	analyst access.Actor
}

func newWorld(t *testing.T) world {
	t.Helper()
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	return world{t, pool, r, memos.New(pool, func() time.Time { return reportstest.Now }),
		access.Actor{ID: access.PersonID(r.Analyst), Grants: []access.Grant{{Role: access.Analyst}}}}
}

func (w world) territory(role access.Role, name string) access.Actor {
	return access.Actor{ID: access.PersonID(w.region.Methodist), Grants: []access.Grant{{Role: role, Territory: w.region.Territories[name]}}}
}

func (w world) create(territory int64) int64 {
	w.Helper()
	id, err := w.service.Create(w.Context(), w.analyst, w.region.Campaign, territory)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w world) open(actor access.Actor, id int64) memos.Opened {
	w.Helper()
	m, err := w.service.Open(w.Context(), actor, id, 0)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// Every figure of a memo is the bank's: the list, the map, participation.
func TestFiguresAreTheBanks(t *testing.T) {
	w := newWorld(t)
	for _, territory := range []int64{0, w.region.Territories["Лужский"], w.region.Territories["Волховский"]} {
		d := w.open(w.analyst, w.create(territory)).Version.Figures
		var b reports.Bank
		err := db.InTx(t.Context(), w.pool, w.analyst, func(tx *sqlx.Tx) (err error) {
			b, err = reports.BankTx(context.Background(), tx, w.analyst, reports.Query{Campaign: w.region.Campaign, Territory: territory})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Rank) != len(b.Rank) || len(d.Rank) == 0 {
			t.Fatalf("%d elements in the memo, %d in the bank", len(d.Rank), len(b.Rank))
		}
		for i := range d.Rank {
			if d.Rank[i] != b.Rank[i] {
				t.Errorf("list: %+v, the bank says %+v", d.Rank[i], b.Rank[i])
			}
		}
		for i, row := range d.Totals {
			for c := range row.Cells {
				if row.Cells[c] != b.Totals[i].Cells[c] || row.N != b.Totals[i].N {
					t.Errorf("map, %s: %+v, the bank says %+v", row.Title, row.Cells[c], b.Totals[i].Cells[c])
				}
			}
		}
		for i, row := range d.Rows {
			for c := range row.Cells {
				if row.Cells[c] != b.Rows[i].Cells[c] {
					t.Errorf("map, %s: %+v, the bank says %+v", row.Title, row.Cells[c], b.Rows[i].Cells[c])
				}
			}
		}
		if d.Trust.Took != b.Trust.Took || d.Trust.Invited != b.Trust.Invited || *d.Trust.Subject != *b.Trust.Subject {
			t.Errorf("trust: %+v, the bank says %+v", d.Trust, b.Trust)
		}
		for _, g := range d.Figures {
			var f reports.Figure
			if err := db.InTx(t.Context(), w.pool, w.analyst, func(tx *sqlx.Tx) (err error) {
				f, err = reports.FigureTx(t.Context(), tx, g.Key, reports.Where{Campaign: w.region.Campaign, Territory: territory})
				return err
			}); err != nil || f.Text() != g.Text || f.Key.Title != g.Title {
				t.Errorf("%s: %s, the registry says %s, %v", g.Title, g.Text, f.Text(), err)
			}
		}
		if last := d.Participation[len(d.Participation)-1]; last.Took != 60 || last.Invited != 64 {
			t.Errorf("participation: %+v", last)
		}
	}
}

func TestLife(t *testing.T) {
	w := newWorld(t)
	luga := w.region.Territories["Лужский"]
	id := w.create(luga)
	m := w.open(w.analyst, id)
	if m.Version.Version != 1 || m.Version.State != "draft" || len(m.Version.Conclusions()) < 3 || len(m.Changes) != 0 {
		t.Fatalf("a fresh draft: %+v, changes %v", m.Version.Words, m.Changes)
	}
	for _, a := range memos.Addressees {
		if len(m.Version.To(a.Code)) == 0 {
			t.Errorf("nothing is said to %s", a.Title)
		}
	}
	for _, p := range m.Version.Words {
		if strings.ContainsAny(p.Text, "{}") {
			t.Errorf("an empty slot: %s", p.Text)
		}
	}
	if _, err := w.service.Create(t.Context(), w.analyst, w.region.Campaign, luga); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second memo on the same: %v", err)
	}
	if _, err := w.service.Create(t.Context(), w.analyst, w.region.Campaign, w.region.Territories["Подпорожский"]); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a memo on three people: %v", err)
	}

	// words: edited, taken out; a second writer over the same version is refused
	if err := w.service.Write(t.Context(), w.analyst, id, 1, map[string]string{"first": "Начните с разбора ошибок.", "heads_time": ""}); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Write(t.Context(), w.analyst, id, 1, map[string]string{"first": "x"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("written over another's words: %v", err)
	}
	// not approved: its territory does not see it yet
	coordinator := w.territory(access.Coordinator, "Лужский")
	if _, err := w.service.Open(t.Context(), coordinator, id, 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a coordinator opens a draft: %v", err)
	}
	if err := w.service.Approve(t.Context(), w.analyst, id, 2, " ", time.Time{}); len(fault.FieldsOf(err)) != 2 {
		t.Errorf("approved without number and date: %v", err)
	}
	if err := w.service.Approve(t.Context(), w.analyst, id, 2, "17-ОД", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if got := w.open(coordinator, id); got.Version.Number != "17-ОД" || got.Writes || len(got.Versions) != 1 {
		t.Errorf("for the coordinator: %+v", got.Versions)
	}
	if _, err := w.service.Open(t.Context(), w.territory(access.Coordinator, "Волховский"), id, 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another's coordinator opens it: %v", err)
	}

	// the bank moves: the memo does not, and says what moved
	frozen := w.open(w.analyst, id).Version.Figures
	reportstest.Replace(t, w.pool, w.region.Campaign, "method.errors", []int64{luga}, 0.9)
	m = w.open(w.analyst, id)
	if m.Version.Figures.Rank[0] != frozen.Rank[0] {
		t.Error("an approved memo moved")
	}
	moved := map[string]memos.Change{}
	for _, c := range m.Changes {
		moved[c.Name] = c
	}
	if c := moved["Разбор ошибок ученика: ожидаемая доля педагогов ниже порога"]; c.Was != web.Pct(frozen.Rank[0].Cell.Below) || c.Now != "5\u00a0%" {
		t.Errorf("what moved: %+v", m.Changes)
	}
	if _, same := moved["Приняли участие"]; same {
		t.Error("what did not move is listed")
	}
	if err := w.service.Refresh(t.Context(), w.analyst, id, 3); err != nil {
		t.Fatal(err)
	}
	m = w.open(w.analyst, id)
	if m.Version.Version != 4 || m.Version.State != "draft" || len(m.Changes) != 0 || m.Version.Figures.Rank[0].Element.ID == "method.errors" {
		t.Errorf("refreshed: version %d, %v", m.Version.Version, m.Changes)
	}
	said := ""
	for _, p := range m.Version.Words {
		said += p.Text + "\n"
		if p.Code == "heads_time" && p.Text != "" {
			t.Error("what was taken out is back")
		}
	}
	if !strings.Contains(said, "Начните с разбора ошибок.") {
		t.Error("a person's words are lost")
	}
	if got := w.open(coordinator, id); got.Version.Number != "17-ОД" || got.Version.Version != 3 {
		t.Errorf("the coordinator sees the new draft: %+v", got.Version.Version)
	}
	var entries int
	if err := w.pool.Get(&entries, `SELECT count(*) FROM journal WHERE object_kind = 'memo' AND object_id = $1::text`, id); err != nil || entries != 4 {
		t.Errorf("%d entries in the journal, %v", entries, err)
	}
	if _, err := w.pool.Exec(`UPDATE memo_version SET number = 'x'`); err == nil {
		t.Error("a version can be changed")
	}
}

// read returns the paragraphs' texts and the tables' cells of a DOCX.
func read(t *testing.T, body []byte) (text string, tables [][][]string, parts map[string]string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	parts = map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(b)
		for d := xml.NewDecoder(bytes.NewReader(b)); ; { // every part is well-formed
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	d, inside := xml.NewDecoder(strings.NewReader(parts["word/document.xml"])), false
	for {
		token, err := d.Token()
		if err == io.EOF {
			return text, tables, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "tbl":
				tables, inside = append(tables, nil), true
			case "tr":
				tables[len(tables)-1] = append(tables[len(tables)-1], nil)
			case "tc":
				rows := tables[len(tables)-1]
				rows[len(rows)-1] = append(rows[len(rows)-1], "")
			case "t":
				var s string
				if err := d.DecodeElement(&s, &x); err != nil {
					t.Fatal(err)
				}
				text += s + "\n"
				if inside {
					rows := tables[len(tables)-1]
					row := rows[len(rows)-1]
					row[len(row)-1] += s
				}
			}
		case xml.EndElement:
			if x.Name.Local == "tbl" {
				inside = false
			}
		}
	}
}

func TestDocument(t *testing.T) {
	w := newWorld(t)
	id := w.create(w.region.Territories["Лужский"])
	if err := w.service.Write(t.Context(), w.analyst, id, 1, map[string]string{"first": "Начните с <разбора> & ошибок."}); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Approve(t.Context(), w.analyst, id, 2, "17-ОД", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	m := w.open(w.analyst, id)
	name, body, err := w.service.Document(t.Context(), w.analyst, id, 0)
	if err != nil || !strings.HasSuffix(name, ".docx") {
		t.Fatal(name, err)
	}
	text, tables, parts := read(t, body)
	for _, want := range []string{"АНАЛИТИЧЕСКАЯ СПРАВКА", "Лужский", "№ 17-ОД от 20\u00a0ноября\u00a02026", "Начните с <разбора> & ошибок.", "Шкала «Шкала центра», редакция 1: порог 60\u00a0%", "Педагогам", "Муниципальной методической службе", "Руководителям образовательных организаций"} {
		if !strings.Contains(text, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
	if styles := parts["word/styles.xml"]; !strings.Contains(styles, `w:ascii="Times New Roman"`) || !strings.Contains(styles, `<w:sz w:val="28"/>`) || !strings.Contains(styles, `w:styleId="TableText"`) {
		t.Error("not Times New Roman 14 with tables of 12")
	}
	// every figure of the list stands in its table, every cell of the map in its own
	list := map[string][]string{}
	for _, table := range tables {
		for _, row := range table {
			list[row[0]] = row
		}
	}
	d := m.Version.Figures
	for i, r := range d.Rank {
		row := list[string(rune('1'+i))+". "+r.Element.Title]
		if len(row) != 5 || row[2] != web.Pct(r.Cell.Below) || row[4] != web.Pct(r.Cell.Mean) {
			t.Errorf("%s: %v, want %s and %s", r.Element.Title, row, web.Pct(r.Cell.Below), web.Pct(r.Cell.Mean))
		}
	}
	for _, total := range d.Totals {
		row := list[total.Title]
		for c, cell := range total.Cells {
			if len(row) != len(total.Cells)+2 || strings.TrimSuffix(web.Pct(cell.Mean), "\u00a0%") != row[c+2] {
				t.Errorf("%s: %v, want %+v", total.Title, row, cell)
			}
		}
	}
	if part := list["Лужский"]; len(part) != 4 || part[2] != "20" || part[3] != "95\u00a0%" {
		t.Errorf("participation: %v", part)
	}
}

func served(w world, actor access.Actor) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: actor, Name: "Аналитик 02"}))
	w.service.Mount(e)
	return e
}

func ask(t *testing.T, h http.Handler, method, path string, form url.Values, want int) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("%s %s: %d, want %d: %.400s", method, path, w.Code, want, w.Body)
	}
	return w
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	h := served(w, w.analyst)
	if page := ask(t, h, "GET", "/memos", nil, 200).Body.String(); !strings.Contains(page, "Справок пока нет") || !strings.Contains(page, "Составить черновик") {
		t.Error("an empty list does not say what to do")
	}
	id := func(n int64) string { return web.Num(n) }
	campaign := id(w.region.Campaign)
	if page := ask(t, h, "POST", "/memos", url.Values{"campaign": {campaign}, "territory": {id(w.region.Territories["Подпорожский"])}}, 422).Body.String(); !strings.Contains(page, "меньше пяти") {
		t.Error("no word on why three people get no memo")
	}
	at := ask(t, h, "POST", "/memos", url.Values{"campaign": {campaign}, "territory": {id(w.region.Territories["Лужский"])}}, 303).Header().Get("Location")
	page := ask(t, h, "GET", at, nil, 200).Body.String()
	for _, want := range []string{"Справка: Лужский", "Выводы", "Рекомендации", "Скачать DOCX", "Утвердить справку", "histogram-bar", "По категории и стажу"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(page, "style=") || strings.Contains(page, "ЛО-26-") {
		t.Error("inline style, or a participant's code")
	}
	if edit := ask(t, h, "GET", at+"/edit", nil, 200).Body.String(); !strings.Contains(edit, `name="text[first]"`) {
		t.Error("no field for a paragraph")
	}
	ask(t, h, "POST", at+"/words", url.Values{"version": {"1"}, "text[first]": {strings.Repeat("я", 4001)}}, 422)
	ask(t, h, "POST", at+"/words", url.Values{"version": {"1"}, "text[first]": {"Слова аналитика."}}, 303)
	ask(t, h, "POST", at+"/words", url.Values{"version": {"1"}, "text[first]": {"Поверх."}}, 409)
	if refused := ask(t, h, "POST", at+"/approve", url.Values{"version": {"2"}, "number": {""}, "approved_on": {"2030-01-01"}}, 422).Body.String(); !strings.Contains(refused, "ещё не наступила") {
		t.Error("a date to come is taken")
	}
	ask(t, h, "POST", at+"/approve", url.Values{"version": {"2"}, "number": {"5"}, "approved_on": {"2026-11-20"}}, 303)
	reportstest.Replace(t, w.pool, w.region.Campaign, "method.errors", []int64{w.region.Territories["Лужский"]}, 0.9)
	if page = ask(t, h, "GET", at, nil, 200).Body.String(); !strings.Contains(page, "Слова аналитика.") || !strings.Contains(page, "Что изменилось с тех пор") || !strings.Contains(page, "№ 5") {
		t.Error("approved, and moved since: not said")
	}
	ask(t, h, "POST", at+"/refresh", url.Values{"version": {"3"}}, 303)
	if old := ask(t, h, "GET", at+"?version=1", nil, 200).Body.String(); !strings.Contains(old, "прежняя редакция") {
		t.Error("an old version does not say so")
	}
	if got := ask(t, h, "GET", at+".docx", nil, 200); got.Header().Get("Content-Type") != web.DOCX {
		t.Errorf("document: %s", got.Header().Get("Content-Type"))
	}
	ask(t, h, "POST", "/memos", url.Values{"campaign": {campaign}, "territory": {"0"}}, 303)

	c := served(w, w.territory(access.Coordinator, "Лужский"))
	list := ask(t, c, "GET", "/memos", nil, 200).Body.String()
	if !strings.Contains(list, "утверждена") || strings.Contains(list, "Составить черновик") || strings.Contains(list, ">Ленинградская область<") {
		t.Error("a coordinator's list")
	}
	if page = ask(t, c, "GET", at, nil, 200).Body.String(); strings.Contains(page, "Утвердить") || strings.Contains(page, "Что изменилось") {
		t.Error("a coordinator may approve")
	}
	ask(t, c, "POST", at+"/words", nil, 404)
	ask(t, h, "GET", "/memos/x", nil, 404)
	ask(t, served(w, access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Head, Organisation: 1}}}), "GET", "/memos", nil, 404)
}

// What was collected before the manager published the results can't be approved; collected anew, it can.
func TestApprovalWaitsForPublication(t *testing.T) {
	w := newWorld(t)
	luga := w.region.Territories["Лужский"]
	w.pool.MustExec(`UPDATE campaign SET published_at = NULL WHERE id = $1`, w.region.Campaign)
	id := w.create(luga)
	day := reportstest.Now.AddDate(0, 0, -1)
	if err := w.service.Approve(t.Context(), w.analyst, id, 1, "7", day); fault.KindOf(err) != fault.Conflict {
		t.Fatalf("approved before publication: %v", err)
	}
	w.pool.MustExec(`UPDATE campaign SET published_at = closes_at WHERE id = $1`, w.region.Campaign)
	if err := w.service.Refresh(t.Context(), w.analyst, id, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Approve(t.Context(), w.analyst, id, 2, "7", day); err != nil {
		t.Fatal(err)
	}
}
