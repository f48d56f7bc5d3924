// Package bank keeps the tasks: each with a working copy of its author,
// immutable versions, and the word of a second person on each version.
//
// Keys stand in a table of their own. Only KeyedTx reads it for scoring and
// marking, and the pages of authors and reviewers; a look at a key is journalled.
package bank

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/diagnostics/task/formula"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Service holds the use cases of this package.
type Service struct {
	pool  *sqlx.DB
	now   func() time.Time
	tex   *formula.Renderer
	links Links
}

// New returns the service on a pool; now is the clock.
func New(pool *sqlx.DB, now func() time.Time) *Service {
	return &Service{pool: pool, now: now, tex: formula.New()}
}

// State is where a task stands; it follows from its newest version.
type State string

// The states of a task.
const (
	Draft    State = "draft"    // never sent to review
	InReview State = "review"   // the newest version waits for a second person
	Returned State = "returned" // the newest version came back to its author
	Approved State = "approved" // the newest version may go into variants
	Retired  State = "retired"  // taken out of use; old variants keep it
)

// States lists them in the order of a task's life.
var States = []State{Draft, InReview, Returned, Approved, Retired}

// Label is the state's name for people.
func (s State) Label() string {
	switch s {
	case Draft:
		return "Черновик"
	case InReview:
		return "На проверке"
	case Returned:
		return "Вернули автору"
	case Approved:
		return "Утверждено"
	case Retired:
		return "Снято"
	}
	return string(s)
}

// Version is one immutable version of a task without its key. Shown is the
// stored View of package task. Elements are weights that add up to 1.
type Version struct {
	ID         int64              `db:"id"`
	TaskID     int64              `db:"task_id"`
	Code       string             `db:"code"`
	Number     int                `db:"version"`
	Kind       task.Kind          `db:"kind"`
	Part       task.Part          `db:"part"`
	Level      task.Level         `db:"level"`
	MaxPoints  float64            `db:"max_points"`
	Minutes    int                `db:"minutes"`
	Skill      string             `db:"skill"`
	CodifierID int64              `db:"codifier_id"`
	Shown      json.RawMessage    `db:"shown"`
	CreatedBy  access.PersonID    `db:"created_by"`
	CreatedAt  time.Time          `db:"created_at"`
	Elements   map[string]float64 `db:"-"`
}

// Verdict is what a reviewer says of a version.
type Verdict string

// The verdicts; a remark decides nothing.
const (
	Approve Verdict = "approved"
	Return  Verdict = "returned"
	Remark  Verdict = "comment"
)

// Label is the verdict for people.
func (v Verdict) Label() string {
	switch v {
	case Approve:
		return "Утверждено"
	case Return:
		return "Возвращено автору"
	case Remark:
		return "Замечание"
	}
	return string(v)
}

// Review is one word of a reviewer.
type Review struct {
	VersionID int64           `db:"task_version_id"`
	Number    int             `db:"version"` // of the version, for the page
	Reviewer  access.PersonID `db:"reviewer_id"`
	Verdict   Verdict         `db:"verdict"`
	Comment   string          `db:"comment"`
	At        time.Time       `db:"at"`
}

// accepts tells why a verdict by reviewer on a version is refused. decided says
// that the version was approved or returned already; newest that no later one exists.
func accepts(v Version, reviewer access.Actor, verdict Verdict, comment string, decided, newest bool) error {
	switch {
	case v.CreatedBy == reviewer.ID:
		return fault.New(fault.Forbidden, "Своё задание проверяет другой человек")
	case !newest:
		return fault.New(fault.Conflict, "У задания уже есть более новая версия. Откройте её")
	case verdict == Approve:
	case verdict != Return && verdict != Remark:
		return fault.Field("verdict", "Выберите решение")
	case strings.TrimSpace(comment) == "":
		return fault.Field("comment", "Напишите автору, что поправить")
	}
	if decided && verdict != Remark {
		return fault.New(fault.Conflict, "По этой версии уже есть решение")
	}
	return nil
}

// A Working is an author's working copy: it may still lack anything.
type Working struct {
	CodifierID int64        `json:"codifier_id"`
	Task       task.Written `json:"task"`
}

// refusal turns faults of a task into a refusal by field of the form.
func refusal(err error) error {
	faults := task.FaultsOf(err)
	if faults == nil {
		return err
	}
	fields := map[string]string{}
	for _, f := range faults {
		field := formField(f.Field)
		if fields[field] != "" {
			fields[field] += "; "
		}
		fields[field] += f.Want
	}
	return &fault.Error{Kind: fault.Invalid, Message: "В задании есть что поправить: " + faults[0].Error(), Fields: fields}
}

// formField is the id of the form's part that holds a field of the format.
func formField(field string) string {
	switch field {
	case "id":
		return "code"
	case "left", "right", "gaps", "criteria", "options", "elements", "body", "key", "max", "minutes", "level", "part", "scoring",
		"skill", "solution", "exemplars", "zero_by", "discrepancy", "unit", "max_length":
		return field
	}
	return "body"
}
