package irt

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

func TestReadFitTakesAFileMadeByHand(t *testing.T) {
	f, err := ReadFit("f.json", strings.NewReader(`{"items":[{"id":"x","a":2,"b":[0.5]},{"id":"y","d":[-1],"c":0.2},{"id":"z","model":"grm","a":1.5,"b":[-1,0,2]},{"id":"w","model":"gpcm","a":0.5,"d":[1,0]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "x", Model: ThreePL, A: 2, D: []float64{-1}},
		{ID: "y", Model: ThreePL, A: 1, D: []float64{-1}, C: 0.2},
		{ID: "z", Model: GRM, A: 1.5, D: []float64{1.5, 0, -3}},
		{ID: "w", Model: GPCM, A: 0.5, D: []float64{1, 0}},
	}
	if d := cmp.Diff(want, f.Bank()); d != "" {
		t.Error(d)
	}
	if f.Latent.Mean != 0 || f.Latent.SD != 1 || f.Model != ThreePL {
		t.Errorf("latent %+v, model %s", f.Latent, f.Model)
	}
	out, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadFit("g.json", strings.NewReader(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, again.Bank()); d != "" {
		t.Errorf("after writing: %s", d)
	}
}

// On the scale of N(0,1) the same persons have the same chances.
func TestStandardIsTheSameModel(t *testing.T) {
	f := &Fit{Latent: Latent{Mean: 0.7, SD: 1.6}, Items: []ItemFit{
		{ID: "rasch", Model: Rasch, A: 1, D: []psychometrics.Number{-0.4}},
		{ID: "rasch of more", Model: Rasch, A: 1, D: []psychometrics.Number{0.5, -0.4}},
		{ID: "1pl", Model: OnePL, A: 1.3, D: []psychometrics.Number{-0.4}},
		{ID: "2pl", Model: TwoPL, A: 0.8, D: []psychometrics.Number{0.4}},
		{ID: "3pl", Model: ThreePL, A: 1.8, D: []psychometrics.Number{0.4}, C: 0.2},
		{ID: "pcm", Model: PCM, A: 1, D: []psychometrics.Number{0.4, 0, -2}},
		{ID: "gpcm", Model: GPCM, A: 0.6, D: []psychometrics.Number{1, 0.3, -0.8}},
		{ID: "grm", Model: GRM, A: 1.4, D: []psychometrics.Number{2, 0.3, -0.8}},
		{ID: "grm of one", Model: GRM, A: 1.4, D: []psychometrics.Number{2}},
	}}
	before, after := f.Bank(), f.Standard()
	for i := range before {
		p, q := make([]float64, before[i].Max()+1), make([]float64, before[i].Max()+1)
		for z := -3.0; z <= 3; z += 0.5 {
			before[i].Probabilities(0.7+1.6*z, p)
			after[i].Probabilities(z, q)
			for k := range p {
				if math.Abs(p[k]-q[k]) > 1e-12 {
					t.Errorf("%s at %v: %v, on the other scale %v", before[i].ID, z, p, q)
				}
			}
		}
		if after[i].A != 1 && after[i].Model.slopeFixed() {
			t.Errorf("%s: slope %v in model %s", after[i].ID, after[i].A, after[i].Model)
		}
	}
	if again := f.Bank(); !cmp.Equal(before, again) {
		t.Error("the fit itself was changed")
	}
}

func TestReadFitNamesEveryFault(t *testing.T) {
	for text, want := range map[string]string{
		``:                                  "empty",
		"{\n\"items\": [,]}":                "f.json:2:",
		`{"items":[]}`:                      `no "items"`,
		`{"items":3}`:                       `"items" is number, expected a list`,
		`[]`:                                "array, expected a JSON object",
		`{"items":[{"id":"x","d":[0]}]} 1`:  "more text",
		`{"items":[{"id":"x"}]}`:            `item "x" (number 1): neither "d" nor "b"`,
		`{"items":[{"d":[1]}]}`:             `no "id"`,
		`{"items":[{"id":"x","d":[null]}]}`: "is no number",
		`{"items":[{"id":"x","a":null,"d":[1]}]}`:                 "a is NaN",
		`{"items":[{"id":"x","d":[1],"c":1}]}`:                    "expected 0 ≤ c < 1",
		`{"items":[{"id":"x","d":[1,0]}]}`:                        "expected one, or the model pcm",
		`{"model":"grm","items":[{"id":"x","d":[0,1]}]}`:          "d_2 is not below d_1",
		`{"model":"grm","items":[{"id":"x","d":[1,0],"c":0.2}]}`:  "guessing for 0/1",
		`{"model":"4pl","items":[{"id":"x","d":[1]}]}`:            `model "4pl"`,
		`{"items":[{"id":"x","d":[1]},{"id":"x","d":[1]}]}`:       "stands twice",
		`{"latent":{"sd":0},"items":[{"id":"x","d":[1]}]}`:        "expected an sd above 0",
		`{"items":[{"id":"x","a":1,"d":[1],"b":[1,2]}]}`:          "1 values of d and 2 of b",
		`{"model":"gpcm","items":[{"id":"x","a":1e9,"d":[1,2]}]}`: "expected a number between −1e6 and 1e6",
		`{"items":[{"id":"x","d":[1],"a_se":-1}]}`:                "a standard error is -1",
		`{"items":[{"id":"x","d":[1],"d_se":[1,2]}]}`:             "2 values of d_se for 1 of d",
		`{"items":[{"id":"x","d":[1],"cov":[1,0]}]}`:              "cov has 2 numbers, expected 4",
		`{"items":[{"id":"x","d":[1],"cov":[1,2,2,1]}]}`:          "no covariance",
	} {
		_, err := ReadFit("f.json", strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", text, err, want)
		}
	}
}

func FuzzReadFit(f *testing.F) {
	f.Add(`{"model":"gpcm","latent":{"mean":0,"sd":1.2},"items":[{"id":"x","a":1,"d":[1,0.5]},{"id":"y","b":[0]}]}`)
	f.Add(`{"model":"grm","items":[{"id":"x","a":-1,"b":[1,0.5]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		fit, err := ReadFit("f.json", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, it := range fit.Bank() {
			p := make([]float64, it.Max()+1)
			for _, theta := range []float64{-6, 0, 6} {
				it.Probabilities(theta, p)
				sum := 0.0
				for _, x := range p {
					sum += x
				}
				if math.Abs(sum-1) > 1e-9 {
					t.Fatalf("%+v: probabilities %v", it, p)
				}
			}
		}
		if _, err := json.Marshal(fit); err != nil {
			t.Fatal(err)
		}
	})
}

// readJSON reads a reference file.
func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Errors come onto the scale of N(0,1) with the parameters: by differences of the parameters.
func TestCalibratedErrors(t *testing.T) {
	fit := func(a, d1, d2 float64, m Model) *Fit {
		return &Fit{Latent: Latent{Mean: 0.7, SD: 1.6}, Items: []ItemFit{{ID: "x", Model: m, A: psychometrics.Number(a), D: []psychometrics.Number{psychometrics.Number(d1), psychometrics.Number(d2)}, ASE: 0.1, DSE: []psychometrics.Number{0.2, psychometrics.None}}}}
	}
	for _, m := range []Model{GPCM, GRM} {
		got := fit(0.8, 1, -0.5, m).Calibrated()[0]
		if got.A != fit(0.8, 1, -0.5, m).Standard()[0].A {
			t.Errorf("%s: %+v is not standard", m, got)
		}
		up := fit(0.9, 1, -0.5, m).Standard()[0] // a by one error
		low := fit(0.8, 1, -0.5, m).Standard()[0]
		move := []float64{up.A - low.A, up.D[0] - low.D[0], up.D[1] - low.D[1]}
		for i := range move {
			for j := range move {
				want := move[i] * move[j]
				if i == 1 && j == 1 {
					want += 0.04
				}
				if math.Abs(got.Cov[3*i+j]-want) > 1e-12 {
					t.Errorf("%s: cov %d, %d is %v, want %v", m, i, j, got.Cov[3*i+j], want)
				}
			}
		}
	}
	bare := fit(0.8, 1, -0.5, GPCM)
	bare.Items[0].ASE, bare.Items[0].DSE = psychometrics.None, nil
	if got := bare.Calibrated()[0]; got.Cov != nil {
		t.Errorf("without errors: %v", got.Cov)
	}
}

// A calibration writes the covariance whose roots are its standard errors, and reads it again.
func TestCovarianceIsWritten(t *testing.T) {
	r := &psychometrics.Responses{Items: []string{"a", "b", "c"}, Max: []int{1, 2, 1}}
	for p := range 240 {
		r.Persons = append(r.Persons, strconv.Itoa(p))
		able := p % 5
		r.Cells = append(r.Cells, psychometrics.Cell(min(1, (able+p/5%3)/3)), psychometrics.Cell(min(2, (able+p/15%3)/2)), psychometrics.Cell(min(1, (able+p/45%4)/4)))
	}
	f, err := Calibrate(r, Options{Model: GPCM})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadFit("f.json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for i, it := range again.Items {
		n := 1 + len(it.D)
		if len(it.Cov) != n*n || !cmp.Equal(it.Cov, f.Items[i].Cov) {
			t.Fatalf("%s: cov %v", it.ID, it.Cov)
		}
		for k := range n {
			se := it.ASE
			if k > 0 {
				se = it.DSE[k-1]
			}
			if got := math.Sqrt(float64(it.Cov[k*n+k])); math.Abs(got-float64(se)) > 1e-9 {
				t.Errorf("%s: error %d is %v, by the covariance %v", it.ID, k, se, got)
			}
		}
	}
}
