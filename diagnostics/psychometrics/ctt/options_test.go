package ctt

import (
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Twelve rows of an item and a rest of 0…11: the key "b" is chosen by the weak, the
// distractor "a" by the strong, "c" by nobody.
func TestOptionsOfAWrongKey(t *testing.T) {
	r := &psychometrics.Responses{Items: []string{"x", "rest"}, Max: []int{1, 11}}
	chosen := [][]string{}
	for i := range 12 {
		r.Persons = append(r.Persons, "p")
		point := psychometrics.Cell(0)
		if i < 6 {
			chosen, point = append(chosen, []string{"b"}), 1
		} else {
			chosen = append(chosen, []string{"a"})
		}
		r.Cells = append(r.Cells, point, psychometrics.Cell(i))
	}
	options, flags := Options(r, 0, chosen, Menu{[]string{"a", "b", "c"}, map[string]bool{"b": true}})
	a, b, c := options[0], options[1], options[2]
	// Σ(x−x̄)(y−ȳ) = 6·5.5·… by hand: means 8.5 and 2.5, so r = 3/√(143/12).
	if want := 3 / math.Sqrt(143.0/12); math.Abs(float64(a.Rest)-want) > 1e-12 || math.Abs(float64(b.Rest)+want) > 1e-12 {
		t.Errorf("correlations %v and %v, want ±%v", a.Rest, b.Rest, want)
	}
	if a.N != 6 || a.Share != 0.5 || a.Thirds != [3]Number{0, 0.5, 1} || b.Thirds != [3]Number{1, 0.5, 0} || !b.Key || a.Key {
		t.Errorf("a %+v, b %+v", a, b)
	}
	if c.N != 0 || !math.IsNaN(float64(c.Rest)) || c.Share != 0 {
		t.Errorf("c %+v", c)
	}
	said := ""
	for _, f := range flags {
		said += f.Code + ":" + f.At + " "
	}
	if strings.TrimSpace(said) != DistractorBetter+":a "+DistractorUnused+":c" {
		t.Errorf("flags %s", said)
	}
}

// Rows with a missing score and persons without an answer do not count; shares of several choices may add up to more than 1.
func TestOptionsLeaveOut(t *testing.T) {
	r := &psychometrics.Responses{Items: []string{"x", "y"}, Max: []int{1, 1}, Persons: []string{"1", "2", "3", "4"},
		Cells: []psychometrics.Cell{1, 1, 0, psychometrics.NotReached, psychometrics.Omitted, 1, 1, 0}}
	options, flags := Options(r, 0, [][]string{{"a", "b"}, {"a"}, nil, {"a", "z"}}, Menu{[]string{"a", "b"}, map[string]bool{"a": true, "b": true}})
	if options[0].N != 2 || options[0].Share != 1 || options[1].N != 1 || options[1].Share != 0.5 || len(flags) != 0 {
		t.Errorf("%+v %v", options, flags)
	}
	if options, _ := Options(&psychometrics.Responses{Items: []string{"x"}, Max: []int{1}}, 0, nil, Menu{Options: []string{"a"}}); !math.IsNaN(float64(options[0].Share)) {
		t.Errorf("nobody: %+v", options)
	}
}
