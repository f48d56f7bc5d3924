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

// blend solves the linear program over the columns kept for the persons and the seats given. It returns the columns
// taken, the prices of slots, and the value.
func (r *region) blend(persons []float64, seats []int) (taken []blend, price []float64, value float64) {
	x := &r.pool[0].lp
	type at struct{ class, col int }
	var cols []at
	for c := range r.cols {
		if persons[c] > 0 {
			for i := range r.cols[c] {
				cols = append(cols, at{c, i})
			}
		}
	}
	row := make([]int, len(r.m.slots))
	for i, s := range r.scarce {
		row[s] = len(r.rep) + i
	}
	rows, n := len(r.rep)+len(r.scarce), len(cols)
	x.reset(rows, n)
	for j, a := range cols {
		y := &r.cols[a.class][a.col]
		x.upper[j], x.d[j] = math.Inf(1), y.value
		x.t[a.class*n+j] = 1
		for _, s := range y.tight {
			x.t[row[s]*n+j] = 1
		}
	}
	copy(x.b, persons)
	for i, s := range r.scarce {
		x.b[len(r.rep)+i] = float64(seats[s])
	}
	x.run(20 * rows)
	for i, v := range x.basic {
		if int(v) < n && x.b[i] > 1e-9 {
			a := cols[v]
			taken = append(taken, blend{a.class, a.col, x.b[i]})
			value += x.b[i] * r.cols[a.class][a.col].value
		}
	}
	slices.SortFunc(taken, func(a, b blend) int {
		if a.class != b.class {
			return a.class - b.class
		}
		return a.col - b.col
	})
	price = make([]float64, len(r.m.slots))
	dual := x.multipliers(nil)
	for i, s := range r.scarce {
		price[s] = dual[len(r.rep)+i]
	}
	return taken, price, value
}

// generate adds columns under the multipliers of the linear program until none is missing, or so many rounds are done.
// With all persons and seats it also settles the bound.
func (r *region) generate(persons []float64, seats []int, rounds int, all bool) []blend {
	use := make([]int, len(r.m.slots))
	for {
		taken, price, value := r.blend(persons, seats)
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
		if after == before || all && level-value <= 1e-7*math.Abs(value) {
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
		rounds := 1
		if r.many() {
			rounds = 6
		}
		if first {
			rounds = 400
		}
		taken := r.generate(left, p.left, rounds, first)
		if len(taken) == 0 {
			break
		}
		gave, most := 0, 0
		for i, b := range taken {
			if n := int(b.persons + 1e-6); n > 0 {
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
