package routes

import (
	"fmt"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// whom is the selection of a page: whose demand is meant.
type whom struct {
	Campaigns, Territories, Organisations []option
	Selection                             Selection
	Elements                              map[string]Element
	Programmes                            []Programme
	Unshared                              string
	Errors                                map[string]string // of what was chosen
	refs                                  people.Refs
}

func (s *Service) whomOf(c *gin.Context) (whom, error) {
	ctx, actor := c.Request.Context(), web.Actor(c)
	w := whom{Selection: Selection{Campaign: chosen(c.Query("campaign")), Territory: chosen(c.Query("territory")), Organisation: chosen(c.Query("organisation")),
		Hours: DefaultLimits.Hours, Cost: DefaultLimits.Cost}}
	err := db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		w.refs = refs
		w.Territories, w.Organisations = places(refs, actor.Scope(access.RoutesRead), w.Selection.Territory, w.Selection.Organisation)
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for i, x := range campaigns {
			on := x.ID == w.Selection.Campaign || i == 0 && w.Selection.Campaign == 0
			w.Campaigns = append(w.Campaigns, option{fmt.Sprint(x.ID), x.Title, on})
			if on {
				w.Selection.Campaign = x.ID
			}
		}
		if w.Selection.Campaign != 0 {
			if err := s.checkWhomTx(ctx, tx, w.Selection, actor.Scope(access.RoutesRead)); fault.KindOf(err) == fault.Invalid {
				w.Errors = fault.FieldsOf(err)
			} else if err != nil {
				return err
			}
		}
		if w.Elements, err = elementsTx(ctx, tx); err != nil {
			return err
		}
		w.Programmes, err = programmesTx(ctx, tx, nil)
		return err
	})
	return w, err
}

// Title names a theme.
func (w whom) Title(element string) string {
	if e, ok := w.Elements[element]; ok {
		return e.Title
	}
	return element
}

// Named gives the title of a programme by its code.
func (w whom) Named(code string) string {
	for _, g := range w.Programmes {
		if g.Code == code {
			return g.Title
		}
	}
	return code
}
