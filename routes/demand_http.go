package routes

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var demandPage = web.MustPage[demandView](pages, "pages/demand.html", "pages/whom.html")

type demandView struct {
	whom
	Picture Picture
	Book    string // address of the workbook
}

func (s *Service) demandOf(c *gin.Context) (demandView, error) {
	w, err := s.whomOf(c)
	v := demandView{whom: w}
	if err != nil || len(w.Campaigns) == 0 || len(w.Errors) > 0 {
		return v, err
	}
	if v.Picture, err = s.Demand(c.Request.Context(), web.Actor(c), w.Selection); err != nil {
		return v, err
	}
	if v.Picture.Hidden {
		return v, nil
	}
	if v.Picture.Unshared > 0 {
		v.Unshared = people.UnsharedWords(v.Picture.Unshared)
	}
	q := url.Values{}
	for _, k := range []string{"campaign", "territory", "organisation"} {
		if x := c.Query(k); x != "" {
			q.Set(k, x)
		}
	}
	v.Book = "/routes/demand.xlsx"
	if len(q) > 0 {
		v.Book += "?" + q.Encode()
	}
	return v, nil
}

func (s *Service) getDemand(c *gin.Context) error {
	v, err := s.demandOf(c)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return demandPage.Render(c, status, web.Head{Title: "Спрос и места", Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Спрос и места"}}}, v)
}

// getDemandBook gives the demand and the order as a workbook.
func (s *Service) getDemandBook(c *gin.Context) error {
	v, err := s.demandOf(c)
	if err != nil {
		return err
	}
	if len(v.Campaigns) == 0 {
		return fault.New(fault.NotFound, "Пока нет опубликованных результатов")
	}
	if len(v.Errors) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте, для кого считать", Fields: v.Errors}
	}
	if v.Picture.Hidden {
		return fault.New(fault.Conflict, "Здесь слишком мало педагогов: числа не показываем. Выберите отбор шире")
	}
	body, err := v.book()
	if err != nil {
		return err
	}
	return web.Download(c, "Спрос и места, "+s.now().In(calendar.Zone).Format(time.DateOnly)+".xlsx", web.XLSX, body)
}
