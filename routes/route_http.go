package routes

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

var (
	routesPage = web.MustPage[routesView](pages, "pages/routes.html")
	editorPage = web.MustPage[editorView](pages, "pages/editor.html", "pages/parts.html")
	minePage   = web.MustPage[editorView](pages, "pages/mine.html", "pages/parts.html")
	printPage  = web.MustPage[editorView](pages, "pages/print.html", "pages/parts.html")
)

// pageSize is how many routes a page of the list shows: their names are looked up, and each look is journalled.
const pageSize = 50

type stateTab struct {
	State State
	Name  string
	N     int
	On    bool
	Href  string
}

type lineView struct {
	Line
	Name, Territory, Organisation string
}

type routesView struct {
	Tabs          []stateTab
	Campaigns     []option
	Territories   []option
	Organisations []option
	Risk          bool
	State         State
	Lines         []lineView
	Total, From   int
	Previous      string
	Next          string
	MayManage     bool
	Any           bool
	Unshared      string // how many are not shown, and why
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (s *Service) getRoutes(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	f := Filter{State: State(c.Query("state")), Risk: c.Query("risk") == "1", Campaign: number(c.Query("campaign")), Territory: number(c.Query("territory")), Organisation: number(c.Query("organisation"))}
	list, counts, err := s.List(ctx, actor, f)
	if err != nil {
		return err
	}
	page := max(1, int(number(c.Query("page"))))
	from := min((page-1)*pageSize, len(list))
	shown := list[from:min(from+pageSize, len(list))]
	v := routesView{State: f.State, Risk: f.Risk, Total: len(list), From: from, MayManage: actor.May(access.RoutesManage), Any: counts.All > 0}
	if counts.Unshared > 0 {
		v.Unshared = people.UnsharedWords(counts.Unshared)
	}
	link := func(set map[string]string) string {
		q := c.Request.URL.Query()
		q.Del("page")
		for k, x := range set {
			q.Del(k)
			if x != "" {
				q.Set(k, x)
			}
		}
		if len(q) == 0 {
			return "/routes"
		}
		return "/routes?" + q.Encode()
	}
	if page > 1 {
		v.Previous = link(map[string]string{"page": strconv.Itoa(page - 1)})
	}
	if from+len(shown) < len(list) {
		v.Next = link(map[string]string{"page": strconv.Itoa(page + 1)})
	}
	v.Tabs = append(v.Tabs, stateTab{Name: "Все", N: counts.All, On: f.State == "" && !f.Risk, Href: link(map[string]string{"state": "", "risk": ""})})
	for _, st := range States {
		on := !f.Risk && (f.State == st || f.State == Going && (st == Agreed || st == InProgress) || f.State == Finished && (st == Completed || st == PartlyCompleted))
		v.Tabs = append(v.Tabs, stateTab{st, upperFirst(st.Name()), counts.State[st], on, link(map[string]string{"state": string(st), "risk": ""})})
	}
	v.Tabs = append(v.Tabs, stateTab{Name: "Под угрозой", N: counts.Risk, On: f.Risk, Href: link(map[string]string{"state": "", "risk": "1"})})
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		ids := make([]access.PersonID, len(shown))
		for i, l := range shown {
			ids[i] = l.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "список маршрутов", ids)
		if err != nil {
			return err
		}
		for _, l := range shown {
			v.Lines = append(v.Lines, lineView{l, nameOfPerson(names, l.Person), refs.Territory(l.Territory).ShortName, refs.Organisation(l.Organisation).ShortName})
		}
		v.Territories, v.Organisations = places(refs, actor.Scope(access.RoutesRead), f.Territory, f.Organisation)
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for _, x := range campaigns {
			v.Campaigns = append(v.Campaigns, option{fmt.Sprint(x.ID), x.Title, x.ID == f.Campaign})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return routesPage.Render(c, http.StatusOK, web.Head{Title: "Маршруты", Nav: "/routes"}, v)
}

func nameOfPerson(names map[access.PersonID]people.Name, id access.PersonID) string {
	if n, ok := names[id]; ok {
		return n.Full()
	}
	return "имя удалено"
}

// places are the territories and organisations of a scope for a filter; organisations only within one territory.
func places(refs people.Refs, scope access.Scope, territory, organisation int64) (territories, organisations []option) {
	for _, t := range refs.Territories {
		if scope.All || slices.Contains(scope.Territories, t.ID) || slices.ContainsFunc(refs.OrganisationsOf(t.ID), func(o people.Organisation) bool { return slices.Contains(scope.Organisations, o.ID) }) {
			territories = append(territories, option{fmt.Sprint(t.ID), t.ShortName, t.ID == territory})
		}
	}
	for _, o := range refs.Organisations {
		if (territory == 0 && len(territories) == 1 || o.TerritoryID == territory) && scope.Covers(o.TerritoryID, o.ID) && o.Kind != "authority" && o.Kind != "centre" {
			organisations = append(organisations, option{fmt.Sprint(o.ID), o.ShortName, o.ID == organisation})
		}
	}
	return territories, organisations
}

// needView is one deficit beside a route.
type needView struct {
	Element Element
	Need    Need
	Closed  float64 // share of the deficit that the route closes
	Left    string  // why the rest stays open
}

// sure tells whether the diagnostic says, or rather says, that the theme is to be
// strengthened; otherwise it is only worth checking.
func (n needView) sure() bool { return n.Need.Status != "possible" || n.Need.P >= 0.6 }

// Say is how much the theme asks for, in the words of the form.
func (n needView) Say() string {
	switch {
	case n.Need.Status == "possible":
		say, _, _ := results.Verdict(results.Estimate{Status: n.Need.Status, P: n.Need.P})
		return say
	case n.Need.Severity == "high":
		return "в первую очередь"
	case n.Need.Severity == "medium":
		return "стоит укрепить"
	}
	return "немного"
}

// Strengthen lists the needs that are to be strengthened, Check those worth a check only.
func (v editorView) Strengthen() []needView { return v.needs(true) }

// Check lists the needs of which the diagnostic is not sure: they may well be fine.
func (v editorView) Check() []needView { return v.needs(false) }

func (v editorView) needs(sure bool) (list []needView) {
	for _, n := range v.Needs {
		if n.sure() == sure {
			list = append(list, n)
		}
	}
	return list
}

type stepView struct {
	Step
	Programme Programme
	Session   *Session
	Themes    []string
	Progress  Progress
	Done      bool
	Started   bool
	Month     string // heading, where it differs from the step's before
	MayStart  bool   // its first day has come
	Cancelled bool
	Missed    bool // its group began before the teacher could agree
}

// Dates is when the step is.
func (s stepView) Dates() string {
	if s.StartsOn.Equal(s.EndsOn) {
		return calendar.Date(s.StartsOn)
	}
	if s.StartsOn.Month() == s.EndsOn.Month() && s.StartsOn.Year() == s.EndsOn.Year() {
		return fmt.Sprintf("%d–%s", s.StartsOn.Day(), calendar.Date(s.EndsOn))
	}
	return calendar.DayMonth(s.StartsOn) + " – " + calendar.Date(s.EndsOn)
}

type segment struct {
	X, Width, Middle float64
	Hours            int
	Locked           bool
	Done             bool
}

type versionView struct {
	Version
	Name string
}

type editorView struct {
	Route        Route
	Name         string
	Code         string
	Position     string
	Subject      string
	Territory    string
	Organisation string
	Curator      string
	Measured     time.Time
	Needs        []needView
	Unclear      []needView // too little data to plan for
	Steps        []stepView
	Segments     []segment
	HoursShare   float64
	Candidates   []Candidate
	More         []Candidate
	Forbidden    []Programme
	BestSteps    []bestStep
	SameAsBest   bool
	Versions     []versionView
	Next         int64
	Waiting      int
	Query        string
	MayManage    bool
	MayEdit      bool
	Declined     string // the teacher's words
	Errors       map[string]string
	Today        time.Time
	Form         map[string]string
}

type bestStep struct {
	Title string
	Dates string
	Hours int
	New   bool
}

// HoursTotal sums the hours of the steps.
func (v editorView) HoursTotal() int {
	n := 0
	for _, s := range v.Steps {
		n += s.Hours
	}
	return n
}

// CostTotal sums the cost of the steps.
func (v editorView) CostTotal() int {
	n := 0
	for _, s := range v.Steps {
		n += s.Cost
	}
	return n
}

// HoursLeft is what the limit leaves free.
func (v editorView) HoursLeft() int { return int(v.Route.HourLimit()) - v.HoursTotal() }

// CostShare is the part of the money limit spent.
func (v editorView) CostShare() float64 {
	if l := v.Route.CostLimit(); l > 0 {
		return math.Min(1, float64(v.CostTotal())/l)
	}
	return 0
}

func (s *Service) viewTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r Route) (editorView, error) {
	v := editorView{Route: r, Code: r.Teacher().ID, MayManage: actor.May(access.RoutesManage), Today: calendar.Day(s.now()), Form: map[string]string{}}
	v.MayEdit = v.MayManage && r.State.MayBecome(Draft)
	sc, err := s.sceneTx(ctx, tx, r)
	if err != nil {
		return v, err
	}
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return v, err
	}
	v.Position, v.Subject = refs.PositionName(r.Position), refs.SubjectName(r.Subject)
	v.Territory, v.Organisation = refs.Territory(r.Territory).ShortName, refs.Organisation(r.Organisation).ShortName
	versions, err := versionsTx(ctx, tx, r.ID)
	if err != nil {
		return v, err
	}
	ids := []access.PersonID{r.Person, r.Curator}
	for _, x := range versions {
		if x.By != 0 && !slices.Contains(ids, x.By) {
			ids = append(ids, x.By)
		}
	}
	names, err := people.NamesTx(ctx, tx, actor, "работа с маршрутом", ids)
	if err != nil {
		return v, err
	}
	v.Name = nameOfPerson(names, r.Person)
	if r.Curator != 0 {
		v.Curator = nameOfPerson(names, r.Curator)
	}
	for _, x := range versions {
		name := "расчёт"
		if x.By != 0 {
			name = nameOfPerson(names, x.By)
		}
		v.Versions = append(v.Versions, versionView{x, name})
	}
	if r.State == Declined {
		v.Declined = r.Made.Reason
	}

	left := map[string]plan.Uncovered{}
	for _, u := range r.Plan.Route.Uncovered {
		left[u.Element] = u
	}
	planned := r.Teacher().Deficits
	for _, n := range sc.needs {
		if n.MeasuredAt.After(v.Measured) {
			v.Measured = n.MeasuredAt
		}
		x := needView{Element: sc.elements[n.Element], Need: n}
		w, known := planned[n.Element]
		switch {
		case known && w > 0:
			u := left[n.Element]
			x.Closed = 1 - u.Weight/w
			if u.Weight > 1e-9 {
				x.Left = whyLeft(u.Why)
			}
			v.Needs = append(v.Needs, x)
		case n.Status == "insufficient":
			v.Unclear = append(v.Unclear, x)
		}
	}
	slices.SortStableFunc(v.Needs, func(a, b needView) int {
		x, y := planned[a.Need.Element], planned[b.Need.Element]
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(a.Need.Element, b.Need.Element)
	})

	byID, byCode := map[int64]Programme{}, map[string]Programme{}
	for _, g := range sc.programmes {
		byID[g.ID], byCode[g.Code] = g, g
	}
	limit := math.Max(r.HourLimit(), float64(v.sumHours(r)))
	x, month := 0.0, ""
	for _, st := range r.Steps {
		g := byID[st.Programme]
		sv := stepView{Step: st, Programme: g, Session: g.Session(st.Session), Progress: r.Progress[st.Programme], Done: r.Done(st.Programme), Started: r.Started(st.Programme),
			MayStart: !v.Today.Before(st.StartsOn)}
		sv.Missed = !sv.Started && v.Today.After(st.StartsOn) && (r.State == Draft || r.State == Proposed || r.State == Declined)
		sv.Cancelled = sv.Session != nil && sv.Session.CancelledAt != nil
		for _, e := range byGain(st.Closes) {
			if w := planned[e]; w > 0 {
				sv.Themes = append(sv.Themes, fmt.Sprintf("%s: %s", sc.elements[e].Short, web.Pct(st.Closes[e]/w)))
			}
		}
		if m := calendar.Month(st.StartsOn); m != month {
			month, sv.Month = m, upperFirst(m)
		}
		v.Steps = append(v.Steps, sv)
		if limit > 0 {
			w := float64(st.Hours) / limit
			v.Segments = append(v.Segments, segment{x, w, x + w/2, st.Hours, st.Locked || sv.Started, sv.Done})
			x += w
		}
	}
	for _, code := range r.Teacher().Forbidden {
		if g, ok := byCode[code]; ok {
			v.Forbidden = append(v.Forbidden, g)
		}
	}
	v.SameAsBest = r.Plan.BestCoverage() <= r.Plan.Coverage()+0.005
	for _, st := range r.Plan.Best.Steps {
		v.BestSteps = append(v.BestSteps, bestStep{quoted(byCode[st.Programme].Title), calendar.DayMonth(st.Start.Time()), int(st.Hours),
			!slices.ContainsFunc(r.Steps, func(o Step) bool { return o.Code == st.Programme })})
	}
	if v.MayEdit {
		v.Candidates = sc.candidates(r)
		v.Candidates = slices.DeleteFunc(v.Candidates, func(x Candidate) bool { return x.Forbidden })
	}
	return v, nil
}

func (v editorView) sumHours(r Route) int {
	n := 0
	for _, s := range r.Steps {
		n += s.Hours
	}
	return n
}

// shownCandidates is how many candidates stand open; the rest unfold.
const shownCandidates = 6

func (s *Service) getRoute(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	return s.renderEditor(c, id, http.StatusOK, nil)
}

func (s *Service) renderEditor(c *gin.Context, id int64, status int, wrong map[string]string) error {
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
	v.Errors, v.Query = wrong, strings.TrimSpace(c.Query("q"))
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
			fields = map[string]string{"steps": messageOf(err)}
		}
		return s.renderEditor(c, id, http.StatusUnprocessableEntity, fields)
	case fault.Conflict:
		return s.renderEditor(c, id, http.StatusConflict, map[string]string{"steps": messageOf(err)})
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
	e := Edit{Version: f.Version, Do: f.Do, Programme: f.Programme, Session: f.Session, Instead: f.Instead, Cost: -1}
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
	web.Flash(c, "%s. Закроет %s, было %s. Лучший возможный маршрут: %s", didWords(f.Do), web.Pct(r.Plan.Coverage()), web.Pct(before.Plan.Coverage()), web.Pct(r.Plan.BestCoverage()))
	return web.SeeOther(c, "/routes/%d", id)
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
	case "undo":
		return "Последнее изменение отменено"
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
