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
		return fmt.Errorf("нет права писать в папку %s; запустите от имени её владельца или укажите другую ключом --data", dir)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s — не папка; укажите папку ключом --data", dir)
	}
	if fault := diskFault(err.Error(), dir); fault != nil {
		return fault
	}
	return err
}

func full(dir string) error {
	return fmt.Errorf("на диске с папкой %s нет места; освободите его и запустите снова, сохранённое не пропадёт", dir)
}

func readOnly(dir string) error {
	return fmt.Errorf("диск с папкой %s доступен только для чтения; подключите его для записи или укажите другую папку ключом --data", dir)
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
