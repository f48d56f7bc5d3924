package routes_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Whatever a methodist asks for, in whatever order: the answer is a route that keeps every rule and demand, or a
// refusal in words; what is done stays.
func TestAnyEditsKeepTheRules(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := newRegion(t, 1)
			x := r.walking()
			rnd := rand.New(rand.NewPCG(seed, 7))
			var codes []string
			r.must(r.pool.Select(&codes, `SELECT code FROM programme ORDER BY code`))
			var venues []string
			r.must(r.pool.Select(&venues, `SELECT DISTINCT venue FROM programme_session WHERE venue <> '' ORDER BY venue`))
			done := x.Steps[0].Code
			made, refused := 0, 0
			for range 60 {
				x = r.route(x.ID)
				e := routes.Edit{Version: x.Version, Programme: codes[rnd.IntN(len(codes))], Hours: 10 + rnd.IntN(90), Cost: rnd.IntN(30000), Pace: []routes.Pace{routes.Little, routes.Some, routes.Free}[rnd.IntN(3)]}
				if len(x.Steps) > 0 && rnd.IntN(2) == 0 {
					e.Programme = x.Steps[rnd.IntN(len(x.Steps))].Code
				}
				e.Do = []string{"lock", "unlock", "remove", "forbid", "allow", "require", "release", "wishes", "replan", "limits", "undo", "redo", "drop"}[rnd.IntN(13)]
				if rnd.IntN(3) == 0 {
					e.Drop = []string{[]string{"modes", "months", "venues", "hours_a_month", "hours", "cost", "locked:" + e.Programme, "required:" + e.Programme, "forbidden:" + e.Programme, "nothing"}[rnd.IntN(10)]}
				}
				if e.Do == "wishes" {
					e.Wishes = &plan.Preferences{}
					switch rnd.IntN(5) {
					case 0:
						e.Wishes.Modes = []plan.Mode{[]plan.Mode{plan.Online, plan.FullTime}[rnd.IntN(2)]}
					case 1:
						h := float64(4 + rnd.IntN(30))
						e.Wishes.HoursAMonth = &h
					case 2:
						m := plan.DayOf(r.clock).Month()
						e.Wishes.Months = []plan.Month{m + 1, m + 2, m + 3 + plan.Month(rnd.IntN(4))}
					case 3:
						e.Wishes.Venues = []string{"", venues[rnd.IntN(len(venues))]}
					}
				}
				y, err := r.routes.Change(t.Context(), r.methodist, x.ID, e)
				if err != nil {
					if fault.KindOf(err) == fault.Internal {
						t.Fatalf("%+v: %v", e, err)
					}
					refused++
					continue
				}
				made++
				steps := []plan.Lock{}
				hours, kept := 0, false
				for _, s := range y.Steps {
					steps = append(steps, plan.Lock{Programme: s.Code, Session: s.Group})
					hours += s.Hours
					kept = kept || s.Code == done
				}
				if _, broken := plan.Fix(&y.Problem, 0, steps); broken != nil {
					t.Fatalf("%+v: %v", e, broken)
				}
				if !kept {
					t.Fatalf("%+v: what is done has left the route", e)
				}
				if e.Do == "limits" && len(e.Drop) == 0 && hours > e.Hours {
					t.Fatalf("%+v: %d hours", e, hours)
				}
				if y.Plan.Coverage() > y.Plan.BestCoverage()+1e-9 || y.Plan.Free > 0 && y.Plan.BestCoverage() > y.Plan.FreeCoverage()+1e-9 {
					t.Fatalf("%+v: covers %g, the best %g, without demands %g", e, y.Plan.Coverage(), y.Plan.BestCoverage(), y.Plan.FreeCoverage())
				}
				if rnd.IntN(10) == 0 {
					r.clock = r.clock.Add(time.Duration(rnd.IntN(72)) * time.Hour)
				}
				for _, path := range []string{"/routes/%d", "/routes/%d/replan"} {
					if code, body := r.get(r.methodist, fmt.Sprintf(path, x.ID)); code != 200 && code != 409 {
						t.Fatalf("%+v: %s: %d %.500s", e, path, code, body)
					}
				}
			}
			if made < 15 || refused == 0 {
				t.Errorf("%d edits made, %d refused", made, refused)
			}
		})
	}
}

// Two methodists at once do not give the last seat to two people.
func TestLastSeatIsGivenOnce(t *testing.T) {
	r := newRegion(t, 4)
	ids := r.proposal()
	const code = "M-LAST"
	var programme int64
	r.must(r.pool.Get(&programme, `SELECT p.id FROM programme p WHERE p.id NOT IN (SELECT programme_id FROM route_step) AND p.withdrawn_at IS NULL AND 'math' = ANY (p.audience_subjects) AND p.requires = '{}' AND p.equivalents = ''
		AND (SELECT count(*) FROM programme_session s WHERE s.programme_id = p.id AND s.starts_on > $1 AND s.cancelled_at IS NULL) > 0 ORDER BY p.hours, p.id LIMIT 1`, r.clock.AddDate(0, 0, 14)))
	_, err := r.pool.Exec(`UPDATE programme SET code = $2 WHERE id = $1`, programme, code)
	r.must(err)
	_, err = r.pool.Exec(`UPDATE programme_session SET seats = CASE WHEN id = (SELECT min(id) FROM programme_session WHERE programme_id = $1 AND starts_on > $2) THEN 1 ELSE 0 END WHERE programme_id = $1`, programme, r.clock.AddDate(0, 0, 14))
	r.must(err)
	var all sync.WaitGroup
	made := make([]error, len(ids))
	for i, id := range ids {
		all.Go(func() {
			_, made[i] = r.routes.Change(t.Context(), r.methodist, id, routes.Edit{Version: 1, Do: "require", Programme: code})
		})
	}
	all.Wait()
	n := 0
	for _, err := range made {
		if err == nil {
			n++
		} else if fault.KindOf(err) != fault.Conflict {
			t.Error(err)
		}
	}
	var taken int
	r.must(r.pool.Get(&taken, `SELECT COALESCE(sum(taken), 0) FROM seats_taken() WHERE session_id IN (SELECT id FROM programme_session WHERE programme_id = $1)`, programme))
	if n != 1 || taken != 1 {
		t.Errorf("%d of %d got the last seat, %d taken: %v", n, len(ids), taken, made)
	}
}
