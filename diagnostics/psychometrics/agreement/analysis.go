package agreement

import (
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// An Analysis is the answer of "psychometrics agreement".
type Analysis struct {
	Persons      int      `json:"persons"`
	Complete     int      `json:"complete"` // rated by every rater: what ICC and Fleiss' kappa are of
	Raters       []Rater  `json:"raters"`
	ICC          []ICC    `json:"icc"`
	Kappa        []Kappa  `json:"kappa"`
	FleissKappa  Number   `json:"fleiss_kappa"`
	Krippendorff Alphas   `json:"krippendorff_alpha"`
	Facets       *Facets  `json:"facets"` // null where severity cannot be had
	Warnings     []string `json:"warnings"`
}

// Analyse computes every figure of agreement that the ratings bear.
func Analyse(r *Ratings) *Analysis {
	a := &Analysis{Persons: len(r.Persons), Complete: len(r.Complete()), Raters: []Rater{}, ICC: ICCs(r), Kappa: Kappas(r),
		FleissKappa: FleissKappa(r), Krippendorff: Krippendorff(r), Warnings: []string{}}
	if incomplete := a.Persons - a.Complete; incomplete > 0 {
		a.Warnings = append(a.Warnings, fmt.Sprintf("%d of %d persons lack a rating: intraclass correlations and Fleiss' kappa are of the other %d", incomplete, a.Persons, a.Complete))
	}
	if len(r.Categories()) > mostCategories {
		a.Warnings = append(a.Warnings, fmt.Sprintf("more than %d different ratings are measurements, no categories: kappas are left out", mostCategories))
	}
	if len(r.Categories()) > mostValues {
		a.Warnings = append(a.Warnings, fmt.Sprintf("more than %d different ratings: Krippendorff's alpha is of intervals alone", mostValues))
	}
	var warnings []string
	a.Facets, warnings = ManyFacets(r)
	a.Warnings = append(a.Warnings, warnings...)
	for j, id := range r.Raters {
		rater := Rater{ID: id, Severity: psychometrics.None, SE: psychometrics.None, Infit: psychometrics.None, Outfit: psychometrics.None}
		if a.Facets != nil {
			if at := slices.IndexFunc(a.Facets.Raters, func(f Rater) bool { return f.ID == id }); at >= 0 {
				rater = a.Facets.Raters[at]
			}
		}
		var sum, squares float64
		for p := range r.Persons {
			if v := r.Row(p)[j]; !math.IsNaN(v) {
				rater.N++
				sum += v
			}
		}
		mean := sum / float64(rater.N)
		for p := range r.Persons {
			if v := r.Row(p)[j]; !math.IsNaN(v) {
				squares += (v - mean) * (v - mean)
			}
		}
		rater.Mean, rater.SD = Number(mean), Number(math.Sqrt(squares/float64(rater.N-1)))
		if rater.N < 2 {
			rater.SD = psychometrics.None
		}
		a.Raters = append(a.Raters, rater)
		if a.Facets != nil {
			if at := slices.IndexFunc(a.Facets.Raters, func(f Rater) bool { return f.ID == id }); at >= 0 {
				a.Facets.Raters[at] = rater
			}
		}
	}
	return a
}
