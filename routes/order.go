package routes

import (
	"cmp"
	"fmt"
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
	Weight  float64
	Hours   int      // hours of study, over all people, that would close it
	Why     plan.Why // of most of the people
	Lacking string   // code of the programme of the theme with most seats missing, for no_seats
	Places  []PlaceLine
}

// PlaceLine is the part of an order that a municipality needs.
type PlaceLine struct {
	Territory int64
	People    int
	Hours     int
	Hidden    bool // too few people to be told of
}

// Order words what to order for a theme that stays open; "" where nothing is to be ordered.
func (u UnmetLine) Order() string {
	switch u.Why {
	case plan.NoProgramme:
		return "новая программа"
	case plan.NoSeats:
		return "ещё группы"
	case plan.NoDates:
		return "группы в другие даты"
	case plan.NoHours:
		return "программа короче или больше часов"
	case plan.NoCost:
		return "программа дешевле или больше денег"
	}
	return "дополнительных часов не стоит"
}

// Told tells whether the number of people may be shown.
func (u UnmetLine) Told() bool { return u.People >= least }

// shown are the municipalities of an order that may be named, the largest first, and how many people the others have.
func (u UnmetLine) shown() (list []PlaceLine, others, people int) {
	for _, p := range u.Places {
		if p.Hidden {
			others, people = others+1, people+p.People
		} else {
			list = append(list, p)
		}
	}
	return list, others, people
}

// wanting gathers what stays open of one theme.
type wanting struct {
	people int
	weight float64
	share  float64 // sum over people of the part of the theme that stays open
	why    map[plan.Why]int
	places map[string]*wanting // by territory
}

func (w *wanting) add(weight, share float64, why plan.Why) {
	w.people++
	w.weight += weight
	w.share += share
	if w.why == nil {
		w.why = map[plan.Why]int{}
	}
	w.why[why]++
}

// unmet makes the order of a plan: what stays open by theme, the heaviest first.
func (d drawn) unmet(routes []plan.Route, seats []SeatLine, today time.Time) []UnmetLine {
	open, needed := map[string]*wanting{}, map[string]float64{}
	for i, r := range routes {
		t := d.from.problem.Teachers[i]
		for e, x := range t.Deficits {
			needed[e] += x
		}
		place := strconv.FormatInt(d.from.needs[t.ID][0].Territory, 10)
		for _, u := range r.Uncovered {
			if u.Weight < 1e-9 {
				continue
			}
			w := open[u.Element]
			if w == nil {
				w = &wanting{places: map[string]*wanting{}}
				open[u.Element] = w
			}
			if w.places[place] == nil {
				w.places[place] = &wanting{}
			}
			share := u.Weight / t.Deficits[u.Element]
			w.add(u.Weight, share, u.Why)
			w.places[place].add(u.Weight, share, u.Why)
		}
	}
	rate := rates(d.from.programmes, today)
	out := []UnmetLine{}
	for e, w := range open {
		hours := func(share float64) int { return int(math.Ceil(share * rate(e))) }
		u := UnmetLine{Element: e, People: w.people, Weight: w.weight, Share: ratio(w.weight, needed[e]), Hours: hours(w.share)}
		most := 0
		for _, why := range []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth} {
			if n := w.why[why]; n > most {
				u.Why, most = why, n
			}
		}
		lack := 0
		for _, l := range seats {
			if l.Lack() > lack && slices.ContainsFunc(l.Programme.Covers, func(c Cover) bool { return c.Element == e }) {
				u.Lacking, lack = l.Programme.Code, l.Lack()
			}
		}
		people := []int{}
		for id, x := range w.places {
			territory, _ := strconv.ParseInt(id, 10, 64)
			u.Places = append(u.Places, PlaceLine{Territory: territory, People: x.people, Hours: hours(x.share)})
		}
		slices.SortFunc(u.Places, func(a, b PlaceLine) int {
			return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Territory, b.Territory))
		})
		for _, p := range u.Places {
			people = append(people, p.People)
		}
		for i, h := range hideFew(people) {
			u.Places[i].Hidden = h
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b UnmetLine) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Element, b.Element))
	})
	return out
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
	slices.Sort(all)
	return func(element string) float64 {
		if x := quickest[element]; x > 0 || len(all) == 0 {
			return x
		}
		return all[len(all)/2]
	}
}

// placeNames lists the municipalities of an order in words.
func placeNames(u UnmetLine, name func(territory int64) string) (list []string) {
	if !u.Told() || len(u.Places) < 2 {
		return nil
	}
	shown, others, people := u.shown()
	for _, p := range shown {
		list = append(list, fmt.Sprintf("%s: %d", name(p.Territory), p.People))
	}
	if others > 0 {
		list = append(list, fmt.Sprintf("ещё в %d: %d", others, people))
	}
	return list
}
