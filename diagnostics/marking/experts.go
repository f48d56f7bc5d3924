package marking

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// expertsOf joins the load of experts with their names.
func expertsOf(ctx context.Context, tx *sqlx.Tx, actor access.Actor, leans map[access.PersonID][]int) ([]ExpertProgress, error) {
	rows, err := expertsTx(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("load of experts: %w", err)
	}
	ids := make([]access.PersonID, len(rows))
	for i, r := range rows {
		ids[i] = r.ExpertID
	}
	names, err := people.NamesTx(ctx, tx, actor, "ход проверки", ids)
	if err != nil {
		return nil, err
	}
	out := make([]ExpertProgress, len(rows))
	for i, r := range rows {
		e := ExpertProgress{Name: names[r.ExpertID].Full(), Marked: r.Marked, Left: r.Left, Common: len(leans[r.ExpertID])}
		if e.Common >= fewest {
			sum := 0
			for _, d := range leans[r.ExpertID] {
				sum += d
			}
			mean := float64(sum) / float64(e.Common)
			e.Lean = &mean
		}
		out[i] = e
	}
	return out, nil
}
