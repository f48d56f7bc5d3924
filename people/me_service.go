package people

import (
	"context"
	"errors"
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

// SetView keeps how a person wants pages to look.
func (s *Service) SetView(ctx context.Context, actor access.Actor, large, contrast bool) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO view_preference (person_id, large, contrast) VALUES ($1, $2, $3)
			ON CONFLICT (person_id) DO UPDATE SET large = EXCLUDED.large, contrast = EXCLUDED.contrast`, actor.ID, large, contrast)
		if err != nil {
			return fmt.Errorf("keep the view: %w", err)
		}
		return nil
	})
}

// consentState is a text and what the person decided about it last.
type consentState struct {
	ConsentText
	What    string     `db:"what"` // "" = nothing yet
	At      *time.Time `db:"at"`
	Decided int        `db:"decided"` // the version that was decided about
}

// Given reports whether the consent holds.
func (c consentState) Given() bool { return c.What == Given }

// EraseBy is the last day on which data may be held after a withdrawal; nil where nothing
// is to be erased for it.
func (c consentState) EraseBy() *time.Time {
	if c.Purpose != ForDiagnostics || c.What != Withdrawn || c.At == nil {
		return nil
	}
	day := dueOn(*c.At)
	return &day
}

// Stale reports whether the consent holds, but for an older text.
func (c consentState) Stale() bool { return c.Given() && c.Decided < c.Version }

func consentsTx(ctx context.Context, tx db.Q, person access.PersonID) ([]consentState, error) {
	list, err := db.Select[consentState](ctx, tx, `
		SELECT DISTINCT ON (t.purpose) t.purpose, t.version, t.title, t.body_html,
		       COALESCE(e.what, '') AS what, e.at, COALESCE(e.version, 0) AS decided
		FROM consent_text t
		LEFT JOIN LATERAL (SELECT what, at, version FROM consent_event
		                   WHERE person_id IN (SELECT r FROM records_of($1) AS r) AND purpose = t.purpose ORDER BY id DESC LIMIT 1) e ON true
		WHERE t.valid_from <= `+today+`
		ORDER BY t.purpose, t.version DESC`, person)
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	slices.SortFunc(list, func(a, b consentState) int { return purposeRank(a.Purpose) - purposeRank(b.Purpose) })
	return list, nil
}

func purposeRank(purpose string) int {
	return slices.IndexFunc(consentTitles, func(x Item) bool { return x.Code == purpose })
}

// me is what a person sees of themselves.
type me struct {
	Name         Name
	Email, Phone string
	Login        string
	Changed      time.Time
	Career       career
	Appointments []Appointment
	Grants       []grantLine
	Consents     []consentState
	Refs         Refs
}

type career struct {
	TeachingSince *time.Time `db:"teaching_since"`
	Category      string     `db:"category_code"`
	CategorySince *time.Time `db:"category_since"`
}

// Years is the experience in full years on a day, −1 where nobody has told.
func (c career) Years(on time.Time) int {
	if c.TeachingSince == nil {
		return -1
	}
	return fullYears(*c.TeachingSince, calendar.Day(on))
}

func (s *Service) me(ctx context.Context, actor access.Actor) (m me, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		p, err := personTx(ctx, tx, actor.ID)
		if err != nil {
			return err
		}
		m = me{Name: p.Name, Email: p.Email, Phone: p.Phone, Login: p.Login, Career: p.career}
		if p.PasswordChanged != nil {
			m.Changed = *p.PasswordChanged
		}
		if m.Appointments, err = appointmentsTx(ctx, tx, []access.PersonID{actor.ID}); err != nil {
			return err
		}
		if m.Grants, err = grantsTx(ctx, tx, grantFilter{Person: actor.ID, Current: true}); err != nil {
			return err
		}
		if m.Consents, err = consentsTx(ctx, tx, actor.ID); err != nil {
			return err
		}
		m.Refs, err = RefsTx(ctx, tx)
		return err
	})
	return m, err
}

// DecideConsent writes the actor's own decision.
func (s *Service) DecideConsent(ctx context.Context, actor access.Actor, purpose string, version int, what string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := DecideConsentTx(ctx, tx, actor.ID, purpose, version, what, s.now()); err != nil {
			return err
		}
		for _, record := range actor.Own() {
			for _, next := range s.onConsent {
				if err := next(ctx, tx, record, purpose, what); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// look is who looked at a person's data on one day for one reason.
type look struct {
	Day      time.Time
	Last     time.Time
	Who      string
	Role     string
	What     string
	Why      string
	Times    int
	stranger access.PersonID
}

// lookWords says what was looked at.
var lookWords = map[string]string{
	"name.read": "имя и место работы", "person.read": "карточка: контакты, работа, роли", "result.read": "результаты диагностики",
	"deficit.read": "что стоит укрепить", "route.read": "маршрут", "answer.read": "ответы на задания", "export.read": "выгрузка",
}

func (s *Service) looks(ctx context.Context, actor access.Actor) (looks []look, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		lines, err := audit.LooksTx(ctx, tx, actor.Own(), 2000)
		if err != nil {
			return err
		}
		looks = foldLooks(lines)
		ids := make([]access.PersonID, len(looks))
		for i, l := range looks {
			ids[i] = l.stranger
		}
		names, err := namesTx(ctx, tx, ids) // whoever looks is named to whom they looked at
		if err != nil {
			return err
		}
		roles, err := rolesTx(ctx, tx, ids)
		if err != nil {
			return err
		}
		for i := range looks {
			n := names[looks[i].stranger]
			looks[i].Who, looks[i].Role = n.Full(), roles[looks[i].stranger]
			if looks[i].Who == "" {
				looks[i].Who = "Сотрудник, чьи данные удалены"
			}
		}
		return nil
	})
	return looks, err
}

// foldLooks makes one entry of what one person looked at on one day for one reason;
// lines come newest first and stay so.
func foldLooks(lines []audit.Line) []look {
	type key struct {
		actor     access.PersonID
		day       time.Time
		what, why string
	}
	at := map[key]int{}
	out := []look{}
	for _, l := range lines {
		what, known := lookWords[l.Action]
		if !known {
			what = strings.TrimSuffix(l.Action, ".read")
		}
		k := key{l.Actor, calendar.Day(l.At), what, l.Purpose}
		if i, seen := at[k]; seen {
			out[i].Times++
			continue
		}
		at[k] = len(out)
		out = append(out, look{Day: k.day, Last: l.At, What: what, Why: l.Purpose, Times: 1, stranger: l.Actor})
	}
	return out
}

// rolesTx tells in words what persons are to the centre today.
func rolesTx(ctx context.Context, tx db.Q, ids []access.PersonID) (map[access.PersonID]string, error) {
	rows, err := db.Select[struct {
		ID   access.PersonID `db:"person_id"`
		Role access.Role     `db:"role"`
	}](ctx, tx, `
		SELECT DISTINCT person_id, role FROM role_grant
		WHERE person_id = ANY($1) AND valid_from <= `+today+` AND (valid_to IS NULL OR valid_to >= `+today+`)
		ORDER BY person_id, role`, db.Array(numbers(ids)))
	if err != nil {
		return nil, fmt.Errorf("roles: %w", err)
	}
	out := map[access.PersonID]string{}
	for _, r := range rows {
		if r.Role != access.Teacher {
			if out[r.ID] != "" {
				out[r.ID] += ", "
			}
			out[r.ID] += r.Role.Name()
		}
	}
	for _, r := range rows {
		if out[r.ID] == "" { // nearly everybody is a teacher: said only of those who are nothing else
			out[r.ID] = r.Role.Name()
		}
	}
	return out, nil
}

func asFault(err error) (*fault.Error, bool) { return errors.AsType[*fault.Error](err) }
