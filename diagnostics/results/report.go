package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/web"
)

// A Report is what the page of one person's results shows. All shares lie in 0…1,
// higher is better.
type Report struct {
	Own         bool   // the reader is the person
	Name        string // for staff only
	Code        string
	Title       string
	Campaign    int64
	SubmittedAt time.Time
	Answered    int // of Asked scored tasks
	Asked       int
	NotReached  int
	Published   *time.Time
	Revised     *time.Time // a revision after publication
	Preliminary bool
	Cut         float64
	MinTasks    int
	Rule        string // when something is said for certain
	Scale       string
	Leans       *Leaning // nil: the model has answers enough of its own
	Parts       []PartReport
	Strong      []Finding
	Weak        []Finding
	WeakPart    string   // a part under the cut although no element of the work is a finding
	Silent      []string // elements we say nothing of
	HasSelf     bool
	Looks       int
	LastLook    *time.Time
}

// A PartReport is one part: its estimate over all its tasks, and its elements.
type PartReport struct {
	Part     task.Part
	Title    string // «Предметная часть»
	Estimate *Estimate
	Sure     *Certainty // nil before the statistics of the campaign, and where Unsure
	Unsure   bool       // tasks of the part were not reached: its points are of another work
	Say      string
	Tag      string // class of the tag
	Tasks    int
	Elements []ElementReport
}

// An ElementReport is one element with what stands behind its estimate.
type ElementReport struct {
	competency.Element
	Estimate Estimate
	Self     *float64
	Say      string // verdict in words
	SayClass string
	DotClass string
	Evidence []EvidenceLine
}

// Shown tells whether there is enough to draw a point.
func (e ElementReport) Shown() bool { return e.Estimate.Status != "insufficient" }

// An EvidenceLine is one task behind an element: what became of it, never its key.
type EvidenceLine struct {
	Number  int   // position in the work
	Version int64 // of the task
	Kind    string
	Level   task.Level
	State   string
	Points  *float64
	Max     float64
	Experts bool
	Shared  bool     // the task also speaks of other elements
	Pull    *float64 // weight of the answer as evidence (see Why), nil where it is not known
}

// Full tells whether the task was done without a fault.
func (l EvidenceLine) Full() bool { return l.Points != nil && l.Max > 0 && *l.Points == l.Max }

// Outcome says in words what became of the task.
func (l EvidenceLine) Outcome() string {
	switch l.State {
	case StateOmitted:
		return "без ответа"
	case StateNotReached:
		return "не успели дойти, в вывод не входит"
	case StateWaiting:
		return "проверяют эксперты"
	}
	return "ответ есть"
}

// A Finding is one thing worth saying first: a strength, or what to strengthen.
type Finding struct {
	Title  string
	Text   string
	Unsure bool // possible, not more
	Why    *Why
	Basis  []EvidenceLine
	Advice string
}

// Verdict is the word about an element and how the row looks.
func Verdict(e Estimate) (say, sayClass, dotClass string) {
	v := e.Said().Verdict()
	switch v {
	case competency.Sure:
		return v.Words(), "say-good", "dot-good"
	case competency.Weak:
		return v.Words(), "say-weak", "dot-weak"
	}
	return v.Words(), "say-soft", ""
}

// partVerdict is the tag over a part.
func partVerdict(e Estimate) (say, tag string) {
	return e.Said().Verdict().Words(), e.Said().Verdict().Tag()
}

// partTitle is a part as a report calls it.
func partTitle(p task.Part) string { return p.Label() + " часть" }

// chances says how sure it is, as a person would say it.
func chances(e Estimate) string {
	n := e.Said().Chances()
	switch {
	case n >= 95:
		return fmt.Sprintf("Почти наверняка: %s из 100, что здесь есть чему поучиться.", web.Plural(n, "шанс", "шанса", "шансов"))
	case n >= 80:
		return fmt.Sprintf("Скорее всего: %s из 100, что здесь есть чему поучиться.", web.Plural(n, "шанс", "шанса", "шансов"))
	}
	return fmt.Sprintf("Возможно: %s из 100, что здесь есть чему поучиться.", web.Plural(n, "шанс", "шанса", "шансов"))
}

// surprise is a difference between self-assessment and tasks worth telling of.
const surprise = 0.2

// compose builds a report from a revision and what the model says of it.
func compose(s Scored, versions map[int64]bank.Version, elements []competency.Element, estimates []Estimate, scale competency.Scale) Report {
	r := Report{SubmittedAt: s.SubmittedAt, Cut: scale.Definition.Cut, MinTasks: scale.Definition.MinTasks, Rule: scale.Definition.Words(), Scale: scale.Title, Preliminary: !s.Complete, Campaign: s.CampaignID}
	byElement, byPart := map[string]Estimate{}, map[string]Estimate{}
	for _, e := range estimates {
		if e.Element != "" {
			byElement[e.Element] = e
		} else {
			byPart[e.Part] = e
		}
		r.Preliminary = r.Preliminary || e.Preliminary
	}
	evidence, tasks := Lines(s, versions)
	for _, t := range s.Tasks {
		if versions[t.TaskVersionID].Kind == task.Likert {
			continue
		}
		r.Asked++
		switch t.State {
		case StateScored, StateWaiting:
			r.Answered++
		case StateNotReached:
			r.NotReached++
		}
	}
	self := s.Self(versions)
	r.HasSelf = len(self) > 0
	for _, part := range []task.Part{task.Subject, task.Methodical} {
		p := PartReport{Part: part, Title: partTitle(part), Tasks: tasks[part]}
		if e, ok := byPart[string(part)]; ok {
			p.Estimate = &e
			p.Say, p.Tag = partVerdict(e)
		}
		for _, e := range elements {
			estimate, measured := byElement[e.ID]
			if e.Part != string(part) || !measured {
				continue
			}
			v := ElementReport{Element: e, Estimate: estimate, Evidence: Weigh(evidence[e.ID], estimate.Why)}
			v.Say, v.SayClass, v.DotClass = Verdict(estimate)
			if share, asked := self[e.ID]; asked {
				v.Self = &share
			}
			p.Elements = append(p.Elements, v)
			if !v.Shown() {
				r.Silent = append(r.Silent, e.Short)
			}
		}
		if len(p.Elements) > 0 {
			r.Parts = append(r.Parts, p)
		}
	}
	r.Strong, r.Weak = findings(r.Parts)
	if len(r.Weak) == 0 {
		for _, p := range r.Parts {
			if p.Estimate != nil && p.Estimate.Status == "deficit" {
				r.WeakPart = p.Title
				break
			}
		}
	}
	return r
}

// Lines gathers the tasks behind each element, and counts the tasks of each part.
func Lines(s Scored, versions map[int64]bank.Version) (map[string][]EvidenceLine, map[task.Part]int) {
	lines, tasks := map[string][]EvidenceLine{}, map[task.Part]int{}
	for _, t := range s.Tasks {
		v := versions[t.TaskVersionID]
		if v.Kind == task.Likert {
			continue
		}
		tasks[v.Part]++
		line := EvidenceLine{Number: t.Position, Version: t.TaskVersionID, Kind: v.Kind.Label(), Level: v.Level, State: t.State, Points: t.Points, Max: t.Max,
			Experts: v.Kind == task.Extended, Shared: len(v.Elements) > 1}
		for e := range v.Elements {
			lines[e] = append(lines[e], line)
		}
	}
	return lines, tasks
}

// most is how many findings stand first; the rest is in the list of all elements.
const most = 5

// findings picks what to say first: strengths by estimate, then what to strengthen,
// the surest and largest first.
func findings(parts []PartReport) (strong, weak []Finding) {
	var good, poor []ElementReport
	for _, p := range parts {
		for _, e := range p.Elements {
			switch {
			case e.Estimate.Said().Verdict() == competency.Sure:
				good = append(good, e)
			case e.Estimate.Said().Verdict() == competency.Weak || e.Estimate.Said().Verdict() == competency.Likely:
				poor = append(poor, e)
			}
		}
	}
	slices.SortStableFunc(good, func(a, b ElementReport) int { return cmp.Compare(b.Estimate.Estimate, a.Estimate.Estimate) })
	slices.SortStableFunc(poor, func(a, b ElementReport) int {
		sure := func(e ElementReport) int {
			if e.Estimate.Status == "deficit" {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(sure(a), sure(b)), cmp.Compare(b.Estimate.Shortfall, a.Estimate.Shortfall))
	})
	for _, e := range good[:min(most, len(good))] {
		strong = append(strong, Finding{Title: e.Title, Text: praise(e), Basis: e.Evidence})
	}
	for _, e := range poor[:min(most, len(poor))] {
		weak = append(weak, Finding{Title: e.Title, Text: concern(e), Unsure: e.Estimate.Status == "possible", Why: e.Estimate.Why, Basis: e.Evidence, Advice: e.Strengthen})
	}
	return strong, weak
}

// praise says what was done well, and where the person thought too little of themselves.
func praise(e ElementReport) string {
	full, hard, counted := 0, 0, 0
	for _, l := range e.Evidence {
		if l.State != StateScored && l.State != StateOmitted {
			continue
		}
		counted++
		if l.Full() {
			full++
			if l.Level != task.Basic {
				hard++
			}
		}
	}
	text := "Баллы набраны во всех заданиях темы."
	if full > 0 {
		text = fmt.Sprintf("Без ошибок %s из %d", web.Plural(full, "задание", "задания", "заданий"), counted)
		if hard > 0 {
			text += fmt.Sprintf(", в том числе %d повышенной сложности", hard)
		}
		text += "."
	}
	if e.Self != nil && e.Estimate.Estimate-*e.Self >= surprise {
		text += fmt.Sprintf(" Вы оценили себя на %s, а задания показали около %s: вы знаете это лучше, чем думаете.", percent(*e.Self), percent(e.Estimate.Estimate))
	}
	return text
}

// concern says how sure it is that there is something to strengthen, and where the
// person thought more of themselves than the tasks showed.
func concern(e ElementReport) string {
	text := chances(e.Estimate)
	if w := e.Estimate.Why; w != nil && w.Settle() != "" {
		text += " " + w.Settle()
	}
	if e.Self != nil && *e.Self-e.Estimate.Estimate >= surprise {
		text += fmt.Sprintf(" Вы оценили себя на %s, задания показали около %s.", percent(*e.Self), percent(e.Estimate.Estimate))
	}
	return text
}

func percent(x float64) string { return fmt.Sprint(int(math.Round(100 * x))) }

// Numbers lists the tasks of a basis: «15 и 17».
func (f Finding) Numbers() string {
	n := make([]string, len(f.Basis))
	for i, l := range f.Basis {
		n[i] = fmt.Sprint(l.Number)
	}
	if len(n) < 2 {
		return strings.Join(n, "")
	}
	return strings.Join(n[:len(n)-1], ", ") + " и " + n[len(n)-1]
}

// Unclear lists the elements of which more answers could give a verdict.
func (r Report) Unclear() []ElementReport {
	out := []ElementReport{}
	for _, p := range r.Parts {
		for _, e := range p.Elements {
			if e.Estimate.Why != nil && e.Estimate.Why.Unclear {
				out = append(out, e)
			}
		}
	}
	return out
}

// Sure tells whether the exactness of any part is known.
func (r Report) Sure() bool {
	return slices.ContainsFunc(r.Parts, func(p PartReport) bool { return p.Sure != nil })
}

// DifferText says of how many elements the bare share rule would say otherwise.
func (r Report) DifferText() string {
	differ, measured := 0, 0
	for _, p := range r.Parts {
		for _, e := range p.Elements {
			if !e.Shown() || e.Estimate.Share == nil {
				continue
			}
			measured++
			if (*e.Estimate.Share < r.Cut) != (e.Estimate.Status == "deficit") {
				differ++
			}
		}
	}
	if differ == 0 {
		return ""
	}
	return fmt.Sprintf("По одной доле баллов вывод был бы другим по %s из %d.", web.Plural(differ, "теме", "темам", "темам"), measured)
}

// SilentList is the elements we say nothing of, in words.
func (r Report) SilentList() string { return strings.Join(r.Silent, ", ") }
