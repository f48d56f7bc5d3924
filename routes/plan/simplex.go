package plan

import "math"

// simplex solves max d·x, A·x ≤ b, 0 ≤ x ≤ u with b ≥ 0 by the primal method with bounded variables on a condensed
// tableau (nonbasic columns only; Chvátal, Linear Programming, chapter 8). It is dense: a dozen of rows and
// a few hundred columns in the search of one teacher, a few hundred and a few thousand among teachers alike. A limit of pivots makes it finite; the multipliers it stops at are of use at any point, for
// the bound made of them is valid for any multipliers.
type simplex struct {
	rows, cols int
	t          []float64 // rows × cols
	b          []float64 // values of the basic variables
	d          []float64 // reduced costs of the nonbasic ones
	upper      []float64 // by variable: cols of them, then a slack a row
	flip       []bool    // the variable stands for upper − itself
	basic      []int32   // by row
	free       []int32   // by column: the nonbasic variable
}

// reset clears the tableau for a problem of that size.
func (x *simplex) reset(rows, cols int) {
	x.rows, x.cols = rows, cols
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

// run pivots until no column improves or limit pivots are done.
func (x *simplex) run(limit int) {
	const eps = 1e-9
	idle := 0 // pivots in a row that moved nothing: then Bland's rule keeps from circling
	for range limit {
		enter, top := -1, eps
		for j, d := range x.d {
			if d <= top {
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
		row := x.t[leave*x.cols : (leave+1)*x.cols]
		if high { // the basic variable leaves at its upper bound: count it from there
			u := x.basic[leave]
			for j := range row {
				row[j] = -row[j]
			}
			x.b[leave] = x.upper[u] - x.b[leave]
			x.flip[u] = !x.flip[u]
		}
		p := 1 / row[enter]
		for j := range row {
			row[j] *= p
		}
		row[enter] = p
		x.b[leave] = math.Max(0, x.b[leave]*p)
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
			x.b[i] = math.Max(0, x.b[i]-f*x.b[leave])
		}
		f := x.d[enter]
		d := x.d[:len(row)]
		for j, r := range row {
			d[j] -= f * r
		}
		x.d[enter] = -f * p
		x.basic[leave], x.free[enter] = v, x.basic[leave]
	}
}

// multipliers writes the dual value of each row, none below zero.
func (x *simplex) multipliers(out []float64) []float64 {
	out = out[:0]
	for range x.rows {
		out = append(out, 0)
	}
	for j, v := range x.free {
		if int(v) >= x.cols {
			out[int(v)-x.cols] = math.Max(0, -x.d[j])
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
