// Package dif looks for differential item functioning: items that are harder for
// one of two groups at the same level of what the test measures. It holds
// Mantel-Haenszel with the classes of ETS and purification, Mantel's test and the
// standardised mean difference for items of several points, and the logistic test
// of uniform and non-uniform differences.
//
// All of them match persons by the total score, the studied item included; after
// purification by the total of the items left as an anchor, and the studied one.
// Only complete rows are used.
package dif

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Group is where a person belongs.
type Group int8

// The two groups that are compared.
const (
	Neither Group = iota - 1 // in no group: left out
	Reference
	Focal
)

// ReadGroups reads person,group rows under that header; a group is reference or focal.
// Every fault is one of psychometrics.Faults.
func ReadGroups(name string, in io.Reader) (map[string]Group, error) {
	head, rows, err := psychometrics.Table(name, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(head, []string{"person", "group"}) {
		return nil, psychometrics.Faults{fmt.Sprintf("%s:1: the header is %q, expected person,group", name, strings.Join(head, ","))}
	}
	out := map[string]Group{}
	var faults psychometrics.Faults
	for row, ok := rows.Next(); ok && len(faults) < 20; row, ok = rows.Next() {
		if len(row) != 2 {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected person,group", name, rows.Line, len(row)))
			continue
		}
		person := string(row[0])
		if _, twice := out[person]; twice || person == "" {
			faults = append(faults, fmt.Sprintf("%s:%d: person %q is missing or stands above already", name, rows.Line, person))
			continue
		}
		switch string(row[1]) {
		case "reference":
			out[person] = Reference
		case "focal":
			out[person] = Focal
		default:
			faults = append(faults, fmt.Sprintf("%s:%d: group %q of person %s, expected reference or focal", name, rows.Line, row[1], person))
		}
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}
