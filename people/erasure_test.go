package people

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/fault"
)

func TestErasurePages(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	admin := r.add("Админова Анна Петровна", r.school1, withLogin("admin1", "lotsiya-test-1"), withRole(access.Grant{Role: access.Admin}))
	r.add("Вторая Анна Петровна", r.school1, withRole(access.Grant{Role: access.Admin}))
	gone := r.add("Уходящая Вера Ивановна", r.school2, withLogin("vera", "lotsiya-test-2"))
	twin := r.add("Уходящая Вера Ивановна", r.garden)
	stays := r.add("Остающаяся Нина Ивановна", r.school2)
	asked := []access.PersonID{}
	r.OnErase(func(_ context.Context, _ *sqlx.Tx, _ access.Actor, p access.PersonID) ([]Erased, error) {
		asked = append(asked, p)
		return []Erased{{"Тексты ответов на задания", 7}, {"Приложенные файлы", 0}}, nil
	})
	public := map[access.PersonID]string{}
	r.in(func(tx *sqlx.Tx) (err error) {
		public, err = PublicIDsTx(t.Context(), tx, []access.PersonID{admin, gone, twin, stays})
		return err
	})
	me := access.Actor{ID: admin, Grants: []access.Grant{{Role: access.Admin}}}
	r.must(r.Merge(t.Context(), me, public[gone], public[twin], "одна и та же"))
	person := access.Actor{ID: gone, Grants: []access.Grant{{Role: access.Teacher}}}
	r.must(r.DecideConsent(t.Context(), person, ForDiagnostics, 1, Given))
	r.must(r.DecideConsent(t.Context(), person, ForDiagnostics, 1, Withdrawn))

	server := r.serve()
	b, vera := r.browse(server, "admin1", "lotsiya-test-1"), r.browse(server, "vera", "lotsiya-test-2")
	vera.says("/me", "Данные удалим не позже")
	b.says("/erasures", "Ждут удаления: 1", "Уходящая Вера Ивановна", "30 дней", "Актов пока нет")
	path := "/people/" + public[gone] + "/erase"
	b.says(path, "Что произойдёт", "Согласие на обработку персональных данных отозвано")
	if code, body, _ := b.post(path, url.Values{"reason": {"По заявлению"}, "sure": {"1"}}); code != http.StatusUnprocessableEntity ||
		!strings.Contains(body, "По заявлению") || !strings.Contains(body, "Назовите, кто удаляет") {
		t.Errorf("without a commission: %d", code)
	}
	if code, _, _ := b.post(path, url.Values{"reason": {"По заявлению"}, "commission": {"Админова"}}); code != http.StatusUnprocessableEntity {
		t.Errorf("unconfirmed: %d", code)
	}
	if n := r.count(`SELECT count(*) FROM identity WHERE person_id = $1`, gone); n != 1 {
		t.Fatal("a refused form erased")
	}
	code, _, head := b.post(path, url.Values{"reason": {"По заявлению"}, "commission": {"Администратор Админова А. П."}, "sure": {"1"}})
	if code != http.StatusSeeOther || head.Get("Location") != "/erasures/"+public[gone] {
		t.Fatalf("erase: %d %s", code, head.Get("Location"))
	}
	act := b.says("/erasures/"+public[gone], "Акт № 1", "По заявлению", "Тексты ответов на задания", "Имя, почта, телефон")
	if strings.Contains(act, "Уходящая") {
		t.Error("the act names the person")
	}
	if len(asked) != 2 {
		t.Errorf("other contexts were asked about %v, want both records of the person", asked)
	}
	if code, body, _ := b.get("/erasures/" + public[gone] + "/journal.csv"); code != http.StatusOK || !strings.Contains(body, "person.erase") || strings.Contains(body, "Уходящая") {
		t.Errorf("journal: %d %s", code, body)
	}
	b.says("/erasures", "Ждут удаления: 0", "№ 1")
	if code, _, _ := b.get("/people/" + public[gone]); code != http.StatusNotFound {
		t.Errorf("the card of an erased person: %d", code)
	}
	if code, _, head := vera.get("/me"); code != http.StatusSeeOther || !strings.HasPrefix(head.Get("Location"), "/sign-in") {
		t.Errorf("an erased person is still in: %d %s", code, head.Get("Location"))
	}
	if n := r.count(`SELECT count(*) FROM identity WHERE person_id IN ($1, $2)`, gone, twin); n != 0 {
		t.Errorf("%d names are left", n)
	}
	if n := r.count(`SELECT count(*) FROM identity WHERE person_id = $1`, stays); n != 1 {
		t.Error("somebody else is gone")
	}
	if _, err := r.Erase(t.Context(), me, public[admin], NewErasure{"По заявлению", "Я"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("erasing oneself: %v", err)
	}
}

// By the clock nobody with a role of staff is erased, and nobody who gave the consent again.
func TestErasureByTheClock(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	methodist := r.add("Методистова Анна Петровна", r.school1, withRole(access.Grant{Role: access.Methodist}))
	back := r.add("Вернувшаяся Вера Ивановна", r.school2)
	gone := r.add("Уходящая Вера Ивановна", r.school2)
	for _, id := range []access.PersonID{methodist, back, gone} {
		a := access.Actor{ID: id}
		r.must(r.DecideConsent(t.Context(), a, ForDiagnostics, 1, Given))
		r.must(r.DecideConsent(t.Context(), a, ForDiagnostics, 1, Withdrawn))
	}
	r.must(r.DecideConsent(t.Context(), access.Actor{ID: back}, ForDiagnostics, 1, Given))
	r.clock = r.clock.Add((ErasureDays + 1) * 24 * time.Hour)
	r.must(r.EraseDue(t.Context()))
	for id, want := range map[access.PersonID]int{methodist: 1, back: 1, gone: 0} {
		if n := r.count(`SELECT count(*) FROM identity WHERE person_id = $1`, id); n != want {
			t.Errorf("person %d: %d names, want %d", id, n, want)
		}
	}
}
