// Package agreement tells how far raters agree and how severe each is: intraclass
// correlations, kappas, Krippendorff's alpha, the many-facet Rasch model.
package agreement

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

// Ratings is persons (or works) × raters; NaN where a rater did not rate.
type Ratings struct {
	Persons []string
	Raters  []string
	Values  []float64 // row by row
}

// Row is the ratings of person p; it shares memory.
func (r *Ratings) Row(p int) []float64 {
	k := len(r.Raters)
	return r.Values[p*k : (p+1)*k : (p+1)*k]
}

// Complete lists the persons whom every rater rated.
func (r *Ratings) Complete() (rows []int) {
	for p := range r.Persons {
		if !slices.ContainsFunc(r.Row(p), math.IsNaN) {
			rows = append(rows, p)
		}
	}
	return rows
}

// Categories are the different ratings given, rising.
func (r *Ratings) Categories() []float64 {
	var all []float64
	for _, v := range r.Values {
		if !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Read reads RATINGS.csv: header person,<rater>,…; cells are numbers, empty where not
// rated. Every fault is one of psychometrics.Faults.
func Read(name string, in io.Reader) (*Ratings, error) {
	r := &Ratings{}
	raters, err := psychometrics.Grid(name, in, "person", "rater", func(line int, person string, raters []string, cells [][]byte) (faults psychometrics.Faults) {
		r.Persons = append(r.Persons, person)
		for i, cell := range cells {
			v := math.NaN()
			if len(cell) > 0 {
				var err error
				if v, err = strconv.ParseFloat(string(cell), 64); err != nil || math.IsNaN(v) || math.Abs(v) > 1e6 {
					faults = append(faults, fmt.Sprintf("%s:%d: rater %s: %q, expected a number or an empty cell", name, line, raters[i], cell))
				}
			}
			r.Values = append(r.Values, v)
		}
		return faults
	})
	if err != nil {
		return nil, err
	}
	if len(raters) < 2 {
		return nil, psychometrics.Faults{fmt.Sprintf("%s:1: one rater, expected at least two", name)}
	}
	r.Raters = raters
	return r, nil
}
