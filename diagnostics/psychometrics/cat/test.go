package cat

import (
	"fmt"
	"math/rand/v2"
)

// A Test is one person's adaptive test. It is no use to two goroutines at once.
type Test struct {
	bank    *Bank
	rng     *rand.Rand
	like    []float64 // on the grid
	used    []bool
	answers []answer
	theta   float64
	se      float64
	pending int // the item given out and not answered yet, −1 none
	value   float64
	inTest  []int // answered items by domain
}

// Reason is why a test ended.
type Reason string

// The reasons.
const (
	Precise  Reason = "se"        // the standard error was small enough
	Long     Reason = "max_items" // as many items as a test may have
	UsedUp   Reason = "bank"      // no item left that may be given
	Unending Reason = ""          // it has not ended
)

// Begin starts a test. stream tells persons apart: draws of the same seed and stream
// are the same again.
func (b *Bank) Begin(stream uint64) *Test {
	t := &Test{bank: b, theta: b.Settings.Start, se: b.Settings.PriorSD, pending: -1, like: make([]float64, len(b.nodes)),
		used: make([]bool, len(b.Items)), inTest: make([]int, len(b.Settings.Content))}
	for q := range t.like {
		t.like[q] = 1
	}
	if b.Settings.Randomesque > 1 {
		t.rng = rand.New(rand.NewPCG(b.Settings.Seed, stream))
	}
	return t
}

// Estimate is the ability so far and its standard error.
func (t *Test) Estimate() (theta, se float64) { return t.theta, t.se }

// Value is what the rule made of the item given out last.
func (t *Test) Value() float64 { return t.value }

// Next is the item to give now, the same until it is answered; or why the test has
// ended. may narrows the choice, nil allows all; one refused now may come later.
func (t *Test) Next(may func(item int) bool) (item int, end Reason) {
	s := &t.bank.Settings
	switch {
	case t.pending >= 0:
		return t.pending, Unending
	case s.MaxItems > 0 && len(t.answers) >= s.MaxItems:
		return -1, Long
	case s.StopSE > 0 && len(t.answers) > 0 && len(t.answers) >= s.MinItems && t.se <= s.StopSE:
		return -1, Precise
	}
	free := func(i int) bool { return !t.used[i] && (may == nil || may(i)) }
	var list []candidate
	if len(s.Content) == 0 {
		list = t.choose(max(1, s.Randomesque), free)
	}
	// The domain furthest under its share goes first; where it has no item left, the next.
	tried := make([]bool, len(s.Content))
	for range s.Content {
		at, most := -1, 0.0
		for d, c := range s.Content {
			gap := c.Share
			if len(t.answers) > 0 {
				gap -= float64(t.inTest[d]) / float64(len(t.answers))
			}
			if !tried[d] && (at < 0 || gap > most) {
				at, most = d, gap
			}
		}
		tried[at] = true
		if list = t.choose(max(1, s.Randomesque), func(i int) bool { return t.bank.domain[i] == at && free(i) }); len(list) > 0 {
			break
		}
	}
	if len(list) == 0 {
		return -1, UsedUp
	}
	chosen := list[0]
	if t.rng != nil {
		chosen = list[t.rng.IntN(len(list))]
	}
	t.pending, t.value = chosen.item, chosen.value
	t.used[chosen.item] = true
	return chosen.item, Unending
}

// Record takes the answer to the item that Next gave. A score that the item does not
// have, or an answer without an item, is an error and changes nothing.
func (t *Test) Record(score int) error {
	if t.pending < 0 {
		return fmt.Errorf("no item is waiting for an answer")
	}
	chances := t.bank.chances[t.pending]
	if score < 0 || score >= len(chances) {
		return fmt.Errorf("item %s: score %d, expected 0 to %d", t.bank.Items[t.pending].ID, score, len(chances)-1)
	}
	most := 0.0
	for q := range t.like {
		t.like[q] *= chances[score][q]
		most = max(most, t.like[q])
	}
	if most < 1e-200 { // a very long test: scale, no estimate depends on it
		for q := range t.like {
			t.like[q] /= most
		}
	}
	t.answers = append(t.answers, answer{t.pending, score})
	if d := t.bank.domain[t.pending]; d >= 0 {
		t.inTest[d]++
	}
	t.pending = -1
	t.theta, t.se = t.bank.estimate(t.like, t.answers)
	return nil
}
