package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
)

// Calculation is a proposal that somebody asked for, as their list of them tells of it.
type Calculation struct {
	ID        int64
	State     string // queued, running, done, failed, cancelled
	At        time.Time
	Percent   int // done of it, while it runs
	Selection Selection
	Campaign  string
	Place     string
	Brief     *Brief // nil until there is a plan
	Made      int    // people whose drafts were made of it
	Drafts    int    // of these, drafts that nobody has touched since
}

// Brief is a proposal in a few figures.
type Brief struct {
	People   int     `json:"people"`
	Found    int     `json:"found"` // of these, those with steps
	Hours    int     `json:"hours"`
	Coverage float64 `json:"coverage"` // share of all that is needed by them together
}

func (p Proposal) brief() Brief {
	b := Brief{People: len(p.People), Coverage: p.Closes()}
	for _, r := range p.People {
		if b.Hours += r.Hours; len(r.Steps) > 0 {
			b.Found++
		}
	}
	return b
}

// Going tells whether the calculation is under way.
func (c Calculation) Going() bool { return c.State == "queued" || c.State == "running" }

// Name says how the calculation stands.
func (c Calculation) Name() string {
	switch {
	case c.State == "queued":
		return "ждёт очереди"
	case c.State == "running":
		return "считается"
	case c.State == "failed":
		return "не удался"
	case c.Brief == nil:
		return "остановлен"
	case c.State == "cancelled":
		return "остановлен раньше"
	case c.Brief.Found == 0:
		return "предложить нечего"
	case c.Made == 0:
		return "ждёт решения"
	}
	return "готов"
}

// Tag is the class of the state's mark.
func (c Calculation) Tag() string {
	switch {
	case c.Going():
		return "tag-go"
	case c.State == "failed":
		return "tag-weak"
	case c.Brief != nil && c.Brief.Found > 0 && c.Made == 0:
		return "tag-wait"
	case c.Made > 0:
		return "tag-good"
	}
	return "tag-none"
}

// shownCalculations is how many of them a list tells of.
const shownCalculations = 20

// calculationsTx lists what an actor had calculated, newest first.
func (s *Service) calculationsTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, refs people.Refs, campaigns []Campaign) ([]Calculation, error) {
	asked, err := jobs.AskedTx(ctx, tx, actor, proposeJob, shownCalculations)
	if err != nil {
		return nil, err
	}
	reasons := make([]string, len(asked))
	for i, a := range asked {
		reasons[i] = drawnReason(mark(a.ID))
	}
	rows, err := db.Select[struct {
		Reason string `db:"reason"`
		Made   int    `db:"made"`
		Drafts int    `db:"drafts"`
	}](ctx, tx, `
		SELECT v.reason, count(DISTINCT r.id) AS made, count(DISTINCT r.id) FILTER (WHERE r.state = 'draft' AND EXISTS (
			SELECT FROM route_version x WHERE x.route_id = r.id AND x.version = r.version AND x.plan = v.plan AND x.problem = v.problem)) AS drafts
		FROM route_version v JOIN route r ON r.id = v.route_id
		WHERE v.reason = ANY($1) AND v.state = 'draft' AND v.made_by = $2 GROUP BY v.reason`, db.Array(reasons), actor.ID)
	if err != nil {
		return nil, fmt.Errorf("drafts of calculations: %w", err)
	}
	out := []Calculation{}
	for i, a := range asked {
		c := Calculation{ID: a.ID, State: a.State, At: a.At}
		var args struct{ Selection Selection }
		if err := json.Unmarshal(a.Args, &args); err != nil {
			return nil, fmt.Errorf("calculation %d: %w", a.ID, err)
		}
		c.Selection, c.Place = args.Selection, placeOf(refs, args.Selection)
		if at := slices.IndexFunc(campaigns, func(x Campaign) bool { return x.ID == args.Selection.Campaign }); at >= 0 {
			c.Campaign = campaigns[at].Title
		}
		if a.Total > 0 {
			c.Percent = 100 * a.Progress / a.Total
		}
		if a.Brief != nil {
			if err := json.Unmarshal(*a.Brief, &c.Brief); err != nil {
				return nil, fmt.Errorf("calculation %d: %w", a.ID, err)
			}
		}
		for _, r := range rows {
			if r.Reason == reasons[i] {
				c.Made, c.Drafts = r.Made, r.Drafts
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// drawnReason is the reason of the versions that a proposal makes; by it they are found again.
func drawnReason(mark string) string { return "Предложен расчётом " + mark }
