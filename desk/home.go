// Package desk joins contexts where a person at work needs them together: the
// home page of each role, the navigation, the pages about the product itself.
package desk

import (
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/web"
)

// Service holds the use cases of this package.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
}

// New returns the service; now is time.Now outside tests.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool, now} }

// home is what waits for one person: what to do, each with one button, and how things stand.
type home struct {
	Heading string
	Lead    string
	Main    *card // at a desk the most pressing thing is the heading itself
	Stats   []stat
	Cards   []card
}

// stat is a count that opens its list.
type stat struct {
	Count int
	Title string
	Href  string
	Waits bool // somebody should act
}

// card is one thing that waits; the most pressing comes first and has the filled button.
type card struct {
	Kind   string
	Title  string
	Text   string
	Facts  []fact
	Href   string
	Action string
	rank   int // smaller = more pressing
}

type fact struct{ Name, Value string }

// byUrgency puts the most pressing first and keeps the order of equals.
func byUrgency(cards []card) {
	slices.SortStableFunc(cards, func(a, b card) int { return a.rank - b.rank })
}

// section is one entry of the navigation and the permission that opens it.
type section struct {
	web.NavItem
	need access.Permission
}

var sections = []section{
	{web.NavItem{Title: "Рабочий стол", Href: "/"}, ""},
	{web.NavItem{Title: "Банк дефицитов", Href: "/deficits"}, access.BankRead},
	{web.NavItem{Title: "Маршруты", Href: "/routes"}, access.RoutesRead},
	{web.NavItem{Title: "Программы", Href: "/programmes"}, access.ProgrammesManage},
	{web.NavItem{Title: "Диагностика", Href: "/campaigns"}, access.CampaignsRead},
	{web.NavItem{Title: "Участие", Href: "/participation"}, access.ParticipationRead},
	{web.NavItem{Title: "Задания", Href: "/tasks"}, access.TasksRead},
	{web.NavItem{Title: "Инструменты", Href: "/instruments"}, access.TasksWrite},
	{web.NavItem{Title: "Проверка ответов", Href: "/marking"}, access.Mark},
	{web.NavItem{Title: "Ход проверки", Href: "/marking/progress"}, access.MarkingManage},
	{web.NavItem{Title: "Справки", Href: "/memos"}, access.MemosRead},
	{web.NavItem{Title: "Дорожная карта", Href: "/roadmap"}, access.RoadmapRead},
	{web.NavItem{Title: "Люди", Href: "/people"}, access.PeopleRead},
	{web.NavItem{Title: "Журнал", Href: "/journal"}, access.JournalRead},
}

var ownSections = []web.NavItem{
	{Title: "Мои дела", Href: "/"}, {Title: "Результаты", Href: "/results"},
	{Title: "Маршрут", Href: "/route"}, {Title: "Кто смотрел мои данные", Href: "/looks"},
}

// Nav lists the sections an actor may enter: the teacher's own, or the desk's.
func Nav(a access.Actor) []web.NavItem {
	if isParticipant(a) {
		return ownSections
	}
	items := []web.NavItem{}
	for _, s := range sections {
		if s.need == "" || a.May(s.need) {
			items = append(items, s.NavItem)
		}
	}
	return items
}

// isParticipant tells a person who only takes part: the pages speak to them in larger type.
func isParticipant(a access.Actor) bool {
	return !slices.ContainsFunc(a.Grants, func(g access.Grant) bool { return g.Role != access.Teacher })
}
