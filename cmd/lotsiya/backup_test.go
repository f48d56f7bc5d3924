package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
)

// testInstallation is the program's hold on a test database.
func testInstallation(t *testing.T, empty bool) *installation {
	t.Helper()
	pool := dbtest.New
	if empty {
		pool = dbtest.Empty
	}
	in := &installation{Pool: pool(t)}
	in.Replica, in.owner = in.Pool, dbtest.DSN(t, in.Pool, postgres.Owner)
	return in
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	full := testInstallation(t, false)
	if _, err := full.Pool.Exec(`INSERT INTO file (sha256, media_type, size, body)
		SELECT encode(sha256(b), 'hex'), 'text/plain', length(b), b FROM (SELECT convert_to('скан ' || n, 'UTF8') b FROM generate_series(1, 50) n) f`); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "installation.backup")
	if err := os.WriteFile(file, []byte("an older backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	size, err := full.backup(t.Context(), file)
	if err != nil || size < 1000 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 || st.Size() != size {
		t.Errorf("the file: %v, %v", st, err)
	}
	p, err := full.programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := restorable(t.Context(), p, file); err != nil {
		t.Error(err)
	}

	empty := testInstallation(t, true)
	if err := empty.restore(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	var kept int
	if err := empty.Pool.Get(&kept, `SELECT count(*) FROM file`); err != nil || kept != 50 {
		t.Errorf("%d files of 50, %v", kept, err)
	}
	if out, err := reported(t, empty); err != nil || out != "" {
		t.Errorf("a restored installation: %q, %v", out, err)
	}
	if err := full.restore(t.Context(), file); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a full one: %v", err)
	}
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := testInstallation(t, true).backup(t.Context(), filepath.Join(dir, "nothing")); err == nil || !strings.Contains(err.Error(), "nothing to back up") {
		t.Errorf("an empty database: %v", err)
	}
	in := testInstallation(t, false)
	if _, err := in.backup(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := in.backup(t.Context(), filepath.Join(dir, "no", "such")); err == nil {
		t.Error("a folder that is not there")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRestoreRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	in := testInstallation(t, false)
	owner, err := in.ownerDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if _, err := owner.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "newer")
	if _, err := in.backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	p, err := in.programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := restorable(t.Context(), p, file); err == nil || !strings.Contains(err.Error(), "newer lotsiya") {
		t.Errorf("a backup of a newer program: %v", err)
	}
}

// reported is what verify prints of an installation.
func reported(t *testing.T, in *installation) (string, error) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	cmd.SetErr(&said)
	cmd.SetContext(t.Context())
	err := in.report(cmd)
	if n := strings.Count(said.String(), "checked"); n != 5 {
		t.Errorf("%d of 5 invariants checked: %s", n, said.String())
	}
	return out.String(), err
}

func TestVerifyFindsWhatWasChanged(t *testing.T) {
	t.Parallel()
	in := testInstallation(t, false)
	if _, err := in.Pool.Exec(`INSERT INTO file (sha256, media_type, size, body) VALUES (encode(sha256('one'), 'hex'), 'text/plain', 3, 'two')`); err != nil {
		t.Fatal(err)
	}
	out, err := reported(t, in)
	if err != errReported || strings.Count(out, "\n") != 1 || !strings.Contains(out, "files: the content of 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed") {
		t.Errorf("%q, %v", out, err)
	}
}
