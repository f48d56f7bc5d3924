package dif

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// synthetic reads the reference data: its second column is the group, 1 focal.
func synthetic(t *testing.T) (*psychometrics.Responses, []Group) {
	t.Helper()
	f, err := os.Open("testdata/dif_synth/data.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := psychometrics.Read("data.csv", f, nil)
	if err != nil {
		t.Fatal(err)
	}
	var of []Group
	for p := range all.Persons {
		of = append(of, Group(all.Row(p)[0]))
	}
	items := make([]int, len(all.Items)-1)
	for i := range items {
		items[i] = i + 1
	}
	return all.Select(items), of
}

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s = %.12g, want %.12g", what, float64(got), want)
	}
}

// TestReference: Mantel-Haenszel, purified and not, and the logistic test as the
// reference packages have them.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("testdata/dif_synth/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	type lr struct {
		LR []float64 `json:"LR"`
		R2 []float64 `json:"deltaR2_nagelkerke"`
	}
	var want struct {
		MH struct {
			Chi2  []float64 `json:"chisq_corrected"`
			P     []float64 `json:"p"`
			Alpha []float64 `json:"alphaMH"`
			Delta []float64 `json:"deltaMH"`
			SE    []float64 `json:"se_delta"`
			ETS   []string  `json:"ets_full"`
		} `json:"mh"`
		Purified struct {
			Chi2  []float64 `json:"chisq_corrected"`
			Alpha []float64 `json:"alphaMH"`
			DIF   []int     `json:"flagged_05"`
			Iter  int       `json:"iterations"`
		} `json:"mh_purified"`
		Std struct {
			Value []float64 `json:"value"`
		} `json:"std_p_dif"`
		LogisticBoth  lr `json:"logistic_both"`
		LogisticUdif  lr `json:"logistic_udif"`
		LogisticNudif lr `json:"logistic_nudif"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	r, of := synthetic(t)
	plain, err := Analyse(r, of, false)
	if err != nil {
		t.Fatal(err)
	}
	pure, err := Analyse(r, of, true)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Reference != 1000 || plain.Focal != 1000 || len(plain.Warnings) != 0 || plain.Purification != nil {
		t.Errorf("%d, %d, %q", plain.Reference, plain.Focal, plain.Warnings)
	}
	for i, it := range plain.Items {
		near(t, it.ID+" chi2", it.Chi2, want.MH.Chi2[i], 1e-8)
		near(t, it.ID+" p", it.P, want.MH.P[i], 1e-9)
		near(t, it.ID+" alpha", it.AlphaMH, want.MH.Alpha[i], 1e-8)
		near(t, it.ID+" delta", it.DeltaMH, want.MH.Delta[i], 1e-8)
		near(t, it.ID+" se", it.SEDelta, want.MH.SE[i], 1e-8)
		near(t, it.ID+" std", it.StdDiff, want.Std.Value[i], 1e-8)
		if *it.ETS != want.MH.ETS[i] {
			t.Errorf("%s: class %s, want %s", it.ID, *it.ETS, want.MH.ETS[i])
		}
		for _, c := range []struct {
			what string
			got  Test
			want lr
		}{{"both", it.Logistic.Both, want.LogisticBoth}, {"uniform", it.Logistic.Uniform, want.LogisticUdif}, {"non-uniform", it.Logistic.NonUniform, want.LogisticNudif}} {
			near(t, it.ID+" LR "+c.what, c.got.LR, c.want.LR[i], 1e-5)
			near(t, it.ID+" R2 "+c.what, c.got.CS, c.want.R2[i], 1e-8)
		}
		p := pure.Items[i]
		near(t, it.ID+" purified chi2", p.Chi2, want.Purified.Chi2[i], 1e-8)
		near(t, it.ID+" purified alpha", p.AlphaMH, want.Purified.Alpha[i], 1e-8)
	}
	removed := []string{}
	for _, i := range want.Purified.DIF {
		removed = append(removed, r.Items[i-1])
	}
	if got := pure.Purification; !got.Converged || got.Iterations != want.Purified.Iter || !slices.Equal(got.Removed, removed) {
		t.Errorf("purification %+v, want %v in %d", got, removed, want.Purified.Iter)
	}
}

// mixed draws items of 1 to 3 points; item 0 is harder for the focal group by shift.
func mixed(seed uint64, n int, shift float64) (*psychometrics.Responses, []Group) {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := &psychometrics.Responses{Max: []int{3, 1, 2, 1, 3, 1, 2, 1, 1, 2}}
	var of []Group
	for i := range r.Max {
		r.Items = append(r.Items, fmt.Sprintf("i%d", i))
	}
	for p := range n {
		r.Persons = append(r.Persons, fmt.Sprint(p))
		g := Group(p % 2)
		of = append(of, g)
		theta := rng.NormFloat64()
		for i, m := range r.Max {
			c := psychometrics.Cell(0)
			for range m {
				x := theta
				if i == 0 && g == Focal {
					x -= shift
				}
				if rng.Float64() < 1/(1+math.Exp(-x)) {
					c++
				}
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r, of
}

// TestSeveralPoints: an item of three points that is harder for one group is found,
// by both tests, and turning the groups round turns the sign and nothing else.
func TestSeveralPoints(t *testing.T) {
	r, of := mixed(11, 3000, 0.7)
	a, err := Analyse(r, of, true)
	if err != nil {
		t.Fatal(err)
	}
	if *a.Items[0].ETS != "C" || a.Items[0].StdDiff >= 0 || a.Items[0].Logistic.Uniform.P > 1e-6 || !slices.Contains(a.Purification.Removed, "i0") {
		t.Errorf("%+v %s %+v", a.Items[0], *a.Items[0].ETS, a.Purification)
	}
	for _, it := range a.Items[1:] {
		if *it.ETS != "A" {
			t.Errorf("%s is %s", it.ID, *it.ETS)
		}
	}
	turned := slices.Clone(of)
	for i := range turned {
		turned[i] = 1 - turned[i]
	}
	plain, _ := Analyse(r, of, false)
	back, _ := Analyse(r, turned, false)
	for i, it := range plain.Items {
		near(t, it.ID+" chi2", back.Items[i].Chi2, float64(it.Chi2), 1e-9)
		near(t, it.ID+" LR", back.Items[i].Logistic.Both.LR, float64(it.Logistic.Both.LR), 1e-6)
		if r.Max[i] == 1 {
			near(t, it.ID+" delta", back.Items[i].DeltaMH, -float64(it.DeltaMH), 1e-9)
		}
	}
}

// TestOrder: persons in any order give the same bytes.
func TestOrder(t *testing.T) {
	r, of := mixed(13, 400, 0.4)
	back, turned := &psychometrics.Responses{Items: r.Items, Max: r.Max}, []Group{}
	for p := len(r.Persons) - 1; p >= 0; p-- {
		back.Persons, back.Cells, turned = append(back.Persons, r.Persons[p]), append(back.Cells, r.Row(p)...), append(turned, of[p])
	}
	var out [2]string
	for i, one := range []struct {
		r  *psychometrics.Responses
		of []Group
	}{{r, of}, {back, turned}} {
		a, err := Analyse(one.r, one.of, true)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(b)
	}
	if out[0] != out[1] {
		t.Errorf("%s\n%s", out[0], out[1])
	}
}

// TestMantelOfTwo: Mantel's test on 0/1 items is Mantel-Haenszel without correction.
func TestMantelOfTwo(t *testing.T) {
	b, err := os.ReadFile("testdata/dif_synth/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		MH struct {
			Chi2 []float64 `json:"chisq_uncorrected"`
		} `json:"mh"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	r, of := synthetic(t)
	d := &data{items: len(r.Items), most: r.Max, group: of}
	for _, c := range r.Cells {
		d.cells = append(d.cells, int32(c))
	}
	for i := range r.Items {
		near(t, r.Items[i], mantel(d.table(i, slices.Repeat([]bool{true}, d.items))).Chi2, want.MH.Chi2[i], 1e-8)
	}
}

// TestOrdinalOptimum: no move of one parameter betters the fit of cumulative logits.
func TestOrdinalOptimum(t *testing.T) {
	r, of := mixed(5, 500, 0.3)
	d := &data{items: len(r.Items), most: r.Max, group: of}
	for _, c := range r.Cells {
		d.cells = append(d.cells, int32(c))
	}
	tab := d.table(4, slices.Repeat([]bool{true}, d.items))
	var cells []cell
	for _, l := range tab.levels {
		for g := range l.count {
			c := cell{x: [3]float64{float64(l.score) / 5, float64(g), float64(l.score*g) / 5}}
			for _, n := range l.count[g] {
				c.count = append(c.count, float64(n))
			}
			cells = append(cells, c)
		}
	}
	beta, best, converged := cumulative(cells, 3, 3, nil)
	if !converged {
		t.Fatal("did not converge")
	}
	for i := range beta {
		for _, h := range []float64{-1e-3, 1e-3} {
			moved := slices.Clone(beta)
			moved[i] += h
			if v := logLikelihood(cells, moved, 3, 3, nil, nil); v > best {
				t.Errorf("moving parameter %d by %g gains %g", i, h, v-best)
			}
		}
	}
}

// TestJoined: no category is empty, order stays, and there are ten at most.
func TestJoined(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	for range 500 {
		points := make([]int, 1+rng.IntN(60))
		n := 0
		for k := range points {
			points[k] = max(0, rng.IntN(30)-rng.IntN(25))
			n += points[k]
		}
		if n == 0 {
			continue
		}
		rank, categories := joined(points, n)
		seen := make([]int, categories)
		for k, c := range points {
			seen[rank[k]] += c
			if k > 0 && (rank[k] < rank[k-1] || rank[k] > rank[k-1]+1) {
				t.Fatalf("ranks %v", rank)
			}
		}
		if slices.Contains(seen, 0) || categories > mostCategories {
			t.Fatalf("%v in %d categories: %v", points, categories, seen)
		}
	}
	if rank, n := joined([]int{0, 3, 0, 2, 9}, 14); n != 3 || !slices.Equal(rank, []int{0, 0, 0, 1, 2}) {
		t.Errorf("%v, %d", rank, n)
	}
}

func TestHardData(t *testing.T) {
	read := func(csv string) *psychometrics.Responses {
		r, err := psychometrics.Read("r", strings.NewReader(csv), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := Analyse(read("person,a\np,1\nq,0\n"), []Group{Reference, Reference}, false); err == nil || !strings.Contains(err.Error(), "the focal group has no person") {
		t.Errorf("one group: %v", err)
	}
	for name, csv := range map[string]string{
		"constant":       "person,a,b\np,1,1\nq,1,0\nr,1,1\ns,1,0\n",
		"groups apart":   "person,a,b\np,1,1\nq,0,0\nr,1,1\ns,0,0\n",
		"nothing varies": "person,a,b\np,1,1\nq,1,1\nr,1,1\ns,1,1\n",
		"missing":        "person,a,b\np,1,1\nq,0,1\nr,,1\ns,0,0\n",
		"separated":      "person,a,b,c\np,1,0,1\nq,0,1,1\nr,1,0,1\ns,0,1,1\n",
	} {
		a, err := Analyse(read(csv), []Group{Reference, Focal, Reference, Focal}, true)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := json.Marshal(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(a.Warnings) == 0 {
			t.Errorf("%s: no warning", name)
		}
	}
}

func TestReadGroups(t *testing.T) {
	got, err := ReadGroups("g", strings.NewReader("\ufeffperson;group\np;focal\nq;reference\n"))
	if err != nil || got["p"] != Focal || got["q"] != Reference {
		t.Errorf("%v, %v", got, err)
	}
	for csv, want := range map[string]string{
		"id,group\n":                           `g:1: the header is "id,group", expected person,group`,
		"person,group\np,men\n":                `g:2: group "men" of person p, expected reference or focal`,
		"person,group\np,focal\np,reference\n": `g:3: person "p" is missing or stands above already`,
		"person,group\np\n":                    "g:2: 1 cells, expected person,group",
	} {
		if _, err := ReadGroups("g", strings.NewReader(csv)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", csv, err)
		}
	}
}

func FuzzAnalyse(f *testing.F) {
	f.Add("person,a,b\np,1,0\nq,O,1\nr,0,0\ns,1,1\n", uint64(5))
	f.Fuzz(func(t *testing.T, csv string, groups uint64) {
		r, err := psychometrics.Read("f", strings.NewReader(csv), nil)
		if err != nil || len(r.Items) > 30 || len(r.Persons) > 200 {
			return
		}
		of := make([]Group, len(r.Persons))
		for i := range of {
			of[i] = Group(groups >> (i % 64) & 1)
		}
		a, err := Analyse(r, of, groups%3 == 0)
		if err != nil {
			return
		}
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
	})
}
