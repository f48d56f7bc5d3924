package task

import (
	"bytes"
	"encoding/json"
)

// A Spare is a file of tasks that stand in the bank beside the variants of an
// instrument: they are given when somebody's answers left an element unclear.
// Codifier and Edition name the list of elements that the tasks speak of.
type Spare struct {
	Codifier string    `json:"codifier"`
	Edition  string    `json:"edition"`
	Tasks    []Written `json:"tasks"`
}

// ParseSpare reads a file of spare tasks (UTF-8 JSON) and checks every task by itself;
// whether the codifier has the elements is for the bank to say. The error is Faults.
func ParseSpare(file []byte) (Spare, error) {
	var raw struct {
		Codifier string            `json:"codifier"`
		Edition  string            `json:"edition"`
		Tasks    []json.RawMessage `json:"tasks"`
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if err := strict(file, &raw); err != nil {
		return Spare{}, Faults{{Want: jsonFault(file, err)}}
	}
	tasks, fs := parseTasks(raw.Tasks)
	if blank(raw.Codifier) {
		fs = append(fs, Fault{"", "codifier", wantID})
	}
	if blank(raw.Edition) {
		fs = append(fs, Fault{"", "edition", "нужно издание, например 2026"})
	}
	if len(raw.Tasks) == 0 {
		fs = append(fs, Fault{"", "tasks", "нужно хотя бы одно задание"})
	}
	seen := map[string]bool{}
	for i, w := range tasks {
		name := taskName(i, w.ID)
		if seen[w.ID] {
			fs = append(fs, Fault{name, "id", "такой код уже был"})
		}
		seen[w.ID] = true
		if !w.Scored() {
			fs = append(fs, Fault{name, "kind", "самооценка ничего не уточняет: нужно задание с баллами"})
		}
		for _, f := range w.faults() {
			fs = append(fs, Fault{name, f.Field, f.Want})
		}
	}
	if err := fs.orNil(); err != nil {
		return Spare{}, err
	}
	return Spare{raw.Codifier, raw.Edition, tasks}, nil
}

// parseTasks reads the tasks of a file one by one; those that cannot be read are left out
// and named.
func parseTasks(raw []json.RawMessage) (tasks []Written, fs Faults) {
	for i, one := range raw {
		var w Written
		if err := strict(one, &w); err != nil {
			fs = append(fs, Fault{taskName(i, w.ID), "", jsonFault(one, err)})
			continue
		}
		tasks = append(tasks, w)
	}
	return tasks, fs
}
