package reports

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Query is what the reader of the bank chose; zero fields do not narrow. It is
// the query string of the page, so that a link drills on and keeps the filters.
type Query struct {
	Campaign   int64  `form:"campaign" json:"campaign"`
	Territory  int64  `form:"territory" json:"territory,omitempty"`
	School     int64  `form:"school" json:"school,omitempty"`
	Place      string `form:"place" json:"place,omitempty"` // rural, urban
	Subject    string `form:"subject" json:"subject,omitempty"`
	Position   string `form:"position" json:"position,omitempty"`
	Category   string `form:"category" json:"category,omitempty"`
	Experience string `form:"experience" json:"experience,omitempty"`

	// of the records in the list of people
	Element  string `form:"element" json:"element,omitempty"`
	Severity string `form:"severity" json:"severity,omitempty"`
	Status   string `form:"status" json:"status,omitempty"` // a competency.Verdict, or all that are possible
	Sure     int    `form:"sure" json:"sure,omitempty"`     // least probability, per cent
	Most     int    `form:"most" json:"most,omitempty"`     // greatest

	Order string `form:"order" json:"order,omitempty"` // rows of the map: "", "n" or an element
	Sort  string `form:"sort" json:"sort,omitempty"`   // of the list of people
	Page  int    `form:"page" json:"page,omitempty"`
}

// possible is the status of the contract that takes in three verdicts.
const possible = "possible"

// Values is the query as the address of the page carries it.
func (q Query) Values() url.Values {
	v := url.Values{}
	for name, n := range map[string]int64{"campaign": q.Campaign, "territory": q.Territory, "school": q.School, "sure": int64(q.Sure), "most": int64(q.Most), "page": int64(q.Page)} {
		if n != 0 {
			v.Set(name, strconv.FormatInt(n, 10))
		}
	}
	for name, s := range map[string]string{"place": q.Place, "subject": q.Subject, "position": q.Position, "category": q.Category, "experience": q.Experience,
		"element": q.Element, "severity": q.Severity, "status": q.Status, "order": q.Order, "sort": q.Sort} {
		if s != "" {
			v.Set(name, s)
		}
	}
	return v
}

// check refuses a value of a closed list that is not of the list.
func (q Query) check() error {
	for _, f := range []struct {
		value string
		known []string
	}{
		{q.Place, []string{"rural", "urban"}}, {q.Severity, competency.Severities},
	} {
		if f.value != "" && !slices.Contains(f.known, f.value) {
			return badQuery
		}
	}
	if q.Status != "" && q.Status != possible && !slices.Contains(competency.Verdicts, competency.Verdict(q.Status)) {
		return badQuery
	}
	if _, known := sorts[q.Sort]; !known || q.Sure < 0 || q.Sure > 100 || q.Most < 0 || q.Most > 100 {
		return badQuery
	}
	return nil
}

// ParseQuery reads a query as Values wrote it; a number that is none is an Invalid fault.
func ParseQuery(encoded string) (Query, error) {
	v, err := url.ParseQuery(encoded)
	if err != nil {
		return Query{}, badQuery
	}
	q := Query{Place: v.Get("place"), Subject: v.Get("subject"), Position: v.Get("position"), Category: v.Get("category"), Experience: v.Get("experience"),
		Element: v.Get("element"), Severity: v.Get("severity"), Status: v.Get("status"), Order: v.Get("order"), Sort: v.Get("sort")}
	for name, into := range map[string]*int64{"campaign": &q.Campaign, "territory": &q.Territory, "school": &q.School} {
		if s := v.Get(name); s != "" {
			if *into, err = strconv.ParseInt(s, 10, 64); err != nil {
				return Query{}, badQuery
			}
		}
	}
	for name, into := range map[string]*int{"sure": &q.Sure, "most": &q.Most} {
		if s := v.Get(name); s != "" {
			if *into, err = strconv.Atoi(s); err != nil {
				return Query{}, badQuery
			}
		}
	}
	return q, q.check()
}

var badQuery = fault.New(fault.Invalid, "Такого отбора не бывает: откройте банк заново")

func str(n int) string { return strconv.Itoa(n) }

// With is the address with one value changed; it leads to the first page again.
// An empty value drops the name.
func (q Query) With(name, value string) string {
	v := q.Values()
	v.Del("page")
	if value == "" {
		v.Del(name)
	} else {
		v.Set(name, value)
	}
	if name == "territory" {
		v.Del("school")
	}
	return "/deficits?" + v.Encode()
}

// Narrowed counts the filters by which participants are chosen.
func (q Query) Narrowed() int {
	n := 0
	for _, f := range q.filters() {
		if f != nil {
			n++
		}
	}
	return n
}

// Member is a participant with results, by the passport frozen at registration.
type Member struct {
	Person     access.PersonID `db:"person_id"`
	Territory  int64           `db:"territory_id"`
	School     int64           `db:"organisation_id"`
	Subject    string          `db:"subject_code"`
	Position   string          `db:"position_code"`
	Category   string          `db:"category_code"`
	Experience string          `db:"experience_code"`
	Rural      bool            `db:"rural"`
}

// filters are the conditions of the query on a participant, nil where it has none.
func (q Query) filters() []func(Member) bool {
	f := make([]func(Member) bool, 5)
	if q.Place != "" {
		f[0] = func(m Member) bool { return m.Rural == (q.Place == "rural") }
	}
	if q.Subject != "" {
		f[1] = func(m Member) bool { return m.Subject == q.Subject }
	}
	if q.Position != "" {
		f[2] = func(m Member) bool { return m.Position == q.Position }
	}
	if q.Category != "" {
		f[3] = func(m Member) bool { return m.Category == q.Category }
	}
	if q.Experience != "" {
		f[4] = func(m Member) bool { return m.Experience == q.Experience }
	}
	return f
}

// Matches reports whether a participant is among those the query chooses.
func (q Query) Matches(m Member) bool {
	return !slices.ContainsFunc(q.filters(), func(f func(Member) bool) bool { return f != nil && !f(m) })
}

// rows counts the chosen participants by row and says which rows to hide.
//
// Beside the small rows themselves, a row is secret where the same row under
// wider filters (any one of them taken off, or all) would leave a small rest:
// the two pages subtracted would show it. So is a row that the pages of a filter's
// other values, added up, would give away (see Query.siblings). shown says which
// rows the reader sees at all. total reports that the total may not be shown either.
func (q Query) rows(members []Member, by func(Member) int64, shown func(int64) bool) (n map[int64]int, hidden map[int64]bool, total bool) {
	filters := q.filters()
	n = map[int64]int{}
	rest := map[int64][]int{} // by row: how many more without filter i; the last: without any
	restAll := make([]int, len(filters)+1)
	for _, m := range members {
		id := by(m)
		if rest[id] == nil {
			rest[id] = make([]int, len(filters)+1)
			n[id] += 0
		}
		failed := []int{}
		for i, f := range filters {
			if f != nil && !f(m) {
				failed = append(failed, i)
			}
		}
		if len(failed) == 0 {
			n[id]++
			continue
		}
		for _, counts := range [][]int{rest[id], restAll} {
			if len(failed) == 1 {
				counts[failed[0]]++
			}
			counts[len(filters)]++
		}
	}
	little := func(counts []int) bool {
		return slices.ContainsFunc(counts, func(c int) bool { return c > 0 && c < Least })
	}
	ids := make([]int64, 0, len(n))
	for id := range n {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	secret, totalSecret := q.siblings(members, by, shown, ids)
	groups := make([]Group, len(ids))
	for i, id := range ids {
		groups[i] = Group{N: n[id], Secret: secret[id] || little(rest[id]), Absent: !shown(id)}
	}
	flags, total := Suppress(groups, Least)
	total = total || totalSecret
	hidden = map[int64]bool{}
	for i, id := range ids {
		hidden[id] = flags[i]
	}
	return n, hidden, total || little(restAll)
}

// siblings says which rows, and whether the total, may not be shown because the
// pages of a filter's other values would give a small group away: all categories
// but one, subtracted from the page of all categories, are that one category.
//
// For each filter the rows and its values make a table with sums on both sides
// (the last line of it is the total). Hiding goes along its rows and down its
// columns in turn until nothing changes, for a figure hidden in one direction must
// not come back from the other.
func (q Query) siblings(members []Member, by func(Member) int64, shown func(int64) bool, ids []int64) (rows map[int64]bool, total bool) {
	rows = map[int64]bool{}
	values := []func(Member) string{
		func(m Member) string {
			if m.Rural {
				return "rural"
			}
			return "urban"
		},
		func(m Member) string { return m.Subject },
		func(m Member) string { return m.Position },
		func(m Member) string { return m.Category },
		func(m Member) string { return m.Experience },
	}
	filters := q.filters()
	for i, f := range filters {
		if f == nil {
			continue
		}
		line := make(map[int64]int, len(ids)) // row → its line of the table
		for k, id := range ids {
			line[id] = k
		}
		column := map[string]int{}
		var counts [][]int // by column, then by line; the last line is the total
		chosen := -1       // the column of the filter's own value
		for _, m := range members {
			if slices.ContainsFunc(slices.Concat(filters[:i], filters[i+1:]), func(g func(Member) bool) bool { return g != nil && !g(m) }) {
				continue
			}
			c, ok := column[values[i](m)]
			if !ok {
				c = len(counts)
				column[values[i](m)] = c
				counts = append(counts, make([]int, len(ids)+1))
			}
			if f(m) {
				chosen = c
			}
			counts[c][line[by(m)]]++
			counts[c][len(ids)]++
		}
		if chosen < 0 {
			continue
		}
		hidden := make([][]bool, len(counts))
		for c := range hidden {
			hidden[c] = make([]bool, len(ids)+1)
		}
		for changed := true; changed; {
			changed = false
			hide := func(c, l int, flag bool) {
				if flag && !hidden[c][l] {
					hidden[c][l], changed = true, true
				}
			}
			for l := range len(ids) + 1 {
				if l < len(ids) && !shown(ids[l]) {
					continue
				}
				groups := make([]Group, len(counts))
				for c := range counts {
					groups[c] = Group{N: counts[c][l], Secret: hidden[c][l]}
				}
				flags, _ := Suppress(groups, Least)
				for c, flag := range flags {
					hide(c, l, flag)
				}
			}
			for c := range counts {
				groups := make([]Group, len(ids))
				for l, id := range ids {
					groups[l] = Group{N: counts[c][l], Secret: hidden[c][l], Absent: !shown(id)}
				}
				flags, all := Suppress(groups, Least)
				for l, flag := range flags {
					hide(c, l, flag)
				}
				hide(c, len(ids), all)
			}
		}
		for l, id := range ids {
			rows[id] = rows[id] || hidden[chosen][l]
		}
		total = total || hidden[chosen][len(ids)]
	}
	return rows, total
}

// State says how a cell is shown.
type State string

// The states of a cell.
const (
	Shown  State = ""
	Hidden State = "hidden" // fewer than five, or hidden so that five cannot be computed
	Few    State = "few"    // enough people, but too few of them answered enough tasks of the element
)

// Cell is one element over one group of participants. All shares are 0…1; Low and
// High bound 9 cases of 10. In a cell that is not shown every number is zero.
type Cell struct {
	State State   `json:"state,omitempty"`
	N     int     `json:"n"`
	Mean  float64 `json:"mean"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Below float64 `json:"below"`
	From  float64 `json:"below_low"`
	To    float64 `json:"below_high"`
}

// Shown reports whether the cell has a figure.
func (c Cell) Shown() bool { return c.State == Shown }

// Under reports whether the whole interval lies below the cut.
func (c Cell) Under(cut float64) bool { return c.State == Shown && c.High < cut }

// z90 is the standard normal quantile for 9 cases of 10 (two-sided).
const z90 = 1.645

// cellOf makes a cell of what the measures gave. spread is the variance between
// participants plus the mean variance of one estimate: by the law of total
// variance the variance of a true share, so its n-th part is that of the mean.
func cellOf(n int, mean, spread, below float64) Cell {
	if n == 0 {
		return Cell{State: Few}
	}
	// sums of floats differ in the last bits with the order of rows: figures must not
	mean, spread, below = math.Round(mean*1e9)/1e9, math.Round(spread*1e9)/1e9, math.Round(below*1e9)/1e9
	half := z90 * math.Sqrt(spread/float64(n))
	c := Cell{N: n, Mean: mean, Low: max(0, mean-half), High: min(1, mean+half), Below: below}
	c.From, c.To = Wilson(below, n)
	return c
}

// Wilson bounds a share p of n persons, 9 cases of 10 (Wilson 1927).
func Wilson(p float64, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	N, z2 := float64(n), z90*z90
	mid := (p + z2/(2*N)) / (1 + z2/N)
	half := z90 / (1 + z2/N) * math.Sqrt(p*(1-p)/N+z2/(4*N*N))
	return max(0, mid-half), min(1, mid+half)
}

// Row is one line of the map.
type Row struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	N      int    `json:"n"` // 0 where hidden
	Hidden bool   `json:"hidden,omitempty"`
	Cells  []Cell `json:"cells"`
}

// Element is a column of the map.
type Element struct {
	ID    string `db:"element_id" json:"id"`
	Code  string `db:"-" json:"code"` // П1…, М1…: for narrow screens
	Title string `db:"title" json:"title"`
	Short string `db:"short_title" json:"short"`
	Part  string `db:"part" json:"part"` // subject, methodical
}

// Ranked is an element in the list of what to teach first.
type Ranked struct {
	Element Element `json:"element"`
	Cell    Cell    `json:"cell"`
}

// Scale is the scale of a campaign, as far as figures need it.
type Scale struct {
	Title    string     `json:"title"`
	Version  int        `json:"version"`
	Cut      float64    `json:"cut"`
	Bands    [3]float64 `json:"bands"`
	Sure     [2]float64 `json:"sure"`
	MinTasks int        `json:"min_tasks"`
	Rule     string     `json:"rule"`
}

// Words says when the scale lets something be said for certain.
func (s Scale) Words() string {
	return competency.Definition{Cut: s.Cut, Sure: s.Sure, Rule: s.Rule}.Words()
}

// Campaign is a campaign with results in the bank.
type Campaign struct {
	ID        int64      `db:"id" json:"id"`
	Title     string     `db:"title" json:"title"`
	About     string     `db:"about" json:"about"` // of the instrument
	Opens     time.Time  `db:"opens_at" json:"opens"`
	Closes    time.Time  `db:"closes_at" json:"closes"`
	State     string     `db:"state" json:"state"`
	Published *time.Time `db:"published_at" json:"published,omitempty"`
	Minutes   int        `db:"minutes" json:"minutes"`
	Tasks     int        `db:"tasks" json:"tasks"`
	MaxPoints float64    `db:"max_points" json:"max_points"`
	Scale     Scale      `db:"-" json:"scale"`
}

// Class is the colour of a share on the map, 1 (far under the cut) … 7 (far above).
func (s Scale) Class(share float64) int {
	p := int(math.Round(100 * share))
	for i, edge := range s.edges() {
		if p <= edge {
			return i + 1
		}
	}
	return 7
}

// edges are the upper bounds of classes 1…6, in per cent, laid around the cut.
func (s Scale) edges() [6]int {
	c := int(math.Round(100 * s.Cut))
	return [6]int{c - 20, c - 10, c - 3, c + 2, c + 10, c + 20}
}

// Choice is an entry of a filter.
type Choice struct {
	Value string `db:"value"`
	Title string `db:"title"`
}

// Choices fill the filters: only what occurs among the participants.
type Choices struct {
	Campaigns, Territories, Schools, Subjects, Positions, Categories, Experience []Choice
}

// Trust is the box "how far can this be believed".
type Trust struct {
	Invited     int      `json:"invited"`
	Took        int      `json:"took"`
	Subject     *float64 `json:"alpha_subject,omitempty"`
	Methodical  *float64 `json:"alpha_methodical,omitempty"`
	Waiting     int      `json:"waiting"`  // extended answers not marked yet
	Extended    int      `json:"extended"` // of so many
	Hidden      int      `json:"hidden"`   // cells
	Cells       int      `json:"cells"`
	Preliminary bool     `json:"preliminary"`
	Model       string   `json:"model"`
}

// Coverage is the share of those invited who took part, 0 without anybody.
func (t Trust) Coverage() float64 {
	if t.Invited == 0 {
		return 0
	}
	return float64(t.Took) / float64(t.Invited)
}

// Bank is everything the page, the workbook and the memo show but the people.
type Bank struct {
	Query     Query
	Campaign  Campaign
	AsOf      time.Time
	Elements  []Element
	Rows      []Row // municipalities, or the schools of one
	Totals    []Row // the municipality looked at, if any; the region last
	Rank      []Ranked
	RankTitle string // of whom the list speaks
	Trust     Trust
	Choices   Choices
	Territory string // the municipality looked at
	School    string
	Locked    bool // the municipality is small: nothing under it is shown
	Empty     bool // no campaign has results yet
	Figures   map[string]Figure

	small  []int64 // municipalities whose group is hidden
	narrow bool    // the group looked at is hidden
}

// sortRows orders the rows of the map: by name, by number of people (most
// first) or by an element (weakest first); what is hidden goes last.
func sortRows(rows []Row, order string, elements []Element) {
	column := slices.IndexFunc(elements, func(e Element) bool { return e.ID == order })
	slices.SortStableFunc(rows, func(a, b Row) int {
		switch {
		case order == "n":
			return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Title, b.Title))
		case column >= 0:
			x, y := a.Cells[column], b.Cells[column]
			if x.Shown() != y.Shown() {
				if x.Shown() {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(x.Mean, y.Mean), cmp.Compare(a.Title, b.Title))
		}
		return cmp.Compare(a.Title, b.Title)
	})
}

// rank orders the elements of a row by the share of people under the cut.
func rank(elements []Element, row Row) []Ranked {
	out := []Ranked{}
	for i, e := range elements {
		if row.Cells[i].Shown() {
			out = append(out, Ranked{e, row.Cells[i]})
		}
	}
	slices.SortStableFunc(out, func(a, b Ranked) int { return cmp.Compare(b.Cell.Below, a.Cell.Below) })
	return out
}

// hide blanks a row.
func hide(row Row) Row {
	row.N, row.Hidden = 0, true
	row.Cells = slices.Repeat([]Cell{{State: Hidden}}, len(row.Cells))
	return row
}

// protect hides in each column what is small there although its row is not, with
// complementary cells; it returns whether the column's total must be hidden.
// Rows already hidden stay so, and count as hidden with their true numbers.
func protect(rows []Row, numbers [][]int, absent []int, columns int) (totals []bool) {
	totals = make([]bool, columns)
	for c := range columns {
		groups := make([]Group, len(rows)+1)
		for i, r := range rows {
			groups[i] = Group{N: numbers[i][c], Secret: r.Hidden}
		}
		groups[len(rows)] = Group{N: absent[c], Absent: true}
		hidden, total := Suppress(groups, Least)
		totals[c] = total
		for i := range rows {
			switch {
			case rows[i].Hidden:
			case numbers[i][c] < Least:
				rows[i].Cells[c] = Cell{State: Few}
			case hidden[i]:
				rows[i].Cells[c] = Cell{State: Hidden}
			}
		}
	}
	return totals
}
