package routes

import "strings"

// sorting is the order of a table: a column, with "-" before it from the greatest; "" is the table's own order.
type sorting string

// turned is what the head of a column leads to: its order, or the same one turned round. Figures begin with the greatest.
func (o sorting) turned(by string, figure bool) sorting {
	first := by
	if figure {
		first = "-" + by
	}
	if string(o) == first {
		return sorting(strings.TrimPrefix("-"+first, "--"))
	}
	return sorting(first)
}

// way is how a column is sorted, in the words of ARIA; "" where it is not.
func (o sorting) way(by string) string {
	switch string(o) {
	case by:
		return "ascending"
	case "-" + by:
		return "descending"
	}
	return ""
}
