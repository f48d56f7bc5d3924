package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/dif"
)

func psychometricsDIFCommand() *cobra.Command {
	var groups, maxima string
	var purify bool
	cmd := &cobra.Command{
		Use:   "dif --group G.csv [--purify] R.csv",
		Short: "Items that are harder for one of two groups at the same total score",
		Long: `Mantel-Haenszel with the classes of ETS, and the logistic test, between two groups.

G.csv: person,group with the groups reference and focal. Persons are matched by the
total score, the studied item included. A delta below 0 says: harder for the focal
group. Classes: A none or slight, B some, C large.`,
		Args: filesAnd(1, "group"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], groups, maxima); err != nil {
				return err
			}
			of, err := readFrom(groups, dif.ReadGroups)
			if err != nil {
				return err
			}
			r, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			member := make([]dif.Group, len(r.Persons))
			for p, id := range r.Persons {
				g, known := of[id]
				if !known {
					g = dif.Neither
				}
				member[p] = g
				delete(of, id)
			}
			if len(of) > 0 {
				r.Warnings = append(r.Warnings, fmt.Sprintf("%d persons of the groups have no responses", len(of)))
			}
			a, err := dif.Analyse(r, member, purify)
			if err != nil {
				return err
			}
			return printAnswer(a, a.Warnings)
		},
	}
	cmd.Flags().StringVar(&groups, "group", "", "CSV of groups, person,group (reference or focal)")
	cmd.Flags().BoolVar(&purify, "purify", false, "match by items without DIF alone, found in rounds")
	maxFlag(cmd, &maxima)
	return cmd
}
