package web

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/fault"
)

// Handle adapts a handler that returns an error; here and nowhere else an
// error becomes a status and a page (or a problem document under /api/).
func Handle(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			fail(c, err)
		}
	}
}

var status = map[fault.Kind]int{
	fault.Internal:     http.StatusInternalServerError,
	fault.Invalid:      http.StatusUnprocessableEntity,
	fault.NotFound:     http.StatusNotFound,
	fault.Forbidden:    http.StatusForbidden,
	fault.Conflict:     http.StatusConflict,
	fault.Unauthorized: http.StatusUnauthorized,
	fault.TooMany:      http.StatusTooManyRequests,
	fault.Gone:         http.StatusGone,
	fault.TooLarge:     http.StatusRequestEntityTooLarge,
}

type errorView struct {
	Status  int
	Message string
	Request string // names the line of the log
}

// fail answers with the error's page; an internal one is logged once, under the number the reader sees.
func fail(c *gin.Context, err error) {
	c.Abort()
	kind := fault.KindOf(err)
	v := errorView{Status: status[kind], Message: "Что-то сломалось у нас. То, что вы сохранили, на месте. Попробуйте ещё раз через минуту"}
	if kind == fault.Internal {
		if c.Request.Context().Err() != nil {
			c.Status(499) // the reader has gone
			return
		}
		v.Request = rand.Text()[:8]
		slog.ErrorContext(c.Request.Context(), "request failed", "request", v.Request, "method", c.Request.Method, "route", c.FullPath(), "err", err)
	} else {
		v.Message = messageOf(err)
	}
	if c.Writer.Written() {
		return
	}
	if isAPI(c) {
		extra := map[string]any{}
		if f := fault.FieldsOf(err); f != nil {
			extra["fields"] = f
		}
		Problem(c, v.Status, strings.ReplaceAll(strings.ToLower(http.StatusText(v.Status)), " ", "-"), v.Message, extra)
		return
	}
	if err := errorPage.Render(c, v.Status, Head{Title: errorTitle(v.Status), Class: "desk", Main: "page page-read"}, v); err != nil {
		slog.ErrorContext(c.Request.Context(), "error page", "err", err)
		c.String(v.Status, "%s", v.Message)
	}
}

func messageOf(err error) string {
	refusal := new(fault.Error)
	if e, ok := asFault(err); ok {
		refusal = e
	}
	return refusal.Message
}

func errorTitle(code int) string {
	switch code {
	case http.StatusNotFound:
		return "Страница не найдена"
	case http.StatusInternalServerError:
		return "Что-то сломалось"
	default:
		return "Так не получится"
	}
}

// Problem answers with application/problem+json (RFC 9457); typ is the last part of its type.
func Problem(c *gin.Context, code int, typ, detail string, extra map[string]any) {
	body := map[string]any{"type": "/problems/" + typ, "title": http.StatusText(code), "status": code, "detail": detail}
	for k, v := range extra {
		body[k] = v
	}
	c.Header("Content-Type", "application/problem+json; charset=utf-8")
	c.JSON(code, body)
	c.Header("Content-Type", "application/problem+json; charset=utf-8")
	c.Abort()
}

func isAPI(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/api/") }

// ID reads a positive number from the path; anything else is no page.
func ID(c *gin.Context, name string) (int64, error) {
	n, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil || n < 1 {
		return 0, errNoPage
	}
	return n, nil
}

// Bind reads a form (or query) into form by its `form` tags.
func Bind(c *gin.Context, form any) error {
	if err := c.ShouldBind(form); err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: "Не удалось прочитать форму: проверьте числа и даты", Cause: err, Fields: map[string]string{}}
	}
	return nil
}

// SeeOther ends a successful POST.
func SeeOther(c *gin.Context, format string, args ...any) error {
	c.Redirect(http.StatusSeeOther, fmt.Sprintf(format, args...))
	return nil
}

// Flash leaves a notice for the next page this person opens.
func Flash(c *gin.Context, format string, args ...any) {
	if s, ok := c.Get(siteKey); ok {
		s.(*Site).Sessions.Put(c.Request.Context(), flashInSes, fmt.Sprintf(format, args...))
	}
}

// Upload reads one file of a form, up to limit bytes; no file is an Invalid fault on that field.
func Upload(c *gin.Context, field string, limit int64) (name string, body []byte, err error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit+1<<20)
	h, err := c.FormFile(field)
	if err != nil {
		return "", nil, fault.Field(field, "Выберите файл")
	}
	if h.Size > limit {
		return "", nil, fault.Field(field, "Файл больше %d МБ", limit>>20)
	}
	f, err := h.Open()
	if err != nil {
		return "", nil, fmt.Errorf("open upload: %w", err)
	}
	defer f.Close()
	body, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", nil, fmt.Errorf("read upload: %w", err)
	}
	return h.Filename, body, nil
}

// Media types of what is downloaded.
const (
	XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	CSV  = "text/csv; charset=utf-8"
)

// Download sends a file under a (Russian) name.
func Download(c *gin.Context, filename, mediaType string, body []byte) error {
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filename}))
	c.Data(http.StatusOK, mediaType, body)
	return nil
}

func escapeQuery(s string) string { return url.QueryEscape(s) }

// Next is where a form asked to go on to, if that is a page of ours; otherwise fallback.
func Next(raw, fallback string) string {
	if strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") && !strings.ContainsAny(raw, "\\\r\n") {
		return raw
	}
	return fallback
}
