package deficits

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
)

// ConsentTx ends what is held of a person who took back the consent to diagnostics, so
// that no list, figure or proposal counts them; who gives it again comes back with the
// next fit of their campaigns, which is asked for here. Register it with people.OnConsent.
func (s *Service) ConsentTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error {
	switch {
	case purpose != people.ForDiagnostics:
		return nil
	case what == people.Withdrawn:
		_, err := endTx(ctx, tx, person, s.now())
		return err
	case what == people.Given:
		campaigns, err := db.Select[int64](ctx, tx, `
			SELECT campaign_id FROM deficit WHERE person_id = $1
			GROUP BY campaign_id HAVING bool_and(replaced_at IS NOT NULL) AND max(replaced_at) = (SELECT max(replaced_at) FROM deficit WHERE person_id = $1) -- what the withdrawal ended
			ORDER BY campaign_id`, person)
		if err != nil {
			return fmt.Errorf("campaigns of person %d: %w", person, err)
		}
		for _, id := range campaigns {
			// Always: a model that fits its answers would be left alone, and nothing held of the person.
			if _, err := jobs.EnqueueTx(ctx, tx, access.System, FitJob, fitArgs{Campaign: id, Always: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// consentingTx leaves out the work of who took the consent back: no model learns from it.
func consentingTx(ctx context.Context, tx db.Q, revisions []results.Scored) ([]results.Scored, error) {
	persons := make([]access.PersonID, len(revisions))
	for i, r := range revisions {
		persons[i] = r.PersonID
	}
	withdrawn, err := people.WithdrawnTx(ctx, tx, persons)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(revisions, func(r results.Scored) bool { return withdrawn[r.PersonID] }), nil
}
