package sitting

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	beforePage  = web.MustPage[beforeView](pages, "pages/before.html")
	consentPage = web.MustPage[consentView](pages, "pages/consent.html")
	tryPage     = web.MustPage[tryView](pages, "pages/try.html", "pages/task.html")
	examPage    = web.MustPage[examView](pages, "pages/exam.html", "pages/task.html")
	bundlePage  = web.MustPage[[]taskView](pages, "pages/bundle.html", "pages/task.html")
	finishPage  = web.MustPage[finishView](pages, "pages/finish.html")
	receiptPage = web.MustPage[receiptView](pages, "pages/receipt.html")
)

// mountPages adds the pages of a sitting; each works without script and shows a
// person their own attempts only.
func (s *Service) mountPages(r gin.IRouter) {
	mine := web.SignedIn()
	r.GET("/attempts/:id", mine, web.Handle(s.getBefore))
	r.GET("/attempts/:id/consent", mine, web.Handle(s.getConsent))
	r.POST("/attempts/:id/consent", mine, web.Handle(s.postConsent))
	r.GET("/attempts/:id/try", mine, web.Handle(s.getTry))
	r.POST("/attempts/:id/start", mine, web.Handle(s.postStart))
	r.GET("/attempts/:id/tasks", mine, web.Handle(s.getBundle))
	r.GET("/attempts/:id/tasks/:n", mine, web.Handle(s.getTask))
	r.POST("/attempts/:id/tasks/:n", mine, web.Handle(s.postTask))
	r.POST("/attempts/:id/tasks/:n/files", mine, web.Handle(s.postFile))
	r.GET("/attempts/:id/files/:sha", mine, web.Handle(s.getFile))
	r.GET("/attempts/:id/finish", mine, web.Handle(s.getFinish))
	r.POST("/attempts/:id/finish", mine, web.Handle(s.postFinish))
	r.GET("/attempts/:id/receipt", mine, web.Handle(s.getReceipt))
}

func participant(title string) web.Head {
	return web.Head{Title: title, Nav: "/", Class: "participant", Main: "page page-read"}
}

// minutesUntil rounds up: a minute that has begun is still there.
func minutesUntil(now time.Time, end *time.Time) int {
	if end == nil || !end.After(now) {
		return 0
	}
	return int(math.Ceil(end.Sub(now).Minutes()))
}

// The lease of a browser lies in a cookie, so that it reaches every page of the
// work and no other browser. All tabs of the browser write with the same pen.
const leaseCookie = "lotsiya_lease"

func keepLease(c *gin.Context, attempt, lease string) {
	http.SetCookie(c.Writer, &http.Cookie{Name: leaseCookie, Value: lease, Path: "/attempts/" + attempt, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https"})
}

func leaseOf(c *gin.Context) string {
	lease, err := c.Cookie(leaseCookie)
	if err != nil {
		return ""
	}
	return lease
}

type beforeView struct {
	ID          string
	State       State
	Terms       campaign.Terms
	Closed      bool
	Started     bool
	Consent     bool
	Refused     bool
	NotYet      string
	OpensLater  bool
	Tasks       int
	Minutes     int
	Cut         int // minutes left to the end of the window where that is less than Minutes
	Answered    int
	MinutesLeft int
}

func (s *Service) getBefore(c *gin.Context) error {
	actor := web.Actor(c)
	p, err := s.Look(c.Request.Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	v := beforeView{ID: p.Attempt.PublicID, State: p.Attempt.State, Terms: p.Terms, Minutes: p.Terms.Minutes + p.Terms.ExtraMinutes, Tasks: len(p.Tasks),
		Started: p.Attempt.State == InProgress, Refused: p.Terms.Registration == campaign.Refused, Answered: given(p.Answers),
		MinutesLeft: minutesUntil(p.ServerTime, p.Attempt.Deadline)}
	if p.Attempt.State == Assigned || v.Started {
		err = db.InTx(c.Request.Context(), s.pool, actor, func(tx *sqlx.Tx) error {
			if v.Consent, _, err = people.ConsentTx(c.Request.Context(), tx, actor.ID, purpose); err != nil || v.Started {
				return err
			}
			v.Tasks, err = s.sizeTx(c.Request.Context(), tx, p.Attempt.CampaignID)
			return err
		})
		if err != nil {
			return err
		}
	}
	if refusal := p.Terms.AdmitsAt(p.ServerTime); refusal != nil && p.Attempt.State == Assigned && !v.Refused {
		v.NotYet, v.OpensLater = "Диагностика ещё не открылась", p.ServerTime.Before(p.Terms.OpensAt)
	}
	if end := p.Terms.Deadline(p.ServerTime); end.Before(p.ServerTime.Add(time.Duration(v.Minutes)*time.Minute)) && v.NotYet == "" {
		v.Cut = minutesUntil(p.ServerTime, &end)
	}
	over := p.Attempt.State == Assigned && (p.Terms.State == campaign.Closed || !p.ServerTime.Before(p.Terms.ClosesAt))
	v.Closed = over || p.Attempt.State == Submitted || p.Attempt.State == Annulled
	return beforePage.Render(c, http.StatusOK, participant(p.Terms.Title), v)
}

type consentView struct {
	ID    string
	Terms campaign.Terms
	Text  people.ConsentText
	Error string
}

func (s *Service) getConsent(c *gin.Context) error { return s.showConsent(c, http.StatusOK, "") }

func (s *Service) showConsent(c *gin.Context, status int, wrong string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	p, err := s.Look(ctx, actor, c.Param("id"))
	if err != nil {
		return err
	}
	v := consentView{ID: p.Attempt.PublicID, Terms: p.Terms, Error: wrong}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		_, v.Text, err = people.ConsentTx(ctx, tx, actor.ID, purpose)
		return err
	})
	if err != nil {
		return err
	}
	return consentPage.Render(c, status, participant("Согласие на участие"), v)
}

func (s *Service) postConsent(c *gin.Context) error {
	var f struct {
		Version  int    `form:"version"`
		Decision string `form:"decision"`
	}
	if err := web.Bind(c, &f); err != nil {
		return err
	}
	var err error
	switch f.Decision {
	case "given":
		err = s.Consent(c.Request.Context(), web.Actor(c), c.Param("id"), f.Version)
	case "refused":
		err = s.Refuse(c.Request.Context(), web.Actor(c), c.Param("id"))
	default:
		return s.showConsent(c, http.StatusUnprocessableEntity, "Выберите одно из двух")
	}
	if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind == fault.Conflict {
		return s.showConsent(c, http.StatusConflict, refusal.Message)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/attempts/%s", c.Param("id"))
}

// tryTasks show the controls on what everybody knows.
var tryTasks = []struct {
	question string
	view     task.View
}{
	{"Какое море омывает Ленинградскую область?", task.View{Kind: task.SingleChoice, Options: []task.OptionView{{ID: "white", HTML: "Белое"}, {ID: "baltic", HTML: "Балтийское"}, {ID: "black", HTML: "Чёрное"}}}},
	{"Подберите каждой букве номер.", task.View{Kind: task.Matching,
		Left:  []task.OptionView{{ID: "lighthouse", HTML: "маяк"}, {ID: "compass", HTML: "компас"}},
		Right: []task.OptionView{{ID: "north", HTML: "показывает, где север"}, {ID: "shore", HTML: "светит с берега"}, {ID: "depth", HTML: "меряет глубину"}}}},
	{"Расставьте по порядку: что за чем следует.", task.View{Kind: task.Ordering, Options: []task.OptionView{{ID: "noon", HTML: "полдень"}, {ID: "evening", HTML: "вечер"}, {ID: "morning", HTML: "утро"}}}},
}

type tryForm struct {
	Question string
	Form     form
}

type tryView struct {
	ID    string
	Forms []tryForm
	Tried bool
	Said  []string
}

func (s *Service) getTry(c *gin.Context) error {
	p, err := s.Look(c.Request.Context(), web.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	q := c.Request.URL.Query()
	v := tryView{ID: p.Attempt.PublicID, Tried: q.Get("tried") != ""}
	for _, t := range tryTasks {
		answer, wrong := answerFrom(t.view, q)
		f := formOf(t.view, answer)
		f.Wrong = wrong
		if wrong != "" {
			f = f.placed(q)
		}
		v.Forms = append(v.Forms, tryForm{t.question, f})
		v.Said = append(v.Said, saidOf(f))
	}
	return tryPage.Render(c, http.StatusOK, participant("Проба"), v)
}

// saidOf repeats in words what was chosen.
func saidOf(f form) string {
	chosen := []string{}
	for _, o := range f.Options {
		if o.Checked {
			chosen = append(chosen, o.HTML)
		}
	}
	for _, l := range f.Left {
		if l.Word != "" {
			chosen = append(chosen, l.Letter+": "+l.Word)
		}
	}
	for n := 1; n <= len(f.Items); n++ {
		for _, item := range f.Items {
			if item.Position == n {
				chosen = append(chosen, fmt.Sprintf("%d: %s", n, item.HTML))
			}
		}
	}
	if len(chosen) == 0 {
		return "Здесь пока ничего не выбрано."
	}
	return "Выбрано: " + strings.Join(chosen, "; ") + "."
}

// postStart starts, or takes the pen into this browser.
func (s *Service) postStart(c *gin.Context) error {
	started, err := s.Start(c.Request.Context(), web.Actor(c), c.Param("id"))
	switch {
	case fault.KindOf(err) == fault.Gone:
		return web.SeeOther(c, "/attempts/%s", c.Param("id"))
	case fault.KindOf(err) == fault.Forbidden:
		return web.SeeOther(c, "/attempts/%s/consent", c.Param("id"))
	case err != nil:
		return err
	}
	keepLease(c, started.Attempt, started.Lease)
	n, err := strconv.Atoi(c.Query("n"))
	switch {
	case c.Query("n") == "finish":
		return web.SeeOther(c, "/attempts/%s/finish", started.Attempt)
	case err != nil || n < 1 || n > len(started.Tasks):
		n = firstBlank(started.Tasks, started.Answers)
	case c.PostForm("revision") != "": // from the page of a task: what stands in it is saved on the new lease
		p, err := s.Look(c.Request.Context(), web.Actor(c), started.Attempt)
		if err != nil {
			return err
		}
		if refused, err := s.saveForm(c, p, n, c.Request.PostForm, started.Lease); refused || err != nil {
			return err
		}
	}
	return web.SeeOther(c, "/attempts/%s/tasks/%d", started.Attempt, n)
}

// firstBlank is the first task without an answer, or the first of all.
func firstBlank(tasks []Shown, answers map[string]Held) int {
	for _, t := range tasks {
		if h, ok := answers[t.ID]; !ok || h.Empty() {
			return t.Position
		}
	}
	return 1
}

type cell struct {
	N          int
	ID         string
	Done, Flag bool
	X, Width   float64
}

type cellGroup struct {
	Title string
	Cells []cell
}

// taskView is one task with its controls.
type taskView struct {
	Attempt   string
	N, Total  int
	Task      Shown
	PartLabel string
	Revision  int64
	Form      form
	Live      bool
	Flagged   bool
	Answered  bool
	Notice    string
	Files     []File
	FileWrong string
}

type examView struct {
	Attempt, Title, Lease string
	N, Total              int
	Answered, Marked      int
	Seconds, MinutesLeft  int
	Steps                 []cell
	Groups                []cellGroup
	SavedAt               *time.Time
	View                  taskView
}

var partLabels = map[string]string{"subject": "Предметная часть", "methodical": "Методическая часть", "self": "Самооценка, без баллов"}

func (p Progress) taskView(n int, lease string) taskView {
	t := p.Tasks[n-1]
	held := p.Answers[t.ID]
	return taskView{Attempt: p.Attempt.PublicID, N: n, Total: len(p.Tasks), Task: t, PartLabel: partLabels[t.Part], Revision: held.Revision,
		Form: formOf(t.View, held.Body), Live: p.Attempt.holds(lease), Flagged: p.Flags[t.ID], Answered: held.Revision > 0 && !held.Empty(), Files: p.Files[t.ID]}
}

func (p Progress) cells() []cell {
	cells := make([]cell, len(p.Tasks))
	step := 1 / float64(len(p.Tasks))
	for i, t := range p.Tasks {
		h, ok := p.Answers[t.ID]
		cells[i] = cell{N: t.Position, ID: t.ID, Done: ok && !h.Empty(), Flag: p.Flags[t.ID], X: float64(i) * step, Width: step * 0.88}
	}
	return cells
}

func (p Progress) examView(t taskView, lease string) examView {
	v := examView{Attempt: p.Attempt.PublicID, Title: p.Terms.Title, N: t.N, Total: t.Total, Answered: given(p.Answers), Marked: len(p.Flags),
		MinutesLeft: minutesUntil(p.ServerTime, p.Attempt.Deadline), Seconds: int(p.Attempt.Deadline.Sub(p.ServerTime).Seconds()), Steps: p.cells(), View: t}
	if t.Live {
		v.Lease = lease
	}
	titles := map[string]string{"subject": "Предметная часть", "methodical": "Методическая часть", "self": "Самооценка"}
	for i, c := range v.Steps {
		title := titles[p.Tasks[i].Part]
		if len(v.Groups) == 0 || v.Groups[len(v.Groups)-1].Title != title {
			v.Groups = append(v.Groups, cellGroup{Title: title})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Cells = append(last.Cells, c)
	}
	for _, h := range p.Answers {
		if v.SavedAt == nil || h.SavedAt.After(*v.SavedAt) {
			at := h.SavedAt
			v.SavedAt = &at
		}
	}
	return v
}

// working reads an attempt in progress; for any other it has already sent the
// reader to the right page, and ok is false.
func (s *Service) working(c *gin.Context) (p Progress, ok bool, err error) {
	p, err = s.Look(c.Request.Context(), web.Actor(c), c.Param("id"))
	switch {
	case err != nil:
		return p, false, err
	case p.Attempt.State == Submitted:
		return p, false, web.SeeOther(c, "/attempts/%s/receipt", p.Attempt.PublicID)
	case p.Attempt.State != InProgress:
		return p, false, web.SeeOther(c, "/attempts/%s", p.Attempt.PublicID)
	}
	return p, true, nil
}

// numbered is working with the number of a task from the path.
func (s *Service) numbered(c *gin.Context) (p Progress, n int, ok bool, err error) {
	if p, ok, err = s.working(c); !ok {
		return p, 0, false, err
	}
	n, err = strconv.Atoi(c.Param("n"))
	if err != nil || n < 1 || n > len(p.Tasks) {
		return p, 0, false, errNoTask
	}
	return p, n, true, nil
}

func (s *Service) showTask(c *gin.Context, status int, p Progress, t taskView, lease string) error {
	class := "participant exam"
	if t.Task.Kind == task.Matching {
		class += " exam-match"
	}
	head := web.Head{Title: fmt.Sprintf("Задание %d из %d", t.N, t.Total), Class: class, Modules: []string{"task.js"}, Bare: true}
	return examPage.Render(c, status, head, p.examView(t, lease))
}

func (s *Service) getTask(c *gin.Context) error {
	p, n, ok, err := s.numbered(c)
	if !ok {
		return err
	}
	return s.showTask(c, http.StatusOK, p, p.taskView(n, leaseOf(c)), leaseOf(c))
}

// getBundle gives all tasks at once to the module, which then needs no network
// to go from one to the next.
func (s *Service) getBundle(c *gin.Context) error {
	p, ok, err := s.working(c)
	if !ok {
		return err
	}
	all := make([]taskView, len(p.Tasks))
	for i := range p.Tasks {
		all[i] = p.taskView(i+1, leaseOf(c))
	}
	return bundlePage.Render(c, http.StatusOK, web.Head{Title: p.Terms.Title, Class: "participant exam", Bare: true}, all)
}

// postTask saves what a form brought and goes where its button says. It takes
// the same way as the API: same lease, same revisions.
func (s *Service) postTask(c *gin.Context) error {
	p, n, ok, err := s.numbered(c)
	if !ok {
		return err
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	if err := c.Request.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: "Форма не прочитана", Cause: err}
	}
	post := c.Request.PostForm
	refused, err := s.saveForm(c, p, n, post, leaseOf(c))
	if refused || err != nil {
		return err
	}
	flagged := p.Flags[p.Tasks[n-1].ID]
	if post.Get("go") == "later" {
		if err := s.Flag(c.Request.Context(), web.Actor(c), p.Attempt.PublicID, p.Tasks[n-1].ID, !flagged); err != nil {
			return err
		}
	}
	switch {
	case post.Get("go") == "prev" && n > 1:
		n--
	case post.Get("go") == "next" && n == len(p.Tasks):
		return web.SeeOther(c, "/attempts/%s/finish", p.Attempt.PublicID)
	case post.Get("go") == "next", post.Get("go") == "later" && !flagged && n < len(p.Tasks):
		n++
	}
	return web.SeeOther(c, "/attempts/%s/tasks/%d", p.Attempt.PublicID, n)
}

// saveForm saves the answer of a posted form if it differs from the held one.
// Where it cannot be taken it shows the page again with what was typed, and
// refused is true.
func (s *Service) saveForm(c *gin.Context, p Progress, n int, post url.Values, lease string) (refused bool, err error) {
	t := p.Tasks[n-1]
	held := p.Answers[t.ID]
	answer, wrong := answerFrom(t.View, post)
	view := p.taskView(n, lease)
	again := func(status int, revision int64, notice, wrong string) (bool, error) {
		view.Form, view.Revision, view.Notice = formOf(t.View, answer), revision, notice
		view.Form.Wrong = wrong
		if t.Kind == task.Ordering && post.Has("revision") {
			view.Form = view.Form.placed(post)
		}
		return true, s.showTask(c, status, p, view, lease)
	}
	if !post.Has("revision") { // every page of a task posts it: without it the fields were lost on the way
		answer = held.Body
		return again(http.StatusUnprocessableEntity, held.Revision, "Форма дошла без ответа, поэтому ничего не изменилось. Ниже то, что сохранено.", "")
	}
	if wrong != "" {
		return again(http.StatusUnprocessableEntity, held.Revision, "", wrong)
	}
	base, err := strconv.ParseInt(post.Get("revision"), 10, 64)
	if err != nil || base < 0 {
		base = held.Revision
	}
	if same, err := sameAnswer(held, answer); err != nil || same {
		return false, err
	}
	outcomes, err := s.Save(c.Request.Context(), web.Actor(c), p.Attempt.PublicID, lease, []Entry{{t.ID, base + 1, answer}})
	if err != nil {
		return false, err
	}
	switch o := outcomes[0]; o.Verdict {
	case Taken, Repeated:
		return false, nil
	case Stale:
		return again(http.StatusConflict, o.Revision, "Этот ответ уже изменили в другой вкладке. Ниже то, что вы выбрали сейчас: если так и нужно, нажмите «Дальше» ещё раз.", "")
	case DeadLease:
		view.Live = false
		return again(http.StatusConflict, held.Revision, "Этот ответ ещё не сохранён. Нажмите «Продолжить здесь», и он сохранится.", "")
	case Late:
		web.Flash(c, "Время вышло раньше, чем пришёл этот ответ. Он сохранён отдельно, в результат не входит")
		return true, web.SeeOther(c, "/attempts/%s/receipt", p.Attempt.PublicID)
	case Misshapen:
		return again(http.StatusUnprocessableEntity, held.Revision, "", formWords(t.Kind))
	}
	return false, errNoTask
}

// sameAnswer tells whether nothing changed; a blank over nothing is no answer either.
func sameAnswer(held Held, answer json.RawMessage) (bool, error) {
	blank := Held{Body: answer}.Empty()
	if blank && (held.Revision == 0 || held.Empty()) {
		return true, nil
	}
	digest, err := digestOf(answer)
	return held.Revision > 0 && digest == held.Digest, err
}

// formWords say what to mend where a form brought an answer of the wrong shape.
func formWords(k task.Kind) string {
	switch k {
	case task.Numeric:
		return "Напишите число: цифры, запятая, если нужно, и минус. Например, 3,14"
	case task.ShortAnswer, task.Extended:
		return "Текст длиннее, чем можно. Сократите его"
	}
	return "Выберите из того, что предложено"
}

func (s *Service) postFile(c *gin.Context) error {
	p, n, ok, err := s.numbered(c)
	if !ok {
		return err
	}
	name, body, err := web.Upload(c, "file", files.MaxSize)
	if err == nil {
		if refused, err := s.saveForm(c, p, n, c.Request.PostForm, leaseOf(c)); refused || err != nil {
			return err
		}
		_, err = s.Attach(c.Request.Context(), web.Actor(c), p.Attempt.PublicID, p.Tasks[n-1].ID, name, http.DetectContentType(body), body)
	}
	if wrong := fault.FieldsOf(err)["file"]; wrong != "" {
		view := p.taskView(n, leaseOf(c))
		view.FileWrong = wrong
		return s.showTask(c, http.StatusUnprocessableEntity, p, view, leaseOf(c))
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/attempts/%s/tasks/%d", p.Attempt.PublicID, n)
}

func (s *Service) getFile(c *gin.Context) error {
	f, err := s.OwnFile(c.Request.Context(), web.Actor(c), c.Param("id"), c.Param("sha"))
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "file-" + f.SHA256[:8] + extensions[f.MediaType]}))
	c.Data(http.StatusOK, f.MediaType, f.Body)
	return nil
}

var extensions = map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}

type finishView struct {
	ID              string
	Lease           string
	Live            bool
	Answered, Total int
	MinutesLeft     int
	Blank, Flagged  []cell
	Back            int
	Unsure          bool
	Error           string
}

func (s *Service) showFinish(c *gin.Context, status int, p Progress, unsure bool, wrong string) error {
	v := finishView{ID: p.Attempt.PublicID, Live: p.Attempt.holds(leaseOf(c)), Answered: given(p.Answers), Total: len(p.Tasks),
		MinutesLeft: minutesUntil(p.ServerTime, p.Attempt.Deadline), Back: firstBlank(p.Tasks, p.Answers), Unsure: unsure, Error: wrong}
	if v.Live {
		v.Lease = leaseOf(c)
	}
	for _, t := range p.cells() {
		if !t.Done {
			v.Blank = append(v.Blank, t)
		}
		if t.Flag {
			v.Flagged = append(v.Flagged, t)
		}
	}
	head := participant("Завершение работы")
	head.Modules = []string{"task.js"}
	return finishPage.Render(c, status, head, v)
}

func (s *Service) getFinish(c *gin.Context) error {
	p, ok, err := s.working(c)
	if !ok {
		return err
	}
	return s.showFinish(c, http.StatusOK, p, false, "")
}

func (s *Service) postFinish(c *gin.Context) error {
	p, ok, err := s.working(c)
	if !ok {
		return err
	}
	if c.PostForm("sure") == "" {
		return s.showFinish(c, http.StatusUnprocessableEntity, p, true, "")
	}
	_, err = s.Submit(c.Request.Context(), web.Actor(c), p.Attempt.PublicID, leaseOf(c))
	if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind == fault.Conflict {
		return s.showFinish(c, http.StatusConflict, p, false, refusal.Message)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/attempts/%s/receipt", p.Attempt.PublicID)
}

type receiptRow struct {
	N    int
	Held *Held
}

type receiptView struct {
	Terms       campaign.Terms
	SubmittedAt time.Time
	ClosedBy    string
	Answers     int
	Digest      string
	Rows        []receiptRow
	Experts     bool
}

func (s *Service) getReceipt(c *gin.Context) error {
	p, err := s.Look(c.Request.Context(), web.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	if p.Attempt.State != Submitted {
		return web.SeeOther(c, "/attempts/%s", p.Attempt.PublicID)
	}
	v := receiptView{Terms: p.Terms, SubmittedAt: *p.Attempt.SubmittedAt, ClosedBy: *p.Attempt.ClosedBy, Answers: *p.Attempt.Answers, Digest: *p.Attempt.Digest}
	for _, t := range p.Tasks {
		row := receiptRow{N: t.Position}
		if h, ok := p.Answers[t.ID]; ok {
			row.Held = &h
		}
		v.Rows = append(v.Rows, row)
		v.Experts = v.Experts || t.Kind == task.Extended
	}
	return receiptPage.Render(c, http.StatusOK, participant("Работа сдана"), v)
}
