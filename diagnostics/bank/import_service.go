package bank

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/exchange"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/web"
)

// A DryRun says what a workbook would bring. SHA256 names the kept file; it is
// empty where faults forbid the import.
type DryRun struct {
	SHA256 string
	Tasks  []task.Written
	Faults []exchange.Fault
}

// CheckBook reads a workbook of tasks for a codifier without importing it: each
// fault with its cell, nothing taken while there is one. A faultless book is kept
// for ImportBook.
func (s *Service) CheckBook(ctx context.Context, actor access.Actor, codifierID int64, body []byte) (DryRun, error) {
	placed, faults := exchange.ReadXLSX(body)
	run := DryRun{Faults: faults}
	for _, p := range placed {
		run.Tasks = append(run.Tasks, p.Written)
		if _, err := task.Render(p.Task, s.tex.Block, s.tex.Line); err != nil {
			if task.FaultsOf(err) == nil {
				return run, err
			}
			for _, f := range task.FaultsOf(err) {
				run.add(p.At(f))
			}
		}
		if _, err := s.tex.Block(p.Solution); err != nil {
			run.add(p.At(task.Fault{Field: "solution", Want: err.Error()}))
		}
	}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := competency.CodifierTx(ctx, tx, codifierID); err != nil {
			return fault.Field("codifier", "Выберите кодификатор")
		}
		elements, err := competency.ElementsTx(ctx, tx, codifierID)
		if err != nil {
			return err
		}
		codes := make([]string, len(placed))
		for i, p := range placed {
			codes[i] = p.ID
			for _, f := range task.FaultsOf(fits(p.Task, elements)) {
				run.add(p.At(f))
			}
		}
		taken, err := db.Select[string](ctx, tx, `SELECT code FROM task WHERE code = ANY($1)`, db.Array(codes))
		if err != nil {
			return fmt.Errorf("codes in use: %w", err)
		}
		held := map[string]bool{}
		for _, code := range taken {
			held[code] = true
		}
		for _, p := range placed {
			if held[p.ID] {
				run.add(p.At(task.Fault{Field: "id", Want: "такой код уже есть в банке"}))
			}
		}
		if len(run.Faults) == 0 {
			run.SHA256, err = files.PutTx(ctx, tx, web.XLSX, body)
		}
		return err
	})
	return run, err
}

// add keeps one fault a cell.
func (r *DryRun) add(f exchange.Fault) {
	for _, g := range r.Faults {
		if g.Sheet == f.Sheet && g.Cell == f.Cell {
			return
		}
	}
	r.Faults = append(r.Faults, f)
}

// ImportBook makes drafts of the tasks of a workbook that CheckBook kept: all or
// none. It checks again, because the bank may have changed since.
func (s *Service) ImportBook(ctx context.Context, actor access.Actor, codifierID int64, sha string) (int, error) {
	var body []byte
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		f, err := files.GetTx(ctx, tx, sha)
		body = f.Body
		return err
	})
	if err != nil {
		return 0, err
	}
	run, err := s.CheckBook(ctx, actor, codifierID, body)
	if err != nil {
		return 0, err
	}
	if len(run.Faults) > 0 {
		return 0, fault.New(fault.Conflict, "С тех пор в банке что-то изменилось: %s. Проверьте книгу ещё раз", run.Faults[0].Error())
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		_, err := s.draftsTx(ctx, tx, actor, codifierID, run.Tasks)
		return err
	})
	return len(run.Tasks), err
}
