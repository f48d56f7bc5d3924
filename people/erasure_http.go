package people

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountErasure(r gin.IRouter) {
	r.GET("/erasures", web.Need(access.RolesManage), web.Handle(s.erasuresPage))
	r.GET("/erasures/:id", web.Need(access.RolesManage), web.Handle(s.actPage))
	r.GET("/erasures/:id/journal.csv", web.Need(access.RolesManage), web.Handle(s.actJournal))
	r.GET("/people/:id/erase", web.Need(access.RolesManage), web.Handle(s.erasePage))
	r.POST("/people/:id/erase", web.Need(access.RolesManage), web.Handle(s.erase))
}

var erasureCrumb = web.Crumb{Title: "Удаление данных", Href: "/erasures"}

type erasuresView struct {
	Due  []dueErasure
	Acts []Act
	Now  time.Time
	Days int
}

var erasuresPage = web.MustPage[erasuresView](pages, "pages/erasures.html", "pages/parts.html")

func (s *Service) erasuresPage(c *gin.Context) error {
	due, acts, err := s.erasures(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return erasuresPage.Render(c, http.StatusOK, web.Head{Title: "Удаление данных", Nav: "/people"}, erasuresView{due, acts, s.now(), ErasureDays})
}

var actPage = web.MustPage[Act](pages, "pages/erasure.html", "pages/parts.html")

func (s *Service) actPage(c *gin.Context) error {
	a, _, err := s.act(c.Request.Context(), web.Actor(c), c.Param("id"), false)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("Акт № %d", a.Number)
	return actPage.Render(c, http.StatusOK, web.Head{Title: title, Nav: "/people", Crumbs: []web.Crumb{erasureCrumb, {Title: title}}}, a)
}

// actJournal gives the journal's lines about an erased person: ids, no names.
func (s *Service) actJournal(c *gin.Context) error {
	a, lines, err := s.act(c.Request.Context(), web.Actor(c), c.Param("id"), true)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.Comma = ';'
	rows := [][]string{{"номер", "когда", "кто", "что", "с чем", "зачем"}}
	for _, l := range lines {
		rows = append(rows, []string{strconv.FormatInt(l.ID, 10), l.At.In(calendar.Zone).Format("02.01.2006 15:04:05"), fmt.Sprint(l.Actor), l.Action, l.ObjectKind + " " + l.ObjectID, l.Purpose})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("journal of an act: %w", err)
	}
	return web.Download(c, fmt.Sprintf("Выгрузка журнала к акту %d.csv", a.Number), web.CSV, b.Bytes())
}

type eraseView struct {
	card
	Withdrawn *time.Time
	Due       time.Time
	Now       time.Time
	Form      NewErasure
	Sure      bool
	Errors    map[string]string
	Wrong     string
}

var erasePage = web.MustPage[eraseView](pages, "pages/erase.html", "pages/parts.html")

func (s *Service) erasePage(c *gin.Context) error {
	return s.renderErase(c, http.StatusOK, eraseView{})
}

func (s *Service) renderErase(c *gin.Context, code int, v eraseView) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	var err error
	if v.card, err = s.card(ctx, actor, c.Param("id")); err != nil {
		return err
	}
	if v.Withdrawn, err = s.withdrawnAt(ctx, actor, v.ID); err != nil {
		return err
	}
	v.Now = s.now()
	if v.Withdrawn != nil {
		v.Due = dueOn(*v.Withdrawn)
		if v.Form.Reason == "" && code == http.StatusOK {
			v.Form.Reason = "Согласие на обработку персональных данных отозвано " + calendar.Date(*v.Withdrawn)
		}
	}
	return erasePage.Render(c, code, web.Head{Title: "Удалить данные", Nav: "/people", Main: "page page-read",
		Crumbs: []web.Crumb{erasureCrumb, {Title: v.Name.Initials(), Href: "/people/" + v.PublicID}, {Title: "Удалить данные"}}}, v)
}

func (s *Service) erase(c *gin.Context) error {
	form, sure := NewErasure{Reason: c.PostForm("reason"), Commission: c.PostForm("commission")}, c.PostForm("sure") != ""
	var a Act
	err := error(fault.Field("sure", "Подтвердите: вернуть данные будет нельзя"))
	if sure {
		a, err = s.Erase(c.Request.Context(), web.Actor(c), c.Param("id"), form)
	}
	if fields := fault.FieldsOf(err); fields != nil {
		return s.renderErase(c, http.StatusUnprocessableEntity, eraseView{Form: form, Sure: sure, Errors: fields})
	}
	if fault.KindOf(err) == fault.Conflict {
		return s.renderErase(c, http.StatusUnprocessableEntity, eraseView{Form: form, Sure: sure, Wrong: messageOf(err)})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Данные удалены, акт составлен")
	return web.SeeOther(c, "/erasures/%s", a.PublicID)
}
