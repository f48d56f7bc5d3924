package reports

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Digest is every figure of a memo on one campaign, for the region or for one
// municipality: the very values of the bank, frozen. Shares are 0…1.
type Digest struct {
	Campaign      Campaign        `json:"campaign"`
	Territory     int64           `json:"territory"` // 0 = the region
	Title         string          `json:"title"`     // the municipality, or the region
	AsOf          time.Time       `json:"as_of"`     // of the last record
	Figures       []DigestFigure  `json:"figures"`
	Participation []Participation `json:"participation"`
	Trust         Trust           `json:"trust"`
	Persons       int             `json:"persons"` // whose work is marked whole
	Points        Spread          `json:"points"`
	Histogram     []Bin           `json:"histogram"`
	Levels        []Bin           `json:"levels"`
	Parts         []PartScore     `json:"parts"`
	Elements      []Element       `json:"elements"`
	Rank          []Ranked        `json:"rank"`
	Rows          []Row           `json:"rows"`
	Totals        []Row           `json:"totals"`
	ByCategory    []GroupScore    `json:"by_category"`
	ByExperience  []GroupScore    `json:"by_experience"`
}

// DigestFigure is a figure of the registry as it was.
type DigestFigure struct {
	Key   string  `json:"key"`
	Title string  `json:"title"`
	Text  string  `json:"text"`
	Value float64 `json:"value"`
}

// Participation is a line of the table of participation.
type Participation struct {
	Title   string `json:"title"`
	Invited int    `json:"invited"`
	Took    int    `json:"took"` // 0 where hidden
	Hidden  bool   `json:"hidden,omitempty"`
}

// Share is the part that took part.
func (p Participation) Share() float64 {
	if p.Invited == 0 {
		return 0
	}
	return float64(p.Took) / float64(p.Invited)
}

// Spread describes shares of points of N persons; no extremes, for they are single persons.
type Spread struct {
	N      int     `json:"n"`
	Mean   float64 `json:"mean"`
	SD     float64 `json:"sd"` // of the sample
	Median float64 `json:"median"`
	Lower  float64 `json:"lower"` // quartiles
	Upper  float64 `json:"upper"`
}

// PartScore is one part of the work over the group, beside the region.
type PartScore struct {
	Part   string  `json:"part"` // subject, methodical
	Score  Spread  `json:"score"`
	Low    float64 `json:"low"` // of the mean, 9 cases of 10
	High   float64 `json:"high"`
	Region float64 `json:"region"` // the region's mean
}

// GroupScore is a group by category or experience.
type GroupScore struct {
	Title      string  `json:"title"`
	N          int     `json:"n"` // 0 where hidden
	Hidden     bool    `json:"hidden,omitempty"`
	Subject    float64 `json:"subject"`
	Methodical float64 `json:"methodical"`
}

// spread computes the moments and quartiles (linear interpolation, type 7 of Hyndman & Fan 1996).
func spread(values []float64) Spread {
	s := Spread{N: len(values)}
	if s.N == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(values))
	for _, v := range sorted {
		s.Mean += v / float64(s.N)
	}
	for _, v := range sorted {
		s.SD += (v - s.Mean) * (v - s.Mean)
	}
	if s.N > 1 {
		s.SD = math.Sqrt(s.SD / float64(s.N-1))
	}
	quantile := func(p float64) float64 {
		h := p * float64(s.N-1)
		i := int(h)
		return sorted[i] + (h-float64(i))*(sorted[min(i+1, s.N-1)]-sorted[i])
	}
	s.Lower, s.Median, s.Upper = quantile(0.25), quantile(0.5), quantile(0.75)
	return s
}

// histogram counts shares by classes between edges; 1 belongs to the last class.
func histogram(values, edges []float64) []Bin {
	bins := make([]Bin, len(edges)-1)
	for i := range bins {
		bins[i] = Bin{From: edges[i], To: edges[i+1]}
	}
	for _, v := range values {
		i := len(bins) - 1
		for i > 0 && v < bins[i].From-1e-9 {
			i--
		}
		bins[i].N++
	}
	return bins
}

// score is one participant's share of points.
type score struct {
	Member
	Total      float64  `db:"total"`
	Subject    *float64 `db:"subject"`
	Methodical *float64 `db:"methodical"`
}

// scoresTx lists the marked works of a campaign by the passport of registration.
func scoresTx(ctx context.Context, tx db.Q, campaign int64) ([]score, error) {
	found, err := db.Select[score](ctx, tx, `
		WITH last AS (`+lastRevisions+`),
		x AS (
			SELECT l.attempt_id, v.part, sum(COALESCE(t.points, 0)) AS points, sum(t.max_points) AS most
			FROM last l JOIN task_score t ON t.score_revision_id = l.id JOIN task_version v ON v.id = t.task_version_id
			WHERE l.complete AND v.part <> 'self' GROUP BY l.attempt_id, v.part)
		SELECT r.person_id, r.territory_id, r.organisation_id, r.subject_code, r.position_code, r.category_code, r.experience_code, r.rural,
			CAST(l.points / l.max_points AS float8) AS total,
			CAST((SELECT x.points / NULLIF(x.most, 0) FROM x WHERE x.attempt_id = l.attempt_id AND x.part = 'subject') AS float8) AS subject,
			CAST((SELECT x.points / NULLIF(x.most, 0) FROM x WHERE x.attempt_id = l.attempt_id AND x.part = 'methodical') AS float8) AS methodical
		FROM last l JOIN attempt a ON a.id = l.attempt_id JOIN registration r ON r.id = a.registration_id
		WHERE l.complete AND l.max_points > 0 ORDER BY r.person_id`, campaign)
	if err != nil {
		return nil, fmt.Errorf("scores of a campaign: %w", err)
	}
	return found, nil
}

// DigestTx computes the figures of a memo. A group too small to be shown, or one
// that would give another away, is a Conflict fault that says so.
func DigestTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, campaign, territory int64) (Digest, error) {
	b, members, err := bankTx(ctx, tx, actor, Query{Campaign: campaign, Territory: territory})
	if err != nil {
		return Digest{}, err
	}
	if b.Empty {
		return Digest{}, noBank
	}
	if b.Locked || b.Totals[0].Hidden {
		return Digest{}, fault.New(fault.Conflict, "Справки для этой группы не будет: участников меньше пяти, или по ней вычислялась бы соседняя малая группа")
	}
	d := Digest{Campaign: b.Campaign, Territory: territory, Title: Region, AsOf: b.AsOf, Trust: b.Trust, Elements: b.Elements,
		Rank: b.Rank[:min(10, len(b.Rank))], Rows: b.Rows, Totals: b.Totals}
	if territory != 0 {
		d.Title, d.Rows = b.Territory, []Row{} // schools are too small to stand in a memo
	}
	for _, k := range keys {
		if f, known := b.Figures[k.Key]; known && f.Safe() && !(k.Results && littleRest(f, b.Trust.Took)) {
			d.Figures = append(d.Figures, DigestFigure{k.Key, k.Title, f.Text(), f.Value})
		}
	}
	if d.Participation, err = participationTx(ctx, tx, campaign, territory); err != nil {
		return Digest{}, err
	}
	scores, err := scoresTx(ctx, tx, campaign)
	if err != nil {
		return Digest{}, err
	}
	own := slices.DeleteFunc(slices.Clone(scores), func(s score) bool { return territory != 0 && s.Territory != territory })
	if d.Persons = len(own); d.Persons >= Least {
		d.distributions(own, scores)
	}
	for _, by := range []struct {
		into    *[]GroupScore
		choices []Choice
		of      func(Member) string
		narrow  func(Query, string) Query
	}{
		{&d.ByCategory, b.Choices.Categories, func(m Member) string { return m.Category }, func(q Query, v string) Query { q.Category = v; return q }},
		{&d.ByExperience, b.Choices.Experience, func(m Member) string { return m.Experience }, func(q Query, v string) Query { q.Experience = v; return q }},
	} {
		*by.into = groupScores(own, by.choices, by.of, func(value string) bool {
			if territory == 0 {
				return false
			}
			// what the bank would not show of this municipality under the filter, the memo does not either
			_, hidden, _ := by.narrow(Query{Campaign: campaign}, value).rows(members, func(m Member) int64 { return m.Territory }, func(int64) bool { return true })
			return hidden[territory]
		})
	}
	return d, nil
}

// littleRest reports whether those a count of people leaves out are few.
func littleRest(f Figure, all int) bool {
	rest := all - int(f.Value)
	return f.Key.Unit == "чел." && rest > 0 && rest < Least
}

// Occupied is the distribution without empty classes at its ends; none where
// all people fall into one class, for that is no distribution.
func (d Digest) Occupied() []Bin {
	bins := d.Histogram
	if filled := slices.DeleteFunc(slices.Clone(bins), func(b Bin) bool { return b.N == 0 }); len(filled) < 2 {
		return nil
	}
	for len(bins) > 1 && bins[0].N == 0 {
		bins = bins[1:]
	}
	for len(bins) > 1 && bins[len(bins)-1].N == 0 {
		bins = bins[:len(bins)-1]
	}
	return bins
}

func (d *Digest) distributions(own, all []score) {
	total := make([]float64, len(own))
	for i, s := range own {
		total[i] = s.Total
	}
	d.Points = spread(total)
	tenths := make([]float64, 11)
	for i := range tenths {
		tenths[i] = float64(i) / 10
	}
	d.Histogram = Merge(histogram(total, tenths), Least)
	bands := d.Campaign.Scale.Bands
	d.Levels = Merge(histogram(total, []float64{0, bands[0], bands[1], bands[2], 1}), Least)
	for _, part := range []struct {
		name string
		of   func(score) *float64
	}{{"subject", func(s score) *float64 { return s.Subject }}, {"methodical", func(s score) *float64 { return s.Methodical }}} {
		values := func(of []score) (out []float64) {
			for _, s := range of {
				if v := part.of(s); v != nil {
					out = append(out, *v)
				}
			}
			return out
		}
		p := PartScore{Part: part.name, Score: spread(values(own)), Region: spread(values(all)).Mean}
		if p.Score.N < Least {
			continue
		}
		half := z90 * p.Score.SD / math.Sqrt(float64(p.Score.N))
		p.Low, p.High = max(0, p.Score.Mean-half), min(1, p.Score.Mean+half)
		d.Parts = append(d.Parts, p)
	}
}

// groupScores averages the parts by group and hides what is small, or secret.
func groupScores(scores []score, choices []Choice, of func(Member) string, secret func(string) bool) []GroupScore {
	out, groups := make([]GroupScore, len(choices)), make([]Group, len(choices))
	for i, c := range choices {
		g := GroupScore{Title: c.Title}
		subjects, methodicals := 0, 0
		for _, s := range scores {
			if of(s.Member) != c.Value {
				continue
			}
			g.N++
			if s.Subject != nil {
				g.Subject += *s.Subject
				subjects++
			}
			if s.Methodical != nil {
				g.Methodical += *s.Methodical
				methodicals++
			}
		}
		g.Subject /= float64(max(1, subjects))
		g.Methodical /= float64(max(1, methodicals))
		out[i], groups[i] = g, Group{N: g.N, Secret: secret(c.Value)}
	}
	hidden, _ := Suppress(groups, Least)
	for i := range out {
		if hidden[i] {
			out[i] = GroupScore{Title: out[i].Title, Hidden: true}
		}
	}
	if !slices.ContainsFunc(out, func(g GroupScore) bool { return g.N > 0 }) {
		return []GroupScore{} // a table of nothing but hidden rows says nothing
	}
	return slices.DeleteFunc(out, func(g GroupScore) bool { return g.N == 0 && !g.Hidden })
}

// participationTx is the table of participation: municipalities and the region, or one municipality beside it.
func participationTx(ctx context.Context, tx db.Q, campaign, territory int64) ([]Participation, error) {
	type line struct {
		ID      int64  `db:"id"`
		Title   string `db:"short_name"`
		Invited int    `db:"invited"`
		Took    int    `db:"took"`
	}
	rows, err := db.Select[line](ctx, tx, `
		SELECT t.id, t.short_name, count(*) AS invited, count(*) FILTER (WHERE a.state = 'submitted') AS took
		FROM registration r JOIN territory t ON t.id = r.territory_id LEFT JOIN attempt a ON a.registration_id = r.id
		WHERE r.campaign_id = $1 GROUP BY t.id, t.short_name`, campaign)
	if err != nil {
		return nil, fmt.Errorf("participation: %w", err)
	}
	all, out, groups := Participation{Title: Region}, []Participation{}, []Group{}
	for _, r := range rows {
		all.Invited += r.Invited
		all.Took += r.Took
		out, groups = append(out, Participation{Title: r.Title, Invited: r.Invited, Took: r.Took}), append(groups, Group{N: r.Took})
	}
	hidden, _ := Suppress(groups, Least)
	for i := range out {
		if hidden[i] {
			out[i].Took, out[i].Hidden = 0, true
		}
	}
	if territory != 0 {
		i := slices.IndexFunc(rows, func(r line) bool { return r.ID == territory })
		if i < 0 {
			return nil, noBank
		}
		out = out[i : i+1]
	}
	slices.SortFunc(out, func(a, b Participation) int { return cmp.Compare(a.Title, b.Title) })
	return append(out, all), nil
}
