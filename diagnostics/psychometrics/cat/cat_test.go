package cat

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func table(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/cat_bank80/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// bank80 is the reference bank under a model, with its domains.
func bank80(t testing.TB, model irt.Model) (items []irt.Item, domains map[string]string) {
	domains = map[string]string{}
	for _, row := range table(t, "bank.csv") {
		a, b, c := number(t, row[1]), number(t, row[2]), number(t, row[3])
		switch model {
		case irt.OnePL:
			a, c = 1, 0
		case irt.TwoPL:
			c = 0
		}
		items = append(items, irt.FromB(row[0], model, a, []float64{b}, c))
		domains[row[0]] = row[5]
	}
	return items, domains
}

func bankPoly(t testing.TB, model irt.Model) (items []irt.Item) {
	for _, row := range table(t, "bank_poly.csv") {
		items = append(items, irt.FromB(row[0], model, number(t, row[1]), []float64{number(t, row[2]), number(t, row[3]), number(t, row[4])}, 0))
	}
	return items
}

// examinees is the answers of each, by item.
func examinees(t testing.TB) (answers [][]int) {
	for _, row := range table(t, "responses.csv") {
		var scores []int
		for _, cell := range row[2:] {
			scores = append(scores, int(number(t, cell)))
		}
		answers = append(answers, scores)
	}
	return answers
}

type step struct {
	Item   []int     `json:"item"`
	Answer []int     `json:"answer"`
	Domain []string  `json:"domain"`
	Theta  []float64 `json:"theta"`
	SE     []float64 `json:"se"`
}

type reference struct {
	NextRaw map[string]map[string]json.RawMessage `json:"next_item_one_step"`
	Runs    map[string]map[string]map[string]step `json:"cat_runs"`
	Content struct {
		Runs map[string]step `json:"runs"`
	} `json:"content_balanced_2pl"`
	Poly map[string]struct {
		Cat map[string]step `json:"cat"`
	} `json:"poly"`
}

func expected(t testing.TB) (r reference) {
	t.Helper()
	b, err := os.ReadFile("testdata/cat_bank80/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func prepared(t testing.TB, items []irt.Item, s Settings) *Bank {
	t.Helper()
	b, err := NewBank(items, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// follows runs a test over known answers and compares item by item. Where two items
// inform alike to the last bit (items 32 and 35 as 1pl), catR draws by chance and the
// comparison ends; catR's MAP is a search to 1e-4.
func follows(t *testing.T, what string, b *Bank, want step, answer func(item int) int) {
	t.Helper()
	got, err := b.run("", 0, nil, func(i int) (int, error) { return answer(i), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	tolerance := 1e-6
	if b.Settings.Estimator == irt.MAP {
		tolerance = 1e-3
	}
	for k, id := range got.Items {
		if k >= len(want.Item) {
			t.Errorf("%s: %d items, want %d", what, len(got.Items), len(want.Item))
			return
		}
		if id != strconv.Itoa(want.Item[k]) && k > 0 {
			at, other := float64(got.Theta[k-1]), want.Item[k]-1
			mine := slices.IndexFunc(b.Items, func(it irt.Item) bool { return it.ID == id })
			if b.Items[mine].Information(at) == b.Items[other].Information(at) {
				return
			}
		}
		if id != strconv.Itoa(want.Item[k]) || math.Abs(float64(got.Theta[k])-want.Theta[k]) > tolerance || math.Abs(float64(got.SE[k])-want.SE[k]) > tolerance {
			t.Errorf("%s step %d: item %s %.9f ± %.9f, want %d %.9f ± %.9f", what, k+1, id, got.Theta[k], got.SE[k], want.Item[k], want.Theta[k], want.SE[k])
			return
		}
		if want.Domain != nil && b.Settings.Domains[id] != want.Domain[k] {
			t.Errorf("%s step %d: domain %s, want %s", what, k+1, b.Settings.Domains[id], want.Domain[k])
		}
	}
	if len(got.Items) < len(want.Item) {
		t.Errorf("%s: %d items, want %d", what, len(got.Items), len(want.Item))
	}
}

// TestRuns: whole tests item by item as catR gives them, three models, two estimators,
// two ways to stop.
func TestRuns(t *testing.T) {
	want, answers := expected(t), examinees(t)
	runs := 0
	for model, people := range want.Runs {
		items, _ := bank80(t, irt.Model(model))
		for kind, s := range map[string]Settings{
			"EAP_MFI_len20":        {MaxItems: 20},
			"MAP_MFI_len20":        {MaxItems: 20, Estimator: irt.MAP},
			"EAP_MFI_se0.35_max40": {MaxItems: 40, StopSE: 0.35},
		} {
			b := prepared(t, items, s)
			for person, known := range people {
				n, err := strconv.Atoi(strings.TrimPrefix(person, "examinee"))
				if err != nil {
					t.Fatal(err)
				}
				follows(t, model+" "+person+" "+kind, b, known[kind], func(i int) int { return answers[n-1][i] })
				runs++
			}
		}
	}
	if runs != 99 {
		t.Errorf("%d runs compared, want 99", runs)
	}
}

// TestContent: the domain furthest under its share goes first.
func TestContent(t *testing.T) {
	want, answers := expected(t), examinees(t)
	items, domains := bank80(t, irt.TwoPL)
	b := prepared(t, items, Settings{MaxItems: 20, Domains: domains, Content: []Share{{"plan", 0.25}, {"teach", 0.35}, {"assess", 0.25}, {"reflect", 0.15}}})
	for n := range answers {
		person := fmt.Sprintf("examinee%d", n+1)
		follows(t, person, b, want.Content.Runs[person], func(i int) int { return answers[n][i] })
	}
}

// TestSeveralPoints: graded and partial credit items.
func TestSeveralPoints(t *testing.T) {
	for name, model := range map[string]irt.Model{"GRM": irt.GRM, "GPCM": irt.GPCM} {
		b := prepared(t, bankPoly(t, model), Settings{MaxItems: 10})
		for person, run := range expected(t).Poly[name].Cat {
			follows(t, name+" "+person, b, run, func(i int) int {
				k := slices.Index(run.Item, i+1)
				if k < 0 {
					return 0
				}
				return run.Answer[k]
			})
		}
	}
}

// TestRules: the next item after three answers under nine rules.
func TestRules(t *testing.T) {
	for model, raw := range expected(t).NextRaw {
		items, _ := bank80(t, irt.Model(model))
		var history, scores []int
		var at float64
		for key, into := range map[string]any{"history": &history, "answers": &scores, "theta_EAP": &at} {
			if err := json.Unmarshal(raw[key], into); err != nil {
				t.Fatal(err)
			}
		}
		for _, rule := range Rules {
			var want struct {
				Item  int     `json:"item"`
				Value float64 `json:"crit_value"`
			}
			name := map[Rule]string{MFI: "MFI", BOpt: "bOpt", ThOpt: "thOpt", MLWI: "MLWI", MPWI: "MPWI", MEI: "MEI", MEPV: "MEPV", KL: "KL", KLP: "KLP"}[rule]
			if err := json.Unmarshal(raw[name], &want); err != nil {
				t.Fatal(err)
			}
			test := prepared(t, items, Settings{Rule: rule}).Begin(0)
			for k, item := range history {
				test.pending, test.used[item-1] = item-1, true
				if err := test.Record(scores[k]); err != nil {
					t.Fatal(err)
				}
			}
			if math.Abs(test.theta-at) > 1e-6 {
				t.Errorf("%s: θ %.9f, want %.9f", model, test.theta, at)
			}
			got, _ := test.Next(nil)
			value := math.Abs(test.Value())
			if got+1 != want.Item || math.Abs(value/want.Value-1) > 1e-5 {
				t.Errorf("%s %s: item %d %.9f, want %d %.9f", model, rule, got+1, value, want.Item, want.Value)
			}
		}
	}
}

// TestBounds: the quick search gives the same items as looking at every one, in order,
// wherever the person is, guessing and items of several points included.
func TestBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	items := mixed(rng, 200)
	b := prepared(t, items, Settings{})
	for range 2000 {
		theta := rng.NormFloat64() * 2
		n := 1 + rng.IntN(6)
		barred := rng.IntN(200)
		may := func(i int) bool { return i%7 != barred%7 }
		slow := best{n: n}
		for i := range items {
			if may(i) {
				slow.add(candidate{i, items[i].Information(theta)})
			}
		}
		if got := b.informative(theta, n, may); !slices.Equal(got, slow.list) {
			t.Fatalf("at %g: %v, one by one %v", theta, got, slow.list)
		}
	}
}

// mixed draws items of every kind.
func mixed(rng *rand.Rand, n int) (items []irt.Item) {
	for i := range n {
		a, x := math.Exp(0.4*rng.NormFloat64()), rng.NormFloat64()
		id := fmt.Sprintf("i%03d", i)
		switch i % 4 {
		case 0:
			items = append(items, irt.FromB(id, irt.TwoPL, a, []float64{x}, 0))
		case 1:
			items = append(items, irt.FromB(id, irt.ThreePL, a, []float64{x}, 0.3*rng.Float64()))
		case 2:
			items = append(items, irt.FromB(id, irt.GRM, a, []float64{x - 1, x + rng.Float64()}, 0))
		case 3:
			items = append(items, irt.FromB(id, irt.GPCM, a, []float64{x - 1, x + 1, x}, 0))
		}
	}
	return items
}

// TestLog: with draws, content and a bound on the error, a written log replays to the
// last bit; a changed one does not, and the step is named.
func TestLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	items := mixed(rng, 60)
	fit := fitOf(t, items)
	domains := map[string]string{}
	r := &psychometrics.Responses{Warnings: []string{}}
	for i, it := range items {
		domains[it.ID] = []string{"x", "y"}[i%2]
		r.Items, r.Max = append(r.Items, it.ID), append(r.Max, it.Max())
	}
	for p := range 20 {
		r.Persons = append(r.Persons, fmt.Sprint("p", p))
		for i, it := range items {
			c := psychometrics.Cell(rng.IntN(it.Max() + 1))
			if p > 15 && i%3 == 0 {
				c = psychometrics.Absent
			}
			r.Cells = append(r.Cells, c)
		}
	}
	log, err := ReplayResponses(fit, r, Settings{Randomesque: 4, Seed: 99, StopSE: 0.3, MinItems: 5, MaxItems: 25, Domains: domains, Content: []Share{{"x", 2}, {"y", 1}}})
	if err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadLog("log", strings.NewReader(string(written)))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := Replay(fit.Bank(), back); err != nil || len(d) > 0 {
		t.Fatalf("%v, %q", err, d)
	}
	if slices.Equal(log.Persons[0].Items, log.Persons[1].Items) && slices.Equal(log.Persons[1].Items, log.Persons[2].Items) {
		t.Error("draws among four give everyone the same items")
	}
	for _, run := range log.Persons[16:] {
		for _, id := range run.Items {
			if i := slices.IndexFunc(items, func(it irt.Item) bool { return it.ID == id }); i%3 == 0 {
				t.Errorf("%s was given %s, which has no answer", run.Person, id)
			}
		}
	}
	back.Persons[3].Scores[2] = (back.Persons[3].Scores[2] + 1) % 2
	if d, err := Replay(fit.Bank(), back); err != nil || len(d) != 1 || !strings.HasPrefix(d[0], "person p3, step 3") {
		t.Errorf("%v, %q", err, d)
	}
	back.Settings.Seed++
	if d, _ := Replay(fit.Bank(), back); len(d) < 10 {
		t.Errorf("another seed gives %d differences", len(d))
	}
}

func fitOf(t testing.TB, items []irt.Item) *irt.Fit {
	t.Helper()
	f := &irt.Fit{Model: irt.GPCM, Warnings: []string{}}
	f.Latent.SD = 1
	for _, it := range items {
		one := irt.ItemFit{ID: it.ID, Model: it.Model, A: Number(it.A), C: Number(it.C)}
		for _, d := range it.D {
			one.D = append(one.D, Number(d))
		}
		f.Items = append(f.Items, one)
	}
	return f
}

// TestSimulate: estimates follow the truth with the error they claim; draws and bounds
// on exposure spread the items; the same seed gives the same figures.
func TestSimulate(t *testing.T) {
	items, domains := bank80(t, irt.TwoPL)
	plain, err := Simulate(items, Settings{MaxItems: 20, Seed: 1}, 1500)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Length != 20 || math.Abs(float64(plain.Bias)) > 0.05 || math.Abs(float64(plain.RMSE/plain.SE)-1) > 0.1 || plain.Correlation < 0.9 {
		t.Errorf("%+v", plain)
	}
	again, _ := Simulate(items, Settings{MaxItems: 20, Seed: 1}, 1500)
	if a, b := fmt.Sprintf("%+v", plain), fmt.Sprintf("%+v", again); a != b {
		t.Error("the same seed gives other figures")
	}
	drawn, _ := Simulate(items, Settings{MaxItems: 20, Seed: 1, Randomesque: 6}, 1500)
	if plain.MaxUsage != 1 || drawn.Unused >= plain.Unused || drawn.Overlap >= plain.Overlap {
		t.Errorf("plain: most %v, unused %d, overlap %v; drawn: %v, %d, %v", plain.MaxUsage, plain.Unused, plain.Overlap, drawn.MaxUsage, drawn.Unused, drawn.Overlap)
	}
	bound, _ := Simulate(items, Settings{MaxItems: 20, Seed: 1, MaxExposure: 0.4}, 1500)
	if bound.MaxUsage > 0.401 {
		t.Errorf("an item went to %v of the tests", bound.MaxUsage)
	}
	balanced, _ := Simulate(items, Settings{MaxItems: 20, Seed: 1, Domains: domains, Content: []Share{{"plan", 0.25}, {"teach", 0.35}, {"assess", 0.25}, {"reflect", 0.15}}}, 200)
	for k, d := range balanced.Domains {
		if math.Abs(d.Share-[]float64{0.25, 0.35, 0.25, 0.15}[k]) > 1e-9 {
			t.Errorf("%+v", d)
		}
	}
	short, _ := Simulate(items, Settings{StopSE: 0.4, Seed: 1}, 500)
	if short.SE > 0.4 || short.Length >= 40 {
		t.Errorf("%v items, error %v", short.Length, short.SE)
	}
}

// TestSettings: what cannot be is refused by name.
func TestSettings(t *testing.T) {
	items, _ := bank80(t, irt.TwoPL)
	for want, s := range map[string]Settings{
		`rule "best"`:              {Rule: "best"},
		`estimator "wle"`:          {Estimator: irt.WLE},
		"sd over 0":                {PriorSD: -1},
		"a grid of 2 points":       {Points: 2},
		"stop at a standard error": {StopSE: -1},
		"expected none under 0":    {MaxItems: -1},
		"largest exposure":         {MaxExposure: 2},
		`domain "x" has share 0`:   {Content: []Share{{"x", 0}}},
		"which has no share":       {Content: []Share{{"x", 1}}},
	} {
		if _, err := NewBank(items, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if _, err := NewBank(nil, Settings{}); err == nil {
		t.Error("a bank without items was taken")
	}
	if _, err := NewBank([]irt.Item{items[0], items[0]}, Settings{}); err == nil || !strings.Contains(err.Error(), "item 1 stands twice") {
		t.Errorf("%v", err)
	}
	if _, err := NewBank(bankPoly(t, irt.GRM), Settings{Rule: ThOpt}); err == nil || !strings.Contains(err.Error(), "is of 0/1 items") {
		t.Errorf("%v", err)
	}
	test := prepared(t, items, Settings{}).Begin(0)
	if err := test.Record(1); err == nil {
		t.Error("an answer without an item was taken")
	}
	first, _ := test.Next(nil)
	if err := test.Record(2); err == nil || !strings.Contains(err.Error(), "score 2, expected 0 to 1") {
		t.Errorf("%v", err)
	}
	if again, _ := test.Next(nil); again != first {
		t.Error("a refused answer changed the item")
	}
}

// TestWholeBank: a test without an end uses every item once, and estimates stay numbers.
func TestWholeBank(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	var items []irt.Item
	for i := range 2000 {
		items = append(items, irt.FromB(fmt.Sprint(i), irt.TwoPL, 2, []float64{rng.NormFloat64()}, 0))
	}
	got, err := prepared(t, items, Settings{}).run("", 0, nil, func(i int) (int, error) { return i % 2, nil })
	if err != nil || got.End != UsedUp || len(got.Items) != 2000 {
		t.Fatalf("%v, %q, %d items", err, got.End, len(got.Items))
	}
	for k := range got.Theta {
		if math.IsNaN(float64(got.Theta[k])) || math.IsNaN(float64(got.SE[k])) {
			t.Fatalf("step %d: %v ± %v", k+1, got.Theta[k], got.SE[k])
		}
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add(`{"settings":{"max_items":2},"persons":[{"person":"p","whole_bank":true,"items":["1"],"scores":[1],"theta":[0.1],"se":[0.9]}]}`)
	items, _ := bank80(f, irt.ThreePL)
	f.Fuzz(func(t *testing.T, text string) {
		log, err := ReadLog("log", strings.NewReader(text))
		if err != nil || log.Settings.Points > 200 || len(log.Persons) > 20 {
			return
		}
		_, _ = Replay(items, log)
	})
}

// TestMode: at MAP the posterior's slope is nought, wherever the answers lead.
func TestMode(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 4))
	items := mixed(rng, 40)
	b := prepared(t, items, Settings{Estimator: irt.MAP, MaxItems: 15})
	for range 40 {
		test := b.Begin(0)
		for {
			item, _ := test.Next(nil)
			if item < 0 {
				break
			}
			if err := test.Record(rng.IntN(items[item].Max() + 1)); err != nil {
				t.Fatal(err)
			}
			here := b.logPosterior(test.theta, test.answers)
			for x := -4.0; x <= 4; x += 0.05 {
				if b.logPosterior(x, test.answers) > here+1e-12 {
					t.Fatalf("%g is higher than %g", x, test.theta)
				}
			}
			const h = 1e-4
			if slope := (b.logPosterior(test.theta+h, test.answers) - b.logPosterior(test.theta-h, test.answers)) / (2 * h); math.Abs(slope) > 1e-4 {
				t.Fatalf("slope %g at %g", slope, test.theta)
			}
		}
	}
}
