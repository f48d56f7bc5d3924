package memos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/reports"
)

// Service writes memos.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
}

// New returns a service over pool.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool, now} }

var (
	noMemo = fault.New(fault.NotFound, "Такой справки нет или она не для вас")
	moved  = fault.New(fault.Conflict, "Пока вы работали, справку изменил кто-то ещё. Откройте её заново и посмотрите, что поменялось")
	words  = map[string]string{
		"memo_once":           "Справка по этой диагностике и этому муниципалитету уже есть",
		"memo_version_unique": moved.Message,
	}
)

// Listed is a line of the list of memos.
type Listed struct {
	ID       int64      `db:"id"`
	Campaign string     `db:"campaign"`
	Where    string     `db:"place"`
	Region   bool       `db:"region"`
	State    string     `db:"state"`
	Version  int        `db:"version"`
	Number   string     `db:"number"`
	Approved *time.Time `db:"approved_on"`
	MadeAt   time.Time  `db:"made_at"`
}

// Choice is an entry of a select.
type Choice struct {
	ID    int64  `db:"id"`
	Title string `db:"title"`
}

// Overview is the list of memos and what a new one may be made of.
type Overview struct {
	Memos       []Listed
	Campaigns   []Choice
	Territories []Choice
}

// visible is the last version of a memo that the scope may see: those of a
// territory see approved ones alone. $1 all, $2 territories.
const visible = `SELECT DISTINCT ON (memo_id) * FROM memo_version v
	WHERE ($1 OR v.state = 'approved' AND v.memo_id IN (SELECT id FROM memo WHERE territory_id = ANY($2))) ORDER BY memo_id, version DESC`

// List lists the memos that the actor may see, the freshest first.
func (s *Service) List(ctx context.Context, actor access.Actor) (Overview, error) {
	var out Overview
	scope := actor.Scope(access.MemosRead)
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if out.Memos, err = db.Select[Listed](ctx, tx, `
			SELECT m.id, c.title AS campaign, COALESCE(t.short_name, $3) AS place, m.territory_id IS NULL AS region, v.state, v.version, v.number, v.approved_on, v.made_at
			FROM (`+visible+`) v JOIN memo m ON m.id = v.memo_id JOIN campaign c ON c.id = m.campaign_id LEFT JOIN territory t ON t.id = m.territory_id
			ORDER BY c.closes_at DESC, m.territory_id IS NOT NULL, place`, scope.All, db.Array(scope.Territories), reports.Region); err != nil {
			return fmt.Errorf("list memos: %w", err)
		}
		if !actor.May(access.MemosWrite) {
			return nil
		}
		if out.Campaigns, err = db.Select[Choice](ctx, tx, `
			SELECT id, title FROM campaign c WHERE purpose = 'real' AND EXISTS (SELECT FROM deficit d WHERE d.campaign_id = c.id AND d.replaced_at IS NULL)
			ORDER BY state = 'closed' DESC, closes_at DESC`); err != nil {
			return fmt.Errorf("campaigns for memos: %w", err)
		}
		out.Territories, err = db.Select[Choice](ctx, tx, `
			SELECT id, short_name AS title FROM territory WHERE id IN (SELECT territory_id FROM deficit WHERE replaced_at IS NULL) ORDER BY short_name`)
		if err != nil {
			return fmt.Errorf("territories for memos: %w", err)
		}
		return nil
	})
	return out, err
}

// Create drafts a memo on a campaign for a territory (0 = the region): figures of
// this moment, words by the rules. It returns the id.
func (s *Service) Create(ctx context.Context, actor access.Actor, campaign, territory int64) (int64, error) {
	if campaign == 0 {
		return 0, fault.Field("campaign", "Выберите диагностику")
	}
	var id int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		d, err := reports.DigestTx(ctx, tx, actor, campaign, territory)
		if err != nil {
			return err
		}
		drafted, err := draftTx(ctx, tx, d)
		if err != nil {
			return err
		}
		err = tx.GetContext(ctx, &id, `INSERT INTO memo (campaign_id, territory_id, created_by, created_at) VALUES ($1, NULLIF($2, 0), $3, $4) RETURNING id`,
			campaign, territory, actor.ID, s.now())
		if err != nil {
			return db.Refusal(err, words)
		}
		return s.addTx(ctx, tx, actor, id, Version{Version: 1, State: "draft", Figures: d, Words: drafted}, "memo.drafted")
	})
	return id, err
}

func draftTx(ctx context.Context, tx db.Q, d reports.Digest) ([]Paragraph, error) {
	templates, err := db.Select[Template](ctx, tx, `
		SELECT code, kind, addressee, rule, body FROM (SELECT DISTINCT ON (code) * FROM memo_template ORDER BY code, version DESC) t ORDER BY rank, code`)
	if err != nil {
		return nil, fmt.Errorf("templates of memos: %w", err)
	}
	return draft(templates, d)
}

// addTx appends a version and journals it.
func (s *Service) addTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, id int64, v Version, action string) error {
	figures, err := json.Marshal(v.Figures)
	if err != nil {
		return fmt.Errorf("freeze figures: %w", err)
	}
	text, err := json.Marshal(v.Words)
	if err != nil {
		return fmt.Errorf("keep words: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO memo_version (memo_id, version, state, figures, words, number, approved_on, made_by, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, id, v.Version, v.State, figures, text, v.Number, v.Approved, actor.ID, s.now())
	if err != nil {
		return db.Refusal(err, words)
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "memo", ObjectID: fmt.Sprint(id), Details: map[string]any{"version": v.Version}})
}

// memoTx reads a memo in one of its versions (0 = the last the actor may see).
func memoTx(ctx context.Context, tx db.Q, actor access.Actor, id int64, version int) (Memo, error) {
	scope := actor.Scope(access.MemosRead)
	row, err := db.Get[struct {
		Memo
		V        int             `db:"version"`
		State    string          `db:"state"`
		Number   string          `db:"number"`
		Approved *time.Time      `db:"approved_on"`
		MadeAt   time.Time       `db:"made_at"`
		Figures  json.RawMessage `db:"figures"`
		Words    json.RawMessage `db:"words"`
	}](ctx, tx, `
		SELECT m.id, m.campaign_id, m.territory_id, c.title, COALESCE(t.short_name, $5) AS place,
			v.version, v.state, v.number, v.approved_on, v.made_at, v.figures, v.words
		FROM memo m JOIN memo_version v ON v.memo_id = m.id JOIN campaign c ON c.id = m.campaign_id LEFT JOIN territory t ON t.id = m.territory_id
		WHERE m.id = $3 AND ($4 = 0 OR v.version = $4) AND ($1 OR v.state = 'approved' AND m.territory_id = ANY($2))
		ORDER BY v.version DESC LIMIT 1`, scope.All, db.Array(scope.Territories), id, version, reports.Region)
	if fault.KindOf(err) == fault.NotFound {
		return Memo{}, noMemo
	}
	if err != nil {
		return Memo{}, fmt.Errorf("memo %d: %w", id, err)
	}
	m := row.Memo
	m.Version = Version{Version: row.V, State: row.State, Number: row.Number, Approved: row.Approved, MadeAt: row.MadeAt}
	if err := json.Unmarshal(row.Figures, &m.Version.Figures); err != nil {
		return Memo{}, fmt.Errorf("figures of memo %d: %w", id, err)
	}
	if err := json.Unmarshal(row.Words, &m.Version.Words); err != nil {
		return Memo{}, fmt.Errorf("words of memo %d: %w", id, err)
	}
	return m, nil
}

// Opened is a memo with its history and what moved since it was frozen.
type Opened struct {
	Memo
	Versions []Listed // newest first, those the actor may see
	Latest   bool     // this is the newest of them
	Writes   bool     // the actor may change it
	Changes  []Change // since the figures were frozen; for those who write, of the newest version
	Gone     string   // why the figures of today cannot be had
}

// Open reads a memo in one of its versions (0 = the last the actor may see).
func (s *Service) Open(ctx context.Context, actor access.Actor, id int64, version int) (Opened, error) {
	var out Opened
	scope := actor.Scope(access.MemosRead)
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if out.Memo, err = memoTx(ctx, tx, actor, id, version); err != nil {
			return err
		}
		if out.Versions, err = db.Select[Listed](ctx, tx, `
			SELECT v.version, v.state, v.number, v.approved_on, v.made_at FROM memo_version v WHERE v.memo_id = $1 AND ($2 OR v.state = 'approved')
			ORDER BY v.version DESC`, id, scope.All); err != nil {
			return fmt.Errorf("versions of memo %d: %w", id, err)
		}
		out.Latest = out.Version.Version == out.Versions[0].Version
		out.Writes = actor.May(access.MemosWrite)
		if !out.Writes || !out.Latest {
			return nil
		}
		live, err := reports.DigestTx(ctx, tx, actor, out.Campaign, value(out.Territory))
		if kind := fault.KindOf(err); kind == fault.Conflict || kind == fault.NotFound {
			out.Gone = err.Error()
			return nil
		}
		out.Changes = Changes(out.Version.Figures, live)
		return err
	})
	return out, err
}

func value(id *int64) int64 {
	if id == nil {
		return 0
	}
	return *id
}

// Write keeps edited words as a new draft; texts by the code of the paragraph.
// version is the one the words were written over.
func (s *Service) Write(ctx context.Context, actor access.Actor, id int64, version int, texts map[string]string) error {
	return s.change(ctx, actor, id, version, "memo.written", func(_ *sqlx.Tx, v *Version) error {
		for i, p := range v.Words {
			text, given := texts[p.Code]
			if !given {
				continue
			}
			if text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")); len([]rune(text)) > 4000 {
				return fault.Field(p.Code, "Абзац длиннее 4000 знаков")
			}
			v.Words[i].Text = text
		}
		v.State = "draft"
		return nil
	})
}

// Refresh makes a new draft with the figures of now; words that people wrote stay.
func (s *Service) Refresh(ctx context.Context, actor access.Actor, id int64, version int) error {
	return s.change(ctx, actor, id, version, "memo.refreshed", func(tx *sqlx.Tx, v *Version) error {
		m, err := memoTx(ctx, tx, actor, id, 0)
		if err != nil {
			return err
		}
		d, err := reports.DigestTx(ctx, tx, actor, m.Campaign, value(m.Territory))
		if err != nil {
			return err
		}
		fresh, err := draftTx(ctx, tx, d)
		v.State, v.Figures, v.Words = "draft", d, redraft(v.Words, fresh)
		return err
	})
}

// Approve makes the last draft a memo with a number and a date.
func (s *Service) Approve(ctx context.Context, actor access.Actor, id int64, version int, number string, on time.Time) error {
	number = strings.TrimSpace(number)
	faults := map[string]string{}
	switch {
	case number == "":
		faults["number"] = "Впишите номер, под которым справка зарегистрирована"
	case len([]rune(number)) > 40:
		faults["number"] = "Номер длиннее 40 знаков"
	}
	switch {
	case on.IsZero():
		faults["approved_on"] = "Укажите дату утверждения"
	case on.After(calendar.Day(s.now())):
		faults["approved_on"] = "Эта дата ещё не наступила"
	}
	if len(faults) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Справка пока не утверждена", Fields: faults}
	}
	return s.change(ctx, actor, id, version, "memo.approved", func(_ *sqlx.Tx, v *Version) error {
		if v.IsApproved() {
			return fault.New(fault.Conflict, "Эта редакция уже утверждена")
		}
		if v.Figures.Campaign.Published == nil {
			return fault.New(fault.Conflict, "Цифры собраны до публикации результатов. Когда руководитель опубликует их, обновите цифры и утвердите справку")
		}
		v.State, v.Number, v.Approved = "approved", number, &on
		return nil
	})
}

// change makes the next version out of the last one, if that is still the one the person saw.
func (s *Service) change(ctx context.Context, actor access.Actor, id int64, seen int, action string, f func(tx *sqlx.Tx, v *Version) error) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		m, err := memoTx(ctx, tx, actor, id, 0)
		if err != nil {
			return err
		}
		if m.Version.Version != seen {
			return moved
		}
		next := m.Version
		next.Version++
		if err := f(tx, &next); err != nil {
			return err
		}
		if next.State == "draft" {
			next.Number, next.Approved = "", nil
		}
		return s.addTx(ctx, tx, actor, id, next, action)
	})
}

// Document is a memo as DOCX; that it was taken is journalled.
func (s *Service) Document(ctx context.Context, actor access.Actor, id int64, version int) (name string, body []byte, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		m, err := memoTx(ctx, tx, actor, id, version)
		if err != nil {
			return err
		}
		if body, err = document(m); err != nil {
			return err
		}
		name = fmt.Sprintf("Справка, %s, %s.docx", strings.ReplaceAll(m.Title, "/", "-"), m.Where)
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "memo.export", ObjectKind: "memo", ObjectID: fmt.Sprint(id), Details: map[string]any{"version": m.Version.Version}})
	})
	return name, body, err
}
