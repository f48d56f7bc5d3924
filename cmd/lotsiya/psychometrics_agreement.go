package main

import (
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/agreement"
)

func psychometricsAgreementCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "agreement RATINGS.csv",
		Short: "Agreement and severity of raters",
		Long: `Intraclass correlations, kappa and weighted kappa, Fleiss' kappa, Krippendorff's
alpha: 1 is full agreement, 0 none beyond chance. Severity by the many-facet Rasch model
in logits: over 0 severe, under 0 lenient.

RATINGS.csv: header person,<rater>,…, cells are numbers, empty where not rated.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := readFrom(args[0], agreement.Read)
			if err != nil {
				return err
			}
			a := agreement.Analyse(r)
			return printAnswer(a, a.Warnings)
		},
	}
}
