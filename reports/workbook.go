package reports

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/people"
)

// workbook lays out the bank: map, list, people by code, how it was counted.
// Shares are numbers with a percent format, hidden cells say so in words.
func workbook(b Bank, persons, named bool, records []Record, unshared int, exporter string, now time.Time) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	w := &sheets{f: f}
	if err := w.styles(); err != nil {
		return nil, err
	}
	w.mapSheet(b)
	w.listSheet(b)
	if persons {
		w.peopleSheet(b, named, records)
	}
	w.aboutSheet(b, persons, named, len(records), unshared, exporter, now)
	if w.err != nil {
		return nil, fmt.Errorf("workbook: %w", w.err)
	}
	if err := f.DeleteSheet("Sheet1"); err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	f.SetActiveSheet(0)
	if err := f.SetDocProps(&excelize.DocProperties{Title: "Банк дефицитов: " + b.Campaign.Title, Creator: "Лоция"}); err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	return out.Bytes(), nil
}

// sheets streams rows sheet by sheet; the first error stops everything after it.
type sheets struct {
	f                                       *excelize.File
	head, percent, hidden, bold, wrap, sure int
	err                                     error
}

func (w *sheets) styles() error {
	border := []excelize.Border{{Type: "bottom", Color: "0B2545", Style: 2}}
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&w.head, excelize.Style{Font: &excelize.Font{Bold: true}, Border: border, Alignment: &excelize.Alignment{WrapText: true, Vertical: "bottom"}}},
		{&w.percent, excelize.Style{NumFmt: 9}},
		{&w.sure, excelize.Style{NumFmt: 9, Font: &excelize.Font{Bold: true, Color: "A63D2F"}}},
		{&w.hidden, excelize.Style{Font: &excelize.Font{Color: "6E8296", Italic: true}}},
		{&w.bold, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&w.wrap, excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}}},
	} {
		id, err := w.f.NewStyle(&s.style)
		if err != nil {
			return fmt.Errorf("style of the workbook: %w", err)
		}
		*s.id = id
	}
	return nil
}

// sheet streams one sheet: a frozen head with a filter, then rows.
func (w *sheets) sheet(name string, head []string, widths []float64, rows [][]any) {
	if w.err != nil {
		return
	}
	if _, w.err = w.f.NewSheet(name); w.err != nil {
		return
	}
	var last string
	if last, w.err = excelize.CoordinatesToCellName(len(head), len(rows)+1); w.err != nil {
		return
	}
	if w.err = w.f.AutoFilter(name, "A1:"+last, nil); w.err != nil { // before the stream: after it the sheet is closed
		return
	}
	var s *excelize.StreamWriter
	if s, w.err = w.f.NewStreamWriter(name); w.err != nil {
		return
	}
	for i, width := range widths {
		if w.err = s.SetColWidth(i+1, i+1, width); w.err != nil {
			return
		}
	}
	if w.err = s.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, XSplit: 1, TopLeftCell: "B2", ActivePane: "bottomRight"}); w.err != nil {
		return
	}
	cells := make([]any, len(head))
	for i, h := range head {
		cells[i] = excelize.Cell{StyleID: w.head, Value: h}
	}
	for i, row := range append([][]any{cells}, rows...) {
		var at string
		if at, w.err = excelize.CoordinatesToCellName(1, i+1); w.err != nil {
			return
		}
		if w.err = s.SetRow(at, row); w.err != nil {
			return
		}
	}
	w.err = s.Flush()
}

// round drops what is noise of the arithmetic, and no more: a share rounded twice
// would show another percent here than on the page.
func round(x float64) float64 { return math.Round(1e9*x) / 1e9 }

func (w *sheets) share(x float64) excelize.Cell {
	return excelize.Cell{StyleID: w.percent, Value: round(x)}
}

var stateWords = map[State]string{Hidden: "скрыто", Few: "мало данных"}

func (w *sheets) mapSheet(b Bank) {
	head, widths := []string{"Муниципалитет", "Человек"}, []float64{30, 10}
	if b.Query.Territory != 0 {
		head[0] = "Организация"
	}
	for _, e := range b.Elements {
		head, widths = append(head, e.Code+" "+e.Title), append(widths, 16)
	}
	rows := [][]any{}
	for i, r := range append(append([]Row{}, b.Rows...), b.Totals...) {
		style := 0
		if i >= len(b.Rows) {
			style = w.bold
		}
		row := []any{excelize.Cell{StyleID: style, Value: r.Title}, r.N}
		if r.Hidden {
			row[1] = excelize.Cell{StyleID: w.hidden, Value: stateWords[Hidden]}
		}
		for _, c := range r.Cells {
			switch {
			case !c.Shown():
				row = append(row, excelize.Cell{StyleID: w.hidden, Value: stateWords[c.State]})
			case c.Under(b.Campaign.Scale.Cut):
				row = append(row, excelize.Cell{StyleID: w.sure, Value: round(c.Mean)})
			default:
				row = append(row, w.share(c.Mean))
			}
		}
		rows = append(rows, row)
	}
	w.sheet("Карта", head, widths, rows)
}

var partWords = map[string]string{"subject": "предметная", "methodical": "методическая"}

func (w *sheets) listSheet(b Bank) {
	rows := [][]any{}
	for _, r := range b.Rank {
		c := r.Cell
		rows = append(rows, []any{r.Element.Title, partWords[r.Element.Part], c.N, w.share(c.Below), w.share(c.From), w.share(c.To), w.share(c.Mean), w.share(c.Low), w.share(c.High)})
	}
	w.sheet("Список", []string{"Элемент", "Часть", "Человек", "Ожидаемая доля педагогов ниже порога", "от", "до", "Доля освоенного", "от", "до"},
		[]float64{36, 15, 10, 16, 9, 9, 14, 9, 9}, rows)
}

// peopleSheet leaves out, for a reader who may not open persons' results, what would
// name somebody in a small school.
func (w *sheets) peopleSheet(b Bank, named bool, records []Record) {
	rows := make([][]any, len(records))
	for i, r := range records {
		var share any
		if r.Share != nil {
			share = w.share(*r.Share)
		}
		row := []any{r.Code, r.Territory}
		if named {
			row = append(row, r.School, r.Position, r.Subject, r.Category, r.Experience)
		}
		rows[i] = append(row, r.Element, partWords[r.Part], w.share(r.Estimate), w.share(r.Low), w.share(r.High), share, w.share(float64(r.Said().Chances())/100),
			r.Said().Verdict().Words(), r.Said().HowMuch(), r.Tasks, r.SourcesWords(), r.RouteWords())
	}
	head, widths := []string{"Код участника", "Муниципалитет"}, []float64{20, 18}
	if named {
		head, widths = append(head, "Организация", "Должность", "Предмет", "Категория", "Стаж"), append(widths, 30, 16, 16, 14, 14)
	}
	w.sheet("Люди", append(head, "Элемент", "Часть", "Освоено (оценка)", "от", "до", "Доля баллов", "Вероятность, что ниже порога", "Вывод", "Насколько", "Заданий", "Основание", "Маршрут"),
		append(widths, 32, 14, 12, 8, 8, 12, 14, 18, 18, 10, 24, 16), rows)
}

func (w *sheets) aboutSheet(b Bank, persons, named bool, records, unshared int, exporter string, now time.Time) {
	s := b.Campaign.Scale
	text := func(v string) excelize.Cell { return excelize.Cell{StyleID: w.wrap, Value: v} }
	rows := [][]any{
		{"Диагностика", text(b.Campaign.Title)},
		{"Отбор участников", text(strings.Join(b.Filters(), "; "))},
	}
	if persons {
		rows = append(rows, []any{"Отбор записей на листе «Люди»", text(fmt.Sprintf("%s; записей: %d", strings.Join(b.RecordFilters(), "; "), records))})
	}
	if persons && !named {
		rows = append(rows, []any{"Чего нет на листе «Люди»", text("Школ, должностей, категорий и стажа, а также людей из групп, чьи цифры скрыты: по ним можно было бы узнать человека. Полный список видят методисты ЦНППМ.")})
	}
	if unshared > 0 {
		rows = append(rows, []any{"Не показаны на листе «Люди»", text(people.UnsharedWords(unshared) + " В сводных цифрах они учтены.")})
	}
	rows = append(rows,
		[]any{"Данные на", text(calendar.DateTime(b.AsOf))},
		[]any{"Выгружено", text(calendar.DateTime(now))},
		[]any{"Кто выгрузил", text(exporter)},
		[]any{"Шкала", text(fmt.Sprintf("«%s», редакция %d: порог %.0f %%. Доля освоенного: больше — лучше. Насколько стоит укрепить (по оценке): сильно — ниже %.0f %%, заметно — ниже %.0f %%, немного — ниже %.0f %%; пусто — вывод другой или выше этих границ. Элемент оценивается, если на него пришлось не меньше %d заданий.",
			s.Title, s.Version, 100*s.Cut, 100*s.Bands[0], 100*s.Bands[1], 100*s.Bands[2], s.MinTasks))},
		[]any{"Вывод", text(s.Words() + " Между ними твёрдого вывода нет: «возможно, стоит укрепить» — от 60 шансов, «пока неясно» — от 40 до 59, «скорее уверенно» — меньше 40. «Мало данных» — заданий меньше, чем требует шкала. Шансы округлены так, чтобы число не спорило с выводом.")},
		[]any{"Скрытые ячейки", text("Группа меньше 5 человек не показывается. Вместе с ней скрывается вторая группа, чтобы первую нельзя было вычислить вычитанием из итога. «Мало данных»: людей достаточно, но на элемент ответили меньше пяти.")},
		[]any{"Жирный красный", text("Весь интервал средней доли ниже порога.")},
		[]any{"Модель", text(b.Trust.Model)},
	)
	if b.Trust.Preliminary {
		rows = append(rows, []any{"Предварительно", text("Проверка развёрнутых ответов или подгонка модели ещё не закончены: цифры изменятся.")})
	}
	for _, m := range measures {
		rows = append(rows, []any{m.Title, text(fmt.Sprintf("%s Единица: %s; %s.", m.Definition, m.Unit, m.Good.Words()))})
	}
	for _, key := range []string{"invited", "took_part", "coverage"} {
		f := b.Figures[key]
		rows = append(rows, []any{f.Key.Title, text(fmt.Sprintf("%s. %s Единица: %s; %s.", f.Text(), f.Key.Definition, f.Key.Unit, f.Key.Good.Words()))})
	}
	w.sheet("Как посчитано", []string{"Что", "Как"}, []float64{32, 110}, rows)
}
