package irt

import (
	"math"
	"math/rand/v2"
	"testing"
)

// someItems is one of each kind of item, and awkward ones.
func someItems() []Item {
	return []Item{
		{ID: "rasch", Model: Rasch, A: 1, D: []float64{0.3}},
		{ID: "2pl", Model: TwoPL, A: 1.7, D: []float64{-0.8}},
		{ID: "negative", Model: TwoPL, A: -0.6, D: []float64{0.4}},
		{ID: "3pl", Model: ThreePL, A: 1.4, D: []float64{0.5}, C: 0.21},
		{ID: "pcm", Model: PCM, A: 1, D: []float64{0.9, -0.2, -1.7}},
		{ID: "gpcm", Model: GPCM, A: 0.8, D: []float64{1.1, 1.3, 0.4, -2}},
		{ID: "grm", Model: GRM, A: 1.3, D: []float64{2.1, 0.2, -1.5}},
		{ID: "grm2", Model: GRM, A: 2.2, D: []float64{1.2}},
		{ID: "tight", Model: GRM, A: 2.5, D: []float64{0.101, 0.1}},
	}
}

func TestProbabilitiesAddUpAndAgreeWithTheirLogarithmsAndSlopes(t *testing.T) {
	const h = 1e-5
	for _, it := range someItems() {
		n := it.Max() + 1
		p, l, up, down := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		p1, p2 := make([]float64, n), make([]float64, n)
		for _, theta := range []float64{-40, -6, -2.5, -0.3, 0, 0.7, 3, 6, 40} {
			it.slopes(theta, p, p1, p2)
			it.LogProbabilities(theta, l)
			sum, info := 0.0, 0.0
			it.Probabilities(theta+h, up)
			it.Probabilities(theta-h, down)
			for k := range p {
				sum += p[k]
				if p[k] < 0 || math.IsNaN(p[k]) || math.IsNaN(l[k]) || math.IsInf(l[k], 0) || math.Abs(math.Exp(l[k])-p[k]) > 1e-13 {
					t.Errorf("%s at %v: P%d = %v, its logarithm %v", it.ID, theta, k, p[k], l[k])
				}
				if d := (up[k] - down[k]) / (2 * h); math.Abs(d-p1[k]) > 1e-9 {
					t.Errorf("%s at %v: P%d′ = %v, by differences %v", it.ID, theta, k, p1[k], d)
				}
				if d := (up[k] - 2*p[k] + down[k]) / (h * h); math.Abs(d-p2[k]) > 1e-4 {
					t.Errorf("%s at %v: P%d″ = %v, by differences %v", it.ID, theta, k, p2[k], d)
				}
				if p[k] > tiny {
					info += p1[k] * p1[k] / p[k]
				}
			}
			if math.Abs(sum-1) > 1e-14 {
				t.Errorf("%s at %v: probabilities add up to %v", it.ID, theta, sum)
			}
			if got := it.Information(theta); math.Abs(got-info) > 1e-12 || got < 0 {
				t.Errorf("%s at %v: information %v, expected %v", it.ID, theta, got, info)
			}
		}
	}
}

// withParameters is the item with parameter k (order a, d…, logit c) moved by h.
func withParameter(it Item, k int, h float64) Item {
	out := it.clone()
	switch {
	case k == 0:
		out.A += h
	case k <= len(out.D):
		out.D[k-1] += h
	default:
		out.C = logistic(math.Log(it.C/(1-it.C)) + h)
	}
	return out
}

func TestScoresAreTheSlopesOfTheLogProbabilities(t *testing.T) {
	const h = 1e-6
	for _, it := range someItems()[:8] {
		n, m := it.parameters(), it.Max()+1
		p, s, up, down := make([]float64, m), make([]float64, m*n), make([]float64, m), make([]float64, m)
		for _, theta := range []float64{-4, -1, 0, 0.6, 3} {
			it.scores(theta, p, s)
			for k := range n {
				a, b := withParameter(it, k, h), withParameter(it, k, -h)
				a.LogProbabilities(theta, up)
				b.LogProbabilities(theta, down)
				for c := range m {
					if d := (up[c] - down[c]) / (2 * h); math.Abs(d-s[c*n+k]) > 1e-7 {
						t.Errorf("%s at %v: score of category %d by parameter %d is %v, by differences %v", it.ID, theta, c, k, s[c*n+k], d)
					}
				}
			}
		}
	}
}

func TestMaximiseFindsTheItemThatMadeTheCounts(t *testing.T) {
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	w := NormalWeights(nodes, 0, 1)
	for _, it := range someItems()[:8] {
		counts := make([][]float64, it.Max()+1)
		for k := range counts {
			counts[k] = make([]float64, len(nodes))
		}
		p := make([]float64, it.Max()+1)
		for q, x := range nodes {
			it.Probabilities(x, p)
			for k := range p {
				counts[k][q] = 1000 * w[q] * p[k]
			}
		}
		start := it.clone()
		for k := range start.D {
			start.D[k] = 0.5 * float64(-k)
		}
		if !it.Model.slopeFixed() {
			start.A = 1
		}
		if it.Model == ThreePL {
			start.C = 0.1
		}
		before := start.expectedLog(nodes, counts, Prior{})
		start.Maximise(nodes, counts, Prior{})
		if after := start.expectedLog(nodes, counts, Prior{}); after < before {
			t.Errorf("%s: the likelihood fell from %v to %v", it.ID, before, after)
		}
		if math.Abs(start.A-it.A) > 1e-6 || math.Abs(start.C-it.C) > 1e-6 {
			t.Errorf("%s: a %v c %v, expected %v %v", it.ID, start.A, start.C, it.A, it.C)
		}
		for k := range it.D {
			if math.Abs(start.D[k]-it.D[k]) > 1e-6 {
				t.Errorf("%s: d %v, expected %v", it.ID, start.D, it.D)
			}
		}
	}
}

func TestMaximiseEndsWhereTheCountsHaveNoMaximum(t *testing.T) {
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	w := NormalWeights(nodes, 0, 1)
	for _, it := range someItems() {
		for empty := range it.Max() + 1 {
			got := it.clone()
			counts := make([][]float64, it.Max()+1)
			for k := range counts {
				counts[k] = make([]float64, len(nodes))
				for q := range w {
					if k != empty {
						counts[k][q] = 50 * w[q]
					}
				}
			}
			got.Maximise(nodes, counts, Prior{C: GuessingPrior})
			if !got.inside() || math.IsNaN(got.A) || math.IsNaN(got.C) {
				t.Errorf("%s without category %d ends at %+v", it.ID, empty, got)
			}
			withPrior := it.clone()
			withPrior.Maximise(nodes, counts, Prior{A: Normal{1, 0.5}, D: Normal{0, 2}, C: GuessingPrior})
			if math.Abs(withPrior.A-1) > 3 {
				t.Errorf("%s without category %d and with a prior ends at %+v", it.ID, empty, withPrior)
			}
		}
	}
}

func TestFromBUndoesB(t *testing.T) {
	for _, it := range someItems() {
		back := FromB(it.ID, it.Model, it.A, it.B(), it.C)
		for k := range it.D {
			if math.Abs(back.D[k]-it.D[k]) > 1e-12 {
				t.Errorf("%s: %v, expected %v", it.ID, back.D, it.D)
			}
		}
	}
}

// simulate draws scores of n persons, N(mean, sd), on the items.
func simulate(items []Item, n int, mean, sd float64, seed uint64) (theta []float64, scores [][]int) {
	r := rand.New(rand.NewPCG(seed, 7))
	theta, scores = make([]float64, n), make([][]int, n)
	for p := range n {
		theta[p] = mean + sd*r.NormFloat64()
		scores[p] = make([]int, len(items))
		for i := range items {
			prob := make([]float64, items[i].Max()+1)
			items[i].Probabilities(theta[p], prob)
			u := r.Float64()
			for k := range prob {
				if u -= prob[k]; u < 0 || k == items[i].Max() {
					scores[p][i] = k
					break
				}
			}
		}
	}
	return theta, scores
}
