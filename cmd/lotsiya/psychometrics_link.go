package main

import (
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/linking"
)

func psychometricsLinkCommand() *cobra.Command {
	var keep, carry bool
	cmd := &cobra.Command{
		Use:   "link X.json Y.json",
		Short: "Links the scale of one calibration to another's by their common items",
		Long: `Carries the scale of X to that of Y: θ_Y = A·θ_X + B; an item's slope becomes a/A, its
difficulty A·b + B. Both files are as irt fit wrote them; common items have the same id.
Methods: mean-mean, mean-sigma, geometric means, Haebara, Stocking-Lord (recommended),
with standard errors from the items' own and from the choice of common items.

Common items out of line with the others are named and left out. Where no link holds
the command refuses (exit 1).`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args...); err != nil {
				return err
			}
			x, err := readFrom(args[0], irt.ReadFit)
			if err != nil {
				return err
			}
			y, err := readFrom(args[1], irt.ReadFit)
			if err != nil {
				return err
			}
			a, err := linking.Analyse(x, y, keep)
			if err != nil {
				return err
			}
			if carry {
				moved := linking.Carry(x, a.Best())
				moved.Warnings = a.Warnings
				return printAnswer(moved, a.Warnings)
			}
			return printAnswer(a, a.Warnings)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep-drift", false, "keep common items that are out of line")
	cmd.Flags().BoolVar(&carry, "carry", false, "print X on the scale of Y, as FIT.json, instead of the link")
	return cmd
}
