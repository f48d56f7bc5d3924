package routes

import (
	"context"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
)

// Tick is what a teacher or a methodist says of a step.
type Tick struct {
	Programme int64
	What      string // started, done, undone
	Document  string // number and date of the document, for done
	Note      string
	FileType  string
	File      []byte // a scan of the document, if any
}

// TickOwn ticks a step of the actor's own route; the first one sets the route going.
func (s *Service) TickOwn(ctx context.Context, actor access.Actor, t Tick) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := ownTx(ctx, tx, actor, true)
		if err != nil {
			return err
		}
		return s.tickTx(ctx, tx, actor, r, t)
	})
}

// TickFor ticks a step for the teacher.
func (s *Service) TickFor(ctx context.Context, actor access.Actor, id int64, t Tick) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), true)
		if err != nil {
			return err
		}
		return s.tickTx(ctx, tx, actor, r, t)
	})
}

func (s *Service) tickTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r Route, t Tick) error {
	if err := r.refuseMove(InProgress); err != nil {
		return err
	}
	i := slices.IndexFunc(r.Steps, func(st Step) bool { return st.Programme == t.Programme })
	if i < 0 {
		return fault.New(fault.NotFound, "Такого шага в маршруте нет")
	}
	step := r.Steps[i]
	p := Progress{Programme: t.Programme, What: t.What, Document: strings.TrimSpace(t.Document), Note: strings.TrimSpace(t.Note), By: actor.ID, At: s.now()}
	switch t.What {
	case "started":
		if calendar.Day(s.now()).Before(step.StartsOn) {
			return fault.Field("step", "Шаг начинается %s: отметить начало можно с этого дня", calendar.Date(step.StartsOn))
		}
	case "done":
		if calendar.Day(s.now()).Before(step.StartsOn) {
			return fault.Field("step", "Шаг начинается %s: отметить его сделанным можно, когда он начнётся", calendar.Date(step.StartsOn))
		}
		if p.Document == "" && len(t.File) == 0 {
			return fault.Field("document", "Назовите документ (вид, номер, дату) или приложите его снимок")
		}
		if len(t.File) > 0 {
			if !slices.Contains([]string{"application/pdf", "image/jpeg", "image/png"}, t.FileType) {
				return fault.Field("file", "Приложите PDF, JPEG или PNG")
			}
			sha, err := files.PutTx(ctx, tx, t.FileType, t.File)
			if err != nil {
				return err
			}
			p.File = &sha
		}
	case "undone":
		if !r.Started(t.Programme) {
			return fault.New(fault.Conflict, "Шаг и так не отмечен")
		}
	default:
		return fault.New(fault.Invalid, "Неизвестная отметка")
	}
	if err := progressTx(ctx, tx, r.ID, p); err != nil {
		return err
	}
	reason := map[string]string{"started": "Начат шаг ", "done": "Пройден шаг ", "undone": "Снята отметка с шага "}[t.What] + step.Code
	return s.changeTx(ctx, tx, actor, &r, r.Content, InProgress, "route.step_"+t.What, reason)
}
