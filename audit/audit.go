// Package audit keeps the journal: who did what, and who looked at whose data.
//
// Entries are appended inside the transaction they tell of, without a common
// lock; a job seals them in batches with a hash chain, and Verify checks the
// chain up to the last seal. The journal carries ids, never names.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Entry is one line of the journal.
type Entry struct {
	Action     string          // noun.verb: "result.read", "route.agreed"
	ObjectKind string          // what it was done to
	ObjectID   string          //
	Person     access.PersonID // whose data it concerns; 0 = nobody's
	Purpose    string          // why, in words the person concerned may read
	Details    map[string]any
}

// Line is an entry as it is kept.
type Line struct {
	ID         int64            `db:"id"`
	At         time.Time        `db:"at"`
	Actor      access.PersonID  `db:"actor_id"`
	Action     string           `db:"action"`
	ObjectKind string           `db:"object_kind"`
	ObjectID   string           `db:"object_id"`
	Person     *access.PersonID `db:"person_id"`
	Purpose    string           `db:"purpose"`
	Details    json.RawMessage  `db:"details"`
}

const columns = `id, at, actor_id, action, object_kind, object_id, person_id, purpose, details`

// RecordTx appends an entry inside tx: it is there if and only if tx commits.
func RecordTx(ctx context.Context, tx db.Q, actor access.Actor, e Entry) error {
	return RecordManyTx(ctx, tx, actor, []Entry{e})
}

// RecordManyTx appends entries in one statement.
func RecordManyTx(ctx context.Context, tx db.Q, actor access.Actor, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	b, err := json.Marshal(rows(entries))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO journal (actor_id, action, object_kind, object_id, person_id, purpose, details)
		SELECT $1, action, object_kind, object_id, NULLIF(person_id, 0), purpose, details
		FROM jsonb_to_recordset($2) AS e (action text, object_kind text, object_id text, person_id bigint, purpose text, details jsonb)`, actor.ID, b)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func rows(entries []Entry) []map[string]any {
	out := make([]map[string]any, len(entries))
	for i, e := range entries {
		details := e.Details
		if details == nil {
			details = map[string]any{}
		}
		out[i] = map[string]any{"action": e.Action, "object_kind": e.ObjectKind, "object_id": e.ObjectID,
			"person_id": e.Person, "purpose": e.Purpose, "details": details}
	}
	return out
}

// LooksTx lists who other than the person touched the data of the person's records, newest first.
func LooksTx(ctx context.Context, tx db.Q, records []access.PersonID, limit int) ([]Line, error) {
	return db.Select[Line](ctx, tx, `
		SELECT `+columns+` FROM journal
		WHERE person_id = ANY($1) AND actor_id <> 0 AND actor_id <> ALL ($1) AND action LIKE '%.read'
		ORDER BY id DESC LIMIT $2`, db.Array(records), limit)
}

// AboutTx lists every line about a person, oldest first: what an act of erasure is kept with.
func AboutTx(ctx context.Context, tx db.Q, person access.PersonID) ([]Line, error) {
	return db.Select[Line](ctx, tx, `SELECT `+columns+` FROM journal WHERE person_id = $1 ORDER BY id`, person)
}

// LinesTx lists the journal, newest first, before the given id (0 = from the end).
func LinesTx(ctx context.Context, tx db.Q, before int64, action string, limit int) ([]Line, error) {
	return db.Select[Line](ctx, tx, `
		SELECT `+columns+` FROM journal
		WHERE ($1 = 0 OR id < $1) AND ($2 = '' OR action LIKE $2 || '%')
		ORDER BY id DESC LIMIT $3`, before, action, limit)
}

type seal struct {
	First    int64  `db:"first_id"`
	Last     int64  `db:"last_id"`
	Entries  int    `db:"entries"`
	Previous []byte `db:"previous"`
	Hash     []byte `db:"hash"`
}

// sealLock serialises sealing among instances; it is not taken by those who append.
const sealLock = 0x6c6f7473697961

// batch is how many entries one seal covers at most.
const batch = 10000

// Seal closes what was appended since the last seal into the hash chain and
// returns how many entries it took. Entries younger than a minute wait, so that
// an id taken by a transaction still open does not fall behind the seal.
func Seal(ctx context.Context, pool *sqlx.DB) (int, error) {
	sealed := 0
	err := db.InTx(ctx, pool, access.System, func(tx *sqlx.Tx) error {
		var mine bool
		if err := tx.GetContext(ctx, &mine, `SELECT pg_try_advisory_xact_lock($1)`, int64(sealLock)); err != nil || !mine {
			return err
		}
		last, err := db.Select[seal](ctx, tx, `SELECT first_id, last_id, entries, previous, hash FROM journal_seal ORDER BY last_id DESC LIMIT 1`)
		if err != nil {
			return err
		}
		from, previous := int64(0), make([]byte, sha256.Size)
		if len(last) == 1 {
			from, previous = last[0].Last, last[0].Hash
		}
		lines, err := db.Select[Line](ctx, tx, `
			SELECT `+columns+` FROM journal
			WHERE id > $1 AND at < clock_timestamp() - interval '1 minute'
			  AND id < COALESCE((SELECT min(id) FROM journal WHERE id > $1 AND at >= clock_timestamp() - interval '1 minute'), 9223372036854775807)
			ORDER BY id LIMIT $2`, from, batch)
		if err != nil || len(lines) == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO journal_seal (first_id, last_id, entries, previous, hash) VALUES ($1, $2, $3, $4, $5)`,
			lines[0].ID, lines[len(lines)-1].ID, len(lines), previous, chain(previous, lines))
		sealed = len(lines)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("seal the journal: %w", err)
	}
	return sealed, nil
}

// chain is sha256(previous, each line in a fixed form).
func chain(previous []byte, lines []Line) []byte {
	h := sha256.New()
	h.Write(previous)
	for _, l := range lines {
		person := access.PersonID(0)
		if l.Person != nil {
			person = *l.Person
		}
		fmt.Fprintf(h, "%d|%d|%d|%q|%q|%q|%d|%q|", l.ID, l.At.UnixMicro(), l.Actor, l.Action, l.ObjectKind, l.ObjectID, person, l.Purpose)
		h.Write(l.Details)
		h.Write([]byte{'\n'})
	}
	return h.Sum(nil)
}

// A Breach is a sealed stretch of the journal, by its entries' ids, that no longer
// stands as it was sealed.
type Breach struct {
	First, Last   int64
	Sealed, Found int  // entries
	Gap           bool // the seal does not continue the one before it
}

func (b Breach) String() string {
	switch {
	case b.Gap:
		return fmt.Sprintf("journal: the seal at %d does not continue the one before it", b.Last)
	case b.Sealed != b.Found:
		return fmt.Sprintf("journal: entries %d–%d: %d sealed, %d found", b.First, b.Last, b.Sealed, b.Found)
	}
	return fmt.Sprintf("journal: entries %d–%d differ from what was sealed", b.First, b.Last)
}

// Verify walks the chain up to the last seal and returns what does not hold:
// nothing where every entry stands as it was sealed. The second result is the
// number of entries checked.
func Verify(ctx context.Context, q db.Q) (broken []Breach, checked int, err error) {
	seals, err := db.Select[seal](ctx, q, `SELECT first_id, last_id, entries, previous, hash FROM journal_seal ORDER BY last_id`)
	if err != nil {
		return nil, 0, fmt.Errorf("read seals: %w", err)
	}
	previous, from := make([]byte, sha256.Size), int64(0)
	for _, s := range seals {
		lines, err := db.Select[Line](ctx, q, `SELECT `+columns+` FROM journal WHERE id > $1 AND id <= $2 ORDER BY id`, from, s.Last)
		if err != nil {
			return nil, checked, fmt.Errorf("read the journal: %w", err)
		}
		gap := !bytes.Equal(s.Previous, previous)
		if gap || len(lines) != s.Entries || !bytes.Equal(chain(s.Previous, lines), s.Hash) {
			broken = append(broken, Breach{First: s.First, Last: s.Last, Sealed: s.Entries, Found: len(lines), Gap: gap})
		}
		previous, from = s.Hash, s.Last
		checked += len(lines)
	}
	return broken, checked, nil
}
