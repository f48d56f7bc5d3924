// Package reportstest makes a small region with results by plain INSERTs, for
// tests of those who only read: reports and memos.
package reportstest

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/db"
)

// Region is what the region is made of.
type Region struct {
	Campaign     int64            // the real one
	Rehearsal    int64            // counts in no figure
	Territories  map[string]int64 // Волховский 25, Киришский 12, Лужский 20, Подпорожский 3 participants
	Analyst      int64            // persons that are nobody's participants
	Methodist    int64
	Schools      []int64
	Elements     []string
	Participants int
}

// Now is the day of the tests.
var Now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// sizes are participants by territory; one more is invited to each and does not come.
var sizes = []struct {
	name string
	n    int
}{{"Волховский", 25}, {"Киришский", 12}, {"Лужский", 20}, {"Подпорожский", 3}}

// elements with the mean share of the region.
var elements = []struct {
	id, title, part string
	mean            float64
}{
	{"math.numbers", "Числа и вычисления", "subject", 0.82},
	{"math.probability", "Вероятность и статистика", "subject", 0.48},
	{"math.stereo", "Стереометрия", "subject", 0.60},
	{"method.goals", "Цели и план урока", "methodical", 0.74},
	{"method.errors", "Разбор ошибок ученика", "methodical", 0.40},
}

type maker struct {
	t    testing.TB
	pool *sqlx.DB
}

func (m maker) exec(query string, args ...any) {
	m.t.Helper()
	if _, err := m.pool.Exec(query, args...); err != nil {
		m.t.Fatalf("%v in %s", err, query)
	}
}

func (m maker) id(query string, args ...any) (id int64) {
	m.t.Helper()
	if err := m.pool.Get(&id, query, args...); err != nil {
		m.t.Fatalf("%v in %s", err, query)
	}
	return id
}

// New fills an empty database.
func New(t testing.TB, pool *sqlx.DB) Region {
	t.Helper()
	m := maker{t, pool}
	r := Region{Territories: map[string]int64{}}
	m.exec(`INSERT INTO position (code, name, rank) VALUES ('teacher', 'Учитель', 1) ON CONFLICT DO NOTHING`)
	m.exec(`INSERT INTO subject (code, name, rank) VALUES ('math', 'Математика', 1) ON CONFLICT DO NOTHING`)
	m.exec(`INSERT INTO qualification_category (code, name, rank) VALUES ('none', 'нет', 0), ('first', 'первая', 2), ('highest', 'высшая', 3) ON CONFLICT DO NOTHING`)
	m.exec(`INSERT INTO experience_band (code, name, years_from, years_to) VALUES ('0-3', 'до 3 лет', 0, 3), ('10-15', '10–15 лет', 10, 15), ('20+', 'больше 20 лет', 20, NULL) ON CONFLICT DO NOTHING`)
	m.exec(`INSERT INTO competency_area (code, name, rank) VALUES ('subject', 'Предметные', 1), ('methodical', 'Методические', 2) ON CONFLICT DO NOTHING`)
	r.Analyst, r.Methodist = m.person(), m.person()

	codifier := m.id(`INSERT INTO codifier (code, edition, title, subject_code, valid_from) VALUES ('test-math', '2026', 'Математика', 'math', '2026-01-01') RETURNING id`)
	scale := m.id(`INSERT INTO scale (code, version, title, definition, valid_from) VALUES ('test', 1, 'Шкала центра', '{"cut":0.6,"bands":[0.4,0.6,0.8],"sure":[0.2,0.8],"min_tasks":2,"rule":"shrunk"}', '2026-01-01') RETURNING id`)
	instrument := m.id(`INSERT INTO instrument (code, title, about, position_code, subject_code, codifier_id, created_at) VALUES ('test-math', 'Учитель математики', 'Две части.', 'teacher', 'math', $1, $2) RETURNING id`, codifier, Now)
	specification := m.id(`INSERT INTO specification (instrument_id, version, minutes, created_by, created_at) VALUES ($1, 1, 150, $2, $3) RETURNING id`, instrument, r.Analyst, Now)
	variant := m.id(`INSERT INTO variant (specification_id, number, created_by, created_at) VALUES ($1, 1, $2, $3) RETURNING id`, specification, r.Analyst, Now)
	tasks := []int64{}
	for i, e := range elements {
		r.Elements = append(r.Elements, e.id)
		m.exec(`INSERT INTO element (id) VALUES ($1) ON CONFLICT DO NOTHING`, e.id)
		m.exec(`INSERT INTO codifier_element (codifier_id, element_id, number, title, short_title, part, area_code, rank) VALUES ($1, $2, $3, $4, $4, $5, $5, $6)`,
			codifier, e.id, fmt.Sprint(i+1), e.title, e.part, i)
		for k := range 2 {
			task := m.id(`INSERT INTO task (code, author_id, created_at) VALUES ($1, $2, $3) RETURNING id`, fmt.Sprintf("%s-%d", e.id, k), r.Analyst, Now)
			version := m.id(`INSERT INTO task_version (task_id, version, kind, part, level, codifier_id, max_points, source, shown, created_by, created_at)
				VALUES ($1, 1, 'single_choice', $2, 'basic', $3, 2, '{}', '{}', $4, $5) RETURNING id`, task, e.part, codifier, r.Analyst, Now)
			m.exec(`INSERT INTO task_review (task_version_id, reviewer_id, verdict, at) VALUES ($1, $2, 'approved', $3)`, version, r.Methodist, Now)
			m.exec(`INSERT INTO specification_row (specification_id, position, part, element_id) VALUES ($1, $2, $3, $4)`, specification, 2*i+k+1, e.part, e.id)
			tasks = append(tasks, version)
		}
	}
	campaign := `INSERT INTO campaign (code, title, purpose, instrument_id, specification_id, scale_id, opens_at, closes_at, minutes, state, published_at, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 150, 'closed', $8, $9, $7) RETURNING id`
	r.Campaign = m.id(campaign, "МА26", "Математика, осень 2026", "real", instrument, specification, scale, Now.AddDate(0, -1, 0), Now.AddDate(0, 0, -7), r.Analyst)
	r.Rehearsal = m.id(campaign, "РЕ26", "Репетиция", "rehearsal", instrument, specification, scale, Now.AddDate(0, -2, 0), Now.AddDate(0, -1, -7), r.Analyst)

	people, serial := []participant{}, 0
	for _, s := range sizes {
		territory := m.id(`INSERT INTO territory (code, name, short_name, kind) VALUES ($1, $2, $3, 'district') RETURNING id`, "test-"+s.name, s.name+" муниципальный район", s.name)
		r.Territories[s.name] = territory
		schools := []int64{}
		for k := range 2 {
			schools = append(schools, m.id(`INSERT INTO organisation (territory_id, kind, name, short_name, rural) VALUES ($1, 'school', $2, $2, $3) RETURNING id`,
				territory, fmt.Sprintf("Школа № %d, %s", k+1, s.name), k == 1))
		}
		r.Schools = append(r.Schools, schools...)
		for i := range s.n + 1 {
			serial++
			p := participant{person: m.person(), territory: territory, school: schools[i%2], rural: i%2 == 1, serial: serial, absent: i == s.n,
				category: []string{"none", "first", "none", "first", "none"}[i%5], experience: []string{"0-3", "10-15", "20+"}[i%3]}
			if s.name == "Волховский" && i < 3 {
				p.category = "highest" // three in the region
			}
			people = append(people, p)
		}
	}
	for _, p := range people {
		m.takes(r.Campaign, scale, codifier, variant, tasks, p)
		if !p.absent {
			r.Participants++
		}
	}
	m.takes(r.Rehearsal, scale, codifier, variant, tasks, people[0])
	return r
}

func (m maker) person() int64 { return m.id(`INSERT INTO person DEFAULT VALUES RETURNING id`) }

type participant struct {
	person, territory, school int64
	category, experience      string
	rural, absent             bool
	serial                    int
}

// share is the participant's true share of an element: spread evenly about the mean, no randomness.
func (p participant) share(element int) float64 {
	wave := math.Sin(float64(p.serial*7+element*13)) * 0.15
	return min(0.98, max(0.02, elements[element].mean+wave))
}

func (m maker) takes(campaign, scale, codifier, variant int64, tasks []int64, p participant) {
	m.t.Helper()
	registration := m.id(`INSERT INTO registration (campaign_id, person_id, participant_code, territory_id, organisation_id, position_code, subject_code, category_code, experience_code, rural, registered_by, registered_at)
		VALUES ($1, $2, $3, $4, $5, 'teacher', 'math', $6, $7, $8, 0, $9) RETURNING id`,
		campaign, p.person, fmt.Sprintf("ЛО-26-%d-%04d", campaign, p.serial), p.territory, p.school, p.category, p.experience, p.rural, Now.AddDate(0, -1, 0))
	if p.absent {
		m.exec(`INSERT INTO attempt (registration_id, campaign_id, person_id) VALUES ($1, $2, $3)`, registration, campaign, p.person)
		return
	}
	attempt := m.id(`INSERT INTO attempt (registration_id, campaign_id, person_id, variant_id, state, started_at, deadline, submitted_at, closed_by, answers, digest)
		VALUES ($1, $2, $3, $4, 'submitted', $5, $6, $6, 'participant', 10, 'd') RETURNING id`, registration, campaign, p.person, variant, Now.AddDate(0, 0, -20), Now.AddDate(0, 0, -20).Add(2*time.Hour))
	points := 0.0
	rows := []map[string]any{}
	for i, version := range tasks {
		got := math.Round(2 * p.share(i/2))
		points += got
		rows = append(rows, map[string]any{"task": fmt.Sprint(i + 1), "position": i + 1, "version": version, "points": got})
	}
	revision := m.id(`INSERT INTO score_revision (attempt_id, campaign_id, person_id, revision, reason, complete, points, max_points, at)
		VALUES ($1, $2, $3, 1, 'closed', true, $4, $5, $6) RETURNING id`, attempt, campaign, p.person, points, 2*len(tasks), Now.AddDate(0, 0, -10))
	b, err := json.Marshal(rows)
	if err != nil {
		m.t.Fatal(err)
	}
	m.exec(`INSERT INTO task_score (score_revision_id, task, position, task_version_id, points, max_points, state)
		SELECT $1, task, position, version, points, 2, 'scored' FROM jsonb_to_recordset($2) AS x (task text, position int, version bigint, points numeric)`, revision, b)
	for i, e := range elements {
		estimate := p.share(i)
		low, high := max(0, estimate-0.2), min(1, estimate+0.2)
		below := min(0.99, max(0.01, 0.5+(0.6-estimate)*3))
		status, severity := "possible", "none"
		switch {
		case below >= 0.8:
			status = "deficit"
		case below <= 0.2:
			status = "none"
		}
		if status != "none" {
			severity = map[bool]string{true: "high", false: "medium"}[estimate < 0.4]
		}
		if i == 2 && p.serial > 26 && p.serial <= 36 { // Киришский: stereometry answered by two only
			status, severity = "insufficient", "none"
		}
		m.exec(`INSERT INTO deficit (person_id, element_id, subject_code, codifier_id, campaign_id, registration_id, score_revision_id, points, max_points, tasks, share, estimate, low, high,
				p_deficit, shortfall, severity, status, share_severity, scale_id, model, preliminary, territory_id, organisation_id, position_code, category_code, experience_code, rural, valid_from, recorded_at)
			VALUES ($1, $2, 'math', $3, $4, $5, $6, $7, 4, 2, $8, $9, $10, $11, $12, $13, $14, $15, $14, $16, 'beta-binomial', false, $17, $18, 'teacher', $19, $20, $21, $22, $22)`,
			p.person, e.id, codifier, campaign, registration, revision, 4*estimate, estimate, estimate, low, high, below, max(0, 0.6-estimate), severity, status, scale,
			p.territory, p.school, p.category, p.experience, p.rural, Now.AddDate(0, 0, -5))
		m.exec(`INSERT INTO evidence (source_kind, source_ref, person_id, subject_code, element_id, codifier_id, points, max_points, tasks, observed_at, recorded_at, recorded_by)
			VALUES ('diagnostics', $1, $2, 'math', $3, $4, $5, 4, 2, $6, $6, 0)`, fmt.Sprintf("attempt:%d", attempt), p.person, e.id, codifier, 4*estimate, Now.AddDate(0, 0, -10))
	}
}

// Replace records that a participant's estimate of an element moved: the old row
// gives way to a new one, as the owner of the table does it.
func Replace(t testing.TB, pool *sqlx.DB, campaign int64, element string, territories []int64, estimate float64) {
	t.Helper()
	m := maker{t, pool}
	m.exec(`WITH old AS (UPDATE deficit SET replaced_at = $5 WHERE campaign_id = $1 AND element_id = $2 AND territory_id = ANY($3) AND replaced_at IS NULL RETURNING *)
		INSERT INTO deficit (person_id, element_id, subject_code, codifier_id, campaign_id, registration_id, score_revision_id, points, max_points, tasks, share, estimate, low, high,
			p_deficit, shortfall, severity, status, share_severity, scale_id, model, preliminary, territory_id, organisation_id, position_code, category_code, experience_code, rural, valid_from, recorded_at)
		SELECT person_id, element_id, subject_code, codifier_id, campaign_id, registration_id, score_revision_id, points, max_points, tasks, share, CAST($4 AS float8), CAST($4 AS float8) - 0.1, CAST($4 AS float8) + 0.1,
			0.05, shortfall, 'none', 'none', share_severity, scale_id, model, preliminary, territory_id, organisation_id, position_code, category_code, experience_code, rural, valid_from, $5
		FROM old`, campaign, element, db.Array(territories), estimate, Now)
}

// Share lets the first n participants of a territory work where they took part and agree to show
// their results to its methodist.
func Share(t testing.TB, pool *sqlx.DB, territory int64, n int) {
	t.Helper()
	m := maker{t, pool}
	m.exec(`INSERT INTO consent_text (purpose, version, title, body_html, valid_from) VALUES ('share_methodist', 1, 'Показать результаты', 'Текст.', '2026-01-01') ON CONFLICT DO NOTHING`)
	m.exec(`
		WITH who AS (
			SELECT DISTINCT person_id, organisation_id FROM deficit WHERE territory_id = $1 AND replaced_at IS NULL ORDER BY person_id LIMIT $2),
		works AS (
			INSERT INTO appointment (person_id, organisation_id, position_code, subject_code, started_on)
			SELECT person_id, organisation_id, 'teacher', 'math', '2020-09-01' FROM who)
		INSERT INTO consent_event (person_id, purpose, version, what, at) SELECT person_id, 'share_methodist', 1, 'given', CAST($3 AS timestamptz) FROM who`, territory, n, Now)
}
