package people

import (
	"slices"
	"time"
)

// Territory is a municipal district or okrug of the region.
type Territory struct {
	ID        int64  `db:"id"`
	Code      string `db:"code"` // OKTMO, five digits
	Name      string `db:"name"`
	ShortName string `db:"short_name"`
	Kind      string `db:"kind"` // "district" or "okrug"
}

// Organisation is a school, a kindergarten, a college or a centre.
type Organisation struct {
	ID          int64      `db:"id"`
	TerritoryID int64      `db:"territory_id"`
	Kind        string     `db:"kind"`
	Name        string     `db:"name"`
	ShortName   string     `db:"short_name"`
	Rural       bool       `db:"rural"`
	INN         string     `db:"inn"` // "" = not told
	ValidTo     *time.Time `db:"valid_to"`
}

// OrganisationKinds gives each kind of organisation its name, in the order people read them.
var OrganisationKinds = []Item{
	{Code: "school", Name: "средняя школа"}, {Code: "gymnasium", Name: "гимназия"}, {Code: "lyceum", Name: "лицей"},
	{Code: "basic_school", Name: "основная школа"}, {Code: "preschool", Name: "детский сад"}, {Code: "college", Name: "колледж, техникум"},
	{Code: "supplementary", Name: "дополнительное образование"}, {Code: "centre", Name: "центр, институт"}, {Code: "authority", Name: "орган управления"},
}

// KindName is the kind of the organisation in Russian.
func (o Organisation) KindName() string { return nameOf(OrganisationKinds, o.Kind) }

// Item is one line of a reference list.
type Item struct {
	Code string `db:"code"`
	Name string `db:"name"`
}

// Refs are the reference lists, for filters and forms; each in reading order.
type Refs struct {
	Territories   []Territory
	Organisations []Organisation
	Positions     []Item
	Subjects      []Item
	Categories    []Item
	Bands         []Item
}

// Territory finds a territory; a zero one where there is none.
func (r Refs) Territory(id int64) Territory {
	i := slices.IndexFunc(r.Territories, func(t Territory) bool { return t.ID == id })
	if i < 0 {
		return Territory{}
	}
	return r.Territories[i]
}

// Organisation finds an organisation; a zero one where there is none.
func (r Refs) Organisation(id int64) Organisation {
	i := slices.IndexFunc(r.Organisations, func(o Organisation) bool { return o.ID == id })
	if i < 0 {
		return Organisation{}
	}
	return r.Organisations[i]
}

// OrganisationsOf lists the organisations of a territory.
func (r Refs) OrganisationsOf(territory int64) []Organisation {
	out := []Organisation{}
	for _, o := range r.Organisations {
		if o.TerritoryID == territory {
			out = append(out, o)
		}
	}
	return out
}

// PositionName is the name of a position by its code, the code itself where it is unknown.
func (r Refs) PositionName(code string) string { return nameOf(r.Positions, code) }

// SubjectName is the name of a subject by its code.
func (r Refs) SubjectName(code string) string { return nameOf(r.Subjects, code) }

// CategoryName is the name of a qualification category by its code.
func (r Refs) CategoryName(code string) string { return nameOf(r.Categories, code) }

// BandName is the name of an experience band by its code.
func (r Refs) BandName(code string) string { return nameOf(r.Bands, code) }

func nameOf(list []Item, code string) string {
	if i := slices.IndexFunc(list, func(x Item) bool { return x.Code == code }); i >= 0 {
		return list[i].Name
	}
	return code
}

// UnknownBand is the experience band of a person whose experience nobody has told.
const UnknownBand = "unknown"

// bands are the experience bands of form ОО-1: from, inclusive, to the next one, in full years.
var bands = []struct {
	code string
	from int
}{{"0-3", 0}, {"3-5", 3}, {"5-10", 5}, {"10-15", 10}, {"15-20", 15}, {"20+", 20}}

// experienceBand is the band of somebody who has taught since a day, on another day.
func experienceBand(since *time.Time, on time.Time) string {
	if since == nil {
		return UnknownBand
	}
	years := fullYears(*since, on)
	band := bands[0].code
	for _, b := range bands {
		if years >= b.from {
			band = b.code
		}
	}
	return band
}

// fullYears counts whole years between two days, 0 where the first is later.
func fullYears(since, on time.Time) int {
	years := on.Year() - since.Year()
	if on.Month() < since.Month() || on.Month() == since.Month() && on.Day() < since.Day() {
		years--
	}
	return max(years, 0)
}
