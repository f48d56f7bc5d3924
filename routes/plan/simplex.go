package plan

import "math"

// simplex solves max d·x, A·x ≤ b, 0 ≤ x ≤ u with b ≥ 0 by the primal method with bounded variables on a condensed
// tableau (nonbasic columns only; Chvátal, Linear Programming, chapter 8), and goes on by the dual method where variables
// are fixed later. It is dense: a dozen of rows and a few hundred columns. A limit of pivots makes it finite; the
// multipliers it stops at are of use at any point, for the bound made of them is valid for any multipliers.
type simplex struct {
	rows, cols int
	vars       int       // how many variables there were before the slacks; cols shrinks with those that are settled
	t          []float64 // rows × cols
	b          []float64 // values of the basic variables
	d          []float64 // reduced costs of the nonbasic ones
	upper      []float64 // by variable: vars of them, then a slack a row; 0 for one that is settled
	flip       []bool    // the variable stands for upper − itself
	basic      []int32   // by row
	free       []int32   // by column: the nonbasic variable
	stay       []int32   // scratch: the columns that settle keeps
}

// reset clears the tableau for a problem of that size.
func (x *simplex) reset(rows, cols int) {
	x.rows, x.cols, x.vars = rows, cols, cols
	grow := func(v []float64, n int) []float64 {
		if cap(v) < n {
			v = make([]float64, n*3/2)
		}
		v = v[:n]
		clear(v)
		return v
	}
	x.t, x.b, x.d, x.upper = grow(x.t, rows*cols), grow(x.b, rows), grow(x.d, cols), grow(x.upper, rows+cols)
	x.basic, x.free, x.flip = x.basic[:0], x.free[:0], x.flip[:0]
	for i := range rows {
		x.basic = append(x.basic, int32(cols+i))
		x.upper[cols+i] = math.Inf(1)
	}
	for j := range cols {
		x.free = append(x.free, int32(j))
	}
	for range rows + cols {
		x.flip = append(x.flip, false)
	}
}

// raise starts variable j, not yet moved, at its upper bound, unless a row from soft on would break. Rows before soft may
// go below zero: absorb mends them.
func (x *simplex) raise(j, soft int) {
	u := x.upper[j]
	for i := soft; i < x.rows; i++ {
		if x.t[i*x.cols+j]*u > x.b[i] {
			return
		}
	}
	for i := range x.rows {
		a := &x.t[i*x.cols+j]
		x.b[i] -= *a * u
		*a = -*a
	}
	x.d[j], x.flip[j] = -x.d[j], true
}

// absorb takes variable j, which stands in row i alone with −1, into the basis where the row is below zero.
func (x *simplex) absorb(i, j int) {
	if x.b[i] >= 0 {
		return
	}
	row := x.t[i*x.cols : (i+1)*x.cols]
	f := x.d[j]
	for c := range row {
		row[c] = -row[c]
		x.d[c] -= f * row[c]
	}
	row[j], x.d[j], x.b[i] = -1, f, -x.b[i]
	x.basic[i], x.free[j] = int32(j), x.basic[i]
}

// run pivots until no column improves or limit pivots are done.
func (x *simplex) run(limit int) {
	const eps = 1e-9
	idle := 0 // pivots in a row that moved nothing: then Bland's rule keeps from circling
	for range limit {
		enter, top := -1, eps
		for j, d := range x.d {
			if d <= top || x.upper[x.free[j]] == 0 {
				continue
			}
			if idle > 20 {
				if enter < 0 || x.free[j] < x.free[enter] {
					enter = j
				}
				continue
			}
			enter, top = j, d
		}
		if enter < 0 {
			return
		}
		v := x.free[enter]
		step, leave, high := x.upper[v], -1, false
		for i := range x.rows {
			a := x.t[i*x.cols+enter]
			switch {
			case a > eps:
				if r := x.b[i] / a; r < step-1e-12 {
					step, leave, high = r, i, false
				}
			case a < -eps:
				if u := x.upper[x.basic[i]]; !math.IsInf(u, 1) {
					if r := (u - x.b[i]) / -a; r < step-1e-12 {
						step, leave, high = r, i, true
					}
				}
			}
		}
		if math.IsInf(step, 1) {
			return
		}
		if step <= eps {
			idle++
		} else {
			idle = 0
		}
		if leave < 0 { // from one bound to the other
			for i := range x.rows {
				a := &x.t[i*x.cols+enter]
				x.b[i] -= *a * step
				*a = -*a
			}
			x.d[enter] = -x.d[enter]
			x.flip[v] = !x.flip[v]
			continue
		}
		if high { // the basic variable leaves at its upper bound: count it from there
			x.turn(leave)
		}
		x.pivot(leave, enter)
		for i, b := range x.b {
			x.b[i] = math.Max(0, b)
		}
	}
}

// turn counts a basic variable from its upper bound.
func (x *simplex) turn(i int) {
	row := x.t[i*x.cols : (i+1)*x.cols]
	v := x.basic[i]
	for j := range row {
		row[j] = -row[j]
	}
	x.b[i] = x.upper[v] - x.b[i]
	x.flip[v] = !x.flip[v]
}

// pivot takes a column into the basis for the variable of a row.
func (x *simplex) pivot(leave, enter int) {
	row := x.t[leave*x.cols : (leave+1)*x.cols]
	p := 1 / row[enter]
	for j := range row {
		row[j] *= p
	}
	row[enter] = p
	x.b[leave] *= p
	for i := range x.rows {
		if i == leave {
			continue
		}
		other := x.t[i*x.cols : (i+1)*x.cols]
		f := other[enter]
		if f == 0 {
			continue
		}
		other = other[:len(row)]
		for j, r := range row {
			other[j] -= f * r
		}
		other[enter] = -f * p
		x.b[i] -= f * x.b[leave]
	}
	f := x.d[enter]
	d := x.d[:len(row)]
	for j, r := range row {
		d[j] -= f * r
	}
	x.d[enter] = -f * p
	x.basic[leave], x.free[enter] = x.free[enter], x.basic[leave]
}

// settle fixes some of the first variables at zero for good. Columns of those out of the basis go; what is left may lie
// outside its bounds: restore mends that.
func (x *simplex) settle(gone []bool) {
	x.stay = x.stay[:0]
	for c, v := range x.free {
		if int(v) < len(gone) && gone[v] && x.upper[v] > 0 {
			if x.flip[v] {
				for i := range x.rows {
					x.b[i] -= x.t[i*x.cols+c] * x.upper[v]
				}
			}
			x.upper[v] = 0
		}
		if x.upper[v] > 0 {
			n := len(x.stay)
			x.free[n], x.d[n] = v, x.d[c]
			x.stay = append(x.stay, int32(c))
		}
	}
	if n := len(x.stay); n < x.cols {
		at := 0
		for i := range x.rows {
			for _, c := range x.stay {
				x.t[at] = x.t[i*x.cols+int(c)]
				at++
			}
		}
		x.cols, x.t, x.d, x.free = n, x.t[:at], x.d[:n], x.free[:n]
	}
	for i, v := range x.basic {
		if int(v) < len(gone) && gone[v] && x.upper[v] > 0 {
			if x.flip[v] {
				x.turn(i)
			}
			x.upper[v] = 0
		}
	}
}

// restore brings basic variables back inside their bounds by the dual method, for reduced costs that are right already. It is
// false when it gives up.
func (x *simplex) restore(limit int) bool {
	const eps = 1e-9
	for range limit {
		leave, most, high := -1, eps, false
		for i, b := range x.b {
			if -b > most {
				leave, most, high = i, -b, false
			}
			if over := b - x.upper[x.basic[i]]; over > most {
				leave, most, high = i, over, true
			}
		}
		if leave < 0 {
			for i, b := range x.b {
				x.b[i] = math.Max(0, b)
			}
			return true
		}
		if high {
			x.turn(leave)
		}
		enter, least, size := -1, math.Inf(1), 0.0
		for j, a := range x.t[leave*x.cols : (leave+1)*x.cols] {
			if a > -eps || x.upper[x.free[j]] == 0 {
				continue
			}
			if r := math.Min(x.d[j], 0) / a; r < least-1e-12 || r <= least && -a > size {
				enter, least, size = j, r, -a
			}
		}
		if enter < 0 {
			return false
		}
		x.pivot(leave, enter)
	}
	return false
}

// multipliers writes the dual value of each row, none below zero.
func (x *simplex) multipliers(out []float64) []float64 {
	out = out[:0]
	for range x.rows {
		out = append(out, 0)
	}
	for j, v := range x.free {
		if int(v) >= x.vars {
			out[int(v)-x.vars] = math.Max(0, -x.d[j])
		}
	}
	return out
}

// values writes the value of each of the first n variables.
func (x *simplex) values(out []float64, n int) []float64 {
	out = out[:0]
	for v := range n {
		out = append(out, 0)
		if x.flip[v] {
			out[v] = x.upper[v]
		}
	}
	for i, v := range x.basic {
		if int(v) < n {
			if x.flip[v] {
				out[v] = x.upper[v] - x.b[i]
			} else {
				out[v] = x.b[i]
			}
		}
	}
	return out
}
