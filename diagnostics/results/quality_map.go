package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results/quality"
)

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
