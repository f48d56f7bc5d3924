package postgres

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the program that the tests kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOTSIYA_TEST_WRITER"); dir != "" {
		if err := write(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	status := m.Run()
	if firstDir != "" {
		os.RemoveAll(firstDir)
	}
	os.Exit(status)
}

var firstDir string

// write opens the cluster and commits numbers for ever, saying each when it is durable.
func write(dir string) error {
	c, err := Open(context.Background(), Options{Dir: dir, GivenByHand: true})
	if err != nil {
		return err
	}
	db, err := sql.Open("postgres", c.DSN(Owner, Database))
	if err != nil {
		return err
	}
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS acknowledged (n bigint PRIMARY KEY)`); err != nil {
		return err
	}
	for {
		var n int64
		if err := db.QueryRow(`INSERT INTO acknowledged SELECT coalesce(max(n), 0) + 1 FROM acknowledged RETURNING n`).Scan(&n); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// folder is a fresh folder that the database's user may enter; t.TempDir is not when we are root.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "lotsiya-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

var first = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "lotsiya-postgres-first-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	firstDir = dir
	c, err := Open(context.Background(), Options{Dir: dir, GivenByHand: true, InitArgs: []string{"--wal-segsize=1"}})
	if err != nil {
		return "", err
	}
	return dir, c.Stop()
})

// made is a folder with an initialised cluster, stopped.
func made(t *testing.T) string {
	t.Helper()
	from, err := first()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	if out, err := exec.Command("cp", "-a", filepath.Join(from, "data"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func open(t *testing.T, dir string) *Cluster {
	t.Helper()
	c, err := Open(t.Context(), Options{Dir: dir, GivenByHand: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	return c
}

func connect(t *testing.T, c *Cluster, role string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", c.DSN(role, Database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec1(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestTheTwoRoles(t *testing.T) {
	t.Parallel()
	c := open(t, made(t))
	owner, app := connect(t, c, Owner), connect(t, c, App)
	exec1(t, owner, `CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mine boolean)`)
	exec1(t, owner, `ALTER TABLE note ENABLE ROW LEVEL SECURITY`)
	exec1(t, owner, `CREATE POLICY own ON note USING (mine) WITH CHECK (true)`)
	exec1(t, owner, `GRANT SELECT, INSERT ON note TO lotsiya_app`)
	exec1(t, app, `INSERT INTO note (mine) VALUES (true), (false)`)
	var seen int
	if err := app.QueryRow(`SELECT count(*) FROM note`).Scan(&seen); err != nil || seen != 1 {
		t.Errorf("the application role sees %d rows of 1 (%v): row-level security must bind it", seen, err)
	}
	for _, forbidden := range []string{`CREATE TABLE mine (id int)`, `DROP TABLE note`, `ALTER TABLE note DISABLE ROW LEVEL SECURITY`, `CREATE ROLE x`} {
		if _, err := app.Exec(forbidden); err == nil {
			t.Errorf("the application role may %s", forbidden)
		}
	}
	for _, role := range []string{Owner, App} {
		var super, bypass bool
		if err := owner.QueryRow(`SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1`, role).Scan(&super, &bypass); err != nil || super || bypass {
			t.Errorf("%s: superuser %v, bypass %v, %v", role, super, bypass, err)
		}
	}
}

func TestRussianOrder(t *testing.T) {
	t.Parallel()
	db := connect(t, open(t, made(t)), App)
	var order string
	if err := db.QueryRow(`SELECT string_agg(w, ' ' ORDER BY w) FROM unnest(ARRAY['ж', 'ё', 'е', 'Ё', 'а']) w`).Scan(&order); err != nil || order != "а е ё Ё ж" {
		t.Errorf("order %q, %v", order, err)
	}
}

func TestSecondInstance(t *testing.T) {
	t.Parallel()
	dir := made(t)
	c := open(t, dir)
	begun := time.Now()
	_, err := Open(t.Context(), Options{Dir: dir, GivenByHand: true})
	if err == nil || !strings.Contains(err.Error(), "another instance (process "+strconv.Itoa(os.Getpid())+") already works") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a second instance: %v", err)
	}
	if time.Since(begun) > time.Second {
		t.Errorf("refused after %v, must be at once", time.Since(begun))
	}
	shared, err := Open(t.Context(), Options{Dir: dir, GivenByHand: true, Share: true})
	if err != nil || !shared.Shared() {
		t.Fatalf("sharing: %v", err)
	}
	exec1(t, connect(t, shared, Owner), `CREATE TABLE beside (id int)`)
	if err := shared.Stop(); err != nil {
		t.Error(err)
	}
	exec1(t, connect(t, c, Owner), `INSERT INTO beside VALUES (1)`) // still running
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if left := serversIn(c.data); len(left) > 0 {
		t.Errorf("still running after Stop: %v", left)
	}
	open(t, dir) // and free again
}

// Whatever is killed whenever, the next start comes up by itself and holds every number that was said.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := made(t)
	said := int64(0)
	for round, kill := range []struct {
		what   string
		master bool
	}{{"the program", false}, {"both", true}, {"the program", false}, {"both", true}} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LOTSIYA_TEST_WRITER="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; i < 150+17*round && lines.Scan(); i++ {
			if said, err = strconv.ParseInt(lines.Text(), 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if kill.master {
			syscall.Kill(postmasterOf(filepath.Join(dir, "data")), syscall.SIGKILL)
		}
		cmd.Process.Kill()
		for lines.Scan() { // said before the kill, read after it
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				said = n
			}
		}
		cmd.Wait()

		c, err := Open(t.Context(), Options{Dir: dir, GivenByHand: true})
		if err != nil {
			t.Fatalf("round %d, %s killed: %v", round, kill.what, err)
		}
		var held, highest int64
		if err := connect(t, c, Owner).QueryRow(`SELECT count(*), max(n) FROM acknowledged`).Scan(&held, &highest); err != nil {
			t.Fatal(err)
		}
		if said < 150 || held != highest || highest < said {
			t.Errorf("round %d, %s killed: %d numbers up to %d held of %d acknowledged", round, kill.what, held, highest, said)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestServerKilledAloneComesUp(t *testing.T) {
	t.Parallel()
	c, err := Open(t.Context(), Options{Dir: made(t), GivenByHand: true, Notices: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	db := connect(t, c, Owner)
	exec1(t, db, `CREATE TABLE kept AS SELECT 1 AS n`)
	syscall.Kill(postmasterOf(c.data), syscall.SIGKILL)
	var n int
	err = io.EOF
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err = db.QueryRow(`SELECT n FROM kept`).Scan(&n)
	}
	if err != nil || n != 1 {
		t.Errorf("after the server's death: %d, %v", n, err)
	}
}

func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	half := filepath.Join(dir, "data.init")
	if err := os.MkdirAll(filepath.Join(half, "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Stop(); err != nil { // an initdb killed half way
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("data.init is still there: %v", err)
	}
	// A number that after a restart of the machine belongs to another program of the same user.
	alien := exec.Command("sleep", "60")
	user, err := accountFor(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	alien.SysProcAttr = &syscall.SysProcAttr{Credential: user.cred}
	if err := alien.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { alien.Process.Kill(); alien.Wait() }()
	note := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n", alien.Process.Pid, filepath.Join(dir, "data"), filepath.Join(dir, "run"))
	if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(note), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := user.own(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if syscall.Kill(alien.Process.Pid, 0) != nil {
		t.Error("another program was killed for the number it has")
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("очень-длинная-папка/", 6), "данные 'центра'")
	c := open(t, dir)
	t.Cleanup(func() { os.RemoveAll(c.sock) })
	if len(c.sock) > longest || strings.HasPrefix(c.sock, dir) {
		t.Errorf("socket in %s", c.sock)
	}
	exec1(t, connect(t, c, App), `SELECT 1`)
	if st, err := os.Stat(c.sock); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("socket's folder: %v, %v", st.Mode(), err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, o Options, words ...string) {
		t.Helper()
		c, err := Open(t.Context(), o)
		if err == nil {
			c.Stop()
			t.Fatal("opened")
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q lacks %q", err, w)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	}
	t.Run("another major version", func(t *testing.T) {
		dir := made(t)
		if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: dir, GivenByHand: true}, "made by PostgreSQL 9", "install")
		if _, err := os.Stat(filepath.Join(dir, "data", "base")); err != nil {
			t.Errorf("the data are gone: %v", err)
		}
	})
	t.Run("a folder named data that is not a cluster", func(t *testing.T) {
		dir := folder(t)
		if err := os.MkdirAll(filepath.Join(dir, "data", "mine"), 0o755); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: dir, GivenByHand: true}, "PG_VERSION")
		if _, err := os.Stat(filepath.Join(dir, "data", "mine")); err != nil {
			t.Errorf("somebody's folder is gone: %v", err)
		}
	})
	t.Run("a file in place of the folder", func(t *testing.T) {
		file := filepath.Join(folder(t), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: file, GivenByHand: true}, "not a folder")
		refused(t, Options{Dir: filepath.Join(file, "var"), GivenByHand: true}, file)
	})
	t.Run("nothing where something must be", func(t *testing.T) {
		dir := filepath.Join(folder(t), "var")
		refused(t, Options{Dir: dir, GivenByHand: true, Existing: true}, "no data in "+dir)
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the folder was made: %v", err)
		}
	})
	t.Run("settings that PostgreSQL does not take", func(t *testing.T) {
		refused(t, Options{Dir: made(t), GivenByHand: true, Settings: map[string]string{"max_connections": "no"}}, "does not start", "max_connections")
	})
	t.Run("a cancelled start", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		dir := folder(t)
		if _, err := Open(ctx, Options{Dir: dir, GivenByHand: true}); err == nil {
			t.Error("opened")
		}
		open(t, dir)
	})
	t.Run("a closed folder", func(t *testing.T) {
		closed := folder(t)
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(closed, "a", "var")
		if os.Geteuid() != 0 {
			if err := os.Chmod(closed, 0o500); err != nil {
				t.Fatal(err)
			}
			refused(t, Options{Dir: dir, GivenByHand: true}, "no right", "--data")
			return
		}
		refused(t, Options{Dir: dir, GivenByHand: true}, "may not enter", "--data")
		if _, err := os.Stat(filepath.Join(closed, "a")); !os.IsNotExist(err) {
			t.Errorf("a refused folder was made: %v", err)
		}
	})
}

// Started by root in a home folder of root's own, the default data go to /var/lib.
func TestDefaultFolderGivesWay(t *testing.T) {
	was := fallback
	fallback = filepath.Join(folder(t), "lotsiya")
	t.Cleanup(func() { fallback = was })
	home := folder(t)
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	c, err := Open(t.Context(), Options{Dir: filepath.Join(home, "var"), Notices: &said})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	want := filepath.Join(home, "var") // not root: one's own home is within reach
	if os.Geteuid() == 0 {
		want = fallback
	}
	if c.Dir != want || strings.Count(said.String(), "\n") != len(slices.Compact([]string{want, filepath.Join(home, "var")}))-1 {
		t.Errorf("data in %s, want %s; said %q", c.Dir, want, said.String())
	}
}

func TestFindPrograms(t *testing.T) {
	fake := func(dir, version string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"initdb": "#!/bin/sh\n", "postgres": "#!/bin/sh\necho '" + version + "'\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	root := t.TempDir()
	t.Setenv("LOTSIYA_PG_BIN", "")
	t.Setenv("PATH", filepath.Join(root, "path"))
	was := places
	places = []string{filepath.Join(root, "*", "bin")}
	t.Cleanup(func() { places = was })

	if _, err := FindPrograms(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "install") || strings.Contains(err.Error(), "\n") {
		t.Errorf("nothing installed: %v", err)
	}
	fake(filepath.Join(root, "9", "bin"), "postgres (PostgreSQL) 9.6.24")
	if _, err := FindPrograms(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "only 9.6.24 is found") {
		t.Errorf("too old: %v", err)
	}
	fake(filepath.Join(root, "15", "bin"), "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)")
	fake(filepath.Join(root, "110", "bin"), "postgres (PostgreSQL) 110devel")
	fake(filepath.Join(root, "path"), "postgres (Postgres Pro Standard) 17.2.1")
	for _, c := range []struct{ ask, want int }{{0, 110}, {15, 15}, {17, 17}, {9, 9}} {
		if p, err := FindPrograms(t.Context(), c.ask); err != nil || p.Major != c.want {
			t.Errorf("major %d: got %+v, %v", c.ask, p, err)
		}
	}
	if _, err := FindPrograms(t.Context(), 16); err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 16") {
		t.Errorf("data of another version: %v", err)
	}
	t.Setenv("LOTSIYA_PG_BIN", filepath.Join(root, "15", "bin"))
	if p, err := FindPrograms(t.Context(), 0); err != nil || p.Version != "15.14" {
		t.Errorf("given by hand: %+v, %v", p, err)
	}
	t.Setenv("LOTSIYA_PG_BIN", root)
	if _, err := FindPrograms(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "LOTSIYA_PG_BIN") {
		t.Errorf("a wrong folder given by hand: %v", err)
	}
}

func TestDiskFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "is full"},
		{&os.PathError{Op: "mkdir", Path: "x", Err: syscall.EROFS}, "read-only"},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "no right"},
		{fmt.Errorf("pq: could not extend file \"base/1\": No space left on device"), "is full"},
		{io.ErrUnexpectedEOF, "unexpected EOF"},
	} {
		if got := explain(c.err, "/srv/лоция").Error(); !strings.Contains(got, c.want) {
			t.Errorf("%v → %q, want %q in it", c.err, got, c.want)
		}
	}
	said := "2026-11-21 UTC [7] LOG:  starting\n2026-11-21 UTC [7] FATAL:  lock file is held\n2026-11-21 UTC [7] LOG:  database system is shut down\n"
	if got := lastFault(said); got != "lock file is held" {
		t.Errorf("the fatal line: %q", got)
	}
}
