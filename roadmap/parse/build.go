package parse

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// build makes the plan out of a document.
func build(doc document, year int, rep *report) Plan {
	p := Plan{Sections: []Section{}, Warnings: []string{}}
	title := titleFrom(doc.head)
	p.Title = join(lineWords(doc.head[title:]))
	p.Approved = approval(doc.head, title, rep)
	p.Year = year
	own := yearIn(p.Title)
	switch {
	case p.Title == "":
		rep.fault(0, "у плана нет названия", "ожидалась строка «План мероприятий …» над таблицей")
	case year == 0 && own == 0:
		rep.fault(doc.head[title].n, "в названии плана нет года", "ожидалось «… в 2023 году»; год можно назвать и при чтении (--year)")
	case year == 0:
		p.Year = own
	case own != 0 && own != year:
		rep.warn(doc.head[title].n, "в названии плана %d год, а прочитан он на %d", own, year)
	}
	var outline []entry
	if doc.flow != nil {
		outline = flowOutline(doc.flow, rep)
	} else {
		outline = rowOutline(doc.rows, rep)
	}
	outline = check(outline, rep)
	if len(rep.faults) > 0 {
		return p
	}
	var v vocabulary
	if doc.flow != nil {
		v = flowRead(outline, rep)
	} else {
		v = cellsRead(outline)
	}
	for _, e := range outline {
		if e.item == "" {
			p.Sections = append(p.Sections, Section{Number: e.section, Title: list(e.title), Items: []Item{}})
			continue
		}
		at := &p.Sections[len(p.Sections)-1]
		it := Item{Number: e.section + "." + e.item, Title: list(e.title)}
		if it.Title == "" {
			rep.fault(e.line, fmt.Sprintf("у пункта %s нет названия", it.Number), "ожидалось наименование мероприятия")
		}
		text := join(e.term)
		var ok bool
		if it.Term, ok = ReadTerm(text, p.Year); !ok {
			if text == "" {
				rep.fault(e.line, fmt.Sprintf("у пункта %s нет срока", it.Number), termExpected)
			} else {
				rep.fault(e.line, fmt.Sprintf("срок «%s» пункта %s непонятен", shorten(text), it.Number), termExpected)
			}
		}
		names := v.read(e.organised)
		it.Responsible = names.names
		if len(names.names) == 0 {
			rep.fault(e.line, fmt.Sprintf("у пункта %s нет ответственного", it.Number), "ожидалось название хотя бы одной организации")
		}
		for _, u := range names.unknown {
			if short := v.slip(u); short != "" {
				rep.warn(e.line, "ответственный «%s» пункта %s похож на «%s»; оставлен как написан", u, it.Number, short)
			}
		}
		at.Items = append(at.Items, it)
	}
	p.Warnings = append(p.Warnings, rep.warnings...)
	return p
}

// entry is a section (item is empty) or an item as it stands in the outline.
type entry struct {
	line                   int
	section, item          string
	title, term, organised []word
	fragments              [][]word // of an item out of a flow, not yet divided
}

var number = regexp.MustCompile(`^(?:(?i:раздел)\s+)?(\d{1,3})(?:\.\s*(\d{1,3}))?(\.|\)|\s|$)\.?`)

func numbered(s string) bool { return number.MatchString(s) }

// rowOutline makes the outline out of the rows of a table.
func rowOutline(rows []row, rep *report) []entry {
	var out []entry
	section, item := 0, 0
	for _, r := range rows {
		body := r.title + r.term + r.organised
		m := number.FindStringSubmatch(r.number)
		rest := ""
		if m != nil {
			rest = strings.TrimSpace(r.number[len(m[0]):])
		}
		switch {
		case r.number == "" && body == "" && !r.auto:
			continue
		case r.auto && r.term+r.organised == "":
			section, item = section+1, 0
			out = append(out, entry{line: r.line, section: strconv.Itoa(section), title: words(r.title, r.line)})
		case r.auto:
			item++
			out = append(out, cellEntry(r, strconv.Itoa(section), strconv.Itoa(item)))
		case m == nil && r.number != "" && body == "":
			section, item = section+1, 0
			rep.warn(r.line, "у раздела «%s» нет номера, принят %d", shorten(r.number), section)
			out = append(out, entry{line: r.line, section: strconv.Itoa(section), title: words(r.number, r.line)})
		case r.number == "" && len(out) > 0: // the row above goes on
			e := &out[len(out)-1]
			e.title = append(e.title, words(r.title, r.line)...)
			e.term = append(e.term, words(r.term, r.line)...)
			e.organised = append(e.organised, words(r.organised, r.line)...)
		case m == nil:
			rep.fault(r.line, fmt.Sprintf("номер «%s» непонятен", shorten(r.number)), "ожидался номер раздела («1.») или пункта («1.1.»)")
		case m[2] == "":
			if r.term+r.organised != "" {
				rep.fault(r.line, fmt.Sprintf("у раздела %s есть срок или ответственный", m[1]), "ожидался номер пункта вида «1.1.» или строка раздела без срока")
			}
			title := strings.TrimSpace(rest + " " + r.title)
			section, item = atoi(m[1]), 0
			out = append(out, entry{line: r.line, section: strconv.Itoa(section), title: words(title, r.line)})
		default:
			if rest != "" {
				r.title = strings.TrimSpace(rest + " " + r.title)
			}
			s, i := atoi(m[1]), atoi(m[2])
			if r.numeric && i == 1 && s == section && item%10 == 9 {
				i = item + 1 // a worksheet keeps 1.10 as the number 1.1
			}
			section, item = s, i
			out = append(out, cellEntry(r, strconv.Itoa(s), strconv.Itoa(i)))
		}
	}
	return out
}

func cellEntry(r row, section, item string) entry {
	return entry{line: r.line, section: section, item: item,
		title: words(r.title, r.line), term: words(r.term, r.line), organised: words(r.organised, r.line)}
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

// check holds the outline to its numbers: sections in order and with items,
// every item in its own section and once.
func check(outline []entry, rep *report) []entry {
	if len(outline) == 0 && len(rep.faults) == 0 {
		rep.fault(0, "в плане нет ни одного пункта", "ожидались разделы («1.») и пункты («1.1.»)")
	}
	section, item := "", 0
	at := 0
	sections := map[string]bool{}
	ended := func() {
		if section != "" && item == 0 {
			rep.fault(at, fmt.Sprintf("в разделе %s нет пунктов", section), fmt.Sprintf("ожидался пункт %s.1", section))
		}
	}
	for _, e := range outline {
		if e.item == "" {
			ended()
			if sections[e.section] {
				rep.fault(e.line, fmt.Sprintf("раздел %s встретился второй раз", e.section), "ожидался следующий номер раздела")
			} else if n := atoi(section) + 1; atoi(e.section) != n {
				rep.warn(e.line, "после раздела %s идёт раздел %s", section, e.section)
			}
			if len(e.title) == 0 {
				rep.fault(e.line, fmt.Sprintf("у раздела %s нет названия", e.section), "ожидалось название раздела")
			}
			sections[e.section] = true
			section, item, at = e.section, 0, e.line
			continue
		}
		n := atoi(e.item)
		switch {
		case e.section != section && section == "":
			rep.fault(e.line, fmt.Sprintf("пункт %s.%s стоит до первого раздела", e.section, e.item), fmt.Sprintf("ожидался заголовок раздела %s", e.section))
			section = e.section
		case e.section != section:
			rep.fault(e.line, fmt.Sprintf("пункт %s.%s стоит в разделе %s", e.section, e.item, section), fmt.Sprintf("ожидался пункт %s.%d или заголовок раздела %s", section, item+1, e.section))
		case n <= item:
			rep.fault(e.line, fmt.Sprintf("пункт %s.%s стоит после пункта %s.%d", e.section, e.item, section, item), fmt.Sprintf("ожидался пункт %s.%d", section, item+1))
		case n != item+1:
			rep.warn(e.line, "после пункта %s.%d идёт пункт %s.%s", section, item, e.section, e.item)
		}
		if e.section == section {
			item = n
		}
	}
	ended()
	return outline
}

// cellsRead learns the organisations of a table from its own column.
func cellsRead(outline []entry) vocabulary {
	v := newVocabulary()
	columns := make([][]word, 0, len(outline))
	for _, e := range outline {
		if e.item != "" {
			columns = append(columns, e.organised)
		}
	}
	v.defined(columns)
	learn(v, columns)
	return v
}

// learn adds names that two columns hold apart from what is known, the shortest
// first (a longer one may be made of them), then what the columns define.
func learn(v vocabulary, columns [][]word) {
	seen, where := map[string]int{}, map[string][]word{}
	for _, ws := range columns {
		for _, u := range v.read(ws).unknown {
			seen[u]++
			where[u] = ws
		}
	}
	var again []string
	for name, n := range seen {
		if n > 1 {
			again = append(again, name)
		}
	}
	sort.Slice(again, func(i, j int) bool {
		if len(again[i]) != len(again[j]) {
			return len(again[i]) < len(again[j])
		}
		return again[i] < again[j]
	})
	for _, name := range again {
		if contains(v.read(where[name]).unknown, name) {
			v.learn("", name)
		}
	}
	for _, ws := range columns {
		for _, d := range v.read(ws).defined {
			v.learn(d[0], d[1])
		}
	}
}

var yearWords = regexp.MustCompile(`(?i)(?:^|[^\d])(20\d\d|19\d\d)\s*(?:-\s*(?:20\d\d)\s*)?(?:учебн\S*\s+)?(?:год|г\.|г$)`)
var bareYear = regexp.MustCompile(`(?:^|[^\d.])(20\d\d)(?:[^\d.]|$)`)

func yearIn(title string) int {
	if m := yearWords.FindStringSubmatch(title); m != nil {
		return atoi(m[1])
	}
	if m := bareYear.FindStringSubmatch(title); m != nil {
		return atoi(m[1])
	}
	return 0
}

var titleStart = regexp.MustCompile(`^(?i:план)(?:\s|\(|-график|$)|^(?i:дорожная карта|комплекс мер)`)

// titleFrom gives where the title of the plan begins: the last line that opens
// with the word, or the last paragraph before the table.
func titleFrom(head []line) int {
	for i := len(head) - 1; i >= 0; i-- {
		if titleStart.MatchString(head[i].text) && len(head)-i <= 20 {
			return i
		}
	}
	for i := len(head) - 1; i >= 0; i-- {
		if head[i].gap > 0 || i == 0 {
			return i
		}
	}
	return 0
}

func lineWords(ls []line) []word {
	var out []word
	for _, l := range ls {
		ws := words(l.text, l.n)
		for i := range ws {
			ws[i].para = false
		}
		out = append(out, ws...)
	}
	return out
}

var actHead = regexp.MustCompile(`(?i)^(?:распоряжение|приказ|постановление|решение)$`)
var approvedHead = regexp.MustCompile(`(?i)^[«"]?(?:утвержд[её]н[аоы]?|утверждаю|приложение)\b?`)
var actSubject = regexp.MustCompile(`(?i)^(?:об?\s|в соответствии|во исполнение|на основании)`)
var actDate = regexp.MustCompile(`(?i)(\d{1,2})\s+(января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\s+(\d{4})|(\d{1,2})\.(\d{1,2})\.(\d{4})`)
var actNumber = regexp.MustCompile(`№\s*([\p{L}\d][\p{L}\d/.\-–]*)`)

// approval reads the number and the date of the act itself: between its heading
// and its subject, or under "approved by"; the acts that it quotes do not count.
func approval(head []line, title int, rep *report) *Approval {
	var found Approval
	for i := 0; i < title; i++ {
		act, approved := actHead.MatchString(head[i].text), approvedHead.MatchString(strings.Trim(head[i].text, "()"))
		if !act && !approved {
			continue
		}
		var a Approval
		for j := i; j < title && j < i+10; j++ {
			s := head[j].text
			if j > i && actSubject.MatchString(s) {
				break
			}
			if m := actDate.FindStringSubmatch(s); m != nil && a.Date == "" {
				d, mon, y := atoi(m[1]), monthOf(strings.ToLower(m[2])), atoi(m[3])
				if m[4] != "" {
					d, mon, y = atoi(m[4]), atoi(m[5]), atoi(m[6])
				}
				if mon >= 1 && mon <= 12 && d >= 1 && d <= last(y, mon) && yearOf(fmt.Sprint(y)) > 0 {
					a.Date = date(y, mon, d)
				}
			}
			if m := actNumber.FindStringSubmatch(s); m != nil && a.Number == "" {
				a.Number = strings.TrimRight(m[1], ".-–")
			}
		}
		if a.Date != "" && a.Number != "" {
			return &a
		}
		if a != (Approval{}) {
			found = a
		}
	}
	switch {
	case found.Date != "":
		rep.warn(0, "у плана есть дата утверждения (%s), но нет номера; утверждение можно вписать позже", found.Date)
	case found.Number != "":
		rep.warn(0, "у плана есть номер утверждения (%s), но нет даты; утверждение можно вписать позже", found.Number)
	}
	return nil
}
