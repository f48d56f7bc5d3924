package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deficitFiles writes a Q of 3 elements × 3 tasks, a policy with two areas, and answers of
// so many persons by 2PL tasks; p0 knows nothing of the first element, p1 was given nothing.
func deficitFiles(t *testing.T, persons int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := rand.New(rand.NewPCG(5, 5))
	var answers, q strings.Builder
	answers.WriteString("person")
	q.WriteString("item,alpha,beta,gamma\n")
	for i := range 9 {
		fmt.Fprintf(&answers, ",t%d", i)
		row := []string{"", "", ""}
		row[i/3] = "1"
		fmt.Fprintf(&q, "t%d,%s\n", i, strings.Join(row, ","))
	}
	for p := range persons {
		fmt.Fprintf(&answers, "\np%d", p)
		theta := r.NormFloat64()
		for i := range 9 {
			cell := "0"
			if r.Float64() < 1/(1+math.Exp(-theta-0.4*float64(i%3))) {
				cell = "1"
			}
			switch {
			case p == 0 && i < 3:
				cell = "0"
			case p == 1:
				cell = ""
			case p == 2 && i > 5:
				cell = "O"
			case p == 3 && i > 5:
				cell = "N"
			}
			fmt.Fprintf(&answers, ",%s", cell)
		}
	}
	for name, text := range map[string]string{"r.csv": answers.String() + "\n", "q.csv": q.String(), "p.json": `{"areas":{"alpha":"A","beta":"A","gamma":"B"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type deficitAnswer struct {
	Method  string
	Persons []struct {
		Person   string
		Elements map[string]struct {
			Score, Max       float64
			Share            *float64
			Tasks, Omitted   int
			LeftOut          *int `json:"tasks_left_out"`
			Estimate         float64
			Interval         [2]float64
			P                float64 `json:"p_deficit"`
			Severity, Status string
			ShareStatus      string `json:"share_status"`
		}
	}
	ShareRule struct{ Decisions, Differ int } `json:"share_rule"`
	Model     *struct {
		Persons   int
		Converged bool
	}
	Warnings []string
}

func TestDeficitsInfer(t *testing.T) {
	dir := deficitFiles(t, 200)
	infer := func(args ...string) (a deficitAnswer, complaint string) {
		t.Helper()
		status, out, complaint := said(t, append([]string{"deficits", "infer", "--q", dir + "/q.csv"}, args...)...)
		if status != 0 {
			t.Fatalf("%v: status %d: %s", args, status, complaint)
		}
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatalf("%v: %v: %.300s", args, err, out)
		}
		return a, complaint
	}
	a, complaint := infer("--policy", dir+"/p.json", dir+"/r.csv")
	if a.Method != "two-tier/1" || len(a.Persons) != 200 || a.Persons[0].Person != "p0" || a.Model == nil || !a.Model.Converged || a.Model.Persons != 199 {
		t.Errorf("%s, %d persons, model %+v", a.Method, len(a.Persons), a.Model)
	}
	if !strings.Contains(complaint, "person p1 has no answers") || len(a.Warnings) == 0 || a.ShareRule.Decisions == 0 {
		t.Errorf("warnings %q and %q, share rule %+v", complaint, a.Warnings, a.ShareRule)
	}
	for _, p := range a.Persons {
		for name, e := range p.Elements {
			if !(e.P >= 0 && e.P <= 1) || !(e.Interval[0] <= e.Estimate && e.Estimate <= e.Interval[1]) {
				t.Fatalf("%s %s: %+v", p.Person, name, e)
			}
		}
	}
	weak, nothing, omitted, unreached := a.Persons[0].Elements["alpha"], a.Persons[1].Elements["alpha"], a.Persons[2].Elements["gamma"], a.Persons[3].Elements["gamma"]
	if weak.LeftOut == nil || *weak.LeftOut != 0 {
		t.Errorf("left out: %+v", weak)
	}
	if n := strings.Count(complaint, "person p1"); n != 1 {
		t.Errorf("p1 is spoken of %d times: %s", n, complaint)
	}
	if weak.P < 0.7 || weak.Status == "none" || *weak.Share != 0 || weak.Max != 3 || weak.ShareStatus != "deficit" {
		t.Errorf("none of three: %+v", weak)
	}
	if nothing.Status != "insufficient" || nothing.Severity != "none" || nothing.Share != nil || nothing.P <= 0 {
		t.Errorf("nothing answered: %+v", nothing)
	}
	if omitted.Omitted != 3 || omitted.Tasks != 0 || omitted.Max != 3 || omitted.Status != "insufficient" || unreached.Max != 0 || unreached.Omitted != 0 || unreached.P >= omitted.P {
		t.Errorf("omitted %+v, not reached %+v", omitted, unreached)
	}
	// The same by parameters of the same tasks, and for one person alone.
	status, out, complaint := said(t, "psychometrics", "irt", "fit", "--model", "2pl", dir+"/r.csv")
	if status != 0 {
		t.Fatalf("irt fit: %d %s", status, complaint)
	}
	if err := os.WriteFile(dir+"/fit.json", []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	b, _ := infer("--params", dir+"/fit.json", "--policy", dir+"/p.json", dir+"/r.csv")
	if x := b.Persons[0].Elements["alpha"]; math.Abs(x.P-weak.P) > 0.15 {
		t.Errorf("with the bank's parameters %v, estimated %v", x.P, weak.P)
	}
	if err := os.WriteFile(dir+"/one.csv", []byte("person,t0,t1,t2,t3\nsolo,1,1,1,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, complaint := infer("--params", dir+"/fit.json", dir+"/one.csv")
	if x := c.Persons[0].Elements["alpha"]; x.Status == "deficit" || len(c.Persons[0].Elements) != 3 || !strings.Contains(complaint, "item t4") {
		t.Errorf("one person: %+v, %s", c.Persons[0], complaint)
	}
	// The same parameters on the scale where ability is N(0.8, 1.7²) say the same.
	scaled := rescaled(t, out, 0.8, 1.7)
	if err := os.WriteFile(dir+"/scaled.json", scaled, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := infer("--params", dir+"/scaled.json", "--policy", dir+"/p.json", dir+"/r.csv")
	for i, p := range b.Persons {
		for name, x := range p.Elements {
			y := s.Persons[i].Elements[name]
			if math.Abs(x.P-y.P) > 1e-9 || math.Abs(x.Estimate-y.Estimate) > 1e-9 || math.Abs(x.Interval[0]-y.Interval[0]) > 1e-9 || x.Status != y.Status {
				t.Fatalf("%s %s: %+v, on another scale %+v", p.Person, name, x, y)
			}
		}
	}
	// The yardstick answers in the same shape.
	if y, _ := infer("--beta-binomial", dir+"/r.csv"); y.Method != "beta-binomial/1" || y.Model != nil || len(y.Persons) != 200 {
		t.Errorf("%s, %d persons", y.Method, len(y.Persons))
	}
	// Same input, same bytes.
	_, one, _ := said(t, "deficits", "infer", "--q", dir+"/q.csv", dir+"/r.csv")
	if _, two, _ := said(t, "deficits", "infer", "--q", dir+"/q.csv", dir+"/r.csv"); one != two || !json.Valid([]byte(one)) {
		t.Error("twice the same files give different answers")
	}
}

// rescaled writes a FIT.json of ability N(0,1) on the scale θ = mean + sd·z: a/sd, d − a·mean/sd.
func rescaled(t *testing.T, fit string, mean, sd float64) []byte {
	t.Helper()
	var f struct {
		Items []struct {
			ID string    `json:"id"`
			A  float64   `json:"a"`
			D  []float64 `json:"d"`
			C  []float64 `json:"cov"`
		} `json:"items"`
		Latent struct {
			Mean float64 `json:"mean"`
			SD   float64 `json:"sd"`
		} `json:"latent"`
	}
	if err := json.Unmarshal([]byte(fit), &f); err != nil || f.Latent.Mean != 0 || f.Latent.SD != 1 {
		t.Fatalf("%v, latent %+v", err, f.Latent)
	}
	f.Latent.Mean, f.Latent.SD = mean, sd
	for i := range f.Items {
		x := &f.Items[i]
		x.A /= sd
		x.D[0] -= x.A * mean
		aa, ad, dd := x.C[0]/sd/sd, x.C[1]/sd, x.C[3] // its errors: of a/sd and d − a·mean/sd
		x.C = []float64{aa, ad - aa*mean, ad - aa*mean, dd - 2*mean*ad + mean*mean*aa}
	}
	out, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// One score that the bank's calibration never saw stops nobody.
func TestDeficitsInferTakesUnseenScores(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"q.csv": "item,e\nt0,1\nt1,1\n", "r.csv": "person,t0,t1\np,3,4\nq,0,1\n",
		"fit.json": `{"items":[{"id":"t0","a":1,"d":[0]},{"id":"t1","model":"gpcm","a":1,"d":[0.3,0],"scores":[0,2,5]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, out, complaint := said(t, "deficits", "infer", "--q", dir+"/q.csv", "--params", dir+"/fit.json", dir+"/r.csv")
	var a deficitAnswer
	if err := json.Unmarshal([]byte(out), &a); err != nil || status != 0 {
		t.Fatalf("status %d, %v: %s", status, err, complaint)
	}
	for _, want := range []string{"item t0: its calibration never saw score 3 (answers: 1)", "item t1: its calibration never saw scores 1, 4 (answers: 2)"} {
		if !strings.Contains(complaint, want) || !strings.Contains(strings.Join(a.Warnings, "\n"), want) {
			t.Errorf("%q is not in %q", want, complaint)
		}
	}
	if e := a.Persons[0].Elements["e"]; e.Max != 6 || e.Score != 5 || e.P >= a.Persons[1].Elements["e"].P {
		t.Errorf("%+v", e)
	}
}

func TestDeficitsInferRefuses(t *testing.T) {
	dir := deficitFiles(t, 5)
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	q, r := dir+"/q.csv", dir+"/r.csv"
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, "needs --q", []string{r}},
		{2, "arg", []string{"--q", q}},
		{1, "no such file", []string{"--q", q + ".not", r}},
		{1, "bad.csv:2: item t0, element e", []string{"--q", write("bad.csv", "item,e\nt0,7\n"), r}},
		{1, "rising order", []string{"--q", q, "--policy", write("bands.json", `{"bands":[0.8,0.6,0.4]}`), r}},
		{1, "cut", []string{"--q", q, "--policy", write("cut.json", `{"cut":60}`), r}},
		{1, "r2.csv:2", []string{"--q", q, write("r2.csv", "person,t0\np,x\n")}},
		{1, "is over the maximum 1", []string{"--q", q, "--max", write("m.csv", "item,max\nt0,1\n"), write("r3.csv", "person,t0\np,2\n")}},
		{1, "fit.json", []string{"--q", q, "--params", write("fit.json", "{"), r}},
		{1, "scores do not rise", []string{"--q", q, "--params", write("fit1.json", `{"items":[{"id":"t0","model":"gpcm","a":1,"d":[0,0],"scores":[0,2,2]}]}`), r}},
		{1, "read once only", []string{"--q", "-", "-"}},
	} {
		status, out, complaint := said(t, append([]string{"deficits", "infer"}, c.args...)...)
		if status != c.status || out != "" || !strings.Contains(complaint, c.says) {
			t.Errorf("%v: status %d, out %.80q, %q; expected %d and %q", c.args, status, out, complaint, c.status, c.says)
		}
	}
}
