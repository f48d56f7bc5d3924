package routes

import (
	"testing"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// The form of a route parts what is to be strengthened from what is only worth a check.
func TestNeedsOfTheForm(t *testing.T) {
	of := func(status, severity string, p float64) needView {
		return needView{Need: Need{Status: status, Severity: severity, P: p}}
	}
	v := editorView{Needs: []needView{of("deficit", "high", 0.97), of("possible", "low", 0.3), of("deficit", "low", 0.85), of("possible", "low", 0.6), of("possible", "low", 0.5), of("deficit", "medium", 0.9)}}
	said := func(list []needView) (words []string) {
		for _, n := range list {
			words = append(words, n.Say())
		}
		return words
	}
	for _, c := range []struct{ got, want []string }{
		{said(v.Strengthen()), []string{"стоит укрепить (сильно)", "стоит укрепить (немного)", "возможно, стоит укрепить (немного)", "стоит укрепить (заметно)"}},
		{said(v.Check()), []string{"скорее уверенно", "пока неясно"}},
	} {
		if len(c.got) != len(c.want) {
			t.Fatalf("%q, want %q", c.got, c.want)
		}
		for i := range c.got {
			if c.got[i] != c.want[i] {
				t.Errorf("%q, want %q", c.got, c.want)
			}
		}
	}
}

// A programme that cannot join the route keeps its own hours and cost, and says why.
func TestCandidateWithoutGroup(t *testing.T) {
	hours, none := 72.0, 0
	full := []plan.Session{{ID: "s", Seats: &none}}
	p := plan.Problem{Limits: plan.Limits{Hours: &hours}, Teachers: []plan.Teacher{{ID: "t", Deficits: map[string]float64{"e": 2}}}, Programmes: []plan.Programme{
		{ID: "bare", Hours: 36, Cost: 8800, Covers: map[string]float64{"e": 0.5}},
		{ID: "full", Hours: 16, Cost: 0, Covers: map[string]float64{"e": 0.25}, Sessions: full},
		{ID: "later", Hours: 8, Cost: 100, Covers: map[string]float64{"e": 0.1}, Requires: []string{"bare"}, Sessions: []plan.Session{{ID: "s"}}},
	}}
	sc := scene{programmes: []Programme{{Code: "bare"}, {Code: "full", Sessions: []Session{{Code: "s"}}}, {Code: "later", Sessions: []Session{{Code: "s"}}}}, elements: map[string]Element{}}
	want := map[string]struct {
		hours, cost int
		gain        float64
		tag         string
	}{"bare": {36, 8800, 0.5, "нет группы"}, "full": {16, 0, 0.25, "мест нет"}, "later": {8, 100, 0.1, "сначала другой шаг"}}
	list := candidatesOf(p, nil, sc)
	if len(list) != len(want) {
		t.Fatalf("%d candidates", len(list))
	}
	for _, c := range list {
		w := want[c.Programme.Code]
		if c.Hours != w.hours || c.Cost != w.cost || c.Gain < w.gain-1e-9 || c.Gain > w.gain+1e-9 || c.Tag != w.tag || c.Why == "" || c.Fits {
			t.Errorf("%s: %+v", c.Programme.Code, c)
		}
	}
}
