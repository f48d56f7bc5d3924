// Package demo makes the demonstration region: synthetic people who take real
// diagnostics. Everything is made through the use cases of the contexts, never
// by writing rows, so that what a newcomer sees is what the product does.
package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/content"
	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/memos"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/roadmap"
	"github.com/lotsiya/lotsiya/routes"
)

// Clock is the time of the simulation: the use cases read it, the region moves it on.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts at t.
func NewClock(t time.Time) *Clock { return &Clock{at: t} }

// Now is the time of the simulation.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *Clock) set(t time.Time) {
	c.mu.Lock()
	c.at = t
	c.mu.Unlock()
}

// Region is what the demonstration region is made through. The services read Clock.
type Region struct {
	Pool      *sqlx.DB
	Clock     *Clock
	Jobs      *jobs.Runner
	People    *people.Service
	Bank      *bank.Service
	Assembly  *assembly.Service
	Campaigns *campaign.Service
	Sittings  *sitting.Service
	Marking   *marking.Service
	Results   *results.Service
	Deficits  *deficits.Service
	Routes    *routes.Service
	Memos     *memos.Service
	Roadmap   *roadmap.Service

	// Progress is told how much of the whole is done, 0…1, and what goes on.
	Progress func(done float64, what string)

	rand    *rand.Rand
	now     time.Time // the real now: where the simulation ends
	minds   map[access.PersonID]*able
	experts []access.Actor
	manager access.Actor
	consent int // version of the text in force
	done    float64
}

// instruments as imported, by code.
type instruments map[string]assembly.Imported

// Make fills an empty database. now is the real time:
// the past of the region is laid before it. The same now gives the same region.
func (r *Region) Make(ctx context.Context, now time.Time) error {
	r.now, r.rand, r.minds = now, rand.New(rand.NewPCG(20261122, 7)), map[access.PersonID]*able{}
	r.Clock.set(now.AddDate(0, -4, 0))
	if err := r.record(ctx, "demo.begun"); err != nil {
		return err
	}
	if err := r.populate(ctx); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	in, err := r.bring(ctx)
	if err != nil {
		return fmt.Errorf("instruments: %w", err)
	}
	if err := r.diagnose(ctx, in); err != nil {
		return err
	}
	if err := r.routes(ctx); err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	if err := r.memos(ctx); err != nil {
		return fmt.Errorf("memos: %w", err)
	}
	if err := r.plans(ctx); err != nil {
		return fmt.Errorf("roadmap: %w", err)
	}
	if err := r.withdraw(ctx); err != nil {
		return fmt.Errorf("withdrawals: %w", err)
	}
	r.Clock.set(now)
	r.say(1-r.done, "готово")
	return r.record(ctx, "demo.made")
}

// Found is what the database holds of a demonstration region.
type Found int

// A database is empty, holds somebody's own data, or a region unfinished or made.
const (
	Empty Found = iota
	Foreign
	Unfinished
	Made
)

// Look tells what a database holds.
func Look(ctx context.Context, pool *sqlx.DB) (Found, error) {
	f, err := db.Get[Found](ctx, pool, `
		SELECT CASE WHEN EXISTS (SELECT FROM journal WHERE action = 'demo.made') THEN 3
		            WHEN EXISTS (SELECT FROM journal WHERE action = 'demo.begun') THEN 2
		            WHEN EXISTS (SELECT FROM person) THEN 1 ELSE 0 END`)
	if err != nil {
		return 0, fmt.Errorf("look for a demonstration region: %w", err)
	}
	return f, nil
}

func (r *Region) record(ctx context.Context, action string) error {
	return db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		return audit.RecordTx(ctx, tx, access.System, audit.Entry{Action: action, ObjectKind: "region", ObjectID: "demo"})
	})
}

// rows reads the region as the program itself.
func rows[T any](ctx context.Context, r *Region, query string, args ...any) (list []T, err error) {
	err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		list, err = db.Select[T](ctx, tx, query, args...)
		return err
	})
	return list, err
}

// row reads exactly one, as db.Get does.
func row[T any](ctx context.Context, r *Region, query string, args ...any) (v T, err error) {
	err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		v, err = db.Get[T](ctx, tx, query, args...)
		return err
	})
	return v, err
}

// Actor is one of the region's people at work, by login.
func (r *Region) Actor(ctx context.Context, login string) (access.Actor, error) {
	id, err := row[access.PersonID](ctx, r, `SELECT person_id FROM credential WHERE login = $1`, login)
	if err != nil {
		return access.Actor{}, fmt.Errorf("sign-in %s: %w", login, err)
	}
	return r.actorOf(ctx, id)
}

func (r *Region) actorOf(ctx context.Context, id access.PersonID) (a access.Actor, err error) {
	err = db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		a, err = people.ActorTx(ctx, tx, id)
		return err
	})
	return a, err
}

func (r *Region) say(share float64, what string) {
	r.done = min(1, r.done+share)
	if r.Progress != nil {
		r.Progress(r.done, what)
	}
}

// drain runs the queue of jobs to its end.
func (r *Region) drain(ctx context.Context) error {
	for {
		worked, err := r.Jobs.RunOne(ctx)
		if err != nil || !worked {
			return err
		}
	}
}

// populate adds organisations, teachers and the people at work around them.
func (r *Region) populate(ctx context.Context) error {
	if err := r.People.EnsureReference(ctx); err != nil {
		return err
	}
	var refs people.Refs
	err := db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) (err error) {
		if refs, err = people.RefsTx(ctx, tx); err != nil {
			return err
		}
		_, text, err := people.ConsentTx(ctx, tx, 0, "diagnostics")
		r.consent = text.Version
		return err
	})
	if err != nil {
		return err
	}
	organisations := newOrganisations(refs.Territories, r.rand)
	ids, err := r.People.AddOrganisations(ctx, access.System, organisations)
	if err != nil {
		return err
	}
	var schools, gardens []place
	var territories []int64
	for _, t := range refs.Territories {
		territories = append(territories, t.ID)
	}
	for i, o := range organisations {
		at := place{o.TerritoryID, ids[i]}
		if o.Kind == "preschool" {
			gardens = append(gardens, at)
		} else {
			schools = append(schools, at)
		}
	}
	hash, err := people.HashPassword(Password) // one for all: hashing 600 would be the whole start
	if err != nil {
		return err
	}
	list, minds := newTeachers(mathTeachers, "Учитель", "teacher", "math", "teacher", signIns, schools, territories, hash, r.now, r.rand)
	more, others := newTeachers(preschoolStaff, "Воспитатель", "preschool_teacher", "preschool", "preschool", preschoolIns, gardens, territories, hash, r.now, r.rand)
	list, minds = append(list, more...), append(minds, others...)
	large := schools[slices.IndexFunc(schools, func(p place) bool { return p.territory == refs.Territories[3].ID })]
	persons, err := r.People.AddPeople(ctx, access.System, append(list, staff(large, hash)...))
	if err != nil {
		return err
	}
	for i, m := range minds {
		m.id = persons[i]
		r.minds[m.id] = m
	}
	if err := r.share(ctx, persons[:len(minds)]); err != nil {
		return err
	}
	for i := range experts {
		a, err := r.Actor(ctx, expertLogin(i))
		if err != nil {
			return err
		}
		r.experts = append(r.experts, a)
	}
	r.manager, err = r.Actor(ctx, "manager")
	r.say(0.04, "люди и организации")
	return err
}

// share lets about half of the teachers show their results to the methodist of their
// municipality, with a chance of its own, so that the rest of the region stays as it was.
func (r *Region) share(ctx context.Context, teachers []access.PersonID) error {
	chance := rand.New(rand.NewPCG(20261122, 152))
	agreed := []access.PersonID{}
	for _, id := range teachers {
		if chance.IntN(2) == 0 {
			agreed = append(agreed, id)
		}
	}
	return db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		return people.DecideConsentsTx(ctx, tx, access.System, agreed, people.ForMethodist, people.Given, r.Clock.Now())
	})
}

// withdraw lets two who agreed and never began take their consent back twelve days ago: an
// administrator sees whose data wait to be erased.
func (r *Region) withdraw(ctx context.Context) error {
	return db.InTx(ctx, r.Pool, access.System, func(tx *sqlx.Tx) error {
		idle, err := db.Select[access.PersonID](ctx, tx, `
			SELECT person_id FROM attempt GROUP BY person_id
			HAVING bool_and(state = 'assigned') AND person_id NOT IN (SELECT person_id FROM credential)
			ORDER BY person_id LIMIT 2`)
		if err != nil {
			return err
		}
		if err := people.DecideConsentsTx(ctx, tx, access.System, idle, people.ForDiagnostics, people.Given, r.now.AddDate(0, 0, -40)); err != nil {
			return err
		}
		return people.DecideConsentsTx(ctx, tx, access.System, idle, people.ForDiagnostics, people.Withdrawn, r.now.AddDate(0, 0, -12))
	})
}

// bring imports both instruments and their spare tasks as their author and reviewer.
func (r *Region) bring(ctx context.Context) (instruments, error) {
	author, err := r.Actor(ctx, "author")
	if err != nil {
		return nil, err
	}
	reviewer, err := r.Actor(ctx, "reviewer")
	if err != nil {
		return nil, err
	}
	in := instruments{}
	for _, code := range []string{content.MathTeacher, content.PreschoolTeacher} {
		file, err := content.Instrument(code)
		if err != nil {
			return nil, err
		}
		if in[code], err = r.Assembly.ImportInstrument(ctx, author, reviewer, file); err != nil {
			return nil, err
		}
		r.say(0.03, "задания и ключи")
	}
	for _, code := range []string{content.MathTeacher, content.PreschoolTeacher} { // after both, so that the variants keep their ids
		file, err := content.Spare(code)
		if err != nil {
			return nil, err
		}
		if _, err := r.Bank.ImportSpare(ctx, author, reviewer, file); err != nil {
			return nil, fmt.Errorf("spare tasks of %s: %w", code, err)
		}
	}
	return in, nil
}

// each does f for all, several at once, and stops at the first error.
func each[T any](ctx context.Context, list []T, f func(T) error) error {
	g, _ := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, v := range list {
		g.Go(func() error { return f(v) })
	}
	return g.Wait()
}
