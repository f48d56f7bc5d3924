package infer

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// A Check is how well the model foretells answers that it was not shown, and where it does not fit.
type Check struct {
	Persons     int         `json:"persons"`     // looked at: of very many an even choice
	Predictions int         `json:"predictions"` // answers foretold from the other half of the person's tasks
	Bins        []Bin       `json:"bins"`        // foretold share of points against what came
	Error       float64     `json:"error"`       // mean distance of the bins
	Squares     Squares     `json:"squares"`     // mean square of (share of points that came − foretold)
	Tasks       []TaskFit   `json:"tasks"`       // in order of ids
	Misfits     []PersonFit `json:"misfits"`     // persons whose answers surprise most
	Prior       PriorEffect `json:"prior"`
}

// A Bin is the answers of which about the same was foretold.
type Bin struct {
	N    int     `json:"n"`
	Said float64 `json:"said"` // mean share of points foretold
	Was  float64 `json:"was"`  // mean share that came
}

// Squares compares ways of foretelling the share of points of an answer not shown.
type Squares struct {
	Model float64 `json:"model"`
	Share float64 `json:"share"` // the bare share of the person's other tasks of the element
	Task  float64 `json:"task"`  // what everybody gets on the task
}

// A TaskFit is how the answers to a task agree with what persons' other answers foretell:
// 1 is as expected, above it more surprising, under it less (Wright & Masters 1982).
type TaskFit struct {
	Task     string  `json:"task"`
	N        int     `json:"n"`
	Mean     float64 `json:"mean"`     // share of points
	Expected float64 `json:"expected"` // foretold
	Infit    float64 `json:"infit"`    // weighted by information
	Outfit   float64 `json:"outfit"`   // mean square of standardised residuals
	Slope    float64 `json:"slope"`
	Out      string  `json:"out,omitempty"` // why it is left out
	// Contradicts is set where the answers contradict parameters from the bank.
	Contradicts *Contradiction `json:"contradicts,omitempty"`
}

// A PersonFit is the same of a person.
type PersonFit struct {
	Person string  `json:"person"`
	Tasks  int     `json:"tasks"`
	Outfit float64 `json:"outfit"`
}

// A PriorEffect tells what borrowing does: what is said of elements by their own answers
// and the other persons alone, against what is said with the person's other elements.
type PriorEffect struct {
	Decisions int     `json:"decisions"` // elements with enough answers
	Differ    int     `json:"differ"`    // status differs
	Change    float64 `json:"change"`    // mean |difference of the probability|
	Narrower  float64 `json:"narrower"`  // by what part the interval is shorter
}

// checkedPersons are looked at when there are more.
const checkedPersons = 2000

// Check foretells each half of every person's tasks from the other half, looks at each
// answer in the light of all the others, and at what borrowing does. The model was
// fitted to the same persons; its few parameters hardly know any one of them.
func (m Model) Check(d Data) (Check, error) {
	c := Check{Bins: make([]Bin, 10), Tasks: []TaskFit{}, Misfits: []PersonFit{}}
	p, err := m.Prepare(d.Tasks)
	if err != nil {
		return c, err
	}
	persons := d.Persons
	if every := (len(persons) + checkedPersons - 1) / checkedPersons; every > 1 {
		persons = nil
		for i := 0; i < len(d.Persons); i += every {
			persons = append(persons, d.Persons[i])
		}
	}
	half := p.halves()
	looks, faults := make([]look, len(persons)), make([]error, len(persons))
	workers(len(persons), func(i int) { looks[i], faults[i] = p.look(persons[i], half) })
	tasks := make([]surprise, len(d.Tasks))
	said, was := make([]float64, 10), make([]float64, 10)
	for i, l := range looks {
		if faults[i] != nil {
			return c, faults[i]
		}
		if len(l.answers) == 0 {
			continue
		}
		c.Persons++
		whole := surprise{}
		for _, a := range l.answers {
			tasks[a.task].add(a)
			whole.add(a)
			if a.foretold < 0 {
				continue
			}
			c.Predictions++
			bin := min(9, int(a.foretold*10))
			c.Bins[bin].N++
			said[bin] += a.foretold
			was[bin] += a.came
			everybody := p.parts[a.task].Mean
			bare := a.bare
			if bare < 0 { // nothing of the element was shown
				bare = everybody
			}
			c.Squares.Model += (a.came - a.foretold) * (a.came - a.foretold)
			c.Squares.Share += (a.came - bare) * (a.came - bare)
			c.Squares.Task += (a.came - everybody) * (a.came - everybody)
		}
		if whole.n >= 5 {
			c.Misfits = append(c.Misfits, PersonFit{persons[i].ID, whole.n, whole.outfit()})
		}
		c.Prior.Decisions += l.prior.Decisions
		c.Prior.Differ += l.prior.Differ
		c.Prior.Change += l.prior.Change
		c.Prior.Narrower += l.prior.Narrower
	}
	if n := float64(c.Predictions); n > 0 {
		c.Squares.Model, c.Squares.Share, c.Squares.Task = c.Squares.Model/n, c.Squares.Share/n, c.Squares.Task/n
		for b := range c.Bins {
			c.Error += math.Abs(said[b]-was[b]) / n
			if k := float64(c.Bins[b].N); k > 0 {
				c.Bins[b].Said, c.Bins[b].Was = said[b]/k, was[b]/k
			}
		}
	}
	if n := float64(c.Prior.Decisions); n > 0 {
		c.Prior.Change, c.Prior.Narrower = c.Prior.Change/n, c.Prior.Narrower/n
	}
	for i, t := range p.parts {
		if v := tasks[i]; v.n > 0 || t.Out != "" {
			c.Tasks = append(c.Tasks, TaskFit{t.ID, v.n, v.mean(), v.expected(), v.infit(), v.outfit(), t.A, t.Out, t.Contradicts})
		}
	}
	slices.SortFunc(c.Tasks, func(a, b TaskFit) int { return strings.Compare(a.Task, b.Task) })
	slices.SortFunc(c.Misfits, func(a, b PersonFit) int {
		return cmp.Or(cmp.Compare(b.Outfit, a.Outfit), strings.Compare(a.Person, b.Person))
	})
	c.Misfits = c.Misfits[:min(20, len(c.Misfits))]
	return c, nil
}

// A seen is an answer in the light of the others; shares of the task's points.
type seen struct {
	task           int
	came           float64
	foretold       float64 // from the other half, −1 where there is none
	bare           float64 // share of the element's points in the other half, −1 without
	mean, variance float64 // from all other answers
}

type look struct {
	answers []seen
	prior   PriorEffect
}

// A surprise sums residuals.
type surprise struct {
	n                                   int
	came, told, squares, variance, outs float64
}

func (s *surprise) add(a seen) {
	r := (a.came - a.mean) * (a.came - a.mean)
	s.n++
	s.came += a.came
	s.told += a.mean
	s.squares += r
	s.variance += a.variance
	s.outs += r / max(a.variance, 1e-4)
}

func part(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (s surprise) mean() float64     { return part(s.came, float64(s.n)) }
func (s surprise) expected() float64 { return part(s.told, float64(s.n)) }
func (s surprise) infit() float64    { return part(s.squares, s.variance) }
func (s surprise) outfit() float64   { return part(s.outs, float64(s.n)) }

// halves deals the tasks of each element to two halves by turns; the first of every
// second element goes to the second half, so that halves are alike.
func (p *Prepared) halves() []int {
	order := make([]int, len(p.tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(p.tasks[a].ID, p.tasks[b].ID) })
	turn, half := make([]int, len(p.elements)), make([]int, len(p.tasks))
	for e := range turn {
		turn[e] = e % 2
	}
	for _, i := range order {
		if links := p.parts[i].links; len(links) > 0 {
			e := links[0].element
			half[i] = turn[e]
			turn[e] = 1 - turn[e]
		}
	}
	return half
}

func (p *Prepared) look(person Person, half []int) (l look, err error) {
	w := p.take()
	defer p.give(w)
	responses := person.Responses
	at := map[int]int{} // response → answer
	if _, err := p.load(w, responses); err != nil {
		return l, err
	}
	p.tree.person(w.u, w.beliefs)
	for i, r := range responses {
		t := &p.parts[r.Task]
		if w.given[r.Task] < 0 || t.p == nil || len(t.links) == 0 {
			continue
		}
		e := t.links[0].element
		p.density(w, e, p.without(w, e, responses, i))
		mean, variance := t.foreseen(w.p)
		at[i] = len(l.answers)
		l.answers = append(l.answers, seen{r.Task, r.Points / t.Max, -1, -1, mean / t.Max, variance / t.Max / t.Max})
	}
	p.borrowed(w, responses, &l.prior)
	for side := range 2 {
		shown := []Response{}
		for _, r := range responses {
			if half[r.Task] == side {
				shown = append(shown, r)
			}
		}
		facts, err := p.load(w, shown)
		if err != nil {
			return l, err
		}
		if len(shown) == 0 {
			continue
		}
		p.tree.person(w.u, w.beliefs)
		for e := range p.elements {
			ready := false
			for i, r := range responses {
				k, ok := at[i]
				t := &p.parts[r.Task]
				if !ok || half[r.Task] == side || t.links[0].element != e {
					continue
				}
				if !ready {
					p.density(w, e, w.f[e])
					ready = true
				}
				mean, _ := t.foreseen(w.p)
				l.answers[k].foretold = min(1, max(0, mean/t.Max))
				if facts[e].max > 0 {
					l.answers[k].bare = facts[e].score / facts[e].max
				}
			}
		}
	}
	return l, nil
}

// borrowed compares what is said with and without the person's other elements; w holds
// all the person's answers.
func (p *Prepared) borrowed(w *workspace, responses []Response, out *PriorEffect) {
	answered := make([]int, len(p.elements))
	for _, r := range responses {
		if w.given[r.Task] >= 0 && r.State == Answered && p.parts[r.Task].p != nil {
			for _, l := range p.parts[r.Task].links { // also of tasks that it shares
				answered[l.element]++
			}
		}
	}
	for e := range p.elements {
		if w.u[e] == nil || answered[e] < max(1, p.m.Policy.MinTasks) {
			continue
		}
		p.density(w, e, w.f[e])
		all := p.saying(w, e)
		p.before(w, e) // leaves the distribution over persons in w.p
		for j, x := range w.f[e] {
			w.p[j] *= x
		}
		normalise(w.p)
		own := p.saying(w, e)
		a, _ := p.m.Policy.Judge(all.Estimate, all.P, answered[e])
		b, _ := p.m.Policy.Judge(own.Estimate, own.P, answered[e])
		out.Decisions++
		if a != b {
			out.Differ++
		}
		out.Change += math.Abs(all.P - own.P)
		out.Narrower += 1 - part(all.High-all.Low, max(own.High-own.Low, 1e-9))
	}
}
