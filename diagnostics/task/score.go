package task

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Result is what one answer earned. Points are whole, 0 ≤ Points ≤ Max.
type Result struct {
	Points  int    `json:"points"`
	Max     int    `json:"max"`
	Omitted bool   `json:"omitted"` // nothing was answered: 0 points, but not an error of knowledge
	Marking bool   `json:"marking"` // points come from experts; 0 until ScoreMarks
	Trace   []Step `json:"trace"`   // how the points came about, in the order of the task
}

// A Step is one thing that was right or wrong: a choice, a pair, a place in an order, a criterion.
type Step struct {
	Place  string `json:"place"`           // left id, gap id, position from 1, criterion, or ""
	Given  string `json:"given,omitempty"` // what was answered there
	Right  bool   `json:"right"`
	Points int    `json:"points,omitempty"` // criteria only
}

// Score gives the points of an answer by the key and the task's rule. It is
// total: an answer of a wrong shape, or a key that does not fit its task, earns 0
// and is never an error, because the answer was accepted long ago. The same
// values always give the same result.
//
// A share of the points is rounded down to whole points, so that full marks are
// given for the full answer alone.
func Score(t Task, k Key, answer json.RawMessage) Result {
	r := Result{Max: max(t.Max, 0), Trace: []Step{}}
	if t.Kind == Likert {
		r.Max = 0
	}
	g, err := read(t, answer)
	if err != nil {
		return r
	}
	if g.empty {
		r.Omitted = true
		return r
	}
	switch t.Kind {
	case SingleChoice:
		key, err := read(t, k.Answer)
		right := err == nil && key.choice == g.choice
		r.add(Step{Given: g.choice, Right: right})
		r.exact(right)
	case MultipleChoice:
		key, err := read(t, k.Answer)
		if err != nil || key.empty {
			return r
		}
		scoreSet(&r, t, key.list, g.list)
	case Ordering:
		key, err := read(t, k.Answer)
		if err != nil || key.empty {
			return r
		}
		scoreOrder(&r, t, key.list, g.list)
	case Matching, GapChoice:
		key, err := read(t, k.Answer)
		if err != nil || key.empty {
			return r
		}
		scorePairs(&r, t, key.pairs, g.pairs)
	case ShortAnswer:
		right := acceptedText(k.Answer, g.text)
		r.add(Step{Given: g.text, Right: right})
		r.exact(right)
	case Numeric:
		right := acceptedNumber(k.Answer, g.number)
		r.add(Step{Given: g.text, Right: right})
		r.exact(right)
	case Extended:
		r.Marking = true
	}
	return r
}

func (r *Result) add(s Step) { r.Trace = append(r.Trace, s) }

func (r *Result) exact(right bool) {
	if right {
		r.Points = r.Max
	}
}

// oneError gives all for none, half (1 of 2) for one, nothing for more.
func (r *Result) oneError(errors int) {
	switch errors {
	case 0:
		r.Points = r.Max
	case 1:
		r.Points = r.Max / 2
	}
}

// share gives max·part/whole, rounded down, within 0…max.
func (r *Result) share(part, whole int) {
	if whole > 0 {
		r.Points = min(max(r.Max*part/whole, 0), r.Max)
	}
}

// scoreSet: right choices are those of the key. A wrong choice in place of a
// right one is one error, not two, as in state examinations.
func scoreSet(r *Result, t Task, key, chosen []string) {
	isKey := setOf(key)
	right, wrong := 0, 0
	for _, id := range chosen {
		r.add(Step{Given: id, Right: isKey[id]})
		if isKey[id] {
			right++
		} else {
			wrong++
		}
	}
	errors := max(wrong, len(isKey)-right)
	switch t.Scoring {
	case OneError:
		if right > 0 {
			r.oneError(errors)
		}
	case SetPenalty:
		r.share(right-wrong, len(isKey))
	default:
		r.exact(errors == 0)
	}
}

// scoreOrder: one error is one pair of neighbours swapped.
func scoreOrder(r *Result, t Task, key, order []string) {
	var off []int
	for i, id := range order {
		right := i < len(key) && key[i] == id
		r.add(Step{Place: fmt.Sprint(i + 1), Given: id, Right: right})
		if !right {
			off = append(off, i)
		}
	}
	if len(order) != len(key) {
		return
	}
	swapped := len(off) == 2 && off[1] == off[0]+1 && order[off[0]] == key[off[1]] && order[off[1]] == key[off[0]]
	switch {
	case len(off) == 0:
		r.Points = r.Max
	case t.Scoring == OneError && swapped:
		r.oneError(1)
	}
}

func scorePairs(r *Result, t Task, key, pairs map[string]string) {
	var places []string
	if t.Kind == Matching {
		for _, o := range t.Left {
			places = append(places, o.ID)
		}
	} else {
		for _, g := range t.Gaps {
			places = append(places, g.ID)
		}
	}
	right, errors := 0, 0
	for _, place := range places {
		want, asked := key[place]
		if !asked {
			continue
		}
		ok := pairs[place] == want
		r.add(Step{Place: place, Given: pairs[place], Right: ok})
		if ok {
			right++
		} else {
			errors++
		}
	}
	switch t.Scoring {
	case OneError:
		if right > 0 {
			r.oneError(errors)
		}
	case PerPair:
		r.share(right, right+errors)
	default:
		r.exact(errors == 0 && right > 0)
	}
}

func acceptedText(key json.RawMessage, text string) bool {
	var accepted Accepted
	if json.Unmarshal(key, &accepted) != nil {
		return false
	}
	folded := Fold(text)
	return slices.ContainsFunc(accepted.Forms, func(form string) bool { return folded != "" && Fold(form) == folded })
}

func acceptedNumber(key json.RawMessage, n *big.Rat) bool {
	value, tolerance, ok := numberKey(key)
	if !ok {
		return false
	}
	off := new(big.Rat).Sub(n, value)
	return off.Abs(off).Cmp(tolerance) <= 0
}

func numberKey(key json.RawMessage) (value, tolerance *big.Rat, ok bool) {
	var number Number
	if json.Unmarshal(key, &number) != nil {
		return nil, nil, false
	}
	if value, ok = parseDecimal(number.Value); !ok {
		return nil, nil, false
	}
	if number.Tolerance == "" {
		return value, new(big.Rat), true
	}
	tolerance, ok = parseDecimal(number.Tolerance)
	return value, tolerance, ok && tolerance.Sign() >= 0
}

// Fold brings a short answer to the form in which two answers are compared:
// lower case, ё as е, one space between words, all dashes alike, no quotation
// marks and no final dot.
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		switch r = unicode.ToLower(r); r {
		case 'ё':
			r = 'е'
		case '«', '»', '"', '“', '”', '„', '‟', '\'', '‘', '’', '‚', '`', '‹', '›':
			continue
		case '–', '—', '−', '‐', '‑':
			r = '-'
		case '\u00ad', '\u200b', '\ufeff':
			continue
		}
		b.WriteRune(r)
	}
	folded := strings.Join(strings.Fields(b.String()), " ")
	return strings.TrimSpace(strings.TrimRight(folded, ". "))
}

// ScoreMarks adds up the marks of an extended answer. marks must give every
// criterion points that one of its levels describes. Where the criterion ZeroBy
// earns 0, the whole answer earns 0.
func ScoreMarks(t Task, k Key, marks map[string]int) (Result, error) {
	r := Result{Max: max(t.Max, 0), Trace: []Step{}}
	if len(marks) != len(k.Criteria) {
		return Result{}, fmt.Errorf("marks for %d criteria of %d", len(marks), len(k.Criteria))
	}
	zero := false
	for _, c := range k.Criteria {
		points, marked := marks[c.ID]
		if !marked {
			return Result{}, fmt.Errorf("criterion %s has no mark", c.ID)
		}
		if !slices.ContainsFunc(c.Levels, func(g Grade) bool { return g.Points == points }) {
			return Result{}, fmt.Errorf("criterion %s gives no %d points", c.ID, points)
		}
		r.add(Step{Place: c.ID, Right: points == c.Max, Points: points})
		r.Points += points
		zero = zero || c.ID == k.ZeroBy && points == 0
	}
	if zero {
		r.Points = 0
	}
	r.Points = min(max(r.Points, 0), r.Max)
	return r, nil
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
