package people

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
)

// ErasureDays is how long data may be kept after a consent was withdrawn, as its text
// promises (152-FZ, art. 21, part 5).
const ErasureDays = 30

// Erased is one kind of data in an act of erasure, and how many records went.
type Erased struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// An Act is the record of one erasure: it names nobody. It and the journal's lines about
// the person are what Roskomnadzor's order 179 of 28.10.2022 asks to keep for three years.
type Act struct {
	PublicID   string          `json:"-" db:"public_id"` // of the empty shell
	PersonID   access.PersonID `json:"-" db:"person_id"`
	ErasedAt   time.Time       `json:"-" db:"erased_at"`
	Reason     string          `json:"-" db:"reason"`
	Number     int             `json:"number"`
	Commission string          `json:"commission,omitempty"`
	By         access.PersonID `json:"by"` // 0 = the program itself, when the term ran out
	Withdrawn  *time.Time      `json:"withdrawn_at,omitempty"`
	Gone       []Erased        `json:"gone"`
}

// Total is how many records went in all.
func (a Act) Total() int {
	n := 0
	for _, g := range a.Gone {
		n += g.Count
	}
	return n
}

// dueErasure is somebody who took the consent to diagnostics back.
type dueErasure struct {
	ID       access.PersonID `db:"id"`
	PublicID string          `db:"public_id"`
	Name
	Where string    `db:"place"`
	At    time.Time `db:"at"`
	Staff bool      `db:"staff"` // holds a role of staff: never erased by the clock
}

// DueOn is the last day on which the data may still be held.
func (d dueErasure) DueOn() time.Time { return dueOn(d.At) }

// DaysLeft counts full days to the last one, negative when it is past.
func (d dueErasure) DaysLeft(now time.Time) int {
	return int(d.DueOn().Sub(calendar.Day(now)).Hours() / 24)
}

func dueOn(withdrawn time.Time) time.Time { return calendar.Day(withdrawn).AddDate(0, 0, ErasureDays) }

// OnErase registers what another context empties of a person who has just been marked as
// erased; it joins the transaction and says what went.
func (s *Service) OnErase(f func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, person access.PersonID) ([]Erased, error)) {
	s.onErase = append(s.onErase, f)
}
