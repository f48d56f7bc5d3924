package postgres

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// explain puts the few ways in which a disk refuses into one line that says what to
// do; any other error passes unchanged.
func explain(err error, dir string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return full(dir)
	case errors.Is(err, syscall.EROFS):
		return readOnly(dir)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no right to write in %s; run as its owner, or give another folder by --data", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s is not a folder; give one by --data", dir)
	}
	if fault := diskFault(err.Error(), dir); fault != nil {
		return fault
	}
	return err
}

// Explain puts an error met while working with the cluster, where the disk caused
// it, into one line that says what to do; any other passes unchanged. A server that a
// full disk has ended says why in its log alone: its client sees a broken connection.
func (c *Cluster) Explain(err error) error {
	if err == nil {
		return nil
	}
	if fault := diskFault(c.logFrom(c.since.Load()), c.Dir); fault != nil {
		return fault
	}
	return explain(err, c.Dir)
}

func full(dir string) error {
	return fmt.Errorf("the disk of %s is full; free some space and start again, nothing saved is lost", dir)
}

func readOnly(dir string) error {
	return fmt.Errorf("the disk of %s is read-only; mount it for writing, or give another folder by --data", dir)
}

// diskFault recognises a refusing disk in what PostgreSQL's programs have said.
func diskFault(said, dir string) error {
	switch {
	case strings.Contains(said, "No space left on device"), strings.Contains(said, "Disk quota exceeded"), strings.Contains(said, "Check free disk space"):
		return full(dir)
	case strings.Contains(said, "Read-only file system"):
		return readOnly(dir)
	}
	return nil
}

// lastFault picks the line that tells why out of many: the last fatal one, else the last one.
func lastFault(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		for _, word := range []string{"FATAL:", "PANIC:", "initdb: error:"} {
			if _, why, ok := strings.Cut(lines[i], word); ok {
				return strings.TrimSpace(why)
			}
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
