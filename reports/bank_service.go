package reports

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Service reads the bank and keeps each reader's saved views of it.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
}

// New returns a service over pool.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool, now} }

// View is a saved view of the bank: filters under a name.
type View struct {
	ID    int64  `db:"id"`
	Title string `db:"title"`
	Query string `db:"query"`
}

// Href is the address of the view.
func (v View) Href() string { return "/deficits?" + v.Query }

// Page of the list of people.
const pageSize = 25

// Looked is the bank with the people and the saved views, as one page shows them.
type Looked struct {
	Bank
	Persons  bool     // the actor may see records of persons
	Named    bool     // and open their results by name
	Records  []Record // of one page
	Count    int      // of all
	Differ   int      // of them, of which the bare share rule would say otherwise
	Unshared int      // people not shown: they have not agreed to it
	Views    []View
}

// Veiled reports that records are kept back because the group looked at is small.
func (l Looked) Veiled() bool { return l.narrow && !l.Named }

// Pages is how many pages the list of people has.
func (l Looked) Pages() int { return (l.Count + pageSize - 1) / pageSize }

// Look reads the bank as the actor may see it. Records of persons shown are
// journalled as looks at those persons' data.
func (s *Service) Look(ctx context.Context, actor access.Actor, q Query) (Looked, error) {
	var out Looked
	q.Page = max(1, q.Page)
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if out.Bank, err = BankTx(ctx, tx, actor, q); err != nil {
			return err
		}
		if out.Views, err = db.Select[View](ctx, tx, `SELECT id, title, query FROM bank_view WHERE person_id = $1 ORDER BY title`, actor.ID); err != nil {
			return fmt.Errorf("saved views: %w", err)
		}
		out.Named = actor.May(access.PersonResults)
		if out.Persons = actor.May(access.BankPersons); !out.Persons || out.Empty {
			return nil
		}
		if out.Records, err = out.recordsTx(ctx, tx, actor, pageSize, (q.Page-1)*pageSize); err != nil {
			return err
		}
		if out.Unshared, err = unsharedTx(ctx, tx, actor, out.Campaign.ID); err != nil {
			return err
		}
		if len(out.Records) > 0 {
			out.Count, out.Differ = out.Records[0].Count, out.Records[0].Differ
		}
		return lookTx(ctx, tx, actor, out.Records, "Список банка дефицитов, по коду участника", out.Campaign.ID)
	})
	return out, err
}

// SaveView keeps the filters of q under a title of the actor's own; the same title is replaced.
func (s *Service) SaveView(ctx context.Context, actor access.Actor, title string, q Query) error {
	title = strings.Join(strings.Fields(title), " ")
	switch {
	case title == "":
		return fault.Field("title", "Назовите вид, чтобы потом его найти")
	case len([]rune(title)) > 60:
		return fault.Field("title", "Название длиннее 60 знаков")
	}
	q.Page = 0
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO bank_view (person_id, title, query, saved_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT ON CONSTRAINT bank_view_title_unique DO UPDATE SET query = EXCLUDED.query, saved_at = EXCLUDED.saved_at`,
			actor.ID, title, q.Values().Encode(), s.now())
		if err != nil {
			return fmt.Errorf("save view: %w", err)
		}
		return nil
	})
}

// DropView forgets one of the actor's own views.
func (s *Service) DropView(ctx context.Context, actor access.Actor, id int64) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		_, err := db.Get[int64](ctx, tx, `DELETE FROM bank_view WHERE id = $1 AND person_id = $2 RETURNING id`, id, actor.ID)
		return err
	})
}

// Workbook makes the bank as the actor may see it into a workbook, and journals
// that it left: which filters, how many records, whose.
func (s *Service) Workbook(ctx context.Context, actor access.Actor, exporter string, q Query) (name string, body []byte, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		b, err := BankTx(ctx, tx, actor, q)
		if err != nil {
			return err
		}
		if b.Empty {
			return noBank
		}
		var records []Record
		unshared := 0
		persons := actor.May(access.BankPersons)
		if persons {
			if records, err = b.recordsTx(ctx, tx, actor, 0, 0); err != nil {
				return err
			}
			if unshared, err = unsharedTx(ctx, tx, actor, b.Campaign.ID); err != nil {
				return err
			}
			if err := lookTx(ctx, tx, actor, records, "Выгрузка банка дефицитов, по коду участника", b.Campaign.ID); err != nil {
				return err
			}
		}
		if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "bank.export", ObjectKind: "campaign", ObjectID: fmt.Sprint(b.Campaign.ID),
			Purpose: "Выгрузка банка дефицитов", Details: map[string]any{"query": b.Query.Values().Encode(), "records": len(records)}}); err != nil {
			return err
		}
		now := s.now()
		name = "Банк дефицитов, " + strings.ReplaceAll(b.Campaign.Title, "/", "-") + ", " + now.Format("2006-01-02") + ".xlsx"
		body, err = workbook(b, persons, actor.May(access.PersonResults), records, unshared, exporter, now)
		return err
	})
	return name, body, err
}
