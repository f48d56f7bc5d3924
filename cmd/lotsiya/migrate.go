package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/migrations"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:       "migrate [up|status]",
		Short:     "Applies or lists the migrations of the schema (serve applies them itself)",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"up", "status"},
	}
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := openInstallation(cmd.Context(), data, beside)
		if err != nil {
			return err
		}
		defer in.Close()
		if len(args) == 1 && args[0] == "status" {
			owner, err := in.ownerDB(cmd.Context())
			if err != nil {
				return err
			}
			defer owner.Close()
			steps, err := migrations.Status(cmd.Context(), owner)
			for _, s := range steps {
				state := "pending"
				if s.Applied {
					state = "applied"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", state, s.Name)
			}
			return err
		}
		applied, err := in.migrate(cmd.Context())
		for _, name := range applied {
			fmt.Fprintf(cmd.OutOrStdout(), "applied\t%s\n", name)
		}
		return err
	}
	return cmd
}
