package bank

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	listPage    = web.MustPage[listView](pages, "pages/list.html")
	newPage     = web.MustPage[newView](pages, "pages/new.html")
	editPage    = web.MustPage[editView](pages, "pages/edit.html", "pages/shown.html", "pages/preview.html")
	previewPage = web.MustPage[preview](pages, "pages/bare.html", "pages/shown.html", "pages/preview.html")
	taskPage    = web.MustPage[taskView](pages, "pages/task.html", "pages/shown.html", "pages/keyed.html")
	reviewPage  = web.MustPage[reviewView](pages, "pages/review.html", "pages/shown.html", "pages/keyed.html")
)

// Mount adds this package's pages; the permission of each is on its line.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/tasks", web.Need(access.TasksRead), web.Handle(s.getList))
	r.GET("/tasks/new", web.Need(access.TasksWrite), web.Handle(s.getNew))
	r.POST("/tasks", web.Need(access.TasksWrite), web.Handle(s.postNew))
	r.GET("/tasks/:id", web.Need(access.TasksRead), web.Handle(s.getTask))
	r.GET("/tasks/:id/edit", web.Need(access.TasksWrite), web.Handle(s.getEdit))
	r.POST("/tasks/:id/edit", web.Need(access.TasksWrite), web.Handle(s.postEdit))
	r.POST("/tasks/:id/preview", web.Need(access.TasksWrite), web.Handle(s.postPreview))
	r.POST("/tasks/:id/retire", web.Need(access.TasksWrite), web.Handle(s.postRetire))
	r.GET("/tasks/:id/review", web.Need(access.TasksReview), web.Handle(s.getReview))
	r.POST("/tasks/:id/review", web.Need(access.TasksReview), web.Handle(s.postReview))
	s.mountImport(r)
}

// --- the list

type listView struct {
	Filter    Filter
	Cards     []Card
	Total     int
	Pages     int
	Counts    map[State]int
	Codifiers []competency.Codifier
	Elements  []competency.Element
	Titles    map[string]string // element → short title
	Query     url.Values
	MayWrite  bool
	MayReview bool
	Me        access.PersonID
}

// Link is the list with one thing changed; the page starts over.
func (v listView) Link(key, value string) string {
	q := url.Values{}
	for k, list := range v.Query {
		if k != "page" {
			q[k] = list
		}
	}
	q.Del(key)
	if value != "" {
		q.Set(key, value)
	}
	if len(q) == 0 {
		return "/tasks"
	}
	return "/tasks?" + q.Encode()
}

// SortLink turns the order by a column, first up, then down.
func (v listView) SortLink(column string) string {
	if v.Filter.Sort == column {
		return v.Link("sort", "-"+column)
	}
	return v.Link("sort", column)
}

// Sorted is the aria-sort of a column.
func (v listView) Sorted(column string) string {
	switch {
	case v.Filter.Sort == column, column == "code" && v.Filter.Sort == "":
		return "ascending"
	case v.Filter.Sort == "-"+column:
		return "descending"
	}
	return "none"
}

// Filtered tells whether anything is narrowed.
func (v listView) Filtered() bool {
	f := v.Filter
	return f.State != "" || f.Part != "" || f.Kind != "" || f.Level != "" || f.Element != "" || f.Codifier != 0 || f.Mine || f.Look || f.Words != ""
}

// Choices of the filters.
func (listView) States() []State      { return States }
func (listView) Parts() []task.Part   { return task.Parts }
func (listView) Kinds() []task.Kind   { return task.Kinds }
func (listView) Levels() []task.Level { return task.Levels }

var formulas = regexp.MustCompile(`\$\$?([^$]+)\$\$?`)

// Snippet is the beginning of a body in one line: without marks, a long formula as "…".
func (c Card) Snippet() string {
	s := formulas.ReplaceAllStringFunc(c.Body, func(f string) string {
		if tex := strings.Trim(f, "$ \n"); !strings.ContainsAny(tex, `\{}^_`) {
			return tex
		}
		return "…"
	})
	s = strings.Join(strings.Fields(strings.NewReplacer("**", "", "[[", "", "]]", "", "|", " ").Replace(s)), " ")
	if runes := []rune(s); len(runes) > 110 {
		return strings.TrimSpace(string(runes[:109])) + "…"
	}
	return s
}

// ElementList are the ids of the elements.
func (c Card) ElementList() []string { return strings.Fields(c.Elements) }

func (s *Service) getList(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := listView{Query: c.Request.URL.Query(), MayWrite: actor.May(access.TasksWrite), MayReview: actor.May(access.TasksReview), Titles: map[string]string{}, Me: actor.ID}
	if err := web.Bind(c, &v.Filter); err != nil {
		return err
	}
	v.Filter.Words = strings.TrimSpace(v.Filter.Words)
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Cards, v.Total, err = s.cardsTx(ctx, tx, actor, v.Filter); err != nil {
			return err
		}
		if v.Counts, err = stateCountsTx(ctx, tx, actor); err != nil {
			return err
		}
		if v.Codifiers, err = competency.CodifiersTx(ctx, tx); err != nil {
			return err
		}
		for _, codifier := range v.Codifiers {
			elements, err := competency.ElementsTx(ctx, tx, codifier.ID)
			if err != nil {
				return err
			}
			for _, e := range elements {
				if v.Titles[e.ID] == "" && (v.Filter.Codifier == 0 || v.Filter.Codifier == codifier.ID) {
					v.Elements = append(v.Elements, e)
				}
				v.Titles[e.ID] = e.Short
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.Pages = (v.Total + perPage - 1) / perPage
	v.Filter.Page = max(v.Filter.Page, 1)
	return listPage.Render(c, http.StatusOK, web.Head{Title: "Задания", Nav: "/tasks"}, v)
}

// --- a new task

// keyed is a task with its key as an author or reviewer reads it.
type keyed struct {
	Written  task.Written
	Solution string // HTML
	Answer   []answerLine
}

// answerLine is one line of a key in words: place and what belongs there, as HTML.
type answerLine struct{ Place, Right string }

func (s *Service) keyedOf(w task.Written, view task.View) (keyed, error) {
	k := keyed{Written: w}
	var err error
	if k.Solution, err = s.tex.Block(w.Solution); err != nil {
		return k, fmt.Errorf("solution of %s: %w", w.ID, err)
	}
	word := map[string]string{}
	for _, list := range [][]task.OptionView{view.Options, view.Left, view.Right} {
		for _, o := range list {
			word[o.ID] = o.HTML
		}
	}
	switch w.Kind {
	case task.SingleChoice, task.MultipleChoice:
		for _, id := range keyList(w) {
			k.Answer = append(k.Answer, answerLine{"", word[id]})
		}
	case task.Ordering:
		for i, id := range keyList(w) {
			k.Answer = append(k.Answer, answerLine{strconv.Itoa(i + 1), word[id]})
		}
	case task.Matching:
		var pairs map[string]string
		if err := json.Unmarshal(w.Key.Answer, &pairs); err != nil {
			return k, fmt.Errorf("key of %s: %w", w.ID, err)
		}
		for _, o := range view.Left {
			k.Answer = append(k.Answer, answerLine{o.HTML, word[pairs[o.ID]]})
		}
	case task.GapChoice:
		var pairs map[string]string
		if err := json.Unmarshal(w.Key.Answer, &pairs); err != nil {
			return k, fmt.Errorf("key of %s: %w", w.ID, err)
		}
		for i, g := range view.Gaps {
			for _, o := range g.Options {
				if o.ID == pairs[g.ID] {
					k.Answer = append(k.Answer, answerLine{fmt.Sprintf("пропуск %d", i+1), o.HTML})
				}
			}
		}
	case task.ShortAnswer:
		var key task.Accepted
		if err := json.Unmarshal(w.Key.Answer, &key); err != nil {
			return k, fmt.Errorf("key of %s: %w", w.ID, err)
		}
		for _, f := range key.Forms {
			k.Answer = append(k.Answer, answerLine{"", escape(f)})
		}
	case task.Numeric:
		var key task.Number
		if err := json.Unmarshal(w.Key.Answer, &key); err != nil {
			return k, fmt.Errorf("key of %s: %w", w.ID, err)
		}
		words := strings.Replace(key.Value, ".", ",", 1)
		if key.Tolerance != "" && key.Tolerance != "0" {
			words += " ± " + strings.Replace(key.Tolerance, ".", ",", 1)
		}
		k.Answer = append(k.Answer, answerLine{"", escape(strings.TrimSpace(words + " " + w.Unit))})
	}
	return k, nil
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;").Replace(s)
}

type taskView struct {
	Card      Card
	Version   Version
	Shown     task.View
	Task      task.Task
	Keyed     *keyed // nil for those who may not see the key
	Versions  []Version
	Changes   []change // from the version before
	Reviews   []reviewLine
	Codifier  competency.Codifier
	Titles    map[string]string
	Author    string
	Mine      bool
	MayReview bool

	Statistics []Statistic // of all versions, the newest campaign first
	MayChoices bool        // the reader may see who chose what, and so the key
	MayQuality bool        // and the whole of a campaign
}

// Stale tells whether an older version is shown.
func (v taskView) Stale() bool { return v.Version.Number != v.Card.Version }

func (s *Service) getTask(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	number, _ := strconv.Atoi(c.Query("version")) // absent or odd: the newest
	var v taskView
	var written task.Written
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		v, written, err = s.taskTx(ctx, tx, actor, id, number)
		return err
	})
	if err != nil {
		return err
	}
	if v.Card.Version == 0 {
		return web.SeeOther(c, "/tasks/%d/edit", id)
	}
	if mayReadKey(actor, v.Card.AuthorID) {
		k, err := s.keyedOf(written, v.Shown)
		if err != nil {
			return err
		}
		v.Keyed = &k
	}
	return taskPage.Render(c, http.StatusOK, web.Head{Title: v.Card.Code, Nav: "/tasks",
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: v.Card.Code}}}, v)
}

// taskTx reads a task for a page: the version of the given number, 0 the newest.
// Where the actor may read keys, the look is journalled.
func (s *Service) taskTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, id int64, number int) (v taskView, w task.Written, err error) {
	if v.Card, err = cardTx(ctx, tx, actor, id); err != nil || v.Card.Version == 0 {
		return v, w, err
	}
	v.Mine, v.MayReview = v.Card.AuthorID == actor.ID, actor.May(access.TasksReview) && v.Card.AuthorID != actor.ID && v.Card.State == InReview
	if v.Versions, err = historyTx(ctx, tx, id); err != nil {
		return v, w, err
	}
	v.Version = v.Versions[0]
	var before *Version
	for i, version := range v.Versions {
		if version.Number == number {
			v.Version = version
		}
		if version.Number == v.Version.Number && i+1 < len(v.Versions) {
			before = &v.Versions[i+1]
		}
	}
	if err := json.Unmarshal(v.Version.Shown, &v.Shown); err != nil {
		return v, w, fmt.Errorf("view of task version %d: %w", v.Version.ID, err)
	}
	ids := []int64{v.Version.ID}
	if before != nil && before.Number < v.Version.Number {
		ids = append(ids, before.ID)
	}
	keyed, err := KeyedTx(ctx, tx, ids)
	if err != nil {
		return v, w, err
	}
	w = keyed[v.Version.ID]
	v.Task = w.Task
	mayKey := mayReadKey(actor, v.Card.AuthorID)
	all := make([]int64, len(v.Versions))
	for i, version := range v.Versions {
		all[i] = version.ID
	}
	if s.links.Statistics != nil {
		if v.Statistics, err = s.links.Statistics(ctx, tx, all); err != nil {
			return v, w, err
		}
	}
	v.MayQuality = actor.Scope(access.QualityRead).All
	v.MayChoices = mayKey || v.MayQuality
	if (mayKey || v.MayChoices && len(v.Statistics) > 0) && !v.Mine {
		if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "key.read", ObjectKind: "task_version", ObjectID: fmt.Sprint(v.Version.ID)}); err != nil {
			return v, w, err
		}
	}
	if v.Reviews, err = s.reviewLinesTx(ctx, tx, actor, id); err != nil {
		return v, w, err
	}
	if v.Codifier, err = competency.CodifierTx(ctx, tx, v.Version.CodifierID); err != nil {
		return v, w, err
	}
	elements, err := competency.ElementsTx(ctx, tx, v.Version.CodifierID)
	if err != nil {
		return v, w, err
	}
	v.Titles = map[string]string{}
	for _, e := range elements {
		v.Titles[e.ID] = e.Number + " " + e.Title
	}
	if len(ids) == 2 {
		v.Changes = changes(keyed[before.ID], w, mayKey, v.Titles)
	}
	names, err := people.NamesTx(ctx, tx, actor, "автор задания", []access.PersonID{v.Card.AuthorID})
	if err != nil {
		return v, w, err
	}
	v.Author = names[v.Card.AuthorID].Initials()
	return v, w, nil
}

// --- review
