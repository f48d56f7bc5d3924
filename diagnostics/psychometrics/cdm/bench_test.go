package cdm

import (
	"math/rand/v2"
	"syscall"
	"testing"
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

// BenchmarkDINA: 10,000 persons × 28 items × 5 attributes, standard errors and fit
// included. Asked for: at most 1 CPU second.
func BenchmarkDINA(b *testing.B) {
	rng := rand.New(rand.NewPCG(28, 5))
	masks := []int{1, 2, 4, 8, 16}
	for len(masks) < 28 {
		mask := 0
		for range 3 {
			mask |= 1 << rng.IntN(5)
		}
		masks = append(masks, mask)
	}
	r, q := simulated(28, 10000, masks, 5, DINA, 0.2, 0.15, 0)
	b.ResetTimer()
	before := cpu()
	for range b.N {
		got, err := Fit(r, q, DINA, Options{})
		if err != nil || !got.Converged {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpu()-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(1, "limit-cpu-s")
}

// BenchmarkReference: the reference data, 1,000 persons × 20 items × 4 attributes; beside
// it the CPU seconds of the better R package (DINA of CDM 8.2, G-DINA of GDINA 2.9).
func BenchmarkReference(b *testing.B) {
	r, q := synthetic(b)
	for model, peer := range map[Model]float64{DINA: 0.142, GDINA: 0.501} {
		b.Run(string(model), func(b *testing.B) {
			before := cpu()
			for range b.N {
				if _, err := Fit(r, q, model, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpu()-before)/float64(b.N), "cpu-s/op")
			b.ReportMetric(peer, "peer-cpu-s")
		})
	}
}
