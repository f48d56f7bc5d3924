package irt

import (
	"cmp"
	"math"
	"slices"
)

// A Rung is a stretch of the common scale of persons and items (Wright & Stone
// 1979): how many persons are there, and which difficulties.
type Rung struct {
	From, To float64 // From ≤ θ < To; the first and last take what lies beyond
	Persons  int
	Steps    []Step
}

// A Step is a difficulty b of an item: of its score Score, counted from 1.
type Step struct {
	Item  string
	Score int
	B     float64
}

// Wright puts persons' scores and items' difficulties on one scale, from lo to
// hi in stretches of width, lowest first. Persons without a score and difficulties
// that do not exist are left out.
func Wright(theta []float64, items []Item, lo, hi, width float64) []Rung {
	n := max(1, int(math.Round((hi-lo)/width)))
	rungs := make([]Rung, n)
	for i := range rungs {
		rungs[i].From, rungs[i].To = lo+float64(i)*width, lo+float64(i+1)*width
	}
	at := func(x float64) *Rung { return &rungs[min(max(int(math.Floor((x-lo)/width)), 0), n-1)] }
	for _, x := range theta {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			at(x).Persons++
		}
	}
	for i := range items {
		for k, b := range items[i].B() {
			if !math.IsNaN(b) && !math.IsInf(b, 0) {
				r := at(b)
				r.Steps = append(r.Steps, Step{items[i].ID, k + 1, b})
			}
		}
	}
	for i := range rungs {
		slices.SortStableFunc(rungs[i].Steps, func(a, b Step) int { return cmp.Compare(a.B, b.B) })
	}
	return rungs
}
