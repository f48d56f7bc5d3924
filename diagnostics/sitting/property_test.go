package sitting

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

func countClosed(n *int) func(context.Context, *sqlx.Tx, int64) error {
	return func(context.Context, *sqlx.Tx, int64) error { *n++; return nil }
}

func (s *scene) closedOf(attempt int64) (c Closed) {
	s.Helper()
	s.must(db.InTx(s.Context(), s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		c, err = s.ClosedTx(s.Context(), tx, attempt)
		return err
	}))
	return c
}

// Whatever several tabs send in whatever order: what is held only ever moves to
// a higher revision, on the live lease, before the end.
func TestJudge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gate{open: true, lease: "A"}
		var held Held
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				g.lease = rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "resume")
			case 1:
				g.open = false
			default:
				lease := rapid.SampledFrom([]string{"", "A", "B", "C"}).Draw(t, "lease")
				revision := rapid.Int64Range(1, 5).Draw(t, "revision")
				digest := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "digest")
				before := held
				v := judge(g, held, lease, revision, digest)
				if v == Taken {
					if !g.open || lease != g.lease || revision <= before.Revision {
						t.Fatalf("took %d on %q over %d (open %v, live %q)", revision, lease, before.Revision, g.open, g.lease)
					}
					held = Held{Revision: revision, Digest: digest}
				}
				if v == Repeated && (before.Revision != revision || before.Digest != digest) {
					t.Fatalf("acknowledged what is not held")
				}
				if g.open && lease == g.lease && revision > before.Revision && v != Taken {
					t.Fatalf("refused a newer answer of the live writer: %v", v)
				}
				if again := judge(g, held, lease, revision, digest); v == Taken && again != Repeated {
					t.Fatalf("the same again: %v", again)
				}
			}
		}
	})
}

func TestDigestIgnoresSpelling(t *testing.T) {
	same := [][2]string{{`{"a":"1","b":"2"}`, ` { "b" : "2", "a":"1" }`}, {`"\u0410"`, `"А"`}, {`[1,2]`, `[ 1, 2 ]`}}
	for _, pair := range same {
		a, errA := digestOf(json.RawMessage(pair[0]))
		b, errB := digestOf(json.RawMessage(pair[1]))
		if errA != nil || errB != nil || a != b {
			t.Errorf("%s and %s differ (%v, %v)", pair[0], pair[1], errA, errB)
		}
	}
	for _, bad := range []string{"", "{", `"a" "b"`, "\xff", `"` + "\xc3" + `"`} {
		if _, err := digestOf(json.RawMessage(bad)); err == nil {
			t.Errorf("%q passes for JSON", bad)
		}
	}
}

// Several tabs and devices of several people save, resume and lose connection at
// once: every acknowledged answer is in the table afterwards, byte for byte, with
// its receipt; and what is held is the highest acknowledged revision.
func TestTabsAtOnce(t *testing.T) {
	t.Parallel()
	const teachers, tabs, saves = 3, 4, 25
	s := newScene(t, teachers)
	type ack struct {
		teacher  int
		revision int64
		answer   string
		receipt  string
	}
	var mu sync.Mutex
	acks := []ack{}
	leases := make([]string, teachers)
	for i := range teachers {
		_, leases[i] = s.begin(i)
	}
	var wg sync.WaitGroup
	for i := range teachers {
		for tab := range tabs {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), uint64(tab)))
				mu.Lock()
				lease := leases[i]
				mu.Unlock()
				for n := range saves {
					if r.IntN(12) == 0 { // "continue here": this tab takes the pen
						started, err := s.Start(t.Context(), s.teachers[i], s.attempts[i])
						if err != nil {
							t.Error(err)
							return
						}
						lease = started.Lease
						mu.Lock()
						leases[i] = lease
						mu.Unlock()
					} else if r.IntN(4) == 0 { // another tab of the same browser shares the lease
						mu.Lock()
						lease = leases[i]
						mu.Unlock()
					}
					e := Entry{Task: "t05", Revision: int64(n + 1 + r.IntN(20)), Answer: json.RawMessage(fmt.Sprintf(`"таб %d, %d"`, tab, n))}
					outcomes, err := s.Save(t.Context(), s.teachers[i], s.attempts[i], lease, []Entry{e})
					if err != nil {
						t.Error(err)
						return
					}
					if o := outcomes[0]; o.Verdict == Taken || o.Verdict == Repeated {
						mu.Lock()
						acks = append(acks, ack{i, e.Revision, string(e.Answer), o.Receipt})
						mu.Unlock()
					}
				}
			})
		}
	}
	wg.Wait()
	if len(acks) < teachers {
		t.Fatalf("only %d acknowledged", len(acks))
	}
	highest := make([]int64, teachers)
	for _, a := range acks {
		var body, receipt string
		s.must(s.pool.QueryRow(`SELECT w.body, w.receipt FROM answer w JOIN attempt a ON a.id = w.attempt_id
			WHERE a.public_id = $1 AND w.task = 't05' AND w.revision = $2 AND NOT w.late`, s.attempts[a.teacher], a.revision).Scan(&body, &receipt))
		if body != a.answer || receipt != a.receipt {
			t.Errorf("acknowledged %s as %d, held %s", a.answer, a.revision, body)
		}
		highest[a.teacher] = max(highest[a.teacher], a.revision)
	}
	for i := range teachers {
		p, err := s.Look(t.Context(), s.teachers[i], s.attempts[i])
		s.must(err)
		if got := p.Answers["t05"].Revision; got != highest[i] {
			t.Errorf("teacher %d: %d is held, %d was acknowledged", i, got, highest[i])
		}
	}
	faults, checked, err := Verify(t.Context(), s.pool)
	s.must(err)
	if len(faults) > 0 || checked == 0 {
		t.Errorf("verify: %v of %d", faults, checked)
	}
}

// A save that races the closing is either counted before it or kept after it;
// the digest of the receipt is that of what is held.
func TestSaveRacesSubmit(t *testing.T) {
	t.Parallel()
	s := newScene(t, 4)
	for i := range s.teachers {
		_, lease := s.begin(i)
		var wg sync.WaitGroup
		var receipt Receipt
		taken := make([]bool, 20)
		for n := range taken {
			wg.Go(func() {
				outcomes, err := s.Save(t.Context(), s.teachers[i], s.attempts[i], lease, []Entry{{"t05", int64(n + 1), json.RawMessage(fmt.Sprintf(`"%d"`, n))}})
				if err != nil {
					t.Error(err)
					return
				}
				taken[n] = outcomes[0].Verdict == Taken
			})
		}
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 2 * time.Millisecond)
			var err error
			if receipt, err = s.Submit(t.Context(), s.teachers[i], s.attempts[i], lease); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		closed := s.closedOf(s.id(`SELECT id FROM attempt WHERE public_id = $1`, s.attempts[i]))
		if digestAll(closed.Answers) != receipt.Digest || given(closed.Answers) != receipt.Answers {
			t.Errorf("the receipt does not tell what is held: %+v", receipt)
		}
		for n, ok := range taken {
			if ok && closed.Answers["t05"].Revision < int64(n+1) {
				t.Errorf("revision %d was acknowledged, %d is held", n+1, closed.Answers["t05"].Revision)
			}
		}
	}
	faults, _, err := Verify(t.Context(), s.pool)
	s.must(err)
	if len(faults) > 0 {
		t.Errorf("verify: %v", faults)
	}
}
