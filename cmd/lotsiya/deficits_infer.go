package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

func deficitsCommand() *cobra.Command {
	return group("deficits", "Deficits on files: no server, no database", deficitsInferCommand())
}

func deficitsInferCommand() *cobra.Command {
	var files struct{ q, policy, params, maxima string }
	var yardstick bool
	cmd := &cobra.Command{
		Use:   "infer --q Q.csv [--policy P.json] [--params FIT.json] [--max M.csv] R.csv",
		Short: "How likely each person's true share of each element lies under the cut (- is stdin)",
		Long: `R.csv: person,<item>,… with integer scores; O presented and omitted (scored 0), N not reached,
empty not presented. Q.csv: item,<element>,… with weights from 0 to 1, a row adding up to at most 1.
P.json, with what holds where a field is absent:
  {"cut":0.60,"bands":[0.40,0.60,0.80],"sure":[0.2,0.8],"areas":{"element":"area"},"min_tasks":2}
FIT.json: what irt fit writes; its tasks are not estimated anew, its errors (cov, or a_se and d_se)
widen intervals, and tasks that the answers contradict are named. Without it all are estimated from R.csv. M.csv: item,max.

The answer tells for every person and element the posterior of the true share of its points:
estimate, interval (90 %), p_deficit, and by the policy status and severity; beside them what
the bare share of points would say. Formulas and checks: docs/inference.md.`,
		Args: filesAnd(1, "q"),
		RunE: func(_ *cobra.Command, args []string) error {
			stdin := 0
			for _, name := range []string{files.q, files.policy, files.params, files.maxima, args[0]} {
				if name == "-" {
					stdin++
				}
			}
			if stdin > 1 {
				return errors.New("- stands for more than one file: stdin can be read once only")
			}
			return inferDeficits(files.q, files.policy, files.params, files.maxima, args[0], yardstick)
		},
	}
	cmd.Flags().StringVar(&files.q, "q", "", "CSV of weights, item,<element>,…")
	cmd.Flags().StringVar(&files.policy, "policy", "", "JSON of the policy: cut, bands, sure, areas, min_tasks")
	cmd.Flags().StringVar(&files.params, "params", "", "task parameters from the bank, as irt fit writes them (else they are estimated)")
	cmd.Flags().BoolVar(&yardstick, "beta-binomial", false, "the simpler model, each element by itself, to compare with")
	maxFlag(cmd, &files.maxima)
	return cmd
}

// manyInferrer says of many persons what their answers mean.
type manyInferrer func([]infer.Person) ([][]infer.Estimate, error)

func inferDeficits(qFile, policyFile, paramsFile, maxFile, rFile string, yardstick bool) error {
	// What is held is large and lives long: collecting at half of it costs no time that could be
	// measured and a region takes a fifth less memory.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	warnings := []string{}
	q, err := readFrom(qFile, infer.ReadQ)
	if err != nil {
		return err
	}
	policy := infer.DefaultPolicy()
	if policyFile != "" {
		policy, err = readFrom(policyFile, func(name string, in io.Reader) (infer.Policy, error) {
			p, found, err := infer.ReadPolicy(name, in)
			warnings = append(warnings, found...)
			return p, err
		})
		if err != nil {
			return err
		}
	}
	var bank []irt.Item
	var calibrated []irt.Calibrated
	if paramsFile != "" {
		fit, err := readFrom(paramsFile, irt.ReadFit)
		if err != nil {
			return err
		}
		calibrated = fit.Calibrated() // ability is N(0,1) here, whatever the file's scale is
		for _, it := range calibrated {
			bank = append(bank, it.Item)
		}
	}
	var given map[string]int
	if maxFile != "" {
		if given, err = readFrom(maxFile, psychometrics.ReadMaxima); err != nil {
			return err
		}
	}
	r, err := readFrom(rFile, func(name string, in io.Reader) (*psychometrics.Responses, error) {
		return psychometrics.Read(name, in, given)
	})
	if err != nil {
		return err
	}
	d, found := q.Data(r, given, bank)
	warnings = slices.Concat(q.Warnings, warnings, policy.Remarks(q), r.Warnings, found)
	progress := progressBar(os.Stderr, "inferring")
	progress(0)
	out := deficitsOut{w: bufio.NewWriterSize(os.Stdout, 1<<16)}
	var many manyInferrer
	if yardstick {
		m, err := infer.FitBinomial(d, policy)
		if err != nil {
			return err
		}
		warnings = append(warnings, q.Unsaid(r, m.Warnings)...)
		out.method = infer.BinomialMethod
		many = func(persons []infer.Person) ([][]infer.Estimate, error) {
			list := make([][]infer.Estimate, len(persons))
			for i, p := range persons {
				if list[i], err = m.Infer(d.Tasks, p.Responses); err != nil {
					return nil, err
				}
			}
			return list, nil
		}
	} else {
		m, err := infer.FitCalibrated(d, policy, calibrated)
		if err != nil {
			return err
		}
		p, err := m.Prepare(d.Tasks)
		if err != nil {
			return err
		}
		warnings = append(warnings, q.Unsaid(r, m.Warnings)...)
		out.method, out.model, many = m.Method, &m, p.InferMany
	}
	warnings = unique(warnings)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	if err := out.write(d.Persons, policy, many, warnings, progress); err != nil {
		return err
	}
	return out.w.Flush()
}

func unique(list []string) []string {
	seen, out := map[string]bool{}, []string{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// deficitsOut writes the answer as it comes: for a region it is hundreds of megabytes.
type deficitsOut struct {
	w      *bufio.Writer
	method string
	model  *infer.Model
	buf    []byte
}

func (o *deficitsOut) write(persons []infer.Person, policy infer.Policy, many manyInferrer, warnings []string, progress func(float64)) error {
	o.buf = append(o.buf, "{\n \"method\": "...)
	o.text(o.method)
	o.buf = append(o.buf, ",\n \"persons\": ["...)
	decisions, differ := 0, 0
	const block = 512
	for from := 0; from < len(persons); from += block {
		some := persons[from:min(len(persons), from+block)]
		list, err := many(some)
		if err != nil {
			return err
		}
		for i, estimates := range list {
			if from+i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.buf = append(o.buf, "\n  {\"person\": "...)
			o.text(some[i].ID)
			o.buf = append(o.buf, ", \"elements\": {"...)
			for j, e := range estimates {
				if j > 0 {
					o.buf = append(o.buf, ',')
				}
				severity, rule := policy.ByShare(e.Share, e.Tasks)
				if e.Status != infer.Insufficient && rule != infer.Insufficient {
					decisions++
					if (e.Status == infer.Deficit) != (rule == infer.Deficit) {
						differ++
					}
				}
				o.estimate(e, rule, severity)
			}
			o.buf = append(o.buf, "}}"...)
			if len(o.buf) > 1<<15 {
				if _, err := o.w.Write(o.buf); err != nil {
					return err
				}
				o.buf = o.buf[:0]
			}
		}
		progress(float64(from+len(some)) / float64(len(persons)))
	}
	rest := struct {
		ShareRule struct {
			Decisions int `json:"decisions"`
			Differ    int `json:"differ"`
		} `json:"share_rule"`
		Model    *modelOut `json:"model"`
		Warnings []string  `json:"warnings"`
	}{Warnings: warnings}
	rest.ShareRule.Decisions, rest.ShareRule.Differ = decisions, differ
	if o.model != nil {
		rest.Model = &modelOut{o.model.Persons, o.model.LogLik, o.model.Iterations, o.model.Converged, o.model.Areas, o.model.Elements, o.model.Tasks}
	}
	tail, err := json.MarshalIndent(rest, " ", " ")
	if err != nil {
		return err
	}
	o.buf = append(o.buf, "\n ],"...)
	o.buf = append(o.buf, tail[1:len(tail)-2]...)
	o.buf = append(o.buf, "}\n"...)
	_, err = o.w.Write(o.buf)
	return err
}

// modelOut is what was estimated, for who checks it.
type modelOut struct {
	Persons    int                  `json:"persons"`
	LogLik     float64              `json:"loglik"`
	Iterations int                  `json:"iterations"`
	Converged  bool                 `json:"converged"`
	Areas      []infer.ModelArea    `json:"areas"`
	Elements   []infer.ModelElement `json:"elements"`
	Tasks      []infer.ModelTask    `json:"tasks"`
}

func (o *deficitsOut) text(s string) {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON
	}
	o.buf = append(o.buf, b...)
}

func (o *deficitsOut) number(name string, x float64) {
	o.buf = append(o.buf, name...)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		o.buf = append(o.buf, "null"...)
		return
	}
	o.buf = strconv.AppendFloat(o.buf, x, 'g', -1, 64)
}

func (o *deficitsOut) estimate(e infer.Estimate, rule infer.Status, ruleSeverity infer.Severity) {
	o.buf = append(o.buf, "\n   "...)
	o.text(e.Element)
	o.number(`: {"score":`, e.Score)
	o.number(`,"max":`, e.Max)
	share := e.Share
	if e.Max == 0 {
		share = math.NaN()
	}
	o.number(`,"share":`, share)
	o.number(`,"tasks":`, float64(e.Tasks))
	o.number(`,"tasks_left_out":`, float64(e.LeftOut))
	o.number(`,"tasks_own":`, float64(e.Own))
	o.number(`,"omitted":`, float64(e.Omitted))
	o.number(`,"estimate":`, e.Estimate)
	o.number(`,"interval":[`, e.Low)
	o.number(`,`, e.High)
	o.number(`],"p_deficit":`, e.P)
	o.number(`,"shortfall":`, e.Shortfall)
	o.buf = append(o.buf, `,"severity":"`+string(e.Severity)+`","status":"`+string(e.Status)+`","share_status":"`+string(rule)+`","share_severity":"`+string(ruleSeverity)+`"}`...)
}
