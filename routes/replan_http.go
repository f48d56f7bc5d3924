package routes

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var replanPage = web.MustPage[replanView](pages, "pages/replan.html", "pages/changes.html", "pages/wishes.html")

type paceView struct {
	Pace Pace
	Name string
	On   bool
}

type replanView struct {
	Replanned
	ID    int64
	Name  string
	Paces []paceView
	Drop  []string
	Clash []exit
}

// exit is a way out of a conflict with the address where it is taken.
type exit struct {
	Way
	Href string
}

// getReplan shows what a route in force would become, planned anew, before anyone decides.
func (s *Service) getReplan(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	pace := Pace(c.DefaultQuery("pace", string(Little)))
	if err := checkPace(pace); err != nil {
		return err
	}
	v := replanView{ID: id, Drop: c.QueryArray("drop")}
	for _, p := range []paceView{{Pace: Little, Name: "Менять как можно меньше"}, {Pace: Some, Name: "Менять с заметной пользой"}, {Pace: Free, Name: "Лучший маршрут заново"}} {
		p.On = p.Pace == pace
		v.Paces = append(v.Paces, p)
	}
	v.Replanned, err = s.Replan(ctx, actor, id, pace, v.Drop)
	if ways := conflicting(err); ways != nil {
		q := c.Request.URL.Query()
		for _, w := range ways {
			q["drop"] = append(slices.Clone(v.Drop), w.Key)
			v.Clash = append(v.Clash, exit{w, "?" + q.Encode()})
		}
		v.Replanned.Pace, err = pace, nil
	}
	if err != nil {
		return err
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), false)
		if err != nil {
			return err
		}
		v.Route = r
		names, err := people.NamesTx(ctx, tx, actor, "работа с маршрутом", []access.PersonID{r.Person})
		v.Name = nameOfPerson(names, r.Person)
		return err
	})
	if err != nil {
		return err
	}
	return replanPage.Render(c, http.StatusOK, web.Head{Title: "Пересчитать маршрут: " + v.Name, Nav: "/routes", Main: "page stack",
		Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: v.Name, Href: fmt.Sprintf("/routes/%d", id)}, {Title: "Пересчёт"}}}, v)
}

// conflicting takes the ways out of a refusal; none where demands are not what it is about.
func conflicting(err error) []Way {
	if c, ok := errors.AsType[*clashed](err); ok {
		return c.ways
	}
	return nil
}

// carried lists the fields of a refused form, so that it can be sent again with a demand given up.
func carried(c *gin.Context) []hidden {
	out := []hidden{}
	for _, name := range []string{"version", "do", "programme", "session", "instead", "hours", "cost", "mode", "venue", "month", "load", "why", "pace", "note", "drop"} {
		for _, x := range c.PostFormArray(name) {
			out = append(out, hidden{name, x})
		}
	}
	return out
}

var outdatedPage = web.MustPage[outdatedView](pages, "pages/outdated.html", "pages/changes.html")

type anewView struct {
	Anew
	Name string
}

// Value is what the form sends of a route that is ticked.
func (v anewView) Value() string { return fmt.Sprintf("%d.%d", v.Route.ID, v.Route.Version) }

type outdatedView struct {
	Lines  []anewView
	Total  int
	Errors map[string]string
	Note   string
}

func (s *Service) getOutdated(c *gin.Context) error { return s.renderOutdated(c, http.StatusOK, nil) }

func (s *Service) renderOutdated(c *gin.Context, status int, wrong map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	list, total, err := s.Outdated(ctx, actor)
	if err != nil {
		return err
	}
	v := outdatedView{Total: total, Errors: wrong, Note: c.PostForm("note")}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		ids := make([]access.PersonID, len(list))
		for i, x := range list {
			ids[i] = x.Route.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "пересчёт маршрутов", ids)
		for _, x := range list {
			v.Lines = append(v.Lines, anewView{x, nameOfPerson(names, x.Route.Person)})
		}
		return err
	})
	if err != nil {
		return err
	}
	return outdatedPage.Render(c, status, web.Head{Title: "Устаревшие маршруты", Nav: "/routes", Main: "page stack", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Устаревшие"}}}, v)
}

func (s *Service) postOutdated(c *gin.Context) error {
	versions := map[int64]int{}
	for _, x := range c.PostFormArray("route") {
		var id int64
		var version int
		if _, err := fmt.Sscanf(x, "%d.%d", &id, &version); err == nil {
			versions[id] = version
		}
	}
	if len(versions) == 0 {
		return s.renderOutdated(c, http.StatusUnprocessableEntity, map[string]string{"routes": "Отметьте хотя бы один маршрут"})
	}
	if err := checkWords("note", c.PostForm("note")); err != nil {
		return s.renderOutdated(c, http.StatusUnprocessableEntity, fault.FieldsOf(err))
	}
	taken, others, err := s.TakeAnew(c.Request.Context(), web.Actor(c), versions, c.PostForm("note"))
	if err != nil {
		return err
	}
	words := ""
	if others > 0 {
		words = fmt.Sprintf(". Не получилось: %d, они успели измениться", others)
	}
	web.Flash(c, "Новые варианты приняты: %s. Проверьте и предложите педагогам%s", web.Plural(taken, "черновик", "черновика", "черновиков"), words)
	return web.SeeOther(c, "/routes?state=draft")
}
