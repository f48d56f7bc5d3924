// Package campaign says who takes which diagnostic when: campaigns, invitations
// with the participant's passport frozen, the window, extra time, annulment.
package campaign

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Purpose says what a campaign is for; only Real counts in figures.
type Purpose string

// The purposes of a campaign.
const (
	Real      Purpose = "real"
	Trial     Purpose = "trial"
	Rehearsal Purpose = "rehearsal"
)

// Purposes lists the purposes in the order a manager chooses among them.
var Purposes = []Purpose{Real, Trial, Rehearsal}

// Label is the purpose for people.
func (p Purpose) Label() string {
	switch p {
	case Real:
		return "Настоящая: входит в банк дефицитов"
	case Trial:
		return "Проба заданий: в показатели не входит"
	case Rehearsal:
		return "Репетиция: в показатели не входит"
	}
	return string(p)
}

// State says how far a campaign is; it only moves forward.
type State string

// A campaign is prepared, runs, and is over.
const (
	Draft  State = "draft"
	Open   State = "open"
	Closed State = "closed"
)

// Label is the state for people.
func (s State) Label() string {
	switch s {
	case Draft:
		return "готовится"
	case Open:
		return "идёт"
	case Closed:
		return "завершена"
	}
	return string(s)
}

// A Campaign opens the variants of one instrument to invited people for a time.
type Campaign struct {
	ID              int64      `db:"id"`
	Code            string     `db:"code"`
	Title           string     `db:"title"`
	Purpose         Purpose    `db:"purpose"`
	InstrumentID    int64      `db:"instrument_id"`
	SpecificationID int64      `db:"specification_id"`
	ScaleID         int64      `db:"scale_id"`
	OpensAt         time.Time  `db:"opens_at"`
	ClosesAt        time.Time  `db:"closes_at"`
	Minutes         int        `db:"minutes"`
	State           State      `db:"state"`
	PublishedAt     *time.Time `db:"published_at"`
}

// NewCampaign is what a manager decides when making a campaign. An empty Code is
// made from the instrument and the month, no variants mean all of the
// specification, no minutes those of the specification.
type NewCampaign struct {
	Code            string
	Title           string
	Purpose         Purpose
	InstrumentID    int64
	SpecificationID int64
	ScaleID         int64
	Variants        []int64
	OpensAt         time.Time
	ClosesAt        time.Time
	Minutes         int
}

// The longest sitting and window a campaign may have: beyond them it is a slip of the hand.
const (
	maxMinutes = 600
	maxWindow  = 366 * 24 * time.Hour
	maxTitle   = 200 // characters
)

// check names every field that cannot stand on a day.
func (n NewCampaign) check(now time.Time) error {
	wrong := map[string]string{}
	switch length := utf8.RuneCountInString(strings.TrimSpace(n.Title)); {
	case length == 0:
		wrong["title"] = "Назовите диагностику, например «Математика, осень 2026»"
	case length > maxTitle:
		wrong["title"] = "Название длиннее 200 знаков: сократите его"
	}
	if n.Purpose != Real && n.Purpose != Trial && n.Purpose != Rehearsal {
		wrong["purpose"] = "Выберите, для чего диагностика"
	}
	if n.InstrumentID == 0 {
		wrong["instrument"] = "Выберите инструмент"
	}
	if n.ScaleID == 0 {
		wrong["scale"] = "Выберите шкалу"
	}
	switch {
	case n.OpensAt.IsZero():
		wrong["opens_at"] = "Укажите, когда откроется"
	case n.ClosesAt.IsZero():
		wrong["closes_at"] = "Укажите, когда закроется"
	case !n.ClosesAt.After(n.OpensAt):
		wrong["closes_at"] = "Закрыться диагностика должна позже, чем открыться"
	case n.ClosesAt.Sub(n.OpensAt) > maxWindow:
		wrong["closes_at"] = "Окно длиннее года: проверьте даты"
	case !n.ClosesAt.After(now):
		wrong["closes_at"] = "Это окно уже прошло: закрыться диагностика должна в будущем"
	case n.Minutes >= 1 && n.ClosesAt.Sub(n.OpensAt) < time.Duration(n.Minutes)*time.Minute:
		wrong["closes_at"] = "Окно короче, чем время на работу"
	}
	if n.Minutes < 1 || n.Minutes > maxMinutes {
		wrong["minutes"] = "Время на работу: целое число минут, от 1 до 600"
	}
	if len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте отмеченные поля", Fields: wrong}
	}
	return nil
}

// A Registration is one person's invitation, with the passport frozen that day.
type Registration struct {
	ID             int64           `db:"id"`
	CampaignID     int64           `db:"campaign_id"`
	PersonID       access.PersonID `db:"person_id"`
	Code           string          `db:"participant_code"`
	State          string          `db:"state"`
	ExtraMinutes   int             `db:"extra_minutes"`
	TerritoryID    int64           `db:"territory_id"`
	OrganisationID int64           `db:"organisation_id"`
	Position       string          `db:"position_code"`
	Subject        string          `db:"subject_code"`
	Category       string          `db:"category_code"`
	Experience     string          `db:"experience_code"`
	Rural          bool            `db:"rural"`
}

// States of a registration. Refusal and withdrawal are normal and have no consequence.
const (
	Invited   = "invited"
	Refused   = "refused"
	Withdrawn = "withdrawn"
)

// Terms are what a sitting must know of its campaign and registration.
type Terms struct {
	RegistrationID int64     `db:"registration_id"`
	CampaignID     int64     `db:"campaign_id"`
	Title          string    `db:"title"`
	Purpose        Purpose   `db:"purpose"`
	State          State     `db:"state"`
	OpensAt        time.Time `db:"opens_at"`
	ClosesAt       time.Time `db:"closes_at"`
	Minutes        int       `db:"minutes"`
	ExtraMinutes   int       `db:"extra_minutes"`
	Registration   string    `db:"registration_state"`
	Code           string    `db:"participant_code"`
	Instrument     string    `db:"instrument_title"`
	About          string    `db:"instrument_about"`
}

// Deadline is when a sitting begun at started ends: its minutes, cut by the
// window, and after that the minutes given to this person alone.
func (t Terms) Deadline(started time.Time) time.Time {
	end := started.Add(time.Duration(t.Minutes) * time.Minute)
	if t.ClosesAt.Before(end) {
		end = t.ClosesAt
	}
	return end.Add(time.Duration(t.ExtraMinutes) * time.Minute)
}

// AdmitsAt says why a sitting cannot begin now; nil means it can.
func (t Terms) AdmitsAt(now time.Time) error {
	switch {
	case t.Registration != Invited:
		return fault.New(fault.Conflict, "Вы отказались от этой диагностики. Если передумали, прочитайте согласие на её странице и решите снова")
	case t.State == Draft || now.Before(t.OpensAt):
		return fault.New(fault.Conflict, "Диагностика ещё не открылась")
	case t.State == Closed || !now.Before(t.ClosesAt):
		return fault.New(fault.Conflict, "Диагностика уже закрылась")
	}
	return nil
}
