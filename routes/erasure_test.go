package routes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
)

// An erased person's open route ends, its seats are free again, and no word about it is left.
func TestErasureEndsRoutes(t *testing.T) {
	r := newRegion(t, 2)
	ctx := t.Context()
	ids := r.proposal()
	id, x := ids[0], r.route(ids[0])
	gone, other := r.teachers[0], r.teachers[1]
	if x.Person != gone.ID {
		gone, other = other, gone
	}
	r.must(r.routes.Propose(ctx, r.methodist, id))
	r.must(r.routes.Decline(ctx, gone, 2, "В марте ухаживаю за мамой"))
	r.must(r.routes.Propose(ctx, r.methodist, ids[1]))
	taken := func() (n int) {
		t.Helper()
		r.must(r.pool.Get(&n, `
			SELECT count(*) FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
			JOIN route_step s ON s.route_version_id = v.id WHERE r.state <> 'cancelled'`))
		return n
	}
	before := taken()

	service := people.New(r.pool, func() time.Time { return r.clock })
	service.OnErase(r.routes.EraseTx)
	for _, teacher := range r.teachers {
		r.must(db.InTx(ctx, r.pool, teacher, func(tx *sqlx.Tx) error {
			return people.DecideConsentTx(ctx, tx, teacher.ID, people.ForDiagnostics, 1, people.Given, r.clock)
		}))
	}
	r.must(service.DecideConsent(ctx, gone, people.ForDiagnostics, 1, people.Withdrawn))
	r.clock = r.clock.Add((people.ErasureDays + 1) * 24 * time.Hour)
	r.must(service.EraseDue(ctx))

	var route routes.Route
	if route = r.route(id); route.State != routes.Cancelled {
		t.Errorf("the route is %s", route.State)
	}
	if after := taken(); after != before-len(x.Steps) {
		t.Errorf("%d steps hold seats, want %d", after, before-len(x.Steps))
	}
	var words []string
	r.must(r.pool.Select(&words, `SELECT reason FROM route_version WHERE route_id = $1 AND reason <> ''`, id))
	if len(words) > 0 {
		t.Errorf("left: %s", strings.Join(words, "; "))
	}
	var acts []string
	r.must(r.pool.Select(&acts, `SELECT act::text FROM erasure WHERE person_id = $1`, gone.ID))
	if len(acts) != 1 || !strings.Contains(acts[0], "Открытые маршруты") {
		t.Errorf("the act: %v", acts)
	}
	if route = r.route(ids[1]); route.Person != other.ID || route.State != routes.Proposed {
		t.Errorf("somebody else's route is %s", route.State)
	}
	_, page := r.get(other, "/route")
	shows(t, "somebody else's route", page, "Согласиться")
}
