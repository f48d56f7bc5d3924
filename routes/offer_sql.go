package routes

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
)

// lockTx holds the rows of routes until the end of the transaction.
func lockTx(ctx context.Context, tx db.Q, routes []int64) error {
	if _, err := db.Select[int64](ctx, tx, `SELECT id FROM route WHERE id = ANY($1) ORDER BY id FOR UPDATE`, db.Array(routes)); err != nil {
		return fmt.Errorf("lock routes: %w", err)
	}
	return nil
}

// movedRoute is a route with its new version.
type movedRoute struct {
	ID      int64           `db:"id"`
	Person  access.PersonID `db:"person_id"`
	Version int             `db:"version"`
}

// nextVersionsTx adds to each route a version with the content of its current one. Steps follow in a statement of their
// own: a policy of theirs may look at their version, which the statement that adds it does not see yet.
func nextVersionsTx(ctx context.Context, tx db.Q, routes []int64, to State, reason string, by access.PersonID, now time.Time) ([]movedRoute, error) {
	versions, err := db.Select[int64](ctx, tx, `
		INSERT INTO route_version (route_id, version, state, reason, made_by, made_at, problem, plan, hours, cost, coverage, best_coverage)
		SELECT r.id, r.version + 1, $2, $3, $4, $5, v.problem, v.plan, v.hours, v.cost, v.coverage, v.best_coverage
		FROM route r JOIN route_version v ON v.route_id = r.id AND v.version = r.version WHERE r.id = ANY($1)
		RETURNING id`, db.Array(routes), to, reason, by, now)
	if err != nil {
		return nil, db.Refusal(err, map[string]string{"route_version_unique": "Маршрут только что изменил кто-то ещё. Посмотрите новую версию"})
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO route_step (route_version_id, position, programme_id, session_id, starts_on, ends_on, hours, cost, locked, origin, closes, why)
		SELECT v.id, st.position, st.programme_id, st.session_id, st.starts_on, st.ends_on, st.hours, st.cost, st.locked, st.origin, st.closes, st.why
		FROM route_version v JOIN route_version old ON old.route_id = v.route_id AND old.version = v.version - 1 JOIN route_step st ON st.route_version_id = old.id
		WHERE v.id = ANY($1)`, db.Array(versions)); err != nil {
		return nil, fmt.Errorf("steps of new versions: %w", err)
	}
	moved, err := db.Select[movedRoute](ctx, tx, `
		UPDATE route SET state = $2, version = version + 1, changed_at = $3 WHERE id = ANY($1) RETURNING id, person_id, version`, db.Array(routes), to, now)
	if err != nil {
		return nil, fmt.Errorf("move routes: %w", err)
	}
	return moved, nil
}

// insertOfferTx keeps which routes, as they stand now, were proposed at once.
func insertOfferTx(ctx context.Context, tx *sqlx.Tx, actor access.Actor, routes []int64, now time.Time) (id int64, err error) {
	if err := tx.GetContext(ctx, &id, `INSERT INTO route_offer (made_by, made_at) VALUES ($1, $2) RETURNING id`, actor.ID, now); err != nil {
		return 0, fmt.Errorf("offer: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO route_offer_item (offer_id, route_id, version) SELECT $1, id, version FROM route WHERE id = ANY($2)`, id, db.Array(routes)); err != nil {
		return 0, fmt.Errorf("offer %d: %w", id, err)
	}
	return id, nil
}

// offersTx lists the offers of an actor, one of them where id is not 0.
func offersTx(ctx context.Context, tx db.Q, actor access.Actor, id int64) ([]Offer, error) {
	list, err := db.Select[Offer](ctx, tx, `
		SELECT o.id, o.made_at, count(*) AS sent,
			count(*) FILTER (WHERE r.state = 'proposed' AND r.version = i.version) AS waiting,
			count(*) FILTER (WHERE r.state IN ('agreed', 'in_progress', 'completed', 'partly_completed')) AS agreed,
			count(*) FILTER (WHERE r.state = 'declined') AS asked
		FROM route_offer o JOIN route_offer_item i ON i.offer_id = o.id LEFT JOIN route r ON r.id = i.route_id
		WHERE o.made_by = $1 AND ($2 = 0 OR o.id = $2) GROUP BY o.id ORDER BY o.id DESC LIMIT 50`, actor.ID, id)
	if err != nil {
		return nil, fmt.Errorf("offers: %w", err)
	}
	return list, nil
}

func offerTx(ctx context.Context, tx db.Q, actor access.Actor, id int64) (Offer, error) {
	list, err := offersTx(ctx, tx, actor, id)
	if err == nil && len(list) == 0 {
		err = fault.New(fault.NotFound, "Таких предложений нет")
	}
	if err != nil {
		return Offer{}, err
	}
	return list[0], nil
}

// waitingTx locks the routes of an offer that stand as they were proposed.
func waitingTx(ctx context.Context, tx db.Q, scope access.Scope, offer int64) ([]int64, error) {
	list, err := db.Select[int64](ctx, tx, `
		SELECT r.id FROM route r JOIN route_offer_item i ON i.route_id = r.id AND i.version = r.version
		WHERE i.offer_id = $1 AND r.state = 'proposed'
		  AND ($2 OR (r.territory_id = ANY($3) OR r.organisation_id = ANY($4)) AND r.person_id IN (SELECT sharing_results($3)))
		ORDER BY r.id FOR UPDATE OF r`, offer, scope.All, db.Array(scope.Territories), db.Array(scope.Organisations))
	if err != nil {
		return nil, fmt.Errorf("offer %d: %w", offer, err)
	}
	return list, nil
}
