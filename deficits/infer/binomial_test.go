package infer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The likelihood of a large sample must find the shapes it was drawn from.
func TestFitFindsShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	counts := map[[2]float64]int{}
	const a, b, n = 3.0, 2.0, 8
	for range 20000 {
		// Beta(3,2) as the third smallest of four uniforms
		u := []float64{r.Float64(), r.Float64(), r.Float64(), r.Float64()}
		slices.Sort(u)
		k := 0.0
		for range n {
			if r.Float64() < u[2] {
				k++
			}
		}
		counts[[2]float64{n, k}]++
	}
	got := fitBeta("e", counts)
	if math.Abs(got.A-a) > 0.15 || math.Abs(got.B-b) > 0.12 {
		t.Errorf("shapes (%.3f, %.3f), drawn from (3, 2)", got.A, got.B)
	}
}

// Against closed forms: Beta(2,1) has mean 2/3, mass c² under c and shortfall c³/3.
func TestEstimateClosedForm(t *testing.T) {
	m := Binomial{Policy: DefaultPolicy(), Elements: []ElementPrior{{Element: "e", A: 1, B: 1}}}
	tasks := []Task{{ID: "t", Max: 1, Weights: map[string]float64{"e": 1}}}
	got, err := m.Infer(tasks, []Response{{Task: 0, Points: 1}})
	if err != nil {
		t.Fatal(err)
	}
	e := got[0]
	for _, c := range []struct {
		what      string
		got, want float64
	}{{"estimate", e.Estimate, 2.0 / 3}, {"p", e.P, 0.36}, {"shortfall", e.Shortfall, 0.6 * 0.6 * 0.6 / 3}, {"low", e.Low, math.Sqrt(.05)}, {"high", e.High, math.Sqrt(.95)}} {
		if math.Abs(c.got-c.want) > 1e-8 {
			t.Errorf("%s %.10f, want %.10f", c.what, c.got, c.want)
		}
	}
}
