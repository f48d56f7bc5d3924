package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ErrShape is wrapped by every refusal of CheckAnswer; its text says, for
// people, what the answer should look like.
var ErrShape = errors.New("ответ не подходит к заданию")

func misshapen(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// CheckAnswer tells whether the answer has the shape of the task's kind and
// names only what the task offers. An empty answer means that the participant took
// the answer back: null for every kind, or the empty value of the kind's own shape
// ("" for a choice and for text, [] for lists, {} for pairs; a likert has none). A
// part of a matching or of gaps may be left out or be "".
func CheckAnswer(t Task, answer json.RawMessage) error {
	_, err := read(t, answer)
	return err
}

// given is an answer read by its kind. Only the field of the kind is set;
// empty means omitted.
type given struct {
	empty  bool
	choice string            // single_choice
	list   []string          // multiple_choice, ordering
	pairs  map[string]string // matching, gap_choice; without empty values
	text   string            // short_answer, extended, numeric
	number *big.Rat          // numeric
	degree int               // likert
}

func read(t Task, answer json.RawMessage) (given, error) {
	raw := bytes.TrimSpace(answer)
	if len(raw) == 0 || string(raw) == "null" {
		return given{empty: true}, nil
	}
	switch t.Kind {
	case SingleChoice:
		var id string
		if err := decode(raw, &id); err != nil {
			return given{}, misshapen("нужен код одного варианта")
		}
		if id == "" {
			return given{empty: true}, nil
		}
		if !optionIDs(t.Options)[id] {
			return given{}, misshapen("варианта %q нет", id)
		}
		return given{choice: id}, nil
	case MultipleChoice, Ordering:
		var list []string
		if err := decode(raw, &list); err != nil {
			return given{}, misshapen("нужен список кодов вариантов")
		}
		known, seen := optionIDs(t.Options), map[string]bool{}
		for _, id := range list {
			if !known[id] {
				return given{}, misshapen("варианта %q нет", id)
			}
			if seen[id] {
				return given{}, misshapen("вариант %q назван дважды", id)
			}
			seen[id] = true
		}
		return given{list: list, empty: len(list) == 0}, nil
	case Matching:
		return readPairs(raw, optionIDs(t.Left), func(string) map[string]bool { return optionIDs(t.Right) })
	case GapChoice:
		offers := make(map[string]map[string]bool, len(t.Gaps))
		places := make(map[string]bool, len(t.Gaps))
		for _, g := range t.Gaps {
			offers[g.ID], places[g.ID] = optionIDs(g.Options), true
		}
		return readPairs(raw, places, func(gap string) map[string]bool { return offers[gap] })
	case ShortAnswer, Extended:
		var text string
		if err := decode(raw, &text); err != nil {
			return given{}, misshapen("нужен текст")
		}
		if n := utf8.RuneCountInString(text); n > t.Length() {
			return given{}, misshapen("текст длиннее %d знаков (%d)", t.Length(), n)
		}
		// U+0000 is no character of a text, and PostgreSQL's jsonb, where the
		// trace of the score is kept, has no place for it.
		if strings.ContainsRune(text, 0) {
			return given{}, misshapen("в тексте есть знак с кодом 0")
		}
		return given{text: text, empty: strings.TrimSpace(text) == ""}, nil
	case Numeric:
		var text string
		if err := decode(raw, &text); err != nil {
			return given{}, misshapen("нужно число текстом, например \"3,14\"")
		}
		if strings.TrimSpace(text) == "" {
			return given{empty: true}, nil
		}
		n, ok := parseDecimal(text)
		if !ok {
			return given{}, misshapen("нужно число, например 3,14")
		}
		return given{number: n, text: strings.TrimSpace(text)}, nil
	case Likert:
		if len(raw) != 1 || raw[0] < '1' || raw[0] > '5' {
			return given{}, misshapen("нужна оценка от 1 до 5")
		}
		return given{degree: int(raw[0] - '0')}, nil
	}
	return given{}, misshapen("вид задания %q неизвестен", t.Kind)
}

func readPairs(raw []byte, places map[string]bool, offers func(place string) map[string]bool) (given, error) {
	var pairs map[string]string
	if err := decode(raw, &pairs); err != nil {
		return given{}, misshapen("нужны пары «место — вариант»")
	}
	for place, id := range pairs {
		if !places[place] {
			return given{}, misshapen("места %q нет", place)
		}
		if id == "" {
			delete(pairs, place)
			continue
		}
		if !offers(place)[id] {
			return given{}, misshapen("варианта %q для %q нет", id, place)
		}
	}
	return given{pairs: pairs, empty: len(pairs) == 0}, nil
}

// decode reads exactly one JSON value; duplicate keys of an object are refused,
// because which of them counts would depend on the reader.
func decode(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	if len(raw) > 0 && raw[0] == '{' {
		return uniqueKeys(raw)
	}
	return nil
}

// uniqueKeys refuses a flat object that names a key twice.
func uniqueKeys(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if seen[name] {
			return fmt.Errorf("key %q twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// decimal: a sign, digits, and at most one comma or point with digits after it.
var decimal = regexp.MustCompile(`^[+-]?(\d+([.,]\d+)?|[.,]\d+)$`)

// parseDecimal reads a number the way people type it: comma or point, any minus
// sign, spaces between thousands. At most 40 characters, so that nobody can ask
// for a number of a million digits.
func parseDecimal(s string) (*big.Rat, bool) {
	if utf8.RuneCountInString(s) > 40 {
		return nil, false
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '−', '–', '‐', '‑':
			return '-'
		case ' ', '\u00a0', '\u2009', '\u202f', '\t':
			return -1
		}
		return r
	}, s)
	if !decimal.MatchString(s) {
		return nil, false
	}
	n, ok := new(big.Rat).SetString(strings.Replace(s, ",", ".", 1))
	return n, ok
}

// FullAnswer is an answer that earns all points by the key: what a journey or a
// demonstration region gives when a person knows the task. It is nil where no
// key exists (extended, likert).
func FullAnswer(t Task, k Key) json.RawMessage {
	switch t.Kind {
	case ShortAnswer:
		var key Accepted
		if json.Unmarshal(k.Answer, &key) != nil || len(key.Forms) == 0 {
			return nil
		}
		return quoted(key.Forms[0])
	case Numeric:
		var key Number
		if json.Unmarshal(k.Answer, &key) != nil {
			return nil
		}
		return quoted(key.Value)
	case Extended, Likert:
		return nil
	}
	return k.Answer
}

func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return nil
	}
	return b
}
