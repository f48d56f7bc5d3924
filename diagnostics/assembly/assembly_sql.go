package assembly

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// VariantTx lists the tasks of a variant in order; an unknown variant has none.
func VariantTx(ctx context.Context, tx db.Q, id int64) ([]VariantTask, error) {
	return db.Select[VariantTask](ctx, tx, `SELECT position, task_version_id FROM variant_task WHERE variant_id = $1 ORDER BY position`, id)
}

const instrumentColumns = `i.id, i.code, i.title, i.about, i.position_code, i.subject_code, i.codifier_id, i.created_at`

// InstrumentTx reads one instrument; none is a NotFound fault.
func InstrumentTx(ctx context.Context, tx db.Q, id int64) (Instrument, error) {
	return db.Get[Instrument](ctx, tx, `SELECT `+instrumentColumns+` FROM instrument i WHERE i.id = $1`, id)
}

// InstrumentsTx lists all instruments by title.
func InstrumentsTx(ctx context.Context, tx db.Q) ([]Instrument, error) {
	return db.Select[Instrument](ctx, tx, `SELECT `+instrumentColumns+` FROM instrument i ORDER BY i.title`)
}

// SpecificationsTx lists the versions of an instrument's specification, the newest first.
func SpecificationsTx(ctx context.Context, tx db.Q, instrumentID int64) ([]Specification, error) {
	return db.Select[Specification](ctx, tx, `
		SELECT id, instrument_id, version, minutes, created_by, created_at
		FROM specification WHERE instrument_id = $1 ORDER BY version DESC`, instrumentID)
}

// SpecificationTx reads one version; none is a NotFound fault.
func SpecificationTx(ctx context.Context, tx db.Q, id int64) (Specification, error) {
	return db.Get[Specification](ctx, tx, `SELECT id, instrument_id, version, minutes, created_by, created_at FROM specification WHERE id = $1`, id)
}

// RowsTx lists the blueprint of a specification in order.
func RowsTx(ctx context.Context, tx db.Q, specificationID int64) ([]Row, error) {
	return db.Select[Row](ctx, tx, `
		SELECT position, part, element_id, COALESCE(kind, '') AS kind, COALESCE(level, '') AS level, COALESCE(max_points, 0) AS max_points
		FROM specification_row WHERE specification_id = $1 ORDER BY position`, specificationID)
}

// VariantsTx lists the variants of a specification by number.
func VariantsTx(ctx context.Context, tx db.Q, specificationID int64) ([]Variant, error) {
	return db.Select[Variant](ctx, tx, `
		SELECT v.id, v.specification_id, v.number, v.created_at, (SELECT count(*) FROM variant_task t WHERE t.variant_id = v.id) AS tasks
		FROM variant v WHERE v.specification_id = $1 ORDER BY v.number`, specificationID)
}

// usesTx counts in how many variants each version of a codifier's tasks stands.
func usesTx(ctx context.Context, tx db.Q, versions []int64) (map[int64]int, error) {
	rows, err := db.Select[struct {
		ID int64 `db:"task_version_id"`
		N  int   `db:"n"`
	}](ctx, tx, `SELECT task_version_id, count(*) AS n FROM variant_task WHERE task_version_id = ANY($1) GROUP BY task_version_id`, db.Array(versions))
	if err != nil {
		return nil, fmt.Errorf("uses of tasks: %w", err)
	}
	uses := make(map[int64]int, len(rows))
	for _, r := range rows {
		uses[r.ID] = r.N
	}
	return uses, nil
}

func insertInstrumentTx(ctx context.Context, tx db.Q, in Instrument, now time.Time) (int64, error) {
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO instrument (code, title, about, position_code, subject_code, codifier_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`, in.Code, in.Title, in.About, in.Position, in.Subject, in.CodifierID, now)
	return id, db.Refusal(err, map[string]string{
		"instrument_code_unique": "Инструмент с кодом " + in.Code + " уже есть",
		"instrument_position_fk": "Такой должности нет в справочнике: " + in.Position,
		"instrument_subject_fk":  "Такого предмета нет в справочнике: " + in.Subject,
		"instrument_codifier_fk": "Такого кодификатора нет",
	})
}

func insertSpecificationTx(ctx context.Context, tx db.Q, actor access.Actor, instrumentID int64, minutes int, rows []Row, now time.Time) (int64, error) {
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO specification (instrument_id, version, minutes, created_by, created_at)
		SELECT $1, 1 + COALESCE(max(version), 0), $2, $3, $4 FROM specification WHERE instrument_id = $1
		RETURNING id`, instrumentID, minutes, actor.ID, now)
	if err != nil {
		return 0, db.Refusal(fmt.Errorf("insert specification: %w", err), map[string]string{
			"specification_version_unique":   "Спецификацию только что сохранил кто-то другой. Посмотрите её и повторите",
			"specification_instrument_fk":    "Такого инструмента нет",
			"specification_minutes_positive": "Нужно время в минутах",
		})
	}
	list := make([]map[string]any, len(rows))
	for i, r := range rows {
		list[i] = map[string]any{"position": i + 1, "part": r.Part, "element_id": r.Element, "kind": r.Kind, "level": r.Level, "max_points": r.Max}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return 0, fmt.Errorf("blueprint: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO specification_row (specification_id, position, part, element_id, kind, level, max_points)
		SELECT $2, position, part, element_id, NULLIF(kind, ''), NULLIF(level, ''), NULLIF(max_points, 0)
		FROM jsonb_to_recordset($1) AS r (position integer, part text, element_id text, kind text, level text, max_points numeric)`, body, id); err != nil {
		return 0, db.Refusal(fmt.Errorf("insert blueprint: %w", err), map[string]string{"specification_row_element_fk": "В спецификации назван элемент, которого нет в кодификаторе"})
	}
	return id, nil
}

func insertVariantTx(ctx context.Context, tx db.Q, actor access.Actor, specificationID int64, versions []int64, now time.Time) (int64, error) {
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO variant (specification_id, number, created_by, created_at)
		SELECT $1, 1 + COALESCE(max(number), 0), $2, $3 FROM variant WHERE specification_id = $1
		RETURNING id`, specificationID, actor.ID, now)
	if err != nil {
		return 0, db.Refusal(fmt.Errorf("insert variant: %w", err), map[string]string{"variant_number_unique": "Вариант только что собрал кто-то другой. Посмотрите его"})
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO variant_task (variant_id, position, task_version_id)
		SELECT $1, place, version FROM unnest($2::bigint[]) WITH ORDINALITY AS t (version, place)`, id, db.Array(versions)); err != nil {
		return 0, fmt.Errorf("insert variant tasks: %w", err)
	}
	return id, nil
}
