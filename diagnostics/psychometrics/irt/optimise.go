package irt

import "math"

// A place is one free parameter: of an item (k in the order a, d…, logit c), the
// common slope of 1PL, or the latent mean or log sd.
type place struct {
	item int // −1: common slope, −2: latent mean, −3: log of the latent sd
	k    int
}

const (
	commonSlope = -1
	latentMean  = -2
	latentLogSD = -3
)

// A problem is the marginal likelihood of the items and the latent distribution
// as a function of the free parameters.
type problem struct {
	e        *engine
	prior    Prior
	free     []bool // by item
	places   []place
	first    []int // by item: its first place
	mean, sd float64
	stuck    []bool // by item: it ran to its bound and stays there
	progress func(part float64)
	told     float64 // how far progress was told: it never falls

	value float64   // log-likelihood with the prior, densities not yet normalised
	grad  []float64 // of value
	info  [][]float64
	count []float64 // complete-data information of the places that are no item's
}

func newProblem(e *engine, prior Prior, free []bool, common, freeMean, freeSD bool) *problem {
	p := &problem{e: e, prior: prior, free: free, sd: 1, stuck: make([]bool, len(e.items)), first: make([]int, len(e.items))}
	for i := range e.items {
		p.first[i] = len(p.places)
		if !free[i] {
			continue
		}
		it := &e.items[i]
		for k := range it.parameters() {
			if k > 0 || !it.Model.slopeFixed() {
				p.places = append(p.places, place{i, k})
			}
		}
	}
	if common {
		p.places = append(p.places, place{item: commonSlope})
	}
	if freeMean {
		p.places = append(p.places, place{item: latentMean})
	}
	if freeSD {
		p.places = append(p.places, place{item: latentLogSD})
	}
	p.grad = make([]float64, len(p.places))
	p.info = make([][]float64, len(e.items))
	for i := range p.info {
		n := e.items[i].parameters()
		p.info[i] = make([]float64, n*n)
	}
	p.count = make([]float64, len(p.places))
	return p
}

// tell reports how much is done: half of it is the climb, half the standard errors.
func (p *problem) tell(part float64) {
	if p.progress != nil && part > p.told {
		p.told = part
		p.progress(part)
	}
}

// logWeights is the log density at the nodes times their distance. It is not
// scaled to add up to 1, so that the latent variance that maximises is the mean
// square of the posterior, as in the reference engines; the likelihood told is
// scaled (normaliser).
func (p *problem) logWeights() []float64 {
	w := make([]float64, len(p.e.nodes))
	step := p.e.nodes[1] - p.e.nodes[0]
	for q, x := range p.e.nodes {
		z := (x - p.mean) / p.sd
		w[q] = -z*z/2 - math.Log(p.sd) - math.Log(2*math.Pi)/2 + math.Log(step)
	}
	return w
}

// normaliser is the log of what the weights add up to.
func (p *problem) normaliser() float64 {
	sum := 0.0
	for _, x := range p.logWeights() {
		sum += math.Exp(x)
	}
	return math.Log(sum)
}

// evaluate finds value, grad and info at the items as they stand: the gradient
// of the marginal likelihood is that of the expected complete one (Fisher's
// identity; Louis 1982).
func (p *problem) evaluate() {
	e := p.e
	e.tabulate()
	p.value = e.expect(p.logWeights())
	clear(p.grad)
	clear(p.count)
	grads := make([][]float64, len(e.items))
	sharded(func(s int) {
		for i := s; i < len(e.items); i += shards {
			it := &e.items[i]
			if !p.free[i] {
				continue
			}
			g := make([]float64, it.parameters())
			clear(p.info[i])
			it.slopeTable(e.nodes, &e.slopes[i])
			it.gradient(&e.slopes[i], e.counts[i], g, p.info[i])
			it.priorSlopes(p.prior, g, p.info[i])
			grads[i] = g
		}
	})
	for i := range e.items {
		if p.free[i] {
			p.value += e.items[i].logPrior(p.prior)
		}
	}
	for n, pl := range p.places {
		switch pl.item {
		case commonSlope:
			for i := range e.items {
				if p.free[i] {
					p.grad[n] += grads[i][0]
					p.count[n] += p.info[i][0]
				}
			}
		case latentMean:
			for q, x := range e.nodes {
				p.grad[n] += e.at[q] * (x - p.mean) / (p.sd * p.sd)
				p.count[n] += e.at[q] / (p.sd * p.sd)
			}
		case latentLogSD:
			for q, x := range e.nodes {
				z := (x - p.mean) / p.sd
				p.grad[n] += e.at[q] * (z*z - 1)
				p.count[n] += 2 * e.at[q]
			}
		default:
			p.grad[n] = grads[pl.item][pl.k]
			if p.stuck[pl.item] {
				p.grad[n] = 0
			}
		}
	}
}

// A state is the values of everything that moves.
type state struct {
	items    []Item
	mean, sd float64
}

func (p *problem) state() state {
	s := state{mean: p.mean, sd: p.sd}
	for i := range p.e.items {
		s.items = append(s.items, p.e.items[i].clone())
	}
	return s
}

// move sets the parameters to those of s stepped by h times step. Items that
// would leave their bounds are stopped at them, and stay there.
func (p *problem) move(s state, step []float64, h float64) (ok bool) {
	p.mean, p.sd = s.mean, s.sd
	common := 0.0
	for n, pl := range p.places {
		switch pl.item {
		case commonSlope:
			common = h * step[n]
		case latentMean:
			p.mean += h * step[n]
		case latentLogSD:
			p.sd = min(max(s.sd*math.Exp(h*step[n]), 1e-3), 1e3)
		}
	}
	for i := range p.e.items {
		from := &s.items[i]
		if !p.free[i] || p.stuck[i] {
			continue
		}
		delta := make([]float64, from.parameters())
		for n := p.first[i]; n < len(p.places) && p.places[n].item == i; n++ {
			delta[p.places[n].k] = step[n]
		}
		it, _ := from.moved(delta, h)
		it.A += common
		for k := range it.D {
			if k > 0 && it.cumulative() && it.D[k-1]-it.D[k] < 1e-8 {
				return false
			}
		}
		p.e.items[i] = it
	}
	return true
}

// clip holds the items that have left their bounds at them.
func (p *problem) clip() (clipped bool) {
	for i := range p.e.items {
		it := &p.e.items[i]
		if !p.free[i] || p.stuck[i] || it.inside() {
			continue
		}
		it.A = min(max(it.A, -maxSlope), maxSlope)
		bound := maxIntercept * float64(len(it.D))
		for k := range it.D {
			it.D[k] = min(max(it.D[k], -bound), bound)
		}
		p.stuck[i], clipped = true, true
	}
	return clipped
}

// precondition gives the EM step at the current point: the gradient times the
// inverse of the complete-data information, item by item.
func (p *problem) precondition(inverse [][]float64, g, out []float64) {
	for n := 0; n < len(p.places); n++ {
		pl := p.places[n]
		if pl.item < 0 {
			out[n] = g[n] / math.Max(p.count[n], 1e-8)
			continue
		}
		inv, size := inverse[pl.item], p.e.items[pl.item].parameters()
		out[n] = 0
		for m := p.first[pl.item]; m < len(p.places) && p.places[m].item == pl.item; m++ {
			out[n] += inv[pl.k*size+p.places[m].k] * g[m]
		}
	}
}

// inverses inverts the items' complete-data information.
func (p *problem) inverses() [][]float64 {
	out := make([][]float64, len(p.e.items))
	sharded(func(s int) {
		for i := s; i < len(out); i += shards {
			if !p.free[i] {
				continue
			}
			it := &p.e.items[i]
			n := it.parameters()
			a := append([]float64(nil), p.info[i]...)
			if it.Model.slopeFixed() {
				hold(make([]float64, n), a, 0)
			}
			out[i] = invert(a, n)
		}
	})
	return out
}

// maximise climbs by limited-memory quasi-Newton steps (Nocedal 1980) whose
// first guess of the inverse Hessian is that of the EM algorithm (Jamshidian &
// Jennrich 1997, "QN2"): the first step is EM's, the later ones learn what is
// missing of it. A step never lowers the likelihood. It ends when no parameter
// moves by more than tol (converged), or after limit evaluations.
func (p *problem) maximise(tol float64, limit int) (evaluations int, converged bool) {
	const memory = 12
	n := len(p.places)
	type pair struct {
		s, y []float64
		rho  float64
	}
	var pairs []pair
	p.evaluate()
	evaluations = 1
	if n == 0 {
		return evaluations, true
	}
	dir, alpha := make([]float64, n), make([]float64, memory)
	for evaluations < limit {
		inverse := p.inverses()
		q := append([]float64(nil), p.grad...)
		for i := len(pairs) - 1; i >= 0; i-- {
			alpha[i] = pairs[i].rho * dot(pairs[i].s, q)
			axpy(q, -alpha[i], pairs[i].y)
		}
		p.precondition(inverse, q, dir)
		for i := range pairs {
			beta := pairs[i].rho * dot(pairs[i].y, dir)
			axpy(dir, alpha[i]-beta, pairs[i].s)
		}
		slope := dot(p.grad, dir)
		if !(slope > 0) {
			if len(pairs) > 0 { // not uphill: forget what was learned
				pairs = pairs[:0]
				continue
			}
			return evaluations, true // the gradient is nought
		}
		longest := 0.0
		for _, x := range dir {
			longest = max(longest, math.Abs(x))
		}
		if longest > 2 {
			for i := range dir {
				dir[i] *= 2 / longest
			}
			slope *= 2 / longest
			longest = 2
		}
		from, before, grad := p.state(), p.value, append([]float64(nil), p.grad...)
		h, taken := 1.0, false
		for tries := 0; tries < 40 && evaluations < limit; tries++ {
			if !p.move(from, dir, h) {
				h /= 2
				continue
			}
			if p.clip() {
				p.evaluate()
				evaluations++
				taken = true
				pairs = pairs[:0]
				break
			}
			p.evaluate()
			evaluations++
			after := dot(p.grad, dir)
			if p.value >= before+1e-4*h*slope || p.value >= before-1e-11*math.Abs(before) && math.Abs(after) <= 0.9*slope {
				taken = true
				break
			}
			if h*longest < tol*1e-3 {
				break
			}
			next := h / 2
			if slope > after {
				next = min(max(h*slope/(slope-after), h/10), h/2)
			}
			h = next
		}
		if !taken {
			p.restore(from)
			p.evaluate()
			evaluations++
			if len(pairs) > 0 {
				pairs = pairs[:0]
				continue
			}
			return evaluations, h*longest < tol
		}
		if h*longest < tol {
			return evaluations, true
		}
		// The steps shrink by powers of ten from about 1 to tol.
		p.tell(0.5 * min(max(math.Log(h*longest)/math.Log(tol), 0), 1))
		s, y := make([]float64, n), make([]float64, n)
		for i := range s {
			s[i], y[i] = h*dir[i], grad[i]-p.grad[i]
		}
		if sy := dot(s, y); sy > 1e-10*math.Sqrt(dot(s, s)*dot(y, y)) {
			if len(pairs) == memory {
				pairs = append(pairs[:0], pairs[1:]...)
			}
			pairs = append(pairs, pair{s, y, 1 / sy})
		}
	}
	return evaluations, false
}

func (p *problem) restore(s state) {
	p.mean, p.sd = s.mean, s.sd
	copy(p.e.items, s.items)
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// axpy adds h times b to a.
func axpy(a []float64, h float64, b []float64) {
	for i, x := range b {
		a[i] += h * x
	}
}
