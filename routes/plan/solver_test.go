package plan

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// solvers are programs that solve mixed integer programs from a file, as far as they are installed: each is asked for
// the optimum and says whether it is proved.
var solvers = map[string]func(file, out string, seconds int) (said string, value float64, proved bool, err error){
	"cbc": func(file, out string, seconds int) (string, float64, bool, error) {
		if said, err := exec.Command("cbc", file, "sec", strconv.Itoa(seconds), "solve", "solu", out).CombinedOutput(); err != nil {
			return string(said), 0, false, err
		}
		text, err := os.ReadFile(out)
		if err != nil {
			return "", 0, false, err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		words := strings.Fields(first)
		value, err := strconv.ParseFloat(words[len(words)-1], 64)
		return first, math.Abs(value), strings.HasPrefix(first, "Optimal"), err
	},
	"glpsol": func(file, out string, seconds int) (string, float64, bool, error) {
		if said, err := exec.Command("glpsol", "--lp", file, "--tmlim", strconv.Itoa(seconds), "-o", out).CombinedOutput(); err != nil {
			return string(said), 0, false, err
		}
		text, err := os.ReadFile(out)
		if err != nil {
			return "", 0, false, err
		}
		found := regexp.MustCompile(`(?m)^Objective:.*= *([-+0-9.e]+)`).FindSubmatch(text)
		if found == nil {
			return string(text[:min(len(text), 300)]), 0, false, fmt.Errorf("no objective")
		}
		value, err := strconv.ParseFloat(string(found[1]), 64)
		return string(found[0]), value, strings.Contains(string(text), "INTEGER OPTIMAL"), err
	},
}

// installed lists the solvers at hand.
func installed() []string {
	return slices.DeleteFunc(keys(solvers), func(name string) bool { _, err := exec.LookPath(name); return err != nil })
}

// ask writes a problem for a solver and asks it.
func ask(tb testing.TB, name string, p *Problem, seconds int) (said string, value float64, proved bool) {
	dir := tb.TempDir()
	file := filepath.Join(dir, "p.lp")
	f, err := os.Create(file)
	if err != nil {
		tb.Fatal(err)
	}
	writeLP(bufio.NewWriter(f), p)
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	said, value, proved, err = solvers[name](file, filepath.Join(dir, "out.txt"), seconds)
	if err != nil {
		tb.Fatalf("%s: %v: %.500s", name, err, said)
	}
	return said, value, proved
}

// Where a solver is installed, its optimum lies between the plan and its bound, and the plan is it or close by; the
// combinations of all routes written out (TestManyTeachersAgainstAllPlans) stand without one.
func TestBesideSolvers(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for _, name := range installed() {
		proofs, worst := 0, 0.0
		for seed := range seeds {
			p := random(seed, shape{programmes: 12, teachers: 4 + int(seed%5), elements: 8, deficits: 4, covers: 3, sessions: 2, hours: 72, seats: 1, days: 150, groups: 0.2, requires: 0.2, cost: 12000})
			a := checked(t, p)
			said, value, proved := ask(t, name, p, 20)
			if proved && (a.Objective > value+1e-6 || a.Bound < value-1e-6 || a.Objective < value*0.99) {
				t.Errorf("%s, seed %d: %s; the plan is %.6f, its bound %.6f", name, seed, said, a.Objective, a.Bound)
			}
			if proved {
				proofs, worst = proofs+1, math.Max(worst, 1-a.Objective/value)
			}
		}
		if proofs == 0 {
			t.Errorf("%s proves nothing", name)
		}
		t.Logf("%s: %d optima, the plan at most %.4f %% under", name, proofs, worst*100)
	}
}

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

// The plan beside what solvers make of the same problem, where they are installed.
func BenchmarkBesideSolvers(b *testing.B) {
	for _, c := range []struct{ teachers, programmes, seats, seconds int }{{30, 60, 1, 30}, {60, 80, 1, 30}} {
		b.Run(fmt.Sprintf("%dx%d", c.teachers, c.programmes), func(b *testing.B) {
			for b.Loop() {
				p := random(1, shape{programmes: c.programmes, teachers: c.teachers, elements: 25, deficits: 5, covers: 3, sessions: 3, hours: 72, seats: c.seats, days: 300, groups: 0.1, requires: 0.1, cost: 20000})
				from := time.Now()
				a := Plan(p, Options{})
				b.ReportMetric(time.Since(from).Seconds(), "wall-s")
				b.ReportMetric(a.Objective, "objective")
				b.ReportMetric(a.Bound, "bound")
				for _, name := range installed() {
					from = time.Now()
					said, value, proved := ask(b, name, p, c.seconds)
					b.ReportMetric(time.Since(from).Seconds(), name+"-wall-s")
					b.ReportMetric(value, name+"-objective")
					b.ReportMetric(100*(value-a.Objective)/value, "under-"+name+"-%")
					if proved && (a.Objective > value*(1+1e-6) || a.Bound < value*(1-1e-6)) {
						b.Errorf("%s says %s, not between the plan %g and its bound %g", name, said, a.Objective, a.Bound)
					}
				}
			}
		})
	}
}
