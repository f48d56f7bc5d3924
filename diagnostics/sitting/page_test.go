package sitting

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// browser keeps cookies and acts for one person, as a person without script does.
type browser struct {
	*scene
	lease string
}

func (b *browser) get(path string) response {
	b.Helper()
	return b.keep(b.call("GET", path, "", "Cookie", leaseCookie+"="+b.lease))
}

func (b *browser) post(path string, form url.Values) response {
	b.Helper()
	return b.keep(b.call("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Cookie", leaseCookie+"="+b.lease))
}

func (b *browser) keep(r response) response {
	if m := regexp.MustCompile(leaseCookie + `=([0-9a-f-]+)`).FindStringSubmatch(r.header.Get("Set-Cookie")); m != nil {
		b.lease = m[1]
	}
	return r
}

func (b *browser) want(r response, status int, parts ...string) {
	b.Helper()
	if r.status != status {
		b.Fatalf("status %d (to %q), want %d: %s", r.status, r.header.Get("Location"), status, r.body)
	}
	seen := strings.ReplaceAll(r.body, "\u00a0", " ") + r.header.Get("Location")
	for _, part := range parts {
		if !strings.Contains(seen, part) {
			at := max(0, strings.Index(r.body, "<main"))
			b.Errorf("%q is not on the page:\n%s", part, r.body[at:])
		}
	}
}

// A whole diagnostic by forms alone: consent, try-out, every kind of task, finish, receipt.
func TestPagesWithoutScript(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1)
	s.as(s.teachers[0])
	b := &browser{scene: s}
	home := "/attempts/" + s.attempts[0]
	b.want(b.get(home), 200, "Вы и специалист ЦНППМ. Директор не видит", "Прочитать согласие", "Откроется после согласия", "<dd>9</dd>")
	b.want(b.post(home+"/start", nil), 303, home+"/consent")
	b.want(b.get(home+"/consent"), 200, "Согласен участвовать", `name="version" value="1"`)
	b.want(b.post(home+"/consent", url.Values{"version": {"1"}}), 422, "Выберите одно из двух")
	b.want(b.post(home+"/consent", url.Values{"version": {"1"}, "decision": {"refused"}}), 303)
	b.want(b.get(home), 200, "Вы решили не участвовать")
	b.want(b.post(home+"/start", nil), 303, home+"/consent")
	b.want(b.post(home+"/consent", url.Values{"version": {"1"}, "decision": {"given"}}), 303)
	b.want(b.get(home), 200, "Начать работу")
	b.want(b.get(home+"/try?tried=1&answer=baltic&left.compass=north&item.morning=1&item.noon=2&item.evening=3"), 200,
		"Выбрано: Балтийское.", "Б: показывает, где север", "1: утро; 2: полдень; 3: вечер")

	b.want(b.post(home+"/start", nil), 303, home+"/tasks/1")
	b.want(b.get(home+"/tasks/1"), 200, "Задание 1 из 9", "Ответов пока нет", "<b>1 ч</b>", `name="answer" value="b"`)
	forms := []url.Values{
		{"answer": {"b"}}, {"answer": {"a", "c"}}, {"left.l1": {"r1"}, "left.l2": {"r3"}}, {"item.c": {"1"}, "item.a": {"2"}, "item.b": {"3"}},
		{"answer": {"дискриминант"}}, {"answer": {" 3,14 "}}, {"gap.g1": {"a"}, "gap.g2": {"b"}}, {"answer": {"Первая строка\r\nвторая"}}, {"answer": {"4"}}}
	for i, form := range forms {
		form.Set("revision", "0")
		form.Set("go", "next")
		to := fmt.Sprintf("%s/tasks/%d", home, i+2)
		if i == len(forms)-1 {
			to = home + "/finish"
		}
		b.want(b.post(fmt.Sprintf("%s/tasks/%d", home, i+1), form), 303, to)
	}
	held := s.json(200, "GET", "/api/v1"+home, "")["answers"].(map[string]any)
	for i, want := range goodAnswers {
		if i == 7 {
			want = `"Первая строка\nвторая"`
		}
		got, _ := json.Marshal(held[fmt.Sprintf("t%02d", i+1)].(map[string]any)["answer"])
		if string(got) != want {
			t.Errorf("task %d: saved %s, want %s", i+1, got, want)
		}
	}
	b.want(b.get(home+"/tasks/1"), 200, `value="b" checked`, "Сохранено ")
	// A form that lost its fields on the way wipes nothing.
	for _, form := range []url.Values{nil, {"go": {"next"}}, {"answer": {"c"}}} {
		b.want(b.post(home+"/tasks/1", form), 422, "Форма дошла без ответа", `value="b" checked`, `name="revision" value="1"`)
	}
	b.want(b.get(home+"/tasks/3"), 200, "exam-match", `name="left.l2" value="r3" aria-describedby="right-3" checked`, `<span class="match-word">причина 3</span>`)
	b.want(b.get(home+"/tasks/4"), 200, `<option value="2" selected>`)
	b.want(b.get(home+"/tasks/7"), 200, `<select class="select gap" name="gap.g1"`, `<option value="a" selected>меньше`)
	b.want(b.get(home+"/tasks/10"), 404)

	// Nothing changed: nothing saved. Changed: a new revision. Cleared: taken back.
	rows := s.id(`SELECT count(*) FROM answer`)
	b.want(b.post(home+"/tasks/1", url.Values{"answer": {"b"}, "revision": {"1"}, "go": {"next"}}), 303)
	if s.id(`SELECT count(*) FROM answer`) != rows {
		t.Error("an unchanged answer was saved again")
	}
	b.want(b.post(home+"/tasks/1", url.Values{"answer": {"c"}, "revision": {"1"}, "go": {"prev"}}), 303, home+"/tasks/1")
	b.want(b.post(home+"/tasks/1", url.Values{"answer": {"a"}, "revision": {"1"}, "go": {"next"}}), 409, "изменили в другой вкладке", `name="revision" value="2"`, `value="a" checked`)
	b.want(b.post(home+"/tasks/5", url.Values{"answer": {""}, "revision": {"1"}, "go": {"later"}}), 303, home+"/tasks/6")
	b.want(b.post(home+"/tasks/4", url.Values{"item.a": {"1"}, "item.b": {"1"}, "revision": {"1"}, "go": {"next"}}), 422, "Номер 1 стоит у двух строк")
	b.want(b.post(home+"/tasks/6", url.Values{"answer": {"много"}, "revision": {"1"}, "go": {"next"}}), 422, "Напишите число", `value="много"`)

	// Another device takes the pen: this one may read, and goes on when it says so.
	phone := &browser{scene: s}
	b.want(phone.post(home+"/start", nil), 303, home+"/tasks/5")
	b.want(b.post(home+"/tasks/1", url.Values{"answer": {"a"}, "revision": {"2"}, "go": {"next"}}), 409, "Продолжить здесь", `value="a" checked`)
	b.want(b.post(home+"/start?n=1", url.Values{"answer": {"a"}, "revision": {"2"}}), 303, home+"/tasks/1")
	b.want(b.get(home+"/tasks/1"), 200, `value="a" checked`)
	b.want(phone.get(home+"/finish"), 200, "Работа открыта в другом месте")
	b.want(phone.post(home+"/finish", url.Values{"sure": {"1"}}), 409)

	b.want(b.get(home+"/tasks"), 200, `data-task="t09"`)
	b.want(b.get(home+"/finish"), 200, "Вы ответили на 8 из 9", "Пока без ответа: 1", "Вы хотели вернуться: 1")
	b.want(b.post(home+"/finish", nil), 422, "Поставьте отметку")
	b.want(b.post(home+"/finish", url.Values{"sure": {"1"}}), 303, home+"/receipt")
	b.want(b.get(home+"/receipt"), 200, "Работа сдана", "ЛО-", "8 из 9")
	b.want(b.get(home+"/tasks/1"), 303, home+"/receipt")
	b.want(b.get(home), 200, "Работа завершена")
	b.want(b.post(home+"/start", nil), 303, home)
}

func TestPagesAfterTheDeadline(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	b := &browser{scene: s}
	s.begin(0)
	home := "/attempts/" + s.attempts[0]
	b.want(b.post(home+"/start", nil), 303)
	s.tick(61 * time.Minute)
	b.want(b.post(home+"/tasks/1", url.Values{"answer": {"a"}, "revision": {"0"}, "go": {"next"}}), 303, home+"/receipt")
	b.want(b.get(home+"/receipt"), 200, "Время вышло")
	s.as(s.teachers[1])
	for _, path := range []string{"", "/consent", "/try", "/tasks/1", "/tasks", "/finish", "/receipt", "/files/abc"} {
		b.want(b.get(home+path), 404)
	}
	b.want(b.post(home+"/start", nil), 404)
}

// Whatever a form brings, the answer read from it is one that the task takes or
// is refused with words; what a task takes comes back from its own form.
func TestFormsGoRound(t *testing.T) {
	for i, raw := range shownTasks {
		var v task.View
		if err := json.Unmarshal([]byte(raw), &v); err != nil {
			t.Fatal(err)
		}
		f := formOf(v, json.RawMessage(goodAnswers[i]))
		post := url.Values{}
		for _, o := range f.Options {
			if o.Checked {
				post.Add(answerField, o.ID)
			}
		}
		if f.Text != "" {
			post.Set(answerField, f.Text)
		}
		for _, l := range f.Left {
			for _, o := range l.Right {
				if o.Checked {
					post.Set(leftField+l.ID, o.ID)
				}
			}
		}
		for _, item := range f.Items {
			post.Set(itemField+item.ID, fmt.Sprint(item.Position))
		}
		for _, p := range f.Pieces {
			if p.Gap != nil {
				for _, o := range p.Gap.Options {
					if o.Checked {
						post.Set(gapsField+p.Gap.ID, o.ID)
					}
				}
			}
		}
		answer, wrong := answerFrom(v, post)
		a, _ := digestOf(answer)
		b, _ := digestOf(json.RawMessage(goodAnswers[i]))
		if wrong != "" || a != b {
			t.Errorf("%s: %s went in, %s came out (%s)", v.Kind, goodAnswers[i], answer, wrong)
		}
		if err := task.CheckAnswer(view{View: v}.shape(), answer); err != nil {
			t.Errorf("%s: %v", v.Kind, err)
		}
		if blank, wrong := answerFrom(v, url.Values{}); string(blank) != "null" || wrong != "" {
			t.Errorf("%s: an empty form gives %s, %s", v.Kind, blank, wrong)
		}
	}
}
