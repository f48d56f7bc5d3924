package assembly

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	listPage       = web.MustPage[listView](pages, "pages/list.html")
	newPage        = web.MustPage[newView](pages, "pages/new.html")
	instrumentPage = web.MustPage[instrumentView](pages, "pages/instrument.html")
	specifyPage    = web.MustPage[specifyView](pages, "pages/specify.html")
)

// Mount adds this package's pages; the permission of each is on its line.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/instruments", web.Need(access.TasksRead), web.Handle(s.getList))
	r.GET("/instruments/new", web.Need(access.TasksWrite), web.Handle(s.getNew))
	r.POST("/instruments", web.Need(access.TasksWrite), web.Handle(s.postNew))
	r.GET("/instruments/:id", web.Need(access.TasksRead), web.Handle(s.getInstrument))
	r.GET("/instruments/:id/specification", web.Need(access.TasksWrite), web.Handle(s.getSpecify))
	r.POST("/instruments/:id/specification", web.Need(access.TasksWrite), web.Handle(s.postSpecify))
	r.POST("/instruments/:id/variants", web.Need(access.CampaignsManage), web.Handle(s.postVariant))
}

var crumb = web.Crumb{Title: "Инструменты", Href: "/instruments"}

// --- the list

type listLine struct {
	Instrument
	Minutes  int `db:"minutes"`
	Version  int `db:"version"`
	Tasks    int `db:"tasks"`
	Variants int `db:"variants"`
}

type listView struct {
	Lines    []listLine
	Refs     people.Refs
	MayWrite bool
}

func (s *Service) getList(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := listView{MayWrite: actor.May(access.TasksWrite)}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Refs, err = people.RefsTx(ctx, tx); err != nil {
			return err
		}
		v.Lines, err = db.Select[listLine](ctx, tx, `
			SELECT `+instrumentColumns+`, COALESCE(s.minutes, 0) AS minutes, COALESCE(s.version, 0) AS version,
				(SELECT count(*) FROM specification_row r WHERE r.specification_id = s.id) AS tasks,
				(SELECT count(*) FROM variant v WHERE v.specification_id = s.id) AS variants
			FROM instrument i
			LEFT JOIN LATERAL (SELECT * FROM specification s WHERE s.instrument_id = i.id ORDER BY s.version DESC LIMIT 1) s ON true
			ORDER BY i.title`)
		return err
	})
	if err != nil {
		return err
	}
	return listPage.Render(c, http.StatusOK, web.Head{Title: "Инструменты", Nav: "/instruments"}, v)
}

// --- a new instrument

type newView struct {
	Form      Instrument
	Refs      people.Refs
	Codifiers []competency.Codifier
	Errors    map[string]string
}

func (s *Service) getNew(c *gin.Context) error { return s.renderNew(c, http.StatusOK, newView{}) }

func (s *Service) renderNew(c *gin.Context, status int, v newView) error {
	ctx := c.Request.Context()
	err := db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		if v.Refs, err = people.RefsTx(ctx, tx); err != nil {
			return err
		}
		v.Codifiers, err = competency.CodifiersTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return newPage.Render(c, status, web.Head{Title: "Новый инструмент", Nav: "/instruments", Main: "page page-read", Crumbs: []web.Crumb{crumb, {Title: "Новый"}}}, v)
}

func (s *Service) postNew(c *gin.Context) error {
	v := newView{Form: Instrument{Code: c.PostForm("code"), Title: c.PostForm("title"), About: c.PostForm("about"), Position: c.PostForm("position"), Subject: c.PostForm("subject")}}
	v.Form.CodifierID, _ = strconv.ParseInt(c.PostForm("codifier"), 10, 64) // absent: NewInstrument refuses it
	id, err := s.NewInstrument(c.Request.Context(), web.Actor(c), v.Form)
	if v.Errors = fault.FieldsOf(err); v.Errors != nil {
		return s.renderNew(c, http.StatusUnprocessableEntity, v)
	}
	if fault.KindOf(err) == fault.Conflict {
		v.Errors = map[string]string{"code": "Инструмент с таким кодом уже есть"}
		return s.renderNew(c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/instruments/%d/specification", id)
}

// --- one instrument

// planLine is a row of the blueprint, or a task of a variant, in words.
type planLine struct {
	Position int
	Part     task.Part
	Element  string
	Title    string // of the element
	Kind     task.Kind
	Level    task.Level
	Max      float64 // 0: any
	Minutes  int
	Skill    string
	Code     string // of the task
	TaskID   int64
}

// partTotal adds up one part.
type partTotal struct {
	Part    task.Part
	Tasks   int
	Points  float64
	Minutes int
}

type variantView struct {
	Variant
	Lines  []planLine
	Totals []partTotal
	Shared int // tasks that variant 1 has too
}

// matrixLine counts the rows of one element by level.
type matrixLine struct {
	Element competency.Element
	Levels  map[task.Level]int
	Any     int // rows that leave the level free
	Tasks   int
	Points  float64
}

type conflictView struct {
	Words   []string // of the rows, in order
	Tasks   []string
	Missing int
}

type instrumentView struct {
	Instrument     Instrument
	Codifier       competency.Codifier
	Position       string
	Subject        string
	Specifications []Specification
	Specification  *Specification
	Plan           []planLine
	Matrix         []matrixLine
	Conflicts      []conflictView
	Variants       []variantView
	MayWrite       bool
	MayAssemble    bool
}

// Levels are the columns of the matrix.
func (instrumentView) Levels() []task.Level { return task.Levels }

// Missing is how many tasks the bank lacks in all.
func (v instrumentView) Missing() (n int) {
	for _, c := range v.Conflicts {
		n += c.Missing
	}
	return n
}

// Newest tells whether the newest version of the specification is shown.
func (v instrumentView) Newest() bool {
	return v.Specification != nil && v.Specification.ID == v.Specifications[0].ID
}

func (s *Service) getInstrument(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	version, _ := strconv.Atoi(c.Query("specification")) // absent or odd: the newest
	v := instrumentView{MayWrite: actor.May(access.TasksWrite), MayAssemble: actor.May(access.CampaignsManage)}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error { return s.instrumentTx(ctx, tx, id, version, &v) })
	if err != nil {
		return err
	}
	return instrumentPage.Render(c, http.StatusOK, web.Head{Title: v.Instrument.Title, Nav: "/instruments", Crumbs: []web.Crumb{crumb, {Title: v.Instrument.Title}}}, v)
}

func (s *Service) instrumentTx(ctx context.Context, tx *sqlx.Tx, id int64, version int, v *instrumentView) (err error) {
	if v.Instrument, err = InstrumentTx(ctx, tx, id); err != nil {
		return err
	}
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return err
	}
	v.Position, v.Subject = refs.PositionName(v.Instrument.Position), refs.SubjectName(v.Instrument.Subject)
	if v.Codifier, err = competency.CodifierTx(ctx, tx, v.Instrument.CodifierID); err != nil {
		return err
	}
	if v.Specifications, err = SpecificationsTx(ctx, tx, id); err != nil || len(v.Specifications) == 0 {
		return err
	}
	v.Specification = &v.Specifications[0]
	for i, spec := range v.Specifications {
		if spec.Version == version {
			v.Specification = &v.Specifications[i]
		}
	}
	elements, err := competency.ElementsTx(ctx, tx, v.Instrument.CodifierID)
	if err != nil {
		return err
	}
	title := titles(elements)
	rows, err := RowsTx(ctx, tx, v.Specification.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		v.Plan = append(v.Plan, planLine{Position: r.Position, Part: r.Part, Element: r.Element, Title: title[r.Element], Kind: r.Kind, Level: r.Level, Max: r.Max})
	}
	v.Matrix = matrixOf(rows, elements)
	_, conflicts, err := feasibleTx(ctx, tx, v.Instrument.CodifierID, rows)
	if err != nil {
		return err
	}
	v.Conflicts = conflictsInWords(conflicts, title)
	variants, err := VariantsTx(ctx, tx, v.Specification.ID)
	if err != nil {
		return err
	}
	v.Variants, err = variantsTx(ctx, tx, variants, title)
	return err
}

func titles(elements []competency.Element) map[string]string {
	title := map[string]string{}
	for _, e := range elements {
		title[e.ID] = e.Number + " " + e.Short
	}
	return title
}

func matrixOf(rows []Row, elements []competency.Element) []matrixLine {
	var lines []matrixLine
	for _, e := range elements {
		l := matrixLine{Element: e, Levels: map[task.Level]int{}}
		for _, r := range rows {
			if r.Element == e.ID && r.Part != task.Self {
				if r.Level == "" {
					l.Any++
				} else {
					l.Levels[r.Level]++
				}
				l.Tasks++
				l.Points += r.Max
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func conflictsInWords(conflicts []Conflict, title map[string]string) []conflictView {
	var views []conflictView
	for _, c := range conflicts {
		v := conflictView{Tasks: c.Tasks, Missing: c.Missing()}
		count := map[string]int{}
		for _, r := range c.Rows {
			words := r.Words(func(e string) string { return "«" + title[e] + "»" })
			if count[words]++; count[words] == 1 {
				v.Words = append(v.Words, words)
			}
		}
		for i, words := range v.Words {
			v.Words[i] = fmt.Sprintf("%s: %s", words, web.Plural(count[words], "задание", "задания", "заданий"))
		}
		views = append(views, v)
	}
	return views
}

func variantsTx(ctx context.Context, tx *sqlx.Tx, variants []Variant, title map[string]string) ([]variantView, error) {
	var views []variantView
	first := map[int64]bool{}
	for n, variant := range variants {
		tasks, err := VariantTx(ctx, tx, variant.ID)
		if err != nil {
			return nil, err
		}
		ids := make([]int64, len(tasks))
		for i, t := range tasks {
			ids[i] = t.TaskVersionID
		}
		versions, err := bank.VersionsTx(ctx, tx, ids)
		if err != nil {
			return nil, err
		}
		v := variantView{Variant: variant}
		total := map[task.Part]*partTotal{}
		for _, t := range tasks {
			b := versions[t.TaskVersionID]
			var weights []task.Weight
			for e, w := range b.Elements {
				weights = append(weights, task.Weight{Element: e, Weight: w})
			}
			slices.SortFunc(weights, func(a, b task.Weight) int { return strings.Compare(a.Element, b.Element) })
			main := mainElement(weights)
			v.Lines = append(v.Lines, planLine{Position: t.Position, Part: b.Part, Element: main, Title: title[main], Kind: b.Kind, Level: b.Level,
				Max: b.MaxPoints, Minutes: b.Minutes, Skill: b.Skill, Code: b.Code, TaskID: b.TaskID})
			if total[b.Part] == nil {
				total[b.Part] = &partTotal{Part: b.Part}
			}
			total[b.Part].Tasks++
			total[b.Part].Points += b.MaxPoints
			total[b.Part].Minutes += b.Minutes
			if n == 0 {
				first[t.TaskVersionID] = true
			} else if first[t.TaskVersionID] {
				v.Shared++
			}
		}
		for _, part := range task.Parts {
			if total[part] != nil {
				v.Totals = append(v.Totals, *total[part])
			}
		}
		views = append(views, v)
	}
	return views, nil
}

func (s *Service) postVariant(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	spec, err := strconv.ParseInt(c.PostForm("specification"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "Не сказано, по какой спецификации собирать")
	}
	if _, err := s.AssembleVariant(c.Request.Context(), web.Actor(c), spec); err != nil {
		return err
	}
	web.Flash(c, "Вариант собран. Взяли задания, которые реже стояли в других вариантах.")
	return web.SeeOther(c, "/instruments/%d#variants", id)
}

// --- the specification

type specifyView struct {
	Instrument Instrument
	Minutes    string
	Self       bool
	Parts      []specifyPart
	Checked    bool
	Conflicts  []conflictView
	Rows       int
	Errors     map[string]string
}

type specifyPart struct {
	Title string
	Lines []specifyLine
}

type specifyLine struct {
	Element competency.Element
	Counts  []specifyCount
}

type specifyCount struct {
	Name, Label, Value string
}

// asked are the columns of the form: "" is any level.
var asked = []task.Level{"", task.Basic, task.Advanced, task.High}

func fieldOf(element string, level task.Level) string { return "n|" + element + "|" + string(level) }

func (s *Service) getSpecify(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := specifyView{Minutes: "120", Self: true}
	counts := map[string]string{}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		specs, err := SpecificationsTx(ctx, tx, id)
		if err != nil || len(specs) == 0 {
			return err
		}
		v.Minutes, v.Self = strconv.Itoa(specs[0].Minutes), false
		rows, err := RowsTx(ctx, tx, specs[0].ID)
		if err != nil {
			return err
		}
		n := map[string]int{}
		for _, r := range rows {
			if r.Part == task.Self {
				v.Self = true
				continue
			}
			n[fieldOf(r.Element, r.Level)]++
		}
		for field, k := range n {
			counts[field] = strconv.Itoa(k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderSpecify(c, http.StatusOK, id, v, func(field string) string { return counts[field] })
}

func (s *Service) renderSpecify(c *gin.Context, status int, id int64, v specifyView, value func(field string) string) error {
	ctx := c.Request.Context()
	err := db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		if v.Instrument, err = InstrumentTx(ctx, tx, id); err != nil {
			return err
		}
		elements, err := competency.ElementsTx(ctx, tx, v.Instrument.CodifierID)
		if err != nil {
			return err
		}
		for _, part := range []task.Part{task.Subject, task.Methodical} {
			p := specifyPart{Title: part.Label() + " часть"}
			for _, e := range elements {
				if e.Part != string(part) {
					continue
				}
				line := specifyLine{Element: e}
				for _, level := range asked {
					label := strings.ToLower(level.Label())
					if level == "" {
						label = "любой"
					}
					line.Counts = append(line.Counts, specifyCount{fieldOf(e.ID, level), label, value(fieldOf(e.ID, level))})
				}
				p.Lines = append(p.Lines, line)
			}
			if len(p.Lines) > 0 {
				v.Parts = append(v.Parts, p)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return specifyPage.Render(c, status, web.Head{Title: "Спецификация", Nav: "/instruments",
		Crumbs: []web.Crumb{crumb, {Title: v.Instrument.Title, Href: fmt.Sprintf("/instruments/%d", id)}, {Title: "Спецификация"}}}, v)
}

// postSpecify keeps the specification, or with do=check only tells whether the bank can fill it.
func (s *Service) postSpecify(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := specifyView{Minutes: c.PostForm("minutes"), Self: c.PostForm("self") != ""}
	var rows []Row
	var in Instrument
	var elements []competency.Element
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if in, err = InstrumentTx(ctx, tx, id); err != nil {
			return err
		}
		elements, err = competency.ElementsTx(ctx, tx, in.CodifierID)
		return err
	})
	if err != nil {
		return err
	}
	rows, v.Errors = rowsOf(elements, v.Self, c.PostForm)
	minutes, err := strconv.Atoi(strings.TrimSpace(v.Minutes))
	if err != nil {
		v.Errors["minutes"] = "Время — целое число минут"
	}
	status := http.StatusUnprocessableEntity
	switch {
	case len(v.Errors) > 0:
	case c.PostForm("do") == "check":
		status, v.Checked, v.Rows = http.StatusOK, true, len(rows)
		err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
			_, conflicts, err := feasibleTx(ctx, tx, in.CodifierID, rows)
			v.Conflicts = conflictsInWords(conflicts, titles(elements))
			return err
		})
		if err != nil {
			return err
		}
	default:
		_, err := s.Specify(ctx, actor, id, minutes, rows)
		if err == nil {
			web.Flash(c, "Спецификация сохранена новой версией.")
			return web.SeeOther(c, "/instruments/%d", id)
		}
		if v.Errors = fault.FieldsOf(err); v.Errors == nil {
			return err
		}
	}
	return s.renderSpecify(c, status, id, v, c.PostForm)
}

// rowsOf reads the counts of the form into a blueprint: self-assessment first,
// then element by element, the easier levels first.
func rowsOf(elements []competency.Element, self bool, value func(field string) string) (rows []Row, errors map[string]string) {
	errors = map[string]string{}
	if self {
		for _, e := range elements {
			rows = append(rows, Row{Part: task.Self, Element: e.ID, Kind: task.Likert})
		}
	}
	for _, part := range []task.Part{task.Subject, task.Methodical} {
		for _, e := range elements {
			if e.Part != string(part) {
				continue
			}
			for _, level := range asked {
				field := fieldOf(e.ID, level)
				word := strings.TrimSpace(value(field))
				if word == "" {
					continue
				}
				n, err := strconv.Atoi(word)
				if err != nil || n < 0 || n > 50 {
					errors[field] = fmt.Sprintf("%s: число заданий от 0 до 50", e.Short)
					continue
				}
				for range n {
					rows = append(rows, Row{Part: part, Element: e.ID, Level: level})
				}
			}
		}
	}
	return rows, errors
}
