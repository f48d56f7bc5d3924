package standard

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func near(t *testing.T, what string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s = %.9g, want %.9g", what, float64(got), want)
	}
}

func ratings(t testing.TB, first, csv string, least, most float64) *Ratings {
	t.Helper()
	r, err := ReadRatings("r", strings.NewReader(csv), first, least, most)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAngoffByHand: three judges, four items, worked out on paper.
func TestAngoffByHand(t *testing.T) {
	r := ratings(t, "item", "item,x,y,z\na,0.6,0.7,0.5\nb,0.8,0.9,0.7\nc,0.4,0.5,0.3\nd,0.9,0.9,0.9\n", 0, 1)
	a, err := AnalyseAngoff(r, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Sums 2.7, 3.0, 2.4: mean 2.7, sd 0.3, error 0.3/√3.
	near(t, "cut", a.Round.Cut, 2.7, 1e-12)
	near(t, "sd", a.Round.SD, 0.3, 1e-12)
	near(t, "se", a.Round.SE, 0.3/math.Sqrt(3), 1e-12)
	near(t, "away", a.Round.Judges[1].Away, 1, 1e-9)
	near(t, "mean of a", a.Items[0].Mean, 0.6, 1e-12)
	// Analysis of variance: items 3·Σ(mean−0.675)²/3, rest Σe²/6.
	items := 3 * (0.075*0.075 + 0.125*0.125 + 0.275*0.275 + 0.225*0.225) / 3
	rest := (6*0.025*0.025 + 2*0.075*0.075) / 6
	near(t, "reliability", a.Round.Reliability, 1-rest/items, 1e-9)
	judges := 4 * 2 * 0.075 * 0.075 / 2
	near(t, "error with items", a.Round.SEItems, 4*math.Sqrt((judges-rest)/4/3+(items-rest)/3/4+rest/12), 1e-9)
	if a.MaxScore != 4 || !math.IsNaN(float64(a.Theta)) || a.Before != nil {
		t.Errorf("%+v", a)
	}
}

func bank(n int) (items []irt.Item) {
	rng := rand.New(rand.NewPCG(1, 4))
	for i := range n {
		b := rng.NormFloat64()
		switch i % 3 {
		case 0:
			items = append(items, irt.FromB(fmt.Sprint("i", i), irt.TwoPL, 1.2, []float64{b}, 0))
		case 1:
			items = append(items, irt.FromB(fmt.Sprint("i", i), irt.ThreePL, 1, []float64{b}, 0.2))
		case 2:
			items = append(items, irt.FromB(fmt.Sprint("i", i), irt.GRM, 1, []float64{b - 0.5, b + 0.5}, 0))
		}
	}
	return items
}

// TestAngoffOnScale: judges who know the chances at a border find that border, and the
// error of the cut on the scale is that seen when panels are drawn again.
func TestAngoffOnScale(t *testing.T) {
	items := bank(24)
	const border = 0.4
	max := map[string]int{}
	for _, it := range items {
		max[it.ID] = it.Max()
	}
	rng := rand.New(rand.NewPCG(2, 2))
	var said, thetas []float64
	for range 200 {
		r := &Ratings{}
		for j := range 8 {
			r.Judges = append(r.Judges, fmt.Sprint("j", j))
		}
		lean := make([]float64, 8)
		for j := range lean {
			lean[j] = 0.3 * rng.NormFloat64()
		}
		for _, it := range items {
			r.Rows = append(r.Rows, it.ID)
			for j := range lean {
				r.Values = append(r.Values, it.Expected(border+lean[j]))
			}
		}
		a, err := AnalyseAngoff(r, nil, max, items)
		if err != nil {
			t.Fatal(err)
		}
		thetas, said = append(thetas, float64(a.Theta)), append(said, float64(a.ThetaSE))
		if a.Round.Consistency < 0.95 || a.Round.Reliability < 0.95 {
			t.Fatalf("%+v", a.Round)
		}
	}
	near(t, "border", Number(mean(thetas)), border, 0.03)
	near(t, "error", Number(mean(said)/deviation(thetas)), 1, 0.15)
}

// TestRounds: the discussion brings judges together, or it is said that it did not.
func TestRounds(t *testing.T) {
	near := ratings(t, "item", "item,x,y\na,0.5,0.6\nb,0.5,0.5\n", 0, 1)
	far := ratings(t, "item", "item,x,y\na,0.2,0.9\nb,0.5,0.5\n", 0, 1)
	a, err := AnalyseAngoff(near, far, nil, nil)
	if err != nil || a.Before == nil || a.Before.SD <= a.Round.SD || len(a.Warnings) > 0 {
		t.Errorf("%v, %+v", err, a)
	}
	a, err = AnalyseAngoff(far, near, nil, nil)
	if err != nil || len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "differ more after") {
		t.Errorf("%v, %q", err, a.Warnings)
	}
}

// TestBookmark: the booklet rises, a page's location is where its score is reached with
// the response probability, and the cut is that of the last page mastered.
func TestBookmark(t *testing.T) {
	items := bank(12)
	r := ratings(t, "level", "level,x,y,z\nbasic,4,5,7\nhigh,12,13,11\n", 1, 1000)
	b, err := AnalyseBookmark(r, items, 2.0/3)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Booklet) != 16 {
		t.Fatalf("%d pages", len(b.Booklet))
	}
	for i, page := range b.Booklet {
		if i > 0 && page.Theta < b.Booklet[i-1].Theta || page.Page != i+1 {
			t.Errorf("page %+v after %+v", page, b.Booklet[max(0, i-1)])
		}
		for _, it := range items {
			if it.ID == page.Item {
				p := make([]float64, it.Max()+1)
				it.Probabilities(float64(page.Theta), p)
				var sum float64
				for _, x := range p[page.Score:] {
					sum += x
				}
				near(t, page.Item, Number(sum), 2.0/3, 1e-8)
			}
		}
	}
	basic := b.Levels[0]
	near(t, "median", basic.Median, float64(b.Booklet[3].Theta), 1e-12)
	near(t, "mean", basic.Cut, float64(b.Booklet[2].Theta+b.Booklet[3].Theta+b.Booklet[5].Theta)/3, 1e-12)
	near(t, "points", basic.Points, expected(items, float64(basic.Median)), 1e-12)
	if b.Levels[1].Median <= basic.Median || len(b.Warnings) != 0 {
		t.Errorf("%+v, %q", b.Levels[1], b.Warnings)
	}
	for csv, want := range map[string]string{
		"level,x\nbasic,1\n":      "page 1, expected 2 to 17",
		"level,x\nbasic,18\n":     "page 18, expected 2 to 17",
		"level,x\nbasic,2.5\n":    "page 2.5",
		"level,x,y\nbasic,,\n":    "level basic has no bookmark",
		"level,x\nok,4\nbasic,\n": "level basic has no bookmark",
	} {
		if _, err := AnalyseBookmark(ratings(t, "level", csv, 1, 1000), items, 2.0/3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", csv, err)
		}
	}
	if _, err := AnalyseBookmark(r, items, 1); err == nil {
		t.Error("a response probability of 1 was taken")
	}
	// Guessing over the response probability: there is no such page.
	easy := []irt.Item{irt.FromB("g", irt.ThreePL, 1, []float64{0}, 0.7), irt.FromB("h", irt.TwoPL, 1, []float64{0}, 0)}
	low, err := AnalyseBookmark(ratings(t, "level", "level,x\nbasic,2\n", 1, 1000), easy, 2.0/3)
	if err != nil || len(low.Booklet) != 1 || !strings.Contains(low.Warnings[0], "item g (score 1)") {
		t.Errorf("%v, %+v", err, low)
	}
	near(t, "of h", low.Levels[0].Median, math.Log(2), 1e-9)
}

// TestBorderline: the median of those at the border, its error as theory has it for
// normal scores.
func TestBorderline(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var group []Borderliner
	for i := range 400 {
		group = append(group, Borderliner{Person: fmt.Sprint(i), Judge: fmt.Sprint("j", i%5), Score: 50 + 8*rng.NormFloat64()})
	}
	b, err := AnalyseBorderline(group)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "median", b.Median, 50, 1.5)
	near(t, "error", b.SE/Number(1.2533*8/20), 1, 0.3)
	if !(b.CI95[0] < b.Median && b.Median < b.CI95[1]) || len(b.Judges) != 5 || len(b.Warnings) != 0 {
		t.Errorf("%+v", b)
	}
	if again, _ := AnalyseBorderline(group); fmt.Sprint(again) != fmt.Sprint(b) {
		t.Error("the same group gives other figures")
	}
	one, err := AnalyseBorderline(group[:1])
	if err != nil || !math.IsNaN(float64(one.SE)) || len(one.Warnings) != 1 {
		t.Errorf("%v, %+v", err, one)
	}
	if _, err := json.Marshal(one); err != nil {
		t.Error(err)
	}
	if _, err := AnalyseBorderline(nil); err == nil {
		t.Error("an empty group has a cut")
	}
}

func TestAngoffHardData(t *testing.T) {
	for csv, want := range map[string]string{
		"item,x\na,0.5\nb,0.7\n":                "one judge rated every item",
		"item,x,y\na,0.5,\nb,0.7,0.5\n":         "judge y left items out",
		"item,x,y\na,0.5,0.5\nb,0.5,0.5\n":      "",
		"item,x,y,z\na,0.5,0.5,1\n":             "",
		"item,x,y\na,0,0\nb,0,0\nc,0,0\nd,0,0 ": "",
	} {
		a, err := AnalyseAngoff(ratings(t, "item", csv, 0, 1), nil, nil, nil)
		if err != nil {
			t.Errorf("%q: %v", csv, err)
			continue
		}
		if _, err := json.Marshal(a); err != nil {
			t.Errorf("%q: %v", csv, err)
		}
		if !strings.Contains(strings.Join(a.Warnings, "\n"), want) {
			t.Errorf("%q: %q", csv, a.Warnings)
		}
	}
	if _, err := AnalyseAngoff(ratings(t, "item", "item,x,y\na,0.5,\nb,,0.5\n", 0, 1), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "no judge rated every item") {
		t.Errorf("%v", err)
	}
	if _, err := AnalyseAngoff(ratings(t, "item", "item,x\na,2\n", 0, 9), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "item a, judge x: 2 points of 1") {
		t.Errorf("%v", err)
	}
	if _, err := AnalyseAngoff(ratings(t, "item", "item,x\na,1\n", 0, 9), nil, nil, bank(3)); err == nil || !strings.Contains(err.Error(), "item a is not in the calibration") {
		t.Errorf("%v", err)
	}
}

func TestRead(t *testing.T) {
	for csv, want := range map[string]string{
		"task,x\na,1\n":           `r:1: the header begins with "task,x", expected item,<judge>,…`,
		"item,x,x\na,1,1\n":       `column 3 repeats judge "x" of column 2`,
		"item,x\na,2\n":           `r:2: judge x: "2", expected a number from 0 to 1`,
		"item,x\na,so\n":          `judge x: "so"`,
		"item,x\na,1\na,1\n":      `r:3: item "a" stands on line 2 already`,
		"item,x\n":                "r: no items after the header",
		"item,x\na,0.5,1\n":       "r:2: 3 cells, expected 2",
		"item,x\na,\"0\n,5\"\nb,": "quoted",
	} {
		if _, err := ReadRatings("r", strings.NewReader(csv), "item", 0, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", csv, err)
		}
	}
	for csv, want := range map[string]string{
		"person,score,judge,x\n":    "expected person,score or person,score,judge",
		"person,score\np,x\n":       `b:2: score "x", expected a number`,
		"person,score\np,1\np,2\n":  `b:3: person "p" has no id or stands above already`,
		"person,score,judge\np,1\n": "b:2: 2 cells, expected 3",
	} {
		if _, err := ReadBorderline("b", strings.NewReader(csv)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", csv, err)
		}
	}
	got, err := ReadBorderline("b", strings.NewReader("person;score;judge\np;1.5;x\np;1.5;y\n"))
	if err != nil || len(got) != 2 || got[1].Judge != "y" {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("item,x,y\na,0.5,\n")
	f.Add("person,score\np,3\n")
	f.Fuzz(func(t *testing.T, csv string) {
		for _, read := range []func(string, io.Reader) (any, error){
			func(name string, in io.Reader) (any, error) {
				r, err := ReadRatings(name, in, "item", 0, 1)
				if err != nil {
					return nil, err
				}
				return AnalyseAngoff(r, nil, nil, nil)
			},
			func(name string, in io.Reader) (any, error) {
				g, err := ReadBorderline(name, in)
				if err != nil || len(g) > 100 {
					return nil, err
				}
				return AnalyseBorderline(g)
			},
		} {
			if got, err := read("f", strings.NewReader(csv)); err == nil {
				if _, err := json.Marshal(got); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
