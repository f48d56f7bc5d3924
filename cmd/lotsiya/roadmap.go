package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/roadmap/parse"
)

func roadmapCommand() *cobra.Command {
	return group("roadmap", "Works with roadmap plans", roadmapParseCommand())
}

// roadmapParseCommand reads a plan and prints it as JSON; every fault of a
// broken plan is a line on stderr.
func roadmapParseCommand() *cobra.Command {
	year := 0
	cmd := &cobra.Command{
		Use:   "parse [--year Y] FILE",
		Short: "Reads a plan of measures (txt, md, docx, xlsx; - is stdin) and prints it as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, in := args[0], io.Reader(os.Stdin)
			if name == "-" {
				name = "stdin"
			} else {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			plan, err := parse.File(name, in, year)
			if faults, ok := errors.AsType[parse.Faults](err); ok {
				fmt.Fprintln(os.Stderr, faults)
				return errReported
			}
			if err != nil {
				return err
			}
			for _, w := range plan.Warnings {
				fmt.Fprintln(os.Stderr, w)
			}
			out := json.NewEncoder(os.Stdout)
			out.SetEscapeHTML(false)
			out.SetIndent("", "  ")
			return out.Encode(plan)
		},
	}
	cmd.Flags().IntVar(&year, "year", 0, "year of the plan, where its title does not say it or another is meant")
	return cmd
}
