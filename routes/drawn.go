package routes

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// patience is how long a picture is worked on at most: a page shows the best plan found by then with its proven gap.
// On two idle cores a region of the demonstration's size takes a third of that.
const patience = 1200 * time.Millisecond

// enough is the proven gap at which a picture is good enough.
const enough = 0.01

// drawn is a selection's problem with the plan found for it.
type drawn struct {
	from   gathered
	answer plan.Answer
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
	known map[[sha256.Size]byte]plan.Answer
	order [][sha256.Size]byte
}

// remembered is how many plans are kept.
const remembered = 8

func (k *drawings) draw(timely context.Context, from gathered, workers int) drawn {
	body, _ := json.Marshal(from.problem) // plain values: cannot fail
	key := sha256.Sum256(body)
	k.mu.Lock()
	a, known := k.known[key]
	k.mu.Unlock()
	if !known || a.Gap > enough {
		p := from.problem
		b := plan.Plan(&p, plan.Options{Enough: enough, Workers: workers, Expired: func() bool { return timely.Err() != nil }})
		if known { // both bounds hold, and the better plan stays
			bound := min(a.Bound, b.Bound)
			if a.Objective > b.Objective {
				b = a
			}
			b.Bound = bound
		}
		b.Bound = max(b.Bound, b.Objective)
		b.Gap = (b.Bound - b.Objective) / max(b.Objective, 1e-9)
		a = b
		k.keep(key, a)
	}
	return drawn{from, a}
}

func (k *drawings) keep(key [sha256.Size]byte, a plan.Answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[[sha256.Size]byte]plan.Answer{}
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
