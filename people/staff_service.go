package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Outcome is what a staff list did.
type Outcome struct {
	Added, Changed, Moved, Renamed, Same, Skipped, Ended int
}

// staffImport is a list on its way in.
type staffImport struct {
	ID        int64           `db:"id"`
	FileName  string          `db:"file_name"`
	AsOf      time.Time       `db:"as_of"`
	Body      []byte          `db:"body"`
	CreatedAt time.Time       `db:"created_at"`
	AppliedAt *time.Time      `db:"applied_at"`
	Outcome   json.RawMessage `db:"outcome"`
}

// Result is the outcome as it was kept.
func (i staffImport) Result() (o Outcome) {
	_ = json.Unmarshal(i.Outcome, &o) // kept by us; an empty one means nothing yet
	return o
}

// Gone reports whether the list was thrown away before it was applied.
func (i staffImport) Gone() bool { return i.AppliedAt == nil && i.Body == nil }

// bodyLife is how long a list that nobody applies is kept: it holds names.
const bodyLife = 7 * 24 * time.Hour

// UploadStaff keeps a workbook for its dry run and returns the id of the import. Nothing
// of it is written to persons yet. A workbook that cannot be read is refused.
func (s *Service) UploadStaff(ctx context.Context, actor access.Actor, fileName string, body []byte, on time.Time) (id int64, err error) {
	if _, err := readWorkbook(body); err != nil {
		return 0, err
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := s.sweepTx(ctx, tx); err != nil {
			return err
		}
		id, err = db.Get[int64](ctx, tx, `
			INSERT INTO staff_import (actor_id, file_name, as_of, body, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			actor.ID, fileName, on, body, s.now())
		return err
	})
	return id, err
}

// sweepTx throws away lists that nobody applied for a week.
func (s *Service) sweepTx(ctx context.Context, tx db.Q) error {
	_, err := tx.ExecContext(ctx, `UPDATE staff_import SET body = NULL WHERE body IS NOT NULL AND created_at < $1`, s.now().Add(-bodyLife))
	if err != nil {
		return fmt.Errorf("throw old lists away: %w", err)
	}
	return nil
}

// SweepStaff throws away lists that nobody applied for a week.
func (s *Service) SweepStaff(ctx context.Context) error {
	return db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error { return s.sweepTx(ctx, tx) })
}

// dryRun is what a list would do.
type dryRun struct {
	staffImport
	plan
	Digest string // of what the reader saw; applying checks that it still holds
	Refs   Refs
}

// StaffDryRun tells what a list would do with the given choices (row → "new", "skip" or a
// public id); it writes nothing but the look at the candidates' names.
func (s *Service) StaffDryRun(ctx context.Context, actor access.Actor, id int64, choices map[int]string) (d dryRun, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if d, err = s.planTx(ctx, tx, actor, id, choices); err != nil {
			return err
		}
		ids := []access.PersonID{}
		for _, row := range d.Decisions {
			for _, k := range row.Candidates {
				ids = append(ids, k.ID)
			}
		}
		for _, k := range d.Absent {
			ids = append(ids, k.ID)
		}
		return lookedTx(ctx, tx, actor, "сверка списка работников", ids)
	})
	return d, err
}

func (s *Service) planTx(ctx context.Context, tx db.Q, actor access.Actor, id int64, choices map[int]string) (d dryRun, err error) {
	if d.staffImport, err = db.Get[staffImport](ctx, tx, `
		SELECT id, file_name, as_of, body, created_at, applied_at, outcome FROM staff_import WHERE id = $1 AND actor_id = $2 FOR UPDATE`, id, actor.ID); err != nil {
		return d, err
	}
	all, err := RefsTx(ctx, tx)
	if err != nil {
		return d, err
	}
	if d.Refs, err = refsInTx(ctx, tx, actor.Scope(access.PeopleImport)); err != nil || d.Body == nil {
		return d, err
	}
	cells, err := readWorkbook(d.Body)
	if err != nil {
		return d, err
	}
	list, err := readStaff(cells, d.Refs, all, d.AsOf)
	if err != nil {
		return d, fault.New(fault.Invalid, "%s", upper(err.Error()))
	}
	knowns, err := knownsTx(ctx, tx, list.Rows)
	if err != nil {
		return d, err
	}
	d.plan = makePlan(list, knowns, choices, d.AsOf)
	d.Refs = all // names of organisations people come from
	d.Digest = d.digest()
	return d, nil
}

// digest names the plan by what it would do.
func (p plan) digest() string {
	h := sha256.New()
	for _, d := range p.Decisions {
		person := access.PersonID(0)
		if d.Person != nil {
			person = d.Person.ID
		}
		fmt.Fprintf(h, "%d|%s|%d|%d|%q\n", d.Row.Row, d.Verdict, person, d.Group, d.Changes)
		for _, k := range d.Candidates {
			fmt.Fprintf(h, "? %d\n", k.ID)
		}
	}
	for _, k := range p.Absent {
		fmt.Fprintf(h, "- %d\n", k.ID)
	}
	for _, f := range p.Faults {
		fmt.Fprintf(h, "! %d %s\n", f.Row, f.Column)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// knownsTx loads everybody who may be in the rows: of the same family names, the same
// addresses, or working in the same organisations.
func knownsTx(ctx context.Context, tx db.Q, rows []staffRow) ([]known, error) {
	families, emails, organisations := []string{}, []string{}, []int64{}
	for _, r := range rows {
		families, organisations = append(families, fold(r.Family)), append(organisations, r.Organisation.ID)
		if r.Email != "" {
			emails = append(emails, strings.ToLower(r.Email))
		}
	}
	persons, err := db.Select[person](ctx, tx, `SELECT `+personColumns+`
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL AND p.id IN (
		    SELECT person_id FROM identity WHERE split_part(match_key, '|', 1) = ANY($1)
		    UNION SELECT person_id FROM identity WHERE lower(email) = ANY($2) AND email <> ''
		    UNION SELECT person_id FROM appointment WHERE organisation_id = ANY($3) AND ended_on IS NULL)
		ORDER BY i.family, i.given, i.patronymic, p.id`, db.Array(families), db.Array(emails), db.Array(organisations))
	if err != nil {
		return nil, fmt.Errorf("who may be in the list: %w", err)
	}
	ids, at, knowns := make([]access.PersonID, len(persons)), map[access.PersonID]int{}, make([]known, len(persons))
	for i, p := range persons {
		ids[i], at[p.ID], knowns[i].person = p.ID, i, p
	}
	works, err := appointmentsTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for _, a := range works {
		k := &knowns[at[a.PersonID]]
		k.Appointments = append(k.Appointments, a)
	}
	return knowns, nil
}

// StaffChoice is what somebody decided about a list as a whole and about its unclear rows.
type StaffChoice struct {
	Rows       map[int]string // row → "new", "skip" or a public id
	Digest     string         // of the dry run that was seen
	SkipFaulty bool           // leave out the rows with faults
	EndAbsent  bool           // end the works of those who are not in the list
}

// ApplyStaff does what the dry run showed, all of it or nothing. It refuses while a row is
// unclear, while there are faults that nobody asked to leave out, and when the people
// changed since the dry run was seen. A list that was applied does nothing again.
func (s *Service) ApplyStaff(ctx context.Context, actor access.Actor, id int64, choice StaffChoice) (o Outcome, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		d, err := s.planTx(ctx, tx, actor, id, choice.Rows)
		switch {
		case err != nil:
			return err
		case d.AppliedAt != nil:
			o = d.Result()
			return nil
		case d.Gone():
			return fault.New(fault.Gone, "Список хранился неделю и удалён. Загрузите его снова")
		case len(d.Faults) > 0 && !choice.SkipFaulty:
			return fault.Field("skip_faulty", "В списке есть ошибки. Поправьте их в таблице и загрузите её снова или отметьте, что эти строки надо пропустить")
		case d.Count("ambiguous") > 0:
			return fault.Field(fmt.Sprintf("row-%d", d.Of("ambiguous")[0].Row.Row), "Выберите, кто это, в каждой неясной строке: осталось %d", d.Count("ambiguous"))
		case choice.Digest != "" && choice.Digest != d.Digest:
			return fault.Field("digest", "Проверьте ещё раз: от вашего выбора или за это время список изменений стал другим")
		}
		if o, err = s.applyTx(ctx, tx, actor, d, choice.EndAbsent); err != nil {
			return err
		}
		outcome, err := json.Marshal(o)
		if err != nil {
			return fmt.Errorf("outcome: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE staff_import SET applied_at = $2, outcome = $3, body = NULL WHERE id = $1`, id, s.now(), outcome); err != nil {
			return fmt.Errorf("close the import: %w", err)
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "staff.import", ObjectKind: "staff_import", ObjectID: fmt.Sprint(id),
			Details: map[string]any{"added": o.Added, "changed": o.Changed, "moved": o.Moved, "renamed": o.Renamed, "same": o.Same, "skipped": o.Skipped, "ended": o.Ended}})
	})
	return o, err
}

func (s *Service) applyTx(ctx context.Context, tx db.Q, actor access.Actor, d dryRun, endAbsent bool) (o Outcome, err error) {
	o.Skipped = len(d.FaultRows()) + d.Count("skipped")
	if o.Added, err = s.addNewTx(ctx, tx, actor, d); err != nil {
		return o, err
	}
	rows, whose := map[access.PersonID][]staffRow{}, []*known{}
	for i := range d.Decisions {
		x := &d.Decisions[i]
		switch x.Verdict {
		case unchanged:
			o.Same++
		case changed:
			o.Changed++
		case movedHere:
			o.Moved++
		case renamed:
			o.Renamed++
		}
		if x.Person != nil {
			if rows[x.Person.ID] == nil {
				whose = append(whose, x.Person)
			}
			rows[x.Person.ID] = append(rows[x.Person.ID], x.Row)
		}
	}
	for _, k := range whose {
		if err := updateKnownTx(ctx, tx, actor, *k, rows[k.ID], d.On); err != nil {
			return o, err
		}
	}
	if endAbsent {
		inList := map[int64]bool{}
		for _, x := range d.Decisions {
			inList[x.Row.Organisation.ID] = true
		}
		for _, k := range d.Absent {
			gone := []Appointment{}
			for _, a := range filterAppointments(k.Appointments, d.On, true) {
				if inList[a.OrganisationID] {
					gone = append(gone, a)
				}
			}
			if err := endWorksTx(ctx, tx, actor, k.ID, gone, d.On); err != nil {
				return o, err
			}
			o.Ended++
		}
	}
	return o, nil
}

// addNewTx adds the new persons; several rows may be works of one.
func (s *Service) addNewTx(ctx context.Context, tx db.Q, actor access.Actor, d dryRun) (int, error) {
	list, at := []NewPerson{}, map[int]int{}
	for _, x := range d.Of(string(newPerson)) {
		r := x.Row
		i, known := at[x.Group]
		if !known {
			i = len(list)
			at[x.Group] = i
			list = append(list, NewPerson{Name: r.Name, Grants: []access.Grant{{Role: access.Teacher}}})
		}
		p := &list[i]
		p.Email, p.Phone = or(p.Email, r.Email), or(p.Phone, r.Phone)
		p.Category = or(p.Category, r.Category)
		if p.TeachingSince == nil {
			p.TeachingSince = r.Since
		}
		if p.CategorySince == nil {
			p.CategorySince = r.CategorySince
		}
		p.Appointments = append(p.Appointments, appointmentOf(r, d.On))
	}
	ids, err := addPeopleTx(ctx, tx, actor, list, s.now())
	if err != nil {
		return 0, err
	}
	entries := make([]audit.Entry, len(ids))
	for i, id := range ids {
		entries[i] = audit.Entry{Action: "person.add", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id, Details: map[string]any{"import": d.ID}}
	}
	return len(ids), audit.RecordManyTx(ctx, tx, actor, entries)
}

func appointmentOf(r staffRow, on time.Time) NewAppointment {
	a := NewAppointment{OrganisationID: r.Organisation.ID, Position: r.Position, Subject: r.Subject, Load: r.Load, Second: !r.Main, StartedOn: on}
	if r.Started != nil {
		a.StartedOn = *r.Started
	}
	return a
}

// updateKnownTx writes what the rows tell about one known person.
func updateKnownTx(ctx context.Context, tx db.Q, actor access.Actor, k known, rows []staffRow, on time.Time) error {
	ch := Change{Name: k.Name, Email: k.Email, Phone: k.Phone, TeachingSince: k.TeachingSince, Category: k.Category, CategorySince: k.CategorySince}
	for _, r := range rows {
		ch.Name, ch.Email, ch.Phone = betterName(ch.Name, r.Name), or(r.Email, ch.Email), or(r.Phone, ch.Phone)
		ch.TeachingSince = betterSince(ch.TeachingSince, r)
		ch.Category, ch.CategorySince = betterCategory(career{ch.TeachingSince, ch.Category, ch.CategorySince}, r)
	}
	if err := changeTx(ctx, tx, actor, k.person, ch); err != nil {
		return err
	}
	// What ends goes first: a work that continues under another position must not meet its old self.
	if err := endWorksTx(ctx, tx, actor, k.ID, endedWorks(k, rows, on), on); err != nil {
		return err
	}
	for _, r := range rows {
		switch a := currentWork(k, r, on); {
		case a == nil:
			if err := addAppointmentsTx(ctx, tx, []access.PersonID{k.ID}, []NewPerson{{Appointments: []NewAppointment{appointmentOf(r, on)}}}); err != nil {
				return err
			}
			if err := audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "appointment.add", ObjectKind: "person", ObjectID: fmt.Sprint(k.ID), Person: k.ID,
				Details: map[string]any{"organisation": r.Organisation.ID}}); err != nil {
				return err
			}
		case a.Load != r.Load || a.Main != r.Main:
			if _, err := tx.ExecContext(ctx, `UPDATE appointment SET load = $2, main = $3 WHERE id = $1`, a.ID, r.Load, r.Main); err != nil {
				return fmt.Errorf("change a work: %w", err)
			}
		}
	}
	return nil
}

// endWorksTx ends works with the day before the list's.
func endWorksTx(ctx context.Context, tx db.Q, actor access.Actor, id access.PersonID, works []Appointment, on time.Time) error {
	if len(works) == 0 {
		return nil
	}
	ids := make([]int64, len(works))
	for i, a := range works {
		ids[i] = a.ID
	}
	if _, err := tx.ExecContext(ctx, `
		UPDATE appointment SET ended_on = GREATEST(started_on, CAST($2 AS date) - 1) WHERE id = ANY($1) AND ended_on IS NULL`, db.Array(ids), on); err != nil {
		return fmt.Errorf("end works: %w", err)
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "appointment.end", ObjectKind: "person", ObjectID: fmt.Sprint(id), Person: id,
		Details: map[string]any{"appointments": ids}})
}

// staffImportsTx lists the actor's own imports, newest first.
func staffImportsTx(ctx context.Context, tx db.Q, actor access.Actor) ([]staffImport, error) {
	list, err := db.Select[staffImport](ctx, tx, `
		SELECT id, file_name, as_of, created_at, applied_at, outcome FROM staff_import
		WHERE actor_id = $1 AND (applied_at IS NOT NULL OR body IS NOT NULL) ORDER BY id DESC LIMIT 20`, actor.ID)
	if err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	return list, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func upper(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}
