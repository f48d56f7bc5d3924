package routes

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// SampleCatalogue is a workbook of seventy programmes in the form that ImportProgrammes reads: a template to start
// from and the catalogue of the demonstration region.
//
//go:embed testdata/programmes.xlsx
var SampleCatalogue []byte

// CellFault is one thing wrong in a workbook: where, what, and what was expected.
type CellFault struct {
	Cell string // "Программы!G12"
	What string
}

// Import is what a workbook of programmes would do, or has done.
type Import struct {
	Programmes int
	New        []string // codes
	Changed    []string
	Same       int
	Sessions   int
	Cancelled  int // groups that the workbook no longer names
	Faults     []CellFault
	Warnings   []CellFault
}

// Sheets of the workbook with their columns.
var sheets = []struct {
	name    string
	columns []string
}{
	{"Программы", []string{"Шифр", "Вид", "Название", "Организация", "Реестр", "Номер в реестре", "Часы", "Форма", "Стоимость, ₽", "Финансирование", "Должности", "Предметы", "О программе", "Документ", "Ссылка", "Взаимозаменяемые", "Опирается на", "Действует до"}},
	{"Результаты", []string{"Шифр", "Элемент", "Закрывает, %", "Чему научится"}},
	{"Потоки", []string{"Шифр", "Поток", "Начало", "Конец", "Режим", "Площадка", "Мест"}},
}

// maxFaults is how many faults a list shows; more of them are rather one cause.
const maxFaults = 200

// book reads cells and gathers faults by place.
type book struct {
	rows   map[string][][]string
	column map[string]map[string]int
	out    *Import
}

func (b *book) cellName(sheet, column string, row int) string {
	name, _ := excelize.CoordinatesToCellName(b.column[sheet][column]+1, row+1)
	return sheet + "!" + name
}

func (b *book) get(sheet, column string, row int) string {
	at, ok := b.column[sheet][column]
	if !ok || at >= len(b.rows[sheet][row]) {
		return ""
	}
	return strings.TrimSpace(b.rows[sheet][row][at])
}

func (b *book) fault(sheet, column string, row int, format string, args ...any) {
	if len(b.out.Faults) < maxFaults {
		b.out.Faults = append(b.out.Faults, CellFault{b.cellName(sheet, column, row), fmt.Sprintf(format, args...)})
	}
}

func (b *book) text(sheet, column string, row int) string {
	v := b.get(sheet, column, row)
	if v == "" {
		b.fault(sheet, column, row, "пусто, нужно: %s", strings.ToLower(column))
	}
	return v
}

func (b *book) number(sheet, column string, row, from, to int) int {
	v := strings.NewReplacer(" ", "", "\u00a0", "", "₽", "").Replace(b.get(sheet, column, row))
	v = strings.TrimSuffix(strings.TrimSuffix(v, ".0"), ",0")
	n, err := strconv.Atoi(v)
	if err != nil || n < from || n > to {
		b.fault(sheet, column, row, "«%s» не подходит, нужно целое число от %d до %d", b.get(sheet, column, row), from, to)
		return from
	}
	return n
}

func (b *book) choice(sheet, column string, row int, list []word) string {
	v := b.get(sheet, column, row)
	for _, w := range list {
		if strings.EqualFold(v, w.Name) || v == w.Code {
			return w.Code
		}
	}
	names := make([]string, len(list))
	for i, w := range list {
		names[i] = w.Name
	}
	b.fault(sheet, column, row, "«%s» не подходит, нужно одно из: %s", v, strings.Join(names, ", "))
	return ""
}

func (b *book) list(sheet, column string, row int, known []people.Item) []string {
	out := []string{}
	for _, v := range split(b.get(sheet, column, row)) {
		i := slices.IndexFunc(known, func(x people.Item) bool { return strings.EqualFold(x.Name, v) || x.Code == v })
		if i < 0 {
			b.fault(sheet, column, row, "«%s» нет в справочнике «%s»", v, strings.ToLower(column))
			continue
		}
		out = append(out, known[i].Code)
	}
	return out
}

func split(s string) []string {
	out := []string{}
	for _, v := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (b *book) date(sheet, column string, row int, must bool) *time.Time {
	v := b.get(sheet, column, row)
	if v == "" && !must {
		return nil
	}
	for _, layout := range []string{"02.01.2006", time.DateOnly, "2.1.2006"} {
		if t, err := time.Parse(layout, v); err == nil {
			return &t
		}
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n > 20000 && n < 80000 {
		if t, err := excelize.ExcelDateToTime(math.Floor(n), false); err == nil {
			return &t
		}
	}
	b.fault(sheet, column, row, "«%s» — не дата, нужно, например, 18.01.2027", v)
	return nil
}

// readProgrammes turns a workbook into programmes; what is wrong goes to out.Faults by cell.
func readProgrammes(body []byte, refs people.Refs, elements map[string]Element, out *Import) ([]Programme, error) {
	f, err := excelize.OpenReader(bytes.NewReader(body), excelize.Options{UnzipSizeLimit: 64 << 20, UnzipXMLSizeLimit: 32 << 20, RawCellValue: true})
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Message: "Файл не читается: нужна книга Excel (.xlsx)", Fields: map[string]string{"file": "Файл не читается: нужна книга Excel (.xlsx)"}, Cause: err}
	}
	defer f.Close()
	b := &book{rows: map[string][][]string{}, column: map[string]map[string]int{}, out: out}
	for _, s := range sheets {
		rows, err := f.GetRows(s.name)
		if err != nil || len(rows) == 0 {
			out.Faults = append(out.Faults, CellFault{s.name, "нет такого листа или он пуст"})
			continue
		}
		b.rows[s.name], b.column[s.name] = rows, map[string]int{}
		for i, h := range rows[0] {
			b.column[s.name][strings.TrimSpace(h)] = i
		}
		for _, c := range s.columns {
			if _, ok := b.column[s.name][c]; !ok {
				out.Faults = append(out.Faults, CellFault{s.name + "!1:1", "нет столбца «" + c + "»"})
			}
		}
	}
	if len(out.Faults) > 0 {
		return nil, nil
	}
	var list []Programme
	at := map[string]int{}
	rowOf := map[string]int{}
	const P, R, S = "Программы", "Результаты", "Потоки"
	blank := func(sheet string, row int) bool {
		return !slices.ContainsFunc(b.rows[sheet][row], func(v string) bool { return strings.TrimSpace(v) != "" })
	}
	for row := 1; row < len(b.rows[P]); row++ {
		if blank(P, row) {
			continue
		}
		p := Programme{Code: b.text(P, "Шифр", row), Kind: b.choice(P, "Вид", row, kinds), Title: b.text(P, "Название", row), Provider: b.text(P, "Организация", row),
			Registry: b.get(P, "Реестр", row), RegistryNumber: b.get(P, "Номер в реестре", row), Hours: b.number(P, "Часы", row, 1, 2000),
			Form: b.choice(P, "Форма", row, forms), Cost: b.number(P, "Стоимость, ₽", row, 0, 10_000_000), Funding: b.choice(P, "Финансирование", row, fundings),
			Positions: b.list(P, "Должности", row, refs.Positions), Subjects: b.list(P, "Предметы", row, refs.Subjects), About: b.get(P, "О программе", row),
			Document: b.get(P, "Документ", row), URL: b.get(P, "Ссылка", row), Equivalents: b.get(P, "Взаимозаменяемые", row),
			Requires: split(b.get(P, "Опирается на", row)), ValidUntil: b.date(P, "Действует до", row, false)}
		if p.URL != "" && !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
			b.fault(P, "Ссылка", row, "«%s» — не адрес страницы, нужно https://…", p.URL)
		}
		if p.Kind == "dpp_pk" && (p.Hours < 16 || p.Hours > 249) {
			b.fault(P, "Часы", row, "повышение квалификации — от 16 до 249 часов, здесь %d", p.Hours)
		}
		if p.Kind == "dpp_pp" && p.Hours < 250 {
			b.fault(P, "Часы", row, "переподготовка — от 250 часов, здесь %d", p.Hours)
		}
		if _, twice := at[p.Code]; twice && p.Code != "" {
			b.fault(P, "Шифр", row, "шифр «%s» уже стоит в строке %d", p.Code, rowOf[p.Code]+1)
			continue
		}
		at[p.Code], rowOf[p.Code] = len(list), row
		list = append(list, p)
	}
	for _, p := range list {
		for _, q := range p.Requires {
			if _, ok := at[q]; !ok {
				b.fault(P, "Опирается на", rowOf[p.Code], "программы «%s» нет на листе", q)
			}
		}
	}
	if c := circle(list, at); c != "" {
		b.fault(P, "Опирается на", rowOf[c], "программы опираются друг на друга по кругу, начиная с «%s»: нужен порядок, в котором их можно пройти", c)
	}
	for row := 1; row < len(b.rows[R]); row++ {
		if blank(R, row) {
			continue
		}
		i, ok := at[b.get(R, "Шифр", row)]
		if !ok {
			b.fault(R, "Шифр", row, "программы «%s» нет на листе «Программы»", b.get(R, "Шифр", row))
			continue
		}
		c := Cover{Element: b.text(R, "Элемент", row), Share: float64(b.number(R, "Закрывает, %", row, 1, 100)) / 100, Result: b.get(R, "Чему научится", row)}
		if c.Element != "" {
			if _, ok := elements[c.Element]; !ok {
				b.fault(R, "Элемент", row, "элемента «%s» нет ни в одном кодификаторе", c.Element)
			}
		}
		if slices.ContainsFunc(list[i].Covers, func(o Cover) bool { return o.Element == c.Element }) {
			b.fault(R, "Элемент", row, "элемент «%s» у программы «%s» уже есть выше", c.Element, list[i].Code)
			continue
		}
		list[i].Covers = append(list[i].Covers, c)
	}
	for row := 1; row < len(b.rows[S]); row++ {
		if blank(S, row) {
			continue
		}
		i, ok := at[b.get(S, "Шифр", row)]
		if !ok {
			b.fault(S, "Шифр", row, "программы «%s» нет на листе «Программы»", b.get(S, "Шифр", row))
			continue
		}
		s := Session{Code: b.text(S, "Поток", row), Mode: b.choice(S, "Режим", row, modes), Venue: b.get(S, "Площадка", row), Seats: b.number(S, "Мест", row, 0, 100_000)}
		from, to := b.date(S, "Начало", row, true), b.date(S, "Конец", row, true)
		if from == nil || to == nil {
			continue
		}
		s.StartsOn, s.EndsOn = *from, *to
		if to.Before(*from) {
			b.fault(S, "Конец", row, "конец раньше начала")
		}
		if slices.ContainsFunc(list[i].Sessions, func(o Session) bool { return o.Code == s.Code }) {
			b.fault(S, "Поток", row, "поток «%s» у программы «%s» уже есть выше", s.Code, list[i].Code)
			continue
		}
		list[i].Sessions = append(list[i].Sessions, s)
	}
	for _, p := range list {
		if len(p.Covers) == 0 {
			out.Warnings = append(out.Warnings, CellFault{b.cellName(P, "Шифр", rowOf[p.Code]), "у программы «" + p.Code + "» нет планируемых результатов: в маршруты она не попадёт"})
		}
		if len(p.Sessions) == 0 {
			out.Warnings = append(out.Warnings, CellFault{b.cellName(P, "Шифр", rowOf[p.Code]), "у программы «" + p.Code + "» нет потоков: в маршруты она не попадёт"})
		}
		out.Sessions += len(p.Sessions)
	}
	out.Programmes = len(list)
	if len(list) == 0 && len(out.Faults) == 0 {
		out.Faults = append(out.Faults, CellFault{P + "!A2", "нет ни одной программы"})
	}
	return list, nil
}

// circle names a programme that requires itself in the end; "" where there is none.
func circle(list []Programme, at map[string]int) string {
	state := make([]int, len(list))
	var walk func(i int) bool
	walk = func(i int) bool {
		state[i] = 1
		for _, q := range list[i].Requires {
			if j, ok := at[q]; ok && (state[j] == 1 || state[j] == 0 && walk(j)) {
				return true
			}
		}
		state[i] = 2
		return false
	}
	for i := range list {
		if state[i] == 0 && walk(i) {
			return list[i].Code
		}
	}
	return ""
}

// ImportProgrammes reads a workbook of programmes. With dry it only tells what would happen. A workbook with faults
// changes nothing; they come back by cell.
func (s *Service) ImportProgrammes(ctx context.Context, actor access.Actor, body []byte, dry bool) (Import, error) {
	var out Import
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		elements, err := elementsTx(ctx, tx)
		if err != nil {
			return err
		}
		list, err := readProgrammes(body, refs, elements, &out)
		if err != nil || len(out.Faults) > 0 {
			return err
		}
		held, err := programmesTx(ctx, tx, nil)
		if err != nil {
			return err
		}
		compare(held, list, &out)
		if dry {
			return nil
		}
		if err := storeProgrammesTx(ctx, tx, list, s.now()); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "programmes.imported", ObjectKind: "catalogue", ObjectID: "programmes",
			Details: map[string]any{"new": len(out.New), "changed": len(out.Changed), "same": out.Same, "cancelled_sessions": out.Cancelled}})
	})
	if err != nil {
		return Import{}, err
	}
	return out, nil
}

// compare fills what an import adds and changes against what is held.
func compare(held, list []Programme, out *Import) {
	byCode := map[string]Programme{}
	for _, p := range held {
		byCode[p.Code] = p
	}
	plain := func(p Programme) string {
		p.ID, p.WithdrawnAt = 0, nil
		p.Covers, p.Sessions = slices.Clone(p.Covers), slices.Clone(p.Sessions)
		slices.SortFunc(p.Covers, func(a, b Cover) int { return strings.Compare(a.Element, b.Element) })
		slices.SortFunc(p.Sessions, func(a, b Session) int { return strings.Compare(a.Code, b.Code) })
		until := ""
		if p.ValidUntil != nil {
			until = p.ValidUntil.Format(time.DateOnly)
		}
		p.ValidUntil = nil
		var b strings.Builder
		for _, c := range p.Covers {
			fmt.Fprintf(&b, "%s %.4f %s|", c.Element, c.Share, c.Result)
		}
		for _, x := range p.Sessions {
			if x.CancelledAt == nil {
				fmt.Fprintf(&b, "%s %s %s %s %s %d|", x.Code, x.StartsOn.Format(time.DateOnly), x.EndsOn.Format(time.DateOnly), x.Mode, x.Venue, x.Seats)
			}
		}
		p.Covers, p.Sessions = nil, nil
		p.Positions, p.Subjects, p.Requires = some(p.Positions), some(p.Subjects), some(p.Requires)
		return fmt.Sprintf("%+v %s %s", p, until, b.String())
	}
	for _, p := range list {
		old, known := byCode[p.Code]
		switch {
		case !known:
			out.New = append(out.New, p.Code)
		case plain(old) == plain(p):
			out.Same++
		default:
			out.Changed = append(out.Changed, p.Code)
		}
		for _, o := range old.Sessions {
			if o.CancelledAt == nil && !slices.ContainsFunc(p.Sessions, func(n Session) bool { return n.Code == o.Code }) {
				out.Cancelled++
			}
		}
	}
}
