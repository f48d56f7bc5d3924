package cdm

import (
	"fmt"
	"math/bits"
	"strings"
)

// Verdict says whether answers can tell the model's parameters at all.
type Verdict string

// The verdicts.
const (
	Identifiable    Verdict = "identifiable"
	Generically     Verdict = "generically" // but for a set of parameters of measure nought
	NotIdentifiable Verdict = "not_identifiable"
)

// Identification is the check of a Q-matrix, and why it failed.
type Identification struct {
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"`
}

// Identify checks a Q-matrix given as the items' attribute masks.
//
// dina and dino (Gu & Xu 2019, necessary and sufficient): every attribute has an item
// of its own alone; every attribute is measured by at least three items; without one
// such item an attribute, no two attributes are measured by the same items.
//
// gdina (Xu 2017, sufficient): every attribute has two items of its own alone and a
// third that measures it; (Gu & Xu 2020, generic): items can be told off to attributes
// twice over, with one left for each.
func Identify(attributes []string, masks []int, model Model) Identification {
	k := len(attributes)
	alone, all := make([]int, k), make([]int, k)
	columns := make([]string, k) // the items of each attribute, its first lone item left out
	for _, mask := range masks {
		single := bits.OnesCount(uint(mask)) == 1
		for a := range k {
			has := mask >> a & 1
			all[a] += has
			lone := single && has == 1
			if lone {
				alone[a]++
			}
			if !(lone && alone[a] == 1) {
				columns[a] += fmt.Sprint(has)
			} else {
				columns[a] += "."
			}
		}
	}
	out := Identification{Verdict: Identifiable, Reasons: []string{}}
	because := func(format string, args ...any) { out.Reasons = append(out.Reasons, fmt.Sprintf(format, args...)) }
	if model == GDINA {
		for a, name := range attributes {
			if alone[a] < 2 {
				because("%s has %s of its own alone, expected two", name, items(alone[a]))
			}
			if all[a] < 3 {
				because("%s is measured by %s, expected three", name, items(all[a]))
			}
		}
		switch {
		case len(out.Reasons) == 0:
		case twiceCovered(k, masks):
			out.Verdict = Generically
		default:
			out.Verdict = NotIdentifiable
		}
		return out
	}
	complete := true
	for a, name := range attributes {
		if alone[a] == 0 {
			complete = false
			because("no item measures %s alone, expected at least one", name)
		}
		if all[a] < 3 {
			because("%s is measured by %s, expected at least three", name, items(all[a]))
		}
	}
	if complete {
		for a := range k {
			for b := range a {
				if sameElsewhere(columns[b], columns[a]) {
					because("beside one item of its own, %s is measured by the same items as %s", attributes[a], attributes[b])
				}
			}
		}
	}
	if len(out.Reasons) > 0 {
		out.Verdict = NotIdentifiable
	}
	return out
}

// sameElsewhere compares two attributes' columns without the lone items left out, whose
// rows are 0 for the other attribute.
func sameElsewhere(a, b string) bool {
	return strings.ReplaceAll(a, ".", "0") == strings.ReplaceAll(b, ".", "0")
}

func items(n int) string {
	switch n {
	case 0:
		return "no item"
	case 1:
		return "one item"
	}
	return fmt.Sprintf("%d items", n)
}

// twiceCovered tells whether two different items that measure it can be set aside for
// each attribute (a flow of augmenting paths), and every attribute is in one more.
func twiceCovered(k int, masks []int) bool {
	owner := make([]int, len(masks)) // 1 + attribute an item is set aside for
	var place func(a int, tried []bool) bool
	place = func(a int, tried []bool) bool {
		for i, mask := range masks {
			if mask>>a&1 == 0 || tried[i] {
				continue
			}
			tried[i] = true
			if owner[i] == 0 || place(owner[i]-1, tried) {
				owner[i] = a + 1
				return true
			}
		}
		return false
	}
	for range 2 {
		for a := range k {
			if !place(a, make([]bool, len(masks))) {
				return false
			}
		}
	}
	left := 0
	for i, mask := range masks {
		if owner[i] == 0 {
			left |= mask
		}
	}
	return left == 1<<k-1
}
