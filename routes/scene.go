package routes

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// scene is all that a change of a route looks at.
type scene struct {
	needs      []Need
	programmes []Programme
	elements   map[string]Element
	today      time.Time
	standing   []Step // what the teacher last agreed to; none before
}

func (s *Service) sceneTx(ctx context.Context, tx *sqlx.Tx, r Route) (scene, error) {
	v := scene{today: calendar.Day(s.now())}
	var err error
	if v.needs, err = s.newestTx(ctx, tx, r.Campaign, []access.PersonID{r.Person}); err != nil {
		return v, err
	}
	if v.standing, err = standingTx(ctx, tx, r, r.Version); err != nil {
		return v, err
	}
	if v.programmes, err = programmesOfTx(ctx, tx, append(slices.Clone(r.Steps), v.standing...)); err != nil {
		return v, err
	}
	v.elements, err = elementsTx(ctx, tx)
	return v, err
}

// newestTx reads what a campaign says of some people, as the newest diagnostics have it: where a later one measured the
// same element, its word counts, wherever it was taken. Elements that the campaign never asked about are the business of
// another route. The caller has seen that the actor may read these people's routes.
func (s *Service) newestTx(ctx context.Context, tx *sqlx.Tx, campaign int64, persons []access.PersonID) (needs []Need, err error) {
	err = db.Everybody(ctx, tx, func() error {
		needs, err = s.anywhereTx(ctx, tx, campaign, persons)
		return err
	})
	return needs, err
}

func (s *Service) anywhereTx(ctx context.Context, tx *sqlx.Tx, campaign int64, persons []access.PersonID) ([]Need, error) {
	all := access.Scope{All: true}
	needs, err := s.src.Needs(ctx, tx, NeedQuery{Campaign: campaign, Persons: persons, Scope: all})
	if err != nil || len(needs) == 0 {
		return needs, err
	}
	type what struct {
		person  access.PersonID
		element string
	}
	at := map[what]int{}
	for i, n := range needs {
		at[what{n.Person, n.Element}] = i
	}
	campaigns, err := s.src.Campaigns(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, c := range campaigns {
		if c.ID == campaign {
			continue
		}
		others, err := s.src.Needs(ctx, tx, NeedQuery{Campaign: c.ID, Persons: persons, Scope: all})
		if err != nil {
			return nil, err
		}
		for _, n := range others {
			i, same := at[what{n.Person, n.Element}]
			if !same || !n.MeasuredAt.After(needs[i].MeasuredAt) {
				continue
			}
			old := needs[i]
			n.Campaign, n.Registration, n.Code, n.Territory, n.Organisation, n.Position, n.Subject = old.Campaign, old.Registration, old.Code, old.Territory, old.Organisation, old.Position, old.Subject
			needs[i] = n
		}
	}
	return needs, nil
}

// standingTx reads the steps of the last version up to one that the teacher had agreed to; none where there is none.
func standingTx(ctx context.Context, tx db.Q, r Route, upTo int) ([]Step, error) {
	version, err := agreedTx(ctx, tx, r, upTo)
	if err != nil {
		return nil, err
	}
	switch version {
	case 0:
		return nil, nil
	case r.Version:
		return r.Steps, nil
	}
	old := r
	if err := fillTx(ctx, tx, &old, version); err != nil {
		return nil, err
	}
	return old.Steps, nil
}

// begun tells whether a step is done, under way, or must be by the calendar: the teacher agreed to it and its first
// day has come.
func (v scene) begun(r Route, s Step) bool {
	if r.Started(s.Programme) {
		return true
	}
	return !s.StartsOn.After(v.today) && slices.ContainsFunc(v.standing, func(o Step) bool { return o.Programme == s.Programme && o.Session == s.Session }) && !v.cancelled(s)
}

// session finds the group of a step; nil where the catalogue no longer has it.
func (v scene) session(s Step) *Session {
	for i := range v.programmes {
		if v.programmes[i].ID == s.Programme {
			return v.programmes[i].Session(s.Session)
		}
	}
	return nil
}

func (v scene) cancelled(s Step) bool {
	x := v.session(s)
	return x != nil && x.CancelledAt != nil
}

// asOfNow judges the steps of a route that can still change anew, with the seats, groups and needs of today: what the
// best route closes, what would stand in the place of a step and what a demand costs move with them. What was said when
// the version was made stays where the route is closed or out of date.
func (v scene) asOfNow(r Route, outdated bool) (c Content, fresh bool, err error) {
	if outdated || !r.State.MayBecome(Draft) {
		return r.Content, false, nil
	}
	p := v.current(r, demandsOf(r), r.limits(), true)
	if _, broken := plan.Fix(&p, 0, r.chosen()); broken != nil {
		return r.Content, false, nil
	}
	c, err = content(p, r.chosen(), v.programmes, v.elements, func(code string) string {
		for _, s := range r.Steps {
			if s.Code == code {
				return s.Origin
			}
		}
		return "plan"
	})
	c.Plan.Asked, c.Plan.Note, c.Plan.Undone = r.Plan.Asked, r.Plan.Note, r.Plan.Undone
	return c, true, err
}

// demandsOf reads the demands of a route as it stands: its locks, what is required, forbidden and wished for, and what
// is done or begun, which nothing may move.
func demandsOf(r Route) demands {
	t := r.Teacher()
	d := demands{forbidden: slices.Clone(t.Forbidden), done: slices.Clone(t.Done), required: slices.Clone(t.Required), wishes: t.Preferences}
	for _, l := range t.Locked {
		if !slices.Contains(t.UnderWay, l.Programme) {
			d.locked = append(d.locked, l)
		}
	}
	for _, s := range r.Steps {
		if r.Started(s.Programme) {
			d.begin(s)
		}
	}
	return d
}

// begin makes a step one that nothing may move.
func (d *demands) begin(s Step) {
	d.locked = slices.DeleteFunc(d.locked, func(l plan.Lock) bool { return l.Programme == s.Code })
	d.locked = append(d.locked, plan.Lock{Programme: s.Code, Session: s.Group})
	if !slices.Contains(d.underWay, s.Code) {
		d.underWay = append(d.underWay, s.Code)
	}
}

// HoldsSeats tells whether the steps of a route take seats of their groups.
func (r Route) HoldsSeats() bool {
	return r.State == Draft || r.State == Proposed || r.State == Agreed || r.State == InProgress
}

func (r Route) heldSessions() map[int64]bool {
	held := map[int64]bool{}
	if r.HoldsSeats() {
		for _, s := range r.Steps {
			held[s.Session] = true
		}
	}
	return held
}

func (r Route) limits() Limits { return Limits{int(r.HourLimit()), int(r.CostLimit())} }

// current is the planner's problem of a route today, under demands. With keep, the steps it holds stay plannable
// whatever happened to their groups since; without, a group that has begun or was cancelled is out.
func (v scene) current(r Route, d demands, lim Limits, keep bool) plan.Problem {
	if !keep {
		return problemOf(v.needs, v.programmes, lim, d, r.heldSessions(), v.today)
	}
	pinned := d
	pinned.locked = slices.Clone(d.locked)
	for _, s := range r.Steps {
		if !slices.ContainsFunc(pinned.locked, func(l plan.Lock) bool { return l.Programme == s.Code }) {
			pinned.locked = append(pinned.locked, plan.Lock{Programme: s.Code, Session: s.Group})
		}
	}
	p := problemOf(v.needs, v.programmes, lim, pinned, r.heldSessions(), v.today)
	p.Teachers[0].Locked = slices.Clone(d.locked)
	return p
}
