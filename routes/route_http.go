package routes

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

var (
	editorPage = web.MustPage[editorView](pages, "pages/editor.html", "pages/parts.html", "pages/wishes.html")
	minePage   = web.MustPage[editorView](pages, "pages/mine.html", "pages/parts.html", "pages/changes.html")
	printPage  = web.MustPage[editorView](pages, "pages/print.html", "pages/parts.html")
)

// shownCandidates is how many candidates stand open; the rest unfold.
const shownCandidates = 6

func (s *Service) getRoute(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	return s.renderEditor(c, id, http.StatusOK, nil)
}

func (s *Service) renderEditor(c *gin.Context, id int64, status int, wrong map[string]string, clash ...Way) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	var v editorView
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesRead), false)
		if err != nil {
			return err
		}
		if err := s.lookTx(ctx, tx, actor, r); err != nil {
			return err
		}
		if v, err = s.viewTx(ctx, tx, actor, r); err != nil {
			return err
		}
		if v.MayEdit {
			if v.MayUndo, err = differsTx(ctx, tx, r, false); err != nil {
				return err
			}
			if v.MayRedo, err = differsTx(ctx, tx, r, true); err != nil {
				return err
			}
		}
		if v.MayManage {
			drafts, err := listTx(ctx, tx, actor.Scope(access.RoutesManage), Filter{State: Draft}, v.Today)
			if err != nil {
				return err
			}
			v.Waiting = len(drafts)
			for _, l := range drafts {
				if l.ID != id && (v.Next == 0 || l.ID > id && (v.Next < id || l.ID < v.Next)) {
					v.Next = l.ID
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.Errors, v.Query, v.Clash = wrong, strings.TrimSpace(c.Query("q")), clash
	if len(clash) > 0 {
		v.Asked = carried(c)
	}
	if c.PostForm("do") == "wishes" && status != http.StatusOK {
		v.Wish.keep(c.PostForm("mode"), c.PostFormArray("venue"), c.PostFormArray("month"), c.PostForm("load"), c.PostForm("why"))
	}
	if v.Query != "" {
		v.Candidates = slices.DeleteFunc(v.Candidates, func(x Candidate) bool { return !strings.Contains(fold(x.Programme.Title), fold(v.Query)) })
	}
	if n := min(shownCandidates, len(v.Candidates)); v.Query == "" {
		v.Candidates, v.More = v.Candidates[:n], v.Candidates[n:]
	}
	return editorPage.Render(c, status, web.Head{Title: "Маршрут: " + v.Name, Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"},
		{Title: v.Territory, Href: fmt.Sprintf("/routes?territory=%d", v.Route.Territory)}, {Title: v.Name}}}, v)
}

// refused shows a refusal of a change on the route's own page, with everything kept.
func (s *Service) refused(c *gin.Context, id int64, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid:
		fields := fault.FieldsOf(err)
		if len(fields) == 0 {
			fields = map[string]string{"": messageOf(err)}
		}
		return s.renderEditor(c, id, http.StatusUnprocessableEntity, fields)
	case fault.Conflict:
		if ways := conflicting(err); ways != nil {
			return s.renderEditor(c, id, http.StatusConflict, map[string]string{"clash": messageOf(err)}, ways...)
		}
		return s.renderEditor(c, id, http.StatusConflict, map[string]string{"": messageOf(err)})
	}
	return err
}

func messageOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Message
	}
	return err.Error()
}

type editForm struct {
	Version   int    `form:"version"`
	Do        string `form:"do"`
	Programme string `form:"programme"`
	Session   string `form:"session"`
	Instead   string `form:"instead"`
	Hours     string `form:"hours"`
	Cost      string `form:"cost"`
	Reason    string `form:"reason"`
	Pace      string `form:"pace"`
	Note      string `form:"note"`
	Why       string `form:"why"`
}

func (s *Service) postEdit(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var f editForm
	if err := web.Bind(c, &f); err != nil {
		return err
	}
	e := Edit{Version: f.Version, Do: f.Do, Programme: f.Programme, Session: f.Session, Instead: f.Instead, Cost: -1,
		Pace: Pace(f.Pace), Note: f.Note, Why: f.Why, Drop: c.PostFormArray("drop")}
	if err := errors.Join(checkPace(e.Pace), checkWords("note", e.Note), checkWords("why", e.Why)); err != nil {
		return s.refused(c, id, err)
	}
	if f.Do == "wishes" {
		var bad error
		if e.Wishes, bad = wishesOf(c.PostForm("mode"), c.PostFormArray("venue"), c.PostFormArray("month"), c.PostForm("load")); bad != nil {
			return s.refused(c, id, bad)
		}
	}
	if f.Do == "limits" {
		var bad error
		if e.Hours, bad = strconv.Atoi(strings.TrimSpace(f.Hours)); bad != nil {
			return s.refused(c, id, fault.Field("hours", "Часы — целое число"))
		}
		if t := strings.NewReplacer(" ", "", "\u00a0", "").Replace(f.Cost); t != "" {
			if e.Cost, bad = strconv.Atoi(t); bad != nil || e.Cost < 0 {
				return s.refused(c, id, fault.Field("cost", "Деньги — целое число рублей или пусто"))
			}
		}
	}
	before, err := s.Route(c.Request.Context(), web.Actor(c), id)
	if err != nil {
		return err
	}
	r, err := s.Change(c.Request.Context(), web.Actor(c), id, e)
	if err != nil {
		return s.refused(c, id, err)
	}
	web.Flash(c, "%s. Закроет %s. Лучший возможный маршрут: %s%s", didWords(f.Do), insteadOf(r.Plan.Coverage(), before.Plan.Coverage()), web.Pct(r.Plan.BestCoverage()), wishPrices(r, f.Do))
	return web.SeeOther(c, "/routes/%d", id)
}

// insteadOf says a share beside the one before, finely enough to tell them apart.
func insteadOf(now, before float64) string {
	switch {
	case math.Abs(now-before) < 0.0005:
		return web.Pct(now) + ", как и было"
	case web.Pct(now) == web.Pct(before):
		return web.Dec(1, 100*now) + "\u00a0%, было " + web.Dec(1, 100*before) + "\u00a0%"
	}
	return web.Pct(now) + ", было " + web.Pct(before)
}

// wishPrices says what the wishes just made cost.
func wishPrices(r Route, do string) string {
	if do != "wishes" {
		return ""
	}
	out := []string{}
	for _, d := range askedViews(r, words{}) {
		if d.Label == "Пожелание" {
			out = append(out, fmt.Sprintf("«%s» %s", d.Words, d.Says()))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return ". Пожелания: " + strings.Join(out, "; ")
}

// didWords is what was just done, in words.
func didWords(do string) string {
	switch do {
	case "lock":
		return "Шаг закреплён"
	case "unlock":
		return "Шаг откреплён"
	case "remove":
		return "Шаг убран"
	case "forbid":
		return "Программа исключена, маршрут пересчитан"
	case "allow":
		return "Программа снова допущена"
	case "add":
		return "Шаг добавлен"
	case "require":
		return "Программа теперь обязательна, маршрут пересчитан"
	case "release":
		return "Программа больше не обязательна"
	case "wishes":
		return "Пожелания учтены, маршрут пересчитан"
	case "drop":
		return "Условие снято, маршрут пересчитан"
	case "undo":
		return "Последнее изменение отменено"
	case "redo":
		return "Отменённое изменение возвращено"
	case "limits":
		return "Пределы изменены, маршрут пересчитан"
	}
	return "Маршрут пересчитан"
}

func (s *Service) postOffer(c *gin.Context) error {
	return s.act(c, "Маршрут предложен педагогу", func(id int64, _ editForm) error {
		return s.Propose(c.Request.Context(), web.Actor(c), id)
	})
}

func (s *Service) postCancel(c *gin.Context) error {
	return s.act(c, "Маршрут отменён", func(id int64, f editForm) error {
		return s.Cancel(c.Request.Context(), web.Actor(c), id, f.Reason)
	})
}

func (s *Service) postComplete(c *gin.Context) error {
	return s.act(c, "Маршрут завершён", func(id int64, f editForm) error {
		return s.Complete(c.Request.Context(), web.Actor(c), id, f.Reason)
	})
}

func (s *Service) act(c *gin.Context, done string, f func(id int64, form editForm) error) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var form editForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	if err := f(id, form); err != nil {
		return s.refused(c, id, err)
	}
	web.Flash(c, "%s", done)
	return web.SeeOther(c, "/routes/%d", id)
}

// maxScan is the largest scan of a document taken, in bytes.
const maxScan = 10 << 20

func tickOf(c *gin.Context) (Tick, error) {
	t := Tick{Programme: number(c.PostForm("programme")), What: c.PostForm("what"), Document: c.PostForm("document"), Note: c.PostForm("note")}
	if h, err := c.FormFile("file"); err == nil && h.Size > 0 {
		_, body, err := web.Upload(c, "file", maxScan)
		if err != nil {
			return t, err
		}
		t.File, t.FileType = body, http.DetectContentType(body)
	}
	return t, nil
}

func (s *Service) postStep(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	t, err := tickOf(c)
	if err == nil {
		err = s.TickFor(c.Request.Context(), web.Actor(c), id, t)
	}
	if err != nil {
		return s.refused(c, id, err)
	}
	web.Flash(c, "Отметка сохранена")
	return web.SeeOther(c, "/routes/%d", id)
}
