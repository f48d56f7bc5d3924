package plan

import (
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
	from  []int32   // by column, one more at the end: its rows
	on    []int32
	y     []float64 // prices of rows
	w     []float64
	work  int // steps of the last run, roughly: the same everywhere
}

func (l *blendLP) reset(b []float64) {
	n := len(b)
	l.rows = n
	l.inv = slices.Grow(l.inv[:0], n*n)[:n*n]
	clear(l.inv)
	l.basic, l.value, l.on, l.y, l.w = l.basic[:0], l.value[:0], l.on[:0], make([]float64, n), make([]float64, n)
	l.from = append(l.from[:0], 0)
	l.x = append(l.x[:0], b...)
	for i := range n {
		l.inv[i*n+i] = 1
		l.basic = append(l.basic, int32(-1-i))
		// Seats and persons are whole: a grain apart from one another, pivots that move nothing are rare.
		l.x[i] += 1e-7 * (1 + float64(i*7919%101)/101)
	}
}

func (l *blendLP) add(value float64, rows ...int32) {
	l.value, l.on = append(l.value, value), append(l.on, rows...)
	l.from = append(l.from, int32(len(l.on)))
}

// run pivots until no column improves or limit pivots are done; it leaves the prices in y.
func (l *blendLP) run(limit int, stop func() bool) {
	const eps = 1e-9
	n := l.rows
	price := func() {
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
	price()
	l.work = n * n
	for it := range limit {
		l.work += n*n + len(l.on) + 1
		if it%64 == 63 {
			price() // rounding
			if stop() {
				return
			}
		}
		enter, top := int32(math.MinInt32), eps
		for j := range l.value {
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
		clear(l.w)
		if enter < 0 {
			r := int(-1 - enter)
			for i := range n {
				l.w[i] = l.inv[i*n+r]
			}
		} else {
			rows := l.on[l.from[enter]:l.from[enter+1]]
			for i := range n {
				a := l.inv[i*n : (i+1)*n]
				for _, r := range rows {
					l.w[i] += a[r]
				}
			}
		}
		leave, step := -1, math.Inf(1)
		for i, a := range l.w {
			if a > 1e-7 {
				if r := l.x[i] / a; r < step-1e-12 || r < step+1e-12 && leave >= 0 && a > l.w[leave] {
					leave, step = i, r
				}
			}
		}
		if leave < 0 {
			return
		}
		p := 1 / l.w[leave]
		row := l.inv[leave*n : (leave+1)*n]
		for k := range row {
			row[k] *= p
		}
		for i, a := range l.w {
			if i == leave || a == 0 {
				continue
			}
			other := l.inv[i*n : (i+1)*n]
			other = other[:len(row)]
			for k, v := range row {
				other[k] -= a * v
			}
			l.x[i] = math.Max(0, l.x[i]-a*step)
		}
		l.x[leave] = step
		l.basic[leave] = enter
		for k, v := range row {
			l.y[k] += top * v
		}
	}
}
