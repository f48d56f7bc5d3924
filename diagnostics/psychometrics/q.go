package psychometrics

import (
	"fmt"
	"io"
	"strconv"
)

// Q says what each item measures: attributes, elements or scales.
type Q struct {
	Items      []string
	Attributes []string
	Weights    [][]float64 // by item, by attribute, 0…1
}

// ReadQ reads Q.csv: header item,<attribute>,…, then a row an item. With whole, cells
// are 0 or 1; without, numbers from 0 to 1. A row of zeros, a column of zeros, an item
// or attribute that stands twice are faults. Every fault is one of Faults.
func ReadQ(name string, in io.Reader, whole bool) (*Q, error) {
	q := &Q{}
	used := map[string]bool{}
	expected := "a number from 0 to 1"
	if whole {
		expected = "0 or 1"
	}
	attributes, err := Grid(name, in, "item", "attribute", func(line int, item string, attributes []string, cells [][]byte) (faults Faults) {
		weights, measures := make([]float64, len(attributes)), false
		for k, cell := range cells {
			w, err := strconv.ParseFloat(string(cell), 64)
			if err != nil || !(w >= 0 && w <= 1) || whole && w != 0 && w != 1 {
				faults = append(faults, fmt.Sprintf("%s:%d: item %s, %s: %q, expected %s", name, line, item, attributes[k], cell, expected))
				w = 1 // one fault is enough
			}
			weights[k] = w
			measures, used[attributes[k]] = measures || w > 0, used[attributes[k]] || w > 0
		}
		if !measures {
			faults = append(faults, fmt.Sprintf("%s:%d: item %s measures nothing, expected at least one cell over 0", name, line, item))
		}
		q.Items, q.Weights = append(q.Items, item), append(q.Weights, weights)
		return faults
	})
	if err != nil {
		return nil, err
	}
	q.Attributes = attributes
	var faults Faults
	for _, a := range attributes {
		if !used[a] {
			faults = append(faults, fmt.Sprintf("%s:1: no item measures %s, expected at least one", name, a))
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return q, nil
}

// Match pairs the items of Q with the columns of responses: rows[i] is the row of Q of
// the column columns[i]. Items that stand on one side only are left out and named in
// warnings. No item on both sides is an error.
func (q *Q) Match(r *Responses) (columns, rows []int, warnings []string, err error) {
	at := make(map[string]int, len(q.Items))
	for i, item := range q.Items {
		at[item] = i
	}
	for i, item := range r.Items {
		row, known := at[item]
		if !known {
			warnings = append(warnings, fmt.Sprintf("item %s has no row in Q and is left out", item))
			continue
		}
		columns, rows = append(columns, i), append(rows, row)
		delete(at, item)
	}
	for _, item := range q.Items {
		if _, left := at[item]; left {
			warnings = append(warnings, fmt.Sprintf("item %s of Q has no responses and is left out", item))
		}
	}
	if len(columns) == 0 {
		return nil, nil, nil, fmt.Errorf("no item of the responses has a row in Q (the first are %q and %q)", r.Items[0], q.Items[0])
	}
	return columns, rows, warnings, nil
}
