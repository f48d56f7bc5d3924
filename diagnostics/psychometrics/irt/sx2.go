package irt

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// sx2 fills in S-X² from persons with complete rows. free is how many parameters
// of each item were estimated; where the slope is fixed by the model the latent
// variance was in its place. df = cells − rows − free.
func (s *sheet) sx2(persons []int, prior Normal, free []int, out []ItemStats) {
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	weights := NormalWeights(nodes, prior.Mean, prior.SD)
	top := 0
	prob := make([][][]float64, len(s.items)) // item × category × node
	for i := range s.items {
		it := &s.items[i]
		top += it.Max()
		prob[i] = make([][]float64, it.Max()+1)
		p := make([]float64, it.Max()+1)
		for k := range prob[i] {
			prob[i][k] = make([]float64, len(nodes))
		}
		for q, x := range nodes {
			it.Probabilities(x, p)
			for k := range p {
				prob[i][k][q] = p[k]
			}
		}
	}
	all := likelihoods(prob, -1, top, len(nodes))
	raw := make([]int, len(persons))
	bySum := make([]float64, top+1)
	for n, p := range persons {
		for _, c := range s.row(p) {
			raw[n] += int(c)
		}
		bySum[raw[n]]++
	}
	sharded(func(shard int) {
		for i := shard; i < len(s.items); i += shards {
			cats := s.items[i].Max() + 1
			rest := likelihoods(prob, i, top, len(nodes))
			observed, expected := make([][]float64, top-1), make([][]float64, top-1)
			for r := range observed { // raw score r+1
				observed[r], expected[r] = make([]float64, cats), make([]float64, cats)
				total := 0.0
				for q, w := range weights {
					total += w * all[r+1][q]
				}
				for k := range cats {
					if sum := r + 1 - k; sum >= 0 && sum <= top-cats+1 && total > 0 {
						e := 0.0
						for q, w := range weights {
							e += w * prob[i][k][q] * rest[sum][q]
						}
						expected[r][k] = bySum[r+1] * e / total
					}
				}
			}
			for n, p := range persons {
				if raw[n] > 0 && raw[n] < top {
					observed[raw[n]-1][s.row(p)[i]]++
				}
			}
			x2, cells, rows := compare(collapse(observed, expected, 1))
			if df := cells - rows - free[i]; rows > 0 {
				out[i].SX2, out[i].DF = psychometrics.Number(x2), psychometrics.Number(max(df, 0))
				out[i].P = upper(x2, float64(df))
			}
		}
	})
}

// likelihoods gives, by raw score and node, the probability of the score on all
// items but one (Lord & Wingersky 1984).
func likelihoods(prob [][][]float64, but, top, nodes int) [][]float64 {
	out := make([][]float64, top+1)
	slab := make([]float64, (top+1)*nodes)
	for r := range out {
		out[r] = slab[r*nodes : (r+1)*nodes]
	}
	for q := range nodes {
		out[0][q] = 1
	}
	have := 0
	for i, p := range prob {
		if i == but {
			continue
		}
		m := len(p) - 1
		for r := have + m; r >= 0; r-- {
			row := out[r]
			for q := range row {
				x := 0.0
				for k := max(0, r-have); k <= min(m, r); k++ {
					x += p[k][q] * out[r-k][q]
				}
				row[q] = x
			}
		}
		have += m
	}
	return out
}

// compare is Pearson's sum over the cells that are expected at all.
func compare(o, e [][]float64) (x2 float64, cells, rows int) {
	for r := range e {
		for k, x := range e[r] {
			if x != 0 {
				d := o[r][k] - x
				x2 += d * d / x
				cells++
			}
		}
	}
	if len(e) < 2 {
		return math.NaN(), 0, 0
	}
	return x2, cells, len(e)
}

// collapse merges cells until each is expected at least least persons, by the
// rules of mirt, whose degrees of freedom depend on them: rows without persons
// go; a row of one person joins the next; scores of an item with more than two
// categories are joined within a row, the rarest with its rarer neighbour; then
// columns that are rare, and last rows, with the neighbour of fewer persons.
func collapse(o, e [][]float64, least float64) (_, _ [][]float64) {
	var os, es [][]float64
	for r := range o {
		if sum(o[r]) > 0 {
			os, es = append(os, append([]float64(nil), o[r]...)), append(es, append([]float64(nil), e[r]...))
		}
	}
	o, e = os, es
	join := func(to, from int) {
		add(o[to], o[from])
		add(e[to], e[from])
	}
	drop := func(r int) {
		o, e = append(o[:r:r], o[r+1:]...), append(e[:r:r], e[r+1:]...)
	}
	rare := make([]bool, len(e)) // by position, before rows of one person are joined
	for r := range e {
		for _, x := range e[r] {
			rare[r] = rare[r] || x < least
		}
	}
	var single []int
	for r := 0; r+1 < len(o); r++ {
		if sum(o[r]) == 1 {
			join(r+1, r)
			single = append(single, r)
		}
	}
	for n := len(single) - 1; n >= 0; n-- {
		drop(single[n])
	}
	if last := len(o) - 1; last > 0 && sum(o[last]) == 1 {
		join(last-1, last)
		drop(last)
	}
	if len(e) == 0 {
		return o, e
	}
	if len(e[0]) > 2 {
		for r := range e {
			if rare[r] {
				o[r], e[r] = joinCells(o[r], e[r], least)
			}
		}
		o, e = joinColumns(o, e, least)
	}
	for len(e) > 1 {
		at := -1
		for r := range e {
			for _, x := range e[r] {
				if x < least && x != 0 && at < 0 {
					at = r
				}
			}
		}
		if at < 0 {
			break
		}
		to := at + 1
		if at == len(e)-1 || at > 0 && sum(o[at-1]) <= sum(o[at+1]) {
			to = at - 1
		}
		join(to, at)
		drop(at)
	}
	return o, e
}

// joinCells joins the cells of a row, the rarest with its rarer neighbour, until
// each is at least least or two are left; what is free at the end is 0.
func joinCells(o, e []float64, least float64) (_, _ []float64) {
	width := len(e)
	for len(e) > 2 {
		at := 0
		for k := range e {
			if e[k] <= e[at] {
				at = k
			}
		}
		to := at + 1
		if at == len(e)-1 || at > 0 && e[at-1] <= e[at+1] {
			to = at - 1
		}
		e[to] += e[at]
		o[to] += o[at]
		o, e = append(o[:at:at], o[at+1:]...), append(e[:at:at], e[at+1:]...)
		enough := true
		for _, x := range e {
			enough = enough && x >= least
		}
		if enough {
			break
		}
	}
	return append(o, make([]float64, width-len(o))...), append(e, make([]float64, width-len(e))...)
}

// joinColumns joins last columns that hold next to nobody, and columns that
// hardly any row has, with those before them.
func joinColumns(o, e [][]float64, least float64) (_, _ [][]float64) {
	into := func(k int) {
		for r := range e {
			e[r][k-1] += e[r][k]
			o[r][k-1] += o[r][k]
			e[r], o[r] = append(e[r][:k:k], e[r][k+1:]...), append(o[r][:k:k], o[r][k+1:]...)
		}
	}
	for len(e[0]) > 2 {
		last, total := len(e[0])-1, 0.0
		for r := range e {
			total += e[r][last]
		}
		if total >= least*math.Ceil(float64(len(e))*0.1) {
			break
		}
		into(last)
	}
	for k := len(e[0]) - 1; k >= 1; k-- {
		has := 0.0
		for r := range e {
			if e[r][k] > 0 {
				has++
			}
		}
		if has/float64(len(e)) < 0.05 {
			into(k)
		}
	}
	return o, e
}

func sum(list []float64) float64 {
	s := 0.0
	for _, x := range list {
		s += x
	}
	return s
}
