package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// person is one record with everything kept beside it.
type person struct {
	ID       access.PersonID `db:"id"`
	PublicID string          `db:"public_id"`
	Name
	Email           string     `db:"email"`
	Phone           string     `db:"phone"`
	Login           string     `db:"login"` // "" = cannot sign in
	MustChange      bool       `db:"must_change"`
	PasswordChanged *time.Time `db:"changed_at"`
	career
}

const personColumns = `
	p.id, p.public_id, i.family, i.given, i.patronymic, i.email, i.phone,
	COALESCE(s.login, '') AS login, COALESCE(s.must_change, false) AS must_change, s.changed_at,
	c.teaching_since, COALESCE(c.category_code, 'none') AS category_code, c.category_since
	FROM person p
	JOIN identity i ON i.person_id = p.id
	LEFT JOIN credential s ON s.person_id = p.id
	LEFT JOIN career c ON c.person_id = p.id`

func personTx(ctx context.Context, tx db.Q, id access.PersonID) (person, error) {
	return db.Get[person](ctx, tx, `SELECT `+personColumns+` WHERE p.id = $1 AND p.merged_into IS NULL AND p.erased_at IS NULL`, id)
}

// IDTx finds a person by the public id that stands in addresses; a merged record gives
// the one that was kept.
func IDTx(ctx context.Context, tx db.Q, publicID string) (access.PersonID, error) {
	return db.Get[access.PersonID](ctx, tx, `SELECT COALESCE(merged_into, id) FROM person WHERE public_id::text = lower($1) AND erased_at IS NULL`, publicID)
}

// PublicIDsTx gives the public ids of persons, for addresses of their cards.
func PublicIDsTx(ctx context.Context, tx db.Q, ids []access.PersonID) (map[access.PersonID]string, error) {
	rows, err := db.Select[struct {
		ID       access.PersonID `db:"id"`
		PublicID string          `db:"public_id"`
	}](ctx, tx, `SELECT id, public_id FROM person WHERE id = ANY($1)`, db.Array(numbers(ids)))
	if err != nil {
		return nil, fmt.Errorf("public ids: %w", err)
	}
	out := make(map[access.PersonID]string, len(rows))
	for _, r := range rows {
		out[r.ID] = r.PublicID
	}
	return out, nil
}

// inScopeTx finds a person by public id if they work in the scope today; a stranger is NotFound.
func inScopeTx(ctx context.Context, tx db.Q, scope access.Scope, publicID string) (person, error) {
	id, err := IDTx(ctx, tx, publicID)
	if err != nil {
		return person{}, err
	}
	if !scope.All {
		mine, err := db.Get[bool](ctx, tx, `
			SELECT EXISTS (SELECT FROM appointment a JOIN organisation o ON o.id = a.organisation_id
			               WHERE a.person_id = $1 AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)
			                 AND (o.territory_id = ANY($2) OR o.id = ANY($3)))`, id, db.Array(scope.Territories), db.Array(scope.Organisations))
		if err != nil {
			return person{}, fmt.Errorf("scope of a person: %w", err)
		}
		if !mine {
			return person{}, fault.New(fault.NotFound, "Такого человека нет среди ваших")
		}
	}
	return personTx(ctx, tx, id)
}

// card is a person as staff see them.
type card struct {
	person
	Appointments []Appointment
	Grants       []grantLine
	Merges       []mergeLine
	Alike        []alike
	Refs         Refs
}

// Current lists the appointments that hold on a day.
func (c card) Current(on time.Time) []Appointment {
	return filterAppointments(c.Appointments, on, true)
}

// Past lists the appointments that had ended by a day.
func (c card) Past(on time.Time) []Appointment { return filterAppointments(c.Appointments, on, false) }

func filterAppointments(list []Appointment, on time.Time, current bool) []Appointment {
	on = calendar.Day(on)
	out := []Appointment{}
	for _, a := range list {
		if (a.EndedOn == nil || !a.EndedOn.Before(on)) == current {
			out = append(out, a)
		}
	}
	return out
}

func (s *Service) card(ctx context.Context, actor access.Actor, publicID string) (c card, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if c.person, err = inScopeTx(ctx, tx, actor.Scope(access.PeopleRead), publicID); err != nil {
			return err
		}
		if c.Appointments, err = appointmentsTx(ctx, tx, []access.PersonID{c.ID}); err != nil {
			return err
		}
		if c.Grants, err = grantsTx(ctx, tx, grantFilter{Person: c.ID}); err != nil {
			return err
		}
		if c.Merges, err = mergesTx(ctx, tx, c.ID); err != nil {
			return err
		}
		if actor.May(access.RolesManage) {
			if c.Alike, err = alikeTx(ctx, tx, c.person); err != nil {
				return err
			}
		}
		if c.Refs, err = RefsTx(ctx, tx); err != nil || c.ID == actor.ID {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "person.read", ObjectKind: "person", ObjectID: fmt.Sprint(c.ID), Person: c.ID, Purpose: "карточка человека"})
	})
	return c, err
}

// Change is what may be changed of a person by those who keep the lists.
type Change struct {
	Name          Name
	Email, Phone  string
	TeachingSince *time.Time
	Category      string
	CategorySince *time.Time
}

// ChangePerson rewrites a person's name, contacts and career.
func (s *Service) ChangePerson(ctx context.Context, actor access.Actor, publicID string, ch Change) error {
	ch.Name = ch.Name.Tidy()
	if err := ch.Name.Validate(); err != nil {
		return err
	}
	ch.Email = strings.TrimSpace(ch.Email)
	if ch.Email != "" && !looksLikeEmail(ch.Email) {
		return fault.Field("email", "Похоже, в адресе опечатка: нужно вида maria@example.ru")
	}
	if ch.TeachingSince != nil && ch.TeachingSince.After(s.now()) {
		return fault.Field("since", "Стаж не может начаться в будущем")
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := inScopeTx(ctx, tx, actor.Scope(access.PeopleImport), publicID)
		if err != nil {
			return err
		}
		return changeTx(ctx, tx, actor, p, ch)
	})
}

// changeTx writes what differs and tells the journal which fields it was, not what stood there.
func changeTx(ctx context.Context, tx db.Q, actor access.Actor, p person, ch Change) error {
	fields := []string{}
	for field, same := range map[string]bool{
		"name": p.Name == ch.Name, "email": p.Email == ch.Email, "phone": p.Phone == ch.Phone,
		"teaching_since": sameDate(p.TeachingSince, ch.TeachingSince), "category": p.Category == ch.Category && sameDate(p.CategorySince, ch.CategorySince),
	} {
		if !same {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	slices.Sort(fields)
	if _, err := tx.ExecContext(ctx, `
		UPDATE identity SET family = $2, given = $3, patronymic = $4, email = $5, phone = $6, match_key = $7 WHERE person_id = $1`,
		p.ID, ch.Name.Family, ch.Name.Given, ch.Name.Patronymic, ch.Email, ch.Phone, ch.Name.key()); err != nil {
		return fmt.Errorf("change an identity: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO career (person_id, teaching_since, category_code, category_since) VALUES ($1, $2, $3, $4)
		ON CONFLICT (person_id) DO UPDATE SET teaching_since = EXCLUDED.teaching_since,
		    category_code = EXCLUDED.category_code, category_since = EXCLUDED.category_since`,
		p.ID, ch.TeachingSince, ch.Category, ch.CategorySince); err != nil {
		return fmt.Errorf("change a career: %w", db.Refusal(err, personWords))
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "person.change", ObjectKind: "person", ObjectID: fmt.Sprint(p.ID), Person: p.ID,
		Details: map[string]any{"fields": fields}})
}

func sameDate(a, b *time.Time) bool { return dateText(a) == dateText(b) }

// looksLikeEmail asks for a name, an @ and a domain with a point: the rest a letter will tell.
func looksLikeEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && !strings.ContainsAny(s, " ,;<>") && !strings.Contains(domain, "@") &&
		strings.Contains(strings.Trim(domain, "."), ".") && strings.Trim(domain, ".") == domain
}

// Appoint gives a person one more work.
func (s *Service) Appoint(ctx context.Context, actor access.Actor, publicID string, a NewAppointment) error {
	if a.StartedOn.IsZero() {
		return fault.Field("started", "Укажите, с какого дня")
	}
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := inScopeTx(ctx, tx, actor.Scope(access.PeopleRead), publicID)
		if err != nil {
			return err
		}
		if err := s.mayAppointTx(ctx, tx, actor, []NewPerson{{Appointments: []NewAppointment{a}}}); err != nil {
			return err
		}
		if err := addAppointmentsTx(ctx, tx, []access.PersonID{p.ID}, []NewPerson{{Appointments: []NewAppointment{a}}}); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "appointment.add", ObjectKind: "person", ObjectID: fmt.Sprint(p.ID), Person: p.ID,
			Details: map[string]any{"organisation": a.OrganisationID}})
	})
}

// EndAppointment ends a work of a person on a day, its last one.
func (s *Service) EndAppointment(ctx context.Context, actor access.Actor, publicID string, appointment int64, on time.Time) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := inScopeTx(ctx, tx, actor.Scope(access.PeopleRead), publicID)
		if err != nil {
			return err
		}
		scope := actor.Scope(access.PeopleImport)
		ended, err := db.Select[int64](ctx, tx, `
			UPDATE appointment a SET ended_on = $3 FROM organisation o
			WHERE a.id = $1 AND a.person_id = $2 AND o.id = a.organisation_id AND a.ended_on IS NULL
			  AND ($4 OR o.territory_id = ANY($5) OR o.id = ANY($6))
			RETURNING a.id`, appointment, p.ID, on, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
		if err != nil {
			return fmt.Errorf("end an appointment: %w", db.Refusal(err, personWords))
		}
		if len(ended) == 0 {
			return fault.New(fault.NotFound, "Такой работы у человека нет или она уже закончилась")
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "appointment.end", ObjectKind: "person", ObjectID: fmt.Sprint(p.ID), Person: p.ID,
			Details: map[string]any{"appointment": appointment}})
	})
}
