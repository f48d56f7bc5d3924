package irt

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// fitOf makes a fit of known items.
func fitOf(m Model, items []Item) *Fit {
	f := &Fit{Model: m, Latent: Latent{Mean: 0, SD: 1}}
	for _, it := range items {
		f.Items = append(f.Items, ItemFit{ID: it.ID, Model: it.Model, A: psychometrics.Number(it.A), D: numbers(it.D), B: numbers(it.B()), C: psychometrics.Number(it.C)})
	}
	return f
}

// responsesOf makes a matrix; −1 is no answer.
func responsesOf(items []Item, scores [][]int) *psychometrics.Responses {
	r := &psychometrics.Responses{}
	for i := range items {
		r.Items, r.Max = append(r.Items, items[i].ID), append(r.Max, items[i].Max())
	}
	for p, row := range scores {
		r.Persons = append(r.Persons, fmt.Sprint("p", p+1))
		for _, x := range row {
			r.Cells = append(r.Cells, psychometrics.Cell(x))
		}
	}
	return r
}

func TestScoreLSAT6AsMirtDoes(t *testing.T) {
	var want struct {
		Rasch reference `json:"rasch_mml"`
		TwoPL reference `json:"twopl_mml"`
		Three reference `json:"threepl_mml_beta5_17"`
	}
	readJSON(t, "testdata/lsat6/expected.json", &want)
	r := readResponses(t, "testdata/lsat6/data.csv")
	table := readTable(t, "testdata/lsat6/scores.csv")
	for name, w := range map[string]reference{"rasch": want.Rasch, "twopl": want.TwoPL, "threepl": want.Three} {
		var items []Item
		for i, id := range w.Item {
			it := Item{ID: id, Model: TwoPL, A: *w.A[i], D: []float64{*w.D[i]}, C: *w.G[i]}
			if name == "threepl" {
				it.Model = ThreePL
			}
			items = append(items, it)
		}
		f := fitOf(items[0].Model, items)
		f.Latent.SD = psychometrics.Number(math.Sqrt(*w.LatentVar))
		for _, m := range Methods {
			column := name + "_" + map[Method]string{EAP: "EAP", MAP: "MAP", WLE: "WLE", ML: "ML"}[m]
			if table[column] == nil {
				continue
			}
			got, err := f.Score(r, m)
			if err != nil {
				t.Fatal(err)
			}
			tol, tolSE := 1e-4, 1e-4
			if m == EAP {
				tol, tolSE = 1e-8, 1e-8
			}
			// The SE of WLE and that of 3PL's MAP are other figures there.
			if m == WLE || m == MAP && name == "threepl" {
				tolSE = math.Inf(1)
			}
			for p, s := range got.Persons {
				near(t, fmt.Sprintf("%s of person %s", column, s.Person), s.Theta, table[column][p], tol)
				if wantSE := table[column+"_se"][p]; wantSE != nil || m == ML {
					near(t, fmt.Sprintf("%s SE of person %s", column, s.Person), s.SE, wantSE, tolSE)
				}
			}
		}
	}
}

// readTable reads a CSV by column; an empty cell is nil.
func readTable(t testing.TB, path string) map[string][]*float64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]*float64{}
	for _, row := range rows[1:] {
		for i, cell := range row {
			var x *float64
			if v, err := strconv.ParseFloat(cell, 64); err == nil {
				x = &v
			}
			out[rows[0][i]] = append(out[rows[0][i]], x)
		}
	}
	return out
}

type catR struct {
	Functions map[string]struct {
		Theta   []float64
		P, Info [][]float64
		J       [][]float64
	} `json:"item_functions"`
	Scoring map[string]map[string]struct {
		Raw   []int
		EAP   []*float64
		EAPse []*float64 `json:"EAP_se"`
		MAP   []*float64
		MAPse []*float64 `json:"MAP_se"`
		WLE   []*float64
		WLEse []*float64 `json:"WLE_se"`
		ML    []*float64
		MLse  []*float64 `json:"ML_se"`
	}
	Extreme map[string]map[string]map[string][]*float64
	Poly    struct{ GRM, GPCM catRPoly }
}

type catRPoly struct {
	Responses [][]int
	Prob      [][]float64 `json:"prob_item1"`
	Info      [][]float64
	Grid      []float64                                 `json:"theta_grid"`
	Scoring   map[string]struct{ Theta, SE []*float64 } `json:"scoring_all30"`
}

// bank80 is the bank of 80 items as a 1PL, 2PL or 3PL.
func bank80(t testing.TB, model string) []Item {
	var items []Item
	c := readTable(t, "testdata/cat_bank80/bank.csv")
	for i := range c["a"] {
		a, guess := *c["a"][i], *c["c"][i]
		m := ThreePL
		if model != "3pl" {
			guess, m = 0, TwoPL
		}
		if model == "1pl" {
			a = 1
		}
		items = append(items, FromB(fmt.Sprint("i", i+1), m, a, []float64{*c["b"][i]}, guess))
	}
	return items
}

func TestItemsAndScoresAsCatRDoes(t *testing.T) {
	var want catR
	readJSON(t, "testdata/cat_bank80/expected.json", &want)
	for model, fn := range want.Functions {
		items := bank80(t, model)
		for q, theta := range fn.Theta {
			for i := range items {
				p := make([]float64, 2)
				items[i].Probabilities(theta, p)
				info, j := items[i].informationAnd(theta)
				near(t, "P", psychometrics.Number(p[1]), &fn.P[q][i], 1e-9)
				near(t, "I", psychometrics.Number(info), &fn.Info[q][i], 1e-9)
				near(t, "J", psychometrics.Number(j), &fn.J[q][i], 1e-9)
			}
		}
	}
	answers := readTable(t, "testdata/cat_bank80/responses.csv")
	for model, forms := range want.Scoring {
		bank := bank80(t, model)
		f := fitOf(bank[0].Model, bank)
		for form, w := range forms {
			n, _ := strconv.Atoi(form[1:])
			for p := range w.Raw {
				row, raw := make([]int, 80), 0
				for i := range row {
					row[i] = -1
					if i < n {
						row[i] = int(*answers[bank[i].ID][p])
						raw += row[i]
					}
				}
				if raw != w.Raw[p] {
					t.Fatalf("%s %s person %d: raw %d, expected %d: the form is another", model, form, p+1, raw, w.Raw[p])
				}
				r := responsesOf(bank, [][]int{row})
				for m, w := range map[Method][2][]*float64{EAP: {w.EAP, w.EAPse}, MAP: {w.MAP, w.MAPse}, WLE: {w.WLE, w.WLEse}, ML: {w.ML, w.MLse}} {
					got, err := f.Score(r, m)
					if err != nil {
						t.Fatal(err)
					}
					checkCatR(t, fmt.Sprintf("%s %s %s of person %d", model, form, m, p+1), got.Persons[0], m, w[0][p], w[1][p])
				}
			}
		}
	}
	for model, w := range map[string]catRPoly{"GRM": want.Poly.GRM, "GPCM": want.Poly.GPCM} {
		m := map[string]Model{"GRM": GRM, "GPCM": GPCM}[model]
		c := readTable(t, "testdata/cat_bank80/bank_poly.csv")
		var bank []Item
		for i := range c["alpha"] {
			bank = append(bank, FromB(fmt.Sprint("i", i+1), m, *c["alpha"][i], []float64{*c["b1"][i], *c["b2"][i], *c["b3"][i]}, 0))
		}
		for q, theta := range w.Grid {
			p := make([]float64, 4)
			bank[0].Probabilities(theta, p)
			for k := range p {
				near(t, model+" P", psychometrics.Number(p[k]), &w.Prob[q][k], 1e-9)
			}
			for i := range bank {
				near(t, model+" I", psychometrics.Number(bank[i].Information(theta)), &w.Info[q][i], 1e-9)
			}
		}
		f := fitOf(m, bank)
		for _, method := range Methods {
			got, err := f.Score(responsesOf(bank, w.Responses), method)
			if err != nil {
				t.Fatal(err)
			}
			ref := w.Scoring[map[Method]string{EAP: "EAP", MAP: "MAP", WLE: "WLE", ML: "ML"}[method]]
			for p := range w.Responses {
				checkCatR(t, fmt.Sprintf("%s %s of person %d", model, method, p+1), got.Persons[p], method, ref.Theta[p], ref.SE[p])
			}
		}
	}
}

// checkCatR compares a score; a reference at ±6, the end of catR's range, says
// that there is no maximum inside it.
func checkCatR(t *testing.T, what string, got Score, m Method, theta, se *float64) {
	t.Helper()
	if theta != nil && math.Abs(*theta) > 5.999 {
		if x := math.Abs(float64(got.Theta)); x < 5.99 {
			t.Errorf("%s: %v, expected none within ±6", what, got.Theta)
		}
		return
	}
	tol := 1e-4
	if m == EAP {
		tol = 1e-6
	}
	near(t, what, got.Theta, theta, tol)
	near(t, what+" SE", got.SE, se, tol*math.Max(1, *se))
}

func TestScoresAtConditionalDifficulties(t *testing.T) {
	var want struct {
		By struct {
			Raw   []int
			WLE   []*float64
			WLEse []*float64 `json:"WLE_se"`
			MAP   []*float64
			MAPse []*float64 `json:"MAP_se"`
			EAP   []*float64
			EAPsd []*float64 `json:"EAP_sd"`
			ML    []*float64
			MLse  []*float64 `json:"ML_se"`
		} `json:"rasch_scoring_by_raw"`
	}
	readJSON(t, "testdata/lsat6/expected.json", &want)
	r := readResponses(t, "testdata/lsat6/data.csv")
	f, err := CalibrateCML(r, Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	w := want.By
	for m, w := range map[Method][2][]*float64{EAP: {w.EAP, w.EAPsd}, MAP: {w.MAP, w.MAPse}, WLE: {w.WLE, w.WLEse}, ML: {w.ML, w.MLse}} {
		got, err := f.Score(r, m)
		if err != nil {
			t.Fatal(err)
		}
		for p, s := range got.Persons {
			raw := 0
			for _, c := range r.Row(p) {
				raw += int(c)
			}
			// catR finds a root to about 2e-5, at the difficulties of eRm.
			near(t, fmt.Sprintf("%s of raw score %d", m, raw), s.Theta, w[0][raw], 1e-4)
			if w[0][raw] != nil {
				near(t, fmt.Sprintf("%s SE of raw score %d", m, raw), s.SE, w[1][raw], 1e-4)
			}
		}
	}
}

func TestScoresThatDoNotExist(t *testing.T) {
	items := someItems()[:2]
	f := fitOf(TwoPL, items)
	f.Latent = Latent{Mean: 0.5, SD: 2}
	r := responsesOf(items, [][]int{{0, 0}, {1, 1}, {-1, -1}, {1, 0}})
	for _, m := range Methods {
		got, err := f.Score(r, m)
		if err != nil {
			t.Fatal(err)
		}
		for p, s := range got.Persons {
			exists := m != ML && p < 2 || p == 3 || p == 2 && (m == EAP || m == MAP)
			if exists == math.IsNaN(float64(s.Theta)) || exists == math.IsNaN(float64(s.SE)) {
				t.Errorf("%s of person %d: %v ± %v", m, p+1, s.Theta, s.SE)
			}
		}
		if p := got.Persons[2]; m == EAP && (p.Theta != 0.5 || p.SE != 2) {
			t.Errorf("without answers: %+v, expected the prior", p)
		}
	}
	if _, err := f.Score(responsesOf([]Item{{ID: "other", D: []float64{0}}}, [][]int{{1}}), EAP); err == nil {
		t.Error("columns that the fit does not know were scored")
	}
	above := responsesOf(items, [][]int{{2, 1}})
	above.Max[0] = 2
	if _, err := f.Score(above, EAP); err == nil {
		t.Error("a score above the item's was taken")
	}
}

// TestEAPOfALongTest: the posterior is narrower than the distance of 61 points.
func TestEAPOfALongTest(t *testing.T) {
	var items []Item
	for i := range 500 {
		items = append(items, FromB(fmt.Sprint("i", i), TwoPL, 1.5, []float64{float64(i)/125 - 2}, 0))
	}
	_, scores := simulate(items, 20, 0, 1, 3)
	got, err := fitOf(TwoPL, items).Score(responsesOf(items, scores), EAP)
	if err != nil {
		t.Fatal(err)
	}
	for p, row := range scores {
		var w, m, sq float64
		top := math.Inf(-1)
		at := func(x float64) float64 {
			l := -x * x / 2
			for i, k := range row {
				l += math.Log(plain(items[i], x, k))
			}
			return l
		}
		for x := -4.0; x < 4; x += 0.05 {
			top = math.Max(top, at(x))
		}
		for n := range 4001 {
			x := -4 + 0.002*float64(n)
			d := math.Exp(at(x) - top)
			w += d
			m += d * x
			sq += d * x * x
		}
		m /= w
		se := math.Sqrt(sq/w - m*m)
		near(t, "EAP", got.Persons[p].Theta, &m, 1e-6)
		near(t, "SE", got.Persons[p].SE, &se, 1e-6)
	}
}

func TestRaschThetaRisesWithTheScoreAlone(t *testing.T) {
	var items []Item
	for i := range 9 {
		items = append(items, Item{ID: fmt.Sprint("i", i), Model: Rasch, A: 1, D: []float64{float64(i)/2 - 2}})
	}
	_, scores := simulate(items, 300, 0, 1.5, 3)
	f := fitOf(Rasch, items)
	for _, m := range Methods {
		got, err := f.Score(responsesOf(items, scores), m)
		if err != nil {
			t.Fatal(err)
		}
		by := map[int]float64{}
		for p, row := range scores {
			raw := 0
			for _, x := range row {
				raw += x
			}
			theta := float64(got.Persons[p].Theta)
			if before, seen := by[raw]; seen && math.Abs(before-theta) > 1e-9 {
				t.Errorf("%s: score %d has %v and %v", m, raw, before, theta)
			}
			by[raw] = theta
		}
		for raw := range 9 {
			if a, b := by[raw], by[raw+1]; !math.IsNaN(a) && !math.IsNaN(b) && by[raw+1] != 0 && a >= b {
				t.Errorf("%s: score %d has %v, score %d has %v", m, raw, a, raw+1, b)
			}
		}
	}
}
