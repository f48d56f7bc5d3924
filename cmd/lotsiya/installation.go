package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/postgres"
	"github.com/lotsiya/lotsiya/migrations"
)

// connections is how many the server holds to the database at most.
const connections = 24

// installation is one database with its schema: the private cluster in a data
// folder, or the customer's own by DATABASE_URL.
type installation struct {
	cluster *postgres.Cluster // nil with DATABASE_URL
	Pool    *sqlx.DB          // as the application role
	Replica *sqlx.DB          // for reports; the same as Pool without DATABASE_REPLICA_URL
	owner   string            // DSN of the schema's owner
}

// dataFlag is --data, and whether it was given by hand.
type dataFlag struct {
	dir string
	cmd *cobra.Command
}

func addDataFlag(cmd *cobra.Command) *dataFlag {
	f := &dataFlag{cmd: cmd}
	cmd.Flags().StringVar(&f.dir, "data", "./var", "folder of the private database (unused with DATABASE_URL)")
	return f
}

// manner is how a command meets the private cluster.
type manner uint8

const (
	alone    manner = iota // it is ours, made where it is missing
	beside                 // a running instance's server will do
	existing               // the same, but nothing is made where nothing is
)

// openInstallation starts or reaches the database and connects to it.
func openInstallation(ctx context.Context, data *dataFlag, m manner) (*installation, error) {
	if raw := os.Getenv("DATABASE_URL"); raw != "" {
		return openOwn(ctx, raw)
	}
	cluster, err := postgres.Open(ctx, postgres.Options{
		Dir: data.dir, GivenByHand: data.cmd.Flags().Changed("data"), Share: m != alone, Existing: m == existing, Notices: os.Stderr})
	if err != nil {
		return nil, err
	}
	in := &installation{cluster: cluster, owner: cluster.DSN(postgres.Owner, postgres.Database)}
	in.Pool, err = db.Open(ctx, cluster.DSN(postgres.App, postgres.Database), connections)
	if err != nil {
		cluster.Stop()
		return nil, err
	}
	in.Replica = in.Pool
	return in, nil
}

// openOwn connects to the customer's PostgreSQL. Its user owns the schema; the
// server works as lotsiya_app where that role exists and the user may take it on.
func openOwn(ctx context.Context, raw string) (*installation, error) {
	owner, err := db.Open(ctx, raw, 2)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer owner.Close()
	var may bool
	if err := owner.GetContext(ctx, &may, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER'))`, postgres.App); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	app := raw
	if may {
		app = asRole(raw, postgres.App)
	} else {
		fmt.Fprintf(os.Stderr, "the database has no role %s for this user: the schema's owner serves too, and neither sealed rows nor row-level security hold it (README, «Running it for real»)\n", postgres.App)
	}
	in := &installation{owner: raw}
	if in.Pool, err = db.Open(ctx, app, connections); err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	in.Replica = in.Pool
	if replica := os.Getenv("DATABASE_REPLICA_URL"); replica != "" {
		if may {
			replica = asRole(replica, postgres.App)
		}
		if in.Replica, err = db.Open(ctx, replica, connections/2); err != nil {
			in.Pool.Close()
			return nil, fmt.Errorf("DATABASE_REPLICA_URL: %w", err)
		}
	}
	return in, nil
}

// asRole makes every connection of dsn (URL or keywords) act as role.
func asRole(dsn, role string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		q := u.Query()
		q.Set("options", strings.TrimSpace(q.Get("options")+" -c role="+role))
		u.RawQuery = q.Encode()
		return u.String()
	}
	return dsn + " options='-c role=" + role + "'"
}

// ownerDB connects as the owner of the schema.
func (in *installation) ownerDB(ctx context.Context) (*sql.DB, error) {
	pool, err := db.Open(ctx, in.owner, 2)
	if err != nil {
		return nil, err
	}
	return pool.DB, nil
}

// migrate brings the schema up to date.
func (in *installation) migrate(ctx context.Context) ([]string, error) {
	owner, err := in.ownerDB(ctx)
	if err != nil {
		return nil, err
	}
	defer owner.Close()
	return migrations.Up(ctx, owner)
}

// explain says what to do where the disk of the private server refused.
func (in *installation) explain(err error) error {
	if in.cluster == nil {
		return err
	}
	return in.cluster.Explain(err)
}

// Close ends the connections, then the private server.
func (in *installation) Close() error {
	if in.Replica != in.Pool {
		in.Replica.Close()
	}
	in.Pool.Close()
	if in.cluster != nil {
		return in.cluster.Stop()
	}
	return nil
}
