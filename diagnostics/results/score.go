// Package results turns closed attempts into score revisions, holds them for good,
// and shows people what came out: the teacher's report, the results of a campaign.
//
// The last revision of an attempt counts; a correction is a new revision.
package results

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
)

// What became of a task.
const (
	StateScored     = "scored"      // answered and scored
	StateOmitted    = "omitted"     // in front of the person, left without an answer: 0 points
	StateNotReached = "not_reached" // time ran out before it: says nothing of an element
	StateWaiting    = "waiting"     // an extended answer that experts have not decided
)

// Why a revision was made.
const (
	ReasonClosed  = "closed"
	ReasonMarked  = "marked"
	ReasonRegrade = "regrade"
)

// A TaskScore is the points of one task in a revision. Points is nil while experts
// have the answer. Degree is what a self-assessment task was answered with, 1…5, 0
// for none; such a task has no points. KeyVersionID names the later version of the task
// by whose key a regrade scored; 0 is the task's own.
type TaskScore struct {
	Task          string
	Position      int
	TaskVersionID int64
	Points        *float64
	Max           float64
	State         string
	Degree        int
	KeyVersionID  int64
	Trace         []task.Step
}

// An ElementResult is what a revision says of one element: points and the most they
// could be over tasks scored or omitted, with the tasks' weights; Tasks counts the
// answered ones.
type ElementResult struct {
	Element    string
	CodifierID int64
	Points     float64
	Max        float64
	Tasks      int
}

// Scored is one revision with everything it is made of.
type Scored struct {
	RevisionID     int64
	Revision       int
	Reason         string
	AttemptID      int64
	RegistrationID int64
	CampaignID     int64
	PersonID       access.PersonID
	SubmittedAt    time.Time
	At             time.Time
	Complete       bool // no extended answer waits
	Points, Max    float64
	Tasks          []TaskScore
	Elements       []ElementResult
}

// Self is the person's own judgement by element, as a share 0…1 (degree 1 is 0,
// degree 5 is 1), the mean where several tasks asked.
func (s Scored) Self(versions map[int64]bank.Version) map[string]float64 {
	sum, weight := map[string]float64{}, map[string]float64{}
	for _, t := range s.Tasks {
		if t.Degree == 0 {
			continue
		}
		for e, w := range versions[t.TaskVersionID].Elements {
			sum[e] += w * float64(t.Degree-1) / 4
			weight[e] += w
		}
	}
	for e := range sum {
		sum[e] /= weight[e]
	}
	return sum
}

// Versions are the task versions a revision speaks of.
func (s Scored) Versions() []int64 {
	ids := make([]int64, len(s.Tasks))
	for i, t := range s.Tasks {
		ids[i] = t.TaskVersionID
	}
	return ids
}

// score gives the points of every task of a closed attempt. It is pure; keyed holds
// each task of the manifest by its version, corrected the version of the key where that
// is another one, finals what experts decided: task → criterion → points.
//
// Tasks after the last answer count as not reached where the time ran out or a
// manager closed the attempt, except the first of them, which was in front of the
// person; whoever submits leaves tasks unanswered knowingly (the convention of
// international surveys).
func score(c sitting.Closed, keyed map[int64]task.Written, corrected map[int64]int64, finals map[string]map[string]float64) ([]TaskScore, error) {
	manifest := slices.SortedFunc(slices.Values(c.Manifest), func(a, b sitting.ManifestTask) int { return a.Position - b.Position })
	missed := notReached(manifest, c)
	out := make([]TaskScore, 0, len(manifest))
	for _, m := range manifest {
		by := corrected[m.TaskVersionID]
		w, known := keyed[cmp.Or(by, m.TaskVersionID)]
		if !known {
			return nil, fmt.Errorf("task %s: version %d has no key", m.ID, m.TaskVersionID)
		}
		r := task.Score(w.Task, w.Key, c.Answers[m.ID].Body)
		s := TaskScore{Task: m.ID, Position: m.Position, TaskVersionID: m.TaskVersionID, Max: float64(r.Max), State: StateScored, KeyVersionID: by, Trace: r.Trace}
		points := float64(r.Points)
		s.Points = &points
		switch {
		case w.Kind == task.Likert:
			var degree int
			if json.Unmarshal(c.Answers[m.ID].Body, &degree) == nil && degree >= 1 && degree <= 5 {
				s.Degree = degree
			} else {
				s.State = StateOmitted
			}
		case w.ByExperts() && (!r.Omitted || len(c.Files[m.ID]) > 0):
			final, decided := finals[m.ID]
			if !decided {
				s.State, s.Points = StateWaiting, nil
				break
			}
			marks := make(map[string]int, len(final))
			for id, p := range final {
				marks[id] = int(math.Round(p))
			}
			marked, err := task.ScoreMarks(w.Task, w.Key, marks)
			if err != nil {
				return nil, fmt.Errorf("task %s: %w", m.ID, err)
			}
			*s.Points, s.Trace = float64(marked.Points), marked.Trace
		case r.Omitted && missed[m.ID]:
			s.State = StateNotReached
		case r.Omitted:
			s.State = StateOmitted
		}
		out = append(out, s)
	}
	return out, nil
}

// notReached names the tasks that the person's time did not reach.
func notReached(manifest []sitting.ManifestTask, c sitting.Closed) map[string]bool {
	missed := map[string]bool{}
	if c.Attempt.ClosedBy == nil || *c.Attempt.ClosedBy == "participant" {
		return missed
	}
	last := -1
	for i, m := range manifest {
		if held, ok := c.Answers[m.ID]; ok && !held.Empty() || len(c.Files[m.ID]) > 0 {
			last = i
		}
	}
	for i := last + 2; i < len(manifest); i++ {
		missed[manifest[i].ID] = true
	}
	return missed
}

// byElement adds up a revision's points by element. Tasks that wait or were not
// reached say nothing yet.
func byElement(tasks []TaskScore, versions map[int64]bank.Version) []ElementResult {
	by := map[string]ElementResult{}
	for _, t := range tasks {
		v := versions[t.TaskVersionID]
		if v.Kind == task.Likert {
			continue
		}
		for e, w := range v.Elements {
			r := by[e]
			r.Element, r.CodifierID = e, v.CodifierID
			if t.State == StateScored || t.State == StateOmitted {
				r.Points += w * *t.Points
				r.Max += w * t.Max
			}
			if t.State == StateScored {
				r.Tasks++
			}
			by[e] = r
		}
	}
	out := make([]ElementResult, 0, len(by))
	for _, e := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[e])
	}
	return out
}

// totals adds up all points, and tells whether no task waits. Tasks not reached
// count in the maximum: the total is what was earned of what was offered.
func totals(tasks []TaskScore) (points, most float64, complete bool) {
	complete = true
	for _, t := range tasks {
		most += t.Max
		if t.Points != nil {
			points += *t.Points
		}
		complete = complete && t.State != StateWaiting
	}
	return points, most, complete
}

// correctedBy is which tasks of a revision were scored by the key of a later version.
func correctedBy(tasks []TaskScore) map[int64]int64 {
	by := map[int64]int64{}
	for _, t := range tasks {
		if t.KeyVersionID != 0 {
			by[t.TaskVersionID] = t.KeyVersionID
		}
	}
	return by
}

// corrects tells whether the key of a later version can score answers to an earlier
// one: the same kind, points and rule, and the same things to choose or match. Only
// then did the author correct a key and not write another task.
func corrects(later, earlier task.Task) bool {
	ids := func(options []task.Option) string {
		list := make([]string, len(options))
		for i, o := range options {
			list[i] = o.ID
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	gaps := func(t task.Task) string {
		list := []string{}
		for _, g := range t.Gaps {
			list = append(list, g.ID+":"+ids(g.Options))
		}
		slices.Sort(list)
		return strings.Join(list, ";")
	}
	return later.Kind == earlier.Kind && later.Max == earlier.Max && !later.ByExperts() && later.Scored() && ids(later.Options) == ids(earlier.Options) &&
		ids(later.Left) == ids(earlier.Left) && ids(later.Right) == ids(earlier.Right) && gaps(later) == gaps(earlier)
}

// same tells whether two revisions give every task the same points and state.
func same(a, b []TaskScore) bool {
	return slices.EqualFunc(a, b, func(x, y TaskScore) bool {
		equal := x.Task == y.Task && x.State == y.State && x.Max == y.Max && x.Degree == y.Degree && (x.Points == nil) == (y.Points == nil)
		return equal && (x.Points == nil || *x.Points == *y.Points)
	})
}
