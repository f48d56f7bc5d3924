package cdm

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

func open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open("testdata/cdm_synth_a/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func synthetic(t testing.TB) (*psychometrics.Responses, *psychometrics.Q) {
	t.Helper()
	r, err := psychometrics.Read("data.csv", open(t, "data.csv"), nil)
	if err != nil {
		t.Fatal(err)
	}
	q, err := psychometrics.ReadQ("qmatrix.csv", open(t, "qmatrix.csv"), true)
	if err != nil {
		t.Fatal(err)
	}
	return r, q
}

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s = %.9g, want %.9g", what, float64(got), want)
	}
}

// TestReference: dina as two packages have it, dino's and gdina's likelihood at least theirs.
func TestReference(t *testing.T) {
	var want struct {
		DINA struct {
			Guess   []float64    `json:"guess"`
			Slip    []float64    `json:"slip"`
			Loglik  float64      `json:"logLik"`
			Share   []float64    `json:"skill_prob"`
			Mastery [][4]float64 `json:"mastery"`
		} `json:"dina"`
		DINO struct {
			Loglik float64 `json:"logLik"`
		} `json:"dino"`
		GDINA struct {
			Loglik float64 `json:"logLik"`
		} `json:"gdina"`
	}
	if err := json.NewDecoder(open(t, "expected.json")).Decode(&want); err != nil {
		t.Fatal(err)
	}
	r, q := synthetic(t)
	dina, err := Fit(r, q, DINA, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !dina.Converged || dina.Parameters != 55 || len(dina.Warnings) != 0 || dina.Q.Verdict != Identifiable {
		t.Errorf("converged %v, %d parameters, %q, %v", dina.Converged, dina.Parameters, dina.Warnings, dina.Q)
	}
	near(t, "dina loglik", dina.Loglik, want.DINA.Loglik, 1e-4)
	for i, it := range dina.Items {
		near(t, it.ID+" guess", it.Guess, want.DINA.Guess[i], 5e-4)
		near(t, it.ID+" slip", it.Slip, want.DINA.Slip[i], 5e-4)
	}
	for p, person := range dina.Persons {
		for a, at := range q.Attributes {
			near(t, person.ID+" "+at, person.Mastery[at], want.DINA.Mastery[p][a], 5e-3)
		}
	}
	for a, at := range dina.Attributes {
		near(t, at.ID, at.Prevalence, want.DINA.Share[a], 1e-4)
	}
	for model, least := range map[Model]float64{DINO: want.DINO.Loglik, GDINA: want.GDINA.Loglik} {
		got, err := Fit(r, q, model, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.5f (reference %.5f), %d steps, starts %.3f, warnings %q", model, float64(got.Loglik), least, got.Iterations, got.Starts, got.Warnings)
		if float64(got.Loglik) < least-1e-3 || !got.Converged {
			t.Errorf("%s: loglik %.5f under %.5f, converged %v", model, float64(got.Loglik), least, got.Converged)
		}
	}
}

// simulated draws answers of a model from given guess, slip and independent attributes.
func simulated(seed uint64, n int, masks []int, attributes int, model Model, guess, slip, missing float64) (*psychometrics.Responses, *psychometrics.Q) {
	rng := rand.New(rand.NewPCG(seed, 3))
	r, q := &psychometrics.Responses{Warnings: []string{}}, &psychometrics.Q{}
	for a := range attributes {
		q.Attributes = append(q.Attributes, fmt.Sprintf("A%d", a))
	}
	for i, mask := range masks {
		id := fmt.Sprintf("i%02d", i)
		r.Items, r.Max, q.Items = append(r.Items, id), append(r.Max, 1), append(q.Items, id)
		row := make([]float64, attributes)
		for a := range row {
			row[a] = float64(mask >> a & 1)
		}
		q.Weights = append(q.Weights, row)
	}
	groups := make([][]int, len(masks))
	for i, mask := range masks {
		groups[i], _ = model.groups(mask, 1<<attributes)
	}
	for p := range n {
		r.Persons = append(r.Persons, fmt.Sprint(p))
		class := 0
		general := rng.NormFloat64()
		for a := range attributes {
			if general+rng.NormFloat64() > 0.2*float64(a)-0.4 {
				class |= 1 << a
			}
		}
		for i := range masks {
			chance := guess
			if groups[i][class] > 0 {
				chance = 1 - slip
			}
			c := psychometrics.Cell(0)
			if rng.Float64() < chance {
				c = 1
			}
			if rng.Float64() < missing {
				c = psychometrics.Absent
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r, q
}

var threeAttributes = []int{1, 2, 4, 3, 5, 6, 1, 2, 4, 7, 1, 2, 4, 3, 6}

// direct is the log-likelihood by its definition, person by person and class by class.
func direct(r *psychometrics.Responses, th *parameters) (ll float64) {
	for p := range r.Persons {
		var sum float64
		for c, share := range th.shares {
			f := share
			for i, cell := range r.Row(p) {
				if x, answered := cell.Score(); answered {
					pr := th.of(i)[th.group[i][c]]
					f *= pr*float64(x) + (1-pr)*float64(1-x)
				}
			}
			sum += f
		}
		ll += math.Log(sum)
	}
	return ll
}

func fitted(r *psychometrics.Responses, masks []int, attributes int, model Model) (*data, run) {
	d := gather(r, 1<<attributes)
	best, _ := d.search(model, masks, Options{Tolerance: 1e-9, Iterations: 5000, Starts: 3})
	return d, best
}

// TestLikelihood: blocks and runs give the likelihood of the definition, missing answers
// and all, at the start and at the maximum; there no parameter can be bettered.
func TestLikelihood(t *testing.T) {
	for _, model := range []Model{DINA, DINO, GDINA} {
		r, _ := simulated(2, 400, threeAttributes, 3, model, 0.2, 0.15, 0.1)
		d, best := fitted(r, threeAttributes, 3, model)
		begin := d.start(model, threeAttributes, 1)
		_, ll := d.expect(begin)
		near(t, string(model)+" at a start", Number(ll), direct(r, begin), 1e-8)
		near(t, string(model)+" at the maximum", Number(best.loglik), direct(r, best.theta), 1e-8)
		for a := range best.theta.p {
			for _, h := range []float64{-1e-3, 1e-3} {
				moved := best.theta.clone()
				moved.p[a] = max(bound, min(1-bound, moved.p[a]+h))
				if gain := direct(r, moved) - best.loglik; gain > 1e-7 {
					t.Errorf("%s: moving probability %d by %g gains %g", model, a, h, gain)
				}
			}
		}
	}
}

// TestMonotone: EM never loses likelihood, extrapolated or not.
func TestMonotone(t *testing.T) {
	r, _ := simulated(4, 300, threeAttributes, 3, DINO, 0.3, 0.2, 0)
	d := gather(r, 8)
	one := run{theta: d.start(DINO, threeAttributes, 2)}
	before := math.Inf(-1)
	for range 60 {
		d.advance(&one, 1e-12, 3)
		if one.loglik < before-1e-9 {
			t.Fatalf("from %.10f to %.10f", before, one.loglik)
		}
		before = one.loglik
	}
}

// TestStandardErrors: the information is minus the Hessian of the likelihood, taken by
// differences of the definition over logits of probabilities and shares.
func TestStandardErrors(t *testing.T) {
	r, _ := simulated(9, 200, threeAttributes, 3, DINA, 0.2, 0.15, 0.05)
	d, best := fitted(r, threeAttributes, 3, DINA)
	se, _, problem := d.standardErrors(best.theta)
	if problem != "" {
		t.Fatal(problem)
	}
	th := best.theta
	np, size := len(th.p), len(th.p)+d.classes-1
	at := func(x []float64) float64 {
		moved := th.clone()
		for a := range th.p {
			moved.p[a] = 1 / (1 + math.Exp(-math.Log(th.p[a]/(1-th.p[a]))-x[a]))
		}
		var sum float64
		for c := range moved.shares {
			if c > 0 {
				moved.shares[c] *= math.Exp(x[np+c-1])
			}
			sum += moved.shares[c]
		}
		for c := range moved.shares {
			moved.shares[c] /= sum
		}
		_, ll := d.expect(moved)
		return ll
	}
	const h = 1e-3
	hessian := make([][]float64, size)
	x := make([]float64, size)
	for a := range size {
		hessian[a] = make([]float64, size)
	}
	for a := range size {
		for b := range a + 1 {
			var v [4]float64
			for s, sign := range [4][2]float64{{h, h}, {h, -h}, {-h, h}, {-h, -h}} {
				clear(x)
				x[a] += sign[0]
				x[b] += sign[1]
				v[s] = at(x)
			}
			hessian[a][b] = -(v[0] - v[1] - v[2] + v[3]) / (4 * h * h)
			hessian[b][a] = hessian[a][b]
		}
	}
	for a := range np {
		want := math.Sqrt(inverseDiagonal(hessian, a)) * th.p[a] * (1 - th.p[a])
		if math.Abs(se[a]/want-1) > 1e-3 {
			t.Errorf("parameter %d: se %.6f, by differences %.6f", a, se[a], want)
		}
	}
}

// inverseDiagonal is element a of the inverse's diagonal, by Gauss.
func inverseDiagonal(m [][]float64, a int) float64 {
	n := len(m)
	w := make([][]float64, n)
	for i := range w {
		w[i] = append(slices.Clone(m[i]), 0)
	}
	w[a][n] = 1
	for c := range n {
		pivot := c
		for r := c; r < n; r++ {
			if math.Abs(w[r][c]) > math.Abs(w[pivot][c]) {
				pivot = r
			}
		}
		w[c], w[pivot] = w[pivot], w[c]
		for r := range n {
			if r == c {
				continue
			}
			f := w[r][c] / w[c][c]
			for j := c; j <= n; j++ {
				w[r][j] -= f * w[c][j]
			}
		}
	}
	return w[a][n] / w[a][a]
}

// TestManyClasses: with seven attributes errors go another way through the same sums and
// come out as differences of the likelihood's slope have them; nine attributes end.
func TestManyClasses(t *testing.T) {
	masks := []int{1, 2, 4, 8, 16, 32, 64, 3, 12, 48, 65, 1, 2, 4, 8, 16, 32, 64, 6, 24, 96, 33}
	r, _ := simulated(31, 500, masks, 7, DINA, 0.2, 0.1, 0)
	d := gather(r, 128)
	best, _ := d.search(DINA, masks, Options{Tolerance: 1e-5, Iterations: 150, Starts: 1})
	se, method, problem := d.standardErrors(best.theta)
	if method != "observed" || problem != "" {
		t.Fatal(method, problem)
	}
	n, _ := d.expect(best.theta)
	for a, s := range se {
		p := best.theta.p[a]
		if least := math.Sqrt(p * (1 - p) / n.all[a]); !(s > 0.9*least && s < 4*least) {
			t.Errorf("parameter %d: error %.4f, with classes known %.4f", a, s, least)
		}
	}
	many := make([]int, 0, 18)
	for range 2 {
		for a := range 9 {
			many = append(many, 1<<a)
		}
	}
	persons, iterations := 1200, 12
	if testing.Short() {
		persons, iterations = 300, 6
	}
	wide, q := simulated(32, persons, many, 9, GDINA, 0.2, 0.1, 0)
	got, err := Fit(wide, q, GDINA, Options{Iterations: iterations, Starts: 2})
	if err != nil || got.Converged {
		t.Errorf("%v, converged %v in %d steps", err, got.Converged, got.Iterations)
	}
}

// TestRecovery: what was put in comes out, within four standard errors; errors are
// neither nought nor wild.
func TestRecovery(t *testing.T) {
	for _, model := range []Model{DINA, DINO} {
		r, q := simulated(21, 3000, threeAttributes, 3, model, 0.2, 0.1, 0.1)
		got, err := Fit(r, q, model, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range got.Items {
			if !(math.Abs(float64((it.Guess-0.2)/it.GuessSE)) < 4 && math.Abs(float64((it.Slip-0.1)/it.SlipSE)) < 4 && it.GuessSE < 0.05 && it.SlipSE < 0.05) {
				t.Errorf("%s %s: guess %.3f ± %.3f, slip %.3f ± %.3f", model, it.ID, float64(it.Guess), float64(it.GuessSE), float64(it.Slip), float64(it.SlipSE))
			}
		}
		if got.Fit.SRMSR > 0.05 || *got.Fit.P < 0.001 {
			t.Errorf("%s: a true model does not fit: %+v", model, got.Fit)
		}
	}
}

// TestOrder: persons' and items' order and names change no figure.
func TestOrder(t *testing.T) {
	r, q := simulated(6, 500, threeAttributes, 3, GDINA, 0.2, 0.1, 0)
	a, err := Fit(r, q, DINA, Options{})
	if err != nil {
		t.Fatal(err)
	}
	back := &psychometrics.Responses{Items: slices.Clone(r.Items), Max: r.Max}
	slices.Reverse(back.Items)
	for p := len(r.Persons) - 1; p >= 0; p-- {
		row := slices.Clone(r.Row(p))
		slices.Reverse(row)
		back.Persons, back.Cells = append(back.Persons, r.Persons[p]), append(back.Cells, row...)
	}
	b, err := Fit(back, q, DINA, Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loglik", b.Loglik, float64(a.Loglik), 1e-6)
	for i, it := range a.Items {
		near(t, it.ID, b.Items[len(b.Items)-1-i].Guess, float64(it.Guess), 1e-5)
	}
	for p, person := range a.Persons {
		near(t, person.ID, b.Persons[len(b.Persons)-1-p].Mastery["A1"], float64(person.Mastery["A1"]), 1e-4)
	}
}

func TestIdentify(t *testing.T) {
	names := []string{"x", "y", "z"}
	for name, c := range map[string]struct {
		masks  []int
		model  Model
		want   Verdict
		reason string
	}{
		"three of each":    {threeAttributes, DINA, Identifiable, ""},
		"gdina":            {threeAttributes, GDINA, Identifiable, ""},
		"nothing alone":    {[]int{3, 5, 6, 7, 3, 5, 6}, DINA, NotIdentifiable, "no item measures x alone"},
		"two of z":         {[]int{1, 2, 4, 3, 3, 5, 1, 2}, DINO, NotIdentifiable, "z is measured by 2 items"},
		"the same items":   {[]int{1, 2, 4, 3, 3, 4, 4}, DINA, NotIdentifiable, "y is measured by the same items as x"},
		"gdina, one alone": {[]int{1, 2, 4, 3, 5, 6, 7, 7}, GDINA, Generically, "x has one item of its own alone"},
		"gdina, too few":   {[]int{1, 2, 4, 3, 5}, GDINA, NotIdentifiable, "z is measured by 2 items"},
	} {
		got := Identify(names, c.masks, c.model)
		if got.Verdict != c.want || !strings.Contains(strings.Join(got.Reasons, "\n"), c.reason) {
			t.Errorf("%s: %+v, expected %s, %q", name, got, c.want, c.reason)
		}
	}
}

func TestHardData(t *testing.T) {
	q := func(csv string) *psychometrics.Q {
		got, err := psychometrics.ReadQ("q", strings.NewReader(csv), true)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	r := func(csv string) *psychometrics.Responses {
		got, err := psychometrics.Read("r", strings.NewReader(csv), nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	two := q("item,x,y\na,1,0\nb,0,1\nc,1,1\n")
	for csv, want := range map[string]string{
		"person,a,b,c\np,1,2,0\n":         "item b has scores to 2",
		"person,a,b,c\np,1,,0\nq,0,N,1\n": "item b has no answers at all",
		"person,k,l\np,1,0\n":             "no item of the responses has a row in Q",
		"person,a\np,1\nq,0\n":            "no item with responses measures y",
	} {
		if _, err := Fit(r(csv), two, DINA, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", csv, err, want)
		}
	}
	for csv, want := range map[string]string{
		"person,a,b,c,d\np,1,1,0,1\nq,1,0,1,0\nr,1,1,1,1\n": "item a: all answers are alike",
		"person,a,b,c,z\np,1,1,0,1\nq,,,,1\nr,0,0,1,0\n":    "item z has no row in Q",
		"person,a,b,c\np,1,1,1\nq,0,0,0\n":                  "not identifiable",
	} {
		for _, model := range []Model{DINA, DINO, GDINA} {
			got, err := Fit(r(csv), two, model, Options{})
			if err != nil {
				t.Errorf("%q: %v", csv, err)
				continue
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("%q: %v", csv, err)
			}
			if !strings.Contains(strings.Join(got.Warnings, "\n"), want) {
				t.Errorf("%q: warnings %q, expected %q", csv, got.Warnings, want)
			}
		}
	}
	if got, err := Fit(r("person,a,b,c\np,1,1,1\nq,,,\n"), two, DINA, Options{}); err != nil || math.Abs(float64(got.Persons[1].Mastery["x"]-got.Attributes[0].Prevalence)) > 1e-9 {
		t.Errorf("a person without answers has the shares of all: %v, %v", got, err)
	}
}

func FuzzFit(f *testing.F) {
	f.Add("person,a,b,c\np,1,0,1\nq,,N,O\nr,0,1,1\n", uint8(0x53), uint8(0))
	f.Fuzz(func(t *testing.T, csv string, masks, model uint8) {
		r, err := psychometrics.Read("f", strings.NewReader(csv), nil)
		if err != nil || len(r.Items) > 20 || len(r.Persons) > 50 {
			return
		}
		q := &psychometrics.Q{Attributes: []string{"x", "y"}, Items: r.Items}
		for i := range r.Items {
			m := masks >> (2 * (i % 4))
			q.Weights = append(q.Weights, []float64{float64(m & 1), float64(m >> 1 & 1)})
		}
		got, err := Fit(r, q, []Model{DINA, DINO, GDINA}[model%3], Options{Iterations: 200})
		if err != nil {
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(float64(got.Loglik)) {
			t.Fatal("the likelihood does not exist")
		}
		for _, p := range got.Persons {
			for a, m := range p.Mastery {
				if !(m >= 0 && m <= 1) {
					t.Fatalf("%s of %s: %v", a, p.ID, m)
				}
			}
		}
	})
}
