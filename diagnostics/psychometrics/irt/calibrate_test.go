package irt

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func readResponses(t testing.TB, path string) *psychometrics.Responses {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := psychometrics.Read(path, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near fails unless got is within tol of want, or both are null.
func near(t testing.TB, what string, got psychometrics.Number, want *float64, tol float64) {
	t.Helper()
	switch {
	case want == nil && math.IsNaN(float64(got)):
	case want == nil || math.IsNaN(float64(got)):
		t.Errorf("%s: %v, expected %v", what, got, want)
	case !(math.Abs(float64(got)-*want) <= tol):
		t.Errorf("%s: %.10g, expected %.10g (off by %.2g)", what, float64(got), *want, float64(got)-*want)
	}
}

// reference is a fit of mirt.
type reference struct {
	Item       []string
	A, D, B, G []*float64
	SEA        []*float64 `json:"se_a"`
	SED        []*float64 `json:"se_d"`
	SEB        []*float64 `json:"se_b"`
	SEG        []*float64 `json:"se_logit_g"`
	LatentMean *float64   `json:"latent_mean"`
	LatentVar  *float64   `json:"latent_var"`
	SEVar      *float64   `json:"se_latent_var"`
	LogLik     float64
	LogPrior   float64
	Parameters int `json:"n_est_pars"`
	AIC, BIC   float64
}

func TestCalibrateLSAT6AsMirtDoes(t *testing.T) {
	var want struct {
		Rasch reference `json:"rasch_mml"`
		OnePL reference `json:"onepl_mml"`
		TwoPL reference `json:"twopl_mml"`
		Three reference `json:"threepl_mml_beta5_17"`
	}
	readJSON(t, "testdata/lsat6/expected.json", &want)
	r := readResponses(t, "testdata/lsat6/data.csv")
	for model, w := range map[Model]reference{Rasch: want.Rasch, OnePL: want.OnePL, TwoPL: want.TwoPL} {
		f, err := Calibrate(r, Options{Model: model})
		if err != nil {
			t.Fatal(err)
		}
		if !f.Converged || len(f.Warnings) > 0 {
			t.Errorf("%s: converged %v, warnings %v", model, f.Converged, f.Warnings)
		}
		near(t, string(model)+" loglik", f.LogLik, &w.LogLik, 1e-5)
		near(t, string(model)+" AIC", f.AIC, &w.AIC, 1e-5)
		near(t, string(model)+" BIC", f.BIC, &w.BIC, 1e-5)
		sd := math.Sqrt(*w.LatentVar)
		near(t, string(model)+" sd", f.Latent.SD, &sd, 1e-5)
		if w.SEVar != nil {
			se := *w.SEVar / (2 * sd)
			near(t, string(model)+" sd SE", f.Latent.SDSE, &se, 1e-4)
		}
		if f.Parameters != w.Parameters {
			t.Errorf("%s: %d parameters, expected %d", model, f.Parameters, w.Parameters)
		}
		for i, it := range f.Items {
			name := fmt.Sprintf("%s item %d ", model, i+1)
			near(t, name+"a", it.A, w.A[i], 2e-5)
			near(t, name+"d", it.D[0], w.D[i], 2e-5)
			near(t, name+"b", it.B[0], w.B[i], 1e-4)
			near(t, name+"a SE", it.ASE, w.SEA[i], 2e-5)
			near(t, name+"d SE", it.DSE[0], w.SED[i], 2e-5)
			near(t, name+"b SE", it.BSE[0], w.SEB[i], 1e-4)
		}
	}
	f, err := Calibrate(r, Options{Model: ThreePL})
	if err != nil {
		t.Fatal(err)
	}
	// mirt stops short of the maximum (it does not carry the prior's slope over to
	// the logit of c): the engine must reach at least as high, and put the same
	// likelihood on mirt's own estimates.
	if reached, mirts := float64(f.LogLik+f.LogPrior), want.Three.LogLik+want.Three.LogPrior; reached < mirts-1e-4 {
		t.Errorf("3pl loglik + logprior %v, expected at least %v", reached, mirts)
	}
	var known []ItemFit
	prior := 0.0
	for i, id := range want.Three.Item {
		known = append(known, ItemFit{ID: id, Model: ThreePL, A: psychometrics.Number(*want.Three.A[i]),
			D: []psychometrics.Number{psychometrics.Number(*want.Three.D[i])}, C: psychometrics.Number(*want.Three.G[i])})
		it := known[i].Item()
		prior += it.logPrior(Prior{C: GuessingPrior})
	}
	s, err := prepare(r, ThreePL, known)
	if err != nil {
		t.Fatal(err)
	}
	p := newProblem(newEngine(Nodes(DefaultNodes, -GridEnd, GridEnd), s.items, pack(s.categories, s.persons, s.cats())), Prior{}, make([]bool, 5), false, false, false)
	p.evaluate()
	near(t, "loglik at mirt's 3pl", psychometrics.Number(p.value-1000*p.normaliser()), &want.Three.LogLik, 1e-6)
	near(t, "logprior at mirt's 3pl", psychometrics.Number(prior), &want.Three.LogPrior, 1e-6)
}

func TestCalibrateOnTheBanksScale(t *testing.T) {
	var want struct {
		reference
		FreeItems []string `json:"free_items"`
	}
	readJSON(t, "testdata/anchor_fixed_2pl/expected.json", &want)
	r := readResponses(t, "testdata/anchor_fixed_2pl/data.csv")
	var fixed []ItemFit
	for i, it := range trueItems(t, "testdata/anchor_fixed_2pl/true_items.csv") {
		if i < 30 {
			fixed = append(fixed, ItemFit{ID: it.ID, Model: TwoPL, A: psychometrics.Number(it.A), D: numbers(it.D)})
		}
	}
	f, err := Calibrate(r, Options{Model: TwoPL, Fixed: fixed})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loglik", f.LogLik, &want.LogLik, 1e-3)
	near(t, "mean", f.Latent.Mean, want.LatentMean, 1e-4)
	sd := math.Sqrt(*want.LatentVar)
	near(t, "sd", f.Latent.SD, &sd, 1e-4)
	for i, it := range f.Items {
		if it.Fixed != (i < 30) {
			t.Errorf("item %s: fixed %v", it.ID, it.Fixed)
		}
		if i < 30 {
			near(t, it.ID, it.A, (*float64)(&fixed[i].A), 0)
			near(t, it.ID+" a SE", it.ASE, nil, 0)
			continue
		}
		near(t, it.ID+" a", it.A, want.A[i-30], 2e-4)
		near(t, it.ID+" d", it.D[0], want.D[i-30], 2e-4)
		near(t, it.ID+" b", it.B[0], want.B[i-30], 1e-3)
		near(t, it.ID+" a SE", it.ASE, want.SEA[i-30], 0.01**want.SEA[i-30])
		near(t, it.ID+" b SE", it.BSE[0], want.SEB[i-30], 0.01**want.SEB[i-30])
	}
}

func trueItems(t testing.TB, path string) []Item {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, rows, err := psychometrics.Table(path, f)
	if err != nil {
		t.Fatal(err)
	}
	var out []Item
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		var a, b float64
		fmt.Sscan(string(row[1]), &a)
		fmt.Sscan(string(row[2]), &b)
		out = append(out, Item{ID: string(row[0]), Model: TwoPL, A: a, D: []float64{-a * b}})
	}
	return out
}

func TestCalibrateFortyItemsAsMirtDoes(t *testing.T) {
	var want struct{ Tight, Default reference }
	readJSON(t, "testdata/synth_2pl_2000x40/expected.json", &want)
	r := readResponses(t, "testdata/synth_2pl_2000x40/data.csv")
	f, err := Calibrate(r, Options{Model: TwoPL})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loglik", f.LogLik, &want.Tight.LogLik, 1e-4)
	for i, it := range f.Items {
		near(t, it.ID+" a", it.A, want.Tight.A[i], 1e-4)
		near(t, it.ID+" d", it.D[0], want.Tight.D[i], 1e-4)
		near(t, it.ID+" b", it.B[0], want.Tight.B[i], 1e-4)
		near(t, it.ID+" a SE", it.ASE, want.Tight.SEA[i], 0.002**want.Tight.SEA[i])
		near(t, it.ID+" b SE", it.BSE[0], want.Tight.SEB[i], 0.002**want.Tight.SEB[i])
	}
	quick, err := Calibrate(r, Options{Model: TwoPL, Tol: 1e-4, NoSE: true})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "quick loglik", quick.LogLik, &want.Tight.LogLik, 1e-4)
	t.Logf("evaluations %d, quick %d", f.Iterations, quick.Iterations)
}
