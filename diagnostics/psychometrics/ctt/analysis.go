// Package ctt is the classical theory of tests: difficulty, discrimination and
// reliability of a sum score, its error, options of a task, sub-scores, change.
//
// Every figure is of complete rows: persons whose every item has a score (an
// omission scores 0; not presented and not reached are missing). Standard
// deviations divide by n−1. A figure that does not exist is psychometrics.None.
package ctt

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// An Item is what the classical theory says of one item. Correlations run from
// −1 to 1 and more is better; p from 0 (hard) to 1 (easy).
type Item struct {
	ID             string `json:"id"`
	N              int    `json:"n"`   // complete rows, the same for every item
	Max            int    `json:"max"` // points
	Mean           Number `json:"mean"`
	P              Number `json:"p"`  // difficulty: mean / max
	SD             Number `json:"sd"` // n−1
	ItemTotal      Number `json:"item_total"`
	ItemRest       Number `json:"item_rest"` // with the total less this item
	AlphaIfDeleted Number `json:"alpha_if_deleted"`
	D27            Number `json:"d27"`      // upper less lower 27 % by rank, as shares of max; ties by row
	D27Ties        Number `json:"d27_ties"` // the same, everyone at or beyond the 73rd and 27th percentile

	// Over all rows, complete or not.
	Answered     int    `json:"answered"`
	Omitted      int    `json:"omitted"`
	NotReached   int    `json:"not_reached"`
	NotPresented int    `json:"not_presented"`
	Flags        []Flag `json:"flags"`
}

// Total describes the sum scores.
type Total struct {
	Mean     Number `json:"mean"`
	SD       Number `json:"sd"`
	Min      Number `json:"min"`
	Max      Number `json:"max"`
	Skewness Number `json:"skewness"` // g1 = m3 / m2^1.5, moments dividing by n
	Kurtosis Number `json:"kurtosis"` // excess g2 = m4 / m2² − 3
}

// An Analysis is the whole of a test; its JSON is the answer of "psychometrics ctt".
type Analysis struct {
	Persons        int              `json:"persons"`
	RowsUsed       int              `json:"rows_used"`
	Items          []Item           `json:"items"`
	Total          Total            `json:"total"`
	Alpha          Number           `json:"alpha"`
	AlphaCI95      [2]Number        `json:"alpha_ci95"`
	SEM            Number           `json:"sem"` // sd·√(1−alpha), points
	Lambda2        Number           `json:"lambda2"`
	SplitHalf      SplitHalf        `json:"split_half"`
	ConditionalSEM []ConditionalSEM `json:"conditional_sem"`
	SEMMethod      string           `json:"conditional_sem_method"` // lord or thorndike
	Warnings       []string         `json:"warnings"`
}

// Analyse computes all figures of a matrix of responses. It never fails: what
// the data cannot bear is None, and Warnings name the item or say why. Sums are
// whole numbers, so the order of persons changes nothing but D27's ties.
// Source: Crocker & Algina (1986), ch. 5–7, 14.
func Analyse(r *psychometrics.Responses) *Analysis {
	m := moments(r)
	a := &Analysis{Persons: len(r.Persons), RowsUsed: m.n, Items: make([]Item, len(r.Items)), Warnings: slices.Clone(r.Warnings)}
	if a.Warnings == nil {
		a.Warnings = []string{}
	}
	switch missing := a.Persons - a.RowsUsed; {
	case m.n == 0:
		a.Warnings = append(a.Warnings, "no person has a score on every item: classical figures need complete rows and are null")
	case missing > 0:
		a.Warnings = append(a.Warnings, fmt.Sprintf("%d of %d persons have missing answers and are left out: figures are of the other %d", missing, a.Persons, a.RowsUsed))
	}
	if m.n > 0 && m.n < 30 {
		a.Warnings = append(a.Warnings, fmt.Sprintf("only %d complete rows: read every figure with care", m.n))
	}
	if m.n > 1 && m.totalVar() == 0 {
		a.Warnings = append(a.Warnings, "all total scores are equal: reliability and correlations do not exist")
	}
	upper, lower := m.extremes()
	upperTies, lowerTies := m.extremeTies()
	for i, id := range r.Items {
		it := Item{ID: id, N: m.n, Max: r.Max[i], Flags: []Flag{}, Mean: psychometrics.None, P: psychometrics.None}
		if m.n > 0 {
			it.Mean = Number(float64(m.sum[i]) / float64(m.n))
			it.P = it.Mean / Number(r.Max[i])
		}
		it.SD = Number(math.Sqrt(m.cov(i, i)))
		it.ItemTotal = Number(m.correlation(m.cov(i, i), m.totalVar(), m.covTotal(i)))
		rest := m.cov(i, i) - 2*m.covTotal(i) + m.totalVar()
		it.ItemRest = Number(m.correlation(m.cov(i, i), rest, m.covTotal(i)-m.cov(i, i)))
		it.AlphaIfDeleted = Number(alpha(m.k-1, m.sumVar()-m.cov(i, i), rest))
		it.D27 = m.discrimination(i, r.Max[i], upper, lower)
		it.D27Ties = m.discrimination(i, r.Max[i], upperTies, lowerTies)
		for p := range r.Persons {
			switch c := r.Row(p)[i]; c {
			case psychometrics.Omitted:
				it.Omitted++
			case psychometrics.NotReached:
				it.NotReached++
			case psychometrics.Absent:
				it.NotPresented++
			default:
				it.Answered++
			}
		}
		if m.n > 1 && m.cov(i, i) == 0 {
			a.Warnings = append(a.Warnings, fmt.Sprintf("item %s: every complete row has the same score %g, so it correlates with nothing", id, float64(it.Mean)))
		}
		it.Flags = Flags(&it)
		a.Items[i] = it
	}
	a.Total = m.describe()
	a.Alpha = Number(alpha(m.k, m.sumVar(), m.totalVar()))
	a.AlphaCI95 = FeldtInterval(float64(a.Alpha), m.n, m.k, 0.95)
	a.SEM = SEM(float64(a.Total.SD), float64(a.Alpha))
	a.Lambda2 = Number(m.lambda2())
	a.SplitHalf = m.splitHalf()
	a.ConditionalSEM, a.SEMMethod = m.conditional(r.Max)
	if m.n > 1 && a.Alpha < 0 {
		a.Warnings = append(a.Warnings, "alpha is negative: items disagree more than they agree; look for a wrong key")
	}
	return a
}
