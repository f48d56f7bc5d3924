package exchange

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/task"
)

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // texts, lists and maps of texts always have a form
		return nil
	}
	return b
}

var keyLetter = regexp.MustCompile(`[A-Za-zА-Яа-я]+`)

// letters reads "A, C" or "a c"; Cyrillic twins of Latin letters are taken for them.
func letters(s string) []string {
	twins := strings.NewReplacer("а", "a", "в", "b", "с", "c", "е", "e", "н", "h")
	ids := []string{}
	for _, word := range keyLetter.FindAllString(strings.ToLower(s), -1) {
		ids = append(ids, twins.Replace(word))
	}
	return ids
}

// key reads the cell «Ключ» by the kind of the task.
func (r *reader) key(l line, kind task.Kind) json.RawMessage {
	word := l.get("Ключ")
	switch kind {
	case task.SingleChoice:
		if ids := letters(word); len(ids) == 1 {
			return raw(ids[0])
		}
		r.add(Fault{l.sheet, l.at("Ключ"), "ожидалась одна буква верного варианта, например B"})
		return nil
	case task.MultipleChoice, task.Ordering:
		return raw(letters(word))
	case task.ShortAnswer:
		forms := []string{}
		for _, form := range strings.FieldsFunc(word, func(c rune) bool { return c == '\n' || c == '|' }) {
			if form = strings.TrimSpace(form); form != "" {
				forms = append(forms, form)
			}
		}
		return raw(task.Accepted{Forms: forms})
	case task.Numeric:
		value, tolerance, _ := strings.Cut(word, "±")
		n := task.Number{Value: strings.TrimSpace(value), Tolerance: strings.TrimSpace(tolerance)}
		if n.Tolerance == "" {
			n.Tolerance = "0"
		}
		return raw(n)
	}
	if word != "" {
		where := map[task.Kind]string{task.Matching: sheetLeft, task.GapChoice: sheetGaps}[kind]
		if where == "" {
			r.add(Fault{l.sheet, l.at("Ключ"), "у этого вида ключа нет: оставьте пустым"})
		} else {
			r.add(Fault{l.sheet, l.at("Ключ"), fmt.Sprintf("ключ этого вида стоит на листе «%s»", where)})
		}
	}
	return nil
}

func (r *reader) left(p *Placed, l line) {
	id := fmt.Sprintf("l%d", len(p.Left)+1)
	p.Left = append(p.Left, task.Option{ID: id, Text: l.get("Слева")})
	pairs := map[string]string{}
	if p.Key.Answer != nil {
		if err := json.Unmarshal(p.Key.Answer, &pairs); err != nil {
			return
		}
	}
	if ids := letters(l.get("Верный вариант")); len(ids) == 1 {
		pairs[id] = ids[0]
	} else {
		r.add(Fault{l.sheet, l.at("Верный вариант"), "ожидалась одна буква варианта, например B"})
	}
	p.Key.Answer = raw(pairs)
}

func (r *reader) gap(p *Placed, l line) {
	name := strings.Trim(l.get("Пропуск"), "[] ")
	at := slices.IndexFunc(p.Gaps, func(g task.Gap) bool { return g.ID == name })
	if at < 0 {
		at = len(p.Gaps)
		p.Gaps = append(p.Gaps, task.Gap{ID: name})
	}
	g := &p.Gaps[at]
	id := "o" + strconv.Itoa(len(g.Options)+1)
	if n := len(g.Options); n < len(optionLetters) {
		id = strings.ToLower(optionLetters[n : n+1])
	}
	g.Options = append(g.Options, task.Option{ID: id, Text: l.get("Вариант")})
	pairs := map[string]string{}
	if p.Key.Answer != nil {
		if err := json.Unmarshal(p.Key.Answer, &pairs); err != nil {
			return
		}
	}
	switch strings.ToLower(l.get("Верный")) {
	case "да", "+", "1", "x", "х":
		if pairs[name] != "" {
			r.add(Fault{l.sheet, l.at("Верный"), "верный вариант пропуска уже отмечен выше"})
			return
		}
		pairs[name] = id
	case "", "нет", "-", "0":
	default:
		r.add(Fault{l.sheet, l.at("Верный"), "ожидалось «да» или пусто"})
	}
	p.Key.Answer = raw(pairs)
}

// criterion reads one level of a criterion; its title stands in the first of its rows.
func (r *reader) criterion(p *Placed, l line) {
	id := l.get("Критерий")
	at := slices.IndexFunc(p.Criteria, func(c task.Criterion) bool { return c.ID == id })
	if at < 0 {
		at = len(p.Criteria)
		p.Criteria = append(p.Criteria, task.Criterion{ID: id, Title: l.get("Название")})
	}
	c := &p.Criteria[at]
	points := r.number(l, "Баллы")
	if l.get("Баллы") == "" {
		r.add(Fault{l.sheet, l.at("Баллы"), "нужно число баллов уровня"})
	}
	c.Levels = append(c.Levels, task.Grade{Points: points, Text: l.get("За что")})
	c.Max = max(c.Max, points)
}

var scorePair = regexp.MustCompile(`([\p{L}0-9._-]+)\s*[=:]\s*(\d{1,2})`)

func (r *reader) exemplar(p *Placed, l line) {
	e := task.Exemplar{Text: l.get("Ответ"), Scores: map[string]int{}, Why: l.get("Почему")}
	for _, m := range scorePair.FindAllStringSubmatch(l.get("Баллы по критериям"), -1) {
		points, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		e.Scores[m[1]] = points
	}
	p.Exemplars = append(p.Exemplars, e)
}
