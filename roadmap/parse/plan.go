// Package parse reads the plans of measures ("roadmaps") that a region and its
// municipalities approve, as they are circulated: text taken out of a PDF, a
// tab-separated or Markdown table, a Word document, a workbook. It is pure: a
// reader in, a Plan or a list of faults out.
package parse

import (
	"fmt"
	"strings"
)

// Plan is one approved plan, whole, in the order of the document.
type Plan struct {
	Title    string    `json:"title"`
	Year     int       `json:"year"`
	Approved *Approval `json:"approved"` // nil where the blanks of the form were left empty
	Sections []Section `json:"sections"`
	Warnings []string  `json:"warnings"`
}

// Approval is the number and the date of the act that approved the plan.
type Approval struct {
	Number string `json:"number"`
	Date   Date   `json:"date"`
}

// Section is a numbered part of the plan.
type Section struct {
	Number string `json:"number"`
	Title  string `json:"title"`
	Items  []Item `json:"items"`
}

// Item is one measure. Title keeps its lists: an entry a line, after "• ".
type Item struct {
	Number      string   `json:"number"`
	Title       string   `json:"title"`
	Term        Term     `json:"term"`
	Responsible []string `json:"responsible"`
}

// Term is when a measure is due: the words of the plan and what they mean.
// Periods is empty where the plan leaves the dates to another plan.
type Term struct {
	Text    string   `json:"text"`
	Kind    Kind     `json:"kind"`
	Periods []Period `json:"periods"`
}

// Kind is the form of a term.
type Kind string

// The kinds of terms.
const (
	Month      Kind = "month"
	MonthList  Kind = "month_list"
	MonthRange Kind = "month_range"
	HalfYears  Kind = "half_years"
	AllYear    Kind = "all_year"
	Continuous Kind = "continuous"
	Monthly    Kind = "monthly"
	Quarterly  Kind = "quarterly"
	Yearly     Kind = "yearly"
	OtherPlan  Kind = "other_plan"
)

// Period is a span of days, both ends included.
type Period struct {
	From Date `json:"from"`
	To   Date `json:"to"`
}

// Date is a day written as 2023-01-31, so that dates compare as strings.
type Date string

// Items counts the items of all sections.
func (p Plan) Items() int {
	n := 0
	for _, s := range p.Sections {
		n += len(s.Items)
	}
	return n
}

// Fault is one thing wrong in a plan: where, what, and what stood to be expected.
type Fault struct {
	File     string
	Line     int // line of a text, row of a table; 0 for the file as a whole
	Wrong    string
	Expected string
}

func (f Fault) Error() string {
	at := f.File
	if f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s: %s, %s", at, f.Wrong, f.Expected)
}

// Faults is every fault of one plan; as an error it is a line for each.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

// report gathers what is wrong and what is only odd while one file is read.
type report struct {
	file     string
	faults   Faults
	warnings []string
}

func (r *report) fault(line int, wrong, expected string) {
	r.faults = append(r.faults, Fault{r.file, line, wrong, expected})
}

func (r *report) warn(line int, format string, args ...any) {
	at := r.file
	if line > 0 {
		at = fmt.Sprintf("%s:%d", r.file, line)
	}
	r.warnings = append(r.warnings, at+": "+fmt.Sprintf(format, args...))
}
