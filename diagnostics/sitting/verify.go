package sitting

import (
	"context"
	"fmt"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// Verify checks that every kept answer is the one that was acknowledged (its
// digest is that of its text, its receipt that of its row) and that every
// submitted attempt holds exactly the answers its receipt names. It returns what
// does not hold, and how many answers were read. A text blanked by an erasure
// leaves its digest, which is checked as it stands.
func Verify(ctx context.Context, q db.Q) (broken []string, checked int, err error) {
	keys, err := db.Select[[]byte](ctx, q, `SELECT key FROM receipt_key`)
	if err != nil {
		return nil, 0, fmt.Errorf("receipt key: %w", err)
	}
	var key []byte // none before the first start of an attempt: then there are no answers either
	if len(keys) == 1 {
		key = keys[0]
	}
	erased, err := people.ErasedTx(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	rows, err := q.QueryxContext(ctx, `
		SELECT t.id AS attempt, t.state, t.digest AS handed_in, a.person_id, a.task, a.revision, a.body, a.digest, a.receipt, a.saved_at, a.late
		  FROM attempt t LEFT JOIN answer a ON a.attempt_id = t.id
		 WHERE t.state = 'submitted' OR a.attempt_id IS NOT NULL
		 ORDER BY t.id, a.task, a.revision`)
	if err != nil {
		return nil, 0, fmt.Errorf("answers: %w", err)
	}
	defer rows.Close()
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }

	var last sealed
	for rows.Next() {
		var r verifiedRow
		if err := rows.StructScan(&r); err != nil {
			return nil, checked, fmt.Errorf("answers: %w", err)
		}
		if r.Attempt != last.attempt {
			last.check(report)
			last = sealed{attempt: r.Attempt, submitted: r.State == Submitted, digest: r.HandedIn, held: map[string]Held{}}
		}
		if r.Task == nil { // handed in without an answer
			continue
		}
		checked++
		switch {
		case r.Body == nil && !erased[*r.Person]:
			report("answer: attempt %d, %s, revision %d: the text is gone, and nobody erased it", r.Attempt, *r.Task, *r.Revision)
		case r.Body != nil:
			if digest, err := digestOf([]byte(*r.Body)); err != nil || digest != *r.Digest {
				report("answer: attempt %d, %s, revision %d: the text is not the one that was acknowledged", r.Attempt, *r.Task, *r.Revision)
			}
		}
		if receiptFor(key, r.Attempt, *r.Task, *r.Revision, *r.Digest, *r.SavedAt) != *r.Receipt {
			report("answer: attempt %d, %s, revision %d: the receipt does not fit", r.Attempt, *r.Task, *r.Revision)
		}
		if !*r.Late {
			last.held[*r.Task] = Held{Revision: *r.Revision, Digest: *r.Digest}
		}
	}
	last.check(report)
	return broken, checked, rows.Err()
}

// verifiedRow is an attempt with one of its answers, if it has any.
type verifiedRow struct {
	Attempt  int64            `db:"attempt"`
	State    State            `db:"state"`
	HandedIn *string          `db:"handed_in"`
	Person   *access.PersonID `db:"person_id"`
	Task     *string          `db:"task"`
	Revision *int64           `db:"revision"`
	Body     *string          `db:"body"`
	Digest   *string          `db:"digest"`
	Receipt  *string          `db:"receipt"`
	SavedAt  *time.Time       `db:"saved_at"`
	Late     *bool            `db:"late"`
}

// sealed is an attempt whose answers are being read.
type sealed struct {
	attempt   int64
	submitted bool
	digest    *string
	held      map[string]Held
}

func (s sealed) check(report func(format string, args ...any)) {
	if s.submitted && (s.digest == nil || digestAll(s.held) != *s.digest) {
		report("attempt %d: the answers held are not those that were handed in", s.attempt)
	}
}
