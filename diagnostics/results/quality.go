package results

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
)

// A Quality is what analysts see of how good a campaign was.
type Quality struct {
	Campaign   campaign.Campaign
	Statistics Statistics
	Submitted  int
	Stale      bool // scores have changed since
	Parts      []QualityPart
	Sort       string
	Only       bool // tasks that ask for a look
}

// Fewest is how many works statistics need.
func (Quality) Fewest() int { return quality.Fewest }

// Enough tells whether there are works to make statistics of.
func (q Quality) Enough() bool { return q.Submitted >= quality.Fewest }

// Computed tells whether there is anything to show.
func (q Quality) Computed() bool { return q.Statistics.Version > 0 }

// A QualityPart is one part with its tasks.
type QualityPart struct {
	quality.Part
	Title string
	Tasks []TaskQuality // as sorted and narrowed
	all   []TaskQuality // in the order of the work
	Total int
	Look  int // tasks that ask for a look
	Map   *Map
	Fair  []FairView
	Own   []ElementQuality // what each element tells beside the part
}

// An ElementQuality is what an element tells beside its part; figures are nil where
// there are none.
type ElementQuality struct {
	Title     string
	Tasks     int
	Own, Part *float64
	Added     *bool
}

// Say is the verdict in words.
func (e ElementQuality) Say() string {
	switch {
	case e.Added == nil:
		return "сказать нельзя: заданий мало"
	case *e.Added:
		return "говорит больше, чем вся часть"
	}
	return "точнее судить по всей части"
}

// A TaskQuality is a line of the table.
type TaskQuality struct {
	bank.Statistic
	TaskID int64
	Kind   string
	figure quality.TaskFigure
}

// Suspects are the options of the task that raise a remark.
func (t TaskQuality) Suspects() []Suspect {
	list := []Suspect{}
	for _, c := range t.Choices {
		key := ""
		for _, o := range c.Options {
			if o.Key {
				key = o.HTML
			}
		}
		for _, o := range c.Options {
			if o.Remark != "" {
				list = append(list, Suspect{t.TaskID, t.Position, t.Code, c.Place, o, key})
			}
		}
	}
	return list
}

// A Suspect is an option that asks for a look.
type Suspect struct {
	TaskID   int64
	Position int
	Code     string
	Place    string
	bank.ChoiceLine
	Key string // the right one beside it, safe HTML
}

// Suspects are those of all tasks of the part.
func (p QualityPart) Suspects() []Suspect {
	list := []Suspect{}
	for _, t := range p.all {
		list = append(list, t.Suspects()...)
	}
	return list
}

// Exact is the error of measurement at round shares of points, of the variant that
// most people wrote.
func (p QualityPart) Exact() []quality.ErrorAt {
	list := []quality.ErrorAt{}
	if len(p.Variants) == 0 {
		return list
	}
	for i := 1; i < 10; i++ {
		share := float64(i) / 10
		if sem, own := p.Variants[0].ErrorOf(share); own {
			list = append(list, quality.ErrorAt{Share: share, SEM: sem})
		}
	}
	return list
}

// Figures of the part for a page: nil where there are none.
func (p QualityPart) ReliabilityOf() *float64 { return figureOrNil(p.Reliability()) }

// SEMOf is the error of measurement, as a share of points.
func (p QualityPart) SEMOf() *float64 { return figureOrNil(p.SEM()) }

// A FairView is one comparison in words.
type FairView struct {
	quality.Fairness
	Groups quality.Comparison
	Large  []FairTask // class C
	Some   int        // class B
}

// A FairTask is a task that treats the groups unequally.
type FairTask struct {
	TaskID   int64
	Position int
	Code     string
	Text     string
}

// quality orders of tasks.
var taskOrders = map[string]func(a, b TaskQuality) int{
	"number": func(a, b TaskQuality) int { return cmp.Compare(a.Position, b.Position) },
	"p":      func(a, b TaskQuality) int { return byFigure(a.P, b.P) },
	"rest":   func(a, b TaskQuality) int { return byFigure(a.Rest, b.Rest) },
	"d27":    func(a, b TaskQuality) int { return byFigure(a.D27, b.D27) },
	"half":   func(a, b TaskQuality) int { return byFigure(a.half(), b.half()) },
	"look": func(a, b TaskQuality) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(len(b.Remarks), len(a.Remarks)))
	},
}

func (t TaskQuality) half() *float64 {
	if t.Scale == nil {
		return nil
	}
	return t.Scale.Half
}

func weight(t TaskQuality) (n int) {
	for _, r := range t.Remarks {
		if r.Serious {
			n++
		}
	}
	return n
}

// byFigure puts what does not exist last.
func byFigure(a, b *float64) int {
	value := func(x *float64) float64 {
		if x == nil {
			return math.Inf(1)
		}
		return *x
	}
	return cmp.Compare(value(a), value(b))
}

// arranged sorts and narrows; an order that is not known is that of the work.
func arranged(all []TaskQuality, sort string, only bool) []TaskQuality {
	list := slices.Clone(all)
	if only {
		list = slices.DeleteFunc(list, func(t TaskQuality) bool { return !t.Serious() })
	}
	column, down := strings.CutPrefix(sort, "-")
	if order, known := taskOrders[column]; known {
		slices.SortStableFunc(list, func(a, b TaskQuality) int {
			if down {
				return order(b, a)
			}
			return order(a, b)
		})
	}
	return list
}

func fairView(f quality.Fairness, tasks map[int64]TaskQuality) FairView {
	v := FairView{Fairness: f, Groups: quality.Comparisons[f.By]}
	for _, d := range f.Tasks {
		switch d.Class {
		case "B":
			v.Some++
		case "C":
			t := tasks[d.VersionID]
			v.Large = append(v.Large, FairTask{t.TaskID, t.Position, t.Code, unequal(quality.Flag{Value: d.Value, At: f.By})})
		}
	}
	return v
}
