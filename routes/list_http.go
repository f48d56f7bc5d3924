package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var routesPage = web.MustPage[routesView](pages, "pages/routes.html", "pages/sorting.html")

// pageSize is how many routes a page of the list shows: their names are looked up, and each look is journalled.
const pageSize = 50

type stateTab struct {
	State State
	Name  string
	N     int
	On    bool
	Href  string
}

type lineView struct {
	Line
	Name, Territory, Organisation string
}

type routesView struct {
	Search        search
	query         url.Values
	Tabs          []stateTab
	Campaigns     []option
	Territories   []option
	Organisations []option
	Risk          bool
	State         State
	Lines         []lineView
	Total, From   int
	Previous      string
	Next          string
	MayManage     bool
	Any           bool
	Outdated      bool   // some routes of the list's scope are
	Unshared      string // how many are not shown, and why
	Drafts        int    // of the filter, whatever state is shown
	OfferAll      string // where all of them are proposed
	Ticks         bool   // some line can be ticked
	Offers        bool   // there are such as were proposed together
}

// Value is what the form sends of a draft that is ticked.
func (l lineView) Value() string { return routeValue(l.Line) }

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func searchOf(c *gin.Context) search {
	x := search{strings.TrimSpace(c.Query("q")), c.Query("sort")}
	if !slices.Contains([]string{"name", "state", "hours", "closes", "next", "changed"}, strings.TrimPrefix(x.Sort, "-")) {
		x.Sort = ""
	}
	return x
}

// getRoutesBook gives the routes that the list shows, all its pages, as a workbook.
func (s *Service) getRoutesBook(c *gin.Context) error {
	body, err := s.ListBook(c.Request.Context(), web.Actor(c), filterOf(c), searchOf(c))
	if err != nil {
		return err
	}
	return web.Download(c, "Маршруты, "+s.now().In(calendar.Zone).Format(time.DateOnly)+".xlsx", web.XLSX, body)
}

func filterOf(c *gin.Context) Filter {
	return Filter{State: State(c.Query("state")), Risk: c.Query("risk") == "1", Campaign: number(c.Query("campaign")), Territory: number(c.Query("territory")), Organisation: number(c.Query("organisation"))}
}

func (s *Service) getRoutes(c *gin.Context) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	f := filterOf(c)
	list, counts, err := s.List(ctx, actor, f)
	if err != nil {
		return err
	}
	sought := searchOf(c)
	if err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		list, err = soughtTx(ctx, tx, list, sought)
		return err
	}); err != nil {
		return err
	}
	page := max(1, int(number(c.Query("page"))))
	from := min((page-1)*pageSize, len(list))
	shown := list[from:min(from+pageSize, len(list))]
	v := routesView{Search: sought, query: c.Request.URL.Query(), State: f.State, Risk: f.Risk, Total: len(list), From: from, MayManage: actor.May(access.RoutesManage), Any: counts.All > 0}
	v.Outdated = counts.Outdated > 0
	if counts.Unshared > 0 {
		v.Unshared = people.UnsharedWords(counts.Unshared)
	}
	if v.MayManage && sought.Query == "" {
		v.Drafts, v.OfferAll = counts.State[Draft], strings.TrimSuffix(strings.Replace(routesAddress(f, ""), "/routes?", "/routes/offer?all=1&", 1), "&")
	}
	for _, l := range shown {
		v.Ticks = v.Ticks || v.MayManage && l.State == Draft
	}
	link := func(set map[string]string) string {
		q := c.Request.URL.Query()
		q.Del("page")
		for k, x := range set {
			q.Del(k)
			if x != "" {
				q.Set(k, x)
			}
		}
		if len(q) == 0 {
			return "/routes"
		}
		return "/routes?" + q.Encode()
	}
	if page > 1 {
		v.Previous = link(map[string]string{"page": strconv.Itoa(page - 1)})
	}
	if from+len(shown) < len(list) {
		v.Next = link(map[string]string{"page": strconv.Itoa(page + 1)})
	}
	v.Tabs = append(v.Tabs, stateTab{Name: "Все", N: counts.All, On: f.State == "" && !f.Risk, Href: link(map[string]string{"state": "", "risk": ""})})
	for _, st := range States {
		on := !f.Risk && (f.State == st || f.State == Going && (st == Agreed || st == InProgress) || f.State == Finished && (st == Completed || st == PartlyCompleted))
		v.Tabs = append(v.Tabs, stateTab{st, upperFirst(st.Name()), counts.State[st], on, link(map[string]string{"state": string(st), "risk": ""})})
	}
	v.Tabs = append(v.Tabs, stateTab{Name: "Под угрозой", N: counts.Risk, On: f.Risk, Href: link(map[string]string{"state": "", "risk": "1"})})
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.driftedTx(ctx, tx, shown); err != nil {
			return err
		}
		ids := make([]access.PersonID, len(shown))
		for i, l := range shown {
			ids[i] = l.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "список маршрутов", ids)
		if err != nil {
			return err
		}
		for _, l := range shown {
			v.Lines = append(v.Lines, lineView{l, nameOfPerson(names, l.Person), refs.Territory(l.Territory).ShortName, refs.Organisation(l.Organisation).ShortName})
		}
		v.Territories, v.Organisations = places(refs, actor.Scope(access.RoutesRead), f.Territory, f.Organisation)
		if v.MayManage {
			offers, err := offersTx(ctx, tx, actor, 0)
			if err != nil {
				return err
			}
			v.Offers = len(offers) > 0
		}
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for _, x := range campaigns {
			v.Campaigns = append(v.Campaigns, option{fmt.Sprint(x.ID), x.Title, x.ID == f.Campaign})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return routesPage.Render(c, http.StatusOK, web.Head{Title: "Маршруты", Nav: "/routes"}, v)
}

func nameOfPerson(names map[access.PersonID]people.Name, id access.PersonID) string {
	if n, ok := names[id]; ok {
		return n.Full()
	}
	return "имя удалено"
}
