package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/lotsiya/lotsiya/internal/db"
)

// Verify reads every kept file and returns those whose content is not what their
// name, the hash, says; an erased one has none. The second result is the number read.
func Verify(ctx context.Context, q db.Q) (broken []string, checked int, err error) {
	rows, err := q.QueryxContext(ctx, `SELECT sha256, size, body FROM file WHERE body IS NOT NULL ORDER BY sha256`)
	if err != nil {
		return nil, 0, fmt.Errorf("read files: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var size int64
		var body []byte
		if err := rows.Scan(&name, &size, &body); err != nil {
			return nil, checked, fmt.Errorf("read files: %w", err)
		}
		checked++
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != name || int64(len(body)) != size {
			broken = append(broken, fmt.Sprintf("files: the content of %s is not what it was", name))
		}
	}
	return broken, checked, rows.Err()
}
