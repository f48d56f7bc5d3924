package competency

import (
	"fmt"
	"math"
)

// A Verdict is what is said of an element of one person, from most to least in need of
// strengthening. It divides the status «possible» in three, so that a probability of 0.75
// and one of 0.25 are not called alike; everything that words a status asks VerdictOf.
type Verdict string

// The verdicts. Weak, Sure and Silent are the statuses deficit, none and insufficient;
// the others are parts of possible.
const (
	Weak     Verdict = "deficit"
	Likely   Verdict = "likely"   // possible, p from 0.6
	Unclear  Verdict = "unclear"  // possible, p from 0.4 to 0.6
	Unlikely Verdict = "unlikely" // possible, p under 0.4
	Sure     Verdict = "none"
	Silent   Verdict = "insufficient"
)

// LikelyFrom and UnclearFrom are the least probabilities of Likely and Unclear.
const (
	LikelyFrom  = 0.6
	UnclearFrom = 0.4
)

// Verdicts lists them in order.
var Verdicts = []Verdict{Weak, Likely, Unclear, Unlikely, Sure, Silent}

// VerdictOf is the verdict of a status of the contract with the probability that the share
// lies under the cut.
func VerdictOf(status string, p float64) Verdict {
	switch {
	case status != "possible":
		return Verdict(status)
	case p >= LikelyFrom:
		return Likely
	case p >= UnclearFrom:
		return Unclear
	}
	return Unlikely
}

// Settled tells whether it is said for certain that there is or is not something to strengthen.
func (v Verdict) Settled() bool { return v == Weak || v == Sure }

// Words are how every page, workbook and document calls the verdict.
func (v Verdict) Words() string {
	switch v {
	case Weak:
		return "стоит укрепить"
	case Likely:
		return "возможно, стоит укрепить"
	case Unclear:
		return "пока неясно"
	case Unlikely:
		return "скорее уверенно"
	case Sure:
		return "уверенно"
	}
	return "мало данных"
}

// Tag is the class of the verdict's tag.
func (v Verdict) Tag() string {
	switch v {
	case Weak:
		return "tag-weak"
	case Likely:
		return "tag-wait"
	case Sure:
		return "tag-good"
	}
	return "tag-none"
}

// Severities are the severities of which one is said, worst first.
var Severities = []string{"high", "medium", "low"}

// SeverityWords says how much there is to strengthen, nothing where the bands say nothing.
// They are no words of a verdict: «пока неясно» may stand beside «заметно».
func SeverityWords(severity string) string {
	switch severity {
	case "high":
		return "сильно"
	case "medium":
		return "заметно"
	case "low":
		return "немного"
	}
	return ""
}

// Chances is a probability in chances of 100, 1…99, that never contradicts the verdict
// beside it. One that decided nothing is rounded towards 50, so that 0.7996 is 79 where
// the rule speaks from 80, and stays within the words' own bounds.
func Chances(status string, p float64) int {
	n := int(math.Round(100 * p))
	if status == "possible" {
		switch {
		case p >= 0.5 && float64(n)/100 > p:
			n--
		case p < 0.5 && float64(n)/100 < p:
			n++
		}
		if VerdictOf(status, p) == Unlikely {
			n = min(n, 39)
		}
	}
	return min(99, max(1, n))
}

// A Reading is a status of the contract with what it was judged by, to be worded.
type Reading struct {
	Status, Severity string
	P                float64 // that the share lies under the cut
}

// Verdict is what is said of it.
func (r Reading) Verdict() Verdict { return VerdictOf(r.Status, r.P) }

// Chances is its probability in chances of 100.
func (r Reading) Chances() int { return Chances(r.Status, r.P) }

// HowMuch says how much there is to strengthen, where anything is said to be: of an
// unclear element it would sound like a verdict.
func (r Reading) HowMuch() string {
	if v := r.Verdict(); v == Weak || v == Likely {
		return SeverityWords(r.Severity)
	}
	return ""
}

// Words are the verdict and, in brackets, how much: «стоит укрепить (заметно)».
func (r Reading) Words() string {
	say := r.Verdict().Words()
	if much := r.HowMuch(); much != "" {
		say += " (" + much + ")"
	}
	return say
}

// Words says when the scale lets something be said for certain.
func (d Definition) Words() string {
	if d.Rule == RuleShare {
		return fmt.Sprintf("Вывод делается по доле баллов: меньше %.0f %% — «стоит укрепить».", 100*d.Cut)
	}
	return fmt.Sprintf("«Стоит укрепить» говорим, когда не меньше %.0f шансов из 100, что освоено ниже порога, «уверенно» — когда не больше %.0f.", 100*d.Sure[1], 100*d.Sure[0])
}
