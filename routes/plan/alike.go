package plan

import (
	"math"
	"slices"
)

// Few kinds of teachers, many of each: prices alone cannot tell those alike apart, so the linear program over the
// columns is solved itself, columns being added under its multipliers until none is missing (Gilmore and Gomory,
// 1961). Whole parts of its solution are given out, then it is solved again for those who are left (diving).

// alike tells whether there are so few kinds of teachers that their linear program is small.
func (r *region) alike() bool {
	n := len(r.rep) * (len(r.rep) + len(r.scarce))
	return n <= 15_000 || r.many() && n <= 20_000
}

// many tells whether each kind of teacher counts several persons.
func (r *region) many() bool { return len(r.people) >= 3*len(r.rep) }

// blend is a solution of the linear program: how many persons of a class take a column.
type blend struct {
	class, col int
	persons    float64
}

// blending is the linear program over the columns kept, for the persons and the seats given; columns found later are
// added to it.
type blending struct {
	lp    blendLP
	r     *region
	row   []int32 // by slot
	cols  []blend // by column of the program; persons unused
	known []int   // by class: how many of its columns are in
	left  []float64
}

func (r *region) blending(persons []float64, seats []int) *blending {
	b := &blending{r: r, row: make([]int32, len(r.m.slots)), known: make([]int, len(r.cols)), left: persons}
	limits := slices.Clone(persons)
	for i, s := range r.scarce {
		b.row[s] = int32(len(r.rep) + i)
		limits = append(limits, float64(seats[s]))
	}
	b.lp.reset(limits)
	return b
}

// solve returns the columns taken, the prices of slots, and the value.
func (b *blending) solve() (taken []blend, price []float64, value float64) {
	r := b.r
	var rows []int32
	for c := range r.cols {
		if b.left[c] <= 0 {
			continue
		}
		for ; b.known[c] < len(r.cols[c]); b.known[c]++ {
			x := &r.cols[c][b.known[c]]
			rows = append(rows[:0], int32(c))
			for _, s := range x.tight {
				rows = append(rows, b.row[s])
			}
			b.lp.add(x.value, rows...)
			b.cols = append(b.cols, blend{class: c, col: b.known[c]})
		}
	}
	b.lp.run(10*b.lp.rows, r.opt.Expired)
	for i, v := range b.lp.basic {
		if v >= 0 && b.lp.x[i] > 1e-4 {
			a := b.cols[v]
			a.persons = b.lp.x[i]
			taken = append(taken, a)
			value += a.persons * r.cols[a.class][a.col].value
		}
	}
	slices.SortFunc(taken, func(a, b blend) int {
		if a.class != b.class {
			return a.class - b.class
		}
		return a.col - b.col
	})
	price = make([]float64, len(r.m.slots))
	for i, s := range r.scarce {
		price[s] = math.Max(0, b.lp.y[len(r.rep)+i])
	}
	return taken, price, value
}

// generate adds columns under the multipliers of the linear program until none is missing, or so many rounds are done.
// With all persons and seats it also settles the bound.
func (r *region) generate(persons []float64, seats []int, rounds int, all bool) []blend {
	use := make([]int, len(r.m.slots))
	b := r.blending(persons, seats)
	for {
		taken, price, value := b.solve()
		if rounds--; rounds < 0 || r.opt.Expired() {
			return taken
		}
		before := 0
		for c := range r.cols {
			before += len(r.cols[c])
		}
		level := r.evaluate(price, use)
		if level < r.bound {
			r.bound = level
			copy(r.star, price)
		}
		after := 0
		for c := range r.cols {
			after += len(r.cols[c])
		}
		if after == before || all && level-value <= 1e-6*math.Abs(value) {
			return taken
		}
	}
}

// dive gives out what the linear program takes whole, or the most of what it takes in part, and solves it again for
// those who are left.
func (p *primal) dive() {
	r := p.r
	p.clear()
	left := slices.Clone(r.size)
	waiting := make([][]int32, len(r.rep))
	for t, c := range r.class {
		waiting[c] = append(waiting[c], int32(t))
	}
	give := func(b blend, n int) (gave int) {
		for gave < n && p.fits(&r.cols[b.class][b.col]) {
			p.set(int(waiting[b.class][0]), int32(b.col))
			waiting[b.class] = waiting[b.class][1:]
			left[b.class]--
			gave++
		}
		return gave
	}
	for first := true; !r.opt.Expired(); first = false {
		rounds := 0
		if r.many() {
			rounds = 4
		}
		if first {
			rounds = 60
		}
		taken := r.generate(left, p.left, rounds, first)
		if len(taken) == 0 {
			break
		}
		gave, most := 0, 0
		for i, b := range taken {
			if n := int(b.persons + 0.3); n > 0 {
				gave += give(b, n)
			}
			if b.persons > taken[most].persons {
				most = i
			}
		}
		if gave == 0 && give(taken[most], 1) == 0 {
			break
		}
	}
	r.flat.flatten(r)
	p.deal(1) // whoever is left takes what there is
	p.improve(r.star)
	if p.whole() {
		r.take(p)
	}
	p.restore()
}
