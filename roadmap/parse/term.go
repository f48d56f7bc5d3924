package parse

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The grammar of terms is written as rules over tokens. A rule gives every
// place where a match begun at a token may end, and raises "more" when it ran
// out of tokens: then they are the beginning of a term, which is how a term cut
// by a page break is known.

type token struct {
	low   string
	upper bool // written with a capital
}

type rule func(ts []token, at int, more *bool) []int

func is(ok func(token) bool) rule {
	return func(ts []token, at int, more *bool) []int {
		if at >= len(ts) {
			*more = true
			return nil
		}
		if ok(ts[at]) {
			return []int{at + 1}
		}
		return nil
	}
}

func lit(words ...string) rule {
	return is(func(t token) bool {
		for _, w := range words {
			if t.low == w {
				return true
			}
		}
		return false
	})
}

func stem(stems ...string) rule {
	return is(func(t token) bool {
		for _, s := range stems {
			if strings.HasPrefix(t.low, s) {
				return true
			}
		}
		return false
	})
}

func seq(rules ...rule) rule {
	return func(ts []token, at int, more *bool) []int {
		ends := []int{at}
		for _, r := range rules {
			var next []int
			for _, e := range ends {
				next = union(next, r(ts, e, more))
			}
			if ends = next; len(ends) == 0 {
				return nil
			}
		}
		return ends
	}
}

func alt(rules ...rule) rule {
	return func(ts []token, at int, more *bool) []int {
		var ends []int
		for _, r := range rules {
			ends = union(ends, r(ts, at, more))
		}
		return ends
	}
}

func opt(rules ...rule) rule {
	r := seq(rules...)
	return func(ts []token, at int, more *bool) []int { return union([]int{at}, r(ts, at, more)) }
}

func star(r rule, most int) rule {
	return func(ts []token, at int, more *bool) []int {
		ends, last := []int{at}, []int{at}
		for i := 0; i < most && len(last) > 0; i++ {
			var next []int
			for _, e := range last {
				next = union(next, r(ts, e, more))
			}
			ends, last = union(ends, next), next
		}
		return ends
	}
}

func union(a, b []int) []int {
next:
	for _, x := range b {
		for _, y := range a {
			if x == y {
				continue next
			}
		}
		a = append(a, x)
	}
	return a
}

var monthForms = [][3]string{
	{"январь", "января", "январе"}, {"февраль", "февраля", "феврале"}, {"март", "марта", "марте"},
	{"апрель", "апреля", "апреле"}, {"май", "мая", "мае"}, {"июнь", "июня", "июне"},
	{"июль", "июля", "июле"}, {"август", "августа", "августе"}, {"сентябрь", "сентября", "сентябре"},
	{"октябрь", "октября", "октябре"}, {"ноябрь", "ноября", "ноябре"}, {"декабрь", "декабря", "декабре"},
}

func monthOf(s string) int {
	for m, forms := range monthForms {
		for _, f := range forms {
			if f == s {
				return m + 1
			}
		}
	}
	return 0
}

func monthForm(form int) rule {
	return is(func(t token) bool { m := monthOf(t.low); return m > 0 && monthForms[m-1][form] == t.low })
}

var ordinals = map[string]int{
	"1": 1, "2": 2, "3": 3, "4": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4,
	"первое": 1, "второе": 2, "первого": 1, "второго": 2, "первом": 1, "втором": 2,
	"первый": 1, "второй": 2, "третий": 3, "четвертый": 4,
}

func yearOf(s string) int {
	y, err := strconv.Atoi(s)
	if err != nil || len(s) != 4 || y < 1990 || y > 2100 {
		return 0
	}
	return y
}

func dayOf(s string) int {
	d, err := strconv.Atoi(s)
	if err != nil || d < 1 || d > 31 || len(s) > 2 {
		return 0
	}
	return d
}

type termRule struct {
	kind Kind
	rule rule
}

// The grammar twice: any remark in brackets may follow a term in a cell of its
// own; among running words only one about plans and dates.
var looseTerms, strictTerms = termRules(false), termRules(true)

// termRules is the grammar. A month list of one entry is a month or a range:
// periods says which.
func termRules(strict bool) []termRule {
	year := opt(is(func(t token) bool { return yearOf(t.low) > 0 }), opt(lit("г", "год", "года", "году")))
	nom := seq(monthForm(0), year)
	gen := seq(monthForm(1), year)
	in := seq(lit("в", "во"), monthForm(2), year)
	and := alt(seq(lit(",", ";"), opt(lit("и"))), lit("и"))
	day := is(func(t token) bool { return dayOf(t.low) > 0 })
	dated := is(func(t token) bool { return dayMonth.MatchString(t.low) })
	entry := alt(nom, in,
		seq(nom, lit("-"), nom),
		seq(lit("с"), gen, lit("по"), nom),
		seq(opt(lit("до")), day, gen),
		seq(lit("до"), lit("конца"), gen),
		seq(opt(lit("до")), dated),
	)
	months := seq(entry, star(seq(and, entry), 12))

	nth := seq(is(func(t token) bool { return ordinals[t.low] > 0 }), opt(lit("-"), lit("е", "ое", "й", "ый", "ом", "го")))
	nths := seq(nth, star(seq(alt(and, lit("-")), nth), 4))
	halves := alt(
		seq(nths, lit("полугодие", "полугодия"), year, star(seq(and, nth, lit("полугодие"), year), 1)),
		seq(lit("в", "во"), nth, lit("полугодии"), year))
	quarters := alt(
		seq(nths, lit("квартал", "квартала", "кварталы"), year),
		seq(lit("в", "во"), nth, lit("квартале"), year))

	inside := is(func(t token) bool { return t.low != "(" && t.low != ")" })
	lower := is(func(t token) bool { return !t.upper && t.low != "(" && t.low != ")" })
	plan := stem("план", "график", "расписани", "срок", "запрос", "заявк", "заявок", "согласовани", "положени", "приказ", "программ", "порядк")
	note := seq(lit("("), star(inside, 14), lit(")"))
	if strict {
		note = seq(lit("("), alt(months, seq(opt(lit("по")), star(lower, 2), plan, star(lower, 2))), lit(")"))
	}
	byPlan := alt(
		seq(lit("в"), lit("соответствии"), lit("с", "со"), star(lower, 3), plan, star(lower, 8)),
		seq(lit("согласно"), star(lower, 2), plan, star(lower, 8)),
		seq(lit("по"), star(lower, 2), plan, star(lower, 8)),
		seq(lit("по"), lit("итогам", "результатам"), star(lower, 8)))
	aside := opt(alt(note, seq(opt(lit(",")), lit("по"), star(lower, 2), plan)))

	return []termRule{
		{MonthList, seq(months, aside)},
		{HalfYears, seq(halves, aside)},
		{MonthRange, seq(quarters, aside)},
		{AllYear, seq(lit("в"), lit("течение", "течении"), opt(stem("всего", "календарн", "учебн", "отчетн")),
			opt(is(func(t token) bool { return yearOf(t.low) > 0 })), lit("года", "г"), year, aside)},
		{AllYear, seq(lit("весь", "круглый"), lit("год"), aside)},
		{Continuous, seq(lit("постоянно", "непрерывно", "систематически"), aside)},
		{Continuous, seq(lit("по"), lit("мере"), lit("необходимости", "поступления", "возникновения", "надобности"), star(lower, 4))},
		{Monthly, seq(lit("ежемесячно"), aside)},
		{Monthly, seq(lit("ежемесячно"), opt(lit(",")), lit("до"), day, opt(lit("числа")))},
		{Quarterly, seq(lit("ежеквартально"), aside)},
		{Quarterly, seq(opt(lit("1")), lit("раз"), lit("в"), lit("квартал"), aside)},
		{Yearly, seq(lit("ежегодно"), opt(alt(seq(lit("("), months, lit(")")), seq(opt(lit(",")), months))), aside)},
		{OtherPlan, byPlan},
	}
}

var dayMonth = regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})$`)
var termToken = regexp.MustCompile(`\d{1,2}\.\d{1,2}\.\d{4}|[\p{L}\p{N}]+|[(),;/-]`)

func tokens(s string) []token {
	s = strings.NewReplacer("–", "-", "—", "-", "‑", "-", "ё", "е", "Ё", "Е").Replace(s)
	var out []token
	for _, t := range termToken.FindAllString(s, -1) {
		r, _ := utf8.DecodeRuneInString(t)
		out = append(out, token{strings.ToLower(t), unicode.IsUpper(r)})
	}
	return out
}

// match tells whether text is a term by the rules and whether it begins one.
func match(rules []termRule, text string) (kind Kind, whole, begins bool) {
	ts := tokens(text)
	if len(ts) == 0 {
		return "", false, true
	}
	for _, r := range rules {
		more := false
		for _, end := range r.rule(ts, 0, &more) {
			if end == len(ts) && !whole {
				kind, whole = r.kind, true
			}
		}
		begins = begins || more
	}
	return kind, whole, begins
}

// ReadTerm gives the term that text is in a plan of the year; ok is false where
// text is no term.
func ReadTerm(text string, year int) (term Term, ok bool) {
	kind, whole, _ := match(looseTerms, text)
	if !whole {
		return Term{}, false
	}
	t := Term{Text: text, Kind: kind, Periods: []Period{}}
	ts := tokens(text)
	switch kind {
	case Continuous:
		t.Periods = append(t.Periods, span(year, 1, 12))
	case AllYear:
		for _, x := range ts {
			if y := yearOf(x.low); y > 0 {
				year = y
			}
		}
		if strings.Contains(strings.ToLower(text), "учебн") {
			t.Periods = append(t.Periods, span(year, 1, 5), span(year, 9, 12))
		} else {
			t.Periods = append(t.Periods, span(year, 1, 12))
		}
	case Monthly:
		for m := 1; m <= 12; m++ {
			t.Periods = append(t.Periods, span(year, m, m))
		}
	case Quarterly:
		for m := 1; m <= 12; m += 3 {
			t.Periods = append(t.Periods, span(year, m, m+2))
		}
	case HalfYears:
		t.Periods = parts(ts, year, 6)
	case MonthRange:
		if t.Periods = parts(ts, year, 3); len(t.Periods) > 1 {
			t.Kind = MonthList
		}
	case Yearly:
		if t.Periods = months(ts, year); len(t.Periods) == 0 {
			t.Periods = append(t.Periods, span(year, 1, 12))
		}
	case MonthList:
		t.Periods = months(ts, year)
		if len(t.Periods) == 1 {
			t.Kind = Month
			if p := t.Periods[0]; p.From[:7] != p.To[:7] {
				t.Kind = MonthRange
			}
		}
	}
	return t, true
}

// parts are the halves (six months) or quarters (three) that a term names.
func parts(ts []token, year, size int) []Period {
	out := []Period{}
	last, through := 0, false
	add := func(n int) {
		if n*size <= 12 {
			out = append(out, span(year, (n-1)*size+1, n*size))
		}
	}
	for _, t := range ts {
		if y := yearOf(t.low); y > 0 {
			shift := fmt.Sprintf("%04d", y)
			for i, p := range out {
				out[i] = Period{Date(shift) + p.From[4:], Date(shift) + p.To[4:]}
			}
		}
		if t.low == "(" {
			break
		}
		if n := ordinals[t.low]; n > 0 {
			if through {
				for k := last + 1; k < n; k++ {
					add(k)
				}
			}
			add(n)
			last = n
		}
		through = t.low == "-"
	}
	return out
}

// months are the months, ranges and days that a term names. A range that ends
// before it begins runs into the next year.
func months(ts []token, year int) []Period {
	out := []Period{}
	day, through, until := 0, false, false
	for i, t := range ts {
		if f := dayMonth.FindStringSubmatch(t.low); f != nil {
			d, _ := strconv.Atoi(f[1])
			m, _ := strconv.Atoi(f[2])
			y, _ := strconv.Atoi(f[3])
			if m >= 1 && m <= 12 && d >= 1 && d <= last(y, m) {
				from := date(y, m, d)
				if until {
					from = date(y, m, 1)
				}
				out = append(out, Period{from, date(y, m, d)})
			}
			until = false
			continue
		}
		m := monthOf(t.low)
		switch {
		case m > 0:
			y := year
			if i+1 < len(ts) {
				if e := yearOf(ts[i+1].low); e > 0 {
					y = e
				}
			}
			p := span(y, m, m)
			switch {
			case through && len(out) > 0:
				prev := &out[len(out)-1]
				if p.To < prev.From {
					p = span(y+1, m, m)
				}
				prev.To = p.To
			case day > 0 && day <= last(y, m):
				p.To = date(y, m, day)
				if !until {
					p.From = p.To
				}
				out = append(out, p)
			default:
				out = append(out, p)
			}
			day, through, until = 0, false, false
		case t.low == "-" || t.low == "по":
			through = true
		case t.low == "до":
			until = true
		case dayOf(t.low) > 0:
			day = dayOf(t.low)
		case t.low == "," || t.low == ";" || t.low == "и" || t.low == "с":
			through = false
		}
	}
	return out
}

func span(year, from, to int) Period {
	return Period{date(year, from, 1), date(year, to, last(year, to))}
}

func last(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func date(year, month, day int) Date {
	return Date(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
}

const termExpected = "ожидался срок: месяц, перечень или промежуток месяцев, квартал, полугодие, «В течение года», «Постоянно», «Ежемесячно», «Ежегодно», «По отдельному плану»"
