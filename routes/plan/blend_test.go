package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Columns given out one after the other: the program that goes on from its basis finds what a fresh one finds.
func TestBlendGoesOn(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		classes, seats, each := 10+rnd.IntN(20), 20+rnd.IntN(40), 20
		limits := make([]float64, classes+seats)
		for i := range limits {
			limits[i] = float64(1 + rnd.IntN(2))
		}
		var values []float64
		var rows [][]int32
		for c := range classes {
			for range each {
				on := []int32{int32(c)}
				for range rnd.IntN(5) {
					if s := int32(classes + rnd.IntN(seats)); !slices.Contains(on, s) {
						on = append(on, s)
					}
				}
				values, rows = append(values, float64(len(on))*0.3+float64(rnd.IntN(10))/10), append(rows, on)
			}
		}
		never := func() bool { return false }
		fill := func(l *blendLP) {
			for j := range values {
				l.add(values[j], rows[j]...)
			}
		}
		var l blendLP
		l.reset(limits)
		fill(&l)
		l.run(1e6, never)
		for step := range 40 {
			pick, top := int32(-1), 1e-4
			for i, v := range l.basic {
				if v >= 0 && l.x[i] > top {
					pick, top = v, l.x[i]
				}
			}
			if pick < 0 {
				break
			}
			for _, r := range rows[pick] {
				if limits[r] < 1 {
					t.Fatalf("seed %d, step %d: %v of column %d where row %d holds %v", seed, step, top, pick, r, limits[r])
				}
				limits[r]--
			}
			l.give(pick, 1)
			l.close()
			l.dual(1e6, never)
			l.run(1e6, never)
			var fresh blendLP
			fresh.reset(limits)
			fill(&fresh)
			fresh.run(1e6, never)
			if a, b := l.worth(), fresh.worth(); math.Abs(a-b) > 1e-3 {
				t.Fatalf("seed %d, step %d: %v going on, %v afresh", seed, step, a, b)
			}
		}
	}
}
