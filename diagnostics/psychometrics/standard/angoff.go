package standard

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A Rated is one item as the panel sees it.
type Rated struct {
	ID         string `json:"id"`
	Mean       Number `json:"mean"`   // points to be expected of someone at the border
	SD         Number `json:"sd"`     // among judges
	Empirical  Number `json:"at_cut"` // points the calibration expects at the cut; null without one
	Difference Number `json:"difference"`
}

// Round is what one round of ratings gives.
type Round struct {
	Panel
	// Generalizability: the share of differences between items in the panel's mean
	// rating that is no noise of judges (Eρ², 0 to 1, more is better).
	Reliability Number `json:"reliability"`
	SEItems     Number `json:"se_with_items"` // error of the cut, were both judges and items drawn anew (Brennan & Lockwood 1980)
	Consistency Number `json:"consistency"`   // mean correlation of a judge's ratings with the items' calibrated chances at the cut; null without one
}

// An Angoff is the answer of "psychometrics standard angoff".
type Angoff struct {
	Judges   int      `json:"judges"`
	MaxScore int      `json:"max_score"`
	Round    Round    `json:"round"`
	Before   *Round   `json:"before"` // the round before the discussion, null where none was given
	Theta    Number   `json:"theta"`  // the cut on the scale of the bank; null without a calibration
	ThetaSE  Number   `json:"theta_se"`
	Items    []Rated  `json:"items"`
	Warnings []string `json:"warnings"`
}

// AnalyseAngoff sets a cut by the modified Angoff method (Angoff 1971): each judge says
// for each item how many points someone at the border is to be expected to get (0/1
// items: the probability to get it right); a judge's cut is the sum. before is the
// round before the discussion, nil where there was one round. max names items' maxima
// (1 where it does not); bank, nil where there is none, puts the cut on its scale. A
// judge who left an item out has no cut and is named; without any, it is an error.
func AnalyseAngoff(r, before *Ratings, max map[string]int, bank []irt.Item) (*Angoff, error) {
	a := &Angoff{Judges: len(r.Judges), Theta: psychometrics.None, ThetaSE: psychometrics.None, Items: []Rated{}, Warnings: []string{}}
	warn := func(format string, args ...any) { a.Warnings = append(a.Warnings, fmt.Sprintf(format, args...)) }
	for i, id := range r.Rows {
		most, named := max[id]
		if !named {
			most = 1
		}
		a.MaxScore += most
		for j, v := range r.Row(i) {
			if v > float64(most) {
				return nil, fmt.Errorf("item %s, judge %s: %g points of %d", id, r.Judges[j], v, most)
			}
		}
	}
	var items []irt.Item
	if bank != nil {
		for _, id := range r.Rows {
			at := slices.IndexFunc(bank, func(it irt.Item) bool { return it.ID == id })
			if at < 0 {
				return nil, fmt.Errorf("item %s is not in the calibration: without it the cut cannot be put on the scale", id)
			}
			items = append(items, bank[at])
		}
	}
	var err error
	if a.Round, err = round(r, warn); err != nil {
		return nil, err
	}
	if before != nil {
		if !slices.Equal(before.Rows, r.Rows) {
			return nil, fmt.Errorf("the round before has other items")
		}
		first, err := round(before, func(format string, args ...any) { warn("round before: "+format, args...) })
		if err != nil {
			return nil, fmt.Errorf("the round before: %w", err)
		}
		a.Before = &first
		if a.Round.SD > first.SD {
			warn("judges differ more after the discussion than before (sd %.3g, before %.3g)", float64(a.Round.SD), float64(first.SD))
		}
	}
	if items != nil {
		a.Theta = Ability(items, float64(a.Round.Cut))
		if math.IsNaN(float64(a.Theta)) {
			warn("no ability is expected to get %.3g points of these items: the cut is not on the scale", float64(a.Round.Cut))
		} else {
			const h = 1e-4
			slope := (expected(items, float64(a.Theta)+h) - expected(items, float64(a.Theta)-h)) / (2 * h)
			a.ThetaSE = a.Round.SE / Number(slope)
		}
	}
	atCut := make([]float64, len(r.Rows))
	for i, id := range r.Rows {
		var said []float64
		for _, v := range r.Row(i) {
			if !math.IsNaN(v) {
				said = append(said, v)
			}
		}
		it := Rated{ID: id, Mean: psychometrics.None, SD: psychometrics.None, Empirical: psychometrics.None, Difference: psychometrics.None}
		if len(said) > 0 {
			it.Mean = Number(mean(said))
		}
		if len(said) > 1 {
			it.SD = Number(deviation(said))
		}
		atCut[i] = math.NaN()
		if items != nil && !math.IsNaN(float64(a.Theta)) {
			atCut[i] = items[i].Expected(float64(a.Theta))
			it.Empirical = Number(atCut[i])
			it.Difference = it.Mean - it.Empirical
		}
		a.Items = append(a.Items, it)
	}
	a.Round.Consistency = psychometrics.None
	var sum float64
	n := 0
	for j := range r.Judges {
		column := make([]float64, len(r.Rows))
		for i := range r.Rows {
			column[i] = r.Row(i)[j]
		}
		if c := correlation(column, atCut); !math.IsNaN(c) {
			sum += c
			n++
		}
	}
	if n > 0 {
		a.Round.Consistency = Number(sum / float64(n))
	}
	return a, nil
}

// round works one round out: cuts of judges who rated every item, and by analysis of
// variance of items × judges the variances of judges, of items, and of the rest.
func round(r *Ratings, warn func(format string, args ...any)) (Round, error) {
	cuts := make([]float64, len(r.Judges))
	for i := range r.Rows {
		for j, v := range r.Row(i) {
			cuts[j] += v
		}
	}
	var whole []int
	for j, c := range cuts {
		if math.IsNaN(c) {
			warn("judge %s left items out and has no cut", r.Judges[j])
			continue
		}
		whole = append(whole, j)
	}
	if len(whole) == 0 {
		return Round{}, fmt.Errorf("no judge rated every item")
	}
	out := Round{Panel: panel(r.Judges, cuts), Reliability: psychometrics.None, SEItems: psychometrics.None, Consistency: psychometrics.None}
	if len(whole) < 2 {
		warn("one judge rated every item: how far judges agree cannot be said")
		return out, nil
	}
	ni, nj := float64(len(r.Rows)), float64(len(whole))
	if ni < 2 {
		return out, nil
	}
	all := float64(out.Cut) / ni
	var judges, items, rest float64
	for _, j := range whole {
		judges += ni * math.Pow(cuts[j]/ni-all, 2) / (nj - 1)
	}
	for i := range r.Rows {
		var m float64
		for _, j := range whole {
			m += r.Row(i)[j] / nj
		}
		items += nj * (m - all) * (m - all) / (ni - 1)
		for _, j := range whole {
			e := r.Row(i)[j] - m - cuts[j]/ni + all
			rest += e * e / ((ni - 1) * (nj - 1))
		}
	}
	vj, vi := max(0, (judges-rest)/ni), max(0, (items-rest)/nj)
	if items > 0 {
		out.Reliability = Number(max(0, 1-rest/items))
	}
	out.SEItems = Number(ni * math.Sqrt(vj/nj+vi/ni+rest/(ni*nj)))
	return out, nil
}

func correlation(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
	}
	if !(xx > 1e-12) || !(yy > 1e-12) {
		return math.NaN()
	}
	return xy / math.Sqrt(xx*yy)
}
