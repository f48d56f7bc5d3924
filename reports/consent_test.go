package reports_test

import (
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
)

// A municipal methodist finds in the list and in the workbook only those who agreed; the
// figures count everybody.
func TestPeopleByConsent(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	luga := r.Territories["Лужский"]
	actor := municipal(r, access.MunicipalMethodist, "Лужский")
	look := func(actor access.Actor) reports.Looked {
		t.Helper()
		l, err := reports.New(pool, func() time.Time { return reportstest.Now }).Look(t.Context(), actor, reports.Query{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := look(actor); len(l.Records) != 0 || l.Count != 0 || l.Unshared != 20 || l.Totals[0].N != 20 {
		t.Fatalf("nobody agreed: %d records, %d not shown, %d in the figures", l.Count, l.Unshared, l.Totals[0].N)
	}
	reportstest.Share(t, pool, luga, 8)
	l := look(actor)
	var agreed int
	if err := pool.Get(&agreed, `SELECT count(*) FROM deficit d WHERE campaign_id = $1 AND territory_id = $2 AND replaced_at IS NULL AND status IN ('deficit', 'possible')
		AND EXISTS (SELECT FROM consent_event e WHERE e.person_id = d.person_id)`, r.Campaign, luga); err != nil {
		t.Fatal(err)
	}
	if agreed == 0 || l.Count != agreed || l.Unshared != 12 || l.Totals[0].N != 20 {
		t.Errorf("%d records of %d agreed to, %d people not shown, %d in the figures", l.Count, agreed, l.Unshared, l.Totals[0].N)
	}
	page := get(t, served(pool, actor), "/deficits", 200)
	if !strings.Contains(page, "Ещё 12\u00a0человек не дали согласия показывать результаты муниципальному методисту") {
		t.Error("the page does not say how many are not shown")
	}
	if all := look(analyst(r)); all.Unshared != 0 || all.Count <= l.Count {
		t.Errorf("the region: %d records, %d not shown", all.Count, all.Unshared)
	}
	if page := get(t, served(pool, analyst(r)), "/deficits", 200); strings.Contains(page, "не дали согласия") {
		t.Error("the region is told of consents that it does not need")
	}

	f, err := excelize.OpenReader(strings.NewReader(get(t, served(pool, actor), "/deficits.xlsx", 200)))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Люди")
	if err != nil || len(rows) != 1+agreed {
		t.Errorf("%d rows in the workbook, want %d; %v", len(rows), 1+agreed, err)
	}
	about, err := f.GetRows("Как посчитано")
	if err != nil || !strings.Contains(strings.Join(column(about, 1), "\n"), "Ещё 12\u00a0человек не дали согласия") {
		t.Errorf("the workbook does not say how many are not shown: %v", err)
	}
	var looked int
	if err := pool.Get(&looked, `SELECT count(DISTINCT person_id) FROM journal j WHERE actor_id = $1 AND action = 'deficit.read'
		AND NOT EXISTS (SELECT FROM consent_event e WHERE e.person_id = j.person_id)`, actor.ID); err != nil || looked != 0 {
		t.Errorf("%d people who did not agree were looked at, %v", looked, err)
	}
}

func column(rows [][]string, n int) (out []string) {
	for _, r := range rows {
		if len(r) > n {
			out = append(out, r[n])
		}
	}
	return out
}
