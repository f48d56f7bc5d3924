// Package plan makes the best use of a teacher's hours: given weighted deficits, programmes with
// sessions, limits and shared seats, it chooses who goes where and proves how good the choice is.
//
// It is pure: no SQL, HTTP, clock or randomness. The same problem gives the same answer on every
// machine unless Options.TimeLimit is set.
//
// The model. Over all teachers t maximise
//
//	Σ_e weight(t,e) · min(1, Σ_{p chosen for t} share(p,e)) − hour_penalty · hours(t)
//
// under the rules of limits, dates, clashes of full-time days, requirements, groups and seats.
// solve.go holds the exact search for one teacher, region.go the prices on seats for many,
// check.go an independent reading of the same rules that judges every answer.
package plan

import (
	"fmt"
	"time"
)

// Day is a calendar day counted from 1 January 1970.
type Day int

// ParseDay reads "2006-01-02"; dates that are not of the calendar are refused.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return Day(t.Unix() / 86400), nil
}

// DayOf is the calendar day of a moment in its own zone.
func DayOf(t time.Time) Day {
	return Day(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Time is midnight UTC of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String is the day as "2006-01-02".
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText writes the day as "2006-01-02".
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "2006-01-02".
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}

// Month is a calendar month counted from January of year 0.
type Month int

// ParseMonth reads "2006-01".
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, err
	}
	return Month(t.Year()*12 + int(t.Month()) - 1), nil
}

// Month is the month a day falls in.
func (d Day) Month() Month {
	t := d.Time()
	return Month(t.Year()*12 + int(t.Month()) - 1)
}

// String is the month as "2006-01".
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", int(m)/12, int(m)%12+1) }

// MarshalText writes the month as "2006-01".
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "2006-01".
func (m *Month) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMonth(string(b))
	return err
}

// monthsOf spreads hours evenly over the days of a session and gathers them by month.
func monthsOf(hours float64, start, end Day) []monthPart {
	var out []monthPart
	days := float64(end-start) + 1
	for d := start; d <= end; {
		m := d.Month()
		t := d.Time()
		next := DayOf(time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC))
		last := min(end, next-1)
		out = append(out, monthPart{m, hours * (float64(last-d) + 1) / days})
		d = last + 1
	}
	return out
}

// Limits bound a route. A nil field is no limit; zero is zero.
type Limits struct {
	Hours *float64 `json:"hours,omitempty"`
	Cost  *float64 `json:"cost,omitempty"`
	From  *Day     `json:"from,omitempty"`
	To    *Day     `json:"to,omitempty"`
}

// over gives the limits of one teacher: own where set, else the common ones.
func (l Limits) over(common Limits) Limits {
	if l.Hours == nil {
		l.Hours = common.Hours
	}
	if l.Cost == nil {
		l.Cost = common.Cost
	}
	if l.From == nil {
		l.From = common.From
	}
	if l.To == nil {
		l.To = common.To
	}
	return l
}

// Mode tells whether a session takes whole days away from school.
type Mode string

// The two modes of a session.
const (
	FullTime Mode = "full-time"
	Online   Mode = "online"
)

// Session is one run of a programme. Seats nil means as many as wanted.
type Session struct {
	ID    string `json:"id"`
	Start Day    `json:"start"`
	End   Day    `json:"end"`
	Mode  Mode   `json:"mode"`
	Seats *int   `json:"seats,omitempty"`
	Venue string `json:"venue,omitempty"`
}

// Programme is something a teacher can take; Covers tells which share (0…1) of each element it closes.
type Programme struct {
	ID       string             `json:"id"`
	Hours    float64            `json:"hours"`
	Cost     float64            `json:"cost"`
	Covers   map[string]float64 `json:"covers"`
	Sessions []Session          `json:"sessions"`
	Requires []string           `json:"requires,omitempty"`
	Group    string             `json:"group,omitempty"`
}

// Span is a run of days, both ends included.
type Span struct {
	Start Day `json:"start"`
	End   Day `json:"end"`
}

// Lock is a step that has to be in the route; an empty Session leaves the choice of session free.
type Lock struct {
	Programme string `json:"programme"`
	Session   string `json:"session,omitempty"`
}

// Preferences are wishes about the form, the place and the time of steps that a plan has to keep: every session is of
// a form and at a venue named, all its days fall in months named, and the hours of a month stay under HoursAMonth
// (the hours of a session are spread evenly over its days). An empty list or nil is no wish.
type Preferences struct {
	Modes       []Mode   `json:"modes,omitempty"`
	Venues      []string `json:"venues,omitempty"`
	Months      []Month  `json:"months,omitempty"`
	HoursAMonth *float64 `json:"hours_a_month,omitempty"`
}

// Teacher is one person with weighted deficits. Locked, Required and Forbidden are the methodist's demands: steps and
// programmes that have to be in the route, and programmes that must not be. Keep are the steps
// of the route that stands: a plan made anew leaves one out, or moves it to another session, only where that is worth
// more than the problem's ChangePenalty. UnderWay are programmes begun already: no preference is asked of their steps,
// though their hours fill their months. Territory is the municipality, for fairness between them.
type Teacher struct {
	ID          string             `json:"id"`
	Deficits    map[string]float64 `json:"deficits"`
	Done        []string           `json:"done,omitempty"`
	Limits      Limits             `json:"limits"`
	Unavailable []Span             `json:"unavailable,omitempty"`
	Locked      []Lock             `json:"locked,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Forbidden   []string           `json:"forbidden,omitempty"`
	Preferences *Preferences       `json:"preferences,omitempty"`
	Keep        []Lock             `json:"keep,omitempty"`
	UnderWay    []string           `json:"under_way,omitempty"`
	Territory   string             `json:"territory,omitempty"`
}

// demands are the locked steps and the required programmes as locks.
func (t *Teacher) demands() []Lock {
	out := t.Locked
	for _, q := range t.Required {
		out = append(out[:len(out):len(out)], Lock{Programme: q})
	}
	return out
}

// Problem is all that a plan is made of.
type Problem struct {
	Limits      Limits      `json:"limits"`
	HourPenalty float64     `json:"hour_penalty"`
	Programmes  []Programme `json:"programmes"`
	Teachers    []Teacher   `json:"teachers"`
	// Equivalents are sets of programmes that stand for each other: a route holds at most one of a set, and one done
	// counts as all done. One chosen does not: what requires a programme, or asks for it, wants that very one.
	Equivalents [][]string `json:"equivalents,omitempty"`
	// ChangePenalty is what each step of Keep costs that a new plan leaves out or moves: with it, the objective is
	// less by ChangePenalty for each.
	ChangePenalty float64 `json:"change_penalty,omitempty"`
	// Fairness asks that the covered share of all deficits of every territory is at least this part of the region's
	// mean; nil asks for nothing.
	Fairness *float64 `json:"fairness,omitempty"`
}

// Step is one programme chosen for a teacher. Closes is the weighted gain by element in the order of the steps.
type Step struct {
	Programme string             `json:"programme"`
	Session   string             `json:"session"`
	Start     Day                `json:"start"`
	End       Day                `json:"end"`
	Hours     float64            `json:"hours"`
	Cost      float64            `json:"cost"`
	Closes    map[string]float64 `json:"closes"`
}

// Why an element stays uncovered.
type Why string

// The reasons of the contract, from "nobody offers it" to "it would not be worth the hours".
const (
	NoProgramme Why = "no_programme"
	NoSeats     Why = "no_seats"
	NoHours     Why = "no_hours"
	NoCost      Why = "no_cost"
	NoDates     Why = "no_dates"
	NotWorth    Why = "not_worth"
	// Demanded: without the steps that the methodist locked, forbade or wants otherwise, the best route closes more of it.
	Demanded Why = "demand"
)

// Uncovered is what is left of a deficit; Weight is the part of its weight that no step closes.
type Uncovered struct {
	Element string  `json:"element"`
	Weight  float64 `json:"weight"`
	Why     Why     `json:"why"`
}

// Change tells how a new plan differs from the steps that stood.
type Change struct {
	Kept    []Lock `json:"kept"`
	Dropped []Lock `json:"dropped"`
	Added   []Lock `json:"added"`
}

// Route is the plan of one teacher. Coverage = Σ weight · covered share. Conflict names a set of demands
// that cannot hold together and of which none can be left out (then the route holds no step), Smallest tells whether it
// is proved that no set of fewer conflicts; both are absent otherwise. Change is there when the teacher
// had steps to keep, Reasons when they were asked for.
type Route struct {
	ID        string      `json:"id"`
	Steps     []Step      `json:"steps"`
	Hours     float64     `json:"hours"`
	Cost      float64     `json:"cost"`
	Coverage  float64     `json:"coverage"`
	Uncovered []Uncovered `json:"uncovered"`
	Conflict  []Demand    `json:"conflict,omitempty"`
	Smallest  *bool       `json:"conflict_smallest,omitempty"`
	Change    *Change     `json:"change,omitempty"`
	Reasons   []Reason    `json:"reasons,omitzero"`
	MoreHours *float64    `json:"ten_more_hours,omitempty"` // coverage that ten more hours would add
}

// Unmet is the demand that the plan leaves open over all teachers: the order for new programmes and groups.
type Unmet struct {
	Element  string  `json:"element"`
	Weight   float64 `json:"weight"`
	Teachers int     `json:"teachers"`
}

// Answer is a plan with its proof: no plan can be better than Bound.
// Gap = (Bound − Objective) / max(|Objective|, 1e−9).
type Answer struct {
	Objective float64  `json:"objective"`
	Bound     float64  `json:"bound"`
	Gap       float64  `json:"gap"`
	Teachers  []Route  `json:"teachers"`
	Unmet     []Unmet  `json:"unmet"`
	Fair      *Fair    `json:"fairness,omitempty"`
	Skipped   []string `json:"skipped,omitempty"`
	Warnings  []string `json:"warnings"`
}
