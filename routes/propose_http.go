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
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var proposePage = web.MustPage[proposeView](pages, "pages/propose.html")

type proposeView struct {
	Errors                                map[string]string
	Campaigns, Territories, Organisations []option
	Fairness                              []option
	Territory                             string
	Hours, Cost                           string

	Query string // a search for one teacher
	Found []Found
	More  bool

	Calculations []Calculation
	Limits       Limits // of a route for one
}

// Sought tells whether a search was made.
func (v proposeView) Sought() bool { return v.Query != "" && v.Errors["q"] == "" }

// Going are the calculations under way: they come first.
func (v proposeView) Going() []Calculation {
	out := []Calculation{}
	for _, c := range v.Calculations {
		if c.Going() {
			out = append(out, c)
		}
	}
	return out
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
	v := proposeView{Errors: errors, Hours: get("hours", strconv.Itoa(DefaultLimits.Hours)), Cost: get("cost", strconv.Itoa(DefaultLimits.Cost)), Territory: get("territory", ""),
		Query: strings.TrimSpace(get("q", c.PostForm("code"))), Limits: DefaultLimits}
	for _, o := range []option{{"", "Нет: больше всего пользы всем вместе", false}, {"0.8", "Каждому не меньше 80 % средней доли", false}, {"0.9", "Каждому не меньше 90 % средней доли", false}, {"0.95", "Каждому не меньше 95 % средней доли", false}} {
		o.On = o.Value == get("fairness", "")
		v.Fairness = append(v.Fairness, o)
	}
	if v.Query != "" {
		var err error
		if v.Found, v.More, err = s.Seek(ctx, actor, v.Query); fault.KindOf(err) == fault.Invalid {
			if status = http.StatusUnprocessableEntity; v.Errors == nil {
				v.Errors = fault.FieldsOf(err)
			}
		} else if err != nil {
			return err
		}
	}
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
		v.Calculations, err = s.calculationsTx(ctx, tx, actor, refs, campaigns)
		return err
	})
	if err != nil {
		return err
	}
	return proposePage.Render(c, status, web.Head{Title: "Предложить маршруты", Nav: "/routes", Main: "page stack",
		Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить"}}}, v)
}

func (s *Service) postPropose(c *gin.Context) error {
	if c.PostForm("do") == "narrow" { // another territory was chosen: show its organisations
		return s.renderPropose(c, http.StatusOK, nil)
	}
	sel := Selection{Campaign: chosen(c.PostForm("campaign")), Territory: chosen(c.PostForm("territory")), Organisation: chosen(c.PostForm("organisation")), Cost: -1}
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
	if t := c.PostForm("fairness"); t != "" && sel.Territory == 0 && sel.Organisation == 0 {
		if sel.Fairness, err = strconv.ParseFloat(t, 64); err != nil {
			fields["fairness"] = "Выберите из списка, насколько выравнивать"
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

// postProposeOne drafts a route for one teacher and opens it: there is nothing to look at in between.
func (s *Service) postProposeOne(c *gin.Context) error {
	id, made, err := s.ProposeOne(c.Request.Context(), web.Actor(c), c.PostForm("code"))
	switch fault.KindOf(err) {
	case fault.Invalid:
		return s.renderPropose(c, http.StatusUnprocessableEntity, fault.FieldsOf(err))
	case fault.Conflict:
		return s.renderPropose(c, http.StatusConflict, map[string]string{"one": messageOf(err)})
	}
	if err != nil {
		return err
	}
	if made {
		web.Flash(c, "Черновик готов. Проверьте его и предложите педагогу")
	} else {
		web.Flash(c, "У педагога уже есть маршрут по этой диагностике: вот он")
	}
	return web.SeeOther(c, "/routes/%d", id)
}
