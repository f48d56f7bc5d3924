// Package db opens PostgreSQL and runs transactions that know their actor.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Q is what a query needs; *sqlx.Tx and *sqlx.DB satisfy it.
type Q interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	NamedExecContext(ctx context.Context, query string, arg any) (sql.Result, error)
	QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error)
}

// Open connects to PostgreSQL and waits for the first answer.
// most limits the connections held at once.
func Open(ctx context.Context, dsn string, most int) (*sqlx.DB, error) {
	pool, err := sqlx.Open("postgres", dsn)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database does not answer: %w", err)
	}
	return pool, nil
}

// InTx runs f in one transaction that knows its actor and holds every statement to the
// records that the actor reaches: commit if f returns nil, roll back otherwise, a panic
// included. It never retries and never nests.
func InTx(ctx context.Context, pool *sqlx.DB, actor access.Actor, f func(tx *sqlx.Tx) error) error {
	tx, err := pool.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	reach := actor.Reach()
	if _, err := tx.ExecContext(ctx, `
		SELECT set_config('lotsiya.actor', $1, true), set_config('lotsiya.own', $2, true), set_config('lotsiya.presence', $3, true), set_config('lotsiya.results', $4, true)`,
		strconv.FormatInt(int64(actor.ID), 10), array(actor.Own()), setting(reach.Presence), setting(reach.Results)); err != nil {
		return fmt.Errorf("name the actor: %w", err)
	}
	if err := f(tx); err != nil {
		return unstorable(err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// unstorable makes a refusal of a text that PostgreSQL cannot hold (U+0000, bytes
// that are not UTF-8): whoever sent it is to mend it, it is no fault of ours.
func unstorable(err error) error {
	if e, ok := errors.AsType[*pq.Error](err); ok && e.Code == "22021" {
		return fault.New(fault.Invalid, "В тексте есть знак, который нельзя сохранить. Уберите его и повторите")
	}
	return err
}

// Get reads exactly one row; no row is a NotFound fault.
func Get[T any](ctx context.Context, q Q, query string, args ...any) (T, error) {
	var v T
	err := q.GetContext(ctx, &v, query, args...)
	return v, Refusal(err, nil)
}

// Select reads all rows; without rows the slice is empty, not nil.
func Select[T any](ctx context.Context, q Q, query string, args ...any) ([]T, error) {
	v := []T{}
	err := q.SelectContext(ctx, &v, query, args...)
	return v, err
}

// Refusal turns a broken constraint the caller has words for, or a missing row,
// into a fault; every other error passes unchanged.
func Refusal(err error, words map[string]string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &fault.Error{Kind: fault.NotFound, Message: "Такой записи нет", Cause: err}
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		if w, known := words[e.Constraint]; known {
			return &fault.Error{Kind: fault.Conflict, Message: w, Cause: err}
		}
	}
	return err
}

// Array passes a slice to a query, or scans a pointer to a slice from a row.
func Array(a any) interface {
	driver.Valuer
	sql.Scanner
} {
	return pq.Array(a)
}

// InsertMany writes many rows to one table in one statement; values are what json makes
// of them. (COPY knows no row-level security.)
func InsertMany(ctx context.Context, tx *sqlx.Tx, table string, columns []string, rows [][]any) error {
	objects := make([]map[string]any, len(rows))
	for i, row := range rows {
		objects[i] = make(map[string]any, len(columns))
		for k, c := range columns {
			objects[i][c] = row[k]
		}
	}
	b, err := json.Marshal(objects)
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pq.QuoteIdentifier(c)
	}
	list, into := strings.Join(quoted, ", "), pq.QuoteIdentifier(table)
	if _, err := tx.ExecContext(ctx, `INSERT INTO `+into+` (`+list+`) SELECT `+list+` FROM json_populate_recordset(CAST(NULL AS `+into+`), $1)`, b); err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}
