package sitting

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// EraseTx blanks the texts of an erased person's answers and their files; digests and
// receipts stay, so that verify still tells a loss from an erasure. Register it with
// people.OnErase.
func (s *Service) EraseTx(ctx context.Context, tx *sqlx.Tx, _ access.Actor, person access.PersonID) ([]people.Erased, error) {
	answers, err := db.Get[int](ctx, tx, `SELECT erase_answers($1)`, person)
	if err != nil {
		return nil, fmt.Errorf("erase answers of person %d: %w", person, err)
	}
	files, err := db.Get[int](ctx, tx, `SELECT erase_files($1)`, person)
	if err != nil {
		return nil, fmt.Errorf("erase files of person %d: %w", person, err)
	}
	return []people.Erased{{What: "Тексты ответов на задания", Count: answers}, {What: "Приложенные файлы", Count: files}}, nil
}

// ConsentTx ends the lease of work in progress when its consent is withdrawn: what is sent
// afterwards is not kept. Register it with people.OnConsent.
func (s *Service) ConsentTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error {
	if purpose != people.ForDiagnostics || what != people.Withdrawn {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE attempt SET lease = NULL WHERE person_id = $1 AND state = 'in_progress'`, person); err != nil {
		return fmt.Errorf("end the leases of person %d: %w", person, err)
	}
	return nil
}
