package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

const routeColumns = `r.id, r.person_id, r.campaign_id, r.registration_id, r.territory_id, r.organisation_id, r.position_code, r.subject_code,
	r.state, r.version, r.curator_id, r.created_at, r.changed_at`

// routeTx reads a route whole, within a scope and the consent of its person; lock holds its row until the end of the transaction.
func routeTx(ctx context.Context, tx db.Q, id int64, scope access.Scope, lock bool) (Route, error) {
	query := `SELECT ` + routeColumns + ` FROM route r
		WHERE r.id = $1 AND ($2 OR (r.territory_id = ANY($3) OR r.organisation_id = ANY($4)) AND r.person_id IN (SELECT sharing_results($3)))`
	if lock {
		query += ` FOR UPDATE`
	}
	r, err := db.Get[Route](ctx, tx, query, id, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
	if err != nil {
		return Route{}, fmt.Errorf("route %d: %w", id, err)
	}
	return r, fillTx(ctx, tx, &r, r.Version)
}

// ownTx reads the newest route of a person that they may see: drafts are the methodist's.
func ownTx(ctx context.Context, tx db.Q, actor access.Actor, lock bool) (Route, error) {
	query := `SELECT ` + routeColumns + ` FROM route r WHERE r.person_id = ANY($1)
		AND EXISTS (SELECT FROM route_version v WHERE v.route_id = r.id AND v.state = 'proposed')
		ORDER BY r.created_at DESC, r.id DESC LIMIT 1`
	if lock {
		query += ` FOR UPDATE`
	}
	r, err := db.Get[Route](ctx, tx, query, db.Array(actor.Own()))
	if err != nil {
		return Route{}, fmt.Errorf("own route: %w", err)
	}
	return r, fillTx(ctx, tx, &r, r.Version)
}

// ownSeenTx reads the route that a person may see of theirs: while the methodist works on a draft, what they had agreed
// to before; seen is false where there is no such thing.
func ownSeenTx(ctx context.Context, tx db.Q, actor access.Actor) (r Route, seen bool, err error) {
	if r, err = ownTx(ctx, tx, actor, false); err != nil || r.State != Draft {
		return r, err == nil, err
	}
	version, err := agreedTx(ctx, tx, r, r.Version)
	if err != nil || version == 0 {
		return r, false, err
	}
	return r, true, fillTx(ctx, tx, &r, version)
}

// agreedTx is the number of the last version up to one that the teacher had agreed to; 0 where there is none.
func agreedTx(ctx context.Context, tx db.Q, r Route, upTo int) (int, error) {
	version, err := db.Get[int](ctx, tx, `SELECT COALESCE(max(version), 0) FROM route_version WHERE route_id = $1 AND version <= $2 AND state IN ('agreed', 'in_progress')`, r.ID, upTo)
	if err != nil {
		return 0, fmt.Errorf("route %d: what was agreed: %w", r.ID, err)
	}
	return version, nil
}

// fillTx reads a version of a route and what was done of it.
func fillTx(ctx context.Context, tx db.Q, r *Route, version int) error {
	row, err := db.Get[struct {
		Version
		ProblemJSON json.RawMessage `db:"problem"`
		PlanJSON    json.RawMessage `db:"plan"`
	}](ctx, tx, `
		SELECT id, version, state, reason, made_by, made_at, hours, cost, coverage, best_coverage, problem, plan
		FROM route_version WHERE route_id = $1 AND version = $2`, r.ID, version)
	if err != nil {
		return fmt.Errorf("route %d version %d: %w", r.ID, version, err)
	}
	r.Made, r.Content = row.Version, Content{} // what a version leaves out must not be another's
	if err := json.Unmarshal(row.ProblemJSON, &r.Problem); err != nil {
		return fmt.Errorf("route %d version %d: problem: %w", r.ID, version, err)
	}
	if err := json.Unmarshal(row.PlanJSON, &r.Plan); err != nil {
		return fmt.Errorf("route %d version %d: plan: %w", r.ID, version, err)
	}
	steps, err := db.Select[struct {
		Step
		C string `db:"code"`
		G string `db:"session_code"`
	}](ctx, tx, `
		SELECT st.position, st.programme_id, COALESCE(st.session_id, 0) AS session_id, st.starts_on, st.ends_on, st.hours, st.cost, st.locked, st.origin,
			st.closes, st.why, p.code, COALESCE(s.code, '') AS session_code
		FROM route_step st JOIN programme p ON p.id = st.programme_id LEFT JOIN programme_session s ON s.id = st.session_id
		WHERE st.route_version_id = $1 ORDER BY st.position`, row.ID)
	if err != nil {
		return fmt.Errorf("route %d: steps: %w", r.ID, err)
	}
	r.Steps = []Step{}
	for _, st := range steps {
		x := st.Step
		x.Code, x.Group = st.C, st.G
		if err := json.Unmarshal(x.ClosesJSON, &x.Closes); err != nil {
			return fmt.Errorf("route %d: step %d: %w", r.ID, x.Position, err)
		}
		if err := json.Unmarshal(x.WhyJSON, &x.Why); err != nil {
			return fmt.Errorf("route %d: step %d: %w", r.ID, x.Position, err)
		}
		r.Steps = append(r.Steps, x)
	}
	events, err := db.Select[Progress](ctx, tx, `
		SELECT DISTINCT ON (programme_id) programme_id, what, document, file_sha256, note, by_id, at
		FROM route_progress WHERE route_id = $1 ORDER BY programme_id, id DESC`, r.ID)
	if err != nil {
		return fmt.Errorf("route %d: progress: %w", r.ID, err)
	}
	r.Progress = map[int64]Progress{}
	for _, e := range events {
		r.Progress[e.Programme] = e
	}
	return nil
}

// versionsTx lists the versions of a route, newest first.
func versionsTx(ctx context.Context, tx db.Q, route int64) ([]Version, error) {
	return db.Select[Version](ctx, tx, `
		SELECT id, version, state, reason, made_by, made_at, hours, cost, coverage, best_coverage
		FROM route_version WHERE route_id = $1 ORDER BY version DESC`, route)
}

// insertTx makes a route with its first version.
func insertTx(ctx context.Context, tx *sqlx.Tx, r *Route, reason string, by access.PersonID, now time.Time) error {
	err := tx.GetContext(ctx, &r.ID, `
		INSERT INTO route (person_id, campaign_id, registration_id, territory_id, organisation_id, position_code, subject_code, state, version, curator_id, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $10) RETURNING id`,
		r.Person, r.Campaign, r.Registration, r.Territory, r.Organisation, r.Position, r.Subject, r.State, by, now)
	if err != nil {
		return db.Refusal(err, map[string]string{"route_once": "У этого педагога уже есть маршрут по этой диагностике"})
	}
	r.Version = 0
	return versionTx(ctx, tx, r, r.Content, r.State, reason, by, now)
}

// versionTx adds the next version of a route and makes it the current one.
func versionTx(ctx context.Context, tx *sqlx.Tx, r *Route, c Content, to State, reason string, by access.PersonID, now time.Time) error {
	problem, err := json.Marshal(c.Problem)
	if err != nil {
		return fmt.Errorf("route version: %w", err)
	}
	planned, err := json.Marshal(c.Plan)
	if err != nil {
		return fmt.Errorf("route version: %w", err)
	}
	hours, cost := 0, 0
	for _, s := range c.Steps {
		hours, cost = hours+s.Hours, cost+s.Cost
	}
	r.Version++
	r.State, r.Content, r.ChangedAt = to, c, now
	var id int64
	err = tx.GetContext(ctx, &id, `
		INSERT INTO route_version (route_id, version, state, reason, made_by, made_at, problem, plan, hours, cost, coverage, best_coverage)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		r.ID, r.Version, to, reason, by, now, problem, planned, hours, cost, c.Plan.Coverage(), c.Plan.BestCoverage())
	if err != nil {
		return db.Refusal(err, map[string]string{"route_version_unique": "Маршрут только что изменил кто-то ещё. Посмотрите новую версию"})
	}
	r.Made = Version{ID: id, Version: r.Version, State: to, Reason: reason, By: by, At: now, Hours: hours, Cost: cost, Cover: c.Plan.Coverage(), Best: c.Plan.BestCoverage()}
	rows := make([]map[string]any, len(c.Steps))
	for i, s := range c.Steps {
		why := s.Why
		if why == nil {
			why = []string{}
		}
		closes := s.Closes
		if closes == nil {
			closes = map[string]float64{}
		}
		rows[i] = map[string]any{"position": i + 1, "programme": s.Programme, "session": s.Session, "starts_on": s.StartsOn.Format(time.DateOnly), "ends_on": s.EndsOn.Format(time.DateOnly),
			"hours": s.Hours, "cost": s.Cost, "locked": s.Locked, "origin": s.Origin, "closes": closes, "why": why}
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("route steps: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO route_step (route_version_id, position, programme_id, session_id, starts_on, ends_on, hours, cost, locked, origin, closes, why)
		SELECT $1, position, programme, NULLIF(session, 0), starts_on, ends_on, hours, cost, locked, origin, closes, why
		FROM jsonb_to_recordset($2) AS x (position int, programme bigint, session bigint, starts_on date, ends_on date, hours int, cost int, locked boolean, origin text, closes jsonb, why jsonb)`, id, b); err != nil {
		return fmt.Errorf("route steps: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE route SET state = $2, version = $3, changed_at = $4 WHERE id = $1`, r.ID, to, r.Version, now); err != nil {
		return fmt.Errorf("route %d: %w", r.ID, err)
	}
	return nil
}

// Filter says which routes a list shows; zero values do not limit.
type Filter struct {
	State        State
	Risk         bool
	Campaign     int64
	Territory    int64
	Organisation int64
	Routes       []int64 // only these; nil does not limit
}

// Line is a route in a list.
type Line struct {
	ID           int64           `db:"id"`
	Person       access.PersonID `db:"person_id"`
	Code         string          `db:"-"`
	Territory    int64           `db:"territory_id"`
	Organisation int64           `db:"organisation_id"`
	Subject      string          `db:"subject_code"`
	State        State           `db:"state"`
	Version      int             `db:"version"`
	ChangedAt    time.Time       `db:"changed_at"`
	Hours        int             `db:"hours"`
	HoursDone    int             `db:"hours_done"`
	Cost         int             `db:"cost"`
	Steps        int             `db:"steps"`
	StepsDone    int             `db:"steps_done"`
	Coverage     float64         `db:"coverage"`
	Best         float64         `db:"best_coverage"`
	NextOn       *time.Time      `db:"next_on"`
	LateOn       *time.Time      `db:"late_on"` // the first day of a step that has begun without the teacher
	Risk         string          `db:"risk"`    // "", cancelled, moved, no_document, no_answer, missed
	Campaign     int64           `db:"campaign_id"`
	Drifted      bool            `db:"-"` // the results it was planned for have changed; told of the lines shown only
}

// Outdated tells whether the route is to be planned anew.
func (l Line) Outdated() bool {
	return l.Drifted || l.Risk == "cancelled" || l.Risk == "moved" || l.Risk == "missed"
}

// RiskWords says what threatens a route.
func (l Line) RiskWords() string {
	switch l.Risk {
	case "cancelled":
		return "Группа отменена: шаг стоит заменить"
	case "moved":
		return "Группу перенесли: даты шага другие"
	case "no_document":
		return "Шаг закончился больше 30 дней назад, документа нет"
	case "no_answer":
		return "Педагог не ответил больше двух недель"
	case "missed":
		return "Шаг прошёл, а маршрут ещё не согласован"
	}
	if l.Drifted {
		return "Результаты диагностики изменились"
	}
	return ""
}

// driftedTx marks the lines whose results are no longer those that the route was planned for.
func (s *Service) driftedTx(ctx context.Context, tx *sqlx.Tx, list []Line) error {
	ids, persons := []int64{}, map[int64][]access.PersonID{}
	for _, l := range list {
		if l.State.MayBecome(Draft) {
			ids = append(ids, l.ID)
			persons[l.Campaign] = append(persons[l.Campaign], l.Person)
		}
	}
	rows, err := db.Select[struct {
		ID       int64           `db:"id"`
		Deficits json.RawMessage `db:"deficits"`
	}](ctx, tx, `
		SELECT r.id, COALESCE(v.problem->'teachers'->0->'deficits', '{}') AS deficits
		FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version WHERE r.id = ANY($1)`, db.Array(ids))
	if err != nil {
		return fmt.Errorf("needs of routes: %w", err)
	}
	was := map[int64]map[string]float64{}
	for _, row := range rows {
		var d map[string]float64
		if err := json.Unmarshal(row.Deficits, &d); err != nil {
			return fmt.Errorf("needs of route %d: %w", row.ID, err)
		}
		was[row.ID] = d
	}
	type who struct {
		campaign int64
		person   access.PersonID
	}
	is := map[who][]Need{}
	for campaign, some := range persons {
		needs, err := s.newestTx(ctx, tx, campaign, some)
		if err != nil {
			return err
		}
		for _, n := range needs {
			is[who{campaign, n.Person}] = append(is[who{campaign, n.Person}], n)
		}
	}
	for i, l := range list {
		if d, ok := was[l.ID]; ok {
			list[i].Drifted = words{}.drift(d, weightsOf(is[who{l.Campaign, l.Person}])) != nil
		}
	}
	return nil
}

// lines reads routes with what threatens them; $1… are the actor's scope, $5 is today.
const lines = `
	SELECT r.id, r.person_id, r.territory_id, r.organisation_id, r.subject_code, r.state, r.version, r.changed_at, r.campaign_id,
		COALESCE(v.hours, 0) AS hours, COALESCE(v.cost, 0) AS cost, COALESCE(v.coverage, 0) AS coverage, COALESCE(v.best_coverage, 0) AS best_coverage,
		count(st.position) AS steps,
		count(st.position) FILTER (WHERE p.what = 'done') AS steps_done,
		COALESCE(sum(st.hours) FILTER (WHERE p.what = 'done'), 0) AS hours_done,
		min(st.starts_on) FILTER (WHERE p.what IS DISTINCT FROM 'done' AND st.ends_on >= $4) AS next_on,
		min(st.starts_on) FILTER (WHERE COALESCE(p.what, 'undone') = 'undone' AND st.starts_on < $4) AS late_on,
		CASE
			WHEN r.state IN ('draft', 'proposed', 'agreed', 'in_progress') AND bool_or(s.cancelled_at IS NOT NULL AND p.what IS DISTINCT FROM 'done') THEN 'cancelled'
			WHEN r.state IN ('draft', 'proposed', 'agreed', 'in_progress') AND bool_or((s.starts_on <> st.starts_on OR s.ends_on <> st.ends_on) AND p.what IS NULL) THEN 'moved'
			WHEN r.state IN ('agreed', 'in_progress') AND bool_or(st.ends_on < $4 - 30 AND p.what IS DISTINCT FROM 'done') THEN 'no_document'
			WHEN r.state = 'proposed' AND bool_or(st.starts_on < $4) THEN 'missed'
			WHEN r.state = 'proposed' AND r.changed_at < $4 - 14 THEN 'no_answer'
			ELSE '' END AS risk
	FROM route r
	LEFT JOIN route_version v ON v.route_id = r.id AND v.version = r.version
	LEFT JOIN route_step st ON st.route_version_id = v.id
	LEFT JOIN programme_session s ON s.id = st.session_id
	LEFT JOIN LATERAL (SELECT what FROM route_progress e WHERE e.route_id = r.id AND e.programme_id = st.programme_id ORDER BY e.id DESC LIMIT 1) p ON true
	WHERE ($1 OR (r.territory_id = ANY($2) OR r.organisation_id = ANY($3)) AND r.person_id IN (SELECT sharing_results($2)))
	GROUP BY r.id, v.id`

// listTx lists routes within a scope, those at risk first, closed ones last, those waiting longest before others.
func listTx(ctx context.Context, tx db.Q, scope access.Scope, f Filter, today time.Time) ([]Line, error) {
	out, err := db.Select[Line](ctx, tx, `
		SELECT id, person_id, territory_id, organisation_id, subject_code, state, version, changed_at, hours, cost, coverage, best_coverage,
			steps, steps_done, hours_done, next_on, late_on, risk, campaign_id
		FROM (`+lines+`) l
		WHERE ($5 = '' OR state = ANY(string_to_array($5, ','))) AND (NOT $6 OR risk <> '') AND ($7 = 0 OR campaign_id = $7)
		  AND ($8 = 0 OR territory_id = $8) AND ($9 = 0 OR organisation_id = $9)
		  AND (CAST($10 AS bigint[]) IS NULL OR id = ANY($10))
		ORDER BY (risk <> '') DESC, state IN ('completed', 'partly_completed', 'cancelled'), changed_at, id`, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations), today,
		f.State.members(), f.Risk, f.Campaign, f.Territory, f.Organisation, db.Array(f.Routes))
	if err != nil {
		return nil, fmt.Errorf("routes: %w", err)
	}
	return out, nil
}

// unsharedTx counts the people with a route within a scope who have not agreed to show it to its methodist.
func unsharedTx(ctx context.Context, tx db.Q, scope access.Scope) (int, error) {
	return db.Get[int](ctx, tx, `
		SELECT count(DISTINCT r.person_id) FROM route r
		WHERE NOT $1 AND (r.territory_id = ANY($2) OR r.organisation_id = ANY($3)) AND r.person_id NOT IN (SELECT sharing_results($2))`,
		scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
}

// Counts are how many routes stand in each state, and how many are at risk.
type Counts struct {
	State map[State]int
	Risk  int
	All   int

	Outdated int // to be planned anew: a group was cancelled, moved or missed

	Unshared int // people in the scope whose routes are not shown: they have not agreed
}

// CountTx counts routes by state within a scope; the filter's state and risk do not limit.
func CountTx(ctx context.Context, tx db.Q, scope access.Scope, f Filter, today time.Time) (Counts, error) {
	rows, err := db.Select[struct {
		State State `db:"state"`
		N     int   `db:"n"`
		Risk  int   `db:"risk"`
		Old   int   `db:"old"`
	}](ctx, tx, `
		SELECT state, count(*) AS n, count(*) FILTER (WHERE risk <> '') AS risk,
			count(*) FILTER (WHERE risk IN ('cancelled', 'moved', 'missed')) AS old
		FROM (`+lines+`) l
		WHERE ($5 = 0 OR campaign_id = $5) AND ($6 = 0 OR territory_id = $6) AND ($7 = 0 OR organisation_id = $7)
		GROUP BY state`, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations), today, f.Campaign, f.Territory, f.Organisation)
	if err != nil {
		return Counts{}, fmt.Errorf("count routes: %w", err)
	}
	c := Counts{State: map[State]int{}}
	for _, r := range rows {
		c.State[r.State], c.Risk, c.All, c.Outdated = r.N, c.Risk+r.Risk, c.All+r.N, c.Outdated+r.Old
	}
	return c, nil
}

// havingTx tells which persons already have a route for a campaign that was not cancelled.
func havingTx(ctx context.Context, tx db.Q, campaign int64) (map[access.PersonID]bool, error) {
	rows, err := db.Select[access.PersonID](ctx, tx, `SELECT person_id FROM route WHERE campaign_id = $1 AND state <> 'cancelled'`, campaign)
	if err != nil {
		return nil, fmt.Errorf("routes of a campaign: %w", err)
	}
	out := map[access.PersonID]bool{}
	for _, id := range rows {
		out[id] = true
	}
	return out, nil
}

// programmesOfTx reads the open catalogue and whatever else the steps of a route name.
func programmesOfTx(ctx context.Context, tx db.Q, steps []Step) ([]Programme, error) {
	list, err := programmesTx(ctx, tx, nil)
	if err != nil {
		return nil, err
	}
	var missing []int64
	for _, s := range steps {
		if !slices.ContainsFunc(list, func(p Programme) bool { return p.ID == s.Programme }) {
			missing = append(missing, s.Programme)
		}
	}
	if len(missing) > 0 {
		more, err := programmesTx(ctx, tx, missing)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

func progressTx(ctx context.Context, tx db.Q, route int64, p Progress) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO route_progress (route_id, programme_id, what, document, file_sha256, note, by_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		route, p.Programme, p.What, p.Document, p.File, p.Note, p.By, p.At)
	if err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	return nil
}
