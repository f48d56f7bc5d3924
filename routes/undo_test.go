package routes_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes"
)

// Changes are taken back one by one, in the order of their making, and brought back again; a new change leaves nothing
// to bring back. That a route was proposed in between is no change.
func TestUndoStepsBack(t *testing.T) {
	r := newRegion(t, 1)
	x := r.route(r.proposal()[0])
	do := func(what string, e routes.Edit) string {
		t.Helper()
		e.Version, e.Do = x.Version, what
		y, err := r.routes.Change(t.Context(), r.methodist, x.ID, e)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		x = y
		codes := []string{}
		for _, s := range x.Steps {
			codes = append(codes, fmt.Sprint(s.Code, s.Locked))
		}
		return fmt.Sprint(strings.Join(codes, " "), x.HourLimit(), x.Teacher().Forbidden)
	}
	refused := func(what string) {
		t.Helper()
		if _, err := r.routes.Change(t.Context(), r.methodist, x.ID, routes.Edit{Version: x.Version, Do: what}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	first, last := x.Steps[0].Code, x.Steps[len(x.Steps)-1].Code
	refused("undo")
	refused("redo")
	_, page := r.get(r.methodist, fmt.Sprintf("/routes/%d", x.ID))
	shows(t, "before any change", page, "пересчитаны сейчас")
	hides(t, "before any change", page, "Отменить последнее", "Вернуть отменённое")
	locked := do("lock", routes.Edit{Programme: first})
	r.must(r.routes.Propose(t.Context(), r.methodist, x.ID))
	x = r.route(x.ID)
	without := do("forbid", routes.Edit{Programme: last})
	less := do("limits", routes.Edit{Hours: 36, Cost: -1})
	for _, want := range []string{without, locked} {
		if got := do("undo", routes.Edit{}); got != want {
			t.Fatalf("undone:\n%s, want\n%s", got, want)
		}
	}
	if x.Made.Reason == "" || !strings.HasPrefix(x.Made.Reason, "Отменено: исключена") {
		t.Errorf("the reason: %q", x.Made.Reason)
	}
	for _, want := range []string{without, less} {
		if got := do("redo", routes.Edit{}); got != want {
			t.Fatalf("brought back:\n%s, want\n%s", got, want)
		}
	}
	refused("redo")
	do("undo", routes.Edit{})
	_, page = r.get(r.methodist, fmt.Sprintf("/routes/%d", x.ID))
	shows(t, "after an undo", page, "Отменить последнее", "Вернуть отменённое")
	code, _, _ := r.post(r.methodist, fmt.Sprintf("/routes/%d/edit", x.ID), url.Values{"version": {fmt.Sprint(x.Version)}, "do": {"redo"}})
	if x = r.route(x.ID); code != 303 || x.HourLimit() != 36 {
		t.Errorf("redo by the page: %d, %g hours", code, x.HourLimit())
	}
	do("undo", routes.Edit{})
	wider := do("limits", routes.Edit{Hours: 40, Cost: -1})
	refused("redo")
	for _, want := range []string{without, locked} { // what was undone before the new change is no step of its own
		if got := do("undo", routes.Edit{}); got != want {
			t.Fatalf("undone after a new change:\n%s, want\n%s (from %s)", got, want, wider)
		}
	}
	do("undo", routes.Edit{})
	refused("undo")

	// A seat given up is not taken back where somebody else has it by now.
	do("remove", routes.Edit{Programme: last})
	_, err := r.pool.Exec(`UPDATE programme_session s SET seats = 0 FROM programme g WHERE g.id = s.programme_id AND g.code = $1`, last)
	r.must(err)
	refused("undo")
}
