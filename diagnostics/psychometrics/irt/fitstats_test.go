package irt

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

type mirtMeanSquares struct {
	Outfit, Infit []*float64
	ZOutfit       []*float64 `json:"z.outfit"`
	ZInfit        []*float64 `json:"z.infit"`
}

type mirtFit struct {
	SX2 struct {
		SX2 []*float64 `json:"S_X2"`
		DF  []*float64 `json:"df.S_X2"`
		P   []*float64 `json:"p.S_X2"`
	} `json:"S_X2"`
	AtWLE mirtMeanSquares `json:"infit_outfit_at_WLE"`
	AtEAP mirtMeanSquares `json:"infit_outfit_at_EAP"`
	M2    struct {
		M2, DF, P, RMSEA float64
		Low              float64 `json:"RMSEA_5"`
		High             float64 `json:"RMSEA_95"`
	}
	Q3 struct {
		Pair  []string
		Value []float64
	} `json:"Q3_WLE"`
}

func TestFitStatsOfLSAT6AsMirtDoes(t *testing.T) {
	var file struct{ TwoPL, Rasch mirtFit }
	readJSON(t, "testdata/lsat6/fit.json", &file)
	r := readResponses(t, "testdata/lsat6/data.csv")
	for model, w := range map[Model]mirtFit{TwoPL: file.TwoPL, Rasch: file.Rasch} {
		f, err := Calibrate(r, Options{Model: model})
		if err != nil {
			t.Fatal(err)
		}
		at := map[Method]*FitStats{}
		for _, m := range []Method{WLE, EAP} {
			if at[m], err = f.FitStats(r, StatOptions{At: m, Persons: true}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range f.Items {
			name := fmt.Sprintf("%s item %d ", model, i+1)
			got := at[WLE].Items[i]
			near(t, name+"S-X2", got.SX2, w.SX2.SX2[i], 1e-4)
			near(t, name+"df", got.DF, w.SX2.DF[i], 0)
			near(t, name+"p", got.P, w.SX2.P[i], 1e-4)
			near(t, name+"infit", got.Infit, w.AtWLE.Infit[i], 1e-4)
			near(t, name+"outfit", got.Outfit, w.AtWLE.Outfit[i], 1e-4)
			near(t, name+"infit t", got.InfitT, w.AtWLE.ZInfit[i], 2e-3)
			near(t, name+"outfit t", got.OutfitT, w.AtWLE.ZOutfit[i], 2e-3)
			got = at[EAP].Items[i]
			near(t, name+"infit at EAP", got.Infit, w.AtEAP.Infit[i], 1e-4)
			near(t, name+"outfit at EAP", got.Outfit, w.AtEAP.Outfit[i], 1e-4)
			near(t, name+"infit t at EAP", got.InfitT, w.AtEAP.ZInfit[i], 2e-3)
			near(t, name+"outfit t at EAP", got.OutfitT, w.AtEAP.ZOutfit[i], 2e-3)
		}
		got := at[WLE]
		near(t, string(model)+" M2", got.Limited.Value, &w.M2.M2, 1e-4)
		df := int(w.M2.DF)
		if got.Limited.DF != df {
			t.Errorf("%s: M2 df %d, expected %d", model, got.Limited.DF, df)
		}
		near(t, string(model)+" M2 p", got.Limited.P, &w.M2.P, 1e-4)
		near(t, string(model)+" RMSEA", got.Limited.RMSEA, &w.M2.RMSEA, 1e-5)
		near(t, string(model)+" RMSEA 5", got.Limited.CI90[0], &w.M2.Low, 1e-5)
		near(t, string(model)+" RMSEA 95", got.Limited.CI90[1], &w.M2.High, 1e-5)
		q3 := map[string]psychometrics.Number{}
		for _, p := range got.Q3.Pairs {
			q3[p.A+"~"+p.B] = p.Q3
		}
		for n, pair := range w.Q3.Pair {
			near(t, string(model)+" Q3 "+pair, q3[pair], &w.Q3.Value[n], 1e-4)
		}
	}
	var expected struct {
		Rel struct {
			TwoPL    float64 `json:"twopl_EAP"`
			Rasch    float64 `json:"rasch_EAP"`
			Marginal float64 `json:"twopl_marginal_rxx"`
		} `json:"empirical_rxx"`
		Info struct {
			Theta    []float64
			Info     []float64 `json:"test_info"`
			Expected []float64 `json:"expected_score"`
		} `json:"twopl_info"`
	}
	readJSON(t, "testdata/lsat6/expected.json", &expected)
	f, err := Calibrate(r, Options{Model: TwoPL, NoSE: true})
	if err != nil {
		t.Fatal(err)
	}
	st, err := f.FitStats(r, StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "empirical reliability", st.Reliability.Empirical, &expected.Rel.TwoPL, 1e-5)
	near(t, "marginal reliability", st.Reliability.Marginal, &expected.Rel.Marginal, 1e-4)
	for q, row := range Information(f.Bank(), expected.Info.Theta) {
		near(t, "test information", psychometrics.Number(row.Information), &expected.Info.Info[q], 1e-6)
		near(t, "expected score", psychometrics.Number(row.Expected), &expected.Info.Expected[q], 1e-6)
	}
}

func TestFitStatsNameABadItem(t *testing.T) {
	var items []Item
	for i := range 20 {
		items = append(items, Item{ID: fmt.Sprint("i", i), Model: TwoPL, A: 1.2, D: []float64{float64(i)/5 - 2}})
	}
	_, scores := simulate(items, 2000, 0, 1, 9)
	for p := range scores {
		scores[p][7] = p % 2         // pure chance
		scores[p][12] = scores[p][3] // a copy
	}
	r := responsesOf(items, scores)
	f := fitOf(TwoPL, items)
	st, err := f.FitStats(r, StatOptions{Persons: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, it := range st.Items {
		if i == 7 && (it.P > 1e-6 || it.InfitT < 4) {
			t.Errorf("chance went unnoticed: %+v", it)
		}
		if i != 7 && i != 12 && i != 3 && it.P < 1e-6 {
			t.Errorf("item %s: %+v", it.ID, it)
		}
	}
	if top := st.Q3.Pairs[0]; top.A != "i3" || top.B != "i12" || top.Q3 < 0.8 {
		t.Errorf("the copy went unnoticed: %+v", top)
	}
	if st.Limited == nil || st.Limited.P > 1e-6 {
		t.Errorf("%+v", st.Limited)
	}
	mean, square := 0.0, 0.0
	for _, p := range st.Persons {
		mean += float64(p.LZ) / 2000
		square += float64(p.LZ) * float64(p.LZ) / 2000
	}
	if math.Abs(mean) > 0.6 || square > 2 || square < 0.5 {
		t.Errorf("lz*: mean %v, mean square %v", mean, square)
	}
}

func TestFitStatsOfModelsThatHold(t *testing.T) {
	for _, m := range []Model{Rasch, TwoPL, GPCM, GRM, PCM} {
		var items []Item
		for i := range 12 {
			it := Item{ID: fmt.Sprint("i", i), Model: m, A: 1, D: []float64{float64(i)/4 - 1.5}}
			if !m.slopeFixed() {
				it.A = 0.8 + float64(i%4)/4
			}
			if m == GPCM || m == GRM || m == PCM {
				it = FromB(it.ID, m, it.A, []float64{-1.2 + float64(i)/10, 0.2, 1.1}, 0)
			}
			items = append(items, it)
		}
		_, scores := simulate(items, 1500, 0, 1, 21)
		r := responsesOf(items, scores)
		f, err := Calibrate(r, Options{Model: m, NoSE: true})
		if err != nil {
			t.Fatal(err)
		}
		st, err := f.FitStats(r, StatOptions{At: WLE})
		if err != nil {
			t.Fatal(err)
		}
		low := 0
		for _, it := range st.Items {
			if !(it.P > 0 && it.P <= 1) {
				t.Errorf("%s item %s: %+v", m, it.ID, it)
			}
			if it.P < 0.01 {
				low++
			}
		}
		if low > 2 || st.Limited == nil || st.Limited.P < 1e-3 || st.Limited.RMSEA > 0.03 {
			t.Errorf("%s: %d items under 0.01, %+v", m, low, st.Limited)
		}
	}
}

func TestFitStatsWithGaps(t *testing.T) {
	items := someItems()[:4]
	_, scores := simulate(items, 50, 0, 1, 4)
	for p := range scores {
		scores[p][p%4] = -1
	}
	st, err := fitOf(ThreePL, items).FitStats(responsesOf(items, scores), StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if st.Limited != nil || !math.IsNaN(float64(st.Items[0].SX2)) || !strings.Contains(strings.Join(st.Warnings, "\n"), "no person has answers to every item") {
		t.Errorf("%+v", st)
	}
	if st.Items[0].N == 0 || math.IsNaN(float64(st.Items[0].Infit)) {
		t.Errorf("no infit: %+v", st.Items[0])
	}
}
