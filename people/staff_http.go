package people

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountImports(r gin.IRouter) {
	r.GET("/people/import", web.Need(access.PeopleImport), web.Handle(s.uploadPage))
	r.GET("/people/import/template.xlsx", web.Need(access.PeopleImport), web.Handle(s.template))
	r.POST("/people/import", web.Need(access.PeopleImport), web.Handle(s.upload))
	r.GET("/people/import/:import", web.Need(access.PeopleImport), web.Handle(s.dryRunPage))
	r.POST("/people/import/:import", web.Need(access.PeopleImport), web.Handle(s.applyStaff))
}

// maxUpload limits the file itself.
const maxUpload = 10 << 20

type uploadView struct {
	AsOf    string
	Errors  map[string]string
	Imports []staffImport
}

var uploadPage = web.MustPage[uploadView](pages, "pages/import.html")

func (s *Service) uploadPage(c *gin.Context) error {
	return s.renderUpload(c, http.StatusOK, uploadView{AsOf: calendar.Day(s.now()).Format("2006-01-02")})
}

func (s *Service) renderUpload(c *gin.Context, code int, v uploadView) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		v.Imports, err = staffImportsTx(ctx, tx, actor)
		return err
	}); err != nil {
		return err
	}
	return uploadPage.Render(c, code, web.Head{Title: "Загрузить список работников", Nav: "/people", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Люди", Href: "/people"}, {Title: "Загрузить список"}}}, v)
}

func (s *Service) template(c *gin.Context) error {
	refs, err := s.refsFor(c)
	if err != nil {
		return err
	}
	body, err := staffTemplate(refs)
	if err != nil {
		return err
	}
	return web.Download(c, "Список работников, образец.xlsx", web.XLSX, body)
}

func (s *Service) upload(c *gin.Context) error {
	name, body, err := web.Upload(c, "file", maxUpload)
	on := calendar.Day(s.now())
	if err == nil {
		given, dateErr := dateField(c, "as_of")
		if err = dateErr; given != nil {
			on = *given
		}
	}
	var id int64
	if err == nil {
		id, err = s.UploadStaff(c.Request.Context(), web.Actor(c), name, body, on)
	}
	if err == nil {
		_, err = s.StaffDryRun(c.Request.Context(), web.Actor(c), id, nil)
		if fault.KindOf(err) == fault.Invalid && fault.FieldsOf(err) == nil {
			err = fault.Field("file", "%s", messageOf(err))
		}
	}
	if fields := fault.FieldsOf(err); fields != nil {
		return s.renderUpload(c, http.StatusUnprocessableEntity, uploadView{AsOf: c.PostForm("as_of"), Errors: fields})
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/people/import/%d", id)
}

type dryRunView struct {
	dryRun
	Errors                map[string]string
	SkipFaulty, EndAbsent bool
}

// Where says where a person works now, for telling namesakes apart.
func (v dryRunView) Where(k known) string {
	said := []string{}
	for _, a := range filterAppointments(k.Appointments, v.AsOf, true) {
		o := v.Refs.Organisation(a.OrganisationID)
		said = append(said, v.Refs.PositionName(a.Position)+", "+o.ShortName+" ("+v.Refs.Territory(o.TerritoryID).ShortName+")")
	}
	if len(said) == 0 {
		return "сейчас нигде не работает"
	}
	return strings.Join(said, "; ")
}

// Ready reports whether the list can be applied at once.
func (v dryRunView) Ready() bool { return len(v.Decisions) > 0 && v.Count("ambiguous") == 0 }

// Verdicts are the groups of rows that are shown, in reading order.
func (v dryRunView) Verdicts() []group {
	out := []group{}
	for _, g := range []group{
		{"new", "Новые", "Таких людей ещё нет, добавим", nil},
		{"moved", "Перешли из другой организации", "Прежняя основная работа закончится днём раньше", nil},
		{"renamed", "Сменили фамилию", "Останется один человек с новой фамилией", nil},
		{"changed", "Изменятся", "Известны и работают здесь", nil},
		{"skipped", "Пропустим по вашему выбору", "", nil},
		{"same", "Без изменений", "Всё уже так", nil},
	} {
		if g.Rows = v.Of(g.Verdict); len(g.Rows) > 0 {
			out = append(out, g)
		}
	}
	return out
}

type group struct {
	Verdict, Title, About string
	Rows                  []decision
}

var dryRunPage = web.MustPage[dryRunView](pages, "pages/import-run.html")

func (s *Service) dryRunPage(c *gin.Context) error {
	return s.renderDryRun(c, http.StatusOK, nil, dryRunView{})
}

func (s *Service) renderDryRun(c *gin.Context, code int, choices map[int]string, v dryRunView) error {
	id, err := web.ID(c, "import")
	if err != nil {
		return err
	}
	if v.dryRun, err = s.StaffDryRun(c.Request.Context(), web.Actor(c), id, choices); err != nil {
		return err
	}
	return dryRunPage.Render(c, code, web.Head{Title: "Проверка списка", Nav: "/people",
		Crumbs: []web.Crumb{{Title: "Люди", Href: "/people"}, {Title: "Загрузить список", Href: "/people/import"}, {Title: v.FileName}}}, v)
}

// applyStaff takes the choices: "Проверить" shows the dry run with them, "Загрузить" applies it.
func (s *Service) applyStaff(c *gin.Context) error {
	id, err := web.ID(c, "import")
	if err != nil {
		return err
	}
	choice := StaffChoice{Rows: map[int]string{}, Digest: c.PostForm("digest"), SkipFaulty: c.PostForm("skip_faulty") != "", EndAbsent: c.PostForm("end_absent") != ""}
	if err := c.Request.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "Не удалось прочитать форму")
	}
	for key, values := range c.Request.PostForm {
		if row, ok := strings.CutPrefix(key, "row-"); ok && len(values) > 0 && values[0] != "" {
			choice.Rows[int(number(row))] = values[0]
		}
	}
	again := dryRunView{SkipFaulty: choice.SkipFaulty, EndAbsent: choice.EndAbsent}
	if c.PostForm("do") != "apply" {
		return s.renderDryRun(c, http.StatusOK, choice.Rows, again)
	}
	_, err = s.ApplyStaff(c.Request.Context(), web.Actor(c), id, choice)
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Kind == fault.Invalid || f.Kind == fault.Conflict) {
		if again.Errors = f.Fields; again.Errors == nil {
			again.Errors = map[string]string{"main": f.Message}
		}
		return s.renderDryRun(c, http.StatusUnprocessableEntity, choice.Rows, again)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Список загружен")
	return web.SeeOther(c, "/people/import/%d", id)
}
