package infer

import (
	"cmp"
	"slices"
)

// A Next is a task that the person was not given, and what it is worth to the element after
// those named before it. Given what is known now, every answer has its probability, and
// after it the model would say something else; figures are means over the answers (the
// preposterior analysis of Raiffa & Schlaifer 1961). Given x_e answers are independent, so
// that a set is summed over all its answers together.
type Next struct {
	Task      string  `json:"task"`
	Reduction float64 `json:"reduction"` // of p(1−p), beyond the tasks before it
	Doubt     float64 `json:"doubt"`     // p(1−p) expected after this task and those before it
	Width     float64 `json:"width"`     // of the 90 % interval, likewise
	Settled   float64 `json:"settled"`   // chance that the status is then deficit or none
	Typical   bool    `json:"typical"`   // no parameters of its own: taken as a typical task of its level
}

// Enough is the part of a set worth giving: the shortest beginning after which a verdict is
// most likely. One more answer may bring a clear case back to the edge, so that more tasks
// always take away doubt but not always give a verdict.
func Enough(set []Next) []Next {
	best := 0
	for i := range set {
		if set[i].Settled > set[best].Settled+1e-9 {
			best = i
		}
	}
	if len(set) == 0 || set[best].Settled < 1e-9 { // none gives one yet: all bring it nearer
		return set
	}
	return set[:best+1]
}

// shortlist is how many of the candidates that tell most alone are tried in company.
const shortlist = 12

// leastReduction is what a further task must bring to be named.
const leastReduction = 1e-6

// likely is the chance of a verdict that Needed asks for, mostNeeded how many tasks it tries:
// nobody is given more for one element.
const (
	likely     = 0.5
	mostNeeded = 30
)

// needed is how many average one-point tasks element e needs, beyond the counted answers,
// for a verdict to be likely; 0 where mostNeeded are not enough, as of an element that lies
// at the cut. Answers to like tasks are told by how many are right: C(n,s)·P^s·(1−P)^(n−s)
// given x_e. w.p holds the distribution of x_e.
func (p *Prepared) needed(w *workspace, e, counted int) int {
	average := p.m.Typical.task(Task{Max: 1}, 1)
	like, n := table(&average, p.tree.x), len(w.p)
	below, density := p.elements[e].reading(), make([]float64, n)
	wrong, right := powers(like[:n]), powers(like[n:])
	for tasks := 1; tasks <= mostNeeded; tasks++ {
		settled, ways := 0.0, 1.0
		for k := range tasks + 1 {
			for j, x := range w.p {
				density[j] = x * ways * right[k][j] * wrong[tasks-k][j]
			}
			chance, under := below.of(density)
			if status, _ := p.m.Policy.Judge(0, under, counted+tasks); status == Deficit || status == Fine {
				settled += chance
			}
			ways *= float64(tasks-k) / float64(k+1)
		}
		if settled >= likely {
			return tasks
		}
	}
	return 0
}

// powers are x⁰ … x^mostNeeded of every number.
func powers(x []float64) [][]float64 {
	out := make([][]float64, mostNeeded+1)
	for k := range out {
		out[k] = make([]float64, len(x))
		for j := range x {
			out[k][j] = 1
			if k > 0 {
				out[k][j] = out[k-1][j] * x[j]
			}
		}
	}
	return out
}

// A candidate is a task on the grid that could be given next.
type candidate struct {
	preparedTask
	typical bool
}

// candidates puts the tasks on the grid that could be given next, by their main element;
// those that the person was given and those that the model leaves out are passed over.
func (p *Prepared) candidates(responses []Response, tasks []Task) (map[string][]candidate, error) {
	given := map[string]bool{}
	for _, r := range responses {
		given[p.tasks[r.Task].ID] = true
	}
	out := map[string][]candidate{}
	for _, t := range tasks {
		if err := t.checkWeights(); err != nil {
			return nil, err
		}
		if given[t.ID] || t.Max <= 0 {
			continue
		}
		c := candidate{}
		if at, ok := p.byID[t.ID]; ok {
			c.ModelTask, c.Task = p.m.Tasks[at], t
			c.typical = c.Answers == 0 && !c.Fixed
		} else {
			c.ModelTask, c.typical = p.m.Typical.task(t, levelsOf(t.Max, true)), true
		}
		if c.Out == "" {
			c.p = table(&c.ModelTask, p.tree.x)
			out[c.main()] = append(out[c.main()], c)
		}
	}
	return out, nil
}

// next chooses tasks for element e one after another, each the one that takes away most of
// the doubt that those before it leave; of equals the first by id. It stops where nothing
// more is gained and the element has answers enough for a verdict. w.p holds the
// distribution of x_e and is left so; counted is how many answers the model takes in.
func (p *Prepared) next(w *workspace, e int, list []candidate, counted, most int) (chosen []Next, spare int) {
	chosen, spare = []Next{}, len(list)
	now := slices.Clone(w.p)
	defer copy(w.p, now)
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.ID, b.ID) })
	below := p.elements[e].reading()
	outcomes := [][]float64{now} // densities times the chance of the answers, for the tasks chosen
	doubt := below.doubt(outcomes)
	for len(chosen) < most && len(list) > 0 {
		worth := make([]float64, len(list))
		for i := range list {
			worth[i] = doubt - below.doubt(list[i].answers(outcomes))
		}
		best := 0
		for i := range worth {
			if worth[i] > worth[best]+1e-12 {
				best = i
			}
		}
		if worth[best] <= leastReduction && counted+len(chosen) >= p.m.Policy.MinTasks {
			break
		}
		t := list[best]
		if len(chosen) == 0 {
			list = telling(list, worth)
		}
		list = slices.DeleteFunc(slices.Clone(list), func(c candidate) bool { return c.ID == t.ID })
		outcomes = t.answers(outcomes)
		doubt -= worth[best]
		n := Next{Task: t.ID, Reduction: max(0, worth[best]), Doubt: max(0, doubt), Typical: t.typical}
		n.Width, n.Settled = p.after(w, e, outcomes, counted+len(chosen)+1)
		chosen = append(chosen, n)
	}
	return chosen, spare
}

// telling is the shortlist by what each is worth alone.
func telling(list []candidate, worth []float64) []candidate {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	order = order[:min(shortlist, len(order))]
	slices.Sort(order)
	out := make([]candidate, len(order))
	for i, at := range order {
		out[i] = list[at]
	}
	return out
}

// answers splits every outcome by what the answer to the task may be.
func (t *preparedTask) answers(outcomes [][]float64) [][]float64 {
	out := make([][]float64, 0, len(outcomes)*(len(t.D)+1))
	for _, was := range outcomes {
		n := len(was)
		for k := range len(t.D) + 1 {
			is := make([]float64, n)
			for j, x := range was {
				is[j] = x * t.p[k*n+j]
			}
			out = append(out, is)
		}
	}
	return out
}

// after is the mean width of the interval and the chance of a verdict over outcomes.
func (p *Prepared) after(w *workspace, e int, outcomes [][]float64, counted int) (width, settled float64) {
	for _, density := range outcomes {
		chance := 0.0
		for _, x := range density {
			chance += x
		}
		if chance < 1e-12 {
			continue
		}
		for j, x := range density {
			w.p[j] = x / chance
		}
		said := p.say(w, e, facts{counted: counted, own: 1})
		width += chance * (said.High - said.Low)
		if said.Status == Deficit || said.Status == Fine {
			settled += chance
		}
	}
	return width, min(1, settled)
}

// A reading tells the probability under the cut of many densities: sums with two tables.
type reading struct{ under, whole []float64 }

// reading is what saying p of a density comes to, its blur put on the tables instead: the
// noise is symmetric, so that it makes no difference which of the two is widened.
func (r *readout) reading() reading {
	n := len(r.under)
	out := reading{under: r.under, whole: make([]float64, n)}
	for j := range out.whole {
		out.whole[j] = 1
	}
	if r.blur != nil {
		out.under, out.whole = r.widened(out.under), r.widened(out.whole)
	}
	return out
}

// widened is a table in company with the noise.
func (r *readout) widened(table []float64) []float64 {
	out := make([]float64, len(table))
	for j := range out {
		out[j] = r.blur[0] * table[j]
		for k, b := range r.blur[1:] {
			if low := j - k - 1; low >= 0 {
				out[j] += b * table[low]
			}
			if high := j + k + 1; high < len(table) {
				out[j] += b * table[high]
			}
		}
	}
	return out
}

// of is the mass of a density and, of that, the probability under the cut.
func (r reading) of(density []float64) (mass, p float64) {
	whole, under := 0.0, 0.0
	for j, x := range density {
		mass += x
		whole += x * r.whole[j]
		under += x * r.under[j]
	}
	if whole > 0 {
		p = min(1, max(0, under/whole))
	}
	return mass, p
}

// doubt is the mean of p(1−p) over outcomes.
func (r reading) doubt(outcomes [][]float64) float64 {
	sum := 0.0
	for _, density := range outcomes {
		chance, p := r.of(density)
		sum += chance * p * (1 - p)
	}
	return sum
}
