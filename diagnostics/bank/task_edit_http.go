package bank

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

type newView struct {
	Code      string
	Kind      task.Kind
	Codifier  int64
	Codifiers []competency.Codifier
	Errors    map[string]string
}

// Kinds to choose from.
func (newView) Kinds() []task.Kind { return task.Kinds }

func (s *Service) getNew(c *gin.Context) error {
	return s.renderNew(c, http.StatusOK, newView{Kind: task.SingleChoice})
}

func (s *Service) renderNew(c *gin.Context, status int, v newView) error {
	ctx := c.Request.Context()
	err := db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		v.Codifiers, err = competency.CodifiersTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Codifiers) == 1 {
		v.Codifier = v.Codifiers[0].ID
	}
	return newPage.Render(c, status, web.Head{Title: "Новое задание", Nav: "/tasks", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: "Новое задание"}}}, v)
}

func (s *Service) postNew(c *gin.Context) error {
	v := newView{Code: c.PostForm("code"), Kind: task.Kind(c.PostForm("kind"))}
	v.Codifier, _ = strconv.ParseInt(c.PostForm("codifier"), 10, 64)
	id, err := s.Create(c.Request.Context(), web.Actor(c), v.Code, v.Kind, v.Codifier)
	if v.Errors = fault.FieldsOf(err); v.Errors != nil {
		return s.renderNew(c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/tasks/%d/edit", id)
}

// --- the editor

// preview is the task as a teacher will see it, with what is still wrong.
type preview struct {
	Shown  *task.View // nil where the texts cannot be shown
	Faults []task.Fault
	Lint   []task.Fault
}

// Anchor is the form's field that a fault speaks of.
func (preview) Anchor(f task.Fault) string { return formField(f.Field) }

func (s *Service) previewOf(w task.Written, elements []competency.Element) (preview, error) {
	p := preview{Lint: task.Lint(w)}
	p.Faults = append(p.Faults, task.FaultsOf(w.Validate())...)
	p.Faults = append(p.Faults, task.FaultsOf(fits(w.Task, elements))...)
	view, err := task.Render(w.Task, s.tex.Block, s.tex.Line)
	switch faults := task.FaultsOf(err); {
	case faults != nil:
		p.Faults = append(p.Faults, faults...)
	case err != nil:
		return p, err
	default:
		p.Shown = &view
	}
	if _, err := s.tex.Block(w.Solution); err != nil {
		p.Faults = append(p.Faults, task.Fault{Field: "solution", Want: err.Error()})
	}
	return p, nil
}

type editView struct {
	Card     Card
	Form     form
	Preview  preview
	Elements []competency.Element
	Codifier competency.Codifier
	Reviews  []reviewLine
	Errors   map[string]string
}

// Choices of the editor.
func (v editView) Levels() []task.Level    { return task.Levels }
func (v editView) Rules() []task.Scoring   { return v.Form.Kind.Rules() }
func (v editView) Parts() []task.Part      { return []task.Part{task.Subject, task.Methodical} }
func (v editView) RightIDs() []optionRow   { return v.Form.RightRows }
func (v editView) Places() []int           { return seq(len(v.Form.OptionRows)) }
func (v editView) KindLabel() string       { return v.Form.Kind.Label() }
func (v editView) Err(field string) string { return v.Errors[field] }

func seq(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

func (s *Service) getEdit(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	w, card, err := s.Edit(c.Request.Context(), web.Actor(c), id)
	if err != nil {
		return err
	}
	if card.State == InReview {
		return fault.New(fault.Conflict, "Задание на проверке. Поправить его можно, когда рецензент ответит")
	}
	return s.renderEdit(c, http.StatusOK, card, w, nil)
}

func (s *Service) renderEdit(c *gin.Context, status int, card Card, w Working, errors map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := editView{Card: card, Form: formOf(w.Task), Errors: errors}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Codifier, err = competency.CodifierTx(ctx, tx, w.CodifierID); err != nil {
			return err
		}
		if v.Elements, err = competency.ElementsTx(ctx, tx, w.CodifierID); err != nil {
			return err
		}
		v.Reviews, err = s.reviewLinesTx(ctx, tx, actor, card.ID)
		return err
	})
	if err != nil {
		return err
	}
	if v.Preview, err = s.previewOf(w.Task, v.Elements); err != nil {
		return err
	}
	return editPage.Render(c, status, web.Head{Title: "Правка " + card.Code, Nav: "/tasks", Modules: []string{"editor.js"},
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: card.Code, Href: fmt.Sprintf("/tasks/%d", card.ID)}, {Title: "Правка"}}}, v)
}

// posted reads the form of a task that the actor writes.
func (s *Service) posted(c *gin.Context) (Working, Card, error) {
	id, err := web.ID(c, "id")
	if err != nil {
		return Working{}, Card{}, err
	}
	w, card, err := s.Edit(c.Request.Context(), web.Actor(c), id)
	if err != nil {
		return Working{}, Card{}, err
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 2<<20)
	if err := c.Request.ParseForm(); err != nil {
		return Working{}, Card{}, fault.New(fault.TooLarge, "Задание слишком длинное")
	}
	w.Task = readForm(c.Request.PostForm, card.Code, w.Task.Kind)
	return w, card, nil
}

func (s *Service) postEdit(c *gin.Context) error {
	w, card, err := s.posted(c)
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	if err := s.Save(ctx, actor, card.ID, w); err != nil {
		return err
	}
	if c.PostForm("do") != "submit" {
		web.Flash(c, "Черновик сохранён.")
		return web.SeeOther(c, "/tasks/%d/edit", card.ID)
	}
	err = s.Submit(ctx, actor, card.ID)
	if fields := fault.FieldsOf(err); fields != nil {
		return s.renderEdit(c, http.StatusUnprocessableEntity, card, w, fields)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Задание отправлено на проверку. Рецензент увидит его в своём списке.")
	return web.SeeOther(c, "/tasks/%d", card.ID)
}

// postPreview shows the form as a teacher would see it, without keeping it.
func (s *Service) postPreview(c *gin.Context) error {
	w, _, err := s.posted(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	var elements []competency.Element
	err = db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		elements, err = competency.ElementsTx(ctx, tx, w.CodifierID)
		return err
	})
	if err != nil {
		return err
	}
	p, err := s.previewOf(w.Task, elements)
	if err != nil {
		return err
	}
	return previewPage.Render(c, http.StatusOK, web.Head{Title: "Как увидит педагог", Bare: true}, p)
}

func (s *Service) postRetire(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := s.Retire(c.Request.Context(), web.Actor(c), id, c.PostForm("back") == ""); err != nil {
		return err
	}
	return web.SeeOther(c, "/tasks/%d", id)
}

// --- one task
