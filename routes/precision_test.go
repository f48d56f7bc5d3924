package routes

import "testing"

// A difference is told as far as the plans compared are exact, and no further.
func TestWhatIfPrecision(t *testing.T) {
	for _, c := range []struct {
		name               string
		was, is, wide, far float64 // covered before and after, and what each leaves open
		unsure             bool
		span               string
	}{
		{"exact", 0.60, 0.68, 0, 0, false, ""},
		{"sure", 0.60, 0.68, 0.004, 0.006, false, "на 7,6–8,6 п. п. больше"},
		{"within the precision", 0.60, 0.603, 0.008, 0.002, true, ""},
		{"less, surely", 0.60, 0.55, 0.003, 0.002, false, "на 4,8–5,3 п. п. меньше"},
		{"less, perhaps", 0.60, 0.598, 0.003, 0.004, true, ""},
		{"none", 0.60, 0.60, 0, 0, true, ""},
	} {
		v := whatIfView{Before: Picture{Coverage: c.was, Open: c.wide}, After: Picture{Coverage: c.is, Open: c.far}}
		if v.Unsure() != c.unsure || !c.unsure && v.Span() != c.span {
			t.Errorf("%s: unsure %v, %q; want %v, %q", c.name, v.Unsure(), v.Span(), c.unsure, c.span)
		}
		if c.unsure && (v.Gain() > v.Beyond() || -v.Gain() > v.Beyond()) {
			t.Errorf("%s: a gain of %g beyond %g", c.name, v.Gain(), v.Beyond())
		}
	}
}
