package competency

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// AddCodifierTx adds an edition and returns its id. The same edition with the
// same elements is taken as it stands; with others it is a Conflict, because
// results already speak of it: a change is a new edition.
func AddCodifierTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, n NewCodifier, now time.Time) (int64, error) {
	for i := range n.Elements {
		n.Elements[i].LabourFunctions = slices.Sorted(slices.Values(n.Elements[i].LabourFunctions))
	}
	if err := n.check(); err != nil {
		return 0, err
	}
	held, err := db.Select[int64](ctx, tx, `SELECT id FROM codifier WHERE code = $1 AND edition = $2`, n.Code, n.Edition)
	if err != nil {
		return 0, fmt.Errorf("codifier: %w", err)
	}
	if len(held) == 1 {
		elements, err := ElementsTx(ctx, tx, held[0])
		if err != nil {
			return 0, err
		}
		links, err := elementFunctionsTx(ctx, tx, held[0])
		if err != nil {
			return 0, err
		}
		if !same(elements, links, n) {
			return 0, fault.New(fault.Conflict, "Издание %s кодификатора %s уже есть, и элементы в нём другие. Назовите изменённый список новым изданием", n.Edition, n.Code)
		}
		return held[0], nil
	}
	id, err := insertCodifierTx(ctx, tx, n, now)
	if err != nil {
		return 0, err
	}
	return id, audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "codifier.added", ObjectKind: "codifier", ObjectID: fmt.Sprint(id),
		Details: map[string]any{"code": n.Code, "edition": n.Edition, "elements": len(n.Elements)}})
}

// AddScale adds the next version of a scale (version 1 of a new code) and returns its id.
func (s *Service) AddScale(ctx context.Context, actor access.Actor, code, title string, d Definition) (int64, error) {
	code, title = strings.TrimSpace(code), strings.TrimSpace(title)
	if code == "" || title == "" {
		return 0, &fault.Error{Kind: fault.Invalid, Message: "Шкала не сохранена", Fields: map[string]string{"title": "Назовите шкалу и её код"}}
	}
	if err := d.Check(); err != nil {
		return 0, err
	}
	definition, err := json.Marshal(d)
	if err != nil {
		return 0, fmt.Errorf("scale: %w", err)
	}
	var id int64
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		id, err = db.Get[int64](ctx, tx, `
			INSERT INTO scale (code, version, title, definition, valid_from)
			SELECT $1, COALESCE(max(version), 0) + 1, $2, $3, $4 FROM scale WHERE code = $1
			RETURNING id`, code, title, definition, s.now())
		if err != nil {
			return db.Refusal(fmt.Errorf("insert scale: %w", err), map[string]string{"scale_version_unique": "Шкалу только что изменил кто-то другой. Посмотрите её и повторите"})
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "scale.added", ObjectKind: "scale", ObjectID: fmt.Sprint(id), Details: map[string]any{"code": code}})
	})
	return id, err
}

// Scales lists all versions of all scales, the newest of each code first.
func (s *Service) Scales(ctx context.Context, actor access.Actor) ([]Scale, error) {
	var scales []Scale
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		scales, err = ScalesTx(ctx, tx)
		return err
	})
	return scales, err
}
