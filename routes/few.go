package routes

import "slices"

// hideFew tells which parts of a whole whose sum is known may not be told: groups of fewer than five people, and as
// many of the smallest others as it takes for what is hidden to be two groups of five people together.
func hideFew(people []int) []bool {
	hidden := make([]bool, len(people))
	groups, sum := 0, 0
	for i, n := range people {
		if n > 0 && n < least {
			hidden[i] = true
			groups, sum = groups+1, sum+n
		}
	}
	order := make([]int, len(people))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return people[a] - people[b] })
	for _, i := range order {
		if groups == 0 || groups > 1 && sum >= least {
			break
		}
		if !hidden[i] && people[i] > 0 {
			hidden[i] = true
			groups, sum = groups+1, sum+people[i]
		}
	}
	return hidden
}
