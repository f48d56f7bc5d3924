package bank

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// A difference of two versions is said in words, whatever the kind.
func TestChangesInWords(t *testing.T) {
	options := []task.Option{{ID: "a", Text: "два"}, {ID: "b", Text: "три"}}
	of := func(kind task.Kind, key string) task.Written {
		return task.Written{
			Task: task.Task{Kind: kind, Options: options, Left: options, Right: options, Gaps: []task.Gap{{ID: "g1", Options: options}}, Elements: []task.Weight{{Element: "m.a", Weight: 0.5}}},
			Key:  task.Key{Answer: json.RawMessage(key)}}
	}
	for _, c := range []struct {
		kind          task.Kind
		before, after string
		want          string
	}{
		{task.SingleChoice, `"a"`, `"b"`, "b) три"},
		{task.MultipleChoice, `["a"]`, `["a","b"]`, "a) два\nb) три"},
		{task.Ordering, `["a","b"]`, `["b","a"]`, "1. b) три\n2. a) два"},
		{task.Matching, `{"a":"a"}`, `{"a":"b"}`, "a) два → b) три"},
		{task.GapChoice, `{"g1":"a"}`, `{"g1":"b"}`, "[[g1]] b) три"},
		{task.ShortAnswer, `{"accepted":["дом"]}`, `{"accepted":["дом","изба"]}`, "дом\nизба"},
		{task.Numeric, `{"value":"4","tolerance":""}`, `{"value":"3.5","tolerance":"0.1"}`, "3,5, допуск ± 0,1"},
	} {
		list := changes(of(c.kind, c.before), of(c.kind, c.after), true, nil)
		if len(list) != 1 || list[0].After != c.want || strings.ContainsAny(list[0].Before, "{\"") {
			t.Errorf("%s: %+v, want %q", c.kind, list, c.want)
		}
		if len(changes(of(c.kind, c.before), of(c.kind, c.after), false, nil)) != 0 {
			t.Errorf("%s: the key is told to one who may not read it", c.kind)
		}
	}
	a, b := of(task.Extended, ""), of(task.Extended, "")
	b.Elements[0].Element, b.Criteria = "m.b", []task.Criterion{{ID: "К1", Title: "Суть", Max: 2, Levels: []task.Grade{{Points: 2, Text: "раскрыта"}}}}
	b.Exemplars = []task.Exemplar{{Text: "Ответ", Scores: map[string]int{"К1": 2}, Why: "верно"}}
	list := changes(a, b, true, map[string]string{"m.a": "1 Числа", "m.b": "2 Дроби"})
	want := map[string]string{"Элементы": "2 Дроби: доля 0,50", "Критерии": "К1. Суть, до 2\u00a0баллов\n    2 — раскрыта", "Образцы": "Ответ\nБаллы: К1 = 2\nПочему: верно"}
	if len(list) != len(want) {
		t.Errorf("%+v", list)
	}
	for _, c := range list {
		if c.After != want[c.Field] {
			t.Errorf("%s: %q, want %q", c.Field, c.After, want[c.Field])
		}
	}
}
