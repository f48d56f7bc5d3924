package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// Sizes of the demonstration region.
const (
	organisations  = 120
	mathTeachers   = 330
	preschoolStaff = 290
	signIns        = 200 // teacher001 … teacher200
	experts        = 8
)

// Password is the one password of every demonstration sign-in.
const Password = "lotsiya-demo"

// A pupil of the simulation: what a synthetic teacher can do, unknown to the product.
type able struct {
	id      access.PersonID
	login   string
	subject string
	overall float64            // logits
	element map[string]float64 // own deviation by element, logits
}

// share of the region's teachers by territory, in the order of its reference
// list: uneven as in life, with a few places so small that groups stay under five.
var weights = []float64{3, 3, 6, 16, 9, 11, 5, 4, 6, 0.6, 5, 5, 0.6, 4, 2, 5, 5, 7}

// spread shares n out by weights, at least one each, largest remainders first.
func spread(n int, territories int) []int {
	w := make([]float64, territories)
	sum := 0.0
	for i := range w {
		w[i] = 4
		if i < len(weights) {
			w[i] = weights[i]
		}
		sum += w[i]
	}
	out, given := make([]int, territories), 0
	for i := range out {
		out[i] = max(1, int(math.Floor(float64(n)*w[i]/sum)))
		given += out[i]
	}
	for i := 3; given < n; i = (i + 1) % territories {
		if w[i] >= 2 {
			out[i]++
			given++
		}
	}
	return out
}

// place is an organisation with its territory.
type place struct{ territory, organisation int64 }

// newOrganisations names the synthetic schools and kindergartens of each territory.
func newOrganisations(territories []people.Territory, r *rand.Rand) []people.NewOrganisation {
	list := []people.NewOrganisation{}
	school, garden := 0, 0
	for i, n := range spread(organisations, len(territories)) {
		for k := range n {
			o := people.NewOrganisation{TerritoryID: territories[i].ID, Rural: r.Float64() < 0.4}
			if k%2 == 0 {
				school++
				o.Kind = []string{"school", "school", "school", "gymnasium", "lyceum", "basic_school"}[r.IntN(6)]
				o.Name = fmt.Sprintf("%s № %03d (учебная)", map[string]string{"school": "Средняя школа", "gymnasium": "Гимназия", "lyceum": "Лицей", "basic_school": "Основная школа"}[o.Kind], school)
				o.ShortName = fmt.Sprintf("школа %03d", school)
			} else {
				garden++
				o.Kind, o.Name, o.ShortName = "preschool", fmt.Sprintf("Детский сад № %03d (учебный)", garden), fmt.Sprintf("сад %03d", garden)
			}
			list = append(list, o)
		}
	}
	return list
}

// newTeachers makes n synthetic people of one position, spread over the
// territories that have an organisation for it. Their names are numbers.
func newTeachers(n int, word, position, subject, login string, places []place, territories []int64, hash string, today time.Time, r *rand.Rand) ([]people.NewPerson, []*able) {
	byTerritory := map[int64][]int64{}
	for _, p := range places {
		byTerritory[p.territory] = append(byTerritory[p.territory], p.organisation)
	}
	lift := map[int64]float64{}
	for _, t := range territories {
		lift[t] = 0.35 * r.NormFloat64()
	}
	list, minds := []people.NewPerson{}, []*able{}
	for i, count := range spread(n, len(territories)) {
		t := territories[i]
		at := byTerritory[t]
		for k := 0; k < count && len(at) > 0; k++ {
			number := len(list) + 1
			years := min(41, int(math.Abs(r.NormFloat64())*14))
			since := today.AddDate(-years, -r.IntN(12), 0)
			p := people.NewPerson{
				Name:          people.Name{Family: word, Given: fmt.Sprintf("%03d", number)},
				TeachingSince: &since, Category: category(years, r),
				Appointments: []people.NewAppointment{{OrganisationID: at[r.IntN(len(at))], Position: position, Subject: subject, Load: 1, StartedOn: today.AddDate(-min(years, 1+r.IntN(6)), 0, 0)}},
				Grants:       []access.Grant{{Role: access.Teacher}},
			}
			mind := &able{subject: subject, overall: 0.8*r.NormFloat64() + lift[t] + 0.01*float64(years), element: map[string]float64{}}
			list, minds = append(list, p), append(minds, mind)
		}
	}
	// Sign-ins go round the whole region, so that each of them meets another place.
	for i, at := range r.Perm(len(list)) {
		if login == "" {
			break
		}
		name := fmt.Sprintf("%s%03d", login, i+1)
		if i == 0 {
			name = login
		} else if i > signIns {
			break
		} else {
			name = fmt.Sprintf("%s%03d", login, i)
		}
		list[at].Login, list[at].PasswordHash = name, hash
		minds[at].login = name
	}
	return list, minds
}

// category is likelier to be high with more years.
func category(years int, r *rand.Rand) string {
	switch x := r.Float64() * float64(years+4); {
	case x < 3:
		return "none"
	case x < 7:
		return "match"
	case x < 15:
		return "first"
	case r.Float64() < 0.08:
		return "mentor"
	case r.Float64() < 0.08:
		return "methodist"
	default:
		return "highest"
	}
}

// SignIn is one ready sign-in of the demonstration.
type SignIn struct{ Role, Name, Login, Password string }

// staff are the people at work around the teachers; a zero territory is the region.
func staff(territories []people.Territory, school place, hash string) ([]people.NewPerson, []SignIn) {
	home := territories[3] // the largest
	list := []people.NewPerson{}
	signs := []SignIn{}
	add := func(role access.Role, word, number, login string, g ...access.Grant) {
		list = append(list, people.NewPerson{Name: people.Name{Family: word, Given: number}, Login: login, PasswordHash: hash, Grants: g})
		if role != "" {
			signs = append(signs, SignIn{string(role), word + " " + number, login, Password})
		}
	}
	add(access.Author, "Автор", "01", "author", access.Grant{Role: access.Author})
	add(access.Reviewer, "Рецензент", "01", "reviewer", access.Grant{Role: access.Reviewer})
	for i := range experts {
		login, role := fmt.Sprintf("expert%02d", i+1), access.Role("")
		if i == 0 {
			login, role = "expert", access.Expert
		}
		add(role, "Эксперт", fmt.Sprintf("%02d", i+1), login, access.Grant{Role: access.Expert})
	}
	add(access.Methodist, "Методист", "01", "methodist", access.Grant{Role: access.Methodist})
	add(access.MunicipalMethodist, "Муниципальный методист", "01", "municipal", access.Grant{Role: access.MunicipalMethodist, Territory: home.ID})
	add(access.Coordinator, "Координатор", "01", "coordinator", access.Grant{Role: access.Coordinator, Territory: home.ID})
	add(access.Head, "Руководитель", "01", "head", access.Grant{Role: access.Head, Organisation: school.organisation})
	add(access.Analyst, "Аналитик", "01", "analyst", access.Grant{Role: access.Analyst})
	add(access.Manager, "Руководитель ЦНППМ", "01", "manager", access.Grant{Role: access.Manager})
	add(access.Admin, "Администратор", "01", "admin", access.Grant{Role: access.Admin})
	return list, signs
}
