package sitting

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// The saver makes answers durable, those of many attempts in one transaction:
// while one batch is being written the next one gathers, so that a thousand
// people who save at once cost a few commits and nobody waits for a timer.
//
// Nothing is promised from memory. What one batch decides, it decides under the
// row locks of its attempts, so several instances may save side by side.
type saver struct {
	pool   *sqlx.DB
	now    func() time.Time
	key    func(context.Context) ([]byte, error)
	shards [shards]shard
}

// One attempt always goes through the same shard of an instance: its answers
// stay in order and two batches do not wait for one another's locks.
const (
	shards    = 2
	batchSize = 400 // answers in one transaction
	patience  = 20 * time.Second
)

type shard struct {
	mu      sync.Mutex
	queue   []*request
	running bool
}

// A request is what one call wants saved, all for one attempt.
type request struct {
	attempt  int64
	person   access.PersonID
	lease    string
	at       time.Time // when it reached the server: what the deadline is held against
	entries  []Entry
	digests  []string
	outcomes []Outcome
	err      error
	done     chan struct{}
}

// save returns when every entry of r is decided, and the taken ones are durable.
func (s *saver) save(ctx context.Context, r *request) error {
	r.done = make(chan struct{})
	r.outcomes = make([]Outcome, len(r.entries))
	sh := &s.shards[r.attempt%shards]
	sh.mu.Lock()
	sh.queue = append(sh.queue, r)
	if !sh.running {
		sh.running = true
		go s.run(sh)
	}
	sh.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err() // it may still be written: the client asks again and hears the same
	}
}

// run writes batch after batch until nothing waits.
func (s *saver) run(sh *shard) {
	for {
		sh.mu.Lock()
		n, size := 0, 0
		for n < len(sh.queue) && (n == 0 || size+len(sh.queue[n].entries) <= batchSize) {
			size += len(sh.queue[n].entries)
			n++
		}
		batch := sh.queue[:n:n]
		sh.queue = sh.queue[n:]
		if n == 0 {
			sh.running = false
			sh.queue = nil
			sh.mu.Unlock()
			return
		}
		sh.mu.Unlock()

		err := s.write(batch)
		if err != nil && n > 1 { // one of them may be to blame: let the others through
			for _, r := range batch {
				r.err = s.write([]*request{r})
				close(r.done)
			}
			continue
		}
		for _, r := range batch {
			r.err = err
			close(r.done)
		}
	}
}

func (s *saver) write(batch []*request) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("save answers: panic: %v", p)
		}
	}()
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) error {
		return saveTx(ctx, tx, batch, key, s.now)
	})
	if err != nil {
		return fmt.Errorf("save answers: %w", err)
	}
	return nil
}

type gateRow struct {
	ID         int64           `db:"id"`
	CampaignID int64           `db:"campaign_id"`
	PersonID   access.PersonID `db:"person_id"`
	State      State           `db:"state"`
	Lease      *string         `db:"lease"`
	Deadline   *time.Time      `db:"deadline"`
}

type slot struct {
	attempt int64
	task    string
}

// saveTx locks the attempts, judges every entry in the order it came, and
// appends what is taken or kept. Attempt, person and lease are read under the lock.
func saveTx(ctx context.Context, tx *sqlx.Tx, batch []*request, key []byte, now func() time.Time) error {
	attempts, slotAttempts, slotTasks := []int64{}, []int64{}, []string{}
	for _, r := range batch {
		attempts = append(attempts, r.attempt)
		for _, e := range r.entries {
			slotAttempts, slotTasks = append(slotAttempts, r.attempt), append(slotTasks, e.Task)
		}
	}
	// An acknowledged answer outlives a crash whatever the cluster's default is.
	if _, err := tx.ExecContext(ctx, `SET LOCAL synchronous_commit = on`); err != nil {
		return err
	}
	gates, err := db.Select[gateRow](ctx, tx, `
		SELECT id, campaign_id, person_id, state, lease, deadline
		  FROM attempt WHERE id = ANY($1) ORDER BY id`+forUpdate, db.Array(attempts))
	if err != nil {
		return fmt.Errorf("attempts: %w", err)
	}
	byID := make(map[int64]gateRow, len(gates))
	for _, g := range gates {
		byID[g.ID] = g
	}
	rows, err := db.Select[heldRow](ctx, tx, `
		SELECT DISTINCT ON (a.attempt_id, a.task) a.attempt_id, a.task, a.revision, CAST(NULL AS text) AS body, a.digest, a.receipt, a.saved_at
		  FROM answer a
		  JOIN (SELECT DISTINCT attempt_id, task FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])) AS u(attempt_id, task)) w
		    ON w.attempt_id = a.attempt_id AND w.task = a.task
		 WHERE a.evidence = ''
		 ORDER BY a.attempt_id, a.task, a.revision DESC`, db.Array(slotAttempts), db.Array(slotTasks))
	if err != nil {
		return fmt.Errorf("held answers: %w", err)
	}
	held := make(map[slot]Held, len(rows))
	for _, r := range rows {
		held[slot{r.AttemptID, r.Task}] = r.held()
	}

	savedAt := now().Truncate(time.Microsecond) // as PostgreSQL keeps it
	var taken, late inserts
	for _, r := range batch {
		a, found := byID[r.attempt]
		if !found || a.PersonID != r.person {
			return fmt.Errorf("attempt %d is not that of person %d", r.attempt, r.person)
		}
		g := gate{open: a.State == InProgress && a.Deadline != nil && r.at.Before(*a.Deadline)}
		if a.Lease != nil {
			g.lease = *a.Lease
		}
		for i, e := range r.entries {
			at := slot{r.attempt, e.Task}
			h := held[at]
			o := Outcome{Task: e.Task, Verdict: judge(g, h, r.lease, e.Revision, r.digests[i]), LiveHere: g.open && r.lease != "" && r.lease == g.lease}
			switch o.Verdict {
			case Taken:
				h = Held{Revision: e.Revision, Digest: r.digests[i], SavedAt: savedAt,
					Receipt: receiptFor(key, r.attempt, e.Task, e.Revision, r.digests[i], savedAt)}
				held[at] = h
				taken.add(a, e, h, "")
			case Late:
				late.add(a, e, Held{Revision: e.Revision, Digest: r.digests[i], SavedAt: savedAt,
					Receipt: receiptFor(key, r.attempt, e.Task, e.Revision, r.digests[i], savedAt)}, r.digests[i])
			}
			o.Revision = h.Revision
			if o.Verdict == Taken || o.Verdict == Repeated {
				o.SavedAt, o.Receipt = h.SavedAt, h.Receipt
			}
			r.outcomes[i] = o
		}
	}
	if err := taken.write(ctx, tx, ""); err != nil {
		return err
	}
	return late.write(ctx, tx, ` ON CONFLICT DO NOTHING`) // the same late answer sent again is kept already
}

// inserts gathers the rows of one statement.
type inserts struct {
	attempts, revisions, campaigns, persons        []int64
	tasks, bodies, digests, receipts, evidence, at []string
}

// add takes one answer; evidence is "" where the answer counts, its digest where it came late.
func (in *inserts) add(a gateRow, e Entry, h Held, evidence string) {
	in.attempts, in.revisions = append(in.attempts, a.ID), append(in.revisions, h.Revision)
	in.campaigns, in.persons = append(in.campaigns, a.CampaignID), append(in.persons, int64(a.PersonID))
	in.tasks, in.bodies = append(in.tasks, e.Task), append(in.bodies, string(e.Answer))
	in.digests, in.receipts, in.evidence = append(in.digests, h.Digest), append(in.receipts, h.Receipt), append(in.evidence, evidence)
	in.at = append(in.at, h.SavedAt.UTC().Format(time.RFC3339Nano))
}

func (in *inserts) write(ctx context.Context, tx *sqlx.Tx, onConflict string) error {
	if len(in.attempts) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO answer (attempt_id, task, revision, campaign_id, person_id, body, digest, receipt, late, evidence, saved_at)
		SELECT u.attempt, u.task, u.revision, u.campaign, u.person, CAST(u.body AS json), u.digest, u.receipt, u.evidence <> '', u.evidence, CAST(u.at AS timestamptz)
		  FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[]), CAST($3 AS bigint[]), CAST($4 AS bigint[]), CAST($5 AS bigint[]),
		              CAST($6 AS text[]), CAST($7 AS text[]), CAST($8 AS text[]), CAST($9 AS text[]), CAST($10 AS text[]))
		       AS u(attempt, task, revision, campaign, person, body, digest, receipt, evidence, at)`+onConflict,
		db.Array(in.attempts), db.Array(in.tasks), db.Array(in.revisions), db.Array(in.campaigns), db.Array(in.persons),
		db.Array(in.bodies), db.Array(in.digests), db.Array(in.receipts), db.Array(in.evidence), db.Array(in.at))
	if err != nil {
		return fmt.Errorf("append answers: %w", err)
	}
	return nil
}
