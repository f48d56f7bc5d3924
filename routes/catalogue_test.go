package routes

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// Two hundred and thirty teachers over the sample catalogue: scarce seats, requirements, equivalents, three kinds of limits.
func TestSampleCatalogueForMany(t *testing.T) {
	t.Parallel()
	els := map[string]Element{}
	ids := []string{"pre.development", "pre.play", "pre.speech", "pre.cognition", "pre.social", "pre.safety", "pre.m.planning", "pre.m.observation", "pre.m.family"}
	for _, e := range append(ids, "math.numbers", "math.equations", "math.functions", "math.geometry", "math.word", "math.probability", "math.m.planning", "math.m.assessment", "math.m.errors") {
		els[e] = Element{ID: e, Short: e}
	}
	var out Import
	list, err := readProgrammes(SampleCatalogue, people.Refs{Positions: []people.Item{{Code: "teacher", Name: "учитель"}, {Code: "preschool_teacher", Name: "воспитатель"}}, Subjects: []people.Item{{Code: "math", Name: "Математика"}, {Code: "preschool", Name: "Дошкольное образование"}}}, els, &out)
	if err != nil || len(out.Faults) > 0 {
		t.Fatal(err, out.Faults)
	}
	for i := range list {
		list[i].ID = int64(i + 1)
		for k := range list[i].Sessions {
			list[i].Sessions[k].ID = int64(100*i + k)
		}
	}
	many := 230
	if testing.Short() {
		many = 40
	}
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		today := time.Date(2026, 10, 18, 0, 0, 0, 0, time.UTC)
		var p plan.Problem
		taken := map[string]bool{}
		for i := range many {
			var needs []Need
			for _, e := range ids {
				if rnd.IntN(3) == 0 {
					needs = append(needs, Need{Code: fmt.Sprint("t", i), Position: "preschool_teacher", Subject: "preschool", Element: e, Status: "deficit", Shortfall: 0.01 + rnd.Float64()*0.3, Importance: 1})
				}
			}
			if needs == nil {
				continue
			}
			one := problemOf(needs, list, Limits{[]int{12, 72, 36}[seed], []int{0, 20000, -1}[seed]}, demands{}, nil, today)
			p.Limits, p.HourPenalty = one.Limits, one.HourPenalty
			for _, x := range one.Programmes {
				if !taken[x.ID] {
					taken[x.ID] = true
					p.Programmes = append(p.Programmes, x)
				}
			}
			p.Teachers = append(p.Teachers, one.Teachers[0])
		}
		a := plan.Plan(&p, plan.Options{Enough: 0.002})
		for _, b := range plan.Check(&p, &a) {
			t.Errorf("seed %d: %s", seed, b)
		}
		if a.Gap > 0.003 {
			t.Errorf("seed %d: gap %.4f", seed, a.Gap)
		}
	}
}
