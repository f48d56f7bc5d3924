package cat

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Usage is how often an item was given.
type Usage struct {
	Item string `json:"item"`
	Rate Number `json:"rate"` // share of tests
}

// A Band is how tests went for persons of an ability.
type Band struct {
	From  Number `json:"from"`
	To    Number `json:"to"`
	N     int    `json:"n"`
	Items Number `json:"items"` // mean length
	Bias  Number `json:"bias"`  // mean of estimate less truth
	RMSE  Number `json:"rmse"`
	SE    Number `json:"se"` // mean standard error that the tests said
}

// A Simulation is the answer of "psychometrics simulate-cat".
type Simulation struct {
	Settings    Settings `json:"settings"`
	Persons     int      `json:"persons"`
	Items       int      `json:"bank"`
	Length      Number   `json:"items"` // mean length of a test
	Bias        Number   `json:"bias"`
	RMSE        Number   `json:"rmse"`
	SE          Number   `json:"se"`
	Correlation Number   `json:"correlation"` // of estimate and truth
	Bands       []Band   `json:"bands"`
	Usage       []Usage  `json:"usage"`     // in the bank's order
	MaxUsage    Number   `json:"max_usage"` // of the most used item
	Unused      int      `json:"unused"`    // items never given
	Overlap     Number   `json:"overlap"`   // expected share of common items of two tests: Σ rate² / mean length (Chen, Ankenmann & Spray 2003)
	Domains     []Share  `json:"domains"`   // of the items given
	Warnings    []string `json:"warnings"`
}

// bands cuts abilities at −2, −1, 0, 1, 2 standard deviations of the prior.
const bands = 6

// Simulate gives n persons, drawn from the prior by the settings' seed, a test each;
// answers are drawn by the items' models. The same settings give the same figures.
// Under MaxExposure an item that has gone to more than this share of the tests so far
// is held back (restricted maximum information, Revuelta & Ponsoda 1998).
func Simulate(items []irt.Item, s Settings, n int) (*Simulation, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d persons, expected at least 1", n)
	}
	b, err := NewBank(items, s)
	if err != nil {
		return nil, err
	}
	s = b.Settings
	rng := rand.New(rand.NewPCG(s.Seed, 0x5eed))
	out := &Simulation{Settings: s, Persons: n, Items: len(items), Bands: make([]Band, bands), Usage: make([]Usage, len(items)), Domains: []Share{}, Warnings: []string{}}
	given := make([]int, len(items))
	inDomain := make([]int, len(s.Content))
	total, cut := 0, 0
	var st, se2, tt, ee, te, te2, mt, me float64
	type sums struct{ n, items, bias, square, se float64 }
	by := make([]sums, bands)
	p := make([]float64, 0, 16)
	for person := range n {
		truth := s.PriorMean + s.PriorSD*rng.NormFloat64()
		var may func(item int) bool
		if s.MaxExposure > 0 {
			may = func(i int) bool { return float64(given[i]) <= s.MaxExposure*float64(person) }
		}
		t := b.Begin(uint64(person))
		length := 0
		for {
			item, end := t.Next(may)
			if item < 0 {
				if end == UsedUp && s.MaxItems > 0 {
					cut++
				}
				break
			}
			it := &b.Items[item]
			p = p[:0]
			for range it.Max() + 1 {
				p = append(p, 0)
			}
			it.Probabilities(truth, p)
			u, score := rng.Float64(), 0
			for score < it.Max() && u >= p[score] {
				u -= p[score]
				score++
			}
			if err := t.Record(score); err != nil {
				return nil, err
			}
			given[item]++
			if d := b.domain[item]; d >= 0 {
				inDomain[d]++
			}
			length++
		}
		total += length
		theta, se := t.Estimate()
		d := theta - truth
		band := max(0, min(bands-1, int(math.Floor((truth-s.PriorMean)/s.PriorSD))+bands/2))
		sum := &by[band]
		sum.n++
		sum.items += float64(length)
		sum.bias += d
		sum.square += d * d
		sum.se += se
		st += d
		se2 += d * d
		te2 += se
		mt += truth
		me += theta
		tt += truth * truth
		ee += theta * theta
		te += truth * theta
	}
	m := float64(n)
	out.Length, out.Bias, out.RMSE, out.SE = Number(float64(total)/m), Number(st/m), Number(math.Sqrt(se2/m)), Number(te2/m)
	out.Correlation = Number((te - mt*me/m) / math.Sqrt((tt-mt*mt/m)*(ee-me*me/m)))
	if n < 3 {
		out.Correlation = psychometrics.None
	}
	for k, sum := range by {
		out.Bands[k] = Band{From: Number(s.PriorMean + float64(k-bands/2)*s.PriorSD), To: Number(s.PriorMean + float64(k+1-bands/2)*s.PriorSD), N: int(sum.n),
			Items: Number(sum.items / sum.n), Bias: Number(sum.bias / sum.n), RMSE: Number(math.Sqrt(sum.square / sum.n)), SE: Number(sum.se / sum.n)}
	}
	out.Bands[0].From, out.Bands[bands-1].To = psychometrics.None, psychometrics.None
	var squares float64
	for i := range items {
		rate := float64(given[i]) / m
		out.Usage[i] = Usage{Item: items[i].ID, Rate: Number(rate)}
		out.MaxUsage = max(out.MaxUsage, Number(rate))
		squares += rate * rate
		if given[i] == 0 {
			out.Unused++
		}
	}
	out.Overlap = psychometrics.None
	if total > 0 {
		out.Overlap = Number(squares / (float64(total) / m))
	}
	for d, c := range s.Content {
		out.Domains = append(out.Domains, Share{Domain: c.Domain, Share: float64(inDomain[d]) / float64(max(1, total))})
	}
	if cut > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d of %d tests ended early: no item was left that might be given", cut, n))
	}
	return out, nil
}
