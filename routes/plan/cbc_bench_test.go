package plan

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// writeLP writes a problem as a mixed integer program in the LP format, straight from the rules: one binary a teacher
// and session, one covered share a teacher and element.
func writeLP(w *bufio.Writer, p *Problem) {
	var objective, rows, bounds, binaries []string
	row := func(terms []string, sense string, right float64) {
		if len(terms) > 0 {
			rows = append(rows, fmt.Sprintf(" c%d: %s %s %g", len(rows), strings.Join(terms, " "), sense, right))
		}
	}
	seats := map[string][]string{}
	for t, who := range p.Teachers {
		var hours, cost []string
		cover := map[string][]string{}
		groups := map[string][]string{}
		type open struct {
			g, s int
			name string
		}
		var opens []open
		for g := range p.Programmes {
			x := &p.Programmes[g]
			if slices.Contains(who.Done, x.ID) {
				continue
			}
			var once []string
			for s, y := range x.Sessions {
				busy := slices.ContainsFunc(who.Unavailable, func(u Span) bool { return y.Mode == FullTime && y.Start <= u.End && u.Start <= y.End })
				if busy || y.Start < *p.Limits.From || y.End > *p.Limits.To {
					continue
				}
				name := fmt.Sprintf("y_%d_%d_%d", t, g, s)
				binaries = append(binaries, name)
				opens = append(opens, open{g, s, name})
				objective = append(objective, fmt.Sprintf("- %g %s", p.HourPenalty*x.Hours, name))
				hours = append(hours, fmt.Sprintf("+ %g %s", x.Hours, name))
				cost = append(cost, fmt.Sprintf("+ %g %s", x.Cost, name))
				once = append(once, "+ "+name)
				if x.Group != "" {
					groups[x.Group] = append(groups[x.Group], "+ "+name)
				}
				for _, e := range keys(x.Covers) {
					cover[e] = append(cover[e], fmt.Sprintf("- %g %s", x.Covers[e], name))
				}
				seats[x.ID+" "+y.ID] = append(seats[x.ID+" "+y.ID], "+ "+name)
			}
			row(once, "<=", 1)
		}
		for _, a := range opens {
			x := &p.Programmes[a.g]
			for _, q := range x.Requires {
				if slices.Contains(who.Done, q) {
					continue
				}
				terms := []string{"+ " + a.name}
				for _, b := range opens {
					if y := &p.Programmes[b.g]; y.ID == q && y.Sessions[b.s].End < x.Sessions[a.s].Start {
						terms = append(terms, "- "+b.name)
					}
				}
				row(terms, "<=", 0)
			}
			for _, b := range opens {
				y := &p.Programmes[b.g]
				s, r := x.Sessions[a.s], y.Sessions[b.s]
				if a.g < b.g && s.Mode == FullTime && r.Mode == FullTime && s.Start <= r.End && r.Start <= s.End {
					row([]string{"+ " + a.name, "+ " + b.name}, "<=", 1)
				}
			}
		}
		row(hours, "<=", *p.Limits.Hours)
		row(cost, "<=", *p.Limits.Cost)
		for _, g := range keys(groups) {
			row(groups[g], "<=", 1)
		}
		for i, e := range keys(who.Deficits) {
			z := fmt.Sprintf("z_%d_%d", t, i)
			objective = append(objective, fmt.Sprintf("+ %g %s", who.Deficits[e], z))
			row(append([]string{"+ " + z}, cover[e]...), "<=", 0)
			bounds = append(bounds, fmt.Sprintf(" %s <= 1", z))
		}
	}
	for _, g := range p.Programmes {
		for _, s := range g.Sessions {
			row(seats[g.ID+" "+s.ID], "<=", float64(*s.Seats))
		}
	}
	fmt.Fprintf(w, "Maximize\n obj: %s\nSubject To\n%s\nBounds\n%s\nBinaries\n %s\nEnd\n", strings.Join(objective, "\n "), strings.Join(rows, "\n"), strings.Join(bounds, "\n"), strings.Join(binaries, "\n "))
	w.Flush()
}

// The plan beside what CBC makes of the same problem, where CBC is installed.
func BenchmarkBesideCBC(b *testing.B) {
	for _, c := range []struct{ teachers, programmes, seats, seconds int }{{30, 60, 1, 30}, {60, 80, 1, 30}} {
		b.Run(fmt.Sprintf("%dx%d", c.teachers, c.programmes), func(b *testing.B) {
			for b.Loop() {
				p := random(1, shape{programmes: c.programmes, teachers: c.teachers, elements: 25, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: c.seats, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
				from := time.Now()
				a := Plan(p, Options{})
				b.ReportMetric(time.Since(from).Seconds(), "wall-s")
				b.ReportMetric(a.Objective, "objective")
				b.ReportMetric(a.Bound, "bound")
				program, err := exec.LookPath("cbc")
				if err != nil {
					b.Log("no CBC here")
					continue
				}
				dir := b.TempDir()
				file, out := filepath.Join(dir, "p.lp"), filepath.Join(dir, "out.txt")
				f, err := os.Create(file)
				if err != nil {
					b.Fatal(err)
				}
				writeLP(bufio.NewWriter(f), p)
				f.Close()
				from = time.Now()
				if said, err := exec.Command(program, file, "sec", strconv.Itoa(c.seconds), "solve", "solu", out).CombinedOutput(); err != nil {
					b.Fatalf("cbc: %v: %.500s", err, said)
				}
				b.ReportMetric(time.Since(from).Seconds(), "cbc-wall-s")
				text, err := os.ReadFile(out)
				if err != nil {
					b.Fatal(err)
				}
				first, _, _ := strings.Cut(string(text), "\n")
				words := strings.Fields(first)
				value, err := strconv.ParseFloat(words[len(words)-1], 64)
				if err != nil {
					b.Fatalf("cbc says %q", first)
				}
				value = math.Abs(value)
				b.Logf("CBC: %s", first)
				b.ReportMetric(value, "cbc-objective")
				b.ReportMetric(100*(value-a.Objective)/value, "under-cbc-%")
				if strings.HasPrefix(first, "Optimal") && (a.Objective > value*(1+1e-6) || a.Bound < value*(1-1e-6)) {
					b.Errorf("CBC's optimum %g is not between the plan %g and its bound %g", value, a.Objective, a.Bound)
				}
			}
		})
	}
}
