package sitting

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Held is an answer as it is kept. Body is what was sent, byte for byte.
type Held struct {
	Revision int64
	Body     json.RawMessage
	Digest   string
	Receipt  string
	SavedAt  time.Time
}

// Empty tells whether the participant took the answer back.
func (h Held) Empty() bool {
	switch string(bytes.TrimSpace(h.Body)) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// An Entry is one answer on its way in.
type Entry struct {
	Task     string          `json:"task"`
	Revision int64           `json:"revision"`
	Answer   json.RawMessage `json:"answer"`
}

// Verdict says what became of an entry.
type Verdict uint8

// The verdicts, each with the status it has in API v1.
const (
	Failed    Verdict = iota // 500: not decided; send it again
	Taken                    // 200: durable now
	Repeated                 // 200: durable before; the receipt is that of the first time
	Stale                    // 409: not newer than what is held
	DeadLease                // 409: somebody else writes now
	Late                     // 410: the attempt is closed; kept as evidence, outside the score
	Misshapen                // 422
	Unknown                  // 404: no such task in this attempt
)

// Outcome is the answer to an entry. Revision is the one held afterwards, 0 if none.
type Outcome struct {
	Task     string
	Verdict  Verdict
	Revision int64
	SavedAt  time.Time // Taken and Repeated only
	Receipt  string    // Taken and Repeated only
	LiveHere bool      // the lease that was sent is the live one
	Why      string    // Misshapen: what is wrong, for people
}

// gate is what stands between an entry and the table.
type gate struct {
	open  bool   // in progress, and the deadline not passed when the entry came
	lease string // the live one
}

// judge decides one entry against what is held for its task (revision 0: nothing).
// It is the whole rule of the contract for one answer of the right shape.
func judge(g gate, held Held, lease string, revision int64, digest string) Verdict {
	same := held.Revision == revision && held.Digest == digest
	switch {
	case !g.open && same:
		return Repeated
	case !g.open:
		return Late
	case lease == "" || lease != g.lease:
		return DeadLease
	case revision > held.Revision:
		return Taken
	case same:
		return Repeated
	}
	return Stale
}

// maxRevision keeps revisions exact in every JSON reader.
const maxRevision = 1<<53 - 1

var errNotJSON = errors.New("ответ записан не по правилам JSON")

// digestOf is the SHA-256 of an answer's canonical form (no white space, sorted
// keys), so that the same answer written differently is the same answer.
func digestOf(answer json.RawMessage) (string, error) {
	if !utf8.Valid(answer) {
		return "", errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errNotJSON
	}
	canonical, err := json.Marshal(v)
	if err != nil {
		return "", errNotJSON
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// receiptFor proves to its holder that this answer was held at that time: an
// HMAC-SHA256 under the installation's own key, its first 128 bits in hex.
func receiptFor(key []byte, attempt int64, task string, revision int64, digest string, savedAt time.Time) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%d\n%s\n%d\n%s\n%d", attempt, task, revision, digest, savedAt.UnixMicro())
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// digestAll is the SHA-256 over "task revision digest" lines of all held answers, by task.
func digestAll(held map[string]Held) string {
	lines := make([]string, 0, len(held))
	for task, h := range held {
		lines = append(lines, fmt.Sprintf("%s %d %s\n", task, h.Revision, h.Digest))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}

// given counts the tasks that have an answer which was not taken back.
func given(held map[string]Held) int {
	n := 0
	for _, h := range held {
		if !h.Empty() {
			n++
		}
	}
	return n
}
