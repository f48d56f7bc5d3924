package agreement

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// rated draws ratings 0…3 by the model; each person is rated by the number of raters
// given, in turn.
func rated(seed uint64, n, each int, severity, tau []float64, sd float64) *Ratings {
	rng := rand.New(rand.NewPCG(seed, 9))
	r := &Ratings{}
	for j := range severity {
		r.Raters = append(r.Raters, fmt.Sprintf("r%d", j))
	}
	m := &facetModel{most: len(tau)}
	p := make([]float64, len(tau)+1)
	for i := range n {
		r.Persons = append(r.Persons, fmt.Sprint(i))
		theta := sd * rng.NormFloat64()
		for j, c := range severity {
			v := math.NaN()
			if (j-i%len(severity)+len(severity))%len(severity) < each {
				m.probabilities(theta, c, tau, p)
				u := rng.Float64()
				v = 0
				for k := 0; k < len(tau) && u > p[k]; k++ {
					u -= p[k]
					v++
				}
			}
			r.Values = append(r.Values, v)
		}
	}
	return r
}

// TestSeverity: put in, severities come out within four of their standard errors, also
// where each person is rated by two of five.
func TestSeverity(t *testing.T) {
	severity := []float64{-0.8, -0.2, 0, 0.3, 0.7}
	for _, each := range []int{5, 2} {
		f, warnings := ManyFacets(rated(4, 600, each, severity, []float64{-1, 0.2, 1.1}, 1.3))
		if f == nil || !f.Converged || len(warnings) > 0 {
			t.Fatalf("%+v, %q", f, warnings)
		}
		var sum float64
		for j, r := range f.Raters {
			sum += float64(r.Severity)
			if !(r.SE > 0.01 && r.SE < 0.2) || math.Abs(float64(r.Severity)-severity[j]) > 4*float64(r.SE) {
				t.Errorf("%d ratings: %s %.3f ± %.3f, put in %.3f", each, r.ID, float64(r.Severity), float64(r.SE), severity[j])
			}
			if math.Abs(float64(r.Infit)-1) > 0.12 {
				t.Errorf("%s infit %.2f", r.ID, float64(r.Infit))
			}
		}
		if math.Abs(sum) > 1e-9 {
			t.Errorf("severities add up to %g", sum)
		}
		if math.Abs(float64(f.LatentSD)-1.3) > 0.2 || f.P > 1e-6 || f.Reliability < 0.9 {
			t.Errorf("sd %.3f, p %g, reliability %.3f", float64(f.LatentSD), float64(f.P), float64(f.Reliability))
		}
	}
	f, _ := ManyFacets(rated(5, 600, 4, []float64{0, 0, 0, 0}, []float64{-1, 1}, 1))
	if f.P < 0.001 {
		t.Errorf("equal raters differ: p %g", float64(f.P))
	}
}

// TestFacetOptimum: the slope is that of the likelihood, the maximum cannot be bettered,
// and the likelihood is that of the definition.
func TestFacetOptimum(t *testing.T) {
	r := rated(8, 150, 3, []float64{-0.5, 0.1, 0.4}, []float64{-0.7, 0.6}, 1)
	m := &facetModel{persons: 150, raters: 3, most: 2}
	for _, v := range r.Values {
		m.ratings = append(m.ratings, int16(v))
	}
	var total float64
	for q := range facetNodes {
		z := -6 + 0.2*float64(q)
		m.z, m.weight = append(m.z, z), append(m.weight, math.Exp(-z*z/2))
		total += m.weight[q]
	}
	for q := range m.weight {
		m.weight[q] /= total
	}
	x := []float64{-0.3, 0.2, -0.5, 0.4, 0.1}
	gradient := make([]float64, len(x))
	ll := m.evaluate(x, gradient, nil)
	var direct float64
	p := make([]float64, 3)
	for i := range 150 {
		var sum float64
		for q, z := range m.z {
			f := m.weight[q]
			for j, c := range []float64{-0.3, 0.2, 0.1} {
				m.probabilities(math.Exp(0.1)*z, c, x[2:4], p)
				f *= p[m.ratings[i*3+j]]
			}
			sum += f
		}
		direct += math.Log(sum)
	}
	near(t, "loglik", Number(ll), direct, 1e-9)
	for a := range x {
		up, down := slices.Clone(x), slices.Clone(x)
		up[a] += 1e-5
		down[a] -= 1e-5
		near(t, fmt.Sprint("slope ", a), Number(gradient[a]), (m.evaluate(up, nil, nil)-m.evaluate(down, nil, nil))/2e-5, 1e-4)
	}
	best, _, _, converged := m.maximise(x)
	if !converged {
		t.Fatal("did not converge")
	}
	for a := range x {
		for _, h := range []float64{-0.01, 0.01} {
			moved := slices.Clone(x)
			moved[a] += h
			if m.evaluate(moved, nil, nil) > best {
				t.Errorf("moving %d by %g betters the fit", a, h)
			}
		}
	}
}

// TestFacetsHardData: what cannot be had is said, by name.
func TestFacetsHardData(t *testing.T) {
	for csv, want := range map[string]string{
		"person,a,b\n1,1.5,2\n2,1,1\n":                       "severity needs whole ratings",
		"person,a,b\n1,2,2\n2,2,2\n":                         "all ratings are the same",
		"person,a,b\n1,0,2\n2,2,2\n3,1,2\n":                  "rater b gave 2 to everyone",
		"person,a,b,c\n1,0,,1\n2,2,,0\n3,1,,2\n":             "rater b gave no ratings",
		"person,a,b,c,d\n1,0,1,,\n2,2,1,,\n3,,,0,1\n4,,,2,1": "raters fall into 2 groups",
		"person,a,b\n1,0,1\n2,3,1\n3,1,3\n":                  "no rating between 1 and 3 was given",
	} {
		a := Analyse(read(t, csv))
		if !strings.Contains(strings.Join(a.Warnings, "\n"), want) {
			t.Errorf("%q: %q, expected %q", csv, a.Warnings, want)
		}
	}
}
