package infer

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// What is supposed before anybody answered: weak against some hundred persons, and
// enough that thirty, or one with calibrated tasks, get sensible figures.
const (
	slopeSD         = 0.35 // of a task's slope around the mean slope, which is estimated:
	meanSlopeSD     = 0.5  // N(typicalA, 0.5²)
	interceptSD     = 3.0  // of d_k, N(0, 3²)
	deviationWorth  = 30.0 // σ_e² is drawn to the common σ² as by so many persons whose deviation is seen
	commonWorth     = 2.0  // and σ² to typicalSD² by so many
	arealWorth      = 10.0 // persons supposed for mean, sd and loading of an area
	enoughToDeviate = 20   // persons; of fewer σ and σ_e are what is supposed, so that one person's answers do not move them
	leastSD         = 0.05
	mostLoading     = 0.95
)

// Limits of the EM.
const (
	fitTolerance  = 5e-4 // largest change of a parameter in one cycle
	mostCycles    = 400
	mostStretches = 2   // see stretch
	heldSlope     = 0.3 // of a task whose slope comes out lower, by chance
	leastAnswers  = 20  // before a task is said to discriminate the wrong way
	fewAnswers    = 30  // under so many the priors tell more of a task than its answers
)

// Warnings that a reader may have said in words of the files (see Q.Unsaid).
const (
	outNoElement  = "speaks of no element"
	saysNoElement = "task %s: " + outNoElement
	saysNobody    = "task %s: nobody answered it"
	saysNoTask    = "element %s: nobody answered a task of it"
	saysNoAnswer  = "person %s: no answer that counts"
)

// Fit learns the model from the answers of many: the mode of
//
//	Π_i P(answers of person i | parameters) · prior(parameters)
//
// by EM over the tree (Bock & Aitkin 1981; for testlets Gibbons & Hedeker 1992, Bradlow,
// Wainer & Wang 1999), its cycles extrapolated (SQUAREM: Varadhan & Roland 2008) where that
// raises the mode. 0/1 tasks are 2PL, tasks of several points GPCM (Muraki 1992).
// Priors: slopes N(ā, 0.35²) around their estimated mean, intercepts N(0, 3²), σ_e²
// around a common σ² that is estimated, loadings of areas as if ten persons had been
// seen before. Ability is N(0,1) in every area; where tasks come with parameters from
// the bank (fixed), these give the scale, and mean and sd of the area are estimated.
//
// A task with weights in several elements is evidence of its main one and counts in the
// points of all (see Task.Main). A task that discriminates the wrong way is left out and named. Tasks
// without points, constant tasks and elements nobody answered are warnings. Errors name
// what is wrong with the data or the policy.
//
// The order of persons, tasks and elements, and the number of processors, change nothing.
func Fit(d Data, p Policy, fixed ...irt.Item) (Model, error) {
	bank := make([]irt.Calibrated, len(fixed))
	for i, it := range fixed {
		bank[i].Item = it
	}
	return FitCalibrated(d, p, bank)
}

// FitCalibrated is Fit with parameters whose errors the calibration told: these widen
// what is said of persons, and soften what contradicts the parameters.
func FitCalibrated(d Data, p Policy, bank []irt.Calibrated) (Model, error) {
	bank = drawn(bank)
	given := make(map[string]taker, len(bank))
	for i := range bank {
		given[bank[i].ID] = func(m *Model, t *ModelTask, whole bool) { m.takeItem(t, &bank[i], whole) }
	}
	return fit(d, p, given)
}

// FitOn is Fit with the parameters of tasks that another model found on the answers of
// others. Points are held as the levels of that model; how uncertain it is of the parameters
// widens what is said of persons, and softens what contradicts them. A task which that
// model left out is left out again.
func FitOn(d Data, p Policy, found []ModelTask) (Model, error) {
	given := make(map[string]taker, len(found))
	for i := range found {
		given[found[i].ID] = func(_ *Model, t *ModelTask, _ bool) { t.take(&found[i]) }
	}
	return fit(d, p, given)
}

// A taker gives a task parameters that are not to be estimated; whole tells that nobody
// got a part of a point.
type taker func(m *Model, t *ModelTask, whole bool)

func fit(d Data, p Policy, given map[string]taker) (Model, error) {
	if err := p.Check(); err != nil {
		return Model{}, err
	}
	if err := d.check(); err != nil {
		return Model{}, err
	}
	m, err := Weak(elementsOf(d), p)
	if err != nil {
		return Model{}, err
	}
	m.Fitted = true
	if err := m.lay(d, given); err != nil {
		return Model{}, err
	}
	m.settle(d)
	m.canonical(d)
	f := newFitting(&m, d)
	for {
		f.run()
		if f.persons > 0 {
			f.covariances()
		}
		wrong, low := f.wrong()
		if len(wrong) == 0 && !low {
			f.finish(d)
			return m, nil
		}
		if len(wrong) > 0 {
			for _, t := range wrong {
				m.leaveOut(t)
			}
			f = newFitting(&m, d)
		}
	}
}

func elementsOf(d Data) []string {
	elements := slices.Clone(d.Elements)
	for _, t := range d.Tasks {
		elements = slices.AppendSeq(elements, maps.Keys(t.Weights))
	}
	return elements
}

// lay puts every task into the model with values to start from.
func (m *Model) lay(d Data, given map[string]taker) error {
	type seen struct {
		n, points float64
		whole     bool
		levels    []float64
	}
	by := make([]seen, len(d.Tasks))
	for i := range by {
		by[i].whole = true
	}
	for _, person := range d.Persons {
		for _, r := range person.Responses {
			if r.State != NotReached && r.Points != math.Trunc(r.Points) {
				by[r.Task].whole = false
			}
		}
	}
	order := make([]int, len(d.Tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(d.Tasks[a].ID, d.Tasks[b].ID) })
	at := make([]int, len(d.Tasks))
	for _, i := range order {
		t := ModelTask{Task: d.Tasks[i], Model: irt.TwoPL}
		levels := levelsOf(t.Max, by[i].whole)
		if take := given[t.ID]; take != nil {
			take(m, &t, by[i].whole)
			levels = len(t.D)
		} else {
			t.D = make([]float64, levels)
			if levels > 1 {
				t.Model = irt.GPCM
			}
		}
		by[i].levels = make([]float64, levels+1)
		at[i] = len(m.Tasks)
		m.Tasks = append(m.Tasks, t)
	}
	for _, person := range d.Persons {
		for _, r := range person.Responses {
			t := &m.Tasks[at[r.Task]]
			if r.State == NotReached || t.Max <= 0 {
				continue
			}
			by[r.Task].n++
			by[r.Task].levels[t.level(r.Points)]++
			by[r.Task].points += r.Points
		}
	}
	few := []string{}
	for _, i := range order {
		t, v := &m.Tasks[at[i]], by[i]
		t.Answers = int(v.n)
		if v.n > 0 {
			t.Mean = v.points / v.n / t.Max
		}
		m.begin(t, v.levels)
		if !t.Fixed && t.Out == "" && t.Answers > 0 && t.Answers < fewAnswers {
			few = append(few, t.ID)
		}
	}
	if len(few) > 0 {
		m.Warnings = append(m.Warnings, fmt.Sprintf("no parameters are given and fewer than %d persons answered, so that parameters rest mostly on what is supposed of tasks in general: %s", fewAnswers, some(few)))
	}
	return nil
}

// takeItem gives t the parameters of the bank, with their errors or as known.
func (m *Model) takeItem(t *ModelTask, it *irt.Calibrated, whole bool) {
	t.Fixed, t.Model, t.A, t.D, t.C, t.Cov = true, it.Model, it.A, slices.Clone(it.D), it.C, slices.Clone(it.Cov)
	m.fixScores(t, &it.Item, whole)
}

// take gives t the parameters that a model found.
func (t *ModelTask) take(found *ModelTask) {
	t.Fixed, t.Model, t.A, t.D, t.C = true, found.Model, found.A, slices.Clone(found.D), found.C
	t.Cov, t.Scores, t.Calibrated = slices.Clone(found.Cov), slices.Clone(found.Scores), found.Answers
	if len(found.tops()) > 1 {
		t.Evidence = found.main()
	}
}

// fixScores says which points are which level of a task from the bank: where its parameters
// do not know all points, those between are taken as the next lower that they know.
func (m *Model) fixScores(t *ModelTask, it *irt.Item, whole bool) {
	switch {
	case it.Scores == nil && float64(len(it.D)) == t.Max || t.Max <= 0:
		return
	case it.Scores != nil:
		t.Scores = slices.Clone(it.Scores)
	case len(it.D) > 1 && whole && (t.Max <= mostLevels || len(it.D) > mostLevels):
		for k := range len(it.D) + 1 {
			t.Scores = append(t.Scores, k)
		}
	}
	if t.Max <= mostLevels && float64(it.Top()) != t.Max && t.Max == math.Trunc(t.Max) {
		m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: %v points at most, its parameters are for %d", t.ID, t.Max, it.Top()))
	}
}

// canonical puts tasks, elements and areas into an order that their answers give, so
// that not even rounding depends on what they are called; finish sorts them by name.
func (m *Model) canonical(d Data) {
	total := make([]float64, len(d.Persons))
	for p, person := range d.Persons {
		for _, r := range person.Responses {
			if r.State != NotReached {
				total[p] += r.Points + 1.0/1024
			}
		}
	}
	place := map[string]int{}
	for i, t := range d.Tasks {
		place[t.ID] = i
	}
	moments := make([][4]float64, len(d.Tasks))
	for p, person := range d.Persons {
		for _, r := range person.Responses {
			if r.State != NotReached {
				v := &moments[r.Task]
				v[0] += r.Points
				v[1] += r.Points * r.Points
				v[2] += r.Points * total[p]
				v[3] += total[p] * total[p]
			}
		}
	}
	type keyed struct {
		name   string
		key    []float64
		colour uint64
	}
	order := func(list []keyed) map[string]int {
		slices.SortFunc(list, func(a, b keyed) int {
			return cmp.Or(slices.Compare(a.key, b.key), cmp.Compare(a.colour, b.colour), strings.Compare(a.name, b.name))
		})
		at := map[string]int{}
		for i, k := range list {
			at[k.name] = i
		}
		return at
	}
	tasks := make([]keyed, len(m.Tasks))
	for i := range m.Tasks {
		t := &m.Tasks[i]
		v := moments[place[t.ID]]
		tasks[i] = keyed{name: t.ID, key: append([]float64{t.Max, float64(t.Answers), t.A, t.C, v[0], v[1], v[2], v[3]}, t.D...)}
	}
	for i := range tasks { // of few persons tasks are often alike at first sight
		if slices.ContainsFunc(tasks[:i], func(k keyed) bool { return slices.Equal(k.key, tasks[i].key) }) {
			c := m.colour(d)
			for j := range tasks {
				tasks[j].colour = c.tasks[tasks[j].name]
			}
			break
		}
	}
	at := order(tasks)
	slices.SortFunc(m.Tasks, func(a, b ModelTask) int { return cmp.Compare(at[a.ID], at[b.ID]) })
	elements := make([]keyed, len(m.Elements))
	for i, e := range m.Elements {
		elements[i].name = e.Element
		for j, t := range m.Tasks {
			if w := t.Weights[e.Element]; w > 0 {
				elements[i].key = append(elements[i].key, float64(j), w)
			}
		}
	}
	at = order(elements)
	slices.SortFunc(m.Elements, func(a, b ModelElement) int { return cmp.Compare(at[a.Element], at[b.Element]) })
	areas := make([]keyed, len(m.Areas))
	for i, a := range m.Areas {
		areas[i].name = a.Area
		for j, e := range m.Elements {
			if e.Area == a.Area {
				areas[i].key = append(areas[i].key, float64(j))
			}
		}
	}
	at = order(areas)
	slices.SortFunc(m.Areas, func(a, b ModelArea) int { return cmp.Compare(at[a.Area], at[b.Area]) })
}

// begin sets where a task's EM starts and says what is odd about the task.
func (m *Model) begin(t *ModelTask, levels []float64) {
	warn := func(format string, args ...any) {
		m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: "+format, append([]any{t.ID}, args...)...))
	}
	used := 0
	for _, n := range levels {
		if n > 0 {
			used++
		}
	}
	weight := 0.0
	for _, w := range t.Weights {
		weight += w
	}
	switch {
	case t.Max <= 0:
		t.Out = "gives no points"
	case weight == 0:
		t.Out = outNoElement
	case t.Answers == 0:
		m.Warnings = append(m.Warnings, fmt.Sprintf(saysNobody, t.ID))
	case used == 1 && t.Answers > 1:
		warn("everybody got the same points")
	case used < len(levels) && used > 1 && !t.Fixed:
		warn("%d of %d levels of points were never given", len(levels)-used, len(levels))
	}
	if t.Out != "" {
		warn("%s", t.Out)
		return
	}
	if t.Fixed {
		if t.A <= 0 {
			t.Out = fmt.Sprintf("its slope %.3g is not above 0: left out", t.A)
			warn("%s", t.Out)
		}
		return
	}
	t.A = 1
	if len(t.D) > 1 {
		t.A = 0.7
	}
	for k := range t.D { // log odds of the level over nothing, as seen by everybody
		t.D[k] = 1.2 * math.Log((levels[k+1]+0.5)/(levels[0]+0.5))
	}
}

func (m *Model) leaveOut(t int) {
	task := &m.Tasks[t]
	task.Out = fmt.Sprintf("those who know less solve it more often (slope %.2f): left out; is its key right?", task.A)
	m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: %s", task.ID, task.Out))
}

// wrong writes the tasks' parameters into the model and lists those that discriminate the
// wrong way: the slope is negative in spite of the prior, and the answers alone put it
// two standard errors under 0. A slope that is low without that is held at a small positive
// value, so that a better answer never speaks against a person; low tells that one was.
func (f *fitting) wrong() (tasks []int, low bool) {
	for _, t := range f.tasks {
		if t.fixed {
			continue
		}
		m := &f.m.Tasks[t.at]
		m.A, m.D = t.item.A, slices.Clone(t.item.D)
		if t.held || t.item.A >= heldSlope {
			continue
		}
		prior := 1 / (slopeSD * slopeSD)
		if len(m.Cov) > 0 && t.item.A < 0 && m.Answers >= leastAnswers {
			information := 1/m.Cov[0] - prior
			z := (t.item.A/m.Cov[0] - slopeOf(f.slope, len(m.D))*prior) / math.Sqrt(max(information, 1e-9))
			if z < -2 {
				tasks = append(tasks, t.at)
				continue
			}
		}
		t.hold()
		low = true
	}
	if len(tasks) > 0 { // they pull at the others: who is held is decided without them
		for _, t := range f.tasks {
			t.release()
		}
	}
	slices.SortFunc(tasks, cmp.Compare)
	return tasks, low
}

// hold fixes the slope at a small positive value: the models 1pl and pcm keep theirs.
func (t *fitTask) hold() {
	t.held, t.item.A, t.item.Model = true, heldSlope, irt.OnePL
	if len(t.item.D) > 1 {
		t.item.Model = irt.PCM
	}
}

func (t *fitTask) release() {
	if t.held {
		t.held, t.item.Model = false, irt.TwoPL
		if len(t.item.D) > 1 {
			t.item.Model = irt.GPCM
		}
	}
}

// silence says why nobody's answers tell of an element.
func (m *Model) silence(element string) string {
	tasks, out, shared := 0, 0, false
	for _, t := range m.Tasks {
		if t.Weights[element] > 0 {
			tasks++
			if t.Out != "" {
				out++
			}
			shared = shared || t.Out == "" && t.Answers > 0
		}
	}
	switch {
	case shared: // of another main element
		return fmt.Sprintf("element %s: its answered tasks are evidence of other elements, so that it is known through its area alone and has no verdict where min_tasks asks for answers", element)
	case out == 0:
		return fmt.Sprintf(saysNoTask, element)
	case out == tasks:
		return fmt.Sprintf("element %s: its tasks were left out, so nothing is said of it", element)
	}
	return fmt.Sprintf("element %s: its tasks were left out or nobody answered them, so nothing is said of it", element)
}

// levelWorth is how many tasks the mean of all is worth beside those of one level.
const levelWorth = 4.0

// levelIntercepts is the typical intercept of each level that tasks with answers are labelled with;
// of a task of several steps that of the whole, as Typical.task lays it out.
func (f *fitting) levelIntercepts() map[string]float64 {
	sum, n := map[string]float64{}, map[string]float64{}
	for _, t := range f.tasks {
		if l := f.m.Tasks[t.at].Level; l != "" {
			sum[l] += t.item.D[len(t.item.D)-1]
			n[l]++
		}
	}
	for l := range sum {
		sum[l] = (levelWorth*f.m.Typical.D + sum[l]) / (levelWorth + n[l])
	}
	return sum
}

// finish writes what was found into the model.
func (f *fitting) finish(d Data) {
	m := f.m
	m.Persons, m.LogLik, m.Iterations, m.Converged = f.persons, f.logLik, f.cycles, f.done
	if f.persons >= enoughToDeviate {
		f.freedoms()
	}
	if f.persons > 0 {
		f.contradictions()
	}
	if !f.done {
		m.Warnings = append(m.Warnings, fmt.Sprintf("the fit had not settled after %d cycles", f.cycles))
	}
	// A typical task: the mean slope, and the mean intercept of 0/1 tasks.
	m.Typical.A = max(0.3, f.slope)
	sum, n := 4*typicalD, 4.0
	for _, t := range f.tasks {
		if len(t.item.D) == 1 {
			sum += t.item.D[0]
			n++
		}
	}
	m.Typical.D = sum / n
	m.Typical.Levels = f.levelIntercepts()
	for i := range m.Tasks {
		t := &m.Tasks[i]
		if t.Out == "" && t.Answers == 0 && !t.Fixed {
			stand := m.Typical.task(t.Task, len(t.D))
			t.A, t.D = stand.A, stand.D
		}
	}
	for k := range f.kinds {
		e := &m.Elements[k]
		e.Persons = int(f.kinds[k].persons)
		if e.Persons == 0 {
			e.SD = math.Sqrt(f.common)
			m.Warnings = append(m.Warnings, m.silence(e.Element))
		}
	}
	slices.SortFunc(m.Tasks, func(a, b ModelTask) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(m.Elements, func(a, b ModelElement) int { return strings.Compare(a.Element, b.Element) })
	slices.SortFunc(m.Areas, func(a, b ModelArea) int { return strings.Compare(a.Area, b.Area) })
	for _, person := range d.Persons {
		speaks := false
		for _, r := range person.Responses {
			speaks = speaks || r.State != NotReached && d.Tasks[r.Task].Max > 0 && len(d.Tasks[r.Task].Weights) > 0
		}
		if !speaks {
			m.Warnings = append(m.Warnings, fmt.Sprintf(saysNoAnswer, person.ID))
		}
	}
}
