package dif

import (
	"fmt"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// An Item is how one item treats the two groups. Below 0, delta and the
// standardised difference say: harder for the focal group.
type Item struct {
	ID      string  `json:"id"`
	AlphaMH Number  `json:"alpha_mh"`  // common odds ratio, reference to focal; 0/1 items
	DeltaMH Number  `json:"delta_mh"`  // −2.35·ln alpha
	SEDelta Number  `json:"se_delta"`  // by Robins, Breslow & Greenland
	Chi2    Number  `json:"chi2"`      // Mantel-Haenszel with the 0.5 correction; Mantel's for several points
	P       Number  `json:"p"`         // of chi2 on 1 degree of freedom
	ETS     *string `json:"ets"`       // A none or slight, B some, C large
	StdDiff Number  `json:"std_p_dif"` // focal less reference at the same score, focal weights, share of max

	Logistic Logistic `json:"logistic"`
}

// Purification says how the matching score was cleared of items with DIF.
type Purification struct {
	Iterations int      `json:"iterations"`
	Converged  bool     `json:"converged"` // false: the sets went round until the limit
	Removed    []string `json:"removed"`   // items left out of the matching score
}

// An Analysis is the answer of "psychometrics dif".
type Analysis struct {
	Persons      int           `json:"persons"` // complete rows with a group
	Reference    int           `json:"reference"`
	Focal        int           `json:"focal"`
	Items        []Item        `json:"items"`
	Purification *Purification `json:"purification"` // null where none was asked for
	Warnings     []string      `json:"warnings"`
}

// purifications is how often an anchor may change before the search is given up.
const purifications = 20

// significant is the level of the tests that classes and purification use.
const significant = 0.05

// smallGroup is where the classes of ETS are no longer to be relied on (Zwick 2012).
const smallGroup = 100

// Analyse compares the groups item by item. of gives each person's group, in the
// order of r.Persons. With purify, items whose chi2 is significant at 0.05 are taken
// out of the matching score and all are tested again, until the set stays
// (Holland & Thayer 1988; as difR does it). A group without complete rows is an error.
func Analyse(r *psychometrics.Responses, of []Group, purify bool) (*Analysis, error) {
	if len(of) != len(r.Persons) {
		return nil, fmt.Errorf("%d groups for %d persons", len(of), len(r.Persons))
	}
	d := &data{items: len(r.Items), most: r.Max}
	without, incomplete := 0, 0
	complete := make([]bool, len(r.Persons))
	for _, p := range r.Complete() {
		complete[p] = true
	}
	for p, g := range of {
		switch {
		case g == Neither:
			without++
		case !complete[p]:
			incomplete++
		default:
			d.group = append(d.group, g)
			d.count[g]++
			for _, c := range r.Row(p) {
				points, _ := c.Score()
				d.cells = append(d.cells, int32(points))
			}
		}
	}
	for g, name := range []string{"reference", "focal"} {
		if d.count[g] == 0 {
			return nil, fmt.Errorf("the %s group has no person with a score on every item: nothing can be compared", name)
		}
	}
	a := &Analysis{Persons: len(d.group), Reference: d.count[Reference], Focal: d.count[Focal], Warnings: slices.Clone(r.Warnings)}
	if a.Warnings == nil {
		a.Warnings = []string{}
	}
	warn := func(format string, args ...any) { a.Warnings = append(a.Warnings, fmt.Sprintf(format, args...)) }
	if without > 0 {
		warn("%d persons have no group and are left out", without)
	}
	if incomplete > 0 {
		warn("%d persons have missing answers and are left out", incomplete)
	}
	if least := min(a.Reference, a.Focal); least < smallGroup {
		warn("the smaller group has %d persons, under %d the classes are not to be relied on", least, smallGroup)
	}

	in := slices.Repeat([]bool{true}, d.items)
	tests := d.testAll(in)
	if purify {
		a.Purification = &Purification{Removed: []string{}}
		flagged := significantItems(tests)
		if !slices.Contains(flagged, true) {
			a.Purification.Converged = true
		}
		for !a.Purification.Converged && a.Purification.Iterations < purifications {
			a.Purification.Iterations++
			for i := range in {
				in[i] = !flagged[i]
			}
			tests = d.testAll(in)
			again := significantItems(tests)
			a.Purification.Converged = slices.Equal(again, flagged)
			flagged = again
		}
		for i, stays := range in {
			if !stays {
				a.Purification.Removed = append(a.Purification.Removed, r.Items[i])
			}
		}
		if !a.Purification.Converged {
			warn("purification did not settle in %d rounds", purifications)
		}
		if len(a.Purification.Removed) == d.items {
			warn("purification took every item out: there is no anchor, figures are by the item alone")
		}
	}
	a.Items = tests
	for i := range a.Items {
		it := &a.Items[i]
		it.ID = r.Items[i]
		t := d.table(i, in)
		it.Logistic = logistic(t)
		if r.Max[i] > 1 {
			warn("item %s has %d points: its chi2 is Mantel's, its class by the standardised mean difference; alpha and delta are of 0/1 items", it.ID, r.Max[i])
		} else if it.ETS != nil && it.AlphaMH != it.AlphaMH {
			warn("item %s: at every score one of the groups has it all right or all wrong; the odds ratio does not exist", it.ID)
		}
		switch {
		case it.ETS == nil:
			warn("item %s: no score level where both groups were seen with different answers, nothing to compare", it.ID)
		case !it.Logistic.Converged:
			warn("item %s: the logistic test did not converge", it.ID)
		}
	}
	return a, nil
}

func significantItems(tests []Item) []bool {
	out := make([]bool, len(tests))
	for i, t := range tests {
		out[i] = t.P < significant
	}
	return out
}

// data is the complete rows of both groups.
type data struct {
	items int
	most  []int
	group []Group
	count [2]int
	cells []int32
}

// A table is the answers to one item by score level, group and points.
type table struct {
	most   int
	levels []level // in the order of the score; those that were reached
}

type level struct {
	score int
	count [2][]int // by group, by points
	n     [2]int
}

// table tells how an item was answered at each level of the total of the items in,
// and the item itself where it is not among them.
func (d *data) table(item int, in []bool) *table {
	highest := d.most[item]
	for i, yes := range in {
		if yes {
			highest += d.most[i]
		}
	}
	t := &table{most: d.most[item]}
	at := make([]int, highest+1) // score → 1 + index into levels
	for p, g := range d.group {
		row := d.cells[p*d.items : (p+1)*d.items]
		score := 0
		for i, x := range row {
			if in[i] || i == item {
				score += int(x)
			}
		}
		if at[score] == 0 {
			t.levels = append(t.levels, level{score: score, count: [2][]int{make([]int, t.most+1), make([]int, t.most+1)}})
			at[score] = len(t.levels)
		}
		l := &t.levels[at[score]-1]
		l.count[g][row[item]]++
		l.n[g]++
	}
	slices.SortFunc(t.levels, func(a, b level) int { return a.score - b.score })
	return t
}

func (d *data) testAll(in []bool) []Item {
	out := make([]Item, d.items)
	for i := range out {
		t := d.table(i, in)
		if t.most == 1 {
			out[i] = mantelHaenszel(t)
		} else {
			out[i] = mantel(t)
		}
	}
	return out
}
