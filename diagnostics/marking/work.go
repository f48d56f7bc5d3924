// Package marking lets experts mark extended answers: two independently by
// criteria, a third who sees both where they differ too much.
//
// An expert sees a work code, the task and the answer, never who wrote it; a work
// goes to experts of other territories than its author's.
package marking

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// States of a work: the first two marks are awaited, a third is, or it is decided.
const (
	Waiting = "waiting"
	Third   = "third"
	Done    = "done"
)

// An Expert may mark; Territories and Organisations are where the expert works.
type Expert struct {
	ID            access.PersonID
	Territories   []int64
	Organisations []int64
}

// conflicts tells whether the expert may know the author: the same territory is enough.
func (e Expert) conflicts(w Work) bool {
	return slices.Contains(e.Territories, w.TerritoryID) || slices.Contains(e.Organisations, w.OrganisationID)
}

// A Work is one extended answer to be marked.
type Work struct {
	ID             int64     `db:"id"`
	Code           string    `db:"code"`
	CampaignID     int64     `db:"campaign_id"`
	AttemptID      int64     `db:"attempt_id"`
	Task           string    `db:"task"`
	TaskVersionID  int64     `db:"task_version_id"`
	TerritoryID    int64     `db:"territory_id"`
	OrganisationID int64     `db:"organisation_id"`
	State          string    `db:"state"`
	CreatedAt      time.Time `db:"created_at"`
}

// Marks are points by criterion.
type Marks map[string]int

// An Assignment is one expert's turn with one work; Scores is nil until marked.
type Assignment struct {
	ID       int64           `db:"id"`
	WorkID   int64           `db:"work_id"`
	Ordinal  int             `db:"ordinal"`
	ExpertID access.PersonID `db:"expert_id"`
	Comment  string          `db:"comment"`
	MarkedAt *time.Time      `db:"marked_at"`
	Scores   Marks           `db:"-"`
}

// turn is an assignment to be made.
type turn struct {
	work    int64
	ordinal int
	expert  access.PersonID
}

// assign gives every work the experts it lacks: two, or the third where one is
// awaited. load is how many works each expert has not yet marked; the least loaded
// comes first, so that the load stays even, and equals are told apart by a hash of
// work and expert, so that pairs of experts mix. A work for which nobody is free of
// conflict keeps its gap and is tried again later.
func assign(works []Work, taken map[int64][]Assignment, experts []Expert, load map[access.PersonID]int) []turn {
	var turns []turn
	for _, w := range works {
		ordinals := []int{1, 2}
		if w.State == Third {
			ordinals = []int{3}
		}
		busy := map[access.PersonID]bool{}
		have := map[int]bool{}
		for _, a := range taken[w.ID] {
			busy[a.ExpertID], have[a.Ordinal] = true, true
		}
		for _, n := range ordinals {
			if have[n] || w.State == Done {
				continue
			}
			free := []Expert{}
			for _, e := range experts {
				if !busy[e.ID] && !e.conflicts(w) {
					free = append(free, e)
				}
			}
			if len(free) == 0 {
				continue
			}
			best := slices.MinFunc(free, func(a, b Expert) int {
				return cmp.Or(cmp.Compare(load[a.ID], load[b.ID]), cmp.Compare(mix(w.Code, a.ID), mix(w.Code, b.ID)))
			})
			turns = append(turns, turn{w.ID, n, best.ID})
			busy[best.ID] = true
			load[best.ID]++
		}
	}
	return turns
}

func mix(code string, expert access.PersonID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(code))
	for i := range 8 {
		h.Write([]byte{byte(expert >> (8 * i))})
	}
	return h.Sum64()
}

// check refuses marks that the criteria do not offer, naming each criterion, and
// applies the rule that a criterion's 0 makes all others 0.
func check(k task.Key, marks Marks) (Marks, error) {
	out, wrong := Marks{}, map[string]string{}
	for i, c := range k.Criteria {
		points, given := marks[c.ID]
		switch {
		case !given:
			wrong[field(i)] = "Выберите баллы по критерию " + c.ID
		case !slices.ContainsFunc(c.Levels, func(g task.Grade) bool { return g.Points == points }):
			wrong[field(i)] = "По критерию " + c.ID + " таких баллов нет"
		}
		out[c.ID] = points
	}
	if len(wrong) > 0 {
		return nil, &fault.Error{Kind: fault.Invalid, Message: "Оценены не все критерии", Fields: wrong}
	}
	if p, named := out[k.ZeroBy]; named && p == 0 {
		for id := range out {
			out[id] = 0
		}
	}
	return out, nil
}

// field is the id of a criterion in the form, by its place.
func field(i int) string { return fmt.Sprintf("k%d", i+1) }

// total is what an expert gave altogether.
func (m Marks) total() int {
	sum := 0
	for _, p := range m {
		sum += p
	}
	return sum
}

// leastDiscrepancy is what counts as significant where a task names nothing.
const leastDiscrepancy = 2

// disagree tells whether two experts differ so much that a third must look.
func disagree(k task.Key, a, b Marks) bool {
	limit := k.Discrepancy
	if limit <= 0 {
		limit = leastDiscrepancy
	}
	return max(a.total()-b.total(), b.total()-a.total()) >= limit
}

// settle is the final mark of two experts who agree well enough: by criterion the
// mean, rounded up to the next level that the criterion has.
func settle(k task.Key, a, b Marks) Marks {
	final := Marks{}
	for _, c := range k.Criteria {
		best := max(a[c.ID], b[c.ID])
		for _, g := range c.Levels {
			if 2*g.Points >= a[c.ID]+b[c.ID] && g.Points < best {
				best = g.Points
			}
		}
		final[c.ID] = best
	}
	return final
}

// Agreement says how alike two marks of the same works are.
type Agreement struct {
	Works    int     // marked twice
	Exact    float64 // share of equal totals
	Adjacent float64 // share of totals that differ by at most one point
	Kappa    float64 // quadratic weighted kappa (Cohen 1968); 1 where nobody differs
	Mean     float64 // mean total over both, in points
}

// agree computes agreement over pairs of totals.
func agree(pairs [][2]int) Agreement {
	g := Agreement{Works: len(pairs)}
	if len(pairs) == 0 {
		return g
	}
	n := float64(len(pairs))
	observed, sum := 0.0, [2]float64{}
	for _, p := range pairs {
		d := float64(p[0] - p[1])
		if d == 0 {
			g.Exact++
		}
		if d*d <= 1 {
			g.Adjacent++
		}
		observed += d * d
		sum[0] += float64(p[0])
		sum[1] += float64(p[1])
	}
	g.Exact, g.Adjacent, g.Mean = g.Exact/n, g.Adjacent/n, (sum[0]+sum[1])/(2*n)
	expected := 0.0
	for _, p := range pairs {
		for _, q := range pairs {
			d := float64(p[0] - q[1])
			expected += d * d
		}
	}
	g.Kappa = 1
	if expected > 0 {
		g.Kappa = 1 - observed*n/expected
	}
	return g
}
