package routes_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/internal/access"
)

// The list is searched by name, put in another order and taken as a workbook, each as the page shows it.
func TestListOfRoutes(t *testing.T) {
	r := newRegion(t, 7)
	ids := r.proposal()
	r.must(r.routes.Propose(t.Context(), r.methodist, ids[2]))
	r.must(r.routes.Cancel(t.Context(), r.methodist, ids[0], "Уволился"))
	rows := regexp.MustCompile(`(?s)<tr><th scope="row">.*?</tr>`)
	names := func(page string) (out []string) {
		for _, row := range rows.FindAllString(page, -1) {
			out = append(out, regexp.MustCompile(`Номеровна(а*)`).FindStringSubmatch(row)[1])
		}
		return out
	}
	_, page := r.get(r.methodist, "/routes")
	if list := rows.FindAllString(page, -1); len(list) != 7 || !strings.Contains(list[6], "отменён") {
		t.Errorf("a cancelled route does not come last of %d", len(list))
	}
	shows(t, "the list", page, "Имя педагога", "Порядок", "Скачать XLSX", `href="/routes?sort=-closes"`)
	_, page = r.get(r.methodist, "/routes?sort=name")
	up := names(page)
	shows(t, "by name", page, `aria-sort="ascending"`, `href="/routes?sort=-name"`)
	_, page = r.get(r.methodist, "/routes?sort=-name")
	down := names(page)
	slices.Reverse(down)
	if len(up) != 7 || !slices.Equal(up, down) || !slices.IsSorted(up) {
		t.Errorf("by name %q, backwards %q", up, down)
	}
	_, page = r.get(r.methodist, "/routes?q=номеровнаааа")
	if found := names(page); len(found) != 4 {
		t.Errorf("found %q", found)
	}
	hides(t, "a search", page, "Предложить все черновики отбора")
	_, page = r.get(r.methodist, "/routes?q=никого")
	shows(t, "nobody found", page, "По этому отбору маршрутов нет")

	book := func(as access.Actor, path string) [][]string {
		t.Helper()
		_, body := r.get(as, path)
		f, err := excelize.OpenReader(strings.NewReader(body))
		r.must(err)
		got, err := f.GetRows("Маршруты")
		r.must(err)
		return got
	}
	got := book(r.methodist, "/routes.xlsx?sort=-name&q=номеровна")
	if len(got) != 8 || !strings.HasSuffix(got[1][0], "Номеровна"+up[6]) || got[1][1] == "" || got[1][4] != "Математика, осень 2026" || !strings.HasSuffix(got[1][12], "%") {
		t.Errorf("the workbook: %q", got)
	}
	var n int
	r.must(r.pool.Get(&n, `SELECT count(*) FROM journal WHERE action = 'routes.export'`))
	if n != 1 {
		t.Errorf("%d exports in the journal", n)
	}
	r.must(r.pool.Get(&n, `SELECT count(DISTINCT person_id) FROM journal WHERE purpose = 'выгрузка списка маршрутов'`))
	if n != 7 {
		t.Errorf("%d people are told of it", n)
	}
	if got := book(r.municipal, "/routes.xlsx"); len(got) != 1 {
		t.Errorf("without consents the municipal methodist takes %d lines", len(got)-1)
	}
}
