package people

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// mergeLine is a record that was merged into another.
type mergeLine struct {
	ID       int64           `db:"id"`
	KeptID   access.PersonID `db:"kept_id"`
	MergedID access.PersonID `db:"merged_id"`
	PublicID string          `db:"public_id"`
	Name
	Reason   string          `db:"reason"`
	Moved    json.RawMessage `db:"moved"`
	MergedAt time.Time       `db:"merged_at"`
}

// moved is what went over with a merge, so that it can go back.
type moved struct {
	Appointments []int64 `json:"appointments"`
	Grants       []int64 `json:"grants"`
}

func mergesTx(ctx context.Context, tx db.Q, kept access.PersonID) ([]mergeLine, error) {
	list, err := db.Select[mergeLine](ctx, tx, `
		SELECT m.id, m.kept_id, m.merged_id, p.public_id, i.family, i.given, i.patronymic, m.reason, m.moved, m.merged_at
		FROM person_merge m JOIN person p ON p.id = m.merged_id JOIN identity i ON i.person_id = m.merged_id
		WHERE m.kept_id = $1 AND m.undone_at IS NULL ORDER BY m.id`, kept)
	if err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	return list, nil
}

// alike is another record that may be the same person.
type alike struct {
	ID       access.PersonID `db:"id"`
	PublicID string          `db:"public_id"`
	Name
	Where string `db:"place"`
}

// alikeTx lists records whose names do not contradict this one's.
func alikeTx(ctx context.Context, tx db.Q, p person) ([]alike, error) {
	list, err := db.Select[alike](ctx, tx, `
		SELECT p.id, p.public_id, i.family, i.given, i.patronymic,
		       COALESCE((SELECT string_agg(DISTINCT t.short_name || ', ' || o.short_name, '; ')
		                 FROM appointment a JOIN organisation o ON o.id = a.organisation_id JOIN territory t ON t.id = o.territory_id
		                 WHERE a.person_id = p.id), '') AS place
		FROM person p JOIN identity i ON i.person_id = p.id
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL AND p.id <> $1
		  AND (i.match_key LIKE $2 OR i.email <> '' AND lower(i.email) = lower($3))
		ORDER BY i.family, i.given, p.id LIMIT 100`, p.ID, likePrefix(fold(p.Family)+"|"), p.Email)
	if err != nil {
		return nil, fmt.Errorf("similar records: %w", err)
	}
	out := []alike{}
	for _, a := range list {
		if a.Name.compare(p.Name) >= sameInitials || a.Name.compare(p.Name) == sameGiven {
			out = append(out, a)
		}
	}
	return out, nil
}

// likePrefix is a pattern of LIKE for what begins with s.
func likePrefix(s string) string {
	out := ""
	for _, r := range s {
		if r == '%' || r == '_' || r == '\\' {
			out += `\`
		}
		out += string(r)
	}
	return out + "%"
}

// Merge makes two records one person: works and roles of the merged record go to the kept
// one, its sign-in opens the kept one from now on. Its attempts, results and routes stay under its id and are the
// actor's own with it (access.Actor.Own); the last word about a consent counts, whichever
// record it was said under (records_of). Unmerge takes all of it back.
func (s *Service) Merge(ctx context.Context, actor access.Actor, kept, merged, reason string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.RolesManage)
		if !scope.All {
			return fault.New(fault.Forbidden, "Записи объединяет администратор")
		}
		k, err := inScopeTx(ctx, tx, scope, kept)
		if err != nil {
			return err
		}
		m, err := inScopeTx(ctx, tx, scope, merged)
		if err != nil {
			return err
		}
		// Two merges of one person at once take turns in the order of ids.
		if _, err := tx.ExecContext(ctx, `SELECT id FROM person WHERE id = ANY($1) ORDER BY id FOR UPDATE`, db.Array(numbers([]access.PersonID{k.ID, m.ID}))); err != nil {
			return fmt.Errorf("hold two records: %w", err)
		}
		free, err := db.Get[int](ctx, tx, `
			SELECT count(*) FROM person p WHERE p.id IN ($1, $2) AND p.merged_into IS NULL
			   AND (p.id = $1 OR NOT EXISTS (SELECT FROM person q WHERE q.merged_into = p.id))`, k.ID, m.ID)
		if err != nil {
			return fmt.Errorf("state of two records: %w", err)
		}
		switch {
		case k.ID == m.ID:
			return fault.New(fault.Conflict, "Это одна и та же запись")
		case m.ID == actor.ID:
			return fault.New(fault.Conflict, "Свою запись оставьте главной: откройте её карточку и объедините оттуда")
		case free != 2:
			return fault.New(fault.Conflict, "С этой записью уже объединены другие. Сначала разъедините их")
		}
		var went moved
		if went.Appointments, err = db.Select[int64](ctx, tx, `
			UPDATE appointment a SET person_id = $1
			WHERE a.person_id = $2 AND NOT EXISTS (
			    SELECT FROM appointment b WHERE b.person_id = $1 AND b.organisation_id = a.organisation_id AND b.position_code = a.position_code
			    AND COALESCE(b.subject_code, '') = COALESCE(a.subject_code, '') AND (b.ended_on IS NULL) = (a.ended_on IS NULL))
			RETURNING a.id`, k.ID, m.ID); err != nil {
			return fmt.Errorf("move appointments: %w", err)
		}
		if went.Grants, err = db.Select[int64](ctx, tx, `
			UPDATE role_grant g SET person_id = $1
			WHERE g.person_id = $2 AND NOT EXISTS (
			    SELECT FROM role_grant h WHERE h.person_id = $1 AND h.role = g.role AND h.territory_id IS NOT DISTINCT FROM g.territory_id
			    AND h.organisation_id IS NOT DISTINCT FROM g.organisation_id AND h.valid_to IS NOT DISTINCT FROM g.valid_to)
			RETURNING g.id`, k.ID, m.ID); err != nil {
			return fmt.Errorf("move roles: %w", err)
		}
		what, err := json.Marshal(went)
		if err != nil {
			return fmt.Errorf("what moved: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE person SET merged_into = $1 WHERE id = $2`, k.ID, m.ID); err != nil {
			return fmt.Errorf("merge: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO person_merge (kept_id, merged_id, reason, moved, merged_at) VALUES ($1, $2, $3, $4, $5)`, k.ID, m.ID, reason, what, s.now()); err != nil {
			return fmt.Errorf("merge: %w", err)
		}
		return mergedTx(ctx, tx, actor, k.ID, m.ID, false)
	})
}

// Unmerge takes two records apart again: what moved goes back.
func (s *Service) Unmerge(ctx context.Context, actor access.Actor, merge int64) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if !actor.Scope(access.RolesManage).All {
			return fault.New(fault.Forbidden, "Записи разъединяет администратор")
		}
		m, err := db.Get[mergeLine](ctx, tx, `
			UPDATE person_merge SET undone_at = $2 WHERE id = $1 AND undone_at IS NULL
			RETURNING id, kept_id, merged_id, reason, moved, merged_at`, merge, s.now())
		if err != nil {
			return err
		}
		var went moved
		if err := json.Unmarshal(m.Moved, &went); err != nil {
			return fmt.Errorf("what moved: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE person SET merged_into = NULL WHERE id = $1`, m.MergedID); err != nil {
			return fmt.Errorf("unmerge: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE appointment SET person_id = $1 WHERE id = ANY($2) AND person_id = $3`, m.MergedID, db.Array(went.Appointments), m.KeptID); err != nil {
			return fmt.Errorf("give appointments back: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE role_grant SET person_id = $1 WHERE id = ANY($2) AND person_id = $3`, m.MergedID, db.Array(went.Grants), m.KeptID); err != nil {
			return fmt.Errorf("give roles back: %w", err)
		}
		return mergedTx(ctx, tx, actor, m.KeptID, m.MergedID, true)
	})
}

// mergedTx tells the journal, under both records.
func mergedTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, kept, merged access.PersonID, undo bool) error {
	action := "person.merge"
	if undo {
		action = "person.unmerge"
	}
	return audit.RecordManyTx(ctx, tx, actor, []audit.Entry{
		{Action: action, ObjectKind: "person", ObjectID: fmt.Sprint(kept), Person: kept, Details: map[string]any{"merged": merged}},
		{Action: action, ObjectKind: "person", ObjectID: fmt.Sprint(merged), Person: merged, Details: map[string]any{"kept": kept}},
	})
}
