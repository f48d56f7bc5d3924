package routes

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Candidate is a programme that could join a route: in its best session, with what it would add and what stands in
// the way.
type Candidate struct {
	Programme Programme
	Session   *Session
	Gain      float64 // share of all that is needed which it would add (after Instead has left)
	Hours     int     // change of hours
	Cost      int     // change of cost
	Fits      bool
	Instead   string // code of the step that would have to leave; "" where none
	Title     string // of that step
	Tag       string // "поместится", "те же дни", …
	Why       string // in a sentence
	Forbidden bool
}

// Candidates lists what could be added to a route, the most useful first.
func (v scene) candidates(r Route) []Candidate {
	return candidatesOf(v.current(r, demandsOf(r), r.limits(), true), r.chosen(), v)
}

func candidatesOf(p plan.Problem, steps []plan.Lock, v scene) []Candidate {
	byCode := map[string]Programme{}
	for _, g := range v.programmes {
		byCode[g.Code] = g
	}
	t := p.Teachers[0]
	t.Locked = nil // judged as they are: what is locked only cannot leave
	locks := p.Teachers[0].Locked
	forbidden := t.Forbidden
	t.Forbidden, t.Required = nil, nil
	p.Teachers = []plan.Teacher{t}
	base, _ := plan.Fix(&p, 0, steps)
	all := total(t)
	w := newWords(v.programmes, v.elements, all)
	out := []Candidate{}
	for i := range p.Programmes {
		g := &p.Programmes[i]
		if slices.ContainsFunc(steps, func(l plan.Lock) bool { return l.Programme == g.ID }) || slices.Contains(t.Done, g.ID) {
			continue
		}
		c := Candidate{Programme: byCode[g.ID], Forbidden: slices.Contains(forbidden, g.ID)}
		c.weigh(p, *g, steps, locks, base, all, w)
		if c.Session == nil && c.Why == "" {
			continue
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Candidate) int {
		switch {
		case a.Forbidden != b.Forbidden:
			if a.Forbidden {
				return 1
			}
			return -1
		case a.rank() != b.rank():
			return a.rank() - b.rank()
		case math.Abs(a.Gain-b.Gain) > 1e-9:
			if a.Gain > b.Gain {
				return -1
			}
			return 1
		case a.Hours != b.Hours:
			return a.Hours - b.Hours
		}
		return strings.Compare(a.Programme.Code, b.Programme.Code)
	})
	return out
}

func (c Candidate) rank() int {
	switch {
	case c.Fits && c.Gain > 1e-9:
		return 0
	case c.Instead != "":
		return 1
	case c.Fits:
		return 2
	}
	return 3
}

// weigh finds the session that fits best; where none does, the one step that would have to leave.
func (c *Candidate) weigh(p plan.Problem, g plan.Programme, steps, locks []plan.Lock, base plan.Route, all float64, w words) {
	session := func(id string) *Session {
		for i := range c.Programme.Sessions {
			if c.Programme.Sessions[i].Code == id {
				return &c.Programme.Sessions[i]
			}
		}
		return nil
	}
	open := 0
	for _, s := range g.Sessions {
		if s.Seats != nil && *s.Seats <= 0 {
			continue
		}
		open++
		r, broken := plan.Fix(&p, 0, append(slices.Clone(steps), plan.Lock{Programme: g.ID, Session: s.ID}))
		if broken == nil {
			c.Fits, c.Session = true, session(s.ID)
			c.Gain, c.Hours, c.Cost = ratio(r.Coverage-base.Coverage, all), int(g.Hours), int(g.Cost)
			c.Tag, c.Why = "поместится", c.adds(p, g, base, w)
			return
		}
	}
	switch {
	case len(g.Sessions) == 0:
		c.alone(p, g, base, all)
		c.Tag, c.Why = "нет группы", "Ближайших групп нет"
		return
	case open == 0:
		c.alone(p, g, base, all)
		c.Session = session(g.Sessions[0].ID)
		c.Tag, c.Why = "мест нет", "Во всех группах места заняты"
		return
	}
	for _, q := range g.Requires {
		if !slices.ContainsFunc(steps, func(l plan.Lock) bool { return l.Programme == q }) && !slices.Contains(p.Teachers[0].Done, q) {
			c.alone(p, g, base, all)
			c.Session = session(g.Sessions[0].ID)
			c.Tag, c.Why = "сначала другой шаг", fmt.Sprintf("Опирается на %s: добавьте сначала его", w.title(q))
			return
		}
	}
	// One step out, this one in: the best such change.
	best := math.Inf(-1)
	for _, out := range steps {
		if slices.ContainsFunc(locks, func(l plan.Lock) bool { return l.Programme == out.Programme }) {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(steps), func(l plan.Lock) bool { return l == out })
		for _, s := range g.Sessions {
			if s.Seats != nil && *s.Seats <= 0 {
				continue
			}
			r, broken := plan.Fix(&p, 0, append(slices.Clone(rest), plan.Lock{Programme: g.ID, Session: s.ID}))
			if broken == nil && r.Coverage > best+1e-12 {
				best = r.Coverage
				c.Session, c.Instead, c.Title = session(s.ID), out.Programme, w.title(out.Programme)
				c.Gain = (r.Coverage - base.Coverage) / math.Max(all, 1e-12)
				c.Hours, c.Cost = int(math.Round(r.Hours-base.Hours)), int(math.Round(r.Cost-base.Cost))
			}
		}
	}
	c.Tag, c.Why = c.block(p, g, steps, base, w)
	if c.Session == nil {
		c.Session = session(g.Sessions[0].ID)
		c.alone(p, g, base, all)
		c.Why += ". Одной заменой место не освободить"
	} else {
		c.Why += fmt.Sprintf(". Поместится вместо шага %s", c.Title)
	}
}

// alone weighs a programme as if it stood in nobody's way: its own hours and cost,
// and what it would add to the route.
func (c *Candidate) alone(p plan.Problem, g plan.Programme, base plan.Route, all float64) {
	left, gain := open2(base), 0.0
	for _, e := range slices.Sorted(maps.Keys(left)) {
		gain += math.Min(left[e], p.Teachers[0].Deficits[e]*g.Covers[e])
	}
	c.Gain, c.Hours, c.Cost = ratio(gain, all), int(g.Hours), int(g.Cost)
}

// open2 is what a route leaves open, by element.
func open2(r plan.Route) map[string]float64 {
	out := map[string]float64{}
	for _, u := range r.Uncovered {
		out[u.Element] = u.Weight
	}
	return out
}

// adds words what a programme that fits would do.
func (c *Candidate) adds(p plan.Problem, g plan.Programme, base plan.Route, w words) string {
	left := open2(base)
	gains := map[string]float64{}
	for e, share := range g.Covers {
		if x := math.Min(left[e], p.Teachers[0].Deficits[e]*share); x > 1e-9 {
			gains[e] = x
		}
	}
	if len(gains) == 0 {
		return "Эти темы маршрут уже закрывает"
	}
	names := []string{}
	for _, e := range byGain(gains) {
		names = append(names, "«"+w.short(e)+"»")
	}
	return "Добавит к теме " + strings.Join(names, ", ")
}

// block names what stands in the way of a programme.
func (c *Candidate) block(p plan.Problem, g plan.Programme, steps []plan.Lock, base plan.Route, w words) (tag, why string) {
	lim := p.Limits
	if g.Group != "" {
		for _, l := range steps {
			for _, o := range p.Programmes {
				if o.ID == l.Programme && o.Group == g.Group {
					return "взаимозаменяемы", "Из взаимозаменяемых программ в маршруте уже есть " + w.title(l.Programme)
				}
			}
		}
	}
	if lim.Hours != nil && base.Hours+g.Hours > *lim.Hours+1e-9 {
		over := base.Hours + g.Hours - *lim.Hours
		return "не хватает часов", fmt.Sprintf("Не хватает %s", web.Plural(over, "часа", "часов", "часов"))
	}
	if lim.Cost != nil && base.Cost+g.Cost > *lim.Cost+1e-9 {
		return "не хватает денег", fmt.Sprintf("Не хватает %s", web.Rub(base.Cost+g.Cost-*lim.Cost))
	}
	for _, wish := range wishParts(p.Teachers[0].Preferences) {
		free := without(p, wish.Kind, "")
		for _, s := range g.Sessions {
			if _, broken := plan.Fix(&free, 0, append(slices.Clone(steps), plan.Lock{Programme: g.ID, Session: s.ID})); broken == nil {
				return "против пожелания", "Не подходит к пожеланию «" + wish.Words + "»"
			}
		}
	}
	for _, l := range steps {
		without := slices.DeleteFunc(slices.Clone(steps), func(x plan.Lock) bool { return x == l })
		for _, s := range g.Sessions {
			if _, broken := plan.Fix(&p, 0, append(slices.Clone(without), plan.Lock{Programme: g.ID, Session: s.ID})); broken == nil {
				return "те же дни", "Те же дни, что у шага " + w.title(l.Programme)
			}
		}
	}
	return "не совпало по датам", "Ни одна группа не подходит по датам"
}
