package ctt

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Change is the difference of two scores of one person beside its error.
type Change struct {
	Difference Number `json:"difference"` // after less before
	SE         Number `json:"se"`
	Index      Number `json:"index"` // difference / SE
	P          Number `json:"p"`     // two-sided, were there no change
	Reliable   bool   `json:"reliable"`
}

// ReliableChange is the index of Jacobson & Truax (1991): the difference over
// √(se₁² + se₂²), with each score's own standard error of measurement; reliable where
// it is over 1.96 in size. Scores and errors are in the same units. Without a positive
// error, or where one does not exist, index and p are None and nothing is reliable.
func ReliableChange(before, seBefore, after, seAfter float64) Change {
	d, se := after-before, math.Hypot(seBefore, seAfter)
	c := Change{Difference: Number(d), SE: Number(se), Index: psychometrics.None, P: psychometrics.None}
	if !(se > 0) {
		return c
	}
	c.Index = Number(d / se)
	c.P = Number(math.Erfc(math.Abs(d/se) / math.Sqrt2))
	c.Reliable = math.Abs(d/se) > 1.96
	return c
}

// A PersonChange is one person's change between two sittings of a test.
type PersonChange struct {
	Person string `json:"person"`
	Before int    `json:"before"` // points
	After  int    `json:"after"`
	Change
}

// ChangeAnalysis is the answer of "psychometrics change".
type ChangeAnalysis struct {
	Persons   []PersonChange `json:"persons"`
	SEMBefore Number         `json:"sem_before"` // by alpha of each sitting
	SEMAfter  Number         `json:"sem_after"`
	Mean      Number         `json:"mean_difference"`
	Grown     int            `json:"grown"` // reliably
	Fallen    int            `json:"fallen"`
	Same      int            `json:"same"` // no change that could not be error
	Warnings  []string       `json:"warnings"`
}

// Changes gives the reliable change of every person with a score on all items of both
// sittings. The sittings must have the same items, in any order; others are an error.
func Changes(before, after *psychometrics.Responses) (*ChangeAnalysis, error) {
	for i, item := range before.Items {
		j := slices.Index(after.Items, item)
		if j < 0 {
			return nil, fmt.Errorf("item %s is not in the second file: change needs the same test twice", item)
		}
		before.Max[i] = max(before.Max[i], after.Max[j])
	}
	for _, item := range after.Items {
		if !slices.Contains(before.Items, item) {
			return nil, fmt.Errorf("item %s is not in the first file: change needs the same test twice", item)
		}
	}
	a := &ChangeAnalysis{Persons: []PersonChange{}, Mean: psychometrics.None, Warnings: slices.Concat(before.Warnings, after.Warnings)}
	if a.Warnings == nil {
		a.Warnings = []string{}
	}
	error1 := func(r *psychometrics.Responses) Number {
		m := moments(r)
		return SEM(math.Sqrt(m.totalVar()), alpha(m.k, m.sumVar(), m.totalVar()))
	}
	a.SEMBefore, a.SEMAfter = error1(before), error1(after)
	total := func(r *psychometrics.Responses, p int) (sum int) {
		for _, c := range r.Row(p) {
			points, _ := c.Score()
			sum += points
		}
		return sum
	}
	second := map[string]int{}
	for _, p := range after.Complete() {
		second[after.Persons[p]] = total(after, p)
	}
	first := before.Complete()
	for _, p := range first {
		later, both := second[before.Persons[p]]
		if !both {
			continue
		}
		one := PersonChange{Person: before.Persons[p], Before: total(before, p), After: later}
		one.Change = ReliableChange(float64(one.Before), float64(a.SEMBefore), float64(later), float64(a.SEMAfter))
		switch {
		case !one.Reliable:
			a.Same++
		case one.Difference > 0:
			a.Grown++
		default:
			a.Fallen++
		}
		a.Persons = append(a.Persons, one)
	}
	n := len(a.Persons)
	if n == 0 {
		return nil, fmt.Errorf("nobody has a score on every item both before and after: there is no change to tell")
	}
	var sum float64
	for _, p := range a.Persons {
		sum += float64(p.Difference)
	}
	a.Mean = Number(sum / float64(n))
	if left := max(len(before.Persons), len(after.Persons)) - n; left > 0 {
		a.Warnings = append(a.Warnings, fmt.Sprintf("%d persons lack a full score before or after and are left out", left))
	}
	if math.IsNaN(float64(a.SEMBefore)) || math.IsNaN(float64(a.SEMAfter)) {
		a.Warnings = append(a.Warnings, "a sitting has no reliability, so no error of its scores: whether a change is reliable cannot be said")
	}
	return a, nil
}
