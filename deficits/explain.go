package deficits

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/task"
)

// nextTasks is how many tasks of the bank are named that would settle an element.
const nextTasks = 3

// explainTx takes what is said of a person's elements apart. Further tasks are the approved
// ones of the bank that the person was not given; only their code, kind and level are told.
func (c course) explainTx(ctx context.Context, tx *sqlx.Tx, scored results.Scored, versions map[int64]bank.Version) (map[string]*results.Why, error) {
	approved, candidates := map[string]bank.Version{}, []infer.Task{}
	taken := map[int64]bool{} // tasks, whatever their version
	for _, v := range versions {
		taken[v.TaskID] = true
	}
	seen := map[int64]bool{}
	for _, v := range versions {
		if seen[v.CodifierID] {
			continue
		}
		seen[v.CodifierID] = true
		list, err := bank.ApprovedTx(ctx, tx, v.CodifierID)
		if err != nil {
			return nil, fmt.Errorf("tasks of codifier %d: %w", v.CodifierID, err)
		}
		for _, a := range list {
			if !taken[a.TaskID] && a.Kind != task.Likert {
				id := strconv.FormatInt(a.ID, 10)
				approved[id] = a
				candidates = append(candidates, infer.Task{ID: id, Max: a.MaxPoints, Weights: a.Elements})
			}
		}
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
		w := &results.Why{Before: x.Before.P, Others: x.Others.P, All: x.All.P, Pulls: map[int64]float64{}}
		for _, p := range x.Tasks {
			id, err := strconv.ParseInt(p.Task, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("task %q of a model: %w", p.Task, err)
			}
			w.Pulls[id] = p.Pull
		}
		for _, n := range x.Next {
			v := approved[n.Task]
			w.Next = append(w.Next, results.NextTask{Code: v.Code, Kind: v.Kind, Level: v.Level, Part: n.Reduction / (x.All.P * (1 - x.All.P))})
		}
		out[x.Element] = w
	}
	return out, nil
}

// An answer is a profile as the API gives it; probabilities and shares lie in 0…1.
type answer struct {
	Code        string          `json:"code"`
	Campaign    string          `json:"campaign"`
	Model       string          `json:"model"`
	Cut         float64         `json:"cut"`
	Preliminary bool            `json:"preliminary"`
	ShareDiffer int             `json:"share_rule_differs"` // of Measured elements the share rule says otherwise
	Measured    int             `json:"measured"`
	Elements    []answerElement `json:"elements"`
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
	Before float64      `json:"before"`
	Others float64      `json:"others"`
	Tasks  []answerPull `json:"tasks"`
	Next   []answerNext `json:"next"`
}

type answerPull struct {
	Number int      `json:"number"`
	Kind   string   `json:"kind"`
	Points *float64 `json:"points"`
	Max    float64  `json:"max"`
	Pull   float64  `json:"pull"`
}

type answerNext struct {
	Code  string  `json:"code"`
	Kind  string  `json:"kind"`
	Level string  `json:"level"`
	Part  float64 `json:"part"` // of the doubt
}

func answerOf(p Profile) answer {
	a := answer{Code: p.Code, Campaign: p.Campaign.Title, Model: p.Model, Cut: p.Cut, Preliminary: p.Preliminary, ShareDiffer: p.Differ, Measured: p.Measured, Elements: []answerElement{}}
	for _, part := range p.Parts {
		for _, e := range part.Elements {
			d := e.Deficit
			one := answerElement{Element: e.ID, Title: e.Title, Score: d.Points, Max: d.Max, Share: d.Share, Tasks: d.Tasks, Estimate: d.Estimate,
				Interval: [2]float64{d.Low, d.High}, P: d.P, Shortfall: d.Shortfall, Status: d.Status, Severity: d.Severity}
			if e.Why != nil {
				w := &answerWhy{Before: e.Why.Before, Others: e.Why.Others, Tasks: []answerPull{}, Next: []answerNext{}}
				for _, t := range e.Tasks {
					if t.Pull != nil {
						w.Tasks = append(w.Tasks, answerPull{t.Number, t.Kind, t.Points, t.Max, *t.Pull})
					}
				}
				for _, n := range e.Why.Next {
					w.Next = append(w.Next, answerNext{n.Code, string(n.Kind), string(n.Level), n.Part})
				}
				one.Why = w
			}
			a.Elements = append(a.Elements, one)
		}
	}
	return a
}
