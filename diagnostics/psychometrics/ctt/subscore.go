package ctt

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Subscore is what the score on some of the items tells of their true score, beside
// the total. PRMSE is the share of the true score's variance that is foretold, 0 to 1.
type Subscore struct {
	ID          string   `json:"id"`
	Items       int      `json:"items"`
	Mean        Number   `json:"mean"`
	SD          Number   `json:"sd"`
	Alpha       Number   `json:"alpha"`
	SEM         Number   `json:"sem"`
	Correlation Number   `json:"correlation"`    // with the total
	Own         Number   `json:"prmse_subscore"` // from the sub-score: its reliability
	Total       Number   `json:"prmse_total"`    // from the total score
	Both        Number   `json:"prmse_both"`     // from both: the augmented sub-score
	Added       *bool    `json:"added_value"`    // own over total: worth a report of its own; null where it cannot be said
	Weights     *Weights `json:"augmented"`      // null as above
}

// Weights foretell the true sub-score: mean + of the sub-score's and the total's distance from their means.
type Weights struct {
	Subscore Number `json:"subscore"`
	Total    Number `json:"total"`
}

// Subscores is the answer of "psychometrics subscores".
type Subscores struct {
	Persons   int        `json:"persons"`
	RowsUsed  int        `json:"rows_used"`
	Alpha     Number     `json:"alpha"` // of the total
	Subscores []Subscore `json:"subscores"`
	Warnings  []string   `json:"warnings"`
}

// AnalyseSubscores asks of each scale of q (cells 0 and 1; an item may be of several)
// whether its sum score foretells its true score better than the total of all matched
// items does. Errors of different items are uncorrelated and reliability is alpha, so
// cov(true, total) = cov(s, x) − var(s)(1 − α) and
//
//	PRMSE_s = α,  PRMSE_x = cov(true, total)² / (α·var(s)·var(x)),
//
// both together by regression on s and x. Complete rows only. A scale of one item or
// with no true variance has None and a warning. Source: Haberman (2008).
func AnalyseSubscores(r *psychometrics.Responses, q *psychometrics.Q) (*Subscores, error) {
	columns, rows, warnings, err := q.Match(r)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		for a, w := range q.Weights[row] {
			if w != 0 && w != 1 {
				return nil, fmt.Errorf("item %s: weight %g of %s, expected 0 or 1", q.Items[row], w, q.Attributes[a])
			}
		}
	}
	out := &Subscores{Persons: len(r.Persons), Subscores: []Subscore{}, Warnings: append(slices.Clone(r.Warnings), warnings...)}
	if out.Warnings == nil {
		out.Warnings = []string{}
	}
	m := moments(r.Select(columns))
	out.RowsUsed = m.n
	out.Alpha = Number(alpha(m.k, m.sumVar(), m.totalVar()))
	warn := func(format string, args ...any) { out.Warnings = append(out.Warnings, fmt.Sprintf(format, args...)) }
	switch missing := out.Persons - m.n; {
	case m.n < 2:
		warn("%d persons have a score on every item: sub-scores need at least 2 and are null", m.n)
	case missing > 0:
		warn("%d of %d persons have missing answers and are left out", missing, out.Persons)
	}
	if m.n >= 2 && m.n < 30 {
		warn("only %d complete rows: read every figure with care", m.n)
	}
	for a, id := range q.Attributes {
		var in []int
		for i, row := range rows {
			if q.Weights[row][a] == 1 {
				in = append(in, i)
			}
		}
		s := m.subscore(id, in)
		switch {
		case m.n < 2:
		case len(in) < 2:
			warn("%s has %d items with responses: alone they have no reliability", id, len(in))
		case !(s.Alpha > 0):
			warn("%s: alpha is not over 0, the true score cannot be told from error", id)
		case len(in) == m.k:
			warn("%s is the whole test: it cannot tell more than the total", id)
		}
		out.Subscores = append(out.Subscores, s)
	}
	return out, nil
}

func (m *sums) subscore(id string, in []int) Subscore {
	none := psychometrics.None
	s := Subscore{ID: id, Items: len(in), Mean: none, SD: none, Alpha: none, SEM: none, Correlation: none, Own: none, Total: none, Both: none}
	if m.n < 2 || len(in) == 0 {
		return s
	}
	var mean, own, within, withTotal float64
	for _, i := range in {
		mean += float64(m.sum[i]) / float64(m.n)
		within += m.cov(i, i)
		withTotal += m.covTotal(i)
		for _, j := range in {
			own += m.cov(i, j)
		}
	}
	total := m.totalVar()
	s.Mean, s.SD, s.Correlation = Number(mean), Number(math.Sqrt(max(0, own))), Number(m.correlation(own, total, withTotal))
	reliability := alpha(len(in), within, own)
	s.Alpha, s.SEM = Number(reliability), SEM(float64(s.SD), reliability)
	if !(reliability > 0) || !(total > 1e-12) {
		return s
	}
	truth := reliability * own             // var(true)
	trueTotal := withTotal - (own - truth) // cov(true, total)
	fromTotal := trueTotal * trueTotal / (truth * total)
	s.Own, s.Total = Number(reliability), Number(min(1, fromTotal))
	added := reliability > fromTotal
	s.Added = &added
	det := own*total - withTotal*withTotal
	if det < 1e-9*own*total { // the sub-score is the total
		s.Both = max(s.Own, s.Total)
		return s
	}
	ws := (truth*total - trueTotal*withTotal) / det
	wx := (trueTotal*own - truth*withTotal) / det
	s.Both = Number(min(1, (ws*truth+wx*trueTotal)/truth))
	s.Weights = &Weights{Subscore: Number(ws), Total: Number(wx)}
	return s
}
