package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	wantID   = "нужен код: латинские буквы, цифры, точка, дефис"
	wantText = "нужен текст"
)

var (
	idForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$`)
	markID  = regexp.MustCompile(`^[\p{L}0-9][\p{L}0-9._-]{0,19}$`)
	gapMark = regexp.MustCompile(`\[\[([A-Za-z0-9_-]{1,20})\]\]`)
)

func goodID(s string) bool             { return idForm.MatchString(s) }
func blank(s string) bool              { return strings.TrimSpace(s) == "" }
func oneOf(s string, of []string) bool { return slices.Contains(of, s) }

// Validate checks one task with its key by the rules of its kind; the error is
// Faults, one for each thing to correct.
func (w Written) Validate() error { return w.faults().orNil() }

// faults leaves Fault.Task empty: the caller knows how to name the task.
func (w Written) faults() Faults {
	c := checker{w: w}
	c.described()
	if c.kindKnown() {
		c.foreign()
		before := len(c.faults)
		c.content()
		if len(c.faults) == before { // a key can be judged against a content in order
			c.key()
		}
	}
	return c.faults
}

type checker struct {
	w      Written
	faults Faults
}

func (c *checker) want(field, format string, args ...any) {
	c.faults = append(c.faults, Fault{"", field, fmt.Sprintf(format, args...)})
}

// described checks what every task says about itself.
func (c *checker) described() {
	w := c.w
	if !goodID(w.ID) {
		c.want("id", wantID)
	}
	if !slices.Contains(Parts, w.Part) {
		c.want("part", "ожидалась часть: предметная (subject), методическая (methodical) или самооценка (self), стоит «%s»", w.Part)
	}
	if !slices.Contains(Levels, w.Level) && !(w.Kind == Likert && w.Level == "") {
		c.want("level", "ожидался уровень: базовый (basic), повышенный (advanced) или высокий (high), стоит «%s»", w.Level)
	}
	if w.Minutes < 0 || w.Minutes > 120 || w.Minutes == 0 && w.Kind != Likert {
		c.want("minutes", "нужно число минут от 1 до 120")
	}
	if blank(w.Body) {
		c.want("body", "нужен текст задания")
	}
	if n := utf8.RuneCountInString(w.Body); n > 20000 {
		c.want("body", "текст длиннее 20 000 знаков (%d)", n)
	}
	if (w.Kind == Likert) != (w.Part == Self) {
		c.want("part", "самооценка (likert) бывает только в части «Самооценка» (self), и в ней только она")
	}
	c.weights()
}

func (c *checker) weights() {
	if len(c.w.Elements) == 0 {
		c.want("elements", "нужен хотя бы один элемент кодификатора")
		return
	}
	sum, seen := 0.0, map[string]bool{}
	for _, e := range c.w.Elements {
		if blank(e.Element) || seen[e.Element] {
			c.want("elements", "элемент назван дважды или не назван: %q", e.Element)
		}
		seen[e.Element] = true
		if !(e.Weight > 0 && e.Weight <= 1) {
			c.want("elements", "доля элемента %q должна быть больше 0 и не больше 1", e.Element)
		}
		sum += e.Weight
	}
	if math.Abs(sum-1) > 1e-6 {
		c.want("elements", "доли элементов должны давать 1, дают %s", strings.Replace(fmt.Sprintf("%.4g", sum), ".", ",", 1))
	}
}

func (c *checker) kindKnown() bool {
	if !slices.Contains(Kinds, c.w.Kind) {
		c.want("kind", "вид задания %q неизвестен", c.w.Kind)
		return false
	}
	if !slices.Contains(c.w.Kind.Rules(), c.w.Scoring) {
		rules := make([]string, 0, 3)
		for _, r := range c.w.Kind.Rules() {
			rules = append(rules, "«"+r.Label()+"» ("+string(r)+")")
		}
		c.want("scoring", "для вида «%s» ожидалось правило: %s; стоит «%s»", c.w.Kind.Label(), strings.Join(rules, ", "), c.w.Scoring.Label())
	}
	switch {
	case c.w.Kind == Likert:
		if c.w.Max != 0 {
			c.want("max", "самооценка не даёт баллов: ожидалось 0")
		}
	case c.w.Scoring == OneError:
		if c.w.Max != 2 {
			c.want("max", "правило «2 балла без ошибок, 1 балл при одной ошибке» (one_error) даёт 2 балла, стоит %d", c.w.Max)
		}
	case c.w.Max < 1 || c.w.Max > 100:
		c.want("max", "нужно число баллов от 1 до 100")
	}
	return true
}

// foreign refuses fields of another kind: they would be silently lost.
func (c *checker) foreign() {
	w := c.w
	set := []struct {
		field string
		given bool
		kinds []Kind
	}{
		{"options", len(w.Options) > 0, []Kind{SingleChoice, MultipleChoice, Ordering}},
		{"left", len(w.Left) > 0, []Kind{Matching}},
		{"right", len(w.Right) > 0, []Kind{Matching}},
		{"gaps", len(w.Gaps) > 0, []Kind{GapChoice}},
		{"max_length", w.MaxLength != 0, []Kind{ShortAnswer, Extended}},
		{"unit", w.Unit != "", []Kind{Numeric}},
		{"criteria", len(w.Criteria) > 0, []Kind{Extended}},
		{"zero_by", w.ZeroBy != "", []Kind{Extended}},
		{"discrepancy", w.Discrepancy != 0, []Kind{Extended}},
		{"exemplars", len(w.Exemplars) > 0, []Kind{Extended}},
	}
	for _, s := range set {
		if s.given && !slices.Contains(s.kinds, w.Kind) {
			c.want(s.field, "у вида «%s» этого поля нет", w.Kind.Label())
		}
	}
	if hasKey := !isBlank(w.Key.Answer); hasKey && (w.Kind == Extended || w.Kind == Likert) {
		c.want("key", "у вида «%s» ключа нет", w.Kind.Label())
	}
	if w.Kind != GapChoice && gapMark.MatchString(w.Body) {
		c.want("body", "пропуски [[…]] бывают только у вида «Выбор в пропусках» (gap_choice)")
	}
}

func (c *checker) content() {
	w := c.w
	switch w.Kind {
	case SingleChoice, MultipleChoice, Ordering:
		c.options("options", w.Options, 2)
	case Matching:
		c.options("left", w.Left, 2)
		c.options("right", w.Right, 2)
	case GapChoice:
		c.gaps()
	case ShortAnswer, Extended:
		if w.MaxLength < 0 || w.MaxLength > 50000 {
			c.want("max_length", "нужно число знаков от 1 до 50 000")
		}
	}
	if w.Kind == Extended {
		c.criteria()
	}
}

func (c *checker) options(field string, options []Option, least int) {
	if len(options) < least || len(options) > 30 {
		c.want(field, "нужно от %d до 30 вариантов, дано %d", least, len(options))
	}
	ids, texts := map[string]bool{}, map[string]bool{}
	for i, o := range options {
		switch {
		case !goodID(o.ID):
			c.want(field, "вариант %d: %s", i+1, wantID)
		case ids[o.ID]:
			c.want(field, "код варианта %q уже был", o.ID)
		}
		ids[o.ID] = true
		text := strings.Join(strings.Fields(o.Text), " ")
		switch {
		case text == "":
			c.want(field, "у варианта %q нет текста", o.ID)
		case texts[text]:
			c.want(field, "вариант %q повторяет другой слово в слово", o.ID)
		}
		texts[text] = true
	}
}

func (c *checker) gaps() {
	if len(c.w.Gaps) == 0 {
		c.want("gaps", "нужен хотя бы один пропуск")
	}
	inBody := map[string]int{}
	for _, m := range gapMark.FindAllStringSubmatch(c.w.Body, -1) {
		inBody[m[1]]++
	}
	for _, g := range c.w.Gaps {
		if !gapMark.MatchString("[[" + g.ID + "]]") {
			c.want("gaps", "код пропуска %q: нужны латинские буквы и цифры", g.ID)
			continue
		}
		switch inBody[g.ID] {
		case 0:
			c.want("gaps", "пропуска [[%s]] нет в тексте или его код уже был", g.ID)
		case 1:
		default:
			c.want("body", "пропуск [[%s]] стоит в тексте %d раза", g.ID, inBody[g.ID])
		}
		delete(inBody, g.ID)
		c.options("gaps", g.Options, 2)
	}
	for _, id := range sortedKeys(inBody) {
		c.want("gaps", "для пропуска [[%s]] нет вариантов", id)
	}
}

func (c *checker) criteria() {
	w := c.w
	if len(w.Criteria) == 0 {
		c.want("criteria", "нужен хотя бы один критерий")
	}
	sum, ids := 0, map[string]Criterion{}
	for i, k := range w.Criteria {
		name := k.ID
		if !markID.MatchString(k.ID) {
			c.want("criteria", "критерий %d: нужен код, например К1", i+1)
			name = fmt.Sprint(i + 1)
		}
		if _, dup := ids[k.ID]; dup {
			c.want("criteria", "критерий %q уже был", k.ID)
		}
		ids[k.ID] = k
		if blank(k.Title) {
			c.want("criteria", "критерий %s: нужно название", name)
		}
		c.levels(name, k)
		sum += k.Max
	}
	if sum != w.Max {
		c.want("max", "критерии вместе дают %d, а в задании стоит %d", sum, w.Max)
	}
	if _, known := ids[w.ZeroBy]; w.ZeroBy != "" && !known {
		c.want("zero_by", "критерия %q нет", w.ZeroBy)
	}
	if w.Discrepancy < 0 || w.Discrepancy > max(w.Max, 0) {
		c.want("discrepancy", "нужно число баллов от 1 до %d", w.Max)
	}
	for i, e := range w.Exemplars {
		if blank(e.Text) {
			c.want("exemplars", "образец %d: нужен текст ответа", i+1)
		}
		if _, err := ScoreMarks(w.Task, w.Key, e.Scores); err != nil {
			c.want("exemplars", "образец %d: нужны баллы по каждому критерию из его уровней", i+1)
		}
	}
}

// levels: a criterion describes what earns 0, what earns its maximum, and each
// number of points at most once.
func (c *checker) levels(name string, k Criterion) {
	if k.Max < 1 || k.Max > 20 {
		c.want("criteria", "критерий %s: нужно от 1 до 20 баллов", name)
	}
	seen := map[int]bool{}
	for _, g := range k.Levels {
		if g.Points < 0 || g.Points > k.Max || seen[g.Points] {
			c.want("criteria", "критерий %s: уровень на %d баллов повторён или вне 0…%d", name, g.Points, k.Max)
		}
		seen[g.Points] = true
		if blank(g.Text) {
			c.want("criteria", "критерий %s: опишите, за что ставится %d", name, g.Points)
		}
	}
	if !seen[0] || !seen[k.Max] {
		c.want("criteria", "критерий %s: нужны уровни на 0 и на %d", name, k.Max)
	}
}

// key checks the key against a content that is itself in order.
func (c *checker) key() {
	w := c.w
	switch w.Kind {
	case SingleChoice, MultipleChoice, Ordering, Matching, GapChoice:
		g, err := read(w.Task, w.Key.Answer)
		if err != nil {
			_, why, _ := strings.Cut(err.Error(), ": ")
			c.want("key", "%s", why)
			return
		}
		if g.empty {
			c.want("key", "нужен верный ответ")
			return
		}
		c.whole(g)
	case ShortAnswer:
		var key Accepted
		if strict(w.Key.Answer, &key) != nil || len(key.Forms) == 0 {
			c.want("key", "нужны принимаемые ответы: {\"accepted\":[…]}")
			return
		}
		for _, form := range key.Forms {
			if Fold(form) == "" {
				c.want("key", "пустой принимаемый ответ")
			}
			if n := utf8.RuneCountInString(form); n > w.Length() {
				c.want("key", "принимаемый ответ длиннее, чем можно ввести (%d)", w.Length())
			}
		}
	case Numeric:
		var key Number
		if strict(w.Key.Answer, &key) != nil {
			c.want("key", "нужно {\"value\":\"3.14\",\"tolerance\":\"0\"}, числа текстом")
			return
		}
		if _, ok := parseDecimal(key.Value); !ok {
			c.want("key", "верный ответ: ожидалось десятичное число, стоит «%s»", key.Value)
		} else if _, _, ok := numberKey(w.Key.Answer); !ok {
			c.want("key", "допуск: ожидалось число не меньше 0, стоит «%s»", key.Tolerance)
		}
	}
}

// whole: the key says something about every place of the task.
func (c *checker) whole(g given) {
	w := c.w
	switch w.Kind {
	case Ordering:
		if len(g.list) != len(w.Options) {
			c.want("key", "порядок должен назвать все варианты: %d, названо %d", len(w.Options), len(g.list))
			return
		}
		if slices.EqualFunc(w.Options, g.list, func(o Option, id string) bool { return o.ID == id }) {
			c.want("options", "варианты уже стоят в верном порядке: переставьте их")
		}
	case Matching:
		for _, o := range w.Left {
			if g.pairs[o.ID] == "" {
				c.want("key", "нет пары для %q", o.ID)
			}
		}
	case GapChoice:
		for _, gap := range w.Gaps {
			if g.pairs[gap.ID] == "" {
				c.want("key", "нет ответа для пропуска %q", gap.ID)
			}
		}
	}
}

// Lint names what is allowed but usually a slip. The order is fixed.
func Lint(w Written) []Fault {
	var fs []Fault
	say := func(field, format string, args ...any) {
		fs = append(fs, Fault{"", field, fmt.Sprintf(format, args...)})
	}
	if w.Kind != Likert && blank(w.Solution) {
		say("solution", "Нет решения: рецензенту и эксперту будет труднее проверить ключ.")
	}
	if w.Kind != Likert && blank(w.Skill) {
		say("skill", "Не сказано, какое умение проверяется.")
	}
	for _, o := range slices.Concat(w.Options, w.Right) {
		text := strings.ToLower(o.Text)
		if strings.Contains(text, "все перечисленн") || strings.Contains(text, "всё перечисленн") || strings.Contains(text, "нет верного ответа") {
			say("options", "Вариант «%s» проверяет сообразительность, а не знание: замените его содержательным.", o.Text)
		}
	}
	switch w.Kind {
	case SingleChoice:
		var key string
		if json.Unmarshal(w.Key.Answer, &key) == nil {
			lintLongest(w.Options, key, say)
		}
		if len(w.Options) == 2 {
			say("options", "Вариантов только два: половину баллов даёт угадывание.")
		}
	case MultipleChoice:
		var keys []string
		if json.Unmarshal(w.Key.Answer, &keys) == nil && len(keys) == len(w.Options) && len(keys) > 0 {
			say("key", "Верны все варианты: тогда выбирать не из чего.")
		}
	case Matching:
		if len(w.Left) == len(w.Right) {
			say("right", "Справа столько же, сколько слева: последнюю пару можно найти без знания. Добавьте лишний вариант.")
		}
	case Extended:
		if len(w.Exemplars) < 2 {
			say("exemplars", "Мало образцов ответов: экспертам нужно хотя бы два.")
		}
		if w.Discrepancy == 0 {
			say("discrepancy", "Не задано расхождение экспертов, с которого нужна третья проверка: будет 2 балла.")
		}
	}
	return fs
}

// lintLongest: a key much longer than each other option gives itself away.
func lintLongest(options []Option, key string, say func(field, format string, args ...any)) {
	own, longest := 0, 0
	for _, o := range options {
		n := utf8.RuneCountInString(o.Text)
		if o.ID == key {
			own = n
		} else {
			longest = max(longest, n)
		}
	}
	if own >= 20 && own*2 > longest*3 {
		say("options", "Верный вариант заметно длиннее остальных и выдаёт себя.")
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// isBlank tells whether a file gives no key, in whatever way it writes nothing.
func isBlank(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}
