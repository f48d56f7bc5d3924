package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lotsiya/lotsiya/demo"
)

// The journeys share one demonstration region and one Chromium; each walks under its own sign-in.

//go:embed testdata/axe.min.js
var axeScript string

type region struct {
	url     string
	signIns map[string][2]string // role → login, password
	browser context.Context
	cmd     *exec.Cmd
	dir     string
	quit    func()
	err     error
}

var demoRegion = sync.OnceValue(startRegion)

// LOTSIYA_AT names a demonstration region that already runs, on this machine or elsewhere; the journeys then walk there.
func runningRegion(url string) *region {
	r := &region{url: url, signIns: map[string][2]string{}}
	for _, s := range demo.SignIns() {
		r.signIns[s.Role] = [2]string{s.Login, s.Password}
	}
	r.browser, r.quit, r.err = startBrowser()
	return r
}

// closeRegion ends what the journeys started; TestMain calls it.
func closeRegion() {
	if regionStarted {
		r := demoRegion()
		if r.quit != nil {
			r.quit()
		}
	}
}

var regionStarted bool

func startRegion() *region {
	regionStarted = true
	if url := os.Getenv("LOTSIYA_AT"); url != "" {
		return runningRegion(url)
	}
	r := &region{signIns: map[string][2]string{}}
	r.dir, r.err = os.MkdirTemp("/tmp", "lotsiya-region-")
	if r.err != nil {
		return r
	}
	_ = os.Chmod(r.dir, 0o755)
	// The journeys drive the program as it is shipped: without the race detector, which
	// watches the same handlers in the tests of their packages.
	shipped := filepath.Join(r.dir, "lotsiya")
	if out, err := exec.Command("go", "build", "-o", shipped, ".").CombinedOutput(); err != nil {
		r.err = fmt.Errorf("build the program: %w: %s", err, out)
		return r
	}
	r.cmd = exec.Command(shipped, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(r.dir, "var"))
	r.cmd.Env = append(os.Environ(), "DATABASE_URL=")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var stderr bytes.Buffer
	r.cmd.Stderr = &stderr
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.err = err
		return r
	}
	if r.err = r.cmd.Start(); r.err != nil {
		return r
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if url, ok := strings.CutPrefix(line, "listening on "); ok {
			r.url = url
		}
		if f := strings.Fields(line); len(f) == 4 && f[0] == "sign-in" {
			r.signIns[f[1]] = [2]string{f[2], f[3]}
			if f[1] == "admin" { // the last of them
				break
			}
		}
	}
	if r.url == "" || len(r.signIns) < 10 {
		r.err = fmt.Errorf("serve --demo did not come up: %s", stderr.String())
		return r
	}
	go func() {
		for lines.Scan() {
		}
	}()
	var stopBrowser context.CancelFunc
	r.browser, stopBrowser, r.err = startBrowser()
	r.quit = func() {
		if stopBrowser != nil {
			stopBrowser()
		}
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		_ = r.cmd.Wait()
		_ = os.RemoveAll(r.dir)
	}
	return r
}

// startBrowser starts Debian's (or the named) Chromium; a missing one is an error, never a skip.
func startBrowser() (context.Context, context.CancelFunc, error) {
	bin := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if bin == "" {
			bin, _ = exec.LookPath(name)
		}
	}
	if bin == "" {
		return nil, nil, fmt.Errorf("no Chromium found: scripts/need chromium installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "ru-RU"),
		chromedp.Flag("font-render-hinting", "none"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Run(browser); err != nil {
		cancel()
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", bin, err)
	}
	return browser, func() { cancel(); stop() }, nil
}

// visitor is one person with one browser profile.
type visitor struct {
	t       *testing.T
	ctx     context.Context
	url     string
	profile cdp.BrowserContextID
}

// theRegion gives the shared region to a test.
func theRegion(t *testing.T) *region {
	t.Helper()
	r := demoRegion()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r
}

// stranger opens a browser profile of its own, not signed in, 1280 px wide.
func stranger(t *testing.T) *visitor {
	t.Helper()
	r := theRegion(t)
	var profile cdp.BrowserContextID
	var tab target.ID
	onBrowser := func(f func(ctx context.Context) error) {
		t.Helper()
		c := chromedp.FromContext(r.browser)
		if err := f(cdp.WithExecutor(r.browser, c.Browser)); err != nil {
			t.Fatal(err)
		}
	}
	onBrowser(func(ctx context.Context) (err error) {
		if profile, err = target.CreateBrowserContext().Do(ctx); err == nil {
			tab, err = target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
		}
		return err
	})
	ctx, cancel := chromedp.NewContext(r.browser, chromedp.WithTargetID(tab))
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(func() {
		stop()
		cancel()
		onBrowser(func(ctx context.Context) error { return target.DisposeBrowserContext(profile).Do(ctx) })
	})
	v := &visitor{t, ctx, r.url, profile}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("script: %s", e.ExceptionDetails.Error())
		case *log.EventEntryAdded: // a broken rule of the content policy, a file that is not there
			if e.Entry.Level == log.LevelError && !strings.Contains(e.Entry.Text, "ERR_INTERNET_DISCONNECTED") && !strings.Contains(e.Entry.Text, "ERR_ABORTED") &&
				!strings.Contains(e.Entry.Text, "status of 422") { // a refused form is what a journey may want
				t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *page.EventJavascriptDialogOpening: // leaving with unsent answers asks first
			go chromedp.Run(ctx, page.HandleJavaScriptDialog(true))
		}
	})
	v.do(emulation.SetFocusEmulationEnabled(true))
	v.wide(1280)
	return v
}

// as signs in with the region's sign-in of a role, or with a login of its own.
func as(t *testing.T, roleOrLogin string) *visitor {
	t.Helper()
	r := theRegion(t)
	sign, ok := r.signIns[roleOrLogin]
	if !ok {
		sign = [2]string{roleOrLogin, r.signIns["teacher"][1]}
	}
	v := stranger(t)
	v.open("/sign-in")
	v.fill("#login", sign[0])
	v.fill("#password", sign[1])
	v.keys(kb.Enter)
	v.do(chromedp.WaitVisible(`.who a[href="/me"]`))
	return v
}

func (v *visitor) do(actions ...chromedp.Action) {
	v.t.Helper()
	if err := chromedp.Run(v.ctx, actions...); err != nil {
		var where, text string
		_ = chromedp.Run(v.ctx, chromedp.Location(&where), chromedp.Text("body", &text))
		v.t.Fatalf("%v\nat %s: %.1500s", err, where, text)
	}
}

func (v *visitor) wide(px int64) {
	v.t.Helper()
	v.do(emulation.SetDeviceMetricsOverride(px, 900, 1, px < 600))
}

// open goes to a page and expects it to be there.
func (v *visitor) open(path string) {
	v.t.Helper()
	resp, err := chromedp.RunResponse(v.ctx, chromedp.Navigate(v.url+path))
	if err != nil || resp.Status != 200 {
		v.t.Fatalf("open %s: %v %v", path, resp, err)
	}
}

// fill writes into a field what a person would type there.
func (v *visitor) fill(selector, value string) {
	v.t.Helper()
	v.do(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector), nil),
		chromedp.SendKeys(selector, value, chromedp.ByQuery))
}

// choose sets a list or a date, which the keyboard sets differently on each system.
func (v *visitor) choose(selector, value string) {
	v.t.Helper()
	var got string
	v.eval(fmt.Sprintf(`(() => { const x = document.querySelector(%q); x.value = %q; x.dispatchEvent(new Event("change", {bubbles: true})); return x.value })()`, selector, value), &got)
	if got != value {
		v.t.Fatalf("%s: %s has no %q", v.path(), selector, value)
	}
}

// click presses what the selector names and waits for the page that follows.
func (v *visitor) click(selector string) {
	v.t.Helper()
	if _, err := chromedp.RunResponse(v.ctx, chromedp.ScrollIntoView(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery)); err != nil {
		v.t.Fatalf("click %s: %v", selector, err)
	}
}

// tap presses without waiting for another page.
func (v *visitor) tap(selector string) {
	v.t.Helper()
	v.do(chromedp.ScrollIntoView(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery))
}

// keys types into what has the focus.
func (v *visitor) keys(s string) {
	v.t.Helper()
	v.do(chromedp.KeyEvent(s))
}

// tabTo goes by Tab to the element that the selector names; a keyboard has no other
// way. What it comes to must show that it has the focus.
func (v *visitor) tabTo(selector string) {
	v.t.Helper()
	for range 250 {
		v.keys(kb.Tab)
		var here, seen bool
		v.eval(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &here)
		if !here {
			continue
		}
		v.eval(`[document.activeElement, document.activeElement.nextElementSibling, document.activeElement.closest("label")].some(x => x && getComputedStyle(x).outlineStyle !== "none")`, &seen)
		if !seen {
			v.t.Errorf("%s: %s has the focus and does not show it", v.path(), selector)
		}
		return
	}
	v.t.Fatalf("%s: Tab does not reach %s", v.path(), selector)
}

// enter presses Enter and waits for the page that follows.
func (v *visitor) enter() {
	v.t.Helper()
	if resp, err := chromedp.RunResponse(v.ctx, chromedp.KeyEvent(kb.Enter)); err != nil || resp.Status != 200 {
		v.t.Fatalf("%s: Enter: %v %v", v.path(), resp, err)
	}
}

// until waits for an expression to become true, over pages that follow each other too.
func (v *visitor) until(expression string) {
	v.t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		is := false
		if err = chromedp.Run(v.ctx, chromedp.Evaluate("!!("+expression+")", &is)); err == nil && is {
			return
		}
	}
	v.t.Fatalf("%s: not in half a minute: %s (%v); the page says: %.800s", v.path(), expression, err, v.text("body"))
}

// download presses what the selector names and returns the file that comes.
func (v *visitor) download(selector string) []byte {
	v.t.Helper()
	dir := v.t.TempDir()
	c := chromedp.FromContext(v.ctx)
	v.do(chromedp.ActionFunc(func(ctx context.Context) error {
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllowAndName).WithBrowserContextID(v.profile).WithDownloadPath(dir).Do(cdp.WithExecutor(ctx, c.Browser))
	}))
	v.tap(selector)
	size := int64(-1)
	for range 200 {
		time.Sleep(100 * time.Millisecond)
		list, err := os.ReadDir(dir)
		if err != nil {
			v.t.Fatal(err)
		}
		if len(list) != 1 || strings.HasSuffix(list[0].Name(), ".crdownload") {
			continue
		}
		info, err := list[0].Info()
		if err == nil && info.Size() > 0 && info.Size() == size {
			body, err := os.ReadFile(filepath.Join(dir, list[0].Name()))
			if err != nil {
				v.t.Fatal(err)
			}
			return body
		}
		if err == nil {
			size = info.Size()
		}
	}
	v.t.Fatalf("%s: nothing came of %s", v.path(), selector)
	return nil
}

// text is what a person reads in the element.
func (v *visitor) text(selector string) string {
	v.t.Helper()
	var s string
	v.eval(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &s)
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s)
}

func (v *visitor) path() string {
	v.t.Helper()
	var s string
	v.do(chromedp.Evaluate(`location.pathname`, &s))
	return s
}

// eval runs an expression in the page.
func (v *visitor) eval(expression string, out any) {
	v.t.Helper()
	v.do(chromedp.Evaluate(expression, out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// see expects words on the page.
func (v *visitor) see(words ...string) {
	v.t.Helper()
	text := v.text("body")
	for _, w := range words {
		if !strings.Contains(text, w) {
			v.t.Errorf("%s: %q is not on the page: %.700s", v.path(), w, v.text("main"))
		}
	}
}

// offline takes the network away or gives it back.
func (v *visitor) offline(off bool) {
	v.t.Helper()
	v.do(network.Enable(), network.EmulateNetworkConditions(off, 0, -1, -1))
	v.until(fmt.Sprintf(`navigator.onLine === %v`, !off))
}

// look holds the page to WCAG by axe-core at 360 and 1280 px (a short run: at 360) and keeps a
// screenshot of each width under LOTSIYA_SCREENS, where that is set.
func (v *visitor) look(name string) {
	v.t.Helper()
	widths := []int64{360, 1280}
	if testing.Short() {
		widths = widths[:1]
	}
	for _, px := range widths {
		v.wide(px)
		var loaded string
		if v.eval(`typeof axe`, &loaded); loaded == "undefined" {
			v.eval(axeScript+`; true`, nil)
		}
		var raw string
		v.eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(x => ({id: x.id, help: x.help, nodes: x.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary)}))))`, &raw)
		var violations []struct {
			ID, Help string
			Nodes    []string
		}
		if err := json.Unmarshal([]byte(raw), &violations); err != nil {
			v.t.Fatalf("axe: %v in %.300s", err, raw)
		}
		for _, x := range violations {
			v.t.Errorf("%s at %d px: axe %s: %s\n  %s", v.path(), px, x.ID, x.Help, strings.Join(x.Nodes, "\n  "))
		}
		var overflow int
		v.eval(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow)
		if overflow > 1 {
			v.t.Errorf("%s at %d px: the page is %d px too wide", v.path(), px, overflow)
		}
		if dir := os.Getenv("LOTSIYA_SCREENS"); dir != "" {
			var png []byte
			v.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
				png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).WithFormat(page.CaptureScreenshotFormatPng).WithClip(v.sheet(ctx)).Do(ctx)
				return err
			}))
			if err := os.MkdirAll(dir, 0o755); err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, px)), png, 0o644)
				if err != nil {
					v.t.Error(err)
				}
			}
		}
	}
	v.wide(1280)
}

// sheet is the whole page, up to the length that a picture can show.
func (v *visitor) sheet(ctx context.Context) *page.Viewport {
	_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	return &page.Viewport{Width: size.Width, Height: min(size.Height, 3000), Scale: 1}
}
