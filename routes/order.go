package routes

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/lotsiya/lotsiya/routes/plan"
)

// UnmetLine is what stays open of a theme over all people: a line of the order for new programmes and groups.
type UnmetLine struct {
	Element string
	People  int
	Share   float64 // part of what is needed of the theme that stays open
	Part    float64 // the same as a part of all that is needed
	Weight  float64
	Hours   int      // hours of study, over all people, that would close it
	Why     plan.Why // of most of the people
	Whys    []WhyLine
	Lacking string // code of the programme of the theme with most seats missing, for no_seats
	Free    int    // hours still free under the limit: as many or fewer at half of the people
	Course  int    // hours of the new programme offered, or of the shortest one
	Fit     int    // people with hours enough left for it
	Bids    []Bid
	Untried bool // so many people were worked on before that nothing more was tried
	Places  []PlaceLine
	Kinds   []KindLine
}

// WhyLine is for how many people a reason holds.
type WhyLine struct {
	Why    plan.Why
	People int
	Hidden bool // too few people to be told of
}

// PlaceLine is the part of an order that a municipality needs.
type PlaceLine struct {
	Territory int64
	People    int
	Hours     int
	Hidden    bool // too few people to be told of
}

// KindLine is the part of an order that people of a position and a subject need.
type KindLine struct {
	Position, Subject string
	People            int
	Hidden            bool
}

// Gain is what the better of the bids closes of all that is needed.
func (u UnmetLine) Gain() float64 {
	gain := 0.0
	for _, o := range u.Bids {
		gain = max(gain, o.Gain)
	}
	return gain
}

// Told tells whether the number of people may be shown.
func (u UnmetLine) Told() bool { return u.People >= least }

// Fitting tells whether it may be told how many have hours enough left.
func (u UnmetLine) Fitting() bool {
	rest := u.People - u.Fit
	return u.Told() && (u.Fit == 0 || u.Fit >= least) && (rest == 0 || rest >= least)
}

// wanting gathers what stays open of one theme.
type wanting struct {
	people int
	weight float64
	share  float64 // sum over people of the part of the theme that stays open
	why    map[plan.Why]int
	free   []float64           // hours left of each person
	places map[string]*wanting // by territory
	kinds  map[[2]string]int   // by position and subject
}

func (w *wanting) add(weight, share float64) {
	w.people++
	w.weight += weight
	w.share += share
}

// reasons in the order in which, of as many people, the graver is named first.
var reasons = []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth}

// unmet makes the order of a plan: what stays open by theme, the heaviest first.
func (d drawn) unmet(routes []plan.Route, seats []SeatLine, today time.Time) []UnmetLine {
	open, needed, all := map[string]*wanting{}, map[string]float64{}, 0.0
	limit := float64(d.from.proposal.Selection.Hours)
	for i, r := range routes {
		t := d.from.problem.Teachers[i]
		for e, x := range t.Deficits {
			needed[e] += x
		}
		all += total(t)
		need := d.from.needs[t.ID][0]
		place := strconv.FormatInt(need.Territory, 10)
		for _, u := range r.Uncovered {
			if u.Weight < 1e-9 {
				continue
			}
			w := open[u.Element]
			if w == nil {
				w = &wanting{places: map[string]*wanting{}, kinds: map[[2]string]int{}, why: map[plan.Why]int{}}
				open[u.Element] = w
			}
			if w.places[place] == nil {
				w.places[place] = &wanting{}
			}
			share := u.Weight / t.Deficits[u.Element]
			w.add(u.Weight, share)
			w.places[place].add(u.Weight, share)
			w.why[u.Why]++
			w.kinds[[2]string{need.Position, need.Subject}]++
			w.free = append(w.free, limit-r.Hours)
		}
	}
	rate := rates(d.from.programmes, today)
	out := []UnmetLine{}
	for e, w := range open {
		hours := func(share float64) int { return int(math.Ceil(share * rate(e))) }
		u := UnmetLine{Element: e, People: w.people, Weight: w.weight, Share: ratio(w.weight, needed[e]), Part: ratio(w.weight, all), Hours: hours(w.share), Free: int(median(w.free))}
		most := 0
		for _, why := range reasons {
			n := w.why[why]
			if n == 0 {
				continue
			}
			if u.Whys = append(u.Whys, WhyLine{Why: why, People: n}); n > most {
				u.Why, most = why, n
			}
		}
		slices.SortStableFunc(u.Whys, func(a, b WhyLine) int { return cmp.Compare(b.People, a.People) })
		for i, h := range hideFew(counts(u.Whys, func(x WhyLine) int { return x.People })) {
			u.Whys[i].Hidden = h
		}
		lack := 0
		for _, l := range seats {
			if l.Lack() > lack && slices.ContainsFunc(l.Programme.Covers, func(c Cover) bool { return c.Element == e }) {
				u.Lacking, lack = l.Programme.Code, l.Lack()
			}
		}
		for id, x := range w.places {
			territory, _ := strconv.ParseInt(id, 10, 64)
			u.Places = append(u.Places, PlaceLine{Territory: territory, People: x.people, Hours: hours(x.share)})
		}
		slices.SortFunc(u.Places, func(a, b PlaceLine) int {
			return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Territory, b.Territory))
		})
		for i, h := range hideFew(counts(u.Places, func(x PlaceLine) int { return x.People })) {
			u.Places[i].Hidden = h
		}
		for k, n := range w.kinds {
			u.Kinds = append(u.Kinds, KindLine{Position: k[0], Subject: k[1], People: n})
		}
		slices.SortFunc(u.Kinds, func(a, b KindLine) int {
			return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Position, b.Position), cmp.Compare(a.Subject, b.Subject))
		})
		for i, h := range hideFew(counts(u.Kinds, func(x KindLine) int { return x.People })) {
			u.Kinds[i].Hidden = h
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b UnmetLine) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Element, b.Element))
	})
	return out
}

func counts[T any](list []T, n func(T) int) []int {
	out := make([]int, len(list))
	for i, x := range list {
		out[i] = n(x)
	}
	return out
}

// order finds what could be ordered for each theme that enough people need, and puts first what would close most.
func (d drawn) order(unmet []UnmetLine, t *tender) {
	for i := range unmet {
		u := &unmet[i]
		if !u.Told() {
			continue
		}
		u.Bids = t.bids(u.Element)
		u.Untried = t.budget < 0
		u.Course = lengths[0]
		for _, o := range u.Bids {
			if o.Programme == "" {
				u.Course = o.Hours
			}
		}
		for _, r := range t.routes {
			if float64(d.from.proposal.Selection.Hours)-r.Hours >= float64(u.Course) && slices.ContainsFunc(r.Uncovered, func(x plan.Uncovered) bool {
				return x.Element == u.Element && x.Weight >= 1e-9
			}) {
				u.Fit++
			}
		}
	}
	slices.SortStableFunc(unmet, func(a, b UnmetLine) int { return cmp.Compare(b.Gain(), a.Gain()) })
}

// rates tells how many hours of study close a theme for one person: as many as with the quickest programme of the
// catalogue that teaches it, or as usual where none does.
func rates(programmes []Programme, today time.Time) func(element string) float64 {
	quickest := map[string]float64{}
	for _, g := range programmes {
		for _, c := range g.Covers {
			if x := float64(g.Hours) / c.Share; g.Open(today) && (quickest[c.Element] == 0 || x < quickest[c.Element]) {
				quickest[c.Element] = x
			}
		}
	}
	all := []float64{}
	for _, x := range quickest {
		all = append(all, x)
	}
	return func(element string) float64 {
		if x := quickest[element]; x > 0 {
			return x
		}
		return median(all)
	}
}
