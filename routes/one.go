package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// ProposeOne drafts the best route of one teacher, named by the participant's code, with the seats that the routes of
// others leave. made is false where the teacher has a route of this diagnostic already: then id is its.
func (s *Service) ProposeOne(ctx context.Context, actor access.Actor, code string) (id int64, made bool, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.RoutesManage)
		reg, err := campaign.RegistrationByCodeTx(ctx, tx, strings.TrimSpace(code))
		if fault.KindOf(err) == fault.NotFound || err == nil && !scope.Covers(reg.TerritoryID, reg.OrganisationID) {
			return fault.Field("q", "Участника с кодом %s среди ваших педагогов нет", strings.TrimSpace(code))
		}
		if err != nil {
			return err
		}
		if err := holdSeatsTx(ctx, tx); err != nil { // nor do two see the same person without a route
			return err
		}
		// Before anything is told, whether there is a route among it.
		sharing, err := people.SharingTx(ctx, tx, scope, []access.PersonID{reg.PersonID})
		if err != nil {
			return err
		}
		if !sharing[reg.PersonID] {
			return fault.New(fault.Conflict, "%s", unsharedWhy(scope))
		}
		old, held, err := heldTx(ctx, tx, reg)
		if err != nil {
			return err
		}
		if held && old.State != Cancelled {
			id = old.ID
			return nil
		}
		needs, why, err := s.needsOfOneTx(ctx, tx, scope, reg)
		if err != nil {
			return err
		}
		if why != "" {
			return fault.New(fault.Conflict, "%s", why)
		}
		programmes, err := programmesTx(ctx, tx, nil)
		if err != nil {
			return err
		}
		elements, err := elementsTx(ctx, tx)
		if err != nil {
			return err
		}
		problem := problemOf(needs, programmes, DefaultLimits, demands{}, nil, calendar.Day(s.now()))
		c, err := content(problem, nil, programmes, elements, func(string) string { return "plan" })
		if err != nil {
			return err
		}
		if len(c.Steps) == 0 {
			return fault.New(fault.Conflict, "Ничего не подошло: %s", strings.Join(words{elements: elements}.leftOpen(c.Plan.Route.Uncovered), "; "))
		}
		const reason = "Предложен одному педагогу"
		r := Route{Person: reg.PersonID, Campaign: reg.CampaignID, Registration: reg.ID, Territory: reg.TerritoryID, Organisation: reg.OrganisationID,
			Position: reg.Position, Subject: reg.Subject, State: Draft, Content: c}
		if held {
			if r, err = routeTx(ctx, tx, old.ID, scope, true); err != nil {
				return err
			}
			err = versionTx(ctx, tx, &r, c, Draft, reason, actor.ID, s.now())
		} else {
			err = insertTx(ctx, tx, &r, reason, actor.ID, s.now())
		}
		if err != nil {
			return err
		}
		id, made = r.ID, true
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "route.drafted", ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: reason})
	})
	return id, made, err
}

// needsOfOneTx reads what one participant needs; why says, in a sentence, why nothing can be proposed.
func (s *Service) needsOfOneTx(ctx context.Context, tx *sqlx.Tx, scope access.Scope, reg campaign.Registration) (needs []Need, why string, err error) {
	campaigns, err := s.src.Campaigns(ctx, tx)
	if err != nil {
		return nil, "", err
	}
	if !slices.ContainsFunc(campaigns, func(c Campaign) bool { return c.ID == reg.CampaignID }) {
		return nil, "Результаты этой диагностики ещё не опубликованы: маршрут можно предложить после", nil
	}
	sharing, err := people.SharingTx(ctx, tx, scope, []access.PersonID{reg.PersonID})
	if err != nil {
		return nil, "", err
	}
	if !sharing[reg.PersonID] {
		return nil, unsharedWhy(scope), nil
	}
	if needs, err = s.src.Needs(ctx, tx, NeedQuery{Campaign: reg.CampaignID, Persons: []access.PersonID{reg.PersonID}, Scope: scope}); err != nil {
		return nil, "", err
	}
	return needs, nothingToMend(needs), nil
}

func unsharedWhy(scope access.Scope) string {
	if scope.All {
		return "Педагог отозвал согласие на диагностику: его результаты не показываем"
	}
	return "Педагог не дал согласия показывать результаты муниципальному методисту: маршрут ему предлагает методист ЦНППМ"
}

// nothingToMend says why a person with these needs gets no route; "" where there is something to work on.
func nothingToMend(needs []Need) string {
	switch {
	case len(needs) == 0:
		return "Результатов по этой диагностике нет"
	case !slices.ContainsFunc(needs, func(n Need) bool { return n.Weight() > 0 }):
		return "По этой диагностике укреплять нечего"
	}
	return ""
}

// heldTx finds the route that a participant has of a diagnostic, also a cancelled one.
func heldTx(ctx context.Context, tx db.Q, reg campaign.Registration) (Route, bool, error) {
	list, err := db.Select[Route](ctx, tx, `SELECT `+routeColumns+` FROM route r WHERE r.person_id = $1 AND r.campaign_id = $2`, reg.PersonID, reg.CampaignID)
	if err != nil {
		return Route{}, false, fmt.Errorf("route of a participant: %w", err)
	}
	if len(list) == 0 {
		return Route{}, false, nil
	}
	return list[0], true, nil
}

// RouteOfTx tells the page of a participant's deficits of their route: which there is, or whether one may be proposed.
func (s *Service) RouteOfTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, reg campaign.Registration) (deficits.RouteLink, error) {
	manage, read := actor.Scope(access.RoutesManage), actor.Scope(access.RoutesRead)
	if !read.Covers(reg.TerritoryID, reg.OrganisationID) {
		return deficits.RouteLink{}, nil
	}
	r, held, err := heldTx(ctx, tx, reg)
	if err != nil || held && r.State != Cancelled {
		return deficits.RouteLink{ID: r.ID, State: r.State.Name()}, err
	}
	if !manage.Covers(reg.TerritoryID, reg.OrganisationID) {
		return deficits.RouteLink{}, nil
	}
	_, why, err := s.needsOfOneTx(ctx, tx, manage, reg)
	return deficits.RouteLink{May: why == ""}, err
}

// Found is a participant that a search for one teacher found.
type Found struct {
	Person                      access.PersonID
	Code, Name, Campaign, Place string
	Needs                       int // elements to work on
	Route                       int64
	State                       State
	Why                         string // nothing can be proposed, in a sentence; "" where something can
	Unshared                    bool   // nor may the results be seen
}

// mostFound is how many participants a search shows.
const mostFound = 20

// Seek finds participants of diagnostics with published results by name or code, within the scope of whoever proposes
// routes. more tells that others were found too.
func (s *Service) Seek(ctx context.Context, actor access.Actor, query string) (out []Found, more bool, err error) {
	query = strings.TrimSpace(query)
	if len([]rune(query)) < 2 {
		return nil, false, fault.Field("q", "Назовите фамилию или код участника: хотя бы две буквы")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.RoutesManage)
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		titles, all := map[int64]string{}, []campaign.Registration{}
		persons := []access.PersonID{}
		for _, c := range campaigns {
			titles[c.ID] = c.Title
			list, err := campaign.RegistrationsTx(ctx, tx, c.ID, scope)
			if err != nil {
				return err
			}
			for _, reg := range list {
				all, persons = append(all, reg), append(persons, reg.PersonID)
			}
		}
		slices.Sort(persons)
		named, err := people.RankTx(ctx, tx, slices.Compact(persons), query)
		if err != nil {
			return err
		}
		rank := map[access.PersonID]int{}
		for i, p := range named {
			rank[p] = i + 1
		}
		found := slices.DeleteFunc(all, func(reg campaign.Registration) bool {
			return rank[reg.PersonID] == 0 && !strings.Contains(fold(reg.Code), fold(query))
		})
		slices.SortStableFunc(found, func(a, b campaign.Registration) int { return rank[a.PersonID] - rank[b.PersonID] })
		more = len(found) > mostFound
		found = found[:min(mostFound, len(found))]
		out, err = s.foundTx(ctx, tx, actor, found, refs, titles)
		return err
	})
	return out, more, err
}

// foundTx tells of participants whether a route can be proposed to each.
func (s *Service) foundTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, list []campaign.Registration, refs people.Refs, titles map[int64]string) ([]Found, error) {
	scope := actor.Scope(access.RoutesManage)
	persons, campaigns, registrations := []access.PersonID{}, map[int64][]access.PersonID{}, []int64{}
	for _, reg := range list {
		persons, registrations = append(persons, reg.PersonID), append(registrations, reg.ID)
		campaigns[reg.CampaignID] = append(campaigns[reg.CampaignID], reg.PersonID)
	}
	names, err := people.NamesTx(ctx, tx, actor, "поиск педагога для маршрута", persons)
	if err != nil {
		return nil, err
	}
	sharing, err := people.SharingTx(ctx, tx, scope, persons)
	if err != nil {
		return nil, err
	}
	needs := map[int64][]Need{} // by registration
	for c, some := range campaigns {
		list, err := s.src.Needs(ctx, tx, NeedQuery{Campaign: c, Persons: some, Scope: scope})
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			needs[n.Registration] = append(needs[n.Registration], n)
		}
	}
	held, err := db.Select[Route](ctx, tx, `SELECT `+routeColumns+` FROM route r WHERE r.registration_id = ANY($1) AND r.state <> 'cancelled'`, db.Array(registrations))
	if err != nil {
		return nil, fmt.Errorf("routes of participants: %w", err)
	}
	out := []Found{}
	for _, reg := range list {
		f := Found{Person: reg.PersonID, Code: reg.Code, Name: nameOfPerson(names, reg.PersonID), Campaign: titles[reg.CampaignID],
			Place: refs.Territory(reg.TerritoryID).ShortName + ", " + refs.Organisation(reg.OrganisationID).ShortName}
		if f.Why = nothingToMend(needs[reg.ID]); !sharing[reg.PersonID] {
			f.Why, f.Unshared = unsharedWhy(scope), true
			out = append(out, f)
			continue
		}
		for _, n := range needs[reg.ID] {
			if n.Weight() > 0 {
				f.Needs++
			}
		}
		for _, r := range held {
			if r.Registration == reg.ID {
				f.Route, f.State = r.ID, r.State
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// NeedsWords says how much a participant has to work on.
func (f Found) NeedsWords() string { return web.Plural(f.Needs, "тема", "темы", "тем") }
