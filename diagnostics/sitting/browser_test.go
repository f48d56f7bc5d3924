package sitting

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/web"
)

// listen serves the scene to real browsers; GET /as/N signs a browser in as the N-th teacher.
func (s *scene) listen() string {
	s.Helper()
	site := &web.Site{Sessions: web.NewSessions(s.pool), Nav: func(access.Actor) []web.NavItem { return nil },
		Visitor: func(_ context.Context, id access.PersonID) (web.Visitor, error) {
			return web.Visitor{Actor: access.Actor{ID: id, Grants: []access.Grant{{Role: access.Teacher}}}, Name: "Учитель"}, nil
		}}
	e := site.NewEngine()
	e.GET("/as/:n", web.Handle(func(c *gin.Context) error {
		n, err := strconv.Atoi(c.Param("n"))
		if err != nil {
			return err
		}
		if err := site.SignIn(c, s.teachers[n].ID); err != nil {
			return err
		}
		return web.SeeOther(c, "/attempts/%s", s.attempts[n])
	}))
	s.Mount(e)
	server := httptest.NewServer(site.Handler(e))
	s.Cleanup(server.Close)
	return server.URL
}

// chromium starts the browser; a missing one is a failure.
func chromium(t *testing.T) context.Context {
	t.Helper()
	bin := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if bin == "" {
			bin, _ = exec.LookPath(name)
		}
	}
	if bin == "" {
		t.Fatal("no Chromium found: scripts/need chromium installs it")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.Flag("lang", "ru-RU"))...)
	t.Cleanup(stop)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	return browser
}

// device is one tab of a browser.
type device struct {
	*testing.T
	ctx context.Context
}

func (d device) do(actions ...chromedp.Action) {
	d.Helper()
	if err := chromedp.Run(d.ctx, actions...); err != nil {
		var where, text string
		_ = chromedp.Run(d.ctx, chromedp.Location(&where), chromedp.Text("body", &text))
		d.Fatalf("%v\nat %s: %.1200s", err, where, text)
	}
}

func newDevice(t *testing.T, browser context.Context) device {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(func() { stop(); cancel() })
	d := device{t, ctx}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("script: %s", e.ExceptionDetails.Error())
		case *page.EventJavascriptDialogOpening: // "leave the page?", asked only while answers wait
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	d.do(emulation.SetDeviceMetricsOverride(1280, 900, 1, false))
	return d
}

// until waits for an expression to be true in the page.
func (d device) until(expression string) {
	d.Helper()
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var ok bool // an error here is a page that is just being left
		if chromedp.Run(d.ctx, chromedp.Evaluate(`Boolean(`+expression+`)`, &ok)) == nil && ok {
			return
		}
	}
	d.do(chromedp.ActionFunc(func(context.Context) error { return fmt.Errorf("never true: %s", expression) }))
}

func (d device) press(selector string) {
	d.Helper()
	d.do(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery))
}

func (d device) offline(off bool) {
	d.Helper()
	d.do(network.Enable(), network.EmulateNetworkConditions(off, 0, -1, -1))
}

// picture keeps a screenshot at 360 and 1280 px under LOTSIYA_SCREENS, where that is set.
func (d device) picture(name string) {
	dir := os.Getenv("LOTSIYA_SCREENS")
	if dir == "" {
		return
	}
	for _, px := range []int64{360, 1280} {
		var png []byte
		d.do(emulation.SetDeviceMetricsOverride(px, 900, 1, px < 600), chromedp.FullScreenshot(&png, 100))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, px)), png, 0o644); err != nil {
			d.Error(err)
		}
	}
	d.do(emulation.SetDeviceMetricsOverride(1280, 900, 1, false))
}

const (
	savedNow = `/^Сохранено \d\d:\d\d:\d\d$/.test(document.querySelector(".saved [data-text]").textContent) && document.querySelector(".saved").dataset.waiting === "0"`
	here     = `document.querySelector("h1").textContent.startsWith("Задание %d ")`
)

func holds(s *scene, i int, task string) string {
	p, err := s.Look(s.Context(), s.teachers[i], s.attempts[i])
	s.must(err)
	return string(p.Answers[task].Body)
}

// The network goes away in the middle: answers wait on the device, the tasks go
// on, and everything is there once the network is back, even over a reload.
func TestNetworkLostInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1)
	s.begin(0)
	url := s.listen()
	d := newDevice(t, chromium(t))
	d.do(chromedp.Navigate(url + "/as/0"))
	d.picture("before")
	d.press(`form[action$="/start"] button`)
	d.until(fmt.Sprintf(here, 1))
	d.until(`document.querySelectorAll(".map a").length === 9 && document.querySelector("[data-exam]").dataset.lease !== ""`)
	d.press(`input[value="b"]`)
	d.until(savedNow)
	if got := holds(s, 0, "t01"); got != `"b"` {
		t.Fatalf("saved %s", got)
	}
	d.picture("task-choice")
	d.press(`.exam-acts [value="next"]`)
	d.until(fmt.Sprintf(here, 2))

	d.offline(true)
	d.press(`input[value="a"]`)
	d.press(`input[value="c"]`)
	d.until(`document.querySelector(".saved [data-text]").textContent === "Ждёт связи: 1"`)
	d.press(`.exam-acts [value="next"]`)
	d.until(fmt.Sprintf(here, 3))
	d.press(`input[name="left.l1"][value="r2"]`)
	d.until(`document.querySelector(".match-word").textContent === "причина 2"`)
	d.until(`document.querySelector(".saved [data-text]").textContent === "Ждёт связи: 2"`)
	d.picture("task-matching-offline")
	d.press(`.exam-acts [value="later"]`)
	d.until(fmt.Sprintf(here, 4))
	d.press(`.exam-acts [value="prev"]`)
	d.until(fmt.Sprintf(here, 3))
	if got := holds(s, 0, "t02"); got != "" {
		t.Fatalf("saved %s without a network", got)
	}
	d.offline(false)
	d.until(savedNow)
	if a, b := holds(s, 0, "t02"), holds(s, 0, "t03"); a != `["a","c"]` || b != `{"l1":"r2"}` {
		t.Fatalf("after the network came back: %s, %s", a, b)
	}
	p, err := s.Look(t.Context(), s.teachers[0], s.attempts[0])
	s.must(err)
	if !p.Flags["t03"] {
		t.Error("the mark to come back is lost")
	}

	// Answered before the module has come: it saves what it finds, not only what changes later.
	d.do(chromedp.Navigate(url+"/attempts/"+s.attempts[0]+"/tasks/9"), chromedp.Evaluate(`(async () => {
		const page = await (await fetch(location.href)).text();
		const fresh = new DOMParser().parseFromString(page, "text/html");
		document.querySelector("form.task").replaceWith(document.adoptNode(fresh.querySelector("form.task")));
		document.querySelector('input[value="4"]').checked = true;
		const module = [...fresh.scripts].find((script) => script.src.endsWith("task.js"));
		await import(module.src + "?late");
	})()`, nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	d.until(savedNow)
	if got := holds(s, 0, "t09"); got != "4" {
		t.Fatalf("answered before the module came: %q", got)
	}

	// Half typed, then the tab is gone before the pause is over and without a network.
	d.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/tasks/9"))
	d.until(`document.querySelector(".time button").hidden === false`) // the module is there
	d.do(chromedp.Evaluate(`document.querySelector('[data-cell="t05"]').click()`, nil))
	d.until(fmt.Sprintf(here, 5))
	d.offline(true)
	d.do(chromedp.SendKeys("#answer", "слово", chromedp.ByQuery))
	d.until(`document.querySelector(".saved [data-text]").textContent === "Ждёт связи: 1"`)
	d.offline(false)
	d.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/tasks/1"))
	d.until(savedNow)
	if got := holds(s, 0, "t05"); got != `"слово"` {
		t.Fatalf("after a reload: %s", got)
	}
	d.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/tasks/4"))
	d.do(chromedp.SetValue(`#item-c`, "1", chromedp.ByQuery), chromedp.Evaluate(`document.querySelector("#item-c").dispatchEvent(new Event("change", {bubbles: true}))`, nil))
	d.until(savedNow)
	d.picture("task-ordering")
	for n, name := range map[int]string{7: "task-gaps", 8: "task-extended", 9: "task-likert"} {
		d.do(chromedp.Navigate(fmt.Sprintf("%s/attempts/%s/tasks/%d", url, s.attempts[0], n)))
		d.picture(name)
	}
	d.press(`.drawer summary`)
	d.picture("drawer")
	d.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/finish"))
	d.picture("finish")
	d.press(`#sure`)
	d.press(`[data-finish] button`)
	d.until(`document.querySelector("h1").textContent === "Работа сдана"`)
	d.picture("receipt")
}

// A second device takes the pen; the first says so, keeps what it could not save,
// and after "continue here" asks rather than overwrite.
func TestSecondDevice(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1)
	s.begin(0)
	url := s.listen()
	desk := newDevice(t, chromium(t))
	desk.do(chromedp.Navigate(url + "/as/0"))
	desk.press(`form[action$="/start"] button`)
	desk.press(`input[value="a"]`)
	desk.until(savedNow)

	phone := newDevice(t, chromium(t))
	phone.do(chromedp.Navigate(url + "/as/0"))
	phone.press(`form[action$="/start"] button`)
	phone.until(fmt.Sprintf(here, 2))
	phone.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/tasks/1"))
	phone.press(`input[value="b"]`)
	phone.until(savedNow)

	desk.press(`input[value="c"]`)
	desk.until(`document.querySelector("[data-notice]").textContent.includes("Вы продолжили в другом месте")`)
	if got := holds(s, 0, "t01"); got != `"b"` {
		t.Fatalf("the first device wrote over the second: %s", got)
	}
	desk.picture("dead-lease")
	desk.press(`[data-notice] button`)
	desk.until(`document.querySelector("[data-notice]")?.textContent.includes("позже изменили в другом месте")`)
	desk.picture("conflict")
	if got := holds(s, 0, "t01"); got != `"b"` {
		t.Fatalf("nobody was asked: %s", got)
	}
	desk.press(`[data-notice] button`) // my own
	desk.until(savedNow)
	if got := holds(s, 0, "t01"); got != `"c"` {
		t.Fatalf("the answer chosen is not held: %s", got)
	}

	// Two tabs of one device write with one pen and see one another.
	tab := newDevice(t, desk.ctx)
	tab.do(chromedp.Navigate(url + "/attempts/" + s.attempts[0] + "/tasks/1"))
	tab.press(`input[value="a"]`)
	tab.until(savedNow)
	desk.press(`input[value="b"]`)
	desk.until(savedNow)
	time.Sleep(200 * time.Millisecond)
	if got := holds(s, 0, "t01"); got != `"b"` {
		t.Errorf("the last choice of the person is %s", got)
	}
	var words string
	tab.do(chromedp.Text(".saved [data-text]", &words, chromedp.ByQuery))
	if !strings.HasPrefix(words, "Сохранено") {
		t.Errorf("the other tab says %q", words)
	}
}
