package routes_test

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

var codeOf = regexp.MustCompile(`name="code" value="([^"]+)"`)

// codes are the participants that a page lets be ticked, in its order.
func codes(page string) []string {
	out := []string{}
	for _, m := range codeOf.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// The people of a proposal are found, sifted and ordered; drafts are made of what a filter shows; the way back to a
// draft stands where it was taken; the workbook holds the same people.
func TestPeopleOfAProposal(t *testing.T) {
	r := newRegion(t, 12)
	// The first need the least: of what there is, everything of theirs is closed sooner.
	for i, a := range r.teachers {
		r.needs[a.ID] = map[string]float64{"math.probability": 0.05 + 0.03*float64(i), "math.word": 0.08}
	}
	r.needs[r.teachers[5].ID] = map[string]float64{"math.nothing": 0.4}
	to := r.asks(url.Values{"hours": {"36"}, "cost": {"20000"}})
	r.works()
	_, page := r.get(r.methodist, to)
	shows(t, "all", page, "Все: 12", "Можно взять: 11", "Ничего не подошло: 1", "Создать черновики: 11", `aria-sort="ascending"`, "Скачать XLSX", "Математика, осень 2026, все муниципалитеты",
		"подходящих программ больше нет", `type="checkbox" name="code"`, " checked>")
	if len(codes(page)) != 11 || strings.Count(page, " checked>") != 11 {
		t.Errorf("%d can be ticked, %d are", len(codes(page)), strings.Count(page, " checked>"))
	}
	byName := codes(page)
	_, page = r.get(r.methodist, to+"?sort=-name")
	turned := codes(page)
	slices.Reverse(turned)
	if !slices.Equal(byName, turned) {
		t.Errorf("turned round: %v, %v", byName, turned)
	}
	_, page = r.get(r.methodist, to+"?sort=closes")
	shares := []string{}
	for _, m := range regexp.MustCompile(`data-label="Закроет">(\d+)`).FindAllStringSubmatch(page, -1) {
		shares = append(shares, fmt.Sprintf("%3s", m[1]))
	}
	if len(shares) != 12 || !slices.IsSorted(shares) || shares[0] == shares[11] {
		t.Errorf("by what they close: %v", shares)
	}
	_, school := r.place(1)
	_, page = r.get(r.methodist, fmt.Sprintf("%s?organisation=%d", to, school))
	shows(t, "a school", page, "Создать черновики по отбору: 5", "Школа № 2")
	if n := len(codes(page)); n != 5 {
		t.Errorf("%d of a school", n)
	}
	_, page = r.get(r.methodist, to+"?q="+url.QueryEscape("номеровнаааааааааааа"))
	shows(t, "one by name", page, "Создать черновики по отбору: 1")
	_, page = r.get(r.methodist, to+"?q="+url.QueryEscape("Никто"))
	shows(t, "nobody", page, "По этому отбору никого нет")

	// Drafts of a filter only.
	form := url.Values{"organisation": {fmt.Sprint(school)}, "sort": {"-hours"}}
	code, _, back := r.post(r.methodist, to+"/apply", form)
	if code != 303 || !strings.Contains(back, "organisation=") || !strings.Contains(back, "sort=-hours") {
		t.Fatalf("drafts of a school: %d %s", code, back)
	}
	_, page = r.get(r.methodist, to+"?state=held")
	shows(t, "taken", page, "Маршрут уже есть: 5", "Отменить: 5", ">черновик<")
	if n := strings.Count(page, `<a href="/routes/`) - strings.Count(page, `<a href="/routes/d`) - strings.Count(page, `<a href="/routes/what`); n < 5 {
		t.Errorf("%d ways to a draft", n)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "the others", page, "Создать черновики: 6")

	code, body := r.get(r.methodist, to+"/people.xlsx?state=held")
	if code != 200 {
		t.Fatalf("workbook: %d", code)
	}
	f, err := excelize.OpenReader(bytes.NewReader([]byte(body)))
	r.must(err)
	rows, err := f.GetRows("Педагоги")
	r.must(err)
	steps, err := f.GetRows("Шаги")
	r.must(err)
	about, err := f.GetRows("О расчёте")
	r.must(err)
	if len(rows) != 6 || !strings.Contains(rows[1][0], "Учителева") || rows[1][3] != "Школа № 2" || !strings.HasSuffix(rows[1][4], "%") || rows[1][12] != "маршрут: черновик" {
		t.Errorf("people: %q", rows)
	}
	if len(steps) < 6 || !strings.Contains(rows[1][10], steps[1][3]) {
		t.Errorf("steps: %q", steps)
	}
	if len(about) < 10 || about[2][1] != "Математика, осень 2026" {
		t.Errorf("about: %q", about)
	}
	var looks, exports int
	r.must(r.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'name.read' AND purpose = 'выгрузка предложения маршрутов'`))
	r.must(r.pool.Get(&exports, `SELECT count(*) FROM journal WHERE action = 'proposal.export'`))
	if looks != 5 || exports != 1 {
		t.Errorf("%d looks, %d exports in the journal", looks, exports)
	}
	if code, _ := r.get(r.municipal, to+"/people.xlsx"); code != 404 {
		t.Errorf("another takes the workbook: %d", code)
	}
}

// Who leaves the page while drafts are made finds the work going on; drafts of a filter are made in the background too.
func TestDraftsOfAFilterInTheBackground(t *testing.T) {
	r := newRegion(t, 44)
	to := r.asks(url.Values{"hours": {"36"}, "cost": {"20000"}})
	r.works()
	code, _, drafting := r.post(r.methodist, to+"/apply", url.Values{"q": {"номеровнаа"}}) // all but the first
	if code != 303 || !strings.Contains(drafting, "drafts=") {
		t.Fatalf("%d %s", code, drafting)
	}
	_, page := r.get(r.methodist, to)
	shows(t, "going on", page, "Создаём черновики")
	r.works()
	_, page = r.get(r.methodist, to)
	shows(t, "done", page, "Маршрут уже есть: 43", "Можно взять: 1")
}

// A calculation about people who need nothing says so and nothing else.
func TestNobodyToProposeTo(t *testing.T) {
	r := newRegion(t, 2)
	for _, a := range r.teachers {
		delete(r.needs, a.ID)
	}
	to := r.asks(url.Values{"hours": {"72"}, "cost": {""}})
	r.works()
	_, page := r.get(r.methodist, to)
	shows(t, "no results", page, "Предлагать некому", "здесь нет ни одного результата")
	hides(t, "no results", page, "доказано", "уже есть маршрут")
	r.needs[r.teachers[0].ID] = map[string]float64{"math.word": 0}
	to = r.asks(url.Values{"hours": {"72"}, "cost": {""}})
	r.works()
	_, page = r.get(r.methodist, to)
	shows(t, "nothing to mend", page, "Всем, кто здесь прошёл диагностику, укреплять нечего")
}
