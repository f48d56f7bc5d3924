package infer

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Method names the model of this version of the package; a stored model of
// another method is refused, so that a figure is never read by the wrong rule.
const Method = "two-tier/1"

// A Model is a fitted (or weak) model; its JSON is stored with every estimate's
// version. Everything Infer needs is in it: with the same answers it gives the same
// figures again.
type Model struct {
	Method     string         `json:"method"`
	Fitted     bool           `json:"fitted"` // false: the prior alone
	Policy     Policy         `json:"policy"`
	Persons    int            `json:"persons"`
	Areas      []ModelArea    `json:"areas"`
	Elements   []ModelElement `json:"elements"`
	Tasks      []ModelTask    `json:"tasks"`
	Typical    Typical        `json:"typical"`
	LogLik     float64        `json:"loglik"`
	Iterations int            `json:"iterations"`
	Converged  bool           `json:"converged"`
	Warnings   []string       `json:"warnings"`
}

// A ModelArea is the distribution of ability in an area over persons: normal, with the
// loading on what all areas share.
type ModelArea struct {
	Area    string  `json:"area"`
	Mean    float64 `json:"mean"`
	SD      float64 `json:"sd"`
	Loading float64 `json:"loading"`
}

// A ModelElement is an element and how far persons deviate in it from their ability in
// its area (σ_e, in units of ability).
type ModelElement struct {
	Element string  `json:"element"`
	Area    string  `json:"area"`
	SD      float64 `json:"sd"`
	Freedom float64 `json:"freedom"` // how well σ_e is known, as degrees of freedom; 0 is as known
	Persons int     `json:"persons"` // with evidence
}

// A ModelTask is a task with its parameters on the scale of x = θ + δ. Points are held
// as levels 0…len(D): level = points/max·len(D), rounded.
type ModelTask struct {
	Task
	Model   irt.Model `json:"model"`
	A       float64   `json:"a"`
	D       []float64 `json:"d"`
	C       float64   `json:"c"`
	Cov     []float64 `json:"cov,omitempty"` // of (a, d_1…), row by row; none: taken as known
	Answers int       `json:"answers"`
	// Evidence is the element that the answers are evidence of, where several share the
	// largest weight (see evidence.go); a model that did not store it draws by ids.
	Evidence string  `json:"evidence,omitempty"`
	Fixed    bool    `json:"fixed"`            // taken from the bank or another model
	Scores   []int   `json:"scores,omitempty"` // the lowest points of each level, where the bank's parameters know not all; none: levels lie evenly
	Out      string  `json:"out,omitempty"`    // why the task is left out, empty where it is not
	Mean     float64 `json:"mean,omitempty"`   // share of points seen
	// Calibrated is how many answers the parameters were found by, where another model did; 0: as known.
	Calibrated int `json:"calibrated,omitempty"`
	// Contradicts is set where the answers contradict parameters from the bank.
	Contradicts *Contradiction `json:"contradicts,omitempty"`
}

// Typical is the task that stands in for one of which nothing is known but, it may be, its
// level: there its intercept is the mean over the tasks of that level, drawn to that of all
// where they are few. The slope is the same: authors foresee difficulty, not discrimination.
type Typical struct {
	A      float64            `json:"a"`
	D      float64            `json:"d"`
	Levels map[string]float64 `json:"levels,omitempty"` // D of a level
}

// What is supposed before anybody answered, each with its strength in fit.go.
const (
	typicalA, typicalD = 1.1, 0.5
	typicalSD          = 0.7  // of an element's deviation,
	leastFreedom       = 4.0  // known from the answers of many as from so many degrees of freedom at least,
	supposedFreedom    = 10.0 // and as from so many where it is what is supposed
	typicalLoading     = 0.75
)

func (t *ModelTask) item() irt.Item {
	return irt.Item{ID: t.ID, Model: t.Model, A: t.A, D: t.D, C: t.C, Scores: t.Scores}
}

// level puts points into the task's categories; points that the parameters do not know
// are taken as the next lower ones that they do.
func (t *ModelTask) level(points float64) int {
	if t.Scores != nil {
		item := t.item()
		return item.Category(int(math.Floor(points + 1e-9)))
	}
	return min(len(t.D), max(0, int(math.Round(points/t.Max*float64(len(t.D))))))
}

// worth is the points of level k.
func (t *ModelTask) worth(k int) float64 {
	if t.Scores != nil {
		return min(t.Max, float64(t.Scores[k]))
	}
	return float64(k) / float64(len(t.D)) * t.Max
}

// task is t with the parameters of a typical task of so many levels.
func (y Typical) task(t Task, levels int) ModelTask {
	if d, known := y.Levels[t.Level]; known {
		y.D = d
	}
	m := ModelTask{Task: t, Model: irt.TwoPL, A: y.A, D: make([]float64, levels)}
	if levels > 1 {
		m.Model = irt.GPCM
		m.A = y.A / math.Sqrt(float64(levels)) // a step tells less than a whole task
	}
	for k := range m.D {
		m.D[k] = y.D * float64(k+1) * float64(levels-k) / float64(levels) // steps spread about −d/a
		if levels == 1 {
			m.D[k] = y.D
		}
	}
	return m
}

// mostLevels is how many levels of points a task is given at most; finer points are rounded.
const mostLevels = 10

// levelsOf is how many levels a maximum has when points come whole or, fine, in halves.
func levelsOf(most float64, whole bool) int {
	switch {
	case most <= 0:
		return 1
	case whole && most == math.Trunc(most) && most <= mostLevels:
		return int(most)
	}
	return min(mostLevels, max(1, int(math.Ceil(2*most))))
}

// Weak is the model before anybody's answers are known: what it says is preliminary.
func Weak(elements []string, p Policy) (Model, error) {
	if err := p.Check(); err != nil {
		return Model{}, err
	}
	m := Model{Method: Method, Policy: p, Typical: Typical{A: typicalA, D: typicalD}, Converged: true, Warnings: []string{}, Tasks: []ModelTask{}}
	m.shape(elements)
	return m, nil
}

// shape lays out elements and areas with what is supposed of them.
func (m *Model) shape(elements []string) {
	m.Elements, m.Areas = []ModelElement{}, []ModelArea{}
	for _, e := range sorted(elements) {
		m.Elements = append(m.Elements, ModelElement{Element: e, Area: m.Policy.Areas[e], SD: typicalSD, Freedom: supposedFreedom})
	}
	names := []string{}
	for _, e := range m.Elements {
		names = append(names, e.Area)
	}
	for _, a := range sorted(names) {
		m.Areas = append(m.Areas, ModelArea{Area: a, SD: 1, Loading: typicalLoading})
	}
}
