package deficits

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
)

// nextTasks is how many tasks of the bank are named at most that would settle an element.
const nextTasks = 3

// explainTx takes what is said of a person's elements apart, with the tasks that could be
// given next: never a word of what they ask.
func (c course) explainTx(ctx context.Context, tx *sqlx.Tx, scored results.Scored, versions map[int64]bank.Version) (map[string]*results.Why, error) {
	spare, err := spareTx(ctx, tx, scored.PersonID, versions)
	if err != nil {
		return nil, err
	}
	candidates := make([]infer.Task, 0, len(spare))
	for _, id := range slices.Sorted(maps.Keys(spare)) {
		candidates = append(candidates, taskOf(spare[id]))
	}
	data := dataOf([]results.Scored{scored}, versions, false)
	model, err := c.model.Elements.Prepare(data.Tasks)
	if err != nil {
		return nil, err
	}
	list, err := model.Explain(data.Persons[0].Responses, candidates, nextTasks)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*results.Why, len(list))
	for _, x := range list {
		w := &results.Why{Before: x.Before.P, Others: x.Others.P, All: x.All.P, Width: x.All.High - x.All.Low, Spare: x.Spare, Needed: x.Needed, Pulls: map[int64]float64{}}
		for _, p := range x.Tasks {
			id, err := strconv.ParseInt(p.Task, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("task %q of a model: %w", p.Task, err)
			}
			w.Pulls[id] = p.Pull
		}
		for _, n := range infer.Enough(x.Next) {
			id, err := strconv.ParseInt(n.Task, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("task %q of the bank: %w", n.Task, err)
			}
			v := spare[id]
			next := results.NextTask{TaskID: v.TaskID, Code: v.Code, Kind: v.Kind, Level: v.Level, Minutes: v.Minutes, Width: n.Width, Settled: n.Settled, Typical: n.Typical}
			if doubt := x.All.P * (1 - x.All.P); doubt > 0 {
				next.Part = n.Reduction / doubt
			}
			w.Next = append(w.Next, next)
		}
		out[x.Element] = w
	}
	return out, nil
}

// spareTx lists the tasks that could be given to a person next, by version: approved for the
// codifiers that the given versions speak of, scored at once without experts, and never
// given to the person in any version.
func spareTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID, versions map[int64]bank.Version) (map[int64]bank.Version, error) {
	given, err := sitting.GivenTx(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	shown, err := bank.VersionsTx(ctx, tx, given)
	if err != nil {
		return nil, err
	}
	taken, codifiers := map[int64]bool{}, map[int64]bool{} // tasks, whatever their version
	for _, v := range shown {
		taken[v.TaskID] = true
	}
	for _, v := range versions {
		taken[v.TaskID], codifiers[v.CodifierID] = true, true
	}
	spare := map[int64]bank.Version{}
	for _, codifier := range slices.Sorted(maps.Keys(codifiers)) {
		list, err := bank.ApprovedTx(ctx, tx, codifier)
		if err != nil {
			return nil, fmt.Errorf("tasks of codifier %d: %w", codifier, err)
		}
		for _, v := range list {
			if !taken[v.TaskID] && quick(v) {
				spare[v.ID] = v
			}
		}
	}
	return spare, nil
}

// quick tells whether a task gives its points at once, without experts.
func quick(v bank.Version) bool { return v.Kind != task.Likert && v.Kind != task.Extended }

// An answer is a profile as the API gives it; probabilities and shares lie in 0…1.
type answer struct {
	Code        string          `json:"code"`
	Campaign    string          `json:"campaign"`
	Model       string          `json:"model"`
	Leans       *answerLeaning  `json:"leans_on"`
	Cut         float64         `json:"cut"`
	Preliminary bool            `json:"preliminary"`
	ShareDiffer int             `json:"share_rule_differs"` // of Measured elements the share rule says otherwise
	Measured    int             `json:"measured"`
	Elements    []answerElement `json:"elements"`
}

// An answerLeaning is the calibration that a model of few persons leans on.
type answerLeaning struct {
	Campaign string `json:"campaign"`
	Model    string `json:"model"`
	Persons  int    `json:"persons"`
	Tasks    int    `json:"tasks"` // taken,
	Of       int    `json:"of"`    // of so many
}

type answerElement struct {
	Element   string     `json:"element"`
	Title     string     `json:"title"`
	Score     float64    `json:"score"`
	Max       float64    `json:"max"`
	Share     *float64   `json:"share"`
	Tasks     int        `json:"tasks"`
	Estimate  float64    `json:"estimate"`
	Interval  [2]float64 `json:"interval"`
	P         float64    `json:"p_deficit"`
	Shortfall float64    `json:"shortfall"`
	Status    string     `json:"status"`
	Severity  string     `json:"severity"`
	Why       *answerWhy `json:"why"` // null where the figures are older than the model
}

type answerWhy struct {
	Before  float64      `json:"before"`
	Others  float64      `json:"others"`
	Tasks   []answerPull `json:"tasks"`
	Unclear bool         `json:"unclear"` // no verdict yet that more answers could give
	Width   float64      `json:"width"`   // of the interval now
	Spare   int          `json:"spare"`   // tasks of the bank that the person was never given
	Needed  int          `json:"needed"`  // average tasks that give a verdict in every second case, 0 where 30 do not
	Next    []answerNext `json:"next"`
}

type answerPull struct {
	Number int      `json:"number"`
	Kind   string   `json:"kind"`
	Points *float64 `json:"points"`
	Max    float64  `json:"max"`
	Pull   float64  `json:"pull"`
}

// An answerNext is a task that would help to settle; figures are told of it in company
// with those before it. Code is null for readers who may not see the bank.
type answerNext struct {
	Code    *string `json:"code"`
	Kind    string  `json:"kind"`
	Level   string  `json:"level"`
	Part    float64 `json:"part"`    // of the doubt
	Width   float64 `json:"width"`   // of the interval then
	Settled float64 `json:"settled"` // chance of a verdict then
	Typical bool    `json:"typical"` // parameters of an average task of its level
}

func answerOf(p Profile) answer {
	a := answer{Code: p.Code, Campaign: p.Campaign.Title, Model: p.Model, Cut: p.Cut, Preliminary: p.Preliminary, ShareDiffer: p.Differ, Measured: p.Measured, Elements: []answerElement{}}
	if l := p.Leans; l != nil {
		a.Leans = &answerLeaning{Campaign: l.Title, Model: l.Model, Persons: l.Persons, Tasks: l.Tasks, Of: l.Of}
	}
	for _, part := range p.Parts {
		for _, e := range part.Elements {
			d := e.Deficit
			one := answerElement{Element: e.ID, Title: e.Title, Score: d.Points, Max: d.Max, Share: d.Share, Tasks: d.Tasks, Estimate: d.Estimate,
				Interval: [2]float64{d.Low, d.High}, P: d.P, Shortfall: d.Shortfall, Status: d.Status, Severity: d.Severity}
			if e.Why != nil {
				w := &answerWhy{Before: e.Why.Before, Others: e.Why.Others, Tasks: []answerPull{}, Unclear: e.Why.Unclear, Width: e.Why.Width, Spare: e.Why.Spare, Needed: e.Why.Needed, Next: []answerNext{}}
				for _, t := range e.Tasks {
					if t.Pull != nil {
						w.Tasks = append(w.Tasks, answerPull{t.Number, t.Kind, t.Points, t.Max, *t.Pull})
					}
				}
				for _, n := range e.Why.Next {
					next := answerNext{Kind: string(n.Kind), Level: string(n.Level), Part: n.Part, Width: n.Width, Settled: n.Settled, Typical: n.Typical}
					if p.MayTasks {
						next.Code = &n.Code
					}
					w.Next = append(w.Next, next)
				}
				one.Why = w
			}
			a.Elements = append(a.Elements, one)
		}
	}
	return a
}
