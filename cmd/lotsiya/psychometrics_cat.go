package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/cat"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// catFlags are the settings of adaptive tests as flags.
type catFlags struct {
	params, content string
	shares          []string
	rule, estimator string
	settings        cat.Settings
}

func (f *catFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.params, "params", "", "FIT.json: the bank, as irt fit wrote it")
	fs.Float64Var(&f.settings.StopSE, "stop-se", 0, "stop at this standard error or under")
	fs.IntVar(&f.settings.MaxItems, "max-items", 0, "stop at so many items (0: the bank)")
	fs.IntVar(&f.settings.MinItems, "min-items", 0, "so many items before --stop-se counts")
	fs.StringVar(&f.rule, "rule", "mfi", "next item: mfi, bopt, thopt, mlwi, mpwi, mei, mepv, kl, klp")
	fs.StringVar(&f.estimator, "estimator", "eap", "eap or map")
	fs.IntVar(&f.settings.Randomesque, "randomesque", 1, "draw among so many best items")
	fs.Uint64Var(&f.settings.Seed, "seed", 1, "of draws")
	fs.StringVar(&f.content, "content", "", "CSV of domains, item,domain: balance them")
	fs.StringArrayVar(&f.shares, "share", nil, "a domain's share of a test, domain=0.25; once a domain (else as in the bank)")
}

// check refuses flags that cannot be, as wrong usage.
func (f *catFlags) check() error {
	f.settings.Rule, f.settings.Estimator = cat.Rule(f.rule), irt.Method(f.estimator)
	if !slices.Contains(cat.Rules, f.settings.Rule) {
		return fmt.Errorf("--rule %q, expected one of %v", f.rule, cat.Rules)
	}
	if f.settings.Estimator != irt.EAP && f.settings.Estimator != irt.MAP {
		return fmt.Errorf("--estimator %q, expected eap or map", f.estimator)
	}
	if f.settings.MaxItems < 0 || f.settings.MinItems < 0 || f.settings.Randomesque < 1 || !(f.settings.StopSE >= 0) {
		return fmt.Errorf("--max-items, --min-items and --stop-se are 0 or more, --randomesque 1 or more")
	}
	if len(f.shares) > 0 && f.content == "" {
		return fmt.Errorf("--share needs --content")
	}
	for _, s := range f.shares {
		domain, share, _ := strings.Cut(s, "=")
		x, err := strconv.ParseFloat(share, 64)
		if err != nil || !(x > 0) || math.IsInf(x, 0) {
			return fmt.Errorf("--share %q, expected domain=0.25", s)
		}
		f.settings.Content = append(f.settings.Content, cat.Share{Domain: domain, Share: x})
	}
	return nil
}

// bank reads the bank and what it says of the prior, and the domains.
func (f *catFlags) bank() (*irt.Fit, error) {
	fit, err := readFrom(f.params, irt.ReadFit)
	if err != nil {
		return nil, err
	}
	f.settings.PriorMean, f.settings.PriorSD = float64(fit.Latent.Mean), float64(fit.Latent.SD)
	if f.content == "" {
		return fit, nil
	}
	domains, err := readFrom(f.content, readDomains)
	if err != nil {
		return nil, err
	}
	f.settings.Domains = domains.of
	if len(f.settings.Content) == 0 {
		n := map[string]float64{}
		for _, it := range fit.Items {
			n[domains.of[it.ID]]++
		}
		for _, d := range domains.order {
			if n[d] > 0 {
				f.settings.Content = append(f.settings.Content, cat.Share{Domain: d, Share: n[d] / float64(len(fit.Items))})
			}
		}
	}
	return fit, nil
}

type domains struct {
	of    map[string]string
	order []string
}

func readDomains(name string, in io.Reader) (domains, error) {
	out := domains{of: map[string]string{}}
	head, rows, err := psychometrics.Table(name, in)
	if err != nil {
		return out, err
	}
	if !slices.Equal(head, []string{"item", "domain"}) {
		return out, psychometrics.Faults{fmt.Sprintf("%s:1: the header is %q, expected item,domain", name, strings.Join(head, ","))}
	}
	var faults psychometrics.Faults
	for row, ok := rows.Next(); ok && len(faults) < 20; row, ok = rows.Next() {
		if len(row) != 2 || len(row[0]) == 0 || len(row[1]) == 0 {
			faults = append(faults, fmt.Sprintf("%s:%d: expected item,domain", name, rows.Line))
			continue
		}
		item, domain := string(row[0]), string(row[1])
		if _, twice := out.of[item]; twice {
			faults = append(faults, fmt.Sprintf("%s:%d: item %q stands above already", name, rows.Line, item))
		}
		out.of[item] = domain
		if !slices.Contains(out.order, domain) {
			out.order = append(out.order, domain)
		}
	}
	if rows.Err != nil {
		faults = append(faults, rows.Err.Error())
	}
	if len(faults) > 0 {
		return out, faults
	}
	return out, nil
}

func psychometricsCATCommand() *cobra.Command {
	var f catFlags
	var maxima string
	cmd := &cobra.Command{
		Use:   "cat --params FIT.json R.csv",
		Short: "Replays an adaptive test on known answers",
		Long: `Gives each person of R.csv the items an adaptive test would have chosen, as if the
answers were not known, with the ability and its standard error after each: maximum
Fisher information, EAP, start at 0. An item whose answer is missing is not given.
The answer is also the log that cat-replay repeats.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := filesAnd(1, "params")(cmd, args); err != nil {
				return err
			}
			return f.check()
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], f.params, f.content, maxima); err != nil {
				return err
			}
			fit, err := f.bank()
			if err != nil {
				return err
			}
			r, err := readResponses(args[0], maxima)
			if err != nil {
				return err
			}
			log, err := cat.ReplayResponses(fit, r, f.settings)
			if err != nil {
				return err
			}
			return printAnswer(log, log.Warnings)
		},
	}
	f.add(cmd)
	maxFlag(cmd, &maxima)
	return cmd
}

func psychometricsCATReplayCommand() *cobra.Command {
	var params string
	cmd := &cobra.Command{
		Use:   "cat-replay --params FIT.json LOG.json",
		Short: "Repeats adaptive tests from their log and says whether every step is the same",
		Args:  filesAnd(1, "params"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], params); err != nil {
				return err
			}
			fit, err := readFrom(params, irt.ReadFit)
			if err != nil {
				return err
			}
			log, err := readFrom(args[0], cat.ReadLog)
			if err != nil {
				return err
			}
			differences, err := cat.Replay(fit.Bank(), log)
			if err != nil {
				return err
			}
			if err := printAnswer(struct {
				Persons     int      `json:"persons"`
				Same        bool     `json:"same"`
				Differences []string `json:"differences"`
				Warnings    []string `json:"warnings"`
			}{len(log.Persons), len(differences) == 0, differences, []string{}}, nil); err != nil {
				return err
			}
			for _, d := range differences {
				fmt.Fprintln(os.Stderr, d)
			}
			if len(differences) > 0 {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&params, "params", "", "FIT.json: the bank the tests ran on")
	return cmd
}

func psychometricsSimulateCATCommand() *cobra.Command {
	var f catFlags
	var persons int
	cmd := &cobra.Command{
		Use:   "simulate-cat --params FIT.json",
		Short: "Tries an adaptive test out on simulated persons: error, length, use of items",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := filesAnd(0, "params")(cmd, args); err != nil {
				return err
			}
			if persons < 1 || persons > 1_000_000 {
				return fmt.Errorf("--persons %d, expected 1 to 1000000", persons)
			}
			if !(f.settings.MaxExposure >= 0 && f.settings.MaxExposure <= 1) {
				return fmt.Errorf("--max-exposure %g, expected a share from 0 to 1", f.settings.MaxExposure)
			}
			return f.check()
		},
		RunE: func(*cobra.Command, []string) error {
			if err := onceStdin(f.params, f.content); err != nil {
				return err
			}
			fit, err := f.bank()
			if err != nil {
				return err
			}
			got, err := cat.Simulate(fit.Bank(), f.settings, persons)
			if err != nil {
				return err
			}
			return printAnswer(got, got.Warnings)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&persons, "persons", 1000, "simulated persons, drawn from the bank's latent distribution")
	cmd.Flags().Float64Var(&f.settings.MaxExposure, "max-exposure", 0, "hold items back that went to more than this share of tests")
	return cmd
}
