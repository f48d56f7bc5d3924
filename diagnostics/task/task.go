// Package task is what a diagnostic task is, what an answer to it looks like
// and how many points the answer earns. It is pure: values in, values out.
//
// The open part of a task (Task) and its secret part (Key) are two values from
// the first line on, so that a page for participants cannot hold a key by
// accident; Written joins them for authors and for instrument files.
package task

import "encoding/json"

// Kind says how a task is answered.
type Kind string

// The nine kinds of the contract.
const (
	SingleChoice   Kind = "single_choice"
	MultipleChoice Kind = "multiple_choice"
	Matching       Kind = "matching"
	Ordering       Kind = "ordering"
	ShortAnswer    Kind = "short_answer"
	Numeric        Kind = "numeric"
	GapChoice      Kind = "gap_choice"
	Extended       Kind = "extended"
	Likert         Kind = "likert"
)

// Kinds lists all kinds in the order in which a person chooses among them.
var Kinds = []Kind{SingleChoice, MultipleChoice, Matching, Ordering, ShortAnswer, Numeric, GapChoice, Extended, Likert}

// Label is the kind's name for people.
func (k Kind) Label() string {
	switch k {
	case SingleChoice:
		return "Один верный ответ"
	case MultipleChoice:
		return "Несколько верных ответов"
	case Matching:
		return "Соответствие"
	case Ordering:
		return "Порядок"
	case ShortAnswer:
		return "Краткий ответ"
	case Numeric:
		return "Число"
	case GapChoice:
		return "Выбор в пропусках"
	case Extended:
		return "Развёрнутый ответ"
	case Likert:
		return "Самооценка"
	}
	return string(k)
}

// Part says which half of a diagnostic a task belongs to.
type Part string

// Subject and methodical results are never added up; Self is not scored.
const (
	Subject    Part = "subject"
	Methodical Part = "methodical"
	Self       Part = "self"
)

// Parts lists the parts in the order of a report.
var Parts = []Part{Subject, Methodical, Self}

// Label is the part's name for people.
func (p Part) Label() string {
	switch p {
	case Subject:
		return "Предметная"
	case Methodical:
		return "Методическая"
	case Self:
		return "Самооценка"
	}
	return string(p)
}

// Level is the difficulty the author intends; statistics show the real one.
type Level string

// The three levels of a specification.
const (
	Basic    Level = "basic"
	Advanced Level = "advanced"
	High     Level = "high"
)

// Levels lists the levels, the easiest first.
var Levels = []Level{Basic, Advanced, High}

// Label is the level's name for people.
func (l Level) Label() string {
	switch l {
	case Basic:
		return "Базовый"
	case Advanced:
		return "Повышенный"
	case High:
		return "Высокий"
	}
	return string(l)
}

// Scoring is the rule that turns an answer into points.
type Scoring string

// The rules of the contract. All of them give whole points.
const (
	Exact      Scoring = "exact"       // all or nothing
	OneError   Scoring = "one_error"   // 2 without errors, 1 with one
	SetPenalty Scoring = "set_penalty" // right choices less wrong ones
	PerPair    Scoring = "per_pair"    // each right pair counts
	ByCriteria Scoring = "criteria"    // experts mark by criteria
	NoScoring  Scoring = "none"        // self-assessment
)

// Label says the rule in words.
func (s Scoring) Label() string {
	switch s {
	case Exact:
		return "Всё верно — полный балл, иначе 0"
	case OneError:
		return "2 балла без ошибок, 1 балл при одной ошибке"
	case SetPenalty:
		return "Верные варианты минус неверные"
	case PerPair:
		return "За каждую верную пару"
	case ByCriteria:
		return "По критериям, проверяют эксперты"
	case NoScoring:
		return "Без баллов"
	}
	return string(s)
}

// Rules lists the scoring rules that a kind allows, the usual one first.
func (k Kind) Rules() []Scoring {
	switch k {
	case SingleChoice, ShortAnswer, Numeric:
		return []Scoring{Exact}
	case MultipleChoice:
		return []Scoring{OneError, Exact, SetPenalty}
	case Matching, GapChoice:
		return []Scoring{PerPair, OneError, Exact}
	case Ordering:
		return []Scoring{OneError, Exact}
	case Extended:
		return []Scoring{ByCriteria}
	case Likert:
		return []Scoring{NoScoring}
	}
	return nil
}

// An Option is one thing to choose, place or match; ID is stable across shuffles.
type Option struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Gap is one place [[id]] in the body of a gap_choice task.
type Gap struct {
	ID      string   `json:"id"`
	Options []Option `json:"options"`
}

// A Weight says which share of a task's points speaks about an element of the
// codifier; the weights of a task add up to 1.
type Weight struct {
	Element string  `json:"id"`
	Weight  float64 `json:"weight"`
}

// A Task is everything about a task that is not secret: what a participant
// sees, and how it is described in a specification. Texts are Markdown with TeX
// formulas between $…$ and $$…$$.
type Task struct {
	ID        string   `json:"id"`
	Part      Part     `json:"part"`
	Kind      Kind     `json:"kind"`
	Level     Level    `json:"level"`
	Minutes   int      `json:"minutes"`
	Max       int      `json:"max"`
	Scoring   Scoring  `json:"scoring"`
	Elements  []Weight `json:"elements"`
	Skill     string   `json:"skill"`
	Body      string   `json:"body"`
	Options   []Option `json:"options,omitempty"`
	Left      []Option `json:"left,omitempty"`
	Right     []Option `json:"right,omitempty"`
	Gaps      []Gap    `json:"gaps,omitempty"`
	MaxLength int      `json:"max_length,omitempty"`
	Unit      string   `json:"unit,omitempty"`
}

// A Key is the secret part of a task. Answer holds, for the kinds that are
// chosen, matched or ordered, the right answer in the shape of an answer; for
// short_answer an Accepted, for numeric a Number; for the rest nothing.
type Key struct {
	Answer      json.RawMessage `json:"key,omitempty"`
	Criteria    []Criterion     `json:"criteria,omitempty"`
	ZeroBy      string          `json:"zero_by,omitempty"`
	Discrepancy int             `json:"discrepancy,omitempty"`
	Exemplars   []Exemplar      `json:"exemplars,omitempty"`
	Solution    string          `json:"solution,omitempty"`
}

// Accepted is the key of a short_answer: any of the forms is right.
type Accepted struct {
	Forms []string `json:"accepted"`
}

// Number is the key of a numeric task; both are decimal numbers in text, so
// that 0,1 is exactly a tenth. An answer is right within ±Tolerance, ends included.
type Number struct {
	Value     string `json:"value"`
	Tolerance string `json:"tolerance"`
}

// A Criterion is one thing an expert marks in an extended answer.
type Criterion struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Max    int     `json:"max"`
	Levels []Grade `json:"levels"`
}

// A Grade describes what earns so many points of a criterion.
type Grade struct {
	Points int    `json:"points"`
	Text   string `json:"text"`
}

// An Exemplar is a marked sample answer by which experts tune their eye.
type Exemplar struct {
	Text   string         `json:"text"`
	Scores map[string]int `json:"scores"`
	Why    string         `json:"why"`
}

// Written is a task as its author writes it: open and secret part together.
type Written struct {
	Task
	Key
}

// Scored tells whether the task counts towards a result.
func (t Task) Scored() bool { return t.Kind != Likert }

// ByExperts tells whether people mark the answers.
func (t Task) ByExperts() bool { return t.Kind == Extended }

// Lengths of texts when the task itself sets none, in characters.
const (
	defaultShortLength    = 200
	defaultExtendedLength = 10000
)

// Length is the longest text the task takes, in characters; 0 where no text is asked.
func (t Task) Length() int {
	switch {
	case t.Kind != ShortAnswer && t.Kind != Extended:
		return 0
	case t.MaxLength > 0:
		return t.MaxLength
	case t.Kind == ShortAnswer:
		return defaultShortLength
	default:
		return defaultExtendedLength
	}
}

func optionIDs(options []Option) map[string]bool {
	ids := make(map[string]bool, len(options))
	for _, o := range options {
		ids[o.ID] = true
	}
	return ids
}
