package formula

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
)

//go:embed vendored/katex.min.js
var katexSource string

// errorColour is a colour that no author uses: KaTeX paints a command that it
// refuses (a link, a picture, raw HTML) with it instead of failing.
const errorColour = "#c0ffe1"

// patience bounds one formula; a usual one takes 1–3 ms.
const patience = 3 * time.Second

// A TeXError is a formula that cannot be shown: At counts characters of the
// formula from 0, -1 where the place is unknown.
type TeXError struct {
	At  int
	Why string
}

func (e *TeXError) Error() string { return e.Why }

// engine is one JavaScript machine with KaTeX in it. A machine serves one
// formula at a time. It remembers what it made: a text is rendered in the dry run
// of an import and again when it is taken, and tasks of a topic share formulas.
type engine struct {
	mu     sync.Mutex
	vm     *goja.Runtime
	render goja.Callable
	made   map[source]string
}

type source struct {
	tex     string
	display bool
}

// remembered bounds what an engine keeps; past it everything is forgotten.
const remembered = 2000

// katex is the machine of this process.
var katex engine

var program = sync.OnceValues(func() (*goja.Program, error) {
	return goja.Compile("katex.min.js", katexSource, false)
})

const glue = `(function (tex, display) {
	try {
		return {html: katex.renderToString(tex, {displayMode: display, output: "mathml", throwOnError: true,
			trust: false, strict: "ignore", maxExpand: 500, maxSize: 20, errorColor: "` + errorColour + `"})};
	} catch (e) {
		if (!(e instanceof katex.ParseError)) { throw e; }
		return {why: e.rawMessage || e.message, at: typeof e.position === "number" ? e.position : -1};
	}
})`

// start loads KaTeX (about 40 ms).
func (e *engine) start() error {
	p, err := program()
	if err != nil {
		return fmt.Errorf("compile katex: %w", err)
	}
	vm := goja.New()
	vm.SetMaxCallStackSize(2000)
	if _, err := vm.RunProgram(p); err != nil {
		return fmt.Errorf("load katex: %w", err)
	}
	f, err := vm.RunString(glue)
	if err != nil {
		return fmt.Errorf("load katex: %w", err)
	}
	render, ok := goja.AssertFunction(f)
	if !ok {
		return errors.New("load katex: no function")
	}
	e.vm, e.render = vm, render
	return nil
}

// mathML turns one formula into a <math> element, not yet sanitised.
func (e *engine) mathML(tex string, display bool) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if made, ok := e.made[source{tex, display}]; ok {
		return made, nil
	}
	if e.vm == nil {
		if err := e.start(); err != nil {
			return "", err
		}
	}
	watch := time.AfterFunc(patience, func() { e.vm.Interrupt("too slow") })
	result, err := e.render(goja.Undefined(), e.vm.ToValue(tex), e.vm.ToValue(display))
	watch.Stop()
	if err != nil {
		e.vm = nil // what an interrupted machine holds is unknown: the next formula gets a new one
		return "", &TeXError{-1, "формула слишком сложна"}
	}
	out := result.ToObject(e.vm)
	if why := out.Get("why"); why != nil {
		return "", &TeXError{int(out.Get("at").ToInteger()), russian(why.String())}
	}
	html := out.Get("html").String()
	if strings.Contains(html, errorColour) {
		return "", &TeXError{-1, "команда не поддерживается"}
	}
	from, to := strings.Index(html, "<math"), strings.LastIndex(html, "</math>")
	if from < 0 || to < from {
		return "", errors.New("katex gave no math element")
	}
	made := unary(letters(html[from : to+len("</math>")]))
	if e.made == nil || len(e.made) >= remembered {
		e.made = map[source]string{}
	}
	e.made[source{tex, display}] = made
	return made, nil
}

// The usual slips of an author, in the author's language; the rest stays as KaTeX says it.
var slips = []struct {
	pattern *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`^Undefined control sequence: (.*)$`), "неизвестная команда $1"},
	{regexp.MustCompile(`^Expected '(.*)', got '(.*)'$`), "ожидалось «$1», стоит «$2»"},
	{regexp.MustCompile(`^Unexpected end of input in a macro argument, expected '(.*)'$`), "формула оборвана: не хватает «$1»"},
	{regexp.MustCompile(`^Unexpected character: '(.*)'$`), "знак «$1» здесь не годится"},
	{regexp.MustCompile(`^Double (subscript|superscript)$`), "два индекса подряд: поставьте фигурные скобки"},
	{regexp.MustCompile(`^No such environment: (.*)$`), "неизвестное окружение $1"},
	{regexp.MustCompile(`^Extra \}$`), "лишняя закрывающая скобка }"},
	{regexp.MustCompile(`^Expected group (?:after|as) '?(.*?)'?$`), "после «$1» нужна величина"},
	{regexp.MustCompile(`^Expected (.*), got '(.*)'$`), "ожидалось $1, стоит «$2»"},
	{regexp.MustCompile(`^Too many expansions.*$`), "формула слишком сложна"},
}

func russian(message string) string {
	message = strings.TrimSuffix(message, " at end of input")
	for _, s := range slips {
		if s.pattern.MatchString(message) {
			words := s.pattern.ReplaceAllString(message, s.words)
			return strings.ReplaceAll(words, "«EOF»", "конец формулы")
		}
	}
	return message
}

// signAfter is a sign right behind another operator.
var signAfter = regexp.MustCompile(`(<mo[^>]*>([^<]*)</mo>)<mo>([−+±∓])</mo>`)

// unary marks the sign of a number as a prefix where it follows an operator or
// an opening bracket: KaTeX leaves that to CSS, and a browser would space it as
// a subtraction, [ − 1; 5) for [−1; 5).
func unary(math string) string {
	return signAfter.ReplaceAllStringFunc(math, func(pair string) string {
		m := signAfter.FindStringSubmatch(pair)
		if strings.Contains(")]}!′∘°%|∣⟩", m[2]) {
			return pair
		}
		return m[1] + `<mo form="prefix">` + m[3] + `</mo>`
	})
}

// Browsers with MathML Core know no mathvariant but normal, so letters of
// another shape become the Unicode letters of that shape.
var variant = regexp.MustCompile(`<m(i|n) mathvariant="(double-struck|bold|script|fraktur|bold-italic)">([A-Za-z0-9]+)</m[in]>`)

// shapes: where the upper and lower letters and digits of a shape begin (0: none).
var shapes = map[string]struct{ upper, lower, digit rune }{
	"double-struck": {0x1D538, 0x1D552, 0x1D7D8},
	"bold":          {0x1D400, 0x1D41A, 0x1D7CE},
	"script":        {0x1D49C, 0x1D4B6, 0},
	"fraktur":       {0x1D504, 0x1D51E, 0},
	"bold-italic":   {0x1D468, 0x1D482, 0},
}

// holes are the letters that Unicode had before its mathematical alphabets.
var holes = map[rune]rune{
	0x1D53A: 'ℂ', 0x1D53F: 'ℍ', 0x1D545: 'ℕ', 0x1D547: 'ℙ', 0x1D548: 'ℚ', 0x1D549: 'ℝ', 0x1D551: 'ℤ',
	0x1D49D: 'ℬ', 0x1D4A0: 'ℰ', 0x1D4A1: 'ℱ', 0x1D4A3: 'ℋ', 0x1D4A4: 'ℐ', 0x1D4A7: 'ℒ', 0x1D4A8: 'ℳ', 0x1D4AD: 'ℛ',
	0x1D4BA: 'ℯ', 0x1D4BC: 'ℊ', 0x1D4C4: 'ℴ', 0x1D506: 'ℭ', 0x1D50B: 'ℌ', 0x1D50C: 'ℑ', 0x1D515: 'ℜ', 0x1D51D: 'ℨ',
}

func letters(math string) string {
	return variant.ReplaceAllStringFunc(math, func(element string) string {
		m := variant.FindStringSubmatch(element)
		shape := shapes[m[2]]
		text := strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'Z':
				r = shape.upper + r - 'A'
			case r >= 'a' && r <= 'z':
				r = shape.lower + r - 'a'
			case shape.digit != 0:
				r = shape.digit + r - '0'
			}
			if old, ok := holes[r]; ok {
				return old
			}
			return r
		}, m[3])
		return "<m" + m[1] + ` mathvariant="normal">` + text + "</m" + m[1] + ">"
	})
}
