// Package memos issues analytical memos: figures of the bank frozen, words
// drafted by rules and edited by people, a number and a date, a document.
package memos

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/web"
)

// Memo is one memo on a campaign for a municipality or for the region.
type Memo struct {
	ID        int64  `db:"id"`
	Campaign  int64  `db:"campaign_id"`
	Territory *int64 `db:"territory_id"` // nil = the region
	Title     string `db:"title"`        // of the campaign
	Where     string `db:"place"`        // the municipality, or the region
	Version   Version
}

// Version is one state of a memo; versions are never changed.
type Version struct {
	Version  int
	State    string // draft, approved
	Number   string // of an approved one
	Approved *time.Time
	MadeAt   time.Time
	Figures  reports.Digest
	Words    []Paragraph
}

// IsApproved reports whether this version was approved.
func (v Version) IsApproved() bool { return v.State == "approved" }

// Paragraph is one paragraph of words. Auto is what the rules drafted; Text is
// what stands in the memo, "" where the paragraph was taken out.
type Paragraph struct {
	Code      string `json:"code"`
	Kind      string `json:"kind"` // conclusion, recommendation
	Addressee string `json:"addressee,omitempty"`
	Auto      string `json:"auto"`
	Text      string `json:"text"`
}

// Addressees in the order they stand in a memo.
var Addressees = []struct{ Code, Title string }{
	{"teachers", "Педагогам"},
	{"service", "Муниципальной методической службе"},
	{"authority", "Органу местного самоуправления в сфере образования"},
	{"heads", "Руководителям образовательных организаций"},
}

// Template drafts one paragraph where its rule holds.
type Template struct {
	Code      string `db:"code"`
	Kind      string `db:"kind"`
	Addressee string `db:"addressee"`
	Rule      string `db:"rule"`
	Body      string `db:"body"`
}

var slot = regexp.MustCompile(`\{[a-z_]+\}`)

// draft writes the paragraphs whose rules hold on the figures. A rule or slot
// that does not exist is an error: templates are data.
func draft(templates []Template, d reports.Digest) ([]Paragraph, error) {
	slots, holds := facts(d)
	out := []Paragraph{}
	for _, t := range templates {
		on, known := holds[t.Rule]
		if !known {
			return nil, fmt.Errorf("memo template %s: no rule %q", t.Code, t.Rule)
		}
		if !on {
			continue
		}
		missing := ""
		text := slot.ReplaceAllStringFunc(t.Body, func(name string) string {
			value, known := slots[strings.Trim(name, "{}")]
			if !known {
				missing = name
			}
			return value
		})
		if missing != "" {
			return nil, fmt.Errorf("memo template %s: no slot %s", t.Code, missing)
		}
		out = append(out, Paragraph{t.Code, t.Kind, t.Addressee, text, text})
	}
	return out, nil
}

// facts are the slots of the templates and the rules that hold on the figures.
func facts(d reports.Digest) (slots map[string]string, holds map[string]bool) {
	cut := d.Campaign.Scale.Cut
	slots = map[string]string{"took": web.Num(d.Trust.Took), "invited": web.Num(d.Trust.Invited), "coverage": web.Pct(d.Trust.Coverage()),
		"mean": web.Pct(d.Points.Mean), "lower": web.Pct(d.Points.Lower), "upper": web.Pct(d.Points.Upper)}
	holds = map[string]bool{"always": true, "low_coverage": d.Trust.Coverage() < 0.7, "points": d.Points.N >= reports.Least, "preliminary": d.Trust.Preliminary}

	parts := map[string]float64{}
	for _, p := range d.Parts {
		parts[p.Part] = p.Score.Mean
		slots[p.Part] = web.Pct(p.Score.Mean)
	}
	gap, both := parts["subject"]-parts["methodical"], len(parts) == 2
	holds["methodical_harder"], holds["subject_harder"], holds["parts_even"] = both && gap > 0.05, both && gap < -0.05, both && gap <= 0.05 && gap >= -0.05

	var top, shares, need, under, strong, weaker, stronger []string
	for _, r := range d.Rank {
		if len(top) < 3 && r.Cell.Below >= 0.4 {
			top = append(top, lower(r.Element.Title))
			shares = append(shares, fmt.Sprintf("%s (%s)", lower(r.Element.Title), web.Pct(r.Cell.Below)))
			if people := int(r.Cell.Below*float64(r.Cell.N) + 0.5); people >= reports.Least {
				need = append(need, fmt.Sprintf("%s — около %s", lower(r.Element.Title), web.Plural(people, "человека", "человек", "человек")))
			}
		}
	}
	own, region := d.Totals[0], d.Totals[len(d.Totals)-1]
	for i, e := range d.Elements {
		c := own.Cells[i]
		if !c.Shown() {
			continue
		}
		title := lower(e.Title)
		switch {
		case c.High < cut:
			under = append(under, title)
		case c.Low > cut:
			strong = append(strong, title)
		}
		if d.Territory != 0 && region.Cells[i].Shown() {
			switch r := region.Cells[i].Mean; {
			case c.High < r:
				weaker = append(weaker, title)
			case c.Low > r:
				stronger = append(stronger, title)
			}
		}
	}
	for name, list := range map[string][]string{"top": top, "top_shares": shares, "need": need, "under": under, "strong": strong, "weaker": weaker, "stronger": stronger} {
		slots[name] = strings.Join(list, "; ")
	}
	holds["top"], holds["need"], holds["surely_under"], holds["strong"] = len(top) > 0, len(need) > 0, len(under) > 0, len(strong) > 0
	holds["below_region"], holds["above_region"] = len(weaker) > 0, len(stronger) > 0
	return slots, holds
}

// lower begins a title with a small letter, unless its first word is an abbreviation.
func lower(s string) string {
	r := []rune(s)
	if len(r) > 1 && strings.ToLower(string(r[1])) == string(r[1]) {
		return strings.ToLower(string(r[0])) + string(r[1:])
	}
	return s
}

// redraft puts fresh drafts in the place of old ones and keeps what people wrote:
// a paragraph edited or taken out stays as it is, with the new draft beside it.
func redraft(old, fresh []Paragraph) []Paragraph {
	out := slices.Clone(fresh)
	for i, p := range out {
		if j := slices.IndexFunc(old, func(o Paragraph) bool { return o.Code == p.Code }); j >= 0 && old[j].Text != old[j].Auto {
			out[i].Text = old[j].Text
		}
	}
	for _, o := range old {
		if o.Text != o.Auto && o.Text != "" && !slices.ContainsFunc(out, func(p Paragraph) bool { return p.Code == o.Code }) {
			out = append(out, o)
		}
	}
	return out
}

// Line is one figure of a memo as it is shown, under a name that does not change.
type Line struct{ Name, Text string }

// Lines lists every figure of a memo as shown.
func Lines(d reports.Digest) []Line {
	out := []Line{}
	add := func(name, text string) { out = append(out, Line{name, text}) }
	for _, g := range d.Figures {
		add(g.Title, g.Text)
	}
	for _, p := range d.Participation {
		add("Участие: "+p.Title, took(p))
	}
	if d.Points.N >= reports.Least {
		add("Работ проверено полностью", web.Num(d.Points.N))
		add("Средняя доля баллов", web.Pct(d.Points.Mean))
		add("Медиана доли баллов", web.Pct(d.Points.Median))
	}
	for _, b := range d.Levels {
		add("Участников с долей баллов "+Class(b), web.Num(b.N))
	}
	for _, p := range d.Parts {
		add(partTitle(p.Part)+", средняя доля баллов", web.Pct(p.Score.Mean))
	}
	for _, r := range d.Rank {
		add(r.Element.Title+": ожидаемая доля педагогов ниже порога", web.Pct(r.Cell.Below))
	}
	for _, r := range append(slices.Clone(d.Rows), d.Totals...) {
		for i, e := range d.Elements {
			add(r.Title+", "+e.Title+": доля освоенного", cellText(r.Cells[i]))
		}
	}
	for _, groups := range [][]reports.GroupScore{d.ByCategory, d.ByExperience} {
		for _, g := range groups {
			add(g.Title+": человек", groupText(g))
		}
	}
	return out
}

// Change is a figure that moved since a memo was frozen; "" where it was not, or is no more.
type Change struct{ Name, Was, Now string }

// Changes lists the figures shown otherwise now.
func Changes(frozen, live reports.Digest) []Change {
	out, was, seen := []Change{}, map[string]string{}, map[string]bool{}
	for _, l := range Lines(frozen) {
		was[l.Name] = l.Text
	}
	for _, l := range Lines(live) {
		seen[l.Name] = true
		if was[l.Name] != l.Text {
			out = append(out, Change{l.Name, was[l.Name], l.Text})
		}
	}
	for _, l := range Lines(frozen) {
		if !seen[l.Name] {
			out = append(out, Change{l.Name, l.Text, ""})
		}
	}
	return out
}

const hiddenText = "скрыто"

func took(p reports.Participation) string {
	if p.Hidden {
		return hiddenText
	}
	return web.Num(p.Took) + " из " + web.Num(p.Invited)
}

func cellText(c reports.Cell) string {
	switch c.State {
	case reports.Hidden:
		return hiddenText
	case reports.Few:
		return "мало данных"
	}
	return web.Pct(c.Mean)
}

func groupText(g reports.GroupScore) string {
	if g.Hidden {
		return hiddenText
	}
	return web.Num(g.N)
}

func partTitle(part string) string {
	if part == "methodical" {
		return "Методическая часть"
	}
	return "Предметная часть"
}

// Class names a class of shares: "от 40 до 60 %", "80 % и больше".
func Class(b reports.Bin) string {
	low, high := web.Num(100*b.From), web.Pct(b.To)
	switch {
	case b.From <= 0 && b.To >= 1:
		return "любой"
	case b.From <= 0:
		return "меньше " + high
	case b.To >= 1:
		return web.Pct(b.From) + " и больше"
	}
	return "от " + low + " до " + high
}
