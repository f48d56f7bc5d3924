package memos

import (
	"fmt"
	"strings"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/web"
)

// About is the paragraph on what was done: from the figures alone, not edited.
func (m Memo) About() string {
	d := m.Version.Figures
	c := d.Campaign
	return fmt.Sprintf("Справка подготовлена по итогам диагностики «%s» (%s). Диагностика шла с %s по %s; работа рассчитана на %s, заданий — %s, наибольший балл — %s. Данные на %s.",
		c.Title, m.Where, calendar.Date(c.Opens), calendar.Date(c.Closes), web.Minutes(c.Minutes), web.Num(c.Tasks), points(c.MaxPoints), calendar.Date(d.AsOf))
}

// points is a number of points: whole if it is, else with one decimal after a comma.
func points(x float64) string {
	if x == float64(int(x)) {
		return web.Num(x)
	}
	return web.Dec(1, x)
}

// ScaleWords says which scale holds and which way is good.
func (m Memo) ScaleWords() string {
	s := m.Version.Figures.Campaign.Scale
	return fmt.Sprintf("Шкала «%s», редакция %d: порог %s. Доля освоенного: больше — лучше. Ожидаемая доля педагогов ниже порога — среднее их вероятностей: меньше — лучше. Интервалы — 9 случаев из 10. Группы меньше пяти человек не показаны; вместе с ними скрыты соседние, чтобы малые нельзя было вычислить.",
		s.Title, s.Version, web.Pct(s.Cut))
}

// Conclusions are the paragraphs that stand in the memo.
func (v Version) Conclusions() []Paragraph { return v.words("conclusion", "") }

// To are the recommendations for an addressee.
func (v Version) To(addressee string) []Paragraph { return v.words("recommendation", addressee) }

func (v Version) words(kind, addressee string) []Paragraph {
	out := []Paragraph{}
	for _, p := range v.Words {
		if p.Kind == kind && p.Addressee == addressee && p.Text != "" {
			out = append(out, p)
		}
	}
	return out
}

// fills are the colours of the map's classes, as on the page.
var fills = [8]string{"", "A63D2F", "DF9C8F", "F5DAD4", "F6F4EE", "D8EBE1", "93C4AC", "2B7255"}

// document lays a memo out as DOCX.
func document(m Memo) ([]byte, error) {
	d, f := &docx{}, m.Version.Figures
	d.paragraph("Centered", "Центр непрерывного повышения профессионального мастерства\nпедагогических работников Ленинградской области")
	d.paragraph("Title", "АНАЛИТИЧЕСКАЯ СПРАВКА\nо результатах диагностики «"+m.Title+"»\n"+m.Where)
	if m.Version.IsApproved() {
		d.paragraph("Centered", fmt.Sprintf("№ %s от %s", m.Version.Number, calendar.Date(*m.Version.Approved)))
	} else {
		d.paragraph("Centered", fmt.Sprintf("ПРОЕКТ, редакция %d от %s", m.Version.Version, calendar.Date(m.Version.MadeAt)))
	}
	d.paragraph("Heading1", "1. О диагностике")
	d.paragraph("", m.About())
	d.paragraph("", m.ScaleWords())

	d.paragraph("Heading1", "2. Участие")
	rows := [][]cell{}
	for _, p := range f.Participation {
		if p.Hidden {
			rows = append(rows, cells(p.Title, web.Num(p.Invited), hiddenText, hiddenText))
			continue
		}
		rows = append(rows, cells(p.Title, web.Num(p.Invited), web.Num(p.Took), web.Pct(p.Share())))
	}
	d.table([]string{"Муниципалитет", "Приглашены", "Приняли участие", "Доля"}, []float64{4, 1.6, 1.8, 1.2}, rows)

	d.paragraph("Heading1", "3. Общие результаты")
	rows = [][]cell{}
	for _, g := range f.Figures {
		rows = append(rows, cells(g.Title, g.Text))
	}
	d.table([]string{"Показатель", "Значение"}, []float64{5, 1.6}, rows)
	if f.Points.N < reports.Least {
		d.paragraph("", "Полностью проверенных работ пока меньше пяти: распределения не показываем.")
	} else {
		d.paragraph("", fmt.Sprintf("Проверены полностью %s. Средняя доля баллов %s (стандартное отклонение %s процентного пункта), медиана %s; половина участников набрала от %s до %s.",
			web.Plural(f.Points.N, "работа", "работы", "работ"), web.Pct(f.Points.Mean), web.Dec(1, 100*f.Points.SD), web.Pct(f.Points.Median), web.Pct(f.Points.Lower), web.Pct(f.Points.Upper)))
		for _, t := range []struct {
			title string
			bins  []reports.Bin
		}{{"Распределение по доле баллов", f.Occupied()}, {"По границам шкалы", f.Levels}} {
			if len(t.bins) == 0 {
				continue
			}
			d.paragraph("Heading2", t.title)
			rows := [][]cell{}
			for _, b := range t.bins {
				rows = append(rows, cells(upper(Class(b)), web.Num(b.N), web.Pct(float64(b.N)/float64(f.Points.N))))
			}
			d.table([]string{"Доля баллов", "Участников", "Доля участников"}, []float64{4, 2, 2}, rows)
		}
		d.paragraph("Note", "Границы столбцов расширены там, где в столбце было бы меньше пяти человек.")
	}

	if len(f.Parts) > 0 {
		d.paragraph("Heading1", "4. Предметная и методическая части")
		rows := [][]cell{}
		for _, p := range f.Parts {
			rows = append(rows, cells(partTitle(p.Part), web.Pct(p.Score.Mean), fmt.Sprintf("%d–%d", percent(p.Low), percent(p.High)), web.Pct(p.Score.Median), web.Pct(p.Region)))
		}
		d.table([]string{"Часть", "Средняя доля баллов", "Интервал, %", "Медиана", "По области"}, []float64{3, 2, 1.6, 1.4, 1.6}, rows)
	}

	d.paragraph("Heading1", "5. Что стоит укрепить в первую очередь")
	rows = [][]cell{}
	for i, r := range f.Rank {
		rows = append(rows, cells(fmt.Sprintf("%d. %s", i+1, r.Element.Title), partShort(r.Element.Part), web.Pct(r.Cell.Below), fmt.Sprintf("%d–%d", percent(r.Cell.From), percent(r.Cell.To)), web.Pct(r.Cell.Mean)))
	}
	if len(rows) == 0 {
		d.paragraph("", "Групп, которые можно показать, здесь нет: участников слишком мало.")
	} else {
		d.table([]string{"Элемент", "Часть", "Ожидаемая доля ниже порога", "Интервал, %", "Освоено в среднем"}, []float64{4, 1.8, 1.6, 1.5, 1.6}, rows)
	}

	d.paragraph("Heading1", "6. Карта: средняя доля освоенного, %")
	head, widths := []string{"Где", "Чел."}, []float64{3.6, 1}
	for _, e := range f.Elements {
		head, widths = append(head, e.Code), append(widths, 0.95)
	}
	rows = [][]cell{}
	for i, r := range append(append([]reports.Row{}, f.Rows...), f.Totals...) {
		n := web.Num(r.N)
		if r.Hidden {
			n = "—"
		}
		row := []cell{{text: r.Title, bold: i >= len(f.Rows)}, {text: n, right: true}}
		for _, c := range r.Cells {
			x := cell{right: true, text: map[reports.State]string{reports.Hidden: "—", reports.Few: "мало"}[c.State]}
			if c.Shown() {
				k := f.Campaign.Scale.Class(c.Mean)
				x = cell{right: true, text: fmt.Sprint(percent(c.Mean)), fill: fills[k], bold: c.Under(f.Campaign.Scale.Cut)}
				if k == 1 || k == 7 {
					x.color = "FFFFFF"
				}
			}
			row = append(row, x)
		}
		rows = append(rows, row)
	}
	d.table(head, widths, rows)
	codes := make([]string, len(f.Elements))
	for i, e := range f.Elements {
		codes[i] = e.Code + " — " + e.Title
	}
	d.paragraph("Note", strings.Join(codes, "; ")+". Жирным — весь интервал ниже порога. Прочерк — группа скрыта; «мало» — мало данных.")

	if len(f.ByCategory)+len(f.ByExperience) > 0 {
		d.paragraph("Heading1", "7. По категории и стажу")
		for _, t := range []struct {
			title  string
			groups []reports.GroupScore
		}{{"Категория", f.ByCategory}, {"Стаж", f.ByExperience}} {
			if len(t.groups) == 0 { // of a small municipality: as on the page
				continue
			}
			rows := [][]cell{}
			for _, g := range t.groups {
				if g.Hidden {
					rows = append(rows, cells(upper(g.Title), hiddenText, hiddenText, hiddenText))
					continue
				}
				rows = append(rows, cells(upper(g.Title), web.Num(g.N), web.Pct(g.Subject), web.Pct(g.Methodical)))
			}
			d.table([]string{t.title, "Человек", "Предметная часть", "Методическая часть"}, []float64{3, 1.5, 2, 2}, rows)
		}
	}

	d.paragraph("Heading1", "8. Выводы")
	for _, p := range m.Version.Conclusions() {
		d.paragraph("", p.Text)
	}
	d.paragraph("Heading1", "9. Рекомендации")
	for _, a := range Addressees {
		if to := m.Version.To(a.Code); len(to) > 0 {
			d.paragraph("Heading2", a.Title)
			for _, p := range to {
				d.paragraph("ListBullet", p.Text)
			}
		}
	}
	return d.bytes("Аналитическая справка: " + m.Title + ", " + m.Where)
}

func percent(x float64) int { return int(100*x + 0.5) }

func partShort(part string) string {
	if part == "methodical" {
		return "методическая"
	}
	return "предметная"
}

func upper(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}
