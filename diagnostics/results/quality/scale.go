package quality

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Codes of flags of the calibration.
const (
	Erratic = "erratic" // answers are less foreseeable than the model has it
	Misfit  = "misfit"  // the curve is not where the answers are (S-X²)
)

const (
	infitOver   = 1.3  // customary for tests of this kind: Wright & Linacre (1994)
	misfitUnder = 0.01 // p of S-X²
)

// fewestForSlopes is from how many works each task gets a slope of its own; under it
// slopes are mostly chance (de Ayala 2009, ch. 5: 250 at least).
const fewestForSlopes = 250

// A Scale is the calibration of a part: its tasks and its people on one scale of
// ability, whose unit is the logit.
type Scale struct {
	Model       irt.Model   `json:"model"`
	Why         WhyModel    `json:"why"`
	Works       int         `json:"works"`
	LogLik      Number      `json:"loglik"`
	AIC         Number      `json:"aic"`
	BIC         Number      `json:"bic"`
	Mean        Number      `json:"mean"` // of ability
	SD          Number      `json:"sd"`
	Reliability Number      `json:"reliability"` // of EAP scores over these works
	Abilities   []Abilities `json:"abilities"`   // WLE, ascending
	Off         []int64     `json:"off"`         // versions that could not be put on the scale
	Warnings    []string    `json:"warnings"`    // of the engine
}

// WhyModel is why a model was taken.
type WhyModel string

// Reasons.
const (
	EnoughWorks WhyModel = "enough_works" // a slope for each task
	FewWorks    WhyModel = "few_works"    // one slope for all: too few works for more
	NoSlopes    WhyModel = "no_slopes"    // slopes were tried and did not settle
)

// Abilities is how many people lie between two points of the scale; never fewer than five.
type Abilities struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	N    int     `json:"n"`
}

// An Item is a task on the scale of its part.
type Item struct {
	Fit    irt.ItemFit `json:"fit"`
	Unit   int         `json:"unit"` // by how much the points were multiplied to be whole
	Infit  Number      `json:"infit"`
	Outfit Number      `json:"outfit"`
	SX2    Number      `json:"s_x2"`
	DF     Number      `json:"s_x2_df"`
	PFit   Number      `json:"s_x2_p"`
}

// Share is the expected share of the points of the task, whose maximum is most, at an ability.
func (it *Item) Share(theta, most float64) float64 {
	item := it.Fit.Item()
	p := make([]float64, item.Max()+1)
	item.Probabilities(theta, p)
	sum := 0.0
	for k, x := range p {
		points := float64(k)
		if len(it.Fit.Scores) > 0 {
			points = float64(it.Fit.Scores[k])
		}
		sum += x * points
	}
	return sum / float64(max(1, it.Unit)) / most
}

// Half is the ability at which half the points are expected: the place of the task on
// the map. It does not exist where the expected share does not pass one half on
// [−8, 8] rising.
func (it *Item) Half(most float64) Number {
	low, high := -8.0, 8.0
	if it.Share(low, most) > 0.5 || it.Share(high, most) < 0.5 {
		return psychometrics.None
	}
	for range 60 {
		middle := (low + high) / 2
		if it.Share(middle, most) < 0.5 {
			low = middle
		} else {
			high = middle
		}
	}
	return Number((low + high) / 2)
}

// A Point is a curve at one ability.
type Point struct {
	Theta, Y float64
}

// Curve is the expected share of the points from −4 to 4, every half.
func (it *Item) Curve(most float64) []Point {
	out := []Point{}
	for i := range 17 {
		theta := -4 + float64(i)/2
		out = append(out, Point{theta, it.Share(theta, most)})
	}
	return out
}

// Information of tasks together from −4 to 4, every half.
func Information(items []*Item) []Point {
	out := []Point{}
	for i := range 17 {
		theta, sum := -4+float64(i)/2, 0.0
		for _, it := range items {
			item := it.Fit.Item()
			sum += item.Information(theta)
		}
		out = append(out, Point{theta, sum})
	}
	return out
}

func (it *Item) flags() []Flag {
	list := []Flag{}
	if it == nil {
		return list
	}
	if it.Infit > infitOver {
		list = append(list, Flag{Code: Erratic, Value: it.Infit, Limit: infitOver})
	}
	if it.PFit < misfitUnder {
		list = append(list, Flag{Code: Misfit, Value: it.PFit, Limit: misfitUnder})
	}
	return list
}

// calibrate puts the tasks of a part on one scale and fills in their items; nil where
// no model settles. Tasks to which all gave the same points stay off the scale.
func calibrate(tasks []Task, works []Work, figures []TaskFigure) *Scale {
	s := &Scale{Off: []int64{}, Warnings: []string{}}
	at, on := []int{}, []Task{}
	for i, t := range tasks {
		if varies(t, works) {
			at, on = append(at, i), append(on, t)
		} else {
			s.Off = append(s.Off, t.VersionID)
		}
	}
	m := matrix(on, works, func(t Task) int { return unitOf(t, works) })
	m.answered()
	if len(on) < 2 || len(m.Persons) < Fewest {
		return nil
	}
	var fit *irt.Fit
	if s.Why = FewWorks; len(m.Persons) >= fewestForSlopes {
		s.Why = EnoughWorks
		if fit = settled(m.Responses, irt.GPCM); fit == nil {
			s.Why = NoSlopes
		}
	}
	if fit == nil {
		if fit = settled(m.Responses, irt.PCM); fit == nil {
			return nil
		}
	}
	s.Reliability = psychometrics.None
	s.Abilities = []Abilities{}
	s.Model, s.Works, s.LogLik, s.AIC, s.BIC, s.Mean, s.SD = fit.Model, fit.RowsUsed, fit.LogLik, fit.AIC, fit.BIC, fit.Latent.Mean, fit.Latent.SD
	s.Warnings = append(s.Warnings, fit.Warnings...)
	for j, item := range fit.Items {
		figures[at[j]].Item = &Item{Fit: item, Unit: m.units[j], Infit: psychometrics.None, Outfit: psychometrics.None, SX2: psychometrics.None, DF: psychometrics.None, PFit: psychometrics.None}
	}
	stats, err := fit.FitStats(m.Responses, irt.StatOptions{})
	if err != nil {
		s.Warnings = append(s.Warnings, err.Error())
		return s
	}
	s.Reliability = stats.Reliability.Empirical
	for j, of := range stats.Items {
		it := figures[at[j]].Item
		it.Infit, it.Outfit, it.SX2, it.DF, it.PFit = of.Infit, of.Outfit, of.SX2, of.DF, of.P
	}
	scores, err := fit.Score(m.Responses, irt.WLE)
	if err != nil {
		s.Warnings = append(s.Warnings, err.Error())
		return s
	}
	thetas := make([]float64, len(scores.Persons))
	for i, p := range scores.Persons {
		thetas[i] = float64(p.Theta)
	}
	s.Abilities = spread(thetas)
	return s
}

// settled is a calibration that converged with figures one can believe, else nil.
func settled(r *psychometrics.Responses, model irt.Model) *irt.Fit {
	fit, err := irt.Calibrate(r, irt.Options{Model: model, Tol: 1e-5})
	if err != nil || !fit.Converged {
		return nil
	}
	for _, item := range fit.Items {
		if a := math.Abs(float64(item.A)); !(a < 6) || math.IsNaN(float64(item.ASE)) && model == irt.GPCM {
			return nil
		}
	}
	return fit
}

// varies tells whether a task got different points.
func varies(t Task, works []Work) bool {
	first, seen := 0.0, false
	for _, w := range works {
		a, given := w.Answers[t.VersionID]
		if !given || a.Missing != 0 && a.Missing != psychometrics.Omitted {
			continue
		}
		if seen && a.Points != first {
			return true
		}
		first, seen = a.Points, true
	}
	return false
}

// answered leaves out persons without a score.
func (m *scored) answered() {
	r := *m.Responses
	r.Persons, r.Cells = nil, nil
	for p := range m.Persons {
		row := m.Row(p)
		if slices.ContainsFunc(row, func(c psychometrics.Cell) bool { _, known := c.Score(); return known }) {
			r.Persons, r.Cells = append(r.Persons, m.Persons[p]), append(r.Cells, row...)
		}
	}
	m.Responses = &r
}

// spread counts abilities by halves of a logit; neighbours are put together until
// nobody stands in a group under five.
func spread(thetas []float64) []Abilities {
	const few = 5
	out := []Abilities{}
	all := 0
	for _, rung := range irt.Wright(thetas, nil, -4, 4, 0.5) {
		out = append(out, Abilities{rung.From, rung.To, rung.Persons})
		all += rung.Persons
	}
	if all < few {
		return []Abilities{}
	}
	for {
		worst := -1
		for i, a := range out {
			if a.N > 0 && a.N < few && (worst < 0 || a.N < out[worst].N) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		// Towards the neighbour that has people and fewer of them.
		to := worst + 1
		if worst == len(out)-1 || worst > 0 && towards(out[:worst]) && (!towards(out[worst+1:]) || out[worst-1].N > 0 && (out[worst+1].N == 0 || out[worst-1].N <= out[worst+1].N)) {
			to = worst - 1
		}
		a, b := min(worst, to), max(worst, to)
		out[a] = Abilities{out[a].Low, out[b].High, out[a].N + out[b].N}
		out = slices.Delete(out, b, b+1)
	}
	return slices.DeleteFunc(out, func(a Abilities) bool { return a.N == 0 })
}

// towards tells whether anybody stands there.
func towards(list []Abilities) bool {
	return slices.ContainsFunc(list, func(a Abilities) bool { return a.N > 0 })
}

// ByWeight sorts flags, the gravest first.
func ByWeight(flags []Flag) []Flag {
	order := slices.Concat(serious, remarks)
	return slices.SortedStableFunc(slices.Values(flags), func(a, b Flag) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Code), slices.Index(order, b.Code)), cmp.Compare(a.Place, b.Place), cmp.Compare(a.At, b.At))
	})
}

// Label is the model as specialists call it.
func (s Scale) Label() string {
	if s.Model == irt.GPCM {
		return "обобщённая модель частичных баллов (GPCM; для заданий на 1 балл это 2PL)"
	}
	return "модель частичных баллов (PCM; для заданий на 1 балл это модель Раша)"
}

// Reason says why the model was taken.
func (s Scale) Reason() string {
	switch s.Why {
	case EnoughWorks:
		return fmt.Sprintf("работ не меньше %d, поэтому у каждого задания своя различающая сила", fewestForSlopes)
	case NoSlopes:
		return "у каждого задания своя различающая сила не сошлась, поэтому она одна на всех"
	}
	return fmt.Sprintf("работ меньше %d, поэтому различающая сила одна на всех: для своей у каждого задания данных мало", fewestForSlopes)
}
