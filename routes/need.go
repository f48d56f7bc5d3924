package routes

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
)

// Sources are where needs come from.
type Sources struct {
	// Needs gives the published deficits that a query asks for, also those too uncertain to count.
	Needs func(ctx context.Context, tx *sqlx.Tx, q NeedQuery) ([]Need, error)
	// Campaigns lists campaigns with published results, newest first.
	Campaigns func(ctx context.Context, tx *sqlx.Tx) ([]Campaign, error)
}

// Bank is the bank of deficits as the source of needs.
var Bank = Sources{Needs: bankTx, Campaigns: publishedTx}

// Campaign is a campaign whose deficits routes may be made of.
type Campaign struct {
	ID    int64
	Title string
}

// NeedQuery says whose deficits are meant; zero values do not limit, Scope does.
type NeedQuery struct {
	Campaign     int64
	Persons      []access.PersonID
	Territory    int64
	Organisation int64
	Scope        access.Scope
}

// Need is one deficit of one person as the planner sees it. Shares run from 0 to 1, more is better.
type Need struct {
	Person       access.PersonID
	Campaign     int64
	Registration int64
	Code         string // participant code
	Territory    int64
	Organisation int64
	Position     string
	Subject      string
	Element      string
	Low, High    float64
	P            float64 // probability that the share lies under the cut
	Severity     string
	Status       string
	Tasks        int
	Shortfall    float64 // E[max(0, target − share)]
	Importance   float64
	MeasuredAt   time.Time
}

// Said is what the diagnostic says of the need, as it is worded.
func (n Need) Said() competency.Reading {
	return competency.Reading{Status: n.Status, Severity: n.Severity, P: n.P}
}

// Weight is what closing the deficit is worth: expected shortfall × importance, nothing where it is not one.
func (n Need) Weight() float64 {
	if n.Status != "deficit" && n.Status != "possible" {
		return 0
	}
	return n.Shortfall * n.Importance
}

func bankTx(ctx context.Context, tx *sqlx.Tx, q NeedQuery) ([]Need, error) {
	c, err := campaign.ByIDTx(ctx, tx, q.Campaign)
	if err != nil {
		return nil, err
	}
	if c.PublishedAt == nil || c.Purpose != campaign.Real {
		return nil, nil
	}
	list, err := deficits.OfCampaignTx(ctx, tx, q.Campaign, q.Persons, q.Scope)
	if err != nil {
		return nil, fmt.Errorf("needs: %w", err)
	}
	elements, err := elementsTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	ids := []int64{}
	for _, d := range list {
		if len(ids) == 0 || ids[len(ids)-1] != d.RegistrationID {
			ids = append(ids, d.RegistrationID)
		}
	}
	registrations, err := campaign.RegistrationsByIDTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	out := []Need{}
	for _, d := range list {
		if q.Territory != 0 && d.TerritoryID != q.Territory || q.Organisation != 0 && d.OrganisationID != q.Organisation {
			continue
		}
		importance := elements[d.Element].Importance
		if importance <= 0 {
			importance = 1
		}
		out = append(out, Need{Person: d.PersonID, Campaign: d.CampaignID, Registration: d.RegistrationID, Code: registrations[d.RegistrationID].Code,
			Territory: d.TerritoryID, Organisation: d.OrganisationID, Position: d.Position, Subject: d.Subject, Element: d.Element,
			Low: d.Low, High: d.High, P: d.P, Severity: d.Severity, Status: d.Status, Tasks: d.Tasks, Shortfall: d.Shortfall, Importance: importance, MeasuredAt: d.ValidFrom})
	}
	return out, nil
}

func publishedTx(ctx context.Context, tx *sqlx.Tx) ([]Campaign, error) {
	list, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := []Campaign{}
	for _, c := range list {
		if c.PublishedAt != nil && c.Purpose == campaign.Real {
			out = append(out, Campaign{c.ID, c.Title})
		}
	}
	return out, nil
}
