package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// member is somebody signed in without a browser.
type member struct {
	t      *testing.T
	client *http.Client
	url    string
}

// outsider has a cookie jar and no session; redirects are not followed.
func outsider(t *testing.T) *member {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &member{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, theRegion(t).url}
}

// plain signs in with the region's sign-in of a role, or with a login of its own.
func plain(t *testing.T, roleOrLogin string) *member {
	t.Helper()
	m := outsider(t)
	sign, ok := theRegion(t).signIns[roleOrLogin]
	if !ok {
		sign = [2]string{roleOrLogin, theRegion(t).signIns["teacher"][1]}
	}
	m.signIn(sign[0], sign[1])
	return m
}

func (m *member) signIn(login, password string) {
	m.t.Helper()
	resp, err := m.client.Post(m.url+"/api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"login":%q,"password":%q}`, login, password)))
	if err != nil {
		m.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		m.t.Fatalf("%s signs in: %s", login, resp.Status)
	}
}

// get asks for a page.
func (m *member) get(path string) (*http.Response, string) {
	m.t.Helper()
	resp, err := m.client.Get(m.url + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp, string(body)
}

var everyRole = []string{"teacher", "author", "reviewer", "expert", "municipal_methodist", "methodist", "coordinator", "head", "analyst", "manager", "admin"}

var (
	linkOf  = regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
	private = regexp.MustCompile(`^/(static/|sign-out)`)
	ids     = regexp.MustCompile(`/([0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+(\.[0-9]+)?|ЛО-[^/.]+|[0-9a-f]{64})`)
)

// shapeOf tells pages apart by what they are, not by whom or what they show.
func shapeOf(path string) string {
	path, query, _ := strings.Cut(path, "?")
	keys := []string{}
	if q, err := url.ParseQuery(query); err == nil {
		for k := range q {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return ids.ReplaceAllString(path, "/*") + "?" + strings.Join(keys, "&")
}

// crawl follows every kind of link from the home page of a role; a link that leads
// nowhere is a fault of the page it stands on. It returns one path of each kind of page.
func crawl(t *testing.T, role string) map[string]string {
	t.Helper()
	m := plain(t, role)
	type step struct{ path, from string }
	queue, seen, shapes := []step{{"/", ""}}, map[string]bool{"/": true}, map[string]string{}
	count, views := map[string]int{}, map[string]int{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if count[shapeOf(at.path)]++; count[shapeOf(at.path)] > 2 { // two of a kind are enough
			continue
		}
		kind, _, _ := strings.Cut(shapeOf(at.path), "?")
		if views[kind]++; testing.Short() && views[kind] > 8 { // filters joined in every way are for a whole run
			continue
		}
		resp, body := m.get(at.path)
		if to := resp.Header.Get("Location"); resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(to, "/") {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, step{to, at.path})
			}
			continue
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s links to %s: %s", role, at.from, at.path, resp.Status)
			continue
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "%!") || strings.Contains(body, "&lt;nil&gt;") {
			t.Errorf("%s: %s shows what a template could not write", role, at.path)
		}
		if _, ok := shapes[kind]; !ok {
			shapes[kind] = at.path
		}
		for _, l := range linkOf.FindAllStringSubmatch(body, -1) {
			to := strings.ReplaceAll(l[1], "&amp;", "&")
			if !seen[to] && !private.MatchString(to) {
				seen[to] = true
				queue = append(queue, step{to, at.path})
			}
		}
	}
	return shapes
}

// Every page that a role can reach from its home page is there, holds to WCAG at
// both widths, and its scripts run without a fault. A short run follows the links
// and leaves the look at each page to a whole one.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	looked := map[string]bool{}
	for _, role := range everyRole {
		shapes := crawl(t, role)
		kinds := []string{}
		for kind := range shapes {
			if kind == "/" || !looked[kind] {
				looked[kind] = true
				kinds = append(kinds, kind)
			}
		}
		if testing.Short() {
			continue
		}
		slices.Sort(kinds)
		v := as(t, role)
		for _, kind := range kinds {
			v.open(shapes[kind])
			name := strings.Trim(strings.NewReplacer("/", "-", "*", "one", ".", "-").Replace(kind), "-")
			if kind == "/" {
				name = "home-" + role
			}
			v.look(name)
		}
	}
	t.Logf("%d kinds of pages", len(looked))
}
