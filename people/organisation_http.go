package people

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountOrganisations(r gin.IRouter) {
	r.GET("/organisations", web.Need(access.PeopleRead), web.Handle(s.organisationsPage))
	r.GET("/organisations/new", web.Need(access.PeopleImport), web.Handle(s.newOrganisationPage))
	r.POST("/organisations/new", web.Need(access.PeopleImport), web.Handle(s.addOrganisation))
	r.GET("/organisations/:id", web.Need(access.PeopleRead), web.Handle(s.organisationPage))
	r.POST("/organisations/:id/edit", web.Need(access.PeopleImport), web.Handle(s.editOrganisation))
	r.POST("/organisations/:id/close", web.Need(access.PeopleImport), web.Handle(s.closeOrganisation))
}

// refsFor reads the reference lists within what the visitor may import into.
func (s *Service) refsFor(c *gin.Context) (r Refs, err error) {
	actor, ctx := web.Actor(c), c.Request.Context()
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err = refsInTx(ctx, tx, actor.Scope(access.PeopleImport))
		return err
	})
	return r, err
}

type organisationsView struct {
	organisations
	Kinds     []Item
	MayImport bool
	MayManage bool
}

var organisationsPage = web.MustPage[organisationsView](pages, "pages/organisations.html", "pages/parts.html")

func (s *Service) organisationsPage(c *gin.Context) error {
	actor := web.Actor(c)
	list, err := s.organisations(c.Request.Context(), actor, organisationFilter{Query: c.Query("q"), Territory: number(c.Query("territory")), Kind: c.Query("kind")})
	if err != nil {
		return err
	}
	return organisationsPage.Render(c, http.StatusOK, web.Head{Title: "Организации", Nav: "/people"},
		organisationsView{list, OrganisationKinds, actor.May(access.PeopleImport), actor.May(access.RolesManage)})
}

type organisationForm struct {
	Territory                        int64
	Kind, Name, ShortName, INN, OGRN string
	Rural                            bool
	Errors                           map[string]string
	Refs                             Refs
	Kinds                            []Item
}

var organisationFormPage = web.MustPage[organisationForm](pages, "pages/organisation-form.html", "pages/organisation-fields.html")

func (s *Service) renderOrganisationForm(c *gin.Context, code int, f organisationForm) error {
	var err error
	if f.Refs, err = s.refsFor(c); err != nil {
		return err
	}
	f.Kinds = OrganisationKinds
	return organisationFormPage.Render(c, code, web.Head{Title: "Новая организация", Nav: "/people", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Организации", Href: "/organisations"}, {Title: "Новая организация"}}}, f)
}

func (s *Service) newOrganisationPage(c *gin.Context) error {
	return s.renderOrganisationForm(c, http.StatusOK, organisationForm{Territory: number(c.Query("territory")), Kind: "school"})
}

func readOrganisation(c *gin.Context) organisationForm {
	return organisationForm{Territory: number(c.PostForm("territory")), Kind: c.PostForm("kind"), Name: c.PostForm("name"), ShortName: c.PostForm("short"),
		INN: strings.TrimSpace(c.PostForm("inn")), OGRN: strings.TrimSpace(c.PostForm("ogrn")), Rural: c.PostForm("rural") != ""}
}

func (f organisationForm) organisation() NewOrganisation {
	return NewOrganisation{TerritoryID: f.Territory, Kind: f.Kind, Name: f.Name, ShortName: f.ShortName, Rural: f.Rural, Codes: map[string]string{"inn": f.INN, "ogrn": f.OGRN}}
}

func (s *Service) addOrganisation(c *gin.Context) error {
	f := readOrganisation(c)
	var err error
	if f.Territory == 0 {
		err = fault.Field("territory", "Выберите муниципалитет")
	}
	var ids []int64
	if err == nil {
		ids, err = s.AddOrganisations(c.Request.Context(), web.Actor(c), []NewOrganisation{f.organisation()})
	}
	if f.Errors = organisationErrors(err); f.Errors != nil {
		return s.renderOrganisationForm(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Организация добавлена")
	return web.SeeOther(c, "/organisations/%d", ids[0])
}

// organisationErrors are the words over the fields of a refused form.
func organisationErrors(err error) map[string]string {
	if fields := fault.FieldsOf(err); fields != nil {
		return fields
	}
	if fault.KindOf(err) == fault.Conflict {
		return map[string]string{"name": messageOf(err)}
	}
	return nil
}

type organisationView struct {
	organisationCard
	Form      organisationForm
	Kinds     []Item
	MayImport bool
	Now       time.Time
}

var organisationPage = web.MustPage[organisationView](pages, "pages/organisation.html", "pages/organisation-fields.html")

func (s *Service) organisationPage(c *gin.Context) error {
	return s.renderOrganisation(c, http.StatusOK, nil)
}

func (s *Service) renderOrganisation(c *gin.Context, code int, refused *organisationForm) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	actor := web.Actor(c)
	o, err := s.organisation(c.Request.Context(), actor, id)
	if err != nil {
		return err
	}
	v := organisationView{organisationCard: o, Kinds: OrganisationKinds, Now: s.now(),
		MayImport: actor.Scope(access.PeopleImport).Covers(o.TerritoryID, o.ID),
		Form:      organisationForm{Territory: o.TerritoryID, Kind: o.Kind, Name: o.Name, ShortName: o.ShortName, Rural: o.Rural, INN: o.Codes["inn"], OGRN: o.Codes["ogrn"]}}
	if refused != nil {
		v.Form = *refused
	}
	v.Form.Kinds, v.Form.Refs = OrganisationKinds, o.Refs
	return organisationPage.Render(c, code, web.Head{Title: o.ShortName, Nav: "/people", Crumbs: []web.Crumb{{Title: "Организации", Href: "/organisations"},
		{Title: o.Territory.ShortName, Href: "/organisations?territory=" + strconv.FormatInt(o.TerritoryID, 10)}, {Title: o.ShortName}}}, v)
}

func (s *Service) editOrganisation(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	f := readOrganisation(c)
	err = s.ChangeOrganisation(c.Request.Context(), web.Actor(c), id, f.organisation())
	if f.Errors = organisationErrors(err); f.Errors != nil {
		return s.renderOrganisation(c, http.StatusUnprocessableEntity, &f)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Сохранено")
	return web.SeeOther(c, "/organisations/%d", id)
}

func (s *Service) closeOrganisation(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	on, err := dateField(c, "closed")
	if err == nil && on == nil {
		err = fault.Field("closed", "Укажите последний день")
	}
	if err == nil {
		err = s.CloseOrganisation(c.Request.Context(), web.Actor(c), id, number(c.PostForm("successor")), *on)
	}
	if fields := fault.FieldsOf(err); fields != nil {
		return s.renderOrganisation(c, http.StatusUnprocessableEntity, &organisationForm{Errors: fields})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Записали: организация закрыта")
	return web.SeeOther(c, "/organisations/%d", id)
}
