package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lsat6 = methods + "irt/testdata/lsat6/data.csv"

func TestPsychometricsIRTFromCalibrationToFit(t *testing.T) {
	a, complaint := answered(t, "psychometrics", "irt", "fit", "--model", "2pl", lsat6)
	if l := lacks(a, "model estimator loglik parameters aic bic iterations converged latent items warnings"); l != nil || complaint != "" {
		t.Errorf("the answer lacks %q; %s", l, complaint)
	}
	item := first(t, a, "items")
	if l := lacks(item, "id a a_se d d_se b b_se c"); l != nil {
		t.Errorf("an item lacks %q", l)
	}
	if b := item.(map[string]any)["b"].([]any)[0].(float64); math.Abs(b+3.358811) > 1e-4 {
		t.Errorf("b is %v", b)
	}
	_, text, _ := said(t, "psychometrics", "irt", "fit", "--model", "2pl", lsat6)
	params := written(t, "fit.json", text)
	for _, m := range []string{"eap", "map", "wle", "ml"} {
		s, _ := answered(t, "psychometrics", "irt", "score", "--params", params, "--method", m, lsat6)
		p := first(t, s, "persons").(map[string]any)
		if l := lacks(p, "person theta se"); l != nil {
			t.Errorf("a person lacks %q", l)
		}
		if (p["theta"] == nil) != (m == "ml") { // the first has everything wrong
			t.Errorf("%s: %v", m, p)
		}
	}
	s, _ := answered(t, "psychometrics", "irt", "fitstats", "--params", params, "--persons", lsat6)
	if l := lacks(first(t, s, "items"), "id infit infit_t outfit outfit_t s_x2 df p"); l != nil {
		t.Errorf("an item lacks %q", l)
	}
	if len(s["persons"].([]any)) != 1000 {
		t.Errorf("%d persons", len(s["persons"].([]any)))
	}
	cml, _ := answered(t, "psychometrics", "irt", "fit", "--model", "rasch", "--estimator", "cml", "--no-se", lsat6)
	if cml["estimator"] != "cml" || math.Abs(cml["loglik"].(float64)+1091.56969) > 1e-5 || cml["latent"].(map[string]any)["sd"] != nil {
		t.Errorf("%v %v %v", cml["estimator"], cml["loglik"], cml["latent"])
	}
}

func TestPsychometricsIRTOnTheBanksScale(t *testing.T) {
	data, err := os.ReadFile(filepath.Clean(lsat6))
	if err != nil {
		t.Fatal(err)
	}
	bank := written(t, "bank.json", `{"items":[{"id":"Item_1","a":0.9,"b":[-3]},{"id":"Item_2","a":0.8,"b":[-1]},{"id":"Gone","b":[0]}]}`)
	a, complaint := answered(t, "psychometrics", "irt", "fit", "--model", "2pl", "--fixed", bank, written(t, "r.csv", string(data)))
	items := a["items"].([]any)
	one, three := items[0].(map[string]any), items[2].(map[string]any)
	if one["fixed"] != true || one["a"] != 0.9 || one["a_se"] != nil || three["a_se"] == nil {
		t.Errorf("%v, %v", one, three)
	}
	if !strings.Contains(complaint, "item Gone has fixed parameters and no column") {
		t.Error(complaint)
	}
}

func TestPsychometricsIRTRefusals(t *testing.T) {
	good := written(t, "good.csv", "person,a,b\np,0,1\nq,1,1\nr,1,0\n")
	three := written(t, "three.csv", "person,a,b\np,0,3\nq,1,1\nr,1,0\n")
	fit := written(t, "fit.json", `{"items":[{"id":"a","b":[0]}]}`)
	for _, c := range []struct {
		status int
		args   []string
		want   string
	}{
		{2, []string{"fit", good}, "needs --model"},
		{2, []string{"fit", "--model", "4pl", good}, "--model 4pl: expected one of"},
		{2, []string{"fit", "--model", "2pl", "--estimator", "cml", good}, "expected --model rasch"},
		{2, []string{"fit", "--model", "2pl", "--tol", "0", good}, "--tol 0: expected a number above 0"},
		{2, []string{"score", "--params", fit, good}, "needs --method"},
		{2, []string{"score", "--params", fit, "--method", "mean", good}, "--method mean: expected one of"},
		{2, []string{"fitstats", good}, "needs --params"},
		{1, []string{"fit", "--model", "2pl", three}, "item b: scores up to 3, expected 0 and 1 in model 2pl"},
		{1, []string{"score", "--params", good, "--method", "eap", good}, "good.csv:1:"},
		{1, []string{"score", "--params", written(t, "f.json", `{"items":[{"id":"z","b":[0]}]}`), "--method", "eap", good}, "none of the 2 columns is an item of the fit"},
		{1, []string{"score", "--params", "-", "--method", "eap", "-"}, "stdin can be read once"},
	} {
		status, out, complaint := said(t, append([]string{"psychometrics", "irt"}, c.args...)...)
		if status != c.status || out != "" || !strings.Contains(complaint, c.want) {
			t.Errorf("%q: status %d, %q, %q; expected %d, %q", c.args, status, out, complaint, c.status, c.want)
		}
	}
}
