package cdm

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Group is the chance of a right answer of those who have some of an item's attributes.
type Group struct {
	Attributes string `json:"attributes"` // 101: of the item's attributes in the order of Q; dina, dino: 0 and 1
	P          Number `json:"p"`
	SE         Number `json:"se"`
	N          Number `json:"n"` // expected persons
}

// An Item is what was estimated of one item. Less guessing and less slipping is better.
type Item struct {
	ID      string  `json:"id"`
	Guess   Number  `json:"guess"` // right with none of it (dina: not all)
	Slip    Number  `json:"slip"`  // wrong with all of it (dino: any)
	GuessSE Number  `json:"guess_se"`
	SlipSE  Number  `json:"slip_se"`
	Groups  []Group `json:"groups"`
	RMSEA   Number  `json:"rmsea"` // under 0.05 good, over 0.10 poor (Kunina-Habenicht et al. 2012)
}

// An Attribute with the share of persons who have mastered it.
type Attribute struct {
	ID         string `json:"id"`
	Prevalence Number `json:"prevalence"`
}

// A Class is a combination of attributes with its share of persons.
type Class struct {
	Pattern string `json:"pattern"`
	Share   Number `json:"share"`
}

// A Person with the probability to have mastered each attribute.
type Person struct {
	ID      string            `json:"person"`
	Mastery map[string]Number `json:"mastery"`
	Pattern string            `json:"pattern"` // the likeliest combination
}

// Result is the answer of "psychometrics cdm".
type Result struct {
	Model      Model          `json:"model"`
	Loglik     Number         `json:"loglik"`
	Parameters int            `json:"parameters"`
	AIC        Number         `json:"aic"`
	BIC        Number         `json:"bic"`
	Iterations int            `json:"iterations"`
	Converged  bool           `json:"converged"`
	Starts     []Number       `json:"starts"` // log-likelihood of each start when the best were chosen (of a sample, where there are many persons)
	SEMethod   string         `json:"se_method"`
	Items      []Item         `json:"items"`
	Attributes []Attribute    `json:"attributes"`
	Classes    []Class        `json:"classes"`
	Persons    []Person       `json:"persons"`
	Fit        Absolute       `json:"fit"`
	Q          Identification `json:"q"`
	Warnings   []string       `json:"warnings"`
}

// Options of a fit; the zero value means the defaults.
type Options struct {
	Tolerance  float64 // largest change of a probability in an EM step that ends it; 1e-7
	Iterations int     // EM steps at most from one start; 4000
	Starts     int     // 4, gdina 12; fewer where classes are many
}

// bound keeps probabilities from 0 and 1, where a likelihood would be nil.
const bound = 1e-10

// Fit estimates a model by EM with squared extrapolation (Varadhan & Roland 2008) from
// several starts, the same each time, and takes the best. r must hold 0/1 items that q
// knows; others are an error. Standard errors are of the observed information. Errors
// name the item at fault.
func Fit(r *psychometrics.Responses, q *psychometrics.Q, model Model, o Options) (*Result, error) {
	if !model.Known() {
		return nil, fmt.Errorf("model %q, expected dina, dino or gdina", model)
	}
	if len(q.Attributes) > MostAttributes {
		return nil, fmt.Errorf("%d attributes make 2^%d classes, expected at most %d attributes", len(q.Attributes), len(q.Attributes), MostAttributes)
	}
	columns, rows, warnings, err := q.Match(r)
	if err != nil {
		return nil, err
	}
	warnings = append(slices.Clone(r.Warnings), warnings...)
	all := r
	r = r.Select(columns)
	r.Persons = all.Persons
	k := len(q.Attributes)
	masks := make([]int, len(rows))
	covered := 0
	for i, row := range rows {
		for a, w := range q.Weights[row] {
			if w != 0 && w != 1 {
				return nil, fmt.Errorf("item %s: weight %g of %s, expected 0 or 1", q.Items[row], w, q.Attributes[a])
			}
			masks[i] |= int(w) << a
		}
		covered |= masks[i]
		if masks[i] == 0 {
			return nil, fmt.Errorf("item %s measures no attribute: its row in Q is all zeros", q.Items[row])
		}
	}
	for a := range k {
		if covered>>a&1 == 0 {
			return nil, fmt.Errorf("no item with responses measures %s", q.Attributes[a])
		}
	}
	for i, most := range r.Max {
		if most > 1 {
			return nil, fmt.Errorf("item %s has scores to %d, expected 0 and 1: cognitive diagnosis here is of 0/1 items", r.Items[i], most)
		}
		var seen [2]int
		for p := range r.Persons {
			if points, answered := r.Row(p)[i].Score(); answered {
				seen[points]++
			}
		}
		switch {
		case seen[0]+seen[1] == 0:
			return nil, fmt.Errorf("item %s has no answers at all", r.Items[i])
		case seen[0] == 0 || seen[1] == 0:
			warnings = append(warnings, fmt.Sprintf("item %s: all answers are alike, its guess and slip say nothing", r.Items[i]))
		}
	}
	if o.Tolerance == 0 {
		o.Tolerance = 1e-7
	}
	if o.Iterations == 0 {
		o.Iterations = 4000
	}
	if o.Starts == 0 {
		o.Starts = 4
		if model == GDINA {
			o.Starts = 12
		}
	}

	d := gather(r, 1<<k)
	best, starts := d.search(model, masks, o)
	if model == GDINA {
		best.theta.orient(masks, k)
	}
	th := best.theta
	n, loglik := d.expect(th)
	res := &Result{Model: model, Loglik: Number(loglik), Parameters: len(th.p) + d.classes - 1, Iterations: best.steps, Converged: best.converged,
		Starts: starts, Warnings: warnings, Q: Identify(q.Attributes, masks, model)}
	res.AIC = Number(-2*loglik + 2*float64(res.Parameters))
	res.BIC = Number(-2*loglik + math.Log(n.persons)*float64(res.Parameters))
	warn := func(format string, args ...any) { res.Warnings = append(res.Warnings, fmt.Sprintf(format, args...)) }
	if !best.converged {
		warn("EM did not converge in %d steps: figures are where it stopped", o.Iterations)
	}
	if res.Q.Verdict == NotIdentifiable {
		for _, why := range res.Q.Reasons {
			warn("the Q-matrix is not identifiable: %s", why)
		}
	}
	if float64(res.Parameters) > n.persons {
		warn("%d parameters from %d persons: read every figure with care", res.Parameters, len(r.Persons))
	}

	se, method, problem := d.standardErrors(th) // leaves the tables of expect as they were
	res.SEMethod = method
	if problem != "" {
		warn("%s", problem)
	}
	var boundary []string
	for i, id := range r.Items {
		it := Item{ID: id, Groups: []Group{}}
		p, bits := th.of(i), 1
		if model == GDINA {
			bits = len(pattern1(masks[i]))
		}
		for g := range p {
			at := th.at[i] + g
			it.Groups = append(it.Groups, Group{Attributes: pattern(g, bits), P: Number(p[g]), SE: Number(se[at]), N: Number(n.all[at])})
		}
		last := len(p) - 1
		it.Guess, it.GuessSE = it.Groups[0].P, it.Groups[0].SE
		it.Slip, it.SlipSE = Number(1-p[last]), it.Groups[last].SE
		it.RMSEA = d.rmsea(th, i)
		if p[0] > p[last] {
			warn("item %s: those without its attributes do it better (guess %.2f, 1 − slip %.2f)", id, p[0], p[last])
		}
		if p[0] < 1e-4 || p[last] > 1-1e-4 {
			boundary = append(boundary, id)
		}
		res.Items = append(res.Items, it)
	}
	for _, id := range boundary {
		warn("item %s: guess or slip is at 0, there it has no standard error", id)
	}
	for a, id := range q.Attributes {
		var share float64
		for c, s := range th.shares {
			share += s * float64(c>>a&1)
		}
		res.Attributes = append(res.Attributes, Attribute{ID: id, Prevalence: Number(share)})
	}
	for c, s := range th.shares {
		res.Classes = append(res.Classes, Class{Pattern: pattern(c, k), Share: Number(s)})
	}
	res.Fit = d.absolute(th, r)
	res.Persons = d.persons(th, r.Persons, q.Attributes)
	return res, nil
}

// pattern1 lists the attributes of a mask.
func pattern1(mask int) (attributes []int) {
	for a := 0; mask>>a > 0; a++ {
		if mask>>a&1 == 1 {
			attributes = append(attributes, a)
		}
	}
	return attributes
}

func (d *data) persons(th *parameters, ids, attributes []string) []Person {
	d.likelihoods(th)
	post := make([]float64, d.classes)
	type found struct {
		mastery []Number
		pattern string
	}
	by := make([]found, len(d.patterns))
	for i := range d.patterns {
		d.posterior(th, i, post)
		best := 0
		f := found{mastery: make([]Number, len(attributes))}
		for c, w := range post {
			if w > post[best] {
				best = c
			}
			for a := range attributes {
				if c>>a&1 == 1 {
					f.mastery[a] += Number(w)
				}
			}
		}
		for a := range f.mastery {
			f.mastery[a] = min(1, f.mastery[a])
		}
		f.pattern = pattern(best, len(attributes))
		by[i] = f
	}
	out := make([]Person, len(ids))
	for p, id := range ids {
		f := by[d.of[p]]
		out[p] = Person{ID: id, Mastery: make(map[string]Number, len(attributes)), Pattern: f.pattern}
		for a, name := range attributes {
			out[p].Mastery[name] = f.mastery[a]
		}
	}
	return out
}

// A run of EM from one start.
type run struct {
	theta     *parameters
	loglik    float64
	steps     int
	converged bool
}

// Of the starts, finalists are run to the end, the first always: the order of coarse runs
// may yet change. Coarse runs look at about coarsePatterns of the answers, and two of
// them whose probabilities are nowhere further apart than samePlace are one. Many
// classes leave work for fewer starts.
const (
	finalists      = 3
	coarsePatterns = 2000
	coarseSteps    = 45
	coarseWork     = 1e9 // patterns × classes × blocks × steps of all coarse runs
	samePlace      = 0.01
	betterBy       = 1e-3 // log-likelihood by which another start beats the first
)

// search runs every start a little way, the best to the end, and gives the best of
// those. Among equals it is the first start, whose classes are even: where the Q-matrix
// cannot tell classes apart, they stay so.
func (d *data) search(model Model, masks []int, o Options) (run, []Number) {
	sample := d.sample(max(1, len(d.patterns)/coarsePatterns))
	work := float64(len(sample.patterns)) * float64(d.classes) * float64(len(d.blocks)) * coarseSteps
	runs := make([]run, max(1, min(o.Starts, 2+int(coarseWork/work))))
	for s := range runs {
		runs[s] = run{theta: d.start(model, masks, s)}
		sample.advance(&runs[s], 1e-3, min(o.Iterations, coarseSteps))
	}
	logliks := make([]Number, len(runs))
	for s := range runs {
		logliks[s] = Number(runs[s].loglik)
	}
	slices.SortStableFunc(runs[1:], func(a, b run) int { return cmp.Compare(b.loglik, a.loglik) })
	var best run
	var places []*parameters
	for s := range runs {
		coarse := runs[s].theta
		if len(places) == finalists {
			break
		}
		if slices.ContainsFunc(places, func(other *parameters) bool { return distance(coarse, other) < samePlace }) {
			continue
		}
		places = append(places, coarse)
		d.advance(&runs[s], o.Tolerance, o.Iterations)
		if len(places) == 1 || runs[s].loglik > best.loglik+betterBy {
			best = runs[s]
		}
	}
	return best, logliks
}

// sample is every n-th pattern, sharing the tables.
func (d *data) sample(n int) *data {
	if n == 1 {
		return d
	}
	out := &data{items: d.items, classes: d.classes, blocks: d.blocks}
	for i := 0; i < len(d.patterns); i += n {
		out.patterns, out.weight = append(out.patterns, d.patterns[i]), append(out.weight, d.weight[i])
	}
	return out
}

// start is where the s-th run begins: 0 from guess and slip 0.2 and equal shares, the
// others from seeded draws around them.
func (d *data) start(model Model, masks []int, s int) *parameters {
	th := &parameters{shares: make([]float64, d.classes), at: []int{0}}
	rng := rand.New(rand.NewPCG(20261122, uint64(s)))
	for _, mask := range masks {
		of, n := model.groups(mask, d.classes)
		th.group = append(th.group, of)
		guess, slip := 0.2, 0.2
		if s > 0 {
			guess, slip = 0.05+0.3*rng.Float64(), 0.05+0.3*rng.Float64()
		}
		most := float64(len(pattern1(n - 1)))
		for g := range n {
			has := float64(len(pattern1(g))) / most
			if s > 0 && g > 0 && g < n-1 {
				has = max(0, min(1, has+rng.Float64()-0.5)) * rng.Float64()
			}
			th.p = append(th.p, guess+(1-slip-guess)*has)
		}
		th.at = append(th.at, len(th.p))
	}
	var sum float64
	for c := range th.shares {
		th.shares[c] = 1
		if s > 0 {
			th.shares[c] = 0.2 + rng.ExpFloat64()
		}
		sum += th.shares[c]
	}
	for c := range th.shares {
		th.shares[c] /= sum
	}
	return th
}

// maximise is the M-step: shares of right answers, shares of classes.
func (th *parameters) maximise(n counts) *parameters {
	out := th.clone()
	for i := range out.p {
		if n.all[i] > 1e-12 {
			out.p[i] = max(bound, min(1-bound, n.right[i]/n.all[i]))
		}
	}
	for c := range out.shares {
		out.shares[c] = n.class[c] / n.persons
	}
	return out
}

// advance runs EM with squared extrapolation until a step moves nothing by tolerance.
// The likelihood never falls: an extrapolation that would lose is not taken.
func (d *data) advance(r *run, tolerance float64, steps int) {
	r.converged = false
	n, ll := d.expect(r.theta)
	r.loglik = ll
	for steps += r.steps; r.steps < steps; {
		one := r.theta.maximise(n)
		n1, ll1 := d.expect(one)
		two := one.maximise(n1)
		r.steps += 2
		if distance(one, two) < tolerance {
			_, r.loglik = d.expect(two)
			r.theta, r.converged = two, true
			return
		}
		var rr, vv float64
		squares := func(a, b, c []float64) {
			for i := range a {
				r, v := b[i]-a[i], c[i]-2*b[i]+a[i]
				rr += r * r
				vv += v * v
			}
		}
		squares(r.theta.p, one.p, two.p)
		squares(r.theta.shares, one.shares, two.shares)
		next := two
		if step := math.Sqrt(rr / vv); vv > 0 && step > 1 {
			next = extrapolate(r.theta, one, two, step)
		}
		nn, lln := d.expect(next)
		if next != two && !(lln >= ll1) {
			next = two
			nn, lln = d.expect(two)
			r.steps++
		}
		r.theta, n, r.loglik = next, nn, lln
		r.steps++
	}
}

func distance(a, b *parameters) (most float64) {
	for i := range a.p {
		most = max(most, math.Abs(a.p[i]-b.p[i]))
	}
	for c := range a.shares {
		most = max(most, math.Abs(a.shares[c]-b.shares[c]))
	}
	return most
}

// extrapolate is zero + 2·step·r + step²·v of the last three points, kept among probabilities.
func extrapolate(zero, one, two *parameters, step float64) *parameters {
	out := zero.clone()
	jump := func(to, a, b, c []float64) {
		for i := range to {
			r, v := b[i]-a[i], c[i]-2*b[i]+a[i]
			to[i] = max(bound, min(1-bound, a[i]+2*step*r+step*step*v))
		}
	}
	jump(out.p, zero.p, one.p, two.p)
	jump(out.shares, zero.shares, one.shares, two.shares)
	var sum float64
	for _, s := range out.shares {
		sum += s
	}
	for c := range out.shares {
		out.shares[c] /= sum
	}
	return out
}

// orient names each attribute so that having it helps: the likelihood of gdina is the
// same with any attribute turned round.
func (th *parameters) orient(masks []int, attributes int) {
	for a := range attributes {
		var help float64
		for i, mask := range masks {
			if mask>>a&1 == 0 {
				continue
			}
			p := th.of(i)
			for c, s := range th.shares {
				if c>>a&1 == 0 {
					other := c | 1<<a
					help += (s + th.shares[other]) * (p[th.group[i][other]] - p[th.group[i][c]])
				}
			}
		}
		if help >= 0 {
			continue
		}
		for c := range th.shares {
			if other := c | 1<<a; other != c {
				th.shares[c], th.shares[other] = th.shares[other], th.shares[c]
			}
		}
		for i, mask := range masks {
			if mask>>a&1 == 0 {
				continue
			}
			p, turned := th.of(i), make(map[int]float64, 4)
			for c := range th.shares {
				turned[th.group[i][c]] = p[th.group[i][c^1<<a]]
			}
			for g, v := range turned {
				p[g] = v
			}
		}
	}
}
