package irt

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// curvature adds to h (row by row, n × n) Σ_q Σ_k counts[k][q]·∂² log P_k/∂ξ∂ξᵀ.
func (it *Item) curvature(nodes []float64, t *slopeTable, counts [][]float64, h []float64) {
	m, n := len(it.D)+1, it.parameters()
	second := make([]float64, n*n) // of one probability
	for q, theta := range nodes {
		p, s := t.p[q*m:(q+1)*m], t.s[q*m*n:(q+1)*m*n]
		if it.Model != ThreePL && !it.cumulative() {
			// Exponential family: minus the covariance of the statistics, whatever the answer.
			total := 0.0
			for k := range m {
				total += counts[k][q]
			}
			for k := range m {
				outer(h, -total*p[k], s[k*n:(k+1)*n])
			}
			continue
		}
		for k := range m {
			r := counts[k][q]
			if r == 0 {
				continue
			}
			clear(second)
			it.secondOf(theta, k, second)
			for i := range h {
				h[i] += r * second[i] / math.Max(p[k], tiny)
			}
			outer(h, -r, s[k*n:(k+1)*n])
		}
	}
}

// outer adds w·v·vᵀ to h.
func outer(h []float64, w float64, v []float64) {
	for i, x := range v {
		for j, y := range v {
			h[i*len(v)+j] += w * x * y
		}
	}
}

// secondOf adds ∂²P_k/∂ξ∂ξᵀ of a 3PL or GRM item to h.
func (it *Item) secondOf(theta float64, k int, h []float64) {
	n := it.parameters()
	if it.Model == ThreePL {
		z := it.A*theta + it.D[0]
		f, r := logistic(z), logistic(-z)
		w, v := f*r, f*r*(r-f)
		sign := 1.0
		if k == 0 {
			sign = -1
		}
		c, c1, c2 := it.C, it.C*(1-it.C), it.C*(1-it.C)*(1-2*it.C)
		set := func(i, j int, x float64) {
			h[i*n+j] += sign * x
			if i != j {
				h[j*n+i] += sign * x
			}
		}
		set(0, 0, (1-c)*v*theta*theta)
		set(0, 1, (1-c)*v*theta)
		set(1, 1, (1-c)*v)
		set(0, 2, -c1*w*theta)
		set(1, 2, -c1*w)
		set(2, 2, c2*r)
		return
	}
	boundary := func(b int, sign float64) { // P(X ≥ b) = F(aθ + d_b)
		z := it.A*theta + it.D[b-1]
		f, r := logistic(z), logistic(-z)
		v := sign * f * r * (r - f)
		h[0] += v * theta * theta
		h[b] += v * theta
		h[b*n] += v * theta
		h[b*n+b] += v
	}
	if k > 0 {
		boundary(k, 1)
	}
	if k < len(it.D) {
		boundary(k+1, -1)
	}
}

// information is the observed information of the free parameters (minus the
// Hessian of the marginal log-likelihood with the prior), by Oakes' identity
// (1999): ∂²Q/∂ξ∂ξᵀ, plus the derivative of Q's gradient by the parameters that
// the posterior was taken at. That derivative is exact: a posterior weight w of
// a node changes by w·(s − s̄), s the score of the answer at the node and s̄ its
// posterior mean. evaluate must have run at the estimates.
func (p *problem) information() *mat.SymDense {
	e := p.e
	n := len(p.places)
	full := mat.NewDense(n, n, nil)
	put := func(a, b place, x float64) { // where several places share a parameter, they add up
		if i, j := p.at(a), p.at(b); i >= 0 && j >= 0 {
			full.Set(i, j, full.At(i, j)+x)
		}
	}
	// The complete-data part.
	for i := range e.items {
		if !p.free[i] {
			continue
		}
		it := &e.items[i]
		size := it.parameters()
		h, g, prior := make([]float64, size*size), make([]float64, size), make([]float64, size*size)
		it.curvature(e.nodes, &e.slopes[i], e.counts[i], h)
		it.priorSlopes(p.prior, g, prior)
		for a := range size {
			for b := range size {
				put(place{i, a}, place{i, b}, prior[a*size+b]-h[a*size+b])
			}
		}
	}
	for q, x := range e.nodes {
		z := (x - p.mean) / p.sd
		put(place{latentMean, 0}, place{latentMean, 0}, e.at[q]/(p.sd*p.sd))
		put(place{latentMean, 0}, place{latentLogSD, 0}, 2*e.at[q]*z/p.sd)
		put(place{latentLogSD, 0}, place{latentMean, 0}, 2*e.at[q]*z/p.sd)
		put(place{latentLogSD, 0}, place{latentLogSD, 0}, 2*e.at[q]*z*z)
	}
	p.missing(put)
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			out.SetSym(i, j, (full.At(i, j)+full.At(j, i))/2)
		}
	}
	return out
}

// at is the position of a parameter among the places, −1 where it is not free.
// A slope of 1PL is at the place of the common one.
func (p *problem) at(pl place) int {
	if pl.item < 0 {
		for n := len(p.places) - 1; n >= 0 && p.places[n].item < 0; n-- {
			if p.places[n].item == pl.item {
				return n
			}
		}
		return -1
	}
	if !p.free[pl.item] || p.stuck[pl.item] {
		return -1
	}
	if p.e.items[pl.item].Model.slopeFixed() {
		if pl.k == 0 {
			return p.at(place{item: commonSlope})
		}
		return p.first[pl.item] + pl.k - 1
	}
	return p.first[pl.item] + pl.k
}

// missing puts minus the derivative of Q's gradient by the posterior's parameters.
func (p *problem) missing(put func(a, b place, x float64)) {
	e := p.e
	q, patterns := len(e.nodes), len(e.data.weight)
	// The posterior of every pattern, and who has answers in which block.
	logw := p.logWeights()
	spans, offset := make([]span, patterns), make([]int, patterns+1)
	var slab []float64
	l := make([]float64, q)
	for i := range patterns {
		w, post, _ := e.posterior(i, logw, l)
		spans[i] = w
		if i == 0 {
			slab = make([]float64, 0, patterns*min(q, len(post)+8))
		}
		slab = append(slab, post...)
		offset[i+1] = len(slab)
	}
	type answer struct{ pattern, row uint32 }
	inBlock := make([][]answer, len(e.data.blocks))
	for i := range patterns {
		b := 0
		for _, r := range e.data.row[e.data.start[i]:e.data.start[i+1]] {
			for int(r) >= e.data.blocks[b].first+e.data.blocks[b].rows {
				b++
			}
			inBlock[b] = append(inBlock[b], answer{uint32(i), r})
		}
	}
	type column struct {
		of    place
		block int
		digit int
	}
	var columns []column
	for b := range e.data.blocks {
		for d, dg := range e.data.blocks[b].digits {
			for k := range e.items[dg.item].parameters() {
				if p.at(place{dg.item, k}) >= 0 {
					columns = append(columns, column{place{dg.item, k}, b, d})
				}
			}
		}
	}
	for _, l := range []int{latentMean, latentLogSD} {
		if p.at(place{item: l}) >= 0 {
			columns = append(columns, column{of: place{item: l}, block: -1})
		}
	}
	scoreOf := func(which int, x float64) float64 {
		z := (x - p.mean) / p.sd
		if which == latentMean {
			return z / p.sd
		}
		return z*z - 1
	}
	results := make([][]float64, len(columns)) // by column: every item's parameters in a row, then mean and log sd
	sharded(func(s int) {
		table, at, counts := e.folded[s], e.atOf[s], cube(e.items, q)
		change := make([]float64, q)
		scatter := func(i uint32, score []float64) {
			lo, post := int(spans[i].lo), slab[offset[i]:offset[i+1]]
			score = score[lo : lo+len(post)]
			mean := dot(post, score)
			ch := change[:len(post)]
			wt := e.data.weight[i]
			for j, w := range post {
				ch[j] = wt * w * (score[j] - mean)
			}
			add(at[lo:lo+len(ch)], ch)
			for _, r := range e.data.row[e.data.start[i]:e.data.start[i+1]] {
				a := int(r)*q + lo
				add(table[a:a+len(ch)], ch)
			}
		}
		for c := s; c < len(columns); c += shards {
			if s == 0 {
				p.tell(0.5 + 0.5*float64(c)/float64(len(columns)))
			}
			col := columns[c]
			clear(table)
			clear(at)
			if col.block < 0 {
				score := make([]float64, q)
				for j, x := range e.nodes {
					score[j] = scoreOf(col.of.item, x)
				}
				for i := range patterns {
					scatter(uint32(i), score)
				}
			} else {
				it, t := &e.items[col.of.item], &e.slopes[col.of.item]
				m, n := it.Max()+1, it.parameters()
				score := make([][]float64, m)
				for k := range score {
					score[k] = make([]float64, q)
					for j := range score[k] {
						score[k][j] = t.s[(j*m+k)*n+col.of.k]
					}
				}
				blk := &e.data.blocks[col.block]
				for _, a := range inBlock[col.block] {
					if v := blk.value(col.digit, a.row); v >= 0 {
						scatter(a.pattern, score[v])
					}
				}
			}
			var out []float64
			for b := range e.data.blocks {
				e.data.blocks[b].fold(table, q, counts)
			}
			for i := range e.items {
				if !p.free[i] {
					continue
				}
				g := make([]float64, e.items[i].parameters())
				e.items[i].gradient(&e.slopes[i], counts[i], g, nil)
				out = append(out, g...)
			}
			for _, which := range []int{latentMean, latentLogSD} {
				sum := 0.0
				for j, x := range e.nodes {
					sum += at[j] * scoreOf(which, x)
				}
				out = append(out, sum)
			}
			results[c] = out
		}
	})
	for c, col := range columns {
		n := 0
		for i := range e.items {
			if !p.free[i] {
				continue
			}
			for k := range e.items[i].parameters() {
				put(col.of, place{i, k}, -results[c][n])
				n++
			}
		}
		put(col.of, place{item: latentMean}, -results[c][n])
		put(col.of, place{item: latentLogSD}, -results[c][n+1])
	}
}

// covariance inverts the information over the places that have some; ok is false
// where it is not positive definite, so that there is no maximum or no end to it.
func (p *problem) covariance() (cov *mat.SymDense, ok bool) {
	n := len(p.places)
	cov = mat.NewSymDense(n, nil)
	info := p.information()
	var live []int
	for i, pl := range p.places {
		if pl.item < 0 || !p.stuck[pl.item] {
			live = append(live, i)
		}
	}
	if len(live) == 0 {
		return cov, true
	}
	sub := mat.NewSymDense(len(live), nil)
	for i, a := range live {
		for j, b := range live[:i+1] {
			x := info.At(a, b)
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, false
			}
			sub.SetSym(i, j, x)
		}
	}
	var c mat.Cholesky
	if !c.Factorize(sub) || c.Cond() > 1e13 {
		return nil, false
	}
	inv := mat.NewSymDense(len(live), nil)
	if c.InverseTo(inv) != nil {
		return nil, false
	}
	for i, a := range live {
		for j, b := range live[:i+1] {
			cov.SetSym(a, b, inv.At(i, j))
		}
	}
	return cov, true
}

// invert inverts a symmetric positive matrix row by row; where it is not
// definite, a ridge is added until it is.
func invert(a []float64, n int) []float64 {
	trace := 1e-8
	for i := range n {
		trace += math.Abs(a[i*n+i])
	}
	switch n {
	case 1:
		return []float64{1 / math.Max(a[0], trace*1e-10)}
	case 2:
		for ridge := 0.0; ; ridge = max(ridge*100, trace*1e-10) {
			x, y := a[0]+ridge, a[3]+ridge
			if det := x*y - a[1]*a[1]; det > 1e-13*x*y && x > 0 {
				return []float64{y / det, -a[1] / det, -a[1] / det, x / det}
			}
		}
	}
	sym, inv := mat.NewSymDense(n, append([]float64(nil), a...)), mat.NewSymDense(n, nil)
	for ridge := trace * 1e-10; ; ridge *= 100 {
		var c mat.Cholesky
		if c.Factorize(sym) && c.Cond() < 1e13 && c.InverseTo(inv) == nil {
			out := make([]float64, n*n)
			for i := range n {
				for j := range n {
					out[i*n+j] = inv.At(i, j)
				}
			}
			return out
		}
		if ridge > trace*1e10 {
			out := make([]float64, n*n)
			for i := range n {
				out[i*n+i] = 1 / trace
			}
			return out
		}
		for i := range n {
			sym.SetSym(i, i, a[i*n+i]+ridge)
		}
	}
}
