package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/xuri/excelize/v2"
)

// table is the words of a table on the page, row by row; hidden words for screen readers are left out.
func (v *visitor) table(selector string) [][]string {
	v.t.Helper()
	rows := [][]string{}
	v.eval(fmt.Sprintf(`[...document.querySelectorAll(%q + " tr")].map(r => [...r.cells].map(c => {
		const copy = c.cloneNode(true);
		copy.querySelectorAll(".vh").forEach(x => x.remove());
		return copy.textContent.replace(/[\u00a0\u202f]/g, " ").replace(/\s+/g, " ").trim();
	}))`, selector), &rows)
	return rows
}

func workbookOf(t *testing.T, body []byte) *excelize.File {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("what came is no workbook: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func sheetOf(t *testing.T, f *excelize.File, name string) [][]string {
	t.Helper()
	rows, err := f.GetRows(name, excelize.Options{RawCellValue: true})
	if err != nil || len(rows) < 2 {
		t.Fatalf("sheet %s: %d rows, %v; the workbook has %v", name, len(rows), err, f.GetSheetList())
	}
	return rows
}

// percent is a share of a workbook as the page writes it.
func percent(t *testing.T, cell string) string {
	t.Helper()
	x, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		t.Errorf("a share of the workbook is %q", cell)
	}
	return strconv.Itoa(int(math.Floor(100*x + 0.5)))
}

// An expert marks two works with the keys and learns nothing of who wrote them.
func TestExpertMarks(t *testing.T) {
	t.Parallel()
	v := as(t, "expert")
	v.click(`main a.btn[href^="/marking"]`)
	if v.path() == "/marking" {
		v.look("marking")
		v.click(`.page-head a.btn[href^="/marking/"]`)
	}
	progress := func() (done, all int) {
		t.Helper()
		if _, err := fmt.Sscanf(v.text(".room-progress .soft"), "Проверено %d из %d", &done, &all); err != nil {
			t.Fatalf("progress: %v in %q", err, v.text(".room-progress"))
		}
		return done, all
	}
	done, all := progress()
	if all-done < 2 {
		t.Fatalf("%d works of %d are left to mark", all-done, all)
	}
	v.look("marking-room")
	for i := range 2 {
		work := v.path()
		if page := v.text("main"); strings.Contains(page, "ЛО-26") || strings.Contains(page, "Учитель ") && strings.Contains(page, "школа ") {
			t.Errorf("%s tells who wrote the work", work)
		}
		var criteria int
		v.eval(`document.querySelectorAll("[data-criterion]").length`, &criteria)
		v.keys(kb.Enter) // nothing is chosen yet: stays
		for range criteria {
			v.keys("1")
		}
		v.until(`[...document.querySelectorAll("[data-criterion]")].every(c => c.querySelector("input:checked"))`)
		v.enter()
		if v.path() == work {
			t.Fatalf("%s: after Enter the same work again", work)
		}
		v.see("проверена")
		if now, _ := progress(); now != done+i+1 {
			t.Errorf("%d are marked, %d before and %d since", now, done, i+1)
		}
		if i == 1 { // what was marked can be read again
			v.open(work)
			v.see("Проверено")
		}
	}
	other := plain(t, "expert")
	if resp, _ := other.get("/marking/999999"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a work that is not the expert's: %s", resp.Status)
	}
}

// An analyst filters the bank, drills down with the filter kept, and exports; the workbook says what the page says.
func TestAnalystFiltersAndExports(t *testing.T) {
	t.Parallel()
	v := as(t, "analyst")
	v.open("/deficits?campaign=1")
	v.see("Банк дефицитов", "Больше — лучше")
	v.look("bank")
	v.choose("#place", "rural")
	v.click(`form.filters .filters-acts button`)
	v.see("Сельские")
	page := v.table("table.heat")
	rank := [][]string{}
	v.eval(`[...document.querySelectorAll("ol.rank li")].map(x => [x.querySelector("a").textContent, x.querySelector(".v").firstChild.textContent.replace(/[^0-9]/g, "")])`, &rank)
	var count int
	v.eval(`Number((document.querySelector("#people").parentElement.textContent.match(/из\s+([\d\s\u00a0]+)\s+запис/) ?? ["", "0"])[1].replace(/\D/g, ""))`, &count)

	book := workbookOf(t, v.download(`.page-head a.btn[href^="/deficits.xlsx"]`))
	sheet := sheetOf(t, book, "Карта")
	body := page[2:] // two rows of head
	if len(sheet)-1 != len(body) || len(body) < 10 {
		t.Fatalf("the sheet has %d rows, the page %d", len(sheet)-1, len(body))
	}
	numbers := 0
	for i, row := range body {
		for k, onPage := range row {
			inBook := ""
			if k < len(sheet[i+1]) {
				inBook = sheet[i+1][k]
			}
			switch {
			case k < 2 && onPage == "—":
				onPage = "скрыто"
			case k >= 2 && onPage == "":
				if inBook != "скрыто" && inBook != "мало данных" {
					t.Errorf("%s, column %d: hidden on the page, %q in the workbook", row[0], k, inBook)
				}
				continue
			case k >= 2:
				inBook, numbers = percent(t, inBook), numbers+1
			}
			if strings.ReplaceAll(onPage, " ", "") != strings.ReplaceAll(inBook, " ", "") {
				t.Errorf("%s, column %d: %q on the page, %q in the workbook", row[0], k, onPage, inBook)
			}
		}
	}
	if numbers < 50 {
		t.Errorf("only %d figures were compared", numbers)
	}
	list := sheetOf(t, book, "Список")
	if len(list)-1 != len(rank) || len(rank) == 0 {
		t.Errorf("the list has %d rows, the page %d", len(list)-1, len(rank))
	}
	for i, r := range rank {
		if i+1 < len(list) && (list[i+1][0] != r[0] || percent(t, list[i+1][3]) != r[1]) {
			t.Errorf("row %d of the list: %v on the page, %v in the workbook", i+1, r, list[i+1][:4])
		}
	}
	if people := sheetOf(t, book, "Люди"); len(people)-1 != count || count == 0 {
		t.Errorf("the workbook has %d records of people, the page says %d", len(people)-1, count)
	}
	about := fmt.Sprint(sheetOf(t, book, "Как посчитано"))
	if !strings.Contains(about, "ельск") || !strings.Contains(about, "больше — лучше") {
		t.Errorf("the workbook does not say what it holds: %.600s", about)
	}
	panes, err := book.GetPanes("Карта")
	if err != nil || !panes.Freeze {
		t.Errorf("the head is not frozen: %+v, %v", panes, err)
	}

	// Drill: a municipality, an element, a person; the filter stays.
	v.click(`table.heat tbody tr:has(td.h a) th a`)
	var at string
	v.eval(`location.search`, &at)
	if !strings.Contains(at, "place=rural") || !strings.Contains(at, "territory=") {
		t.Errorf("drilling lost the filter: %s", at)
	}
	v.look("bank-territory")
	v.open("/deficits?campaign=1&place=rural")
	v.click(`ol.rank li a`)
	v.eval(`location.search`, &at)
	if !strings.Contains(at, "place=rural") || !strings.Contains(at, "element=") {
		t.Errorf("the element lost the filter: %s", at)
	}
	v.click(`.bank-people tbody th a`)
	v.see("Участник", "порог")
	v.look("bank-person")

	// A view is saved and returns to the same filters.
	v.open("/deficits?campaign=1&place=rural")
	v.tap(`.view-save summary`)
	v.fill(`#title`, "Село, математика")
	v.click(`.view-save form button`)
	v.see("Село, математика")
	v.open("/deficits")
	v.do(chromedp.Evaluate(`[...document.querySelectorAll(".views a")].find(a => a.textContent === "Село, математика").setAttribute("data-mine", "")`, nil))
	v.click(`.views a[data-mine]`)
	v.eval(`document.querySelector("#place").value`, &at)
	if at != "rural" {
		t.Errorf("the saved view opens with place %q", at)
	}
}

// A methodist has routes calculated for a municipality, changes one and proposes it.
func TestMethodistPlansEditsAndProposes(t *testing.T) {
	t.Parallel()
	v := as(t, "methodist")
	v.open("/routes")
	v.look("routes")
	v.click(`.page-head a.btn[href="/routes/propose"]`)
	v.look("routes-propose")
	var territory string
	v.eval(`document.querySelector("#territory").options[4].value`, &territory)
	v.choose("#territory", territory)
	release := holdSeats(t)
	v.click(`form[action="/routes/propose"] button:not([name])`)
	v.until(`/Предложение маршрутов|не удался/.test(document.querySelector("h1").textContent)`)
	v.see("Предложение маршрутов", "Места")
	v.look("routes-proposal")
	people := len(v.table(`section[aria-labelledby="people"] table`)) - 1
	v.click(`.page-head form[action$="/apply"] button`)
	v.until(`/Готово|заново/.test(document.body.textContent)`)
	release()
	v.see("Готово")
	v.open("/routes?state=draft&territory=" + territory)
	if got := len(v.table(`section[aria-labelledby="list"] table`)) - 1; got < people || people < 1 {
		t.Errorf("%d drafts after a proposal for %d people", got, people)
	}
	// The draft with the most steps, so that there is something to change.
	var href string
	v.eval(`[...document.querySelectorAll("section[aria-labelledby=list] tbody tr")].sort((a, b) => parseInt(b.cells[2].textContent.split("из")[1]) - parseInt(a.cells[2].textContent.split("из")[1]))[0].querySelector("a").getAttribute("href")`, &href)
	v.open(href)
	steps := func() (n int) {
		v.eval(`document.querySelectorAll(".timeline .step-acts").length`, &n)
		return n
	}
	before := steps()
	if before < 2 {
		t.Fatalf("the longest draft has %d steps", before)
	}
	v.see("Почему так", "лучший маршрут")
	v.look("route")
	do := func(what, says string) {
		t.Helper()
		v.click(`form:has(input[name="do"][value="` + what + `"]) button`)
		v.see(says)
	}
	do("lock", "Шаг закреплён")
	last := func(what, says string) { // of the steps: no other rests on it
		t.Helper()
		v.do(chromedp.Evaluate(`[...document.querySelectorAll("form:has(input[name=do][value=`+what+`])")].at(-1).id = "last-step"`, nil))
		v.click(`#last-step button`)
		v.see(says)
	}
	last("remove", "Шаг убран")
	if n := steps(); n != before-1 {
		t.Errorf("%d steps after one of %d was removed", n, before)
	}
	do("add", "Шаг добавлен")
	if n := steps(); n != before {
		t.Errorf("%d steps after one was added to %d", n, before-1)
	}
	last("forbid", "маршрут пересчитан")
	v.see("Исключено")
	do("undo", "Последнее изменение отменено")
	v.fill("#hours", "24")
	do("limits", "Пределы изменены")
	v.see("из 24")
	v.tap(`#history summary`)
	v.see("История")
	v.look("route-edited")
	v.open(href + "/print")
	v.see("Индивидуальный образовательный маршрут", "Подписи")
	v.look("route-print")
	v.open(href)
	v.click(`form[action$="/propose"] button`)
	v.see("Маршрут предложен педагогу", "предложен")
}

// teacherWith finds a teacher of the region whose own route shows the words.
func teacherWith(t *testing.T, words ...string) string {
	t.Helper()
	for i := 40; i <= 200; i++ {
		login := fmt.Sprintf("teacher%03d", i)
		_, body := plain(t, login).get("/route")
		found := true
		for _, w := range words {
			found = found && strings.Contains(body, w)
		}
		if found {
			return login
		}
	}
	t.Fatalf("no teacher's route has %q", words)
	return ""
}

// A teacher reads the proposed route and agrees; another completes a step and shows the document.
func TestTeacherAgreesAndCompletesAStep(t *testing.T) {
	t.Parallel()
	v := as(t, "teacher")
	v.click(`main a.btn[href="/route"]`)
	v.see("Посмотрите и решите", "Ради чего это")
	v.look("route-proposed")
	v.click(`form[action="/route/agree"] button`)
	v.see("Вы согласились")
	v.look("route-agreed")
	v.open("/route/print")
	v.look("route-own-print")

	login := teacherWith(t, `value="done"`, "Шаг пройден")
	w := as(t, login)
	w.open("/route")
	w.look("route-own")
	w.tap(`details:has(input[value="done"]) summary`)
	w.click(`form:has(input[value="done"]) button`) // without a document it is refused, by words
	if w.path() != "/route/steps" {
		t.Errorf("without a document the step is taken: %s", w.path())
	}
	w.look("route-refused")
	w.open("/route")
	w.tap(`details:has(input[value="done"]) summary`)
	w.fill(`form:has(input[value="done"]) input[name="document"]`, "удостоверение № 47-778899 от 20.11.2026")
	scan, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "document.png")
	if err := os.WriteFile(file, scan, 0o644); err != nil {
		t.Fatal(err)
	}
	w.do(chromedp.SetUploadFiles(`form:has(input[value="done"]) input[type="file"]`, []string{file}, chromedp.ByQuery))
	w.click(`form:has(input[value="done"]) button`)
	w.see("Отметка сохранена", "пройден", "№ 47-778899", "снимок приложен")
	w.look("route-step-done")
}

// A coordinator follows who takes part in the own municipality, without a score and without another's people.
func TestCoordinatorFollowsParticipation(t *testing.T) {
	t.Parallel()
	v := as(t, "coordinator")
	v.click(`.nav a[href="/participation"]`)
	v.see("участие", "приглашено", "завершили", "Результаты педагог обсуждает")
	v.look("participation")
	rows := v.table("main table")
	if len(rows) < 3 {
		t.Fatalf("participation has %d rows", len(rows))
	}
	var waiting int
	if _, err := fmt.Sscanf(v.text(`.page-head a[href^="/participation/waiting"]`), "Кто ещё не начал: %d", &waiting); err != nil {
		t.Fatal(err)
	}
	book := workbookOf(t, v.download(`.page-head a[href^="/participation.xlsx"]`))
	total := rows[len(rows)-1]
	said := ""
	for _, name := range book.GetSheetList() {
		said += fmt.Sprint(sheetOf(t, book, name))
	}
	for _, row := range rows[1 : len(rows)-1] {
		if !strings.Contains(said, row[0]) {
			t.Errorf("%s is not in the workbook", row[0])
		}
	}
	sum := 0
	for _, row := range rows[1 : len(rows)-1] {
		n, err := strconv.Atoi(strings.ReplaceAll(row[1], " ", ""))
		if err != nil {
			t.Error(err)
		}
		sum += n
	}
	if strconv.Itoa(sum) != strings.ReplaceAll(total[1], " ", "") {
		t.Errorf("the schools add up to %d, the total says %s", sum, total[1])
	}
	v.click(`.page-head a[href^="/participation/waiting"]`)
	v.look("participation-waiting")
	if got := len(v.table("main table")) - 1; got != waiting {
		t.Errorf("%d names of %d who have not begun", got, waiting)
	}
	v.click(`.page-head a[href^="/participation/cards"]`)
	v.look("participation-cards")
	m := plain(t, "coordinator")
	for territory := 1; territory <= 18; territory++ {
		_, body := m.get(fmt.Sprintf("/participation/waiting?territory=%d", territory))
		if strings.Contains(body, "Карточки для печати") && !strings.Contains(body, v.municipality(m)) {
			t.Errorf("territory %d is shown to the coordinator of another", territory)
		}
	}
	for _, path := range []string{"/results/" + "00000000-0000-4000-8000-000000000000", "/campaigns/1/results", "/routes", "/marking"} {
		if resp, _ := m.get(path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("the coordinator opens %s: %s", path, resp.Status)
		}
	}
}

var headed = regexp.MustCompile(`<h1>([^<:]+): участие</h1>`)

// municipality is the coordinator's own, as the heading of participation names it.
func (v *visitor) municipality(m *member) string {
	v.t.Helper()
	_, body := m.get("/participation")
	found := headed.FindStringSubmatch(body)
	if found == nil {
		v.t.Fatal("participation has no municipality in its heading")
	}
	return found[1]
}

// wordsOf reads a DOCX back: the text of its paragraphs and cells.
func wordsOf(t *testing.T, docx []byte) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(docx), int64(len(docx)))
	if err != nil {
		t.Fatalf("what came is no document: %v", err)
	}
	f, err := z.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	d := xml.NewDecoder(f)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.CharData:
			b.Write(x)
		case xml.EndElement:
			if x.Name.Local == "p" {
				b.WriteByte('\n')
			}
		}
	}
	return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(b.String())
}

// The memo for a municipality opens, its document says what the page says, and the
// municipality reads it once it is approved, not before.
func TestMemoOfAMunicipality(t *testing.T) {
	t.Parallel()
	v := as(t, "analyst")
	v.open("/memos")
	v.look("memos")
	coordinator := plain(t, "coordinator")
	home := v.municipality(coordinator)
	var own, draft struct{ Href, Title, Value string }
	v.eval(fmt.Sprintf(`(() => { const a = [...document.querySelectorAll("tbody tr")].find(r => r.cells[0].textContent === %q && /утверждена/.test(r.textContent)).querySelector("a"); return {href: a.getAttribute("href")}; })()`, home), &own)
	v.eval(`(() => { const made = [...document.querySelectorAll("tbody tr")].map(r => r.cells[0].textContent); const o = [...document.querySelector("#territory").options].find(o => o.value !== "0" && !made.includes(o.textContent)); return {title: o.textContent, value: o.value}; })()`, &draft)
	v.choose("#territory", draft.Value)
	v.choose("#campaign", "1")
	v.click(`form[action="/memos"] button`)
	v.see("Справка: "+draft.Title, "Что стоит укрепить", "Рекомендации", "Черновик")
	memo := v.path()
	v.look("memo")
	words := wordsOf(t, v.download(`.page-head a.btn[href*=".docx"]`))
	compared := 0
	for _, row := range v.table(`section[aria-labelledby="part"] table`) {
		for _, cell := range row {
			if compared++; !strings.Contains(words, cell) {
				t.Errorf("the document lacks %q", cell)
			}
		}
	}
	var texts []string
	v.eval(`[...document.querySelectorAll(".memo-text")].map(x => x.textContent.replace(/[\u00a0\u202f]/g, " ").trim())`, &texts)
	for _, text := range texts {
		if compared++; !strings.Contains(words, text) {
			t.Errorf("the document lacks %q", text)
		}
	}
	if compared < 10 {
		t.Errorf("only %d places were compared", compared)
	}
	v.fill("#number", "47-ж")
	v.click(`form[action$="/approve"] button`)
	v.see("№ 47-ж")
	if resp, _ := coordinator.get(memo); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the coordinator reads another municipality's memo: %s", resp.Status)
	}
	c := as(t, "coordinator")
	c.open("/memos")
	c.click(`main a[href="` + own.Href + `"]`)
	c.see("Справка: "+home, "№")
	c.look("memo-coordinator")
}

// The manager writes down how an item of the roadmap stands; the sheet of the year shows it.
func TestRoadmapItemIsUpdated(t *testing.T) {
	t.Parallel()
	v := as(t, "manager")
	v.open("/roadmap")
	v.look("roadmap-plans")
	var plan string
	v.eval(`[...document.querySelectorAll("main a[href^='/roadmap/']")].map(a => a.getAttribute("href")).filter(h => /^\/roadmap\/\d+$/.test(h)).sort((a, b) => b.split("/")[2] - a.split("/")[2])[0]`, &plan)
	v.open(plan)
	v.look("roadmap")
	v.open(plan + "/items/5.2")
	v.see("Срок, как в плане", "Ответственные", "Из системы")
	v.look("roadmap-item")
	v.tap(`.roadmap-states label:nth-child(2)`)
	var chosen string
	v.eval(`document.querySelector(".roadmap-states input:checked").parentElement.textContent.trim()`, &chosen)
	v.fill("#note", "Провели во всех муниципалитетах, сводка готовится.")
	v.click(`form[action$="/reports"] button`)
	v.see("Записано", "Провели во всех муниципалитетах", chosen)
	history := v.text(`section[aria-labelledby="history"]`)
	if !strings.Contains(history, chosen) {
		t.Errorf("the history does not say %q: %s", chosen, history)
	}
	// A document without https is refused, with the words kept.
	v.fill("#note", "Ещё запись")
	v.fill("#document_title", "Приказ")
	v.do(chromedp.Evaluate(`document.querySelector("#document").type = "text"`, nil))
	v.fill("#document", "ftp://example")
	v.do(chromedp.Click(`form[action$="/reports"] button`, chromedp.ByQuery), chromedp.WaitVisible(`.error-summary`))
	var kept string
	v.eval(`document.querySelector("#note").value`, &kept)
	if kept != "Ещё запись" {
		t.Errorf("after a refusal the note is %q", kept)
	}
	v.look("roadmap-item-refused")
	reader := plain(t, "analyst")
	if resp, body := reader.get(plan + "/items/5.2"); resp.StatusCode != http.StatusOK || strings.Contains(body, "Записать заметку") {
		t.Errorf("the analyst reads and does not write: %s", resp.Status)
	}
	book := workbookOf(t, v.downloadPath(plan+"/report.xlsx"))
	if len(book.GetSheetList()) == 0 {
		t.Error("the annual report has no sheet")
	}
}

// The coordinator reports on the plan of the own municipality, and on no other.
func TestCoordinatorReportsOnOwnPlan(t *testing.T) {
	t.Parallel()
	v := as(t, "coordinator")
	v.open("/roadmap")
	plans := map[string]string{}
	v.eval(`Object.fromEntries([...document.querySelectorAll("main th a[href^='/roadmap/']")].map(a => [a.textContent.trim(), a.getAttribute("href")]))`, &plans)
	writable := ""
	m := plain(t, "coordinator")
	for name, href := range plans {
		if _, body := m.get(href + "/items/1.1"); strings.Contains(body, "Записать заметку") {
			if writable != "" || strings.HasPrefix(name, "Регион") {
				t.Errorf("the coordinator may report on %q too", name)
			}
			writable = href
		}
	}
	if writable == "" {
		t.Fatalf("no plan of %v is the coordinator's", plans)
	}
	v.open(writable + "/items/5.2")
	v.fill("#note", "Все школы муниципалитета участвуют.")
	v.click(`form[action$="/reports"] button`)
	v.see("Записано", "Все школы муниципалитета участвуют")
	v.look("roadmap-item-coordinator")
}

// downloadPath asks for a file by its address, with the visitor's own session.
func (v *visitor) downloadPath(path string) []byte {
	v.t.Helper()
	var encoded string
	v.eval(fmt.Sprintf(`fetch(%q).then(r => r.ok ? r.arrayBuffer() : Promise.reject(r.status)).then(b => { let s = ""; new Uint8Array(b).forEach(x => s += String.fromCharCode(x)); return btoa(s); })`, path), &encoded)
	body, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		v.t.Fatal(err)
	}
	return body
}
