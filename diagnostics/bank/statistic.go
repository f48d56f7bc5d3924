package bank

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Links are what others tell the bank of its tasks; cmd sets them. Each may be nil.
type Links struct {
	// Qualities tells of every task version that was ever analysed what its newest
	// analysis says.
	Qualities func(ctx context.Context, tx *sqlx.Tx) ([]Quality, error)
	// Statistics tells all that is known of some versions, the newest campaign first.
	Statistics func(ctx context.Context, tx *sqlx.Tx, versions []int64) ([]Statistic, error)
}

// Link sets what others give; called once, while wiring.
func (s *Service) Link(l Links) { s.links = l }

// A Quality is the short word about a task version. P is the mean share of its points,
// 0…1, higher is easier; Rest the correlation with the other tasks of its part, −1…1,
// higher is better; nil where there is no figure.
type Quality struct {
	VersionID int64    `json:"version"`
	N         int      `json:"n"`
	P         *float64 `json:"p"`
	Rest      *float64 `json:"rest"`
	Serious   int      `json:"serious"` // remarks that ask to look before the task is used again
	Remarks   string   `json:"remarks"` // all of them, the gravest first
}

// A Statistic is what one campaign says of a task version.
type Statistic struct {
	VersionID  int64
	Number     int // of the version
	Position   int // in the work
	Code       string
	CampaignID int64
	Campaign   string
	At         time.Time // of the computation
	Max        float64
	N          int      // with a score; 0 for fewer than five
	Waiting    int      // that experts still have
	P          *float64 // mean share of points; nil for fewer than five
	Works      int      // complete works, that the figures below are of
	Rest       *float64
	D27        *float64
	Alpha      *float64 // of the part without the task
	PartAlpha  *float64 // and with it
	Thirds     [3]*float64
	Omitted    float64 // share of those who reached it
	NotReached float64 // share of those to whom it was given
	Remarks    []Hint
	Choices    []Choice
	Scale      *OnScale
}

// A Hint is a reason to look at a task.
type Hint struct {
	Text    string
	Serious bool
}

// Serious tells whether a hint asks to look before the task is used again.
func (s Statistic) Serious() bool {
	for _, r := range s.Remarks {
		if r.Serious {
			return true
		}
	}
	return false
}

// RemarkList is the remarks in a line.
func (s Statistic) RemarkList() string {
	list := make([]string, len(s.Remarks))
	for i, r := range s.Remarks {
		list[i] = r.Text
	}
	return strings.Join(list, "; ")
}

// A Choice is one place of a task with its options. It tells the key.
type Choice struct {
	Place   string // safe HTML; "" where there is one
	Common  bool   // free answers that at least five gave
	Options []ChoiceLine
}

// A ChoiceLine is an option and who chose it.
type ChoiceLine struct {
	Number int
	HTML   string // safe
	Key    bool
	N      int
	Share  float64     // of those who answered
	Rest   *float64    // above 0 the stronger choose it
	Thirds [3]*float64 // share in the lower, middle, upper third
	Remark string
}

// OnScale is a task on the scale of its part, in logits.
type OnScale struct {
	Model         string
	A, ASE        *float64 // NaN never
	Steps         []Step
	Half          *float64 // where half the points are expected
	Infit, Outfit *float64
	FitP          *float64 // of S-X²
	Curve         []CurvePoint
}

// A Step is a difficulty on the scale and its error.
type Step struct {
	B, SE *float64
}

// A CurvePoint is the expected share of points at an ability.
type CurvePoint struct {
	Theta, Share float64
}

// The field of the curve: abilities −4…4 at x 34…324, shares 0…1 at y 150…14.
const (
	curveLeft, curveRight = 34.0, 324.0
	curveTop, curveBottom = 14.0, 150.0
)

// Line is the curve as points of a polyline.
func (o OnScale) Line() string {
	points := make([]string, len(o.Curve))
	for i, p := range o.Curve {
		points[i] = fmt.Sprintf("%.1f,%.1f", o.X(p.Theta), curveBottom-(curveBottom-curveTop)*min(1, max(0, p.Share)))
	}
	return strings.Join(points, " ")
}

// X is where an ability lies on the field.
func (OnScale) X(theta float64) float64 {
	x := curveLeft + (curveRight-curveLeft)*(theta+4)/8
	return math.Round(10*min(curveRight, max(curveLeft, x))) / 10
}

// Axis is where the ability is written under the field.
func (OnScale) Axis() []float64 { return []float64{-4, -2, 0, 2, 4} }
