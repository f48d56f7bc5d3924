package main

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An analyst looks at how good a campaign was: the table of tasks turns by a column and
// says what the workbook says, a task leads to its options, and the report of a teacher
// tells how exact its points are.
func TestAnalystLooksAtQuality(t *testing.T) {
	t.Parallel()
	v := as(t, "analyst")
	v.open("/campaigns/1/results")
	v.click(`a.btn[href="/campaigns/1/quality"]`)
	v.look("quality")
	v.click(`#tasks ~ .stack-tight th a[href*="sort=p"]`)
	table := v.table("#tasks ~ .stack-tight table")
	shares := []int{}
	for _, row := range table[1:] {
		if row[0] == "№" {
			break // the next part
		}
		n, err := strconv.Atoi(strings.TrimSuffix(row[2], " %"))
		if err != nil {
			t.Fatalf("share of points %q in %v", row[2], row)
		}
		shares = append(shares, n)
	}
	if len(shares) < 10 || !slices.IsSorted(shares) {
		t.Errorf("by the share of points: %v", shares)
	}
	m := plain(t, "analyst")
	resp, body := m.get("/campaigns/1/quality.xlsx")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("workbook: %s", resp.Status)
	}
	book := []int{}
	for _, row := range sheetOf(t, workbookOf(t, []byte(body)), "Задания")[1:] {
		if row[0] != "Предметная" {
			continue
		}
		x, err := strconv.ParseFloat(row[7], 64)
		if err != nil {
			t.Fatalf("share %q in %v", row[7], row)
		}
		book = append(book, int(math.Round(100*x)))
	}
	slices.Sort(book)
	if !slices.Equal(book, shares) {
		t.Errorf("the workbook has %v, the page %v", book, shares)
	}
	v.open("/tasks?sort=look")
	v.look("tasks-statistics")
	v.open("/campaigns/1/quality?sort=rest")
	v.click(`#tasks ~ .stack-tight tbody a[href^="/tasks/"]`)
	v.look("task-statistics")
	if said := v.text("#statistics ~ .statistic .trust"); !strings.Contains(said, "Связь с остальными заданиями") {
		t.Errorf("the task says %q", said)
	}
}
