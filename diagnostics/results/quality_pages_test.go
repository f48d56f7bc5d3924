package results_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// school is a campaign of the mathematics instrument whose teachers sit it for real;
// long answers stay empty, so that nothing waits for experts.
type school struct {
	*testing.T
	pool     *sqlx.DB
	mu       sync.Mutex
	clock    time.Time
	results  *results.Service
	sittings *sitting.Service
	runner   *jobs.Runner
	handler  http.Handler
	visitor  web.Visitor
	campaign int64
	teachers []access.Actor

	manager, analyst, methodist, author, other access.Actor
}

func (s *school) now() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.clock }

func (s *school) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func newSchool(t *testing.T, teachers int) *school {
	t.Helper()
	ctx := t.Context()
	s := &school{T: t, pool: dbtest.New(t), clock: time.Date(2026, 10, 5, 9, 0, 0, 0, calendar.Zone)}
	registry := people.New(s.pool, s.now)
	s.must(registry.EnsureReference(ctx))
	tasks := bank.New(s.pool, s.now)
	campaigns := campaign.New(s.pool, s.now)
	s.sittings = sitting.New(s.pool, s.now)
	s.results = results.New(s.pool, s.now, s.sittings.ClosedTx)
	s.runner = jobs.New(s.pool)
	campaigns.OnInvited(s.sittings.AssignTx)
	s.sittings.OnClosed(s.results.ClosedTx)
	held := deficits.New(s.pool, s.now)
	s.results.OnScored(held.RefreshTx)
	s.results.Link(results.Links{Estimates: held.EstimatesTx, Model: held.ModelTx})
	s.runner.Handle(results.StatisticsJob, s.results.RunStatistics)
	tasks.Link(bank.Links{Qualities: s.results.QualitiesTx, Statistics: s.results.TaskStatisticsTx})

	var territory int64
	s.must(s.pool.Get(&territory, `SELECT min(id) FROM territory`))
	schools, err := registry.AddOrganisations(ctx, access.System, []people.NewOrganisation{{TerritoryID: territory, Kind: "school", Name: "Школа № 1", ShortName: "Школа № 1"}})
	s.must(err)
	roles := []access.Role{access.Manager, access.Analyst, access.Methodist, access.Author, access.Author, access.Reviewer}
	list := []people.NewPerson{}
	for _, r := range roles {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Сотрудников", Given: "Пётр"}, Grants: []access.Grant{{Role: r}}})
	}
	for range teachers {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Учителева", Given: "Мария"}, Grants: []access.Grant{{Role: access.Teacher}},
			Appointments: []people.NewAppointment{{OrganisationID: schools[0], Position: "teacher", Subject: "math", StartedOn: calendar.Day(s.clock.AddDate(-2, 0, 0))}}})
	}
	ids, err := registry.AddPeople(ctx, access.System, list)
	s.must(err)
	as := func(i int) access.Actor {
		return access.Actor{ID: ids[i], Grants: []access.Grant{{Role: roles[i]}}}
	}
	s.manager, s.analyst, s.methodist, s.author, s.other = as(0), as(1), as(2), as(3), as(4)
	for _, id := range ids[len(roles):] {
		s.teachers = append(s.teachers, access.Actor{ID: id, Grants: []access.Grant{{Role: access.Teacher}}})
	}
	file, err := os.ReadFile("../../content/math-teacher.json")
	s.must(err)
	instrument, err := assembly.New(s.pool, s.now, tasks).ImportInstrument(ctx, s.author, as(5), file)
	s.must(err)
	s.campaign, err = campaigns.Create(ctx, s.manager, campaign.NewCampaign{Title: "Математика, осень", Purpose: campaign.Real, InstrumentID: instrument.InstrumentID, ScaleID: instrument.ScaleID,
		OpensAt: s.clock, ClosesAt: s.clock.Add(14 * 24 * time.Hour)})
	s.must(err)
	_, err = campaigns.Invite(ctx, s.manager, s.campaign, campaign.Choice{All: true})
	s.must(err)
	s.must(campaigns.Open(ctx, s.manager, s.campaign))
	gin.SetMode(gin.TestMode)
	e := gin.New()
	e.Use(func(c *gin.Context) { web.As(s.visitor)(c) })
	s.results.Mount(e)
	tasks.Mount(e)
	s.handler = e
	return s
}

// take lets a teacher of some ability sit the campaign: a task is done with the
// probability that the ability gives, or answered with its last options.
func (s *school) take(i int, theta float64) {
	s.Helper()
	ctx, teacher := s.Context(), s.teachers[i]
	var public string
	s.must(s.pool.Get(&public, `SELECT public_id FROM attempt WHERE campaign_id = $1 AND person_id = $2`, s.campaign, teacher.ID))
	r := rand.New(rand.NewPCG(uint64(i), 3))
	s.must(s.sittings.Consent(ctx, teacher, public, 1))
	started, err := s.sittings.Start(ctx, teacher, public)
	s.must(err)
	entries := []sitting.Entry{}
	s.must(db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		var attempt int64
		if err := tx.Get(&attempt, `SELECT id FROM attempt WHERE public_id = $1`, public); err != nil {
			return err
		}
		manifest, err := sitting.ManifestTx(ctx, tx, attempt)
		if err != nil {
			return err
		}
		ids := make([]int64, len(manifest))
		at := map[int]int64{}
		for j, m := range manifest {
			ids[j], at[m.Position] = m.TaskVersionID, m.TaskVersionID
		}
		keyed, err := bank.KeyedTx(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, shown := range started.Tasks {
			w := keyed[at[shown.Position]]
			answer := task.FullAnswer(w.Task, w.Key)
			right := r.Float64() < 1/(1+math.Exp(-1.5*(theta-float64(shown.Position%7)/3+1)))
			switch {
			case w.Kind == task.Extended:
				continue
			case w.Kind == task.Likert:
				answer = json.RawMessage(`4`)
			case !right && w.Kind == task.SingleChoice:
				answer, _ = json.Marshal(w.Options[r.IntN(len(w.Options))].ID)
			case !right && w.Kind == task.Numeric:
				answer = json.RawMessage(`"-98765"`)
			case !right:
				continue
			}
			entries = append(entries, sitting.Entry{Task: shown.ID, Revision: 1, Answer: answer})
		}
		return nil
	}))
	_, err = s.sittings.Save(ctx, teacher, public, started.Lease, entries)
	s.must(err)
	_, err = s.sittings.Submit(ctx, teacher, public, started.Lease)
	s.must(err)
}

func (s *school) do(as access.Actor, method, path string) *httptest.ResponseRecorder {
	s.Helper()
	s.visitor = web.Visitor{Actor: as, Name: "Проба"}
	w := httptest.NewRecorder()
	q := httptest.NewRequest(method, path, strings.NewReader(url.Values{}.Encode()))
	if method == "POST" {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	s.handler.ServeHTTP(w, q)
	return w
}

func (s *school) page(as access.Actor, path string, want int) string {
	s.Helper()
	w := s.do(as, "GET", path)
	if w.Code != want {
		s.Fatalf("%s: %d, want %d\n%s", path, w.Code, want, w.Body)
	}
	return strings.ReplaceAll(w.Body.String(), "\u00a0", " ")
}

func (s *school) run() {
	s.Helper()
	for {
		worked, err := s.runner.RunOne(s.Context())
		s.must(err)
		if !worked {
			return
		}
	}
}

func (s *school) has(page string, words ...string) {
	s.Helper()
	for _, w := range words {
		if !strings.Contains(page, w) {
			s.Errorf("the page does not say %q", w)
		}
	}
}

func TestQualityOfACampaign(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 44)
	path := fmt.Sprintf("/campaigns/%d/quality", s.campaign)

	// Ten works: nothing is computed, and the page says why.
	for i := range 10 {
		s.take(i, float64(i%5)-2)
	}
	s.has(s.page(s.analyst, path, 200), "Работу закончили 10", "хотя бы 30")
	if w := s.do(s.analyst, "POST", path); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Рассчитать пока нельзя") {
		t.Errorf("ten works: %d", w.Code)
	}
	s.page(s.analyst, path+".xlsx", 404)

	for i := 10; i < 40; i++ {
		s.take(i, 4*rand.New(rand.NewPCG(uint64(i), 1)).Float64()-2)
	}
	s.has(s.page(s.manager, path, 200), "Статистика ещё не рассчитана", "<button class=\"btn\">Рассчитать</button>")
	live := s.reliability()
	for _, who := range []access.Actor{s.methodist, s.author, s.teachers[0]} {
		s.page(who, path, 404)
		if w := s.do(who, "POST", path); w.Code != 404 {
			t.Errorf("a stranger computes: %d", w.Code)
		}
	}
	if w := s.do(s.analyst, "POST", path); w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "/jobs/") {
		t.Fatalf("asked to compute: %d %s", w.Code, w.Body)
	}
	s.run()
	page := s.page(s.analyst, path, 200)
	s.has(page, "по 40 работам", "Надёжность (альфа)", "люди и задания", "где точнее", "Равные ли условия", "Не сравниваем", "для своей у каждого задания данных мало")
	if strings.Contains(page, "NaN") || strings.Contains(page, "ещё раз</button>") {
		t.Error("NaN on the page, or it calls fresh figures stale")
	}
	// Nobody answered the long tasks: that is said, and asks for a look.
	s.has(page, "все набрали поровну", "часто пропускают: 100 %")
	if only := s.page(s.analyst, path+"?look=true&sort=-p", 200); strings.Count(only, "<tr>") >= strings.Count(page, "<tr>") {
		t.Error("the narrowed table is as long as the whole")
	}

	var looks int
	s.must(s.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'key.read' AND object_kind = 'campaign'`))
	if looks < 2 {
		t.Errorf("%d looks at keys in the journal", looks)
	}

	t.Run("workbook", func(t *testing.T) {
		f, err := excelize.OpenReader(bytes.NewReader(s.do(s.analyst, "GET", path+".xlsx").Body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows := func(name string) [][]string {
			list, err := f.GetRows(name, excelize.Options{RawCellValue: true})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		if n := len(rows("Задания")); n != 29 {
			t.Errorf("%d rows of tasks, want 28 and the header", n)
		}
		if n := len(rows("Варианты ответов")); n < 40 {
			t.Errorf("%d rows of options", n)
		}
		if list := rows("Надёжность"); len(list) != 3 || list[1][0] != "Предметная часть" || list[1][3] != "40" {
			t.Errorf("%v", list)
		}
		if n := len(rows("Определения")); n < 15 {
			t.Errorf("%d definitions", n)
		}
	})

	t.Run("bank", func(t *testing.T) {
		list := s.page(s.analyst, "/tasks?look=true", 200)
		s.has(list, "внимание", "все набрали поровну")
		if all := s.page(s.analyst, "/tasks?sort=p", 200); !strings.Contains(all, "Доля баллов ↑") || strings.Count(all, "<tr>") <= strings.Count(list, "<tr>") {
			t.Error("the list is not sorted, or the filter leaves everything")
		}
		var id int64
		s.must(s.pool.Get(&id, `SELECT t.task_id FROM task_version t WHERE t.kind = 'single_choice' ORDER BY id LIMIT 1`))
		task := fmt.Sprintf("/tasks/%d", id)
		s.has(s.page(s.analyst, task, 200), "Что показала статистика", "Математика, осень", "Слабая треть", `<span class="tag tag-good">верно</span>`, "Кривая числами")
		// Who chose what tells the key: another author sees the figures without it.
		link := fmt.Sprintf(`href="%s"`, path)
		s.has(s.page(s.analyst, task, 200), link)
		if author := s.page(s.author, task, 200); strings.Contains(author, link) || !strings.Contains(author, "Слабая треть") {
			t.Error("the author is led where authors may not go, or does not see the options of an own task")
		}
		other := s.page(s.other, task, 200)
		s.has(other, "Что показала статистика", "по этим цифрам виден ключ")
		if strings.Contains(other, "Слабая треть</th>") || strings.Contains(other, ">верно<") {
			t.Error("another author sees the key through the statistics")
		}
	})

	t.Run("report", func(t *testing.T) {
		var public string
		s.must(s.pool.Get(&public, `SELECT public_id FROM attempt WHERE person_id = $1`, s.teachers[3].ID))
		report, _, err := s.results.Read(s.Context(), s.manager, public)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Parts) != 2 {
			t.Fatalf("%d parts", len(report.Parts))
		}
		for _, p := range report.Parts {
			if p.Sure == nil || p.Sure.Half <= 0 || p.Sure.Low > p.Sure.Share || p.Sure.High < p.Sure.Share || p.Sure.Works != 40 {
				t.Errorf("%s: %+v", p.Title, p.Sure)
			}
		}
		s.has(s.page(s.manager, "/results/"+public, 200), "точность ±", "больше — лучше", "Как мы считали точность", "альфа Кронбаха")
		s.has(s.page(s.manager, fmt.Sprintf("/campaigns/%d/results", s.campaign), 200), "Надёжность 0,", "с вероятностью 95 %", "Качество диагностики")
	})

	// The figure before statistics were made, of the points alone, is the one they kept.
	if kept := s.reliability(); live == nil || kept == nil || *live != *kept {
		t.Errorf("reliability of the points %v, kept %v", live, kept)
	}

	// The same works again: no new version. Another work: the page says so, then a second version.
	s.do(s.analyst, "POST", path)
	s.run()
	if n := s.versions(); n != 1 {
		t.Errorf("%d versions of the same works", n)
	}
	s.take(40, 1)
	s.has(s.page(s.analyst, path, 200), "сейчас закончили 41", "Рассчитать ещё раз")
	s.do(s.analyst, "POST", path)
	s.run()
	if n := s.versions(); n != 2 {
		t.Errorf("%d versions after another work", n)
	}
	s.must(db.InTx(s.Context(), s.pool, access.System, func(tx *sqlx.Tx) error {
		broken, checked, err := s.results.VerifyStatistics(s.Context(), tx)
		if err != nil || len(broken) > 0 || checked != 2 {
			t.Errorf("made again: %v, %d, %v", broken, checked, err)
		}
		return nil
	}))
	for _, statement := range []string{`UPDATE task_statistic SET p = 0.5`, `DELETE FROM campaign_statistic`, `UPDATE campaign_statistic SET works = 1`} {
		if _, err := s.pool.Exec(statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func (s *school) versions() (n int) {
	s.Helper()
	s.must(s.pool.Get(&n, `SELECT count(*) FROM campaign_statistic WHERE campaign_id = $1`, s.campaign))
	return n
}

func (s *school) reliability() (alpha *float64) {
	s.Helper()
	s.must(db.InTx(s.Context(), s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		alpha, _, err = results.ReliabilityTx(s.Context(), tx, s.campaign)
		return err
	}))
	return alpha
}
