package people

import (
	"slices"
	"strings"
	"unicode"
)

// formWords say what an organisation is in law and nothing of which one it is.
var formWords = map[string]bool{
	"моу": true, "мбоу": true, "мобу": true, "мкоу": true, "маоу": true, "мдоу": true, "мбдоу": true, "мадоу": true, "мкдоу": true, "гбоу": true, "гкоу": true, "гапоу": true,
	"гбпоу": true, "доу": true, "оу": true, "муниципальное": true, "государственное": true, "бюджетное": true, "казенное": true, "автономное": true, "общеобразовательное": true,
	"дошкольное": true, "образовательное": true, "учреждение": true, "средняя": true, "общеобразовательная": true, "ло": true, "имени": true, "им": true, "г": true, "п": true,
	"комбинированного": true, "общеразвивающего": true, "компенсирующего": true, "вида": true, "с": true,
}

var organisationAliases = map[string][]string{"сош": {"школа"}, "ооош": {"основная", "школа"}, "оош": {"основная", "школа"}, "дс": {"детский", "сад"}, "садик": {"детский", "сад"}, "сад": {"сад"}}

// foldOrganisation makes spellings of one organisation's name equal: quotes, the number
// sign, the legal form, СОШ and школа.
func foldOrganisation(s string) string {
	s = strings.ReplaceAll(fold(s), "д/с", "дс")
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })
	out := []string{}
	for _, w := range words {
		if w = strings.Trim(w, "-"); w == "" || formWords[w] {
			continue
		}
		if more, ok := organisationAliases[w]; ok {
			out = append(out, more...)
			continue
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// organisationIndex finds organisations as lists name them.
type organisationIndex struct {
	mine    Refs
	byName  map[string][]Organisation
	byINN   map[string][]Organisation
	foreign map[string]bool // names and codes of organisations outside the scope
}

func newOrganisationIndex(mine, all Refs) organisationIndex {
	x := organisationIndex{mine: mine, byName: map[string][]Organisation{}, byINN: map[string][]Organisation{}, foreign: map[string]bool{}}
	inScope := map[int64]bool{}
	for _, o := range mine.Organisations {
		inScope[o.ID] = true
		keys := []string{foldOrganisation(o.Name), foldOrganisation(o.ShortName)}
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			x.byName[key] = append(x.byName[key], o)
		}
		if o.INN != "" {
			x.byINN[o.INN] = append(x.byINN[o.INN], o)
		}
	}
	for _, o := range all.Organisations {
		if !inScope[o.ID] {
			x.foreign[foldOrganisation(o.Name)], x.foreign[foldOrganisation(o.ShortName)] = true, true
			if o.INN != "" {
				x.foreign[o.INN] = true
			}
		}
	}
	return x
}

// find finds the organisation of a row, or says what is wrong. The tax number is surer than
// the name; the territory tells namesakes apart.
func (x organisationIndex) find(inn, territory, name string) (Organisation, string) {
	hits := x.byINN[inn]
	if inn == "" || len(hits) == 0 {
		hits = x.byName[foldOrganisation(name)]
	}
	if name == "" && len(hits) == 0 {
		if inn != "" {
			return Organisation{}, "организации с таким ИНН в справочнике нет: добавьте её или впишите название"
		}
		return Organisation{}, "название организации или её ИНН"
	}
	if territory != "" {
		want := foldTerritory(territory)
		there := []Organisation{}
		known := false
		for _, t := range x.mine.Territories {
			if foldTerritory(t.Name) == want || foldTerritory(t.ShortName) == want || t.Code == territory {
				known = true
				for _, o := range hits {
					if o.TerritoryID == t.ID {
						there = append(there, o)
					}
				}
			}
		}
		if !known {
			return Organisation{}, "муниципалитет «" + territory + "» не из ваших: проверьте столбец «Муниципалитет»"
		}
		hits = there
	}
	switch {
	case len(hits) == 1:
		return hits[0], ""
	case len(hits) > 1:
		where := []string{}
		for _, o := range hits {
			where = append(where, o.ShortName+" ("+x.mine.Territory(o.TerritoryID).ShortName+")")
		}
		return Organisation{}, "таких организаций несколько: " + strings.Join(where, ", ") + ". Заполните муниципалитет или ИНН"
	case x.foreign[foldOrganisation(name)] || x.foreign[inn]:
		return Organisation{}, "эта организация не из вашего муниципалитета: её список загрузит свой координатор"
	}
	return Organisation{}, "организация из справочника" + x.near(name) + "; новую сначала добавьте на странице «Организации»"
}

func foldTerritory(s string) string {
	out := []string{}
	for _, w := range strings.Fields(fold(s)) {
		switch w {
		case "муниципальный", "район", "округ", "городской", "мр", "го", "мо", "ленинградской", "области":
		default:
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// near proposes up to three organisations that share most words with a name.
func (x organisationIndex) near(name string) string {
	words := strings.Fields(foldOrganisation(name))
	type hit struct {
		name  string
		score int
	}
	hits := []hit{}
	for _, o := range x.mine.Organisations {
		score := 0
		for _, w := range strings.Fields(foldOrganisation(o.Name + " " + o.ShortName)) {
			if slices.Contains(words, w) {
				score++
				if strings.IndexFunc(w, unicode.IsDigit) >= 0 {
					score += 2
				}
			}
		}
		if score >= 2 {
			hits = append(hits, hit{o.ShortName, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	quoted := []string{}
	for i := 0; i < min(len(hits), 3); i++ {
		quoted = append(quoted, "«"+hits[i].name+"»")
	}
	if len(quoted) == 0 {
		return ""
	}
	return "; похоже на " + strings.Join(quoted, ", ")
}
