// Package roadmap keeps the plans of measures of the region and its
// municipalities: what is due when and by whom, what has been reported, and the
// live figures that the system itself knows about an item.
package roadmap

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/roadmap/parse"
)

// Plan is a plan as it is kept, with its items and all that was reported.
type Plan struct {
	ID             int64      `db:"id"`
	Title          string     `db:"title"`
	Year           int        `db:"year"`
	TerritoryID    *int64     `db:"territory_id"` // nil is the region
	Owner          string     `db:"owner"`        // whose plan, as lists name it
	ApprovedNumber string     `db:"approved_number"`
	ApprovedOn     *time.Time `db:"approved_on"`
	AdoptedFrom    *int64     `db:"adopted_from"`
	SourceName     string     `db:"source_name"`
	SourceSHA      string     `db:"source_sha256"`
	Sections       []Section
}

// Name is what lists and crumbs call the plan: "Регион, 2026".
func (p Plan) Name() string { return p.Owner + ", " + itoa(p.Year) }

// Section is a numbered part of a plan.
type Section struct {
	Number int    `db:"number"`
	Title  string `db:"title"`
	Items  []Item
}

// Item is one measure.
type Item struct {
	ID          int64
	Section     int
	Number      string
	Title       string // whole, an entry of a list a line
	Short       string // what the chart calls it
	Term        parse.Term
	Responsible []string
	Reports     []Report // oldest first
	Keys        []string // indicators attached
}

// Report is what somebody said about an item; reports are never changed.
type Report struct {
	ID            int64           `db:"id"`
	State         Said            `db:"state"`
	Note          string          `db:"note"`
	DocumentTitle string          `db:"document_title"`
	Document      string          `db:"document"` // a link
	Until         *time.Time      `db:"until"`    // the new term of a postponed item
	By            access.PersonID `db:"by_id"`
	At            time.Time       `db:"at"`
}

// Said is the state that a report gives an item.
type Said string

// What a report may say.
const (
	SaidPlanned   Said = "planned"
	SaidGoing     Said = "in_progress"
	SaidDone      Said = "done"
	SaidPostponed Said = "postponed"
	SaidCancelled Said = "cancelled"
)

var saidWords = []struct {
	Said Said
	Word string
}{
	{SaidGoing, "идёт"}, {SaidDone, "сделано"}, {SaidPostponed, "перенесено"}, {SaidCancelled, "отменено"}, {SaidPlanned, "ещё не начато"},
}

// Word is the state in words.
func (s Said) Word() string {
	for _, w := range saidWords {
		if w.Said == s {
			return w.Word
		}
	}
	return ""
}

// State is where an item stands today.
type State string

// The states, by reports and dates.
const (
	Ahead     State = "ahead"
	Going     State = "going"
	Done      State = "done"
	Late      State = "late"
	Cancelled State = "cancelled"
)

// States lists the states with their words, in the order of the filter.
var States = []struct {
	State State
	Word  string
}{{Going, "идёт"}, {Done, "сделано"}, {Late, "срок прошёл, не закрыто"}, {Ahead, "впереди"}, {Cancelled, "отменено"}}

// Last is the latest report, if there is one.
func (i Item) Last() (Report, bool) {
	if len(i.Reports) == 0 {
		return Report{}, false
	}
	return i.Reports[len(i.Reports)-1], true
}

// End is the last day of the term; for a term of another plan, of the year.
func (i Item) End(year int) parse.Date {
	end := parse.Date("")
	for _, p := range i.Term.Periods {
		end = max(end, p.To)
	}
	if end == "" {
		return parse.Date(itoa(year) + "-12-31")
	}
	return end
}

// Due is the day after which an open item of the plan is late: the end of its
// term, or what it was postponed to, and never before the plan was approved.
func (p Plan) Due(i Item) parse.Date {
	due := i.End(p.Year)
	for _, r := range i.Reports {
		if r.Until != nil {
			due = day(*r.Until)
		}
	}
	if p.ApprovedOn != nil {
		due = max(due, day(*p.ApprovedOn))
	}
	return due
}

// ApprovedLate tells whether the term had ended before the plan was approved.
func (p Plan) ApprovedLate(i Item) bool {
	return p.ApprovedOn != nil && len(i.Term.Periods) > 0 && i.End(p.Year) < day(*p.ApprovedOn)
}

// State is where an item of the plan stands on a day.
func (p Plan) State(i Item, today parse.Date) State {
	last, reported := i.Last()
	switch {
	case reported && last.State == SaidDone:
		return Done
	case reported && last.State == SaidCancelled:
		return Cancelled
	case today > p.Due(i):
		return Late
	case reported && last.State == SaidGoing:
		return Going
	case reported && last.State == SaidPlanned:
		return Ahead
	}
	start := parse.Date(itoa(p.Year) + "-01-01")
	if len(i.Term.Periods) > 0 {
		start = i.Term.Periods[0].From
		for _, q := range i.Term.Periods {
			start = min(start, q.From)
		}
	}
	if today >= start {
		return Going
	}
	return Ahead
}

// Responsibles are the organisations of a plan, the most mentioned first.
func (p Plan) Responsibles() []string {
	n := map[string]int{}
	for _, s := range p.Sections {
		for _, i := range s.Items {
			for _, r := range i.Responsible {
				n[r]++
			}
		}
	}
	out := make([]string, 0, len(n))
	for r := range n {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b string) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		return strings.Compare(a, b)
	})
	return out
}

// Item finds an item by its number.
func (p Plan) Item(number string) (Item, bool) {
	for _, s := range p.Sections {
		for _, i := range s.Items {
			if i.Number == number {
				return i, true
			}
		}
	}
	return Item{}, false
}

// Tally counts items by state.
type Tally struct{ All, Done, Going, Late, Ahead, Cancelled int }

// Words is the tally in a phrase, without what there is none of.
func (t Tally) Words() string {
	var parts []string
	for _, p := range []struct {
		word string
		n    int
	}{{"сделано", t.Done}, {"идёт", t.Going}, {"впереди", t.Ahead}, {"не закрыто в срок", t.Late}, {"отменено", t.Cancelled}} {
		if p.n > 0 {
			parts = append(parts, p.word+"\u00a0"+itoa(p.n))
		}
	}
	return strings.Join(parts, ", ")
}

// Tally counts the items of some sections on a day.
func (p Plan) Tally(sections []Section, today parse.Date) Tally {
	var t Tally
	for _, s := range sections {
		for _, i := range s.Items {
			t.All++
			switch p.State(i, today) {
			case Done:
				t.Done++
			case Going:
				t.Going++
			case Late:
				t.Late++
			case Ahead:
				t.Ahead++
			case Cancelled:
				t.Cancelled++
			}
		}
	}
	return t
}

// Shorten makes a line of the chart out of the text of an item, until somebody
// words it better: its first clause, cut at a word.
func Shorten(title string) string {
	s, _, _ := strings.Cut(title, "\n")
	for _, stop := range []string{":", ";", " (", ","} {
		if head, _, cut := strings.Cut(s, stop); cut && utf8.RuneCountInString(head) >= 24 {
			s = head
		}
	}
	s = strings.TrimRight(s, " .,:;")
	const most = 64
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	cut := string([]rune(s)[:most])
	words := strings.Fields(cut[:strings.LastIndex(cut, " ")])
	for len(words) > 3 && utf8.RuneCountInString(words[len(words)-1]) <= 3 {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ") + "…"
}

// Figure is what the system knows by itself about an item, in words to show.
type Figure struct {
	Value string   // "1 284"; empty where nothing is known yet
	Words string   // what follows it: "из 1 500 педагогов"
	Share *float64 // of the whole, where there is one: the length of the bar
	Note  string   // what is counted and on which day
	Href  string   // the page that shows it in full
}

// Key is an indicator that may be attached to an item.
type Key struct{ Key, Title, Definition string }

// Territory is a municipality whose plan this may be.
type Territory struct {
	ID   int64
	Name string
}

// Outside is what roadmap asks of other contexts, given by the program.
type Outside struct {
	Keys        []Key
	Figures     func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, key string, year int) (Figure, error)
	Territories func(ctx context.Context, tx *sqlx.Tx) ([]Territory, error)
	Names       func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, why string, ids []access.PersonID) (map[access.PersonID]string, error)
}

func day(t time.Time) parse.Date { return parse.Date(t.Format("2006-01-02")) }
