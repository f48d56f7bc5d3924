package routes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/web"
)

// ProposalBook gives the people of a proposal that a filter leaves as a workbook: a line each, a line each of their
// steps, and how it was counted. Names leave the system with it, so each is journalled and so is the whole.
func (s *Service) ProposalBook(ctx context.Context, actor access.Actor, id int64, f sift) ([]byte, error) {
	_, p, err := s.ProposalState(ctx, actor, id)
	if err == nil && p == nil {
		err = fault.New(fault.Conflict, "Расчёт ещё не закончен")
	}
	if err != nil {
		return nil, err
	}
	var lines []proposalLine
	var place, campaign, exporter string
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		l, err := s.linesTx(ctx, tx, p)
		if err != nil {
			return err
		}
		list, err := siftedTx(ctx, tx, p, f, l.held, l.refs)
		if err != nil {
			return err
		}
		if lines, err = l.nameTx(ctx, tx, actor, "выгрузка предложения маршрутов", list); err != nil {
			return err
		}
		place = placeOf(l.refs, p.Selection)
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range campaigns {
			if c.ID == p.Selection.Campaign {
				campaign = c.Title
			}
		}
		own, err := people.NamesTx(ctx, tx, actor, "", []access.PersonID{actor.ID})
		if err != nil {
			return err
		}
		exporter = nameOfPerson(own, actor.ID)
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "proposal.export", ObjectKind: "proposal", ObjectID: fmt.Sprint(id),
			Purpose: "Выгрузка предложения маршрутов", Details: map[string]any{"query": f.values().Encode(), "persons": len(lines)}})
	})
	if err != nil {
		return nil, err
	}
	b := newWorkbook()
	persons, steps := [][]any{}, [][]any{}
	for _, l := range lines {
		titles, first, last := []string{}, "", ""
		for i, st := range l.Steps {
			titles = append(titles, st.Programme.Title+", "+st.Dates())
			if i == 0 {
				first = st.Session.StartsOn.Format("02.01.2006")
			}
			last = st.Session.EndsOn.Format("02.01.2006")
			steps = append(steps, []any{l.Name, l.Code, st.Programme.Code, st.Programme.Title, st.Session.Code, st.Session.StartsOn.Format("02.01.2006"), st.Session.EndsOn.Format("02.01.2006"),
				st.Programme.Hours, st.Programme.Cost, st.Session.Place()})
		}
		persons = append(persons, []any{l.Name, l.Code, l.Territory, l.Organisation, b.share(l.Coverage), l.Hours, l.Cost, len(l.Proposed1.Steps), first, last,
			b.text(strings.Join(titles, "\n")), b.text(strings.Join(l.Left, "\n")), l.StandsWords()})
	}
	b.sheet("Педагоги", []string{"Педагог", "Код участника", "Муниципалитет", "Организация", "Закроет", "Часов", "Рублей", "Шагов", "Первый шаг с", "Последний шаг по", "Шаги", "Что останется не закрыто и почему", "Как стоит"},
		[]float64{32, 20, 20, 28, 9, 8, 10, 8, 13, 13, 60, 60, 28}, persons)
	b.sheet("Шаги", []string{"Педагог", "Код участника", "Код программы", "Программа", "Группа", "Начало", "Конец", "Часов", "Рублей", "Где"}, []float64{32, 20, 14, 60, 14, 12, 12, 8, 10, 28}, steps)
	limit := "без предела"
	if p.Selection.Cost >= 0 {
		limit = web.Rub(p.Selection.Cost)
	}
	about := [][]any{{"Расчёт", mark(id)}, {"Диагностика", campaign}, {"Для кого", place}, {"Часов на человека, не больше", p.Selection.Hours}, {"Денег на человека, не больше", limit},
		{"Людей в расчёте", len(p.People)}, {"Людей в этой выгрузке", len(lines)}, {"Вместе маршруты закроют", b.share(p.Closes())}, {"Точность", p.Far()},
		{"Закроет", "доля всего, что стоит укрепить, с учётом важности тем; чем больше, тем лучше"},
		{"Выгрузка", exporter + ", " + calendar.DateTime(s.now())}, {"Внимание", "персональные данные: каждое имя в выгрузке записано в журнал, педагог это видит"}}
	b.sheet("О расчёте", []string{"Что", "Значение"}, []float64{34, 80}, about)
	return b.bytes()
}

// StandsWords says what has become of a line by now.
func (l proposalLine) StandsWords() string {
	switch {
	case l.Held.ID != 0:
		return "маршрут: " + l.Held.State.Name()
	case !l.Ready:
		return "ничего не подошло: " + l.Lacks()
	}
	return "можно взять"
}
