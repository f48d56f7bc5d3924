package web

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jmoiron/sqlx"
)

// Cookie is the name of the session cookie, fixed by the contract.
const Cookie = "lotsiya_session"

// sessionStore keeps sessions in PostgreSQL, so that every instance knows them
// and a sign-out holds everywhere at once.
type sessionStore struct{ pool *sqlx.DB }

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var data []byte
	err := s.pool.GetContext(ctx, &data, `SELECT data FROM sessions WHERE token = $1 AND expiry > clock_timestamp()`, token)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.pool.ExecContext(ctx, `
		INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, $3)
		ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expiry = EXCLUDED.expiry`, token, data, expiry)
	return err
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.pool.ExecContext(ctx, `DELETE FROM sessions WHERE token = $1`, token)
	return err
}

// The plain forms exist because scs asks for them; it calls the Ctx forms.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}
func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}
func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// NewSessions keeps sessions in pool: two weeks at most, a working day without use.
func NewSessions(pool *sqlx.DB) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{pool}
	m.Lifetime = 14 * 24 * time.Hour
	m.IdleTimeout = 10 * time.Hour
	m.HashTokenInStore = true
	m.Cookie.Name = Cookie
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	return m
}

// SweepSessions deletes sessions that have expired.
func SweepSessions(ctx context.Context, pool *sqlx.DB) error {
	_, err := pool.ExecContext(ctx, `DELETE FROM sessions WHERE expiry < clock_timestamp()`)
	return err
}

// loadAndSave wraps next in sessions; the cookie is Secure when the request came by https.
func loadAndSave(m *scs.SessionManager, next http.Handler) http.Handler {
	secure := *m
	secure.Cookie.Secure = true
	plainly, securely := m.LoadAndSave(next), secure.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
			securely.ServeHTTP(w, r)
			return
		}
		plainly.ServeHTTP(w, r)
	})
}
