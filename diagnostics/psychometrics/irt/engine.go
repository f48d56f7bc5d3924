package irt

import "math"

// An engine holds the grid, the answers and the tables of an EM; its slices are
// made once.
type engine struct {
	nodes []float64
	items []Item
	data  *packed

	logP   [][][]float64 // item × category × node: log probabilities
	table  []float64     // row × node: sums of logP over the block's items
	folded [shards][]float64
	counts [][][]float64 // item × category × node: expected numbers of persons
	at     []float64     // by node: expected number of persons there
	atOf   [shards][]float64
	window []span // by pattern: outside of it the posterior is nothing
	prune  bool

	slopes []slopeTable // by item
}

// A span is a half-open range of nodes.
type span struct{ lo, hi uint16 }

// A node whose posterior is below e^−cut of the highest is left out: it holds
// less than 1e-13 of the person.
const cut = 30

func newEngine(nodes []float64, items []Item, data *packed) *engine {
	e := &engine{nodes: nodes, items: items, data: data, prune: true}
	q := len(nodes)
	e.logP, e.counts = cube(items, q), cube(items, q)
	e.table = make([]float64, data.rows*q)
	e.at = make([]float64, q)
	for s := range shards {
		e.folded[s] = make([]float64, data.rows*q)
		e.atOf[s] = make([]float64, q)
	}
	e.window = make([]span, len(data.weight))
	for p := range e.window {
		e.window[p] = span{0, uint16(q)}
	}
	for i := range items {
		// The posterior falls on both sides of one top where every curve is
		// log-concave in θ; that of 3PL is not.
		if items[i].C > 0 || items[i].Model == ThreePL {
			e.prune = false
		}
	}
	e.slopes = make([]slopeTable, len(items))
	return e
}

// cube makes room for item × category × node.
func cube(items []Item, q int) [][][]float64 {
	n := 0
	for i := range items {
		n += items[i].Max() + 1
	}
	all := make([]float64, n*q)
	out := make([][][]float64, len(items))
	for i := range items {
		out[i] = make([][]float64, items[i].Max()+1)
		for k := range out[i] {
			out[i][k], all = all[:q:q], all[q:]
		}
	}
	return out
}

// tabulate fills the tables of log probabilities from the items as they stand.
func (e *engine) tabulate() {
	sharded(func(s int) {
		most := 1
		for i := range e.items {
			most = max(most, e.items[i].Max()+1)
		}
		l := make([]float64, most)
		for b := s; b < len(e.data.blocks); b += shards {
			blk := &e.data.blocks[b]
			for _, dg := range blk.digits {
				it, rows := &e.items[dg.item], e.logP[dg.item]
				for q, x := range e.nodes {
					it.LogProbabilities(x, l)
					for k := range rows {
						rows[k][q] = l[k]
					}
				}
			}
			blk.unfold(e.table, len(e.nodes), e.logP)
		}
	})
}

// sum puts into l, over the window of pattern p, logw plus the log likelihood.
func (e *engine) sum(p int, w span, logw, l []float64) []float64 {
	q := len(e.nodes)
	lo, n := int(w.lo), int(w.hi-w.lo)
	l = l[:n]
	copy(l, logw[lo:])
	rows := e.data.row[e.data.start[p]:e.data.start[p+1]]
	for len(rows) >= 4 {
		a, b, c, d := int(rows[0])*q+lo, int(rows[1])*q+lo, int(rows[2])*q+lo, int(rows[3])*q+lo
		add4(l, e.table[a:a+n], e.table[b:b+n], e.table[c:c+n], e.table[d:d+n])
		rows = rows[4:]
	}
	for _, r := range rows {
		a := int(r)*q + lo
		add(l, e.table[a:a+n])
	}
	return l
}

// posterior fills l with the posterior of pattern p, which adds up to 1 over the
// nodes of the span, and gives the log of the marginal likelihood.
func (e *engine) posterior(p int, logw, l []float64) (w span, post []float64, loglik float64) {
	w = e.window[p]
	post = e.sum(p, w, logw, l)
	top := highest(post)
	if e.prune {
		if w.lo > 0 && post[0] > top-cut || int(w.hi) < len(e.nodes) && post[len(post)-1] > top-cut {
			w = span{0, uint16(len(e.nodes))}
			post = e.sum(p, w, logw, l)
			top = highest(post)
		}
		first, last := 0, len(post)
		for post[first] < top-cut {
			first++
		}
		for post[last-1] < top-cut {
			last--
		}
		w, post = span{w.lo + uint16(first), w.lo + uint16(last)}, post[first:last]
		// Two nodes of slack, so that the next pass need not look further.
		e.window[p] = span{uint16(max(0, int(w.lo)-2)), uint16(min(len(e.nodes), int(w.hi)+2))}
	}
	sum := 0.0
	for i, x := range post {
		x = math.Exp(x - top)
		post[i] = x
		sum += x
	}
	for i := range post {
		post[i] /= sum
	}
	return w, post, top + math.Log(sum)
}

func highest(l []float64) float64 {
	top := l[0]
	for _, x := range l[1:] {
		if x > top {
			top = x
		}
	}
	return top
}

// part is the range of patterns of a shard.
func (e *engine) part(shard int) (lo, hi int) {
	n := len(e.data.weight)
	return shard * n / shards, (shard + 1) * n / shards
}

// expect is the E-step: from the tables and the log weights of the nodes it
// fills counts and at, and gives the marginal log-likelihood.
func (e *engine) expect(logw []float64) (loglik float64) {
	q := len(e.nodes)
	var sums [shards]float64
	sharded(func(s int) {
		folded, at := e.folded[s], e.atOf[s]
		clear(folded)
		clear(at)
		l := make([]float64, q)
		lo, hi := e.part(s)
		for p := lo; p < hi; p++ {
			w, post, ll := e.posterior(p, logw, l)
			if wt := e.data.weight[p]; wt != 1 {
				ll *= wt
				for i := range post {
					post[i] *= wt
				}
			}
			sums[s] += ll
			from, n := int(w.lo), len(post)
			add(at[from:from+n], post)
			for _, r := range e.data.row[e.data.start[p]:e.data.start[p+1]] {
				a := int(r)*q + from
				add(folded[a:a+n], post)
			}
		}
	})
	for s := range shards {
		loglik += sums[s]
	}
	copy(e.at, e.atOf[0])
	for s := 1; s < shards; s++ {
		add(e.at, e.atOf[s])
	}
	sharded(func(s int) {
		for b := s; b < len(e.data.blocks); b += shards {
			blk := &e.data.blocks[b]
			lo, hi := blk.first*q, (blk.first+blk.rows)*q
			for o := 1; o < shards; o++ {
				add(e.folded[0][lo:hi], e.folded[o][lo:hi])
			}
			blk.fold(e.folded[0], q, e.counts)
		}
	})
	return loglik
}
