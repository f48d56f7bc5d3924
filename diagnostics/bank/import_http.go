package bank

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/exchange"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

var importPage = web.MustPage[importView](pages, "pages/import.html")

func (s *Service) mountImport(r gin.IRouter) {
	r.GET("/tasks/import", web.Need(access.TasksWrite), web.Handle(s.getImport))
	r.GET("/tasks/import/template.xlsx", web.Need(access.TasksWrite), web.Handle(s.getTemplate))
	r.POST("/tasks/import", web.Need(access.TasksWrite), web.Handle(s.postImport))
	r.POST("/tasks/import/apply", web.Need(access.TasksWrite), web.Handle(s.postApply))
}

type importView struct {
	Codifier  int64
	Codifiers []competency.Codifier
	File      string
	Run       *DryRun // nil before a file was chosen
	Errors    map[string]string
}

func (s *Service) getImport(c *gin.Context) error {
	return s.renderImport(c, http.StatusOK, importView{})
}

func (s *Service) renderImport(c *gin.Context, status int, v importView) error {
	ctx := c.Request.Context()
	err := db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		v.Codifiers, err = competency.CodifiersTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return importPage.Render(c, status, web.Head{Title: "Загрузка заданий", Nav: "/tasks",
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: "Загрузка из книги"}}}, v)
}

func (s *Service) getTemplate(c *gin.Context) error {
	body, err := exchange.TemplateXLSX()
	if err != nil {
		return err
	}
	return web.Download(c, "Задания — образец.xlsx", web.XLSX, body)
}

func (s *Service) postImport(c *gin.Context) error {
	name, body, err := web.Upload(c, "file", exchange.MaxSize)
	v := importView{File: name}
	v.Codifier, _ = strconv.ParseInt(c.PostForm("codifier"), 10, 64) // absent: CheckBook refuses it
	if err == nil {
		var run DryRun
		if run, err = s.CheckBook(c.Request.Context(), web.Actor(c), v.Codifier, body); err == nil {
			v.Run = &run
		}
	}
	if v.Errors = fault.FieldsOf(err); v.Errors == nil && err != nil {
		return err
	}
	status := http.StatusOK
	if v.Errors != nil || len(v.Run.Faults) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return s.renderImport(c, status, v)
}

func (s *Service) postApply(c *gin.Context) error {
	codifier, err := strconv.ParseInt(c.PostForm("codifier"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "Не сказано, для какого кодификатора эти задания")
	}
	n, err := s.ImportBook(c.Request.Context(), web.Actor(c), codifier, c.PostForm("sha"))
	if err != nil {
		return err
	}
	web.Flash(c, "Загружено: %s. Это черновики: посмотрите каждый и отправьте на проверку.", web.Plural(n, "задание", "задания", "заданий"))
	return web.SeeOther(c, "/tasks?state=draft&mine=true")
}
