package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
)

func psychometricsCommand() *cobra.Command {
	c := group("psychometrics", "Psychometrics on files: no server, no database",
		psychometricsCTTCommand(),
		psychometricsSubscoresCommand(),
		psychometricsChangeCommand(),
		psychometricsOptionsCommand(),
		psychometricsDIFCommand(),
		psychometricsCDMCommand(),
		psychometricsIRTCommand(),
		psychometricsCATCommand(),
		psychometricsCATReplayCommand(),
		psychometricsSimulateCATCommand(),
		psychometricsLinkCommand(),
		psychometricsAgreementCommand(),
		psychometricsStandardCommand(),
	)
	c.Long = `Psychometrics on files: no server, no database. The answer is JSON on stdout, warnings
are on stderr and in its list "warnings"; a figure that does not exist is null.

R.csv: header person,<item>,…; a cell is a whole score from 0, O (presented and omitted,
scored 0), N (not reached: missing) or empty (not presented). Comma or semicolon, UTF-8;
- is stdin.`
	return c
}

// readFrom opens a file (- is stdin) and hands it to read. Faults are printed, a
// line each, and become errReported.
func readFrom[T any](name string, read func(name string, in io.Reader) (T, error)) (T, error) {
	var none T
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return none, err
		}
		defer f.Close()
		in = f
	} else {
		name = "stdin"
	}
	v, err := read(name, in)
	return v, saidFaults(err)
}

// saidFaults prints the faults of an input and leaves the exit status 1 alone to report.
func saidFaults(err error) error {
	if faults, ok := errors.AsType[psychometrics.Faults](err); ok {
		fmt.Fprintln(os.Stderr, faults)
		return errReported
	}
	return err
}

// onceStdin refuses - for two files: stdin can be read once.
func onceStdin(names ...string) error {
	n := 0
	for _, name := range names {
		if name == "-" {
			n++
		}
	}
	if n > 1 {
		return errors.New("- stands for two files: stdin can be read once")
	}
	return nil
}

// filesAnd wants n files and the named flags; without them it is wrong usage.
func filesAnd(n int, flags ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		for _, f := range flags {
			if !cmd.Flags().Changed(f) {
				return fmt.Errorf("%s needs --%s", cmd.CommandPath(), f)
			}
		}
		return cobra.ExactArgs(n)(cmd, args)
	}
}

// readResponses reads responses.csv, and where maxima names a file the items' maxima.
func readResponses(name, maxima string) (*psychometrics.Responses, error) {
	var most map[string]int
	if maxima != "" {
		if err := onceStdin(name, maxima); err != nil {
			return nil, err
		}
		var err error
		if most, err = readFrom(maxima, psychometrics.ReadMaxima); err != nil {
			return nil, err
		}
	}
	return readFrom(name, func(name string, in io.Reader) (*psychometrics.Responses, error) {
		return psychometrics.Read(name, in, most)
	})
}

// maxFlag is --max, the same for every command that reads responses.
func maxFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "max", "", "CSV of maxima, item,max (else the largest score seen)")
}

// printAnswer writes warnings on stderr and the answer on stdout.
func printAnswer(answer any, warnings []string) error {
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(answer); err != nil {
		return err
	}
	return out.Flush()
}

func psychometricsCTTCommand() *cobra.Command {
	var maxima string
	cmd := &cobra.Command{
		Use:   "ctt R.csv",
		Short: "Classical analysis: difficulty, discrimination, reliability, error (- is stdin)",
		Long: `Classical analysis of a test, on complete rows. p runs from 0 (hard) to 1 (easy);
correlations and d27 are better when large: under 0 the weaker do it better, often a
wrong key. alpha, lambda2 and split-half are reliability, 1 is best. sem is the error of
a score in points, conditional_sem at each score.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			a := ctt.Analyse(r)
			return printAnswer(a, a.Warnings)
		},
	}
	maxFlag(cmd, &maxima)
	return cmd
}
