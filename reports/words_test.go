package reports_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/reports/reportstest"
)

// The list of people and the workbook call a record as its page does, the filter offers
// the same words, and no number contradicts them.
func TestWordsOfRecords(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	h := served(pool, analyst(r))
	// records at the edges of the rule and of the words
	edges := []float64{0.7996, 0.6, 0.5996, 0.4, 0.3996, 0.2004}
	for i, p := range edges {
		if _, err := pool.Exec(`UPDATE deficit SET p_deficit = $1, status = 'possible', severity = 'medium' WHERE id = (SELECT min(id) + $2 FROM deficit WHERE campaign_id = $3)`, p, 7*i, r.Campaign); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(`UPDATE deficit SET status = 'insufficient', severity = 'none' WHERE id = (SELECT min(id) + 1 FROM deficit WHERE campaign_id = $1)`, r.Campaign); err != nil {
		t.Fatal(err)
	}
	offered := map[string]bool{}
	for _, o := range all(t, get(t, h, "/deficits", 200), func(n *html.Node) bool { return n.Data == "option" && attr(n.Parent, "id") == "status" }) {
		offered[attr(o, "value")] = true
	}
	bounds := map[competency.Verdict][2]int{competency.Weak: {80, 99}, competency.Likely: {60, 79}, competency.Unclear: {40, 59}, competency.Unlikely: {21, 39}, competency.Sure: {1, 20}, competency.Silent: {1, 99}}
	possible, sum := 0, 0
	for _, v := range append([]competency.Verdict{"possible"}, competency.Verdicts...) {
		if !offered[string(v)] {
			t.Errorf("the filter does not offer %s", v)
		}
		rows := people(t, get(t, h, "/deficits.xlsx?status="+string(v), 200))
		if len(rows) < 2 {
			t.Errorf("no records are %s", v)
		}
		if v == "possible" {
			possible = len(rows) - 1
			continue
		}
		if v == competency.Likely || v == competency.Unclear || v == competency.Unlikely {
			sum += len(rows) - 1
		}
		column := columns(rows[0])
		for _, row := range rows[1:] {
			n, err := strconv.ParseFloat(row[column["Вероятность, что ниже порога"]], 64)
			if b := bounds[v]; err != nil || row[column["Вывод"]] != v.Words() || 100*n < float64(b[0])-1e-9 || 100*n > float64(b[1])+1e-9 {
				t.Errorf("%s: %q with %q (%v)", v, row[column["Вывод"]], row[column["Вероятность, что ниже порога"]], err)
			}
			if much := row[column["Насколько"]]; much != "" && v != competency.Weak && v != competency.Likely {
				t.Errorf("%s is to be strengthened %s", v, much)
			}
		}
		page := all(t, get(t, h, "/deficits?status="+string(v), 200), class("table", "table-cards"))
		if len(page) != 1 || !strings.Contains(text(page[0]), v.Words()) {
			t.Errorf("the page does not say %s", v.Words())
		}
	}
	if possible != sum {
		t.Errorf("%d records have no verdict, %d by the three words", possible, sum)
	}
	for _, severity := range competency.Severities[:2] {
		for _, row := range people(t, get(t, h, "/deficits.xlsx?severity="+severity, 200))[1:] {
			if !strings.Contains(strings.Join(row, "|"), "|"+competency.SeverityWords(severity)+"|") {
				t.Errorf("%s: %q", severity, row)
			}
		}
	}
}

// The probability is bounded from both sides; the bounds stay in links, views and words.
func TestChancesBounded(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	r := reportstest.New(t, pool)
	h := served(pool, analyst(r))
	rows := people(t, get(t, h, "/deficits.xlsx?sure=40&most=70", 200))
	column := columns(rows[0])["Вероятность, что ниже порога"]
	if len(rows) < 3 {
		t.Fatal("no records from 40 to 70")
	}
	for _, row := range rows[1:] {
		if n, err := strconv.ParseFloat(row[column], 64); err != nil || n < 0.4 || n > 0.7 {
			t.Errorf("%q is not from 40 to 70", row[column])
		}
	}
	page := get(t, h, "/deficits?sure=40&most=70", 200)
	if !strings.Contains(page, "шансов, что ниже порога: от 40 до 70 из 100") {
		t.Error("the page does not say how it was narrowed")
	}
	for name, want := range map[string]string{"sure": "40", "most": "70"} {
		if f := all(t, page, func(n *html.Node) bool { return attr(n, "id") == name }); len(f) != 1 || attr(f[0], "value") != want {
			t.Errorf("field %s forgets its value", name)
		}
	}
	q, err := reports.ParseQuery(reports.Query{Sure: 40, Most: 70, Status: "likely"}.Values().Encode())
	if err != nil || q.Sure != 40 || q.Most != 70 || q.Status != "likely" {
		t.Errorf("%+v, %v", q, err)
	}
	for _, odd := range []string{"most=101", "most=-1", "most=x", "status=perhaps"} {
		get(t, h, "/deficits?"+odd, 422)
		if _, err := reports.ParseQuery(odd); err == nil {
			t.Errorf("%s is taken", odd)
		}
	}
	post(t, h, "/deficits/views", url.Values{"title": {"У порога"}, "query": {"sure=40&most=70"}}, 303)
	if page := get(t, h, "/deficits", 200); !strings.Contains(page, "most=70") || !strings.Contains(page, "среднее их вероятностей") {
		t.Error("the view forgets a bound, or the list of what to teach does not say what it counts")
	}
}

// people reads the sheet of people as raw values.
func people(t *testing.T, book string) [][]string {
	t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows("Люди", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func columns(head []string) map[string]int {
	at := map[string]int{}
	for i, h := range head {
		if _, twice := at[h]; twice {
			h = fmt.Sprint(h, i)
		}
		at[h] = i
	}
	return at
}
