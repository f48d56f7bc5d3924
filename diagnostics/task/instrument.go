package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An Instrument is one diagnostic as its authors write it in a file: what it
// measures, the codifier it speaks of, and its tasks with their keys.
type Instrument struct {
	About    About     `json:"instrument"`
	Codifier Codifier  `json:"codifier"`
	Tasks    []Written `json:"tasks"`
}

// About says what an instrument is and for whom. Position and Subject are codes
// of the reference lists; Subject is empty where a position has none.
type About struct {
	Code     string `json:"code"`
	Title    string `json:"title"`
	Position string `json:"position"`
	Subject  string `json:"subject"`
	Minutes  int    `json:"minutes"`
	About    string `json:"about"`
}

// A Codifier is one edition of a list of elements.
type Codifier struct {
	Code     string    `json:"code"`
	Edition  string    `json:"edition"`
	Title    string    `json:"title"`
	Elements []Element `json:"elements"`
}

// An Element is a thing a teacher knows or can do. ID stays the same from
// edition to edition; Number is its place in this one.
type Element struct {
	ID              string   `json:"id"`
	Number          string   `json:"number"`
	Title           string   `json:"title"`
	Short           string   `json:"short"`
	Part            Part     `json:"part"`
	Area            string   `json:"area"`
	About           string   `json:"about"`
	Strengthen      string   `json:"strengthen"`
	LabourFunctions []string `json:"labour_functions"`
}

// A Fault is one thing wrong in an instrument or a task: where, and what was
// expected there, in words for its author.
type Fault struct {
	Task  string // id of the task, or "№ 3" where it has none; "" for the file itself
	Field string // name of the field in the format
	Want  string // what was expected
}

func (f Fault) Error() string {
	var b strings.Builder
	if f.Task != "" {
		b.WriteString("задание " + f.Task + ": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	return b.String() + f.Want
}

// Faults is a list of faults as one error; each stands on its own line.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// orNil keeps an empty list from becoming an error that is not nil.
func (fs Faults) orNil() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// ParseInstrument reads an instrument file (UTF-8 JSON) and checks all of it.
// The error is Faults: every fault with its place, not only the first.
// Unknown fields are faults, because a mistyped name would lose its value.
func ParseInstrument(file []byte) (Instrument, error) {
	var raw struct {
		About    json.RawMessage   `json:"instrument"`
		Codifier json.RawMessage   `json:"codifier"`
		Tasks    []json.RawMessage `json:"tasks"`
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if err := strict(file, &raw); err != nil {
		return Instrument{}, Faults{{Want: jsonFault(file, err)}}
	}
	var in Instrument
	var fs Faults
	if err := strict(raw.About, &in.About); err != nil {
		fs = append(fs, Fault{"", "instrument", jsonFault(raw.About, err)})
	}
	if err := strict(raw.Codifier, &in.Codifier); err != nil {
		fs = append(fs, Fault{"", "codifier", jsonFault(raw.Codifier, err)})
	}
	tasks, faults := parseTasks(raw.Tasks)
	in.Tasks, fs = tasks, append(fs, faults...)
	if len(fs) > 0 {
		return Instrument{}, fs
	}
	if err := in.Validate(); err != nil {
		return Instrument{}, err
	}
	return in, nil
}

func taskName(i int, id string) string {
	if id == "" {
		return fmt.Sprintf("№ %d", i+1)
	}
	return id
}

func strict(raw []byte, to any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return errors.New("absent")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// jsonFault says what is wrong with a piece of JSON, with the line in it.
func jsonFault(raw []byte, err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("JSON не разобран в строке %d: %v", lineAt(raw, syntax.Offset), err)
	}
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("поле %s: ожидалось %s, стоит %s (строка %d)", typed.Field, typeName(typed.Type.Kind().String()), typed.Value, lineAt(raw, typed.Offset))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "неизвестное поле " + name
	}
	if err.Error() == "absent" {
		return "раздела нет"
	}
	return "JSON не разобран: " + err.Error()
}

func lineAt(raw []byte, offset int64) int {
	return 1 + bytes.Count(raw[:min(max(int(offset), 0), len(raw))], []byte("\n"))
}

func typeName(kind string) string {
	switch kind {
	case "string":
		return "текст"
	case "int":
		return "целое число"
	case "float64":
		return "число"
	case "slice":
		return "список"
	case "struct", "map":
		return "объект"
	}
	return kind
}

// Areas are the areas of competency that an instrument file may name.
var Areas = []string{"subject", "methodical", "psych_pedagogical", "communicative"}

// Validate checks the instrument with all its tasks; the error is Faults.
func (in Instrument) Validate() error {
	var fs Faults
	file := func(field, format string, args ...any) {
		fs = append(fs, Fault{"", field, fmt.Sprintf(format, args...)})
	}
	a := in.About
	if !goodID(a.Code) {
		file("instrument.code", wantID)
	}
	if blank(a.Title) {
		file("instrument.title", wantText)
	}
	if blank(a.Position) {
		file("instrument.position", "нужен код должности")
	}
	if a.Minutes < 1 || a.Minutes > 480 {
		file("instrument.minutes", "нужно число минут от 1 до 480")
	}
	fs = append(fs, in.Codifier.faults()...)
	parts := map[string]Part{}
	for _, e := range in.Codifier.Elements {
		parts[e.ID] = e.Part
	}
	if len(in.Tasks) == 0 {
		file("tasks", "нужно хотя бы одно задание")
	}
	seen := map[string]bool{}
	for i, w := range in.Tasks {
		name := taskName(i, w.ID)
		if seen[w.ID] {
			fs = append(fs, Fault{name, "id", "такой код уже был"})
		}
		seen[w.ID] = true
		for _, f := range w.faults() {
			fs = append(fs, Fault{name, f.Field, f.Want})
		}
		for _, e := range w.Elements {
			part, known := parts[e.Element]
			switch {
			case !known:
				fs = append(fs, Fault{name, "elements", fmt.Sprintf("элемента %q нет в кодификаторе", e.Element)})
			case w.Part != Self && part != w.Part:
				fs = append(fs, Fault{name, "elements", fmt.Sprintf("элемент %q другой части (%s), чем задание", e.Element, part)})
			}
		}
	}
	return fs.orNil()
}

// Validate checks one edition of a codifier; the error is Faults.
func (c Codifier) Validate() error { return Faults(c.faults()).orNil() }

func (c Codifier) faults() (fs Faults) {
	file := func(field, format string, args ...any) {
		fs = append(fs, Fault{"", field, fmt.Sprintf(format, args...)})
	}
	if !goodID(c.Code) {
		file("codifier.code", wantID)
	}
	if blank(c.Edition) {
		file("codifier.edition", "нужно издание, например 2026")
	}
	if blank(c.Title) {
		file("codifier.title", wantText)
	}
	if len(c.Elements) == 0 {
		file("codifier.elements", "нужен хотя бы один элемент")
	}
	ids, numbers := map[string]bool{}, map[string]bool{}
	for i, e := range c.Elements {
		at := func(field string) string { return fmt.Sprintf("codifier.elements[%d].%s", i, field) }
		switch {
		case !goodID(e.ID):
			file(at("id"), wantID)
		case ids[e.ID]:
			file(at("id"), "код %q уже был", e.ID)
		}
		ids[e.ID] = true
		if blank(e.Number) || numbers[e.Number] {
			file(at("number"), "нужен свой номер, например 1.2")
		}
		numbers[e.Number] = true
		if blank(e.Title) {
			file(at("title"), wantText)
		}
		if blank(e.Short) {
			file(at("short"), wantText)
		}
		if e.Part != Subject && e.Part != Methodical {
			file(at("part"), "ожидалось subject или methodical, стоит %q", e.Part)
		}
		if !oneOf(e.Area, Areas) {
			file(at("area"), "ожидалось одно из: %s; стоит %q", strings.Join(Areas, ", "), e.Area)
		}
	}
	return fs
}

// Warnings names what is allowed in an instrument but makes its results weaker;
// lint of the single tasks is included.
func (in Instrument) Warnings() []Fault {
	var fs []Fault
	evidence := map[string]int{}
	for i, w := range in.Tasks {
		for _, f := range Lint(w) {
			fs = append(fs, Fault{taskName(i, w.ID), f.Field, f.Want})
		}
		if w.Scored() {
			for _, e := range w.Elements {
				evidence[e.Element]++
			}
		}
	}
	for _, e := range in.Codifier.Elements {
		if evidence[e.ID] < 2 {
			fs = append(fs, Fault{"", "codifier.elements", fmt.Sprintf("у элемента %q заданий: %d; для вывода нужно хотя бы 2", e.ID, evidence[e.ID])})
		}
	}
	return fs
}
