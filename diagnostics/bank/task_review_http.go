package bank

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// reviewLine is a review with the reviewer's name; without one the account is gone.
type reviewLine struct {
	Review
	Name string
}

func (s *Service) reviewLinesTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, taskID int64) ([]reviewLine, error) {
	reviews, err := reviewsTx(ctx, tx, taskID)
	if err != nil {
		return nil, err
	}
	ids := make([]access.PersonID, len(reviews))
	for i, r := range reviews {
		ids[i] = r.Reviewer
	}
	names, err := people.NamesTx(ctx, tx, actor, "проверка заданий", ids)
	if err != nil {
		return nil, err
	}
	lines := make([]reviewLine, len(reviews))
	for i, r := range reviews {
		lines[i] = reviewLine{r, names[r.Reviewer].Initials()}
	}
	return lines, nil
}

type reviewView struct {
	taskView
	Lint    []task.Fault
	Verdict Verdict
	Comment string
	Errors  map[string]string
	Next    int64 // another task that waits; 0 none
}

// Verdicts to choose from.
func (reviewView) Verdicts() []Verdict { return []Verdict{Approve, Return, Remark} }

func (s *Service) getReview(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	return s.renderReview(c, http.StatusOK, id, reviewView{})
}

func (s *Service) renderReview(c *gin.Context, status int, id int64, form reviewView) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := form
	var w task.Written
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.taskView, w, err = s.taskTx(ctx, tx, actor, id, 0); err != nil {
			return err
		}
		waiting, _, err := s.cardsTx(ctx, tx, actor, Filter{State: string(InReview)})
		for _, other := range waiting {
			if other.ID != id && other.AuthorID != actor.ID {
				v.Next = other.ID
				break
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if v.Card.Version == 0 {
		return fault.New(fault.NotFound, "Задание ещё не отправляли на проверку")
	}
	k, err := s.keyedOf(w, v.Shown)
	if err != nil {
		return err
	}
	v.Keyed, v.Lint = &k, task.Lint(w)
	return reviewPage.Render(c, status, web.Head{Title: "Проверка " + v.Card.Code, Nav: "/tasks",
		Crumbs: []web.Crumb{{Title: "Задания", Href: "/tasks"}, {Title: v.Card.Code, Href: fmt.Sprintf("/tasks/%d", id)}, {Title: "Проверка"}}}, v)
}

func (s *Service) postReview(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.PostForm("version"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "Не сказано, какую версию вы проверили")
	}
	form := reviewView{Verdict: Verdict(c.PostForm("verdict")), Comment: c.PostForm("comment")}
	err = s.Judge(c.Request.Context(), web.Actor(c), version, form.Verdict, form.Comment)
	if form.Errors = fault.FieldsOf(err); form.Errors != nil {
		return s.renderReview(c, http.StatusUnprocessableEntity, id, form)
	}
	if err != nil {
		return err
	}
	switch form.Verdict {
	case Approve:
		web.Flash(c, "Версия утверждена: её можно ставить в варианты.")
	case Return:
		web.Flash(c, "Задание вернулось автору с вашими словами.")
	default:
		web.Flash(c, "Замечание записано.")
	}
	return web.SeeOther(c, "/tasks/%d", id)
}
