package infer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A Q says which elements each task speaks of: Q.csv.
type Q struct {
	Elements []string
	Tasks    []Task // Max is not yet known
	Warnings []string
}

// ReadQ reads Q.csv: header item,<element>,…; a cell is a weight from 0 to 1 (empty
// is 0; 0,5 is 0.5), a row adds up to at most 1. Every fault is one of psychometrics.Faults.
func ReadQ(name string, in io.Reader) (Q, error) {
	q := Q{Tasks: []Task{}, Warnings: []string{}}
	elements, err := psychometrics.Grid(name, in, "item", "element", func(line int, id string, elements []string, cells [][]byte) (faults psychometrics.Faults) {
		t := Task{ID: id, Weights: map[string]float64{}}
		for i, cell := range cells {
			if len(cell) == 0 {
				continue
			}
			w, err := weight(string(cell))
			if err != nil || !(w >= 0 && w <= 1) {
				faults = append(faults, fmt.Sprintf("%s:%d: item %s, element %s: %q, expected a weight from 0 to 1", name, line, id, elements[i], cell))
			} else if w > 0 {
				t.Weights[elements[i]] = w
			}
		}
		if err := t.checkWeights(); faults == nil && err != nil {
			faults = append(faults, fmt.Sprintf("%s:%d: %v", name, line, err))
		}
		q.Tasks = append(q.Tasks, t)
		return faults
	})
	if err != nil {
		return Q{}, err
	}
	q.Elements = elements
	for _, t := range q.Tasks {
		if len(t.Weights) == 0 {
			q.Warnings = append(q.Warnings, fmt.Sprintf("item %s: speaks of no element", t.ID))
		}
	}
	for _, e := range q.Elements {
		if !slices.ContainsFunc(q.Tasks, func(t Task) bool { return t.Weights[e] > 0 }) {
			q.Warnings = append(q.Warnings, fmt.Sprintf("element %s: no item speaks of it", e))
		}
	}
	return q, nil
}

// weight reads a number with a decimal point, or the comma of a semicolon file.
func weight(cell string) (float64, error) {
	if strings.Count(cell, ",") == 1 && !strings.Contains(cell, ".") {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	return strconv.ParseFloat(cell, 64)
}

// some names the first ten, and how many more there are.
func some(ids []string) string {
	const most = 10
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
}

// Unsaid lists the warnings of a fit to Data that ReadQ, Data and psychometrics.Read have
// not given already in words of the files.
func (q Q) Unsaid(r *psychometrics.Responses, fit []string) []string {
	given := map[string]bool{}
	for p, id := range r.Persons {
		if !slices.ContainsFunc(r.Row(p), func(c psychometrics.Cell) bool { return c >= 0 || c == psychometrics.Omitted }) {
			given[fmt.Sprintf(saysNoAnswer, id)] = true
		}
	}
	columns, spoken := map[string]bool{}, map[string]bool{}
	for _, id := range r.Items {
		columns[id] = true
	}
	for _, t := range q.Tasks {
		if len(t.Weights) == 0 {
			given[fmt.Sprintf(saysNoElement, t.ID)] = true
		}
		if !columns[t.ID] {
			given[fmt.Sprintf(saysNobody, t.ID)] = true
		}
		for e := range t.Weights {
			spoken[e] = true
		}
	}
	for _, e := range q.Elements {
		if !spoken[e] {
			given[fmt.Sprintf(saysNoTask, e)] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(fit), func(w string) bool { return given[w] })
}

// Data joins tasks with responses. given are the maxima that somebody stated; bank the
// calibrated tasks, whose maxima hold where none is stated. Items without a column are
// tasks that nobody was given; columns that Q does not know are left out; both are
// named in warnings, and so are items that the bank has and the responses have not, and
// those that a bank does not know. A score that a calibration never saw is taken as the next
// lower one that it did see, and named.
func (q Q) Data(r *psychometrics.Responses, given map[string]int, bank []irt.Item) (d Data, warnings []string) {
	d.Elements = q.Elements
	calibrated := map[string]*irt.Item{}
	for i := range bank {
		calibrated[bank[i].ID] = &bank[i]
	}
	column, used := map[string]int{}, make([]bool, len(r.Items))
	for i, id := range r.Items {
		column[id] = i
	}
	tasks := make([]int, len(r.Items)) // column → task
	for i := range tasks {
		tasks[i] = -1
	}
	for _, t := range q.Tasks {
		it, known := calibrated[t.ID]
		at, there := column[t.ID]
		switch stated := given[t.ID]; {
		case stated > 0:
			t.Max = float64(stated)
		case known:
			t.Max = float64(it.Top())
		case there:
			t.Max = float64(r.Max[at])
		default:
			t.Max = 1
		}
		if there {
			if known && (given[t.ID] == 0 || it.Max() > 1 || it.Scores != nil) {
				warnings = append(warnings, unseen(r, at, it, t.Max)...)
			}
			tasks[at], used[at] = len(d.Tasks), true
		} else {
			warnings = append(warnings, fmt.Sprintf("item %s: stands in Q and has no column in the responses", t.ID))
		}
		d.Tasks = append(d.Tasks, t)
	}
	if !slices.Contains(used, true) {
		warnings = append(warnings, "no item of Q has a column in the responses: are they of the same test?")
	}
	for i, id := range r.Items {
		if !used[i] {
			warnings = append(warnings, fmt.Sprintf("item %s: has responses and stands not in Q: left out", id))
		}
	}
	if len(bank) > 0 {
		warnings = append(warnings, q.unmatched(column, bank)...)
	}
	responses := make([]Response, 0, len(r.Persons)*min(len(r.Items), len(d.Tasks)))
	for p, id := range r.Persons {
		from := len(responses)
		for i, c := range r.Row(p) {
			if tasks[i] < 0 || c == psychometrics.Absent {
				continue
			}
			one := Response{Task: tasks[i], State: Answered}
			switch c {
			case psychometrics.Omitted:
				one.State = Omitted
			case psychometrics.NotReached:
				one.State = NotReached
			default:
				one.Points = min(float64(c), d.Tasks[tasks[i]].Max)
			}
			responses = append(responses, one)
		}
		d.Persons = append(d.Persons, Person{id, responses[from:len(responses):len(responses)]})
	}
	return d, warnings
}

// unseen names the scores of a column that the item's calibration never saw, and what that
// costs of the most that the task gives.
func unseen(r *psychometrics.Responses, column int, it *irt.Item, most float64) []string {
	count := map[int]int{}
	for p := range r.Persons {
		if x, ok := r.Row(p)[column].Score(); ok {
			count[x]++
		}
	}
	answers, odd := 0, []string{}
	for _, x := range slices.Sorted(maps.Keys(count)) {
		if it.Scores == nil && x > it.Top() || it.Scores != nil && !slices.Contains(it.Scores, x) {
			answers += count[x]
			odd = append(odd, strconv.Itoa(x))
		}
	}
	if answers == 0 {
		return nil
	}
	said := fmt.Sprintf("item %s: its calibration never saw %s (answers: %d): taken as the next lower score that it saw, or the lowest", it.ID, plural(odd, "score ", "scores "), answers)
	if top := float64(it.Top()); top < most {
		said += fmt.Sprintf(", so that its expected share of points is %.2f at most (%v of %v)", top/most, top, most)
	}
	return []string{said}
}

func plural(list []string, one, many string) string {
	if len(list) > 1 {
		one = many
	}
	return one + some(list)
}

// unmatched names items with parameters and no column, and those with a column and no
// parameters; order is that of the files.
func (q Q) unmatched(column map[string]int, bank []irt.Item) (warnings []string) {
	known, idle, bare := map[string]bool{}, []string{}, []string{}
	for i := range bank {
		known[bank[i].ID] = true
		if _, there := column[bank[i].ID]; !there {
			idle = append(idle, bank[i].ID)
		}
	}
	for _, t := range q.Tasks {
		if _, there := column[t.ID]; there && !known[t.ID] && len(t.Weights) > 0 {
			bare = append(bare, t.ID)
		}
	}
	if len(idle) > 0 {
		warnings = append(warnings, "items with parameters and no column in the responses: "+some(idle))
	}
	if len(bare) > 0 {
		warnings = append(warnings, "items without parameters, which are estimated from the responses: "+some(bare))
	}
	return warnings
}

// ReadPolicy reads P.json over the defaults. Every fault is one of
// psychometrics.Faults; a field that is not known is a warning.
func ReadPolicy(name string, in io.Reader) (p Policy, warnings []string, err error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return p, nil, fmt.Errorf("%s: %w", name, err)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &fields); err != nil {
		line := 1
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line += bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		}
		what := err.Error()
		if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
			what = kind.Value
		}
		return p, nil, psychometrics.Faults{fmt.Sprintf("%s:%d: %s, expected a policy such as {\"cut\":0.6}", name, line, what)}
	}
	p = DefaultPolicy()
	var faults psychometrics.Faults
	if fields == nil {
		faults = append(faults, name+`: null, expected a policy such as {"cut":0.6}`)
	}
	for _, twice := range repeated(text) {
		faults = append(faults, fmt.Sprintf("%s: %s stands twice: which one is meant?", name, twice))
	}
	take := func(field string, to any, expected string) bool {
		raw, ok := fields[field]
		delete(fields, field)
		if !ok {
			return false
		}
		if string(raw) == "null" || json.Unmarshal(raw, to) != nil {
			faults = append(faults, fmt.Sprintf("%s: %s is %s, expected %s", name, field, raw, expected))
			return false
		}
		return true
	}
	take("cut", &p.Cut, "a share from 0 to 1")
	list := func(field string, size int, expected string) (numbers []float64) {
		var given []*float64 // JSON's null would be a silent 0
		if !take(field, &given, expected) {
			return nil
		}
		if len(given) != size {
			faults = append(faults, fmt.Sprintf("%s: %s has %d numbers, expected %s", name, field, len(given), expected))
			return nil
		}
		for i, x := range given {
			if x == nil {
				faults = append(faults, fmt.Sprintf("%s: %s, number %d of %d is null, expected %s", name, field, i+1, size, expected))
				return nil
			}
			numbers = append(numbers, *x)
		}
		return numbers
	}
	if bands := list("bands", len(p.Bands), "three shares in rising order"); bands != nil {
		p.Bands = [3]float64(bands)
	}
	if sure := list("sure", len(p.Sure), "two probabilities in rising order"); sure != nil {
		p.Sure = [2]float64(sure)
	}
	take("min_tasks", &p.MinTasks, "a whole number from 0")
	if raw := fields["areas"]; string(raw) == "null" {
		delete(fields, "areas")
	}
	var areas map[string]*string
	if take("areas", &areas, `an object {"element":"area"}`) {
		p.Areas = map[string]string{}
		for _, e := range slices.Sorted(maps.Keys(areas)) {
			if areas[e] == nil {
				faults = append(faults, fmt.Sprintf("%s: areas, element %s is null, expected the area's name", name, e))
				continue
			}
			p.Areas[e] = *areas[e]
		}
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		warnings = append(warnings, fmt.Sprintf("policy: field %s is not known and was passed over", field))
	}
	if err := p.Check(); err != nil && len(faults) == 0 {
		faults = append(faults, name+": "+err.Error())
	}
	if len(faults) > 0 {
		return Policy{}, nil, faults
	}
	return p, warnings, nil
}

// repeated lists the fields of a JSON object, and of the objects in it, that stand more than once.
func repeated(text []byte) (list []string) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	var value func(path string)
	value = func(path string) {
		t, err := dec.Token()
		if err != nil {
			return
		}
		switch t {
		case json.Delim('['):
			for dec.More() {
				value(path)
			}
			_, _ = dec.Token()
		case json.Delim('{'):
			seen := map[string]bool{}
			for dec.More() {
				key, err := dec.Token()
				if err != nil {
					return
				}
				name := path + fmt.Sprint(key)
				if seen[name] {
					list = append(list, name)
				}
				seen[name] = true
				value(name + ", ")
			}
			_, _ = dec.Token()
		}
	}
	value("")
	return list
}

// Remarks are what is odd about judging by this policy what Q asks: a cut that decides by
// itself, elements that have too few tasks, areas of elements that nobody knows, and
// elements without an area where others have one.
func (p Policy) Remarks(q Q) (warnings []string) {
	switch p.Cut {
	case 0:
		warnings = append(warnings, "policy: cut 0: no share lies under it, so that nobody has a deficit")
	case 1:
		warnings = append(warnings, "policy: cut 1: every share that can be expected lies under it, so that all have deficits")
	}
	few := []string{}
	for _, e := range sorted(q.Elements) {
		tasks := 0
		for _, t := range q.Tasks {
			if t.Weights[e] > 0 {
				tasks++
			}
		}
		if tasks > 0 && tasks < p.MinTasks {
			few = append(few, e)
		}
	}
	if len(few) > 0 {
		warnings = append(warnings, fmt.Sprintf("policy: min_tasks %d: these elements have fewer tasks and are insufficient for everybody: %s", p.MinTasks, some(few)))
	}
	for _, e := range slices.Sorted(maps.Keys(p.Areas)) {
		if !slices.Contains(q.Elements, e) {
			warnings = append(warnings, fmt.Sprintf("policy: element %s has an area and no column in Q", e))
		}
	}
	for _, e := range sorted(q.Elements) {
		if _, placed := p.Areas[e]; !placed && len(p.Areas) > 0 {
			warnings = append(warnings, fmt.Sprintf("policy: element %s has no area; those without one are taken as one area", e))
		}
	}
	return warnings
}
