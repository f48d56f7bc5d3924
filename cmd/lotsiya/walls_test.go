package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/lotsiya/lotsiya/demo"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/postgres"
	"github.com/lotsiya/lotsiya/people"
)

// regionBackup is a backup of the demonstration region as it stands now.
func regionBackup(t *testing.T) string {
	t.Helper()
	var in *installation
	if r := theRegion(t); r.dir != "" {
		cluster, err := postgres.Open(t.Context(), postgres.Options{Dir: filepath.Join(r.dir, "var"), GivenByHand: true, Share: true, Existing: true})
		if err != nil {
			t.Fatal(err)
		}
		in = &installation{cluster: cluster, owner: cluster.DSN(postgres.Owner, postgres.Database)}
		if in.Pool, err = db.Open(t.Context(), in.owner, 1); err != nil {
			t.Fatal(err)
		}
		defer in.Pool.Close()
	} else { // the journeys walk elsewhere
		in = testInstallation(t, false)
		if _, err := makeRegion(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "region.backup")
	if _, err := in.backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// regionCopy is the region of a backup in a database of its own, reached by the application role as in an installation.
func regionCopy(t *testing.T, backup string) (in *installation, owner *sqlx.DB) {
	t.Helper()
	owner = dbtest.Empty(t)
	in = &installation{owner: dbtest.DSN(t, owner, postgres.Owner)}
	if err := in.restore(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	var err error
	if in.Pool, err = db.Open(t.Context(), dbtest.DSN(t, owner, postgres.App), connections); err != nil {
		t.Fatal(err)
	}
	in.Replica = in.Pool
	t.Cleanup(func() { in.Pool.Close() })
	return in, owner
}

// walled lists the tables behind row-level security.
func walled(t *testing.T, owner *sqlx.DB) []string {
	t.Helper()
	var list []string
	if err := owner.Select(&list, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity ORDER BY relname`); err != nil {
		t.Fatal(err)
	}
	return list
}

// The second wall stands behind the WHERE and changes nothing in front of it: every page and file that a sign-in of the
// demonstration reaches by links is the same with the walls and without.
func TestWallsChangeNoPage(t *testing.T) {
	t.Parallel()
	file := regionBackup(t)
	behind, owner := regionCopy(t, file)
	before, open := regionCopy(t, file)
	tables := walled(t, owner)
	if len(tables) < 15 {
		t.Fatalf("only %v stand behind row-level security", tables)
	}
	for _, table := range tables {
		if _, err := open.Exec(`ALTER TABLE ` + pq.QuoteIdentifier(table) + ` DISABLE ROW LEVEL SECURITY`); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now()
	now := func() time.Time { return at }
	serve := func(in *installation) *httptest.Server {
		s := httptest.NewServer(newApp(in, now).handler)
		t.Cleanup(s.Close)
		return s
	}
	servers := [2]*httptest.Server{serve(behind), serve(before)}
	for _, s := range demo.SignIns() {
		if testing.Short() && slices.Contains(wide, s.Role) {
			continue
		}
		t.Run(s.Login, func(t *testing.T) { // one after another: the journal and who looked at whom are pages too
			twins := [2]*member{}
			for i, server := range servers {
				jar, err := cookiejar.New(nil)
				if err != nil {
					t.Fatal(err)
				}
				twins[i] = &member{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, server.URL}
				twins[i].signIn(s.Login, s.Password)
			}
			many := 3
			if testing.Short() || slices.Contains(wide, s.Role) {
				many = 1
			}
			pages := compare(t, twins, many)
			t.Logf("%s: %d pages and files the same", s.Login, pages)
			if pages < 5 {
				t.Errorf("only %d pages compared", pages)
			}
		})
	}
}

// wide are the roles that reach everybody: their walls say yes before they look at a row, so one page of a kind will do.
var wide = []string{"methodist", "analyst", "manager"}

// compare follows every kind of link of both twins in step, so many of a kind, and holds what they get side by side.
func compare(t *testing.T, twins [2]*member, many int) (compared int) {
	t.Helper()
	queue, seen := []string{"/"}, map[string]bool{"/": true}
	shapes, kinds := map[string]int{}, map[string]int{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		shape := shapeOf(path)
		kind, _, _ := strings.Cut(shape, "?")
		if shapes[shape]++; shapes[shape] > many {
			continue
		}
		if kinds[kind]++; kinds[kind] > 4*many {
			continue
		}
		var status [2]int
		var to, body [2]string
		var failed [2]error
		var both sync.WaitGroup
		for i, m := range twins {
			both.Go(func() {
				resp, err := m.client.Get(m.url + path)
				if failed[i] = err; err != nil {
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				status[i], to[i], body[i], failed[i] = resp.StatusCode, resp.Header.Get("Location"), string(b), err
			})
		}
		both.Wait()
		if err := errors.Join(failed[:]...); err != nil {
			t.Fatal(err)
		}
		body[0], body[1] = still(t, body[0]), still(t, body[1])
		compared++
		if status[0] != status[1] || to[0] != to[1] {
			t.Errorf("%s: %d %s behind the walls, %d %s before", path, status[0], to[0], status[1], to[1])
			continue
		}
		if body[0] != body[1] {
			t.Errorf("%s is another page behind the walls:\n%s", path, difference(body[0], body[1]))
		}
		if strings.HasPrefix(to[0], "/") && !seen[to[0]] {
			seen[to[0]] = true
			queue = append(queue, to[0])
		}
		for _, l := range linkOf.FindAllStringSubmatch(body[0], -1) {
			next := strings.ReplaceAll(l[1], "&amp;", "&")
			if !seen[next] && !private.MatchString(next) {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return compared
}

// moving is what changes from one call to the next: moments of the journal, marks of one answer, the numbers of a workbook's styles.
var moving = regexp.MustCompile(` s="\d+"|\d{1,2}:\d{2}(:\d{2})?|nonce-?[="'A-Za-z0-9+/_-]+|[0-9-]{10}T[0-9:.]+(Z|\+03:00)`)

// still is a body without what moves; a workbook or a document is taken out of its archive.
func still(t *testing.T, body string) string {
	t.Helper()
	if strings.HasPrefix(body, "PK\x03\x04") {
		archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		slices.SortFunc(archive.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
		for _, f := range archive.File {
			if strings.HasPrefix(f.Name, "docProps/") || f.Name == "xl/styles.xml" {
				continue
			}
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, f.Name)
			if _, err := io.Copy(&out, r); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		body = out.String()
	}
	return moving.ReplaceAllString(body, "…")
}

// difference shows where two texts part.
func difference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	part := func(s string) string { return s[max(0, i-120):min(len(s), i+200)] }
	return fmt.Sprintf("behind: …%s…\nbefore: …%s…", part(a), part(b))
}

// held is what of each table an actor reaches, as the owner of the schema counts it. $1 own records; $2, $3 territories and
// organisations of invitations; $4, $5 those of results; $6 the expert.
var held = func() map[string]string {
	const (
		came    = `(r.territory_id = ANY($2) OR r.organisation_id = ANY($3))`
		result  = `(r.territory_id = ANY($4) OR r.organisation_id = ANY($5))`
		given   = `IN (SELECT w.attempt_id FROM marking_work w JOIN marking_assignment m ON m.work_id = w.id WHERE m.expert_id = $6)`
		work    = `IN (SELECT work_id FROM marking_assignment WHERE expert_id = $6)`
		place   = `r.person_id = ANY($1) OR ` + result
		sitting = ` JOIN attempt a ON a.id = x.attempt_id WHERE a.person_id = ANY($1)`
	)
	return map[string]string{
		"registration":       `registration r WHERE r.person_id = ANY($1) OR ` + came,
		"attempt":            `attempt a JOIN registration r ON r.id = a.registration_id WHERE a.person_id = ANY($1) OR ` + came + ` OR a.id ` + given,
		"attempt_manifest":   `attempt_manifest x` + sitting + ` OR a.id ` + given,
		"attempt_flag":       `attempt_flag x` + sitting,
		"answer":             `answer x` + sitting + ` OR a.id ` + given,
		"answer_file":        `answer_file x` + sitting + ` OR a.id ` + given,
		"marking_work":       `marking_work r WHERE ` + result + ` OR r.id ` + work,
		"marking_assignment": `marking_assignment x WHERE x.work_id ` + work,
		"score_revision":     `score_revision x JOIN attempt a ON a.id = x.attempt_id JOIN registration r ON r.id = a.registration_id WHERE ` + place,
		"task_score": `task_score y JOIN score_revision x ON x.id = y.score_revision_id JOIN attempt a ON a.id = x.attempt_id
			JOIN registration r ON r.id = a.registration_id WHERE ` + place,
		"element_result": `element_result y JOIN score_revision x ON x.id = y.score_revision_id JOIN attempt a ON a.id = x.attempt_id
			JOIN registration r ON r.id = a.registration_id WHERE ` + place,
		"deficit":        `deficit r WHERE ` + place,
		"evidence":       `evidence x WHERE x.organisation_id = ANY($5) OR x.person_id = ANY($1) OR x.person_id IN (SELECT person_id FROM registration r WHERE ` + result + `)`,
		"route":          `route r WHERE ` + place,
		"route_version":  `route_version x JOIN route r ON r.id = x.route_id WHERE ` + place,
		"route_step":     `route_step y JOIN route_version x ON x.id = y.route_version_id JOIN route r ON r.id = x.route_id WHERE ` + place,
		"route_progress": `route_progress x JOIN route r ON r.id = x.route_id WHERE ` + place,
	}
}()

// The walls hold whatever a statement forgets to say: everybody's rows are asked for, and those within reach come.
func TestWallsHold(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	in, owner := regionCopy(t, regionBackup(t))
	tables := walled(t, owner)
	all := map[string]int{}
	for _, table := range tables {
		if held[table] == "" {
			t.Errorf("nobody says what of %s is within whose reach", table)
		}
		var n, silent int
		if err := owner.Get(&n, `SELECT count(*) FROM `+table); err != nil {
			t.Fatal(err)
		}
		if err := in.Pool.Get(&silent, `SELECT count(*) FROM `+table); err != nil || silent != 0 {
			t.Errorf("a connection that says nothing sees %d rows of %s, %v", silent, table, err)
		}
		all[table] = n
	}
	if len(tables) != len(held) {
		t.Errorf("%d tables stand behind walls, want %d", len(tables), len(held))
	}
	actors, parts := map[string]access.Actor{}, map[string]int{}
	for _, s := range demo.SignIns() {
		if slices.Contains([]string{"preschool", "author", "reviewer", "methodist", "analyst"}, s.Login) { // reach what others here reach
			continue
		}
		err := db.InTx(ctx, in.Pool, access.System, func(tx *sqlx.Tx) error {
			id, err := db.Get[access.PersonID](ctx, tx, `SELECT person_id FROM credential WHERE login = $1`, s.Login)
			if err != nil {
				return err
			}
			actors[s.Login], err = people.ActorTx(ctx, tx, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		actor := actors[s.Login]
		reach := actor.Reach()
		for _, table := range tables {
			want := all[table]
			if !slices.Contains(wide, s.Role) {
				if err := owner.Get(&want, `SELECT count(*) FROM `+held[table]+` AND ($1 = $1 AND $2::bigint[] = $2 AND $3::bigint[] = $3 AND $4::bigint[] = $4 AND $5::bigint[] = $5 AND $6::bigint = $6)`,
					db.Array(actor.Own()), db.Array(reach.Presence.Territories), db.Array(reach.Presence.Organisations),
					db.Array(reach.Results.Territories), db.Array(reach.Results.Organisations), actor.ID); err != nil {
					t.Fatalf("%s: %v", table, err)
				}
			}
			var got int
			err := db.InTx(ctx, in.Pool, actor, func(tx *sqlx.Tx) error { return tx.Get(&got, `SELECT count(*) FROM `+table) })
			if err != nil || got != want {
				t.Errorf("%s sees %d rows of %s, want %d of %d, %v", s.Login, got, table, want, all[table], err)
			}
			if got > 0 && got < all[table] {
				parts[table]++
			}
		}
	}
	for _, table := range tables {
		if all[table] > 0 && parts[table] == 0 {
			t.Errorf("of %s nobody sees a part: its wall is not tested", table)
		}
	}
	t.Logf("rows %v, readers of a part %v", all, parts)

	// Writing: rows beyond the reach are neither changed nor added.
	rows := func(login, statement string, args ...any) int64 {
		t.Helper()
		n, undo := int64(0), errors.New("taken back")
		err := db.InTx(ctx, in.Pool, actors[login], func(tx *sqlx.Tx) error {
			res, err := tx.Exec(statement, args...)
			if err != nil {
				return err
			}
			if n, err = res.RowsAffected(); err != nil {
				return err
			}
			return undo
		})
		if err != undo {
			t.Fatalf("%s: %s: %v", login, statement, err)
		}
		return n
	}
	count := func(query string, args ...any) (n int64) {
		t.Helper()
		if err := owner.Get(&n, query, args...); err != nil {
			t.Fatal(err)
		}
		return n
	}
	home := actors["municipal"].Reach().Results.Territories
	if n, want := rows("municipal", `UPDATE deficit SET replaced_at = clock_timestamp() WHERE id > 0`), count(`SELECT count(*) FROM deficit WHERE territory_id = ANY($1)`, db.Array(home)); n != want || n == 0 {
		t.Errorf("a municipal methodist changes %d deficits, want %d", n, want)
	}
	if n := rows("head", `UPDATE attempt SET lease = NULL WHERE id > 0`); n != 0 {
		t.Errorf("a head changes %d sittings", n)
	}
	if n, want := rows("teacher", `UPDATE registration SET state = 'refused'`), count(`SELECT count(*) FROM registration WHERE person_id = $1`, actors["teacher"].ID); n != want || n == 0 {
		t.Errorf("a teacher refuses %d invitations, want %d", n, want)
	}
	if n := rows("expert", `DELETE FROM marking_assignment WHERE expert_id <> $1 AND work_id NOT IN (SELECT work_id FROM marking_assignment WHERE expert_id = $1)`, actors["expert"].ID); n != 0 {
		t.Errorf("an expert takes %d works from others", n)
	}
	var r struct {
		ID, Person, Campaign, Territory, Organisation int64
	}
	if err := owner.Get(&r, `SELECT id, person_id AS person, campaign_id AS campaign, territory_id AS territory, organisation_id AS organisation FROM registration g
		WHERE territory_id <> ALL ($1) AND NOT EXISTS (SELECT FROM route WHERE registration_id = g.id) LIMIT 1`, db.Array(home)); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(ctx, in.Pool, actors["municipal"], func(tx *sqlx.Tx) error {
		_, err := tx.Exec(`INSERT INTO route (person_id, campaign_id, registration_id, territory_id, organisation_id, position_code, subject_code, state, version, curator_id, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, '', '', 'draft', 1, 0, now(), now())`, r.Person, r.Campaign, r.ID, r.Territory, r.Organisation)
		return err
	})
	if e, ok := errors.AsType[*pq.Error](err); !ok || e.Code != "42501" {
		t.Errorf("a route in another municipality: %v", err)
	}
}
