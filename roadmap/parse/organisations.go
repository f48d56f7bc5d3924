package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A vocabulary is the organisations that a plan itself names: short names that
// it defines ("(далее – КОПО ЛО)"), the full names before them, and the names
// that stand alone in several cells.
type vocabulary struct {
	short map[string]string // letters of a short name, case kept → as the plan writes it
	full  map[string]string // lower letters of a full name → its short name
}

func newVocabulary() vocabulary {
	return vocabulary{map[string]string{}, map[string]string{}}
}

func (v vocabulary) learn(full, short string) {
	if k := letters(short); k != "" {
		if _, ok := v.short[k]; !ok {
			v.short[k] = short
		}
		if f := strings.ToLower(letters(full)); f != "" {
			v.full[f] = v.short[k]
		}
	}
}

// defined learns every short name that the columns define: names are used
// before they are defined.
func (v vocabulary) defined(columns [][]word) {
	for _, ws := range columns {
		for _, e := range elements(ws) {
			if e.define != "" {
				v.learn("", e.define)
			}
		}
	}
}

func (v vocabulary) find(key string) (string, bool) {
	if s, ok := v.short[key]; ok {
		return s, true
	}
	s, ok := v.full[strings.ToLower(key)]
	return s, ok
}

// element is a word of a column of organisations, or a definition in brackets.
type element struct {
	word
	key    string
	define string // the short name that "(далее – X)" gives
	comma  bool   // a separator stands after it
}

// elements takes "(далее – X)" together and marks separators.
func elements(ws []word) []element {
	var out []element
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		low := strings.ToLower(w.raw)
		if strings.HasPrefix(low, "(далее") {
			j := i
			for j < len(ws) && j-i < 14 && !strings.Contains(ws[j].raw, ")") {
				j++
			}
			if j < len(ws) && strings.Contains(ws[j].raw, ")") {
				text := join(ws[i : j+1])
				close := strings.LastIndex(text, ")")
				rest := text[close+1:]
				short := strings.TrimLeft(string([]rune(text[:close])[len([]rune("(далее")):]), " –—-:")
				short = strings.TrimSpace(strings.TrimPrefix(short, "именуется"))
				if short != "" {
					out = append(out, element{word: w, define: short, comma: strings.ContainsAny(rest, ",;")})
					i = j
					continue
				}
			}
		}
		out = append(out, element{word: w, key: letters(w.raw), comma: strings.HasSuffix(w.raw, ",") || strings.HasSuffix(w.raw, ";")})
	}
	return out
}

// naming is one reading of a column: the organisations, what it defines, and
// how far it is from what the vocabulary knows (lower is nearer).
type naming struct {
	names   []string
	defined [][2]string // full name, short name
	unknown []string
	cost    int
}

// Costs of a reading. A name ends where its line, a comma or the column ends.
const (
	costKnownWord  = -2
	costDefinition = 20
	costUnknown    = 100
	costInside     = 300
	maxWords       = 300
)

// read finds the cheapest division of a column into organisations: known
// names, full names closed by a definition, and, at a price, unknown ones.
func (v vocabulary) read(ws []word) naming {
	es := elements(ws)
	n := len(es)
	if n > maxWords {
		es, n = es[:maxWords], maxWords
	}
	boundary := func(i int) bool { // may a name begin at i
		return i == 0 || i == n || es[i].start || es[i-1].comma || es[i-1].define != ""
	}
	type step struct {
		cost, from int
		name, full string
		unknown    bool
		ok         bool
	}
	best := make([]step, n+1)
	best[0].ok = true
	relax := func(i, j int, s step) {
		s.cost += best[i].cost
		s.from, s.ok = i, true
		if !best[j].ok || s.cost < best[j].cost {
			best[j] = s
		}
	}
	for i := 0; i < n; i++ {
		if !best[i].ok {
			continue
		}
		if es[i].key == "" && es[i].define == "" { // a lone dash or comma
			relax(i, i+1, step{cost: 1})
		}
		at := 0
		if !boundary(i) {
			at = costInside
		}
		key := ""
		for j := i; j < n; j++ {
			if es[j].define != "" {
				if j > i {
					relax(i, j+1, step{cost: at + costDefinition + j - i, name: es[j].define, full: name(es[i:j])})
				} else {
					relax(i, j+1, step{cost: at + costDefinition, name: es[j].define})
				}
				break
			}
			if j > i && es[j-1].comma && !participle(es[j].raw) {
				break
			}
			if j > i && es[j].para && capital(es[j].raw) && !hyphenated(es[j-1].raw) {
				at += costUnknown + 50 // a paragraph of its own is hardly the same name, unless it is known
			}
			key += es[j].key
			if known, ok := v.find(key); ok {
				end := j + 1
				if end < n && es[end].define != "" && letters(es[end].define) == letters(known) {
					end++
				}
				cost := costKnownWord * (j - i + 1)
				if !boundary(i) {
					cost += 1
				}
				if !boundary(end) {
					cost += 5
				}
				relax(i, end, step{cost: cost, name: known})
			}
			if !es[j].comma && j+1 < n && !boundary(j+1) {
				continue // an unknown name runs to the end of its line
			}
			if text := name(es[i : j+1]); letters(text) != "" {
				relax(i, j+1, step{cost: at + costUnknown + 10*(j-i+1), name: text, unknown: true})
			}
		}
	}
	out := naming{cost: best[n].cost}
	if !best[n].ok {
		return naming{cost: 1 << 20}
	}
	var steps []step
	for i := n; i > 0; i = best[i].from {
		steps = append(steps, best[i])
	}
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if s.name == "" {
			continue
		}
		if s.full != "" {
			out.defined = append(out.defined, [2]string{s.full, s.name})
		}
		if s.unknown {
			out.unknown = append(out.unknown, s.name)
		}
		if !contains(out.names, s.name) {
			out.names = append(out.names, s.name)
		}
	}
	return out
}

func name(es []element) string {
	ws := make([]word, len(es))
	for i, e := range es {
		ws[i] = e.word
	}
	return strings.TrimSpace(strings.Trim(join(ws), ",;"))
}

// participle tells whether a word after a comma goes on with the same name
// ("органы …, осуществляющие управление").
func participle(s string) bool {
	low := strings.ToLower(s)
	for _, end := range []string{"щие", "щий", "щая", "щее", "щих", "щего", "щей", "щим", "щими"} {
		if strings.HasSuffix(strings.TrimRight(low, ",;"), end) {
			return true
		}
	}
	return false
}

func capital(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, `«"“„(`))
	return unicode.IsUpper(r)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// slip gives the known short name that an unknown one differs from by one
// letter: a slip of the pen that a person should look at.
func (v vocabulary) slip(unknown string) string {
	a := []rune(letters(unknown))
	found := ""
	for k, short := range v.short {
		b := []rune(k)
		if len(b) >= 4 && oneLetter(a, b) && (found == "" || short < found) {
			found = short
		}
	}
	return found
}

// oneLetter tells whether one insertion, deletion or change turns a into b.
func oneLetter(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && string(a[i+1:]) == string(b[i+1:])
	}
	return string(a[i:]) == string(b[i+1:])
}
