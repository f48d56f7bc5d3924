// Package assembly makes diagnostic instruments: an instrument says what is
// measured and for whom, a version of its specification asks for tasks by
// competency element (the blueprint), a variant is a choice of approved tasks
// that fills it.
package assembly

import (
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/internal/access"
)

// Service holds the use cases of this package.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
	bank *bank.Service
}

// New returns the service on a pool; now is the clock.
func New(pool *sqlx.DB, now func() time.Time, bank *bank.Service) *Service {
	return &Service{pool, now, bank}
}

// An Instrument is a diagnostic: what it measures and for whom.
type Instrument struct {
	ID         int64     `db:"id"`
	Code       string    `db:"code"`
	Title      string    `db:"title"`
	About      string    `db:"about"`
	Position   string    `db:"position_code"`
	Subject    string    `db:"subject_code"`
	CodifierID int64     `db:"codifier_id"`
	CreatedAt  time.Time `db:"created_at"`
}

// A Specification is one version of what an instrument consists of.
type Specification struct {
	ID           int64           `db:"id"`
	InstrumentID int64           `db:"instrument_id"`
	Version      int             `db:"version"`
	Minutes      int             `db:"minutes"`
	CreatedBy    access.PersonID `db:"created_by"`
	CreatedAt    time.Time       `db:"created_at"`
}

// A Variant is one choice of tasks for a specification.
type Variant struct {
	ID              int64     `db:"id"`
	SpecificationID int64     `db:"specification_id"`
	Number          int       `db:"number"`
	CreatedAt       time.Time `db:"created_at"`
	Tasks           int       `db:"tasks"`
}

// A VariantTask is one task of a variant.
type VariantTask struct {
	Position      int   `db:"position"`
	TaskVersionID int64 `db:"task_version_id"`
}
