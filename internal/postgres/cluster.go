// Package postgres runs the private PostgreSQL of an installation that has none of
// its own: it finds the programs, makes the data directory, starts the server as a
// child process behind a socket that only its user and root may open, and comes up by
// itself after any kill. With DATABASE_URL set it is not used at all.
package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lib/pq"
)

const (
	// Database is the one database of an installation.
	Database = "lotsiya"
	// Owner is the role that owns the schema and migrates it.
	Owner = "lotsiya_owner"
	// App is the role that serves: neither superuser nor exempt from row-level security.
	App = "lotsiya_app"
	// admin is initdb's superuser. It makes the roles and databases and serves nobody.
	admin = "lotsiya_admin"
)

// fallback is where the data go when the default folder is out of the database
// user's reach.
var fallback = "/var/lib/lotsiya"

// Options say where the cluster lives and how it runs.
type Options struct {
	Dir string // holds data, run (the socket), lock, postgres.log
	// GivenByHand tells a folder the operator named, which is used or refused, from the
	// default one, which may give way to /var/lib/lotsiya.
	GivenByHand bool
	// Share uses the server of a running instance where there is one, instead of refusing.
	Share bool
	// Existing refuses to make a cluster where there is none: for tools that only read.
	Existing bool
	// Settings are PostgreSQL settings over those of postgresql.conf.
	Settings map[string]string
	// InitArgs are further arguments of initdb.
	InitArgs []string
	// Notices takes the few lines that an operator should see; os.Stderr when nil.
	Notices io.Writer
}

// Cluster is a running private PostgreSQL.
type Cluster struct {
	Programs Programs
	Dir      string // absolute, after the choice of the folder

	data, sock string
	user       account
	settings   map[string]string
	notices    io.Writer
	lock       *os.File // nil: the server belongs to another instance
	failed     chan error

	life    context.Context // ends with Stop
	end     context.CancelFunc
	watched chan struct{} // closed when nobody will start the server again

	mu     sync.Mutex
	master *postmaster
	since  atomic.Int64 // where in the log the words of this life of the server begin
}

// postmaster is one life of the server process.
type postmaster struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// Open starts the cluster in the folder, making it first where there is none, and
// returns when it takes connections, with both roles and the database in place. Every
// error is one line for the operator. A context that ends stops the start.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{settings: o.Settings, notices: o.Notices, failed: make(chan error, 1)}
	if c.notices == nil {
		c.notices = os.Stderr
	}
	if err := c.chooseDir(o); err != nil {
		return nil, err
	}
	held, err := c.takeLock()
	if err != nil {
		return nil, err
	}
	if !held {
		if o.Share {
			return c, c.join(ctx)
		}
		who, _ := os.ReadFile(filepath.Join(c.Dir, "lock"))
		return nil, fmt.Errorf("another instance (process %s) already works in %s; stop it, or give another folder by --data",
			strings.TrimSpace(string(who)), c.Dir)
	}
	if err := c.open(ctx, o); err != nil {
		c.lock.Close()
		return nil, err
	}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.watched = make(chan struct{})
	go c.watch()
	return c, nil
}

func (c *Cluster) open(ctx context.Context, o Options) error {
	major, err := majorOf(c.data)
	if err != nil {
		return err
	}
	if c.Programs, err = FindPrograms(ctx, major); err != nil {
		return err
	}
	if major == 0 {
		if err := c.initdb(ctx, o.InitArgs); err != nil {
			return err
		}
	}
	if err := c.writeAccess(); err != nil {
		return explain(err, c.Dir)
	}
	if err := c.chooseSocket(); err != nil {
		return err
	}
	if err := c.boot(ctx); err != nil {
		return err
	}
	if err := c.prepare(ctx); err != nil {
		c.halt()
		return explain(err, c.Dir)
	}
	return nil
}

// chooseDir settles on the folder, makes it, and resolves it as /proc will name it.
func (c *Cluster) chooseDir(o Options) error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if c.user, err = accountFor(filepath.Join(dir, "data")); err != nil {
		return err
	}
	if !c.user.enters(dir) {
		if o.GivenByHand {
			return fmt.Errorf("user %s, as whom PostgreSQL runs, may not enter %s; give another folder, for example --data %s",
				c.user.name, dir, fallback)
		}
		fmt.Fprintf(c.notices, "user %s, as whom PostgreSQL runs, may not enter %s: the data will be in %s\n", c.user.name, dir, fallback)
		dir = fallback
		if c.user, err = accountFor(filepath.Join(dir, "data")); err != nil {
			return err
		}
		if !c.user.enters(dir) {
			return fmt.Errorf("user %s, as whom PostgreSQL runs, may not enter %s; give another folder by --data", c.user.name, dir)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); o.Existing && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no data in %s; give the folder of the installation by --data", dir)
	}
	// Folders above are left open to pass through; the data themselves are not (0700).
	mode := os.FileMode(0o700)
	if c.user.cred != nil {
		mode = 0o711
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return explain(err, dir)
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return explain(err, dir)
	}
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		return fmt.Errorf("%s is not a folder; give one by --data", dir)
	}
	if c.Dir, err = filepath.EvalSymlinks(dir); err != nil {
		return explain(err, dir)
	}
	c.data = filepath.Join(c.Dir, "data")
	return nil
}

// takeLock is false where another instance holds the folder. The lock is the kernel's
// and goes with the process that holds it, however that ends.
func (c *Cluster) takeLock() (bool, error) {
	f, err := os.OpenFile(filepath.Join(c.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, explain(err, c.Dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return false, fmt.Errorf("%s cannot be locked: %w", c.Dir, err)
	}
	// The number is only for the message of a second instance: a full disk may refuse it.
	if f.Truncate(0) == nil {
		f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	c.lock = f
	return true, nil
}

// join waits for the server of the running instance.
func (c *Cluster) join(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // it may be starting just now
	defer cancel()
	for {
		major, err := majorOf(c.data)
		c.sock = pidLine(c.data, 5)
		if err == nil && major > 0 && c.sock != "" {
			if c.Programs, err = FindPrograms(ctx, major); err != nil {
				return err
			}
			if err = c.ping(ctx, App, Database); err == nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another instance works in %s, but its database does not answer: %w", c.Dir, errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// majorOf is the version that made the data directory, 0 if there is none.
func majorOf(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(data); err == nil { // never deleted, never written over
			return 0, fmt.Errorf("%s holds no PG_VERSION: these are not data of PostgreSQL; move them away, or give another folder by --data", data)
		}
		return 0, nil
	case err != nil:
		return 0, explain(err, data)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION does not hold a version: %q", data, strings.TrimSpace(string(b)))
	}
	return major, nil
}

func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Programs.Path(name), args...)
	cmd.Dir = c.Dir
	cmd.Env = []string{"PATH=" + c.Programs.Dir + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + c.Dir}
	// Its own group: a Ctrl-C at the terminal is for us to pass on, in our order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT, Credential: c.user.cred}
	return cmd
}

// collations are tried in turn: ICU's Russian puts ё beside е on every system; builds
// without ICU, or systems without the locale, sort by what they have.
var collations = [][]string{
	{"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=ru"},
	{"--locale=ru_RU.UTF-8", "--lc-messages=C"},
	{"--locale=C.UTF-8"},
	{"--locale=C"},
}

// initdb makes the data directory aside and renames it, so that a kill in between
// leaves nothing half made under the real name.
func (c *Cluster) initdb(ctx context.Context, extra []string) error {
	aside := c.data + ".init"
	for _, pid := range serversIn(aside) {
		syscall.Kill(pid, syscall.SIGKILL) // the helper of an initdb that was killed
	}
	var said string
	for _, collation := range collations {
		if err := os.RemoveAll(aside); err != nil {
			return explain(err, c.Dir)
		}
		if err := os.Mkdir(aside, 0o700); err != nil {
			return explain(err, c.Dir)
		}
		if err := c.user.own(aside); err != nil {
			return explain(err, c.Dir)
		}
		args := slices.Concat([]string{"-D", aside, "-U", admin, "-E", "UTF8", "--auth-local=peer", "--auth-host=reject",
			"--data-checksums", "--no-instructions"}, collation, extra)
		out, err := c.runLocked(c.command(ctx, "initdb", args...))
		if err == nil {
			if err := os.Rename(aside, c.data); err != nil {
				return explain(err, c.Dir)
			}
			return syncDir(c.Dir)
		}
		said = out + "\n" + err.Error()
		if ctx.Err() != nil {
			break
		}
		if fault := diskFault(said, c.Dir); fault != nil {
			os.RemoveAll(aside)
			return fault
		}
	}
	os.RemoveAll(aside)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted while making the database: %w", ctx.Err())
	}
	return fmt.Errorf("initdb made no database in %s: %s", c.Dir, lastFault(said))
}

// runLocked runs a command on a thread kept for it: the signal at our death is bound
// to the thread that started the child, and Go may end idle threads.
func (c *Cluster) runLocked(cmd *exec.Cmd) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeAccess lets in by the socket alone, and there only the users that run us: each
// may be each of the three roles. Written at every start: the folder may have moved.
func (c *Cluster) writeAccess() error {
	users := []string{"root", c.user.name}
	slices.Sort(users)
	var ident strings.Builder
	ident.WriteString("# Written by lotsiya at every start.\n")
	for _, u := range slices.Compact(users) {
		for _, role := range []string{admin, Owner, App} {
			fmt.Fprintf(&ident, "lotsiya %q %s\n", u, role)
		}
	}
	for name, text := range map[string]string{
		"pg_hba.conf":   "# Written by lotsiya at every start.\nlocal all all peer map=lotsiya\n",
		"pg_ident.conf": ident.String(),
	} {
		path := filepath.Join(c.data, name)
		if held, err := os.ReadFile(path); err == nil && string(held) == text {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if st, err := os.Stat(c.data); err == nil && owner(st) != c.user.uid {
		return c.user.own(c.data) // a copy brought here by root
	}
	return nil
}

// longest is what a socket's address holds (107 bytes) less the file's own name.
const longest = 107 - len("/.s.PGSQL.5432.lock")

// chooseSocket puts the socket beside the data, or, where that path is too long for
// an address, in a short folder of our own that nobody else can have prepared.
func (c *Cluster) chooseSocket() error {
	c.sock = filepath.Join(c.Dir, "run")
	if len(c.sock) > longest {
		sum := sha256.Sum256([]byte(c.Dir))
		c.sock = "/tmp/lotsiya-" + hex.EncodeToString(sum[:6])
	}
	if err := os.Mkdir(c.sock, 0o700); err == nil {
		if err := c.user.own(c.sock); err != nil {
			return explain(err, c.sock)
		}
	} else if !errors.Is(err, os.ErrExist) {
		return explain(err, c.sock)
	}
	st, err := os.Lstat(c.sock)
	if err != nil {
		return explain(err, c.sock)
	}
	if !st.IsDir() || owner(st) != c.user.uid {
		if c.user.cred == nil || owner(st) != 0 {
			return fmt.Errorf("%s belongs to another user; remove it", c.sock)
		}
		if err := c.user.own(c.sock); err != nil {
			return explain(err, c.sock)
		}
	}
	return os.Chmod(c.sock, 0o700)
}

// boot starts the server and waits until it takes connections. One that exits before
// is started again for 10 s: after a kill, backends of the old one may still go.
func (c *Cluster) boot(ctx context.Context) error {
	giveUp := time.Now().Add(10 * time.Second)
	for {
		if err := reap(c.data); err != nil {
			return err
		}
		stale, _ := filepath.Glob(filepath.Join(c.sock, ".s.PGSQL.*")) // we hold the lock and nobody lives: a leftover
		for _, s := range stale {
			os.Remove(s)
		}
		mark, err := c.start()
		c.since.Store(mark)
		if err != nil {
			return explain(err, c.Dir)
		}
		err = c.await(ctx)
		if err == nil {
			return nil
		}
		c.halt()
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted while starting the database: %w", ctx.Err())
		}
		said := c.logFrom(mark)
		if fault := diskFault(said, c.Dir); fault != nil {
			return fault
		}
		if time.Now().After(giveUp) {
			return fmt.Errorf("PostgreSQL does not start: %s (its log: %s)", lastFault(said), c.logName())
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// await pings until the server answers; an error means that it exited. Replaying the
// log of changes after a crash may take its time, so there is no limit of our own.
func (c *Cluster) await(ctx context.Context) error {
	for {
		if c.ping(ctx, admin, "postgres") == nil {
			return nil
		}
		select {
		case <-c.current().exited:
			return errors.New("exited")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *Cluster) ping(ctx context.Context, role, dbname string) error {
	db, err := sql.Open("postgres", c.DSN(role, dbname))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

func (c *Cluster) logName() string { return filepath.Join(c.Dir, "postgres.log") }

// start runs the server process; mark is where in the log its words begin.
func (c *Cluster) start() (mark int64, err error) {
	if st, err := os.Stat(c.logName()); err == nil && st.Size() > 16<<20 {
		if err := os.Rename(c.logName(), c.logName()+".1"); err != nil {
			return 0, err
		}
	}
	log, err := os.OpenFile(c.logName(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	if st, err := log.Stat(); err == nil {
		mark = st.Size()
	}
	args := []string{"-D", c.data, "-k", c.sock, "-p", "5432", "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700",
		"-c", "hba_file=" + filepath.Join(c.data, "pg_hba.conf"), "-c", "ident_file=" + filepath.Join(c.data, "pg_ident.conf")}
	for name, value := range c.settings {
		args = append(args, "-c", name+"="+value)
	}
	m := &postmaster{cmd: c.command(context.Background(), "postgres", args...), exited: make(chan struct{})}
	m.cmd.Stdout, m.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		// The signal at our death is bound to this thread: it is kept as long as the server lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := m.cmd.Start()
		started <- err
		if err == nil {
			m.cmd.Wait() // how it ended stands in its log
			close(m.exited)
		}
	}()
	if err := <-started; err != nil {
		return mark, err
	}
	c.mu.Lock()
	c.master = m
	c.mu.Unlock()
	return mark, nil
}

// watch brings the server up again when it ends unasked (an out-of-memory kill, say);
// open connections are lost, the pool makes new ones.
func (c *Cluster) watch() {
	defer close(c.watched)
	for {
		<-c.current().exited
		if c.life.Err() != nil {
			return
		}
		fmt.Fprintf(c.notices, "PostgreSQL ended by itself (its log: %s); starting it again\n", c.logName())
		if err := c.boot(c.life); err != nil {
			if c.life.Err() == nil {
				c.failed <- err
			}
			return
		}
	}
}

func (c *Cluster) current() *postmaster {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.master
}

// Failed gives the reason when the server ended unasked and could not be brought up again.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Shared tells that the server belongs to another running instance.
func (c *Cluster) Shared() bool { return c.lock == nil }

// DSN is how lib/pq reaches a database of the cluster as one of its roles.
func (c *Cluster) DSN(role, dbname string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=5432 user='%s' dbname='%s' sslmode=disable", quote.Replace(c.sock), quote.Replace(role), quote.Replace(dbname))
}

// prepare makes what is missing of the roles and of the database; an existing one is
// left as it is. Run at every start, since a kill may fall between any two steps.
func (c *Cluster) prepare(ctx context.Context) error {
	db, err := sql.Open("postgres", c.DSN(admin, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for _, role := range []string{Owner, App} {
		var exists bool
		if err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&exists); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		if exists {
			continue
		}
		if _, err := db.ExecContext(ctx, `CREATE ROLE `+role+` LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS`); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
	}
	// As on a customer's own PostgreSQL: who owns the schema may act as the application.
	if _, err := db.ExecContext(ctx, `GRANT `+App+` TO `+Owner); err != nil {
		return fmt.Errorf("role %s: %w", App, err)
	}
	return c.CreateDatabase(ctx, Database, "")
}

// CreateDatabase makes a database of the owner's, empty or a copy of a template, that
// the application role may connect to but not change the schema of. An existing one is
// kept, and its rights are set again: a kill may have fallen between.
func (c *Cluster) CreateDatabase(ctx context.Context, name, template string) error {
	db, err := sql.Open("postgres", c.DSN(admin, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	if template != "" {
		_, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s OWNER %s`, pq.QuoteIdentifier(name), pq.QuoteIdentifier(template), Owner))
		return ignoreExisting(err)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`CREATE DATABASE %s OWNER %s TEMPLATE template0`, pq.QuoteIdentifier(name), Owner))
	if err := ignoreExisting(err); err != nil {
		return explain(fmt.Errorf("create database %s: %w", name, err), c.Dir)
	}
	in, err := sql.Open("postgres", c.DSN(admin, name))
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.ExecContext(ctx, fmt.Sprintf(rights, pq.QuoteIdentifier(name))); err != nil {
		return fmt.Errorf("rights in %s: %w", name, err)
	}
	return nil
}

// rights let the application role in. What it may do with each table is said by the
// migration that makes the table.
const rights = `
	REVOKE ALL ON DATABASE %[1]s FROM PUBLIC;
	GRANT CONNECT, TEMPORARY ON DATABASE %[1]s TO ` + App + `;
	REVOKE CREATE ON SCHEMA public FROM PUBLIC`

// DropDatabase removes a database, ending whoever is connected to it.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	db, err := sql.Open("postgres", c.DSN(admin, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)+` WITH (FORCE)`)
	return err
}

func ignoreExisting(err error) error {
	var e *pq.Error
	if errors.As(err, &e) && e.Code == "42P04" {
		return nil
	}
	return err
}

// Stop ends the server after what its connections are doing now is rolled back, and
// frees the folder. The server of another instance is left alone.
func (c *Cluster) Stop() error {
	if c.Shared() {
		return nil
	}
	c.end()
	c.halt()
	<-c.watched
	return c.lock.Close()
}

// halt ends the server process: fast shutdown, and without a checkpoint after 20 s.
func (c *Cluster) halt() {
	m := c.current()
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, time.Hour}} {
		m.cmd.Process.Signal(step.signal) // already ended: the wait below returns at once
		select {
		case <-m.exited:
			return
		case <-time.After(step.wait):
		}
	}
}

// logFrom is what the server has said since mark, its end if that is long.
func (c *Cluster) logFrom(mark int64) string {
	f, err := os.Open(c.logName())
	if err != nil {
		return ""
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	b, err := io.ReadAll(io.NewSectionReader(f, max(mark, st.Size()-64<<10), 64<<10))
	if err != nil {
		return ""
	}
	return string(b)
}
