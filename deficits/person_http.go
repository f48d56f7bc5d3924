package deficits

import (
	"embed"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	personPage = web.MustPage[Profile](pages, "pages/person.html")
	sparePage  = web.MustPage[SparePage](pages, "pages/spare.html")
	modelPage  = web.MustPage[ModelPage](pages, "pages/model.html")
)

// Mount adds the routes of this package.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/deficits/people/:code", web.Need(access.BankPersons), web.Handle(s.getPerson))
	r.GET("/campaigns/:id/model", web.Need(access.QualityRead), web.Handle(s.getModel))
	r.GET("/tasks/spare", web.Need(access.TasksRead), web.Handle(s.getSpare))
	r.GET("/api/v1/deficits/:code", web.Need(access.BankPersons), web.Handle(s.apiPerson))
}

func (s *Service) getModel(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	p, err := s.ModelCheck(c.Request.Context(), web.Actor(c), id)
	if err != nil {
		return err
	}
	return modelPage.Render(c, http.StatusOK, web.Head{Title: "Проверка модели", Nav: "/campaigns",
		Crumbs: []web.Crumb{{Title: "Диагностики", Href: "/campaigns"}, {Title: p.Campaign.Title, Href: fmt.Sprintf("/campaigns/%d", id)}, {Title: "Проверка модели"}}}, p)
}

func (s *Service) getSpare(c *gin.Context) error {
	p, err := s.Spare(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return sparePage.Render(c, http.StatusOK, web.Head{Title: "Где не хватает заданий", Nav: "/tasks",
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: "Где не хватает заданий"}}}, p)
}

// apiPerson is the profile for other programs: the same figures, the same look in the journal.
func (s *Service) apiPerson(c *gin.Context) error {
	p, err := s.Profile(c.Request.Context(), web.Actor(c), c.Param("code"))
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, answerOf(p))
	return nil
}

func (s *Service) getPerson(c *gin.Context) error {
	p, err := s.Profile(c.Request.Context(), web.Actor(c), c.Param("code"))
	if err != nil {
		return err
	}
	return personPage.Render(c, http.StatusOK, web.Head{Title: "Участник " + p.Code, Nav: "/deficits",
		Crumbs: []web.Crumb{{Title: "Банк дефицитов", Href: "/deficits"}, {Title: p.Code}}}, p)
}
