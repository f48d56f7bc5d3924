package irt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Fit is a calibration: the answer of `psychometrics irt fit` and the file
// FIT.json that the other commands read.
type Fit struct {
	Model      Model                `json:"model"`
	Estimator  string               `json:"estimator"` // "mml" or "cml"
	LogLik     psychometrics.Number `json:"loglik"`
	LogPrior   psychometrics.Number `json:"logprior"`   // log density of the priors; loglik is without it
	Parameters int                  `json:"parameters"` // estimated
	AIC        psychometrics.Number `json:"aic"`
	BIC        psychometrics.Number `json:"bic"`
	Iterations int                  `json:"iterations"`
	Converged  bool                 `json:"converged"`
	RowsUsed   int                  `json:"rows_used"` // persons that took part
	Latent     Latent               `json:"latent"`
	Items      []ItemFit            `json:"items"`
	Warnings   []string             `json:"warnings"`
}

// Latent is the distribution of ability, normal. SE are null where fixed or not asked.
type Latent struct {
	Mean   psychometrics.Number `json:"mean"`
	SD     psychometrics.Number `json:"sd"`
	MeanSE psychometrics.Number `json:"mean_se"`
	SDSE   psychometrics.Number `json:"sd_se"`
}

// An ItemFit is an item with its standard errors (null where fixed, not asked,
// or not to be had). B follows from A and D as Item.B says.
type ItemFit struct {
	ID    string                 `json:"id"`
	Model Model                  `json:"model"`
	N     int                    `json:"n"` // answers that took part
	Fixed bool                   `json:"fixed,omitempty"`
	A     psychometrics.Number   `json:"a"`
	ASE   psychometrics.Number   `json:"a_se"`
	D     []psychometrics.Number `json:"d"`
	DSE   []psychometrics.Number `json:"d_se"`
	B     []psychometrics.Number `json:"b"`
	BSE   []psychometrics.Number `json:"b_se"`
	C     psychometrics.Number   `json:"c"`
	CSE   psychometrics.Number   `json:"c_se"`
	// Scores are those of Item.
	Scores []int `json:"scores,omitempty"`
	// Cov is the covariance of (a, d_1…), row by row: more than the standard errors tell,
	// since intercepts of one item err together. Absent where these are null.
	Cov []psychometrics.Number `json:"cov,omitempty"`
}

// Item is the item itself, without its standard errors.
func (f *ItemFit) Item() Item {
	it := Item{ID: f.ID, Model: f.Model, A: float64(f.A), C: float64(f.C), D: make([]float64, len(f.D)), Scores: f.Scores}
	for k, d := range f.D {
		it.D[k] = float64(d)
	}
	return it
}

// Bank lists the items of the fit.
func (f *Fit) Bank() []Item {
	items := make([]Item, len(f.Items))
	for i := range f.Items {
		items[i] = f.Items[i].Item()
	}
	return items
}

// Standard lists the items on the scale on which ability is N(0,1): with θ = mean + sd·z
// a logit a·θ + d is (a·sd)·z + d + a·mean, and that of category k of partial credit
// (k·a·sd)·z + d_k + k·a·mean. Items of one slope keep it as one of 2PL or GPCM.
func (f *Fit) Standard() []Item {
	mean, sd := float64(f.Latent.Mean), float64(f.Latent.SD)
	items := f.Bank()
	for i := range items {
		it := &items[i]
		for k := range it.D {
			steps := 1.0
			if !it.cumulative() {
				steps = float64(k + 1)
			}
			it.D[k] += steps * it.A * mean
		}
		it.A *= sd
		switch {
		case it.Model == Rasch && len(it.D) == 1, it.Model == OnePL:
			it.Model = TwoPL
		case it.Model == Rasch, it.Model == PCM:
			it.Model = GPCM
		}
	}
	return items
}

// A Calibrated item is one with the covariance of its parameters (a, d_1…), row by row, nil
// where nothing is said of their errors; c is taken as known.
type Calibrated struct {
	Item
	Cov []float64
}

// Calibrated lists the items as Standard does, with their covariances on that scale. Where the
// file has no covariance, standard errors are taken as of independent errors; a null one is 0.
func (f *Fit) Calibrated() []Calibrated {
	mean, sd := float64(f.Latent.Mean), float64(f.Latent.SD)
	out := make([]Calibrated, len(f.Items))
	for i, it := range f.Standard() {
		out[i] = Calibrated{it, f.Items[i].covariance()}
		if out[i].Cov == nil {
			continue
		}
		out[i].Cov = it.covarianceOn(out[i].Cov, mean, sd)
	}
	return out
}

// covarianceOn turns the covariance of (a, d_1…) into that of the same item where ability is z,
// θ = mean + sd·z: of (a·sd, d_k + steps·a·mean).
func (it *Item) covarianceOn(cov []float64, mean, sd float64) []float64 {
	n := 1 + len(it.D)
	scale := mat.NewDense(n, n, nil)
	scale.Set(0, 0, sd)
	for k := 1; k < n; k++ {
		scale.Set(k, k, 1)
		if steps := float64(k); !it.cumulative() {
			scale.Set(k, 0, steps*mean)
		} else {
			scale.Set(k, 0, mean)
		}
	}
	var half, whole mat.Dense
	half.Mul(scale, mat.NewDense(n, n, cov))
	whole.Mul(&half, scale.T())
	return whole.RawMatrix().Data
}

// CovOn is Cov where ability is z, θ = mean + sd·z, nil where there is none.
func (f *ItemFit) CovOn(mean, sd float64) []psychometrics.Number {
	n := 1 + len(f.D)
	if len(f.Cov) != n*n {
		return nil
	}
	it := f.Item()
	return numbers(it.covarianceOn(f.covariance(), mean, sd))
}

// covariance of (a, d_1…), row by row; nil where the file tells of no error.
func (f *ItemFit) covariance() []float64 {
	n, known := 1+len(f.D), false
	cov := make([]float64, n*n)
	if len(f.Cov) == n*n {
		for i, x := range f.Cov {
			cov[i] = float64(x)
		}
		return cov
	}
	for k := range n {
		se := f.ASE
		if k > 0 {
			se = psychometrics.None
			if k <= len(f.DSE) {
				se = f.DSE[k-1]
			}
		}
		if se > 0 {
			cov[k*n+k], known = float64(se*se), true
		}
	}
	if !known {
		return nil
	}
	return cov
}

// errors lists what is wrong with the standard errors and the covariance of an item.
func (f *ItemFit) errors() (faults []string) {
	for _, se := range append([]psychometrics.Number{f.ASE}, f.DSE...) {
		if se < 0 || float64(se) > 1e100 {
			faults = append(faults, fmt.Sprintf("a standard error is %v, expected a number from 0 to 1e100 or null", se))
		}
	}
	if len(f.DSE) > 0 && len(f.DSE) != len(f.D) {
		faults = append(faults, fmt.Sprintf("%d values of d_se for %d of d, expected as many", len(f.DSE), len(f.D)))
	}
	n := 1 + len(f.D)
	switch {
	case f.Cov == nil:
		return faults
	case len(f.Cov) != n*n:
		return append(faults, fmt.Sprintf("cov has %d numbers, expected %d: those of (a, d) row by row", len(f.Cov), n*n))
	}
	for i := range n {
		for j := range n {
			x, y := float64(f.Cov[i*n+j]), float64(f.Cov[j*n+i])
			bound := math.Sqrt(math.Max(0, float64(f.Cov[i*n+i])*float64(f.Cov[j*n+j])))
			if !(math.Abs(x) <= 1e200) || math.Abs(x-y) > 1e-6*bound || math.Abs(x) > bound*(1+1e-6) {
				return append(faults, "cov is no covariance of (a, d), row by row")
			}
		}
	}
	return faults
}

// ReadFit reads FIT.json: as written by `irt fit`, or a smaller one made by hand
// or by another program. Needed are "items" with "id" and "d" or "b"; "a" is 1,
// "c" 0, latent N(0,1) and the model that of the file where they are absent.
// Where no model is named it is 3pl if any c is above 0, else 2pl. Every fault
// is one of psychometrics.Faults, naming the item.
func ReadFit(name string, in io.Reader) (*Fit, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	none := psychometrics.None
	f := &Fit{LogLik: none, LogPrior: none, AIC: none, BIC: none, Latent: Latent{none, none, none, none}}
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(f); err != nil {
		return nil, psychometrics.Faults{where(name, text, dec, err)}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, psychometrics.Faults{name + ": more text after the end of the object, expected one JSON object"}
	}
	f.Warnings = []string{} // those of the calibration are history
	var faults psychometrics.Faults
	if len(f.Items) == 0 {
		faults = append(faults, name+`: no "items", expected a list of items with "id", "a", "d" or "b"`)
	}
	if f.Model == "" {
		f.Model = TwoPL
		for _, it := range f.Items {
			if it.C > 0 {
				f.Model = ThreePL
			}
		}
	}
	if !f.Model.known() {
		faults = append(faults, fmt.Sprintf("%s: model %q, expected one of %v", name, f.Model, Models))
	}
	if math.IsNaN(float64(f.Latent.Mean)) {
		f.Latent.Mean = 0
	}
	if math.IsNaN(float64(f.Latent.SD)) {
		f.Latent.SD = 1
	}
	if !(f.Latent.SD > 0 && f.Latent.SD < 1e3) || !(math.Abs(float64(f.Latent.Mean)) < 1e3) {
		faults = append(faults, fmt.Sprintf("%s: latent mean %v, sd %v, expected an sd above 0", name, f.Latent.Mean, f.Latent.SD))
	}
	seen := map[string]bool{}
	for i := range f.Items {
		it := &f.Items[i]
		if it.empty() {
			f.Warnings = append(f.Warnings, fmt.Sprintf("item %s has no parameters: left out", it.ID))
			continue
		}
		for _, why := range it.check(f.Model) {
			faults = append(faults, fmt.Sprintf("%s: item %q (number %d): %s", name, it.ID, i+1, why))
		}
		if seen[it.ID] {
			faults = append(faults, fmt.Sprintf("%s: item %q stands twice", name, it.ID))
		}
		seen[it.ID] = true
	}
	if len(faults) > 0 {
		return nil, faults
	}
	f.Items = slices.DeleteFunc(f.Items, func(it ItemFit) bool { return it.empty() })
	if len(f.Items) == 0 {
		return nil, psychometrics.Faults{name + ": no item has parameters"}
	}
	return f, nil
}

// empty says that the item could not be estimated: its figures are null.
func (f *ItemFit) empty() bool {
	return math.IsNaN(float64(f.A)) && len(f.D) == 1 && math.IsNaN(float64(f.D[0]))
}

// UnmarshalJSON gives every absent figure as null, except that an absent slope
// is 1 and an absent c is 0.
func (f *ItemFit) UnmarshalJSON(b []byte) error {
	type plain ItemFit
	none := psychometrics.None
	p := plain{A: 1, ASE: none, CSE: none}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*f = ItemFit(p)
	return nil
}

// check completes an item that was read, and lists what is wrong with it.
func (f *ItemFit) check(m Model) (faults []string) {
	if f.Model == "" {
		f.Model = m
	}
	finite := func(list []psychometrics.Number) bool {
		for _, x := range list {
			if !(math.Abs(float64(x)) < 1e6) {
				return false
			}
		}
		return true
	}
	if math.IsNaN(float64(f.C)) {
		f.C = 0
	}
	switch {
	case f.ID == "":
		faults = append(faults, `no "id"`)
	case !f.Model.known():
		faults = append(faults, fmt.Sprintf("model %q, expected one of %v", f.Model, Models))
	case !(math.Abs(float64(f.A)) < 1e6):
		faults = append(faults, fmt.Sprintf("a is %v, expected a number between −1e6 and 1e6", f.A))
	case !(f.C >= 0 && f.C < 1):
		faults = append(faults, fmt.Sprintf("c is %v, expected 0 ≤ c < 1", f.C))
	case len(f.D) == 0 && len(f.B) == 0:
		faults = append(faults, `neither "d" nor "b", expected an intercept or a difficulty for each score above 0`)
	case len(f.D) > 0 && !finite(f.D), len(f.D) == 0 && !finite(f.B):
		faults = append(faults, "a value of d or b is no number between −1e6 and 1e6")
	case len(f.D) > 0 && len(f.B) > 0 && len(f.D) != len(f.B):
		faults = append(faults, fmt.Sprintf("%d values of d and %d of b, expected as many", len(f.D), len(f.B)))
	case len(f.D) > 0 && len(f.B) > 0 && f.Model.known() && f.contradicts():
		faults = append(faults, fmt.Sprintf("b %v does not follow from a %v and d %v in model %s, expected one of them or figures that agree", f.B, f.A, f.D, f.Model))
	}
	if faults != nil {
		return faults
	}
	if f.C > 0 && (f.Model != ThreePL || max(len(f.D), len(f.B)) > 1) {
		if max(len(f.D), len(f.B)) > 1 {
			return []string{"c above 0 with more than one category, expected guessing for 0/1 items alone"}
		}
		f.Model = ThreePL
	}
	if n := max(len(f.D), len(f.B)); n > 1 && f.Model.Dichotomous() {
		return []string{fmt.Sprintf("%d categories above 0 in model %s, expected one, or the model pcm, gpcm or grm", n, f.Model)}
	}
	if len(f.D) == 0 {
		b := make([]float64, len(f.B))
		for k, x := range f.B {
			b[k] = float64(x)
		}
		it := FromB(f.ID, f.Model, float64(f.A), b, float64(f.C))
		f.D = numbers(it.D)
	}
	it := f.Item()
	if it.cumulative() {
		for k := 1; k < len(it.D); k++ {
			if it.D[k] >= it.D[k-1] {
				return []string{fmt.Sprintf("d_%d is not below d_%d, expected falling intercepts of grm", k+1, k)}
			}
		}
	}
	f.B = numbers(it.B())
	if f.Scores != nil {
		if len(f.Scores) != len(f.D)+1 {
			return []string{fmt.Sprintf("%d scores for %d categories", len(f.Scores), len(f.D)+1)}
		}
		if !slices.IsSortedFunc(f.Scores, func(a, b int) int { return cmp.Compare(a, b+1) }) || f.Scores[0] < 0 {
			return []string{"its scores do not rise from 0"}
		}
	}
	return f.errors()
}

func (m Model) known() bool {
	for _, x := range Models {
		if x == m {
			return true
		}
	}
	return false
}

func numbers(list []float64) []psychometrics.Number {
	out := make([]psychometrics.Number, len(list))
	for i, x := range list {
		out[i] = psychometrics.Number(x)
	}
	return out
}

// contradicts says that b and d are both given and tell of different difficulties: by
// more than rounding to two places can make.
func (f *ItemFit) contradicts() bool {
	it := f.Item()
	if math.Abs(it.A) < flatSlope {
		return false
	}
	for k, b := range it.B() {
		if given := float64(f.B[k]); !math.IsNaN(given) && math.Abs(given-b)*max(1, math.Abs(it.A)) > 0.02*(1+math.Abs(b)) {
			return true
		}
	}
	return false
}

// jsonWords say what JSON calls a kind of value.
var jsonWords = map[reflect.Kind]string{reflect.Struct: "an object", reflect.Slice: "a list", reflect.Float64: "a number", reflect.Int: "a whole number", reflect.String: "a string", reflect.Bool: "true or false"}

// where gives a fault of JSON its line.
func where(name string, text []byte, dec *json.Decoder, err error) string {
	at := dec.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		if kind.Field == "" {
			return fmt.Sprintf("%s:1: %s, expected a JSON object", name, kind.Value)
		}
		return fmt.Sprintf("%s:%d: %q is %s, expected %s", name, 1+bytes.Count(text[:min(int(kind.Offset), len(text))], []byte("\n")), kind.Field, kind.Value, jsonWords[kind.Type.Kind()])
	case errors.Is(err, io.EOF):
		return name + ": empty, expected a JSON object"
	}
	line := 1 + bytes.Count(text[:min(int(at), len(text))], []byte("\n"))
	return fmt.Sprintf("%s:%d: %v, expected FIT.json", name, line, err)
}
