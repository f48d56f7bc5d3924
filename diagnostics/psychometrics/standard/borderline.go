package standard

import (
	"fmt"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
)

// A Borderline is the answer of "psychometrics standard borderline".
type Borderline struct {
	N        int       `json:"n"` // persons at the border
	Median   Number    `json:"median"`
	Mean     Number    `json:"mean"`
	SD       Number    `json:"sd"`
	SE       Number    `json:"se"` // of the median, by resampling
	CI95     [2]Number `json:"ci95"`
	Judges   []Judge   `json:"judges"`    // medians of each judge's persons
	JudgesSE Number    `json:"se_judges"` // of the mean of the judges' medians
	Warnings []string  `json:"warnings"`
}

// Borderliner is a person whom a judge puts at the border, with the score.
type Borderliner struct {
	Person, Judge string
	Score         float64
}

// smallBorder is under how many persons the median is a weak cut.
const smallBorder = 30

// borderDraws is how often the group is drawn anew for the error of the median.
const borderDraws = 1000

// AnalyseBorderline sets the cut at the median score of those whom judges who know them
// put at the border (Livingston & Zieky 1982). Its error comes from drawing the group
// anew, seeded. An empty group is an error.
func AnalyseBorderline(group []Borderliner) (*Borderline, error) {
	if len(group) == 0 {
		return nil, fmt.Errorf("nobody is at the border: there is no cut")
	}
	none := psychometrics.None
	b := &Borderline{N: len(group), SD: none, SE: none, CI95: [2]Number{none, none}, Judges: []Judge{}, JudgesSE: none, Warnings: []string{}}
	scores := make([]float64, len(group))
	byJudge := map[string][]float64{}
	for i, p := range group {
		scores[i] = p.Score
		byJudge[p.Judge] = append(byJudge[p.Judge], p.Score)
	}
	slices.Sort(scores)
	b.Median, b.Mean = Number(median(scores)), Number(mean(scores))
	if len(group) < smallBorder {
		b.Warnings = append(b.Warnings, fmt.Sprintf("%d persons at the border, under %d the cut is weak", len(group), smallBorder))
	}
	if len(group) > 1 {
		b.SD = Number(deviation(scores))
		draws := resampled(scores, borderDraws)
		b.SE = Number(deviation(draws))
		slices.Sort(draws)
		b.CI95 = [2]Number{Number(draws[borderDraws*25/1000]), Number(draws[borderDraws*975/1000-1])}
	}
	if _, nameless := byJudge[""]; len(byJudge) > 1 || !nameless {
		var ids []string
		for id := range byJudge {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		medians := make([]float64, len(ids))
		for j, id := range ids {
			medians[j] = median(byJudge[id])
		}
		p := panel(ids, medians)
		b.Judges, b.JudgesSE = p.Judges, p.SE
	}
	return b, nil
}
