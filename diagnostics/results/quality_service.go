package results

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
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

// Quality reads how good a campaign was; the look is journalled, since options tell keys.
func (s *Service) Quality(ctx context.Context, actor access.Actor, campaignID int64, sort string, only bool) (out Quality, err error) {
	if !actor.Scope(access.QualityRead).All {
		return out, errNoPage
	}
	out.Sort, out.Only = sort, only
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if out.Campaign, err = campaign.ByIDTx(ctx, tx, campaignID); err != nil {
			return err
		}
		now, err := lastRevisionsTx(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		out.Submitted = len(now)
		if out.Statistics, err = StatisticsTx(ctx, tx, campaignID); err != nil || !out.Computed() {
			return err
		}
		out.Stale = !slices.Equal(now, out.Statistics.Revisions)
		if err := out.fillTx(ctx, tx); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "key.read", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaignID), Purpose: "качество диагностики: варианты ответов"})
	})
	return out, err
}

func (q *Quality) fillTx(ctx context.Context, tx *sqlx.Tx) error {
	figures, err := q.Statistics.tasksOfTx(ctx, tx)
	if err != nil {
		return err
	}
	ids := make([]int64, len(figures))
	for i, f := range figures {
		ids[i] = f.VersionID
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return err
	}
	names, err := elementNamesTx(ctx, tx, versions)
	if err != nil {
		return err
	}
	from := source{q.Campaign.ID, q.Campaign.Title, q.Statistics.ComputedAt, q.Statistics.Parts}
	for _, part := range q.Statistics.Parts {
		p := QualityPart{Part: part, Title: partTitle(part.Part)}
		byVersion := map[int64]TaskQuality{}
		for _, f := range figures {
			if f.Part != part.Part {
				continue
			}
			v := versions[f.VersionID]
			st, err := statistic(f, v, from)
			if err != nil {
				return err
			}
			t := TaskQuality{st, v.TaskID, v.Kind.Label(), f}
			p.all = append(p.all, t)
			byVersion[f.VersionID] = t
			if t.Serious() {
				p.Look++
			}
		}
		p.Total = len(p.all)
		for _, e := range part.Elements {
			p.Own = append(p.Own, ElementQuality{cmp.Or(names[e.Element], e.Element), e.Tasks, figureOrNil(e.Own), figureOrNil(e.Part), e.Added})
		}
		for _, f := range part.Fairness {
			p.Fair = append(p.Fair, fairView(f, byVersion))
		}
		p.Tasks = arranged(p.all, q.Sort, q.Only)
		if part.Scale != nil {
			p.Map = newMap(part, p.all)
		}
		q.Parts = append(q.Parts, p)
	}
	return nil
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

// A Map is the common scale of a part's people and tasks, and what the tasks measure
// along it, as geometry. The field of the map is 340 wide; 0…9 rows of a half logit each.
type Map struct {
	Scale  quality.Scale
	Rows   []MapRow
	Tasks  []MapTask    // by difficulty, the hardest first
	Off    []int        // positions of tasks that have no place on the scale
	Points []ScalePoint // of the most common variant
	Most   float64      // information at the top of its axis
}

// A MapRow is a stretch of the scale, the highest first.
type MapRow struct {
	Low, High float64
	Persons   int // 0 where nobody stands
	Y, Height int
	Width     int // of the bar
}

// A MapTask is a task at its difficulty.
type MapTask struct {
	Position int
	TaskID   int64
	Code     string
	At       float64
	SE       *float64
	Look     bool
	X, Y     int
}

// A ScalePoint is what the tasks measure at an ability.
type ScalePoint struct {
	Theta, Information float64
	SE                 *float64
	X, Y, YSE          float64
}

const (
	mapTop    = 22
	mapRow    = 24 // height of half a logit
	mapMiddle = 158
)

func newMap(part quality.Part, tasks []TaskQuality) *Map {
	m := &Map{Scale: *part.Scale}
	items := []*quality.Item{}
	low, high := 0.0, 0.0
	for _, t := range tasks {
		if t.figure.Item != nil && (len(part.Variants) == 0 || slices.Contains(part.Variants[0].Versions, t.VersionID)) {
			items = append(items, t.figure.Item)
		}
		if t.Scale == nil || t.Scale.Half == nil {
			m.Off = append(m.Off, t.Position)
			continue
		}
		at := MapTask{Position: t.Position, TaskID: t.TaskID, Code: t.Code, At: *t.Scale.Half, Look: t.Serious()}
		if len(t.Scale.Steps) == 1 {
			at.SE = t.Scale.Steps[0].SE
		}
		m.Tasks = append(m.Tasks, at)
		low, high = min(low, at.At), max(high, at.At)
	}
	for _, a := range m.Scale.Abilities {
		low, high = min(low, a.Low), max(high, a.High)
	}
	low, high = max(-4, math.Floor(low)), min(4, math.Ceil(high))
	y := func(theta float64) float64 { return mapTop + (high-min(high, max(low, theta)))*2*mapRow }
	densest := 1.0
	for _, a := range m.Scale.Abilities {
		densest = max(densest, float64(a.N)/(a.High-a.Low))
	}
	for _, a := range slices.Backward(m.Scale.Abilities) {
		m.Rows = append(m.Rows, MapRow{Low: a.Low, High: a.High, Persons: a.N, Y: int(y(a.High)), Height: max(4, int(y(a.Low)-y(a.High))-1),
			Width: max(2, int(math.Round(110*float64(a.N)/(a.High-a.Low)/densest)))})
	}
	slices.SortFunc(m.Tasks, func(a, b MapTask) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Position, b.Position)) })
	// Numbers that would touch move right.
	for i := range m.Tasks {
		t := &m.Tasks[i]
		t.Y = int(math.Round(y(t.At)))
		t.X = mapMiddle + 34
		for j := 0; j < i; j++ {
			if before := m.Tasks[j]; abs(before.Y-t.Y) < 22 && abs(before.X-t.X) < 24 {
				t.X, j = before.X+24, -1
			}
		}
	}
	for _, p := range quality.Information(items) {
		m.Points = append(m.Points, ScalePoint{Theta: p.Theta, Information: p.Y})
		m.Most = max(m.Most, p.Y)
	}
	m.Most = max(1, math.Ceil(m.Most))
	for i := range m.Points {
		p := &m.Points[i]
		p.X = bank.OnScale{}.X(p.Theta)
		p.Y = math.Round(10*(150-136*p.Information/m.Most)) / 10
		if p.Information > 0 {
			se := 1 / math.Sqrt(p.Information)
			p.SE, p.YSE = &se, math.Round(10*(150-136*min(1, se/mostSE)))/10
		}
	}
	return m
}

// mostSE is the top of the axis of the error.
const mostSE = 2.0

func abs(n int) int { return max(n, -n) }

// Height of the map's field.
func (m Map) Height() int { return m.Bottom() + 26 }

// Bottom is where its scale ends.
func (m Map) Bottom() int {
	low, high := m.Ends()
	return mapTop + (high-low)*2*mapRow
}

// Ends of the scale, whole logits.
func (m Map) Ends() (low, high int) {
	for _, t := range m.Tasks {
		low, high = min(low, int(math.Floor(max(-4, t.At)))), max(high, int(math.Ceil(min(4, t.At))))
	}
	for _, a := range m.Scale.Abilities {
		low, high = min(low, int(math.Floor(a.Low))), max(high, int(math.Ceil(a.High)))
	}
	return low, high
}

// A Tick is a whole logit of the map.
type Tick struct {
	Theta, Y int
}

// Ticks of the scale, the highest first.
func (m Map) Ticks() []Tick {
	low, high := m.Ends()
	list := []Tick{}
	for t := high; t >= low; t-- {
		list = append(list, Tick{t, mapTop + (high-t)*2*mapRow})
	}
	return list
}

// Width of the field: as the row of numbers needs.
func (m Map) Width() int {
	most := 340
	for _, t := range m.Tasks {
		most = max(most, t.X+18)
	}
	return most
}

// Information is its curve as points of a polyline.
func (m Map) Information() string { return m.line(func(p ScalePoint) float64 { return p.Y }) }

// Errors is the curve of the error.
func (m Map) Errors() string { return m.line(func(p ScalePoint) float64 { return p.YSE }) }

func (m Map) line(y func(ScalePoint) float64) string {
	list := make([]string, len(m.Points))
	for i, p := range m.Points {
		list[i] = fmt.Sprintf("%.1f,%.1f", p.X, y(p))
	}
	return strings.Join(list, " ")
}

// Axis is where the ability is written.
func (Map) Axis() []float64 { return bank.OnScale{}.Axis() }

// X is where an ability lies.
func (Map) X(theta float64) float64 { return bank.OnScale{}.X(theta) }

// Best is where the part measures most exactly.
func (m Map) Best() ScalePoint {
	return slices.MaxFunc(m.Points, func(a, b ScalePoint) int { return cmp.Compare(a.Information, b.Information) })
}

// ReliabilityOf is that of scores on the scale, nil where there is none.
func (m Map) ReliabilityOf() *float64 { return figureOrNil(m.Scale.Reliability) }

// QualitiesTx is the short word about every version ever analysed, for bank.Links.
func (s *Service) QualitiesTx(ctx context.Context, tx *sqlx.Tx) ([]bank.Quality, error) {
	rows, err := newestFlagsTx(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := make([]bank.Quality, len(rows))
	for i, r := range rows {
		list := hints(r.flags)
		words := make([]string, len(list))
		out[i] = bank.Quality{VersionID: r.VersionID, N: r.N, P: r.P, Rest: r.Rest}
		for j, h := range list {
			words[j] = h.Text
			if h.Serious {
				out[i].Serious++
			}
		}
		if r.N < fewestShown {
			out[i].P = nil
		}
		out[i].Remarks = strings.Join(words, "; ")
	}
	return out, nil
}

// TaskStatisticsTx is all that campaigns say of some versions, the newest first, for
// bank.Links.
func (s *Service) TaskStatisticsTx(ctx context.Context, tx *sqlx.Tx, ids []int64) ([]bank.Statistic, error) {
	rows, err := ofVersionsTx(ctx, tx, ids)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	versions, err := bank.VersionsTx(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	from := map[int64]source{}
	out := []bank.Statistic{}
	for _, r := range rows {
		if _, read := from[r.CampaignID]; !read {
			c, err := campaign.ByIDTx(ctx, tx, r.CampaignID)
			if err != nil {
				return nil, err
			}
			st, err := StatisticsTx(ctx, tx, r.CampaignID)
			if err != nil {
				return nil, err
			}
			from[r.CampaignID] = source{c.ID, c.Title, st.ComputedAt, st.Parts}
		}
		f, err := r.figure()
		if err != nil {
			return nil, err
		}
		one, err := statistic(f, versions[r.VersionID], from[r.CampaignID])
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// ReliabilityTx is the reliability of each part of a campaign, Cronbach's alpha as
// its statistics have it; before they are made, as they would. nil where the works are
// too few.
func ReliabilityTx(ctx context.Context, tx db.Q, campaignID int64) (subject, methodical *float64, err error) {
	st, err := StatisticsTx(ctx, tx, campaignID)
	if err != nil {
		return nil, nil, err
	}
	if st.Version == 0 {
		tasks, works, err := pointsTx(ctx, tx, campaignID)
		if err != nil || len(works) < quality.Fewest {
			return nil, nil, err
		}
		st.Statistics = quality.Classical(tasks, works)
	}
	of := func(p task.Part) *float64 {
		part, known := st.Part(p)
		if !known {
			return nil
		}
		return figureOrNil(part.Reliability())
	}
	return of(task.Subject), of(task.Methodical), nil
}

// A Certainty is how exact one person's points of a part are. Shares 0…1.
type Certainty struct {
	Share       float64 // of the points of the part
	Half        float64 // in nine cases of ten the true share lies within ±
	Low, High   float64
	Own         bool // the error is that of people with such points, not of everybody
	Reliability *float64
	Works       int
}

// ninety is how many errors nine cases of ten lie within.
const ninety = 1.645

// certainty finds how exact a person's points of a part are; nil where the work has
// tasks that were not reached or wait, or the variant has no figures.
func certainty(s Scored, part quality.Part, versions map[int64]bank.Version) *Certainty {
	mine := []int64{}
	points, most := 0.0, 0.0
	for _, t := range s.Tasks {
		v := versions[t.TaskVersionID]
		if v.Part != part.Part || v.Kind == task.Likert || t.Max <= 0 {
			continue
		}
		if t.State != StateScored && t.State != StateOmitted {
			return nil
		}
		mine = append(mine, t.TaskVersionID)
		points, most = points+*t.Points, most+t.Max
	}
	slices.Sort(mine)
	for _, v := range part.Variants {
		if most == 0 || !slices.Equal(mine, slices.Sorted(slices.Values(v.Versions))) {
			continue
		}
		c := &Certainty{Share: points / most, Reliability: figureOrNil(v.Alpha), Works: v.Works}
		sem, own := v.ErrorOf(c.Share)
		if math.IsNaN(float64(sem)) {
			return nil
		}
		c.Own, c.Half = own, ninety*float64(sem)
		c.Low, c.High = max(0, c.Share-c.Half), min(1, c.Share+c.Half)
		return c
	}
	return nil
}

// missed tells whether the person's time did not reach some task of a part.
func missed(s Scored, part task.Part, versions map[int64]bank.Version) bool {
	return slices.ContainsFunc(s.Tasks, func(t TaskScore) bool { return t.State == StateNotReached && versions[t.TaskVersionID].Part == part })
}

// Trust says how far the part can be believed, by its reliability.
func (c Certainty) Trust() string {
	switch {
	case c.Reliability == nil:
		return ""
	case *c.Reliability >= 0.8:
		return "Эта часть хорошо отличает разные уровни подготовки."
	case *c.Reliability >= 0.7:
		return "Эта часть отличает разные уровни подготовки достаточно уверенно."
	case *c.Reliability >= 0.5:
		return "Заданий в части немного, поэтому она показывает уровень приблизительно: судите по ней вместе с тем, что знаете о себе."
	}
	return "По этой части уровень виден лишь в общих чертах: не делайте по ней одной никаких выводов."
}
