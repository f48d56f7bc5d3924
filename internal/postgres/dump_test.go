package postgres_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
)

func TestDumpAndRestore(t *testing.T) {
	t.Parallel()
	programs, err := postgres.FindPrograms(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	full := dbtest.New(t)
	if _, err := full.Exec(`INSERT INTO journal (actor_id, action, object_kind, object_id) SELECT 0, 'test.ran', 'слово', 'ё' || n FROM generate_series(1, 300) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := full.Exec(`INSERT INTO sessions VALUES ('secret', '', 'tomorrow')`); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "копия 1.lotsiya")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Dump(t.Context(), programs, dbtest.DSN(t, full, postgres.Owner), out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err := postgres.ReadDump(t.Context(), programs, file); err != nil || d.Schema < 10 {
		t.Errorf("the dump says of itself: %+v, %v", d, err)
	}

	empty := dbtest.Empty(t)
	dsn := dbtest.DSN(t, empty, postgres.Owner)
	if err := postgres.Restore(t.Context(), programs, dsn, file); err != nil {
		t.Fatal(err)
	}
	const state = `SELECT count(*) || ' ' || md5(string_agg(t::text, '' ORDER BY id)) FROM journal t`
	var before, after string
	if err := full.Get(&before, state); err != nil {
		t.Fatal(err)
	}
	if err := empty.Get(&after, state); err != nil || after != before {
		t.Errorf("before %s, after %s, %v", before, after, err)
	}
	var may, mayNot bool
	var sessions int
	if err := empty.QueryRow(`SELECT has_table_privilege('lotsiya_app', 'journal', 'INSERT'), has_table_privilege('lotsiya_app', 'journal', 'DELETE'),
		(SELECT count(*) FROM sessions)`).Scan(&may, &mayNot, &sessions); err != nil || !may || mayNot || sessions != 0 {
		t.Errorf("after restoring: insert %v, delete %v, %d sessions, %v", may, mayNot, sessions, err)
	}

	if err := postgres.Restore(t.Context(), programs, dsn, file); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a full one: %v", err)
	}

	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, whole[:len(whole)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	other := dbtest.Empty(t)
	if err := postgres.Restore(t.Context(), programs, dbtest.DSN(t, other, postgres.Owner), cut); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a cut file: %v", err)
	}
	var left int
	if err := other.Get(&left, `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`); err != nil || left != 0 {
		t.Errorf("a cut file left %d tables and indexes behind, %v", left, err)
	}
	for name, body := range map[string]string{"text": "CREATE TABLE person", "short": "PG"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := postgres.ReadDump(t.Context(), programs, path); err == nil || !strings.Contains(err.Error(), "not a backup") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
