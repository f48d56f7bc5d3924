package deficits_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// Two records turn out to be one teacher: the works of both are the teacher's own, and one word about the consent
// counts for both; taken apart, each has their own again.
func TestMergedRecordsAreOnePerson(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	kept, double := r.teachers[0], r.teachers[1]
	actorOf := func(id access.PersonID) (a access.Actor) {
		t.Helper()
		r.tx(func(tx *sqlx.Tx) (err error) {
			a, err = people.ActorTx(ctx, tx, id)
			return err
		})
		return a
	}
	publicID := func(id access.PersonID) (public string) {
		t.Helper()
		r.must(r.pool.Get(&public, `SELECT public_id FROM person WHERE id = $1`, id))
		return public
	}
	admin := actor(r.manager.ID, access.Grant{Role: access.Admin})
	_, attempt := r.attempt(r.campaign, double)
	if _, _, err := r.results.Read(ctx, actorOf(kept.ID), attempt); err == nil {
		t.Fatal("a stranger's report is open")
	}
	r.must(r.people.Merge(ctx, admin, publicID(kept.ID), publicID(double.ID), "внесена дважды"))
	one := actorOf(kept.ID)
	cards, err := r.results.Mine(ctx, one)
	r.must(err)
	if len(cards) != 2 {
		t.Errorf("%d works of one teacher, want 2", len(cards))
	}
	if report, _, err := r.results.Read(ctx, one, attempt); err != nil || report == nil || report.Name != "" {
		t.Errorf("the teacher's own report under the merged record: %v, %v", report, err)
	}
	if list, err := r.sittings.List(ctx, one); err != nil || len(list) != 2 {
		t.Errorf("%d sittings, %v", len(list), err)
	}

	r.must(r.people.DecideConsent(ctx, one, people.ForDiagnostics, 1, people.Withdrawn))
	if n := len(r.held(r.campaign, kept)) + len(r.held(r.campaign, double)); n != 0 {
		t.Errorf("after the withdrawal %d elements are held", n)
	}
	r.tx(func(tx *sqlx.Tx) error {
		gone, err := people.WithdrawnTx(ctx, tx, []access.PersonID{kept.ID, double.ID, r.teachers[2].ID})
		if err != nil || len(gone) != 2 {
			t.Errorf("withdrawn: %v, %v", gone, err)
		}
		return err
	})
	r.must(r.people.DecideConsent(ctx, one, people.ForDiagnostics, 1, people.Given))

	var merge int64
	r.must(r.pool.Get(&merge, `SELECT id FROM person_merge`))
	r.must(r.people.Unmerge(ctx, admin, merge))
	if _, _, err := r.results.Read(ctx, actorOf(kept.ID), attempt); err == nil {
		t.Error("taken apart, the other's report is still open")
	}
}
