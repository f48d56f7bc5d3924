package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// PublishTx keeps that the results of a campaign are open to their people; whether
// they may be is for the caller to know. A second publication is refused.
func PublishTx(ctx context.Context, tx db.Q, id int64, by access.PersonID, now time.Time) error {
	done, err := tx.ExecContext(ctx, `UPDATE campaign SET published_at = $2, published_by = $3 WHERE id = $1 AND published_at IS NULL`, id, now, by)
	if err != nil {
		return fmt.Errorf("publish campaign %d: %w", id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "Результаты уже опубликованы")
	}
	return nil
}
