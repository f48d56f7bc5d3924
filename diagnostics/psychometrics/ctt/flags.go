package ctt

// A Flag says why an item deserves a look. The page finds the words to the code.
type Flag struct {
	Code  string `json:"code"`
	Value Number `json:"value"` // what was seen
	Limit Number `json:"limit"` // where the flag begins
	At    string `json:"at"`    // the option it speaks of, empty for the item
}

// Codes of flags.
const (
	NoVariance        = "no_variance"             // all complete rows alike
	NegativeRest      = "negative_discrimination" // the weaker do it better: often a wrong key
	WeakRest          = "weak_discrimination"
	TooEasy           = "too_easy"
	TooHard           = "too_hard"
	ManyOmitted       = "many_omitted"
	ManyNotReached    = "many_not_reached"
	DistractorBetter  = "distractor_better_than_key" // its choosers are stronger than the key's
	DistractorUnused  = "distractor_never_chosen"
	DistractorAttract = "distractor_attracts_strong" // chosen by the top third more than the key
)

// Limits of flags, customary in item analysis (Crocker & Algina 1986, ch. 14;
// Haladyna & Rodriguez 2013). A flag asks for a look, it is no verdict.
const (
	weakRestUnder  = 0.20
	easyOver       = 0.95
	hardUnder      = 0.20
	omittedOver    = 0.10
	notReachedOver = 0.10
)

// Flags tells what of an item deserves a look, by its figures alone; Options adds
// what its options tell.
func Flags(it *Item) []Flag {
	all := []Flag{}
	add := func(on bool, code string, value, limit Number) {
		if on {
			all = append(all, Flag{Code: code, Value: value, Limit: limit})
		}
	}
	add(it.N > 1 && it.SD == 0, NoVariance, it.SD, 0)
	add(it.ItemRest < 0, NegativeRest, it.ItemRest, 0)
	add(it.ItemRest >= 0 && it.ItemRest < weakRestUnder, WeakRest, it.ItemRest, weakRestUnder)
	add(it.P > easyOver, TooEasy, it.P, easyOver)
	add(it.P < hardUnder, TooHard, it.P, hardUnder)
	if shown := it.Answered + it.Omitted; shown > 0 {
		share := Number(it.Omitted) / Number(shown)
		add(share > omittedOver, ManyOmitted, share, omittedOver)
	}
	if shown := it.Answered + it.Omitted + it.NotReached; shown > 0 {
		share := Number(it.NotReached) / Number(shown)
		add(share > notReachedOver, ManyNotReached, share, notReachedOver)
	}
	return all
}
