package routes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Route shows a route to staff; the look is written into the journal.
func (s *Service) Route(ctx context.Context, actor access.Actor, id int64) (Route, error) {
	var r Route
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if r, err = routeTx(ctx, tx, id, actor.Scope(access.RoutesRead), false); err != nil {
			return err
		}
		return s.lookTx(ctx, tx, actor, r)
	})
	return r, err
}

func (s *Service) lookTx(ctx context.Context, tx db.Q, actor access.Actor, r Route) error {
	if actor.Is(r.Person) || actor.IsSystem() {
		return nil
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "route.read", ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: "работа с маршрутом"})
}

// changeTx makes the next version of a route and tells the journal.
func (s *Service) changeTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r *Route, c Content, to State, action, reason string) error {
	if err := r.refuseMove(to); err != nil {
		return err
	}
	if err := versionTx(ctx, tx, r, c, to, reason, actor.ID, s.now()); err != nil {
		return err
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: reason,
		Details: map[string]any{"version": r.Version, "state": string(to)}})
}

// Propose hands a draft to the teacher.
func (s *Service) Propose(ctx context.Context, actor access.Actor, id int64) error {
	return s.moveTo(ctx, actor, id, Proposed, "route.proposed", "Предложен педагогу")
}

// Cancel ends a route that will not be gone.
func (s *Service) Cancel(ctx context.Context, actor access.Actor, id int64, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Field("reason", "Напишите, почему маршрут отменяется")
	}
	return s.moveTo(ctx, actor, id, Cancelled, "route.cancelled", strings.TrimSpace(reason))
}

// Complete closes a route: wholly when every step is done, else in part.
func (s *Service) Complete(ctx context.Context, actor access.Actor, id int64, note string) error {
	return s.moveTo(ctx, actor, id, Completed, "route.completed", strings.TrimSpace(note))
}

func (s *Service) moveTo(ctx context.Context, actor access.Actor, id int64, to State, action, reason string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), true)
		if err != nil {
			return err
		}
		switch to {
		case Proposed:
			if len(r.Steps) == 0 {
				return fault.New(fault.Conflict, "В маршруте нет ни одного шага: предлагать нечего")
			}
			for _, st := range r.Steps {
				if !r.Started(st.Programme) && st.StartsOn.Before(calendar.Day(s.now())) {
					return fault.New(fault.Conflict, "Шаг %s начался %s. Пересчитайте маршрут или замените шаг", st.Code, calendar.Date(st.StartsOn))
				}
			}
		case Completed:
			if r.StepsDone() < len(r.Steps) {
				to = PartlyCompleted
			}
			if reason == "" {
				reason = "Маршрут завершён"
			}
		}
		return s.changeTx(ctx, tx, actor, &r, r.Content, to, action, reason)
	})
}

// Agree is the teacher's yes to a proposed version.
func (s *Service) Agree(ctx context.Context, actor access.Actor, version int) error {
	return s.answer(ctx, actor, version, Agreed, "route.agreed", "Педагог согласен")
}

// Decline is the teacher's no, with what they want changed.
func (s *Service) Decline(ctx context.Context, actor access.Actor, version int, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return fault.Field("reason", "Напишите, что изменить: методист увидит ваши слова")
	}
	if len(reason) > 4000 {
		return fault.Field("reason", "Слишком длинно: до 2000 знаков")
	}
	return s.answer(ctx, actor, version, Declined, "route.declined", reason)
}

func (s *Service) answer(ctx context.Context, actor access.Actor, version int, to State, action, reason string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := ownTx(ctx, tx, actor, true)
		if err != nil {
			return err
		}
		// The button pressed twice: the answer made the next version itself.
		if r.State == to && r.Version == version+1 {
			return nil
		}
		if r.Version != version {
			return fault.New(fault.Conflict, "Методист изменил маршрут, пока вы читали. Посмотрите новую версию")
		}
		return s.changeTx(ctx, tx, actor, &r, r.Content, to, action, reason)
	})
}

// List lists routes within the actor's scope with their counts by state.
func (s *Service) List(ctx context.Context, actor access.Actor, f Filter) (list []Line, counts Counts, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope, today := actor.Scope(access.RoutesRead), calendar.Day(s.now())
		if list, err = listTx(ctx, tx, scope, f, today); err != nil {
			return err
		}
		if counts, err = CountTx(ctx, tx, scope, f, today); err != nil {
			return err
		}
		counts.Unshared, err = unsharedTx(ctx, tx, scope)
		return err
	})
	return list, counts, err
}
