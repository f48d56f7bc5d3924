package routes

import (
	"cmp"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	programmesPage = web.MustPage[programmesView](pages, "pages/programmes.html")
	programmePage  = web.MustPage[programmeView](pages, "pages/programme.html")
	importPage     = web.MustPage[importView](pages, "pages/import.html")
)

// Mount adds this package's pages; the permission of each is on its line.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/programmes", web.Need(access.ProgrammesRead), web.Handle(s.getProgrammes))
	r.GET("/programmes/import", web.Need(access.ProgrammesManage), web.Handle(s.getImport))
	r.POST("/programmes/import", web.Need(access.ProgrammesManage), web.Handle(s.postImport))
	r.POST("/programmes/import/apply", web.Need(access.ProgrammesManage), web.Handle(s.postImportApply))
	r.GET("/programmes/template.xlsx", web.Need(access.ProgrammesManage), web.Handle(s.getTemplate))
	r.GET("/programmes/:id", web.Need(access.ProgrammesRead), web.Handle(s.getProgramme))

	r.GET("/routes", web.Need(access.RoutesRead), web.Handle(s.getRoutes))
	r.GET("/routes.xlsx", web.Need(access.RoutesRead), web.Handle(s.getRoutesBook))
	r.GET("/routes/propose", web.Need(access.RoutesManage), web.Handle(s.getPropose))
	r.POST("/routes/propose", web.Need(access.RoutesManage), web.Handle(s.postPropose))
	r.POST("/routes/propose/one", web.Need(access.RoutesManage), web.Handle(s.postProposeOne))
	r.GET("/routes/propose/:job", web.Need(access.RoutesManage), web.Handle(s.getProposal))
	r.GET("/routes/propose/:job/people.xlsx", web.Need(access.RoutesManage), web.Handle(s.getProposalBook))
	r.POST("/routes/propose/:job/apply", web.Need(access.RoutesManage), web.Handle(s.postProposalApply))
	r.POST("/routes/propose/:job/cancel", web.Need(access.RoutesManage), web.Handle(s.postProposalCancel))
	r.POST("/routes/propose/:job/undo", web.Need(access.RoutesManage), web.Handle(s.postProposalUndo))
	r.GET("/routes/demand", web.Need(access.RoutesRead), web.Handle(s.getDemand))
	r.GET("/routes/demand.xlsx", web.Need(access.RoutesRead), web.Handle(s.getDemandBook))
	r.GET("/routes/what-if", web.Need(access.RoutesRead), web.Handle(s.getWhatIf))
	r.GET("/routes/outdated", web.Need(access.RoutesManage), web.Handle(s.getOutdated))
	r.POST("/routes/outdated", web.Need(access.RoutesManage), web.Handle(s.postOutdated))
	r.GET("/routes/offer", web.Need(access.RoutesManage), web.Handle(s.getOffer))
	r.GET("/routes/offers", web.Need(access.RoutesManage), web.Handle(s.getOffers))
	r.POST("/routes/offers", web.Need(access.RoutesManage), web.Handle(s.postOffers))
	r.GET("/routes/offers/:id", web.Need(access.RoutesManage), web.Handle(s.getOffered))
	r.POST("/routes/offers/:id/back", web.Need(access.RoutesManage), web.Handle(s.postTakeBack))
	r.GET("/routes/:id", web.Need(access.RoutesRead), web.Handle(s.getRoute))
	r.GET("/routes/:id/print", web.Need(access.RoutesRead), web.Handle(s.getPrint))
	r.GET("/routes/:id/replan", web.Need(access.RoutesManage), web.Handle(s.getReplan))
	r.POST("/routes/:id/edit", web.Need(access.RoutesManage), web.Handle(s.postEdit))
	r.POST("/routes/:id/propose", web.Need(access.RoutesManage), web.Handle(s.postOffer))
	r.POST("/routes/:id/cancel", web.Need(access.RoutesManage), web.Handle(s.postCancel))
	r.POST("/routes/:id/complete", web.Need(access.RoutesManage), web.Handle(s.postComplete))
	r.POST("/routes/:id/steps", web.Need(access.RoutesManage), web.Handle(s.postStep))

	r.GET("/route", web.SignedIn(), web.Handle(s.getOwn))
	r.GET("/route/print", web.SignedIn(), web.Handle(s.getOwnPrint))
	r.POST("/route/agree", web.SignedIn(), web.Handle(s.postAgree))
	r.POST("/route/decline", web.SignedIn(), web.Handle(s.postDecline))
	r.POST("/route/steps", web.SignedIn(), web.Handle(s.postOwnStep))
}

type option struct {
	Value, Name string
	On          bool
}

type programmeLine struct {
	Programme
	Themes    []string
	Next      *Session
	FreeSeats int
	AllSeats  int
}

type programmesView struct {
	Query                                  string
	Kinds, Positions, Elements, Forms, For []option
	Hours                                  string
	Free                                   bool
	Sort                                   string
	Lines                                  []programmeLine
	All                                    int
	MayManage                              bool
}

func optionsOf(list []word, on string) []option {
	out := []option{}
	for _, w := range list {
		out = append(out, option{w.Code, w.Name, w.Code == on})
	}
	return out
}

func (s *Service) getProgrammes(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	today := calendar.Day(s.now())
	v := programmesView{Query: strings.TrimSpace(c.Query("q")), Hours: c.Query("hours"), Free: c.Query("free") == "1", Sort: c.DefaultQuery("sort", "code"),
		Kinds: optionsOf(kinds, c.Query("kind")), Forms: optionsOf(forms, c.Query("form")), MayManage: actor.May(access.ProgrammesManage)}
	var list []Programme
	var elements map[string]Element
	var refs people.Refs
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if list, err = programmesTx(ctx, tx, nil); err != nil {
			return err
		}
		if elements, err = elementsTx(ctx, tx); err != nil {
			return err
		}
		refs, err = people.RefsTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	used, positions := map[string]bool{}, map[string]bool{}
	limit, _ := strconv.Atoi(v.Hours)
	for _, p := range list {
		line := programmeLine{Programme: p}
		for _, x := range p.Covers {
			used[x.Element] = true
			line.Themes = append(line.Themes, fmt.Sprintf("%s, %s", elements[x.Element].Short, web.Pct(x.Share)))
		}
		for _, x := range p.Positions {
			positions[x] = true
		}
		for i := range p.Sessions {
			if x := &p.Sessions[i]; x.CancelledAt == nil && !x.StartsOn.Before(today) && (line.Next == nil || line.Next.Free() == 0) {
				line.Next = x
			}
		}
		line.AllSeats, line.FreeSeats = p.Seats(today)
		if v.Query != "" && !strings.Contains(fold(p.Title+" "+p.Code+" "+p.Provider), fold(v.Query)) ||
			c.Query("kind") != "" && p.Kind != c.Query("kind") || c.Query("form") != "" && p.Form != c.Query("form") ||
			c.Query("position") != "" && len(p.Positions) > 0 && !slices.Contains(p.Positions, c.Query("position")) ||
			c.Query("element") != "" && !slices.ContainsFunc(p.Covers, func(x Cover) bool { return x.Element == c.Query("element") }) ||
			limit > 0 && p.Hours > limit || v.Free && line.FreeSeats == 0 {
			continue
		}
		v.Lines = append(v.Lines, line)
	}
	v.All = len(list)
	slices.SortStableFunc(v.Lines, func(a, b programmeLine) int {
		switch v.Sort {
		case "hours":
			return a.Hours - b.Hours
		case "cost":
			return a.Cost - b.Cost
		case "free":
			return b.FreeSeats - a.FreeSeats
		case "next":
			far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			x, y := far, far
			if a.Next != nil {
				x = a.Next.StartsOn
			}
			if b.Next != nil {
				y = b.Next.StartsOn
			}
			return x.Compare(y)
		case "title":
			return strings.Compare(a.Title, b.Title)
		}
		return strings.Compare(a.Code, b.Code)
	})
	for _, x := range refs.Positions {
		if positions[x.Code] {
			v.Positions = append(v.Positions, option{x.Code, upperFirst(x.Name), x.Code == c.Query("position")})
		}
	}
	ids := []Element{}
	for id := range used {
		ids = append(ids, elements[id])
	}
	slices.SortFunc(ids, func(a, b Element) int {
		return cmp.Or(cmp.Compare(a.CodifierID, b.CodifierID), cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID))
	})
	for _, e := range ids {
		v.Elements = append(v.Elements, option{e.ID, e.Number + " " + e.Short, e.ID == c.Query("element")})
	}
	return programmesPage.Render(c, http.StatusOK, web.Head{Title: "Программы", Nav: "/programmes"}, v)
}

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "ё", "е") }

func upperFirst(s string) string {
	for i, c := range s {
		return strings.ToUpper(string(c)) + s[i+len(string(c)):]
	}
	return s
}

type programmeView struct {
	Programme Programme
	Covers    []coverView
	Positions []string
	Subjects  []string
	Requires  []Programme
	Group     []Programme
	Sessions  []sessionView
}

type coverView struct {
	Element Element
	Cover   Cover
}

type sessionView struct {
	Session
	Past bool
}

func (s *Service) getProgramme(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	today := calendar.Day(s.now())
	var v programmeView
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		list, err := programmesTx(ctx, tx, []int64{id})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fault.New(fault.NotFound, "Такой программы нет")
		}
		v.Programme = list[0]
		all, err := programmesTx(ctx, tx, nil)
		if err != nil {
			return err
		}
		elements, err := elementsTx(ctx, tx)
		if err != nil {
			return err
		}
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		p := v.Programme
		for _, x := range p.Covers {
			v.Covers = append(v.Covers, coverView{elements[x.Element], x})
		}
		for _, x := range p.Positions {
			v.Positions = append(v.Positions, refs.PositionName(x))
		}
		for _, x := range p.Subjects {
			v.Subjects = append(v.Subjects, refs.SubjectName(x))
		}
		for _, o := range all {
			if slices.Contains(p.Requires, o.Code) {
				v.Requires = append(v.Requires, o)
			}
			if p.Equivalents != "" && o.Equivalents == p.Equivalents && o.ID != p.ID {
				v.Group = append(v.Group, o)
			}
		}
		for _, x := range p.Sessions {
			v.Sessions = append(v.Sessions, sessionView{x, x.StartsOn.Before(today)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return programmePage.Render(c, http.StatusOK, web.Head{Title: v.Programme.Title, Nav: "/programmes",
		Crumbs: []web.Crumb{{Title: "Программы", Href: "/programmes"}, {Title: v.Programme.Code}}}, v)
}

type importView struct {
	Errors map[string]string
	File   string // sha of the workbook read, when it may be applied
	Name   string
	Import *Import
}

// maxWorkbook is the largest workbook taken, in bytes.
const maxWorkbook = 10 << 20

func importHead() web.Head {
	return web.Head{Title: "Загрузка программ", Nav: "/programmes", Main: "page page-read", Crumbs: []web.Crumb{{Title: "Программы", Href: "/programmes"}, {Title: "Загрузка"}}}
}

func (s *Service) getImport(c *gin.Context) error {
	return importPage.Render(c, http.StatusOK, importHead(), importView{})
}

func (s *Service) postImport(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	name, body, err := web.Upload(c, "file", maxWorkbook)
	var report Import
	if err == nil {
		report, err = s.ImportProgrammes(ctx, actor, body, true)
	}
	if fault.KindOf(err) == fault.Invalid {
		return importPage.Render(c, http.StatusUnprocessableEntity, importHead(), importView{Errors: fault.FieldsOf(err)})
	}
	if err != nil {
		return err
	}
	v := importView{Name: name, Import: &report}
	if len(report.Faults) > 0 {
		return importPage.Render(c, http.StatusUnprocessableEntity, importHead(), v)
	}
	if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		v.File, err = files.PutTx(ctx, tx, web.XLSX, body)
		return err
	}); err != nil {
		return err
	}
	return importPage.Render(c, http.StatusOK, importHead(), v)
}

func (s *Service) postImportApply(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	var f files.File
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		f, err = files.GetTx(ctx, tx, c.PostForm("file"))
		return err
	})
	if err != nil {
		return err
	}
	report, err := s.ImportProgrammes(ctx, actor, f.Body, false)
	if err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return importPage.Render(c, http.StatusUnprocessableEntity, importHead(), importView{Import: &report})
	}
	web.Flash(c, "Каталог обновлён: новых программ %d, изменено %d, без изменений %d", len(report.New), len(report.Changed), report.Same)
	return web.SeeOther(c, "/programmes")
}

func (s *Service) getTemplate(c *gin.Context) error {
	return web.Download(c, "Программы, образец.xlsx", web.XLSX, SampleCatalogue)
}
