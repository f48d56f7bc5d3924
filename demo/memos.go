package demo

import (
	"context"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/calendar"
)

// memos drafts a memo on each finished campaign for the region and for its
// larger territories; the first of them are approved.
func (r *Region) memos(ctx context.Context) error {
	r.Clock.set(r.now.AddDate(0, 0, -9))
	analyst, err := r.Actor(ctx, "analyst")
	if err != nil {
		return err
	}
	places, err := rows[struct {
		Campaign  int64 `db:"campaign_id"`
		Territory int64 `db:"territory_id"`
	}](ctx, r, `
		SELECT c.id AS campaign_id, t.territory_id FROM campaign c
		CROSS JOIN LATERAL (
			SELECT 0 AS territory_id, 1000000 AS people
			UNION ALL
			SELECT g.territory_id, count(*) FROM registration g WHERE g.campaign_id = c.id GROUP BY g.territory_id HAVING count(*) >= 12) t
		WHERE c.published_at IS NOT NULL ORDER BY c.id, t.people DESC, t.territory_id`)
	if err != nil {
		return err
	}
	perCampaign := map[int64]int{}
	for _, p := range places {
		n := perCampaign[p.Campaign]
		if n == 7 {
			continue
		}
		perCampaign[p.Campaign]++
		id, err := r.Memos.Create(ctx, analyst, p.Campaign, p.Territory)
		if err != nil {
			return fmt.Errorf("memo of campaign %d for territory %d: %w", p.Campaign, p.Territory, err)
		}
		if n < 4 {
			if err := r.Memos.Approve(ctx, analyst, id, 1, fmt.Sprintf("%d-у", id), calendar.Day(r.Clock.Now())); err != nil {
				return fmt.Errorf("approve memo %d: %w", id, err)
			}
		}
	}
	r.say(0.03, "справки")
	return nil
}
