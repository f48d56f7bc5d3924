package infer

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// BinomialMethod names the yardstick.
const BinomialMethod = "beta-binomial/1"

// A Binomial is the simpler model that this package is measured against: every
// element by itself, its true share Beta over the persons. It borrows nothing from
// a person's other elements and knows nothing of how hard a task is.
type Binomial struct {
	Policy   Policy
	Persons  int
	Elements []ElementPrior
	Spread   map[string]float64 // φ by task: variance of its share of points over p(1−p)
	Warnings []string
}

// An ElementPrior is the distribution of the true share of an element over
// persons: Beta(A, B).
type ElementPrior struct {
	Element string  `json:"element"`
	A       float64 `json:"a"`
	B       float64 `json:"b"`
	Persons int     `json:"persons"`
}

// The hyperprior, which alone speaks where nobody answered and fades as persons
// come: the mean share lies about 0.6 (its logit normal with sd 1.5), the
// concentration a+b about 4 (its logarithm normal with sd 0.8), which is the
// spread of ability met in surveys of teachers with three or four tasks an element.
const (
	hyperLogit, hyperLogitSD = 0.405, 1.5
	hyperLogS, hyperLogSSD   = 1.386, 0.8
	leastShape               = 0.05 // a and b never fall under it
)

func weak(element string) ElementPrior {
	a, b := shapes(hyperLogit, hyperLogS)
	return ElementPrior{Element: element, A: a, B: b}
}

// shapes gives (a, b) of the Beta with mean σ(logit) and concentration exp(logS).
func shapes(logit, logS float64) (a, b float64) {
	mean, s := 1/(1+math.Exp(-logit)), math.Exp(logS)
	return max(leastShape, mean*s), max(leastShape, (1-mean)*s)
}

func sorted(elements []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(elements)))
}

// FitBinomial learns the distribution of each element's true share over the persons by
// empirical Bayes: the beta-binomial marginal likelihood
//
//	Π_i B(a+k_i, b+n_i−k_i) / B(a, b)
//
// with the hyperprior above, at its mode in (logit a/(a+b), ln(a+b)) (Casella 1985;
// Lord & Novick 1968 ch. 23 for the binomial error model).
//
// Partial credit enters as fractional counts. For a person and element with tasks
// of weighted maxima m_t and shares of points x_t the weighted share is
// Σ m_t x_t / Σ m_t; if the variance of x_t is φ_t·p(1−p), the share varies like
// that of n = (Σ m_t)² / Σ m_t² φ_t tosses, and k = n · share. φ_t is taken from
// the answers (1 for a 0/1 task, less for a task of several points), held in
// [0.1, 1] and drawn to 1 by ten persons' worth.
//
// Errors name what is wrong with the data or the policy. Tasks without points,
// constant tasks and elements nobody answered are warnings.
func FitBinomial(d Data, p Policy) (Binomial, error) {
	if err := p.Check(); err != nil {
		return Binomial{}, err
	}
	if err := d.check(); err != nil {
		return Binomial{}, err
	}
	m := Binomial{Policy: p, Spread: map[string]float64{}, Warnings: []string{}, Elements: []ElementPrior{}}
	m.spread(d)
	elements := slices.Clone(d.Elements)
	for _, t := range d.Tasks {
		elements = slices.AppendSeq(elements, maps.Keys(t.Weights))
	}
	counts := map[string]map[[2]float64]int{} // element → (n, k) → persons
	for _, person := range d.Persons {
		spoke := false
		for e, s := range m.sums(d.Tasks, person.Responses) {
			n, k := s.counts()
			if n == 0 {
				continue
			}
			spoke = true
			if counts[e] == nil {
				counts[e] = map[[2]float64]int{}
			}
			counts[e][[2]float64{n, k}]++
		}
		if spoke {
			m.Persons++
		} else {
			m.Warnings = append(m.Warnings, fmt.Sprintf(saysNoAnswer, person.ID))
		}
	}
	for _, e := range sorted(elements) {
		if len(counts[e]) == 0 {
			m.Warnings = append(m.Warnings, fmt.Sprintf(saysNoTask, e))
			m.Elements = append(m.Elements, weak(e))
			continue
		}
		m.Elements = append(m.Elements, fitBeta(e, counts[e]))
	}
	return m, nil
}

// spread estimates φ of each task.
func (m *Binomial) spread(d Data) {
	type moments struct{ n, sum, squares float64 }
	by := make([]moments, len(d.Tasks))
	for _, person := range d.Persons {
		for _, r := range person.Responses {
			if r.State == NotReached || d.Tasks[r.Task].Max == 0 {
				continue
			}
			x := r.Points / d.Tasks[r.Task].Max
			by[r.Task].n++
			by[r.Task].sum += x
			by[r.Task].squares += x * x
		}
	}
	for i, t := range d.Tasks {
		v := by[i]
		switch {
		case t.Max == 0:
			m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: gives no points", t.ID))
			continue
		case v.n == 0:
			m.Warnings = append(m.Warnings, fmt.Sprintf(saysNobody, t.ID))
			continue
		}
		p := v.sum / v.n
		if p*(1-p) < 1e-12 {
			if v.n > 1 {
				m.Warnings = append(m.Warnings, fmt.Sprintf("task %s: everybody got the same points", t.ID))
			}
			m.Spread[t.ID] = 1
			continue
		}
		phi := max(0, v.squares/v.n-p*p) / (p * (1 - p))
		m.Spread[t.ID] = min(1, max(0.1, (v.n*phi+10)/(v.n+10)))
	}
}

// sum is what the answers of one person say of one element.
type sum struct {
	points, max, squares float64 // squares = Σ m_t² φ_t
	answered, omitted    int
}

func (m Binomial) sums(tasks []Task, responses []Response) map[string]sum {
	out := map[string]sum{}
	ordered := responses
	if !slices.IsSortedFunc(responses, byTask) { // floating sums do not depend on the order given
		ordered = slices.SortedFunc(slices.Values(responses), byTask)
	}
	for _, r := range ordered {
		t := tasks[r.Task]
		if r.State == NotReached || t.Max == 0 {
			continue
		}
		phi, known := m.Spread[t.ID]
		if !known {
			phi = 1
		}
		for e, w := range t.Weights {
			if w == 0 {
				continue
			}
			s := out[e]
			s.points += w * r.Points
			s.max += w * t.Max
			s.squares += w * t.Max * w * t.Max * phi
			if r.State == Answered {
				s.answered++
			} else {
				s.omitted++
			}
			out[e] = s
		}
	}
	return out
}

func byTask(a, b Response) int { return a.Task - b.Task }

// counts gives the effective number of tosses and successes, k ≤ n.
func (s sum) counts() (n, k float64) {
	if s.max == 0 {
		return 0, 0
	}
	n = s.max * s.max / s.squares
	return n, min(n, max(0, n*s.points/s.max))
}

// fitBeta climbs to the mode of the marginal posterior by a pattern search:
// the surface is smooth with one hill, and the search needs no derivative.
func fitBeta(e string, counts map[[2]float64]int) ElementPrior {
	persons := 0
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y [2]float64) int {
		return slices.Compare(x[:], y[:])
	})
	score := func(logit, logS float64) float64 {
		a, b := shapes(logit, logS)
		z1, z2 := (logit-hyperLogit)/hyperLogitSD, (logS-hyperLogS)/hyperLogSSD
		l, base := -(z1*z1+z2*z2)/2, logBeta(a, b)
		for _, nk := range keys {
			l += float64(counts[nk]) * (logBeta(a+nk[1], b+nk[0]-nk[1]) - base)
		}
		return l
	}
	for _, c := range counts {
		persons += c
	}
	x, y := hyperLogit, hyperLogS
	best := score(x, y)
	for step := 0.5; step > 1e-5; {
		moved := false
		for _, to := range [4][2]float64{{x + step, y}, {x - step, y}, {x, y + step}, {x, y - step}} {
			if math.Abs(to[0]) > 6 || math.Abs(to[1]) > 6 {
				continue
			}
			if l := score(to[0], to[1]); l > best {
				x, y, best, moved = to[0], to[1], l, true
				break
			}
		}
		if !moved {
			step /= 2
		}
	}
	a, b := shapes(x, y)
	return ElementPrior{Element: e, A: a, B: b, Persons: persons}
}

func logBeta(a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	return la + lb - lab
}

// Infer says what one person's answers mean for every element of the model and
// of the tasks, in order of element ids. Given k of n, the true share is
// Beta(a+k, b+n−k): its mean, its 5 % and 95 % points, its mass under the cut c,
// and E[max(0, c−share)] = c·I_c(α, β) − α/(α+β)·I_c(α+1, β). An element without
// answers gets the distribution over persons, and status insufficient.
//
// At fixed model, more points never raise the probability of a deficit: the
// posterior only moves up.
func (m Binomial) Infer(tasks []Task, responses []Response) ([]Estimate, error) {
	for _, t := range tasks {
		if err := t.checkWeights(); err != nil {
			return nil, err
		}
	}
	if err := checkResponses(tasks, responses); err != nil {
		return nil, err
	}
	priors := make(map[string]ElementPrior, len(m.Elements))
	for _, e := range m.Elements {
		priors[e.Element] = e
	}
	for _, t := range tasks {
		for e := range t.Weights {
			if _, known := priors[e]; !known {
				priors[e] = weak(e)
			}
		}
	}
	sums := m.sums(tasks, responses)
	out := make([]Estimate, 0, len(priors))
	for _, e := range slices.Sorted(maps.Keys(priors)) {
		out = append(out, m.estimate(priors[e], sums[e]))
	}
	return out, nil
}

func (m Binomial) estimate(prior ElementPrior, s sum) Estimate {
	n, k := s.counts()
	a, b := prior.A+k, prior.B+n-k
	out := Estimate{Element: prior.Element, Score: s.points, Max: s.max, Tasks: s.answered, Own: s.answered, Omitted: s.omitted, Estimate: a / (a + b)}
	if s.max > 0 {
		out.Share = s.points / s.max
	}
	out.Low = min(out.Estimate, quantile(a, b, 0.05))
	out.High = max(out.Estimate, quantile(a, b, 0.95))
	out.P = under(a, b, m.Policy.Cut)
	out.Shortfall = max(0, m.Policy.Cut*out.P-out.Estimate*under(a+1, b, m.Policy.Cut))
	out.Status, out.Severity = m.Policy.Judge(out.Estimate, out.P, out.Tasks)
	return out
}

// under is the mass of Beta(a, b) under x.
func under(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	}
	return min(1, max(0, mathext.RegIncBeta(a, b, x)))
}

// quantile is the point under which Beta(a, b) has mass p, by bisection to 1e-10:
// it cannot fail at extreme shapes.
func quantile(a, b, p float64) float64 {
	lo, hi := 0.0, 1.0
	for hi-lo > 1e-10 {
		mid := (lo + hi) / 2
		if under(a, b, mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}
