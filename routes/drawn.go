package routes

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// Plans of up to steady people are worked on by a budget of steps, not of time: the same question has the same answer on
// any machine, however busy: 3,000 take about a second of one processor. More people are planned for no longer than
// patience, and the page says so.
const (
	steady   = 5000
	patience = 1800 * time.Millisecond
)

// enough is the proven gap at which a picture is good enough.
const enough = 0.005

// drawn is a selection's problem with the plan found for it.
type drawn struct {
	from   gathered
	answer plan.Answer
	hasty  bool // cut short by its time: asked again, it may be a little better
}

// borrow takes the plan of another problem over where it keeps the rules of this one and is better.
func (d *drawn) borrow(a plan.Answer) {
	if a.Objective <= d.answer.Objective || len(a.Teachers) != len(d.answer.Teachers) {
		return
	}
	a.Bound = max(a.Objective, d.answer.Bound)
	a.Gap = (a.Bound - a.Objective) / max(a.Objective, 1e-9)
	if plan.Check(&d.from.problem, &a) == nil {
		d.answer = a
	}
}

// drawings remembers the last few plans by the whole of their problem, so that trying one change after another plans
// what stands only once. A plan cut short by its time is worked on again, and the better one stays.
type drawings struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]kept
	order [][sha256.Size]byte
}

// kept is a plan remembered; hasty ones were cut short by their time.
type kept struct {
	answer plan.Answer
	hasty  bool
}

// remembered is how many plans are kept.
const remembered = 8

func (k *drawings) draw(ctx context.Context, from gathered, workers int) drawn {
	body, _ := json.Marshal(from.problem) // plain values: cannot fail
	key := sha256.Sum256(body)
	k.mu.Lock()
	was, known := k.known[key]
	k.mu.Unlock()
	if known && !was.hasty {
		return drawn{from, was.answer, false}
	}
	var left func() float64
	if len(from.problem.Teachers) > steady {
		timely, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = timely
		end, _ := ctx.Deadline() // the caller's, where that is sooner
		left = func() float64 { return max(0, time.Until(end).Seconds()/patience.Seconds()) }
	}
	var hasty atomic.Bool
	p := from.problem
	a := plan.Plan(&p, plan.Options{Enough: enough, Workers: workers, Brief: true, Left: left, Endless: left != nil, Expired: func() bool {
		if ctx.Err() != nil {
			hasty.Store(true)
		}
		return hasty.Load()
	}})
	if known { // both bounds hold, and the better plan stays
		bound := min(a.Bound, was.answer.Bound)
		if was.answer.Objective > a.Objective {
			a = was.answer
		}
		a.Bound = max(bound, a.Objective)
		a.Gap = (a.Bound - a.Objective) / max(a.Objective, 1e-9)
	}
	short := hasty.Load() && a.Gap > enough
	k.keep(key, kept{a, short})
	return drawn{from, a, short}
}

func (k *drawings) keep(key [sha256.Size]byte, a kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[[sha256.Size]byte]kept{}
	}
	if i := slices.Index(k.order, key); i >= 0 {
		k.order = slices.Delete(k.order, i, i+1)
	}
	k.order = append(k.order, key)
	k.known[key] = a
	if len(k.order) > remembered {
		delete(k.known, k.order[0])
		k.order = k.order[1:]
	}
}
