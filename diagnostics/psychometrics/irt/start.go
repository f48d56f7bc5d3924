package irt

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// start gives the free items values near their estimates: persons are put on
// the scale by the rank of their share of points, as uncertain as the shares'
// reliability has it, and each item is fitted to them by one M-step.
func start(s *sheet, nodes []float64, mean, sd float64, prior Prior) {
	const groups = 50
	k := len(s.items)
	var answered float64
	itemVar := 0.0 // of an answer, as a share of the item's maximum
	for i := range s.items {
		m, sq, top := 0.0, 0.0, float64(s.items[i].Max())
		for c, n := range s.used[i] {
			x := float64(c) / top
			m += x * float64(n)
			sq += x * x * float64(n)
		}
		n := float64(max(s.answers[i], 1))
		itemVar += (sq/n - (m/n)*(m/n)) / float64(k)
	}
	points, answers := make([]float64, s.persons), make([]float64, s.persons)
	worth := make([]float64, k) // of a category, as a share of the item's maximum
	for i := range s.items {
		worth[i] = 1 / float64(s.items[i].Max())
	}
	sharded(func(shard int) {
		for p := shard * s.persons / shards; p < (shard+1)*s.persons/shards; p++ {
			for i, c := range s.row(p) {
				if c >= 0 {
					points[p] += float64(c) * worth[i]
					answers[p]++
				}
			}
		}
	})
	share, person := make([]float64, 0, s.persons), make([]int, 0, s.persons)
	for p, n := range answers {
		if n > 0 {
			share, person = append(share, points[p]/n), append(person, p)
			answered += n
		}
	}
	n := len(share)
	if n == 0 {
		return
	}
	answered /= float64(n)
	m, v := 0.0, 0.0
	for _, x := range share {
		m += x / float64(n)
	}
	for _, x := range share {
		v += (x - m) * (x - m) / float64(n)
	}
	rel := 0.3
	if v > 0 {
		rel = min(max(1-itemVar/answered/v, 0.2), 0.97)
	}
	sorted := slices.Clone(share)
	slices.Sort(sorted)
	group, middle := make([]int, n), map[float64]int{}
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && sorted[hi] == sorted[lo] {
			hi++
		}
		// Persons with one share stand at the middle of their ranks.
		middle[sorted[lo]] = min(int(float64(lo+hi)/2/float64(n)*groups), groups-1)
		lo = hi
	}
	for j, x := range share {
		group[j] = middle[x]
	}
	counts := make([][][]float64, k) // item × category × group
	sharded(func(shard int) {
		for i := shard * k / shards; i < (shard+1)*k/shards; i++ {
			counts[i] = make([][]float64, s.items[i].Max()+1)
			for c := range counts[i] {
				counts[i][c] = make([]float64, groups)
			}
		}
		lo, hi := shard*k/shards, (shard+1)*k/shards
		for j, p := range person {
			g := group[j]
			for i, c := range s.row(p)[lo:hi] {
				if c >= 0 {
					counts[lo+i][c][g]++
				}
			}
		}
	})
	at := make([][]float64, groups)
	for g := range at {
		z := distuv.UnitNormal.Quantile((float64(g) + 0.5) / groups)
		at[g] = NormalWeights(nodes, mean+sd*math.Sqrt(rel)*z, sd*math.Sqrt(1-rel))
	}
	prior.A = Normal{1, 0.5}
	prior.D = Normal{0, 4}
	sharded(func(shard int) {
		for i := shard; i < k; i += shards {
			if s.fixed[i] {
				continue
			}
			it := &s.items[i]
			spread := make([][]float64, len(counts[i]))
			for c := range spread {
				spread[c] = make([]float64, len(nodes))
				for g, n := range counts[i][c] {
					if n != 0 {
						for q, w := range at[g] {
							spread[c][q] += n * w
						}
					}
				}
			}
			below := float64(s.answers[i])
			for c := range it.D {
				// A first guess in order, that the M-step may start from.
				next := below - float64(s.used[i][c])
				odds := math.Log((next + 0.5) / (float64(s.answers[i]) - next + 0.5))
				if it.cumulative() || len(it.D) == 1 {
					it.D[c] = odds - 0.01*float64(c)
				} else {
					it.D[c] = math.Log((float64(s.used[i][c+1]) + 0.5) / (float64(s.used[i][0]) + 0.5))
				}
				below = next
			}
			if it.Model == ThreePL {
				it.C = 0.15
			}
			it.Maximise(nodes, spread, prior)
		}
	})
}
