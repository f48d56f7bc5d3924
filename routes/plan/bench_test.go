package plan

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spent is the processor time of this thread or of the whole process; getrusage counts it in ticks of milliseconds.
func spent(thread bool) time.Duration {
	clock := int32(unix.CLOCK_PROCESS_CPUTIME_ID)
	if thread {
		clock = unix.CLOCK_THREAD_CPUTIME_ID
	}
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Many teachers with tight seats: gap, time and memory of the fixed budget, each beside its target.
func BenchmarkMany(b *testing.B) {
	for _, c := range []struct {
		teachers, programmes, seats int
		gap                         float64 // target, %
		seconds, mib                float64
	}{{30, 60, 1, 0.3, 2, 500}, {60, 80, 1, 0.3, 2, 500}, {200, 80, 4, 0.3, 5, 500}, {2000, 150, 15, 0.5, 10, 500}, {10000, 150, 75, 0.5, 30, 500}, {100000, 150, 750, 1, 300, 2048}} {
		b.Run(fmt.Sprintf("%dx%d", c.teachers, c.programmes), func(b *testing.B) {
			for b.Loop() {
				p := random(1, shape{programmes: c.programmes, teachers: c.teachers, elements: 25, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: c.seats, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
				runtime.GC()
				cpu, wall := spent(false), time.Now()
				a := Plan(p, Options{})
				b.ReportMetric((spent(false) - cpu).Seconds(), "cpu-s")
				b.ReportMetric(time.Since(wall).Seconds(), "wall-s")
				b.ReportMetric(c.seconds, "target-s")
				b.ReportMetric(a.Gap*100, "gap-%")
				b.ReportMetric(c.gap, "target-gap-%")
				b.ReportMetric(a.Objective, "objective")
				var u syscall.Rusage
				if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
					b.ReportMetric(float64(u.Maxrss)/1024, "peak-MiB")
				}
				b.ReportMetric(c.mib, "target-MiB")
				if bad := Check(p, &a); bad != nil {
					b.Fatal(bad)
				}
			}
		})
	}
}

// A region within a time limit: what a pair of processors finds in so many seconds. The clock is the processor time of
// the process, so that whatever else the machine does does not count.
func BenchmarkTimeLimit(b *testing.B) {
	p := random(1, shape{programmes: 150, teachers: 10000, elements: 25, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: 75, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
	for _, limit := range []float64{1, 3, 10} {
		b.Run(fmt.Sprintf("%gs", limit), func(b *testing.B) {
			for b.Loop() {
				from := spent(false)
				left := func() float64 { return 1 - (spent(false)-from).Seconds()/2/limit }
				a := Plan(p, Options{Expired: func() bool { return left() < 0 }, Left: left, Endless: true})
				b.ReportMetric((spent(false) - from).Seconds(), "cpu-s")
				b.ReportMetric(a.Gap*100, "gap-%")
				if bad := Check(p, &a); bad != nil {
					b.Fatal(bad)
				}
			}
		})
	}
}
