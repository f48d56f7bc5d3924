package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Region is how the whole is called beside its municipalities.
const Region = "Ленинградская область"

var noBank = fault.New(fault.NotFound, "Такой страницы нет или она не для вас")

// BankTx reads the bank of one campaign for the actor's scope: the map, the
// list, how far to believe it. A territory role sees its own row and the
// region's, of published campaigns alone. A municipality or school outside the scope is a NotFound fault.
func BankTx(ctx context.Context, tx db.Q, actor access.Actor, q Query) (Bank, error) {
	var b Bank
	err := db.Everybody(ctx, tx, func() (err error) { // the region's row, what is hidden by it, how far it is to be believed
		b, _, err = bankTx(ctx, tx, actor, q)
		return err
	})
	return b, err
}

// codesTx refuses a code of the passport that no reference list has.
func codesTx(ctx context.Context, tx db.Q, q Query) error {
	known, err := db.Get[bool](ctx, tx, `
		SELECT ($1 = '' OR EXISTS (SELECT FROM subject WHERE code = $1)) AND ($2 = '' OR EXISTS (SELECT FROM position WHERE code = $2))
		   AND ($3 = '' OR EXISTS (SELECT FROM qualification_category WHERE code = $3)) AND ($4 = '' OR EXISTS (SELECT FROM experience_band WHERE code = $4))`,
		q.Subject, q.Position, q.Category, q.Experience)
	if err != nil {
		return fmt.Errorf("codes of a filter: %w", err)
	}
	if !known {
		return badQuery
	}
	return nil
}

func bankTx(ctx context.Context, tx db.Q, actor access.Actor, q Query) (Bank, []Member, error) {
	scope := actor.Scope(access.BankRead)
	b := Bank{Query: q}
	if err := codesTx(ctx, tx, q); err != nil {
		return Bank{}, nil, err
	}
	campaigns, err := campaignsTx(ctx, tx)
	if err != nil {
		return Bank{}, nil, err
	}
	if !scope.All { // before publication figures change with each person: two looks subtracted would show one
		campaigns = slices.DeleteFunc(campaigns, func(c Campaign) bool { return c.Published == nil })
	}
	if len(campaigns) == 0 {
		b.Empty = true
		return b, nil, nil
	}
	if q.Campaign == 0 {
		q.Campaign = campaigns[0].ID
	}
	i := slices.IndexFunc(campaigns, func(c Campaign) bool { return c.ID == q.Campaign })
	if i < 0 {
		return Bank{}, nil, noBank
	}
	b.Campaign = campaigns[i]
	for _, c := range campaigns {
		b.Choices.Campaigns = append(b.Choices.Campaigns, Choice{fmt.Sprint(c.ID), c.Title})
	}
	seen := func(territory int64) bool { return scope.All || slices.Contains(scope.Territories, territory) }
	if q.Territory == 0 && !scope.All && len(scope.Territories) == 1 {
		q.Territory = scope.Territories[0]
	}
	if q.Territory != 0 && !seen(q.Territory) || scope.Empty() {
		return Bank{}, nil, noBank
	}
	if b.Elements, err = elementsTx(ctx, tx, q.Campaign); err != nil {
		return Bank{}, nil, err
	}
	members, err := membersTx(ctx, tx, q.Campaign)
	if err != nil {
		return Bank{}, nil, err
	}
	names, err := namesTx(ctx, tx, q.Campaign, q.Territory)
	if err != nil {
		return Bank{}, nil, err
	}
	if q.School != 0 {
		if _, known := names.schools[q.School]; !known {
			return Bank{}, nil, noBank
		}
	}
	b.Query, b.Territory, b.School = q, names.territories[q.Territory], names.schools[q.School]
	if q.Territory != 0 && b.Territory == "" {
		return Bank{}, nil, noBank
	}
	cells, err := cellsTx(ctx, tx, q)
	if err != nil {
		return Bank{}, nil, err
	}

	// the municipalities first: what is hidden there stays hidden below
	byTerritory := func(m Member) int64 { return m.Territory }
	n, hidden, hideRegion := q.rows(members, byTerritory, seen)
	rows, numbers := []Row{}, [][]int{}
	absent := make([]int, len(b.Elements))
	all := 0
	for id, people := range n {
		all += people
		row, counts := cells.row(id, 0, b.Elements)
		row.ID, row.Title, row.N = id, names.territories[id], people
		if !seen(id) {
			for c, k := range counts {
				absent[c] += k
			}
			continue
		}
		if hidden[id] {
			row = hide(row)
		}
		rows, numbers = append(rows, row), append(numbers, counts)
	}
	region, _ := cells.row(0, 0, b.Elements)
	region.Title, region.N = Region, all
	for c, secret := range protect(rows, numbers, absent, len(b.Elements)) {
		if secret {
			region.Cells[c] = Cell{State: Hidden}
		}
	}
	if hideRegion {
		region = hide(region)
	}
	for _, t := range rows {
		b.Trust.count(t)
		b.Choices.Territories = append(b.Choices.Territories, Choice{fmt.Sprint(t.ID), t.Title})
	}
	slices.SortFunc(b.Choices.Territories, func(a, c Choice) int { return strings.Compare(a.Title, c.Title) })
	for id := range n {
		if hidden[id] || n[id] < Least {
			b.small = append(b.small, id)
		}
	}
	focus := region
	b.Totals = []Row{region}
	if q.Territory != 0 {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.ID == q.Territory })
		own := hide(Row{ID: q.Territory, Title: b.Territory, Cells: make([]Cell, len(b.Elements))})
		if i >= 0 {
			own = rows[i]
		}
		b.Locked = own.Hidden
		own.Title += " — всего"
		focus, b.Totals = own, []Row{own, region}
		rows = b.schools(q, members, cells, names, own)
		if j := slices.IndexFunc(rows, func(r Row) bool { return r.ID == q.School }); q.School != 0 && j >= 0 {
			focus = rows[j]
		}
	}
	b.Rows = rows
	sortRows(b.Rows, q.Order, b.Elements)
	b.Rank, b.RankTitle, b.narrow = rank(b.Elements, focus), focus.Title, focus.Hidden
	if err := b.choices(ctx, tx, members, names); err != nil {
		return Bank{}, nil, err
	}
	if err := b.trustTx(ctx, tx, scope); err != nil {
		return Bank{}, nil, err
	}
	return b, members, nil
}

// schools are the rows of one municipality. Where its total is hidden, so are they all.
func (b *Bank) schools(q Query, members []Member, cells cells, names names, own Row) []Row {
	inside := []Member{}
	for _, m := range members {
		if m.Territory == q.Territory {
			inside = append(inside, m)
		}
	}
	n, hidden, _ := q.rows(inside, func(m Member) int64 { return m.School }, func(int64) bool { return true })
	rows, numbers := []Row{}, [][]int{}
	for id, people := range n {
		row, counts := cells.row(q.Territory, id, b.Elements)
		row.ID, row.Title, row.N = id, names.schools[id], people
		if hidden[id] || own.Hidden {
			row = hide(row)
		}
		rows, numbers = append(rows, row), append(numbers, counts)
	}
	protect(rows, numbers, make([]int, len(b.Elements)), len(b.Elements))
	for i := range rows {
		for c := range rows[i].Cells { // a total that may not be shown must not be added up either
			if own.Cells[c].State != Shown && rows[i].Cells[c].Shown() {
				rows[i].Cells[c] = Cell{State: Hidden}
			}
		}
	}
	b.Trust.Cells, b.Trust.Hidden = 0, 0
	for _, r := range rows {
		b.Trust.count(r)
	}
	return rows
}

func (t *Trust) count(r Row) {
	t.Cells += len(r.Cells)
	for _, c := range r.Cells {
		if c.State == Hidden {
			t.Hidden++
		}
	}
}

const campaignColumns = `c.id, c.title, c.opens_at, c.closes_at, c.state, c.published_at, c.minutes, i.about,
	(SELECT count(*) FROM specification_row w WHERE w.specification_id = c.specification_id AND w.part <> 'self') AS tasks,
	COALESCE((SELECT max(max_points) FROM score_revision s WHERE s.campaign_id = c.id), 0) AS max_points,
	s.title AS scale_title, s.version AS scale_version, s.definition`

// campaignsTx lists real campaigns that have records: the latest closed one first, those still open last.
func campaignsTx(ctx context.Context, tx db.Q) ([]Campaign, error) {
	found, err := db.Select[struct {
		Campaign
		ScaleTitle   string          `db:"scale_title"`
		ScaleVersion int             `db:"scale_version"`
		Definition   json.RawMessage `db:"definition"`
	}](ctx, tx, `
		SELECT `+campaignColumns+`
		FROM campaign c JOIN instrument i ON i.id = c.instrument_id JOIN scale s ON s.id = c.scale_id
		WHERE c.purpose = 'real' AND EXISTS (SELECT FROM deficit d WHERE d.campaign_id = c.id AND d.replaced_at IS NULL)
		ORDER BY c.state = 'closed' DESC, c.closes_at DESC, c.id DESC`)
	if err != nil {
		return nil, fmt.Errorf("campaigns of the bank: %w", err)
	}
	out := make([]Campaign, len(found))
	for i, f := range found {
		out[i] = f.Campaign
		if err := json.Unmarshal(f.Definition, &out[i].Scale); err != nil {
			return nil, fmt.Errorf("scale of campaign %d: %w", f.ID, err)
		}
		out[i].Scale.Title, out[i].Scale.Version = f.ScaleTitle, f.ScaleVersion
	}
	return out, nil
}

// elementsTx lists the elements of a campaign's codifier that have records, subject part first.
func elementsTx(ctx context.Context, tx db.Q, campaign int64) ([]Element, error) {
	elements, err := db.Select[Element](ctx, tx, `
		SELECT e.element_id, e.title, e.short_title, e.part
		FROM codifier_element e
		WHERE (e.codifier_id, e.element_id) IN (SELECT codifier_id, element_id FROM deficit WHERE campaign_id = $1 AND replaced_at IS NULL)
		ORDER BY e.part = 'methodical', e.rank, e.element_id`, campaign)
	if err != nil {
		return nil, fmt.Errorf("elements of the bank: %w", err)
	}
	count := map[string]int{}
	for i := range elements {
		e := &elements[i]
		count[e.Part]++
		letter := "П"
		if e.Part == "methodical" {
			letter = "М"
		}
		e.Code = fmt.Sprintf("%s%d", letter, count[e.Part])
	}
	return elements, nil
}

// membersTx lists the participants of a campaign that have records.
func membersTx(ctx context.Context, tx db.Q, campaign int64) ([]Member, error) {
	members, err := db.Select[Member](ctx, tx, `
		SELECT DISTINCT ON (person_id) person_id, territory_id, organisation_id, subject_code, position_code, category_code, experience_code, rural
		FROM deficit WHERE campaign_id = $1 AND replaced_at IS NULL ORDER BY person_id, id`, campaign)
	if err != nil {
		return nil, fmt.Errorf("participants of the bank: %w", err)
	}
	return members, nil
}

type names struct{ territories, schools map[int64]string }

func namesTx(ctx context.Context, tx db.Q, campaign, territory int64) (names, error) {
	out := names{map[int64]string{}, map[int64]string{}}
	type named struct {
		ID   int64  `db:"id"`
		Name string `db:"short_name"`
	}
	found, err := db.Select[named](ctx, tx, `
		SELECT id, short_name FROM territory WHERE id = $2 OR id IN (SELECT territory_id FROM deficit WHERE campaign_id = $1 AND replaced_at IS NULL)`, campaign, territory)
	if err != nil {
		return names{}, fmt.Errorf("territories: %w", err)
	}
	for _, t := range found {
		out.territories[t.ID] = t.Name
	}
	found, err = db.Select[named](ctx, tx, `
		SELECT id, short_name FROM organisation WHERE id IN (SELECT organisation_id FROM deficit WHERE campaign_id = $1 AND territory_id = $2 AND replaced_at IS NULL)`, campaign, territory)
	if err != nil {
		return names{}, fmt.Errorf("schools: %w", err)
	}
	for _, t := range found {
		out.schools[t.ID] = t.Name
	}
	return out, nil
}

// passport is the condition of a query's filters on a deficit d, with its arguments from $first on.
func (q Query) passport(first int) (string, []any) {
	where, args := []string{"d.replaced_at IS NULL", fmt.Sprintf("d.campaign_id = $%d", first)}, []any{q.Campaign}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, first+len(args)-1))
	}
	if q.Place != "" {
		add("d.rural = $%d", q.Place == "rural")
	}
	for _, c := range [][2]string{{"subject_code", q.Subject}, {"position_code", q.Position}, {"category_code", q.Category}, {"experience_code", q.Experience}} {
		if c[1] != "" {
			add("d."+c[0]+" = $%d", c[1])
		}
	}
	return strings.Join(where, " AND "), args
}

type cellKey struct {
	territory, school int64
	element           string
}

// cells holds every cell by its group: (0, 0) is the region, (t, 0) a municipality, (t, s) a school.
type cells map[cellKey]Cell

// row lays out the cells of a group with their true numbers of people.
func (c cells) row(territory, school int64, elements []Element) (Row, []int) {
	r, n := Row{Cells: make([]Cell, len(elements))}, make([]int, len(elements))
	for i, e := range elements {
		cell, known := c[cellKey{territory, school, e.ID}]
		if !known {
			cell = Cell{State: Few}
		}
		r.Cells[i], n[i] = cell, cell.N
	}
	return r, n
}

// cellsTx computes the measures for the region, each municipality and each
// school of the municipality looked at, in one pass.
func cellsTx(ctx context.Context, tx db.Q, q Query) (cells, error) {
	where, args := q.passport(2)
	columns := make([]string, len(measures))
	for i, m := range measures {
		columns[i] = m.sql + " AS " + m.Key
	}
	found, err := db.Select[struct {
		Territory int64   `db:"territory"`
		School    int64   `db:"school"`
		Element   string  `db:"element_id"`
		N         int     `db:"n"`
		Mean      float64 `db:"mean"`
		Spread    float64 `db:"spread"`
		Below     float64 `db:"below"`
	}](ctx, tx, `
		SELECT COALESCE(d.territory_id, 0) AS territory, COALESCE(d.school, 0) AS school, d.element_id, `+strings.Join(columns, ", ")+`
		FROM (SELECT d.*, CASE WHEN d.territory_id = $1 THEN d.organisation_id END AS school FROM deficit d WHERE `+where+`) d
		GROUP BY GROUPING SETS ((d.element_id), (d.territory_id, d.element_id), (d.territory_id, d.school, d.element_id))
		HAVING GROUPING(d.school) = 1 OR d.school IS NOT NULL`, append([]any{q.Territory}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("cells of the map: %w", err)
	}
	out := cells{}
	for _, f := range found {
		out[cellKey{f.Territory, f.School, f.Element}] = cellOf(f.N, f.Mean, f.Spread, f.Below)
	}
	return out, nil
}

// choices fills the filters with what occurs among the participants.
func (b *Bank) choices(ctx context.Context, tx db.Q, members []Member, names names) error {
	distinct := func(of func(Member) string) []string {
		out := []string{}
		for _, m := range members {
			if v := of(m); !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
		return out
	}
	for _, c := range []struct {
		into  *[]Choice
		query string
		codes []string
	}{
		{&b.Choices.Subjects, `SELECT code AS value, name AS title FROM subject WHERE code = ANY($1) ORDER BY rank, name`, distinct(func(m Member) string { return m.Subject })},
		{&b.Choices.Positions, `SELECT code AS value, name AS title FROM position WHERE code = ANY($1) ORDER BY rank, name`, distinct(func(m Member) string { return m.Position })},
		{&b.Choices.Categories, `SELECT code AS value, name AS title FROM qualification_category WHERE code = ANY($1) ORDER BY rank`, distinct(func(m Member) string { return m.Category })},
		{&b.Choices.Experience, `SELECT code AS value, name AS title FROM experience_band WHERE code = ANY($1) ORDER BY years_from`, distinct(func(m Member) string { return m.Experience })},
	} {
		found, err := db.Select[Choice](ctx, tx, c.query, db.Array(c.codes))
		if err != nil {
			return fmt.Errorf("choices of the filters: %w", err)
		}
		*c.into = found
	}
	for id, name := range names.schools {
		b.Choices.Schools = append(b.Choices.Schools, Choice{fmt.Sprint(id), name})
	}
	slices.SortFunc(b.Choices.Schools, func(a, c Choice) int { return strings.Compare(a.Title, c.Title) })
	return nil
}

// trustTx fills the box "how far can this be believed" and the figures beside the heading.
func (b *Bank) trustTx(ctx context.Context, tx db.Q, scope access.Scope) error {
	at := Where{Campaign: b.Campaign.ID, Territory: b.Query.Territory}
	b.Figures = map[string]Figure{}
	for _, key := range []string{"invited", "took_part", "coverage", "people_with_deficits", "records", "with_route"} {
		f, err := figureTx(ctx, tx, key, at)
		if err != nil {
			return err
		}
		b.Figures[key] = f
	}
	b.Trust.Invited, b.Trust.Took = int(b.Figures["invited"].Value), int(b.Figures["took_part"].Value)
	row, err := db.Get[struct {
		Waiting     int       `db:"waiting"`
		Extended    int       `db:"extended"`
		Preliminary bool      `db:"preliminary"`
		AsOf        time.Time `db:"as_of"`
		Model       string    `db:"model"`
	}](ctx, tx, `
		SELECT (SELECT count(*) FROM marking_work WHERE campaign_id = $1 AND state <> 'done') AS waiting,
			(SELECT count(*) FROM marking_work WHERE campaign_id = $1) AS extended,
			bool_or(d.preliminary) AS preliminary, max(d.model) AS model,
			-- not recorded_at: a later campaign of the same people writes the end of valid time anew
			greatest(max(s.at), (SELECT max(fitted_at) FROM campaign_model WHERE campaign_id = $1)) AS as_of
		FROM deficit d JOIN score_revision s ON s.id = d.score_revision_id WHERE d.campaign_id = $1 AND d.replaced_at IS NULL`, b.Campaign.ID)
	if err != nil {
		return fmt.Errorf("how far the bank can be believed: %w", err)
	}
	b.AsOf = row.AsOf
	b.Trust.Waiting, b.Trust.Extended, b.Trust.Preliminary, b.Trust.Model = row.Waiting, row.Extended, row.Preliminary, row.Model
	b.Trust.Subject, b.Trust.Methodical, err = results.ReliabilityTx(ctx, tx, b.Campaign.ID)
	return err
}

// lastRevisions is the last score revision of each submitted attempt of campaign $1.
const lastRevisions = `SELECT DISTINCT ON (s.attempt_id) s.id, s.attempt_id, s.complete, s.points, s.max_points
	FROM score_revision s JOIN attempt a ON a.id = s.attempt_id
	WHERE s.campaign_id = $1 AND a.state = 'submitted' ORDER BY s.attempt_id, s.revision DESC`

// Record is one record of the bank: a participant by code and an element.
type Record struct {
	Person     access.PersonID `db:"person_id"`
	Code       string          `db:"participant_code"`
	Territory  string          `db:"territory"`
	School     string          `db:"school"`
	Position   string          `db:"position"`
	Subject    string          `db:"subject"`
	Category   string          `db:"category"`
	Experience string          `db:"experience"`
	Element    string          `db:"element"`
	Part       string          `db:"part"`
	Share      *float64        `db:"share"`
	Estimate   float64         `db:"estimate"`
	Low        float64         `db:"low"`
	High       float64         `db:"high"`
	P          float64         `db:"p_deficit"`
	Severity   string          `db:"severity"`
	Status     string          `db:"status"`
	Tasks      int             `db:"tasks"`
	Sources    string          `db:"sources"` // kinds, comma-separated
	Route      string          `db:"route"`   // state, "" without one
	Count      int             `db:"count"`   // of all records chosen
	Differ     int             `db:"differ"`  // of them, of which the bare share rule would say otherwise
}

// sorts are the orders of the list of people.
var sorts = map[string]string{
	"": "d.p_deficit DESC", "-p": "d.p_deficit", "code": "r.participant_code", "-code": "r.participant_code DESC",
	"territory": "territory, d.p_deficit DESC", "-territory": "territory DESC, d.p_deficit DESC",
	"element": "element, d.p_deficit DESC", "-element": "element DESC, d.p_deficit DESC",
	"estimate": "d.estimate", "-estimate": "d.estimate DESC",
}

// unsharedTx counts the people with results of the campaign in the actor's scope who have not agreed to show them to
// its methodist; no filter narrows it, so that it tells nothing of any of them.
func unsharedTx(ctx context.Context, tx db.Q, actor access.Actor, campaign int64) (int, error) {
	scope := actor.Scope(access.BankPersons)
	return db.Get[int](ctx, tx, `
		SELECT count(DISTINCT person_id) FROM deficit
		WHERE campaign_id = $1 AND replaced_at IS NULL AND NOT $2 AND territory_id = ANY($3) AND person_id NOT IN (SELECT sharing_results($3))`,
		campaign, scope.All, db.Array(scope.Territories))
}

// held are the statuses that the query chooses, and bounds of the probability where it
// chooses a part of one (0: none); the upper one is not taken in.
func (q Query) held() (statuses []string, least, under float64) {
	switch v := competency.Verdict(q.Status); v {
	case "":
		return []string{string(competency.Weak), possible}, 0, 0
	case competency.Likely:
		return []string{possible}, competency.LikelyFrom, 0
	case competency.Unclear:
		return []string{possible}, competency.UnclearFrom, competency.LikelyFrom
	case competency.Unlikely:
		return []string{possible}, 0, competency.UnclearFrom
	default:
		return []string{q.Status}, 0, 0
	}
}

// recordsTx lists the records chosen, within what the actor may see of persons and, below the region, of those who
// agreed to it. Who may not open persons' results sees nobody of a group whose figures are hidden, and of nobody
// what would name them in a small school.
func (b Bank) recordsTx(ctx context.Context, tx db.Q, actor access.Actor, limit, offset int) ([]Record, error) {
	q, scope, named := b.Query, actor.Scope(access.BankPersons), actor.May(access.PersonResults)
	if !named && b.narrow {
		return nil, nil
	}
	hidden := b.small
	if named {
		hidden = nil
	}
	where, args := q.passport(7)
	order := sorts[q.Sort]
	statuses, least, under := q.held()
	for _, c := range []struct {
		condition string
		on        bool
		value     any
	}{
		{"d.territory_id = $%d", q.Territory != 0, q.Territory}, {"d.organisation_id = $%d", q.School != 0, q.School},
		{"d.element_id = $%d", q.Element != "", q.Element}, {"d.severity = $%d", q.Severity != "", q.Severity},
		{"d.p_deficit >= $%d", q.Sure > 0, float64(q.Sure) / 100}, {"d.p_deficit <= $%d", q.Most > 0, float64(q.Most) / 100},
		{"d.p_deficit >= $%d", least > 0, least}, {"d.p_deficit < $%d", under > 0, under},
		// how much is said only of what is, or rather is, to be strengthened
		{"(d.status = 'deficit' OR d.p_deficit >= $%d)", q.Severity != "", competency.LikelyFrom},
	} {
		if c.on {
			args = append(args, c.value)
			where += " AND " + fmt.Sprintf(c.condition, 6+len(args))
		}
	}
	args = append(args, b.Campaign.Scale.Cut)
	found, err := db.Select[Record](ctx, tx, `
		SELECT d.person_id, r.participant_code, t.short_name AS territory, o.short_name AS school,
			COALESCE(p.name, d.position_code) AS position, COALESCE(s.name, d.subject_code) AS subject,
			COALESCE(k.name, d.category_code) AS category, COALESCE(x.name, d.experience_code) AS experience,
			e.title AS element, e.part, d.share, d.estimate, d.low, d.high, d.p_deficit, d.severity, d.status, d.tasks,
			COALESCE((SELECT string_agg(DISTINCT source_kind, ',') FROM evidence v WHERE v.person_id = d.person_id AND v.element_id = d.element_id), d.source_kind) AS sources,
			COALESCE((SELECT state FROM route ro WHERE ro.person_id = d.person_id AND ro.campaign_id = d.campaign_id), '') AS route,
			count(*) OVER () AS count,
			count(*) FILTER (WHERE (d.share < $`+strconv.Itoa(6+len(args))+`) <> (d.status = 'deficit')) OVER () AS differ
		FROM deficit d
		JOIN registration r ON r.id = d.registration_id
		JOIN territory t ON t.id = d.territory_id
		JOIN organisation o ON o.id = d.organisation_id
		JOIN codifier_element e ON e.codifier_id = d.codifier_id AND e.element_id = d.element_id
		LEFT JOIN position p ON p.code = d.position_code
		LEFT JOIN subject s ON s.code = d.subject_code
		LEFT JOIN qualification_category k ON k.code = d.category_code
		LEFT JOIN experience_band x ON x.code = d.experience_code
		WHERE ($1 OR d.territory_id = ANY($2) AND d.person_id IN (SELECT sharing_results($2))) AND d.status = ANY($3) AND NOT COALESCE(d.territory_id = ANY($6), false) AND `+where+`
		ORDER BY `+order+`, r.participant_code, e.rank
		LIMIT NULLIF($4, 0) OFFSET $5`,
		append([]any{scope.All, db.Array(scope.Territories), db.Array(statuses), limit, offset, db.Array(hidden)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("records of the bank: %w", err)
	}
	for i := range found {
		if !named {
			found[i].School, found[i].Category, found[i].Experience = "", "", ""
		}
	}
	return found, nil
}

// lookTx writes that the actor saw these persons' records: once an hour a person, so that
// turning pages does not fill the list of looks that the person reads.
func lookTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, records []Record, purpose string, campaign int64) error {
	persons := map[int64]bool{}
	for _, r := range records {
		persons[int64(r.Person)] = true
	}
	fresh, err := db.Select[access.PersonID](ctx, tx, `
		SELECT p FROM unnest($2::bigint[]) AS p
		WHERE NOT EXISTS (SELECT FROM journal j WHERE j.person_id = p AND j.actor_id = $1 AND j.action = 'deficit.read' AND j.purpose = $3
			AND j.at > clock_timestamp() - interval '1 hour')
		ORDER BY p`, int64(actor.ID), db.Array(slices.Collect(maps.Keys(persons))), purpose)
	if err != nil {
		return fmt.Errorf("looks of the last hour: %w", err)
	}
	entries := make([]audit.Entry, len(fresh))
	for i, p := range fresh {
		entries[i] = audit.Entry{Action: "deficit.read", ObjectKind: "campaign", ObjectID: fmt.Sprint(campaign), Person: p, Purpose: purpose}
	}
	return audit.RecordManyTx(ctx, tx, actor, entries)
}
