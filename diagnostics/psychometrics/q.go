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
	head, rows, err := Table(name, in)
	if err != nil {
		return nil, err
	}
	if len(head) < 2 || head[0] != "item" {
		return nil, Faults{fmt.Sprintf("%s:1: the header begins with %q and has %d columns, expected item,<attribute>,…", name, head[0], len(head))}
	}
	q := &Q{Attributes: head[1:]}
	var faults Faults
	seen := map[string]bool{}
	for _, a := range q.Attributes {
		if a == "" || seen[a] {
			faults = append(faults, fmt.Sprintf("%s:1: column %q is empty or stands twice, expected a name of its own", name, a))
		}
		seen[a] = true
	}
	items := map[string]int{}
	used := make([]bool, len(q.Attributes))
	expected := "a number from 0 to 1"
	if whole {
		expected = "0 or 1"
	}
	for row, ok := rows.Next(); ok && len(faults) < mostFaults; row, ok = rows.Next() {
		if len(row) != len(head) {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected %d as in the header", name, rows.Line, len(row), len(head)))
			continue
		}
		item := string(row[0])
		if before, twice := items[item]; twice || item == "" {
			faults = append(faults, fmt.Sprintf("%s:%d: item %q has no id or stands on line %d already", name, rows.Line, item, before))
			continue
		}
		items[item] = rows.Line
		weights, measures := make([]float64, len(q.Attributes)), false
		for k, cell := range row[1:] {
			w, err := strconv.ParseFloat(string(cell), 64)
			if err != nil || !(w >= 0 && w <= 1) || whole && w != 0 && w != 1 {
				faults = append(faults, fmt.Sprintf("%s:%d: item %s, %s: %q, expected %s", name, rows.Line, item, q.Attributes[k], cell, expected))
				measures, used[k] = true, true // one fault is enough
				continue
			}
			weights[k] = w
			measures, used[k] = measures || w > 0, used[k] || w > 0
		}
		if !measures {
			faults = append(faults, fmt.Sprintf("%s:%d: item %s measures nothing, expected at least one cell over 0", name, rows.Line, item))
		}
		q.Items, q.Weights = append(q.Items, item), append(q.Weights, weights)
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(q.Items) == 0 && len(faults) == 0 {
		faults = append(faults, name+": no items after the header")
	}
	if len(faults) == 0 {
		for k, yes := range used {
			if !yes {
				faults = append(faults, fmt.Sprintf("%s:1: no item measures %s, expected at least one", name, q.Attributes[k]))
			}
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
