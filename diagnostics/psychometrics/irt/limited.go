package irt

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// LimitedFit asks whether the whole model holds, by what single items and pairs
// of items show: M2 (Maydeu-Olivares & Joe 2006) for 0/1 items, C2 (Cai & Monroe
// 2014) where scores go higher. RMSEA up to about 0.05 is close, with its 90 %
// interval.
type LimitedFit struct {
	Kind  string                  `json:"kind"` // "M2" or "C2"
	Value psychometrics.Number    `json:"value"`
	DF    int                     `json:"df"`
	P     psychometrics.Number    `json:"p"`
	RMSEA psychometrics.Number    `json:"rmsea"`
	CI90  [2]psychometrics.Number `json:"rmsea_ci90"`
}

// mostMoments bounds the work: its square is a matrix, its cube the time.
const mostMoments = 2000

// limited finds M2 or C2; why says what stands in the way where there is none.
//
// The moments are P(X_i = k) for k ≥ 1 and E[X_i·X_j] for i < j. With Ξ their
// covariance under the model, Δ their derivatives by the free parameters and e
// observed minus expected, the statistic is N·eᵀ(Ξ⁻¹ − Ξ⁻¹Δ(ΔᵀΞ⁻¹Δ)⁻¹ΔᵀΞ⁻¹)e,
// chi-squared with as many degrees of freedom as there are more moments than
// parameters.
func (f *Fit) limited(s *sheet, persons []int, prior Normal) (_ *LimitedFit, why string) {
	k := len(s.items)
	singles := 0
	for i := range s.items {
		singles += s.items[i].Max()
	}
	n := singles + k*(k-1)/2
	if n > mostMoments {
		return nil, fmt.Sprintf("no M2: %d single and pair moments are more than the %d it is worked out for", n, mostMoments)
	}
	m := newMoments(s.items, prior)
	// Free parameters, by the problem that estimated them.
	free, anchored := make([]bool, k), false
	for i := range s.items {
		free[i] = !f.item(s.items[i].ID).Fixed
		anchored = anchored || !free[i]
	}
	common := f.Model == OnePL && !anchored
	spread := anchored || f.Model == Rasch || f.Model == PCM
	p := newProblem(&engine{nodes: m.nodes, items: s.items}, Prior{}, free, common, anchored, spread)
	kind := "M2"
	if singles > k {
		kind = "C2"
	}
	df := n - len(p.places)
	if df <= 0 {
		return nil, fmt.Sprintf("no %s: %d parameters and %d single and pair moments leave no degrees of freedom", kind, len(p.places), n)
	}
	// Observed minus expected.
	e := mat.NewVecDense(n, nil)
	at := func(i, k int) int { return m.first[i] + k - 1 }
	pair := func(i, j int) int { return singles + i*(2*k-i-1)/2 + j - i - 1 }
	total := float64(len(persons))
	for _, person := range persons {
		row := s.row(person)
		for i, c := range row {
			if c == 0 {
				continue
			}
			e.SetVec(at(i, int(c)), e.AtVec(at(i, int(c)))+1/total)
			for j := i + 1; j < k; j++ {
				if d := row[j]; d > 0 {
					e.SetVec(pair(i, j), e.AtVec(pair(i, j))+float64(c)*float64(d)/total)
				}
			}
		}
	}
	list := m.list()
	xi := mat.NewSymDense(n, nil)
	mean := make([]float64, n)
	for u, a := range list {
		mean[u] = m.expect(a, nil)
		e.SetVec(u, e.AtVec(u)-mean[u])
	}
	sharded(func(shard int) {
		for u := shard; u < n; u += shards {
			for v := range u + 1 {
				xi.SetSym(u, v, m.expect(list[u], &list[v])-mean[u]*mean[v])
			}
		}
	})
	delta := m.derivatives(p, list, prior)
	var c mat.Cholesky
	if !c.Factorize(xi) || c.Cond() > 1e12 {
		return nil, fmt.Sprintf("no %s: the covariance of its moments is singular", kind)
	}
	var xe mat.VecDense
	var xd mat.Dense
	if c.SolveVecTo(&xe, e) != nil || c.SolveTo(&xd, delta) != nil {
		return nil, fmt.Sprintf("no %s: the covariance of its moments is singular", kind)
	}
	q := len(p.places)
	value := mat.Dot(e, &xe)
	if q > 0 {
		var de, back mat.VecDense
		de.MulVec(delta.T(), &xe)
		var dd mat.Dense
		dd.Mul(delta.T(), &xd)
		sym := mat.NewSymDense(q, nil)
		for i := range q {
			for j := range i + 1 {
				sym.SetSym(i, j, dd.At(i, j))
			}
		}
		var cd mat.Cholesky
		if !cd.Factorize(sym) || cd.Cond() > 1e13 || cd.SolveVecTo(&back, &de) != nil {
			return nil, fmt.Sprintf("no %s: the parameters cannot be told from single items and pairs", kind)
		}
		value -= mat.Dot(&de, &back)
	}
	value = math.Max(0, value*total)
	out := &LimitedFit{Kind: kind, Value: psychometrics.Number(value), DF: df, P: upper(value, float64(df))}
	// The point with N−1 and the interval with N: as mirt has them.
	rmsea := func(lambda, n float64) psychometrics.Number {
		return psychometrics.Number(math.Sqrt(math.Max(0, lambda) / (float64(df) * n)))
	}
	out.RMSEA = rmsea(value-float64(df), total-1)
	out.CI90 = [2]psychometrics.Number{rmsea(noncentrality(value, float64(df), 0.95), total), rmsea(noncentrality(value, float64(df), 0.05), total)}
	return out, ""
}

// A moment is P(X_i = k), or E[X_i·X_j] where k is 0.
type moment struct{ i, j, k int }

// moments holds what the model expects of items at each node.
type moments struct {
	items   []Item
	nodes   []float64
	weights []float64
	first   []int         // by item: the first of its moments
	p       [][][]float64 // item × category × node
	mean    [][]float64   // item × node: E[X]
	square  [][]float64   // item × node: E[X²]
}

func newMoments(items []Item, prior Normal) *moments {
	m := &moments{items: items, nodes: Nodes(DefaultNodes, -GridEnd, GridEnd)}
	m.weights = NormalWeights(m.nodes, prior.Mean, prior.SD)
	m.p = cube(items, len(m.nodes))
	first := 0
	for i := range items {
		m.first = append(m.first, first)
		first += items[i].Max()
		mean, square := make([]float64, len(m.nodes)), make([]float64, len(m.nodes))
		p := make([]float64, items[i].Max()+1)
		for q, x := range m.nodes {
			items[i].Probabilities(x, p)
			for k := range p {
				m.p[i][k][q] = p[k]
				mean[q] += float64(k) * p[k]
				square[q] += float64(k*k) * p[k]
			}
		}
		m.mean, m.square = append(m.mean, mean), append(m.square, square)
	}
	return m
}

// list names the moments: of single items, then of pairs.
func (m *moments) list() []moment {
	var out []moment
	for i := range m.items {
		for k := 1; k <= m.items[i].Max(); k++ {
			out = append(out, moment{i: i, k: k})
		}
	}
	for i := range m.items {
		for j := i + 1; j < len(m.items); j++ {
			out = append(out, moment{i: i, j: j})
		}
	}
	return out
}

// expect is the expectation of moment a, or of its product with b.
func (m *moments) expect(a moment, b *moment) float64 {
	// At a node items are independent: the product over items of the expectation
	// of what the moments ask of each.
	var factors [4][]float64
	n := 0
	put := func(f []float64) { factors[n] = f; n++ }
	scale := 1.0
	switch {
	case b == nil && a.k > 0:
		put(m.p[a.i][a.k])
	case b == nil:
		put(m.mean[a.i])
		put(m.mean[a.j])
	case a.k > 0 && b.k > 0:
		if a.i == b.i {
			if a.k != b.k {
				return 0
			}
			put(m.p[a.i][a.k])
		} else {
			put(m.p[a.i][a.k])
			put(m.p[b.i][b.k])
		}
	case a.k > 0 || b.k > 0:
		single, pair := a, *b
		if b.k > 0 {
			single, pair = *b, a
		}
		put(m.p[single.i][single.k])
		switch single.i {
		case pair.i:
			scale = float64(single.k)
			put(m.mean[pair.j])
		case pair.j:
			scale = float64(single.k)
			put(m.mean[pair.i])
		default:
			put(m.mean[pair.i])
			put(m.mean[pair.j])
		}
	default:
		for _, i := range [2]int{a.i, a.j} {
			if i == b.i || i == b.j {
				put(m.square[i])
			} else {
				put(m.mean[i])
			}
		}
		for _, i := range [2]int{b.i, b.j} {
			if i != a.i && i != a.j {
				put(m.mean[i])
			}
		}
	}
	return scale * product(m.weights, factors[:n])
}

// product is Σ_q weights[q]·Π factors[q].
func product(weights []float64, factors [][]float64) float64 {
	s := 0.0
	switch len(factors) {
	case 1:
		for q, w := range weights {
			s += w * factors[0][q]
		}
	case 2:
		for q, w := range weights {
			s += w * factors[0][q] * factors[1][q]
		}
	case 3:
		for q, w := range weights {
			s += w * factors[0][q] * factors[1][q] * factors[2][q]
		}
	default:
		for q, w := range weights {
			s += w * factors[0][q] * factors[1][q] * factors[2][q] * factors[3][q]
		}
	}
	return s
}

// derivatives are those of the moments by the free parameters, moments × places.
func (m *moments) derivatives(p *problem, list []moment, prior Normal) *mat.Dense {
	if len(p.places) == 0 {
		return mat.NewDense(len(list), 1, nil)
	}
	out := mat.NewDense(len(list), len(p.places), nil)
	addTo := func(row int, pl place, x float64) {
		if c := p.at(pl); c >= 0 {
			out.Set(row, c, out.At(row, c)+x)
		}
	}
	// ∂P_k/∂ξ = P_k·s_k, and of the mean the sum of k times that.
	var t slopeTable
	for i := range m.items {
		it := &m.items[i]
		if !p.free[i] {
			continue
		}
		it.slopeTable(m.nodes, &t)
		cats, n := it.Max()+1, it.parameters()
		for x := range n {
			if p.at(place{i, x}) < 0 {
				continue
			}
			byCategory, ofMean := make([][]float64, cats), make([]float64, len(m.nodes))
			for k := range cats {
				byCategory[k] = make([]float64, len(m.nodes))
				for q := range m.nodes {
					byCategory[k][q] = m.p[i][k][q] * t.s[(q*cats+k)*n+x]
					ofMean[q] += float64(k) * byCategory[k][q]
				}
			}
			for row, a := range list {
				switch {
				case a.k > 0 && a.i == i:
					addTo(row, place{i, x}, product(m.weights, [][]float64{byCategory[a.k]}))
				case a.k == 0 && a.i == i:
					addTo(row, place{i, x}, product(m.weights, [][]float64{ofMean, m.mean[a.j]}))
				case a.k == 0 && a.j == i:
					addTo(row, place{i, x}, product(m.weights, [][]float64{ofMean, m.mean[a.i]}))
				}
			}
		}
	}
	for _, which := range []int{latentMean, latentLogSD} {
		if p.at(place{item: which}) < 0 {
			continue
		}
		score := make([]float64, len(m.nodes))
		for q, x := range m.nodes {
			if z := (x - prior.Mean) / prior.SD; which == latentMean {
				score[q] = z / prior.SD
			} else {
				score[q] = z*z - 1
			}
		}
		for row, a := range list {
			factors := [][]float64{score}
			if a.k > 0 {
				factors = append(factors, m.p[a.i][a.k])
			} else {
				factors = append(factors, m.mean[a.i], m.mean[a.j])
			}
			addTo(row, place{item: which}, product(m.weights, factors))
		}
	}
	return out
}

// noncentrality is the λ at which the noncentral chi-squared distribution is at
// most x with probability p; 0 where the central one already is below that.
func noncentrality(x, df, p float64) float64 {
	below := func(lambda float64) float64 {
		// A Poisson mixture of central distributions.
		sum := 0.0
		middle := int(lambda / 2)
		pois := distuv.Poisson{Lambda: math.Max(lambda/2, 1e-300)}
		for step := 0; step < 100000; step++ {
			done := true
			for _, j := range [2]int{middle + step, middle - 1 - step} {
				if j < 0 {
					continue
				}
				w := math.Exp(pois.LogProb(float64(j)))
				if w > 1e-14 {
					done = false
				}
				sum += w * distuv.ChiSquared{K: df + 2*float64(j)}.CDF(x)
			}
			if done {
				break
			}
		}
		return sum
	}
	if below(0) < p {
		return 0
	}
	lo, hi := 0.0, 1.0
	for below(hi) > p && hi < 1e7 {
		lo, hi = hi, hi*2
	}
	for range 60 {
		if mid := (lo + hi) / 2; below(mid) > p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}
