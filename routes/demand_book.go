package routes

import (
	"math"
	"strings"

	"github.com/lotsiya/lotsiya/web"
)

// book is the page as a workbook: demand against seats, the order, the order by municipality, how it was counted.
func (v demandView) book() ([]byte, error) {
	b := newWorkbook()
	told := func(n int) any {
		if n > 0 && n < least {
			return "меньше 5"
		}
		return n
	}
	seats := [][]any{}
	for _, l := range v.Picture.Seats {
		lack := told(l.Lack())
		if l.Want > 0 && l.Want < least {
			lack = "меньше 5"
		}
		seats = append(seats, []any{l.Programme.Code, l.Programme.Title, told(l.Want), l.Groups, l.Free, told(l.Take), lack})
	}
	b.sheet("Спрос и места", []string{"Код", "Программа", "Хотят", "Групп впереди", "Свободных мест", "Займут", "Не хватает мест"}, []float64{12, 60, 10, 12, 12, 10, 12}, seats)
	order, where := [][]any{}, [][]any{}
	for _, u := range v.Picture.Unmet {
		theme := []any{v.Title(u.Element), told(u.People)}
		if !u.Told() {
			order = append(order, append(theme, "", "", "", "", "", "не показываем: педагогов мало"))
			continue
		}
		theme = append(theme, b.share(u.Share), b.share(u.Part), u.WhyWords(), u.Free, u.Hours)
		whom := []any{b.text(strings.Join(v.ForWhom(u), "\n")), b.text(strings.Join(v.Where(u), "\n"))}
		besides := v.Besides(u)
		best := besides
		for i, x := range v.Bids(u) {
			if i == 0 {
				best = x.What
			}
			row := append(theme[:len(theme):len(theme)], b.text(x.What), x.Programme, x.Seats, x.Hours, inForm(x.Mode), x.StartsOn.Format("02.01.2006"), x.EndsOn.Format("02.01.2006"), x.Cost,
				b.share(x.Share), math.Floor(1000*x.Gain)/10, b.share(x.Mean))
			order = append(order, append(append(row, b.text(besides)), whom...))
		}
		if len(u.Bids) == 0 {
			order = append(order, append(append(theme[:len(theme):len(theme)], b.text("нового не нужно"), "", "", "", "", "", "", "", "", "", "", b.text(besides)), whom...))
		}
		for _, p := range u.Places {
			people, hours := any(p.People), any(p.Hours)
			if p.Hidden {
				people, hours = "мало, не показываем", ""
			}
			where = append(where, []any{v.Title(u.Element), v.refs.Territory(p.Territory).ShortName, people, hours, b.text(best)})
		}
	}
	b.sheet("Заказ", []string{"Тема", "Педагогов, которым не хватит", "Останется, доля темы", "Останется, доля всей нехватки", "Почему и у скольких", "Свободных часов у половины, не больше", "Часов обучения на всех", "Что заказать", "Код программы, если она есть", "Мест",
		"Часов, не больше", "Форма", "Начало", "Конец", "Рублей на человека, не больше", "Какую долю темы закрывает", "Закроет ещё, п. п. всей нехватки", "В среднем ещё, доля темы", "Что ещё поможет", "Для кого", "Где"},
		[]float64{32, 12, 12, 12, 36, 14, 12, 60, 14, 8, 10, 14, 12, 12, 14, 12, 14, 14, 44, 30, 36}, order)
	b.sheet("Заказ по муниципалитетам", []string{"Тема", "Муниципалитет", "Педагогов, которым не хватит", "Часов обучения на всех", "Что заказать"}, []float64{40, 24, 14, 14, 60}, where)
	limit := "без предела"
	if v.Selection.Cost >= 0 {
		limit = web.Rub(v.Selection.Cost)
	}
	b.sheet("Как посчитано", []string{"Что", "Значение"}, []float64{34, 90}, [][]any{
		{"Педагогов без маршрута", told(v.Picture.People)}, {"Маршруты закроют, доля всей нехватки", b.share(v.Picture.Coverage)}, {"Точность", v.Picture.Far()},
		{"Часов на человека, не больше", v.Selection.Hours}, {"Денег на человека, не больше", limit},
		{"Закроет ещё", b.text(bidsCounted)}, {"Новая программа", b.text(courseAssumed)}, {"Малые числа", "меньше 5 педагогов не показываем"}})
	return b.bytes()
}

// What a reader has to know of the offers, the same on the page and in the workbook.
const (
	bidsCounted   = "Это не оценка на глаз: маршруты пересчитаны с такой группой, каждое правило соблюдено. Каждое предложение посчитано отдельно, вместе они закроют меньше, чем в сумме. Чем больше, тем лучше"
	courseAssumed = "Считаем, что новая программа закрывает столько же, сколько лучшая из имеющихся не длиннее её, а час стоит как обычно по этой теме. Мест — сколько взяли бы, с округлением до пяти"
)
