package people

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// grantLine is a role of a person with its scope and term.
type grantLine struct {
	ID       int64           `db:"id"`
	PersonID access.PersonID `db:"person_id"`
	PublicID string          `db:"public_id"`
	Name
	Role      access.Role `db:"role"`
	Scope     string      `db:"scope"` // a territory or an organisation, "" = the whole region
	ValidFrom time.Time   `db:"valid_from"`
	ValidTo   *time.Time  `db:"valid_to"`
}

// State is "now", "later" or "over" on a day.
func (g grantLine) State(now time.Time) string {
	on := calendar.Day(now)
	switch {
	case g.ValidTo != nil && g.ValidTo.Before(on):
		return "over"
	case g.ValidFrom.After(on):
		return "later"
	}
	return "now"
}

type grantFilter struct {
	Person  access.PersonID // 0 = everybody
	Role    access.Role     // "" = any
	Staff   bool            // without the role of a teacher, which nearly everybody has
	Current bool            // only those whose term holds today
}

func grantsTx(ctx context.Context, tx db.Q, f grantFilter) ([]grantLine, error) {
	list, err := db.Select[grantLine](ctx, tx, `
		SELECT g.id, g.person_id, p.public_id, i.family, i.given, i.patronymic, g.role,
		       COALESCE(t.short_name, o.short_name, '') AS scope, g.valid_from, g.valid_to
		FROM role_grant g
		JOIN person p ON p.id = g.person_id
		JOIN identity i ON i.person_id = g.person_id
		LEFT JOIN territory t ON t.id = g.territory_id
		LEFT JOIN organisation o ON o.id = g.organisation_id
		WHERE p.merged_into IS NULL AND ($1 = 0 OR g.person_id = $1) AND ($2 = '' OR g.role = $2) AND (NOT $3 OR g.role <> 'teacher')
		  AND (NOT $4 OR g.valid_from <= `+today+` AND (g.valid_to IS NULL OR g.valid_to >= `+today+`))
		ORDER BY g.valid_to NULLS FIRST, array_position($5::text[], g.role), scope, i.family, i.given, g.id`,
		f.Person, f.Role, f.Staff, f.Current, db.Array(roleOrder()))
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	return list, nil
}

func roleOrder() []string {
	out := make([]string, len(access.Roles))
	for i, r := range access.Roles {
		out[i] = string(r)
	}
	return out
}

// NewGrant is a role to be given.
type NewGrant struct {
	Role         access.Role
	Territory    int64
	Organisation int64
	From         time.Time
	To           *time.Time // the last day; nil = until revoked
}

// Validate refuses a role without the scope it needs, or with one it cannot have.
func (g NewGrant) Validate() error {
	switch {
	case g.Role.Name() == "":
		return fault.Field("role", "Выберите роль")
	case needsTerritory(g.Role) && g.Territory == 0:
		return fault.Field("territory", "Для роли «%s» выберите муниципалитет", g.Role.Name())
	case g.Role == access.Head && g.Organisation == 0:
		return fault.Field("organisation", "Для роли «%s» выберите организацию", g.Role.Name())
	case g.From.IsZero():
		return fault.Field("from", "Укажите, с какого дня")
	case g.To != nil && g.To.Before(g.From):
		return fault.Field("to", "Последний день раньше первого")
	}
	return nil
}

func needsTerritory(r access.Role) bool {
	return r == access.MunicipalMethodist || r == access.Coordinator
}

// GrantRole gives a person a role with its scope and term.
func (s *Service) GrantRole(ctx context.Context, actor access.Actor, publicID string, g NewGrant) error {
	if err := g.Validate(); err != nil {
		return err
	}
	if !needsTerritory(g.Role) {
		g.Territory = 0
	}
	if g.Role != access.Head {
		g.Organisation = 0
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := inScopeTx(ctx, tx, actor.Scope(access.RolesManage), publicID)
		if err != nil {
			return err
		}
		has, err := db.Get[bool](ctx, tx, `
			SELECT EXISTS (SELECT FROM role_grant WHERE person_id = $1 AND role = $2
			               AND COALESCE(territory_id, 0) = $3 AND COALESCE(organisation_id, 0) = $4 AND (valid_to IS NULL OR valid_to >= $5))`,
			p.ID, g.Role, g.Territory, g.Organisation, g.From)
		if err != nil {
			return fmt.Errorf("roles of a person: %w", err)
		}
		if has {
			return fault.New(fault.Conflict, "Эта роль у человека уже есть")
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO role_grant (person_id, role, territory_id, organisation_id, valid_from, valid_to, granted_by)
			VALUES ($1, $2, NULLIF($3, 0), NULLIF($4, 0), $5, $6, $7)`, p.ID, g.Role, g.Territory, g.Organisation, g.From, g.To, actor.ID); err != nil {
			return fmt.Errorf("grant a role: %w", db.Refusal(err, personWords))
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "role.grant", ObjectKind: "person", ObjectID: fmt.Sprint(p.ID), Person: p.ID,
			Details: map[string]any{"role": g.Role, "territory": g.Territory, "organisation": g.Organisation}})
	})
}

// RevokeRole takes a role away at once. The last administrator cannot be left without the role.
func (s *Service) RevokeRole(ctx context.Context, actor access.Actor, grant int64) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if !actor.Scope(access.RolesManage).All {
			return fault.New(fault.NotFound, "Такой роли нет")
		}
		// One revocation at a time: two administrators must not take each other's role together.
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('revoke a role', 0))`); err != nil {
			return fmt.Errorf("one revocation at a time: %w", err)
		}
		g, err := db.Get[struct {
			PersonID access.PersonID `db:"person_id"`
			Role     access.Role     `db:"role"`
			From     time.Time       `db:"valid_from"`
		}](ctx, tx, `SELECT person_id, role, valid_from FROM role_grant WHERE id = $1 AND (valid_to IS NULL OR valid_to >= `+today+`)`, grant)
		if err != nil {
			return err
		}
		if g.Role == access.Admin {
			others, err := db.Get[int](ctx, tx, `
				SELECT count(*) FROM role_grant g JOIN credential c ON c.person_id = g.person_id
				WHERE g.role = 'admin' AND g.id <> $1 AND g.valid_from <= `+today+` AND g.valid_to IS NULL`, grant)
			if err != nil {
				return fmt.Errorf("other administrators: %w", err)
			}
			if others == 0 {
				return fault.New(fault.Conflict, "Это последний администратор: сначала дайте эту роль кому-то ещё")
			}
		}
		// A role of yesterday's and earlier days ends yesterday; one that began today, or is yet to begin, never was.
		if _, err := tx.ExecContext(ctx, `DELETE FROM role_grant WHERE id = $1 AND valid_from >= `+today, grant); err != nil {
			return fmt.Errorf("revoke a role: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE role_grant SET valid_to = `+today+` - 1 WHERE id = $1`, grant); err != nil {
			return fmt.Errorf("revoke a role: %w", err)
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "role.revoke", ObjectKind: "person", ObjectID: fmt.Sprint(g.PersonID), Person: g.PersonID,
			Details: map[string]any{"role": g.Role, "grant": grant}})
	})
}
