package routes_test

import (
	"fmt"
	"math/rand/v2"
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
