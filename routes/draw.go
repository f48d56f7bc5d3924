package routes

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
)

// gathered is a selection as one problem, with what is known of its people.
type gathered struct {
	problem    plan.Problem
	rows       map[string]Proposed1 // by participant code
	needs      map[string][]Need    // by participant code
	programmes []Programme
	proposal   Proposal
}

// sources are what a selection is planned from.
type sources struct {
	needs      []Need
	having     map[access.PersonID]bool
	programmes []Programme
	unshared   int
	told       bool // the figures of the selection may be told; see told.go
}

func (s *Service) read(ctx context.Context, sel Selection, scope access.Scope) (v sources, err error) {
	err = db.InTx(ctx, s.pool, access.System, func(tx *sqlx.Tx) (err error) {
		if err := s.checkWhomTx(ctx, tx, sel, scope); err != nil {
			return err
		}
		// All whom the reader may see are read: whether a part of them may be told depends on the others.
		needs, withheld, err := s.sharedTx(ctx, tx, NeedQuery{Campaign: sel.Campaign, Persons: sel.Persons, Scope: scope})
		if err != nil {
			return err
		}
		if v.having, err = havingTx(ctx, tx, sel.Campaign); err != nil {
			return err
		}
		v.told = tellable(needs, v.having, sel)
		v.needs, v.unshared = sel.of(needs), len(byPerson(sel.of(withheld)))
		v.programmes, err = programmesTx(ctx, tx, nil)
		return err
	})
	return v, err
}

// gather makes one problem of a selection: everybody with deficits and no route yet.
func (v sources) gather(sel Selection, today time.Time) gathered {
	out := gathered{rows: map[string]Proposed1{}, needs: map[string][]Need{}, programmes: v.programmes,
		proposal: Proposal{Selection: sel, People: []Proposed1{}, Demand: []Demand{}, Unmet: []plan.Unmet{}, Unshared: v.unshared}}
	programmes, problem := out.programmes, &out.problem
	groups := byPerson(v.needs)
	taken := map[string]bool{}
	for _, g := range groups {
		if v.having[g[0].Person] {
			out.proposal.Having++
			continue
		}
		one := problemOf(g, programmes, Limits{sel.Hours, sel.Cost}, demands{}, nil, today)
		t := one.Teachers[0]
		if len(t.Deficits) == 0 {
			out.proposal.Without++
			continue
		}
		problem.Limits, problem.HourPenalty = one.Limits, one.HourPenalty
		for _, x := range one.Programmes {
			if !taken[x.ID] {
				taken[x.ID] = true
				problem.Programmes = append(problem.Programmes, x)
			}
		}
		if sel.Fairness > 0 {
			t.Territory, problem.Fairness = fmt.Sprint(g[0].Territory), &sel.Fairness
		}
		problem.Teachers = append(problem.Teachers, t)
		out.needs[t.ID] = g
		out.rows[t.ID] = Proposed1{Person: g[0].Person, Code: t.ID, Territory: g[0].Territory, Organisation: g[0].Organisation, Needs: len(t.Deficits)}
	}
	// A programme of the common list that is not meant for somebody's position or subject is closed to them.
	byCode := map[string]Programme{}
	for _, g := range programmes {
		byCode[g.Code] = g
	}
	for i := range problem.Teachers {
		t := &problem.Teachers[i]
		for _, x := range problem.Programmes {
			if n := out.needs[t.ID][0]; !byCode[x.ID].SuitedTo(n.Position, n.Subject) {
				t.Forbidden = append(t.Forbidden, x.ID)
			}
		}
	}
	return out
}

// Phases of a calculation, in order; each is told with how far it is.
const (
	phaseNeeds  = "Собираем, кому что нужно и где есть места"
	phasePrices = "Смотрим, в каких группах мест не хватит"
	phaseShare  = "Делим места между теми, кому они нужнее"
	phaseMend   = "Улучшаем план обменами"
	phaseEven   = "Выравниваем муниципалитеты"
	phaseCheck  = "Проверяем каждое правило"
)

// phaseAt names the phase of a plan by how far it is.
func phaseAt(part float64, fair bool) string {
	if fair {
		if part >= 0.4 {
			return phaseEven
		}
		part /= 0.4
	}
	switch {
	case part < 0.1:
		return phasePrices
	case part < 0.6:
		return phaseShare
	}
	return phaseMend
}

// draw plans a selection. told hears how far the work is and answers whether it is to go on; stopped work gives the
// best plan it has, or a proposal without a list of people where there is none yet.
func (s *Service) draw(ctx context.Context, sel Selection, scope access.Scope, told func(Working) bool) (Proposal, error) {
	if !told(Working{Phase: phaseNeeds}) {
		return Proposal{}, nil
	}
	src, err := s.read(ctx, sel, scope)
	if err != nil {
		return Proposal{}, err
	}
	from := src.gather(sel, calendar.Day(s.now()))
	out := from.proposal
	problem := from.problem
	going, now, last := true, Working{}, -1
	a := plan.Plan(&problem, plan.Options{Enough: 0.002, Expired: func() bool { return !going || ctx.Err() != nil },
		Found: func(gap float64) {
			if now.Phase != phaseEven { // there the weights are not those of the answer
				now.Gap = &gap
			}
		},
		Progress: func(part float64) {
			now.Part, now.Phase = 0.05+0.9*part, phaseAt(part, problem.Fairness != nil)
			if percent := int(100 * now.Part); percent != last && going {
				last, going = percent, told(now)
			}
		}})
	if ctx.Err() != nil || !going && now.Gap == nil {
		return Proposal{}, ctx.Err()
	}
	if going {
		told(Working{Phase: phaseCheck, Part: 0.97, Gap: &a.Gap})
	}
	if broken := plan.Check(&problem, &a); broken != nil {
		return out, fmt.Errorf("proposal breaks a rule: %s", broken[0])
	}
	from.reconsider(&a, calendar.Day(s.now()))
	out.Gap, out.Unmet, out.Fair = a.Gap, a.Unmet, from.fairness(a)
	want := map[plan.Lock]int{}
	for i, r := range a.Teachers {
		row := from.rows[r.ID]
		row.Hours, row.Cost, row.Steps = int(r.Hours), int(r.Cost), []plan.Lock{}
		row.Weight = total(problem.Teachers[i])
		row.Coverage = ratio(r.Coverage, row.Weight)
		for _, st := range r.Steps {
			l := plan.Lock{Programme: st.Programme, Session: st.Session}
			row.Steps = append(row.Steps, l)
			want[l]++
		}
		if len(row.Steps) == 0 {
			row.Why = mostly(r.Uncovered)
		}
		row.Open = r.Uncovered
		out.People = append(out.People, row)
	}
	for _, g := range from.programmes {
		for _, x := range g.Sessions {
			if n := want[plan.Lock{Programme: g.Code, Session: x.Code}]; n > 0 {
				out.Demand = append(out.Demand, Demand{g.Code, x.Code, n, x.Free()})
			}
		}
	}
	return out, nil
}

// fairness gathers what evening out did by municipality; nil where it was not asked for.
func (g gathered) fairness(a plan.Answer) *Fairness {
	if a.Fair == nil {
		return nil
	}
	whole := max(1e-9, a.Objective+a.Fair.Price)
	out := &Fairness{Goal: a.Fair.Goal, Reached: a.Fair.Reached, Impossible: a.Fair.Impossible, Price: a.Fair.Price / whole, Least: a.Fair.Least / whole, Shares: []Even{}}
	people := map[string]int{}
	for _, t := range g.problem.Teachers {
		people[t.Territory]++
	}
	for _, x := range a.Fair.Shares {
		id, _ := strconv.ParseInt(x.Territory, 10, 64)
		out.Shares = append(out.Shares, Even{id, people[x.Territory], x.Before, x.After, false})
	}
	counts := []int{}
	for _, e := range out.Shares {
		counts = append(counts, e.People)
	}
	for i, h := range hideFew(counts) {
		out.Shares[i].Hidden = h
	}
	return out
}

// mostly is what most of the weight left open lacks.
func mostly(open []plan.Uncovered) (why plan.Why) {
	by := map[plan.Why]float64{}
	for _, u := range open {
		by[u.Why] += u.Weight
	}
	for _, w := range []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth} {
		if why == "" || by[w] > by[why] {
			why = w
		}
	}
	return why
}

// reconsider finds the true reason of what a plan for many says a demand keeps open: there a programme not meant for
// somebody's position looks like one that was forbidden. Such a person is judged alone, with the seats nobody took.
func (g gathered) reconsider(a *plan.Answer, today time.Time) {
	taken := map[plan.Lock]int{}
	for _, r := range a.Teachers {
		for _, st := range r.Steps {
			taken[plan.Lock{Programme: st.Programme, Session: st.Session}]++
		}
	}
	lim := Limits{g.proposal.Selection.Hours, g.proposal.Selection.Cost}
	for i := range a.Teachers {
		r := &a.Teachers[i]
		if !slices.ContainsFunc(r.Uncovered, func(u plan.Uncovered) bool { return u.Why == plan.Demanded }) {
			continue
		}
		steps := []plan.Lock{}
		for _, st := range r.Steps {
			steps = append(steps, plan.Lock{Programme: st.Programme, Session: st.Session})
		}
		one := problemOf(g.needs[r.ID], g.programmes, lim, demands{}, nil, today)
		for k := range one.Programmes {
			p := &one.Programmes[k]
			for n := range p.Sessions {
				l := plan.Lock{Programme: p.ID, Session: p.Sessions[n].ID}
				left := *p.Sessions[n].Seats - taken[l]
				if slices.Contains(steps, l) {
					left++
				}
				p.Sessions[n].Seats = &left
			}
		}
		alone, _ := plan.Fix(&one, 0, steps)
		r.Uncovered = slices.Clone(r.Uncovered) // the answer may be remembered elsewhere
		for k, u := range r.Uncovered {
			if at := slices.IndexFunc(alone.Uncovered, func(o plan.Uncovered) bool { return o.Element == u.Element }); at >= 0 {
				r.Uncovered[k].Why = alone.Uncovered[at].Why
			}
		}
	}
}

// needsTx reads the needs of those who agreed that a reader with the scope sees them, and counts the others.
func (s *Service) needsTx(ctx context.Context, tx *sqlx.Tx, q NeedQuery) (needs []Need, unshared int, err error) {
	needs, withheld, err := s.sharedTx(ctx, tx, q)
	return needs, len(byPerson(withheld)), err
}

// sharedTx parts the needs of those who agreed that a reader with the scope sees them from those of the others.
func (s *Service) sharedTx(ctx context.Context, tx *sqlx.Tx, q NeedQuery) (needs, withheld []Need, err error) {
	if needs, err = s.src.Needs(ctx, tx, q); err != nil {
		return nil, nil, err
	}
	persons := []access.PersonID{}
	for _, g := range byPerson(needs) {
		persons = append(persons, g[0].Person)
	}
	sharing, err := people.SharingTx(ctx, tx, q.Scope, persons)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range needs {
		if !sharing[n.Person] {
			withheld = append(withheld, n)
		}
	}
	return slices.DeleteFunc(needs, func(n Need) bool { return !sharing[n.Person] }), withheld, nil
}

// byPerson groups needs by person, persons sorted by participant code.
func byPerson(needs []Need) [][]Need {
	m := map[access.PersonID][]Need{}
	for _, n := range needs {
		m[n.Person] = append(m[n.Person], n)
	}
	out := make([][]Need, 0, len(m))
	for _, g := range m {
		slices.SortFunc(g, func(a, b Need) int { return strings.Compare(a.Element, b.Element) })
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []Need) int { return strings.Compare(a[0].Code, b[0].Code) })
	return out
}
