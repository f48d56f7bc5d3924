package dif

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// mantelHaenszel tests a 0/1 item. At each score level let A, B be the reference
// group's right and wrong answers, C, D the focal group's, T their sum:
// alpha = Σ(A·D/T) / Σ(B·C/T); chi2 = (|Σ(A − E A)| − ½)² / Σ var A, the ½ always
// taken off; variance of ln alpha by Robins, Breslow & Greenland (1986).
// Source: Holland & Thayer (1988); classes: Zieky (1993).
func mantelHaenszel(t *table) Item {
	var sumR, sumS, sumPR, sumPSQR, sumQS, diff, variance float64
	for _, l := range t.levels {
		a, b := float64(l.count[Reference][1]), float64(l.count[Reference][0])
		c, d := float64(l.count[Focal][1]), float64(l.count[Focal][0])
		n := a + b + c + d
		if n < 2 {
			continue
		}
		r, s := a*d/n, b*c/n
		p, q := (a+d)/n, (b+c)/n
		sumR += r
		sumS += s
		sumPR += p * r
		sumPSQR += p*s + q*r
		sumQS += q * s
		diff += a - (a+b)*(a+c)/n
		variance += (a + b) * (c + d) * (a + c) * (b + d) / (n * n * (n - 1))
	}
	none := psychometrics.None
	it := Item{AlphaMH: none, DeltaMH: none, SEDelta: none, Chi2: none, P: none, StdDiff: standardised(t) / Number(t.most)}
	if !(variance > 0) {
		return it
	}
	chi2 := math.Pow(math.Abs(diff)-0.5, 2) / variance
	it.Chi2, it.P = Number(chi2), Number(psychometrics.Chi2Tail(chi2, 1))
	if sumR > 0 && sumS > 0 {
		alpha := sumR / sumS
		it.AlphaMH, it.DeltaMH = Number(alpha), Number(-2.35*math.Log(alpha))
		it.SEDelta = Number(2.35 * math.Sqrt(sumPR/(2*sumR*sumR)+sumPSQR/(2*sumR*sumS)+sumQS/(2*sumS*sumS)))
	}
	class := classETS(float64(it.DeltaMH), float64(it.SEDelta), float64(it.P))
	it.ETS = &class
	return it
}

// classETS is A where |delta| is under 1 or the test not significant; C where it is
// at least 1.5 and significantly over 1 (one-sided, 0.05); else B. An odds ratio of
// nought or without bound (delta NaN) is C where the test is significant.
func classETS(delta, se, p float64) string {
	switch {
	case !(p < significant) || math.Abs(delta) < 1:
		return "A"
	case math.IsNaN(delta), math.Abs(delta) >= 1.5 && (math.Abs(delta)-1)/se > 1.645:
		return "C"
	}
	return "B"
}

// standardised is the focal group's mean points less the reference group's at the
// same score, weighted by the focal group (Dorans & Kulick 1986); None where they never meet.
func standardised(t *table) Number {
	var sum, weight float64
	for _, l := range t.levels {
		if l.n[Reference] == 0 || l.n[Focal] == 0 {
			continue
		}
		var points [2]float64
		for g := range points {
			for k, n := range l.count[g] {
				points[g] += float64(k * n)
			}
			points[g] /= float64(l.n[g])
		}
		sum += float64(l.n[Focal]) * (points[Focal] - points[Reference])
		weight += float64(l.n[Focal])
	}
	if weight == 0 {
		return psychometrics.None
	}
	return Number(sum / weight)
}

// mantel tests an item of several points: chi2 = (ΣF − ΣE F)² / Σ var F, F the focal
// group's sum of points at a level (Mantel 1963). Its class goes by the standardised
// mean difference over the item's standard deviation: A where not significant or at
// most 0.17, C over 0.25, else B (Zwick, Thayer & Mazzeo 1997).
func mantel(t *table) Item {
	var diff, variance, n, sum, squares float64
	for _, l := range t.levels {
		var points, square, focal float64
		for g := range l.count {
			for k, c := range l.count[g] {
				points += float64(k * c)
				square += float64(k * k * c)
				if Group(g) == Focal {
					focal += float64(k * c)
				}
			}
		}
		nr, nf := float64(l.n[Reference]), float64(l.n[Focal])
		all := nr + nf
		n += all
		sum += points
		squares += square
		if all < 2 {
			continue
		}
		diff += focal - nf*points/all
		variance += nr * nf / (all * all * (all - 1)) * (all*square - points*points)
	}
	none := psychometrics.None
	smd := standardised(t)
	it := Item{AlphaMH: none, DeltaMH: none, SEDelta: none, Chi2: none, P: none, StdDiff: smd / Number(t.most)}
	if !(variance > 0) {
		return it
	}
	chi2 := diff * diff / variance
	it.Chi2, it.P = Number(chi2), Number(psychometrics.Chi2Tail(chi2, 1))
	size := math.Abs(float64(smd)) / math.Sqrt((squares-sum*sum/n)/(n-1))
	class := "B"
	switch {
	case it.P >= significant || size <= 0.17:
		class = "A"
	case size > 0.25:
		class = "C"
	}
	it.ETS = &class
	return it
}
