package people

import (
	"context"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
)

// NamesTx gives the names of persons and writes each look of somebody else into the
// journal, with the reason in words the person may read ("список участников").
// A merged record answers with the name of the record that was kept; an erased
// person has no name and is missing from the answer.
func NamesTx(ctx context.Context, tx db.Q, actor access.Actor, why string, ids []access.PersonID) (map[access.PersonID]Name, error) {
	names, err := namesTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	return names, lookedTx(ctx, tx, actor, why, ids)
}

// namesTx reads names without a line in the journal: for the program's own use.
func namesTx(ctx context.Context, tx db.Q, ids []access.PersonID) (map[access.PersonID]Name, error) {
	rows, err := db.Select[struct {
		ID access.PersonID `db:"id"`
		Name
	}](ctx, tx, `
		SELECT p.id, i.family, i.given, i.patronymic
		FROM person p JOIN identity i ON i.person_id = COALESCE(p.merged_into, p.id)
		WHERE p.id = ANY($1)`, db.Array(numbers(ids)))
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	out := make(map[access.PersonID]Name, len(rows))
	for _, r := range rows {
		out[r.ID] = r.Name
	}
	return out, nil
}

// lookedTx writes that the actor saw the names of persons; one's own name is nobody's business.
func lookedTx(ctx context.Context, tx db.Q, actor access.Actor, why string, ids []access.PersonID) error {
	if actor.IsSystem() {
		return nil
	}
	entries := make([]audit.Entry, 0, len(ids))
	seen := map[access.PersonID]bool{actor.ID: true}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			entries = append(entries, audit.Entry{Action: "name.read", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id, Purpose: why})
		}
	}
	return audit.RecordManyTx(ctx, tx, actor, entries)
}

// numbers makes ids a plain slice that goes into a query.
func numbers(ids []access.PersonID) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}

// PassportsTx tells what each person is on a day in the given position and subject
// ("" = any); the main place of work is preferred, then the larger load. A person
// without such an appointment on that day is missing from the answer.
func PassportsTx(ctx context.Context, tx db.Q, ids []access.PersonID, position, subject string, on time.Time) (map[access.PersonID]Passport, error) {
	rows, err := db.Select[struct {
		ID access.PersonID `db:"id"`
		Passport
		Since *time.Time `db:"teaching_since"`
	}](ctx, tx, `
		SELECT DISTINCT ON (a.person_id)
		       a.person_id AS id, o.territory_id, a.organisation_id, a.position_code,
		       COALESCE(a.subject_code, '') AS subject_code, COALESCE(c.category_code, 'none') AS category_code,
		       o.rural, c.teaching_since
		FROM appointment a
		JOIN organisation o ON o.id = a.organisation_id
		LEFT JOIN career c ON c.person_id = a.person_id
		WHERE a.person_id = ANY($1)
		  AND ($2 = '' OR a.position_code = $2) AND ($3 = '' OR a.subject_code = $3)
		  AND a.started_on <= CAST($4 AS date) AND (a.ended_on IS NULL OR a.ended_on >= CAST($4 AS date))
		ORDER BY a.person_id, a.main DESC, a.load DESC, a.id`, db.Array(numbers(ids)), position, subject, calendar.Day(on))
	if err != nil {
		return nil, fmt.Errorf("passports: %w", err)
	}
	out := make(map[access.PersonID]Passport, len(rows))
	for _, r := range rows {
		r.Passport.Experience = experienceBand(r.Since, calendar.Day(on))
		out[r.ID] = r.Passport
	}
	return out, nil
}

// SelectTx lists the persons who work today as the selection says, by id.
func SelectTx(ctx context.Context, tx db.Q, sel Selection) ([]access.PersonID, error) {
	territories, organisations := sel.Territories, sel.Organisations
	if territories == nil {
		territories = []int64{}
	}
	if organisations == nil {
		organisations = []int64{}
	}
	ids, err := db.Select[access.PersonID](ctx, tx, `
		SELECT DISTINCT a.person_id
		FROM appointment a
		JOIN organisation o ON o.id = a.organisation_id
		JOIN person p ON p.id = a.person_id
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL
		  AND a.started_on <= `+today+` AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)
		  AND (cardinality($1::bigint[]) + cardinality($2::bigint[]) = 0 OR o.territory_id = ANY($1) OR o.id = ANY($2))
		  AND ($3 = '' OR a.position_code = $3) AND ($4 = '' OR a.subject_code = $4)
		ORDER BY a.person_id`, db.Array(territories), db.Array(organisations), sel.Position, sel.Subject)
	if err != nil {
		return nil, fmt.Errorf("select persons: %w", err)
	}
	return ids, nil
}

// appointmentsTx lists all appointments of persons, current ones first.
func appointmentsTx(ctx context.Context, tx db.Q, ids []access.PersonID) ([]Appointment, error) {
	list, err := db.Select[Appointment](ctx, tx, `
		SELECT a.id, a.person_id, a.organisation_id, o.territory_id, a.position_code, COALESCE(a.subject_code, '') AS subject_code,
		       a.load, a.main, a.started_on, a.ended_on
		FROM appointment a JOIN organisation o ON o.id = a.organisation_id
		WHERE a.person_id = ANY($1)
		ORDER BY a.ended_on DESC NULLS FIRST, a.main DESC, a.started_on DESC, a.id`, db.Array(numbers(ids)))
	if err != nil {
		return nil, fmt.Errorf("appointments: %w", err)
	}
	return list, nil
}

// addPeopleTx writes persons with all that is known of them, in sets, and returns
// their ids in the order given.
func addPeopleTx(ctx context.Context, tx db.Q, actor access.Actor, list []NewPerson, on time.Time) ([]access.PersonID, error) {
	if len(list) == 0 {
		return []access.PersonID{}, nil
	}
	ids, err := db.Select[access.PersonID](ctx, tx, `
		INSERT INTO person (created_at) SELECT $2 FROM generate_series(1, $1) RETURNING id`, len(list), on)
	if err != nil {
		return nil, fmt.Errorf("add persons: %w", err)
	}
	if err := addIdentitiesTx(ctx, tx, ids, list); err != nil {
		return nil, err
	}
	if err := addCareersTx(ctx, tx, ids, list); err != nil {
		return nil, err
	}
	if err := addCredentialsTx(ctx, tx, ids, list, on); err != nil {
		return nil, err
	}
	if err := addAppointmentsTx(ctx, tx, ids, list); err != nil {
		return nil, err
	}
	return ids, addGrantsTx(ctx, tx, actor, ids, list, on)
}

func addIdentitiesTx(ctx context.Context, tx db.Q, ids []access.PersonID, list []NewPerson) error {
	var family, given, patronymic, email, phone, key []string
	for _, p := range list {
		n := p.Name.Tidy()
		family, given, patronymic = append(family, n.Family), append(given, n.Given), append(patronymic, n.Patronymic)
		email, phone, key = append(email, p.Email), append(phone, p.Phone), append(key, n.key())
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO identity (person_id, family, given, patronymic, email, phone, match_key)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
		db.Array(numbers(ids)), db.Array(family), db.Array(given), db.Array(patronymic), db.Array(email), db.Array(phone), db.Array(key))
	if err != nil {
		return fmt.Errorf("add identities: %w", err)
	}
	return nil
}

func addCareersTx(ctx context.Context, tx db.Q, ids []access.PersonID, list []NewPerson) error {
	var category, since, categorySince []string
	for _, p := range list {
		if p.Category == "" {
			p.Category = "none"
		}
		category = append(category, p.Category)
		since, categorySince = append(since, dateText(p.TeachingSince)), append(categorySince, dateText(p.CategorySince))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO career (person_id, teaching_since, category_code, category_since)
		SELECT id, CAST(NULLIF(since, '') AS date), category, CAST(NULLIF(category_since, '') AS date)
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS u (id, since, category, category_since)`,
		db.Array(numbers(ids)), db.Array(since), db.Array(category), db.Array(categorySince))
	if err != nil {
		return fmt.Errorf("add careers: %w", db.Refusal(err, personWords))
	}
	return nil
}

func addCredentialsTx(ctx context.Context, tx db.Q, ids []access.PersonID, list []NewPerson, on time.Time) error {
	var who []int64
	var logins, hashes []string
	var must []bool
	for i, p := range list {
		if p.Login != "" {
			who, logins = append(who, int64(ids[i])), append(logins, foldLogin(p.Login))
			hashes, must = append(hashes, p.PasswordHash), append(must, p.MustChange)
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO credential (person_id, login, password_hash, must_change, changed_at)
		SELECT id, login, hash, must, $5 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[]) AS u (id, login, hash, must)`,
		db.Array(who), db.Array(logins), db.Array(hashes), db.Array(must), on)
	if err != nil {
		return fmt.Errorf("add sign-ins: %w", db.Refusal(err, personWords))
	}
	return nil
}

func addAppointmentsTx(ctx context.Context, tx db.Q, ids []access.PersonID, list []NewPerson) error {
	var who, where []int64
	var position, subject, started []string
	var load []float64
	var main []bool
	for i, p := range list {
		for _, a := range p.Appointments {
			if a.Load == 0 {
				a.Load = 1
			}
			who, where = append(who, int64(ids[i])), append(where, a.OrganisationID)
			position, subject = append(position, a.Position), append(subject, a.Subject)
			load, main, started = append(load, a.Load), append(main, !a.Second), append(started, a.StartedOn.Format(time.DateOnly))
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO appointment (person_id, organisation_id, position_code, subject_code, load, main, started_on)
		SELECT id, organisation, position, NULLIF(subject, ''), load, main, CAST(started AS date)
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::numeric[], $6::boolean[], $7::text[])
		     AS u (id, organisation, position, subject, load, main, started)`,
		db.Array(who), db.Array(where), db.Array(position), db.Array(subject), db.Array(load), db.Array(main), db.Array(started))
	if err != nil {
		return fmt.Errorf("add appointments: %w", db.Refusal(err, personWords))
	}
	return nil
}

func addGrantsTx(ctx context.Context, tx db.Q, actor access.Actor, ids []access.PersonID, list []NewPerson, on time.Time) error {
	var who, territory, organisation []int64
	var role []string
	for i, p := range list {
		for _, g := range p.Grants {
			who, role = append(who, int64(ids[i])), append(role, string(g.Role))
			territory, organisation = append(territory, g.Territory), append(organisation, g.Organisation)
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO role_grant (person_id, role, territory_id, organisation_id, valid_from, granted_by)
		SELECT id, role, NULLIF(territory, 0), NULLIF(organisation, 0), CAST($5 AS date), $6
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS u (id, role, territory, organisation)`,
		db.Array(who), db.Array(role), db.Array(territory), db.Array(organisation), calendar.Day(on), actor.ID)
	if err != nil {
		return fmt.Errorf("add roles: %w", db.Refusal(err, personWords))
	}
	return nil
}

// dateText is a date for a query, "" where there is none.
func dateText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// personWords says broken constraints in words.
var personWords = map[string]string{
	"credential_login_unique":     "Такой логин уже есть. Выберите другой",
	"appointment_organisation_fk": "Такой организации нет",
	"appointment_position_fk":     "Такой должности нет в справочнике",
	"appointment_subject_fk":      "Такого предмета нет в справочнике",
	"appointment_load_range":      "Ставка — больше 0 и не больше 3",
	"appointment_order":           "Конец работы раньше начала",
	"appointment_once":            "Такая работа у человека уже есть",
	"career_category_fk":          "Такой категории нет в справочнике",
	"role_grant_scope":            "Этой роли нужна своя область: муниципалитет или организация",
	"role_grant_territory_fk":     "Такого муниципалитета нет",
	"role_grant_organisation_fk":  "Такой организации нет",
	"role_grant_order":            "Конец срока раньше начала",
	"organisation_name_unique":    "В этом муниципалитете уже есть организация с таким названием",
	"organisation_code_pk":        "Такой код уже есть у другой организации",
	"organisation_territory_fk":   "Такого муниципалитета нет",
	"territory_code_unique":       "Муниципалитет с таким кодом уже есть",
}
