package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the operating system's user that runs PostgreSQL. cred is nil when
// that is the user who runs this program.
type account struct {
	name string
	uid  int
	gid  int
	cred *syscall.Credential
}

// accountFor chooses the user: ourselves, unless we are root, whom PostgreSQL
// refuses: then the owner of the data, or for a new folder postgres or nobody.
func accountFor(data string) (account, error) {
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return account{}, fmt.Errorf("this user has no entry in /etc/passwd, without which PostgreSQL does not start: %w", err)
		}
		return account{name: me.Username, uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	var u *user.User
	var err error
	if st, e := os.Stat(data); e == nil && owner(st) != 0 {
		if u, err = user.LookupId(strconv.Itoa(owner(st))); err != nil {
			return account{}, fmt.Errorf("%s belongs to user %d, whom this machine does not have", data, owner(st))
		}
	} else if u, err = user.Lookup("postgres"); err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return account{}, errors.New("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody")
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return account{}, err
	}
	return account{name: u.Username, uid: uid, gid: gid, cred: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func owner(st os.FileInfo) int { return int(st.Sys().(*syscall.Stat_t).Uid) }

// own hands a path and all in it to the account; ours it is already when we are not root.
func (a account) own(path string) error {
	if a.cred == nil {
		return nil
	}
	return filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, a.uid, a.gid)
	})
}

// enters reports whether the account may enter dir or, where that does not exist
// yet, the nearest folder above it that does. The kernel is asked, by a process of
// that user which changes into the folder: mode bits alone do not know of ACLs.
func (a account) enters(dir string) bool {
	if a.cred == nil {
		return true // what we may not do ourselves shows at the first file
	}
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() || dir == "/" {
			break
		}
		dir = filepath.Dir(dir)
	}
	cmd := exec.Command("/bin/sh", "-c", ":")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.cred}
	return cmd.Run() == nil
}

// serversIn lists the PostgreSQL processes, postmaster and backends alike, that work
// in the data directory. An administrator's shell that stands there is not one.
func serversIn(data string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cwd, err := os.Readlink("/proc/" + e.Name() + "/cwd")
		if err != nil || strings.TrimSuffix(cwd, " (deleted)") != data {
			continue
		}
		exe, err := os.Readlink("/proc/" + e.Name() + "/exe")
		if err == nil && strings.TrimSuffix(filepath.Base(exe), " (deleted)") == "postgres" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// reap ends whatever an earlier run of ours left working in the data directory. The
// caller holds the folder's lock, so nobody else's these can be. First the fast
// shutdown, which writes a checkpoint; then without one; nothing acknowledged is lost
// either way, the log of changes holds it.
func reap(data string) error {
	left := serversIn(data)
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if len(left) == 0 {
			break
		}
		signal := step.signal
		if signal == syscall.SIGINT && !slices.Contains(left, postmasterOf(data)) {
			signal = syscall.SIGQUIT // orphaned backends take SIGINT for "cancel the query"
		}
		for _, pid := range left {
			if signal == syscall.SIGINT && pid != postmasterOf(data) {
				continue // the postmaster tells its own
			}
			syscall.Kill(pid, signal) // gone in between is as good
		}
		for end := time.Now().Add(step.wait); len(left) > 0 && time.Now().Before(end); left = serversIn(data) {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("PostgreSQL process %d of an earlier run does not end (folder %s)", left[0], data)
	}
	// Nobody works here, so the number in the file means nothing; after a restart of
	// the machine it may belong to another program, and PostgreSQL would refuse to start.
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// postmasterOf reads the number of the postmaster from its own note; 0 if there is none.
func postmasterOf(data string) int {
	pid, _ := strconv.Atoi(pidLine(data, 1))
	return pid
}

// pidLine returns a line of postmaster.pid: 1 the process, 5 the folder of the socket.
func pidLine(data string, n int) string {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return ""
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < n {
		return ""
	}
	return strings.TrimSpace(lines[n-1])
}
