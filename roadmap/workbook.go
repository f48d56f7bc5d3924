package roadmap

import (
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/calendar"
)

// workbook is the annual report as an xlsx file: the plan as it was approved,
// section rows included (so the file can be read as a plan again), with what
// became of each item; a second sheet says how to read it.
func workbook(v planView) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	w := &writer{f: f, sheet: "Отчёт"}
	w.do(f.SetSheetName("Sheet1", w.sheet))
	bold := w.style(excelize.Style{Font: &excelize.Font{Bold: true, Size: 13}, Alignment: &excelize.Alignment{Vertical: "top"}})
	head := w.style(excelize.Style{Font: &excelize.Font{Bold: true}, Border: []excelize.Border{{Type: "bottom", Color: "0B2545", Style: 2}}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "bottom"}})
	section := w.style(excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EDF3F7"}}})
	wrap := w.style(excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	format := "dd.mm.yyyy"
	date := w.style(excelize.Style{CustomNumFmt: &format, Alignment: &excelize.Alignment{Vertical: "top", Horizontal: "left"}})

	w.row(bold, v.Plan.Title)
	columns := []any{"№", "Мероприятие", "Срок", "Ответственные", "Ждём до", "Состояние", "Показатели из системы", "Что сделано", "Документы"}
	w.row(head, columns...)
	for n, width := range []float64{7, 60, 20, 24, 12, 14, 34, 50, 40} {
		name, err := excelize.ColumnNumberToName(n + 1)
		w.do(err)
		w.do(f.SetColWidth(w.sheet, name, name, width))
	}
	for _, s := range v.Sections {
		w.row(section, fmt.Sprintf("%d. %s", s.Number, s.Title))
		w.do(f.MergeCell(w.sheet, w.cell(1), w.cell(len(columns))))
		for _, r := range s.Rows {
			var figures, done, documents []string
			for _, l := range r.Live {
				value := l.Figure.Value
				if value == "" {
					value = "данных пока нет"
				}
				figures = append(figures, strings.TrimSpace(l.Key.Title+": "+value+" "+l.Figure.Words))
			}
			for _, h := range r.History {
				if h.Note != "" {
					done = append(done, h.At.In(calendar.Zone).Format("02.01.2006")+" "+h.Note)
				}
				if h.Document != "" {
					documents = append(documents, strings.TrimSpace(h.DocumentTitle+" "+h.Document))
				}
			}
			w.row(wrap, r.Number+".", r.Title, r.Term.Text, strings.Join(r.Responsible, ", "), r.Due, r.Word,
				strings.Join(figures, "\n"), strings.Join(done, "\n"), strings.Join(documents, "\n"))
			w.do(f.SetCellStyle(w.sheet, w.cell(5), w.cell(5), date))
		}
	}
	w.do(f.AutoFilter(w.sheet, fmt.Sprintf("A2:I%d", w.at), nil))
	w.do(f.SetPanes(w.sheet, &excelize.Panes{Freeze: true, XSplit: 1, YSplit: 2, TopLeftCell: "B3", ActivePane: "bottomRight"}))
	landscape, fit, tall := "landscape", 1, 0
	w.do(f.SetPageLayout(w.sheet, &excelize.PageLayoutOptions{Orientation: &landscape, FitToWidth: &fit, FitToHeight: &tall}))

	w = &writer{f: f, sheet: "Как читать", err: w.err}
	_, err := f.NewSheet(w.sheet)
	w.do(err)
	w.do(f.SetColWidth(w.sheet, "A", "A", 28))
	w.do(f.SetColWidth(w.sheet, "B", "B", 100))
	approved := "не указано: сроки считаются только по плану"
	if v.Plan.ApprovedOn != nil {
		approved = calendar.Date(*v.Plan.ApprovedOn) + ", № " + v.Plan.ApprovedNumber
	}
	for _, line := range [][2]string{
		{"План", v.Plan.Name()},
		{"Утверждение", approved},
		{"На какой день", calendar.Date(v.Today)},
		{"Итог", v.Tally.Words()},
		{"Отбор", v.selection()},
		{"Срок", "Как записан в плане."},
		{"Ждём до", "Конец срока или день, на который его перенесли, но не раньше утверждения плана. По другому плану — конец года."},
		{"Состояние", "«Сделано» и «отменено» записывают ответственные. «Не закрыто» — день «ждём до» прошёл, а отметки нет. «Идёт» — срок начался. «Впереди» — ещё нет."},
	} {
		w.row(wrap, line[0], line[1])
	}
	if len(v.Cards) > 0 && v.Plan.TerritoryID != nil {
		w.row(wrap, "Показатели системы", "Считаются по всей области.")
	}
	told := map[string]bool{}
	for _, c := range v.Cards {
		for _, l := range c.Figures {
			if !told[l.Key.Key] {
				told[l.Key.Key] = true
				w.row(wrap, l.Key.Title, l.Key.Definition)
			}
		}
	}
	if w.err != nil {
		return nil, fmt.Errorf("report workbook: %w", w.err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("report workbook: %w", err)
	}
	return b.Bytes(), nil
}

// selection says which items a filter left.
func (v planView) selection() string {
	var parts []string
	if v.Who != "" {
		parts = append(parts, "ответственный "+v.Who)
	}
	if v.State != "" {
		parts = append(parts, "состояние «"+tags[v.State][1]+"»")
	}
	if len(parts) == 0 {
		return "все пункты"
	}
	return fmt.Sprintf("%s: %d из %d", strings.Join(parts, ", "), v.Shown, v.Tally.All)
}

// writer fills a sheet row by row and keeps the first error.
type writer struct {
	f     *excelize.File
	sheet string
	at    int
	err   error
}

func (w *writer) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) style(s excelize.Style) int {
	id, err := w.f.NewStyle(&s)
	w.do(err)
	return id
}

// cell names a cell of the current row.
func (w *writer) cell(column int) string {
	name, err := excelize.CoordinatesToCellName(column, w.at)
	w.do(err)
	return name
}

func (w *writer) row(style int, values ...any) {
	w.at++
	for n, v := range values {
		if t, ok := v.(time.Time); ok {
			v = t.UTC()
		}
		w.do(w.f.SetCellValue(w.sheet, w.cell(n+1), v))
		w.do(w.f.SetCellStyle(w.sheet, w.cell(n+1), w.cell(n+1), style))
	}
}
