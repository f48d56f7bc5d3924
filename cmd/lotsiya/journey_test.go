package main

import "testing"

func TestEverybodySignsIn(t *testing.T) {
	for role := range theRegion(t).signIns {
		t.Run(role, func(t *testing.T) {
			v := as(t, role)
			v.open("/")
			v.look("home-" + role)
		})
	}
}
