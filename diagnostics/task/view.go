package task

import (
	"errors"
	"fmt"
	"html"
	"regexp"
)

// A View is a task as a participant sees it: rendered once, when a version is
// saved, and stored with it. It has no field for a key. The JSON is that of
// API v1 without id and position, which belong to an attempt.
type View struct {
	Kind      Kind         `json:"kind"`
	BodyHTML  string       `json:"body_html"`
	Options   []OptionView `json:"options,omitempty"`
	Left      []OptionView `json:"left,omitempty"`
	Right     []OptionView `json:"right,omitempty"`
	Gaps      []GapView    `json:"gaps,omitempty"`
	MaxLength int          `json:"max_length,omitempty"`
	Unit      string       `json:"unit,omitempty"`
}

// An OptionView is an option with its text as safe HTML for one line.
type OptionView struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// A GapView is a gap with its options.
type GapView struct {
	ID      string       `json:"id"`
	Options []OptionView `json:"options"`
}

// Render makes the view of a task. block and line turn Markdown with TeX into
// safe HTML, block as paragraphs, line without them (package formula has both).
// The error is Faults: every text that cannot be rendered, by field.
func Render(t Task, block, line func(markdown string) (string, error)) (View, error) {
	v := View{Kind: t.Kind, MaxLength: t.Length(), Unit: t.Unit}
	var fs Faults
	one := func(field, id string, render func(string) (string, error), text string) string {
		shown, err := render(text)
		if err != nil {
			if id != "" {
				err = fmt.Errorf("%s: %w", id, err)
			}
			fs = append(fs, Fault{"", field, err.Error()})
		}
		return shown
	}
	many := func(field string, options []Option) []OptionView {
		var views []OptionView
		for _, o := range options {
			views = append(views, OptionView{o.ID, one(field, o.ID, line, o.Text)})
		}
		return views
	}
	v.BodyHTML = one("body", "", block, t.Body)
	v.Options = many("options", t.Options)
	v.Left = many("left", t.Left)
	v.Right = many("right", t.Right)
	for _, g := range t.Gaps {
		v.Gaps = append(v.Gaps, GapView{g.ID, many("gaps", g.Options)})
	}
	if err := fs.orNil(); err != nil {
		return View{}, err
	}
	return v, nil
}

// A Piece is a stretch of a body up to a gap; Gap is "" after the last one.
type Piece struct {
	HTML string
	Gap  string
}

// Pieces cuts the body of a gap_choice at its gaps, so that a page puts a field
// in place of each. Other bodies are one piece.
func (v View) Pieces() []Piece {
	var pieces []Piece
	rest := v.BodyHTML
	for {
		at := gapMark.FindStringSubmatchIndex(rest)
		if at == nil || v.Kind != GapChoice {
			return append(pieces, Piece{HTML: rest})
		}
		pieces = append(pieces, Piece{HTML: rest[:at[0]], Gap: rest[at[2]:at[3]]})
		rest = rest[at[1]:]
	}
}

// FaultsOf returns the faults in err, nil if it holds none.
func FaultsOf(err error) Faults {
	fs, _ := errors.AsType[Faults](err)
	return fs
}

var tag = regexp.MustCompile(`<[^>]*>`)

// Plain is the option's text without tags, for places that hold no HTML, such as
// a list to choose from; of a formula its signs remain.
func (o OptionView) Plain() string { return html.UnescapeString(tag.ReplaceAllString(o.HTML, "")) }
