package routes

import (
	"slices"
	"testing"
)

func TestHideFew(t *testing.T) {
	for _, c := range []struct {
		people []int
		hidden []bool
	}{
		{[]int{9, 7, 5}, []bool{false, false, false}},
		{[]int{9, 4, 7}, []bool{false, true, true}}, // four could be worked out from the sum
		{[]int{9, 1, 2, 7}, []bool{false, true, true, true}},
		{[]int{9, 3, 4, 7}, []bool{false, true, true, false}},
		{[]int{3}, []bool{true}},
		{[]int{0, 6, 8}, []bool{false, false, false}},
		{nil, []bool{}},
	} {
		if got := hideFew(c.people); !slices.Equal(got, c.hidden) {
			t.Errorf("%v: hidden %v, expected %v", c.people, got, c.hidden)
		}
	}
}
