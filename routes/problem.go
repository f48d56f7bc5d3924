package routes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// leadDays is how long before a session begins it can still be planned.
const leadDays = 3

// demands are what a methodist asks of a plan beyond the rules.
type demands struct {
	locked    []plan.Lock
	forbidden []string
	done      []string // programmes finished before or outside the route
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
		if slices.ContainsFunc(d.locked, func(l plan.Lock) bool { return l.Programme == g.Code }) {
			return true
		}
		return g.Open(today) && g.SuitedTo(position, subject) && slices.ContainsFunc(g.Covers, func(c Cover) bool { return t.Deficits[c.Element] > 0 })
	}, d, func(g Programme, s Session) (plan.Session, bool) {
		locked := slices.Contains(d.locked, plan.Lock{Programme: g.Code, Session: s.Code})
		if !locked && (s.CancelledAt != nil || plan.DayOf(s.StartsOn) < from+leadDays || plan.DayOf(s.EndsOn) > end) {
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
		return plan.Session{ID: s.Code, Start: plan.DayOf(s.StartsOn), End: plan.DayOf(s.EndsOn), Mode: plan.Mode(s.Mode), Seats: &seats}, true
	})
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
		if wanted(g) {
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

// words puts the facts about a step into sentences.
type words struct {
	programmes map[string]Programme
	elements   map[string]Element
	total      float64
}

func newWords(programmes []Programme, elements map[string]Element, total float64) words {
	w := words{map[string]Programme{}, elements, total}
	for _, g := range programmes {
		w.programmes[g.Code] = g
	}
	return w
}

func (w words) short(element string) string {
	if e, ok := w.elements[element]; ok {
		return e.Short
	}
	return element
}

func (w words) title(code string) string { return quoted(w.programmes[code].Title) }

// quoted puts a title into quotes, unless it ends with its own.
func quoted(title string) string {
	if strings.Contains(title, "«") {
		return title
	}
	return "«" + title + "»"
}

// less words a loss of weight as points of all that is needed.
func (w words) less(x float64) string {
	n := web.Dec(0, 100*ratio(x, w.total))
	if n == "0" {
		return "почти столько же"
	}
	return "на " + n + " п. п. меньше"
}

// why words the reason of a step: what it closes, the runner-up, what it opens, why this group.
func (w words) why(st plan.Step, r plan.Reason, needs int, locked bool) []string {
	out := []string{}
	var parts []string
	for _, e := range byGain(st.Closes) {
		parts = append(parts, "«"+w.short(e)+"»")
	}
	switch {
	case len(parts) == 0:
		out = append(out, "Сам по себе ничего не закрывает: нужен для другого шага.")
	case needs > 1:
		out = append(out, fmt.Sprintf("Помогает с %d из %d тем: %s. Закрывает %s всего нужного.", len(parts), needs, strings.Join(parts, ", "), web.Pct(ratio(sum(st.Closes), w.total))))
	default:
		out = append(out, fmt.Sprintf("Закрывает тему %s.", parts[0]))
	}
	for _, e := range r.Only {
		out = append(out, fmt.Sprintf("Единственная подходящая программа по теме «%s».", w.short(e)))
	}
	switch {
	case locked:
		out = append(out, "Шаг закреплён: расчёт его не трогает.")
	case r.Loses <= 1e-9 && len(r.Instead) > 0:
		out = append(out, fmt.Sprintf("Равная замена: %s.", w.title(r.Instead[0].Programme)))
	case len(r.Instead) > 0:
		names := []string{}
		for _, l := range r.Instead {
			names = append(names, w.title(l.Programme))
		}
		out = append(out, fmt.Sprintf("Лучшая замена — %s: маршрут закрыл бы %s.", strings.Join(names, " и "), w.less(r.Loses)))
	case r.Loses > 0:
		out = append(out, fmt.Sprintf("Без этого шага маршрут закрыл бы %s, заменить его нечем.", w.less(r.Loses)))
	}
	for _, code := range r.Opens {
		out = append(out, fmt.Sprintf("Открывает шаг %s: он опирается на этот.", w.title(code)))
	}
	for _, o := range r.Others {
		when := calendar.DayMonth(o.Start.Time())
		switch o.Why {
		case "seats":
			out = append(out, fmt.Sprintf("В группе с %s мест нет.", when))
		case "clash":
			out = append(out, fmt.Sprintf("Группа с %s приходится на дни шага %s.", when, w.title(o.With)))
		case "busy":
			out = append(out, fmt.Sprintf("Группа с %s приходится на занятые дни.", when))
		case "order":
			out = append(out, fmt.Sprintf("Группа с %s не подходит по порядку с шагом %s.", when, w.title(o.With)))
		}
	}
	return out
}

func byGain(closes map[string]float64) []string {
	out := []string{}
	for e := range closes {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b string) int {
		switch {
		case closes[a] > closes[b]:
			return -1
		case closes[a] < closes[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	return out
}

func sum(m map[string]float64) float64 {
	s := 0.0
	for _, k := range byGain(m) {
		s += m[k]
	}
	return s
}

// whyLeft words why an element stays open.
func whyLeft(w plan.Why) string {
	switch w {
	case plan.NoProgramme:
		return "подходящих программ больше нет: это заказ на новую"
	case plan.NoSeats:
		return "в подходящих группах нет мест"
	case plan.NoHours:
		return "не хватает часов"
	case plan.NoCost:
		return "не хватает денег"
	case plan.NoDates:
		return "подходящие группы не совпали по датам"
	case plan.Demanded:
		return "мешает закреплённый или исключённый шаг"
	}
	return "дополнительных часов не стоит"
}

// total is the weight of all that a person needs.
func total(t plan.Teacher) float64 { return sum(t.Deficits) }

// content plans, judges and words a version: the given steps, or the best ones where steps is nil.
func content(p plan.Problem, steps []plan.Lock, programmes []Programme, elements map[string]Element, origin func(code string) string) (Content, error) {
	c := Content{Problem: p}
	best := plan.Best(&p, 0)
	c.Plan = Planned{Best: best.Teachers[0], Total: total(p.Teachers[0])}
	if steps == nil {
		c.Plan.Route = best.Teachers[0]
	} else {
		r, broken := plan.Fix(&p, 0, steps)
		if broken != nil {
			return Content{}, fmt.Errorf("route by hand: %s", strings.Join(broken, "; "))
		}
		c.Plan.Route = r
	}
	if t := p.Teachers[0]; len(t.Locked)+len(t.Forbidden) > 0 {
		t.Locked, t.Forbidden = nil, nil
		free := p
		free.Teachers = []plan.Teacher{t}
		c.Plan.Free = plan.Best(&free, 0).Teachers[0].Coverage
	}
	if p.Limits.Hours != nil {
		wider := p
		hours := *p.Limits.Hours + 10
		wider.Limits.Hours = &hours
		c.Plan.More = max(0, plan.Best(&wider, 0).Teachers[0].Coverage-c.Plan.Best.Coverage)
	}
	w := newWords(programmes, elements, c.Plan.Total)
	reasons := plan.Explain(&p, 0, c.Plan.Route)
	for i, st := range c.Plan.Route.Steps {
		g, ok := w.programmes[st.Programme]
		if !ok {
			return Content{}, fmt.Errorf("step: no programme %q", st.Programme)
		}
		x := Step{Position: i + 1, Programme: g.ID, StartsOn: st.Start.Time(), EndsOn: st.End.Time(), Hours: g.Hours, Cost: g.Cost,
			Code: st.Programme, Group: st.Session, Closes: st.Closes, Origin: origin(st.Programme)}
		for _, s := range g.Sessions {
			if s.Code == st.Session {
				x.Session = s.ID
			}
		}
		x.Locked = slices.ContainsFunc(p.Teachers[0].Locked, func(l plan.Lock) bool { return l.Programme == st.Programme })
		x.Why = w.why(st, reasons[i], len(p.Teachers[0].Deficits), x.Locked)
		c.Steps = append(c.Steps, x)
	}
	return c, nil
}
