package deficits_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// region is the chain from an instrument to deficits, wired as the program wires
// it: three territories, teachers of the first two, an expert in each and one of the
// centre, and a clock that the test moves.
type region struct {
	*testing.T
	pool        *sqlx.DB
	mu          sync.Mutex
	clock       time.Time
	people      *people.Service
	campaigns   *campaign.Service
	sittings    *sitting.Service
	marking     *marking.Service
	results     *results.Service
	deficits    *deficits.Service
	runner      *jobs.Runner
	manager     access.Actor
	methodist   access.Actor
	municipal   access.Actor // of the first territory
	experts     []access.Actor
	teachers    []access.Actor
	campaign    int64
	instrument  assembly.Imported
	territories []int64
	visitor     web.Visitor
	handler     http.Handler
}

func (r *region) tick(d time.Duration) { r.mu.Lock(); r.clock = r.clock.Add(d); r.mu.Unlock() }

func (r *region) now() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.clock }

func (r *region) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func actor(id access.PersonID, grants ...access.Grant) access.Actor {
	return access.Actor{ID: id, Grants: grants}
}

func newRegion(t *testing.T, teachers int) *region {
	t.Helper()
	r := &region{T: t, pool: dbtest.New(t), clock: time.Date(2026, 10, 5, 9, 0, 0, 0, calendar.Zone)}
	ctx := t.Context()
	r.people = people.New(r.pool, r.now)
	r.must(r.people.EnsureReference(ctx))
	r.campaigns = campaign.New(r.pool, r.now)
	r.sittings = sitting.New(r.pool, r.now)
	r.marking = marking.New(r.pool, r.now, r.sittings.ClosedTx)
	r.results = results.New(r.pool, r.now, r.sittings.ClosedTx)
	r.deficits = deficits.New(r.pool, r.now)
	r.runner = jobs.New(r.pool)
	r.campaigns.OnInvited(r.sittings.AssignTx)
	r.campaigns.OnClosed(r.sittings.CloseCampaignTx)
	r.campaigns.OnAnnulled(r.sittings.AnnulTx)
	r.campaigns.OnAnnulled(r.marking.WithdrawTx)
	r.campaigns.OnAnnulled(r.deficits.DropTx)
	r.people.OnConsent(r.deficits.ConsentTx)
	r.sittings.OnConsent(r.deficits.ConsentTx)
	r.sittings.OnClosed(r.marking.OpenTx)
	r.sittings.OnClosed(r.results.ClosedTx)
	r.marking.OnDone(r.results.MarkedTx)
	r.results.OnScored(r.deficits.RefreshTx)
	r.results.OnScored(r.deficits.ScoredTx)
	r.campaigns.OnClosed(r.deficits.FitWhenReadyTx)
	r.results.Link(results.Links{Estimates: r.deficits.EstimatesTx, Model: r.deficits.ModelTx, Fit: r.deficits.RequestFit})
	r.runner.Handle(deficits.FitJob, r.deficits.RunFit)
	r.runner.Handle(results.RegradeJob, r.results.RunRegrade)

	r.must(r.pool.Select(&r.territories, `SELECT id FROM territory ORDER BY id LIMIT 3`))
	organisations := []people.NewOrganisation{}
	for i, id := range r.territories {
		organisations = append(organisations, people.NewOrganisation{TerritoryID: id, Kind: "school", Name: fmt.Sprintf("Школа № %d", i+1), ShortName: fmt.Sprintf("Школа № %d", i+1)})
	}
	schools, err := r.people.AddOrganisations(ctx, access.System, organisations)
	r.must(err)
	since := calendar.Day(r.clock.AddDate(-2, 0, 0))
	at := func(school int64) []people.NewAppointment {
		return []people.NewAppointment{{OrganisationID: school, Position: "teacher", Subject: "math", StartedOn: since}}
	}
	staff := []access.Grant{{Role: access.Manager}, {Role: access.Author}, {Role: access.Reviewer}, {Role: access.Methodist}, {Role: access.MunicipalMethodist, Territory: r.territories[0]}}
	list := []people.NewPerson{}
	for _, g := range staff {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Сотрудников", Given: "Пётр"}, Grants: []access.Grant{g}})
	}
	for i := range 4 {
		p := people.NewPerson{Name: people.Name{Family: "Экспертова", Given: "Ольга"}, Grants: []access.Grant{{Role: access.Expert}}}
		if i < 3 {
			p.Appointments = at(schools[i])
			p.Appointments[0].Subject = "russian"
		}
		list = append(list, p)
	}
	for i := range teachers {
		list = append(list, people.NewPerson{Name: people.Name{Family: "Учителева", Given: "Мария"}, Appointments: at(schools[i%2]), Grants: []access.Grant{{Role: access.Teacher}}})
	}
	ids, err := r.people.AddPeople(ctx, access.System, list)
	r.must(err)
	r.manager, r.methodist, r.municipal = actor(ids[0], staff[0]), actor(ids[3], staff[3]), actor(ids[4], staff[4])
	for _, id := range ids[5:9] {
		r.experts = append(r.experts, actor(id, access.Grant{Role: access.Expert}))
	}
	for _, id := range ids[9:] {
		r.teachers = append(r.teachers, actor(id, access.Grant{Role: access.Teacher}))
	}
	file, err := os.ReadFile("../content/math-teacher.json")
	r.must(err)
	r.instrument, err = assembly.New(r.pool, r.now, bank.New(r.pool, r.now)).ImportInstrument(ctx, actor(ids[1], staff[1]), actor(ids[2], staff[2]), file)
	r.must(err)
	r.campaign = r.open("Математика, осень 2026")
	r.serve()
	return r
}

func (r *region) open(title string) int64 {
	r.Helper()
	ctx := r.Context()
	id, err := r.campaigns.Create(ctx, r.manager, campaign.NewCampaign{Title: title, InstrumentID: r.instrument.InstrumentID,
		ScaleID: r.instrument.ScaleID, OpensAt: r.now(), ClosesAt: r.now().Add(14 * 24 * time.Hour)})
	r.must(err)
	_, err = r.campaigns.Invite(ctx, r.manager, id, campaign.Choice{All: true})
	r.must(err)
	r.must(r.campaigns.Open(ctx, r.manager, id))
	return id
}

// tx runs f in a transaction of the program itself.
func (r *region) tx(f func(tx *sqlx.Tx) error) {
	r.Helper()
	r.must(db.InTx(r.Context(), r.pool, access.System, f))
}

func (r *region) attempt(campaignID int64, teacher access.Actor) (id int64, public string) {
	r.Helper()
	r.must(r.pool.QueryRowx(`SELECT id, public_id FROM attempt WHERE campaign_id = $1 AND person_id = $2`, campaignID, teacher.ID).Scan(&id, &public))
	return id, public
}

// take lets a teacher sit the whole campaign. knows tells the chance of a full answer
// by element; a negative one leaves the task without an answer.
func (r *region) take(campaignID int64, teacher access.Actor, seed uint64, knows func(element string) float64) {
	r.Helper()
	r.sit(campaignID, teacher, seed, func(_ int64, element string) float64 { return knows(element) })
}

// sit is take where tasks differ: solves tells the chance by the version of the task and its element.
func (r *region) sit(campaignID int64, teacher access.Actor, seed uint64, solves func(version int64, element string) float64) {
	r.Helper()
	ctx := r.Context()
	_, public := r.attempt(campaignID, teacher)
	rnd := rand.New(rand.NewPCG(seed, 9))
	r.must(r.sittings.Consent(ctx, teacher, public, 1))
	started, err := r.sittings.Start(ctx, teacher, public)
	r.must(err)
	byPosition, keyed := map[int]int64{}, map[int64]task.Written{}
	r.tx(func(tx *sqlx.Tx) error {
		id, _ := r.attempt(campaignID, teacher)
		manifest, err := sitting.ManifestTx(ctx, tx, id)
		if err != nil {
			return err
		}
		ids := []int64{}
		for _, m := range manifest {
			byPosition[m.Position] = m.TaskVersionID
			ids = append(ids, m.TaskVersionID)
		}
		keyed, err = bank.KeyedTx(ctx, tx, ids)
		return err
	})
	entries := []sitting.Entry{}
	for _, shown := range started.Tasks {
		w := keyed[byPosition[shown.Position]]
		chance := solves(byPosition[shown.Position], w.Elements[0].Element)
		if chance < 0 {
			continue
		}
		full := rnd.Float64() < chance
		answer := task.FullAnswer(w.Task, w.Key)
		switch {
		case w.Kind == task.Likert:
			answer = json.RawMessage(`4`)
		case w.Kind == task.Extended && full:
			answer = json.RawMessage(`"Полный ответ по всем критериям"`)
		case w.Kind == task.Extended:
			answer = json.RawMessage(`"Коротко"`)
		case !full:
			answer = wrong(w.Task)
		}
		entries = append(entries, sitting.Entry{Task: shown.ID, Revision: 1, Answer: answer})
	}
	_, err = r.sittings.Save(ctx, teacher, public, started.Lease, entries)
	r.must(err)
	_, err = r.sittings.Submit(ctx, teacher, public, started.Lease)
	r.must(err)
}

// wrong is an answer of the right shape that hardly earns a point.
func wrong(t task.Task) json.RawMessage {
	var v any
	switch t.Kind {
	case task.ShortAnswer:
		v = "не знаю"
	case task.Numeric:
		v = "-98765"
	case task.SingleChoice:
		v = t.Options[len(t.Options)-1].ID
	case task.MultipleChoice:
		v = []string{t.Options[len(t.Options)-1].ID}
	case task.Ordering:
		ids := []string{}
		for _, o := range t.Options {
			ids = append(ids, o.ID)
		}
		v = ids
	case task.Matching:
		pairs := map[string]string{}
		for _, l := range t.Left {
			pairs[l.ID] = t.Right[len(t.Right)-1].ID
		}
		v = pairs
	case task.GapChoice:
		pairs := map[string]string{}
		for _, g := range t.Gaps {
			pairs[g.ID] = g.Options[len(g.Options)-1].ID
		}
		v = pairs
	}
	b, _ := json.Marshal(v)
	return b
}

// markAll lets every expert mark what they have until nothing waits; give says how
// many points of the maximum an answer earns from the n-th expert.
func (r *region) markAll(give func(answer string, ordinal int) float64) {
	r.Helper()
	ctx := r.Context()
	for range 4 {
		for _, e := range r.experts {
			rows := []struct {
				ID      int64  `db:"id"`
				Ordinal int    `db:"ordinal"`
				Version int64  `db:"task_version_id"`
				Body    string `db:"body"`
			}{}
			r.must(r.pool.Select(&rows, `SELECT a.id, a.ordinal, w.task_version_id, n.body FROM marking_assignment a JOIN marking_work w ON w.id = a.work_id
				JOIN answer n ON n.attempt_id = w.attempt_id AND n.task = w.task WHERE a.expert_id = $1 AND a.marked_at IS NULL`, e.ID))
			for _, row := range rows {
				var keyed map[int64]task.Written
				r.tx(func(tx *sqlx.Tx) (err error) {
					keyed, err = bank.KeyedTx(ctx, tx, []int64{row.Version})
					return err
				})
				marks := marking.Marks{}
				for _, c := range keyed[row.Version].Criteria {
					marks[c.ID] = int(give(row.Body, row.Ordinal)*float64(c.Max) + 0.5)
				}
				r.must(r.marking.Mark(ctx, e, marking.NewMarks{Assignment: row.ID, Scores: marks}))
			}
		}
	}
}

func fairly(answer string, _ int) float64 {
	if strings.Contains(answer, "Полный") {
		return 1
	}
	return 0
}

// run works the queue of jobs to its end.
func (r *region) run() {
	r.Helper()
	for {
		worked, err := r.runner.RunOne(r.Context())
		r.must(err)
		if !worked {
			return
		}
	}
}

func (r *region) held(campaignID int64, teacher access.Actor) (list []deficits.Deficit) {
	r.Helper()
	r.tx(func(tx *sqlx.Tx) (err error) {
		list, err = deficits.OfPersonTx(r.Context(), tx, teacher.ID, campaignID)
		return err
	})
	return list
}

func (r *region) serve() {
	gin.SetMode(gin.TestMode)
	e := gin.New()
	e.Use(func(c *gin.Context) {
		if r.visitor.SignedIn() {
			web.As(r.visitor)(c)
		}
	})
	r.marking.Mount(e)
	r.results.Mount(e)
	r.deficits.Mount(e)
	r.handler = e
}

// get opens a page as somebody.
func (r *region) get(as access.Actor, path string) (int, string) {
	r.Helper()
	r.visitor = web.Visitor{Actor: as, Name: "Проба"}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func (r *region) post(as access.Actor, path string, form url.Values) (int, string) {
	r.Helper()
	r.visitor = web.Visitor{Actor: as, Name: "Проба"}
	w := httptest.NewRecorder()
	q := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.handler.ServeHTTP(w, q)
	return w.Code, w.Body.String()
}

// finished is a region whose campaign is over, marked and fitted: twelve teachers,
// the first weak in probability, the others from weak to strong.
func finished(t *testing.T) *region {
	t.Helper()
	r := newRegion(t, 12)
	for i, teacher := range r.teachers {
		r.tick(time.Minute)
		r.take(r.campaign, teacher, uint64(i), func(e string) float64 {
			switch {
			case i == 0 && e == "math.probability":
				return 0
			case i == 0 && e == "math.geometry":
				return 1
			case i == 0:
				return 0.4
			}
			return 0.2 + 0.06*float64(i)
		})
	}
	r.tick(time.Hour)
	r.markAll(fairly)
	r.tick(time.Minute)
	r.must(r.campaigns.Close(r.Context(), r.manager, r.campaign))
	_, err := r.deficits.RequestFit(r.Context(), r.manager, r.campaign)
	r.must(err)
	r.run()
	return r
}

func TestChainFromAnswersToDeficits(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 12)
	ctx := t.Context()
	for i, teacher := range r.teachers {
		r.take(r.campaign, teacher, uint64(i), func(e string) float64 {
			switch {
			case i == 0 && e == "math.probability":
				return 0
			case i == 0:
				return 1
			case i == 1 && e == "math.geometry":
				return -1
			}
			return 0.6
		})
	}
	// Closed: the automatic part is scored, extended answers wait, what is held is preliminary.
	first := r.held(r.campaign, r.teachers[0])
	if len(first) != 9 {
		t.Fatalf("%d elements held, want 9", len(first))
	}
	for _, d := range first {
		if !d.Preliminary || d.ModelID != nil || !(d.P >= 0 && d.P <= 1) {
			t.Errorf("%s before marking and fit: %+v", d.Element, d)
		}
	}
	if err := r.results.Publish(ctx, r.manager, r.campaign); fault.KindOf(err) != fault.Conflict {
		t.Errorf("published a campaign that is going on: %v", err)
	}
	r.tick(time.Hour)
	r.markAll(fairly)
	var open int
	r.must(r.pool.Get(&open, `SELECT count(*) FROM marking_work WHERE state <> 'done'`))
	if open != 0 {
		t.Fatalf("%d works still open", open)
	}
	r.must(r.campaigns.Close(ctx, r.manager, r.campaign))
	if err := r.results.Publish(ctx, r.manager, r.campaign); err == nil || !strings.Contains(err.Error(), "Модель") {
		t.Errorf("published without a model: %v", err)
	}
	r.tick(time.Hour)
	job, err := r.deficits.RequestFit(ctx, r.manager, r.campaign)
	r.must(err)
	r.run()
	var state string
	r.must(r.pool.Get(&state, `SELECT state FROM job WHERE id = $1`, job))
	if state != "done" {
		t.Fatalf("the fit is %s", state)
	}
	first = r.held(r.campaign, r.teachers[0])
	// Twelve persons tell little of how hard tasks are: none of five points may be a deficit or only a possible one.
	if first[0].Element != "math.probability" || first[0].Status != "deficit" && first[0].Status != "possible" || first[0].P < 0.5 || first[0].Preliminary || first[0].ModelID == nil {
		t.Errorf("most to strengthen: %+v", first[0])
	}
	for _, d := range first[1:] {
		if d.Status == "deficit" || d.Low > d.Estimate || d.High < d.Estimate {
			t.Errorf("%s of somebody who knows: %+v", d.Element, d)
		}
	}
	i := slices.IndexFunc(r.held(r.campaign, r.teachers[1]), func(d deficits.Deficit) bool { return d.Element == "math.geometry" })
	if d := r.held(r.campaign, r.teachers[1])[i]; d.Status != "insufficient" || d.Tasks != 0 || d.Severity != "none" {
		t.Errorf("an element nothing of which was answered: %+v", d)
	}
	// What was held before stays, with the time at which it was replaced.
	var replaced, current int
	r.must(r.pool.Get(&replaced, `SELECT count(*) FROM deficit WHERE person_id = $1 AND replaced_at IS NOT NULL`, r.teachers[0].ID))
	r.must(r.pool.Get(&current, `SELECT count(*) FROM deficit WHERE person_id = $1 AND replaced_at IS NULL`, r.teachers[0].ID))
	if current != 9 || replaced != 18 { // closed, marked, fitted
		t.Errorf("%d held, %d replaced", current, replaced)
	}
	var kinds []string
	r.must(r.pool.Select(&kinds, `SELECT DISTINCT source_kind FROM evidence WHERE person_id = $1 ORDER BY 1`, r.teachers[0].ID))
	if !slices.Equal(kinds, []string{"diagnostics", "self_assessment"}) {
		t.Errorf("evidence of kinds %v", kinds)
	}
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	if err := r.results.Publish(ctx, r.manager, r.campaign); fault.KindOf(err) != fault.Conflict {
		t.Errorf("published twice: %v", err)
	}

	// A second diagnostic of the same elements ends the valid time of the first.
	r.tick(200 * 24 * time.Hour)
	again := r.open("Математика, весна 2027")
	r.take(again, r.teachers[0], 77, func(string) float64 { return 1 })
	old, fresh := r.held(r.campaign, r.teachers[0]), r.held(again, r.teachers[0])
	if len(old) != 9 || len(fresh) != 9 {
		t.Fatalf("%d and %d elements", len(old), len(fresh))
	}
	for _, d := range old {
		if d.ValidTo == nil || !d.ValidTo.Equal(fresh[0].ValidFrom) {
			t.Errorf("%s of the first diagnostic is valid to %v, want %v", d.Element, d.ValidTo, fresh[0].ValidFrom)
		}
	}
	// Annulled, the first one holds again.
	var registration int64
	r.must(r.pool.Get(&registration, `SELECT id FROM registration WHERE campaign_id = $1 AND person_id = $2`, again, r.teachers[0].ID))
	r.must(r.campaigns.Annul(ctx, r.manager, registration, "Проба"))
	if left := r.held(again, r.teachers[0]); len(left) != 0 {
		t.Errorf("an annulled sitting still holds %d elements", len(left))
	}
	for _, d := range r.held(r.campaign, r.teachers[0]) {
		if d.ValidTo != nil {
			t.Errorf("%s does not hold again", d.Element)
		}
	}

	r.tick(time.Hour)
	// Who takes the consent back is in no list, figure or model; who gives it again is.
	person := access.Actor{ID: r.teachers[0].ID, Grants: []access.Grant{{Role: access.Teacher}}}
	r.must(r.people.DecideConsent(ctx, person, people.ForDiagnostics, 1, people.Withdrawn))
	if left := r.held(r.campaign, r.teachers[0]); len(left) != 0 {
		t.Errorf("after the consent was withdrawn %d elements are held", len(left))
	}
	var code string
	r.must(r.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, r.campaign, r.teachers[0].ID))
	if _, err := r.deficits.Profile(ctx, r.manager, code); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a profile after the consent was withdrawn: %v", err)
	}
	if _, err := r.deficits.FitCampaign(ctx, r.manager, r.campaign); err != nil {
		t.Fatal(err)
	}
	if left := r.held(r.campaign, r.teachers[0]); len(left) != 0 {
		t.Errorf("a fit after the consent was withdrawn brought %d elements back", len(left))
	}
	// Refusing another diagnostic gives nothing back.
	third := r.open("Математика, осень 2027")
	var attempt string
	r.must(r.pool.Get(&attempt, `SELECT a.public_id FROM attempt a JOIN registration g ON g.id = a.registration_id WHERE g.campaign_id = $1 AND g.person_id = $2`, third, r.teachers[0].ID))
	r.must(r.sittings.Refuse(ctx, person, attempt))
	if _, err := r.deficits.FitCampaign(ctx, r.manager, r.campaign); err != nil {
		t.Fatal(err)
	}
	if left := r.held(r.campaign, r.teachers[0]); len(left) != 0 {
		t.Errorf("a refusal after the withdrawal brought %d elements back", len(left))
	}
	r.must(r.sittings.Consent(ctx, person, attempt, 1))
	r.run()
	if back := r.held(r.campaign, r.teachers[0]); len(back) != 9 {
		t.Errorf("given again, %d elements are held", len(back))
	}
}
