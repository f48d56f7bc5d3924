package campaign

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
)

const columns = `id, code, title, purpose, instrument_id, specification_id, scale_id, opens_at, closes_at, minutes, state, published_at`

const registrationColumns = `id, campaign_id, person_id, participant_code, state, extra_minutes, territory_id, organisation_id,
	position_code, subject_code, category_code, experience_code, rural`

var words = map[string]string{
	"campaign_code_unique": "Диагностика с таким кодом уже есть",
	"registration_once":    "Кто-то из выбранных уже приглашён: обновите страницу",
}

// ByIDTx reads one campaign; an unknown one is NotFound.
func ByIDTx(ctx context.Context, tx *sqlx.Tx, id int64) (Campaign, error) {
	c, err := db.Get[Campaign](ctx, tx, `SELECT `+columns+` FROM campaign WHERE id = $1`, id)
	if err != nil {
		return Campaign{}, fmt.Errorf("campaign %d: %w", id, err)
	}
	return c, nil
}

// forUpdateTx locks a campaign, so that its states follow one another.
func forUpdateTx(ctx context.Context, tx *sqlx.Tx, id int64) (Campaign, error) {
	c, err := db.Get[Campaign](ctx, tx, `SELECT `+columns+` FROM campaign WHERE id = $1 FOR UPDATE`, id)
	if err != nil {
		return Campaign{}, fmt.Errorf("campaign %d: %w", id, err)
	}
	return c, nil
}

// ListTx reads all campaigns, the newest first.
func ListTx(ctx context.Context, tx *sqlx.Tx) ([]Campaign, error) {
	return db.Select[Campaign](ctx, tx, `SELECT `+columns+` FROM campaign ORDER BY opens_at DESC, id DESC`)
}

// VariantsTx reads the variants in use, in a fixed order.
func VariantsTx(ctx context.Context, tx *sqlx.Tx, id int64) ([]int64, error) {
	return db.Select[int64](ctx, tx, `SELECT variant_id FROM campaign_variant WHERE campaign_id = $1 ORDER BY variant_id`, id)
}

// UsedTasksTx tells which tasks stand in a variant of any campaign, in whatever version.
func UsedTasksTx(ctx context.Context, tx db.Q) (map[int64]bool, error) {
	ids, err := db.Select[int64](ctx, tx, `
		SELECT DISTINCT v.task_id FROM campaign_variant c
		JOIN variant_task t ON t.variant_id = c.variant_id JOIN task_version v ON v.id = t.task_version_id`)
	if err != nil {
		return nil, fmt.Errorf("tasks of campaigns: %w", err)
	}
	used := make(map[int64]bool, len(ids))
	for _, id := range ids {
		used[id] = true
	}
	return used, nil
}

// TermsTx reads what sittings must know, by registration.
func TermsTx(ctx context.Context, tx *sqlx.Tx, registrations []int64) (map[int64]Terms, error) {
	rows, err := db.Select[Terms](ctx, tx, `
		SELECT r.id AS registration_id, c.id AS campaign_id, c.title, c.purpose, c.state, c.opens_at, c.closes_at, c.minutes,
		       r.extra_minutes, r.state AS registration_state, r.participant_code,
		       i.title AS instrument_title, i.about AS instrument_about
		  FROM registration r
		  JOIN campaign c ON c.id = r.campaign_id
		  JOIN instrument i ON i.id = c.instrument_id
		 WHERE r.id = ANY($1)`, db.Array(registrations))
	if err != nil {
		return nil, fmt.Errorf("terms: %w", err)
	}
	terms := make(map[int64]Terms, len(rows))
	for _, t := range rows {
		terms[t.RegistrationID] = t
	}
	return terms, nil
}

// unpublishedOfTx reads a person's invitations to campaigns whose results are not published.
func unpublishedOfTx(ctx context.Context, tx *sqlx.Tx, person access.PersonID) ([]Registration, error) {
	list, err := db.Select[Registration](ctx, tx, `
		SELECT `+registrationColumns+` FROM registration
		WHERE person_id = $1 AND campaign_id IN (SELECT id FROM campaign WHERE published_at IS NULL) ORDER BY id`, person)
	if err != nil {
		return nil, fmt.Errorf("registrations of person %d: %w", person, err)
	}
	return list, nil
}

// RegistrationsTx reads the invitations of a campaign that lie in a scope,
// by territory, organisation, code.
func RegistrationsTx(ctx context.Context, tx *sqlx.Tx, id int64, where access.Scope) ([]Registration, error) {
	rows, err := db.Select[Registration](ctx, tx, `
		SELECT `+registrationColumns+`
		  FROM registration
		 WHERE campaign_id = $1 AND ($2 OR territory_id = ANY($3) OR organisation_id = ANY($4))
		 ORDER BY territory_id, organisation_id, participant_code`,
		id, where.All, db.Array(where.Territories), db.Array(where.Organisations))
	if err != nil {
		return nil, fmt.Errorf("registrations of campaign %d: %w", id, err)
	}
	return rows, nil
}

// RegistrationsByIDTx reads invitations by id.
func RegistrationsByIDTx(ctx context.Context, tx *sqlx.Tx, ids []int64) (map[int64]Registration, error) {
	rows, err := db.Select[Registration](ctx, tx, `SELECT `+registrationColumns+` FROM registration WHERE id = ANY($1)`, db.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("registrations: %w", err)
	}
	byID := make(map[int64]Registration, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, nil
}

// RegistrationByCodeTx finds an invitation by the participant's code, in letters of either case.
func RegistrationByCodeTx(ctx context.Context, tx *sqlx.Tx, code string) (Registration, error) {
	return db.Get[Registration](ctx, tx, `SELECT `+registrationColumns+` FROM registration WHERE participant_code = $1`, strings.ToUpper(strings.TrimSpace(code)))
}

func insertTx(ctx context.Context, tx *sqlx.Tx, n NewCampaign, by access.PersonID, now time.Time) (int64, error) {
	id, err := db.Get[int64](ctx, tx, `
		INSERT INTO campaign (code, title, purpose, instrument_id, specification_id, scale_id, opens_at, closes_at, minutes, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		RETURNING id`, n.Code, n.Title, n.Purpose, n.InstrumentID, n.SpecificationID, n.ScaleID, n.OpensAt, n.ClosesAt, n.Minutes, by, now)
	if err != nil {
		return 0, db.Refusal(err, words)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO campaign_variant (campaign_id, variant_id)
		SELECT $1, v FROM unnest(CAST($2 AS bigint[])) AS v`, id, db.Array(n.Variants))
	if err != nil {
		return 0, fmt.Errorf("variants of campaign %d: %w", id, err)
	}
	return id, nil
}

// An Instrument is one that a campaign can be made of: its newest specification
// and the variants that exist.
type Instrument struct {
	ID              int64  `db:"id"`
	Code            string `db:"code"`
	Title           string `db:"title"`
	About           string `db:"about"`
	Position        string `db:"position_code"`
	Subject         string `db:"subject_code"`
	SubjectName     string `db:"subject_name"`
	SpecificationID int64  `db:"specification_id"`
	Minutes         int    `db:"minutes"`
	Variants        int    `db:"variants"`
	Tasks           int    `db:"tasks"`
}

const instrumentQuery = `
	SELECT i.id, i.code, i.title, i.about, i.position_code, i.subject_code, j.name AS subject_name, s.id AS specification_id, s.minutes,
	       (SELECT count(*) FROM variant v WHERE v.specification_id = s.id) AS variants,
	       (SELECT count(*) FROM variant_task t
	         WHERE t.variant_id = (SELECT min(id) FROM variant WHERE specification_id = s.id)) AS tasks
	  FROM instrument i
	  JOIN subject j ON j.code = i.subject_code
	  JOIN LATERAL (
	       SELECT id, minutes FROM specification
	        WHERE instrument_id = i.id AND EXISTS (SELECT FROM variant WHERE specification_id = specification.id)
	        ORDER BY version DESC LIMIT 1) s ON true`

// instrumentsTx lists the instruments that have a variant to give out.
func instrumentsTx(ctx context.Context, tx *sqlx.Tx) ([]Instrument, error) {
	return db.Select[Instrument](ctx, tx, instrumentQuery+` ORDER BY i.title`)
}

// instrumentTx reads one instrument.
func instrumentTx(ctx context.Context, tx *sqlx.Tx, id int64) (Instrument, error) {
	i, err := db.Get[Instrument](ctx, tx, instrumentQuery+` WHERE i.id = $1`, id)
	if err != nil {
		return Instrument{}, fmt.Errorf("instrument %d: %w", id, err)
	}
	return i, nil
}

// specificationVariantsTx lists the variants of a specification.
func specificationVariantsTx(ctx context.Context, tx *sqlx.Tx, specification int64) ([]int64, error) {
	return db.Select[int64](ctx, tx, `SELECT id FROM variant WHERE specification_id = $1 ORDER BY number`, specification)
}

// freeCodeTx makes a campaign's code from a stem, numbered where it is taken.
func freeCodeTx(ctx context.Context, tx *sqlx.Tx, stem string) (string, error) {
	taken, err := db.Get[int](ctx, tx, `SELECT count(*) FROM campaign WHERE code = $1 OR code LIKE $1 || '-%'`, stem)
	if err != nil || taken == 0 {
		return stem, err
	}
	return fmt.Sprintf("%s-%d", stem, taken+1), nil
}

// lastNumberTx reads the highest number given under a prefix of participant codes
// and keeps others from giving numbers until the transaction ends.
func lastNumberTx(ctx context.Context, tx *sqlx.Tx, prefix string) (int, error) {
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext($1))`, prefix); err != nil {
		return 0, err
	}
	return db.Get[int](ctx, tx, `
		SELECT COALESCE(max(CAST(split_part(participant_code, '-', 4) AS integer)), 0)
		  FROM registration WHERE participant_code LIKE $1 || '-%'`, prefix)
}

func registeredTx(ctx context.Context, tx *sqlx.Tx, id int64) (map[access.PersonID]bool, error) {
	people, err := db.Select[access.PersonID](ctx, tx, `SELECT person_id FROM registration WHERE campaign_id = $1`, id)
	if err != nil {
		return nil, err
	}
	known := make(map[access.PersonID]bool, len(people))
	for _, p := range people {
		known[p] = true
	}
	return known, nil
}

// insertRegistrationsTx writes invitations in one statement and fills in their ids.
func insertRegistrationsTx(ctx context.Context, tx *sqlx.Tx, rs []Registration, by access.PersonID, now time.Time) error {
	n := len(rs)
	persons, codes := make([]int64, n), make([]string, n)
	territories, organisations := make([]int64, n), make([]int64, n)
	positions, subjects, categories, bands, rural := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]bool, n)
	at := make(map[string]int, n)
	for i, r := range rs {
		persons[i], codes[i], territories[i], organisations[i] = int64(r.PersonID), r.Code, r.TerritoryID, r.OrganisationID
		positions[i], subjects[i], categories[i], bands[i], rural[i] = r.Position, r.Subject, r.Category, r.Experience, r.Rural
		at[r.Code] = i
	}
	ids, err := db.Select[struct {
		ID   int64  `db:"id"`
		Code string `db:"participant_code"`
	}](ctx, tx, `
		INSERT INTO registration (campaign_id, person_id, participant_code, territory_id, organisation_id,
		                          position_code, subject_code, category_code, experience_code, rural, registered_by, registered_at)
		SELECT $1, u.person, u.code, u.territory, u.organisation, u.position, u.subject, u.category, u.experience, u.rural, $2, $3
		  FROM unnest(CAST($4 AS bigint[]), CAST($5 AS text[]), CAST($6 AS bigint[]), CAST($7 AS bigint[]), CAST($8 AS text[]),
		              CAST($9 AS text[]), CAST($10 AS text[]), CAST($11 AS text[]), CAST($12 AS boolean[]))
		       AS u(person, code, territory, organisation, position, subject, category, experience, rural)
		RETURNING id, participant_code`,
		rs[0].CampaignID, by, now, db.Array(persons), db.Array(codes), db.Array(territories), db.Array(organisations),
		db.Array(positions), db.Array(subjects), db.Array(categories), db.Array(bands), db.Array(rural))
	if err != nil {
		return db.Refusal(err, words)
	}
	for _, row := range ids {
		rs[at[row.Code]].ID = row.ID
	}
	return nil
}
