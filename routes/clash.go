package routes

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Way is one demand of a smallest set that cannot hold together, with the way to give it up.
type Way struct {
	Key    string // as a form gives it back; "" where it cannot be given up
	Words  string
	Button string
	Enough bool    // giving it up alone makes a route possible; else another conflict stands behind
	Closes float64 // the share of all that is needed which the best route then closes, where that is enough
}

// clashed is a refusal that knows the demands which cannot hold together: giving up any one of them ends this conflict.
type clashed struct {
	refusal *fault.Error
	ways    []Way
}

func (c *clashed) Error() string { return c.refusal.Error() }
func (c *clashed) Unwrap() error { return c.refusal }

// clash names the demands of a smallest conflict, the way out of each beside it.
func (v scene) clash(p plan.Problem, set []plan.Demand) error {
	w := newWords(v.programmes, v.elements, 1)
	c := &clashed{}
	named := []string{}
	for _, d := range set {
		way := Way{Words: w.demand(d.Kind, d.Programme, p), Key: demandKey(d.Kind, d.Programme)}
		named = append(named, way.Words)
		switch d.Kind {
		case "locked":
			way.Button = "Открепить"
			if slices.Contains(p.Teachers[0].UnderWay, d.Programme) {
				way.Key, way.Button = "", ""
			}
		case "required":
			way.Button = "Не требовать"
		case "forbidden":
			way.Button = "Вернуть программу"
		case "hours":
			way.Button = fmt.Sprintf("Поднять предел до %d ч", int(needed(p, "hours")))
		case "cost":
			way.Button = "Поднять предел до " + web.Rub(needed(p, "cost"))
		case "modes", "venues", "months", "hours_a_month":
			way.Button = "Снять это пожелание"
		default:
			way.Key = ""
		}
		if way.Key != "" {
			less := without(p, d.Kind, d.Programme)
			switch d.Kind { // a limit is raised as far as the others need, no further
			case "hours":
				n := max(*p.Limits.Hours, needed(p, "hours"))
				less.Limits.Hours = &n
			case "cost":
				n := max(*p.Limits.Cost, needed(p, "cost"))
				less.Limits.Cost = &n
			}
			best := plan.Best(&less, 0).Teachers[0]
			way.Enough, way.Closes = best.Conflict == nil, ratio(best.Coverage, total(p.Teachers[0]))
		}
		c.ways = append(c.ways, way)
	}
	if len(set) == 1 {
		c.refusal = fault.New(fault.Conflict, "Так не складывается: %s, а подходящей группы впереди нет", named[0])
	} else {
		c.refusal = fault.New(fault.Conflict, "Вместе это не складывается: %s", strings.Join(named, "; "))
	}
	return c
}

// needed is the least that a limit has to be for the other demands to hold.
func needed(p plan.Problem, limit string) float64 {
	p = without(p, limit, "")
	t := p.Teachers[0]
	t.Deficits = map[string]float64{} // nothing to gain: only what is demanded is taken
	p.Teachers = []plan.Teacher{t}
	r := plan.Best(&p, 0).Teachers[0]
	if limit == "hours" {
		return math.Ceil(r.Hours)
	}
	return math.Ceil(r.Cost)
}
