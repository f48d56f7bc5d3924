package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

var difficulty = map[task.Level]float64{task.Basic: -1.4, task.Advanced: -0.45, task.High: 0.35}

// regional says which elements the whole region finds hard (below zero) or easy, in logits.
var regional = map[string]float64{
	"math.numbers": 0.7, "math.equations": 0.5, "math.functions": 0.2, "math.geometry": -0.1, "math.word": 0.1, "math.probability": -0.6,
	"math.m.planning": 0.4, "math.m.assessment": -0.3, "math.m.errors": -0.5,
	"pre.development": 0.4, "pre.play": 0.3, "pre.speech": 0.0, "pre.cognition": -0.1, "pre.social": 0.5, "pre.safety": 0.3,
	"pre.m.planning": -0.2, "pre.m.observation": -0.35, "pre.m.family": 0.2,
}

// level is the person's ability in an element, in logits; the person's own
// deviation is drawn once and stays.
func (a *able) level(element string, r *rand.Rand) float64 {
	own, known := a.element[element]
	if !known {
		own = 0.55 * r.NormFloat64()
		a.element[element] = own
	}
	return a.overall + own + regional[element]
}

// chance that the person does the task right, over the task's elements by weight.
func (a *able) chance(t task.Task, r *rand.Rand) float64 {
	theta := 0.0
	for _, w := range t.Elements {
		theta += w.Weight * a.level(w.Element, r)
	}
	return 1 / (1 + math.Exp(-1.3*(theta-difficulty[t.Level])))
}

// answer is what the person would write; nil is no answer.
func (a *able) answer(w task.Written, r *rand.Rand) json.RawMessage {
	p := a.chance(w.Task, r)
	switch {
	case w.Kind == task.Likert:
		mark := 3.1 + 0.7*a.level(w.Elements[0].Element, r) + 0.8*r.NormFloat64()
		return encode(int(min(5, max(1, math.Round(mark)))))
	case r.Float64() < 0.015+0.05*(1-p):
		return nil
	case w.Kind == task.Extended:
		return encode(essay(w, p, r))
	case r.Float64() < p:
		return task.FullAnswer(w.Task, w.Key)
	}
	for range 20 {
		wrong := mistake(w, r)
		if res := task.Score(w.Task, w.Key, wrong); float64(res.Points) < float64(w.Max) {
			return wrong
		}
	}
	return nil
}

// mistake is a wrong answer of the task's shape: often near the right one.
func mistake(w task.Written, r *rand.Rand) json.RawMessage {
	near := r.Float64() < 0.5
	switch w.Kind {
	case task.SingleChoice:
		return encode(w.Options[r.IntN(len(w.Options))].ID)
	case task.MultipleChoice:
		chosen := map[string]bool{}
		var key []string
		_ = json.Unmarshal(w.Answer, &key)
		for _, k := range key {
			chosen[k] = true
		}
		flips := 1
		if !near {
			flips = 2 + r.IntN(2)
		}
		for _, i := range r.Perm(len(w.Options))[:min(flips, len(w.Options))] {
			id := w.Options[i].ID
			chosen[id] = !chosen[id]
		}
		out := []string{}
		for _, o := range w.Options {
			if chosen[o.ID] {
				out = append(out, o.ID)
			}
		}
		if len(out) == 0 {
			out = []string{w.Options[r.IntN(len(w.Options))].ID}
		}
		return encode(out)
	case task.Ordering:
		var key []string
		_ = json.Unmarshal(w.Answer, &key)
		if near {
			i := r.IntN(len(key) - 1)
			key[i], key[i+1] = key[i+1], key[i]
		} else {
			r.Shuffle(len(key), func(i, j int) { key[i], key[j] = key[j], key[i] })
		}
		return encode(key)
	case task.Matching:
		return encode(disturb(w.Answer, near, func(string) string { return w.Right[r.IntN(len(w.Right))].ID }, r))
	case task.GapChoice:
		gaps := map[string][]task.Option{}
		for _, g := range w.Gaps {
			gaps[g.ID] = g.Options
		}
		return encode(disturb(w.Answer, near, func(id string) string { return gaps[id][r.IntN(len(gaps[id]))].ID }, r))
	case task.Numeric:
		var n task.Number
		_ = json.Unmarshal(w.Answer, &n)
		v, _ := strconv.ParseFloat(strings.Replace(n.Value, ",", ".", 1), 64)
		wrong := []float64{v + 1, v - 1, 2 * v, v / 2, -v, 10 * v, v + 10}[r.IntN(7)]
		return encode(strings.Replace(strconv.FormatFloat(math.Round(wrong*100)/100, 'f', -1, 64), ".", ",", 1))
	default:
		return encode([]string{"не помню", "затрудняюсь", "нужно подумать"}[r.IntN(3)])
	}
}

// disturb changes one pair of a key, or all of them.
func disturb(key json.RawMessage, one bool, other func(id string) string, r *rand.Rand) map[string]string {
	var pairs map[string]string
	_ = json.Unmarshal(key, &pairs)
	ids := slices.Sorted(maps.Keys(pairs))
	if one {
		ids = ids[r.IntN(len(ids)):][:1]
	}
	for _, id := range ids {
		pairs[id] = other(id)
	}
	return pairs
}

// essay picks the exemplar nearest to what the person can do and says whose it is:
// a synthetic answer must look like one.
func essay(w task.Written, p float64, r *rand.Rand) string {
	best, distance := task.Exemplar{Text: "Ответ синтетического участника: подробно ответить не удалось."}, 0.45
	for _, e := range w.Exemplars {
		sum := 0
		for _, v := range e.Scores {
			sum += v
		}
		if d := math.Abs(float64(sum)/float64(w.Max) - p); d < distance {
			best, distance = e, d
		}
	}
	return fmt.Sprintf("%s\n\n(Синтетический ответ № %d.)", best.Text, 1000+r.IntN(9000))
}

// marks are what an expert of a given severity gives for an answer of quality p.
func marks(criteria []task.Criterion, p, severity float64, r *rand.Rand) map[string]int {
	out := map[string]int{}
	for _, c := range criteria {
		seen := p*float64(c.Max) - severity + 0.35*r.NormFloat64()
		out[c.ID] = int(min(float64(c.Max), max(0, math.Round(seen))))
	}
	return out
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and maps of them always encode
	}
	return b
}
