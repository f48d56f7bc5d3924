package routes

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	proposePage  = web.MustPage[proposeView](pages, "pages/propose.html")
	proposalPage = web.MustPage[proposalView](pages, "pages/proposal.html")
)

type proposeView struct {
	Errors                                map[string]string
	Campaigns, Territories, Organisations []option
	Territory                             string
	Hours, Cost                           string
}

func (s *Service) getPropose(c *gin.Context) error {
	return s.renderPropose(c, http.StatusOK, nil)
}

func (s *Service) renderPropose(c *gin.Context, status int, errors map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	get := func(name, fallback string) string {
		if v, ok := c.GetPostForm(name); ok {
			return v
		}
		return c.DefaultQuery(name, fallback)
	}
	v := proposeView{Errors: errors, Hours: get("hours", strconv.Itoa(DefaultLimits.Hours)), Cost: get("cost", strconv.Itoa(DefaultLimits.Cost)), Territory: get("territory", "")}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		v.Territories, v.Organisations = places(refs, actor.Scope(access.RoutesManage), number(v.Territory), number(get("organisation", "")))
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for i, x := range campaigns {
			v.Campaigns = append(v.Campaigns, option{fmt.Sprint(x.ID), x.Title, x.ID == number(get("campaign", "")) || i == 0 && get("campaign", "") == ""})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return proposePage.Render(c, status, web.Head{Title: "Предложить маршруты", Nav: "/routes", Main: "page page-read stack",
		Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить многим"}}}, v)
}

func (s *Service) postPropose(c *gin.Context) error {
	if c.PostForm("do") == "narrow" { // another territory was chosen: show its organisations
		return s.renderPropose(c, http.StatusOK, nil)
	}
	sel := Selection{Campaign: number(c.PostForm("campaign")), Territory: number(c.PostForm("territory")), Organisation: number(c.PostForm("organisation")), Cost: -1}
	fields := map[string]string{}
	var err error
	if sel.Hours, err = strconv.Atoi(strings.TrimSpace(c.PostForm("hours"))); err != nil {
		fields["hours"] = "Часы — целое число"
	}
	if t := strings.NewReplacer(" ", "", "\u00a0", "").Replace(c.PostForm("cost")); t != "" {
		if sel.Cost, err = strconv.Atoi(t); err != nil || sel.Cost < 0 {
			fields["cost"] = "Деньги — целое число рублей или пусто"
		}
	}
	if len(fields) > 0 {
		return s.renderPropose(c, http.StatusUnprocessableEntity, fields)
	}
	id, err := s.AskProposal(c.Request.Context(), web.Actor(c), sel)
	if fault.KindOf(err) == fault.Invalid {
		return s.renderPropose(c, http.StatusUnprocessableEntity, fault.FieldsOf(err))
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/routes/propose/%d", id)
}

type proposalLine struct {
	Proposed1
	Name, Territory, Organisation string
	Titles                        []string
}

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

type proposalView struct {
	Job      jobs.State
	Percent  int
	Proposal *Proposal
	Lines    []proposalLine
	Empty    int // people for whom nothing suits
	Demand   []demandLine
	Unmet    []unmetLine
	Hours    int
	Cost     int
	Coverage float64 // mean
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
	if v.Job, v.Proposal, err = s.ProposalState(ctx, actor, id); err != nil {
		return err
	}
	head := web.Head{Title: "Предложение маршрутов", Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить многим", Href: "/routes/propose"}, {Title: mark(id)}}}
	if v.Job.State == "queued" || v.Job.State == "running" {
		if v.Job.Total > 0 {
			v.Percent = 100 * v.Job.Progress / v.Job.Total
		}
		c.Header("Refresh", "2")
		return proposalPage.Render(c, status, head, v)
	}
	if v.Proposal == nil {
		return proposalPage.Render(c, status, head, v)
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
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
		ids := make([]access.PersonID, len(v.Proposal.People))
		for i, p := range v.Proposal.People {
			ids[i] = p.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "предложение маршрутов", ids)
		if err != nil {
			return err
		}
		for _, p := range v.Proposal.People {
			l := proposalLine{Proposed1: p, Name: nameOfPerson(names, p.Person), Territory: refs.Territory(p.Territory).ShortName, Organisation: refs.Organisation(p.Organisation).ShortName}
			for _, st := range p.Steps {
				if g := byCode[st.Programme]; g != nil {
					l.Titles = append(l.Titles, g.Title)
				}
			}
			if len(p.Steps) == 0 {
				v.Empty++
			}
			v.Hours, v.Cost, v.Coverage = v.Hours+p.Hours, v.Cost+p.Cost, v.Coverage+p.Coverage/float64(len(v.Proposal.People))
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
		v.Made, err = db.Get[int](ctx, tx, `
			SELECT count(*) FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
			WHERE r.state = 'draft' AND v.reason = $1`, "Предложен расчётом "+mark(id))
		return err
	})
	if err != nil {
		return err
	}
	return proposalPage.Render(c, status, head, v)
}

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
	a, err := s.ApplyProposal(ctx, actor, *p, mark(id))
	if fault.KindOf(err) == fault.Conflict {
		return s.renderProposal(c, http.StatusConflict, map[string]string{"apply": messageOf(err)})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Готово: %s. Проверьте и предложите педагогам", web.Plural(len(a.Made), "черновик", "черновика", "черновиков"))
	return web.SeeOther(c, "/routes?state=draft")
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
