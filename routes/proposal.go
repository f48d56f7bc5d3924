package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Selection says for whom routes are proposed: the participants of a campaign in a territory or an organisation who
// have deficits and no route yet.
type Selection struct {
	Campaign     int64             `json:"campaign"`
	Territory    int64             `json:"territory"`
	Organisation int64             `json:"organisation"`
	Persons      []access.PersonID `json:"persons,omitempty"` // none: everybody there
	Hours        int               `json:"hours"`
	Cost         int               `json:"cost"` // roubles a person; −1: no limit
}

// Proposal is a plan for many with shared seats, before anyone has it.
type Proposal struct {
	Selection Selection    `json:"selection"`
	People    []Proposed1  `json:"people"`
	Having    int          `json:"having"`   // already with a route
	Without   int          `json:"without"`  // without a deficit to work on
	Unshared  int          `json:"unshared"` // not planned: have not agreed to show their results to the municipal methodist
	Gap       float64      `json:"gap"`      // proven: no plan is better by more
	Demand    []Demand     `json:"demand"`
	Unmet     []plan.Unmet `json:"unmet"`
}

// UnsharedWords says how many people were not planned, and why.
func (p Proposal) UnsharedWords() string { return people.UnsharedWords(p.Unshared) }

// Proposed1 is the route proposed for one person.
type Proposed1 struct {
	Person       access.PersonID `json:"person"`
	Code         string          `json:"code"`
	Territory    int64           `json:"territory"`
	Organisation int64           `json:"organisation"`
	Needs        int             `json:"needs"`
	Steps        []plan.Lock     `json:"steps"`
	Hours        int             `json:"hours"`
	Cost         int             `json:"cost"`
	Coverage     float64         `json:"coverage"` // share of all that is needed
}

// Demand is how many seats a proposal takes of a session.
type Demand struct {
	Programme string `json:"programme"`
	Session   string `json:"session"`
	Want      int    `json:"want"`
	Free      int    `json:"free"`
}

const proposeJob = "routes.propose"

// Handle registers the background work of this package.
func (s *Service) Handle(r *jobs.Runner) {
	r.Handle(proposeJob, func(ctx context.Context, j jobs.Job) error {
		var a struct {
			Selection Selection
			Scope     access.Scope
		}
		if err := j.Args(&a); err != nil {
			return err
		}
		p, err := s.draw(ctx, a.Selection, a.Scope, func(part float64) { _ = j.Progress(ctx, int(part*100), 100) })
		if err != nil {
			return err
		}
		return j.Result(ctx, p)
	})
}

func checkSelection(sel Selection) error {
	fields := map[string]string{}
	if sel.Campaign == 0 {
		fields["campaign"] = "Выберите диагностику"
	}
	if sel.Hours < 1 || sel.Hours > 500 {
		fields["hours"] = "Часы на человека — от 1 до 500"
	}
	if sel.Cost < -1 || sel.Cost > 10_000_000 {
		fields["cost"] = "Деньги на человека — от 0 до 10 000 000 ₽ или пусто"
	}
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте, для кого и сколько", Fields: fields}
	}
	return nil
}

// AskProposal enqueues the planning of a selection and returns the job's id.
func (s *Service) AskProposal(ctx context.Context, actor access.Actor, sel Selection) (id int64, err error) {
	if err := checkSelection(sel); err != nil {
		return 0, err
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		id, err = jobs.EnqueueTx(ctx, tx, actor, proposeJob, map[string]any{"Selection": sel, "Scope": actor.Scope(access.RoutesManage)})
		return err
	})
	return id, err
}

// DrawProposal plans a selection at once.
func (s *Service) DrawProposal(ctx context.Context, actor access.Actor, sel Selection) (Proposal, error) {
	if err := checkSelection(sel); err != nil {
		return Proposal{}, err
	}
	return s.draw(ctx, sel, actor.Scope(access.RoutesManage), func(float64) {})
}

// gathered is a selection as one problem, with what is known of its people.
type gathered struct {
	problem    plan.Problem
	rows       map[string]Proposed1 // by participant code
	programmes []Programme
	proposal   Proposal
}

// sources are what a selection is planned from.
type sources struct {
	needs      []Need
	having     map[access.PersonID]bool
	programmes []Programme
	unshared   int
}

func (s *Service) read(ctx context.Context, sel Selection, scope access.Scope) (v sources, err error) {
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		if v.needs, v.unshared, err = s.needsTx(ctx, tx, NeedQuery{Campaign: sel.Campaign, Persons: sel.Persons, Territory: sel.Territory, Organisation: sel.Organisation, Scope: scope}); err != nil {
			return err
		}
		if v.having, err = havingTx(ctx, tx, sel.Campaign); err != nil {
			return err
		}
		v.programmes, err = programmesTx(ctx, tx, nil)
		return err
	})
	return v, err
}

// gather makes one problem of a selection: everybody with deficits and no route yet.
func (v sources) gather(sel Selection, today time.Time) gathered {
	out := gathered{rows: map[string]Proposed1{}, programmes: v.programmes,
		proposal: Proposal{Selection: sel, People: []Proposed1{}, Demand: []Demand{}, Unmet: []plan.Unmet{}, Unshared: v.unshared}}
	programmes, problem := out.programmes, &out.problem
	groups := byPerson(v.needs)
	taken := map[string]bool{}
	for _, g := range groups {
		if v.having[g[0].Person] {
			out.proposal.Having++
			continue
		}
		one := problemOf(g, programmes, Limits{sel.Hours, sel.Cost}, demands{}, nil, today)
		t := one.Teachers[0]
		if len(t.Deficits) == 0 {
			out.proposal.Without++
			continue
		}
		problem.Limits, problem.HourPenalty = one.Limits, one.HourPenalty
		for _, x := range one.Programmes {
			if !taken[x.ID] {
				taken[x.ID] = true
				problem.Programmes = append(problem.Programmes, x)
			}
		}
		problem.Teachers = append(problem.Teachers, t)
		out.rows[t.ID] = Proposed1{Person: g[0].Person, Code: t.ID, Territory: g[0].Territory, Organisation: g[0].Organisation, Needs: len(t.Deficits)}
	}
	// A programme of the common list that is not meant for somebody's position or subject is closed to them.
	byCode := map[string]Programme{}
	for _, g := range programmes {
		byCode[g.Code] = g
	}
	passport := map[string]Need{}
	for _, g := range groups {
		passport[g[0].Code] = g[0]
	}
	for i := range problem.Teachers {
		t := &problem.Teachers[i]
		for _, x := range problem.Programmes {
			if n := passport[t.ID]; !byCode[x.ID].SuitedTo(n.Position, n.Subject) {
				t.Forbidden = append(t.Forbidden, x.ID)
			}
		}
	}
	return out
}

func (s *Service) draw(ctx context.Context, sel Selection, scope access.Scope, progress func(float64)) (Proposal, error) {
	src, err := s.read(ctx, sel, scope)
	if err != nil {
		return Proposal{}, err
	}
	from := src.gather(sel, calendar.Day(s.now()))
	out := from.proposal
	problem := from.problem
	a := plan.Plan(&problem, plan.Options{Progress: progress, Enough: 0.002})
	if broken := plan.Check(&problem, &a); broken != nil {
		return out, fmt.Errorf("proposal breaks a rule: %s", broken[0])
	}
	out.Gap, out.Unmet = a.Gap, a.Unmet
	want := map[plan.Lock]int{}
	for i, r := range a.Teachers {
		row := from.rows[r.ID]
		row.Hours, row.Cost, row.Steps = int(r.Hours), int(r.Cost), []plan.Lock{}
		row.Coverage = ratio(r.Coverage, total(problem.Teachers[i]))
		for _, st := range r.Steps {
			l := plan.Lock{Programme: st.Programme, Session: st.Session}
			row.Steps = append(row.Steps, l)
			want[l]++
		}
		out.People = append(out.People, row)
	}
	for _, g := range from.programmes {
		for _, x := range g.Sessions {
			if n := want[plan.Lock{Programme: g.Code, Session: x.Code}]; n > 0 {
				out.Demand = append(out.Demand, Demand{g.Code, x.Code, n, x.Free()})
			}
		}
	}
	return out, nil
}

// needsTx reads the needs of those who agreed that a reader with the scope sees them, and counts the others.
func (s *Service) needsTx(ctx context.Context, tx *sqlx.Tx, q NeedQuery) (needs []Need, unshared int, err error) {
	if needs, err = s.src.Needs(ctx, tx, q); err != nil {
		return nil, 0, err
	}
	persons := []access.PersonID{}
	for _, g := range byPerson(needs) {
		persons = append(persons, g[0].Person)
	}
	sharing, err := people.SharingTx(ctx, tx, q.Scope, persons)
	if err != nil {
		return nil, 0, err
	}
	return slices.DeleteFunc(needs, func(n Need) bool { return !sharing[n.Person] }), len(persons) - len(sharing), nil
}

// byPerson groups needs by person, persons sorted by participant code.
func byPerson(needs []Need) [][]Need {
	m := map[access.PersonID][]Need{}
	for _, n := range needs {
		m[n.Person] = append(m[n.Person], n)
	}
	out := make([][]Need, 0, len(m))
	for _, g := range m {
		slices.SortFunc(g, func(a, b Need) int { return strings.Compare(a.Element, b.Element) })
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []Need) int { return strings.Compare(a[0].Code, b[0].Code) })
	return out
}

// Applied is what became of a proposal.
type Applied struct {
	Made    []int64 // routes
	Skipped int     // people who got a route meanwhile
}

// ApplyProposal makes draft routes of a proposal; people who have got a route meanwhile are left alone, seats that have
// gone meanwhile refuse the whole. mark names the proposal in the reason, so that it can be undone as one.
func (s *Service) ApplyProposal(ctx context.Context, actor access.Actor, p Proposal, mark string) (Applied, error) {
	var out Applied
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.RoutesManage)
		persons := make([]access.PersonID, len(p.People))
		for i, r := range p.People {
			persons[i] = r.Person
		}
		if len(persons) == 0 {
			return fault.New(fault.Conflict, "В предложении нет ни одного маршрута")
		}
		needs, _, err := s.needsTx(ctx, tx, NeedQuery{Campaign: p.Selection.Campaign, Persons: persons, Scope: scope})
		if err != nil {
			return err
		}
		groups := map[access.PersonID][]Need{}
		for _, g := range byPerson(needs) {
			groups[g[0].Person] = g
		}
		// Two proposals at once would both see the same free seats: the second waits here and sees what is left.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('routes.seats'))`); err != nil {
			return fmt.Errorf("seats: %w", err)
		}
		having, err := havingTx(ctx, tx, p.Selection.Campaign)
		if err != nil {
			return err
		}
		ended, err := cancelledTx(ctx, tx, p.Selection.Campaign)
		if err != nil {
			return err
		}
		programmes, err := programmesTx(ctx, tx, nil)
		if err != nil {
			return err
		}
		elements, err := elementsTx(ctx, tx)
		if err != nil {
			return err
		}
		at := map[plan.Lock]*Session{}
		for i := range programmes {
			for k := range programmes[i].Sessions {
				at[plan.Lock{Programme: programmes[i].Code, Session: programmes[i].Sessions[k].Code}] = &programmes[i].Sessions[k]
			}
		}
		reason := strings.TrimSpace("Предложен расчётом " + mark)
		var entries []audit.Entry
		for _, row := range p.People {
			g := groups[row.Person]
			if having[row.Person] || len(g) == 0 || len(row.Steps) == 0 {
				out.Skipped++
				continue
			}
			problem := problemOf(g, programmes, Limits{p.Selection.Hours, p.Selection.Cost}, demands{}, nil, calendar.Day(s.now()))
			if _, broken := plan.Fix(&problem, 0, row.Steps); broken != nil {
				return fault.New(fault.Conflict, "Пока вы смотрели, места или даты изменились. Рассчитайте предложение заново")
			}
			c, err := content(problem, row.Steps, programmes, elements, func(string) string { return "plan" })
			if err != nil {
				return err
			}
			r := Route{Person: row.Person, Campaign: p.Selection.Campaign, Registration: g[0].Registration, Territory: g[0].Territory,
				Organisation: g[0].Organisation, Position: g[0].Position, Subject: g[0].Subject, State: Draft, Content: c}
			if old, was := ended[row.Person]; was {
				if r, err = routeTx(ctx, tx, old, scope, true); err != nil {
					return err
				}
				err = versionTx(ctx, tx, &r, c, Draft, reason, actor.ID, s.now())
			} else {
				err = insertTx(ctx, tx, &r, reason, actor.ID, s.now())
			}
			if err != nil {
				return err
			}
			for _, l := range row.Steps {
				at[l].Taken++
			}
			out.Made = append(out.Made, r.ID)
			entries = append(entries, audit.Entry{Action: "route.drafted", ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: reason})
		}
		return audit.RecordManyTx(ctx, tx, actor, entries)
	})
	if err != nil {
		return Applied{}, err
	}
	return out, nil
}

// cancelledTx gives the cancelled routes of a campaign by person: a new proposal takes them up again.
func cancelledTx(ctx context.Context, tx db.Q, campaign int64) (map[access.PersonID]int64, error) {
	rows, err := db.Select[Route](ctx, tx, `SELECT `+routeColumns+` FROM route r WHERE r.campaign_id = $1 AND r.state = 'cancelled'`, campaign)
	if err != nil {
		return nil, fmt.Errorf("cancelled routes: %w", err)
	}
	out := map[access.PersonID]int64{}
	for _, r := range rows {
		out[r.Person] = r.ID
	}
	return out, nil
}

// UndoProposal cancels the drafts of a proposal that nobody has touched since.
func (s *Service) UndoProposal(ctx context.Context, actor access.Actor, mark string) (n int, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.RoutesManage)
		ids, err := db.Select[int64](ctx, tx, `
			SELECT r.id FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
			WHERE r.state = 'draft' AND v.reason = $1 
			  AND ($2 OR (r.territory_id = ANY($3) OR r.organisation_id = ANY($4)) AND r.person_id IN (SELECT sharing_results($3))) ORDER BY r.id`,
			"Предложен расчётом "+mark, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
		if err != nil {
			return fmt.Errorf("drafts of the proposal: %w", err)
		}
		for _, id := range ids {
			r, err := routeTx(ctx, tx, id, scope, true)
			if err != nil {
				return err
			}
			if err := s.changeTx(ctx, tx, actor, &r, r.Content, Cancelled, "route.cancelled", "Предложение "+mark+" отменено"); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// ProposalState reads how far a proposal is and, when it is there, what it holds: without those who have withdrawn
// their consent meanwhile. Only who asked for it may see it.
func (s *Service) ProposalState(ctx context.Context, actor access.Actor, id int64) (jobs.State, *Proposal, error) {
	st, err := jobs.StateTx(ctx, s.pool, id)
	if err == nil && (st.Kind != proposeJob || st.Actor != actor.ID) {
		err = fault.New(fault.NotFound, "Такого предложения нет")
	}
	if err != nil || st.Result == nil {
		return st, nil, err
	}
	var p Proposal
	if err := json.Unmarshal([]byte(*st.Result), &p); err != nil {
		return st, nil, fmt.Errorf("proposal %d: %w", id, err)
	}
	persons := make([]access.PersonID, len(p.People))
	for i, r := range p.People {
		persons[i] = r.Person
	}
	sharing, err := people.SharingTx(ctx, s.pool, actor.Scope(access.RoutesManage), persons)
	if err != nil {
		return st, nil, err
	}
	p.People = slices.DeleteFunc(p.People, func(r Proposed1) bool { return !sharing[r.Person] })
	p.Unshared += len(persons) - len(p.People)
	return st, &p, nil
}
