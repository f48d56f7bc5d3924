package results

import (
	"bytes"
	"fmt"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/internal/calendar"
)

// qualityBook lays out the quality of a campaign: tasks, options, reliability, the
// scale, and what each figure means. Figures are numbers at full precision.
func qualityBook(q Quality) ([]byte, error) {
	b := book{f: excelize.NewFile()}
	defer b.f.Close()
	var err error
	if b.head, err = b.f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"},
		Border: []excelize.Border{{Type: "bottom", Color: "0B2545", Style: 2}}}); err != nil {
		return nil, fmt.Errorf("workbook of quality: %w", err)
	}
	b.sheet("Задания", []float64{12, 6, 14, 24, 9, 9, 10, 10, 10, 10, 12, 12, 12, 10, 10, 12, 12, 10, 10, 12, 70})
	b.row("Часть", "№", "Код", "Вид", "Версия", "Макс. балл", "Дошли", "Доля баллов", "Полных работ", "Связь", "Разница 27 %", "Альфа без него", "Пропустили", "Не дошли",
		"Трудность", "Сила", "Ошибка силы", "Infit", "Outfit", "S-X², p", "На что посмотреть")
	for _, p := range q.Parts {
		for _, t := range p.all {
			s := t.Scale
			if s == nil {
				s = &bank.OnScale{}
			}
			var n, omitted any // of fewer than five nothing is told
			if t.P != nil {
				n, omitted = t.N, t.Omitted
			}
			b.row(p.Part.Part.Label(), t.Position, t.Code, t.Kind, t.Number, t.Max, n, num(t.P), t.Works, num(t.Rest), num(t.D27), num(t.Alpha), omitted, t.NotReached,
				num(s.Half), num(s.A), num(s.ASE), num(s.Infit), num(s.Outfit), num(s.FitP), t.RemarkList())
		}
	}
	b.sheet("Варианты ответов", []float64{12, 6, 14, 30, 50, 9, 9, 10, 12, 12, 12, 10, 30})
	b.row("Часть", "№", "Код", "Место", "Вариант", "Верный", "Выбрали", "Доля", "Слабая треть", "Средняя", "Сильная треть", "Связь", "Замечание")
	for _, p := range q.Parts {
		for _, t := range p.all {
			for _, c := range t.Choices {
				for _, o := range c.Options {
					right := ""
					if o.Key {
						right = "да"
					}
					b.row(p.Part.Part.Label(), t.Position, t.Code, plain(c.Place), plain(o.HTML), right, o.N, o.Share, num(o.Thirds[0]), num(o.Thirds[1]), num(o.Thirds[2]), num(o.Rest), o.Remark)
				}
			}
		}
	}
	b.sheet("Надёжность", []float64{22, 10, 10, 10, 10, 10, 10, 10, 12, 12, 12, 14})
	b.row("Часть", "Вариант", "Заданий", "Работ", "Макс. балл", "Средняя доля", "Разброс долей", "Альфа", "Альфа, от", "Альфа, до", "Лямбда-2", "Половины", "Погрешность доли")
	for _, p := range q.Parts {
		for i, v := range p.Variants {
			b.row(p.Title, i+1, len(v.Versions), v.Works, v.Max, figure(v.Mean), figure(v.SD), figure(v.Alpha), figure(v.AlphaCI95[0]), figure(v.AlphaCI95[1]), figure(v.Lambda2), figure(v.SplitHalf), figure(v.SEM))
		}
	}
	b.sheet("Шкала", []float64{22, 26, 14, 14, 14})
	b.row("Часть", "Что", "От или уровень", "До", "Значение", "Ошибка")
	for _, p := range q.Parts {
		if p.Map == nil {
			continue
		}
		for _, r := range p.Map.Rows {
			b.row(p.Title, "людей на отрезке шкалы", r.Low, r.High, r.Persons)
		}
		for _, x := range p.Map.Points {
			b.row(p.Title, "информация на уровне", x.Theta, nil, x.Information, num(x.SE))
		}
	}
	b.sheet("Равные условия", []float64{22, 16, 14, 10, 14, 14, 12, 12})
	b.row("Часть", "Сравнение", "Код", "№", "Разница", "Дельта ETS", "p", "Класс")
	for _, p := range q.Parts {
		by := map[int64]TaskQuality{}
		for _, t := range p.all {
			by[t.VersionID] = t
		}
		for _, f := range p.Fair {
			if f.WhyNot != "" {
				b.row(p.Title, f.Groups.Title, "не сравнивали: "+f.WhyNot)
			}
			for _, d := range f.Tasks {
				b.row(p.Title, f.Groups.Title, by[d.VersionID].Code, by[d.VersionID].Position, figure(d.Value), figure(d.Delta), figure(d.P), d.Class)
			}
		}
	}
	b.sheet("Элементы", []float64{22, 40, 10, 18, 18, 34})
	b.row("Часть", "Элемент", "Заданий", "По своим баллам", "По всей части", "Вывод")
	for _, p := range q.Parts {
		for _, e := range p.Own {
			b.row(p.Title, e.Title, e.Tasks, num(e.Own), num(e.Part), e.Say())
		}
	}
	b.sheet("Определения", []float64{26, 110})
	b.row("Что", "Как считается и как читать")
	for _, d := range [][2]string{
		{"Диагностика", q.Campaign.Title},
		{"Рассчитано", fmt.Sprintf("%s, расчёт %d, движок %s, модель диагностики %d, работ %d", calendar.DateTime(q.Statistics.ComputedAt), q.Statistics.Version, q.Statistics.Engine, q.Statistics.ModelVersion, q.Statistics.Works)},
		{"Доля баллов", "Средний балл, делённый на наибольший, среди дошедших до задания; 0–1, больше — легче. Пропуск считается нулём."},
		{"Связь", "Корреляция с суммой остальных заданий части по полным работам; от −1 до 1, больше — лучше. Слабая меньше 0,20."},
		{"Разница 27 %", "Доля баллов у 27 % сильных минус у 27 % слабых; больше — лучше."},
		{"Альфа без него", "Надёжность части без этого задания; если она выше надёжности части, задание её снижает."},
		{"Пропустили, Не дошли", "Пропустили: доля дошедших без ответа. Не дошли: доля тех, кому задание дали и кому не хватило времени."},
		{"Трудность", "Уровень подготовки в логитах, при котором за задание ждут половину баллов; больше — труднее."},
		{"Сила", "Различающая сила по модели; больше — круче кривая."},
		{"Infit, Outfit", "Согласие ответов с моделью: 1 — как ждёт модель, больше 1,3 — ответы мало предсказуемы."},
		{"S-X², p", "Вероятность такого расхождения с моделью при верной модели; меньше 0,01 — стоит посмотреть."},
		{"Связь варианта", "Корреляция выбора варианта с суммой остальных заданий; у верного выше нуля, у неверных ниже."},
		{"Трети", "Доля выбравших вариант среди слабой, средней и сильной трети по сумме остальных заданий части."},
		{"Надёжность", "Альфа Кронбаха с 95 % интервалом Фельдта; от 0 до 1, больше — лучше."},
		{"Погрешность доли", "Стандартная ошибка измерения как доля баллов части."},
		{"Элементы", "Доля настоящих различий по элементу, которую предсказывают баллы за него и баллы за всю часть (PRMSE, Хаберман 2008); 0–1, больше — лучше."},
		{"Равные условия", fmt.Sprintf("Разница при равной сумме: меньше нуля — труднее для второй группы. Классы: A нет, B небольшая, C заметная. Группы меньше %d работ не сравниваются. Городские и сельские; стаж 10 лет и больше и меньше 10 лет.", quality.FewestInGroup)},
	} {
		b.row(d[0], d[1])
	}
	for _, p := range q.Parts {
		if p.Map != nil {
			b.row("Модель, "+p.Title, p.Map.Scale.Label()+": "+p.Map.Scale.Reason())
		}
	}
	if b.err == nil {
		b.err = b.f.DeleteSheet("Sheet1")
	}
	b.f.SetActiveSheet(0)
	var out bytes.Buffer
	if b.err == nil {
		b.err = b.f.Write(&out)
	}
	if b.err != nil {
		return nil, fmt.Errorf("workbook of quality: %w", b.err)
	}
	return out.Bytes(), nil
}

// book writes rows sheet by sheet; the first error stops everything after it.
type book struct {
	f    *excelize.File
	head int
	name string
	at   int
	err  error
}

// sheet begins a sheet; its first row is the header.
func (b *book) sheet(name string, widths []float64) {
	if b.err != nil {
		return
	}
	if _, b.err = b.f.NewSheet(name); b.err != nil {
		return
	}
	b.name, b.at = name, 0
	for i, w := range widths {
		column, err := excelize.ColumnNumberToName(i + 1)
		if err == nil {
			err = b.f.SetColWidth(name, column, column, w)
		}
		if err != nil {
			b.err = err
			return
		}
	}
	b.err = b.f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

func (b *book) row(cells ...any) {
	if b.err != nil {
		return
	}
	b.at++
	from := fmt.Sprintf("A%d", b.at)
	if b.err = b.f.SetSheetRow(b.name, from, &cells); b.err != nil || b.at > 1 {
		return
	}
	to, err := excelize.CoordinatesToCellName(len(cells), 1)
	if err == nil {
		err = b.f.SetCellStyle(b.name, from, to, b.head)
	}
	b.err = err
}

// num is a cell of a figure that may not exist.
func num(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}

func figure(n quality.Number) any { return num(figureOrNil(n)) }
