package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
)

// The server works as the application role however the address of the customer's database is written.
func TestOwnDatabaseServesAsTheApplication(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	keywords := dbtest.DSN(t, db, postgres.Owner)
	var name string
	if err := db.Get(&name, `SELECT current_database()`); err != nil {
		t.Fatal(err)
	}
	_, socket, _ := strings.Cut(keywords, "host='")
	socket, _, _ = strings.Cut(socket, "'")
	address := fmt.Sprintf("postgres://%s@/%s?host=%s&sslmode=disable", postgres.Owner, name, url.QueryEscape(socket))
	for _, dsn := range []string{keywords, address} {
		in, err := openOwn(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var as, login string
		if err := in.Pool.QueryRow(`SELECT current_user, session_user`).Scan(&as, &login); err != nil || as != postgres.App || login != postgres.Owner {
			t.Errorf("%s: works as %s, signed in as %s, %v", dsn, as, login, err)
		}
		if _, err := in.Pool.Exec(`DELETE FROM journal`); err == nil {
			t.Errorf("%s: the journal may be emptied", dsn)
		}
		owner, err := in.ownerDB(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer owner.Close()
		if err := owner.QueryRow(`SELECT current_user`).Scan(&as); err != nil || as != postgres.Owner {
			t.Errorf("%s: the owner works as %s, %v", dsn, as, err)
		}
	}
}
