package ctt

import (
	"cmp"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Choice is what one person chose of a task's options.
type Choice struct {
	Option string  // empty: none
	Rest   float64 // the person's total without this task
}

// An Option is how one option worked.
type Option struct {
	ID     string    `json:"id"`
	Key    bool      `json:"key"`
	N      int       `json:"n"`
	Share  Number    `json:"share"`  // of all persons, those who chose nothing too
	Rest   Number    `json:"rest"`   // correlation of choosing it with the rest score: over 0 for a key, under 0 for a distractor
	Thirds [3]Number `json:"thirds"` // its share in the lowest, middle and highest third by rest score
}

// Distractors is the analysis of a task's options.
type Distractors struct {
	Options []Option `json:"options"` // as given
	Omitted Option   `json:"omitted"` // those who chose none; its id is empty
	Flags   []Flag   `json:"flags"`
}

// distractorPersons is from how many persons a distractor that nobody chose is flagged.
const distractorPersons = 30

// AnalyseOptions tells for each option of a single-choice task who chose it. Thirds go
// by rank of the rest score, ties as they come; they are None under three persons, and
// correlations None where they do not exist. A choice that is none of the options
// counts as none. Source: Haladyna & Rodriguez (2013), ch. 15.
func AnalyseOptions(options []string, key string, choices []Choice) Distractors {
	d := Distractors{Flags: []Flag{}}
	order := make([]int, len(choices))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(choices[a].Rest, choices[b].Rest) })
	third := make([]int, len(choices))
	for rank, i := range order {
		third[i] = rank * 3 / len(choices)
	}
	var size [3]int
	for _, t := range third {
		size[t]++
	}
	analyse := func(id string, chose func(Choice) bool) Option {
		o := Option{ID: id, Share: psychometrics.None, Rest: psychometrics.None, Thirds: [3]Number{psychometrics.None, psychometrics.None, psychometrics.None}}
		n := float64(len(choices))
		var in [3]int
		var mean, meanOf, square float64
		for i, c := range choices {
			mean += c.Rest / n
			if chose(c) {
				o.N++
				in[third[i]]++
				meanOf += c.Rest
			}
		}
		for _, c := range choices {
			square += (c.Rest - mean) * (c.Rest - mean)
		}
		if n == 0 {
			return o
		}
		p := float64(o.N) / n
		o.Share = Number(p)
		if len(choices) >= 3 {
			for t := range in {
				o.Thirds[t] = Number(float64(in[t]) / float64(size[t]))
			}
		}
		// Point-biserial: covariance of 0/1 with the rest over both deviations.
		m := sums{n: len(choices)}
		o.Rest = Number(m.correlation(p*(1-p), square/n, meanOf/n-p*mean))
		return o
	}
	for _, id := range options {
		o := analyse(id, func(c Choice) bool { return c.Option == id })
		o.Key = id == key
		d.Options = append(d.Options, o)
	}
	d.Omitted = analyse("", func(c Choice) bool { return !slices.Contains(options, c.Option) })

	at := slices.Index(options, key)
	for i, o := range d.Options {
		if i == at {
			continue
		}
		if o.N == 0 && len(choices) >= distractorPersons {
			d.Flags = append(d.Flags, Flag{Code: DistractorUnused, Value: 0, Limit: 0, At: o.ID})
		}
		if at < 0 {
			continue
		}
		right := d.Options[at]
		if o.Rest > right.Rest {
			d.Flags = append(d.Flags, Flag{Code: DistractorBetter, Value: o.Rest, Limit: right.Rest, At: o.ID})
		}
		if o.Thirds[2] > right.Thirds[2] {
			d.Flags = append(d.Flags, Flag{Code: DistractorAttract, Value: o.Thirds[2], Limit: right.Thirds[2], At: o.ID})
		}
	}
	return d
}
