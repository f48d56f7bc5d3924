package campaign

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	invitePage  = web.MustPage[inviteView](pages, "pages/invite.html")
	invitedPage = web.MustPage[invitedView](pages, "pages/invited.html")
)

// found is how many people a search for a name shows at most.
const found = 30

type inviteForm struct {
	Choice
	Do    string `form:"do"`    // "find", "schools", "check", "invite"; "" is the campaign's own page
	Place int64  `form:"place"` // whose organisations are shown
	Query string `form:"q"`     // a name to search for
}

// tick is one box to tick.
type tick struct {
	ID      int64
	Name    string
	Where   string
	Free    int // how many may yet be invited
	Checked bool
}

type inviteView struct {
	oneView
	Form          inviteForm
	Organisations []tick
	Persons       []tick
	Searched      bool
	More          int // people found and not shown
	Drawn         *Drawn
	Ticked        map[int64]bool // municipalities
}

func (s *Service) getInvite(c *gin.Context) error {
	return s.showInvite(c, http.StatusOK, inviteForm{}, nil, nil)
}

// showInvite renders the form of an invitation with what is chosen so far.
func (s *Service) showInvite(c *gin.Context, status int, f inviteForm, wrong map[string]string, drawn *Drawn) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	v := inviteView{oneView: oneView{Manages: true, Errors: wrong}, Form: f, Drawn: drawn, Ticked: map[int64]bool{}, Searched: strings.TrimSpace(f.Query) != ""}
	for _, t := range f.Territories {
		v.Ticked[t] = true
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if v.Campaign, err = ByIDTx(ctx, tx, id); err != nil {
			return err
		}
		if v.Instrument, err = instrumentTx(ctx, tx, v.InstrumentID); err != nil {
			return err
		}
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		v.Position, v.Subject = refs.PositionName(v.Instrument.Position), v.Instrument.SubjectName
		if err := s.territoriesTx(ctx, tx, &v.oneView, refs, access.Scope{All: true}); err != nil {
			return err
		}
		known, err := registeredTx(ctx, tx, id)
		if err != nil {
			return err
		}
		fits, err := people.SelectTx(ctx, tx, people.Selection{Position: v.Instrument.Position, Subject: v.Instrument.Subject})
		if err != nil {
			return err
		}
		free, err := people.PassportsTx(ctx, tx, slices.DeleteFunc(fits, func(p access.PersonID) bool { return known[p] }), v.Instrument.Position, v.Instrument.Subject, s.now())
		if err != nil {
			return err
		}
		v.organisations(refs, free)
		return v.personsTx(c, tx, actor, refs, free)
	})
	if err != nil {
		return err
	}
	if v.State == Closed {
		return fault.New(fault.Conflict, "Диагностика завершена: приглашать поздно")
	}
	return invitePage.Render(c, status, head("Кого пригласить: "+v.Title, web.Crumb{Title: v.Title, Href: "/campaigns/" + strconv.FormatInt(id, 10)}, web.Crumb{Title: "Кого пригласить"}), v)
}

// organisations lists those of the municipality looked at, and those ticked already.
func (v *inviteView) organisations(refs people.Refs, free map[access.PersonID]people.Passport) {
	n := map[int64]int{}
	for _, p := range free {
		n[p.OrganisationID]++
	}
	for _, o := range refs.Organisations {
		ticked := slices.Contains(v.Form.Organisations, o.ID)
		if ticked || v.Form.Place == o.TerritoryID && n[o.ID] > 0 {
			v.Organisations = append(v.Organisations, tick{o.ID, o.ShortName, refs.Territory(o.TerritoryID).ShortName, n[o.ID], ticked})
		}
	}
	slices.SortStableFunc(v.Organisations, func(a, b tick) int { return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Name, b.Name)) })
}

// personsTx lists who is ticked already and whom the search found; every name shown is journalled.
func (v *inviteView) personsTx(c *gin.Context, tx *sqlx.Tx, actor access.Actor, refs people.Refs, free map[access.PersonID]people.Passport) error {
	ctx := c.Request.Context()
	shown := slices.DeleteFunc(slices.Clone(v.Form.Persons), func(p access.PersonID) bool { _, fits := free[p]; return !fits })
	if v.Searched {
		rest := []access.PersonID{}
		for p := range free {
			if !slices.Contains(shown, p) {
				rest = append(rest, p)
			}
		}
		ranked, err := people.RankTx(ctx, tx, rest, v.Form.Query)
		if err != nil {
			return err
		}
		v.More = max(0, len(ranked)-found)
		shown = append(shown, ranked[:min(found, len(ranked))]...)
	}
	names, err := people.NamesTx(ctx, tx, actor, "приглашение на диагностику", shown)
	if err != nil {
		return err
	}
	for _, p := range shown {
		at := free[p]
		v.Persons = append(v.Persons, tick{int64(p), names[p].Full(), refs.Organisation(at.OrganisationID).ShortName + ", " + refs.Territory(at.TerritoryID).ShortName, 1, slices.Contains(v.Form.Persons, p)})
	}
	return nil
}

func (s *Service) postInvite(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	var f inviteForm
	if err := web.Bind(c, &f); err != nil {
		return err
	}
	ctx, actor := c.Request.Context(), web.Actor(c)
	again := func(wrong map[string]string) error {
		if f.Do == "" {
			return s.showOne(c, http.StatusUnprocessableEntity, wrong, participantForm{Minutes: "30"})
		}
		return s.showInvite(c, http.StatusUnprocessableEntity, f, wrong, nil)
	}
	switch {
	case f.Do == "find" || f.Do == "schools":
		return s.showInvite(c, http.StatusOK, f, nil, nil)
	case f.Empty() && f.Do == "":
		return again(map[string]string{"territories": "Отметьте хотя бы один муниципалитет"})
	case f.Empty():
		return again(map[string]string{"territories": "Отметьте хотя бы один муниципалитет, школу или человека"})
	case f.Do == "check":
		drawn, err := s.Draw(ctx, actor, id, f.Choice)
		if wrong := fault.FieldsOf(err); wrong != nil {
			return again(wrong)
		}
		if err != nil {
			return err
		}
		return s.showInvite(c, http.StatusOK, f, nil, &drawn)
	}
	n, err := s.Invite(ctx, actor, id, f.Choice)
	if wrong := fault.FieldsOf(err); wrong != nil {
		return again(wrong)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		web.Flash(c, "Новых приглашений нет: среди выбранных все уже приглашены или не подходят")
	} else {
		web.Flash(c, "Приглашено: %s", web.Plural(n, "человек", "человека", "человек"))
	}
	return web.SeeOther(c, "/campaigns/%d", id)
}

// --- the list of the invited

// invitedRows is how many lines of the list a page shows: their names are journalled.
const invitedRows = 50

type invitedFilter struct {
	Query        string `form:"q"` // a name or a code
	Territory    int64  `form:"territory"`
	Organisation int64  `form:"organisation"`
	State        string `form:"state"`
	Sort         string `form:"sort"` // a column, with "-" in front for the other way
	Page         int    `form:"page"`
}

type invitedRow struct {
	Registration
	Name, Where, At string
}

// Word is the state of the invitation in words.
func (r invitedRow) Word() string { return invitationWords[r.State] }

var invitationWords = map[string]string{Invited: "приглашён", Refused: "отказался", Withdrawn: "отозвал согласие"}

type invitedView struct {
	Campaign
	Filter   invitedFilter
	Refs     people.Refs
	Rows     []invitedRow
	All      int // invited in all
	Count    int // chosen by the filter
	basePath string
}

// States are the states to choose from.
func (invitedView) States() []struct{ Code, Word string } {
	return []struct{ Code, Word string }{{Invited, invitationWords[Invited]}, {Refused, invitationWords[Refused]}, {Withdrawn, invitationWords[Withdrawn]}}
}

// Pages is how many pages the list has.
func (v invitedView) Pages() int { return (v.Count + invitedRows - 1) / invitedRows }

// First and Last number the lines shown.
func (v invitedView) First() int { return (v.Filter.Page-1)*invitedRows + 1 }

// Last is the number of the last line shown.
func (v invitedView) Last() int { return v.First() + len(v.Rows) - 1 }

// Narrowed tells whether a filter is on.
func (v invitedView) Narrowed() bool {
	f := v.Filter
	return f.Query != "" || f.Territory != 0 || f.Organisation != 0 || f.State != ""
}

func (v invitedView) href(sort string, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": v.Filter.Query, "state": v.Filter.State, "sort": sort} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, n := range map[string]int64{"territory": v.Filter.Territory, "organisation": v.Filter.Organisation, "page": int64(page)} {
		if n > 0 {
			q.Set(name, strconv.FormatInt(n, 10))
		}
	}
	return v.basePath + "?" + q.Encode()
}

// PageHref is the address of another page.
func (v invitedView) PageHref(page int) string { return v.href(v.Filter.Sort, page) }

// SortHref sorts by a column, the other way round where it sorts already.
func (v invitedView) SortHref(column string) string {
	if v.Filter.Sort == column {
		column = "-" + column
	}
	return v.href(column, 0)
}

// AriaSort tells how a column sorts the list.
func (v invitedView) AriaSort(column string) string {
	switch v.Filter.Sort {
	case column:
		return "ascending"
	case "-" + column:
		return "descending"
	}
	return "none"
}

func (s *Service) getInvited(c *gin.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	v := invitedView{}
	if err := web.Bind(c, &v.Filter); err != nil {
		return err
	}
	f := &v.Filter
	f.Page, f.Query = max(1, f.Page), strings.TrimSpace(f.Query)
	if column := strings.TrimPrefix(f.Sort, "-"); !slices.Contains([]string{"name", "code", "territory", "organisation", "state"}, column) {
		f.Sort = "name"
	}
	v.basePath = "/campaigns/" + strconv.FormatInt(id, 10) + "/invited"
	ctx, actor := c.Request.Context(), web.Actor(c)
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if v.Campaign, err = ByIDTx(ctx, tx, id); err != nil {
			return err
		}
		if v.Refs, err = people.RefsTx(ctx, tx); err != nil {
			return err
		}
		all, err := RegistrationsTx(ctx, tx, id, access.Scope{All: true})
		if err != nil {
			return err
		}
		v.All = len(all)
		chosen, err := v.chooseTx(c, tx, all)
		if err != nil {
			return err
		}
		v.Count = len(chosen)
		f.Page = min(f.Page, max(1, v.Pages()))
		chosen = chosen[min(len(chosen), (f.Page-1)*invitedRows):min(len(chosen), f.Page*invitedRows)]
		persons := make([]access.PersonID, len(chosen))
		for i, r := range chosen {
			persons[i] = r.PersonID
		}
		names, err := people.NamesTx(ctx, tx, actor, "список приглашённых на диагностику", persons)
		if err != nil {
			return err
		}
		for _, r := range chosen {
			v.Rows = append(v.Rows, invitedRow{r, cmp.Or(names[r.PersonID].Full(), "Данные удалены"), v.Refs.Territory(r.TerritoryID).ShortName, v.Refs.Organisation(r.OrganisationID).ShortName})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return invitedPage.Render(c, http.StatusOK, head("Приглашены: "+v.Title, web.Crumb{Title: v.Title, Href: "/campaigns/" + strconv.FormatInt(id, 10)}, web.Crumb{Title: "Приглашённые"}), v)
}

// chooseTx filters and sorts the invitations.
func (v *invitedView) chooseTx(c *gin.Context, tx *sqlx.Tx, all []Registration) ([]Registration, error) {
	f := v.Filter
	persons := make([]access.PersonID, len(all))
	for i, r := range all {
		persons[i] = r.PersonID
	}
	code := strings.ToUpper(f.Query)
	words := f.Query
	byCode := strings.ContainsAny(code, "0123456789")
	if byCode {
		words = ""
	}
	ranked, err := people.RankTx(c.Request.Context(), tx, persons, words)
	if err != nil {
		return nil, err
	}
	rank := make(map[access.PersonID]int, len(ranked))
	for i, p := range ranked {
		rank[p] = i + 1
	}
	chosen := []Registration{}
	for _, r := range all {
		switch {
		case f.Territory != 0 && r.TerritoryID != f.Territory, f.Organisation != 0 && r.OrganisationID != f.Organisation, f.State != "" && r.State != f.State,
			byCode && !strings.Contains(r.Code, code), words != "" && rank[r.PersonID] == 0:
		default:
			chosen = append(chosen, r)
		}
	}
	column, down := strings.CutPrefix(f.Sort, "-")
	if !down {
		column = f.Sort
	}
	place := func(r Registration) string {
		return v.Refs.Territory(r.TerritoryID).ShortName
	}
	slices.SortStableFunc(chosen, func(a, b Registration) int {
		by := 0
		switch column {
		case "territory":
			by = cmp.Compare(place(a), place(b))
		case "organisation":
			by = cmp.Or(cmp.Compare(v.Refs.Organisation(a.OrganisationID).ShortName, v.Refs.Organisation(b.OrganisationID).ShortName), cmp.Compare(place(a), place(b)))
		case "state":
			by = cmp.Compare(a.State, b.State)
		case "name":
			by = cmp.Compare(rank[a.PersonID], rank[b.PersonID])
		default:
			by = cmp.Compare(a.Code, b.Code)
		}
		if down {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(rank[a.PersonID], rank[b.PersonID]), cmp.Compare(a.Code, b.Code))
	})
	return chosen, nil
}
