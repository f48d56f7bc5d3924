package infer

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// shared gives every third task of a world to two or three elements alike.
func shared(w world) world {
	for n := 0; n < len(w.data.Tasks); n += 3 {
		e := 0
		for w.data.Tasks[n].Weights[name(e)] == 0 {
			e++
		}
		weights := map[string]float64{name(e): 0.5, name((e + 1) % w.elements): 0.5}
		if n%9 == 0 {
			weights = map[string]float64{name(e): 0.3, name((e + 1) % w.elements): 0.3, name((e + 3) % w.elements): 0.3}
		}
		w.data.Tasks[n].Weights = weights
	}
	return w
}

// renamed is the world by other names and in another order, and how names are changed.
func renamed(w world, seed uint64) (d Data, p Policy, bank []irt.Item, rename func(string) string) {
	r := rand.New(rand.NewPCG(seed, 7))
	names := map[string]string{}
	rename = func(s string) string {
		if names[s] == "" {
			names[s] = fmt.Sprintf("%c%x", 'a'+rune(r.IntN(26)), r.Uint64())
		}
		return names[s]
	}
	at := r.Perm(len(w.data.Tasks))
	for _, i := range at {
		t := w.data.Tasks[i]
		weights := map[string]float64{}
		for e, v := range t.Weights {
			weights[rename(e)] = v
		}
		d.Tasks = append(d.Tasks, Task{ID: rename(t.ID), Max: t.Max, Weights: weights, Level: t.Level})
		it := w.items[i]
		it.ID = rename(it.ID)
		bank = append(bank, it)
	}
	for _, i := range r.Perm(len(w.data.Persons)) {
		one := Person{ID: rename(w.data.Persons[i].ID)}
		for _, x := range w.data.Persons[i].Responses {
			x.Task = slices.Index(at, x.Task)
			one.Responses = append(one.Responses, x)
		}
		r.Shuffle(len(one.Responses), func(a, b int) { one.Responses[a], one.Responses[b] = one.Responses[b], one.Responses[a] })
		d.Persons = append(d.Persons, one)
	}
	p = w.policy()
	p.Areas = map[string]string{}
	for e, a := range w.policy().Areas {
		p.Areas[rename(e)] = rename(a)
	}
	return d, p, bank, rename
}

// Other names and another order change no verdict where tasks speak of several elements alike.
func TestNamesChangeNothingOfSharedTasks(t *testing.T) {
	worlds := []design{
		{persons: sized(40, 150), areas: 2, elements: 6, tasks: same(3), partial: true, missing: 0.2, correlation: 0.6, deviation: 0.7},
		{persons: 5, areas: 2, elements: 6, tasks: same(3), correlation: 0.6, deviation: 0.7},
		{persons: 40, areas: 1, elements: 5, tasks: same(4), correlation: 0.6, deviation: 0.7},
		{persons: 200, areas: 2, elements: 12, tasks: same(3), correlation: 0.6, deviation: 0.7},
	}
	for i, d := range worlds[:sized(2, 4)] {
		d.seed = uint64(1400 + i)
		w := shared(d.make())
		for _, calibrated := range []bool{false, true} {
			var known []irt.Item
			if calibrated {
				known = w.items
			}
			first := fitted(t, w.data, w.policy(), known...)
			before := answers(t, first, w.data)
			b, err := json.Marshal(first)
			if err != nil {
				t.Fatal(err)
			}
			var stored Model
			if err := json.Unmarshal(b, &stored); err != nil {
				t.Fatal(err)
			}
			one := w.data.Persons[0]
			said, err := stored.Infer(w.data.Tasks, one.Responses)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range said {
				if !reflect.DeepEqual(e, before[one.ID+" "+e.Element]) {
					t.Fatalf("the stored model says %+v, not %+v", e, before[one.ID+" "+e.Element])
				}
			}
			for again := range sized(1, 3) {
				data, policy, bank, rename := renamed(w, uint64(again))
				if !calibrated {
					bank = nil
				}
				after := answers(t, fitted(t, data, policy, bank...), data)
				for key, e := range before {
					person, element, _ := strings.Cut(key, " ")
					x := after[rename(person)+" "+rename(element)]
					if math.Abs(x.P-e.P) > 1e-9 || math.Abs(x.Estimate-e.Estimate) > 1e-9 || x.Status != e.Status || x.Tasks != e.Tasks || x.Own != e.Own {
						t.Fatalf("world %d, calibrated %v, %s: %+v, by other names %+v", i, calibrated, key, e, x)
					}
				}
			}
		}
	}
}

// Shared tasks spread over their elements, and where all have parameters no answer moves them.
func TestSharedTasksSpread(t *testing.T) {
	w := shared(usual(31, 60, 3).make())
	evidence := func(m Model) map[string]string {
		out := map[string]string{}
		for _, x := range m.Tasks {
			out[x.ID] = x.main()
		}
		return out
	}
	own := map[string]int{}
	first := evidence(fitted(t, w.data, w.policy(), w.items...))
	for _, e := range first {
		own[e]++
	}
	for e := range w.elements {
		if n := own[name(e)]; n < 2 || n > 4 {
			t.Errorf("%s has %d tasks of its own, 36 spread over 12 elements: %v", name(e), n, own)
		}
	}
	for n := range sized(3, 20) { // other persons, other answers
		other := w
		other.data.Persons = slices.Clone(w.data.Persons[n : n+1])
		if got := evidence(fitted(t, other.data, w.policy(), w.items...)); !reflect.DeepEqual(got, first) {
			t.Fatalf("person %d: the tasks are evidence of %v, for all persons of %v", n, got, first)
		}
	}
	m := fitted(t, w.data, w.policy())
	lean, err := FitOn(w.data, w.policy(), m.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	if got := evidence(lean); !reflect.DeepEqual(got, evidence(m)) {
		t.Errorf("leaning on a model: %v, there %v", got, evidence(m))
	}
	for i := range m.Tasks { // stored before the choice was
		m.Tasks[i].Evidence = ""
		if got := m.Tasks[i].main(); got != m.Tasks[i].Main() {
			t.Errorf("%s: %s", m.Tasks[i].ID, got)
		}
	}
}

// An element whose tasks are all evidence of others has figures and no verdict, unless the
// policy asks for none.
func TestNoVerdictWithoutOwnEvidence(t *testing.T) {
	w := usual(32, sized(60, 200), 3).make()
	for n := range 3 {
		w.data.Tasks[n].Weights = map[string]float64{name(1): 0.6, name(0): 0.4}
	}
	for _, least := range []int{0, 2, 1, 3}[:sized(2, 4)] {
		p := w.policy()
		p.MinTasks = least
		for key, e := range answers(t, fitted(t, w.data, p), w.data) {
			silent := strings.HasSuffix(key, " "+name(0))
			if e.Tasks < 3 || (e.Own == 0) != silent || (e.Status == Insufficient) != (silent && least > 0) || e.High <= e.Low {
				t.Fatalf("min_tasks %d, %s: %+v", least, key, e)
			}
		}
	}
}
