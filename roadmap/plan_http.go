package roadmap

import (
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/roadmap/parse"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	plansPage   = web.MustPage[plansView](pages, "pages/plans.html")
	planPage    = web.MustPage[planView](pages, "pages/plan.html", "pages/parts.html")
	itemPage    = web.MustPage[itemView](pages, "pages/item.html", "pages/parts.html")
	importPage  = web.MustPage[importView](pages, "pages/import.html")
	previewPage = web.MustPage[previewView](pages, "pages/preview.html")
	adoptPage   = web.MustPage[adoptView](pages, "pages/adopt.html")
	reportPage  = web.MustPage[planView](pages, "pages/report.html", "pages/parts.html")
)

// Mount adds the pages of the roadmap.
func (s *Service) Mount(r gin.IRouter) {
	read, write, report := web.Need(access.RoadmapRead), web.Need(access.RoadmapWrite), web.Need(access.RoadmapReport)
	r.GET("/roadmap", read, web.Handle(s.showPlans))
	r.GET("/roadmap/import", write, web.Handle(s.showImport))
	r.POST("/roadmap/import", write, web.Handle(s.preview))
	r.POST("/roadmap/import/apply", write, web.Handle(s.apply))
	r.GET("/roadmap/:plan", read, web.Handle(s.showPlan))
	r.GET("/roadmap/:plan/report", read, web.Handle(s.showReport))
	r.GET("/roadmap/:plan/report.xlsx", read, web.Handle(s.downloadReport))
	r.POST("/roadmap/:plan/approval", write, web.Handle(s.approve))
	r.GET("/roadmap/:plan/adopt", write, web.Handle(s.showAdopt))
	r.POST("/roadmap/:plan/adopt", write, web.Handle(s.adopt))
	r.GET("/roadmap/:plan/items/:number", read, web.Handle(s.showItem))
	r.POST("/roadmap/:plan/items/:number/reports", report, web.Handle(s.report))
	r.POST("/roadmap/:plan/items/:number/short", write, web.Handle(s.rename))
	r.POST("/roadmap/:plan/items/:number/indicators", write, web.Handle(s.attach))
	r.POST("/roadmap/:plan/items/:number/indicators/remove", write, web.Handle(s.detach))
}

const nav = "/roadmap"

func href(plan int64) string { return "/roadmap/" + strconv.FormatInt(plan, 10) }

type planLine struct {
	Plan
	Tally
	Share float64
}

type plansView struct {
	Plans []planLine
	Write bool
}

func (s *Service) showPlans(c *gin.Context) error {
	plans, err := s.Plans(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	v := plansView{Write: web.Actor(c).May(access.RoadmapWrite)}
	for _, p := range plans {
		t := p.Tally(p.Sections, day(s.today()))
		v.Plans = append(v.Plans, planLine{p, t, float64(t.Done) / float64(max(t.All-t.Cancelled, 1))})
	}
	return plansPage.Render(c, http.StatusOK, web.Head{Title: "Дорожные карты", Nav: nav}, v)
}

type sectionView struct {
	Section
	Rows []row
	Tally
}

// card shows the figures of one item over the sheet.
type card struct {
	Item    Item
	Figures []Live
}

type planView struct {
	Plan     Plan
	Sections []sectionView
	Cards    []card
	Today    time.Time
	InYear   bool
	TodayAt  string
	Months   []month
	Tally    Tally
	Shown    int
	Filtered bool
	Who      string
	State    State
	Whos     []string
	States   any
	Write    bool
	Report   bool // may the actor report on items
	Href     string
	Query    template.URL // of the filter
	Errors   map[string]string
	Number   string
	On       string
}

func (s *Service) planView(c *gin.Context) (planView, error) {
	id, err := web.ID(c, "plan")
	if err != nil {
		return planView{}, err
	}
	got, err := s.View(c.Request.Context(), web.Actor(c), id, "")
	if err != nil {
		return planView{}, err
	}
	p := got.Plan
	today := s.today()
	sh := sheet{p.Year, day(today)}
	v := planView{Plan: p, Today: today, InYear: today.Year() == p.Year, TodayAt: sh.Today(), Months: sh.Months(),
		Tally: p.Tally(p.Sections, day(today)), Who: c.Query("resp"), State: State(c.Query("state")), Whos: p.Responsibles(), States: States,
		Write: within(web.Actor(c).Scope(access.RoadmapWrite), p), Report: within(web.Actor(c).Scope(access.RoadmapReport), p), Href: href(p.ID), Number: p.ApprovedNumber}
	if p.ApprovedOn != nil {
		v.On = string(day(*p.ApprovedOn))
	}
	for _, l := range got.Live {
		if n := len(v.Cards); n > 0 && v.Cards[n-1].Item.ID == l.Item.ID {
			v.Cards[n-1].Figures = append(v.Cards[n-1].Figures, l)
			continue
		}
		v.Cards = append(v.Cards, card{l.Item, []Live{l}})
	}
	if !slices.Contains(v.Whos, v.Who) {
		v.Who = ""
	}
	if _, known := tags[v.State]; !known {
		v.State = ""
	}
	v.Query = template.URL(url.Values{"resp": {v.Who}, "state": {string(v.State)}}.Encode())
	v.Filtered = v.Who != "" || v.State != ""
	for _, sec := range p.Sections {
		sv := sectionView{Section: sec, Tally: p.Tally([]Section{sec}, day(today))}
		for _, i := range sec.Items {
			r := sh.row(p, i, got.Live)
			if v.Who != "" && !slices.Contains(i.Responsible, v.Who) || v.State != "" && r.State != v.State {
				continue
			}
			sv.Rows = append(sv.Rows, r)
		}
		v.Shown += len(sv.Rows)
		if len(sv.Rows) > 0 {
			v.Sections = append(v.Sections, sv)
		}
	}
	return v, nil
}

func crumbs(p Plan, last string) []web.Crumb {
	out := []web.Crumb{{Title: "Дорожные карты", Href: "/roadmap"}, {Title: p.Name()}}
	if last != "" {
		out[1].Href = href(p.ID)
		out = append(out, web.Crumb{Title: last})
	}
	return out
}

func (s *Service) showPlan(c *gin.Context) error {
	v, err := s.planView(c)
	if err != nil {
		return err
	}
	return v.render(c, http.StatusOK)
}

func (v planView) render(c *gin.Context, code int) error {
	return planPage.Render(c, code, web.Head{Title: "Дорожная карта " + v.Plan.Name(), Nav: nav, Class: "desk wide roadmap", Crumbs: crumbs(v.Plan, "")}, v)
}

func (s *Service) showReport(c *gin.Context) error {
	v, err := s.planView(c)
	if err != nil {
		return err
	}
	return reportPage.Render(c, http.StatusOK, web.Head{Title: "Отчёт: " + v.Plan.Name(), Nav: nav, Class: "desk wide print-wide", Crumbs: crumbs(v.Plan, "Годовой отчёт")}, v)
}

func (s *Service) downloadReport(c *gin.Context) error {
	v, err := s.planView(c)
	if err != nil {
		return err
	}
	body, err := workbook(v)
	if err != nil {
		return err
	}
	return web.Download(c, "Отчёт по дорожной карте "+v.Plan.Name()+".xlsx", web.XLSX, body)
}

func (s *Service) approve(c *gin.Context) error {
	id, err := web.ID(c, "plan")
	if err != nil {
		return err
	}
	number, on := c.PostForm("number"), c.PostForm("on")
	err = s.Approve(c.Request.Context(), web.Actor(c), id, number, on)
	if fields := fault.FieldsOf(err); fields != nil {
		v, err := s.planView(c)
		if err != nil {
			return err
		}
		v.Errors, v.Number, v.On = fields, number, on
		return v.render(c, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Утверждение записано: сроки пересчитаны от него")
	return web.SeeOther(c, "%s", href(id))
}

type itemView struct {
	Plan     Plan
	Row      row
	Section  Section
	Names    map[access.PersonID]string
	Live     []Live
	Free     []Key // indicators that may yet be attached
	Said     any
	Write    bool
	Report   bool // may the actor report on it
	Href     string
	Previous string
	Next     string
	TodayAt  string
	Months   []month
	Today    time.Time
	Form     NewReport
	Short    string
	Errors   map[string]string
}

func (s *Service) itemView(c *gin.Context) (itemView, error) {
	id, err := web.ID(c, "plan")
	if err != nil {
		return itemView{}, err
	}
	got, err := s.View(c.Request.Context(), web.Actor(c), id, c.Param("number"))
	if err != nil {
		return itemView{}, err
	}
	p := got.Plan
	sh := sheet{p.Year, day(s.today())}
	v := itemView{Plan: p, Names: got.Names, Live: got.Live, Said: saidWords,
		Write: within(web.Actor(c).Scope(access.RoadmapWrite), p), Report: within(web.Actor(c).Scope(access.RoadmapReport), p),
		TodayAt: sh.Today(), Months: sh.Months(), Today: s.today(), Form: NewReport{State: SaidGoing}}
	previous := ""
	for _, sec := range p.Sections {
		for _, i := range sec.Items {
			switch {
			case i.Number == c.Param("number"):
				v.Row, v.Section, v.Previous = sh.row(p, i, got.Live), sec, previous
				v.Short, v.Href = i.Short, v.Row.Href
			case previous == v.Row.Number && v.Row.Number != "":
				v.Next = i.Number
			}
			previous = i.Number
		}
	}
	if last, ok := v.Row.Last(); ok && last.State != SaidPostponed {
		v.Form.State = last.State
	}
	for _, k := range s.Keys {
		if !slices.Contains(v.Row.Keys, k.Key) {
			v.Free = append(v.Free, k)
		}
	}
	return v, nil
}

func (v itemView) render(c *gin.Context, code int) error {
	return itemPage.Render(c, code, web.Head{Title: v.Row.Number + " " + v.Row.Short, Nav: nav, Class: "desk roadmap-item", Crumbs: crumbs(v.Plan, "Пункт "+v.Row.Number)}, v)
}

func (s *Service) showItem(c *gin.Context) error {
	v, err := s.itemView(c)
	if err != nil {
		return err
	}
	return v.render(c, http.StatusOK)
}

// change runs a use case on the item of the path, and shows the item again with
// what was wrong, or goes back to it.
func (s *Service) changeItem(c *gin.Context, done string, f func(plan int64, number string) error, keep func(*itemView)) error {
	id, err := web.ID(c, "plan")
	if err != nil {
		return err
	}
	number := c.Param("number")
	err = f(id, number)
	if fields := fault.FieldsOf(err); fields != nil {
		v, err := s.itemView(c)
		if err != nil {
			return err
		}
		v.Errors = fields
		keep(&v)
		return v.render(c, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "%s", done)
	return web.SeeOther(c, "%s/items/%s", href(id), url.PathEscape(number))
}

func (s *Service) report(c *gin.Context) error {
	r := NewReport{State: Said(c.PostForm("state")), Note: c.PostForm("note"), DocumentTitle: c.PostForm("document_title"),
		Document: c.PostForm("document"), Until: c.PostForm("until")}
	return s.changeItem(c, "Записано", func(plan int64, number string) error {
		r.Item = number
		return s.Report(c.Request.Context(), web.Actor(c), plan, r)
	}, func(v *itemView) { v.Form = r })
}

func (s *Service) rename(c *gin.Context) error {
	short := c.PostForm("short")
	return s.changeItem(c, "Короткое название записано", func(plan int64, number string) error {
		return s.Rename(c.Request.Context(), web.Actor(c), plan, map[string]string{number: short})
	}, func(v *itemView) { v.Short = short })
}

func (s *Service) attach(c *gin.Context) error {
	return s.changeItem(c, "Показатель добавлен", func(plan int64, number string) error {
		return s.Attach(c.Request.Context(), web.Actor(c), plan, number, c.PostForm("key"))
	}, func(*itemView) {})
}

func (s *Service) detach(c *gin.Context) error {
	return s.changeItem(c, "Показатель убран", func(plan int64, number string) error {
		return s.Detach(c.Request.Context(), web.Actor(c), plan, number, c.PostForm("key"))
	}, func(*itemView) {})
}

type importView struct {
	Territories []Territory
	Region      bool // may the actor write the region's plan
	Territory   int64
	Year        string
	Errors      map[string]string
	Faults      parse.Faults
}

// owners are those whose plans the actor may write.
func (s *Service) owners(c *gin.Context) (region bool, all []Territory, err error) {
	scope := web.Actor(c).Scope(access.RoadmapWrite)
	every, err := s.territories(c.Request.Context(), web.Actor(c))
	for _, t := range every {
		if scope.Covers(t.ID, 0) {
			all = append(all, t)
		}
	}
	return scope.All, all, err
}

func (s *Service) showImport(c *gin.Context) error {
	return s.renderImport(c, http.StatusOK, importView{})
}

func (s *Service) renderImport(c *gin.Context, code int, v importView) (err error) {
	if v.Region, v.Territories, err = s.owners(c); err != nil {
		return err
	}
	return importPage.Render(c, code, web.Head{Title: "Загрузить дорожную карту", Nav: nav, Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Дорожные карты", Href: "/roadmap"}, {Title: "Загрузить"}}}, v)
}

type previewView struct {
	Plan      parse.Plan
	SHA, Name string
	Year      string
	Territory int64
	Owner     string
	Number    string
	On        string
	Errors    map[string]string
	Items     int
}

const maxUpload = 16 << 20

func (s *Service) preview(c *gin.Context) error {
	name, body, err := web.Upload(c, "file", maxUpload)
	v := importView{Year: strings.TrimSpace(c.PostForm("year"))}
	v.Territory, _ = strconv.ParseInt(c.PostForm("territory"), 10, 64)
	year := 0
	if v.Year != "" {
		var bad error
		if year, bad = strconv.Atoi(v.Year); bad != nil || year < 2000 || year > 2100 {
			err = errors.Join(err, fault.Field("year", "Год: четыре цифры, например 2026"))
		}
	}
	if err != nil {
		if fields := fault.FieldsOf(err); fields != nil {
			v.Errors = fields
			return s.renderImport(c, http.StatusUnprocessableEntity, v)
		}
		return err
	}
	plan, err := s.Preview(Source{Name: name, Body: body, Year: year})
	if faults, ok := errors.AsType[parse.Faults](err); ok {
		v.Faults = faults
		return s.renderImport(c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	sha, err := s.stash(c.Request.Context(), web.Actor(c), body)
	if err != nil {
		return err
	}
	out := previewView{Plan: plan, SHA: sha, Name: name, Year: v.Year, Territory: v.Territory}
	if plan.Approved != nil {
		out.Number, out.On = plan.Approved.Number, string(plan.Approved.Date)
	}
	return s.renderPreview(c, http.StatusOK, out)
}

func (s *Service) renderPreview(c *gin.Context, code int, v previewView) error {
	_, all, err := s.owners(c)
	if err != nil {
		return err
	}
	v.Owner, v.Items = "Регион", v.Plan.Items()
	for _, t := range all {
		if t.ID == v.Territory {
			v.Owner = t.Name
		}
	}
	return previewPage.Render(c, code, web.Head{Title: "Проверьте план перед загрузкой", Nav: nav,
		Crumbs: []web.Crumb{{Title: "Дорожные карты", Href: "/roadmap"}, {Title: "Загрузить", Href: "/roadmap/import"}, {Title: "Проверка"}}}, v)
}

func (s *Service) apply(c *gin.Context) error {
	v := previewView{SHA: c.PostForm("sha"), Name: c.PostForm("name"), Year: c.PostForm("year"), Number: c.PostForm("number"), On: c.PostForm("on")}
	v.Territory, _ = strconv.ParseInt(c.PostForm("territory"), 10, 64)
	year, _ := strconv.Atoi(v.Year)
	body, err := s.stashed(c.Request.Context(), web.Actor(c), v.SHA)
	if err != nil {
		return err
	}
	src := Source{Name: v.Name, Body: body, Year: year, Territory: v.Territory, Typed: true, Number: v.Number, On: v.On}
	id, err := s.Import(c.Request.Context(), web.Actor(c), src)
	if fields := fault.FieldsOf(err); fields != nil {
		v.Errors = fields
		if v.Plan, err = s.Preview(src); err != nil {
			return err
		}
		return s.renderPreview(c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "План загружен")
	return web.SeeOther(c, "%s", href(id))
}

type adoptView struct {
	Plan        Plan
	Items       int
	Year        string
	Territory   int64
	Region      bool
	Territories []Territory
	Title       string
	Number      string
	On          string
	Errors      map[string]string
}

func (s *Service) showAdopt(c *gin.Context) error {
	return s.renderAdopt(c, http.StatusOK, adoptView{Year: itoa(s.today().Year())})
}

func (s *Service) renderAdopt(c *gin.Context, code int, v adoptView) error {
	id, err := web.ID(c, "plan")
	if err != nil {
		return err
	}
	got, err := s.View(c.Request.Context(), web.Actor(c), id, "")
	if err != nil {
		return err
	}
	v.Plan = got.Plan
	v.Items = v.Plan.Tally(v.Plan.Sections, "").All
	if v.Region, v.Territories, err = s.owners(c); err != nil {
		return err
	}
	return adoptPage.Render(c, code, web.Head{Title: "Принять план на другой год", Nav: nav, Main: "page page-read", Crumbs: crumbs(v.Plan, "Копия")}, v)
}

func (s *Service) adopt(c *gin.Context) error {
	id, err := web.ID(c, "plan")
	if err != nil {
		return err
	}
	v := adoptView{Year: c.PostForm("year"), Title: c.PostForm("title"), Number: c.PostForm("number"), On: c.PostForm("on")}
	v.Territory, _ = strconv.ParseInt(c.PostForm("territory"), 10, 64)
	year, _ := strconv.Atoi(strings.TrimSpace(v.Year))
	made, err := s.Adopt(c.Request.Context(), web.Actor(c), id, Adoption{Year: year, Territory: v.Territory, Title: v.Title, Number: v.Number, On: v.On})
	switch {
	case fault.FieldsOf(err) != nil:
		v.Errors = fault.FieldsOf(err)
		return s.renderAdopt(c, http.StatusUnprocessableEntity, v)
	case fault.KindOf(err) == fault.Conflict && err != nil:
		v.Errors = map[string]string{"year": "Такая копия на этот год уже есть"}
		return s.renderAdopt(c, http.StatusUnprocessableEntity, v)
	case err != nil:
		return err
	}
	web.Flash(c, "Копия готова: проверьте сроки и впишите утверждение")
	return web.SeeOther(c, "%s", href(made))
}
