package routes

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Pace says how dear a change is when a route is planned anew.
type Pace string

// The paces, from the most careful: what is done and under way stays with each.
const (
	Little Pace = "little"
	Some   Pace = "some"
	Free   Pace = "free" // and ""
)

// share is the price of each step that goes or moves, as a part of all that is needed.
func (p Pace) share() float64 {
	switch p {
	case Little:
		return 0.10
	case Some:
		return 0.03
	}
	return 0
}

// tie is what a change costs at least, as a part of all that is needed: of plans equally good the one nearest to the
// route that stands is taken.
const tie = 1e-6

func (p Pace) words() string {
	switch p {
	case Little:
		return "менять как можно меньше"
	case Some:
		return "менять только с заметной пользой"
	}
	return "лучший при ваших замках и условиях"
}

// keeping plans anew with a price on every step that goes or moves.
func (v scene) keeping(p plan.Problem, r Route, pace Pace) ([]plan.Lock, error) {
	t := p.Teachers[0]
	for _, l := range r.chosen() {
		if slices.ContainsFunc(p.Programmes, func(g plan.Programme) bool {
			return g.ID == l.Programme && slices.ContainsFunc(g.Sessions, func(s plan.Session) bool { return s.ID == l.Session })
		}) {
			t.Keep = append(t.Keep, l)
		}
	}
	p.Teachers = []plan.Teacher{t}
	p.ChangePenalty = max(tie, pace.share()) * total(t)
	best := plan.Best(&p, 0).Teachers[0]
	if best.Conflict != nil {
		return nil, v.clash(p, best.Conflict)
	}
	out := []plan.Lock{}
	for _, st := range best.Steps {
		out = append(out, plan.Lock{Programme: st.Programme, Session: st.Session})
	}
	return out, nil
}

// What becomes of a step when a route is planned anew.
const (
	StepDone     = "done"
	StepUnderWay = "under_way"
	StepStays    = "stays"
	StepDates    = "dates" // stays in its group, whose dates have moved
	StepMoved    = "moved" // the same programme in another group
	StepComes    = "comes"
	StepGoes     = "goes"
)

// StepChange is one step of the difference between two versions of a route, with why.
type StepChange struct {
	What  string
	Title string
	Hours int
	Was   string // its dates before; "" where it comes
	Is    string // its dates after; "" where it goes
	Why   string
}

// Name is what becomes of the step, in a word.
func (c StepChange) Name() string {
	return map[string]string{StepDone: "пройден", StepUnderWay: "идёт", StepStays: "остаётся", StepDates: "новые даты", StepMoved: "другая группа", StepComes: "новый", StepGoes: "уходит"}[c.What]
}

// Tag is the class of its mark.
func (c StepChange) Tag() string {
	switch c.What {
	case StepDone, StepStays:
		return "tag-good"
	case StepUnderWay:
		return "tag-go"
	case StepGoes:
		return "tag-weak"
	}
	return "tag-wait"
}

// Changed tells whether anything is different with the step.
func (c StepChange) Changed() bool {
	return c.What == StepDates || c.What == StepMoved || c.What == StepComes || c.What == StepGoes
}

// Because is the reason as a sentence.
func (c StepChange) Because() string {
	if c.Why == "" || strings.HasSuffix(c.Why, ".") {
		return upperFirst(c.Why)
	}
	return upperFirst(c.Why) + "."
}

// Replanned is a route as it stands and as it would be planned anew.
type Replanned struct {
	Route   Route
	Pace    Pace
	New     Content
	Changes []StepChange
	// Outdated says why the route no longer fits what is known; nothing where it does.
	Outdated []string
	Now      float64 // share that the steps which can still be gone would close
}

// Price is what sparing the route that stands costs: the best route would close so much more, as a share.
func (x Replanned) Price() float64 { return max(0, x.New.Plan.BestCoverage()-x.New.Plan.Coverage()) }

// Same tells whether planning anew changes nothing.
func (x Replanned) Same() bool {
	return !slices.ContainsFunc(x.Changes, StepChange.Changed)
}

// Unchanged counts the steps that stay as they are.
func (x Replanned) Unchanged() int { return unchanged(x.Changes) }

func unchanged(list []StepChange) int {
	n := 0
	for _, c := range list {
		if !c.Changed() {
			n++
		}
	}
	return n
}

// Count tells how many steps something becomes of.
func (x Replanned) Count(what string) int {
	n := 0
	for _, c := range x.Changes {
		if c.What == what {
			n++
		}
	}
	return n
}

// Replan plans a route anew without keeping it: what is done and under way stays, each other change has the price of
// the pace.
func (s *Service) Replan(ctx context.Context, actor access.Actor, id int64, pace Pace, drop []string) (out Replanned, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		out, err = s.replanTx(ctx, tx, actor, id, pace, drop)
		return err
	})
	return out, err
}

func (s *Service) replanTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, id int64, pace Pace, drop []string) (Replanned, error) {
	r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), false)
	if err != nil {
		return Replanned{}, err
	}
	out := Replanned{Route: r, Pace: pace}
	if err := r.refuseMove(Draft); err != nil {
		return out, err
	}
	v, err := s.sceneTx(ctx, tx, r)
	if err != nil {
		return out, err
	}
	out.Outdated = v.outdated(r)
	if err := s.lookTx(ctx, tx, actor, r); err != nil {
		return out, err
	}
	if out.New, _, err = v.apply(r, Edit{Version: r.Version, Do: "replan", Pace: pace, Drop: drop}); err != nil {
		return out, err
	}
	p := out.New.Problem
	stand := slices.DeleteFunc(r.chosen(), func(l plan.Lock) bool {
		return !slices.ContainsFunc(p.Programmes, func(g plan.Programme) bool {
			return g.ID == l.Programme && slices.ContainsFunc(g.Sessions, func(s plan.Session) bool { return s.ID == l.Session })
		})
	})
	now, _ := plan.Fix(&p, 0, stand) // whatever rules it breaks, this is what is left of it
	out.Now = ratio(now.Coverage, out.New.Plan.Total)
	out.Changes = v.difference(r, r.Steps, out.New)
	return out, nil
}

// Anew is a route out of date beside its new variant, or why there is none.
type Anew struct {
	Replanned
	Clash string
}

// outdatedAtOnce is how many routes out of date are planned anew for one page.
const outdatedAtOnce = 30

// Outdated plans the routes anew whose groups were cancelled, moved or missed, with as few changes as can be, and keeps
// nothing; total counts them all, of whom the first stand in the list.
func (s *Service) Outdated(ctx context.Context, actor access.Actor) (list []Anew, total int, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		lines, err := listTx(ctx, tx, actor.Scope(access.RoutesManage), Filter{Risk: true}, calendar.Day(s.now()))
		if err != nil {
			return err
		}
		for _, l := range lines {
			if !l.Outdated() || !l.State.MayBecome(Draft) {
				continue
			}
			if total++; total > outdatedAtOnce {
				continue
			}
			x := Anew{}
			x.Replanned, err = s.replanTx(ctx, tx, actor, l.ID, Little, nil)
			if fault.KindOf(err) == fault.Conflict {
				x.Clash, err = messageOf(err), nil
			}
			if err != nil {
				return err
			}
			list = append(list, x)
		}
		return nil
	})
	return list, total, err
}

// TakeAnew takes the new variants of routes by their ids and the versions that were on the screen; others counts the
// routes that have changed meanwhile or do not fit any more.
func (s *Service) TakeAnew(ctx context.Context, actor access.Actor, versions map[int64]int, note string) (taken, others int, err error) {
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		_, err := s.Change(ctx, actor, id, Edit{Version: versions[id], Do: "replan", Pace: Little, Note: note})
		switch fault.KindOf(err) {
		case fault.Conflict, fault.NotFound:
			others++
		default:
			if err != nil {
				return taken, others, err
			}
			taken++
		}
	}
	return taken, others, nil
}

func dates(from, to time.Time) string {
	switch {
	case from.Equal(to):
		return calendar.Date(from)
	case from.Month() == to.Month() && from.Year() == to.Year():
		return fmt.Sprintf("%d–%s", from.Day(), calendar.Date(to))
	}
	return calendar.DayMonth(from) + " – " + calendar.Date(to)
}

// difference tells what becomes of each step between the steps before and a content: first what is new in the order
// of days, then what goes.
func (v scene) difference(r Route, before []Step, c Content) []StepChange {
	w := newWords(v.programmes, v.elements, c.Plan.Total)
	find := func(list []Step, programme int64) *Step {
		for i := range list {
			if list[i].Programme == programme {
				return &list[i]
			}
		}
		return nil
	}
	out := []StepChange{}
	for _, s := range c.Steps {
		x := StepChange{Title: w.programmes[s.Code].Title, Hours: s.Hours, Is: dates(s.StartsOn, s.EndsOn)}
		old := find(before, s.Programme)
		switch {
		case old == nil:
			x.What = StepComes
			if len(s.Why) > 0 {
				x.Why = s.Why[0]
			}
		case r.Done(s.Programme):
			x.What, x.Was = StepDone, dates(old.StartsOn, old.EndsOn)
		case old.Session != s.Session:
			x.What, x.Was, x.Why = StepMoved, dates(old.StartsOn, old.EndsOn), v.whyLeaves(r, *old, c)
		case !old.StartsOn.Equal(s.StartsOn) || !old.EndsOn.Equal(s.EndsOn):
			x.What, x.Was, x.Why = StepDates, dates(old.StartsOn, old.EndsOn), "группу перенесли"
		case v.begun(r, s):
			x.What, x.Was = StepUnderWay, x.Is
		default:
			x.What, x.Was = StepStays, x.Is
		}
		out = append(out, x)
	}
	for _, s := range before {
		if find(c.Steps, s.Programme) == nil {
			out = append(out, StepChange{What: StepGoes, Title: w.programmes[s.Code].Title, Hours: s.Hours, Was: dates(s.StartsOn, s.EndsOn), Why: v.whyLeaves(r, s, c)})
		}
	}
	return out
}

// whyLeaves words why a step does not stand in a content any more: what happened to it, what it goes against, or what
// keeping it would cost.
func (v scene) whyLeaves(r Route, s Step, c Content) string {
	p := c.Problem
	w := newWords(v.programmes, v.elements, c.Plan.Total)
	g := w.programmes[s.Code]
	x := v.session(s)
	lock := plan.Lock{Programme: s.Code, Session: s.Group}
	at := slices.IndexFunc(p.Programmes, func(g plan.Programme) bool { return g.ID == s.Code })
	switch {
	case g.WithdrawnAt != nil:
		return "программу больше не проводят"
	case x == nil || x.CancelledAt != nil:
		return "группу отменили"
	case slices.Contains(p.Teachers[0].Forbidden, s.Code):
		return "методист исключил программу"
	case !g.Open(v.today):
		return "срок действия программы истёк"
	case !x.StartsOn.After(v.today):
		return "группа уже началась"
	case !slices.ContainsFunc(g.Covers, func(k Cover) bool { return p.Teachers[0].Deficits[k.Element] > 0 }):
		return "по последним результатам тема больше не требует работы"
	case at < 0 || !slices.ContainsFunc(p.Programmes[at].Sessions, func(o plan.Session) bool { return o.ID == s.Group }):
		return "в группу уже нельзя попасть: она скоро начнётся или выходит за учебный год"
	}
	t := p.Teachers[0]
	t.Locked = append(slices.Clone(t.Locked), lock)
	p.Teachers = []plan.Teacher{t}
	kept := plan.Best(&p, 0).Teachers[0]
	if kept.Conflict != nil {
		words := []string{}
		for _, d := range kept.Conflict {
			if d.Kind != "locked" || d.Programme != s.Code {
				words = append(words, w.demand(d.Kind, d.Programme, p))
			}
		}
		return "не складывается с условием: " + strings.Join(words, "; ")
	}
	with, no := "с ним", "без него"
	if slices.ContainsFunc(c.Steps, func(o Step) bool { return o.Programme == s.Programme }) {
		with, no = "с прежней группой", "без прежней группы"
	}
	switch loses := c.Plan.Route.Coverage - kept.Coverage; {
	case loses > 0.0005*c.Plan.Total:
		return with + " маршрут закрыл бы " + w.less(loses)
	case loses < -0.0005*c.Plan.Total:
		return "так решил методист"
	}
	return no + " маршрут закрывает столько же"
}

// drifted is how far the weights of needs may drift before a route is called out of date, as a part of the whole.
const drifted = 0.05

// outdated lists in words why a route that can still change no longer fits what is known today.
func (v scene) outdated(r Route) []string {
	if !r.State.MayBecome(Draft) {
		return nil
	}
	w := newWords(v.programmes, v.elements, 1)
	out := []string{}
	for _, s := range r.Steps {
		if r.Started(s.Programme) {
			continue
		}
		g, x := w.programmes[s.Code], v.session(s)
		switch {
		case g.WithdrawnAt != nil:
			out = append(out, fmt.Sprintf("Программу %s больше не проводят.", quoted(g.Title)))
		case x != nil && x.CancelledAt != nil:
			out = append(out, fmt.Sprintf("Группу программы %s (%s) отменили.", quoted(g.Title), dates(s.StartsOn, s.EndsOn)))
		case x != nil && (!x.StartsOn.Equal(s.StartsOn) || !x.EndsOn.Equal(s.EndsOn)):
			out = append(out, fmt.Sprintf("Группу программы %s перенесли: было %s, стало %s.", quoted(g.Title), dates(s.StartsOn, s.EndsOn), dates(x.StartsOn, x.EndsOn)))
		case (r.State == Draft || r.State == Proposed || r.State == Declined) && !s.StartsOn.After(v.today) && !v.begun(r, s):
			out = append(out, fmt.Sprintf("Шаг %s начался раньше, чем маршрут согласовали.", quoted(g.Title)))
		}
	}
	return append(out, w.drift(r.Teacher().Deficits, weightsOf(v.needs))...)
}

// weightsOf are the weights of needs by element, as the planner takes them.
func weightsOf(needs []Need) map[string]float64 {
	out := map[string]float64{}
	for _, n := range needs {
		if x := n.Weight(); x > 0 {
			out[n.Element] = x
		}
	}
	return out
}

// drift says how needs differ from those that a route was planned for; nothing where they hardly do.
func (w words) drift(was, is map[string]float64) []string {
	moved, all := 0.0, math.Max(sum(was), sum(is))
	more, less := []string{}, []string{}
	for _, e := range byGain(was) {
		moved += math.Abs(is[e] - was[e])
		if is[e] == 0 {
			less = append(less, "«"+w.short(e)+"»")
		}
	}
	for _, e := range byGain(is) {
		if was[e] == 0 {
			moved += is[e]
			more = append(more, "«"+w.short(e)+"»")
		}
	}
	if all == 0 || moved <= drifted*all {
		return nil
	}
	out := []string{"Результаты диагностики изменились с тех пор, как маршрут рассчитали."}
	if len(more) > 0 {
		out = append(out, "Появились темы: "+strings.Join(more, ", ")+".")
	}
	if len(less) > 0 {
		out = append(out, "Больше не требуют работы: "+strings.Join(less, ", ")+".")
	}
	return out
}

// checkPace refuses a pace that is none.
func checkPace(p Pace) error {
	if !slices.Contains([]Pace{Little, Some, Free, ""}, p) {
		return fault.New(fault.Invalid, "Неизвестный способ пересчёта")
	}
	return nil
}

// PriceOfChange is what one step that goes or moves has to bring at a pace, in words.
func (p Pace) PriceOfChange() string {
	if p.share() == 0 {
		return "ничего"
	}
	return web.Dec(0, 100*p.share()) + " п. п."
}
