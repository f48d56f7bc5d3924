package bank

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"golang.org/x/net/html"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/exchange"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	author   = access.Actor{ID: 101, Grants: []access.Grant{{Role: access.Author}}}
	stranger = access.Actor{ID: 104, Grants: []access.Grant{{Role: access.Author}}}
	reviewer = access.Actor{ID: 102, Grants: []access.Grant{{Role: access.Reviewer}}}
	analyst  = access.Actor{ID: 105, Grants: []access.Grant{{Role: access.Analyst}}}
	manager  = access.Actor{ID: 103, Grants: []access.Grant{{Role: access.Manager}}}
	teacher  = access.Actor{ID: 106, Grants: []access.Grant{{Role: access.Teacher}}}
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

func clock() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// site is a bank with the codifier of an instrument file, and a way to walk its pages.
type site struct {
	*Service
	t        *testing.T
	pool     *sqlx.DB
	file     task.Instrument
	codifier int64
}

func open(t *testing.T, name string) *site {
	t.Helper()
	s := &site{t: t, pool: dbtest.New(t)}
	if err := people.New(s.pool, clock).EnsureReference(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Service = New(s.pool, clock)
	body, err := os.ReadFile(filepath.Join("..", "..", "content", name))
	if err != nil {
		t.Fatal(err)
	}
	if s.file, err = task.ParseInstrument(body); err != nil {
		t.Fatal(err)
	}
	n := competency.NewCodifier{Code: s.file.Codifier.Code, Edition: s.file.Codifier.Edition, Title: s.file.Codifier.Title}
	for _, e := range s.file.Codifier.Elements {
		n.Elements = append(n.Elements, competency.NewElement{ID: e.ID, Number: e.Number, Title: e.Title, Short: e.Short, Part: string(e.Part), Area: e.Area})
	}
	s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		s.codifier, err = competency.AddCodifierTx(ctx, tx, author, n, clock())
		return err
	})
	return s
}

func (s *site) tx(f func(ctx context.Context, tx *sqlx.Tx) error) {
	s.t.Helper()
	if err := db.InTx(s.t.Context(), s.pool, author, func(tx *sqlx.Tx) error { return f(s.t.Context(), tx) }); err != nil {
		s.t.Fatal(err)
	}
}

// submit puts the tasks of the file into the bank.
func (s *site) submit() []int64 {
	s.t.Helper()
	p, err := s.Prepare(s.file.Tasks)
	if err != nil {
		s.t.Fatal(err)
	}
	var ids []int64
	s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		ids, _, err = SubmitTx(ctx, tx, author, s.codifier, "", p, clock())
		return err
	})
	return ids
}

// do asks for a page as actor; a form makes it a POST.
func (s *site) do(actor access.Actor, path string, form url.Values) *httptest.ResponseRecorder {
	var r *http.Request
	if form == nil {
		r = httptest.NewRequest("GET", path, nil)
	} else {
		r = httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return s.serve(actor, r)
}

func (s *site) serve(actor access.Actor, r *http.Request) *httptest.ResponseRecorder {
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: actor, Name: "Тест"}))
	s.Mount(e)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// page asks for a page that must be there.
func (s *site) page(actor access.Actor, path string) string {
	s.t.Helper()
	w := s.do(actor, path, nil)
	if w.Code != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	body := w.Body.String()
	for _, bad := range []string{" style=", "<script>", "ZgotmplZ", "<no value>", "onclick"} {
		if strings.Contains(body, bad) {
			s.t.Errorf("GET %s: the page holds %q", path, bad)
		}
	}
	return body
}

// fields gathers what a browser would send of the form with the given action.
func fields(t *testing.T, page, action string) url.Values {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	values := url.Values{}
	found := false
	attr := func(n *html.Node, key string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val, true
			}
		}
		return "", false
	}
	var collect func(n *html.Node)
	collect = func(n *html.Node) {
		name, _ := attr(n, "name")
		value, _ := attr(n, "value")
		if n.Type == html.ElementNode && name != "" {
			switch n.Data {
			case "input":
				kind, _ := attr(n, "type")
				_, checked := attr(n, "checked")
				if kind != "radio" && kind != "checkbox" || checked {
					values.Add(name, value)
				}
			case "textarea":
				if n.FirstChild != nil {
					values.Add(name, n.FirstChild.Data)
				} else {
					values.Add(name, "")
				}
			case "select":
				picked, first := "", true
				for o := range n.Descendants() {
					if o.Data != "option" {
						continue
					}
					v, _ := attr(o, "value")
					if _, selected := attr(o, "selected"); selected || first {
						picked, first = v, false
					}
				}
				values.Add(name, picked)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			collect(c)
		}
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			if a, _ := attr(n, "action"); a == action {
				found = true
				collect(n)
			}
		}
	}
	if !found {
		t.Fatalf("no form with action %s", action)
	}
	return values
}

// Every task of both instruments survives the editor: opened in the browser and
// saved untouched, it says what it said and its key earns everything.
func TestEditorKeepsEveryTask(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"math-teacher.json", "preschool-teacher.json"} {
		s := open(t, name)
		var ids []int64
		s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			ids, err = s.draftsTx(ctx, tx, author, s.codifier, s.file.Tasks)
			return err
		})
		kinds := map[task.Kind]bool{}
		for i, w := range s.file.Tasks {
			kinds[w.Kind] = true
			path := fmt.Sprintf("/tasks/%d/edit", ids[i])
			page := s.page(author, path)
			if !strings.Contains(page, "можно отправлять на проверку") {
				t.Errorf("%s: the editor finds faults in a good task", w.ID)
			}
			form := fields(t, page, path)
			form.Set("do", "save")
			if r := s.do(author, path, form); r.Code != http.StatusSeeOther {
				t.Fatalf("%s: save %d %s", w.ID, r.Code, r.Body)
			}
			back, _, err := s.Edit(t.Context(), author, ids[i])
			if err != nil {
				t.Fatal(err)
			}
			if full := task.FullAnswer(back.Task.Task, back.Task.Key); full != nil {
				if r := task.Score(w.Task, w.Key, full); r.Points != w.Max {
					t.Errorf("%s: the key changed from %s to %s", w.ID, w.Key.Answer, back.Task.Key.Answer)
				}
			}
			a, b := w, back.Task
			a.Key.Answer, b.Key.Answer = nil, nil // compared above: the order of a set may differ
			if !sameTask(a, b) {
				x, _ := canonical(a)
				y, _ := canonical(b)
				t.Errorf("%s changed in the editor:\n%s\n%s", w.ID, x, y)
			}
		}
		if len(kinds) < 8 {
			t.Errorf("%s: only %d kinds seen", name, len(kinds))
		}
	}
}

// The life of a task through its pages: written, refused, sent, returned, corrected, approved, retired.
func TestLifeOfATask(t *testing.T) {
	t.Parallel()
	s := open(t, "math-teacher.json")
	r := s.do(author, "/tasks", url.Values{"code": {"math-90"}, "kind": {"single_choice"}, "codifier": {fmt.Sprint(s.codifier)}})
	if r.Code != http.StatusSeeOther {
		t.Fatalf("create: %d %s", r.Code, r.Body)
	}
	edit := r.Header().Get("Location")
	home := strings.TrimSuffix(edit, "/edit")

	form := fields(t, s.page(author, edit), edit)
	form.Set("body", "Чему равно $\\frac{1}{2$?")
	form["opt_text"] = []string{"1", "2", "3", ""}
	form["opt_id"] = []string{"", "", "", ""}
	form.Set("do", "submit")
	r = s.do(author, edit, form)
	if r.Code != http.StatusUnprocessableEntity {
		t.Fatalf("submit of an unfinished task: %d", r.Code)
	}
	for _, want := range []string{`class="error-summary"`, "нужен верный ответ", `\frac{1}{2$`, "нужен хотя бы один элемент"} {
		if !strings.Contains(r.Body.String(), want) {
			t.Errorf("refused form lacks %q", want)
		}
	}
	if s.do(stranger, home, nil).Code != http.StatusNotFound || s.do(stranger, edit, form).Code != http.StatusNotFound || s.do(reviewer, home, nil).Code != http.StatusNotFound {
		t.Error("a draft is shown to others")
	}

	form.Set("body", "Чему равно $\\frac{1}{2}+\\frac12$?")
	form.Set("key", "0")
	form["el_id"], form["el_w"] = []string{"math.numbers"}, []string{""}
	form.Set("skill", "складывать дроби")
	form.Set("solution", "Половина и половина — целое.")
	preview := s.do(author, home+"/preview", form)
	if preview.Code != http.StatusOK || !strings.Contains(preview.Body.String(), "<mfrac>") || !strings.Contains(preview.Body.String(), "можно отправлять") {
		t.Errorf("preview: %d %s", preview.Code, preview.Body)
	}
	if r = s.do(author, edit, form); r.Code != http.StatusSeeOther {
		t.Fatalf("submit: %d %s", r.Code, r.Body)
	}
	if r = s.do(author, edit, form); r.Code != http.StatusConflict {
		t.Errorf("edit while in review: %d", r.Code)
	}

	if list := s.page(reviewer, "/tasks?state=review"); !strings.Contains(list, "math-90") || !strings.Contains(list, home+"/review") {
		t.Error("the reviewer's list lacks the task")
	}
	review := home + "/review"
	page := s.page(reviewer, review)
	if !strings.Contains(page, "Половина и половина") {
		t.Error("the reviewer sees no solution")
	}
	verdict := fields(t, page, review)
	verdict.Set("verdict", "returned")
	if r = s.do(reviewer, review, verdict); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("returned without a word: %d", r.Code)
	}
	verdict.Set("comment", "Добавьте четвёртый вариант")
	if r = s.do(reviewer, review, verdict); r.Code != http.StatusSeeOther {
		t.Fatalf("return: %d %s", r.Code, r.Body)
	}
	if r = s.do(reviewer, review, verdict); r.Code != http.StatusConflict {
		t.Errorf("a second verdict: %d", r.Code)
	}

	page = s.page(author, edit)
	if !strings.Contains(page, "Добавьте четвёртый вариант") {
		t.Error("the author does not see the reviewer's words")
	}
	form = fields(t, page, edit)
	form["opt_text"][3] = "4"
	form.Set("do", "submit")
	if r = s.do(author, edit, form); r.Code != http.StatusSeeOther {
		t.Fatalf("second submit: %d %s", r.Code, r.Body)
	}
	stale := verdict
	stale.Set("verdict", "comment")
	if r = s.do(reviewer, review, stale); r.Code != http.StatusConflict {
		t.Errorf("a word about an old version: %d", r.Code)
	}
	page = s.page(reviewer, review)
	if !strings.Contains(page, "Что изменилось") || !strings.Contains(page, "d) 4") {
		t.Error("the reviewer does not see the difference")
	}
	verdict = fields(t, page, review)
	verdict.Set("verdict", "approved")
	own := access.Actor{ID: author.ID, Grants: []access.Grant{{Role: access.Author}, {Role: access.Reviewer}}}
	if r = s.do(own, review, verdict); r.Code != http.StatusForbidden {
		t.Errorf("approved by its author: %d", r.Code)
	}
	if r = s.do(reviewer, review, verdict); r.Code != http.StatusSeeOther {
		t.Fatalf("approve: %d %s", r.Code, r.Body)
	}
	var approved []Version
	s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		approved, err = ApprovedTx(ctx, tx, s.codifier)
		return err
	})
	if len(approved) != 1 || approved[0].Number != 2 || approved[0].Elements["math.numbers"] != 1 {
		t.Errorf("approved: %+v", approved)
	}
	if page := s.page(author, home); !strings.Contains(page, "Снять с использования") || !strings.Contains(page, "Версия 1") {
		t.Error("the author's page lacks the way out of use or the history")
	}
	if r = s.do(author, home+"/retire", url.Values{}); r.Code != http.StatusSeeOther {
		t.Fatalf("retire: %d", r.Code)
	}
	s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		approved, err = ApprovedTx(ctx, tx, s.codifier)
		return err
	})
	if len(approved) != 0 {
		t.Error("a retired task may still be chosen")
	}
}

// The key reaches those who may see it and nobody else; a look at it is journalled.
func TestKeysAreSecret(t *testing.T) {
	t.Parallel()
	s := open(t, "preschool-teacher.json")
	s.file.Tasks = s.file.Tasks[9:12]
	for i := range s.file.Tasks {
		s.file.Tasks[i].Solution = "СЕКРЕТНЫЙ-КЛЮЧ"
	}
	ids := s.submit()
	var versions map[int64]Version
	s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		versions, err = VersionsTx(ctx, tx, ids)
		return err
	})
	for _, id := range ids {
		if strings.Contains(string(versions[id].Shown), "СЕКРЕТНЫЙ") {
			t.Error("the view holds the solution")
		}
		path := fmt.Sprintf("/tasks/%d", versions[id].TaskID)
		for _, c := range []struct {
			who  access.Actor
			sees bool
		}{{author, true}, {reviewer, true}, {manager, true}, {analyst, false}, {stranger, false}} {
			if page := s.page(c.who, path); strings.Contains(page, "СЕКРЕТНЫЙ") != c.sees {
				t.Errorf("%s: %v sees the key: %t", path, c.who.Grants, !c.sees)
			}
		}
		if w := s.do(teacher, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: a teacher gets %d", path, w.Code)
		}
	}
	var looks int
	if err := s.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'key.read' AND actor_id = $1`, reviewer.ID); err != nil || looks != len(ids) {
		t.Errorf("%d looks at keys are journalled, %v", looks, err)
	}
}

// What the bank keeps is for good: the application role can change neither versions nor keys nor verdicts.
func TestSealed(t *testing.T) {
	t.Parallel()
	s := open(t, "preschool-teacher.json")
	s.file.Tasks = s.file.Tasks[:1]
	s.submit()
	for _, statement := range []string{`UPDATE task_version SET minutes = 9`, `DELETE FROM task_version`, `UPDATE task_key SET solution = ''`, `DELETE FROM task_review`, `UPDATE task_element SET weight = 1`} {
		if _, err := s.pool.Exec(statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t, "math-teacher.json")
	if page := s.page(reviewer, "/tasks"); !strings.Contains(page, "Заданий пока нет") {
		t.Error("an empty bank says nothing")
	}
	s.submit()
	count := func(query string, want int) {
		t.Helper()
		var n int
		f := Filter{}
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f.State, f.Kind, f.Part, f.Level, f.Element, f.Words, f.Sort = values.Get("state"), values.Get("kind"), values.Get("part"), values.Get("level"), values.Get("element"), values.Get("q"), values.Get("sort")
		s.tx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
			_, n, err = s.cardsTx(ctx, tx, analyst, f)
			return err
		})
		if n != want {
			t.Errorf("%s: %d tasks, want %d", query, n, want)
		}
		if page := s.page(analyst, "/tasks?"+query); !strings.Contains(page, web.Plural(want, "задание", "задания", "заданий")) {
			t.Errorf("%s: the page does not say %d", query, want)
		}
	}
	of := func(keep func(task.Written) bool) (n int) {
		for _, w := range s.file.Tasks {
			if keep(w) {
				n++
			}
		}
		return n
	}
	count("", len(s.file.Tasks))
	count("state=review", len(s.file.Tasks))
	count("state=approved", 0)
	count("kind=numeric", of(func(w task.Written) bool { return w.Kind == task.Numeric }))
	count("part=methodical&level=high", of(func(w task.Written) bool { return w.Part == task.Methodical && w.Level == task.High }))
	count("element=math.geometry", of(func(w task.Written) bool {
		return slices.ContainsFunc(w.Elements, func(e task.Weight) bool { return e.Element == "math.geometry" })
	}))
	count("q=math-12", 1)
	for _, sort := range []string{"code", "-code", "state", "-state", "kind", "-kind", "level", "-level", "max", "-max", "at", "-at"} {
		count("sort="+sort, len(s.file.Tasks))
	}
}

func TestSubmitTwiceAndByAnother(t *testing.T) {
	t.Parallel()
	s := open(t, "math-teacher.json")
	s.file.Tasks = s.file.Tasks[9:12]
	first := s.submit()
	p, err := s.Prepare(s.file.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	s.tx(func(ctx context.Context, tx *sqlx.Tx) error {
		return ReviewTx(ctx, tx, reviewer, first, Approve, "", clock())
	})
	s.tx(func(ctx context.Context, tx *sqlx.Tx) error {
		again, fresh, err := SubmitTx(ctx, tx, author, s.codifier, "", p, clock())
		if !reflect.DeepEqual(again, first) || len(fresh) != 0 {
			t.Errorf("unchanged tasks became %v (new %v), were %v", again, fresh, first)
		}
		return err
	})
	err = db.InTx(t.Context(), s.pool, stranger, func(tx *sqlx.Tx) error {
		_, _, err := SubmitTx(t.Context(), tx, stranger, s.codifier, "", p, clock())
		return err
	})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("another author's codes: %v", err)
	}
}

// A workbook is checked without a trace; with faults nothing comes in; without, all of it, as drafts.
func TestImportBook(t *testing.T) {
	t.Parallel()
	s := open(t, "math-teacher.json")
	upload := func(file []byte) *httptest.ResponseRecorder {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		if err := m.WriteField("codifier", fmt.Sprint(s.codifier)); err != nil {
			t.Fatal(err)
		}
		part, err := m.CreateFormFile("file", "задания.xlsx")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/tasks/import", &b)
		r.Header.Set("Content-Type", m.FormDataContentType())
		return s.serve(author, r)
	}
	tasks := func() (n int) {
		if err := s.pool.Get(&n, `SELECT count(*) FROM task`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	template := s.do(author, "/tasks/import/template.xlsx", nil)
	if template.Code != http.StatusOK {
		t.Fatal(template.Code)
	}
	if w := upload(template.Body.Bytes()); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "H2") || !strings.Contains(w.Body.String(), "нет в кодификаторе") {
		t.Errorf("a book with unknown elements: %d", w.Code)
	}
	examples := exchange.Examples("math.numbers")
	for i := range examples {
		if examples[i].Part == task.Methodical {
			examples[i].Elements = []task.Weight{{Element: "math.m.errors", Weight: 1}}
		}
	}
	broken := slices.Clone(examples)
	broken[0].Body = "Чему равно $\\frac{1$?"
	book := func(list []task.Written) []byte {
		file, err := exchange.WriteXLSX(list)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	if w := upload(book(broken)); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "M2") {
		t.Errorf("a book with a broken formula: %d", w.Code)
	}
	if tasks() != 0 {
		t.Error("a book with faults left something behind")
	}
	w := upload(book(examples))
	if w.Code != http.StatusOK || tasks() != 0 {
		t.Fatalf("dry run: %d, %d tasks", w.Code, tasks())
	}
	form := fields(t, w.Body.String(), "/tasks/import/apply")
	if w := s.do(author, "/tasks/import/apply", form); w.Code != http.StatusSeeOther || tasks() != len(examples) {
		t.Errorf("apply: %d, %d tasks", w.Code, tasks())
	}
	if w := s.do(author, "/tasks/import/apply", form); w.Code != http.StatusConflict || tasks() != len(examples) {
		t.Errorf("applied twice: %d, %d tasks", w.Code, tasks())
	}
	if page := s.page(author, "/tasks?state=draft&mine=true"); !strings.Contains(page, web.Plural(len(examples), "задание", "задания", "заданий")) {
		t.Error("the drafts are not in the author's list")
	}
	if w := upload([]byte("не книга")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("not a workbook: %d", w.Code)
	}
}

func TestKeyedInWords(t *testing.T) {
	s := New(nil, clock)
	for _, w := range exchange.Examples("e") {
		view, err := task.Render(w.Task, s.tex.Block, s.tex.Line)
		if err != nil {
			t.Fatal(err)
		}
		k, err := s.keyedOf(w, view)
		if err != nil {
			t.Errorf("%s: %v", w.ID, err)
		}
		if hasKey := w.Key.Answer != nil; hasKey != (len(k.Answer) > 0) {
			t.Errorf("%s: key in words %v", w.ID, k.Answer)
		}
		for _, line := range k.Answer {
			if line.Right == "" {
				t.Errorf("%s: an empty line in %v", w.ID, k.Answer)
			}
		}
		b, err := json.Marshal(view)
		if err != nil || strings.Contains(string(b), `"key"`) {
			t.Errorf("%s: %s, %v", w.ID, b, err)
		}
	}
}
