package bank

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/web"
)

// A change is one field that differs between two versions, as people say it.
type change struct{ Field, Before, After string }

// changes compares two versions field by field; the secret ones only for those
// who may read keys. titles names the elements of the codifier by their ids.
func changes(a, b task.Written, withKey bool, titles map[string]string) []change {
	var list []change
	add := func(field, before, after string) {
		if before != after {
			list = append(list, change{field, before, after})
		}
	}
	add("Вид", a.Kind.Label(), b.Kind.Label())
	add("Часть", a.Part.Label(), b.Part.Label())
	add("Текст", a.Body, b.Body)
	add("Варианты", optionLines(a.Options), optionLines(b.Options))
	add("Слева", optionLines(a.Left), optionLines(b.Left))
	add("Справа", optionLines(a.Right), optionLines(b.Right))
	add("Пропуски", gapLines(a.Gaps), gapLines(b.Gaps))
	add("Уровень", a.Level.Label(), b.Level.Label())
	add("Баллы", strconv.Itoa(a.Max), strconv.Itoa(b.Max))
	add("Правило", a.Scoring.Label(), b.Scoring.Label())
	add("Минуты", strconv.Itoa(a.Minutes), strconv.Itoa(b.Minutes))
	add("Элементы", weightLines(a.Elements, titles), weightLines(b.Elements, titles))
	add("Умение", a.Skill, b.Skill)
	add("Единица", a.Unit, b.Unit)
	add("Знаков в ответе, не больше", limit(a.Task), limit(b.Task))
	if withKey {
		add("Верный ответ", keyLines(a), keyLines(b))
		add("Решение", a.Solution, b.Solution)
		add("Критерии", criterionLines(a.Key.Criteria), criterionLines(b.Key.Criteria))
		add("Без этого критерия остальные не считаются", a.Key.ZeroBy, b.Key.ZeroBy)
		add("Третий эксперт при разнице баллов", limitless(a.Key.Discrepancy), limitless(b.Key.Discrepancy))
		add("Образцы", exemplarLines(a.Key.Exemplars), exemplarLines(b.Key.Exemplars))
	}
	return list
}

func optionLines(options []task.Option) string {
	lines := make([]string, len(options))
	for i, o := range options {
		lines[i] = o.ID + ") " + o.Text
	}
	return strings.Join(lines, "\n")
}

func gapLines(gaps []task.Gap) string {
	lines := make([]string, len(gaps))
	for i, g := range gaps {
		lines[i] = "[[" + g.ID + "]] " + strings.ReplaceAll(optionLines(g.Options), "\n", "; ")
	}
	return strings.Join(lines, "\n")
}

func weightLines(weights []task.Weight, titles map[string]string) string {
	lines := make([]string, len(weights))
	for i, e := range weights {
		lines[i] = cmp.Or(titles[e.Element], e.Element)
		if e.Weight != 1 {
			lines[i] += ": доля " + web.Dec(2, e.Weight)
		}
	}
	return strings.Join(lines, "\n")
}

func limit(t task.Task) string { return limitless(t.MaxLength) }

// limitless is a number, nothing where none is set.
func limitless(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// keyLines words the key by the kind of its task; one that does not fit the kind
// is shown as it is kept.
func keyLines(w task.Written) string {
	raw := w.Key.Answer
	fallback := string(raw)
	switch w.Kind {
	case task.SingleChoice:
		var id string
		if json.Unmarshal(raw, &id) != nil {
			return fallback
		}
		return named(w.Options, id)
	case task.MultipleChoice, task.Ordering:
		var ids []string
		if json.Unmarshal(raw, &ids) != nil {
			return fallback
		}
		lines := make([]string, len(ids))
		for i, id := range ids {
			if lines[i] = named(w.Options, id); w.Kind == task.Ordering {
				lines[i] = strconv.Itoa(i+1) + ". " + lines[i]
			}
		}
		return strings.Join(lines, "\n")
	case task.Matching, task.GapChoice:
		var pairs map[string]string
		if json.Unmarshal(raw, &pairs) != nil {
			return fallback
		}
		lines := []string{}
		for _, place := range slices.Sorted(maps.Keys(pairs)) {
			if w.Kind == task.Matching {
				lines = append(lines, named(w.Left, place)+" → "+named(w.Right, pairs[place]))
				continue
			}
			options := []task.Option{}
			if i := slices.IndexFunc(w.Gaps, func(g task.Gap) bool { return g.ID == place }); i >= 0 {
				options = w.Gaps[i].Options
			}
			lines = append(lines, "[["+place+"]] "+named(options, pairs[place]))
		}
		return strings.Join(lines, "\n")
	case task.ShortAnswer:
		var key task.Accepted
		if json.Unmarshal(raw, &key) != nil {
			return fallback
		}
		return strings.Join(key.Forms, "\n")
	case task.Numeric:
		var key task.Number
		if json.Unmarshal(raw, &key) != nil {
			return fallback
		}
		value := strings.Replace(key.Value, ".", ",", 1)
		if t := strings.Replace(key.Tolerance, ".", ",", 1); t != "" && t != "0" {
			value += ", допуск ± " + t
		}
		return value
	}
	return fallback
}

// named is an option with its text, its code alone where the task has no such option.
func named(options []task.Option, id string) string {
	for _, o := range options {
		if o.ID == id {
			return o.ID + ") " + o.Text
		}
	}
	return id
}

func criterionLines(criteria []task.Criterion) string {
	var lines []string
	for _, k := range criteria {
		lines = append(lines, fmt.Sprintf("%s. %s, до %s", k.ID, k.Title, web.Plural(k.Max, "балла", "баллов", "баллов")))
		for _, g := range k.Levels {
			lines = append(lines, fmt.Sprintf("    %d — %s", g.Points, g.Text))
		}
	}
	return strings.Join(lines, "\n")
}

func exemplarLines(exemplars []task.Exemplar) string {
	var lines []string
	for _, e := range exemplars {
		scores := []string{}
		for _, k := range slices.Sorted(maps.Keys(e.Scores)) {
			scores = append(scores, fmt.Sprintf("%s = %d", k, e.Scores[k]))
		}
		lines = append(lines, e.Text, "Баллы: "+strings.Join(scores, ", "))
		if e.Why != "" {
			lines = append(lines, "Почему: "+e.Why)
		}
	}
	return strings.Join(lines, "\n")
}
