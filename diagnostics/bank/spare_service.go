package bank

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// ImportSpare takes a file of spare tasks (see task.Spare) whole or not at all: each
// becomes a version by author, approved by reviewer, and stands in no variant. It returns
// how many of them are new; faults of the file come as task.Faults.
func (s *Service) ImportSpare(ctx context.Context, author, reviewer access.Actor, file []byte) (fresh int, err error) {
	spare, err := task.ParseSpare(file)
	if err != nil {
		return 0, err
	}
	prepared, err := s.Prepare(spare.Tasks)
	if err != nil {
		return 0, err
	}
	err = db.InTx(ctx, s.pool, author, func(tx *sqlx.Tx) error {
		codifier, err := codifierTx(ctx, tx, spare.Codifier, spare.Edition)
		if err != nil {
			return err
		}
		elements, err := competency.ElementsTx(ctx, tx, codifier.ID)
		if err != nil {
			return err
		}
		var faults task.Faults
		for _, w := range spare.Tasks {
			for _, f := range task.FaultsOf(fits(w.Task, elements)) {
				f.Task = w.ID
				faults = append(faults, f)
			}
		}
		if len(faults) > 0 {
			return faults
		}
		_, ids, err := SubmitTx(ctx, tx, author, codifier.ID, codifier.Subject, prepared, s.now())
		if err != nil {
			return err
		}
		fresh = len(ids)
		return ReviewTx(ctx, tx, reviewer, ids, Approve, "", s.now())
	})
	return fresh, err
}

// codifierTx finds an edition by its names.
func codifierTx(ctx context.Context, tx *sqlx.Tx, code, edition string) (competency.Codifier, error) {
	all, err := competency.CodifiersTx(ctx, tx)
	if err != nil {
		return competency.Codifier{}, fmt.Errorf("codifiers: %w", err)
	}
	for _, c := range all {
		if c.Code == code && c.Edition == edition {
			return c, nil
		}
	}
	return competency.Codifier{}, fault.New(fault.NotFound, "Кодификатора %s, издание %s, в банке нет: сначала загрузите его инструмент", code, edition)
}
