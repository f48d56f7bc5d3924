package sitting

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
)

// Whatever is done to the table behind the program's back, verify names it.
func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, tamper, want string }{
		{"nothing", `SELECT 1`, ""},
		{"another text", `UPDATE answer SET body = '"другое"' WHERE revision = 2`, "the text is not the one"},
		{"another text with its digest", `UPDATE answer SET body = '1', digest = encode(sha256('1'), 'hex') WHERE revision = 2`, "the receipt does not fit"},
		{"a text that is gone", `UPDATE answer SET body = NULL WHERE revision = 2`, "the text is gone"},
		{"a text that was erased", `WITH e AS (INSERT INTO erasure SELECT DISTINCT person_id, now(), '', '{}'::jsonb FROM answer) UPDATE answer SET body = NULL`, ""},
		{"another time", `UPDATE answer SET saved_at = saved_at - interval '1 hour'`, "the receipt does not fit"},
		{"a row that is gone", `DELETE FROM answer WHERE revision = 2`, "not those that were handed in"},
		{"all rows gone", `DELETE FROM answer`, "not those that were handed in"},
		{"another key", `UPDATE receipt_key SET key = sha256('x')`, "the receipt does not fit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 1)
			_, lease := s.begin(0)
			for revision := range int64(2) {
				_, err := s.Save(t.Context(), s.teachers[0], s.attempts[0], lease, []Entry{{"t05", revision + 1, json.RawMessage(`"ответ"`)}})
				s.must(err)
			}
			_, err := s.Submit(t.Context(), s.teachers[0], s.attempts[0], lease)
			s.must(err)
			if _, err := dbtest.Owner(t, s.pool).Exec(c.tamper); err != nil {
				t.Fatal(err)
			}
			broken, _, err := Verify(t.Context(), s.pool)
			s.must(err)
			said := strings.Join(broken, "\n")
			if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
				t.Errorf("verify said %q, want %q", said, c.want)
			}
		})
	}
}
