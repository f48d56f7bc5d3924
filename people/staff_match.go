package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lotsiya/lotsiya/internal/access"
)

// known is a person of ours who may be in a staff list.
type known struct {
	person
	Appointments []Appointment
}

// worksIn reports whether the person works in an organisation on a day.
func (k known) worksIn(organisation int64, on time.Time) bool {
	return slices.ContainsFunc(filterAppointments(k.Appointments, on, true), func(a Appointment) bool { return a.OrganisationID == organisation })
}

// worksAs reports whether the person works anywhere on a day in the row's position and subject.
func (k known) worksAs(row staffRow, on time.Time) bool {
	return slices.ContainsFunc(filterAppointments(k.Appointments, on, true), func(a Appointment) bool { return a.Position == row.Position && a.Subject == row.Subject })
}

// verdict says what will become of one row.
type verdict string

const (
	newPerson verdict = "new"       // nobody of ours: will be added
	unchanged verdict = "same"      // known, and nothing differs
	changed   verdict = "changed"   // known in this organisation, something differs
	movedHere verdict = "moved"     // known from another organisation
	renamed   verdict = "renamed"   // known under another family name
	unclear   verdict = "ambiguous" // somebody has to choose
	skipped   verdict = "skipped"   // somebody chose to leave the row out
)

// decision is what will become of one row, and how we know.
type decision struct {
	Row        staffRow
	Verdict    verdict
	Person     *known   // whom it is; nil for a new one
	How        string   // how the person was recognised, or why we are not sure
	Changes    []string // what will be written, in words
	Candidates []known  // whom it may be; only where it is unclear
	MayBeNew   bool     // whether "another, new person" is among the choices
	Chosen     string   // "new", "skip" or the public id that somebody chose
	Group      int      // rows of one new person share a number
}

// plan is what will become of a whole list.
type plan struct {
	On        time.Time
	Decisions []decision
	Absent    []known // work in the list's organisations and are not in it
	Faults    []cellFault
	Warnings  []string
}

// Of lists the decisions of one verdict.
func (p plan) Of(v string) []decision {
	out := []decision{}
	for _, d := range p.Decisions {
		if string(d.Verdict) == v {
			out = append(out, d)
		}
	}
	return out
}

// Count is how many rows have a verdict.
func (p plan) Count(v string) int { return len(p.Of(v)) }

// NewPersons is how many persons will be added; several rows may be one person.
func (p plan) NewPersons() int {
	groups := map[int]bool{}
	for _, d := range p.Of(string(newPerson)) {
		groups[d.Group] = true
	}
	return len(groups)
}

// FaultRows lists the rows with a fault.
func (p plan) FaultRows() []int {
	rows := []int{}
	for _, f := range p.Faults {
		rows = append(rows, f.Row)
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// Nothing reports whether applying would change nothing.
func (p plan) Nothing() bool { return p.Count("same")+p.Count("skipped") == len(p.Decisions) }

// makePlan recognises the rows of a list among the persons of ours. choices gives, by
// row number, what somebody chose for an unclear row.
//
// A person is recognised by an address that is theirs alone, or by the full name (е and ё
// are one letter) in the same organisation; by initials, or from another organisation, only
// where position and subject agree and nothing contradicts. Everything else is asked.
func makePlan(list staffList, knowns []known, choices map[int]string, on time.Time) plan {
	m := matcher{rows: list.Rows, knowns: knowns, on: on, faults: list, claimed: map[access.PersonID][]staffRow{}}
	decisions := make([]decision, len(list.Rows))
	for i, row := range list.Rows {
		decisions[i] = m.atHome(row)
		if decisions[i].Person != nil {
			m.claimed[decisions[i].Person.ID] = append(m.claimed[decisions[i].Person.ID], row)
		}
	}
	for i, row := range list.Rows {
		if decisions[i].Verdict == "" {
			decisions[i] = m.fromElsewhere(row)
			if decisions[i].Person != nil {
				m.claimed[decisions[i].Person.ID] = append(m.claimed[decisions[i].Person.ID], row)
			}
		}
	}
	for i := range decisions {
		m.choose(&decisions[i], choices[decisions[i].Row.Row])
	}
	groupNew(decisions)
	m.describe(decisions)
	p := plan{On: on, Decisions: decisions, Faults: m.faults.Faults, Warnings: list.Warnings}
	p.Decisions = slices.DeleteFunc(p.Decisions, func(d decision) bool { return m.faults.Faulty[d.Row.Row] })
	slices.SortStableFunc(p.Faults, func(a, b cellFault) int { return a.Row - b.Row })
	p.Absent = m.absent(p.Decisions)
	return p
}

type matcher struct {
	rows    []staffRow
	knowns  []known
	on      time.Time
	faults  staffList
	claimed map[access.PersonID][]staffRow // rows already recognised as the person
}

// atHome recognises who needs no doubt: by address, or by name in the same organisation.
func (m *matcher) atHome(row staffRow) decision {
	if k, how := m.byEmail(row); k != nil {
		d := decision{Row: row, Verdict: changed, Person: k, How: how}
		if k.compare(row.Name) == sameGiven {
			d.Verdict = renamed
		}
		return d
	}
	var full, rough []*known
	for i := range m.knowns {
		k := &m.knowns[i]
		if !k.worksIn(row.Organisation.ID, m.on) {
			continue
		}
		switch like := k.compare(row.Name); {
		case like >= sameFolded:
			full = append(full, k)
		case like == sameInitials:
			rough = append(rough, k)
		}
	}
	if len(full) > 1 {
		as := keep(full, func(k *known) bool { return k.worksAs(row, m.on) })
		if len(as) != 1 {
			return m.ask(row, full, "в этой организации несколько человек с таким именем", true)
		}
		full = as
	}
	if len(full) == 1 {
		how := "полное имя, эта организация"
		if full[0].compare(row.Name) == sameFolded {
			how = spelling(row.Name, full[0].Name) + ", эта организация"
		}
		return decision{Row: row, Verdict: changed, Person: full[0], How: how}
	}
	switch as := keep(rough, func(k *known) bool { return k.worksAs(row, m.on) }); {
	case len(as) == 1:
		return decision{Row: row, Verdict: changed, Person: as[0], How: shortened(row.Name, as[0].Name) + ", эта организация, та же должность и предмет"}
	case len(rough) > 0:
		return m.ask(row, rough, shortened(row.Name, rough[0].Name)+": похоже, но не наверное", complete(row.Name))
	}
	return decision{}
}

// fromElsewhere looks for somebody who came from another organisation, or took another
// family name; else the row is a new person.
func (m *matcher) fromElsewhere(row staffRow) decision {
	var full, rough, given []*known
	for i := range m.knowns {
		k := &m.knowns[i]
		switch like := k.compare(row.Name); {
		case like >= sameFolded:
			full = append(full, k)
		case like == sameInitials:
			rough = append(rough, k)
		case like == sameGiven && k.worksIn(row.Organisation.ID, m.on) && k.worksAs(row, m.on) && len(m.claimed[k.ID]) == 0:
			given = append(given, k)
		}
	}
	switch {
	case len(full) > 1:
		return m.ask(row, full, "несколько человек с таким именем в других организациях", true)
	case len(full) == 1:
		if why := m.doubt(row, full[0]); why != "" {
			return m.ask(row, full, why, true)
		}
		how := "полное имя"
		if full[0].compare(row.Name) == sameFolded {
			how = spelling(row.Name, full[0].Name)
		}
		return decision{Row: row, Verdict: movedHere, Person: full[0], How: how + ", та же должность и предмет"}
	case len(rough) > 0:
		return m.ask(row, rough, shortened(row.Name, rough[0].Name)+", другая организация", complete(row.Name))
	case len(given) > 0:
		return m.ask(row, given, "имя, отчество, должность и предмет те же, фамилия другая: возможно, её сменили", true)
	case !complete(row.Name):
		m.faults.fault(cellFault{Row: row.Row, Column: row.NameCell, Header: "Имя", Value: row.Name.Full(), Expected: "имя и отчество полностью: по инициалам никого не нашли"})
		return decision{Row: row, Verdict: skipped}
	}
	return decision{Row: row, Verdict: newPerson, How: "такого человека ещё нет"}
}

// doubt says why a namesake from another organisation may be another person.
func (m *matcher) doubt(row staffRow, k *known) string {
	current := filterAppointments(k.Appointments, m.on, true)
	switch {
	case row.Patronymic == "" && k.Patronymic == "":
		return "совпали только фамилия и имя"
	case row.Since != nil && k.TeachingSince != nil && abs(row.Since.Year()-k.TeachingSince.Year()) > 2:
		return fmt.Sprintf("имя то же, но стаж у нас с %d года, а в списке с %d", k.TeachingSince.Year(), row.Since.Year())
	case row.Email != "" && k.Email != "" && !strings.EqualFold(row.Email, k.Email):
		return "имя то же, но почта другая"
	case len(m.claimed[k.ID]) > 0 && row.Main:
		return fmt.Sprintf("имя то же, но человек уже есть в строке %d этого списка", m.claimed[k.ID][0].Row)
	case len(current) > 0 && !k.worksAs(row, m.on):
		return "имя то же, но должность или предмет другие"
	case len(current) == 0 && !slices.ContainsFunc(k.Appointments, func(a Appointment) bool { return a.Position == row.Position && a.Subject == row.Subject }):
		return "имя то же, но раньше человек работал в другой должности или вёл другой предмет"
	}
	return ""
}

func (m *matcher) ask(row staffRow, whom []*known, why string, mayBeNew bool) decision {
	d := decision{Row: row, Verdict: unclear, How: why, MayBeNew: mayBeNew}
	for _, k := range whom {
		d.Candidates = append(d.Candidates, *k)
	}
	return d
}

// byEmail finds the one person with the row's address whose name does not contradict it;
// an address that several share says nothing.
func (m *matcher) byEmail(row staffRow) (*known, string) {
	if row.Email == "" {
		return nil, ""
	}
	sharing := 0
	for _, r := range m.rows {
		if strings.EqualFold(r.Email, row.Email) && r.Name.compare(row.Name) == unlike {
			sharing++
		}
	}
	var mine []*known
	for i := range m.knowns {
		if strings.EqualFold(m.knowns[i].Email, row.Email) {
			mine = append(mine, &m.knowns[i])
		}
	}
	if sharing > 0 || len(mine) != 1 {
		return nil, ""
	}
	switch mine[0].compare(row.Name) {
	case unlike:
		return nil, ""
	case sameGiven:
		return mine[0], "почта, имя и отчество те же, фамилия новая"
	}
	return mine[0], "почта и имя"
}

// choose takes what somebody chose for an unclear row. A choice that is not among those
// offered is no choice.
func (m *matcher) choose(d *decision, choice string) {
	if d.Verdict != unclear || choice == "" {
		return
	}
	switch {
	case choice == "skip":
		d.Verdict, d.Chosen = skipped, choice
	case choice == "new" && d.MayBeNew:
		d.Verdict, d.Chosen = newPerson, choice
	default:
		i := slices.IndexFunc(d.Candidates, func(k known) bool { return k.PublicID == choice })
		if i < 0 {
			return
		}
		d.Person, d.Chosen, d.Verdict = &d.Candidates[i], choice, changed
		switch {
		case d.Person.compare(d.Row.Name) == sameGiven:
			d.Verdict = renamed
		case !d.Person.worksIn(d.Row.Organisation.ID, m.on):
			d.Verdict = movedHere
		}
	}
}

// groupNew finds rows that are one new person: the same name in the same organisation, or
// a second job beside the only main one of that name.
func groupNew(decisions []decision) {
	next, byPlace, byName := 1, map[string]int{}, map[string][]int{}
	for pass := range 2 {
		for i := range decisions {
			d := &decisions[i]
			if d.Verdict != newPerson || d.Group != 0 || (pass == 0) != d.Row.Main {
				continue
			}
			name := d.Row.Name.key()
			place := name + "|" + strconv.FormatInt(d.Row.Organisation.ID, 10)
			switch {
			case byPlace[place] != 0:
				d.Group = byPlace[place]
			case pass == 1 && len(byName[name]) == 1:
				d.Group = byName[name][0]
			default:
				d.Group = next
				byPlace[place], byName[name] = next, append(byName[name], next)
				next++
			}
		}
	}
}

// describe says in words what will be written for each known person; a row that changes
// nothing becomes unchanged.
func (m *matcher) describe(decisions []decision) {
	listed := map[access.PersonID][]staffRow{}
	for _, d := range decisions {
		if d.Person != nil {
			listed[d.Person.ID] = append(listed[d.Person.ID], d.Row)
		}
	}
	ended := map[int64]bool{}
	for i := range decisions {
		d := &decisions[i]
		if d.Person == nil {
			continue
		}
		k := d.Person
		if n := betterName(k.Name, d.Row.Name); n != k.Name {
			d.Changes = append(d.Changes, "имя: "+k.Name.Full()+" → "+n.Full())
		}
		if d.Row.Email != "" && !strings.EqualFold(d.Row.Email, k.Email) {
			d.Changes = append(d.Changes, "почта")
		}
		if d.Row.Phone != "" && d.Row.Phone != k.Phone {
			d.Changes = append(d.Changes, "телефон")
		}
		if s := betterSince(k.TeachingSince, d.Row); !sameDate(s, k.TeachingSince) {
			d.Changes = append(d.Changes, "стаж с "+s.Format("02.01.2006"))
		}
		if category, since := betterCategory(k.career, d.Row); category != k.Category || !sameDate(since, k.CategorySince) {
			d.Changes = append(d.Changes, "категория")
		}
		switch a := currentWork(*k, d.Row, m.on); {
		case a == nil:
			d.Changes = append(d.Changes, "новая работа")
		case a.Load != d.Row.Load || a.Main != d.Row.Main:
			d.Changes = append(d.Changes, "ставка или вид работы")
		}
		for _, a := range endedWorks(*k, listed[k.ID], m.on) {
			if !ended[a.ID] {
				ended[a.ID] = true
				d.Changes = append(d.Changes, "закончится прежняя работа")
			}
		}
		if len(d.Changes) == 0 && d.Verdict == changed {
			d.Verdict = unchanged
		}
	}
}

// currentWork is the person's work that the row tells of.
func currentWork(k known, row staffRow, on time.Time) *Appointment {
	for _, a := range filterAppointments(k.Appointments, on, true) {
		if a.OrganisationID == row.Organisation.ID && a.Position == row.Position && a.Subject == row.Subject {
			return &a
		}
	}
	return nil
}

// endedWorks lists the person's works that end with the list: those in an organisation of
// the list that no row tells of, and the main one elsewhere when the list gives a new main one.
func endedWorks(k known, rows []staffRow, on time.Time) []Appointment {
	arrived := slices.ContainsFunc(rows, func(r staffRow) bool { return r.Main && !k.worksIn(r.Organisation.ID, on) })
	out := []Appointment{}
	for _, a := range filterAppointments(k.Appointments, on, true) {
		told, here := false, false
		for _, r := range rows {
			here = here || r.Organisation.ID == a.OrganisationID
			told = told || r.Organisation.ID == a.OrganisationID && r.Position == a.Position && r.Subject == a.Subject
		}
		if here && !told || !here && a.Main && arrived {
			out = append(out, a)
		}
	}
	return out
}

// absent lists who works in the list's organisations today and is in none of its rows, even unclear.
func (m *matcher) absent(decisions []decision) []known {
	in, organisations := map[access.PersonID]bool{}, map[int64]bool{}
	for _, r := range m.rows {
		organisations[r.Organisation.ID] = true
	}
	for _, d := range decisions {
		if d.Person != nil {
			in[d.Person.ID] = true
		}
		if d.Chosen == "" || d.Chosen == "skip" {
			for _, k := range d.Candidates {
				in[k.ID] = true
			}
		}
	}
	out := []known{}
	for _, k := range m.knowns {
		if !in[k.ID] && slices.ContainsFunc(filterAppointments(k.Appointments, m.on, true), func(a Appointment) bool { return organisations[a.OrganisationID] }) {
			out = append(out, k)
		}
	}
	return out
}

// betterName is the name to keep: the list's, unless it says less (initials, no patronymic,
// е in place of ё).
func betterName(ours, theirs Name) Name {
	if ours.compare(theirs) == sameInitials {
		if ours.Patronymic == "" && !isInitial(theirs.Patronymic) {
			ours.Patronymic = theirs.Patronymic
		}
		return ours
	}
	return Name{betterPart(ours.Family, theirs.Family), betterPart(ours.Given, theirs.Given), betterPart(ours.Patronymic, theirs.Patronymic)}
}

func betterPart(ours, theirs string) string {
	if fold(ours) != fold(theirs) {
		return theirs
	}
	if strings.Count(strings.ToLower(theirs), "ё") > strings.Count(strings.ToLower(ours), "ё") {
		return theirs
	}
	return ours
}

// betterSince is the beginning of experience to keep: a number of years is right to a year
// only, so that it does not move a date we have that agrees with it.
func betterSince(ours *time.Time, row staffRow) *time.Time {
	if row.Since == nil || ours != nil && row.SinceRough && abs(int(ours.Sub(*row.Since).Hours()/24)) < 366 {
		return ours
	}
	return row.Since
}

func betterCategory(ours career, row staffRow) (string, *time.Time) {
	category, since := ours.Category, ours.CategorySince
	if row.Category != "" && row.Category != ours.Category {
		category, since = row.Category, row.CategorySince
	}
	if row.CategorySince != nil {
		since = row.CategorySince
	}
	return category, since
}

// complete reports whether a name is enough to make a new person of.
func complete(n Name) bool {
	return !isInitial(n.Given) && !isInitial(n.Patronymic) && !isInitial(n.Family)
}

func spelling(row, ours Name) string {
	if strings.EqualFold(strings.NewReplacer("ё", "е", "Ё", "Е").Replace(row.Full()), strings.NewReplacer("ё", "е", "Ё", "Е").Replace(ours.Full())) &&
		!strings.EqualFold(row.Full(), ours.Full()) {
		return "полное имя с точностью до е и ё"
	}
	return "полное имя с точностью до написания"
}

func shortened(row, ours Name) string {
	if isInitial(row.Given) || isInitial(row.Patronymic) {
		return "фамилия и инициалы"
	}
	if row.Patronymic == "" || ours.Patronymic == "" {
		return "фамилия и имя, отчества нет"
	}
	return "фамилия и инициалы"
}

func keep(list []*known, f func(*known) bool) []*known {
	out := []*known{}
	for _, k := range list {
		if f(k) {
			out = append(out, k)
		}
	}
	return out
}

func abs(n int) int { return max(n, -n) }
