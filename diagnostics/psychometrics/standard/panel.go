// Package standard sets cut scores with a panel of judges: the modified Angoff method,
// bookmarks in a booklet ordered by difficulty, and the borderline group. Each answer
// says how far the panel agrees and how sure the cut is.
package standard

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// Ratings are numbers of judges on items (or of judges on levels); NaN where none was given.
type Ratings struct {
	Rows   []string // items
	Judges []string
	Values []float64 // row by row
}

// Row is what the judges said of row i; it shares memory.
func (r *Ratings) Row(i int) []float64 {
	k := len(r.Judges)
	return r.Values[i*k : (i+1)*k : (i+1)*k]
}

// ReadRatings reads a table of first,<judge>,… under that header: numbers of least to
// most, an empty cell where a judge said nothing. Every fault is one of psychometrics.Faults.
func ReadRatings(name string, in io.Reader, first string, least, most float64) (*Ratings, error) {
	r := &Ratings{}
	judges, err := psychometrics.Grid(name, in, first, "judge", func(line int, id string, judges []string, cells [][]byte) (faults psychometrics.Faults) {
		r.Rows = append(r.Rows, id)
		for k, cell := range cells {
			v := math.NaN()
			if len(cell) > 0 {
				var err error
				if v, err = strconv.ParseFloat(string(cell), 64); err != nil || !(v >= least && v <= most) {
					faults = append(faults, fmt.Sprintf("%s:%d: judge %s: %q, expected a number from %g to %g or an empty cell", name, line, judges[k], cell, least, most))
				}
			}
			r.Values = append(r.Values, v)
		}
		return faults
	})
	if err != nil {
		return nil, err
	}
	r.Judges = judges
	return r, nil
}

// A Judge with the cut that follows from the judge's ratings alone.
type Judge struct {
	ID  string `json:"id"`
	Cut Number `json:"cut"`
	// How far the judge stands from the panel, in standard deviations of its cuts.
	Away Number `json:"away"`
}

// Panel is the judges' cuts taken together.
type Panel struct {
	Judges   []Judge `json:"judges"`
	Cut      Number  `json:"cut"` // the mean
	Median   Number  `json:"median"`
	SD       Number  `json:"sd"` // of the judges' cuts, n−1
	SE       Number  `json:"se"` // of the mean: sd / √judges
	MedianSE Number  `json:"median_se"`
}

// panel sums judges' cuts up. The error of a median is 1.2533 that of a mean, as where
// judgements are normal.
func panel(ids []string, cuts []float64) Panel {
	none := psychometrics.None
	p := Panel{Judges: []Judge{}, Cut: none, Median: none, SD: none, SE: none, MedianSE: none}
	var known []float64
	for _, c := range cuts {
		if !math.IsNaN(c) {
			known = append(known, c)
		}
	}
	n := float64(len(known))
	if n > 0 {
		p.Cut, p.Median = Number(mean(known)), Number(median(known))
	}
	if n > 1 {
		p.SD = Number(deviation(known))
		p.SE = p.SD / Number(math.Sqrt(n))
		p.MedianSE = 1.2533 * p.SE
	}
	for j, id := range ids {
		away := none
		if p.SD > 0 {
			away = (Number(cuts[j]) - p.Cut) / p.SD
		}
		p.Judges = append(p.Judges, Judge{ID: id, Cut: Number(cuts[j]), Away: away})
	}
	return p
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

// deviation is the standard deviation, n−1; NaN under two values.
func deviation(x []float64) float64 {
	var sum float64
	m := mean(x)
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
