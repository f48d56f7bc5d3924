package dbtest_test

import (
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/migrations"
)

func TestEachTestHasItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			var entries int
			if _, err := db.Exec(`INSERT INTO journal (actor_id, action, object_kind, object_id) VALUES (0, 'test.ran', 'test', $1)`, name); err != nil {
				t.Fatal(err)
			}
			if err := db.Get(&entries, `SELECT count(*) FROM journal`); err != nil || entries != 1 {
				t.Errorf("%d entries, %v: another test's database", entries, err)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, forbidden := range []string{`UPDATE journal SET action = ''`, `DELETE FROM journal`, `TRUNCATE journal`, `DROP TABLE journal`, `CREATE TABLE mine (id int)`} {
		if _, err := db.Exec(forbidden); err == nil {
			t.Errorf("the application role may %s", forbidden)
		}
	}
	if _, err := dbtest.Owner(t, db).Exec(`CREATE TABLE mine (id int)`); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestMigrationsAreWhole(t *testing.T) {
	t.Parallel()
	db := dbtest.Empty(t)
	applied, err := migrations.Up(t.Context(), db.DB)
	if err != nil || len(applied) == 0 {
		t.Fatalf("%d applied, %v", len(applied), err)
	}
	again, err := migrations.Up(t.Context(), db.DB)
	if err != nil || len(again) != 0 {
		t.Errorf("a second time: %v, %v", again, err)
	}
	var bare []string
	if err := db.Select(&bare, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
		AND relname <> 'goose_db_version' AND obj_description(oid, 'pg_class') IS NULL ORDER BY relname`); err != nil || len(bare) > 0 {
		t.Errorf("tables without a comment: %v, %v", bare, err)
	}
}
