package people

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// workbook makes a staff list; the first row is the headers.
func workbook(t *testing.T, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var usual = []any{"Фамилия", "Имя", "Отчество", "Организация", "Должность", "Предмет", "Педагогический стаж с", "Категория", "Почта", "Основное место"}

func (r *region) dryRun(actor access.Actor, choices map[int]string, rows ...[]any) (int64, dryRun) {
	r.t.Helper()
	id, err := r.UploadStaff(r.t.Context(), actor, "список.xlsx", workbook(r.t, rows...), date(2026, 9, 1))
	r.must(err)
	d, err := r.StaffDryRun(r.t.Context(), actor, id, choices)
	r.must(err)
	return id, d
}

// verdicts says row by row what will become of the list.
func verdicts(d dryRun) string {
	out := []string{}
	for _, x := range d.Decisions {
		out = append(out, fmt.Sprintf("%d %s", x.Row.Row, x.Verdict))
	}
	return strings.Join(out, ", ")
}

func TestStaffListRecognisesPeople(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	adminID, _, _ := r.staff()
	admin := access.Actor{ID: adminID, Grants: []access.Grant{{Role: access.Admin}}}
	since := date(2010, 9, 1)
	career := func(p *NewPerson) { p.TeachingSince = &since }
	email := func(e string) func(*NewPerson) { return func(p *NewPerson) { p.Email = e } }
	r.add("Королёва Наталья Петровна", r.school1)
	r.add("Соловьёва Анна Ильинична", r.school2, career)
	r.add("Кузнецова Вера Олеговна", r.school2, career)
	r.add("Смирнова Ольга Львовна", r.school1, email("olga@example.ru"))
	r.add("Белова Инна Марковна", r.school1)
	r.add("Попов Олег Ильич", r.school1)
	r.add("Попов Олег Ильич", r.school2)
	r.add("Орлова Юлия Глебовна", r.school2)
	id, d := r.dryRun(admin, nil, usual,
		[]any{"Королева", "Наталья", "Петровна", "Школа № 1", "учитель", "Математика"},
		[]any{"Иванова", "М.", "П.", "СОШ №1", "учитель математики"},
		[]any{"Соловьева", "Анна", "Ильинична", "Школа № 1", "учитель", "математика", 2010},
		[]any{"Кузнецова", "Вера", "Олеговна", "Школа № 1", "учитель", "математика", 2021},
		[]any{"Быкова", "Ольга", "Львовна", "Школа № 1", "учитель", "математика", "", "", "Olga@example.ru"},
		[]any{"Чернова", "Инна", "Марковна", "Школа № 1", "учитель", "математика"},
		[]any{"Попов", "Олег", "Ильич", "Лицей № 2", "учитель", "математика"},
		[]any{"Новая", "Алла", "Юрьевна", "Школа № 1", "учитель", "Физика", "01.09.2020", "первая"},
		[]any{"Орлова", "Юлия", "Глебовна", "Школа № 1", "учитель", "Физика"},
		[]any{"Зайцева", "Ольга", "Ивановна", "Школа № 1", "учитель", "Математика"},
	)
	if got := verdicts(d); got != "2 same, 3 same, 4 moved, 5 ambiguous, 6 renamed, 7 ambiguous, 8 same, 9 new, 10 ambiguous, 11 same" {
		t.Errorf("verdicts: %s", got)
	}
	for i, want := range map[int]string{0: "с точностью до е и ё", 1: "фамилия и инициалы, эта организация", 2: "с точностью до е и ё, та же должность", 3: "стаж у нас с 2010 года, а в списке с 2021",
		4: "почта, имя и отчество те же, фамилия новая", 5: "возможно, её сменили", 8: "должность или предмет другие"} {
		if !strings.Contains(d.Decisions[i].How, want) {
			t.Errorf("row %d: how = %q, want %q", d.Decisions[i].Row.Row, d.Decisions[i].How, want)
		}
	}
	if got := fmt.Sprint(d.Decisions[2].Changes); got != "[новая работа закончится прежняя работа]" {
		t.Errorf("moved: %s", got)
	}
	absent := []string{}
	for _, k := range d.Absent {
		absent = append(absent, k.Full())
	}
	if got := strings.Join(absent, ", "); got != "Попов Олег Ильич" {
		t.Errorf("absent: %s", got)
	}

	before := r.count(`SELECT count(*) FROM person`)
	if _, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("applied with unclear rows: %v", err)
	}
	if n := r.count(`SELECT count(*) FROM person`); n != before {
		t.Errorf("a refused list added %d persons", n-before)
	}
	candidate := func(row int) string { return d.Decisions[row-2].Candidates[0].PublicID }
	choices := map[int]string{5: "new", 7: candidate(7), 10: "skip"}
	d2, err := r.StaffDryRun(t.Context(), admin, id, choices)
	r.must(err)
	if got := verdicts(d2); got != "2 same, 3 same, 4 moved, 5 new, 6 renamed, 7 renamed, 8 same, 9 new, 10 skipped, 11 same" {
		t.Errorf("with choices: %s", got)
	}
	if _, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{Rows: choices, Digest: d.Digest}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("applied what nobody saw: %v", err)
	}
	got, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{Rows: choices, Digest: d2.Digest, EndAbsent: true})
	if want := (Outcome{Added: 2, Moved: 1, Renamed: 2, Same: 4, Skipped: 1, Ended: 2}); err != nil || got != want {
		t.Errorf("outcome: %+v, %v; want %+v", got, err, want)
	}
	if again, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{Rows: choices}); err != nil || again != got || r.count(`SELECT count(*) FROM person`) != before+2 {
		t.Errorf("applied twice: %+v, %v", again, err)
	}
	if n := r.count(`SELECT count(*) FROM staff_import WHERE body IS NOT NULL`); n != 0 {
		t.Error("the list with names is kept after it was applied")
	}
	r.in(func(tx *sqlx.Tx) error {
		refs, err := RefsTx(t.Context(), tx)
		if err != nil {
			return err
		}
		list, n, err := listTx(t.Context(), tx, access.Scope{All: true}, Filter{Organisation: r.school1}, 0)
		found := []string{}
		for _, l := range list {
			found = append(found, l.Full())
		}
		if got := strings.Join(found, "; "); n != 8 || got != "Быкова Ольга Львовна; Зайцева Ольга Ивановна; Иванова Мария Петровна; Королёва Наталья Петровна; Кузнецова Вера Олеговна; Новая Алла Юрьевна; "+
			"Соловьёва Анна Ильинична; Чернова Инна Марковна" {
			t.Errorf("%d work in %s: %s", n, refs.Organisation(r.school1).ShortName, got)
		}
		return err
	})
	if n := r.count(`SELECT count(*) FROM appointment a JOIN identity i USING (person_id) WHERE i.family = 'Соловьёва' AND a.ended_on = '2026-08-31' AND a.organisation_id = $1`, r.school2); n != 1 {
		t.Error("the work that was left has not ended on the day before the list's")
	}
}

// The list that was applied, loaded again, changes nothing.
func TestStaffListAgainChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	adminID, _, _ := r.staff()
	admin := access.Actor{ID: adminID, Grants: []access.Grant{{Role: access.Admin}}}
	rows := [][]any{
		{"ФИО", "Место работы", "ИНН", "Должность", "Предмет", "Ставка", "Стаж, лет", "Квалификационная категория", "Дата присвоения", "E-mail", "Основное место работы"},
		{"Новикова Вера Ильинична", "школа 1", "", "учитель", "математика", "1", 12, "высшая", "15.03.2024", "vera@example.ru", "да"},
		{"Новикова Вера Ильинична", "школа 1", "", "учитель", "физика", "0,5", 12, "высшая", "15.03.2024", "vera@example.ru", "да"},
		{"НОВИКОВА ВЕРА ИЛЬИНИЧНА", "лицей № 2", "", "учитель", "физика", "0.25", 12, "высшая", "", "vera@example.ru", "нет"},
		{"Ким Вера", "Детский сад №7", "", "Воспитатель", "", "", "3 года", "", "", "", ""},
		{},
		{"Лебедева Зоя Ивановна", "Д/с 7", "", "учитель-логопед", "", "", "", "нет", "", "", ""},
	}
	id, d := r.dryRun(admin, nil, rows...)
	if len(d.Faults) != 0 || d.Count("new") != 5 || d.NewPersons() != 3 {
		t.Fatalf("first: %s; %d persons; faults %+v", verdicts(d), d.NewPersons(), d.Faults)
	}
	first, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{Digest: d.Digest})
	if err != nil || first.Added != 3 {
		t.Fatalf("first: %+v, %v", first, err)
	}
	if n := r.count(`SELECT count(*) FROM appointment a JOIN identity i USING (person_id) WHERE i.family = 'Новикова'`); n != 3 {
		t.Errorf("Novikova has %d works, want 3", n)
	}
	journal := r.count(`SELECT count(*) FROM journal WHERE action LIKE 'person.%' OR action LIKE 'appointment.%'`)
	id, d = r.dryRun(admin, nil, rows...)
	if got := verdicts(d); got != "2 same, 3 same, 4 same, 5 same, 7 same" || !d.Nothing() {
		t.Errorf("again: %s; %+v", got, d.Decisions)
	}
	again, err := r.ApplyStaff(t.Context(), admin, id, StaffChoice{Digest: d.Digest})
	if want := (Outcome{Same: 5}); err != nil || again != want {
		t.Errorf("again: %+v, %v", again, err)
	}
	if n := r.count(`SELECT count(*) FROM journal WHERE action LIKE 'person.%' OR action LIKE 'appointment.%'`); n != journal {
		t.Errorf("the second time left %d lines of changes", n-journal)
	}
}

func TestStaffListFaultsByCell(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	_, coordinatorID, _ := r.staff()
	coordinator := access.Actor{ID: coordinatorID, Grants: []access.Grant{{Role: access.Coordinator, Territory: r.volkhov}}}
	id, d := r.dryRun(coordinator, nil,
		[]any{"Список работников на сентябрь"},
		[]any{"Фамилия", "Имя", "Отчество", "Организация", "Должность", "Предмет", "Ставка", "Работает с", "Категория", "Почта", "Рост"},
		[]any{"Хороших", "Анна", "Ивановна", "Школа № 1", "учитель", "Математика", 1, 46266, "первая", "anna@example.ru"},
		[]any{"", "Анна", "", "Школа № 11", "учитил", "Матем4", "много", "вчера", "третья", "anna@"},
		[]any{"Иванов7", "Пётр", "", "Детский сад № 7", "учитель", ""},
		[]any{"Хороших", "Анна", "Ивановна", "Школа № 1", "учитель", "Математика"},
		[]any{"Редкая", "О.", "Я.", "Школа № 1", "учитель", "Математика"},
	)
	got := []string{}
	for _, f := range d.Faults {
		got = append(got, f.Cell()+" "+f.Header+": "+f.Expected)
	}
	want := []string{
		"A4 Фамилия: фамилия", "D4 Организация: организация из справочника", "E4 Должность: должность из справочника; похоже на «учитель»",
		"G4 Ставка: число больше 0", "H4 Работает с: дата вида 01.09.2026", "I4 Категория: одно из: без категории", "J4 Почта: адрес вида",
		"A5 Фамилия: только буквы, дефис и пробел; лишний знак «7»", "D5 Организация: эта организация не из вашего муниципалитета", "F5 Предмет: предмет: без него",
		"6 вся строка: повторяет строку 3", "B7 Имя: имя и отчество полностью: по инициалам никого не нашли",
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("no fault %q in:\n%s", w, strings.Join(got, "\n"))
		}
	}
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "«Рост»") {
		t.Errorf("warnings: %v", d.Warnings)
	}
	if verdicts(d) != "3 new" {
		t.Errorf("rows that are good: %s", verdicts(d))
	}
	if _, err := r.ApplyStaff(t.Context(), coordinator, id, StaffChoice{Digest: d.Digest}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("applied with faults: %v", err)
	}
	if n := r.count(`SELECT count(*) FROM identity WHERE family = 'Хороших'`); n != 0 {
		t.Error("a list with faults was applied in part")
	}
	o, err := r.ApplyStaff(t.Context(), coordinator, id, StaffChoice{Digest: d.Digest, SkipFaulty: true})
	if want := (Outcome{Added: 1, Skipped: 4}); err != nil || o != want {
		t.Errorf("asked to leave faults out: %+v, %v", o, err)
	}
	if n := r.count(`SELECT count(*) FROM appointment a JOIN identity i USING (person_id) WHERE i.family = 'Хороших' AND a.started_on = '2026-09-01'`); n != 1 {
		t.Error("a date kept as a number of days was not understood")
	}
	stranger := access.Actor{ID: coordinatorID + 100, Grants: coordinator.Grants}
	if _, err := r.StaffDryRun(t.Context(), stranger, id, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a stranger's list: %v", err)
	}
}

func TestBrokenWorkbooksAreRefused(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	b := r.browse(r.serve(), "admin", "пароль")
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"not a workbook": {[]byte("Фамилия;Имя"), "Не получилось открыть файл"},
		"cut off":        {workbook(t, usual)[:600], "Не получилось открыть файл"},
		"no headers":     {workbook(t, []any{"Иванова", "Мария"}), "Не нашли строку заголовков"},
		"empty":          {workbook(t, usual), "нет ни одной заполненной строки"},
	} {
		code, body, _ := b.upload("/people/import", map[string]string{"as_of": "2026-09-01"}, c.file)
		if code != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(text(body)), strings.ToLower(c.want)) {
			t.Errorf("%s: %d %s", name, code, text(body))
		}
	}
	if n := r.count(`SELECT count(*) FROM person`); n != 3 {
		t.Errorf("broken workbooks left %d persons", n)
	}
	bomb := bytes.Repeat([]byte{0}, maxWorkbook+1)
	f := excelize.NewFile()
	defer f.Close()
	f.Pkg.Store("xl/media/bomb.bin", bomb)
	packed, err := f.WriteToBuffer()
	r.must(err)
	if packed.Len() > 1<<20 {
		t.Fatalf("the bomb is %d bytes packed", packed.Len())
	}
	if _, err := r.UploadStaff(t.Context(), access.Actor{ID: 1}, "bomb.xlsx", packed.Bytes(), r.clock); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bomb: %v", err)
	}
}

func TestTemplateIsReadBack(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	b := r.browse(r.serve(), "coordinator", "пароль")
	code, body, h := b.get("/people/import/template.xlsx")
	if code != 200 || !strings.Contains(h.Get("Content-Disposition"), "filename") {
		t.Fatalf("template: %d", code)
	}
	lists, err := sheetOf([]byte(body), "Справочники")
	r.must(err)
	flat := fmt.Sprint(lists)
	if !strings.Contains(flat, "Школа № 1") || strings.Contains(flat, "Детский сад № 7") || !strings.Contains(flat, "Математика") {
		t.Errorf("lists: %s", flat)
	}
	rows, err := sheetOf([]byte(body), "Список")
	r.must(err)
	if _, at, unknown := findHeader(rows); len(at) != len(columns) || len(unknown) != 0 {
		t.Errorf("the reader knows %d of %d columns of the template: %v", len(at), len(columns), unknown)
	}
}

func TestImportInABrowser(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.staff()
	r.add("Соловьёва Анна Ильинична", r.school2)
	server := r.serve()
	b := r.browse(server, "coordinator", "пароль")
	b.says("/people/import", "Загрузить список работников", "Скачать образец")
	file := workbook(t, usual,
		[]any{"Соловьева", "Анна", "Ильинична", "Школа № 1", "учитель", "Физика"},
		[]any{"Новая", "Алла", "Юрьевна", "Школа № 1", "учитель", "Физика"},
		[]any{"Иванова", "Мария", "Петровна", "Школа № 1", "учитель", "Математика", "", "высшая"},
		[]any{"Плохих", "Ян", "", "Школа № 1", "король", ""},
	)
	code, body, h := b.upload("/people/import", map[string]string{"as_of": "2026-09-01"}, file)
	if code != 303 {
		t.Fatalf("upload: %d %s", code, text(body))
	}
	path := h.Get("Location")
	page := b.says(path, "Пока ничего не изменено", "1 строка с ошибками", "E5 Должность король", "Строка 2: Соловьева Анна Ильинична", "Это Соловьёва Анна Ильинична — учитель, Лицей № 2 (Волховский)",
		"Другой человек, добавить нового", "Новые: 1", "Изменятся: 1", "категория", "Работают у нас, но в списке их нет: 1", "Зайцева Ольга Ивановна")
	digest := func(page string) string {
		return regexp.MustCompile(`name="digest" value="([0-9a-f]+)"`).FindStringSubmatch(page)[1]
	}
	choice := regexp.MustCompile(`name="row-2" value="([0-9a-f-]{36})"`).FindStringSubmatch(page)[1]
	code, page, _ = b.post(path, url.Values{"digest": {digest(page)}, "row-2": {choice}, "do": {"check"}})
	if said := text(page); code != 200 || !strings.Contains(said, "Перешли из другой организации: 1") || !strings.Contains(said, "выбрано вами") {
		t.Fatalf("check: %d %s", code, said)
	}
	form := url.Values{"digest": {digest(page)}, "row-2": {choice}, "do": {"apply"}}
	if code, page, _ := b.post(path, form); code != 422 || !strings.Contains(text(page), "В списке есть ошибки") {
		t.Errorf("with faults: %d", code)
	}
	form.Set("skip_faulty", "1")
	if code, page, _ := b.post(path, form); code != 303 {
		t.Fatalf("apply: %d %s", code, text(page))
	}
	b.says(path, "Список загружен", "1 человек добавлен", "1 перешёл из другой организации", "1 строка пропущена")
	b.says("/people/import", "добавлено 1, изменено 2")
	other := r.browse(server, "admin", "пароль")
	if code, _, _ := other.get(path); code != 404 {
		t.Errorf("a stranger's import: %d", code)
	}
}

func TestFoldOrganisation(t *testing.T) {
	for _, same := range [][]string{
		{"МОБУ «Средняя общеобразовательная школа № 1»", "СОШ №1", "школа 1", "МБОУ \"СОШ № 1\""},
		{"МДОУ «Детский сад № 7»", "Д/с 7", "детский сад №7", "МБДОУ «Детский сад комбинированного вида № 7»"},
		{"МКОУ «Основная общеобразовательная школа п. Сосны»", "ООШ п. Сосны"},
	} {
		for _, s := range same[1:] {
			if foldOrganisation(s) != foldOrganisation(same[0]) {
				t.Errorf("%q is %q, %q is %q", same[0], foldOrganisation(same[0]), s, foldOrganisation(s))
			}
		}
	}
	if foldOrganisation("Школа № 1") == foldOrganisation("Школа № 11") || foldOrganisation("Школа № 1") == foldOrganisation("Лицей № 1") {
		t.Error("different organisations are taken for one")
	}
}

func TestFindSubjectInAnyCase(t *testing.T) {
	refs := Refs{Subjects: subjects, Positions: positions}
	for s, want := range map[string]string{
		"математика": "math", "Математики": "math", "русского языка": "russian", "Русский язык": "russian", "начальных классов": "primary", "истории": "history",
		"Труд (технология)": "labour", "физкультура": "pe", "информатики": "informatics", "химии": "chemistry", "музыки": "music", "физики": "physics", "философия": "", "математика, физика": "",
		"биологии": "biology", "географии": "geography", "обществознания": "social", "литературы": "literature", "иностранного языка": "foreign",
	} {
		if got := findSubject(refs, s); got != want {
			t.Errorf("findSubject(%q) = %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string][2]string{
		"Учитель": {"teacher", ""}, "учитель математики": {"teacher", "математики"}, "учитель-логопед": {"speech_therapist", ""}, "Завуч": {"deputy_head", ""}, "король": {"", ""},
	} {
		if code, told := findPosition(refs, s); code != want[0] || told != want[1] {
			t.Errorf("findPosition(%q) = %q, %q", s, code, told)
		}
	}
}
