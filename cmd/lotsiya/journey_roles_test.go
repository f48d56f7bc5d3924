package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The pages of the product and who may open them; everybody else is told that there is no such page.
var pagesByRole = []struct {
	path  string
	roles string
}{
	{"/", "everybody"}, {"/me", "everybody"}, {"/me/password", "everybody"}, {"/looks", "everybody"}, {"/results", "everybody"}, {"/route", "everybody"},
	{"/help", "everybody"}, {"/help/results", "everybody"}, {"/privacy", "everybody"}, {"/accessibility", "everybody"},
	{"/tasks", "author reviewer analyst manager"}, {"/tasks/1", "author reviewer analyst manager"},
	{"/tasks/spare", "author reviewer analyst manager"}, {"/tasks/new", "author"}, {"/tasks/import", "author"}, {"/tasks/import/template.xlsx", "author"},
	{"/instruments", "author reviewer analyst manager"}, {"/instruments/1", "author reviewer analyst manager"},
	{"/competency", "author reviewer methodist analyst manager"}, {"/competency/codifiers/1", "author reviewer methodist analyst manager"},
	{"/competency/scales/new", "manager"},
	{"/campaigns", "municipal_methodist methodist coordinator analyst manager"}, {"/campaigns/1", "municipal_methodist methodist coordinator analyst manager"},
	{"/campaigns/new", "manager"}, {"/campaigns/4/invite", "manager"}, {"/campaigns/4/invited", "manager"}, {"/campaigns/1/results", "methodist analyst manager"}, {"/campaigns/1/model", "analyst manager"},
	{"/campaigns/1/quality", "analyst manager"}, {"/campaigns/1/quality.xlsx", "analyst manager"},
	{"/participation", "municipal_methodist methodist coordinator head manager"}, {"/participation/waiting", "municipal_methodist methodist coordinator head manager"},
	{"/participation/cards", "municipal_methodist methodist coordinator head manager"},
	{"/marking", "expert"}, {"/marking/progress", "manager"},
	{"/deficits", "municipal_methodist methodist coordinator analyst manager"}, {"/deficits.xlsx", "municipal_methodist methodist coordinator analyst manager"},
	{"/memos", "municipal_methodist methodist coordinator analyst manager"},
	{"/routes", "municipal_methodist methodist analyst manager"}, {"/routes/propose", "municipal_methodist methodist"}, {"/routes/outdated", "municipal_methodist methodist"}, {"/routes/offers", "municipal_methodist methodist"}, {"/routes/offer?all=1", "municipal_methodist methodist"},
	{"/routes/demand", "municipal_methodist methodist analyst manager"}, {"/routes/demand.xlsx", "municipal_methodist methodist analyst manager"},
	{"/routes/what-if", "municipal_methodist methodist analyst manager"},
	{"/programmes", "author reviewer municipal_methodist methodist coordinator head analyst manager admin"},
	{"/programmes/1", "author reviewer municipal_methodist methodist coordinator head analyst manager admin"},
	{"/programmes/import", "methodist manager"}, {"/programmes/template.xlsx", "methodist manager"},
	{"/roadmap", "author reviewer expert municipal_methodist methodist coordinator head analyst manager admin"},
	{"/roadmap/1", "author reviewer expert municipal_methodist methodist coordinator head analyst manager admin"},
	{"/roadmap/1/report", "author reviewer expert municipal_methodist methodist coordinator head analyst manager admin"},
	{"/roadmap/import", "methodist manager"},
	{"/people", "coordinator head manager admin"}, {"/people.xlsx", "coordinator head manager admin"}, {"/organisations", "coordinator head manager admin"},
	{"/people/new", "coordinator admin"}, {"/people/import", "coordinator admin"}, {"/people/import/template.xlsx", "coordinator admin"},
	{"/organisations/new", "coordinator admin"},
	{"/roles", "admin"}, {"/journal", "admin"},
}

// Each role gets its pages and 404 for what is not its own.
func TestRolesAndPages(t *testing.T) {
	t.Parallel()
	for _, role := range everyRole {
		m := plain(t, role)
		for _, p := range pagesByRole {
			want := http.StatusNotFound
			if p.roles == "everybody" || slices.Contains(strings.Fields(p.roles), role) {
				want = http.StatusOK
			}
			resp, body := m.get(p.path)
			if resp.StatusCode != want {
				t.Errorf("%s opens %s: %s, expected %d", role, p.path, resp.Status, want)
			}
			if want == http.StatusNotFound && !strings.Contains(body, "<h1") {
				t.Errorf("%s at %s: the refusal is no page", role, p.path)
			}
		}
	}
}

// A stranger is led to the sign-in and back; the API says 401. Unknown and another's objects are 404 to everybody.
func TestStrangersAndUnknownObjects(t *testing.T) {
	t.Parallel()
	o := outsider(t)
	for _, p := range pagesByRole {
		resp, _ := o.get(p.path)
		open := slices.Contains([]string{"/help", "/help/results", "/privacy", "/accessibility"}, p.path)
		if to := resp.Header.Get("Location"); !open && (resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in")) {
			t.Errorf("a stranger at %s: %s to %q", p.path, resp.Status, to)
		}
		if open && resp.StatusCode != http.StatusOK {
			t.Errorf("a stranger at %s: %s", p.path, resp.Status)
		}
	}
	for _, path := range []string{"/api/v1/attempts", "/api/v1/attempts/00000000-0000-4000-8000-000000000000"} {
		if resp, _ := o.get(path); resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("a stranger at %s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/sign-in", "/api/v1/openapi.json"} {
		if resp, _ := o.get(path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	const nobody = "00000000-0000-4000-8000-000000000000"
	for role, paths := range map[string][]string{
		"manager": {"/nowhere", "/tasks/999999", "/tasks/x", "/instruments/999999", "/competency/codifiers/999999", "/campaigns/999999", "/campaigns/-1", "/campaigns/999999/results", "/campaigns/999999/quality",
			"/memos/999999", "/memos/999999.docx", "/routes/999999", "/routes/999999/print", "/programmes/999999", "/roadmap/999999", "/roadmap/1/items/99.99",
			"/deficits/people/ЛО-26-МА-9999-9", "/people/" + nobody, "/organisations/999999", "/results/" + nobody, "/jobs/999999", "/static/none.js"},
		"methodist":   {"/routes/propose/999999", "/routes/99999999999999999999"},
		"author":      {"/tasks/999999/edit"},
		"reviewer":    {"/tasks/999999/review"},
		"expert":      {"/marking/999999", "/marking/x"},
		"coordinator": {"/people/import/999999", "/people/" + nobody + "/edit"},
		"teacher": {"/attempts/" + nobody, "/attempts/x", "/attempts/" + nobody + "/tasks/1", "/attempts/" + nobody + "/finish", "/attempts/" + nobody + "/receipt", "/results/" + nobody, "/results/x",
			"/api/v1/attempts/" + nobody},
	} {
		m := plain(t, role)
		for _, path := range paths {
			if resp, body := m.get(path); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s at %s: %s %.200s", role, path, resp.Status, body)
			}
		}
	}
	// One teacher's attempt, result and receipt are nothing to another.
	one, other := plain(t, "teacher031"), plain(t, "teacher032")
	_, home := one.get("/")
	_, list := one.get("/results")
	tried := 0
	for _, l := range linkOf.FindAllStringSubmatch(home+list, -1) {
		if strings.HasPrefix(l[1], "/attempts/") || strings.HasPrefix(l[1], "/results/") {
			tried++
			if resp, _ := one.get(l[1]); resp.StatusCode != http.StatusOK {
				t.Errorf("the own %s: %s", l[1], resp.Status)
			}
			if resp, _ := other.get(l[1]); resp.StatusCode != http.StatusNotFound {
				t.Errorf("another teacher opens %s: %s", l[1], resp.Status)
			}
		}
	}
	if tried == 0 {
		t.Error("the teacher has nothing of their own to try with")
	}
}
