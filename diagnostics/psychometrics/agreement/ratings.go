// Package agreement tells how far raters agree and how severe each is: intraclass
// correlations, kappas, Krippendorff's alpha, the many-facet Rasch model.
package agreement

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

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
	head, rows, err := psychometrics.Table(name, in)
	if err != nil {
		return nil, err
	}
	if len(head) < 3 || head[0] != "person" {
		return nil, psychometrics.Faults{fmt.Sprintf("%s:1: the header is %q, expected person and at least two raters", name, strings.Join(head, ","))}
	}
	r := &Ratings{Raters: head[1:]}
	var faults psychometrics.Faults
	seen := map[string]bool{}
	for _, rater := range r.Raters {
		if rater == "" || seen[rater] {
			faults = append(faults, fmt.Sprintf("%s:1: rater %q has no name or stands twice", name, rater))
		}
		seen[rater] = true
	}
	persons := map[string]bool{}
	for row, ok := rows.Next(); ok && len(faults) < 20; row, ok = rows.Next() {
		if len(row) != len(head) {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected %d as in the header", name, rows.Line, len(row), len(head)))
			continue
		}
		person := string(row[0])
		if person == "" || persons[person] {
			faults = append(faults, fmt.Sprintf("%s:%d: person %q has no id or stands above already", name, rows.Line, person))
			continue
		}
		persons[person] = true
		r.Persons = append(r.Persons, person)
		for i, cell := range row[1:] {
			v := math.NaN()
			if len(cell) > 0 {
				var err error
				if v, err = strconv.ParseFloat(string(cell), 64); err != nil || math.IsNaN(v) || math.Abs(v) > 1e6 {
					faults = append(faults, fmt.Sprintf("%s:%d: rater %s: %q, expected a number or an empty cell", name, rows.Line, r.Raters[i], cell))
				}
			}
			r.Values = append(r.Values, v)
		}
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(r.Persons) == 0 && len(faults) == 0 {
		faults = append(faults, name+": no persons after the header")
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return r, nil
}
