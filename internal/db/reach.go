package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/internal/access"
)

// everybody is the setting of a reach without bounds (migrations/0014_walls.sql).
const everybody = "*"

// setting writes a scope as the policies of the schema read it.
func setting(s access.Scope) string {
	if s.All {
		return everybody
	}
	return array(s.Territories) + "|" + array(s.Organisations)
}

func array[T ~int64](ids []T) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.FormatInt(int64(id), 10)
	}
	return "{" + strings.Join(words, ",") + "}"
}

// Everybody runs f with the walls between persons' records down: for a figure over everybody, for work that follows from
// the actor's own and is the program's, and for all that is known of one person whom the caller has let the actor see.
// f must not hand out other records. Afterwards the walls stand as before; nested in itself it does nothing.
func Everybody(ctx context.Context, tx Q, f func() error) error {
	was, err := Get[struct {
		Presence string `db:"presence"`
		Results  string `db:"results"`
		Now      string `db:"now"`
	}](ctx, tx, `
		SELECT presence, results, set_config('lotsiya.presence', '*', true) || set_config('lotsiya.results', '*', true) AS now
		FROM (SELECT COALESCE(current_setting('lotsiya.presence', true), '') AS presence, COALESCE(current_setting('lotsiya.results', true), '') AS results OFFSET 0) was`)
	if err != nil {
		return fmt.Errorf("let the walls down: %w", err)
	}
	failed := f()
	if was.Presence == everybody && was.Results == everybody {
		return failed
	}
	_, err = tx.ExecContext(ctx, `SELECT set_config('lotsiya.presence', $1, true), set_config('lotsiya.results', $2, true)`, was.Presence, was.Results)
	if failed != nil {
		return failed // a statement that broke has ended the transaction, and the walls with it
	}
	if err != nil {
		return fmt.Errorf("put the walls up: %w", err)
	}
	return nil
}
