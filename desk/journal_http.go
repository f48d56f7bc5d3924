package desk

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/web"
)

var (
	journalPage = web.MustPage[journalView](pages, "pages/journal.html")
	jobPage     = web.MustPage[jobs.State](pages, "pages/job.html")
)

const journalRows = 100

type journalLine struct {
	audit.Line
	What string // the action in words
	On   string // what it was done to
}

type journalView struct {
	Lines  []journalLine
	Action string
	Next   int64 // id to go on before; 0 at the end
	Broken []audit.Breach
	Sealed int
}

// Known tells whether the action is one of the filter's.
func (v journalView) Known() bool { return actionWord(v.Action) != v.Action }

// Choices are the actions to choose from.
func (v journalView) Choices() any { return actions }

func (s *Service) getJournal(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64)
	v := journalView{Action: c.Query("action")}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		lines, err := audit.LinesTx(ctx, tx, before, v.Action, journalRows)
		if err != nil {
			return err
		}
		for _, l := range lines {
			v.Lines = append(v.Lines, journalLine{l, actionWord(l.Action), objectWord(l.ObjectKind, l.ObjectID)})
		}
		v.Broken, v.Sealed, err = audit.Verify(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Lines) == journalRows {
		v.Next = v.Lines[len(v.Lines)-1].ID
	}
	return journalPage.Render(c, http.StatusOK, web.Head{Title: "Журнал", Nav: "/journal"}, v)
}

// getJob shows how far a job is, to the one who asked for it.
func (s *Service) getJob(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	var st jobs.State
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		st, err = jobs.StateTx(ctx, tx, id)
		return err
	})
	if err != nil {
		return err
	}
	if st.Actor != actor.ID && !actor.May(access.JournalRead) {
		return fault.New(fault.NotFound, "Такой работы нет")
	}
	if next := c.Query("next"); st.State == "done" && next != "" {
		return web.SeeOther(c, "%s", web.Next(next, "/"))
	}
	going := st.State == "queued" || st.State == "running"
	return jobPage.Render(c, http.StatusOK, web.Head{Title: "Ход работы", Main: "page page-read", Live: going}, st)
}
