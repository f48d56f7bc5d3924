package plan

import (
	"fmt"
	"math"
)

// Check reads an answer against the rules of a problem, independently of the planner: it shares none of its code,
// goes rule by rule over the names as they stand in the input, and returns every breach it finds. It is run on each
// answer before anyone sees it.
func Check(p *Problem, a *Answer) []string {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-7*math.Max(1, math.Max(math.Abs(x), math.Abs(y))) }

	if len(a.Teachers) != len(p.Teachers) {
		say("%d routes for %d teachers", len(a.Teachers), len(p.Teachers))
		return bad
	}
	byID := map[string]int{}
	for i, g := range p.Programmes {
		byID[g.ID] = i
	}
	taken := map[[2]string]int{}
	objective := 0.0
	for i, t := range p.Teachers {
		r := a.Teachers[i]
		if r.ID != t.ID {
			say("route %d is of %q, not of %q", i, r.ID, t.ID)
			continue
		}
		hours, cost, closed := 0.0, 0.0, 0.0
		share := map[string]float64{}
		covered := func() float64 {
			sum := 0.0
			for e, w := range t.Deficits {
				sum += w * math.Min(1, share[e])
			}
			return sum
		}
		type place struct {
			programme Programme
			session   Session
		}
		var places []place
		for n, st := range r.Steps {
			at := fmt.Sprintf("teacher %q step %d (%s)", t.ID, n+1, st.Programme)
			var here place
			if i, ok := byID[st.Programme]; ok {
				for _, s := range p.Programmes[i].Sessions {
					if s.ID == st.Session {
						here = place{p.Programmes[i], s}
					}
				}
			}
			if here.programme.ID == "" {
				say("%s: no such programme or session", at)
				continue
			}
			g, s := here.programme, here.session
			if st.Start != s.Start || st.End != s.End || st.Hours != g.Hours || st.Cost != g.Cost {
				say("%s: dates, hours or cost differ from the programme's", at)
			}
			from, to := p.Limits.From, p.Limits.To
			if t.Limits.From != nil {
				from = t.Limits.From
			}
			if t.Limits.To != nil {
				to = t.Limits.To
			}
			if from != nil && s.Start < *from || to != nil && s.End > *to {
				say("%s: outside the dates of the plan", at)
			}
			for _, d := range t.Done {
				if d == g.ID {
					say("%s: already done", at)
				}
			}
			for _, d := range t.Forbidden {
				if d == g.ID {
					say("%s: forbidden", at)
				}
			}
			if s.Mode == FullTime {
				for _, u := range t.Unavailable {
					if s.Start <= u.End && u.Start <= s.End {
						say("%s: on days that the teacher is busy", at)
					}
				}
			}
			for _, o := range places {
				if o.programme.ID == g.ID {
					say("%s: the programme is taken twice", at)
				}
				if o.programme.Group != "" && o.programme.Group == g.Group {
					say("%s: second programme of group %q", at, g.Group)
				}
				if o.session.Mode == FullTime && s.Mode == FullTime && o.session.Start <= s.End && s.Start <= o.session.End {
					say("%s: shares a day with %s", at, o.programme.ID)
				}
			}
			places = append(places, here)
			taken[[2]string{g.ID, s.ID}]++
			before := covered()
			for e, x := range g.Covers {
				share[e] += x
			}
			gain := 0.0
			for _, v := range st.Closes {
				gain += v
			}
			if !near(gain, covered()-before) {
				say("%s: closes %g, the rules give %g", at, gain, covered()-before)
			}
			hours, cost, closed = hours+g.Hours, cost+g.Cost, closed+gain
		}
		for _, x := range places {
			for _, q := range x.programme.Requires {
				ok := false
				for _, d := range t.Done {
					ok = ok || d == q
					for _, set := range p.Equivalents {
						ok = ok || inSet(set, d) && inSet(set, q)
					}
				}
				for _, o := range places {
					ok = ok || o.programme.ID == q && o.session.End < x.session.Start
				}
				if !ok {
					say("teacher %q: %s needs %s before it", t.ID, x.programme.ID, q)
				}
			}
		}
		lh, lc := p.Limits.Hours, p.Limits.Cost
		if t.Limits.Hours != nil {
			lh = t.Limits.Hours
		}
		if t.Limits.Cost != nil {
			lc = t.Limits.Cost
		}
		if lh != nil && hours > *lh+1e-6 {
			say("teacher %q: %g hours of %g", t.ID, hours, *lh)
		}
		if lc != nil && cost > *lc+1e-6 {
			say("teacher %q: cost %g of %g", t.ID, cost, *lc)
		}
		if !near(r.Hours, hours) || !near(r.Cost, cost) || !near(r.Coverage, covered()) || !near(closed, covered()) {
			say("teacher %q: totals do not add up", t.ID)
		}
		if w := t.Preferences; w != nil {
			load, asked := map[string]float64{}, map[string]bool{}
			for _, x := range places {
				begun := false
				for _, d := range t.UnderWay {
					begun = begun || d == x.programme.ID
				}
				fine := begun || len(w.Modes) == 0
				for _, m := range w.Modes {
					fine = fine || m == x.session.Mode
				}
				if !fine {
					say("teacher %q: %s is of another form than wanted", t.ID, x.programme.ID)
				}
				fine = begun || len(w.Venues) == 0
				for _, v := range w.Venues {
					fine = fine || v == x.session.Venue
				}
				if !fine {
					say("teacher %q: %s is at another venue than wanted", t.ID, x.programme.ID)
				}
				for d := x.session.Start; d <= x.session.End; d++ {
					month := d.String()[:7]
					load[month] += x.programme.Hours / (float64(x.session.End-x.session.Start) + 1)
					asked[month] = asked[month] || !begun
					fine = begun || len(w.Months) == 0
					for _, m := range w.Months {
						fine = fine || m.String() == month
					}
					if !fine {
						say("teacher %q: %s has days in %s, which is not wanted", t.ID, x.programme.ID, month)
						break
					}
				}
			}
			for month, h := range load {
				if asked[month] && w.HoursAMonth != nil && h > *w.HoursAMonth+1e-6 {
					say("teacher %q: %g hours in %s of %g", t.ID, h, month, *w.HoursAMonth)
				}
			}
		}
		for _, set := range p.Equivalents {
			in := 0
			for _, q := range set {
				for _, o := range places {
					if o.programme.ID == q {
						in++
					}
				}
				for _, d := range t.Done {
					for _, o := range places {
						if d == q && inSet(set, o.programme.ID) {
							say("teacher %q: %s is equivalent to %s, which is done", t.ID, o.programme.ID, d)
						}
					}
				}
			}
			if in > 1 {
				say("teacher %q: two equivalents are taken", t.ID)
			}
		}
		moved, kept := 0, 0
		for _, l := range t.Keep {
			if inSet(t.Done, l.Programme) {
				continue
			}
			same := false
			for _, o := range places {
				same = same || o.programme.ID == l.Programme && o.session.ID == l.Session
			}
			if same {
				kept++
			} else {
				moved++
			}
		}
		if len(t.Keep) > 0 && (r.Change == nil || len(r.Change.Dropped) != moved || len(r.Change.Kept) != kept || len(r.Change.Added) != len(places)-len(r.Change.Kept)) {
			say("teacher %q: the changes are counted wrongly", t.ID)
		}
		if r.Conflict == nil {
			needed := append([]Lock{}, t.Locked...)
			for _, q := range t.Required {
				needed = append(needed, Lock{Programme: q})
			}
			for _, l := range needed {
				held := false
				for _, d := range t.Done {
					held = held || d == l.Programme
					for _, set := range p.Equivalents {
						held = held || inSet(set, d) && inSet(set, l.Programme)
					}
				}
				for _, o := range places {
					held = held || o.programme.ID == l.Programme && (l.Session == "" || l.Session == o.session.ID)
				}
				if !held {
					say("teacher %q: the locked %s is missing", t.ID, l.Programme)
				}
			}
		}
		all, open := 0.0, 0.0
		for _, w := range t.Deficits {
			all += w
		}
		for _, u := range r.Uncovered {
			open += u.Weight
			if !near(u.Weight, t.Deficits[u.Element]*(1-math.Min(1, share[u.Element]))) {
				say("teacher %q: uncovered %s is %g, the rules give %g", t.ID, u.Element, u.Weight, t.Deficits[u.Element]*(1-math.Min(1, share[u.Element])))
			}
		}
		if !near(all, open+covered()) {
			say("teacher %q: covered and uncovered do not make the whole", t.ID)
		}
		objective += covered() - p.HourPenalty*hours - p.ChangePenalty*float64(moved)
	}
	for _, g := range p.Programmes {
		for _, s := range g.Sessions {
			if n := taken[[2]string{g.ID, s.ID}]; s.Seats != nil && n > *s.Seats {
				say("session %q of %s: %d teachers on %d seats", s.ID, g.ID, n, *s.Seats)
			}
		}
	}
	if !near(a.Objective, objective) {
		say("objective %g, the rules give %g", a.Objective, objective)
	}
	if a.Bound < a.Objective {
		say("bound %g under the objective %g", a.Bound, a.Objective)
	}
	if want := (a.Bound - a.Objective) / math.Max(math.Abs(a.Objective), 1e-9); !near(a.Gap, want) {
		say("gap %g, should be %g", a.Gap, want)
	}
	checkFair(p, a, say)
	return bad
}

// checkFair reads what an answer says of the shares of territories against the routes themselves.
func checkFair(p *Problem, a *Answer, say func(format string, args ...any)) {
	f := a.Fair
	if f == nil {
		return
	}
	all, got, needed, closed := map[string]float64{}, map[string]float64{}, 0.0, 0.0
	for i, t := range p.Teachers {
		for _, w := range t.Deficits {
			all[t.Territory] += w
			needed += w
		}
		got[t.Territory] += a.Teachers[i].Coverage
		closed += a.Teachers[i].Coverage
	}
	even := true
	for k, w := range all {
		even = even && got[k]*needed >= f.Goal*closed*w*(1-1e-7)-1e-7
	}
	for _, s := range f.Shares {
		if w := all[s.Territory]; w > 0 && math.Abs(s.After-got[s.Territory]/w) > 1e-7 {
			say("territory %q: share %g, the routes give %g", s.Territory, s.After, got[s.Territory]/w)
		}
	}
	if f.Reached && (!even || f.Impossible) {
		say("the goal of fairness is not reached, or told to be impossible at once")
	}
	if f.Price < 0 || f.Least < 0 || f.Reached && f.Least > f.Price+1e-9 {
		say("fairness costs %g, at least %g", f.Price, f.Least)
	}
}

func inSet(set []string, id string) bool {
	for _, q := range set {
		if q == id {
			return true
		}
	}
	return false
}
