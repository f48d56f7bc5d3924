package sitting

import (
	"context"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// ByPublicIDTx reads anybody's attempt, for those who may see results; the caller
// checks whether the reader may. An unknown id is NotFound.
func ByPublicIDTx(ctx context.Context, tx db.Q, id string) (Attempt, error) {
	if !isUUID(id) {
		return Attempt{}, errNoAttempt
	}
	a, err := db.Get[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE public_id = $1`, id)
	if err != nil {
		return Attempt{}, fmt.Errorf("attempt %s: %w", id, err)
	}
	return a, nil
}

// OfCampaignTx lists all attempts of a campaign, by id.
func OfCampaignTx(ctx context.Context, tx db.Q, campaign int64) ([]Attempt, error) {
	return db.Select[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE campaign_id = $1 ORDER BY id`, campaign)
}

// OfPersonTx lists the attempts of a person's records, the newest first.
func OfPersonTx(ctx context.Context, tx db.Q, records ...access.PersonID) ([]Attempt, error) {
	return db.Select[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE person_id = ANY($1) ORDER BY id DESC`, db.Array(records))
}

// OfRegistrationTx reads the attempt of an invitation.
func OfRegistrationTx(ctx context.Context, tx db.Q, registration int64) (Attempt, error) {
	a, err := db.Get[Attempt](ctx, tx, `SELECT `+attemptColumns+` FROM attempt WHERE registration_id = $1`, registration)
	if err != nil {
		return Attempt{}, fmt.Errorf("attempt of registration %d: %w", registration, err)
	}
	return a, nil
}
