package agreement

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Rater as the many-facet model sees one.
type Rater struct {
	ID       string `json:"id"`
	N        int    `json:"n"` // ratings given
	Mean     Number `json:"mean"`
	SD       Number `json:"sd"`
	Severity Number `json:"severity"` // logits, over 0 severe, under 0 lenient; they add up to 0
	SE       Number `json:"severity_se"`
	Infit    Number `json:"infit"` // mean squares near 1 given the others' ratings; over 1.5 erratic, under 0.5 too smooth
	Outfit   Number `json:"outfit"`
}

// A Threshold is the step from the category before to Category.
type Threshold struct {
	Category Number `json:"category"`
	Tau      Number `json:"tau"` // logits
	SE       Number `json:"se"`
}

// A Measure is a person's place free of who rated them.
type Measure struct {
	Person  string `json:"person"`
	Measure Number `json:"measure"` // EAP, logits, more is better
	SE      Number `json:"se"`
	Fair    Number `json:"fair"` // the rating to be expected of a rater of mean severity
}

// Facets is the many-facet Rasch model: ln(P_x / P_x−1) = θ_person − severity_rater − τ_x,
// θ normal around 0 (Linacre 1989), by marginal maximum likelihood.
type Facets struct {
	Raters      []Rater     `json:"raters"`
	Thresholds  []Threshold `json:"thresholds"`
	LatentSD    Number      `json:"latent_sd"`
	Loglik      Number      `json:"loglik"`
	Iterations  int         `json:"iterations"`
	Converged   bool        `json:"converged"`
	Chi2        Number      `json:"chi2"` // all severities equal?
	DF          int         `json:"df"`
	P           Number      `json:"p"`
	Reliability Number      `json:"reliability"` // share of differences in severity that is no error
	Persons     []Measure   `json:"persons"`
}

const facetNodes = 61

// facetCategories is how long a scale of ratings the model takes.
const facetCategories = 20

// facetModel is the ratings as ranks, and the tables of one evaluation.
type facetModel struct {
	persons, raters, most int
	ratings               []int16 // −1 none
	z, weight             []float64
}

// facetParameters: severities of all raters but the last, thresholds 1…most, ln sd.
func (m *facetModel) size() int { return m.raters - 1 + m.most + 1 }

func (m *facetModel) severities(x []float64) []float64 {
	c := slices.Clone(x[:m.raters-1])
	var sum float64
	for _, v := range c {
		sum += v
	}
	return append(c, -sum)
}

// probabilities fills p[node][x] for a severity.
func (m *facetModel) probabilities(theta, severity float64, tau, p []float64) {
	top, sum := 0.0, 0.0
	p[0] = 0
	for x := 1; x <= m.most; x++ {
		p[x] = p[x-1] + theta - severity - tau[x-1]
		top = max(top, p[x])
	}
	for x := range p {
		p[x] = math.Exp(p[x] - top)
		sum += p[x]
	}
	for x := range p {
		p[x] /= sum
	}
}

// evaluate is the marginal log-likelihood; with gradient its slope. visit, where given,
// sees each person's posterior over the nodes.
func (m *facetModel) evaluate(x, gradient []float64, visit func(person int, post []float64)) (loglik float64) {
	severity, tau, sd := m.severities(x), x[m.raters-1:m.raters-1+m.most], math.Exp(x[len(x)-1])
	width := m.most + 1
	p := make([]float64, m.raters*facetNodes*width)
	logs := make([]float64, len(p))
	for j := range m.raters {
		for q, z := range m.z {
			at := (j*facetNodes + q) * width
			m.probabilities(sd*z, severity[j], tau, p[at:at+width])
			for c := range width {
				logs[at+c] = math.Log(max(p[at+c], 1e-300))
			}
		}
	}
	counts := make([]float64, len(p))
	post := make([]float64, facetNodes)
	for i := range m.persons {
		row := m.ratings[i*m.raters : (i+1)*m.raters]
		for q := range post {
			post[q] = math.Log(m.weight[q])
		}
		for j, r := range row {
			if r < 0 {
				continue
			}
			for q := range post {
				post[q] += logs[(j*facetNodes+q)*width+int(r)]
			}
		}
		top, sum := slices.Max(post), 0.0
		for q := range post {
			post[q] = math.Exp(post[q] - top)
			sum += post[q]
		}
		for q := range post {
			post[q] /= sum
		}
		loglik += top + math.Log(sum)
		if visit != nil {
			visit(i, post)
		}
		if gradient == nil {
			continue
		}
		for j, r := range row {
			if r < 0 {
				continue
			}
			for q, w := range post {
				counts[(j*facetNodes+q)*width+int(r)] += w
			}
		}
	}
	if gradient == nil {
		return loglik
	}
	clear(gradient)
	own := make([]float64, m.raters)
	for j := range m.raters {
		for q, z := range m.z {
			at := (j*facetNodes + q) * width
			var n, seen, expected, above, share float64
			for c := range width {
				n += counts[at+c]
			}
			for c := m.most; c > 0; c-- {
				above += counts[at+c]
				share += p[at+c]
				gradient[m.raters-1+c-1] -= above - n*share
				seen += above
				expected += n * share
			}
			own[j] -= seen - expected
			gradient[len(gradient)-1] += (seen - expected) * sd * z
		}
	}
	for j := range m.raters - 1 {
		gradient[j] = own[j] - own[m.raters-1]
	}
	return loglik
}

// information is minus the matrix of second derivatives, by central differences of the slope.
func (m *facetModel) information(x []float64) *mat.SymDense {
	const h = 1e-5
	size := len(x)
	up, down := make([]float64, size), make([]float64, size)
	full := make([][]float64, size)
	moved := slices.Clone(x)
	for a := range x {
		moved[a] = x[a] + h
		m.evaluate(moved, up, nil)
		moved[a] = x[a] - h
		m.evaluate(moved, down, nil)
		moved[a] = x[a]
		full[a] = make([]float64, size)
		for b := range full[a] {
			full[a][b] = -(up[b] - down[b]) / (2 * h)
		}
	}
	sym := mat.NewSymDense(size, nil)
	for a := range full {
		for b := range a + 1 {
			sym.SetSym(a, b, (full[a][b]+full[b][a])/2)
		}
	}
	return sym
}

// maximise climbs by Newton steps, made safe by a ridge and by halving.
func (m *facetModel) maximise(x []float64) (loglik float64, info *mat.SymDense, steps int, converged bool) {
	gradient := make([]float64, len(x))
	loglik = m.evaluate(x, gradient, nil)
	for steps = 1; steps <= 100; steps++ {
		info = m.information(x)
		var chol mat.Cholesky
		for ridge := 0.0; ; ridge = max(ridge*10, 1e-3) {
			damped := mat.NewSymDense(len(x), nil)
			damped.CopySym(info)
			for a := range x {
				damped.SetSym(a, a, damped.At(a, a)+ridge)
			}
			if chol.Factorize(damped) {
				break
			}
			if ridge > 1e9 {
				return loglik, info, steps, false
			}
		}
		step := mat.NewVecDense(len(x), nil)
		if err := chol.SolveVecTo(step, mat.NewVecDense(len(x), gradient)); err != nil {
			return loglik, info, steps, false
		}
		size := mat.Norm(step, math.Inf(1))
		scale := min(1, 2/max(size, 1e-300))
		for ; ; scale /= 2 {
			if scale*size < 1e-9 {
				return loglik, info, steps, mat.Norm(mat.NewVecDense(len(x), gradient), math.Inf(1)) < 1e-4*float64(m.persons)
			}
			next := slices.Clone(x)
			for a := range next {
				next[a] += scale * step.AtVec(a)
			}
			if v := m.evaluate(next, nil, nil); v >= loglik-1e-10*math.Abs(loglik) {
				copy(x, next)
				loglik = m.evaluate(x, gradient, nil)
				break
			}
		}
		if scale*size < 1e-8 {
			return loglik, m.information(x), steps, true
		}
	}
	return loglik, info, 100, false
}

// ManyFacets fits the model. Ratings must be whole numbers, of 2 to 20 different values
// whose ranks are the categories. A rater who gave one extreme category alone has no
// severity and is left out. nil where the model cannot be had; warnings say why.
func ManyFacets(r *Ratings) (f *Facets, warnings []string) {
	warnings = []string{}
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	values := r.Categories()
	if slices.ContainsFunc(values, func(v float64) bool { return v != math.Trunc(v) }) || len(values) > facetCategories {
		warn("severity needs whole ratings of at most %d different values; it is left out", facetCategories)
		return nil, warnings
	}
	if len(values) < 2 {
		warn("all ratings are the same: severity does not exist")
		return nil, warnings
	}
	for i := range values[1:] {
		if values[i+1] != values[i]+1 {
			warn("no rating between %g and %g was given: for severity they are neighbours", values[i], values[i+1])
		}
	}
	var kept []int
	for j, id := range r.Raters {
		lo, hi, n := math.Inf(1), math.Inf(-1), 0
		for p := range r.Persons {
			if v := r.Row(p)[j]; !math.IsNaN(v) {
				lo, hi, n = min(lo, v), max(hi, v), n+1
			}
		}
		switch {
		case n == 0:
			warn("rater %s gave no ratings and has no severity", id)
		case lo == hi && (lo == values[0] || lo == values[len(values)-1]):
			warn("rater %s gave %g to everyone: the severity has no bound and is left out", id, lo)
		default:
			kept = append(kept, j)
		}
	}
	if len(kept) < 2 {
		warn("severity needs two raters who tell persons apart")
		return nil, warnings
	}
	if parts := r.parts(kept); parts > 1 {
		warn("raters fall into %d groups without a person rated in two of them: severities are compared as if persons had been drawn by lot", parts)
	}
	m := &facetModel{persons: len(r.Persons), raters: len(kept)}
	var seen []float64
	for p := range r.Persons {
		for _, j := range kept {
			if v := r.Row(p)[j]; !math.IsNaN(v) {
				seen = append(seen, v)
			}
		}
	}
	slices.Sort(seen)
	values = slices.Compact(seen)
	m.most = len(values) - 1
	if m.most < 1 {
		warn("the raters left gave one rating alone: severity does not exist")
		return nil, warnings
	}
	for p := range r.Persons {
		for _, j := range kept {
			at := -1
			if v := r.Row(p)[j]; !math.IsNaN(v) {
				at, _ = slices.BinarySearch(values, v)
			}
			m.ratings = append(m.ratings, int16(at))
		}
	}
	var total float64
	for q := range facetNodes {
		z := -6 + 12*float64(q)/float64(facetNodes-1)
		m.z, m.weight = append(m.z, z), append(m.weight, math.Exp(-z*z/2))
		total += m.weight[q]
	}
	for q := range m.weight {
		m.weight[q] /= total
	}
	x := make([]float64, m.size())
	loglik, info, steps, converged := m.maximise(x)
	f = &Facets{Loglik: Number(loglik), Iterations: steps, Converged: converged, LatentSD: Number(math.Exp(x[len(x)-1])),
		Chi2: psychometrics.None, P: psychometrics.None, Reliability: psychometrics.None, DF: m.raters - 1}
	if !converged {
		warn("the many-facet model did not converge: read severities with care")
	}
	errors := make([]float64, len(x)+1) // one more: the last rater
	for a := range errors {
		errors[a] = math.NaN()
	}
	var chol mat.Cholesky
	if converged && chol.Factorize(info) {
		var inverse mat.SymDense
		if err := chol.InverseTo(&inverse); err == nil {
			var last float64
			for a := range x {
				errors[a] = math.Sqrt(inverse.At(a, a))
				for b := range m.raters - 1 {
					if a < m.raters-1 {
						last += inverse.At(a, b)
					}
				}
			}
			errors[len(x)] = math.Sqrt(last)
		}
	}
	if math.IsNaN(errors[0]) {
		warn("standard errors of severities do not exist here")
	}
	m.report(f, r, kept, values, x, errors)
	return f, warnings
}

func (m *facetModel) report(f *Facets, r *Ratings, kept []int, values, x, errors []float64) {
	severity, tau := m.severities(x), x[m.raters-1:m.raters-1+m.most]
	sd := math.Exp(x[len(x)-1])
	p := make([]float64, m.most+1)
	fits := make([]struct{ squares, variance, outfit, n float64 }, m.raters)
	f.Persons = []Measure{}
	// A rating is judged against what the person's other ratings foretell, itself left
	// out: then its squared error is its variance in expectation, however few they are.
	m.evaluate(x, nil, func(i int, post []float64) {
		var mean, square float64
		for q, w := range post {
			mean += w * sd * m.z[q]
			square += w * sd * m.z[q] * sd * m.z[q]
		}
		m.probabilities(mean, 0, tau, p)
		var fair float64
		for c, v := range values {
			fair += p[c] * v
		}
		f.Persons = append(f.Persons, Measure{Person: r.Persons[i], Measure: Number(mean), SE: Number(math.Sqrt(max(0, square-mean*mean))), Fair: Number(fair)})
		for j, c := range severity {
			rank := m.ratings[i*m.raters+j]
			if rank < 0 {
				continue
			}
			var sum, first, second float64
			for q, w := range post {
				m.probabilities(sd*m.z[q], c, tau, p)
				w /= max(p[rank], 1e-300)
				sum += w
				for k, pk := range p {
					first += w * pk * float64(k)
					second += w * pk * float64(k*k)
				}
			}
			first /= sum
			variance := second/sum - first*first
			d := float64(rank) - first
			fit := &fits[j]
			fit.squares += d * d
			fit.variance += variance
			fit.outfit += d * d / variance
			fit.n++
		}
	})
	var sumW, sumWC, sumWCC, spread, noise float64
	for j, c := range severity {
		at := j
		if j == m.raters-1 {
			at = len(x)
		}
		fit := fits[j]
		f.Raters = append(f.Raters, Rater{ID: r.Raters[kept[j]], Severity: Number(c), SE: Number(errors[at]), Infit: Number(fit.squares / fit.variance), Outfit: Number(fit.outfit / fit.n)})
		w := 1 / (errors[at] * errors[at])
		sumW += w
		sumWC += w * c
		sumWCC += w * c * c
		spread += c * c / float64(m.raters-1)
		noise += errors[at] * errors[at] / float64(m.raters)
	}
	if chi2 := sumWCC - sumWC*sumWC/sumW; !math.IsNaN(chi2) {
		f.Chi2, f.P = Number(chi2), Number(psychometrics.Chi2Tail(chi2, float64(f.DF)))
		f.Reliability = Number(max(0, 1-noise/spread))
	}
	for k, t := range tau {
		f.Thresholds = append(f.Thresholds, Threshold{Category: Number(values[k+1]), Tau: Number(t), SE: Number(errors[m.raters-1+k])})
	}
}

// parts counts the groups of raters that common persons link.
func (r *Ratings) parts(kept []int) int {
	root := map[int]int{}
	for _, j := range kept {
		root[j] = j
	}
	var find func(j int) int
	find = func(j int) int {
		if root[j] != j {
			root[j] = find(root[j])
		}
		return root[j]
	}
	for p := range r.Persons {
		first := -1
		for _, j := range kept {
			if math.IsNaN(r.Row(p)[j]) {
				continue
			}
			if first < 0 {
				first = j
			}
			root[find(j)] = find(first)
		}
	}
	n := 0
	for j, to := range root {
		if j == to {
			n++
		}
	}
	return n
}
