package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

const versionColumns = `v.id, v.task_id, t.code, v.version, v.kind, v.part, v.level, v.max_points, v.minutes, v.skill, v.codifier_id, v.shown, v.created_by, v.created_at`

// VersionsTx reads versions by id, without keys. An unknown id is left out.
func VersionsTx(ctx context.Context, tx db.Q, ids []int64) (map[int64]Version, error) {
	rows, err := db.Select[Version](ctx, tx, `
		SELECT `+versionColumns+` FROM task_version v JOIN task t ON t.id = v.task_id
		WHERE v.id = ANY($1)`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("task versions: %w", err)
	}
	return withElements(ctx, tx, rows)
}

func withElements(ctx context.Context, tx db.Q, rows []Version) (map[int64]Version, error) {
	versions := make(map[int64]Version, len(rows))
	ids := make([]int64, len(rows))
	for i, v := range rows {
		v.Elements = map[string]float64{}
		versions[v.ID], ids[i] = v, v.ID
	}
	weights, err := db.Select[struct {
		Version int64   `db:"task_version_id"`
		Element string  `db:"element_id"`
		Weight  float64 `db:"weight"`
	}](ctx, tx, `SELECT task_version_id, element_id, weight FROM task_element WHERE task_version_id = ANY($1)`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("elements of tasks: %w", err)
	}
	for _, w := range weights {
		versions[w.Version].Elements[w.Element] = w.Weight
	}
	return versions, nil
}

// ApprovedTx lists what variants may be made of: for each task of the codifier
// that is not retired, its newest approved version; ordered by code.
func ApprovedTx(ctx context.Context, tx db.Q, codifierID int64) ([]Version, error) {
	rows, err := db.Select[Version](ctx, tx, `
		SELECT DISTINCT ON (t.code) `+versionColumns+`
		FROM task_version v JOIN task t ON t.id = v.task_id
		WHERE v.codifier_id = $1 AND t.retired_at IS NULL
		  AND EXISTS (SELECT FROM task_review r WHERE r.task_version_id = v.id AND r.verdict = 'approved' AND r.reviewer_id <> v.created_by)
		  AND NOT EXISTS (SELECT FROM task_review r WHERE r.task_version_id = v.id AND r.verdict = 'returned')
		ORDER BY t.code, v.version DESC`, codifierID)
	if err != nil {
		return nil, fmt.Errorf("approved tasks: %w", err)
	}
	versions, err := withElements(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	for i, v := range rows {
		rows[i] = versions[v.ID]
	}
	return rows, nil
}

// rubric is how criteria are kept beside a key.
type rubric struct {
	Criteria    []task.Criterion `json:"criteria,omitempty"`
	ZeroBy      string           `json:"zero_by,omitempty"`
	Discrepancy int              `json:"discrepancy,omitempty"`
	Exemplars   []task.Exemplar  `json:"exemplars,omitempty"`
}

// KeyedTx reads versions with their keys, by version id: for scoring and marking
// alone. An unknown id is left out.
func KeyedTx(ctx context.Context, tx db.Q, ids []int64) (map[int64]task.Written, error) {
	rows, err := db.Select[struct {
		ID       int64           `db:"id"`
		Source   json.RawMessage `db:"source"`
		Key      json.RawMessage `db:"key"`
		Rubric   json.RawMessage `db:"rubric"`
		Solution string          `db:"solution"`
	}](ctx, tx, `
		SELECT v.id, v.source, COALESCE(k.key, 'null') AS key, COALESCE(k.rubric, '{}') AS rubric, k.solution
		FROM task_version v JOIN task_key k ON k.task_version_id = v.id
		WHERE v.id = ANY($1)`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keyed := make(map[int64]task.Written, len(rows))
	for _, r := range rows {
		var w task.Written
		var b rubric
		if err := json.Unmarshal(r.Source, &w.Task); err != nil {
			return nil, fmt.Errorf("task version %d: %w", r.ID, err)
		}
		if err := json.Unmarshal(r.Rubric, &b); err != nil {
			return nil, fmt.Errorf("rubric of task version %d: %w", r.ID, err)
		}
		w.Key = task.Key{Criteria: b.Criteria, ZeroBy: b.ZeroBy, Discrepancy: b.Discrepancy, Exemplars: b.Exemplars, Solution: r.Solution}
		if string(r.Key) != "null" {
			w.Key.Answer = r.Key
		}
		keyed[r.ID] = w
	}
	return keyed, nil
}

// submission is a checked and rendered task on its way to become a version.
type submission struct {
	Written    task.Written
	Shown      task.View
	CodifierID int64
	TaskID     int64
}

// insertVersionsTx appends the next version of each task, its key and elements,
// and returns the ids in the order of subs.
func insertVersionsTx(ctx context.Context, tx db.Q, author access.PersonID, subs []submission, now time.Time) ([]int64, error) {
	rows := make([]map[string]any, len(subs))
	for i, s := range subs {
		w := s.Written
		if w.Level == "" { // self-assessment may leave it out
			w.Level = task.Basic
		}
		var key any
		if len(w.Key.Answer) > 0 {
			key = w.Key.Answer
		}
		var criteria any
		if w.ByExperts() {
			criteria = rubric{w.Criteria, w.ZeroBy, w.Discrepancy, w.Exemplars}
		}
		rows[i] = map[string]any{"n": i, "task_id": s.TaskID, "kind": w.Kind, "part": w.Part, "level": w.Level, "codifier_id": s.CodifierID,
			"max_points": w.Max, "minutes": w.Minutes, "skill": w.Skill, "source": w.Task, "shown": s.Shown,
			"scoring": w.Scoring, "key": key, "rubric": criteria, "solution": w.Solution, "elements": w.Elements}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("task versions: %w", err)
	}
	made, err := db.Select[struct {
		TaskID int64 `db:"task_id"`
		ID     int64 `db:"id"`
	}](ctx, tx, `
		INSERT INTO task_version (task_id, version, kind, part, level, codifier_id, max_points, minutes, skill, source, shown, created_by, created_at)
		SELECT s.task_id, 1 + COALESCE((SELECT max(v.version) FROM task_version v WHERE v.task_id = s.task_id), 0),
			s.kind, s.part, s.level, s.codifier_id, s.max_points, s.minutes, s.skill, s.source, s.shown, $2, $3
		FROM jsonb_to_recordset($1) AS s (task_id bigint, kind text, part text, level text, codifier_id bigint, max_points numeric,
			minutes integer, skill text, source jsonb, shown jsonb)
		RETURNING task_id, id`, body, author, now)
	if err != nil {
		return nil, db.Refusal(fmt.Errorf("insert task versions: %w", err), map[string]string{
			"task_version_unique":      "Задание только что отправил кто-то другой. Обновите страницу",
			"task_version_codifier_fk": "Такого кодификатора нет",
		})
	}
	byTask := make(map[int64]int64, len(made))
	for _, m := range made {
		byTask[m.TaskID] = m.ID
	}
	ids := make([]int64, len(subs))
	for i, s := range subs {
		ids[i] = byTask[s.TaskID]
		rows[i]["version_id"] = ids[i]
	}
	if body, err = json.Marshal(rows); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_key (task_version_id, scoring, key, rubric, solution)
		SELECT version_id, scoring, key, rubric, solution
		FROM jsonb_to_recordset($1) AS s (version_id bigint, scoring text, key jsonb, rubric jsonb, solution text)`, body); err != nil {
		return nil, fmt.Errorf("insert keys: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_element (task_version_id, element_id, weight)
		SELECT s.version_id, e.id, e.weight
		FROM jsonb_to_recordset($1) AS s (version_id bigint, elements jsonb), jsonb_to_recordset(s.elements) AS e (id text, weight numeric)`, body); err != nil {
		return nil, db.Refusal(fmt.Errorf("insert elements of tasks: %w", err), map[string]string{
			"task_element_element_fk": "Задание названо элементом, которого нет в кодификаторе",
		})
	}
	return ids, nil
}

// insertReviewsTx appends verdicts.
func insertReviewsTx(ctx context.Context, tx db.Q, reviewer access.PersonID, ids []int64, verdict Verdict, comment string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_review (task_version_id, reviewer_id, verdict, comment, at)
		SELECT unnest($1::bigint[]), $2, $3, $4, $5`, db.Array(ids), reviewer, verdict, comment, now); err != nil {
		return fmt.Errorf("insert reviews: %w", err)
	}
	return nil
}

// Card is a task as a list shows it.
type Card struct {
	ID        int64           `db:"id"`
	Code      string          `db:"code"`
	AuthorID  access.PersonID `db:"author_id"`
	State     State           `db:"state"`
	HasDraft  bool            `db:"has_draft"`
	Version   int             `db:"version"`    // newest; 0 for a draft
	VersionID int64           `db:"version_id"` // newest; 0 for a draft
	Kind      task.Kind       `db:"kind"`
	Part      task.Part       `db:"part"`
	Level     task.Level      `db:"level"`
	MaxPoints float64         `db:"max_points"`
	Minutes   int             `db:"minutes"`
	Skill     string          `db:"skill"`
	Body      string          `db:"body"` // Markdown
	Elements  string          `db:"elements"`
	Codifier  int64           `db:"codifier_id"`
	At        time.Time       `db:"at"`       // of the last change
	SavedAt   time.Time       `db:"saved_at"` // of the working copy

	// What the newest analysed version of the task showed; Analysed is its number, 0 for none.
	Analysed int      `db:"analysed"`
	N        int      `db:"n"`
	P        *float64 `db:"p"`
	Rest     *float64 `db:"rest"`
	Serious  int      `db:"serious"`
	Remarks  string   `db:"remarks"`
}

// Filter narrows a list of tasks; a zero value leaves a field free.
type Filter struct {
	State    string `form:"state"`
	Part     string `form:"part"`
	Kind     string `form:"kind"`
	Level    string `form:"level"`
	Element  string `form:"element"`
	Codifier int64  `form:"codifier"`
	Mine     bool   `form:"mine"`
	Words    string `form:"q"`
	Look     bool   `form:"look"` // only tasks whose statistics ask to look at them
	Sort     string `form:"sort"` // code (default), state, kind, level, max, at, p, rest, n, look; "-" before it turns the order
	Page     int    `form:"page"`
}

// perPage is how many tasks a page of the list holds.
const perPage = 50

// none stands for no statistics where a query does not need them.
const none = "[]"

// cards is every task with what its newest version, or else its draft, says.
// Drafts are the author's own: others see a task once it was sent to review.
const cards = `
	SELECT t.id, t.code, t.author_id, d.task_id IS NOT NULL AS has_draft,
		COALESCE(v.version, 0) AS version, COALESCE(v.id, 0) AS version_id,
		COALESCE(v.kind, d.body->'task'->>'kind', '') AS kind, COALESCE(v.part, d.body->'task'->>'part', '') AS part,
		COALESCE(v.level, d.body->'task'->>'level', '') AS level, COALESCE(v.max_points, CAST(d.body->'task'->>'max' AS numeric), 0) AS max_points,
		COALESCE(v.minutes, CAST(d.body->'task'->>'minutes' AS integer), 0) AS minutes,
		COALESCE(v.skill, d.body->'task'->>'skill', '') AS skill,
		COALESCE(v.source->>'body', d.body->'task'->>'body', '') AS body,
		COALESCE(v.codifier_id, CAST(d.body->>'codifier_id' AS bigint), 0) AS codifier_id,
		COALESCE(CASE WHEN d.saved_at > v.created_at THEN d.saved_at END, r.at, v.created_at, d.saved_at, t.created_at) AS at, COALESCE(d.saved_at, t.created_at) AS saved_at,
		COALESCE((SELECT string_agg(e->>'id', ' ' ORDER BY e->>'id') FROM jsonb_array_elements(
			CASE WHEN jsonb_typeof(COALESCE(v.source, d.body->'task')->'elements') = 'array' THEN COALESCE(v.source, d.body->'task')->'elements' ELSE '[]' END) e), '') AS elements,
		CASE WHEN t.retired_at IS NOT NULL THEN 'retired' WHEN v.id IS NULL THEN 'draft' WHEN r.verdict IS NULL THEN 'review' ELSE r.verdict END AS state,
		COALESCE(q.version, 0) AS analysed, COALESCE(q.n, 0) AS n, q.p, q.rest, COALESCE(q.serious, 0) AS serious, COALESCE(q.remarks, '') AS remarks
	FROM task t
	LEFT JOIN (SELECT DISTINCT ON (w.task_id) w.task_id, w.version, s.n, s.p, s.rest, s.serious, s.remarks
		FROM jsonb_to_recordset(CAST($2 AS jsonb)) AS s (version bigint, n int, p float8, rest float8, serious int, remarks text)
		JOIN task_version w ON w.id = s.version ORDER BY w.task_id, w.version DESC) q ON q.task_id = t.id
	LEFT JOIN task_draft d ON d.task_id = t.id
	LEFT JOIN LATERAL (SELECT * FROM task_version v WHERE v.task_id = t.id ORDER BY v.version DESC LIMIT 1) v ON true
	LEFT JOIN LATERAL (SELECT r.verdict, r.at FROM task_review r WHERE r.task_version_id = v.id AND r.verdict <> 'comment' ORDER BY r.id DESC LIMIT 1) r ON true
	WHERE v.id IS NOT NULL OR t.author_id = $1`

var orders = map[string]string{
	"code": "code", "state": "array_position(ARRAY['review','returned','draft','approved','retired'], state), code",
	"kind": "kind, code", "level": "array_position(ARRAY['basic','advanced','high'], level), code", "max": "max_points, code", "at": "at, code",
	"-code": "code DESC", "-state": "array_position(ARRAY['review','returned','draft','approved','retired'], state) DESC, code",
	"p": "p, code", "rest": "rest, code", "n": "n, code", "look": "serious DESC, (remarks <> '') DESC, code", // the first click: what asks for a look
	"-p": "p DESC NULLS LAST, code", "-rest": "rest DESC NULLS LAST, code", "-n": "n DESC, code", "-look": "serious, (remarks <> ''), code",
	"-kind": "kind DESC, code", "-level": "array_position(ARRAY['basic','advanced','high'], level) DESC, code", "-max": "max_points DESC, code", "-at": "at DESC, code",
}

const cardFilter = `
	WHERE ($3 = '' OR state = $3) AND ($4 = '' OR part = $4) AND ($5 = '' OR kind = $5) AND ($6 = '' OR level = $6)
	  AND ($7 = '' OR $7 = ANY(string_to_array(elements, ' '))) AND ($8 = 0 OR codifier_id = $8) AND (NOT $9 OR author_id = $1)
	  AND ($10 = '' OR code ILIKE '%' || $10 || '%' OR body ILIKE '%' || $10 || '%' OR skill ILIKE '%' || $10 || '%')
	  AND (NOT $11 OR serious > 0)`

func (f Filter) args(actor access.Actor, known []byte) []any {
	return []any{actor.ID, known, f.State, f.Part, f.Kind, f.Level, f.Element, f.Codifier, f.Mine, f.Words, f.Look}
}

// qualitiesTx is what is known of all versions, as the query takes it.
func (s *Service) qualitiesTx(ctx context.Context, tx *sqlx.Tx) ([]byte, error) {
	list := []Quality{}
	if s.links.Qualities != nil {
		var err error
		if list, err = s.links.Qualities(ctx, tx); err != nil {
			return nil, fmt.Errorf("statistics of tasks: %w", err)
		}
	}
	return json.Marshal(list)
}

// cardsTx lists one page of tasks and says how many the filter leaves in all.
func (s *Service) cardsTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, f Filter) ([]Card, int, error) {
	known, err := s.qualitiesTx(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	order, named := orders[f.Sort]
	if !named {
		order = orders["code"]
	}
	total, err := db.Get[int](ctx, tx, `SELECT count(*) FROM (`+cards+`) AS c`+cardFilter, f.args(actor, known)...)
	if err != nil {
		return nil, 0, fmt.Errorf("count tasks: %w", err)
	}
	list, err := db.Select[Card](ctx, tx, `SELECT * FROM (`+cards+`) AS c`+cardFilter+` ORDER BY `+order+
		fmt.Sprintf(` LIMIT %d OFFSET %d`, perPage, perPage*max(f.Page-1, 0)), f.args(actor, known)...)
	if err != nil {
		return nil, 0, fmt.Errorf("tasks: %w", err)
	}
	return list, total, nil
}

// cardTx reads one task as actor may see it; a stranger's draft is a NotFound fault.
func cardTx(ctx context.Context, tx db.Q, actor access.Actor, id int64) (Card, error) {
	return db.Get[Card](ctx, tx, `SELECT * FROM (`+cards+`) AS c WHERE id = $3`, actor.ID, none, id)
}

// stateCountsTx counts the tasks an actor sees by state.
func stateCountsTx(ctx context.Context, tx db.Q, actor access.Actor) (map[State]int, error) {
	rows, err := db.Select[struct {
		State State `db:"state"`
		N     int   `db:"n"`
	}](ctx, tx, `SELECT state, count(*) AS n FROM (`+cards+`) AS c GROUP BY state`, actor.ID, none)
	if err != nil {
		return nil, fmt.Errorf("count tasks by state: %w", err)
	}
	counts := map[State]int{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// historyTx lists the versions of a task, the newest first.
func historyTx(ctx context.Context, tx db.Q, taskID int64) ([]Version, error) {
	return db.Select[Version](ctx, tx, `
		SELECT `+versionColumns+` FROM task_version v JOIN task t ON t.id = v.task_id
		WHERE v.task_id = $1 ORDER BY v.version DESC`, taskID)
}

// reviewsTx lists what was said of all versions of a task, the newest first.
func reviewsTx(ctx context.Context, tx db.Q, taskID int64) ([]Review, error) {
	return db.Select[Review](ctx, tx, `
		SELECT r.task_version_id, v.version, r.reviewer_id, r.verdict, r.comment, r.at
		FROM task_review r JOIN task_version v ON v.id = r.task_version_id
		WHERE v.task_id = $1 ORDER BY r.id DESC`, taskID)
}

type draftRow struct {
	Body    json.RawMessage `db:"body"`
	SavedAt time.Time       `db:"saved_at"`
}

func draftTx(ctx context.Context, tx db.Q, taskID int64) (Working, time.Time, error) {
	row, err := db.Get[draftRow](ctx, tx, `SELECT body, saved_at FROM task_draft WHERE task_id = $1`, taskID)
	if err != nil {
		return Working{}, time.Time{}, err
	}
	var w Working
	if err := json.Unmarshal(row.Body, &w); err != nil {
		return Working{}, time.Time{}, fmt.Errorf("draft of task %d: %w", taskID, err)
	}
	return w, row.SavedAt, nil
}

func putDraftTx(ctx context.Context, tx db.Q, taskID int64, w Working, by access.PersonID, now time.Time) error {
	body, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("draft: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_draft (task_id, body, saved_by, saved_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (task_id) DO UPDATE SET body = EXCLUDED.body, saved_by = EXCLUDED.saved_by, saved_at = EXCLUDED.saved_at`,
		taskID, body, by, now); err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return nil
}
