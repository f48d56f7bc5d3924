package sitting

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// form is a task as native controls with the answer in them. It works without script.
type form struct {
	Kind      task.Kind
	Hint      string // what to do, in words
	Options   []option
	Right     []option // matching: what is matched to, numbered
	Left      []pair
	Items     []place
	Pieces    []piece
	Gaps      []gapField
	Text      string
	MaxLength int
	Unit      string
	Wrong     string
}

type option struct {
	N       int
	ID      string
	HTML    string
	Checked bool
}

type pair struct {
	Letter string
	ID     string
	HTML   string
	Right  []option
	Word   string // HTML of what is chosen
}

type place struct {
	ID       string
	HTML     string
	Position int // 0 = not placed
	Seats    int
}

// piece is text up to a gap; Gap is nil after the last one.
type piece struct {
	HTML string
	Gap  *gapField
}

type gapField struct {
	N       int
	ID      string
	Options []option
	Inline  bool // plain words: a list inside the text; formulas stand in a row below it
}

// letters number what is matched; Ё, З, Й and О look like something else.
var letters = []rune("АБВГДЕЖИКЛМНПРСТУФ")

func letter(i int) string {
	if i < len(letters) {
		return string(letters[i])
	}
	return strconv.Itoa(i + 1)
}

var likertWords = []string{"совсем неуверенно", "скорее неуверенно", "когда как", "скорее уверенно", "вполне уверенно"}

// formOf puts an answer into the controls of its task; an answer of the wrong
// shape leaves them empty, text excepted: it is shown as it was typed.
func formOf(v task.View, answer json.RawMessage) form {
	f := form{Kind: v.Kind, MaxLength: v.MaxLength, Unit: v.Unit}
	var one string
	var many []string
	var pairs map[string]string
	var degree int
	_ = json.Unmarshal(answer, &one)
	_ = json.Unmarshal(answer, &many)
	_ = json.Unmarshal(answer, &pairs)
	_ = json.Unmarshal(answer, &degree)
	switch v.Kind {
	case task.SingleChoice:
		f.Hint = "Выберите один ответ"
		f.Options = options(v.Options, func(id string) bool { return id == one })
	case task.MultipleChoice:
		f.Hint = "Отметьте все верные ответы"
		f.Options = options(v.Options, func(id string) bool { return slices.Contains(many, id) })
	case task.Matching:
		f.Hint = "Для каждой буквы выберите номер"
		f.Right = options(v.Right, func(string) bool { return false })
		for i, l := range v.Left {
			p := pair{Letter: letter(i), ID: l.ID, HTML: l.HTML, Right: options(v.Right, func(id string) bool { return pairs[l.ID] == id })}
			for _, o := range p.Right {
				if o.Checked {
					p.Word = o.HTML
				}
			}
			f.Left = append(f.Left, p)
		}
	case task.Ordering:
		f.Hint = "Поставьте у каждой строки её номер по порядку"
		for _, o := range v.Options {
			f.Items = append(f.Items, place{ID: o.ID, HTML: o.HTML, Position: slices.Index(many, o.ID) + 1, Seats: len(v.Options)})
		}
	case task.GapChoice:
		f.Hint = "Заполните пропуски"
		f.Pieces, f.Gaps = gaps(v, pairs)
	case task.ShortAnswer, task.Numeric, task.Extended:
		f.Text = one
		f.Hint = map[task.Kind]string{task.ShortAnswer: "Ваш ответ: слово или несколько слов", task.Numeric: "Ваш ответ: число", task.Extended: "Ваш развёрнутый ответ"}[v.Kind]
	case task.Likert:
		f.Hint = "Выберите от 1 до 5"
		for i, word := range likertWords {
			f.Options = append(f.Options, option{N: i + 1, ID: strconv.Itoa(i + 1), HTML: fmt.Sprintf("%d — %s", i+1, word), Checked: degree == i+1})
		}
	}
	return f
}

func options(from []task.OptionView, checked func(id string) bool) []option {
	to := make([]option, len(from))
	for i, o := range from {
		to[i] = option{i + 1, o.ID, o.HTML, checked(o.ID)}
	}
	return to
}

func gaps(v task.View, pairs map[string]string) (pieces []piece, below []gapField) {
	byID := map[string]*gapField{}
	for i, g := range v.Gaps {
		field := gapField{N: i + 1, ID: g.ID, Inline: true, Options: options(g.Options, func(id string) bool { return pairs[g.ID] == id })}
		for _, o := range g.Options {
			field.Inline = field.Inline && !strings.Contains(o.HTML, "<")
		}
		byID[g.ID] = &field
	}
	for _, p := range v.Pieces() {
		pieces = append(pieces, piece{p.HTML, byID[p.Gap]})
		if field := byID[p.Gap]; field != nil && !field.Inline {
			below = append(below, *field)
		}
	}
	return pieces, below
}

// Names of the controls. A page posts them, the module task.js reads them.
const (
	answerField = "answer"
	leftField   = "left."
	itemField   = "item."
	gapsField   = "gap."
)

// answerFrom reads the answer a form posted, in the shape of its kind; what is
// left blank is null. wrong says, for people, what keeps it from being an answer.
func answerFrom(v task.View, post url.Values) (answer json.RawMessage, wrong string) {
	var value any
	switch v.Kind {
	case task.SingleChoice, task.ShortAnswer, task.Numeric, task.Extended:
		text := strings.ReplaceAll(post.Get(answerField), "\r\n", "\n")
		if v.Kind == task.Numeric {
			text = strings.TrimSpace(text)
		}
		if text != "" {
			value = text
		}
	case task.MultipleChoice:
		if chosen := post[answerField]; len(chosen) > 0 {
			value = chosen
		}
	case task.Likert:
		if n, err := strconv.Atoi(post.Get(answerField)); err == nil {
			value = n
		}
	case task.Matching:
		value = pairsFrom(post, leftField, ids(v.Left))
	case task.GapChoice:
		places := make([]string, len(v.Gaps))
		for i, g := range v.Gaps {
			places[i] = g.ID
		}
		value = pairsFrom(post, gapsField, places)
	case task.Ordering:
		value, wrong = orderFrom(post, ids(v.Options))
	}
	b, err := json.Marshal(value)
	if err != nil { // strings, lists and maps of strings: cannot happen
		return json.RawMessage("null"), "Ответ не прочитан"
	}
	return b, wrong
}

func ids(views []task.OptionView) []string {
	out := make([]string, len(views))
	for i, o := range views {
		out[i] = o.ID
	}
	return out
}

func pairsFrom(post url.Values, prefix string, places []string) any {
	pairs := map[string]string{}
	for _, id := range places {
		if chosen := post.Get(prefix + id); chosen != "" {
			pairs[id] = chosen
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return pairs
}

// orderFrom lists what was given a number, by number.
func orderFrom(post url.Values, items []string) (order any, wrong string) {
	at := map[int]string{}
	numbers := []int{}
	for _, id := range items {
		n, err := strconv.Atoi(post.Get(itemField + id))
		if err != nil || n < 1 || n > len(items) {
			continue
		}
		if _, taken := at[n]; taken {
			return nil, fmt.Sprintf("Номер %d стоит у двух строк: оставьте у одной", n)
		}
		at[n] = id
		numbers = append(numbers, n)
	}
	if len(numbers) == 0 {
		return nil, ""
	}
	slices.Sort(numbers)
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = at[n]
	}
	return list, ""
}

// placed shows the numbers of an ordering as they were posted, right or not.
func (f form) placed(post url.Values) form {
	for i, item := range f.Items {
		f.Items[i].Position, _ = strconv.Atoi(post.Get(itemField + item.ID))
	}
	return f
}
