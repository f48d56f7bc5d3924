package infer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Parameters from the bank are used as given, so it must be said when the answers at hand
// speak against them. Each answer to such a task is compared with what the person's
// other answers foretell by the parameters: the residual r has the mean 0 and the predictive
// variance v where they are true, whoever the persons are (their mean and spread in each area
// are estimated). With h the person's ability foreseen from the other answers,
//
//	z_mean = Σr/√Σv,   z_slope = Σ(h−h̄)r/√Σ(h−h̄)²v,   h̄ = Σhv/Σv
//
// are then about standard normal and independent, z_mean² + z_slope² is χ² of two degrees,
// and its tail exp(−χ²/2) is held against the number of tasks looked at (Bonferroni). It is
// a score test (Glas 1999) with the answer itself kept out of the ability.

// A Contradiction is a task whose answers contradict its parameters.
type Contradiction struct {
	Answers  int     `json:"answers"`
	Expected float64 `json:"expected"` // share of points foreseen by the parameters,
	Came     float64 `json:"came"`     // and the one that came
	// Slope is by how much the share rises more (under 0: less) than foreseen from persons
	// to those abler by a standard deviation.
	Slope  float64 `json:"slope"`
	Square float64 `json:"chi2"` // of two degrees of freedom
}

const (
	enoughToContradict = 100  // answers to a task,
	variedEnough       = 6.0  // or fewer whose residuals vary by so much in all: sums of them are about normal (24 answers to a task that half solve)
	contradicting      = 0.02 // chance that any task is named although all parameters are true
	slight             = 0.06 // shares nearer to what was foreseen are not worth a word, however sure
	manyContradict     = 0.2  // of the tasks: then it is rather the calibration than tasks
	otherMean          = 0.5  // a group so far from the calibration's is named,
	leastVaried        = 1.0  // of a task's residuals in all, to count in the sum over the file,
	leastTasks         = 8    // tasks of which suffice, and that sum
	wholeSure          = 3.3  // is out by so many standard errors
	otherSpread        = 1.5  // and one that is so many times as spread
)

// residuals sums what a task's answers are beside what was foreseen.
type residuals struct {
	n                          int
	came, told, v, hv, hhv, hr float64
	h, hh                      float64
	g, hg                      []float64 // Σ of the gradient of what was told in the task's parameters, and with h
}

func (s *residuals) add(came, told, v, h float64) {
	r := came - told
	s.n++
	s.came += came
	s.told += told
	s.v += v
	s.hv += h * v
	s.hhv += h * h * v
	s.hr += h * r
	s.h += h
	s.hh += h * h
}

// enough tells whether the answers suffice to speak against parameters.
// moved adds what the residual's expectation owes to the task's parameters: gradient at the
// nodes, weighted by the distribution of x.
func (s *residuals) moved(gradient [][]float64, x []float64, h float64) {
	if s.g == nil {
		s.g, s.hg = make([]float64, len(gradient)), make([]float64, len(gradient))
	}
	for a, row := range gradient {
		sum := 0.0
		for j, w := range x {
			sum += w * row[j]
		}
		s.g[a] += sum
		s.hg[a] += h * sum
	}
}

func (s *residuals) enough() bool { return s.n >= enoughToContradict || s.v >= variedEnough }

// contradiction holds the answers against the parameters of t. Where these have errors with
// the covariance C, the sums of residuals vary by GᵀCG more, G the sums of gradients. Where
// only the number N of answers is known that they were found by, a share foreseen has about
// the variance v̄/N, which makes that of the sum of n residuals 1 + n/N times as large.
func (s *residuals) contradiction(t *ModelTask) Contradiction {
	n := float64(s.n)
	c := Contradiction{Answers: s.n, Expected: part(s.told, n), Came: part(s.came, n)}
	if s.v <= 0 {
		return c
	}
	sum, middle := s.came-s.told, s.hv/s.v
	slope, variance := s.hr-middle*sum, s.hhv-middle*s.hv
	spread := math.Sqrt(max(0, s.hh/n-s.h/n*(s.h/n)))
	steep := variance > 1e-9*s.hhv && spread > 1e-6
	if steep {
		c.Slope = slope / n / spread
	}
	mean, both := s.v, 0.0 // variance of the sum, and its covariance with the slope
	if s.g != nil {
		bent := make([]float64, len(s.g))
		for a := range bent {
			bent[a] = s.hg[a] - middle*s.g[a]
		}
		mean += max(0, t.between(s.g, s.g))
		variance += max(0, t.between(bent, bent))
		both = t.between(s.g, bent)
	}
	c.Square = sum * sum / mean
	if steep {
		slope -= both / mean * sum
		c.Square += slope * slope / max(variance-both*both/mean, 1e-9*s.hhv)
	}
	if s.g == nil && t.Calibrated > 0 {
		c.Square /= 1 + n/float64(t.Calibrated)
	}
	return c
}

// beside compares, after the last E-step, the answers to every task from the bank with
// what the person's other answers foretell, those to suspects of its element kept out.
func (f *fitting) beside(suspect []bool) []residuals {
	q, n := len(f.tree.theta), len(f.x)
	sums, gradients := make([]residuals, len(f.tasks)), make([][][]float64, len(f.tasks))
	for i, t := range f.tasks {
		if t.fixed {
			gradients[i] = f.m.Tasks[t.at].gradient(f.x)
		}
	}
	workers(len(f.kinds), func(k int) {
		e, edge := &f.kinds[k], &f.tree.kinds[k]
		fixed := func(t int) bool { return f.tasks[t].fixed && f.m.Tasks[f.tasks[t].at].Max > 0 }
		if !slices.ContainsFunc(e.tasks, fixed) {
			return
		}
		areal := f.areal[f.area[k]]
		cav, x, one := make([]float64, q), make([]float64, n), make([]float64, n)
		for c, p := range f.chosen {
			at := int(f.pattern[p*len(f.kinds)+k])
			if at == 0 {
				continue
			}
			for i, v := range areal[c*q : (c+1)*q] {
				cav[i] = ratio(v, e.up[at*q+i])
			}
			edge.down(cav, x)
			for j, like := range e.like[at*n : (at+1)*n] {
				x[j] *= like
			}
			without := func(to []float64, i int) {
				level := int(e.patterns[at][i])
				for j, p := range f.tasks[e.tasks[i]].p[level*n : (level+1)*n] {
					to[j] /= p
				}
			}
			for i, level := range e.patterns[at] {
				if level >= 0 && suspect[e.tasks[i]] {
					without(x, i)
				}
			}
			for i, level := range e.patterns[at] {
				t := e.tasks[i]
				if level < 0 || !fixed(t) {
					continue
				}
				task, model := f.tasks[t], &f.m.Tasks[f.tasks[t].at]
				copy(one, x)
				if !suspect[t] {
					without(one, i)
				}
				normalise(one)
				h, told, squares := 0.0, 0.0, 0.0
				for j, w := range one {
					h += w * f.x[j]
				}
				for l := range len(task.item.D) + 1 {
					chance := 0.0
					for j, v := range task.p[l*n : (l+1)*n] {
						chance += one[j] * v
					}
					share := model.worth(l) / model.Max
					told += chance * share
					squares += chance * share * share
				}
				sums[t].add(model.worth(int(level))/model.Max, told, max(0, squares-told*told), h)
				if gradients[t] != nil {
					sums[t].moved(gradients[t], one, h)
				}
			}
		}
	})
	return sums
}

// contradictions names the tasks from the bank whose answers speak against their
// parameters. A task that is off makes its neighbours of the same element look off too: the
// ones that seem so are looked at again without one another.
func (f *fitting) contradictions() {
	type found struct {
		task *ModelTask
		Contradiction
	}
	var list []found
	suspect, looked := make([]bool, len(f.tasks)), 0
	for range 2 {
		sums := f.beside(suspect)
		list, looked = []found{}, 0
		for _, s := range sums {
			if s.enough() {
				looked++
			}
		}
		for i, s := range sums {
			task := &f.m.Tasks[f.tasks[i].at]
			c := s.contradiction(task)
			suspect[i] = s.enough() && c.Square > -2*math.Log(contradicting/float64(looked)) &&
				(math.Abs(c.Came-c.Expected) >= slight || math.Abs(c.Slope) >= slight)
			if suspect[i] {
				list = append(list, found{task, c})
			}
		}
		if len(list) == 0 {
			break
		}
	}
	slices.SortFunc(list, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.Square, a.Square), cmp.Compare(a.task.ID, b.task.ID))
	})
	for i, c := range list {
		c.task.Contradicts = &c.Contradiction
		const most = 10
		switch {
		case i == most:
			rest := []string{}
			for _, c := range list[most:] {
				rest = append(rest, c.task.ID)
			}
			f.m.warn("the answers contradict the parameters of these tasks as well: %s", some(rest))
		case i < most:
			f.m.warn("task %s: %s", c.task.ID, c.Contradiction.say())
		}
	}
	if many := manyContradict * float64(looked); len(list) >= 3 && float64(len(list)) >= many {
		f.m.warn("the answers contradict the parameters of %d of %d tasks: are they the parameters of these tasks, on the scale that the file states?", len(list), looked)
	} else if stray, sure := f.whole(suspect); sure {
		f.m.warn("the answers contradict the parameters as a whole, though few single tasks have answers enough to be named: beyond chance, tasks stray by %.2f of their points from what their parameters foretell; are they the parameters of these tasks, on the scale that the file states?", stray)
	}
	f.strangers()
}

// whole sums over the tasks that are not suspect: how far their shares stray from what was
// foreseen, beyond chance and the errors of the parameters (root of the mean square, 0 where
// by no more than that), and whether that is sure. The sum of squares, two degrees a task, is
// held against its own mean and spread (Wilson & Hilferty 1931): answers to tasks
// of one element go together a little, so that it must be out by wholeSure standard errors.
func (f *fitting) whole(suspect []bool) (stray float64, sure bool) {
	sum, tasks, excess := 0.0, 0.0, 0.0
	for i, s := range f.beside(suspect) {
		if suspect[i] || s.v < leastVaried {
			continue
		}
		t := &f.m.Tasks[f.tasks[i].at]
		c := s.contradiction(t)
		n := float64(s.n)
		by := s.v
		if s.g != nil {
			by += max(0, t.between(s.g, s.g))
		}
		tasks++
		sum += c.Square
		excess += (c.Came-c.Expected)*(c.Came-c.Expected) - by/(n*n)
	}
	if tasks < leastTasks {
		return 0, false
	}
	stray = math.Sqrt(max(0, excess/tasks))
	degrees := 2 * tasks
	z := (math.Cbrt(sum/degrees) - (1 - 2/(9*degrees))) / math.Sqrt(2/(9*degrees))
	return stray, z > wholeSure && stray >= slight
}

// say tells the contradiction in words.
func (c Contradiction) say() string {
	of := fmt.Sprintf("by its parameters %.2f of its points were to be expected, %.2f came", c.Expected, c.Came)
	switch {
	case math.Abs(c.Came-c.Expected) >= slight:
	case c.Slope < 0:
		of += ", but the abler gain less by it than the parameters say"
	default:
		of += ", but the abler gain more by it than the parameters say"
	}
	return fmt.Sprintf("%s (answers looked at: %d)", of, c.Answers)
}

// strangers names areas in which the persons as a group are far from those by whom the
// bank's scale is made: no contradiction, but to be known.
func (f *fitting) strangers() {
	persons := make([]int, len(f.free))
	for g := range persons {
		for p := range f.persons {
			for k, area := range f.area {
				if area == g && f.pattern[p*len(f.kinds)+k] > 0 {
					persons[g]++
					break
				}
			}
		}
	}
	for g, a := range f.m.Areas {
		if !f.free[g] || persons[g] < enoughToContradict {
			continue
		}
		if math.Abs(a.Mean) > otherMean || a.SD > otherSpread || a.SD < 1/otherSpread {
			which := "the persons"
			if len(f.m.Areas) > 1 {
				which = fmt.Sprintf("area %s: the persons", a.Area)
			}
			f.m.warn("%s differ from those of the calibration: their ability has the mean %.2f and the sd %.2f where the calibration has 0 and 1; if they should be alike, the parameters are not", which, a.Mean, a.SD)
		}
	}
}

func (m *Model) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}
