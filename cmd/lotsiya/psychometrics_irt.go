package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func psychometricsIRTCommand() *cobra.Command {
	return group("irt", "Item response theory: calibration, scores, fit",
		psychometricsIRTFitCommand(),
		psychometricsIRTScoreCommand(),
		psychometricsIRTFitstatsCommand(),
	)
}

func psychometricsIRTFitCommand() *cobra.Command {
	var model, estimator, maxima, fixed string
	var opt irt.Options
	cmd := &cobra.Command{
		Use:   "fit --model M R.csv",
		Short: "Calibrate items: their parameters with standard errors",
		Long: `Estimates the items of a matrix of responses; the answer is FIT.json for score, fitstats and cat.

Models: rasch, 1pl, 2pl, 3pl for 0/1 scores; pcm, gpcm, grm for scores above 1 (rasch
then is pcm). mml integrates ability over a normal distribution on 61 points of
[-6, 6] and uses every answer; cml (rasch alone) assumes no distribution and uses
complete rows. With --fixed the items named there keep their parameters, and the
others are put on their scale; the mean and spread of ability are then free.`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case cmd.Flags().Changed("model") && !slices.Contains(irt.Models, irt.Model(model)):
				return fmt.Errorf("--model %s: expected one of %v", model, irt.Models)
			case estimator != "mml" && estimator != "cml":
				return fmt.Errorf("--estimator %s: expected mml or cml", estimator)
			case estimator == "cml" && model != string(irt.Rasch):
				return fmt.Errorf("--estimator cml: expected --model rasch")
			case cmd.Flags().Changed("tol") && !(opt.Tol > 0 && opt.Tol < 1):
				return fmt.Errorf("--tol %g: expected a number above 0 and below 1", opt.Tol)
			}
			return filesAnd(1, "model")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], maxima, fixed); err != nil {
				return err
			}
			opt.Model = irt.Model(model)
			var bank irt.Fit
			if fixed != "" {
				b, err := readFrom(fixed, irt.ReadFit)
				if err != nil {
					return err
				}
				bank = *b
				opt.Fixed = bank.Items
			}
			r, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			opt.Progress = progressBar(os.Stderr, "calibrating")
			calibrate := irt.Calibrate
			if estimator == "cml" {
				calibrate = irt.CalibrateCML
			}
			f, err := calibrate(r, opt)
			if err != nil {
				return saidFaults(err)
			}
			f.Warnings = append(append([]string{}, bank.Warnings...), f.Warnings...)
			return printAnswer(f, f.Warnings)
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "rasch, 1pl, 2pl, 3pl, pcm, gpcm or grm")
	cmd.Flags().StringVar(&estimator, "estimator", "mml", "mml (marginal) or cml (conditional, rasch alone)")
	cmd.Flags().Float64Var(&opt.Tol, "tol", 0, "stop when no parameter moves by more (default 1e-7)")
	cmd.Flags().BoolVar(&opt.NoSE, "no-se", false, "leave standard errors out")
	cmd.Flags().StringVar(&fixed, "fixed", "", "FIT.json of items that keep their parameters")
	maxFlag(cmd, &maxima)
	return cmd
}

func psychometricsIRTScoreCommand() *cobra.Command {
	var params, method, maxima string
	cmd := &cobra.Command{
		Use:   "score --params FIT.json --method M R.csv",
		Short: "Put persons on the scale of calibrated items",
		Long: `Methods: eap and map use the latent distribution of FIT.json as the prior; wle
(Warm) and ml use the answers alone. A score that does not exist, such as ml of a
perfect raw score, is null.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("method") && !slices.Contains(irt.Methods, irt.Method(method)) {
				return fmt.Errorf("--method %s: expected one of %v", method, irt.Methods)
			}
			return filesAnd(1, "params", "method")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			f, r, err := readFitAndResponses(params, args[0], maxima)
			if err != nil {
				return err
			}
			s, err := f.Score(r, irt.Method(method))
			if err != nil {
				return saidFaults(err)
			}
			s.Warnings = append(f.Warnings, s.Warnings...)
			return printAnswer(s, s.Warnings)
		},
	}
	paramsFlag(cmd, &params)
	cmd.Flags().StringVar(&method, "method", "", "eap, map, wle or ml")
	maxFlag(cmd, &maxima)
	return cmd
}

func psychometricsIRTFitstatsCommand() *cobra.Command {
	var params, at, maxima string
	var persons bool
	cmd := &cobra.Command{
		Use:   "fitstats --params FIT.json R.csv",
		Short: "Whether calibrated items hold for responses",
		Long: `By item: infit and outfit (1 where the model holds, above it erratic), their t (about
standard normal), S-X2 with its degrees of freedom and probability. By pair: Q3, the
correlation of residuals. For the whole test: M2 (C2 where scores go above 1) with
RMSEA, reliability, and information along the scale. S-X2 and M2 need complete rows.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(irt.Methods, irt.Method(at)) {
				return fmt.Errorf("--at %s: expected one of %v", at, irt.Methods)
			}
			return filesAnd(1, "params")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			f, r, err := readFitAndResponses(params, args[0], maxima)
			if err != nil {
				return err
			}
			s, err := f.FitStats(r, irt.StatOptions{At: irt.Method(at), Persons: persons})
			if err != nil {
				return saidFaults(err)
			}
			s.Warnings = append(f.Warnings, s.Warnings...)
			return printAnswer(s, s.Warnings)
		},
	}
	paramsFlag(cmd, &params)
	cmd.Flags().StringVar(&at, "at", "wle", "the persons' scores that residuals are taken at: eap, map, wle or ml")
	cmd.Flags().BoolVar(&persons, "persons", false, "with infit, outfit and lz* of each person")
	maxFlag(cmd, &maxima)
	return cmd
}

// paramsFlag is --params, the same for every command that reads calibrated items.
func paramsFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "params", "", "FIT.json, the answer of irt fit")
}

// readFitAndResponses reads calibrated items and the responses to them.
func readFitAndResponses(params, responses, maxima string) (*irt.Fit, *psychometrics.Responses, error) {
	if err := onceStdin(params, responses, maxima); err != nil {
		return nil, nil, err
	}
	f, err := readFrom(params, irt.ReadFit)
	if err != nil {
		return nil, nil, err
	}
	r, err := readResponses(responses, maxima)
	return f, r, err
}
