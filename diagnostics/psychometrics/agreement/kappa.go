package agreement

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// mostCategories is how many different ratings still are categories and no measurements.
const mostCategories = 30

// A Kappa is the agreement of two raters beyond chance; 1 is full, 0 none.
type Kappa struct {
	Raters      [2]string `json:"raters"`
	N           int       `json:"n"`         // persons both rated
	Agreement   Number    `json:"agreement"` // share of equal ratings
	Kappa       Number    `json:"kappa"`
	KappaSE     Number    `json:"kappa_se"`
	Linear      Number    `json:"linear"` // weighted by the distance of ratings
	LinearSE    Number    `json:"linear_se"`
	Quadratic   Number    `json:"quadratic"` // by its square
	QuadraticSE Number    `json:"quadratic_se"`
}

// Kappas compares raters pair by pair on the persons both rated: Cohen (1960), weighted
// Cohen (1968); standard errors by Fleiss, Cohen & Everitt (1969). None where one
// rating alone was given.
func Kappas(r *Ratings) []Kappa {
	all := []Kappa{}
	values := r.Categories()
	if len(values) > mostCategories {
		return all
	}
	for b := range r.Raters {
		for a := range b {
			table := make([][]float64, len(values))
			for i := range table {
				table[i] = make([]float64, len(values))
			}
			k := Kappa{Raters: [2]string{r.Raters[a], r.Raters[b]}}
			for p := range r.Persons {
				row := r.Row(p)
				if math.IsNaN(row[a]) || math.IsNaN(row[b]) {
					continue
				}
				x, _ := slices.BinarySearch(values, row[a])
				y, _ := slices.BinarySearch(values, row[b])
				table[x][y]++
				k.N++
			}
			k.Agreement = psychometrics.None
			if k.N > 0 {
				k.Agreement = 0
				for i := range table {
					k.Agreement += Number(table[i][i] / float64(k.N))
				}
			}
			span := 1.0
			if len(values) > 1 {
				span = values[len(values)-1] - values[0]
			}
			k.Kappa, k.KappaSE = kappa(table, func(i, j int) float64 {
				if i == j {
					return 1
				}
				return 0
			})
			k.Linear, k.LinearSE = kappa(table, func(i, j int) float64 { return 1 - math.Abs(values[i]-values[j])/span })
			k.Quadratic, k.QuadraticSE = kappa(table, func(i, j int) float64 {
				d := (values[i] - values[j]) / span
				return 1 - d*d
			})
			all = append(all, k)
		}
	}
	return all
}

// kappa of a table under weights of agreement (1 on the diagonal): (Po − Pe) / (1 − Pe).
func kappa(table [][]float64, weight func(i, j int) float64) (value, se Number) {
	var n float64
	size := len(table)
	row, column := make([]float64, size), make([]float64, size)
	for i := range table {
		for j, c := range table[i] {
			n += c
			row[i] += c
			column[j] += c
		}
	}
	if n == 0 {
		return psychometrics.None, psychometrics.None
	}
	var seen, chance float64
	rowMean, columnMean := make([]float64, size), make([]float64, size)
	for i := range size {
		row[i] /= n
		column[i] /= n
	}
	for i := range table {
		for j, c := range table[i] {
			w := weight(i, j)
			seen += w * c / n
			chance += w * row[i] * column[j]
			rowMean[i] += w * column[j]
			columnMean[j] += w * row[i]
		}
	}
	if 1-chance < 1e-12 {
		return psychometrics.None, psychometrics.None
	}
	k := (seen - chance) / (1 - chance)
	var v float64
	for i := range table {
		for j, c := range table[i] {
			d := weight(i, j) - (rowMean[i]+columnMean[j])*(1-k)
			v += c / n * d * d
		}
	}
	v -= math.Pow(k-chance*(1-k), 2)
	return Number(k), Number(math.Sqrt(max(0, v)/n) / (1 - chance))
}

// FleissKappa is the agreement of all raters beyond chance on persons whom all rated;
// categories only, no order (Fleiss 1971). None where it does not exist.
func FleissKappa(r *Ratings) Number {
	rows, values := r.Complete(), r.Categories()
	if len(rows) == 0 || len(r.Raters) < 2 || len(values) > mostCategories {
		return psychometrics.None
	}
	n, k := float64(len(rows)), float64(len(r.Raters))
	share := make([]float64, len(values))
	var agree float64
	for _, p := range rows {
		count := make([]float64, len(values))
		for _, v := range r.Row(p) {
			x, _ := slices.BinarySearch(values, v)
			count[x]++
		}
		for x, c := range count {
			share[x] += c / (n * k)
			agree += c * (c - 1) / (k * (k - 1)) / n
		}
	}
	var chance float64
	for _, s := range share {
		chance += s * s
	}
	if 1-chance < 1e-12 {
		return psychometrics.None
	}
	return Number((agree - chance) / (1 - chance))
}

// Alphas are Krippendorff's alpha by three measures of disagreement, missing ratings allowed.
type Alphas struct {
	Nominal      Number    `json:"nominal"`
	Ordinal      Number    `json:"ordinal"`
	Interval     Number    `json:"interval"`
	OrdinalCI95  [2]Number `json:"ordinal_ci95"` // by resampling persons, seeded
	IntervalCI95 [2]Number `json:"interval_ci95"`
}

// resamples of persons for the intervals of alpha.
const resamples = 500

// Krippendorff computes alpha = 1 − seen / expected disagreement over all pairs of
// ratings of one person, from the coincidence matrix (Krippendorff 2004, ch. 11).
// Persons rated once have no pairs and fall out. None where nothing can be compared or
// one rating alone was given.
func Krippendorff(r *Ratings) Alphas {
	values := r.Categories()
	units := make([][]int, 0, len(r.Persons))
	for p := range r.Persons {
		var unit []int
		for _, v := range r.Row(p) {
			if !math.IsNaN(v) {
				x, _ := slices.BinarySearch(values, v)
				unit = append(unit, x)
			}
		}
		if len(unit) > 1 {
			units = append(units, unit)
		}
	}
	none := [2]Number{psychometrics.None, psychometrics.None}
	if len(values) > mostValues {
		return Alphas{Nominal: psychometrics.None, Ordinal: psychometrics.None, Interval: Number(intervalAlpha(units, values)), OrdinalCI95: none, IntervalCI95: none}
	}
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	nominal, ordinal, interval := alphas(units, order, values)
	out := Alphas{Nominal: Number(nominal), Ordinal: Number(ordinal), Interval: Number(interval), OrdinalCI95: none, IntervalCI95: none}
	if len(units) < 10 || len(values) > mostCategories {
		return out
	}
	rng := rand.New(rand.NewPCG(1970, uint64(len(units))))
	var o, v []float64
	for range resamples {
		for i := range order {
			order[i] = rng.IntN(len(units))
		}
		if _, a, b := alphas(units, order, values); !math.IsNaN(a) && !math.IsNaN(b) {
			o, v = append(o, a), append(v, b)
		}
	}
	if len(o) > resamples/2 {
		out.OrdinalCI95, out.IntervalCI95 = middle(o), middle(v)
	}
	return out
}

// mostValues is how many different ratings a coincidence matrix is made for; more are
// measurements, which have an interval alpha alone.
const mostValues = 300

// intervalAlpha is alpha for differences squared, by sums instead of the matrix of pairs:
// Σ_{i≠j} (x_i − x_j)² = 2·(m·Σx² − (Σx)²).
func intervalAlpha(units [][]int, values []float64) float64 {
	var seen, n, all, squares float64
	origin := values[len(values)/2] // near the ratings, so that sums keep their digits
	for _, unit := range units {
		var sum, square float64
		for _, x := range unit {
			v := values[x] - origin
			sum += v
			square += v * v
		}
		m := float64(len(unit))
		seen += 2 * (m*square - sum*sum) / (m - 1)
		n += m
		all += sum
		squares += square
	}
	expected := 2 * (n*squares - all*all)
	if !(expected > 0) {
		return math.NaN()
	}
	return 1 - (n-1)*seen/expected
}

// middle is the interval that holds the middle 95 % of draws.
func middle(draws []float64) [2]Number {
	slices.Sort(draws)
	at := func(p float64) Number { return Number(draws[int(math.Round(p*float64(len(draws)-1)))]) }
	return [2]Number{at(0.025), at(0.975)}
}

func alphas(units [][]int, order []int, values []float64) (nominal, ordinal, interval float64) {
	size := len(values)
	pairs := make([]float64, size*size)
	marginal := make([]float64, size)
	var n float64
	for _, u := range order {
		unit := units[u]
		w := 1 / float64(len(unit)-1)
		for i, a := range unit {
			for j, b := range unit {
				if i != j {
					pairs[a*size+b] += w
				}
			}
			marginal[a]++
			n++
		}
	}
	below := make([]float64, size+1) // ratings under category i
	for i, m := range marginal {
		below[i+1] = below[i] + m
	}
	alpha := func(distance func(a, b int) float64) float64 {
		var seen, expected float64
		for a := range size {
			for b := range size {
				if a == b {
					continue
				}
				d := distance(a, b)
				seen += pairs[a*size+b] * d
				expected += marginal[a] * marginal[b] * d
			}
		}
		if expected == 0 {
			return math.NaN()
		}
		return 1 - (n-1)*seen/expected
	}
	nominal = alpha(func(a, b int) float64 { return 1 })
	ordinal = alpha(func(a, b int) float64 {
		lo, hi := min(a, b), max(a, b)
		d := below[hi+1] - below[lo] - (marginal[lo]+marginal[hi])/2
		return d * d
	})
	interval = alpha(func(a, b int) float64 { return (values[a] - values[b]) * (values[a] - values[b]) })
	return nominal, ordinal, interval
}
