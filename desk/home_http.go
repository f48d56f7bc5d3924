package desk

import (
	"context"
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var homePage = web.MustPage[home](pages, "pages/home.html")

// Mount adds the home page, the pages about the product, the journal and the progress of jobs.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/", web.SignedIn(), web.Handle(s.getHome))
	r.GET("/help", web.Handle(about("Помощь", helpPage)))
	r.GET("/help/results", web.Handle(about("Как мы делаем вывод", resultsHelpPage)))
	r.GET("/privacy", web.Handle(about("Как мы бережём данные", privacyPage)))
	r.GET("/accessibility", web.Handle(about("Доступность", accessibilityPage)))
	r.GET("/journal", web.Need(access.JournalRead), web.Handle(s.getJournal))
	r.GET("/jobs/:id", web.SignedIn(), web.Handle(s.getJob))
}

func (s *Service) getHome(c *gin.Context) error {
	actor := web.Actor(c)
	var h home
	err := db.InTx(c.Request.Context(), s.pool, actor, func(tx *sqlx.Tx) (err error) {
		h, err = s.homeTx(c.Request.Context(), tx, actor)
		return err
	})
	if err != nil {
		return err
	}
	head := web.Head{Title: "Рабочий стол", Nav: "/"}
	if isParticipant(actor) {
		head = web.Head{Title: "Мои дела", Nav: "/", Class: "participant", Main: "page page-read"}
	}
	return homePage.Render(c, http.StatusOK, head, h)
}

// homeTx gathers what each role of the actor has waiting, the most pressing first.
func (s *Service) homeTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor) (home, error) {
	now := s.now()
	h := home{Stats: []stat{}}
	add := func(stats []stat, cards []card, err error) error {
		h.Stats, h.Cards = append(h.Stats, stats...), append(h.Cards, cards...)
		return err
	}
	cards, err := participantCards(ctx, tx, actor.Own(), now)
	if err := add(nil, cards, err); err != nil {
		return home{}, err
	}
	for _, part := range []struct {
		wanted bool
		load   func() ([]stat, []card, error)
	}{
		{actor.May(access.RoutesManage), func() ([]stat, []card, error) {
			return routeDesk(ctx, tx, actor.Scope(access.RoutesManage), now)
		}},
		{actor.Has(access.Coordinator) || actor.Has(access.Head), func() ([]stat, []card, error) {
			return participationDesk(ctx, tx, actor.Scope(access.ParticipationRead), now)
		}},
		{actor.May(access.CampaignsManage), func() ([]stat, []card, error) { c, err := campaignDesk(ctx, tx, now); return nil, c, err }},
		{actor.May(access.MemosWrite), func() ([]stat, []card, error) { return bankDesk(ctx, tx) }},
		{actor.May(access.TasksWrite) || actor.May(access.TasksReview), func() ([]stat, []card, error) { c, err := taskDesk(ctx, tx, actor); return nil, c, err }},
		{actor.May(access.Mark), func() ([]stat, []card, error) { return markingDesk(ctx, tx, actor.ID) }},
		{actor.May(access.RoadmapReport), func() ([]stat, []card, error) {
			c, err := roadmapDesk(ctx, tx, actor.Scope(access.RoadmapReport), now)
			return nil, c, err
		}},
		{actor.May(access.RolesManage), func() ([]stat, []card, error) { return adminDesk(ctx, tx) }},
	} {
		if !part.wanted {
			continue
		}
		if err := add(part.load()); err != nil {
			return home{}, err
		}
	}
	byUrgency(h.Cards)
	switch n := len(h.Cards); {
	case n == 0:
		h.Heading, h.Lead = "Здравствуйте! Сейчас вас ничего не ждёт", "Когда появится диагностика, результат или шаг маршрута, он будет здесь."
	case isParticipant(actor):
		h.Heading = "Здравствуйте! Вас " + web.Word(n, "ждёт", "ждут", "ждут") + " " + web.Plural(n, "дело", "дела", "дел")
		h.Lead = "Начните с любого. Каждое можно отложить."
	default:
		h.Main = &h.Cards[0]
		h.Heading, h.Lead, h.Cards = h.Main.Title, h.Main.Text, h.Cards[1:]
	}
	return h, nil
}
