package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/standard"
)

func psychometricsStandardCommand() *cobra.Command {
	return group("standard", "Cut scores set by a panel", standardAngoffCommand(), standardBookmarkCommand(), standardBorderlineCommand())
}

func standardAngoffCommand() *cobra.Command {
	var before, maxima, params string
	cmd := &cobra.Command{
		Use:   "angoff RATINGS.csv",
		Short: "Modified Angoff: the sum of the points to be expected of someone at the border",
		Long: `RATINGS.csv: header item,<judge>,…; a cell is how many points someone at the border is
to be expected to get (0/1 items: the probability to get it right). --before is the round
before the discussion; --params puts the cut on the scale of the bank.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], before, maxima, params); err != nil {
				return err
			}
			var most map[string]int
			var err error
			if maxima != "" {
				if most, err = readFrom(maxima, psychometrics.ReadMaxima); err != nil {
					return err
				}
			}
			read := func(name string, in io.Reader) (*standard.Ratings, error) {
				return standard.ReadRatings(name, in, "item", 0, psychometrics.MaxScore)
			}
			r, err := readFrom(args[0], read)
			if err != nil {
				return err
			}
			var first *standard.Ratings
			if before != "" {
				if first, err = readFrom(before, read); err != nil {
					return err
				}
			}
			var bank []irt.Item
			if params != "" {
				fit, err := readFrom(params, irt.ReadFit)
				if err != nil {
					return err
				}
				bank = fit.Bank()
			}
			a, err := standard.AnalyseAngoff(r, first, most, bank)
			if err != nil {
				return err
			}
			return printAnswer(a, a.Warnings)
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "ratings of the round before the discussion")
	cmd.Flags().StringVar(&params, "params", "", "FIT.json: the bank")
	cmd.Flags().StringVar(&maxima, "max", "", "CSV of maxima, item,max (else 1)")
	return cmd
}

func standardBookmarkCommand() *cobra.Command {
	var params string
	var rp float64
	cmd := &cobra.Command{
		Use:   "bookmark --params FIT.json [PAGES.csv]",
		Short: "Bookmarks in a booklet ordered by difficulty",
		Long: `Without PAGES.csv: the booklet alone, for the panel.

PAGES.csv: header level,<judge>,…; a cell is the first page that someone at the border
would not master. The cut is the location of the page before; the median of judges is
recommended. The booklet is part of the answer.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if !(rp > 0 && rp < 1) {
				return fmt.Errorf("--rp %g, expected between 0 and 1", rp)
			}
			return filesAnd(min(1, len(args)), "params")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(append(args, params)...); err != nil {
				return err
			}
			fit, err := readFrom(params, irt.ReadFit)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				b, err := standard.AnalyseBookmark(&standard.Ratings{}, fit.Bank(), rp)
				if err != nil {
					return err
				}
				return printAnswer(b, b.Warnings)
			}
			r, err := readFrom(args[0], func(name string, in io.Reader) (*standard.Ratings, error) {
				return standard.ReadRatings(name, in, "level", 1, 1e6)
			})
			if err != nil {
				return err
			}
			b, err := standard.AnalyseBookmark(r, fit.Bank(), rp)
			if err != nil {
				return err
			}
			return printAnswer(b, b.Warnings)
		},
	}
	cmd.Flags().StringVar(&params, "params", "", "FIT.json: the bank")
	cmd.Flags().Float64Var(&rp, "rp", 2.0/3, "response probability that orders the booklet")
	return cmd
}

func standardBorderlineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "borderline SCORES.csv",
		Short: "The median score of those whom judges put at the border",
		Long:  `SCORES.csv: person,score or person,score,judge: those at the border, a row each.`,
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := readFrom(args[0], standard.ReadBorderline)
			if err != nil {
				return err
			}
			b, err := standard.AnalyseBorderline(g)
			if err != nil {
				return err
			}
			return printAnswer(b, b.Warnings)
		},
	}
}
