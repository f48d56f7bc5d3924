package irt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A sheet is responses made ready for estimation: categories in place of
// scores, by the items that can be estimated or are known.
type sheet struct {
	items      []Item  // in the order of the responses; parameters of the free ones to be found
	column     []int   // of each item in the responses
	answers    []int   // by item
	used       [][]int // by item and category: how many answers
	fixed      []bool
	categories []int16 // persons × items, −1 for no answer
	persons    int
	warnings   []string
}

// row is the categories of person p.
func (s *sheet) row(p int) []int16 {
	k := len(s.items)
	return s.categories[p*k : (p+1)*k]
}

// maxCategories bounds an item: more are sums, not categories.
const maxCategories = 100

// prepare sorts the items out: constant and unanswered ones are left out with a
// warning, categories that nobody has are merged with the next lower one that
// somebody has (a warning too), and fixed items keep their own.
func prepare(r *psychometrics.Responses, model Model, fixed []ItemFit) (*sheet, error) {
	s := &sheet{persons: len(r.Persons)}
	known := map[string]*ItemFit{}
	for i := range fixed {
		known[fixed[i].ID] = &fixed[i]
	}
	seen := make([][]int, len(r.Items)) // by column and score
	for i := range seen {
		seen[i] = make([]int, r.Max[i]+1)
	}
	for p := range r.Persons {
		for i, c := range r.Row(p) {
			if x, ok := c.Score(); ok {
				if x > r.Max[i] {
					return nil, psychometrics.Faults{fmt.Sprintf("person %s, item %s: score %d is over the item's maximum %d", r.Persons[p], r.Items[i], x, r.Max[i])}
				}
				seen[i][x]++
			}
		}
	}
	var faults psychometrics.Faults
	recode := make([][]int16, 0, len(r.Items)) // by item and score
	for i, id := range r.Items {
		n, top, kinds := 0, 0, 0
		for x, k := range seen[i] {
			n += k
			if k > 0 {
				top = x
				kinds++
			}
		}
		it := Item{ID: id, Model: model, A: 1}
		f, isFixed := known[id]
		if isFixed {
			it = f.Item()
			delete(known, id)
			if top > it.Top() {
				faults = append(faults, fmt.Sprintf("item %s: score %d, and its fixed parameters know scores up to %d", id, top, it.Top()))
				continue
			}
		} else {
			switch {
			case n == 0:
				s.warnings = append(s.warnings, fmt.Sprintf("item %s: no answers, left out", id))
				continue
			case kinds == 1:
				s.warnings = append(s.warnings, fmt.Sprintf("item %s: every answer scores %d, which says nothing of it: left out", id, top))
				continue
			case model.Dichotomous() && top > 1:
				faults = append(faults, fmt.Sprintf("item %s: scores up to %d, expected 0 and 1 in model %s (gpcm and grm take more)", id, top, model))
				continue
			case kinds > maxCategories:
				faults = append(faults, fmt.Sprintf("item %s: %d different scores, expected at most %d", id, kinds, maxCategories))
				continue
			}
			if len(seen[i])-1 > top || kinds < top+1 {
				var none []string
				for x, k := range seen[i] {
					if k == 0 {
						none = append(none, fmt.Sprint(x))
					} else {
						it.Scores = append(it.Scores, x)
					}
				}
				s.warnings = append(s.warnings, fmt.Sprintf("item %s: nobody scores %s: merged with the next lower score that occurs, or the lowest", id, strings.Join(none, ", ")))
			}
			it.D = make([]float64, kinds-1)
		}
		to := make([]int16, len(seen[i]))
		for x := range seen[i] {
			to[x] = int16(it.Category(x))
		}
		used := make([]int, it.Max()+1)
		for x, k := range seen[i] {
			if k > 0 {
				used[to[x]] += k
			}
		}
		s.items, s.column = append(s.items, it), append(s.column, i)
		s.answers, s.used, s.fixed = append(s.answers, n), append(s.used, used), append(s.fixed, isFixed)
		recode = append(recode, to)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	for i := range fixed {
		if _, unmet := known[fixed[i].ID]; unmet {
			s.warnings = append(s.warnings, fmt.Sprintf("item %s has fixed parameters and no column", fixed[i].ID))
		}
	}
	s.categories = make([]int16, s.persons*len(s.items))
	sharded(func(shard int) {
		for p := shard * s.persons / shards; p < (shard+1)*s.persons/shards; p++ {
			row, to := r.Row(p), s.row(p)
			for i, column := range s.column {
				to[i] = -1
				if x, ok := row[column].Score(); ok {
					to[i] = recode[i][x]
				}
			}
		}
	})
	return s, nil
}

// cats lists how many categories each item has.
func (s *sheet) cats() []int {
	out := make([]int, len(s.items))
	for i := range s.items {
		out[i] = s.items[i].Max() + 1
	}
	return out
}

// islands finds the groups of items that no person's answers tie together,
// largest first; fixed items are tied by their scale. One group is the rule.
func (s *sheet) islands() [][]int {
	parent := make([]int, len(s.items))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := -1
	for i, f := range s.fixed {
		if f && first >= 0 {
			parent[root(i)] = root(first)
		} else if f {
			first = i
		}
	}
	for p := range s.persons {
		before := -1
		for i, c := range s.row(p) {
			if c < 0 {
				continue
			}
			if before >= 0 && parent[i] != parent[before] {
				if a, b := root(i), root(before); a != b {
					parent[a] = b
				}
			}
			before = i
		}
	}
	by := map[int][]int{}
	var roots []int
	for i := range s.items {
		r := root(i)
		if by[r] == nil {
			roots = append(roots, r)
		}
		by[r] = append(by[r], i)
	}
	out := make([][]int, 0, len(roots))
	for _, r := range roots {
		out = append(out, by[r])
	}
	slices.SortStableFunc(out, func(a, b []int) int { return len(b) - len(a) })
	return out
}

// names lists the ids of items, at most five of them.
func (s *sheet) names(items []int) string {
	var ids []string
	for n, i := range items {
		if n == 5 {
			return strings.Join(ids, ", ") + fmt.Sprintf(" and %d more", len(items)-5)
		}
		ids = append(ids, s.items[i].ID)
	}
	return strings.Join(ids, ", ")
}
