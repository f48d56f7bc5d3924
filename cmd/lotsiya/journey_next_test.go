package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// What would settle an unclear element is seen by all whom it concerns: the teacher in
// words, an analyst by code with the way to the task, a methodist without codes, an author
// as what the bank lacks. What the spare tasks ask, and their keys, are in none of these.
func TestNextTasksAreSeen(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher")
	v.open("/results")
	v.click("main a[href^='/results/']")
	v.see("Где пока неясно и что покажет точнее", "Захотите уточнить")
	if said := v.text("#settle ~ table"); !strings.Contains(said, "коротк") {
		t.Errorf("the report does not say how many tasks: %s", said)
	}
	v.look("report-next-tasks")
	report := v.path()
	code := regexp.MustCompile(`ЛО-\d\d-МА-\d{4}-\d`).FindString(v.text("main"))
	if code == "" {
		t.Fatal("the report does not name the participant's code")
	}
	person, api := "/deficits/people/"+code, "/api/v1/deficits/"+code

	a := as(t, "analyst")
	a.open(person)
	a.see("Что уточнить", "Этому педагогу их ещё не давали", "разброс около")
	a.look("person-next-tasks")
	named := a.table("#settle ~ table")
	a.click(`#settle ~ table a[href^="/tasks/"]`)
	opened := strings.Fields(a.text("h1"))[0]
	if !slices.ContainsFunc(named, func(row []string) bool { return len(row) > 2 && strings.Contains(row[2], opened+":") }) {
		t.Errorf("the link leads to %q, the table names %v", opened, named)
	}

	w := as(t, "author")
	w.open("/tasks")
	w.click(`a[href="/tasks/spare"]`)
	w.see("Где не хватает заданий", "Свободных заданий", "нужны", "хватает")
	w.look("tasks-spare")

	var codes, secrets []string
	for _, name := range []string{content.MathTeacher, content.PreschoolTeacher} {
		file, err := content.Spare(name)
		if err != nil {
			t.Fatal(err)
		}
		spare, err := task.ParseSpare(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range spare.Tasks {
			codes = append(codes, one.ID)
			for line := range strings.SplitSeq(one.Body+"\n"+one.Solution+"\n"+one.Skill, "\n") {
				for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune("$*«»", r) }) {
					if part = strings.TrimSpace(part); len([]rune(part)) > 25 {
						secrets = append(secrets, part)
					}
				}
			}
			for _, o := range one.Options {
				if len([]rune(o.Text)) > 25 {
					secrets = append(secrets, strings.Trim(o.Text, "«»"))
				}
			}
		}
	}
	if len(codes) < 16 || len(secrets) < 100 {
		t.Fatalf("%d spare tasks, %d texts", len(codes), len(secrets))
	}
	for _, look := range []struct {
		role  string
		codes bool
		paths []string
	}{
		{"teacher", false, []string{report}},
		{"methodist", false, []string{report, person, api}},
		{"analyst", true, []string{person, api}},
		{"author", false, []string{"/tasks/spare"}},
	} {
		m := plain(t, look.role)
		for _, path := range look.paths {
			resp, body := m.get(path)
			if resp.StatusCode != 200 {
				t.Errorf("%s opens %s: %s", look.role, path, resp.Status)
			}
			for _, s := range secrets {
				if strings.Contains(body, s) {
					t.Errorf("%s reads in %s: %s", look.role, path, s)
				}
			}
			found := slices.ContainsFunc(codes, func(c string) bool { return strings.Contains(body, c) })
			if found != look.codes {
				t.Errorf("%s, %s: codes of spare tasks are there: %v", look.role, path, found)
			}
			if path != api {
				continue
			}
			var got struct {
				Elements []struct {
					Why *struct {
						Unclear bool
						Next    []map[string]any
					}
				}
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			for _, e := range got.Elements {
				for _, n := range e.Why.Next {
					if _, known := n["code"].(string); known != look.codes || n["key"] != nil || n["body"] != nil || len(n) != 7 {
						t.Errorf("%s is told %v", look.role, n)
					}
				}
			}
		}
	}
}
