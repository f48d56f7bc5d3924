package parse

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
)

// wrap breaks a cell into lines as a narrow column does, after hyphens too.
func wrap(s string, width int) []string {
	var lines []string
	for _, entry := range strings.Split(s, "\n") {
		line := ""
		for _, w := range strings.Fields(strings.ReplaceAll(entry, "-", "-\x00")) {
			for i, part := range strings.SplitAfter(strings.ReplaceAll(w, "-\x00", "-\x01"), "\x01") {
				glue := " "
				if i > 0 {
					glue = ""
				}
				part = strings.TrimSuffix(part, "\x01")
				switch {
				case line == "":
					line = part
				case len([]rune(line+glue+part)) <= width:
					line += glue + part
				default:
					lines = append(lines, line)
					line = part
				}
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// printed writes a plan as text taken out of a PDF: cells in sequence, wrapped,
// rows cut by page breaks wherever the page ends.
func printed(p Plan, r *rand.Rand) string {
	var b strings.Builder
	put := func(lines []string) {
		for _, l := range lines {
			b.WriteString(l + " \n\n")
		}
	}
	put([]string{p.Title, "№ Наименование мероприятия Сроки Ответственный", "исполнитель"})
	defined := map[string]bool{}
	full := map[string]string{"КОПО ЛО": "Комитет общего и профессионального образования Ленинградской области", "ММС": "Муниципальные методические службы",
		"ЦНППМ": "Центр непрерывного повышения профессионального мастерства", "ОМСУ": "Органы местного самоуправления, осуществляющие управление в сфере образования"}
	for _, s := range p.Sections {
		put(wrap(s.Number+". "+s.Title, 70))
		for _, i := range s.Items {
			title := wrap(strings.ReplaceAll(i.Number+". "+i.Title, "• ", "\uf0b7 "), 40)
			term := wrap(i.Term.Text, 12)
			var who []string
			for _, o := range i.Responsible {
				if f := full[o]; f != "" && !defined[o] && r.Intn(2) == 0 {
					o, defined[o] = f+" (далее – "+o+")", true
				}
				who = append(who, wrap(o, 19)...)
			}
			cut := len(title) + len(term) + len(who)
			if r.Intn(4) == 0 {
				cut = 1 + r.Intn(len(title))
			}
			at := func(l []string) int { return min(cut, len(l)) }
			put(title[:at(title)])
			put(term[:at(term)])
			put(who[:at(who)])
			if at(title) < len(title) || at(term) < len(term) || at(who) < len(who) {
				b.WriteString("\n\n")
				put(title[at(title):])
				put(term[at(term):])
				put(who[at(who):])
			}
		}
	}
	return b.String()
}

// TestFlowRoundTrip prints the plan of the region as other pages would have cut
// it and reads it back. Where a page ends between an abbreviation and its full
// name, the text alone may not tell: one item in three hundred may go wrong.
func TestFlowRoundTrip(t *testing.T) {
	plan := parsed(t, "a", source(t, region))
	runs := 8
	if testing.Short() {
		runs = 1
	}
	wrong := 0
	for n := range runs {
		text := printed(plan, rand.New(rand.NewSource(int64(n))))
		got, err := File("p", strings.NewReader(text), 0)
		if err != nil {
			t.Fatalf("run %d: %v\n%s", n, err, text)
		}
		for s := range plan.Sections {
			for k, want := range plan.Sections[s].Items {
				if g := got.Sections[s].Items[k]; !reflect.DeepEqual(g, want) {
					wrong++
					t.Logf("run %d:\ngot  %s\nwant %s", n, show(g), show(want))
				}
			}
		}
	}
	if items := runs * plan.Items(); wrong*300 > items {
		t.Errorf("%d of %d items read wrong", wrong, items)
	}
}

func show(i Item) string {
	return fmt.Sprintf("%s %q | %s | %q", i.Number, i.Title, i.Term.Text, i.Responsible)
}
