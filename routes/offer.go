package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/calendar"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// Offer is many drafts proposed to their teachers at once, so that it can be watched and taken back as one.
type Offer struct {
	ID      int64     `db:"id"`
	At      time.Time `db:"made_at"`
	Sent    int       `db:"sent"`
	Waiting int       `db:"waiting"` // of these, not answered yet: they can be taken back
	Agreed  int       `db:"agreed"`  // agreed, under way or finished
	Asked   int       `db:"asked"`   // the teacher asked for a change
}

// Other are those that were taken back, changed or cancelled since.
func (o Offer) Other() int { return o.Sent - o.Waiting - o.Agreed - o.Asked }

// Judged is a draft that was picked to be proposed.
type Judged struct {
	Line
	Why string // it is not proposed, in a sentence; "" where it is
}

// judge says what keeps a picked draft from being proposed with others; a methodist who knows better may still propose
// it on its own page. version is the one that was on the screen, 0 for any.
func (l Line) judge(version int, today time.Time) string {
	switch {
	case l.State != Draft:
		return "Уже не черновик: маршрут " + l.State.Name()
	case version != 0 && version != l.Version:
		return "Изменился, пока вы смотрели"
	case l.Steps == 0:
		return "В нём нет ни одного шага"
	case l.Risk != "" || l.Drifted:
		return l.RiskWords()
	case l.LateOn != nil:
		return "Шаг начался " + calendar.Date(*l.LateOn) + ", а маршрут ещё не предложен"
	}
	return ""
}

// judgeTx reads and judges what was picked: the routes named with the versions seen, or where versions is nil all drafts
// of a filter. gone counts those named that the actor cannot come to any more.
func (s *Service) judgeTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, f Filter, versions map[int64]int) (list []Judged, gone int, err error) {
	today := calendar.Day(s.now())
	if versions != nil {
		f = Filter{Routes: ids(versions)}
	} else {
		f.State, f.Risk = Draft, false
	}
	lines, err := listTx(ctx, tx, actor.Scope(access.RoutesManage), f, today)
	if err != nil {
		return nil, 0, err
	}
	if err := s.driftedTx(ctx, tx, lines); err != nil {
		return nil, 0, err
	}
	for _, l := range lines {
		list = append(list, Judged{l, l.judge(versions[l.ID], today)})
	}
	if versions != nil {
		gone = len(versions) - len(list)
	}
	return list, gone, nil
}

func ids(versions map[int64]int) []int64 {
	out := make([]int64, 0, len(versions))
	for id := range versions {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Judge shows what would be proposed, and what not and why, before anything is.
func (s *Service) Judge(ctx context.Context, actor access.Actor, f Filter, versions map[int64]int) (list []Judged, gone int, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		list, gone, err = s.judgeTx(ctx, tx, actor, f, versions)
		return err
	})
	return list, gone, err
}

// OfferMany proposes drafts to their teachers at once: those named with the versions that were on the screen. What
// cannot be proposed by now stays as it is; left counts it. With nothing to propose the whole is a Conflict.
func (s *Service) OfferMany(ctx context.Context, actor access.Actor, versions map[int64]int) (offer int64, sent, left int, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if err := lockTx(ctx, tx, ids(versions)); err != nil {
			return err
		}
		list, _, err := s.judgeTx(ctx, tx, actor, Filter{}, versions)
		if err != nil {
			return err
		}
		ready := []int64{}
		for _, j := range list {
			if j.Why == "" {
				ready = append(ready, j.ID)
			}
		}
		if sent, left = len(ready), len(versions)-len(ready); sent == 0 {
			return fault.New(fault.Conflict, "Предлагать нечего: ни один из отмеченных маршрутов сейчас предложить нельзя")
		}
		if err := s.moveManyTx(ctx, tx, actor, ready, Proposed, "route.proposed", "Предложен педагогу"); err != nil {
			return err
		}
		offer, err = insertOfferTx(ctx, tx, actor, ready, s.now())
		return err
	})
	return offer, sent, left, err
}

// TakeBack makes drafts again of what was proposed at once and is not answered yet; n is how many.
func (s *Service) TakeBack(ctx context.Context, actor access.Actor, offer int64, why string) (n int, err error) {
	if err := checkWords("why", why); err != nil {
		return 0, err
	}
	reason := "Возвращён в черновики"
	if why = strings.TrimSpace(why); why != "" {
		reason += ": " + why
	}
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if _, err := offerTx(ctx, tx, actor, offer); err != nil {
			return err
		}
		waiting, err := waitingTx(ctx, tx, actor.Scope(access.RoutesManage), offer)
		if err != nil {
			return err
		}
		if n = len(waiting); n == 0 {
			return fault.New(fault.Conflict, "Возвращать нечего: педагоги уже ответили или маршруты изменились")
		}
		return s.moveManyTx(ctx, tx, actor, waiting, Draft, "route.returned", reason)
	})
	return n, err
}

// Offers lists what an actor proposed at once, newest first.
func (s *Service) Offers(ctx context.Context, actor access.Actor) (list []Offer, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		list, err = offersTx(ctx, tx, actor, 0)
		return err
	})
	return list, err
}

// Offer reads what was proposed at once, with how each route stands now; only who did it may see it.
func (s *Service) Offer(ctx context.Context, actor access.Actor, id int64) (o Offer, list []Line, err error) {
	err = db.InTx(ctx, s.pool, actor, func(tx *sqlx.Tx) error {
		if o, err = offerTx(ctx, tx, actor, id); err != nil {
			return err
		}
		items, err := db.Select[int64](ctx, tx, `SELECT route_id FROM route_offer_item WHERE offer_id = $1 ORDER BY route_id`, id)
		if err != nil {
			return fmt.Errorf("offer %d: %w", id, err)
		}
		list, err = listTx(ctx, tx, actor.Scope(access.RoutesManage), Filter{Routes: items}, calendar.Day(s.now()))
		return err
	})
	return o, list, err
}

// moveManyTx makes the next version of routes with the content they have, in one go; the caller has locked them and
// knows that each may go over to the state.
func (s *Service) moveManyTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, routes []int64, to State, action, reason string) error {
	moved, err := nextVersionsTx(ctx, tx, routes, to, reason, actor.ID, s.now())
	if err != nil {
		return err
	}
	entries := make([]audit.Entry, len(moved))
	for i, r := range moved {
		entries[i] = audit.Entry{Action: action, ObjectKind: "route", ObjectID: fmt.Sprint(r.ID), Person: r.Person, Purpose: reason,
			Details: map[string]any{"version": r.Version, "state": string(to)}}
	}
	return audit.RecordManyTx(ctx, tx, actor, entries)
}
