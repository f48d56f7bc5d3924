package results

import (
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// A Certainty is how exact one person's points of a part are. Shares 0…1.
type Certainty struct {
	Share       float64 // of the points of the part
	Half        float64 // in nine cases of ten the true share lies within ±
	Low, High   float64
	Own         bool // the error is that of people with such points, not of everybody
	Reliability *float64
	Works       int
}

// ninety is how many errors nine cases of ten lie within.
const ninety = 1.645

// certainty finds how exact a person's points of a part are; nil where the work has
// tasks that were not reached or wait, or the variant has no figures.
func certainty(s Scored, part quality.Part, versions map[int64]bank.Version) *Certainty {
	mine := []int64{}
	points, most := 0.0, 0.0
	for _, t := range s.Tasks {
		v := versions[t.TaskVersionID]
		if v.Part != part.Part || v.Kind == task.Likert || t.Max <= 0 {
			continue
		}
		if t.State != StateScored && t.State != StateOmitted {
			return nil
		}
		mine = append(mine, t.TaskVersionID)
		points, most = points+*t.Points, most+t.Max
	}
	slices.Sort(mine)
	for _, v := range part.Variants {
		if most == 0 || !slices.Equal(mine, slices.Sorted(slices.Values(v.Versions))) {
			continue
		}
		c := &Certainty{Share: points / most, Reliability: figureOrNil(v.Alpha), Works: v.Works}
		sem, own := v.ErrorOf(c.Share)
		if math.IsNaN(float64(sem)) {
			return nil
		}
		c.Own, c.Half = own, ninety*float64(sem)
		c.Low, c.High = max(0, c.Share-c.Half), min(1, c.Share+c.Half)
		return c
	}
	return nil
}

// missed tells whether the person's time did not reach some task of a part.
func missed(s Scored, part task.Part, versions map[int64]bank.Version) bool {
	return slices.ContainsFunc(s.Tasks, func(t TaskScore) bool { return t.State == StateNotReached && versions[t.TaskVersionID].Part == part })
}

// Trust says how far the part can be believed, by its reliability.
func (c Certainty) Trust() string {
	switch {
	case c.Reliability == nil:
		return ""
	case *c.Reliability >= 0.8:
		return "Эта часть хорошо отличает разные уровни подготовки."
	case *c.Reliability >= 0.7:
		return "Эта часть отличает разные уровни подготовки достаточно уверенно."
	case *c.Reliability >= 0.5:
		return "Заданий в части немного, поэтому она показывает уровень приблизительно: судите по ней вместе с тем, что знаете о себе."
	}
	return "По этой части уровень виден лишь в общих чертах: не делайте по ней одной никаких выводов."
}
