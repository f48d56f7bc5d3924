package routes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

var proposalPage = web.MustPage[proposalView](pages, "pages/proposal.html", "pages/sorting.html")

func (s *Service) getProposal(c *gin.Context) error {
	return s.renderProposal(c, http.StatusOK, nil)
}

func mark(job int64) string { return fmt.Sprintf("№ %d", job) }

func (s *Service) renderProposal(c *gin.Context, status int, errors map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	v := proposalView{Errors: errors, Sift: siftOf(func(name string) string {
		if x, ok := c.GetPostForm(name); ok {
			return x
		}
		return c.Query(name)
	})}
	if v.Job, v.Working, err = s.ProposalWork(ctx, actor, id); err != nil {
		return err
	}
	head := web.Head{Title: "Предложение маршрутов", Nav: "/routes", Main: "page stack", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить", Href: "/routes/propose"}, {Title: mark(id)}}}
	v.Stopping = v.Working.Stopping(v.Job, time.Now())
	if v.Job.State == "queued" || v.Job.State == "running" || v.Stopping {
		v.Percent, head.Live = int(100*v.Working.Part), true
		return proposalPage.Render(c, status, head, v)
	}
	drafts := number(c.Query("drafts"))
	if drafts == 0 { // whoever left the page finds the work going on
		if drafts, err = s.draftingOf(ctx, actor, id); err != nil {
			return err
		}
	}
	if drafts > 0 {
		st, err := s.DraftingState(ctx, actor, drafts)
		if err != nil {
			return err
		}
		if head.Live = st.State == "queued" || st.State == "running"; head.Live {
			v.Drafting = &st
			if st.Total > 0 {
				v.Percent = 100 * st.Progress / st.Total
			}
			return proposalPage.Render(c, status, head, v)
		}
		if st.Result != nil {
			var made Applied
			if err := json.Unmarshal([]byte(*st.Result), &made); err != nil {
				return fmt.Errorf("drafts %d: %w", drafts, err)
			}
			if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
				v.Drafted, err = s.told(ctx, tx, actor, made)
				return err
			}); err != nil {
				return err
			}
		}
		if st.State == "failed" {
			v.Errors = map[string]string{"": "Черновики не создались: что-то помешало, и ничего не изменилось. Попробуйте ещё раз"}
		}
	}
	if _, v.Proposal, err = s.ProposalState(ctx, actor, id); err != nil {
		return err
	}
	if v.Proposal == nil {
		return proposalPage.Render(c, status, head, v)
	}
	var ticked []string // nil: everybody
	if c.PostForm("do") == "some" {
		ticked = c.PostFormArray("code")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error { return s.fillProposalTx(ctx, tx, actor, &v, ticked) })
	if err != nil {
		return err
	}
	return proposalPage.Render(c, status, head, v)
}

// manyDrafts is how many drafts are made while the page waits; more are made in the background.
const manyDrafts = 40

// postProposalApply makes the drafts of everybody, or of those ticked.
func (s *Service) postProposalApply(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	_, p, err := s.ProposalState(ctx, actor, id)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Conflict, "Расчёт ещё не закончен")
	}
	f := siftOf(c.PostForm)
	if c.PostForm("do") == "some" {
		some := p.Only(c.PostFormArray("code"))
		if len(some.People) == 0 {
			return s.renderProposal(c, http.StatusUnprocessableEntity, map[string]string{"people": "Отметьте хотя бы одного педагога"})
		}
		p = &some
	} else if f.Narrow() {
		some, err := s.Sifted(ctx, actor, *p, f)
		if err != nil {
			return err
		}
		p = &some
	}
	back := f.address(fmt.Sprintf("/routes/propose/%d", id))
	if len(p.People) > manyDrafts {
		var only []string
		if f.Narrow() {
			for _, r := range p.People {
				only = append(only, r.Code)
			}
		}
		drafts, err := s.AskApply(ctx, actor, id, only)
		if err != nil {
			return err
		}
		return web.SeeOther(c, "/routes/propose/%d?drafts=%d", id, drafts)
	}
	a, err := s.ApplyProposal(ctx, actor, *p, mark(id))
	if fault.KindOf(err) == fault.Conflict {
		return s.renderProposal(c, http.StatusConflict, map[string]string{"": messageOf(err)})
	}
	if err != nil {
		return err
	}
	var words string
	if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		words, err = s.told(ctx, tx, actor, a)
		return err
	}); err != nil {
		return err
	}
	web.Flash(c, "%s", words)
	return web.SeeOther(c, "%s", back)
}

// getProposalBook gives the people of a proposal that the page shows, all its pages, as a workbook.
func (s *Service) getProposalBook(c *gin.Context) error {
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	body, err := s.ProposalBook(c.Request.Context(), web.Actor(c), id, siftOf(c.Query))
	if err != nil {
		return err
	}
	return web.Download(c, "Предложение маршрутов, расчёт "+mark(id)+", "+s.now().In(calendar.Zone).Format(time.DateOnly)+".xlsx", web.XLSX, body)
}

func (s *Service) postProposalCancel(c *gin.Context) error {
	id, err := web.ID(c, "job")
	if err == nil {
		err = s.CancelProposal(c.Request.Context(), web.Actor(c), id)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/routes/propose/%d", id)
}

func (s *Service) postProposalUndo(c *gin.Context) error {
	id, err := web.ID(c, "job")
	if err != nil {
		return err
	}
	if _, _, err := s.ProposalState(c.Request.Context(), web.Actor(c), id); err != nil {
		return err
	}
	n, err := s.UndoProposal(c.Request.Context(), web.Actor(c), mark(id))
	if err != nil {
		return err
	}
	web.Flash(c, "Отменено: %s. Те, что вы уже меняли или предложили, остались", web.Plural(n, "черновик", "черновика", "черновиков"))
	return web.SeeOther(c, "/routes/propose/%d", id)
}
