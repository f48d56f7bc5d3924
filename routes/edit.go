package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// Edit is one change of a route by a methodist.
type Edit struct {
	Version   int    // the version that was on the screen
	Do        string // lock, unlock, remove, add, forbid, allow, require, release, wishes, drop, replan, limits, undo
	Programme string // code
	Session   string // code of the group, for add
	Instead   string // code of the step that gives way, for add
	Hours     int    // for limits
	Cost      int    // for limits; −1: no limit
	Wishes    *plan.Preferences
	Why       string   // of the wishes
	Pace      Pace     // for replan
	Note      string   // for replan: what the teacher is told
	Drop      []string // keys of demands given up with it, as Way names them
}

// Change applies one edit of a methodist: a new version, a draft again, with its price against the best route.
func (s *Service) Change(ctx context.Context, actor access.Actor, id int64, e Edit) (Route, error) {
	var r Route
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if err := holdSeatsTx(ctx, tx); err != nil {
			return err
		}
		if r, err = routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), true); err != nil {
			return err
		}
		if e.Version != r.Version {
			return fault.New(fault.Conflict, "Пока вы смотрели, маршрут изменился: сейчас версия %d. Откройте его снова", r.Version)
		}
		if err := r.refuseMove(Draft); err != nil {
			return err
		}
		v, err := s.sceneTx(ctx, tx, r)
		if err != nil {
			return err
		}
		var c Content
		var reason string
		back := e.Do == "undo" || e.Do == "redo"
		if back {
			if c, reason, err = undoTx(ctx, tx, r, e.Do == "redo"); err == nil {
				err = v.gone(r, c)
			}
		} else {
			c, reason, err = v.apply(r, e)
		}
		if err != nil {
			return err
		}
		if !back {
			c.Plan.Asked, c.Plan.Note = s.wished(actor, r, c, e), noteOf(r, e)
		}
		return s.changeTx(ctx, tx, actor, &r, c, Draft, "route.changed", reason)
	})
	return r, err
}

// wished keeps who asked for the preferences of a version.
func (s *Service) wished(actor access.Actor, r Route, c Content, e Edit) *Wished {
	switch {
	case noWish(c.Teacher().Preferences):
		return nil
	case e.Do == "wishes" || r.Plan.Asked == nil:
		return &Wished{actor.ID, s.now(), strings.TrimSpace(e.Why)}
	}
	return r.Plan.Asked
}

// noteOf is what the teacher is told of a change: of this one, or of an earlier one not proposed to them yet.
func noteOf(r Route, e Edit) string {
	if e.Do == "replan" && strings.TrimSpace(e.Note) != "" {
		return strings.TrimSpace(e.Note)
	}
	if r.State == Draft || r.State == Declined {
		return r.Plan.Note
	}
	return ""
}

// edited is what an edit asks of a route, before anything is planned.
type edited struct {
	demands
	limits Limits
	steps  []plan.Lock // the steps by hand, unless the rest is planned anew
	replan bool
	reason string
}

// apply works out what an edit makes of a route.
func (v scene) apply(r Route, e Edit) (Content, string, error) {
	w := newWords(v.programmes, v.elements, 1)
	if e.Programme != "" {
		if _, ok := w.programmes[e.Programme]; !ok {
			return Content{}, "", fault.New(fault.NotFound, "Такой программы нет в каталоге")
		}
	}
	x, err := v.edit(r, e, w)
	if err != nil {
		return Content{}, "", err
	}
	if x.replan {
		for _, s := range r.Steps {
			if v.begun(r, s) && !slices.Contains(x.forbidden, s.Code) {
				x.begin(s)
			}
		}
	}
	for _, key := range e.Drop {
		x.drop(key, v, r)
	}
	p := v.current(r, x.demands, x.limits, !x.replan)
	if x.replan {
		if x.steps, err = v.keeping(p, r, e.Pace); err != nil {
			return Content{}, "", err
		}
	}
	c, err := v.judge(p, x.steps, r, e)
	return c, x.reason, err
}

// drop gives a demand up; one that is none is left alone.
func (x *edited) drop(key string, v scene, r Route) {
	kind, code, _ := strings.Cut(key, ":")
	is := func(c string) bool { return c == code }
	p := v.current(r, x.demands, x.limits, !x.replan)
	switch kind {
	case "hours", "cost":
	default:
		if !slices.ContainsFunc(asked(p.Teachers[0]), func(d Price) bool { return d.Key() == key }) {
			return
		}
	}
	switch kind {
	case "locked":
		x.locked = slices.DeleteFunc(x.locked, func(l plan.Lock) bool { return is(l.Programme) })
	case "required":
		x.required = slices.DeleteFunc(x.required, is)
	case "forbidden":
		x.forbidden = slices.DeleteFunc(x.forbidden, is)
	case "hours":
		x.limits.Hours = max(x.limits.Hours, int(needed(p, "hours")))
	case "cost":
		if x.limits.Cost >= 0 {
			x.limits.Cost = max(x.limits.Cost, int(needed(p, "cost")))
		}
	default:
		x.wishes = withoutWish(x.wishes, kind)
	}
	w := newWords(v.programmes, v.elements, 1)
	x.reason += ". Снято условие: " + w.demand(kind, code, p)
}

// edit reads an edit against the route: which demands and steps it leaves, or why it cannot be.
func (v scene) edit(r Route, e Edit, w words) (edited, error) {
	x := edited{demands: demandsOf(r), limits: r.limits(), steps: r.chosen()}
	inRoute := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Code == e.Programme })
	isLocked := slices.ContainsFunc(x.locked, func(l plan.Lock) bool { return l.Programme == e.Programme })
	if inRoute >= 0 && r.Started(r.Steps[inRoute].Programme) && e.Do != "lock" {
		return x, fault.New(fault.Conflict, "Шаг уже начат: его не убрать и не открепить")
	}
	title := w.title(e.Programme)
	allow := func() { x.forbidden = slices.DeleteFunc(x.forbidden, func(c string) bool { return c == e.Programme }) }
	switch e.Do {
	case "lock":
		if inRoute < 0 {
			return x, fault.New(fault.Conflict, "Этого шага в маршруте уже нет")
		}
		if !isLocked {
			x.locked = append(x.locked, plan.Lock{Programme: e.Programme, Session: r.Steps[inRoute].Group})
		}
		x.reason = "Закреплён шаг " + title
	case "unlock":
		x.locked = slices.DeleteFunc(x.locked, func(l plan.Lock) bool { return l.Programme == e.Programme })
		x.reason = "Откреплён шаг " + title
	case "remove", "forbid":
		if isLocked {
			return x, fault.New(fault.Conflict, "Шаг закреплён: сначала открепите его")
		}
		for _, s := range r.Steps {
			if g := w.programmes[s.Code]; slices.Contains(g.Requires, e.Programme) && !slices.Contains(r.Teacher().Done, e.Programme) {
				return x, fault.New(fault.Conflict, "На этот шаг опирается %s: сначала уберите его", quoted(g.Title))
			}
		}
		if slices.Contains(x.required, e.Programme) {
			return x, fault.New(fault.Conflict, "Программа названа обязательной: сначала снимите это условие")
		}
		x.steps = slices.DeleteFunc(x.steps, func(l plan.Lock) bool { return l.Programme == e.Programme })
		x.reason = "Убран шаг " + title
		if e.Do == "forbid" {
			if !slices.Contains(x.forbidden, e.Programme) {
				x.forbidden = append(x.forbidden, e.Programme)
			}
			x.replan = true
			x.reason = "Исключена программа " + title + ", маршрут пересчитан"
		}
	case "allow":
		allow()
		x.reason = "Программа " + title + " снова допущена"
	case "require":
		allow()
		if !slices.Contains(x.required, e.Programme) {
			x.required = append(x.required, e.Programme)
		}
		x.replan = true
		x.reason = "Программа " + title + " обязательна, маршрут пересчитан"
	case "release":
		x.required = slices.DeleteFunc(x.required, func(c string) bool { return c == e.Programme })
		x.reason = "Программа " + title + " больше не обязательна"
	case "wishes":
		x.wishes, x.replan = e.Wishes, true
		x.reason = "Пожелания сняты, маршрут пересчитан"
		if words := wishWords(e.Wishes); words != "" {
			x.reason = "Пожелания: " + words
			if why := strings.TrimSpace(e.Why); why != "" {
				x.reason += ". Почему: " + strings.TrimRight(why, ".")
			}
		}
	case "add":
		if e.Instead != "" {
			if slices.ContainsFunc(x.locked, func(l plan.Lock) bool { return l.Programme == e.Instead }) {
				return x, fault.New(fault.Conflict, "Шаг %s закреплён: сначала открепите его", w.title(e.Instead))
			}
			x.steps = slices.DeleteFunc(x.steps, func(l plan.Lock) bool { return l.Programme == e.Instead })
		}
		x.steps = slices.DeleteFunc(x.steps, func(l plan.Lock) bool { return l.Programme == e.Programme })
		x.steps = append(x.steps, plan.Lock{Programme: e.Programme, Session: e.Session})
		allow()
		x.reason = "Добавлен шаг " + title
		if e.Instead != "" {
			x.reason = fmt.Sprintf("Шаг %s вместо %s", title, w.title(e.Instead))
		}
	case "drop": // the demands of e.Drop alone
		x.replan = true
		x.reason = "Маршрут пересчитан"
	case "replan":
		x.replan = true
		x.reason = "Маршрут пересчитан: " + e.Pace.words()
	case "limits":
		if e.Hours < 0 || e.Hours > 1000 {
			return x, fault.Field("hours", "Часы — от 0 до 1000")
		}
		if e.Cost < -1 || e.Cost > 10_000_000 {
			return x, fault.Field("cost", "Деньги — от 0 до 10 000 000 ₽ или пусто")
		}
		x.limits, x.replan = Limits{e.Hours, e.Cost}, true
		x.reason = fmt.Sprintf("Новые пределы: %d ч", e.Hours)
		if e.Cost >= 0 {
			x.reason += ", " + web.Rub(e.Cost)
		}
	default:
		return x, fault.New(fault.Invalid, "Неизвестное действие")
	}
	return x, nil
}

// judge makes the content of the steps or says in words why they do not hold together.
func (v scene) judge(p plan.Problem, steps []plan.Lock, r Route, e Edit) (Content, error) {
	origin := func(code string) string {
		if (e.Do == "add" || e.Do == "require") && code == e.Programme {
			return "methodist"
		}
		if i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Code == code }); i >= 0 {
			return r.Steps[i].Origin
		}
		return "plan"
	}
	if _, broken := plan.Fix(&p, 0, steps); broken != nil {
		return Content{}, fault.New(fault.Conflict, "Так не складывается: %s", v.obstacle(p, steps, e))
	}
	return content(p, steps, v.programmes, v.elements, origin)
}

// obstacle words why the programme of an edit does not go with the other steps.
func (v scene) obstacle(p plan.Problem, steps []plan.Lock, e Edit) string {
	rest := slices.DeleteFunc(slices.Clone(steps), func(l plan.Lock) bool { return l.Programme == e.Programme })
	for _, c := range candidatesOf(p, rest, v) {
		if c.Programme.Code == e.Programme {
			return c.Why
		}
	}
	return "шаги нарушают правила маршрута"
}
