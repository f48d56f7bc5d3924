package deficits

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
)

// Service holds the use cases of this package.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
	fit  []func(context.Context, *sqlx.Tx, int64) error

	route func(context.Context, *sqlx.Tx, access.Actor, campaign.Registration) (RouteLink, error)
}

// New returns the service; now is time.Now outside tests.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool: pool, now: now} }

// OnFitted adds a stage that runs in the transaction that fits a campaign's model.
func (s *Service) OnFitted(f func(ctx context.Context, tx *sqlx.Tx, campaignID int64) error) {
	s.fit = append(s.fit, f)
}

// RouteLink is what a participant's page knows of their route.
type RouteLink struct {
	ID    int64  // 0: none
	State string // in words
	May   bool   // there is none, and the reader may propose one
}

// OnRoute says who knows the routes; without it the page of a participant tells of none.
func (s *Service) OnRoute(f func(context.Context, *sqlx.Tx, access.Actor, campaign.Registration) (RouteLink, error)) {
	s.route = f
}

// course is what all persons of a campaign share.
type course struct {
	campaign campaign.Campaign
	scale    competency.Scale
	policy   infer.Policy
	model    fitted
}

func courseTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) (c course, err error) {
	if c.campaign, err = campaign.ByIDTx(ctx, tx, campaignID); err != nil {
		return c, err
	}
	if c.scale, err = competency.ScaleTx(ctx, tx, c.campaign.ScaleID); err != nil {
		return c, fmt.Errorf("scale of campaign %d: %w", campaignID, err)
	}
	c.policy = policyOf(c.scale.Definition)
	c.model, err = modelTx(ctx, tx, campaignID, c.policy)
	return c, err
}

// placeTx tells the policy, and a model that is not fitted yet, the areas of the elements
// that these versions speak of.
func (c *course) placeTx(ctx context.Context, tx *sqlx.Tx, versions map[int64]bank.Version) error {
	seen := map[int64]bool{}
	elements := []competency.Element{}
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		codifier := versions[id].CodifierID
		if seen[codifier] {
			continue
		}
		seen[codifier] = true
		list, err := competency.ElementsTx(ctx, tx, codifier)
		if err != nil {
			return fmt.Errorf("elements of codifier %d: %w", codifier, err)
		}
		elements = append(elements, list...)
	}
	c.policy.Areas = areasOf(elements)
	if c.model.ID == 0 {
		c.model.Elements.Policy.Areas = c.policy.Areas
	}
	return nil
}

// RefreshTx brings one person's deficits up to a new score revision, against the
// campaign's stored model; before any fit against the weak prior, marked preliminary.
// Register it with results.OnScored. Only real campaigns count.
func (s *Service) RefreshTx(ctx context.Context, tx *sqlx.Tx, scored results.Scored) error {
	c, err := courseTx(ctx, tx, scored.CampaignID)
	if err != nil || c.campaign.Purpose != campaign.Real {
		return err
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, []int64{scored.RegistrationID})
	if err != nil {
		return err
	}
	r := registrations[scored.RegistrationID]
	versions, err := bank.VersionsTx(ctx, tx, scored.Versions())
	if err != nil {
		return err
	}
	if err := addEvidenceTx(ctx, tx, scored.PersonID, 0, evidenceOf(scored, r, versions, s.now())); err != nil {
		return err
	}
	if err := c.placeTx(ctx, tx, versions); err != nil {
		return err
	}
	data := dataOf([]results.Scored{scored}, versions, false)
	estimates, err := c.model.Elements.Infer(data.Tasks, data.Persons[0].Responses)
	if err != nil {
		return fmt.Errorf("infer attempt %d: %w", scored.AttemptID, err)
	}
	rows := c.rows(scored, r, estimates)
	return replaceTx(ctx, tx, scored.CampaignID, rows, s.now())
}

// evidenceOf lists what a revision says: points by element, and what the person
// thought of themselves before.
func evidenceOf(scored results.Scored, r campaign.Registration, versions map[int64]bank.Version, now time.Time) []Evidence {
	list := []Evidence{}
	codifiers := map[string]int64{}
	for _, v := range versions {
		for e := range v.Elements {
			codifiers[e] = v.CodifierID
		}
	}
	for _, e := range scored.Elements {
		points, most := e.Points, e.Max
		list = append(list, Evidence{SourceKind: "diagnostics", SourceRef: "revision:" + strconv.FormatInt(scored.RevisionID, 10), Subject: r.Subject,
			Element: e.Element, CodifierID: e.CodifierID, Points: &points, Max: &most, Tasks: e.Tasks, ObservedAt: scored.SubmittedAt, RecordedAt: now})
	}
	for e, share := range scored.Self(versions) {
		points, most := 4*share, 4.0
		list = append(list, Evidence{SourceKind: "self_assessment", SourceRef: "attempt:" + strconv.FormatInt(scored.AttemptID, 10), Subject: r.Subject,
			Element: e, CodifierID: codifiers[e], Points: &points, Max: &most, Tasks: 1, ObservedAt: scored.SubmittedAt, RecordedAt: now})
	}
	return list
}

// rows makes the rows that say what the model says of one person's elements.
func (c course) rows(scored results.Scored, r campaign.Registration, estimates []infer.Estimate) []Deficit {
	codifiers := make(map[string]int64, len(scored.Elements))
	for _, e := range scored.Elements {
		codifiers[e.Element] = e.CodifierID
	}
	var model *int64
	if c.model.ID != 0 {
		model = &c.model.ID
	}
	rows := make([]Deficit, 0, len(scored.Elements))
	for _, e := range estimates {
		codifier, measured := codifiers[e.Element]
		if !measured { // another variant's element: nothing was asked of this person
			continue
		}
		row := Deficit{PersonID: scored.PersonID, Element: e.Element, Subject: r.Subject, CodifierID: codifier, CampaignID: scored.CampaignID,
			RegistrationID: r.ID, RevisionID: scored.RevisionID, Points: e.Score, Max: e.Max, Tasks: e.Tasks, Share: shareOf(e), Estimate: e.Estimate,
			Low: e.Low, High: e.High, P: e.P, Shortfall: e.Shortfall, ScaleID: c.scale.ID, ModelID: model, Model: c.model.name(),
			Preliminary: !scored.Complete || c.model.ID == 0, TerritoryID: r.TerritoryID, OrganisationID: r.OrganisationID, Position: r.Position,
			Category: r.Category, Experience: r.Experience, Rural: r.Rural, ValidFrom: scored.SubmittedAt}
		row.Status, row.Severity, row.ShareSeverity = judged(e, c.policy, c.scale.Definition.Rule)
		rows = append(rows, row)
	}
	return rows
}

// FitJob is the kind of job that fits a campaign's model.
const FitJob = "deficits.fit"

type fitArgs struct {
	Campaign int64 `json:"campaign"`
	Always   bool  `json:"always,omitempty"` // also where the model fits its answers
}

// RequestFit asks for a fit of a campaign's model and returns the job's id.
func (s *Service) RequestFit(ctx context.Context, actor access.Actor, campaignID int64) (job int64, err error) {
	if !actor.May(access.ResultsPublish) {
		return 0, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := campaign.ByIDTx(ctx, tx, campaignID); err != nil {
			return err
		}
		job, err = jobs.EnqueueTx(ctx, tx, actor, FitJob, fitArgs{Campaign: campaignID})
		return err
	})
	return job, err
}

// RunFit does the work of FitJob; it can be repeated after a crash.
func (s *Service) RunFit(ctx context.Context, j jobs.Job) error {
	var args fitArgs
	if err := j.Args(&args); err != nil {
		return err
	}
	report, err := s.fitCampaign(ctx, access.System, args.Campaign, args.Always)
	if err != nil {
		return err
	}
	return j.Result(ctx, report)
}

// FitWhenReadyTx asks for a fit once a campaign is over and the experts have decided
// everything, so that a manager finds the model fitted. Register it with
// campaign.OnClosed, after the sittings are closed.
func (s *Service) FitWhenReadyTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) error {
	c, err := campaign.ByIDTx(ctx, tx, campaignID)
	if err != nil || c.State != campaign.Closed && s.now().Before(c.ClosesAt) {
		return err
	}
	waiting, err := marking.WaitingTx(ctx, tx, campaignID)
	if err != nil || waiting > 0 {
		return err
	}
	_, err = jobs.EnqueueTx(ctx, tx, access.System, FitJob, fitArgs{Campaign: campaignID})
	return err
}

// ScoredTx is FitWhenReadyTx after the last answer was decided. Register it with
// results.OnScored, after RefreshTx.
func (s *Service) ScoredTx(ctx context.Context, tx *sqlx.Tx, scored results.Scored) error {
	if scored.Reason != results.ReasonMarked {
		return nil
	}
	return s.FitWhenReadyTx(ctx, tx, scored.CampaignID)
}

// A FitReport tells what a fit did.
type FitReport struct {
	Version  int      `json:"version"`
	Persons  int      `json:"persons"`
	Rows     int      `json:"rows"`
	Warnings []string `json:"warnings"`
}

// FitCampaign fits the model of a campaign to all its answers and rewrites the
// deficits of its people: the old rows stay with the time at which they were replaced.
func (s *Service) FitCampaign(ctx context.Context, actor access.Actor, campaignID int64) (FitReport, error) {
	return s.fitCampaign(ctx, actor, campaignID, true)
}

// fitCampaign leaves a model alone that no score has outlived, unless it must not.
func (s *Service) fitCampaign(ctx context.Context, actor access.Actor, campaignID int64, always bool) (report FitReport, err error) {
	if !actor.May(access.ResultsPublish) {
		return report, errNoPage
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := lockTx(ctx, tx, campaignID); err != nil {
			return err
		}
		c, err := courseTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		revisions, err := results.LastTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if revisions, err = consentingTx(ctx, tx, revisions); err != nil {
			return err
		}
		if len(revisions) == 0 {
			return fault.New(fault.Conflict, "Никто ещё не закончил работу: модель не по чему рассчитать")
		}
		if !always && c.model.fits(revisions) {
			report = FitReport{Version: c.model.Version, Persons: c.model.Persons, Warnings: []string{}}
			return nil
		}
		versions, err := versionsOf(ctx, tx, revisions)
		if err != nil {
			return err
		}
		if err := c.placeTx(ctx, tx, versions); err != nil {
			return err
		}
		var fit models
		data := dataOf(revisions, versions, false)
		var known calibration
		if fit.Leans, known, err = calibrationTx(ctx, tx, c.campaign, data); err != nil {
			return fmt.Errorf("calibration for campaign %d: %w", campaignID, err)
		}
		if fit.Elements, err = infer.FitOn(data, c.policy, known.Elements); err != nil {
			return fmt.Errorf("fit elements of campaign %d: %w", campaignID, err)
		}
		if fit.Check, err = fit.Elements.Check(data); err != nil {
			return fmt.Errorf("check the model of campaign %d: %w", campaignID, err)
		}
		if fit.Parts, err = infer.FitOn(dataOf(revisions, versions, true), c.policy, known.Parts); err != nil {
			return fmt.Errorf("fit parts of campaign %d: %w", campaignID, err)
		}
		if c.model, err = insertModelTx(ctx, tx, campaignID, fit, s.now()); err != nil {
			return err
		}
		rows, err := c.allRowsTx(ctx, tx, revisions, data)
		if err != nil {
			return err
		}
		if err := replaceTx(ctx, tx, campaignID, rows, s.now()); err != nil {
			return err
		}
		for _, next := range s.fit {
			if err := next(ctx, tx, campaignID); err != nil {
				return err
			}
		}
		report = FitReport{c.model.Version, fit.Elements.Persons, len(rows), fit.Elements.Warnings}
		details := map[string]any{"version": report.Version, "persons": report.Persons, "method": c.model.Elements.Method}
		if fit.Leans != nil {
			details["leans_on_model"] = fit.Leans.Model
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "deficits.fitted", ObjectKind: "campaign", ObjectID: strconv.FormatInt(campaignID, 10), Details: details})
	})
	return report, err
}

func versionsOf(ctx context.Context, tx *sqlx.Tx, revisions []results.Scored) (map[int64]bank.Version, error) {
	seen, ids := map[int64]bool{}, []int64{}
	for _, r := range revisions {
		for _, id := range r.Versions() {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return bank.VersionsTx(ctx, tx, ids)
}

// allRowsTx makes the rows of everybody; outside real campaigns there are none.
func (c course) allRowsTx(ctx context.Context, tx *sqlx.Tx, revisions []results.Scored, data infer.Data) ([]Deficit, error) {
	if c.campaign.Purpose != campaign.Real {
		return nil, nil
	}
	ids := make([]int64, len(revisions))
	for i, r := range revisions {
		ids[i] = r.RegistrationID
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	model, err := c.model.Elements.Prepare(data.Tasks)
	if err != nil {
		return nil, err
	}
	estimates, err := model.InferMany(data.Persons)
	if err != nil {
		return nil, fmt.Errorf("infer attempts: %w", err)
	}
	all := []Deficit{}
	for i, r := range revisions {
		all = append(all, c.rows(r, registrations[r.RegistrationID], estimates[i])...)
	}
	return all, nil
}

// DropTx ends what is held by an annulled sitting. Register it with campaign.OnAnnulled.
func (s *Service) DropTx(ctx context.Context, tx *sqlx.Tx, r campaign.Registration) error {
	return dropTx(ctx, tx, r.ID, r.PersonID, s.now())
}

// ModelTx reads the state of a campaign's model, for results.Links.
func (s *Service) ModelTx(ctx context.Context, tx *sqlx.Tx, campaignID int64) (results.ModelState, error) {
	m, err := modelTx(ctx, tx, campaignID, infer.DefaultPolicy())
	if err != nil {
		return results.ModelState{}, err
	}
	leans, err := leansTx(ctx, tx, m)
	return results.ModelState{Version: m.Version, FittedAt: m.FittedAt, Persons: m.Persons, Leans: leans}, err
}

// EstimatesTx says what is held of a revision's elements and of its parts, for
// results.Links.
func (s *Service) EstimatesTx(ctx context.Context, tx *sqlx.Tx, scored results.Scored) ([]results.Estimate, error) {
	c, err := courseTx(ctx, tx, scored.CampaignID)
	if err != nil {
		return nil, err
	}
	held, err := OfPersonTx(ctx, tx, scored.PersonID, scored.CampaignID)
	if err != nil {
		return nil, fmt.Errorf("deficits of person %d: %w", scored.PersonID, err)
	}
	versions, err := bank.VersionsTx(ctx, tx, scored.Versions())
	if err != nil {
		return nil, err
	}
	if err := c.placeTx(ctx, tx, versions); err != nil {
		return nil, err
	}
	why, err := c.explainTx(ctx, tx, scored, versions)
	if err != nil {
		return nil, fmt.Errorf("explain attempt %d: %w", scored.AttemptID, err)
	}
	out := []results.Estimate{}
	for _, d := range held {
		out = append(out, results.Estimate{Element: d.Element, Points: d.Points, Max: d.Max, Tasks: d.Tasks, Share: d.Share, Estimate: d.Estimate, Low: d.Low, High: d.High,
			P: d.P, Shortfall: d.Shortfall, Severity: d.Severity, Status: d.Status, ShareSeverity: d.ShareSeverity, Preliminary: d.Preliminary, Why: c.standing(d, scored, why)})
	}
	data := dataOf([]results.Scored{scored}, versions, true)
	parts, err := c.model.Parts.Infer(data.Tasks, data.Persons[0].Responses)
	if err != nil {
		return nil, fmt.Errorf("infer parts of attempt %d: %w", scored.AttemptID, err)
	}
	for _, e := range parts {
		part, ok := strings.CutPrefix(e.Element, partPrefix)
		if !ok || e.Max == 0 && e.Tasks == 0 {
			continue
		}
		out = append(out, results.Estimate{Part: part, Points: e.Score, Max: e.Max, Tasks: e.Tasks, Share: shareOf(e), Estimate: e.Estimate, Low: e.Low, High: e.High,
			P: e.P, Shortfall: e.Shortfall, Severity: string(e.Severity), Status: string(e.Status), Preliminary: !scored.Complete || c.model.ID == 0})
	}
	return out, nil
}

// standing is the explanation of a row, nil where the row was made by another model or
// revision than the explanation. More answers are worth asking for where the row gives no
// verdict; where an office judges by the bare share it always gives one.
func (c course) standing(d Deficit, scored results.Scored, why map[string]*results.Why) *results.Why {
	w := why[d.Element]
	if w == nil || d.Model != c.model.name() || d.RevisionID != scored.RevisionID {
		return nil
	}
	w.Unclear = c.scale.Definition.Rule != competency.RuleShare && (d.Status == string(infer.Possible) || d.Status == string(infer.Insufficient))
	return w
}

var errNoPage = fault.New(fault.NotFound, "Такой страницы нет")
