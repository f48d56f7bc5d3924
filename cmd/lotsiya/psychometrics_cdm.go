package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/cdm"
)

func psychometricsCDMCommand() *cobra.Command {
	var model, matrix, maxima string
	cmd := &cobra.Command{
		Use:   "cdm --model dina|dino|gdina --q Q.csv R.csv",
		Short: "Cognitive diagnosis: which attributes each person has mastered",
		Long: `Cognitive diagnosis by latent classes: DINA, DINO or G-DINA.

Q.csv: header item,<attribute>,…, cells 0 and 1: what each item requires. R.csv: 0/1
items; missing answers are allowed. Mastery is a probability, more is better; guess and
slip are better when small. "q" says whether the Q-matrix lets the model be known at all.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := filesAnd(1, "model", "q")(cmd, args); err != nil {
				return err
			}
			if !cdm.Model(model).Known() {
				return fmt.Errorf("--model %q, expected dina, dino or gdina", model)
			}
			return nil
		},
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
			got, err := cdm.Fit(r, q, cdm.Model(model), cdm.Options{})
			if err != nil {
				return err
			}
			return printAnswer(got, got.Warnings)
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "dina, dino or gdina")
	cmd.Flags().StringVar(&matrix, "q", "", "CSV of the Q-matrix, item,<attribute>,…")
	maxFlag(cmd, &maxima)
	return cmd
}

// readWholeQ reads a Q-matrix of noughts and ones.
func readWholeQ(name string, in io.Reader) (*psychometrics.Q, error) {
	return psychometrics.ReadQ(name, in, true)
}
