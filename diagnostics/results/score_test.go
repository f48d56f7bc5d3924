package results

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

func choice(key string) task.Written {
	return task.Written{Task: task.Task{Kind: task.SingleChoice, Max: 1, Scoring: task.Exact, Options: []task.Option{{ID: "a"}, {ID: "b"}}}, Key: task.Key{Answer: json.RawMessage(`"` + key + `"`)}}
}

func work(closedBy string, answers map[string]string) (sitting.Closed, map[int64]task.Written) {
	c := sitting.Closed{Attempt: sitting.Attempt{ClosedBy: &closedBy}, Answers: map[string]sitting.Held{}}
	keyed := map[int64]task.Written{}
	for i, id := range []string{"t1", "t2", "t3", "t4", "t5", "t6"} {
		c.Manifest = append(c.Manifest, sitting.ManifestTask{ID: id, Position: i + 1, TaskVersionID: int64(i + 1)})
		keyed[int64(i+1)] = choice("b")
	}
	keyed[5] = task.Written{Task: task.Task{Kind: task.Extended, Max: 4}, Key: task.Key{Criteria: []task.Criterion{
		{ID: "К1", Max: 2, Levels: []task.Grade{{Points: 2}, {Points: 1}, {Points: 0}}}, {ID: "К2", Max: 2, Levels: []task.Grade{{Points: 2}, {Points: 1}, {Points: 0}}}}}}
	keyed[6] = task.Written{Task: task.Task{Kind: task.Likert}}
	for id, a := range answers {
		c.Answers[id] = sitting.Held{Revision: 1, Body: json.RawMessage(a)}
	}
	return c, keyed
}

func states(t *testing.T, c sitting.Closed, keyed map[int64]task.Written, finals map[string]map[string]float64) ([]TaskScore, string) {
	t.Helper()
	scores, err := score(c, keyed, nil, finals)
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, s := range scores {
		said += s.State[:1]
	}
	return scores, said
}

func TestScore(t *testing.T) {
	// Handed in: what is unanswered was left knowingly.
	c, keyed := work("participant", map[string]string{"t1": `"b"`, "t2": `"a"`, "t5": `"Ответ"`, "t6": `4`})
	scores, said := states(t, c, keyed, nil)
	if said != "ssoows" || *scores[0].Points != 1 || *scores[1].Points != 0 || scores[4].Points != nil || scores[5].Degree != 4 {
		t.Errorf("handed in: %s %+v", said, scores)
	}
	if points, most, complete := totals(scores); points != 1 || most != 8 || complete {
		t.Errorf("totals %v of %v, complete %v", points, most, complete)
	}
	scores, said = states(t, c, keyed, map[string]map[string]float64{"t5": {"К1": 2, "К2": 1}})
	if said != "ssooss" || *scores[4].Points != 3 {
		t.Errorf("marked: %s", said)
	}
	if _, err := score(c, keyed, nil, map[string]map[string]float64{"t5": {"К9": 2}}); err == nil {
		t.Error("marks by unknown criteria were taken")
	}
	// Time ran out after the second task: the third was in front of the person, the rest was not reached.
	c, keyed = work("deadline", map[string]string{"t1": `"b"`, "t2": `"b"`})
	if _, said := states(t, c, keyed, nil); said != "ssonno" {
		t.Errorf("out of time: %s", said)
	}
	c, keyed = work("deadline", nil)
	if _, said := states(t, c, keyed, nil); said != "onnnno" {
		t.Errorf("out of time at once: %s", said)
	}
	delete(keyed, 3)
	if _, err := score(c, keyed, nil, nil); err == nil {
		t.Error("a task without a key was scored")
	}
}

func TestByElement(t *testing.T) {
	c, keyed := work("deadline", map[string]string{"t1": `"b"`, "t2": `"a"`, "t5": `"Ответ"`})
	delete(c.Answers, "t5")
	scores, _ := states(t, c, keyed, nil)
	versions := map[int64]bank.Version{
		1: {ID: 1, Kind: task.SingleChoice, Elements: map[string]float64{"e": 1}},
		2: {ID: 2, Kind: task.SingleChoice, Elements: map[string]float64{"e": .5, "f": .5}},
		3: {ID: 3, Kind: task.SingleChoice, Elements: map[string]float64{"f": 1}},
		4: {ID: 4, Kind: task.SingleChoice, Elements: map[string]float64{"g": 1}},
		5: {ID: 5, Kind: task.Extended, Elements: map[string]float64{"g": 1}},
		6: {ID: 6, Kind: task.Likert, Elements: map[string]float64{"h": 1}},
	}
	got := map[string]ElementResult{}
	for _, e := range byElement(scores, versions) {
		got[e.Element] = e
	}
	for id, want := range map[string]ElementResult{
		"e": {Element: "e", Points: 1, Max: 1.5, Tasks: 2}, // t1 right, half of t2 wrong
		"f": {Element: "f", Points: 0, Max: 1.5, Tasks: 1}, // half of t2, and t3 omitted
		"g": {Element: "g"},                                // not reached: nothing is known
	} {
		if got[id] != want {
			t.Errorf("%s: %+v, want %+v", id, got[id], want)
		}
	}
	if _, ok := got["h"]; ok {
		t.Error("self-assessment counts as a result")
	}
}

func TestCorrects(t *testing.T) {
	a := choice("a").Task
	b := a
	b.Options = []task.Option{{ID: "b"}, {ID: "a"}}
	if !corrects(b, a) {
		t.Error("the same options in another order are the same task")
	}
	b.Options = append(b.Options, task.Option{ID: "c"})
	if corrects(b, a) {
		t.Error("another option makes another task")
	}
	b = a
	b.Max = 2
	if corrects(b, a) {
		t.Error("another maximum makes another task")
	}
}

func TestDistribution(t *testing.T) {
	d := distribution("x", []float64{0, 0.1, 0.55, 0.6, 0.95, 1}, 0.6)
	if d.N != 6 || math.Abs(d.Mean-3.2/6) > 1e-12 || math.Abs(d.Median-0.575) > 1e-12 || d.Under != 0.5 {
		t.Errorf("%+v", d)
	}
	if want := [10]int{1, 1, 0, 0, 0, 1, 1, 0, 0, 2}; d.Bins != want {
		t.Errorf("bins %v, want %v", d.Bins, want)
	}
	if d.Low < 0 || d.High > 1 || d.Low > d.Mean || d.High < d.Mean {
		t.Errorf("interval %v…%v", d.Low, d.High)
	}
	if d := distribution("x", nil, 0.6); d.N != 0 || math.IsNaN(d.Mean) || d.Most() != 1 {
		t.Errorf("nobody: %+v", d)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		status string
		p      float64
		want   string
	}{{"none", .1, "уверенно"}, {"deficit", .9, "стоит укрепить"}, {"insufficient", .9, "мало данных"}, {"possible", .7, "возможно, стоит укрепить"}, {"possible", .5, "пока неясно"}, {"possible", .3, "скорее уверенно"}} {
		if got, _, _ := Verdict(Estimate{Status: c.status, P: c.p}); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.status, c.p, got, c.want)
		}
	}
	if s := chances(Estimate{Status: "deficit", P: 1}); s != "Почти наверняка: 99\u00a0шансов из 100, что здесь есть чему поучиться." {
		t.Error(s)
	}
}

// The exactness of a person's points: 7 of 10 with an error of 0.05 at that score.
func TestCertainty(t *testing.T) {
	point := func(p float64) *float64 { return &p }
	versions := map[int64]bank.Version{1: {Part: task.Subject}, 2: {Part: task.Subject}, 3: {Part: task.Methodical}}
	s := Scored{Tasks: []TaskScore{{TaskVersionID: 1, Points: point(4), Max: 6, State: StateScored}, {TaskVersionID: 2, Points: point(3), Max: 4, State: StateScored},
		{TaskVersionID: 3, Max: 2, State: StateNotReached}}}
	part := quality.Part{Part: task.Subject, Variants: []quality.Variant{{Versions: []int64{2, 1}, Works: 50, Max: 10, Alpha: 0.75, SEM: 0.1,
		Errors: []quality.ErrorAt{{Share: 0.7, N: 4, SEM: 0.05}}}}}
	c := certainty(s, part, versions)
	if c == nil || c.Share != 0.7 || !c.Own || math.Abs(c.Half-1.645*0.05) > 1e-12 || c.Works != 50 || *c.Reliability != 0.75 || !strings.Contains(c.Trust(), "достаточно") {
		t.Errorf("%+v", c)
	}
	part.Variants[0].Versions = []int64{1, 3}
	if c := certainty(s, part, versions); c != nil {
		t.Errorf("of another variant: %+v", c)
	}
	if part.Part = task.Methodical; certainty(s, part, versions) != nil || !missed(s, task.Methodical, versions) || missed(s, task.Subject, versions) {
		t.Error("a task that was not reached gives no exactness, and is said")
	}
}

func TestHints(t *testing.T) {
	list := hints([]quality.Flag{{Code: ctt.DistractorUnused, At: "b"}, {Code: ctt.TooEasy, Value: 0.972}, {Code: ctt.DistractorUnused, At: "c"}, {Code: ctt.NegativeRest, Value: -0.116},
		{Code: quality.Unequal, Value: -0.123, At: "rural"}})
	words := []string{}
	for _, h := range list {
		words = append(words, h.Text)
	}
	want := []string{"отличает наоборот: сильные ошибаются чаще слабых (связь −0,12). Проверьте ключ",
		"при равной подготовке труднее для тех, кто работает в селе (в среднем на 12\u00a0% баллов задания)", "слишком лёгкое: набирают 97\u00a0% баллов", "вариант никто не выбрал (таких 2)"}
	if !slices.Equal(words, want) {
		t.Errorf("%q", words)
	}
	if !list[0].Serious || !list[1].Serious || list[2].Serious || list[3].Serious {
		t.Errorf("%+v", list)
	}
}
