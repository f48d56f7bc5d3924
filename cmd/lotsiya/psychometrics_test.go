package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const methods = "../../diagnostics/psychometrics/"

// answered runs a command that must end well and reads its JSON.
func answered(t *testing.T, args ...string) (answer map[string]any, complaint string) {
	t.Helper()
	status, out, complaint := said(t, args...)
	if status != 0 {
		t.Fatalf("%q: status %d, %s", args, status, complaint)
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	if _, again, _ := said(t, args...); again != out {
		t.Errorf("%q: the same input gives other bytes", args)
	}
	emptyLists(t, strings.Join(args, " "), answer)
	return answer, complaint
}

func written(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lacks lists the keys that an object does not have.
func lacks(object any, keys string) (out []string) {
	m, _ := object.(map[string]any)
	for _, k := range strings.Fields(keys) {
		if _, ok := m[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}

func first(t *testing.T, answer map[string]any, list string) any {
	t.Helper()
	all, ok := answer[list].([]any)
	if !ok || len(all) == 0 {
		t.Fatalf("%s: %v", list, answer[list])
	}
	return all[0]
}

func TestPsychometricsCTT(t *testing.T) {
	a, _ := answered(t, "psychometrics", "ctt", methods+"ctt/testdata/lsat6/data.csv")
	if l := lacks(a, "persons items total alpha alpha_ci95 sem lambda2 rows_used warnings"); l != nil {
		t.Errorf("the answer lacks %q", l)
	}
	if l := lacks(first(t, a, "items"), "id n max mean p sd item_total item_rest alpha_if_deleted d27"); l != nil {
		t.Errorf("an item lacks %q", l)
	}
	if l := lacks(a["total"], "mean sd min max skewness kurtosis"); l != nil {
		t.Errorf("total lacks %q", l)
	}
	small, complaint := answered(t, "psychometrics", "ctt", "--max", written(t, "m.csv", "item,max\na,4\n"), written(t, "r.csv", "person,a\np,2\nq,\n"))
	if item := first(t, small, "items").(map[string]any); item["p"] != 0.5 || item["sd"] != nil {
		t.Errorf("%v", item)
	}
	if !strings.Contains(complaint, "1 of 2 persons have missing answers") || len(small["warnings"].([]any)) != strings.Count(complaint, "\n") {
		t.Errorf("stderr %q, warnings %v", complaint, small["warnings"])
	}
}

func TestPsychometricsChange(t *testing.T) {
	before, after := written(t, "b.csv", "person,a,b,c\np,1,0,0\nq,0,0,0\nr,1,1,1\n"), written(t, "a.csv", "person,a,b,c\np,1,1,1\nq,0,0,0\nr,1,1,0\n")
	a, _ := answered(t, "psychometrics", "change", before, after)
	if l := lacks(first(t, a, "persons"), "person before after difference se index p reliable"); l != nil || a["mean_difference"] == nil {
		t.Errorf("%q, %v", l, a)
	}
}

func TestPsychometricsDIF(t *testing.T) {
	r := written(t, "r.csv", "person,a,b,c\np,1,0,1\nq,0,1,1\nr,1,1,0\ns,0,0,0\n")
	g := written(t, "g.csv", "person,group\np,reference\nq,focal\nr,reference\ns,focal\nz,focal\n")
	a, complaint := answered(t, "psychometrics", "dif", "--group", g, "--purify", r)
	if l := lacks(first(t, a, "items"), "id alpha_mh delta_mh se_delta chi2 p ets"); l != nil {
		t.Errorf("an item lacks %q", l)
	}
	if !strings.Contains(complaint, "1 persons of the groups have no responses") {
		t.Errorf("%s", complaint)
	}
}

func TestPsychometricsCDM(t *testing.T) {
	const synth = methods + "cdm/testdata/cdm_synth_a/"
	for _, model := range []string{"dina", "dino", "gdina"} {
		a, _ := answered(t, "psychometrics", "cdm", "--model", model, "--q", synth+"qmatrix.csv", synth+"data.csv")
		if l := lacks(a, "loglik items attributes persons warnings"); l != nil {
			t.Errorf("%s lacks %q", model, l)
		}
		if l := lacks(first(t, a, "items"), "id guess slip guess_se slip_se"); l != nil {
			t.Errorf("%s: an item lacks %q", model, l)
		}
		person := first(t, a, "persons").(map[string]any)
		if l := lacks(person["mastery"], "A1 A2 A3 A4"); l != nil || person["person"] != "1" {
			t.Errorf("%s: %v", model, person)
		}
	}
}

func TestPsychometricsAgreement(t *testing.T) {
	a, _ := answered(t, "psychometrics", "agreement", methods+"agreement/testdata/rater_agreement/ratings3.csv")
	if l := lacks(a, "persons raters icc kappa fleiss_kappa krippendorff_alpha facets warnings"); l != nil {
		t.Errorf("the answer lacks %q", l)
	}
	if l := lacks(first(t, a, "raters"), "id severity severity_se mean"); l != nil {
		t.Errorf("a rater lacks %q", l)
	}
}

func TestPsychometricsSubscores(t *testing.T) {
	const synth = methods + "cdm/testdata/cdm_synth_a/"
	a, _ := answered(t, "psychometrics", "subscores", "--q", synth+"qmatrix.csv", synth+"data.csv")
	if l := lacks(first(t, a, "subscores"), "id items alpha prmse_subscore prmse_total prmse_both added_value"); l != nil {
		t.Errorf("a sub-score lacks %q", l)
	}
}

// threeItems is a bank made by hand.
const threeItems = `{"model":"2pl","items":[{"id":"a","a":1,"d":[0.5]},{"id":"b","a":2,"d":[0]},{"id":"c","a":1.5,"d":[-1]}]}`

func TestPsychometricsCAT(t *testing.T) {
	fit := written(t, "fit.json", threeItems)
	r := written(t, "r.csv", "person,a,b,c\np,1,0,1\nq,1,,1\nr,0,1,0\n")
	args := []string{"psychometrics", "cat", "--params", fit, "--max-items", "2", r}
	a, _ := answered(t, args...)
	persons := a["persons"].([]any)
	for k, want := range []string{"[b c]", "[c a]", "[b c]"} {
		if got := fmt.Sprint(persons[k].(map[string]any)["items"]); got != want {
			t.Errorf("person %d got %s, want %s", k, got, want)
		}
	}
	if l := lacks(persons[0], "person items theta se"); l != nil {
		t.Errorf("a person lacks %q", l)
	}
	_, log, _ := said(t, args...)
	back, _ := answered(t, "psychometrics", "cat-replay", "--params", fit, written(t, "log.json", log))
	if back["same"] != true {
		t.Errorf("%v", back)
	}
	other := written(t, "other.json", strings.Replace(threeItems, `"a":1.5`, `"a":1.6`, 1))
	if status, out, complaint := said(t, "psychometrics", "cat-replay", "--params", other, written(t, "log.json", log)); status != 1 || !strings.Contains(out, `"same": false`) || !strings.Contains(complaint, "person r, step 2") {
		t.Errorf("another bank: %d %s %s", status, out, complaint)
	}
	sim, _ := answered(t, "psychometrics", "simulate-cat", "--params", fit, "--persons", "50", "--max-items", "2", "--seed", "4",
		"--content", written(t, "c.csv", "item,domain\na,x\nb,x\nc,y\n"), "--share", "x=0.5", "--share", "y=0.5")
	if l := lacks(sim, "persons items bias rmse usage bands domains"); l != nil || fmt.Sprint(sim["domains"]) != "[map[domain:x share:0.5] map[domain:y share:0.5]]" {
		t.Errorf("%q, %v", l, sim["domains"])
	}
}

func TestPsychometricsLink(t *testing.T) {
	x := written(t, "x.json", threeItems)
	y := written(t, "y.json", `{"model":"2pl","items":[{"id":"a","a":0.5,"d":[0.25]},{"id":"b","a":1,"d":[-0.5]},{"id":"c","a":0.75,"d":[-1.375]},{"id":"k","b":[0]}]}`)
	a, complaint := answered(t, "psychometrics", "link", x, y)
	for _, l := range a["links"].([]any) {
		link := l.(map[string]any)
		if fmt.Sprintf("%.6f %.6f", link["A"], link["B"]) != "2.000000 0.500000" {
			t.Errorf("%v", link)
		}
	}
	if !strings.Contains(complaint, "the link stands on 3 common items") {
		t.Errorf("%s", complaint)
	}
	carried, _ := answered(t, "psychometrics", "link", "--carry", x, y)
	if item := first(t, carried, "items").(map[string]any); fmt.Sprintf("%.6f %.6f", item["a"], item["d"]) != "0.500000 [0.250000]" {
		t.Errorf("%v", item)
	}
}

func TestPsychometricsStandard(t *testing.T) {
	fit := written(t, "fit.json", threeItems)
	angoff, _ := answered(t, "psychometrics", "standard", "angoff", "--params", fit, "--before", written(t, "b.csv", "item,x,y\na,0.2,0.9\nb,0.5,0.5\nc,0.3,0.3\n"),
		written(t, "r.csv", "item,x,y\na,0.6,0.7\nb,0.5,0.6\nc,0.3,0.3\n"))
	if fmt.Sprintf("%.9f", angoff["round"].(map[string]any)["cut"]) != "1.500000000" || angoff["theta"] == nil {
		t.Errorf("%v", angoff)
	}
	bookmark, _ := answered(t, "psychometrics", "standard", "bookmark", "--params", fit, written(t, "p.csv", "level,x,y\nbasic,2,3\n"))
	if l := lacks(first(t, bookmark, "levels"), "id cut median se points judges"); l != nil {
		t.Errorf("a level lacks %q", l)
	}
	booklet, _ := answered(t, "psychometrics", "standard", "bookmark", "--params", fit)
	if len(booklet["booklet"].([]any)) != 3 || len(booklet["levels"].([]any)) != 0 {
		t.Errorf("%v", booklet)
	}
	border, complaint := answered(t, "psychometrics", "standard", "borderline", written(t, "s.csv", "person,score\np,10\nq,14\nr,11\n"))
	if fmt.Sprint(border["median"]) != "11" || !strings.Contains(complaint, "3 persons at the border") {
		t.Errorf("%v, %s", border, complaint)
	}
}

// TestPsychometricsRefusals: wrong usage is 2, a bad file 1 with a line for each fault.
func TestPsychometricsRefusals(t *testing.T) {
	bad := written(t, "bad.csv", "person,a,b\np,x,1\nq,1\n")
	fit := written(t, "fit.json", threeItems)
	good := written(t, "good.csv", "person,a,b\np,0,1\nq,1,1\n")
	for _, c := range []struct {
		status int
		args   []string
		want   string
	}{
		{2, []string{"psychometrics"}, "which command"},
		{2, []string{"psychometrics", "ctt"}, "accepts 1 arg"},
		{2, []string{"psychometrics", "ctt", "--model", "x", good}, "unknown flag"},
		{2, []string{"psychometrics", "dif", good}, "needs --group"},
		{2, []string{"psychometrics", "cdm", "--model", "dina", good}, "needs --q"},
		{2, []string{"psychometrics", "cdm", "--model", "dona", "--q", good, good}, "expected dina, dino or gdina"},
		{1, []string{"psychometrics", "cdm", "--model", "dina", "--q", written(t, "q.csv", "item,x,y\na,0,0\nb,1,1\n"), good}, "q.csv:2: item a measures nothing"},
		{1, []string{"psychometrics", "cdm", "--model", "dina", "--q", written(t, "q.csv", "item,x\nz,1\n"), good}, "no item of the responses has a row in Q"},
		{1, []string{"psychometrics", "agreement", bad}, `bad.csv:2: rater a: "x", expected a number`},
		{2, []string{"psychometrics", "cat", good}, "needs --params"},
		{2, []string{"psychometrics", "cat", "--params", fit, "--rule", "best", good}, "expected one of [mfi"},
		{2, []string{"psychometrics", "cat", "--params", fit, "--max-items", "-1", good}, "are 0 or more"},
		{2, []string{"psychometrics", "cat", "--params", fit, "--content", good, "--share", "x", good}, "expected domain=0.25"},
		{2, []string{"psychometrics", "simulate-cat", "--params", fit, "--persons", "0"}, "expected 1 to 1000000"},
		{1, []string{"psychometrics", "cat", "--params", bad, good}, "bad.csv"},
		{1, []string{"psychometrics", "cat", "--params", fit, written(t, "r.csv", "person,z\np,1\n")}, "no item of the responses has parameters"},
		{1, []string{"psychometrics", "cat", "--params", fit, written(t, "r.csv", "person,a\np,2\n")}, "score 2 is over the item's 1"},
		{1, []string{"psychometrics", "cat-replay", "--params", fit, bad}, "expected a log written by psychometrics cat"},
		{2, []string{"psychometrics", "link", fit}, "accepts 2 arg"},
		{1, []string{"psychometrics", "link", fit, written(t, "other.json", `{"items":[{"id":"z","b":[0]}]}`)}, "no common item"},
		{2, []string{"psychometrics", "standard"}, "which command"},
		{2, []string{"psychometrics", "standard", "bookmark", "--params", fit, "--rp", "1", good}, "between 0 and 1"},
		{1, []string{"psychometrics", "standard", "angoff", good}, "expected item,<judge>"},
		{1, []string{"psychometrics", "ctt", bad}, `bad.csv:2: item a: "x", expected an integer score`},
		{1, []string{"psychometrics", "ctt", bad}, "bad.csv:3: 2 cells, expected 3 as in the header"},
		{1, []string{"psychometrics", "ctt", bad + ".not"}, "no such file"},
		{1, []string{"psychometrics", "ctt", "--max", "-", "-"}, "stdin can be read once"},
		{1, []string{"psychometrics", "dif", "--group", good, good}, "expected person,group"},
		{1, []string{"psychometrics", "dif", "--group", written(t, "g.csv", "person,group\np,focal\nq,focal\n"), good}, "the reference group has no person"},
	} {
		status, out, complaint := said(t, c.args...)
		if status != c.status || out != "" || !strings.Contains(complaint, c.want) {
			t.Errorf("%q: status %d, %q, %q; expected %d, %q", c.args, status, out, complaint, c.status, c.want)
		}
	}
}

// Every list of an answer is a list, also where it is empty: answered sees to it for all commands.
func emptyLists(t *testing.T, at string, v any) {
	t.Helper()
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	for k, x := range object {
		if x == nil && (k == "warnings" || k == "items" || k == "persons" || k == "flags" || k == "options") {
			t.Errorf("%s: %s is null, expected []", at, k)
		}
	}
}

func TestPsychometricsOptions(t *testing.T) {
	var data strings.Builder
	data.WriteString("person,x,y,z\n")
	for p := range 60 { // the strong miss x by one and the same distractor
		strong := p%2 == 0
		row := []string{"A", "C", "D"}
		if strong {
			row = []string{"B", "B", "A"}
		}
		if p < 6 {
			row[0] = ""
		}
		fmt.Fprintf(&data, "p%d,%s\n", p, strings.Join(row, ","))
	}
	choices, key := written(t, "choices.csv", data.String()), written(t, "key.csv", "item,key\nx,A\ny,B\nz,A\n")
	a, _ := answered(t, "psychometrics", "options", "--key", key, choices)
	x := a["items"].([]any)[0].(map[string]any)
	options := x["options"].([]any)
	if len(options) != 2 || options[0].(map[string]any)["key"] != true || options[0].(map[string]any)["n"] != 27.0 {
		t.Errorf("options of x: %v", options)
	}
	if rest := options[1].(map[string]any)["rest"].(float64); rest < 0.9 {
		t.Errorf("the strong choose B, correlation %g", rest)
	}
	if flags := x["flags"].([]any); len(flags) == 0 {
		t.Error("a distractor that draws the strong is not flagged")
	}
	if status, _, complaint := said(t, "psychometrics", "options", "--key", written(t, "k.csv", "item,right\nx,A\n"), choices); status != 1 || !strings.Contains(complaint, "expected item,key") {
		t.Errorf("a wrong header: %d %s", status, complaint)
	}
}
