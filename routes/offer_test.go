package routes_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/routes"
)

// Drafts are proposed at once: those that cannot be are named with the reason, the others go in one version each, and
// what nobody has answered can be taken back.
func TestDraftsProposedAtOnce(t *testing.T) {
	r := newRegion(t, 8)
	made := r.proposal()
	_, page := r.get(r.methodist, "/routes?state=draft")
	shows(t, "drafts", page, "Предложить отмеченным", "Предложить все черновики отбора: 8", "/routes/offer?all=1")
	ticks := regexp.MustCompile(`name="route" value="(\d+\.\d+)"`)
	if n := len(ticks.FindAllString(page, -1)); n != 8 {
		t.Fatalf("%d drafts can be ticked", n)
	}
	hides(t, "nothing proposed yet", page, "Предложенные вместе")
	_, page = r.get(r.manager, "/routes?state=draft")
	hides(t, "who may not", page, "Предложить", `name="route"`)
	code, page := r.get(r.methodist, "/routes/offer")
	shows(t, "nothing ticked", page, "Отметьте в списке хотя бы один черновик")
	if code != 422 {
		t.Errorf("nothing ticked: %d", code)
	}

	// One is proposed already, of one the results have changed, of one a group was cancelled.
	r.must(r.routes.Propose(t.Context(), r.methodist, made[0]))
	changed := r.route(made[1])
	r.needs[changed.Person]["math.geometry"] = 0.5
	_, page = r.get(r.methodist, "/routes/offer?all=1")
	shows(t, "confirming", page, "Будет предложено: 6", "Не будет предложено: 1", "Результаты диагностики изменились", fmt.Sprintf(`/routes/%d/replan`, made[1]))
	values := url.Values{}
	for _, id := range made {
		values.Add("route", fmt.Sprintf("%d.1", id))
	}
	_, page = r.get(r.methodist, "/routes/offer?"+values.Encode())
	shows(t, "confirming the ticked", page, "Будет предложено: 6", "Не будет предложено: 2", "Уже не черновик: маршрут ждёт ответа педагога")
	_, err := r.routes.Change(t.Context(), r.methodist, made[2], routes.Edit{Version: 1, Do: "limits", Hours: 60, Cost: 20000})
	r.must(err)
	before := r.route(made[3])
	code, _, to := r.post(r.methodist, "/routes/offers", values)
	if code != 303 || !strings.HasPrefix(to, "/routes/offers/") {
		t.Fatalf("proposed: %d %s", code, to)
	}
	var offer int64
	fmt.Sscanf(to, "/routes/offers/%d", &offer)
	after := r.route(made[3])
	if after.State != routes.Proposed || after.Version != 2 || len(after.Steps) != len(before.Steps) || after.Made.By != r.methodist.ID || after.Plan.Coverage() != before.Plan.Coverage() ||
		!slices.EqualFunc(after.Steps, before.Steps, func(a, b routes.Step) bool {
			return a.Session == b.Session && slices.Equal(a.Why, b.Why) && a.Hours == b.Hours
		}) {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	for i, want := range map[int]routes.State{0: routes.Proposed, 1: routes.Draft, 2: routes.Draft, 7: routes.Proposed} {
		if x := r.route(made[i]); x.State != want {
			t.Errorf("route %d is %s", i, x.State)
		}
	}
	var told int
	r.must(r.pool.Get(&told, `SELECT count(*) FROM journal WHERE action = 'route.proposed' AND person_id IS NOT NULL`))
	if told != 6 {
		t.Errorf("%d lines in the journal, want 6", told)
	}
	if code, page, _ := r.post(r.methodist, "/routes/offers", values); code != 409 || !strings.Contains(page, "ни один из отмеченных маршрутов") {
		t.Errorf("again: %d", code)
	}

	// The teacher sees it and answers; the others are taken back with a reason.
	for _, a := range r.teachers {
		if a.ID == after.Person {
			r.must(r.routes.Agree(t.Context(), a, after.Version))
		}
	}
	_, page = r.get(r.methodist, to)
	shows(t, "answers", page, "Вернуть в черновики: 4", "согласован", "ждёт ответа педагога")
	if _, page = r.get(r.methodist, "/routes/offers"); !strings.Contains(page, `href="`+to+`"`) {
		t.Error("the offer is not listed")
	}
	_, page = r.get(r.methodist, "/routes")
	shows(t, "list", page, "Предложенные вместе")
	for _, path := range []string{to, to + "/back"} {
		if code, _, _ := r.post(r.municipal, to+"/back", nil); code != 404 {
			t.Errorf("another at %s: %d", path, code)
		}
	}
	if code, _ := r.get(r.municipal, to); code != 404 {
		t.Errorf("another looks: %d", code)
	}
	if code, page, _ := r.post(r.methodist, to+"/back", url.Values{"why": {strings.Repeat("о", 3000)}}); code != 422 || !strings.Contains(page, `id="why-wrong"`) {
		t.Errorf("too many words: %d", code)
	}
	if code, _, _ := r.post(r.methodist, to+"/back", url.Values{"why": {"Перенесли группу"}}); code != 303 {
		t.Fatalf("taken back: %d", code)
	}
	if x := r.route(made[7]); x.State != routes.Draft || x.Version != 3 || x.Made.Reason != "Возвращён в черновики: Перенесли группу" || len(x.Steps) == 0 {
		t.Errorf("%+v", x.Made)
	}
	if x := r.route(made[3]); x.State != routes.Agreed {
		t.Errorf("an answer was undone: %s", x.State)
	}
	if _, err := r.routes.TakeBack(t.Context(), r.methodist, offer, ""); fault.KindOf(err) != fault.Conflict {
		t.Errorf("taken back twice: %v", err)
	}
	// What was taken back may be proposed again.
	if _, sent, _, err := r.routes.OfferMany(t.Context(), r.methodist, map[int64]int{made[7]: 3}); err != nil || sent != 1 {
		t.Errorf("again: %d %v", sent, err)
	}
	// What was taken back as it was drawn is still the calculation's to undo: the other three and the one left out.
	if n, err := r.routes.UndoProposal(t.Context(), r.methodist, "№ 1"); err != nil || n != 4 {
		t.Errorf("undone %d of the calculation's drafts: %v", n, err)
	}
}

// A municipal methodist proposes only what is theirs to propose, and consents are kept.
func TestDraftsOfOthersAreNotProposed(t *testing.T) {
	r := newRegion(t, 4)
	made := r.proposal()
	versions := map[int64]int{}
	for _, id := range made {
		versions[id] = 1
	}
	if _, _, _, err := r.routes.OfferMany(t.Context(), r.municipal, versions); fault.KindOf(err) != fault.Conflict {
		t.Errorf("without consent: %v", err)
	}
	values := url.Values{}
	for _, id := range made {
		values.Add("route", fmt.Sprintf("%d.1", id))
	}
	_, page := r.get(r.municipal, "/routes/offer?"+values.Encode())
	shows(t, "without consent", page, "больше не в вашем ведении", "Сейчас предложить нечего")
	hides(t, "without consent", page, "Учителева")
	r.decides(r.teachers[1], people.Given)
	if _, sent, left, err := r.routes.OfferMany(t.Context(), r.municipal, versions); err != nil || sent != 1 || left != 3 {
		t.Errorf("%d sent, %d left, %v", sent, left, err)
	}
	// A step that has begun without the teacher keeps a draft back.
	r.clock = r.clock.AddDate(1, 0, 0)
	list, _, err := r.routes.Judge(t.Context(), r.methodist, routes.Filter{}, nil)
	r.must(err)
	if len(list) != 3 {
		t.Fatalf("%d drafts", len(list))
	}
	for _, j := range list {
		if !strings.HasPrefix(j.Why, "Шаг начался") {
			t.Errorf("%d: %q", j.ID, j.Why)
		}
	}
}

// The drafts of a calculation go from its page to their teachers, those touched since excepted.
func TestDraftsOfACalculationAreProposed(t *testing.T) {
	r := newRegion(t, 3)
	to := r.asks(url.Values{"hours": {"72"}, "cost": {"20000"}})
	r.works()
	if code, _, _ := r.post(r.methodist, to+"/apply", nil); code != 303 {
		t.Fatal(code)
	}
	var touched int64
	r.must(r.pool.Get(&touched, `SELECT min(id) FROM route`))
	_, err := r.routes.Change(t.Context(), r.methodist, touched, routes.Edit{Version: 1, Do: "limits", Hours: 60, Cost: 20000})
	r.must(err)
	way := "/routes/offer?calculation=" + strings.TrimPrefix(to, "/routes/propose/")
	_, page := r.get(r.methodist, to)
	shows(t, "the proposal", page, "Предложить педагогам: 2", `href="`+way+`"`)
	_, page = r.get(r.methodist, way)
	shows(t, "confirming", page, "Будет предложено: 2", `href="`+to+`"`)
	if code, _ := r.get(r.municipal, way); code != 404 {
		t.Errorf("another: %d", code)
	}
}
