// Package deficits keeps what is held of each person's competency elements: the
// evidence, the probability that something is to be strengthened, and how that
// knowledge changed. It answers with an interval and a probability, never with a
// bare share.
package deficits

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/lotsiya/lotsiya/deficits/infer"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/task"
	"github.com/lotsiya/lotsiya/internal/access"
)

// A Deficit is what is held of one element of one person, whether there is
// something to strengthen or not (Status says which). Shares lie in 0…1, higher is
// better. A row with ReplacedAt nil is what is held now; ValidTo is set where a later
// diagnostic measured the same element.
type Deficit struct {
	PersonID       access.PersonID `db:"person_id"`
	Element        string          `db:"element_id"`
	Subject        string          `db:"subject_code"`
	CodifierID     int64           `db:"codifier_id"`
	CampaignID     int64           `db:"campaign_id"`
	RegistrationID int64           `db:"registration_id"`
	RevisionID     int64           `db:"score_revision_id"`
	Points         float64         `db:"points"`
	Max            float64         `db:"max_points"`
	Tasks          int             `db:"tasks"` // answered
	Share          *float64        `db:"share"` // nil without evidence
	Estimate       float64         `db:"estimate"`
	Low            float64         `db:"low"` // 90 % interval
	High           float64         `db:"high"`
	P              float64         `db:"p_deficit"`
	Shortfall      float64         `db:"shortfall"` // E[max(0, cut − share)]
	Severity       string          `db:"severity"`
	Status         string          `db:"status"`
	ShareSeverity  string          `db:"share_severity"` // by the bare share rule; insufficient without evidence
	ScaleID        int64           `db:"scale_id"`
	ModelID        *int64          `db:"model_id"`
	Model          string          `db:"model"`
	Preliminary    bool            `db:"preliminary"`
	TerritoryID    int64           `db:"territory_id"`
	OrganisationID int64           `db:"organisation_id"`
	Position       string          `db:"position_code"`
	Category       string          `db:"category_code"`
	Experience     string          `db:"experience_code"`
	Rural          bool            `db:"rural"`
	ValidFrom      time.Time       `db:"valid_from"`
	ValidTo        *time.Time      `db:"valid_to"`
	RecordedAt     time.Time       `db:"recorded_at"`
	ReplacedAt     *time.Time      `db:"replaced_at"`
}

// Said is what is held as it is worded.
func (d Deficit) Said() competency.Reading {
	return competency.Reading{Status: d.Status, Severity: d.Severity, P: d.P}
}

// policyOf is the scale of a campaign as the model understands it.
func policyOf(d competency.Definition) infer.Policy {
	return infer.Policy{Cut: d.Cut, Bands: d.Bands, Sure: d.Sure, MinTasks: d.MinTasks}
}

// models is what is kept of a fit: one model of the elements, one of the whole parts,
// and how well the model of the elements foretells.
type models struct {
	Elements infer.Model `json:"elements"`
	Parts    infer.Model `json:"parts"`
	Check    infer.Check `json:"check"`
	Leans    *leaning    `json:"leans,omitempty"` // nil: on its own answers alone
}

// A fitted is the stored fit of a campaign; ID 0 is the weak prior before any.
type fitted struct {
	ID       int64
	Version  int
	FittedAt time.Time
	Persons  int
	models
}

// weakly is what stands in before a fit: what it says is preliminary.
func weakly(p infer.Policy) (fitted, error) {
	weak, err := infer.Weak(nil, p)
	if err != nil {
		return fitted{}, err
	}
	return fitted{models: models{Elements: weak, Parts: weak}}, nil
}

// areasOf says in which area of competency each element of these versions lies: within an
// area a person's elements speak of one another most.
func areasOf(elements []competency.Element) map[string]string {
	areas := make(map[string]string, len(elements))
	for _, e := range elements {
		areas[e.ID] = e.Area
	}
	return areas
}

// name is the version of a model as estimates carry it.
func (f fitted) name() string {
	if f.ID == 0 {
		return infer.Method + " (до расчёта модели)"
	}
	return versionName(f.Elements.Method, f.Version)
}

func versionName(method string, version int) string { return method + " v" + strconv.Itoa(version) }

// fits tells whether the model was fitted to these very revisions: none is younger,
// none has gone.
func (f fitted) fits(revisions []results.Scored) bool {
	return f.ID != 0 && f.Persons == len(revisions) && !slices.ContainsFunc(revisions, func(r results.Scored) bool { return r.At.After(f.FittedAt) })
}

// partPrefix marks a whole part among elements.
const partPrefix = "part:"

// dataOf turns revisions into what a model is fitted to: by elements, or by parts.
// Self-assessment is no evidence of this kind; answers that experts still have are
// left out.
func dataOf(revisions []results.Scored, versions map[int64]bank.Version, parts bool) infer.Data {
	d := infer.Data{}
	index := map[int64]int{}
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		v := versions[id]
		if v.Kind == task.Likert {
			continue
		}
		t := taskOf(v)
		if parts {
			t.Weights = map[string]float64{partPrefix + string(v.Part): 1}
		}
		index[id] = len(d.Tasks)
		d.Tasks = append(d.Tasks, t)
	}
	for _, r := range revisions {
		p := infer.Person{ID: strconv.FormatInt(r.AttemptID, 10)}
		for _, t := range r.Tasks {
			i, counts := index[t.TaskVersionID]
			if !counts || t.State == results.StateWaiting {
				continue
			}
			response := infer.Response{Task: i, State: infer.Answered}
			switch t.State {
			case results.StateOmitted:
				response.State = infer.Omitted
			case results.StateNotReached:
				response.State = infer.NotReached
			}
			if t.Points != nil {
				response.Points = min(*t.Points, d.Tasks[i].Max)
			}
			p.Responses = append(p.Responses, response)
		}
		d.Persons = append(d.Persons, p)
	}
	return d
}

// taskOf is a task of the bank as the model knows it.
func taskOf(v bank.Version) infer.Task {
	return infer.Task{ID: strconv.FormatInt(v.ID, 10), Max: v.MaxPoints, Weights: v.Elements, Level: string(v.Level)}
}

// judged is an estimate with the words of the scale's rule: by probability, or, where
// an office chose the share rule, by the bare share. The other stands beside.
func judged(e infer.Estimate, p infer.Policy, rule string) (status, severity, byShare string) {
	shareSeverity, shareStatus := p.ByShare(e.Share, e.Tasks)
	byShare = string(shareSeverity)
	if shareStatus == infer.Insufficient {
		byShare = string(infer.Insufficient)
	}
	status, severity = string(e.Status), string(e.Severity)
	if rule == competency.RuleShare {
		status, severity = string(shareStatus), string(shareSeverity)
		if shareStatus != infer.Deficit {
			severity = string(infer.SeverityNone)
		}
	}
	return status, severity, byShare
}

func shareOf(e infer.Estimate) *float64 {
	if e.Max == 0 {
		return nil
	}
	s := e.Share
	return &s
}

func (m models) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return b, nil
}
