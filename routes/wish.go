package routes

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Wished says who asked for the preferences of a route, when and why.
type Wished struct {
	By  access.PersonID `json:"by"`
	At  time.Time       `json:"at"`
	Why string          `json:"why,omitempty"`
}

// Price is what one demand costs: the best route without it closes so much more, in weight.
type Price struct {
	Kind      string  `json:"kind"` // as in plan.Demand
	Programme string  `json:"programme,omitempty"`
	Loses     float64 `json:"loses"`
}

// Key names a demand in a form.
func (p Price) Key() string { return demandKey(p.Kind, p.Programme) }

func demandKey(kind, programme string) string {
	if programme == "" {
		return kind
	}
	return kind + ":" + programme
}

// nowhere stands for the place of a full-time group that names none: a wish for places does not match it.
const nowhere = "—"

// venueOf is the place of a session as wishes see it: places are asked of full-time groups only.
func venueOf(s Session) string {
	switch {
	case s.Mode == string(plan.Online):
		return ""
	case s.Venue == "":
		return nowhere
	}
	return s.Venue
}

// noWish tells whether preferences ask for nothing.
func noWish(w *plan.Preferences) bool {
	return w == nil || len(w.Modes) == 0 && len(w.Venues) == 0 && len(w.Months) == 0 && w.HoursAMonth == nil
}

// wishPart is one of the wishes in words, with its kind as in plan.Demand.
type wishPart struct{ Kind, Words string }

func wishParts(w *plan.Preferences) []wishPart {
	if w == nil {
		return nil
	}
	out := []wishPart{}
	for _, m := range w.Modes {
		out = append(out, wishPart{"modes", "только " + nameOf(modes, string(m))})
	}
	if places := slices.DeleteFunc(slices.Clone(w.Venues), func(v string) bool { return v == "" }); len(places) > 0 {
		out = append(out, wishPart{"venues", "очно только здесь: " + strings.Join(places, ", ")})
	}
	if len(w.Months) > 0 {
		names := []string{}
		for _, m := range w.Months {
			names = append(names, monthName(m))
		}
		out = append(out, wishPart{"months", "только в эти месяцы: " + strings.Join(names, ", ")})
	}
	if w.HoursAMonth != nil {
		out = append(out, wishPart{"hours_a_month", "не больше " + web.Plural(*w.HoursAMonth, "часа", "часов", "часов") + " в месяц"})
	}
	return out
}

// wishWords puts preferences into words; "" where nothing is asked.
func wishWords(w *plan.Preferences) string {
	words := []string{}
	for _, p := range wishParts(w) {
		words = append(words, p.Words)
	}
	return strings.Join(words, "; ")
}

// firstOf is the first day of a month.
func firstOf(m plan.Month) time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC)
}

// monthName is a month as «март 2027».
func monthName(m plan.Month) string { return calendar.Month(firstOf(m)) }

// monthsAhead are the months from a day to the end of what can be planned.
func monthsAhead(today time.Time) []plan.Month {
	out := []plan.Month{}
	for m := plan.DayOf(today).Month(); m <= plan.DayOf(horizon(today)).Month(); m++ {
		out = append(out, m)
	}
	return out
}

// placesOf are the places where groups of a catalogue still come together, in order.
func placesOf(programmes []Programme, today time.Time) []string {
	out := []string{}
	for _, g := range programmes {
		for _, s := range g.Sessions {
			if v := venueOf(s); v != "" && v != nowhere && s.CancelledAt == nil && s.StartsOn.After(today) && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	slices.Sort(out)
	return out
}

// wishesOf checks what a form asks for and makes it the planner's: nil where it asks for nothing.
func wishesOf(mode string, venues, months []string, load string) (*plan.Preferences, error) {
	w := &plan.Preferences{}
	switch mode {
	case "":
	case string(plan.FullTime), string(plan.Online):
		w.Modes = []plan.Mode{plan.Mode(mode)}
	default:
		return nil, fault.Field("mode", "Форма — очно, дистанционно или любая")
	}
	for _, v := range venues {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(w.Venues, v) {
			w.Venues = append(w.Venues, v)
		}
	}
	if len(w.Venues) > 0 {
		w.Venues = append(w.Venues, "") // online comes from everywhere
		slices.Sort(w.Venues)
	}
	for _, m := range months {
		x, err := plan.ParseMonth(m)
		if err != nil {
			return nil, fault.Field("months", "Месяц не разобрать: %s", m)
		}
		if !slices.Contains(w.Months, x) {
			w.Months = append(w.Months, x)
		}
	}
	slices.Sort(w.Months)
	if load = strings.TrimSpace(load); load != "" {
		var h int
		if _, err := fmt.Sscanf(load, "%d", &h); err != nil || fmt.Sprint(h) != load || h < 1 || h > 200 {
			return nil, fault.Field("load", "Часов в месяц — целое число от 1 до 200 или пусто")
		}
		x := float64(h)
		w.HoursAMonth = &x
	}
	if noWish(w) {
		return nil, nil
	}
	return w, nil
}

// without is a problem of one teacher with one demand dropped.
func without(p plan.Problem, kind, programme string) plan.Problem {
	t := p.Teachers[0]
	is := func(code string) bool { return code == programme }
	switch kind {
	case "locked":
		t.Locked = slices.DeleteFunc(slices.Clone(t.Locked), func(l plan.Lock) bool { return is(l.Programme) })
	case "required":
		t.Required = slices.DeleteFunc(slices.Clone(t.Required), is)
	case "forbidden":
		t.Forbidden = slices.DeleteFunc(slices.Clone(t.Forbidden), is)
	case "hours":
		p.Limits.Hours = nil
	case "cost":
		p.Limits.Cost = nil
	case "modes", "venues", "months", "hours_a_month":
		t.Preferences = withoutWish(t.Preferences, kind)
	}
	p.Teachers = []plan.Teacher{t}
	return p
}

func withoutWish(w *plan.Preferences, kind string) *plan.Preferences {
	if w == nil {
		return nil
	}
	x := *w
	switch kind {
	case "modes":
		x.Modes = nil
	case "venues":
		x.Venues = nil
	case "months":
		x.Months = nil
	case "hours_a_month":
		x.HoursAMonth = nil
	}
	if noWish(&x) {
		return nil
	}
	return &x
}

// asked lists the demands of a methodist in a problem, without prices; what is under way is nobody's demand.
func asked(t plan.Teacher) []Price {
	out := []Price{}
	for _, l := range t.Locked {
		if !slices.Contains(t.UnderWay, l.Programme) {
			out = append(out, Price{Kind: "locked", Programme: l.Programme})
		}
	}
	for _, q := range t.Required {
		out = append(out, Price{Kind: "required", Programme: q})
	}
	for _, q := range t.Forbidden {
		out = append(out, Price{Kind: "forbidden", Programme: q})
	}
	for _, w := range wishParts(t.Preferences) {
		out = append(out, Price{Kind: w.Kind})
	}
	return out
}

// prices says what each demand of a problem costs, and what the best route without any of them closes.
func prices(p plan.Problem, best float64) (list []Price, free float64) {
	list = asked(p.Teachers[0])
	if len(list) == 0 {
		return nil, 0
	}
	all := p
	for i := range list {
		one := without(p, list[i].Kind, list[i].Programme)
		all = without(all, list[i].Kind, list[i].Programme)
		list[i].Loses = math.Max(0, plan.Best(&one, 0).Teachers[0].Coverage-best)
	}
	return list, plan.Best(&all, 0).Teachers[0].Coverage
}

// demand puts a demand into words.
func (w words) demand(kind, programme string, p plan.Problem) string {
	switch kind {
	case "locked":
		if slices.Contains(p.Teachers[0].UnderWay, programme) {
			return "начат шаг " + w.title(programme)
		}
		return "закреплён шаг " + w.title(programme)
	case "required":
		return "обязательна программа " + w.title(programme)
	case "forbidden":
		return "исключена программа " + w.title(programme)
	case "hours":
		return "не больше " + web.Plural(*p.Limits.Hours, "часа", "часов", "часов")
	case "cost":
		if p.Limits.Cost == nil {
			return "деньги без предела"
		}
		return "не дороже " + web.Rub(*p.Limits.Cost)
	case "dates":
		return "всё до " + calendar.Date(p.Limits.To.Time())
	case "seats":
		return "места в нужных группах заняты"
	}
	for _, x := range wishParts(p.Teachers[0].Preferences) {
		if x.Kind == kind {
			return x.Words
		}
	}
	return kind
}
