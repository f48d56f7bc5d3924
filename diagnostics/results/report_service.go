package results

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// A Waiting is a submitted work whose results are not open yet.
type Waiting struct {
	Title       string
	Code        string
	SubmittedAt time.Time
	ClosesAt    time.Time
	Over        bool // the campaign is over
	Works       int  // the person's own answers that experts still have
}

// errNoResult also answers for a person's results that the reader may not see.
var errNoResult = errNoPage

// Read opens the report of one attempt: to the person, or to staff whose scope covers
// them (a municipal methodist only with the person's consent); a look of staff is
// journalled. Before publication the person gets a Waiting, staff who publish get a
// preview, others nothing.
func (s *Service) Read(ctx context.Context, actor access.Actor, attemptID string) (report *Report, waiting *Waiting, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := sitting.ByPublicIDTx(ctx, tx, attemptID)
		if err != nil {
			return err
		}
		own := actor.Is(a.PersonID)
		if a.State != sitting.Submitted || !own && !actor.May(access.PersonResults) {
			return errNoResult
		}
		registrations, err := campaign.RegistrationsByIDTx(ctx, tx, []int64{a.RegistrationID})
		if err != nil {
			return err
		}
		reg := registrations[a.RegistrationID]
		if !own {
			if err := mayReadTx(ctx, tx, actor, reg); err != nil {
				return err
			}
		}
		c, err := campaign.ByIDTx(ctx, tx, a.CampaignID)
		if err != nil {
			return err
		}
		last, err := lastOf(ctx, tx, []sitting.Attempt{a})
		if err != nil {
			return err
		}
		if c.PublishedAt == nil || len(last) == 0 {
			if !own {
				if !actor.May(access.ResultsPublish) || len(last) == 0 {
					return errNoResult
				}
			} else {
				waiting = &Waiting{Title: c.Title, Code: reg.Code, SubmittedAt: *a.SubmittedAt, ClosesAt: c.ClosesAt, Over: c.State == campaign.Closed || !s.now().Before(c.ClosesAt)}
				if len(last) == 1 {
					for _, t := range last[0].Tasks {
						if t.State == StateWaiting {
							waiting.Works++
						}
					}
				}
				return nil
			}
		}
		report, err = s.reportTx(ctx, tx, actor, c, reg, last[0], own)
		return err
	})
	return report, waiting, err
}

// mayReadTx checks that staff may see this person's results: their scope covers the
// place where the person took part, and, below the region, the person agreed.
func mayReadTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, reg campaign.Registration) error {
	scope := actor.Scope(access.PersonResults)
	if !scope.Covers(reg.TerritoryID, reg.OrganisationID) {
		return errNoResult
	}
	sharing, err := people.SharingTx(ctx, tx, scope, []access.PersonID{reg.PersonID})
	if err != nil {
		return err
	}
	if !sharing[reg.PersonID] {
		return errNoResult
	}
	return nil
}

func (s *Service) reportTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, c campaign.Campaign, reg campaign.Registration, last Scored, own bool) (*Report, error) {
	versions, err := bank.VersionsTx(ctx, tx, last.Versions())
	if err != nil {
		return nil, err
	}
	elements, err := elementsTx(ctx, tx, last)
	if err != nil {
		return nil, err
	}
	scale, err := competency.ScaleTx(ctx, tx, c.ScaleID)
	if err != nil {
		return nil, fmt.Errorf("scale of campaign %d: %w", c.ID, err)
	}
	var estimates []Estimate
	if s.links.Estimates != nil {
		if estimates, err = s.links.Estimates(ctx, tx, last); err != nil {
			return nil, fmt.Errorf("estimates: %w", err)
		}
	}
	r := compose(last, versions, elements, estimates, scale)
	r.Own, r.Title, r.Code, r.Published = own, c.Title, reg.Code, c.PublishedAt
	if s.links.Model != nil {
		model, err := s.links.Model(ctx, tx, c.ID)
		if err != nil {
			return nil, fmt.Errorf("model of campaign %d: %w", c.ID, err)
		}
		r.Leans = model.Leans
	}
	st, err := StatisticsTx(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	for i := range r.Parts {
		if part, known := st.Part(r.Parts[i].Part); known {
			r.Parts[i].Sure = certainty(last, part, versions)
			r.Parts[i].Unsure = r.Parts[i].Sure == nil && len(part.Variants) > 0 && missed(last, part.Part, versions)
		}
	}
	if c.PublishedAt != nil && last.At.After(*c.PublishedAt) {
		r.Revised = &last.At
	}
	if !own {
		if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "result.read", ObjectKind: "attempt", ObjectID: fmt.Sprint(last.AttemptID),
			Person: last.PersonID, Purpose: "результаты диагностики «" + c.Title + "»"}); err != nil {
			return nil, err
		}
		names, err := people.NamesTx(ctx, tx, actor, "отчёт о результатах", []access.PersonID{last.PersonID})
		if err != nil {
			return nil, err
		}
		r.Name = names[last.PersonID].Full()
	}
	looks, err := audit.LooksTx(ctx, tx, []access.PersonID{last.PersonID}, 100)
	if err != nil {
		return nil, err
	}
	for _, l := range looks {
		if l.Action != "result.read" {
			continue
		}
		if r.Looks++; r.LastLook == nil {
			r.LastLook = &l.At
		}
	}
	return &r, nil
}

// elementsTx reads the elements of the codifiers a revision speaks of, in their order.
func elementsTx(ctx context.Context, tx *sqlx.Tx, s Scored) ([]competency.Element, error) {
	codifiers := []int64{}
	for _, e := range s.Elements {
		codifiers = append(codifiers, e.CodifierID)
	}
	return competency.ElementsOfTx(ctx, tx, codifiers)
}

// A Card is one line of a person's list of results.
type Card struct {
	Attempt     string
	Title       string
	SubmittedAt time.Time
	Published   *time.Time
	Revised     bool
}

// Mine lists the actor's finished works, the newest first.
func (s *Service) Mine(ctx context.Context, actor access.Actor) (cards []Card, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		attempts, err := sitting.OfPersonTx(ctx, tx, actor.Own()...)
		if err != nil {
			return err
		}
		last, err := lastOf(ctx, tx, attempts)
		if err != nil {
			return err
		}
		at := map[int64]time.Time{}
		for _, r := range last {
			at[r.AttemptID] = r.At
		}
		for _, a := range attempts {
			if a.State != sitting.Submitted {
				continue
			}
			c, err := campaign.ByIDTx(ctx, tx, a.CampaignID)
			if err != nil {
				return err
			}
			card := Card{Attempt: a.PublicID, Title: c.Title, SubmittedAt: *a.SubmittedAt, Published: c.PublishedAt}
			card.Revised = c.PublishedAt != nil && at[a.ID].After(*c.PublishedAt)
			cards = append(cards, card)
		}
		return nil
	})
	return cards, err
}
