package infer

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Parameters of the bank that have errors are estimates, and the steepest of many estimates
// is steep by its error for a good part. They are therefore drawn to what is supposed of
// tasks in general, as those estimated here are: with C the covariance of the errors, P that
// of the prior and μ its mean,
//
//	(a, d) + C(C+P)⁻¹(μ − (a, d)),   covariance C − C(C+P)⁻¹C,
//
// which leaves alone what is as good as known. The mean slope is that of the bank, each of its
// slopes by its precision. No answer at hand takes part in this.

// A calibration with one ability for the whole test lays what persons differ by in single
// elements and areas into its curves: a logit ax + d whose x varies by v around that ability
// is seen as about (ax + d)/k, k = √(1 + c²a²v), c² = 0.346 (a logistic curve averaged over a
// normal; Zeger, Liang & Albert 1988). The spread of abilities is estimated here and would make
// up for the slopes; intercepts would stay too near to 0, and intervals too short. So the
// logits of such a calibration are multiplied by k, and their errors with them. For tasks of
// m steps (PCM, GPCM), m·a stands for a.
const (
	logisticSquare   = 0.346
	oneAbilityLeaves = 0.6 // v: an element's deviation (0.7²), and a part of the areas'
	leastFlat        = 0.5 // 1/k² at least: a slope that would have to be steeper is an error itself
)

// largestError is the most that the error of a parameter is taken for.
const largestError = 100.0

// unflatten is k for the slope a·k.
func unflatten(a float64, steps int) float64 {
	whole := a * float64(steps)
	return 1 / math.Sqrt(max(leastFlat, 1-logisticSquare*whole*whole*oneAbilityLeaves))
}

// drawn is the bank so drawn and made steeper; tasks without errors or with a slope not above
// 0 are as given.
func drawn(bank []irt.Calibrated) []irt.Calibrated {
	up, down := typicalA/(meanSlopeSD*meanSlopeSD), 1/(meanSlopeSD*meanSlopeSD)
	open := func(it *irt.Calibrated) bool {
		n := 1 + len(it.D)
		return len(it.Cov) == n*n && it.A > 0
	}
	for i := range bank {
		if it := &bank[i]; open(it) {
			c := slopeOf(1, len(it.D))
			v := slopeSD*slopeSD + it.Cov[0]
			up += c * it.A / v
			down += c * c / v
		}
	}
	out := slices.Clone(bank)
	for i := range out {
		if it := &out[i]; open(it) {
			draw(it, slopeOf(up/down, len(it.D)))
		}
	}
	return out
}

// draw draws an item to the slope supposed of its like; steps of several points have no
// common place to be drawn to, so that their intercepts are N(0, 3²) each.
func draw(it *irt.Calibrated, slope float64) {
	n := 1 + len(it.D)
	cov, scale := mat.NewSymDense(n, nil), make([]float64, n)
	for a := range n { // errors beyond all sense say no more than large ones, and spoil the sums
		scale[a] = min(1, largestError/math.Sqrt(math.Max(it.Cov[a*n+a], 1e-300)))
	}
	sum := mat.NewSymDense(n, nil)
	off := mat.NewVecDense(n, nil) // μ − (a, d)
	for a := range n {
		for b := range a + 1 {
			v := scale[a] * scale[b] * (it.Cov[a*n+b] + it.Cov[b*n+a]) / 2
			cov.SetSym(a, b, v)
			sum.SetSym(a, b, v)
		}
	}
	sum.SetSym(0, 0, sum.At(0, 0)+slopeSD*slopeSD)
	off.SetVec(0, slope-it.A)
	for k, d := range it.D {
		sum.SetSym(k+1, k+1, sum.At(k+1, k+1)+interceptSD*interceptSD)
		off.SetVec(k+1, -d)
	}
	var chol mat.Cholesky
	if !chol.Factorize(sum) { // no covariance: taken as it is
		return
	}
	var gain, gained mat.Dense
	if chol.SolveTo(&gain, cov) != nil { // (C+P)⁻¹C
		return
	}
	var by mat.VecDense
	by.MulVec(gain.T(), off)
	gained.Mul(cov, &gain)
	item := *it
	item.A = math.Max(math.Min(item.A, heldSlope), item.A+by.AtVec(0))
	item.D, item.Cov = slices.Clone(it.D), slices.Clone(it.Cov)
	for k := range item.D {
		item.D[k] += by.AtVec(k + 1)
		if item.Model == irt.GRM && k > 0 && item.D[k] >= item.D[k-1] {
			return // its boundaries would cross
		}
	}
	for a := range n {
		for b := range n {
			item.Cov[a*n+b] = cov.At(a, b) - gained.At(a, b)
		}
	}
	steps := len(item.D)
	if item.Model == irt.GRM { // its logits are those of boundaries, not sums of steps
		steps = 1
	}
	k := unflatten(item.A, steps)
	item.A *= k
	for i := range item.D {
		item.D[i] *= k
	}
	for i := range item.Cov {
		item.Cov[i] *= k * k
	}
	*it = item
}
