package quality

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/dif"
)

// Unequal is the flag of a task that is harder for one of two groups at the same level
// of what the part measures; At names the comparison, Value is the standardised
// difference (focal less reference, share of points).
const Unequal = "unequal"

// FewestInGroup is how many works each of two groups needs to be compared.
const FewestInGroup = 100

// A Comparison is two groups of people. Labels go on after «те, кто…».
type Comparison struct {
	Title            string
	Reference, Focal string
}

// Comparisons are what tasks are compared by.
var Comparisons = map[string]Comparison{
	"rural":      {"Город и село", "работает в городе", "работает в селе"},
	"experience": {"Стаж", "работает 10 лет и больше", "работает меньше 10 лет"},
}

// ByComparison lists the comparisons in the order of a page.
var ByComparison = []string{"rural", "experience"}

// A Fairness is one comparison over the tasks of a part.
type Fairness struct {
	By        string       `json:"by"`
	Reference int          `json:"reference"` // works; 0 where the group is too small to be told
	Focal     int          `json:"focal"`
	WhyNot    string       `json:"why_not"`
	Tasks     []Difference `json:"tasks"`
}

// A Difference is one task in a comparison.
type Difference struct {
	VersionID int64  `json:"version"`
	Value     Number `json:"value"` // standardised difference, share of points; under 0 harder for the focal group
	Delta     Number `json:"delta"` // Mantel–Haenszel's, of ETS; 0/1 tasks
	P         Number `json:"p"`
	Class     string `json:"class"` // A slight or none, B some, C large; "" where there is none
}

// largeDifference is the standardised difference from which a significant one of a task
// of several points is large (Dorans & Schmitt 1991: 0.10).
const largeDifference = 0.10

// compare looks for tasks that treat two groups unequally, in the variant that most
// people wrote, and flags the large ones.
func compare(by string, f form, m scored, figures map[int64]*TaskFigure) Fairness {
	out := Fairness{By: by, Tasks: []Difference{}}
	groups := make([]dif.Group, len(f.works))
	sizes := [2]int{}
	for i, w := range f.works {
		focal, known := w.Focal[by]
		groups[i] = dif.Neither
		if !known {
			continue
		}
		groups[i] = dif.Reference
		if focal {
			groups[i] = dif.Focal
		}
	}
	for _, p := range m.Complete() {
		if groups[p] != dif.Neither {
			sizes[groups[p]]++
		}
	}
	if min(sizes[0], sizes[1]) < FewestInGroup {
		out.WhyNot = fmt.Sprintf("в одной из групп меньше %d работ: сравнение было бы случайным", FewestInGroup)
		return out
	}
	a, err := dif.Analyse(m.Responses, groups, true)
	if err != nil {
		out.WhyNot = "сравнить не удалось: суммы баллов групп не пересекаются"
		return out
	}
	out.Reference, out.Focal = sizes[0], sizes[1]
	for i, it := range a.Items {
		d := Difference{VersionID: f.tasks[i].VersionID, Value: it.StdDiff, Delta: it.DeltaMH, P: it.P}
		switch {
		case it.ETS != nil:
			d.Class = *it.ETS
		case math.IsNaN(float64(it.P)) || math.IsNaN(float64(it.StdDiff)):
		case it.P < 0.05 && math.Abs(float64(it.StdDiff)) >= largeDifference:
			d.Class = "C"
		case it.P < 0.05 && math.Abs(float64(it.StdDiff)) >= largeDifference/2:
			d.Class = "B"
		default:
			d.Class = "A"
		}
		if d.Class == "C" {
			figure := figures[d.VersionID]
			figure.Flags = append(figure.Flags, Flag{Code: Unequal, Value: d.Value, Limit: largeDifference, At: by})
		}
		out.Tasks = append(out.Tasks, d)
	}
	return out
}

// serious are the flags that ask to look at a task before it is used again; the rest
// are remarks. In the order of gravity.
var serious = []string{ctt.NegativeRest, ctt.DistractorBetter, ctt.NoVariance, Unequal, ctt.WeakRest, Misfit}

var remarks = []string{Erratic, ctt.DistractorAttract, ctt.TooEasy, ctt.TooHard, ctt.ManyNotReached, ctt.ManyOmitted, ctt.DistractorUnused}

// Serious tells whether a flag asks to look at the task before it is used again.
func (f Flag) Serious() bool { return !f.Unsure && slices.Contains(serious, f.Code) }
