package linking

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.9g, want %.9g", what, got, want)
	}
}

// TestReference: the five links of fifteen common items.
func TestReference(t *testing.T) {
	f, err := os.Open("testdata/linking_2forms/common_items.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var pairs []Pair
	for _, row := range rows[1:] {
		var x [4]float64
		for k, cell := range row[1:] {
			if x[k], err = strconv.ParseFloat(cell, 64); err != nil {
				t.Fatal(err)
			}
		}
		pairs = append(pairs, Pair{irt.FromB(row[0], irt.TwoPL, x[0], []float64{x[1]}, 0), irt.FromB(row[0], irt.TwoPL, x[2], []float64{x[3]}, 0)})
	}
	b, err := os.ReadFile("testdata/linking_2forms/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	type curve struct {
		A, B  float64
		Value float64 `json:"value"`
	}
	var want struct {
		MM [2]float64 `json:"mean_mean"`
		MS [2]float64 `json:"mean_sigma"`
		MG [2]float64 `json:"mean_gmean"`
		H  curve      `json:"haebara"`
		SL curve      `json:"stocking_lord"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for m, w := range map[Method][3]float64{MeanMean: {want.MM[0], want.MM[1], 0}, MeanSigma: {want.MS[0], want.MS[1], 0}, MeanGMean: {want.MG[0], want.MG[1], 0},
		Haebara: {want.H.A, want.H.B, want.H.Value}, StockingLord: {want.SL.A, want.SL.B, want.SL.Value}} {
		l, value, err := Find(pairs, m, false)
		if err != nil {
			t.Fatal(err)
		}
		tolerance := 1e-8
		if m == Haebara || m == StockingLord {
			tolerance = 1e-5
		}
		near(t, string(m)+" A", l.A, w[0], tolerance)
		near(t, string(m)+" B", l.B, w[1], tolerance)
		near(t, string(m)+" value", value, w[2], 1e-7)
	}
}

// bank draws items of every kind.
func bank(seed uint64, n int) (items []irt.Item) {
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := range n {
		a, x := math.Exp(0.3*rng.NormFloat64()), rng.NormFloat64()
		id := fmt.Sprintf("i%02d", i)
		switch i % 4 {
		case 0:
			items = append(items, irt.FromB(id, irt.TwoPL, a, []float64{x}, 0))
		case 1:
			items = append(items, irt.FromB(id, irt.ThreePL, a, []float64{x}, 0.2))
		case 2:
			items = append(items, irt.FromB(id, irt.GRM, a, []float64{x - 1, x + 0.5}, 0))
		case 3:
			items = append(items, irt.FromB(id, irt.GPCM, a, []float64{x - 1, x + 1, x}, 0))
		}
	}
	return items
}

func fitOf(items []irt.Item, se float64) *irt.Fit {
	f := &irt.Fit{Model: irt.GPCM, Warnings: []string{}}
	f.Latent.SD = 1
	for _, it := range items {
		one := irt.ItemFit{ID: it.ID, Model: it.Model, A: Number(it.A), ASE: Number(se), C: Number(it.C), D: numbers(it.D), B: numbers(it.B())}
		for range it.D {
			one.DSE = append(one.DSE, Number(se))
		}
		f.Items = append(f.Items, one)
	}
	return f
}

// TestExact: items carried by a known link give that link back by every method; an item
// carried does at θ_Y what it did at θ_X; there and back is where it was.
func TestExact(t *testing.T) {
	truth := Link{A: 1.3, B: -0.6}
	var pairs []Pair
	for _, it := range bank(1, 24) {
		y := truth.Item(it)
		pairs = append(pairs, Pair{it, y})
		px, py := make([]float64, it.Max()+1), make([]float64, it.Max()+1)
		for theta := -3.0; theta <= 3; theta += 0.5 {
			it.Probabilities(theta, px)
			y.Probabilities(truth.Theta(theta), py)
			for k := range px {
				near(t, it.ID, py[k], px[k], 1e-12)
			}
		}
		back := truth.Inverse().Item(y)
		near(t, it.ID+" back", back.A, it.A, 1e-12)
		near(t, it.ID+" back", back.D[len(back.D)-1], it.D[len(it.D)-1], 1e-12)
	}
	for _, m := range Methods {
		l, _, err := Find(pairs, m, false)
		if err != nil {
			t.Fatal(err)
		}
		near(t, string(m)+" A", l.A, truth.A, 1e-9)
		near(t, string(m)+" B", l.B, truth.B, 1e-9)
	}
}

// TestLeast: no move of A or B betters the curve methods' criterion, worked out anew.
func TestLeast(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var pairs []Pair
	for _, it := range bank(3, 16) {
		y := Link{A: 0.8, B: 0.4}.Item(it)
		y.A *= math.Exp(0.1 * rng.NormFloat64())
		for k := range y.D {
			y.D[k] += 0.1 * rng.NormFloat64()
		}
		if it.Model == irt.GRM && y.D[1] >= y.D[0] {
			continue
		}
		pairs = append(pairs, Pair{it, y})
	}
	nodes := irt.Nodes(41, -4, 4)
	weights := irt.NormalWeights(nodes, 0, 1)
	criterion := func(l Link) (sum float64) {
		for q, theta := range nodes {
			var d float64
			for _, p := range pairs {
				moved := l.Item(p.X)
				d += p.Y.Expected(theta) - moved.Expected(theta)
			}
			sum += weights[q] * d * d
		}
		return sum
	}
	l, value, err := Find(pairs, StockingLord, false)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "criterion", value, criterion(l), 1e-12)
	for _, h := range []float64{-1e-3, 1e-3} {
		if criterion(Link{l.A + h, l.B}) < value || criterion(Link{l.A, l.B + h}) < value {
			t.Errorf("moving by %g betters the link", h)
		}
	}
}

// TestErrors: the errors of a link are those seen when the calibrations are drawn again.
func TestErrors(t *testing.T) {
	const se = 0.08
	rng := rand.New(rand.NewPCG(5, 5))
	x := bank(4, 12)
	truth := Link{A: 1.1, B: 0.3}
	draw := func(items []irt.Item) (out []irt.Item) {
		for _, it := range items {
			it.A += se * rng.NormFloat64()
			d := make([]float64, len(it.D))
			for k := range d {
				d[k] = it.D[k] + se*rng.NormFloat64()
			}
			it.D = d
			out = append(out, it)
		}
		return out
	}
	var y []irt.Item
	for _, it := range x {
		y = append(y, truth.Item(it))
	}
	a, err := Analyse(fitOf(x, se), fitOf(y, se), true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Method][4]float64{}
	const times = 150
	for range times {
		dx, dy := draw(x), draw(y)
		var pairs []Pair
		for i := range dx {
			pairs = append(pairs, Pair{dx[i], dy[i]})
		}
		for _, m := range Methods {
			l, _, err := Find(pairs, m, false)
			if err != nil {
				t.Fatal(err)
			}
			s := seen[m]
			s[0] += l.A
			s[1] += l.A * l.A
			s[2] += l.B
			s[3] += l.B * l.B
			seen[m] = s
		}
	}
	for _, r := range a.Links {
		s := seen[r.Method]
		sdA := math.Sqrt(s[1]/times - s[0]/times*s[0]/times)
		sdB := math.Sqrt(s[3]/times - s[2]/times*s[2]/times)
		if math.Abs(float64(r.ASE)/sdA-1) > 0.2 || math.Abs(float64(r.BSE)/sdB-1) > 0.2 {
			t.Errorf("%s: errors %.4f and %.4f, seen %.4f and %.4f", r.Method, float64(r.ASE), float64(r.BSE), sdA, sdB)
		}
	}
}

// TestDrift: a strange item is named and left out; without it the link is the true one.
func TestDrift(t *testing.T) {
	truth := Link{A: 0.9, B: 0.5}
	x := bank(9, 12)
	rng := rand.New(rand.NewPCG(1, 9))
	var y []irt.Item
	for i, it := range x {
		m := truth.Item(it)
		d := make([]float64, len(m.D))
		shift := 0.03 * rng.NormFloat64()
		if i == 4 || i == 11 {
			shift = 1
		}
		for k := range d {
			d[k] = m.D[k] + shift*m.A*float64(map[bool]int{true: k + 1, false: 1}[m.Model == irt.GPCM])
		}
		m.D = d
		y = append(y, m)
	}
	a, err := Analyse(fitOf(x, 0.1), fitOf(y, 0.1), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Used) != 10 || !a.Common[4].Drift || !a.Common[11].Drift || !strings.Contains(strings.Join(a.Warnings, "\n"), "i04, i11; left out") {
		t.Errorf("used %v, %q", a.Used, a.Warnings)
	}
	near(t, "A", a.Best().A, truth.A, 0.02)
	near(t, "B", a.Best().B, truth.B, 0.02)
	near(t, "displacement", float64(a.Common[4].Difficulty), -1, 0.1)
	kept, err := Analyse(fitOf(x, 0.1), fitOf(y, 0.1), true)
	if err != nil || len(kept.Used) != 12 || math.Abs(kept.Best().B-truth.B) < 0.05 {
		t.Errorf("%v, %v", err, kept.Best())
	}
}

// TestChance: the same difference that is drift of a well-known item is chance of one
// hardly known.
func TestChance(t *testing.T) {
	x := bank(9, 12)
	y := bank(9, 12)
	rng := rand.New(rand.NewPCG(1, 9))
	for i := range y {
		shift := 0.03 * rng.NormFloat64()
		if i == 4 {
			shift = 0.6 * y[i].A
		}
		y[i].D = []float64{y[i].D[0] + shift}
		y[i].Model, x[i].Model, x[i].C, y[i].C = irt.TwoPL, irt.TwoPL, 0, 0
		x[i].D = x[i].D[:1]
	}
	for se, want := range map[float64]bool{0.05: true, 0.4: false, math.NaN(): true} {
		fx, fy := fitOf(x, 0.05), fitOf(y, 0.05)
		for _, f := range []*irt.Fit{fx, fy} {
			for i := range f.Items {
				f.Items[i].BSE = []Number{0.05}
			}
			f.Items[4].BSE = []Number{Number(se)}
		}
		a, err := Analyse(fx, fy, false)
		if err != nil {
			t.Fatal(err)
		}
		if a.Common[4].Drift != want || len(a.Used) != map[bool]int{true: 11, false: 12}[want] {
			t.Errorf("error %g: %+v, %d used", se, a.Common[4], len(a.Used))
		}
	}
}

// TestRefusals: no link is made where none holds, and the items are named.
func TestRefusals(t *testing.T) {
	x := bank(2, 8)
	other := bank(3, 8)
	for i := range other {
		other[i].ID = fmt.Sprint("z", i)
	}
	if _, err := Analyse(fitOf(x, 0.1), fitOf(other, 0.1), false); err == nil || !strings.Contains(err.Error(), "no common item") {
		t.Errorf("%v", err)
	}
	if _, err := Analyse(fitOf(x[:2], 0.1), fitOf(x, 0.1), false); err == nil || !strings.Contains(err.Error(), "2 common items (i00, i01)") {
		t.Errorf("%v", err)
	}
	// Items moved far, each another way.
	moved := bank(2, 8)
	for i := range moved {
		for k := range moved[i].D {
			moved[i].D[k] += float64(i*7%5-2) * 2
		}
	}
	if _, err := Analyse(fitOf(x, 0.1), fitOf(moved, 0.1), false); err == nil || !strings.Contains(err.Error(), "no link holds") || !strings.Contains(err.Error(), "furthest are i") {
		t.Errorf("%v", err)
	}
	flat := bank(2, 8)
	for i := range flat {
		flat[i].A = -1
	}
	if _, err := Analyse(fitOf(x, 0.1), fitOf(flat, 0.1), false); err == nil {
		t.Error("slopes under 0 were linked")
	}
	if _, _, err := Find(nil, MeanMean, false); err == nil {
		t.Error("nothing was linked")
	}
}

// TestShift: where slopes are fixed the scales differ by a shift alone.
func TestShift(t *testing.T) {
	var x, y []irt.Item
	rng := rand.New(rand.NewPCG(3, 1))
	for i := range 12 {
		b := rng.NormFloat64()
		id := fmt.Sprint(i)
		x = append(x, irt.FromB(id, irt.Rasch, 1, []float64{b}, 0))
		y = append(y, irt.FromB(id, irt.Rasch, 1, []float64{b + 0.7 + 0.05*rng.NormFloat64()}, 0))
	}
	a, err := Analyse(fitOf(x, 0.1), fitOf(y, 0.1), false)
	if err != nil || !a.Shift {
		t.Fatalf("%v, %+v", err, a)
	}
	for _, r := range a.Links {
		near(t, string(r.Method), float64(r.A), 1, 0)
		near(t, string(r.Method), float64(r.B), 0.7, 0.05)
		near(t, string(r.Method)+" error", float64(r.BSE), 0.1*math.Sqrt(2.0/12), 0.01)
	}
}

// TestCarry: a fit carried to the other scale reads back and says the same of persons.
func TestCarry(t *testing.T) {
	l := Link{A: 1.2, B: 0.3}
	x := bank(6, 8)
	out := Carry(fitOf(x, 0.1), l)
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	back, err := irt.ReadFit("f", strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean", float64(back.Latent.Mean), 0.3, 1e-12)
	near(t, "sd", float64(back.Latent.SD), 1.2, 1e-12)
	for i, it := range back.Bank() {
		near(t, it.ID, it.Expected(l.Theta(0.5)), x[i].Expected(0.5), 1e-12)
	}
}
