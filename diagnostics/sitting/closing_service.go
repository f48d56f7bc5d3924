package sitting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// closeTx is the one way an attempt closes, whoever closes it; a is locked and in progress.
func (s *Service) closeTx(ctx context.Context, tx *sqlx.Tx, a Attempt, by string) error {
	held, err := heldTx(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	at := s.now().Truncate(time.Microsecond)
	if by == byDeadline && a.Deadline.Before(at) {
		at = *a.Deadline
	}
	n, digest := given(held), digestAll(held)
	a.SubmittedAt, a.ClosedBy, a.Answers, a.Digest = &at, &by, &n, &digest
	if err := submitTx(ctx, tx, a); err != nil {
		return err
	}
	return db.Everybody(ctx, tx, func() error { // who closes it gives no work to experts and scores nothing: the program does
		for _, next := range s.closed {
			if err := next(ctx, tx, a.ID); err != nil {
				return fmt.Errorf("attempt %d closed: %w", a.ID, err)
			}
		}
		return nil
	})
}

// CloseOverdue closes every attempt whose deadline has passed, each in its own
// transaction, so that one that cannot be closed does not keep the others. Run
// it every few seconds; several instances may.
func (s *Service) CloseOverdue(ctx context.Context) error {
	var failed error
	tried := []int64{}
	for {
		var id int64
		err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
			due, err := db.Select[Attempt](ctx, tx, `
				SELECT `+attemptColumns+` FROM attempt
				 WHERE state = 'in_progress' AND deadline <= $1 AND NOT (id = ANY($2))
				 ORDER BY deadline LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`, s.now(), db.Array(tried))
			if err != nil || len(due) == 0 {
				return err
			}
			id = due[0].ID
			return s.closeTx(ctx, tx, due[0], byDeadline)
		})
		failed = errors.Join(failed, err)
		if id == 0 || ctx.Err() != nil {
			return failed
		}
		tried = append(tried, id)
	}
}

// RetimeTx moves the deadlines of a campaign's attempts in progress. Register it
// with campaign.OnRetimed.
func (s *Service) RetimeTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	open, err := s.openTx(ctx, tx, campaignID)
	if err != nil {
		return err
	}
	registrations := make([]int64, len(open))
	for i, a := range open {
		registrations[i] = a.RegistrationID
	}
	terms, err := campaign.TermsTx(ctx, tx, registrations)
	if err != nil {
		return err
	}
	ids, deadlines := []int64{}, []string{}
	for _, a := range open {
		if a.overdue(s.now()) { // what is over stays over
			continue
		}
		ids = append(ids, a.ID)
		deadlines = append(deadlines, terms[a.RegistrationID].Deadline(*a.StartedAt).UTC().Format(time.RFC3339Nano))
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE attempt SET deadline = GREATEST(CAST(u.deadline AS timestamptz), started_at + interval '1 second')
		  FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])) AS u(id, deadline)
		 WHERE attempt.id = u.id`, db.Array(ids), db.Array(deadlines))
	if err != nil {
		return fmt.Errorf("move deadlines of campaign %d: %w", campaignID, err)
	}
	return nil
}

func (s *Service) openTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) ([]Attempt, error) {
	open, err := db.Select[Attempt](ctx, tx, `
		SELECT `+attemptColumns+` FROM attempt WHERE campaign_id = $1 AND state = 'in_progress' ORDER BY id`+forUpdate, campaignID)
	if err != nil {
		return nil, fmt.Errorf("attempts of campaign %d: %w", campaignID, err)
	}
	return open, nil
}

// CloseCampaignTx closes a campaign's attempts in progress with what they hold.
// Register it with campaign.OnClosed.
func (s *Service) CloseCampaignTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	open, err := s.openTx(ctx, tx, campaignID)
	if err != nil {
		return err
	}
	for _, a := range open {
		by := byManager
		if a.overdue(s.now()) {
			by = byDeadline
		}
		if err := s.closeTx(ctx, tx, a, by); err != nil {
			return err
		}
	}
	return nil
}

// AnnulTx annuls the attempt of a registration. Register it with campaign.OnAnnulled.
func (s *Service) AnnulTx(ctx context.Context, tx *sqlx.Tx, r campaign.Registration) error {
	done, err := tx.ExecContext(ctx, `
		UPDATE attempt SET state = 'annulled', lease = NULL, closed_by = COALESCE(closed_by, 'manager')
		 WHERE registration_id = $1 AND state IN ('in_progress', 'submitted')`, r.ID)
	if err != nil {
		return fmt.Errorf("annul the attempt of registration %d: %w", r.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "Аннулировать можно только начатую работу"))
	}
	return nil
}

// ClosedTx reads a closed attempt for those who score it; one still open is a Conflict.
func (s *Service) ClosedTx(ctx context.Context, tx *sqlx.Tx, attempt int64) (Closed, error) {
	a, err := byIDTx(ctx, tx, attempt, "")
	if err != nil {
		return Closed{}, err
	}
	if a.State != Submitted {
		return Closed{}, fault.New(fault.Conflict, "Работа ещё не завершена")
	}
	c := Closed{Attempt: a}
	if c.Manifest, err = ManifestTx(ctx, tx, attempt); err != nil {
		return Closed{}, err
	}
	if c.Answers, err = heldTx(ctx, tx, attempt); err != nil {
		return Closed{}, err
	}
	c.Files, err = filesTx(ctx, tx, attempt)
	return c, err
}
