package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/fault"
)

//go:embed layout/*.html components/*.html
var layout embed.FS

// Crumb is one step of the way from the region to this page; the last has no Href.
type Crumb struct{ Title, Href string }

// Head is what a page tells the layout.
type Head struct {
	Title   string
	Nav     string  // Href of the section this page lies in
	Crumbs  []Crumb // from the outermost; empty = none shown
	Class   string  // of body: "desk" (default), "participant", "participant exam"
	Main    string  // of main: "page" (default), "page page-read", …
	Modules []string
	Bare    bool // the page defines "body" itself
	// Live tells that the page shows work going on: without script it comes again every few seconds, with script only
	// what stands in its element with data-live is taken anew.
	Live bool
}

// frame is what the layout sees.
type frame struct {
	Head    Head
	Visitor Visitor
	Nav     []NavItem
	Rest    []NavItem // of Nav: what a wide page folds away too
	Flash   string
	Path    string
	Data    any
}

// How many sections stand in a line on a wide page, and on a telephone: the rest is folded.
const (
	navInLine   = 6
	navOnNarrow = 4
)

// Folds tells whether a telephone shows the sections folded.
func (f frame) Folds() bool { return len(f.Nav) > navOnNarrow }

// InLine tells whether a wide page shows the i-th section in the line.
func (f frame) InLine(i int) bool { return i < len(f.Nav)-len(f.Rest) }

// Here is the section the page lies in, "" where it lies in none.
func (f frame) Here() string {
	for _, n := range f.Nav {
		if n.Href == f.Head.Nav {
			return n.Title
		}
	}
	return ""
}

// HereFolded tells whether the page lies in a section that a wide page folds away.
func (f frame) HereFolded() bool {
	return slices.ContainsFunc(f.Rest, func(n NavItem) bool { return n.Href == f.Head.Nav })
}

// Page is one HTML page and the type of data it shows.
type Page[T any] struct{ parsed func() *template.Template }

// frameOfPages is the layout and the components, parsed once for all pages.
var frameOfPages = sync.OnceValue(func() *template.Template {
	t := template.New("layout.html").Funcs(funcs)
	return template.Must(t.ParseFS(layout, "layout/*.html", "components/*.html"))
})

// allPages are those that MustPage made.
var allPages []func() *template.Template

// MustPage is a page of the layout, the components and one page file, which
// defines "main" (or "body" for bare pages); further files may hold its parts.
// It is parsed once, when it is first shown or by ParsePages: commands that show
// no page do not wait for all of them.
func MustPage[T any](pages fs.FS, files ...string) Page[T] {
	p := Page[T]{sync.OnceValue(func() *template.Template {
		t := template.Must(frameOfPages().Clone())
		return template.Must(t.ParseFS(pages, files...))
	})}
	allPages = append(allPages, p.parsed)
	return p
}

// ParsePages parses every page, and panics where one is broken: a server learns
// of it before it serves.
func ParsePages() {
	for _, parsed := range allPages {
		parsed()
	}
}

// Render writes the page, or nothing at all if the template fails.
func (p Page[T]) Render(c *gin.Context, code int, head Head, data T) error {
	if head.Class == "" {
		head.Class = "desk"
	}
	if head.Main == "" {
		head.Main = "page"
	}
	f := frame{Head: head, Visitor: VisitorOf(c), Path: c.Request.URL.RequestURI(), Data: data}
	if s, ok := c.Get(siteKey); ok {
		site := s.(*Site)
		if f.Visitor.SignedIn() {
			f.Nav = site.Nav(f.Visitor.Actor)
			if len(f.Nav) > navInLine+1 { // one left over would take no less room than its fold
				f.Rest = f.Nav[navInLine:]
			}
		}
		f.Flash = site.Sessions.PopString(c.Request.Context(), flashInSes)
	}
	var b bytes.Buffer
	if err := p.parsed().Execute(&b, f); err != nil {
		return fmt.Errorf("render %s: %w", head.Title, err)
	}
	c.Data(code, "text/html; charset=utf-8", b.Bytes())
	return nil
}

//go:embed pages/*.html
var pages embed.FS

var errorPage = MustPage[errorView](pages, "pages/error.html")

func asFault(err error) (*fault.Error, bool) { return errors.AsType[*fault.Error](err) }

// assetVersion changes with any static file, so that browsers may keep them for good.
var assetVersion = func() string {
	h := sha256.New()
	_ = fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := static.ReadFile(name)
			h.Write([]byte(name))
			h.Write(b)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:10]
}()

// asset is the address of a static file.
func asset(name string) string { return "/static/" + assetVersion + "/" + name }

// serveStatic serves an embedded file; the version in the path only keeps caches honest.
func serveStatic(c *gin.Context) {
	_, name, _ := strings.Cut(strings.TrimPrefix(c.Param("path"), "/"), "/")
	b, err := static.ReadFile(path.Join("static", path.Clean("/"+name)))
	if err != nil {
		fail(c, errNoPage)
		return
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) {
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".woff2":
		kind = "font/woff2"
	case ".svg":
		kind = "image/svg+xml"
	case ".css":
		kind = "text/css; charset=utf-8"
	}
	c.Data(http.StatusOK, kind, b)
}
