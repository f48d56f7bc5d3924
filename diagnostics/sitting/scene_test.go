package sitting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// keyMark is planted in every secret of the tasks: no participant may ever see it.
const keyMark = "KLYUCH-MARKER"

// shownTasks are one task of each kind as the bank stores what is shown.
var shownTasks = []string{
	`{"kind":"single_choice","body_html":"<p>Сколько корней?</p>","options":[{"id":"a","html":"Один"},{"id":"b","html":"Два"},{"id":"c","html":"Три"}]}`,
	`{"kind":"multiple_choice","body_html":"<p>Какие числа простые?</p>","options":[{"id":"a","html":"2"},{"id":"b","html":"4"},{"id":"c","html":"5"}]}`,
	`{"kind":"matching","body_html":"<p>Запись и причина</p>","left":[{"id":"l1","html":"первая"},{"id":"l2","html":"вторая"}],"right":[{"id":"r1","html":"причина 1"},{"id":"r2","html":"причина 2"},{"id":"r3","html":"причина 3"}]}`,
	`{"kind":"ordering","body_html":"<p>По порядку</p>","options":[{"id":"a","html":"сначала"},{"id":"b","html":"потом"},{"id":"c","html":"в конце"}]}`,
	`{"kind":"short_answer","body_html":"<p>Слово</p>","max_length":40}`,
	`{"kind":"numeric","body_html":"<p>Число</p>","unit":"см"}`,
	`{"kind":"gap_choice","body_html":"<p>Корень из двух [[g1]] двух, а [[g2]]</p>","gaps":[{"id":"g1","options":[{"id":"a","html":"меньше"},{"id":"b","html":"больше"}]},{"id":"g2","options":[{"id":"a","html":"да"},{"id":"b","html":"нет"}]}]}`,
	`{"kind":"extended","body_html":"<p>Разберите ошибку</p>","max_length":3000}`,
	`{"kind":"likert","body_html":"<p>Насколько уверенно вы…</p>"}`,
}

// goodAnswers fit shownTasks, in order.
var goodAnswers = []string{`"b"`, `["a","c"]`, `{"l1":"r1","l2":"r3"}`, `["c","a","b"]`, `"дискриминант"`, `"3,14"`, `{"g1":"a","g2":"b"}`, `"Ученик потерял корень <x> & «ноль»"`, `4`}

// scene is a campaign with teachers in two schools, and a clock that the test moves.
type scene struct {
	*testing.T
	pool      *sqlx.DB
	mu        sync.Mutex
	clock     time.Time
	people    *people.Service
	campaigns *campaign.Service
	*Service
	manager   access.Actor
	campaign  int64
	teachers  []access.Actor
	attempts  []string // public ids, by teacher
	territory int64
	schools   []int64
	handler   http.Handler
	visitor   web.Visitor
}

func (s *scene) tick(d time.Duration) { s.mu.Lock(); s.clock = s.clock.Add(d); s.mu.Unlock() }

func (s *scene) time() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.clock }

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) id(query string, args ...any) int64 {
	s.Helper()
	var id int64
	if err := s.pool.Get(&id, query, args...); err != nil {
		s.Fatalf("%s: %v", query, err)
	}
	return id
}

// newScene opens a campaign of nine tasks and 60 minutes with n invited teachers.
func newScene(t *testing.T, n int) *scene {
	t.Helper()
	s := &scene{T: t, pool: dbtest.New(t), clock: time.Now().Truncate(time.Microsecond)}
	ctx := t.Context()
	s.people = people.New(s.pool, s.time)
	s.must(s.people.EnsureReference(ctx))
	s.campaigns = campaign.New(s.pool, s.time)
	s.Service = New(s.pool, s.time)
	s.campaigns.OnInvited(s.AssignTx)
	s.campaigns.OnRetimed(s.RetimeTx)
	s.campaigns.OnAnnulled(s.AnnulTx)
	s.campaigns.OnClosed(s.CloseCampaignTx)

	s.territory = s.id(`SELECT min(id) FROM territory`)
	var err error
	s.schools, err = s.people.AddOrganisations(ctx, access.System, []people.NewOrganisation{
		{TerritoryID: s.territory, Kind: "school", Name: "Школа № 1", ShortName: "Школа № 1"},
		{TerritoryID: s.territory, Kind: "school", Name: "Школа № 2", ShortName: "Школа № 2"},
	})
	s.must(err)
	since := calendar.Day(s.clock.AddDate(-1, 0, 0))
	list := []people.NewPerson{{Name: people.Name{Family: "Главная", Given: "Анна"}, Login: "manager", PasswordHash: "x", Grants: []access.Grant{{Role: access.Manager}}}}
	for i := range n {
		list = append(list, people.NewPerson{Name: people.Name{Family: fmt.Sprintf("Учитель%s", strings.Repeat("а", i%5+1)), Given: "Мария"},
			Appointments: []people.NewAppointment{{OrganisationID: s.schools[i%2], Position: "teacher", Subject: "math", StartedOn: since}},
			Grants:       []access.Grant{{Role: access.Teacher}}})
	}
	ids, err := s.people.AddPeople(ctx, access.System, list)
	s.must(err)
	s.manager = access.Actor{ID: ids[0], Grants: []access.Grant{{Role: access.Manager}}}
	for _, id := range ids[1:] {
		s.teachers = append(s.teachers, access.Actor{ID: id, Grants: []access.Grant{{Role: access.Teacher}}})
	}

	instrument, specification, scale := s.instrument()
	s.campaign, err = s.campaigns.Create(ctx, s.manager, campaign.NewCampaign{Title: "Математика, осень", InstrumentID: instrument, SpecificationID: specification,
		ScaleID: scale, OpensAt: s.clock.Add(-time.Hour), ClosesAt: s.clock.Add(48 * time.Hour), Minutes: 60})
	s.must(err)
	invited, err := s.campaigns.Invite(ctx, s.manager, s.campaign, campaign.Choice{All: true})
	s.must(err)
	if invited != n {
		t.Fatalf("invited %d, want %d", invited, n)
	}
	s.must(s.campaigns.Open(ctx, s.manager, s.campaign))
	for _, teacher := range s.teachers {
		var id string
		s.must(s.pool.Get(&id, `SELECT public_id FROM attempt WHERE person_id = $1`, teacher.ID))
		s.attempts = append(s.attempts, id)
	}
	s.serve()
	return s
}

// instrument makes what stands upstream of a campaign, by INSERT.
func (s *scene) instrument() (instrument, specification, scale int64) {
	codifier := s.id(`INSERT INTO codifier (code, edition, title, subject_code, valid_from) VALUES ('m', '1', 'Математика', 'math', '2020-01-01') RETURNING id`)
	instrument = s.id(`INSERT INTO instrument (code, title, about, position_code, subject_code, codifier_id, created_at)
		VALUES ('math-teacher', 'Учитель математики', 'Что измеряем', 'teacher', 'math', $1, now()) RETURNING id`, codifier)
	specification = s.id(`INSERT INTO specification (instrument_id, version, minutes, created_by, created_at) VALUES ($1, 1, 60, 0, now()) RETURNING id`, instrument)
	variant := s.id(`INSERT INTO variant (specification_id, number, created_by, created_at) VALUES ($1, 1, 0, now()) RETURNING id`, specification)
	for i, shown := range shownTasks {
		var head struct {
			Kind string `json:"kind"`
		}
		s.must(json.Unmarshal([]byte(shown), &head))
		part, points := "subject", 1
		switch {
		case head.Kind == "likert":
			part, points = "self", 0
		case i > 4:
			part = "methodical"
		}
		id := s.id(`INSERT INTO task (code, subject_code, author_id, created_at) VALUES ($1, 'math', 0, now()) RETURNING id`, fmt.Sprintf("math-%02d", i+1))
		version := s.id(`INSERT INTO task_version (task_id, version, kind, part, level, codifier_id, max_points, source, shown, created_by, created_at)
			VALUES ($1, 1, $2, $3, 'basic', $4, $5, $7, $6, 0, now()) RETURNING id`, id, head.Kind, part, codifier, points, shown, `{"note":"`+keyMark+`-source"}`)
		s.pool.MustExec(`INSERT INTO task_key (task_version_id, scoring, key, rubric, solution) VALUES ($1, 'exact', $2, $3, $4)`,
			version, `"`+keyMark+`"`, `{"criteria":"`+keyMark+`"}`, keyMark)
		s.pool.MustExec(`INSERT INTO variant_task (variant_id, position, task_version_id) VALUES ($1, $2, $3)`, variant, i+1, version)
	}
	scale = s.id(`INSERT INTO scale (code, version, title, definition, valid_from) VALUES ('share-test', 1, 'Доли', '{"cut":0.6,"bands":[0.4,0.6,0.8],"sure":[0.2,0.8],"min_tasks":2}', '2020-01-01') RETURNING id`)
	return instrument, specification, scale
}

// serve mounts the routes; each request acts for s.visitor as it is at that moment.
func (s *scene) serve() {
	gin.SetMode(gin.TestMode)
	e := gin.New()
	e.Use(func(c *gin.Context) {
		if v := s.visitor; v.SignedIn() {
			web.As(v)(c)
		}
	})
	s.Mount(e)
	s.campaigns.Mount(e)
	s.handler = e
}

// as makes the next requests act for a person.
func (s *scene) as(a access.Actor) { s.visitor = web.Visitor{Actor: a, Name: "Проба"} }

type response struct {
	status int
	body   string
	header http.Header
}

func (s *scene) call(method, path, body string, headers ...string) response {
	s.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Body)
	if bytes.Contains(b, []byte(keyMark)) {
		s.Errorf("%s %s shows a planted key", method, path)
	}
	return response{w.Code, string(b), w.Header()}
}

// json calls the API and decodes the answer, which must have the wanted status.
func (s *scene) json(want int, method, path, body string) map[string]any {
	s.Helper()
	r := s.call(method, path, body, "Content-Type", "application/json")
	if r.status != want {
		s.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, r.status, want, r.body)
	}
	kind := r.header.Get("Content-Type")
	if want >= 400 && !strings.HasPrefix(kind, "application/problem+json") {
		s.Errorf("%s %s: a refusal of type %q", method, path, kind)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		s.Fatalf("%s %s: %v in %s", method, path, err, r.body)
	}
	return v
}

// begin consents and starts the i-th teacher's attempt, and acts for them from then on.
func (s *scene) begin(i int) (path, lease string) {
	s.Helper()
	s.as(s.teachers[i])
	path = "/api/v1/attempts/" + s.attempts[i]
	s.json(200, "POST", path+"/consent", `{"version":1}`)
	return path, s.json(200, "POST", path+"/start", `{}`)["lease"].(string)
}

func put(lease string, revision int, answer string) string {
	return fmt.Sprintf(`{"lease":%q,"revision":%d,"answer":%s}`, lease, revision, answer)
}
