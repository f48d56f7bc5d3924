package postgres

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

// Dump writes the whole database of dsn to w in pg_dump's own compressed format: one
// consistent state of it, while others go on working. Nobody's session is in it.
func Dump(ctx context.Context, p Programs, dsn string, w io.Writer) error {
	env, err := environment(dsn)
	if err != nil {
		return err
	}
	if err := p.serves(ctx, dsn); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.Path("pg_dump"), "--format=custom", "--exclude-table-data=sessions", "--no-password")
	cmd.Env, cmd.Stdout = env, w
	return run(cmd)
}

// Dumped is what a backup says of itself.
type Dumped struct {
	Schema int64 // the last migration it holds
}

// ReadDump looks into a backup without restoring it. The error tells what the file is not.
func ReadDump(ctx context.Context, p Programs, file string) (Dumped, error) {
	f, err := os.Open(file)
	if err != nil {
		return Dumped{}, fmt.Errorf("the backup does not open: %w", err)
	}
	defer f.Close()
	magic := make([]byte, 5)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != "PGDMP" {
		return Dumped{}, fmt.Errorf("%s is not a backup (a file written by lotsiya backup was expected)", file)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Path("pg_restore"), "--data-only", "--table=goose_db_version", "--file=-", file)
	cmd.Stdout = &out
	if err := run(cmd); err != nil {
		return Dumped{}, fmt.Errorf("the backup %s is damaged: %w", file, err)
	}
	d, err := lastMigration(&out)
	if err != nil || d.Schema == 0 {
		return Dumped{}, fmt.Errorf("%s is not a backup of Lotsiya: it holds no list of migrations", file)
	}
	return d, nil
}

// lastMigration reads the COPY block of goose's table: id, version_id, is_applied, tstamp.
func lastMigration(r io.Reader) (Dumped, error) {
	var d Dumped
	column, within := -1, false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "COPY ") && strings.Contains(line, "goose_db_version"):
			_, list, _ := strings.Cut(line, "(")
			list, _, _ = strings.Cut(list, ")")
			for i, name := range strings.Split(list, ", ") {
				if name == "version_id" {
					column = i
				}
			}
			within = column >= 0
		case line == `\.`:
			within = false
		case within:
			fields := strings.Split(line, "\t")
			if len(fields) <= column {
				return d, fmt.Errorf("unexpected line %q", line)
			}
			v, err := strconv.ParseInt(fields[column], 10, 64)
			if err != nil {
				return d, err
			}
			d.Schema = max(d.Schema, v)
		}
	}
	return d, lines.Err()
}

// Restore puts a backup into an empty database, whole or not at all. Rights of the
// application role come with it where that role exists.
func Restore(ctx context.Context, p Programs, dsn, file string) error {
	env, err := environment(dsn)
	if err != nil {
		return err
	}
	if err := p.serves(ctx, dsn); err != nil {
		return err
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	var tables int
	var hasApp bool
	err = db.QueryRowContext(ctx, `
		SELECT count(*), EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%'
		  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')`, App).Scan(&tables, &hasApp)
	if err != nil {
		return fmt.Errorf("look whether the database is empty: %w", err)
	}
	if tables > 0 {
		return errors.New("the database is not empty; a backup goes into an empty one only: give a new folder by --data (or an empty database by DATABASE_URL)")
	}
	args := []string{"--single-transaction", "--exit-on-error", "--no-owner", "--no-password", "--dbname="}
	if !hasApp {
		args = append(args, "--no-privileges")
	}
	cmd := exec.CommandContext(ctx, p.Path("pg_restore"), append(args, file)...)
	cmd.Env = env
	if err := run(cmd); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `ANALYZE`); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}

// serves refuses programs older than the server: pg_dump cannot read a newer one.
func (p Programs) serves(ctx context.Context, dsn string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	var number int
	if err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&number); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if number/10000 > p.Major {
		return fmt.Errorf("the database runs on PostgreSQL %d, but the programs found are of version %s; install postgresql-client-%d",
			number/10000, p.Version, number/10000)
	}
	return nil
}

// environment passes the address to PostgreSQL's programs by variables: a command line
// with a password in it could be read by everybody on the machine.
func environment(dsn string) ([]string, error) {
	c, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	hosts, ports := []string{c.Host}, []string{strconv.Itoa(int(c.Port))}
	for _, m := range c.Multi {
		hosts, ports = append(hosts, m.Host), append(ports, strconv.Itoa(int(m.Port)))
	}
	env := os.Environ()
	for _, v := range []struct{ name, value string }{
		{"PGHOST", strings.Join(hosts, ",")}, {"PGPORT", strings.Join(ports, ",")}, {"PGUSER", c.User}, {"PGPASSWORD", c.Password},
		{"PGDATABASE", c.Database}, {"PGSSLMODE", string(c.SSLMode)}, {"PGSSLCERT", c.SSLCert}, {"PGSSLKEY", c.SSLKey},
		{"PGSSLROOTCERT", c.SSLRootCert}, {"PGTARGETSESSIONATTRS", string(c.TargetSessionAttrs)}, {"PGOPTIONS", c.Options}, {"LC_ALL", "C.UTF-8"},
	} {
		if v.value != "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env, nil
}

// run gives back what the program said as the error, in one line.
func run(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if fault := diskFault(said.String(), cmd.Dir); fault != nil {
		return fault
	}
	for line := range strings.Lines(said.String()) {
		if _, why, ok := strings.Cut(line, "error: "); ok {
			return fmt.Errorf("%s", strings.TrimSpace(why))
		}
	}
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
}
