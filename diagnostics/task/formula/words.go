package formula

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// spoken says a formula in Russian words, the way a teacher reads it aloud, so
// that a fraction in an option is not heard as two numbers in a row. It reads
// the MathML that mathPolicy leaves.
func spoken(math string) (string, error) {
	root := &node{}
	stack := []*node{root}
	d := xml.NewDecoder(strings.NewReader(math))
	d.Entity = xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("read MathML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local}
			top := stack[len(stack)-1]
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			stack[len(stack)-1].text += string(t)
		}
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(root.words()), " "), " ,", ","), nil
}

type node struct {
	name, text string
	children   []*node
}

// signs that are read by a word; others are left to the reader's own voice.
var signs = map[string]string{
	"+": "плюс", "−": "минус", "-": "минус", "±": "плюс-минус", "∓": "минус-плюс", "=": "равно", "≠": "не равно", "≈": "приближённо равно",
	"<": "меньше", ">": "больше", "≤": "меньше или равно", "≥": "больше или равно", "⩽": "меньше или равно", "⩾": "больше или равно",
	"⋅": "умножить на", "×": "умножить на", "∗": "умножить на", "÷": "разделить на", "/": "разделить на", ":": "к",
	"∈": "принадлежит", "∉": "не принадлежит", "∪": "объединить с", "∩": "пересечь с", "⊂": "содержится в", "∅": "пустое множество",
	"∞": "бесконечность", "∠": "угол", "△": "треугольник", "∥": "параллельно", "⊥": "перпендикулярно", "∘": "градусов", "°": "градусов",
	"→": "стремится к", "⇒": "следовательно", "⇔": "равносильно", "∑": "сумма", "∫": "интеграл", "∣": "|", "′": "штрих",
	"ℝ": "действительные числа", "ℤ": "целые числа", "ℕ": "натуральные числа", "ℚ": "рациональные числа",
	"α": "альфа", "β": "бета", "γ": "гамма", "δ": "дельта", "Δ": "дельта", "ε": "эпсилон", "λ": "лямбда", "μ": "мю", "π": "пи", "ρ": "ро", "σ": "сигма", "φ": "фи", "ϕ": "фи", "ω": "омега", "θ": "тета",
	"sin": "синус", "cos": "косинус", "tg": "тангенс", "tan": "тангенс", "ctg": "котангенс", "cot": "котангенс", "log": "логарифм", "lg": "десятичный логарифм",
	"ln": "натуральный логарифм", "lim": "предел", "arcsin": "арксинус", "arccos": "арккосинус", "arctg": "арктангенс",
	"\u2061": "", "{": "{",
}

// simple tells whether a node is one number or letter, so that no end need be said.
func (n *node) simple() bool {
	for n.name == "mrow" || n.name == "mstyle" || n.name == "mpadded" || n.name == "math" {
		if len(n.children) != 1 {
			return false
		}
		n = n.children[0]
	}
	return len(n.children) == 0
}

// child is the i-th part in words; a part that is missing is silent.
func (n *node) child(i int) string {
	if i < len(n.children) {
		return n.children[i].words()
	}
	return ""
}

func (n *node) simpleAt(i int) bool { return i >= len(n.children) || n.children[i].simple() }

// closed says a part, and its end where it has several words.
func (n *node) closed(i int, end string) string {
	if n.simpleAt(i) {
		return n.child(i)
	}
	return n.child(i) + " " + end
}

func (n *node) words() string {
	switch n.name {
	case "mi", "mn", "mo", "mtext", "ms":
		text := strings.TrimSpace(n.text)
		if word, known := signs[text]; known {
			return word
		}
		return text
	case "mspace", "mphantom", "none", "mprescripts":
		return ""
	case "mfrac":
		if n.simpleAt(0) && n.simpleAt(1) {
			return n.child(0) + " дробная черта " + n.child(1)
		}
		return "дробь: в числителе " + n.child(0) + ", в знаменателе " + n.child(1) + ", конец дроби"
	case "msqrt":
		root := &node{name: "mrow", children: n.children}
		if root.simple() {
			return "корень из " + root.words()
		}
		return "корень из " + root.words() + ", конец корня"
	case "mroot":
		return "корень степени " + n.child(1) + " из " + n.closed(0, ", конец корня")
	case "msup":
		return n.child(0) + " " + n.power(1)
	case "msub":
		return n.child(0) + " " + n.index(1)
	case "msubsup":
		return n.child(0) + " " + n.index(1) + " " + n.power(2)
	case "munder":
		return n.child(0) + " при " + n.closed(1, ",")
	case "mover":
		switch over := n.child(1); over {
		case "⃗", "→", "стремится к":
			return "вектор " + n.child(0)
		case "‾", "¯", "ˉ":
			return n.child(0) + " с чертой"
		default:
			return n.child(0) + " сверху " + over
		}
	case "munderover":
		return n.child(0) + " от " + n.child(1) + " до " + n.child(2)
	case "mtable":
		var rows []string
		for i, row := range n.children {
			rows = append(rows, fmt.Sprintf("строка %d: %s", i+1, row.words()))
		}
		return strings.Join(rows, "; ") + ";"
	case "mtr":
		var cells []string
		for _, c := range n.children {
			cells = append(cells, c.words())
		}
		return strings.Join(cells, ", ")
	}
	var parts []string
	for _, c := range n.children {
		if w := c.words(); w != "" {
			parts = append(parts, w)
		}
	}
	return strings.Join(parts, " ")
}

func (n *node) power(i int) string {
	switch exponent := n.child(i); exponent {
	case "2":
		return "в квадрате"
	case "3":
		return "в кубе"
	case "градусов", "штрих", "":
		return exponent
	default:
		return "в степени " + n.closed(i, ", конец степени")
	}
}

func (n *node) index(i int) string {
	if base := n.child(0); base == "логарифм" {
		return "по основанию " + n.child(i)
	} else if base == "предел" {
		return "при " + n.child(i)
	}
	return "с индексом " + n.child(i)
}
