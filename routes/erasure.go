package routes

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// EraseTx cancels the open routes of an erased person, which frees their seats, and blanks
// the words and documents about them. Register it with people.OnErase.
func (s *Service) EraseTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, person access.PersonID) ([]people.Erased, error) {
	open, err := db.Select[int64](ctx, tx, `
		SELECT id FROM route WHERE person_id = $1 AND state IN ('draft', 'proposed', 'declined', 'agreed', 'in_progress') ORDER BY id`, person)
	if err != nil {
		return nil, fmt.Errorf("routes of person %d: %w", person, err)
	}
	for _, id := range open {
		r, err := routeTx(ctx, tx, id, access.Scope{All: true}, true)
		if err != nil {
			return nil, err
		}
		if err := s.changeTx(ctx, tx, actor, &r, r.Content, Cancelled, "route.cancelled", "Данные человека удалены"); err != nil {
			return nil, err
		}
	}
	notes, err := db.Get[int](ctx, tx, `SELECT erase_notes($1)`, person)
	if err != nil {
		return nil, fmt.Errorf("erase notes of person %d: %w", person, err)
	}
	return []people.Erased{{What: "Открытые маршруты", Count: len(open)}, {What: "Слова и документы о маршруте и шагах", Count: notes}}, nil
}
