// Package sitting is what happens between a teacher and the server during a
// diagnostic: consent, start, saved answers, submission, closing in time.
//
// What it promises: an answer that was acknowledged is durable; it comes back
// exactly as sent; nothing is accepted after the deadline, which is the
// server's alone; what comes late is kept apart; one writer at a time.
package sitting

import (
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
)

// State says how far an attempt is; it only moves forward.
type State string

// The states of an attempt. One that is submitted was closed by its
// participant, by the deadline or by a manager.
const (
	Assigned   State = "assigned"
	InProgress State = "in_progress"
	Submitted  State = "submitted"
	Annulled   State = "annulled"
)

// Who closed an attempt.
const (
	byParticipant = "participant"
	byDeadline    = "deadline"
	byManager     = "manager"
)

// An Attempt is one sitting of one campaign by one person. In URLs and in the
// API it is known by PublicID.
type Attempt struct {
	ID             int64           `db:"id"`
	PublicID       string          `db:"public_id"`
	RegistrationID int64           `db:"registration_id"`
	CampaignID     int64           `db:"campaign_id"`
	PersonID       access.PersonID `db:"person_id"`
	VariantID      *int64          `db:"variant_id"`
	State          State           `db:"state"`
	Lease          *string         `db:"lease"`
	StartedAt      *time.Time      `db:"started_at"`
	Deadline       *time.Time      `db:"deadline"`
	SubmittedAt    *time.Time      `db:"submitted_at"`
	ClosedBy       *string         `db:"closed_by"`
	Answers        *int            `db:"answers"`
	Digest         *string         `db:"digest"`
}

// overdue tells whether the deadline has passed with nobody having closed the attempt yet.
func (a Attempt) overdue(now time.Time) bool {
	return a.State == InProgress && a.Deadline != nil && !now.Before(*a.Deadline)
}

// holds tells whether lease is the live one.
func (a Attempt) holds(lease string) bool {
	return a.State == InProgress && a.Lease != nil && lease != "" && *a.Lease == lease
}

// A ManifestTask is one task of an attempt, frozen at its start.
type ManifestTask struct {
	ID            string `json:"id"`
	Position      int    `json:"position"`
	TaskVersionID int64  `json:"task_version_id"`
	Part          string `json:"part"`
	Kind          string `json:"kind"`
}

// Closed is a finished attempt as those who score it read it.
type Closed struct {
	Attempt  Attempt
	Manifest []ManifestTask
	Answers  map[string]Held // by task; a task without an answer is absent
	Files    map[string][]File
}
