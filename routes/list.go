package routes

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/people"
)

// search is what is asked of the list of routes beside its filter: words of a name, and an order ("" is what waits
// first; "-" before a column turns it round).
type search struct{ Query, Sort string }

// figures are the columns of the list that begin with the greatest.
var figures = map[string]bool{"hours": true, "closes": true, "changed": true}

// soughtTx keeps the lines whose people have the words of a search in their names, and puts them in its order.
func soughtTx(ctx context.Context, tx db.Q, list []Line, x search) ([]Line, error) {
	if x.Query == "" && x.Sort == "" {
		return list, nil
	}
	persons := make([]access.PersonID, len(list))
	for i, l := range list {
		persons[i] = l.Person
	}
	ranked, err := people.RankTx(ctx, tx, persons, x.Query)
	if err != nil {
		return nil, err
	}
	rank := make(map[access.PersonID]int, len(ranked)) // 1, 2, …; erased people have none and come last
	for i, id := range ranked {
		rank[id] = i + 1
	}
	if x.Query != "" {
		list = slices.DeleteFunc(list, func(l Line) bool { return rank[l.Person] == 0 })
	}
	by, down := strings.CutPrefix(x.Sort, "-")
	if by == "" {
		return list, nil
	}
	name := func(l Line) int { return cmp.Or(rank[l.Person], len(ranked)+1) }
	next := func(l Line) time.Time { // no step ahead comes last
		if l.NextOn == nil {
			return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return *l.NextOn
	}
	slices.SortStableFunc(list, func(a, b Line) int {
		n := 0
		switch by {
		case "name":
			n = name(a) - name(b)
		case "state":
			n = slices.Index(States, a.State) - slices.Index(States, b.State)
		case "hours":
			n = a.Hours - b.Hours
		case "closes":
			n = cmp.Compare(a.Coverage, b.Coverage)
		case "next":
			n = next(a).Compare(next(b))
		case "changed":
			n = a.ChangedAt.Compare(b.ChangedAt)
		}
		if down {
			n = -n
		}
		return cmp.Or(n, name(a)-name(b))
	})
	return list, nil
}

// ListBook gives the routes of a filter and a search as a workbook. Names leave the system with it, so each is
// journalled and so is the whole.
func (s *Service) ListBook(ctx context.Context, actor access.Actor, f Filter, x search) ([]byte, error) {
	list, _, err := s.List(ctx, actor, f)
	if err != nil {
		return nil, err
	}
	rows, exporter, titles := [][]any{}, "", map[int64]string{}
	b := newWorkbook()
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if list, err = soughtTx(ctx, tx, list, x); err != nil {
			return err
		}
		if err := s.driftedTx(ctx, tx, list); err != nil {
			return err
		}
		refs, err := people.RefsTx(ctx, tx)
		if err != nil {
			return err
		}
		campaigns, err := s.src.Campaigns(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range campaigns {
			titles[c.ID] = c.Title
		}
		ids := make([]access.PersonID, len(list))
		for i, l := range list {
			ids[i] = l.Person
		}
		names, err := people.NamesTx(ctx, tx, actor, "выгрузка списка маршрутов", ids)
		if err != nil {
			return err
		}
		own, err := people.NamesTx(ctx, tx, actor, "", []access.PersonID{actor.ID})
		if err != nil {
			return err
		}
		exporter = nameOfPerson(own, actor.ID)
		for _, l := range list {
			next := ""
			if l.NextOn != nil {
				next = l.NextOn.Format("02.01.2006")
			}
			rows = append(rows, []any{nameOfPerson(names, l.Person), refs.Territory(l.Territory).ShortName, refs.Organisation(l.Organisation).ShortName, refs.SubjectName(l.Subject), titles[l.Campaign],
				l.State.Name(), l.Version, l.StepsDone, l.Steps, l.HoursDone, l.Hours, l.Cost, b.share(l.Coverage), b.share(l.Best), next, l.ChangedAt.In(calendar.Zone).Format("02.01.2006"), l.RiskWords()})
		}
		return audit.RecordTx(ctx, tx, actor, audit.Entry{Action: "routes.export", ObjectKind: "route", Purpose: "Выгрузка списка маршрутов", Details: map[string]any{"persons": len(list)}})
	})
	if err != nil {
		return nil, err
	}
	b.sheet("Маршруты", []string{"Педагог", "Муниципалитет", "Организация", "Предмет", "Диагностика", "Состояние", "Версия", "Пройдено шагов", "Шагов", "Пройдено часов", "Часов", "Рублей", "Закроет", "Лучший при составлении", "Ближайший шаг", "Изменён", "Что угрожает"},
		[]float64{32, 20, 28, 18, 34, 20, 8, 10, 8, 10, 8, 10, 9, 13, 13, 13, 44}, rows)
	b.sheet("О выгрузке", []string{"Что", "Значение"}, []float64{34, 80}, [][]any{{"Маршрутов", len(rows)},
		{"Закроет", "доля всего, что стоит укрепить, с учётом важности тем, какой она была, когда составили версию; чем больше, тем лучше"},
		{"Выгрузка", exporter + ", " + calendar.DateTime(s.now())}, {"Внимание", "персональные данные: каждое имя в выгрузке записано в журнал, педагог это видит"}})
	return b.bytes()
}

// SortLink turns to another order.
func (v routesView) SortLink(by string) string {
	q := maps.Clone(v.query)
	q.Del("page")
	q.Set("sort", string(sorting(v.Search.Sort).turned(by, figures[by])))
	return "/routes?" + q.Encode()
}

// Sorted is the way a column is sorted.
func (v routesView) Sorted(by string) string { return sorting(v.Search.Sort).way(by) }

// Sorts are the orders to choose from where the heads of the table are not seen.
func (v routesView) Sorts() []option {
	out := []option{{"", "сначала то, что под угрозой", false}, {"name", "по имени", false}, {"state", "по состоянию", false}, {"-closes", "сначала закроют больше", false}, {"closes", "сначала закроют меньше", false},
		{"-hours", "сначала длинные", false}, {"hours", "сначала короткие", false}, {"next", "по ближайшему шагу", false}, {"-changed", "сначала изменённые недавно", false}}
	for i := range out {
		out[i].On = out[i].Value == v.Search.Sort
	}
	return out
}

// Book is where the workbook of the list is.
func (v routesView) Book() string {
	q := maps.Clone(v.query)
	q.Del("page")
	return strings.TrimSuffix("/routes.xlsx?"+q.Encode(), "?")
}
