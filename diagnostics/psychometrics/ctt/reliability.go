package ctt

import (
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// alpha is Cronbach's: k/(k−1)·(1 − Σ var(item) / var(total)); NaN under two
// items or without variance. Source: Cronbach (1951).
func alpha(k int, sumVar, totalVar float64) float64 {
	if k < 2 || !(totalVar > 1e-12) {
		return math.NaN()
	}
	return float64(k) / float64(k-1) * (1 - sumVar/totalVar)
}

// FeldtInterval is the confidence interval of alpha at the given level for n
// persons and k items: 1 − (1−α)·F of the quantiles (1±level)/2, with n−1 and
// (n−1)(k−1) degrees of freedom. None where there is no alpha or n or k is under 2.
// Source: Feldt (1965); Feldt, Woodruff & Salih (1987).
func FeldtInterval(alpha float64, n, k int, level float64) [2]Number {
	if math.IsNaN(alpha) || n < 2 || k < 2 {
		return [2]Number{psychometrics.None, psychometrics.None}
	}
	at := func(p float64) Number {
		return Number(1 - (1-alpha)*psychometrics.FQuantile(p, float64(n-1), float64((n-1)*(k-1))))
	}
	return [2]Number{at((1 + level) / 2), at((1 - level) / 2)}
}

// SEM is the standard error of measurement, sd·√(1−reliability), in the units of
// sd; None where the reliability does not exist or is over 1.
func SEM(sd, reliability float64) Number {
	return Number(sd * math.Sqrt(1-reliability))
}

// lambda2 is Guttman's second lower bound of reliability: with C the off-diagonal
// covariances, (ΣC + √(k/(k−1)·ΣC²)) / var(total). Source: Guttman (1945).
func (m *sums) lambda2() float64 {
	v := m.totalVar()
	if m.k < 2 || !(v > 1e-12) {
		return math.NaN()
	}
	var sum, squares float64
	for i := range m.k {
		for j := range m.k {
			if i != j {
				c := m.cov(i, j)
				sum += c
				squares += c * c
			}
		}
	}
	return (sum + math.Sqrt(float64(m.k)/float64(m.k-1)*squares)) / v
}

// SplitHalf is reliability from two halves: items 1, 3, 5, … against 2, 4, 6, …
type SplitHalf struct {
	R             Number `json:"r_odd_even"`
	SpearmanBrown Number `json:"spearman_brown"` // 2r / (1+r)
	Guttman       Number `json:"guttman_rulon"`  // 2·(1 − (var₁+var₂) / var(total))
}

func (m *sums) splitHalf() SplitHalf {
	var odd, even, both float64
	for i := range m.k {
		for j := range m.k {
			switch c := m.cov(i, j); {
			case i%2 == 0 && j%2 == 0:
				odd += c
			case i%2 == 1 && j%2 == 1:
				even += c
			default:
				both += c / 2
			}
		}
	}
	r := m.correlation(odd, even, both)
	s := SplitHalf{R: Number(r), SpearmanBrown: psychometrics.None, Guttman: Number(alpha(2, odd+even, m.totalVar()))}
	if m.k < 2 {
		s.Guttman = psychometrics.None
	}
	if r > -1 {
		s.SpearmanBrown = Number(2 * r / (1 + r))
	}
	return s
}

// A ConditionalSEM is the error of measurement at one total score, in points.
type ConditionalSEM struct {
	Score int    `json:"score"`
	N     int    `json:"n"` // persons with that score
	SEM   Number `json:"sem"`
}

// conditional is the error at every score that was reached.
//
// Items of 0/1: Lord's binomial √(x·(k−x)/(k−1)) (Lord 1955; Feldt & Brennan 1989).
// Otherwise Thorndike's: the square of the halves' difference less its mean, as a
// parabola in the score fitted by least squares (Thorndike 1951; Feldt & Qualls
// 1996); None where the parabola falls to nil or below.
func (m *sums) conditional(most []int) (all []ConditionalSEM, method string) {
	all = []ConditionalSEM{}
	counts := map[int64]int{}
	for _, t := range m.total {
		counts[t]++
	}
	scores := make([]int64, 0, len(counts))
	for t := range counts {
		scores = append(scores, t)
	}
	slices.Sort(scores)
	at, method := m.lord, "lord"
	if slices.ContainsFunc(most, func(x int) bool { return x != 1 }) {
		at, method = m.thorndike(), "thorndike"
	}
	for _, t := range scores {
		all = append(all, ConditionalSEM{Score: int(t), N: counts[t], SEM: Number(math.Sqrt(at(float64(t))))})
	}
	return all, method
}

func (m *sums) lord(x float64) float64 {
	if m.k < 2 {
		return math.NaN()
	}
	return x * (float64(m.k) - x) / float64(m.k-1)
}

func (m *sums) thorndike() func(x float64) float64 {
	nowhere := func(float64) float64 { return math.NaN() }
	if m.n < 10 || m.k < 2 || m.totalVar() == 0 {
		return nowhere
	}
	diff := make([]float64, m.n)
	var mean float64
	for i := range m.n {
		for j, x := range m.row(i) {
			diff[i] += float64(1-2*(j%2)) * float64(x)
		}
		mean += diff[i] / float64(m.n)
	}
	// Normal equations of 1, z, z² in the standardised score.
	centre, scale := float64(m.totals)/float64(m.n), math.Sqrt(m.totalVar())
	var a [3][4]float64
	for i := range m.n {
		z := (float64(m.total[i]) - centre) / scale
		d := (diff[i] - mean) * (diff[i] - mean)
		power := [3]float64{1, z, z * z}
		for r := range 3 {
			for c := range 3 {
				a[r][c] += power[r] * power[c]
			}
			a[r][3] += power[r] * d
		}
	}
	b, ok := solve3(a)
	if !ok {
		return nowhere
	}
	return func(x float64) float64 {
		z := (x - centre) / scale
		v := b[0] + b[1]*z + b[2]*z*z
		if !(v > 0) {
			return math.NaN()
		}
		return v
	}
}

// solve3 is Gauss with pivoting on three equations; false where they are singular.
func solve3(a [3][4]float64) (x [3]float64, ok bool) {
	for c := range 3 {
		best := c
		for r := c + 1; r < 3; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[best][c]) {
				best = r
			}
		}
		a[c], a[best] = a[best], a[c]
		if math.Abs(a[c][c]) < 1e-9 {
			return x, false
		}
		for r := c + 1; r < 3; r++ {
			f := a[r][c] / a[c][c]
			for j := c; j < 4; j++ {
				a[r][j] -= f * a[c][j]
			}
		}
	}
	for r := 2; r >= 0; r-- {
		x[r] = a[r][3]
		for j := r + 1; j < 3; j++ {
			x[r] -= a[r][j] * x[j]
		}
		x[r] /= a[r][r]
	}
	return x, true
}
