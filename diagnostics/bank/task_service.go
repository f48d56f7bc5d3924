package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Prepared are checked and rendered tasks. Rendering is slow for a transaction,
// so it is done before one.
type Prepared []submission

// Prepare checks tasks and renders their texts; the error is task.Faults and
// names each task and field.
func (s *Service) Prepare(tasks []task.Written) (Prepared, error) {
	var faults task.Faults
	prepared := make(Prepared, 0, len(tasks))
	for _, w := range tasks {
		shown, err := s.render(w)
		for _, f := range task.FaultsOf(err) {
			f.Task = w.ID
			faults = append(faults, f)
		}
		if err != nil && task.FaultsOf(err) == nil {
			return nil, err
		}
		prepared = append(prepared, submission{Written: w, Shown: shown})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return prepared, nil
}

// render checks one task and makes its view; texts that only experts and
// authors read must be renderable too.
func (s *Service) render(w task.Written) (task.View, error) {
	if err := w.Validate(); err != nil {
		return task.View{}, err
	}
	view, err := task.Render(w.Task, s.tex.Block, s.tex.Line)
	if err != nil {
		return task.View{}, err
	}
	if _, err := s.tex.Block(w.Solution); err != nil {
		return task.View{}, task.Faults{{Field: "solution", Want: err.Error()}}
	}
	return view, nil
}

// SubmitTx puts prepared tasks of one codifier into the bank as versions by
// author that wait for review, and returns the version ids in their order. A
// task that already stands there word for word, approved, keeps its version and
// is not in fresh.
func SubmitTx(ctx context.Context, tx *sqlx.Tx, author access.Actor, codifierID int64, subject string, p Prepared, now time.Time) (ids, fresh []int64, err error) {
	codes := make([]string, len(p))
	for i, sub := range p {
		codes[i] = sub.Written.ID
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task (code, subject_code, author_id, created_at)
		SELECT code, NULLIF($2, ''), $3, $4 FROM unnest($1::text[]) AS code
		ON CONFLICT (code) DO NOTHING`, db.Array(codes), subject, author.ID, now); err != nil {
		return nil, nil, db.Refusal(fmt.Errorf("insert tasks: %w", err), map[string]string{"task_subject_fk": "Такого предмета нет в справочнике: " + subject})
	}
	held, err := db.Select[struct {
		ID       int64           `db:"id"`
		Code     string          `db:"code"`
		Version  int64           `db:"version_id"`
		Codifier int64           `db:"codifier_id"`
		Author   access.PersonID `db:"author_id"`
	}](ctx, tx, `
		SELECT t.id, t.code, t.author_id, COALESCE(v.id, 0) AS version_id, COALESCE(v.codifier_id, 0) AS codifier_id
		FROM task t
		LEFT JOIN LATERAL (
			SELECT v.id, v.codifier_id FROM task_version v
			WHERE v.task_id = t.id ORDER BY v.version DESC LIMIT 1) v
			ON EXISTS (SELECT FROM task_review r WHERE r.task_version_id = v.id AND r.verdict = 'approved')
		WHERE t.code = ANY($1)`, db.Array(codes))
	if err != nil {
		return nil, nil, fmt.Errorf("tasks: %w", err)
	}
	var approved []int64
	at := map[string]int{}
	for i, h := range held {
		at[h.Code] = i
		if h.Version != 0 && h.Codifier == codifierID {
			approved = append(approved, h.Version)
		}
	}
	known, err := KeyedTx(ctx, tx, approved)
	if err != nil {
		return nil, nil, err
	}
	ids = make([]int64, len(p))
	var next []submission
	var places []int
	for i, sub := range p {
		h := held[at[sub.Written.ID]]
		if h.Author != author.ID {
			return nil, nil, fault.New(fault.Conflict, "Код %s уже занят заданием другого автора", sub.Written.ID)
		}
		if old, ok := known[h.Version]; ok && sameTask(old, sub.Written) {
			ids[i] = h.Version
			continue
		}
		sub.TaskID, sub.CodifierID = h.ID, codifierID
		next, places = append(next, sub), append(places, i)
	}
	fresh, err = insertVersionsTx(ctx, tx, author.ID, next, now)
	if err != nil {
		return nil, nil, err
	}
	for i, id := range fresh {
		ids[places[i]] = id
	}
	return ids, fresh, audit.RecordTx(ctx, tx, author, audit.Entry{Action: "task.submitted", ObjectKind: "codifier", ObjectID: fmt.Sprint(codifierID),
		Details: map[string]any{"versions": len(fresh)}})
}

// sameTask compares two tasks by what they say.
func sameTask(a, b task.Written) bool {
	x, errX := canonical(a)
	y, errY := canonical(b)
	return errX == nil && errY == nil && x == y
}

func canonical(w task.Written) (string, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return "", err
	}
	var v any // sorted keys, no white space: the database does not keep either
	if err := json.Unmarshal(b, &v); err != nil {
		return "", err
	}
	b, err = json.Marshal(v)
	return string(b), err
}

// ReviewTx says the same word about several newest versions, each written by
// somebody else; all or none.
func ReviewTx(ctx context.Context, tx *sqlx.Tx, reviewer access.Actor, ids []int64, verdict Verdict, comment string, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	// the lock keeps two reviewers, or a reviewer and a new version, from crossing
	if _, err := tx.ExecContext(ctx, `
		SELECT FROM task WHERE id IN (SELECT task_id FROM task_version WHERE id = ANY($1)) ORDER BY id FOR UPDATE`, db.Array(ids)); err != nil {
		return fmt.Errorf("lock tasks: %w", err)
	}
	rows, err := db.Select[struct {
		ID        int64           `db:"id"`
		CreatedBy access.PersonID `db:"created_by"`
		Decided   bool            `db:"decided"`
		Newest    bool            `db:"newest"`
	}](ctx, tx, `
		SELECT v.id, v.created_by,
			EXISTS (SELECT FROM task_review r WHERE r.task_version_id = v.id AND r.verdict <> 'comment') AS decided,
			NOT EXISTS (SELECT FROM task_version n WHERE n.task_id = v.task_id AND n.version > v.version) AS newest
		FROM task_version v WHERE v.id = ANY($1)`, db.Array(ids))
	if err != nil {
		return fmt.Errorf("versions to review: %w", err)
	}
	if len(rows) != len(ids) {
		return fault.New(fault.NotFound, "Такой версии задания нет")
	}
	for _, r := range rows {
		if err := accepts(Version{CreatedBy: r.CreatedBy}, reviewer, verdict, comment, r.Decided, r.Newest); err != nil {
			return err
		}
	}
	if err := insertReviewsTx(ctx, tx, reviewer.ID, ids, verdict, strings.TrimSpace(comment), now); err != nil {
		return err
	}
	entries := make([]audit.Entry, len(ids))
	for i, id := range ids {
		entries[i] = audit.Entry{Action: "task." + string(verdict), ObjectKind: "task_version", ObjectID: fmt.Sprint(id)}
	}
	return audit.RecordManyTx(ctx, tx, reviewer, entries)
}

// Judge is a reviewer's word about one version.
func (s *Service) Judge(ctx context.Context, actor access.Actor, versionID int64, verdict Verdict, comment string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		return ReviewTx(ctx, tx, actor, []int64{versionID}, verdict, comment, s.now())
	})
}

var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,39}$`)

// Create begins a task: a code, a kind and a codifier; the rest comes by Save.
func (s *Service) Create(ctx context.Context, actor access.Actor, code string, kind task.Kind, codifierID int64) (int64, error) {
	code = strings.ToLower(strings.TrimSpace(code))
	fields := map[string]string{}
	if !codeForm.MatchString(code) {
		fields["code"] = "Нужен код из латинских букв, цифр, точки и дефиса, например math-41"
	}
	if !slices.Contains(task.Kinds, kind) {
		fields["kind"] = "Выберите вид задания"
	}
	if codifierID == 0 {
		fields["codifier"] = "Выберите кодификатор"
	}
	if len(fields) > 0 {
		return 0, &fault.Error{Kind: fault.Invalid, Message: "Задание не создано", Fields: fields}
	}
	var id int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		ids, err := s.draftsTx(ctx, tx, actor, codifierID, []task.Written{blank(code, kind)})
		if err != nil {
			return err
		}
		id = ids[0]
		return nil
	})
	return id, err
}

// blank is a task of a kind with nothing said yet.
func blank(code string, kind task.Kind) task.Written {
	w := task.Written{Task: task.Task{ID: code, Part: task.Subject, Kind: kind, Level: task.Basic, Minutes: 2, Max: 1, Scoring: kind.Rules()[0]}}
	switch {
	case kind == task.Likert:
		w.Part, w.Max, w.Minutes = task.Self, 0, 1
	case w.Scoring == task.OneError:
		w.Max = 2
	case kind == task.Extended:
		w.Minutes, w.Discrepancy, w.MaxLength = 15, 2, 5000
	}
	return w
}

// draftsTx begins tasks with working copies; a code in use is a Conflict that names it.
func (s *Service) draftsTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, codifierID int64, tasks []task.Written) ([]int64, error) {
	codifier, err := competency.CodifierTx(ctx, tx, codifierID)
	if err != nil {
		return nil, err
	}
	codes := make([]string, len(tasks))
	for i, w := range tasks {
		codes[i] = w.ID
	}
	taken, err := db.Select[string](ctx, tx, `SELECT code FROM task WHERE code = ANY($1) ORDER BY code`, db.Array(codes))
	if err != nil {
		return nil, fmt.Errorf("codes in use: %w", err)
	}
	if len(taken) > 0 {
		return nil, fault.Field("code", "Код уже занят: %s", strings.Join(taken, ", "))
	}
	rows, err := db.Select[struct {
		ID   int64  `db:"id"`
		Code string `db:"code"`
	}](ctx, tx, `
		INSERT INTO task (code, subject_code, author_id, created_at)
		SELECT code, NULLIF($2, ''), $3, $4 FROM unnest($1::text[]) AS code
		RETURNING id, code`, db.Array(codes), codifier.Subject, actor.ID, s.now())
	if err != nil {
		return nil, db.Refusal(fmt.Errorf("insert tasks: %w", err), map[string]string{"task_code_unique": "Такой код только что занял кто-то другой"})
	}
	byCode := map[string]int64{}
	for _, r := range rows {
		byCode[r.Code] = r.ID
	}
	drafts := make([]map[string]any, len(tasks))
	ids := make([]int64, len(tasks))
	for i, w := range tasks {
		ids[i] = byCode[w.ID]
		drafts[i] = map[string]any{"task_id": ids[i], "body": Working{codifierID, w}}
	}
	body, err := json.Marshal(drafts)
	if err != nil {
		return nil, fmt.Errorf("drafts: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO task_draft (task_id, body, saved_by, saved_at)
		SELECT task_id, body, $2, $3 FROM jsonb_to_recordset($1) AS d (task_id bigint, body jsonb)`, body, actor.ID, s.now()); err != nil {
		return nil, fmt.Errorf("insert drafts: %w", err)
	}
	return ids, audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "task.begun", ObjectKind: "codifier", ObjectID: fmt.Sprint(codifierID), Details: map[string]any{"tasks": len(tasks)}})
}

// mineTx reads a task that actor wrote; another's is NotFound, as if it were not there.
func mineTx(ctx context.Context, tx db.Q, actor access.Actor, id int64) (Card, error) {
	card, err := cardTx(ctx, tx, actor, id)
	if err == nil && card.AuthorID != actor.ID {
		err = fault.New(fault.NotFound, "Такого задания нет или пишете его не вы")
	}
	return card, err
}

// Save keeps the author's working copy, whatever it still lacks. The code of a
// task does not change.
func (s *Service) Save(ctx context.Context, actor access.Actor, id int64, w Working) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		card, err := mineTx(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if card.State == InReview {
			return fault.New(fault.Conflict, "Задание на проверке. Поправить его можно, когда рецензент ответит")
		}
		w.Task.ID = card.Code
		return putDraftTx(ctx, tx, id, w, actor.ID, s.now())
	})
}

// Edit opens the working copy: the one that is kept, or one begun from the newest version.
func (s *Service) Edit(ctx context.Context, actor access.Actor, id int64) (Working, Card, error) {
	var w Working
	var card Card
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if card, err = mineTx(ctx, tx, actor, id); err != nil {
			return err
		}
		if card.HasDraft {
			w, _, err = draftTx(ctx, tx, id)
			return err
		}
		keyed, err := KeyedTx(ctx, tx, []int64{card.VersionID})
		w = Working{card.Codifier, keyed[card.VersionID]}
		return err
	})
	return w, card, err
}

// Submit makes a version of the working copy and sends it to review.
func (s *Service) Submit(ctx context.Context, actor access.Actor, id int64) error {
	w, card, err := s.Edit(ctx, actor, id)
	if err != nil {
		return err
	}
	if !card.HasDraft {
		return fault.New(fault.Conflict, "Отправлять нечего: правок после последней версии нет")
	}
	shown, err := s.render(w.Task)
	if err != nil {
		return refusal(err)
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		// the working copy must still be the one that was rendered
		gone, err := tx.ExecContext(ctx, `DELETE FROM task_draft WHERE task_id = $1 AND saved_at = $2`, id, card.SavedAt)
		if err != nil {
			return fmt.Errorf("close draft: %w", err)
		}
		if n, err := gone.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Задание только что сохранили в другом окне. Посмотрите его и отправьте снова"))
		}
		elements, err := competency.ElementsTx(ctx, tx, w.CodifierID)
		if err != nil {
			return err
		}
		if err := fits(w.Task.Task, elements); err != nil {
			return refusal(err)
		}
		ids, err := insertVersionsTx(ctx, tx, actor.ID, []submission{{w.Task, shown, w.CodifierID, id}}, s.now())
		if err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "task.submitted", ObjectKind: "task_version", ObjectID: fmt.Sprint(ids[0])})
	})
}

// fits tells whether the elements of a task are in its codifier, on its part.
func fits(t task.Task, elements []competency.Element) error {
	parts := map[string]string{}
	for _, e := range elements {
		parts[e.ID] = e.Part
	}
	var faults task.Faults
	for _, w := range t.Elements {
		switch part, known := parts[w.Element]; {
		case !known:
			faults = append(faults, task.Fault{Field: "elements", Want: "элемента " + w.Element + " нет в кодификаторе"})
		case t.Part != task.Self && part != string(t.Part):
			faults = append(faults, task.Fault{Field: "elements", Want: "элемент " + w.Element + " другой части, чем задание"})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// Retire takes a task out of use, or brings it back; variants keep what they have.
func (s *Service) Retire(ctx context.Context, actor access.Actor, id int64, retired bool) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := mineTx(ctx, tx, actor, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE task SET retired_at = CASE WHEN $2 THEN COALESCE(retired_at, $3) END WHERE id = $1`, id, retired, s.now()); err != nil {
			return fmt.Errorf("retire task: %w", err)
		}
		action := "task.retired"
		if !retired {
			action = "task.restored"
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "task", ObjectID: fmt.Sprint(id)})
	})
}

// mayReadKey tells who sees the key of a task: its author, reviewers, the manager.
func mayReadKey(actor access.Actor, author access.PersonID) bool {
	return actor.ID == author || actor.May(access.TasksReview) || actor.May(access.CompetencyManage)
}
