package routes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/routes/plan"
)

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
	c.Plan.Prices, c.Plan.Free = prices(p, c.Plan.Best.Coverage)
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
		fixed := slices.ContainsFunc(p.Teachers[0].Locked, func(l plan.Lock) bool { return l.Programme == st.Programme })
		begun := slices.Contains(p.Teachers[0].UnderWay, st.Programme)
		x.Locked = fixed && !begun
		x.Why = w.why(st, reasons[i], len(p.Teachers[0].Deficits), x.Locked, begun)
		if slices.Contains(p.Teachers[0].Required, st.Programme) {
			x.Why = append(x.Why, "Методист назвал программу обязательной.")
		}
		c.Steps = append(c.Steps, x)
	}
	return c, nil
}
