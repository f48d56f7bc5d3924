package routes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// askedView is a demand of the methodist with its price.
type askedView struct {
	Price
	Label string // «Исключено», «Пожелание», …
	Words string
	Do    string // what gives it up
	Verb  string // on the button
	Cost  float64
}

func askedViews(r Route, w words) []askedView {
	out := []askedView{}
	list := r.Plan.Prices
	if len(list) == 0 {
		list = asked(r.Teacher())
	}
	for _, p := range list {
		d := askedView{Price: p, Do: "drop", Verb: "Снять", Label: "Пожелание", Cost: ratio(p.Loses, r.Plan.Total)}
		switch p.Kind {
		case "locked":
			d.Label, d.Words, d.Do, d.Verb = "Закреплено", w.title(p.Programme), "unlock", "Открепить"
		case "required":
			d.Label, d.Words, d.Do = "Обязательно", w.title(p.Programme), "release"
		case "forbidden":
			d.Label, d.Words, d.Do, d.Verb = "Исключено", w.title(p.Programme), "allow", "Вернуть"
		default:
			d.Words = w.demand(p.Kind, p.Programme, r.Problem)
		}
		out = append(out, d)
	}
	return out
}

// Says is the price in words.
func (d askedView) Says() string {
	if d.Cost < 0.0005 {
		return "ничего не стоит"
	}
	return "стоит " + web.Dec(1, 100*d.Cost) + " п. п."
}

// keep puts back what a refused form held.
func (f *wishForm) keep(mode string, venues, months []string, load, why string) {
	for i := range f.Modes {
		f.Modes[i].On = f.Modes[i].Value == mode
	}
	for i := range f.Venues {
		f.Venues[i].On = slices.Contains(venues, f.Venues[i].Value)
	}
	for i := range f.Months {
		f.Months[i].On = slices.Contains(months, f.Months[i].Value)
	}
	f.Load, f.Why = load, why
}

// maxWords is how long a note of a methodist may be, in bytes.
const maxWords = 4000

func checkWords(field, text string) error {
	if len(text) > maxWords {
		return fault.Field(field, "Слишком длинно: до 2000 знаков")
	}
	return nil
}

// hidden is a field that a form carries along.
type hidden struct{ Name, Value string }

// wishForm is the form of the preferences with what stands in it.
type wishForm struct {
	Modes  []option
	Venues []option
	Months []option
	Load   string
	Words  string // what is asked for now
	Why    string
	By     string
	At     time.Time
}

func wishFormOf(r Route, v scene, names map[access.PersonID]people.Name) wishForm {
	w := r.Teacher().Preferences
	if w == nil {
		w = &plan.Preferences{}
	}
	f := wishForm{Words: wishWords(w), Modes: []option{{"", "любая", len(w.Modes) == 0}}}
	for _, m := range modes {
		f.Modes = append(f.Modes, option{m.Code, m.Name, slices.Contains(w.Modes, plan.Mode(m.Code))})
	}
	places := placesOf(v.programmes, v.today)
	for _, x := range w.Venues {
		if x != "" && !slices.Contains(places, x) {
			places = append(places, x)
		}
	}
	for _, x := range places {
		f.Venues = append(f.Venues, option{x, x, slices.Contains(w.Venues, x)})
	}
	for _, m := range monthsAhead(v.today) {
		f.Months = append(f.Months, option{m.String(), monthName(m), slices.Contains(w.Months, m)})
	}
	if w.HoursAMonth != nil {
		f.Load = fmt.Sprintf("%.0f", *w.HoursAMonth)
	}
	if a := r.Plan.Asked; a != nil {
		f.Why, f.At, f.By = a.Why, a.At, nameOfPerson(names, a.By)
	}
	return f
}

// changesTx tells how a route differs from what the teacher had agreed to before it was last proposed; nothing where
// it does not.
func (s *Service) changesTx(ctx context.Context, tx *sqlx.Tx, r Route, v scene) ([]StepChange, error) {
	proposed, err := db.Get[int](ctx, tx, `SELECT COALESCE(max(version), 0) FROM route_version WHERE route_id = $1 AND state = 'proposed'`, r.ID)
	if err != nil {
		return nil, fmt.Errorf("route %d: last proposal: %w", r.ID, err)
	}
	before, err := standingTx(ctx, tx, r, proposed-1)
	if err != nil || before == nil {
		return nil, err
	}
	list := v.difference(r, before, r.Content)
	if !slices.ContainsFunc(list, StepChange.Changed) {
		return nil, nil
	}
	return list, nil
}
