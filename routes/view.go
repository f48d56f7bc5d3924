package routes

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// needView is one deficit beside a route.
type needView struct {
	Element Element
	Need    Need
	Closed  float64 // share of the deficit that the route closes
	Left    string  // why the rest stays open
}

// sure tells whether the diagnostic says, or rather says, that the theme is to be
// strengthened; otherwise it is only worth checking.
func (n needView) sure() bool {
	v := n.Need.Said().Verdict()
	return v == competency.Weak || v == competency.Likely
}

// Say is what the diagnostic says of the theme and how much there is to strengthen, as
// the printed form words it.
func (n needView) Say() string { return n.Need.Said().Words() }

// Strengthen lists the needs that are to be strengthened, Check those worth a check only.
func (v editorView) Strengthen() []needView { return v.needs(true) }

// Check lists the needs of which the diagnostic is not sure: they may well be fine.
func (v editorView) Check() []needView { return v.needs(false) }

func (v editorView) needs(sure bool) (list []needView) {
	for _, n := range v.Needs {
		if n.sure() == sure {
			list = append(list, n)
		}
	}
	return list
}

type stepView struct {
	Step
	Programme Programme
	Session   *Session
	Themes    []string
	Progress  Progress
	Done      bool
	Started   bool
	Begun     bool   // or must be, by the calendar
	Month     string // heading, where it differs from the step's before
	MayStart  bool   // its first day has come
	Cancelled bool
	Missed    bool // its group began before the teacher could agree
}

// Dates is when the step is.
func (s stepView) Dates() string { return dates(s.StartsOn, s.EndsOn) }

type segment struct {
	X, Width, Middle float64
	Hours            int
	Locked           bool
	Done             bool
}

type versionView struct {
	Version
	Name string
}

type editorView struct {
	Route        Route
	Name         string
	Code         string
	Position     string
	Subject      string
	Territory    string
	Organisation string
	Curator      string
	Measured     time.Time
	Needs        []needView
	Unclear      []needView // too little data to plan for
	Steps        []stepView
	Segments     []segment
	HoursShare   float64
	Candidates   []Candidate
	More         []Candidate
	BestSteps    []bestStep
	SameAsBest   bool
	Demands      []askedView
	Outdated     []string // why the route no longer fits what is known
	MayUndo      bool     // an earlier content differs
	MayRedo      bool
	Fresh        bool         // what is said of the steps holds today; else when the version was made
	Changes      []StepChange // since what the teacher had agreed to
	Hidden       bool         // from the teacher: a draft, and nothing was agreed to before
	Clash        []Way        // demands that cannot hold together, after a refusal
	Asked        []hidden     // the form that was refused
	Wish         wishForm
	Versions     []versionView
	Next         int64
	Waiting      int
	Query        string
	MayManage    bool
	MayEdit      bool
	Declined     string // the teacher's words
	Errors       map[string]string
	Today        time.Time
	Form         map[string]string
}

type bestStep struct {
	Title string
	Dates string
	Hours int
	New   bool
}

// Unchanged counts the steps that stay as the teacher had agreed to them.
func (v editorView) Unchanged() int { return unchanged(v.Changes) }

// HoursTotal sums the hours of the steps.
func (v editorView) HoursTotal() int {
	n := 0
	for _, s := range v.Steps {
		n += s.Hours
	}
	return n
}

// CostTotal sums the cost of the steps.
func (v editorView) CostTotal() int {
	n := 0
	for _, s := range v.Steps {
		n += s.Cost
	}
	return n
}

// HoursLeft is what the limit leaves free.
func (v editorView) HoursLeft() int { return int(v.Route.HourLimit()) - v.HoursTotal() }

// CostShare is the part of the money limit spent.
func (v editorView) CostShare() float64 {
	if l := v.Route.CostLimit(); l > 0 {
		return math.Min(1, float64(v.CostTotal())/l)
	}
	return 0
}

func (s *Service) viewTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r Route) (editorView, error) {
	v := editorView{Route: r, Code: r.Teacher().ID, MayManage: actor.May(access.RoutesManage), Today: calendar.Day(s.now()), Form: map[string]string{}}
	v.MayEdit = v.MayManage && r.State.MayBecome(Draft)
	sc, err := s.sceneTx(ctx, tx, r)
	if err != nil {
		return v, err
	}
	v.Outdated = sc.outdated(r)
	if r.Content, v.Fresh, err = sc.asOfNow(r, len(v.Outdated) > 0); err != nil {
		return v, err
	}
	v.Route.Content = r.Content
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return v, err
	}
	v.Position, v.Subject = refs.PositionName(r.Position), refs.SubjectName(r.Subject)
	v.Territory, v.Organisation = refs.Territory(r.Territory).ShortName, refs.Organisation(r.Organisation).ShortName
	versions, err := versionsTx(ctx, tx, r.ID)
	if err != nil {
		return v, err
	}
	ids := []access.PersonID{r.Person, r.Curator}
	if a := r.Plan.Asked; a != nil {
		ids = append(ids, a.By)
	}
	for _, x := range versions {
		if x.By != 0 && !slices.Contains(ids, x.By) {
			ids = append(ids, x.By)
		}
	}
	names, err := people.NamesTx(ctx, tx, actor, "работа с маршрутом", ids)
	if err != nil {
		return v, err
	}
	v.Name = nameOfPerson(names, r.Person)
	if r.Curator != 0 {
		v.Curator = nameOfPerson(names, r.Curator)
	}
	for _, x := range versions {
		name := "расчёт"
		if x.By != 0 {
			name = nameOfPerson(names, x.By)
		}
		v.Versions = append(v.Versions, versionView{x, name})
	}
	if r.State == Declined {
		v.Declined = r.Made.Reason
	}

	left := map[string]plan.Uncovered{}
	for _, u := range r.Plan.Route.Uncovered {
		left[u.Element] = u
	}
	planned := r.Teacher().Deficits
	for _, n := range sc.needs {
		if n.MeasuredAt.After(v.Measured) {
			v.Measured = n.MeasuredAt
		}
		x := needView{Element: sc.elements[n.Element], Need: n}
		w, known := planned[n.Element]
		switch {
		case known && w > 0:
			u := left[n.Element]
			x.Closed = 1 - u.Weight/w
			if u.Weight > 1e-9 {
				x.Left = whyLeft(u.Why)
			}
			v.Needs = append(v.Needs, x)
		case n.Status == "insufficient":
			v.Unclear = append(v.Unclear, x)
		}
	}
	slices.SortStableFunc(v.Needs, func(a, b needView) int {
		x, y := planned[a.Need.Element], planned[b.Need.Element]
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(a.Need.Element, b.Need.Element)
	})

	byID, byCode := map[int64]Programme{}, map[string]Programme{}
	for _, g := range sc.programmes {
		byID[g.ID], byCode[g.Code] = g, g
	}
	limit := math.Max(r.HourLimit(), float64(v.sumHours(r)))
	x, month := 0.0, ""
	for _, st := range r.Steps {
		g := byID[st.Programme]
		sv := stepView{Step: st, Programme: g, Session: g.Session(st.Session), Progress: r.Progress[st.Programme], Done: r.Done(st.Programme), Started: r.Started(st.Programme),
			MayStart: !v.Today.Before(st.StartsOn)}
		sv.Begun = sc.begun(r, st)
		sv.Missed = !sv.Begun && v.Today.After(st.StartsOn) && (r.State == Draft || r.State == Proposed || r.State == Declined)
		sv.Cancelled = sv.Session != nil && sv.Session.CancelledAt != nil
		for _, e := range byGain(st.Closes) {
			if w := planned[e]; w > 0 {
				sv.Themes = append(sv.Themes, fmt.Sprintf("%s: %s", sc.elements[e].Short, web.Pct(st.Closes[e]/w)))
			}
		}
		if m := calendar.Month(st.StartsOn); m != month {
			month, sv.Month = m, upperFirst(m)
		}
		v.Steps = append(v.Steps, sv)
		if limit > 0 {
			w := float64(st.Hours) / limit
			v.Segments = append(v.Segments, segment{x, w, x + w/2, st.Hours, st.Locked || sv.Begun, sv.Done})
			x += w
		}
	}
	v.Demands = askedViews(r, newWords(sc.programmes, sc.elements, 1))
	v.Wish = wishFormOf(r, sc, names)
	if r.State == Proposed || r.State == Agreed || r.State == InProgress {
		if v.Changes, err = s.changesTx(ctx, tx, r, sc); err != nil {
			return v, err
		}
	}
	v.SameAsBest = r.Plan.BestCoverage() <= r.Plan.Coverage()+0.005
	for _, st := range r.Plan.Best.Steps {
		v.BestSteps = append(v.BestSteps, bestStep{quoted(byCode[st.Programme].Title), calendar.DayMonth(st.Start.Time()), int(st.Hours),
			!slices.ContainsFunc(r.Steps, func(o Step) bool { return o.Code == st.Programme })})
	}
	if v.MayEdit {
		v.Candidates = sc.candidates(r)
		v.Candidates = slices.DeleteFunc(v.Candidates, func(x Candidate) bool { return x.Forbidden })
	}
	return v, nil
}

func (v editorView) sumHours(r Route) int {
	n := 0
	for _, s := range r.Steps {
		n += s.Hours
	}
	return n
}
