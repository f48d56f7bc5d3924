package assembly

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// A Row of a blueprint asks for one task. An empty kind or level and a zero
// maximum are free.
type Row struct {
	Position int        `db:"position"`
	Part     task.Part  `db:"part"`
	Element  string     `db:"element_id"`
	Kind     task.Kind  `db:"kind"`
	Level    task.Level `db:"level"`
	Max      float64    `db:"max_points"`
}

// Takes tells whether a task may stand in the row: it speaks of the row's
// element at least as much as of any other.
func (r Row) Takes(v bank.Version) bool {
	weight, speaks := v.Elements[r.Element]
	if !speaks || r.Part != v.Part || r.Kind != "" && r.Kind != v.Kind || r.Level != "" && r.Level != v.Level || r.Max != 0 && r.Max != v.MaxPoints {
		return false
	}
	for _, w := range v.Elements {
		if w > weight {
			return false
		}
	}
	return true
}

// A Conflict names rows that together ask for more tasks than the bank has.
type Conflict struct {
	Rows  []Row    // that compete
	Tasks []string // codes of all the tasks that any of them would take
}

// Missing is how many tasks have to be written to settle the conflict.
func (c Conflict) Missing() int { return len(c.Rows) - len(c.Tasks) }

// Assemble chooses a different task for each row of a blueprint from a pool. It
// is exact: if any choice fills all rows, it finds one, and of the tasks it may
// use it tries those used least first (uses by version id), so that variants
// made one after another share little. If none exists, picked is nil and each
// conflict is a set of rows with too few tasks between them (Hall's condition).
// The same input gives the same choice.
func Assemble(rows []Row, pool []bank.Version, uses map[int64]int) (picked []bank.Version, conflicts []Conflict) {
	pool = slices.Clone(pool)
	slices.SortStableFunc(pool, func(a, b bank.Version) int {
		if d := uses[a.ID] - uses[b.ID]; d != 0 {
			return d
		}
		return strings.Compare(a.Code, b.Code)
	})
	m := matching{rows: rows, pool: pool, rowOf: make([]int, len(pool)), taskOf: make([]int, len(rows))}
	for i := range m.rowOf {
		m.rowOf[i] = -1
	}
	for i := range m.taskOf {
		m.taskOf[i] = -1
	}
	blamed := make([]bool, len(rows))
	for row := range rows {
		seenRows, seenTasks := make([]bool, len(rows)), make([]bool, len(pool))
		if m.place(row, seenRows, seenTasks) || blamed[row] {
			continue
		}
		var c Conflict
		for i, seen := range seenRows {
			if seen {
				c.Rows = append(c.Rows, rows[i])
				blamed[i] = true
			}
		}
		for j, seen := range seenTasks {
			if seen {
				c.Tasks = append(c.Tasks, pool[j].Code)
			}
		}
		conflicts = append(conflicts, c)
	}
	if len(conflicts) > 0 {
		return nil, conflicts
	}
	picked = make([]bank.Version, len(rows))
	for i, j := range m.taskOf {
		picked[i] = pool[j]
	}
	return picked, nil
}

// matching is a bipartite matching of rows and tasks by augmenting paths.
type matching struct {
	rows   []Row
	pool   []bank.Version
	rowOf  []int // task → row, -1 free
	taskOf []int // row → task, -1 empty
}

// place finds the row a task, moving others where needed. Where it fails, the
// seen rows and tasks are exactly those that the failure is about.
func (m *matching) place(row int, seenRows, seenTasks []bool) bool {
	seenRows[row] = true
	for _, taken := range []bool{false, true} { // a free task before a move
		for j, v := range m.pool {
			if seenTasks[j] || taken != (m.rowOf[j] >= 0) || !m.rows[row].Takes(v) {
				continue
			}
			seenTasks[j] = true
			if !taken || m.place(m.rowOf[j], seenRows, seenTasks) {
				m.rowOf[j], m.taskOf[row] = row, j
				return true
			}
		}
	}
	return false
}

// Words says a row in words: «Функции, базовый, число, 1 балл»; name gives an
// element its title.
func (r Row) Words(name func(element string) string) string {
	words := []string{name(r.Element)}
	if r.Level != "" {
		words = append(words, strings.ToLower(r.Level.Label()))
	}
	if r.Kind != "" {
		words = append(words, strings.ToLower(r.Kind.Label()))
	}
	if r.Max != 0 {
		words = append(words, fmt.Sprintf("баллов: %g", r.Max))
	}
	return strings.Join(words, ", ")
}
