package sitting

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// A Shown is one task as its participant sees it. There is no key in it and
// nothing it could be derived from.
type Shown struct {
	ID       string `json:"id"`
	Position int    `json:"position"`
	task.View
	Part   string  `json:"part"`
	Points float64 `json:"-"`
}

// shownTx gives the tasks of a manifest as they are shown.
func (s *Service) shownTx(ctx context.Context, tx *sqlx.Tx, manifest []ManifestTask) ([]Shown, error) {
	ids := make([]int64, len(manifest))
	for i, m := range manifest {
		ids[i] = m.TaskVersionID
	}
	versions, err := s.views.tx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	shown := make([]Shown, len(manifest))
	for i, m := range manifest {
		v := versions[m.TaskVersionID]
		shown[i] = Shown{ID: m.ID, Position: m.Position, View: v.View, Part: m.Part, Points: v.points}
	}
	return shown, nil
}

// view is a task version as shown, without anything secret.
type view struct {
	task.View
	part   string
	points float64
}

// shape is the part of a task that CheckAnswer needs.
func (v view) shape() task.Task {
	options := func(from []task.OptionView) []task.Option {
		to := make([]task.Option, len(from))
		for i, o := range from {
			to[i].ID = o.ID
		}
		return to
	}
	t := task.Task{Kind: v.Kind, MaxLength: v.MaxLength, Options: options(v.Options), Left: options(v.Left), Right: options(v.Right)}
	for _, g := range v.Gaps {
		t.Gaps = append(t.Gaps, task.Gap{ID: g.ID, Options: options(g.Options)})
	}
	return t
}

// views keeps versions that were read once: a version never changes, so every
// instance may. It holds at most a few banks' worth.
type views struct {
	mu   sync.RWMutex
	byID map[int64]view
}

const mostViews = 5000

func (c *views) tx(ctx context.Context, tx *sqlx.Tx, ids []int64) (map[int64]view, error) {
	found, missing := make(map[int64]view, len(ids)), []int64{}
	c.mu.RLock()
	for _, id := range ids {
		if v, ok := c.byID[id]; ok {
			found[id] = v
		} else {
			missing = append(missing, id)
		}
	}
	c.mu.RUnlock()
	if len(missing) == 0 {
		return found, nil
	}
	versions, err := bank.VersionsTx(ctx, tx, missing)
	if err != nil {
		return nil, fmt.Errorf("task versions: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) > mostViews {
		c.byID = map[int64]view{}
	}
	for _, id := range missing {
		version, ok := versions[id]
		if !ok {
			return nil, fmt.Errorf("task version %d is missing", id)
		}
		v := view{part: string(version.Part), points: float64(version.MaxPoints)}
		if err := json.Unmarshal(version.Shown, &v.View); err != nil {
			return nil, fmt.Errorf("task version %d: shown: %w", id, err)
		}
		v.Kind = task.Kind(version.Kind)
		c.byID[id], found[id] = v, v
	}
	return found, nil
}
