package bank

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// form is a task as the editor shows it: every list with a few empty rows at its
// end, every key beside what it is the key of. Empty rows are left out when the
// form is read back, so the page needs no script to add any.
type form struct {
	task.Written
	OptionRows []optionRow
	LeftRows   []optionRow
	RightRows  []optionRow
	GapRows    []gapRow
	Accepted   string // one form a line
	Value      string
	Tolerance  string
	Criteria   []criterionRow
	Exemplars  []exemplarRow
	Weights    []task.Weight
}

type optionRow struct {
	N     int // place in the form, from 0
	ID    string
	Text  string
	Key   bool   // choices: right
	Place int    // ordering: place in the right order, 0 empty
	Pair  string // left of matching: id on the right
}

type gapRow struct {
	ID   string
	Rows []optionRow
}

type criterionRow struct {
	N         int
	ID, Title string
	Max       int
	Levels    string // "2 — за что" a line
}

type exemplarRow struct {
	N                 int
	Text, Scores, Why string
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// formOf lays a task out for the editor.
func formOf(w task.Written) form {
	f := form{Written: w}
	switch w.Kind {
	case task.SingleChoice, task.MultipleChoice, task.Ordering:
		f.OptionRows = padded(rows(w.Options), 4, 2)
		keys := keyList(w)
		for i, r := range f.OptionRows {
			at := slices.Index(keys, r.ID)
			f.OptionRows[i].Key = r.ID != "" && at >= 0
			if r.ID != "" {
				f.OptionRows[i].Place = at + 1
			}
		}
	case task.Matching:
		f.LeftRows, f.RightRows = padded(rows(w.Left), 3, 2), padded(rows(w.Right), 4, 2)
		name(f.LeftRows, "l")
		name(f.RightRows, "r")
		var pairs map[string]string
		if json.Unmarshal(w.Key.Answer, &pairs) == nil {
			for i, r := range f.LeftRows {
				f.LeftRows[i].Pair = pairs[r.ID]
			}
		}
	case task.GapChoice:
		var pairs map[string]string
		_ = json.Unmarshal(w.Key.Answer, &pairs) // a key not written yet is no key
		for _, id := range gapsOf(w) {
			g := gapRow{ID: id}
			for _, known := range w.Gaps {
				if known.ID == id {
					g.Rows = rows(known.Options)
				}
			}
			g.Rows = padded(g.Rows, 3, 1)
			for i, r := range g.Rows {
				g.Rows[i].Key = r.ID != "" && r.ID == pairs[id]
			}
			f.GapRows = append(f.GapRows, g)
		}
	case task.ShortAnswer:
		var key task.Accepted
		_ = json.Unmarshal(w.Key.Answer, &key)
		f.Accepted = strings.Join(key.Forms, "\n")
	case task.Numeric:
		var key task.Number
		_ = json.Unmarshal(w.Key.Answer, &key)
		f.Value, f.Tolerance = key.Value, key.Tolerance
	case task.Extended:
		for i, c := range append(slices.Clone(w.Key.Criteria), task.Criterion{}) {
			r := criterionRow{N: i, ID: c.ID, Title: c.Title, Max: c.Max}
			var lines []string
			for _, g := range c.Levels {
				lines = append(lines, fmt.Sprintf("%d — %s", g.Points, g.Text))
			}
			r.Levels = strings.Join(lines, "\n")
			f.Criteria = append(f.Criteria, r)
		}
		for i, e := range append(slices.Clone(w.Key.Exemplars), task.Exemplar{}) {
			var scores []string
			for _, c := range w.Key.Criteria {
				if p, ok := e.Scores[c.ID]; ok {
					scores = append(scores, fmt.Sprintf("%s=%d", c.ID, p))
				}
			}
			f.Exemplars = append(f.Exemplars, exemplarRow{i, e.Text, strings.Join(scores, ", "), e.Why})
		}
	}
	f.Weights = slices.Clone(w.Elements)
	for len(f.Weights) < 3 {
		f.Weights = append(f.Weights, task.Weight{})
	}
	return f
}

// Key reads the key's ids in their order, whatever the kind.
func keyList(w task.Written) []string {
	var one string
	if json.Unmarshal(w.Key.Answer, &one) == nil {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(w.Key.Answer, &list)
	return list
}

func rows(options []task.Option) []optionRow {
	var list []optionRow
	for _, o := range options {
		list = append(list, optionRow{ID: o.ID, Text: o.Text})
	}
	return list
}

// padded adds empty rows: at least spare ones, at least least rows in all.
func padded(list []optionRow, least, spare int) []optionRow {
	n := max(least, len(list)+spare)
	for len(list) < n {
		list = append(list, optionRow{})
	}
	for i := range list {
		list[i].N = i
	}
	return list
}

// name gives rows without an id the next free one, so that a pair can point at
// a row before it is saved.
func name(list []optionRow, prefix string) {
	used := map[string]bool{}
	for _, r := range list {
		used[r.ID] = true
	}
	n := 1
	for i := range list {
		if list[i].ID != "" {
			continue
		}
		for used[prefix+strconv.Itoa(n)] {
			n++
		}
		list[i].ID = prefix + strconv.Itoa(n)
		used[list[i].ID] = true
	}
}

var gapInBody = regexp.MustCompile(`\[\[([A-Za-z0-9_-]{1,20})\]\]`)

// gapsOf lists the gaps of the body in order, then those that the body lost.
func gapsOf(w task.Written) []string {
	var ids []string
	for _, m := range gapInBody.FindAllStringSubmatch(w.Body, -1) {
		if !slices.Contains(ids, m[1]) {
			ids = append(ids, m[1])
		}
	}
	for _, g := range w.Gaps {
		if !slices.Contains(ids, g.ID) {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// readForm reads the editor's form back into a task of the given code and kind.
// What cannot be read is left empty: Validate will say what is missing.
func readForm(v url.Values, code string, kind task.Kind) task.Written {
	w := task.Written{Task: task.Task{ID: code, Kind: kind, Part: task.Part(v.Get("part")), Level: task.Level(v.Get("level")),
		Minutes: number(v.Get("minutes")), Max: number(v.Get("max")), Scoring: task.Scoring(v.Get("scoring")),
		Skill: strings.TrimSpace(v.Get("skill")), Body: text(v.Get("body"))}}
	w.Solution = text(v.Get("solution"))
	if kind == task.Likert {
		w.Part, w.Level, w.Max, w.Scoring, w.Solution = task.Self, task.Basic, 0, task.NoScoring, ""
	}
	for i, id := range v["el_id"] {
		if id == "" {
			continue
		}
		weight := 1.0
		if i < len(v["el_w"]) && strings.TrimSpace(v["el_w"][i]) != "" {
			weight, _ = strconv.ParseFloat(strings.Replace(strings.TrimSpace(v["el_w"][i]), ",", ".", 1), 64)
		}
		w.Elements = append(w.Elements, task.Weight{Element: id, Weight: weight})
	}
	switch kind {
	case task.SingleChoice, task.MultipleChoice, task.Ordering:
		readChoices(v, &w)
	case task.Matching:
		readMatching(v, &w)
	case task.GapChoice:
		readGaps(v, &w)
	case task.ShortAnswer:
		w.MaxLength = number(v.Get("max_length"))
		key := task.Accepted{Forms: []string{}}
		for line := range strings.Lines(text(v.Get("accepted"))) {
			if line = strings.TrimSpace(line); line != "" {
				key.Forms = append(key.Forms, line)
			}
		}
		w.Key.Answer = raw(key)
	case task.Numeric:
		w.Unit = strings.TrimSpace(v.Get("unit"))
		w.Key.Answer = raw(task.Number{Value: strings.TrimSpace(v.Get("value")), Tolerance: strings.TrimSpace(v.Get("tolerance"))})
	case task.Extended:
		w.MaxLength = number(v.Get("max_length"))
		readCriteria(v, &w)
	}
	return w
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0
	}
	return n
}

// text undoes what browsers do to line ends.
func text(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // texts, lists and maps of texts always have a form
		return nil
	}
	return b
}

// at is the i-th value of a repeated field, "" past its end.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// options reads rows with a text; a row without an id gets the next free letter.
// index maps the place of a row in the form to its id.
func options(ids, texts []string) (list []task.Option, index map[int]string) {
	used, index := map[string]bool{}, map[int]string{}
	for i, t := range texts {
		if id := at(ids, i); id != "" && text(t) != "" {
			used[id] = true
		}
	}
	next := 0
	for i, t := range texts {
		if text(t) == "" {
			continue
		}
		id := at(ids, i)
		for id == "" {
			if next >= len(letters) {
				id = fmt.Sprintf("o%d", i)
			} else if c := string(letters[next]); !used[c] {
				id = c
			}
			next++
		}
		used[id] = true
		list, index[i] = append(list, task.Option{ID: id, Text: text(t)}), id
	}
	return list, index
}

func readChoices(v url.Values, w *task.Written) {
	var index map[int]string
	w.Options, index = options(v["opt_id"], v["opt_text"])
	switch w.Kind {
	case task.SingleChoice:
		if id := index[number(v.Get("key"))]; v.Get("key") != "" && id != "" {
			w.Key.Answer = raw(id)
		}
	case task.MultipleChoice:
		keys := []string{}
		for _, k := range v["key"] {
			if id := index[number(k)]; id != "" {
				keys = append(keys, id)
			}
		}
		w.Key.Answer = raw(keys)
	case task.Ordering:
		type placed struct {
			place int
			id    string
		}
		var order []placed
		for i, p := range v["place"] {
			if id := index[i]; id != "" && number(p) > 0 {
				order = append(order, placed{number(p), id})
			}
		}
		slices.SortStableFunc(order, func(a, b placed) int { return a.place - b.place })
		ids := []string{}
		for _, o := range order {
			ids = append(ids, o.id)
		}
		w.Key.Answer = raw(ids)
	}
}

func readMatching(v url.Values, w *task.Written) {
	w.Right, _ = options(v["right_id"], v["right_text"])
	left, index := options(v["left_id"], v["left_text"])
	w.Left = left
	pairs := map[string]string{}
	for i, id := range index {
		if pair := at(v["left_pair"], i); pair != "" {
			pairs[id] = pair
		}
	}
	w.Key.Answer = raw(pairs)
}

func readGaps(v url.Values, w *task.Written) {
	pairs := map[string]string{}
	for _, gap := range v["gap_id"] {
		list, index := options(v["gap_oid_"+gap], v["gap_text_"+gap])
		if key := v.Get("gap_key_" + gap); key != "" && index[number(key)] != "" {
			pairs[gap] = index[number(key)]
		}
		if len(list) > 0 || gapInBody.MatchString("[["+gap+"]]") && strings.Contains(w.Body, "[["+gap+"]]") {
			w.Gaps = append(w.Gaps, task.Gap{ID: gap, Options: list})
		}
	}
	for _, id := range gapsOf(*w) { // a gap just written has no rows in the form yet
		if !slices.ContainsFunc(w.Gaps, func(g task.Gap) bool { return g.ID == id }) {
			w.Gaps = append(w.Gaps, task.Gap{ID: id})
		}
	}
	w.Key.Answer = raw(pairs)
}

var levelLine = regexp.MustCompile(`^\s*(\d{1,2})\s*[—–:.)=-]*\s*(.*)$`)

var scorePair = regexp.MustCompile(`([\p{L}0-9._-]+)\s*[=:]\s*(\d{1,2})`)

func readCriteria(v url.Values, w *task.Written) {
	w.ZeroBy, w.Discrepancy = strings.TrimSpace(v.Get("zero_by")), number(v.Get("discrepancy"))
	for i, id := range v["crit_id"] {
		c := task.Criterion{ID: strings.TrimSpace(id), Title: strings.TrimSpace(at(v["crit_title"], i)), Max: number(at(v["crit_max"], i))}
		for line := range strings.Lines(text(at(v["crit_levels"], i))) {
			line = strings.TrimSpace(line)
			if m := levelLine.FindStringSubmatch(line); m != nil {
				c.Levels = append(c.Levels, task.Grade{Points: number(m[1]), Text: m[2]})
			} else if n := len(c.Levels); n > 0 && line != "" {
				c.Levels[n-1].Text += " " + line
			}
		}
		if c.ID != "" || c.Title != "" || len(c.Levels) > 0 {
			w.Key.Criteria = append(w.Key.Criteria, c)
		}
	}
	for i, t := range v["ex_text"] {
		if text(t) == "" {
			continue
		}
		e := task.Exemplar{Text: text(t), Scores: map[string]int{}, Why: text(at(v["ex_why"], i))}
		for _, m := range scorePair.FindAllStringSubmatch(at(v["ex_scores"], i), -1) {
			e.Scores[m[1]] = number(m[2])
		}
		w.Key.Exemplars = append(w.Key.Exemplars, e)
	}
}
