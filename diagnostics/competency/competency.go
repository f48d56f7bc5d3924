// Package competency is the language that all diagnostics share: areas of
// competency, codifiers with their elements, labour functions of professional
// standards, and scales.
package competency

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/fault"
)

// Service holds the use cases of this package.
type Service struct {
	pool *sqlx.DB
	now  func() time.Time
}

// New returns the service on a pool; now is the clock.
func New(pool *sqlx.DB, now func() time.Time) *Service { return &Service{pool, now} }

// An Area is a field of a teacher's work: subject, methodical, …
type Area struct {
	Code string `db:"code"`
	Name string `db:"name"`
	Rank int    `db:"rank"`
}

// A Codifier is one edition of a list of elements.
type Codifier struct {
	ID        int64     `db:"id"`
	Code      string    `db:"code"`
	Edition   string    `db:"edition"`
	Title     string    `db:"title"`
	Subject   string    `db:"subject_code"` // "" where it serves no subject
	ValidFrom time.Time `db:"valid_from"`
	Elements  int       `db:"elements"` // how many it has
}

// An Element is what an edition says of one thing a teacher knows or can do.
// ID is the same in all editions. Importance weighs its deficit, 1 as a rule.
type Element struct {
	CodifierID int64   `db:"codifier_id"`
	ID         string  `db:"element_id"`
	Parent     string  `db:"parent_id"` // "" at the top
	Number     string  `db:"number"`
	Title      string  `db:"title"`
	Short      string  `db:"short_title"`
	Part       string  `db:"part"` // subject or methodical
	Area       string  `db:"area_code"`
	About      string  `db:"about"`
	Strengthen string  `db:"strengthen"`
	Importance float64 `db:"importance"`
	Rank       int     `db:"rank"`
}

// A LabourFunction is a node of a professional standard.
type LabourFunction struct {
	Code     string `db:"code"`
	Standard string `db:"standard"`
	Title    string `db:"title"`
	Parent   string `db:"parent_code"` // "" at the top
	Kind     string `db:"kind"`        // general or function
}

// A Scale is one version of a scale: it never changes, a correction is the next version.
type Scale struct {
	ID         int64
	Code       string
	Version    int
	Title      string
	ValidFrom  time.Time
	Definition Definition
}

// Definition says how a share of points becomes a word about an element.
// Higher shares are better; severity speaks of the deficit, so a high one is worse.
type Definition struct {
	Cut      float64    `json:"cut"`       // the share that is enough
	Bands    [3]float64 `json:"bands"`     // severity: high under [0], medium under [1], low under [2], else none
	Sure     [2]float64 `json:"sure"`      // probability of a deficit: none up to [0], deficit from [1], between: possible
	MinTasks int        `json:"min_tasks"` // fewer answered tasks are not enough to say anything
	Rule     string     `json:"rule"`      // RuleShrunk or RuleShare
}

// How the share of an element is found.
const (
	RuleShrunk = "shrunk" // estimated with strength borrowed from the campaign
	RuleShare  = "share"  // points got of points possible
)

// Check tells what is wrong with a definition, by field of the form.
func (d Definition) Check() error {
	fields := map[string]string{}
	if !(d.Cut > 0 && d.Cut < 1) {
		fields["cut"] = "Порог должен лежать между 0 и 100 %"
	}
	if !(0 < d.Bands[0] && d.Bands[0] < d.Bands[1] && d.Bands[1] < d.Bands[2] && d.Bands[2] <= 1) {
		fields["bands"] = "Границы должны возрастать от 0 до 100 %"
	}
	if !(0 <= d.Sure[0] && d.Sure[0] < 0.5 && 0.5 < d.Sure[1] && d.Sure[1] <= 1) {
		fields["sure"] = "«Стоит укрепить» говорим больше чем при 50 случаях из 100, «уверенно» — меньше чем при 50"
	}
	if d.MinTasks < 1 || d.MinTasks > 20 {
		fields["min_tasks"] = "Наименьшее число заданий — от 1 до 20"
	}
	if d.Rule != RuleShrunk && d.Rule != RuleShare {
		fields["rule"] = "Выберите правило"
	}
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Шкала не сохранена", Fields: fields}
	}
	return nil
}

// Severity is the severity of a share by the bands: high, medium, low or none.
func (d Definition) Severity(share float64) string {
	for i, name := range [3]string{"high", "medium", "low"} {
		if share < d.Bands[i] {
			return name
		}
	}
	return "none"
}

// NewCodifier is an edition to be added, with its elements in order.
type NewCodifier struct {
	Code, Edition, Title string
	Subject              string // code of a subject, "" for none
	Elements             []NewElement
}

// NewElement is one element of it. LabourFunctions are codes.
type NewElement struct {
	ID, Parent, Number, Title, Short, Part, Area, About, Strengthen string
	Importance                                                      float64 // 0 stands for 1
	LabourFunctions                                                 []string
}

// check refuses what the tables would refuse, in words.
func (n NewCodifier) check() error {
	if strings.TrimSpace(n.Code) == "" || strings.TrimSpace(n.Edition) == "" || len(n.Elements) == 0 {
		return fault.Field("codifier", "Кодификатору нужны код, издание и хотя бы один элемент")
	}
	ids := map[string]bool{}
	for _, e := range n.Elements {
		if ids[e.ID] {
			return fault.Field("codifier", "Элемент %s назван в кодификаторе дважды", e.ID)
		}
		ids[e.ID] = true
	}
	for _, e := range n.Elements {
		if e.Parent != "" && !ids[e.Parent] {
			return fault.Field("codifier", "Элемент %s лежит в элементе %s, которого в кодификаторе нет", e.ID, e.Parent)
		}
	}
	return nil
}

// same tells whether a stored edition says exactly what a new one says.
func same(stored []Element, links map[string][]string, n NewCodifier) bool {
	return fingerprint(stored, links) == fingerprint(n.rows(0), n.links())
}

func fingerprint(elements []Element, links map[string][]string) string {
	var b strings.Builder
	for _, e := range elements {
		e.CodifierID = 0
		line, err := json.Marshal([]any{e, links[e.ID]})
		if err != nil { // importance is a finite number by the table's check
			return ""
		}
		b.Write(line)
	}
	return b.String()
}

func (n NewCodifier) rows(codifier int64) []Element {
	rows := make([]Element, len(n.Elements))
	for i, e := range n.Elements {
		if e.Importance == 0 {
			e.Importance = 1
		}
		rows[i] = Element{codifier, e.ID, e.Parent, e.Number, e.Title, e.Short, e.Part, e.Area, e.About, e.Strengthen, e.Importance, i + 1}
	}
	return rows
}

func (n NewCodifier) links() map[string][]string {
	links := map[string][]string{}
	for _, e := range n.Elements {
		if len(e.LabourFunctions) > 0 {
			links[e.ID] = e.LabourFunctions
		}
	}
	return links
}

// Name is how an edition is called: title and edition.
func (c Codifier) Name() string { return fmt.Sprintf("%s, издание %s", c.Title, c.Edition) }
