// Package quality says how good a diagnostic was: what each task tells of people, how
// sure the result of a part is, and where on one scale persons and tasks lie. It turns
// scored works into the matrices of package psychometrics and keeps what comes out in
// a shape to store and to show. It is pure; figures that do not exist are null.
package quality

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// Engine is the version of the way these figures are made; it changes when the same
// works would give other figures.
const Engine = "2"

// Fewest is how many works with a score on every task of a part a figure needs: under
// it correlations and reliability are chance.
const Fewest = 30

// Number is a figure that may not exist.
type Number = psychometrics.Number

// A Task is a task version as it was given.
type Task struct {
	VersionID int64
	Position  int // the smallest in which it stood
	Part      task.Part
	Kind      task.Kind
	Max       float64
	Places    []Place // of closed kinds: what there was to choose
	Elements  []string
}

// A Place is one choice of a task: the whole task, a gap, a row of a matching.
type Place struct {
	ID   string // "" where the task has one choice
	Menu ctt.Menu
}

// An Answer is what became of a task in one work.
type Answer struct {
	Missing psychometrics.Cell // 0 for a score; Omitted, NotReached, or Absent while experts have it
	Points  float64
	Steps   []task.Step
}

// A Work is one person's answers by task version; a task not given is not in it.
type Work struct {
	Revision int64 // of the score
	Answers  map[int64]Answer
	Focal    map[string]bool // by comparison: in the focal group or the reference one; absent where unknown
}

// Statistics are the figures of one campaign.
type Statistics struct {
	Engine string       `json:"engine"`
	Works  int          `json:"works"`
	Parts  []Part       `json:"parts"`
	Tasks  []TaskFigure `json:"-"` // stored apart, by task version
}

// A Part is what the tasks of one part say together.
type Part struct {
	Part     task.Part  `json:"part"`
	Tasks    int        `json:"tasks"`
	Variants []Variant  `json:"variants"` // those that enough people wrote, the most common first
	Scale    *Scale     `json:"scale"`    // nil where there was no calibration
	Fairness []Fairness `json:"fairness"`
	Elements []Subscore `json:"elements"` // of the most common variant, in the order of their ids
	WhyNot   string     `json:"why_not"`  // why there is no figure, "" where there is
}

// Reliability is Cronbach's alpha of the part: of its variants by their numbers of
// people. 0…1, higher is better.
func (p Part) Reliability() Number {
	return p.mean(func(v Variant) Number { return v.Alpha })
}

// SEM is the error of measurement of the part, as a share of its points.
func (p Part) SEM() Number {
	return p.mean(func(v Variant) Number { return v.SEM })
}

func (p Part) mean(of func(Variant) Number) Number {
	sum, n := 0.0, 0.0
	for _, v := range p.Variants {
		if x := float64(of(v)); !math.IsNaN(x) {
			sum, n = sum+float64(v.Works)*x, n+float64(v.Works)
		}
	}
	return Number(sum / n)
}

// A Variant is the classical analysis of one set of tasks of a part. Shares and errors
// are of its points, 0…1.
type Variant struct {
	Versions    []int64   `json:"versions"` // in the order of the tasks
	Works       int       `json:"works"`    // with a score on every task
	Max         float64   `json:"max"`      // points
	Mean        Number    `json:"mean"`
	SD          Number    `json:"sd"`
	Alpha       Number    `json:"alpha"`
	AlphaCI95   [2]Number `json:"alpha_ci95"`
	Lambda2     Number    `json:"lambda2"`
	SplitHalf   Number    `json:"split_half"` // Spearman–Brown of odd and even tasks
	SEM         Number    `json:"sem"`
	Errors      []ErrorAt `json:"errors"` // by the share of points, ascending
	ErrorMethod string    `json:"error_method"`
}

// An ErrorAt is the error of measurement of those with a share of points.
type ErrorAt struct {
	Share float64 `json:"share"`
	N     int     `json:"n"`
	SEM   Number  `json:"sem"`
}

// ErrorOf is the error of measurement at a share of points: that of the nearest score
// with one, else the error common to all; own tells which.
func (v Variant) ErrorOf(share float64) (sem Number, own bool) {
	best := math.Inf(1)
	for _, e := range v.Errors {
		if d := math.Abs(e.Share - share); d < best && e.SEM > 0 {
			best, sem = d, e.SEM
		}
	}
	if best <= 0.5/max(v.Max, 1)+1e-9 {
		return sem, true
	}
	return v.SEM, false
}

// A TaskFigure is what the campaign says of one task version. P is over everybody with
// a score on it; the figures from Rest to Alpha are of the variant that most people
// wrote, over those with a score on every task of the part.
type TaskFigure struct {
	VersionID  int64     `json:"-"`
	Part       task.Part `json:"-"`
	Position   int       `json:"position"`
	Max        float64   `json:"max"`
	N          int       `json:"n"`     // with a score, an omission included
	P          Number    `json:"p"`     // mean share of points: higher is easier
	Works      int       `json:"works"` // that the figures below are of; 0 where there are too few
	SD         Number    `json:"sd"`    // points
	Rest       Number    `json:"rest"`  // correlation with the other tasks of the part
	D27        Number    `json:"d27"`
	Alpha      Number    `json:"alpha_if_deleted"`
	Thirds     [3]Number `json:"thirds"` // mean share of points of the lower, middle, upper third
	Answered   int       `json:"answered"`
	Omitted    int       `json:"omitted"`
	NotReached int       `json:"not_reached"`
	Waiting    int       `json:"waiting"`
	Choices    []Choice  `json:"choices"`
	Item       *Item     `json:"item"` // on the scale of the part
	Flags      []Flag    `json:"flags"`
}

// A Choice is one place of a task with its options.
type Choice struct {
	Place   string       `json:"place"`
	Options []ctt.Option `json:"options"`
	Common  bool         `json:"common"` // free answers that at least five gave, not a menu
}

// A Flag says why a task deserves a look; its codes are those of package ctt and of scale.go.
type Flag struct {
	Code  string `json:"code"`
	Value Number `json:"value"`
	Limit Number `json:"limit"`
	Place string `json:"place,omitempty"`
	At    string `json:"at,omitempty"` // option
	// Unsure: too few works to tell it from chance.
	Unsure bool `json:"unsure,omitempty"`
}

// Compute makes the statistics of a campaign's works. The order of works changes nothing.
func Compute(tasks []Task, works []Work) Statistics { return compute(tasks, works, true) }

// Classical is Compute without the scale and the comparisons.
func Classical(tasks []Task, works []Work) Statistics { return compute(tasks, works, false) }

func compute(tasks []Task, works []Work, whole bool) Statistics {
	s := Statistics{Engine: Engine, Works: len(works), Parts: []Part{}}
	works = slices.SortedFunc(slices.Values(works), func(a, b Work) int { return cmp.Compare(a.Revision, b.Revision) })
	for _, part := range []task.Part{task.Subject, task.Methodical} {
		mine := slices.SortedFunc(slices.Values(tasks), func(a, b Task) int {
			return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.VersionID, b.VersionID))
		})
		mine = slices.DeleteFunc(mine, func(t Task) bool { return t.Part != part || t.Max <= 0 })
		if len(mine) == 0 {
			continue
		}
		p, figures := computePart(part, mine, works, whole)
		s.Parts = append(s.Parts, p)
		s.Tasks = append(s.Tasks, figures...)
	}
	return s
}

func computePart(part task.Part, tasks []Task, works []Work, whole bool) (Part, []TaskFigure) {
	p := Part{Part: part, Tasks: len(tasks), Variants: []Variant{}, Fairness: []Fairness{}, Elements: []Subscore{}}
	figures := make([]TaskFigure, len(tasks))
	at := make(map[int64]int, len(tasks))
	for i, t := range tasks {
		at[t.VersionID] = i
		figures[i] = counts(t, works)
	}
	largest := 0
	most, widest, cells := 0, form{}, scored{}
	byVersion := map[int64]*TaskFigure{}
	for i := range figures {
		byVersion[figures[i].VersionID] = &figures[i]
	}
	for _, form := range forms(tasks, works) {
		m := matrix(form.tasks, form.works, commonUnit(form.tasks, form.works))
		a := ctt.Analyse(m.Responses)
		largest = max(largest, a.RowsUsed)
		if a.RowsUsed < Fewest || len(form.tasks) < 2 {
			continue
		}
		p.Variants = append(p.Variants, variant(form, m, a))
		for i, t := range form.tasks {
			if f := &figures[at[t.VersionID]]; a.RowsUsed > f.Works {
				f.classical(&a.Items[i], m, i)
				f.choices(t, form.works, m, i)
			}
		}
		if a.RowsUsed > most {
			most, widest, cells = a.RowsUsed, form, m
		}
	}
	if most > 0 && whole {
		p.Elements = subscores(widest.tasks, cells)
	}
	for _, by := range ByComparison {
		if most > 0 && whole {
			p.Fairness = append(p.Fairness, compare(by, widest, cells, byVersion))
		}
	}
	slices.SortStableFunc(p.Variants, func(a, b Variant) int { return cmp.Compare(b.Works, a.Works) })
	switch {
	case len(p.Variants) > 0:
	case len(tasks) < 2:
		p.WhyNot = "в части одно задание: сравнить его не с чем"
	default:
		p.WhyNot = fmt.Sprintf("нужно хотя бы %d работ, где проверены все задания части, а есть %d", Fewest, largest)
	}
	if len(p.Variants) > 0 && whole {
		p.Scale = calibrate(tasks, works, figures)
	}
	for i := range figures {
		figures[i].Judge()
	}
	return p, figures
}

// A Subscore is what the tasks of one element tell beside the whole part: the share of
// the element's true score that is foretold, 0…1, by the element's own points and by
// those of the part (Haberman 2008).
type Subscore struct {
	Element string `json:"element"`
	Tasks   int    `json:"tasks"`
	Own     Number `json:"own"`
	Part    Number `json:"part"`
	Added   *bool  `json:"added"` // own over part; null where it cannot be said
}

func subscores(tasks []Task, m scored) []Subscore {
	out := []Subscore{}
	ids := map[string]bool{}
	for _, t := range tasks {
		for _, e := range t.Elements {
			ids[e] = true
		}
	}
	q := &psychometrics.Q{Items: m.Items, Attributes: slices.Sorted(maps.Keys(ids))}
	for _, t := range tasks {
		row := make([]float64, len(q.Attributes))
		for i, e := range q.Attributes {
			if slices.Contains(t.Elements, e) {
				row[i] = 1
			}
		}
		q.Weights = append(q.Weights, row)
	}
	if len(ids) < 2 { // one element is the part itself
		return out
	}
	found, err := ctt.AnalyseSubscores(m.Responses, q)
	if err != nil { // too few of anything: nothing is said
		return out
	}
	for _, s := range found.Subscores {
		out = append(out, Subscore{s.ID, s.Items, s.Own, s.Total, s.Added})
	}
	return out
}

// counts is what can be said of a task without looking at the others.
func counts(t Task, works []Work) TaskFigure {
	f := TaskFigure{VersionID: t.VersionID, Part: t.Part, Position: t.Position, Max: t.Max, P: psychometrics.None, SD: psychometrics.None, Rest: psychometrics.None,
		D27: psychometrics.None, Alpha: psychometrics.None, Thirds: [3]Number{psychometrics.None, psychometrics.None, psychometrics.None}, Choices: []Choice{}, Flags: []Flag{}}
	sum := 0.0
	for _, w := range works {
		a, given := w.Answers[t.VersionID]
		if !given {
			continue
		}
		switch a.Missing {
		case psychometrics.NotReached:
			f.NotReached++
			continue
		case psychometrics.Absent:
			f.Waiting++
			continue
		case psychometrics.Omitted:
			f.Omitted++
		default:
			f.Answered++
			sum += a.Points
		}
	}
	if f.N = f.Answered + f.Omitted; f.N > 0 {
		f.P = Number(sum / t.Max / float64(f.N))
	}
	return f
}

// form is one set of tasks and the works that have it.
type form struct {
	tasks []Task
	works []Work
}

// forms sorts works by which of the tasks they were given, the most common first.
func forms(tasks []Task, works []Work) []form {
	by := map[string]*form{}
	for _, w := range works {
		var ids []string
		var given []Task
		for _, t := range tasks {
			if _, ok := w.Answers[t.VersionID]; ok {
				ids, given = append(ids, fmt.Sprint(t.VersionID)), append(given, t)
			}
		}
		if len(given) == 0 {
			continue
		}
		key := strings.Join(ids, " ")
		if by[key] == nil {
			by[key] = &form{tasks: given}
		}
		by[key].works = append(by[key].works, w)
	}
	out := []form{}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[key])
	}
	slices.SortStableFunc(out, func(a, b form) int { return cmp.Compare(len(b.works), len(a.works)) })
	return out
}

// scored is a matrix whose cells are points × unit of the task.
type scored struct {
	*psychometrics.Responses
	units []int
}

// matrix makes responses of tasks × works; unit says by how much points are multiplied
// to be whole. Persons are the revisions, items the versions.
func matrix(tasks []Task, works []Work, unit func(Task) int) scored {
	r := &psychometrics.Responses{Warnings: []string{}}
	m := scored{Responses: r}
	for _, t := range tasks {
		u := unit(t)
		m.units = append(m.units, u)
		r.Items, r.Max = append(r.Items, fmt.Sprint(t.VersionID)), append(r.Max, max(1, int(math.Round(t.Max*float64(u)))))
	}
	for _, w := range works {
		r.Persons = append(r.Persons, fmt.Sprint(w.Revision))
		for i, t := range tasks {
			c := psychometrics.Absent
			if a, given := w.Answers[t.VersionID]; given {
				if c = a.Missing; c == 0 {
					c = psychometrics.Cell(math.Round(a.Points * float64(m.units[i])))
				}
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return m
}

// unitOf is by how much a task's points must be multiplied to be whole: their common
// denominator, at most 100.
func unitOf(t Task, works []Work) int {
	unit := int64(1)
	for _, w := range works {
		a, given := w.Answers[t.VersionID]
		if !given || a.Missing != 0 || a.Points == math.Trunc(a.Points) {
			continue
		}
		for d := int64(2); d <= 100; d++ {
			if x := a.Points * float64(d); math.Abs(x-math.Round(x)) < 1e-6 {
				unit = unit / new(big.Int).GCD(nil, nil, big.NewInt(unit), big.NewInt(d)).Int64() * d
				break
			}
		}
	}
	return int(min(unit, 100))
}

// commonUnit is one multiplier for all tasks, so that their weights in the sum stay.
func commonUnit(tasks []Task, works []Work) func(Task) int {
	unit := int64(1)
	for _, t := range tasks {
		d := int64(unitOf(t, works))
		unit = unit / new(big.Int).GCD(nil, nil, big.NewInt(unit), big.NewInt(d)).Int64() * d
	}
	one := int(min(unit, 100))
	return func(Task) int { return one }
}

func variant(f form, m scored, a *ctt.Analysis) Variant {
	most := 0
	for _, x := range m.Max {
		most += x
	}
	share := func(x Number) Number { return x / Number(most) }
	v := Variant{Versions: make([]int64, len(f.tasks)), Works: a.RowsUsed, Max: float64(most) / float64(m.units[0]), Mean: share(a.Total.Mean), SD: share(a.Total.SD),
		Alpha: a.Alpha, AlphaCI95: a.AlphaCI95, Lambda2: a.Lambda2, SplitHalf: a.SplitHalf.SpearmanBrown, SEM: share(a.SEM), ErrorMethod: a.SEMMethod, Errors: []ErrorAt{}}
	for i, t := range f.tasks {
		v.Versions[i] = t.VersionID
	}
	for _, e := range a.ConditionalSEM {
		v.Errors = append(v.Errors, ErrorAt{Share: float64(e.Score) / float64(most), N: e.N, SEM: share(e.SEM)})
	}
	return v
}

// classical takes over what the analysis of a variant says of the task.
func (f *TaskFigure) classical(it *ctt.Item, m scored, i int) {
	f.Works, f.SD, f.Rest, f.D27, f.Alpha = it.N, it.SD/Number(m.units[i]), it.ItemRest, it.D27, it.AlphaIfDeleted
	shares := make([][]string, len(m.Persons))
	f.Thirds = [3]Number{psychometrics.None, psychometrics.None, psychometrics.None}
	// The mean share of a third is the sum over scores of score × share of the third that has it.
	ids := []string{}
	for s := range m.Max[i] + 1 {
		ids = append(ids, fmt.Sprint(s))
	}
	for p := range m.Persons {
		if points, known := m.Row(p)[i].Score(); known {
			shares[p] = []string{ids[points]}
		}
	}
	levels, _ := ctt.Options(m.Responses, i, shares, ctt.Menu{Options: ids})
	for t := range f.Thirds {
		mean := Number(0)
		for s, o := range levels {
			mean += o.Thirds[t] * Number(s) / Number(m.Max[i])
		}
		f.Thirds[t] = mean
	}
}

// fewestAlike is how many must have given the same free answer for it to be shown.
const fewestAlike = 5

// choices counts what was chosen, and keeps the flags that the options raise.
func (f *TaskFigure) choices(t Task, works []Work, m scored, i int) {
	f.Choices, f.Flags = []Choice{}, []Flag{}
	if t.Kind == task.ShortAnswer || t.Kind == task.Numeric {
		f.Choices = common(works, t, m, i)
		return
	}
	for _, place := range t.Places {
		chosen := make([][]string, len(works))
		for p, w := range works {
			for _, step := range w.Answers[t.VersionID].Steps {
				if step.Place == place.ID && step.Given != "" {
					chosen[p] = append(chosen[p], step.Given)
				}
			}
		}
		options, flags := ctt.Options(m.Responses, i, chosen, place.Menu)
		f.Choices = append(f.Choices, Choice{Place: place.ID, Options: options})
		for _, flag := range flags {
			// In a matching every row offers all answers: one that nobody gives there is no fault.
			if flag.Code == ctt.DistractorUnused && t.Kind == task.Matching {
				continue
			}
			f.Flags = append(f.Flags, Flag{Code: flag.Code, Value: flag.Value, Limit: flag.Limit, Place: place.ID, At: flag.At})
		}
	}
}

// common lists the free answers that at least five gave, the most common first.
func common(works []Work, t Task, m scored, i int) []Choice {
	chosen, n, right := make([][]string, len(works)), map[string]int{}, map[string]bool{}
	for p, w := range works {
		for _, step := range w.Answers[t.VersionID].Steps {
			given := strings.Join(strings.Fields(step.Given), " ")
			if given == "" {
				continue
			}
			chosen[p] = []string{given}
			n[given]++
			right[given] = step.Right
		}
	}
	menu := ctt.Menu{Key: right}
	for given, times := range n {
		if times >= fewestAlike {
			menu.Options = append(menu.Options, given)
		}
	}
	if len(menu.Options) == 0 {
		return []Choice{}
	}
	slices.SortFunc(menu.Options, func(a, b string) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	options, _ := ctt.Options(m.Responses, i, chosen, menu)
	return []Choice{{Options: options[:min(10, len(options))], Common: true}}
}

// fewestForRest is from how many works a correlation under weakRest is taken as it is;
// of fewer it must be under it beyond chance.
const (
	fewestForRest = 100
	weakRest      = 0.20
)

// restAtMost is the upper end of the 90 % interval of the correlation with the rest
// (Fisher's z).
func (f *TaskFigure) restAtMost() float64 {
	return math.Tanh(math.Atanh(float64(f.Rest)) + 1.645/math.Sqrt(float64(max(1, f.Works-3))))
}

// Judge adds the flags that the task's own figures raise, before those of its options.
func (f *TaskFigure) Judge() {
	it := ctt.Item{N: f.Works, P: f.P, SD: f.SD, ItemRest: f.Rest, Answered: f.Answered, Omitted: f.Omitted, NotReached: f.NotReached}
	if f.N < Fewest {
		it.P = psychometrics.None
	}
	own := []Flag{}
	for _, flag := range ctt.Flags(&it) {
		if small := f.N+f.NotReached < Fewest; small {
			continue
		}
		unsure := slices.Contains([]string{ctt.NegativeRest, ctt.WeakRest}, flag.Code) && f.Works < fewestForRest && f.restAtMost() >= weakRest
		own = append(own, Flag{Code: flag.Code, Value: flag.Value, Limit: flag.Limit, Unsure: unsure})
	}
	f.Flags = append(own, append(f.Flags, f.Item.flags()...)...)
}
