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
	"github.com/lotsiya/lotsiya/internal/fault"
)

// NewOrganisation is an organisation to be added.
type NewOrganisation struct {
	TerritoryID int64
	Kind        string
	Name        string
	ShortName   string // "" = the name
	Rural       bool
	ValidFrom   *time.Time
	Codes       map[string]string // system ("inn", "ogrn", "fis", "oiv") → code
}

// AddTerritories adds territories of a region that has others than ours, or a new
// okrug, and returns their ids in the order given.
func (s *Service) AddTerritories(ctx context.Context, actor access.Actor, list []Territory) ([]int64, error) {
	if !actor.Scope(access.RolesManage).All {
		return nil, fault.New(fault.Forbidden, "Муниципалитеты добавляет администратор")
	}
	var codes, names, shorts, kinds []string
	for _, t := range list {
		codes, names, shorts, kinds = append(codes, t.Code), append(names, tidy(t.Name)), append(shorts, tidy(t.ShortName)), append(kinds, t.Kind)
	}
	var ids []int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		ids, err = db.Select[int64](ctx, tx, `
			INSERT INTO territory (code, name, short_name, kind)
			SELECT code, name, short, kind FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS u (code, name, short, kind, n)
			ORDER BY n RETURNING id`, db.Array(codes), db.Array(names), db.Array(shorts), db.Array(kinds))
		if err != nil {
			return db.Refusal(err, personWords)
		}
		return recordAll(ctx, tx, actor, "territory.add", "territory", ids)
	})
	return ids, err
}

// AddOrganisations adds organisations, all or none, and returns their ids in the order given.
func (s *Service) AddOrganisations(ctx context.Context, actor access.Actor, list []NewOrganisation) ([]int64, error) {
	scope := actor.Scope(access.PeopleImport)
	var territory []int64
	var kinds, names, shorts, from []string
	var rural []bool
	for i, o := range list {
		name, short := tidy(o.Name), tidy(o.ShortName)
		switch {
		case !scope.Covers(o.TerritoryID, 0):
			return nil, fault.New(fault.Forbidden, "Этот муниципалитет не ваш")
		case name == "":
			return nil, fault.Field("name", "Напишите название организации")
		case !knownKind(o.Kind):
			return nil, fault.Field("kind", "Выберите вид организации")
		}
		if short == "" {
			short = name
		}
		if o.ValidFrom == nil {
			o.ValidFrom = &beginning
		}
		territory, kinds, names, shorts = append(territory, o.TerritoryID), append(kinds, o.Kind), append(names, name), append(shorts, short)
		rural, from = append(rural, list[i].Rural), append(from, o.ValidFrom.Format(time.DateOnly))
	}
	var ids []int64
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) (err error) {
		ids, err = db.Select[int64](ctx, tx, `
			INSERT INTO organisation (territory_id, kind, name, short_name, rural, valid_from)
			SELECT territory, kind, name, short, rural, CAST(since AS date)
			FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[]) WITH ORDINALITY
			     AS u (territory, kind, name, short, rural, since, n)
			ORDER BY n RETURNING id`,
			db.Array(territory), db.Array(kinds), db.Array(names), db.Array(shorts), db.Array(rural), db.Array(from))
		if err != nil {
			return db.Refusal(err, personWords)
		}
		var who []int64
		var systems, codes []string
		for i, o := range list {
			for system, code := range o.Codes {
				if code = strings.TrimSpace(code); code != "" {
					who, systems, codes = append(who, ids[i]), append(systems, system), append(codes, code)
				}
			}
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO organisation_code (organisation_id, system, code)
			SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])`, db.Array(who), db.Array(systems), db.Array(codes)); err != nil {
			return db.Refusal(err, personWords)
		}
		return recordAll(ctx, tx, actor, "organisation.add", "organisation", ids)
	})
	return ids, err
}

// beginning is the day from which an organisation stands whose first day nobody has told.
var beginning = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

func knownKind(kind string) bool { return nameOf(OrganisationKinds, kind) != kind }

func recordAll(ctx context.Context, tx db.Q, actor access.Actor, action, kind string, ids []int64) error {
	entries := make([]audit.Entry, len(ids))
	for i, id := range ids {
		entries[i] = audit.Entry{Action: action, ObjectKind: kind, ObjectID: fmt.Sprint(id)}
	}
	return audit.RecordManyTx(ctx, tx, actor, entries)
}

// ChangeOrganisation rewrites an organisation's name, kind and codes; it stays in its territory.
func (s *Service) ChangeOrganisation(ctx context.Context, actor access.Actor, id int64, o NewOrganisation) error {
	name, short := tidy(o.Name), tidy(o.ShortName)
	if name == "" {
		return fault.Field("name", "Напишите название организации")
	}
	if short == "" {
		short = name
	}
	if !knownKind(o.Kind) {
		return fault.Field("kind", "Выберите вид организации")
	}
	scope := actor.Scope(access.PeopleImport)
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		changed, err := db.Select[int64](ctx, tx, `
			UPDATE organisation SET name = $2, short_name = $3, kind = $4, rural = $5
			WHERE id = $1 AND ($6 OR territory_id = ANY($7) OR id = ANY($8)) RETURNING id`,
			id, name, short, o.Kind, o.Rural, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
		if err != nil {
			return db.Refusal(err, personWords)
		}
		if len(changed) == 0 {
			return fault.New(fault.NotFound, "Такой организации нет среди ваших")
		}
		for system, code := range o.Codes {
			if _, err := tx.ExecContext(ctx, `DELETE FROM organisation_code WHERE organisation_id = $1 AND system = $2`, id, system); err != nil {
				return fmt.Errorf("codes: %w", err)
			}
			if code = strings.TrimSpace(code); code == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO organisation_code (organisation_id, system, code) VALUES ($1, $2, $3)`, id, system, code); err != nil {
				return db.Refusal(err, personWords)
			}
		}
		return recordAll(ctx, tx, actor, "organisation.change", "organisation", changed)
	})
}

// CloseOrganisation ends an organisation on a day, its last, and the works in it; successor
// (0 = none) is the organisation that followed it.
func (s *Service) CloseOrganisation(ctx context.Context, actor access.Actor, id, successor int64, on time.Time) error {
	if successor == id {
		return fault.Field("successor", "Организация не может быть преемницей самой себя")
	}
	scope := actor.Scope(access.PeopleImport)
	return db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		closed, err := db.Select[int64](ctx, tx, `
			UPDATE organisation SET valid_to = $2
			WHERE id = $1 AND valid_to IS NULL AND ($3 OR territory_id = ANY($4) OR id = ANY($5)) RETURNING id`,
			id, on, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
		if err != nil {
			return db.Refusal(err, personWords)
		}
		if len(closed) == 0 {
			return fault.New(fault.NotFound, "Такой действующей организации нет среди ваших")
		}
		if successor != 0 {
			if _, err := tx.ExecContext(ctx, `
				INSERT INTO organisation_succession (predecessor_id, successor_id, happened_on) VALUES ($1, $2, $3)`, id, successor, on); err != nil {
				return fmt.Errorf("successor: %w", db.Refusal(err, map[string]string{"organisation_succession_successor_fk": "Такой организации-преемницы нет"}))
			}
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE appointment SET ended_on = GREATEST(started_on, CAST($2 AS date)) WHERE organisation_id = $1 AND ended_on IS NULL`, id, on); err != nil {
			return fmt.Errorf("end the works: %w", err)
		}
		return recordAll(ctx, tx, actor, "organisation.close", "organisation", closed)
	})
}

type organisationFilter struct {
	Query     string
	Territory int64
	Kind      string
}

// organisationLine is an organisation with how many people work there today.
type organisationLine struct {
	Organisation
	People int `db:"people"`
}

// organisations are the organisations of a scope by territory.
type organisations struct {
	organisationFilter
	Lists []territoryList
	Total int
	Refs  Refs
}

type territoryList struct {
	Territory
	Organisations []organisationLine
	People        int
}

func (s *Service) organisations(ctx context.Context, actor access.Actor, f organisationFilter) (v organisations, err error) {
	v.organisationFilter = f
	scope := actor.Scope(access.PeopleRead)
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if v.Refs, err = refsInTx(ctx, tx, scope); err != nil {
			return err
		}
		lines, err := db.Select[organisationLine](ctx, tx, `
			SELECT o.id, o.territory_id, o.kind, o.name, o.short_name, o.rural, o.valid_to,
			       (SELECT count(DISTINCT a.person_id) FROM appointment a WHERE a.organisation_id = o.id AND (a.ended_on IS NULL OR a.ended_on >= `+today+`)) AS people
			FROM organisation o
			WHERE (o.valid_to IS NULL OR o.valid_to >= `+today+`)
			  AND ($1 OR o.territory_id = ANY($2) OR o.id = ANY($3)) AND ($4 = 0 OR o.territory_id = $4) AND ($5 = '' OR o.kind = $5)
			ORDER BY o.short_name, o.id`, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations), f.Territory, f.Kind)
		if err != nil {
			return fmt.Errorf("organisations: %w", err)
		}
		words := strings.Fields(foldOrganisation(f.Query))
		for _, t := range v.Refs.Territories {
			list := territoryList{Territory: t}
			for _, o := range lines {
				if o.TerritoryID == t.ID && holdsWords(foldOrganisation(o.Name+" "+o.ShortName), words) {
					list.Organisations, list.People = append(list.Organisations, o), list.People+o.People
				}
			}
			if len(list.Organisations) > 0 {
				v.Lists, v.Total = append(v.Lists, list), v.Total+len(list.Organisations)
			}
		}
		return nil
	})
	return v, err
}

func holdsWords(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(" "+text, " "+w) {
			return false
		}
	}
	return true
}

// organisationCard is an organisation with who works there today.
type organisationCard struct {
	Organisation
	Territory Territory
	Codes     map[string]string
	Before    []Organisation // whom it followed
	After     []Organisation // who followed it
	People    []listed
	Refs      Refs
}

func (s *Service) organisation(ctx context.Context, actor access.Actor, id int64) (o organisationCard, err error) {
	scope := actor.Scope(access.PeopleRead)
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		const columns = `o.id, o.territory_id, o.kind, o.name, o.short_name, o.rural, o.valid_to`
		if o.Organisation, err = db.Get[Organisation](ctx, tx, `
			SELECT `+columns+` FROM organisation o
			WHERE o.id = $1 AND ($2 OR o.territory_id = ANY($3) OR o.id = ANY($4))`, id, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations)); err != nil {
			return err
		}
		if o.Before, err = db.Select[Organisation](ctx, tx, `
			SELECT `+columns+` FROM organisation_succession s JOIN organisation o ON o.id = s.predecessor_id WHERE s.successor_id = $1 ORDER BY o.id`, id); err != nil {
			return fmt.Errorf("predecessors: %w", err)
		}
		if o.After, err = db.Select[Organisation](ctx, tx, `
			SELECT `+columns+` FROM organisation_succession s JOIN organisation o ON o.id = s.successor_id WHERE s.predecessor_id = $1 ORDER BY o.id`, id); err != nil {
			return fmt.Errorf("successors: %w", err)
		}
		codes, err := db.Select[Item](ctx, tx, `SELECT system AS code, code AS name FROM organisation_code WHERE organisation_id = $1`, id)
		if err != nil {
			return fmt.Errorf("codes: %w", err)
		}
		o.Codes = map[string]string{}
		for _, c := range codes {
			o.Codes[c.Code] = c.Name
		}
		if o.Refs, err = refsInTx(ctx, tx, scope); err != nil {
			return err
		}
		o.Territory = o.Refs.Territory(o.TerritoryID)
		if o.People, _, err = listTx(ctx, tx, scope, Filter{Organisation: id}, 0); err != nil {
			return err
		}
		entries := []audit.Entry{}
		for _, p := range o.People {
			if p.ID != actor.ID {
				entries = append(entries, audit.Entry{Action: "name.read", ObjectKind: "person", ObjectID: fmt.Sprint(p.ID), Person: p.ID, Purpose: "карточка организации"})
			}
		}
		return audit.RecordManyTx(ctx, tx, actor, entries)
	})
	return o, err
}
