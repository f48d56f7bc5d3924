package deficits

import (
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var personPage = web.MustPage[Profile](pages, "pages/person.html")

// Mount adds the routes of this package.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/deficits/people/:code", web.Need(access.BankPersons), web.Handle(s.getPerson))
}

func (s *Service) getPerson(c *gin.Context) error {
	p, err := s.Profile(c.Request.Context(), web.Actor(c), c.Param("code"))
	if err != nil {
		return err
	}
	return personPage.Render(c, http.StatusOK, web.Head{Title: "Участник " + p.Code, Nav: "/deficits",
		Crumbs: []web.Crumb{{Title: "Банк дефицитов", Href: "/deficits"}, {Title: p.Code}}}, p)
}
