package sitting

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/xuri/excelize/v2"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

var (
	participationPage = web.MustPage[participationView](pages, "pages/participation.html")
	waitingPage       = web.MustPage[participationView](pages, "pages/waiting.html")
	cardsPage         = web.MustPage[participationView](pages, "pages/cards.html")
)

var errNoCampaign = fault.New(fault.NotFound, "Такой диагностики нет или в ней не участвуют ваши педагоги")

// mountParticipation adds the pages of participation: for coordinators, heads,
// methodists and the manager, each within their own scope, without any score.
func (s *Service) mountParticipation(r gin.IRouter) {
	see := web.Need(access.ParticipationRead)
	r.GET("/participation", see, web.Handle(s.getParticipation))
	r.GET("/participation/waiting", see, web.Handle(s.getWaiting))
	r.GET("/participation/cards", see, web.Handle(s.getCards))
	r.GET("/participation.xlsx", see, web.Handle(s.getParticipationBook))
}

type namedRow struct {
	Participant
	Name         string
	Organisation string
	Territory    string
}

type participationView struct {
	Participation
	Territory    people.Territory
	Organisation people.Organisation
	Wide         bool // the reader sees more than one territory
	Rows         []namedRow
	Query        template.URL // the filter as a query, for links that keep it
	Now          *Now
}

// participationOf reads what the query asks for, within the reader's scope;
// names come along, and into the journal, where why is not empty.
func (s *Service) participationOf(c *gin.Context, why string, keep func(Step) bool) (v participationView, err error) {
	ctx, actor := c.Request.Context(), web.Actor(c)
	where := actor.Scope(access.ParticipationRead)
	number := func(name string) int64 {
		n, err := strconv.ParseInt(c.Query(name), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	territory, organisation := number("territory"), number("organisation")
	switch places := len(where.Territories) + len(where.Organisations); { // whose whole scope is one place starts there
	case where.All || places != 1 || territory != 0 || organisation != 0:
	case len(where.Territories) == 1:
		territory = where.Territories[0]
	default:
		organisation = where.Organisations[0]
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		if v.Participation, err = s.participationTx(ctx, tx, where, number("campaign"), territory, organisation, refs); err != nil {
			return err
		}
		v.Wide = len(v.Territories) > 1
		v.Territory, v.Organisation = refs.Territory(territory), refs.Organisation(organisation)
		if v.Campaign.State == campaign.Open {
			now, err := s.nowTx(ctx, tx, v.Participants)
			if err != nil {
				return err
			}
			v.Now = &now
		}
		if why == "" {
			return nil
		}
		persons := []access.PersonID{}
		for _, p := range v.Participants {
			if keep(p.Step) {
				persons = append(persons, p.PersonID)
			}
		}
		names, err := people.NamesTx(ctx, tx, actor, why, persons)
		if err != nil {
			return err
		}
		for _, p := range v.Participants {
			if keep(p.Step) {
				name := names[p.PersonID].Full()
				if name == "" {
					name = "Данные удалены"
				}
				v.Rows = append(v.Rows, namedRow{p, name, refs.Organisation(p.OrganisationID).ShortName, refs.Territory(p.TerritoryID).ShortName})
			}
		}
		return nil
	})
	q := url.Values{}
	if v.Campaign.ID != 0 {
		q.Set("campaign", strconv.FormatInt(v.Campaign.ID, 10))
	}
	if v.Territory.ID != 0 {
		q.Set("territory", strconv.FormatInt(v.Territory.ID, 10))
	}
	if v.Organisation.ID != 0 {
		q.Set("organisation", strconv.FormatInt(v.Organisation.ID, 10))
	}
	v.Query = template.URL(q.Encode()) // numbers only
	slices.SortStableFunc(v.Rows, func(a, b namedRow) int {
		return compareStrings(a.Territory, b.Territory, a.Organisation, b.Organisation, a.Name, b.Name)
	})
	return v, err
}

// compareStrings compares pairs in turn.
func compareStrings(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		switch {
		case pairs[i] < pairs[i+1]:
			return -1
		case pairs[i] > pairs[i+1]:
			return 1
		}
	}
	return 0
}

func (v participationView) head(title string, last string) web.Head {
	crumbs := []web.Crumb{{Title: "Участие", Href: "/participation"}}
	if v.Campaign.ID != 0 {
		crumbs = append(crumbs, web.Crumb{Title: v.Campaign.Title, Href: fmt.Sprintf("/participation?campaign=%d", v.Campaign.ID)})
	}
	if v.Territory.ID != 0 {
		crumbs = append(crumbs, web.Crumb{Title: v.Territory.ShortName, Href: fmt.Sprintf("/participation?campaign=%d&territory=%d", v.Campaign.ID, v.Territory.ID)})
	}
	if v.Organisation.ID != 0 {
		crumbs = append(crumbs, web.Crumb{Title: v.Organisation.ShortName, Href: "/participation?" + string(v.Query)})
	}
	if last != "" {
		crumbs = append(crumbs, web.Crumb{Title: last})
	}
	crumbs[len(crumbs)-1].Href = ""
	return web.Head{Title: title, Nav: "/participation", Crumbs: crumbs}
}

func (s *Service) getParticipation(c *gin.Context) error {
	v, err := s.participationOf(c, "", nil)
	if err != nil {
		return err
	}
	return participationPage.Render(c, http.StatusOK, v.head("Участие", ""), v)
}

func notBegun(s Step) bool { return s == StepInvited || s == StepConsented }

func (s *Service) getWaiting(c *gin.Context) error {
	v, err := s.participationOf(c, "список тех, кто ещё не начал диагностику", notBegun)
	if err != nil {
		return err
	}
	return waitingPage.Render(c, http.StatusOK, v.head("Кто ещё не начал", "Кто ещё не начал"), v)
}

func (s *Service) getCards(c *gin.Context) error {
	v, err := s.participationOf(c, "карточки приглашённых на диагностику", notBegun)
	if err != nil {
		return err
	}
	return cardsPage.Render(c, http.StatusOK, v.head("Карточки участников", "Карточки"), v)
}

// getParticipationBook gives what is shown as a workbook: the funnel by
// organisation, who has not begun, and what each figure means.
func (s *Service) getParticipationBook(c *gin.Context) error {
	v, err := s.participationOf(c, "выгрузка участия в диагностике", notBegun)
	if err != nil {
		return err
	}
	if v.Campaign.ID == 0 {
		return errNoCampaign
	}
	b, err := v.workbook()
	if err != nil {
		return fmt.Errorf("participation workbook: %w", err)
	}
	return web.Download(c, "Участие — "+v.Campaign.Title+".xlsx", web.XLSX, b)
}

func (v participationView) workbook() ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	if err != nil {
		return nil, err
	}
	share, err := f.NewStyle(&excelize.Style{NumFmt: 9})
	if err != nil {
		return nil, err
	}
	funnel := func(f Funnel) []any {
		return []any{f.Invited, f.Declined, f.Consented, f.Started, f.Finished, f.Waiting(), f.Share()}
	}
	table := [][]any{{"Муниципалитет", "Организация", "Приглашено", "Отказались", "Согласились", "Начали", "Завершили", "Ещё не начали", "Завершили, доля приглашённых"}}
	for _, o := range v.Organisations {
		table = append(table, append([]any{o.Territory, o.Name}, funnel(o.Funnel)...))
	}
	total := append([]any{"Всего", ""}, funnel(v.Total)...)
	waiting := [][]any{{"Муниципалитет", "Организация", "Фамилия, имя, отчество", "Код участника", "Состояние"}}
	for _, r := range v.Rows {
		waiting = append(waiting, []any{r.Territory, r.Organisation, r.Name, r.Code, r.Step.Label()})
	}
	about := [][]any{{"Показатель", "Что значит"},
		{"Диагностика", v.Campaign.Title},
		{"Приглашено", "Люди, которых ЦНППМ пригласил; муниципалитет и организация запомнены в день приглашения"},
		{"Отказались", "Решили не участвовать или отозвали согласие; последствий нет"},
		{"Согласились", "Дали согласие на участие в диагностике, включая начавших и завершивших"},
		{"Начали", "Открыли задания, включая завершивших"},
		{"Завершили", "Сдали работу сами, по истечении времени или при закрытии диагностики"},
		{"Ещё не начали", "Приглашено − отказались − начали"},
		{"Результаты", "В этой книге их нет: участие — это только присутствие"}}
	for i, sheet := range []struct {
		name   string
		rows   [][]any
		widths []float64
	}{{"Участие", append(table, total), []float64{26, 42, 13, 13, 13, 13, 13, 13, 16}}, {"Кто не начал", waiting, []float64{26, 42, 40, 20, 28}}, {"Что значит", about, []float64{24, 90}}} {
		if i == 0 {
			err = f.SetSheetName("Sheet1", sheet.name)
		} else {
			_, err = f.NewSheet(sheet.name)
		}
		if err != nil {
			return nil, err
		}
		// The filter comes first: the stream would lose one set after it.
		if last := len(sheet.rows); i < 2 && last > 1 {
			if i == 0 {
				last-- // the total stays when rows are filtered
			}
			corner, err := excelize.CoordinatesToCellName(len(sheet.rows[0]), last)
			if err != nil {
				return nil, err
			}
			if err := f.AutoFilter(sheet.name, "A1:"+corner, nil); err != nil {
				return nil, err
			}
		}
		w, err := f.NewStreamWriter(sheet.name)
		if err != nil {
			return nil, err
		}
		for col, width := range sheet.widths {
			if err := w.SetColWidth(col+1, col+1, width); err != nil {
				return nil, err
			}
		}
		if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return nil, err
		}
		for n, row := range sheet.rows {
			cells := make([]any, len(row))
			for col, value := range row {
				cells[col] = value
				if _, isShare := value.(float64); isShare {
					cells[col] = excelize.Cell{StyleID: share, Value: value}
				}
				if n == 0 || i == 0 && n == len(sheet.rows)-1 && col < 2 {
					cells[col] = excelize.Cell{StyleID: bold, Value: value}
				}
			}
			at, err := excelize.CoordinatesToCellName(1, n+1)
			if err != nil {
				return nil, err
			}
			if err := w.SetRow(at, cells); err != nil {
				return nil, err
			}
		}
		if err := w.Flush(); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
