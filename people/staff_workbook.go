package people

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// maxWorkbook limits what a workbook may unpack to: a list of a whole district is a few
// megabytes, a bomb is not opened.
const maxWorkbook = 64 << 20

// readWorkbook reads the first sheet that has the headers of a staff list, cells as raw
// values; without one, the first sheet, for its fault to be told.
func readWorkbook(body []byte) ([][]string, error) {
	f, err := excelize.OpenReader(bytes.NewReader(body), excelize.Options{RawCellValue: true, UnzipSizeLimit: maxWorkbook, UnzipXMLSizeLimit: maxWorkbook / 4})
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Message: "Это не таблица Excel", Cause: err,
			Fields: map[string]string{"file": "Не получилось открыть файл как таблицу .xlsx. Сохраните список в формате «Книга Excel (.xlsx)», без пароля"}}
	}
	defer f.Close()
	var first [][]string
	for i, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true, UnzipSizeLimit: maxWorkbook})
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Message: "Таблица повреждена", Cause: err,
				Fields: map[string]string{"file": "Лист «" + sheet + "» не читается. Откройте файл в Excel, сохраните заново и загрузите ещё раз"}}
		}
		if i == 0 {
			first = rows
		}
		if _, at, _ := findHeader(rows); at != nil {
			return rows, nil
		}
	}
	return first, nil
}

// staffTemplate makes the workbook to be filled in: lists to choose from, and how to fill each column.
func staffTemplate(refs Refs) ([]byte, error) {
	const sheet, lists, help = "Список", "Справочники", "Как заполнять"
	f := excelize.NewFile()
	defer f.Close()
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	for _, name := range []string{help, lists} {
		if _, err := f.NewSheet(name); err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
	}
	head, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"13678A"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}})
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	dateFormat := "dd.mm.yyyy"
	dates, err := f.NewStyle(&excelize.Style{CustomNumFmt: &dateFormat})
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	choices := map[string][]string{"main": {"да", "нет"}}
	for _, t := range refs.Territories {
		choices["territory"] = append(choices["territory"], t.ShortName)
	}
	for _, o := range refs.Organisations {
		choices["organisation"] = append(choices["organisation"], o.ShortName)
	}
	for key, list := range map[string][]Item{"position": refs.Positions, "subject": refs.Subjects, "category": refs.Categories} {
		_, choices[key] = split(list)
	}
	w := sheetWriter{f: f}
	w.row(help, 1, "Столбец", "Обязателен", "Что писать")
	listColumn := 0
	for j, c := range columns {
		letter := columnLetter(j)
		w.set(sheet, letter+"1", c.header)
		w.try(f.SetColWidth(sheet, letter, letter, c.width))
		must := ""
		if c.required {
			must = "да"
		}
		w.row(help, j+2, c.header, must, c.expected)
		switch c.key {
		case "started", "since", "received":
			w.try(f.SetColStyle(sheet, letter, dates))
		}
		if list := choices[c.key]; len(list) > 0 {
			at := columnLetter(listColumn)
			listColumn++
			w.set(lists, at+"1", c.header)
			w.try(f.SetColWidth(lists, at, at, c.width))
			for i, x := range list {
				w.set(lists, fmt.Sprintf("%s%d", at, i+2), x)
			}
			v := excelize.NewDataValidation(true)
			v.Sqref = fmt.Sprintf("%s2:%s%d", letter, letter, maxStaffRows)
			v.SetSqrefDropList(fmt.Sprintf("'%s'!$%s$2:$%s$%d", lists, at, at, len(list)+1))
			w.try(f.AddDataValidation(sheet, v))
		}
	}
	last := columnLetter(len(columns) - 1)
	w.try(f.SetCellStyle(sheet, "A1", last+"1", head))
	w.try(f.SetCellStyle(help, "A1", "C1", head))
	w.try(f.SetCellStyle(lists, "A1", columnLetter(max(listColumn-1, 0))+"1", head))
	w.try(f.SetColWidth(help, "A", "A", 26))
	w.try(f.SetColWidth(help, "B", "B", 14))
	w.try(f.SetColWidth(help, "C", "C", 70))
	n := len(columns) + 3
	for i, line := range []string{
		"Одна строка — одна работа одного человека. Ведёт два предмета или работает в двух школах — две строки.",
		"Столбцы можно переставлять и убирать необязательные. Вместо трёх столбцов имени подойдёт один «ФИО».",
		"Сначала мы покажем, что нашли в списке и что изменится. Без вашего подтверждения ничего не меняется.",
		"СНИЛС, паспорт, дату рождения и адрес писать не нужно: мы их не храним.",
	} {
		w.set(help, fmt.Sprintf("A%d", n+i), line)
	}
	w.try(f.SetRowHeight(sheet, 1, 32))
	w.try(f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	return w.bytes()
}

// listWorkbook is the list of people as shown, with its filters on a sheet of their own.
func listWorkbook(p page, now time.Time) ([]byte, error) {
	const sheet, about = "Люди", "Что здесь"
	f := excelize.NewFile()
	defer f.Close()
	w := sheetWriter{f: f}
	w.try(f.SetSheetName("Sheet1", sheet))
	if _, err := f.NewSheet(about); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	w.row(sheet, 1, "Фамилия", "Имя", "Отчество", "Муниципалитет", "Организация", "Должность", "Предмет", "Работ", "Категория", "Стаж, лет", "Роли")
	for i, l := range p.List {
		years := any("")
		if y := (career{TeachingSince: l.TeachingSince}).Years(now); y >= 0 {
			years = y
		}
		w.row(sheet, i+2, l.Family, l.Given, l.Patronymic, l.Territory, l.Organisation, l.Position, l.Subject, l.Works, l.Category, years, l.Roles)
	}
	w.try(f.SetCellStyle(sheet, "A1", "K1", bold))
	for j, width := range []float64{20, 16, 20, 20, 32, 26, 24, 8, 22, 10, 36} {
		w.try(f.SetColWidth(sheet, columnLetter(j), columnLetter(j), width))
	}
	w.try(f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	if len(p.List) > 0 {
		w.try(f.AutoFilter(sheet, fmt.Sprintf("A1:K%d", len(p.List)+1), nil))
	}
	w.row(about, 1, "Выгружено", calendar.DateTime(now))
	w.row(about, 2, "Человек", len(p.List))
	w.row(about, 3, "Отбор", p.words())
	w.row(about, 4, "Стаж", "Полных лет педагогического стажа на день выгрузки; пусто — стаж не указан.")
	w.row(about, 5, "Работа", "Основная из действующих сегодня; столбец «Работ» — сколько их всего.")
	w.row(about, 6, "Личные данные", "Храните файл так, чтобы его видели только те, кому он нужен. Выгрузка записана в журнал.")
	w.try(f.SetColWidth(about, "A", "A", 18))
	w.try(f.SetColWidth(about, "B", "B", 90))
	return w.bytes()
}

// words says what the list is narrowed by.
func (p page) words() string {
	said := []string{}
	for _, x := range []string{
		p.Query, p.Refs.Territory(p.Territory).ShortName, p.Refs.Organisation(p.Organisation).ShortName, p.Refs.PositionName(p.Position),
		p.Refs.SubjectName(p.Subject), p.Refs.CategoryName(p.Category), p.Role.Name(),
	} {
		if x != "" {
			said = append(said, x)
		}
	}
	if len(said) == 0 {
		return "все"
	}
	return strings.Join(said, "; ")
}

// sheetWriter keeps the first error, so that a sheet reads as a list of what it holds.
type sheetWriter struct {
	f   *excelize.File
	err error
}

func (w *sheetWriter) try(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *sheetWriter) set(sheet, cell string, value any) { w.try(w.f.SetCellValue(sheet, cell, value)) }

func (w *sheetWriter) row(sheet string, n int, values ...any) {
	w.try(w.f.SetSheetRow(sheet, fmt.Sprintf("A%d", n), &values))
}

func (w *sheetWriter) bytes() ([]byte, error) {
	if w.err != nil {
		return nil, fmt.Errorf("workbook: %w", w.err)
	}
	b, err := w.f.WriteToBuffer()
	if err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	return b.Bytes(), nil
}
