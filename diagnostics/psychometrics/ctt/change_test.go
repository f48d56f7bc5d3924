package ctt

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func TestReliableChange(t *testing.T) {
	c := ReliableChange(40, 3, 50, 4)
	near(t, "index", c.Index, 2, 1e-12)
	near(t, "p", c.P, 0.0455002638963584, 1e-12)
	if !c.Reliable || ReliableChange(40, 4, 50, 4).Reliable || ReliableChange(1, 0, 2, 0).Reliable || ReliableChange(1, math.NaN(), 9, 1).Reliable {
		t.Error("wrong verdicts")
	}
	if back := ReliableChange(50, 4, 40, 3); back.Index != -c.Index || !back.Reliable {
		t.Errorf("%+v", back)
	}
}

// TestChanges: without a change about one in twenty is reliable; a push of everyone is seen.
func TestChanges(t *testing.T) {
	most := slices.Repeat([]int{2}, 30)
	before := simulated(1, 1, most, 0)
	// The same abilities twice: answers of one simulation, parted between two sittings.
	both := simulated(2, 1000, slices.Repeat([]int{2}, 60), 0)
	sitting := func(odd int) *psychometrics.Responses {
		r := &psychometrics.Responses{Items: before.Items, Max: slices.Clone(most), Persons: both.Persons}
		for p := range both.Persons {
			// Items of one difficulty stand every five: pairs ten apart are alike.
			for i := range 30 {
				r.Cells = append(r.Cells, both.Row(p)[i/5*10+i%5+5*odd])
			}
		}
		return r
	}
	a, err := Changes(sitting(0), sitting(1))
	if err != nil {
		t.Fatal(err)
	}
	if share := float64(a.Grown+a.Fallen) / 1000; len(a.Persons) != 1000 || share > 0.08 || math.Abs(float64(a.Mean)) > 0.5 {
		t.Errorf("%d persons, %.3f changed reliably, mean %.3f", len(a.Persons), share, float64(a.Mean))
	}
	pushed := sitting(1)
	for k, c := range pushed.Cells {
		if k%3 > 0 {
			pushed.Cells[k] = min(2, c+1)
		}
	}
	up, err := Changes(sitting(0), pushed)
	if err != nil || up.Grown < 500 || up.Fallen > 2 || up.Mean < 5 {
		t.Errorf("%v: %d grown, %d fallen, mean %.2f", err, up.Grown, up.Fallen, float64(up.Mean))
	}
	for first, second := range map[string][2]string{
		"person,a,b\n1,1,0\n2,0,1\n": {"person,a\n1,1\n", "item b is not in the second file"},
		"person,a\n1,1\n":            {"person,a,b\n1,1,0\n", "item b is not in the first file"},
		"person,a\n1,1\n2,0\n":       {"person,a\n3,1\n1,N\n", "nobody has a score"},
	} {
		if _, err := Changes(read(t, first), read(t, second[0])); err == nil || !strings.Contains(err.Error(), second[1]) {
			t.Errorf("%q: %v, expected %q", first, err, second[1])
		}
	}
	one, err := Changes(read(t, "person,b,a\n1,1,0\n2,0,1\n"), read(t, "person,a,b\n1,1,1\n"))
	if err != nil || one.Persons[0].Difference != 1 || len(one.Warnings) != 2 {
		t.Errorf("%v, %+v", err, one)
	}
}
