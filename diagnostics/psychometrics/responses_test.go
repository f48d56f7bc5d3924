package psychometrics

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTakesEveryKindOfCell(t *testing.T) {
	for _, text := range []string{
		"person,a,b,c\np1,1,0,2\np2,O,N,\np3,,,\n",
		"\xef\xbb\xbfperson;a;b;c\r\np1;1;0;2\r\n\r\np2;O;N;\r\np3;;;\r\n",
		"person,\"a\",b,c\n\"p1\",1,\"0\", 2\np2,O,N,\np3,,,",
	} {
		r, err := Read("r.csv", strings.NewReader(text), nil)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := &Responses{Persons: []string{"p1", "p2", "p3"}, Items: []string{"a", "b", "c"}, Max: []int{1, 1, 2},
			Cells:    []Cell{1, 0, 2, Omitted, NotReached, Absent, Absent, Absent, Absent},
			Warnings: []string{"person p3 has no answers"}}
		if d := cmp.Diff(want, r); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		if d := cmp.Diff([]int{0}, r.Complete()); d != "" {
			t.Error(d)
		}
	}
}

func TestReadNamesThePlaceOfEveryFault(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "r.csv: empty",
		"a,b\n1,2\n":                        "r.csv:1: the header begins with \"a,b\"",
		"person,a\n":                        "r.csv: no persons",
		"person,a,a\np,1,1\n":               "r.csv:1: column 3 repeats item \"a\" of column 2",
		"person,a,\np,1,1\n":                "r.csv:1: column 3 has no name",
		"person,a,b\np,1\n":                 "r.csv:2: 2 cells, expected 3",
		"person,a,b\np,1,x\n":               "r.csv:2: item b: \"x\", expected an integer",
		"person,a,b\np,1,-1\n":              "r.csv:2: item b: \"-1\"",
		"person,a,b\np,1,0.5\n":             "r.csv:2: item b: \"0.5\"",
		"person,a,b\np,1,0\n\np,1,0\n":      "r.csv:4: person \"p\" stands on line 2 already",
		"person,a,b\n,1,0\n":                "r.csv:2: no person's id",
		"person,a,b\np,1,3\n":               "r.csv:2: item b: \"3\" is over the maximum 2",
		"person,a,b\np,1,\"3\nq,1,0\n":      "r.csv:2:",
		"person,a,b\np,1,0\n\xcf\xe5,1,0\n": "r.csv:3: the text is not UTF-8",
		"person,a,b\np,1,\x00\n":            "zero byte",
	} {
		_, err := Read("r.csv", strings.NewReader(text), map[string]int{"b": 2})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

func TestMaximaOverrideWhatWasSeen(t *testing.T) {
	max, err := ReadMaxima("m.csv", strings.NewReader("item,max\nb,3\nz,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read("r.csv", strings.NewReader("person,a,b\np,0,1\n"), max)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{1, 3}, r.Max); d != "" {
		t.Error(d)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "item z") {
		t.Errorf("warnings %q", r.Warnings)
	}
	for _, text := range []string{"item,most\na,1\n", "item,max\na\n", "item,max\na,0\n", "item,max\na,1\na,2\n", "item,max\n,2\n"} {
		if _, err := ReadMaxima("m.csv", strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestANumberThatDoesNotExistIsNull(t *testing.T) {
	b, err := json.Marshal([]Number{0.1, None})
	if err != nil || string(b) != "[0.1,null]" {
		t.Errorf("%s %v", b, err)
	}
}

func TestANumberIsWrittenAsEncodingJSONDoes(t *testing.T) {
	for _, x := range []float64{0, 1, -1, 0.1, 1.0 / 3, 1e-6, 9.9e-7, -1.5e-9, 1e-10, 1.25e-300, 1e20, 1e21, -3e21, 1.7976931348623157e308, 5e-324, 638195.5512906291} {
		want, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(Number(x)); err != nil || string(got) != string(want) {
			t.Errorf("%s %v, expected %s", got, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("person,a,b\np1,1,0\np2,O,N\n")
	f.Add("person;a\n\"p\";3\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read("r.csv", strings.NewReader(text), nil)
		if err != nil {
			return
		}
		if len(r.Cells) != len(r.Persons)*len(r.Items) || len(r.Max) != len(r.Items) {
			t.Fatalf("%d cells of %d × %d", len(r.Cells), len(r.Persons), len(r.Items))
		}
		for _, c := range r.Cells {
			if c < Omitted || c > MaxScore {
				t.Fatalf("cell %d", c)
			}
		}
	})
}
