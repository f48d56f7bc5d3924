package reports_test

import (
	"context"
	"math"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
)

func analyst(r reportstest.Region) access.Actor {
	return access.Actor{ID: access.PersonID(r.Analyst), Grants: []access.Grant{{Role: access.Analyst}}}
}

func municipal(r reportstest.Region, role access.Role, territory string) access.Actor {
	return access.Actor{ID: access.PersonID(r.Methodist), Grants: []access.Grant{{Role: role, Territory: r.Territories[territory]}}}
}

func inTx[T any](t *testing.T, pool *sqlx.DB, actor access.Actor, f func(ctx context.Context, tx *sqlx.Tx) (T, error)) (out T, err error) {
	t.Helper()
	err = db.InTx(t.Context(), pool, actor, func(tx *sqlx.Tx) error {
		out, err = f(t.Context(), tx)
		return err
	})
	return out, err
}

func bank(t *testing.T, pool *sqlx.DB, actor access.Actor, q reports.Query) reports.Bank {
	t.Helper()
	b, err := inTx(t, pool, actor, func(ctx context.Context, tx *sqlx.Tx) (reports.Bank, error) { return reports.BankTx(ctx, tx, actor, q) })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func row(t *testing.T, rows []reports.Row, title string) reports.Row {
	t.Helper()
	for _, r := range rows {
		if r.Title == title {
			return r
		}
	}
	t.Fatalf("no row %q in %+v", title, rows)
	return reports.Row{}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	for key, want := range map[string]string{
		"campaigns": "1", "instruments": "1", "tasks_approved": "10", "invited": "64", "took_part": "60", "coverage": "94\u00a0%", "territories": "4",
		"memos_approved": "0", "routes_proposed": "0", "routes_agreed": "0", "routes_completed": "0", "with_route": "0\u00a0%", "other_evidence": "0",
	} {
		f, err := inTx(t, pool, analyst(r), func(ctx context.Context, tx *sqlx.Tx) (reports.Figure, error) {
			return reports.Figures(ctx, tx, analyst(r), key, 2026)
		})
		if err != nil || f.Text() != want {
			t.Errorf("%s in 2026: %q, %v, want %q", key, f.Text(), err, want)
		}
		before, err := inTx(t, pool, analyst(r), func(ctx context.Context, tx *sqlx.Tx) (reports.Figure, error) {
			return reports.Figures(ctx, tx, analyst(r), key, 2024)
		})
		if err != nil || before.Known && before.Value != 0 {
			t.Errorf("%s in 2024: %q, %v", key, before.Text(), err)
		}
	}
	for _, k := range reports.Keys() { // each statement runs, and says what it is
		f, err := inTx(t, pool, access.System, func(ctx context.Context, tx *sqlx.Tx) (reports.Figure, error) {
			return reports.FigureTx(ctx, tx, k.Key, reports.Where{Campaign: r.Campaign, Territory: r.Territories["Лужский"]})
		})
		if err != nil || k.Title == "" || k.Definition == "" || k.Unit == "" || k.Good == "" {
			t.Errorf("%s: %+v, %v", k.Key, f, err)
		}
	}
	parts, err := inTx(t, pool, analyst(r), func(ctx context.Context, tx *sqlx.Tx) (reports.Figure, error) {
		return reports.Figures(ctx, tx, analyst(r), "took_part", 2026)
	})
	if err != nil || len(parts.Parts) != 4 {
		t.Fatalf("parts: %+v, %v", parts, err)
	}
	for _, p := range parts.Parts { // 3 of Подпорожский and the smallest beside it
		if want := p.Title == "Подпорожский" || p.Title == "Киришский"; p.Hidden != want {
			t.Errorf("%s: hidden %v", p.Title, p.Hidden)
		}
	}
	if _, err := inTx(t, pool, analyst(r), func(ctx context.Context, tx *sqlx.Tx) (reports.Figure, error) {
		return reports.Figures(ctx, tx, analyst(r), "nonsense", 2026)
	}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	b := bank(t, pool, analyst(r), reports.Query{})
	if b.Campaign.ID != r.Campaign || len(b.Choices.Campaigns) != 1 {
		t.Fatalf("campaign %+v: a rehearsal must not count", b.Campaign)
	}
	if len(b.Elements) != 5 || b.Elements[0].Code != "П1" || b.Elements[4].Code != "М2" || len(b.Rows) != 4 {
		t.Fatalf("elements %+v, %d rows", b.Elements, len(b.Rows))
	}
	for name, hidden := range map[string]bool{"Волховский": false, "Лужский": false, "Киришский": true, "Подпорожский": true} {
		if got := row(t, b.Rows, name); got.Hidden != hidden || hidden && (got.N != 0 || got.Cells[0] != reports.Cell{State: reports.Hidden}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// the figure is what a plain query says
	var mean, below float64
	if err := pool.QueryRowx(`SELECT avg(estimate), avg(p_deficit) FROM deficit WHERE campaign_id = $1 AND element_id = 'method.errors' AND territory_id = $2`,
		r.Campaign, r.Territories["Лужский"]).Scan(&mean, &below); err != nil {
		t.Fatal(err)
	}
	cell := row(t, b.Rows, "Лужский").Cells[4]
	if math.Abs(cell.Mean-mean) > 1e-8 || math.Abs(cell.Below-below) > 1e-8 || cell.N != 20 || !(cell.Low < cell.Mean && cell.Mean < cell.High) {
		t.Errorf("%+v, want mean %v, below %v", cell, mean, below)
	}
	region := b.Totals[0]
	if region.Title != reports.Region || region.N != 60 || b.Rank[0].Element.ID != "method.errors" || b.Rank[0].Cell != region.Cells[4] {
		t.Errorf("region %+v, first in the list %+v", region, b.Rank[0])
	}
	if b.Trust.Took != 60 || b.Trust.Invited != 64 || b.Trust.Subject == nil || b.Trust.Methodical == nil || b.Trust.Cells != 20 || b.Trust.Hidden < 10 {
		t.Errorf("trust %+v", b.Trust)
	}

	// a municipality: its schools, its total, the region; what is hidden above is hidden below
	b = bank(t, pool, analyst(r), reports.Query{Territory: r.Territories["Лужский"]})
	if len(b.Rows) != 2 || len(b.Totals) != 2 || b.Totals[0].N != 20 || b.Totals[0].Cells[4] != cell {
		t.Errorf("Лужский: %+v %+v", b.Rows, b.Totals)
	}
	b = bank(t, pool, analyst(r), reports.Query{Territory: r.Territories["Киришский"]})
	if !b.Locked || !b.Rows[0].Hidden || !b.Totals[0].Hidden || len(b.Rank) != 0 {
		t.Errorf("Киришский gives Подпорожский away: %+v", b.Totals)
	}
	// a filter whose rest is small is not shown: 57 of 60 without the highest category would tell of three
	b = bank(t, pool, analyst(r), reports.Query{Category: "highest"})
	if !b.Totals[0].Hidden || !row(t, b.Rows, "Волховский").Hidden {
		t.Errorf("three people of the highest category are shown: %+v", b.Totals)
	}
	b = bank(t, pool, analyst(r), reports.Query{Order: "n"})
	if b.Rows[0].Title != "Волховский" || b.Rows[1].Title != "Лужский" {
		t.Errorf("by number: %+v", b.Rows)
	}
}

func TestFewData(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	if _, err := pool.Exec(`UPDATE deficit SET status = 'insufficient' WHERE element_id = 'math.stereo' AND territory_id = $1
		AND person_id NOT IN (SELECT person_id FROM deficit WHERE territory_id = $1 ORDER BY person_id LIMIT 2)`, r.Territories["Лужский"]); err != nil {
		t.Fatal(err)
	}
	b := bank(t, pool, analyst(r), reports.Query{})
	if c := row(t, b.Rows, "Лужский").Cells[2]; c.State != reports.Few {
		t.Errorf("an element two people showed: %+v", c)
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	actor := municipal(r, access.Coordinator, "Лужский")
	b := bank(t, pool, actor, reports.Query{})
	if b.Query.Territory != r.Territories["Лужский"] || len(b.Totals) != 2 || b.Totals[0].Hidden || b.Totals[1].Hidden || len(b.Choices.Territories) != 1 {
		t.Errorf("a coordinator sees his territory and the region: %+v", b.Totals)
	}
	_, err := inTx(t, pool, actor, func(ctx context.Context, tx *sqlx.Tx) (reports.Bank, error) {
		return reports.BankTx(ctx, tx, actor, reports.Query{Territory: r.Territories["Волховский"]})
	})
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("another territory: %v", err)
	}
	// one's own territory of twelve is shown: the rows beside it that it would betray are not
	b = bank(t, pool, municipal(r, access.MunicipalMethodist, "Киришский"), reports.Query{})
	if b.Locked || b.Totals[0].N != 12 {
		t.Errorf("Киришский for its own methodist: %+v", b.Totals)
	}
	b = bank(t, pool, municipal(r, access.MunicipalMethodist, "Подпорожский"), reports.Query{})
	if !b.Locked {
		t.Errorf("three people are shown: %+v", b.Totals)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	digest := func(territory int64) (reports.Digest, error) {
		return inTx(t, pool, analyst(r), func(ctx context.Context, tx *sqlx.Tx) (reports.Digest, error) {
			return reports.DigestTx(ctx, tx, analyst(r), r.Campaign, territory)
		})
	}
	d, err := digest(r.Territories["Лужский"])
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	for _, b := range d.Histogram {
		people += b.N
		if b.N > 0 && b.N < reports.Least {
			t.Errorf("a class of %d", b.N)
		}
	}
	if d.Persons != 20 || people != 20 || len(d.Parts) != 2 || len(d.Participation) != 2 || d.Participation[0].Took != 20 || d.Participation[1].Took != 60 {
		t.Errorf("%+v", d)
	}
	var methodical float64
	if err := pool.Get(&methodical, `SELECT sum(t.points) / sum(t.max_points) FROM task_score t JOIN task_version v ON v.id = t.task_version_id
		JOIN score_revision s ON s.id = t.score_revision_id JOIN attempt a ON a.id = s.attempt_id JOIN registration r ON r.id = a.registration_id
		WHERE v.part = 'methodical' AND r.territory_id = $1 AND r.campaign_id = $2`, r.Territories["Лужский"], r.Campaign); err != nil {
		t.Fatal(err)
	}
	if d.Parts[1].Part != "methodical" || math.Abs(d.Parts[1].Score.Mean-methodical) > 1e-12 {
		t.Errorf("parts %+v, want methodical %v", d.Parts, methodical)
	}
	for _, g := range append(d.ByCategory, d.ByExperience...) {
		if g.N > 0 && g.N < reports.Least {
			t.Errorf("a small group: %+v", g)
		}
	}
	region, err := digest(0)
	if err != nil || len(region.Rows) != 4 || len(region.Participation) != 5 {
		t.Fatalf("region: %+v, %v", region.Participation, err)
	}
	for _, g := range region.ByCategory {
		if g.Title == "высшая" && !g.Hidden {
			t.Errorf("three people: %+v", g)
		}
	}
	if _, err := digest(r.Territories["Подпорожский"]); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a memo of three people: %v", err)
	}
}
