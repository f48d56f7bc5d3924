package ctt

import (
	"math"

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
