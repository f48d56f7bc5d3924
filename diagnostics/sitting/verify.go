package sitting

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Verify checks that every kept answer is the one that was acknowledged (its
// digest is that of its text, its receipt that of its row) and that every
// submitted attempt holds exactly the answers its receipt names. It returns what
// does not hold, and how many answers were read. A text blanked by an erasure
// leaves its digest, which is checked as it stands.
func (s *Service) Verify(ctx context.Context) (broken []string, checked int, err error) {
	key, err := s.receiptKey(ctx)
	if err != nil {
		return nil, 0, err
	}
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		attempts, err := db.Select[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE state = 'submitted' ORDER BY id`)
		if err != nil {
			return fmt.Errorf("attempts: %w", err)
		}
		rows, err := tx.QueryxContext(ctx, `
			SELECT attempt_id, task, revision, body, digest, receipt, saved_at, late
			  FROM answer ORDER BY attempt_id, task, revision`)
		if err != nil {
			return fmt.Errorf("answers: %w", err)
		}
		defer rows.Close()
		held := map[int64]map[string]Held{}
		for rows.Next() {
			var r struct {
				heldRow
				Late bool `db:"late"`
			}
			if err := rows.StructScan(&r); err != nil {
				return fmt.Errorf("answers: %w", err)
			}
			checked++
			h := r.held()
			if h.Body != nil {
				if digest, err := digestOf(h.Body); err != nil || digest != h.Digest {
					broken = append(broken, fmt.Sprintf("answer: attempt %d, %s, revision %d: the text is not the one that was acknowledged", r.AttemptID, r.Task, r.Revision))
				}
			}
			if receiptFor(key, r.AttemptID, r.Task, r.Revision, r.Digest, r.SavedAt) != r.Receipt {
				broken = append(broken, fmt.Sprintf("answer: attempt %d, %s, revision %d: the receipt does not fit", r.AttemptID, r.Task, r.Revision))
			}
			if !r.Late {
				if held[r.AttemptID] == nil {
					held[r.AttemptID] = map[string]Held{}
				}
				h.Body = nil
				held[r.AttemptID][r.Task] = h
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("answers: %w", err)
		}
		for _, a := range attempts {
			if a.Digest == nil || digestAll(held[a.ID]) != *a.Digest {
				broken = append(broken, fmt.Sprintf("attempt %d: the answers held are not those that were handed in", a.ID))
			}
		}
		return nil
	})
	return broken, checked, err
}
