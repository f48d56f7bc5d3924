package reports_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
)

// Before publication figures change with every person who hands in: whoever sees only a
// territory sees no bank of such a campaign, and no figure of the year counts it.
func TestUnpublishedCampaignIsForTheRegionAlone(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	s := reports.New(pool, func() time.Time { return reportstest.Now })
	figure := func() float64 {
		t.Helper()
		tx := pool.MustBegin()
		defer tx.Rollback()
		f, err := reports.Figures(t.Context(), tx, analyst(r), "people_with_deficits", 0)
		if err != nil {
			t.Fatal(err)
		}
		return f.Value
	}
	published := figure()
	if published == 0 {
		t.Fatal("nobody has a deficit in the published campaign")
	}
	pool.MustExec(`UPDATE campaign SET published_at = NULL WHERE id = $1`, r.Campaign)
	coordinator := municipal(r, access.Coordinator, "Лужский")
	if l, err := s.Look(t.Context(), coordinator, reports.Query{}); err != nil || !l.Empty {
		t.Errorf("a coordinator's bank of a campaign not published: empty %v, %v", l.Empty, err)
	}
	if _, _, err := s.Workbook(t.Context(), coordinator, "К", reports.Query{Campaign: r.Campaign}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a coordinator's workbook of it: %v", err)
	}
	if l, err := s.Look(t.Context(), analyst(r), reports.Query{Campaign: r.Campaign}); err != nil || l.Empty {
		t.Errorf("the region's analyst: empty %v, %v", l.Empty, err)
	}
	if now := figure(); now != 0 {
		t.Errorf("%g people counted of a campaign not published, %g after", now, published)
	}
}

// A reader by codes gets no records of a group whose figures are hidden, and of the
// others nothing that would name them in a small school.
func TestSmallGroupsHaveNoRecordsByCode(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	s := reports.New(pool, func() time.Time { return reportstest.Now })
	small := r.Territories["Подпорожский"]
	look := func(actor access.Actor, q reports.Query) reports.Looked {
		t.Helper()
		l, err := s.Look(t.Context(), actor, q)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := look(analyst(r), reports.Query{Territory: small}); !l.Locked || len(l.Records) != 0 {
		t.Errorf("a small municipality: %d records", len(l.Records))
	}
	whole := look(analyst(r), reports.Query{})
	if len(whole.Records) == 0 {
		t.Fatal("no records of the region")
	}
	f, err := excelize.OpenReader(strings.NewReader(get(t, served(pool, analyst(r)), "/deficits.xlsx", 200)))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Люди")
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if slices.Contains(rows[0], "Организация") || slices.Contains(rows[0], "Категория") {
		t.Errorf("columns %v", rows[0])
	}
	for _, row := range rows[1:] {
		if row[1] == "Подпорожский" {
			t.Errorf("a record of the small municipality: %v", row)
		}
	}
	// A methodist who may open results sees each person of the territory.
	if l := look(access.Actor{ID: access.PersonID(r.Methodist), Grants: []access.Grant{{Role: access.Methodist}}}, reports.Query{Territory: small}); len(l.Records) == 0 {
		t.Error("a methodist sees nobody of a small municipality")
	}
	// Beside stands how many decisions the bare share would make otherwise: as counted record by record.
	methodist, differ, seen := access.Actor{ID: access.PersonID(r.Methodist), Grants: []access.Grant{{Role: access.Methodist}}}, 0, 0
	first := look(methodist, reports.Query{})
	for page := 1; page <= first.Pages(); page++ {
		for _, x := range look(methodist, reports.Query{Page: page}).Records {
			if seen++; x.Share != nil && (*x.Share < first.Campaign.Scale.Cut) != (x.Status == "deficit") {
				differ++
			}
		}
	}
	if seen != first.Count || differ != first.Differ {
		t.Errorf("%d of %d records, %d differ, said %d", seen, first.Count, differ, first.Differ)
	}
}
