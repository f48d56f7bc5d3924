package people

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// ErasedTx lists the persons whose identity and texts were erased: a blanked text of
// theirs is not a loss.
func ErasedTx(ctx context.Context, tx db.Q) (map[access.PersonID]bool, error) {
	ids, err := db.Select[access.PersonID](ctx, tx, `SELECT person_id FROM erasure`)
	if err != nil {
		return nil, fmt.Errorf("erasures: %w", err)
	}
	erased := make(map[access.PersonID]bool, len(ids))
	for _, id := range ids {
		erased[id] = true
	}
	return erased, nil
}

// dueTx lists who took the consent to diagnostics back and is still here, the soonest
// last day first.
func dueTx(ctx context.Context, tx db.Q) ([]dueErasure, error) {
	list, err := db.Select[dueErasure](ctx, tx, `
		SELECT p.id, p.public_id, i.family, i.given, i.patronymic,
		       COALESCE((SELECT string_agg(DISTINCT t.short_name || ', ' || o.short_name, '; ')
		                 FROM appointment a JOIN organisation o ON o.id = a.organisation_id JOIN territory t ON t.id = o.territory_id
		                 WHERE a.person_id = p.id AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)), '') AS place,
		       (SELECT max(e.at) FROM consent_event e WHERE e.person_id IN (SELECT r FROM records_of(p.id) AS r) AND e.purpose = 'diagnostics' AND e.what = 'withdrawn') AS at,
		       EXISTS (SELECT FROM role_grant g WHERE g.person_id = p.id AND g.role <> 'teacher' AND (g.valid_to IS NULL OR g.valid_to >= `+today+`)) AS staff
		FROM withdrawn() w (id) JOIN person p ON p.id = w.id JOIN identity i ON i.person_id = p.id
		WHERE p.erased_at IS NULL AND p.merged_into IS NULL
		ORDER BY at, p.id`)
	if err != nil {
		return nil, fmt.Errorf("erasures due: %w", err)
	}
	return list, nil
}

// actsTx lists acts of erasure, the latest first; publicID "" = all.
func actsTx(ctx context.Context, tx db.Q, publicID string) ([]Act, error) {
	rows, err := db.Select[struct {
		Act
		Body []byte `db:"act"`
	}](ctx, tx, `
		SELECT p.public_id, e.person_id, e.erased_at, e.reason, e.act
		FROM erasure e JOIN person p ON p.id = e.person_id
		WHERE p.merged_into IS NULL AND ($1 = '' OR p.public_id::text = lower($1))
		ORDER BY e.erased_at DESC, e.person_id DESC`, publicID)
	if err != nil {
		return nil, fmt.Errorf("acts of erasure: %w", err)
	}
	acts := make([]Act, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal(r.Body, &r.Act); err != nil {
			return nil, fmt.Errorf("act of erasure of %s: %w", r.PublicID, err)
		}
		acts[i] = r.Act
	}
	return acts, nil
}

// emptyTx deletes what this context holds of records that are one person, and says what went.
func emptyTx(ctx context.Context, tx db.Q, ids []access.PersonID) ([]Erased, error) {
	out := []Erased{}
	for _, t := range []struct{ what, query string }{
		{"", `DELETE FROM sign_in_failure f USING credential c WHERE c.login = f.login AND c.person_id = ANY($1)`},
		{"Имя, почта, телефон", `DELETE FROM identity WHERE person_id = ANY($1)`},
		{"Логин и пароль", `DELETE FROM credential WHERE person_id = ANY($1)`},
		{"Места работы", `DELETE FROM appointment WHERE person_id = ANY($1)`},
		{"Стаж и категория", `DELETE FROM career WHERE person_id = ANY($1)`},
		{"Роли", `DELETE FROM role_grant WHERE person_id = ANY($1)`},
		{"", `DELETE FROM view_preference WHERE person_id = ANY($1)`},
		{"", `UPDATE person_merge SET reason = '' WHERE kept_id = ANY($1)`},
	} {
		done, err := tx.ExecContext(ctx, t.query, db.Array(numbers(ids)))
		if err != nil {
			return nil, fmt.Errorf("erase: %w", err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return nil, fmt.Errorf("erase: %w", err)
		}
		if n > 0 && t.what != "" {
			out = append(out, Erased{t.what, int(n)})
		}
	}
	return out, nil
}
