package results

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// fewestShown is the smallest group whose figures are shown.
const fewestShown = 5

// A Summary is what a manager or an analyst sees of a campaign's results.
type Summary struct {
	Campaign   campaign.Campaign
	Invited    int
	Started    int
	Submitted  int
	InProgress int
	Unfinished int // works that wait for marking
	Model      ModelState
	Cut        float64
	Scale      string
	Parts      []Distribution
	Tasks      []TaskFigures
	Sort       string
	Blockers   []Blocker
	MayPublish bool
	Small      bool // the group is too small to be shown
	MayQuality bool // the reader may open the page of quality
}

// MustFit tells whether the model is what publication waits for.
func (s Summary) MustFit() bool {
	return slices.ContainsFunc(s.Blockers, func(b Blocker) bool { return b.Fit })
}

// A Distribution is how the shares of points of one part are spread.
type Distribution struct {
	Title  string
	N      int
	Mean   float64
	Low    float64 // 95 % interval of the mean
	High   float64
	Median float64
	Under  float64 // share of persons under the cut
	Bins   [10]int // by tenths; the last includes 1
	Sure   *Reliability
}

// A Reliability is how far the results of a part can be believed.
type Reliability struct {
	Alpha     float64 // 0…1, higher is better
	Low, High float64 // 95 % interval
	SEM       float64 // share of points
	Works     int
	Variants  int // more than one: alpha and error are their means, the interval that of the most common
}

// reliabilityOf is that of a part, nil where there is none.
func reliabilityOf(p quality.Part) *Reliability {
	alpha, sem := figureOrNil(p.Reliability()), figureOrNil(p.SEM())
	if alpha == nil || sem == nil || len(p.Variants) == 0 {
		return nil
	}
	v := p.Variants[0]
	r := &Reliability{Alpha: *alpha, SEM: *sem, Low: float64(v.AlphaCI95[0]), High: float64(v.AlphaCI95[1]), Variants: len(p.Variants)}
	for _, v := range p.Variants {
		r.Works += v.Works
	}
	return r
}

// Most is the largest bin, at least 1.
func (d Distribution) Most() int { return max(1, slices.Max(d.Bins[:])) }

// distribution sums up shares; they need not be sorted.
func distribution(title string, shares []float64, cut float64) Distribution {
	d := Distribution{Title: title, N: len(shares)}
	if d.N == 0 {
		return d
	}
	sorted := slices.Sorted(slices.Values(shares))
	for _, x := range sorted {
		d.Mean += x
		d.Bins[min(9, int(x*10+1e-9))]++
		if x < cut {
			d.Under++
		}
	}
	n := float64(d.N)
	d.Mean, d.Under = d.Mean/n, d.Under/n
	d.Median = (sorted[(d.N-1)/2] + sorted[d.N/2]) / 2
	squares := 0.0
	for _, x := range sorted {
		squares += (x - d.Mean) * (x - d.Mean)
	}
	half := 0.0
	if d.N > 1 {
		half = 1.96 * math.Sqrt(squares/(n-1)/n)
	}
	d.Low, d.High = max(0, d.Mean-half), min(1, d.Mean+half)
	return d
}

// TaskFigures is how a task went. Shares are of those to whom it was given and who
// reached it; Mean is nil where fewer than five did.
type TaskFigures struct {
	VersionID  int64
	Number     int
	Code       string
	Part       task.Part
	Kind       string
	Level      task.Level
	Elements   string
	Skill      string
	Max        float64
	N          int
	Mean       *float64 // share of points
	Full       float64  // share of those with full points
	Omitted    float64
	NotReached float64 // of all to whom it was given
	Waiting    int
	Remark     string // what the figures ask to look at
}

// remark is what a task's figures ask to look at before its statistics are made: by
// the limits that those have.
func remark(f quality.TaskFigure) string {
	f.Judge()
	return bank.Statistic{Remarks: hints(f.Flags)}.RemarkList()
}

// Summary reads the results of a campaign for staff who see the whole region.
func (s *Service) Summary(ctx context.Context, actor access.Actor, campaignID int64, sort string) (out Summary, err error) {
	if !actor.Scope(access.CampaignsRead).All {
		return out, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		st, attempts, last, err := s.standingTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		scale, err := competency.ScaleTx(ctx, tx, st.Campaign.ScaleID)
		if err != nil {
			return err
		}
		out = Summary{Campaign: st.Campaign, Invited: len(attempts), Submitted: st.Submitted, InProgress: st.InProgress, Unfinished: st.Unfinished, Model: st.Model,
			Cut: scale.Definition.Cut, Scale: scale.Title, Sort: sort, MayPublish: actor.May(access.ResultsPublish), MayQuality: actor.Scope(access.QualityRead).All, Blockers: st.blockers(s.now()), Small: len(last) < fewestShown}
		for _, a := range attempts {
			if a.StartedAt != nil {
				out.Started++
			}
		}
		if out.Small {
			return nil
		}
		versions, err := versionsTx(ctx, tx, last)
		if err != nil {
			return err
		}
		statistics, err := StatisticsTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		for _, part := range []task.Part{task.Subject, task.Methodical} {
			if shares := sharesOf(last, versions, part); len(shares) >= fewestShown {
				d := distribution(partTitle(part), shares, out.Cut)
				if p, known := statistics.Part(part); known {
					d.Sure = reliabilityOf(p)
				}
				out.Parts = append(out.Parts, d)
			}
		}
		figures, err := statistics.tasksOfTx(ctx, tx)
		if err != nil {
			return err
		}
		out.Tasks, err = tasksTx(ctx, tx, last, versions, figures, sort)
		return err
	})
	return out, err
}

func versionsTx(ctx context.Context, tx *sqlx.Tx, last []Scored) (map[int64]bank.Version, error) {
	ids := []int64{}
	seen := map[int64]bool{}
	for _, s := range last {
		for _, id := range s.Versions() {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return bank.VersionsTx(ctx, tx, ids)
}

// sharesOf gives each person's share of the points of a part; tasks that wait for
// experts or were not reached are left out, and persons without a task too.
func sharesOf(last []Scored, versions map[int64]bank.Version, part task.Part) []float64 {
	shares := []float64{}
	for _, s := range last {
		points, most := 0.0, 0.0
		for _, t := range s.Tasks {
			if versions[t.TaskVersionID].Part != part || t.State != StateScored && t.State != StateOmitted {
				continue
			}
			points += *t.Points
			most += t.Max
		}
		if most > 0 {
			shares = append(shares, points/most)
		}
	}
	return shares
}

// elementNamesTx gives the short titles of the elements of the versions' codifiers.
func elementNamesTx(ctx context.Context, tx db.Q, versions map[int64]bank.Version) (map[string]string, error) {
	names := map[string]string{}
	seen := map[int64]bool{}
	for _, v := range versions {
		if seen[v.CodifierID] {
			continue
		}
		seen[v.CodifierID] = true
		elements, err := competency.ElementsTx(ctx, tx, v.CodifierID)
		if err != nil {
			return nil, fmt.Errorf("elements of codifier %d: %w", v.CodifierID, err)
		}
		for _, e := range elements {
			names[e.ID] = e.Short
		}
	}
	return names, nil
}

func tasksTx(ctx context.Context, tx *sqlx.Tx, last []Scored, versions map[int64]bank.Version, known []quality.TaskFigure, sort string) ([]TaskFigures, error) {
	names, err := elementNamesTx(ctx, tx, versions)
	if err != nil {
		return nil, err
	}
	type sums struct {
		position, given, reached, full, omitted, missed, waiting int
		share                                                    float64
	}
	by := map[int64]sums{}
	for _, s := range last {
		for _, t := range s.Tasks {
			if t.Max == 0 {
				continue
			}
			n := by[t.TaskVersionID]
			n.position = t.Position
			n.given++
			switch t.State {
			case StateNotReached:
				n.missed++
			case StateWaiting:
				n.waiting++
			default:
				n.reached++
				n.share += *t.Points / t.Max
				if *t.Points == t.Max {
					n.full++
				}
				if t.State == StateOmitted {
					n.omitted++
				}
			}
			by[t.TaskVersionID] = n
		}
	}
	remarks := map[int64]string{}
	for _, f := range known {
		remarks[f.VersionID] = bank.Statistic{Remarks: hints(f.Flags)}.RemarkList()
	}
	out := []TaskFigures{}
	for id, n := range by {
		v := versions[id]
		t := TaskFigures{VersionID: id, Number: n.position, Code: v.Code, Part: v.Part, Kind: v.Kind.Label(), Level: v.Level, Skill: v.Skill, Max: v.MaxPoints, N: n.reached,
			Waiting: n.waiting, NotReached: float64(n.missed) / float64(n.given)}
		for e := range v.Elements {
			if t.Elements != "" {
				t.Elements += ", "
			}
			t.Elements += names[e]
		}
		if n.reached >= fewestShown {
			mean := n.share / float64(n.reached)
			t.Mean, t.Full, t.Omitted = &mean, float64(n.full)/float64(n.reached), float64(n.omitted)/float64(n.reached)
		}
		t.Remark = remark(quality.TaskFigure{N: n.reached, P: quality.Number(n.share / float64(max(1, n.reached))), Rest: psychometrics.None, SD: psychometrics.None,
			Answered: n.reached - n.omitted, Omitted: n.omitted, NotReached: n.missed})
		if said, analysed := remarks[id]; analysed {
			t.Remark = said
		}
		out = append(out, t)
	}
	mean := func(t TaskFigures) float64 {
		if t.Mean == nil {
			return 2
		}
		return *t.Mean
	}
	slices.SortFunc(out, func(a, b TaskFigures) int {
		switch d := mean(a) - mean(b); {
		case sort == "hard" && d != 0:
			return int(math.Copysign(1, d))
		case sort == "omitted" && a.Omitted != b.Omitted:
			return int(math.Copysign(1, b.Omitted-a.Omitted))
		case a.Number != b.Number:
			return a.Number - b.Number
		}
		return int(a.VersionID - b.VersionID)
	})
	return out, nil
}

// Drawing is the geometry of a part's histogram on a field of 520 × 180: bars stand
// on y = 150 between x = 10 (0 %) and 510 (100 %).
func (s Summary) Drawing(i int) map[string]any {
	d := s.Parts[i]
	heights := make([]int, len(d.Bins))
	for j, n := range d.Bins {
		heights[j] = int(math.Round(125 * float64(n) / float64(d.Most())))
	}
	x := func(share float64) int { return 10 + int(math.Round(500*share)) }
	return map[string]any{"d": d, "id": i, "heights": heights, "cut": s.Cut, "cutX": x(s.Cut), "lowX": x(d.Low), "highX": x(d.High)}
}
