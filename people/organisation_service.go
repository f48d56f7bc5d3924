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
