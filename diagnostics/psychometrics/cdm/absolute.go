package cdm

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Absolute is how well the model gives back what was seen of pairs of items.
type Absolute struct {
	SRMSR Number  `json:"srmsr"`      // root mean square of residual correlations; under 0.05 good
	Worst *Pair   `json:"worst_pair"` // null where no pair can be judged
	P     *Number `json:"p"`          // of the worst pair among all of them (Bonferroni); null as above
}

// A Pair of items with its residual correlation, as z.
type Pair struct {
	Items [2]string `json:"items"`
	Z     Number    `json:"z"`
}

// rmsea of an item: √Σ share·(P(right | class) − share of right answers that the
// posterior gives the class)², over classes that persons are in. It needs the tables
// of expect. Source: Kunina-Habenicht, Rupp & Wilhelm (2012).
func (d *data) rmsea(th *parameters, item int) Number {
	right, all := make([]float64, d.classes), make([]float64, d.classes)
	for b := range d.blocks {
		bl := &d.blocks[b]
		if item < bl.from || item >= bl.to {
			continue
		}
		for u, answers := range bl.runs {
			x := answers[item-bl.from]
			if x < 0 {
				continue
			}
			for c, s := range bl.counts[u*d.classes : (u+1)*d.classes] {
				all[c] += s
				right[c] += float64(x) * s
			}
		}
	}
	var sum, weight float64
	p, group := th.of(item), th.group[item]
	for c, s := range th.shares {
		if all[c] > 1e-6 {
			diff := p[group[c]] - right[c]/all[c]
			sum += s * diff * diff
			weight += s
		}
	}
	return Number(math.Sqrt(sum / weight))
}

// absolute compares seen and expected correlations of all pairs of items, on those who
// answered both: SRMSR, and the largest difference of Fisher's z times √(n−3).
// Source: Chen, de la Torre & Zhang (2013).
func (d *data) absolute(th *parameters, r *psychometrics.Responses) Absolute {
	items := d.items
	n, both, first := make([]float64, items*items), make([]float64, items*items), make([]float64, items*items)
	for p := range r.Persons {
		row := r.Row(p)
		for i := range items {
			x, answered := row[i].Score()
			if !answered {
				continue
			}
			for j := range items {
				if y, also := row[j].Score(); also {
					n[i*items+j]++
					first[i*items+j] += float64(x)
					both[i*items+j] += float64(x * y)
				}
			}
		}
	}
	p, means := make([][]float64, items), make([]float64, items)
	for i := range items {
		p[i] = make([]float64, d.classes)
		for c, s := range th.shares {
			p[i][c] = th.of(i)[th.group[i][c]]
			means[i] += s * p[i][c]
		}
	}
	out := Absolute{SRMSR: psychometrics.None}
	var sum float64
	pairs := 0
	for i := range items {
		for j := range i {
			at, m := i*items+j, n[i*items+j]
			if m < 4 {
				continue
			}
			a, b := first[at]/m, first[j*items+i]/m
			seen := (both[at]/m - a*b) / math.Sqrt(a*(1-a)*b*(1-b))
			var joint float64
			for c, s := range th.shares {
				joint += s * p[i][c] * p[j][c]
			}
			expected := (joint - means[i]*means[j]) / math.Sqrt(means[i]*(1-means[i])*means[j]*(1-means[j]))
			if math.IsNaN(seen) || math.IsNaN(expected) || math.Abs(seen) >= 1 || math.Abs(expected) >= 1 {
				continue
			}
			pairs++
			sum += (seen - expected) * (seen - expected)
			z := (math.Atanh(seen) - math.Atanh(expected)) * math.Sqrt(m-3)
			if out.Worst == nil || math.Abs(z) > math.Abs(float64(out.Worst.Z)) {
				out.Worst = &Pair{Items: [2]string{r.Items[j], r.Items[i]}, Z: Number(z)}
			}
		}
	}
	if pairs > 0 {
		out.SRMSR = Number(math.Sqrt(sum / float64(pairs)))
		least := Number(min(1, float64(pairs)*math.Erfc(math.Abs(float64(out.Worst.Z))/math.Sqrt2)))
		out.P = &least
	}
	return out
}
