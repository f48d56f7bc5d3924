package reports

import (
	"embed"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var bankPage = web.MustPage[bankView](pages, "pages/bank.html")

// Mount adds the routes of the bank.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/deficits", web.Need(access.BankRead), web.Handle(s.bank))
	r.GET("/deficits.xlsx", web.Need(access.BankRead), web.Handle(s.download))
	r.POST("/deficits/views", web.Need(access.BankRead), web.Handle(s.saveView))
	r.POST("/deficits/views/:id/delete", web.Need(access.BankRead), web.Handle(s.dropView))
}

// bankView is what the page shows.
type bankView struct {
	Looked
	Statuses   []Choice
	Severities []Choice
	Current    string // the query as a saved view would keep it
	Errors     map[string]string
	Title      string // of a view refused
}

// Subject and Methodical split the columns by part.
func (v bankView) Subject() int {
	n := 0
	for _, e := range v.Elements {
		if e.Part == "subject" {
			n++
		}
	}
	return n
}

// Export is the address of the workbook with the same filters.
func (v bankView) Export() string { return "/deficits.xlsx?" + v.Query.Values().Encode() }

// RowLink leads from a row of the map into it; the element too, if given.
func (v bankView) RowLink(r Row, element string) string {
	q := v.Query
	q.Page, q.Order = 0, ""
	switch {
	case r.Title == Region && v.Query.Territory != 0:
		q.Territory, q.School = 0, 0
	case r.ID == 0:
	case q.Territory == 0:
		q.Territory = r.ID
	case r.ID != q.Territory:
		q.School = r.ID
	default:
		q.School = 0
	}
	if element == "" {
		return "/deficits?" + q.Values().Encode()
	}
	q.Element = element
	return "/deficits?" + q.Values().Encode() + "#people"
}

// SortLink sorts the list of people by a column; a second press turns it round.
func (v bankView) SortLink(column string) string {
	next := column
	switch {
	case column == "p" && v.Query.Sort == "":
		next = "-p"
	case column == "p":
		next = ""
	case v.Query.Sort == column:
		next = "-" + column
	}
	return v.Query.With("sort", next) + "#people"
}

// Sorted is the aria-sort of a column, "" where it does not sort.
func (v bankView) Sorted(column string) string {
	switch {
	case column == "p" && v.Query.Sort == "":
		return "descending"
	case v.Query.Sort == column:
		return "ascending"
	case v.Query.Sort == "-"+column:
		return "descending"
	}
	return ""
}

// PageLink is the address of another page of the list of people.
func (v bankView) PageLink(page int) string {
	values := v.Query.Values()
	values.Set("page", str(page))
	return "/deficits?" + values.Encode() + "#people"
}

// First and Last number the records shown.
func (v bankView) First() int { return (v.Query.Page-1)*pageSize + 1 }

// Last is the number of the last record shown.
func (v bankView) Last() int { return v.First() + len(v.Records) - 1 }

func queryOf(c *gin.Context) (q Query, err error) {
	if err = web.Bind(c, &q); err == nil {
		err = q.check()
	}
	return q, err
}

func (s *Service) bank(c *gin.Context) error {
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	return s.showBank(c, http.StatusOK, q, nil, "")
}

func (s *Service) showBank(c *gin.Context, code int, q Query, errors map[string]string, title string) error {
	looked, err := s.Look(c.Request.Context(), web.Actor(c), q)
	if err != nil {
		return err
	}
	keep := looked.Query
	keep.Page = 0
	v := bankView{Looked: looked, Errors: errors, Title: title, Current: keep.Values().Encode(),
		Statuses: statusChoices(), Severities: severityChoices(),
	}
	crumbs := []web.Crumb{}
	if !looked.Empty {
		region := keep
		region.Territory, region.School, region.Element = 0, 0, ""
		crumbs = append(crumbs, web.Crumb{Title: Region, Href: "/deficits"}, web.Crumb{Title: looked.Campaign.Title, Href: "/deficits?" + region.Values().Encode()})
		switch {
		case looked.School != "":
			crumbs = append(crumbs, web.Crumb{Title: looked.Territory, Href: keep.With("school", "")}, web.Crumb{Title: looked.School})
		case looked.Territory != "":
			crumbs = append(crumbs, web.Crumb{Title: looked.Territory})
		default:
			crumbs = append(crumbs, web.Crumb{Title: "Все муниципалитеты"})
		}
	}
	return bankPage.Render(c, code, web.Head{Title: "Банк дефицитов", Nav: "/deficits", Crumbs: crumbs, Class: "desk wide print-wide", Modules: []string{"bank.js"}}, v)
}

func (s *Service) download(c *gin.Context) error {
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	name, body, err := s.Workbook(c.Request.Context(), web.Actor(c), web.VisitorOf(c).Name, q)
	if err != nil {
		return err
	}
	return web.Download(c, name, web.XLSX, body)
}

type viewForm struct {
	Title string `form:"title"`
	Query string `form:"query"`
}

func (s *Service) saveView(c *gin.Context) error {
	var form viewForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	q, err := ParseQuery(form.Query)
	if err != nil {
		return err
	}
	err = s.SaveView(c.Request.Context(), web.Actor(c), form.Title, q)
	if fields := fault.FieldsOf(err); fields != nil {
		return s.showBank(c, http.StatusUnprocessableEntity, q, fields, form.Title)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Вид сохранён. Он будет здесь, над отбором")
	return web.SeeOther(c, "/deficits?%s", q.Values().Encode())
}

func (s *Service) dropView(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := s.DropView(c.Request.Context(), web.Actor(c), id); err != nil {
		return err
	}
	back := "/deficits"
	if u, err := url.Parse(c.PostForm("next")); err == nil && u.Path == back {
		back = u.RequestURI()
	}
	return web.SeeOther(c, "%s", back)
}
