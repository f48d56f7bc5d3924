package infer

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A Prepared model answers for one person after another; it may be shared by
// goroutines.
type Prepared struct {
	m        *Model
	tasks    []Task
	tree     *tree
	elements []readout
	parts    []preparedTask   // by task of the call
	index    map[string]int   // element → place
	pools    chan *workspace  // room for sums
	byID     map[string]int32 // tasks of the model
	tables   [][]float64      // by task of the model: P(level | x), level × node
}

// A preparedTask is a task of the call on the grid.
type preparedTask struct {
	ModelTask
	links []link
	p     []float64 // level × node: P(level | x)
	known bool      // calibrated, not a typical stand-in
}

// A link says that a task counts for an element by its weight; f is P(level | x), level ×
// node, in the element whose evidence the task is (see Task.Main), which stands first, and
// nil in the others and where the task is left out.
type link struct {
	element int
	weight  float64
	f       []float64
}

// workspace is the room for one person.
type workspace struct {
	*beliefs
	f     [][]float64 // by element: likelihood at x
	u     [][]float64 // by element: likelihood at θ, nil without evidence
	room  [][]float64
	cav   []float64
	p     []float64
	given []int // level by task, −1 where nothing is known
	wide  []float64
}

// facts are what the answers of one person say of one element by bare points.
type facts struct {
	score, max        float64
	answered, omitted int
	counted           int // answered tasks that the model takes in
	own               int // of these, evidence of the element
}

// decisive is how many answers the status may rest on: tasks that the element shares with
// others count with those of its own, and not where there are none.
func (f facts) decisive() int {
	if f.own == 0 {
		return 0
	}
	return f.counted
}

// Prepare puts the model on the grid for answers to these tasks.
func (m *Model) Prepare(tasks []Task) (*Prepared, error) {
	if m.Method != Method {
		return nil, fmt.Errorf("model of method %q, expected %q", m.Method, Method)
	}
	whole := *m
	elements := []string{}
	for _, e := range m.Elements {
		elements = append(elements, e.Element)
	}
	known := len(elements)
	for _, t := range tasks {
		if err := t.checkWeights(); err != nil {
			return nil, err
		}
		elements = slices.AppendSeq(elements, maps.Keys(t.Weights))
	}
	if elements = sorted(elements); len(elements) > known {
		whole.shape(elements)
		held := map[string]ModelElement{}
		for _, e := range m.Elements {
			held[e.Element] = e
		}
		for i, e := range whole.Elements {
			if was, ok := held[e.Element]; ok {
				whole.Elements[i] = was
			}
		}
		areas := map[string]ModelArea{}
		for _, a := range m.Areas {
			areas[a.Area] = a
		}
		for i, a := range whole.Areas {
			if was, ok := areas[a.Area]; ok {
				whole.Areas[i] = was
			}
		}
	}
	p := &Prepared{m: &whole, tasks: tasks, index: map[string]int{}, byID: map[string]int32{}, pools: make(chan *workspace, 64)}
	p.grow()
	return p, nil
}

func (p *Prepared) grow() {
	m := p.m
	shapes, area, deviations := m.treeShape()
	p.tree = newTree(inferGrid, shapes, area, deviations)
	for i, e := range m.Elements {
		p.index[e.Element] = i
	}
	p.tables = make([][]float64, len(m.Tasks))
	for i := range m.Tasks {
		t := &m.Tasks[i]
		p.byID[t.ID] = int32(i)
		if t.Max > 0 && t.Out == "" {
			p.tables[i] = table(t, p.tree.x)
		}
	}
	p.parts = make([]preparedTask, len(p.tasks))
	for i, t := range p.tasks {
		part := &p.parts[i]
		if at, ok := p.byID[t.ID]; ok {
			part.ModelTask, part.known = m.Tasks[at], true
			part.Task = t
		} else {
			part.ModelTask = m.Typical.task(t, levelsOf(t.Max, true))
		}
		if t.Max > 0 && part.Out == "" {
			if part.known {
				part.p = p.tables[p.byID[t.ID]]
			}
			if part.p == nil {
				part.p = table(&part.ModelTask, p.tree.x)
			}
		}
		part.links = p.links(&part.ModelTask, part.p)
	}
	p.readouts()
}

func (m *Model) treeShape() (shapes []arealShape, area []int, deviations []deviation) {
	at := map[string]int{}
	for i, a := range m.Areas {
		at[a.Area] = i
		shapes = append(shapes, arealShape{a.Mean, a.SD, a.Loading})
	}
	for _, e := range m.Elements {
		area, deviations = append(area, at[e.Area]), append(deviations, deviation{e.SD, e.Freedom})
	}
	if len(shapes) == 0 {
		shapes = []arealShape{{0, 1, 0}}
	}
	return shapes, area, deviations
}

// table is P(level | x), level × node.
func table(t *ModelTask, x []float64) []float64 {
	item, n := t.item(), len(x)
	out, room := make([]float64, (len(t.D)+1)*n), make([]float64, len(t.D)+1)
	for j, at := range x {
		item.Probabilities(at, room)
		for k, p := range room {
			out[k*n+j] = max(p, 1e-100)
		}
	}
	return out
}

func (p *Prepared) links(t *ModelTask, f []float64) []link {
	out, main := []link{}, t.main()
	for _, e := range slices.Sorted(maps.Keys(t.Weights)) {
		switch w := t.Weights[e]; {
		case w <= 0:
		case e == main:
			out = slices.Insert(out, 0, link{p.index[e], w, f})
		default:
			out = append(out, link{p.index[e], w, nil})
		}
	}
	return out
}

// readouts tabulates each element's true share: over the tasks of the model that
// speak of it, or, where it has none, over those of the call, or a typical task.
func (p *Prepared) readouts() {
	x := p.tree.x
	points, most := make([][]float64, len(p.m.Elements)), make([]float64, len(p.m.Elements))
	variance := make([]float64, len(p.m.Elements)) // of the points, over the persons
	lie := make([][]float64, len(p.m.Elements))    // how x lies over persons
	_, area, deviations := p.m.treeShape()
	for e := range lie {
		a := p.m.Areas[area[e]]
		lie[e] = irt.NormalWeights(x, a.Mean, math.Hypot(a.SD, deviations[e].sd))
	}
	const every = 4 // the variance is a sum over persons, smooth: fewer nodes do
	sparse := []float64{}
	for j := 0; j < len(x); j += every {
		sparse = append(sparse, x[j])
	}
	add := func(t *ModelTask, like []float64, only func(e int) bool) {
		var expected []float64
		var gradient [][]float64
		var here []float64
		for _, name := range slices.Sorted(maps.Keys(t.Weights)) {
			e, ok := p.index[name]
			w := t.Weights[name]
			if !ok || w <= 0 || !only(e) {
				continue
			}
			if expected == nil {
				expected = make([]float64, len(x))
				for k := range len(t.D) + 1 {
					points := t.worth(k)
					for j, v := range like[k*len(x) : (k+1)*len(x)] {
						expected[j] += points * v
					}
				}
			}
			if points[e] == nil {
				points[e] = make([]float64, len(x))
			}
			most[e] += w * t.Max
			for j, v := range expected {
				points[e][j] += w * v
			}
			if gradient == nil && t.Cov != nil {
				gradient, here = t.gradient(sparse), make([]float64, 1+len(t.D))
			}
			if gradient == nil {
				continue
			}
			for i := range sparse {
				if persons := lie[e][i*every]; persons > 1e-6 {
					for a := range here {
						here[a] = gradient[a][i]
					}
					variance[e] += every * persons * w * w * t.Max * t.Max * max(0, t.between(here, here))
				}
			}
		}
	}
	for i := range p.m.Tasks {
		if p.tables[i] != nil {
			add(&p.m.Tasks[i], p.tables[i], func(int) bool { return true })
		}
	}
	held := make([]bool, len(points))
	for e := range points {
		held[e] = points[e] != nil
	}
	for i := range p.parts {
		if p.parts[i].p != nil {
			add(&p.parts[i].ModelTask, p.parts[i].p, func(e int) bool { return !held[e] })
		}
	}
	for e := range points {
		if points[e] == nil {
			typical := p.m.Typical.task(Task{Max: 1, Weights: map[string]float64{p.m.Elements[e].Element: 1}}, 1)
			add(&typical, table(&typical, x), func(at int) bool { return at == e })
		}
		for j := range points[e] {
			points[e][j] = min(1, max(0, points[e][j]/most[e]))
			if j > 0 { // rising, also where rounding is not
				points[e][j] = max(points[e][j], points[e][j-1])
			}
		}
		r := newReadout(p.m.Elements[e].Element, points[e], p.m.Policy.Cut)
		r.blurBy(math.Sqrt(variance[e])/most[e], lie[e], x)
		p.elements = append(p.elements, r)
	}
}

func (p *Prepared) take() *workspace {
	select {
	case w := <-p.pools:
		return w
	default:
	}
	n := len(p.elements)
	w := &workspace{beliefs: p.tree.newBeliefs(), f: make([][]float64, n), u: make([][]float64, n), room: make([][]float64, n),
		cav: make([]float64, len(p.tree.theta)), p: make([]float64, len(p.tree.x)), given: make([]int, len(p.tasks)), wide: make([]float64, len(p.tree.x))}
	for e := range n {
		w.f[e], w.room[e] = make([]float64, len(p.tree.x)), make([]float64, len(p.tree.theta))
	}
	return w
}

func (p *Prepared) give(w *workspace) {
	select {
	case p.pools <- w:
	default:
	}
}

// Infer says what one person's answers mean for every element of the model and of
// the tasks, in order of element ids: the posterior distribution of the true share,
//
//	share_e(x_e) = Σ_t w_te·E[points_t | x_e] / Σ_t w_te·max_t  over all tasks of e,
//
// given all the person's answers. Its mean, its 5 % and 95 % points, its mass under
// the cut, and E[max(0, cut − share)]. An element without answers gets what the
// person's other elements and the other persons say, and status insufficient.
//
// At a fixed model more points never raise the probability of a deficit: every task
// has a rising slope, so that a better answer moves the posterior of x_e up in the
// order of likelihood ratios, and share_e rises with x_e.
func (m Model) Infer(tasks []Task, responses []Response) ([]Estimate, error) {
	p, err := m.Prepare(tasks)
	if err != nil {
		return nil, err
	}
	return p.Infer(responses)
}

// Infer is Model.Infer for responses to the tasks of Prepare.
func (p *Prepared) Infer(responses []Response) ([]Estimate, error) {
	w := p.take()
	defer p.give(w)
	facts, err := p.load(w, responses)
	if err != nil {
		return nil, err
	}
	p.tree.person(w.u, w.beliefs)
	out := make([]Estimate, len(p.elements))
	for e := range p.elements {
		p.density(w, e, w.f[e])
		out[e] = p.say(w, e, facts[e])
	}
	return out, nil
}

// InferMany is Infer for many persons, on all processors.
func (p *Prepared) InferMany(persons []Person) ([][]Estimate, error) {
	out, faults := make([][]Estimate, len(persons)), make([]error, len(persons))
	workers(len(persons), func(i int) { out[i], faults[i] = p.Infer(persons[i].Responses) })
	for i, err := range faults {
		if err != nil {
			return nil, fmt.Errorf("person %s: %w", persons[i].ID, err)
		}
	}
	return out, nil
}

// load reads responses into likelihoods by element.
func (p *Prepared) load(w *workspace, responses []Response) ([]facts, error) {
	if err := checkResponses(p.tasks, responses); err != nil {
		return nil, err
	}
	for i := range w.given {
		w.given[i] = -1
	}
	for _, r := range responses {
		if r.State != NotReached && p.tasks[r.Task].Max > 0 {
			w.given[r.Task] = 0
		}
	}
	out := make([]facts, len(p.elements))
	for e := range w.u {
		w.u[e] = nil
	}
	ordered := responses
	if !slices.IsSortedFunc(responses, byTask) { // floating sums do not depend on the order given
		ordered = slices.SortedFunc(slices.Values(responses), byTask)
	}
	n := len(p.tree.x)
	for _, r := range ordered {
		if w.given[r.Task] < 0 {
			continue
		}
		t := &p.parts[r.Task]
		for _, l := range t.links {
			f := &out[l.element]
			f.score += l.weight * r.Points
			f.max += l.weight * t.Max
			if r.State == Omitted {
				f.omitted++
				continue
			}
			f.answered++
			if t.p != nil {
				f.counted++
			}
			if l.f != nil {
				f.own++
			}
		}
		if t.p == nil {
			continue
		}
		level := t.level(r.Points)
		w.given[r.Task] = level
		for _, l := range t.links {
			if l.f == nil {
				continue
			}
			f := l.f[level*n : (level+1)*n]
			if w.u[l.element] == nil {
				w.u[l.element] = w.room[l.element]
				copy(w.f[l.element], f)
				continue
			}
			to := w.f[l.element]
			for j, x := range f {
				to[j] *= x
			}
			scaled(to)
		}
	}
	for e := range w.u {
		if w.u[e] == nil {
			continue
		}
		p.tree.kinds[e].up(w.f[e], w.room[e])
		scaled(w.room[e])
	}
	return out, nil
}

// density fills w.p with the distribution of x_e, its own answers given by f (nil:
// without them), the others by what the tree holds.
func (p *Prepared) density(w *workspace, e int, f []float64) {
	post, cav := w.post[p.tree.area[e]], w.cav
	if w.u[e] == nil {
		copy(cav, post)
		f = nil
	} else {
		for q, x := range post {
			cav[q] = ratio(x, w.u[e][q])
		}
	}
	p.tree.kinds[e].down(cav, w.p)
	for j, x := range f {
		w.p[j] *= x
	}
	normalise(w.p)
}

// say reads the figures off the distribution of x_e in w.p.
func (p *Prepared) say(w *workspace, e int, f facts) Estimate {
	density := w.p
	r, policy := &p.elements[e], p.m.Policy
	if r.blur != nil {
		r.blurred(density, w.wide)
		density = w.wide
	}
	out := Estimate{Element: r.name, Score: f.score, Max: f.max, Tasks: f.answered, LeftOut: f.answered - f.counted, Own: f.own, Omitted: f.omitted}
	if f.max > 0 {
		out.Share = f.score / f.max
	}
	for j, x := range density {
		out.Estimate += x * r.mean[j]
		out.P += x * r.under[j]
		out.Shortfall += x * r.shortfall[j]
	}
	out.Estimate = min(1, max(0, out.Estimate))
	out.P = min(1, max(0, out.P))
	if policy.Cut >= 1 { // under 1 lies everything that can be expected
		out.P = 1
	}
	out.Shortfall = max(0, out.Shortfall)
	out.Low = min(out.Estimate, r.quantile(density, 0.05))
	out.High = max(out.Estimate, r.quantile(density, 0.95))
	out.Status, out.Severity = policy.Judge(out.Estimate, out.P, f.decisive())
	return out
}
