package sitting

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// Step is how far a participant has come. Participation is a fact of attendance:
// it says nothing of results, and coordinators and heads see no more than it.
type Step uint8

// The steps in their order; Declined stands beside them.
const (
	StepInvited Step = iota
	StepConsented
	StepStarted
	StepFinished
	StepDeclined
)

// Label is the step for people.
func (s Step) Label() string {
	return [...]string{"не дал согласия", "согласие есть, не начал", "работает", "завершил", "отказался"}[s]
}

// Funnel counts participants: each number includes the next, refusals stand apart.
type Funnel struct {
	Invited, Declined, Consented, Started, Finished int
}

// Waiting is how many of the invited, refusals left out, have not begun.
func (f Funnel) Waiting() int { return f.Invited - f.Declined - f.Started }

// Share is the part of the invited who finished; 0 where nobody is invited.
func (f Funnel) Share() float64 {
	if f.Invited == 0 {
		return 0
	}
	return float64(f.Finished) / float64(f.Invited)
}

func (f *Funnel) add(s Step) {
	f.Invited++
	switch s {
	case StepDeclined:
		f.Declined++
		return
	case StepFinished:
		f.Finished++
		fallthrough
	case StepStarted:
		f.Started++
		fallthrough
	case StepConsented:
		f.Consented++
	}
}

// A Participant is one invitation with its step.
type Participant struct {
	campaign.Registration
	Step Step
}

// A Branch is a territory or an organisation with its funnel.
type Branch struct {
	ID        int64
	Name      string
	Territory string // of an organisation
	Funnel
}

// Participation is what is known of a campaign's participants within a scope.
type Participation struct {
	Campaign      campaign.Campaign
	Campaigns     []campaign.Campaign // those that may be chosen
	Total         Funnel
	Territories   []Branch
	Organisations []Branch
	Participants  []Participant
}

// participationTx reads the participants of a campaign within a scope, narrowed
// to a territory and an organisation where these are not 0. Campaign 0 is the
// one that runs, else the newest.
func (s *Service) participationTx(ctx context.Context, tx *sqlx.Tx, where access.Scope, campaignID, territory, organisation int64, refs people.Refs) (p Participation, err error) {
	all, err := campaign.ListTx(ctx, tx)
	if err != nil {
		return p, err
	}
	registrations := map[int64][]campaign.Registration{}
	for _, c := range all {
		if c.State == campaign.Draft || c.Purpose == campaign.Rehearsal {
			continue
		}
		if !where.All { // others see the campaigns to which their own people are invited
			rs, err := campaign.RegistrationsTx(ctx, tx, c.ID, where)
			if err != nil {
				return p, err
			}
			if len(rs) == 0 {
				continue
			}
			registrations[c.ID] = rs
		}
		p.Campaigns = append(p.Campaigns, c)
	}
	chosen := slices.IndexFunc(p.Campaigns, func(c campaign.Campaign) bool { return c.ID == campaignID })
	if campaignID == 0 {
		chosen = max(slices.IndexFunc(p.Campaigns, func(c campaign.Campaign) bool { return c.State == campaign.Open }), 0)
	}
	if len(p.Campaigns) == 0 && campaignID == 0 {
		return p, nil
	}
	if chosen < 0 || chosen >= len(p.Campaigns) {
		return p, errNoCampaign
	}
	p.Campaign = p.Campaigns[chosen]
	rs, read := registrations[p.Campaign.ID]
	if !read {
		if rs, err = campaign.RegistrationsTx(ctx, tx, p.Campaign.ID, where); err != nil {
			return p, err
		}
	}
	steps, err := stepsTx(ctx, tx, p.Campaign.ID, rs)
	if err != nil {
		return p, err
	}
	territories, organisations := map[int64]*Branch{}, map[int64]*Branch{}
	for _, r := range rs {
		step := steps[r.ID]
		branch(territories, r.TerritoryID, refs.Territory(r.TerritoryID).ShortName, "").add(step)
		if territory != 0 && r.TerritoryID != territory || organisation != 0 && r.OrganisationID != organisation {
			continue
		}
		branch(organisations, r.OrganisationID, refs.Organisation(r.OrganisationID).ShortName, refs.Territory(r.TerritoryID).ShortName).add(step)
		p.Total.add(step)
		p.Participants = append(p.Participants, Participant{r, step})
	}
	p.Territories, p.Organisations = branches(territories), branches(organisations)
	return p, nil
}

func branch(of map[int64]*Branch, id int64, name, territory string) *Branch {
	if of[id] == nil {
		of[id] = &Branch{ID: id, Name: cmp.Or(name, "без названия"), Territory: territory}
	}
	return of[id]
}

// branches lists those with the most people still to begin first, so that help goes there.
func branches(of map[int64]*Branch) []Branch {
	list := make([]Branch, 0, len(of))
	for _, b := range of {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b Branch) int {
		return cmp.Or(cmp.Compare(b.Waiting(), a.Waiting()), cmp.Compare(a.Territory, b.Territory), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// stepsTx tells the step of each registration.
func stepsTx(ctx context.Context, tx *sqlx.Tx, campaignID int64, rs []campaign.Registration) (map[int64]Step, error) {
	attempts, err := db.Select[struct {
		Registration int64 `db:"registration_id"`
		State        State `db:"state"`
		Begun        bool  `db:"begun"`
	}](ctx, tx, `SELECT registration_id, state, started_at IS NOT NULL AS begun FROM attempt WHERE campaign_id = $1`, campaignID)
	if err != nil {
		return nil, fmt.Errorf("attempts of campaign %d: %w", campaignID, err)
	}
	steps := make(map[int64]Step, len(rs))
	for _, a := range attempts {
		switch {
		case a.State == Submitted, a.State == Annulled:
			steps[a.Registration] = StepFinished
		case a.Begun:
			steps[a.Registration] = StepStarted
		}
	}
	persons := make([]access.PersonID, len(rs))
	for i, r := range rs {
		persons[i] = r.PersonID
	}
	consenting, err := people.ConsentingTx(ctx, tx, persons, purpose)
	if err != nil {
		return nil, err
	}
	for _, r := range rs {
		switch {
		case r.State != campaign.Invited:
			steps[r.ID] = StepDeclined
		case steps[r.ID] == StepInvited && consenting[r.PersonID]:
			steps[r.ID] = StepConsented
		}
	}
	return steps, nil
}

// Now is how an exam day goes at this moment.
type Now struct {
	Working, Finished, SavesLastMinute int
	LastSave                           *time.Time
}

// nowTx reads the pulse of the participants whom the reader sees. It counts people at
// work, no scores, so small groups are shown too.
func (s *Service) nowTx(ctx context.Context, tx *sqlx.Tx, seen []Participant) (now Now, err error) {
	ids := make([]int64, len(seen))
	for i, p := range seen {
		ids[i] = p.ID
	}
	err = db.Everybody(ctx, tx, func() error { // answers are beyond who sees attendance; when they came is not
		now, err = db.Get[Now](ctx, tx, `
			WITH seen AS (
				SELECT id, state FROM attempt WHERE registration_id = ANY($1))
			SELECT (SELECT count(*) FROM seen WHERE state = 'in_progress') AS working,
			       (SELECT count(*) FROM seen WHERE state = 'submitted') AS finished,
			       count(*) FILTER (WHERE w.saved_at > CAST($2 AS timestamptz) - interval '1 minute') AS saveslastminute,
			       max(w.saved_at) AS lastsave
			  FROM answer w
			 WHERE w.attempt_id IN (SELECT id FROM seen WHERE state = 'in_progress')`,
			db.Array(ids), s.now())
		return err
	})
	return now, err
}
