package main

import (
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
)

func psychometricsChangeCommand() *cobra.Command {
	var maxima string
	cmd := &cobra.Command{
		Use:   "change BEFORE.csv AFTER.csv",
		Short: "Whose score changed by more than error (reliable-change index)",
		Long: `Total scores of the same test before and after, person by person: the difference over
its standard error (Jacobson and Truax). reliable says that the index is over 1.96 in
size; above 0 is growth. Both files are as R.csv.`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(append(args, maxima)...); err != nil {
				return err
			}
			before, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			after, err := readResponses(args[1], maxima)
			if err != nil {
				return err
			}
			a, err := ctt.Changes(before, after)
			if err != nil {
				return err
			}
			return printAnswer(a, a.Warnings)
		},
	}
	maxFlag(cmd, &maxima)
	return cmd
}
