package routes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Undone marks a version that repeats an earlier one: At is the version it repeats, Tip the last one that can be
// brought back.
type Undone struct {
	At  int `json:"at"`
	Tip int `json:"tip"`
}

// place is where a route stands among its own versions.
func (r Route) place() Undone {
	if r.Plan.Undone != nil {
		return *r.Plan.Undone
	}
	return Undone{r.Version, r.Version}
}

// undoTx takes the content before the last change that has not been undone; with redo, the one after it. A route handed
// to the teacher or answered is a version of the same content: such versions are passed over.
func undoTx(ctx context.Context, tx db.Q, r Route, redo bool) (Content, string, error) {
	from := r.place()
	read := func(version int) (Route, error) {
		old := r
		return old, fillTx(ctx, tx, &old, version)
	}
	at := from.At
	here, err := read(at)
	if err != nil {
		return Content{}, "", err
	}
	for !redo && here.Plan.Undone != nil { // a change was undone before the one that is undone now
		at = here.Plan.Undone.At
		if here, err = read(at); err != nil {
			return Content{}, "", err
		}
	}
	next := func() bool {
		if redo {
			at++
			return at <= from.Tip
		}
		at--
		return at >= 1
	}
	changed := here // the version that made the change given up
	for next() {
		old, err := read(at)
		if err != nil {
			return Content{}, "", err
		}
		if old.asks() == r.asks() {
			changed = old
			continue
		}
		for _, s := range r.Steps {
			if r.Started(s.Programme) && !slices.ContainsFunc(old.Steps, func(o Step) bool { return o.Programme == s.Programme }) {
				return Content{}, "", fault.New(fault.Conflict, "В той версии нет шага, который уже начат: %s", s.Code)
			}
		}
		c, reason := old.Content, "Отменено: "+lowerFirst(changed.Made.Reason)
		if redo {
			reason = "Возвращено: " + lowerFirst(old.Made.Reason)
		}
		c.Plan.Undone = &Undone{at, from.Tip}
		return c, reason, nil
	}
	if redo {
		return Content{}, "", fault.New(fault.Conflict, "Возвращать нечего: после отмены маршрут уже изменили или вернули всё")
	}
	return Content{}, "", fault.New(fault.Conflict, "Это первая версия: отменять нечего")
}

// gone refuses a content whose groups can no longer be taken: they were cancelled, have begun or are full by now. What
// the route holds already stays its own.
func (v scene) gone(r Route, c Content) error {
	w := newWords(v.programmes, v.elements, 1)
	for _, s := range c.Steps {
		if r.Started(s.Programme) || slices.ContainsFunc(r.Steps, func(o Step) bool { return o.Session == s.Session }) {
			continue
		}
		x := v.session(s)
		why := ""
		switch {
		case x == nil || x.CancelledAt != nil:
			why = "больше нет"
		case !x.StartsOn.After(v.today):
			why = "уже началась"
		case x.Free() == 0:
			why = "тем временем заполнилась"
		default:
			continue
		}
		return fault.New(fault.Conflict, "Так уже не сделать: группа программы %s (%s) %s", w.title(s.Code), dates(s.StartsOn, s.EndsOn), why)
	}
	return nil
}

// differsTx tells whether there is a content to go back to, or to bring back.
func differsTx(ctx context.Context, tx db.Q, r Route, redo bool) (bool, error) {
	_, _, err := undoTx(ctx, tx, r, redo)
	if fault.KindOf(err) == fault.Conflict {
		return false, nil
	}
	return err == nil, err
}

// asks puts the steps and demands of a version into a text, to tell whether two versions differ.
func (r Route) asks() string {
	t := r.Teacher()
	locked := slices.Clone(t.Locked)
	slices.SortFunc(locked, func(a, b plan.Lock) int { return strings.Compare(a.Programme, b.Programme) })
	text, err := json.Marshal([]any{r.chosen(), r.Problem.Limits.Hours, r.Problem.Limits.Cost, locked, t.Required, slices.Sorted(slices.Values(t.Forbidden)), t.Preferences})
	if err != nil {
		return fmt.Sprint(r.Version)
	}
	return string(text)
}

func lowerFirst(s string) string {
	for i, c := range s {
		return strings.ToLower(string(c)) + s[i+len(string(c)):]
	}
	return s
}
