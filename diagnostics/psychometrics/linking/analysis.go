package linking

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// A Result is the link by one method with its standard errors.
type Result struct {
	Method   Method `json:"method"`
	A        Number `json:"A"`
	B        Number `json:"B"`
	ASE      Number `json:"A_se"` // from the items' standard errors, by the delta method; null where they have none
	BSE      Number `json:"B_se"`
	AItems   Number `json:"A_se_items"` // had other common items been drawn: jackknife
	BItems   Number `json:"B_se_items"`
	Value    Number `json:"value"`      // least criterion of the curve methods
	MeanSE   Number `json:"se_at_mean"` // of θ_Y at the mean of Y's scale, from A_se and B_se
	Received bool   `json:"recommended"`
}

// An Item tells how one common item agrees with the others.
type Item struct {
	ID         string `json:"id"`
	LogSlope   Number `json:"log_slope_ratio"` // ln a on Y less ln a of X carried over, by the recommended link
	Difficulty Number `json:"difference"`      // mean difficulty on Y less that of X carried over, logits of Y
	ZSlope     Number `json:"z_slope"`         // robust z: (x − median) / (1.4826 · median deviation from it)
	ZDiff      Number `json:"z_difference"`
	SlopeSE    Number `json:"log_slope_se"`  // from the calibrations, of log_slope_ratio; null where they have none
	DiffSE     Number `json:"difference_se"` // of difference
	Drift      bool   `json:"drift"`         // out of line with the others
}

// An Analysis is the answer of "psychometrics link".
type Analysis struct {
	Common   []Item   `json:"common"`
	Used     []string `json:"used"` // common items without drift, or all where drift is kept
	Links    []Result `json:"links"`
	Shift    bool     `json:"shift"` // slopes are fixed on both scales: A is 1
	Warnings []string `json:"warnings"`
}

// Best is the recommended link: Stocking and Lord's.
func (a *Analysis) Best() Link {
	for _, r := range a.Links {
		if r.Received {
			return Link{A: float64(r.A), B: float64(r.B)}
		}
	}
	return Link{A: 1}
}

const (
	leastCommon  = 3  // fewer cannot show whether they agree
	soundCommon  = 10 // fewer is a thin link (Kolen & Brennan 2014, ch. 8: 20 items or a fifth of the test)
	driftZ       = 1.96
	driftSize    = 0.3  // logits, or ln of slopes: smaller differences do not matter
	driftError   = 2.58 // standard errors of the difference: smaller ones may be chance
	maximalDrift = 0.5  // share of common items
	maximalError = 0.5  // root mean square of differences in difficulty, in standard deviations of Y's scale
)

// Analyse links the scale of x to that of y. Common items have the same id and as many
// points. Items that drifted (robust z over 1.96, Huynh & Meyer 2010; a difference over
// 0.3, and over 2.58 of its standard errors where the calibrations have them) are named
// and, without keep, left out. No link is given, with an error
// that says why and names the items, where fewer than three items are common or stay,
// half of them or more drifted, or the rest still differ by more than half a standard
// deviation.
func Analyse(x, y *irt.Fit, keep bool) (*Analysis, error) {
	a := &Analysis{Common: []Item{}, Used: []string{}, Links: []Result{}, Warnings: []string{}}
	warn := func(format string, args ...any) { a.Warnings = append(a.Warnings, fmt.Sprintf(format, args...)) }
	for _, w := range slices.Concat(x.Warnings, y.Warnings) {
		warn("%s", w)
	}
	other := map[string]*irt.ItemFit{}
	for i := range y.Items {
		other[y.Items[i].ID] = &y.Items[i]
	}
	var pairs []pair
	for i := range x.Items {
		ix := &x.Items[i]
		iy, common := other[ix.ID]
		if !common || len(ix.D) == 0 || len(iy.D) == 0 {
			continue
		}
		switch {
		case len(ix.D) != len(iy.D) || !slices.Equal(ix.Scores, iy.Scores):
			warn("item %s has other points on the two scales and is no common item", ix.ID)
		case !(ix.A > 0) || !(iy.A > 0):
			warn("item %s has a slope that is not over 0 and is no common item", ix.ID)
		default:
			pairs = append(pairs, pair{Pair: Pair{X: ix.Item(), Y: iy.Item()}, x: ix, y: iy})
		}
	}
	switch {
	case len(pairs) == 0:
		return nil, fmt.Errorf("the two scales have no common item: what was measured on one cannot be compared with the other")
	case len(pairs) < leastCommon:
		return nil, fmt.Errorf("the two scales have %d common items (%s), expected at least %d: they cannot be compared", len(pairs), strings.Join(ids(pairs), ", "), leastCommon)
	}
	a.Shift = fixed(x) && fixed(y)

	// Drift is judged by a link that a few strange items do not carry away: medians.
	kept := a.judge(pairs, keep)
	var drifted []string
	for _, it := range a.Common {
		if it.Drift {
			drifted = append(drifted, it.ID)
		}
	}
	if n := len(drifted); n > 0 {
		if float64(n) >= maximalDrift*float64(len(pairs)) || len(pairs)-n < leastCommon {
			return nil, fmt.Errorf("%d of %d common items disagree with the others (%s): no link holds, the scales cannot be compared", n, len(pairs), strings.Join(drifted, ", "))
		}
		what := "left out of the link"
		if keep {
			what = "kept in the link all the same"
		}
		warn("common items out of line with the others: %s; %s", strings.Join(drifted, ", "), what)
	}
	if len(kept) < soundCommon {
		warn("the link stands on %d common items, %d and a fifth of the test are customary", len(kept), soundCommon)
	}
	a.Used = ids(kept)
	for _, m := range Methods {
		r, err := result(kept, m, a.Shift)
		if err != nil {
			warn("%s: %v", m, err)
			continue
		}
		r.Received = m == StockingLord
		a.Links = append(a.Links, r)
	}
	if !slices.ContainsFunc(a.Links, func(r Result) bool { return r.Received }) {
		return nil, fmt.Errorf("no link was found: %s", strings.Join(a.Warnings, "; "))
	}
	best := a.Best()
	var squares float64
	for i := range a.Common {
		a.Common[i].LogSlope, a.Common[i].Difficulty = differences(pairs[i].Pair, best)
		if slices.Contains(a.Used, a.Common[i].ID) {
			d := float64(a.Common[i].Difficulty) / float64(y.Latent.SD)
			squares += d * d / float64(len(a.Used))
		}
	}
	if rms := math.Sqrt(squares); !(rms <= maximalError) {
		far := slices.SortedFunc(slices.Values(a.Common), func(p, q Item) int {
			return cmp.Compare(math.Abs(float64(q.Difficulty)), math.Abs(float64(p.Difficulty)))
		})
		return nil, fmt.Errorf("difficulties of the %d common items differ by %.2f standard deviations after linking, expected at most %g; furthest are %s, %s, %s: no link holds, the scales cannot be compared",
			len(a.Used), rms, maximalError, far[0].ID, far[1].ID, far[2].ID)
	}
	return a, nil
}

// pair with what the calibrations say of its errors.
type pair struct {
	Pair
	x, y *irt.ItemFit
}

func ids(pairs []pair) []string {
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p.X.ID
	}
	return out
}

func plain(pairs []pair) []Pair {
	out := make([]Pair, len(pairs))
	for i, p := range pairs {
		out[i] = p.Pair
	}
	return out
}

// fixed says that the fit's model has slope 1 throughout.
func fixed(f *irt.Fit) bool {
	return !slices.ContainsFunc(f.Items, func(it irt.ItemFit) bool { return it.Model != irt.Rasch && it.Model != irt.PCM })
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

// differences of an item under a link: of ln slopes, of mean difficulties.
func differences(p Pair, l Link) (slope, difficulty Number) {
	carried := l.Item(p.X)
	return Number(math.Log(p.Y.A) - math.Log(carried.A)), Number(mean(p.Y.B()) - mean(carried.B()))
}

// judge fills Common with robust z and gives the pairs that stay.
func (a *Analysis) judge(pairs []pair, keep bool) (kept []pair) {
	n := len(pairs)
	slope, difficulty := make([]float64, n), make([]float64, n)
	for i, p := range pairs {
		slope[i] = math.Log(p.X.A) - math.Log(p.Y.A)
	}
	rough := Link{A: 1}
	if !a.Shift {
		rough.A = math.Exp(quantile(slope, 0.5))
	}
	for i, p := range pairs {
		slope[i] = -slope[i] + math.Log(rough.A)
		difficulty[i] = mean(p.Y.B()) - rough.A*mean(p.X.B())
	}
	rough.B = quantile(difficulty, 0.5)
	for i := range difficulty {
		difficulty[i] -= rough.B
	}
	zs, zd := robust(slope), robust(difficulty)
	for i, p := range pairs {
		out := func(x, z float64, se Number) bool {
			return math.Abs(x) > driftSize && !(math.Abs(z) <= driftZ) && !(math.Abs(x) <= driftError*float64(se))
		}
		it := Item{ID: p.X.ID, ZSlope: Number(zs[i]), ZDiff: Number(zd[i])}
		it.SlopeSE, it.DiffSE = p.errors(rough)
		it.Drift = out(difficulty[i], zd[i], it.DiffSE) || !a.Shift && out(slope[i], zs[i], it.SlopeSE)
		a.Common = append(a.Common, it)
		if keep || !it.Drift {
			kept = append(kept, p)
		}
	}
	return kept
}

// errors of the differences of ln slopes and of mean difficulties under a link, the two
// calibrations being of different persons; None where either has no standard errors.
func (p *pair) errors(l Link) (slope, difficulty Number) {
	of := func(f *irt.ItemFit) (slope, b Number) {
		if !f.Fixed && !fixedSlope(f) {
			slope = f.ASE / f.A
		}
		if f.Fixed {
			return slope, 0
		}
		b = psychometrics.None
		if len(f.BSE) == len(f.D) {
			b = 0
			for _, se := range f.BSE {
				b += se * se
			}
			b = Number(math.Sqrt(float64(b))) / Number(len(f.BSE))
		}
		return slope, b
	}
	sx, bx := of(p.x)
	sy, by := of(p.y)
	return Number(math.Hypot(float64(sx), float64(sy))), Number(math.Hypot(l.A*float64(bx), float64(by)))
}

// robust z of values around their median, by the median of distances from it; NaN where
// more than half do not differ.
func robust(x []float64) []float64 {
	middle := quantile(x, 0.5)
	away := make([]float64, len(x))
	for i, v := range x {
		away[i] = math.Abs(v - middle)
	}
	spread := 1.4826 * quantile(away, 0.5)
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.NaN()
		if spread > 1e-9 {
			out[i] = (v - middle) / spread
		}
	}
	return out
}

// quantile interpolates (type 7 of Hyndman & Fan).
func quantile(x []float64, p float64) float64 {
	s := slices.Sorted(slices.Values(x))
	h := p * float64(len(s)-1)
	i := int(h)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (h-float64(i))*(s[i+1]-s[i])
}

// result finds a link and its two kinds of error. The delta method moves each slope and
// intercept by its own standard error: Var = Σ (∂link/∂parameter)²·se², the parameters
// of a calibration taken as uncorrelated, since FIT.json has no covariances.
func result(pairs []pair, m Method, shift bool) (Result, error) {
	l, value, err := Find(plain(pairs), m, shift)
	if err != nil {
		return Result{}, err
	}
	none := psychometrics.None
	r := Result{Method: m, A: Number(l.A), B: Number(l.B), Value: none, ASE: none, BSE: none, AItems: none, BItems: none, MeanSE: none}
	if m == Haebara || m == StockingLord {
		r.Value = Number(value)
	}

	n := float64(len(pairs))
	var as, bs []float64
	for i := range pairs {
		less := slices.Delete(plain(pairs), i, i+1)
		if one, _, err := Find(less, m, shift); err == nil {
			as, bs = append(as, one.A), append(bs, one.B)
		}
	}
	if len(as) == len(pairs) && len(pairs) > 2 {
		jackknife := func(x []float64) Number {
			var sum float64
			for _, v := range x {
				sum += (v - mean(x)) * (v - mean(x))
			}
			return Number(math.Sqrt((n - 1) / n * sum))
		}
		r.AItems, r.BItems = jackknife(as), jackknife(bs)
	}

	var va, vb, cov float64
	move := func(change func(pairs []Pair, h float64), se Number) bool {
		if !(se >= 0) || math.IsInf(float64(se), 0) {
			return false
		}
		h := max(float64(se)/100, 1e-7)
		at := func(h float64) (Link, bool) {
			moved := plain(pairs)
			change(moved, h)
			one, _, err := Find(moved, m, shift)
			return one, err == nil
		}
		up, ok1 := at(h)
		down, ok2 := at(-h)
		if !ok1 || !ok2 {
			return false
		}
		da, db := (up.A-down.A)/(2*h)*float64(se), (up.B-down.B)/(2*h)*float64(se)
		va += da * da
		vb += db * db
		cov += da * db
		return true
	}
	for i, p := range pairs {
		for side, fit := range []*irt.ItemFit{p.x, p.y} {
			of := func(pairs []Pair) *irt.Item {
				if side == 0 {
					return &pairs[i].X
				}
				return &pairs[i].Y
			}
			if !shift && !(fit.Fixed || fixedSlope(fit)) && !move(func(pairs []Pair, h float64) { of(pairs).A += h }, fit.ASE) {
				return r, nil
			}
			for k := range fit.D {
				if fit.Fixed {
					continue
				}
				if k >= len(fit.DSE) || !move(func(pairs []Pair, h float64) {
					it := of(pairs)
					it.D = slices.Clone(it.D)
					it.D[k] += h
				}, fit.DSE[k]) {
					return r, nil
				}
			}
		}
	}
	r.ASE, r.BSE = Number(math.Sqrt(va)), Number(math.Sqrt(vb))
	x := -l.B / l.A // the θ_X that is carried to 0
	r.MeanSE = Number(math.Sqrt(max(0, va*x*x+vb+2*x*cov)))
	return r, nil
}

func fixedSlope(f *irt.ItemFit) bool { return f.Model == irt.Rasch || f.Model == irt.PCM }

// Carry gives the calibration x on the scale of y: items, latent distribution and the
// standard errors that scale with A (of slopes and intercepts; those of difficulties
// are dropped, as the link's own error is not in them).
func Carry(x *irt.Fit, l Link) *irt.Fit {
	out := *x
	out.Items = make([]irt.ItemFit, len(x.Items))
	out.Latent.Mean, out.Latent.SD = Number(l.Theta(float64(x.Latent.Mean))), Number(l.A*float64(x.Latent.SD))
	out.Latent.MeanSE, out.Latent.SDSE = psychometrics.None, psychometrics.None
	for i, it := range x.Items {
		if len(it.D) > 0 {
			moved := l.Item(it.Item())
			it.Cov = it.CovOn(float64(-l.B/l.A), float64(1/l.A))
			it.A = Number(moved.A)
			it.ASE /= Number(l.A)
			it.D, it.B = numbers(moved.D), numbers(moved.B())
			none := make([]float64, len(it.D))
			for k := range none {
				none[k] = math.NaN()
			}
			it.DSE, it.BSE = numbers(none), numbers(none)
			if l.A != 1 && fixedSlope(&it) { // its slope is 1 no longer
				it.Model = map[irt.Model]irt.Model{irt.Rasch: irt.TwoPL, irt.PCM: irt.GPCM}[it.Model]
			}
		}
		out.Items[i] = it
	}
	if l.A != 1 && (out.Model == irt.Rasch || out.Model == irt.PCM) {
		out.Model = irt.GPCM
	}
	return &out
}

func numbers(x []float64) []Number {
	out := make([]Number, len(x))
	for i, v := range x {
		out[i] = Number(v)
	}
	return out
}
