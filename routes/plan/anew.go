package plan

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// anew plans groups of rivals for the same seats again, the others staying where they are, each group by branch and
// bound over the linear program of its columns: larger than together can, so better plans are found that need many to
// move at once; when groups are planned in vain they grow. They are drawn by a fixed seed, within so many steps of
// work, or until time is up.
func (p *primal) anew(work int, endless bool, seed uint64) {
	const size, largest, idle = 8, 20, 150 // persons, and groups in vain until they grow
	r := p.r
	rnd := rand.New(rand.NewPCG(seed, uint64(len(p.at))+7))
	for c := range r.cols {
		_, p.top[c] = r.top(c, r.star)
	}
	const most = 60 // columns of each, the best priced
	lists := make([][]int32, len(r.cols))
	for c := range r.cols {
		for i := range r.cols[c] {
			lists[c] = append(lists[c], int32(i))
		}
		slices.SortStableFunc(lists[c], func(a, b int32) int {
			return cmp.Compare(r.cols[c][b].priced(r.star), r.cols[c][a].priced(r.star))
		})
		lists[c] = lists[c][:min(len(lists[c]), most+4*int(r.size[c]))]
	}
	var weak []int
	p.work = 0
	for n, vain, more := 0, 0, 0; (endless || p.work < work) && !r.done(); n++ {
		if vain > idle {
			vain, more = 0, (more+2)%(largest-size)
		}
		before := p.value
		p.work += 20_000 // a group of one ends too
		if n%64 == 0 {
			weak = p.worst(r.star, 1e-7)
		}
		t := rnd.IntN(len(p.at))
		if n%4 > 0 && len(weak) > 0 {
			t = weak[rnd.IntN(len(weak))]
		}
		p.replan(p.neighbours(t, lists, size+more+rnd.IntN(size), rnd), lists)
		if vain++; p.value > before+1e-9 {
			vain = 0
		}
	}
}

// neighbours gathers persons around one: holders of the seats that those gathered so far want most.
func (p *primal) neighbours(t int, lists [][]int32, most int, rnd *rand.Rand) []int {
	group := []int{t}
	for tries := 0; len(group) < most && tries < 4*most; tries++ {
		of := group[rnd.IntN(len(group))]
		for _, u := range p.rivals(of, lists, rnd)[1:] {
			if len(group) < most && !slices.Contains(group, u) && rnd.IntN(2) == 0 {
				group = append(group, u)
			}
		}
	}
	return slices.DeleteFunc(group, func(u int) bool { return p.at[u] < 0 || p.r.demanding(int32(u)) > 0 })
}

// replan finds a better set of columns for a group and takes it.
func (p *primal) replan(group []int, lists [][]int32) {
	const nodes = 30
	r := p.r
	if len(group) < 2 {
		return
	}
	old := make([]int32, len(group))
	best := 1e-9
	for i, t := range group {
		old[i] = p.at[t]
		best += p.col(t).value
	}
	for _, t := range group {
		p.set(t, -1)
	}
	cand := make([][]int32, len(group)) // by person: columns that fit the seats at hand
	for i, t := range group {
		c := r.class[t]
		for _, j := range lists[c] {
			if j != old[i] && p.fits(&r.cols[c][j]) {
				cand[i] = append(cand[i], j)
			}
		}
		cand[i] = append(cand[i], old[i])
	}
	row := map[int32]int32{}
	limits := make([]float64, len(group))
	for i := range limits {
		limits[i] = 1
	}
	top, took, left := slices.Clone(old), make([]int32, len(group)), nodes
	var lp blendLP
	var rows []int32
	var walk func()
	type at struct{ person, col int32 }
	var cols []at
	lay := func() {
		for i, t := range group {
			for _, j := range cand[i] {
				for _, s := range r.cols[r.class[t]][j].tight {
					if _, ok := row[s]; !ok {
						row[s] = int32(len(limits))
						limits = append(limits, float64(p.left[s]))
					}
				}
			}
		}
		lp.reset(limits)
		cols = cols[:0]
		for i, t := range group {
			c := r.class[t]
			for _, j := range cand[i] {
				x := &r.cols[c][j]
				rows = append(rows[:0], int32(i))
				for _, s := range x.tight {
					rows = append(rows, row[s])
				}
				lp.add(x.value, rows...)
				cols = append(cols, at{int32(i), j})
			}
		}
		lp.run(12*lp.rows, r.opt.Expired)
		p.work += lp.work
	}
	// Columns made for the seats at hand: the exact best routes under their prices within the group.
	p.gates()
	for range 3 {
		lay()
		price, fresh := slices.Clone(p.gate), false
		for s, i := range row {
			if price[s] == 0 {
				price[s] = math.Max(0, lp.y[i])
			}
		}
		for i, t := range group {
			f := r.pool[0].solve(&r.people[t], price, nil, 400)
			p.work += 2000 * f.nodes
			if f.feasible && f.value > lp.y[i]+1e-6 {
				if j := int32(r.keep(int(r.class[t]), f.slots)); !slices.Contains(cand[i], j) {
					cand[i], fresh = append(cand[i], j), true
				}
			}
		}
		if !fresh {
			break
		}
	}
	walk = func() {
		if left--; left < 0 {
			return
		}
		lay()
		value, part, split := 0.0, 0.0, at{-1, -1}
		for i := range took {
			took[i] = -1
		}
		for i, v := range lp.basic {
			if v < 0 || lp.x[i] < 1e-4 {
				continue
			}
			a, x := cols[v], lp.x[i]
			value += x * r.cols[r.class[group[a.person]]][a.col].value
			if x > 1-1e-4 {
				took[a.person] = a.col
			} else if x > part || x == part && a.person < split.person {
				part, split = x, a
			}
		}
		if value <= best+1e-9+1e-6*math.Abs(best) {
			return
		}
		if split.person < 0 {
			value = 0
			for i, j := range took {
				if j < 0 {
					return // somebody without a column, though there is an empty one: rounding
				}
				value += r.cols[r.class[group[i]]][j].value
			}
			if value > best {
				best = value
				copy(top, took)
			}
			return
		}
		was := cand[split.person]
		cand[split.person] = []int32{split.col}
		walk()
		cand[split.person] = slices.DeleteFunc(slices.Clone(was), func(j int32) bool { return j == split.col })
		walk()
		cand[split.person] = was
	}
	walk()
	for i, t := range group {
		p.set(t, top[i])
	}
	if !p.keeps(group) { // seats never run out by rounding
		for _, t := range group {
			p.set(t, -1)
		}
		for i, t := range group {
			p.set(t, old[i])
		}
	}
	r.take(p)
}

// keeps tells whether the columns of a group keep the seats.
func (p *primal) keeps(group []int) bool {
	for _, t := range group {
		for _, s := range p.col(t).tight {
			if p.left[s] < 0 {
				return false
			}
		}
	}
	return true
}
