package assembly

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
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
	reviewer = access.Actor{ID: 102, Grants: []access.Grant{{Role: access.Reviewer}}}
	manager  = access.Actor{ID: 103, Grants: []access.Grant{{Role: access.Manager}}}
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

func clock() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T) (*Service, *bank.Service, *sqlx.DB) {
	t.Helper()
	pool := dbtest.New(t)
	if err := people.New(pool, clock).EnsureReference(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := bank.New(pool, clock)
	return New(pool, clock, b), b, pool
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "content", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func inTx(t *testing.T, pool *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), pool, author, func(tx *sqlx.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// Both instruments of the product come in whole, and each key earns everything by what the bank gives back.
func TestImportInstrument(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	for _, name := range []string{"math-teacher.json", "preschool-teacher.json"} {
		file := content(t, name)
		written, err := task.ParseInstrument(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out, err := s.ImportInstrument(t.Context(), author, reviewer, file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		inTx(t, pool, func(ctx context.Context, tx *sqlx.Tx) error {
			variant, err := VariantTx(ctx, tx, out.VariantID)
			if err != nil {
				return err
			}
			if len(variant) != len(written.Tasks) || out.NewVersions != len(written.Tasks) {
				t.Errorf("%s: %d tasks in the variant, %d new; %d in the file", name, len(variant), out.NewVersions, len(written.Tasks))
			}
			keyed, err := bank.KeyedTx(ctx, tx, out.Versions)
			if err != nil {
				return err
			}
			versions, err := bank.VersionsTx(ctx, tx, out.Versions)
			if err != nil {
				return err
			}
			for i, w := range written.Tasks {
				id := variant[i].TaskVersionID
				v, k := versions[id], keyed[id]
				if v.Code != w.ID || int(v.MaxPoints) != w.Max || len(v.Elements) != len(w.Elements) {
					t.Errorf("%s: stands as %+v", w.ID, v)
				}
				if full := task.FullAnswer(k.Task, k.Key); full != nil {
					if r := task.Score(k.Task, k.Key, full); r.Points != w.Max {
						t.Errorf("%s: the key earns %+v", w.ID, r)
					}
				}
				if len(k.Criteria) != len(w.Criteria) || k.Solution != w.Solution {
					t.Errorf("%s: rubric or solution lost", w.ID)
				}
				if strings.Contains(string(v.Shown), "solution") || w.Solution != "" && strings.Contains(string(v.Shown), w.Solution) {
					t.Errorf("%s: the view holds the solution", w.ID)
				}
				var view task.View
				if err := json.Unmarshal(v.Shown, &view); err != nil || view.BodyHTML == "" || view.Kind != w.Kind {
					t.Errorf("%s: view %+v, %v", w.ID, view, err)
				}
			}
			rows, err := RowsTx(ctx, tx, out.SpecificationID)
			if err != nil {
				return err
			}
			if _, conflicts, err := feasibleTx(ctx, tx, out.CodifierID, rows); err != nil || conflicts != nil {
				t.Errorf("%s: its own blueprint is infeasible: %+v, %v", name, conflicts, err)
			}
			elements, err := competency.ElementsTx(ctx, tx, out.CodifierID)
			if err != nil || len(elements) != len(written.Codifier.Elements) {
				t.Errorf("%s: %d elements, %v", name, len(elements), err)
			}
			return err
		})

		again, err := s.ImportInstrument(t.Context(), author, reviewer, file)
		if err != nil || again.NewVersions != 0 || again.VariantID != out.VariantID {
			t.Errorf("%s again: %+v, %v; first %+v", name, again, err, out)
		}
	}
}

func TestImportChanged(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	file := content(t, "preschool-teacher.json")
	first, err := s.ImportInstrument(t.Context(), author, reviewer, file)
	if err != nil {
		t.Fatal(err)
	}
	var in task.Instrument
	if err := json.Unmarshal(file, &in); err != nil {
		t.Fatal(err)
	}
	in.Tasks[3].Body += " Уточнение."
	changed, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.ImportInstrument(t.Context(), author, reviewer, changed)
	if err != nil || second.NewVersions != 1 || second.SpecificationID == first.SpecificationID || second.InstrumentID != first.InstrumentID {
		t.Errorf("%+v after %+v, %v", second, first, err)
	}
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	file := content(t, "math-teacher.json")
	if _, err := s.ImportInstrument(t.Context(), author, author, file); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("reviewed by its author: %v", err)
	}
	broken := strings.Replace(string(file), `"$`, `"$\\foo`, 1)
	if _, err := s.ImportInstrument(t.Context(), author, reviewer, []byte(broken)); task.FaultsOf(err) == nil {
		t.Errorf("a broken formula: %v", err)
	}
	var n int
	if err := pool.Get(&n, `SELECT count(*) FROM task`); err != nil || n != 0 {
		t.Errorf("%d tasks are left of refused files, %v", n, err)
	}
}

func TestVariantsShareLittle(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	out, err := s.ImportInstrument(t.Context(), author, reviewer, content(t, "math-teacher.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row // one task for each element: the bank has at least three
	inTx(t, pool, func(ctx context.Context, tx *sqlx.Tx) error {
		elements, err := competency.ElementsTx(ctx, tx, out.CodifierID)
		for _, e := range elements {
			rows = append(rows, Row{Part: task.Part(e.Part), Element: e.ID})
		}
		return err
	})
	spec, err := s.Specify(t.Context(), author, out.InstrumentID, 60, rows)
	if err != nil {
		t.Fatal(err)
	}
	used := map[int64]bool{}
	inTx(t, pool, func(ctx context.Context, tx *sqlx.Tx) error { // variant 1 of the import uses all once
		first, err := VariantTx(ctx, tx, out.VariantID)
		for _, v := range first {
			used[v.TaskVersionID] = false
		}
		return err
	})
	for n := range 2 {
		id, err := s.AssembleVariant(t.Context(), manager, spec)
		if err != nil {
			t.Fatal(err)
		}
		inTx(t, pool, func(ctx context.Context, tx *sqlx.Tx) error {
			tasks, err := VariantTx(ctx, tx, id)
			for _, v := range tasks {
				if used[v.TaskVersionID] {
					t.Errorf("variant %d repeats task version %d", n+1, v.TaskVersionID)
				}
				used[v.TaskVersionID] = true
			}
			return err
		})
	}
	many := make([]Row, 0, 40)
	for range 40 {
		many = append(many, rows[0])
	}
	tooMuch, err := s.Specify(t.Context(), author, out.InstrumentID, 60, many)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AssembleVariant(t.Context(), manager, tooMuch); fault.KindOf(err) != fault.Conflict {
		t.Errorf("forty tasks of one element: %v", err)
	}
}

// Assemble fills the rows whenever any choice does (compared with trying all), and a conflict is a true one.
func TestAssembleIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := []string{"a", "b", "c"}
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Row {
			return Row{Part: task.Subject, Element: rapid.SampledFrom(elements).Draw(t, "e"), Level: rapid.SampledFrom([]task.Level{"", task.Basic, task.High}).Draw(t, "l")}
		}), 1, 5).Draw(t, "rows")
		n := rapid.IntRange(0, 6).Draw(t, "n")
		pool := make([]bank.Version, n)
		uses := map[int64]int{}
		for i := range pool {
			pool[i] = bank.Version{ID: int64(i + 1), Code: fmt.Sprint(i), Part: task.Subject, Level: rapid.SampledFrom([]task.Level{task.Basic, task.High}).Draw(t, "pl"),
				Elements: map[string]float64{rapid.SampledFrom(elements).Draw(t, "e1"): 0.5, rapid.SampledFrom(elements).Draw(t, "e2"): 0.5}}
			uses[pool[i].ID] = rapid.IntRange(0, 2).Draw(t, "uses")
		}
		picked, conflicts := Assemble(rows, pool, uses)
		if possible := fills(rows, pool, map[int64]bool{}); possible != (conflicts == nil) {
			t.Fatalf("possible: %t, conflicts %+v", possible, conflicts)
		}
		seen := map[int64]bool{}
		for i, v := range picked {
			if seen[v.ID] || !rows[i].Takes(v) {
				t.Fatalf("row %d got %+v", i, v)
			}
			seen[v.ID] = true
		}
		for _, c := range conflicts {
			takers := map[string]bool{}
			for _, r := range c.Rows {
				for _, v := range pool {
					if r.Takes(v) {
						takers[v.Code] = true
					}
				}
			}
			if len(takers) >= len(c.Rows) || len(takers) != len(c.Tasks) || c.Missing() < 1 {
				t.Fatalf("no true conflict: %+v", c)
			}
		}
	})
}

func fills(rows []Row, pool []bank.Version, used map[int64]bool) bool {
	if len(rows) == 0 {
		return true
	}
	for _, v := range pool {
		if !used[v.ID] && rows[0].Takes(v) {
			used[v.ID] = true
			if fills(rows[1:], pool, used) {
				return true
			}
			delete(used, v.ID)
		}
	}
	return false
}

// walk asks for a page as actor; a form makes it a POST.
func walk(t *testing.T, s *Service, actor access.Actor, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: actor, Name: "Тест"}))
	s.Mount(e)
	r := httptest.NewRequest("GET", path, nil)
	if form != nil {
		r = httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "<no value>") || strings.Contains(w.Body.String(), " style=") {
		t.Errorf("%s: a careless page", path)
	}
	return w
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	if w := walk(t, s, manager, "/instruments", nil); !strings.Contains(w.Body.String(), "Инструментов пока нет") {
		t.Error("an empty list says nothing")
	}
	out, err := s.ImportInstrument(t.Context(), author, reviewer, content(t, "math-teacher.json"))
	if err != nil {
		t.Fatal(err)
	}
	see := func(actor access.Actor, path string, want ...string) {
		t.Helper()
		w := walk(t, s, actor, path, nil)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		for _, word := range want {
			if !strings.Contains(w.Body.String(), word) {
				t.Errorf("%s lacks %q", path, word)
			}
		}
	}
	home := fmt.Sprintf("/instruments/%d", out.InstrumentID)
	see(manager, "/instruments", "Учитель математики", home)
	see(manager, home, "Спецификация, версия 1", "Вариант 1", "math-27", "Собрать вариант", "28")
	see(author, "/instruments/new", "Кодификатор")
	see(author, home+"/specification", `name="n|math.numbers|basic"`, "самооценка")
	if w := walk(t, s, access.Actor{ID: 9, Grants: []access.Grant{{Role: access.Teacher}}}, home, nil); w.Code != http.StatusNotFound {
		t.Errorf("a teacher gets %d", w.Code)
	}

	w := walk(t, s, author, "/instruments", url.Values{"code": {"math-teacher"}, "title": {"Ещё раз"}, "position": {"teacher"}, "subject": {"math"}, "codifier": {fmt.Sprint(out.CodifierID)}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "уже есть") || !strings.Contains(w.Body.String(), "Ещё раз") {
		t.Errorf("a code in use: %d", w.Code)
	}
	w = walk(t, s, author, "/instruments", url.Values{"code": {"math-short"}, "title": {"Математика, коротко"}, "position": {"teacher"}, "subject": {"math"}, "codifier": {fmt.Sprint(out.CodifierID)}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("new instrument: %d %s", w.Code, w.Body)
	}
	specify := w.Header().Get("Location")
	see(manager, strings.TrimSuffix(specify, "/specification"), "Спецификации ещё нет")

	form := url.Values{"minutes": {"сорок"}, "n|math.numbers|": {"2"}, "n|math.geometry|high": {"30"}, "do": {"check"}}
	if w = walk(t, s, author, specify, form); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "целое число минут") || !strings.Contains(w.Body.String(), `value="30"`) {
		t.Errorf("odd minutes: %d", w.Code)
	}
	form.Set("minutes", "40")
	if w = walk(t, s, author, specify, form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Не хватает") || !strings.Contains(w.Body.String(), "высокий") {
		t.Errorf("an infeasible check: %d", w.Code)
	}
	form.Set("n|math.geometry|high", "")
	form.Set("self", "1")
	if w = walk(t, s, author, specify, form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Банка хватает") {
		t.Errorf("a feasible check: %d %s", w.Code, w.Body)
	}
	form.Set("do", "save")
	if w = walk(t, s, author, specify, form); w.Code != http.StatusSeeOther {
		t.Fatalf("save: %d %s", w.Code, w.Body)
	}
	short := strings.TrimSuffix(specify, "/specification")
	see(manager, short, "Спецификация, версия 1", "Вариантов по этой спецификации ещё не собирали")
	page := walk(t, s, manager, short, nil).Body.String()
	_, rest, _ := strings.Cut(page, `name="specification" value="`)
	spec, _, _ := strings.Cut(rest, `"`)
	for range 2 {
		if w = walk(t, s, manager, short+"/variants", url.Values{"specification": {spec}}); w.Code != http.StatusSeeOther {
			t.Fatalf("assemble: %d %s", w.Code, w.Body)
		}
	}
	see(manager, short, "Вариант 2", "Общих с вариантом 1")
	if w = walk(t, s, author, short+"/variants", url.Values{"specification": {spec}}); w.Code != http.StatusNotFound {
		t.Errorf("an author assembles: %d", w.Code)
	}
}
