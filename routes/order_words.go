package routes

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// bidWords are the words of an offer.
type bidWords struct {
	Bid
	What   string // what to order
	Brings string // what it would bring
	Href   string // the same change on the page of what-if
}

// Bids words what could be ordered for a theme, the better first.
func (w whom) Bids(u UnmetLine) (out []bidWords) {
	for _, b := range u.Bids {
		out = append(out, bidWords{b, w.what(b), brings(b), w.tryBid(b)})
	}
	return out
}

func (w whom) what(b Bid) string {
	when := "с " + calendar.DayMonth(b.StartsOn) + " по " + calendar.Date(b.EndsOn)
	if b.StartsOn.Year() != b.EndsOn.Year() {
		when = "с " + calendar.Date(b.StartsOn) + " по " + calendar.Date(b.EndsOn)
	}
	form, hours, seats := inForm(b.Mode), web.Plural(b.Hours, "час", "часа", "часов"), web.Plural(b.Seats, "место", "места", "мест")
	if b.Programme != "" {
		kind := "Ещё группа программы "
		if n := b.Groups(); n > 1 {
			kind, seats = "Ещё группы программы ", fmt.Sprintf("%s — %s по %d", seats, web.Plural(n, "группа", "группы", "групп"), b.Group)
		}
		return fmt.Sprintf("%s%s на %s; %s, %s, например %s", kind, quoted(w.Named(b.Programme)), seats, hours, form, when)
	}
	kind := "Новая программа"
	if b.Hours < 16 { // formal courses are of sixteen hours and more
		kind = "Новый практикум или вебинар"
	}
	cost := "бесплатно для педагога"
	if b.Cost > 0 {
		cost = "до " + web.Rub(b.Cost) + " на человека"
	}
	asked := ""
	if b.Share > b.Usual {
		asked = fmt.Sprintf(" (лучшие из имеющихся такой длины — %s: тогда её выберут вместо других)", web.Pct(b.Usual))
	}
	return fmt.Sprintf("%s до %s на %s; %s, %s, например %s; закрывает не меньше %s нехватки по теме%s", kind, web.Plural(b.Hours, "часа", "часов", "часов"), seats, form, cost, when, web.Pct(b.Share), asked)
}

// brings words what an offer closes: rounded down, since so much is sure.
func brings(b Bid) string {
	out := "Закроет ещё " + web.Dec(1, math.Floor(1000*b.Gain)/10) + " п. п. всей нехватки"
	switch {
	case b.Mean >= 0.01:
		return out + "; у тех, кто займёт места, — в среднем ещё " + web.Pct(b.Mean) + " этой темы"
	case b.Mean > -0.01:
		return out + ": эту тему она закрывает быстрее, и часы останутся на другие"
	}
	return out + ": часы перейдут темам, где нехватка больше"
}

func inForm(mode string) string {
	if mode == string(plan.FullTime) {
		return "очно"
	}
	return "дистанционно"
}

// query are the fields of the page that say whose demand is meant.
func (w whom) query() url.Values {
	q := url.Values{"campaign": {strconv.FormatInt(w.Selection.Campaign, 10)}}
	if w.Selection.Territory != 0 {
		q.Set("territory", strconv.FormatInt(w.Selection.Territory, 10))
	}
	if w.Selection.Organisation != 0 {
		q.Set("organisation", strconv.FormatInt(w.Selection.Organisation, 10))
	}
	return q
}

func (w whom) tryHref(q url.Values) string {
	q.Set("try", "1")
	if !q.Has("hours") {
		q.Set("hours", strconv.Itoa(w.Selection.Hours))
	}
	q.Set("cost", "")
	if w.Selection.Cost >= 0 {
		q.Set("cost", strconv.Itoa(w.Selection.Cost))
	}
	return "/routes/what-if?" + q.Encode()
}

func (w whom) tryBid(b Bid) string {
	q := w.query()
	q.Set("programme", b.Programme)
	if b.Programme == "" {
		q.Set("programme", newFor+b.Element)
		q.Set("length", strconv.Itoa(b.Hours))
		q.Set("mode", b.Mode)
		if b.Share > b.Usual {
			q.Set("share", strconv.Itoa(int(math.Round(100*b.Share))))
		}
	}
	q.Set("seats", strconv.Itoa(b.Seats))
	q.Set("starts", b.StartsOn.Format(time.DateOnly))
	return w.tryHref(q)
}

// TryMore is the page of what-if with more hours a person.
func (w whom) TryMore() string {
	q := w.query()
	q.Set("hours", strconv.Itoa(w.Selection.Hours+extraHours))
	return w.tryHref(q)
}

// BidsCounted and CourseAssumed say how the offers were counted.
func (w whom) BidsCounted() string   { return bidsCounted }
func (w whom) CourseAssumed() string { return courseAssumed }

// Extra is how many hours more a person TryMore tries.
func (w whom) Extra() int { return extraHours }

// Besides says what else helps a theme: more hours, or that nothing is worth ordering.
func (v demandView) Besides(u UnmetLine) string {
	out := ""
	switch {
	case len(u.Bids) > 0:
	case u.Untried:
		out = "Педагогов так много, что здесь варианты не перебирали: выберите муниципалитет или попробуйте программу на странице «Что если»"
	case u.Why == plan.NoHours:
		out = "Новая программа почти ничего не прибавит: часы этих педагогов занимает то, что закрывает больше"
	case u.Why == plan.NoCost:
		out = "Новая программа почти ничего не прибавит: помогли бы деньги на человека или бесплатные места"
	case u.Why == plan.NotWorth:
		out = "Осталось немного: отдельной программы это не стоит"
	default:
		out = "Группы, которая заметно прибавила бы, не нашлось"
	}
	x := v.Picture.More.Themes[u.Element]
	if x.Less < 0.05 || x.Takers < least {
		return out
	}
	if out != "" {
		out += ". "
	}
	return out + fmt.Sprintf("Если дать ещё %s на человека, закроется ещё %s темы; чаще всего возьмут %s", web.Plural(extraHours, "час", "часа", "часов"), web.Pct(x.Less), quoted(v.Named(x.Programme)))
}

// WhyWords names the reasons of what stays open and how many people each holds for.
func (u UnmetLine) WhyWords() string {
	out, hidden := []string{}, 0
	for _, x := range u.Whys {
		if x.Hidden {
			hidden += x.People
			continue
		}
		out = append(out, shortWhy(x.Why)+" — "+web.Num(x.People))
	}
	if hidden > 0 && len(out) > 0 {
		out = append(out, "другое — у остальных")
	} else if hidden > 0 {
		out = append(out, "чаще всего "+shortWhy(u.Why))
	}
	return strings.Join(out, ", ")
}

func shortWhy(w plan.Why) string {
	switch w {
	case plan.NoProgramme:
		return "нет программы"
	case plan.NoSeats:
		return "нет мест"
	case plan.NoDates:
		return "не сходятся даты"
	case plan.NoHours:
		return "не хватает часов"
	case plan.NoCost:
		return "не хватает денег"
	}
	return "прибавка не стоит часов"
}

// FreeWords says how many hours those people have left.
func (u UnmetLine) FreeWords() string {
	if !u.Told() {
		return ""
	}
	out := "Свободных часов у половины — не больше " + web.Num(u.Free)
	if u.Free < 1 {
		out = "У половины не остаётся ни часа"
	}
	if !u.Fitting() {
		return out
	}
	who := "хватит у " + web.Num(u.Fit)
	switch u.Fit {
	case 0:
		who = "не хватит ни у кого"
	case u.People:
		who = "хватит у всех"
	}
	return out + "; на " + web.Plural(u.Course, "час", "часа", "часов") + " без замены других шагов " + who
}

// ForWhom lists the positions, and the subjects where they differ, that a line of the order is for.
func (w whom) ForWhom(u UnmetLine) []string {
	if !u.Told() {
		return nil
	}
	many := slices.ContainsFunc(u.Kinds, func(k KindLine) bool { return k.Subject != u.Kinds[0].Subject })
	shown, others, people := []string{}, 0, 0
	for _, k := range u.Kinds {
		if k.Hidden {
			others, people = others+1, people+k.People
			continue
		}
		name := w.refs.PositionName(k.Position)
		if many && k.Subject != "" {
			name += " (" + w.refs.SubjectName(k.Subject) + ")"
		}
		shown = append(shown, name+": "+web.Num(k.People))
	}
	if others > 0 {
		shown = append(shown, fmt.Sprintf("другие должности: %d", people))
	}
	return shown
}

// Where lists the municipalities that a line of the order is for, the largest first; those with few people together.
func (w whom) Where(u UnmetLine) (list []string) {
	if !u.Told() || len(u.Places) < 2 {
		return nil
	}
	others, people := 0, 0
	for _, p := range u.Places {
		if p.Hidden {
			others, people = others+1, people+p.People
			continue
		}
		list = append(list, fmt.Sprintf("%s: %d", w.refs.Territory(p.Territory).ShortName, p.People))
	}
	switch {
	case len(list) == 0:
		return []string{"в " + web.Plural(others, "муниципалитете", "муниципалитетах", "муниципалитетах") + " понемногу"}
	case others > 0:
		list = append(list, fmt.Sprintf("ещё в %d: %d", others, people))
	}
	return list
}
