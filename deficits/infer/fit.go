package infer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// What is supposed before anybody answered: weak against some hundred persons, and
// enough that thirty, or one with calibrated tasks, get sensible figures.
const (
	slopeSD        = 0.35 // of a task's slope around the mean slope, which is estimated:
	meanSlopeSD    = 0.5  // N(typicalA, 0.5²)
	interceptSD    = 3.0  // of d_k, N(0, 3²)
	deviationWorth = 30.0 // σ_e² is drawn to the common σ² as by so many persons whose deviation is seen
	commonWorth    = 10.0 // and σ² to typicalSD² by so many
	arealWorth     = 10.0 // persons supposed for mean, sd and loading of an area
	leastSD        = 0.05
	mostLoading    = 0.95
)

// Limits of the EM.
const (
	fitTolerance = 5e-4 // largest change of a parameter in one cycle
	mostCycles   = 400
	heldSlope    = 0.3 // of a task whose slope comes out lower, by chance
	leastAnswers = 20  // before a task is said to discriminate the wrong way
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
// A task with weights in several elements speaks of each by its likelihood raised to
// the weight. A task that discriminates the wrong way is left out and named. Tasks
// without points, constant tasks and elements nobody answered are warnings. Errors name
// what is wrong with the data or the policy.
//
// The order of persons, tasks and elements, and the number of processors, change nothing.
func Fit(d Data, p Policy, fixed ...irt.Item) (Model, error) {
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
	if err := m.lay(d, fixed); err != nil {
		return Model{}, err
	}
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
func (m *Model) lay(d Data, fixed []irt.Item) error {
	bank := map[string]*irt.Item{}
	for i := range fixed {
		bank[fixed[i].ID] = &fixed[i]
	}
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
		if it := bank[t.ID]; it != nil {
			t.Fixed, t.Model, t.A, t.D, t.C = true, it.Model, it.A, slices.Clone(it.D), it.C
			if whole := t.Max == math.Trunc(t.Max); whole && int(t.Max) != len(it.D) && t.Max <= mostLevels {
				m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: %v points at most, its parameters are for %d", t.ID, t.Max, len(it.D)))
			}
			levels = len(it.D)
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
	for _, i := range order {
		t, v := &m.Tasks[at[i]], by[i]
		t.Answers = int(v.n)
		if v.n > 0 {
			t.Mean = v.points / v.n / t.Max
		}
		m.begin(t, v.levels)
	}
	return nil
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
		name string
		key  []float64
	}
	order := func(list []keyed) map[string]int {
		slices.SortFunc(list, func(a, b keyed) int {
			return cmp.Or(slices.Compare(a.key, b.key), strings.Compare(a.name, b.name))
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
		tasks[i] = keyed{t.ID, append([]float64{t.Max, float64(t.Answers), t.A, t.C, v[0], v[1], v[2], v[3]}, t.D...)}
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
		t.Out = "speaks of no element"
	case t.Answers == 0:
		warn("nobody answered it")
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

// A fitting is the data in the shape that the EM wants, and its room.
type fitting struct {
	m       *Model
	persons int
	tasks   []*fitTask
	kinds   []fitElement
	pattern []int32 // persons × elements: which pattern of answers the person has
	free    []bool  // areas whose mean and sd are estimated: they hold fixed tasks
	area    []int

	slope  float64 // mean slope, for 0/1 tasks; ×1/√levels for others
	common float64 // common σ²
	logLik float64
	areal  [][]float64 // by area: persons × nodes, P(θ_g | answers)
	log    []float64   // by person
	eta    []moments
	cross  []float64 // persons × areas
	tree   *tree
	x      []float64
	cycles int
	done   bool
}

type fitTask struct {
	at     int // in the model
	item   irt.Item
	fixed  bool
	held   bool // the slope
	p      []float64
	counts [][]float64 // level × node
}

// A fitElement holds the different ways in which persons answered its tasks: there
// are few of them, and each is summed once a cycle for all its persons.
type fitElement struct {
	tasks    []int // of fitting
	weights  []float64
	patterns [][]int16 // by pattern, by task: level, −1 unknown; pattern 0 is nothing known
	count    []float64
	persons  float64 // with evidence
	like     []float64
	up       []float64 // pattern × θ node, largest 1
	logs     []float64
	weight   []float64 // pattern × θ node: what the persons' other answers say
	squares  float64   // Σ E[δ²]
	f        [][]float64
}

func newFitting(m *Model, d Data) *fitting {
	f := &fitting{m: m, slope: typicalA, common: typicalSD * typicalSD}
	byID := map[string]int{}
	for i := range m.Tasks {
		t := &m.Tasks[i]
		if t.Out != "" || t.Answers == 0 {
			continue
		}
		byID[t.ID] = len(f.tasks)
		f.tasks = append(f.tasks, &fitTask{at: i, item: t.item(), fixed: t.Fixed})
	}
	_, f.area, _ = m.treeShape()
	f.free = make([]bool, max(1, len(m.Areas)))
	f.kinds = make([]fitElement, len(m.Elements))
	place := map[string]int{}
	for i, e := range m.Elements {
		place[e.Element] = i
	}
	slot := make([]map[int]int, len(m.Elements)) // task of fitting → its column in the element
	for i, t := range f.tasks {
		for _, e := range slices.Sorted(maps.Keys(m.Tasks[t.at].Weights)) {
			if w := m.Tasks[t.at].Weights[e]; w > 0 {
				k := place[e]
				if slot[k] == nil {
					slot[k] = map[int]int{}
				}
				slot[k][i] = len(f.kinds[k].tasks)
				f.kinds[k].tasks, f.kinds[k].weights = append(f.kinds[k].tasks, i), append(f.kinds[k].weights, w)
				f.free[f.area[k]] = f.free[f.area[k]] || t.fixed
			}
		}
	}
	column := make([]int, len(d.Tasks)) // task of the data → task of fitting
	for i, t := range d.Tasks {
		column[i] = -1
		if at, ok := byID[t.ID]; ok {
			column[i] = at
		}
	}
	f.persons = len(d.Persons)
	f.pattern = make([]int32, f.persons*len(f.kinds))
	given := f.levels(d, column)
	for k := range f.kinds {
		e := &f.kinds[k]
		keys := map[string]int32{string(make([]byte, 2*len(e.tasks))): 0}
		e.patterns = [][]int16{nil}
		key := make([]byte, 0, 64)
		for n := range d.Persons {
			given := given[n*len(f.tasks) : (n+1)*len(f.tasks)]
			key = key[:0]
			for _, t := range e.tasks {
				key = binary.BigEndian.AppendUint16(key, uint16(given[t]+1))
			}
			at, ok := keys[string(key)]
			if !ok {
				at = int32(len(e.patterns))
				keys[string(key)] = at
				levels := make([]int16, len(e.tasks))
				for i, t := range e.tasks {
					levels[i] = given[t]
				}
				e.patterns = append(e.patterns, levels)
			}
			f.pattern[n*len(f.kinds)+k] = at
		}
		f.canonical(k)
	}
	f.sortPersons()
	f.allot()
	return f
}

// levels is the data as levels of points, persons × tasks of the fitting; −1 unknown.
func (f *fitting) levels(d Data, column []int) []int16 {
	given := make([]int16, len(d.Persons)*len(f.tasks))
	for i := range given {
		given[i] = -1
	}
	for n := range d.Persons {
		for _, r := range d.Persons[n].Responses {
			if t := column[r.Task]; t >= 0 && r.State != NotReached {
				given[n*len(f.tasks)+t] = int16(f.m.Tasks[f.tasks[t].at].level(r.Points))
			}
		}
	}
	return given
}

// canonical numbers the patterns of element k by their content.
func (f *fitting) canonical(k int) {
	e := &f.kinds[k]
	order := make([]int32, len(e.patterns))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return slices.Compare(e.patterns[a], e.patterns[b]) })
	to := make([]int32, len(order))
	sortedPatterns := make([][]int16, len(order))
	for i, was := range order {
		to[was], sortedPatterns[i] = int32(i), e.patterns[was]
	}
	e.patterns, e.count = sortedPatterns, make([]float64, len(order))
	for n := range f.persons {
		at := &f.pattern[n*len(f.kinds)+k]
		*at = to[*at]
		e.count[*at]++
	}
	e.persons = float64(f.persons) - e.count[0]
}

// sortPersons puts persons in the order of their answers: sums do not depend on the
// order in which they came.
func (f *fitting) sortPersons() {
	n := len(f.kinds)
	rows := make([][]int32, 0, f.persons)
	for p := range f.persons {
		row := f.pattern[p*n : (p+1)*n]
		if slices.ContainsFunc(row, func(x int32) bool { return x > 0 }) { // the rest say nothing
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, slices.Compare[[]int32])
	out := make([]int32, 0, len(rows)*n)
	for _, row := range rows {
		out = append(out, row...)
	}
	f.pattern, f.persons = out, len(rows)
}

func (f *fitting) allot() {
	q, x := len(fitGrid.theta), fitGrid.x
	f.x = x
	for range f.free {
		f.areal = append(f.areal, make([]float64, f.persons*q))
	}
	f.log, f.eta, f.cross = make([]float64, f.persons), make([]moments, f.persons), make([]float64, f.persons*len(f.free))
	for _, t := range f.tasks {
		t.p = make([]float64, (len(t.item.D)+1)*len(x))
		for range len(t.item.D) + 1 {
			t.counts = append(t.counts, make([]float64, len(x)))
		}
	}
	for k := range f.kinds {
		e := &f.kinds[k]
		n := len(e.patterns)
		e.like, e.up, e.weight, e.logs = make([]float64, n*len(x)), make([]float64, n*q), make([]float64, n*q), make([]float64, n)
		e.f = make([][]float64, len(e.tasks))
	}
}

// workers run f over 0…n−1, each number once; who does which changes no result.
func workers(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

// expect is the E-step at the model's parameters; it answers with the logarithm of
// the posterior density of the parameters (up to a constant).
func (f *fitting) expect() float64 {
	shapes, area, deviations := f.m.treeShape()
	for e := range deviations { // in the fit σ_e is what it is
		deviations[e].freedom = 0
	}
	f.tree = newTree(fitGrid, shapes, area, deviations)
	q, n := len(f.tree.theta), len(f.x)
	workers(len(f.tasks), func(i int) {
		t := f.tasks[i]
		room := make([]float64, len(t.item.D)+1)
		for j, x := range f.x {
			t.item.Probabilities(x, room)
			for k, p := range room {
				t.p[k*n+j] = max(p, 1e-100)
			}
		}
	})
	workers(len(f.kinds), func(k int) {
		e := &f.kinds[k]
		for i, t := range e.tasks {
			e.f[i] = f.tasks[t].p
			if e.weights[i] != 1 {
				e.f[i] = powered(f.tasks[t].p, e.weights[i])
			}
		}
		for p := 1; p < len(e.patterns); p++ {
			like := e.like[p*n : (p+1)*n]
			for j := range like {
				like[j] = 1
			}
			e.logs[p] = 0
			for i, level := range e.patterns[p] {
				if level < 0 {
					continue
				}
				for j, x := range e.f[i][int(level)*n : (int(level)+1)*n] {
					like[j] *= x
				}
				if i&3 == 3 {
					e.logs[p] += scaled(like)
				}
			}
			up := e.up[p*q : (p+1)*q]
			f.tree.kinds[k].up(like, up)
			e.logs[p] += scaled(up)
		}
	})
	const chunk = 64
	workers((f.persons+chunk-1)/chunk, func(c int) {
		b, u := f.tree.newBeliefs(), make([][]float64, len(f.kinds))
		for p := c * chunk; p < min(f.persons, (c+1)*chunk); p++ {
			log := 0.0
			for k := range f.kinds {
				at := f.pattern[p*len(f.kinds)+k]
				u[k] = nil
				if at > 0 {
					u[k] = f.kinds[k].up[int(at)*q : (int(at)+1)*q]
					log += f.kinds[k].logs[at]
				}
			}
			f.tree.person(u, b)
			f.log[p], f.eta[p] = log+b.log, b.eta
			for g := range f.areal {
				copy(f.areal[g][p*q:(p+1)*q], b.post[g])
				f.cross[p*len(f.areal)+g] = b.cross[g]
			}
		}
	})
	f.logLik = 0
	for _, l := range f.log {
		f.logLik += l
	}
	return f.logLik + f.logPrior()
}

// collect sums what the persons say of tasks and deviations, given the E-step.
func (f *fitting) collect() {
	q, n := len(f.tree.theta), len(f.x)
	counts := make([][][]float64, len(f.kinds)) // element → task → level × node
	workers(len(f.kinds), func(k int) {
		e, edge := &f.kinds[k], &f.tree.kinds[k]
		areal := f.areal[f.area[k]]
		clear(e.weight)
		for p := range f.persons {
			at := int(f.pattern[p*len(f.kinds)+k])
			if at == 0 {
				continue
			}
			w := e.weight[at*q : (at+1)*q]
			for i, x := range areal[p*q : (p+1)*q] {
				w[i] += x
			}
		}
		counts[k] = make([][]float64, len(e.tasks))
		for i, t := range e.tasks {
			counts[k][i] = make([]float64, len(f.tasks[t].p))
		}
		joint := make([]float64, q*n)
		x := make([]float64, n)
		for p := 1; p < len(e.patterns); p++ {
			w, up, like := e.weight[p*q:(p+1)*q], e.up[p*q:(p+1)*q], e.like[p*n:(p+1)*n]
			for i := range w {
				w[i] = ratio(w[i], up[i])
			}
			edge.down(w, x)
			sum := 0.0
			for j := range x {
				x[j] *= like[j]
				sum += x[j]
			}
			if sum == 0 {
				continue
			}
			scale := e.count[p] / sum
			for j := range x {
				x[j] *= scale
			}
			for i, level := range e.patterns[p] {
				if level < 0 {
					continue
				}
				to := counts[k][i][int(level)*n : (int(level)+1)*n]
				for j, v := range x {
					to[j] += v
				}
			}
			for i, v := range w {
				v *= scale
				lo, hi := edge.lo[i], edge.hi[i]
				to := joint[i*n+lo : i*n+hi]
				for j, l := range like[lo:hi] {
					to[j] += v * l
				}
			}
		}
		e.squares = 0
		for i, theta := range f.tree.theta {
			for j := edge.lo[i]; j < edge.hi[i]; j++ {
				d := f.x[j] - theta
				e.squares += joint[i*n+j] * edge.p[i*n+j] * d * d
			}
		}
	})
	for _, t := range f.tasks {
		for _, c := range t.counts {
			clear(c)
		}
	}
	for k := range f.kinds {
		e := &f.kinds[k]
		for i, t := range e.tasks {
			task := f.tasks[t]
			for level, c := range task.counts {
				for j, v := range counts[k][i][level*n : (level+1)*n] {
					c[j] += e.weights[i] * v
				}
			}
		}
	}
}

// slopeOf is the mean slope supposed of a task: a step of a task of many levels
// tells less than a whole 0/1 task.
func slopeOf(mean float64, levels int) float64 { return mean / math.Sqrt(float64(levels)) }

// maximise is the M-step.
func (f *fitting) maximise() {
	f.collect()
	workers(len(f.tasks), func(i int) {
		t := f.tasks[i]
		if t.fixed {
			return
		}
		t.item.Maximise(f.x, t.counts, irt.Prior{A: irt.Normal{Mean: slopeOf(f.slope, len(t.item.D)), SD: slopeSD}, D: irt.Normal{SD: interceptSD}})
	})
	up, down := typicalA/(meanSlopeSD*meanSlopeSD), 1/(meanSlopeSD*meanSlopeSD)
	for _, t := range f.tasks {
		if !t.fixed && !t.held { // A ~ N(slope·c, slopeSD²) with c = 1/√levels
			c := slopeOf(1, len(t.item.D))
			up += c * t.item.A / (slopeSD * slopeSD)
			down += c * c / (slopeSD * slopeSD)
		}
	}
	f.slope = up / down
	top, bottom := commonWorth, commonWorth/(typicalSD*typicalSD)
	for k := range f.kinds {
		e := &f.kinds[k]
		if e.persons == 0 {
			continue
		}
		v := max(leastSD*leastSD, (e.squares+deviationWorth*f.common)/(e.persons+deviationWorth))
		f.m.Elements[k].SD = math.Sqrt(v)
		top += deviationWorth
		bottom += deviationWorth / v
	}
	f.common = top / bottom
	f.maximiseAreas()
}

// A regression is the sums of one area's θ on η.
type regression struct{ n, x, y, xx, xy, yy float64 }

// supposed is the regression of the persons supposed beforehand.
var supposed = regression{n: arealWorth, xx: arealWorth, yy: arealWorth, xy: arealWorth * typicalLoading}

func (r regression) plus(s regression) regression {
	return regression{r.n + s.n, r.x + s.x, r.y + s.y, r.xx + s.xx, r.xy + s.xy, r.yy + s.yy}
}

// logDensity is Σ log N(y; mean + sd·λ·x, sd²(1−λ²)) without constants.
func (r regression) logDensity(a arealShape) float64 {
	b, v := a.sd*a.loading, a.sd*a.sd*(1-a.loading*a.loading)
	squares := r.yy - 2*b*r.xy + b*b*r.xx - 2*a.mean*(r.y-b*r.x) + r.n*a.mean*a.mean
	return -(r.n*math.Log(v) + squares/v) / 2
}

func (f *fitting) sums(g int) regression {
	r, q := regression{n: float64(f.persons)}, len(f.tree.theta)
	post := make([]float64, q)
	for p := range f.persons {
		for i, x := range f.areal[g][p*q : (p+1)*q] {
			post[i] += x
		}
		r.x += f.eta[p].mean
		r.xx += f.eta[p].square
		r.xy += f.cross[p*len(f.areal)+g]
	}
	for i, x := range post {
		r.y += x * f.tree.theta[i]
		r.yy += x * f.tree.theta[i] * f.tree.theta[i]
	}
	return r
}

func (f *fitting) maximiseAreas() {
	areas := f.m.Areas
	if len(areas) == 1 {
		if f.free[0] {
			r := f.sums(0)
			areas[0].Mean = r.y / (r.n + arealWorth)
			v := (r.yy+arealWorth)/(r.n+arealWorth) - areas[0].Mean*areas[0].Mean
			areas[0].SD = math.Sqrt(max(0.04, v))
		}
		return
	}
	held := []regression{} // areas whose sd is held at 1: their loadings by one search
	for g := range areas {
		r := f.sums(g).plus(supposed)
		if !f.free[g] {
			held = append(held, r)
			continue
		}
		slope := (r.xy - r.x*r.y/r.n) / (r.xx - r.x*r.x/r.n)
		mean := (r.y - slope*r.x) / r.n
		squares := r.yy - 2*slope*r.xy + slope*slope*r.xx - 2*mean*(r.y-slope*r.x) + r.n*mean*mean
		v := max(0.01, squares/r.n)
		sd := math.Sqrt(v + slope*slope)
		areas[g].Mean, areas[g].SD, areas[g].Loading = mean, sd, min(mostLoading, max(-mostLoading, slope/sd))
	}
	if len(areas) == 2 { // of two areas only the product of loadings is known: they share one
		if len(held) == 2 {
			shared := bestLoading(held...)
			areas[0].Loading, areas[1].Loading = shared, shared
		} else if len(held) == 0 {
			shared := math.Sqrt(max(0, areas[0].Loading*areas[1].Loading))
			areas[0].Loading, areas[1].Loading = shared, shared
		}
		if len(held) != 1 {
			return
		}
	}
	next := 0
	for g := range areas {
		if !f.free[g] {
			areas[g].Loading = bestLoading(held[next])
			next++
		}
	}
}

// bestLoading maximises the density of the regressions at mean 0 and sd 1, by ternary
// search over atanh λ.
func bestLoading(list ...regression) float64 {
	value := func(z float64) float64 {
		sum, a := 0.0, arealShape{0, 1, math.Tanh(z)}
		for _, r := range list {
			sum += r.logDensity(a)
		}
		return sum
	}
	lo, hi := -math.Atanh(mostLoading), math.Atanh(mostLoading)
	for range 60 {
		third := (hi - lo) / 3
		if value(lo+third) < value(hi-third) {
			lo += third
		} else {
			hi -= third
		}
	}
	return math.Tanh((lo + hi) / 2)
}

// logPrior is the logarithm of the prior density, without constants.
func (f *fitting) logPrior() float64 {
	normal := func(x, mean, sd float64) float64 { z := (x - mean) / sd; return -z * z / 2 }
	sum := normal(f.slope, typicalA, meanSlopeSD)
	for _, t := range f.tasks {
		if t.fixed {
			continue
		}
		if !t.held {
			sum += normal(t.item.A, slopeOf(f.slope, len(t.item.D)), slopeSD)
		}
		for _, d := range t.item.D {
			sum += normal(d, 0, interceptSD)
		}
	}
	// σ_e² scaled inverse χ² around σ², σ² Gamma around typicalSD².
	sum += (commonWorth*math.Log(f.common) - commonWorth*f.common/(typicalSD*typicalSD)) / 2
	for k := range f.kinds {
		if f.kinds[k].persons > 0 {
			v := f.m.Elements[k].SD * f.m.Elements[k].SD
			sum += deviationWorth / 2 * (math.Log(f.common) - math.Log(v) - f.common/v)
		}
	}
	for g, a := range f.m.Areas {
		shape := arealShape{a.Mean, a.SD, a.Loading}
		switch {
		case len(f.m.Areas) > 1:
			sum += supposed.logDensity(shape)
		case f.free[g]:
			sum += regression{n: arealWorth, yy: arealWorth}.logDensity(arealShape{a.Mean, a.SD, 0})
		}
	}
	return sum
}

// vector and set carry all free parameters in the shape in which steps are extrapolated.
func (f *fitting) vector() []float64 {
	v := []float64{f.slope, math.Log(f.common)}
	for _, t := range f.tasks {
		if !t.fixed {
			v = append(v, t.item.A)
			v = append(v, t.item.D...)
		}
	}
	for k := range f.kinds {
		v = append(v, math.Log(f.m.Elements[k].SD))
	}
	for _, a := range f.m.Areas {
		v = append(v, a.Mean, math.Log(a.SD), math.Atanh(a.Loading))
	}
	return v
}

func (f *fitting) set(v []float64) {
	f.slope, f.common = v[0], math.Exp(v[1])
	v = v[2:]
	for _, t := range f.tasks {
		if !t.fixed {
			t.item.A = v[0]
			copy(t.item.D, v[1:])
			v = v[1+len(t.item.D):]
		}
	}
	for k := range f.kinds {
		f.m.Elements[k].SD = math.Exp(v[k])
	}
	v = v[len(f.kinds):]
	for g := range f.m.Areas {
		a := &f.m.Areas[g]
		a.Mean, a.SD, a.Loading = v[3*g], math.Exp(v[3*g+1]), math.Tanh(v[3*g+2])
	}
}

// plausible keeps an extrapolated step where the grid can follow.
func (f *fitting) plausible(v []float64) bool {
	was := f.vector()
	defer f.set(was)
	f.set(v)
	if !(f.common > 1e-3 && f.common < 9) || !(math.Abs(f.slope) < 5) {
		return false
	}
	for _, t := range f.tasks {
		if !(math.Abs(t.item.A) < 8) {
			return false
		}
		for _, d := range t.item.D {
			if !(math.Abs(d) < 40) {
				return false
			}
		}
	}
	for k := range f.kinds {
		if s := f.m.Elements[k].SD; !(s >= leastSD && s < 3) {
			return false
		}
	}
	for _, a := range f.m.Areas {
		if !(math.Abs(a.Mean) < 4) || !(a.SD > 0.1 && a.SD < 4) || !(math.Abs(a.Loading) <= mostLoading) {
			return false
		}
	}
	return true
}

// run climbs to the mode.
func (f *fitting) run() {
	if f.persons == 0 {
		f.done = true
		return
	}
	longest := 4.0
	value := f.expect()
	for f.cycles < mostCycles {
		v0 := f.vector()
		f.maximise()
		v1 := f.vector()
		f.cycles++
		if furthest(v0, v1) < fitTolerance {
			f.done = true
			break
		}
		value1 := f.expect()
		f.maximise()
		v2 := f.vector()
		f.cycles++
		r, s := 0.0, 0.0
		for i := range v0 {
			d := v1[i] - v0[i]
			c := v2[i] - v1[i] - d
			r += d * d
			s += c * c
		}
		alpha := 1.0
		if s > 0 {
			alpha = math.Sqrt(r / s)
		}
		capped := alpha > longest
		alpha = min(alpha, longest)
		if alpha <= 1.05 {
			value = f.expect()
			continue
		}
		v := make([]float64, len(v0))
		for i := range v {
			d := v1[i] - v0[i]
			v[i] = v0[i] + 2*alpha*d + alpha*alpha*(v2[i]-v1[i]-d)
		}
		if f.plausible(v) {
			f.set(v)
			if jumped := f.expect(); jumped >= max(value, value1) {
				value = jumped
				if capped {
					longest *= 4
				}
				continue
			}
		}
		longest = max(2, longest/2)
		f.set(v2)
		value = f.expect()
	}
}

func furthest(a, b []float64) float64 {
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
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

// finish writes what was found into the model.
func (f *fitting) finish(d Data) {
	m := f.m
	m.Persons, m.LogLik, m.Iterations, m.Converged = f.persons, f.logLik, f.cycles, f.done
	if f.persons > 0 {
		f.freedoms()
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
			m.Warnings = append(m.Warnings, fmt.Sprintf("element %s: nobody answered a task of it", e.Element))
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
			m.Warnings = append(m.Warnings, fmt.Sprintf("person %s: no answer that counts", person.ID))
		}
	}
}
