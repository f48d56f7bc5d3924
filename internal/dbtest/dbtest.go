// Package dbtest gives each test its own PostgreSQL database with the whole schema. It
// needs nothing running: the first test of a process starts a private cluster from a
// copy of a cached, migrated one, each test gets a clone of its database, and the
// cluster and its folder go with the process.
package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/postgres"
	"github.com/lotsiya/lotsiya/migrations"
)

// New returns an empty, migrated database, connected as the application role, that is
// dropped when the test ends. Tests may run in parallel. It never skips: without
// PostgreSQL's programs the test fails with what to install.
//
// Outside db.InTx its connections reach everybody's records, so that a test can look at
// what was written; DSN gives a connection that reaches nobody's, as in an installation.
func New(t testing.TB) *sqlx.DB {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	name := fmt.Sprintf("test_%d", serial.Add(1))
	if err := c.CreateDatabase(t.Context(), name, postgres.Database); err != nil {
		t.Fatalf("dbtest: clone: %v", err)
	}
	t.Cleanup(func() {
		if err := c.DropDatabase(context.Background(), name); err != nil {
			t.Errorf("dbtest: drop: %v", err)
		}
	})
	return connect(t, c.DSN(postgres.App, name)+seeing)
}

// seeing makes the reach of a connection's own statements everybody; db.InTx says its own.
const seeing = ` options='-c lotsiya.presence=* -c lotsiya.results=*'`

// Owner connects to the same database as the role that owns the schema: for tests of
// migrations and of what the application role may not do.
func Owner(t testing.TB, db *sqlx.DB) *sqlx.DB {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return connect(t, c.DSN(postgres.Owner, nameOf(t, db)))
}

// DSN is the connection string of a test's database for a role of package postgres:
// for tests that start the program itself on it.
func DSN(t testing.TB, db *sqlx.DB, role string) string {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return c.DSN(role, nameOf(t, db))
}

// Empty returns a database without any schema, connected as the owner: for tests of
// migrations and of restoring.
func Empty(t testing.TB) *sqlx.DB {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	name := fmt.Sprintf("empty_%d", serial.Add(1))
	if err := c.CreateDatabase(t.Context(), name, ""); err != nil {
		t.Fatalf("dbtest: create: %v", err)
	}
	t.Cleanup(func() {
		if err := c.DropDatabase(context.Background(), name); err != nil {
			t.Errorf("dbtest: drop: %v", err)
		}
	})
	return connect(t, c.DSN(postgres.Owner, name))
}

var serial atomic.Int64

func connect(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.ConnectContext(t.Context(), "postgres", dsn)
	if err != nil {
		t.Fatalf("dbtest: connect: %v", err)
	}
	db.SetMaxOpenConns(16)
	t.Cleanup(func() { db.Close() })
	return db
}

func nameOf(t testing.TB, db *sqlx.DB) string {
	t.Helper()
	var name string
	if err := db.GetContext(t.Context(), &name, `SELECT current_database()`); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return name
}

// settings trade what a test does not need, survival of a power cut, for speed.
var settings = map[string]string{
	"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
	"wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "64MB", "max_connections": "200",
}

// cluster starts this process's own server once.
var cluster = sync.OnceValues(func() (*server, error) {
	ctx := context.Background()
	from, err := migrated(ctx)
	if err != nil {
		return nil, err
	}
	sweep()
	dir, err := scratch()
	if err != nil {
		return nil, err
	}
	if err := copyData(from, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c, err := postgres.Open(ctx, postgres.Options{Dir: dir, GivenByHand: true, Settings: settings})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	alive, err := bury(dir)
	return &server{c, alive}, err
})

// server is a cluster with the pipe whose end, when the kernel closes it, tells of ours.
type server struct {
	*postgres.Cluster
	alive io.Closer
}

// migrated is the folder of a stopped cluster whose database has the whole schema,
// made once for a version of PostgreSQL and a state of the migrations.
func migrated(ctx context.Context) (string, error) {
	programs, err := postgres.FindPrograms(ctx, 0)
	if err != nil {
		return "", err
	}
	version := "pg" + programs.Version
	fresh, err := cached(version, func(dir string) error {
		return with(ctx, dir, func(*postgres.Cluster) error { return nil })
	})
	if err != nil {
		return "", err
	}
	return cached(version+"-"+migrations.Fingerprint(), func(dir string) error {
		if err := copyData(fresh, dir); err != nil {
			return err
		}
		return with(ctx, dir, func(c *postgres.Cluster) error {
			db, err := sql.Open("postgres", c.DSN(postgres.Owner, postgres.Database))
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = migrations.Up(ctx, db)
			return err
		})
	})
}

// with runs f on a cluster in dir and stops it.
func with(ctx context.Context, dir string, f func(*postgres.Cluster) error) error {
	c, err := postgres.Open(ctx, postgres.Options{Dir: dir, GivenByHand: true, Settings: settings, InitArgs: []string{"--wal-segsize=1"}})
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Stop())
}

// cached returns the folder of that key, making it where it is missing. Test processes
// run side by side: the first one makes it, the others wait.
func cached(key string, build func(dir string) error) (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		root = os.TempDir()
	}
	root = filepath.Join(root, "lotsiya-test")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(root, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and with it goes the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	folder := filepath.Join(root, key)
	if _, err := os.Stat(folder); err == nil {
		now := time.Now()
		return folder, os.Chtimes(folder, now, now) // used: not to be thrown away
	}
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return "", err
	}
	half := folder + ".half"
	if err := errors.Join(os.RemoveAll(half), os.Mkdir(half, 0o700)); err != nil {
		return "", err
	}
	if err := copyData(dir, half); err != nil {
		return "", err
	}
	if err := os.Rename(half, folder); err != nil {
		return "", err
	}
	return folder, prune(root)
}

// prune keeps the few most recently used folders, and any used within the hour.
func prune(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	var old []fs.FileInfo
	for _, e := range entries {
		if st, err := e.Info(); err == nil && st.IsDir() && time.Since(st.ModTime()) > time.Hour {
			old = append(old, st)
		}
	}
	slices.SortFunc(old, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, st := range old[min(4, len(old)):] {
		if err := os.RemoveAll(filepath.Join(root, st.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyData(from, to string) error {
	if out, err := exec.Command("cp", "-a", filepath.Join(from, "data"), to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

const prefix = "lotsiya-test-"

// scratch is a fresh folder that the database's user may enter, which the temporary
// folder of a test is not when root runs it.
func scratch() (string, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// bury leaves a shell behind that waits for the end of this process, however it comes,
// and removes the folder. The server itself ends by the kernel's signal.
func bury(dir string) (alive io.Closer, err error) {
	const script = `cat >/dev/null; read pid _ <"$1/data/postmaster.pid" && kill -QUIT "$pid"
		for i in 1 2 3 4 5 6 7 8 9; do [ -e "$1/data/postmaster.pid" ] || break; sleep 0.2; done; rm -rf "$1"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal must not reach it
	if alive, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return alive, cmd.Start()
}

// sweep removes the folders of test processes that are gone and were not buried.
func sweep() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range found {
		st, err := os.Stat(dir)
		if err != nil || time.Since(st.ModTime()) < 10*time.Minute {
			continue
		}
		lock, err := os.Open(filepath.Join(dir, "lock"))
		if err == nil && syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			os.RemoveAll(dir) // best effort: another process may be at it too
		}
		if err == nil {
			lock.Close()
		}
	}
}
