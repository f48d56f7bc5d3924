package infer

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A fitting is the data in the shape that the EM wants, and its room.
type fitting struct {
	m       *Model
	persons int
	tasks   []*fitTask
	kinds   []fitElement
	pattern []int32 // persons × elements: which pattern of answers the person has
	free    []bool  // areas whose mean and sd are estimated: they hold fixed tasks
	area    []int

	slope  float64 // mean slope, for 0/1 tasks; ×1/√levels for others
	common float64 // common σ²
	logLik float64
	areas  []fitArea
	blocks []block
	root   []float64 // persons × nodes, P(η | answers); with one area P(θ | answers)
	log    []float64 // by person
	chosen []int     // persons, evenly taken, that stand for all; each for so many
	each   float64
	areal  [][]float64 // by area: chosen × nodes, P(θ_g | answers)
	tree   *tree
	x      []float64
	cycles int
	done   bool
}

type fitTask struct {
	at     int // in the model
	item   irt.Item
	fixed  bool
	held   bool // the slope
	p      []float64
	counts [][]float64 // level × node
}

// A fitElement holds the different ways in which persons answered its tasks: there
// are few of them, and each is summed once a cycle for all its persons.
type fitElement struct {
	tasks    []int     // of fitting
	patterns [][]int16 // by pattern, by task: level, −1 unknown; pattern 0 is nothing known
	count    []float64
	persons  float64 // with evidence
	like     []float64
	up       []float64 // pattern × θ node, largest 1
	logs     []float64
	weight   []float64 // pattern × θ node: what the persons' other answers say
	squares  float64   // Σ E[δ²]
}

// A block is some of the patterns of an element: the share of one worker at a time.
type block struct{ kind, from, to int }

func newFitting(m *Model, d Data) *fitting {
	f := &fitting{m: m, slope: typicalA, common: typicalSD * typicalSD}
	byID := map[string]int{}
	for i := range m.Tasks {
		t := &m.Tasks[i]
		if t.Out != "" || t.Answers == 0 {
			continue
		}
		byID[t.ID] = len(f.tasks)
		f.tasks = append(f.tasks, &fitTask{at: i, item: t.item(), fixed: t.Fixed})
	}
	_, f.area, _ = m.treeShape()
	f.free = make([]bool, max(1, len(m.Areas)))
	f.kinds = make([]fitElement, len(m.Elements))
	place := map[string]int{}
	for i, e := range m.Elements {
		place[e.Element] = i
	}
	slot := make([]map[int]int, len(m.Elements)) // task of fitting → its column in the element
	for i, t := range f.tasks {
		e := m.Tasks[t.at].main()
		if e == "" {
			continue
		}
		k := place[e]
		if slot[k] == nil {
			slot[k] = map[int]int{}
		}
		slot[k][i] = len(f.kinds[k].tasks)
		f.kinds[k].tasks = append(f.kinds[k].tasks, i)
		f.free[f.area[k]] = f.free[f.area[k]] || t.fixed
	}
	column := make([]int, len(d.Tasks)) // task of the data → task of fitting
	for i, t := range d.Tasks {
		column[i] = -1
		if at, ok := byID[t.ID]; ok {
			column[i] = at
		}
	}
	f.persons = len(d.Persons)
	f.pattern = make([]int32, f.persons*len(f.kinds))
	given := f.levels(d, column)
	for k := range f.kinds {
		e := &f.kinds[k]
		keys := map[string]int32{string(make([]byte, 2*len(e.tasks))): 0}
		e.patterns = [][]int16{nil}
		key := make([]byte, 0, 64)
		for n := range d.Persons {
			given := given[n*len(f.tasks) : (n+1)*len(f.tasks)]
			key = key[:0]
			for _, t := range e.tasks {
				key = binary.BigEndian.AppendUint16(key, uint16(given[t]+1))
			}
			at, ok := keys[string(key)]
			if !ok {
				at = int32(len(e.patterns))
				keys[string(key)] = at
				levels := make([]int16, len(e.tasks))
				for i, t := range e.tasks {
					levels[i] = given[t]
				}
				e.patterns = append(e.patterns, levels)
			}
			f.pattern[n*len(f.kinds)+k] = at
		}
		f.canonical(k)
	}
	f.sortPersons()
	f.allot()
	return f
}

// levels is the data as levels of points, persons × tasks of the fitting; −1 unknown.
func (f *fitting) levels(d Data, column []int) []int16 {
	given := make([]int16, len(d.Persons)*len(f.tasks))
	for i := range given {
		given[i] = -1
	}
	for n := range d.Persons {
		for _, r := range d.Persons[n].Responses {
			if t := column[r.Task]; t >= 0 && r.State != NotReached {
				given[n*len(f.tasks)+t] = int16(f.m.Tasks[f.tasks[t].at].level(r.Points))
			}
		}
	}
	return given
}

// canonical numbers the patterns of element k by their content.
func (f *fitting) canonical(k int) {
	e := &f.kinds[k]
	order := make([]int32, len(e.patterns))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return slices.Compare(e.patterns[a], e.patterns[b]) })
	to := make([]int32, len(order))
	sortedPatterns := make([][]int16, len(order))
	for i, was := range order {
		to[was], sortedPatterns[i] = int32(i), e.patterns[was]
	}
	e.patterns, e.count = sortedPatterns, make([]float64, len(order))
	for n := range f.persons {
		at := &f.pattern[n*len(f.kinds)+k]
		*at = to[*at]
		e.count[*at]++
	}
	e.persons = float64(f.persons) - e.count[0]
}

// sortPersons puts persons in the order of their answers: sums do not depend on the
// order in which they came.
func (f *fitting) sortPersons() {
	n := len(f.kinds)
	rows := make([][]int32, 0, f.persons)
	for p := range f.persons {
		row := f.pattern[p*n : (p+1)*n]
		if slices.ContainsFunc(row, func(x int32) bool { return x > 0 }) { // the rest say nothing
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, slices.Compare[[]int32])
	out := make([]int32, 0, len(rows)*n)
	for _, row := range rows {
		out = append(out, row...)
	}
	f.pattern, f.persons = out, len(rows)
}

// blockPatterns is how many patterns of an element one worker takes.
const blockPatterns = 512

func (f *fitting) allot() {
	q, x := len(fitGrid.theta), fitGrid.x
	f.x = x
	for g := range f.free {
		f.areas = append(f.areas, f.newFitArea(g))
	}
	f.log, f.root = make([]float64, f.persons), make([]float64, f.persons*q)
	for _, t := range f.tasks {
		t.p = make([]float64, (len(t.item.D)+1)*len(x))
		for range len(t.item.D) + 1 {
			t.counts = append(t.counts, make([]float64, len(x)))
		}
	}
	for k := range f.kinds {
		e := &f.kinds[k]
		n := len(e.patterns)
		e.like, e.up, e.weight, e.logs = make([]float64, n*len(x)), make([]float64, n*q), make([]float64, n*q), make([]float64, n)
		for from := 1; from < n; from += blockPatterns {
			f.blocks = append(f.blocks, block{k, from, min(n, from+blockPatterns)})
		}
	}
}

// workers run f over 0…n−1, each number once; who does which changes no result.
func workers(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}
