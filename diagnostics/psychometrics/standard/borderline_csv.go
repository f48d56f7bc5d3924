package standard

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// ReadBorderline reads person,score or person,score,judge under that header: those at
// the border, one row each (for each judge). Every fault is one of psychometrics.Faults.
func ReadBorderline(name string, in io.Reader) ([]Borderliner, error) {
	head, rows, err := psychometrics.Table(name, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(head, []string{"person", "score"}) && !slices.Equal(head, []string{"person", "score", "judge"}) {
		return nil, psychometrics.Faults{fmt.Sprintf("%s:1: the header is %q, expected person,score or person,score,judge", name, strings.Join(head, ","))}
	}
	var out []Borderliner
	var faults psychometrics.Faults
	seen := map[[2]string]bool{}
	for row, ok := rows.Next(); ok && len(faults) < 20; row, ok = rows.Next() {
		if len(row) != len(head) {
			faults = append(faults, fmt.Sprintf("%s:%d: %d cells, expected %d as in the header", name, rows.Line, len(row), len(head)))
			continue
		}
		p := Borderliner{Person: string(row[0])}
		if len(row) == 3 {
			p.Judge = string(row[2])
		}
		if key := [2]string{p.Person, p.Judge}; p.Person == "" || seen[key] {
			faults = append(faults, fmt.Sprintf("%s:%d: person %q has no id or stands above already", name, rows.Line, p.Person))
		} else {
			seen[key] = true
		}
		if p.Score, err = strconv.ParseFloat(string(row[1]), 64); err != nil || math.IsNaN(p.Score) || math.Abs(p.Score) > 1e6 {
			faults = append(faults, fmt.Sprintf("%s:%d: score %q, expected a number", name, rows.Line, row[1]))
		}
		out = append(out, p)
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}
