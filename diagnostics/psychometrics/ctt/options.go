package ctt

import (
	"cmp"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// An Option is one answer of a closed item, and who chose it.
type Option struct {
	ID     string    `json:"id"`
	Key    bool      `json:"key"`
	N      int       `json:"n"`      // rows that chose it
	Share  Number    `json:"share"`  // of the rows that answered
	Rest   Number    `json:"rest"`   // correlation of choosing it with the total less the item, −1…1: above 0 the stronger choose it
	Thirds [3]Number `json:"thirds"` // share of those who answered in the lower, middle and upper third by the total less the item
}

// A Menu is what an item offers: its options in order, and which of them are right.
type Menu struct {
	Options []string
	Key     map[string]bool
}

// fewestChoosers is how many must have chosen an option before it is judged by them;
// beyondChance how many standard errors it must then outdo the key by.
const (
	fewestChoosers = 5
	beyondChance   = 1.645
)

// Options tells for each option of an item who chose it. chosen holds what each
// person chose, none for who did not answer; what the menu does not have is passed
// over. Only complete rows count, as in Analyse. The lower third are the rows at
// or under the 1/3 quantile of the total less the item, the upper those at or over
// the 2/3 quantile; None where the two are one. flags name wrong options that
// nobody chose, or that draw the strong more than chance would. Source: Haladyna & Rodriguez (2013), ch. 18.
func Options(r *psychometrics.Responses, item int, chosen [][]string, menu Menu) (options []Option, flags []Flag) {
	options, flags = make([]Option, len(menu.Options)), []Flag{}
	var answers [][]string
	var rest []float64
	for _, p := range r.Complete() {
		if len(chosen[p]) == 0 {
			continue
		}
		total := 0
		for i, c := range r.Row(p) {
			if points, _ := c.Score(); i != item {
				total += points
			}
		}
		answers, rest = append(answers, chosen[p]), append(rest, float64(total))
	}
	low, high := math.Inf(-1), math.Inf(1)
	if n := len(rest); n > 2 {
		sorted := slices.Sorted(slices.Values(rest))
		if a, b := sorted[(n-1)/3], sorted[n-1-(n-1)/3]; a < b {
			low, high = a, b
		}
	}
	third := func(x float64) int {
		switch {
		case x <= low:
			return 0
		case x >= high:
			return 2
		}
		return 1
	}
	var size [3]int
	for _, x := range rest {
		size[third(x)]++
	}
	means := make([]float64, len(options))
	for j, id := range menu.Options {
		o := Option{ID: id, Key: menu.Key[id], Share: psychometrics.None, Rest: psychometrics.None, Thirds: [3]Number{psychometrics.None, psychometrics.None, psychometrics.None}}
		picked := make([]float64, len(rest))
		var by [3]int
		for k, given := range answers {
			if slices.Contains(given, id) {
				picked[k] = 1
				o.N++
				by[third(rest[k])]++
				means[j] += rest[k]
			}
		}
		means[j] /= float64(max(o.N, 1))
		if len(rest) > 0 {
			o.Share = Number(float64(o.N) / float64(len(rest)))
		}
		if !math.IsInf(low, 0) {
			for t := range by {
				if size[t] > 0 {
					o.Thirds[t] = Number(float64(by[t]) / float64(size[t]))
				}
			}
		}
		o.Rest = pointBiserial(picked, rest)
		options[j] = o
	}
	if len(rest) < 2*fewestChoosers {
		return options, flags
	}
	key := -1 // the right option whose choosers are the strongest
	for j, o := range options {
		if o.Key && o.N > 0 && (key < 0 || means[j] > means[key]) {
			key = j
		}
	}
	for j, o := range options {
		switch {
		case o.Key:
		case o.N == 0:
			flags = append(flags, Flag{Code: DistractorUnused, Value: 0, Limit: 0, At: o.ID})
		case key < 0 || o.N < fewestChoosers:
		case means[j]-means[key] > beyondChance*deviation(rest)*math.Sqrt(1/float64(o.N)+1/float64(options[key].N)):
			flags = append(flags, Flag{Code: DistractorBetter, Value: o.Rest, Limit: options[key].Rest, At: o.ID})
		case float64(o.Thirds[2]-options[key].Thirds[2]) > beyondChance*math.Sqrt(float64(o.Thirds[2]+options[key].Thirds[2])/float64(size[2])):
			flags = append(flags, Flag{Code: DistractorAttract, Value: o.Thirds[2], Limit: options[key].Thirds[2], At: o.ID})
		}
	}
	slices.SortStableFunc(flags, func(a, b Flag) int { return cmp.Compare(a.Code, b.Code) })
	return options, flags
}

// deviation is the standard deviation, n−1 in the denominator.
func deviation(x []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(max(1, len(x)-1)))
}

// pointBiserial is the product-moment correlation of x and y; None where either does not vary.
func pointBiserial(x, y []float64) Number {
	n := float64(len(x))
	var sx, sy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
	}
	var xx, yy, xy float64
	for i := range x {
		dx, dy := x[i]-sx/n, y[i]-sy/n
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	if !(xx > 1e-12) || !(yy > 1e-12) {
		return psychometrics.None
	}
	return Number(max(-1, min(1, xy/math.Sqrt(xx*yy))))
}
