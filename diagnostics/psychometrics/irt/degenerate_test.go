package irt

import (
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// What data cannot tell is said and is null, never a large number that looks like a figure.
func TestFiguresThatDoNotExist(t *testing.T) {
	read := func(text string) *psychometrics.Responses {
		t.Helper()
		r, err := psychometrics.Read("r.csv", strings.NewReader(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	says := func(f *Fit, words string) {
		t.Helper()
		if !strings.Contains(strings.Join(f.Warnings, "\n"), words) {
			t.Errorf("warnings %q say nothing of %q", f.Warnings, words)
		}
	}
	flat, err := Calibrate(read("person,a,b,c\n1,0,1,1\n2,1,1,0\n3,1,0,1\n4,0,1,1\n5,1,0,0\n6,0,0,1\n7,0,1,0\n"), Options{Model: OnePL})
	if err != nil {
		t.Fatal(err)
	}
	says(flat, "its slope is 0")
	for _, it := range flat.Items {
		if !math.IsNaN(float64(it.B[0])) || !math.IsNaN(float64(it.BSE[0])) {
			t.Errorf("item %s of slope %g: b %g ± %g", it.ID, float64(it.A), float64(it.B[0]), float64(it.BSE[0]))
		}
	}
	one, err := Calibrate(read("person,a\n1,1\n2,0\n3,1\n4,0\n5,1\n"), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	says(one, "item a alone")
	if !math.IsNaN(float64(one.Latent.SDSE)) {
		t.Errorf("the spread of one item has an error of %g", float64(one.Latent.SDSE))
	}
	var tall strings.Builder
	tall.WriteString("person")
	for i := range 40 {
		tall.WriteString(",i" + string(rune('A'+i)))
	}
	for p := range 10 {
		tall.WriteString("\np" + string(rune('0'+p)))
		for i := range 40 {
			tall.WriteString([]string{",0", ",1"}[(p*7+i*3+p*i)%5%2])
		}
	}
	cml, err := CalibrateCML(read(tall.String()), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	says(cml, "10 persons and")
	if _, err := CalibrateCML(read("person,a,b,c\n1,1,0,1\n2,0,1,0\n3,1,1,0\n4,0,0,1\n5,3,1,\n"), Options{Model: Rasch}); err == nil || !strings.Contains(err.Error(), "person 5, item a: score 3") {
		t.Errorf("a score of 3 by cml: %v", err)
	}
	if _, err := ReadFit("f.json", strings.NewReader(`{"items":[{"id":"a","a":1,"b":[0.5],"d":[3]}]}`)); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("b and d that contradict: %v", err)
	}
}
