package people

import (
	"context"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

// ConsentText is a text that a person agrees to, or does not.
type ConsentText struct {
	Purpose string `db:"purpose"`
	Version int    `db:"version"`
	Title   string `db:"title"`
	Body    string `db:"body_html"`
}

// Decisions about a consent; all are normal.
const (
	Given     = "given"
	Refused   = "refused"
	Withdrawn = "withdrawn"
)

// ConsentTx tells whether a person's consent to a purpose holds now, and the text in
// force. A consent given to an older version holds until it is withdrawn.
func ConsentTx(ctx context.Context, tx db.Q, person access.PersonID, purpose string) (given bool, text ConsentText, err error) {
	text, err = db.Get[ConsentText](ctx, tx, `
		SELECT purpose, version, title, body_html FROM consent_text
		WHERE purpose = $1 AND valid_from <= `+today+` ORDER BY version DESC LIMIT 1`, purpose)
	if err != nil {
		return false, text, fmt.Errorf("text of consent: %w", err)
	}
	last, err := db.Select[string](ctx, tx, `
		SELECT what FROM consent_event WHERE person_id IN (SELECT r FROM records_of($1) AS r) AND purpose = $2 ORDER BY id DESC LIMIT 1`, person, purpose)
	if err != nil {
		return false, text, fmt.Errorf("consent: %w", err)
	}
	return len(last) == 1 && last[0] == Given, text, nil
}

// ConsentingTx picks, among persons, those whose consent to a purpose holds now.
func ConsentingTx(ctx context.Context, tx db.Q, persons []access.PersonID, purpose string) (map[access.PersonID]bool, error) {
	ids, err := db.Select[access.PersonID](ctx, tx, `
		SELECT u.id FROM unnest($1::bigint[]) AS u (id)
		JOIN LATERAL (SELECT what FROM consent_event
		              WHERE person_id IN (SELECT r FROM records_of(u.id) AS r) AND purpose = $2 ORDER BY id DESC LIMIT 1) last ON last.what = 'given'`, db.Array(numbers(persons)), purpose)
	if err != nil {
		return nil, fmt.Errorf("consents: %w", err)
	}
	out := make(map[access.PersonID]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// WithdrawnTx picks, among persons, those who took back their consent to diagnostics.
func WithdrawnTx(ctx context.Context, tx db.Q, persons []access.PersonID) (map[access.PersonID]bool, error) {
	ids, err := db.Select[access.PersonID](ctx, tx, `
		SELECT id FROM unnest($1::bigint[]) AS u (id) WHERE id IN (SELECT withdrawn())`, db.Array(numbers(persons)))
	if err != nil {
		return nil, fmt.Errorf("withdrawn consents: %w", err)
	}
	out := make(map[access.PersonID]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// SharingTx picks, among persons, those whose results, deficits and routes a reader with
// this scope may see as far as consent goes: everybody who has not withdrawn from
// diagnostics for the whole region, else those who agreed to show them to the methodist
// of the municipality where they work.
func SharingTx(ctx context.Context, tx db.Q, scope access.Scope, persons []access.PersonID) (map[access.PersonID]bool, error) {
	ids, err := db.Select[access.PersonID](ctx, tx, `
		SELECT id FROM unnest($1::bigint[]) AS u (id) WHERE ($2 AND id NOT IN (SELECT withdrawn())) OR id IN (SELECT sharing_results($3))`,
		db.Array(numbers(persons)), scope.All, db.Array(scope.Territories))
	if err != nil {
		return nil, fmt.Errorf("who shares results: %w", err)
	}
	out := make(map[access.PersonID]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// UnsharedWords says that n people are not shown because SharingTx left them out.
func UnsharedWords(n int) string {
	return "Ещё " + web.Plural(n, "человек не дал согласия", "человека не дали согласия", "человек не дали согласия") + " показывать результаты муниципальному методисту."
}

// DecideConsentTx writes a person's own decision about a version of a text. Repeating
// a decision changes nothing; a consent to an outdated text is a Conflict, for the
// person has to read the one in force.
func DecideConsentTx(ctx context.Context, tx db.Q, person access.PersonID, purpose string, version int, what string, now time.Time) error {
	if what != Given && what != Refused && what != Withdrawn {
		return fault.New(fault.Invalid, "Выберите: согласие или отказ")
	}
	given, text, err := ConsentTx(ctx, tx, person, purpose)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return fault.New(fault.Invalid, "Такого согласия нет")
	case err != nil:
		return err
	case what == Given && version != text.Version:
		return fault.New(fault.Conflict, "Текст согласия обновился. Прочитайте новый и решите снова")
	case what == Given && given, what == Withdrawn && !given:
		return nil
	}
	if what != Given {
		version = text.Version
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO consent_event (person_id, purpose, version, what, at) VALUES ($1, $2, $3, $4, $5)`, person, purpose, version, what, now); err != nil {
		return fmt.Errorf("decide a consent: %w", err)
	}
	return audit.RecordTx(ctx, tx, access.Actor{ID: person}, audit.Entry{Action: "consent." + what, ObjectKind: "consent", ObjectID: purpose, Person: person,
		Details: map[string]any{"version": version}})
}

// DecideConsentsTx is DecideConsentTx for many persons at once who have not decided yet;
// the demonstration region uses it.
func DecideConsentsTx(ctx context.Context, tx db.Q, actor access.Actor, persons []access.PersonID, purpose, what string, now time.Time) error {
	_, text, err := ConsentTx(ctx, tx, 0, purpose)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO consent_event (person_id, purpose, version, what, at)
		SELECT id, $2, $3, $4, $5 FROM unnest($1::bigint[]) AS u (id)`, db.Array(numbers(persons)), purpose, text.Version, what, now); err != nil {
		return fmt.Errorf("decide consents: %w", err)
	}
	entries := make([]audit.Entry, len(persons))
	for i, id := range persons {
		entries[i] = audit.Entry{Action: "consent." + what, ObjectKind: "consent", ObjectID: purpose, Person: id, Details: map[string]any{"version": text.Version}}
	}
	return audit.RecordManyTx(ctx, tx, actor, entries)
}
