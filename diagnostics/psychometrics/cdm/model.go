// Package cdm is cognitive diagnosis: which attributes a person has mastered, by
// latent classes. With K attributes there are 2^K classes, bit k of a class says that
// attribute k is mastered; class shares are free. Items of 0/1 answer by one of three
// rules, fitted by EM:
//
//	dina   right with 1 − slip by those who have all the item's attributes, else guess
//	dino   right with 1 − slip by those who have any of them, else guess
//	gdina  a probability for every combination of the item's attributes
//
// All persons count: what is missing is left out of the likelihood.
// Sources: Junker & Sijtsma (2001); Templin & Henson (2006); de la Torre (2011).
package cdm

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// Number is a figure that may not exist.
type Number = psychometrics.Number

// Model is the rule by which attributes make an answer right.
type Model string

// The models.
const (
	DINA  Model = "dina"
	DINO  Model = "dino"
	GDINA Model = "gdina"
)

// Known says whether m is one of the models.
func (m Model) Known() bool { return m == DINA || m == DINO || m == GDINA }

// MostAttributes is what one analysis can hold: 4096 classes.
const MostAttributes = 12

// groups tells for each class which of an item's answer groups it belongs to, and how
// many groups there are. The item requires the attributes of mask. Group 0 has none
// (dina: not all) of them, the last has all (dino: any).
func (m Model) groups(mask, classes int) (of []int, n int) {
	of = make([]int, classes)
	for c := range of {
		switch has := c & mask; {
		case m == DINA && has == mask, m == DINO && has != 0:
			of[c] = 1
		case m == GDINA:
			place := 0
			for k := range bits.Len(uint(mask)) {
				if mask>>k&1 == 1 {
					of[c] |= has >> k & 1 << place
					place++
				}
			}
		}
	}
	if m == GDINA {
		return of, 1 << bits.OnesCount(uint(mask))
	}
	return of, 2
}

// pattern writes the lowest n bits of a class, attribute by attribute: 101.
func pattern(class, n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprint(&b, class>>k&1)
	}
	return b.String()
}
