// Package cat is adaptive testing: the next item is chosen by what is known of the
// person so far. A Bank holds items with their tables; a Test is one person's run,
// item by item; Replay repeats a run from its log; Simulate tries settings out.
//
// Ability is estimated on a grid by the trapezoid rule, by default 33 points within
// four standard deviations of the prior, as catR does.
package cat

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// Rule is how the next item is chosen.
type Rule string

// The rules. θ̂ is the estimate so far, L the likelihood, φ the prior.
const (
	MFI   Rule = "mfi"   // largest Fisher information at θ̂ (Lord 1980)
	BOpt  Rule = "bopt"  // difficulty nearest θ̂; 0/1 items (Urry 1970)
	ThOpt Rule = "thopt" // the θ of the item's largest information nearest θ̂; 0/1 items
	MLWI  Rule = "mlwi"  // largest ∫ L·I dθ (Veerkamp & Berger 1997)
	MPWI  Rule = "mpwi"  // largest ∫ φ·L·I dθ (van der Linden 1998)
	MEI   Rule = "mei"   // largest expected observed information at the next estimate (van der Linden 1998)
	MEPV  Rule = "mepv"  // least expected posterior variance
	KL    Rule = "kl"    // largest ∫ L·KL(θ̂, θ) dθ (Chang & Ying 1996)
	KLP   Rule = "klp"   // largest ∫ φ·L·KL(θ̂, θ) dθ
)

// Rules lists them all.
var Rules = []Rule{MFI, BOpt, ThOpt, MLWI, MPWI, MEI, MEPV, KL, KLP}

// A Share is how much of a test a domain shall take.
type Share struct {
	Domain string  `json:"domain"`
	Share  float64 `json:"share"` // over 0; they need not add up to 1
}

// Settings of adaptive tests; the zero value is maximum information, EAP, prior N(0,1),
// start at 0, until the bank is used up. They are part of the log.
type Settings struct {
	Rule        Rule              `json:"rule"`
	Estimator   irt.Method        `json:"estimator"` // eap or map
	Start       float64           `json:"start"`     // θ̂ before the first answer
	PriorMean   float64           `json:"prior_mean"`
	PriorSD     float64           `json:"prior_sd"`
	Points      int               `json:"points"`       // of the grid
	Reach       float64           `json:"reach"`        // the grid's half width in prior standard deviations
	StopSE      float64           `json:"stop_se"`      // stop at this standard error or under; 0: never
	MaxItems    int               `json:"max_items"`    // 0: the bank
	MinItems    int               `json:"min_items"`    // StopSE does not count before
	Randomesque int               `json:"randomesque"`  // draw among so many best (Kingsbury & Zara 1989); 0 and 1: the best
	Seed        uint64            `json:"seed"`         // of those draws
	MaxExposure float64           `json:"max_exposure"` // simulations: no item goes to more than this share of tests so far; 0: no bound
	Content     []Share           `json:"content"`      // balance of domains; the next item is of the domain furthest under its share
	Domains     map[string]string `json:"domains"`      // item → domain
}

// complete fills defaults in and says what cannot be.
func (s Settings) complete() (Settings, error) {
	if s.Rule == "" {
		s.Rule = MFI
	}
	if s.Estimator == "" {
		s.Estimator = irt.EAP
	}
	if s.PriorSD == 0 {
		s.PriorSD = 1
	}
	if s.Points == 0 {
		s.Points = 33
	}
	if s.Reach == 0 {
		s.Reach = 4
	}
	if s.Content == nil {
		s.Content = []Share{}
	}
	if s.Domains == nil {
		s.Domains = map[string]string{}
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	switch {
	case !slices.Contains(Rules, s.Rule):
		return s, fmt.Errorf("rule %q, expected one of %v", s.Rule, Rules)
	case s.Estimator != irt.EAP && s.Estimator != irt.MAP:
		return s, fmt.Errorf("estimator %q, expected eap or map", s.Estimator)
	case !(s.PriorSD > 0) || !finite(s.PriorSD) || !finite(s.PriorMean) || !finite(s.Start):
		return s, fmt.Errorf("prior mean %g, sd %g, start %g: expected numbers and an sd over 0", s.PriorMean, s.PriorSD, s.Start)
	case s.Points < 3 || s.Points > 10000 || !(s.Reach > 0) || !finite(s.Reach):
		return s, fmt.Errorf("a grid of %d points and reach %g, expected 3 to 10000 and a reach over 0", s.Points, s.Reach)
	case s.StopSE < 0 || math.IsNaN(s.StopSE):
		return s, fmt.Errorf("stop at a standard error of %g, expected over 0", s.StopSE)
	case s.MaxItems < 0 || s.MinItems < 0 || s.Randomesque < 0:
		return s, fmt.Errorf("%d to %d items, draws among %d: expected none under 0", s.MinItems, s.MaxItems, s.Randomesque)
	case !(s.MaxExposure >= 0 && s.MaxExposure <= 1):
		return s, fmt.Errorf("largest exposure %g, expected a share from 0 to 1", s.MaxExposure)
	}
	seen := map[string]bool{}
	for _, c := range s.Content {
		if !(c.Share > 0) || !finite(c.Share) || seen[c.Domain] {
			return s, fmt.Errorf("domain %q has share %g or stands twice, expected each once with a share over 0", c.Domain, c.Share)
		}
		seen[c.Domain] = true
	}
	return s, nil
}
