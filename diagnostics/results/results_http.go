package results

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	listPage    = web.MustPage[[]Card](pages, "pages/list.html")
	reportPage  = web.MustPage[*Report](pages, "pages/report.html")
	waitingPage = web.MustPage[*Waiting](pages, "pages/waiting.html")
	summaryPage = web.MustPage[summaryView](pages, "pages/summary.html")
)

// Mount adds the routes of this package.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/results", web.SignedIn(), web.Handle(s.getList))
	r.GET("/results/:attempt", web.SignedIn(), web.Handle(s.getReport))
	r.GET("/campaigns/:id/results", web.Need(access.CampaignsRead), web.Handle(s.getSummary))
	r.GET("/campaigns/:id/results/tasks.csv", web.Need(access.CampaignsRead), web.Handle(s.getTasks))
	r.GET("/campaigns/:id/quality", web.Need(access.QualityRead), web.Handle(s.getQuality))
	r.POST("/campaigns/:id/quality", web.Need(access.QualityRead), web.Handle(s.postQuality))
	r.GET("/campaigns/:id/quality.xlsx", web.Need(access.QualityRead), web.Handle(s.getQualityBook))
	r.POST("/campaigns/:id/results/fit", web.Need(access.ResultsPublish), web.Handle(s.postFit))
	r.POST("/campaigns/:id/results/publish", web.Need(access.ResultsPublish), web.Handle(s.postPublish))
	r.POST("/campaigns/:id/results/regrade", web.Need(access.ResultsPublish), web.Handle(s.postRegrade))
}

func (s *Service) getList(c *gin.Context) error {
	cards, err := s.Mine(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return listPage.Render(c, http.StatusOK, web.Head{Title: "Результаты", Nav: "/results", Class: "participant", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Мои дела", Href: "/"}, {Title: "Результаты"}}}, cards)
}

func (s *Service) getReport(c *gin.Context) error {
	report, waiting, err := s.Read(c.Request.Context(), web.Actor(c), c.Param("attempt"))
	if err != nil {
		return err
	}
	crumbs := []web.Crumb{{Title: "Мои дела", Href: "/"}, {Title: "Результаты", Href: "/results"}}
	if waiting != nil {
		return waitingPage.Render(c, http.StatusOK, web.Head{Title: "Результаты готовятся", Nav: "/results", Class: "participant", Main: "page page-read",
			Crumbs: append(crumbs, web.Crumb{Title: waiting.Title})}, waiting)
	}
	head := web.Head{Title: "Ваши результаты", Nav: "/results", Class: "participant", Crumbs: append(crumbs, web.Crumb{Title: report.Title})}
	if !report.Own {
		head = web.Head{Title: "Результаты: " + report.Code, Nav: "/deficits", Class: "participant", Crumbs: []web.Crumb{{Title: "Банк дефицитов", Href: "/deficits"}, {Title: report.Code, Href: "/deficits/people/" + report.Code}, {Title: "Отчёт"}}}
	}
	return reportPage.Render(c, http.StatusOK, head, report)
}

// summaryView is a summary with what was refused, if anything was.
type summaryView struct {
	Summary
	Refusal string
}

func (s *Service) getSummary(c *gin.Context) error { return s.showSummary(c, http.StatusOK, "") }

func (s *Service) showSummary(c *gin.Context, code int, refusal string) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	sum, err := s.Summary(c.Request.Context(), web.Actor(c), id, c.Query("sort"))
	if err != nil {
		return err
	}
	return summaryPage.Render(c, code, web.Head{Title: "Итоги: " + sum.Campaign.Title, Nav: "/campaigns",
		Crumbs: []web.Crumb{{Title: "Диагностика", Href: "/campaigns"}, {Title: sum.Campaign.Title, Href: fmt.Sprintf("/campaigns/%d", id)}, {Title: "Итоги"}}}, summaryView{sum, refusal})
}

// getTasks sends the table of tasks as CSV, as it is shown.
func (s *Service) getTasks(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	sum, err := s.Summary(c.Request.Context(), web.Actor(c), id, c.Query("sort"))
	if err != nil {
		return err
	}
	b := bytes.NewBufferString("\ufeff")
	w := csv.NewWriter(b)
	w.Comma = ';'
	rows := [][]string{{"№", "Код", "Часть", "Вид", "Уровень", "Элементы", "Умение", "Макс. балл", "Ответов", "Доля баллов, %", "Полностью, %", "Пропустили, %", "Не дошли, %", "Замечание"}}
	for _, t := range sum.Tasks {
		mean, full, omitted := "", "", ""
		if t.Mean != nil {
			mean, full, omitted = web.Dec(1, 100**t.Mean), web.Dec(1, 100*t.Full), web.Dec(1, 100*t.Omitted)
		}
		rows = append(rows, []string{strconv.Itoa(t.Number), t.Code, t.Part.Label(), t.Kind, t.Level.Label(), t.Elements, t.Skill, web.Num(t.Max), strconv.Itoa(t.N), mean, full, omitted,
			web.Dec(1, 100*t.NotReached), t.Remark})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("tasks as csv: %w", err)
	}
	return web.Download(c, "Задания. "+sum.Campaign.Title+".csv", web.CSV, b.Bytes())
}

func (s *Service) postFit(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if s.links.Fit == nil {
		return errNoPage
	}
	job, err := s.links.Fit(c.Request.Context(), web.Actor(c), id)
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/jobs/%d?next=/campaigns/%d/results", job, id)
}

func (s *Service) postPublish(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	err = s.Publish(c.Request.Context(), web.Actor(c), id)
	if fault.KindOf(err) == fault.Conflict {
		return s.showSummary(c, http.StatusConflict, err.Error())
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Результаты открыты участникам. Они увидят их на главной странице")
	return web.SeeOther(c, "/campaigns/%d/results", id)
}

func (s *Service) postRegrade(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	job, err := s.Regrade(c.Request.Context(), web.Actor(c), id, "пересчёт по просьбе руководителя")
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/jobs/%d?next=/campaigns/%d/results", job, id)
}
