package quality

import (
	"syscall"
	"testing"
	"time"
)

// The statistics of a region's campaign: 20,000 works of 11 tasks.
func BenchmarkCompute(b *testing.B) {
	tasks, works := exam(20000, 1, nil)
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := cpu()
	b.ResetTimer()
	for range b.N {
		if s := Compute(tasks, works); s.Parts[0].Scale == nil {
			b.Fatal("no scale")
		}
	}
	b.ReportMetric((cpu()-before).Seconds()/float64(b.N), "cpu-s/op")
}
