package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
)

// The test binary is also the program: the tests below run it as an operator does.
func TestMain(m *testing.M) {
	if os.Getenv("LOTSIYA_TEST_PROGRAM") != "" {
		main()
	}
	code := m.Run()
	closeRegion()
	os.Exit(code)
}

func program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err) // no test can run without
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "LOTSIYA_TEST_PROGRAM=1", "DATABASE_URL=")
	return cmd
}

// said runs a command to its end.
func said(t *testing.T, args ...string) (status int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := program(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if e := cmd.Run(); e != nil && cmd.ProcessState == nil {
		t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// dataDir is a folder for --data that the database's user may enter, also when root runs the test.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "lotsiya-serve-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "var")
}

// serving starts serve and waits for the line that tells its address.
func serving(t *testing.T, dir string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = program("serve", "--listen", "127.0.0.1:0", "--data", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ready := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ready {
		cmd.Wait()
		t.Fatalf("serve said %q (%v), on stderr %s", line, err, stderr.String())
	}
	return cmd, url
}

func answers(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + " " + strings.TrimSpace(string(body))
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd, url := serving(t, dir)
	for path, want := range map[string]string{"/healthz": "200 OK ok", "/readyz": "200 OK ready"} {
		if got := answers(t, url+path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := answers(t, url+"/metrics"); !strings.Contains(got, "lotsiya_jobs_waiting 0") {
		t.Errorf("/metrics lacks the jobs: %.300s", got)
	}

	// Beside it: a second one is refused, the tools work through its socket.
	status, _, err := said(t, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	if status != 1 || strings.Count(err, "\n") != 1 || !strings.Contains(err, "another instance (process "+strconv.Itoa(cmd.Process.Pid)+")") {
		t.Errorf("a second instance: status %d, %q", status, err)
	}
	address := strings.TrimPrefix(url, "http://")
	if status, _, err := said(t, "serve", "--listen", address, "--data", dir+"2"); status != 1 || strings.Count(err, "\n") != 1 || !strings.Contains(err, address+" is in use") {
		t.Errorf("a port in use: status %d, %q", status, err)
	}
	if status, out, err := said(t, "migrate", "status", "--data", dir); status != 0 || !strings.HasPrefix(out, "applied\t") || strings.Contains(out, "pending") {
		t.Errorf("migrate status: %d, %q, %q", status, out, err)
	}
	file := filepath.Join(t.TempDir(), "backup")
	if status, _, err := said(t, "backup", file, "--data", dir); status != 0 {
		t.Errorf("backup beside it: %d, %q", status, err)
	}
	if status, out, err := said(t, "verify", "--data", dir); status != 0 || out != "" || !strings.Contains(err, "journal") {
		t.Errorf("verify beside it: %d, %q, %q", status, out, err)
	}
	if status, _, err := said(t, "restore", file, "--data", dir); status != 1 || !strings.Contains(err, "another instance") {
		t.Errorf("restore beside it: %d, %q", status, err)
	}
	other := dir + "-restored"
	if status, out, err := said(t, "restore", file, "--data", other); status != 0 || out != "" {
		t.Errorf("restore: %d, %q, %q", status, out, err)
	}
	if got := answers(t, url+"/readyz"); got != "200 OK ready" {
		t.Errorf("after all that: %s", got)
	}

	// SIGTERM ends it and its database.
	postmaster := firstLine(t, filepath.Join(dir, "data", "postmaster.pid"))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if syscall.Kill(postmaster, 0) == nil {
		t.Error("its database still runs")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); !os.IsNotExist(err) {
		t.Errorf("its database did not end in order: %v", err)
	}
}

// Whatever was killed, the next start is ready by itself, soon.
func TestServeAfterKill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	for _, both := range []bool{false, true} {
		cmd, _ := serving(t, dir)
		if both {
			syscall.Kill(firstLine(t, filepath.Join(dir, "data", "postmaster.pid")), syscall.SIGKILL)
		}
		cmd.Process.Kill()
		cmd.Wait()
		again, url := serving(t, dir)
		if got := answers(t, url+"/readyz"); got != "200 OK ready" {
			t.Errorf("both killed %v: %s", both, got)
		}
		if err := again.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		again.Wait()
	}
	if status, out, err := said(t, "verify", "--data", dir); status != 0 {
		t.Errorf("verify: %d, %q, %q", status, out, err)
	}
}

func firstLine(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// With a database of the customer's own there is no launcher, and every command works on it.
func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	dsn := dbtest.DSN(t, dbtest.Empty(t), postgres.Owner)
	here := t.TempDir()
	on := func(want int, args ...string) string {
		t.Helper()
		cmd := program(args...)
		cmd.Dir = here
		cmd.Env = append(cmd.Env, "DATABASE_URL="+dsn)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != want {
			t.Fatalf("lotsiya %v: %v: %s", args, cmd.ProcessState, out)
		}
		return string(out)
	}
	on(1, "backup", "copy") // empty yet
	if out := on(0, "migrate"); !strings.Contains(out, "applied\t0001") {
		t.Errorf("migrate said %q", out)
	}
	on(0, "backup", "copy")
	on(0, "verify")
	on(1, "restore", "copy") // not empty
	dsn = dbtest.DSN(t, dbtest.Empty(t), postgres.Owner)
	on(0, "restore", "copy")
	if left, err := os.ReadDir(here); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"sail"}, {"serve", "now"}, {"serve", "--port", "80"}, {"migrate", "down"}, {"backup"}, {"restore", "a", "b"}, {"verify", "x"},
	} {
		status, out, err := said(t, args...)
		if status != 2 || out != "" || strings.Count(err, "\n") != 1 || !strings.Contains(err, "--help") {
			t.Errorf("lotsiya %v: status %d, out %q, err %q", args, status, out, err)
		}
	}
}

func TestFaultsOfTheMachine(t *testing.T) {
	t.Parallel()
	oneLine := func(cmd *exec.Cmd, want string) {
		t.Helper()
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
		defer timer.Stop()
		cmd.Run()
		if status := cmd.ProcessState.ExitCode(); status != 1 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("status %d, %q lacks %q", status, stderr.String(), want)
		}
	}
	missing := program("serve", "--listen", "127.0.0.1:0", "--data", dataDir(t))
	missing.Env = append(missing.Env, "LOTSIYA_PG_BIN="+t.TempDir())
	oneLine(missing, "LOTSIYA_PG_BIN")

	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	oneLine(program("serve", "--listen", "127.0.0.1:0", "--data", dir), "made by PostgreSQL 9")
	oneLine(program("serve", "--listen", "example", "--data", dir), "--listen")

	own := program("serve", "--listen", "127.0.0.1:0")
	own.Env = append(own.Env, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	oneLine(own, "DATABASE_URL")
}
