package cdm

import (
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A block is a few neighbouring items. Their answers repeat from person to person, so
// the likelihood of each different run of answers is worked out once for all classes,
// and the expected counts are gathered by run and told apart by item at the end.
type block struct {
	from, to int      // items
	runs     [][]int8 // different runs of answers: 0, 1, −1 missing
	like     []float64
	logScale []float64 // like of a run is divided by its largest over the classes
	counts   []float64
}

// data is the answers, as patterns of runs.
type data struct {
	items, classes int
	blocks         []block
	patterns       [][]int32 // different persons' answers: a run of each block
	weight         []float64 // persons of a pattern
	of             []int     // person → pattern
}

// blockItems keeps the tables of a block in the processor's cache.
func blockItems(classes int) int {
	switch {
	case classes <= 64:
		return 7
	case classes <= 256:
		return 5
	}
	return 4
}

func gather(r *psychometrics.Responses, classes int) *data {
	d := &data{items: len(r.Items), classes: classes, of: make([]int, len(r.Persons))}
	size := blockItems(classes)
	var known []map[uint64]int32
	for from := 0; from < d.items; from += size {
		d.blocks = append(d.blocks, block{from: from, to: min(from+size, d.items)})
		known = append(known, map[uint64]int32{})
	}
	seen := map[string]int{}
	runs, key := make([]int32, len(d.blocks)), make([]byte, 4*len(d.blocks))
	for p := range r.Persons {
		row := r.Row(p)
		for b := range d.blocks {
			bl := &d.blocks[b]
			var code uint64
			for _, c := range row[bl.from:bl.to] {
				points, answered := c.Score()
				if !answered {
					points = 2
				}
				code = code*3 + uint64(points)
			}
			run, old := known[b][code]
			if !old {
				run = int32(len(bl.runs))
				known[b][code] = run
				answers := make([]int8, 0, bl.to-bl.from)
				for _, c := range row[bl.from:bl.to] {
					points, answered := c.Score()
					if !answered {
						points = -1
					}
					answers = append(answers, int8(points))
				}
				bl.runs = append(bl.runs, answers)
			}
			runs[b] = run
			key[4*b], key[4*b+1], key[4*b+2], key[4*b+3] = byte(run), byte(run>>8), byte(run>>16), byte(run>>24)
		}
		i, old := seen[string(key)]
		if !old {
			i = len(d.patterns)
			seen[string(key)] = i
			d.patterns, d.weight = append(d.patterns, slices.Clone(runs)), append(d.weight, 0)
		}
		d.weight[i]++
		d.of[p] = i
	}
	for b := range d.blocks {
		bl := &d.blocks[b]
		bl.like, bl.logScale = make([]float64, len(bl.runs)*classes), make([]float64, len(bl.runs))
		bl.counts = make([]float64, len(bl.runs)*classes)
	}
	return d
}

// parameters are what EM moves: a probability for each group of each item, and the classes' shares.
type parameters struct {
	group  [][]int   // item × class → group; shared, never changed
	p      []float64 // all items' groups in a row
	at     []int     // where an item's groups begin in p; one more at the end
	shares []float64 // by class, adding up to 1
}

func (th *parameters) clone() *parameters {
	return &parameters{group: th.group, p: slices.Clone(th.p), at: th.at, shares: slices.Clone(th.shares)}
}

func (th *parameters) of(item int) []float64 { return th.p[th.at[item]:th.at[item+1]] }

// likelihoods fills the blocks' tables under th.
func (d *data) likelihoods(th *parameters) {
	for b := range d.blocks {
		bl := &d.blocks[b]
		for u, answers := range bl.runs {
			like := bl.like[u*d.classes : (u+1)*d.classes]
			for c := range like {
				like[c] = 1
			}
			for i, x := range answers {
				if x < 0 {
					continue
				}
				p, group := th.of(bl.from+i), th.group[bl.from+i]
				for c := range like {
					if x == 1 {
						like[c] *= p[group[c]]
					} else {
						like[c] *= 1 - p[group[c]]
					}
				}
			}
			top := slices.Max(like)
			for c := range like {
				like[c] /= top
			}
			bl.logScale[u] = math.Log(top)
		}
	}
}

// posterior fills post with P(class | pattern i) and gives the pattern's log-likelihood.
// The tables must stand (likelihoods).
func (d *data) posterior(th *parameters, i int, post []float64) float64 {
	copy(post, th.shares)
	var scale, sum float64
	for b, u := range d.patterns[i] {
		bl := &d.blocks[b]
		scale += bl.logScale[u]
		like := bl.like[int(u)*d.classes : (int(u)+1)*d.classes]
		like = like[:len(post)]
		for c := range post {
			post[c] *= like[c]
		}
	}
	for _, f := range post {
		sum += f
	}
	if sum > 1e-200 {
		for c := range post {
			post[c] /= sum
		}
		return scale + math.Log(sum)
	}
	// So long and contradictory that products vanish: sum logarithms.
	for c := range post {
		post[c] = math.Log(th.shares[c])
		for b, u := range d.patterns[i] {
			post[c] += math.Log(d.blocks[b].like[int(u)*d.classes+c])
		}
	}
	top := slices.Max(post)
	sum = 0
	for c := range post {
		post[c] = math.Exp(post[c] - top)
		sum += post[c]
	}
	for c := range post {
		post[c] /= sum
	}
	return scale + top + math.Log(sum)
}

// expected counts, by item and group and by class.
type counts struct {
	right, all []float64 // aligned with parameters.p
	class      []float64
	persons    float64
}

// expect is the E-step: expected counts under th, and its log-likelihood.
func (d *data) expect(th *parameters) (n counts, loglik float64) {
	d.likelihoods(th)
	for b := range d.blocks {
		clear(d.blocks[b].counts)
	}
	n = counts{right: make([]float64, len(th.p)), all: make([]float64, len(th.p)), class: make([]float64, d.classes)}
	post := make([]float64, d.classes)
	for i, runs := range d.patterns {
		w := d.weight[i]
		loglik += w * d.posterior(th, i, post)
		n.persons += w
		if w != 1 {
			for c := range post {
				post[c] *= w
			}
		}
		for b, u := range runs {
			sum := d.blocks[b].counts[int(u)*d.classes : (int(u)+1)*d.classes]
			sum = sum[:len(post)]
			for c, x := range post {
				sum[c] += x
			}
		}
		for c, x := range post {
			n.class[c] += x
		}
	}
	for b := range d.blocks {
		bl := &d.blocks[b]
		for u, answers := range bl.runs {
			sum := bl.counts[u*d.classes : (u+1)*d.classes]
			for i, x := range answers {
				if x < 0 {
					continue
				}
				item := bl.from + i
				all, right, group := n.all[th.at[item]:], n.right[th.at[item]:], th.group[item]
				for c, s := range sum {
					all[group[c]] += s
					if x == 1 {
						right[group[c]] += s
					}
				}
			}
		}
	}
	return n, loglik
}
