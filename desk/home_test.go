package desk

import (
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/reports/reportstest"
	"github.com/lotsiya/lotsiya/web"
)

// The heading of a home page is the most pressing thing, and no card says it again:
// answers that wait for experts come before drafts of memos.
func TestManagerHome(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := pool.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	look := func() home {
		t.Helper()
		var h home
		actor := access.Actor{ID: 7, Grants: []access.Grant{{Role: access.Manager}}}
		err := db.InTx(t.Context(), pool, actor, func(tx *sqlx.Tx) (err error) {
			h, err = New(pool, func() time.Time { return reportstest.Now }).homeTx(t.Context(), tx, actor)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(h.Cards, func(c card) bool { return c.Title == h.Heading && c.Kind == h.Main.Kind }) {
			t.Errorf("%q is the heading and a card too", h.Heading)
		}
		return h
	}
	exec(`INSERT INTO memo (campaign_id, created_by, created_at) VALUES ($1, 7, now())`, r.Campaign)
	exec(`INSERT INTO memo_version (memo_id, version, state, figures, words, made_by, made_at) SELECT id, 1, 'draft', '{}', '[]', 7, now() FROM memo`)
	if h := look(); h.Heading != "Черновики справок: 1" {
		t.Errorf("the heading is %q", h.Heading)
	}
	exec(`INSERT INTO campaign (code, title, purpose, instrument_id, specification_id, scale_id, opens_at, closes_at, minutes, state, created_by, created_at)
		SELECT 'next', 'Следующая', 'real', instrument_id, specification_id, scale_id, $2, $3, 60, 'open', 7, $2 FROM campaign WHERE id = $1`,
		r.Campaign, reportstest.Now.AddDate(0, 0, -3), reportstest.Now.AddDate(0, 0, 3))
	exec(`INSERT INTO marking_work (code, campaign_id, attempt_id, task, task_version_id, territory_id, organisation_id, answer_revision, created_at)
		SELECT 'w' || a.id, c.id, a.id, 't01', (SELECT min(id) FROM task_version), 1, 1, 1, now() FROM campaign c, attempt a WHERE c.code = 'next' ORDER BY a.id LIMIT 2`)
	if h := look(); h.Heading != "Ждут проверки: 2\u00a0ответа" || h.Main.Href != "/marking/progress" {
		t.Errorf("the heading is %q", h.Heading)
	}
}

// The journal speaks Russian; an action without words stays a code.
func TestJournalInWords(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	admin := access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Admin}}}
	err := db.InTx(t.Context(), pool, admin, func(tx *sqlx.Tx) error {
		return audit.RecordManyTx(t.Context(), tx, admin, []audit.Entry{
			{Action: "session.start", ObjectKind: "person", ObjectID: "5"}, {Action: "name.read", ObjectKind: "person", ObjectID: "6", Person: 6, Purpose: "карточка"},
			{Action: "consent.given", ObjectKind: "consent", ObjectID: "share_methodist", Person: 6}, {Action: "moon.landed", ObjectKind: "moon", ObjectID: "1"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(web.As(web.Visitor{Actor: admin}))
	New(pool, time.Now).Mount(e)
	get := func(path string) string {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return html.UnescapeString(w.Body.String())
	}
	_, page, _ := strings.Cut(get("/journal"), "<tbody>")
	for _, want := range []string{">Вход<", ">Человек 5<", ">Просмотр имени и места работы<", ">Согласие дано<", ">Согласие показать методисту<", "oon.landed"} {
		if !strings.Contains(page, want) {
			t.Errorf("the journal lacks %q", want)
		}
	}
	if strings.Contains(page, "session.start") || strings.Contains(page, "name.read") {
		t.Error("the journal speaks in codes")
	}
	page = get("/journal?action=name.read")
	if _, rows, _ := strings.Cut(page, "<tbody>"); strings.Contains(rows, "Вход") || !strings.Contains(page, `value="name.read" selected`) {
		t.Error("the filter does not keep its choice")
	}
}
