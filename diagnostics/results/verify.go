package results

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/people"
)

// Verify derives the score of every submitted attempt again, from its manifest, the
// answers held, the keys and the experts' marks, and compares it with the last
// revision kept. It returns what differs and how many attempts were derived. The
// scores of erased persons stay without their answers and are left out.
func (s *Service) Verify(ctx context.Context, tx *sqlx.Tx) (broken []string, checked int, err error) {
	erased, err := people.ErasedTx(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	campaigns, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return nil, 0, fmt.Errorf("campaigns: %w", err)
	}
	known := newKeyring()
	for _, c := range campaigns {
		attempts, err := sitting.OfCampaignTx(ctx, tx, c.ID)
		if err != nil {
			return nil, checked, fmt.Errorf("attempts of campaign %d: %w", c.ID, err)
		}
		attempts = slices.DeleteFunc(attempts, func(a sitting.Attempt) bool { return a.State != sitting.Submitted || erased[a.PersonID] })
		for some := range slices.Chunk(attempts, 500) {
			last, err := lastOf(ctx, tx, some)
			if err != nil {
				return nil, checked, err
			}
			kept := make(map[int64]Scored, len(last))
			for _, l := range last {
				kept[l.AttemptID] = l
			}
			for _, a := range some {
				checked++
				held, scored := kept[a.ID]
				if !scored {
					broken = append(broken, fmt.Sprintf("score: attempt %d was handed in and has no score", a.ID))
					continue
				}
				again, err := s.deriveTx(ctx, tx, a.ID, held.Reason, known, correctedBy(held.Tasks))
				if err != nil {
					broken = append(broken, fmt.Sprintf("score: attempt %d, revision %d cannot be derived again: %v", a.ID, held.Revision, err))
					continue
				}
				if what := difference(held, again); what != "" {
					broken = append(broken, fmt.Sprintf("score: attempt %d, revision %d: %s", a.ID, held.Revision, what))
				}
			}
		}
	}
	return broken, checked, nil
}

// difference names the first thing in which a score derived again is not the one kept.
func difference(kept, again Scored) string {
	if len(kept.Tasks) != len(again.Tasks) {
		return fmt.Sprintf("%d tasks are kept, %d are derived", len(kept.Tasks), len(again.Tasks))
	}
	for i, k := range kept.Tasks {
		if !same([]TaskScore{k}, []TaskScore{again.Tasks[i]}) {
			return fmt.Sprintf("task %s: kept %s of %v (%s), derived %s of %v (%s)", k.Task,
				points(k.Points), k.Max, k.State, points(again.Tasks[i].Points), again.Tasks[i].Max, again.Tasks[i].State)
		}
	}
	if !near(kept.Points, again.Points) || !near(kept.Max, again.Max) || kept.Complete != again.Complete {
		return fmt.Sprintf("in all: kept %v of %v, derived %v of %v", kept.Points, kept.Max, again.Points, again.Max)
	}
	byName := func(a, b ElementResult) int { return strings.Compare(a.Element, b.Element) }
	if !slices.EqualFunc(slices.SortedFunc(slices.Values(kept.Elements), byName), slices.SortedFunc(slices.Values(again.Elements), byName), func(k, a ElementResult) bool {
		return k.Element == a.Element && k.CodifierID == a.CodifierID && k.Tasks == a.Tasks && near(k.Points, a.Points) && near(k.Max, a.Max)
	}) {
		return "the points by element are not those of the tasks"
	}
	return ""
}

// near allows for the decimals that the table keeps of a weighted sum.
func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func points(p *float64) string {
	if p == nil {
		return "no points yet"
	}
	return fmt.Sprint(*p)
}
