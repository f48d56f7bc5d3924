package campaign

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// Choice says whom to invite: everybody, whole municipalities, organisations,
// people by themselves, and people by the codes they had in any campaign.
type Choice struct {
	All           bool              `form:"all"`
	Territories   []int64           `form:"territory"`
	Organisations []int64           `form:"organisation"`
	Persons       []access.PersonID `form:"person"`
	Codes         string            `form:"codes"` // participant codes, in any order and layout
}

// Empty tells whether nobody is chosen.
func (c Choice) Empty() bool {
	return !c.All && len(c.Territories)+len(c.Organisations)+len(c.Persons)+len(c.codes()) == 0
}

// codes are the participant codes as they are kept.
func (c Choice) codes() []string {
	list := strings.FieldsFunc(strings.ToUpper(c.Codes), func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
	slices.Sort(list)
	return slices.Compact(list)
}

// Drawn is what an invitation by a choice would do.
type Drawn struct {
	Fresh  int // people who would be invited
	Known  int // chosen and invited already
	Unfit  int // named, but of another position or subject, or working nowhere now
	Places []DrawnPlace
}

// DrawnPlace is how many would be invited of one organisation.
type DrawnPlace struct {
	Territory, Organisation string
	N                       int
}

// Draw counts what an invitation by a choice would do, and does nothing.
func (s *Service) Draw(ctx context.Context, actor access.Actor, id int64, who Choice) (d Drawn, err error) {
	if !actor.May(access.CampaignsManage) {
		return d, fault.New(fault.NotFound, "Такой страницы нет")
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		c, err := ByIDTx(ctx, tx, id)
		if err != nil {
			return err
		}
		i, err := instrumentTx(ctx, tx, c.InstrumentID)
		if err != nil {
			return err
		}
		chosen, unfit, err := chooseTx(ctx, tx, i, who)
		if err != nil {
			return err
		}
		known, err := registeredTx(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("already invited: %w", err)
		}
		fresh := slices.DeleteFunc(slices.Clone(chosen), func(p access.PersonID) bool { return known[p] })
		passports, err := people.PassportsTx(ctx, tx, fresh, i.Position, i.Subject, s.now())
		if err != nil {
			return fmt.Errorf("passports: %w", err)
		}
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		d.Fresh, d.Known, d.Unfit = len(passports), len(chosen)-len(fresh), unfit
		at := map[int64]*DrawnPlace{}
		for _, p := range passports {
			if at[p.OrganisationID] == nil {
				at[p.OrganisationID] = &DrawnPlace{Territory: refs.Territory(p.TerritoryID).ShortName, Organisation: refs.Organisation(p.OrganisationID).ShortName}
			}
			at[p.OrganisationID].N++
		}
		for _, id := range slices.Sorted(maps.Keys(at)) {
			d.Places = append(d.Places, *at[id])
		}
		slices.SortStableFunc(d.Places, func(a, b DrawnPlace) int {
			return cmp.Or(cmp.Compare(a.Territory, b.Territory), cmp.Compare(a.Organisation, b.Organisation))
		})
		return nil
	})
	return d, err
}

// chooseTx lists those of a choice who fit the instrument, by id, and counts the
// named ones who do not. A place or a code that is not known is an Invalid fault.
func chooseTx(ctx context.Context, tx *sqlx.Tx, i Instrument, who Choice) (chosen []access.PersonID, unfit int, err error) {
	refs, err := people.RefsTx(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	for _, t := range who.Territories {
		if refs.Territory(t).ID == 0 {
			return nil, 0, fault.Field("territories", "Такого муниципалитета нет: выберите из списка")
		}
	}
	for _, o := range who.Organisations {
		if refs.Organisation(o).ID == 0 {
			return nil, 0, fault.Field("organisations", "Такой организации нет: выберите из списка")
		}
	}
	named, err := byCodesTx(ctx, tx, who.codes())
	if err != nil {
		return nil, 0, err
	}
	all, err := people.SelectTx(ctx, tx, people.Selection{Position: i.Position, Subject: i.Subject})
	if err != nil {
		return nil, 0, err
	}
	fits, taken := make(map[access.PersonID]bool, len(all)), map[access.PersonID]bool{}
	for _, p := range all {
		fits[p] = true
		if who.All {
			taken[p] = true
		}
	}
	if len(who.Territories)+len(who.Organisations) > 0 {
		of, err := people.SelectTx(ctx, tx, people.Selection{Territories: who.Territories, Organisations: who.Organisations, Position: i.Position, Subject: i.Subject})
		if err != nil {
			return nil, 0, err
		}
		for _, p := range of {
			taken[p] = true
		}
	}
	odd := map[access.PersonID]bool{}
	for _, p := range append(named, who.Persons...) {
		if fits[p] {
			taken[p] = true
		} else {
			odd[p] = true
		}
	}
	return slices.Sorted(maps.Keys(taken)), len(odd), nil
}

// byCodesTx finds people by the codes they had in any campaign.
func byCodesTx(ctx context.Context, tx *sqlx.Tx, codes []string) ([]access.PersonID, error) {
	for _, code := range codes {
		if !ValidCode(code) {
			return nil, fault.Field("codes", "В коде %s опечатка: сверьте его с карточкой, например ЛО-26-МА-0417-7", code)
		}
	}
	rows, err := db.Select[struct {
		Code   string          `db:"participant_code"`
		Person access.PersonID `db:"person_id"`
	}](ctx, tx, `SELECT participant_code, person_id FROM registration WHERE participant_code = ANY($1) ORDER BY participant_code`, db.Array(codes))
	if err != nil {
		return nil, fmt.Errorf("people by codes: %w", err)
	}
	list := make([]access.PersonID, len(rows))
	for k, r := range rows {
		list[k] = r.Person
		codes = slices.DeleteFunc(codes, func(c string) bool { return c == r.Code })
	}
	if len(codes) > 0 {
		return nil, fault.Field("codes", "Таких кодов нет: %s", strings.Join(codes[:min(5, len(codes))], ", "))
	}
	return list, nil
}
