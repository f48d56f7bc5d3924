package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// column is one column of a staff list.
type column struct {
	key      string
	header   string
	aliases  []string
	required bool
	expected string // what a cell holds, for people
	width    float64
}

// columns of a staff list, in the order of the template. A list from elsewhere may have
// them in any order and under the other names given.
var columns = []column{
	{"family", "Фамилия", nil, true, "фамилия", 20},
	{"given", "Имя", nil, true, "имя полностью", 16},
	{"patronymic", "Отчество", nil, false, "отчество полностью, если есть", 20},
	{"territory", "Муниципалитет", []string{"район", "муниципальный район", "мо"}, false, "муниципалитет из справочника", 20},
	{"organisation", "Организация", []string{"место работы", "оо", "школа", "образовательная организация", "наименование оо"}, true, "организация из справочника", 36},
	{"inn", "ИНН организации", []string{"инн", "инн оо"}, false, "10 цифр", 16},
	{"position", "Должность", nil, true, "должность из справочника", 26},
	{"subject", "Предмет", []string{"преподаваемый предмет", "дисциплина"}, false, "один предмет из справочника; для второго — ещё одна строка", 24},
	{"load", "Ставка", []string{"нагрузка"}, false, "число больше 0 и не больше 3: 1 или 0,5", 9},
	{"main", "Основное место", []string{"основное место работы", "основное место (да/нет)"}, false, "да или нет; пусто — да", 12},
	{"started", "Работает с", []string{"дата приема", "принят"}, false, "дата вида 01.09.2026", 13},
	{"since", "Педагогический стаж с", []string{"стаж с", "начало педагогического стажа"}, false, "дата вида 01.09.2010 или год", 14},
	{"years", "Стаж, лет", []string{"педагогический стаж", "стаж", "педагогический стаж, лет"}, false, "число лет от 0 до 70", 10},
	{"category", "Категория", []string{"квалификационная категория"}, false, "категория из справочника; пусто — не менять", 18},
	{"received", "Категория присвоена", []string{"дата присвоения", "дата присвоения категории"}, false, "дата вида 21.11.2025", 14},
	{"email", "Почта", []string{"e-mail", "email", "электронная почта"}, false, "адрес вида maria@example.ru", 24},
	{"phone", "Телефон", []string{"мобильный телефон"}, false, "телефон", 18},
}

// nameInOne is the header of a column that holds the whole name in place of three.
var nameInOne = column{"name", "ФИО", []string{"фамилия, имя, отчество", "фамилия имя отчество", "ф.и.о.", "педагог"}, true, "фамилия, имя и отчество полностью", 36}

// cellFault is what is wrong in one cell, so that it can be found and mended.
type cellFault struct {
	Row      int    // as numbered in the workbook, from 1
	Column   string // letter; "" = the whole row
	Header   string
	Value    string
	Expected string
}

// Cell is the place as a workbook names it: "F7".
func (f cellFault) Cell() string { return f.Column + strconv.Itoa(f.Row) }

// staffRow is one line of a staff list, understood.
type staffRow struct {
	Row int
	Name
	Organisation  Organisation
	Position      string
	Subject       string // "" = none
	Load          float64
	Main          bool
	Started       *time.Time
	Since         *time.Time
	SinceRough    bool // from a number of years: right to a year
	Category      string
	CategorySince *time.Time
	Email, Phone  string
	NameCell      string // where the given name stands: a fault found later names it
}

// staffList is a workbook's sheet, understood as far as it can be.
type staffList struct {
	Rows     []staffRow
	Faults   []cellFault
	Warnings []string
	Faulty   map[int]bool // rows with a fault
}

func (l *staffList) fault(f cellFault) {
	l.Faults = append(l.Faults, f)
	l.Faulty[f.Row] = true
}

// maxStaffRows limits one list: a whole district fits.
const maxStaffRows = 10000

// readStaff understands a sheet: cells as raw values (a date may be a number of days, as
// workbooks keep it), refs limited to what the reader may import into, all to tell a
// foreign organisation from an unknown one; on is the day the list is of.
func readStaff(cells [][]string, refs, all Refs, on time.Time) (staffList, error) {
	l := staffList{Faulty: map[int]bool{}}
	head, at, warnings := findHeader(cells)
	if at == nil {
		return l, fmt.Errorf("не нашли строку заголовков: нужны столбцы «Фамилия», «Имя» (или «ФИО»), «Организация» и «Должность». Возьмите образец и перенесите в него данные")
	}
	l.Warnings = warnings
	index := newOrganisationIndex(refs, all)
	seen := map[string]int{}
	for i := head + 1; i < len(cells); i++ {
		r := rowReader{cells: cells[i], at: at, row: i + 1, list: &l, refs: refs, on: on}
		if r.blank() {
			continue
		}
		if len(l.Rows)+len(l.Faulty) >= maxStaffRows {
			return l, fmt.Errorf("в списке больше %d строк: разделите его на части, например по муниципалитетам", maxStaffRows)
		}
		row := r.read(index)
		if l.Faulty[row.Row] {
			continue
		}
		key := row.Name.key() + "|" + strconv.FormatInt(row.Organisation.ID, 10) + "|" + row.Position + "|" + row.Subject
		if first, twice := seen[key]; twice {
			l.fault(cellFault{Row: row.Row, Header: "вся строка", Value: row.Name.Full(), Expected: fmt.Sprintf("повторяет строку %d: оставьте одну из них", first)})
			continue
		}
		seen[key] = row.Row
		l.Rows = append(l.Rows, row)
	}
	if len(l.Rows) == 0 && len(l.Faults) == 0 {
		return l, fmt.Errorf("под заголовками нет ни одной заполненной строки")
	}
	return l, nil
}

// findHeader finds the row of headers among the first ones and where each column stands.
func findHeader(cells [][]string) (row int, at map[string]int, warnings []string) {
	for i := 0; i < min(len(cells), 20); i++ {
		found := map[string]int{}
		unknown := []string{}
		for j, cell := range cells[i] {
			key := columnKey(cell)
			switch _, twice := found[key]; {
			case key == "" && strings.TrimSpace(cell) != "":
				unknown = append(unknown, "«"+tidy(cell)+"»")
			case key != "" && !twice:
				found[key] = j
			}
		}
		_, whole := found["name"]
		_, family := found["family"]
		_, given := found["given"]
		_, organisation := found["organisation"]
		_, inn := found["inn"]
		_, position := found["position"]
		if (whole || family && given) && (organisation || inn) && position {
			if len(unknown) > 0 {
				warnings = append(warnings, "Эти столбцы мы не знаем и пропустили: "+strings.Join(unknown, ", "))
			}
			return i, found, warnings
		}
	}
	return 0, nil, nil
}

func columnKey(header string) string {
	h := strings.Trim(foldWords(header), "* :")
	for _, c := range append([]column{nameInOne}, columns...) {
		if foldWords(c.header) == h || slices.ContainsFunc(c.aliases, func(a string) bool { return foldWords(a) == h }) {
			return c.key
		}
	}
	return ""
}

// foldWords makes spellings of a title equal: case, ё, white space, full stops.
func foldWords(s string) string { return fold(s) }

// rowReader reads one row and notes what is wrong by cell.
type rowReader struct {
	cells []string
	at    map[string]int
	row   int
	list  *staffList
	refs  Refs
	on    time.Time
}

func (r rowReader) blank() bool {
	for _, j := range r.at {
		if j < len(r.cells) && strings.TrimSpace(r.cells[j]) != "" {
			return false
		}
	}
	return true
}

func (r rowReader) get(key string) string {
	j, ok := r.at[key]
	if !ok || j >= len(r.cells) {
		return ""
	}
	return tidy(r.cells[j])
}

func (r rowReader) wrong(key, expected string, args ...any) {
	f := cellFault{Row: r.row, Value: r.get(key), Expected: fmt.Sprintf(expected, args...)}
	if j, ok := r.at[key]; ok {
		f.Column = columnLetter(j)
	}
	for _, c := range append([]column{nameInOne}, columns...) {
		if c.key == key {
			f.Header = c.header
		}
	}
	r.list.fault(f)
}

// columnLetter names the j-th column, from 0: A, B, … Z, AA.
func columnLetter(j int) string {
	s := ""
	for j++; j > 0; j = (j - 1) / 26 {
		s = string(rune('A'+(j-1)%26)) + s
	}
	return s
}

func (r rowReader) read(index organisationIndex) staffRow {
	row := staffRow{Row: r.row, Load: 1, Main: true, Email: r.get("email"), Phone: r.get("phone")}
	r.readName(&row)
	if o, why := index.find(r.get("inn"), r.get("territory"), r.get("organisation")); why != "" {
		key := "organisation"
		if _, ok := r.at[key]; !ok {
			key = "inn"
		}
		r.wrong(key, "%s", why)
	} else {
		row.Organisation = o
	}
	r.readPosition(&row)
	if s := r.get("load"); s != "" {
		load, err := loadField(s)
		if err != nil {
			r.wrong("load", "число больше 0 и не больше 3: 1 или 0,5")
		}
		row.Load = load
	}
	switch strings.ToLower(r.get("main")) {
	case "", "да", "+", "1", "основное", "осн", "основной", "true":
	case "нет", "-", "0", "совместительство", "совм", "внешний совместитель", "внутренний совместитель", "совместитель", "false":
		row.Main = false
	default:
		r.wrong("main", "да или нет")
	}
	row.Started = r.date("started", false)
	row.Since = r.date("since", true)
	if row.Since == nil {
		if s := r.get("years"); s != "" {
			years, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimRightFunc(s, func(c rune) bool { return unicode.IsLetter(c) || c == ' ' }), ",", "."), 64)
			if err != nil || years < 0 || years > 70 {
				r.wrong("years", "число лет от 0 до 70")
			} else {
				since := r.on.AddDate(-int(years), 0, 0)
				row.Since, row.SinceRough = &since, true
			}
		}
	}
	row.CategorySince = r.date("received", false)
	if s := r.get("category"); s != "" {
		if row.Category = findCategory(r.refs, s); row.Category == "" {
			r.wrong("category", "одно из: %s", names(r.refs.Categories))
		}
	}
	if row.Email != "" && !looksLikeEmail(row.Email) {
		r.wrong("email", "адрес вида maria@example.ru")
	}
	return row
}

func (r rowReader) readName(row *staffRow) {
	row.Name = Name{r.get("family"), r.get("given"), r.get("patronymic")}.Tidy()
	givenKey, familyKey := "given", "family"
	if _, whole := r.at["name"]; whole {
		givenKey, familyKey = "name", "name"
		n, err := ParseName(r.get("name"))
		if err != nil {
			r.wrong("name", "фамилия, имя и отчество полностью: «Иванова Мария Петровна»")
			return
		}
		row.Name = n.Tidy()
	} else if row.Given != "" && row.Patronymic == "" && strings.Contains(row.Given, ".") {
		if n, err := ParseName("Х " + row.Given); err == nil && n.Patronymic != "" { // «М. П.» in the cell of the given name
			row.Given, row.Patronymic = n.Given, n.Patronymic
		}
	}
	row.NameCell = columnLetter(r.at[givenKey])
	switch {
	case row.Family == "":
		r.wrong(familyKey, "фамилия")
	case row.Given == "":
		r.wrong(givenKey, "имя")
	}
	for key, part := range map[string]string{"family": row.Family, "given": row.Given, "patronymic": row.Patronymic} {
		if why := badNamePart(part); why != "" {
			if familyKey == "name" {
				key = "name"
			}
			r.wrong(key, "%s", strings.ToLower(why[:2])+why[2:])
			return
		}
	}
}

func (r rowReader) readPosition(row *staffRow) {
	s := r.get("position")
	if s == "" {
		r.wrong("position", "должность, например: учитель")
		return
	}
	var told string // the subject named inside the position: «учитель математики»
	if row.Position, told = findPosition(r.refs, s); row.Position == "" {
		r.wrong("position", "должность из справочника%s", closest(s, r.refs.Positions))
		return
	}
	subject := r.get("subject")
	if subject == "" {
		subject = told
	}
	switch {
	case subject != "":
		if row.Subject = findSubject(r.refs, subject); row.Subject == "" {
			if told != "" && r.get("subject") == "" {
				r.wrong("position", "в должности назван предмет «%s», а такого в справочнике нет: заполните столбец «Предмет»", told)
			} else {
				r.wrong("subject", "один предмет из справочника%s", closest(subject, r.refs.Subjects))
			}
		}
	case row.Position == "teacher":
		r.wrong("subject", "предмет: без него не подобрать диагностику")
	case row.Position == "preschool_teacher" || row.Position == "senior_preschool_teacher":
		row.Subject = "preschool"
	}
}

// date reads a cell that holds a day: as text, or as workbooks keep it, in days since
// 1899-12-30. yearToo takes a bare year for its 1 September.
func (r rowReader) date(key string, yearToo bool) *time.Time {
	s := r.get(key)
	if s == "" {
		return nil
	}
	for _, layout := range []string{"02.01.2006", "2.1.2006", time.DateOnly, "02/01/2006", "02.01.06", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && plausible(t) {
			return &t
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if yearToo && n >= 1950 && n <= 2100 && n == float64(int(n)) {
			t := time.Date(int(n), time.September, 1, 0, 0, 0, 0, time.UTC)
			return &t
		}
		if t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n)); n >= 10000 && plausible(t) {
			return &t
		}
	}
	if yearToo {
		r.wrong(key, "дата вида 01.09.2010 или год")
	} else {
		r.wrong(key, "дата вида 01.09.2026")
	}
	return nil
}

func plausible(t time.Time) bool { return t.Year() >= 1940 && t.Year() <= 2100 }

func names(list []Item) string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.Name
	}
	return strings.Join(out, ", ")
}

// findPosition finds a position by its name, and what a teacher's position says of the subject.
func findPosition(refs Refs, s string) (code, told string) {
	f := fold(s)
	for _, p := range refs.Positions {
		if fold(p.Name) == f || positionAliases[f] == p.Code {
			return p.Code, ""
		}
	}
	for prefix, code := range map[string]string{"учитель ": "teacher", "преподаватель ": "college_teacher"} {
		if rest, ok := strings.CutPrefix(f, prefix); ok && nameOf(refs.Positions, code) != code {
			return code, rest
		}
	}
	return "", ""
}

var positionAliases = map[string]string{
	"директор": "head", "заведующий": "head", "заведующая": "head", "руководитель": "head",
	"заместитель директора": "deputy_head", "зам директора": "deputy_head", "завуч": "deputy_head", "заместитель заведующего": "deputy_head",
	"логопед": "speech_therapist", "дефектолог": "special_teacher", "психолог": "psychologist", "воспитатель доу": "preschool_teacher",
	"пдо": "supplementary_teacher", "преподаватель-организатор обзр": "safety_organiser", "преподаватель-организатор обж": "safety_organiser",
}

func findCategory(refs Refs, s string) string {
	f := strings.TrimSuffix(fold(s), " категория")
	for _, c := range refs.Categories {
		if fold(c.Name) == f {
			return c.Code
		}
	}
	return map[string]string{"нет": "none", "-": "none", "без": "none", "сзд": "match", "соответствие": "match", "соответствие занимаемой должности": "match",
		"1": "first", "i": "first", "высш": "highest"}[f]
}

// findSubject finds a subject by its name in any case of the noun: «математики», «русского языка».
func findSubject(refs Refs, s string) string {
	f := fold(s)
	if strings.ContainsAny(f, ",;/") {
		return ""
	}
	if code := map[string]string{"ино": "foreign", "английский язык": "foreign", "английского языка": "foreign", "немецкий язык": "foreign", "немецкого языка": "foreign",
		"французский язык": "foreign", "изо": "art", "физкультура": "pe", "физкультуры": "pe", "обзр": "safety", "обж": "safety", "технология": "labour", "технологии": "labour",
		"труд": "labour", "труда": "labour", "алгебра": "math", "геометрия": "math", "начальная школа": "primary"}[f]; code != "" {
		return code
	}
	for _, x := range refs.Subjects {
		if sameStems(fold(x.Name), f) {
			return x.Code
		}
	}
	return ""
}

// sameStems compares two titles word by word, ends of words apart.
func sameStems(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !sameWord(x[i], y[i]) {
			return false
		}
	}
	return true
}

// sameWord reports whether two words differ in their endings only: «русский» and «русского».
func sameWord(a, b string) bool {
	x, y := len([]rune(a)), len([]rune(b))
	return abs(x-y) <= 3 && commonPrefix(a, b) >= max(min(x, y)-3, 3)
}

// closest proposes what may have been meant: "; похоже на «учитель»".
func closest(s string, list []Item) string {
	best, name := 0, ""
	for _, x := range list {
		if n := commonPrefix(fold(s), fold(x.Name)); n > best {
			best, name = n, x.Name
		}
	}
	if best < 4 {
		return ""
	}
	return "; похоже на «" + name + "»"
}

func commonPrefix(a, b string) int {
	x, y, n := []rune(a), []rune(b), 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	return n
}
