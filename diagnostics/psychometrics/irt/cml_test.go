package irt

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func TestCMLIsExact(t *testing.T) {
	var want struct {
		Difficulty, SE []float64
		LogLik         float64 `json:"cond_logLik"`
	}
	readJSON(t, "testdata/lsat6/cml_exact.json", &want)
	f, err := CalibrateCML(readResponses(t, "testdata/lsat6/data.csv"), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loglik", f.LogLik, &want.LogLik, 1e-5) // told to 10 digits
	for i, it := range f.Items {
		near(t, it.ID+" b", it.B[0], &want.Difficulty[i], 1e-9)
		near(t, it.ID+" SE", it.BSE[0], &want.SE[i], 1e-9)
	}
	if !f.Converged || f.RowsUsed != 1000 || f.Parameters != 4 {
		t.Errorf("converged %v, rows %d, parameters %d", f.Converged, f.RowsUsed, f.Parameters)
	}
}

// The conditional likelihood by its definition: over every pattern with the
// same score.
func TestConditionalLikelihoodByCounting(t *testing.T) {
	b := []float64{-1.2, 0.3, 0.9, 0.1, -0.1, 2.4}
	k := len(b)
	c := conditional{right: []float64{40, 22, 14, 25, 31, 3}, byScore: []float64{4, 30, 25, 10, 5, 2, 1}}
	logLik := func(b []float64) float64 {
		sums := make([]float64, k+1)
		for m := range 1 << k {
			n, e := 0, 1.0
			for i := range b {
				if m>>i&1 == 1 {
					n++
					e *= math.Exp(-b[i])
				}
			}
			sums[n] += e
		}
		v := 0.0
		for i := range b {
			v -= c.right[i] * b[i]
		}
		for r := 1; r < k; r++ {
			v -= c.byScore[r] * math.Log(sums[r])
		}
		return v
	}
	value, grad, info := c.at(b)
	if want := logLik(b); math.Abs(value-want) > 1e-10 {
		t.Errorf("%v, expected %v", value, want)
	}
	const h = 1e-4
	for i := range b {
		up, down := append([]float64(nil), b...), append([]float64(nil), b...)
		up[i] += h
		down[i] -= h
		if d := (logLik(up) - logLik(down)) / (2 * h); math.Abs(d-grad[i]) > 1e-5 {
			t.Errorf("gradient %d: %v, by differences %v", i, grad[i], d)
		}
		_, gu, _ := c.at(up)
		_, gd, _ := c.at(down)
		for j := range b {
			if d := -(gu[j] - gd[j]) / (2 * h); math.Abs(d-info.At(i, j)) > 1e-5 {
				t.Errorf("information %d %d: %v, by differences %v", i, j, info.At(i, j), d)
			}
		}
	}
}

func TestCMLOfManyItemsStaysWithinRange(t *testing.T) {
	var items []Item
	for i := range 120 {
		items = append(items, Item{ID: fmt.Sprint("i", i), Model: Rasch, A: 1, D: []float64{3 - float64(i)/20}})
	}
	_, scores := simulate(items, 600, 0.4, 1.2, 5)
	f, err := CalibrateCML(responsesOf(items, scores), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	if !f.Converged {
		t.Errorf("not converged: %v", f.Warnings)
	}
	mean := 0.0
	for i := range items {
		mean -= items[i].D[0] / 120
	}
	z := 0.0
	for i, it := range f.Items {
		x := (float64(it.B[0]) - (-items[i].D[0] - mean)) / float64(it.BSE[0])
		z += x * x
	}
	// A sum of 120 squares of about standard normal errors.
	if z < 70 || z > 180 {
		t.Errorf("sum of squared standardised errors %v, expected about 120", z)
	}
}

func TestCMLRefusesWhatHasNoEstimate(t *testing.T) {
	items := []Item{{ID: "e1", D: []float64{0}}, {ID: "e2", D: []float64{0}}, {ID: "h1", D: []float64{0}}, {ID: "h2", D: []float64{0}}}
	for name, c := range map[string]struct {
		scores [][]int
		want   string
	}{
		"apart":    {[][]int{{1, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 1, 0}, {1, 1, 0, 1}, {0, 1, 0, 0}}, "has all of items e1, e2 right"},
		"constant": {[][]int{{1, 0, 1, 1}, {1, 0, 1, 1}, {1, 1, 1, 1}}, "fewer than two items"},
		"missing":  {[][]int{{1, -1, 0, 0}, {-1, 1, 0, 1}}, "no person has answers to every item"},
	} {
		_, err := CalibrateCML(responsesOf(items, c.scores), Options{Model: Rasch})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q", name, err, c.want)
		}
	}
	r := responsesOf(items, [][]int{{1, 0, 0, 1}, {0, 1, 1, 0}, {2, 1, 0, 0}, {0, 0, 1, 1}})
	r.Max[0] = 2
	if _, err := CalibrateCML(r, Options{Model: Rasch}); err == nil || !strings.Contains(err.Error(), "item e1") {
		t.Errorf("scores above 1: %v", err)
	}
	if _, err := CalibrateCML(r, Options{Model: TwoPL}); err == nil {
		t.Error("2pl by cml was taken")
	}
	// Rows with gaps are left out, and said so.
	f, err := CalibrateCML(responsesOf(items, [][]int{{1, 0, 0, 1}, {0, 1, 1, 0}, {1, -1, 0, 0}, {0, 0, 1, 1}, {1, 1, 0, 0}, {1, 0, 1, 0}, {0, 1, 0, 1}}), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	if f.RowsUsed != 6 || len(f.Warnings) != 1 {
		t.Errorf("rows %d, warnings %v", f.RowsUsed, f.Warnings)
	}
	for _, it := range f.Items {
		if math.Abs(float64(it.B[0])) > 1e-9 || it.BSE[0] == psychometrics.None {
			t.Errorf("%s: b %v ± %v, expected 0", it.ID, it.B[0], it.BSE[0])
		}
	}
}
