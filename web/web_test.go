package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

func TestRussianForms(t *testing.T) {
	for got, want := range map[string]string{
		Num(12345):      "12\u00a0345",
		Num(-1234567):   "−1\u00a0234\u00a0567",
		Dec(2, 3.14159): "3,14",
		Pct(0.7249):     "72\u00a0%",
		Plural(1, "человек", "человека", "человек"):  "1\u00a0человек",
		Plural(22, "человек", "человека", "человек"): "22\u00a0человека",
		Plural(11, "место", "места", "мест"):         "11\u00a0мест",
		Minutes(75):          "1\u00a0ч 15\u00a0мин",
		PercentAttr(0.12345): "12.35%",
		Rub(0):               "бесплатно",
		Next("/routes", "/"): "/routes",
		Next("//evil", "/"):  "/",
		funcs["date"].(func(time.Time) string)(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)): "21\u00a0ноября\u00a02026",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

var testPage = MustPage[string](fstest.MapFS{"p.html": {Data: []byte(`{{define "main"}}<h1>{{.}}</h1>{{end}}`)}}, "p.html")

func TestErrorsAndPermissions(t *testing.T) {
	e := gin.New()
	e.Use(recovered, headers, func(c *gin.Context) {
		if c.GetHeader("As") != "" {
			As(Visitor{Actor: access.Actor{ID: 1, Grants: []access.Grant{{Role: access.Role(c.GetHeader("As"))}}}})(c)
		}
	})
	ok := Handle(func(c *gin.Context) error { return testPage.Render(c, 200, Head{Title: "T"}, "<привет>") })
	e.GET("/bank", Need(access.BankRead), ok)
	e.GET("/api/v1/x", Need(access.BankRead), ok)
	e.GET("/conflict", Handle(func(*gin.Context) error { return fault.New(fault.Conflict, "уже занято") }))
	e.GET("/panic", Handle(func(*gin.Context) error { panic("boom") }))
	for _, c := range []struct {
		path, as string
		code     int
		body     string
	}{
		{"/bank", "analyst", 200, "&lt;привет&gt;"},
		{"/bank", "expert", 404, "не для вас"},
		{"/bank?x=1", "", 303, ""},
		{"/api/v1/x", "", 401, "/problems/unauthorized"},
		{"/conflict", "analyst", 409, "уже занято"},
		{"/panic", "analyst", 500, "номер запроса"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("As", c.as)
		e.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s as %q: %d %.200s, want %d with %q", c.path, c.as, w.Code, w.Body, c.code, c.body)
		}
		if strings.Contains(w.Body.String(), "boom") || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: leaks or lacks headers", c.path)
		}
	}
}

// A brace lost in a merge would hide half of the styles from phones and nobody would be told.
func TestStyleSheetIsBalanced(t *testing.T) {
	b, err := static.ReadFile("static/lotsiya.css")
	if err != nil {
		t.Fatal(err)
	}
	open, line := []int{}, 1
	for rest := string(b); rest != ""; {
		if strings.HasPrefix(rest, "/*") {
			_, after, _ := strings.Cut(rest, "*/")
			line += strings.Count(rest[:len(rest)-len(after)], "\n")
			rest = after
			continue
		}
		switch rest[0] {
		case '\n':
			line++
		case '{':
			open = append(open, line)
		case '}':
			if len(open) == 0 {
				t.Fatalf("line %d closes what was not opened", line)
			}
			open = open[:len(open)-1]
		}
		rest = rest[1:]
	}
	if len(open) != 0 {
		t.Errorf("opened and never closed: lines %v", open)
	}
}

// HEAD is GET without a body; sections that do not fit fold away, with the page's own marked.
func TestHeadAndSections(t *testing.T) {
	items := []NavItem{}
	for _, title := range []string{"Один", "Два", "Три", "Четыре", "Пять", "Шесть", "Семь", "Восемь"} {
		items = append(items, NavItem{Title: title, Href: "/" + title})
	}
	shown := len(items)
	s := &Site{Sessions: scs.New(), Nav: func(access.Actor) []NavItem { return items[:shown] }}
	e := gin.New()
	e.Use(As(Visitor{Actor: access.Actor{ID: 1}}), func(c *gin.Context) { c.Set(siteKey, s) })
	e.GET("/page", Handle(func(c *gin.Context) error {
		return testPage.Render(c, 200, Head{Title: "T", Nav: "/Восемь"}, "привет")
	}))
	server := httptest.NewServer(headAsGet(s.Sessions.LoadAndSave(e)))
	defer server.Close()
	read := func(method, path string) (int, string) {
		r, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, body := read("HEAD", "/page"); code != 200 || body != "" {
		t.Errorf("HEAD: %d %q", code, body)
	}
	if code, _ := read("HEAD", "/nowhere"); code != 404 {
		t.Errorf("HEAD of nothing: %d", code)
	}
	line := func(page string) int {
		_, rest, _ := strings.Cut(page, `class="nav-line"`)
		list, _, _ := strings.Cut(rest, "</ul>")
		return strings.Count(list, "<li>")
	}
	_, page := read("GET", "/page")
	if n := line(page); n != 6 || !strings.Contains(page, `<summary class="here">`) || strings.Count(page, `aria-current="page">Восемь`) != 1 {
		t.Errorf("%d sections in the line: %s", n, page)
	}
	shown = 7
	if _, page = read("GET", "/page"); line(page) != 7 || !strings.Contains(page, `class="nav-more nav-narrow"`) {
		t.Error("seven sections fit into the line")
	}
	shown = 4
	if _, page = read("GET", "/page"); line(page) != 4 || strings.Contains(page, "<details class=\"nav-more") {
		t.Error("four sections fold nowhere")
	}
}
