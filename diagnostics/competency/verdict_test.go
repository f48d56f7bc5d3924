package competency

import (
	"math/rand/v2"
	"testing"
)

// The words by probability, and a number beside them that never says otherwise.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		status string
		p      float64
		words  string
		n      int
	}{
		{"deficit", 0.8, "стоит укрепить", 80}, {"deficit", 0.9996, "стоит укрепить", 99}, {"deficit", 0.804, "стоит укрепить", 80},
		{"possible", 0.7996, "возможно, стоит укрепить", 79}, {"possible", 0.6, "возможно, стоит укрепить", 60}, {"possible", 0.57, "пока неясно", 57},
		{"possible", 0.5996, "пока неясно", 59}, {"possible", 0.5, "пока неясно", 50}, {"possible", 0.4996, "пока неясно", 50}, {"possible", 0.4, "пока неясно", 40},
		{"possible", 0.3996, "скорее уверенно", 39}, {"possible", 0.29, "скорее уверенно", 29}, {"possible", 0.2004, "скорее уверенно", 21},
		{"none", 0.2, "уверенно", 20}, {"none", 0.0001, "уверенно", 1}, {"insufficient", 0.9, "мало данных", 90},
		{"deficit", 0.3, "стоит укрепить", 30}, // by the bare share: the probability decided nothing
	} {
		if words, n := VerdictOf(c.status, c.p).Words(), Chances(c.status, c.p); words != c.words || n != c.n {
			t.Errorf("%s %v: %s, %d; want %s, %d", c.status, c.p, words, n, c.words, c.n)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	bounds := map[Verdict][2]int{Weak: {80, 99}, Likely: {60, 79}, Unclear: {40, 59}, Unlikely: {21, 39}, Sure: {1, 20}}
	for range 200_000 {
		p := random.Float64()
		if random.IntN(2) == 0 { // near an edge
			p = float64(random.IntN(101))/100 + 1e-4*random.NormFloat64()
		}
		p = min(1, max(0, p))
		status := "possible"
		switch {
		case p >= 0.8:
			status = "deficit"
		case p <= 0.2:
			status = "none"
		}
		b := bounds[VerdictOf(status, p)]
		if n := Chances(status, p); n < b[0] || n > b[1] {
			t.Fatalf("%v is called %s with %d of 100", p, VerdictOf(status, p).Words(), n)
		}
	}
}

// How much is said in other words than what.
func TestSeverityWords(t *testing.T) {
	said := map[string]bool{"": true}
	for _, v := range Verdicts {
		said[v.Words()] = true
	}
	for _, s := range Severities {
		if said[SeverityWords(s)] {
			t.Errorf("%s: %q is said of something else", s, SeverityWords(s))
		}
		said[SeverityWords(s)] = true
	}
	if s := SeverityWords("none"); s != "" {
		t.Errorf("nothing to strengthen: %q", s)
	}
}

// A scale whose verdicts would not lie on either side of an even chance is refused.
func TestSureAroundEven(t *testing.T) {
	d := Definition{Cut: 0.6, Bands: [3]float64{0.4, 0.6, 0.8}, Sure: [2]float64{0.2, 0.8}, MinTasks: 2, Rule: RuleShrunk}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	for _, sure := range [][2]float64{{0.5, 0.8}, {0.2, 0.5}, {0.1, 0.4}, {0.6, 0.9}} {
		d.Sure = sure
		if d.Check() == nil {
			t.Errorf("%v is taken", sure)
		}
	}
}
