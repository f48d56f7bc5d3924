package irt

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// FitStats says whether a fit's items hold for responses. A figure that cannot
// be had is null, and a warning says why.
type FitStats struct {
	At          Method           `json:"at"` // the score that residuals are taken at
	Items       []ItemStats      `json:"items"`
	Persons     []PersonStats    `json:"persons"`
	Q3          Q3               `json:"q3"`
	Limited     *LimitedFit      `json:"m2"`
	Reliability Reliability      `json:"reliability"`
	Information []InformationRow `json:"information"`
	Warnings    []string         `json:"warnings"`
}

// ItemStats are an item's. Mean squares are 1 where the model holds: above it
// answers are more erratic than the model has it, below it more foreseeable; t is
// about standard normal.
type ItemStats struct {
	ID      string               `json:"id"`
	N       int                  `json:"n"`
	Infit   psychometrics.Number `json:"infit"`
	InfitT  psychometrics.Number `json:"infit_t"`
	Outfit  psychometrics.Number `json:"outfit"`
	OutfitT psychometrics.Number `json:"outfit_t"`
	SX2     psychometrics.Number `json:"s_x2"`
	DF      psychometrics.Number `json:"df"`
	P       psychometrics.Number `json:"p"`
}

// PersonStats are a person's: LZ is lz*, about standard normal, far below 0 where
// the pattern of answers is unlikely at any ability.
type PersonStats struct {
	Person string               `json:"person"`
	Theta  psychometrics.Number `json:"theta"`
	Infit  psychometrics.Number `json:"infit"`
	Outfit psychometrics.Number `json:"outfit"`
	LZ     psychometrics.Number `json:"lz_star"`
}

// Q3 are the correlations of pairs of items' residuals (Yen 1984), about
// −1/(items−1) where items have nothing in common but the ability.
type Q3 struct {
	Mean  psychometrics.Number `json:"mean"`
	Pairs []Q3Pair             `json:"pairs"` // furthest from the mean first, at most 100
}

// A Q3Pair is two items and the correlation of their residuals.
type Q3Pair struct {
	A  string               `json:"a"`
	B  string               `json:"b"`
	Q3 psychometrics.Number `json:"q3"`
	N  int                  `json:"n"`
}

// Reliability is the share of true variance in scores: of EAP over these persons,
// and as the information promises for the latent distribution.
type Reliability struct {
	Empirical psychometrics.Number `json:"empirical"`
	Marginal  psychometrics.Number `json:"marginal"`
}

// An InformationRow is the test at one ability: information adds up over items,
// SE is 1/√ of it, Expected is the expected total of points.
type InformationRow struct {
	Theta       float64              `json:"theta"`
	Information float64              `json:"information"`
	SE          psychometrics.Number `json:"se"`
	Expected    float64              `json:"expected"`
}

// Information tells what the items measure at each node.
func Information(items []Item, nodes []float64) []InformationRow {
	out := make([]InformationRow, len(nodes))
	for q, x := range nodes {
		row := InformationRow{Theta: x, SE: psychometrics.None}
		for i := range items {
			row.Information += items[i].Information(x)
			row.Expected += items[i].Expected(x)
		}
		if row.Information > 0 {
			row.SE = psychometrics.Number(1 / math.Sqrt(row.Information))
		}
		out[q] = row
	}
	return out
}

// StatOptions say what FitStats is to find.
type StatOptions struct {
	At      Method // WLE where empty
	Persons bool   // with a line for each person
}

// FitStats compares responses with what the fit expects of them. Infit and outfit
// are mean squares at each person's score (Wright & Masters 1982), t by the
// cube root of Wilson and Hilferty; S-X² (Orlando & Thissen 2000; Kang & Chen 2008)
// compares by raw score, in complete rows; M2 or C2 asks for the whole test.
func (f *Fit) FitStats(r *psychometrics.Responses, opt StatOptions) (*FitStats, error) {
	if opt.At == "" {
		opt.At = WLE
	}
	if !slices.Contains(Methods, opt.At) {
		return nil, psychometrics.Faults{fmt.Sprintf("method %q, expected one of %v", opt.At, Methods)}
	}
	s, err := f.sheet(r)
	if err != nil {
		return nil, err
	}
	prior := f.prior()
	theta, _ := s.score(prior, opt.At)
	out := &FitStats{At: opt.At, Persons: []PersonStats{}, Q3: Q3{Mean: psychometrics.None, Pairs: []Q3Pair{}}, Warnings: append(append([]string{}, r.Warnings...), s.warnings...)}
	res := s.residuals(theta)
	out.Items = s.itemStats(res)
	if opt.Persons {
		out.Persons = s.personStats(r, res, theta, opt.At, prior)
	}
	out.Q3 = s.q3(res)
	free := make([]int, len(s.items)) // parameters that were estimated
	for i := range s.items {
		if !f.item(s.items[i].ID).Fixed {
			free[i] = s.items[i].parameters()
		}
	}
	complete := s.complete()
	switch n := len(complete); {
	case n == 0:
		out.Warnings = append(out.Warnings, "no person has answers to every item: no S-X2 and no M2, which need complete rows")
	default:
		if n < s.persons {
			out.Warnings = append(out.Warnings, fmt.Sprintf("S-X2 and M2 by the %d of %d persons with answers to every item", n, s.persons))
		}
		s.sx2(complete, prior, free, out.Items)
		limited, why := f.limited(s, complete, prior)
		out.Limited = limited
		if why != "" {
			out.Warnings = append(out.Warnings, why)
		}
	}
	out.Reliability = s.reliability(prior)
	out.Information = Information(s.items, Nodes(DefaultNodes, -GridEnd, GridEnd))
	return out, nil
}

// item finds an item of the fit.
func (f *Fit) item(id string) *ItemFit {
	for i := range f.Items {
		if f.Items[i].ID == id {
			return &f.Items[i]
		}
	}
	return nil
}

// complete lists the persons with answers to every item of the sheet.
func (s *sheet) complete() []int {
	var out []int
	for p := range s.persons {
		if !slices.ContainsFunc(s.row(p), func(c int16) bool { return c < 0 }) {
			out = append(out, p)
		}
	}
	return out
}

// residuals are, by person × item, the difference y of an answer from its
// expectation at the person's score, the variance w and the fourth central moment
// c that the model gives it; y is NaN where there is no answer or no score.
type residuals struct{ y, w, c []float64 }

func (s *sheet) residuals(theta []float64) *residuals {
	k := len(s.items)
	r := &residuals{make([]float64, s.persons*k), make([]float64, s.persons*k), make([]float64, s.persons*k)}
	type moments struct{ mean, w, c float64 }
	sharded(func(shard int) {
		p := make([]float64, maxCategories+1)
		// Persons with the same score are many where items have one slope.
		last, known := math.NaN(), make([]moments, k)
		for person := shard * s.persons / shards; person < (shard+1)*s.persons/shards; person++ {
			x := theta[person]
			if x != last && !math.IsNaN(x) {
				last = x
				for i := range s.items {
					it := &s.items[i]
					it.Probabilities(x, p[:it.Max()+1])
					m := moments{}
					for c, q := range p[:it.Max()+1] {
						m.mean += float64(c) * q
					}
					for c, q := range p[:it.Max()+1] {
						d := float64(c) - m.mean
						m.w += d * d * q
						m.c += d * d * d * d * q
					}
					known[i] = m
				}
			}
			for i, c := range s.row(person) {
				at := person*k + i
				if c < 0 || math.IsNaN(x) || !(known[i].w > 1e-12) {
					r.y[at] = math.NaN()
					continue
				}
				r.y[at], r.w[at], r.c[at] = float64(c)-known[i].mean, known[i].w, known[i].c
			}
		}
	})
	return r
}

// meanSquares add up residuals to infit, outfit and their t.
type meanSquares struct {
	n                      int
	squares, w, z2, qi, qo float64
}

func (m *meanSquares) add(y, w, c float64) {
	m.n++
	m.squares += y * y
	m.w += w
	m.z2 += y * y / w
	m.qi += c - w*w
	m.qo += c / (w * w)
}

func (m *meanSquares) infit() (ms, t psychometrics.Number) {
	if m.n == 0 {
		return psychometrics.None, psychometrics.None
	}
	return wilsonHilferty(m.squares/m.w, math.Sqrt(m.qi)/m.w)
}

func (m *meanSquares) outfit() (ms, t psychometrics.Number) {
	if m.n == 0 {
		return psychometrics.None, psychometrics.None
	}
	n := float64(m.n)
	return wilsonHilferty(m.z2/n, math.Sqrt(m.qo/(n*n)-1/n))
}

// wilsonHilferty makes a mean square with standard deviation q about standard normal;
// q is taken as √2 at most, beyond which the cube root does not help.
func wilsonHilferty(ms, q float64) (_, t psychometrics.Number) {
	q = math.Min(q, math.Sqrt2)
	if !(q > 0) {
		return psychometrics.Number(ms), psychometrics.None
	}
	return psychometrics.Number(ms), psychometrics.Number((math.Cbrt(ms)-1)*3/q + q/3)
}

func (s *sheet) itemStats(r *residuals) []ItemStats {
	k := len(s.items)
	out := make([]ItemStats, k)
	for i := range s.items {
		var m meanSquares
		for p := range s.persons {
			if at := p*k + i; !math.IsNaN(r.y[at]) {
				m.add(r.y[at], r.w[at], r.c[at])
			}
		}
		none := psychometrics.None
		out[i] = ItemStats{ID: s.items[i].ID, N: m.n, SX2: none, DF: none, P: none}
		out[i].Infit, out[i].InfitT = m.infit()
		out[i].Outfit, out[i].OutfitT = m.outfit()
	}
	return out
}

// personStats has infit, outfit and lz* (Snijders 2001; for any categories
// Sinharay 2016): lz corrected for the score's being estimated.
func (s *sheet) personStats(r *psychometrics.Responses, res *residuals, theta []float64, at Method, prior Normal) []PersonStats {
	k := len(s.items)
	out := make([]PersonStats, s.persons)
	room := make([]float64, 4*(maxCategories+1))
	for person := range out {
		var m meanSquares
		for i := range k {
			if j := person*k + i; !math.IsNaN(res.y[j]) {
				m.add(res.y[j], res.w[j], res.c[j])
			}
		}
		st := PersonStats{Person: r.Persons[person], Theta: psychometrics.Number(theta[person]), LZ: psychometrics.None}
		st.Infit, _ = m.infit()
		st.Outfit, _ = m.outfit()
		if at != EAP && m.n > 0 {
			st.LZ = psychometrics.Number(s.lz(s.row(person), theta[person], at, prior, room))
		}
		out[person] = st
	}
	return out
}

// lz is lz* of one person at a score that solves Σ P′/P + r₀ = 0.
func (s *sheet) lz(row []int16, theta float64, at Method, prior Normal, room []float64) float64 {
	var w, cross, info, j float64
	each := func(do func(n int, c int16, p, p1, p2, l []float64)) {
		for i, c := range row {
			if c < 0 {
				continue
			}
			it := &s.items[i]
			n := it.Max() + 1
			p, p1, p2, l := room[:n], room[n:2*n], room[2*n:3*n], room[3*n:4*n]
			it.slopes(theta, p, p1, p2)
			it.LogProbabilities(theta, l)
			do(n, c, p, p1, p2, l)
		}
	}
	each(func(n int, c int16, p, p1, p2, l []float64) {
		w += l[c]
		for k := range n {
			if p[k] > tiny {
				w -= p[k] * l[k]
				cross += p1[k] * l[k]
				info += p1[k] * p1[k] / p[k]
				j += p1[k] * p2[k] / p[k]
			}
		}
	})
	if !(info > 0) {
		return math.NaN()
	}
	cn, r0 := cross/info, 0.0
	switch at {
	case WLE:
		r0 = j / (2 * info)
	case MAP:
		r0 = -(theta - prior.Mean) / (prior.SD * prior.SD)
	}
	variance := 0.0
	each(func(n int, _ int16, p, p1, _, l []float64) {
		mean, square := 0.0, 0.0
		for k := range n {
			if p[k] > tiny {
				x := l[k] - cn*p1[k]/p[k]
				mean += p[k] * x
				square += p[k] * x * x
			}
		}
		variance += square - mean*mean
	})
	if !(variance > 1e-12) {
		return math.NaN()
	}
	return (w + cn*r0) / math.Sqrt(variance)
}

// q3 correlates residuals of every two items over the persons who have both.
func (s *sheet) q3(r *residuals) Q3 {
	k := len(s.items)
	pairs := make([]Q3Pair, 0, k*(k-1)/2)
	for a := range k {
		for b := a + 1; b < k; b++ {
			pairs = append(pairs, Q3Pair{A: s.items[a].ID, B: s.items[b].ID})
		}
	}
	sharded(func(shard int) {
		n := 0
		for a := range k {
			for b := a + 1; b < k; b++ {
				if n++; (n-1)%shards != shard {
					continue
				}
				var m, sx, sy, sxx, syy, sxy float64
				for p := range s.persons {
					x, y := r.y[p*k+a], r.y[p*k+b]
					if !math.IsNaN(x) && !math.IsNaN(y) {
						m++
						sx += x
						sy += y
						sxx += x * x
						syy += y * y
						sxy += x * y
					}
				}
				q := math.NaN()
				if vx, vy := sxx-sx*sx/m, syy-sy*sy/m; m > 2 && vx > 1e-12 && vy > 1e-12 {
					q = (sxy - sx*sy/m) / math.Sqrt(vx*vy)
				}
				pairs[n-1].Q3, pairs[n-1].N = psychometrics.Number(q), int(m)
			}
		}
	})
	pairs = slices.DeleteFunc(pairs, func(p Q3Pair) bool { return math.IsNaN(float64(p.Q3)) })
	out := Q3{Mean: psychometrics.None, Pairs: pairs}
	if len(pairs) == 0 {
		return out
	}
	mean := 0.0
	for _, p := range pairs {
		mean += float64(p.Q3) / float64(len(pairs))
	}
	out.Mean = psychometrics.Number(mean)
	slices.SortStableFunc(out.Pairs, func(a, b Q3Pair) int {
		return cmp.Compare(math.Abs(float64(b.Q3)-mean), math.Abs(float64(a.Q3)-mean))
	})
	out.Pairs = out.Pairs[:min(len(out.Pairs), 100)]
	return out
}

// reliability: empirical is Var(EAP)/(Var(EAP) + mean SE²), marginal is the mean
// of I/(I + 1/σ²) over the latent distribution.
func (s *sheet) reliability(prior Normal) Reliability {
	theta, se := s.score(prior, EAP)
	n, m, v, e := 0.0, 0.0, 0.0, 0.0
	for p := range theta {
		if slices.ContainsFunc(s.row(p), func(c int16) bool { return c >= 0 }) {
			n++
			m += theta[p]
			e += se[p] * se[p]
		}
	}
	m, e = m/n, e/n
	for p := range theta {
		if slices.ContainsFunc(s.row(p), func(c int16) bool { return c >= 0 }) {
			v += (theta[p] - m) * (theta[p] - m)
		}
	}
	out := Reliability{psychometrics.None, 0}
	if n > 1 {
		v /= n - 1
		out.Empirical = psychometrics.Number(v / (v + e))
	}
	nodes := Nodes(DefaultNodes, -GridEnd, GridEnd)
	for q, w := range NormalWeights(nodes, prior.Mean, prior.SD) {
		info := 0.0
		for i := range s.items {
			info += s.items[i].Information(nodes[q])
		}
		out.Marginal += psychometrics.Number(w * info / (info + 1/(prior.SD*prior.SD)))
	}
	return out
}

// upper is the upper tail of the chi-squared distribution; none without degrees of freedom.
func upper(x, df float64) psychometrics.Number {
	if !(df >= 1) || math.IsNaN(x) {
		return psychometrics.None
	}
	return psychometrics.Number(distuv.ChiSquared{K: df}.Survival(x))
}
