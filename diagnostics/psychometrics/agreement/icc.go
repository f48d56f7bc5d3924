package agreement

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// An ICC is one intraclass correlation with its 95 % interval and the F test of nought.
type ICC struct {
	Type  string `json:"type"` // ICC1, ICC2, ICC3: of one rater; with k: of the mean of all raters
	ICC   Number `json:"icc"`
	F     Number `json:"f"`
	DF1   int    `json:"df1"`
	DF2   int    `json:"df2"`
	P     Number `json:"p"`
	Lower Number `json:"lower"`
	Upper Number `json:"upper"`
}

// ICCs are the six of Shrout & Fleiss (1979) with their intervals, on persons whom
// every rater rated: ICC1 each person has raters of its own, ICC2 raters are drawn and
// all rate everyone (agreement), ICC3 these raters alone (consistency). Nearer 1 is
// better. Empty under two persons or raters; None where nothing varies.
func ICCs(r *Ratings) []ICC {
	rows := r.Complete()
	ni, ki := len(rows), len(r.Raters)
	if ni < 2 || ki < 2 {
		return []ICC{}
	}
	n, k := float64(ni), float64(ki)
	var mean float64
	byRater := make([]float64, ki)
	byPerson := make([]float64, ni)
	for i, p := range rows {
		for j, v := range r.Row(p) {
			mean += v / (n * k)
			byRater[j] += v / n
			byPerson[i] += v / k
		}
	}
	var between, raters, within, rest float64
	for i, p := range rows {
		between += k * (byPerson[i] - mean) * (byPerson[i] - mean)
		for j, v := range r.Row(p) {
			within += (v - byPerson[i]) * (v - byPerson[i])
			e := v - byPerson[i] - byRater[j] + mean
			rest += e * e
		}
	}
	for _, m := range byRater {
		raters += n * (m - mean) * (m - mean)
	}
	bms, wms := between/(n-1), within/(n*(k-1))
	jms, ems := raters/(k-1), rest/((n-1)*(k-1))
	const upper = 0.975

	one := (bms - wms) / (bms + (k-1)*wms)
	two := (bms - ems) / (bms + (k-1)*ems + k*(jms-ems)/n)
	three := (bms - ems) / (bms + (k-1)*ems)
	f1, f3 := bms/wms, bms/ems
	df1, dfw, dfe := n-1, n*(k-1), (n-1)*(k-1)

	l1, u1 := f1/psychometrics.FQuantile(upper, df1, dfw), f1*psychometrics.FQuantile(upper, dfw, df1)
	l3, u3 := f3/psychometrics.FQuantile(upper, df1, dfe), f3*psychometrics.FQuantile(upper, dfe, df1)
	// Satterthwaite's degrees of freedom for ICC2 (Shrout & Fleiss 1979, p. 424).
	fj := jms / ems
	a := n*(1+(k-1)*two) - k*two
	v := dfe * (k*two*fj + a) * (k*two*fj + a) / ((n-1)*k*k*two*two*fj*fj + a*a)
	fu, fl := psychometrics.FQuantile(upper, df1, v), psychometrics.FQuantile(upper, v, df1)
	l2 := n * (bms - fu*ems) / (fu*(k*jms+(k*n-k-n)*ems) + n*bms)
	u2 := n * (fl*bms - ems) / (k*jms + (k*n-k-n)*ems + n*fl*bms)

	single := func(f float64) float64 { return (f - 1) / (f + k - 1) }
	spearman := func(x float64) float64 { return x * k / (1 + x*(k-1)) }
	make1 := func(kind string, icc, f, df2, lower, upper float64) ICC {
		p := math.NaN()
		if !math.IsNaN(f) {
			p = psychometrics.FTail(f, df1, df2)
		}
		return ICC{Type: kind, ICC: Number(icc), F: Number(f), DF1: ni - 1, DF2: int(df2), P: Number(p), Lower: Number(lower), Upper: Number(upper)}
	}
	return []ICC{
		make1("ICC1", one, f1, dfw, single(l1), single(u1)),
		make1("ICC2", two, f3, dfe, l2, u2),
		make1("ICC3", three, f3, dfe, single(l3), single(u3)),
		make1("ICC1k", (bms-wms)/bms, f1, dfw, 1-1/l1, 1-1/u1),
		make1("ICC2k", (bms-ems)/(bms+(jms-ems)/n), f3, dfe, spearman(l2), spearman(u2)),
		make1("ICC3k", (bms-ems)/bms, f3, dfe, 1-1/l3, 1-1/u3),
	}
}
