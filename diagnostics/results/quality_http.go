package results

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

var qualityPage = web.MustPage[qualityView](pages, "pages/quality.html")

// qualityView is the page of quality with what was refused, if anything was.
type qualityView struct {
	Quality
	Refusal string
}

// Link is the page with another order.
func (v qualityView) Link(sort string, only bool) string {
	q := url.Values{}
	if sort != "" {
		q.Set("sort", sort)
	}
	if only {
		q.Set("look", "true")
	}
	if len(q) == 0 {
		return fmt.Sprintf("/campaigns/%d/quality", v.Campaign.ID)
	}
	return fmt.Sprintf("/campaigns/%d/quality?%s", v.Campaign.ID, q.Encode())
}

// SortLink turns the order by a column, first up, then down.
func (v qualityView) SortLink(column string) string {
	if v.Sort == column {
		return v.Link("-"+column, v.Only)
	}
	return v.Link(column, v.Only)
}

// Sorted is the aria-sort of a column.
func (v qualityView) Sorted(column string) string {
	switch {
	case v.Sort == column, v.Sort == "" && column == "number":
		return "ascending"
	case v.Sort == "-"+column:
		return "descending"
	}
	return "none"
}

func (s *Service) getQuality(c *gin.Context) error { return s.showQuality(c, http.StatusOK, "") }

func (s *Service) showQuality(c *gin.Context, code int, refusal string) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	q, err := s.Quality(c.Request.Context(), web.Actor(c), id, c.Query("sort"), c.Query("look") == "true")
	if err != nil {
		return err
	}
	return qualityPage.Render(c, code, web.Head{Title: "Качество диагностики: " + q.Campaign.Title, Nav: "/campaigns",
		Crumbs: []web.Crumb{{Title: "Диагностика", Href: "/campaigns"}, {Title: q.Campaign.Title, Href: fmt.Sprintf("/campaigns/%d", id)}, {Title: "Качество"}}}, qualityView{q, refusal})
}

func (s *Service) getQualityBook(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	q, err := s.Quality(c.Request.Context(), web.Actor(c), id, "", false)
	if err != nil {
		return err
	}
	if !q.Computed() {
		return errNoPage
	}
	book, err := qualityBook(q)
	if err != nil {
		return err
	}
	return web.Download(c, "Качество диагностики. "+q.Campaign.Title+".xlsx", web.XLSX, book)
}

func (s *Service) postQuality(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	job, err := s.RequestStatistics(c.Request.Context(), web.Actor(c), id)
	if fault.KindOf(err) == fault.Conflict {
		return s.showQuality(c, http.StatusConflict, err.Error())
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/jobs/%d?next=/campaigns/%d/quality", job, id)
}
