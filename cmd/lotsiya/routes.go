package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/routes/plan"
)

func routesCommand() *cobra.Command {
	return group("routes", "Individual learning routes on files", routesPlanCommand())
}

func routesPlanCommand() *cobra.Command {
	var limit float64
	var skipBad, explain bool
	c := &cobra.Command{
		Use:   "plan PROBLEM.json",
		Short: "Plan routes: the best use of teachers' hours, with a proven bound",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("time-limit") && !(limit > 0) {
				return fmt.Errorf("--time-limit %g: expected seconds above 0", limit)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in, name := io.Reader(os.Stdin), "-"
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in, name = f, args[0]
			}
			ctx := cmd.Context()
			cut := func() bool { return ctx.Err() != nil }
			defer context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })() // a second signal ends it at once
			var problem plan.Problem
			var warnings []string
			var skipped, faults []plan.Fault
			var err error
			read := make(chan struct{})
			go func() {
				problem, warnings, skipped, faults, err = plan.Read(in, skipBad)
				close(read)
			}()
			select {
			case <-read:
			case <-ctx.Done():
				return errInterrupted
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, f := range faults {
				fmt.Fprintf(os.Stderr, "%s:%s\n", name, f)
			}
			if len(faults) > 0 {
				return errReported
			}
			opt := plan.Options{Workers: min(2, runtime.NumCPU()), Expired: cut, Left: func() float64 {
				if cut() {
					return 0
				}
				return 1
			}}
			if limit > 0 {
				end := time.Now().Add(time.Duration(limit * float64(time.Second)))
				opt.Expired, opt.Endless = func() bool { return cut() || time.Now().After(end) }, true
				opt.Left = func() float64 {
					if cut() {
						return 0
					}
					return time.Until(end).Seconds() / limit
				}
			}
			opt.Progress = progressBar(os.Stderr, "planning")
			a := plan.Plan(&problem, opt)
			if broken := plan.Check(&problem, &a); broken != nil {
				return fmt.Errorf("the plan breaks a rule, nothing is printed; please report it: %s", broken[0])
			}
			if explain {
				plan.ExplainAll(&problem, &a, cut)
			}
			for _, f := range skipped {
				a.Skipped = append(a.Skipped, f.String())
				fmt.Fprintf(os.Stderr, "%s:%s\n", name, f)
			}
			a.Warnings = append(append([]string{}, warnings...), a.Warnings...)
			stopped := cut()
			if stopped {
				a.Warnings = append(a.Warnings, "interrupted: this is the best plan found until then")
			}
			for _, w := range a.Warnings {
				fmt.Fprintf(os.Stderr, "%s: %s\n", name, w)
			}
			out := bufio.NewWriter(os.Stdout)
			enc := json.NewEncoder(out)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(a); err != nil {
				return err
			}
			if err := out.Flush(); err != nil {
				return err
			}
			if stopped {
				return errInterrupted
			}
			return nil
		},
	}
	c.Flags().Float64Var(&limit, "time-limit", 0, "improve until so many seconds have passed (the answer may then depend on the machine)")
	c.Flags().BoolVar(&explain, "explain", false, "say of each step what would stand in its place and what that costs, and what ten more hours would bring")
	c.Flags().BoolVar(&skipBad, "skip-bad", false, "leave programmes and teachers with faults out, and list them")
	return c
}

// progressBar draws how far long work is, where a person watches, once a second has passed.
func progressBar(w *os.File, what string) func(part float64) {
	st, err := w.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return func(float64) {}
	}
	began, drawn := time.Now(), false
	return func(part float64) {
		if time.Since(began) < time.Second && !drawn {
			return
		}
		drawn = true
		const width = 30
		done := int(part * width)
		fmt.Fprintf(w, "\r%s [%-*s] %3.0f %%", what, width, "=============================="[:min(done, width)], part*100)
		if part >= 1 {
			fmt.Fprintln(w)
		}
	}
}
