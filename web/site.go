// Package web is the shell every page shares: layout, errors, forms, sessions.
// It imports no bounded context.
package web

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

//go:embed static
var static embed.FS

// Visitor is the signed-in person as the shell shows them.
type Visitor struct {
	Actor    access.Actor
	Name     string // as the header shows it
	Large    bool   // larger type
	Contrast bool   // higher contrast
}

// SignedIn reports whether somebody is signed in.
func (v Visitor) SignedIn() bool { return v.Actor.ID != 0 }

// NavItem is one entry of the main navigation.
type NavItem struct{ Title, Href string }

// Site is what the shell needs of the rest of the program.
type Site struct {
	Sessions *scs.SessionManager
	// Visitor looks up the person of a session; a NotFound fault signs the session out.
	Visitor func(ctx context.Context, id access.PersonID) (Visitor, error)
	// Nav lists the sections an actor may enter.
	Nav func(access.Actor) []NavItem
}

const (
	visitorKey  = "web.visitor"
	siteKey     = "web.site"
	personInSes = "person"
	flashInSes  = "flash"
)

// NewEngine returns an engine with the shell's middleware and static files.
// Every page is parsed first, so that a broken one stops the start.
// Mount contexts on it, then serve Site.Handler(engine).
func (s *Site) NewEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	ParsePages()
	e := gin.New()
	e.ContextWithFallback = false
	e.Use(recovered, headers, s.load)
	e.GET("/static/*path", serveStatic)
	e.NoRoute(Handle(func(c *gin.Context) error {
		if isAPI(c) && !VisitorOf(c).SignedIn() { // the contract: every call without a session
			return fault.New(fault.Unauthorized, "Сначала войдите")
		}
		return errNoPage
	}))
	return e
}

var errNoPage = fault.New(fault.NotFound, "Такой страницы нет или она не для вас")

// Handler wraps the engine in sessions and the protection against cross-site requests.
// HEAD is answered as GET is; the server leaves the body out.
func (s *Site) Handler(e *gin.Engine) http.Handler {
	return headAsGet(http.NewCrossOriginProtection().Handler(loadAndSave(s.Sessions, e)))
}

func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			asGet := *r
			asGet.Method = http.MethodGet
			r = &asGet
		}
		next.ServeHTTP(w, r)
	})
}

// SignIn binds the session to a person, under a new token.
func (s *Site) SignIn(c *gin.Context, id access.PersonID) error {
	ctx := c.Request.Context()
	if err := s.Sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("new session: %w", err)
	}
	s.Sessions.Put(ctx, personInSes, int64(id))
	return nil
}

// SignOut ends the session everywhere.
func (s *Site) SignOut(c *gin.Context) error { return s.Sessions.Destroy(c.Request.Context()) }

// load finds the visitor of the session.
func (s *Site) load(c *gin.Context) {
	c.Set(siteKey, s)
	ctx := c.Request.Context()
	id := access.PersonID(s.Sessions.GetInt64(ctx, personInSes))
	if id == 0 || strings.HasPrefix(c.Request.URL.Path, "/static/") {
		return
	}
	v, err := s.Visitor(ctx, id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		err = s.Sessions.Destroy(ctx)
	case err == nil:
		c.Set(visitorKey, v)
	}
	if err != nil {
		fail(c, fmt.Errorf("visitor: %w", err))
	}
}

// As makes every request act for v; it stands in for a session in tests of pages.
func As(v Visitor) gin.HandlerFunc { return func(c *gin.Context) { c.Set(visitorKey, v) } }

// VisitorOf returns the signed-in person, the zero Visitor without one.
func VisitorOf(c *gin.Context) Visitor {
	v, _ := c.Get(visitorKey)
	visitor, _ := v.(Visitor)
	return visitor
}

// Actor returns whom the request acts for; behind Need or SignedIn it is never nobody.
func Actor(c *gin.Context) access.Actor { return VisitorOf(c).Actor }

// SignedIn lets in any signed-in person, and sends others to sign in.
func SignedIn() gin.HandlerFunc {
	return func(c *gin.Context) {
		if VisitorOf(c).SignedIn() {
			return
		}
		if isAPI(c) {
			fail(c, fault.New(fault.Unauthorized, "Сначала войдите"))
			return
		}
		to := "/sign-in"
		if c.Request.Method == http.MethodGet && c.Request.URL.Path != "/" {
			to += "?next=" + escapeQuery(c.Request.URL.RequestURI())
		}
		c.Redirect(http.StatusSeeOther, to)
		c.Abort()
	}
}

// Need lets in those who may do p somewhere; to others the page does not exist.
func Need(p access.Permission) gin.HandlerFunc {
	signedIn := SignedIn()
	return func(c *gin.Context) {
		if signedIn(c); c.IsAborted() {
			return
		}
		if !Actor(c).May(p) {
			fail(c, errNoPage)
		}
	}
}

// headers forbids everything foreign and keeps pages with personal data out of caches.
func headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// recovered turns a panic of a handler into its error page.
func recovered(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			fail(c, fmt.Errorf("panic: %v", p))
		}
	}()
	c.Next()
}

// Access logs each request once it is done; bodies and names never.
func Access(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := time.Now()
		c.Next()
		log.DebugContext(c.Request.Context(), "request", "method", c.Request.Method, "route", c.FullPath(),
			"status", c.Writer.Status(), "ms", time.Since(start).Milliseconds())
	}
}
