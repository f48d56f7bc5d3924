package routes

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	demandPage = web.MustPage[demandView](pages, "pages/demand.html", "pages/whom.html")
	whatIfPage = web.MustPage[whatIfView](pages, "pages/what_if.html", "pages/whom.html")
)

// whom is the selection of a page: whose demand is meant.
type whom struct {
	Campaigns, Territories, Organisations []option
	Selection                             Selection
	Elements                              map[string]Element
	Programmes                            []Programme
	Unshared                              string
	Errors                                map[string]string // of what was chosen
	territories                           map[int64]string
}

// Where lists the municipalities that a line of the order is for.
func (w whom) Where(u UnmetLine) []string {
	return placeNames(u, func(id int64) string { return w.territories[id] })
}

func (s *Service) whomOf(c *gin.Context) (whom, error) {
	ctx, actor := c.Request.Context(), web.Actor(c)
	w := whom{Selection: Selection{Campaign: chosen(c.Query("campaign")), Territory: chosen(c.Query("territory")), Organisation: chosen(c.Query("organisation")),
		Hours: DefaultLimits.Hours, Cost: DefaultLimits.Cost}}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		w.territories = map[int64]string{}
		for _, t := range refs.Territories {
			w.territories[t.ID] = t.ShortName
		}
		w.Territories, w.Organisations = places(refs, actor.Scope(access.RoutesRead), w.Selection.Territory, w.Selection.Organisation)
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for i, x := range campaigns {
			on := x.ID == w.Selection.Campaign || i == 0 && w.Selection.Campaign == 0
			w.Campaigns = append(w.Campaigns, option{fmt.Sprint(x.ID), x.Title, on})
			if on {
				w.Selection.Campaign = x.ID
			}
		}
		if w.Selection.Campaign != 0 {
			if err := s.checkWhomTx(ctx, tx, w.Selection, actor.Scope(access.RoutesRead)); fault.KindOf(err) == fault.Invalid {
				w.Errors = fault.FieldsOf(err)
			} else if err != nil {
				return err
			}
		}
		if w.Elements, err = elementsTx(ctx, tx); err != nil {
			return err
		}
		w.Programmes, err = programmesTx(ctx, tx, nil)
		return err
	})
	return w, err
}

type demandView struct {
	whom
	Picture Picture
	Book    string // address of the workbook
}

// Title names a theme.
func (w whom) Title(element string) string {
	if e, ok := w.Elements[element]; ok {
		return e.Title
	}
	return element
}

// Named gives the title of a programme by its code.
func (w whom) Named(code string) string {
	for _, g := range w.Programmes {
		if g.Code == code {
			return g.Title
		}
	}
	return code
}

func (s *Service) demandOf(c *gin.Context) (demandView, error) {
	w, err := s.whomOf(c)
	v := demandView{whom: w}
	if err != nil || len(w.Campaigns) == 0 || len(w.Errors) > 0 {
		return v, err
	}
	if v.Picture, err = s.Demand(c.Request.Context(), web.Actor(c), w.Selection); err != nil {
		return v, err
	}
	if v.Picture.Hidden {
		return v, nil
	}
	if v.Picture.Unshared > 0 {
		v.Unshared = people.UnsharedWords(v.Picture.Unshared)
	}
	q := url.Values{}
	for _, k := range []string{"campaign", "territory", "organisation"} {
		if x := c.Query(k); x != "" {
			q.Set(k, x)
		}
	}
	v.Book = "/routes/demand.xlsx"
	if len(q) > 0 {
		v.Book += "?" + q.Encode()
	}
	return v, nil
}

func (s *Service) getDemand(c *gin.Context) error {
	v, err := s.demandOf(c)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return demandPage.Render(c, status, web.Head{Title: "Спрос и места", Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Спрос и места"}}}, v)
}

// getDemandBook gives the demand and the order as a workbook.
func (s *Service) getDemandBook(c *gin.Context) error {
	v, err := s.demandOf(c)
	if err != nil {
		return err
	}
	if len(v.Campaigns) == 0 {
		return fault.New(fault.NotFound, "Пока нет опубликованных результатов")
	}
	if len(v.Errors) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте, для кого считать", Fields: v.Errors}
	}
	if v.Picture.Hidden {
		return fault.New(fault.Conflict, "Здесь слишком мало педагогов: числа не показываем. Выберите отбор шире")
	}
	f := excelize.NewFile()
	defer f.Close()
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	if err != nil {
		return fmt.Errorf("demand workbook: %w", err)
	}
	told := func(n int) any {
		if n > 0 && n < least {
			return "меньше 5"
		}
		return n
	}
	seats := [][]any{{"Код", "Программа", "Хотят", "Групп впереди", "Свободных мест", "Займут", "Не хватает мест"}}
	for _, l := range v.Picture.Seats {
		lack := told(l.Lack())
		if l.Want > 0 && l.Want < least {
			lack = "меньше 5"
		}
		seats = append(seats, []any{l.Programme.Code, l.Programme.Title, told(l.Want), l.Groups, l.Free, told(l.Take), lack})
	}
	order := [][]any{{"Тема", "Педагогов, которым не хватит", "Часов обучения на всех", "Останется не закрыто, доля", "Что заказать", "Какой программе не хватает мест"}}
	where := [][]any{{"Тема", "Муниципалитет", "Педагогов, которым не хватит", "Часов обучения на всех", "Что заказать"}}
	for _, u := range v.Picture.Unmet {
		share, hours := any(u.Share), any(u.Hours)
		if !u.Told() {
			share, hours = "", ""
		}
		lacking := ""
		if u.Lacking != "" {
			lacking = v.Named(u.Lacking)
		}
		order = append(order, []any{v.Title(u.Element), told(u.People), hours, share, u.Order(), lacking})
		if !u.Told() {
			continue
		}
		for _, p := range u.Places {
			people, hours := any(p.People), any(p.Hours)
			if p.Hidden {
				people, hours = "мало, не показываем", ""
			}
			where = append(where, []any{v.Title(u.Element), v.territories[p.Territory], people, hours, u.Order()})
		}
	}
	for i, sheet := range []struct {
		name string
		rows [][]any
	}{{"Спрос и места", seats}, {"Заказ", order}, {"Заказ по муниципалитетам", where}} {
		if i == 0 {
			err = f.SetSheetName("Sheet1", sheet.name)
		} else {
			_, err = f.NewSheet(sheet.name)
		}
		for n := 0; n < len(sheet.rows) && err == nil; n++ {
			err = f.SetSheetRow(sheet.name, "A"+strconv.Itoa(n+1), &sheet.rows[n])
		}
		if err == nil {
			err = f.SetRowStyle(sheet.name, 1, 1, bold)
		}
		if err == nil {
			err = f.SetColWidth(sheet.name, "A", "G", 24)
		}
		if err == nil {
			err = f.SetPanes(sheet.name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
		}
		if err != nil {
			return fmt.Errorf("demand workbook: %w", err)
		}
	}
	body, err := f.WriteToBuffer()
	if err != nil {
		return fmt.Errorf("demand workbook: %w", err)
	}
	return web.Download(c, "Спрос и места, "+s.now().In(calendar.Zone).Format(time.DateOnly)+".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body.Bytes())
}

type whatIfView struct {
	whom
	Options       []option // programmes
	Hours, Cost   string
	Programme     string
	Seats, Starts string
	Change        WhatIf
	Tried         bool
	Before, After Picture
	Themes        []themeChange
}

// themeChange is a theme whose open part differs.
type themeChange struct {
	Element       string
	Before, After float64 // share that stays open
	Told          bool
}

// Gain is what the change adds to the covered share.
func (v whatIfView) Gain() float64 { return v.After.Coverage - v.Before.Coverage }

func (s *Service) getWhatIf(c *gin.Context) error {
	w, err := s.whomOf(c)
	if err != nil {
		return err
	}
	today := calendar.Day(s.now())
	v := whatIfView{whom: w, Hours: c.DefaultQuery("hours", strconv.Itoa(DefaultLimits.Hours)), Cost: c.DefaultQuery("cost", strconv.Itoa(DefaultLimits.Cost)),
		Programme: c.Query("programme"), Seats: c.DefaultQuery("seats", "25"), Starts: c.DefaultQuery("starts", today.AddDate(0, 1, 0).Format(time.DateOnly))}
	for _, g := range w.Programmes {
		if g.Open(today) {
			v.Options = append(v.Options, option{g.Code, g.Title, g.Code == v.Programme})
		}
	}
	if v.Errors == nil {
		v.Errors = map[string]string{}
	}
	if len(w.Campaigns) > 0 && c.Query("try") != "" {
		change := WhatIf{Programme: v.Programme, Limits: Limits{Cost: -1}}
		if change.Limits.Hours, err = strconv.Atoi(strings.TrimSpace(v.Hours)); err != nil {
			v.Errors["hours"] = "Часы — целое число"
		}
		if t := strings.NewReplacer(" ", "", "\u00a0", "").Replace(v.Cost); t != "" {
			if change.Limits.Cost, err = strconv.Atoi(t); err != nil {
				v.Errors["cost"] = "Деньги — целое число рублей или пусто"
			}
		}
		if change.Programme != "" {
			if change.Seats, err = strconv.Atoi(strings.TrimSpace(v.Seats)); err != nil {
				v.Errors["seats"] = "Места — целое число"
			}
			if change.StartsOn, err = time.Parse(time.DateOnly, v.Starts); err != nil {
				v.Errors["starts"] = "Назовите день начала"
			}
		}
		if len(v.Errors) == 0 {
			v.Before, v.After, err = s.TryWhatIf(c.Request.Context(), web.Actor(c), w.Selection, change)
			switch {
			case fault.KindOf(err) == fault.Invalid:
				v.Errors = fault.FieldsOf(err)
			case err != nil:
				return err
			default:
				v.Tried, v.Change = true, change
				if !v.Unsure() {
					v.compare()
				}
			}
		}
		if v.Before.Unshared > 0 {
			v.Unshared = people.UnsharedWords(v.Before.Unshared)
		}
	}
	status := http.StatusOK
	if len(v.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return whatIfPage.Render(c, status, web.Head{Title: "Что если", Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Что если"}}}, v)
}

// Same tells whether nothing was changed.
func (v whatIfView) Same() bool {
	return v.Programme == "" && v.Change.Limits == Limits{v.Selection.Hours, v.Selection.Cost}
}

// Least and Most are what the change adds to the share covered by the best plans, which nobody knows exactly: each of
// the plans compared may be better by what its bound leaves open.
func (v whatIfView) Least() float64 { return v.Gain() - v.Before.Open }
func (v whatIfView) Most() float64  { return v.Gain() + v.After.Open }

// Span words a sure difference with its precision; "" where rounding hides it.
func (v whatIfView) Span() string {
	least, most, word := v.Least(), v.Most(), "больше"
	if v.Gain() < 0 {
		least, most, word = -v.Most(), -v.Least(), "меньше"
	}
	low, high := math.Floor(1000*least+1e-6)/10, math.Ceil(1000*most-1e-6)/10
	if high-low < 0.15 {
		return ""
	}
	return "на " + web.Dec(1, low) + "–" + web.Dec(1, high) + " п. п. " + word
}

// Unsure tells whether the difference may as well be none.
func (v whatIfView) Unsure() bool { return v.Least() <= 0.0005 && v.Most() >= -0.0005 }

// Beyond is what an unsure difference does not exceed, either way.
func (v whatIfView) Beyond() float64 { return max(v.Most(), -v.Least()) }

// Fewer tells whether fewer people get steps although more is covered.
func (v whatIfView) Fewer() bool {
	return v.Before.Counted() && v.After.Counted() && v.After.Served < v.Before.Served && v.Gain() >= 0
}

// compare lists the themes whose open part changes, those most changed first among the unmet before.
func (v *whatIfView) compare() {
	after := map[string]UnmetLine{}
	for _, u := range v.After.Unmet {
		after[u.Element] = u
	}
	for _, u := range v.Before.Unmet {
		x := themeChange{u.Element, u.Share, after[u.Element].Share, u.Told()}
		if x.Told && (x.Before-x.After > 0.005 || x.After-x.Before > 0.005) {
			v.Themes = append(v.Themes, x)
		}
	}
}
