package quality

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// exam is ten tasks of one choice, "a" right, and one of three points, written by n
// people whose ability is normal. odd changes what a person answers.
func exam(n int, seed uint64, odd func(person, item int, theta float64, r *rand.Rand, right bool) bool) ([]Task, []Work) {
	r := rand.New(rand.NewPCG(seed, 1))
	tasks := []Task{}
	for i := range 11 {
		t := Task{VersionID: int64(100 + i), Position: i + 1, Part: task.Subject, Kind: task.SingleChoice, Max: 1,
			Places: []Place{{Menu: ctt.Menu{Options: []string{"a", "b", "c", "d"}, Key: map[string]bool{"a": true}}}}}
		if i == 10 {
			t.Kind, t.Max, t.Places = task.Extended, 3, nil
		}
		tasks = append(tasks, t)
	}
	works := []Work{}
	for p := range n {
		theta := r.NormFloat64()
		w := Work{Revision: int64(1000 + p), Answers: map[int64]Answer{}, Focal: map[string]bool{"rural": p%2 == 0}}
		for i, t := range tasks {
			right := r.Float64() < 1/(1+math.Exp(-1.5*(theta-(float64(i)/5-1))))
			if odd != nil {
				right = odd(p, i, theta, r, right)
			}
			a := Answer{}
			switch {
			case i == 10:
				a.Points = float64(min(3, max(0, int(math.Round(1.5+theta+0.5*r.NormFloat64())))))
			case right:
				a.Points, a.Steps = 1, []task.Step{{Given: "a", Right: true}}
			default:
				a.Steps = []task.Step{{Given: []string{"b", "c"}[r.IntN(2)]}}
			}
			w.Answers[t.VersionID] = a
		}
		works = append(works, w)
	}
	return tasks, works
}

func codesOf(f TaskFigure) string {
	said := []string{}
	for _, flag := range f.Flags {
		said = append(said, flag.Code+flag.At)
	}
	return strings.Join(said, " ")
}

// Against the formulas written out: share of points, correlation with the rest, alpha.
func TestFiguresByDefinition(t *testing.T) {
	tasks, works := exam(300, 7, nil)
	s := Compute(tasks, works)
	if len(s.Parts) != 1 || len(s.Tasks) != 11 || len(s.Parts[0].Variants) != 1 {
		t.Fatalf("%+v", s.Parts)
	}
	point := func(w Work, i int) float64 { return w.Answers[tasks[i].VersionID].Points }
	variance := func(of func(Work) float64) float64 {
		mean, sum := 0.0, 0.0
		for _, w := range works {
			mean += of(w) / float64(len(works))
		}
		for _, w := range works {
			sum += (of(w) - mean) * (of(w) - mean)
		}
		return sum / float64(len(works)-1)
	}
	total := func(w Work) (sum float64) {
		for i := range tasks {
			sum += point(w, i)
		}
		return sum
	}
	items := 0.0
	for i, f := range s.Tasks {
		mean := 0.0
		for _, w := range works {
			mean += point(w, i) / tasks[i].Max / float64(len(works))
		}
		item, rest := func(w Work) float64 { return point(w, i) }, func(w Work) float64 { return total(w) - point(w, i) }
		covariance := (variance(total) - variance(item) - variance(rest)) / 2
		if r := covariance / math.Sqrt(variance(item)*variance(rest)); math.Abs(float64(f.Rest)-r) > 1e-9 || math.Abs(float64(f.P)-mean) > 1e-12 {
			t.Errorf("task %d: p %v, rest %v, by definition %v, %v", i, f.P, f.Rest, mean, r)
		}
		items += variance(item)
	}
	alpha := 11.0 / 10 * (1 - items/variance(total))
	if got := float64(s.Parts[0].Reliability()); math.Abs(got-alpha) > 1e-9 {
		t.Errorf("alpha %v, by definition %v", got, alpha)
	}
	if got, want := float64(s.Parts[0].SEM()), math.Sqrt(variance(total)*(1-alpha))/13; math.Abs(got-want) > 1e-9 {
		t.Errorf("error of a share %v, by definition %v", got, want)
	}
	// Nobody chose d, in no task: that is all there is to say of sound tasks.
	for _, f := range s.Tasks[:10] {
		if codesOf(f) != ctt.DistractorUnused+"d" {
			t.Errorf("task %d: %s", f.Position, codesOf(f))
		}
		if n := f.Choices[0].Options[0].N + f.Choices[0].Options[1].N + f.Choices[0].Options[2].N; n != 300 {
			t.Errorf("task %d: %d choices", f.Position, n)
		}
		if f.Thirds[0] >= f.Thirds[2] {
			t.Errorf("task %d: thirds %v", f.Position, f.Thirds)
		}
	}
}

// 300 works get a slope each, and difficulties come out in the order they were made in;
// 120 works get one slope for all.
func TestScale(t *testing.T) {
	tasks, works := exam(600, 3, nil)
	s := Compute(tasks, works)
	scale := s.Parts[0].Scale
	if scale == nil || scale.Model != irt.GPCM || scale.Why != EnoughWorks || scale.Works != 600 || len(scale.Off) != 0 {
		t.Fatalf("%+v", scale)
	}
	for i, f := range s.Tasks[:10] {
		want := float64(i)/5 - 1
		if half := float64(f.Item.Half(1)); math.Abs(half-want) > 0.35 {
			t.Errorf("task %d: difficulty %v, made with %v", i, half, want)
		}
		if math.Abs(float64(f.Item.Fit.A)-1.5) > 0.6 || !(f.Item.Infit > 0.7 && f.Item.Infit < 1.3) {
			t.Errorf("task %d: slope %v, infit %v", i, f.Item.Fit.A, f.Item.Infit)
		}
		curve := f.Item.Curve(1)
		if !slices.IsSortedFunc(curve, func(a, b Point) int { return int(math.Copysign(1, a.Y-b.Y)) }) {
			t.Errorf("task %d: the curve falls: %v", i, curve)
		}
	}
	long := s.Tasks[10].Item
	if share := long.Share(float64(long.Half(3)), 3); math.Abs(share-0.5) > 1e-9 {
		t.Errorf("half the points of the long task: %v", share)
	}
	if few := Compute(tasks, works[:120]).Parts[0].Scale; few == nil || few.Model != irt.PCM || few.Why != FewWorks {
		t.Errorf("120 works: %+v", few)
	}
}

// A task whose key is wrong tells the strong from the weak the other way round.
func TestWrongKeyIsFound(t *testing.T) {
	tasks, works := exam(400, 11, nil)
	for _, w := range works { // the key should be b, the author wrote a
		a := w.Answers[104]
		if a.Points == 1 {
			a = Answer{Steps: []task.Step{{Given: "b"}}}
		} else {
			a = Answer{Points: 1, Steps: []task.Step{{Given: "a", Right: true}}}
		}
		w.Answers[104] = a
	}
	for _, f := range Compute(tasks, works).Tasks {
		if f.VersionID != 104 {
			continue
		}
		said := codesOf(f)
		if !strings.Contains(said, ctt.NegativeRest) || !strings.Contains(said, ctt.DistractorBetter+"b") || !ByWeight(f.Flags)[0].Serious() {
			t.Errorf("a wrong key: %s", said)
		}
	}
}

// Of forty works a correlation a little under the limit is no more than a question; of
// many, or far under it, it asks for a look.
func TestFewWorksAreUnsure(t *testing.T) {
	for _, c := range []struct {
		rest   Number
		works  int
		unsure bool
	}{{0.12, 40, true}, {-0.05, 40, true}, {-0.4, 40, false}, {0.12, 100, false}, {-0.05, 300, false}} {
		f := TaskFigure{N: c.works, Works: c.works, Answered: c.works, P: 0.5, SD: 0.5, Rest: c.rest}
		f.Judge()
		if len(f.Flags) != 1 || f.Flags[0].Unsure != c.unsure || f.Flags[0].Serious() == c.unsure {
			t.Errorf("%v of %d works: %+v", c.rest, c.works, f.Flags)
		}
	}
}

// A task that is harder in the country at the same level is found, and no other.
func TestUnequalTaskIsFound(t *testing.T) {
	tasks, works := exam(900, 5, func(person, item int, theta float64, r *rand.Rand, right bool) bool {
		return right && !(item == 4 && person%2 == 0 && r.Float64() < 0.45)
	})
	s := Compute(tasks, works)
	found := []int64{}
	for _, f := range s.Tasks {
		for _, flag := range f.Flags {
			if flag.Code == Unequal {
				found = append(found, f.VersionID)
				if flag.Value >= 0 || flag.At != "rural" {
					t.Errorf("%+v", flag)
				}
			}
		}
	}
	if !slices.Equal(found, []int64{104}) {
		t.Errorf("unequal: %v", found)
	}
	fair := s.Parts[0].Fairness
	if fair[0].By != "rural" || fair[0].Focal != 450 || fair[1].WhyNot == "" || len(fair[1].Tasks) != 0 {
		t.Errorf("%+v", fair)
	}
	if small := Compute(tasks, works[:150]).Parts[0].Fairness[0]; small.WhyNot == "" || small.Focal != 0 || small.Reference != 0 {
		t.Errorf("75 against 75: %+v", small)
	}
}

// Omitted counts as nothing, not reached and waiting are not there.
func TestMissingAnswers(t *testing.T) {
	tasks, works := exam(100, 2, nil)
	for i := range 10 {
		works[i].Answers[100] = Answer{Missing: psychometrics.Omitted}
		works[10+i].Answers[109] = Answer{Missing: psychometrics.NotReached}
		works[20+i].Answers[110] = Answer{Missing: psychometrics.Absent}
	}
	s := Compute(tasks, works)
	first, late, long := s.Tasks[0], s.Tasks[9], s.Tasks[10]
	if first.N != 100 || first.Omitted != 10 || late.N != 90 || late.NotReached != 10 || long.N != 90 || long.Waiting != 10 || first.Works != 80 {
		t.Errorf("%+v\n%+v\n%+v", first, late, long)
	}
	if n := first.Choices[0].Options[0].N + first.Choices[0].Options[1].N + first.Choices[0].Options[2].N; n != 70 {
		t.Errorf("%d chose in 80 complete works of which 10 omitted", n)
	}
}

// Two variants with common tasks: each its own alpha, a task its figures of the larger.
func TestVariants(t *testing.T) {
	tasks, works := exam(200, 9, nil)
	for i, w := range works {
		if i < 80 {
			delete(w.Answers, 100)
		} else {
			delete(w.Answers, 101)
		}
	}
	p := Compute(tasks, works).Parts[0]
	if len(p.Variants) != 2 || p.Variants[0].Works != 120 || p.Variants[1].Works != 80 {
		t.Fatalf("%+v", p.Variants)
	}
	want := (120*p.Variants[0].Alpha + 80*p.Variants[1].Alpha) / 200
	if math.Abs(float64(p.Reliability()-want)) > 1e-12 {
		t.Errorf("%v, want %v", p.Reliability(), want)
	}
	if p.Scale == nil || p.Scale.Works != 200 {
		t.Errorf("one scale for both: %+v", p.Scale)
	}
}

// Half points change nothing in shares and reliability.
func TestHalfPoints(t *testing.T) {
	tasks, works := exam(100, 4, nil)
	whole := Compute(tasks, works).Parts[0]
	half := make([]Task, len(tasks))
	for i, task := range tasks {
		task.Max /= 2
		half[i] = task
	}
	for _, w := range works {
		for id, a := range w.Answers {
			a.Points /= 2
			w.Answers[id] = a
		}
	}
	halved := Compute(half, works).Parts[0]
	if whole.Reliability() != halved.Reliability() || whole.SEM() != halved.SEM() || halved.Variants[0].Max != 6.5 {
		t.Errorf("alpha %v and %v, error %v and %v, max %v", whole.Reliability(), halved.Reliability(), whole.SEM(), halved.SEM(), halved.Variants[0].Max)
	}
}

func TestTooFew(t *testing.T) {
	tasks, works := exam(29, 4, nil)
	p := Compute(tasks, works).Parts[0]
	if len(p.Variants) != 0 || p.WhyNot == "" || p.Scale != nil || !math.IsNaN(float64(p.Reliability())) {
		t.Errorf("%+v", p)
	}
	for _, f := range Compute(tasks, works).Tasks {
		if len(f.Flags) > 0 || !math.IsNaN(float64(f.Rest)) {
			t.Errorf("%+v", f)
		}
	}
	if s := Compute(tasks, nil); s.Parts[0].WhyNot == "" {
		t.Error("nobody wrote, and figures came")
	}
	if s := Compute(nil, works); len(s.Parts) != 0 {
		t.Errorf("%+v", s)
	}
}

// The same works in another order, and kept and read again, are the same figures.
func TestOrderAndStorage(t *testing.T) {
	tasks, works := exam(260, 6, nil)
	write := func(s Statistics) string {
		b, err := json.Marshal([]any{s, s.Tasks})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	a := Compute(tasks, works)
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(works), func(i, j int) { works[i], works[j] = works[j], works[i] })
	r.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	if d := cmp.Diff(write(a), write(Compute(tasks, works))); d != "" {
		t.Error(d)
	}
	for _, f := range a.Tasks {
		b, _ := json.Marshal(f)
		var again TaskFigure
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		c, _ := json.Marshal(again)
		if string(b) != string(c) || again.Item.Half(f.Max) != f.Item.Half(f.Max) || again.Item.Infit != f.Item.Infit {
			t.Errorf("kept and read again:\n%s\n%s", b, c)
		}
	}
}

// Two elements that have nothing in common tell more of themselves than the part does;
// two halves of one ability do not.
func TestElementsBesideThePart(t *testing.T) {
	elements := func(tasks []Task) {
		for i := range tasks {
			tasks[i].Elements = []string{[]string{"x", "y"}[i%2]}
		}
	}
	tasks, works := exam(500, 12, nil)
	elements(tasks)
	for _, e := range Compute(tasks, works).Parts[0].Elements {
		if e.Added == nil || *e.Added || e.Own >= e.Part {
			t.Errorf("one ability: %+v", e)
		}
	}
	tasks, works = exam(500, 12, func(person, item int, _ float64, r *rand.Rand, right bool) bool {
		if item%2 == 0 {
			return right
		}
		other := rand.New(rand.NewPCG(uint64(person), 8)).NormFloat64()
		return r.Float64() < 1/(1+math.Exp(-2*other))
	})
	elements(tasks)
	found := Compute(tasks, works).Parts[0].Elements
	if len(found) != 2 || found[0].Element != "x" || found[0].Tasks != 6 {
		t.Fatalf("%+v", found)
	}
	for _, e := range found {
		if e.Added == nil || !*e.Added {
			t.Errorf("two abilities: %+v", e)
		}
	}
}

func TestErrorOf(t *testing.T) {
	v := Variant{Max: 10, SEM: 0.1, Errors: []ErrorAt{{0.3, 5, 0.08}, {0.4, 2, psychometrics.None}, {0.5, 9, 0.12}}}
	for share, want := range map[float64]struct {
		sem Number
		own bool
	}{0.3: {0.08, true}, 0.5: {0.12, true}, 0.4: {0.1, false}, 0.9: {0.1, false}} {
		if sem, own := v.ErrorOf(share); sem != want.sem || own != want.own {
			t.Errorf("at %v: %v %v", share, sem, own)
		}
	}
}

// Nobody stands in a group under five, and nobody is lost.
func FuzzSpread(f *testing.F) {
	f.Add(uint64(1), 40)
	f.Add(uint64(2), 6)
	f.Fuzz(func(t *testing.T, seed uint64, n int) {
		r := rand.New(rand.NewPCG(seed, 2))
		thetas := []float64{}
		for range n % 500 {
			thetas = append(thetas, 3*r.NormFloat64())
		}
		sum, last := 0, math.Inf(-1)
		for _, a := range spread(thetas) {
			if a.N < 5 || a.Low < last || a.High <= a.Low {
				t.Fatalf("%+v after %v", a, last)
			}
			sum, last = sum+a.N, a.High
		}
		if want := len(thetas); sum != want && want >= 5 {
			t.Fatal(fmt.Sprint(sum, " of ", want))
		}
	})
}
