package cat

import (
	"math"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// cpu is the process's CPU seconds so far.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// BenchmarkSimulate: 1,000 persons, a bank of 500, 30 steps. Asked for: at most 1 CPU second.
func BenchmarkSimulate(b *testing.B) {
	rng := rand.New(rand.NewPCG(500, 30))
	var items []irt.Item
	for i := range 500 {
		items = append(items, irt.FromB(strconv.Itoa(i), irt.ThreePL, math.Exp(0.3*rng.NormFloat64()), []float64{rng.NormFloat64()}, 0.25*rng.Float64()))
	}
	for name, s := range map[string]Settings{"best": {MaxItems: 30}, "randomesque": {MaxItems: 30, Randomesque: 5}, "map": {MaxItems: 30, Estimator: irt.MAP}} {
		b.Run(name, func(b *testing.B) {
			before := cpu()
			for range b.N {
				if _, err := Simulate(items, s, 1000); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpu()-before)/float64(b.N), "cpu-s/op")
			b.ReportMetric(1, "limit-cpu-s")
		})
	}
}
