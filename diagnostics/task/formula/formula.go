// Package formula turns the texts of tasks, Markdown with TeX formulas, into
// safe HTML with MathML. It runs when a version of a task is saved, never when a
// page is shown: what a participant sees is stored.
package formula

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	markup "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// An Error is a place in a text that cannot be shown. Line and Column count
// characters from 1 and point into the text as it was given.
type Error struct {
	Line, Column int
	Why          string
}

func (e *Error) Error() string {
	return fmt.Sprintf("строка %d, знак %d: %s", e.Line, e.Column, e.Why)
}

// A Renderer makes HTML of texts. It is safe for concurrent use; formulas are
// made one at a time in a process.
type Renderer struct {
	markdown goldmark.Markdown
}

// New returns a renderer; KaTeX is loaded with the first formula.
func New() *Renderer {
	return &Renderer{markdown: goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough),
		goldmark.WithRendererOptions(markup.WithXHTML()),
	)}
}

// Block renders paragraphs, lists and tables. A mark of a gap [[g1]] stays as
// it is. A text that holds raw HTML, a link, a picture or a broken formula is
// refused with its place: the error is an *Error.
func (r *Renderer) Block(markdown string) (string, error) { return r.render(markdown) }

// Line renders a text of one line, an option for instance: a single paragraph
// loses its tags.
func (r *Renderer) Line(markdown string) (string, error) {
	out, err := r.render(markdown)
	if err != nil {
		return "", err
	}
	inner, ok := strings.CutPrefix(out, "<p>")
	if inner, closed := strings.CutSuffix(inner, "</p>"); ok && closed && !strings.Contains(inner, "<p>") {
		return inner, nil
	}
	return out, nil
}

// Marks stand for formulas and gaps while Markdown is read, so that nothing in
// them is taken for its signs. They are private-use characters, which a text
// may not hold.
const (
	markOpen  = '\ue000'
	markClose = '\ue001'
)

var mark = regexp.MustCompile("\ue000([0-9]+)\ue001")

// alone is a display formula that has its paragraph for itself.
var alone = regexp.MustCompile("<p>(<math[^>]*display=\"block\".*?</math>)</p>")

func (r *Renderer) render(source string) (string, error) {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	marked, held, err := r.cut(source)
	if err != nil {
		return "", err
	}
	doc := r.markdown.Parser().Parse(text.NewReader([]byte(marked)))
	if err := refuse(doc, marked, held); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := r.markdown.Renderer().Render(&b, []byte(marked), doc); err != nil {
		return "", fmt.Errorf("markdown: %w", err)
	}
	out := strings.TrimSpace(textPolicy.Sanitize(b.String()))
	out = mark.ReplaceAllStringFunc(out, func(m string) string {
		i, err := strconv.Atoi(mark.FindStringSubmatch(m)[1])
		if err != nil || i >= len(held) {
			return ""
		}
		return held[i].html
	})
	return alone.ReplaceAllString(out, "$1"), nil
}

var gap = regexp.MustCompile(`^\[\[[A-Za-z0-9_-]{1,20}\]\]`)

// inset is what a mark stands for: its HTML and how many line ends it took.
type inset struct {
	html  string
	lines int
}

// cut takes formulas and gaps out of a text and leaves marks in their places;
// held is what they stand for. Code between backticks is left alone, and so are
// \$ and \\.
func (r *Renderer) cut(source string) (marked string, held []inset, err error) {
	if valid := strings.ToValidUTF8(source, "\ue000"); valid != source {
		return "", nil, at(source, strings.IndexRune(valid, '\ue000'), "текст не в кодировке UTF-8")
	}
	var b strings.Builder
	hold := func(shown, source string) {
		fmt.Fprintf(&b, "%c%d%c", markOpen, len(held), markClose)
		held = append(held, inset{shown, strings.Count(source, "\n")})
	}
	for i := 0; i < len(source); {
		rest := source[i:]
		switch c, size := utf8.DecodeRuneInString(rest); {
		case c == markOpen || c == markClose || c < ' ' && c != '\n' && c != '\t':
			return "", nil, at(source, i, "недопустимый знак")
		case c == '\\' && len(rest) > 1:
			b.WriteString(rest[:2])
			i += 2
		case c == '`':
			n := len(rest) - len(strings.TrimLeft(rest, "`"))
			end := strings.Index(rest[n:], rest[:n])
			if end < 0 {
				end = 0
			} else {
				end += n
			}
			b.WriteString(rest[:n+end])
			i += n + end
		case gap.MatchString(rest):
			m := gap.FindString(rest)
			hold(m, m)
			i += len(m)
		case c == '$':
			tex, n, display, ok := formulaAt(rest)
			if !ok {
				return "", nil, at(source, i, `у знака $ нет пары; сам знак пишется \$`)
			}
			if strings.TrimSpace(tex) == "" {
				return "", nil, at(source, i, "пустая формула")
			}
			math, err := r.math(tex, display)
			if err != nil {
				if bad, isTeX := errors.AsType[*TeXError](err); isTeX {
					start := i + strings.Index(rest, tex)
					return "", nil, at(source, start+byteOffset(tex, bad.At), bad.Why)
				}
				return "", nil, err
			}
			hold(math, rest[:n])
			i += n
		default:
			b.WriteString(rest[:size])
			i += size
		}
	}
	return b.String(), held, nil
}

// formulaAt reads $…$ or $$…$$ at the start of s: the TeX, the bytes it took in
// all, and whether it stands on its own line. An inline formula ends within its
// paragraph.
func formulaAt(s string) (tex string, n int, display, ok bool) {
	fence := "$"
	if strings.HasPrefix(s, "$$") {
		fence, display = "$$", true
	}
	body := s[len(fence):]
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '\\':
			i++
		case !display && strings.HasPrefix(body[i:], "\n\n"):
			return "", 0, false, false
		case strings.HasPrefix(body[i:], fence):
			return body[:i], i + 2*len(fence), display, true
		}
	}
	return "", 0, false, false
}

// byteOffset turns KaTeX's place, UTF-16 units, into bytes of the formula.
func byteOffset(tex string, units int) int {
	for i, c := range tex {
		if units <= 0 {
			return i
		}
		units--
		if c > 0xffff {
			units--
		}
	}
	if units < 0 { // place unknown
		return 0
	}
	return len(tex)
}

func at(source string, offset int, why string) *Error {
	before := source[:min(offset, len(source))]
	line := strings.LastIndexByte(before, '\n') + 1
	return &Error{1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[line:]), why}
}

// math renders and cleans one formula.
func (r *Renderer) math(tex string, display bool) (string, error) {
	out, err := katex.mathML(tex, display)
	if err != nil {
		return "", err
	}
	out = mathPolicy.Sanitize(out)
	words, err := spoken(out)
	if err != nil {
		return "", err
	}
	// The name in words: what a label made of a formula alone is called.
	return strings.Replace(out, "<math", `<math aria-label="`+html.EscapeString(words)+`"`, 1), nil
}

// refuse finds what Markdown allows and a task does not: it would vanish or
// lead out of the test.
func refuse(doc ast.Node, marked string, held []inset) error {
	return ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		why := ""
		switch n.Kind() {
		case ast.KindRawHTML, ast.KindHTMLBlock:
			why = `теги HTML не поддерживаются; знак < в тексте пишется \<`
		case ast.KindLink, ast.KindAutoLink:
			why = "ссылки в заданиях не показываются"
		case ast.KindImage:
			why = "картинки в тексте не поддерживаются"
		}
		if why == "" {
			return ast.WalkContinue, nil
		}
		return ast.WalkStop, lineOf(n, marked, held, why)
	})
}

// lineOf places a node by the block that holds it, because Markdown keeps the
// places of blocks only, and counts the lines that marks took out.
func lineOf(n ast.Node, marked string, held []inset, why string) *Error {
	start := 0
	for p := n; p != nil; p = p.Parent() {
		if p.Type() == ast.TypeBlock && p.Lines() != nil && p.Lines().Len() > 0 {
			start = p.Lines().At(0).Start
			break
		}
	}
	e := at(marked, start, why)
	for i := range mark.FindAllString(marked[:start], -1) { // marks are numbered in order
		e.Line += held[i].lines
	}
	return e
}

// textPolicy: what Markdown makes and nothing else. No attributes but the
// column alignment of tables, which comes as a style and is dropped.
var textPolicy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	return p
}()

// mathPolicy: presentation MathML as KaTeX writes it, without the TeX source
// beside it, without style, links and ids.
var mathPolicy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	elements := []string{"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle",
		"msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "none",
		"mtable", "mtr", "mtd", "mlabeledtr", "menclose", "mpadded", "mphantom", "ms"}
	p.AllowNoAttrs().OnElements(elements...)
	p.SkipElementsContent("annotation")
	word := regexp.MustCompile(`^[A-Za-z0-9 .+\-#%]*$`)
	p.AllowAttrs("display", "mathvariant", "stretchy", "fence", "separator", "accent", "accentunder", "lspace", "rspace",
		"minsize", "maxsize", "largeop", "movablelimits", "symmetric", "form", "linethickness", "bevelled", "scriptlevel",
		"displaystyle", "columnalign", "rowalign", "columnspacing", "rowspacing", "columnlines", "rowlines", "frame",
		"notation", "width", "height", "depth", "voffset", "mathcolor", "mathbackground", "mathsize", "side",
		"linebreak", "columnspan", "rowspan").Matching(word).OnElements(elements...)
	return p
}()
