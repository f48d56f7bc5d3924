package marking

import (
	"embed"
	"fmt"
	"mime"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

//go:embed pages/*.html
var pages embed.FS

var (
	queuePage    = web.MustPage[queueView](pages, "pages/queue.html")
	roomPage     = web.MustPage[Room](pages, "pages/room.html")
	progressPage = web.MustPage[Progress](pages, "pages/progress.html")
)

// Mount adds the routes of this package.
func (s *Service) Mount(r gin.IRouter) {
	r.GET("/marking", web.Need(access.Mark), web.Handle(s.getQueue))
	r.GET("/marking/:id", web.Need(access.Mark), web.Handle(s.getRoom))
	r.POST("/marking/:id", web.Need(access.Mark), web.Handle(s.postRoom))
	r.GET("/marking/:id/files/:sha", web.Need(access.Mark), web.Handle(s.getFile))
	r.GET("/marking/progress", web.Need(access.MarkingManage), web.Handle(s.getProgress))
	r.POST("/marking/progress/distribute", web.Need(access.MarkingManage), web.Handle(s.postDistribute))
}

type queueView struct {
	Left, Marked []Turn
	Next         int64
}

// All is how many works the expert has had altogether.
func (q queueView) All() int { return len(q.Left) + len(q.Marked) }

// Share is the part of them that is marked.
func (q queueView) Share() float64 { return float64(len(q.Marked)) / float64(max(1, q.All())) }

func (s *Service) getQueue(c *gin.Context) error {
	turns, err := s.Queue(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	v := queueView{}
	for _, t := range turns {
		if t.Marked {
			v.Marked = append(v.Marked, t)
			continue
		}
		if v.Next == 0 {
			v.Next = t.ID
		}
		v.Left = append(v.Left, t)
	}
	return queuePage.Render(c, http.StatusOK, web.Head{Title: "Проверка работ", Nav: "/marking"}, v)
}

func roomHead(r Room) web.Head {
	return web.Head{Title: "Работа " + r.Code, Nav: "/marking", Main: "page page-wide", Modules: []string{"marking.js"},
		Crumbs: []web.Crumb{{Title: "Проверка работ", Href: "/marking"}, {Title: "Работа " + r.Code}}}
}

func (s *Service) getRoom(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	room, err := s.Open(c.Request.Context(), web.Actor(c), id, nil)
	if err != nil {
		return err
	}
	return roomPage.Render(c, http.StatusOK, roomHead(room), room)
}

func (s *Service) postRoom(c *gin.Context) error {
	ctx := c.Request.Context()
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	room, err := s.Open(ctx, web.Actor(c), id, nil)
	if err != nil {
		return err
	}
	marks := NewMarks{Assignment: id, Scores: Marks{}, Comment: c.PostForm("comment")}
	for _, k := range room.Criteria {
		if points, err := strconv.Atoi(c.PostForm(k.Field)); err == nil {
			marks.Scores[k.ID] = points
		}
	}
	err = s.Mark(ctx, web.Actor(c), marks)
	if fields := fault.FieldsOf(err); fields != nil {
		if room, err = s.Open(ctx, web.Actor(c), id, &marks); err != nil {
			return err
		}
		room.Errors = fields
		return roomPage.Render(c, http.StatusUnprocessableEntity, roomHead(room), room)
	}
	if err != nil {
		return err
	}
	next, err := s.NextOf(ctx, web.Actor(c))
	if err != nil {
		return err
	}
	if next == 0 {
		web.Flash(c, "Работа %s проверена. Больше работ нет, спасибо!", room.Code)
		return web.SeeOther(c, "/marking")
	}
	web.Flash(c, "Работа %s проверена. Вот следующая", room.Code)
	return web.SeeOther(c, "/marking/%d", next)
}

func (s *Service) getFile(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	f, err := s.File(c.Request.Context(), web.Actor(c), id, c.Param("sha"))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("работа-%d", id)
	if ends, _ := mime.ExtensionsByType(f.MediaType); len(ends) > 0 {
		name += ends[0]
	}
	return web.Download(c, name, f.MediaType, f.Body)
}

func (s *Service) getProgress(c *gin.Context) error {
	p, err := s.Progress(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return progressPage.Render(c, http.StatusOK, web.Head{Title: "Ход проверки", Nav: "/marking/progress"}, p)
}

func (s *Service) postDistribute(c *gin.Context) error {
	campaign, err := strconv.ParseInt(c.PostForm("campaign"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "Такой диагностики нет")
	}
	given, err := s.Distribute(c.Request.Context(), web.Actor(c), campaign)
	if err != nil {
		return err
	}
	if given == 0 {
		web.Flash(c, "Свободных экспертов из других муниципалитетов нет. Добавьте экспертов на странице «Роли»")
	} else {
		web.Flash(c, "Роздано: %s", web.Plural(given, "проверка", "проверки", "проверок"))
	}
	return web.SeeOther(c, "/marking/progress")
}
