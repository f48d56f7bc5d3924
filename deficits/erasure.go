package deficits

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// EraseTx ends what is held of an erased person: no list, figure or proposal counts them.
// Register it with people.OnErase.
func (s *Service) EraseTx(ctx context.Context, tx *sqlx.Tx, _ access.Actor, person access.PersonID) ([]people.Erased, error) {
	n, err := endTx(ctx, tx, person, s.now())
	if err != nil {
		return nil, err
	}
	return []people.Erased{{What: "Записи банка дефицитов", Count: n}}, nil
}
