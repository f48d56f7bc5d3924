package deficits_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

var (
	spaces   = regexp.MustCompile(`\s+`)
	tags     = regexp.MustCompile(`<[^>]*>`)
	mainPart = regexp.MustCompile(`(?s)<main.*</main>`)
)

// text is what a page says.
func text(html string) string {
	s := strings.ReplaceAll(tags.ReplaceAllString(mainPart.FindString(html), " "), "\u00a0", " ")
	return spaces.ReplaceAllString(s, " ")
}

func (r *region) says(as access.Actor, path string, want ...string) string {
	r.Helper()
	code, body := r.get(as, path)
	if code != 200 {
		r.Fatalf("%s: %d %s", path, code, text(body))
	}
	said := text(body)
	for _, w := range want {
		if !strings.Contains(said, w) {
			r.Errorf("%s does not say %q:\n%s", path, w, said)
		}
	}
	if strings.Contains(body, "<style") || strings.Contains(body, " style=") || strings.Contains(body, "NaN") || strings.Contains(body, "%!") {
		r.Errorf("%s breaks the strict policy or shows a broken figure", path)
	}
	return body
}

func (r *region) refuses(as access.Actor, path string) {
	r.Helper()
	if code, _ := r.get(as, path); code != 404 {
		r.Errorf("%s opens with %d", path, code)
	}
}

func TestReportOfATeacher(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	teacher, other := r.teachers[0], r.teachers[1]
	_, id := r.attempt(r.campaign, teacher)
	path := "/results/" + id

	r.says(teacher, path, "Результаты готовятся", "Диагностика завершена", "Ваша работа проверена")
	r.says(teacher, "/results", "Математика, осень 2026", "готовятся", "Когда будут готовы")
	r.says(r.manager, path, "ещё не опубликованы")
	r.refuses(r.methodist, path)
	r.refuses(other, path)

	r.tick(time.Hour)
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	body := r.says(teacher, path, "Ваши результаты: Математика, осень 2026", "Предметная часть", "Методическая часть", "Ваши сильные стороны", "Без ошибок",
		"Что стоит укрепить", "из 100", "О чём говорит", "за «стоит укрепить»", "По вашим остальным темам вышло бы", "Что стоит за каждым выводом", "правее — лучше", "порог 60", "Кто видит эти результаты", "Посмотреть маршрут", "стоит укрепить", "уверенно",
		"вы ответили на 28 из 28 заданий", "проверили два эксперта независимо")
	if strings.Contains(body, "предварительны") {
		t.Error("published results are called preliminary")
	}
	weak := regexp.MustCompile(`(?s)id="weak".*?</section>`).FindString(body)
	if !strings.Contains(weak, "<h3>Вероятность и статистика") && !strings.Contains(strings.ToLower(weak), "вероятност") {
		t.Errorf("what was weak is not named: %s", text("<main>"+weak+"</main>"))
	}
	// Nobody but the person and those who may: the municipal methodist only by consent and place.
	r.refuses(other, path)
	r.refuses(r.experts[0], path)
	r.says(r.methodist, path, "Учителева", "Педагог видит эту же страницу; ваш просмотр записан")
	r.refuses(r.municipal, path)
	r.tx(func(tx *sqlx.Tx) error {
		return people.DecideConsentTx(ctx, tx, teacher.ID, people.ForMethodist, 1, people.Given, r.now())
	})
	r.says(r.municipal, path, "Учителева")
	_, elsewhere := r.attempt(r.campaign, other) // of the second territory
	r.tx(func(tx *sqlx.Tx) error {
		return people.DecideConsentTx(ctx, tx, other.ID, people.ForMethodist, 1, people.Given, r.now())
	})
	r.refuses(r.municipal, "/results/"+elsewhere)
	// Each look stands in the journal, and the person sees how many.
	var looks int
	r.must(r.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'result.read' AND person_id = $1`, teacher.ID))
	if looks != 3 {
		t.Errorf("%d looks in the journal, want 3 (a preview, two methodists)", looks)
	}
	r.says(teacher, path, "3 просмотра результатов")
	r.refuses(teacher, "/results/not-an-id")

	// The secret of a task is nowhere on it.
	var solutions []string
	r.must(r.pool.Select(&solutions, `SELECT left(solution, 40) FROM task_key WHERE solution <> ''`))
	for _, s := range solutions {
		if strings.Contains(body, s) {
			t.Errorf("the report shows a solution: %s", s)
		}
	}
}

func TestLittleDataIsAnAnswer(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 6)
	for i, teacher := range r.teachers {
		r.take(r.campaign, teacher, uint64(i), func(e string) float64 {
			if i == 0 && e == "math.geometry" {
				return -1
			}
			return 0.7
		})
	}
	r.markAll(fairly)
	r.tick(time.Hour)
	r.must(r.campaigns.Close(t.Context(), r.manager, r.campaign))
	if _, err := r.deficits.FitCampaign(t.Context(), r.manager, r.campaign); err != nil {
		t.Fatal(err)
	}
	r.must(r.results.Publish(t.Context(), r.manager, r.campaign))
	_, id := r.attempt(r.campaign, r.teachers[0])
	r.says(r.teachers[0], "/results/"+id, "мало данных", "Здесь меньше 2 ответов, поэтому вывода мы не делаем")
}

func TestProfileByCode(t *testing.T) {
	t.Parallel()
	r := finished(t)
	var code string
	r.must(r.pool.Get(&code, `SELECT participant_code FROM registration WHERE campaign_id = $1 AND person_id = $2`, r.campaign, r.teachers[0].ID))
	path := "/deficits/people/" + code
	analyst := actor(r.manager.ID, access.Grant{Role: access.Analyst})
	body := r.says(analyst, path, "Участник "+code, "Правило долей", "Сведения по источникам", "Самооценка", "Диагностика", "Как менялось знание", "сейчас", "Недобор", "рассчитана")
	if strings.Contains(body, "Учителева") || strings.Contains(body, "Школа №") {
		t.Error("an analyst sees who it is")
	}
	r.says(r.methodist, path, "Школа №", "Отчёт педагога")
	r.refuses(r.municipal, path)
	r.refuses(r.teachers[0], path)
	r.refuses(analyst, "/deficits/people/ЛО-00-XX-0000-0")
	var looks int
	r.must(r.pool.Get(&looks, `SELECT count(*) FROM journal WHERE action = 'deficit.read' AND person_id = $1`, r.teachers[0].ID))
	if looks != 2 {
		t.Errorf("%d looks in the journal, want 2", looks)
	}
	for _, x := range []struct {
		what string
		see  bool
	}{{people.Given, true}, {people.Withdrawn, false}} {
		r.tx(func(tx *sqlx.Tx) error {
			return people.DecideConsentTx(t.Context(), tx, r.teachers[0].ID, people.ForMethodist, 1, x.what, r.now())
		})
		if x.see {
			r.says(r.municipal, path, "Участник "+code)
		} else {
			r.refuses(r.municipal, path)
		}
	}
}

func TestSummaryAndPublication(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 8)
	path := fmt.Sprintf("/campaigns/%d/results", r.campaign)
	r.says(r.manager, path, "Показать пока нечего", "хотя бы пять человек", "Диагностика ещё идёт")
	for i, teacher := range r.teachers {
		r.take(r.campaign, teacher, uint64(i), func(string) float64 { return 0.3 + 0.08*float64(i) })
	}
	r.says(r.manager, path, "Эксперты ещё проверяют", "Модель диагностики ещё не рассчитана")
	if code, body := r.post(r.manager, path+"/publish", nil); code != 409 || !strings.Contains(body, "Публиковать рано") {
		t.Errorf("published too early: %d", code)
	}
	r.markAll(fairly)
	r.tick(time.Hour)
	r.must(r.campaigns.Close(t.Context(), r.manager, r.campaign))
	if code, _ := r.post(r.manager, path+"/fit", nil); code != 303 {
		t.Errorf("fit: %d", code)
	}
	r.run()
	body := r.says(r.manager, path, "Опубликовать результаты", "Предметная часть", "Доля баллов", "Участников", "math-01", "Всё проверено")
	if n := strings.Count(body, "histogram-bar"); n != 20 {
		t.Errorf("%d bars, want 20", n)
	}
	analyst := actor(r.manager.ID, access.Grant{Role: access.Analyst})
	if body := r.says(analyst, path+"?sort=hard", "сначала трудные"); strings.Contains(body, "Опубликовать результаты") {
		t.Error("an analyst is offered to publish")
	}
	if code, _ := r.post(analyst, path+"/publish", nil); code != 404 {
		t.Errorf("an analyst publishes: %d", code)
	}
	r.refuses(r.municipal, path)
	r.refuses(r.teachers[0], path)
	if code, csv := r.get(analyst, path+"/tasks.csv"); code != 200 || strings.Count(csv, "\n") != 29 || !strings.Contains(csv, "math-28") {
		t.Errorf("CSV: %d, %d lines", code, strings.Count(csv, "\n"))
	}
	if code, _ := r.post(r.manager, path+"/publish", nil); code != 303 {
		t.Errorf("publish: %d", code)
	}
	r.says(r.manager, path, "Результаты открыты участникам")
}

// A key found wrong is corrected by a later version; a regrade scores by it, and what
// was said before stays.
func TestRegrade(t *testing.T) {
	t.Parallel()
	r := finished(t)
	ctx := t.Context()
	r.tick(time.Hour)
	r.must(r.results.Publish(ctx, r.manager, r.campaign))
	var fresh int64
	r.must(r.pool.Get(&fresh, `
		INSERT INTO task_version (task_id, version, kind, part, level, codifier_id, max_points, minutes, skill, source, shown, created_by, created_at)
		SELECT v.task_id, 2, kind, part, level, codifier_id, max_points, minutes, skill, source, shown, v.created_by, v.created_at
		FROM task_version v JOIN task t ON t.id = v.task_id WHERE t.code = 'math-01' RETURNING id`))
	r.pool.MustExec(`INSERT INTO task_key (task_version_id, scoring, key) VALUES ($1, 'exact', '{"value":"-98765","tolerance":"0"}')`, fresh)
	r.pool.MustExec(`INSERT INTO task_element (task_version_id, element_id, weight) VALUES ($1, 'math.numbers', 1)`, fresh)
	r.pool.MustExec(`INSERT INTO task_review (task_version_id, reviewer_id, verdict, at) VALUES ($1, $2, 'approved', now())`, fresh, r.manager.ID)
	before := r.revisions(r.teachers[0])
	r.tick(time.Hour)
	_, err := r.results.Regrade(ctx, r.manager, r.campaign, "ключ задания math-01")
	r.must(err)
	r.run()
	var points float64
	r.must(r.pool.Get(&points, `SELECT t.points FROM task_score t JOIN score_revision s ON s.id = t.score_revision_id JOIN task_version v ON v.id = t.task_version_id JOIN task k ON k.id = v.task_id
		WHERE s.person_id = $1 AND k.code = 'math-01' ORDER BY s.revision DESC LIMIT 1`, r.teachers[0].ID))
	if after := r.revisions(r.teachers[0]); after != before+1 || points != 0 {
		t.Errorf("%d revisions after %d, the corrected task earns %v", after, before, points)
	}
	_, id := r.attempt(r.campaign, r.teachers[0])
	r.says(r.teachers[0], "/results/"+id, "Результаты уточнены")
	// Again: nothing changes any more. Verify derives by the same keys.
	_, err = r.results.Regrade(ctx, r.manager, r.campaign, "ещё раз")
	r.must(err)
	r.run()
	if again := r.revisions(r.teachers[0]); again != before+1 {
		t.Errorf("a second regrade made revision %d", again)
	}
	r.tx(func(tx *sqlx.Tx) error {
		broken, _, err := r.results.Verify(ctx, tx)
		if len(broken) > 0 {
			t.Errorf("after the regrade: %v", broken)
		}
		return err
	})
}

func (r *region) revisions(teacher access.Actor) (n int) {
	r.Helper()
	r.must(r.pool.Get(&n, `SELECT count(*) FROM score_revision WHERE person_id = $1`, teacher.ID))
	return n
}

func TestMarkingRoom(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 4)
	ctx := t.Context()
	for i, teacher := range r.teachers {
		r.take(r.campaign, teacher, uint64(i), func(string) float64 { return 1 })
	}
	// Eight works, two experts each, nobody of the author's territory, the load even.
	rows := []struct {
		Expert    access.PersonID `db:"expert_id"`
		Territory int64           `db:"territory_id"`
		N         int             `db:"n"`
	}{}
	r.must(r.pool.Select(&rows, `SELECT a.expert_id, w.territory_id, count(*) AS n FROM marking_assignment a JOIN marking_work w ON w.id = a.work_id GROUP BY 1, 2`))
	load := map[access.PersonID]int{}
	for _, row := range rows {
		load[row.Expert] += row.N
		for i := range 2 {
			if row.Expert == r.experts[i].ID && row.Territory == r.territories[i] {
				t.Errorf("expert %d marks work of the own territory", i)
			}
		}
	}
	sum := 0
	for _, n := range load {
		sum += n
		if n < 3 || n > 5 {
			t.Errorf("uneven load: %v", load)
		}
	}
	if sum != 16 {
		t.Errorf("%d turns, want 16", sum)
	}
	expert := r.experts[0]
	queue, err := r.marking.Queue(ctx, expert)
	r.must(err)
	first := queue[0]
	path := fmt.Sprintf("/marking/%d", first.ID)
	body := r.says(expert, path, "Работа "+first.Code, "Полный ответ по всем критериям", "К1", "Образцы", "Проверено 0 из")
	for _, who := range []string{"Учителева", "Школа №", "ЛО-26"} {
		if strings.Contains(body, who) {
			t.Errorf("the room tells who wrote: %s", who)
		}
	}
	r.says(expert, "/marking", "Ждут проверки", first.Code)
	r.refuses(r.experts[1], path)
	r.refuses(r.manager, path)
	if code, body := r.post(expert, path, url.Values{"k1": {"2"}, "comment": {"Сохраните меня"}}); code != 422 || !strings.Contains(body, "Выберите баллы по критерию К2") || !strings.Contains(body, "Сохраните меня") ||
		!strings.Contains(body, `value="2" checked`) {
		t.Errorf("an unfinished form: %d %s", code, text(body))
	}
	if code, _ := r.post(expert, path, url.Values{"k1": {"9"}, "k2": {"0"}, "k3": {"0"}}); code != 422 {
		t.Errorf("nine points of two: %d", code)
	}
	if code, _ := r.post(expert, path, url.Values{"k1": {"0"}, "k2": {"1"}, "k3": {"1"}}); code != 303 {
		t.Errorf("a whole form: %d", code)
	}
	var sumOf int
	r.must(r.pool.Get(&sumOf, `SELECT sum(CAST(value AS int)) FROM marking_assignment a, jsonb_each_text(a.scores) WHERE a.id = $1`, first.ID))
	if sumOf != 0 {
		t.Errorf("К1 = 0 leaves %d points", sumOf)
	}
	r.says(expert, path, "Сохранить")
}

func TestThirdExpertDecides(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 2)
	r.take(r.campaign, r.teachers[0], 1, func(string) float64 { return 1 })
	work := struct {
		ID   int64  `db:"id"`
		Code string `db:"code"`
	}{}
	r.must(r.pool.Get(&work, `SELECT id, code FROM marking_work ORDER BY id LIMIT 1`))
	turn := func(ordinal int) (access.Actor, int64) {
		t.Helper()
		var a struct {
			ID     int64           `db:"id"`
			Expert access.PersonID `db:"expert_id"`
		}
		r.must(r.pool.Get(&a, `SELECT id, expert_id FROM marking_assignment WHERE work_id = $1 AND ordinal = $2`, work.ID, ordinal))
		for _, e := range r.experts {
			if e.ID == a.Expert {
				return e, a.ID
			}
		}
		t.Fatalf("expert %d is nobody of ours", a.Expert)
		return access.Actor{}, 0
	}
	marks := func(n int) map[string]int {
		out := map[string]int{}
		for _, c := range []string{"К1", "К2", "К3"} {
			out[c] = n
		}
		return out
	}
	first, a1 := turn(1)
	second, a2 := turn(2)
	r.must(r.mark(first, a1, marks(2), "Всё есть"))
	r.must(r.mark(first, a1, marks(1), "Перечитал")) // may be corrected while the other has not marked
	if body := r.says(second, fmt.Sprintf("/marking/%d", a2), "Второй эксперт проверяет эту же работу"); strings.Contains(body, "Перечитал") {
		t.Error("the second expert sees the first mark")
	}
	r.must(r.mark(second, a2, marks(0), "Нет цели урока"))
	if err := r.mark(first, a1, marks(2), ""); err == nil {
		t.Error("a mark was changed after both were given")
	}
	third, a3 := turn(3)
	if third.ID == first.ID || third.ID == second.ID {
		t.Error("the third expert is one of the two")
	}
	r.says(third, fmt.Sprintf("/marking/%d", a3), "Вы третий эксперт", "Две оценки", "Перечитал", "Нет цели урока")
	r.must(r.mark(third, a3, map[string]int{"К1": 2, "К2": 1, "К3": 0}, ""))
	var state, final string
	r.must(r.pool.QueryRowx(`SELECT state, final FROM marking_work WHERE id = $1`, work.ID).Scan(&state, &final))
	if state != "done" || !strings.Contains(final, `"К1": 2`) || !strings.Contains(final, `"К3": 0`) {
		t.Errorf("%s %s", state, final)
	}
	r.markAll(fairly)
	r.says(r.manager, "/marking/progress", "Экспертова", "Каппа", "Проверено 2 из 2")
	r.refuses(third, "/marking/progress")

}

func (r *region) mark(expert access.Actor, assignment int64, scores map[string]int, comment string) error {
	return r.marking.Mark(r.Context(), expert, marking.NewMarks{Assignment: assignment, Scores: scores, Comment: comment})
}

func TestFitNeedsTheRight(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 1)
	if _, err := r.deficits.FitCampaign(t.Context(), r.methodist, r.campaign); err == nil {
		t.Error("a methodist fitted a model")
	}
	if _, err := r.deficits.FitCampaign(t.Context(), r.manager, r.campaign); err == nil || !strings.Contains(err.Error(), "не по чему") {
		t.Errorf("a fit to nothing: %v", err)
	}
}

// Once a campaign is over and the last answer decided the model is fitted by itself,
// once; a request for what is already there changes nothing.
func TestFitsByItself(t *testing.T) {
	t.Parallel()
	r := newRegion(t, 6)
	for i, teacher := range r.teachers {
		r.take(r.campaign, teacher, uint64(i), func(string) float64 { return 0.6 })
	}
	models := func() (n int) {
		t.Helper()
		r.run()
		r.must(r.pool.Get(&n, `SELECT count(*) FROM campaign_model WHERE campaign_id = $1`, r.campaign))
		return n
	}
	r.must(r.campaigns.Close(t.Context(), r.manager, r.campaign))
	if n := models(); n != 0 {
		t.Errorf("fitted while experts have answers: %d models", n)
	}
	r.tick(time.Hour)
	r.markAll(fairly)
	if n := models(); n != 1 {
		t.Errorf("%d models after the last mark, want 1", n)
	}
	_, err := r.deficits.RequestFit(t.Context(), r.manager, r.campaign)
	r.must(err)
	if n := models(); n != 1 {
		t.Errorf("%d models after a request for nothing new, want 1", n)
	}
	r.must(r.results.Publish(t.Context(), r.manager, r.campaign))
}
