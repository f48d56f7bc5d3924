package sitting

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// seat is what saving needs to know of a started attempt and what never changes.
type seat struct {
	attempt int64
	person  access.PersonID
	tasks   map[string]task.Task
	index   map[string]ManifestTask
}

// seats keeps them by public id; a seat is small and never goes stale.
type seats struct {
	mu   sync.RWMutex
	byID map[string]seat
}

const mostSeats = 20000

// seat finds the actor's attempt; before its start it has no tasks.
func (s *Service) seat(ctx context.Context, actor access.Actor, id string) (found seat, err error) {
	s.seats.mu.RLock()
	found, ok := s.seats.byID[id]
	s.seats.mu.RUnlock()
	if ok {
		if !actor.Is(found.person) {
			return seat{}, errNoAttempt
		}
		return found, nil
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		manifest, err := ManifestTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		shown, err := s.shownTx(ctx, tx, manifest)
		if err != nil {
			return err
		}
		found = seat{attempt: a.ID, person: a.PersonID, tasks: make(map[string]task.Task, len(shown)), index: make(map[string]ManifestTask, len(shown))}
		for i, t := range shown {
			found.tasks[t.ID] = view{View: t.View}.shape()
			found.index[t.ID] = manifest[i]
		}
		return nil
	})
	if err != nil || len(found.tasks) == 0 {
		return found, err
	}
	s.seats.mu.Lock()
	defer s.seats.mu.Unlock()
	if s.seats.byID == nil || len(s.seats.byID) > mostSeats {
		s.seats.byID = map[string]seat{}
	}
	s.seats.byID[id] = found
	return found, nil
}

// Save decides each entry by the contract and returns when the taken ones are
// durable. The error is NotFound for another's attempt; else it is our own failure.
func (s *Service) Save(ctx context.Context, actor access.Actor, id, lease string, entries []Entry) ([]Outcome, error) {
	at := s.now()
	place, err := s.seat(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(entries))
	r := &request{attempt: place.attempt, person: place.person, lease: lease, at: at}
	where := []int{}
	for i, e := range entries {
		outcomes[i] = Outcome{Task: e.Task}
		shape, known := place.tasks[e.Task]
		switch {
		case len(place.tasks) == 0:
			outcomes[i].Verdict = DeadLease // not started: no lease lives
			continue
		case !known:
			outcomes[i].Verdict = Unknown
			continue
		case e.Revision < 1 || e.Revision > maxRevision:
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, "номер правки должен быть целым числом от 1"
			continue
		case len(e.Answer) == 0:
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, "нет ответа: поле answer пропущено"
			continue
		}
		digest, err := digestOf(e.Answer)
		if err == nil {
			err = task.CheckAnswer(shape, e.Answer)
		}
		if err != nil {
			outcomes[i].Verdict, outcomes[i].Why = Misshapen, err.Error()
			continue
		}
		r.entries, r.digests, where = append(r.entries, e), append(r.digests, digest), append(where, i)
	}
	if len(r.entries) == 0 {
		return outcomes, nil
	}
	if err := s.saver.save(ctx, r); err != nil {
		return nil, err
	}
	for i, o := range r.outcomes {
		outcomes[where[i]] = o
	}
	return outcomes, nil
}

// Receipt is what a participant keeps of a closed attempt.
type Receipt struct {
	State       State
	SubmittedAt time.Time
	ClosedBy    string
	Answers     int
	Digest      string
}

// ErrLease refuses to submit on a lease that is no longer the live one.
var ErrLease = errors.New("the lease is dead")

// Submit closes the actor's attempt; repeating it gives the same receipt.
func (s *Service) Submit(ctx context.Context, actor access.Actor, id, lease string) (out Receipt, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		switch {
		case a.State == Annulled:
			return errClosed
		case a.State == Assigned:
			return &fault.Error{Kind: fault.Conflict, Message: "Вы ещё не начинали", Cause: ErrLease}
		case a.State == InProgress && !a.overdue(s.now()) && !a.holds(lease):
			return &fault.Error{Kind: fault.Conflict, Message: "Вы продолжили в другом месте. Завершить можно там или здесь, когда продолжите здесь", Cause: ErrLease}
		case a.overdue(s.now()):
			err = s.closeTx(ctx, tx, a, byDeadline)
		case a.State == InProgress:
			err = s.closeTx(ctx, tx, a, byParticipant)
		}
		if err != nil {
			return err
		}
		if a, err = byIDTx(ctx, tx, a.ID, ""); err != nil {
			return err
		}
		out = Receipt{State: a.State, SubmittedAt: *a.SubmittedAt, ClosedBy: *a.ClosedBy, Answers: *a.Answers, Digest: *a.Digest}
		return nil
	})
	return out, err
}
