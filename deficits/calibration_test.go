package deficits_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/people"
)

// A mind is a simulated teacher: an ability in each element.
type mind map[string]float64

// solves is the chance of a full answer of ability x to a task; how hard it is hangs on its version.
func solves(version int64, x float64) float64 {
	hard := 1.2 * rand.New(rand.NewPCG(uint64(version), 7)).NormFloat64()
	return 1 / (1 + math.Exp(-1.3*(x-hard)))
}

// school is teachers with abilities that go together, and who sits what with them.
type school struct {
	*region
	minds map[access.PersonID]mind
	about map[int64]string // element on which the answers to a task version hang
}

func newSchool(t *testing.T, teachers int) *school {
	s := &school{newRegion(t, teachers), map[access.PersonID]mind{}, map[int64]string{}}
	elements := []string{}
	s.must(s.pool.Select(&elements, `SELECT DISTINCT element_id FROM task_element ORDER BY 1`))
	for i, teacher := range s.teachers {
		rnd := rand.New(rand.NewPCG(uint64(i), 11))
		overall, m := rnd.NormFloat64(), mind{}
		for _, e := range elements {
			m[e] = overall + 0.7*rnd.NormFloat64()
		}
		s.minds[teacher.ID] = m
	}
	return s
}

// hold lets teachers sit a campaign, marks their work and ends the campaign; now and
// then tells that a task is solved otherwise than it was.
func (s *school) hold(campaignID int64, teachers []access.Actor, otherwise map[int64]float64) {
	s.Helper()
	for _, teacher := range teachers {
		s.tick(time.Second)
		s.sit(campaignID, teacher, uint64(campaignID)<<20+uint64(teacher.ID), func(version int64, element string) float64 {
			s.about[version] = element
			if chance, is := otherwise[version]; is {
				return chance
			}
			return solves(version, s.minds[teacher.ID][element])
		})
	}
	s.tick(time.Hour)
	s.markAll(fairly)
	s.tick(time.Minute)
	s.must(s.campaigns.Close(s.Context(), s.manager, campaignID))
}

// fit fits a campaign's model and returns what it leans on, if on anything.
func (s *school) fit(campaignID int64) (on *struct{ Model, Version, Campaign, Persons, Tasks, Of int64 }) {
	s.Helper()
	s.tick(time.Minute)
	_, err := s.deficits.FitCampaign(s.Context(), s.manager, campaignID)
	s.must(err)
	var leans string
	s.must(s.pool.Get(&leans, `SELECT COALESCE(parameters->'leans', 'null') FROM campaign_model WHERE campaign_id = $1 ORDER BY version DESC LIMIT 1`, campaignID))
	s.must(json.Unmarshal([]byte(leans), &on))
	return on
}

// figures is the square by which what is held of teachers is off the truth, and how wide its intervals are.
func (s *school) figures(campaignID int64, teachers []access.Actor) (off, width float64, all []deficits.Deficit) {
	s.Helper()
	versions := map[int64]bank.Version{}
	s.tx(func(tx *sqlx.Tx) error {
		ids := []int64{}
		if err := tx.Select(&ids, `SELECT DISTINCT t.task_version_id FROM campaign_variant c JOIN variant_task t ON t.variant_id = c.variant_id WHERE c.campaign_id = $1`, campaignID); err != nil {
			return err
		}
		list, err := bank.VersionsTx(s.Context(), tx, ids)
		versions = list
		return err
	})
	less := map[int64]float64{} // points of who does not solve it; all of them where the wrong answer happens to be right
	rows := []struct {
		Version int64   `db:"task_version_id"`
		Points  float64 `db:"points"`
	}{}
	s.must(s.pool.Select(&rows, `SELECT task_version_id, COALESCE(avg(points) FILTER (WHERE points < max_points), max(points)) AS points FROM task_score WHERE state = 'scored' GROUP BY 1`))
	for _, row := range rows {
		less[row.Version] = row.Points
	}
	for _, teacher := range teachers {
		for _, d := range s.held(campaignID, teacher) {
			points, most := 0.0, 0.0
			for id, v := range versions {
				if w := v.Elements[d.Element]; w > 0 && v.Kind != task.Likert {
					full := solves(id, s.minds[teacher.ID][s.about[id]])
					points += w * (full*v.MaxPoints + (1-full)*less[id])
					most += w * v.MaxPoints
				}
			}
			off += (d.Estimate - points/most) * (d.Estimate - points/most)
			width += d.High - d.Low
			d.ModelID, d.Model, d.RecordedAt = nil, "", time.Time{}
			all = append(all, d)
		}
	}
	n := float64(len(all))
	return off / n, width / n, all
}

// Twelve teachers answer tasks that a hundred answered before: once that diagnostic is
// published, their figures lean on it.
func TestSmallCampaignLeansOnALargeOne(t *testing.T) {
	t.Parallel()
	teachers := 136
	if testing.Short() { // one small group in place of three
		teachers = 112
	}
	s := newSchool(t, teachers)
	ctx := t.Context()
	large, few := s.campaign, s.teachers[100:112]
	s.hold(large, s.teachers[:100], nil)
	if on := s.fit(large); on != nil {
		t.Fatalf("a hundred lean on %+v", on)
	}
	s.tick(100 * 24 * time.Hour)
	groups := [][]access.Actor{few}
	if !testing.Short() {
		groups = append(groups, s.teachers[112:124], s.teachers[124:])
	}
	campaigns, n := make([]int64, len(groups)), float64(len(groups))
	var off, width, better, narrower float64
	for i, group := range groups {
		campaigns[i] = s.open(fmt.Sprintf("Математика, группа %d", i+1))
		s.hold(campaigns[i], group, nil)
		if on := s.fit(campaigns[i]); on != nil {
			t.Fatalf("leans on results that are not published: %+v", on)
		}
		o, w, _ := s.figures(campaigns[i], group)
		off, width = off+o, width+w
	}
	s.must(s.results.Publish(ctx, s.manager, large))
	for i, group := range groups {
		on := s.fit(campaigns[i])
		if on == nil || on.Campaign != large || on.Persons != 100 || on.Tasks != 28 || on.Of != 28 || on.Version != 1 {
			t.Fatalf("leans on %+v", on)
		}
		o, w, _ := s.figures(campaigns[i], group)
		better, narrower = better+o, narrower+w
	}
	t.Logf("alone: square off by %.4f, width %.4f; leaning: %.4f, %.4f", off/n, width/n, better/n, narrower/n)
	if better > 0.95*off || narrower > 0.97*width {
		t.Errorf("alone: square off by %.4f, width %.4f; leaning: %.4f, %.4f", off/n, width/n, better/n, narrower/n)
	}
	small := campaigns[0]
	_, _, held := s.figures(small, few)
	on := s.fit(small)
	if again := s.fit(small); again == nil || *again != *on {
		t.Errorf("fitted again it leans on %+v, was %+v", again, on)
	}
	if _, _, again := s.figures(small, few); !slices.EqualFunc(held, again, func(a, b deficits.Deficit) bool {
		return a.Element == b.Element && a.P == b.P && a.Estimate == b.Estimate && a.Low == b.Low && a.High == b.High && a.Shortfall == b.Shortfall
	}) {
		t.Error("fitted again the figures are others")
	}

	// Said to everybody who reads the figures.
	s.serve()
	s.must(s.results.Publish(ctx, s.manager, small))
	const said = "Трудность заданий взята с калибровки диагностики «Математика, осень 2026», 100 участников: своих ответов мало."
	analyst := actor(s.manager.ID, access.Grant{Role: access.Analyst})
	s.says(analyst, fmt.Sprintf("/campaigns/%d/model", small), said)
	if body := s.says(analyst, fmt.Sprintf("/campaigns/%d/model", large), "Проверка модели"); strings.Contains(text(body), "с калибровки") {
		t.Error("the large campaign's model seems to lean on another")
	}
	var code string
	s.must(s.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, small, few[0].ID))
	s.says(analyst, "/deficits/people/"+code, said)
	_, public := s.attempt(small, few[0])
	s.says(few[0], "/results/"+public, said)
	status, body := s.get(analyst, "/api/v1/deficits/"+code)
	var got struct {
		Leans *struct {
			Campaign, Model string
			Persons, Tasks  int
			Of              int
		} `json:"leans_on"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.Leans == nil || got.Leans.Campaign != "Математика, осень 2026" || got.Leans.Model != "two-tier/1 v1" || got.Leans.Persons != 100 || got.Leans.Tasks != 28 || got.Leans.Of != 28 {
		t.Errorf("API: %d %v %s", status, err, body)
	}

	if testing.Short() { // what comes later needs many who sit, and is for a whole run
		return
	}
	// A task that half a hundred now solve quite otherwise is named.
	s.tick(100 * 24 * time.Hour)
	later := s.open("Математика, год спустя")
	var asked []int64
	s.must(s.pool.Select(&asked, `SELECT DISTINCT w.task_version_id FROM task_score w JOIN task_version v ON v.id = w.task_version_id
		WHERE v.kind = 'numeric' ORDER BY 1`))
	at := slices.IndexFunc(asked, func(id int64) bool { return math.Abs(solves(id, 0)-0.6) < 0.25 })
	if at < 0 {
		t.Fatal("no task of middling difficulty")
	}
	s.hold(later, s.teachers[20:76], map[int64]float64{asked[at]: 0.02})
	if on := s.fit(later); on == nil || on.Campaign != large {
		t.Errorf("leans on %+v", on)
	}
	p, err := s.deficits.ModelCheck(ctx, analyst, later)
	s.must(err)
	const remark = "Ответы расходятся с параметрами из банка: задание стоит откалибровать заново."
	var changed string
	s.must(s.pool.Get(&changed, `SELECT t.code FROM task t JOIN task_version v ON v.task_id = t.id WHERE v.id = $1`, asked[at]))
	named := []string{}
	for _, row := range p.Tasks {
		if row.Remark == remark {
			named = append(named, row.Code)
		}
	}
	if !slices.Equal(named, []string{changed}) {
		t.Errorf("contradicted are %v, want %s", named, changed)
	}
	s.says(analyst, fmt.Sprintf("/campaigns/%d/model", later), said, remark)

	// Of a hundred one takes the consent back: they are no hundred any more, until it is given again.
	person := actor(s.teachers[0].ID, access.Grant{Role: access.Teacher})
	s.must(s.people.DecideConsent(ctx, person, people.ForDiagnostics, 1, people.Withdrawn))
	if on := s.fit(later); on != nil {
		t.Errorf("leans on 99: %+v", on)
	}
	s.tick(time.Minute)
	s.must(s.people.DecideConsent(ctx, person, people.ForDiagnostics, 1, people.Given))
	s.run()
	if on := s.fit(later); on == nil || on.Version != 2 {
		t.Errorf("after the consent was given again leans on %+v", on)
	}
	// A trial lends nothing, nor does a model that knows less than half of the tasks.
	owner := dbtest.Owner(t, s.pool)
	change := func(query string, args ...any) {
		t.Helper()
		_, err := owner.Exec(query, args...)
		s.must(err)
	}
	change(`UPDATE campaign SET purpose = 'trial' WHERE id = $1`, large)
	if on := s.fit(later); on != nil {
		t.Errorf("leans on a trial: %+v", on)
	}
	change(`UPDATE campaign SET purpose = 'real' WHERE id = $1`, large)
	for i, tasks := range []int64{13, 14} {
		change(`INSERT INTO campaign_model (campaign_id, version, method, parameters, persons, fitted_at)
			SELECT campaign_id, $2, method, jsonb_set(parameters, '{elements,tasks}', (SELECT jsonb_agg(t) FROM (SELECT t FROM jsonb_array_elements(parameters->'elements'->'tasks') t LIMIT $3) x)), persons, fitted_at
			FROM campaign_model WHERE campaign_id = $1 AND version = 2`, large, 3+i, tasks)
		switch on := s.fit(later); {
		case tasks < 14 && on != nil:
			t.Errorf("leans on a model that knows %d of 28 tasks: %+v", tasks, on)
		case tasks == 14 && (on == nil || on.Tasks != 14 || on.Of != 28):
			t.Errorf("leans on %+v", on)
		}
	}
	s.says(analyst, fmt.Sprintf("/campaigns/%d/model", later), "Трудность 14 из 28 заданий взята с калибровки")
	var registration int64
	s.must(s.pool.Get(&registration, `SELECT id FROM registration WHERE campaign_id = $1 AND person_id = $2`, large, s.teachers[1].ID))
	s.must(s.campaigns.Annul(ctx, s.manager, registration, "Проба"))
	if on := s.fit(later); on != nil {
		t.Errorf("leans on 99 and an annulled sitting: %+v", on)
	}
}
