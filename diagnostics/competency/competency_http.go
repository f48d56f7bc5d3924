package competency

import (
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	frameworkPage = web.MustPage[frameworkView](pages, "pages/framework.html")
	codifierPage  = web.MustPage[codifierView](pages, "pages/codifier.html")
	scalePage     = web.MustPage[scaleView](pages, "pages/scale.html")
)

// Mount adds this package's pages; the permission of each is on its line.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/competency", web.Need(access.CompetencyRead), web.Handle(s.getFramework))
	r.GET("/competency/codifiers/:id", web.Need(access.CompetencyRead), web.Handle(s.getCodifier))
	r.GET("/competency/scales/new", web.Need(access.CompetencyManage), web.Handle(s.getNewScale))
	r.POST("/competency/scales", web.Need(access.CompetencyManage), web.Handle(s.postScale))
}

type frameworkView struct {
	Areas     []Area
	Codifiers []Codifier
	Functions []LabourFunction
	Scales    []Scale
	MayManage bool
}

func (s *Service) getFramework(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := frameworkView{MayManage: actor.May(access.CompetencyManage)}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Areas, err = AreasTx(ctx, tx); err != nil {
			return err
		}
		if v.Codifiers, err = CodifiersTx(ctx, tx); err != nil {
			return err
		}
		if v.Functions, err = LabourFunctionsTx(ctx, tx); err != nil {
			return err
		}
		v.Scales, err = ScalesTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return frameworkPage.Render(c, http.StatusOK, web.Head{Title: "Рамка компетенций", Nav: "/competency"}, v)
}

type codifierView struct {
	Codifier Codifier
	Parts    []partView
	Areas    map[string]string
	Links    map[string][]string
	Titles   map[string]string // labour function → title
}

type partView struct {
	Title    string
	Elements []Element
}

func (s *Service) getCodifier(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := codifierView{Areas: map[string]string{}, Titles: map[string]string{}}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Codifier, err = CodifierTx(ctx, tx, id); err != nil {
			return err
		}
		elements, err := ElementsTx(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, part := range []struct{ code, title string }{{"subject", "Предметная часть"}, {"methodical", "Методическая часть"}} {
			p := partView{Title: part.title}
			for _, e := range elements {
				if e.Part == part.code {
					p.Elements = append(p.Elements, e)
				}
			}
			if len(p.Elements) > 0 {
				v.Parts = append(v.Parts, p)
			}
		}
		areas, err := AreasTx(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range areas {
			v.Areas[a.Code] = a.Name
		}
		functions, err := LabourFunctionsTx(ctx, tx)
		if err != nil {
			return err
		}
		for _, f := range functions {
			v.Titles[f.Code] = f.Title
		}
		v.Links, err = elementFunctionsTx(ctx, tx, id)
		return err
	})
	if err != nil {
		return err
	}
	return codifierPage.Render(c, http.StatusOK, web.Head{Title: v.Codifier.Title, Nav: "/competency",
		Crumbs: []web.Crumb{{Title: "Рамка компетенций", Href: "/competency"}, {Title: v.Codifier.Title}}}, v)
}

type scaleForm struct {
	Code     string `form:"code"`
	Title    string `form:"title"`
	Cut      int    `form:"cut"` // percents, as people say them
	High     int    `form:"high"`
	Medium   int    `form:"medium"`
	Low      int    `form:"low"`
	SureNone int    `form:"sure_none"`
	SureYes  int    `form:"sure_yes"`
	MinTasks int    `form:"min_tasks"`
	Rule     string `form:"rule"`
}

type scaleView struct {
	Form   scaleForm
	Known  bool // a new version of a scale that exists
	Errors map[string]string
}

func formOf(sc Scale) scaleForm {
	d := sc.Definition
	percent := func(x float64) int { return int(x*100 + 0.5) }
	return scaleForm{sc.Code, sc.Title, percent(d.Cut), percent(d.Bands[0]), percent(d.Bands[1]), percent(d.Bands[2]),
		percent(d.Sure[0]), percent(d.Sure[1]), d.MinTasks, d.Rule}
}

func (f scaleForm) definition() Definition {
	share := func(percent int) float64 { return float64(percent) / 100 }
	return Definition{Cut: share(f.Cut), Bands: [3]float64{share(f.High), share(f.Medium), share(f.Low)},
		Sure: [2]float64{share(f.SureNone), share(f.SureYes)}, MinTasks: f.MinTasks, Rule: f.Rule}
}

func (s *Service) getNewScale(c *gin.Context) error {
	v := scaleView{Form: scaleForm{Cut: 60, High: 40, Medium: 60, Low: 80, SureNone: 20, SureYes: 80, MinTasks: 2, Rule: RuleShrunk}}
	if code := c.Query("code"); code != "" {
		scales, err := s.Scales(c.Request.Context(), web.Actor(c))
		if err != nil {
			return err
		}
		for _, sc := range scales { // the newest version of a code comes first
			if sc.Code == code {
				v.Form, v.Known = formOf(sc), true
				break
			}
		}
		if !v.Known {
			return fault.New(fault.NotFound, "Такой шкалы нет")
		}
	}
	return s.renderScale(c, http.StatusOK, v)
}

func (s *Service) renderScale(c *gin.Context, status int, v scaleView) error {
	return scalePage.Render(c, status, web.Head{Title: "Шкала", Nav: "/competency", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Рамка компетенций", Href: "/competency"}, {Title: "Шкала"}}}, v)
}

func (s *Service) postScale(c *gin.Context) error {
	var form scaleForm
	if err := web.Bind(c, &form); err != nil {
		return err
	}
	_, err := s.AddScale(c.Request.Context(), web.Actor(c), form.Code, form.Title, form.definition())
	if fields := fault.FieldsOf(err); fields != nil {
		return s.renderScale(c, http.StatusUnprocessableEntity, scaleView{Form: form, Errors: fields})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Шкала сохранена. Прежние версии остались: кампании держат ту, с которой начались.")
	return web.SeeOther(c, "/competency#scales")
}
