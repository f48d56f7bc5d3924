package infer

import (
	"fmt"
	"maps"
	"math"
	"slices"

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
	Fixed   bool      `json:"fixed"`          // taken from the bank
	Out     string    `json:"out,omitempty"`  // why the task is left out, empty where it is not
	Mean    float64   `json:"mean,omitempty"` // share of points seen
}

// Typical is the task that stands in for one of which nothing is known.
type Typical struct {
	A float64 `json:"a"`
	D float64 `json:"d"`
}

// What is supposed before anybody answered, each with its strength in fit.go.
const (
	typicalA, typicalD = 1.1, 0.5
	typicalSD          = 0.7 // of an element's deviation,
	leastFreedom       = 4.0 // known as from so many degrees of freedom
	typicalLoading     = 0.75
)

func (t *ModelTask) item() irt.Item {
	return irt.Item{ID: t.ID, Model: t.Model, A: t.A, D: t.D, C: t.C}
}

// level puts points into the task's categories.
func (t *ModelTask) level(points float64) int {
	return min(len(t.D), max(0, int(math.Round(points/t.Max*float64(len(t.D))))))
}

// typicalTask is t with the parameters of a typical task of so many levels.
func (y Typical) task(t Task, levels int) ModelTask {
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
	m := Model{Method: Method, Policy: p, Typical: Typical{typicalA, typicalD}, Converged: true, Warnings: []string{}, Tasks: []ModelTask{}}
	m.shape(elements)
	return m, nil
}

// shape lays out elements and areas with what is supposed of them.
func (m *Model) shape(elements []string) {
	m.Elements, m.Areas = []ModelElement{}, []ModelArea{}
	for _, e := range sorted(elements) {
		m.Elements = append(m.Elements, ModelElement{Element: e, Area: m.Policy.Areas[e], SD: typicalSD, Freedom: leastFreedom})
	}
	names := []string{}
	for _, e := range m.Elements {
		names = append(names, e.Area)
	}
	for _, a := range sorted(names) {
		m.Areas = append(m.Areas, ModelArea{Area: a, SD: 1, Loading: typicalLoading})
	}
}

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

// A link says that a task speaks of an element; f is P^weight, level × node (nil where
// the task is left out): a task that speaks of several elements speaks of each as far
// as its weight goes.
type link struct {
	element int
	weight  float64
	f       []float64
}

// A readout turns a distribution of x_e into what is said of the true share. The
// density is taken as linear between nodes, the share too; every figure is then a sum
// of the nodes' weights with a table, and all of them agree with one another.
type readout struct {
	name      string
	share     []float64 // at the nodes, rising
	mean      []float64 // ∫ hat·share
	under     []float64 // mass of the node's hat under the cut
	shortfall []float64 // ∫ hat·max(0, cut−share)
	blur      []float64 // what uncertain parameters add to x, by steps off; nil where it is little
}

func newReadout(name string, share []float64, cut float64) readout {
	n := len(share)
	r := readout{name: name, share: share, mean: make([]float64, n), under: make([]float64, n), shortfall: make([]float64, n)}
	for m := range n - 1 {
		s0, s1 := share[m], share[m+1]
		// The hat of m falls over this cell, that of m+1 rises.
		r.mean[m] += s0/3 + s1/6
		r.mean[m+1] += s0/6 + s1/3
		t := 0.0 // the part of the cell under the cut
		switch {
		case s1 <= cut && s0 < cut:
			t = 1
		case s0 < cut:
			t = (cut - s0) / (s1 - s0)
		}
		if t == 0 {
			continue
		}
		r.under[m] += t - t*t/2
		r.under[m+1] += t * t / 2
		at := func(x float64) float64 { return max(0, cut-s0-x*(s1-s0)) }
		// Simpson's rule is exact for these parabolas.
		r.shortfall[m] += t / 6 * (at(0) + 4*(1-t/2)*at(t/2) + (1-t)*at(t))
		r.shortfall[m+1] += t / 6 * (4*(t/2)*at(t/2) + t*at(t))
	}
	// Half a hat stands at either end.
	for _, end := range []int{0, n - 1} {
		r.mean[end] += share[end] / 2
		if share[end] < cut {
			r.under[end] += 0.5
			r.shortfall[end] += (cut - share[end]) / 2
		}
	}
	return r
}

// blurBy sets the noise on x that stands for an uncertain share (sd in shares).
func (r *readout) blurBy(sd float64, persons, x []float64) {
	slope := 0.0
	for j := 1; j < len(x)-1; j++ {
		slope += persons[j] * (r.share[j+1] - r.share[j-1]) / (x[j+1] - x[j-1])
	}
	noise := min(1, sd/max(slope, 1e-3))
	if noise <= 0.03 {
		return
	}
	step := x[1] - x[0]
	for k := 0; float64(k)*step < 6*noise; k++ {
		z := float64(k) * step / noise
		r.blur = append(r.blur, math.Exp(-z*z/2))
	}
}

// blurred fills out with p widened by the noise, adding up to 1.
func (r *readout) blurred(p, out []float64) {
	clear(out)
	for j, x := range p {
		if x < 1e-12 {
			continue
		}
		out[j] += x * r.blur[0]
		for k, b := range r.blur[1:] {
			if low := j - k - 1; low >= 0 {
				out[low] += x * b
			}
			if high := j + k + 1; high < len(out) {
				out[high] += x * b
			}
		}
	}
	normalise(out)
}

// quantile is the share under which the mass of p (adding up to 1) is at.
func (r *readout) quantile(p []float64, at float64) float64 {
	below := p[0] / 2
	if at <= below {
		return r.share[0]
	}
	for m := range len(p) - 1 {
		cell := (p[m] + p[m+1]) / 2
		if at > below+cell && m < len(p)-2 {
			below += cell
			continue
		}
		// p0·(t − t²/2) + p1·t²/2 = at − below
		want, a, b := min(cell, max(0, at-below)), (p[m+1]-p[m])/2, p[m]
		t := 1.0
		if root := math.Sqrt(max(0, b*b+4*a*want)) + b; root > 0 {
			t = min(1, 2*want/root)
		}
		return r.share[m] + t*(r.share[m+1]-r.share[m])
	}
	return r.share[len(p)-1]
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
		part.links = p.links(t, part.p)
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

func (p *Prepared) links(t Task, f []float64) []link {
	out := []link{}
	for _, e := range slices.Sorted(maps.Keys(t.Weights)) {
		w := t.Weights[e]
		if w <= 0 {
			continue
		}
		l := link{p.index[e], w, f}
		if w != 1 {
			l.f = powered(f, w)
		}
		out = append(out, l)
	}
	return out
}

func powered(f []float64, w float64) []float64 {
	out := make([]float64, len(f))
	for i, x := range f {
		out[i] = math.Pow(x, w)
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
	add := func(t *ModelTask, like []float64, only func(e int) bool) {
		var expected []float64
		for _, name := range slices.Sorted(maps.Keys(t.Weights)) {
			e, ok := p.index[name]
			w := t.Weights[name]
			if !ok || w <= 0 || !only(e) {
				continue
			}
			if expected == nil {
				expected = make([]float64, len(x))
				for k := 1; k <= len(t.D); k++ {
					points := float64(k) / float64(len(t.D)) * t.Max
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
			if t.Cov != nil {
				const every = 4 // a sum over persons, smooth: fewer nodes do
				for j := 0; j < len(x); j += every {
					if lie[e][j] > 1e-6 {
						variance[e] += every * lie[e][j] * w * w * t.Max * t.Max * t.shareVariance(x[j], like, j, len(x))
					}
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
		}
		if t.p == nil {
			continue
		}
		level := t.level(r.Points)
		w.given[r.Task] = level
		for _, l := range t.links {
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
	if f != nil {
		for j, x := range f {
			w.p[j] *= x
		}
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
	out := Estimate{Element: r.name, Score: f.score, Max: f.max, Tasks: f.answered, Omitted: f.omitted}
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
	out.Status, out.Severity = policy.Judge(out.Estimate, out.P, f.counted)
	return out
}
