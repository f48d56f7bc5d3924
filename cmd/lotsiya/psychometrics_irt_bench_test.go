package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// simulated2PL writes responses of persons to items drawn as those of the
// reference results were: a lognormal(0.1, 0.35), b and ability N(0, 1).
func simulated2PL(b *testing.B, persons, items int) (path string) {
	r := rand.New(rand.NewPCG(2024, 60))
	a, d := make([]float64, items), make([]float64, items)
	var out bytes.Buffer
	out.WriteString("person")
	for i := range items {
		a[i] = math.Exp(0.1 + 0.35*r.NormFloat64())
		d[i] = -a[i] * r.NormFloat64()
		fmt.Fprintf(&out, ",i%02d", i+1)
	}
	for p := range persons {
		theta := r.NormFloat64()
		fmt.Fprintf(&out, "\n%d", p+1)
		for i := range items {
			x := 0
			if r.Float64() < 1/(1+math.Exp(-a[i]*theta-d[i])) {
				x = 1
			}
			fmt.Fprintf(&out, ",%d", x)
		}
	}
	path = filepath.Join(b.TempDir(), "r.csv")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkIRT runs the whole program: reading, work and the answer. Beside its
// figures stand those of mirt 1.47 for data of the same make, which leave out
// R's own start and the reading.
func BenchmarkIRT(b *testing.B) {
	peak := func(kib int64) float64 { return float64(kib) / 1024 }
	for _, c := range []struct {
		name           string
		persons, items int
		score          bool
		args           string
		mirtCPU        float64
		mirtMiB        float64
	}{
		{"20000x60/quick", 20000, 60, false, "fit --model 2pl --tol 1e-4 --no-se", 4.89, 504},
		{"20000x60/with-SE", 20000, 60, false, "fit --model 2pl", 43.8, 504},
		{"20000x60/EAP", 20000, 60, true, "score --method eap --params", 1.67, 504},
		{"2000x40/quick", 2000, 40, false, "fit --model 2pl --tol 1e-4 --no-se", 0.52, 318},
		{"2000x40/with-SE", 2000, 40, false, "fit --model 2pl", 2.79, 318},
		{"2000x40/EAP", 2000, 40, true, "score --method eap --params", 0.14, 318},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := simulated2PL(b, c.persons, c.items)
			args := append([]string{"psychometrics", "irt"}, strings.Fields(c.args)...)
			if c.score {
				fit, err := program("psychometrics", "irt", "fit", "--model", "2pl", "--no-se", data).Output()
				if err != nil {
					b.Fatal(err)
				}
				params := filepath.Join(b.TempDir(), "fit.json")
				if err := os.WriteFile(params, fit, 0o600); err != nil {
					b.Fatal(err)
				}
				args = append(args, params)
			}
			var cpu, wall time.Duration
			var most int64
			for b.Loop() {
				cmd := program(append(args, data)...)
				began := time.Now()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				wall += time.Since(began)
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
					most = max(most, u.Maxrss)
				}
			}
			n := float64(b.N)
			b.ReportMetric(cpu.Seconds()/n, "cpu-s")
			b.ReportMetric(wall.Seconds()/n, "wall-s")
			b.ReportMetric(peak(most), "peak-MiB")
			b.ReportMetric(c.mirtCPU, "mirt-cpu-s")
			b.ReportMetric(c.mirtMiB, "mirt-MiB")
		})
	}
}
