package routes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
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
	// Fairness asks that every municipality's covered share is at least this part of the mean one; 0 asks for nothing.
	Fairness float64 `json:"fairness,omitempty"`
}

// of are the needs of the people selected.
func (sel Selection) of(needs []Need) []Need {
	out := []Need{}
	for _, n := range needs {
		if (sel.Territory == 0 || n.Territory == sel.Territory) && (sel.Organisation == 0 || n.Organisation == sel.Organisation) {
			out = append(out, n)
		}
	}
	return out
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
	Fair      *Fairness    `json:"fair,omitempty"`
}

// Fairness is what evening out between municipalities did and what it cost.
type Fairness struct {
	Goal       float64 `json:"goal"`
	Reached    bool    `json:"reached"`
	Impossible bool    `json:"impossible,omitempty"`     // proved: only by closing nothing for anybody
	Price      float64 `json:"price"`                    // part of the whole use that it costs
	Least      float64 `json:"price_at_least,omitempty"` // proved: what any plan that reaches the goal costs at least
	Shares     []Even  `json:"shares"`
}

// Even is the covered share of a municipality's needs without and with evening out, between 0 and 1.
type Even struct {
	Territory int64   `json:"territory"`
	People    int     `json:"people"`
	Before    float64 `json:"before"`
	After     float64 `json:"after"`
	Hidden    bool    `json:"hidden,omitempty"` // too few people to be told of
}

// Span is the least and the greatest of some shares.
type Span struct{ Low, High float64 }

// Before and After are the spans of the shares of the municipalities that may be shown.
func (f Fairness) Before() Span { return f.span(func(e Even) float64 { return e.Before }) }
func (f Fairness) After() Span  { return f.span(func(e Even) float64 { return e.After }) }

func (f Fairness) span(share func(Even) float64) Span {
	out := Span{Low: 1}
	for _, e := range f.Shares {
		if !e.Hidden {
			out.Low, out.High = min(out.Low, share(e)), max(out.High, share(e))
		}
	}
	out.Low = min(out.Low, out.High)
	return out
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
	Coverage     float64         `json:"coverage"`      // share of all that is needed
	Weight       float64         `json:"weight"`        // of all that is needed
	Why          plan.Why        `json:"why,omitempty"` // of no steps: what most of the needs lack
	// Open is what stays open of the needs, and why.
	Open []plan.Uncovered `json:"open,omitempty"`
}

// Working is how far a proposal being calculated is.
type Working struct {
	Phase string   `json:"phase"`
	Part  float64  `json:"part"`          // of the whole work, between 0 and 1
	Gap   *float64 `json:"gap,omitempty"` // of the plan found so far, once there is one
}

// Demand is how many seats a proposal takes of a session.
type Demand struct {
	Programme string `json:"programme"`
	Session   string `json:"session"`
	Want      int    `json:"want"`
	Free      int    `json:"free"`
}

const (
	proposeJob = "routes.propose"
	applyJob   = "routes.apply"
)

// Handle registers the background work of this package.
func (s *Service) Handle(r *jobs.Runner) {
	r.Handle(proposeJob, s.proposeInBackground)
	r.Handle(applyJob, s.applyInBackground)
}

func (s *Service) proposeInBackground(ctx context.Context, j jobs.Job) error {
	var a struct {
		Selection Selection
		Scope     access.Scope
	}
	if err := j.Args(&a); err != nil {
		return err
	}
	var stopped error
	p, err := s.draw(ctx, a.Selection, a.Scope, func(w Working) bool {
		if stopped == nil {
			stopped = errors.Join(j.Progress(ctx, int(w.Part*100), 100), j.Result(ctx, w))
		}
		return stopped == nil
	})
	if err != nil || stopped != nil && !errors.Is(stopped, jobs.ErrCancelled) {
		return errors.Join(stopped, err)
	}
	if p.People != nil { // whoever stops the work is offered the best plan it had
		err = errors.Join(j.Result(ctx, p), j.Brief(ctx, p.brief()))
	}
	return errors.Join(stopped, err)
}

// Far says how far the plan found so far is from the best one; "" before there is one.
func (w Working) Far() string {
	if w.Gap == nil || *w.Gap > 0.5 { // the first plan says nothing yet
		return ""
	}
	return far(*w.Gap)
}

// Far says how far at most the plan is from the best possible one.
func (p Proposal) Far() string { return far(p.Gap) }

func far(gap float64) string {
	switch {
	case gap < 1e-6:
		return "лучшего плана при этих местах нет"
	case gap < 0.0005:
		return "до лучшего возможного плана меньше 0,1 %"
	}
	return "до лучшего возможного плана не больше " + web.Dec(1, math.Ceil(1000*gap-1e-6)/10) + " %" // rounded so that it stays true
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
	if sel.Fairness < 0 || sel.Fairness > 1 {
		fields["fairness"] = "Выравнивание — от 0 до 100 % средней доли"
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
		if err := s.checkWhomTx(ctx, tx, sel, actor.Scope(access.RoutesManage)); err != nil {
			return err
		}
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
	return s.draw(ctx, sel, actor.Scope(access.RoutesManage), func(Working) bool { return true })
}

// Closes is the share of all that these people need together which the routes close: the same measure as that of a
// municipality, of the demand and of a what-if.
func (p Proposal) Closes() float64 {
	all, got := 0.0, 0.0
	for _, r := range p.People {
		all, got = all+r.Weight, got+r.Coverage*r.Weight
	}
	return ratio(got, all)
}

// CancelProposal stops a calculation that is under way; the best plan found by then stays on offer.
func (s *Service) CancelProposal(ctx context.Context, actor access.Actor, id int64) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := proposalJobTx(ctx, tx, actor, id); err != nil {
			return err
		}
		_, err := jobs.CancelTx(ctx, tx, id)
		return err
	})
}

// proposalJobTx reads the job of a proposal; only who asked for it may see it.
func proposalJobTx(ctx context.Context, tx db.Q, actor access.Actor, id int64) (jobs.State, error) {
	st, err := jobs.StateTx(ctx, tx, id)
	if err == nil && (st.Kind != proposeJob || st.Actor != actor.ID) {
		err = fault.New(fault.NotFound, "Такого предложения нет")
	}
	return st, err
}

// winding is how long stopped work may take to put down the plan it has; after that it is taken to have died.
const winding = 20 * time.Second

// Stopping tells whether work that was stopped is still putting down the plan it said it had.
func (w Working) Stopping(st jobs.State, now time.Time) bool {
	return st.State == "cancelled" && w.Phase != "" && w.Gap != nil && st.Finished != nil && now.Sub(*st.Finished) < winding
}

// ProposalWork reads how far a calculation is.
func (s *Service) ProposalWork(ctx context.Context, actor access.Actor, id int64) (st jobs.State, w Working, err error) {
	if st, err = proposalJobTx(ctx, s.pool, actor, id); err != nil || st.Result == nil || st.State == "done" {
		return st, w, err
	}
	if err := json.Unmarshal([]byte(*st.Result), &w); err != nil {
		return st, w, fmt.Errorf("proposal %d: %w", id, err)
	}
	return st, w, nil
}

// ProposalState reads what a proposal holds, once it is there, also that of work that was stopped: without those who
// have withdrawn their consent meanwhile.
func (s *Service) ProposalState(ctx context.Context, actor access.Actor, id int64) (jobs.State, *Proposal, error) {
	st, err := proposalJobTx(ctx, s.pool, actor, id)
	if err != nil || st.State != "done" && st.State != "cancelled" || st.Result == nil {
		return st, nil, err
	}
	var p Proposal
	if err := json.Unmarshal([]byte(*st.Result), &p); err != nil {
		return st, nil, fmt.Errorf("proposal %d: %w", id, err)
	}
	if p.People == nil { // stopped before there was a plan
		return st, nil, nil
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
