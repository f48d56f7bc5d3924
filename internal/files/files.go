// Package files keeps scans, pictures and documents in the database by content hash.
package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// MaxSize is the largest file kept, in bytes.
const MaxSize = 20 << 20

// File is one kept file; an erased one has no body.
type File struct {
	SHA256    string `db:"sha256"`
	MediaType string `db:"media_type"`
	Body      []byte `db:"body"`
}

// PutTx keeps body and returns its SHA-256 in hex; the same content is kept once.
func PutTx(ctx context.Context, tx *sqlx.Tx, mediaType string, body []byte) (string, error) {
	if len(body) > MaxSize {
		return "", fault.New(fault.TooLarge, "Файл больше 20 МБ. Сожмите его или разделите на части")
	}
	sum := sha256.Sum256(body)
	sha := hex.EncodeToString(sum[:])
	_, err := tx.ExecContext(ctx, `
		INSERT INTO file (sha256, media_type, size, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (sha256) DO NOTHING`, sha, mediaType, len(body), body)
	if err != nil {
		return "", fmt.Errorf("keep file: %w", err)
	}
	return sha, nil
}

// GetTx returns a kept file.
func GetTx(ctx context.Context, tx *sqlx.Tx, sha string) (File, error) {
	f, err := db.Get[File](ctx, tx, `SELECT sha256, media_type, body FROM file WHERE sha256 = $1`, sha)
	if err != nil {
		return File{}, fmt.Errorf("file %s: %w", sha, err)
	}
	return f, nil
}
