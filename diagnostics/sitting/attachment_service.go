package sitting

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
)

// Attached is a file taken to an extended answer; Late: after closing, kept as evidence only.
type Attached struct {
	File
	ID string // what the API calls "file"
}

// The kinds of files that can be shown to an expert, and how many an answer may have.
var mediaTypes = map[string]bool{"image/jpeg": true, "image/png": true, "application/pdf": true}

const mostFiles = 5

// Attach keeps a file with an extended answer; it is durable when Attach returns.
// mediaType is what the bytes are, not what the sender says.
func (s *Service) Attach(ctx context.Context, actor access.Actor, id, taskID, name, mediaType string, body []byte) (out Attached, err error) {
	at := s.now()
	place, err := s.seat(ctx, actor, id)
	if err != nil {
		return out, err
	}
	switch m, known := place.index[taskID]; {
	case !known:
		return out, errNoTask
	case task.Kind(m.Kind) != task.Extended:
		return out, fault.Field("file", "К этому заданию файл не прикладывают")
	case !mediaTypes[mediaType]:
		return out, fault.Field("file", "Подойдёт снимок (JPEG, PNG) или PDF")
	case len(body) == 0:
		return out, fault.Field("file", "Файл пуст")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, forUpdate)
		if err != nil {
			return err
		}
		kept, err := filesTx(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if len(kept[taskID]) >= mostFiles {
			return fault.Field("file", "Уже приложено %d файлов: больше не нужно", mostFiles)
		}
		sha, err := files.PutTx(ctx, tx, mediaType, body)
		if err != nil {
			return err
		}
		f := File{Task: taskID, SHA256: sha, Name: name, MediaType: mediaType, UploadedAt: at,
			Late: a.State != InProgress || !at.Before(*a.Deadline)}
		out = Attached{File: f, ID: sha}
		if err := fileTx(ctx, tx, a, f); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "answer.file", ObjectKind: "attempt", ObjectID: a.PublicID, Person: a.PersonID,
			Details: map[string]any{"task": taskID, "sha256": sha}})
	})
	return out, err
}

// OwnFile reads back a file the actor attached.
func (s *Service) OwnFile(ctx context.Context, actor access.Actor, id, sha string) (f files.File, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		a, err := ownTx(ctx, tx, actor, id, "")
		if err != nil {
			return err
		}
		if _, err := db.Get[int](ctx, tx, `SELECT 1 FROM answer_file WHERE attempt_id = $1 AND file_sha256 = $2 LIMIT 1`, a.ID, sha); err != nil {
			return err
		}
		f, err = files.GetTx(ctx, tx, sha)
		return err
	})
	return f, err
}
