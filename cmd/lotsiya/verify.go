package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/files"
)

// invariant is something that always holds of the data. Its owner says what does not
// hold, one line each, and how much was looked at.
type invariant struct {
	name  string
	units string
	check func(ctx context.Context, tx *sqlx.Tx) (broken []string, checked int, err error)
}

// invariants are what verify checks, each by the package that owns the tables.
func invariants(a *app) []invariant {
	return []invariant{
		{"journal", "entries up to the last seal", journal},
		{"files", "files", reading(files.Verify)},
		{"answers", "answers", reading(sitting.Verify)},
		{"scores", "attempts", a.results.Verify},
		{"statistics", "computations", a.results.VerifyStatistics},
	}
}

// reading makes a check that needs no more than queries fit the others.
func journal(ctx context.Context, tx *sqlx.Tx) (lines []string, checked int, err error) {
	breaches, checked, err := audit.Verify(ctx, tx)
	for _, b := range breaches {
		lines = append(lines, b.String())
	}
	return lines, checked, err
}

func reading(check func(context.Context, db.Q) ([]string, int, error)) func(context.Context, *sqlx.Tx) ([]string, int, error) {
	return func(ctx context.Context, tx *sqlx.Tx) ([]string, int, error) { return check(ctx, tx) }
}

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Checks what must always hold of the data, also beside a running serve, and prints what does not",
		Args:  cobra.NoArgs,
	}
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		in, err := openInstallation(cmd.Context(), data, existing)
		if err != nil {
			return err
		}
		defer in.Close()
		return in.report(cmd)
	}
	return cmd
}

// report prints a line for everything that does not hold, and on stderr what was checked.
func (in *installation) report(cmd *cobra.Command) error {
	faults := 0
	err := in.verify(cmd.Context(), func(i invariant, broken []string, checked int) {
		for _, line := range broken {
			fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		faults += len(broken)
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d %s checked, %d faults\n", i.name, checked, i.units, len(broken))
	})
	if err == nil && faults > 0 {
		return errReported
	}
	return err
}

// verify checks every invariant on one state of the data, while others go on working.
// It reads as the owner of the schema, whom row-level security hides nothing from.
func (in *installation) verify(ctx context.Context, each func(i invariant, broken []string, checked int)) error {
	pool, err := db.Open(ctx, in.owner, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	tx, err := pool.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // nothing was written
	for _, i := range invariants(newApp(in, time.Now)) {
		broken, checked, err := i.check(ctx, tx)
		if err != nil {
			return fmt.Errorf("verify %s: %w", i.name, err)
		}
		each(i, broken, checked)
	}
	return nil
}
