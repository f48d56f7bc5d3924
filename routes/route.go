package routes

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// State is where a route stands.
type State string

// The life of a route: draft → proposed → agreed (or declined, with a reason) → in progress → completed. A change of
// steps makes a new draft, which the teacher is asked about again.
const (
	Draft           State = "draft"
	Proposed        State = "proposed"
	Declined        State = "declined"
	Agreed          State = "agreed"
	InProgress      State = "in_progress"
	Completed       State = "completed"
	PartlyCompleted State = "partly_completed"
	Cancelled       State = "cancelled"
)

// States in the order of a route's life.
var States = []State{Draft, Proposed, Declined, Agreed, InProgress, Completed, PartlyCompleted, Cancelled}

var stateNames = map[State]string{Draft: "черновик", Proposed: "ждёт ответа педагога", Declined: "педагог просит изменить", Agreed: "согласован",
	InProgress: "идёт", Completed: "завершён", PartlyCompleted: "завершён частично", Cancelled: "отменён"}

// Two groups of states that lists and home pages speak of: routes under way, and routes at their end.
const (
	Going    State = "going"
	Finished State = "finished"
)

// members are the states of a group, or the state itself, separated by commas.
func (s State) members() string {
	switch s {
	case Going:
		return string(Agreed) + "," + string(InProgress)
	case Finished:
		return string(Completed) + "," + string(PartlyCompleted)
	}
	return string(s)
}

// Name is the state in Russian.
func (s State) Name() string { return stateNames[s] }

// Tag is the class of the state's mark.
func (s State) Tag() string {
	switch s {
	case Agreed, Completed:
		return "tag-good"
	case Proposed, Draft:
		return "tag-wait"
	case Declined:
		return "tag-weak"
	case InProgress:
		return "tag-go"
	}
	return "tag-none"
}

var moves = map[State][]State{
	Draft:      {Draft, Proposed, Cancelled},
	Proposed:   {Draft, Agreed, Declined, Cancelled},
	Declined:   {Draft, Cancelled},
	Agreed:     {Draft, InProgress, Cancelled},
	InProgress: {Draft, InProgress, Completed, PartlyCompleted, Cancelled},
}

// MayBecome tells whether a route in this state may go over to another.
func (s State) MayBecome(to State) bool { return slices.Contains(moves[s], to) }

// Open tells whether the route can still change.
func (s State) Open() bool { return len(moves[s]) > 0 }

// Route is a person's learning route with its current version.
type Route struct {
	ID           int64           `db:"id"`
	Person       access.PersonID `db:"person_id"`
	Campaign     int64           `db:"campaign_id"`
	Registration int64           `db:"registration_id"`
	Territory    int64           `db:"territory_id"`
	Organisation int64           `db:"organisation_id"`
	Position     string          `db:"position_code"`
	Subject      string          `db:"subject_code"`
	State        State           `db:"state"`
	Version      int             `db:"version"`
	Curator      access.PersonID `db:"curator_id"`
	CreatedAt    time.Time       `db:"created_at"`
	ChangedAt    time.Time       `db:"changed_at"`

	Content  `db:"-"`
	Made     Version            `db:"-"`
	Progress map[int64]Progress `db:"-"` // by programme: the last event
}

// Version is who made a version of a route, when and why.
type Version struct {
	ID      int64           `db:"id"`
	Version int             `db:"version"`
	State   State           `db:"state"`
	Reason  string          `db:"reason"`
	By      access.PersonID `db:"made_by"`
	At      time.Time       `db:"made_at"`
	Hours   int             `db:"hours"`
	Cost    int             `db:"cost"`
	Cover   float64         `db:"coverage"`
	Best    float64         `db:"best_coverage"`
}

// Content is what a version holds: the problem as it was, the steps and what the planner says of them.
type Content struct {
	Problem plan.Problem // one teacher; programmes and sessions by their codes
	Plan    Planned
	Steps   []Step
}

// Planned is what the planner said when a version was made.
type Planned struct {
	Route plan.Route `json:"route"`
	Best  plan.Route `json:"best"` // the best route under the same demands
	More  float64    `json:"more"` // what ten more hours would add to the best, in weight
	Total float64    `json:"total"`
	// Free is the coverage of the best route without any demand of the methodist; 0 where there is none.
	Free   float64 `json:"free,omitempty"`
	Prices []Price `json:"prices,omitempty"` // of each demand alone
	Asked  *Wished `json:"asked,omitempty"`  // whose the preferences are
	Note   string  `json:"note,omitempty"`   // what the teacher is told of the last change
	Undone *Undone `json:"undone,omitempty"` // of a version that repeats an earlier one
}

// DemandsPrice is what all demands together cost, as a share of all that is needed: the best route would
// close so much more without them.
func (p Planned) DemandsPrice() float64 {
	if p.Free <= 0 {
		return 0
	}
	return max(0, ratio(p.Free, p.Total)-p.BestCoverage())
}

// FreeCoverage is the share that the best route without any demand closes.
func (p Planned) FreeCoverage() float64 { return ratio(p.Free, p.Total) }

// Coverage is the share of all that is needed which the steps close.
func (p Planned) Coverage() float64 { return ratio(p.Route.Coverage, p.Total) }

// BestCoverage is the share that the best route under the same demands closes.
func (p Planned) BestCoverage() float64 { return ratio(p.Best.Coverage, p.Total) }

// MoreCoverage is what ten more hours would add to the best route, as a share.
func (p Planned) MoreCoverage() float64 { return ratio(p.More, p.Total) }

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return min(1, a/b)
}

// Step is one step of a version.
type Step struct {
	Position   int             `db:"position"`
	Programme  int64           `db:"programme_id"`
	Session    int64           `db:"session_id"`
	StartsOn   time.Time       `db:"starts_on"`
	EndsOn     time.Time       `db:"ends_on"`
	Hours      int             `db:"hours"`
	Cost       int             `db:"cost"`
	Locked     bool            `db:"locked"`
	Origin     string          `db:"origin"` // plan, methodist
	ClosesJSON json.RawMessage `db:"closes"`
	WhyJSON    json.RawMessage `db:"why"`

	Code   string             `db:"-"` // of the programme
	Group  string             `db:"-"` // code of the session
	Closes map[string]float64 `db:"-"` // element → weighted gain
	Why    []string           `db:"-"`
}

// Progress is what was last done of a programme of a route.
type Progress struct {
	Programme int64           `db:"programme_id"`
	What      string          `db:"what"` // started, done, undone
	Document  string          `db:"document"`
	File      *string         `db:"file_sha256"`
	Note      string          `db:"note"`
	By        access.PersonID `db:"by_id"`
	At        time.Time       `db:"at"`
}

// Done tells whether the step's programme is done.
func (r Route) Done(programme int64) bool { return r.Progress[programme].What == "done" }

// Started tells whether the step's programme was begun or done.
func (r Route) Started(programme int64) bool {
	return r.Progress[programme].What == "started" || r.Done(programme)
}

// HoursDone sums the hours of the steps that are done.
func (r Route) HoursDone() int {
	n := 0
	for _, s := range r.Steps {
		if r.Done(s.Programme) {
			n += s.Hours
		}
	}
	return n
}

// StepsDone counts the steps that are done.
func (r Route) StepsDone() int {
	n := 0
	for _, s := range r.Steps {
		if r.Done(s.Programme) {
			n++
		}
	}
	return n
}

// Teacher is the planner's view of the person.
func (c Content) Teacher() plan.Teacher {
	if len(c.Problem.Teachers) == 0 {
		return plan.Teacher{}
	}
	return c.Problem.Teachers[0]
}

// HourLimit and CostLimit are the limits of the route; −1 means none.
func (c Content) HourLimit() float64 { return limitOf(c.Problem.Limits.Hours) }

// CostLimit is the limit of money in roubles; −1 means none.
func (c Content) CostLimit() float64 { return limitOf(c.Problem.Limits.Cost) }

func limitOf(l *float64) float64 {
	if l == nil {
		return -1
	}
	return *l
}

// chosen lists the steps as the planner names them.
func (c Content) chosen() []plan.Lock {
	out := make([]plan.Lock, len(c.Steps))
	for i, s := range c.Steps {
		out[i] = plan.Lock{Programme: s.Code, Session: s.Group}
	}
	return out
}

func (r Route) refuseMove(to State) error {
	if r.State.MayBecome(to) {
		return nil
	}
	return fault.New(fault.Conflict, "Маршрут сейчас в состоянии «%s»: так сделать уже нельзя", r.State.Name())
}

// Limits of a proposal.
type Limits struct {
	Hours int // a year
	Cost  int // roubles; −1: no limit
}

// DefaultLimits is what a proposal starts from: two courses of 36 hours a year.
var DefaultLimits = Limits{Hours: 72, Cost: 20_000}

// hourPenalty is what an hour costs in shares of a deficit: small, so that it only breaks ties and keeps out what
// closes next to nothing.
const hourPenalty = 0.0002
