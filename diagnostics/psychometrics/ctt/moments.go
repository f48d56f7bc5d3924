package ctt

import (
	"cmp"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// sums are the whole-number sums of the complete rows that every figure is made of.
type sums struct {
	n, k   int
	cells  []int32 // n × k scores
	total  []int64 // by row
	sum    []int64 // by item
	cross  []int64 // k × k: Σ x_i·x_j
	totals int64   // Σ total
}

func moments(r *psychometrics.Responses) *sums {
	rows := r.Complete()
	m := &sums{n: len(rows), k: len(r.Items)}
	m.cells = make([]int32, m.n*m.k)
	m.total = make([]int64, m.n)
	m.sum, m.cross = make([]int64, m.k), make([]int64, m.k*m.k)
	for i, p := range rows {
		row := m.row(i)
		for j, c := range r.Row(p) {
			points, _ := c.Score()
			row[j] = int32(points)
			m.total[i] += int64(points)
		}
		for j, x := range row {
			if x == 0 {
				continue
			}
			m.sum[j] += int64(x)
			cross := m.cross[j*m.k : (j+1)*m.k]
			for l, y := range row[:j+1] {
				cross[l] += int64(x) * int64(y)
			}
		}
		m.totals += m.total[i]
	}
	for j := range m.k {
		for l := range j {
			m.cross[l*m.k+j] = m.cross[j*m.k+l]
		}
	}
	return m
}

func (m *sums) row(i int) []int32 { return m.cells[i*m.k : (i+1)*m.k] }

// covariance of two sums over n rows, n−1 in the denominator; NaN under two rows.
func covariance(n int, cross, a, b int64) float64 {
	if n < 2 {
		return math.NaN()
	}
	return (float64(cross) - float64(a)*float64(b)/float64(n)) / float64(n-1)
}

func (m *sums) cov(i, j int) float64 {
	if i == j && m.n > 1 && m.constant(i) {
		return 0
	}
	return covariance(m.n, m.cross[i*m.k+j], m.sum[i], m.sum[j])
}

// constant is exact where the difference of two rounded products would not be.
func (m *sums) constant(i int) bool { return int64(m.n)*m.cross[i*m.k+i] == m.sum[i]*m.sum[i] }

// covTotal is the covariance of an item with the total, itself included.
func (m *sums) covTotal(i int) float64 {
	var cross int64
	for j := range m.k {
		cross += m.cross[i*m.k+j]
	}
	return covariance(m.n, cross, m.sum[i], m.totals)
}

func (m *sums) totalVar() float64 {
	var cross int64
	for _, c := range m.cross {
		cross += c
	}
	if m.n > 1 && int64(m.n)*cross == m.totals*m.totals {
		return 0
	}
	return covariance(m.n, cross, m.totals, m.totals)
}

func (m *sums) sumVar() (v float64) {
	for i := range m.k {
		v += m.cov(i, i)
	}
	return v
}

// correlation is NaN where either variance is nil.
func (m *sums) correlation(va, vb, cov float64) float64 {
	if !(va > 1e-12) || !(vb > 1e-12) {
		return math.NaN()
	}
	return max(-1, min(1, cov/math.Sqrt(va*vb)))
}

// extremes are the ⌊0.27·n + ½⌋ rows of the highest and of the lowest totals, ties by row.
func (m *sums) extremes() (upper, lower []int) {
	g := int(math.Floor(0.27*float64(m.n) + 0.5))
	order := make([]int, m.n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.total[b], m.total[a]) })
	return order[:g], order[m.n-g:]
}

// extremeTies is everyone at or above the 73rd and at or below the 27th percentile
// of totals, where the two differ. Percentiles interpolate (type 7 of Hyndman & Fan).
func (m *sums) extremeTies() (upper, lower []int) {
	if m.n == 0 {
		return nil, nil
	}
	sorted := slices.Sorted(slices.Values(m.total))
	at := func(share float64) float64 {
		h := share * float64(m.n-1)
		i := int(h)
		if i+1 >= m.n {
			return float64(sorted[m.n-1])
		}
		return float64(sorted[i]) + (h-float64(i))*float64(sorted[i+1]-sorted[i])
	}
	low, high := at(0.27), at(0.73)
	if low == high {
		return nil, nil
	}
	for i, t := range m.total {
		if float64(t) >= high {
			upper = append(upper, i)
		}
		if float64(t) <= low {
			lower = append(lower, i)
		}
	}
	return upper, lower
}

// discrimination is the difference of two groups' mean shares of an item's points.
func (m *sums) discrimination(item, most int, upper, lower []int) Number {
	if len(upper) == 0 || len(lower) == 0 {
		return psychometrics.None
	}
	mean := func(rows []int) float64 {
		var sum int64
		for _, i := range rows {
			sum += int64(m.row(i)[item])
		}
		return float64(sum) / float64(len(rows)) / float64(most)
	}
	return Number(mean(upper) - mean(lower))
}

func (m *sums) describe() Total {
	none := psychometrics.None
	if m.n == 0 {
		return Total{none, none, none, none, none, none}
	}
	t := Total{Mean: Number(float64(m.totals) / float64(m.n)), SD: Number(math.Sqrt(m.totalVar())), Skewness: none, Kurtosis: none}
	t.Min, t.Max = Number(slices.Min(m.total)), Number(slices.Max(m.total))
	var m2, m3, m4 float64
	for _, x := range slices.Sorted(slices.Values(m.total)) { // sorted: the order of persons must not show in the last digit
		d := float64(x) - float64(t.Mean)
		m2 += d * d
		m3 += d * d * d
		m4 += d * d * d * d
	}
	n := float64(m.n)
	if m.n > 1 && m.totalVar() > 0 {
		t.Skewness = Number(m3 / n / math.Pow(m2/n, 1.5))
		t.Kurtosis = Number(m4/n/(m2/n*m2/n) - 3)
	}
	return t
}
