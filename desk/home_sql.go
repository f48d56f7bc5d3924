package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/roadmap"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/web"
)

// participantCards lists what waits for a person as a participant: attempts to
// start or resume, results that are ready, the next step of the route.
func participantCards(ctx context.Context, tx *sqlx.Tx, records []access.PersonID, now time.Time) ([]card, error) {
	cards := []card{}
	attempts, err := db.Select[struct {
		ID        string     `db:"public_id"`
		Title     string     `db:"title"`
		State     string     `db:"state"`
		About     string     `db:"about"`
		Minutes   int        `db:"minutes"`
		Tasks     int        `db:"tasks"`
		ClosesAt  time.Time  `db:"closes_at"`
		Deadline  *time.Time `db:"deadline"`
		Rehearsal bool       `db:"rehearsal"`
	}](ctx, tx, `
		SELECT a.public_id, c.title, a.state, i.about, c.minutes + r.extra_minutes AS minutes, c.closes_at, a.deadline,
		       c.purpose = 'rehearsal' AS rehearsal,
		       COALESCE((SELECT max(n) FROM (
		           SELECT count(*) AS n FROM variant_task vt JOIN campaign_variant cv USING (variant_id)
		           WHERE cv.campaign_id = c.id GROUP BY vt.variant_id) AS v), 0) AS tasks
		FROM attempt a
		JOIN registration r ON r.id = a.registration_id
		JOIN campaign c ON c.id = a.campaign_id
		JOIN instrument i ON i.id = c.instrument_id
		WHERE a.person_id = ANY($1) AND r.state = 'invited' AND c.state = 'open' AND c.opens_at <= $2 AND c.closes_at > $2
		  AND (a.state = 'assigned' OR (a.state = 'in_progress' AND a.deadline > $2))
		ORDER BY c.closes_at`, db.Array(records), now)
	if err != nil {
		return nil, fmt.Errorf("own attempts: %w", err)
	}
	for _, a := range attempts {
		c := card{Kind: "Диагностика", Title: a.Title, Text: firstSentence(a.About), Href: "/attempts/" + a.ID, Action: "Узнать и начать", rank: 30,
			Facts: []fact{{"Заданий", web.Num(a.Tasks)}, {"Время", web.Minutes(a.Minutes)}, {"Можно до", calendar.DayMonth(a.ClosesAt)}}}
		if a.State == "in_progress" {
			c.Kind, c.Action, c.rank = "Диагностика начата", "Продолжить", 0
			c.Text = "Ваши ответы на месте. Время идёт, поэтому лучше продолжить сейчас."
			c.Facts = []fact{{"Осталось", web.Minutes(int(a.Deadline.Sub(now).Minutes()))}}
		}
		if a.Rehearsal {
			c.Kind = "Репетиция, не идёт в счёт"
		}
		cards = append(cards, c)
	}
	results, err := db.Select[struct {
		ID    string `db:"public_id"`
		Title string `db:"title"`
		Weak  int    `db:"weak"`
		Good  int    `db:"good"`
	}](ctx, tx, `
		SELECT a.public_id, c.title,
		       count(*) FILTER (WHERE d.status = 'deficit') AS weak, count(*) FILTER (WHERE d.status = 'none') AS good
		FROM attempt a JOIN campaign c ON c.id = a.campaign_id
		LEFT JOIN deficit d ON d.person_id = a.person_id AND d.campaign_id = c.id AND d.replaced_at IS NULL
		WHERE a.person_id = ANY($1) AND a.state = 'submitted' AND c.published_at IS NOT NULL
		  AND c.id = (SELECT c2.id FROM campaign c2 JOIN attempt a2 ON a2.campaign_id = c2.id AND a2.person_id = ANY($1) AND a2.state = 'submitted'
		              WHERE c2.published_at IS NOT NULL ORDER BY c2.published_at DESC LIMIT 1)
		GROUP BY a.public_id, c.title`, db.Array(records))
	if err != nil {
		return nil, fmt.Errorf("own results: %w", err)
	}
	for _, r := range results {
		cards = append(cards, card{Kind: "Результаты готовы", Title: r.Title, Href: "/results/" + r.ID, Action: "Посмотреть", rank: 20,
			Text: fmt.Sprintf("Уверенно: %s. Стоит укрепить: %s. Это видите вы и специалист ЦНППМ.",
				web.Plural(r.Good, "тема", "темы", "тем"), web.Plural(r.Weak, "тема", "темы", "тем"))})
	}
	steps, err := db.Select[struct {
		State  string     `db:"state"`
		Steps  int        `db:"steps"`
		Hours  int        `db:"hours"`
		Next   *string    `db:"next"`
		Starts *time.Time `db:"starts_on"`
		Length *int       `db:"length"`
	}](ctx, tx, `
		WITH current AS (
			SELECT r.id, r.state, v.id AS version_id, v.hours FROM route r
			JOIN route_version v ON v.route_id = r.id AND v.version = r.version
			WHERE r.person_id = ANY($1) AND r.state IN ('proposed', 'agreed', 'in_progress')
			ORDER BY r.changed_at DESC LIMIT 1)
		SELECT c.state, c.hours, (SELECT count(*) FROM route_step s WHERE s.route_version_id = c.version_id) AS steps,
		       n.title AS next, n.starts_on, n.hours AS length
		FROM current c LEFT JOIN LATERAL (
			SELECT p.title, s.starts_on, s.hours FROM route_step s JOIN programme p ON p.id = s.programme_id
			WHERE s.route_version_id = c.version_id AND COALESCE((
				SELECT g.what FROM route_progress g WHERE g.route_id = c.id AND g.programme_id = s.programme_id ORDER BY g.id DESC LIMIT 1), '') <> 'done'
			ORDER BY s.position LIMIT 1) n ON true`, db.Array(records))
	if err != nil {
		return nil, fmt.Errorf("own route: %w", err)
	}
	for _, s := range steps {
		switch {
		case s.State == "proposed":
			cards = append(cards, card{Kind: "Маршрут предложен", Title: "Посмотрите свой маршрут", Href: "/route", Action: "Посмотреть и ответить", rank: 10,
				Text:  "Методист собрал шаги под ваши результаты. Согласитесь или попросите изменить: решаете вы.",
				Facts: []fact{{"Шагов", web.Num(s.Steps)}, {"Всего", web.Plural(s.Hours, "час", "часа", "часов")}}})
		case s.Next != nil:
			c := card{Kind: "Следующий шаг маршрута", Title: *s.Next, Text: "Когда закончите, отметьте шаг на странице маршрута.",
				Href: "/route", Action: "Открыть маршрут", rank: 40, Facts: []fact{{"Длится", web.Plural(*s.Length, "час", "часа", "часов")}}}
			if s.Starts != nil {
				c.Facts = append([]fact{{"Начало", calendar.Date(*s.Starts)}}, c.Facts...)
			}
			cards = append(cards, c)
		}
	}
	return cards, nil
}

// firstSentence is enough of a text for a card.
func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}

// one reads a row of counts.
func one[T any](ctx context.Context, tx *sqlx.Tx, what, query string, args ...any) (T, error) {
	v, err := db.Get[T](ctx, tx, query, args...)
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// inScope are the arguments of a scope clause: everywhere, territories, organisations.
func inScope(s access.Scope) []any {
	return []any{s.All, db.Array(s.Territories), db.Array(s.Organisations)}
}

// routeDesk counts the routes of the actor's scope by state, and who is still without one.
func routeDesk(ctx context.Context, tx *sqlx.Tx, scope access.Scope, now time.Time) ([]stat, []card, error) {
	counts, err := routes.CountTx(ctx, tx, scope, routes.Filter{}, calendar.Day(now))
	if err != nil {
		return nil, nil, err
	}
	without, err := one[int](ctx, tx, "route desk", `
		SELECT count(DISTINCT (d.person_id, d.campaign_id)) FROM deficit d JOIN campaign c ON c.id = d.campaign_id
		WHERE d.replaced_at IS NULL AND d.status = 'deficit' AND c.published_at IS NOT NULL AND c.purpose = 'real'
		  AND ($1 OR (d.territory_id = ANY($2) OR d.organisation_id = ANY($3)) AND d.person_id IN (SELECT sharing_results($2)))
		  AND NOT EXISTS (SELECT FROM route r WHERE r.person_id = d.person_id AND r.campaign_id = d.campaign_id AND r.state <> 'cancelled')`, inScope(scope)...)
	if err != nil {
		return nil, nil, err
	}
	in := func(states ...routes.State) (n int) {
		for _, s := range states {
			n += counts.State[s]
		}
		return n
	}
	draft, declined := in(routes.Draft), in(routes.Declined)
	stats := []stat{
		{without, "Без маршрута", "/routes/propose", false},
		{draft, "Ждут вашей проверки", "/routes?state=draft", draft > 0},
		{in(routes.Proposed), "Ждут ответа педагога", "/routes?state=proposed", false},
		{in(routes.Agreed, routes.InProgress), "Идут", "/routes?state=going", false},
		{counts.Risk, "Под угрозой", "/routes?risk=1", counts.Risk > 0},
		{in(routes.Completed, routes.PartlyCompleted), "Завершены", "/routes?state=finished", false},
	}
	cards := []card{}
	if draft > 0 {
		cards = append(cards, card{Kind: "Маршруты", Title: "Проверить " + web.Plural(draft, "черновик", "черновика", "черновиков"), rank: 5,
			Text: "Расчёт собрал шаги по результатам. Посмотрите, почему выбран каждый, и предложите педагогу.", Href: "/routes?state=draft", Action: "Проверить"})
	}
	if declined > 0 {
		cards = append(cards, card{Kind: "Ответы педагогов", Title: "Попросили изменить: " + web.Num(declined), rank: 6,
			Text: "Прочитайте, что не подошло, и предложите другое.", Href: "/routes?state=declined", Action: "Прочитать ответы"})
	}
	if without > 0 {
		cards = append(cards, card{Kind: "Без маршрута", Title: web.Plural(without, "педагог", "педагога", "педагогов") + " без маршрута", rank: 15,
			Text: "У них есть что укрепить. Предложите маршруты школе или муниципалитету сразу.", Href: "/routes/propose", Action: "Предложить сразу нескольким"})
	}
	return stats, cards, nil
}

// participationDesk counts who takes part in the open campaigns of a scope.
func participationDesk(ctx context.Context, tx *sqlx.Tx, scope access.Scope, now time.Time) ([]stat, []card, error) {
	n, err := one[struct {
		Campaigns int        `db:"campaigns"`
		Invited   int        `db:"invited"`
		Begun     int        `db:"begun"`
		Finished  int        `db:"finished"`
		Until     *time.Time `db:"until"`
	}](ctx, tx, "participation desk", `
		SELECT count(DISTINCT c.id) AS campaigns, count(*) AS invited,
		       count(*) FILTER (WHERE a.state <> 'assigned') AS begun,
		       count(*) FILTER (WHERE a.state = 'submitted') AS finished, min(c.closes_at) AS until
		FROM registration r JOIN campaign c ON c.id = r.campaign_id JOIN attempt a ON a.registration_id = r.id
		WHERE c.state = 'open' AND c.purpose = 'real' AND c.opens_at <= $4 AND c.closes_at > $4 AND r.state = 'invited'
		  AND ($1 OR r.territory_id = ANY($2) OR r.organisation_id = ANY($3))`, append(inScope(scope), now)...)
	if err != nil || n.Invited == 0 {
		return []stat{}, []card{}, err
	}
	stats := []stat{
		{n.Invited, "Приглашены", "/participation", false},
		{n.Invited - n.Begun, "Ещё не начали", "/participation", n.Begun < n.Invited},
		{n.Finished, "Закончили", "/participation", false},
	}
	cards := []card{}
	if n.Begun < n.Invited {
		cards = append(cards, card{Kind: "Участие", Title: "Ещё не начали: " + web.Num(n.Invited-n.Begun), rank: 12,
			Text: "Посмотрите по школам, кому стоит напомнить. Результатов здесь нет и не будет.", Href: "/participation", Action: "Посмотреть участие",
			Facts: []fact{{"Можно до", calendar.DayMonth(*n.Until)}}})
	}
	return stats, cards, nil
}

// campaignDesk tells the manager what stands between closing a campaign and its results.
func campaignDesk(ctx context.Context, tx *sqlx.Tx, now time.Time) ([]card, error) {
	rows, err := db.Select[struct {
		ID       int64     `db:"id"`
		Title    string    `db:"title"`
		State    string    `db:"state"`
		ClosesAt time.Time `db:"closes_at"`
		Finished int       `db:"finished"`
		Marking  int       `db:"marking"`
	}](ctx, tx, `
		SELECT c.id, c.title, c.state, c.closes_at,
		       (SELECT count(*) FROM attempt a WHERE a.campaign_id = c.id AND a.state = 'submitted') AS finished,
		       (SELECT count(*) FROM marking_work w WHERE w.campaign_id = c.id AND w.state <> 'done') AS marking
		FROM campaign c WHERE c.published_at IS NULL AND c.purpose = 'real' AND c.state IN ('open', 'closed') ORDER BY c.closes_at LIMIT 5`)
	if err != nil {
		return nil, fmt.Errorf("campaign desk: %w", err)
	}
	cards := []card{}
	waiting := 0
	for _, r := range rows {
		waiting += r.Marking
		c := card{Kind: "Диагностика", Title: r.Title, Href: fmt.Sprintf("/campaigns/%d", r.ID), Action: "Открыть", rank: 25,
			Facts: []fact{{"Закончили", web.Num(r.Finished)}, {"Ждут проверки", web.Num(r.Marking)}}}
		switch {
		case r.State == "open" && r.ClosesAt.After(now):
			c.Text = "Идёт. Можно до " + calendar.Date(r.ClosesAt) + "."
		case r.Marking > 0:
			c.Text, c.rank = "Работы собраны, развёрнутые ответы на проверке.", 9
		default:
			c.Text, c.Action, c.Href, c.rank = "Всё проверено. Посмотрите итоги и откройте их педагогам.", "К публикации", fmt.Sprintf("/campaigns/%d/results", r.ID), 3
		}
		cards = append(cards, c)
	}
	if waiting > 0 { // results wait for the experts, and people for the results
		cards = append(cards, card{Kind: "Проверка ответов", Title: "Ждут проверки: " + web.Plural(waiting, "ответ", "ответа", "ответов"), rank: 4,
			Text: "Посмотрите, у кого из экспертов сколько работ, и раздайте те, что ещё ни у кого.", Href: "/marking/progress", Action: "Ход проверки"})
	}
	return cards, nil
}

// roadmapDesk counts what of this year's plans is late.
func roadmapDesk(ctx context.Context, tx *sqlx.Tx, scope access.Scope, now time.Time) ([]card, error) {
	n, plan, err := roadmap.LateTx(ctx, tx, scope, now.In(calendar.Zone).Year(), now)
	if err != nil || n == 0 {
		return []card{}, err
	}
	return []card{{Kind: "Дорожная карта", Title: "Срок прошёл: " + web.Plural(n, "мероприятие", "мероприятия", "мероприятий"), rank: 28,
		Text: "Отметьте сделанное или перенесите срок с пояснением.", Href: fmt.Sprintf("/roadmap/%d?state=late", plan), Action: "Открыть карту"}}, nil
}

// bankDesk tells an analyst what the last published campaign holds.
func bankDesk(ctx context.Context, tx *sqlx.Tx) ([]stat, []card, error) {
	rows, err := db.Select[struct {
		ID     int64  `db:"id"`
		Title  string `db:"title"`
		People int    `db:"people"`
		Weak   int    `db:"weak"`
		Drafts int    `db:"drafts"`
	}](ctx, tx, `
		SELECT c.id, c.title, count(DISTINCT d.person_id) AS people,
		       count(DISTINCT d.person_id) FILTER (WHERE d.status = 'deficit') AS weak,
		       (SELECT count(*) FROM memo m JOIN LATERAL (SELECT v.state FROM memo_version v WHERE v.memo_id = m.id ORDER BY v.version DESC LIMIT 1) v ON true
		        WHERE m.campaign_id = c.id AND v.state = 'draft') AS drafts
		FROM campaign c JOIN deficit d ON d.campaign_id = c.id AND d.replaced_at IS NULL
		WHERE c.published_at IS NOT NULL AND c.purpose = 'real' GROUP BY c.id ORDER BY c.published_at DESC LIMIT 2`)
	if err != nil {
		return nil, nil, fmt.Errorf("bank desk: %w", err)
	}
	cards := []card{}
	drafts := 0
	for _, r := range rows {
		drafts += r.Drafts
		href := fmt.Sprintf("/deficits?campaign=%d", r.ID)
		cards = append(cards, card{Kind: "Банк дефицитов", Title: r.Title, rank: 20, Href: href, Action: "Открыть карту",
			Text:  "Где и что стоит укрепить: по муниципалитетам и темам, с разбросом у каждой цифры.",
			Facts: []fact{{"Педагогов", web.Num(r.People)}, {"Есть что укрепить", web.Num(r.Weak)}}})
	}
	if drafts > 0 {
		cards = append(cards, card{Kind: "Справки", Title: "Черновики справок: " + web.Num(drafts), rank: 10,
			Text: "Проверьте выводы и рекомендации, затем подпишите.", Href: "/memos", Action: "К справкам"})
	}
	return []stat{}, cards, nil
}

// taskDesk tells authors and reviewers what waits for them.
func taskDesk(ctx context.Context, tx *sqlx.Tx, actor access.Actor) ([]card, error) {
	n, err := one[struct {
		Drafts   int `db:"drafts"`
		Returned int `db:"returned"`
		Waiting  int `db:"waiting"`
	}](ctx, tx, "task desk", `
		WITH last AS (
			SELECT DISTINCT ON (v.task_id) v.id, v.created_by,
			       (SELECT r.verdict FROM task_review r WHERE r.task_version_id = v.id AND r.verdict <> 'comment' ORDER BY r.id DESC LIMIT 1) AS verdict
			FROM task_version v ORDER BY v.task_id, v.version DESC)
		SELECT (SELECT count(*) FROM task_draft WHERE saved_by = $1) AS drafts,
		       count(*) FILTER (WHERE verdict = 'returned' AND created_by = $1) AS returned,
		       count(*) FILTER (WHERE verdict IS NULL AND created_by <> $1) AS waiting
		FROM last`, actor.ID)
	if err != nil {
		return nil, err
	}
	cards := []card{}
	if actor.May(access.TasksReview) {
		c := card{Kind: "Рецензирование", Title: "Новых заданий на рецензию нет", Text: "Как только автор отправит задание, оно появится здесь.", Href: "/tasks", Action: "Весь банк заданий", rank: 30}
		if n.Waiting > 0 {
			c.Title, c.Text = "Ждут рецензии: "+web.Plural(n.Waiting, "задание", "задания", "заданий"), "Решите задание сами, сверьте ключ, посмотрите формулировки."
			c.Href, c.Action, c.rank = "/tasks?state=review", "Рецензировать", 5
		}
		cards = append(cards, c)
	}
	if actor.May(access.TasksWrite) {
		if n.Returned > 0 {
			cards = append(cards, card{Kind: "Задания", Title: "Вернули на доработку: " + web.Num(n.Returned), Text: "Рецензент оставил замечания.", Href: "/tasks?state=returned", Action: "Доработать", rank: 4})
		}
		if n.Drafts > 0 {
			cards = append(cards, card{Kind: "Задания", Title: "Ваши черновики: " + web.Num(n.Drafts), Text: "Черновик видите только вы. Когда будет готов, отправьте на рецензию.", Href: "/tasks?state=draft", Action: "Продолжить", rank: 8})
		}
		cards = append(cards, card{Kind: "Задания", Title: "Написать задание", Text: "Девять видов заданий, формулы, критерии. Рядом сразу видно, как его увидит педагог.", Href: "/tasks/new", Action: "Новое задание", rank: 18})
	}
	return cards, nil
}

// markingDesk tells an expert how many answers wait.
func markingDesk(ctx context.Context, tx *sqlx.Tx, expert access.PersonID) ([]stat, []card, error) {
	n, err := one[struct {
		Waiting int `db:"waiting"`
		Done    int `db:"done"`
	}](ctx, tx, "marking desk", `
		SELECT count(*) FILTER (WHERE marked_at IS NULL) AS waiting, count(*) FILTER (WHERE marked_at IS NOT NULL) AS done
		FROM marking_assignment WHERE expert_id = $1`, expert)
	if err != nil {
		return nil, nil, err
	}
	stats := []stat{{n.Waiting, "Ждут проверки", "/marking", n.Waiting > 0}, {n.Done, "Проверено", "/marking", false}}
	if n.Waiting == 0 {
		return stats, []card{{Kind: "Проверка ответов", Title: "Непроверенных работ нет", Text: "Спасибо! Новые появятся, когда педагоги закончат диагностику.", Href: "/marking", Action: "Мои проверки", rank: 30}}, nil
	}
	return stats, []card{{Kind: "Проверка ответов", Title: "Ждут вас: " + web.Plural(n.Waiting, "работа", "работы", "работ"), rank: 2,
		Text: "Работа показана без имени и школы. Второй эксперт проверяет её независимо.", Href: "/marking", Action: "Проверять",
		Facts: []fact{{"Примерно", web.Minutes(4 * n.Waiting)}}}}, nil
}

// adminDesk shows an administrator who is in and whether the journal is sealed.
func adminDesk(ctx context.Context, tx *sqlx.Tx) ([]stat, []card, error) {
	n, err := one[struct {
		People    int `db:"people"`
		Schools   int `db:"schools"`
		FailedJob int `db:"failed"`
		Unsealed  int `db:"unsealed"`
		Withdrawn int `db:"withdrawn"`
	}](ctx, tx, "admin desk", `
		SELECT (SELECT count(*) FROM identity) AS people, (SELECT count(*) FROM organisation WHERE valid_to IS NULL) AS schools,
		       (SELECT count(*) FROM job WHERE state = 'failed') AS failed,
		       (SELECT count(*) FROM withdrawn() w (id) JOIN identity i ON i.person_id = w.id) AS withdrawn,
		       (SELECT count(*) FROM journal WHERE id > COALESCE((SELECT max(last_id) FROM journal_seal), 0)) AS unsealed`)
	if err != nil {
		return nil, nil, err
	}
	stats := []stat{{n.People, "Людей", "/people", false}, {n.Schools, "Организаций", "/organisations", false},
		{n.FailedJob, "Работ с ошибкой", "/journal", n.FailedJob > 0}, {n.Unsealed, "Записей ещё не опечатано", "/journal", false}}
	cards := []card{
		{Kind: "Люди", Title: "Загрузить список сотрудников", Text: "Из книги Excel: сначала проба без записи, ошибки по ячейкам, узнавание тех, кто уже есть.", Href: "/people/import", Action: "Загрузить список", rank: 10},
		{Kind: "Права", Title: "Роли и сроки", Text: "Кто что может и где. Каждое изменение остаётся в журнале.", Href: "/roles", Action: "Открыть роли", rank: 20},
	}
	if n.Withdrawn > 0 {
		cards = append(cards, card{Kind: "Согласие отозвано", Title: "Ждут удаления данных: " + web.Plural(n.Withdrawn, "человек", "человека", "человек"), rank: 5,
			Text: "На каждого есть 30 дней; потом программа удалит данные сама и составит акт.", Href: "/erasures", Action: "Открыть список"})
	}
	return stats, cards, nil
}
