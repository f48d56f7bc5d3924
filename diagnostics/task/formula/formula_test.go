package formula

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// named is the spoken name of a formula, which tests of the rest leave out.
var named = regexp.MustCompile(` aria-label="[^"]*"`)

func TestSpoken(t *testing.T) {
	r := New()
	for tex, want := range map[string]string{
		`\frac{3}{4}`:                      "3 дробная черта 4",
		`\frac{x+1}{2}`:                    "дробь: в числителе x плюс 1, в знаменателе 2, конец дроби",
		`x^2-4\ge 0`:                       "x в квадрате минус 4 больше или равно 0",
		`\sqrt{2}`:                         "корень из 2",
		`\sqrt{x+1}`:                       "корень из x плюс 1, конец корня",
		`2^{n+1}`:                          "2 в степени n плюс 1, конец степени",
		`\log_2 8`:                         "логарифм по основанию 2 8",
		`\sin 30^\circ`:                    "синус 30 градусов",
		`a_1\cdot\vec{b}`:                  "a с индексом 1 умножить на вектор b",
		`\begin{cases}x=1\\y<2\end{cases}`: "{ строка 1: x равно 1; строка 2: y меньше 2;",
		`x\in\mathbb{R}`:                   "x принадлежит действительные числа",
		`\text{"кавычки" и <знак>}`:        `&#34;кавычки&#34; и &lt;знак&gt;`,
	} {
		out, err := r.Line("$" + tex + "$")
		if err != nil || !strings.Contains(out, `aria-label="`+want+`"`) {
			t.Errorf("%s: %s, %v; want %q", tex, named.FindString(out), err, want)
		}
	}
}

func TestBlock(t *testing.T) {
	r := New()
	tests := []struct{ name, in, want string }{
		{"paragraphs and emphasis", "Это *важно*.\n\nДа.", "<p>Это <em>важно</em>.</p>\n<p>Да.</p>"},
		{"underscores belong to the formula", "$a_1 + b_2$", `<p><math><mrow><msub><mi>a</mi><mn>1</mn></msub><mo>+</mo><msub><mi>b</mi><mn>2</mn></msub></mrow></math></p>`},
		{"a fraction with a decimal comma", "$\\frac{1}{2}=0{,}5$", `<p><math><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac><mo>=</mo><mn>0,5</mn></mrow></math></p>`},
		{"a display formula is no list and no paragraph", "Дано:\n\n$$\nx\n- 3\n$$", "<p>Дано:</p>\n<math display=\"block\"><mrow><mi>x</mi><mo>−</mo><mn>3</mn></mrow></math>"},
		{"bars of a formula do not cut a table", "| a |\n|---|\n| $|x|$ |", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><math><mrow><mi mathvariant=\"normal\">∣</mi><mi>x</mi><mi mathvariant=\"normal\">∣</mi></mrow></math></td>\n</tr>\n</tbody>\n</table>"},
		{"sets have letters of their own", "$\\mathbb{R}$", `<p><math><mrow><mi mathvariant="normal">ℝ</mi></mrow></math></p>`},
		{"the sign of a number is no subtraction", "$[-1;2)-x$", `<p><math><mrow><mo stretchy="false">[</mo><mo form="prefix">−</mo><mn>1</mn><mo separator="true">;</mo><mn>2</mn><mo stretchy="false">)</mo><mo>−</mo><mi>x</mi></mrow></math></p>`},
		{"gaps stay", "Сумма углов — [[g1]]°, а *[[g_2]]* нет.", "<p>Сумма углов — [[g1]]°, а <em>[[g_2]]</em> нет.</p>"},
		{"a dollar of its own", `Цена 5\$.`, "<p>Цена 5$.</p>"},
		{"code keeps its dollars", "`$x`", "<p><code>$x</code></p>"},
		{"less than", "Если a < b, то a<b", "<p>Если a &lt; b, то a&lt;b</p>"},
		{"a numbered list goes on", "3. Да", "<ol start=\"3\">\n<li>Да</li>\n</ol>"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := r.Block(tt.in)
			got = named.ReplaceAllString(got, "")
			if err != nil || got != tt.want {
				t.Errorf("Block(%q)\n got %s, %v\nwant %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	r := New()
	for in, want := range map[string]string{
		"Да":         "Да",
		"*Да*, $x$":  "<em>Да</em>, <math><mrow><mi>x</mi></mrow></math>",
		"Раз\n\nДва": "<p>Раз</p>\n<p>Два</p>",
		"$$x$$":      `<math display="block"><mrow><mi>x</mi></mrow></math>`,
	} {
		if got, err := r.Line(in); err != nil || named.ReplaceAllString(got, "") != want {
			t.Errorf("Line(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	r := New()
	tests := []struct {
		in           string
		line, column int
		why          string
	}{
		{"$\\frac{1}{$", 1, 11, "не хватает «}»"},
		{"абв\nгд $1+\\foo$", 2, 7, "неизвестная команда \\foo"},
		{"было 5$ стало 6", 1, 7, "нет пары"},
		{"$x\n\ny$", 1, 1, "нет пары"},
		{"$ $", 1, 1, "пустая формула"},
		{"$\\href{http://a}{b}$", 1, 2, "не поддерживается"},
		{"$\\def\\a{\\a\\a}\\a$", 1, 2, "слишком сложна"},
		{"$x^2^3$", 1, 5, "два индекса подряд"},
		{"$$\nx\n$$\n\nтут <b>жирно</b>", 5, 1, "теги HTML"},
		{"<script>alert(1)</script>", 1, 1, "теги HTML"},
		{"см. [сайт](http://a.b)", 1, 1, "ссылки"},
		{"![рис](a.png)", 1, 1, "картинки"},
		{"знак \ue000", 1, 6, "недопустимый знак"},
		{"\xff", 1, 1, "UTF-8"},
	}
	for _, tt := range tests {
		_, err := r.Block(tt.in)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Line != tt.line || e.Column != tt.column || !strings.Contains(e.Why, tt.why) {
			t.Errorf("Block(%q) = %v; want %d:%d %s", tt.in, err, tt.line, tt.column, tt.why)
		}
	}
	if got, err := r.Block("после ошибок $x$"); err != nil || !strings.Contains(got, "<mi>x</mi>") {
		t.Errorf("after errors: %s, %v", got, err)
	}
}

// No formula may bring a style, a link or a script past the strict CSP.
func TestNothingActive(t *testing.T) {
	r := New()
	for _, tex := range []string{"\\color{red}x", "\\colorbox{red}{x}", "\\rule{1em}{2em}", "\\boxed{x}", "\\cancel{x}", "\\tag{1} x",
		"\\text{<script>alert(1)</script>}", "\\text{\" onclick=\"x}", "\\begin{array}{c|c}1&2\\\\\\hline 3&4\\end{array}", "\\phantom{x}", "\\underbrace{x}_{y}", "\\xrightarrow{x}"} {
		out, err := r.Block("$" + tex + "$")
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%s: %v", tex, err)
			}
			continue
		}
		for _, bad := range []string{"<script", " style=", "onclick=\"", "href", "class=", "annotation"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s: %s in %s", tex, bad, out)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	r := New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if out, err := r.Block("$x^2$"); err != nil || !strings.Contains(out, "<msup>") {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
	wg.Wait()
}

// Whatever an author types, the answer is well-formed HTML or an error with a place inside the text.
func FuzzBlock(f *testing.F) {
	for _, s := range []string{"*a* $x_1$ [[g1]]", "$$x$$", "`$`", "| a |\n|-|\n| $|x|$ |", "\\$ $", "<b>", "- a\n  - b\n\n$$\n1\n$$"} {
		f.Add(s)
	}
	r := New()
	f.Fuzz(func(t *testing.T, s string) {
		out, err := r.Block(s)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%q: %v", s, err)
			}
			if e.Line < 1 || e.Column < 1 || e.Line > 1+strings.Count(s, "\n") || utf8.ValidString(s) && e.Column > 1+utf8.RuneCountInString(s) {
				t.Fatalf("%q: place %d:%d is outside", s, e.Line, e.Column)
			}
			return
		}
		if strings.ContainsAny(out, string([]rune{markOpen, markClose})) {
			t.Fatalf("%q: a mark is left in %q", s, out)
		}
		d := xml.NewDecoder(strings.NewReader("<x>" + out + "</x>"))
		d.Entity = xml.HTMLEntity
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%q → %q: %v", s, out, err)
			}
		}
	})
}
