package parse

import (
	"fmt"
	"regexp"
	"strings"
)

// A table taken out of a PDF is its cells in sequence: the title of an item,
// its term, its organisations, each wrapped, and all of it once more for what
// stands on the next page. Nothing marks where a cell ends, so the division is
// searched for: the one whose term is a term and whose rest is organisations
// that the plan knows.

// flowHeader finds the heading of the table among lines: from its first line to
// the one after its last; to is 0 where there is none.
func flowHeader(all []line) (from, to int) {
	for i, l := range all {
		if !strings.HasPrefix(l.text, "№") {
			continue
		}
		text := ""
		for j := i; j < len(all) && j < i+8; j++ {
			text += strings.ToLower(all[j].text) + " "
			if len(text) > 400 {
				break
			}
			t, s, r := strings.Index(text, "мероприяти"), strings.Index(text, "срок"), strings.Index(text, "ответствен")
			if r < 0 {
				r = strings.Index(text, "исполнител")
			}
			if t >= 0 && s > t && r > s {
				j++
				for j < len(all) && j < i+10 && headTail.MatchString(all[j].text) {
					j++
				}
				return i, j
			}
		}
	}
	return 0, 0
}

// headTail is what may stand under the heading: its second line, the numbers of
// the columns.
var headTail = regexp.MustCompile(`^(?:(?i:ответствен|исполнител|исполнени|мероприяти|п/п|\(|и\s)[^.]*|1\s+2\s+3\s+4|[1-4])$`)

var flowItem = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})(\.?)(?:\s+|$)`)
var flowSection = regexp.MustCompile(`^(\d{1,3})\.\s+(\p{Lu}.*)$`)
var pageNumber = regexp.MustCompile(`^[-–—]?\s*\d{1,3}\s*[-–—]?$`)

// flowOutline divides lines into sections and items; an item's lines stay
// undivided, in fragments that a page break may have parted.
func flowOutline(ls []line, rep *report) []entry {
	usual := usualGap(ls)
	var out []entry
	section, item := 0, 0
	for i := 0; i < len(ls); i++ {
		l := ls[i]
		apart := l.gap > usual
		if apart && pageNumber.MatchString(l.text) && (i+1 == len(ls) || ls[i+1].gap > usual) {
			if i+1 < len(ls) {
				ls[i+1].gap = max(ls[i+1].gap, l.gap)
			}
			continue
		}
		if _, to := flowHeader(ls[i:min(len(ls), i+6)]); to > 0 && strings.HasPrefix(l.text, "№") {
			i += to - 1 // the heading repeated on a new page
			continue
		}
		if m := flowItem.FindStringSubmatch(l.text); m != nil {
			s, n := atoi(m[1]), atoi(m[2])
			if m[3] == "." || (s == section && n == item+1) {
				ws := words(l.text[len(m[0]):], l.n)
				for k := range ws {
					ws[k].para = false
				}
				out = append(out, entry{line: l.n, section: fmt.Sprint(s), item: fmt.Sprint(n), fragments: [][]word{ws}})
				if s == section {
					item = n
				}
				if len(out) > maxItems {
					rep.fault(l.n, "в плане больше 1000 пунктов", "ожидался один план")
					return nil
				}
				continue
			}
		}
		if m := flowSection.FindStringSubmatch(l.text); m != nil && opensSection(ls[i+1:], atoi(m[1])) {
			section, item = atoi(m[1]), 0
			out = append(out, entry{line: l.n, section: m[1], title: lineWords([]line{{l.n, m[2], 0}})})
			continue
		}
		if len(out) == 0 {
			rep.fault(l.n, fmt.Sprintf("строка «%s» стоит до первого раздела", shorten(l.text)), "ожидался раздел («1. …»)")
			return nil
		}
		e := &out[len(out)-1]
		ws := lineWords([]line{l})
		switch {
		case e.item == "":
			e.title = append(e.title, ws...)
		case apart:
			e.fragments = append(e.fragments, ws)
		default:
			k := len(e.fragments) - 1
			e.fragments[k] = append(e.fragments[k], ws...)
		}
	}
	return out
}

// opensSection tells whether the next item among lines is of the section.
func opensSection(ls []line, section int) bool {
	for _, l := range ls {
		if m := flowItem.FindStringSubmatch(l.text); m != nil && m[3] == "." {
			return atoi(m[1]) == section
		}
		if m := flowSection.FindStringSubmatch(l.text); m != nil && atoi(m[1]) == section+1 {
			return true // a section without items: the outline's check says so
		}
	}
	return false
}

// usualGap is the number of blank lines that stand between most lines.
func usualGap(ls []line) int {
	count := map[int]int{}
	for _, l := range ls {
		count[l.gap]++
	}
	best := 0
	for gap, n := range count {
		if n > count[best] || n == count[best] && gap < best {
			best = gap
		}
	}
	return best
}

// flowRead divides every item and gives the vocabulary it learnt on the way:
// first every abbreviation defined in an item may be an organisation, then only
// those that the columns found so far define.
func flowRead(outline []entry, rep *report) vocabulary {
	v := newVocabulary()
	for _, e := range outline {
		v.defined(e.fragments)
	}
	left := maxPlanWork
	const rounds = 3
	for round := range rounds {
		var columns [][]word
		for i := range outline {
			e := &outline[i]
			if e.item == "" {
				continue
			}
			work := min(maxItemWork, left)
			left -= work
			d, ok := divide(e.fragments, v, &work)

			if left += max(work, 0); left <= 0 {
				rep.fault(e.line, "план слишком велик", "ожидались пункты обычного плана: срок и ответственные")
				return v
			}
			if !ok {
				d.title, d.term, d.organised = flat(e.fragments), nil, nil
			}
			if d.doubt && round == rounds-1 {
				rep.warn(e.line, "в пункте %s.%s столбцы разделены не вполне уверенно: проверьте название, срок и ответственных", e.section, e.item)
			}
			e.title, e.term, e.organised = d.title, d.term, d.organised
			columns = append(columns, d.organised)
		}
		v = newVocabulary()
		v.defined(columns)
		learn(v, columns)
	}
	return v
}

func flat(fragments [][]word) []word {
	var out []word
	for _, f := range fragments {
		out = append(out, f...)
	}
	return out
}

// division is one way to part an item into its three cells.
type division struct {
	title, term, organised []word
	heights                [][3]int // of the cells on each page, in lines
	cost                   int
	doubt                  bool // something in it hardly belongs where it stands
}

// Limits of the search, far above any real item.
const (
	maxItems     = 1000
	maxItemWords = 600
	maxFragments = 6
	maxTermWords = 14
	maxItemWork  = 200_000   // for an item: steps of a microsecond or a few
	maxPlanWork  = 2_000_000 // for a plan
)

// divide finds the cheapest division of an item, or none where no part of it is
// a term. What it does it takes off work.
func divide(fragments [][]word, v vocabulary, work *int) (division, bool) {
	if len(flat(fragments)) > maxItemWords {
		return division{}, false
	}
	if len(fragments) > maxFragments {
		fragments = append(fragments[:maxFragments-1:maxFragments-1], flat(fragments[maxFragments-1:]))
	}
	s := search{v: v, fragments: fragments, work: work}
	s.from(0, division{})
	if s.found && s.best.cost < costUnknown {
		return s.best, true
	}
	// A page may have ended where no blank line tells: try each line that goes on
	// with the title.
	const unseen = 60
	for f, ws := range fragments {
		for i, w := range ws {
			if i == 0 || !w.start || (capital(w.raw) && !bullet(w)) {
				continue
			}
			parted := append(append([][]word{}, fragments[:f]...), ws[:i], ws[i:])
			parted = append(parted, fragments[f+1:]...)
			t := search{v: v, fragments: parted, work: work}
			t.from(0, division{cost: unseen})
			if t.found && (!s.found || t.best.cost < s.best.cost) {
				s.best, s.found = t.best, true
			}
		}
	}
	return s.best, s.found
}

type search struct {
	v         vocabulary
	fragments [][]word
	best      division
	found     bool
	work      *int
}

func (s *search) from(f int, d division) {
	if *s.work <= 0 {
		return
	}
	if f == len(s.fragments) {
		n := len(d.organised)
		*s.work -= 5 + n*n/50
		s.settle(d)
		return
	}
	ws := s.fragments[f]
	begun := len(d.term) > 0
	for i := 0; i <= len(ws); i++ {
		// No term on this page: its words are title, then organisations; and a page
		// holds organisations only from where the term has begun.
		if i == len(ws) || begun && (i == 0 || ws[i].start || capital(ws[i].raw)) {
			s.from(f+1, d.with(ws[:i], nil, ws[i:], s.inline(ws, i)))
		}
		if i == len(ws) || begun && f == 0 {
			continue
		}
		for j := i + 1; j <= len(ws) && j-i <= maxTermWords; j++ {
			*s.work--
			_, whole, begins := match(strictTerms, join(append(append([]word{}, d.term...), ws[i:j]...)))
			if whole || begins && f+1 < len(s.fragments) {
				s.from(f+1, d.with(ws[:i], ws[i:j], ws[j:], s.inline(ws, i)))
			}
			if !begins {
				break
			}
		}
	}
}

// inline is the small price of a cell that begins inside a line.
func (s *search) inline(ws []word, i int) int {
	if i > 0 && i < len(ws) && !ws[i].start {
		return 3
	}
	return 0
}

func (d division) with(title, term, organised []word, cost int) division {
	return division{
		heights:   append(d.heights[:len(d.heights):len(d.heights)], [3]int{height(title), height(term), height(organised)}),
		title:     append(d.title[:len(d.title):len(d.title)], title...),
		term:      append(d.term[:len(d.term):len(d.term)], term...),
		organised: append(d.organised[:len(d.organised):len(d.organised)], organised...),
		cost:      d.cost + cost,
	}
}

// settle weighs a whole division: the term must be one, longer is better; the
// organisations weigh what the vocabulary says; a title does not end in the air.
func (s *search) settle(d division) {
	kind, whole, _ := match(strictTerms, join(d.term))
	if !whole || len(d.title) == 0 {
		return
	}
	for _, w := range d.term[:len(d.term)-1] {
		if strings.HasSuffix(w.raw, ".") && len(w.raw) > len("г.") {
			d.cost += 100 // the end of a sentence inside a term
		}
	}
	if kind == OtherPlan { // its words may be those of a title
		d.cost += 30
	} else {
		d.cost -= 5 * len(d.term)
	}
	strays, off := s.strays(d.title), uneven(d.heights)
	d.doubt = strays > 0 || off > 2
	d.cost += strays
	d.cost += 15 * off
	if len(d.organised) == 0 {
		d.cost += 1000
	} else {
		d.cost += s.v.read(d.organised).cost
	}
	last := d.title[len(d.title)-1].raw
	if strings.HasSuffix(last, ",") || hyphenated(last) || openWord[strings.ToLower(last)] {
		d.cost += 30
	}
	if !s.found || d.cost < s.best.cost {
		s.best, s.found = d, true
	}
}

// strays weighs what hardly belongs to a title: a line after the full stop that
// ended one, the definition of an organisation.
func (s *search) strays(title []word) int {
	cost := 0
	for i, w := range title {
		if i > 0 && w.start && strings.HasSuffix(strings.TrimRight(title[i-1].raw, ")»"), ".") && !bullet(w) {
			cost += 160
		}
	}
	for _, e := range elements(title) {
		if _, known := s.v.short[letters(e.define)]; known && e.define != "" {
			cost += 200
		}
	}
	return cost
}

// height is the number of lines that words take.
func height(ws []word) int {
	n := 0
	for i, w := range ws {
		if w.start || i == 0 {
			n++
		}
	}
	return n
}

// uneven tells how far the cells are from a row cut by the end of a page: those
// that go on overleaf reach it alike, and no other is longer.
func uneven(pages [][3]int) int {
	off := 0
	for p := 0; p+1 < len(pages); p++ {
		goesOn := func(col int) bool {
			for _, next := range pages[p+1:] {
				if pages[p][col] > 0 && next[col] > 0 {
					return true
				}
			}
			return false
		}
		most := 0
		for col := range 3 {
			if goesOn(col) {
				most = max(most, pages[p][col])
			}
		}
		if most == 0 {
			continue
		}
		for col := range 3 {
			if h := pages[p][col]; goesOn(col) {
				off += most - h
			} else if h > most+1 {
				off += h - most - 1
			}
		}
	}
	return off
}

var openWord = map[string]bool{"в": true, "во": true, "и": true, "на": true, "с": true, "со": true, "по": true,
	"для": true, "о": true, "об": true, "к": true, "при": true, "из": true, "от": true, "до": true, "или": true, "а": true}
