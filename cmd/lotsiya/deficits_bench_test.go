package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A deficitWorld is the files of a simulated campaign with known truth, written without the
// engine: 2PL tasks, abilities by area that correlate by 0.6, elements that deviate by 0.7.
type deficitWorld struct {
	persons, areas, elements, tasks int
	dir                             string
	truth                           [][]float64 // person × element: true share
}

func (w *deficitWorld) element(e int) string { return fmt.Sprintf("e%02d", e) }

// write makes r.csv, q.csv, p.json and the true parameters fit.json.
func (w *deficitWorld) write(b *testing.B, seed uint64) {
	b.Helper()
	r := rand.New(rand.NewPCG(seed, 4))
	type item struct {
		ID string    `json:"id"`
		A  float64   `json:"a"`
		D  []float64 `json:"d"`
	}
	items, areas := []item{}, map[string]string{}
	var q, answers bytes.Buffer
	q.WriteString("item")
	answers.WriteString("person")
	for e := range w.elements {
		fmt.Fprintf(&q, ",%s", w.element(e))
		areas[w.element(e)] = fmt.Sprint("area ", e*w.areas/w.elements)
	}
	for e := range w.elements {
		for k := range w.tasks {
			a := math.Exp(0.1 + 0.35*r.NormFloat64())
			items = append(items, item{fmt.Sprintf("%s-%d", w.element(e), k), a, []float64{-a * (r.NormFloat64() - 0.3)}})
			fmt.Fprintf(&answers, ",%s", items[len(items)-1].ID)
			fmt.Fprintf(&q, "\n%s", items[len(items)-1].ID)
			for other := range w.elements {
				fmt.Fprint(&q, map[bool]string{true: ",1", false: ","}[other == e])
			}
		}
	}
	for p := range w.persons {
		fmt.Fprintf(&answers, "\np%d", p)
		common, theta, truth := r.NormFloat64(), make([]float64, w.areas), make([]float64, w.elements)
		for g := range theta {
			theta[g] = math.Sqrt(0.6)*common + math.Sqrt(0.4)*r.NormFloat64()
		}
		for e := range w.elements {
			x := theta[e*w.areas/w.elements] + 0.7*r.NormFloat64()
			for _, it := range items[e*w.tasks : (e+1)*w.tasks] {
				chance := 1 / (1 + math.Exp(-it.A*x-it.D[0]))
				truth[e] += chance / float64(w.tasks)
				fmt.Fprint(&answers, map[bool]string{true: ",1", false: ",0"}[r.Float64() < chance])
			}
		}
		w.truth = append(w.truth, truth)
	}
	w.dir = b.TempDir()
	fit, err := json.Marshal(map[string]any{"model": "2pl", "items": items})
	if err != nil {
		b.Fatal(err)
	}
	policy, err := json.Marshal(map[string]any{"areas": areas})
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string][]byte{"r.csv": answers.Bytes(), "q.csv": q.Bytes(), "p.json": policy, "fit.json": fit} {
		if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// judge gives the Brier scores of p_deficit and of the share rule, and the calibration error in
// ten bins. It reads person by person: a process that is started inherits the peak of its starter.
func (w *deficitWorld) judge(b *testing.B, answer string) (brier, share, calibration float64) {
	b.Helper()
	file, err := os.Open(answer)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	in := json.NewDecoder(file)
	for token := json.Token(nil); token != json.Delim('['); { // of "persons"
		if token, err = in.Token(); err != nil {
			b.Fatal(err)
		}
	}
	var said, was [10]float64
	n := float64(w.persons * w.elements)
	for p := range w.persons {
		var person struct {
			Elements map[string]struct {
				Share float64
				P     float64 `json:"p_deficit"`
			}
		}
		if err := in.Decode(&person); err != nil {
			b.Fatal(err)
		}
		for e := range w.elements {
			got, truth, rule := person.Elements[w.element(e)], 0.0, 0.0
			if w.truth[p][e] < 0.6 {
				truth = 1
			}
			if got.Share < 0.6 {
				rule = 1
			}
			brier += (got.P - truth) * (got.P - truth) / n
			share += (rule - truth) * (rule - truth) / n
			bin := min(9, int(got.P*10))
			said[bin] += got.P
			was[bin] += truth
		}
	}
	for i := range said {
		calibration += math.Abs(said[i]-was[i]) / n
	}
	return brier, share, calibration
}

// BenchmarkDeficits runs the whole program on files: asked are 3 s of two processors and 150 MiB
// for any 4,000 × 36, 30 s for 25,000 × 60.
func BenchmarkDeficits(b *testing.B) {
	for _, c := range []struct {
		name string
		w    deficitWorld
		bank bool
	}{
		{"300x36", deficitWorld{persons: 300, areas: 2, elements: 12, tasks: 3}, false},
		{"300x36/bank", deficitWorld{persons: 300, areas: 2, elements: 12, tasks: 3}, true},
		{"1200x48", deficitWorld{persons: 1200, areas: 2, elements: 12, tasks: 4}, false},
		{"4000x36", deficitWorld{persons: 4000, areas: 2, elements: 12, tasks: 3}, false},
		{"4000x36/12-areas", deficitWorld{persons: 4000, areas: 12, elements: 12, tasks: 3}, false},
		{"4000x36/36-areas", deficitWorld{persons: 4000, areas: 36, elements: 36, tasks: 1}, false},
		{"4000x36/one-element", deficitWorld{persons: 4000, areas: 1, elements: 1, tasks: 36}, false},
		{"25000x60", deficitWorld{persons: 25000, areas: 3, elements: 30, tasks: 2}, false},
		{"25000x60/bank", deficitWorld{persons: 25000, areas: 3, elements: 30, tasks: 2}, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.w.truth = nil
			c.w.write(b, 77)
			in := func(name string) string { return filepath.Join(c.w.dir, name) }
			args := []string{"deficits", "infer", "--q", in("q.csv"), "--policy", in("p.json")}
			if c.bank {
				args = append(args, "--params", in("fit.json"))
			}
			args = append(args, in("r.csv"))
			var cpu, wall time.Duration
			var most int64
			for b.Loop() {
				answer, err := os.Create(in("answer.json"))
				if err != nil {
					b.Fatal(err)
				}
				cmd := program(slices.Clone(args)...)
				cmd.Stdout = answer
				began := time.Now()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				wall += time.Since(began)
				if err := answer.Close(); err != nil {
					b.Fatal(err)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
					most = max(most, u.Maxrss)
				}
			}
			brier, share, calibration := c.w.judge(b, in("answer.json"))
			n := float64(b.N)
			b.ReportMetric(cpu.Seconds()/n, "cpu-s")
			b.ReportMetric(wall.Seconds()/n, "wall-s")
			b.ReportMetric(float64(most)/1024, "peak-MiB")
			b.ReportMetric(brier, "brier")
			b.ReportMetric(share, "brier-share-rule")
			b.ReportMetric(calibration, "calibration-error")
		})
	}
}
