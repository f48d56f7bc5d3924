package results

import (
	"fmt"
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/web"
)

// A Why is what stands behind an estimate of an element. Probabilities are those that the
// true share lies under the cut.
type Why struct {
	Before float64           // of anybody, before any answer
	Others float64           // by the person's answers to all other elements
	All    float64           // by everything
	Pulls  map[int64]float64 // by task version: weight of the answer as evidence, in log odds; above 0 for «under the cut»
	Next   []NextTask        // tasks of the bank that would settle most, the best first
}

// A NextTask is a task that the person has not been given: which one, never what it asks.
type NextTask struct {
	Code  string
	Kind  task.Kind
	Level task.Level
	Part  float64 // of the doubt, 0…1, that it is expected to take away
}

// chance is a probability as «35 из 100»; nothing is certain.
func chance(p float64) string {
	return fmt.Sprintf("%d из 100", web.Chance(p))
}

// Sentence tells where the probability comes from. own speaks to the person.
func (w Why) Sentence(own bool) string {
	yours, mine := "остальным темам педагога", "ответы по этой теме"
	if own {
		yours, mine = "вашим остальным темам", "ваши ответы по этой теме"
	}
	text := fmt.Sprintf("В среднем по участникам шансов, что тема освоена ниже порога, %s. По %s вышло бы %s", chance(w.Before), yours, chance(w.Others))
	switch d := w.All - w.Others; {
	case d >= 0.02:
		return text + fmt.Sprintf("; %s подняли это до %s.", mine, chance(w.All))
	case d <= -0.02:
		return text + fmt.Sprintf("; %s снизили это до %s.", mine, chance(w.All))
	}
	return text + fmt.Sprintf("; %s почти ничего не изменили: %s.", mine, chance(w.All))
}

// Settle says in words that more tasks would help, nothing where it is clear enough.
func (w Why) Settle() string {
	if len(w.Next) == 0 || w.All*(1-w.All) < 0.1 {
		return ""
	}
	return fmt.Sprintf("Яснее станет, если решить ещё %s по этой теме.", web.Plural(len(w.Next), "задание", "задания", "заданий"))
}

// PullWords says of what an answer speaks and how strongly.
func PullWords(pull float64) string {
	size := math.Abs(pull)
	if size < 0.1 {
		return "почти не меняет вывода"
	}
	words := "немного"
	switch {
	case size >= 1:
		words = "сильно"
	case size >= 0.4:
		words = "заметно"
	}
	if pull > 0 {
		return words + " за «стоит укрепить»"
	}
	return words + " за «уверенно»"
}

// Speaks says of what the line's answer speaks, nothing where it is not known.
func (l EvidenceLine) Speaks() string {
	if l.Pull == nil {
		return ""
	}
	return PullWords(*l.Pull)
}

// Weigh puts the pulls of tasks on the lines of an element.
func Weigh(lines []EvidenceLine, w *Why) []EvidenceLine {
	if w == nil {
		return lines
	}
	out := make([]EvidenceLine, len(lines))
	for i, l := range lines {
		if pull, ok := w.Pulls[l.Version]; ok {
			l.Pull = &pull
		}
		out[i] = l
	}
	return out
}
