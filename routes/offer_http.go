package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	offerPage   = web.MustPage[offerView](pages, "pages/offer.html")
	offeredPage = web.MustPage[offeredView](pages, "pages/offered.html")
	offersPage  = web.MustPage[offersView](pages, "pages/offers.html")
)

// judgedView is a picked draft with its name.
type judgedView struct {
	Judged
	Name, Territory, Organisation string
}

// Value is what the form sends of a draft.
func (v judgedView) Value() string { return routeValue(v.Line) }

// routeValue names a route in the version that is on the screen.
func routeValue(l Line) string { return fmt.Sprintf("%d.%d", l.ID, l.Version) }

// versionsOf reads what routeValue wrote.
func versionsOf(values []string) map[int64]int {
	out := map[int64]int{}
	for _, x := range values {
		var id int64
		var version int
		if _, err := fmt.Sscanf(x, "%d.%d", &id, &version); err == nil {
			out[id] = version
		}
	}
	return out
}

type offerView struct {
	Ready, Not []judgedView
	Count      int // of all that is ready
	Send       []string
	Gone       int
	Unshared   string
	All        bool
	Back       string
	Hours      int
	Errors     map[string]string
}

// mostNamed is how many of those ready a page of confirmation names.
const mostNamed = 200

// getOffer shows what would be proposed to whom: the drafts ticked, those of a calculation, or all of a filter.
func (s *Service) getOffer(c *gin.Context) error { return s.renderOffer(c, http.StatusOK, nil) }

func (s *Service) renderOffer(c *gin.Context, status int, wrong map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := offerView{All: c.Query("all") != "", Errors: wrong}
	f := Filter{Campaign: number(c.Query("campaign")), Territory: number(c.Query("territory")), Organisation: number(c.Query("organisation"))}
	v.Back = routesAddress(f, Draft)
	var versions map[int64]int
	if calculation := number(c.Query("calculation")); calculation > 0 && c.Request.Method == http.MethodGet {
		v.Back = fmt.Sprintf("/routes/propose/%d", calculation)
		var err error
		if versions, err = s.DraftsOf(ctx, actor, calculation); err != nil {
			return err
		}
	} else if !v.All {
		picked := c.QueryArray("route")
		if c.Request.Method == http.MethodPost {
			picked = c.PostFormArray("route")
		}
		if versions = versionsOf(picked); len(versions) == 0 && wrong == nil {
			status, v.Errors = http.StatusUnprocessableEntity, map[string]string{"routes": "Отметьте в списке хотя бы один черновик"}
		}
	}
	list, gone, err := s.Judge(ctx, actor, f, versions)
	if err != nil {
		return err
	}
	v.Gone = gone
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		if v.All {
			n, err := unsharedTx(ctx, tx, actor.Scope(access.RoutesManage))
			if err != nil {
				return err
			}
			if n > 0 {
				v.Unshared = people.UnsharedWords(n)
			}
		}
		shown := []Judged{}
		for _, j := range list {
			if j.Why == "" {
				v.Send, v.Hours = append(v.Send, routeValue(j.Line)), v.Hours+j.Hours
				if v.Count++; v.Count > mostNamed {
					continue
				}
			}
			shown = append(shown, j)
		}
		persons := make([]access.PersonID, len(shown))
		for i, j := range shown {
			persons[i] = j.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "предложение маршрутов", persons)
		if err != nil {
			return err
		}
		for _, j := range shown {
			x := judgedView{j, nameOfPerson(names, j.Person), refs.Territory(j.Territory).ShortName, refs.Organisation(j.Organisation).ShortName}
			if j.Why == "" {
				v.Ready = append(v.Ready, x)
			} else {
				v.Not = append(v.Not, x)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return offerPage.Render(c, status, web.Head{Title: "Предложить педагогам", Nav: "/routes", Main: "page stack", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложить педагогам"}}}, v)
}

func (s *Service) postOffers(c *gin.Context) error {
	versions := versionsOf(c.PostFormArray("route"))
	if len(versions) == 0 {
		return s.renderOffer(c, http.StatusUnprocessableEntity, map[string]string{"routes": "Отметьте в списке хотя бы один черновик"})
	}
	offer, sent, left, err := s.OfferMany(c.Request.Context(), web.Actor(c), versions)
	if fault.KindOf(err) == fault.Conflict {
		return s.renderOffer(c, http.StatusConflict, map[string]string{"": messageOf(err)})
	}
	if err != nil {
		return err
	}
	words := ""
	if left > 0 {
		words = fmt.Sprintf(" Не предложено: %d, они успели измениться.", left)
	}
	web.Flash(c, "Предложено: %s.%s", web.Plural(sent, "маршрут", "маршрута", "маршрутов"), words)
	return web.SeeOther(c, "/routes/offers/%d", offer)
}

type offersView struct{ Offers []Offer }

func (s *Service) getOffers(c *gin.Context) error {
	list, err := s.Offers(c.Request.Context(), web.Actor(c))
	if err != nil {
		return err
	}
	return offersPage.Render(c, http.StatusOK, web.Head{Title: "Предложенные вместе", Nav: "/routes", Main: "page stack", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложенные вместе"}}}, offersView{list})
}

type offeredView struct {
	Offer  Offer
	Lines  []lineView
	Errors map[string]string
	Why    string
}

func (s *Service) getOffered(c *gin.Context) error { return s.renderOffered(c, http.StatusOK, nil) }

func (s *Service) renderOffered(c *gin.Context, status int, wrong map[string]string) error {
	ctx, actor := c.Request.Context(), web.Actor(c)
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	v := offeredView{Errors: wrong, Why: c.PostForm("why")}
	var list []Line
	if v.Offer, list, err = s.Offer(ctx, actor, id); err != nil {
		return err
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		persons := make([]access.PersonID, len(list))
		for i, l := range list {
			persons[i] = l.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "ответы на предложенные маршруты", persons)
		if err != nil {
			return err
		}
		for _, l := range list {
			v.Lines = append(v.Lines, lineView{l, nameOfPerson(names, l.Person), refs.Territory(l.Territory).ShortName, refs.Organisation(l.Organisation).ShortName})
		}
		return nil
	})
	if err != nil {
		return err
	}
	when := calendar.DateTime(v.Offer.At)
	return offeredPage.Render(c, status, web.Head{Title: "Предложено " + when, Nav: "/routes", Main: "page stack",
		Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Предложенные вместе", Href: "/routes/offers"}, {Title: when}}}, v)
}

func (s *Service) postTakeBack(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	n, err := s.TakeBack(c.Request.Context(), web.Actor(c), id, c.PostForm("why"))
	switch fault.KindOf(err) {
	case fault.Invalid:
		return s.renderOffered(c, http.StatusUnprocessableEntity, fault.FieldsOf(err))
	case fault.Conflict:
		return s.renderOffered(c, http.StatusConflict, map[string]string{"": messageOf(err)})
	}
	if err != nil {
		return err
	}
	web.Flash(c, "Возвращено в черновики: %s. Педагоги увидят, что методист меняет маршрут", web.Plural(n, "маршрут", "маршрута", "маршрутов"))
	return web.SeeOther(c, "/routes/offers/%d", id)
}

// routesAddress is the list of routes with a filter.
func routesAddress(f Filter, state State) string {
	q := url.Values{}
	if state != "" {
		q.Set("state", string(state))
	}
	for name, id := range map[string]int64{"campaign": f.Campaign, "territory": f.Territory, "organisation": f.Organisation} {
		if id != 0 {
			q.Set(name, strconv.FormatInt(id, 10))
		}
	}
	return "/routes?" + q.Encode()
}
