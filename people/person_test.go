package people

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/dbtest"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// a region with reference lists, two schools and a clock that the test moves.
type region struct {
	*Service
	t       *testing.T
	pool    *sqlx.DB
	clock   time.Time
	volkhov int64 // territories
	luga    int64
	school1 int64 // in Volkhov
	school2 int64 // in Volkhov
	garden  int64 // in Luga
}

func newRegion(t *testing.T) *region {
	t.Helper()
	r := &region{t: t, pool: dbtest.New(t), clock: time.Now()}
	r.Service = New(r.pool, func() time.Time { return r.clock })
	r.must(r.EnsureReference(t.Context()))
	refs := r.refs()
	for _, x := range refs.Territories {
		switch x.ShortName {
		case "Волховский":
			r.volkhov = x.ID
		case "Лужский":
			r.luga = x.ID
		}
	}
	ids, err := r.AddOrganisations(t.Context(), access.System, []NewOrganisation{
		{TerritoryID: r.volkhov, Kind: "school", Name: "МОБУ «Средняя общеобразовательная школа № 1»", ShortName: "Школа № 1"},
		{TerritoryID: r.volkhov, Kind: "lyceum", Name: "МОБУ «Лицей № 2»", ShortName: "Лицей № 2"},
		{TerritoryID: r.luga, Kind: "preschool", Name: "МДОУ «Детский сад № 7»", ShortName: "Детский сад № 7", Rural: true},
	})
	r.must(err)
	r.school1, r.school2, r.garden = ids[0], ids[1], ids[2]
	return r
}

func (r *region) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *region) in(f func(tx *sqlx.Tx) error) {
	r.t.Helper()
	r.must(db.InTx(r.t.Context(), r.pool, access.System, f))
}

func (r *region) refs() (refs Refs) {
	r.t.Helper()
	r.in(func(tx *sqlx.Tx) (err error) { refs, err = RefsTx(r.t.Context(), tx); return err })
	return refs
}

// add adds a mathematics teacher of a school with the role of a teacher.
func (r *region) add(name string, school int64, change ...func(*NewPerson)) access.PersonID {
	r.t.Helper()
	n, err := ParseName(name)
	r.must(err)
	p := NewPerson{Name: n, Grants: []access.Grant{{Role: access.Teacher}},
		Appointments: []NewAppointment{{OrganisationID: school, Position: "teacher", Subject: "math", StartedOn: date(2020, 9, 1)}}}
	for _, f := range change {
		f(&p)
	}
	ids, err := r.AddPeople(r.t.Context(), access.System, []NewPerson{p})
	r.must(err)
	return ids[0]
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// count runs a query of one number.
func (r *region) count(query string, args ...any) (n int) {
	r.t.Helper()
	r.must(r.pool.GetContext(r.t.Context(), &n, query, args...))
	return n
}

func withLogin(login, password string) func(*NewPerson) {
	return func(p *NewPerson) {
		h, err := HashPassword(password)
		if err != nil {
			panic(err)
		}
		p.Login, p.PasswordHash = login, h
	}
}

func withRole(g access.Grant) func(*NewPerson) {
	return func(p *NewPerson) { p.Grants = append(p.Grants, g) }
}

func TestReferenceIsWholeAndStaysOnSecondStart(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	first := r.refs()
	r.must(r.EnsureReference(t.Context()))
	again := r.refs()
	if len(first.Territories) != 18 || len(again.Territories) != 18 {
		t.Errorf("territories: %d, then %d; want 18", len(first.Territories), len(again.Territories))
	}
	if got := fmt.Sprint(again.Bands); !strings.HasPrefix(got, "[{0-3 до 3 лет} {3-5 3–5 лет}") || !strings.HasSuffix(got, "{unknown стаж не указан}]") {
		t.Errorf("bands: %s", got)
	}
	if len(again.Positions) != len(positions) || len(again.Subjects) != len(subjects) || len(again.Categories) != len(categories) || again.PositionName("teacher") != "учитель" {
		t.Errorf("lists: %d positions, %d subjects, %d categories", len(again.Positions), len(again.Subjects), len(again.Categories))
	}
	for _, purpose := range []string{ForDiagnostics, ForMethodist, ForResearch, ForLessonVideo} {
		r.in(func(tx *sqlx.Tx) error {
			given, text, err := ConsentTx(t.Context(), tx, 1, purpose)
			for _, must := range []string{"Чкаловский пр.", "Какие данные", "Что с ними делают", "Как отозвать", "заменяет мою подпись"} {
				if !strings.Contains(text.Body, must) {
					t.Errorf("text of consent %s lacks %q", purpose, must)
				}
			}
			if given {
				t.Errorf("consent %s given by nobody", purpose)
			}
			return err
		})
	}
}

func TestPassportsAndSelection(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	since := date(2012, 9, 1)
	maria := r.add("Иванова Мария Петровна", r.school1, func(p *NewPerson) {
		p.TeachingSince, p.Category = &since, "first"
		p.Appointments = append(p.Appointments, NewAppointment{OrganisationID: r.school2, Position: "teacher", Subject: "physics", Load: 0.5, Second: true, StartedOn: date(2021, 9, 1)})
	})
	vera := r.add("Ким Вера", r.garden, func(p *NewPerson) { p.Appointments[0].Position, p.Appointments[0].Subject = "preschool_teacher", "" })
	r.in(func(tx *sqlx.Tx) error {
		ctx := t.Context()
		got, err := PassportsTx(ctx, tx, []access.PersonID{maria, vera}, "", "", date(2026, 11, 22))
		if err != nil {
			return err
		}
		if want := (Passport{r.volkhov, r.school1, "teacher", "math", "first", "10-15", false}); got[maria] != want {
			t.Errorf("passport: %+v, want %+v", got[maria], want)
		}
		if want := (Passport{r.luga, r.garden, "preschool_teacher", "", "none", UnknownBand, true}); got[vera] != want {
			t.Errorf("passport: %+v, want %+v", got[vera], want)
		}
		got, err = PassportsTx(ctx, tx, []access.PersonID{maria, vera}, "teacher", "physics", date(2026, 11, 22))
		if err != nil {
			return err
		}
		if len(got) != 1 || got[maria].OrganisationID != r.school2 {
			t.Errorf("the campaign of physics: %+v", got)
		}
		if got, err = PassportsTx(ctx, tx, []access.PersonID{maria}, "", "", date(2019, 1, 1)); err != nil || len(got) != 0 {
			t.Errorf("before the first appointment: %+v, %v", got, err)
		}
		for name, c := range map[string]struct {
			sel  Selection
			want []access.PersonID
		}{
			"all":             {Selection{}, []access.PersonID{maria, vera}},
			"territory":       {Selection{Territories: []int64{r.luga}}, []access.PersonID{vera}},
			"organisation":    {Selection{Organisations: []int64{r.school2}}, []access.PersonID{maria}},
			"either":          {Selection{Territories: []int64{r.luga}, Organisations: []int64{r.school1}}, []access.PersonID{maria, vera}},
			"subject":         {Selection{Position: "teacher", Subject: "math"}, []access.PersonID{maria}},
			"nobody of these": {Selection{Territories: []int64{r.luga}, Position: "teacher"}, []access.PersonID{}},
		} {
			ids, err := SelectTx(ctx, tx, c.sel)
			if err != nil || fmt.Sprint(ids) != fmt.Sprint(c.want) {
				t.Errorf("%s: %v, %v; want %v", name, ids, err, c.want)
			}
		}
		return nil
	})
}

func TestExperienceBand(t *testing.T) {
	on := date(2026, 11, 22)
	for since, want := range map[time.Time]string{
		date(2026, 9, 1): "0-3", date(2023, 11, 23): "0-3", date(2023, 11, 22): "3-5", date(2021, 11, 22): "5-10",
		date(2016, 11, 22): "10-15", date(2011, 11, 22): "15-20", date(2006, 11, 23): "15-20", date(2006, 11, 22): "20+", date(2030, 1, 1): "0-3",
	} {
		if got := experienceBand(&since, on); got != want {
			t.Errorf("since %s: %s, want %s", since.Format(time.DateOnly), got, want)
		}
	}
}

func TestNamesLeaveALineForThePerson(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	maria, ivan := r.add("Иванова Мария Петровна", r.school1), r.add("Петров Иван Ильич", r.school1)
	look := func(actor access.Actor) {
		t.Helper()
		r.must(db.InTx(t.Context(), r.pool, actor, func(tx *sqlx.Tx) error {
			names, err := NamesTx(t.Context(), tx, actor, "список участников", []access.PersonID{maria, ivan, maria})
			if names[maria].Full() != "Иванова Мария Петровна" || len(names) != 2 {
				t.Errorf("names: %v", names)
			}
			return err
		}))
	}
	look(access.Actor{ID: ivan})
	look(access.System)
	r.in(func(tx *sqlx.Tx) error {
		for id, want := range map[access.PersonID]int{maria: 1, ivan: 0} {
			lines, err := audit.LooksTx(t.Context(), tx, []access.PersonID{id}, 10)
			if err != nil {
				return err
			}
			if len(lines) != want {
				t.Errorf("looks at %d: %d, want %d", id, len(lines), want)
			}
			if want == 1 && (lines[0].Actor != ivan || lines[0].Purpose != "список участников") {
				t.Errorf("line: %+v", lines[0])
			}
		}
		return nil
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	maria := r.add("Иванова Мария Петровна", r.school1, withLogin("Ivanova", "верный пароль"))
	for _, login := range []string{"ivanova", " IVANOVA "} {
		if id, err := r.SignIn(t.Context(), login, "верный пароль"); err != nil || id != maria {
			t.Errorf("sign in as %q: %d, %v", login, id, err)
		}
	}
	for login, password := range map[string]string{"ivanova": "неверный", "nobody": "верный пароль", "": "x", "ivanova ": ""} {
		if _, err := r.SignIn(t.Context(), login, password); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("%q, %q: %v, want Unauthorized", login, password, err)
		}
	}
}

func TestThrottleIsSharedAndEnds(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.add("Иванова Мария Петровна", r.school1, withLogin("ivanova", "верный пароль"))
	r.add("Петров Иван Ильич", r.school1, withLogin("petrov", "верный пароль"))
	another := New(r.pool, r.now) // a second instance on the same database
	for i := range maxFailures {
		s := []*Service{r.Service, another}[i%2]
		if _, err := s.SignIn(t.Context(), "ivanova", "неверный"); fault.KindOf(err) != fault.Unauthorized {
			t.Fatalf("failure %d: %v", i+1, err)
		}
	}
	for _, s := range []*Service{r.Service, another} {
		if _, err := s.SignIn(t.Context(), "IVANOVA", "верный пароль"); fault.KindOf(err) != fault.TooMany {
			t.Errorf("after %d failures: %v, want TooMany", maxFailures, err)
		}
	}
	if _, err := r.SignIn(t.Context(), "petrov", "верный пароль"); err != nil {
		t.Errorf("a neighbour is closed too: %v", err)
	}
	r.clock = r.clock.Add(failureWindow + time.Second)
	if _, err := r.SignIn(t.Context(), "ivanova", "верный пароль"); err != nil {
		t.Errorf("after the window: %v", err)
	}
	if n := r.count(`SELECT count(*) FROM sign_in_failure`); n != 0 {
		t.Errorf("%d failures stay after success", n)
	}
}

// Many guesses at once are counted before the first of them is judged.
func TestThrottleHoldsAgainstManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	r.add("Иванова Мария Петровна", r.school1, withLogin("ivanova", "верный пароль"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	kinds := map[fault.Kind]int{}
	for range 3 * maxFailures {
		wg.Go(func() {
			_, err := r.SignIn(context.Background(), "ivanova", "неверный")
			mu.Lock()
			defer mu.Unlock()
			kinds[fault.KindOf(err)]++
		})
	}
	wg.Wait()
	if kinds[fault.Unauthorized] != maxFailures || kinds[fault.TooMany] != 2*maxFailures {
		t.Errorf("outcomes by kind: %v", kinds)
	}
}

func TestConsentIsDecidedAndTakenBack(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	maria := r.add("Иванова Мария Петровна", r.school1)
	decide := func(version int, what string) error {
		return db.InTx(t.Context(), r.pool, access.Actor{ID: maria}, func(tx *sqlx.Tx) error {
			return DecideConsentTx(t.Context(), tx, maria, ForDiagnostics, version, what, r.clock)
		})
	}
	holds := func() (given bool) {
		r.in(func(tx *sqlx.Tx) (err error) {
			given, _, err = ConsentTx(t.Context(), tx, maria, ForDiagnostics)
			return err
		})
		return given
	}
	if err := decide(7, Given); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a version that is not in force: %v", err)
	}
	for _, step := range []struct {
		what string
		want bool
	}{{Refused, false}, {Given, true}, {Given, true}, {Withdrawn, false}, {Withdrawn, false}, {Given, true}} {
		r.must(decide(1, step.what))
		if holds() != step.want {
			t.Errorf("after %s: %v", step.what, holds())
		}
	}
	if n := r.count(`SELECT count(*) FROM consent_event WHERE person_id = $1`, maria); n != 4 {
		t.Errorf("%d events kept, want 4: repeats say nothing new", n)
	}
	r.in(func(tx *sqlx.Tx) error {
		who, err := ConsentingTx(t.Context(), tx, []access.PersonID{maria, maria + 100}, ForDiagnostics)
		if len(who) != 1 || !who[maria] {
			t.Errorf("consenting: %v", who)
		}
		return err
	})
	if _, err := r.pool.Exec(`UPDATE consent_event SET what = 'given'`); err == nil {
		t.Error("the application may rewrite consents")
	}
}

func TestActorHasRolesWhoseTermHolds(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	maria := r.add("Иванова Мария Петровна", r.school1, withRole(access.Grant{Role: access.Coordinator, Territory: r.volkhov}))
	dbtest.Owner(t, r.pool).MustExec(`INSERT INTO role_grant (person_id, role, valid_from, valid_to, granted_by) VALUES
		($1, 'manager', '2020-01-01', '2020-12-31', 0), ($1, 'expert', '2999-01-01', NULL, 0)`, maria)
	r.in(func(tx *sqlx.Tx) error {
		a, err := ActorTx(t.Context(), tx, maria)
		if got := fmt.Sprint(a.Grants); got != fmt.Sprintf("[{teacher 0 0} {coordinator %d 0}]", r.volkhov) {
			t.Errorf("grants: %s", got)
		}
		return err
	})
	r.must(db.InTx(t.Context(), r.pool, access.System, func(tx *sqlx.Tx) error {
		if _, err := ActorTx(t.Context(), tx, 999999); fault.KindOf(err) != fault.NotFound {
			t.Errorf("nobody: %v", err)
		}
		return nil
	}))
}

func TestCoordinatorAddsOnlyAtHome(t *testing.T) {
	t.Parallel()
	r := newRegion(t)
	coordinator := access.Actor{ID: r.add("Зайцева Ольга Ивановна", r.school1), Grants: []access.Grant{{Role: access.Coordinator, Territory: r.volkhov}}}
	person := func(school int64) []NewPerson {
		return []NewPerson{{Name: Name{"Новая", "Анна", ""}, Appointments: []NewAppointment{{OrganisationID: school, Position: "teacher", Subject: "math", StartedOn: date(2026, 9, 1)}}}}
	}
	if _, err := r.AddPeople(t.Context(), coordinator, person(r.school2)); err != nil {
		t.Errorf("at home: %v", err)
	}
	if _, err := r.AddPeople(t.Context(), coordinator, person(r.garden)); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("abroad: %v", err)
	}
	granted := person(r.school2)
	granted[0].Grants = []access.Grant{{Role: access.Admin}}
	if _, err := r.AddPeople(t.Context(), coordinator, granted); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a role by the side door: %v", err)
	}
}
