package routes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

var proposalPage = web.MustPage[proposalView](pages, "pages/proposal.html")

type proposalLine struct {
	Proposed1
	Name, Territory, Organisation string
	Titles                        []string
	Made                          bool // has a route by now
}

// Lacks says why nobody could be found anything.
func (l proposalLine) Lacks() string { return whyLeft(l.Why) }

type demandLine struct {
	Programme Programme
	Session   *Session
	Want      int
	Free      int
}

type unmetLine struct {
	Title    string
	Teachers int
	Weight   float64
}

type evenLine struct {
	Even
	Name string
}

// Low and High are the ends of the line between the two shares.
func (e evenLine) Low() float64  { return min(e.Before, e.After) }
func (e evenLine) High() float64 { return max(e.Before, e.After) }

// reasonLine is why some people are left without steps.
type reasonLine struct {
	Words  string
	People int
}

type proposalView struct {
	Job      jobs.State
	Working  Working
	Drafting *jobs.State // making of drafts under way
	Drafted  string      // what became of the work named in the address
	Percent  int
	Proposal *Proposal
	Lines    []proposalLine
	Total    int // people of the proposal
	From     int
	Previous string
	Next     string
	Empty    int // people for whom nothing suits
	Reasons  []reasonLine
	Only     bool // only those
	Ready    int  // people whose drafts can still be made
	Demand   []demandLine
	Unmet    []unmetLine
	Even     []evenLine
	Hours    int
	Cost     int
	Coverage float64 // share of all that is needed by them together
	Stopping bool    // stopped, and about to put down the plan it has
	Made     int     // drafts of this proposal that nobody has touched
	Errors   map[string]string
}

func (s *Service) getProposal(c *gin.Context) error {
	return s.renderProposal(c, http.StatusOK, nil)
}

func mark(job int64) string { return fmt.Sprintf("№ %d", job) }

func (s *Service) renderProposal(c *gin.Context, status int, errors map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	v := proposalView{Errors: errors}
	if v.Job, v.Working, err = s.ProposalWork(ctx, actor, id); err != nil {
		return err
	}
	head := web.Head{Title: "Предложение маршрутов", Nav: "/routes", Main: "page stack", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить", Href: "/routes/propose"}, {Title: mark(id)}}}
	v.Stopping = v.Working.Stopping(v.Job, time.Now())
	if v.Job.State == "queued" || v.Job.State == "running" || v.Stopping {
		v.Percent, head.Live = int(100*v.Working.Part), true
		return proposalPage.Render(c, status, head, v)
	}
	if drafts := number(c.Query("drafts")); drafts > 0 {
		st, err := s.DraftingState(ctx, actor, drafts)
		if err != nil {
			return err
		}
		if head.Live = st.State == "queued" || st.State == "running"; head.Live {
			v.Drafting = &st
			if st.Total > 0 {
				v.Percent = 100 * st.Progress / st.Total
			}
			return proposalPage.Render(c, status, head, v)
		}
		if st.Result != nil {
			var made Applied
			if err := json.Unmarshal([]byte(*st.Result), &made); err != nil {
				return fmt.Errorf("drafts %d: %w", drafts, err)
			}
			if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
				v.Drafted, err = s.told(ctx, tx, actor, made)
				return err
			}); err != nil {
				return err
			}
		}
		if st.State == "failed" {
			v.Errors = map[string]string{"apply": "Черновики не создались: что-то помешало, и ничего не изменилось. Попробуйте ещё раз"}
		}
	}
	if _, v.Proposal, err = s.ProposalState(ctx, actor, id); err != nil {
		return err
	}
	if v.Proposal == nil {
		return proposalPage.Render(c, status, head, v)
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error { return s.fillProposalTx(ctx, tx, actor, c.Request.URL.Query(), &v) })
	if err != nil {
		return err
	}
	return proposalPage.Render(c, status, head, v)
}

// proposalPageSize is how many people a page of a proposal names.
const proposalPageSize = 50

// fillProposalTx reads what the page of a proposal shows; only the people on it are looked up by name.
func (s *Service) fillProposalTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, query url.Values, v *proposalView) error {
	programmes, err := programmesTx(ctx, tx, nil)
	if err != nil {
		return err
	}
	byCode := map[string]*Programme{}
	for i := range programmes {
		byCode[programmes[i].Code] = &programmes[i]
	}
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return err
	}
	elements, err := elementsTx(ctx, tx)
	if err != nil {
		return err
	}
	having, err := havingTx(ctx, tx, v.Proposal.Selection.Campaign)
	if err != nil {
		return err
	}
	list, why := []Proposed1{}, map[plan.Why]int{}
	v.Total, v.Only, v.Coverage = len(v.Proposal.People), query.Get("only") == "empty", v.Proposal.Closes()
	for _, p := range v.Proposal.People {
		v.Hours, v.Cost = v.Hours+p.Hours, v.Cost+p.Cost
		switch {
		case len(p.Steps) == 0:
			v.Empty++
			why[p.Why]++
		case !having[p.Person]:
			v.Ready++
		}
		if !v.Only || len(p.Steps) == 0 {
			list = append(list, p)
		}
	}
	for _, w := range []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth} {
		if why[w] > 0 {
			v.Reasons = append(v.Reasons, reasonLine{whyLeft(w), why[w]})
		}
	}
	page := max(1, int(number(query.Get("page"))))
	v.From = min((page-1)*proposalPageSize, len(list))
	shown := list[v.From:min(v.From+proposalPageSize, len(list))]
	at := func(n int) string {
		q := url.Values{"page": {strconv.Itoa(n)}}
		if v.Only {
			q.Set("only", "empty")
		}
		return "?" + q.Encode()
	}
	if page > 1 {
		v.Previous = at(page - 1)
	}
	if v.From+len(shown) < len(list) {
		v.Next = at(page + 1)
	}
	ids := make([]access.PersonID, len(shown))
	for i, p := range shown {
		ids[i] = p.Person
	}
	names, err := people.NamesTx(ctx, tx, actor, "предложение маршрутов", ids)
	if err != nil {
		return err
	}
	for _, p := range shown {
		l := proposalLine{Proposed1: p, Name: nameOfPerson(names, p.Person), Territory: refs.Territory(p.Territory).ShortName, Organisation: refs.Organisation(p.Organisation).ShortName, Made: having[p.Person]}
		for _, st := range p.Steps {
			if g := byCode[st.Programme]; g != nil {
				l.Titles = append(l.Titles, g.Title)
			}
		}
		v.Lines = append(v.Lines, l)
	}
	for _, d := range v.Proposal.Demand {
		if g := byCode[d.Programme]; g != nil {
			for i := range g.Sessions {
				if g.Sessions[i].Code == d.Session {
					v.Demand = append(v.Demand, demandLine{*g, &g.Sessions[i], d.Want, d.Free})
				}
			}
		}
	}
	for _, u := range v.Proposal.Unmet {
		v.Unmet = append(v.Unmet, unmetLine{elements[u.Element].Title, u.Teachers, u.Weight})
	}
	slices.SortStableFunc(v.Unmet, func(a, b unmetLine) int { return cmp.Compare(b.Weight, a.Weight) })
	if f := v.Proposal.Fair; f != nil {
		for _, e := range f.Shares {
			v.Even = append(v.Even, evenLine{e, refs.Territory(e.Territory).ShortName})
		}
		slices.SortStableFunc(v.Even, func(a, b evenLine) int { return cmp.Or(cmp.Compare(a.Before, b.Before), cmp.Compare(a.Name, b.Name)) })
	}
	v.Made, err = db.Get[int](ctx, tx, `
		SELECT count(*) FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
		WHERE r.state = 'draft' AND v.reason = $1`, drawnReason(mark(v.Job.ID)))
	return err
}

// manyDrafts is how many drafts are made while the page waits; more are made in the background.
const manyDrafts = 40

// postProposalApply makes the drafts of everybody, or of those ticked.
func (s *Service) postProposalApply(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	_, p, err := s.ProposalState(ctx, actor, id)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Conflict, "Расчёт ещё не закончен")
	}
	if c.PostForm("do") == "some" {
		some := p.Only(c.PostFormArray("code"))
		if len(some.People) == 0 {
			return s.renderProposal(c, http.StatusUnprocessableEntity, map[string]string{"people": "Отметьте хотя бы одного педагога"})
		}
		p = &some
	} else if len(p.People) > manyDrafts {
		drafts, err := s.AskApply(ctx, actor, id)
		if err != nil {
			return err
		}
		return web.SeeOther(c, "/routes/propose/%d?drafts=%d", id, drafts)
	}
	a, err := s.ApplyProposal(ctx, actor, *p, mark(id))
	if fault.KindOf(err) == fault.Conflict {
		return s.renderProposal(c, http.StatusConflict, map[string]string{"apply": messageOf(err)})
	}
	if err != nil {
		return err
	}
	var words string
	if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		words, err = s.told(ctx, tx, actor, a)
		return err
	}); err != nil {
		return err
	}
	web.Flash(c, "%s", words)
	return web.SeeOther(c, "/routes/propose/%d", id)
}

func (s *Service) postProposalCancel(c *gin.Context) error {
	id, err := web.ID(c, "job")
	if err == nil {
		err = s.CancelProposal(c.Request.Context(), web.Actor(c), id)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/routes/propose/%d", id)
}

func (s *Service) postProposalUndo(c *gin.Context) error {
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	if _, _, err := s.ProposalState(c.Request.Context(), web.Actor(c), id); err != nil {
		return err
	}
	n, err := s.UndoProposal(c.Request.Context(), web.Actor(c), mark(id))
	if err != nil {
		return err
	}
	web.Flash(c, "Отменено: %s. Те, что вы уже меняли или предложили, остались", web.Plural(n, "черновик", "черновика", "черновиков"))
	return web.SeeOther(c, "/routes/propose/%d", id)
}
