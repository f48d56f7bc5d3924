package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// held is what the server holds of a teacher's attempt, read over the API in a session of its own.
type heldAttempt struct {
	State   string
	Answers map[string]struct {
		Revision int64
		Answer   json.RawMessage
	}
}

func (m *member) attempt(id string) (a heldAttempt) {
	m.t.Helper()
	resp, body := m.get("/api/v1/attempts/" + id)
	if resp.StatusCode != http.StatusOK {
		m.t.Fatalf("attempt %s: %s %s", id, resp.Status, body)
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		m.t.Fatal(err)
	}
	return a
}

// given lists the answers that are not withdrawn.
func (a heldAttempt) given() map[string]string {
	list := map[string]string{}
	for task, h := range a.Answers {
		if s := string(h.Answer); s != "null" {
			list[task] = s
		}
	}
	return list
}

// attemptOf is the id in the address of an attempt's page.
func (v *visitor) attemptOf() string {
	v.t.Helper()
	parts := strings.Split(v.path(), "/")
	if len(parts) < 3 || parts[1] != "attempts" {
		v.t.Fatalf("%s is no page of an attempt", v.path())
	}
	return parts[2]
}

// control is what has the focus on the page of a task.
type control struct {
	Tag, Type, Name string
	Group           bool // the group of this radio button or check box has a mark
	Nth             int  // of the lists of an ordering, from 1
	Options         int
	Forward         bool // the button that goes on
	File            bool
}

const controlInFocus = `(() => {
	const x = document.activeElement, form = document.querySelector("form.task");
	const same = [...form.querySelectorAll("[name]")].filter(y => y.name === x.name);
	return {tag: x.tagName, type: x.type ?? "", name: x.name ?? "", group: same.some(y => y.checked),
		nth: [...form.querySelectorAll("select[name^='item.']")].indexOf(x) + 1, options: x.options?.length ?? same.length,
		forward: x.matches(".exam-acts button[value=next]"), file: x.type === "file"};
})()`

// answerByKeys answers the task on the page with Tab, arrows, the space bar and letters,
// then goes on by Enter. It returns the kind of the task.
func (v *visitor) answerByKeys(n int) string {
	v.t.Helper()
	var kind string
	v.eval(`document.querySelector("form.task").dataset.kind`, &kind)
	for range 80 {
		v.keys(kb.Tab)
		var c control
		v.eval(controlInFocus, &c)
		switch {
		case c.Forward:
			var blank int
			v.eval(`[...document.querySelectorAll("form.task select")].filter(x => !x.value).length`, &blank)
			if blank > 0 {
				v.t.Errorf("%s: %d lists are empty again after the arrow keys", v.path(), blank)
			}
			v.keys(kb.Enter)
			return kind
		case c.Type == "radio" && !c.Group:
			v.keys(" ")
			for range n % c.Options { // not everywhere the first
				v.keys(kb.ArrowDown)
			}
		case c.Type == "checkbox" && !c.Group:
			v.keys(" ")
		case c.Nth > 0:
			for range c.Nth {
				v.keys(kb.ArrowDown)
			}
		case c.Tag == "SELECT":
			v.keys(kb.ArrowDown)
		case c.Tag == "TEXTAREA":
			v.keys("Разберу с учениками, откуда берётся ошибка, и дам похожую задачу.")
		case c.Tag == "INPUT" && c.Type == "text" && kind == "numeric":
			v.keys("3,5")
		case c.Tag == "INPUT" && c.Type == "text":
			v.keys("ответ")
		}
	}
	v.t.Fatalf("%s: Tab does not reach the button that goes on", v.path())
	return ""
}

// A teacher takes a whole diagnostic and never touches the mouse.
func TestTeacherTakesADiagnosticByKeyboard(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher021")
	v.see("Вас жд", "Диагностика")
	v.look("home-before")
	v.tabTo(`a.skip`)
	v.tabTo(`main a.btn[href^="/attempts/"]`)
	v.enter()
	attempt := v.attemptOf()
	v.see("Кто увидит результаты", "Директор не видит", "Вы согласились участвовать")
	v.look("before")
	v.open("/attempts/" + attempt + "/consent")
	v.see("Согласие на участие", "Можно отказаться")
	v.look("consent")
	v.tabTo(`button[value="given"]`)
	v.enter()
	v.tabTo(`a[href$="/try"]`)
	v.enter()
	v.see("ничего не сохраняется")
	v.look("try")
	v.tabTo(`input[value="baltic"], input[value="white"]`)
	v.keys(kb.ArrowDown)
	v.tabTo(`form .btn-quiet`)
	v.enter()
	v.see("Получилось")
	v.tabTo(`main form a.btn`)
	v.enter()
	v.tabTo(`form[action$="/start"] button`)
	v.enter()

	var total int
	v.eval(`Number(document.querySelector("[data-exam]").dataset.of)`, &total)
	if total < 25 {
		t.Fatalf("%d tasks", total)
	}
	kinds := map[string]int{}
	v.until(`document.querySelectorAll("form.task").length === 1`)
	for n := 1; n <= total; n++ {
		v.until(fmt.Sprintf(`document.querySelector("form.task")?.dataset.n === "%d"`, n))
		var kind string
		v.eval(`document.querySelector("form.task").dataset.kind`, &kind)
		if kinds[kind] == 0 {
			v.look("task-" + kind)
		}
		kinds[v.answerByKeys(n)]++
	}
	if len(kinds) < 7 {
		t.Errorf("only %d kinds of tasks: %v", len(kinds), kinds)
	}
	v.do(chromedp.WaitVisible("[data-finish]"))
	// The last answer is counted once the server has acknowledged it.
	v.until(fmt.Sprintf(`document.body.innerText.replaceAll("\u00a0", " ").includes("Вы ответили на %d из %d") && !document.querySelector("main .btn:disabled, main .btn[aria-disabled=true]")`, total, total))
	v.see(fmt.Sprintf("Вы ответили на %d из %d", total, total), "Ответ есть на каждое задание")
	v.look("finish")
	m := plain(t, "teacher021")
	answers := m.attempt(attempt).given()
	if len(answers) != total {
		t.Errorf("%d answers are held of %d", len(answers), total)
	}
	v.tabTo(`#sure`)
	v.keys(" ")
	v.tabTo(`[data-finish] button.btn`)
	v.enter()
	v.see("Работа сдана", fmt.Sprintf("%d из %d", total, total), "Отпечаток всей работы")
	v.look("receipt")
	after := m.attempt(attempt)
	if after.State != "submitted" || !reflect.DeepEqual(after.given(), answers) {
		t.Errorf("after the end: %s, the same answers: %v", after.State, reflect.DeepEqual(after.given(), answers))
	}
	v.open("/")
	if strings.Contains(v.text("body"), "Узнать и начать") {
		t.Error("what was handed in still waits on the home page")
	}
}

// pick answers the task on the page by mouse or finger; it returns the task's id.
func (v *visitor) pick(nth int) string {
	v.t.Helper()
	var task string
	v.eval(fmt.Sprintf(`(() => {
		const form = document.querySelector("form.task"), nth = %d;
		const groups = new Map();
		for (const x of form.querySelectorAll("input[type=radio], input[type=checkbox]")) groups.set(x.name, [...(groups.get(x.name) ?? []), x]);
		for (const list of groups.values()) list[nth %% list.length].click();
		form.querySelectorAll("select").forEach((x, i) => { x.focus(); x.selectedIndex = x.name.startsWith("item.") ? i + 1 : 1; x.dispatchEvent(new Event("input", {bubbles: true})); x.dispatchEvent(new Event("change", {bubbles: true})); });
		for (const x of form.querySelectorAll("textarea, input[type=text]")) { x.value = form.dataset.kind === "numeric" ? String(nth + 2) : "ответ " + nth; x.dispatchEvent(new Event("input", {bubbles: true})); x.dispatchEvent(new Event("change", {bubbles: true})); }
		return form.dataset.task;
	})()`, nth), &task)
	return task
}

func (v *visitor) forward(to int) {
	v.t.Helper()
	v.tap(`.exam-acts button[value="next"]`)
	v.until(fmt.Sprintf(`document.querySelector("form.task")?.dataset.n === "%d"`, to))
}

// shown is what a task's form says was answered, by name and value.
func (v *visitor) shown() string {
	v.t.Helper()
	var s string
	v.eval(`JSON.stringify([...new FormData(document.querySelector("form.task"))].filter(([name, value]) => typeof value === "string" && !["revision", "go"].includes(name)))`, &s)
	return s
}

const (
	allSaved  = `document.querySelector(".saved").dataset.state === "saved" && document.querySelector(".saved").dataset.waiting === "0"`
	knownRest = `performance.getEntriesByType("resource").some(x => x.name.endsWith("/tasks") && x.responseEnd > 0)`
)

// The network goes away in the middle of the work: the teacher answers on, sees how many
// answers wait, and nothing is lost when the network returns, not even by a reload.
func TestTeacherLosesTheNetworkAndNothingElse(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher022")
	m := plain(t, "teacher022")
	v.click(`main a.btn[href^="/attempts/"]`)
	attempt := v.attemptOf()
	v.click(`form[action$="/start"] button`)
	v.until(knownRest)
	answered := []string{v.pick(0)}
	v.until(allSaved)
	v.see("Сохранено")

	v.offline(true)
	for n := 2; n <= 4; n++ {
		v.forward(n)
		answered = append(answered, v.pick(n))
	}
	v.until(`/Ждёт связи: 3/.test(document.querySelector(".saved").textContent)`)
	v.look("task-offline")
	v.tap(`.exam-acts button[value="prev"]`)
	v.until(`document.querySelector("form.task").dataset.n === "3"`)
	third := v.shown()
	if third == "[]" {
		t.Error("without the network the way back shows an empty task")
	}
	if got := m.attempt(attempt).given(); len(got) != 1 {
		t.Errorf("without the network the server holds %d answers", len(got))
	}
	v.offline(false)
	v.until(allSaved)
	got := m.attempt(attempt).given()
	for _, task := range answered {
		if _, held := got[task]; !held {
			t.Errorf("task %s is lost after the network returned", task)
		}
	}

	// Once more, and this time the page is reloaded before the network is back.
	v.forward(4)
	v.forward(5)
	v.offline(true)
	fifth := v.pick(1)
	v.until(`/Ждёт связи: 1/.test(document.querySelector(".saved").textContent)`)
	shown := v.shown()
	_ = chromedp.Run(v.ctx, chromedp.Reload()) // the browser's own page of errors
	v.offline(false)
	v.open("/attempts/" + attempt + "/tasks/5")
	if now := v.shown(); now != shown {
		t.Errorf("after the reload the page shows %s, it was %s", now, shown)
	}
	v.until(allSaved)
	got = m.attempt(attempt).given()
	if _, held := got[fifth]; !held {
		t.Errorf("task %s is lost by a reload", fifth)
	}
	if len(got) != 5 {
		t.Errorf("%d answers are held, 5 were given", len(got))
	}

	// Another browser goes on where this one was; this one says so and loses nothing.
	other := as(t, "teacher022")
	other.open("/attempts/" + attempt)
	other.see("Вы уже начали", "Ответов сохранено: 5")
	other.click(`form[action$="/start"] button`)
	v.pick(2)
	v.until(`/Вы продолжили в другом месте/.test(document.body.textContent)`)
	v.look("task-elsewhere")
	v.do(chromedp.Click(`[data-notice] button`, chromedp.ByQuery), chromedp.Sleep(300*time.Millisecond))
	v.until(`document.readyState === "complete" && document.querySelector(".saved") && ` + allSaved)
	if len(m.attempt(attempt).given()) != 5 {
		t.Error("the way back to the first browser lost an answer")
	}
}

// Without script the work goes on by plain forms; matching and ordering too.
func TestTeacherWithoutScript(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher023")
	m := plain(t, "teacher023")
	v.do(emulation.SetScriptExecutionDisabled(true))
	v.click(`main a.btn[href^="/attempts/"]`)
	attempt := v.attemptOf()
	v.click(`form[action$="/start"] button`)

	// The kinds by number, from the bundle of all tasks.
	kindOf := map[string]int{}
	v.open("/attempts/" + attempt + "/tasks")
	var list []struct{ Kind, N string }
	v.eval(`[...document.querySelectorAll("form.task")].map(f => ({kind: f.dataset.kind, n: f.dataset.n}))`, &list)
	for _, x := range list {
		if kindOf[x.Kind] == 0 {
			n, err := strconv.Atoi(x.N)
			if err != nil {
				t.Fatal(err)
			}
			kindOf[x.Kind] = n
		}
	}
	for _, kind := range []string{"single_choice", "matching", "ordering"} {
		n := kindOf[kind]
		if n == 0 {
			t.Fatalf("no task of kind %s among %v", kind, kindOf)
		}
		v.open(fmt.Sprintf("/attempts/%s/tasks/%d", attempt, n))
		v.pick(1)
		chosen := v.shown()
		v.click(`.exam-acts button[value="next"]`)
		v.open(fmt.Sprintf("/attempts/%s/tasks/%d", attempt, n))
		if again := v.shown(); again != chosen || chosen == "[]" {
			t.Errorf("%s: chosen %s, kept %s", kind, chosen, again)
		}
		v.see("Сохранено")
		v.do(emulation.SetScriptExecutionDisabled(false)) // axe is a script too; the page's own have not run
		v.look("noscript-" + kind)
		v.do(emulation.SetScriptExecutionDisabled(true))
	}
	if got := m.attempt(attempt).given(); len(got) != 3 {
		t.Errorf("%d answers are held, 3 were given: %v", len(got), got)
	}
	v.open("/attempts/" + attempt + "/finish")
	v.see(fmt.Sprintf("Вы ответили на 3 из %d", len(list)))
	v.tap(`#sure`)
	v.click(`[data-finish] button.btn`)
	v.see("Работа сдана")
	if state := m.attempt(attempt).State; state != "submitted" {
		t.Errorf("the attempt is %s", state)
	}
}

// The teacher's results: both parts apart, each element with its evidence, and who looked.
func TestTeacherReadsTheResults(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher")
	v.open("/results")
	v.look("results-list")
	var links []string
	v.eval(`[...document.querySelectorAll("main a[href^='/results/']")].map(a => a.getAttribute("href"))`, &links)
	if len(links) == 0 {
		t.Fatal("the demonstration teacher has no result to read")
	}
	v.open(links[0])
	v.see("Предметная часть", "Методическая часть", "порог")
	v.look("results")
	own := plain(t, "teacher024")
	if resp, _ := own.get(links[0]); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another teacher opens the report: %s", resp.Status)
	}
	v.open("/looks")
	v.look("looks")
}

// Consent stands before the start: a teacher who withdrew it can't begin, over pages or API,
// may refuse without harm, and begins after changing their mind.
func TestTeacherDecidesOnConsentBeforeTheStart(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher032")
	v.click(`main a.btn[href^="/attempts/"]`)
	attempt := v.attemptOf()
	v.open("/me")
	v.click(`#diagnostics button[value="withdrawn"]`)
	v.until(`document.querySelector("#diagnostics .tag").textContent.includes("отозвано")`)
	v.look("me-withdrawn")

	start := func() (int, map[string]any) {
		m := plain(t, "teacher032")
		resp, err := m.client.Post(m.url+"/api/v1/attempts/"+attempt+"/start", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, answer
	}
	status, need := start()
	if kind, _ := need["type"].(string); status != http.StatusForbidden || !strings.HasSuffix(kind, "consent-required") || need["version"] == nil || need["text"] == nil {
		t.Errorf("start without consent: %d %.200v", status, need)
	}

	v.open("/attempts/" + attempt)
	v.see("Прочитайте и решите", "Откроется после согласия")
	v.click(`main a[href$="/consent"]`)
	v.click(`button[value="refused"]`)
	v.see("Вы решили не участвовать", "последствий нет")
	v.look("before-refused")
	if status, _ := start(); status != http.StatusForbidden {
		t.Errorf("start after a refusal: %d", status)
	}
	v.click(`main a[href$="/consent"]`)
	v.click(`button[value="given"]`)
	v.click(`form[action$="/start"] button`)
	v.until(`document.querySelector("form.task")?.dataset.n === "1"`)
}
