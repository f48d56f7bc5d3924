// Package people knows who is who: persons and their names, where they work and as
// what, what they may do, how they sign in, and what they have consented to.
//
// A person is a bare id to every other package. Names stand here alone, in a table
// that can be emptied; whoever asks for one by NamesTx leaves a line in the journal
// that the person can read.
package people

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
)

// Service holds the use cases of people.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time

	hints     func(ctx context.Context) []SignInHint
	onConsent []func(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error
	onErase   []func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, person access.PersonID) ([]Erased, error)
}

// New makes the service; now is the clock.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool: pool, now: now} }

// SignInHint is a ready sign-in of the demonstration region, shown on the sign-in page.
type SignInHint struct{ Role, Name, Login, Password string }

// ShowSignIns makes the sign-in page list ready sign-ins; only the demonstration calls it.
func (s *Service) ShowSignIns(f func(ctx context.Context) []SignInHint) { s.hints = f }

// OnConsent registers what another context does when a person has given or withdrawn a
// consent on their own page, once for each record of theirs; it joins the transaction.
func (s *Service) OnConsent(f func(ctx context.Context, tx *sqlx.Tx, person access.PersonID, purpose, what string) error) {
	s.onConsent = append(s.onConsent, f)
}

// Appointment is one work of one person: who works where as what, from when to when.
type Appointment struct {
	ID             int64           `db:"id"`
	PersonID       access.PersonID `db:"person_id"`
	OrganisationID int64           `db:"organisation_id"`
	TerritoryID    int64           `db:"territory_id"`
	Position       string          `db:"position_code"`
	Subject        string          `db:"subject_code"` // "" = none
	Load           float64         `db:"load"`
	Main           bool            `db:"main"`
	StartedOn      time.Time       `db:"started_on"`
	EndedOn        *time.Time      `db:"ended_on"`
}

// NewAppointment is an appointment to be made.
type NewAppointment struct {
	OrganisationID int64
	Position       string
	Subject        string  // "" = none
	Load           float64 // 0 = 1
	Second         bool    // not the main place of work
	StartedOn      time.Time
}

// NewPerson is a person to be added with all that is known. Login, appointment and
// grants may be missing.
type NewPerson struct {
	Name         Name
	Email, Phone string

	Login        string // "" = cannot sign in yet
	PasswordHash string // by HashPassword; many may share one
	MustChange   bool   // the password was issued by somebody else

	TeachingSince *time.Time
	Category      string // "" = none
	CategorySince *time.Time

	Appointments []NewAppointment
	Grants       []access.Grant
}

// Passport is what a person is on a day in one part (position and subject): campaigns freeze it.
type Passport struct {
	TerritoryID    int64  `db:"territory_id"`
	OrganisationID int64  `db:"organisation_id"`
	Position       string `db:"position_code"`
	Subject        string `db:"subject_code"` // "" = none
	Category       string `db:"category_code"`
	Experience     string `db:"-"` // code of the experience band, UnknownBand where nobody has told
	Rural          bool   `db:"rural"`
}

// Selection says whose current appointments are meant: in any of the territories or
// organisations (none of both = the whole region), of a position and a subject ("" = any).
type Selection struct {
	Territories   []int64
	Organisations []int64
	Position      string
	Subject       string
}
