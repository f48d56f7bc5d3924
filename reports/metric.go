// Package reports reads across all contexts: the registry of figures, the bank
// of deficits as a page and as workbooks. It writes only the saved views.
package reports

// Good says which way of a figure is good.
type Good string

// The directions.
const (
	MoreIsGood Good = "more"
	LessIsGood Good = "less"
	Neutral    Good = "neutral"
)

// Words says it in Russian.
func (g Good) Words() string {
	switch g {
	case MoreIsGood:
		return "больше — лучше"
	case LessIsGood:
		return "меньше — лучше"
	}
	return "само по себе не хорошо и не плохо"
}

// Key is one figure of the registry: it is defined here and nowhere else, and
// the bank, the workbooks, the memos and the roadmap show it under these words.
type Key struct {
	Key        string
	Title      string // as it stands beside the number
	Definition string // how it is counted, for the reader
	Unit       string // "чел.", "%", "шт."
	Places     int    // decimals shown; a "%" is kept as a share 0…1
	Good       Good
	ByYear     bool // makes sense for a calendar year: the roadmap may attach it
	Results    bool // counts people by their results: under five is not shown

	// query gives value and, for a share, what it is a share of ("of", persons).
	// $1 year (0 = all), $2 campaign (0 = all real ones), $3 territory (0 = region).
	query string
	// parts gives title, value rows by territory, for figures that have a break-down.
	parts string
}

// Where narrows a figure; zero fields do not narrow.
type Where struct {
	Year      int // calendar year in the zone of the installation
	Campaign  int64
	Territory int64
}

// realCampaigns is the one place that says which campaigns count.
const realCampaigns = `SELECT id FROM campaign WHERE purpose = 'real' AND state <> 'draft'
	AND ($1 = 0 OR extract(year FROM opens_at AT TIME ZONE 'Europe/Moscow') = $1) AND ($2 = 0 OR id = $2)`

const (
	invitedRows = ` FROM registration r WHERE r.campaign_id IN (` + realCampaigns + `) AND ($3 = 0 OR r.territory_id = $3)`
	tookRows    = ` FROM attempt a JOIN registration r ON r.id = a.registration_id
		WHERE a.state = 'submitted' AND r.campaign_id IN (` + realCampaigns + `) AND ($3 = 0 OR r.territory_id = $3)`
	// of a year, only what a manager has published counts; who asks for one campaign by
	// its id has been let in to it before (see bankTx)
	heldRows = ` FROM deficit d WHERE d.replaced_at IS NULL AND d.campaign_id IN (` + realCampaigns + ` AND ($2 <> 0 OR published_at IS NOT NULL)) AND ($3 = 0 OR d.territory_id = $3)`
	// a route counts by what was done with it in the year, not by when its campaign was
	routeRows = ` FROM route_version v JOIN route ro ON ro.id = v.route_id
		WHERE ($1 = 0 OR extract(year FROM v.made_at AT TIME ZONE 'Europe/Moscow') = $1)
		  AND ro.campaign_id IN (SELECT id FROM campaign WHERE purpose = 'real' AND ($2 = 0 OR id = $2))
		  AND ($3 = 0 OR ro.territory_id = $3)`
	none = `, NULL::bigint AS of`
)

// keys is the registry, in the order people read it.
var keys = []Key{
	{Key: "tasks_approved", Title: "Заданий одобрено рецензентами", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Версии заданий, которые за год одобрил рецензент, не являющийся автором.",
		query: `SELECT count(DISTINCT w.task_version_id) AS value` + none + `
			FROM task_review w JOIN task_version v ON v.id = w.task_version_id
			WHERE w.verdict = 'approved' AND w.reviewer_id <> v.created_by
			  AND ($1 = 0 OR extract(year FROM w.at AT TIME ZONE 'Europe/Moscow') = $1) AND $2 = $2::bigint AND $3 = $3::bigint`},
	{Key: "instruments", Title: "Диагностических работ подготовлено", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Диагностические работы, у которых за год появилась спецификация хотя бы с одним собранным вариантом.",
		query: `SELECT count(DISTINCT s.instrument_id) AS value` + none + `
			FROM variant v JOIN specification s ON s.id = v.specification_id
			WHERE ($1 = 0 OR extract(year FROM v.created_at AT TIME ZONE 'Europe/Moscow') = $1) AND $2 = $2::bigint AND $3 = $3::bigint`},
	{Key: "campaigns", Title: "Диагностик проведено", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Диагностики, открытые для участников в этом году. Пробы и репетиции не считаются.",
		query:      `SELECT count(*) AS value` + none + ` FROM (` + realCampaigns + ` AND $3 = $3::bigint) c`},
	{Key: "invited", Title: "Приглашено", Unit: "чел.", Good: Neutral, ByYear: true,
		Definition: "Люди, приглашённые на диагностики года, каждый считается один раз; кто отказался или отозвал согласие, остаётся среди приглашённых.",
		query:      `SELECT count(DISTINCT r.person_id) AS value` + none + invitedRows},
	{Key: "took_part", Title: "Приняли участие", Unit: "чел.", Good: MoreIsGood, ByYear: true,
		Definition: "Люди, чья работа сдана: самим участником или по истечении времени; каждый считается один раз. Аннулированные работы не считаются.",
		query:      `SELECT count(DISTINCT r.person_id) AS value` + none + tookRows,
		parts: `SELECT t.short_name AS title, count(DISTINCT r.person_id) AS value` + ` FROM attempt a JOIN registration r ON r.id = a.registration_id JOIN territory t ON t.id = r.territory_id
			WHERE a.state = 'submitted' AND r.campaign_id IN (` + realCampaigns + `) AND ($3 = 0 OR r.territory_id = $3) GROUP BY t.short_name ORDER BY t.short_name`},
	{Key: "coverage", Title: "Доля принявших участие", Unit: "%", Good: MoreIsGood, ByYear: true,
		Definition: "Приняли участие ÷ приглашены. Участие добровольное: отказ снижает долю, но не считается нарушением.",
		query:      `SELECT (SELECT count(DISTINCT r.person_id)` + tookRows + `)::float8 / NULLIF(count(DISTINCT r.person_id), 0) AS value, count(DISTINCT r.person_id) AS of` + invitedRows},
	{Key: "territories", Title: "Муниципалитетов участвовало", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Муниципалитеты, из которых работу сдал хотя бы один участник.",
		query:      `SELECT count(DISTINCT r.territory_id) AS value` + none + tookRows},
	{Key: "people_with_deficits", Title: "Педагогов, которым есть что укрепить", Unit: "чел.", Good: LessIsGood, ByYear: true, Results: true,
		Definition: "Участники, у которых хотя бы один элемент уверенно ниже порога шкалы (вывод «стоит укрепить»).",
		query:      `SELECT count(DISTINCT d.person_id) AS value` + none + heldRows + ` AND d.status = 'deficit'`},
	{Key: "records", Title: "Записей в банке дефицитов", Unit: "шт.", Good: Neutral, ByYear: true, Results: true,
		Definition: "Пары «участник × элемент» с выводом «стоит укрепить» или без твёрдого вывода. Каждая пара считается один раз, по последней оценке.",
		query:      `SELECT count(*) AS value` + none + heldRows + ` AND d.status IN ('deficit', 'possible')`},
	{Key: "other_evidence", Title: "Свидетельств из других источников", Unit: "шт.", Good: Neutral, ByYear: true,
		Definition: "Наблюдения, самооценки, аттестация, результаты учеников и запросы, внесённые в банк за год. С диагностикой они не смешиваются.",
		query: `SELECT count(*) AS value` + none + ` FROM evidence e WHERE e.source_kind NOT IN ('diagnostics', 're_diagnostics')
			AND ($1 = 0 OR extract(year FROM e.observed_at AT TIME ZONE 'Europe/Moscow') = $1) AND $2 = $2::bigint AND $3 = $3::bigint`},
	{Key: "memos_approved", Title: "Справок утверждено", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Аналитические справки, утверждённые за год (по дате утверждения); новая редакция той же справки не прибавляет.",
		query: `SELECT count(DISTINCT m.id) AS value` + none + ` FROM memo_version v JOIN memo m ON m.id = v.memo_id
			WHERE v.state = 'approved' AND ($1 = 0 OR extract(year FROM v.approved_on) = $1)
			  AND m.campaign_id IN (SELECT id FROM campaign WHERE purpose = 'real' AND ($2 = 0 OR id = $2)) AND ($3 = 0 OR m.territory_id = $3)`},
	{Key: "routes_proposed", Title: "Маршрутов предложено", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Индивидуальные маршруты, предложенные педагогам за год.",
		query:      `SELECT count(DISTINCT ro.id) AS value` + none + routeRows + ` AND v.state = 'proposed'`},
	{Key: "routes_agreed", Title: "Маршрутов согласовано", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Индивидуальные маршруты, с которыми педагог согласился за год.",
		query:      `SELECT count(DISTINCT ro.id) AS value` + none + routeRows + ` AND v.state = 'agreed'`},
	{Key: "routes_completed", Title: "Маршрутов пройдено", Unit: "шт.", Good: MoreIsGood, ByYear: true,
		Definition: "Индивидуальные маршруты, пройденные за год целиком.",
		query:      `SELECT count(DISTINCT ro.id) AS value` + none + routeRows + ` AND v.state = 'completed'`},
	{Key: "with_route", Title: "Доля педагогов с маршрутом", Unit: "%", Good: MoreIsGood, ByYear: true,
		Definition: "Из педагогов, которым есть что укрепить, те, у кого маршрут согласован, идёт или пройден.",
		query: `SELECT count(DISTINCT d.person_id) FILTER (WHERE EXISTS (
				SELECT FROM route ro WHERE ro.person_id = d.person_id AND ro.campaign_id = d.campaign_id
				  AND ro.state IN ('agreed', 'in_progress', 'completed', 'partly_completed')))::float8
				/ NULLIF(count(DISTINCT d.person_id), 0) AS value,
			count(DISTINCT d.person_id) AS of` + heldRows + ` AND d.status = 'deficit'`},
}

// Keys lists the figures that the roadmap may attach to an item.
func Keys() []Key {
	var out []Key
	for _, k := range keys {
		if k.ByYear {
			out = append(out, k)
		}
	}
	return out
}

// Measure is a figure of one element over a group of participants: one column
// of the query behind the map, the list, the workbook and the memo.
type Measure struct {
	Key, Title, Definition, Unit string
	Good                         Good
	sql                          string
}

// The measures of an element. Only records with enough evidence take part: those
// whose status is not "insufficient".
var measures = []Measure{
	{Key: "n", Title: "Человек", Unit: "чел.", Good: Neutral, sql: `count(*) FILTER (WHERE d.status <> 'insufficient')`,
		Definition: "Участники, по которым на этот элемент хватило ответов (не меньше, чем требует шкала)."},
	{Key: "mean", Title: "Доля освоенного", Unit: "%", Good: MoreIsGood, sql: `COALESCE(avg(d.estimate) FILTER (WHERE d.status <> 'insufficient'), 0)`,
		Definition: "Среднее по этим участникам ожидаемой доли баллов за задания элемента (оценка модели, не простой процент)."},
	{Key: "spread", Title: "Разброс оценки", Unit: "%", Good: Neutral,
		sql:        `COALESCE(var_pop(d.estimate) FILTER (WHERE d.status <> 'insufficient'), 0) + COALESCE(avg(power((d.high - d.low) / 3.29, 2)) FILTER (WHERE d.status <> 'insufficient'), 0)`,
		Definition: "Интервал средней доли: различия между участниками и неточность каждой оценки вместе; 9 случаев из 10."},
	{Key: "below", Title: "Ожидаемая доля педагогов ниже порога", Unit: "%", Good: LessIsGood, sql: `COALESCE(avg(d.p_deficit) FILTER (WHERE d.status <> 'insufficient'), 0)`,
		Definition: "Среднее вероятностей педагогов, что элемент освоен ниже порога: столько их там ожидается. Это не доля тех, о ком вывод «стоит укрепить». Интервал Уилсона, 9 случаев из 10."},
}

// Measures lists the figures of an element with their definitions.
func Measures() []Measure { return measures }
