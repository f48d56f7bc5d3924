package routes

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// words puts the facts about a step into sentences.
type words struct {
	programmes map[string]Programme
	elements   map[string]Element
	total      float64
}

func newWords(programmes []Programme, elements map[string]Element, total float64) words {
	w := words{map[string]Programme{}, elements, total}
	for _, g := range programmes {
		w.programmes[g.Code] = g
	}
	return w
}

func (w words) short(element string) string {
	if e, ok := w.elements[element]; ok {
		return e.Short
	}
	return element
}

func (w words) title(code string) string { return quoted(w.programmes[code].Title) }

// quoted puts a title into quotes, unless it ends with its own.
func quoted(title string) string {
	if strings.Contains(title, "«") {
		return title
	}
	return "«" + title + "»"
}

// less words a loss of weight as points of all that is needed; below zero it is a gain.
func (w words) less(x float64) string {
	n, than := web.Dec(0, 100*ratio(math.Abs(x), w.total)), "меньше"
	if n == "0" {
		return "почти столько же"
	}
	if x < 0 {
		than = "больше"
	}
	return "на " + n + " п. п. " + than
}

// spends words what an alternative would spend more or less.
func spends(r plan.Reason) string {
	out := ""
	say := func(n float64, words string) {
		switch {
		case n > 0.5:
			out += ", на " + words + " больше"
		case n < -0.5:
			out += ", на " + words + " меньше"
		}
	}
	say(r.Hours, web.Plural(math.Round(math.Abs(r.Hours)), "час", "часа", "часов"))
	say(r.Cost, web.Rub(math.Round(math.Abs(r.Cost))))
	return out
}

// titles lists programmes by their titles: «A», «B» и «C».
func (w words) titles(codes []string) string {
	out := ""
	for i, code := range codes {
		switch {
		case i > 0 && i == len(codes)-1:
			out += " и "
		case i > 0:
			out += ", "
		}
		out += w.title(code)
	}
	return out
}

// instead words what would stand in the place of a step, what would go with it, and what that would close and cost.
func (w words) instead(r plan.Reason) string {
	codes := []string{}
	for _, l := range r.Instead {
		codes = append(codes, l.Programme)
	}
	what := w.titles(codes)
	switch n := len(r.Drops); n {
	case 0:
	case 1:
		what += " вместо него и шага " + w.title(r.Drops[0])
	default:
		what += " вместо него и ещё " + web.Plural(n, "шага", "шагов", "шагов") + " (" + w.titles(r.Drops) + ")"
	}
	switch {
	case math.Abs(r.Loses) <= 1e-9:
		return "Равная замена — " + what + spends(r) + "."
	case r.Loses < 0:
		return "Есть замена лучше — " + what + ": маршрут закрыл бы " + w.less(r.Loses) + spends(r) + "."
	}
	return "Лучшая замена — " + what + ": маршрут закрыл бы " + w.less(r.Loses) + spends(r) + "."
}

// why words the reason of a step: what it closes, the runner-up, what it opens, why this group.
func (w words) why(st plan.Step, r plan.Reason, needs int, locked, begun bool) []string {
	out := []string{}
	var parts []string
	for _, e := range byGain(st.Closes) {
		parts = append(parts, "«"+w.short(e)+"»")
	}
	switch {
	case len(parts) == 0:
		out = append(out, "Сам по себе ничего не закрывает: нужен для другого шага.")
	case needs > 1:
		out = append(out, fmt.Sprintf("Помогает с %d из %d тем: %s. Закрывает %s всего нужного.", len(parts), needs, strings.Join(parts, ", "), web.Pct(ratio(sum(st.Closes), w.total))))
	default:
		out = append(out, fmt.Sprintf("Закрывает тему %s.", parts[0]))
	}
	for _, e := range r.Only {
		out = append(out, fmt.Sprintf("Единственная подходящая программа по теме «%s».", w.short(e)))
	}
	switch {
	case begun:
		out = append(out, "Шаг уже начат: расчёт его не трогает.")
	case locked && r.Loses < 0 && w.less(r.Loses) != w.less(0):
		out = append(out, fmt.Sprintf("Шаг закреплён: расчёт его не трогает. Без него маршрут закрыл бы %s.", w.less(r.Loses)))
	case locked:
		out = append(out, "Шаг закреплён: расчёт его не трогает.")
	case len(r.Instead) > 0:
		out = append(out, w.instead(r))
	case r.Loses > 0:
		out = append(out, fmt.Sprintf("Без этого шага маршрут закрыл бы %s, заменить его нечем.", w.less(r.Loses)))
	}
	if r.Held && (len(r.Instead) > 0 || r.Loses > 0) && !begun && !locked {
		out[len(out)-1] += " Сравнение при тех же остальных шагах: маршрут не самый полный из возможных."
	}
	for _, code := range r.Opens {
		out = append(out, fmt.Sprintf("Открывает шаг %s: он опирается на этот.", w.title(code)))
	}
	for _, o := range r.Others {
		when := calendar.DayMonth(o.Start.Time())
		switch o.Why {
		case "seats":
			out = append(out, fmt.Sprintf("В группе с %s мест нет.", when))
		case "clash":
			out = append(out, fmt.Sprintf("Группа с %s приходится на дни шага %s.", when, w.title(o.With)))
		case "busy":
			out = append(out, fmt.Sprintf("Группа с %s приходится на занятые дни.", when))
		case "order":
			out = append(out, fmt.Sprintf("Группа с %s не подходит по порядку с шагом %s.", when, w.title(o.With)))
		}
	}
	return out
}

func byGain(closes map[string]float64) []string {
	out := []string{}
	for e := range closes {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b string) int {
		switch {
		case closes[a] > closes[b]:
			return -1
		case closes[a] < closes[b]:
			return 1
		}
		return strings.Compare(a, b)
	})
	return out
}

func sum(m map[string]float64) float64 {
	s := 0.0
	for _, k := range byGain(m) {
		s += m[k]
	}
	return s
}

// whyLeft words why an element stays open.
func whyLeft(w plan.Why) string {
	switch w {
	case plan.NoProgramme:
		return "подходящих программ больше нет: это заказ на новую"
	case plan.NoSeats:
		return "в подходящих группах нет мест"
	case plan.NoHours:
		return "не хватает часов"
	case plan.NoCost:
		return "не хватает денег"
	case plan.NoDates:
		return "подходящие группы не совпали по датам"
	case plan.Demanded:
		return "мешает условие методиста: закреплённый или исключённый шаг либо пожелание"
	}
	return "дополнительных часов не стоит"
}
