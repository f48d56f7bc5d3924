package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

// Filter is what a list of people is narrowed by; zero values narrow nothing.
type Filter struct {
	Query        string // parts of a name, a login or an address
	Territory    int64
	Organisation int64
	Position     string
	Subject      string
	Category     string
	Role         access.Role
	Sort         string // key of listOrders, with "-" in front for the other way
	Page         int    // from 1
}

// narrowed reports whether anything but the name narrows the list to those who work somewhere.
func (f Filter) narrowed() bool {
	return f.Territory != 0 || f.Organisation != 0 || f.Position != "" || f.Subject != ""
}

// pageSize is how many people one page of the list shows.
const pageSize = 50

// listOrders are the orders a reader may choose; the name settles ties.
var listOrders = map[string]string{
	"name": "", "territory": "w.territory NULLS LAST, w.organisation", "organisation": "w.organisation NULLS LAST",
	"position": "w.position NULLS LAST", "subject": "w.subject NULLS LAST", "since": "c.teaching_since NULLS LAST", "category": "q.rank NULLS FIRST",
}

// listed is one line of the list.
type listed struct {
	ID       access.PersonID `db:"id"`
	PublicID string          `db:"public_id"`
	Name
	Login         string     `db:"login"`
	Territory     string     `db:"territory"`
	Organisation  string     `db:"organisation"`
	Position      string     `db:"position"`
	Subject       string     `db:"subject"`
	Works         int        `db:"works"` // how many works hold today
	Category      string     `db:"category"`
	TeachingSince *time.Time `db:"teaching_since"`
	Total         int        `db:"total"`
	Roles         string     `db:"-"`
}

// listTx reads a page of people in the scope, and how many there are in all. limit 0 is no limit.
func listTx(ctx context.Context, tx db.Q, scope access.Scope, f Filter, limit int) ([]listed, int, error) {
	order, down := strings.CutPrefix(f.Sort, "-")
	by := listOrders[order]
	if by != "" {
		if down {
			by = strings.ReplaceAll(by, " NULLS", " DESC NULLS")
		}
		by += ", "
	}
	name := "i.family, i.given, i.patronymic, p.id"
	if down && (order == "name" || order == "") {
		name = "i.family DESC, i.given DESC, i.patronymic DESC, p.id"
	}
	query, words := strings.ToLower(strings.TrimSpace(f.Query)), searchWords(f.Query)
	most := any(nil)
	if limit > 0 {
		most = limit
	}
	list, err := db.Select[listed](ctx, tx, `
		SELECT p.id, p.public_id, i.family, i.given, i.patronymic, COALESCE(s.login, '') AS login,
		       COALESCE(w.territory, '') AS territory, COALESCE(w.organisation, '') AS organisation,
		       COALESCE(w.position, '') AS position, COALESCE(w.subject, '') AS subject, COALESCE(w.works, 0) AS works,
		       COALESCE(q.name, '') AS category, c.teaching_since, count(*) OVER () AS total
		FROM person p
		JOIN identity i ON i.person_id = p.id
		LEFT JOIN credential s ON s.person_id = p.id
		LEFT JOIN career c ON c.person_id = p.id
		LEFT JOIN qualification_category q ON q.code = COALESCE(c.category_code, 'none')
		LEFT JOIN LATERAL (
		    SELECT t.short_name AS territory, o.short_name AS organisation, n.name AS position, u.name AS subject, count(*) OVER () AS works
		    FROM appointment a
		    JOIN organisation o ON o.id = a.organisation_id
		    JOIN territory t ON t.id = o.territory_id
		    JOIN position n ON n.code = a.position_code
		    LEFT JOIN subject u ON u.code = a.subject_code
		    WHERE a.person_id = p.id AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)
		      AND ($1 OR o.territory_id = ANY($2) OR o.id = ANY($3))
		      AND ($4 = 0 OR o.territory_id = $4) AND ($5 = 0 OR o.id = $5)
		      AND ($6 = '' OR a.position_code = $6) AND ($7 = '' OR a.subject_code = $7)
		    ORDER BY a.main DESC, a.load DESC, a.id LIMIT 1) w ON true
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL
		  AND (w.organisation IS NOT NULL OR $1 AND NOT $8)
		  AND ($9 = '' OR COALESCE(c.category_code, 'none') = $9)
		  AND ($10 = '' OR EXISTS (SELECT FROM role_grant g WHERE g.person_id = p.id AND g.role = $10
		                           AND g.valid_from <= `+today+` AND (g.valid_to IS NULL OR g.valid_to >= `+today+`)))
		  AND ($11 = '' OR s.login = $11 OR lower(i.email) = $11
		       OR NOT EXISTS (SELECT FROM unnest($12::text[]) AS x (word) WHERE NOT `+hasWord+`))
		ORDER BY `+by+name+`
		LIMIT $13 OFFSET $14`,
		scope.All, db.Array(scope.Territories), db.Array(scope.Organisations), f.Territory, f.Organisation, f.Position, f.Subject,
		f.narrowed(), f.Category, f.Role, query, db.Array(words), most, max(f.Page-1, 0)*limit)
	if err != nil {
		return nil, 0, fmt.Errorf("list of people: %w", err)
	}
	if len(list) == 0 {
		return list, 0, nil
	}
	ids := make([]access.PersonID, len(list))
	for i, l := range list {
		ids[i] = l.ID
	}
	roles, err := rolesTx(ctx, tx, ids)
	if err != nil {
		return nil, 0, err
	}
	for i := range list {
		list[i].Roles = roles[list[i].ID]
	}
	return list, list[0].Total, nil
}

// hasWord is the condition that a name i has a word beginning with word.
const hasWord = `(i.match_key LIKE word || '%' OR i.match_key LIKE '%|' || word || '%' OR i.match_key LIKE '%-' || word || '%')`

// searchWords are the words of a search for a name, folded as names are.
func searchWords(query string) []string {
	words := []string{}
	for _, w := range strings.Fields(fold(query)) {
		words = append(words, strings.NewReplacer(`\`, ``, `%`, ``, `_`, ``).Replace(w))
	}
	return words
}

// RankTx keeps those of the persons whose names have the words of a query (all of
// them where it is empty), in the order of their names. It tells no name: who shows
// one asks NamesTx. An erased person is left out.
func RankTx(ctx context.Context, tx db.Q, ids []access.PersonID, query string) ([]access.PersonID, error) {
	list, err := db.Select[access.PersonID](ctx, tx, `
		SELECT p.id
		FROM person p JOIN identity i ON i.person_id = COALESCE(p.merged_into, p.id)
		WHERE p.id = ANY($1) AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS x (word) WHERE NOT `+hasWord+`)
		ORDER BY i.family, i.given, i.patronymic, p.id`, db.Array(numbers(ids)), db.Array(searchWords(query)))
	if err != nil {
		return nil, fmt.Errorf("order by name: %w", err)
	}
	return list, nil
}

// page is a page of the list of people.
type page struct {
	Filter
	List  []listed
	Total int
	Refs  Refs
}

func (s *Service) list(ctx context.Context, actor access.Actor, f Filter, limit int, action, why string) (p page, err error) {
	p.Filter = f
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		scope := actor.Scope(access.PeopleRead)
		if p.List, p.Total, err = listTx(ctx, tx, scope, f, limit); err != nil {
			return err
		}
		entries := []audit.Entry{}
		for _, l := range p.List {
			if l.ID != actor.ID {
				entries = append(entries, audit.Entry{Action: action, ObjectKind: "person", ObjectID: fmt.Sprint(l.ID), Person: l.ID, Purpose: why})
			}
		}
		if err := audit.RecordManyTx(ctx, tx, actor, entries); err != nil {
			return err
		}
		p.Refs, err = refsInTx(ctx, tx, scope)
		return err
	})
	return p, err
}

// refsInTx reads the reference lists with the organisations and territories of a scope only.
func refsInTx(ctx context.Context, tx db.Q, scope access.Scope) (Refs, error) {
	r, err := RefsTx(ctx, tx)
	if err != nil || scope.All {
		return r, err
	}
	mine, seen := []Organisation{}, map[int64]bool{}
	for _, o := range r.Organisations {
		if scope.Covers(o.TerritoryID, o.ID) {
			mine, seen[o.TerritoryID] = append(mine, o), true
		}
	}
	for _, t := range scope.Territories {
		seen[t] = true
	}
	there := []Territory{}
	for _, t := range r.Territories {
		if seen[t.ID] {
			there = append(there, t)
		}
	}
	r.Organisations, r.Territories = mine, there
	return r, nil
}
