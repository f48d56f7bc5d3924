package results

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Quality reads how good a campaign was; the look is journalled, since options tell keys.
func (s *Service) Quality(ctx context.Context, actor access.Actor, campaignID int64, sort string, only bool) (out Quality, err error) {
	if !actor.Scope(access.QualityRead).All {
		return out, errNoPage
	}
	out.Sort, out.Only = sort, only
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if out.Campaign, err = campaign.ByIDTx(ctx, tx, campaignID); err != nil {
			return err
		}
		now, err := lastRevisionsTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		out.Submitted = len(now)
		if out.Statistics, err = StatisticsTx(ctx, tx, campaignID); err != nil || !out.Computed() {
			return err
		}
		out.Stale = !slices.Equal(now, out.Statistics.Revisions)
		if err := out.fillTx(ctx, tx); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "key.read", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID), Purpose: "качество диагностики: варианты ответов"})
	})
	return out, err
}

func (q *Quality) fillTx(ctx context.Context, tx *sqlx.Tx) error {
	figures, err := q.Statistics.tasksOfTx(ctx, tx)
	if err != nil {
		return err
	}
	ids := make([]int64, len(figures))
	for i, f := range figures {
		ids[i] = f.VersionID
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	names, err := elementNamesTx(ctx, tx, versions)
	if err != nil {
		return err
	}
	from := source{q.Campaign.ID, q.Campaign.Title, q.Statistics.ComputedAt, q.Statistics.Parts}
	for _, part := range q.Statistics.Parts {
		p := QualityPart{Part: part, Title: partTitle(part.Part)}
		byVersion := map[int64]TaskQuality{}
		for _, f := range figures {
			if f.Part != part.Part {
				continue
			}
			v := versions[f.VersionID]
			st, err := statistic(f, v, from)
			if err != nil {
				return err
			}
			t := TaskQuality{st, v.TaskID, v.Kind.Label(), f}
			p.all = append(p.all, t)
			byVersion[f.VersionID] = t
			if t.Serious() {
				p.Look++
			}
		}
		p.Total = len(p.all)
		for _, e := range part.Elements {
			p.Own = append(p.Own, ElementQuality{cmp.Or(names[e.Element], e.Element), e.Tasks, figureOrNil(e.Own), figureOrNil(e.Part), e.Added})
		}
		for _, f := range part.Fairness {
			p.Fair = append(p.Fair, fairView(f, byVersion))
		}
		p.Tasks = arranged(p.all, q.Sort, q.Only)
		if part.Scale != nil {
			p.Map = newMap(part, p.all)
		}
		q.Parts = append(q.Parts, p)
	}
	return nil
}

// QualitiesTx is the short word about every version ever analysed, for bank.Links.
func (s *Service) QualitiesTx(ctx context.Context, tx *sqlx.Tx) ([]bank.Quality, error) {
	rows, err := newestFlagsTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := make([]bank.Quality, len(rows))
	for i, r := range rows {
		list := hints(r.flags)
		words := make([]string, len(list))
		out[i] = bank.Quality{VersionID: r.VersionID, N: r.N, P: r.P, Rest: r.Rest}
		for j, h := range list {
			words[j] = h.Text
			if h.Serious {
				out[i].Serious++
			}
		}
		if r.N < fewestShown {
			out[i].P = nil
		}
		out[i].Remarks = strings.Join(words, "; ")
	}
	return out, nil
}

// TaskStatisticsTx is all that campaigns say of some versions, the newest first, for
// bank.Links.
func (s *Service) TaskStatisticsTx(ctx context.Context, tx *sqlx.Tx, ids []int64) ([]bank.Statistic, error) {
	rows, err := ofVersionsTx(ctx, tx, ids)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	from := map[int64]source{}
	out := []bank.Statistic{}
	for _, r := range rows {
		if _, read := from[r.CampaignID]; !read {
			c, err := campaign.ByIDTx(ctx, tx, r.CampaignID)
			if err != nil {
				return nil, err
			}
			st, err := StatisticsTx(ctx, tx, r.CampaignID)
			if err != nil {
				return nil, err
			}
			from[r.CampaignID] = source{c.ID, c.Title, st.ComputedAt, st.Parts}
		}
		f, err := r.figure()
		if err != nil {
			return nil, err
		}
		one, err := statistic(f, versions[r.VersionID], from[r.CampaignID])
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// ReliabilityTx is the reliability of each part of a campaign, Cronbach's alpha as
// its statistics have it; before they are made, as they would. nil where the works are
// too few.
func ReliabilityTx(ctx context.Context, tx db.Q, campaignID int64) (subject, methodical *float64, err error) {
	st, err := StatisticsTx(ctx, tx, campaignID)
	if err != nil {
		return nil, nil, err
	}
	if st.Version == 0 {
		tasks, works, err := pointsTx(ctx, tx, campaignID)
		if err != nil || len(works) < quality.Fewest {
			return nil, nil, err
		}
		st.Statistics = quality.Classical(tasks, works)
	}
	of := func(p task.Part) *float64 {
		part, known := st.Part(p)
		if !known {
			return nil
		}
		return figureOrNil(part.Reliability())
	}
	return of(task.Subject), of(task.Methodical), nil
}
