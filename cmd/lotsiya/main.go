// Command lotsiya is the whole product: the server and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker for a release.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// errReported ends a command with exit status 1 after it has said itself what was wrong.
var errReported = errors.New("reported")

// errInterrupted ends a command that was asked to stop and gave what it had until then.
var errInterrupted = errors.New("interrupted")

// run executes the command line and returns the exit status:
// 0 done, 1 the input is bad or the work failed, 2 wrong usage, 130 stopped by a signal with part of the work given.
func run(ctx context.Context, args []string) int {
	begun := false // what fails before a command begins is wrong usage
	root := &cobra.Command{
		Use:               "lotsiya",
		Short:             "Лоция: diagnostics of teachers' competencies, the bank of deficits, individual learning routes",
		Version:           version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.NoArgs,
		PersistentPreRun:  func(*cobra.Command, []string) { begun = true },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			begun = false
			return errors.New("which command? See lotsiya --help")
		},
	}
	root.AddCommand(
		serveCommand(),
		peopleCommand(),
		migrateCommand(),
		backupCommand(),
		restoreCommand(),
		verifyCommand(),
		psychometricsCommand(),
		deficitsCommand(),
		routesCommand(),
		roadmapCommand(),
	)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case begun && errors.Is(err, errReported):
		return 1
	case begun && errors.Is(err, errInterrupted):
		return 130
	case begun:
		fmt.Fprintf(os.Stderr, "lotsiya: %v\n", err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "lotsiya: %v (lotsiya --help lists the commands)\n", err)
	return 2
}

// group is a command that only holds others; without one of them it is wrong usage.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Run: func(*cobra.Command, []string) {}, // never: the arguments are refused first
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%s has no command %q", c.CommandPath(), args[0])
			}
			return fmt.Errorf("which command of %s?", c.CommandPath())
		}}
	c.AddCommand(commands...)
	return c
}
