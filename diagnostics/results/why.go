package results

import (
	"fmt"
	"math"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/web"
)

// A Why is what stands behind an estimate of an element. Probabilities are those that the
// true share lies under the cut.
type Why struct {
	Before  float64           // of anybody, before any answer
	Others  float64           // by the person's answers to all other elements
	All     float64           // by everything
	Pulls   map[int64]float64 // by task version: weight of the answer as evidence, in log odds; above 0 for «under the cut»
	Unclear bool              // there is no verdict yet that more answers could give
	Width   float64           // of the interval now
	Needed  int               // average tasks that give a verdict in every second case; 0 where even very many do not
	Spare   int               // short tasks of the bank on the element that the person was never given
	Next    []NextTask        // of these the set that would settle most, in the order of choice
}

// A NextTask is a task that the person has not been given: which one, never what it asks.
// Figures are expectations over the answers that it may get.
type NextTask struct {
	TaskID  int64
	Code    string // for those alone who may see the bank
	Kind    task.Kind
	Level   task.Level
	Minutes int
	Part    float64 // of the doubt there is now, 0…1, that it takes away beyond those before it
	Width   float64 // of the interval after it and those before it
	Settled float64 // chance that a verdict can then be given
	Typical bool    // nobody has answered it: taken as an average task of its level
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
	now := "deficit" // a verdict or no rule to contradict: the nearest number
	if w.Unclear {
		now = "possible"
	}
	all := fmt.Sprintf("%d из 100", competency.Chances(now, w.All))
	text := fmt.Sprintf("В среднем по участникам шансов, что тема освоена ниже порога, %s. По %s вышло бы %s", chance(w.Before), yours, chance(w.Others))
	switch d := w.All - w.Others; {
	case d >= 0.02:
		return text + fmt.Sprintf("; %s подняли это до %s.", mine, all)
	case d <= -0.02:
		return text + fmt.Sprintf("; %s снизили это до %s.", mine, all)
	}
	return text + fmt.Sprintf("; %s почти ничего не изменили: %s.", mine, all)
}

// Last is what is expected after the whole set; Next must not be empty.
func (w Why) Last() NextTask { return w.Next[len(w.Next)-1] }

// Minutes is how long the set takes.
func (w Why) Minutes() (sum int) {
	for _, n := range w.Next {
		sum += n.Minutes
	}
	return sum
}

// HowMany is the set in words: «ещё 2 короткие задачи».
func (w Why) HowMany() string {
	if len(w.Next) == 1 {
		return "ещё одна короткая задача"
	}
	return "ещё " + web.Plural(len(w.Next), "короткая задача", "короткие задачи", "коротких задач")
}

// Hope says in words how likely the set gives a verdict.
func (w Why) Hope() string {
	switch s := w.Last().Settled; {
	case s >= 0.7:
		return "скорее всего, станет ясно"
	case s >= 0.4:
		return "примерно в половине случаев станет ясно"
	case w.Wanted() != "":
		return "разброс сократится; " + w.Wanted()
	}
	return "разброс сократится, но для твёрдого вывода этого мало"
}

// Wanted says how many tasks a verdict takes as a rule, nothing where the set will do.
func (w Why) Wanted() string {
	switch {
	case len(w.Next) > 0 && (w.Last().Settled >= 0.4 || w.Needed > 0 && w.Needed <= len(w.Next)):
		return ""
	case w.Needed == 0:
		return "результат у самого порога, и твёрдый вывод потребует очень многих задач"
	}
	return "в половине случаев твёрдый вывод " + web.Word(w.Needed, "даст", "дадут", "дадут") + " " + web.Plural(w.Needed, "задача", "задачи", "задач")
}

// Settle says in words what would make the verdict clear, nothing where there is one.
func (w Why) Settle() string {
	switch {
	case !w.Unclear:
		return ""
	case len(w.Next) == 0:
		return "Чтобы сказать точнее, нужны новые задачи по этой теме; пока их нет."
	}
	verb := "покажут"
	if len(w.Next) == 1 {
		verb = "покажет"
	}
	text := w.HowMany()
	return "Е" + strings.TrimPrefix(text, "е") + " по этой теме " + verb + " точнее: " + w.Hope() + "."
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
