package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// One teacher, exact: median and worst of a thousand.
func BenchmarkOneTeacher(b *testing.B) {
	for _, n := range []int{120, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []time.Duration
			worstNodes := 0
			for b.Loop() {
				p := random(uint64(len(all)), shape{programmes: n, teachers: 1, elements: 25, deficits: 8, covers: 5, sessions: 3, hours: 108, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
				from := time.Now()
				m := newModel(p)
				f := newSearcher(m).solve(m.newTask(&p.Teachers[0]), nil, nil, 0)
				all = append(all, time.Since(from))
				worstNodes = max(worstNodes, f.nodes)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "median-µs")
			b.ReportMetric(float64(all[len(all)-1].Microseconds()), "worst-µs")
			b.ReportMetric(float64(worstNodes), "worst-nodes")
		})
	}
}

// Many teachers with tight seats: the gap and the time of the fixed budget.
func BenchmarkMany(b *testing.B) {
	for _, s := range []struct{ teachers, programmes, seats int }{{30, 60, 2}, {60, 80, 3}, {200, 80, 8}, {2000, 150, 30}, {10000, 150, 150}} {
		b.Run(fmt.Sprintf("%dx%d", s.teachers, s.programmes), func(b *testing.B) {
			for b.Loop() {
				p := random(1, shape{programmes: s.programmes, teachers: s.teachers, elements: 25, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: s.seats / 2, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
				a := Plan(p, Options{})
				b.ReportMetric(a.Gap*100, "gap-%")
				b.ReportMetric(a.Objective, "objective")
			}
		})
	}
}
