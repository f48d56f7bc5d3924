package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func problemFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What cannot be a time limit is wrong usage; what is left out is named with its line, as a fault is.
func TestRoutesPlanUsage(t *testing.T) {
	name := problemFile(t, "{\"programmes\":[{\"id\":\"a\",\"hours\":-1},\n{\"id\":\"b\",\"hours\":8,\"covers\":{\"x\":1},\"sessions\":[{\"id\":\"1\",\"start\":\"2027-02-02\",\"end\":\"2027-02-02\"}]},\n{\"id\":\"c\",\"requires\":[\"a\"]}],\"equivalents\":[[\"b\",\"q\"]],\"teachers\":[{\"id\":\"t\",\"deficits\":{\"x\":1}},{\"id\":\"u\"}]}")
	for _, limit := range []string{"0", "-1", "NaN"} {
		if status, out, _ := said(t, "routes", "plan", "--time-limit", limit, name); status != 2 || out != "" {
			t.Errorf("--time-limit %s: status %d, out %q", limit, status, out)
		}
	}
	if status, out, _ := said(t, "routes", "plan", name); status != 1 || out != "" {
		t.Errorf("a bad problem: status %d, out %q", status, out)
	}
	status, out, err := said(t, "routes", "plan", "--skip-bad", "--explain", name)
	if status != 0 {
		t.Fatal(status, err)
	}
	for _, want := range []string{":1: programmes[0].hours: -1", ":3: programmes[2]: requires \"a\"", ":3: equivalents[0][1]: unknown programme \"q\""} {
		if !strings.Contains(err, name+want) {
			t.Errorf("%q is not said in %s", want, err)
		}
	}
	var a struct {
		Objective float64
		Skipped   []string
		Teachers  []struct{ Reasons []any }
	}
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.Objective != 1 || len(a.Skipped) != 3 || len(a.Teachers[0].Reasons) != 1 || a.Teachers[1].Reasons == nil {
		t.Errorf("%+v", a)
	}
}

// A signal ends the improvement: the plan found until then is printed whole and said to be cut short.
func TestRoutesPlanInterrupted(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"limits":{"hours":72},"programmes":[`)
	for i := range 40 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"p%d","hours":%d,"covers":{"x%d":0.%d,"y%d":0.4,"z%d":0.7},"sessions":[{"id":"1","start":"2027-02-02","end":"2027-02-02","seats":9}]}`, i, 8+i%7*4, i%11, 3+i%6, (i*7+1)%11, (i*5+3)%11)
	}
	b.WriteString(`],"teachers":[`)
	for i := range 600 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"t%d","deficits":{"x%d":0.%d,"y%d":1.%d,"z%d":0.8}}`, i, i%11, 1+i%8, (i*3+1)%11, i%13, (i*5+2)%11)
	}
	b.WriteString(`]}`)
	cmd := program("routes", "plan", "--time-limit", "60", problemFile(t, b.String()))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	_ = cmd.Process.Signal(syscall.SIGINT)
	began := time.Now()
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 130 {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("ended %v after the signal", took)
	}
	var a struct {
		Objective, Bound float64
		Teachers         []any
		Warnings         []string
	}
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if a.Objective <= 0 || a.Bound < a.Objective || len(a.Teachers) != 600 || !strings.Contains(strings.Join(a.Warnings, "\n"), "interrupted") {
		t.Errorf("objective %g, bound %g, %d teachers, %v", a.Objective, a.Bound, len(a.Teachers), a.Warnings)
	}
}
