package routes

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) getPrint(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	return s.renderPrint(c, func(ctx context.Context, tx *sqlx.Tx, actor access.Actor) (Route, error) {
		r, err := routeTx(ctx, tx, id, actor.Scope(access.RoutesRead), false)
		if err == nil {
			err = s.lookTx(ctx, tx, actor, r)
		}
		return r, err
	})
}

func (s *Service) getOwnPrint(c *gin.Context) error {
	return s.renderPrint(c, func(ctx context.Context, tx *sqlx.Tx, actor access.Actor) (Route, error) {
		r, seen, err := ownSeenTx(ctx, tx, actor)
		if err == nil && !seen {
			err = fault.New(fault.NotFound, "Методист меняет маршрут: форма появится, когда он предложит новый вариант")
		}
		return r, err
	})
}

func (s *Service) renderPrint(c *gin.Context, get func(ctx context.Context, tx *sqlx.Tx, actor access.Actor) (Route, error)) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	var v editorView
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err := get(ctx, tx, actor)
		if err != nil {
			return err
		}
		v, err = s.viewTx(ctx, tx, actor, r)
		return err
	})
	if err != nil {
		return err
	}
	back := fmt.Sprintf("/routes/%d", v.Route.ID)
	if actor.Is(v.Route.Person) {
		back = "/route"
	}
	return printPage.Render(c, http.StatusOK, web.Head{Title: "ИОМ: " + v.Name, Main: "page print-wide", Crumbs: []web.Crumb{{Title: "Маршрут", Href: back}, {Title: "Форма для печати"}}}, v)
}

// The teacher's own pages.

func (s *Service) getOwn(c *gin.Context) error { return s.renderOwn(c, http.StatusOK, nil) }

func (s *Service) renderOwn(c *gin.Context, status int, wrong map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	var v editorView
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, seen, err := ownSeenTx(ctx, tx, actor)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		v, err = s.viewTx(ctx, tx, actor, r)
		v.Hidden = !seen
		return err
	})
	if err != nil {
		return err
	}
	v.Errors = wrong
	v.Form = map[string]string{"reason": c.PostForm("reason"), "document": c.PostForm("document"), "programme": c.PostForm("programme")}
	return minePage.Render(c, status, web.Head{Title: "Мой маршрут", Nav: "/route", Class: "participant", Main: "page page-read stack"}, v)
}

func (s *Service) ownRefused(c *gin.Context, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid:
		fields := fault.FieldsOf(err)
		if len(fields) == 0 {
			fields = map[string]string{"": messageOf(err)}
		}
		return s.renderOwn(c, http.StatusUnprocessableEntity, fields)
	case fault.Conflict:
		return s.renderOwn(c, http.StatusConflict, map[string]string{"": messageOf(err)})
	}
	return err
}

func (s *Service) postAgree(c *gin.Context) error {
	if err := s.Agree(c.Request.Context(), web.Actor(c), int(number(c.PostForm("version")))); err != nil {
		return s.ownRefused(c, err)
	}
	web.Flash(c, "Вы согласились. Первый шаг отметьте, когда он начнётся")
	return web.SeeOther(c, "/route")
}

func (s *Service) postDecline(c *gin.Context) error {
	if err := s.Decline(c.Request.Context(), web.Actor(c), int(number(c.PostForm("version"))), c.PostForm("reason")); err != nil {
		return s.ownRefused(c, err)
	}
	web.Flash(c, "Методист увидит ваши слова и предложит другой вариант")
	return web.SeeOther(c, "/route")
}

func (s *Service) postOwnStep(c *gin.Context) error {
	t, err := tickOf(c)
	if err == nil {
		err = s.TickOwn(c.Request.Context(), web.Actor(c), t)
	}
	if err != nil {
		return s.ownRefused(c, err)
	}
	web.Flash(c, "Отметка сохранена")
	return web.SeeOther(c, "/route")
}
