package roadmap

import (
	"strconv"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/roadmap/parse"
)

// bar is one stretch of an item on the sheet of the year; lengths are percents.
type bar struct {
	Class  string
	X, W   string
	Round  bool // one of many short ones
	Dashed bool // dates are in another plan
}

// row is an item as the sheet shows it.
type row struct {
	Item
	Lines   []string // of the text: the first, then the entries of its list
	State   State
	Tag     string // class of the word of the state
	Word    string
	Say     string // term and state in words, for the picture
	Bars    []bar
	Due     time.Time
	Pushed  bool // the term had ended before the approval
	Live    []Live
	History []Report // newest first
	Href    string
}

// sheet is the year of a plan: what does not depend on the item.
type sheet struct {
	year  int
	today parse.Date
}

// at is the place of a day in the year, from 0 to 1; end is its evening.
func (s sheet) at(d parse.Date, end bool) float64 {
	t, err := time.Parse("2006-01-02", string(d))
	if err != nil {
		return 0
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	first := time.Date(s.year, 1, 1, 0, 0, 0, 0, time.UTC)
	whole := first.AddDate(1, 0, 0).Sub(first)
	return min(max(float64(t.Sub(first))/float64(whole), 0), 1)
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 2, 64) + "%" }

// Today is the place of the line of today, "" outside the year.
func (s sheet) Today() string {
	if !strings.HasPrefix(string(s.today), itoa(s.year)) {
		return ""
	}
	x := (s.at(s.today, false) + s.at(s.today, true)) / 2
	return percent(x)
}

var classOf = map[State]string{Done: "t-done", Going: "t-go", Late: "t-late", Ahead: "t-wait", Cancelled: "t-off"}

// bars draws the term of an item: what is closed, late or still ahead whole,
// what goes on up to today and from today.
func (s sheet) bars(i Item, state State) []bar {
	const gap = 0.003 // between neighbours
	periods := i.Term.Periods
	dashed := len(periods) == 0
	if dashed {
		periods = []parse.Period{{From: parse.Date(itoa(s.year) + "-01-01"), To: parse.Date(itoa(s.year) + "-12-31")}}
	}
	many := len(periods) > 4
	var out []bar
	for _, p := range periods {
		from, to := s.at(p.From, false), s.at(p.To, true)
		if to-from < 0.006 { // a single day must be seen
			to = min(from+0.006, 1)
			from = to - 0.006
		}
		add := func(class string, from, to float64) {
			if to-from > 2*gap {
				out = append(out, bar{class, percent(from + gap), percent(to - from - 2*gap), many, dashed})
			}
		}
		if many {
			from, to = from+(to-from)/4, to-(to-from)/4
		}
		now := s.at(s.today, false)
		if string(s.today) > itoa(s.year)+"-12-31" {
			now = 1
		}
		switch {
		case state != Going || dashed:
			add(classOf[state], from, to)
		case to <= now || many && from <= now:
			add("t-go", from, to)
		case from >= now:
			add("t-wait", from, to)
		case to-from < 0.2: // a month that goes on is one bar, as on the wall
			add("t-go", from, to)
		default:
			add("t-go", from, now+gap)
			add("t-wait", now-gap, to)
		}
	}
	return out
}

// moved draws the way from the end of a term to the day it was postponed to.
func (s sheet) moved(i Item, until parse.Date, state State) []bar {
	from, to := s.at(i.End(s.year), true), s.at(until, true)
	if to-from < 0.004 {
		return nil
	}
	return []bar{{Class: classOf[state], X: percent(from), W: percent(to - from), Dashed: true}}
}

var tags = map[State][2]string{
	Done: {"tag-good", "сделано"}, Going: {"tag-go", "идёт"}, Late: {"tag-wait", "не закрыто"}, Ahead: {"tag-none", "впереди"}, Cancelled: {"tag-none", "отменено"},
}

// row makes an item ready to show.
func (s sheet) row(p Plan, i Item, live []Live) row {
	state := p.State(i, s.today)
	due, _ := time.Parse("2006-01-02", string(p.Due(i)))
	r := row{Item: i, Lines: strings.Split(i.Title, "\n"), State: state, Tag: tags[state][0], Word: tags[state][1], Bars: s.bars(i, state),
		Due: due, Pushed: p.ApprovedLate(i), Href: "/roadmap/" + strconv.FormatInt(p.ID, 10) + "/items/" + i.Number}
	if last, ok := i.Last(); ok && last.State == SaidPostponed {
		r.Bars = append(r.Bars, s.moved(i, day(*last.Until), state)...)
		if state != Late {
			r.Word, r.Tag = "перенесено", "tag-wait"
		}
	}
	for k, l := range r.Lines {
		r.Lines[k] = strings.TrimPrefix(l, "• ")
	}
	r.Say = "Срок: " + i.Term.Text + "; " + r.Word
	for _, l := range live {
		if l.Item.ID == i.ID {
			r.Live = append(r.Live, l)
		}
	}
	for k := len(i.Reports) - 1; k >= 0; k-- {
		r.History = append(r.History, i.Reports[k])
	}
	return r
}

// month is a column of the sheet.
type month struct {
	Long, Short, X, Edge string
	Now                  bool
}

func (s sheet) Months() []month {
	names := []string{"Янв", "Фев", "Мар", "Апр", "Май", "Июн", "Июл", "Авг", "Сен", "Окт", "Ноя", "Дек"}
	out := make([]month, 12)
	for k, n := range names {
		first := time.Date(s.year, time.Month(k+1), 1, 0, 0, 0, 0, time.UTC)
		from, to := s.at(day(first), false), s.at(day(first.AddDate(0, 1, 0)), false)
		if k == 11 {
			to = 1
		}
		out[k] = month{n, string([]rune(n)[:1]), percent((from + to) / 2), percent(from), strings.HasPrefix(string(s.today), first.Format("2006-01"))}
	}
	return out
}
