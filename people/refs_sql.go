package people

import (
	"context"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/db"
)

// today is the installation's calendar day inside a query.
const today = `CAST(now() AT TIME ZONE 'Europe/Moscow' AS date)`

// RefsTx reads all reference lists: what exists today, in reading order.
func RefsTx(ctx context.Context, tx db.Q) (Refs, error) {
	var r Refs
	var err error
	if r.Territories, err = db.Select[Territory](ctx, tx, `
		SELECT id, code, name, short_name, kind FROM territory
		WHERE valid_from <= `+today+` AND (valid_to IS NULL OR valid_to >= `+today+`)
		ORDER BY short_name`); err != nil {
		return r, fmt.Errorf("territories: %w", err)
	}
	if r.Organisations, err = db.Select[Organisation](ctx, tx, `
		SELECT o.id, o.territory_id, o.kind, o.name, o.short_name, o.rural, COALESCE(c.code, '') AS inn, o.valid_to
		FROM organisation o JOIN territory t ON t.id = o.territory_id
		LEFT JOIN LATERAL (SELECT code FROM organisation_code WHERE organisation_id = o.id AND system = 'inn' ORDER BY code LIMIT 1) c ON true
		WHERE o.valid_from <= `+today+` AND (o.valid_to IS NULL OR o.valid_to >= `+today+`)
		ORDER BY t.short_name, o.short_name, o.id`); err != nil {
		return r, fmt.Errorf("organisations: %w", err)
	}
	for _, list := range []struct {
		to    *[]Item
		query string
	}{
		{&r.Positions, `SELECT code, name FROM position ORDER BY rank, name`},
		{&r.Subjects, `SELECT code, name FROM subject ORDER BY rank, name`},
		{&r.Categories, `SELECT code, name FROM qualification_category ORDER BY rank`},
		{&r.Bands, `SELECT code, name FROM experience_band ORDER BY years_from NULLS LAST`},
	} {
		if *list.to, err = db.Select[Item](ctx, tx, list.query); err != nil {
			return r, fmt.Errorf("reference lists: %w", err)
		}
	}
	return r, nil
}
