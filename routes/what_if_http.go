package routes

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

var whatIfPage = web.MustPage[*whatIfView](pages, "pages/what_if.html", "pages/whom.html")

type whatIfView struct {
	whom
	Suiting, Others, New []option // groups of programmes; of new ones by theme
	Forms                []option
	Hours, Cost          string
	Programme            string
	Length, Mode, Share  string
	Seats, Starts        string
	LastDay              time.Time // of a route
	Change               WhatIf
	Tried                bool
	Before, After        Picture
	Themes               []themeChange
}

// newFor stands in the list of groups before the theme of a programme that is not there yet.
const newFor = "new:"

// themeChange is a theme whose open part differs.
type themeChange struct {
	Element       string
	Before, After float64 // share that stays open
	Why           string  // it is more than before; "" where it is less
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
	v.Share = c.Query("share")
	v.Length, v.Mode, v.LastDay = c.DefaultQuery("length", "16"), c.DefaultQuery("mode", string(plan.Online)), horizon(today)
	for _, m := range modes {
		v.Forms = append(v.Forms, option{m.Code, m.Name, m.Code == v.Mode})
	}
	if v.Errors == nil {
		v.Errors = map[string]string{}
	}
	if w.Selection.Campaign != 0 && v.Errors["campaign"] == "" {
		if err := s.choices(c, &v, today); err != nil {
			return err
		}
	}
	if len(w.Campaigns) > 0 && c.Query("try") != "" {
		change := WhatIf{Programme: v.Programme, Limits: Limits{Cost: -1}}
		if element, ok := strings.CutPrefix(v.Programme, newFor); ok {
			change.Programme, change.Element, change.Mode = "", element, v.Mode
			if _, known := v.Elements[element]; !known {
				v.Errors["programme"] = "Такой темы нет: выберите из списка"
			}
			if change.Length, err = strconv.Atoi(strings.TrimSpace(v.Length)); err != nil {
				v.Errors["length"] = "Часы новой программы — целое число"
			}
			if t := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v.Share), "%")); t != "" {
				if change.Share, err = strconv.Atoi(t); err != nil || change.Share == 0 {
					v.Errors["share"] = "Доля темы — целое число процентов от 1 до 100 или пусто"
				}
			}
		}
		if change.Limits.Hours, err = strconv.Atoi(strings.TrimSpace(v.Hours)); err != nil {
			v.Errors["hours"] = "Часы — целое число"
		}
		if t := strings.NewReplacer(" ", "", "\u00a0", "").Replace(v.Cost); t != "" {
			if change.Limits.Cost, err = strconv.Atoi(t); err != nil {
				v.Errors["cost"] = "Деньги — целое число рублей или пусто"
			}
		}
		if change.adds() {
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
	return whatIfPage.Render(c, status, web.Head{Title: "Что если", Nav: "/routes", Crumbs: []web.Crumb{{Title: "Маршруты", Href: "/routes"}, {Title: "Что если"}}}, &v)
}

// choices fills the list of groups: those that suit the diagnostic first. Whom few results could be told of by what suits
// them gets the list without that.
func (s *Service) choices(c *gin.Context, v *whatIfView, today time.Time) error {
	src, err := s.read(c.Request.Context(), Selection{Campaign: v.Selection.Campaign}, web.Actor(c).Scope(access.RoutesRead))
	if err != nil {
		return err
	}
	if !src.told {
		src.needs = nil
	}
	list := func(programmes []Programme) (out []option) {
		for _, g := range programmes {
			out = append(out, option{g.Code, fmt.Sprintf("%s, %d ч", g.Title, g.Hours), g.Code == v.Programme})
		}
		slices.SortFunc(out, func(a, b option) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
	suit, others := src.suiting(v.Programmes, func(g Programme) bool { return g.Open(today) })
	v.Suiting, v.Others = list(suit), list(others)
	for _, e := range src.themes() {
		v.New = append(v.New, option{newFor + e, v.Title(e), newFor+e == v.Programme})
	}
	return nil
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

// compare lists the themes whose open part changes, the heaviest of before first, and says why some become worse.
func (v *whatIfView) compare() {
	after, swaps := map[string]UnmetLine{}, map[string]Swap{}
	for _, u := range v.After.Unmet {
		after[u.Element] = u
	}
	for _, x := range v.After.Effect.Swaps {
		swaps[x.Element] = x
	}
	lines := v.Before.Unmet
	for _, u := range v.After.Unmet {
		if !slices.ContainsFunc(v.Before.Unmet, func(x UnmetLine) bool { return x.Element == u.Element }) {
			lines = append(lines, UnmetLine{Element: u.Element})
		}
	}
	for _, u := range lines {
		now := after[u.Element]
		if max(u.People, now.People) < least || u.People > 0 && !u.Told() {
			continue
		}
		x := themeChange{Element: u.Element, Before: u.Share, After: now.Share}
		if x.After > x.Before {
			x.Why = v.swapWords(swaps[u.Element])
		}
		if web.Pct(x.Before) != web.Pct(x.After) {
			v.Themes = append(v.Themes, x)
		}
	}
}

// swapWords says why a theme becomes worse: what went and what came in its place.
func (v *whatIfView) swapWords(x Swap) string {
	who := "У некоторых педагогов"
	if x.People >= least {
		who = "У " + web.Plural(x.People, "педагога", "педагогов", "педагогов") + " закроется меньше; чаще всего"
	}
	in := quoted(v.Named(x.In))
	if x.In == newProgramme {
		in = "новая программа"
	}
	switch {
	case x.Out == "":
		return ""
	case x.In == "":
		return who + " не поместится " + quoted(v.Named(x.Out)) + "."
	case v.Gain() < 0:
		return who + " вместо " + quoted(v.Named(x.Out)) + " встанет " + in + ": при таких пределах это полезнее."
	}
	return who + " вместо " + quoted(v.Named(x.Out)) + " встанет " + in + ": по другим темам это закроет больше."
}

// GroupWords says what group was added.
func (v *whatIfView) GroupWords() string {
	x := v.After.Effect
	out := "Новая группа программы " + quoted(x.Programme.Title)
	if v.Change.Element != "" {
		like := ", как лучшие из имеющихся не длиннее её"
		if v.Change.Share > 0 {
			like = ""
		}
		out = fmt.Sprintf("Новая программа по теме «%s»: %s, закрывает %s нехватки по ней%s, стоит как обычно: %s", v.Title(v.Change.Element),
			web.Plural(x.Programme.Hours, "час", "часа", "часов"), web.Pct(x.Programme.Covers[0].Share), like, web.Rub(x.Programme.Cost))
	}
	return out + "; " + inForm(x.Group.Mode) + ", с " + calendar.Date(x.Group.StartsOn) + " по " + calendar.Date(x.Group.EndsOn) + "."
}

// IdleWords say why seats of the new group stay empty; nothing where none does.
func (v *whatIfView) IdleWords() (out []string) {
	g, idle := v.After.Effect.Programme, v.After.Effect.Idle
	if idle.Seats <= 0 {
		return nil
	}
	switch idle.Bar {
	case NoThemes:
		return []string{"Темы этой программы здесь никому не нужны: по ним ни у кого нет нехватки."}
	case NotMeant:
		return []string{"Программа не для этих педагогов: она рассчитана на других по должности или предмету."}
	case TooLong:
		return []string{fmt.Sprintf("Программа длиннее предела: в ней %s, а на человека — не больше %d.", web.Plural(g.Hours, "час", "часа", "часов"), v.Change.Limits.Hours)}
	case TooDear:
		return []string{fmt.Sprintf("Программа дороже предела: %s, а на человека — не больше %s.", web.Rub(g.Cost), web.Rub(v.Change.Limits.Cost))}
	}
	if idle.Free > 0 {
		out = append(out, "В других группах этой программы и так останется "+web.Plural(idle.Free, "свободное место", "свободных места", "свободных мест")+".")
	}
	hidden := false
	for _, r := range idle.Reasons {
		if r.Hidden {
			hidden = true
			continue
		}
		out = append(out, "У "+web.Plural(r.People, "педагога", "педагогов", "педагогов")+" "+idleWord(r.Why)+".")
	}
	if hidden && len(out) > 0 {
		out = append(out, "У остальных, кому она подошла бы, причины другие; их мало, и чисел не показываем.")
	} else if hidden {
		out = append(out, "Кому она подошла бы, тех мало, и чисел не показываем.")
	}
	if len(out) == 0 {
		out = append(out, "Больше она никому не нужна: все, кому подходит, в ней уже есть.")
	}
	return out
}

// idleWord ends "У семи педагогов …".
func idleWord(why string) string {
	switch why {
	case idleHeld:
		return "эта программа стоит в другой группе"
	case idleAlike:
		return "вместо неё стоит равноценная программа"
	case idleDone:
		return "её темы уже целиком закрывают другие шаги"
	case idleHours:
		return "часы занимают шаги, которые закрывают больше"
	case idleCost:
		return "на неё не остаётся денег: их занимают шаги, которые закрывают больше"
	}
	return "она закрыла бы меньше, чем стоят её часы, или не сходится по дням"
}
