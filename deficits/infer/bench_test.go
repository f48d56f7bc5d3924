package infer

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkQuality prints how far the model comes from the share rule to the posterior that
// knows every parameter (and takes areas apart), beside its yardsticks, and whether its
// probabilities come true.
func BenchmarkQuality(b *testing.B) {
	for _, c := range []struct {
		name string
		d    design
		bar  string
	}{
		{"300x3", usual(21, 300, 3), "97 %, calibration 0.02"},
		{"1200x4", usual(22, 1200, 4), "99 %, calibration 0.015"},
		{"4000x3", usual(23, 4000, 3), "100 %, calibration 0.015"},
		{"unequal", design{persons: 300, areas: 2, elements: 12, tasks: func(e int) int { return 1 + e*5%8 }, correlation: 0.6, deviation: 0.7, seed: 24}, "not under beta-binomial, calibration 0.04"},
		{"partial", design{persons: 300, areas: 2, elements: 12, tasks: same(3), partial: true, correlation: 0.6, deviation: 0.7, seed: 25}, "the same"},
		{"missing30", design{persons: 300, areas: 2, elements: 12, tasks: same(4), missing: 0.3, correlation: 0.6, deviation: 0.7, seed: 26}, "the same"},
		{"one-area", design{persons: 300, areas: 1, elements: 12, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: 27}, "the same"},
		{"40-elements", design{persons: 300, areas: 4, elements: 40, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: 28}, "the same"},
		{"60-persons", design{persons: 60, areas: 2, elements: 12, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: 30}, "the same"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				s := c.d.stand()
				fmt.Printf("%s (asked: %s): %v\n", c.name, c.bar, s)
				b.ReportMetric(s.model.brier, "brier")
				b.ReportMetric(s.binomial.brier, "brier-beta-binomial")
				b.ReportMetric(s.share.brier, "brier-share-rule")
				b.ReportMetric(100*s.way, "%-of-the-way")
				b.ReportMetric(s.model.calibration, "calibration-error")
			}
		})
	}
}

// BenchmarkRegion fits and infers whole regions: asked are 3 s and 150 MiB for 4,000 × 36,
// 30 s for 25,000 × 60 with 30 elements, on two cores.
func BenchmarkRegion(b *testing.B) {
	for _, c := range []struct {
		name string
		d    design
	}{
		{"4000x36", design{persons: 4000, areas: 2, elements: 12, tasks: same(3), correlation: 0.6, deviation: 0.7, seed: 1}},
		{"25000x60", design{persons: 25000, areas: 3, elements: 30, tasks: same(2), correlation: 0.6, deviation: 0.7, seed: 2}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := c.d.make()
			runtime.GC()
			began, used := time.Now(), cpu()
			for range b.N {
				m, err := Fit(w.data, w.policy())
				if err != nil {
					b.Fatal(err)
				}
				p, err := m.Prepare(w.data.Tasks)
				if err != nil {
					b.Fatal(err)
				}
				for from := 0; from < len(w.data.Persons); from += 512 {
					if _, err := p.InferMany(w.data.Persons[from:min(len(w.data.Persons), from+512)]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(m.Iterations), "cycles")
			}
			b.ReportMetric(time.Since(began).Seconds()/float64(b.N), "wall-s")
			b.ReportMetric((cpu()-used).Seconds()/float64(b.N), "cpu-s")
		})
	}
}

// BenchmarkOne is one person against a stored model, everything prepared anew: asked are 5 ms.
func BenchmarkOne(b *testing.B) {
	w := usual(1, 300, 3).make()
	m, err := Fit(w.data, w.policy())
	if err != nil {
		b.Fatal(err)
	}
	began, used, n := time.Now(), cpu(), 0
	for b.Loop() {
		for range 20 {
			if _, err := m.Infer(w.data.Tasks, w.data.Persons[n%300].Responses); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(time.Since(began).Seconds()*1000/float64(n), "wall-ms/person")
	b.ReportMetric((cpu()-used).Seconds()*1000/float64(n), "cpu-ms/person")
}

// One person is explained while their report opens: 30 elements, each with ten tasks to
// choose the next ones of.
func BenchmarkExplain(b *testing.B) {
	d := usual(31, 400, 3)
	d.elements = 30
	w := d.make()
	m, err := Fit(w.data, d.policy())
	if err != nil {
		b.Fatal(err)
	}
	p, err := m.Prepare(w.data.Tasks)
	if err != nil {
		b.Fatal(err)
	}
	spare := []Task{}
	for _, e := range m.Elements {
		for i := range 10 {
			spare = append(spare, Task{ID: fmt.Sprintf("%s+%d", e.Element, i), Max: float64(1 + i%2), Weights: map[string]float64{e.Element: 1}})
		}
	}
	for b.Loop() {
		if _, err := p.Explain(w.data.Persons[0].Responses, spare, 3); err != nil {
			b.Fatal(err)
		}
	}
}
