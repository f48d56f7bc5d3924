package ctt

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// scales draws answers of two scales whose true scores correlate by r.
func scales(seed uint64, n, items int, r float64) (*psychometrics.Responses, *psychometrics.Q, [][2]float64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	out, q := &psychometrics.Responses{}, &psychometrics.Q{Attributes: []string{"x", "y"}}
	for i := range 2 * items {
		id := fmt.Sprintf("i%02d", i)
		out.Items, out.Max, q.Items = append(out.Items, id), append(out.Max, 1), append(q.Items, id)
		q.Weights = append(q.Weights, []float64{float64(1 - i/items), float64(i / items)})
	}
	var truth [][2]float64
	for p := range n {
		out.Persons = append(out.Persons, fmt.Sprint(p))
		a := rng.NormFloat64()
		b := r*a + math.Sqrt(1-r*r)*rng.NormFloat64()
		var sum [2]float64
		for i := range 2 * items {
			theta := a
			if i >= items {
				theta = b
			}
			chance := 1 / (1 + math.Exp(-1.5*theta))
			sum[i/items] += chance
			c := psychometrics.Cell(0)
			if rng.Float64() < chance {
				c = 1
			}
			out.Cells = append(out.Cells, c)
		}
		truth = append(truth, sum)
	}
	return out, q, truth
}

// TestSubscores: PRMSE is the share of the simulated true score's variance that each
// predictor foretells; unlike scales add value, alike ones do not.
func TestSubscores(t *testing.T) {
	for _, r := range []float64{0.3, 0.98} {
		data, q, truth := scales(5, 4000, 12, r)
		got, err := AnalyseSubscores(data, q)
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range got.Subscores {
			var own, total, target []float64
			for p := range data.Persons {
				var a, b float64
				for i, c := range data.Row(p) {
					b += float64(c)
					if i/12 == k {
						a += float64(c)
					}
				}
				own, total, target = append(own, a), append(total, b), append(target, truth[p][k])
			}
			square := func(x, y []float64) float64 {
				var mx, my, xy, xx, yy float64
				n := float64(len(x))
				for i := range x {
					mx += x[i] / n
					my += y[i] / n
				}
				for i := range x {
					xy += (x[i] - mx) * (y[i] - my)
					xx += (x[i] - mx) * (x[i] - mx)
					yy += (y[i] - my) * (y[i] - my)
				}
				return xy * xy / (xx * yy)
			}
			near(t, s.ID+" own", s.Own, square(own, target), 0.02)
			near(t, s.ID+" total", s.Total, square(total, target), 0.02)
			var augmented []float64
			for p := range own {
				augmented = append(augmented, float64(s.Weights.Subscore)*own[p]+float64(s.Weights.Total)*total[p])
			}
			near(t, s.ID+" both", s.Both, square(augmented, target), 0.02)
			if s.Both < s.Own-1e-12 || s.Both < s.Total-1e-12 || *s.Added != (r < 0.5) {
				t.Errorf("r %.2f: %+v added %v", r, s, *s.Added)
			}
		}
	}
}

func TestSubscoresHardData(t *testing.T) {
	q := func(csv string) *psychometrics.Q {
		got, err := psychometrics.ReadQ("q", strings.NewReader(csv), true)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for name, c := range map[string]struct{ responses, q, warning string }{
		"one item":  {"person,a,b,c\n1,1,0,1\n2,0,1,1\n3,1,1,0\n", "item,x,y\na,1,0\nb,0,1\nc,0,1\n", "x has 1 items"},
		"the whole": {"person,a,b\n1,1,1\n2,0,0\n3,1,1\n", "item,x\na,1\nb,1\n", "x is the whole test"},
		"no truth":  {"person,a,b,c\n1,1,0,1\n2,0,1,1\n3,1,0,0\n", "item,x,y\na,1,0\nb,1,0\nc,0,1\n", "x: alpha is not over 0"},
		"missing":   {"person,a,b\n1,1,\n2,0,0\n", "item,x\na,1\nb,1\n", "1 persons have a score on every item"},
	} {
		got, err := AnalyseSubscores(read(t, c.responses), q(c.q))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(strings.Join(got.Warnings, "\n"), c.warning) {
			t.Errorf("%s: %q", name, got.Warnings)
		}
	}
	if _, err := AnalyseSubscores(read(t, "person,k\n1,1\n"), q("item,x\na,1\n")); err == nil {
		t.Error("nothing in common was taken")
	}
}
