package memos

import (
	"embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	listPage = web.MustPage[listView](pages, "pages/memos.html")
	memoPage = web.MustPage[memoView](pages, "pages/memo.html")
	editPage = web.MustPage[editView](pages, "pages/edit.html")
)

// Mount adds the routes of memos. /memos/:id.docx is /memos/:id with that ending.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/memos", web.Need(access.MemosRead), web.Handle(s.list))
	r.POST("/memos", web.Need(access.MemosWrite), web.Handle(s.create))
	r.GET("/memos/:id", web.Need(access.MemosRead), web.Handle(s.memo))
	r.GET("/memos/:id/edit", web.Need(access.MemosWrite), web.Handle(s.edit))
	r.POST("/memos/:id/words", web.Need(access.MemosWrite), web.Handle(s.write))
	r.POST("/memos/:id/refresh", web.Need(access.MemosWrite), web.Handle(s.refresh))
	r.POST("/memos/:id/approve", web.Need(access.MemosWrite), web.Handle(s.approve))
}

type listView struct {
	Overview
	Writes              bool
	Campaign, Territory int64
	Errors              map[string]string
}

func (s *Service) list(c *gin.Context) error {
	return s.showList(c, http.StatusOK, createForm{}, nil)
}

func (s *Service) showList(c *gin.Context, code int, form createForm, errors map[string]string) error {
	o, err := s.List(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	v := listView{Overview: o, Writes: web.Actor(c).May(access.MemosWrite), Campaign: form.Campaign, Territory: form.Territory, Errors: errors}
	return listPage.Render(c, code, web.Head{Title: "Справки", Nav: "/memos"}, v)
}

type createForm struct {
	Campaign  int64 `form:"campaign"`
	Territory int64 `form:"territory"`
}

func (s *Service) create(c *gin.Context) error {
	var form createForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	id, err := s.Create(c.Request.Context(), web.Actor(c), form.Campaign, form.Territory)
	switch kind := fault.KindOf(err); {
	case err == nil:
	case kind == fault.Invalid:
		return s.showList(c, http.StatusUnprocessableEntity, form, fault.FieldsOf(err))
	case kind == fault.Conflict:
		return s.showList(c, http.StatusUnprocessableEntity, form, map[string]string{"territory": message(err)})
	default:
		return err
	}
	web.Flash(c, "Черновик справки готов: цифры взяты из банка, слова составлены по правилам. Прочитайте и поправьте")
	return web.SeeOther(c, "/memos/%d", id)
}

// message is a refusal without its cause.
func message(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": pq:")
	return text
}

type memoView struct {
	Opened
	Bars       []bar
	Addressees []addressed
	Errors     map[string]string
	Number     string
	On         string
	Today      string
}

// addressed are the recommendations to one addressee.
type addressed struct {
	Title string
	Words []Paragraph
}

// bar is a column of the histogram: its width is its class, its area the people.
type bar struct {
	From, Width float64 // shares of the axis
	Y, Height   float64 // points of a picture 120 points high
	Title       string
	N           int
}

const histogramHeight = 120

func bars(bins []reports.Bin) []bar {
	most := 0.0
	for _, b := range bins {
		most = max(most, float64(b.N)/(b.To-b.From))
	}
	out := []bar{}
	for _, b := range bins {
		if b.N == 0 {
			continue
		}
		h := histogramHeight * float64(b.N) / (b.To - b.From) / most
		out = append(out, bar{b.From, b.To - b.From, histogramHeight - h, h, fmt.Sprintf("Доля баллов %s: %s", Class(b), web.Plural(b.N, "участник", "участника", "участников")), b.N})
	}
	return out
}

// ShareOf is a number of participants as a share of all marked works.
func (v memoView) ShareOf(n int) float64 {
	return float64(n) / float64(max(1, v.Version.Figures.Points.N))
}

// Class names a class of shares.
func (memoView) Class(b reports.Bin) string { return upper(Class(b)) }

// Part names a part of the work.
func (memoView) Part(part string) string { return partTitle(part) }

func (s *Service) memo(c *gin.Context) error {
	raw, isDocument := strings.CutSuffix(c.Param("id"), ".docx")
	id, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		return noMemo
	}
	version, err := strconv.Atoi("0" + c.Query("version"))
	if err != nil {
		return noMemo
	}
	if isDocument {
		name, body, err := s.Document(c.Request.Context(), web.Actor(c), id, version)
		if err != nil {
			return err
		}
		return web.Download(c, name, web.DOCX, body)
	}
	return s.showMemo(c, http.StatusOK, id, version, approveForm{}, nil)
}

func (s *Service) showMemo(c *gin.Context, code int, id int64, version int, form approveForm, errors map[string]string) error {
	m, err := s.Open(c.Request.Context(), web.Actor(c), id, version)
	if err != nil {
		return err
	}
	v := memoView{Opened: m, Bars: bars(m.Version.Figures.Histogram), Errors: errors, Number: form.Number, On: form.On, Today: calendar.Day(s.now()).Format(time.DateOnly)}
	if v.On == "" {
		v.On = v.Today
	}
	for _, a := range Addressees {
		if to := m.Version.To(a.Code); len(to) > 0 {
			v.Addressees = append(v.Addressees, addressed{a.Title, to})
		}
	}
	return memoPage.Render(c, code, web.Head{Title: "Справка: " + m.Title + ", " + m.Where, Nav: "/memos",
		Crumbs: []web.Crumb{{Title: "Справки", Href: "/memos"}, {Title: m.Title}, {Title: m.Where}}}, v)
}

type editView struct {
	Memo
	Errors map[string]string
	Groups []editGroup
}

type editGroup struct {
	Title string
	Words []Paragraph
}

func (s *Service) edit(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	m, err := s.Open(c.Request.Context(), web.Actor(c), id, 0)
	if err != nil {
		return err
	}
	return s.showEdit(c, http.StatusOK, m.Memo, nil)
}

func (s *Service) showEdit(c *gin.Context, code int, m Memo, errors map[string]string) error {
	v := editView{Memo: m, Errors: errors}
	groups := []struct{ kind, addressee, title string }{{"conclusion", "", "Выводы"}}
	for _, a := range Addressees {
		groups = append(groups, struct{ kind, addressee, title string }{"recommendation", a.Code, "Рекомендации: " + strings.ToLower(a.Title[:2]) + a.Title[2:]})
	}
	for _, g := range groups {
		e := editGroup{Title: g.title}
		for _, p := range m.Version.Words {
			if p.Kind == g.kind && p.Addressee == g.addressee {
				e.Words = append(e.Words, p)
			}
		}
		if len(e.Words) > 0 {
			v.Groups = append(v.Groups, e)
		}
	}
	return editPage.Render(c, code, web.Head{Title: "Слова справки", Nav: "/memos",
		Crumbs: []web.Crumb{{Title: "Справки", Href: "/memos"}, {Title: m.Title + ", " + m.Where, Href: fmt.Sprintf("/memos/%d", m.ID)}, {Title: "Слова"}}}, v)
}

type versionForm struct {
	Version int `form:"version"`
}

func (s *Service) write(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var form versionForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	texts := c.PostFormMap("text")
	err = s.Write(c.Request.Context(), web.Actor(c), id, form.Version, texts)
	if fields := fault.FieldsOf(err); fields != nil {
		m, err := s.Open(c.Request.Context(), web.Actor(c), id, 0)
		if err != nil {
			return err
		}
		for i, p := range m.Version.Words {
			if text, given := texts[p.Code]; given {
				m.Version.Words[i].Text = text
			}
		}
		return s.showEdit(c, http.StatusUnprocessableEntity, m.Memo, fields)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Слова сохранены новой редакцией")
	return web.SeeOther(c, "/memos/%d", id)
}

func (s *Service) refresh(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var form versionForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	if err := s.Refresh(c.Request.Context(), web.Actor(c), id, form.Version); err != nil {
		return err
	}
	web.Flash(c, "Цифры обновлены новой редакцией. Написанное вами осталось")
	return web.SeeOther(c, "/memos/%d", id)
}

type approveForm struct {
	Version int    `form:"version"`
	Number  string `form:"number"`
	On      string `form:"approved_on"`
}

func (s *Service) approve(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var form approveForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	on, err := time.Parse(time.DateOnly, form.On)
	if err != nil {
		on = time.Time{}
	}
	err = s.Approve(c.Request.Context(), web.Actor(c), id, form.Version, form.Number, on)
	if fields := fault.FieldsOf(err); fields != nil {
		return s.showMemo(c, http.StatusUnprocessableEntity, id, 0, form, fields)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Справка утверждена. Теперь её видят координатор и методист муниципалитета")
	return web.SeeOther(c, "/memos/%d", id)
}
