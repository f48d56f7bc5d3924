package reports

import (
	"fmt"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var sourceWords = map[string]string{"diagnostics": "диагностика", "re_diagnostics": "повторная диагностика", "self_assessment": "самооценка", "observation": "наблюдение",
	"attestation": "аттестация", "pupils_results": "результаты учеников", "programme_assessment": "итог программы", "request": "запрос"}

var routeWords = map[string]string{"": "без маршрута", "draft": "черновик", "proposed": "ждёт ответа", "declined": "отказ", "agreed": "согласован",
	"in_progress": "в маршруте", "completed": "пройден", "partly_completed": "пройден частично", "cancelled": "снят"}

var routeTags = map[string]string{"proposed": "tag-wait", "agreed": "tag-go", "in_progress": "tag-go", "completed": "tag-good", "partly_completed": "tag-good"}

// Said is the record as it is worded.
func (r Record) Said() competency.Reading {
	return competency.Reading{Status: r.Status, Severity: r.Severity, P: r.P}
}

// RouteWords says where the person's route stands.
func (r Record) RouteWords() string { return routeWords[r.Route] }

// RouteTag is the class of its tag.
func (r Record) RouteTag() string {
	if t, known := routeTags[r.Route]; known {
		return t
	}
	return "tag-none"
}

// SourcesWords lists what the record rests on.
func (r Record) SourcesWords() string {
	out := []string{}
	for kind := range strings.SplitSeq(r.Sources, ",") {
		out = append(out, sourceWords[kind])
	}
	return strings.Join(out, ", ")
}

// Say is the cell in words: for a screen reader and the line under the map.
func (c Cell) Say(where, element string, cut float64) string {
	switch c.State {
	case Hidden:
		return fmt.Sprintf("%s · %s: скрыто, малая группа", where, element)
	case Few:
		return fmt.Sprintf("%s · %s: мало данных", where, element)
	}
	s := fmt.Sprintf("%s · %s: %s, скорее всего от %.0f до %.0f; %s", where, element, web.Pct(c.Mean), 100*c.Low, 100*c.High, web.Plural(c.N, "педагог", "педагога", "педагогов"))
	if c.Under(cut) {
		s += ". Весь интервал ниже порога"
	}
	return s
}

// Filters says in words what the reader chose, for the summary and the workbook.
func (b Bank) Filters() []string {
	title := func(choices []Choice, value string) string {
		for _, c := range choices {
			if c.Value == value {
				return c.Title
			}
		}
		return value
	}
	q, out := b.Query, []string{}
	if b.Territory != "" {
		out = append(out, b.Territory)
	} else {
		out = append(out, "все муниципалитеты")
	}
	if b.School != "" {
		out = append(out, b.School)
	}
	if q.Place != "" {
		out = append(out, map[bool]string{true: "сельские организации", false: "городские организации"}[q.Place == "rural"])
	}
	for _, f := range []struct {
		name    string
		choices []Choice
		value   string
	}{{"предмет", b.Choices.Subjects, q.Subject}, {"должность", b.Choices.Positions, q.Position}, {"категория", b.Choices.Categories, q.Category}, {"стаж", b.Choices.Experience, q.Experience}} {
		if f.value != "" {
			out = append(out, f.name+": "+title(f.choices, f.value))
		}
	}
	if b.Query.Narrowed() == 0 {
		out = append(out, "все участники")
	}
	return out
}

// UnsharedWords says how many people the list leaves out, and why.
func (l Looked) UnsharedWords() string { return people.UnsharedWords(l.Unshared) }

// RecordFilters says in words which records stand in the list of people.
func (b Bank) RecordFilters() []string {
	q, out := b.Query, []string{}
	for _, e := range b.Elements {
		if e.ID == q.Element {
			out = append(out, e.Title)
		}
	}
	out = append(out, statusWords(q.Status))
	if q.Severity != "" {
		out = append(out, "насколько: "+competency.SeverityWords(q.Severity))
	}
	if q.Sure > 0 || q.Most > 0 {
		bounds := ""
		if q.Sure > 0 {
			bounds += fmt.Sprintf(" от %d", q.Sure)
		}
		if q.Most > 0 {
			bounds += fmt.Sprintf(" до %d", q.Most)
		}
		out = append(out, "шансов, что ниже порога:"+bounds+" из 100")
	}
	return out
}

// statusWords says which verdicts a status of the query chooses.
func statusWords(status string) string {
	switch status {
	case "":
		return "стоит укрепить или нет твёрдого вывода"
	case possible:
		return "нет твёрдого вывода"
	}
	return competency.Verdict(status).Words()
}

// statusChoices are what the list of people may be narrowed to; «no verdict» stands before
// the three words that it takes in.
func statusChoices() []Choice {
	out := []Choice{}
	for _, v := range competency.Verdicts {
		if v == competency.Likely {
			out = append(out, Choice{possible, statusWords(possible) + " (все три ниже)"})
		}
		out = append(out, Choice{string(v), v.Words()})
	}
	return out
}

func severityChoices() []Choice {
	out := []Choice{}
	for _, s := range competency.Severities {
		out = append(out, Choice{s, competency.SeverityWords(s)})
	}
	return out
}

// Legend is a class of the map with its bounds in per cent.
type Legend struct {
	Class int
	Text  string
}

// Legend lists the colours of the map with what they stand for.
func (s Scale) Legend() []Legend {
	e := s.edges()
	out := []Legend{{1, fmt.Sprintf("до %d", e[0])}}
	for i := 1; i < len(e); i++ {
		out = append(out, Legend{i + 1, fmt.Sprintf("%d–%d", e[i-1]+1, e[i])})
	}
	return append(out, Legend{7, fmt.Sprintf("от %d", e[5]+1)})
}

// Definitions are the measures that the page explains.
func (b Bank) Definitions() []Measure { return measures }

// Head is the short title with soft hyphens in long words, for a narrow column.
func (e Element) Head() string {
	words := strings.Fields(e.Short)
	for i, w := range words {
		words[i] = hyphens(w)
	}
	return strings.Join(words, " ")
}

const vowels = "аеёиоуыэюяАЕЁИОУЫЭЮЯ"

// hyphens puts soft hyphens where Russian words may be broken, at least three
// letters from either end: after a vowel before consonant and vowel, and between
// two consonants that stand between vowels.
func hyphens(word string) string {
	r := []rune(word)
	if len(r) < 9 {
		return word
	}
	vowel := func(i int) bool { return i < len(r) && strings.ContainsRune(vowels, r[i]) }
	letter := func(i int) bool { return i < len(r) && !vowel(i) && r[i] != 'ь' && r[i] != 'ъ' && r[i] != 'й' }
	var b strings.Builder
	for i, c := range r {
		b.WriteRune(c)
		if i < 2 || len(r)-i-1 < 3 {
			continue
		}
		open := vowel(i) && letter(i+1) && vowel(i+2)
		closed := vowel(i-1) && !vowel(i) && letter(i+1) && vowel(i+2)
		if open || closed {
			b.WriteRune('\u00ad')
		}
	}
	return b.String()
}
