package agreement

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, csv string) *Ratings {
	t.Helper()
	r, err := Read("r", strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(t testing.TB, name string) *Ratings {
	t.Helper()
	b, err := os.ReadFile("testdata/rater_agreement/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(b))
}

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s = %.12g, want %.12g", what, float64(got), want)
	}
}

// TestReference: the figures of the reference package.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("testdata/rater_agreement/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		ICC struct {
			Type  []string  `json:"type"`
			ICC   []float64 `json:"icc"`
			F     []float64 `json:"F"`
			P     []float64 `json:"p"`
			Lower []float64 `json:"lower"`
			Upper []float64 `json:"upper"`
		} `json:"icc_shrout_fleiss"`
		Kappa struct {
			Kappa     float64 `json:"kappa"`
			Var       float64 `json:"var_kappa"`
			Linear    float64 `json:"linear"`
			Quadratic float64 `json:"weighted_quadratic"`
		} `json:"kappa_r1_r2"`
		Fleiss float64 `json:"fleiss_kappa_r1_r3"`
		Alpha  struct {
			Nominal  float64 `json:"nominal"`
			Ordinal  float64 `json:"ordinal"`
			Interval float64 `json:"interval"`
		} `json:"krippendorff_alpha"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := ICCs(readFile(t, "shrout_fleiss.csv"))
	for i, kind := range want.ICC.Type {
		if got[i].Type != kind || got[i].DF1 != 5 {
			t.Fatalf("%d: %+v, want %s", i, got[i], kind)
		}
		near(t, kind, got[i].ICC, want.ICC.ICC[i], 1e-9)
		near(t, kind+" F", got[i].F, want.ICC.F[i], 1e-7)
		near(t, kind+" p", got[i].P, want.ICC.P[i], 1e-9)
		near(t, kind+" lower", got[i].Lower, want.ICC.Lower[i], 1e-8)
		near(t, kind+" upper", got[i].Upper, want.ICC.Upper[i], 1e-8)
	}
	three := readFile(t, "ratings3.csv")
	k := Kappas(three)
	if len(k) != 3 || k[0].Raters != [2]string{"r1", "r2"} || k[0].N != 120 {
		t.Fatalf("%+v", k)
	}
	near(t, "kappa", k[0].Kappa, want.Kappa.Kappa, 1e-9)
	near(t, "its variance", k[0].KappaSE*k[0].KappaSE, want.Kappa.Var, 1e-9)
	near(t, "linear", k[0].Linear, want.Kappa.Linear, 1e-9)
	near(t, "quadratic", k[0].Quadratic, want.Kappa.Quadratic, 1e-9)
	near(t, "Fleiss", FleissKappa(three), want.Fleiss, 1e-9)
	a := Krippendorff(three)
	near(t, "nominal", a.Nominal, want.Alpha.Nominal, 1e-9)
	near(t, "ordinal", a.Ordinal, want.Alpha.Ordinal, 1e-9)
	near(t, "interval", a.Interval, want.Alpha.Interval, 1e-9)
	if !(a.OrdinalCI95[0] < a.Ordinal && a.Ordinal < a.OrdinalCI95[1]) {
		t.Errorf("%v outside %v", a.Ordinal, a.OrdinalCI95)
	}
}

// TestKrippendorffMissing: the worked example of Krippendorff (2011), four raters,
// twelve units, missing ratings: 0.743, 0.815, 0.849.
func TestKrippendorffMissing(t *testing.T) {
	a := Krippendorff(read(t, `person,a,b,c,d
1,1,1,,1
2,2,2,3,2
3,3,3,3,3
4,3,3,3,3
5,2,2,2,2
6,1,2,3,4
7,4,4,4,4
8,1,1,2,1
9,2,2,2,2
10,,5,5,5
11,,,1,1
12,,,3,
`))
	near(t, "nominal", a.Nominal, 0.743, 5e-4)
	near(t, "ordinal", a.Ordinal, 0.815, 5e-4)
	near(t, "interval", a.Interval, 0.849, 5e-4)
}

// TestIdentities: full agreement is 1, the order of raters does not matter, quadratic
// kappa is near ICC2 (Fleiss & Cohen 1973).
func TestIdentities(t *testing.T) {
	same := read(t, "person,a,b\n1,0,0\n2,1,1\n3,2,2\n4,2,2\n")
	k := Kappas(same)[0]
	near(t, "kappa", k.Kappa, 1, 1e-12)
	near(t, "its error", k.KappaSE, 0, 1e-9)
	near(t, "alpha", Krippendorff(same).Ordinal, 1, 1e-12)
	near(t, "Fleiss", FleissKappa(same), 1, 1e-12)

	three := readFile(t, "ratings3.csv")
	turned := &Ratings{Persons: three.Persons, Raters: []string{"r3", "r2", "r1"}}
	for p := range three.Persons {
		row := slices.Clone(three.Row(p))
		slices.Reverse(row)
		turned.Values = append(turned.Values, row...)
	}
	for i, icc := range ICCs(three) {
		near(t, icc.Type, ICCs(turned)[i].ICC, float64(icc.ICC), 1e-12)
	}
	near(t, "Fleiss turned", FleissKappa(turned), float64(FleissKappa(three)), 1e-12)
	two := &Ratings{Persons: three.Persons, Raters: []string{"r1", "r2"}}
	for p := range three.Persons {
		two.Values = append(two.Values, three.Row(p)[:2]...)
	}
	near(t, "quadratic kappa and ICC2", Kappas(two)[0].Quadratic, float64(ICCs(two)[1].ICC), 0.005)
}

// TestMeasurements: the short way to the interval alpha is the long one's figure, and many
// different ratings have it alone.
func TestMeasurements(t *testing.T) {
	three := readFile(t, "ratings3.csv")
	var units [][]int
	for p := range three.Persons {
		var unit []int
		for _, v := range three.Row(p) {
			unit = append(unit, int(v))
		}
		units = append(units, unit)
	}
	near(t, "by sums", Number(intervalAlpha(units, three.Categories())), float64(Krippendorff(three).Interval), 1e-12)
	long := &Ratings{Raters: []string{"a", "b"}}
	for p := range 400 {
		x := math.Sqrt(float64(p))
		long.Persons, long.Values = append(long.Persons, fmt.Sprint(p)), append(long.Values, x, x+0.1*float64(p%3))
	}
	a := Analyse(long)
	if !math.IsNaN(float64(a.Krippendorff.Nominal)) || a.Krippendorff.Interval < 0.95 || a.ICC[1].ICC < 0.95 || len(a.Kappa) > 0 || len(a.Warnings) < 2 {
		t.Errorf("%+v", a)
	}
}

func TestRead(t *testing.T) {
	for csv, want := range map[string]string{
		"id,a,b\n":                    `r:1: the header begins with "id,a", expected person,<rater>,…`,
		"person,a\n1,2\n":             "expected at least two",
		"person,a,a\n1,2,2\n":         `r:1: column 3 repeats rater "a" of column 2`,
		"person,a,b\n1,2,good\n":      `r:2: rater b: "good", expected a number or an empty cell`,
		"person,a,b\n1,2,NaN\n":       `rater b: "NaN"`,
		"person,a,b\n1,2\n":           "r:2: 2 cells, expected 3",
		"person,a,b\n1,2,2\n1,2,3\n":  `r:3: person "1" stands on line 2 already`,
		"person,a,b\n":                "r: no persons after the header",
		"person,a,b\n1,2,2\n,1,1\n":   `r:3: no person's id in the first column`,
		"person;a;b\n1;2;2\n2;1;1e9 ": "expected a number",
	} {
		if _, err := Read("r", strings.NewReader(csv)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", csv, err, want)
		}
	}
}

func FuzzAnalyse(f *testing.F) {
	f.Add("person,a,b\n1,0,1\n2,,3\n")
	f.Add("person,a,b,c\n1,2,2,2\n2,2,2,2\n")
	f.Add("person,a,b,c\n0,0,2,2\n1,2,0,2") // the interval of ICC2 has no degrees of freedom
	f.Fuzz(func(t *testing.T, csv string) {
		r, err := Read("r", strings.NewReader(csv))
		if err != nil || len(r.Values) > 500 {
			return
		}
		a := Analyse(r)
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
	})
}
