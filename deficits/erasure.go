package deficits

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// EraseTx ends what is held of an erased person: no list, figure or proposal counts them.
// Register it with people.OnErase.
func (s *Service) EraseTx(ctx context.Context, tx *sqlx.Tx, _ access.Actor, person access.PersonID) ([]people.Erased, error) {
	done, err := tx.ExecContext(ctx, `UPDATE deficit SET replaced_at = $2 WHERE person_id = $1 AND replaced_at IS NULL`, person, s.now())
	if err != nil {
		return nil, fmt.Errorf("end what is held of person %d: %w", person, err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return nil, fmt.Errorf("end what is held of person %d: %w", person, err)
	}
	return []people.Erased{{What: "Записи банка дефицитов", Count: int(n)}}, nil
}
