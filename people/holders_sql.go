package people

import (
	"context"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
)

// A Holder is a person with a role, and where this person works now.
type Holder struct {
	PersonID      access.PersonID
	Territories   []int64
	Organisations []int64
}

// HoldersTx lists, by id, those who hold a role on a day.
func HoldersTx(ctx context.Context, tx db.Q, role access.Role, on time.Time) ([]Holder, error) {
	rows, err := db.Select[struct {
		ID           access.PersonID `db:"person_id"`
		Territory    *int64          `db:"territory_id"`
		Organisation *int64          `db:"organisation_id"`
	}](ctx, tx, `
		SELECT DISTINCT g.person_id, o.territory_id, a.organisation_id
		FROM role_grant g
		LEFT JOIN appointment a ON a.person_id = g.person_id AND (a.ended_on IS NULL OR a.ended_on >= $2)
		LEFT JOIN organisation o ON o.id = a.organisation_id
		WHERE g.role = $1 AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to >= $2)
		ORDER BY g.person_id, a.organisation_id`, role, calendar.Day(on))
	if err != nil {
		return nil, fmt.Errorf("holders of role %s: %w", role, err)
	}
	holders := []Holder{}
	for _, r := range rows {
		if len(holders) == 0 || holders[len(holders)-1].PersonID != r.ID {
			holders = append(holders, Holder{PersonID: r.ID, Territories: []int64{}, Organisations: []int64{}})
		}
		h := &holders[len(holders)-1]
		if r.Organisation != nil {
			h.Territories = append(h.Territories, *r.Territory)
			h.Organisations = append(h.Organisations, *r.Organisation)
		}
	}
	return holders, nil
}
