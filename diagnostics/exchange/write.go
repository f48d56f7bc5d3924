package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// WriteXLSX writes tasks with their keys as a workbook that ReadXLSX takes.
// Options beyond eight do not fit the form and are an error.
func WriteXLSX(tasks []task.Written) ([]byte, error) {
	book := excelize.NewFile()
	defer book.Close()
	if err := book.SetSheetName("Sheet1", sheetTasks); err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	w := writer{book: book, rows: map[string]int{}}
	w.head(sheetTasks, columns)
	for _, sheet := range []string{sheetLeft, sheetGaps, sheetCriteria, sheetExemplars} {
		if _, err := book.NewSheet(sheet); err != nil {
			return nil, fmt.Errorf("workbook: %w", err)
		}
		w.head(sheet, sideColumns[sheet])
	}
	for _, t := range tasks {
		w.task(t)
	}
	w.help()
	w.choices()
	if w.err != nil {
		return nil, fmt.Errorf("workbook: %w", w.err)
	}
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	return b.Bytes(), nil
}

type writer struct {
	book *excelize.File
	rows map[string]int // last row written
	err  error
}

func (w *writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) head(sheet string, names []string) {
	style, err := w.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Color: "#0B2545"},
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"#E1EEF4"}}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	w.keep(err)
	body, err := w.book.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	w.keep(err)
	row := make([]any, len(names))
	for i, n := range names {
		row[i] = n
		width := 14.0
		switch n {
		case "Текст", "Решение", "За что", "Ответ", "Почему", "Слева", "Название":
			width = 48
		case "Правило", "Вид", "Умение", "Вариант":
			width = 28
		}
		column, err := excelize.ColumnNumberToName(i + 1)
		w.keep(err)
		w.keep(w.book.SetColWidth(sheet, column, column, width))
		w.keep(w.book.SetColStyle(sheet, column, body))
	}
	w.line(sheet, row...)
	w.keep(w.book.SetRowStyle(sheet, 1, 1, style))
	w.keep(w.book.SetPanes(sheet, &excelize.Panes{Freeze: true, XSplit: 1, YSplit: 1, TopLeftCell: "B2", ActivePane: "bottomRight"}))
}

func (w *writer) line(sheet string, values ...any) {
	w.rows[sheet]++
	w.keep(w.book.SetSheetRow(sheet, fmt.Sprintf("A%d", w.rows[sheet]), &values))
}

func (w *writer) task(t task.Written) {
	values := map[string]any{"Код": t.ID, "Часть": t.Part.Label(), "Вид": t.Kind.Label(), "Уровень": t.Level.Label(), "Минуты": t.Minutes, "Баллы": t.Max,
		"Правило": t.Scoring.Label(), "Умение": t.Skill, "Текст": t.Body, "Единица": t.Unit, "Обнуляющий критерий": t.ZeroBy, "Решение": t.Solution}
	for i, e := range t.Elements {
		if i > 1 {
			w.keep(fmt.Errorf("task %s speaks of %d elements, the workbook has room for 2", t.ID, len(t.Elements)))
			break
		}
		values[fmt.Sprintf("Элемент %d", i+1)], values[fmt.Sprintf("Доля %d", i+1)] = e.Element, e.Weight
	}
	if t.MaxLength > 0 {
		values["Знаков не больше"] = t.MaxLength
	}
	if t.Discrepancy > 0 {
		values["Расхождение"] = t.Discrepancy
	}
	letter := w.letters(t, slices.Concat(t.Options, t.Right))
	for i, o := range slices.Concat(t.Options, t.Right) {
		if i < len(optionLetters) {
			values[optionLetters[i:i+1]] = o.Text
		}
	}
	values["Ключ"] = w.key(t, letter)
	row := make([]any, len(columns))
	for i, name := range columns {
		row[i] = values[name]
	}
	w.line(sheetTasks, row...)
	w.side(t, letter)
}

// letters gives each option the letter of its column.
func (w *writer) letters(t task.Written, options []task.Option) map[string]string {
	if len(options) > len(optionLetters) {
		w.keep(fmt.Errorf("task %s has %d options, the workbook has room for %d", t.ID, len(options), len(optionLetters)))
		options = options[:len(optionLetters)]
	}
	letter := map[string]string{}
	for i, o := range options {
		letter[o.ID] = optionLetters[i : i+1]
	}
	return letter
}

func (w *writer) key(t task.Written, letter map[string]string) string {
	switch t.Kind {
	case task.SingleChoice:
		var id string
		w.keep(json.Unmarshal(t.Key.Answer, &id))
		return letter[id]
	case task.MultipleChoice, task.Ordering:
		var ids []string
		w.keep(json.Unmarshal(t.Key.Answer, &ids))
		for i, id := range ids {
			ids[i] = letter[id]
		}
		return strings.Join(ids, ", ")
	case task.ShortAnswer:
		var key task.Accepted
		w.keep(json.Unmarshal(t.Key.Answer, &key))
		return strings.Join(key.Forms, "\n")
	case task.Numeric:
		var key task.Number
		w.keep(json.Unmarshal(t.Key.Answer, &key))
		if key.Tolerance == "" || key.Tolerance == "0" {
			return key.Value
		}
		return key.Value + " ± " + key.Tolerance
	}
	return ""
}

func (w *writer) side(t task.Written, letter map[string]string) {
	pairs := map[string]string{}
	switch t.Kind {
	case task.Matching:
		w.keep(json.Unmarshal(t.Key.Answer, &pairs))
		for _, o := range t.Left {
			w.line(sheetLeft, t.ID, o.Text, letter[pairs[o.ID]])
		}
	case task.GapChoice:
		w.keep(json.Unmarshal(t.Key.Answer, &pairs))
		for _, g := range t.Gaps {
			for _, o := range g.Options {
				right := ""
				if pairs[g.ID] == o.ID {
					right = "да"
				}
				w.line(sheetGaps, t.ID, g.ID, o.Text, right)
			}
		}
	case task.Extended:
		for _, c := range t.Criteria {
			for i, g := range c.Levels {
				title := ""
				if i == 0 {
					title = c.Title
				}
				w.line(sheetCriteria, t.ID, c.ID, title, g.Points, g.Text)
			}
		}
		for _, e := range t.Exemplars {
			var scores []string
			for _, c := range t.Criteria {
				scores = append(scores, fmt.Sprintf("%s=%d", c.ID, e.Scores[c.ID]))
			}
			w.line(sheetExemplars, t.ID, e.Text, strings.Join(scores, ", "), e.Why)
		}
	}
}

// choices offers the words of the lists in the cells that take them.
func (w *writer) choices() {
	for _, list := range []struct { // in order: the same book is the same file
		column string
		words  []string
	}{{"Часть", labels(task.Parts, task.Part.Label)}, {"Вид", labels(task.Kinds, task.Kind.Label)}, {"Уровень", labels(task.Levels, task.Level.Label)}} {
		column, words := list.column, list.words
		name, err := excelize.ColumnNumberToName(slices.Index(columns, column) + 1)
		w.keep(err)
		v := excelize.NewDataValidation(true)
		v.SetSqref(fmt.Sprintf("%s2:%s2000", name, name))
		w.keep(v.SetDropList(words))
		w.keep(w.book.AddDataValidation(sheetTasks, v))
	}
}

func labels[T ~string](all []T, label func(T) string) []string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = label(v)
	}
	return words
}

var help = [][2]string{
	{"Код", "Свой у каждого задания: латинские буквы, цифры, точка, дефис"},
	{"Вид", "Один из списка. Для вида «Соответствие» варианты справа стоят в столбцах A–H, а левая часть и верные пары — на листе «Соответствие»"},
	{"Правило", "Можно оставить пустым: возьмём обычное для вида. Для «2 балла без ошибок…» поставьте 2 балла"},
	{"Элемент 1, 2", "Код элемента кодификатора; доли вместе дают 1, пустая доля значит 1"},
	{"Текст", "Абзацы, списки и таблицы Markdown; формулы TeX между знаками $; пропуски — [[g1]], [[g2]]"},
	{"Ключ", "Один вариант: B. Несколько: A, C. Порядок: буквы в верном порядке, C, A, B. Краткий ответ: принимаемые ответы, каждый с новой строки. Число: 3,14 или 3,14 ± 0,01"},
	{"Пропуски", "На листе «Пропуски» по строке на вариант; у верного в столбце «Верный» стоит «да»"},
	{"Критерии", "Для развёрнутого ответа: на листе «Критерии» по строке на уровень (баллы и за что); название — в первой строке критерия"},
	{"Образцы", "Ответ и баллы по критериям: К1=2, К2=1"},
	{"Загрузка", "Сначала книга только проверяется: все ошибки будут названы по ячейкам. Примеры из образца удалите"},
}

func (w *writer) help() {
	if _, err := w.book.NewSheet(sheetHelp); err != nil {
		w.keep(err)
		return
	}
	w.head(sheetHelp, []string{"Столбец", "Название"})
	w.keep(w.book.SetCellValue(sheetHelp, "B1", "Что писать"))
	w.keep(w.book.SetColWidth(sheetHelp, "B", "B", 100))
	for _, h := range help {
		w.line(sheetHelp, h[0], h[1])
	}
}

// TemplateXLSX is a workbook to fill in, with an example of each kind.
func TemplateXLSX() ([]byte, error) { return WriteXLSX(Examples("элемент")) }

// Examples is one small task of each kind about the given element.
func Examples(element string) []task.Written {
	about := []task.Weight{{Element: element, Weight: 1}}
	open := func(id string, kind task.Kind, rule task.Scoring, points int, body string) task.Task {
		return task.Task{ID: id, Part: task.Subject, Kind: kind, Level: task.Basic, Minutes: 3, Max: points, Scoring: rule, Elements: about, Skill: "что проверяем", Body: body}
	}
	with := func(t task.Task, key any, solution string) task.Written {
		return task.Written{Task: t, Key: task.Key{Answer: raw(key), Solution: solution}}
	}
	options := func(texts ...string) (list []task.Option) {
		for i, t := range texts {
			list = append(list, task.Option{ID: strings.ToLower(optionLetters[i : i+1]), Text: t})
		}
		return list
	}
	single := open("primer-1", task.SingleChoice, task.Exact, 1, "Чему равно $\\frac{1}{2}+\\frac{1}{4}$?")
	single.Options = options("$\\frac{2}{6}$", "$\\frac{3}{4}$", "$\\frac{1}{8}$")
	many := open("primer-2", task.MultipleChoice, task.OneError, 2, "Отметьте простые числа.")
	many.Options = options("2", "9", "11", "15")
	pairs := open("primer-3", task.Matching, task.OneError, 2, "Подберите каждой фигуре формулу площади.")
	pairs.Left = []task.Option{{ID: "l1", Text: "Круг радиуса $r$"}, {ID: "l2", Text: "Квадрат со стороной $a$"}}
	pairs.Right = options("$a^2$", "$\\pi r^2$", "$4a$")
	order := open("primer-4", task.Ordering, task.OneError, 2, "Расположите числа по возрастанию.")
	order.Options = options("0,5", "0,05", "5")
	short := open("primer-5", task.ShortAnswer, task.Exact, 1, "Как называется отрезок, соединяющий вершину треугольника с серединой противоположной стороны?")
	short.MaxLength = 40
	numeric := open("primer-6", task.Numeric, task.Exact, 1, "Найдите $\\sqrt{2}$ с точностью до сотых.")
	gaps := open("primer-7", task.GapChoice, task.PerPair, 2, "Сумма углов треугольника равна [[g1]], выпуклого четырёхугольника — [[g2]].")
	gaps.Gaps = []task.Gap{{ID: "g1", Options: options("90°", "180°", "360°")}, {ID: "g2", Options: options("180°", "360°", "540°")}}
	essay := open("primer-8", task.Extended, task.ByCriteria, 3, "Разберите ошибку ученика и предложите, как с ней поработать.")
	essay.Part, essay.Level, essay.Minutes, essay.MaxLength = task.Methodical, task.High, 15, 3000
	degree := task.Task{ID: "primer-9", Part: task.Self, Kind: task.Likert, Level: task.Basic, Minutes: 1, Scoring: task.NoScoring, Elements: about, Body: "Оцените, насколько уверенно вы объясняете эту тему."}
	return []task.Written{
		with(single, "b", "Приводим к знаменателю 4: $\\frac{2}{4}+\\frac{1}{4}$."),
		with(many, []string{"a", "c"}, "9 и 15 делятся на 3."),
		with(pairs, map[string]string{"l1": "b", "l2": "a"}, "$4a$ — периметр квадрата."),
		with(order, []string{"b", "a", "c"}, "0,05 < 0,5 < 5."),
		with(short, task.Accepted{Forms: []string{"медиана", "медиана треугольника"}}, "Это определение медианы."),
		with(numeric, task.Number{Value: "1,41", Tolerance: "0"}, "$1{,}41^2 = 1{,}9881$, $1{,}42^2 = 2{,}0164$."),
		with(gaps, map[string]string{"g1": "b", "g2": "b"}, "$180°\\cdot(n-2)$."),
		{Task: essay, Key: task.Key{ZeroBy: "К1", Discrepancy: 2, Solution: "Ошибка названа, причина объяснена, приём предложен.", Criteria: []task.Criterion{
			{ID: "К1", Title: "Ошибка найдена", Max: 1, Levels: []task.Grade{{Points: 1, Text: "названа верно"}, {Points: 0, Text: "не названа"}}},
			{ID: "К2", Title: "Работа с ошибкой", Max: 2, Levels: []task.Grade{{Points: 2, Text: "приём и проверка"}, {Points: 1, Text: "только приём"}, {Points: 0, Text: "нет"}}},
		}, Exemplars: []task.Exemplar{{Text: "Ученик сложил знаменатели. Разложу круг на доли…", Scores: map[string]int{"К1": 1, "К2": 1}, Why: "Приём есть, проверки нет"}}}},
		{Task: degree},
	}
}
