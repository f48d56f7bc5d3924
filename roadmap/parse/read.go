package parse

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits on what a plan may be: real ones are under a megabyte.
const (
	maxFile     = 16 << 20 // bytes of the file
	maxUnpacked = 48 << 20 // bytes of all that is read out of a docx or xlsx
	maxLines    = 50_000
	maxCells    = 40 // columns of a table
)

// File reads the plan that r holds, named name in faults. The form is told by
// the content: text (plain, Markdown, tab-separated), docx or xlsx. A year other
// than 0 overrides the one in the title. The error is Faults where the file can
// be read and the plan in it cannot; nothing partial is ever returned.
func File(name string, r io.Reader, year int) (Plan, error) {
	rep := &report{file: name}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Plan{}, fmt.Errorf("%s: %w", name, err)
	}
	if year != 0 && (year < 1990 || year > 2100) {
		rep.fault(0, fmt.Sprintf("год %d не подходит", year), "ожидался год от 1990 до 2100")
		return Plan{}, rep.faults
	}
	doc, ok := open(data, rep)
	if !ok {
		return Plan{}, rep.faults
	}
	plan := build(doc, year, rep)
	if len(rep.faults) > 0 {
		return Plan{}, rep.faults
	}
	return plan, nil
}

// document is what every form of file comes down to: the lines before the
// table, and the table as rows or, out of a PDF, as more lines.
type document struct {
	head []line
	rows []row  // of a table
	flow []line // or the cells in sequence, as text
}

type line struct {
	n    int
	text string
	gap  int // blank lines before it
}

// row is a row of the table by the meaning of its columns.
type row struct {
	line                           int
	number, title, term, organised string
	auto                           bool // numbered by Word itself, so no number in the text
	numeric                        bool // the number is a number of a worksheet, where 1.10 is 1.1
}

func open(data []byte, rep *report) (document, bool) {
	switch {
	case len(data) > maxFile:
		rep.fault(0, "файл больше 16 МБ", "ожидался план: txt, md, docx или xlsx")
	case len(bytes.TrimSpace(data)) == 0:
		rep.fault(0, "файл пуст", "ожидался план: txt, md, docx или xlsx")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return openZip(data, rep)
	case bytes.HasPrefix(data, []byte("%PDF")):
		rep.fault(0, "файл PDF не читается", "ожидался его текст (txt) или таблица: md, docx, xlsx")
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		rep.fault(0, "файл в старом формате Word или Excel", "ожидался docx или xlsx (сохраните файл заново)")
	default:
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
		if !utf8.Valid(data) {
			n := 1 + bytes.Count(data[:invalid(data)], []byte("\n"))
			rep.fault(n, "текст не в кодировке UTF-8", "ожидался текст в UTF-8")
			return document{}, false
		}
		if i := bytes.IndexByte(data, 0); i >= 0 {
			rep.fault(1+bytes.Count(data[:i], []byte("\n")), "это не текст", "ожидался план: txt, md, docx или xlsx")
			return document{}, false
		}
		return openText(string(data), rep)
	}
	return document{}, false
}

func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n < 2 {
			return i
		}
		i += n
	}
	return len(data)
}

const headExpected = "ожидалась строка «№ · Наименование мероприятия · Сроки · Ответственный»"

func openText(text string, rep *report) (document, bool) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n\n\n\n", "\v", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	raw := strings.Split(text, "\n")
	if len(raw) > maxLines {
		rep.fault(maxLines, "в файле больше 50 000 строк", "ожидался один план")
		return document{}, false
	}
	for i, s := range raw {
		if cells := split(s); len(cells) >= 3 {
			if cols, ok := columns(cells); ok {
				return document{head: lines(raw[:i], 1), rows: textRows(raw[i+1:], i+2, len(cells), cols, rep)}, true
			}
		}
	}
	all := lines(raw, 1)
	if from, to := flowHeader(all); to > 0 {
		return document{head: all[:from], flow: all[to:]}, true
	}
	rep.fault(0, "таблица плана не найдена", headExpected)
	return document{}, false
}

// lines gives the lines that are not blank, the first numbered from.
func lines(raw []string, from int) []line {
	var out []line
	gap := 0
	for i, s := range raw {
		if s = strings.TrimSpace(plain(s)); s == "" {
			gap++
			continue
		}
		out = append(out, line{from + i, s, gap})
		gap = 0
	}
	return out
}

// split cuts a line of a table at its tabs or at the bars of Markdown.
func split(s string) []string {
	s = plain(s)
	if strings.Contains(s, "\t") {
		return strings.SplitN(s, "\t", maxCells)
	}
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "|") {
		t = strings.ReplaceAll(strings.TrimPrefix(t, "|"), `\|`, "\x00")
		t = strings.TrimSuffix(t, "|")
		cells := strings.SplitN(t, "|", maxCells)
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "\x00", "|")
		}
		return cells
	}
	return []string{s}
}

// columns tells which column is which by the words of the heading row.
func columns(cells []string) (cols [4]int, ok bool) {
	cols = [4]int{-1, -1, -1, -1}
	for i, c := range cells {
		c = strings.ToLower(fold(c))
		at := -1
		switch {
		case strings.HasPrefix(c, "№") || c == "п/п" || c == "номер":
			at = 0
		case strings.Contains(c, "ответствен") || strings.Contains(c, "исполнител"):
			at = 3
		case strings.Contains(c, "срок") || strings.HasPrefix(c, "дата") || strings.HasPrefix(c, "период"):
			at = 2
		case strings.Contains(c, "мероприяти") || strings.Contains(c, "наименование"):
			at = 1
		}
		if at >= 0 && cols[at] < 0 {
			cols[at] = i
		}
	}
	return cols, cols[0] >= 0 && cols[1] >= 0 && cols[2] >= 0 && cols[3] >= 0
}

// byColumn puts cells into a row by the meaning of their columns.
func byColumn(n int, cells []string, cols [4]int) row {
	at := func(i int) string {
		if i < len(cells) {
			return strings.Trim(cells[i], " \t\n"+hard)
		}
		return ""
	}
	return row{line: n, number: at(cols[0]), title: at(cols[1]), term: at(cols[2]), organised: at(cols[3])}
}

// textRows reads the rows of a table in text. A line that begins with an empty
// cell goes on with the row above; a line without enough cells goes on with the
// cell it was broken in.
func textRows(raw []string, from, width int, cols [4]int, rep *report) []row {
	var rows []row
	var cells []string // of the row being read
	at, blank := 0, false
	flush := func() {
		if cells != nil {
			rows = append(rows, byColumn(at, cells, cols))
		}
		cells = nil
	}
	for i, s := range raw {
		n := from + i
		if strings.TrimSpace(s) == "" {
			blank = true
			continue
		}
		c := split(s)
		if strings.Trim(strings.Join(c, ""), " :-|") == "" && strings.Contains(s, "-") {
			continue // the rule under a Markdown heading
		}
		if _, again := columns(c); again && len(c) >= 3 {
			continue // the heading repeated on a new page
		}
		first := strings.TrimSpace(c[0])
		switch {
		case numbered(first) && (len(c) > 1 || cells == nil || len(cells) >= width):
			flush()
			cells, at = c, n
		case first == "" && len(c) > 1 && cells != nil:
			for k := range c {
				if t := strings.TrimSpace(c[k]); t != "" {
					for len(cells) <= k {
						cells = append(cells, "")
					}
					cells[k] += "\n" + t
				}
			}
		case cells != nil && len(cells) < width:
			cells[len(cells)-1] += "\n" + c[0]
			cells = append(cells, c[1:]...)
		case cells != nil && !blank && len(c) == 1:
			cells[len(cells)-1] += "\n" + c[0]
		case len(c) == 1:
			if rest := raw[i+1:]; tableGoesOn(rest, width) {
				rep.fault(n, fmt.Sprintf("строка «%s» не относится ни к одному пункту", shorten(first)), "ожидалась строка таблицы с номером")
				return nil
			}
			flush()
			return rows // signatures under the table
		default:
			rep.fault(n, fmt.Sprintf("у строки «%s» нет номера", shorten(strings.TrimSpace(strings.Join(c, " ")))), "ожидался номер раздела («1.») или пункта («1.1.»)")
			cells = nil
		}
		blank = false
	}
	flush()
	return rows
}

func tableGoesOn(raw []string, width int) bool {
	for _, s := range raw {
		if c := split(s); len(c) >= width && numbered(strings.TrimSpace(c[0])) {
			return true
		}
	}
	return false
}

func shorten(s string) string {
	r := []rune(fold(s))
	if len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return string(r)
}
