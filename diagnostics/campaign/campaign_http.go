package campaign

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	listPage = web.MustPage[listView](pages, "pages/list.html")
	newPage  = web.MustPage[newView](pages, "pages/new.html")
	onePage  = web.MustPage[oneView](pages, "pages/campaign.html")
)

// Mount adds the pages of campaigns.
func (s *Service) Mount(r gin.IRouter) {
	read, manage := web.Need(access.CampaignsRead), web.Need(access.CampaignsManage)
	r.GET("/campaigns", read, web.Handle(s.getList))
	r.GET("/campaigns/new", manage, web.Handle(s.getNew))
	r.POST("/campaigns", manage, web.Handle(s.postNew))
	r.GET("/campaigns/:id", read, web.Handle(s.getOne))
	r.GET("/campaigns/:id/invite", manage, web.Handle(s.getInvite))
	r.POST("/campaigns/:id/invite", manage, web.Handle(s.postInvite))
	r.GET("/campaigns/:id/invited", manage, web.Handle(s.getInvited))
	r.POST("/campaigns/:id/open", manage, web.Handle(s.postOpen))
	r.POST("/campaigns/:id/close", manage, web.Handle(s.postClose))
	r.POST("/campaigns/:id/prolong", manage, web.Handle(s.postProlong))
	r.POST("/campaigns/:id/participant", manage, web.Handle(s.postParticipant))
}

func head(title string, crumbs ...web.Crumb) web.Head {
	h := web.Head{Title: title, Nav: "/campaigns"}
	if len(crumbs) > 0 {
		h.Crumbs = append([]web.Crumb{{Title: "Диагностики", Href: "/campaigns"}}, crumbs...)
	}
	return h
}

type listRow struct {
	Campaign
	Invited int
	Away    bool // nobody of the reader's scope is invited
}

type listView struct {
	Rows    []listRow
	Manages bool
	Region  bool
	Follows bool // may open participation
}

func (s *Service) getList(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	where := actor.Scope(access.CampaignsRead)
	v := listView{Manages: actor.May(access.CampaignsManage), Region: where.All, Follows: actor.May(access.ParticipationRead)}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		list, err := ListTx(ctx, tx)
		if err != nil {
			return err
		}
		counts, err := countsTx(ctx, tx, where)
		if err != nil {
			return err
		}
		for _, one := range list {
			v.Rows = append(v.Rows, listRow{one, counts[one.ID], counts[one.ID] == 0 && !where.All})
		}
		v.Rows = slices.DeleteFunc(v.Rows, func(r listRow) bool { return r.Away || r.Purpose == Rehearsal && !v.Manages })
		return nil
	})
	if err != nil {
		return err
	}
	return listPage.Render(c, http.StatusOK, head("Диагностики"), v)
}

// countsTx counts who is invited to each campaign within a scope.
func countsTx(ctx context.Context, tx *sqlx.Tx, where access.Scope) (map[int64]int, error) {
	rows, err := db.Select[struct {
		ID int64 `db:"campaign_id"`
		N  int   `db:"n"`
	}](ctx, tx, `
		SELECT campaign_id, count(*) AS n FROM registration
		 WHERE $1 OR territory_id = ANY($2) OR organisation_id = ANY($3)
		 GROUP BY campaign_id`, where.All, db.Array(where.Territories), db.Array(where.Organisations))
	if err != nil {
		return nil, fmt.Errorf("count invitations: %w", err)
	}
	counts := make(map[int64]int, len(rows))
	for _, r := range rows {
		counts[r.ID] = r.N
	}
	return counts, nil
}

type newForm struct {
	Title      string `form:"title"`
	Purpose    string `form:"purpose"`
	Instrument int64  `form:"instrument"`
	Scale      int64  `form:"scale"`
	OpensAt    string `form:"opens_at"`
	ClosesAt   string `form:"closes_at"`
	Minutes    string `form:"minutes"`
}

type newView struct {
	Form        newForm
	Errors      map[string]string
	Instruments []Instrument
	Scales      []competency.Scale
	Purposes    []Purpose
}

// stampForm is how a browser's datetime-local field writes a moment of the installation's zone.
const stampForm = "2006-01-02T15:04"

func parseStamp(s string) time.Time {
	t, err := time.ParseInLocation(stampForm, s, calendar.Zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (s *Service) showNew(c *gin.Context, status int, v newView) error {
	ctx := c.Request.Context()
	v.Purposes = Purposes
	err := db.InTx(ctx, s.pool, web.Actor(c), func(tx *sqlx.Tx) (err error) {
		if v.Instruments, err = instrumentsTx(ctx, tx); err != nil {
			return err
		}
		v.Scales, err = competency.ScalesTx(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	return newPage.Render(c, status, head("Новая диагностика", web.Crumb{Title: "Новая"}), v)
}

func (s *Service) getNew(c *gin.Context) error {
	now := s.now().In(calendar.Zone)
	morning := time.Date(now.Year(), now.Month(), now.Day()+1, 8, 0, 0, 0, calendar.Zone)
	return s.showNew(c, http.StatusOK, newView{Form: newForm{Purpose: string(Real), OpensAt: morning.Format(stampForm),
		ClosesAt: morning.AddDate(0, 0, 13).Add(12 * time.Hour).Format(stampForm)}})
}

func (s *Service) postNew(c *gin.Context) error {
	var f newForm
	if err := web.Bind(c, &f); err != nil {
		return err
	}
	n := NewCampaign{Title: f.Title, Purpose: Purpose(f.Purpose), InstrumentID: f.Instrument, ScaleID: f.Scale, OpensAt: parseStamp(f.OpensAt), ClosesAt: parseStamp(f.ClosesAt)}
	if f.Minutes != "" {
		minutes, err := strconv.Atoi(strings.TrimSpace(f.Minutes))
		if n.Minutes = minutes; err != nil || minutes == 0 {
			n.Minutes = -1 // refused as such: none would mean the instrument's
		}
	}
	id, err := s.Create(c.Request.Context(), web.Actor(c), n)
	if wrong := fault.FieldsOf(err); wrong != nil {
		return s.showNew(c, http.StatusUnprocessableEntity, newView{Form: f, Errors: wrong})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Диагностика создана. Теперь выберите, кого пригласить")
	return web.SeeOther(c, "/campaigns/%d", id)
}

// territoryRow is who can still be invited, and who is, in a territory.
type territoryRow struct {
	ID      int64
	Name    string
	Free    int
	Invited int
}

type oneView struct {
	Campaign
	Instrument  Instrument
	Scale       competency.Scale
	Position    string
	Subject     string
	Variants    int
	Territories []territoryRow
	Free        int
	Invited     int
	Manages     bool
	Region      bool // sees the whole campaign, so its results too
	Follows     bool // may open participation
	Past        bool
	Errors      map[string]string
	Prolong     string
	Participant participantForm
}

type participantForm struct {
	Code    string `form:"code"`
	Do      string `form:"do"`
	Minutes string `form:"minutes"`
	Why     string `form:"why"`
}

func (s *Service) getOne(c *gin.Context) error {
	return s.showOne(c, http.StatusOK, nil, participantForm{Minutes: "30"})
}

func (s *Service) showOne(c *gin.Context, status int, wrong map[string]string, f participantForm) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	where := actor.Scope(access.CampaignsRead)
	v := oneView{Manages: actor.May(access.CampaignsManage), Region: where.All, Follows: actor.May(access.ParticipationRead), Errors: wrong, Participant: f}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if v.Campaign, err = ByIDTx(ctx, tx, id); err != nil {
			return err
		}
		if v.Instrument, err = instrumentTx(ctx, tx, v.InstrumentID); err != nil {
			return err
		}
		if v.Scale, err = competency.ScaleTx(ctx, tx, v.ScaleID); err != nil {
			return err
		}
		variants, err := VariantsTx(ctx, tx, id)
		if err != nil {
			return err
		}
		v.Variants = len(variants)
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		v.Position, v.Subject = refs.PositionName(v.Instrument.Position), v.Instrument.SubjectName
		return s.territoriesTx(ctx, tx, &v, refs, where)
	})
	if err != nil {
		return err
	}
	if !where.All && v.Invited == 0 {
		return fault.New(fault.NotFound, "Такой диагностики нет")
	}
	v.Past = !s.now().Before(v.ClosesAt)
	v.Prolong = v.ClosesAt.In(calendar.Zone).Format(stampForm)
	return onePage.Render(c, status, head(v.Title, web.Crumb{Title: v.Title}), v)
}

// territoriesTx counts, by territory of the scope, who is invited and who could be.
func (s *Service) territoriesTx(ctx context.Context, tx *sqlx.Tx, v *oneView, refs people.Refs, where access.Scope) error {
	rs, err := RegistrationsTx(ctx, tx, v.ID, where)
	if err != nil {
		return err
	}
	invited, free := map[int64]int{}, map[int64]int{}
	for _, r := range rs {
		invited[r.TerritoryID]++
	}
	if v.Manages && v.State != Closed {
		known, err := registeredTx(ctx, tx, v.ID)
		if err != nil {
			return err
		}
		all, err := people.SelectTx(ctx, tx, people.Selection{Position: v.Instrument.Position, Subject: v.Instrument.Subject})
		if err != nil {
			return err
		}
		passports, err := people.PassportsTx(ctx, tx, slices.DeleteFunc(all, func(p access.PersonID) bool { return known[p] }), v.Instrument.Position, v.Instrument.Subject, s.now())
		if err != nil {
			return err
		}
		for _, p := range passports {
			free[p.TerritoryID]++
		}
	}
	for _, t := range refs.Territories {
		if free[t.ID]+invited[t.ID] > 0 {
			v.Territories = append(v.Territories, territoryRow{t.ID, t.ShortName, free[t.ID], invited[t.ID]})
			v.Free += free[t.ID]
			v.Invited += invited[t.ID]
		}
	}
	return nil
}

// step is a use case that needs nothing but the campaign.
func (s *Service) step(c *gin.Context, do func(context.Context, access.Actor, int64) error, done string) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	err = do(c.Request.Context(), web.Actor(c), id)
	if refusal, ok := errors.AsType[*fault.Error](err); ok && refusal.Kind == fault.Conflict {
		return s.showOne(c, http.StatusConflict, map[string]string{"state": refusal.Message}, participantForm{Minutes: "30"})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "%s", done)
	return web.SeeOther(c, "/campaigns/%d", id)
}

func (s *Service) postOpen(c *gin.Context) error {
	return s.step(c, s.Open, "Диагностика открыта: приглашённые увидят её в своих делах")
}

func (s *Service) postClose(c *gin.Context) error {
	return s.step(c, s.Close, "Диагностика завершена. Незаконченные работы приняты с тем, что в них сохранено")
}

func (s *Service) postProlong(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	err = s.Prolong(c.Request.Context(), web.Actor(c), id, parseStamp(c.PostForm("closes_at")))
	if refusal, ok := errors.AsType[*fault.Error](err); ok && (refusal.Kind == fault.Conflict || refusal.Kind == fault.Invalid) {
		return s.showOne(c, http.StatusUnprocessableEntity, map[string]string{"closes_at": refusal.Message}, participantForm{Minutes: "30"})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Дата закрытия перенесена, у тех, кто работает, время пересчитано")
	return web.SeeOther(c, "/campaigns/%d", id)
}

// postParticipant gives minutes to, or annuls the work of, the participant whose code was typed.
func (s *Service) postParticipant(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var f participantForm
	if err := web.Bind(c, &f); err != nil {
		return err
	}
	f.Code = strings.ToUpper(strings.Join(strings.Fields(f.Code), ""))
	ctx, actor := c.Request.Context(), web.Actor(c)
	var r Registration
	if !ValidCode(f.Code) {
		return s.showOne(c, http.StatusUnprocessableEntity, map[string]string{"code": "В коде опечатка: сверьте его с карточкой, например ЛО-26-МА-0417-7"}, f)
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		r, err = RegistrationByCodeTx(ctx, tx, f.Code)
		return err
	})
	if fault.KindOf(err) == fault.NotFound || err == nil && r.CampaignID != id {
		return s.showOne(c, http.StatusUnprocessableEntity, map[string]string{"code": "В этой диагностике такого кода нет"}, f)
	}
	if err == nil {
		switch f.Do {
		case "minutes":
			minutes, wrong := strconv.Atoi(strings.TrimSpace(f.Minutes))
			if wrong != nil {
				minutes = -1
			}
			err = s.GiveMinutes(ctx, actor, r.ID, minutes, f.Why)
		case "annul":
			err = s.Annul(ctx, actor, r.ID, f.Why)
		default:
			err = fault.Field("do", "Выберите, что сделать")
		}
	}
	if refusal, ok := errors.AsType[*fault.Error](err); ok && (refusal.Kind == fault.Conflict || refusal.Kind == fault.Invalid) {
		wrong := refusal.Fields
		if wrong == nil {
			wrong = map[string]string{"do": refusal.Message}
		}
		return s.showOne(c, http.StatusUnprocessableEntity, wrong, f)
	}
	if err != nil {
		return err
	}
	if f.Do == "annul" {
		web.Flash(c, "Работа %s аннулирована", f.Code)
	} else {
		minutes, _ := strconv.Atoi(strings.TrimSpace(f.Minutes)) // read above
		web.Flash(c, "Участнику %s дано %s сверх общего времени", f.Code, web.Minutes(minutes))
	}
	return web.SeeOther(c, "/campaigns/%d", id)
}
