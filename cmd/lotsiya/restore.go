package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/postgres"
	"github.com/lotsiya/lotsiya/migrations"
)

func restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Puts a backup into an empty installation, brings its schema up to date and verifies it",
		Args:  cobra.ExactArgs(1),
	}
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := postgres.FindPrograms(cmd.Context(), 0)
		if err != nil {
			return err
		}
		if err := restorable(cmd.Context(), p, args[0]); err != nil { // before a folder is made for it
			return err
		}
		in, err := openInstallation(cmd.Context(), data, alone)
		if err != nil {
			return err
		}
		defer in.Close()
		if err := in.restore(cmd.Context(), args[0]); err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is restored; everybody signs in anew\n", args[0])
		return in.report(cmd)
	}
	return cmd
}

// restorable refuses what is no backup, or one of a newer program.
func restorable(ctx context.Context, p postgres.Programs, file string) error {
	d, err := postgres.ReadDump(ctx, p, file)
	if err != nil {
		return err
	}
	if d.Schema > migrations.Latest() {
		return fmt.Errorf("%s was written by a newer lotsiya (its schema is %d, this program knows %d); restore it with that one", file, d.Schema, migrations.Latest())
	}
	return nil
}

// restore fills the empty database from file, whole or not at all.
func (in *installation) restore(ctx context.Context, file string) error {
	p, err := in.programs(ctx)
	if err != nil {
		return err
	}
	if err := postgres.Restore(ctx, p, in.owner, file); err != nil {
		return fmt.Errorf("restore %s: %w", file, err)
	}
	_, err = in.migrate(ctx)
	return err
}
