package plan

import "testing"

// Programmes required without a session leave several ways at the top of the search, each with a search of its own: none
// takes over what was worked out for another teacher or another way.
func TestSeveralWaysToMeetDemands(t *testing.T) {
	for seed := range uint64(60) {
		p := random(seed, shape{programmes: 12, teachers: 6, elements: 8, deficits: 5, covers: 3, sessions: 3, hours: 120, days: 300})
		for i := range p.Teachers {
			u := &p.Teachers[i]
			u.Done = nil
			for k := range 1 + i%3 {
				u.Required = append(u.Required, p.Programmes[(i*5+k*7+int(seed))%12].ID)
			}
		}
		all := checked(t, p)
		for i := range p.Teachers {
			if alone := Best(p, i); alone.Teachers[0].Conflict == nil && alone.Objective < all.Teachers[i].Coverage-p.HourPenalty*all.Teachers[i].Hours-1e-9 {
				t.Errorf("seed %d, teacher %d: alone %g, among others %g", seed, i, alone.Objective, all.Teachers[i].Coverage)
			}
		}
	}
}

// A route found in haste keeps chains of requirements whole: what rests on a step given up goes with it.
func TestChainsInHaste(t *testing.T) {
	for seed := range uint64(120) {
		p := random(seed, shape{programmes: 40, teachers: 1, elements: 10, deficits: 8, covers: 3, sessions: 3, hours: 200, days: 300, requires: 0.8})
		for _, nodes := range []int{1, 5} {
			a := Plan(p, Options{Nodes: nodes})
			for _, b := range Check(p, &a) {
				t.Fatalf("seed %d, %d nodes: %s", seed, nodes, b)
			}
		}
	}
}
