package desk

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/reports/reportstest"
)

// The home page of a municipal methodist counts only the routes of those who agreed.
func TestRouteDeskByConsent(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	luga := r.Territories["Лужский"]
	count := func(scope access.Scope) (without, drafts int) {
		t.Helper()
		err := db.InTx(t.Context(), pool, access.System, func(tx *sqlx.Tx) error {
			stats, _, err := routeDesk(t.Context(), tx, scope, reportstest.Now)
			if err == nil {
				without, drafts = stats[0].Count, stats[1].Count
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return without, drafts
	}
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := pool.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	here := access.Scope{Territories: []int64{luga}, Organisations: []int64{}}
	exec(`INSERT INTO route (person_id, campaign_id, registration_id, territory_id, organisation_id, position_code, subject_code, state, version, curator_id, created_at, changed_at)
		SELECT DISTINCT ON (person_id) person_id, campaign_id, registration_id, territory_id, organisation_id, position_code, subject_code, 'draft', 1, $3, $4, $4
		FROM (SELECT * FROM deficit WHERE campaign_id = $1 AND territory_id = $2 AND replaced_at IS NULL ORDER BY person_id) d
		WHERE d.person_id IN (SELECT DISTINCT person_id FROM deficit WHERE campaign_id = $1 AND territory_id = $2 ORDER BY person_id LIMIT 4)`,
		r.Campaign, luga, r.Methodist, reportstest.Now)
	if without, drafts := count(here); without != 0 || drafts != 0 {
		t.Errorf("nobody agreed: %d without a route, %d drafts", without, drafts)
	}
	reportstest.Share(t, pool, luga, 7)
	var lacking int
	if err := pool.Get(&lacking, `SELECT count(DISTINCT person_id) FROM deficit d WHERE campaign_id = $1 AND territory_id = $2 AND status = 'deficit' AND replaced_at IS NULL
		AND EXISTS (SELECT FROM consent_event e WHERE e.person_id = d.person_id) AND NOT EXISTS (SELECT FROM route r WHERE r.person_id = d.person_id)`, r.Campaign, luga); err != nil {
		t.Fatal(err)
	}
	if without, drafts := count(here); lacking == 0 || without != lacking || drafts != 4 {
		t.Errorf("seven agreed: %d without a route (want %d), %d drafts", without, lacking, drafts)
	}
	if without, drafts := count(access.Scope{All: true}); without <= lacking || drafts != 4 {
		t.Errorf("the region: %d without a route, %d drafts", without, drafts)
	}
}
