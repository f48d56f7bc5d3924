package routes

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes/plan"
	"github.com/lotsiya/lotsiya/web"
)

// sift says which people of a proposal are meant and in what order: the filter of its page, of its workbook and of
// the drafts made of all that it shows.
type sift struct {
	Query        string // words of a name
	Organisation int64
	State        string // "": all; new, held, empty
	Sort         string // name, place, closes, hours, open; a leading minus turns it round
	Page         int
}

const (
	siftNew   = "new"   // a route is proposed and there is none yet
	siftHeld  = "held"  // has a route by now
	siftEmpty = "empty" // nothing suits
)

func siftOf(get func(string) string) sift {
	f := sift{Query: strings.TrimSpace(get("q")), Organisation: number(get("organisation")), State: get("state"), Sort: get("sort"), Page: max(1, int(number(get("page"))))}
	if !slices.Contains([]string{siftNew, siftHeld, siftEmpty}, f.State) {
		f.State = ""
	}
	if !slices.Contains([]string{"name", "place", "closes", "hours", "open"}, strings.TrimPrefix(f.Sort, "-")) {
		f.Sort = "name"
	}
	return f
}

// Narrow tells whether not everybody is meant.
func (f sift) Narrow() bool { return f.Query != "" || f.Organisation != 0 || f.State != "" }

// values is the sift as an address holds it.
func (f sift) values() url.Values {
	q := url.Values{}
	if f.Query != "" {
		q.Set("q", f.Query)
	}
	if f.Organisation != 0 {
		q.Set("organisation", strconv.FormatInt(f.Organisation, 10))
	}
	if f.State != "" {
		q.Set("state", f.State)
	}
	if f.Sort != "name" {
		q.Set("sort", f.Sort)
	}
	if f.Page > 1 {
		q.Set("page", strconv.Itoa(f.Page))
	}
	return q
}

func (f sift) address(path string) string {
	if q := f.values().Encode(); q != "" {
		return path + "?" + q
	}
	return path
}

// heldRoute is the route that somebody has by now.
type heldRoute struct {
	ID     int64           `db:"id"`
	Person access.PersonID `db:"person_id"`
	State  State           `db:"state"`
	Cover  float64         `db:"coverage"`
}

// heldByTx reads the routes that people have of a diagnostic, but for the cancelled ones.
func heldByTx(ctx context.Context, tx db.Q, campaign int64, persons []access.PersonID) (map[access.PersonID]heldRoute, error) {
	ids := make([]int64, len(persons))
	for i, p := range persons {
		ids[i] = int64(p)
	}
	rows, err := db.Select[heldRoute](ctx, tx, `
		SELECT r.id, r.person_id, r.state, v.coverage FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
		WHERE r.campaign_id = $1 AND r.person_id = ANY($2) AND r.state <> 'cancelled'`, campaign, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("routes by now: %w", err)
	}
	out := map[access.PersonID]heldRoute{}
	for _, r := range rows {
		out[r.Person] = r
	}
	return out, nil
}

// siftedTx picks and orders the people of a proposal. Erased people have no name and come last by name.
func siftedTx(ctx context.Context, tx db.Q, p *Proposal, f sift, held map[access.PersonID]heldRoute, refs people.Refs) ([]Proposed1, error) {
	persons := make([]access.PersonID, len(p.People))
	for i, r := range p.People {
		persons[i] = r.Person
	}
	ranked, err := people.RankTx(ctx, tx, persons, f.Query)
	if err != nil {
		return nil, err
	}
	rank := map[access.PersonID]int{}
	for i, id := range ranked {
		rank[id] = i - len(ranked)
	}
	list := slices.DeleteFunc(slices.Clone(p.People), func(r Proposed1) bool {
		return f.Query != "" && rank[r.Person] == 0 || f.Organisation != 0 && r.Organisation != f.Organisation || f.State != "" && r.stands(held) != f.State
	})
	by, down := strings.CutPrefix(f.Sort, "-")
	place := func(r Proposed1) string {
		return refs.Territory(r.Territory).ShortName + "\x00" + refs.Organisation(r.Organisation).ShortName
	}
	order := func(a, b Proposed1) int {
		switch by {
		case "place":
			return cmp.Compare(place(a), place(b))
		case "closes":
			return cmp.Compare(a.Coverage, b.Coverage)
		case "hours":
			return cmp.Compare(a.Hours, b.Hours)
		case "open":
			return cmp.Compare(a.left(), b.left())
		}
		return rank[a.Person] - rank[b.Person]
	}
	slices.SortStableFunc(list, func(a, b Proposed1) int {
		n := order(a, b)
		if down {
			n = -n
		}
		return cmp.Or(n, rank[a.Person]-rank[b.Person])
	})
	return list, nil
}

// stands is which part of the list somebody belongs to.
func (r Proposed1) stands(held map[access.PersonID]heldRoute) string {
	switch {
	case held[r.Person].ID != 0:
		return siftHeld
	case len(r.Steps) == 0:
		return siftEmpty
	}
	return siftNew
}

// left is the weight that stays open.
func (r Proposed1) left() float64 { return (1 - r.Coverage) * r.Weight }

// stepLine is a step of a proposal as it is shown.
type stepLine struct {
	Programme Programme
	Session   *Session
}

// Dates is when the group works.
func (s stepLine) Dates() string { return dates(s.Session.StartsOn, s.Session.EndsOn) }

type proposalLine struct {
	Proposed1
	Name, Territory, Organisation string
	Steps                         []stepLine
	Left                          []string // what stays open and why, the heaviest first
	First                         string   // the first theme of these
	Held                          heldRoute
	Ready                         bool // a draft can be made
	On                            bool // ticked
}

// Dates is when the first step begins and the last one ends.
func (l proposalLine) Dates() string {
	from, to := l.Steps[0].Session.StartsOn, l.Steps[0].Session.EndsOn
	for _, s := range l.Steps {
		if s.Session.StartsOn.Before(from) {
			from = s.Session.StartsOn
		}
		if s.Session.EndsOn.After(to) {
			to = s.Session.EndsOn
		}
	}
	return dates(from, to)
}

// Differs tells whether the route that somebody has by now closes something else than was calculated.
func (l proposalLine) Differs() bool {
	return l.Held.ID != 0 && web.Pct(l.Held.Cover) != web.Pct(l.Coverage)
}

// Lacks says why nobody could be found anything.
func (l proposalLine) Lacks() string { return whyLeft(l.Why) }

type demandLine struct {
	Programme Programme
	Session   *Session
	Want      int
	Free      int
}

type unmetLine struct {
	Title    string
	Teachers int
	Weight   float64
}

type evenLine struct {
	Even
	Name string
}

// Low and High are the ends of the line between the two shares.
func (e evenLine) Low() float64  { return min(e.Before, e.After) }
func (e evenLine) High() float64 { return max(e.Before, e.After) }

// reasonLine is why some people are left without steps.
type reasonLine struct {
	Words  string
	People int
}

// part is a part of a proposal's people with its address.
type part struct {
	Name string
	N    int
	Href string
	On   bool
}

type proposalView struct {
	Job       jobs.State
	Working   Working
	Drafting  *jobs.State // making of drafts under way
	Drafted   string      // what became of the work named in the address
	Percent   int
	Proposal  *Proposal
	Campaign  string
	Place     string
	Sift      sift
	Parts     []part
	Schools   []option
	Sorts     []option
	Lines     []proposalLine
	Total     int // people of the proposal
	Shown     int // of these, those that the sift leaves
	Ready     int // of these, those whose drafts can still be made
	Page      int // of those on the page
	From      int
	Previous  string
	Next      string
	Book      string
	Reasons   []reasonLine
	EmptyHref string
	Demand    []demandLine
	Unmet     []unmetLine
	Even      []evenLine
	Hours     int
	Cost      int
	Coverage  float64 // share of all that is needed by them together
	Stopping  bool    // stopped, and about to put down the plan it has
	Made      int     // drafts of this proposal that nobody has touched
	Errors    map[string]string
}

// Nobody says why there is nobody to propose a route to.
func (v proposalView) Nobody() string {
	p := v.Proposal
	switch {
	case p.Having+p.Without+p.Unshared == 0:
		return "По этой диагностике здесь нет ни одного результата."
	case p.Having == 0 && p.Unshared == 0:
		return "Всем, кто здесь прошёл диагностику, укреплять нечего."
	case p.Having == 0 && p.Without == 0:
		return "Никто здесь не согласился показать вам результаты."
	case p.Unshared > 0:
		return "У всех, кто согласился показать вам результаты, уже есть маршрут или укреплять нечего."
	case p.Without == 0:
		return "У всех, кто здесь прошёл диагностику, уже есть маршрут."
	}
	return "У всех, кто здесь прошёл диагностику, уже есть маршрут или укреплять нечего."
}

// SortLink turns to another order.
func (v proposalView) SortLink(by string) string {
	f := v.Sift
	f.Page, f.Sort = 1, string(sorting(f.Sort).turned(by, by == "closes" || by == "hours" || by == "open"))
	return f.address(fmt.Sprintf("/routes/propose/%d", v.Job.ID)) + "#people"
}

// Sorted is the way a column is sorted.
func (v proposalView) Sorted(by string) string { return sorting(v.Sift.Sort).way(by) }

// proposalPageSize is how many people a page of a proposal names.
const proposalPageSize = 50

// fillProposalTx reads what the page of a proposal shows; only the people on it are looked up by name.
func (s *Service) fillProposalTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, v *proposalView, ticked []string) error {
	p, path := v.Proposal, fmt.Sprintf("/routes/propose/%d", v.Job.ID)
	l, err := s.linesTx(ctx, tx, p)
	if err != nil {
		return err
	}
	v.Place = placeOf(l.refs, p.Selection)
	campaigns, err := s.src.Campaigns(ctx, tx)
	if err != nil {
		return err
	}
	for _, c := range campaigns {
		if c.ID == p.Selection.Campaign {
			v.Campaign = c.Title
		}
	}
	count, why, schools := map[string]int{}, map[plan.Why]int{}, map[int64]int{}
	v.Total, v.Coverage = len(p.People), p.Closes()
	for _, r := range p.People {
		v.Hours, v.Cost = v.Hours+r.Hours, v.Cost+r.Cost
		count[r.stands(l.held)]++
		schools[r.Organisation]++
		if len(r.Steps) == 0 {
			why[r.Why]++
		}
	}
	for _, w := range []plan.Why{plan.NoProgramme, plan.NoSeats, plan.NoDates, plan.NoHours, plan.NoCost, plan.NotWorth} {
		if why[w] > 0 {
			v.Reasons = append(v.Reasons, reasonLine{whyLeft(w), why[w]})
		}
	}
	for _, x := range []part{{Name: "", N: v.Total}, {Name: siftNew}, {Name: siftHeld}, {Name: siftEmpty}} {
		f := v.Sift
		f.State, f.Page = x.Name, 1
		x.Href, x.On, x.N = f.address(path), v.Sift.State == x.Name, max(x.N, count[x.Name])
		if x.Name == siftEmpty {
			v.EmptyHref = x.Href
		}
		x.Name = map[string]string{"": "Все", siftNew: "Можно взять", siftHeld: "Маршрут уже есть", siftEmpty: "Ничего не подошло"}[x.Name]
		v.Parts = append(v.Parts, x)
	}
	for id, n := range schools {
		o := l.refs.Organisation(id)
		v.Schools = append(v.Schools, option{strconv.FormatInt(id, 10), fmt.Sprintf("%s, %s: %d", o.ShortName, l.refs.Territory(o.TerritoryID).ShortName, n), id == v.Sift.Organisation})
	}
	slices.SortFunc(v.Schools, func(a, b option) int { return strings.Compare(a.Name, b.Name) })
	for _, o := range []option{{"name", "По имени", false}, {"place", "По школе", false}, {"-closes", "Сначала закроют больше", false}, {"closes", "Сначала закроют меньше", false},
		{"-hours", "Сначала больше часов", false}, {"hours", "Сначала меньше часов", false}, {"-open", "Сначала больше останется", false}, {"open", "Сначала меньше останется", false}} {
		o.On = o.Value == v.Sift.Sort
		v.Sorts = append(v.Sorts, o)
	}
	list, err := siftedTx(ctx, tx, p, v.Sift, l.held, l.refs)
	if err != nil {
		return err
	}
	v.Shown = len(list)
	for _, r := range list {
		if r.stands(l.held) == siftNew {
			v.Ready++
		}
	}
	v.From = min((v.Sift.Page-1)*proposalPageSize, len(list))
	shown := list[v.From:min(v.From+proposalPageSize, len(list))]
	at := func(page int) string { f := v.Sift; f.Page = page; return f.address(path) }
	if v.Sift.Page > 1 {
		v.Previous = at(v.Sift.Page - 1)
	}
	if v.From+len(shown) < len(list) {
		v.Next = at(v.Sift.Page + 1)
	}
	v.Book = v.Sift.address(path + "/people.xlsx")
	if v.Lines, err = l.nameTx(ctx, tx, actor, "предложение маршрутов", shown); err != nil {
		return err
	}
	for i, x := range v.Lines {
		if v.Lines[i].On = x.Ready && (ticked == nil || slices.Contains(ticked, x.Code)); x.Ready {
			v.Page++
		}
	}
	for _, d := range p.Demand {
		if st, ok := l.step(plan.Lock{Programme: d.Programme, Session: d.Session}); ok {
			v.Demand = append(v.Demand, demandLine{st.Programme, st.Session, d.Want, d.Free})
		}
	}
	slices.SortStableFunc(v.Demand, func(a, b demandLine) int { return cmp.Compare(a.Free-a.Want, b.Free-b.Want) }) // where seats run out first
	for _, u := range p.Unmet {
		v.Unmet = append(v.Unmet, unmetLine{l.elements[u.Element].Title, u.Teachers, u.Weight})
	}
	slices.SortStableFunc(v.Unmet, func(a, b unmetLine) int { return cmp.Compare(b.Weight, a.Weight) })
	if f := p.Fair; f != nil {
		for _, e := range f.Shares {
			v.Even = append(v.Even, evenLine{e, l.refs.Territory(e.Territory).ShortName})
		}
		slices.SortStableFunc(v.Even, func(a, b evenLine) int { return cmp.Or(cmp.Compare(a.Before, b.Before), cmp.Compare(a.Name, b.Name)) })
	}
	v.Made, err = db.Get[int](ctx, tx, `
		SELECT count(*) FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version
		WHERE r.state = 'draft' AND `+untouched, drawnReason(mark(v.Job.ID)))
	return err
}

// liner puts the people of a proposal into lines.
type liner struct {
	programmes map[string]*Programme
	elements   map[string]Element
	refs       people.Refs
	held       map[access.PersonID]heldRoute
}

func (s *Service) linesTx(ctx context.Context, tx *sqlx.Tx, p *Proposal) (l liner, err error) {
	programmes, err := programmesTx(ctx, tx, nil)
	if err != nil {
		return l, err
	}
	l.programmes = map[string]*Programme{}
	for i := range programmes {
		l.programmes[programmes[i].Code] = &programmes[i]
	}
	if l.refs, err = people.RefsTx(ctx, tx); err != nil {
		return l, err
	}
	if l.elements, err = elementsTx(ctx, tx); err != nil {
		return l, err
	}
	persons := make([]access.PersonID, len(p.People))
	for i, r := range p.People {
		persons[i] = r.Person
	}
	l.held, err = heldByTx(ctx, tx, p.Selection.Campaign, persons)
	return l, err
}

// step finds a step in the catalogue; a programme withdrawn or a group taken out of it since is not there.
func (l liner) step(at plan.Lock) (stepLine, bool) {
	g := l.programmes[at.Programme]
	if g == nil {
		return stepLine{}, false
	}
	for i := range g.Sessions {
		if g.Sessions[i].Code == at.Session {
			return stepLine{*g, &g.Sessions[i]}, true
		}
	}
	return stepLine{}, false
}

// nameTx makes lines of people; each look at a name is journalled.
func (l liner) nameTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, why string, list []Proposed1) ([]proposalLine, error) {
	ids := make([]access.PersonID, len(list))
	for i, r := range list {
		ids[i] = r.Person
	}
	names, err := people.NamesTx(ctx, tx, actor, why, ids)
	if err != nil {
		return nil, err
	}
	out := make([]proposalLine, len(list))
	for i, r := range list {
		x := proposalLine{Proposed1: r, Name: nameOfPerson(names, r.Person), Territory: l.refs.Territory(r.Territory).ShortName, Organisation: l.refs.Organisation(r.Organisation).ShortName,
			Held: l.held[r.Person], Ready: r.stands(l.held) == siftNew}
		for _, at := range r.Steps {
			if st, ok := l.step(at); ok {
				x.Steps = append(x.Steps, st)
			}
		}
		slices.SortStableFunc(x.Steps, func(a, b stepLine) int { return a.Session.StartsOn.Compare(b.Session.StartsOn) })
		w := words{elements: l.elements}
		if x.Left = w.leftOpen(r.Open); len(x.Left) > 0 {
			x.First = w.short(slices.MaxFunc(r.Open, func(a, b plan.Uncovered) int { return cmp.Compare(a.Weight, b.Weight) }).Element)
		}
		out[i] = x
	}
	return out, nil
}
