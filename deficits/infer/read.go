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
// is 0), a row adds up to at most 1. Every fault is one of psychometrics.Faults.
func ReadQ(name string, in io.Reader) (Q, error) {
	q := Q{Tasks: []Task{}, Warnings: []string{}}
	elements, err := psychometrics.Grid(name, in, "item", "element", func(line int, id string, elements []string, cells [][]byte) (faults psychometrics.Faults) {
		t := Task{ID: id, Weights: map[string]float64{}}
		for i, cell := range cells {
			if len(cell) == 0 {
				continue
			}
			w, err := strconv.ParseFloat(string(cell), 64)
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

// Data joins tasks with responses. given are the maxima that somebody stated; bank the
// calibrated tasks, whose maxima hold where none is stated. Items without a column are
// tasks that nobody was given; columns that Q does not know are left out; both are
// named in warnings. Faults: scores over the maximum of the bank's parameters.
func (q Q) Data(r *psychometrics.Responses, given map[string]int, bank []irt.Item) (d Data, warnings []string, err error) {
	d.Elements = q.Elements
	calibrated := map[string]int{}
	for i := range bank {
		calibrated[bank[i].ID] = bank[i].Max()
	}
	column, used := map[string]int{}, make([]bool, len(r.Items))
	for i, id := range r.Items {
		column[id] = i
	}
	var faults psychometrics.Faults
	tasks := make([]int, len(r.Items)) // column → task
	for i := range tasks {
		tasks[i] = -1
	}
	for _, t := range q.Tasks {
		most, known := calibrated[t.ID]
		at, there := column[t.ID]
		switch stated := given[t.ID]; {
		case stated > 0:
			t.Max = float64(stated)
		case known:
			t.Max = float64(most)
			if there {
				for p := range r.Persons {
					if c := r.Row(p)[at]; int(c) > most {
						faults = append(faults, fmt.Sprintf("person %s, item %s: score %d, its parameters are for at most %d", r.Persons[p], t.ID, c, most))
						break
					}
				}
			}
		case there:
			t.Max = float64(r.Max[at])
		default:
			t.Max = 1
		}
		if there {
			tasks[at], used[at] = len(d.Tasks), true
		} else {
			warnings = append(warnings, fmt.Sprintf("item %s: stands in Q and has no column in the responses", t.ID))
		}
		d.Tasks = append(d.Tasks, t)
	}
	if len(faults) > 0 {
		return d, nil, faults
	}
	for i, id := range r.Items {
		if !used[i] {
			warnings = append(warnings, fmt.Sprintf("item %s: has responses and stands not in Q: left out", id))
		}
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
				one.Points = float64(c)
			}
			responses = append(responses, one)
		}
		d.Persons = append(d.Persons, Person{id, responses[from:len(responses):len(responses)]})
	}
	return d, warnings, nil
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
		return p, nil, psychometrics.Faults{fmt.Sprintf("%s:%d: %v, expected a policy such as {\"cut\":0.6}", name, line, err)}
	}
	p = DefaultPolicy()
	var faults psychometrics.Faults
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
	var bands, sure []float64
	if take("bands", &bands, "three shares in rising order") {
		if len(bands) == 3 {
			p.Bands = [3]float64(bands)
		} else {
			faults = append(faults, fmt.Sprintf("%s: bands has %d numbers, expected three shares in rising order", name, len(bands)))
		}
	}
	if take("sure", &sure, "two probabilities in rising order") {
		if len(sure) == 2 {
			p.Sure = [2]float64(sure)
		} else {
			faults = append(faults, fmt.Sprintf("%s: sure has %d numbers, expected two probabilities in rising order", name, len(sure)))
		}
	}
	take("min_tasks", &p.MinTasks, "a whole number from 0")
	if raw := fields["areas"]; string(raw) == "null" {
		delete(fields, "areas")
	}
	take("areas", &p.Areas, `an object {"element":"area"}`)
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

// Unplaced warns of areas that name elements nobody knows, and of elements that have
// no area where others have one.
func (p Policy) Unplaced(elements []string) (warnings []string) {
	for _, e := range slices.Sorted(maps.Keys(p.Areas)) {
		if !slices.Contains(elements, e) {
			warnings = append(warnings, fmt.Sprintf("policy: element %s has an area and no column in Q", e))
		}
	}
	for _, e := range sorted(elements) {
		if _, placed := p.Areas[e]; !placed && len(p.Areas) > 0 {
			warnings = append(warnings, fmt.Sprintf("policy: element %s has no area; those without one are taken as one area", e))
		}
	}
	return warnings
}
