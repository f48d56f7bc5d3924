package roadmap

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/roadmap/parse"
)

const planColumns = `id, title, year, territory_id, owner, approved_number, approved_on, adopted_from, source_name, source_sha256`

var words = map[string]string{
	"roadmap_plan_once": "Такой план на этот год уже загружен",
}

// insertTx keeps a new plan whole and gives its id.
func insertTx(ctx context.Context, tx *sqlx.Tx, p Plan, by int64, now time.Time) (int64, error) {
	level := "region"
	if p.TerritoryID != nil {
		level = "municipality"
	}
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO roadmap_plan (title, year, level, territory_id, owner, approved_number, approved_on, adopted_from, source_name, source_sha256, imported_by, imported_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		p.Title, p.Year, level, p.TerritoryID, p.Owner, p.ApprovedNumber, p.ApprovedOn, p.AdoptedFrom, p.SourceName, p.SourceSHA, by, now)
	if err != nil {
		return 0, db.Refusal(err, words)
	}
	type itemRow struct {
		Section     int            `json:"section"`
		Number      string         `json:"number"`
		Rank        int            `json:"rank"`
		Title       string         `json:"title"`
		Short       string         `json:"short"`
		TermText    string         `json:"term_text"`
		TermKind    parse.Kind     `json:"term_kind"`
		Periods     []parse.Period `json:"periods"`
		Responsible []string       `json:"responsible"`
		Keys        []string       `json:"keys"`
	}
	type sectionRow struct {
		Number int    `json:"number"`
		Title  string `json:"title"`
	}
	var sections []sectionRow
	var items []itemRow
	for _, s := range p.Sections {
		sections = append(sections, sectionRow{s.Number, s.Title})
		for _, i := range s.Items {
			keys := i.Keys
			if keys == nil {
				keys = []string{}
			}
			items = append(items, itemRow{s.Number, i.Number, len(items), i.Title, i.Short, i.Term.Text, i.Term.Kind, i.Term.Periods, i.Responsible, keys})
		}
	}
	if err := execJSON(ctx, tx, `
		INSERT INTO roadmap_section (plan_id, number, title)
		SELECT $1, number, title FROM jsonb_to_recordset($2) AS s (number int, title text)`, id, sections); err != nil {
		return 0, fmt.Errorf("keep sections: %w", err)
	}
	if err := execJSON(ctx, tx, `
		INSERT INTO roadmap_item (plan_id, section, number, rank, title, short, term_text, term_kind, periods, responsible)
		SELECT $1, section, number, rank, title, short, term_text, term_kind, periods, responsible
		FROM jsonb_to_recordset($2) AS i (section int, number text, rank int, title text, short text, term_text text, term_kind text, periods jsonb, responsible text[])
		ORDER BY rank`, id, items); err != nil {
		return 0, fmt.Errorf("keep items: %w", err)
	}
	if err := execJSON(ctx, tx, `
		INSERT INTO roadmap_indicator (item_id, key, rank)
		SELECT r.id, k.key, k.rank
		FROM jsonb_to_recordset($2) AS i (number text, keys jsonb)
		CROSS JOIN LATERAL jsonb_array_elements_text(i.keys) WITH ORDINALITY AS k (key, rank)
		JOIN roadmap_item r ON r.plan_id = $1 AND r.number = i.number`, id, items); err != nil {
		return 0, fmt.Errorf("keep indicators: %w", err)
	}
	return id, nil
}

func execJSON(ctx context.Context, tx *sqlx.Tx, query string, id int64, rows any) error {
	b, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, query, id, b)
	return err
}

// plansTx gives plans whole: all of them (the newest year first), or one.
func plansTx(ctx context.Context, tx *sqlx.Tx, only int64) ([]Plan, error) {
	plans, err := db.Select[Plan](ctx, tx, `
		SELECT `+planColumns+` FROM roadmap_plan WHERE $1 = 0 OR id = $1 ORDER BY year DESC, level DESC, owner, id`, only)
	if err != nil {
		return nil, fmt.Errorf("plans: %w", err)
	}
	if only != 0 && len(plans) == 0 {
		return nil, fault.New(fault.NotFound, "Такого плана нет")
	}
	type sectionRow struct {
		PlanID int64 `db:"plan_id"`
		Section
	}
	sections, err := db.Select[sectionRow](ctx, tx, `
		SELECT plan_id, number, title FROM roadmap_section WHERE $1 = 0 OR plan_id = $1 ORDER BY plan_id, number`, only)
	if err != nil {
		return nil, fmt.Errorf("sections: %w", err)
	}
	type itemRow struct {
		ID          int64           `db:"id"`
		PlanID      int64           `db:"plan_id"`
		Section     int             `db:"section"`
		Number      string          `db:"number"`
		Title       string          `db:"title"`
		Short       string          `db:"short"`
		TermText    string          `db:"term_text"`
		TermKind    parse.Kind      `db:"term_kind"`
		Periods     json.RawMessage `db:"periods"`
		Responsible json.RawMessage `db:"responsible"`
		Reports     json.RawMessage `db:"reports"`
		Keys        json.RawMessage `db:"keys"`
	}
	items, err := db.Select[itemRow](ctx, tx, `
		SELECT i.id, i.plan_id, i.section, i.number, i.title, i.short, i.term_text, i.term_kind, i.periods, to_jsonb(i.responsible) AS responsible,
			COALESCE((SELECT jsonb_agg(k.key ORDER BY k.rank, k.key) FROM roadmap_indicator k WHERE k.item_id = i.id), '[]') AS keys,
			COALESCE((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state, 'note', r.note, 'documentTitle', r.document_title,
				'document', r.document, 'until', r.until, 'by', r.by_id, 'at', r.at) ORDER BY r.id) FROM roadmap_report r WHERE r.item_id = i.id), '[]') AS reports
		FROM roadmap_item i WHERE $1 = 0 OR i.plan_id = $1 ORDER BY i.plan_id, i.rank`, only)
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	at := map[int64]*Plan{}
	for k := range plans {
		at[plans[k].ID] = &plans[k]
	}
	for _, s := range sections {
		p := at[s.PlanID]
		p.Sections = append(p.Sections, s.Section)
	}
	for _, r := range items {
		i := Item{ID: r.ID, Section: r.Section, Number: r.Number, Title: r.Title, Short: r.Short, Term: parse.Term{Text: r.TermText, Kind: r.TermKind}}
		var reports []struct {
			Report
			Until string
		}
		for _, f := range []struct {
			from json.RawMessage
			to   any
		}{{r.Periods, &i.Term.Periods}, {r.Responsible, &i.Responsible}, {r.Keys, &i.Keys}, {r.Reports, &reports}} {
			if err := json.Unmarshal(f.from, f.to); err != nil {
				return nil, fmt.Errorf("item %d: %w", r.ID, err)
			}
		}
		for _, x := range reports {
			if t, err := time.Parse("2006-01-02", x.Until); err == nil {
				x.Report.Until = &t
			}
			i.Reports = append(i.Reports, x.Report)
		}
		p := at[r.PlanID]
		for k := range p.Sections {
			if p.Sections[k].Number == r.Section {
				p.Sections[k].Items = append(p.Sections[k].Items, i)
			}
		}
	}
	return plans, nil
}

// planTx gives one plan whole.
func planTx(ctx context.Context, tx *sqlx.Tx, id int64) (Plan, error) {
	plans, err := plansTx(ctx, tx, id)
	if err != nil {
		return Plan{}, err
	}
	return plans[0], nil
}

// reportsTx appends reports to items of a plan, in the order given.
func reportsTx(ctx context.Context, tx *sqlx.Tx, plan int64, by int64, now time.Time, reports []NewReport) error {
	b, err := json.Marshal(reports)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO roadmap_report (item_id, state, note, document_title, document, until, by_id, at)
		SELECT i.id, r.value->>'state', r.value->>'note', r.value->>'document_title', r.value->>'document', CAST(NULLIF(r.value->>'until', '') AS date), $2, $3
		FROM jsonb_array_elements($4) WITH ORDINALITY AS r (value, rank)
		JOIN roadmap_item i ON i.plan_id = $1 AND i.number = r.value->>'item'
		ORDER BY r.rank`, plan, by, now, b)
	if err != nil {
		return fmt.Errorf("keep reports: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || int(n) != len(reports) {
		return errNoItem
	}
	return nil
}

var errNoItem = fault.New(fault.NotFound, "Такого пункта в плане нет")

func itoa(n int) string { return strconv.Itoa(n) }
