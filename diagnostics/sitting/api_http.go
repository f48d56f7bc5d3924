package sitting

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/internal/files"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed openapi.json
var openAPI []byte

// mountAPI adds API v1 of attempts; every call acts for the signed-in person on
// their own attempts, another's is 404.
func (s *Service) mountAPI(r gin.IRouter) {
	r.GET("/api/v1/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/json; charset=utf-8", openAPI) })
	mine := web.SignedIn()
	r.GET("/api/v1/attempts", mine, web.Handle(s.apiList))
	r.GET("/api/v1/attempts/:id", mine, web.Handle(s.apiState))
	r.POST("/api/v1/attempts/:id/consent", mine, web.Handle(s.apiConsent))
	r.POST("/api/v1/attempts/:id/start", mine, web.Handle(s.apiStart))
	r.PUT("/api/v1/attempts/:id/answers", mine, web.Handle(s.apiSaveMany))
	r.PUT("/api/v1/attempts/:id/answers/:task", mine, web.Handle(s.apiSave))
	r.POST("/api/v1/attempts/:id/answers/:task/files", mine, web.Handle(s.apiAttach))
	r.PUT("/api/v1/attempts/:id/flags/:task", mine, web.Handle(s.apiFlag))
	r.POST("/api/v1/attempts/:id/submit", mine, web.Handle(s.apiSubmit))
}

// stamp is how a moment is written: UTC, to the microsecond, as it is kept.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func stampOrNil(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

// reply writes JSON without touching <, > and & in what people wrote.
func reply(c *gin.Context, body any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", b.Bytes())
	return nil
}

// The largest bodies: one answer of the longest text in any spelling, and a batch.
const (
	maxBody    = 2 << 20
	maxEntries = 500
)

// read decodes the request's body. It reports false after having answered itself.
func read(c *gin.Context, to any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			web.Problem(c, http.StatusRequestEntityTooLarge, "too-large", "Запрос больше 2 МБ", nil)
		} else {
			web.Problem(c, http.StatusBadRequest, "malformed", "Запрос оборвался", nil)
		}
		return false
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	err = json.Unmarshal(body, to)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field, want := wrong.Field, map[reflect.Kind]string{reflect.String: "строка", reflect.Int64: "целое число", reflect.Int: "целое число", reflect.Bool: "true или false", reflect.Slice: "список", reflect.Struct: "объект"}[wrong.Type.Kind()]
		web.Problem(c, http.StatusUnprocessableEntity, "wrong-shape", fmt.Sprintf("Поле «%s» не того вида: нужно значение «%s»", field, want), nil)
		return false
	}
	if err != nil {
		web.Problem(c, http.StatusBadRequest, "malformed", "Тело запроса — не JSON", nil)
		return false
	}
	return true
}

type heldView struct {
	Revision int64           `json:"revision"`
	Answer   json.RawMessage `json:"answer"`
	SavedAt  string          `json:"saved_at"`
}

func heldViews(held map[string]Held) map[string]heldView {
	views := make(map[string]heldView, len(held))
	for id, h := range held {
		views[id] = heldView{h.Revision, h.Body, stamp(h.SavedAt)}
	}
	return views
}

func (s *Service) apiList(c *gin.Context) error {
	list, err := s.List(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	type row struct {
		ID       string `json:"id"`
		Title    string `json:"title"`
		State    State  `json:"state"`
		OpensAt  string `json:"opens_at"`
		ClosesAt string `json:"closes_at"`
		Minutes  int    `json:"minutes"`
	}
	rows := make([]row, len(list))
	for i, a := range list {
		rows[i] = row{a.PublicID, a.Terms.Title, a.State, stamp(a.Terms.OpensAt), stamp(a.Terms.ClosesAt), a.Terms.Minutes + a.Terms.ExtraMinutes}
	}
	return reply(c, rows)
}

func (s *Service) apiState(c *gin.Context) error {
	p, err := s.Look(c.Request.Context(), web.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	return reply(c, map[string]any{"attempt": p.Attempt.PublicID, "title": p.Terms.Title, "state": p.Attempt.State,
		"deadline": stampOrNil(p.Attempt.Deadline), "server_time": stamp(p.ServerTime), "submitted_at": stampOrNil(p.Attempt.SubmittedAt),
		"answers": heldViews(p.Answers)})
}

func (s *Service) apiConsent(c *gin.Context) error {
	var body struct {
		Version json.RawMessage `json:"version"`
	}
	if !read(c, &body) {
		return nil
	}
	version, err := strconv.Atoi(strings.Trim(string(body.Version), `"`)) // a number, or the same in quotes
	if err != nil {
		return fault.Field("version", "Назовите версию текста согласия, которую прочитал человек")
	}
	if err := s.Consent(c.Request.Context(), web.Actor(c), c.Param("id"), version); err != nil {
		return err
	}
	return reply(c, map[string]any{"version": version, "consent": "given"})
}

func (s *Service) apiStart(c *gin.Context) error {
	var body struct{}
	if !read(c, &body) {
		return nil
	}
	started, err := s.Start(c.Request.Context(), web.Actor(c), c.Param("id"))
	if need, ok := errors.AsType[*ConsentRequired](err); ok {
		web.Problem(c, http.StatusForbidden, "consent-required", "Сначала нужно согласие на участие в диагностике",
			map[string]any{"version": need.Text.Version, "text": need.Text.Body, "consent_title": need.Text.Title})
		return nil
	}
	if err != nil {
		return err
	}
	return reply(c, map[string]any{"attempt": started.Attempt, "lease": started.Lease, "server_time": stamp(started.ServerTime),
		"deadline": stamp(started.Deadline), "tasks": started.Tasks, "answers": heldViews(started.Answers)})
}

// status is the verdict as a status of HTTP.
func (v Verdict) status() int {
	switch v {
	case Taken, Repeated:
		return http.StatusOK
	case Stale, DeadLease:
		return http.StatusConflict
	case Late:
		return http.StatusGone
	case Misshapen:
		return http.StatusUnprocessableEntity
	case Unknown:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

func (o Outcome) lease() string {
	if o.LiveHere {
		return "live"
	}
	return "dead"
}

func (s *Service) apiSave(c *gin.Context) error {
	var body struct {
		Lease    string          `json:"lease"`
		Revision int64           `json:"revision"`
		Answer   json.RawMessage `json:"answer"`
	}
	if !read(c, &body) {
		return nil
	}
	outcomes, err := s.Save(c.Request.Context(), web.Actor(c), c.Param("id"), body.Lease, []Entry{{c.Param("task"), body.Revision, body.Answer}})
	if err != nil {
		return err
	}
	o := outcomes[0]
	switch o.Verdict {
	case Taken, Repeated:
		return reply(c, map[string]any{"revision": o.Revision, "saved_at": stamp(o.SavedAt), "receipt": o.Receipt})
	case Stale:
		web.Problem(c, http.StatusConflict, "stale-revision", "Здесь уже хранится более новый ответ", map[string]any{"revision": o.Revision, "lease": o.lease()})
	case DeadLease:
		web.Problem(c, http.StatusConflict, "dead-lease", "Работа продолжена в другом месте", map[string]any{"revision": o.Revision, "lease": o.lease()})
	case Late:
		web.Problem(c, http.StatusGone, "closed", "Работа завершена. Ответ сохранён отдельно и в результат не входит", map[string]any{"kept": true, "revision": o.Revision})
	case Misshapen:
		web.Problem(c, http.StatusUnprocessableEntity, "wrong-shape", o.Why, nil)
	default:
		return errNoTask
	}
	return nil
}

func (s *Service) apiSaveMany(c *gin.Context) error {
	var body struct {
		Lease   *string           `json:"lease"`
		Answers []json.RawMessage `json:"answers"`
	}
	if !read(c, &body) {
		return nil
	}
	if body.Lease == nil || body.Answers == nil {
		return &fault.Error{Kind: fault.Invalid, Message: `Тело запроса: {"lease": "…", "answers": [{"task", "revision", "answer"}]}`}
	}
	if len(body.Answers) > maxEntries {
		return fault.Field("answers", "За один раз — не больше %d ответов", maxEntries)
	}
	entries := make([]Entry, len(body.Answers))
	for i, raw := range body.Answers {
		var e Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			e.Revision = 0 // refused by itself, the others go on
		}
		entries[i] = e
	}
	outcomes, err := s.Save(c.Request.Context(), web.Actor(c), c.Param("id"), *body.Lease, entries)
	if err != nil {
		return err
	}
	rows := make([]map[string]any, len(outcomes))
	for i, o := range outcomes {
		row := map[string]any{"task": o.Task, "status": o.Verdict.status(), "revision": o.Revision, "saved_at": nil, "receipt": nil}
		switch o.Verdict {
		case Taken, Repeated:
			row["saved_at"], row["receipt"] = stamp(o.SavedAt), o.Receipt
		case Stale, DeadLease:
			row["lease"] = o.lease()
		case Late:
			row["kept"] = true
		case Misshapen:
			row["detail"] = o.Why
		}
		rows[i] = row
	}
	return reply(c, map[string]any{"outcomes": rows})
}

func (s *Service) apiAttach(c *gin.Context) error {
	name, body, err := web.Upload(c, "file", files.MaxSize)
	if err != nil {
		return err
	}
	f, err := s.Attach(c.Request.Context(), web.Actor(c), c.Param("id"), c.Param("task"), name, http.DetectContentType(body), body)
	if err != nil {
		return err
	}
	if f.Late {
		web.Problem(c, http.StatusGone, "closed", "Работа завершена. Файл сохранён отдельно и в результат не входит", map[string]any{"kept": true, "file": f.ID})
		return nil
	}
	return reply(c, map[string]any{"file": f.ID, "sha256": f.SHA256})
}

func (s *Service) apiFlag(c *gin.Context) error {
	var body struct {
		Flag bool `json:"flag"`
	}
	if !read(c, &body) {
		return nil
	}
	if err := s.Flag(c.Request.Context(), web.Actor(c), c.Param("id"), c.Param("task"), body.Flag); err != nil {
		return err
	}
	return reply(c, map[string]any{"flag": body.Flag})
}

func (s *Service) apiSubmit(c *gin.Context) error {
	var body struct {
		Lease string `json:"lease"`
	}
	if !read(c, &body) {
		return nil
	}
	r, err := s.Submit(c.Request.Context(), web.Actor(c), c.Param("id"), body.Lease)
	if errors.Is(err, ErrLease) {
		refusal, _ := errors.AsType[*fault.Error](err)
		web.Problem(c, http.StatusConflict, "dead-lease", refusal.Message, map[string]any{"lease": "dead"})
		return nil
	}
	if err != nil {
		return err
	}
	return reply(c, map[string]any{"state": r.State, "submitted_at": stamp(r.SubmittedAt), "answers": r.Answers, "digest": r.Digest})
}
