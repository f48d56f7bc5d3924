package people

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountPeople(r gin.IRouter) {
	r.GET("/people", web.Need(access.PeopleRead), web.Handle(s.listPage))
	r.GET("/people.xlsx", web.Need(access.PeopleRead), web.Handle(s.listWorkbook))
	r.GET("/people/new", web.Need(access.PeopleImport), web.Handle(s.newPage))
	r.POST("/people/new", web.Need(access.PeopleImport), web.Handle(s.addOne))
	r.GET("/people/:id", web.Need(access.PeopleRead), web.Handle(s.cardPage))
	r.GET("/people/:id/edit", web.Need(access.PeopleImport), web.Handle(s.editPage))
	r.POST("/people/:id/edit", web.Need(access.PeopleImport), web.Handle(s.edit))
	r.POST("/people/:id/appointments", web.Need(access.PeopleImport), web.Handle(s.appoint))
	r.POST("/people/:id/appointments/:appointment/end", web.Need(access.PeopleImport), web.Handle(s.endAppointment))
	r.POST("/people/:id/password", web.Need(access.PeopleImport), web.Handle(s.issuePassword))
	r.POST("/people/:id/merge", web.Need(access.RolesManage), web.Handle(s.merge))
	r.POST("/people/:id/unmerge", web.Need(access.RolesManage), web.Handle(s.unmerge))
	s.mountErasure(r)
}

// number reads a number of a query or a form, 0 where there is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// dateField reads a date of a form as browsers send it; "" is no date.
func dateField(c *gin.Context, name string) (*time.Time, error) {
	s := strings.TrimSpace(c.PostForm(name))
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.DateOnly, "02.01.2006", "2.1.2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return &t, nil
		}
	}
	return nil, fault.Field(name, "Дата нужна вида 01.09.2026")
}

func filterOf(c *gin.Context) Filter {
	f := Filter{
		Query: c.Query("q"), Territory: number(c.Query("territory")), Organisation: number(c.Query("organisation")),
		Position: c.Query("position"), Subject: c.Query("subject"), Category: c.Query("category"), Role: access.Role(c.Query("role")),
		Sort: c.Query("sort"), Page: max(1, int(number(c.Query("page")))),
	}
	if _, known := listOrders[strings.TrimPrefix(f.Sort, "-")]; !known {
		f.Sort = ""
	}
	return f
}

// query is the filter as the query of an address, without the page.
func (f Filter) query() url.Values {
	v := url.Values{}
	for key, value := range map[string]string{"q": f.Query, "position": f.Position, "subject": f.Subject, "category": f.Category, "role": string(f.Role), "sort": f.Sort} {
		if value != "" {
			v.Set(key, value)
		}
	}
	for key, value := range map[string]int64{"territory": f.Territory, "organisation": f.Organisation} {
		if value != 0 {
			v.Set(key, strconv.FormatInt(value, 10))
		}
	}
	return v
}

type listView struct {
	page
	Now       time.Time
	Roles     []access.Role
	MayImport bool
	MayManage bool
}

// Pages is how many pages the list has.
func (v listView) Pages() int { return (v.Total + pageSize - 1) / pageSize }

// First and Last number the people of this page.
func (v listView) First() int { return (v.Filter.Page-1)*pageSize + 1 }

// Last numbers the last person of this page.
func (v listView) Last() int { return v.First() + len(v.List) - 1 }

// PageHref leads to another page of the same list.
func (v listView) PageHref(n int) string {
	q := v.query()
	q.Set("page", strconv.Itoa(n))
	return "/people?" + q.Encode()
}

// SortHref sorts by a column, the other way if it is sorted by it already.
func (v listView) SortHref(key string) string {
	f := v.Filter
	if f.Sort == key || f.Sort == "" && key == "name" {
		key = "-" + key
	}
	f.Sort = key
	return "/people?" + f.query().Encode()
}

// AriaSort says to a screen reader how a column is sorted.
func (v listView) AriaSort(key string) string {
	switch v.Sort {
	case key:
		return "ascending"
	case "-" + key:
		return "descending"
	case "":
		if key == "name" {
			return "ascending"
		}
	}
	return "none"
}

// ExportHref leads to the workbook of what is shown.
func (v listView) ExportHref() string { return "/people.xlsx?" + v.query().Encode() }

// Narrowed reports whether any filter is set.
func (v listView) Narrowed() bool {
	return v.narrowed() || v.Query != "" || v.Category != "" || v.Role != ""
}

// Years is the experience of a listed person.
func (v listView) Years(l listed) int { return career{TeachingSince: l.TeachingSince}.Years(v.Now) }

var listPage = web.MustPage[listView](pages, "pages/people.html", "pages/parts.html")

func (s *Service) listPage(c *gin.Context) error {
	actor := web.Actor(c)
	p, err := s.list(c.Request.Context(), actor, filterOf(c), pageSize, "name.read", "список людей")
	if err != nil {
		return err
	}
	return listPage.Render(c, http.StatusOK, web.Head{Title: "Люди", Nav: "/people"}, listView{p, s.now(), access.Roles, actor.May(access.PeopleImport), actor.May(access.RolesManage)})
}

func (s *Service) listWorkbook(c *gin.Context) error {
	f := filterOf(c)
	f.Page = 1
	p, err := s.list(c.Request.Context(), web.Actor(c), f, 0, "export.read", "выгрузка списка людей")
	if err != nil {
		return err
	}
	body, err := listWorkbook(p, s.now())
	if err != nil {
		return err
	}
	return web.Download(c, fmt.Sprintf("Люди %s.xlsx", s.now().In(calendar.Zone).Format(time.DateOnly)), web.XLSX, body)
}

type cardView struct {
	card
	Now         time.Time
	Roles       []access.Role
	MayImport   bool
	MayManage   bool
	Errors      map[string]string
	Issued      *Card
	Appointment NewAppointment // what was typed into the refused form
}

var cardPage = web.MustPage[cardView](pages, "pages/person.html", "pages/parts.html", "pages/grant.html")

func (s *Service) cardPage(c *gin.Context) error {
	return s.renderCard(c, http.StatusOK, cardView{})
}

func (s *Service) renderCard(c *gin.Context, code int, v cardView) error {
	var err error
	actor := web.Actor(c)
	if v.card, err = s.card(c.Request.Context(), actor, c.Param("id")); err != nil {
		return err
	}
	v.Now, v.Roles, v.MayImport, v.MayManage = s.now(), access.Roles, actor.May(access.PeopleImport), actor.May(access.RolesManage)
	return cardPage.Render(c, code, web.Head{Title: v.Name.Initials(), Nav: "/people",
		Crumbs: []web.Crumb{{Title: "Люди", Href: "/people"}, {Title: v.Name.Initials()}}}, v)
}

// refused shows the card again with what was wrong, or passes on what is not the reader's mistake.
func (s *Service) refused(c *gin.Context, err error, v cardView) error {
	if fields := fault.FieldsOf(err); fields != nil {
		v.Errors = fields
	} else if k := fault.KindOf(err); k == fault.Conflict || k == fault.Invalid {
		v.Errors = map[string]string{"main": messageOf(err)}
	} else {
		return err
	}
	return s.renderCard(c, http.StatusUnprocessableEntity, v)
}

func (s *Service) appoint(c *gin.Context) error {
	started, err := dateField(c, "started")
	a := NewAppointment{OrganisationID: number(c.PostForm("organisation")), Position: c.PostForm("position"), Subject: c.PostForm("subject"), Second: c.PostForm("second") != ""}
	if err == nil {
		if started != nil {
			a.StartedOn = *started
		}
		a.Load, err = loadField(c.PostForm("load"))
	}
	if err == nil {
		err = s.Appoint(c.Request.Context(), web.Actor(c), c.Param("id"), a)
	}
	if err != nil {
		return s.refused(c, err, cardView{Appointment: a})
	}
	web.Flash(c, "Работа добавлена")
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

// loadField reads a load written with a comma or a point; "" is one.
func loadField(s string) (float64, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 1, nil
	}
	load, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", "."), 64)
	if err != nil || load <= 0 || load > 3 {
		return 0, fault.Field("load", "Ставка — число больше 0 и не больше 3, например 0,5")
	}
	return load, nil
}

func (s *Service) endAppointment(c *gin.Context) error {
	id, err := web.ID(c, "appointment")
	if err != nil {
		return err
	}
	on, err := dateField(c, "ended")
	if err == nil && on == nil {
		today := calendar.Day(s.now())
		on = &today
	}
	if err == nil {
		err = s.EndAppointment(c.Request.Context(), web.Actor(c), c.Param("id"), id, *on)
	}
	if err != nil {
		return s.refused(c, err, cardView{})
	}
	web.Flash(c, "Записали: работа закончилась %s", calendar.Date(*on))
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

// issuePassword answers with the page itself and not with a redirect: the password is
// shown once and kept nowhere.
func (s *Service) issuePassword(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	p, err := s.card(ctx, actor, c.Param("id"))
	if err != nil {
		return err
	}
	cards, err := s.IssuePasswords(ctx, actor, []access.PersonID{p.ID})
	if err != nil {
		return err
	}
	return s.renderCard(c, http.StatusOK, cardView{Issued: &cards[0]})
}

func (s *Service) merge(c *gin.Context) error {
	if err := s.Merge(c.Request.Context(), web.Actor(c), c.Param("id"), c.PostForm("other"), strings.TrimSpace(c.PostForm("reason"))); err != nil {
		return s.refused(c, err, cardView{})
	}
	web.Flash(c, "Записи объединены. Разъединить их можно здесь же")
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

func (s *Service) unmerge(c *gin.Context) error {
	if err := s.Unmerge(c.Request.Context(), web.Actor(c), number(c.PostForm("merge"))); err != nil {
		return s.refused(c, err, cardView{})
	}
	web.Flash(c, "Записи разъединены, работа и роли вернулись")
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

// personForm is a person as typed.
type personForm struct {
	New                       bool
	PublicID                  string
	Family, Given, Patronymic string
	Email, Phone              string
	Since, Category, Received string
	Organisation              int64
	Position, Subject, Load   string
	Started                   string
	Errors                    map[string]string
	Refs                      Refs
}

var formPage = web.MustPage[personForm](pages, "pages/person-form.html")

func renderForm(c *gin.Context, code int, f personForm) error {
	crumbs := []web.Crumb{{Title: "Люди", Href: "/people"}, {Title: "Добавить человека"}}
	title := "Добавить человека"
	if !f.New {
		title = "Поправить данные"
		crumbs = []web.Crumb{{Title: "Люди", Href: "/people"}, {Title: f.Family, Href: "/people/" + f.PublicID}, {Title: title}}
	}
	return formPage.Render(c, code, web.Head{Title: title, Nav: "/people", Main: "page page-read", Crumbs: crumbs}, f)
}

func (s *Service) newPage(c *gin.Context) error {
	refs, err := s.refsFor(c)
	if err != nil {
		return err
	}
	return renderForm(c, http.StatusOK, personForm{New: true, Category: "none", Position: "teacher", Started: s.now().In(calendar.Zone).Format(time.DateOnly), Refs: refs})
}

func (s *Service) editPage(c *gin.Context) error {
	p, err := s.card(c.Request.Context(), web.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	return renderForm(c, http.StatusOK, personForm{PublicID: p.PublicID, Family: p.Family, Given: p.Given, Patronymic: p.Patronymic, Email: p.Email, Phone: p.Phone,
		Since: dateText(p.TeachingSince), Category: p.Category, Received: dateText(p.CategorySince), Refs: p.Refs})
}

func readForm(c *gin.Context) (personForm, Change, error) {
	f := personForm{Family: c.PostForm("family"), Given: c.PostForm("given"), Patronymic: c.PostForm("patronymic"), Email: strings.TrimSpace(c.PostForm("email")),
		Phone: strings.TrimSpace(c.PostForm("phone")), Since: c.PostForm("since"), Category: c.PostForm("category"), Received: c.PostForm("received"),
		Organisation: number(c.PostForm("organisation")), Position: c.PostForm("position"), Subject: c.PostForm("subject"), Load: c.PostForm("load"), Started: c.PostForm("started")}
	ch := Change{Name: Name{f.Family, f.Given, f.Patronymic}.Tidy(), Email: f.Email, Phone: f.Phone, Category: f.Category}
	var err error
	if ch.TeachingSince, err = dateField(c, "since"); err != nil {
		return f, ch, err
	}
	ch.CategorySince, err = dateField(c, "received")
	return f, ch, err
}

func (s *Service) edit(c *gin.Context) error {
	f, ch, err := readForm(c)
	if err == nil {
		err = s.ChangePerson(c.Request.Context(), web.Actor(c), c.Param("id"), ch)
	}
	if fault.KindOf(err) == fault.Invalid {
		p, lookErr := s.card(c.Request.Context(), web.Actor(c), c.Param("id"))
		if lookErr != nil {
			return lookErr
		}
		f.PublicID, f.Refs, f.Errors = p.PublicID, p.Refs, fault.FieldsOf(err)
		return renderForm(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Сохранено")
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

func (s *Service) addOne(c *gin.Context) error {
	f, ch, err := readForm(c)
	p := NewPerson{Name: ch.Name, Email: ch.Email, Phone: ch.Phone, TeachingSince: ch.TeachingSince, Category: ch.Category, CategorySince: ch.CategorySince}
	var started *time.Time
	var load float64
	if err == nil {
		started, err = dateField(c, "started")
	}
	if err == nil {
		load, err = loadField(f.Load)
	}
	if err == nil && f.Organisation == 0 {
		err = fault.Field("organisation", "Выберите организацию")
	}
	if err == nil && started == nil {
		err = fault.Field("started", "Укажите, с какого дня человек работает")
	}
	if err == nil && p.Email != "" && !looksLikeEmail(p.Email) {
		err = fault.Field("email", "Похоже, в адресе опечатка: нужно вида maria@example.ru")
	}
	var publicID string
	if err == nil {
		p.Appointments = []NewAppointment{{OrganisationID: f.Organisation, Position: f.Position, Subject: f.Subject, Load: load, StartedOn: *started}}
		publicID, err = s.addTeacher(c.Request.Context(), web.Actor(c), p)
	}
	if fields := fault.FieldsOf(err); fields != nil || fault.KindOf(err) == fault.Conflict {
		if fields == nil {
			fields = map[string]string{"family": messageOf(err)}
		}
		f.New, f.Errors = true, fields
		if f.Refs, err = s.refsFor(c); err != nil {
			return err
		}
		return renderForm(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Человек добавлен. Чтобы он мог войти, выдайте ему пароль")
	return web.SeeOther(c, "/people/%s", publicID)
}
