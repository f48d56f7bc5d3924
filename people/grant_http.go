package people

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

func (s *Service) mountRoles(r gin.IRouter) {
	r.GET("/roles", web.Need(access.RolesManage), web.Handle(s.rolesPage))
	r.POST("/people/:id/roles", web.Need(access.RolesManage), web.Handle(s.grant))
	r.POST("/roles/:grant/revoke", web.Need(access.RolesManage), web.Handle(s.revoke))
}

type rolesView struct {
	Grants []grantLine
	Role   access.Role
	Roles  []access.Role
	Counts map[access.Role]int
	Past   bool
	Now    time.Time
}

// Shown lists the roles of the chosen kind.
func (v rolesView) Shown() []grantLine {
	out := []grantLine{}
	for _, g := range v.Grants {
		if (v.Role == "" || g.Role == v.Role) && (v.Past || g.State(v.Now) != "over") {
			out = append(out, g)
		}
	}
	return out
}

var rolesPage = web.MustPage[rolesView](pages, "pages/roles.html", "pages/parts.html")

func (s *Service) rolesPage(c *gin.Context) error {
	v := rolesView{Role: access.Role(c.Query("role")), Counts: map[access.Role]int{}, Past: c.Query("past") != "", Now: s.now()}
	for _, r := range access.Roles {
		if r != access.Teacher {
			v.Roles = append(v.Roles, r)
		}
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		if v.Grants, err = grantsTx(ctx, tx, grantFilter{Staff: true}); err != nil {
			return err
		}
		ids := []access.PersonID{}
		for _, g := range v.Shown() {
			ids = append(ids, g.PersonID)
		}
		return lookedTx(ctx, tx, actor, "список ролей", ids)
	})
	if err != nil {
		return err
	}
	for _, g := range v.Grants {
		if g.State(v.Now) != "over" {
			v.Counts[g.Role]++
		}
	}
	return rolesPage.Render(c, http.StatusOK, web.Head{Title: "Роли", Nav: "/people"}, v)
}

func (s *Service) grant(c *gin.Context) error {
	g := NewGrant{Role: access.Role(c.PostForm("role")), Territory: number(c.PostForm("territory")), Organisation: number(c.PostForm("grant_organisation"))}
	from, err := dateField(c, "from")
	if err == nil {
		if from != nil {
			g.From = *from
		}
		g.To, err = dateField(c, "to")
	}
	if err == nil {
		err = s.GrantRole(c.Request.Context(), web.Actor(c), c.Param("id"), g)
	}
	if fields := fault.FieldsOf(err); fields != nil && fields["organisation"] != "" {
		err = fault.Field("grant_organisation", "%s", fields["organisation"])
	}
	if err != nil {
		return s.refused(c, err, cardView{})
	}
	web.Flash(c, "Роль «%s» выдана", g.Role.Name())
	return web.SeeOther(c, "/people/%s", c.Param("id"))
}

func (s *Service) revoke(c *gin.Context) error {
	id, err := web.ID(c, "grant")
	if err != nil {
		return err
	}
	if err := s.RevokeRole(c.Request.Context(), web.Actor(c), id); err != nil {
		return err
	}
	web.Flash(c, "Роль снята")
	return web.SeeOther(c, "%s", web.Next(c.PostForm("next"), "/roles"))
}
