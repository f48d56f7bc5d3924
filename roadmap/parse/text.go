package parse

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A cell keeps its line breaks until its words are folded: '\n' is a wrapped
// line, hard a paragraph that the author ended.
const hard = "\u2029"

// word is a word of a cell with what stood before it.
type word struct {
	raw   string
	line  int  // line of the source
	start bool // first of its line
	para  bool // first of its paragraph
}

func words(cell string, line int) []word {
	var out []word
	for p, para := range strings.Split(cell, hard) {
		for l, text := range strings.Split(para, "\n") {
			for i, w := range strings.Fields(text) {
				out = append(out, word{w, line, i == 0 && (p > 0 || l > 0 || len(out) == 0), i == 0 && l == 0})
			}
		}
	}
	return out
}

// join folds words into a line: one space between, none where a line was
// broken after a hyphen.
func join(ws []word) string {
	var b strings.Builder
	for i, w := range ws {
		if i > 0 && !(w.start && hyphenated(ws[i-1].raw)) {
			b.WriteByte(' ')
		}
		b.WriteString(w.raw)
	}
	return b.String()
}

func hyphenated(s string) bool {
	head, ok := strings.CutSuffix(s, "-")
	r, _ := utf8.DecodeLastRuneInString(head)
	return ok && head != "" && unicode.IsLetter(r)
}

// list folds words into a title whose list entries stand each on a line.
func list(ws []word) string {
	var entries []string
	from := 0
	for i, w := range ws {
		if bullet(w) && i > from {
			entries = append(entries, join(ws[from:i]))
			from = i
		}
	}
	if from < len(ws) {
		entries = append(entries, join(ws[from:]))
	}
	for i, e := range entries {
		r, n := utf8.DecodeRuneInString(e)
		if strings.ContainsRune(bullets, r) {
			entries[i] = "• " + strings.TrimSpace(e[n:])
		}
	}
	return strings.Join(entries, "\n")
}

// bullets are the marks of lists; U+F0B7 is what the font Symbol leaves in text.
const bullets = "\uf0b7\uf0a7\uf02d•▪◦‣●"

func bullet(w word) bool {
	r, _ := utf8.DecodeRuneInString(w.raw)
	return strings.ContainsRune(bullets, r) && utf8.ValidString(w.raw)
}

var marks = regexp.MustCompile(`(?i)\*\*|__|</?(?:b|strong|i|em|u|p|span)>`)
var br = regexp.MustCompile(`(?i)<br\s*/?>`)

// plain takes the marks of Markdown and HTML off a line.
func plain(s string) string {
	s = br.ReplaceAllString(s, hard)
	s = marks.ReplaceAllString(s, "")
	return strings.ReplaceAll(s, "\u00a0", " ")
}

func fold(s string) string { return join(words(s, 0)) }

// letters is the key by which names are compared: letters and digits only, so
// that quotes, dashes and spaces do not matter.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'ё':
			return 'е'
		case r == 'Ё':
			return 'Е'
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, s)
}
