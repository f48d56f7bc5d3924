package routes_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/routes/plan"
)

func (r *region) asks(form url.Values) (path string) {
	r.Helper()
	form.Set("campaign", fmt.Sprint(r.campaign))
	code, body, to := r.post(r.methodist, "/routes/propose", form)
	if code != 303 {
		r.Fatalf("asked: %d %.2000s", code, body)
	}
	return to
}

func (r *region) works() {
	r.Helper()
	if worked, err := r.runner.RunOne(r.Context()); err != nil || !worked {
		r.Fatal(worked, err)
	}
}

// A calculation can be stopped before it begins; nothing comes of it, and only who asked may stop it.
func TestCalculationIsStopped(t *testing.T) {
	r := newRegion(t, 4)
	to := r.asks(url.Values{"hours": {"72"}, "cost": {""}})
	_, page := r.get(r.methodist, to)
	shows(t, "waiting", page, "Ждём очереди", "Остановить расчёт", `<noscript><meta http-equiv="refresh"`, "data-live")
	var id int64
	fmt.Sscanf(to, "/routes/propose/%d", &id)
	_, err := r.pool.Exec(`UPDATE job SET state = 'running', leased_until = now() + interval '1 hour', result = '{"phase": "Улучшаем план обменами", "part": 0.7, "gap": 0.0123}' WHERE id = $1`, id)
	r.must(err)
	_, page = r.get(r.methodist, to)
	shows(t, "under way", page, "Улучшаем план обменами", "Готово 70", "не больше 1,3 %")
	if code, _, _ := r.post(r.municipal, to+"/cancel", url.Values{}); code != 404 {
		t.Errorf("another stops it: %d", code)
	}
	if code, _, _ := r.post(r.methodist, to+"/cancel", url.Values{}); code != 303 {
		t.Errorf("stopped: %d", code)
	}
	if worked, err := r.runner.RunOne(t.Context()); err != nil || worked {
		t.Errorf("stopped work is done: %v %v", worked, err)
	}
	_, err = r.pool.Exec(`UPDATE job SET finished_at = finished_at - interval '1 minute' WHERE id = $1`, id) // nobody is at it any more
	r.must(err)
	_, page = r.get(r.methodist, to)
	shows(t, "stopped", page, "Расчёт остановлен", "Ничего не изменилось")
	if strings.Contains(page, "http-equiv") {
		t.Error("the page of stopped work comes again and again")
	}
	if code, _, _ := r.post(r.methodist, to+"/apply", url.Values{}); code != 409 {
		t.Errorf("drafts of stopped work: %d", code)
	}
}

// Work that is stopped once it has a plan leaves the best one on offer, with how far it is from the best possible.
func TestStoppedWorkKeepsItsPlan(t *testing.T) {
	r := newRegion(t, 12)
	_, err := r.pool.Exec(`UPDATE programme_session SET seats = 3`)
	r.must(err)
	to := r.asks(url.Values{"hours": {"72"}, "cost": {"20000"}})
	// Somebody stops the work at the very moment when it first says that it has a plan.
	_, err = dbtest.Owner(t, r.pool).Exec(`
		CREATE FUNCTION stop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			NEW.state := 'cancelled'; NEW.finished_at := clock_timestamp(); RETURN NEW; END $$;
		CREATE TRIGGER stop_it BEFORE UPDATE ON job FOR EACH ROW WHEN (OLD.state = 'running' AND CAST(NEW.result AS jsonb) ? 'gap') EXECUTE FUNCTION stop_it()`)
	r.must(err)
	r.works()
	_, page := r.get(r.methodist, to)
	shows(t, "stopped", page, "Расчёт остановлен, вот лучшее из найденного", "это доказано", "Создать черновики: 12", "Вместе маршруты закроют")
	hides(t, "stopped", page, "Ничего не изменилось", "data-live")
	if code, page, _ := r.post(r.methodist, to+"/apply", url.Values{}); code != 303 {
		t.Fatalf("drafts of the plan it had: %d %.300s", code, page)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "taken", page, "Отменить: 12")
	// While the plan is being put down the page waits for it; work that died meanwhile is not waited for.
	for finished, want := range map[string]string{"clock_timestamp()": "Записываем лучшее из найденного", "clock_timestamp() - interval '1 minute'": "Расчёт остановлен"} {
		_, err = r.pool.Exec(`UPDATE job SET result = '{"phase": "x", "part": 0.5, "gap": 0.01}', finished_at = ` + finished)
		r.must(err)
		_, page = r.get(r.methodist, to)
		shows(t, finished, page, want)
		hides(t, finished, page, "Создать черновики")
	}
}

// What is not published is not planned.
func TestUnknownCampaign(t *testing.T) {
	r := newRegion(t, 1)
	code, page, _ := r.post(r.methodist, "/routes/propose", url.Values{"campaign": {"999"}, "hours": {"72"}, "cost": {""}})
	shows(t, "propose", page, "Такой диагностики с опубликованными результатами нет")
	if code != 422 {
		t.Errorf("propose: %d", code)
	}
	for _, path := range []string{"/routes/demand?campaign=999", "/routes/demand.xlsx?campaign=999", "/routes/what-if?campaign=999"} {
		if code, page := r.get(r.methodist, path); code != 422 || !strings.HasSuffix(path, "xlsx?campaign=999") && !strings.Contains(page, "Такой диагностики с опубликованными результатами нет") {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// Drafts are made for those ticked, then for the others; many are made in the background, and all are undone as one.
func TestDraftsOneByOneAndInTheBackground(t *testing.T) {
	r := newRegion(t, 44)
	to := r.asks(url.Values{"hours": {"72"}, "cost": {"20000"}})
	r.works()
	_, page := r.get(r.methodist, to)
	shows(t, "result", page, "Создать черновики: 44", "Создать черновики отмеченным", "это доказано")
	codes := regexp.MustCompile(`name="code" value="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(codes) != 44 {
		t.Fatalf("%d people can be ticked", len(codes))
	}
	if code, _, _ := r.post(r.methodist, to+"/apply", url.Values{"do": {"some"}}); code != 422 {
		t.Errorf("nobody ticked: %d", code)
	}
	if code, _, _ := r.post(r.methodist, to+"/apply", url.Values{"do": {"some"}, "code": {codes[0][1], codes[3][1]}}); code != 303 {
		t.Fatalf("two ticked: %d", code)
	}
	_, page = r.get(r.methodist, to)
	shows(t, "two drafts", page, "Создать черновики: 42", "Отменить: 2", "Маршрут уже есть: 2", ">черновик<")
	code, _, drafting := r.post(r.methodist, to+"/apply", url.Values{})
	if code != 303 || !strings.Contains(drafting, "drafts=") {
		t.Fatalf("the others: %d %s", code, drafting)
	}
	_, page = r.get(r.methodist, drafting)
	shows(t, "drafting", page, "Создаём черновики")
	r.works()
	_, page = r.get(r.methodist, drafting)
	shows(t, "all drafts", page, "Отменить: 44", "Готово: 42")
	if strings.Contains(page, "Создать черновики:") {
		t.Error("drafts can be made again")
	}
	if code, _, _ := r.post(r.methodist, to+"/undo", url.Values{}); code != 303 {
		t.Fatal(code)
	}
	_, page = r.get(r.methodist, "/routes")
	shows(t, "undone", page, "Отменён: 44")
}

// A municipality that lags is brought nearer to the others; what that costs is said.
func TestEveningOut(t *testing.T) {
	r := newRegion(t, 16)
	// What the second territory needs is taught in one short group; the first has plenty to choose from.
	for i, a := range r.teachers {
		if i%2 == 1 {
			r.needs[a.ID] = map[string]float64{"math.probability": 0.3}
		} else {
			r.needs[a.ID] = map[string]float64{"math.probability": 0.5, "math.word": 0.4}
		}
	}
	_, err := r.pool.Exec(`UPDATE programme_session SET seats = 4`)
	r.must(err)
	sel := routes.Selection{Campaign: r.campaign, Hours: 36, Cost: 20000}
	plain, err := r.routes.DrawProposal(t.Context(), r.methodist, sel)
	r.must(err)
	if plain.Fair != nil {
		t.Fatal("evened out without being asked")
	}
	sel.Fairness = 0.95
	even, err := r.routes.DrawProposal(t.Context(), r.methodist, sel)
	r.must(err)
	f := even.Fair
	if f == nil || len(f.Shares) != 2 || f.Shares[0].People != 8 || f.Price < 0 || f.Price > 1 {
		t.Fatalf("%+v", f)
	}
	// The whole and its parts are measured alike: what all get lies between the municipalities.
	if got := even.Closes(); got < f.After().Low-1e-9 || got > f.After().High+1e-9 {
		t.Errorf("all get %g, the municipalities %+v", got, f.After())
	}
	if f.After().Low < f.Before().Low-1e-9 {
		t.Errorf("the one that lags has %g, had %g", f.After().Low, f.Before().Low)
	}
	if _, err := r.routes.DrawProposal(t.Context(), r.methodist, routes.Selection{Campaign: r.campaign, Hours: 36, Fairness: 1.5}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("more than all: %v", err)
	}
	to := r.asks(url.Values{"hours": {"36"}, "cost": {"20000"}, "fairness": {"0.95"}})
	r.works()
	_, page := r.get(r.methodist, to)
	shows(t, "evened out", page, "Поровну между муниципалитетами", "Доля закрытой потребности: от", "цена:", "Без выравнивания")
	// Of a municipality with fewer than five people nothing is told.
	for i := 1; i < len(r.teachers); i += 2 {
		if i > 7 {
			delete(r.needs, r.teachers[i].ID)
		}
	}
	few, err := r.routes.DrawProposal(t.Context(), r.methodist, sel)
	r.must(err)
	for _, e := range few.Fair.Shares {
		if !e.Hidden {
			t.Errorf("told of %d people beside a municipality of four: it can be worked out", e.People)
		}
	}
}

// Who is left without a route, and why, is told truly: full groups are not mistaken for somebody's decision.
func TestWhyNothingSuits(t *testing.T) {
	r := newRegion(t, 8)
	_, err := r.pool.Exec(`UPDATE programme_session SET seats = 0`)
	r.must(err)
	p, err := r.routes.DrawProposal(t.Context(), r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	for _, x := range p.People {
		if len(x.Steps) != 0 || x.Why != plan.NoSeats {
			t.Fatalf("%+v", x)
		}
	}
	to := r.asks(url.Values{"hours": {"72"}, "cost": {"20000"}})
	r.works()
	_, page := r.get(r.methodist, to+"?state=empty")
	shows(t, "nothing suits", page, "Кому ничего не подошло и почему", "В подходящих группах нет мест: 8", "Ничего не подошло: 8", "Можно взять: 0")
	d, err := r.routes.Demand(t.Context(), r.methodist, routes.Selection{Campaign: r.campaign, Hours: 72, Cost: 20000})
	r.must(err)
	if slices.ContainsFunc(d.Unmet, func(u routes.UnmetLine) bool { return u.Why == "" || u.Why == plan.Demanded }) {
		t.Errorf("an order without a reason: %+v", d.Unmet)
	}
}
