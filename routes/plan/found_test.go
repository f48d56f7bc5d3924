package plan

import "testing"

// While the work goes on, the gap told never grows and never falls under that of the answer; progress goes one way.
func TestTellsHowFarItIs(t *testing.T) {
	p := random(3, shape{programmes: 12, teachers: 60, elements: 8, deficits: 4, covers: 3, sessions: 2, hours: 54, seats: 6, days: 120})
	var gaps, parts []float64
	a := Plan(p, Options{Found: func(gap float64) { gaps = append(gaps, gap) }, Progress: func(part float64) { parts = append(parts, part) }})
	if len(gaps) == 0 || len(parts) < 2 || parts[len(parts)-1] != 1 {
		t.Fatalf("told %d gaps and %d parts", len(gaps), len(parts))
	}
	for i, g := range gaps {
		if g < a.Gap-1e-9 || i > 0 && g > gaps[i-1]+1e-12 {
			t.Errorf("gap %d of %d is %g, the answer's %g", i, len(gaps), g, a.Gap)
		}
	}
	half := 0.9
	p.Fairness = &half
	last := 0.0
	Plan(p, Options{Progress: func(part float64) {
		if part < last-1e-12 || part > 1 {
			t.Errorf("progress goes from %g to %g", last, part)
		}
		last = part
	}})
}
