package standard

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// A Page of the ordered booklet: one item, or one score of an item of several points.
type Page struct {
	Page  int    `json:"page"` // from 1, the easiest first
	Item  string `json:"item"`
	Score int    `json:"score"`
	Theta Number `json:"theta"` // where the score is reached with the response probability
}

// A Level is one border, such as basic to sufficient.
type Level struct {
	ID string `json:"id"`
	Panel
	Points Number `json:"points"` // to be expected of the whole booklet at the cut
}

// A Bookmark is the answer of "psychometrics standard bookmark".
type Bookmark struct {
	RP       Number   `json:"response_probability"`
	Booklet  []Page   `json:"booklet"`
	Levels   []Level  `json:"levels"`
	Warnings []string `json:"warnings"`
}

// Booklet orders the scores of items by the θ at which they are reached with probability
// rp, 2/3 by custom (Lewis, Mitzel & Green 1996). Scores that nowhere within ±10 come to
// it (guessing may be over rp) are named in left.
func Booklet(items []irt.Item, rp float64) (pages []Page, left []string) {
	pages = []Page{}
	for i := range items {
		it := &items[i]
		for k := 1; k <= it.Max(); k++ {
			at := location(it, k, rp)
			if math.IsNaN(float64(at)) {
				left = append(left, fmt.Sprintf("%s (score %d)", it.ID, k))
				continue
			}
			pages = append(pages, Page{Item: it.ID, Score: k, Theta: at})
		}
	}
	slices.SortStableFunc(pages, func(a, b Page) int { return cmp.Compare(a.Theta, b.Theta) })
	for i := range pages {
		pages[i].Page = i + 1
	}
	return pages, left
}

// AnalyseBookmark turns the pages on which judges laid their bookmarks into cuts on the
// scale. A bookmark lies on the first page that someone at the border would not master;
// the cut is the location of the page before, which is the last one mastered. A row of
// r is a level, a cell a page: 2 to one beyond the last; the first page cannot hold a
// bookmark, as there is nothing before it. The recommended cut is the median. Errors
// name the judge.
func AnalyseBookmark(r *Ratings, items []irt.Item, rp float64) (*Bookmark, error) {
	if !(rp > 0 && rp < 1) {
		return nil, fmt.Errorf("response probability %g, expected between 0 and 1", rp)
	}
	b := &Bookmark{RP: Number(rp), Levels: []Level{}, Warnings: []string{}}
	warn := func(format string, args ...any) { b.Warnings = append(b.Warnings, fmt.Sprintf(format, args...)) }
	var left []string
	b.Booklet, left = Booklet(items, rp)
	for _, one := range left {
		warn("item %s is nowhere reached with probability %.2g and is not in the booklet", one, rp)
	}
	if len(b.Booklet) == 0 {
		return nil, fmt.Errorf("no item is reached with probability %.2g: there is no booklet", rp)
	}
	for i, id := range r.Rows {
		cuts := make([]float64, len(r.Judges))
		known := 0
		for j, page := range r.Row(i) {
			switch {
			case math.IsNaN(page):
				warn("level %s: judge %s laid no bookmark", id, r.Judges[j])
				cuts[j] = math.NaN()
				continue
			case page != math.Trunc(page) || page < 2 || page > float64(len(b.Booklet)+1):
				return nil, fmt.Errorf("level %s, judge %s: page %g, expected 2 to %d", id, r.Judges[j], page, len(b.Booklet)+1)
			}
			cuts[j] = float64(b.Booklet[int(page)-2].Theta)
			known++
		}
		if known == 0 {
			return nil, fmt.Errorf("level %s has no bookmark", id)
		}
		l := Level{ID: id, Panel: panel(r.Judges, cuts)}
		l.Points = Points(items, l.Median)
		if known < 2 {
			warn("level %s: one bookmark, how far judges agree cannot be said", id)
		}
		if i > 0 && l.Median <= b.Levels[i-1].Median {
			warn("level %s is not above level %s", id, b.Levels[i-1].ID)
		}
		b.Levels = append(b.Levels, l)
	}
	return b, nil
}
