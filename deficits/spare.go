package deficits

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// A SparePage tells authors of which elements the bank lacks tasks for those whose
// diagnostics left something unclear.
type SparePage struct {
	Codifiers []SpareCodifier
	MayWrite  bool
}

// A SpareCodifier is the elements of one edition, those that need tasks most first.
type SpareCodifier struct {
	competency.Codifier
	Elements []SpareElement
}

// A SpareElement is how many persons are unclear in an element, and what the bank has for them.
type SpareElement struct {
	competency.Element
	Unclear int // persons; under leastGroup the number is not shown
	Spare   int // approved short tasks that no campaign ever gave
}

// Few tells that some are unclear, too few to be counted aloud.
func (e SpareElement) Few() bool { return e.Unclear > 0 && e.Unclear < leastGroup }

// Enough tells that the bank has a whole set for anybody.
func (e SpareElement) Enough() bool { return e.Spare >= nextTasks }

// Lack is how much tasks are wanted: 2 none are spare, 1 fewer than one set, 0 enough or
// nobody waits. Fewer than a group wait as nobody does, so that the order says nothing of them.
func (e SpareElement) Lack() int {
	switch {
	case e.Unclear < leastGroup || e.Enough():
		return 0
	case e.Spare > 0:
		return 1
	}
	return 2
}

// Spare reads where the bank lacks tasks. Counts are of persons of the whole region, over
// all real campaigns, by what is held of them last.
func (s *Service) Spare(ctx context.Context, actor access.Actor) (p SparePage, err error) {
	if !actor.May(access.TasksRead) {
		return p, errNoPage
	}
	p.MayWrite = actor.May(access.TasksWrite)
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		unclear, err := unclearTx(ctx, tx)
		if err != nil {
			return err
		}
		used, err := campaign.UsedTasksTx(ctx, tx)
		if err != nil {
			return err
		}
		codifiers, err := competency.CodifiersTx(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range codifiers {
			if len(unclear[c.ID]) == 0 {
				continue
			}
			one := SpareCodifier{Codifier: c}
			if one.Elements, err = spareElementsTx(ctx, tx, c.ID, unclear[c.ID], used); err != nil {
				return err
			}
			p.Codifiers = append(p.Codifiers, one)
		}
		return nil
	})
	return p, err
}

func spareElementsTx(ctx context.Context, tx *sqlx.Tx, codifier int64, unclear map[string]int, used map[int64]bool) ([]SpareElement, error) {
	elements, err := competency.ElementsTx(ctx, tx, codifier)
	if err != nil {
		return nil, fmt.Errorf("elements of codifier %d: %w", codifier, err)
	}
	approved, err := bank.ApprovedTx(ctx, tx, codifier)
	if err != nil {
		return nil, err
	}
	spare := map[string]int{}
	for _, v := range approved {
		if quick(v) && !used[v.TaskID] {
			spare[taskOf(v).Main()]++
		}
	}
	list := make([]SpareElement, len(elements))
	for i, e := range elements {
		list[i] = SpareElement{Element: e, Unclear: unclear[e.ID], Spare: spare[e.ID]}
	}
	slices.SortStableFunc(list, func(a, b SpareElement) int {
		if d := cmp.Compare(b.Lack(), a.Lack()); d != 0 || a.Lack() == 0 {
			return d
		}
		return cmp.Compare(b.Unclear, a.Unclear)
	})
	return list, nil
}
