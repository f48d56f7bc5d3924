package irt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// testItems makes items of a model; those of gpcm and grm have mixed maxima.
func testItems(m Model, n int) []Item {
	var out []Item
	for i := range n {
		x := float64(i)/float64(max(1, n-1))*3 - 1.5
		a := 1.0
		if !m.slopeFixed() {
			a = 0.8 + 0.25*float64(i%4)
		} else if m == OnePL {
			a = 1.3
		}
		b, c := []float64{x}, 0.0
		if m == ThreePL {
			c = 0.15 + 0.05*float64(i%3)
		}
		if (m == PCM || m == GPCM || m == GRM) && i%4 > 0 {
			b = []float64{x - 0.7, x + 0.5, x + 1.3}[:1+i%3]
		}
		out = append(out, FromB(fmt.Sprintf("i%02d", i), m, a, b, c))
	}
	return out
}

// bruteForce is the marginal log-likelihood by its definition, without tables,
// windows, blocks or the kernel's logarithms.
func bruteForce(items []Item, scores [][]int, mean, sd float64) float64 {
	total := 0.0
	for _, pattern := range patternsOf(scores) {
		row := pattern.row
		l, weights, any := 0.0, 0.0, false
		for q := range 61 {
			x := -6 + 0.2*float64(q)
			w := math.Exp(-(x - mean) * (x - mean) / (2 * sd * sd))
			weights += w
			for i, k := range row {
				if k < 0 {
					continue
				}
				any = true
				w *= plain(items[i], x, k)
			}
			l += w
		}
		if any {
			total += pattern.n * math.Log(l/weights)
		}
	}
	return total
}

type pattern struct {
	row []int
	n   float64
}

var patternsKnown = map[*[]int][]pattern{}

// patternsOf counts the different rows, once for each matrix.
func patternsOf(scores [][]int) []pattern {
	if known, ok := patternsKnown[&scores[0]]; ok {
		return known
	}
	at := map[string]int{}
	var out []pattern
	for _, row := range scores {
		key := fmt.Sprint(row)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, pattern{row: row})
		}
		out[i].n++
	}
	patternsKnown[&scores[0]] = out
	return out
}

// plain is P(X = k) by the textbook.
func plain(it Item, x float64, k int) float64 {
	cumulative := func(k int) float64 {
		switch {
		case k == 0:
			return 1
		case k > len(it.D):
			return 0
		}
		return 1 / (1 + math.Exp(-it.A*x-it.D[k-1]))
	}
	switch {
	case it.Model == ThreePL && k == 1:
		return it.C + (1-it.C)*cumulative(1)
	case it.Model == ThreePL:
		return 1 - it.C - (1-it.C)*cumulative(1)
	case it.Model == GRM:
		return cumulative(k) - cumulative(k+1)
	}
	sum := 1.0
	for j, d := range it.D {
		sum += math.Exp(float64(j+1)*it.A*x + d)
	}
	if k == 0 {
		return 1 / sum
	}
	return math.Exp(float64(k)*it.A*x+it.D[k-1]) / sum
}

// objective is what a calibration maximises, by brute force, as a function of
// its free parameters in the order of the problem's places.
func objective(p *problem, scores [][]int, prior Prior) func(x []float64) float64 {
	base := p.state()
	return func(x []float64) float64 {
		items := make([]Item, len(base.items))
		for i := range items {
			items[i] = base.items[i].clone()
		}
		mean, sd, v := base.mean, base.sd, 0.0
		for n, pl := range p.places {
			switch pl.item {
			case commonSlope:
				for i := range items {
					items[i].A += x[n]
				}
			case latentMean:
				mean += x[n]
			case latentLogSD:
				sd *= math.Exp(x[n])
			default:
				items[pl.item] = withParameter(items[pl.item], pl.k, x[n])
			}
		}
		for i := range items {
			if p.free[i] && items[i].Model == ThreePL {
				v += prior.C.logDensity(items[i].C)
			}
		}
		// The densities are maximised as they are, not scaled to add up to 1.
		weights := 0.0
		for q := range 61 {
			x := -6 + 0.2*float64(q)
			weights += 0.2 * math.Exp(-(x-mean)*(x-mean)/(2*sd*sd)) / (sd * math.Sqrt(2*math.Pi))
		}
		return v + bruteForce(items, scores, mean, sd) + float64(len(scores))*math.Log(weights)
	}
}

// TestEveryModelReachesItsMaximum: at the estimates the slope of the brute-force
// likelihood is nought in every direction, its curvature gives the standard
// errors, and the true items lie where those say.
func TestEveryModelReachesItsMaximum(t *testing.T) {
	for _, m := range Models {
		for _, anchored := range []bool{false, true} {
			t.Run(fmt.Sprint(m, " anchored ", anchored), func(t *testing.T) {
				items := testItems(m, 5)
				mean, sd := 0.0, 1.0
				if anchored {
					mean, sd = 0.4, 0.8
				}
				persons := 1500
				if testing.Short() {
					persons = 750
				}
				_, scores := simulate(items, persons, mean, sd, 12)
				r := rand.New(rand.NewPCG(1, 2))
				for p := range scores {
					if p%3 == 0 {
						scores[p][r.IntN(5)] = -1
					}
				}
				var fixed []ItemFit
				if anchored {
					fixed = fitOf(m, items[:2]).Items
				}
				responses := responsesOf(items, scores)
				f, err := Calibrate(responses, Options{Model: m, Fixed: fixed})
				if err != nil {
					t.Fatal(err)
				}
				if !f.Converged || len(f.Warnings) > 0 {
					t.Fatalf("converged %v, warnings %v", f.Converged, f.Warnings)
				}
				if got, want := float64(f.LogLik), bruteForce(f.Bank(), scores, float64(f.Latent.Mean), float64(f.Latent.SD)); math.Abs(got-want) > 1e-7 {
					t.Errorf("loglik %v, by brute force %v", got, want)
				}
				// The same problem at the estimates.
				prior := Prior{}
				if m == ThreePL {
					prior.C = GuessingPrior
				}
				s, err := prepare(responses, m, fixed)
				if err != nil {
					t.Fatal(err)
				}
				free := make([]bool, 5)
				for i := range free {
					free[i] = !s.fixed[i]
					s.items[i] = f.Bank()[i]
				}
				p := newProblem(newEngine(Nodes(DefaultNodes, -GridEnd, GridEnd), s.items, pack(s.categories, s.persons, s.cats())),
					prior, free, m == OnePL && !anchored, anchored, anchored || m == Rasch || m == PCM)
				p.mean, p.sd = float64(f.Latent.Mean), float64(f.Latent.SD)
				v := objective(p, scores, prior)
				n := len(p.places)
				if n != f.Parameters {
					t.Fatalf("%d places, %d parameters", n, f.Parameters)
				}
				x := make([]float64, n)
				const h = 1e-3
				hessian := mat.NewSymDense(n, nil)
				at := func(i, j int, a, b float64) float64 {
					x[i] += a
					x[j] += b
					y := v(x)
					x[i], x[j] = 0, 0
					return y
				}
				v0 := v(x)
				for i := range n {
					up, down := at(i, i, h, 0), at(i, i, -h, 0)
					c := -(up - 2*v0 + down) / (h * h)
					if slope := (up - down) / (2 * h); math.Abs(slope)/math.Sqrt(c) > 2e-4 {
						t.Errorf("place %v: slope %v at the estimate (curvature %v)", p.places[i], slope, c)
					}
					hessian.SetSym(i, i, c)
					for j := range i {
						hessian.SetSym(i, j, -(at(i, j, h, h)-at(i, j, h, -h)-at(i, j, -h, h)+at(i, j, -h, -h))/(4*h*h))
					}
				}
				p.evaluate()
				for i, g := range p.grad {
					if math.Abs(g)/math.Sqrt(hessian.At(i, i)) > 1e-5 {
						t.Errorf("place %v: gradient %v at the estimate", p.places[i], g)
					}
				}
				info := p.information()
				for i := range n {
					for j := range i + 1 {
						scale := math.Sqrt(hessian.At(i, i) * hessian.At(j, j))
						if math.Abs(info.At(i, j)-hessian.At(i, j))/scale > 2e-4 {
							t.Errorf("information %v %v: %v, by differences %v", p.places[i], p.places[j], info.At(i, j), hessian.At(i, j))
						}
					}
				}
				// Recovery: squared standardised errors of d are about 1 each.
				if m == ThreePL {
					return // the prior pulls
				}
				z, count := 0.0, 0.0
				for i, it := range f.Items {
					for k, d := range it.D {
						if free[i] && (it.Model == m) {
							e := (float64(d) - items[i].D[k]) / float64(it.DSE[k])
							z += e * e
							count++
						}
					}
				}
				if z > count+5*math.Sqrt(2*count) {
					t.Errorf("squared standardised errors add up to %v over %v parameters", z, count)
				}
			})
		}
	}
}

// TestKnownItemsTellTheGroup: with every item fixed the mean and spread of the
// persons are what is estimated.
func TestKnownItemsTellTheGroup(t *testing.T) {
	for _, m := range []Model{Rasch, TwoPL, ThreePL, GPCM} {
		items := testItems(m, 20)
		_, scores := simulate(items, 4000, 0.6, 0.7, 4)
		heard := 0.0
		f, err := Calibrate(responsesOf(items, scores), Options{Model: m, Fixed: fitOf(m, items).Items, Progress: func(part float64) {
			if part < heard-1e-9 {
				t.Errorf("progress falls from %v to %v", heard, part)
			}
			heard = part
		}})
		if err != nil {
			t.Fatal(err)
		}
		if f.Parameters != 2 || !f.Converged || heard != 1 {
			t.Errorf("%s: %d parameters, converged %v, progress %v", m, f.Parameters, f.Converged, heard)
		}
		if z := float64((f.Latent.Mean - 0.6) / f.Latent.MeanSE); math.Abs(z) > 4 {
			t.Errorf("%s: mean %v ± %v", m, f.Latent.Mean, f.Latent.MeanSE)
		}
		if z := float64((f.Latent.SD - 0.7) / f.Latent.SDSE); math.Abs(z) > 4 {
			t.Errorf("%s: sd %v ± %v", m, f.Latent.SD, f.Latent.SDSE)
		}
	}
	f, err := Calibrate(func() *psychometrics.Responses {
		items := testItems(Rasch, 12)
		_, scores := simulate(items, 800, 0, 4, 4)
		return responsesOf(items, scores)
	}(), Options{Model: Rasch})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(f.Warnings, "\n"), "outside of the grid") {
		t.Errorf("sd %v, warnings %v", f.Latent.SD, f.Warnings)
	}
}

func TestTheLikelihoodNeverFalls(t *testing.T) {
	for _, m := range Models {
		items := testItems(m, 9)
		_, scores := simulate(items, 300, 0, 1, 5)
		before := math.Inf(-1)
		step := 1
		if testing.Short() {
			step = 5
		}
		for limit := 1; limit < 40; limit += step {
			f, err := Calibrate(responsesOf(items, scores), Options{Model: m, Limit: limit, NoSE: true})
			if err != nil {
				t.Fatal(err)
			}
			now := float64(f.LogLik + f.LogPrior)
			if m == Rasch || m == PCM { // the density maximised is not scaled
				sd := float64(f.Latent.SD)
				sum := 0.0
				for q := range 61 {
					x := (-6 + 0.2*float64(q)) / sd
					sum += 0.2 * math.Exp(-x*x/2) / (sd * math.Sqrt(2*math.Pi))
				}
				now += 300 * math.Log(sum)
			}
			if now < before-1e-9 {
				t.Errorf("%s: %v after %d evaluations, %v before", m, now, limit, before)
			}
			before = now
		}
	}
}

func TestOrderAndNamesDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, m := range Models {
		items := testItems(m, 8)
		_, scores := simulate(items, 600, 0, 1, 13)
		plainOrder := responsesOf(items, scores)
		f, err := Calibrate(plainOrder, Options{Model: m})
		if err != nil {
			t.Fatal(err)
		}
		order := r.Perm(8)
		var named []Item
		for _, i := range order {
			it := items[i]
			it.ID = "x" + it.ID
			named = append(named, it)
		}
		mixed := make([][]int, len(scores))
		for p, from := range r.Perm(len(scores)) {
			for _, i := range order {
				mixed[p] = append(mixed[p], scores[from][i])
			}
		}
		g, err := Calibrate(responsesOf(named, mixed), Options{Model: m})
		if err != nil {
			t.Fatal(err)
		}
		near(t, string(m)+" loglik", g.LogLik, (*float64)(&f.LogLik), 1e-6)
		for n, i := range order {
			a, b := f.Items[i], g.Items[n]
			tol := 1e-5
			if m == ThreePL {
				tol = 1e-4
			}
			near(t, b.ID+" a", b.A, (*float64)(&a.A), tol)
			for k := range a.D {
				near(t, b.ID+" d", b.D[k], (*float64)(&a.D[k]), tol)
				near(t, b.ID+" d SE", b.DSE[k], (*float64)(&a.DSE[k]), tol)
			}
		}
	}
}

func TestTheSameBytesOnOneCoreOrTwo(t *testing.T) {
	items := testItems(GPCM, 12)
	_, scores := simulate(items, 900, 0, 1, 3)
	r := responsesOf(items, scores)
	var out [2][]byte
	for n := range out {
		defer setProcs(setProcs(n + 1))
		f, err := Calibrate(r, Options{Model: GPCM})
		if err != nil {
			t.Fatal(err)
		}
		st, err := f.FitStats(r, StatOptions{Persons: true})
		if err != nil {
			t.Fatal(err)
		}
		if out[n], err = json.Marshal([]any{f, st}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out[0], out[1]) {
		t.Error("one core and two give other bytes")
	}
}

// anyMatrix draws a small and mostly senseless matrix.
func anyMatrix(r *rand.Rand) *psychometrics.Responses {
	n, k := 1+r.IntN(14), 1+r.IntN(9)
	out := &psychometrics.Responses{}
	for i := range k {
		out.Items, out.Max = append(out.Items, fmt.Sprint("i", i)), append(out.Max, 1+r.IntN(4)*r.IntN(2))
	}
	gaps, bias := r.Float64()*0.7, r.Float64()
	for p := range n {
		out.Persons = append(out.Persons, fmt.Sprint("p", p))
		for i := range k {
			c := psychometrics.Absent
			if r.Float64() > gaps {
				c = psychometrics.Cell(r.IntN(out.Max[i] + 1))
				if r.Float64() < bias {
					c = psychometrics.Cell(out.Max[i] * (p & 1))
				}
			}
			out.Cells = append(out.Cells, c)
		}
	}
	return out
}

func TestAnyMatrixHasAnAnswerOrAClearError(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	matrices := 80
	if testing.Short() {
		matrices = 8
	}
	for n := range matrices {
		data := anyMatrix(r)
		for _, m := range Models {
			f, err := Calibrate(data, Options{Model: m})
			if err != nil {
				if strings.TrimSpace(err.Error()) == "" {
					t.Errorf("matrix %d, %s: an empty error", n, m)
				}
				continue
			}
			if math.IsNaN(float64(f.LogLik)) || math.IsInf(float64(f.LogLik), 0) {
				t.Errorf("matrix %d, %s: loglik %v", n, m, f.LogLik)
			}
			for _, it := range f.Items {
				if math.IsNaN(float64(it.A)) != slices.ContainsFunc(f.Warnings, func(w string) bool {
					return strings.HasPrefix(w, "item "+it.ID+":") && strings.HasSuffix(w, "left out")
				}) {
					t.Errorf("matrix %d, %s: %+v, warnings %v", n, m, it, f.Warnings)
				}
			}
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			back, err := ReadFit("f", bytes.NewReader(text))
			if err != nil {
				t.Fatalf("matrix %d, %s: its own file is refused: %v\n%s", n, m, err, text)
			}
			for _, method := range Methods {
				if _, err := back.Score(data, method); err != nil {
					t.Errorf("matrix %d, %s by %s: %v", n, m, method, err)
				}
			}
			if _, err := back.FitStats(data, StatOptions{Persons: true}); err != nil {
				t.Errorf("matrix %d, %s: %v", n, m, err)
			}
		}
		if _, err := CalibrateCML(data, Options{Model: Rasch}); err != nil && err.Error() == "" {
			t.Error("an empty error")
		}
	}
}

func TestBadInputIsNamed(t *testing.T) {
	items := testItems(TwoPL, 6)
	_, scores := simulate(items, 200, 0, 1, 2)
	alter := func(change func(p int, row []int)) *psychometrics.Responses {
		var out [][]int
		for p, row := range scores {
			row = slices.Clone(row)
			change(p, row)
			out = append(out, row)
		}
		return responsesOf(items, out)
	}
	for name, c := range map[string]struct {
		r    *psychometrics.Responses
		want string
	}{
		"constant":  {alter(func(_ int, row []int) { row[2] = 1 }), "item i02: every answer scores 1"},
		"empty":     {alter(func(_ int, row []int) { row[2] = -1 }), "item i02: no answers"},
		"separated": {alter(func(p int, row []int) { copy(row[3*(p%2):], []int{-1, -1, -1}) }), "share no person with items"},
		"reversed":  {alter(func(_ int, row []int) { row[4] = 1 - row[4] }), "item i04: its slope is below 0"},
	} {
		f, err := Calibrate(c.r, Options{Model: TwoPL})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(f.Warnings, "\n"), c.want) || !f.Converged {
			t.Errorf("%s: converged %v, warnings %q, expected %q", name, f.Converged, f.Warnings, c.want)
		}
	}
	// Scores that nobody has.
	poly := testItems(GRM, 6)
	_, scores = simulate(poly, 400, 0, 1, 2)
	for p := range scores {
		if scores[p][2] == 1 {
			scores[p][2] = 3
		}
	}
	r := responsesOf(poly, scores)
	r.Max[2] = 5
	for _, m := range []Model{GRM, GPCM, PCM} {
		f, err := Calibrate(r, Options{Model: m})
		if err != nil {
			t.Fatal(err)
		}
		if it := f.Items[2]; len(it.D) != 2 || !slices.Equal(it.Scores, []int{0, 2, 3}) || !strings.Contains(strings.Join(f.Warnings, "\n"), "item i02: nobody scores 1, 4, 5") {
			t.Errorf("%s: %+v, warnings %v", m, it, f.Warnings)
		}
		if _, err := f.Score(r, EAP); err != nil {
			t.Error(err)
		}
	}
	// Ten persons and a hundred items.
	many := testItems(TwoPL, 100)
	_, scores = simulate(many, 10, 0, 1, 6)
	models := []Model{Rasch, OnePL, TwoPL, ThreePL}
	if testing.Short() {
		models = []Model{Rasch, TwoPL}
	}
	for _, m := range models {
		f, err := Calibrate(responsesOf(many, scores), Options{Model: m})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(f.Warnings, "\n"), "10 persons and") {
			t.Errorf("%s: %v", m, f.Warnings)
		}
		if f.Iterations > 500 || f.Converged && f.Iterations == 500 {
			t.Errorf("%s: converged %v after %d", m, f.Converged, f.Iterations)
		}
	}
	if _, err := Calibrate(responsesOf(items, [][]int{{-1, -1, -1, -1, -1, -1}}), Options{Model: TwoPL}); err == nil {
		t.Error("nothing was calibrated")
	}
	if _, err := Calibrate(responsesOf(items, scores[:1]), Options{Model: "4pl"}); err == nil {
		t.Error("4pl was taken")
	}
}

// setProcs sets how many cores are used, and gives how many were.
func setProcs(n int) int { return runtime.GOMAXPROCS(n) }
