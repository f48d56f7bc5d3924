package routes

import (
	"slices"
	"time"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// leadDays is how long before a session begins it can still be planned.
const leadDays = 3

// demands are what a methodist asks of a plan beyond the rules.
type demands struct {
	locked    []plan.Lock
	forbidden []string
	done      []string // programmes finished before or outside the route
	required  []string
	underWay  []string // programmes whose step is done or begun: wishes are not asked of them
	wishes    *plan.Preferences
}

// problemOf makes the planner's problem for one person: programmes that suit them and close something (and what those
// require), sessions that have not begun, seats that are free. held are sessions the person's own route already holds.
func problemOf(needs []Need, programmes []Programme, lim Limits, d demands, held map[int64]bool, today time.Time) plan.Problem {
	hours := float64(lim.Hours)
	from, end := plan.DayOf(today), plan.DayOf(horizon(today))
	to := end
	p := plan.Problem{Limits: plan.Limits{Hours: &hours, To: &to}, HourPenalty: hourPenalty}
	if lim.Cost >= 0 {
		cost := float64(lim.Cost)
		p.Limits.Cost = &cost
	}
	t := plan.Teacher{ID: "t", Deficits: map[string]float64{}, Done: []string{}, Locked: d.locked, Forbidden: []string{}}
	position, subject := "", ""
	for _, n := range needs {
		if w := n.Weight(); w > 0 {
			t.Deficits[n.Element] = w
		}
		position, subject = n.Position, n.Subject
		t.ID = n.Code
	}
	p.Programmes, t.Done, t.Forbidden = choose(programmes, func(g Programme) bool {
		return g.Open(today) && g.SuitedTo(position, subject) && slices.ContainsFunc(g.Covers, func(c Cover) bool { return t.Deficits[c.Element] > 0 })
	}, d, func(g Programme, s Session) (plan.Session, bool) {
		locked := slices.Contains(d.locked, plan.Lock{Programme: g.Code, Session: s.Code})
		soon := plan.DayOf(s.StartsOn) < from+leadDays
		if held[s.ID] { // whoever has a seat may come until the first day
			soon = plan.DayOf(s.StartsOn) < from
		}
		if !locked && (s.CancelledAt != nil || soon || plan.DayOf(s.EndsOn) > end) {
			return plan.Session{}, false
		}
		to = max(to, plan.DayOf(s.EndsOn))
		seats := s.Free()
		if held[s.ID] {
			seats++ // the route's own
		}
		if locked {
			seats = max(1, seats) // a lock is the methodist's word, also where the group is full
		}
		return plan.Session{ID: s.Code, Start: plan.DayOf(s.StartsOn), End: plan.DayOf(s.EndsOn), Mode: plan.Mode(s.Mode), Seats: &seats, Venue: venueOf(s)}, true
	})
	known := func(codes []string) []string {
		return slices.DeleteFunc(slices.Clone(codes), func(c string) bool {
			return !slices.ContainsFunc(p.Programmes, func(g plan.Programme) bool { return g.ID == c })
		})
	}
	t.Required, t.UnderWay, t.Preferences = known(d.required), known(d.underWay), d.wishes
	p.Teachers = []plan.Teacher{t}
	return p
}

// horizon is the last day of a route made today: the end of the school year, or of the next one where this one is
// nearly over.
func horizon(today time.Time) time.Time {
	end := time.Date(calendar.SchoolYear(today)+1, time.August, 31, 0, 0, 0, 0, time.UTC)
	if end.Before(today.AddDate(0, 5, 0)) {
		end = end.AddDate(1, 0, 0)
	}
	return end
}

// choose picks the programmes that a predicate wants with all that they require, as the planner's values. Done and
// forbidden come back cut down to what is known there.
func choose(programmes []Programme, wanted func(Programme) bool, d demands, session func(Programme, Session) (plan.Session, bool)) (out []plan.Programme, done, forbidden []string) {
	byCode := map[string]Programme{}
	for _, g := range programmes {
		byCode[g.Code] = g
	}
	take := map[string]bool{}
	var add func(code string) bool
	add = func(code string) bool {
		g, ok := byCode[code]
		if !ok {
			return slices.Contains(d.done, code)
		}
		if take[code] {
			return true
		}
		take[code] = true
		for _, q := range g.Requires {
			if !add(q) {
				take[code] = false
				return false
			}
		}
		return true
	}
	for _, g := range programmes {
		switch must := slices.Contains(d.required, g.Code) || slices.ContainsFunc(d.locked, func(l plan.Lock) bool { return l.Programme == g.Code }); {
		case must:
			add(g.Code)
			take[g.Code] = true
		case wanted(g):
			add(g.Code)
		}
	}
	done, forbidden = []string{}, []string{}
	for _, g := range programmes {
		if !take[g.Code] {
			continue
		}
		x := plan.Programme{ID: g.Code, Hours: float64(g.Hours), Cost: float64(g.Cost), Covers: map[string]float64{}, Sessions: []plan.Session{}, Group: g.Equivalents}
		for _, c := range g.Covers {
			x.Covers[c.Element] = c.Share
		}
		for _, q := range g.Requires {
			if take[q] {
				x.Requires = append(x.Requires, q)
			}
		}
		for _, s := range g.Sessions {
			if ps, ok := session(g, s); ok {
				x.Sessions = append(x.Sessions, ps)
			}
		}
		if slices.Contains(d.done, g.Code) {
			done = append(done, g.Code)
		}
		if slices.Contains(d.forbidden, g.Code) {
			forbidden = append(forbidden, g.Code)
		}
		out = append(out, x)
	}
	if out == nil {
		out = []plan.Programme{}
	}
	return out, done, forbidden
}

// total is the weight of all that a person needs.
func total(t plan.Teacher) float64 { return sum(t.Deficits) }
