package plan

import (
	"cmp"
	"math"
	"slices"
)

// blendLP is the linear program over columns of a region: max Σ v_j·x_j, each row Σ x_j ≤ b, x ≥ 0. Columns take one of
// their class and one of each tight session, so a revised simplex with an explicit inverse of the basis costs rows² a
// pivot and little to price (Chvátal, Linear Programming, chapter 7). It goes on from the basis it has: columns added
// since, and columns given out whole from both sides of a row, leave that basis feasible.
type blendLP struct {
	rows  int
	inv   []float64 // rows × rows
	x     []float64 // by row: the value of its basic variable
	basic []int32   // by row: column, or −1−row for the slack of a row
	value []float64 // by column
	off   []bool    // by column: it may not enter any more
	from  []int32   // by column, one more at the end: its rows
	on    []int32
	y     []float64 // prices of rows
	w     []float64
	at    []int32   // where a row is not zero
	b     []float64 // what the rows hold, less what was given out
	fresh int       // pivots since the inverse was worked out
	work  int       // steps of the last run, roughly: the same everywhere
}

func (l *blendLP) reset(b []float64) {
	n := len(b)
	l.rows = n
	l.inv = slices.Grow(l.inv[:0], n*n)[:n*n]
	clear(l.inv)
	l.basic, l.value, l.off, l.on, l.y, l.w = l.basic[:0], l.value[:0], l.off[:0], l.on[:0], make([]float64, n), make([]float64, n)
	l.from = append(l.from[:0], 0)
	l.x = append(l.x[:0], b...)
	for i := range n {
		l.inv[i*n+i] = 1
		l.basic = append(l.basic, int32(-1-i))
		// Seats and persons are whole: a grain apart from one another, pivots that move nothing are rare.
		l.x[i] += 1e-6 * (0.5 + float64(uint32(i+1)*2654435769)/(1<<32))
	}
	l.b, l.fresh = append(l.b[:0], l.x...), 0
}

func (l *blendLP) add(value float64, rows ...int32) {
	l.value, l.on, l.off = append(l.value, value), append(l.on, rows...), append(l.off, false)
	l.from = append(l.from, int32(len(l.on)))
}

// run pivots until no column improves or limit pivots are done; it leaves the prices in y.
func (l *blendLP) run(limit int, stop func() bool) {
	const eps = 1e-9
	n := l.rows
	l.price()
	l.work = n * n
	for it := range limit {
		l.work += n*n + len(l.on) + 1
		if l.fresh >= often {
			l.afresh()
		}
		if it%64 == 63 && stop() {
			return
		}
		enter, top := int32(math.MinInt32), eps
		for j := range l.value {
			if l.off[j] {
				continue
			}
			d := l.value[j]
			for _, r := range l.on[l.from[j]:l.from[j+1]] {
				d -= l.y[r]
			}
			if d > top {
				enter, top = int32(j), d
			}
		}
		for i, v := range l.y {
			if -v > top {
				enter, top = int32(-1-i), -v
			}
		}
		if enter == math.MinInt32 {
			return
		}
		l.enter(enter)
		leave, step := -1, math.Inf(1)
		for i, a := range l.w {
			if a > 1e-7 {
				if r := math.Max(0, l.x[i]) / a; r < step-1e-12 || r < step+1e-12 && leave >= 0 && a > l.w[leave] {
					leave, step = i, r
				}
			}
		}
		if leave < 0 {
			return
		}
		l.pivot(enter, leave, top)
	}
}

// often is after how many pivots the inverse is worked out afresh: rounding adds up.
const often = 200

// price works out the prices of rows.
func (l *blendLP) price() {
	n := l.rows
	clear(l.y)
	for i, v := range l.basic {
		if v >= 0 && l.value[v] != 0 {
			c := l.value[v]
			for k, a := range l.inv[i*n : (i+1)*n] {
				l.y[k] += c * a
			}
		}
	}
}

// afresh works out the inverse, the solution and the prices of the basis at hand from the columns themselves.
func (l *blendLP) afresh() {
	n := l.rows
	var in []int32
	own := make([]bool, n) // rows that keep their slack
	for _, v := range l.basic {
		if v < 0 {
			own[-1-v] = true
		} else {
			in = append(in, v)
		}
	}
	// Short columns first: few entries come to be.
	slices.SortFunc(in, func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.from[a+1]-l.from[a], l.from[b+1]-l.from[b]), cmp.Compare(a, b))
	})
	clear(l.inv)
	for i := range n {
		l.inv[i*n+i], l.basic[i] = 1, int32(-1-i)
	}
	for _, v := range in {
		l.enter(v)
		at, top := -1, 1e-9
		for i, a := range l.w {
			if !own[i] && math.Abs(a) > top {
				at, top = i, math.Abs(a)
			}
		}
		if at >= 0 {
			own[at] = true
			l.pivot(v, at, 0)
		}
	}
	for i := range n {
		l.x[i] = 0
		for k, a := range l.inv[i*n : (i+1)*n] {
			l.x[i] += a * l.b[k]
		}
	}
	l.price()
	l.fresh = 0
}

// lift takes a variable that rounding put below zero to zero: its rows hold a grain more.
func (l *blendLP) lift(i int) {
	if v := l.basic[i]; v < 0 {
		l.b[-1-v] -= l.x[i]
	} else {
		for _, r := range l.on[l.from[v]:l.from[v+1]] {
			l.b[r] -= l.x[i]
		}
	}
	l.x[i] = 0
}

// enter leaves in w what one of a column, or of the slack of a row, takes of the basic variables.
func (l *blendLP) enter(j int32) {
	n := l.rows
	clear(l.w)
	if j < 0 {
		r := int(-1 - j)
		for i := range n {
			l.w[i] = l.inv[i*n+r]
		}
		return
	}
	rows := l.on[l.from[j]:l.from[j+1]]
	for i := range n {
		a := l.inv[i*n : (i+1)*n]
		for _, r := range rows {
			l.w[i] += a[r]
		}
	}
}

// pivot puts a column that gains so much, its share of the basis in w, in the place of the one that leaves.
func (l *blendLP) pivot(enter int32, leave int, gain float64) {
	n := l.rows
	l.fresh++
	p := 1 / l.w[leave]
	step := l.x[leave] * p
	row := l.inv[leave*n : (leave+1)*n]
	at := l.at[:0] // the inverse is sparse: most rows are of seats that nobody lacks
	for k, v := range row {
		if math.Abs(v) > 1e-12 {
			row[k] *= p
			at = append(at, int32(k))
		} else {
			row[k] = 0
		}
	}
	l.at = at
	for i, a := range l.w {
		if i == leave || a == 0 {
			continue
		}
		other := l.inv[i*n : (i+1)*n]
		if 3*len(at) < n {
			for _, k := range at {
				other[k] -= a * row[k]
			}
		} else {
			other = other[:len(row)]
			for k, v := range row {
				other[k] -= a * v
			}
		}
		l.x[i] -= a * step
	}
	l.x[leave] = step
	l.basic[leave] = enter
	for _, k := range at {
		l.y[k] += gain * row[k]
	}
}

// worth is what the solution at hand is worth.
func (l *blendLP) worth() (v float64) {
	for i, j := range l.basic {
		if j >= 0 {
			v += l.x[i] * l.value[j]
		}
	}
	return v
}

// close bars the columns that take of a row which holds no more.
func (l *blendLP) close() {
	for j := range l.off {
		if !l.off[j] {
			for _, r := range l.on[l.from[j]:l.from[j+1]] {
				l.off[j] = l.off[j] || l.b[r] < 0.5
			}
		}
	}
}

// basis is a solution to go back to.
type basis struct {
	inv, x, y, b []float64
	basic        []int32
}

// basis copies the solution at hand.
func (l *blendLP) basis() basis {
	return basis{slices.Clone(l.inv), slices.Clone(l.x), slices.Clone(l.y), slices.Clone(l.b), slices.Clone(l.basic)}
}

// restore goes back to a solution; columns added since are out of it.
func (l *blendLP) restore(s basis) {
	copy(l.inv, s.inv)
	copy(l.x, s.x)
	copy(l.y, s.y)
	copy(l.b, s.b)
	copy(l.basic, s.basic)
	clear(l.off)
	l.fresh = 0
}

// give takes n times a column from what the rows hold: some of x may fall below zero until dual puts that right.
func (l *blendLP) give(j int32, n float64) {
	for _, r := range l.on[l.from[j]:l.from[j+1]] {
		l.b[r] -= n
		for i := range l.rows {
			l.x[i] -= n * l.inv[i*l.rows+int(r)]
		}
	}
}

// dual pivots from a basis whose prices no column beats until no variable is below zero (dual simplex).
func (l *blendLP) dual(limit int, stop func() bool) {
	n := l.rows
	l.work = n * n
	for it := range limit {
		leave, low := -1, -1e-9
		for i, v := range l.x {
			if v < low {
				leave, low = i, v
			}
		}
		if leave < 0 || it%64 == 63 && stop() {
			return
		}
		l.work += n*n + len(l.on) + 1
		if l.fresh >= often {
			l.afresh()
			continue
		}
		row := l.inv[leave*n : (leave+1)*n]
		enter, top, size, cost := int32(math.MinInt32), math.Inf(1), 0.0, 0.0
		for j := range l.value {
			if l.off[j] {
				continue
			}
			a := 0.0
			on := l.on[l.from[j]:l.from[j+1]]
			for _, r := range on {
				a += row[r]
			}
			if a > -1e-7 {
				continue
			}
			d := l.value[j]
			for _, r := range on {
				d -= l.y[r]
			}
			if t := math.Min(d, 0) / a; t < top-1e-12 || t < top+1e-12 && -a > size {
				enter, top, size, cost = int32(j), t, -a, d
			}
		}
		for i, a := range row {
			if a > -1e-7 {
				continue
			}
			if t := math.Max(l.y[i], 0) / -a; t < top-1e-12 || t < top+1e-12 && -a > size {
				enter, top, size, cost = int32(-1-i), t, -a, -l.y[i]
			}
		}
		if enter == math.MinInt32 {
			if l.fresh > 0 {
				l.afresh()
			} else {
				l.lift(leave) // rounding alone brings this about: nothing at all always keeps the rows
			}
			continue
		}
		l.enter(enter)
		l.pivot(enter, leave, cost)
	}
}
