package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/reports"
)

const plans = "../../roadmap/parse/testdata/"

func TestRoadmapParse(t *testing.T) {
	for file, want := range map[string]int{"region-2023.txt": 46, "priozersk-2024.txt": 29} {
		status, out, _ := said(t, "roadmap", "parse", plans+file)
		var plan struct {
			Year     int
			Sections []struct{ Items []struct{ Number string } }
		}
		if err := json.Unmarshal([]byte(out), &plan); status != 0 || err != nil {
			t.Fatalf("%s: status %d, %v", file, status, err)
		}
		items := 0
		for _, s := range plan.Sections {
			items += len(s.Items)
		}
		if items != want {
			t.Errorf("%s: %d items, want %d", file, items, want)
		}
	}
	if status, out, _ := said(t, "roadmap", "parse", "--year", "2026", plans+"region-2023.txt"); status != 0 || !strings.Contains(out, `"year": 2026`) {
		t.Errorf("another year: status %d", status)
	}
}

func TestRoadmapParseRefuses(t *testing.T) {
	whole, err := os.ReadFile(plans + "priozersk-2024.txt")
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "plan.txt")
	text := strings.Replace(strings.Replace(string(whole), "\tоктябрь\t", "\tпотом\t", 1), "\tсентябрь\tМОУ", "\tсентябрь\t", 1)
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, complaint := said(t, "roadmap", "parse", broken)
	if status != 1 || out != "" || strings.Count(complaint, "\n") != 2 || !strings.Contains(complaint, broken+":59: срок «потом» пункта 4.4 непонятен, ожидался") {
		t.Errorf("status %d, out %q, %s", status, out, complaint)
	}
	for _, c := range []struct {
		status int
		args   []string
	}{
		{1, []string{"roadmap", "parse", broken + ".not"}},
		{1, []string{"roadmap", "parse", t.TempDir()}},
		{2, []string{"roadmap", "parse"}},
		{2, []string{"roadmap", "parse", broken, broken}},
		{2, []string{"roadmap", "parse", "--year", "x", broken}},
		{2, []string{"roadmap", "draw"}},
		{2, []string{"roadmap"}},
	} {
		if status, out, complaint := said(t, c.args...); status != c.status || out != "" || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%v: status %d, out %q, %s", c.args, status, out, complaint)
		}
	}
}

// TestFigurePages: every figure that the roadmap may attach has a page, and no
// page stands for a figure that is gone.
func TestFigurePages(t *testing.T) {
	known := map[string]bool{}
	for _, k := range reports.Keys() {
		known[k.Key] = true
		if _, ok := figurePages[k.Key]; !ok {
			t.Errorf("no page for %s", k.Key)
		}
	}
	for key := range figurePages {
		if !known[key] {
			t.Errorf("%s is no figure", key)
		}
	}
}
