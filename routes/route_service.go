package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Edit is one change of a route by a methodist.
type Edit struct {
	Version   int    // the version that was on the screen
	Do        string // lock, unlock, remove, add, forbid, allow, replan, limits, undo
	Programme string // code
	Session   string // code of the group, for add
	Instead   string // code of the step that gives way, for add
	Hours     int    // for limits
	Cost      int    // for limits; −1: no limit
}

// scene is all that a change of a route looks at.
type scene struct {
	needs      []Need
	programmes []Programme
	elements   map[string]Element
	today      time.Time
}

func (s *Service) sceneTx(ctx context.Context, tx *sqlx.Tx, r Route) (scene, error) {
	v := scene{today: calendar.Day(s.now())}
	var err error
	if v.needs, err = s.src.Needs(ctx, tx, NeedQuery{Campaign: r.Campaign, Persons: []access.PersonID{r.Person}, Scope: access.Scope{All: true}}); err != nil {
		return v, err
	}
	if v.programmes, err = programmesOfTx(ctx, tx, r.Steps); err != nil {
		return v, err
	}
	v.elements, err = elementsTx(ctx, tx)
	return v, err
}

// demandsOf reads the demands of a route as it stands: its locks, what is forbidden, and what is done or begun, which
// nothing may move.
func demandsOf(r Route) demands {
	d := demands{locked: slices.Clone(r.Teacher().Locked), forbidden: slices.Clone(r.Teacher().Forbidden), done: slices.Clone(r.Teacher().Done)}
	for _, s := range r.Steps {
		if r.Started(s.Programme) && !slices.ContainsFunc(d.locked, func(l plan.Lock) bool { return l.Programme == s.Code }) {
			d.locked = append(d.locked, plan.Lock{Programme: s.Code, Session: s.Group})
		}
	}
	return d
}

func (r Route) heldSessions() map[int64]bool {
	held := map[int64]bool{}
	if r.State == Draft || r.State == Proposed || r.State == Agreed || r.State == InProgress {
		for _, s := range r.Steps {
			held[s.Session] = true
		}
	}
	return held
}

func (r Route) limits() Limits { return Limits{int(r.HourLimit()), int(r.CostLimit())} }

// current is the planner's problem of a route today, under demands. With keep, the steps it holds stay plannable
// whatever happened to their groups since; without, a group that has begun or was cancelled is out.
func (v scene) current(r Route, d demands, lim Limits, keep bool) plan.Problem {
	if !keep {
		return problemOf(v.needs, v.programmes, lim, d, r.heldSessions(), v.today)
	}
	pinned := d
	pinned.locked = slices.Clone(d.locked)
	for _, s := range r.Steps {
		if !slices.ContainsFunc(pinned.locked, func(l plan.Lock) bool { return l.Programme == s.Code }) {
			pinned.locked = append(pinned.locked, plan.Lock{Programme: s.Code, Session: s.Group})
		}
	}
	p := problemOf(v.needs, v.programmes, lim, pinned, r.heldSessions(), v.today)
	p.Teachers[0].Locked = slices.Clone(d.locked)
	return p
}

// Route shows a route to staff; the look is written into the journal.
func (s *Service) Route(ctx context.Context, actor access.Actor, id int64) (Route, error) {
	var r Route
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if r, err = routeTx(ctx, tx, id, actor.Scope(access.RoutesRead), false); err != nil {
			return err
		}
		return s.lookTx(ctx, tx, actor, r)
	})
	return r, err
}

func (s *Service) lookTx(ctx context.Context, tx db.Q, actor access.Actor, r Route) error {
	if actor.ID == r.Person || actor.IsSystem() {
		return nil
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "route.read", ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: "работа с маршрутом"})
}

// changeTx makes the next version of a route and tells the journal.
func (s *Service) changeTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r *Route, c Content, to State, action, reason string) error {
	if err := r.refuseMove(to); err != nil {
		return err
	}
	if err := versionTx(ctx, tx, r, c, to, reason, actor.ID, s.now()); err != nil {
		return err
	}
	return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: action, ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: reason,
		Details: map[string]any{"version": r.Version, "state": string(to)}})
}

// Change applies one edit of a methodist: a new version, a draft again, with its price against the best route.
func (s *Service) Change(ctx context.Context, actor access.Actor, id int64, e Edit) (Route, error) {
	var r Route
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
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
		c, reason, err := v.apply(r, e)
		if err != nil {
			return err
		}
		if e.Do == "undo" {
			if c, reason, err = undoTx(ctx, tx, r); err != nil {
				return err
			}
		}
		return s.changeTx(ctx, tx, actor, &r, c, Draft, "route.changed", reason)
	})
	return r, err
}

// undoTx takes the content of the version before the last change of content.
func undoTx(ctx context.Context, tx db.Q, r Route) (Content, string, error) {
	if r.Version < 2 {
		return Content{}, "", fault.New(fault.Conflict, "Это первая версия: отменять нечего")
	}
	old := r
	if err := fillTx(ctx, tx, &old, r.Version-1); err != nil {
		return Content{}, "", err
	}
	for _, s := range r.Steps {
		if r.Started(s.Programme) && !slices.ContainsFunc(old.Steps, func(o Step) bool { return o.Programme == s.Programme }) {
			return Content{}, "", fault.New(fault.Conflict, "В прежней версии нет шага, который уже начат: %s", s.Code)
		}
	}
	return old.Content, fmt.Sprintf("Отменено: %s", lowerFirst(r.Made.Reason)), nil
}

func lowerFirst(s string) string {
	for i, c := range s {
		return strings.ToLower(string(c)) + s[i+len(string(c)):]
	}
	return s
}

// apply works out what an edit makes of a route.
func (v scene) apply(r Route, e Edit) (Content, string, error) {
	if e.Do == "undo" {
		return Content{}, "", nil
	}
	d, lim := demandsOf(r), r.limits()
	w := newWords(v.programmes, v.elements, 1)
	if e.Programme != "" {
		if _, ok := w.programmes[e.Programme]; !ok {
			return Content{}, "", fault.New(fault.NotFound, "Такой программы нет в каталоге")
		}
	}
	inRoute := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Code == e.Programme })
	isLocked := slices.ContainsFunc(d.locked, func(l plan.Lock) bool { return l.Programme == e.Programme })
	if inRoute >= 0 && r.Started(r.Steps[inRoute].Programme) && e.Do != "lock" {
		return Content{}, "", fault.New(fault.Conflict, "Шаг уже начат: его не убрать и не открепить")
	}
	unlock := func(code string) {
		d.locked = slices.DeleteFunc(d.locked, func(l plan.Lock) bool { return l.Programme == code })
	}
	steps := r.chosen()
	replan := false
	reason := ""
	switch e.Do {
	case "lock":
		if inRoute < 0 {
			return Content{}, "", fault.New(fault.Conflict, "Этого шага в маршруте уже нет")
		}
		if !isLocked {
			d.locked = append(d.locked, plan.Lock{Programme: e.Programme, Session: r.Steps[inRoute].Group})
		}
		reason = "Закреплён шаг " + w.title(e.Programme)
	case "unlock":
		unlock(e.Programme)
		reason = "Откреплён шаг " + w.title(e.Programme)
	case "remove", "forbid":
		if isLocked {
			return Content{}, "", fault.New(fault.Conflict, "Шаг закреплён: сначала открепите его")
		}
		for _, s := range r.Steps {
			if g := w.programmes[s.Code]; slices.Contains(g.Requires, e.Programme) && !slices.Contains(r.Teacher().Done, e.Programme) {
				return Content{}, "", fault.New(fault.Conflict, "На этот шаг опирается %s: сначала уберите его", quoted(g.Title))
			}
		}
		steps = slices.DeleteFunc(steps, func(l plan.Lock) bool { return l.Programme == e.Programme })
		reason = "Убран шаг " + w.title(e.Programme)
		if e.Do == "forbid" {
			if !slices.Contains(d.forbidden, e.Programme) {
				d.forbidden = append(d.forbidden, e.Programme)
			}
			replan = true
			reason = "Исключена программа " + w.title(e.Programme) + ", маршрут пересчитан"
		}
	case "allow":
		d.forbidden = slices.DeleteFunc(d.forbidden, func(c string) bool { return c == e.Programme })
		reason = "Программа " + w.title(e.Programme) + " снова допущена"
	case "add":
		if e.Instead != "" {
			if slices.ContainsFunc(d.locked, func(l plan.Lock) bool { return l.Programme == e.Instead }) {
				return Content{}, "", fault.New(fault.Conflict, "Шаг %s закреплён: сначала открепите его", w.title(e.Instead))
			}
			steps = slices.DeleteFunc(steps, func(l plan.Lock) bool { return l.Programme == e.Instead })
		}
		steps = slices.DeleteFunc(steps, func(l plan.Lock) bool { return l.Programme == e.Programme })
		steps = append(steps, plan.Lock{Programme: e.Programme, Session: e.Session})
		d.forbidden = slices.DeleteFunc(d.forbidden, func(c string) bool { return c == e.Programme })
		reason = "Добавлен шаг " + w.title(e.Programme)
		if e.Instead != "" {
			reason = fmt.Sprintf("Шаг %s вместо %s", w.title(e.Programme), w.title(e.Instead))
		}
	case "replan":
		replan = true
		reason = "Маршрут пересчитан: лучший при ваших замках"
	case "limits":
		if e.Hours < 0 || e.Hours > 1000 {
			return Content{}, "", fault.Field("hours", "Часы — от 0 до 1000")
		}
		if e.Cost < -1 || e.Cost > 10_000_000 {
			return Content{}, "", fault.Field("cost", "Деньги — от 0 до 10 000 000 ₽ или пусто")
		}
		lim = Limits{e.Hours, e.Cost}
		replan = true
		reason = fmt.Sprintf("Новые пределы: %d ч", e.Hours)
		if e.Cost >= 0 {
			reason += fmt.Sprintf(", %d ₽", e.Cost)
		}
	default:
		return Content{}, "", fault.New(fault.Invalid, "Неизвестное действие")
	}
	p := v.current(r, d, lim, !replan)
	if replan {
		steps = nil
	}
	c, err := v.judge(p, steps, r, e)
	return c, reason, err
}

// judge makes the content of the steps (nil: the best ones) or says in words why they do not hold together.
func (v scene) judge(p plan.Problem, steps []plan.Lock, r Route, e Edit) (Content, error) {
	origin := func(code string) string {
		if e.Do == "add" && code == e.Programme {
			return "methodist"
		}
		if i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Code == code }); i >= 0 {
			return r.Steps[i].Origin
		}
		return "plan"
	}
	if steps != nil {
		if _, broken := plan.Fix(&p, 0, steps); broken != nil {
			return Content{}, fault.New(fault.Conflict, "Так не складывается: %s", v.obstacle(p, steps, e))
		}
	} else if plan.Best(&p, 0).Teachers[0].Conflict != nil {
		return Content{}, fault.New(fault.Conflict, "Закреплённые шаги не помещаются вместе: %s", strings.Join(v.conflict(p), " и "))
	}
	return content(p, steps, v.programmes, v.elements, origin)
}

// conflict finds a smallest set of locks that cannot hold together: none of them can be left out.
func (v scene) conflict(p plan.Problem) []string {
	q := p
	t := p.Teachers[0]
	keep := slices.Clone(t.Locked)
	for i := 0; i < len(keep); {
		t.Locked = slices.Delete(slices.Clone(keep), i, i+1)
		q.Teachers = []plan.Teacher{t}
		if plan.Best(&q, 0).Teachers[0].Conflict != nil {
			keep = t.Locked
		} else {
			i++
		}
	}
	w := newWords(v.programmes, v.elements, 1)
	out := []string{}
	for _, l := range keep {
		out = append(out, w.title(l.Programme))
	}
	return out
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

// Propose hands a draft to the teacher.
func (s *Service) Propose(ctx context.Context, actor access.Actor, id int64) error {
	return s.moveTo(ctx, actor, id, Proposed, "route.proposed", "Предложен педагогу")
}

// Cancel ends a route that will not be gone.
func (s *Service) Cancel(ctx context.Context, actor access.Actor, id int64, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Field("reason", "Напишите, почему маршрут отменяется")
	}
	return s.moveTo(ctx, actor, id, Cancelled, "route.cancelled", strings.TrimSpace(reason))
}

// Complete closes a route: wholly when every step is done, else in part.
func (s *Service) Complete(ctx context.Context, actor access.Actor, id int64, note string) error {
	return s.moveTo(ctx, actor, id, Completed, "route.completed", strings.TrimSpace(note))
}

func (s *Service) moveTo(ctx context.Context, actor access.Actor, id int64, to State, action, reason string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), true)
		if err != nil {
			return err
		}
		switch to {
		case Proposed:
			if len(r.Steps) == 0 {
				return fault.New(fault.Conflict, "В маршруте нет ни одного шага: предлагать нечего")
			}
			for _, st := range r.Steps {
				if !r.Started(st.Programme) && st.StartsOn.Before(calendar.Day(s.now())) {
					return fault.New(fault.Conflict, "Шаг %s начался %s. Пересчитайте маршрут или замените шаг", st.Code, calendar.Date(st.StartsOn))
				}
			}
		case Completed:
			if r.StepsDone() < len(r.Steps) {
				to = PartlyCompleted
			}
			if reason == "" {
				reason = "Маршрут завершён"
			}
		}
		return s.changeTx(ctx, tx, actor, &r, r.Content, to, action, reason)
	})
}

// Agree is the teacher's yes to a proposed version.
func (s *Service) Agree(ctx context.Context, actor access.Actor, version int) error {
	return s.answer(ctx, actor, version, Agreed, "route.agreed", "Педагог согласен")
}

// Decline is the teacher's no, with what they want changed.
func (s *Service) Decline(ctx context.Context, actor access.Actor, version int, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return fault.Field("reason", "Напишите, что изменить: методист увидит ваши слова")
	}
	if len(reason) > 4000 {
		return fault.Field("reason", "Слишком длинно: до 2000 знаков")
	}
	return s.answer(ctx, actor, version, Declined, "route.declined", reason)
}

func (s *Service) answer(ctx context.Context, actor access.Actor, version int, to State, action, reason string) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := ownTx(ctx, tx, actor.ID, true)
		if err != nil {
			return err
		}
		// The button pressed twice: the answer made the next version itself.
		if r.State == to && r.Version == version+1 {
			return nil
		}
		if r.Version != version {
			return fault.New(fault.Conflict, "Методист изменил маршрут, пока вы читали. Посмотрите новую версию")
		}
		return s.changeTx(ctx, tx, actor, &r, r.Content, to, action, reason)
	})
}

// Tick is what a teacher or a methodist says of a step.
type Tick struct {
	Programme int64
	What      string // started, done, undone
	Document  string // number and date of the document, for done
	Note      string
	FileType  string
	File      []byte // a scan of the document, if any
}

// TickOwn ticks a step of the actor's own route; the first one sets the route going.
func (s *Service) TickOwn(ctx context.Context, actor access.Actor, t Tick) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := ownTx(ctx, tx, actor.ID, true)
		if err != nil {
			return err
		}
		return s.tickTx(ctx, tx, actor, r, t)
	})
}

// TickFor ticks a step for the teacher.
func (s *Service) TickFor(ctx context.Context, actor access.Actor, id int64, t Tick) error {
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesManage), true)
		if err != nil {
			return err
		}
		return s.tickTx(ctx, tx, actor, r, t)
	})
}

func (s *Service) tickTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, r Route, t Tick) error {
	if err := r.refuseMove(InProgress); err != nil {
		return err
	}
	i := slices.IndexFunc(r.Steps, func(st Step) bool { return st.Programme == t.Programme })
	if i < 0 {
		return fault.New(fault.NotFound, "Такого шага в маршруте нет")
	}
	step := r.Steps[i]
	p := Progress{Programme: t.Programme, What: t.What, Document: strings.TrimSpace(t.Document), Note: strings.TrimSpace(t.Note), By: actor.ID, At: s.now()}
	switch t.What {
	case "started":
		if calendar.Day(s.now()).Before(step.StartsOn) {
			return fault.Field("step", "Шаг начинается %s: отметить начало можно с этого дня", calendar.Date(step.StartsOn))
		}
	case "done":
		if calendar.Day(s.now()).Before(step.StartsOn) {
			return fault.Field("step", "Шаг начинается %s: отметить его сделанным можно, когда он начнётся", calendar.Date(step.StartsOn))
		}
		if p.Document == "" && len(t.File) == 0 {
			return fault.Field("document", "Назовите документ (вид, номер, дату) или приложите его снимок")
		}
		if len(t.File) > 0 {
			if !slices.Contains([]string{"application/pdf", "image/jpeg", "image/png"}, t.FileType) {
				return fault.Field("file", "Приложите PDF, JPEG или PNG")
			}
			sha, err := files.PutTx(ctx, tx, t.FileType, t.File)
			if err != nil {
				return err
			}
			p.File = &sha
		}
	case "undone":
		if !r.Started(t.Programme) {
			return fault.New(fault.Conflict, "Шаг и так не отмечен")
		}
	default:
		return fault.New(fault.Invalid, "Неизвестная отметка")
	}
	if err := progressTx(ctx, tx, r.ID, p); err != nil {
		return err
	}
	reason := map[string]string{"started": "Начат шаг ", "done": "Пройден шаг ", "undone": "Снята отметка с шага "}[t.What] + step.Code
	return s.changeTx(ctx, tx, actor, &r, r.Content, InProgress, "route.step_"+t.What, reason)
}

// List lists routes within the actor's scope with their counts by state.
func (s *Service) List(ctx context.Context, actor access.Actor, f Filter) (list []Line, counts Counts, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope, today := actor.Scope(access.RoutesRead), calendar.Day(s.now())
		if list, err = listTx(ctx, tx, scope, f, today); err != nil {
			return err
		}
		if counts, err = CountTx(ctx, tx, scope, f, today); err != nil {
			return err
		}
		counts.Unshared, err = unsharedTx(ctx, tx, scope)
		return err
	})
	return list, counts, err
}
