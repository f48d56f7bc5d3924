package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// The throttle: so many failures of one login within the window close it until the
// oldest leaves the window. It counts by login, not by address: a whole school
// shares one address.
const (
	maxFailures   = 10
	failureWindow = 15 * time.Minute
)

type credential struct {
	PersonID     access.PersonID `db:"person_id"`
	Login        string          `db:"login"`
	PasswordHash string          `db:"password_hash"`
	MustChange   bool            `db:"must_change"`
}

// SignIn tells whose login and password these are. Wrong ones are Unauthorized, too
// many wrong ones within a quarter of an hour TooMany.
//
// A try is counted as a failure before the password is looked at and forgiven after
// it proved right, so that many tries at once cannot slip through together.
func (s *Service) SignIn(ctx context.Context, login, password string) (access.PersonID, error) {
	login = foldLogin(login)
	if login == "" || password == "" {
		return 0, fault.New(fault.Unauthorized, "Напишите логин и пароль")
	}
	known, err := s.countTry(ctx, login)
	if err != nil {
		return 0, err
	}
	hash := nobodysHash
	if len(known) == 1 {
		hash = known[0].PasswordHash
	}
	right, err := checkPassword(ctx, password, hash)
	if err != nil {
		return 0, err
	}
	if !right || len(known) == 0 {
		return 0, fault.New(fault.Unauthorized, "Логин или пароль не подошли. Проверьте раскладку и большие буквы")
	}
	id := known[0].PersonID
	err = db.InTx(ctx, s.pool, access.Actor{ID: id}, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_failure WHERE login = $1`, login); err != nil {
			return fmt.Errorf("forget failures: %w", err)
		}
		return audit.RecordTx(ctx, tx, access.Actor{ID: id}, audit.Entry{Action: "session.start", ObjectKind: "person", ObjectID: fmt.Sprint(id)})
	})
	return id, err
}

// countTry counts the coming try as a failure, or refuses it; it returns the
// credential of the login, if there is one.
func (s *Service) countTry(ctx context.Context, login string) (known []credential, err error) {
	now := s.now()
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('sign-in ' || $1, 0))`, login); err != nil {
			return fmt.Errorf("one try at a time: %w", err)
		}
		failures, err := db.Select[time.Time](ctx, tx, `SELECT at FROM sign_in_failure WHERE login = $1 AND at > $2 ORDER BY at`, login, now.Add(-failureWindow))
		if err != nil {
			return fmt.Errorf("failures: %w", err)
		}
		if len(failures) >= maxFailures {
			wait := max(1, int(failures[len(failures)-maxFailures].Add(failureWindow).Sub(now).Minutes()+1))
			return fault.New(fault.TooMany, "Слишком много попыток подряд. Попробуйте через %s или попросите администратора выдать новый пароль", minutes(wait))
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sign_in_failure (login, at) VALUES ($1, $2)`, login, now); err != nil {
			return fmt.Errorf("count a try: %w", err)
		}
		known, err = db.Select[credential](ctx, tx, `
			SELECT COALESCE(p.merged_into, p.id) AS person_id, c.login, c.password_hash, c.must_change
			FROM credential c JOIN person p ON p.id = c.person_id
			WHERE c.login = $1 AND p.erased_at IS NULL`, login)
		return err
	})
	return known, err
}

func minutes(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return fmt.Sprintf("%d минуту", n)
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return fmt.Sprintf("%d минуты", n)
	}
	return fmt.Sprintf("%d минут", n)
}

// SweepFailures forgets failures that no longer count.
func (s *Service) SweepFailures(ctx context.Context) error {
	_, err := s.pool.ExecContext(ctx, `DELETE FROM sign_in_failure WHERE at < $1`, s.now().Add(-failureWindow))
	if err != nil {
		return fmt.Errorf("forget old failures: %w", err)
	}
	return nil
}

// ActorTx tells who a person is today: with every role whose term holds. A merged or
// erased person is NotFound.
func ActorTx(ctx context.Context, tx db.Q, id access.PersonID) (access.Actor, error) {
	rows, err := db.Select[struct {
		Role         access.Role `db:"role"`
		Territory    int64       `db:"territory_id"`
		Organisation int64       `db:"organisation_id"`
	}](ctx, tx, `
		SELECT DISTINCT COALESCE(g.role, '') AS role, COALESCE(g.territory_id, 0) AS territory_id, COALESCE(g.organisation_id, 0) AS organisation_id
		FROM person p
		LEFT JOIN role_grant g ON g.person_id = p.id AND g.valid_from <= `+today+` AND (g.valid_to IS NULL OR g.valid_to >= `+today+`)
		WHERE p.id = $1 AND p.merged_into IS NULL AND p.erased_at IS NULL
		ORDER BY role, territory_id, organisation_id`, id)
	if err != nil {
		return access.Actor{}, fmt.Errorf("roles: %w", err)
	}
	if len(rows) == 0 {
		return access.Actor{}, fault.New(fault.NotFound, "Такого человека нет")
	}
	a := access.Actor{ID: id, Grants: []access.Grant{}}
	if a.Merged, err = db.Select[access.PersonID](ctx, tx, `SELECT id FROM person WHERE merged_into = $1 ORDER BY id`, id); err != nil {
		return access.Actor{}, fmt.Errorf("merged records: %w", err)
	}
	for _, r := range rows {
		if r.Role != "" {
			a.Grants = append(a.Grants, access.Grant{Role: r.Role, Territory: r.Territory, Organisation: r.Organisation})
		}
	}
	slices.SortStableFunc(a.Grants, func(x, y access.Grant) int { return roleRank(x.Role) - roleRank(y.Role) })
	return a, nil
}

func roleRank(r access.Role) int { return slices.Index(access.Roles, r) }

// ChangePassword replaces the actor's own password.
func (s *Service) ChangePassword(ctx context.Context, actor access.Actor, old, password, again string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		c, err := db.Get[credential](ctx, tx, `SELECT person_id, login, password_hash, must_change FROM credential WHERE person_id = $1 FOR UPDATE`, actor.ID)
		if err != nil {
			return err
		}
		if right, err := checkPassword(ctx, old, c.PasswordHash); err != nil {
			return err
		} else if !right {
			return fault.Field("old", "Нынешний пароль не подошёл")
		}
		if err := validatePassword(c.Login, password, again); err != nil {
			return err
		}
		if password == old {
			return fault.Field("password", "Новый пароль совпал с нынешним")
		}
		hash, err := HashPassword(password)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE credential SET password_hash = $2, must_change = false, changed_at = $3 WHERE person_id = $1`,
			actor.ID, hash, s.now()); err != nil {
			return fmt.Errorf("change a password: %w", err)
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "password.change", ObjectKind: "person", ObjectID: fmt.Sprint(actor.ID), Person: actor.ID})
	})
}

// Card is what is handed to a person to sign in for the first time.
type Card struct {
	Person          access.PersonID
	Name            Name
	Login, Password string
}

// IssuePasswords gives each person a new password, and a login where there is none, to be
// changed at the first sign-in. The passwords are not kept: they are shown once.
func (s *Service) IssuePasswords(ctx context.Context, actor access.Actor, ids []access.PersonID) ([]Card, error) {
	cards := make([]Card, 0, len(ids))
	hashes := make([]string, len(ids))
	for i := range ids {
		password, err := NewPassword()
		if err != nil {
			return nil, err
		}
		if hashes[i], err = HashPassword(password); err != nil {
			return nil, err
		}
		cards = append(cards, Card{Person: ids[i], Password: password})
	}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := mineTx(ctx, tx, actor.Scope(access.PeopleImport), ids); err != nil {
			return err
		}
		names, err := namesTx(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i, id := range ids {
			cards[i].Name = names[id]
			if cards[i].Login, err = issueTx(ctx, tx, id, names[id], hashes[i], s.now()); err != nil {
				return err
			}
			if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "password.issue", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id}); err != nil {
				return err
			}
		}
		return nil
	})
	return cards, err
}

// issueTx sets the password of a person, under the login they have or the first free one.
func issueTx(ctx context.Context, tx db.Q, id access.PersonID, name Name, hash string, now time.Time) (string, error) {
	logins, err := db.Select[string](ctx, tx, `
		UPDATE credential SET password_hash = $2, must_change = true, changed_at = $3 WHERE person_id = $1 RETURNING login`, id, hash, now)
	if err != nil {
		return "", fmt.Errorf("issue a password: %w", err)
	}
	if len(logins) == 1 {
		_, err := tx.ExecContext(ctx, `DELETE FROM sign_in_failure WHERE login = $1`, logins[0])
		return logins[0], err
	}
	base := loginOf(name)
	for n := 1; ; n++ {
		login := base
		if n > 1 {
			login = fmt.Sprintf("%s%d", base, n)
		}
		taken, err := db.Select[string](ctx, tx, `
			INSERT INTO credential (person_id, login, password_hash, must_change, changed_at) VALUES ($1, $2, $3, true, $4)
			ON CONFLICT (login) DO NOTHING RETURNING login`, id, login, hash, now)
		if err != nil {
			return "", fmt.Errorf("issue a login: %w", err)
		}
		if len(taken) == 1 {
			return login, nil
		}
	}
}

// mineTx refuses persons who do not work in the scope, and those who hold a role of staff
// where the scope is not the whole region: nobody gets a manager's password by a side door.
func mineTx(ctx context.Context, tx db.Q, scope access.Scope, ids []access.PersonID) error {
	if scope.All {
		return nil
	}
	mine, err := db.Select[access.PersonID](ctx, tx, `
		SELECT p.id FROM person p
		WHERE p.id = ANY($1) AND p.merged_into IS NULL AND p.erased_at IS NULL
		  AND NOT EXISTS (SELECT FROM role_grant g WHERE g.person_id = p.id AND g.role <> 'teacher'
		                  AND (g.valid_to IS NULL OR g.valid_to >= `+today+`))
		  AND EXISTS (SELECT FROM appointment a JOIN organisation o ON o.id = a.organisation_id
		              WHERE a.person_id = p.id AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)
		                AND (o.territory_id = ANY($2) OR o.id = ANY($3)))`,
		db.Array(numbers(ids)), db.Array(scope.Territories), db.Array(scope.Organisations))
	if err != nil {
		return fmt.Errorf("scope of persons: %w", err)
	}
	for _, id := range ids {
		if !slices.Contains(mine, id) {
			return fault.New(fault.NotFound, "Такого человека нет среди ваших")
		}
	}
	return nil
}
