package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Applied is what became of a proposal.
type Applied struct {
	Made    []int64           `json:"made"`              // routes
	Skipped int               `json:"skipped"`           // people who got a route meanwhile
	Anew    []access.PersonID `json:"anew,omitempty"`    // whose seats or dates had gone: planned anew among what is left
	Without []access.PersonID `json:"without,omitempty"` // for whom nothing was left
}

// ApplyProposal makes draft routes of a proposal; people who have got a route meanwhile are left alone. Whose seats or
// dates have gone meanwhile get the best route among what the others leave, and are named. mark names the proposal in the reason, so that it can be undone as one.
func (s *Service) ApplyProposal(ctx context.Context, actor access.Actor, p Proposal, mark string) (Applied, error) {
	return s.applyTold(ctx, actor, p, mark, func(int) error { return nil })
}

func (s *Service) applyTold(ctx context.Context, actor access.Actor, p Proposal, mark string, told func(n int) error) (Applied, error) {
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
		if err := holdSeatsTx(ctx, tx); err != nil {
			return err
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
		reason := drawnReason(mark)
		var entries []audit.Entry
		problem := func(row Proposed1) plan.Problem {
			return problemOf(groups[row.Person], programmes, Limits{p.Selection.Hours, p.Selection.Cost}, demands{}, nil, calendar.Day(s.now()))
		}
		draft := func(row Proposed1, problem plan.Problem) error {
			g := groups[row.Person]
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
			return nil
		}
		var late []Proposed1
		for i, row := range p.People {
			if err := told(i); err != nil {
				return err
			}
			if having[row.Person] || len(groups[row.Person]) == 0 || len(row.Steps) == 0 {
				out.Skipped++
				continue
			}
			x := problem(row)
			if _, broken := plan.Fix(&x, 0, row.Steps); broken != nil {
				late = append(late, row) // after those whose seats are there
			} else if err := draft(row, x); err != nil {
				return err
			}
		}
		for _, row := range late {
			x := problem(row)
			row.Steps = nil
			for _, st := range plan.Best(&x, 0).Teachers[0].Steps {
				row.Steps = append(row.Steps, plan.Lock{Programme: st.Programme, Session: st.Session})
			}
			if row.Steps == nil {
				out.Without = append(out.Without, row.Person)
				continue
			}
			out.Anew = append(out.Anew, row.Person)
			if err := draft(row, x); err != nil {
				return err
			}
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
		ids, err := draftsOfTx(ctx, tx, scope, mark)
		if err != nil {
			return err
		}
		n = len(ids)
		return s.moveManyTx(ctx, tx, actor, ids, Cancelled, "route.cancelled", "Предложение "+mark+" отменено")
	})
	return n, err
}

// holdSeatsTx lets one transaction at a time give seats out: two would both see the same free ones, the second waits
// here and sees what is left.
func holdSeatsTx(ctx context.Context, tx db.Q) error {
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('routes.seats'))`); err != nil {
		return fmt.Errorf("seats: %w", err)
	}
	return nil
}

// untouched tells of a version v of a route r that it is the work of a calculation named by its reason $1, and what stands
// in it has not been changed since: to be proposed and taken back is no change.
const untouched = `(v.reason = $1 OR EXISTS (
	SELECT FROM route_version d WHERE d.reason = $1 AND d.route_id = v.route_id AND d.version < v.version AND d.plan = v.plan AND d.problem = v.problem))`

// draftsOfTx locks the drafts of a proposal that nobody has touched since.
func draftsOfTx(ctx context.Context, tx db.Q, scope access.Scope, mark string) ([]int64, error) {
	ids, err := db.Select[int64](ctx, tx, `
		SELECT r.id FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
		WHERE r.state = 'draft' AND `+untouched+`
		  AND ($2 OR (r.territory_id = ANY($3) OR r.organisation_id = ANY($4)) AND r.person_id IN (SELECT sharing_results($3))) ORDER BY r.id FOR UPDATE OF r`,
		drawnReason(mark), scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
	if err != nil {
		return nil, fmt.Errorf("drafts of the proposal: %w", err)
	}
	return ids, nil
}

// DraftsOf finds the drafts of a proposal that nobody has touched since, in any version: what is offered to be proposed
// at once. Only who asked for the proposal may.
func (s *Service) DraftsOf(ctx context.Context, actor access.Actor, proposal int64) (versions map[int64]int, err error) {
	versions = map[int64]int{}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := proposalJobTx(ctx, tx, actor, proposal); err != nil {
			return err
		}
		ids, err := draftsOfTx(ctx, tx, actor.Scope(access.RoutesManage), mark(proposal))
		for _, id := range ids {
			versions[id] = 0
		}
		return err
	})
	return versions, err
}

// Only leaves in a proposal the people with the participant codes given.
func (p Proposal) Only(codes []string) Proposal {
	wanted := map[string]bool{}
	for _, c := range codes {
		wanted[c] = true
	}
	p.People = slices.DeleteFunc(slices.Clone(p.People), func(r Proposed1) bool { return !wanted[r.Code] })
	return p
}

// Sifted leaves in a proposal the people that a filter of its page shows.
func (s *Service) Sifted(ctx context.Context, actor access.Actor, p Proposal, f sift) (Proposal, error) {
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		l, err := s.linesTx(ctx, tx, &p)
		if err != nil {
			return err
		}
		p.People, err = siftedTx(ctx, tx, &p, f, l.held, l.refs)
		return err
	})
	return p, err
}

// AskApply enqueues the making of the drafts of a proposal, of only those with the codes given where there are any, and
// returns the job's id.
func (s *Service) AskApply(ctx context.Context, actor access.Actor, proposal int64, only []string) (id int64, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := proposalJobTx(ctx, tx, actor, proposal); err != nil {
			return err
		}
		id, err = jobs.EnqueueTx(ctx, tx, actor, applyJob, applying{proposal, only})
		return err
	})
	return id, err
}

// applying is what the job of drafts is asked.
type applying struct {
	Proposal int64
	Only     []string `json:",omitempty"` // participant codes; none: everybody
}

// applyInBackground makes the drafts as whoever asked, with the rights they have now.
func (s *Service) applyInBackground(ctx context.Context, j jobs.Job) error {
	var a applying
	if err := j.Args(&a); err != nil {
		return err
	}
	var actor access.Actor
	err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		actor, err = people.ActorTx(ctx, tx, j.Actor)
		return err
	})
	if err != nil {
		return err
	}
	if !actor.May(access.RoutesManage) {
		return fault.New(fault.Forbidden, "Права вести маршруты больше нет")
	}
	_, p, err := s.ProposalState(ctx, actor, a.Proposal)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Conflict, "Расчёт ещё не закончен")
	}
	if len(a.Only) > 0 {
		*p = p.Only(a.Only)
	}
	made, err := s.applyTold(ctx, actor, *p, mark(a.Proposal), func(n int) error {
		if n%20 > 0 {
			return nil
		}
		return j.Progress(ctx, n, len(p.People))
	})
	if err != nil {
		return err
	}
	return j.Result(ctx, made)
}

// told words what became of a proposal, with the names of those who did not get what they were promised.
func (s *Service) told(ctx context.Context, tx *sqlx.Tx, actor access.Actor, a Applied) (string, error) {
	out := "Готово: " + web.Plural(len(a.Made), "черновик", "черновика", "черновиков") + ". Проверьте и предложите педагогам."
	if len(a.Made) == 0 {
		out = "Новых черновиков нет."
	}
	if a.Skipped > 0 {
		out += " Без нового черновика " + web.Plural(a.Skipped, "человек: маршрут у него уже есть или ничего не подошло.", "человека: маршруты у них уже есть или ничего не подошло.", "человек: маршруты у них уже есть или ничего не подошло.")
	}
	names, err := people.NamesTx(ctx, tx, actor, "предложение маршрутов", slices.Concat(a.Anew, a.Without))
	if err != nil {
		return "", err
	}
	list := func(ids []access.PersonID) string {
		words := make([]string, len(ids))
		for i, id := range ids {
			words[i] = nameOfPerson(names, id)
		}
		slices.Sort(words)
		return strings.Join(words, ", ")
	}
	if len(a.Anew) > 0 {
		out += " Пока вы смотрели, места или даты изменились; маршруты рассчитаны заново среди оставшихся мест: " + list(a.Anew) + "."
	}
	if len(a.Without) > 0 {
		out += " Подходящих мест не осталось, черновиков нет: " + list(a.Without) + "."
	}
	return out, nil
}

// draftingOf finds the making of drafts of a proposal that is under way; 0 where there is none.
func (s *Service) draftingOf(ctx context.Context, actor access.Actor, proposal int64) (id int64, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		asked, err := jobs.AskedTx(ctx, tx, actor, applyJob, shownCalculations)
		for _, j := range asked {
			var a applying
			if err := json.Unmarshal(j.Args, &a); err != nil {
				return fmt.Errorf("drafts %d: %w", j.ID, err)
			}
			if a.Proposal == proposal && (j.State == "queued" || j.State == "running") {
				id = j.ID
			}
		}
		return err
	})
	return id, err
}

// DraftingState reads how far the making of drafts is; only who asked for it may see it.
func (s *Service) DraftingState(ctx context.Context, actor access.Actor, id int64) (jobs.State, error) {
	st, err := jobs.StateTx(ctx, s.pool, id)
	if err == nil && (st.Kind != applyJob || st.Actor != actor.ID) {
		err = fault.New(fault.NotFound, "Такой работы нет")
	}
	return st, err
}
