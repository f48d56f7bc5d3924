package routes

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
)

// places are the territories and organisations of a scope for a filter; organisations only within one territory.
func places(refs people.Refs, scope access.Scope, territory, organisation int64) (territories, organisations []option) {
	for _, t := range refs.Territories {
		if scope.All || slices.Contains(scope.Territories, t.ID) || slices.ContainsFunc(refs.OrganisationsOf(t.ID), func(o people.Organisation) bool { return slices.Contains(scope.Organisations, o.ID) }) {
			territories = append(territories, option{fmt.Sprint(t.ID), t.ShortName, t.ID == territory})
		}
	}
	for _, o := range refs.Organisations {
		if (territory == 0 && len(territories) == 1 || o.TerritoryID == territory) && scope.Covers(o.TerritoryID, o.ID) && learns(o) {
			organisations = append(organisations, option{fmt.Sprint(o.ID), o.ShortName, o.ID == organisation})
		}
	}
	return territories, organisations
}

// learns tells whether routes are made for the people of an organisation: an authority and a centre have none.
func learns(o people.Organisation) bool { return o.Kind != "authority" && o.Kind != "centre" }

// chosen reads what a list of a form sends: 0 where nothing was chosen, −1 where it is nothing that a list holds.
func chosen(value string) int64 {
	if value == "" {
		return 0
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
		return n
	}
	return -1
}

// checkWhomTx refuses a selection that names what is not there to choose: a diagnostic without published results, a
// municipality or an organisation out of the reader's scope, an organisation of another municipality. Counted as they
// are, such selections would look like people who need nothing.
func (s *Service) checkWhomTx(ctx context.Context, tx *sqlx.Tx, sel Selection, scope access.Scope) error {
	fields := map[string]string{}
	campaigns, err := s.src.Campaigns(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(campaigns, func(c Campaign) bool { return c.ID == sel.Campaign }) {
		fields["campaign"] = "Такой диагностики с опубликованными результатами нет: выберите из списка"
	}
	if sel.Territory != 0 || sel.Organisation != 0 {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		territories, _ := places(refs, scope, sel.Territory, sel.Organisation)
		known := slices.ContainsFunc(territories, func(o option) bool { return o.On })
		organisation := refs.Organisation(sel.Organisation)
		switch {
		case sel.Territory != 0 && !known:
			fields["territory"] = "Такого муниципалитета среди ваших нет: выберите из списка"
		case sel.Organisation == 0:
		case organisation.ID == 0 || !scope.Covers(organisation.TerritoryID, organisation.ID) || !learns(organisation):
			fields["organisation"] = "Такой организации среди ваших нет: выберите из списка"
		case sel.Territory != 0 && organisation.TerritoryID != sel.Territory:
			fields["organisation"] = organisation.ShortName + " — из другого муниципалитета: выберите организацию из списка"
		}
	}
	if len(fields) > 0 {
		return &fault.Error{Kind: fault.Invalid, Message: "Проверьте, для кого считать", Fields: fields}
	}
	return nil
}

// placeOf words the place of a selection.
func placeOf(refs people.Refs, sel Selection) string {
	switch {
	case sel.Organisation != 0:
		o := refs.Organisation(sel.Organisation)
		return o.ShortName + ", " + refs.Territory(o.TerritoryID).ShortName
	case sel.Territory != 0:
		return refs.Territory(sel.Territory).ShortName
	}
	return "все муниципалитеты"
}
