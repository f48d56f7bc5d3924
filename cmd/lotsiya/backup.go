package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/postgres"
)

func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Writes the whole installation to one file, also beside a running serve (- is stdout)",
		Args:  cobra.ExactArgs(1),
	}
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := openInstallation(cmd.Context(), data, existing)
		if err != nil {
			return err
		}
		defer in.Close()
		if args[0] == "-" {
			return in.dump(cmd.Context(), cmd.OutOrStdout())
		}
		size, err := in.backup(cmd.Context(), args[0])
		if err == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s holds the whole installation (%.1f MB); it holds personal data: keep it as you keep the database\n", args[0], float64(size)/1e6)
		}
		return err
	}
	return cmd
}

// programs are those that read and write backups of this installation.
func (in *installation) programs(ctx context.Context) (postgres.Programs, error) {
	if in.cluster != nil {
		return in.cluster.Programs, nil
	}
	return postgres.FindPrograms(ctx, 0)
}

func (in *installation) dump(ctx context.Context, w io.Writer) error {
	p, err := in.programs(ctx)
	if err != nil {
		return err
	}
	var schema bool
	if err := in.Pool.GetContext(ctx, &schema, `SELECT to_regclass('goose_db_version') IS NOT NULL`); err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	if !schema {
		return errors.New("there is nothing to back up: the database is empty")
	}
	return postgres.Dump(ctx, p, in.owner, w)
}

// backup writes file whole or not at all and returns its size in bytes: an older
// backup of that name stands until the new one is on the disk and was read back.
func (in *installation) backup(ctx context.Context, file string) (size int64, err error) {
	p, err := in.programs(ctx)
	if err != nil {
		return 0, err
	}
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a file: name one to write to", file)
	}
	part := file + ".part"
	out, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	defer func() {
		out.Close()
		if err != nil {
			os.Remove(part)
		}
	}()
	if err := in.dump(ctx, out); err != nil {
		return 0, fmt.Errorf("write %s: %w", file, err)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	if _, err := postgres.ReadDump(ctx, p, part); err != nil {
		return 0, fmt.Errorf("read the backup back: %w", err)
	}
	st, err := os.Stat(part)
	if err != nil {
		return 0, err
	}
	if err := os.Rename(part, file); err != nil {
		return 0, fmt.Errorf("write the backup: %w", err)
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return st.Size(), dir.Sync()
}
