package people

import (
	"context"
	"embed"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

// Mount adds the routes of people; site holds the sessions that a sign-in begins.
func (s *Service) Mount(r gin.IRouter, site *web.Site) {
	h := sessions{s, site}
	r.GET("/sign-in", web.Handle(h.page))
	r.POST("/sign-in", web.Handle(h.signIn))
	r.POST("/sign-out", web.SignedIn(), web.Handle(h.signOut))
	r.POST("/api/v1/session", web.Handle(h.apiSignIn))
	r.DELETE("/api/v1/session", web.SignedIn(), web.Handle(h.apiSignOut))

	s.mountMe(r)
	s.mountPeople(r)
	s.mountImports(r)
	s.mountOrganisations(r)
	s.mountRoles(r)
}

// Visitor tells the shell who a session belongs to; web.Site asks it at each request.
func (s *Service) Visitor(ctx context.Context, id access.PersonID) (web.Visitor, error) {
	v := web.Visitor{}
	err := db.InTx(ctx, s.pool, access.Actor{ID: id}, func(tx *sqlx.Tx) (err error) {
		if v.Actor, err = ActorTx(ctx, tx, id); err != nil {
			return err
		}
		look, err := db.Get[struct {
			Name
			Large    bool `db:"large"`
			Contrast bool `db:"contrast"`
		}](ctx, tx, `
			SELECT COALESCE(i.family, '') AS family, COALESCE(i.given, '') AS given, COALESCE(i.patronymic, '') AS patronymic,
			       COALESCE(v.large, false) AS large, COALESCE(v.contrast, false) AS contrast
			FROM person p
			LEFT JOIN identity i ON i.person_id = p.id
			LEFT JOIN view_preference v ON v.person_id = p.id
			WHERE p.id = $1`, id)
		v.Name, v.Large, v.Contrast = look.Initials(), look.Large, look.Contrast
		return err
	})
	return v, err
}

type sessions struct {
	*Service
	site *web.Site
}

type signInView struct {
	Login, Next, Wrong string
	Hints              []SignInHint
}

var signInPage = web.MustPage[signInView](pages, "pages/sign-in.html")

func (h sessions) render(c *gin.Context, code int, v signInView) error {
	if h.hints != nil {
		v.Hints = h.hints(c.Request.Context())
	}
	return signInPage.Render(c, code, web.Head{Title: "Вход", Class: "participant", Main: "page page-read"}, v)
}

func (h sessions) page(c *gin.Context) error {
	next := web.Next(c.Query("next"), "/")
	if web.VisitorOf(c).SignedIn() {
		return web.SeeOther(c, "%s", next)
	}
	return h.render(c, http.StatusOK, signInView{Next: next})
}

func (h sessions) signIn(c *gin.Context) error {
	login, next := c.PostForm("login"), web.Next(c.PostForm("next"), "/")
	id, err := h.SignIn(c.Request.Context(), login, c.PostForm("password"))
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return h.render(c, http.StatusUnprocessableEntity, signInView{Login: login, Next: next, Wrong: messageOf(err)})
	case fault.TooMany:
		return h.render(c, http.StatusTooManyRequests, signInView{Login: login, Next: next, Wrong: messageOf(err)})
	}
	if err != nil {
		return err
	}
	if err := h.site.SignIn(c, id); err != nil {
		return err
	}
	if must, err := h.mustChange(c.Request.Context(), id); err != nil || must {
		if err == nil {
			web.Flash(c, "Вы вошли с выданным паролем. Придумайте свой: выданный больше никому не понадобится")
			return web.SeeOther(c, "/me/password")
		}
		return err
	}
	return web.SeeOther(c, "%s", next)
}

func (s *Service) mustChange(ctx context.Context, id access.PersonID) (must bool, err error) {
	err = db.InTx(ctx, s.pool, access.Actor{ID: id}, func(tx *sqlx.Tx) error {
		list, err := db.Select[bool](ctx, tx, `SELECT must_change FROM credential WHERE person_id = $1`, id)
		must = len(list) == 1 && list[0]
		return err
	})
	return must, err
}

func (h sessions) signOut(c *gin.Context) error {
	if err := h.leave(c); err != nil {
		return err
	}
	return web.SeeOther(c, "/sign-in")
}

func (h sessions) leave(c *gin.Context) error {
	actor, ctx := web.Actor(c), c.Request.Context()
	if err := h.site.SignOut(c); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return db.InTx(ctx, h.pool, actor, func(tx *sqlx.Tx) error {
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "session.end", ObjectKind: "person", ObjectID: fmt.Sprint(actor.ID)})
	})
}

type apiUser struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Login string `json:"login"`
}

func (h sessions) apiSignIn(c *gin.Context) error {
	var in struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 1<<16)
	if err := c.ShouldBindJSON(&in); err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: `Тело запроса: {"login": "…", "password": "…"}`, Cause: err}
	}
	ctx := c.Request.Context()
	id, err := h.SignIn(ctx, in.Login, in.Password)
	if err != nil {
		return err
	}
	var answer struct {
		User  apiUser  `json:"user"`
		Roles []string `json:"roles"`
	}
	answer.Roles = []string{}
	err = db.InTx(ctx, h.pool, access.Actor{ID: id}, func(tx *sqlx.Tx) error {
		actor, err := ActorTx(ctx, tx, id)
		if err != nil {
			return err
		}
		for i, g := range actor.Grants {
			if i == 0 || g.Role != actor.Grants[i-1].Role {
				answer.Roles = append(answer.Roles, string(g.Role))
			}
		}
		who, err := db.Get[struct {
			PublicID string `db:"public_id"`
			Name
		}](ctx, tx, `
			SELECT p.public_id, i.family, i.given, i.patronymic FROM person p JOIN identity i ON i.person_id = p.id WHERE p.id = $1`, id)
		answer.User = apiUser{ID: who.PublicID, Name: who.Full(), Login: foldLogin(in.Login)}
		return err
	})
	if err != nil {
		return err
	}
	if err := h.site.SignIn(c, id); err != nil {
		return err
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

func (h sessions) apiSignOut(c *gin.Context) error {
	if err := h.leave(c); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// messageOf is what a refusal says to people.
func messageOf(err error) string {
	if e, ok := asFault(err); ok {
		return e.Message
	}
	return ""
}
