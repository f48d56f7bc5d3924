package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version that the schema runs on.
const oldest = 15

const install = "install them: apt-get install postgresql (Debian, Ubuntu, Astra Linux) or dnf install postgresql-server (RED OS, Fedora); " +
	"programs in an unusual place are named by LOTSIYA_PG_BIN, a database of your own by DATABASE_URL"

// Programs is one installation of PostgreSQL's programs.
type Programs struct {
	Dir     string // holds postgres, initdb, pg_dump, pg_restore
	Version string // as `postgres -V` says it, for example "15.14"
	Major   int
}

// Path names one program of the installation.
func (p Programs) Path(name string) string { return filepath.Join(p.Dir, name) }

// places are where distributions put the programs, in the order of preference; a
// folder per major version is tried from the newest.
var places = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/pgpro/*/bin", "/usr/lib64/pgsql*/bin"}

// FindPrograms returns the newest installed PostgreSQL; a major above zero asks for
// exactly that version, as an existing data directory does. The error is one line
// that says what to install.
func FindPrograms(ctx context.Context, major int) (Programs, error) {
	if given := os.Getenv("LOTSIYA_PG_BIN"); given != "" {
		p, err := programsIn(ctx, given)
		if err != nil {
			return Programs{}, fmt.Errorf("LOTSIYA_PG_BIN=%s does not hold the programs of PostgreSQL: %w", given, err)
		}
		return suits(major, []Programs{p})
	}
	var dirs []string
	for _, pattern := range places {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		dirs = append(dirs, newestFirst(found)...)
	}
	if p, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(p))
	}
	var found []Programs
	for _, d := range dirs {
		if p, err := programsIn(ctx, d); err == nil {
			found = append(found, p)
		}
	}
	return suits(major, found)
}

func suits(major int, found []Programs) (Programs, error) {
	var seen []string
	for _, p := range found {
		if p.Major == major || major == 0 && p.Major >= oldest {
			return p, nil
		}
		seen = append(seen, p.Version)
	}
	seen = slices.Compact(seen)
	switch {
	case len(found) == 0 && major == 0:
		return Programs{}, fmt.Errorf("the programs of PostgreSQL are not found (version %d or newer is needed); %s", oldest, install)
	case len(found) == 0:
		return Programs{}, fmt.Errorf("the programs of PostgreSQL are not found (the data were made by version %d, and that is needed); %s", major, install)
	case major == 0:
		return Programs{}, fmt.Errorf("PostgreSQL %d or newer is needed, only %s is found; %s", oldest, strings.Join(seen, ", "), install)
	}
	return Programs{}, fmt.Errorf("the data were made by PostgreSQL %d, but only %s is found; install PostgreSQL %d beside it, take a backup (lotsiya backup) and restore that into a new folder",
		major, strings.Join(seen, ", "), major)
}

// versionOf reads "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)" and "… 18devel".
var versionOf = regexp.MustCompile(`\)\s+((\d+)[^\s]*)`)

func programsIn(ctx context.Context, dir string) (Programs, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Programs{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "-V").Output()
	if err != nil {
		return Programs{}, fmt.Errorf("postgres -V: %w", err)
	}
	m := versionOf.FindStringSubmatch(string(out))
	if m == nil {
		return Programs{}, fmt.Errorf("postgres -V: unexpected answer %q", strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(m[2])
	if err != nil {
		return Programs{}, fmt.Errorf("postgres -V: %w", err)
	}
	return Programs{Dir: dir, Version: m[1], Major: major}, nil
}

var digits = regexp.MustCompile(`\d+`)

// newestFirst orders folders by the number in their name: 16 before 9, and "15" after "110".
func newestFirst(dirs []string) []string {
	number := func(dir string) int {
		n, _ := strconv.Atoi(digits.FindString(filepath.Base(filepath.Dir(dir)))) // no number at all: last
		return n
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return number(b) - number(a) })
	return dirs
}
