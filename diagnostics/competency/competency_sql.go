package competency

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/db"
)

// AreasTx lists the areas of competency in their order.
func AreasTx(ctx context.Context, tx db.Q) ([]Area, error) {
	return db.Select[Area](ctx, tx, `SELECT code, name, rank FROM competency_area ORDER BY rank`)
}

// LabourFunctionsTx lists the functions of the professional standards as a tree in order of codes.
func LabourFunctionsTx(ctx context.Context, tx db.Q) ([]LabourFunction, error) {
	return db.Select[LabourFunction](ctx, tx, `
		SELECT code, standard, title, COALESCE(parent_code, '') AS parent_code, kind
		FROM labour_function ORDER BY code`)
}

const codifierColumns = `c.id, c.code, c.edition, c.title, COALESCE(c.subject_code, '') AS subject_code, c.valid_from,
	(SELECT count(*) FROM codifier_element e WHERE e.codifier_id = c.id) AS elements`

// CodifiersTx lists all editions, the newest of each code first.
func CodifiersTx(ctx context.Context, tx db.Q) ([]Codifier, error) {
	return db.Select[Codifier](ctx, tx, `SELECT `+codifierColumns+` FROM codifier c ORDER BY c.title, c.code, c.valid_from DESC, c.id DESC`)
}

// CodifierTx reads one edition; none is a NotFound fault.
func CodifierTx(ctx context.Context, tx db.Q, id int64) (Codifier, error) {
	return db.Get[Codifier](ctx, tx, `SELECT `+codifierColumns+` FROM codifier c WHERE c.id = $1`, id)
}

const elementColumns = `codifier_id, element_id, COALESCE(parent_id, '') AS parent_id, number, title, short_title, part, area_code,
	about, strengthen, importance, rank`

// ElementsOfTx lists the elements of several editions, in the order of their first mention.
func ElementsOfTx(ctx context.Context, tx db.Q, codifierIDs []int64) ([]Element, error) {
	seen, all := map[int64]bool{}, []Element{}
	for _, id := range codifierIDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		list, err := ElementsTx(ctx, tx, id)
		if err != nil {
			return nil, fmt.Errorf("elements of codifier %d: %w", id, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// ElementsTx lists the elements of one edition in their order; an unknown edition has none.
func ElementsTx(ctx context.Context, tx db.Q, codifierID int64) ([]Element, error) {
	return db.Select[Element](ctx, tx, `SELECT `+elementColumns+` FROM codifier_element WHERE codifier_id = $1 ORDER BY rank`, codifierID)
}

// elementFunctionsTx gives the codes of labour functions by element of one edition.
func elementFunctionsTx(ctx context.Context, tx db.Q, codifierID int64) (map[string][]string, error) {
	rows, err := db.Select[struct {
		Element string `db:"element_id"`
		Code    string `db:"labour_function_code"`
	}](ctx, tx, `
		SELECT l.element_id, l.labour_function_code
		FROM element_labour_function l
		JOIN codifier_element e ON e.element_id = l.element_id
		WHERE e.codifier_id = $1
		ORDER BY l.element_id, l.labour_function_code`, codifierID)
	if err != nil {
		return nil, fmt.Errorf("labour functions of elements: %w", err)
	}
	links := map[string][]string{}
	for _, r := range rows {
		links[r.Element] = append(links[r.Element], r.Code)
	}
	return links, nil
}

func insertCodifierTx(ctx context.Context, tx db.Q, n NewCodifier, now time.Time) (int64, error) {
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO codifier (code, edition, title, subject_code, valid_from)
		VALUES ($1, $2, $3, NULLIF($4, ''), $5) RETURNING id`, n.Code, n.Edition, n.Title, n.Subject, now)
	if err != nil {
		return 0, db.Refusal(fmt.Errorf("insert codifier: %w", err), map[string]string{
			"codifier_edition_unique": "Такое издание кодификатора уже есть",
			"codifier_subject_fk":     "Такого предмета нет в справочнике: " + n.Subject,
		})
	}
	rows, err := json.Marshal(elementRows(n.rows(id)))
	if err != nil {
		return 0, fmt.Errorf("elements: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO element (id) SELECT e.element_id FROM jsonb_to_recordset($1) AS e (element_id text)
		ON CONFLICT (id) DO NOTHING`, rows); err != nil {
		return 0, fmt.Errorf("insert elements: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO codifier_element (codifier_id, element_id, parent_id, number, title, short_title, part, area_code, about, strengthen, importance, rank)
		SELECT $2, element_id, NULLIF(parent_id, ''), number, title, short_title, part, area_code, about, strengthen, importance, rank
		FROM jsonb_to_recordset($1) AS e (element_id text, parent_id text, number text, title text, short_title text, part text,
			area_code text, about text, strengthen text, importance numeric, rank integer)`, rows, id); err != nil {
		return 0, db.Refusal(fmt.Errorf("insert codifier elements: %w", err), map[string]string{
			"codifier_element_area_fk":       "Элемент назван в области, которой нет",
			"codifier_element_number_unique": "Номера элементов повторяются",
		})
	}
	var elements, codes []string
	for element, list := range n.links() {
		for _, code := range list {
			elements, codes = append(elements, element), append(codes, code)
		}
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO element_labour_function (element_id, labour_function_code)
		SELECT * FROM unnest($1::text[], $2::text[])
		ON CONFLICT DO NOTHING`, db.Array(elements), db.Array(codes)); err != nil {
		return 0, db.Refusal(fmt.Errorf("insert labour functions of elements: %w", err), map[string]string{
			"element_labour_function_function_fk": "Такой трудовой функции нет в профстандарте",
		})
	}
	return id, nil
}

// elementRows names the columns for jsonb_to_recordset.
func elementRows(elements []Element) []map[string]any {
	rows := make([]map[string]any, len(elements))
	for i, e := range elements {
		rows[i] = map[string]any{"element_id": e.ID, "parent_id": e.Parent, "number": e.Number, "title": e.Title, "short_title": e.Short,
			"part": e.Part, "area_code": e.Area, "about": e.About, "strengthen": e.Strengthen, "importance": e.Importance, "rank": e.Rank}
	}
	return rows
}

type scaleRow struct {
	ID         int64           `db:"id"`
	Code       string          `db:"code"`
	Version    int             `db:"version"`
	Title      string          `db:"title"`
	Definition json.RawMessage `db:"definition"`
	ValidFrom  time.Time       `db:"valid_from"`
}

func (r scaleRow) scale() (Scale, error) {
	s := Scale{ID: r.ID, Code: r.Code, Version: r.Version, Title: r.Title, ValidFrom: r.ValidFrom}
	if err := json.Unmarshal(r.Definition, &s.Definition); err != nil {
		return Scale{}, fmt.Errorf("scale %d: %w", r.ID, err)
	}
	return s, nil
}

// ScaleTx reads one version of a scale; none is a NotFound fault.
func ScaleTx(ctx context.Context, tx db.Q, id int64) (Scale, error) {
	row, err := db.Get[scaleRow](ctx, tx, `SELECT id, code, version, title, definition, valid_from FROM scale WHERE id = $1`, id)
	if err != nil {
		return Scale{}, err
	}
	return row.scale()
}

// ScalesTx lists all versions of all scales, the newest of each code first.
func ScalesTx(ctx context.Context, tx db.Q) ([]Scale, error) {
	rows, err := db.Select[scaleRow](ctx, tx, `SELECT id, code, version, title, definition, valid_from FROM scale ORDER BY code, version DESC`)
	if err != nil {
		return nil, fmt.Errorf("scales: %w", err)
	}
	scales := make([]Scale, 0, len(rows))
	for _, r := range rows {
		s, err := r.scale()
		if err != nil {
			return nil, err
		}
		scales = append(scales, s)
	}
	return scales, nil
}

// DefaultScaleTx is the newest version of the scale that new campaigns start with.
func DefaultScaleTx(ctx context.Context, tx db.Q) (Scale, error) {
	row, err := db.Get[scaleRow](ctx, tx, `
		SELECT id, code, version, title, definition, valid_from FROM scale
		WHERE code = 'deficit-60' ORDER BY version DESC LIMIT 1`)
	if err != nil {
		return Scale{}, err
	}
	return row.scale()
}
