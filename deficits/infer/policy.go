// Package infer says how likely a person's true share of an element's points
// lies under a cut, from the answers at hand. It is pure: no SQL, clock or
// randomness; the same input gives the same output.
//
// Fit learns a Model from the answers of many; a Model infers for one person.
// The model inside may grow; the two calls and the JSON with its method name stay.
package infer

import (
	"fmt"
	"math"
)

// A Policy turns probabilities into words: it is versioned data, never code.
type Policy struct {
	Cut      float64           `json:"cut"`             // a true share under it is a deficit
	Bands    [3]float64        `json:"bands"`           // estimate under [0] high, [1] medium, [2] low
	Sure     [2]float64        `json:"sure"`            // p ≤ [0] none, p ≥ [1] deficit, between possible
	Areas    map[string]string `json:"areas,omitempty"` // area of an element; without it all are one area
	MinTasks int               `json:"min_tasks"`       // fewer answered tasks that the model takes in are insufficient
}

// DefaultPolicy is the policy of the contract.
func DefaultPolicy() Policy {
	return Policy{Cut: 0.60, Bands: [3]float64{0.40, 0.60, 0.80}, Sure: [2]float64{0.2, 0.8}, MinTasks: 2}
}

// Check names what is wrong with a policy, nil if nothing is.
func (p Policy) Check() error {
	share := func(x float64) bool { return x >= 0 && x <= 1 } // false for NaN
	switch {
	case !share(p.Cut):
		return fmt.Errorf("policy: cut %v, expected 0…1", p.Cut)
	case !share(p.Bands[0]) || !share(p.Bands[1]) || !share(p.Bands[2]):
		return fmt.Errorf("policy: bands %v, expected shares 0…1", p.Bands)
	case p.Bands[0] > p.Bands[1] || p.Bands[1] > p.Bands[2]:
		return fmt.Errorf("policy: bands %v, expected in rising order", p.Bands)
	case !share(p.Sure[0]) || !share(p.Sure[1]) || p.Sure[0] > p.Sure[1]:
		return fmt.Errorf("policy: sure %v, expected two probabilities in rising order", p.Sure)
	case p.MinTasks < 0:
		return fmt.Errorf("policy: min_tasks %d, expected 0 or more", p.MinTasks)
	}
	return nil
}

// Status is what is said of a person's element.
type Status string

// The statuses of the contract.
const (
	Deficit      Status = "deficit"
	Possible     Status = "possible"
	Fine         Status = "none"
	Insufficient Status = "insufficient"
)

// Severity is how much there is to strengthen; SeverityNone also where nothing is said.
type Severity string

// The severities of the contract.
const (
	High         Severity = "high"
	Medium       Severity = "medium"
	Low          Severity = "low"
	SeverityNone Severity = "none"
)

// Judge gives status and severity of an element with so many answered tasks. A policy
// that asks for none lets the person's other elements, or the other persons, decide.
func (p Policy) Judge(estimate, pDeficit float64, answered int) (Status, Severity) {
	switch {
	case answered < p.MinTasks:
		return Insufficient, SeverityNone
	case pDeficit >= p.Sure[1]:
		return Deficit, p.Band(estimate)
	case pDeficit <= p.Sure[0]:
		return Fine, SeverityNone
	}
	return Possible, p.Band(estimate)
}

// Band is the severity of a share by the bands alone.
func (p Policy) Band(share float64) Severity {
	switch {
	case share < p.Bands[0]:
		return High
	case share < p.Bands[1]:
		return Medium
	case share < p.Bands[2]:
		return Low
	}
	return SeverityNone
}

// ByShare is the usual rule, kept beside: the severity of the bare share of
// points, and whether it lies under the cut. It knows no uncertainty.
func (p Policy) ByShare(share float64, answered int) (Severity, Status) {
	switch {
	case answered < p.MinTasks || answered == 0 || math.IsNaN(share):
		return SeverityNone, Insufficient
	case share < p.Cut:
		return p.Band(share), Deficit
	case p.Cut == 0 || p.Band(share) == SeverityNone: // under cut 0 lies nothing
		return SeverityNone, Fine
	}
	return Low, Fine // what is not under the cut has a little to strengthen at most
}
