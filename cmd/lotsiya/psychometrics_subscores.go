package main

import (
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
)

func psychometricsSubscoresCommand() *cobra.Command {
	var matrix, maxima string
	cmd := &cobra.Command{
		Use:   "subscores --q Q.csv R.csv",
		Short: "Whether sub-scores tell more than the total does (Haberman)",
		Long: `Haberman's PRMSE: the share of a true sub-score's variance that its own score, the
total, and both foretell; more is better. A sub-score has added value where its own
share is over the total's.

Q.csv: header item,<scale>,…, cells 0 and 1.`,
		Args: filesAnd(1, "q"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], matrix, maxima); err != nil {
				return err
			}
			q, err := readFrom(matrix, readWholeQ)
			if err != nil {
				return err
			}
			r, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			a, err := ctt.AnalyseSubscores(r, q)
			if err != nil {
				return err
			}
			return printAnswer(a, a.Warnings)
		},
	}
	cmd.Flags().StringVar(&matrix, "q", "", "CSV of scales, item,<scale>,…")
	maxFlag(cmd, &maxima)
	return cmd
}
