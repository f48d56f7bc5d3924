// Package irt holds the models of item response theory: probabilities of scores
// given an ability θ, calibration of items, scores of persons and fit.
//
// An Item gives probabilities, expected score and Fisher information at any θ,
// whatever its model. Nodes and NormalWeights are the grid on which abilities
// are integrated. Who runs an EM of his own sums expected counts on the grid
// and hands them to Item.Maximise, the M-step. Calibrate does the whole of it
// for a matrix of responses and answers with a Fit, which is also the file
// FIT.json (ReadFit). Scale.Score estimates persons at known items; FitStats
// asks whether the model holds. All of it is pure, and gives the same bytes on
// one core or many.
package irt

import (
	"math"
	"slices"
)

// A Model says how the probability of a score depends on ability. All are in
// the logistic metric with D = 1.
type Model string

// The models. Rasch and PCM have slope 1 and a latent variance of their own;
// 1PL has one slope for all items and the latent N(0,1).
const (
	Rasch   Model = "rasch" // P = logistic(θ + d)
	OnePL   Model = "1pl"   // P = logistic(aθ + d), a common
	TwoPL   Model = "2pl"   // P = logistic(aθ + d)
	ThreePL Model = "3pl"   // P = c + (1−c)·logistic(aθ + d)
	PCM     Model = "pcm"   // Masters 1982: P_k ∝ exp(kθ + d_k)
	GPCM    Model = "gpcm"  // Muraki 1992: P_k ∝ exp(kaθ + d_k)
	GRM     Model = "grm"   // Samejima 1969: P(X ≥ k) = logistic(aθ + d_k)
)

// Models lists them all.
var Models = []Model{Rasch, OnePL, TwoPL, ThreePL, PCM, GPCM, GRM}

// Dichotomous says whether the model takes items with the scores 0 and 1 alone.
// Rasch is taken as its generalisation PCM where scores go higher.
func (m Model) Dichotomous() bool { return m == OnePL || m == TwoPL || m == ThreePL }

// slopeFixed says that no item's slope is estimated on its own.
func (m Model) slopeFixed() bool { return m == Rasch || m == PCM || m == OnePL }

// An Item is a task on the scale: categories 0…len(D). For a 0/1 item D holds
// one intercept, and every model but 3PL is logistic(A·θ + D[0]). For partial
// credit (PCM, GPCM) category k has the logit k·A·θ + D[k−1]; for GRM D falls
// and P(X ≥ k) = logistic(A·θ + D[k−1]). C is the guessing of 3PL, else 0.
type Item struct {
	ID    string
	Model Model
	A     float64
	D     []float64
	C     float64
	// Scores holds the score of each category where they are not 0, 1, 2…:
	// scores that nobody had when the item was calibrated are merged with the next
	// lower one that occurs, or with the lowest.
	Scores []int
}

// Max is the number of the item's highest category: its largest score, unless Scores says otherwise.
func (it *Item) Max() int { return len(it.D) }

// Top is the largest score that the item knows.
func (it *Item) Top() int {
	if it.Scores == nil {
		return len(it.D)
	}
	return it.Scores[len(it.Scores)-1]
}

// Category is the category of a score that is at most Top.
func (it *Item) Category(score int) int {
	if it.Scores == nil {
		return score
	}
	c := 0
	for k, x := range it.Scores {
		if x <= score {
			c = k
		}
	}
	return c
}

// cumulative says that categories are differences of boundary curves.
func (it *Item) cumulative() bool { return it.Model == GRM && len(it.D) > 1 }

// B gives the difficulties, a category boundary or step each: −d/a for 0/1
// items, −d_k/a for GRM, −(d_k − d_{k−1})/a for partial credit. Infinite where
// a is 0.
func (it *Item) B() []float64 {
	b := make([]float64, len(it.D))
	before := 0.0
	for k, d := range it.D {
		b[k] = -(d - before) / it.A
		if !it.cumulative() {
			before = d
		}
	}
	return b
}

// FromB makes the item whose difficulties (see B) are b.
func FromB(id string, m Model, a float64, b []float64, c float64) Item {
	it := Item{ID: id, Model: m, A: a, D: make([]float64, len(b)), C: c}
	sum := 0.0
	for k, x := range b {
		if it.cumulative() {
			it.D[k] = -a * x
			continue
		}
		sum += x
		it.D[k] = -a * sum
	}
	return it
}

// logistic is 1/(1+exp(−z)) without overflow.
func logistic(z float64) float64 {
	if z < 0 {
		e := math.Exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-z))
}

// logLogistic is log(logistic(z)) without underflow.
func logLogistic(z float64) float64 {
	return math.Min(z, 0) - math.Log1p(math.Exp(-math.Abs(z)))
}

// Probabilities fills p (length Max()+1) with P(X = k | theta).
func (it *Item) Probabilities(theta float64, p []float64) {
	z := it.A * theta
	switch {
	case len(it.D) == 1:
		f := logistic(z + it.D[0])
		p[1] = it.C + (1-it.C)*f
		p[0] = (1 - it.C) * logistic(-z-it.D[0])
	case it.cumulative():
		// A difference of curves is taken on the side where both are small.
		above := 1.0
		for k, d := range it.D {
			next := logistic(z + d)
			if above > 0.5 && k > 0 {
				p[k] = logistic(-z-d) - logistic(-z-it.D[k-1])
			} else {
				p[k] = above - next
			}
			above = next
		}
		p[0] = logistic(-z - it.D[0])
		p[len(it.D)] = above
	default:
		most := 0.0
		for k, d := range it.D {
			p[k+1] = float64(k+1)*z + d
			most = max(most, p[k+1])
		}
		p[0] = math.Exp(-most)
		sum := p[0]
		for k := range it.D {
			p[k+1] = math.Exp(p[k+1] - most)
			sum += p[k+1]
		}
		for k := range p[:len(it.D)+1] {
			p[k] /= sum
		}
	}
}

// tiny stands for a probability that underflows, so that logarithms stay finite.
const tiny = 1e-300

// LogProbabilities fills l (length Max()+1) with log P(X = k | theta), exact
// also where P underflows.
func (it *Item) LogProbabilities(theta float64, l []float64) {
	z := it.A * theta
	switch {
	case len(it.D) == 1:
		z += it.D[0]
		if it.C == 0 {
			l[1] = logLogistic(z)
		} else {
			l[1] = math.Log(it.C + (1-it.C)*logistic(z))
		}
		l[0] = math.Log1p(-it.C) + logLogistic(-z)
	case it.cumulative():
		for k := range l[:len(it.D)+1] {
			switch k {
			case 0:
				l[0] = logLogistic(-z - it.D[0])
			case len(it.D):
				l[k] = logLogistic(z + it.D[k-1])
			default:
				// F(u) − F(v) = F(u)·F(−v)·(1 − exp(v−u)) for u > v.
				u, v := z+it.D[k-1], z+it.D[k]
				l[k] = logLogistic(u) + logLogistic(-v) + math.Log(math.Max(-math.Expm1(v-u), tiny))
			}
		}
	default:
		most := 0.0
		l[0] = 0
		for k, d := range it.D {
			l[k+1] = float64(k+1)*z + d
			most = max(most, l[k+1])
		}
		sum := 0.0
		for _, x := range l[:len(it.D)+1] {
			sum += math.Exp(x - most)
		}
		norm := most + math.Log(sum)
		for k := range l[:len(it.D)+1] {
			l[k] -= norm
		}
	}
}

// Expected is the expected score E[X | theta], 0…Max().
func (it *Item) Expected(theta float64) float64 {
	var room [12]float64
	p := room[:]
	if len(it.D) >= len(room) {
		p = make([]float64, len(it.D)+1)
	}
	it.Probabilities(theta, p)
	sum := 0.0
	for k := 1; k <= len(it.D); k++ {
		sum += float64(k) * p[k]
	}
	return sum
}

// Information is the expected Fisher information about θ at theta,
// Σ_k P′_k²/P_k, in units of 1/θ².
func (it *Item) Information(theta float64) float64 {
	info, _ := it.informationAnd(theta)
	return info
}

// informationAnd gives the expected information I = Σ P′²/P and J = Σ P′P″/P,
// of which Warm's weight (1989, for any categories: Penfield & Bergeron 2005)
// is J/(2I).
func (it *Item) informationAnd(theta float64) (info, j float64) {
	var room [3 * 12]float64
	p := room[:]
	n := len(it.D) + 1
	if 3*n > len(room) {
		p = make([]float64, 3*n)
	}
	p, p1, p2 := p[:n], p[n:2*n], p[2*n:3*n]
	it.slopes(theta, p, p1, p2)
	for k := range p {
		if p[k] > tiny {
			info += p1[k] * p1[k] / p[k]
			j += p1[k] * p2[k] / p[k]
		}
	}
	return info, j
}

// slopes fills p, p1 and p2 with P_k, dP_k/dθ and d²P_k/dθ².
func (it *Item) slopes(theta float64, p, p1, p2 []float64) {
	it.Probabilities(theta, p)
	a := it.A
	switch {
	case len(it.D) == 1:
		f := logistic(a*theta + it.D[0])
		w := (1 - it.C) * f * logistic(-a*theta-it.D[0])
		p1[1], p2[1] = a*w, a*a*w*(1-2*f)
		p1[0], p2[0] = -p1[1], -p2[1]
	case it.cumulative():
		var w, v float64 // of the boundary below
		for k, d := range it.D {
			f := logistic(a*theta + d)
			nw := a * f * logistic(-a*theta-d)
			nv := a * nw * (1 - 2*f)
			p1[k], p2[k] = w-nw, v-nv
			w, v = nw, nv
		}
		p1[len(it.D)], p2[len(it.D)] = w, v
	default:
		m1, m2 := 0.0, 0.0
		for k, x := range p {
			m1 += float64(k) * x
			m2 += float64(k*k) * x
		}
		for k, x := range p {
			u := float64(k) - m1
			p1[k] = a * x * u
			p2[k] = a * a * x * (u*u - (m2 - m1*m1))
		}
	}
}

// clone is a copy that shares no memory.
func (it *Item) clone() Item {
	c := *it
	c.D, c.Scores = slices.Clone(it.D), slices.Clone(it.Scores)
	return c
}
