// Package exchange turns tasks into files of other programs and back. It is
// pure: bytes in, tasks and faults by place out.
package exchange

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// Sheets of the workbook.
const (
	sheetTasks     = "Задания"
	sheetLeft      = "Соответствие"
	sheetGaps      = "Пропуски"
	sheetCriteria  = "Критерии"
	sheetExemplars = "Образцы"
	sheetHelp      = "Как заполнять"
)

// Columns of the main sheet, in order; options A to H stand in one stretch.
var columns = []string{"Код", "Часть", "Вид", "Уровень", "Минуты", "Баллы", "Правило", "Элемент 1", "Доля 1", "Элемент 2", "Доля 2", "Умение", "Текст",
	"A", "B", "C", "D", "E", "F", "G", "H", "Ключ", "Единица", "Знаков не больше", "Обнуляющий критерий", "Расхождение", "Решение"}

const optionLetters = "ABCDEFGH"

// columnOf is the column in which a field of the format is written.
var columnOf = map[string]string{"id": "Код", "part": "Часть", "kind": "Вид", "level": "Уровень", "minutes": "Минуты", "max": "Баллы", "scoring": "Правило",
	"elements": "Элемент 1", "skill": "Умение", "body": "Текст", "options": "A", "right": "A", "key": "Ключ", "unit": "Единица", "max_length": "Знаков не больше",
	"zero_by": "Обнуляющий критерий", "discrepancy": "Расхождение", "solution": "Решение"}

// sheetOf is the sheet of the fields that have one of their own.
var sheetOf = map[string]string{"left": sheetLeft, "gaps": sheetGaps, "criteria": sheetCriteria, "exemplars": sheetExemplars}

var sideColumns = map[string][]string{
	sheetLeft:      {"Код задания", "Слева", "Верный вариант"},
	sheetGaps:      {"Код задания", "Пропуск", "Вариант", "Верный"},
	sheetCriteria:  {"Код задания", "Критерий", "Название", "Баллы", "За что"},
	sheetExemplars: {"Код задания", "Ответ", "Баллы по критериям", "Почему"},
}

// A Fault is something wrong in a cell, and what was expected there.
type Fault struct{ Sheet, Cell, Want string }

func (f Fault) Error() string {
	if f.Cell == "" {
		return fmt.Sprintf("лист «%s»: %s", f.Sheet, f.Want)
	}
	return fmt.Sprintf("лист «%s», ячейка %s: %s", f.Sheet, f.Cell, f.Want)
}

// A Placed task knows where in the workbook it was written.
type Placed struct {
	task.Written
	row   int
	sides map[string]int // sheet → first row that speaks of the task
}

// At is the fault of a field of the task, with its cell.
func (p Placed) At(f task.Fault) Fault {
	if sheet, side := sheetOf[f.Field]; side {
		if row := p.sides[sheet]; row > 0 {
			return Fault{sheet, cell(0, row), f.Want}
		}
		return Fault{sheet, "", "задание " + p.ID + ": " + f.Want}
	}
	name := columnOf[f.Field]
	if name == "Ключ" && p.Kind == task.Matching {
		return Fault{sheetLeft, cellOr(2, p.sides[sheetLeft]), f.Want}
	}
	if name == "Ключ" && p.Kind == task.GapChoice {
		return Fault{sheetGaps, cellOr(3, p.sides[sheetGaps]), f.Want}
	}
	return Fault{sheetTasks, cell(max(slices.Index(columns, name), 0), p.row), f.Want}
}

func cellOr(column, row int) string {
	if row == 0 {
		return ""
	}
	return cell(column, row)
}

// cell is the name of a cell; column counts from 0, row from 1.
func cell(column, row int) string {
	name, err := excelize.CoordinatesToCellName(column+1, row)
	if err != nil {
		return ""
	}
	return name
}

// MaxSize is the largest workbook that ReadXLSX takes, in bytes.
const MaxSize = 10 << 20

// ReadXLSX reads a workbook of tasks. Every task that could be read is given,
// also one with faults; the faults stand in the order of the workbook. A file that
// is no workbook, is too large, or hides more than 64 MB gives a single fault.
func ReadXLSX(file []byte) (tasks []Placed, faults []Fault) {
	defer func() {
		if recover() != nil { // the reader of foreign files may meet what nobody thought of
			tasks, faults = nil, []Fault{{sheetTasks, "", "книга повреждена"}}
		}
	}()
	if len(file) > MaxSize {
		return nil, []Fault{{sheetTasks, "", "книга больше 10 МБ"}}
	}
	book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{UnzipSizeLimit: 64 << 20, UnzipXMLSizeLimit: 16 << 20, RawCellValue: true})
	if err != nil {
		return nil, []Fault{{sheetTasks, "", "это не книга Excel (.xlsx), или она повреждена"}}
	}
	defer book.Close()
	r := reader{book: book}
	main := r.sheet(sheetTasks, columns)
	if main == nil {
		return nil, r.faults
	}
	for _, line := range main {
		if p, ok := r.task(line); ok {
			tasks = append(tasks, p)
		}
	}
	r.sides(tasks)
	seen := map[string]int{}
	for i := range tasks {
		p := &tasks[i]
		if first := seen[p.ID]; first > 0 && p.ID != "" {
			r.faults = append(r.faults, Fault{sheetTasks, cell(0, p.row), fmt.Sprintf("код уже стоит в строке %d", first)})
		}
		seen[p.ID] = p.row
		for _, f := range task.FaultsOf(p.Validate()) {
			r.add(p.At(f))
		}
	}
	if len(tasks) == 0 && len(r.faults) == 0 {
		r.faults = append(r.faults, Fault{sheetTasks, "", "нет ни одного задания"})
	}
	slices.SortStableFunc(r.faults, func(a, b Fault) int { return order(a) - order(b) })
	return tasks, r.faults
}

// order puts faults by sheet, then by row.
func order(f Fault) int {
	_, row, err := excelize.CellNameToCoordinates(f.Cell)
	if err != nil {
		row = 0
	}
	return slices.Index([]string{sheetTasks, sheetLeft, sheetGaps, sheetCriteria, sheetExemplars}, f.Sheet)*100000 + row
}

type reader struct {
	book   *excelize.File
	faults []Fault
}

// add keeps one fault a cell: the first says enough.
func (r *reader) add(f Fault) {
	if f.Cell == "" || !slices.ContainsFunc(r.faults, func(g Fault) bool { return g.Sheet == f.Sheet && g.Cell == f.Cell }) {
		r.faults = append(r.faults, f)
	}
}

// line is one row of a sheet by column names.
type line struct {
	sheet string
	row   int
	cells map[string]string
	names []string
}

func (l line) get(name string) string { return strings.TrimSpace(l.cells[name]) }

func (l line) at(name string) string { return cell(slices.Index(l.names, name), l.row) }

// sheet reads the rows under the header; columns may not be moved, so that a
// fault names the right cell. nil: the sheet or its header is not there.
func (r *reader) sheet(name string, names []string) []line {
	rows, err := r.book.GetRows(name)
	if err != nil || len(rows) == 0 {
		r.add(Fault{name, "", "такого листа нет; возьмите образец книги"})
		return nil
	}
	for i, want := range names {
		if i >= len(rows[0]) || !strings.EqualFold(strings.TrimSpace(rows[0][i]), want) {
			r.add(Fault{name, cell(i, 1), fmt.Sprintf("ожидался столбец «%s»", want)})
			return nil
		}
	}
	lines := []line{}
	for i, row := range rows[1:] {
		l := line{name, i + 2, map[string]string{}, names}
		empty := true
		for j, value := range row {
			if j < len(names) {
				l.cells[names[j]] = strings.ReplaceAll(value, "\r\n", "\n")
				empty = empty && strings.TrimSpace(value) == ""
			}
		}
		if empty {
			continue
		}
		if len(lines) == 2000 {
			r.add(Fault{name, cell(0, l.row), "больше 2000 строк в одной книге"})
			break
		}
		lines = append(lines, l)
	}
	return lines
}

func (r *reader) task(l line) (Placed, bool) {
	p := Placed{row: l.row, sides: map[string]int{}}
	p.ID = strings.ToLower(l.get("Код"))
	p.Part = named(r, l, "Часть", task.Parts, task.Part.Label)
	p.Kind = named(r, l, "Вид", task.Kinds, task.Kind.Label)
	if p.Kind == "" {
		return p, false // nothing else can be judged
	}
	if l.get("Уровень") != "" || p.Kind != task.Likert {
		p.Level = named(r, l, "Уровень", task.Levels, task.Level.Label)
	} else {
		p.Level = task.Basic
	}
	p.Minutes, p.Max = r.number(l, "Минуты"), r.number(l, "Баллы")
	if l.get("Правило") == "" {
		p.Scoring = p.Kind.Rules()[0]
	} else {
		p.Scoring = named(r, l, "Правило", p.Kind.Rules(), task.Scoring.Label)
	}
	for _, n := range []string{"1", "2"} {
		if id := l.get("Элемент " + n); id != "" {
			p.Elements = append(p.Elements, task.Weight{Element: id, Weight: r.weight(l, "Доля "+n)})
		}
	}
	p.Skill, p.Body, p.Unit, p.Solution = l.get("Умение"), l.get("Текст"), l.get("Единица"), l.get("Решение")
	p.MaxLength, p.Discrepancy, p.ZeroBy = r.number(l, "Знаков не больше"), r.number(l, "Расхождение"), l.get("Обнуляющий критерий")
	var options []task.Option
	for _, letter := range optionLetters {
		if text := l.get(string(letter)); text != "" {
			options = append(options, task.Option{ID: strings.ToLower(string(letter)), Text: text})
		}
	}
	if p.Kind == task.Matching {
		p.Right = options
	} else {
		p.Options = options
	}
	p.Key.Answer = r.key(l, p.Kind)
	return p, true
}

// named reads one of a list by its label or its code; an unknown word is a fault.
func named[T ~string](r *reader, l line, column string, all []T, label func(T) string) T {
	word := l.get(column)
	for _, v := range all {
		if strings.EqualFold(word, label(v)) || strings.EqualFold(word, string(v)) {
			return v
		}
	}
	labels := make([]string, len(all))
	for i, v := range all {
		labels[i] = "«" + label(v) + "»"
	}
	r.add(Fault{l.sheet, l.at(column), "ожидалось одно из: " + strings.Join(labels, ", ")})
	return ""
}

// number reads a whole number; an empty cell is 0.
func (r *reader) number(l line, column string) int {
	word := l.get(column)
	if word == "" {
		return 0
	}
	f, err := strconv.ParseFloat(strings.Replace(word, ",", ".", 1), 64)
	if err != nil || f != float64(int(f)) {
		r.add(Fault{l.sheet, l.at(column), fmt.Sprintf("ожидалось целое число, стоит «%s»", word)})
		return 0
	}
	return int(f)
}

// weight reads a share; an empty cell is the whole.
func (r *reader) weight(l line, column string) float64 {
	word := l.get(column)
	if word == "" {
		return 1
	}
	f, err := strconv.ParseFloat(strings.Replace(word, ",", ".", 1), 64)
	if err != nil {
		r.add(Fault{l.sheet, l.at(column), fmt.Sprintf("ожидалась доля, например 0,5; стоит «%s»", word)})
		return 1
	}
	return f
}

// side reads the sheets that hold what does not fit into a row. A sheet may be absent where nobody needs it.
func (r *reader) sides(tasks []Placed) {
	byID := map[string]*Placed{}
	need := map[string]bool{}
	for i := range tasks {
		byID[tasks[i].ID] = &tasks[i]
		switch tasks[i].Kind {
		case task.Matching:
			need[sheetLeft] = true
		case task.GapChoice:
			need[sheetGaps] = true
		case task.Extended:
			need[sheetCriteria] = true
		}
	}
	read := func(sheet string, kind task.Kind, take func(p *Placed, l line)) {
		if i, err := r.book.GetSheetIndex(sheet); (err != nil || i < 0) && !need[sheet] {
			return
		}
		for _, l := range r.sheet(sheet, sideColumns[sheet]) {
			p := byID[strings.ToLower(l.get("Код задания"))]
			switch {
			case p == nil:
				r.add(Fault{sheet, l.at("Код задания"), fmt.Sprintf("задания с кодом «%s» нет на листе «%s»", l.get("Код задания"), sheetTasks)})
			case p.Kind != kind:
				r.add(Fault{sheet, l.at("Код задания"), fmt.Sprintf("задание %s другого вида (%s)", p.ID, p.Kind.Label())})
			default:
				if p.sides[sheet] == 0 {
					p.sides[sheet] = l.row
				}
				take(p, l)
			}
		}
	}
	read(sheetLeft, task.Matching, r.left)
	read(sheetGaps, task.GapChoice, r.gap)
	read(sheetCriteria, task.Extended, r.criterion)
	read(sheetExemplars, task.Extended, r.exemplar)
}
