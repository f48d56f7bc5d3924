package psychometrics

import (
	"slices"
	"strings"
	"testing"
)

func TestReadQ(t *testing.T) {
	q, err := ReadQ("q", strings.NewReader("item;x;y\na;1;0\nb;0,5\n"), false)
	if err == nil {
		t.Errorf("two cells for three: %v", q)
	}
	q, err = ReadQ("q", strings.NewReader("item,x,y\na,1,0\nb,0.5,0.25\n"), false)
	if err != nil || q.Weights[1][1] != 0.25 || !slices.Equal(q.Attributes, []string{"x", "y"}) {
		t.Fatalf("%+v, %v", q, err)
	}
	for csv, want := range map[string]string{
		"id,x\na,1\n":             `q:1: the header begins with "id,x", expected item,<attribute>,…`,
		"item\na\n":               `q:1: the header begins with "item", expected item,<attribute>,…`,
		"item,x,x\na,1,0\n":       `q:1: column 3 repeats attribute "x" of column 2`,
		"item,x\na,0.5\n":         `q:2: item a, x: "0.5", expected 0 or 1`,
		"item,x\na,да\n":          `q:2: item a, x: "да", expected 0 or 1`,
		"item,x,y\na,1,1\nb,0,0":  "q:3: item b measures nothing, expected at least one cell over 0",
		"item,x,y\na,1,0\nb,1,0":  "q:1: no item measures y, expected at least one",
		"item,x\na,1\na,1\n":      `q:3: item "a" stands on line 2 already`,
		"item,x\n":                "q: no items after the header",
		"item,x\na,1,1\n":         "q:2: 3 cells, expected 2 as in the header",
		"item,x\na,NaN\nb,-1\n":   `q:2: item a, x: "NaN", expected 0 or 1`,
		"item,x\na,\"1\nb,1\n":    "expected CSV with a quoted cell on one line",
		"item,x\n\"a\nb\",1\n":    "expected CSV with a quoted cell on one line",
		"item,x\na,1\x00\nb,-1\n": "holds a zero byte",
	} {
		if _, err := ReadQ("q", strings.NewReader(csv), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", csv, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	q := &Q{Items: []string{"c", "a", "z"}, Attributes: []string{"x"}, Weights: [][]float64{{1}, {1}, {1}}}
	columns, rows, warnings, err := q.Match(&Responses{Items: []string{"a", "b", "c"}})
	if err != nil || !slices.Equal(columns, []int{0, 2}) || !slices.Equal(rows, []int{1, 0}) {
		t.Errorf("%v, %v, %v", columns, rows, err)
	}
	if !slices.Equal(warnings, []string{"item b has no row in Q and is left out", "item z of Q has no responses and is left out"}) {
		t.Errorf("%q", warnings)
	}
	if _, _, _, err := q.Match(&Responses{Items: []string{"k"}}); err == nil {
		t.Error("nothing in common was taken")
	}
}
