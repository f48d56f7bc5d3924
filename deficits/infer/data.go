package infer

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
)

// State says what became of a task that was given to a person.
type State uint8

// A task is answered, presented and omitted (scored 0), or never reached (left out).
const (
	Answered State = iota
	Omitted
	NotReached
)

// A Task is what the model must know of a task: its maximum in points and which
// elements it speaks of, with weights that add up to at most 1. Level is how hard its
// author takes it to be, any word or none: tasks without parameters of their own are taken
// as typical ones of their level.
type Task struct {
	ID      string             `json:"id"`
	Max     float64            `json:"max"`
	Weights map[string]float64 `json:"weights"`
	Level   string             `json:"level,omitempty"`
}

// A Response is what one person did with Tasks[Task]; 0 ≤ Points ≤ Max.
type Response struct {
	Task   int
	Points float64
	State  State
}

// A Person is somebody with answers; a task not presented has no response.
type Person struct {
	ID        string
	Responses []Response
}

// Data is what a model is fitted to. Elements may name elements without tasks.
type Data struct {
	Elements []string
	Tasks    []Task
	Persons  []Person
}

// An Estimate is what the model says of one element of one person.
type Estimate struct {
	Element   string   `json:"element"`
	Score     float64  `json:"score"`          // points × weight over tasks answered or omitted
	Max       float64  `json:"max"`            // the most these tasks give
	Tasks     int      `json:"tasks"`          // answered tasks
	LeftOut   int      `json:"tasks_left_out"` // of these, left out by the model: the status does not count them
	Own       int      `json:"tasks_own"`      // of these, evidence of this element: without one the status is insufficient
	Omitted   int      `json:"omitted"`        // presented, left without an answer, scored 0
	Share     float64  `json:"share"`          // Score/Max, 0 where Max is 0
	Estimate  float64  `json:"estimate"`       // posterior mean of the true share
	Low       float64  `json:"low"`            // 90 % interval
	High      float64  `json:"high"`           //
	P         float64  `json:"p_deficit"`      // probability that the true share lies under the cut
	Shortfall float64  `json:"shortfall"`      // E[max(0, cut − share)]
	Severity  Severity `json:"severity"`
	Status    Status   `json:"status"`
}

func (d Data) check() error {
	seen := map[string]bool{}
	for _, t := range d.Tasks {
		switch {
		case seen[t.ID]:
			return fmt.Errorf("task %s: given twice", t.ID)
		case !(t.Max >= 0) || math.IsInf(t.Max, 0):
			return fmt.Errorf("task %s: maximum %v, expected 0 or more points", t.ID, t.Max)
		}
		seen[t.ID] = true
		if err := t.checkWeights(); err != nil {
			return err
		}
	}
	for _, person := range d.Persons {
		if err := checkResponses(d.Tasks, person.Responses); err != nil {
			return fmt.Errorf("person %s: %w", person.ID, err)
		}
	}
	return nil
}

// Main is the element that the task's answers are evidence of: the one with the largest
// weight; where several share it, the one that the fit drew (ModelTask.Evidence), and for a
// task that no fit has seen one drawn by the ids. To count one answer in the likelihood of two elements, or of each
// by half, would make their deviations look smaller than they are; the others of the
// task's elements learn of the answer through their area, and keep the task in their points.
func (t Task) Main() string {
	best, top, drawn := "", 0.0, uint32(0)
	for _, e := range slices.Sorted(maps.Keys(t.Weights)) {
		h := fnv.New32a()
		h.Write([]byte(t.ID + "\x00" + e))
		if w := t.Weights[e]; w > top+1e-9 || w > top-1e-9 && h.Sum32() > drawn {
			best, top, drawn = e, w, h.Sum32()
		}
	}
	return best
}

func (t Task) checkWeights() error {
	sum := 0.0
	for e, w := range t.Weights {
		if !(w >= 0 && w <= 1) {
			return fmt.Errorf("task %s: weight %v of %s, expected 0…1", t.ID, w, e)
		}
		sum += w
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("task %s: weights add up to %v, expected at most 1", t.ID, sum)
	}
	return nil
}

func checkResponses(tasks []Task, responses []Response) error {
	seen := make([]bool, len(tasks))
	for _, r := range responses {
		switch {
		case r.Task < 0 || r.Task >= len(tasks):
			return fmt.Errorf("an answer to task number %d of %d", r.Task, len(tasks))
		case seen[r.Task]:
			return fmt.Errorf("task %s: answered twice", tasks[r.Task].ID)
		case !(r.Points >= 0 && r.Points <= tasks[r.Task].Max):
			return fmt.Errorf("task %s: %v points, expected 0…%v", tasks[r.Task].ID, r.Points, tasks[r.Task].Max)
		}
		seen[r.Task] = true
	}
	return nil
}
