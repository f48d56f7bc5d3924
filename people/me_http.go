package people

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountMe(r gin.IRouter) {
	r.GET("/me", web.SignedIn(), web.Handle(s.mePage))
	r.GET("/me/password", web.SignedIn(), web.Handle(s.passwordPage))
	r.POST("/me/password", web.SignedIn(), web.Handle(s.changePassword))
	r.POST("/me/consents/:purpose", web.SignedIn(), web.Handle(s.decideConsent))
	r.GET("/looks", web.SignedIn(), web.Handle(s.looksPage))
	r.POST("/view", web.SignedIn(), web.Handle(s.setView))
}

type meView struct {
	me
	Now   time.Time
	Wrong string
}

var mePage = web.MustPage[meView](pages, "pages/me.html", "pages/parts.html")

func (s *Service) mePage(c *gin.Context) error { return s.renderMe(c, http.StatusOK, "") }

func (s *Service) renderMe(c *gin.Context, code int, wrong string) error {
	m, err := s.me(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return mePage.Render(c, code, web.Head{Title: "Обо мне", Nav: "/me", Class: "participant", Main: "page page-read"}, meView{m, s.now(), wrong})
}

func (s *Service) decideConsent(c *gin.Context) error {
	version, _ := strconv.Atoi(c.PostForm("version"))
	what := c.PostForm("what")
	err := s.DecideConsent(c.Request.Context(), web.Actor(c), c.Param("purpose"), version, what)
	if k := fault.KindOf(err); k == fault.Conflict || k == fault.Invalid {
		return s.renderMe(c, http.StatusUnprocessableEntity, messageOf(err))
	}
	if err != nil {
		return err
	}
	if what == Given {
		web.Flash(c, "Спасибо, согласие записано. Отозвать его можно здесь же")
	} else {
		web.Flash(c, "Записано. На вашу работу это никак не влияет, передумать можно в любой момент")
	}
	return web.SeeOther(c, "/me#%s", c.Param("purpose"))
}

type passwordView struct{ Errors map[string]string }

var passwordPage = web.MustPage[passwordView](pages, "pages/password.html")

func renderPassword(c *gin.Context, code int, v passwordView) error {
	return passwordPage.Render(c, code, web.Head{Title: "Новый пароль", Nav: "/me", Class: "participant", Main: "page page-read",
		Crumbs: []web.Crumb{{Title: "Обо мне", Href: "/me"}, {Title: "Новый пароль"}}}, v)
}

func (s *Service) passwordPage(c *gin.Context) error {
	return renderPassword(c, http.StatusOK, passwordView{})
}

func (s *Service) changePassword(c *gin.Context) error {
	err := s.ChangePassword(c.Request.Context(), web.Actor(c), c.PostForm("old"), c.PostForm("password"), c.PostForm("again"))
	if fields := fault.FieldsOf(err); fields != nil {
		return renderPassword(c, http.StatusUnprocessableEntity, passwordView{fields})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Пароль сменили")
	return web.SeeOther(c, "/me")
}

type looksView struct{ Looks []look }

var looksPage = web.MustPage[looksView](pages, "pages/looks.html")

func (s *Service) looksPage(c *gin.Context) error {
	looks, err := s.looks(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return looksPage.Render(c, http.StatusOK, web.Head{Title: "Кто смотрел мои данные", Nav: "/looks", Class: "participant",
		Crumbs: []web.Crumb{{Title: "Обо мне", Href: "/me"}, {Title: "Кто смотрел мои данные"}}}, looksView{looks})
}

func (s *Service) setView(c *gin.Context) error {
	if err := s.SetView(c.Request.Context(), web.Actor(c), c.PostForm("large") != "", c.PostForm("contrast") != ""); err != nil {
		return err
	}
	return web.SeeOther(c, "%s", web.Next(c.PostForm("next"), "/"))
}
