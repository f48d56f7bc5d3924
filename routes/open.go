package routes

import (
	"cmp"
	"slices"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// leftOpen words what a route leaves open and why, a theme each, the heaviest first.
func (w words) leftOpen(open []plan.Uncovered) []string {
	out := []string{}
	for _, u := range slices.SortedStableFunc(slices.Values(open), func(a, b plan.Uncovered) int { return cmp.Compare(b.Weight, a.Weight) }) {
		out = append(out, "«"+w.short(u.Element)+"» — "+whyLeft(u.Why))
	}
	return out
}
