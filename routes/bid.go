package routes

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// Bid is a line of an order that a centre could act on: one more group of a programme, or a new programme, of such a
// length, form and time for so many people, with what it would close. The promise is a plan's: the routes that stand
// were made anew around it, and the whole keeps every rule.
type Bid struct {
	Element   string
	Programme string // whose group it is; "" a new programme
	Hours     int
	Cost      int // roubles a person
	Mode      string
	Share     float64 // part of the theme that whoever takes it has closed by it
	Usual     float64 // the same of the best programmes there are that are not longer; less than Share where more is asked
	Seats     int     // as many as would take it, rounded up to five
	Group     int     // seats of a usual group of the programme; 0 where there is none
	StartsOn  time.Time
	EndsOn    time.Time
	Takers    int
	Gain      float64 // at least so great a part of all that is needed is closed more
	Mean      float64 // part of the theme closed more, the mean over those who take it
}

// Groups is how many groups of the usual size an offer comes to; 0 where one is enough or none is usual.
func (o Bid) Groups() int {
	if o.Group == 0 || o.Group >= o.Seats {
		return 0
	}
	return (o.Seats + o.Group - 1) / o.Group
}

// Worth tells whether an offer closes enough, at people enough, to be told.
func (o Bid) Worth() bool { return o.Takers >= least && o.Gain >= 0.001 }

// Lengths of new programmes that are tried, in hours; formal courses begin at sixteen.
var lengths = []int{8, 16, 24, 36, 72}

// newProgramme is the code of a programme that is not there yet.
const newProgramme = "+"

// courseWeek is how many hours a week a course usually takes beside work.
const courseWeek = 6

// runs is how long a programme of some hours lasts, from a Monday to a Friday.
func runs(hours int) int { return 7*((hours+courseWeek-1)/courseWeek) - 3 }

// firstMonday is the first Monday not before a day, and not in the holidays of the New Year.
func firstMonday(day time.Time) time.Time {
	if m, d := day.Month(), day.Day(); m == time.December && d > 21 {
		day = time.Date(day.Year()+1, time.January, 9, 0, 0, 0, 0, time.UTC)
	} else if m == time.January && d < 9 {
		day = time.Date(day.Year(), time.January, 9, 0, 0, 0, 0, time.UTC)
	}
	return day.AddDate(0, 0, (8-int(day.Weekday()))%7)
}

// newCourse is a programme of a theme that is not there yet. It closes as much of it as the best one of the catalogue
// that is not longer, or as the longer ones do in as many hours; of a theme that nobody teaches, as is usual of others.
// It costs what an hour usually costs.
func newCourse(programmes []Programme, today time.Time, element string, hours int) Programme {
	share := map[string]float64{}
	all, own := []float64{}, []float64{} // cost of an hour
	for _, g := range programmes {
		if !g.Open(today) || g.Hours <= 0 {
			continue
		}
		for _, c := range g.Covers {
			share[c.Element] = max(share[c.Element], c.Share*min(1, float64(hours)/float64(g.Hours)))
		}
		if g.Cost > 0 {
			x := float64(g.Cost) / float64(g.Hours)
			all = append(all, x)
			if slices.ContainsFunc(g.Covers, func(c Cover) bool { return c.Element == element }) {
				own = append(own, x)
			}
		}
	}
	part, known := share[element]
	if !known {
		usual := []float64{}
		for _, x := range share {
			usual = append(usual, x)
		}
		part = median(usual)
	}
	if len(own) == 0 {
		own = all
	}
	return Programme{Code: newProgramme, Kind: "dpp_pk", Hours: hours, Form: "online", Cost: int(math.Round(median(own)*float64(hours)/100)) * 100,
		Covers: []Cover{{Element: element, Share: math.Floor(100*part) / 100}}}
}

// median of numbers; 0 of none.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	xs = slices.Sorted(slices.Values(xs))
	return xs[len(xs)/2]
}

// oneMore is a new group of a programme: as long as its last one and of its form.
func oneMore(g Programme, starts time.Time) Session {
	s := Session{Code: newGroup, StartsOn: starts, Mode: string(plan.Online), EndsOn: starts.AddDate(0, 0, runs(g.Hours))}
	if n := len(g.Sessions); n > 0 {
		last := g.Sessions[n-1]
		s.EndsOn, s.Mode, s.Venue, s.Seats = starts.Add(last.EndsOn.Sub(last.StartsOn)), last.Mode, last.Venue, last.Seats
	}
	return s
}

// tender looks for bids beside a plan that stands.
type tender struct {
	from   gathered
	routes []plan.Route
	all    float64 // weight of all that is needed
	today  time.Time
	left   map[plan.Lock]int // seats that nobody takes
	budget int               // searches that may still be made; below zero something was left untried
}

// Searches for one picture, and people on whom the shape of an offer is tried: with more of them it is every so-many-th.
const (
	searches = 30_000
	tried    = 150
)

func newTender(from gathered, routes []plan.Route, all float64, today time.Time) *tender {
	t := &tender{from, routes, all, today, map[plan.Lock]int{}, searches}
	for _, g := range from.problem.Programmes {
		for _, s := range g.Sessions {
			t.left[plan.Lock{Programme: g.ID, Session: s.ID}] = *s.Seats
		}
	}
	for _, r := range routes {
		for _, st := range r.Steps {
			t.left[plan.Lock{Programme: st.Programme, Session: st.Session}]--
		}
	}
	return t
}

// bids are the best new group and the best new programme for a theme, those worth being told, the better one first.
func (t *tender) bids(element string) []Bid {
	who := []int{}
	for i, x := range t.from.problem.Teachers {
		if x.Deficits[element] > 0 {
			who = append(who, i)
		}
	}
	few := []int{}
	for i := 0; i < len(who); i += (len(who) + tried - 1) / tried {
		few = append(few, who[i])
	}
	var groups, courses []shape
	for _, g := range t.from.programmes {
		if t.full(g) && slices.ContainsFunc(g.Covers, func(c Cover) bool { return c.Element == element }) {
			if s := oneMore(g, firstMonday(t.today.AddDate(0, 0, 30))); !s.EndsOn.After(horizon(t.today)) {
				groups = append(groups, shape{g, s, true, 0})
			}
		}
	}
	for _, h := range lengths {
		g := newCourse(t.from.programmes, t.today, element, h)
		if s := oneMore(g, firstMonday(t.today.AddDate(0, 0, 60))); h <= t.from.proposal.Selection.Hours && !s.EndsOn.After(horizon(t.today)) {
			courses = append(courses, shape{g, s, false, g.Covers[0].Share})
		}
	}
	out := []Bid{}
	for _, kind := range [][]shape{groups, courses} {
		var best Bid
		var at shape
		for _, x := range kind {
			if t.budget -= len(few); t.budget < 0 {
				return out
			}
			// A shorter one is preferred where a longer one hardly closes more.
			if o := t.try(element, x, few); o.Gain > 1.03*best.Gain {
				best, at = o, x
			}
		}
		if len(out) == 0 && len(kind) > 0 && !kind[0].stands && !best.Worth() {
			best, at = t.denser(element, kind[0], few)
		}
		if best.Takers > 0 && len(few) < len(who) {
			if t.budget -= len(who); t.budget < 0 {
				return out
			}
			best = t.try(element, at, who)
		}
		if best.Worth() {
			out = append(out, best)
		}
	}
	slices.SortStableFunc(out, func(a, b Bid) int { return cmp.Compare(b.rank(), a.rank()) })
	return out
}

// rank is what an offer closes; a group of a programme that is there goes before a new programme that closes little more.
func (b Bid) rank() float64 {
	if b.Programme == "" {
		return b.Gain / 1.15
	}
	return b.Gain
}

// dense are the times more than usual that a short programme is tried to close, where hours are too short for a usual one.
var dense = []float64{1.5, 2, 2.5, 3}

// denser finds how much of a theme a short programme would have to close to be worth taking in the place of others.
func (t *tender) denser(element string, x shape, who []int) (Bid, shape) {
	for _, times := range dense {
		share := math.Floor(100*times*x.usual) / 100
		if t.budget -= len(who); t.budget < 0 || share > 0.8 {
			break
		}
		y := x
		y.programme.Covers = []Cover{{Element: element, Share: share}}
		if b := t.try(element, y, who); b.Worth() {
			return b, y
		}
	}
	return Bid{}, x
}

// full tells whether one more group of a programme could help: it is planned here, and no seat is left in it.
func (t *tender) full(g Programme) bool {
	i := slices.IndexFunc(t.from.problem.Programmes, func(x plan.Programme) bool { return x.ID == g.Code })
	return i >= 0 && !slices.ContainsFunc(t.from.problem.Programmes[i].Sessions, func(s plan.Session) bool {
		return t.left[plan.Lock{Programme: g.Code, Session: s.ID}] > 0
	})
}

// shape is a group that could be offered.
type shape struct {
	programme Programme
	group     Session
	stands    bool // the programme is there already
	usual     float64
}

// try puts a group with seats for everybody into the plan and tells what comes of it.
func (t *tender) try(element string, x shape, who []int) Bid {
	p := t.from.problem
	p.Programmes = slices.Clone(p.Programmes)
	group := plan.Session{ID: newGroup, Start: plan.DayOf(x.group.StartsOn), End: plan.DayOf(x.group.EndsOn), Mode: plan.Mode(x.group.Mode), Venue: venueOf(x.group)}
	if i := slices.IndexFunc(p.Programmes, func(g plan.Programme) bool { return g.ID == x.programme.Code }); i >= 0 {
		g := &p.Programmes[i]
		g.Sessions = append(slices.Clone(g.Sessions), group)
	} else {
		g := plan.Programme{ID: x.programme.Code, Hours: float64(x.programme.Hours), Cost: float64(x.programme.Cost), Covers: map[string]float64{}, Sessions: []plan.Session{group}}
		for _, c := range x.programme.Covers {
			g.Covers[c.Element] = c.Share
		}
		p.Programmes = append(p.Programmes, g)
	}
	covers := map[string]map[string]float64{}
	for _, g := range p.Programmes {
		covers[g.ID] = g.Covers
	}
	o := Bid{Element: element, Hours: x.programme.Hours, Cost: x.programme.Cost, Mode: x.group.Mode, StartsOn: x.group.StartsOn, EndsOn: x.group.EndsOn, Share: covers[x.programme.Code][element], Usual: x.usual}
	if x.stands {
		o.Programme, o.Group = x.programme.Code, x.group.Seats
	}
	routes := t.among(&p, who)
	for _, mv := range plan.Moves(&p, routes, nil) {
		need := p.Teachers[mv.Teacher].Deficits
		was, is := closed(covers, stepsOf(routes[mv.Teacher])), closed(covers, mv.Steps)
		for e, w := range need {
			o.Gain += w * (is[e] - was[e])
		}
		if slices.Contains(mv.Steps, plan.Lock{Programme: x.programme.Code, Session: newGroup}) {
			o.Takers++
			o.Mean += is[element] - was[element]
		}
	}
	o.Gain, o.Mean, o.Seats = ratio(o.Gain, t.all), ratio(o.Mean, float64(o.Takers)), (o.Takers+4)/5*5
	return o
}

// among leaves in a problem some of the people, with the seats that the others do not hold, and gives their routes.
func (t *tender) among(p *plan.Problem, who []int) []plan.Route {
	routes, people, held := []plan.Route{}, []plan.Teacher{}, map[plan.Lock]int{}
	for _, i := range who {
		routes, people = append(routes, t.routes[i]), append(people, p.Teachers[i])
		for _, l := range stepsOf(t.routes[i]) {
			held[l]++
		}
	}
	for i := range p.Programmes {
		g := &p.Programmes[i]
		g.Sessions = slices.Clone(g.Sessions)
		for k := range g.Sessions {
			if s := &g.Sessions[k]; s.Seats != nil {
				l := plan.Lock{Programme: g.ID, Session: s.ID}
				seats := t.left[l] + held[l]
				s.Seats = &seats
			}
		}
	}
	p.Teachers = people
	return routes
}

// stepsOf are the steps of a route as locks.
func stepsOf(r plan.Route) []plan.Lock {
	out := []plan.Lock{}
	for _, st := range r.Steps {
		out = append(out, plan.Lock{Programme: st.Programme, Session: st.Session})
	}
	return out
}

// closed is the part of each theme that steps close, from 0 to 1.
func closed(covers map[string]map[string]float64, steps []plan.Lock) map[string]float64 {
	out := map[string]float64{}
	for _, st := range steps {
		for e, x := range covers[st.Programme] {
			out[e] = min(1, out[e]+x)
		}
	}
	return out
}

// More is what more hours a person would bring.
type More struct {
	Gain   float64 // at least so great a part of all that is needed would be closed more
	Themes map[string]MoreLine
}

// MoreLine is what more hours would bring a theme.
type MoreLine struct {
	Less      float64 // part of the theme that would be closed more
	Programme string  // code of the one that most people would take for it besides
	Takers    int
}

// moreHours puts better routes of so many hours more a person into the plan.
func (t *tender) moreHours(hours int) More {
	out := More{Themes: map[string]MoreLine{}}
	if t.budget -= len(t.routes); t.budget < 0 || len(t.routes) == 0 {
		return out
	}
	p := t.from.problem
	limit := *p.Limits.Hours + float64(hours)
	p.Limits.Hours = &limit
	covers, needed, taken := map[string]map[string]float64{}, map[string]float64{}, map[string]map[string]int{}
	for _, g := range p.Programmes {
		covers[g.ID] = g.Covers
	}
	for _, x := range p.Teachers {
		for e, w := range x.Deficits {
			needed[e] += w
		}
	}
	less := map[string]float64{}
	for _, mv := range plan.Moves(&p, t.routes, nil) {
		old := stepsOf(t.routes[mv.Teacher])
		was, is := closed(covers, old), closed(covers, mv.Steps)
		for e, w := range p.Teachers[mv.Teacher].Deficits {
			out.Gain += w * (is[e] - was[e])
			less[e] += w * (is[e] - was[e])
			for _, l := range mv.Steps {
				if covers[l.Programme][e] > 0 && !slices.ContainsFunc(old, func(o plan.Lock) bool { return o.Programme == l.Programme }) {
					if taken[e] == nil {
						taken[e] = map[string]int{}
					}
					taken[e][l.Programme]++
				}
			}
		}
	}
	out.Gain = ratio(out.Gain, t.all)
	for e, x := range less {
		code := most(taken[e])
		out.Themes[e] = MoreLine{Less: ratio(x, needed[e]), Programme: code, Takers: taken[e][code]}
	}
	return out
}
