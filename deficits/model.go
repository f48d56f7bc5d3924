package deficits

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// A ModelPage is what an analyst needs to trust a campaign's model, or not.
type ModelPage struct {
	Campaign campaign.Campaign
	Fitted   bool
	Small    bool // too few persons to show anything
	Model    string
	FittedAt time.Time
	Persons  int
	Leans    *results.Leaning // nil: on the answers of this campaign alone
	Cycles   int
	Settled  bool
	Check    infer.Check
	Points   []ModelPoint
	Areas    []AreaRow
	Elements []ElementRow
	Tasks    []TaskRow
	Misfits  []MisfitRow
	Differ   int // decisions that the share rule would make otherwise
	Measured int
	Warnings []string
}

// A ModelPoint is one bin of the calibration plot; few answers are not drawn.
type ModelPoint struct {
	infer.Bin
	X, Y, R string // in the drawing
}

// An AreaRow tells how an area goes with the others.
type AreaRow struct {
	Title   string
	Loading float64
}

// An ElementRow tells how persons differ in one element beyond their area.
type ElementRow struct {
	Title   string
	SD      float64
	Persons int
}

// A TaskRow is a task of the model with its fit; Remark says what to look at.
type TaskRow struct {
	infer.TaskFit
	Code   string
	Title  string
	Remark string
}

// A MisfitRow is a participant whose answers surprise, by code.
type MisfitRow struct {
	Code   string
	Tasks  int
	Outfit float64
}

// leastGroup is how many persons a figure is made of at least.
const leastGroup = 5

// ModelCheck reads how well a campaign's model foretells and where it does not fit.
func (s *Service) ModelCheck(ctx context.Context, actor access.Actor, campaignID int64) (p ModelPage, err error) {
	if !actor.May(access.QualityRead) {
		return p, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		c, err := courseTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		p.Campaign = c.campaign
		if c.model.ID == 0 {
			return nil
		}
		p.Fitted, p.Model, p.FittedAt, p.Persons = true, c.model.name(), c.model.FittedAt, c.model.Persons
		if p.Leans, err = leansTx(ctx, tx, c.model); err != nil {
			return err
		}
		if p.Small = p.Persons < leastGroup; p.Small {
			return nil
		}
		return p.fillTx(ctx, tx, c, actor)
	})
	return p, err
}

func (p *ModelPage) fillTx(ctx context.Context, tx *sqlx.Tx, c course, actor access.Actor) error {
	m := c.model.Elements
	p.Check, p.Cycles, p.Settled, p.Warnings = c.model.Check, m.Iterations, m.Converged, []string{}
	for _, b := range p.Check.Bins {
		if b.N >= leastGroup {
			p.Points = append(p.Points, ModelPoint{b, drawn(plotAt(b.Said)), drawn(plotSize + 2*plotEdge - plotAt(b.Was)), drawn(3 + 9*math.Sqrt(float64(b.N)/float64(p.Check.Predictions)))})
		}
	}
	ids := []int64{}
	for _, t := range m.Tasks {
		id, err := strconv.ParseInt(t.ID, 10, 64)
		if err != nil {
			return fmt.Errorf("task %q of a model: %w", t.ID, err)
		}
		ids = append(ids, id)
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	titles, err := p.titlesTx(ctx, tx, versions)
	if err != nil {
		return err
	}
	areas, err := competency.AreasTx(ctx, tx)
	if err != nil {
		return err
	}
	if len(m.Areas) > 1 {
		for _, a := range areas {
			if i := slices.IndexFunc(m.Areas, func(x infer.ModelArea) bool { return x.Area == a.Code }); i >= 0 {
				p.Areas = append(p.Areas, AreaRow{a.Name, m.Areas[i].Loading})
			}
		}
	}
	for _, e := range m.Elements {
		if e.Persons >= leastGroup {
			p.Elements = append(p.Elements, ElementRow{titles[e.Element], e.SD, e.Persons})
		}
	}
	for _, t := range p.Check.Tasks {
		id, err := strconv.ParseInt(t.Task, 10, 64)
		if err != nil {
			return fmt.Errorf("task %q of a check: %w", t.Task, err)
		}
		if t.N < leastGroup && t.Out == "" {
			continue
		}
		row := TaskRow{TaskFit: t, Code: versions[id].Code, Remark: remarkOf(t)}
		for e := range versions[id].Elements {
			row.Title = titles[e]
		}
		p.Tasks = append(p.Tasks, row)
	}
	slices.SortFunc(p.Tasks, func(a, b TaskRow) int { // what needs a look first
		if (a.Remark == "") != (b.Remark == "") {
			if a.Remark != "" {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Code, b.Code)
	})
	if actor.May(access.BankPersons) {
		if err := p.misfitsTx(ctx, tx, c); err != nil {
			return err
		}
	}
	held, err := OfCampaignTx(ctx, tx, c.campaign.ID, nil, access.Scope{All: true})
	if err != nil {
		return err
	}
	for _, d := range held {
		if d.Status == "insufficient" || d.Share == nil {
			continue
		}
		p.Measured++
		if (*d.Share < c.policy.Cut) != (d.Status == "deficit") {
			p.Differ++
		}
	}
	return nil
}

// titlesTx names the elements that the versions speak of.
func (p *ModelPage) titlesTx(ctx context.Context, tx *sqlx.Tx, versions map[int64]bank.Version) (map[string]string, error) {
	titles, seen := map[string]string{}, map[int64]bool{}
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
			titles[e.ID] = e.Short
		}
	}
	return titles, nil
}

// strange is from where answers surprise enough to look: the usual limits of infit and
// outfit (Wright & Linacre 1994).
const strange = 1.3

func remarkOf(t infer.TaskFit) string {
	switch {
	case t.Out != "":
		return "Не учтено: знающие решают его реже незнающих. Проверьте ключ."
	case t.Contradicts != nil:
		return "Ответы расходятся с параметрами из банка: задание стоит откалибровать заново."
	case t.Infit > strange || t.Outfit > 1.6:
		return "Ответы неожиданны: может быть, неясное условие или второй верный ответ."
	case t.Slope < 0.35:
		return "Почти не различает знающих и незнающих."
	}
	return ""
}

// misfitsTx names the participants whose answers surprise most by their codes.
func (p *ModelPage) misfitsTx(ctx context.Context, tx *sqlx.Tx, c course) error {
	revisions, err := results.LastTx(ctx, tx, c.campaign.ID)
	if err != nil {
		return err
	}
	registration, ids := map[string]int64{}, []int64{}
	for _, r := range revisions {
		registration[strconv.FormatInt(r.AttemptID, 10)] = r.RegistrationID
	}
	for _, m := range p.Check.Misfits {
		if id, ok := registration[m.Person]; ok && m.Outfit > strange {
			ids = append(ids, id)
		}
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, m := range p.Check.Misfits {
		if r, ok := registrations[registration[m.Person]]; ok && m.Outfit > strange && len(p.Misfits) < 10 {
			p.Misfits = append(p.Misfits, MisfitRow{r.Code, m.Tasks, m.Outfit})
		}
	}
	return nil
}

// The drawing of the calibration plot: a square with room for the axes.
const (
	plotSize = 240.0
	plotEdge = 36.0
)

func plotAt(share float64) float64 { return plotEdge + share*plotSize }

func drawn(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
