package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

// Sizes of the demonstration region.
const (
	organisations  = 120
	mathTeachers   = 330
	preschoolStaff = 290
	signIns        = 200 // teacher001 … teacher200: mathematics
	preschoolIns   = 20  // preschool001 … preschool020
	experts        = 8
)

// Password is the one password of every demonstration sign-in.
const Password = "lotsiya-demo"

// A pupil of the simulation: what a synthetic teacher can do, unknown to the product.
type able struct {
	id      access.PersonID
	login   string
	first   bool // the sign-in shown for the position: everything of the product is ready to see
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
// territories that have an organisation for it. Their names are number words; signIns
// of them sign in as login001…, and one more as login.
func newTeachers(n int, word, position, subject, login string, signIns int, places []place, territories []int64, hash string, today time.Time, r *rand.Rand) ([]people.NewPerson, []*able) {
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
			since := today.AddDate(-years, -5-r.IntN(12), 0)
			p := people.NewPerson{
				Name:          people.Name{Family: ordinal(number), Given: word},
				TeachingSince: &since, Category: category(years, r),
				Appointments: []people.NewAppointment{{OrganisationID: at[r.IntN(len(at))], Position: position, Subject: subject, Load: 1, StartedOn: since.AddDate(0, 0, 20)}},
				Grants:       []access.Grant{{Role: access.Teacher}},
			}
			mind := &able{subject: subject, overall: 0.8*r.NormFloat64() + lift[t] + 0.01*float64(years), element: map[string]float64{}}
			list, minds = append(list, p), append(minds, mind)
		}
	}
	// Sign-ins go round the whole region, so that each of them meets another place.
	for i, at := range r.Perm(len(list)) {
		if i > signIns {
			break
		}
		name := login
		if i > 0 {
			name = fmt.Sprintf("%s%03d", login, i)
		}
		list[at].Login, list[at].PasswordHash = name, hash
		minds[at].login, minds[at].first = name, i == 0
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

// worker is one of the people at work around the teachers.
type worker struct {
	role   access.Role
	word   string
	number int
	login  string
	shown  bool // stands among the ready sign-ins
}

// workers lists them; the first of each role is shown.
func workers() []worker {
	list := []worker{{access.Author, "Автор", 1, "author", true}, {access.Reviewer, "Рецензент", 1, "reviewer", true}}
	for i := range experts {
		list = append(list, worker{access.Expert, "Эксперт", i + 1, expertLogin(i), i == 0})
	}
	return append(list,
		worker{access.Methodist, "Методист", 1, "methodist", true},
		worker{access.MunicipalMethodist, "Методист Района", 1, "municipal", true},
		worker{access.Coordinator, "Координатор", 1, "coordinator", true},
		worker{access.Head, "Директор", 1, "head", true},
		worker{access.Analyst, "Аналитик", 1, "analyst", true},
		worker{access.Manager, "Управляющий", 1, "manager", true},
		worker{access.Admin, "Администратор", 1, "admin", true})
}

func expertLogin(i int) string {
	if i == 0 {
		return "expert"
	}
	return fmt.Sprintf("expert%02d", i+1)
}

// SignIns are the ready sign-ins of every demonstration region, one a role (of the
// teachers one a position); the administrator's is the last.
func SignIns() []SignIn {
	list := []SignIn{{string(access.Teacher), "педагог: учитель математики", "teacher", Password}, {"preschool_teacher", "педагог: воспитатель", "preschool", Password}}
	for _, w := range workers() {
		if w.shown {
			list = append(list, SignIn{string(w.role), w.role.Name(), w.login, Password})
		}
	}
	return list
}

// staff makes the people at work; their territory and organisation are home's.
func staff(home place, hash string) []people.NewPerson {
	list := []people.NewPerson{}
	for _, w := range workers() {
		g := access.Grant{Role: w.role}
		switch w.role {
		case access.MunicipalMethodist, access.Coordinator:
			g.Territory = home.territory
		case access.Head:
			g.Organisation = home.organisation
		}
		list = append(list, people.NewPerson{Name: people.Name{Family: ordinal(w.number), Given: w.word}, Login: w.login, PasswordHash: hash, Grants: []access.Grant{g}})
	}
	return list
}

// ordinal is a number as a word: a family name nobody bears, so that every
// synthetic person is seen to be one («Сто-Семнадцатый Учитель»).
func ordinal(n int) string {
	units := []string{"", "Первый", "Второй", "Третий", "Четвёртый", "Пятый", "Шестой", "Седьмой", "Восьмой", "Девятый", "Десятый",
		"Одиннадцатый", "Двенадцатый", "Тринадцатый", "Четырнадцатый", "Пятнадцатый", "Шестнадцатый", "Семнадцатый", "Восемнадцатый", "Девятнадцатый"}
	exact := []string{"", "", "Двадцатый", "Тридцатый", "Сороковой", "Пятидесятый", "Шестидесятый", "Семидесятый", "Восьмидесятый", "Девяностый"}
	tens := []string{"", "", "Двадцать", "Тридцать", "Сорок", "Пятьдесят", "Шестьдесят", "Семьдесят", "Восемьдесят", "Девяносто"}
	hundreds := []string{"", "Сто", "Двести", "Триста", "Четыреста", "Пятьсот", "Шестьсот", "Семьсот", "Восемьсот", "Девятьсот"}
	exactHundreds := []string{"", "Сотый", "Двухсотый", "Трёхсотый", "Четырёхсотый", "Пятисотый", "Шестисотый", "Семисотый", "Восьмисотый", "Девятисотый"}
	parts := []string{}
	h, rest := n/100%10, n%100
	if h > 0 && rest == 0 {
		return exactHundreds[h]
	}
	if h > 0 {
		parts = append(parts, hundreds[h])
	}
	switch {
	case rest < 20:
		parts = append(parts, units[rest])
	case rest%10 == 0:
		parts = append(parts, exact[rest/10])
	default:
		parts = append(parts, tens[rest/10], units[rest%10])
	}
	return strings.Join(parts, "-")
}
