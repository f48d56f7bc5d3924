package irt

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrightPutsEveryPersonAndStepOnOneRung(t *testing.T) {
	items := []Item{
		FromB("easy", TwoPL, 1, []float64{-9}, 0), FromB("two", GRM, 2, []float64{-0.5, 0.2}, 0),
		FromB("flat", TwoPL, 0, []float64{1}, 0), FromB("mid", TwoPL, 1, []float64{0.1}, 0),
	}
	got := Wright([]float64{-3, 0, 0.4, 7, math.NaN()}, items, -1, 1, 0.5)
	want := []Rung{
		{From: -1, To: -0.5, Persons: 1, Steps: []Step{{"easy", 1, -9}}},
		{From: -0.5, To: 0, Steps: []Step{{"two", 1, -0.5}}},
		{From: 0, To: 0.5, Persons: 2, Steps: []Step{{"mid", 1, 0.1}, {"two", 2, 0.2}}},
		{From: 0.5, To: 1, Persons: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
