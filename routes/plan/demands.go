package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Demand is one thing asked of a route beyond what closes deficits. Kind is "locked", "required", "forbidden", "modes",
// "venues", "months", "hours_a_month", "hours", "cost", "dates", "unavailable" or "seats" (others hold the seats).
type Demand struct {
	Kind      string `json:"kind"`
	Programme string `json:"programme,omitempty"`
	Session   string `json:"session,omitempty"`
	Words     string `json:"words"`
}

// relax is a demand with the way to drop it from a problem of one teacher.
type relax struct {
	Demand
	drop func(p *Problem, t *Teacher)
}

// demandsOf lists what limits the route of the teacher at index t, and how each can be dropped.
func demandsOf(p *Problem, t int) []relax {
	var out []relax
	who := p.Teachers[t]
	add := func(d Demand, drop func(p *Problem, t *Teacher)) {
		if !slices.ContainsFunc(out, func(o relax) bool { return o.Demand == d }) { // said twice is said once
			out = append(out, relax{d, drop})
		}
	}
	for _, l := range who.Locked {
		words := "programme " + l.Programme + " is locked"
		if l.Session != "" {
			words = fmt.Sprintf("programme %s is locked in session %s", l.Programme, l.Session)
		}
		add(Demand{"locked", l.Programme, l.Session, words}, func(_ *Problem, t *Teacher) {
			t.Locked = slices.DeleteFunc(slices.Clone(t.Locked), func(o Lock) bool { return o == l })
		})
	}
	for _, q := range who.Required {
		add(Demand{"required", q, "", "programme " + q + " is required"}, func(_ *Problem, t *Teacher) {
			t.Required = slices.DeleteFunc(slices.Clone(t.Required), func(o string) bool { return o == q })
		})
	}
	for _, q := range who.Forbidden {
		add(Demand{"forbidden", q, "", "programme " + q + " is forbidden"}, func(_ *Problem, t *Teacher) {
			t.Forbidden = slices.DeleteFunc(slices.Clone(t.Forbidden), func(o string) bool { return o == q })
		})
	}
	if w := who.Preferences; w != nil {
		wish := func(kind, words string, drop func(w *Preferences)) {
			add(Demand{Kind: kind, Words: words}, func(_ *Problem, t *Teacher) {
				w := *t.Preferences
				drop(&w)
				t.Preferences = &w
			})
		}
		if len(w.Modes) > 0 {
			wish("modes", fmt.Sprintf("only sessions %v", w.Modes), func(w *Preferences) { w.Modes = nil })
		}
		if len(w.Venues) > 0 {
			wish("venues", "only at "+strings.Join(w.Venues, ", "), func(w *Preferences) { w.Venues = nil })
		}
		if len(w.Months) > 0 {
			wish("months", fmt.Sprintf("only in %v", w.Months), func(w *Preferences) { w.Months = nil })
		}
		if w.HoursAMonth != nil {
			wish("hours_a_month", fmt.Sprintf("at most %g hours a month", *w.HoursAMonth), func(w *Preferences) { w.HoursAMonth = nil })
		}
	}
	lim := who.Limits.over(p.Limits)
	if lim.Hours != nil {
		add(Demand{Kind: "hours", Words: fmt.Sprintf("at most %g hours", *lim.Hours)}, func(p *Problem, t *Teacher) { p.Limits.Hours, t.Limits.Hours = nil, nil })
	}
	if lim.Cost != nil {
		add(Demand{Kind: "cost", Words: fmt.Sprintf("at most %g of money", *lim.Cost)}, func(p *Problem, t *Teacher) { p.Limits.Cost, t.Limits.Cost = nil, nil })
	}
	if lim.From != nil || lim.To != nil {
		add(Demand{Kind: "dates", Words: "the dates of the plan"}, func(p *Problem, t *Teacher) {
			p.Limits.From, p.Limits.To, t.Limits.From, t.Limits.To = nil, nil, nil, nil
		})
	}
	if len(who.Unavailable) > 0 {
		add(Demand{Kind: "unavailable", Words: "the days the teacher is busy"}, func(_ *Problem, t *Teacher) { t.Unavailable = nil })
	}
	return out
}
