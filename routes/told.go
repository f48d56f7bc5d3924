package routes

import (
	"slices"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/reports"
)

// The one rule of small groups for every figure of demand, what-if and proposals: a group of fewer than five people is
// not told, nor one from which, taken off the whole, such a group could be worked out.

// least is the smallest group of people whose number is told.
const least = reports.Least

// hideFew tells which parts of a whole whose sum is known may not be told.
func hideFew(people []int) []bool {
	groups := make([]reports.Group, len(people))
	for i, n := range people {
		groups[i].N = n
	}
	hidden, _ := reports.Suppress(groups, least)
	return hidden
}

// tellable tells whether the figures of a selection may be told beside those of everybody the reader may see: its
// municipality among the municipalities, its organisation among those of a municipality that may be told itself. A
// selection without people tells nothing of anybody.
func tellable(needs []Need, having map[access.PersonID]bool, sel Selection) bool {
	planned := []Need{} // one of each person's
	for _, g := range byPerson(needs) {
		if !having[g[0].Person] && slices.ContainsFunc(g, func(n Need) bool { return n.Weight() > 0 }) {
			planned = append(planned, g[0])
		}
	}
	home := sel.Territory
	if at := slices.IndexFunc(planned, func(n Need) bool { return n.Organisation == sel.Organisation }); home == 0 && at >= 0 {
		home = planned[at].Territory
	}
	territories, organisations := map[int64]int{}, map[int64]int{}
	for _, n := range planned {
		if territories[n.Territory]++; n.Territory == home {
			organisations[n.Organisation]++
		}
	}
	return (len(planned) == 0 || len(planned) >= least) && !few(territories, home) && !few(organisations, sel.Organisation)
}

// few tells whether a part may not be told beside the others; 0 is no part.
func few(parts map[int64]int, of int64) bool {
	ids := make([]int64, 0, len(parts))
	for id := range parts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	counts := make([]int, len(ids))
	for i, id := range ids {
		counts[i] = parts[id]
	}
	at, known := slices.BinarySearch(ids, of)
	return known && hideFew(counts)[at]
}
