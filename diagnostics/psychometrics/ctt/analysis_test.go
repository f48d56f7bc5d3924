package ctt

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func read(t testing.TB, csv string) *psychometrics.Responses {
	t.Helper()
	r, err := psychometrics.Read("r.csv", strings.NewReader(csv), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(t testing.TB, name string) *psychometrics.Responses {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(b))
}

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s = %.12g, want %.12g", what, float64(got), want)
	}
}

// TestLSAT6: the reference package's figures on the table of Bock & Lieberman (1970).
func TestLSAT6(t *testing.T) {
	b, err := os.ReadFile("testdata/lsat6/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		CTT struct {
			Mean  []float64 `json:"mean"`
			P     []float64 `json:"p"`
			SD    []float64 `json:"sd_n1"`
			Total []float64 `json:"point_biserial_item_total"`
			Rest  []float64 `json:"corrected_item_rest"`
			AID   []float64 `json:"alpha_if_deleted"`
			D27   []float64 `json:"D27_stable_order"`
			D27T  []float64 `json:"D27_all_ties"`
			T     struct {
				Mean float64 `json:"mean"`
				SD   float64 `json:"sd_n1"`
				Min  float64 `json:"min"`
				Max  float64 `json:"max"`
				Skew float64 `json:"skew_g1"`
				Kurt float64 `json:"kurt_excess_g2"`
			} `json:"total"`
			Alpha   float64    `json:"alpha"`
			CI      [2]float64 `json:"alpha_ci95_feldt"`
			SEM     float64    `json:"sem"`
			Lambda2 float64    `json:"guttman_lambda2"`
			Half    struct {
				R  float64 `json:"r_odd_even"`
				SB float64 `json:"spearman_brown"`
				G  float64 `json:"guttman_rulon"`
			} `json:"split_half"`
		} `json:"ctt"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	a, w := Analyse(readFile(t, "lsat6/data.csv")), want.CTT
	const tolerance = 1e-9
	if a.Persons != 1000 || a.RowsUsed != 1000 || len(a.Warnings) != 0 {
		t.Errorf("persons %d, rows %d, warnings %q", a.Persons, a.RowsUsed, a.Warnings)
	}
	for i, it := range a.Items {
		for _, f := range []struct {
			what string
			got  Number
			want float64
		}{{"mean", it.Mean, w.Mean[i]}, {"p", it.P, w.P[i]}, {"sd", it.SD, w.SD[i]}, {"item_total", it.ItemTotal, w.Total[i]},
			{"item_rest", it.ItemRest, w.Rest[i]}, {"alpha_if_deleted", it.AlphaIfDeleted, w.AID[i]}, {"d27", it.D27, w.D27[i]}, {"d27_ties", it.D27Ties, w.D27T[i]}} {
			near(t, it.ID+" "+f.what, f.got, f.want, tolerance)
		}
	}
	near(t, "mean", a.Total.Mean, w.T.Mean, tolerance)
	near(t, "sd", a.Total.SD, w.T.SD, tolerance)
	near(t, "min", a.Total.Min, w.T.Min, 0)
	near(t, "max", a.Total.Max, w.T.Max, 0)
	near(t, "skewness", a.Total.Skewness, w.T.Skew, tolerance)
	near(t, "kurtosis", a.Total.Kurtosis, w.T.Kurt, tolerance)
	near(t, "alpha", a.Alpha, w.Alpha, tolerance)
	near(t, "lower", a.AlphaCI95[0], w.CI[0], tolerance)
	near(t, "upper", a.AlphaCI95[1], w.CI[1], tolerance)
	near(t, "sem", a.SEM, w.SEM, tolerance)
	near(t, "lambda2", a.Lambda2, w.Lambda2, tolerance)
	near(t, "odd-even", a.SplitHalf.R, w.Half.R, tolerance)
	near(t, "Spearman-Brown", a.SplitHalf.SpearmanBrown, w.Half.SB, tolerance)
	near(t, "Guttman", a.SplitHalf.Guttman, w.Half.G, tolerance)
}

// simulated draws items of the given maxima by a common ability.
func simulated(seed uint64, n int, most []int, missing float64) *psychometrics.Responses {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &psychometrics.Responses{Max: most, Warnings: []string{}}
	for i := range most {
		r.Items = append(r.Items, fmt.Sprintf("i%02d", i))
	}
	for p := range n {
		r.Persons = append(r.Persons, fmt.Sprintf("p%d", p))
		theta := rng.NormFloat64()
		for i, m := range most {
			c := psychometrics.Cell(0)
			for k := range m {
				if rng.Float64() < 1/(1+math.Exp(-(theta+float64(i%5)/2-1-float64(k)/2))) {
					c++
				}
			}
			if rng.Float64() < missing {
				c = psychometrics.NotReached
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

// TestDirect: figures against their definitions written out on plain columns.
func TestDirect(t *testing.T) {
	r := simulated(7, 400, []int{1, 2, 3, 1, 4, 2}, 0.02)
	a := Analyse(r)
	rows := r.Complete()
	if a.RowsUsed != len(rows) || len(rows) == 400 {
		t.Fatalf("rows used %d, complete %d", a.RowsUsed, len(rows))
	}
	column := func(pick func(row []psychometrics.Cell) float64) []float64 {
		var out []float64
		for _, p := range rows {
			out = append(out, pick(r.Row(p)))
		}
		return out
	}
	mean := func(x []float64) (m float64) {
		for _, v := range x {
			m += v / float64(len(x))
		}
		return m
	}
	cov := func(x, y []float64) (c float64) {
		mx, my := mean(x), mean(y)
		for i := range x {
			c += (x[i] - mx) * (y[i] - my) / float64(len(x)-1)
		}
		return c
	}
	cor := func(x, y []float64) float64 { return cov(x, y) / math.Sqrt(cov(x, x)*cov(y, y)) }
	sum := func(row []psychometrics.Cell) (s float64) {
		for _, c := range row {
			s += float64(c)
		}
		return s
	}
	total := column(sum)
	var within float64
	for i, it := range a.Items {
		x := column(func(row []psychometrics.Cell) float64 { return float64(row[i]) })
		rest := column(func(row []psychometrics.Cell) float64 { return sum(row) - float64(row[i]) })
		near(t, it.ID+" mean", it.Mean, mean(x), 1e-12)
		near(t, it.ID+" sd", it.SD, math.Sqrt(cov(x, x)), 1e-12)
		near(t, it.ID+" item_total", it.ItemTotal, cor(x, total), 1e-12)
		near(t, it.ID+" item_rest", it.ItemRest, cor(x, rest), 1e-12)
		within += cov(x, x)
		others := slices.DeleteFunc([]int{0, 1, 2, 3, 4, 5}, func(j int) bool { return j == i })
		near(t, it.ID+" alpha_if_deleted", it.AlphaIfDeleted, float64(Analyse(complete(r).Select(others)).Alpha), 1e-12)
	}
	near(t, "alpha", a.Alpha, 6.0/5*(1-within/cov(total, total)), 1e-12)
	near(t, "sem", a.SEM, math.Sqrt(cov(total, total)*(1-float64(a.Alpha))), 1e-12)
	if a.Lambda2 < a.Alpha {
		t.Errorf("lambda2 %v is under alpha %v", a.Lambda2, a.Alpha)
	}
}

func complete(r *psychometrics.Responses) *psychometrics.Responses {
	out := &psychometrics.Responses{Items: r.Items, Max: r.Max}
	for _, p := range r.Complete() {
		out.Persons = append(out.Persons, r.Persons[p])
		out.Cells = append(out.Cells, r.Row(p)...)
	}
	return out
}

// TestOrder: neither the order of persons nor that of items changes a figure.
func TestOrder(t *testing.T) {
	r := simulated(3, 300, []int{1, 1, 2, 1, 3}, 0)
	a := Analyse(r)
	back := &psychometrics.Responses{Items: slices.Clone(r.Items), Max: slices.Clone(r.Max)}
	slices.Reverse(back.Items)
	slices.Reverse(back.Max)
	for p := len(r.Persons) - 1; p >= 0; p-- {
		row := slices.Clone(r.Row(p))
		slices.Reverse(row)
		back.Persons, back.Cells = append(back.Persons, r.Persons[p]), append(back.Cells, row...)
	}
	b := Analyse(back)
	near(t, "alpha", b.Alpha, float64(a.Alpha), 1e-13)
	near(t, "lambda2", b.Lambda2, float64(a.Lambda2), 1e-13)
	if a.Total != b.Total {
		t.Errorf("totals %+v, reversed %+v", a.Total, b.Total)
	}
	for i, it := range a.Items {
		other := b.Items[len(b.Items)-1-i]
		if it.ID != other.ID || it.Mean != other.Mean || it.SD != other.SD {
			t.Errorf("%+v, reversed %+v", it, other)
		}
		near(t, it.ID, other.ItemRest, float64(it.ItemRest), 1e-13)
	}
}

// TestConditionalSEM: the errors squared average to the halves' or binomial error variance.
func TestConditionalSEM(t *testing.T) {
	binary := Analyse(simulated(5, 2000, slices.Repeat([]int{1}, 20), 0))
	if binary.SEMMethod != "lord" {
		t.Fatalf("method %s", binary.SEMMethod)
	}
	for _, c := range binary.ConditionalSEM {
		near(t, fmt.Sprint("at ", c.Score), c.SEM, math.Sqrt(float64(c.Score)*float64(20-c.Score)/19), 1e-12)
	}
	poly := Analyse(simulated(5, 2000, slices.Repeat([]int{3}, 20), 0))
	var mean, n float64
	for _, c := range poly.ConditionalSEM {
		if !math.IsNaN(float64(c.SEM)) {
			mean += float64(c.N) * float64(c.SEM*c.SEM)
			n += float64(c.N)
		}
	}
	if poly.SEMMethod != "thorndike" || math.Abs(math.Sqrt(mean/n)/float64(poly.SEM)-1) > 0.05 {
		t.Errorf("%s: root mean square %.3f, sem %.3f", poly.SEMMethod, math.Sqrt(mean/n), float64(poly.SEM))
	}
}

// TestHardData: what data cannot bear is null, and a warning says why.
func TestHardData(t *testing.T) {
	for name, c := range map[string]struct{ csv, warning string }{
		"one person":        {"person,a,b\np,1,0\n", "only 1 complete rows"},
		"one item":          {"person,a\np,1\nq,0\n", "only 2 complete rows"},
		"constant item":     {"person,a,b,c\np,1,0,1\nq,1,1,0\nr,1,1,1\n", "item a: every complete row has the same score 1"},
		"all alike":         {"person,a,b\np,1,0\nq,1,0\n", "all total scores are equal"},
		"no complete row":   {"person,a,b\np,1,\nq,N,0\n", "no person has a score on every item"},
		"some incomplete":   {"person,a,b\np,1,\nq,1,0\nr,0,0\n", "1 of 3 persons have missing answers"},
		"negative":          {"person,a,b\np,1,0\nq,0,1\nr,1,0\ns,0,1\nt,1,1\n", "alpha is negative"},
		"nobody answered":   {"person,a,b\np,,\n", "person p has no answers"},
		"wide, few persons": {"person" + strings.Repeat(",", 0) + header(100) + rowsOf(10, 100), "only 10 complete rows"},
	} {
		a := Analyse(read(t, c.csv))
		b, err := json.Marshal(a)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(strings.Join(a.Warnings, "\n"), c.warning) {
			t.Errorf("%s: warnings %q, expected %q", name, a.Warnings, c.warning)
		}
		if strings.Contains(string(b), "NaN") || strings.Contains(string(b), ":null,\"flags\"") || strings.Contains(string(b), `"flags":null`) {
			t.Errorf("%s: %s", name, b)
		}
	}
}

func header(k int) (s string) {
	for i := range k {
		s += fmt.Sprintf(",i%d", i)
	}
	return s + "\n"
}

func rowsOf(n, k int) (s string) {
	rng := rand.New(rand.NewPCG(1, 2))
	for p := range n {
		s += fmt.Sprintf("p%d", p)
		for range k {
			s += fmt.Sprintf(",%d", rng.IntN(2))
		}
		s += "\n"
	}
	return s
}

// TestOmits: an omission is a zero that is counted, what was not reached is no zero.
func TestOmits(t *testing.T) {
	a := Analyse(read(t, "person,a,b,c\np,1,O,1\nq,1,1,N\nr,0,1,\ns,0,0,1\n"))
	if a.RowsUsed != 2 {
		t.Errorf("rows used %d, expected p and s", a.RowsUsed)
	}
	b, c := a.Items[1], a.Items[2]
	if b.Omitted != 1 || b.Answered != 3 || c.NotReached != 1 || c.NotPresented != 1 || c.Answered != 2 {
		t.Errorf("b %+v, c %+v", b, c)
	}
	near(t, "mean of b", b.Mean, 0, 0)
}

func FuzzAnalyse(f *testing.F) {
	f.Add("person,a,b\np,1,0\nq,O,N\n")
	f.Add("person;a\np;3\nq;1\n")
	f.Fuzz(func(t *testing.T, csv string) {
		r, err := psychometrics.Read("f", strings.NewReader(csv), nil)
		if err != nil {
			return
		}
		a := Analyse(r)
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
		if a.Alpha > 1+1e-9 {
			t.Fatalf("alpha %v", a.Alpha)
		}
		for _, it := range a.Items {
			if math.Abs(float64(it.ItemRest)) > 1 || it.P < 0 || it.P > 1 {
				t.Fatalf("%+v", it)
			}
		}
	})
}
