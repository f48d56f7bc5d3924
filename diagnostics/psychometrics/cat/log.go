package cat

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// A Run is one person's test as it went: item, score, and the estimate after it.
type Run struct {
	Person string   `json:"person"`
	Stream uint64   `json:"stream"` // of the draws
	Items  []string `json:"items"`
	Scores []int    `json:"scores"`
	Theta  []Number `json:"theta"`
	SE     []Number `json:"se"`
	End    Reason   `json:"end"`
	// Whole says that every item of the bank could be given to this person; else Pool lists
	// those that could.
	Whole bool     `json:"whole_bank"`
	Pool  []string `json:"pool"`
}

// A Log is runs with all that is needed to repeat them beside the bank; its JSON is the
// answer of "psychometrics cat".
type Log struct {
	Settings Settings `json:"settings"`
	Persons  []Run    `json:"persons"`
	Warnings []string `json:"warnings"`
}

// run takes a test to its end; answer gives the score to an item, may says which can be given.
func (b *Bank) run(person string, stream uint64, may func(item int) bool, answer func(item int) (int, error)) (Run, error) {
	r := Run{Person: person, Stream: stream, Items: []string{}, Scores: []int{}, Theta: []Number{}, SE: []Number{}, Pool: []string{}}
	t := b.Begin(stream)
	for {
		item, end := t.Next(may)
		if item < 0 {
			r.End = end
			return r, nil
		}
		score, err := answer(item)
		if err == nil {
			err = t.Record(score)
		}
		if err != nil {
			return r, err
		}
		theta, se := t.Estimate()
		r.Items, r.Scores = append(r.Items, b.Items[item].ID), append(r.Scores, score)
		r.Theta, r.SE = append(r.Theta, Number(theta)), append(r.SE, Number(se))
	}
}

// ReplayResponses gives each person of r an adaptive test as if the answers were not
// known: an item whose answer is missing is not given. Columns that the fit does not
// know are left out with a warning; a score over an item's categories is an error.
func ReplayResponses(f *irt.Fit, r *psychometrics.Responses, s Settings) (*Log, error) {
	byID := map[string]*irt.ItemFit{}
	for i := range f.Items {
		byID[f.Items[i].ID] = &f.Items[i]
	}
	log := &Log{Persons: []Run{}, Warnings: append(slices.Clone(r.Warnings), f.Warnings...)}
	if log.Warnings == nil {
		log.Warnings = []string{}
	}
	var items []irt.Item
	var columns []int
	for i, id := range r.Items {
		it, known := byID[id]
		if !known || len(it.D) == 0 {
			log.Warnings = append(log.Warnings, fmt.Sprintf("item %s has no parameters and is left out", id))
			continue
		}
		items, columns = append(items, it.Item()), append(columns, i)
		delete(byID, id)
	}
	for _, it := range f.Items {
		if _, left := byID[it.ID]; left {
			log.Warnings = append(log.Warnings, fmt.Sprintf("item %s of the bank has no responses and is never given", it.ID))
		}
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("no item of the responses has parameters")
	}
	// The bank's order decides between equals.
	order := make([]int, len(items))
	place := map[string]int{}
	for i := range f.Items {
		place[f.Items[i].ID] = i
	}
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return place[items[a].ID] - place[items[b].ID] })
	bankItems, bankColumns := make([]irt.Item, len(items)), make([]int, len(items))
	for to, from := range order {
		bankItems[to], bankColumns[to] = items[from], columns[from]
	}
	bank, err := NewBank(bankItems, s)
	if err != nil {
		return nil, err
	}
	log.Settings = bank.Settings
	for p, person := range r.Persons {
		row := r.Row(p)
		scores := make([]int, len(bankItems))
		var pool []string
		for i, column := range bankColumns {
			points, known := row[column].Score()
			if !known {
				scores[i] = -1
				continue
			}
			it := &bankItems[i]
			if points > it.Top() {
				return nil, fmt.Errorf("person %s, item %s: score %d is over the item's %d", person, it.ID, points, it.Top())
			}
			scores[i] = it.Category(points)
			pool = append(pool, bankItems[i].ID)
		}
		one, err := bank.run(person, uint64(p), func(i int) bool { return scores[i] >= 0 }, func(i int) (int, error) { return scores[i], nil })
		if err != nil {
			return nil, err
		}
		if one.Whole = len(pool) == len(f.Items); !one.Whole {
			one.Pool = append(one.Pool, pool...)
		}
		if len(one.Items) == 0 {
			log.Warnings = append(log.Warnings, fmt.Sprintf("person %s has no answers to be given", person))
		}
		log.Persons = append(log.Persons, one)
	}
	return log, nil
}

// ReadLog reads what "psychometrics cat" wrote.
func ReadLog(name string, in io.Reader) (*Log, error) {
	var l Log
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return nil, psychometrics.Faults{fmt.Sprintf("%s: %v, expected a log written by psychometrics cat", name, err)}
	}
	for _, r := range l.Persons {
		if n := len(r.Items); len(r.Scores) != n || len(r.Theta) != n || len(r.SE) != n {
			return nil, psychometrics.Faults{fmt.Sprintf("%s: person %s has %d items, %d scores, %d estimates, %d errors; expected as many of each", name, r.Person, n, len(r.Scores), len(r.Theta), len(r.SE))}
		}
	}
	return &l, nil
}

// Replay repeats every run of a log on its bank from the answers alone. differences
// names, a line each, where an item or an estimate comes out another to the last bit;
// empty is an exact replay.
func Replay(items []irt.Item, l *Log) (differences []string, err error) {
	differences = []string{}
	bank, err := NewBank(items, l.Settings)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range items {
		at[items[i].ID] = i
	}
	for _, was := range l.Persons {
		scores := map[int]int{}
		for k, id := range was.Items {
			i, known := at[id]
			if !known {
				return nil, fmt.Errorf("person %s: item %s is not in the bank", was.Person, id)
			}
			scores[i] = was.Scores[k]
		}
		var may func(item int) bool
		if !was.Whole {
			pool := make([]bool, len(items))
			for _, id := range was.Pool {
				if i, known := at[id]; known {
					pool[i] = true
				}
			}
			may = func(i int) bool { return pool[i] }
		}
		now, err := bank.run(was.Person, was.Stream, may, func(i int) (int, error) {
			score, known := scores[i]
			if !known {
				return 0, fmt.Errorf("gives item %s, which the log does not have", items[i].ID)
			}
			return score, nil
		})
		if d := was.differs(&now, err); d != "" {
			differences = append(differences, d)
		}
	}
	return differences, nil
}

// differs tells the first step where a run comes out another than was; err is what broke it off.
func (was *Run) differs(now *Run, err error) string {
	for k := range min(len(was.Items), len(now.Items)) {
		switch {
		case now.Items[k] != was.Items[k]:
			return fmt.Sprintf("person %s, step %d: item %s, the log has %s", was.Person, k+1, now.Items[k], was.Items[k])
		case now.Theta[k] != was.Theta[k] || now.SE[k] != was.SE[k]:
			return fmt.Sprintf("person %s, step %d: ability %v ± %v, the log has %v ± %v", was.Person, k+1, now.Theta[k], now.SE[k], was.Theta[k], was.SE[k])
		}
	}
	switch {
	case err != nil:
		return fmt.Sprintf("person %s, step %d: %v", was.Person, len(now.Items)+1, err)
	case len(now.Items) != len(was.Items) || now.End != was.End:
		return fmt.Sprintf("person %s: %d items (%s), the log has %d (%s)", was.Person, len(now.Items), now.End, len(was.Items), was.End)
	}
	return ""
}
