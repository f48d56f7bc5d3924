package plan

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// dive makes plans of the linear program over columns, and takes the best.
func (p *primal) dive() {
	r := p.r
	b := r.blending()
	b.settle(60)
	b.lp.afresh()
	root := b.lp.basis()
	dives := r.effort().dives
	if r.opt.rough {
		dives = 1
	}
	for n := range dives {
		if r.done() {
			break
		}
		b.lp.restore(root)
		var dice *rand.Rand
		if n > 0 {
			dice = rand.New(rand.NewPCG(uint64(n), 17))
		}
		p.plunge(b, dice)
		r.opt.Progress(0.6)
	}
	p.restore()
}

// plunge gives out what the linear program takes whole, or the column that it takes the most of in part, and goes on for
// the persons and seats that are left, columns being made for these in between (diving with column generation: Sadykov
// and others, 2019). With dice the parts are weighed by chance.
func (p *primal) plunge(b *blending, dice *rand.Rand) {
	const rounds, whole = 2, 0.85
	r := p.r
	p.clear()
	copy(b.left, r.size)
	waiting := make([][]int32, len(r.rep))
	for t, c := range r.class {
		waiting[c] = append(waiting[c], int32(t))
	}
	give := func(j int32, n int) (gave int) {
		a := b.cols[j]
		for gave < n && b.left[a.class] > 0 && p.fits(&r.cols[a.class][a.col]) {
			p.set(int(waiting[a.class][0]), int32(a.col))
			waiting[a.class] = waiting[a.class][1:]
			b.left[a.class]--
			gave++
		}
		if gave > 0 {
			b.lp.give(j, float64(gave))
		}
		return gave
	}
	type part struct {
		col  int32
		size float64
	}
	var parts []part
	for !r.opt.Expired() {
		b.lp.close()
		b.lp.dual(4*b.lp.rows, r.opt.Expired)
		p.gates()
		b.solve()
		for n := 0; n < rounds && b.more(p.gate); n++ {
			b.solve()
		}
		parts = parts[:0]
		for i, j := range b.lp.basic {
			if j >= 0 && b.lp.x[i] > 1e-4 {
				parts = append(parts, part{j, b.lp.x[i]})
			}
		}
		slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.col, b.col) })
		pick, top, gave := int32(-1), 0.0, 0
		for _, x := range parts {
			if n := math.Floor(x.size + 1 - whole); n > 0 {
				gave += give(x.col, int(n))
				continue
			}
			if dice != nil {
				x.size *= 0.5 + dice.Float64()
			}
			if x.size > top {
				pick, top = x.col, x.size
			}
		}
		if gave == 0 && (pick < 0 || give(pick, 1) == 0) {
			break
		}
	}
	r.flat.flatten(r)
	p.deal(1) // whoever is left takes what there is
	p.improve(r.star)
	if p.whole() {
		r.take(p)
	}
}
