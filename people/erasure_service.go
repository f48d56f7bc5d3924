package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// erasures lists who waits for an erasure and the acts of those that were done.
func (s *Service) erasures(ctx context.Context, actor access.Actor) (due []dueErasure, acts []Act, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if due, err = dueTx(ctx, tx); err != nil {
			return err
		}
		ids := make([]access.PersonID, len(due))
		for i, d := range due {
			ids[i] = d.ID
		}
		if err := lookedTx(ctx, tx, actor, "удаление данных после отзыва согласия", ids); err != nil {
			return err
		}
		acts, err = actsTx(ctx, tx, "")
		return err
	})
	return due, acts, err
}

// act reads the act of erasure of a shell, with the journal's lines about it if asked for.
func (s *Service) act(ctx context.Context, actor access.Actor, publicID string, journal bool) (a Act, lines []audit.Line, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		acts, err := actsTx(ctx, tx, publicID)
		if err != nil {
			return err
		}
		if len(acts) == 0 {
			return fault.New(fault.NotFound, "Такого акта нет")
		}
		a = acts[0]
		if journal {
			lines, err = audit.AboutTx(ctx, tx, a.PersonID)
		}
		return err
	})
	return a, lines, err
}

func (s *Service) withdrawnAt(ctx context.Context, actor access.Actor, id access.PersonID) (at *time.Time, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		at, err = withdrawnAtTx(ctx, tx, id)
		return err
	})
	return at, err
}

// NewErasure says why a person's data are erased and who decided it.
type NewErasure struct {
	Reason     string // in words, for the act
	Commission string // who is present, for the act; may be empty when the program does it
}

// Erase deletes a person's identity and texts for good and writes the act. What stays has
// no name: points, hashes of answers, the journal. Nobody erases themselves, nor the last
// administrator.
func (s *Service) Erase(ctx context.Context, actor access.Actor, publicID string, n NewErasure) (Act, error) {
	var a Act
	n.Reason, n.Commission = strings.TrimSpace(n.Reason), strings.TrimSpace(n.Commission)
	wrong := map[string]string{}
	switch {
	case n.Reason == "":
		wrong["reason"] = "Напишите основание: оно войдёт в акт"
	case len(n.Reason) > 2000:
		wrong["reason"] = "Слишком длинно: до 1000 знаков"
	}
	switch {
	case n.Commission == "":
		wrong["commission"] = "Назовите, кто удаляет: должности и фамилии для акта"
	case len(n.Commission) > 2000:
		wrong["commission"] = "Слишком длинно: до 1000 знаков"
	}
	if len(wrong) > 0 {
		return a, &fault.Error{Kind: fault.Invalid, Message: "Акт пока не составить", Fields: wrong}
	}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if !actor.Scope(access.RolesManage).All {
			return fault.New(fault.Forbidden, "Данные удаляет администратор")
		}
		id, err := IDTx(ctx, tx, publicID)
		if err != nil {
			return err
		}
		if id == actor.ID {
			return fault.New(fault.Conflict, "Свои данные удаляет другой администратор")
		}
		a, err = s.eraseTx(ctx, tx, actor, id, n)
		return err
	})
	return a, err
}

// EraseDue erases whoever withdrew the consent longer ago than its text allows, one
// transaction a person; a person who holds a role of staff waits for an administrator.
func (s *Service) EraseDue(ctx context.Context) error {
	var due []dueErasure
	err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		due, err = dueTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, d := range due {
		if d.Staff || d.DaysLeft(s.now()) >= 0 {
			continue
		}
		err := db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
			_, err := s.eraseTx(ctx, tx, access.System, d.ID, NewErasure{Reason: fmt.Sprintf(
				"Согласие на обработку отозвано %s, %d дней прошли", calendar.Date(d.At), ErasureDays)})
			return err
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("erase person %d: %w", d.ID, err))
		}
	}
	return errors.Join(failed...)
}

func (s *Service) eraseTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, id access.PersonID, n NewErasure) (Act, error) {
	// One at a time: acts are numbered, and two administrators may press at once.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('erasure', 0))`); err != nil {
		return Act{}, fmt.Errorf("one erasure at a time: %w", err)
	}
	last, err := db.Get[bool](ctx, tx, `
		SELECT COALESCE(bool_and(person_id = $1), false) FROM role_grant
		WHERE role = 'admin' AND valid_from <= `+today+` AND (valid_to IS NULL OR valid_to >= `+today+`)`, id)
	if err != nil {
		return Act{}, fmt.Errorf("other administrators: %w", err)
	}
	if last {
		return Act{}, fault.New(fault.Conflict, "Это последний администратор: сначала выдайте роль другому")
	}
	a := Act{PersonID: id, ErasedAt: s.now(), Reason: n.Reason, Commission: n.Commission, By: actor.ID}
	shells, err := db.Select[struct {
		ID       access.PersonID `db:"id"`
		PublicID string          `db:"public_id"`
	}](ctx, tx, `SELECT id, public_id FROM person WHERE (id = $1 OR merged_into = $1) AND erased_at IS NULL ORDER BY merged_into NULLS FIRST, id FOR UPDATE`, id)
	if err != nil {
		return a, fmt.Errorf("records of person %d: %w", id, err)
	}
	if len(shells) == 0 || shells[0].ID != id {
		return a, fault.New(fault.Conflict, "Данные этого человека уже удалены")
	}
	a.PublicID = shells[0].PublicID
	ids := make([]access.PersonID, len(shells))
	for i, shell := range shells {
		ids[i] = shell.ID
	}
	if a.Withdrawn, err = withdrawnAtTx(ctx, tx, id); err != nil {
		return a, err
	}
	if a.Number, err = db.Get[int](ctx, tx, `SELECT COALESCE(max(CAST(act->>'number' AS integer)), 0) + 1 FROM erasure`); err != nil {
		return a, fmt.Errorf("number of an act: %w", err)
	}
	if a.Gone, err = emptyTx(ctx, tx, ids); err != nil {
		return a, err
	}
	// The mark opens the sealed tables to what follows; the act counts what they gave up.
	if _, err := tx.ExecContext(ctx, `UPDATE person SET erased_at = $2 WHERE id = ANY($1)`, db.Array(numbers(ids)), a.ErasedAt); err != nil {
		return a, fmt.Errorf("erase: %w", err)
	}
	err = db.Everybody(ctx, tx, func() error { // an administrator reads no results, and erases them all the same
		for _, shell := range ids {
			for _, empty := range s.onErase {
				gone, err := empty(ctx, tx, actor, shell)
				if err != nil {
					return err
				}
				a.Gone = addUp(a.Gone, gone)
			}
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return a, fmt.Errorf("act of erasure: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO erasure (person_id, erased_at, reason, act) SELECT id, $2, $3, $4 FROM unnest($1::bigint[]) AS u (id)`,
		db.Array(numbers(ids)), a.ErasedAt, a.Reason, body); err != nil {
		return a, fmt.Errorf("act of erasure: %w", err)
	}
	return a, audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "person.erase", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id,
		Details: map[string]any{"act": a.Number, "records": a.Total()}})
}

// addUp joins counts of the same kind.
func addUp(list, more []Erased) []Erased {
next:
	for _, m := range more {
		if m.Count == 0 {
			continue
		}
		for i := range list {
			if list[i].What == m.What {
				list[i].Count += m.Count
				continue next
			}
		}
		list = append(list, m)
	}
	return list
}

// withdrawnAtTx is when a person took the consent to diagnostics back; nil where it holds
// or was never given.
func withdrawnAtTx(ctx context.Context, tx db.Q, id access.PersonID) (*time.Time, error) {
	at, err := db.Get[*time.Time](ctx, tx, `
		SELECT max(at) FROM consent_event WHERE person_id IN (SELECT r FROM records_of($1) AS r) AND purpose = 'diagnostics' AND what = 'withdrawn' AND person_id IN (SELECT withdrawn())`, id)
	if err != nil {
		return nil, fmt.Errorf("withdrawal of person %d: %w", id, err)
	}
	return at, nil
}
