package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The API from sign-in to submit, by curl alone, as the contract tells it.
func TestAPIByCurl(t *testing.T) {
	t.Parallel()
	base := theRegion(t).url + "/api/v1"
	jar := filepath.Join(t.TempDir(), "cookies")
	curl := func(want, method, path, body string) map[string]any {
		t.Helper()
		args := []string{"-sS", "-b", jar, "-c", jar, "-w", "\n%{http_code} %{content_type}", "-X", method, base + path}
		if body != "" {
			args = append(args, "-H", "Content-Type: application/json", "-d", body)
		}
		out, err := exec.Command("curl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %s %s: %v: %s", method, path, err, out)
		}
		text, tail := string(out), ""
		if i := strings.LastIndex(text, "\n"); i >= 0 {
			text, tail = text[:i], text[i+1:]
		}
		code, media, _ := strings.Cut(tail, " ")
		if code != want {
			t.Fatalf("curl %s %s %s: %s instead of %s: %s", method, path, body, code, want, text)
		}
		if code[0] == '4' && !strings.HasPrefix(media, "application/problem+json") {
			t.Errorf("curl %s %s: a refusal as %s", method, path, media)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			var list []map[string]any
			if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) == 0 {
				t.Fatalf("curl %s %s: %v in %.300s", method, path, err, text)
			}
			object = list[0]
		}
		return object
	}
	asJSON := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}

	curl("401", "GET", "/attempts", "")
	curl("401", "POST", "/session", `{"login":"teacher025","password":"not this one"}`)
	user := curl("200", "POST", "/session", `{"login":"teacher025","password":"`+theRegion(t).signIns["teacher"][1]+`"}`)
	if roles, _ := user["roles"].([]any); len(roles) == 0 || user["user"] == nil {
		t.Errorf("sign-in answers %v", user)
	}
	first := curl("200", "GET", "/attempts", "")
	for _, key := range []string{"id", "title", "state", "opens_at", "closes_at", "minutes"} {
		if first[key] == nil {
			t.Errorf("an attempt of the list has no %s: %v", key, first)
		}
	}
	if first["state"] != "assigned" {
		t.Fatalf("the first of the list is %v", first["state"])
	}
	attempt := "/attempts/" + first["id"].(string)
	started := curl("200", "POST", attempt+"/start", "{}")
	tasks := started["tasks"].([]any)
	lease := started["lease"].(string)
	type entry struct {
		Task     string `json:"task"`
		Revision int    `json:"revision"`
		Answer   any    `json:"answer"`
	}
	var entries []entry
	firstOf := func(list any) string { return list.([]any)[0].(map[string]any)["id"].(string) }
	for _, x := range tasks {
		task := x.(map[string]any)
		for _, key := range []string{"key", "score", "points_given", "correct", "rubric", "feedback", "explanation"} {
			if _, there := task[key]; there {
				t.Errorf("a task of the start tells its %s", key)
			}
		}
		var answer any
		switch task["kind"] {
		case "single_choice":
			answer = firstOf(task["options"])
		case "multiple_choice":
			answer = []string{firstOf(task["options"])}
		case "ordering":
			order := []string{}
			for _, o := range task["options"].([]any) {
				order = append(order, o.(map[string]any)["id"].(string))
			}
			answer = order
		case "matching":
			pairs := map[string]string{}
			for _, l := range task["left"].([]any) {
				pairs[l.(map[string]any)["id"].(string)] = firstOf(task["right"])
			}
			answer = pairs
		case "gap_choice":
			gaps := map[string]string{}
			for _, g := range task["gaps"].([]any) {
				gap := g.(map[string]any)
				gaps[gap["id"].(string)] = firstOf(gap["options"])
			}
			answer = gaps
		case "numeric":
			answer = "3,14"
		case "likert":
			answer = 3
		case "short_answer":
			answer = "x > 2 & x < 5"
		default:
			answer = "Ответ <b>как есть</b> & «целиком»"
		}
		entries = append(entries, entry{task["id"].(string), 1, answer})
	}
	one := func(e entry) string {
		return asJSON(map[string]any{"lease": lease, "revision": e.Revision, "answer": e.Answer})
	}
	put := attempt + "/answers/" + entries[0].Task
	saved := curl("200", "PUT", put, one(entries[0]))
	if saved["receipt"] == nil || saved["saved_at"] == nil || saved["revision"] != 1.0 {
		t.Errorf("a save answers %v", saved)
	}
	if again := curl("200", "PUT", put, one(entries[0])); asJSON(again) != asJSON(saved) {
		t.Errorf("the same save again answers %v, it was %v", again, saved)
	}
	curl("409", "PUT", put, asJSON(map[string]any{"lease": "another", "revision": 9, "answer": entries[0].Answer}))
	curl("422", "PUT", put, asJSON(map[string]any{"lease": lease, "revision": 9, "answer": map[string]any{"no": []int{1}}}))
	curl("404", "PUT", attempt+"/answers/none", one(entries[0]))
	many := curl("200", "PUT", attempt+"/answers", asJSON(map[string]any{"lease": lease, "answers": entries}))
	for _, o := range many["outcomes"].([]any) {
		if o.(map[string]any)["status"] != 200.0 {
			t.Errorf("of the batch: %v", o)
		}
	}
	resumed := curl("200", "POST", attempt+"/start", "{}")
	if asJSON(resumed["tasks"]) != asJSON(tasks) || resumed["lease"] == lease {
		t.Error("starting again gives other tasks, or the same lease")
	}
	held := resumed["answers"].(map[string]any)
	for _, e := range entries {
		if h, ok := held[e.Task].(map[string]any); !ok || asJSON(h["answer"]) != asJSON(e.Answer) {
			t.Errorf("task %s: %v is held, %v was sent", e.Task, held[e.Task], e.Answer)
		}
	}
	dead := curl("409", "PUT", put, asJSON(map[string]any{"lease": lease, "revision": 2, "answer": entries[0].Answer}))
	if dead["lease"] != "dead" {
		t.Errorf("the older lease: %v", dead)
	}
	lease = resumed["lease"].(string)
	done := curl("200", "POST", attempt+"/submit", asJSON(map[string]any{"lease": lease}))
	if done["state"] != "submitted" || done["answers"] != float64(len(entries)) || done["digest"] == nil {
		t.Errorf("submit answers %v", done)
	}
	if again := curl("200", "POST", attempt+"/submit", asJSON(map[string]any{"lease": lease})); asJSON(again) != asJSON(done) {
		t.Errorf("submit again answers %v", again)
	}
	late := curl("410", "PUT", put, asJSON(map[string]any{"lease": lease, "revision": 5, "answer": entries[0].Answer}))
	if late["kept"] != true {
		t.Errorf("a late answer: %v", late)
	}
	if state := curl("200", "GET", attempt, ""); state["state"] != "submitted" {
		t.Errorf("the attempt is %v", state["state"])
	}
	curl("200", "POST", "/session", `{"login":"teacher026","password":"`+theRegion(t).signIns["teacher"][1]+`"}`)
	curl("404", "GET", attempt, "") // another's
}
