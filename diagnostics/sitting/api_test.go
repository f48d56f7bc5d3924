package sitting

import (
	"encoding/json"
	"fmt"
	"mime/multipart"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// The walk of the contract: from the list to the receipt, with nothing but the API.
func TestWalk(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	s.as(s.teachers[0])
	path := "/api/v1/attempts/" + s.attempts[0]

	list := s.call("GET", "/api/v1/attempts", "")
	var rows []map[string]any
	s.must(json.Unmarshal([]byte(list.body), &rows))
	if len(rows) != 1 || rows[0]["id"] != s.attempts[0] || rows[0]["state"] != "assigned" || rows[0]["minutes"] != 60.0 || rows[0]["title"] != "Математика, осень" {
		t.Fatalf("list: %s", list.body)
	}

	need := s.json(403, "POST", path+"/start", `{}`)
	if !strings.HasSuffix(need["type"].(string), "consent-required") || need["version"] != 1.0 || need["text"] == "" {
		t.Fatalf("consent: %v", need)
	}
	s.json(409, "POST", path+"/consent", `{"version":99}`)
	s.json(422, "POST", path+"/consent", `{}`)
	s.json(200, "POST", path+"/consent", `{"version":1}`)
	if r := s.json(409, "PUT", path+"/answers/t01", put("none", 1, `"b"`)); r["lease"] != "dead" {
		t.Fatalf("before the start: %v", r)
	}

	started := s.json(200, "POST", path+"/start", `{}`)
	lease := started["lease"].(string)
	tasks := started["tasks"].([]any)
	if len(tasks) != len(shownTasks) || len(started["answers"].(map[string]any)) != 0 {
		t.Fatalf("start: %v", started)
	}
	for i, raw := range tasks {
		task := raw.(map[string]any)
		id := task["id"].(string)
		r := s.json(200, "PUT", path+"/answers/"+id, put(lease, 1, goodAnswers[i]))
		if r["revision"] != 1.0 || r["receipt"] == "" || r["saved_at"] == "" {
			t.Fatalf("save %s: %v", id, r)
		}
	}
	state := s.json(200, "GET", path, "")
	answers := state["answers"].(map[string]any)
	for i, raw := range tasks {
		var want any
		s.must(json.Unmarshal([]byte(goodAnswers[i]), &want))
		held := answers[raw.(map[string]any)["id"].(string)].(map[string]any)
		if !reflect.DeepEqual(held["answer"], want) {
			t.Errorf("answer %d came back as %v, sent %v", i, held["answer"], want)
		}
	}

	again := s.json(200, "POST", path+"/start", `{}`)
	if !reflect.DeepEqual(again["tasks"], started["tasks"]) || again["deadline"] != started["deadline"] || len(again["answers"].(map[string]any)) != len(tasks) {
		t.Fatal("resuming does not give the same tasks, deadline and answers")
	}
	if r := s.json(409, "PUT", path+"/answers/t01", put(lease, 9, `"a"`)); r["lease"] != "dead" || r["revision"] != 1.0 {
		t.Fatalf("older lease: %v", r)
	}
	if r := s.json(409, "POST", path+"/submit", `{"lease":"`+lease+`"}`); r["lease"] != "dead" {
		t.Fatalf("submit on the older lease: %v", r)
	}
	lease = again["lease"].(string)

	done := s.json(200, "POST", path+"/submit", `{"lease":"`+lease+`"}`)
	if done["state"] != "submitted" || done["answers"] != float64(len(tasks)) || len(done["digest"].(string)) != 64 {
		t.Fatalf("submit: %v", done)
	}
	s.tick(time.Minute)
	if twice := s.json(200, "POST", path+"/submit", `{"lease":"whatever"}`); !reflect.DeepEqual(twice, done) {
		t.Fatalf("submitting again: %v, was %v", twice, done)
	}
	s.json(200, "PUT", path+"/answers/t01", put(lease, 1, `"b"`)) // the same answer still has its receipt
	if late := s.json(410, "PUT", path+"/answers/t01", put(lease, 2, `"c"`)); late["kept"] != true {
		t.Fatalf("late: %v", late)
	}
	s.json(410, "POST", path+"/start", `{}`)
	if s.id(`SELECT count(*) FROM answer WHERE late`) != 1 {
		t.Error("the late answer is not kept")
	}

	s.as(s.teachers[1])
	for _, call := range [][2]string{{"GET", ""}, {"POST", "/start"}, {"POST", "/consent"}, {"PUT", "/answers/t01"}, {"PUT", "/answers"}, {"POST", "/submit"}, {"PUT", "/flags/t01"}} {
		body := map[string]string{"/consent": `{"version":1}`, "/answers/t01": put(lease, 3, `"a"`), "/answers": `{"lease":"` + lease + `","answers":[]}`}[call[1]]
		s.json(404, call[0], path+call[1], body)
	}
	s.json(404, "GET", "/api/v1/attempts/not-an-id", "")
	s.as(access.Actor{})
	s.json(401, "GET", "/api/v1/attempts", "")
	s.json(200, "GET", "/api/v1/openapi.json", "")
}

func TestRevisionsAndShapes(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1)
	path, lease := s.begin(0)
	steps := []struct {
		revision int
		answer   string
		status   int
		held     float64
	}{
		{5, `"a"`, 200, 5},
		{5, `"a"`, 200, 5},
		{5, ` "a" `, 200, 5}, // the same answer, spelt otherwise
		{5, `"b"`, 409, 5},
		{4, `"b"`, 409, 5},
		{4, `"a"`, 409, 5},
		{6, `"b"`, 200, 6},
		{7, `"z"`, 422, 0},
		{7, `["a"]`, 422, 0},
		{7, `{`, 400, 0},
		{0, `"a"`, 422, 0},
		{-1, `"a"`, 422, 0},
		{900000000000000, `null`, 200, 900000000000000}, // taken back
	}
	receipts := map[float64]any{}
	for _, step := range steps {
		r := s.json(step.status, "PUT", path+"/answers/t01", put(lease, step.revision, step.answer))
		if step.held != 0 && r["revision"] != step.held {
			t.Errorf("revision %d %s: held %v, want %v", step.revision, step.answer, r["revision"], step.held)
		}
		if step.status == 200 {
			if first, seen := receipts[step.held]; seen && first != r["receipt"] {
				t.Errorf("revision %d has two receipts", step.revision)
			}
			receipts[step.held] = r["receipt"]
		}
		if step.status == 409 && r["lease"] != "live" {
			t.Errorf("revision %d: lease %v", step.revision, r["lease"])
		}
	}
	s.json(422, "PUT", path+"/answers/t01", `{"lease":"`+lease+`","revision":"six","answer":"a"}`)
	s.json(422, "PUT", path+"/answers/t01", `{"lease":"`+lease+`","revision":900000000000001}`)
	s.json(422, "PUT", path+"/answers/t01", put(lease, 900000000000001, `{}`)) // empty, but of another shape
	for _, body := range []string{`{}`, ``, `{"answers":[]}`, `{"lease":"` + lease + `"}`} {
		s.json(422, "PUT", path+"/answers", body)
	}
	s.json(404, "PUT", path+"/answers/t99", put(lease, 1, `"a"`))
	if got := s.id(`SELECT count(*) FROM answer WHERE task = 't01'`); got != 3 {
		t.Errorf("%d revisions kept, want 3", got)
	}
	// Several in one call, each with its own outcome.
	r := s.json(200, "PUT", path+"/answers", fmt.Sprintf(`{"lease":%q,"answers":[
		{"task":"t02","revision":1,"answer":["a"]},{"task":"t02","revision":2,"answer":["a","b"]},{"task":"t02","revision":1,"answer":["a"]},
		{"task":"t03","revision":1,"answer":"?"},{"task":"nowhere","revision":1,"answer":"a"},{"task":"t05","revision":"x","answer":"a"},{"task":"t05","revision":1,"answer":"слово"}]}`, lease))
	got := []float64{}
	for _, o := range r["outcomes"].([]any) {
		got = append(got, o.(map[string]any)["status"].(float64))
	}
	if want := []float64{200, 200, 409, 422, 404, 422, 200}; !reflect.DeepEqual(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	dead := s.json(200, "PUT", path+"/answers", `{"lease":"old","answers":[{"task":"t05","revision":8,"answer":"нет"}]}`)["outcomes"].([]any)[0].(map[string]any)
	if dead["status"] != 409.0 || dead["lease"] != "dead" || dead["revision"] != 1.0 {
		t.Errorf("dead lease in a batch: %v", dead)
	}
}

func TestDeadlineIsTheServers(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	closed := 0
	s.OnClosed(countClosed(&closed))
	path, lease := s.begin(0)
	s.tick(59 * time.Minute)
	s.json(200, "PUT", path+"/answers/t01", put(lease, 1, `"a"`))
	s.tick(time.Minute) // exactly the deadline
	if r := s.json(410, "PUT", path+"/answers/t01", put(lease, 2, `"b"`)); r["kept"] != true {
		t.Fatalf("at the deadline: %v", r)
	}
	s.json(200, "PUT", path+"/answers/t01", put(lease, 1, `"a"`))
	s.must(s.CloseOverdue(t.Context()))
	s.must(s.CloseOverdue(t.Context()))
	if closed != 1 {
		t.Fatalf("closed %d times", closed)
	}
	state := s.json(200, "GET", path, "")
	if state["state"] != "submitted" || state["submitted_at"] != state["deadline"] {
		t.Fatalf("after the deadline: %v", state)
	}
	if done := s.json(200, "POST", path+"/submit", `{"lease":"`+lease+`"}`); done["answers"] != 1.0 {
		t.Fatalf("submit after the deadline: %v", done)
	}
	if by := s.id(`SELECT count(*) FROM attempt WHERE closed_by = 'deadline'`); by != 1 {
		t.Error("who closed it is lost")
	}

	// Whoever looks first closes it, job or not.
	path, _ = s.begin(1)
	s.tick(2 * time.Hour)
	if state := s.json(200, "GET", path, ""); state["state"] != "submitted" {
		t.Fatalf("looked at too late: %v", state)
	}
	if closed != 2 {
		t.Errorf("closed %d times, want 2", closed)
	}
}

func TestExtraMinutesReachARunningSitting(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	path, lease := s.begin(0)
	registration := s.id(`SELECT registration_id FROM attempt WHERE public_id = $1`, s.attempts[0])
	if err := s.campaigns.GiveMinutes(t.Context(), s.manager, registration, 30, ""); fault.FieldsOf(err)["why"] == "" {
		t.Fatalf("minutes without a reason: %v", err)
	}
	s.must(s.campaigns.GiveMinutes(t.Context(), s.manager, registration, 30, "Отключили свет"))
	s.tick(89 * time.Minute)
	s.json(200, "PUT", path+"/answers/t01", put(lease, 1, `"a"`))
	s.tick(2 * time.Minute)
	s.json(410, "PUT", path+"/answers/t01", put(lease, 2, `"b"`))

	// The window cuts the time of those who begin late; extra minutes come after it.
	s.begin(1)
	s.must(s.campaigns.Prolong(t.Context(), s.manager, s.campaign, s.time().Add(20*time.Minute)))
	var left float64
	s.must(s.pool.Get(&left, `SELECT extract(epoch FROM deadline - $2) FROM attempt WHERE public_id = $1`, s.attempts[1], s.time()))
	if left != 20*60 {
		t.Errorf("left %v s, want the window's 1200", left)
	}
}

func TestAnnulAndCampaignClose(t *testing.T) {
	t.Parallel()
	s := newScene(t, 3)
	path, lease := s.begin(0)
	s.json(200, "PUT", path+"/answers/t01", put(lease, 1, `"a"`))
	registration := s.id(`SELECT registration_id FROM attempt WHERE public_id = $1`, s.attempts[0])
	s.must(s.campaigns.Annul(t.Context(), s.manager, registration, "Работал другой человек"))
	s.json(410, "PUT", path+"/answers/t01", put(lease, 2, `"b"`))
	s.json(410, "POST", path+"/submit", `{"lease":"`+lease+`"}`)
	if state := s.json(200, "GET", path, ""); state["state"] != "annulled" {
		t.Fatal(state)
	}
	path1, lease1 := s.begin(1)
	s.json(200, "PUT", path1+"/answers/t01", put(lease1, 1, `"a"`))
	s.must(s.campaigns.Close(t.Context(), s.manager, s.campaign))
	if state := s.json(200, "GET", path1, ""); state["state"] != "submitted" {
		t.Fatal(state)
	}
	s.as(s.teachers[2])
	path2 := "/api/v1/attempts/" + s.attempts[2]
	s.json(200, "POST", path2+"/consent", `{"version":1}`)
	s.json(409, "POST", path2+"/start", `{}`)
	if err := s.campaigns.Annul(t.Context(), s.manager, s.id(`SELECT registration_id FROM attempt WHERE public_id = $1`, s.attempts[2]), "так"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("annulling what was not begun: %v", err)
	}
	if err := s.campaigns.Close(t.Context(), s.teachers[0], s.campaign); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a teacher closes a campaign: %v", err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1)
	path, lease := s.begin(0)
	upload := func(task string, content []byte) response {
		var b strings.Builder
		w := multipart.NewWriter(&b)
		part, _ := w.CreateFormFile("file", "план.pdf")
		part.Write(content)
		w.Close()
		return s.call("POST", path+"/answers/"+task+"/files", b.String(), "Content-Type", w.FormDataContentType())
	}
	pdf := []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")
	if r := upload("t08", pdf); r.status != 200 || !strings.Contains(r.body, `"sha256"`) {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := upload("t08", []byte("#!/bin/sh\n")); r.status != 422 {
		t.Errorf("a script: %d", r.status)
	}
	if r := upload("t01", pdf); r.status != 422 {
		t.Errorf("a file to a choice: %d", r.status)
	}
	s.json(200, "POST", path+"/submit", `{"lease":"`+lease+`"}`)
	if r := upload("t08", append(pdf, '!')); r.status != 410 {
		t.Errorf("a late file: %d", r.status)
	}
	attempt := s.id(`SELECT id FROM attempt`)
	closed := s.closedOf(attempt)
	if len(closed.Files["t08"]) != 1 || len(closed.Manifest) != len(shownTasks) {
		t.Errorf("closed: %+v", closed)
	}
}
