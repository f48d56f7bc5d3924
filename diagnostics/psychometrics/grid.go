package psychometrics

import (
	"fmt"
	"io"
	"strings"
)

// Grid reads a table of labelled rows and columns: header first,<column>,…, then rows of
// an id and a cell a column. noun names a column in faults ("item", "judge"). row is given
// each record whose width and id are sound, with the columns' names; its cells live until
// the next one. What it returns, and what is wrong with header, widths and ids, comes back
// as Faults with their lines.
func Grid(name string, in io.Reader, first, noun string, row func(line int, id string, columns []string, cells [][]byte) Faults) (columns []string, err error) {
	head, rows, err := Table(name, in)
	if err != nil {
		return nil, err
	}
	if len(head) < 2 || head[0] != first {
		return nil, Faults{fmt.Sprintf("%s:1: the header begins with %q, expected %s,<%s>,…", name, strings.Join(head[:min(2, len(head))], ","), first, noun)}
	}
	columns = head[1:]
	faults := columnFaults(name, noun, columns)
	ids := map[string]int{}
	for record, ok := rows.Next(); ok; record, ok = rows.Next() {
		if len(faults) >= mostFaults {
			return nil, append(faults, "… and perhaps more: the rest was not read")
		}
		if len(record) != len(head) {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected %d as in the header", name, rows.Line, len(record), len(head)))
			continue
		}
		id := string(record[0])
		if fault := idFault(name, first, id, rows.Line, ids); fault != "" {
			faults = append(faults, fault)
			continue
		}
		faults = append(faults, row(rows.Line, id, columns, record[1:])...)
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(ids) == 0 && len(faults) == 0 {
		faults = append(faults, fmt.Sprintf("%s: no %ss after the header", name, first))
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return columns, nil
}

// columnFaults names columns without a name and those that stand twice.
func columnFaults(name, noun string, columns []string) (faults Faults) {
	seen := map[string]int{}
	for i, c := range columns {
		switch before, twice := seen[c]; {
		case c == "":
			faults = append(faults, fmt.Sprintf("%s:1: column %d has no name, expected the id of a column of its own (%s)", name, i+2, noun))
		case twice:
			faults = append(faults, fmt.Sprintf("%s:1: column %d repeats %s %q of column %d", name, i+2, noun, c, before))
		}
		seen[c] = i + 2
	}
	return faults
}

// idFault says what is wrong with the id of a row, or notes its line in seen.
func idFault(name, noun, id string, line int, seen map[string]int) string {
	before, twice := seen[id]
	switch {
	case id == "":
		return fmt.Sprintf("%s:%d: no %s's id in the first column", name, line, noun)
	case twice:
		return fmt.Sprintf("%s:%d: %s %q stands on line %d already", name, line, noun, id, before)
	}
	seen[id] = line
	return ""
}
