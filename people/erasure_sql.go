package people

import (
	"context"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// ErasedTx lists the persons whose identity and texts were erased: a blanked text of
// theirs is not a loss.
func ErasedTx(ctx context.Context, tx db.Q) (map[access.PersonID]bool, error) {
	ids, err := db.Select[access.PersonID](ctx, tx, `SELECT person_id FROM erasure`)
	if err != nil {
		return nil, fmt.Errorf("erasures: %w", err)
	}
	erased := make(map[access.PersonID]bool, len(ids))
	for _, id := range ids {
		erased[id] = true
	}
	return erased, nil
}
